"""Content formats: payloads to Python values and back.

A value is a scalar for a resource, {instance: scalar} for a multiple resource, {resource: …} for
an Object Instance and {instance: {resource: …}} for an Object. Opaque values are bytes.
"""

import base64
import json
import re

import cbor2

from . import links, tlv

TEXT, LINK, OPAQUE, CBOR, SENML_JSON, SENML_CBOR = 0, 40, 42, 60, 110, 112
TLV, JSON = 11542, 11543
NAMES = {
    "text": TEXT,
    "link": LINK,
    "opaque": OPAQUE,
    "cbor": CBOR,
    "senml-json": SENML_JSON,
    "senml-cbor": SENML_CBOR,
    "tlv": TLV,
    "json": JSON,
}
# Numbers in use before IANA registered any, and the change request's example (ct=100).
_ALIASES = {1541: TEXT, 1542: TLV, 1543: JSON, 100: JSON}

_BASE_NAME, _BASE_VALUE, _NAME, _VALUE, _STRING, _BOOLEAN, _DATA = -2, -5, 0, 2, 3, 4, 8
_LINK = "vlo"
# Labels of SenML JSON (RFC 8428 §5) and of LwM2M JSON (TS 1.0 §6.4.4), where bv is a boolean.
_SENML_LABELS = {
    "bn": _BASE_NAME,
    "bv": _BASE_VALUE,
    "n": _NAME,
    "v": _VALUE,
    "vs": _STRING,
    "vb": _BOOLEAN,
    "vd": _DATA,
}
_JSON_LABELS = {
    "bn": _BASE_NAME,
    "n": _NAME,
    "v": _VALUE,
    "sv": _STRING,
    "bv": _BOOLEAN,
    "ov": _LINK,
}

Path = tuple[int, ...]


class FormatError(Exception):
    """A payload does not have the format it claims, or a value does not fit a format."""


def parse_path(text: str) -> Path:
    """Read "/3303/0/5700" into ids; "/" is (). Raises ValueError that says what is allowed."""
    segments = [segment for segment in text.strip().split("/") if segment]
    if (
        len(segments) > 4
        or not all(re.fullmatch(r"[0-9]{1,5}", s) for s in segments)
        or any(int(segment) > 65535 for segment in segments)
    ):
        raise ValueError("path %r is not /OBJECT[/INSTANCE[/RESOURCE[/INSTANCE]]]" % text)
    return tuple(int(segment) for segment in segments)


def path_text(path: Path) -> str:
    """Write ids as a path: (3303, 0) → "/3303/0"."""
    return "/" + "/".join(str(id) for id in path)


def decode(content_format: int | None, payload: bytes, base: Path, type_of, root: str = ""):
    """Decode the payload that answers a request for `base`.

    type_of(path) -> type name or None; root: the client's alternate path, cut off SenML names.
    Without a Content-Format the payload is taken as text when it is that, else as bytes. Raises
    FormatError.
    """
    content_format = _ALIASES.get(content_format, content_format)  # type: ignore[arg-type]
    try:
        if content_format is None:
            return _decode_unknown(payload)
        if content_format == TEXT:
            return _decode_text(payload.decode("utf-8"), type_of(base))
        if content_format == LINK:
            return [
                {"target": target, **attributes} for target, attributes in links.parse(payload)
            ]
        if content_format == OPAQUE:
            return payload
        if content_format == CBOR:
            return cbor2.loads(payload)
        if content_format == TLV:
            return nest(tlv.decode(payload, base, type_of), base)
        if content_format == SENML_CBOR:
            return nest(_senml(cbor2.loads(payload), root), base)
        if content_format == SENML_JSON:
            return nest(_senml(_from_senml_json(payload), root), base)
        if content_format == JSON:
            found = _senml(_from_json(payload, base), root)
            return nest(
                {path: _opaque(path, value, type_of) for path, value in found.items()}, base
            )
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
        cbor2.CBORDecodeError,
    ) as error:
        raise FormatError(
            "payload of format %s at %s: %s" % (content_format, path_text(base), error)
        ) from error
    raise FormatError("Content-Format %d is not known" % content_format)


def encode(content_format: int, base: Path, value, type_of) -> bytes:
    """Encode a value for a Write or Create at `base`. Raises FormatError."""
    content_format = _ALIASES.get(content_format, content_format)
    try:
        if content_format == TEXT:
            return _encode_text(value)
        if content_format == OPAQUE:
            return value if isinstance(value, bytes) else str(value).encode()
        if content_format == CBOR:
            return cbor2.dumps(value)
        if content_format == TLV:
            return tlv.encode(flatten(value, base), base, type_of)
        if content_format in (SENML_CBOR, SENML_JSON, JSON):
            return _encode_senml(flatten(value, base), content_format, type_of)
    except (ValueError, TypeError, IndexError, tlv.TlvError) as error:
        raise FormatError("value for %s: %s" % (path_text(base), error)) from error
    raise FormatError("writing in Content-Format %d is not supported" % content_format)


