"""A contact: bouncing, presses that meet a sleep, what the record keeps of it; on its own chip."""

import asyncio

import machine
from node import hw, pulses, retained
from node.contact import Contact
from shim import virtual_time

from boards.host import board

_PIN = 32
_COUNTERS = (7, 9)


class _Chip:
    """The chip and the contact's line, which rests high."""

    reset_cause = 1
    wake_reason = 0

    def __init__(self):
        machine.watched.clear()
        machine.rtc_pins.clear()
        machine.wake_pin = machine.contact = None
        self.memory = b""
        self.level = 1
        self.halted = None

    def pin_read(self, number):
        return self.level if number == _PIN else 1

    def halt(self, kind, duration_ms, wake_pin):
        self.halted = (duration_ms, wake_pin)

    def put(self, level):
        """Put a level on the pin."""
        if level != self.level:
            self.level = level
            machine.edge(_PIN)


class _Node:
    """Of a node what a contact asks for."""

    counters = _COUNTERS
    counter = None
    resumable = True

    board = board

    def __init__(self, counted=b"", sleep="deep"):
        self.counted = counted
        self.site = {"sleep": sleep}
        self.stirred = 0
        self.tasks = []

    def spawn(self, coroutine):
        self.tasks.append(asyncio.create_task(coroutine))

    def attempt(self, function):
        function()

    def body(self):
        return b"Rbody" if self.resumable else b""

    def packed(self, counters, body=b""):
        return retained.pack(counters, body, 0, b"", self.counted)

    def stir(self):
        self.stirred += 1


def _play(scenario, counted=b"", chip=None, function=None, **settings):
    """Run await scenario(chip, node, contact) in virtual time; return the node."""
    chip = machine.host = chip or _Chip()
    kept = hw.ticks_ms, hw.epoch_s
    hw.ticks_ms, hw.epoch_s = virtual_time.ticks_ms, virtual_time.epoch_s
    nodes = []

    async def play():
        node = _Node(counted)
        nodes.append(node)
        contact = Contact(node, _PIN, function, settings.get("level", 0), 20)
        await asyncio.sleep_ms(50)
        await scenario(chip, node, contact)
        for task in node.tasks:
            task.cancel()

    try:
        virtual_time.run(play())
    finally:
        hw.ticks_ms, hw.epoch_s = kept
        machine.host = None
    return nodes[0]


async def _press(chip, pressed_ms=100, rest_ms=100):
    chip.put(0)
    await asyncio.sleep_ms(pressed_ms)
    chip.put(1)
    await asyncio.sleep_ms(rest_ms)


def test_presses_are_counted_and_kept():
    """Each press once, as soon as it has lasted, told and in RTC memory before the next."""
    told = []

    async def play(chip, node, contact):
        for count in range(1, 4):
            chip.put(0)
            await asyncio.sleep_ms(100)
            assert contact.count == count and told[-1] == count
            counted = retained.unpack(chip.memory)[4]
            assert pulses.kept(counted, _PIN, 0) == (True, count, False)
            chip.put(1)
            await asyncio.sleep_ms(100)
            assert contact.count == count

    _play(play, function=told.append)
    assert told == [1, 2, 3]


def test_bouncing():
    """Reed contacts bounce for a millisecond or two as they close and open; a spike is no press,
    and a gap no end of one.
    """

    async def bounce(chip, levels):
        for level in levels:
            chip.put(level)
            await asyncio.sleep_ms(1)

    async def play(chip, node, contact):
        for count in range(1, 4):
            await bounce(chip, (0, 1, 0, 1, 0, 1, 0))
            await asyncio.sleep_ms(300)
            await bounce(chip, (1, 0, 1, 0))  # a gap
            await asyncio.sleep_ms(300)
            await bounce(chip, (1, 0, 1, 0, 1))
            await asyncio.sleep_ms(300)
            await bounce(chip, (0, 1, 0, 1))  # spikes
            await asyncio.sleep_ms(300)
            assert contact.count == count, contact.count
        assert not contact.restless()

    _play(play)


def test_a_press_while_the_loop_is_busy():
    """A call that takes its time keeps the contact's task from its turn, and loses no press."""

    async def play(chip, node, contact):
        for _ in range(4):  # no await in between: nothing but the edges is seen
            chip.put(0)
            virtual_time._now_ms += 60
            chip.put(1)
            virtual_time._now_ms += 60
        await asyncio.sleep_ms(100)
        assert contact.count == 4

    _play(play)


def test_the_handler_allocates_nothing():
    """MicroPython Pin.irq: a handler may come while the heap is being collected."""
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        return  # CPython

    async def play(chip, node, contact):
        chip.level = 0
        line = contact._line
        edge = contact._edge
        heap_lock()
        try:
            edge(line)
        finally:
            heap_unlock()
        await asyncio.sleep_ms(100)
        assert contact.count == 1

    _play(play)


def test_falling_asleep():
    """A level that has not lasted holds the sleep off; one that moves later ends it at once."""

    async def play(chip, node, contact):
        assert not contact.restless()
        contact.prepare(60_000, 33)
        chip.put(0)
        assert contact.restless()
        await asyncio.sleep_ms(100)
        assert node.stirred and not contact.restless()
        contact.prepare(60_000, 33)
        contact.arm()
        assert machine.contact == (_PIN, 1)  # it is pressed: its release wakes
        chip.level = 1  # unseen
        assert contact.restless()
        await asyncio.sleep_ms(100)
        contact.arm()
        assert machine.contact == (_PIN, 0)

    _play(play)


