"""Content formats: payloads to Python values and back; paths.py says what a value is."""

import base64
import json
import math

from . import cbor, links, lwm2m_cbor, senml, tlv
from .paths import FormatError, Path, Record, flatten, nest, newest, parse_path, path_text

__all__ = [
    "FormatError",
    "Path",
    "Record",
    "decode",
    "default_format",
    "encode",
    "encode_entries",
    "encode_paths",
    "flatten",
    "from_text",
    "gather",
    "nest",
    "parse_path",
    "path_text",
    "records",
    "to_json",
]

TEXT, LINK, OPAQUE, CBOR, SENML_JSON, SENML_CBOR = 0, 40, 42, 60, 110, 112
SENML_ETCH_JSON, SENML_ETCH_CBOR = 320, 322
TLV, JSON, LWM2M_CBOR = 11542, 11543, 11544
NAMES = {
    "text": TEXT,
    "link": LINK,
    "opaque": OPAQUE,
    "cbor": CBOR,
    "senml-json": SENML_JSON,
    "senml-cbor": SENML_CBOR,
    "senml-etch-json": SENML_ETCH_JSON,
    "senml-etch-cbor": SENML_ETCH_CBOR,
    "tlv": TLV,
    "json": JSON,
    "lwm2m-cbor": LWM2M_CBOR,
}
# Numbers in use before IANA registered any, and the change request's example (ct=100).
_ALIASES = {1541: TEXT, 1542: TLV, 1543: JSON, 1544: OPAQUE, 100: JSON}


def decode(content_format: int | None, payload: bytes, base: Path, type_of, root: str = ""):
    """Decode the payload that answers a request for `base`: the newest value of what it names.

    type_of(path) -> type name or None; root: the client's alternate path, cut off SenML names.
    Without a Content-Format the payload is taken as text when it is that, else as bytes. A link
    format gives a list of {"target": …, attribute: …}. Raises FormatError.
    """
    if content_format == LINK:
        return _guarded(_links, content_format, payload, base)
    return gather(records(content_format, payload, base, type_of, root), base)


def gather(records: list[Record], base: Path):
    """Return the newest values of records as the value of `base`. Raises FormatError."""
    return nest(newest(records), base)


def records(
    content_format: int | None, payload: bytes, base: Path, type_of, root: str = ""
) -> list[Record]:
    """Decode a payload into its records, in their order; arguments as of `decode`.

    Raises FormatError.
    """
    return _guarded(_records, content_format, payload, base, type_of, root)


def _guarded(reader, content_format, payload: bytes, base: Path, *more):
    """Call reader; whatever bytes of another form make it raise becomes FormatError."""
    try:
        return reader(content_format, payload, base, *more)
    except FormatError:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
        tlv.TlvError,
        links.LinkError,
        cbor.DecodeError,
    ) as error:
        raise FormatError(
            "payload of format %s at %s: %s" % (content_format, path_text(base), error)
        ) from error


def _links(content_format, payload: bytes, base: Path) -> list[dict]:
    return [{"target": target, **attributes} for target, attributes in links.parse(payload)]


def _records(content_format, payload: bytes, base: Path, type_of, root: str) -> list[Record]:
    content_format = _ALIASES.get(content_format, content_format)
    if content_format in senml.FORMATS:
        return senml.decode(content_format, payload, base, type_of, root)
    if content_format == LWM2M_CBOR:
        return lwm2m_cbor.decode(payload)
    if content_format == TLV:
        return [Record(*entry) for entry in tlv.decode(payload, base, type_of).items()]
    if content_format in (None, TEXT, OPAQUE, CBOR) and len(base) < 3:
        raise FormatError("one value, where %s has more" % path_text(base))
    if content_format is None:
        value = _decode_unknown(payload)
    elif content_format == TEXT:
        value = _decode_text(payload.decode("utf-8"), type_of(base))
    elif content_format == OPAQUE:
        value = payload
    elif content_format == CBOR:
        value = cbor.loads(payload)
        if value is None or not cbor.is_scalar(value):
            raise FormatError("%r is no value of a Resource" % (value,))
    else:
        raise FormatError("Content-Format %d is not known" % content_format)
    return [Record(base, value)]


