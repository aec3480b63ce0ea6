"""Device Management and Service Enablement (TS 1.0 §5.4, TS 1.1 Core §6.3): one request, one answer.

    GET     Accept 40: Discover; otherwise Read of an Object, instance, resource, resource instance
    PUT     without payload and with queries: Write-Attributes; otherwise Write (replace)
    POST    Object: Create; instance: Write (partial); resource: Execute, or Write of some values of a
            multiple resource
    DELETE  instance: Delete

A Write is applied whole or not at all: everything is read, checked and validated first.
"""

from micropython import const

from lwm2m.attributes import Attributes
from lwm2m.codec import CodecError, load
from lwm2m.links import discover
from lwm2m.object import OperationError
from lwm2m.uri import parse_arguments

_GET = const(1)
_POST = const(2)
_PUT = const(3)
_DELETE = const(4)

_CREATED = const(0x41)
_DELETED = const(0x42)
_CHANGED = const(0x44)
_CONTENT = const(0x45)
_BAD_REQUEST = const(0x80)
_UNAUTHORIZED = const(0x81)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_NOT_ACCEPTABLE = const(0x86)
_UNSUPPORTED_CONTENT_FORMAT = const(0x8F)

_LOCATION_PATH = const(8)
_CONTENT_FORMAT = const(12)
_ACCEPT = const(17)

_TEXT = const(0)
_LINK = const(40)
_OPAQUE_FORMAT = const(42)
_CBOR = const(60)
_OLD_TLV = const(1542)
_TLV = const(11542)

_W = const(2)
_E = const(4)
_MULTIPLE = const(8)
_MANDATORY = const(16)
_OPAQUE = const(6)
_FLOAT = const(4)
_INTEGER = const(2)

_UNASSIGNED = const(65535)


