"""Device Management and Service Enablement (TS 1.0 §5.4, TS 1.1 Core §6.3), request by request.

GET     Accept 40: Discover; otherwise Read of an Object, instance, resource, resource instance
PUT     without payload and with queries: Write-Attributes; otherwise Write (replace)
POST    Object: Create; instance: Write (partial); resource: Execute, or Write of some values
        of a multiple resource
DELETE  instance or, since 1.2, resource instance: Delete
FETCH   Read-Composite, and iPATCH Write-Composite, on the root path: lwm2m.composite
"""

from micropython import const

from lwm2m.attributes import Attributes
from lwm2m.codec import CodecError, load, registered
from lwm2m.object import OperationError

_GET = const(1)
_DELETE = const(4)

_CONTENT = const(0x45)
_BAD_REQUEST = const(0x80)
_UNAUTHORIZED = const(0x81)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_NOT_ACCEPTABLE = const(0x86)
_INTERNAL_SERVER_ERROR = const(0xA0)

_ACCEPT = const(17)

# SenML-ETCH is what requests come in (RFC 8790 §3).
_REQUESTS_ONLY = (320, 322)
_SENML = (110, 112, 320, 322)
_JSON = (110, 11543)

_PIECE = const(256)  # what of a payload is encoded at once where the rest may follow in blocks

_TEXT = const(0)
_LINK = const(40)
_OPAQUE_FORMAT = const(42)

# Flags of a resource, and bits of the rights that an operation needs (Object 2 resource 2).
_R = const(1)
_OPAQUE = const(6)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Operations:
    """Carries out the requests of the servers that speak `version` on `tree`.

    attributes: the Attributes that Write-Attributes fills and Observe reads. access: a
    lwm2m.access.Access, None where every server may do everything.
    """

    access: "Any" = None

    def __init__(
        self, tree, version, attributes: "Attributes | None" = None, root: str = ""
    ) -> None:
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
        except (MemoryError, OSError):  # OSError: a probe, an actuator or the flash
            return request.reply(_INTERNAL_SERVER_ERROR)

    def read(self, path: "Any", accept: "int | None", server, streamed: bool = False) -> tuple:
        """Return (content format, payload bytes) of a Read; accept is a number or None.

        streamed: as `encode` has it.

        Raises OperationError 4.01 for Security, 4.04, 4.05 for what is not readable, 4.06 when the
        value cannot be sent in the accepted format, 5.00 when there is no memory for it.
        """
        _guard(path)
        if not path:
            raise OperationError(_METHOD_NOT_ALLOWED)
        tree = self.tree
        entries = tree.entries(path)
        if len(path) > 1:
            self.allow(server, path, _R)
        else:
            self.limit(entries, server)
        single = tree.is_single(path)
        if accept is not None:
            content_format = registered(accept)
        elif not single:
            content_format = self.version.structured_format
        elif tree.get(path[0], path[1]).definition(path[2])[1] == _OPAQUE:
            content_format = _OPAQUE_FORMAT
        else:
            content_format = _TEXT
        payload = self.encode(entries, path, content_format, streamed)
        return content_format if accept is None else accept, payload

    def encode(self, entries, base: tuple, content_format: int, streamed: bool = False):
        """Return entries (see lwm2m.codec) as a payload in a format of the version.

        streamed: whether a larger one may be a body that is encoded as it is sent
        (lwm2m.codec.stream), not bytes.
        Raises OperationError 4.06 when the format cannot carry them, 5.00 without the memory or
        where one of them cannot be measured (OSError).
        """
        formats = self.version.formats
        allowed = content_format in formats and content_format not in _REQUESTS_ONLY
        codec = load(content_format) if allowed else None
        if codec is None:
            raise OperationError(_NOT_ACCEPTABLE)
        root = self.rooted(content_format)
        try:
            payload = gather(codec.encode(entries, base, *root), streamed)
            if content_format in _JSON and hasattr(payload, "read"):
                for _ in codec.encode(entries, base, *root):
                    pass  # a number that JSON has not is refused before the first block goes
            return payload
        except CodecError:
            raise OperationError(_NOT_ACCEPTABLE)
        except (MemoryError, OSError):
            raise OperationError(_INTERNAL_SERVER_ERROR)

    def rooted(self, content_format: int) -> tuple:
        """Return (root,) where codecs have to know it: names in SenML are paths of the device, in
        which its alternate path is (TS 1.2 Transport §6.4.1); () otherwise.
        """
        return (self.root,) if self.root and content_format in _SENML else ()

    def allow(self, server, path: tuple, needed: int) -> None:
        """Raise OperationError 4.01 unless a server has the rights `needed` at path."""
        if self.access:
            self.access.check(server, path, needed)

    def limit(self, entries, server) -> None:
        """Leave the instances that a server may not read out of entries (TS 1.1 Core §8.2.4)."""
        access = self.access
        if access:
            entries.allowed = lambda path: access.readable(server, path)

    def _dispatch(self, request, path, server):
        _guard(path)
        code = request.code
        depth = len(path)
        if depth and self.tree.object_class(path[0]) is None:
            raise OperationError(_NOT_FOUND)
        if code > _DELETE:
            if depth or not self.version.composite:
                raise OperationError(_METHOD_NOT_ALLOWED)
            from lwm2m.composite import composite

            return composite(self, request, server)
        if code == _GET:
            accept = request.get_uint(_ACCEPT)
            if accept == _LINK:
                from lwm2m.discover import answer

                return answer(self, request, path, server)
            content_format, payload = self.read(path, accept, server, True)
            return request.reply(_CONTENT, payload, content_format)
        from lwm2m.write import change

        return change(self, request, path, server)


def gather(chunks, streamed: bool):
    """Return chunks of bytes as a payload or a body; streamed: as Operations.encode has it."""
    payload = b""
    for chunk in chunks:
        if not payload:
            payload = chunk  # a large value alone is not copied
            continue
        if streamed and len(payload) + len(chunk) > _PIECE:
            from lwm2m.codec.stream import Stream

            return Stream([payload, chunk], chunks)
        if not isinstance(payload, bytearray):
            payload = bytearray(payload)
        payload += chunk
    return payload


def _guard(path) -> None:
    # Security, OSCORE and COSE are for the bootstrap server only (TS 1.0 §5.4, ETS int-221).
    if path and path[0] in (0, 21, 23):
        raise OperationError(_UNAUTHORIZED)
