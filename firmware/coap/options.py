"""Option numbers, and which options of a message may be acted on (RFC 7252 §5.4 and §5.10)."""

from micropython import const

OBSERVE = const(6)
LOCATION_PATH = const(8)
URI_PATH = const(11)
CONTENT_FORMAT = const(12)
MAX_AGE = const(14)
URI_QUERY = const(15)
ACCEPT = const(17)
BLOCK2 = const(23)
BLOCK1 = const(27)
SIZE2 = const(28)
SIZE1 = const(60)

_REPEATABLE = const(1)

# Number: shortest value << 12 | longest value << 1 | repeatable. If-Match and If-None-Match are
# left out: no resource here has an entity tag, so a request made conditional on one is refused.
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
    23: 3 << 1,  # Block2, RFC 7959
    27: 3 << 1,  # Block1, RFC 7959
    28: 4 << 1,  # Size2, RFC 7959
    35: 1 << 12 | 1034 << 1,  # Proxy-Uri
    39: 1 << 12 | 255 << 1,  # Proxy-Scheme
    60: 4 << 1,  # Size1
    252: 1 << 12 | 40 << 1,  # Echo, RFC 9175
    258: 1 << 1,  # No-Response, RFC 7967
    292: 8 << 1 | _REPEATABLE,  # Request-Tag, RFC 9175
}


def recognised(number: int, length: int, repeated: bool) -> bool:
    """Tell whether an option can be acted on.

    An option whose length is out of range (§5.4.3), or that occurs again though it may occur only
    once (§5.4.5), counts as not recognised.
    """
    rule = _RECOGNISED.get(number)
    return (
        rule is not None
        and rule >> 12 <= length <= rule >> 1 & 0x7FF
        and not (repeated and not rule & _REPEATABLE)
    )
