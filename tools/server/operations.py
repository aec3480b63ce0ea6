"""Device management operations as CoAP messages, and their results (TS Core §6.3; 1.0 §5.4)."""

from dataclasses import dataclass

from aiocoap import Message

from . import formats, wire
from .formats import Path
from .model import Model
from .registry import Client

OPERATIONS = (
    "read",
    "write",
    "execute",
    "discover",
    "observe",
    "cancel",
    "write-attributes",
    "create",
    "delete",
)


@dataclass
class Result:
    """What a client answered.

    code: dotted, "2.05". value: decoded payload (formats.py), None without one; a Discover gives a
    list of {"target": …, attribute: …}. payload: as received. via: "U" or "S". error: why the
    payload could not be decoded, or the diagnostic text of an error response. observing: the
    client accepted an Observe.
    """

    endpoint: str
    operation: str
    path: str
    code: str
    value: object = None
    content_format: int | None = None
    payload: bytes = b""
    via: str = "U"
    error: str | None = None
    observing: bool = False
    location: str | None = None

    @property
    def ok(self) -> bool:
        """The response code is a success (2.xx)."""
        return self.code.startswith("2")

    def facts(self) -> dict:
        """Return the result as plain data fit for JSON."""
        facts = {
            "operation": self.operation,
            "path": self.path,
            "code": self.code,
            "value": formats.to_json(self.value),
            "content_format": self.content_format,
            "via": self.via,
        }
        if self.error:
            facts["error"] = self.error
        if self.location:
            facts["location"] = self.location
        if self.operation == "observe":
            facts["observing"] = self.observing
        return facts


@dataclass
class Operation:
    """One operation: enough to build its request for whatever registration is the newest.

    name: one of OPERATIONS, or "notification" to fetch the rest of one, of which `first` is the
    first block.
    accept, content_format: CoAP numbers, None for none and for the default. replace: a Write by
    PUT, else a partial update by POST. attributes: {name: value | None}, None unsets.
    token: fixed for observe and cancel, else None.
    """

    name: str
    path: Path
    value: object = None
    content_format: int | None = None
    accept: int | None = None
    replace: bool = True
    attributes: dict | None = None
    token: bytes | None = None
    confirmable: bool = True
    first: Message | None = None

    def build(self, client: Client, model: Model) -> Message:
        """Build the request for a client. Raises formats.FormatError."""

        def type_of(path: Path) -> str | None:
            return model.type_of(path, client.version.name)

        segments = tuple(s for s in client.listed.root.split("/") if s)
        segments += tuple(str(id) for id in self.path)
        type = wire.CON if self.confirmable else wire.NON
        token = self.token or b""
        if self.name in ("read", "observe", "cancel", "discover", "notification"):
            observe = {"observe": 0, "cancel": 1}.get(self.name)
            accept = wire.LINK_FORMAT if self.name == "discover" else self.accept
            return wire.message(
                wire.GET, type=type, token=token, path=segments, observe=observe, accept=accept
            )
        if self.name == "write-attributes":
            query = tuple(
                name if value is None else "%s=%s" % (name, value)
                for name, value in (self.attributes or {}).items()
            )
            return wire.message(wire.PUT, type=type, path=segments, query=query)
        if self.name == "execute":
            text = b"" if self.value is None else str(self.value).encode()
            content_format = formats.TEXT if text else None
            return wire.message(
                wire.POST, type=type, path=segments, payload=text, content_format=content_format
            )
        if self.name == "delete":
            return wire.message(wire.DELETE, type=type, path=segments)
        base = self.path
        if self.name == "create":
            segments = segments[:-1] if len(self.path) == 2 else segments
            structured = client.version.structured_format
            content_format = structured if self.content_format is None else self.content_format
            value = self.value
            if len(self.path) == 2:
                base, value = self.path[:1], {self.path[1]: self.value}
            elif not _names_instances(value):
                # Without an instance id the client picks one, which only TLV can leave open.
                base, content_format = (*self.path, 0), formats.TLV
            payload = formats.encode(content_format, base, value, type_of)
            return wire.message(
                wire.POST,
                type=type,
                path=segments,
                payload=payload,
                content_format=content_format,
            )
        content_format = self.content_format
        if content_format is None:
            structured = client.version.structured_format
            content_format = formats.default_format(base, self.value, structured)
        payload = formats.encode(content_format, base, self.value, type_of)
        return wire.message(
            wire.PUT if self.replace else wire.POST,
            type=type,
            path=segments,
            payload=payload,
            content_format=content_format,
        )

    def result(self, client: Client, response: Message, model: Model, via: str) -> Result:
        """Read the response. A payload that cannot be decoded is told in `error`."""
        result = Result(
            client.endpoint,
            self.name,
            formats.path_text(self.path),
            wire.dotted(int(response.code)),
            content_format=wire.content_format_of(response),
            payload=response.payload,
            via=via,
            observing=self.name == "observe" and response.opt.observe is not None,
        )
        if response.opt.location_path:
            result.location = "/" + "/".join(response.opt.location_path)
        if not result.ok:
            result.error = response.payload.decode("utf-8", "replace") or None
            if result.error is None and response.opt.size1 is not None:
                result.error = "the client takes %d bytes at most" % response.opt.size1
        elif response.payload:
            result.value, result.error = decode_payload(response, self.path, client, model)
        return result


def _names_instances(value) -> bool:
    """Tell {instance: {resource: …}} from {resource: value} (whose multiple resources are also
    dicts, but seldom all of them)."""
    return isinstance(value, dict) and all(isinstance(inner, dict) for inner in value.values())


def decode_payload(incoming: Message, path: Path, client: Client, model: Model):
    """Decode the payload of a response or notification; returns (value, error text or None)."""

    def type_of(path: Path) -> str | None:
        return model.type_of(path, client.version.name)

    try:
        content_format = wire.content_format_of(incoming)
        root = client.listed.root
        return formats.decode(content_format, incoming.payload, path, type_of, root), None
    except formats.FormatError as error:
        return None, str(error)
