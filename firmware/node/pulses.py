"""What a contact has counted, in the record in RTC memory; and a wake that only counts.

The bytes, big endian: GPIO of the contact (1), flags (1), pulses modulo 2^32 (4), Unix time at
which the deep sleep was to end (4), GPIO of the modem that ends it as well, 255 for none (1).

Most wakes of a meter are its contact's. For those the chip loads this module and two others, and
goes on sleeping until what the node was waiting for: the modem hears nothing of it, and the boot
takes half the time of a whole one.
"""

import struct

from micropython import const

from node import hw, retained

_FORM = ">BBIIB"
# Flags: the contact is pressed; its level is high then; a function is told of each pulse; it has
# not been told of the last one.
_PRESSED = const(1)
_HIGH = const(2)
_TELLS = const(4)
_NEWS = const(8)
_NO_PIN = const(255)
_MASK = const(0xFFFFFFFF)
_ON_FLASH = const(100)  # pulses that a power cut may cost, see node/kept.py
_AT_LEAST_MS = const(1000)  # a sleep; less is for the node


def pack(
    pin: int,
    pressed: bool,
    level: int,
    tells: bool,
    count: int,
    until_s: int = 0,
    wake_pin: "int | None" = None,
) -> bytes:
    """Return the bytes; pressed: whether the contact is; level: at which it is."""
    flags = (_PRESSED if pressed else 0) | (_HIGH if level else 0) | (_TELLS if tells else 0)
    modem = _NO_PIN if wake_pin is None else wake_pin
    return struct.pack(_FORM, pin, flags, count & _MASK, until_s & _MASK, modem)


def kept(counted: bytes, pin: int, level: int) -> "tuple | None":
    """Return (whether the contact is pressed, its pulses, whether a function has to be told) of
    such bytes; None where they are another contact's.
    """
    if not counted:
        return None
    number, flags, count, _, _ = struct.unpack(_FORM, counted)
    if number != pin or bool(flags & _HIGH) != bool(level):
        return None
    return bool(flags & _PRESSED), count, bool(flags & _NEWS)


def ahead(counted: bytes, before: bytes) -> bool:
    """Whether so many pulses came since `before` that a power cut should not cost them."""
    if not before:
        return True
    return struct.unpack(_FORM, counted)[2] - struct.unpack(_FORM, before)[2] & _MASK >= _ON_FLASH


def sleep_on() -> None:
    """Count what a contact has ended a deep sleep for, and sleep on; comes back where there is
    more to do.

    The armed level was the one at which the contact was not, so that it has come to that one,
    whatever it is at by now: it may have gone back, or round once more.
    """
    record = retained.unpack(hw.load_memory())
    if record is None or not record[4]:
        return
    pin, flags, count, until_s, modem = struct.unpack(_FORM, record[4])
    level = 1 if flags & _HIGH else 0
    line = hw.contact(pin, level)
    moved = (line.value() == level) != bool(flags & _PRESSED)
    if not flags & _PRESSED or not moved:  # it was pressed, first or after it was let go
        count = count + 1 & _MASK
        if flags & _TELLS:
            flags |= _NEWS
    if moved:
        flags ^= _PRESSED
    counted = struct.pack(_FORM, pin, flags, count, until_s, modem)
    hw.store_memory(retained.pack(record[0], record[1], record[2], record[3], counted))
    left_ms = (until_s - hw.epoch_s()) * 1000
    if flags & _NEWS or left_ms < _AT_LEAST_MS:
        return
    hw.wake_at(pin, 1 - level if flags & _PRESSED else level)
    hw.deep_sleep(left_ms, None if modem == _NO_PIN else modem)
