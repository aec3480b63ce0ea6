"""Options: which of them are acted on (RFC 7252 §5.4), and their wire form (§3.1)."""

from micropython import const

# Of each option that is recognised: its longest value << 18 | its shortest << 14 | _REPEATABLE |
# one bit for each length up to 12 that decode need not look at twice.
RULES = {}
_REPEATABLE = const(1 << 13)

_SHORT = const(12)


def recognise(number: int, shortest: int, longest: int, repeatable: int = 0, noted: int = 0):
    """Let messages with an option reach the application, which acts on it.

    shortest, longest: bytes of its value, at most 15 and 1023. repeatable: it may occur again.
    noted: Message.notes tells of it. A message with a critical option that is not recognised is
    refused before (RFC 7252 §5.4.1).
    """
    rule = longest << 18 | shortest << 14 | (_REPEATABLE if repeatable else 0)
    if not noted:
        for length in range(shortest, min(longest, _SHORT) + 1):
            rule |= 1 << length
    RULES[number] = rule


# Left out are If-Match and If-None-Match, which only resources with entity tags have a use for,
# and Proxy-Uri and Proxy-Scheme.
recognise(3, 1, 255)  # Uri-Host
recognise(4, 1, 8, 1)  # ETag
recognise(6, 0, 3)  # Observe, RFC 7641
recognise(7, 0, 2)  # Uri-Port
recognise(8, 0, 255, 1)  # Location-Path
recognise(11, 0, 255, 1)  # Uri-Path
recognise(12, 0, 2)  # Content-Format
recognise(14, 0, 4)  # Max-Age
recognise(15, 0, 255, 1)  # Uri-Query
recognise(16, 1, 1)  # Hop-Limit, RFC 8768
recognise(17, 0, 2)  # Accept
recognise(20, 0, 255, 1)  # Location-Query
recognise(23, 0, 3, 0, 1)  # Block2, RFC 7959
recognise(27, 0, 3, 0, 1)  # Block1
recognise(28, 0, 4)  # Size2
recognise(60, 0, 4)  # Size1
recognise(252, 1, 40, 0, 1)  # Echo, RFC 9175
recognise(258, 0, 1, 0, 1)  # No-Response, RFC 7967
recognise(292, 0, 8, 1)  # Request-Tag, RFC 9175


def fits(number: int, length: int) -> bool:
    """Tell whether an option is recognised and may be so long (RFC 7252 §5.4.3)."""
    rule = RULES.get(number)
    return rule is not None and rule >> 14 & 0xF <= length <= rule >> 18


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


def append_option(wire: bytearray, delta: int, value: bytes):
    """Write one option, its number as the difference from the option before (RFC 7252 §3.1)."""
    size = len(value)
    if delta <= _SHORT and size <= _SHORT:
        wire.append(delta << 4 | size)
        wire.extend(value)
        return
    head = len(wire)
    wire.append(0)
    for field in (delta, size):
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


def encode_options(options: list) -> bytes:
    """Write options, a list of (number, value) in order."""
    wire = bytearray()
    previous = 0
    for number, value in options:
        append_option(wire, number - previous, value)
        previous = number
    return bytes(wire)


def encode_uint(number: int) -> bytes:
    """Write a value of the uint format: no leading zero bytes, nothing at all for 0 (§3.2)."""
    size = 0
    while number >> 8 * size:
        size += 1
    return number.to_bytes(size, "big")
