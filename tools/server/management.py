"""The operations of an LwM2M server on a client, a method each (TS Core §6.3, §6.4; 1.0 §5.4)."""

import asyncio

from aiocoap import Message

from . import formats
from .blockwise import Limits, converse
from .echo import repeating
from .endpoint import Endpoint, RequestFailed
from .formats import Path
from .model import Model
from .observations import Observation, Observations
from .operations import COMPOSITE, OPERATIONS, Operation, Result
from .registry import Client, Registry
from .request_queue import RequestQueue, Waiting
from .requests import build

_MAX_PATHS = 100
_OPTIONS = {"accept", "content_format", "replace", "attributes", "depth", "confirmable"}


class DeviceManagement:
    """What LwM2mServer inherits: each method awaits its Result.

    In Queue Mode that is when the client has shown and answered. They raise UnknownEndpoint,
    RequestFailed, or ValueError for a wrong path. A caller's own time-out (asyncio.wait_for)
    withdraws the request. Options that they share: via "S" sends it by SMS at once, past the
    queue; accept and content_format are CoAP numbers.
    """

    model: Model
    observations: Observations
    _registry: Registry
    _queues: dict[str, RequestQueue]
    _endpoint: Endpoint
    _limits: Limits
    _next_id = 1

    async def read(
        self, endpoint: str, path: str, *, accept: int | None = None, via: str | None = None
    ) -> Result:
        """Read an Object, Instance, Resource or Resource Instance."""
        return await self.enqueue(endpoint, "read", path, accept=accept, via=via)

    async def write(self, endpoint: str, path: str, value, **options) -> Result:
        """Write by PUT, or with replace=False a partial update by POST; content_format, via."""
        return await self.enqueue(endpoint, "write", path, value, **options)

    async def execute(
        self, endpoint: str, path: str, argument: str | None = None, *, via: str | None = None
    ) -> Result:
        """Execute a Resource, with an argument such as "0='reboot'"."""
        return await self.enqueue(endpoint, "execute", path, argument, via=via)

    async def discover(
        self, endpoint: str, path: str, *, depth: int | None = None, via: str | None = None
    ) -> Result:
        """Discover, as deep as asked (1.2): the value is a list of {"target": …, attribute: …}."""
        return await self.enqueue(endpoint, "discover", path, depth=depth, via=via)

    async def write_attributes(
        self, endpoint: str, path: str, attributes: dict, *, via: str | None = None
    ) -> Result:
        """Write attributes such as {"pmin": 10, "gt": None}; None unsets.

        pmin, pmax (s), gt, lt, st; epmin, epmax (s) since 1.1; edge (0, 1), con (0, 1), hqmax
        since 1.2. Any other name goes out, too.
        """
        return await self.enqueue(
            endpoint, "write-attributes", path, attributes=attributes, via=via
        )

    async def create(self, endpoint: str, path: str, value: dict, **options) -> Result:
        """Create an Object Instance: path "/3303/5" with {resource: value}, or "/3303" with that,
        whose id the client picks, or with {instance: {resource: value}}; content_format, via."""
        return await self.enqueue(endpoint, "create", path, value, **options)

    async def delete(self, endpoint: str, path: str, *, via: str | None = None) -> Result:
        """Delete an Object Instance, or a Resource Instance (1.2)."""
        return await self.enqueue(endpoint, "delete", path, via=via)

    async def observe(self, endpoint: str, path: str, **options) -> Result:
        """Observe; result.observing tells whether the client does. Notifications are events.

        accept, via; attributes: of this observation alone, as Write-Attributes has them (1.2).
        """
        return await self.enqueue(endpoint, "observe", path, **options)

    async def cancel(
        self,
        endpoint: str,
        path: str = "/",
        *,
        paths: list[str] | None = None,
        passive: bool = False,
        via: str | None = None,
    ) -> Result | None:
        """Cancel an observation, of several paths when they are given, by GET or FETCH with
        Observe 1, or passively by a Reset to its next notification (RFC 7641 §3.6); that returns
        None. Raises ValueError when there is none."""
        if not passive:
            operation = "cancel-composite" if paths else "cancel"
            return await self.enqueue(endpoint, operation, path, paths=paths, via=via)
        self._registry.get(endpoint)
        several = _paths(paths) if paths else ()
        observation = self.observations.named(endpoint, formats.parse_path(path), several)
        self.observations.end(observation, "cancelled")
        return None

    async def read_composite(self, endpoint: str, paths: list[str], **options) -> Result:
        """Read several paths by FETCH (1.1); the value is nested from the root.

        content_format: of the paths; accept: of the values; via.
        """
        return await self.enqueue(endpoint, "read-composite", paths=paths, **options)

    async def write_composite(self, endpoint: str, values: dict, **options) -> Result:
        """Write {path: value} in one iPATCH (1.1), all of it or nothing; content_format, via.

        The value of a path above the Resources is nested; None removes a Resource Instance (1.2).
        """
        return await self.enqueue(endpoint, "write-composite", value=values, **options)

    async def observe_composite(self, endpoint: str, paths: list[str], **options) -> Result:
        """Observe several paths as one (1.1); options as of read_composite and observe."""
        return await self.enqueue(endpoint, "observe-composite", paths=paths, **options)

    def enqueue(
        self,
        endpoint: str,
        operation: str,
        path: str = "/",
        value=None,
        *,
        paths: list[str] | None = None,
        via: str | None = None,
        **options,
    ) -> asyncio.Future:
        """Queue an operation without waiting; returns the future of its Result.

        operation: one of operations.OPERATIONS. paths: of a composite one, but Write-Composite,
        whose value is {path: value}. via "S" sends it by SMS at once, past the queue (CR Table 3).
        options: accept, content_format, replace, attributes, depth, as the methods say;
        confirmable=False for a Non-confirmable request.
        Cancelling the future withdraws the request.
        """
        client = self._registry.get(endpoint)
        if operation not in OPERATIONS:
            raise ValueError("operation %r is not one of %s" % (operation, ", ".join(OPERATIONS)))
        if via not in (None, "U", "S"):
            raise ValueError("via %r is not U or S" % via)
        ids = formats.parse_path(path)
        unknown = ", ".join(sorted(set(options) - _OPTIONS))
        if unknown:
            raise ValueError("option %s is not known" % unknown)
        wanted = Operation(operation, ids, value, **options)
        if paths and operation not in COMPOSITE:
            raise ValueError("%s has a path, not paths" % operation)
        if operation in COMPOSITE:
            _check_composite(wanted, path, paths)
        else:
            _check(wanted, path)
        self._take_token(endpoint, wanted)
        waiting = self._waiting(wanted)
        if via == "S":
            if client.sms_number is None:
                raise ValueError("%s registered no SMS number" % endpoint)
            self._queues[endpoint].send_now(waiting, client.sms_number)
        else:
            self._queues[endpoint].put(waiting)
        return waiting.future

    def _take_token(self, endpoint: str, wanted: Operation) -> None:
        """Give an Observe the token of an observation, entered if need be, and a Cancel what it
        has to repeat of the Observe, which is all but the Observe option (RFC 7641 §3.6)."""
        name = wanted.name.partition("-")[0]
        if name == "observe":
            known = self.observations.find(endpoint, wanted.path, wanted.paths)
            if known is None:
                known = Observation(endpoint, wanted.path, self._endpoint.new_token())
                self.observations.add(known)
            wanted.token, known.paths = known.token, wanted.paths
            known.accept, known.content_format = wanted.accept, wanted.content_format
            known.attributes = wanted.attributes
        elif name == "cancel":
            known = self.observations.named(endpoint, wanted.path, wanted.paths)
            wanted.token, wanted.paths = known.token, known.paths
            wanted.accept, wanted.content_format = known.accept, known.content_format
            wanted.attributes = known.attributes

    def _waiting(self, operation: Operation) -> Waiting:
        future = asyncio.get_running_loop().create_future()
        # A failure that nobody awaits is told by the "failed" event.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._next_id += 1
        return Waiting(self._next_id - 1, operation, future)

    def _fetch_rest(self, endpoint: str, operation: Operation, by_sms: bool) -> asyncio.Future:
        """Fetch the rest of a notification, by what that came by. Raises RequestFailed."""
        queue = self._queues.get(endpoint)
        if queue is None:
            raise RequestFailed("closed", "%s is not registered any more" % endpoint)
        waiting, number = self._waiting(operation), queue.client.sms_number
        if by_sms and number and not queue.client.sms_only:
            queue.send_now(waiting, number)
        else:
            queue.put_first(waiting)
        return waiting.future

    async def _read_at_once(self, client: Client, path: str, wait_s: float) -> Result:
        """Send one Non-confirmable Read to the recorded address, past the queue.

        Raises RequestFailed, asyncio.TimeoutError.
        """
        wanted = Operation("read", formats.parse_path(path), confirmable=False)
        address = client.address
        assert address is not None

        @repeating
        def send(message: Message):
            return self._endpoint.start(message, address).future

        request = build(wanted, client, self.model)
        response = await asyncio.wait_for(converse(request, send, self._limits), wait_s)
        return wanted.result(client, response, self.model, "U")


