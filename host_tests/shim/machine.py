"""MicroPython's `machine` of an ESP32, for CPython and for the unix port.

What lies outside the chip (the wires on its pins, its flash and its power) is one object, `host`,
set by whoever simulates it before the firmware starts. It offers:

- `uart_write(data)`, `pin_write(number, level)`, `pin_read(number) -> level`, `adc_uv(number)`
  and, where it cares, `uart_rate(baudrate)`
- `memory` (RTC memory, bytes), `reset_cause` (1 power on or brown-out, 2 reset or panic, 3
  watchdog, 4 deep sleep), `wake_reason` (2 ext0 pin, 3 ext1 pins, 4 timer, 7 GPIO; 0 none)
- `halt(kind, duration_ms, wake_pin)`: the chip stops ("deepsleep", "reset"); it must not return
- `watchdog(timeout_ms)`: the chip is to be reset, cause 3, unless this is called again in time; it
  ends with the run of the chip
- `light_sleep(duration_ms, wake_pin)`: comes back when the time is over or the pin is low. Where
  one process simulates the chip and the rest, a coroutine stands in for `hw.light_sleep` instead.
"""

from micropython import const

host = None
uarts = []

PWRON_RESET = 1
DEEPSLEEP_RESET = 4

wake_pin = None  # set through esp32.wake_on_ext0
contact = None  # (pin, level), set through esp32.wake_on_ext1; it ends both sleeps
rtc_pins = set()  # those that belong to the RTC: each that was armed in a deep sleep
latched = set()  # those of them that ext1 has latched in a light sleep, until they are let go
light_wake_pin = None  # set through esp32.wake_on_gpio
watched = {}  # GPIO -> (Pin, handler) of its edges
held = set()  # pins whose level stays as it is until they are let go
held_in_sleep = False  # whether those that are no RTC pins are so in deep sleep, too
i2c_chips = {}  # (SDA, SCL, address) of what is on an I2C bus -> {register: value}

# Of an ESP32: those that can end a deep sleep.
RTC_PINS = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)

_FIRST_INPUT_ONLY = const(34)  # of an ESP32: these have no pull-ups either
_NO_ACKNOWLEDGE = const(19)  # ENODEV
_LEAST_UV = const(142_000)
_MOST_UV = const(3_150_000)
_HARDWARE_FIFO = const(128)  # bytes that the UART takes beyond its ring buffer


class Halted(Exception):
    """The chip has stopped; only a simulated chip ever sees this."""


def edge(number: int) -> None:
    """Say that the level at a pin is another; one that belongs to the RTC is deaf."""
    if number in watched and number not in rtc_pins:
        line, handler = watched[number]
        handler(line)


def reset_cause() -> int:
    """Return why the chip started."""
    return host.reset_cause


def wake_reason() -> int:
    """Return what ended the last sleep, 0 for none."""
    return host.wake_reason


def rests(number: int) -> bool:
    """Return whether an output keeps its level in deep sleep."""
    return number in held and (held_in_sleep or number in RTC_PINS)


def deepsleep(time_ms: "int | None" = None) -> None:
    """Stop the chip until the timer or the armed pin."""
    if wake_pin is not None:
        rtc_pins.add(wake_pin)
    if contact is not None:
        rtc_pins.add(contact[0])
    host.halt("deepsleep", time_ms, wake_pin)
    raise Halted("deepsleep")


def lightsleep(time_ms: "int | None" = None) -> None:
    """Stop the chip until the timer or the armed pin, and go on."""
    if contact is not None:
        rtc_pins.add(contact[0])
        latched.add(contact[0])  # a start from deep sleep lets go of it, this does not
    host.light_sleep(time_ms, light_wake_pin)


def reset() -> None:
    """Restart the chip."""
    host.halt("reset", None, None)
    raise Halted("reset")


class WDT:
    """The task watchdog: it cannot be stopped, and making it anew changes its time."""

    def __init__(self, id=0, timeout=5000):
        if timeout < 1000:
            raise ValueError("WDT timeout too short")
        self._timeout_ms = timeout
        self.feed()

    def feed(self) -> None:
        """Put the reset off."""
        host.watchdog(self._timeout_ms)


