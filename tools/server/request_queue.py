"""The requests of one client: sent one at a time, and in Queue Mode when the client shows.

CR 6.1; TS Core 1.0 §8.3. A client that is not in Queue Mode is always reachable; its requests
differ only in that a failure is final. The client of a Queue Mode registration is

    state    event                                      next
    ASLEEP   it shows: Register, Update, notification   AWAKE, the queue is emptied in order
    AWAKE    awake_s since its last message             ASLEEP
    AWAKE    a request gets no response                 ASLEEP, the request returns to the front

A request that has failed `max_tries` times is given up and reported.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiocoap import Message

from . import formats
from .blockwise import Limits, TransferFailed, converse
from .echo import repeating
from .endpoint import Endpoint, Exchange, RequestFailed
from .model import Model
from .operations import Operation
from .registry import Client
from .requests import build

ASLEEP, AWAKE, REACHABLE = 0, 1, 2
STATE_NAMES = ("asleep", "awake", "reachable")

_DONE, _AGAIN, _GIVEN_UP = 0, 1, 2


class Waiting:
    """A request in the queue or under way, and the future of its Result."""

    def __init__(self, id: int, operation: Operation, future: asyncio.Future):
        self.id = id
        self.operation = operation
        self.future = future
        self.tries = 0

    def facts(self) -> dict:
        """Return what names the request in events."""
        facts = {
            "id": self.id,
            "operation": self.operation.name,
            "path": formats.path_text(self.operation.path),
        }
        if self.operation.paths:
            facts["paths"] = [formats.path_text(path) for path in self.operation.paths]
        return facts


class RequestQueue:
    """Requests for one endpoint name. It outlives a registration that is replaced.

    emit(name, facts): events. awake_s: seconds the client stays awake after its last message.
    completed(waiting, response | None): before a result or a final failure is handed over.
    limits: of what goes and comes in blocks; such a transfer is one request of the queue.
    """

    def __init__(
        self,
        client: Client,
        endpoint: Endpoint,
        model: Model,
        *,
        emit: Callable[[str, dict], None],
        completed: Callable,
        awake_s: float,
        max_length: int,
        max_tries: int,
        limits: Limits,
    ):
        self.client = client
        self.awake_s = awake_s
        self._endpoint = endpoint
        self._model = model
        self._emit = emit
        self._completed = completed
        self._max_length = max_length
        self._max_tries = max_tries
        self._limits = limits
        self._waiting: deque[Waiting] = deque()
        self._current: Waiting | None = None
        self._exchange: Exchange | None = None
        self._awake_until = 0.0
        self._awake = False
        self._shows = 0
        self._timer: asyncio.TimerHandle | None = None
        self._pump_task: asyncio.Task | None = None
        self._side_tasks: set[asyncio.Task] = set()

    def __len__(self) -> int:
        return len(self._waiting) + (self._current is not None)

    @property
    def state(self) -> int:
        """ASLEEP, AWAKE or REACHABLE (not in Queue Mode)."""
        if not self.client.queue_mode:
            return REACHABLE
        return AWAKE if self._awake else ASLEEP

    def waiting(self) -> list[dict]:
        """Return the facts of the requests not answered yet, the next first."""
        current = [self._current.facts()] if self._current else []
        return current + [waiting.facts() for waiting in self._waiting]

    def put(self, waiting: Waiting) -> None:
        """Queue a request; it goes at once when the client is reachable.

        Raises RequestFailed "queue_full".
        """
        self._check_room(len(self))
        self._waiting.append(waiting)
        if self.state == ASLEEP:
            self._report("queued", waiting, waiting=len(self))
        self._pump()

    def put_first(self, waiting: Waiting) -> None:
        """Queue the rest of a notification, which the client keeps for a time only, as the next
        request. Raises RequestFailed "queue_full"."""
        self._check_room(len(self))
        self._waiting.appendleft(waiting)
        self._pump()

    def shown(self) -> None:
        """The client registered, updated or notified: it is awake, and its requests follow.

        An exchange that waits for an acknowledgement goes to the newest address at once.
        """
        self._shows += 1
        if self.client.queue_mode:
            was_asleep = not self._awake
            self._awake = True
            self.heard()
            if was_asleep:
                facts = {"endpoint": self.client.endpoint, "awake_s": self.awake_s}
                self._emit("awake", {**facts, "waiting": len(self)})
        if self._exchange is not None and not isinstance(self._exchange.peer, str):
            peer = self.client.address
            if peer is not None:
                self._endpoint.redirect(self._exchange, peer)
        self._pump()

    def heard(self) -> None:
        """A message came from the client: its awake time begins anew."""
        if self._awake:
            loop = asyncio.get_running_loop()
            self._awake_until = loop.time() + self.awake_s
            if self._timer is None:
                self._timer = loop.call_later(self.awake_s, self._check_awake)

    def send_now(self, waiting: Waiting, number: str) -> None:
        """Send a request by SMS to a number without queueing (CR Table 3, last row).

        Raises RequestFailed "queue_full" when too many await their responses.
        """
        self._check_room(len(self._side_tasks))
        task = asyncio.get_running_loop().create_task(self._serve(waiting, number, final=True))
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    def close(self, reason: str) -> None:
        """End the queue: what waits fails with a reason."""
        if self._timer is not None:
            self._timer.cancel()
        for task in (self._pump_task, *self._side_tasks):
            if task is not None:
                task.cancel()
        if self._exchange is not None:
            self._endpoint.abandon(self._exchange, reason)
        if self._current is not None:
            self._fail(self._current, RequestFailed(reason))
        while self._waiting:
            self._fail(self._waiting.popleft(), RequestFailed(reason))

    def _check_room(self, length: int) -> None:
        if length >= self._max_length:
            text = "%d requests already wait for %s" % (length, self.client.endpoint)
            raise RequestFailed("queue_full", text)

    def _check_awake(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        left_s = self._awake_until - loop.time()
        if left_s > 0.001:
            self._timer = loop.call_later(left_s, self._check_awake)
        elif self._awake:
            self._sleep("awake time over")

    def _sleep(self, reason: str) -> None:
        self._awake = False
        facts = {"endpoint": self.client.endpoint, "reason": reason, "waiting": len(self)}
        self._emit("asleep", facts)

    def _pump(self) -> None:
        if self._waiting and (self._pump_task is None or self._pump_task.done()):
            self._pump_task = asyncio.get_running_loop().create_task(self._empty_queue())

    async def _empty_queue(self) -> None:
        """Send what waits, one request after the other's response, while the client is awake."""
        while self._waiting and self.state != ASLEEP:
            waiting = self._waiting.popleft()
            if waiting.future.done():
                continue
            self._current = waiting
            client, shows = self.client, self._shows
            peer = client.sms_number if client.sms_only else client.address
            served = await self._serve(waiting, peer, final=not client.queue_mode)
            self._current = None
            if served == _AGAIN:
                self._waiting.appendleft(waiting)
            # A client that showed in the meantime is tried again rather than given up on.
            if served != _DONE and self._awake and shows == self._shows:
                self._sleep("no response")

    async def _serve(self, waiting: Waiting, peer, final: bool) -> int:
        """Send one request; returns _DONE, _AGAIN (to be tried another time) or _GIVEN_UP."""
        client, operation = self.client, waiting.operation
        via = "S" if isinstance(peer, str) else "U"
        waiting.tries += 1
        to = peer if via == "S" else "%s:%d" % peer
        self._report("sending", waiting, via=via, to=to, tries=waiting.tries)
        try:
            request = build(operation, client, self._model)
            response = await self._converse(waiting, request, peer)
        except formats.FormatError as error:
            self._fail(waiting, RequestFailed("format", str(error)))
            return _DONE
        except TransferFailed as error:
            self._fail(waiting, error)
            return _DONE
        except RequestFailed as error:
            if waiting.future.cancelled():
                self._fail(waiting, error)
                return _DONE
            # The rest of a notification is not worth another day: the next one tells more.
            final = final or operation.first is not None
            if final or waiting.tries >= self._max_tries:
                self._fail(waiting, error)
                return _GIVEN_UP
            facts = {"reason": error.reason, "tries": waiting.tries, "max_tries": self._max_tries}
            self._report("requeued", waiting, **facts)
            return _AGAIN
        self._completed(waiting, response)
        result = operation.result(client, response, self._model, via)
        if operation.first is None:
            facts = {"endpoint": client.endpoint, "id": waiting.id, **result.facts()}
            self._emit("response", facts)
        if not waiting.future.done():
            waiting.future.set_result(result)
        return _DONE

    async def _converse(self, waiting: Waiting, request: Message, peer) -> Message:
        """Exchange one request, in as many messages as it takes."""
        by_sms = isinstance(peer, str)

        @repeating
        def send(message: Message):
            # The client may have shown at another address since the last block.
            to = peer if by_sms else self.client.address or peer
            return self._exchange_one(waiting, message, to)

        first = waiting.operation.first
        # A value no longer observed is not worth more messages.
        whole = not waiting.operation.name.startswith("cancel")
        return await converse(request, send, self._limits, by_sms=by_sms, first=first, whole=whole)

    async def _exchange_one(self, waiting: Waiting, request: Message, peer) -> Message:
        exchange = self._endpoint.start(request, peer)
        if waiting is self._current:
            self._exchange = exchange

        def withdrawn(future: asyncio.Future) -> None:
            if future.cancelled():
                self._endpoint.abandon(exchange)

        waiting.future.add_done_callback(withdrawn)
        try:
            return await exchange.future
        finally:
            waiting.future.remove_done_callback(withdrawn)
            if self._exchange is exchange:
                self._exchange = None

    def _fail(self, waiting: Waiting, error: RequestFailed) -> None:
        self._completed(waiting, None)
        self._report("failed", waiting, reason=error.reason, text=str(error), tries=waiting.tries)
        if not waiting.future.done():
            waiting.future.set_exception(error)

    def _report(self, name: str, waiting: Waiting, /, **facts) -> None:
        self._emit(name, {"endpoint": self.client.endpoint, **waiting.facts(), **facts})
