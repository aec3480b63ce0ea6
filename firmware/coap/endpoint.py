"""The CoAP endpoint: datagrams in, requests answered, requests asked (RFC 7252 §4 and §5).

No input or output and no clock of its own: datagrams leave by link.send(), time is an argument in
milliseconds. A link offers send(datagram, peer), mtu, the bytes of its largest datagram, and
transmission, see coap.transmission. It may offer limit, a larger number of bytes that it takes at
a price, as SMS does by concatenation; requests of this endpoint's own use it.
"""

import struct

from micropython import const

from coap.exchange import Exchange, Exchanges
from coap.message import FormatError, Message, decode
from coap.recent import Recent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LATER: "Any" = object()  # a handler's answer: acknowledge, the response comes by respond()

_CON = const(0)
_NON = const(1)
_ACK = const(2)
_RST = const(3)
_EMPTY = const(0)
_CONTINUE = const(0x5F)
_BAD_OPTION = const(0x82)
_PROXYING_NOT_SUPPORTED = const(0xA5)
_ID_MASK = const(0xFFFF)
_PROXY_URI = const(35)
_PROXY_SCHEME = const(39)
_BLOCK2 = const(23)
_ECHO = const(252)
_NO_RESPONSE = const(258)

# Message.notes
_NOTED_BLOCK = const(1)
_NOTED_NO_RESPONSE = const(2)
_NOTED_ECHO = const(4)

_REPLIES_KEPT = const(64)
_REPLY_OCTETS_KEPT = const(3072)
_NOTIFICATIONS_KEPT = const(16)