def encode(content_format: int, base: Path, value, type_of) -> bytes:
    """Encode a value for a Write or Create at `base`. Raises FormatError."""
    content_format = _ALIASES.get(content_format, content_format)
    try:
        entries = flatten(value, base)
    except (ValueError, TypeError) as error:
        raise FormatError("value for %s: %s" % (path_text(base), error)) from error
    if None in entries.values():
        raise FormatError("value for %s: null is none" % path_text(base))
    if content_format not in (TEXT, OPAQUE, CBOR):
        return encode_entries(content_format, entries, base, type_of)
    if isinstance(value, dict):
        raise FormatError("Content-Format %d holds one value only" % content_format)
    if content_format == CBOR:
        return cbor.dumps(value)
    if content_format == OPAQUE:
        return value if isinstance(value, bytes) else str(value).encode()
    return _encode_text(value)


def encode_entries(content_format: int, entries: dict[Path, object], base: Path, type_of) -> bytes:
    """Encode {path: scalar}, every path under `base`; None removes (SenML-ETCH, LwM2M CBOR).

    Raises FormatError.
    """
    content_format = _ALIASES.get(content_format, content_format)
    try:
        if content_format == TLV and base:
            return tlv.encode(entries, base, type_of)
        if content_format in senml.FORMATS:
            return senml.encode(content_format, entries, type_of)
        if content_format == LWM2M_CBOR:
            return lwm2m_cbor.encode(entries)
    except (ValueError, TypeError, IndexError, tlv.TlvError) as error:
        raise FormatError("value for %s: %s" % (path_text(base), error)) from error
    raise FormatError("writing in Content-Format %d is not supported" % content_format)


def encode_paths(content_format: int, paths: tuple[Path, ...]) -> bytes:
    """Encode the paths of a composite operation, without values. Raises FormatError."""
    content_format = _ALIASES.get(content_format, content_format)
    named: dict[Path, object] = dict.fromkeys(paths)
    if content_format in senml.FORMATS and content_format != JSON:
        return senml.encode(content_format, named, lambda path: None, named=True)
    if content_format == LWM2M_CBOR:
        return lwm2m_cbor.encode(named)
    raise FormatError("paths in Content-Format %d are not supported" % content_format)


def default_format(base: Path, value, structured: int) -> int:
    """Choose the format of a Write: text or opaque for one value, else the version's own."""
    if isinstance(value, dict) or len(base) < 3:
        return structured
    return OPAQUE if isinstance(value, bytes) else TEXT


def to_json(value):
    """Make a value fit for JSON: bytes become {"hex": …}, ids and what is no number strings."""
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, dict):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def from_text(text: str):
    """Read a value from a command line: JSON (numbers, true, {"0": …}), hex:…, else a string."""
    if text.startswith("hex:"):
        return bytes.fromhex(text[4:])
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (int, float, bool, dict, str)) else text


def _decode_unknown(payload: bytes):
    text = payload.decode("utf-8", "replace")
    return payload if "\ufffd" in text else text


def _decode_text(text: str, type: str | None):
    if type in ("integer", "unsigned", "time"):
        return int(text)
    if type == "float":
        return float(text)
    if type == "boolean":
        if text not in ("0", "1"):
            raise ValueError("a boolean is %r" % text)
        return text == "1"
    if type == "opaque":
        return base64.b64decode(text, validate=True)
    return text


def _encode_text(value) -> bytes:
    if isinstance(value, bool):
        return b"1" if value else b"0"
    if isinstance(value, bytes):
        return base64.b64encode(value)
    return str(value).encode()
