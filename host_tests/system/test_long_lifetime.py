"""Waits that are longer than a timer of the board can be set to."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_DAY_S = 86400
_TICKS_REACH_MS = (1 << 29) - 1  # MicroPython time.ticks_add on a 32-bit port


def test_lifetime_of_thirty_days():
    """CR 5.2.1, TS 1.0 5.3.2: one Update near the end of a lifetime of 30 days, none before."""

    async def play(world):
        await world.settled()
        since = world.mark()
        await world.sleep(28 * _DAY_S)
        assert not world.all("server", "update", since)
        await world.sleep(2 * _DAY_S)
        assert len(world.all("server", "update", since)) == 1
        assert not world.all("server", "expired")
        for sleeping in world.all("device", "sleeping", since):
            assert 0 < sleeping["ms"] <= _TICKS_REACH_MS, sleeping

    World(server={"lifetime_s": 30 * _DAY_S}).play(play)
