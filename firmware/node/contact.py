"""A contact that is counted: a water meter's reed switch, a door's, a button.

While the chip runs each edge calls `_edge`, which may come between any two steps of the program
and allocates nothing. What lasts less than the debounce time is bouncing, or noise: neither a
press nor the end of one. While the chip sleeps the contact ends the sleep, armed with the level
that it is not at: one that rests closed does not wake the chip over and over, and one that moves
while the chip falls asleep wakes it at once.

Loaded by an application that has one (Node.contact). node/pulses.py counts in deep sleep.
"""

import asyncio

from micropython import const

from node import hw, pulses, retained

_TICKS_MASK = const(0x3FFFFFFF)
_MASK = const(0xFFFFFFFF)
# GPIOs from here on stay deaf after a light sleep that they could end: Pin's `hold` passes over an
# ESP32's inputs.
_STAY_DEAF = const(34)


class Contact:
    """One contact of a node.

    level: at which it is pressed, 0 where it closes to ground. function(count) is called in the
    node's loop when there is more to count, or is None. Raises ValueError for a pin that is taken
    or cannot end the sleep that the site allows, and for a second contact: the chip wakes at one
    level for all of them (ext1), and each would need its own.
    """

    def __init__(self, node, pin: int, function, level: int, debounce_ms: int):
        if node.counter:
            text = "contact(%d): there is one at %d, and the chip wakes for one only"
            raise ValueError(text % (pin, node.counter.pin))
        if pin in _taken(node.board):
            raise ValueError("contact(%d): the board uses it for something else" % pin)
        if node.site["sleep"] in ("deep", "light") and (pin >= _STAY_DEAF or not hw.can_wake(pin)):
            raise ValueError("contact(%d): ends no sleep; use an RTC GPIO up to 33" % pin)
        self.pin = pin
        self._node = node
        self._level = level
        self._tell = (lambda: function(self.count)) if function else None
        self._debounce_ms = debounce_ms
        self._flag = asyncio.ThreadSafeFlag()
        self._line = hw.contact(pin, level, self._edge)
        self._raw = self._line.value() == level  # whether it is pressed at the moment
        self._since = hw.ticks_ms()  # when that began
        # Contacts that are pressed as the board gets power have not been counted.
        pressed, count, news = pulses.kept(node.counted, pin, level) or (self._raw, 0, False)
        self._held = pressed  # the latest press has lasted long enough to be one
        self._before = count - 1 if pressed else count  # the presses before that one
        self._told = None if news else count
        self._stored = None
        self._flag.set()  # it may have moved since the record was written
        node.counter = self
        node.spawn(self._watch())

    @property
    def count(self) -> int:
        """How often it was pressed since the board had power first, modulo 2^32."""
        while True:
            since = self._since
            count = self._before + (1 if self._held or self._raw and self._lasts() else 0)
            if since == self._since:  # no edge in between
                return count & _MASK

    def restless(self) -> bool:
        """Whether the chip must not sleep yet: the level has not lasted, or the count is not
        stored.
        """
        self._edge(self._line)
        if not self._lasts():
            self._flag.set()
            return True
        return self.count != self._stored

    def prepare(self, duration_ms: int, wake_pin: "int | None") -> None:
        """Have the record say how long a deep sleep is to be, and which pin is the modem's."""
        self._pack(hw.epoch_s() + (duration_ms + 999) // 1000, wake_pin)

    def arm(self) -> None:
        """Have the sleep that follows end when the contact moves."""
        hw.wake_at(self.pin, 1 - self._level if self._raw else self._level)

    def woken(self) -> None:
        """Go on after a light sleep, in which no edge is told of."""
        self._line = hw.contact(self.pin, self._level, self._edge)
        self._edge(self._line)

    def _edge(self, line):
        raw = line.value() == self._level
        if raw == self._raw:
            return
        if self._lasts():
            if not raw:
                self._held = True
            elif self._held:  # that press is over, this is another one
                self._before += 1
                self._held = False
        self._raw = raw
        self._since = hw.ticks_ms()
        self._flag.set()

    def _lasts(self):
        return hw.ticks_ms() - self._since & _TICKS_MASK >= self._debounce_ms

    async def _watch(self):
        while True:
            await self._flag.wait()
            await asyncio.sleep_ms(self._debounce_ms)
            self._edge(self._line)  # one that was not told of
            if self._raw and self._lasts():
                self._held = True
            count = self.count
            if count != self._stored:
                self._store()
            if self._tell and count != self._told:
                self._told = count
                self._node.attempt(self._tell)
            self._node.stir()

    def _store(self):
        """Keep the count for a reset without notice."""
        node = self._node
        self._pack()
        try:
            record = node.packed(node.counters, node.body())
        except retained.RecordTooLarge:  # of an application that had no contact
            node.resumable = False
            record = node.packed(node.counters)
        hw.store_memory(record)

    def _pack(self, until_s=0, wake_pin=None):
        self._stored = self.count
        pressed = self._raw and (self._held or self._lasts())
        tells = self._tell is not None
        self._node.counted = pulses.pack(
            self.pin, pressed, self._level, tells, self._stored, until_s, wake_pin
        )


def _taken(board):
    """Return the GPIOs that are the modem's or the board's own."""
    taken = [board.PINS[name] for name in board.PINS if "pressed" not in name]
    return taken + [board.UART["tx"], board.UART["rx"]] + list(getattr(board, "TAKEN", ()))
