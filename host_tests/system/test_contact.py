"""A contact that is counted, on a whole node: in deep and light sleep, while it boots, awake."""

import asyncio

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
    def setup(node):
        contact = node.contact(_PIN, function and (lambda count: function(node, count)))
        meter = node.add(Meter(contact))
        node.every(period_ms, meter.report)

    world = World(setup=setup, objects=[], **settings)
    world.boots_max = 20_000
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


def _live(days, **settings):
    """Live days with pulses at random times, reports, and a trigger now and then; return (pulses,
    the world) after the last count was right.
    """
    pulses = []
    registers = []

    async def play(world):
        await world.settled()
        world.peer.observe("/33001/0/0")
        world.peer.trigger()
        await world.until(lambda: not world.peer.waiting and not world.peer.asking())
        random = world.random_bits
        until_s = world.clock.epoch_s() + days * 24 * _HOUR_S
        while world.clock.epoch_s() < until_s:
            flows = random(2) == 0  # one pulse after the other, else hours of nothing
            for _ in range(random(3) if flows else 1):
                pulses.append(None)
                await _press(world, 0.5 + random(12) / 1000, 0.5 + random(13) / 1000)
            if random(5) == 0:
                world.peer.trigger()
                await world.sleep(random(4) / 4)  # the next pulse meets the wake
            elif not flows:
                await world.sleep(random(14))
        await world.sleeping()
        assert await _count(world) == len(pulses)
        assert registers == ["register"]

    world = _world(3_600_000, **settings)
    world.history = 2_000
    world.on_record = lambda who, name, facts: name == "register" and registers.append(name)
    world.play(play)
    return len(pulses), world


def test_a_month_of_pulses():
    """No pulse is lost, none counts twice, none costs the modem a word: with its RI, and with the
    first byte on RX for it.
    """
    for seed, days, pins in ((1, 30, {}), (2, 5, {"ri": None})):
        pulses, world = _live(days, seed=seed, pins=pins, server={"awake_time_s": 5})
        assert pulses > 18 * days, pulses
        assert world.counting > pulses, (world.counting, pulses)


def test_pulses_say_nothing():
    """Two days with pulses and two without are the same to server and modem."""

    def live(pulses):
        said = []

        async def play(world):
            await world.settled()
            for hour in range(48):
                if pulses and hour % 3:
                    await world.sleep(300)
                    await _press(world, 40, 20)
                    await world.sleep(_HOUR_S - 360)
                else:
                    await world.sleep(_HOUR_S)

        world = _world(6 * 3_600_000)
        world.on_record = lambda who, name, facts: said.append((who, name))
        world.play(play)
        counts = {key: said.count(key) for key in set(said) if key[0] != "world"}
        return counts, world.counting

    still, counting = live(False)
    assert counting == 0
    moving, counting = live(True)
    assert counting == 64
    assert still == moving, (still, moving)


def test_a_contact_that_tells():
    """function(count): the node starts, and what it sets is told at once."""
    told = []

    def tell(node, count):
        told.append(count)
        node.tree.get(33001, 0).report()

    async def play(world):
        await world.settled()
        world.peer.observe("/33001/0/0")
        world.peer.trigger()
        await world.saw("device", "observed")
        await world.sleeping()
        for count in (1, 2):
            notified = len(world.peer.notifications)
            world.level(_PIN, 0)
            await world.saw("device", "booted", woken="pins", clean=False)
            await world.until(lambda before=notified: len(world.peer.notifications) > before)
            assert told[-1] == count
            await world.sleeping()
            world.level(_PIN, 1)
            await world.sleep(10)
            assert not world.running
        assert told == [1, 2]
        assert not world.all("server", "register")[1:]

    _world(24 * 3_600_000, tell, server={"awake_time_s": 5}).play(play)


def test_light_sleep():
    """The contact ends a light sleep, also with the modem's line armed at the other level."""

    async def play(world):
        await world.saw("device", "dozing")
        await world.sleep(1)
        since = world.mark()
        for _ in range(20):
            await _press(world, 0.05, 0.05)
        for _ in range(20):
            await _press(world, 2, 5)
        assert not [each for each in world.events[since:] if each[2] != "dozing"]
        assert await _count(world) == 40
        world.peer.observe("/33001/0/0")
        world.peer.trigger()
        await world.saw("device", "observed")

    _world(sleep="light").play(play)


def test_resets_and_power_cuts():
    """What was counted outlives a reset awake and asleep; a power cut where the site says so, but
    for what came since the last report.
    """

    async def play(world, outlives):
        await world.settled()
        for _ in range(3):
            await _press(world, 1, 1)
        await world.reset()
        await world.sleeping()
        for _ in range(2):
            await _press(world, 1, 1)
        assert await _count(world) == 5
        await _press(world, 0.2, 0.2)  # awake
        await world.reset()
        await world.sleeping()
        assert await _count(world) == 6
        await world.sleeping()
        for _ in range(100):
            await _press(world, 1, 1)
        await world.saw("device", "booted", 2 * _HOUR_S)  # the report
        await world.sleeping()
        await _press(world, 1, 1)
        await world.power_cut()
        world.power_on()
        await world.saw("device", "sleeping")
        assert await _count(world) == (106 if outlives else 0)

    for outlives in (True, False):

        async def both(world, outlives=outlives):
            await play(world, outlives)

        _world(outlive_power=outlives, server={"awake_time_s": 5}).play(both)


def test_crashes():
    """An application that crashes loses nothing that was counted before."""
    crashed = []

    async def play(world):
        await world.settled()
        for _ in range(4):
            await _press(world, 1, 1)
        world.command(do="set", path="/33001/0/0", value=1)
        await world.until(lambda: crashed, what="the crash")
        await world.saw("device", "registered")
        await world.sleeping()
        assert await _count(world) == 4

    def setup(node):
        contact = node.contact(_PIN)
        meter = node.add(Meter(contact))

        def crash(path):
            if path == (33001, 0, 0) and not crashed:
                raise KeyError("of the test")

        node.tree.on_change.append(crash)
        meter.values[0] = 0
        node.every(1_200_000, lambda: None)

    world = World(setup=setup, objects=[])
    world.on_crash = crashed.append
    world.play(play)


def test_awaited_functions():
    """Application interface: the chip sleeps when what is awaited is done; an OSError in it is
    error code 8, and ends with the next that works.
    """
    done = []

    def setup(node):
        async def measure():
            await asyncio.sleep_ms(750)
            done.append(node.clock.now())
            if len(done) == 2:
                raise OSError(110)

        node.every(1_200_000, measure)

    async def play(world):
        await world.settled()
        assert len(done) == 1
        await world.saw("device", "error", 1500)
        await world.sleeping()
        world.peer.read("/3/0/11/0")
        world.peer.trigger()
        await world.saw("server", "answer", payload=b"8")
        await world.sleeping()
        await world.until(lambda: len(done) == 3, 1500)
        await world.sleeping()
        world.peer.read("/3/0/11/0")
        world.peer.trigger()
        await world.saw("server", "answer", payload=b"0")
        assert len(done) == 3

    World(setup=setup, objects=[]).play(play)
