"""The chip of a board for system tests, as the firmware meets it: pins and UART, clock, log.

They belong to a World (system/world.py).
"""

import machine
from shim import virtual_time

from boards.host import board as host_board

POWER_ON, HARD_RESET, WATCHDOG, DEEP_SLEEP = 1, 2, 3, 4

_EPOCH_AT_POWER_ON_S = 946684800  # an ESP32 that has lost its power begins in 2000
_TICKS_MASK = 0x3FFFFFFF


class Wiring:
    """A board of boards/, the simulated one where none is given, but for the pins that differ
    (None: not wired).
    """

    def __init__(self, pins, board=None):
        board = board or host_board
        for name in ("CHIP", "MODEMS", "BATTERY", "TAKEN", "UART", "power_up", "battery_mv"):
            if hasattr(board, name):
                setattr(self, name, getattr(board, name))
        self.PINS = dict(board.PINS)
        self.PINS.update(pins)


class Chip:
    """What lies outside the chip for one run of it: the `machine.host` of one boot."""

    def __init__(self, world, reset_cause, wake_reason):
        self.reset_cause = reset_cause
        self.wake_reason = wake_reason
        self.running = True
        self.halted = None  # (kind, duration_ms, wake_pin)
        self._world = world
        self._dog = None

    @property
    def memory(self):
        return self._world.memory

    @memory.setter
    def memory(self, data):
        if self.running:
            self._world.memory = data
            self._world.stores += 1

    @property
    def datetime(self):
        return None

    @datetime.setter
    def datetime(self, fields):
        year, month, day, _, hour, minute, second, _ = fields
        seconds = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
        self._world.clock.set_epoch(seconds)

    def uart_rate(self, baudrate):
        if self.running:
            self._world.modem.set_baud(baudrate)

    def uart_write(self, data):
        if self.running:
            self._world.modem.write(self._world.passing(data))

    def pin_write(self, number, level):
        modem = self._world.modem
        pins = self._world.board.PINS
        if not self.running:
            return
        if number == pins["pwrkey"]:
            modem.pwrkey(level == pins["pwrkey_pressed"])
        elif number == pins.get("reset"):
            modem.reset(level == pins["reset_pressed"])
        elif number == pins["dtr"]:
            modem.dtr(bool(level))
        elif number == self._world.supply_pin:
            modem.supply(bool(level))

    def pin_read(self, number):
        if number == self._world.board.PINS["ri"]:
            return int(self._world.modem.ri)
        return self._world.levels.get(number, 1)

    def adc_uv(self, number):
        return self._world.microvolts.get(number, 0)

    def watchdog(self, timeout_ms):
        self._world.timers.cancel(self._dog)
        self._dog = self._world.timers.call_later(timeout_ms, self._bite)

    def _bite(self):
        if self.running:
            self._world.fail(WATCHDOG, 0, lost=False)

    def halt(self, kind, duration_ms, wake_pin):
        world = self._world
        pin = world.supply_pin
        if kind == "deepsleep" and pin is not None and not machine.rests(pin):
            world.modem.supply(False)  # nothing drives it
        self.running = False
        self.halted = (kind, duration_ms, wake_pin)


class Log:
    """The node's log of one boot; what comes after its end is not of this world."""

    form = "json"

    def __init__(self, world, chip):
        self._world = world
        self._chip = chip

    def event(self, name, facts):
        if self._chip.running:
            self._world.record("device", name, facts)


class Clock:
    """The chip's clocks. slow_permille: how slow, in sleep and as Unix time."""

    def __init__(self, slow_permille):
        self.slow_permille = slow_permille
        self._booted_ms = 0
        self._epoch_base_s, self._epoch_base_ms = _EPOCH_AT_POWER_ON_S, 0

    def lose(self) -> None:
        """The supply has failed: Unix time is lost."""
        self.set_epoch(_EPOCH_AT_POWER_ON_S)

    def boot(self) -> None:
        """The tick counter begins anew."""
        self._booted_ms = virtual_time.now_ms()

    def awake_ms(self) -> int:
        """The ms since the latest boot."""
        return virtual_time.now_ms() - self._booted_ms

    def ticks_ms(self) -> int:
        """The tick counter: from the boot, wrapping."""
        return self.awake_ms() & _TICKS_MASK

    def epoch_s(self) -> int:
        """Unix time."""
        passed_ms = virtual_time.now_ms() - self._epoch_base_ms
        return self._epoch_base_s + passed_ms * (1000 - self.slow_permille) // 1_000_000

    def set_epoch(self, seconds) -> None:
        """Unix time is set."""
        self._epoch_base_s, self._epoch_base_ms = seconds, virtual_time.now_ms()


class Random:
    """The chip's random generator, from a seed (xorshift32)."""

    def __init__(self, seed):
        self._state = (seed * 2654435761 + 97) & 0xFFFFFFFF or 1

    def bits(self, count) -> int:
        """Return an integer of `count` random bits, at most 32."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x >> 32 - count if count else 0


def _days(year, month, day):
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    year -= month < 3
    shifted = (153 * (month + (9 if month < 3 else -3)) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + shifted - 719468
