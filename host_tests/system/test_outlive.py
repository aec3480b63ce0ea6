"""A registration and its observations over power cuts and resets: the record of the last sleep."""

import binascii

from coap.message import CON, NON, decode
from lwm2m.objects.ipso import Temperature
from system.world import World

# Firmware, virtual modem, network and server in one process.
HEAP_K = 700

_HOUR_S = 3600
_REQUESTS = (1, 2, 3, 4)


class _Heard:
    """All that the server hears: a message ID and a request's token stand for one message each."""

    def __init__(self, world):
        self.ids = {}
        self.tokens = {}
        world.peer.tap = self._take

    def _take(self, data):
        message = decode(data)
        if message.type in (CON, NON):
            data = binascii.crc32(data)
            seen = [(self.ids, message.message_id)]
            if message.code in _REQUESTS:
                seen.append((self.tokens, bytes(message.token)))
            for each, key in seen:
                assert each.setdefault(key, data) == data, "%s stands for two messages" % key


def setup(node):
    """A temperature that is another one each hour of Unix time."""
    sensor = node.add(Temperature(units="Cel"))
    sensor.values[5700] = 0
    node.every(3_600_000, lambda: sensor.set(5700, sensor.values[5700] + 1))


def _world(**settings):
    return World(setup=setup, objects=[], **settings)


async def _observed(world):
    await world.settled()
    world.peer.observe("/3303/0/5700")
    world.peer.trigger()
    await world.until(lambda: not world.peer.waiting and not world.peer.asking())
    await world.sleeping()


async def _goes_on(world, since, boots=("power_on",)):
    """The registration goes on with one Update, and the observation is told of the next value."""
    told = len(world.peer.notifications)
    await world.saw("server", "update")
    await world.saw("device", "updated")
    assert not world.all("server", "register", since)
    booted = [each["cause"] for each in world.all("device", "booted", since)]
    assert tuple(booted) == boots, booted
    await world.until(lambda: len(world.peer.notifications) > told, 2 * _HOUR_S)
    assert not world.all("server", "register", since)
    await world.until(lambda: not world.running)


async def _cut(world, off_s=60):
    since = world.mark()
    await world.power_cut()
    await world.sleep(off_s)
    world.power_on()
    return since


def test_power_cuts():
    """TS 1.1 Core 6.2.2, configuration outlive_power: off for a minute or for hours, asleep or
    awake; no message ID and no token again; what is on flash is taken up once."""

    async def play(world):
        _Heard(world)
        await _observed(world)
        for off_s in (1, 3 * _HOUR_S):
            await _goes_on(world, await _cut(world, off_s))
        world.peer.read("/3/0/0")
        world.peer.trigger()
        await world.saw("server", "answer")
        await _goes_on(world, await _cut(world))
        since = await _cut(world)
        await world.saw("device", "booted")
        await world.sleep(1)
        await _cut(world)
        await world.saw("server", "register")
        assert not world.all("server", "update", since)

    _world(outlive_power=True).play(play)


def test_an_ordinary_wake_writes_no_flash():
    """Flash wear: notifications and Updates for two days, and still a power cut costs no
    registration."""

    async def play(world):
        _Heard(world)
        await _observed(world)
        await world.sleep(_HOUR_S)
        writes = world.flash.writes
        await world.sleep(48 * _HOUR_S)
        assert len(world.peer.notifications) > 40
        assert world.flash.writes == writes, world.flash.writes - writes
        await _goes_on(world, await _cut(world))

    _world(outlive_power=True).play(play)


def test_without_it_a_power_cut_registers():
    """Configuration, outlive_power: left out, no flash is written, and none is looked at twice."""

    async def play(world):
        await _observed(world)
        assert world.flash.writes == 0
        since = await _cut(world)
        await world.saw("server", "register")
        assert not world.all("server", "update", since)

    _world().play(play)


def test_under_voltage():
    """AT800 6.3 CBATCHK, HW800L 3.2.1: a supply that the modem warns of is cut soon."""

    async def play(world):
        await _observed(world)
        world.peer.read("/3/0/0")
        world.peer.trigger()
        await world.saw("server", "answer")
        world.modem.set_fault("under_voltage")
        await world.saw("device", "modem_voltage")
        await world.until(lambda: world.flash.writes == 1)
        since = await _cut(world)
        await world.saw("device", "updated")
        assert world.flash.writes == 2, "it is taken up once"
        world.modem.set_fault("under_voltage")
        await world.until(lambda: world.flash.writes == 3)
        assert world.running, "it waits for no sleep"
        await _goes_on(world, await _cut(world))
        assert not world.all("server", "register", since)

    _world().play(play)


def test_what_began_after_the_sleep():
    """RFC 7641 §4.1: an observation that the record does not know is not lost in silence: the node
    registers, and the server observes anew."""

    async def play(world, end):
        await _observed(world)
        world.peer.observe("/3/0/0")
        world.peer.trigger()
        await world.saw("server", "answer", name="observe /3/0/0")
        await end(world)
        await world.saw("server", "register")

    async def reset(world):
        await world.reset()

    for outlive_power, end in ((True, _cut), (False, reset)):

        async def both(world, end=end):
            await play(world, end)

        _world(outlive_power=outlive_power).play(both)


def test_resets():
    """Resets: a reset without notice, awake and asleep, costs an Update; a second one in
    a row may be the fault of what was kept, and costs a Register."""

    async def play(world, asleep):
        _Heard(world)
        await _observed(world)
        if not asleep:
            world.peer.read("/3/0/0")
            world.peer.trigger()
            await world.saw("server", "answer")
        since = world.mark()
        await world.reset()
        await _goes_on(world, since, ("hard",))
        await world.reset()
        await world.saw("device", "booted", cause="hard")
        await world.reset()
        await world.saw("server", "register")

    for asleep in (True, False):

        async def both(world, asleep=asleep):
            await play(world, asleep)

        _world().play(both)


def test_a_registration_that_the_server_forgot():
    """TS 1.1 Core 6.2.2: the Update after the power cut has 4.04, and a Register follows."""

    async def play(world):
        await _observed(world)
        world.peer.restart()
        await _cut(world)
        await world.saw("server", "unknown")
        await world.saw("server", "register")

    _world(outlive_power=True).play(play)
