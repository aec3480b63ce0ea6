"""SenML JSON (110), SenML CBOR (112), SenML-ETCH (320, 322), LwM2M JSON (11543): record by record.

RFC 8428, RFC 8790; TS 1.1 Core §7.4.4, §7.4.5; LwM2M JSON: TS 1.0 §6.4.4.
"""

import base64
import json
import math
import re
import time

from . import cbor
from .paths import FormatError, Path, Record, parse_path, path_text

JSON, CBOR, ETCH_JSON, ETCH_CBOR, LWM2M_JSON = 110, 112, 320, 322, 11543
FORMATS = (JSON, CBOR, ETCH_JSON, ETCH_CBOR, LWM2M_JSON)

_BASE_VERSION, _BASE_NAME, _BASE_TIME, _BASE_VALUE = -1, -2, -3, -5
_NAME, _VALUE, _STRING, _BOOLEAN, _TIME, _DATA = 0, 2, 3, 4, 6, 8
_LINK = "vlo"
_VALUES = (_VALUE, _STRING, _BOOLEAN, _DATA, _LINK)
_KINDS = {
    _VALUE: (int, float),
    _STRING: str,
    _BOOLEAN: bool,
    _DATA: bytes,
    _LINK: str,
}
# Labels of SenML JSON (RFC 8428 §5) and of LwM2M JSON (TS 1.0 §6.4.4), where bv is a boolean.
_SENML_LABELS = {
    "bver": _BASE_VERSION,
    "bn": _BASE_NAME,
    "bt": _BASE_TIME,
    "bv": _BASE_VALUE,
    "n": _NAME,
    "v": _VALUE,
    "vs": _STRING,
    "vb": _BOOLEAN,
    "t": _TIME,
    "vd": _DATA,
}
_LWM2M_LABELS = {
    "bn": _BASE_NAME,
    "bt": _BASE_TIME,
    "n": _NAME,
    "v": _VALUE,
    "sv": _STRING,
    "bv": _BOOLEAN,
    "t": _TIME,
    "ov": _LINK,
}
_NAMED = re.compile(r"/|(/[0-9]{1,5}){1,4}")
_VERSION = 10  # RFC 8428 §4.4: what records without bver have.
_RELATIVE_S = 1 << 28  # RFC 8428 §4.5.3: a smaller time is counted from the present.


def decode(number: int, payload: bytes, base: Path, type_of, root: str) -> list[Record]:
    """Decode a payload that answers a request for `base`; root is cut off the names.

    A record that only names a path, as SenML-ETCH has them, has the value None. Raises
    FormatError, and ValueError, TypeError, KeyError, AttributeError for bytes of another form.
    """
    if number in (CBOR, ETCH_CBOR):
        return _resolve(cbor.loads(payload), root, number)
    document = _json(payload)
    if number == LWM2M_JSON:
        found = _resolve(_from_lwm2m_json(document, base), root, number)
        return [r._replace(value=_opaque(r.path, r.value, type_of)) for r in found]
    return _resolve(_from_json(document), root, number)


def _json(payload: bytes):
    """Decode JSON of RFC 8259: without NaN, and each name of an object once."""

    def refuse(text: str):
        raise FormatError("%s is no number of JSON" % text)

    def members(pairs: list) -> dict:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise FormatError("an object has a name twice")
        return found

    return json.loads(payload, parse_constant=refuse, object_pairs_hook=members)


def _from_json(document) -> list:
    records = []
    if not isinstance(document, list):
        raise FormatError("SenML is a list of records")
    for entry in document:
        record = {_SENML_LABELS.get(key, key): value for key, value in entry.items()}
        if _DATA in record:
            if not re.fullmatch("[A-Za-z0-9_-]*", record[_DATA]):  # RFC 8428 §4.3
                raise FormatError("vd is not base64url without padding")
            padded = record[_DATA] + "=" * (-len(record[_DATA]) % 4)
            record[_DATA] = base64.urlsafe_b64decode(padded)
        records.append(record)
    return records


