"""Write, Write-Attributes, Execute, Create and Delete (TS 1.0 §5.4, TS 1.1 Core §6.3), imported
with the first of them.

A Write is applied whole or not at all: everything is read, checked and validated first.
"""

from micropython import const

from lwm2m.codec import load, registered
from lwm2m.object import OperationError
from lwm2m.uri import parse_arguments

_POST = const(2)
_PUT = const(3)
_DELETE = const(4)

_CREATED = const(0x41)
_DELETED = const(0x42)
_CHANGED = const(0x44)
_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_UNSUPPORTED_CONTENT_FORMAT = const(0x8F)

_LOCATION_PATH = const(8)
_CONTENT_FORMAT = const(12)

_TEXT = const(0)
_OPAQUE = const(42)
_CBOR = const(60)

# Flags of a resource, and rights of the servers as lwm2m.operations has them.
_R = const(1)
_W = const(2)
_E = const(4)
_MULTIPLE = const(8)
_MANDATORY = const(16)
_DELETE_RIGHT = const(8)
_CREATE_RIGHT = const(16)

_UNASSIGNED = const(65535)
# Instances of one Object and of one resource which servers may make.
_MAX_INSTANCES = const(64)


def change(operations, request, path: tuple, server):
    """Carry out a POST, PUT or DELETE on an Object that there is, or what is under it."""
    code = request.code
    depth = len(path)
    if code == _POST and depth == 1:
        return create(operations, request, path[0], server)
    if depth < 2 and not (code == _PUT and depth):
        raise OperationError(_METHOD_NOT_ALLOWED)
    if code == _DELETE:
        return delete(operations, request, path, server)
    if code == _PUT:
        if request.queries():
            return write_attributes(operations, request, path, server)
        if depth < 2:
            raise OperationError(_METHOD_NOT_ALLOWED)
    elif depth > 3:
        raise OperationError(_METHOD_NOT_ALLOWED)
    obj = operations.tree.get(path[0], path[1])
    row = obj.definition(path[2]) if obj and depth > 2 else None
    if obj is None or (depth > 2 and row is None):
        raise OperationError(_NOT_FOUND)
    if code == _POST and row:
        if row[0] & _E:
            return execute(operations, request, obj, path, server)
        operations.allow(server, path, _W)
        if not row[0] & _MULTIPLE:
            raise OperationError(_METHOD_NOT_ALLOWED)
    return write(operations, request, obj, path, server)


def write_attributes(operations, request, path: tuple, server):
    """Carry out a PUT with queries and without a payload."""
    tree = operations.tree
    if len(request.payload):
        raise OperationError(_BAD_REQUEST)
    if not tree.exists(path):
        raise OperationError(_NOT_FOUND)
    kind = None
    if len(path) > 1:
        operations.allow(server, path, _R)
    if len(path) > 2:
        kind = tree.get(path[0], path[1]).definition(path[2])[1]
    server_id = server.short_server_id if server else 0
    names = operations.version.attributes
    operations.attributes.set(server_id, path, request.queries(), kind, names)
    return request.reply(_CHANGED)


def execute(operations, request, obj, path: tuple, server):
    """Carry out a POST on an executable resource of obj."""
    if not obj.has(path[2]):
        raise OperationError(_NOT_FOUND)
    # A format without a payload is that of nothing.
    if request.payload and registered(request.get_uint(_CONTENT_FORMAT, _TEXT)) != _TEXT:
        raise OperationError(_UNSUPPORTED_CONTENT_FORMAT)
    operations.allow(server, path, _E)
    arguments = bytes(request.payload)
    parse_arguments(arguments)
    obj.execute(path[2], arguments, server)
    return request.reply(_CHANGED)


def write(operations, request, obj, path: tuple, server):
    """Carry out a PUT or POST on an instance, resource or resource instance of obj."""
    operations.allow(server, path, _W)
    partial = request.code == _POST
    updates = _updates(operations, request, obj, path)
    if partial or len(path) == 4:
        for rid in updates:
            if updates[rid].__class__ is dict:
                merged = dict(obj.read(rid)) if obj.has(rid) else {}
                if len(path) == 4 and path[3] not in merged:
                    raise OperationError(_NOT_FOUND)
                merged.update(updates[rid])
                updates[rid] = merged
    for rid in updates:
        check(obj, rid, updates[rid])
    changed = list(updates)
    apply([(obj, rid, updates[rid]) for rid in updates], server)
    if len(path) == 2 and not partial:
        for rid in list(obj.values):
            flags, _ = obj.definition(rid) or (0, 0)  # an Object may keep what is no resource
            if rid not in updates and flags & _W and not flags & _MANDATORY:
                obj.clear(rid)
                changed.append(rid)
    for rid in changed:
        obj.changed(rid)
    return request.reply(_CHANGED)


def apply(todo: list, server) -> None:
    """Write (instance, resource id, value) one by one.

    Where one fails, as for an actuator out of order, those before it get their values back, or are
    told as changed. Raises what it raised, OSError or OperationError.
    """
    done = []
    try:
        for obj, rid, value in todo:
            was = (obj, rid, obj.values.get(rid))
            obj.write(rid, value, server)
            done.append(was)
    except (OSError, OperationError):
        for obj, rid, value in reversed(done):
            try:
                if value is None:
                    obj.clear(rid)
                else:
                    obj.write(rid, value, server)
            except (OSError, OperationError):
                obj.changed(rid)
        raise


