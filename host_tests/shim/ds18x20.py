"""MicroPython's `ds18x20`: the DS18B20 on the simulated bus, as slow as a real one."""

import time

import machine
from onewire import OneWireError

_ROM = bytearray(b"\x28\xff\x4a\x1c\x93\x16\x03\x8e")
_CONVERSION_MS = 750
_POWER_ON_CELSIUS = 85.0  # what it says before the first conversion has ended


class DS18X20:
    """The probes on a bus."""

    def __init__(self, onewire):
        self._bus = onewire
        self._began_ms = None

    def scan(self) -> list:
        """Return the addresses of the probes that answer."""
        return [] if self._measured() is None else [_ROM]

    def convert_temp(self) -> None:
        """Have all probes measure, which takes 750 ms; OneWireError where none answers."""
        self._answering()
        self._began_ms = time.ticks_ms()

    def read_temp(self, rom) -> float:
        """Return in °C what a probe has measured last; OneWireError where it does not answer."""
        celsius = self._answering()
        began_ms = self._began_ms
        if began_ms is None or time.ticks_diff(time.ticks_ms(), began_ms) < _CONVERSION_MS:
            return _POWER_ON_CELSIUS
        return round(celsius * 16) / 16

    def _answering(self):
        celsius = self._measured()
        if celsius is None:
            raise OneWireError
        return celsius

    def _measured(self):
        return machine.host.celsius(self._bus.pin.number)
