"""Boards with fewer wires: no RI, no DTR, neither; the main job is what it was."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_RX = 26
_BOTH = ("sim800", "sim7000")
_NO_RI = {"ri": None}
_NO_DTR = {"dtr": None}
_NEITHER = {"ri": None, "dtr": None}


async def _main_job(world, pin, modem_sleeps=True):
    """Registered, asleep, woken by an SMS at any hour, served, asleep again; three times."""
    await world.settled()
    began = world.mark()
    assert world.all("device", "sleeping")[-1]["pin"] == pin
    for _ in range(3):
        await world.sleep(_HOUR_S)
        assert not world.running and world.modem.power.asleep == modem_sleeps
        assert len(world.all("server", "register")) == 1
        since = world.mark()
        world.peer.answers.clear()
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("device", "booted", 10, woken="pin", clean=False)
        await world.saw("device", "trigger", 10)
        await world.saw("server", "update", 20)
        await world.saw("server", "answer", payload=b"21.5")
        await world.sleeping()
        assert len(world.all("server", "update", since)) == 1
        assert world.modem.sms.slots == {}
        # One wake for one message: what the modem says of falling asleep wakes nobody.
        await world.sleep(60)
        assert len(world.all("device", "booted", since)) == 1
    for name in ("error", "modem_reset"):
        assert not world.all("device", name, began), name


def test_no_ri():
    """CR 6.1: without RI the first bit of +CMTI on the RX pin wakes the board."""
    for link in _BOTH:
        World(link, pins=_NO_RI).play(lambda world: _main_job(world, _RX))


def test_no_dtr():
    """CR 6.1: without DTR a SIM800 sleeps by itself (CSCLK=2) and a SIM7000 not at all."""
    World("sim800", pins=_NO_DTR).play(lambda world: _main_job(world, 33))
    World("sim7000", pins=_NO_DTR).play(lambda world: _main_job(world, 33, False))


def test_neither():
    """CR 6.1: power key and UART are enough for the main job."""
    World("sim800", pins=_NEITHER).play(lambda world: _main_job(world, _RX))
    World("sim7000", pins=_NEITHER).play(lambda world: _main_job(world, _RX, False))


def test_commands_after_the_modem_slept_by_itself():
    """AT manual (CSCLK=2): after 5 s of silence it takes a character to wake the modem."""

    async def play(world):
        await world.settled()
        world.peer.trigger()
        await world.saw("server", "update")
        # In the awake time the modem sleeps whenever nothing is said, and nothing is lost for it.
        for pause_s in (2, 4.9, 5, 5.1, 7, 20, 60):
            since = world.mark()
            await world.sleep(pause_s)
            world.command(do="update")
            await world.saw("server", "update", 3)
            world.peer.read("/3303/0/5700")
            await world.sleep(pause_s)
            world.peer.ask_now()
            await world.saw("server", "answer", 4, payload=b"21.5")
            assert not world.all("device", "modem_reset", since), pause_s
            assert not world.all("device", "modem_recovering", since), pause_s
            assert len(world.all("server", "update", since)) == 1, pause_s
        assert world.boots == 2
        await world.sleeping()

    for pins in (_NO_DTR, _NEITHER):
        World("sim800", pins=pins).play(play)


def test_no_ri_and_no_answer():
    """TS 1.0 5.3.2: retransmissions after a silence find the modem awake."""

    async def play(world):
        await world.settled()
        world.network.loss_permille = 1000
        world.peer.trigger()
        began = world.mark()
        await world.saw("device", "updating")
        await world.sleep(20)  # the third retransmission goes 28 s after the first or later
        world.network.loss_permille = 0
        await world.saw("server", "update", 60)
        await world.sleeping()
        assert not world.all("device", "modem_reset", began)
        assert len(world.all("server", "register")) == 1

    for link in _BOTH:
        World(link, pins=_NEITHER).play(play)


def test_trigger_at_any_moment_around_sleep():
    """TS 1.1 T 6.6: without RI too, a trigger that meets the falling asleep is not lost."""

    async def play(world):
        await world.settled()
        for offset_ms in range(-2400, 1200, 600):
            await world.sleep(4 * _HOUR_S)
            world.mark()
            world.peer.trigger()
            await world.saw("device", "updated")
            await world.sleep(90 + offset_ms / 1000)
            updates = len(world.all("server", "update"))
            world.peer.trigger()
            await world.sleep(120)
            assert len(world.all("server", "update")) == updates + 1, offset_ms
            assert not world.running and world.modem.sms.slots == {}, offset_ms

    for link in _BOTH:
        for pins in (_NO_RI, _NEITHER):
            World(link, pins=pins).play(play)


def test_modem_reset_while_asleep():
    """CR 6.1: with fewer wires too, a modem that restarted behind the board is set up again."""

    async def play(world):
        await world.settled()
        await world.sleep(600)
        world.modem.set_fault("reset")
        await world.sleep(600)
        assert not world.running
        world.mark()
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("server", "answer", payload=b"21.5")
        await world.sleeping()

    for link in _BOTH:
        for pins in (_NO_RI, _NO_DTR, _NEITHER):
            World(link, pins=pins).play(play)


def test_power_key_not_wired():
    """AT manual: a modem that is always on needs no power key; one that is off is named."""

    async def play(world):
        world.modem.pwrkey(True)
        await world.sleep(2)
        world.modem.pwrkey(False)
        await world.settled()
        world.peer.trigger()
        await world.saw("server", "update")
        await world.sleeping()

    async def off(world):
        error = await world.saw("device", "error")
        assert "no answer to AT" in error["reason"], error

    World(pins={"pwrkey": None}).play(play)
    World(pins={"pwrkey": None}).play(off)
