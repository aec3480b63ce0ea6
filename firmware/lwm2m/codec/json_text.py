"""JSON (RFC 8259) written value by value, for SenML JSON and LwM2M JSON."""

from binascii import b2a_base64

from micropython import const

from lwm2m.codec import CodecError
from lwm2m.codec.senml_cbor import base_name, join

_STRING = const(1)
_OPAQUE = const(6)
_OBJLNK = const(8)
_CORELNK = const(9)

# Bytes or characters of a value that are written at once; whole groups of base64.
_PIECE = const(240)


def records(entries, base: tuple, frame: tuple, labels: tuple, url: bool, root: str = ""):
    """Yield a document entry by entry, one JSON object each, the base name in the first; a long
    value in pieces, for which a fragmented heap has room.

    entries: (path, type, value), perhaps with a time (s) behind them. frame: what stands before
    the first object's members, with %s for the base name; what ends the document; and the
    document without entries. labels: label of the value by type. url: as `value_text` has it.
    root: alternate path, as SenML CBOR has it.
    """
    opening, closing, nothing = frame
    text = ""
    for entry in entries:
        name = join(entry[0][len(base) :])
        if text:
            text = ",{"
        else:
            text = opening % base_name(base, root, name)
        if name:
            text += '"n":"%s",' % name
        if len(entry) > 3:
            text += '"t":%s,' % text_of(entry[3])
        kind = entry[1]
        value = entry[2]
        text += '"%s":' % labels[kind]
        if kind in (_STRING, _OPAQUE, _CORELNK) and len(value) > _PIECE:
            text += '"'
            for at in range(0, len(value), _PIECE):
                yield text.encode()
                text = value_text(kind, value[at : at + _PIECE], url)[1:-1]
            text += '"}'
        else:
            text += value_text(kind, value, url) + "}"
        yield text.encode()
    yield (closing if text else nothing).encode()


def text_of(value) -> str:
    """Write None, a bool, int, float or str as JSON; a float with as many digits as tell it apart.

    CodecError for a float that JSON has no number for (RFC 8259 §6).
    """
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if not isinstance(value, float):
        return str(value)
    if value - value != 0:
        raise CodecError("JSON has no such number")
    # 6 to 9 digits for a float of 32 bits, 15 to 17 for one of 64.
    for form in ("%.7g", "%.8g", "%.9g", "%.15g", "%.16g"):
        text = form % value
        if float(text) == value:
            return "-0.0" if text == "-0" else text  # an integer has no sign of zero
    return "%.17g" % value


def value_text(kind: int, value, url: bool) -> str:
    """Write the value of a resource of type kind; url: as `base64` has it, for Opaque."""
    if kind == _OPAQUE:
        return '"%s"' % base64(value, url)
    if kind == _OBJLNK:
        return '"%d:%d"' % value
    return text_of(value)


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    for char in text:
        if char < " ":
            break
    else:
        return '"%s"' % text
    return '"%s"' % "".join([char if char >= " " else "\\u%04x" % ord(char) for char in text])


def base64(data, url: bool) -> str:
    """Write bytes in base64; url: with the alphabet for URLs and without padding (RFC 4648 §5)."""
    text = str(b2a_base64(data)[:-1], "utf-8")
    return text.replace("+", "-").replace("/", "_").rstrip("=") if url else text
