"""The server's CoAP endpoint: one UDP socket (and SMS beside it) for both directions.

aiocoap's own contexts match an exchange by the remote they sent it to. A sensor behind a NAT
changes its address while its registration and its observations live on, and a downlink request
has to leave by the very socket the sensor registered to, or the NAT drops it. So matching is done
here: requests and notifications by token, and an outstanding exchange can be redirected to the
newest address under the same message ID, which the client's deduplication sees as one request.

A peer is a tuple (host, port) for UDP or a string of digits for SMS, where CoAP's retransmission
is disabled (TS Transport §6.8).

An exchange goes through these states:

    state      event                             next
    WAITING    ACK, empty                        ACKED (a separate response follows)
    WAITING    retransmissions used up           finished: "timeout"
    WAITING    RST                               finished: "reset"
    WAITING    redirect                          WAITING, sent at once, counter from the start
    ACKED      response_timeout_s without one    finished: "timeout"
    any        response with the token           finished: the response
    any        abandon                           finished: "cancelled"
"""

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiocoap import Message

from . import wire

Peer = tuple[str, int] | str

_WAITING, _ACKED, _FINISHED = 0, 1, 2
STATE_NAMES = ("waiting", "acked", "finished")

_REMEMBERED_MESSAGES = 4096
_REMEMBERED_TOKENS = 1024


class RequestFailed(Exception):
    """A request got no response. `reason`: timeout, reset, cancelled, send_failed, or why the
    client is gone: deregistered, expired, closed. blockwise.py has the reasons of a transfer."""

    def __init__(self, reason: str, text: str = ""):
        super().__init__(text or reason)
        self.reason = reason


@dataclass
class Transmission:
    """Transmission parameters (RFC 7252 §4.8), in seconds."""

    ack_timeout_s: float = 2.0
    random_factor: float = 1.5
    max_retransmit: int = 4
    response_timeout_s: float = 93.0
    sms_timeout_s: float = 120.0
    exchange_lifetime_s: float = 247.0

    @property
    def max_transmit_wait_s(self) -> float:
        """MAX_TRANSMIT_WAIT: 93 s with the default parameters (RFC 7252 §4.8.2)."""
        return self.ack_timeout_s * (2 ** (self.max_retransmit + 1) - 1) * self.random_factor


class Exchange:
    """One request under way: its datagram, where it goes and who waits for the response."""

    def __init__(self, request: Message, peer: Peer, future: asyncio.Future):
        self.request = request
        self.peer = peer
        self.datagram = wire.encode(request)
        self.future = future
        self.state = _WAITING
        self.attempts = 0
        self.interval_s = 0.0
        self.timer: asyncio.TimerHandle | None = None