class UART:
    """A UART whose receive buffer drops what does not fit without a sign, as the real one."""

    IRQ_RXIDLE = 0x1000

    def __init__(
        self,
        number,
        baudrate=115200,
        tx=None,
        rx=None,
        txbuf=256,
        rxbuf=256,
        timeout=0,
        timeout_char=0,
    ):
        self._room = rxbuf + _HARDWARE_FIFO
        self._deaf = rx in rtc_pins  # setting its pins does not take one from the RTC
        self._received = b""
        self._handler = None
        uarts.append(self)
        self.init(baudrate)

    def init(self, baudrate):
        """Set another rate; what has come in is flushed."""
        self.baudrate = baudrate
        self._received = b""
        if hasattr(host, "uart_rate"):
            host.uart_rate(baudrate)

    def irq(self, handler, trigger):
        """Call `handler(uart)` when a burst of bytes has ended."""
        self._handler = handler

    def any(self) -> int:
        """Return how many bytes wait."""
        return len(self._received)

    def read(self, count=None):
        """Return what waits, or None."""
        if not self._received:
            return None
        end = len(self._received) if count is None else count
        data, self._received = self._received[:end], self._received[end:]
        return data

    def write(self, data) -> int:
        """Send `data` out."""
        host.uart_write(bytes(data))
        return len(data)

    def receive(self, data: bytes) -> None:
        """Bytes come in from outside; those beyond the buffer are lost."""
        if self._deaf:
            return
        self._received += data[: self._room - len(self._received)]
        if self._handler:
            self._handler(self)


class Pin:
    """A GPIO."""

    IN = 1
    OUT = 3
    PULL_DOWN = 1
    PULL_UP = 2

    def __init__(self, number, mode=-1, pull=-1, value=None, hold=None):
        self.number = number
        self._waiting = None  # the level that a held pin will have
        self.init(mode, pull, value=value, hold=hold)

    def init(self, mode=-1, pull=-1, value=None, hold=None):
        """Set the level, where one is given, and the hold; a pin that is held keeps its level
        until it is let go, and has the new one then. A mode takes the pin back from the RTC, but
        one that ext1 has latched only with a hold, and that passes over the inputs from 34 on.
        """
        number = self.number
        if number >= _FIRST_INPUT_ONLY and (mode == self.OUT or pull in (1, 2)):
            raise ValueError("pin can only be input" if mode == self.OUT else "no pull-up")
        if hold is not None and number < _FIRST_INPUT_ONLY:
            latched.discard(number)
        if mode != -1 and number not in latched:
            rtc_pins.discard(number)
        if value is not None and number in held:
            self._waiting = value
        elif value is not None:
            host.pin_write(number, value)
        if hold is not None:  # either lets go first
            held.discard(number)
            if self._waiting is not None:
                host.pin_write(number, self._waiting)
            self._waiting = None
        if hold:
            held.add(number)

    def value(self, level=None):
        """Return the level from outside, or set one; one that belongs to the RTC reads low."""
        if level is None:
            return 0 if self.number in rtc_pins else host.pin_read(self.number)
        self.init(value=level)
        return None

    def irq(self, handler):
        """Call `handler(pin)` after each edge, of which a host tells by `edge`."""
        watched[self.number] = (self, handler)


class SoftI2C:
    """An I2C bus on two pins: what is on it is in `i2c_chips`."""

    def __init__(self, scl, sda, freq=400_000):
        self._bus = (sda.number, scl.number)

    def writeto_mem(self, address, register, data):
        """Write bytes to registers in a row."""
        registers = self._registers(address)
        for value in bytes(data):
            registers[register] = value
            register += 1

    def readfrom_mem(self, address, register, count) -> bytes:
        """Read registers in a row; one that was never written is 0."""
        registers = self._registers(address)
        return bytes([registers.get(register + at, 0) for at in range(count)])

    def _registers(self, address):
        registers = i2c_chips.get(self._bus + (address,))
        if registers is None:
            raise OSError(_NO_ACKNOWLEDGE)
        return registers


class ADC:
    """An analog input: its calibration has an offset at 0 V, and ends at 3.15 V (ESP-IDF, line
    fitting, 11 dB).
    """

    ATTN_11DB = 3

    def __init__(self, pin, *, atten):
        if atten != self.ATTN_11DB:
            raise ValueError("only 11 dB is simulated")
        self._number = pin.number

    def read_uv(self) -> int:
        """Return the voltage outside, in microvolts."""
        return min(max(host.adc_uv(self._number), _LEAST_UV), _MOST_UV)


class RTC:
    """The clock and the memory that deep sleep leaves on."""

    def memory(self, data=None):
        """Return what RTC memory holds, or replace it (at most 2048 bytes)."""
        if data is None:
            return host.memory
        if len(data) > 2048:
            raise ValueError("buffer too long")
        host.memory = bytes(data)
        return None

    def datetime(self, value) -> None:
        """Set the clock: (year, month, day, weekday, hour, minute, second, subsecond)."""
        host.datetime = value
