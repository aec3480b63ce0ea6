"""LwM2M CBOR, 11544: maps by id from the root, without times (TS 1.2 Core §7.4.6).

    {3: {0: {9: 80, 7: {0: 3800, 1: 5000}}}}

A key may also be an array of the ids of several levels: {(3, 0): {9: 80}}. Where a request names
paths without values, as a Read-Composite does, and where a Write-Composite removes, the value is
null.
"""

from . import cbor
from .paths import FormatError, Path, Record

_MAX_RECORDS = 10_000


def decode(payload: bytes) -> list[Record]:
    """Decode a payload into records; a path that stands without a value has None.

    Raises FormatError, and what cbor.loads raises.
    """
    item = cbor.loads(payload)
    if not isinstance(item, dict):
        raise FormatError("LwM2M CBOR is a map")
    found: list[Record] = []
    _collect(item, (), found)
    return found


def _collect(group: dict, base: Path, found: list[Record]) -> None:
    for key, value in group.items():
        path = base + _ids(key)
        if len(path) > 4:
            raise FormatError("LwM2M CBOR has more than four levels")
        if isinstance(value, dict):
            _collect(value, path, found)
        elif value is not None and len(path) < 3:
            raise FormatError("a value above the Resources")
        elif not cbor.is_scalar(value):
            raise FormatError("%r is no value of a Resource" % (value,))
        elif len(found) >= _MAX_RECORDS:
            raise FormatError("more than %d values" % _MAX_RECORDS)
        else:
            found.append(Record(path, value))


def _ids(key) -> Path:
    """Return the ids of a key: one, or an array of some."""
    ids = key if isinstance(key, tuple) else (key,)
    for id in ids:
        if not isinstance(id, int) or isinstance(id, bool) or not 0 <= id <= 65535:
            raise FormatError("the key %r is no id" % (key,))
    if not ids:
        raise FormatError("a key names no id")
    return ids


def encode(entries: dict[Path, object]) -> bytes:
    """Encode {path: value}; a value of None is null, of a path that is only named."""
    root: dict = {}
    for path, value in entries.items():
        if not path:
            raise FormatError("LwM2M CBOR cannot name the root")
        level = root
        for id in path[:-1]:
            level = level.setdefault(id, {})
            if not isinstance(level, dict):
                raise FormatError("a path and one under it cannot stand together")
        if path[-1] in level:
            raise FormatError("a path and one under it cannot stand together")
        level[path[-1]] = value
    return cbor.dumps(root)
