"""The retained record of a whole node: how long it is, and that it holds all that was observed."""

import struct

from lwm2m.objects.ipso import Temperature
from system.world import World

# Firmware, virtual modem, network and two servers in one process.
HEAP_K = 700

# Attributes of an observed value: of each kind.
_ATTRIBUTES = (
    ("pmin=30", "pmax=3600"),
    ("gt=30", "lt=5", "st=0.5"),
    ("pmin=60", "gt=25.5"),
    ("st=2",),
    (),
)
_LIMIT = 512
_LIMIT_OF_TEN = 640  # of thirty floats, too: the values of ten sensors, their least and largest


def _setup(count):
    """Return an application of so many temperatures, each another float, of 32 bits as on a board.

    They are measured each hour, and have their smallest and largest values.
    """

    def setup(node):
        sensors = [node.add(Temperature(units="Cel")) for _ in range(count)]

        def measure():
            for index, sensor in enumerate(sensors):
                sensor.set(5700, struct.unpack(">f", struct.pack(">f", 21.3 + index))[0])

        node.every(3_600_000, measure)

    return setup


async def _asked(world, peer):
    """Wait until a server that has triggered the board got its answers, and the board sleeps."""
    peer.trigger()
    await world.until(lambda: not peer.waiting and not peer.asking())
    await world.until(lambda: not world.running)


def _observe(peer, index):
    for query in _ATTRIBUTES[index % 5 : index % 5 + 1]:
        if query:
            peer.write_attributes("/3303/%d/5700" % index, *query)
    peer.observe("/3303/%d/5700" % index)


def _size(world):
    return world.all("device", "sleeping")[-1]["retained"]


async def _registered(world, servers):
    for _ in range(servers):
        await world.saw("device", "registered", 900)
    await world.until(lambda: not world.running)


def measured(same: bool) -> list:
    """Return the bytes of the record: of one server, with one observation, of two servers without
    any, with ten observations, with ten and a stored notification.

    same: whether both servers observe the same five values, or each five of its own.
    """
    sizes = []

    async def one(world):
        await _registered(world, 1)
        sizes.append(_size(world))
        _observe(world.peer, 0)
        await _asked(world, world.peer)
        sizes.append(_size(world))

    async def two(world):
        await _registered(world, 2)
        sizes.append(_size(world))
        for peer, first in ((world.peer, 0), (world.other, 0 if same else 5)):
            for index in range(first, first + 5):
                _observe(peer, index)
            await _asked(world, peer)
        sizes.append(_size(world))
        assert len(world.all("device", "observed")) == 10
        # A day later times are longer, and nothing is lost.
        since = world.mark()
        await world.sleep(86400)
        sizes.append(_size(world))
        assert not world.all("device", "registered", since)
        assert not world.all("device", "cancelled")

    World(setup=_setup(1), objects=[]).play(one)
    setup = _setup(5 if same else 10)
    World(setup=setup, objects=[], other={}, server={"binding": "US"}).play(two)
    return sizes


def test_two_servers_and_ten_observations():
    """DESIGN §6.4, machine.RTC: at most 512 bytes where both servers observe five sensors,
    also a day later, and little more for ten sensors.
    """
    for same, limit in ((True, _LIMIT), (False, _LIMIT_OF_TEN)):
        sizes = measured(same)
        print("retained:", sizes)
        assert max(sizes) <= limit, sizes


def test_each_stored_notification():
    """TS 1.1 Core E.2 resource 6: what waits for a server that is away takes its payload and a
    few bytes; beyond the limit the oldest give way, and the node still sleeps deep."""

    def setup(node):
        sensor = node.add(Temperature(units="Cel"))
        node.every(600_000, lambda: sensor.set(5700, sensor.values.get(5700, 0) + 1))

    async def play(world):
        peer = world.peer
        await _registered(world, 1)
        peer.write(peer.resource("storing"), "1")
        peer.observe("/3303/0/5700")
        await _asked(world, peer)
        peer.execute(peer.resource("disable"))
        await _asked(world, peer)
        await world.sleep(3600)
        first = _size(world)
        await world.sleep(6000)
        each = (_size(world) - first) / 10
        print("each stored:", each)
        assert each <= 12, each
        await world.sleep(20 * 3600)
        assert len(world.memory) <= 2048

    World(setup=setup, objects=[]).play(play)