def _check(wanted: Operation, path: str) -> None:
    """Check the arguments of an operation on one path; raises ValueError."""
    if len(wanted.path) < (2 if wanted.name in ("write", "delete") else 1):
        raise ValueError("path %r is too short for %s" % (path, wanted.name))
    attributes = wanted.attributes
    if wanted.name == "write-attributes" and not (attributes and isinstance(attributes, dict)):
        raise ValueError("write-attributes needs attributes, such as {'pmin': 10}")
    if attributes is not None and not isinstance(attributes, dict):
        raise ValueError("attributes are a group, such as {'pmin': 10}")
    if wanted.depth is not None and wanted.depth not in range(4):
        raise ValueError("depth %r is not 0, 1, 2 or 3" % (wanted.depth,))
    if wanted.name == "create" and not isinstance(wanted.value, dict):
        raise ValueError("create needs a value such as {0: 1}: the resources by id")


def _check_composite(wanted: Operation, path: str, paths: list[str] | None) -> None:
    """Check the arguments of a composite operation and enter its paths; raises ValueError."""
    if wanted.path:
        raise ValueError("%s is of the root, not of %r: give paths" % (wanted.name, path))
    if wanted.name != "write-composite":
        wanted.paths = _paths(paths)
        return
    if not wanted.value or not isinstance(wanted.value, dict):
        raise ValueError("write-composite needs values, such as {'/3/0/14': '+02:00'}")
    entries: dict = {}
    for name, value in wanted.value.items():
        entries.update(formats.flatten(value, formats.parse_path(name)))
    wanted.value = entries


def _paths(paths: list[str] | None) -> tuple[Path, ...]:
    if not paths or not isinstance(paths, (list, tuple)) or len(paths) > _MAX_PATHS:
        raise ValueError("paths are 1 to %d, such as ['/3/0/9', '/1/0']" % _MAX_PATHS)
    return tuple(formats.parse_path(path) for path in paths)
