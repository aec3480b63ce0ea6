"""MicroPython's `onewire`, as far as an application meets it: a bus on a pin.

What answers on it is `machine.host.celsius(number)`, the temperature of the one probe that can be
there.
"""


class OneWireError(Exception):
    """Nothing answers to a reset of the bus."""


class OneWire:
    """A bus on one pin."""

    def __init__(self, pin):
        self.pin = pin
