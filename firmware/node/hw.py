"""The hardware: the only module that imports machine and esp32.

Everything else sees a UART that can be awaited, a modem's control pins, sleep, wake reasons, RTC
memory and an analog input, each with its units in its names.
"""

import asyncio
import gc
import sys
import time

import esp32
import machine
from micropython import const

# Large enough for a datagram and the codes around it: at 115200 baud 2048 bytes are 178 ms of not
# looking, and an overflow leaves no sign.
_RX_BUFFER = const(2048)
_TX_BUFFER = const(1664)
_WOKEN_BY_GPIO = const(7)
_NO_RESISTOR = const(34)  # the first GPIO of an ESP32 without
_UNIX_EPOCH_OFFSET_S = const(946684800)  # the ESP32 port counts seconds from 2000-01-01

# By number, from 1. Words are split at run time, because short literals are interned for good.
_RESET_CAUSES = "power_on hard watchdog deep_sleep soft".split()
_WAKE_REASONS = "reset pin pins timer touch ulp gpio uart".split()


def ticks_ms() -> int:
    """Return the tick counter in milliseconds; it wraps (node/clock.py)."""
    return time.ticks_ms()  # pyright: ignore[reportReturnType]  the stubs make it opaque


def epoch_s() -> int:
    """Return Unix time in seconds; it goes on through deep sleep, and starts anywhere after a
    power-on.
    """
    seconds = int(time.time())
    return seconds if time.gmtime(0)[0] == 1970 else seconds + _UNIX_EPOCH_OFFSET_S


def set_epoch_s(seconds: int) -> None:
    """Set the clock to Unix time `seconds`, in UTC."""
    base = 0 if time.gmtime(0)[0] == 1970 else _UNIX_EPOCH_OFFSET_S
    year, month, day, hour, minute, second = time.gmtime(seconds - base)[:6]
    machine.RTC().datetime((year, month, day, 0, hour, minute, second, 0))


def memory_free() -> int:
    """Return the bytes of the heap that are free."""
    return gc.mem_free() if hasattr(gc, "mem_free") else 0  # pyright: ignore


def random_bits(count: int) -> int:
    """Return `count` random bits, at most 32, from the chip's generator."""
    import os

    return int.from_bytes(os.urandom(4), "big") & ((1 << count) - 1)


def _named(names, number):
    return names[number - 1] if 1 <= number <= len(names) else str(number)


def reset_cause() -> str:
    """Return why the chip started: power_on, hard, watchdog, deep_sleep or soft.

    MicroPython calls a brown-out power_on, and a panic of the chip hard.
    """
    return _named(_RESET_CAUSES, machine.reset_cause())


def wake_reason() -> "str | None":
    """Return what ended the last deep sleep (timer, pin: the modem's, pins: a contact …), or None
    after any other start.
    """
    if machine.reset_cause() != machine.DEEPSLEEP_RESET:
        return None
    reason = machine.wake_reason()
    return _named(_WAKE_REASONS, reason)


def load_memory() -> bytes:
    """Return a copy of what RTC memory holds, at most 2048 bytes."""
    return machine.RTC().memory()


def store_memory(record: bytes) -> None:
    """Replace what RTC memory holds; it outlives deep sleep and reset, not a power cut."""
    machine.RTC().memory(record)


def can_wake(pin: int) -> bool:
    """Return whether GPIO `pin` can end a deep sleep: the chip takes its RTC GPIOs alone."""
    try:
        esp32.wake_on_ext0(machine.Pin(pin), esp32.WAKEUP_ALL_LOW)
    except ValueError:
        return False
    esp32.wake_on_ext0(None, esp32.WAKEUP_ALL_LOW)
    return True


