"""CoAP numbers by name: codes and option numbers (RFC 7252 §12; RFC 7641, 7959 and 8132 add to
them).

For applications and tests. The firmware's own modules repeat the few they need as private
constants, which the compiler folds away; a public name takes 44 bytes of a board's heap.
"""

from micropython import const

EMPTY = const(0x00)

GET = const(0x01)
POST = const(0x02)
PUT = const(0x03)
DELETE = const(0x04)
FETCH = const(0x05)
PATCH = const(0x06)
IPATCH = const(0x07)

CREATED = const(0x41)
DELETED = const(0x42)
VALID = const(0x43)
CHANGED = const(0x44)
CONTENT = const(0x45)
CONTINUE = const(0x5F)

BAD_REQUEST = const(0x80)
UNAUTHORIZED = const(0x81)
BAD_OPTION = const(0x82)
FORBIDDEN = const(0x83)
NOT_FOUND = const(0x84)
METHOD_NOT_ALLOWED = const(0x85)
NOT_ACCEPTABLE = const(0x86)
REQUEST_ENTITY_INCOMPLETE = const(0x88)
PRECONDITION_FAILED = const(0x8C)
REQUEST_ENTITY_TOO_LARGE = const(0x8D)
UNSUPPORTED_CONTENT_FORMAT = const(0x8F)

INTERNAL_ERROR = const(0xA0)
NOT_IMPLEMENTED = const(0xA1)
SERVICE_UNAVAILABLE = const(0xA3)
PROXYING_NOT_SUPPORTED = const(0xA5)

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


def code(major: int, detail: int) -> int:
    """Return the code written `major.detail`, as code(2, 5) for 2.05."""
    return major << 5 | detail