def create(operations, request, oid: int, server):
    """Carry out a POST on an Object: make an instance, under the payload's id or a free one."""
    tree = operations.tree
    cls = tree.object_class(oid)
    operations.allow(server, (oid,), _CREATE_RIGHT)
    if not cls.creatable:
        raise OperationError(_METHOD_NOT_ALLOWED)
    obj = cls()
    updates = _updates(operations, request, obj, (oid,)) if len(request.payload) else {}
    named = obj.instance_id
    if named is None:
        obj.instance_id = tree.free_id(oid)
    taken = tree.instances(oid)
    if obj.instance_id in taken or len(taken) >= (_MAX_INSTANCES if cls.multiple else 1):
        raise OperationError(_BAD_REQUEST)
    if obj.instance_id and not cls.multiple:
        raise OperationError(_BAD_REQUEST)
    for rid in updates:
        check(obj, rid, updates[rid])
        obj.write(rid, updates[rid], server)
    table = cls.resources
    for at in range(0, len(table), 4):
        if table[at + 2] & _MANDATORY and not obj.has(table[at] << 8 | table[at + 1]):
            raise OperationError(_BAD_REQUEST)
    tree.add(obj, obj.instance_id)
    for rid in list(obj.values):
        obj.changed(rid)
    if operations.access:
        operations.access.created(server, (oid, obj.instance_id))
    response = request.reply(_CREATED)
    if named is None:
        # TS 1.1 Core §6.3.6: the client names the instance when the server did not.
        for part in operations.root.split("/") + [str(oid), str(obj.instance_id)]:
            if part:
                response.add(_LOCATION_PATH, part)
    return response


def delete(operations, request, path: tuple, server):
    """Carry out a DELETE on an instance or, since 1.2, on a resource instance."""
    tree = operations.tree
    obj = tree.get(path[0], path[1])
    if obj is None or not tree.exists(path):
        raise OperationError(_NOT_FOUND)
    operations.allow(server, path, _DELETE_RIGHT)
    if len(path) == 4 and operations.version.delete_resource_instance:
        flags = obj.definition(path[2])[0]
        left = {riid: value for riid, value in obj.read(path[2]).items() if riid != path[3]}
        if not flags & _W or (flags & _MANDATORY and not left):
            raise OperationError(_METHOD_NOT_ALLOWED)
        obj.validate(path[2], left)
        obj.write(path[2], left, server)
        obj.changed(path[2])
    elif len(path) == 2 and obj.creatable:
        tree.remove(path[0], path[1])
        if operations.access:
            operations.access.deleted(path)
    else:
        raise OperationError(_METHOD_NOT_ALLOWED)
    operations.attributes.forget(path)
    return request.reply(_DELETED)


def check(obj, rid: int, value) -> None:
    """Raise OperationError for what must not be written to a resource."""
    if value.__class__ is dict:
        if len(value) > _MAX_INSTANCES:
            raise OperationError(_BAD_REQUEST)
        if not value and obj.definition(rid)[0] & _MANDATORY:
            raise OperationError(_METHOD_NOT_ALLOWED)
    obj.validate(rid, value)


def _updates(operations, request, obj, path: tuple) -> dict:
    # The payload as {resource id: value or {resource instance id: value}}. In a Create (path of
    # one id) read-only resources may be set, and an instance id in it becomes the object's.
    depth = len(path)
    creating = depth == 1
    version = operations.version
    default = _TEXT if depth > 2 else version.structured_format
    content_format = registered(request.get_uint(_CONTENT_FORMAT, default))
    codec = load(content_format) if content_format in version.formats else None
    if codec is None or (depth < 3 and content_format in (_TEXT, _OPAQUE, _CBOR)):
        raise OperationError(_UNSUPPORTED_CONTENT_FORMAT)

    def kind_of(target):
        row = obj.definition(target[2]) if len(target) > 2 else None
        if row is None:
            raise OperationError(_NOT_FOUND)
        if row[0] & _E or not (creating or row[0] & _W):
            raise OperationError(_METHOD_NOT_ALLOWED)
        return row[1]

    updates = {}
    for target, value in codec.decode(
        request.payload, path, kind_of, *operations.rooted(content_format)
    ):
        rid = target[2]
        is_multiple = len(target) == 4 or value.__class__ is dict
        if bool(obj.definition(rid)[0] & _MULTIPLE) != is_multiple or value is None:
            raise OperationError(_BAD_REQUEST)
        if creating and target[1] != _UNASSIGNED:
            if obj.instance_id not in (None, target[1]):
                raise OperationError(_BAD_REQUEST)
            obj.instance_id = target[1]
        if len(target) == 4:
            if rid not in updates:
                updates[rid] = {}
            updates[rid][target[3]] = value
        else:
            updates[rid] = value
    if not updates:
        raise OperationError(_BAD_REQUEST)
    return updates
