"""Content formats: one module a format, imported when first used.

Every codec module offers

    encode(entries, base)           -> generator of bytes chunks
    decode(payload, base, kind_of)  -> iterator of (path, value)

`entries` can be iterated more than once and yields (path, type, value): path is a tuple of 3 or 4
integers, type one of the numbers of lwm2m.object. `base` is the path of the request.
`kind_of(path)` gives the type of a resource, None when there is none, or 0 when its value does not
matter and comes as None. Both raise CodecError for what the format cannot carry; `decode` raises
it for every malformed payload. A value of None (SenML-ETCH, LwM2M CBOR) stands for a resource
instance to be removed. Codecs know bytes, paths and types; whether a resource exists or may be
written is the caller's matter.

Values by type (TS Core appendix C): String and Corelnk str, Integer, Unsigned and Time int, Float
int or float, Boolean bool, Opaque bytes, Objlnk a tuple (object id, instance id).
"""

from micropython import const

_STRING = const(1)
_INTEGER = const(2)
_UNSIGNED = const(3)
_FLOAT = const(4)
_BOOLEAN = const(5)
_OPAQUE = const(6)
_TIME = const(7)
_OBJLNK = const(8)
_CORELNK = const(9)
_NAMES = "None String Integer Unsigned Float Boolean Opaque Time Objlnk Corelnk"


class CodecError(Exception):
    """A payload is malformed, or a value cannot be carried; the text says what and where."""


def registered(content_format: int) -> int:
    """Return the number that IANA gave to what 1541 to 1544 meant before: text, TLV, JSON, octets.

    Servers still ask for those and write in them (Leshan before 1.0). Such a one knows no other
    number, so what it asked for carries the one that its Accept had.
    """
    if 1541 <= content_format <= 1544:
        return (0, 11542, 11543, 42)[content_format - 1541]
    return content_format


def load(content_format: int):
    """Return the codec of a Content-Format number (see `registered`), None when there is none."""
    if content_format == 0:
        from lwm2m.codec import text as module
    elif content_format == 42:
        from lwm2m.codec import opaque as module
    elif content_format == 60:
        from lwm2m.codec import cbor_value as module
    elif content_format == 110:
        from lwm2m.codec import senml_json as module
    elif content_format == 112:
        from lwm2m.codec import senml_cbor as module
    elif content_format == 320 or content_format == 322:
        from lwm2m.codec.senml_etch import Etch

        return Etch(content_format)
    elif content_format == 11542:
        from lwm2m.codec import tlv as module
    elif content_format == 11543:
        from lwm2m.codec import lwm2m_json as module
    elif content_format == 11544:
        from lwm2m.codec import lwm2m_cbor as module
    else:
        return None
    return module


def coerce(kind: int, value):
    """Return value as the Python type that stands for `kind`; CodecError when it does not fit.

    A float of integral value passes as an Integer, because SenML does not tell them apart
    (RFC 8428 §4.3). Integers are held to 64 bits.
    """
    is_bool = value is True or value is False
    if kind == _BOOLEAN:
        if is_bool:
            return value
    elif kind in (_STRING, _CORELNK):
        if isinstance(value, str):
            return value
    elif kind == _OPAQUE:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
    elif kind == _OBJLNK:
        if isinstance(value, str):
            value = _objlnk(value)
        if isinstance(value, tuple) and len(value) == 2 and 0 <= min(value) <= max(value) <= 65535:
            return value
    elif kind == _FLOAT:
        if isinstance(value, (int, float)) and not is_bool:
            # Not every format has integers of more than 64 bits, nor has the record of a sleep.
            return value if _fits(_FLOAT, value) else float(value)
    elif kind in (_INTEGER, _UNSIGNED, _TIME) and not is_bool:
        if isinstance(value, float) and -1e15 < value < 1e15 and value == int(value):
            value = int(value)
        if isinstance(value, int) and _fits(kind, value):
            return value
    raise CodecError("value is not of type " + _NAMES.split(" ")[kind or 0])


def _fits(kind: int, value) -> bool:
    if kind == _UNSIGNED:
        return 0 <= value <= 0xFFFFFFFFFFFFFFFF
    if kind == _FLOAT:
        return isinstance(value, float) or -0x8000000000000000 <= value <= 0xFFFFFFFFFFFFFFFF
    return -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF


def single(entries, base: tuple):
    """Return (type, value) of the only entry at base, for the formats that carry one value."""
    found = None
    for path, kind, value in entries:
        if found or path != base:
            raise CodecError("format carries one value only")
        found = (kind, value)
    if not found:
        raise CodecError("no value")
    return found


def _objlnk(text: str):
    halves = text.split(":")
    if len(halves) == 2 and is_digits(halves[0]) and is_digits(halves[1]):
        return int(halves[0]), int(halves[1])
    return None


def is_digits(text: str) -> bool:
    """True when text is 1 to 20 ASCII digits (str.isdigit takes other scripts' digits too)."""
    if not 0 < len(text) <= 20:
        return False
    return not text.strip("0123456789")
