"""Paths of ids, and values gathered by them.

A value is a scalar for a Resource, {instance: scalar} for a multiple Resource, {resource: …} for
an Object Instance, {instance: {resource: …}} for an Object, and {object: …} for what composite
operations and Send name from the root. Opaque values are bytes, times are seconds since 1970.
"""

import re
from typing import NamedTuple

Path = tuple[int, ...]


class Record(NamedTuple):
    """One value of a payload, and when it was measured.

    time: seconds since 1970, or None where the payload does not say.
    """

    path: Path
    value: object
    time: float | None = None


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


def flatten(value, base: Path) -> dict[Path, object]:
    """Spread a nested value into {path: scalar}. Raises ValueError for what is no value."""
    if not isinstance(value, dict):
        if len(base) < 3:
            raise ValueError("an instance or object needs {id: value}")
        if value is not None and not isinstance(value, (str, bytes, bool, int, float)):
            raise ValueError("%r is neither text, number, truth value nor octets" % (value,))
        return {base: value}
    flat: dict[Path, object] = {}
    for id, inner in value.items():
        if len(base) >= 4:
            raise ValueError("too many levels")
        flat.update(flatten(inner, (*base, int(id))))
    return flat


def newest(records: list[Record]) -> dict[Path, object]:
    """Return the newest value of each path: the one without a time, else that of the latest.

    Raises FormatError when a path has two values of one time.
    """
    found: dict[Path, Record] = {}
    seen = set()
    for record in records:
        if record[::2] in seen:
            raise FormatError("%s is there twice" % path_text(record.path))
        seen.add(record[::2])
        old = found.get(record.path)
        if old is None or _age(record) >= _age(old):
            found[record.path] = record
    return {path: record.value for path, record in found.items()}


def _age(record: Record) -> float:
    return float("inf") if record.time is None else record.time


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
        if isinstance(level.get(path[-1]), dict):
            raise FormatError("%s is both a value and a group" % path_text(path))
        level[path[-1]] = scalar
    return value
