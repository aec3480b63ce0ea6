"""The retained record: what a deep sleep must not cost, in RTC memory.

Layout, big endian: magic "NUDG" (4 bytes), version (1), length of the body (2), CRC-32 of version,
length and body (4), body. RTC memory holds 2048 bytes, has no check of its own and may hold
anything after a power-on, so whatever does not fit this layout to the last bit counts as no
record.
"""

import binascii
import struct

from micropython import const

_MAGIC = b"NUDG"
_VERSION = const(1)
_HEAD = const(11)
LIMIT = 2048  # bytes of RTC memory on an ESP32, header included


class RecordTooLarge(Exception):
    """The state does not fit RTC memory; the node must stay awake or start clean."""


def pack(body: bytes) -> bytes:
    """Return the record around `body`; raises RecordTooLarge above 2048 bytes in all."""
    if len(body) + _HEAD > LIMIT:
        raise RecordTooLarge("retained state has %d bytes, %d fit" % (len(body), LIMIT - _HEAD))
    counted = struct.pack(">BH", _VERSION, len(body)) + body
    return _MAGIC + counted[:3] + struct.pack(">I", binascii.crc32(counted) & 0xFFFFFFFF) + body


def unpack(memory: bytes) -> "bytes | None":
    """Return the body in `memory`, or None where it is damaged, foreign or of another version."""
    if len(memory) < _HEAD or memory[:4] != _MAGIC or memory[4] != _VERSION:
        return None
    length, crc = struct.unpack(">HI", memory[5:_HEAD])
    body = bytes(memory[_HEAD : _HEAD + length])
    if len(body) != length:
        return None
    counted = bytes(memory[4:7]) + body
    return body if binascii.crc32(counted) & 0xFFFFFFFF == crc else None
