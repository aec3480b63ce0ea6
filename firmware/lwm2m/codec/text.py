"""text/plain (Content-Format 0): one value as text (TS 1.0 §6.4.1, TS 1.1 Core §7.4.1).

Opaque is base64, Boolean 0 or 1, Objlnk "3:0". A Float is written as a plain decimal with as many
digits as the platform's floats hold, so that 21.4 stays "21.4" where floats have 32 bits.
"""

from binascii import a2b_base64, b2a_base64

from micropython import const

from lwm2m.codec import CodecError, coerce, is_digits, single

_STRING = const(1)
_FLOAT = const(4)
_BOOLEAN = const(5)
_OPAQUE = const(6)
_OBJLNK = const(8)
_CORELNK = const(9)

# 2^24 + 1 needs 25 bits of mantissa, which a 32-bit float has not; asked at run time, since the
# cross-compiler's own floats have 64 bits.
_FORMAT = "%.7g" if float(16777217) == float(16777216) else "%.14g"


def encode(entries, base: tuple):
    """Yield the text of the value at base."""
    kind, value = single(entries, base)
    if kind == _BOOLEAN:
        text = "1" if value else "0"
    elif kind == _OPAQUE:
        yield b2a_base64(value)[:-1]
        return
    elif kind == _OBJLNK:
        text = "%d:%d" % value
    elif kind == _FLOAT:
        text = decimal(value)
    else:
        text = str(value)
    yield text.encode()


def decode(payload, base: tuple, kind_of):
    """Yield (base, value) for the text in payload."""
    kind = kind_of(base)
    try:
        text = str(payload, "utf-8")
    except UnicodeError:
        raise CodecError("text is not UTF-8")
    if kind == _OPAQUE:
        try:
            value = a2b_base64(text)
        except ValueError:
            raise CodecError("text is not base64")
    elif kind == _BOOLEAN:
        if text not in ("0", "1"):
            raise CodecError("boolean is neither 0 nor 1")
        value = text == "1"
    elif kind in (_STRING, _OBJLNK, _CORELNK):
        value = text
    else:
        value = number(text)
    yield base, coerce(kind, value)


def number(text: str):
    """Read a decimal number: an int when it has neither point nor exponent, else a float."""
    digits = text[1:] if text[:1] == "-" else text
    if is_digits(digits):
        return int(text)
    for char in digits:
        if char not in "0123456789.eE+-":
            break
    else:
        try:
            return float(text)
        except ValueError:
            pass
    raise CodecError("not a number")


def decimal(value) -> str:
    """Write a number without an exponent and without the noise of binary fractions."""
    if not isinstance(value, float):
        return str(value)
    text = _FORMAT % value
    at = text.find("e")
    if at < 0:
        return text
    shift = int(text[at + 1 :])
    sign = "-" if text[0] == "-" else ""
    digits = text[len(sign) : at]
    point = digits.find(".")
    if point < 0:
        point = len(digits)
    digits = digits.replace(".", "")
    point += shift
    if point <= 0:
        return sign + "0." + "0" * -point + digits
    return sign + digits + "0" * (point - len(digits))