class Endpoint:
    """Both roles of CoAP, for any number of peers on any number of links.

    handler(request, peer, link, now) is called once a request. It returns a Message, the response;
    or LATER: a Confirmable request is acknowledged at once and respond() sends the response; or
    None: nothing is sent, and the peer's retransmission is offered to the handler again.

    random_bits(n) returns n random bits as an int, n <= 32. on_drop(reason, peer), if given, is
    called for each datagram that is dropped or refused; dropped counts them, and duplicates, by
    reason.

    on_body(request, peer, link, now), if given, is asked when the first block of a request's body
    has come (RFC 7959). It returns True: the handler is given the whole body, of body_limit bytes
    at most, as request.payload; or a sink, see coap.block, which the handler then finds there; or
    a Message, which refuses; or None for silence.

    amplification: 0, or how many times larger than a request its response may be while the peer's
    address is not verified; a request that would exceed it or change something is answered 4.01
    with Echo (RFC 9175 §2.4).
    """

    def __init__(self, handler, random_bits, on_drop=None, on_body=None):
        self.dropped = {}
        self.handler = handler
        self.on_body = on_body
        self.body_limit = 8192
        self.amplification = 0
        self.echo = None  # (peer, link, Echo value) for the next request to that peer
        self.random_bits = random_bits
        self._on_drop = on_drop
        self._message_id = random_bits(16)
        self._token_count = 0
        self._exchanges = Exchanges(random_bits)
        self._replies = Recent(_REPLIES_KEPT, _REPLY_OCTETS_KEPT)
        self._notified = Recent(_NOTIFICATIONS_KEPT)
        self._blocks = None
        self._gate = None

    def receive(self, datagram: bytes, peer, link, now: int):
        """Take one datagram from a peer; bytes that make no sense never raise."""
        if len(datagram) >= 4 and datagram[0] & 0xE0 == 0x40:  # version 1, CON or NON
            reply = self._replies.get(datagram[2] << 8 | datagram[3], peer, link, now)
            if reply is not None:
                self._count("duplicate")
                if reply:
                    link.send(reply, peer)
                return
        try:
            message = decode(datagram)
        except FormatError as error:
            self._refuse(error.args[0], error, peer, link)
            return
        if message.type >= _ACK:
            self._receive_answer(message, peer, link, now)
        elif message.code >= 0x20:
            self._receive_response(message, peer, link, now)
        elif message.code:
            self._receive_request(message, peer, link, now)
        elif message.type == _CON:
            self._send_empty(_RST, message.message_id, peer, link)  # a ping (RFC 7252 §4.3)
        else:
            self._drop("empty", peer)

    def request(self, message: Message, peer, link, now: int, on_response, sink=None) -> bytes:
        """Send a request, CON or NON by message.type, and return the token given to it.

        A payload of more than a block goes by Block1, and a response in blocks is fetched whole,
        or given to sink block by block; see coap.asking. on_response(response, reason, now) is
        called once: with the response, or with None and "timeout", "unsent", "reset" or
        "cancelled" (coap.exchange), or one of the reasons of coap.asking.
        """
        echo = self.echo
        if echo and echo[0] == peer and echo[1] is link:  # RFC 9175 §2.3
            self.echo = None
            message.wire = message.without(_ECHO)
            message.add(_ECHO, echo[2])
        if sink or message.exceeds(getattr(link, "limit", link.mtu)):
            from coap.asking import Asking

            return Asking(self, message, peer, link, on_response, sink).send(now)
        return self.send_request(message, peer, link, now, on_response)

    def send_request(self, message: Message, peer, link, now: int, on_response, token=None):
        """Send a request of one datagram, as `request` says, and return its token.

        token: that of the transfer it belongs to (coap.asking); None: one of its own.
        """
        message.token = token or self._new_token()
        self._start(message, message.token, peer, link, now, on_response)
        return message.token

    def respond(self, request: Message, message: Message, peer, link, now: int):
        """Send the response to a request that was answered with LATER (RFC 7252 §5.2.2)."""
        message = self._finished(request, message, peer, link, now)
        if message is LATER:
            return
        type = request.type
        if self.amplification:
            sendings = 1 if type else 1 + link.transmission.max_retransmit
            permitted = self._permitted(request, message, peer, link, now, sendings)
            if permitted is not message:
                type = _NON  # repeated, it would amplify what it is to prevent (RFC 9175 §2.4)
            message = permitted
        message.type = type
        message.token = request.token
        if message.type == _CON:
            self._start(message, None, peer, link, now, None)
        else:
            message.message_id = self._new_message_id()
            link.send(message.encode(), peer)

    def notify(self, message: Message, peer, link, now: int, on_done, request=None):
        """Send a response that answers no new request, CON or NON by message.type (RFC 7641 §4.2).

        message.token is that of the observation; request: its GET or FETCH, by which the peer
        will ask for what does not fit the first block (RFC 7959 §2.6). on_done(reason, now) is
        called with None when a CON is acknowledged or a NON is sent, else with "timeout",
        "unsent", "reset" or "cancelled"; with "reset" also after None, when a Reset answers a NON.
        """
        if request and (request.get(_BLOCK2) is not None or message.exceeds(link.mtu)):
            request.token = message.token
            type = message.type
            message = self.blocks().serve(request, message, peer, link, now)
            message.type = type
        if message.type == _CON:
            self._start(message, None, peer, link, now, on_done)
            return
        message.message_id = message_id = self._new_message_id()
        expires = now + link.transmission.non_lifetime_ms
        self._notified.put(message_id, peer, link, on_done, expires)
        link.send(message.encode(), peer)
        on_done(None, now)

    def cancel(self, now: int, peer=None, link=None):
        """End what is outstanding, all of it or that with one peer or link, as "cancelled"."""
        if self._blocks:
            self._blocks.abandon(peer, link)
        self._exchanges.cancel(now, peer, link)

    def busy(self, peer=None) -> bool:
        """Tell whether an ACK or a response is waited for, or a message waits to go."""
        return self._exchanges.busy(peer)

    def taking(self) -> bool:
        """Tell whether the body of a request is on its way in blocks, which sleep would lose."""
        return self._blocks is not None and self._blocks.taking()

    def step(self, now: int) -> int | None:
        """Do what is due; returns the time it next needs to be called, None if there is none.

        What is remembered of finished exchanges and of bodies in blocks never asks for a call.
        """
        if self._blocks:
            self._blocks.expire(now)
        return self._exchanges.step(now)

    def freeze(self) -> tuple:
        """Return the counters that must go on after a deep sleep, each 0..65535."""
        return (self._message_id, self._token_count)

    def thaw(self, counters: tuple):
        """Go on from counters that freeze() returned, so that no ID is used twice too soon."""
        self._message_id, self._token_count = counters

    def blocks(self):
        """Return what serves bodies in blocks, which is loaded for the first of them."""
        if self._blocks is None:
            from coap.block import Blocks

            self._blocks = Blocks(self)
        return self._blocks

    def _receive_request(self, request: Message, peer, link, now: int):
        if request.refused or request.notes or self.amplification:
            response = self._response(request, peer, link, now)
        else:
            response = self.handler(request, peer, link, now)
        if response is None:
            return
        transmission = link.transmission
        if request.type == _CON:
            type = _ACK
            message_id = request.message_id
            expires = now + transmission.exchange_lifetime_ms
        else:
            type = _NON
            message_id = self._new_message_id()
            expires = now + transmission.non_lifetime_ms
        datagram = b""
        if response is not LATER:
            datagram = response.encode_as(type, message_id, link.mtu)
            if datagram is None:
                response = self.blocks().serve(request, response, peer, link, now)
                datagram = response.encode_as(type, message_id)
            if self.amplification:
                response = self._permitted(request, response, peer, link, now)
                datagram = response.encode_as(type, message_id)
            link.send(datagram, peer)
        elif type == _ACK:
            datagram = self._send_empty(_ACK, message_id, peer, link)
        if type == _NON:
            datagram = b""  # a repeated NON is ignored (RFC 7252 §4.5)
        self._replies.put(request.message_id, peer, link, datagram, expires)

    def _response(self, request: Message, peer, link, now: int):
        """Return what comes of a request that needs a second look, as the handler does.

        LATER stands for no response at all, too.
        """
        refused = request.refused
        if refused in (_PROXY_URI, _PROXY_SCHEME):
            return request.reply(_PROXYING_NOT_SUPPORTED)  # RFC 7252 §5.10.2
        if refused:
            self._drop("critical option", peer)
            return None if request.type else request.reply(_BAD_OPTION, b"option %d" % refused)
        response = None
        if self.amplification:
            response = self._gatekeeper().question(request, peer, link, now)
        if response is None and request.notes & _NOTED_BLOCK:
            response = self.blocks().receive(request, peer, link, now)
        elif response is None:
            response = self.handler(request, peer, link, now)
        return response and self._finished(request, response, peer, link, now)

    def _finished(self, request: Message, response, peer, link, now: int):
        """Return what of a response is to be sent: perhaps its first block, or LATER: nothing."""
        if response is LATER:
            return LATER
        if request.notes & _NOTED_NO_RESPONSE and response.code != _CONTINUE:
            # RFC 7967 §2.1: one bit a class, which is counted from 1.
            if request.get_uint(_NO_RESPONSE, 0) >> (response.code >> 5) - 1 & 1:
                return LATER
        if request.notes & _NOTED_BLOCK or response.exceeds(link.mtu):
            return self.blocks().serve(request, response, peer, link, now)
        return response

    def _permitted(self, request: Message, response: Message, peer, link, now, sendings=1):
        factor = self.amplification
        return self._gatekeeper().instead(request, response, factor, sendings, peer, link, now)

    def _gatekeeper(self):
        if self._gate is None:
            from coap.echo import Gate

            self._gate = Gate(self.random_bits)
        return self._gate

    def _receive_response(self, response: Message, peer, link, now: int):
        exchange = self._exchanges.by_token(response.token, peer, link)
        if exchange is None:
            reason = self._exchanges.belated(response, peer)
        elif response.refused:
            reason = "critical option"
        else:
            if response.type == _CON:
                datagram = self._send_empty(_ACK, response.message_id, peer, link)
                expires = now + link.transmission.exchange_lifetime_ms
                self._replies.put(response.message_id, peer, link, datagram, expires)
            self._end(exchange, response, now)
            return
        self._refuse(reason, response, peer, link)

    def _receive_answer(self, message: Message, peer, link, now: int):
        """Take an ACK or RST; one that fits nothing sent is ignored (RFC 7252 §4.2)."""
        exchange = self._exchanges.by_id(message.message_id, peer, link)
        if message.type == _RST:
            if message.code != _EMPTY:
                self._drop("RST with content", peer)
            elif exchange is not None:
                self._exchanges.end(exchange, None, "reset", now)
            else:
                self._reset_notification(message.message_id, peer, link, now)
        elif exchange is None or not exchange.confirmable():
            self._drop(self._exchanges.belated(message, peer), peer)
        elif message.code == _EMPTY or exchange.token is None:
            # That of a response may have anything in it (RFC 7252 §5.2.2).
            self._exchanges.acknowledge(exchange, now)
        elif message.code < 0x20 or exchange.token != message.token:
            self._drop("mismatched ACK", peer)
        elif message.refused:
            self._drop("critical option", peer)
        else:
            self._end(exchange, message, now)

    def _end(self, exchange: Exchange, response: Message, now: int):
        """Give a response to who asked, once the blocks or the Echo it asks for are dealt with."""
        if response.notes & (_NOTED_BLOCK | _NOTED_ECHO):
            from coap.asking import follow

            follow(self, exchange)
        self._exchanges.end(exchange, response, None, now)

    def _reset_notification(self, message_id: int, peer, link, now: int):
        on_done = self._notified.get(message_id, peer, link, now)
        if on_done is None:
            self._drop("unknown RST", peer)
        else:
            self._notified.forget(message_id, peer, link, now)
            on_done("reset", now)

    def _start(self, message: Message, token, peer, link, now: int, on_end):
        message.message_id = self._new_message_id()
        exchange = Exchange(message.encode(), message.message_id, token, peer, link, on_end)
        if not self._exchanges.start(exchange, now):
            self._drop("queue full", peer)

    def _refuse(self, reason: str, message, peer, link):
        """Reject a message: a Reset for a Confirmable one, else silence (RFC 7252 §4.2, §4.3)."""
        self._drop(reason, peer)
        if message.type == _CON:
            self._send_empty(_RST, message.message_id, peer, link)

    def _send_empty(self, type: int, message_id: int, peer, link) -> bytes:
        datagram = struct.pack(">BBH", 0x40 | type << 4, _EMPTY, message_id)
        link.send(datagram, peer)
        return datagram

    def _new_message_id(self) -> int:
        message_id = self._message_id
        while message_id in self._exchanges:
            message_id = message_id + 1 & _ID_MASK
        self._message_id = message_id + 1 & _ID_MASK
        return message_id

    def _new_token(self) -> bytes:
        """Return 32 random bits (RFC 7252 §5.3.1).

        The count laid over them keeps tokens apart where the random source repeats after a boot.
        """
        self._token_count = self._token_count + 1 & _ID_MASK
        random_bits = self.random_bits
        return struct.pack(">HH", random_bits(16) ^ self._token_count, random_bits(16))

    def _drop(self, reason: str, peer):
        self._count(reason)
        if self._on_drop:
            self._on_drop(reason, peer)

    def _count(self, reason: str):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
