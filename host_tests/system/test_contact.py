"""A contact that is counted, on a whole node: in deep and light sleep, while it boots, awake."""

from lwm2m.object import Object
from system.world import World

# Firmware, virtual modem, network and server in one process.
HEAP_K = 700

_PIN = 32
_HOUR_S = 3600


class Meter(Object):
    """A count that is live, and reported."""

    object_id = 33001
    resources = b"\x00\x00\x11\x02"  # 0 Pulses

    def __init__(self, contact):
        super().__init__()
        self.contact = contact
        self.values[0] = 0

    def read(self, rid):
        return self.contact.count

    def report(self):
        self.set(0, self.contact.count)


def _world(period_ms=1_200_000, function=None, **settings):
    counts = []

    def setup(node):
        contact = node.contact(_PIN, function and (lambda count: function(node, count)))
        meter = node.add(Meter(contact))
        node.every(period_ms, meter.report)
        counts.append(contact)

    world = World(setup=setup, objects=[], **settings)
    world.counts = counts
    world.boots_max = 10_000
    return world


async def _press(world, pressed_s, rest_s):
    world.level(_PIN, 0)
    await world.sleep(pressed_s)
    world.level(_PIN, 1)
    await world.sleep(rest_s)


async def _count(world):
    """Return what the server reads, after a trigger."""
    world.peer.read("/33001/0/0")
    world.peer.trigger()
    answer = await world.saw("server", "answer", name="/33001/0/0")
    await world.sleeping()
    return int(answer["payload"])


def test_pulses_in_deep_sleep():
    """ESP32 ext1: two short boots a pulse, and nothing else."""

    async def play(world):
        await world.settled()
        since = world.mark()
        boots = world.boots
        for _ in range(5):
            await _press(world, 3, 20)
        assert world.boots - boots == 10 == world.counting
        assert not world.events[since:], world.events[since:]
        assert await _count(world) == 5

    _world().play(play)
