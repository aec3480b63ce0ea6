"""SenML CBOR (Content-Format 112; RFC 8428 §6, TS 1.1 Core §7.4.4), written and read as a stream.

Written: the first record carries the base name, `/3/0/` for a request to /3/0, and the names of
the records follow from there. Read: base name, base time and base value resolve as RFC 8428 §4.5
says; times are checked and not used, since a Write sets the present value.
"""

from micropython import const

from lwm2m.codec import CodecError, coerce, is_digits
from lwm2m.codec.cbor import Reader, head, put, put_float

_BASE_VERSION = const(-1)
_BASE_NAME = const(-2)
_BASE_TIME = const(-3)
_BASE_VALUE = const(-5)
_NAME = const(0)
_VALUE = const(2)
_STRING_VALUE = const(3)
_BOOLEAN_VALUE = const(4)
_TIME = const(6)
_DATA_VALUE = const(8)

_SENML_VERSION = const(10)

_MAP = const(0xA0)
_BASE_NAME_ITEM = const(0x21)  # -2

# Label of the value by type, from None (0) to Time (7), and Corelnk (9).
_LABELS = b"\x02\x03\x02\x02\x02\x04\x08\x02\x00\x03"
_FLOAT = const(4)
_OBJLNK = const(8)


def encode(entries, base: tuple, root: str = ""):
    """Yield the pack record by record. An entry may have a time (s) as its fourth member.

    root: alternate path without its slashes, which names begin with (TS 1.2 Transport §6.4.1).
    """
    count = 0
    for _ in entries:
        count += 1
    out = bytearray()
    head(out, 4, count)
    depth = len(base)
    first = True
    for entry in entries:
        path = entry[0]
        kind = entry[1]
        value = entry[2]
        name = str(path[depth]) if len(path) == depth + 1 else join(path[depth:])
        timed = len(entry) > 3
        # Labels are integers of one byte, and a map of a few pairs has a head of one.
        out.append(_MAP + 1 + first + bool(name) + timed)
        if first:
            out.append(_BASE_NAME_ITEM)
            put(out, base_name(base, root, name))
            first = False
        if name:
            out.append(_NAME)
            put(out, name)
        if timed:
            out.append(_TIME)
            put(out, entry[3])
        if kind == _OBJLNK:
            put(out, "vlo")
            value = "%d:%d" % value
        else:
            out.append(_LABELS[kind])
        if kind == _FLOAT:
            put_float(out, value)  # an integer is legal too, but Leshan refuses it for a Float
        else:
            put(out, value)
        yield out
        out = bytearray()
        count -= 1
    if out:
        yield out
    if count:
        raise CodecError("values came or went while the pack was on its way")


def decode(payload, base: tuple, kind_of, root: str = ""):
    """Yield (path, value) of each record; every path must lie at or under base.

    root: alternate path, which names may begin with.
    """
    return resolve(pack(payload), base, kind_of, root)


def pack(payload):
    """Yield the records of a pack as dicts with the labels of RFC 8428 §6."""
    reader = Reader(payload)
    first, count = reader.head()
    if first >> 5 != 4:
        raise CodecError("malformed SenML")
    while not reader.ends(count):
        if count:
            count -= 1
        record = reader.item()
        if not isinstance(record, dict):
            raise CodecError("malformed SenML")
        yield record
    if reader.at != len(payload):
        raise CodecError("malformed SenML")


def resolve(records, base: tuple, kind_of, root: str = "", removal: bool = False):
    """Yield (path, value) of records resolved as RFC 8428 §4.5 says.

    records: what `pack` yields. root: as in `decode`. removal: whether a value may be null, which
    yields (path, None).
    """
    prefix = ""
    base_value = 0
    for record in records:
        check(record)
        prefix = record.get(_BASE_NAME, prefix)
        base_value = _number(record, _BASE_VALUE, base_value)
        name = record.get(_NAME, "")
        if not isinstance(name, str) or not isinstance(prefix, str):
            raise CodecError("malformed SenML")
        label = _label(record)
        if label is None:
            # RFC 8428 §4.2 lets a record without a value set the bases of those after it.
            if _NAME in record or _BASE_NAME not in record:
                raise CodecError("malformed SenML")
            continue
        path = split(prefix + name, root)
        if len(path) < 3 or path[: len(base)] != base:
            raise CodecError("SenML name is outside the request's path")
        kind = kind_of(path)
        if kind == 0 or (removal and label == _VALUE and record[label] is None):
            yield path, None
            continue
        if kind is None or label != ("vlo" if kind == _OBJLNK else _LABELS[kind]):
            raise CodecError("SenML value is of another type than the resource")
        value = record[label]
        if label == _VALUE and base_value:
            value = _number(record, _VALUE, 0) + base_value
        yield path, coerce(kind, value)


def check(record: dict) -> None:
    """Raise CodecError for a record of another SenML version, or with a label it asks to know."""
    version = record.get(_BASE_VERSION, _SENML_VERSION)
    known = isinstance(version, int) and version <= _SENML_VERSION
    for label in record:
        # RFC 8428 §4.4: a label that ends with an underscore must be understood.
        if not known or (isinstance(label, str) and label[-1:] == "_"):
            raise CodecError("SenML version or label is not known")
    _number(record, _BASE_TIME, 0)
    _number(record, _TIME, 0)


def _label(record: dict):
    found = None
    for label in (_VALUE, _STRING_VALUE, _BOOLEAN_VALUE, _DATA_VALUE, "vlo"):
        if label in record:
            if found is not None:
                raise CodecError("malformed SenML")
            found = label
    return found


def join(path: tuple) -> str:
    """Return (3, 0, 9) as "3/0/9"."""
    return "/".join([str(part) for part in path])


def base_name(base: tuple, root: str, name: str) -> str:
    """Return the base name of records at and under base; name: that of the first one, or ""."""
    text = "/" + root if root else ""
    if base:
        text += "/" + join(base)
    return text + "/" if name else text


def split(name: str, root: str = "") -> tuple:
    """Return "/3/0/9" as (3, 0, 9), with or without root; CodecError when it is no path of ids."""
    if root and name.startswith("/" + root + "/"):
        name = name[len(root) + 1 :]
    parts = name.split("/")
    if parts[0] or not 1 < len(parts) < 6:
        raise CodecError("SenML name is not a path")
    path = []
    for part in parts[1:]:
        if not is_digits(part) or int(part) > 65535:
            raise CodecError("SenML name is not a path")
        path.append(int(part))
    return tuple(path)


def _number(record: dict, label: int, default):
    value = record.get(label, default)
    if value is True or value is False or not isinstance(value, (int, float)):
        raise CodecError("malformed SenML")
    return value