def test_a_contact_that_rests_pressed():
    """A meter that stands on its magnet as the board gets power has not been counted; from the
    record it is known which press was.
    """

    async def nothing(chip, node, contact):
        assert contact.count == 0

    chip = _Chip()
    chip.level = 0
    node = _play(nothing, chip=chip)
    assert pulses.kept(node.counted, _PIN, 0) == (True, 0, False)

    async def still(chip, node, contact):
        assert contact.count == 0
        chip.put(1)
        await asyncio.sleep_ms(100)
        await _press(chip)
        assert contact.count == 1

    chip = _Chip()
    chip.level = 0
    _play(still, node.counted, chip)


def test_what_came_while_nobody_looked():
    """A reset without notice: the level in the record and the one at the pin tell of a press."""

    async def play(chip, node, contact):
        await asyncio.sleep_ms(100)
        counts.append(contact.count)

    counts = []
    for pressed, level in ((False, 1), (False, 0), (True, 0), (True, 1)):
        chip = _Chip()
        chip.level = level
        _play(play, pulses.pack(_PIN, pressed, 0, False, 41), chip)
    assert counts == [41, 42, 41, 41]


def test_wrap():
    """32 bits of a count, and the tick counter of 2^30 ms, over a press that lasts through it."""

    async def play(chip, node, contact):
        await _press(chip)
        assert contact.count == 0
        chip.put(0)
        await asyncio.sleep_ms(100)
        for _ in range(3):
            virtual_time._now_ms += (1 << 30) - 5
            assert contact.count == 1
            await asyncio.sleep_ms(100)
        chip.put(1)
        await asyncio.sleep_ms(100)
        assert contact.count == 1 and not contact.restless()

    _play(play, pulses.pack(_PIN, False, 0, False, 0xFFFFFFFF))


def _wake(counted, level, now_s=1000):
    """Return (counted, halted, contact) after a wake by the contact that found such a level."""
    chip = machine.host = _Chip()
    chip.level = level
    chip.reset_cause, chip.wake_reason = 4, 3
    chip.memory = retained.pack(_COUNTERS, b"body", 2, b"trace", counted)
    kept = hw.epoch_s
    hw.epoch_s = lambda: now_s
    try:
        pulses.sleep_on()
    except machine.Halted:
        pass
    finally:
        hw.epoch_s = kept
        machine.host = None
    record = retained.unpack(chip.memory)
    assert record[:4] == (_COUNTERS, b"body", 2, b"trace")
    return record[4], chip.halted, machine.contact


def test_a_wake_that_counts():
    """ESP32 ext1: armed with the level that it was not at, so that it came there, and may have
    gone on since; the sleep goes on for the rest of its time.
    """
    for pressed, level, count, now_pressed in (
        (False, 0, 8, True),
        (False, 1, 8, False),  # too short to be seen
        (True, 1, 7, False),
        (True, 0, 8, True),  # let go and pressed again
    ):
        before = pulses.pack(_PIN, pressed, 0, False, 7, 1600, 33)
        counted, halted, contact = _wake(before, level)
        assert pulses.kept(counted, _PIN, 0) == (now_pressed, count, False)
        assert halted == (600_000, 33)
        assert contact == (_PIN, 1 if now_pressed else 0)


def test_a_wake_with_more_to_do():
    """The time is over, or a function is to be told: the node starts."""
    for tells, until_s in ((False, 1000), (False, 0), (True, 5000)):
        before = pulses.pack(_PIN, False, 0, tells, 0xFFFFFFFF, until_s, None)
        counted, halted, _ = _wake(before, 0)
        assert halted is None
        assert pulses.kept(counted, _PIN, 0) == (True, 0, tells)
    counted, halted, _ = _wake(pulses.pack(_PIN, True, 0, True, 5, 5000, None), 1)
    assert halted == (4_000_000, None), "nobody is told of a release"


def test_who_is_told_of_a_wake():
    """The function hears of the press that woke the board, once; later ones as they come."""
    told = []

    async def play(chip, node, contact):
        assert told == [8]
        chip.put(1)
        await asyncio.sleep_ms(100)
        await _press(chip)
        assert told == [8, 9]

    counted, _, _ = _wake(pulses.pack(_PIN, False, 0, True, 7, 5000, None), 0)
    chip = _Chip()
    chip.level = 0
    node = _play(play, counted, chip, told.append)
    assert pulses.kept(node.counted, _PIN, 0)[1:] == (9, False)


def test_pressed_high():
    """A contact that closes to 3.3 V, with the resistor the other way."""
    chip = _Chip()
    chip.level = 0

    async def play(chip, node, contact):
        chip.put(1)
        await asyncio.sleep_ms(100)
        assert contact.count == 1
        contact.arm()
        assert machine.contact == (_PIN, 0)

    node = _play(play, chip=chip, level=1)
    assert pulses.kept(node.counted, _PIN, 0) is None, "another contact"


def test_refusals():
    """One line each: a second contact, a pin that ends no deep sleep."""

    async def play(chip, node, contact):
        for pin, text in (
            (34, "contact(34): there is one at 32, and the chip wakes for one only"),
            (33, "contact(33): the board uses it for something else"),
            (5, "contact(5): ends no sleep; use an RTC GPIO up to 33"),
            (34, "contact(34): ends no sleep; use an RTC GPIO up to 33"),
        ):
            try:
                Contact(node, pin, None, 0, 20)
            except ValueError as error:
                assert str(error) == text
            else:
                raise AssertionError("accepted")
            node.counter = None
        node.site["sleep"] = "idle"
        Contact(node, 5, None, 0, 20)
        node.counter = None
        Contact(node, 34, None, 0, 20)

    _play(play)
