"""Configured Objects with pins on a whole node: measured and driven, across deep sleeps."""

from node import hw
from system.world import World

# Firmware, virtual modem, network and server in one process.
HEAP_K = 640

_HOUR_S = 3600


class _Probe:
    """The analog inputs of a world: microvolts, or None for one that is out of order."""

    def __init__(self, microvolts):
        self.microvolts = microvolts

    def get(self, number, default):
        assert number == 34
        if self.microvolts is None:
            raise OSError(5)
        return self.microvolts


async def _value(world, path):
    """Return what the server reads after a trigger."""
    world.mark()
    world.peer.read(path)
    world.peer.trigger()
    return (await world.saw("server", "answer", 900))["payload"]


def test_a_sensor_is_measured():
    """Configuration, objects[].pin: volts * scale + offset, every every_s, also out of a deep
    sleep; out of order it is error code 8 until it answers again.
    """
    entry = {"object": 3303, "pin": 34, "scale": 100, "offset": -50, "every_s": 600}

    async def play(world):
        world.microvolts = probe = _Probe(750_000)
        await world.settled()
        assert abs(float(await _value(world, "/3303/0/5700")) - 25) < 0.001
        probe.microvolts = 250_000
        await world.sleeping()
        since = world.mark()
        await world.sleep(_HOUR_S)
        assert 5 <= len(world.all("device", "booted", since)) <= 7
        assert abs(float(await _value(world, "/3303/0/5700")) + 25) < 0.001
        assert abs(float(await _value(world, "/3303/0/5602")) - 25) < 0.001  # Max Measured Value
        await world.sleeping()
        probe.microvolts = None
        await world.saw("device", "error", _HOUR_S)
        assert await _value(world, "/3/0/11/0") == b"8"
        await world.sleeping()
        probe.microvolts = 250_000
        await world.sleep(1200)
        assert await _value(world, "/3/0/11/0") == b"0"

    World(objects=[entry]).play(play)


class _Levels:
    """What is held at GPIO 32, in the order in which it was; beside `hw.hold`, which does it."""

    def __enter__(self):
        self.levels = []
        self._hold = hw.hold
        hw.hold = self._note
        return self.levels

    def __exit__(self, *_):
        hw.hold = self._hold

    def _note(self, pin, level):
        if pin == 32:
            self.levels.append(level)
        self._hold(pin, level)


def test_an_output_is_driven():
    """IPSO 3306, 3311, 3312: off at first, as a server wants it, and so for the whole of a deep
    sleep and after it; a dimmer at 0 is off.
    """

    async def play(world, levels, number):
        await world.settled()
        assert set(levels) == {0}  # at power-on
        path = "/%d/0/5850" % number
        world.peer.write(path, "1")
        world.peer.trigger()
        await world.saw("server", "answer", code="2.04")
        assert levels[-1] == 1
        await world.sleeping()
        del levels[:]
        world.command(do="update")
        await world.saw("device", "booted", woken="gpio")
        await world.sleeping()
        assert levels and set(levels) == {1}  # not off for a moment
        await world.reset()
        await world.sleeping()
        assert set(levels) == {1}
        if number == 3311:
            world.peer.write("/3311/0/5851", "0")
            world.peer.trigger()
            await world.saw("server", "answer", code="2.04")
            assert levels[-1] == 0
        world.peer.write(path, "0")
        world.peer.trigger()
        await world.saw("server", "answer", code="2.04")
        assert levels[-1] == 0

    for number in (3306, 3311, 3312):
        with _Levels() as levels:
            world = World(objects=[{"object": number, "pin": 32}])
            world.play(lambda world, levels=levels, number=number: play(world, levels, number))
