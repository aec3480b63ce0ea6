"""The embedded LwM2M server: registrations, request queues, observations and triggers together.

    server = LwM2mServer("127.0.0.1", 5683, on_event=print, send_sms=smsc.send)
    await server.start()
    result = await server.read("sensor-1", "/3303/0/5700")   # in Queue Mode: when it next shows
    await server.trigger("sensor-1")                         # an SMS that makes it show
    await server.close()

The events are listed in the package's docstring.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from typing import Protocol

from aiocoap import Message

from . import formats, trigger, wire
from .blockwise import Bodies, Limits, converse
from .echo import repeating
from .endpoint import Endpoint, RequestFailed, Transmission
from .management import DeviceManagement
from .model import Model
from .observations import Observations
from .operations import Result
from .profiles import Profiles
from .refusals import Refusals
from .registration import Registrations
from .registry import Client, Registry
from .request_queue import STATE_NAMES, RequestQueue
from .sends import Sends
from .sms import SmsLink, SmsSender
from .triggers import TriggerSender
from .versions import ALL as ALL_VERSIONS


class Mounted(Protocol):
    """What answers the requests under one first segment of a path, such as a Bootstrap-Server's
    bs; takes and handle as blockwise.Bodies wants them."""

    def takes(self, request: Message, peer) -> bool:
        """Tell whether the whole payload of a request is wanted, of which a block has come."""
        ...

    def handle(self, request: Message, peer) -> tuple[Message | None, Callable | None]:
        """Return the answer, None for silence, and what is called once it is on its way."""
        ...


class LwM2mServer(DeviceManagement):
    """An LwM2M server for clients of versions draft, 1.0, 1.1 and 1.2, on one UDP socket.

    on_event(name, facts): see the package. transmission: CoAP times, endpoint.Transmission.
    awake_s: how long a Queue Mode client stays awake after its last message; by default
        MAX_TRANSMIT_WAIT (93 s), and ACK_TIMEOUT for the draft. default_version: of clients that
        name none, "1.0" or "draft". versions: the names of those served; a client of another is
        answered 4.12. profiles: {Profile ID: object list} agreed on beforehand; profile_refusal:
        the code that answers one that is not known. send_sms: async (to_number, user_data, dcs,
        udh); udh is the user data header with its length octet, or b"". max_clients, max_queue:
        table bounds. max_tries: how often a queued request is tried before it is given up.
        block_size: in which large payloads go, 16 to 1024 (bytes); below 1024 it is asked for in
        what is read, too.
        body_limit: the largest response that is taken, in bytes. seed: for tokens, message IDs
        and locations.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 5683,
        *,
        on_event: Callable[[str, dict], None] | None = None,
        transmission: Transmission | None = None,
        awake_s: float | None = None,
        default_version: str = "1.0",
        versions: tuple[str, ...] = ALL_VERSIONS,
        profiles: dict[str, str] | None = None,
        profile_refusal: str = "4.09",
        send_sms: SmsSender | None = None,
        max_clients: int = 1000,
        max_queue: int = 100,
        max_tries: int = 5,
        block_size: int = 1024,
        body_limit: int = 1 << 18,
        seed: int | None = None,
    ):
        self.host = host
        self.port = port
        self.model = Model()
        self._on_event = on_event
        self._transmission = transmission or Transmission()
        self._awake_s = awake_s
        self._max_queue = max_queue
        self._max_tries = max_tries
        self._limits = Limits(block_size, body_limit)
        self._registry = Registry(max_clients, seed)
        self._queues: dict[str, RequestQueue] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._mounted: dict[str, Mounted] = {}
        self.refusals = Refusals()
        self._sms = SmsLink(send_sms, self._receive_sms, self._drop_sms)
        self._registrations = Registrations(
            self._registry,
            registered=self._registered,
            updated=self._updated,
            deregistered=self._deregistered,
            refusals=self.refusals,
            profiles=Profiles(profiles),
            default_version=default_version,
            served=versions,
            profile_refusal=profile_refusal,
        )
        self.observations = Observations(
            self._registry,
            self.model,
            emit=self._emit,
            shown=self._shown,
            fetch=self._fetch_rest,
        )
        self._sends = Sends(self._registry, self.model, self._emit, self.refusals)
        bodies = Bodies(
            self._handle,
            self._takes,
            block_size=block_size,
            keep_s=self._transmission.exchange_lifetime_s,
        )
        self._endpoint = Endpoint(
            bodies.handle,
            self.observations.judge,
            transmission=self._transmission,
            send_sms=self._sms.send,
            heard=self._heard,
            on_drop=self._drop,
            seed=seed,
        )
        self._triggers = TriggerSender(self._endpoint, self._sms, self._emit)

    # Life.

    async def start(self) -> tuple[str, int]:
        """Open the socket; returns (host, port), the port chosen when 0 was asked for.

        Raises OSError when the address cannot be bound.
        """
        try:
            self.host, self.port = await self._endpoint.open(self.host, self.port)
        except OSError as error:
            reason = error.strerror or str(error)
            text = "cannot serve on %s:%d: %s" % (self.host, self.port, reason)
            raise OSError(error.errno, text) from error
        self._emit("listening", {"host": self.host, "port": self.port})
        return self.host, self.port

    async def close(self) -> None:
        """Stop: whatever waits fails with reason "closed", and the socket is closed."""
        for timer in self._expiries.values():
            timer.cancel()
        self._expiries.clear()
        for queue in self._queues.values():
            queue.close("closed")
        self._queues.clear()
        self._triggers.close()
        self._endpoint.close()
        await asyncio.sleep(0)

    @property
    def clients(self) -> dict[str, Client]:
        """The registered clients by endpoint name."""
        return self._registry.by_endpoint

    @property
    def dropped(self) -> dict[str, int]:
        """How many datagrams and messages were not used, by reason."""
        return self._endpoint.dropped

    @property
    def traffic(self) -> dict[str, int]:
        """Datagrams and bytes in and out since the start, SMS included."""
        e = self._endpoint
        return {
            "datagrams_in": e.datagrams_in,
            "datagrams_out": e.datagrams_out,
            "bytes_in": e.bytes_in,
            "bytes_out": e.bytes_out,
        }

    def client(self, endpoint: str) -> Client:
        """Return a client; raises UnknownEndpoint."""
        return self._registry.get(endpoint)

    def state(self, endpoint: str) -> str:
        """Return "asleep", "awake" or "reachable"; raises UnknownEndpoint."""
        self._registry.get(endpoint)
        return STATE_NAMES[self._queues[endpoint].state]

    def waiting(self, endpoint: str) -> list[dict]:
        """Return the requests not answered yet, the next first; raises UnknownEndpoint."""
        self._registry.get(endpoint)
        return self._queues[endpoint].waiting()

    async def read_directly(self, endpoint: str, path: str, wait_s: float = 2.0) -> Result | None:
        """Send one Non-confirmable Read to the recorded address at once, past the queue.

        Shows whether the client can be reached: behind a NAT whose mapping has expired it
        cannot. Returns None when nothing came back within wait_s seconds.
        """
        client = self._registry.get(endpoint)
        if client.address is None:
            raise ValueError("%s has no UDP address" % endpoint)
        facts = {"endpoint": endpoint, "path": path, "to": "%s:%d" % client.address}
        self._emit("direct_sent", facts)
        try:
            result = await self._read_at_once(client, path, wait_s)
        except (asyncio.TimeoutError, RequestFailed) as error:
            reason = error.reason if isinstance(error, RequestFailed) else "no response"
            self._emit("direct_lost", {**facts, "reason": reason})
            return None
        told = {"endpoint": endpoint, "path": path, "code": result.code}
        self._emit("direct_response", {**told, "value": formats.to_json(result.value)})
        return result

    def send_datagram(self, endpoint: str, datagram: bytes) -> None:
        """Send any bytes to the client's recorded address, from the server's own socket."""
        client = self._registry.get(endpoint)
        if client.address is None:
            raise ValueError("%s has no UDP address" % endpoint)
        self._endpoint.send(datagram, client.address)

    def mount(self, segment: str, mounted: Mounted) -> None:
        """Let another answer the requests to /SEGMENT and what is under it, but rd and dp."""
        self._mounted[segment] = mounted

    async def exchange(self, request: Message, peer: tuple[str, int]) -> Message:
        """Make any request of any peer, from the server's own socket, in blocks if need be.

        Raises RequestFailed.
        """

        @repeating
        def send(message: Message):
            return self._endpoint.start(message, peer).future

        return await converse(request, send, self._limits)

    # SMS.

    async def trigger(
        self,
        endpoint: str,
        *,
        confirmable: bool = False,
        form: str = "bare",
        dcs: int | None = None,
        instance: int | None = None,
        argument: str = "",
        number: str | None = None,
    ) -> trigger.TriggerSms:
        """Send the Registration Update Trigger by SMS (CR 6.1; TS Transport §6.6).

        form: "bare" or "wap". instance: of the client's Server object, by default the lowest it
        registered. argument: "0=U" names a transport (1.1). number: instead of the registered
        one. A reply by SMS, where the version asks for one, comes as the event trigger_reply.
        Raises UnknownEndpoint, ValueError without a number, RequestFailed "send_failed".
        """
        return await self._triggers.send(
            self._registry.get(endpoint),
            confirmable=confirmable,
            form=form,
            dcs=dcs,
            instance=instance,
            argument=argument,
            number=number,
        )

    def on_sms(
        self, from_number: str, user_data: bytes, dcs: int = 0x04, udh: bytes = b""
    ) -> None:
        """Take an SMS that came to the server's number. Never raises on bad bytes."""
        self._sms.on_sms(from_number, user_data, dcs, udh)

    def _drop_sms(self, reason: str, number: str, length: int) -> None:
        self._endpoint.drop(reason, number, length)

    def _receive_sms(self, datagram: bytes, number: str) -> None:
        self._endpoint.receive(datagram, number)

    # What comes in.

    def _takes(self, request: Message, peer) -> bool:
        """Tell whether the whole payload of this request is wanted, of which a block has come."""
        path = tuple(s for s in request.opt.uri_path if s)
        if path == ("dp",):
            return self._sends.takes(request, peer)
        if path and path[0] in self._mounted:
            return self._mounted[path[0]].takes(request, peer)
        return path[:1] == ("rd",) and self._registrations.takes(request)

    def _handle(self, request: Message, peer):
        """Answer a request: /rd, Send to /dp, and what is mounted."""
        path = tuple(s for s in request.opt.uri_path if s)
        if path[:1] == ("rd",):
            return self._registrations.handle(request, peer)
        if isinstance(peer, str):
            return None, None  # An SMS costs: an unknown sender gets none for nonsense.
        if path == ("dp",):
            return self._sends.handle(request, peer), None
        if path and path[0] in self._mounted:
            return self._mounted[path[0]].handle(request, peer)
        return wire.message(wire.code_of("4.04")), None

    def _heard(self, peer, incoming: Message) -> None:
        for client in self._registry.by_peer(peer):
            self._queues[client.endpoint].heard()

    # Registrations come and go.

    def _registered(self, client: Client, replaced: Client | None) -> None:
        if replaced is not None:
            gone = {"endpoint": client.endpoint, "location": "/rd/" + replaced.location}
            self._emit("replaced", gone)
            self.observations.end_all(client.endpoint, "re-registered")
        queue = self._queues.get(client.endpoint)
        if queue is None:
            queue = RequestQueue(
                client,
                self._endpoint,
                self.model,
                emit=self._emit,
                completed=self.observations.settle,
                awake_s=self._awake_time(client),
                max_length=self._max_queue,
                max_tries=self._max_tries,
                limits=self._limits,
            )
            self._queues[client.endpoint] = queue
        else:
            # What the operator asked for is not the registration's: it goes to the new one.
            queue.client, queue.awake_s = client, self._awake_time(client)
        location = "/rd/" + replaced.location if replaced else None
        self._emit("registered", {**client.facts(), "replaced": location})
        self._arm_expiry(client)
        queue.shown()

    def _updated(self, client: Client, changed: list[str], previous_address) -> None:
        previous = "%s:%d" % previous_address if previous_address else None
        facts = {**client.facts(), "changed": changed, "previous_address": previous}
        self._emit("updated", facts)
        self._arm_expiry(client)
        self._queues[client.endpoint].shown()

    def _deregistered(self, client: Client) -> None:
        self._gone(client, "deregistered")

    def _expired(self, client: Client) -> None:
        self._registry.remove(client)
        self._gone(client, "expired")

    def _gone(self, client: Client, reason: str) -> None:
        timer = self._expiries.pop(client.endpoint, None)
        if timer is not None:
            timer.cancel()
        self._emit(reason, {"endpoint": client.endpoint, "location": "/rd/" + client.location})
        self.observations.end_all(client.endpoint, reason)
        self._queues.pop(client.endpoint).close(reason)

    def _arm_expiry(self, client: Client) -> None:
        old = self._expiries.pop(client.endpoint, None)
        if old is not None:
            old.cancel()
        if client.expires_at == math.inf:
            return
        loop = asyncio.get_running_loop()
        self._expiries[client.endpoint] = loop.call_at(client.expires_at, self._expired, client)

    def _awake_time(self, client: Client) -> float:
        if self._awake_s is not None:
            return self._awake_s
        if client.version.awake_by_ack_timeout:
            return self._transmission.ack_timeout_s
        return self._transmission.max_transmit_wait_s

    def _shown(self, endpoint: str) -> None:
        self._queues[endpoint].shown()

    def _drop(self, reason: str, peer, length: int) -> None:
        origin = peer if isinstance(peer, str) else "%s:%s" % tuple(peer)
        self._emit("drop", {"reason": reason, "from": origin, "length": length})

    def _emit(self, name: str, facts: dict) -> None:
        if self._on_event is not None:
            self._on_event(name, facts)


@contextlib.asynccontextmanager
async def running(*args, **kwargs):
    """Run a server for the length of an `async with`; yields it started."""
    server = LwM2mServer(*args, **kwargs)
    await server.start()
    try:
        yield server
    finally:
        await server.close()