def _from_lwm2m_json(document, base: Path) -> list:
    # {"bn": …, "e": [{"n": …, "sv": …}]}; without a base name, a name is a path or one relative to
    # the request's. A time is relative to the base time (TS 1.0 §6.4.4).
    records = []
    for entry in document["e"]:
        record = {_LWM2M_LABELS.get(key, key): value for key, value in entry.items()}
        name = document.get("bn")
        if name is None:
            above = path_text(base) + ("/" if record.get(_NAME) else "")
            name = "" if record.get(_NAME, "").startswith("/") else above
        record[_BASE_NAME] = name
        if "bt" in document:
            record[_BASE_TIME] = document["bt"]
        records.append(record)
    return records


def _opaque(path: Path, value, type_of):
    """Read the base64 that LwM2M JSON has in `sv` where the resource is opaque."""
    if type_of(path) == "opaque" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    return value


def _resolve(records, root: str, number: int) -> list[Record]:
    """Resolve records (RFC 8428 §4) into values by path."""
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise FormatError("SenML is a list of records")
    found: list[Record] = []
    base_name, base_time, base_value = "", 0, 0
    for record in records:
        _check_labels(record)
        base_name = record.get(_BASE_NAME, base_name)
        base_time = record.get(_BASE_TIME, base_time)
        base_value = record.get(_BASE_VALUE, base_value)
        present = [label for label in _VALUES if label in record]
        if len(present) > 1:
            raise FormatError("a record has %d values" % len(present))
        if not present and not (number in (ETCH_JSON, ETCH_CBOR) and _NAME in record):
            continue
        value = record[present[0]] if present else None
        if present and value is not None:
            value = _checked(present[0], value, base_value)
        path = _path(base_name + record.get(_NAME, ""), root, number)
        found.append(Record(path, value, _time(base_time + record.get(_TIME, 0))))
    return found


def _check_labels(record: dict) -> None:
    if record.get(_BASE_VERSION, _VERSION) > _VERSION:
        raise FormatError("SenML version %r is not known" % record[_BASE_VERSION])
    for label in record:
        if isinstance(label, str) and label.endswith("_"):  # RFC 8428 §4.4
            raise FormatError("the label %s must be understood and is not" % label)


def _checked(label, value, base_value):
    kinds = _KINDS[label]
    if not isinstance(value, kinds) or (label == _VALUE and isinstance(value, bool)):
        raise FormatError("the label %r has the value %r" % (label, value))
    if label == _VALUE and base_value:
        return value + base_value
    return value


def _path(name: str, root: str, number: int) -> Path:
    if root and name.startswith(root + "/"):
        name = name[len(root) :]
    if number != LWM2M_JSON and not _NAMED.fullmatch(name):
        raise FormatError("the name %r is no path" % name)
    return parse_path(name)


def _time(seconds: float) -> float | None:
    """Return a time in seconds since 1970; one of 0 is the present, which nothing says."""
    if not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        raise FormatError("the time %r is no number" % (seconds,))
    if not seconds:
        return None
    return seconds if seconds >= _RELATIVE_S else time.time() + seconds


def encode(number: int, entries: dict[Path, object], type_of, named: bool = False) -> bytes:
    """Encode {path: value}. A value of None removes (RFC 8790 §3.2); with `named` there are no
    values, as a Read-Composite names paths."""
    records = []
    for path, value in entries.items():
        record: dict = {_NAME: path_text(path)}
        if not named:
            label = _label(path, value, type_of)
            record[label] = str(value) if label in (_STRING, _LINK) else value
        records.append(record)
    if number in (CBOR, ETCH_CBOR):
        return cbor.dumps(records)
    names = _LWM2M_LABELS if number == LWM2M_JSON else _SENML_LABELS
    labels = {label: text for text, label in names.items()}
    for record in records:
        data = record.pop(_DATA, None)
        if data is None:
            continue
        if number == LWM2M_JSON:
            record[_STRING] = base64.b64encode(data).decode()
        else:
            record[_DATA] = base64.urlsafe_b64encode(data).decode().rstrip("=")
    packed = [{labels.get(key, key): value for key, value in record.items()} for record in records]
    document = {"e": packed} if number == LWM2M_JSON else packed
    return json.dumps(document, allow_nan=False).encode()


def _label(path: Path, value, type_of):
    if isinstance(value, bool):
        return _BOOLEAN
    if value is None or isinstance(value, (int, float)):
        return _VALUE
    if isinstance(value, bytes):
        return _DATA
    return _LINK if type_of(path) == "objlnk" else _STRING