class Endpoint(asyncio.DatagramProtocol):
    """CoAP over one UDP socket and an optional SMS sender.

    handler(request, peer) -> (reply | None, after | None): answers a request; `after` is called
        when the reply has been sent, so that what follows from it follows it on the wire.
    notified(message, peer) -> "accept" | "reject" | "ignore": a response that belongs to no
        exchange. A rejected one is answered with RST (RFC 7641 §3.6).
    heard(peer, message): every well-formed message, before it is processed.
    on_drop(reason, peer, length): a datagram is not used.
    """

    def __init__(
        self,
        handler: Callable,
        notified: Callable,
        *,
        transmission: Transmission | None = None,
        send_sms: Callable[[str, bytes], Awaitable[None]] | None = None,
        heard: Callable | None = None,
        on_drop: Callable | None = None,
        seed: int | None = None,
    ):
        self.transmission = transmission or Transmission()
        self.dropped: dict[str, int] = {}
        self.datagrams_in = self.datagrams_out = self.bytes_in = self.bytes_out = 0
        self.address: tuple[str, int] | None = None
        self._handler = handler
        self._notified = notified
        self._heard = heard
        self._on_drop = on_drop
        self._send_sms = send_sms
        self._random = random.Random(seed)
        self._message_id = self._random.getrandbits(16)
        self._exchanges: dict[bytes, Exchange] = {}
        self._by_message_id: dict[int, Exchange] = {}
        self._answered: OrderedDict[tuple[Peer, int], tuple[float, bytes | None]] = OrderedDict()
        self._recent_tokens: deque[bytes] = deque(maxlen=_REMEMBERED_TOKENS)
        self._transport: asyncio.DatagramTransport | None = None
        self._sms_tasks: set[asyncio.Task] = set()

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Bind the socket; returns its (host, port). Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self._transport = transport
        self.address = address = transport.get_extra_info("sockname")[:2]
        return address

    def close(self) -> None:
        """Fail every exchange with "closed" and close the socket."""
        for exchange in list(self._exchanges.values()):
            self._finish(exchange, error="closed")
        for task in self._sms_tasks:
            task.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # Requests that this side makes.

    def new_token(self) -> bytes:
        """Return an unused token: 4 random octets, short because the sensor pays for each."""
        while True:
            token = self._random.getrandbits(32).to_bytes(4, "big")
            if token not in self._exchanges and token not in self._recent_tokens:
                self._recent_tokens.append(token)
                return token

    def next_message_id(self) -> int:
        """Return the next message ID; one sequence for all peers, so that an exchange keeps its
        own when it is redirected."""
        self._message_id = (self._message_id + 1) & 0xFFFF
        return self._message_id

    def start(self, request: Message, peer: Peer) -> Exchange:
        """Send a request and return its exchange; await `exchange.future` for the response.

        The message ID is filled in, and the token when it has none. The future raises
        RequestFailed.
        """
        request.token = request.token or self.new_token()
        request.mid = self.next_message_id()
        exchange = Exchange(request, peer, asyncio.get_running_loop().create_future())
        self._exchanges[request.token] = exchange
        self._by_message_id[request.mid] = exchange
        exchange.future.add_done_callback(lambda _: self._forget(exchange))
        self._transmit(exchange)
        return exchange

    def expect(self, request: Message, number: str) -> Exchange:
        """Await the response to a request that the caller sends by SMS itself."""
        exchange = Exchange(request, number, asyncio.get_running_loop().create_future())
        self._exchanges[request.token] = exchange
        self._by_message_id[request.mid] = exchange
        exchange.future.add_done_callback(lambda _: self._forget(exchange))
        exchange.timer = asyncio.get_running_loop().call_later(
            self.transmission.sms_timeout_s, self._expire, exchange
        )
        return exchange

    def redirect(self, exchange: Exchange, peer: Peer) -> None:
        """Send an outstanding request to the client's newest address at once, or, when it has
        been acknowledged, accept its separate response from there.

        To the same address it is sent only if it has been retransmitted before: the client was
        out of reach, and the next retransmission may be far off.
        """
        lost = exchange.peer != peer or exchange.attempts > 1
        exchange.peer = peer
        if lost and exchange.state == _WAITING and exchange.request.mtype == wire.CON:
            exchange.attempts = 0
            self._transmit(exchange)

    def abandon(self, exchange: Exchange, reason: str = "cancelled") -> None:
        """End an exchange without a response."""
        self._finish(exchange, error=reason)

    def _transmit(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        if exchange.timer is not None:
            exchange.timer.cancel()
        times = self.transmission
        if isinstance(exchange.peer, str):
            exchange.timer = loop.call_later(times.sms_timeout_s, self._expire, exchange)
            self._spawn_sms(exchange)
            return
        if exchange.request.mtype == wire.NON:
            exchange.timer = loop.call_later(times.response_timeout_s, self._expire, exchange)
        else:
            if exchange.attempts == 0:
                exchange.interval_s = times.ack_timeout_s * self._random.uniform(
                    1.0, times.random_factor
                )
            else:
                exchange.interval_s *= 2
            exchange.timer = loop.call_later(exchange.interval_s, self._retransmit, exchange)
        exchange.attempts += 1
        self.send(exchange.datagram, exchange.peer)

    def _retransmit(self, exchange: Exchange) -> None:
        if exchange.attempts > self.transmission.max_retransmit:
            self._finish(exchange, error="timeout")
        else:
            self._transmit(exchange)

    def _expire(self, exchange: Exchange) -> None:
        self._finish(exchange, error="timeout")

    def _finish(self, exchange, response: Message | None = None, error: str = "") -> None:
        if exchange.timer is not None:
            exchange.timer.cancel()
        exchange.state = _FINISHED
        self._forget(exchange)
        if exchange.future.done():
            return
        if response is not None:
            exchange.future.set_result(response)
        else:
            exchange.future.set_exception(RequestFailed(error))

    def _forget(self, exchange: Exchange) -> None:
        if exchange.timer is not None:
            exchange.timer.cancel()
        if self._exchanges.get(exchange.request.token) is exchange:
            del self._exchanges[exchange.request.token]
        if self._by_message_id.get(exchange.request.mid) is exchange:
            del self._by_message_id[exchange.request.mid]

    # Datagrams out.

    def send(self, datagram: bytes, peer: Peer) -> None:
        """Send one datagram; by SMS when the peer is a number."""
        self.datagrams_out += 1
        self.bytes_out += len(datagram)
        if isinstance(peer, str):
            self._spawn(self._deliver_sms(datagram, peer, None))
        elif self._transport is not None:
            self._transport.sendto(datagram, peer)

    def _spawn_sms(self, exchange: Exchange) -> None:
        self.datagrams_out += 1
        self.bytes_out += len(exchange.datagram)
        assert isinstance(exchange.peer, str)
        self._spawn(self._deliver_sms(exchange.datagram, exchange.peer, exchange))

    def _spawn(self, coroutine) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._sms_tasks.add(task)
        task.add_done_callback(self._sms_tasks.discard)

    async def _deliver_sms(self, datagram: bytes, number: str, exchange: Exchange | None) -> None:
        """Hand a datagram to the SMS sender; its failure ends the exchange, if there is one."""
        try:
            if self._send_sms is None:
                raise OSError("no SMS sender is configured")
            await self._send_sms(number, datagram)
        except Exception as error:  # The sender is foreign code and must not end the server.
            self.drop("sms_send_failed", number, len(datagram))
            if exchange is not None and not exchange.future.done():
                self._forget(exchange)
                exchange.future.set_exception(RequestFailed("send_failed", str(error)))

    # Datagrams in.

    def datagram_received(self, data: bytes, addr) -> None:
        """A UDP datagram came in (asyncio.DatagramProtocol)."""
        self.receive(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """The network reports an error for something sent, such as ICMP port unreachable.

        It says not which exchange it concerns, and retransmission covers it (RFC 7252 §4.2).
        """
        self.drop("icmp", ("", 0), 0)

    def receive(self, data: bytes, peer: Peer) -> None:
        """Take one datagram from a peer. Never raises on bad bytes: they are counted in
        `dropped` by reason, and a Confirmable one is rejected (RFC 7252 §4.2)."""
        self.datagrams_in += 1
        self.bytes_in += len(data)
        try:
            incoming = wire.decode(data)
        except wire.FormatError as error:
            self.drop(str(error), peer, len(data))
            if error.type == wire.CON and error.message_id is not None:
                self._reject(error.message_id, peer)
            return
        if self._heard is not None:
            self._heard(peer, incoming)
        code = int(incoming.code)
        if code == 0:
            self._empty(incoming, peer)
        elif code < 0x20:
            self._request(incoming, peer)
        else:
            self._response(incoming, peer)

    def _empty(self, incoming: Message, peer: Peer) -> None:
        if incoming.mtype == wire.CON:
            self._reject(incoming.mid, peer)  # Ping (RFC 7252 §4.3).
            return
        exchange = self._by_message_id.get(incoming.mid)
        if exchange is None or not self._is_from(exchange, peer):
            self.drop("unmatched_empty", peer, 4)
        elif incoming.mtype == wire.RST:
            self._finish(exchange, error="reset")
        elif incoming.mtype == wire.ACK and exchange.state == _WAITING:
            exchange.state = _ACKED
            if exchange.timer is not None:
                exchange.timer.cancel()
            exchange.timer = asyncio.get_running_loop().call_later(
                self.transmission.response_timeout_s, self._expire, exchange
            )

    def _response(self, incoming: Message, peer: Peer) -> None:
        if incoming.mtype == wire.RST:
            self.drop("reset_with_code", peer, 0)
            return
        if incoming.mtype == wire.CON and self._replay(incoming, peer):
            return
        exchange = self._exchanges.get(incoming.token)
        if exchange is not None and not self._is_from(exchange, peer):
            exchange = None
        if incoming.mtype == wire.ACK and (
            exchange is None or exchange.request.mid != incoming.mid
        ):
            self.drop("unmatched_response", peer, 0)
            return
        if exchange is not None:
            if incoming.mtype == wire.CON:
                self._acknowledge(incoming, peer)
            self._finish(exchange, response=incoming)
            return
        verdict = self._notified(incoming, peer)
        if incoming.mtype == wire.CON and verdict == "accept":
            self._acknowledge(incoming, peer)
        elif verdict == "reject":
            self.drop("unknown_token", peer, 0)
            self._reject(incoming.mid, peer)
        elif verdict == "ignore":
            self.drop("unknown_sender", peer, 0)

    def _request(self, incoming: Message, peer: Peer) -> None:
        if incoming.mtype in (wire.ACK, wire.RST):
            self.drop("request_type", peer, 0)
            return
        if self._replay(incoming, peer):
            return
        option = wire.unknown_critical_option(incoming)
        if option is not None:
            self.drop("critical_option_%d" % option, peer, 0)
            reply, after = wire.message(wire.code_of("4.02")), None
            if incoming.mtype == wire.NON or isinstance(peer, str):
                return
        else:
            reply, after = self._handler(incoming, peer)
        answer = None
        if reply is not None:
            reply.token = incoming.token
            if incoming.mtype == wire.CON:
                reply.mtype, reply.mid = wire.ACK, incoming.mid
            else:
                reply.mtype, reply.mid = wire.NON, self.next_message_id()
            answer = wire.encode(reply)
            self.send(answer, peer)
        self._remember(incoming, peer, answer)
        if after is not None:
            after()

    def _is_from(self, exchange: Exchange, peer: Peer) -> bool:
        return exchange.peer == peer

    def _acknowledge(self, incoming: Message, peer: Peer) -> None:
        answer = wire.empty(wire.ACK, incoming.mid)
        self._remember(incoming, peer, answer)
        self.send(answer, peer)

    def _reject(self, message_id: int, peer: Peer) -> None:
        # A Reset by SMS would cost money and tell an unknown sender that somebody is here.
        if not isinstance(peer, str):
            self.send(wire.empty(wire.RST, message_id), peer)

    def _replay(self, incoming: Message, peer: Peer) -> bool:
        """Answer a duplicate from memory (RFC 7252 §4.2, §4.3); tell whether it was one."""
        known = self._answered.get((peer, incoming.mid))
        now = asyncio.get_running_loop().time()
        if known is None or known[0] < now:
            return False
        self.drop("duplicate", peer, 0)
        if known[1] is not None and incoming.mtype == wire.CON:
            self.send(known[1], peer)
        return True

    def _remember(self, incoming: Message, peer: Peer, answer: bytes | None) -> None:
        now = asyncio.get_running_loop().time()
        key = (peer, incoming.mid)
        self._answered.pop(key, None)
        self._answered[key] = (now + self.transmission.exchange_lifetime_s, answer)
        while self._answered:
            oldest = next(iter(self._answered))
            if len(self._answered) <= _REMEMBERED_MESSAGES and self._answered[oldest][0] > now:
                break
            del self._answered[oldest]

    def drop(self, reason: str, peer: Peer, length: int) -> None:
        """Count something that came from a peer and is not used, and tell it."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        if self._on_drop is not None:
            self._on_drop(reason, peer, length)
