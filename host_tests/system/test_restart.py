"""Message IDs and tokens over every end that a run may come to (RFC 7252 §4.4, §5.3.1)."""

import binascii
import gc

from coap.message import CON, NON, decode
from node import hw
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_REQUESTS = (1, 2, 3, 4)


class _Heard:
    """All that the server hears: a message ID and a request's token stand for one message each."""

    def __init__(self, world):
        self.ids = {}
        self.tokens = {}
        self.first = None
        world.peer.tap = self._take

    def _take(self, data):
        message = decode(data)
        if message.type in (CON, NON):
            if self.first is None:
                self.first = message.message_id
            data = binascii.crc32(data)
            _only(self.ids, message.message_id, data)
            if message.code in _REQUESTS:
                _only(self.tokens, bytes(message.token), data)


def _only(seen, key, data):
    assert seen.setdefault(key, data) == data, "%s stands for two messages" % key


class _SameAgain:
    """A random generator that begins anew at each boot, as that of a chip without noise does."""

    def __init__(self, world):
        self._world = world
        self._boot = 0
        self._state = 0

    def __call__(self, count):
        if self._world.boots != self._boot:
            self._boot = self._world.boots
            self._state = 1
        self._state = self._state * 1103515245 + 12345 & 0x7FFFFFFF
        return self._state >> 7 & (1 << count) - 1


def _watch(world):
    hw.random_bits = _SameAgain(world)
    return _Heard(world)


async def _update(world, times):
    for _ in range(times):
        world.events.clear()
        world.mark()
        world.command(do="update")
        await world.saw("device", "updated")
        gc.collect()  # what stays is to lie together, or a dictionary finds no place to grow


def test_nothing_is_used_twice_over_sleep_and_reset():
    """RFC 7252 §4.4: no message ID again within EXCHANGE_LIFETIME, and no token, after a deep
    sleep, a command to restart, a reset while awake, while asleep and while a Register is out."""

    async def play(world):
        heard = _watch(world)
        await world.settled()
        world.peer.trigger()
        await world.saw("device", "updated")
        await world.reset()
        await world.saw("device", "updated")
        world.command(do="reboot")
        await world.settled()
        await world.reset()
        await world.saw("server", "register")
        await world.reset()
        world.peer.silent = True
        await world.saw("device", "registering")
        await world.sleep(2)
        await world.reset()
        world.peer.silent = False
        await world.settled()
        booted = [facts["cause"] for facts in world.all("device", "booted")]
        # Before the fourth start in a row that ended without notice the chip rests for a moment.
        hard = ["hard"] * 5
        assert booted == ["power_on", "deep_sleep"] + hard + ["deep_sleep"], booted
        assert len(heard.tokens) >= 7

    World("sim7000").play(play)


def test_a_long_run_stays_ahead():
    """RFC 7252 §4.4: also a reset after hundreds of messages repeats none, and few records are
    written for them."""

    async def play(world):
        heard = _watch(world)
        await world.saw("device", "registered")
        await _update(world, 300)
        await world.reset()
        await world.saw("device", "registered")
        await _update(world, 150)
        assert len(heard.tokens) == 452
        assert world.stores <= 7, world.stores

    World("sim7000").play(play)


def test_resets_in_quick_succession():
    """RFC 7252 §4.4: a board that is reset over and over, with one Register in each run."""

    async def play(world):
        heard = _watch(world)
        for _ in range(30):
            await world.saw("server", "register", 1000)  # the starts wait, in the end for 900 s
            await world.reset()
        await world.settled(2000)
        assert len(heard.ids) >= 31

    World("sim7000").play(play)


def test_a_power_cut_begins_at_random():
    """RFC 7252 §4.4: without a record the first message ID is random."""
    firsts = []

    async def play(world):
        firsts.append(_Heard(world))
        await world.saw("device", "registered")
        await world.power_cut()
        firsts.append(_Heard(world))
        world.power_on()
        await world.saw("device", "registered")

    for seed in (1, 2, 3):
        World("sim7000", seed=seed).play(play)
    assert len({heard.first for heard in firsts}) == 6
    apart = [heard.first - firsts[0].first & 0xFFFF for heard in firsts[1:]]
    assert min(apart) > 600, apart