def deep_sleep(duration_ms: "int | None", wake_pin: "int | None") -> None:
    """End this run; the chip starts again after `duration_ms`, when `wake_pin` goes low, or as
    `wake_at` has said.

    None leaves that source out; `wake_pin` must be an RTC GPIO.
    """
    if wake_pin is not None:
        esp32.wake_on_ext0(machine.Pin(wake_pin, machine.Pin.IN), esp32.WAKEUP_ALL_LOW)
    # The stubs leave this and a Pin's `hold` out.
    esp32.gpio_deep_sleep_hold(True)  # pyright: ignore[reportAttributeAccessIssue]
    if duration_ms is None:
        machine.deepsleep()
    machine.deepsleep(duration_ms)


async def light_sleep(duration_ms: int, wake_pin: "int | None") -> bool:
    """Stop the chip for `duration_ms` or until `wake_pin` goes low; return whether the pin did it.

    Memory is kept and nothing runs: what comes in by a UART is lost, and the byte that ends the
    sleep with it. Any GPIO can wake. A coroutine, so that a simulated chip can take its place.
    """
    # Not ext0, which would take a UART's RX pin away from the UART. The stubs lack it (1.27).
    wake_on_gpio = esp32.wake_on_gpio  # pyright: ignore[reportAttributeAccessIssue]
    pins = () if wake_pin is None else (machine.Pin(wake_pin),)
    wake_on_gpio(pins, esp32.WAKEUP_ALL_LOW)
    machine.lightsleep(duration_ms)
    wake_on_gpio((), esp32.WAKEUP_ALL_LOW)  # None would leave it as it is
    return machine.wake_reason() == _WOKEN_BY_GPIO


def contact(pin: int, pressed: int, on_edge=None):
    """Return GPIO `pin` as an input that rests at the other level than `pressed`, by the chip's
    own resistor where it has one (not GPIO 34 to 39); its `value()` is the level.

    on_edge(pin): called soon after each edge, between two steps of the program. A pin that has
    ended a sleep, or was armed to, is taken back for it.
    """
    pull = -1 if pin >= _NO_RESISTOR else machine.Pin.PULL_DOWN if pressed else machine.Pin.PULL_UP
    line = machine.Pin(pin, machine.Pin.IN, pull, hold=False)  # pyright: ignore[reportCallIssue]
    if on_edge:
        line.irq(on_edge)
    return line


def wake_at(pin: int, level: int) -> None:
    """Have the sleeps that follow end when GPIO `pin`, an RTC GPIO, is at `level`."""
    at = esp32.WAKEUP_ANY_HIGH if level else esp32.WAKEUP_ALL_LOW
    esp32.wake_on_ext1((machine.Pin(pin),), at)


def restart() -> None:
    """Restart the chip; RTC memory is kept."""
    machine.reset()


class Watchdog:
    """Resets the chip (cause "watchdog") `timeout_s` after it was fed last; 0 never does.

    It starts with the first `feed` and cannot be stopped but by a reset or a deep sleep.
    """

    def __init__(self, timeout_s: int):
        self._timeout_ms = timeout_s * 1000
        self._timer = None

    def feed(self) -> None:
        """Say that all that has to move does."""
        if self._timer is None and self._timeout_ms:
            self._timer = machine.WDT(timeout=self._timeout_ms)
        if self._timer:
            self._timer.feed()


def console():
    """Return the REPL's input as a reader with `async readline() -> bytes`."""
    return asyncio.StreamReader(sys.stdin)


class Uart:
    """A UART whose bytes can be awaited: `async read()` and `write(data)`.

    `board_uart` is a dictionary: id, tx and rx (GPIO numbers). `baudrate` is in bit/s.
    """

    def __init__(self, board_uart: dict, baudrate: int):
        self._flag = asyncio.ThreadSafeFlag()
        # A pin that has ended a deep sleep belongs to the RTC, and is deaf until it is taken back,
        # which machine.UART does not do.
        machine.Pin(board_uart["rx"], machine.Pin.IN)
        self._uart = machine.UART(
            board_uart["id"],
            baudrate=baudrate,
            tx=board_uart["tx"],
            rx=board_uart["rx"],
            rxbuf=_RX_BUFFER,
            txbuf=_TX_BUFFER,
            timeout=0,
            timeout_char=0,
        )
        self._uart.irq(self._on_idle, machine.UART.IRQ_RXIDLE)

    def _on_idle(self, _uart):
        self._flag.set()

    def set_baudrate(self, baudrate: int) -> None:
        """Go on at another rate, in bit/s; what has come in and was not read is lost."""
        self._uart.init(baudrate=baudrate)

    async def read(self) -> bytes:
        """Return what has come in, waiting for at least one byte."""
        while True:
            data = self._uart.read()
            if data:
                return data
            await self._flag.wait()

    def write(self, data) -> None:
        """Send `data`; longer than the driver's buffer blocks."""
        self._uart.write(data)


