"""LwM2M CBOR (Content-Format 11544; TS 1.2 Core §7.4.6), written and read as a stream.

Maps within maps, from the root: a key is an id or an array of ids that stands for the levels
between, so that {3: {0: {0: "x"}}}, {[3, 0]: {0: "x"}} and {[3, 0, 0]: "x"} are the same. Values
are those of CBOR (see cbor_value); there are no times.

Written: one key for the path of the request, and maps of open length below it.
"""

from micropython import const

from lwm2m.codec import CodecError, coerce
from lwm2m.codec.cbor import Reader, head, put, put_float

_FLOAT = const(4)
_OBJLNK = const(8)

_MAP = const(5)
_OPEN_MAP = const(0xBF)
_BREAK = const(0xFF)
_DEEPEST = const(4)


def encode(entries, base: tuple):
    """Yield the map entry by entry."""
    last = None
    for entry in entries:
        path = entry[0][len(base) :]
        out = bytearray()
        same = 0
        if last is None:
            if base:
                head(out, _MAP, 1)
                _put_key(out, base)
            if path:
                out.append(_OPEN_MAP)
        else:
            while same < len(path) - 1 and path[same] == last[same]:
                same += 1
            for _ in range(same, len(last) - 1):
                out.append(_BREAK)
        for at in range(same, len(path)):
            if at > same:
                out.append(_OPEN_MAP)
            put(out, path[at])
        kind = entry[1]
        value = entry[2]
        if kind == _OBJLNK:
            value = "%d:%d" % value
        if kind == _FLOAT:
            put_float(out, value)  # as SenML CBOR has it
        else:
            put(out, value)
        yield out
        last = path
    out = bytearray()
    if last is None:
        head(out, _MAP, 0)
    else:
        for _ in last:
            out.append(_BREAK)
    if out:
        yield out


def decode(payload, base: tuple, kind_of):
    """Yield (path, value) of each value, None for null; all of them must lie at or under base.

    An empty map in place of a multiple resource yields (path, {}).
    """
    for path, value in _walk(payload):
        if len(path) < 3 or path[: len(base)] != base:
            raise CodecError("LwM2M CBOR key is outside the request's path")
        kind = kind_of(path)
        if value is not None and (value != {} or len(path) > 3):
            value = coerce(kind, value) if kind != 0 else None
        yield path, value


def names(payload, content_format: int, root: str = ""):
    """Yield the paths that a map names whose values are null or empty maps (a Read-Composite).

    Its keys do not tell of an alternate path.
    """
    for path, value in _walk(payload):
        if value is not None and value != {}:
            raise CodecError("a path to read has a value")
        yield path


def _walk(payload):
    reader = Reader(payload)
    yield from _map(reader, ())
    if reader.at != len(payload):
        raise CodecError("malformed CBOR")


def _map(reader, above):
    # Yields (path, value) of a map and those in it; (above, {}) for an empty one below the root.
    first, count = reader.head()
    if first >> 5 != _MAP:
        raise CodecError("malformed LwM2M CBOR")
    if reader.ends(count):
        if above:
            yield above, {}
        return
    while True:
        path = above + _key(reader)
        if len(path) > _DEEPEST:
            raise CodecError("LwM2M CBOR key is no path")
        if reader.at < len(reader.data) and reader.data[reader.at] >> 5 == _MAP:
            yield from _map(reader, path)
        else:
            yield path, reader.item()
        if count:
            count -= 1
        if reader.ends(count):
            return


def _key(reader) -> tuple:
    first, value = reader.head()
    if first >> 5 == 0:
        ids = (value,)
    elif first >> 5 == 4 and (value is None or value <= _DEEPEST):
        ids = ()
        while not reader.ends(value):
            first, number = reader.head()
            ids += (number if first >> 5 == 0 else -1,)
            if value:
                value -= 1
            if len(ids) > _DEEPEST:
                break
    else:
        ids = ()
    for each in ids:
        if each is None or not 0 <= each <= 65535:
            ids = ()
    if not ids:
        raise CodecError("LwM2M CBOR key is no path")
    return ids


def _put_key(out: bytearray, path: tuple) -> None:
    if len(path) == 1:
        put(out, path[0])
    else:
        put(out, path)
