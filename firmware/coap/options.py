"""Options: which of them are acted on (RFC 7252 §5.4), and their wire form (§3.1)."""

from micropython import const

# What decode notes of a message, so that nobody has to look for what is seldom there.
_BLOCK = const(1 << 16)
_NO_RESPONSE = const(2 << 16)
_ECHO = const(4 << 16)

# Number: notes << 16 | shortest value << 12 | longest value << 1 | repeatable. Left out are
# If-Match and If-None-Match, which `recognise` adds where resources have entity tags, and
# Proxy-Uri and Proxy-Scheme.
RULES = {
    3: 1 << 12 | 255 << 1,  # Uri-Host
    4: 1 << 12 | 8 << 1 | 1,  # ETag
    6: 3 << 1,  # Observe, RFC 7641
    7: 2 << 1,  # Uri-Port
    8: 255 << 1 | 1,  # Location-Path
    11: 255 << 1 | 1,  # Uri-Path
    12: 2 << 1,  # Content-Format
    14: 4 << 1,  # Max-Age
    15: 255 << 1 | 1,  # Uri-Query
    16: 1 << 12 | 1 << 1,  # Hop-Limit, RFC 8768
    17: 2 << 1,  # Accept
    20: 255 << 1 | 1,  # Location-Query
    23: _BLOCK | 3 << 1,  # Block2, RFC 7959
    27: _BLOCK | 3 << 1,  # Block1
    28: 4 << 1,  # Size2
    60: 4 << 1,  # Size1
    252: _ECHO | 1 << 12 | 40 << 1,  # Echo, RFC 9175
    258: _NO_RESPONSE | 1 << 1,  # No-Response, RFC 7967
    292: 8 << 1 | 1,  # Request-Tag, RFC 9175
}


def recognise(number: int, shortest: int, longest: int, repeatable: bool):
    """Let messages with a further option reach the application, which acts on it.

    shortest, longest: bytes of its value, at most 15 and 1023. A message with a critical option
    that is not recognised is refused before (RFC 7252 §5.4.1).
    """
    RULES[number] = shortest << 12 | longest << 1 | (1 if repeatable else 0)


def in_range(number: int, value: bytes) -> bool:
    """Tell whether an option's length is one it may have (RFC 7252 §5.4.3)."""
    rule = RULES.get(number)
    return rule is None or rule >> 12 & 0xF <= len(value) <= rule >> 1 & 0x3FF


def extended_head(wire: bytes, at: int) -> int:
    """Read what stands before the value of the option at a position (RFC 7252 §3.1).

    Returns delta << 20 | length of the value << 4 | bytes read, as one int because a small int
    takes no memory; -1 for the reserved 15 and where the bytes end too soon.
    """
    start = at
    packed = 0
    nibbles = wire[at]
    at += 1
    for nibble in (nibbles >> 4, nibbles & 0xF):
        if nibble == 15 or at + nibble - 12 > len(wire):
            return -1
        if nibble == 14:
            nibble = 269 + (wire[at] << 8 | wire[at + 1])
            at += 2
        elif nibble == 13:
            nibble += wire[at]
            at += 1
        if nibble > 0xFFFF:
            return -1
        packed = packed << 16 | nibble
    return packed << 4 | at - start


def encode_options(options: list) -> bytes:
    """Write options, a list of (number, value) in order (RFC 7252 §3.1)."""
    wire = bytearray()
    previous = 0
    for number, value in options:
        head = len(wire)
        wire.append(0)
        for field in (number - previous, len(value)):
            nibble = field
            if field > 268:
                nibble = 14
                wire.append(field - 269 >> 8)
                wire.append(field - 269 & 0xFF)
            elif field > 12:
                nibble = 13
                wire.append(field - 13)
            wire[head] = (wire[head] & 0xF) << 4 | nibble
        wire.extend(value)
        previous = number
    return bytes(wire)


def encode_uint(number: int) -> bytes:
    """Write a value of the uint format: no leading zero bytes, nothing at all for 0 (§3.2)."""
    size = 0
    while number >> 8 * size:
        size += 1
    return number.to_bytes(size, "big")