def hold(pin: int, level: int) -> None:
    """Drive GPIO `pin` at `level`, through deep sleep too.

    A pin that was held before a deep sleep still is: it is let go when it has its level, and held
    again, so that what hangs on it, such as a modem's supply, notices nothing.
    """
    # The stubs leave `hold` out.
    machine.Pin(pin, machine.Pin.OUT, value=level, hold=True)  # pyright: ignore[reportCallIssue]


def i2c(sda: int, scl: int):
    """Return the I2C bus on two GPIOs, as `machine.SoftI2C` has it."""
    lines = [machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) for pin in (sda, scl)]
    return machine.SoftI2C(sda=lines[0], scl=lines[1], freq=100_000)


class ModemPins:
    """A modem's control lines: power key, reset, DTR and RI; a GPIO number of None is a line not
    wired.

    `pins` is a dictionary: pwrkey, pwrkey_pressed (level that presses the key), dtr, ri, and where
    it is wired reset, reset_pressed. `asleep` is what DTR shall say from the start: after a deep
    sleep the modem may go on sleeping.
    """

    def __init__(self, pins: dict, asleep: bool = False):
        self._pins = pins
        for name in ("pwrkey", "reset"):
            if pins.get(name) is not None:
                hold(pins[name], 1 - pins[name + "_pressed"])
        self.dtr(asleep)
        self.ri_pin = pins["ri"]
        self._ri = None
        if self.ri_pin is not None:
            pull = -1 if self.ri_pin >= _NO_RESISTOR else machine.Pin.PULL_UP
            self._ri = machine.Pin(self.ri_pin, machine.Pin.IN, pull)

    async def pulse(self, duration_ms: int) -> None:
        """Press the power key for `duration_ms`; the same pulse turns a running modem off."""
        await self._press("pwrkey", duration_ms)

    async def reset(self, duration_ms: int) -> None:
        """Pull the modem's RST for `duration_ms`, which restarts one that runs."""
        await self._press("reset", duration_ms)

    async def _press(self, name, duration_ms):
        pin = self._pins.get(name)
        if pin is None:
            return
        pressed = self._pins[name + "_pressed"]
        # Held, so that deep sleep does not let go of the line and start or wake the modem.
        hold(pin, pressed)
        try:
            await asyncio.sleep_ms(duration_ms)
        finally:
            hold(pin, 1 - pressed)

    def dtr(self, asleep: bool) -> None:
        """Let the modem sleep (DTR high) or wake it (low)."""
        if self.can_sleep():
            hold(self._pins["dtr"], 1 if asleep else 0)

    def can_sleep(self) -> bool:
        """Return whether DTR is wired, so that the modem can be put to sleep and woken."""
        return self._pins["dtr"] is not None

    def can_switch(self) -> bool:
        """Return whether the power key is wired, so that a modem that is off can be started."""
        return self._pins["pwrkey"] is not None

    def can_reset(self) -> bool:
        """Return whether RST is wired, so that a modem that hangs can be restarted."""
        return self._pins.get("reset") is not None

    def ri(self) -> "bool | None":
        """Return RI's level: False (low) while the modem has something to say; None where not
        wired.
        """
        return None if self._ri is None else bool(self._ri.value())


class AnalogInput:
    """An analog input: `read_uv()` returns calibrated microvolts."""

    def __init__(self, pin: int):
        self._adc = machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB)

    def read_uv(self) -> int:
        """Return the voltage in microvolts."""
        return self._adc.read_uv()