def default_format(base: Path, value, structured: int) -> int:
    """Choose the format of a Write: text or opaque for one value, else the version's own."""
    if isinstance(value, dict) or len(base) < 3:
        return structured
    return OPAQUE if isinstance(value, bytes) else TEXT


def flatten(value, base: Path) -> dict[Path, object]:
    """Spread a nested value into {path: scalar}."""
    if not isinstance(value, dict):
        if len(base) < 3:
            raise ValueError("an instance or object needs {id: value}")
        return {base: value}
    flat: dict[Path, object] = {}
    for id, inner in value.items():
        if len(base) >= 4:
            raise ValueError("too many levels")
        flat.update(flatten(inner, (*base, int(id))))
    return flat


def nest(found: dict[Path, object], base: Path):
    """Gather {path: scalar} into the value of what `base` names."""
    if len(found) == 1 and base in found:
        return found[base]
    value: dict = {}
    for path, scalar in found.items():
        if path[: len(base)] != base or len(path) <= len(base):
            raise FormatError("%s is not under %s" % (path_text(path), path_text(base)))
        level = value
        for id in path[len(base) : -1]:
            level = level.setdefault(id, {})
            if not isinstance(level, dict):
                raise FormatError("%s is both a value and a group" % path_text(path))
        level[path[-1]] = scalar
    return value


def to_json(value):
    """Make a value fit for JSON: bytes become {"hex": …}, ids become strings."""
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, dict):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(inner) for inner in value]
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
    if isinstance(value, dict):
        raise ValueError("text holds one value only")
    return str(value).encode()


def _from_senml_json(payload: bytes) -> list:
    records = []
    pack = json.loads(payload)
    if not isinstance(pack, list):
        raise ValueError("SenML is a list of records")
    for entry in pack:
        record = {_SENML_LABELS.get(key, key): value for key, value in entry.items()}
        if _DATA in record:
            padded = record[_DATA] + "=" * (-len(record[_DATA]) % 4)
            record[_DATA] = base64.urlsafe_b64decode(padded)
        records.append(record)
    return records


def _from_json(payload: bytes, base: Path) -> list:
    # {"bn": …, "e": [{"n": …, "sv": …}]}; without a base name, a name is a path or one relative to
    # the request's.
    document = json.loads(payload)
    records = []
    for entry in document["e"]:
        record = {_JSON_LABELS.get(key, key): value for key, value in entry.items()}
        name = document.get("bn")
        if name is None:
            name = "" if record.get(_NAME, "").startswith("/") else path_text(base) + "/"
        record[_BASE_NAME] = name
        records.append(record)
    return records


def _opaque(path: Path, value, type_of):
    """Read the base64 that LwM2M JSON has in `sv` where the resource is opaque."""
    if type_of(path) == "opaque" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    return value


def _senml(records, root: str) -> dict[Path, object]:
    """Resolve SenML records (RFC 8428 §4) into {path: value}."""
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise ValueError("SenML is a list of records")
    found: dict[Path, object] = {}
    base_name = ""
    base_value = 0
    for record in records:
        base_name = record.get(_BASE_NAME, base_name)
        base_value = record.get(_BASE_VALUE, base_value)
        name = base_name + record.get(_NAME, "")
        if root and name.startswith(root + "/"):
            name = name[len(root) :]
        path = parse_path(name)
        for label in (_VALUE, _STRING, _BOOLEAN, _DATA, _LINK):
            if label in record:
                value = record[label]
                found[path] = value + base_value if label == _VALUE and base_value else value
                break
    return found


def _encode_senml(entries: dict[Path, object], content_format: int, type_of) -> bytes:
    records = []
    for path, value in entries.items():
        if isinstance(value, bool):
            label = _BOOLEAN
        elif isinstance(value, (int, float)):
            label = _VALUE
        elif isinstance(value, bytes):
            label = _DATA
        else:
            label, value = _LINK if type_of(path) == "objlnk" else _STRING, str(value)
        records.append({_NAME: path_text(path), label: value})
    if content_format == SENML_CBOR:
        return cbor2.dumps(records)
    names = _JSON_LABELS if content_format == JSON else _SENML_LABELS
    labels = {number: text for text, number in names.items()}
    for record in records:
        data = record.pop(_DATA, None)
        if data is None:
            continue
        if content_format == JSON:
            record[_STRING] = base64.b64encode(data).decode()  # type: ignore[arg-type]
        else:
            record[_DATA] = base64.urlsafe_b64encode(data).decode().rstrip("=")  # type: ignore[arg-type]
    packed = [{labels.get(key, key): value for key, value in record.items()} for record in records]
    return json.dumps({"e": packed} if content_format == JSON else packed).encode()
