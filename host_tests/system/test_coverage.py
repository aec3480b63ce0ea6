"""A board that loses its network for hours or days, asleep and awake."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_DAY_S = 86400
_BOTH = ("sim800", "sim7000")
_SEARCHING = 2  # 3GPP TS 27.007 §7.2


def test_a_trigger_after_days_without_network():
    """TS 1.1 T 6.6: the modem finds the network by itself; the trigger that waited is obeyed."""

    async def play(world):
        await world.settled()
        world.modem.set_fault("registration", _SEARCHING)
        awake_ms = world.awake_ms
        await world.sleep(2 * _DAY_S)
        assert world.all("server", "expired")
        assert not world.running
        # What searching in vain costs is bounded: some half an hour a day.
        assert world.awake_ms - awake_ms < 2 * 1_800_000 + 900_000, world.awake_ms - awake_ms
        world.peer.trigger()
        world.peer.read("/3303/0/5700")
        world.modem.set_fault("registration", None)
        world.mark()
        await world.saw("server", "register", 2 * _HOUR_S)
        await world.saw("server", "answer", payload=b"21.5")
        await world.sleeping()
        assert world.modem.sms.slots == {}
        assert world.network.sms.counters["submitted"] == 0

    for link, version in (("sim800", "1.1"), ("sim7000", "1.0"), ("sim7000", "draft")):
        World(link, version, server={"binding": "US"}).play(play)


def test_a_night_without_network():
    """CR 6.1: a gap between two Updates costs nothing; a trigger sent in it comes after it."""

    async def play(world):
        await world.settled()
        world.modem.set_fault("registration", _SEARCHING)
        await world.sleep(_HOUR_S)
        world.peer.trigger()
        since = world.mark()
        await world.sleep(8 * _HOUR_S)
        assert not world.all("device", "booted", since)
        world.modem.set_fault("registration", None)
        await world.saw("server", "update", 2 * _HOUR_S)
        await world.sleeping()
        assert len(world.all("server", "register")) == 1

    for link in _BOTH:
        World(link).play(play)


def test_transport_sms_without_network():
    """CR Table 3: by SMS too, what the network refuses is tried again later, asleep between."""

    async def play(world):
        await world.settled()
        world.modem.set_fault("registration", _SEARCHING)
        awake_ms = world.awake_ms
        await world.sleep(2 * _DAY_S)
        assert world.all("device", "drop", link="S", reason="unsent")
        assert not world.running and world.awake_ms - awake_ms < 3_600_000
        world.modem.set_fault("registration", None)
        world.peer.trigger()
        world.mark()
        await world.saw("server", "register", 2 * _HOUR_S)
        await world.sleeping()
        assert not world.all("network", "udp_up")

    for version in ("draft", "1.1"):
        world = World("sim800", version, server={"binding": "S"})
        world.peer.by_sms = True
        world.play(play)
