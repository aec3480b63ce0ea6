"""What a board's `power_up` and `battery_mv` are given as `hw`: lines that are held, and the
registers of power chips.

Loaded only where a board has one of them.
"""

from node import hw

hold = hw.hold


def write_register(sda: int, scl: int, address: int, register: int, value: int) -> None:
    """Write one byte to a chip on the I2C bus of two GPIOs; OSError where none acknowledges."""
    hw.i2c(sda, scl).writeto_mem(address, register, bytes((value,)))


def read_register(sda: int, scl: int, address: int, register: int) -> int:
    """Read one byte of a chip on the I2C bus of two GPIOs; OSError where none acknowledges."""
    return hw.i2c(sda, scl).readfrom_mem(address, register, 1)[0]
