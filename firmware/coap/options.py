"""Options: numbers, which of them may be acted on (RFC 7252 §5.4), the wire form (§3.1)."""

import struct

from micropython import const

_REPEATABLE = const(1)
_BLOCK2 = const(23)
_BLOCK1 = const(27)

# Number: shortest value << 12 | longest value << 1 | repeatable. Left out are If-Match and
# If-None-Match, because no resource here has an entity tag, Proxy-Uri and Proxy-Scheme, and
# Block1 and Block2, of which only the one that is the whole body is understood.
_RECOGNISED = {
    3: 1 << 12 | 255 << 1,  # Uri-Host
    4: 1 << 12 | 8 << 1 | _REPEATABLE,  # ETag
    6: 3 << 1,  # Observe, RFC 7641
    7: 2 << 1,  # Uri-Port
    8: 255 << 1 | _REPEATABLE,  # Location-Path
    11: 255 << 1 | _REPEATABLE,  # Uri-Path
    12: 2 << 1,  # Content-Format
    14: 4 << 1,  # Max-Age
    15: 255 << 1 | _REPEATABLE,  # Uri-Query
    16: 1 << 12 | 1 << 1,  # Hop-Limit, RFC 8768
    17: 2 << 1,  # Accept
    20: 255 << 1 | _REPEATABLE,  # Location-Query
    28: 4 << 1,  # Size2, RFC 7959
    60: 4 << 1,  # Size1
    252: 1 << 12 | 40 << 1,  # Echo, RFC 9175
    258: 1 << 1,  # No-Response, RFC 7967
    292: 8 << 1 | _REPEATABLE,  # Request-Tag, RFC 9175
}


def screen(wire: bytes) -> int:
    """Return the number of the first option, in wire form, that may not be acted on; 0 for none.

    Such is a critical one that is not recognised (§5.4.1), any whose length is out of range
    (§5.4.3), and a critical one that occurs again though it may occur only once (§5.4.5).
    """
    at = number = 0
    while at < len(wire):
        head = option_head(wire, at)
        delta = head >> 20
        length = head >> 4 & 0xFFFF
        number += delta
        rule = _RECOGNISED.get(number)
        if rule is None:
            if number & 1 and not (delta and _is_whole(number, wire, at + (head & 0xF), length)):
                return number
        elif not rule >> 12 <= length <= rule >> 1 & 0x7FF or (
            delta == 0 and number & 1 and not rule & _REPEATABLE
        ):
            return number
        at += (head & 0xF) + length
    return 0


def _is_whole(number: int, wire: bytes, at: int, length: int) -> bool:
    # Block1 of the first block with no more to come; Block2 that asks for the first (RFC 7959
    # §2.2), as which the whole may be sent. Any other, taken for the whole, would spoil a value.
    limit = 8 if number == _BLOCK1 else 16 if number == _BLOCK2 else 0
    return length == 0 < limit or (length == 1 and wire[at] < limit)


def option_head(wire: bytes, at: int) -> int:
    """Read what stands before the value of the option at a position (RFC 7252 §3.1).

    Returns delta << 20 | length of the value << 4 | bytes read, as one int because a small int
    takes no memory; -1 for the reserved 15 and where the bytes end too soon.
    """
    delta = wire[at] >> 4
    length = wire[at] & 0xF
    if delta < 13 and length < 13:
        return delta << 20 | length << 4 | 1
    if delta == 15 or length == 15:
        return -1
    start = at
    at += 1
    need = (delta - 12 if delta > 12 else 0) + (length - 12 if length > 12 else 0)
    if at + need > len(wire):
        return -1
    if delta == 13:
        delta = 13 + wire[at]
        at += 1
    elif delta == 14:
        delta = 269 + (wire[at] << 8 | wire[at + 1])
        at += 2
    if length == 13:
        length = 13 + wire[at]
    elif length == 14:
        length = 269 + (wire[at] << 8 | wire[at + 1])
    if start + 1 + need + length > len(wire):
        return -1
    return delta << 20 | length << 4 | 1 + need


def encode_option(delta: int, value: bytes) -> bytes:
    """Write one option, its number as the difference from the option before (RFC 7252 §3.1)."""
    length = len(value)
    option = bytearray(1)
    option[0] = _nibble(delta) << 4 | _nibble(length)
    _extend(option, delta)
    _extend(option, length)
    option.extend(value)
    return bytes(option)


def encode_content_format(number: int) -> bytes:
    """Write a Content-Format as the only option of a message, which most responses have."""
    if number > 0xFF:
        return struct.pack(">BH", 0xC2, number)
    return struct.pack("BB", 0xC1, number) if number else b"\xc0"


def _nibble(number: int) -> int:
    return number if number < 13 else 13 if number < 269 else 14


def _extend(option: bytearray, number: int):
    if number >= 269:
        option.append(number - 269 >> 8)
        option.append(number - 269 & 0xFF)
    elif number >= 13:
        option.append(number - 13)


def encode_uint(number: int) -> bytes:
    """Write a value of the uint format: no leading zero bytes, nothing at all for 0 (§3.2)."""
    size = 0
    while number >> 8 * size:
        size += 1
    return number.to_bytes(size, "big")
