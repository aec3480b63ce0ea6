"""Error codes of a whole board: what is out of order is told, and that it is no longer so."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600


async def _codes(world):
    """Return the codes by a Read that a trigger brings about."""
    world.mark()
    for riid in (0, 1):
        world.peer.read("/3/0/11/%d" % riid)
    world.peer.trigger()
    found = []
    for _ in (0, 1):
        answer = await world.saw("server", "answer", 900)
        if answer["code"] == "2.05":
            found.append(int(answer["payload"]))
    await world.sleeping()
    return sorted(found)


def test_low_battery():
    """TS 1.1 Core E.4, Error Code 1; HW800L 3.2.1, HW7000 3.2: by the modem's measure, or its
    warning.
    """

    async def play(world, low_mv, good_mv):
        await world.settled()
        assert await _codes(world) == [1]
        world.modem.general.battery = (0, 80, good_mv)
        world.command(do="reboot")
        await world.saw("device", "registered")
        await world.sleeping()
        assert await _codes(world) == [0]

    for link, low_mv, good_mv in (("sim800", 3499, 3500), ("sim7000", 3199, 3200)):
        world = World(link)
        world.modem.general.battery = (0, 5, low_mv)
        world.play(lambda world, low_mv=low_mv, good_mv=good_mv: play(world, low_mv, good_mv))


def test_under_voltage():
    """AT800 6.18: the warning is a low battery as well."""

    async def play(world):
        await world.saw("device", "registered")
        await world.sleep(10)
        world.modem.set_fault("under_voltage")
        await world.saw("device", "modem_voltage")
        await world.sleeping()
        assert await _codes(world) == [1]

    World("sim800").play(play)


def test_peripheral():
    """TS 1.1 Core E.4, Error Code 8: a probe that does not answer, also over deep sleeps."""
    broken = [True]

    def probe():
        if broken[0]:
            raise OSError(19)

    def setup(node):
        node.every(1800_000, probe)

    async def play(world):
        await world.settled()
        assert await _codes(world) == [8]
        await world.sleep(3 * _HOUR_S)
        assert await _codes(world) == [8]
        broken[0] = False
        await world.sleep(_HOUR_S)
        assert await _codes(world) == [0]

    World(setup=setup).play(play)


def test_network_failure():
    """TS 1.1 Core E.4, Error Code 7: a network that stays away; back, it is no error."""

    async def play(world):
        await world.settled()
        world.modem.set_fault("reset")
        world.modem.set_fault("registration", 2)
        world.command(do="update")
        await world.saw("device", "drop", 3 * _HOUR_S, reason="unsent", link="U")
        assert world.node.tree.get(3, 0).read(11) == {0: 7}
        world.modem.set_fault("registration", None)
        await world.saw("device", "attached", 2 * _HOUR_S)
        await world.sleeping(2 * _HOUR_S)
        assert await _codes(world) == [0]

    World("sim7000").play(play)


def test_sms_failure():
    """TS 1.1 Core E.4, Error Code 6: messages that the network refuses, until one is sent."""

    async def play(world):
        await world.saw("server", "register", 900)
        await world.sleep(200)
        world.modem.set_fault("cmgs", 9)
        world.command(do="update")
        await world.saw("device", "drop", 900, reason="unsent", link="S")
        assert world.node.tree.get(3, 0).read(11) == {0: 6}
        world.modem.set_fault("cmgs", None)
        await world.saw("device", "sms_sent", _HOUR_S)
        assert world.node.tree.get(3, 0).read(11) == {0: 0}

    world = World("sim800", "1.0", server={"binding": "S"})
    world.peer.by_sms = True
    world.play(play)
