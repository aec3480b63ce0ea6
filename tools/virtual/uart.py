"""The two data wires: rates, the time that bytes take, echo, and what befalls bytes on their way.

Positions are counted in bytes from the moment they are given. What is to happen at one happens
between two bytes: a code lands in the middle of a line, a power cut ends it there.
"""


class Uart:
    """TXD and RXD of one modem.

    `flips_permille`: how many bytes of a thousand, either way, arrive with one bit flipped.
    `lose_in`, `lose_out`: how many bytes of the host, or for it, are lost from here on.
    `mute`: nothing goes out any more, until the modem is started again.
    """

    def __init__(self, modem):
        self._modem = modem
        self.host_rate = 115200
        self.rate = 115200  # what the modem's side runs at
        self.flips_permille = 0
        self.lose_in = 0
        self.lose_out = 0
        self.mute = False
        self._random = 0x2545F491
        self._echo = bytearray()
        self._free_us = 0  # when the last byte on its way has been sent
        self._sent = 0
        self._taken = 0
        self._sent_marks = []  # (position, fn), ordered
        self._taken_marks = []
        self._striking = False

    def reset(self) -> None:
        """A start, or no power."""
        self._free_us = 0
        self._echo[:] = b""
        self.mute = False

    def forget(self) -> None:
        """Nothing happens to bytes any more."""
        self.flips_permille = self.lose_in = self.lose_out = 0
        self._sent_marks.clear()
        self._taken_marks.clear()

    # Marks.

    def after(self, count: int, fn) -> None:
        """Call fn() when `count` further bytes have gone out."""
        _mark(self._sent_marks, self._sent + count, fn)

    def after_last(self, count: int, fn) -> None:
        """Call fn() `count` bytes behind the last mark, or from here where there is none."""
        marks = self._sent_marks
        _mark(marks, (marks[-1][0] if marks else self._sent) + count, fn)

    def after_taken(self, count: int, fn) -> None:
        """Call fn() when `count` further bytes of the host have come in."""
        _mark(self._taken_marks, self._taken + count, fn)

    def cut_off(self, fn) -> None:
        """Call fn() when what has gone out so far has arrived; what follows is never sent."""
        self.mute = True
        self._modem.later(self._arrival_ms(), fn)

    # In.

    def take(self, data: bytes) -> None:
        """Bytes of the host come in."""
        while self._taken_marks and self._taken_marks[0][0] <= self._taken + len(data):
            position, fn = self._taken_marks.pop(0)
            count = position - self._taken
            self._give(data[:count])
            self._taken = position
            data = data[count:]
            fn()
            if not self._modem.power.hears():
                return
        self._taken += len(data)
        self._give(data)

    def _give(self, data):
        if self.lose_in:
            lost = min(self.lose_in, len(data))
            self.lose_in -= lost
            data = data[lost:]
        if self.flips_permille:
            data = self._flipped(data)
        if data:
            self._modem.line.receive(data)

    # Out.

    def echo(self, data: bytes) -> None:
        """Keep an echo, which goes out before anything else."""
        self._echo.extend(data)

    def flush(self) -> None:
        """Send the echo that waits."""
        if self._echo:
            self.emit(b"")

    def emit(self, data: bytes) -> None:
        """Send bytes, after the echo that waits and with what happens at their positions."""
        if self._echo:
            data = bytes(self._echo) + data
            self._echo[:] = b""
        if not self._striking:
            marks = self._sent_marks
            while marks and marks[0][0] <= self._sent + len(data):
                position, fn = marks.pop(0)
                count = position - self._sent
                self._put(data[:count])
                self._sent = position
                data = data[count:]
                self._striking = True
                try:
                    fn()
                finally:
                    self._striking = False
            self._sent += len(data)
        self._put(data)

    def _put(self, data):
        if self.lose_out:
            lost = min(self.lose_out, len(data))
            self.lose_out -= lost
            data = data[lost:]
        if self.rate != self.host_rate:
            data = noise(data)
        elif self.flips_permille:
            data = self._flipped(data)
        self.raw(data, self.rate)
        self._modem.power.activity()

    def raw(self, data: bytes, rate: int) -> None:
        """Put bytes on the wire; they arrive when the last of them has been sent."""
        if not data or self.mute:
            return
        now_us = self._modem.timers.now() * 1000
        self._free_us = max(self._free_us, now_us) + len(data) * 10_000_000 // rate
        self._modem.later(self._arrival_ms(), self._modem.output, data)

    def _arrival_ms(self):
        return max(0, (self._free_us + 999) // 1000 - self._modem.timers.now())

    def _flipped(self, data):
        flipped = bytearray(data)
        for index in range(len(flipped)):
            x = self._random
            x ^= x << 13 & 0xFFFFFFFF
            x ^= x >> 17
            x ^= x << 5 & 0xFFFFFFFF
            self._random = x
            if x % 1000 < self.flips_permille:
                flipped[index] ^= 1 << (x >> 16 & 7)
        return bytes(flipped)


def noise(data: bytes) -> bytes:
    """What a receiver at another rate samples: about as many bytes, and no line ends in them."""
    return bytes([byte * 37 & 0xFF | 0x80 for byte in data])


def _mark(marks, position, fn):
    index = len(marks)
    while index and marks[index - 1][0] > position:
        index -= 1
    marks.insert(index, (position, fn))
