"""The CoAP endpoint: datagrams in, requests answered, requests asked (RFC 7252 §4 and §5).

No input or output and no clock of its own: datagrams leave by link.send(), time is an argument in
milliseconds. A link offers send(datagram, peer) and transmission, see coap.transmission.
"""

import struct

from micropython import const

from coap.exchange import Exchange, Exchanges
from coap.message import ACK, CON, NON, RST, FormatError, Message, decode
from coap.recent import Recent

LATER = object()  # a handler's answer: acknowledge, the response comes by respond()

_EMPTY = const(0)
_BAD_OPTION = const(0x82)
_PROXYING_NOT_SUPPORTED = const(0xA5)
_ID_MASK = const(0xFFFF)
_PROXY_URI = const(35)
_PROXY_SCHEME = const(39)

_REPLIES_KEPT = const(32)
_REPLY_OCTETS_KEPT = const(2048)
_NOTIFICATIONS_KEPT = const(16)


class Endpoint:
    """Both roles of CoAP, for any number of peers on any number of links.

    handler(request, peer, link, now) is called once a request. It returns a Message, the response;
    or LATER: a Confirmable request is acknowledged at once and respond() sends the response; or
    None: nothing is sent, and the peer's retransmission is offered to the handler again.

    random_bits(n) returns n random bits as an int, n <= 32. on_drop(reason, peer), if given, is
    called for each datagram that is dropped or refused; dropped counts them, and duplicates, by
    reason.
    """

    def __init__(self, handler, random_bits, on_drop=None):
        self.dropped = {}
        self._handler = handler
        self._random_bits = random_bits
        self._on_drop = on_drop
        self._message_id = random_bits(16)
        self._token_count = 0
        self._exchanges = Exchanges(random_bits)
        self._replies = Recent(_REPLIES_KEPT, _REPLY_OCTETS_KEPT)
        self._notified = Recent(_NOTIFICATIONS_KEPT)

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
            self._refuse(error.args[0], error.type, error.message_id, peer, link)
            return
        code = message.code
        if message.type >= ACK:
            self._receive_answer(message, peer, link, now)
        elif code == _EMPTY:
            if message.type == CON:
                self._send_empty(RST, message.message_id, peer, link)  # a ping (RFC 7252 §4.3)
            else:
                self._drop("empty", peer)
        elif code < 0x20:
            self._receive_request(message, peer, link, now)
        else:
            self._receive_response(message, peer, link, now)

    def request(self, message: Message, peer, link, now: int, on_response) -> bytes:
        """Send a request, CON or NON by message.type, and return the token given to it.

        on_response(response, reason, now) is called once: with the response, or with None and
        "timeout", "reset" or "cancelled".
        """
        message.token = self._new_token()
        message.message_id = self._new_message_id()
        self._start(message, message.token, peer, link, now, on_response)
        return message.token

    def respond(self, request: Message, message: Message, peer, link, now: int):
        """Send the response to a request that was answered with LATER (RFC 7252 §5.2.2)."""
        message.type = request.type
        message.token = request.token
        message.message_id = self._new_message_id()
        if message.type == CON:
            self._start(message, None, peer, link, now, None)
        else:
            link.send(message.encode(), peer)

    def notify(self, message: Message, peer, link, now: int, on_done):
        """Send a response that answers no new request, CON or NON by message.type (RFC 7641 §4.2).

        message.token is that of the observation. on_done(reason, now) is called with None when a
        CON is acknowledged or a NON is sent, else with "timeout", "reset" or "cancelled"; with
        "reset" also after None, when a Reset answers a NON.
        """
        message.message_id = message_id = self._new_message_id()
        if message.type == CON:
            self._start(message, None, peer, link, now, on_done)
            return
        expires = now + link.transmission.non_lifetime_ms
        self._notified.put(message_id, peer, link, on_done, expires, now)
        link.send(message.encode(), peer)
        on_done(None, now)

    def cancel(self, now: int, peer=None, link=None):
        """End what is outstanding, all of it or that with one peer or link, as "cancelled"."""
        self._exchanges.cancel(now, peer, link)

    def busy(self, peer=None) -> bool:
        """Tell whether an ACK or a response is waited for, or a message waits to go."""
        return self._exchanges.busy(peer)

    def step(self, now: int) -> int | None:
        """Do what is due; returns the time it next needs to be called, None if there is none.

        What is remembered of finished exchanges never asks for a call.
        """
        return self._exchanges.step(now)

    def freeze(self) -> tuple:
        """Return the counters that must go on after a deep sleep, each 0..65535."""
        return (self._message_id, self._token_count)

    def thaw(self, counters: tuple):
        """Go on from counters that freeze() returned, so that no ID is used twice too soon."""
        self._message_id, self._token_count = counters

    def _receive_request(self, request: Message, peer, link, now: int):
        confirmable = request.type == CON
        refused = request.screen()
        if refused in (_PROXY_URI, _PROXY_SCHEME):
            response = request.reply(_PROXYING_NOT_SUPPORTED)  # RFC 7252 §5.10.2
        elif refused:
            self._drop("critical option", peer)
            if not confirmable:
                return
            response = request.reply(_BAD_OPTION, b"option %d" % refused)
        else:
            response = self._handler(request, peer, link, now)
        if response is None:
            return
        transmission = link.transmission
        if confirmable:
            expires = now + transmission.exchange_lifetime_ms
            if response is LATER:
                response = Message(_EMPTY)
            response.type = ACK
            response.message_id = request.message_id
            datagram = response.encode()
            self._replies.put(request.message_id, peer, link, datagram, expires, now)
            link.send(datagram, peer)
        else:
            # A repeated NON is ignored (RFC 7252 §4.5), so there is no reply to keep.
            expires = now + transmission.non_lifetime_ms
            self._replies.put(request.message_id, peer, link, b"", expires, now)
            if response is not LATER:
                response.type = NON
                response.message_id = self._new_message_id()
                link.send(response.encode(), peer)

    def _receive_response(self, response: Message, peer, link, now: int):
        exchange = self._exchanges.by_token(response.token, peer, link)
        if exchange is None:
            reason = "unknown token"
        elif response.screen():
            reason = "critical option"
        else:
            if response.type == CON:
                datagram = self._send_empty(ACK, response.message_id, peer, link)
                expires = now + link.transmission.exchange_lifetime_ms
                self._replies.put(response.message_id, peer, link, datagram, expires, now)
            self._exchanges.end(exchange, response, None, now)
            return
        self._refuse(reason, response.type, response.message_id, peer, link)

    def _receive_answer(self, message: Message, peer, link, now: int):
        """Take an ACK or RST; one that fits nothing sent is ignored (RFC 7252 §4.2)."""
        exchange = self._exchanges.by_id(message.message_id, peer, link)
        if message.type == RST:
            if message.code != _EMPTY:
                self._drop("RST with content", peer)
            elif exchange is not None:
                self._exchanges.end(exchange, None, "reset", now)
            else:
                self._reset_notification(message.message_id, peer, link, now)
        elif exchange is None or not exchange.confirmable():
            self._drop("unknown ACK", peer)
        elif message.code == _EMPTY:
            self._exchanges.acknowledge(exchange, now)
        elif message.code < 0x20 or exchange.token != message.token:
            self._drop("mismatched ACK", peer)
        elif message.screen():
            self._drop("critical option", peer)
        else:
            self._exchanges.end(exchange, message, None, now)

    def _reset_notification(self, message_id: int, peer, link, now: int):
        on_done = self._notified.get(message_id, peer, link, now)
        if on_done is None:
            self._drop("unknown RST", peer)
        else:
            self._notified.forget(message_id, peer, link)
            on_done("reset", now)

    def _start(self, message: Message, token, peer, link, now: int, on_end):
        exchange = Exchange(message.encode(), message.message_id, token, peer, link, on_end)
        if not self._exchanges.start(exchange, now):
            self._drop("queue full", peer)

    def _refuse(self, reason: str, type: int | None, message_id, peer, link):
        """Reject a message: a Reset for a Confirmable one, else silence (RFC 7252 §4.2, §4.3)."""
        self._drop(reason, peer)
        if type == CON:
            self._send_empty(RST, message_id, peer, link)

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
        random_bits = self._random_bits
        return struct.pack(">HH", random_bits(16) ^ self._token_count, random_bits(16))

    def _drop(self, reason: str, peer):
        self._count(reason)
        if self._on_drop:
            self._on_drop(reason, peer)

    def _count(self, reason: str):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
