"""A SIM with a PIN: entered when it is right, tried once when it is wrong, told to nobody."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_PIN = "70931842"
_WRONG = "58260417"
_BOTH = ("sim800", "sim7000")


def _world(link, pin=_PIN, unchecked=False, **settings):
    modem = {"apn": "iot.example", "pin_unchecked": unchecked}
    if pin:
        modem["pin"] = pin
    world = World(link, modem=modem, **settings)
    world.modem.pin = _PIN
    world.modem.set_fault("sim", "pin")
    return world


def _told(world):
    """What everybody has told of the PIN so far: must be nothing."""
    return [
        each for each in world.events + world._tail if _PIN in str(each) or _WRONG in str(each)
    ]


def _tries_left(world):
    return world.modem.sim._pin_tries


def test_right_pin():
    """TS 27.007 §8.3: the PIN is entered after each start of the modem, and nobody is told."""

    async def play(world):
        await world.settled()
        await world.sleep(_HOUR_S)
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("server", "answer", payload=b"21.5")
        await world.sleeping()
        # A restarted modem hears nothing before its PIN: the next Update comes to its help.
        for fault in ("reset", "power_cut"):
            world.modem.set_fault(fault)
            world.mark()
            await world.saw("server", "update", 4 * _HOUR_S)
            await world.sleeping()
            world.peer.answers.clear()
            world.mark()
            world.peer.read("/3303/0/5700")
            world.peer.trigger()
            await world.saw("server", "answer", payload=b"21.5")
            await world.sleeping()
        await world.power_cut()
        world.power_on()
        await world.saw("server", "register")
        await world.sleeping()
        assert world.modem.sim.state == "ready" and _tries_left(world) == 3
        assert not _told(world), _told(world)
        assert not world.all("device", "error")
        assert _PIN.encode() not in world.memory

    for link in _BOTH:
        _world(link, server={"lifetime_s": 14400}).play(play)


def test_wrong_pin_is_tried_once():
    """TS 27.007 §8.3: three wrong tries lock a SIM; one is made, over starts, resets and days."""

    async def play(world):
        error = await world.saw("device", "error")
        assert "PIN refused" in error["reason"] and "modem.pin" in error["reason"], error
        for _ in range(3):
            await world.sleep(_HOUR_S)
            world.command(do="reboot")
            await world.saw("device", "booted", cause="hard")
        for _ in range(3):
            await world.sleep(_HOUR_S)
            await world.power_cut()
            world.power_on()
            await world.saw("device", "booted", cause="power_on")
            error = await world.saw("device", "error")
            assert "2 PIN tries left; enter it by hand" in error["reason"], error
        await world.sleep(_HOUR_S)
        assert _tries_left(world) == 2 and world.modem.sim.state == "pin"
        assert not world.all("server", "register")
        assert not _told(world), _told(world)

    for link in _BOTH:
        _world(link, _WRONG).play(play)


def test_pin_changed_behind_a_sleeping_board():
    """TS 27.007 §8.3: a PIN that was right before deep sleeps is tried once when it is not."""

    async def play(world):
        await world.settled()
        world.modem.pin = "11112222"
        world.modem.set_fault("reset")
        await world.sleep(2 * _HOUR_S)
        await world.saw("device", "error", 4 * _HOUR_S)
        assert "PIN refused" in world.all("device", "error")[0]["reason"]
        await world.sleep(12 * _HOUR_S)
        assert _tries_left(world) == 2, _tries_left(world)
        # A person takes the PIN off the card.
        world.modem.set_fault("sim", "ready")
        await world.saw("device", "attached", 2000)
        await world.saw("server", "register", 60)
        await world.sleeping()
        assert len(world.all("server", "register")) <= 2
        assert not _told(world), _told(world)

    for link in _BOTH:
        _world(link, server={"lifetime_s": 14400}).play(play)


def test_pin_entry_broken_off():
    """TS 27.007 §8.3: a modem that restarts while the PIN is entered is given it again."""

    async def play(world):
        await world.until(lambda: world.modem.sim.state == "pin", 60)
        while world.modem.state != "on" or not _entering(world):
            await world.sleep(0.001)
        world.modem.set_fault("reset")
        await world.settled()
        assert _tries_left(world) == 3
        assert not _told(world), _told(world)

    _world("sim7000").play(play)


def _entering(world):
    return any([name == "at" and "CPIN=" in str(facts) for _, _, name, facts in world._tail])


def test_no_pin_given():
    """DESIGN §6: a SIM that asks for a PIN nobody gave is named with the key that is missing."""

    async def play(world):
        error = await world.saw("device", "error")
        assert "PIN needed" in error["reason"] and "modem.pin" in error["reason"], error
        await world.sleep(_HOUR_S)
        assert _tries_left(world) == 3

    _world("sim7000", None).play(play)


def test_tries_unknown():
    """TS 27.007 §8.3: where the modem does not count the tries that are left, a wrong PIN is tried
    once, whatever power cuts follow; a right one is entered at each start."""

    async def refused(world):
        error = await world.saw("device", "error")
        assert "PIN refused" in error["reason"], error
        for _ in range(3):
            await world.sleep(_HOUR_S)
            await world.power_cut()
            world.mark()
            world.power_on()
            error = await world.saw("device", "error")
            assert "tried in vain" in error["reason"], error
        assert _tries_left(world) == 2 and not _told(world)

    async def accepted(world):
        await world.settled()
        for _ in range(3):
            await world.power_cut()
            world.mark()
            world.power_on()
            await world.saw("server", "register")
            await world.sleeping()
        assert _tries_left(world) == 3 and not _told(world)

    for pin, scenario in ((_WRONG, refused), (_PIN, accepted)):
        world = _world("sim800", pin)
        del world.modem.line.commands["+SPIC"]
        world.play(scenario)


def test_tries_unknown_and_the_owner_takes_the_risk():
    """TS 27.007 §8.3: with modem.pin_unchecked the PIN is entered, once, without a count."""

    async def play(world):
        await world.settled()
        assert world.modem.sim.state == "ready"
        assert not _told(world)

    async def refused(world):
        error = await world.saw("device", "error")
        assert "PIN refused" in error["reason"], error
        await world.sleep(_HOUR_S)
        assert _tries_left(world) == 2 and not _told(world)

    for pin, scenario in ((_PIN, play), (_WRONG, refused)):
        world = _world("sim7000", pin, True)
        del world.modem.line.commands["+SPIC"]
        world.play(scenario)
