"""The operations on a client, and their results (TS Core §6.3, §6.4; 1.0 §5.4)."""

from dataclasses import dataclass
from typing import NamedTuple

from aiocoap import Message

from . import formats, wire
from .formats import Path, Record
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
    "read-composite",
    "write-composite",
    "observe-composite",
    "cancel-composite",
)
COMPOSITE = OPERATIONS[-4:]


class Decoded(NamedTuple):
    """A payload: its newest values, all its records in order, and why it could not be decoded."""

    value: object = None
    records: tuple[Record, ...] = ()
    error: str | None = None

    def facts(self) -> dict:
        """Return the values as plain data: with `records` where a time is given."""
        facts: dict = {"value": formats.to_json(self.value)}
        if any(record.time is not None for record in self.records):
            facts["records"] = [
                {
                    "path": formats.path_text(record.path),
                    "value": formats.to_json(record.value),
                    "time": record.time,
                }
                for record in self.records
            ]
        if self.error:
            facts["error"] = self.error
        return facts


@dataclass
class Result:
    """What a client answered.

    code: dotted, "2.05". value: decoded payload (paths.py), None without one; a Discover gives a
    list of {"target": …, attribute: …}. records: every value with its path and time, in order.
    payload: as received. via: "U" or "S". error: why the payload could not be decoded, or the
    diagnostic text of an error response. observing: the client accepted an Observe.
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
    records: tuple[Record, ...] = ()
    paths: tuple[str, ...] = ()

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
            "content_format": self.content_format,
            "via": self.via,
            **Decoded(self.value, self.records, self.error).facts(),
        }
        if self.paths:
            facts["paths"] = list(self.paths)
        if self.location:
            facts["location"] = self.location
        if self.operation.startswith("observe"):
            facts["observing"] = self.observing
        return facts


@dataclass
class Operation:
    """One operation: enough for requests.py to build it for whatever registration is the newest.

    name: one of OPERATIONS, or "notification" to fetch the rest of one, of which `first` is the
    first block. paths: of a composite operation, whose `path` is the root; a Write-Composite has
    `value` = {path: scalar}, None of which removes a Resource Instance.
    accept, content_format: CoAP numbers, None for none and for the default. replace: a Write by
    PUT, else a partial update by POST. attributes: {name: value | None}, None unsets: of
    Write-Attributes, and of an Observe of 1.2. depth: of a Discover of 1.2.
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
    paths: tuple[Path, ...] = ()
    depth: int | None = None

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
            observing=self.name.startswith("observe") and response.opt.observe is not None,
            paths=tuple(formats.path_text(path) for path in self.paths),
        )
        if response.opt.location_path:
            result.location = "/" + "/".join(response.opt.location_path)
        if not result.ok:
            result.error = response.payload.decode("utf-8", "replace") or None
            if result.error is None and response.opt.size1 is not None:
                result.error = "the client takes %d bytes at most" % response.opt.size1
        elif response.payload:
            decoded = decode_payload(response, self.path, client, model)
            result.value, result.records, result.error = decoded
        return result


def decode_payload(incoming: Message, path: Path, client: Client, model: Model) -> Decoded:
    """Decode the payload of a response, a notification or a Send."""

    def type_of(path: Path) -> str | None:
        return model.type_of(path, client.version.name)

    content_format = wire.content_format_of(incoming)
    arguments = (content_format, incoming.payload, path, type_of, client.listed.root)
    try:
        if content_format == formats.LINK:
            return Decoded(formats.decode(*arguments))
        found = formats.records(*arguments)
        return Decoded(formats.gather(found, path), tuple(found))
    except formats.FormatError as error:
        return Decoded(error=str(error))
