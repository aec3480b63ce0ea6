"""The retained record: what a deep sleep or a reset must not cost, in RTC memory.

Layout, big endian: magic "NUDG" (4 bytes), version (1), next message ID (2), token count (2),
length of the body (2), CRC-32 of all between the magic and itself and of the body (4), body. RTC
memory holds 2048 bytes, has no check of its own and may hold anything after a power-on, so
whatever does not fit this layout to the last bit counts as no record.

A deep sleep leaves the node's state as the body. While the node runs the body is empty, and the
counters are ahead of those in use: whatever ends the run, none of them is used again.
"""

import binascii
import struct

from micropython import const

_MAGIC = b"NUDG"
_VERSION = const(2)
_COUNTED = const(11)  # bytes before the CRC
_HEAD = const(15)
LIMIT = 2048  # bytes of RTC memory on an ESP32, header included


class RecordTooLarge(Exception):
    """The state does not fit RTC memory; the node must stay awake or start clean."""


def pack(counters: tuple, body: bytes = b"") -> bytes:
    """Return the record of the counters of Endpoint.freeze (coap/endpoint.py) and a body.

    Raises RecordTooLarge above 2048 bytes in all.
    """
    if len(body) + _HEAD > LIMIT:
        raise RecordTooLarge("retained state has %d bytes, %d fit" % (len(body), LIMIT - _HEAD))
    head = _MAGIC + struct.pack(">BHHH", _VERSION, counters[0], counters[1], len(body))
    return head + struct.pack(">I", _crc(head, body)) + body


def unpack(memory: bytes) -> "tuple | None":
    """Return (counters, body) in `memory`, or None where it is damaged, foreign or of another
    version.
    """
    if len(memory) < _HEAD or memory[:4] != _MAGIC or memory[4] != _VERSION:
        return None
    message_id, token_count, length, crc = struct.unpack(">HHHI", memory[5:_HEAD])
    body = bytes(memory[_HEAD : _HEAD + length])
    if len(body) != length or _crc(memory[:_COUNTED], body) != crc:
        return None
    return (message_id, token_count), body


def _crc(head, body):
    return binascii.crc32(bytes(head[4:]) + body) & 0xFFFFFFFF
