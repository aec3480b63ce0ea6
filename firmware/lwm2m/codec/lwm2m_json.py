"""LwM2M JSON (Content-Format 11543; TS 1.0 §6.4.4), written and read as a stream.

One object: base name `bn`, base time `bt` and the entries `e`, in any order, so that it is read
twice. Without a base name an entry's name is a full path or one relative to the request's. Times
are checked and not used, since they belong to notifications. Opaque is base64 in `sv`.
"""

from micropython import const

from lwm2m.codec import CodecError, coerce
from lwm2m.codec.json_text import records
from lwm2m.codec.senml_cbor import join, split

_OPAQUE = const(6)
_OBJLNK = const(8)

_FRAME = ('{"bn":"%s","e":[{', "]}", '{"e":[]}')  # as json_text.records has it
# Label of the value by type, from String (1) to Corelnk (9).
_LABELS = ("", "sv", "v", "v", "v", "bv", "sv", "v", "ov", "sv")


def encode(entries, base: tuple):
    """Yield the object entry by entry. An entry may have a time (s) as its fourth member."""
    return records(entries, base, _FRAME, _LABELS, False)


def decode(payload, base: tuple, kind_of):
    """Yield (path, value) of each entry; every path must lie at or under base."""
    from lwm2m.codec.json_reader import Reader, octets

    reader = Reader(payload)
    base_name, reader.at = _outline(reader)
    first = True
    while reader.more(0x5D, first):
        first = False
        entry = reader.members(1)
        name = entry.get("n", "")
        if not isinstance(name, str):
            raise CodecError("malformed JSON")
        _check_time(entry.get("t", 0))
        if base_name is not None:
            name = base_name + name
        elif name[:1] != "/":
            name = "/" + join(base) + ("/" + name if name else "")
        path = split(name)
        if len(path) < 3 or path[: len(base)] != base:
            raise CodecError("JSON name is outside the request's path")
        kind = kind_of(path)
        if kind == 0:
            yield path, None
            continue
        found = [label for label in ("v", "bv", "ov", "sv") if label in entry]
        if kind is None or found != [_LABELS[kind]]:
            raise CodecError("JSON value is of another type than the resource")
        value = entry[found[0]]
        if kind == _OPAQUE:
            value = octets(value)
        elif kind == _OBJLNK and value == "FFFF:FFFF":
            value = (65535, 65535)  # no link, as the example of TS 1.0 §6.4.4 writes it
        yield path, coerce(kind, value)


def _outline(reader) -> tuple:
    # Reads the whole document: (base name or None, index of the first entry).
    seen = {}
    entries_at = 0
    reader.take(0x7B)
    while reader.more(0x7D, not seen):
        label = reader.key()
        if label in seen:
            raise CodecError("a JSON name is given twice")
        if label != "e":
            value = reader.item(1)
            seen[label] = value if label in ("bn", "bt") else None
            continue
        reader.take(0x5B)
        entries_at = reader.at
        seen[label] = None
        first = True
        while reader.more(0x5D, first):
            first = False
            reader.members(1)
    reader.end()
    base_name = seen.get("bn", "")
    _check_time(seen.get("bt", 0))
    if not entries_at or not isinstance(base_name, str):
        raise CodecError("malformed JSON")
    return base_name if "bn" in seen else None, entries_at


def _check_time(value) -> None:
    if value is True or value is False or not isinstance(value, (int, float)):
        raise CodecError("malformed JSON")