class Operations:
    """Carries out the requests of the servers that speak `version` on `tree`.

    attributes: the Attributes that Write-Attributes fills and Observe reads.
    """

    def __init__(self, tree, version, attributes: "Attributes | None" = None, root: str = "") -> None:
        self.tree = tree
        self.version = version
        self.attributes = attributes or Attributes()
        self.root = root

    def handle(self, request, path: tuple, server):
        """Carry out request (a coap Message) on path (lwm2m.uri.parse_path); return the response.

        server: the account of the sender (its `short_server_id` keys the attributes), or None.
        """
        try:
            return self._dispatch(request, path, server)
        except OperationError as error:
            return request.reply(error.code)
        except CodecError as error:
            # A diagnostic payload, RFC 7252 §5.5.2.
            return request.reply(_BAD_REQUEST, str(error).encode())

    def read(self, path: tuple, accept: "int | None", server) -> tuple:
        """Return (content format, payload bytes) of a Read; accept is a number or None.

        Raises OperationError 4.01 for Security, 4.04, 4.05 for what is not readable, 4.06 when the
        value cannot be sent in the accepted format.
        """
        _guard(path)
        if not path:
            raise OperationError(_METHOD_NOT_ALLOWED)
        tree = self.tree
        entries = tree.entries(path)
        single = tree.is_single(path)
        if accept is not None:
            content_format = accept
        elif not single:
            content_format = self.version.structured_format
        elif tree.get(path[0], path[1]).definition(path[2])[1] == _OPAQUE:
            content_format = _OPAQUE_FORMAT
        else:
            content_format = _TEXT
        codec = self._codec(content_format, _NOT_ACCEPTABLE)
        payload = bytearray()
        try:
            for chunk in codec.encode(entries, path):
                payload += chunk
        except CodecError:
            raise OperationError(_NOT_ACCEPTABLE)
        return content_format, bytes(payload)

    def _dispatch(self, request, path, server):
        _guard(path)
        tree = self.tree
        code = request.code
        depth = len(path)
        if depth and tree.object_class(path[0]) is None:
            raise OperationError(_NOT_FOUND)
        if code == _GET:
            accept = request.get_uint(_ACCEPT)
            if accept == _LINK:
                return request.reply(_CONTENT, self._discover(path, server), _LINK)
            content_format, payload = self.read(path, accept, server)
            return request.reply(_CONTENT, payload, content_format)
        if code == _POST and depth == 1:
            return self._create(request, path, server)
        if depth < 2 and not (code == _PUT and depth):
            raise OperationError(_METHOD_NOT_ALLOWED)
        if code == _DELETE:
            return self._delete(request, path)
        if code == _PUT:
            queries = request.queries()
            if queries:
                self._write_attributes(path, queries, request, server)
                return request.reply(_CHANGED)
            if depth < 2:
                raise OperationError(_METHOD_NOT_ALLOWED)
        elif code != _POST or depth > 3:
            raise OperationError(_METHOD_NOT_ALLOWED)
        obj = tree.get(path[0], path[1])
        row = obj.definition(path[2]) if obj and depth > 2 else None
        if obj is None or (depth > 2 and row is None):
            raise OperationError(_NOT_FOUND)
        if code == _POST and depth == 3:
            if row[0] & _E:
                return self._execute(request, obj, path[2], server)
            if not row[0] & _MULTIPLE:
                raise OperationError(_METHOD_NOT_ALLOWED)
        self._write(request, obj, path, server)
        return request.reply(_CHANGED)

    def _codec(self, content_format, refusal):
        codec = load(content_format) if content_format in self.version.formats else None
        if codec is None:
            raise OperationError(refusal)
        return codec

    def _discover(self, path, server) -> bytes:
        if not self.tree.exists(path) or len(path) > 3:
            raise OperationError(_METHOD_NOT_ALLOWED if len(path) in (0, 4) else _NOT_FOUND)
        payload = bytearray()
        server_id = server.short_server_id if server else 0
        for link in discover(self.tree, self.version, self.attributes, server_id, path, self.root):
            payload += link.encode()
        return bytes(payload)

    def _write_attributes(self, path, queries, request, server) -> None:
        if len(request.payload):
            raise OperationError(_BAD_REQUEST)
        if not self.tree.exists(path):
            raise OperationError(_NOT_FOUND)
        numeric = False
        if len(path) > 2:
            flags, kind = self.tree.get(path[0], path[1]).definition(path[2])
            numeric = _INTEGER <= kind <= _FLOAT
        self.attributes.set(server.short_server_id if server else 0, path, queries, numeric)

    def _execute(self, request, obj, rid, server):
        if not obj.has(rid):
            raise OperationError(_NOT_FOUND)
        if request.get_uint(_CONTENT_FORMAT, _TEXT) != _TEXT:
            raise OperationError(_UNSUPPORTED_CONTENT_FORMAT)
        arguments = bytes(request.payload)
        parse_arguments(arguments)
        obj.execute(rid, arguments, server)
        return request.reply(_CHANGED)

    def _write(self, request, obj, path, server) -> None:
        updates = self._updates(request, obj, path)
        if len(path) < 4 and request.code == _POST or len(path) == 4:
            for rid in updates:
                if updates[rid].__class__ is dict:
                    merged = dict(obj.read(rid)) if obj.has(rid) else {}
                    if len(path) == 4 and path[3] not in merged:
                        raise OperationError(_NOT_FOUND)
                    merged.update(updates[rid])
                    updates[rid] = merged
        for rid in updates:
            obj.validate(rid, updates[rid])
        dropped = ()
        if len(path) == 2 and request.code == _PUT:
            dropped = [rid for rid in obj.values if rid not in updates and _optional(obj, rid)]
        for rid in dropped:
            obj.clear(rid)
        for rid in updates:
            obj.write(rid, updates[rid], server)
        for rid in list(updates) + list(dropped):
            obj.changed(rid)

    def _updates(self, request, obj, path, creating: bool = False) -> dict:
        """Return {resource id: value or {resource instance id: value}} of a Write's payload.

        When creating, read-only resources may be set and an instance id in the payload is stored as
        the object's.
        """
        content_format = request.get_uint(_CONTENT_FORMAT)
        if content_format is None:
            content_format = _TEXT if len(path) > 2 else self.version.structured_format
        if content_format == _OLD_TLV:
            content_format = _TLV
        codec = self._codec(content_format, _UNSUPPORTED_CONTENT_FORMAT)
        if len(path) < 3 and content_format in (_TEXT, _OPAQUE_FORMAT, _CBOR):
            raise OperationError(_UNSUPPORTED_CONTENT_FORMAT)

        def kind_of(target):
            row = obj.definition(target[2]) if len(target) > 2 else None
            if row is None:
                raise OperationError(_NOT_FOUND)
            if row[0] & _E or not (creating or row[0] & _W):
                raise OperationError(_METHOD_NOT_ALLOWED)
            return row[1]

        updates = {}
        for target, value in codec.decode(request.payload, path, kind_of):
            rid = target[2]
            multiple = obj.definition(rid)[0] & _MULTIPLE
            if bool(multiple) != (len(target) == 4 or value.__class__ is dict):
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

    def _create(self, request, path, server):
        tree = self.tree
        oid = path[0]
        cls = tree.object_class(oid)
        if not cls.creatable:
            raise OperationError(_METHOD_NOT_ALLOWED)
        obj = cls()
        updates = self._updates(request, obj, path, True) if len(request.payload) else {}
        named = obj.instance_id
        if named is None:
            obj.instance_id = tree.free_id(oid)
        if tree.get(oid, obj.instance_id) or (obj.instance_id and not cls.multiple):
            raise OperationError(_BAD_REQUEST)
        for rid in updates:
            obj.validate(rid, updates[rid])
            obj.write(rid, updates[rid], server)
        table = cls.resources
        for at in range(0, len(table), 4):
            if table[at + 2] & _MANDATORY and not obj.has(table[at] << 8 | table[at + 1]):
                raise OperationError(_BAD_REQUEST)
        tree.add(obj, obj.instance_id)
        response = request.reply(_CREATED)
        if named is None:
            # TS 1.1 Core §6.3.6: the client names the instance when the server did not.
            for part in (self.root, str(oid), str(obj.instance_id)):
                if part:
                    response.add(_LOCATION_PATH, part)
        return response

    def _delete(self, request, path):
        obj = self.tree.get(path[0], path[1])
        if obj is None:
            raise OperationError(_NOT_FOUND)
        if len(path) != 2 or not obj.creatable:
            raise OperationError(_METHOD_NOT_ALLOWED)
        self.tree.remove(path[0], path[1])
        self.attributes.forget(path)
        return request.reply(_DELETED)


def _guard(path) -> None:
    # Security and OSCORE Objects are for the bootstrap server only (TS 1.0 §5.4, ETS int-221).
    if path and path[0] in (0, 21):
        raise OperationError(_UNAUTHORIZED)


def _optional(obj, rid) -> bool:
    flags = obj.definition(rid)[0]
    return bool(flags & _W) and not flags & _MANDATORY
