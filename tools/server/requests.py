"""The requests of the operations, as CoAP messages (TS Core §6.3, §6.4; CR 5.3)."""

from collections.abc import Callable

from aiocoap import Message

from . import formats, wire
from .formats import Path
from .model import Model
from .operations import Operation
from .registry import Client

_OBSERVE = {"observe": 0, "cancel": 1}
_OBSERVING = ("observe", "cancel", "notification")


def build(operation: Operation, client: Client, model: Model) -> Message:
    """Build the request of an operation on a client. Raises formats.FormatError."""

    def type_of(path: Path) -> str | None:
        return model.type_of(path, client.version.name)

    segments = tuple(s for s in client.listed.root.split("/") if s)
    segments += tuple(str(id) for id in operation.path)
    built = _BUILDERS[operation.name](operation, client, segments, type_of)
    built.mtype = wire.CON if operation.confirmable else wire.NON
    return built


def _reading(operation: Operation, client: Client, segments, type_of: Callable) -> Message:
    """Read, Discover, Observe and its end, and the rest of a notification."""
    if operation.paths:
        return _composite_reading(operation, client, segments)
    discovers = operation.name == "discover"
    query = _queries(operation.attributes) if operation.name in _OBSERVING else ()
    if discovers and operation.depth is not None:
        query = ("depth=%d" % operation.depth,)
    return wire.message(
        wire.GET,
        token=operation.token or b"",
        path=segments,
        query=query,
        observe=_OBSERVE.get(operation.name),
        accept=wire.LINK_FORMAT if discovers else operation.accept,
    )


def _composite_reading(operation: Operation, client: Client, segments) -> Message:
    """Read-Composite, Observe-Composite and its end: the paths are the payload of a FETCH."""
    name = operation.name.partition("-")[0]
    content_format = operation.content_format
    if content_format is None:
        content_format = client.version.composite_format
    return wire.message(
        wire.FETCH,
        token=operation.token or b"",
        path=segments,
        query=_queries(operation.attributes) if name in _OBSERVING else (),
        observe=_OBSERVE.get(name),
        accept=operation.accept,
        payload=formats.encode_paths(content_format, operation.paths),
        content_format=content_format,
    )


def _write_composite(operation: Operation, client: Client, segments, type_of) -> Message:
    content_format = operation.content_format
    if content_format is None:
        content_format = client.version.composite_format
    assert isinstance(operation.value, dict)
    payload = formats.encode_entries(content_format, operation.value, (), type_of)
    return wire.message(wire.IPATCH, path=segments, payload=payload, content_format=content_format)


def _write(operation: Operation, client: Client, segments, type_of: Callable) -> Message:
    content_format = operation.content_format
    if content_format is None:
        structured = client.version.structured_format
        content_format = formats.default_format(operation.path, operation.value, structured)
    payload = formats.encode(content_format, operation.path, operation.value, type_of)
    return wire.message(
        wire.PUT if operation.replace else wire.POST,
        path=segments,
        payload=payload,
        content_format=content_format,
    )


def _create(operation: Operation, client: Client, segments, type_of: Callable) -> Message:
    structured = client.version.structured_format
    content_format = operation.content_format
    base, value = operation.path[:1], operation.value
    if len(operation.path) == 2:
        segments, value = segments[:-1], {operation.path[1]: value}
    elif not _names_instances(value):
        # Without an instance id the client picks one, which only TLV can leave open.
        if content_format not in (None, formats.TLV):
            raise formats.FormatError(
                "a Create without an instance id goes in TLV only, not in %d" % content_format
            )
        base, content_format = (*base, 0), formats.TLV
    content_format = structured if content_format is None else content_format
    payload = formats.encode(content_format, base, value, type_of)
    return wire.message(wire.POST, path=segments, payload=payload, content_format=content_format)


def _names_instances(value) -> bool:
    """Tell {instance: {resource: …}} from {resource: value} (whose multiple resources are also
    dicts, but seldom all of them)."""
    return bool(value) and all(isinstance(inner, dict) for inner in value.values())


def _execute(operation: Operation, client: Client, segments, type_of: Callable) -> Message:
    text = b"" if operation.value is None else str(operation.value).encode()
    content_format = formats.TEXT if text else None
    return wire.message(wire.POST, path=segments, payload=text, content_format=content_format)


def _write_attributes(operation: Operation, client: Client, segments, type_of) -> Message:
    return wire.message(wire.PUT, path=segments, query=_queries(operation.attributes))


def _delete(operation: Operation, client: Client, segments, type_of: Callable) -> Message:
    return wire.message(wire.DELETE, path=segments)


def _queries(attributes: dict | None) -> tuple[str, ...]:
    """Write attributes as queries; None is a name alone, which unsets; true is 1."""
    return tuple(
        name
        if value is None
        else "%s=%s" % (name, int(value) if isinstance(value, bool) else value)
        for name, value in (attributes or {}).items()
    )


_BUILDERS = {
    "read": _reading,
    "discover": _reading,
    "observe": _reading,
    "cancel": _reading,
    "notification": _reading,
    "read-composite": _reading,
    "observe-composite": _reading,
    "cancel-composite": _reading,
    "write-composite": _write_composite,
    "write": _write,
    "create": _create,
    "execute": _execute,
    "write-attributes": _write_attributes,
    "delete": _delete,
}
