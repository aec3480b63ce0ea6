"""The retained record: what a deep sleep or a reset must not cost, in RTC memory.

Layout, big endian: magic "NUDG" (4 bytes), version (1), next message ID (2), token count (2),
crashes (1), length of the trace (2), of what a contact has counted (1), of the body (2), CRC-32 of
all of these but the magic and of what follows (4), trace, contact, body. RTC memory holds 2048
bytes, has no check of its own and may hold anything after a power-on, so whatever does not fit
this layout to the last bit counts as no record.

A deep sleep leaves the node's state as the body. While the node runs that stays, behind a mark, as
long as it is of use (node/kept.py), and the counters are ahead of those in use: whatever ends the
run, none of them is used again. The trace is the text of the last panic, in UTF-8. What a contact
has counted (node/pulses.py) is nobody's but its own, and goes through every record unchanged.
"""

import binascii
import struct

from micropython import const

_MAGIC = b"NUDG"
_VERSION = const(4)
_CHECKED = const(15)  # bytes before the CRC
_HEAD = const(19)
_TRACE = const(400)  # bytes of a trace that are kept: its end, which names the error
OF_A_RUN = b"R"  # the mark
LIMIT = 2048  # bytes of RTC memory on an ESP32, header included


class RecordTooLarge(Exception):
    """The state does not fit RTC memory; the node must stay awake or start clean."""


def pack(
    counters: tuple,
    body: bytes = b"",
    crashes: int = 0,
    trace: bytes = b"",
    counted: bytes = b"",
) -> bytes:
    """Return the record of the counters of Endpoint.freeze (coap/endpoint.py), a body, how many
    crashes there were in a row, the trace of the last one and what a contact has counted.

    The trace loses its beginning where there is no room for it. Raises RecordTooLarge for a body
    that makes more than 2048 bytes in all.
    """
    most = LIMIT - _HEAD - len(counted)
    room = most - len(body)
    if room < 0:
        raise RecordTooLarge("retained state has %d bytes, %d fit" % (len(body), most))
    start = max(0, len(trace) - min(room, _TRACE))
    while 0 < start < len(trace) and trace[start] & 0xC0 == 0x80:
        start += 1  # not within a character
    rest = trace[start:] + counted + body
    head = struct.pack(
        ">BHHBHBH",
        _VERSION,
        counters[0],
        counters[1],
        min(crashes, 255),
        len(trace) - start,
        len(counted),
        len(body),
    )
    return _MAGIC + head + struct.pack(">I", _crc(head, rest)) + rest


def unpack(memory: bytes) -> "tuple | None":
    """Return (counters, body, crashes, trace, counted) in `memory`, or None where it is damaged,
    foreign or of another version.
    """
    if len(memory) < _HEAD or memory[:4] != _MAGIC or memory[4] != _VERSION:
        return None
    fields = struct.unpack(">HHBHBHI", memory[5:_HEAD])
    message_id, tokens, crashes, trace, counted, length, crc = fields
    counted += trace
    length += counted
    rest = bytes(memory[_HEAD : _HEAD + length])
    if len(rest) != length or _crc(memory[4:_CHECKED], rest) != crc:
        return None
    return (message_id, tokens), rest[counted:], crashes, rest[:trace], rest[trace:counted]


def of_a_run(memory: bytes) -> bytes:
    """Return the body in `memory` as it is kept while the node runs; b"" for want of room."""
    record = unpack(memory)
    if record is None:
        return b""
    body = record[1]
    if body and body[:1] != OF_A_RUN:
        body = OF_A_RUN + body
    return body if len(body) <= LIMIT - _HEAD - len(record[4]) else b""


def _crc(head, rest):
    return binascii.crc32(rest, binascii.crc32(head)) & 0xFFFFFFFF
