"""Read-Composite and Write-Composite (TS 1.1 Core §6.3.8, §6.3.9); what Observe-Composite reads.

A Read-Composite is best effort: what is not there, or not to be read by this server, is left out
of the answer (ETS int-280, 281, 236). A Write-Composite is atomic over all instances it names:
everything is read, checked and validated before anything is written. It creates and deletes
resource instances, Object Instances it does not.
"""

from micropython import const

from lwm2m.codec import CodecError, load
from lwm2m.object import OperationError
from lwm2m.selection import CLOSED, Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FETCH = const(5)
_IPATCH = const(7)

_CHANGED = const(0x44)
_CONTENT = const(0x45)
_BAD_REQUEST = const(0x80)
_UNAUTHORIZED = const(0x81)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_NOT_ACCEPTABLE = const(0x86)
_TOO_LARGE = const(0x8D)
_UNSUPPORTED_CONTENT_FORMAT = const(0x8F)

_CONTENT_FORMAT = const(12)
_ACCEPT = const(17)

_SENML_JSON = const(110)
_SENML_CBOR = const(112)
_LWM2M_CBOR = const(11544)
_SENML = (110, 112, 320, 322)
_ANSWERS = (110, 112, 11544)

_W = const(2)
_E = const(4)
_MULTIPLE = const(8)

_MAX_PATHS = const(64)


def composite(operations, request, server):
    """Carry out a FETCH or iPATCH on the root path; return the response.

    Raises OperationError 4.00, 4.01, 4.04, 4.05, 4.06, 4.13 or 4.15, and CodecError for a
    malformed payload.
    """
    if request.code == _FETCH:
        content_format = request.get_uint(_CONTENT_FORMAT)
        wanted = paths(request.payload, content_format, operations.root)
        accept = request.get_uint(_ACCEPT)
        content_format, payload = read_paths(operations, wanted, accept, server, True)
        return request.reply(_CONTENT, payload, content_format)
    if request.code != _IPATCH:
        raise OperationError(_METHOD_NOT_ALLOWED)
    _write(operations, request, server)
    return request.reply(_CHANGED)


def paths(payload, content_format: "int | None", root: str = "") -> list:
    """Return the paths (tuples of 0 to 4 ids) that the payload of a FETCH names, ascending.

    content_format: SenML or SenML-ETCH in JSON or CBOR, or LwM2M CBOR with null for values; None:
    SenML CBOR. A path at or under another one of them is left out. Raises CodecError for what is
    malformed or names nothing, OperationError 4.13 for too many paths, 4.15 for another format.
    """
    if content_format is None:
        content_format = _SENML_CBOR
    if content_format in _SENML:
        from lwm2m.codec.senml_etch import names
    elif content_format == _LWM2M_CBOR:
        from lwm2m.codec.lwm2m_cbor import names
    else:
        raise OperationError(_UNSUPPORTED_CONTENT_FORMAT)
    named = set()
    for path in names(payload, content_format, root):
        named.add(path)
        if len(named) > _MAX_PATHS:
            raise OperationError(_TOO_LARGE)
    if not named:
        raise CodecError("no path is named")
    kept = []
    for path in sorted(named):
        if not kept or path[: len(kept[-1])] != kept[-1]:
            kept.append(path)
    return kept


def read_paths(
    operations,
    wanted: list,
    accept: "int | None",
    server,
    streamed: bool = False,
    sampled: bool = False,
) -> tuple:
    """Return (content format, payload) of the readable values at and under the paths in `wanted`.

    wanted: what `paths` returns. accept: format asked for, None: the version's own. streamed: as
    Operations.encode has it. sampled: whether the server is given its samples (lwm2m.samples).
    Raises OperationError 4.06 for another format than SenML or LwM2M CBOR, 5.00 without memory.
    """
    content_format = operations.version.structured_format if accept is None else accept
    if content_format not in _ANSWERS:
        raise OperationError(_NOT_ACCEPTABLE)
    base = wanted[0]
    for path in wanted:
        while path[: len(base)] != base:
            base = base[:-1]
    entries = Selection(operations, wanted, server)
    if sampled and operations.tree.samples and content_format in _SENML:
        from lwm2m.samples import Sampled

        entries = Sampled(entries, operations.tree, server.short_server_id)
        payload = operations.encode(entries, base, content_format)
        entries.give()
        return content_format, payload
    return content_format, operations.encode(entries, base, content_format, streamed)


def _write(operations, request, server):
    tree = operations.tree
    version = operations.version
    content_format = request.get_uint(_CONTENT_FORMAT, version.structured_format)
    if content_format not in _SENML and (
        content_format != _LWM2M_CBOR or content_format not in version.formats
    ):
        raise OperationError(_UNSUPPORTED_CONTENT_FORMAT)

    def kind_of(path):
        return _row(operations, path, server)[1]

    codec: "Any" = load(content_format)
    updates = {}  # {(object, instance): {resource: value or {resource instance: value}}}
    for path, value in codec.decode(
        request.payload, (), kind_of, *operations.rooted(content_format)
    ):
        _merge(updates.setdefault(path[:2], {}), tree.get(path[0], path[1]), path, value)
    todo = [
        (tree.get(at[0], at[1]), rid, value)
        for at, values in updates.items()
        for rid, value in values.items()
    ]
    if not todo:
        raise OperationError(_BAD_REQUEST)
    from lwm2m.write import apply, check

    for obj, rid, value in todo:
        check(obj, rid, value)
    apply(todo, server)
    for obj, rid, _ in todo:
        obj.changed(rid)


def _merge(values, obj, path, value):
    # Takes one value of the payload into {resource: value or {resource instance: value}}.
    rid = path[2]
    named = len(path) == 4
    empty = value.__class__ is dict  # a multiple resource of which no instance is named
    if bool(obj.definition(rid)[0] & _MULTIPLE) != (named or empty):
        raise OperationError(_BAD_REQUEST)
    if not named and not empty:
        if value is None:
            raise OperationError(_METHOD_NOT_ALLOWED)
        values[rid] = value
        return
    if rid not in values:
        values[rid] = dict(obj.read(rid)) if obj.has(rid) else {}
    if named and value is None:
        values[rid].pop(path[3], None)
    elif named:
        values[rid][path[3]] = value


def _row(operations, path, server):
    # The definition of a resource that may be written; what refuses it otherwise.
    if path[0] in CLOSED:
        raise OperationError(_UNAUTHORIZED)
    obj = operations.tree.get(path[0], path[1])
    row = obj.definition(path[2]) if obj else None
    if row is None:
        raise OperationError(_NOT_FOUND)
    operations.allow(server, path, _W)
    if row[0] & _E or not row[0] & _W:
        raise OperationError(_METHOD_NOT_ALLOWED)
    return row
