"""What this endpoint has sent and waits for: acknowledgements and responses (RFC 7252 §4.2, §5.3).

An Exchange is one Confirmable message, or one request of either type. Its state moves so:

    state         event                                             next
    queued        fewer than NSTART interactions with the peer      outstanding
    outstanding   timer, MAX_RETRANSMIT not reached                 outstanding (sent again)
    outstanding   timer, MAX_RETRANSMIT reached                     ended: timeout
    outstanding   timer, the link is recovering                     outstanding, the timer anew
    outstanding   timer, the link gave up and refuses for a time    ended: unsent
    outstanding   empty ACK of a request                            acknowledged
    outstanding   empty ACK of a response                           ended
    outstanding   response, piggybacked or not                      ended
    acknowledged  separate response                                 ended
    acknowledged  MAX_TRANSMIT_WAIT over                            ended: timeout
    outstanding   RST                                               ended: reset
    any           cancel(), or pushed out of a full queue           ended: cancelled

A Non-confirmable request is sent once and is outstanding for MAX_TRANSMIT_WAIT, or for as long as
PROBING_RATE takes for its bytes, if that is longer (RFC 7252 §4.7).

A link may have `recovering`, true while it brings its modem up and what it was given has still to
go, and `retry_at`, the ms until which it drops what it is given.
"""

from micropython import const

_QUEUED = const(0)
_OUTSTANDING = const(1)
_ACKNOWLEDGED = const(2)
_ENDED = const(3)

_ACK = const(2)
_LOOK = const(0)  # in place of the next deadline: step() is to find out which it is
_QUEUE_LIMIT = const(16)
_ENDED_KEPT = const(8)
_TYPE_MASK = const(0x30)  # all clear in the first byte of a Confirmable message


class Exchange:
    """One message sent and what came of it.

    datagram: the encoded message. token: that of a request, None for a response. on_end: for a
    request called as on_end(response, reason, now), for a response as on_end(reason, now); None
    if nobody asks.
    """

    def __init__(self, datagram: bytes | bytearray, message_id: int, token, peer, link, on_end):
        self.datagram = datagram
        self.message_id = message_id
        self.token = token
        self.peer = peer
        self.link = link
        self.on_end = on_end
        self.state = _QUEUED
        self.deadline = 0
        self.timeout_ms = 0
        self.sendings_left = 0

    def confirmable(self) -> bool:
        """Tell whether an ACK is expected; only meaningful while outstanding."""
        return not self.datagram[0] & _TYPE_MASK


class Exchanges:
    """All exchanges of an endpoint, found by message ID and by token."""

    def __init__(self, random_bits):
        self._random_bits = random_bits
        self._by_id = {}  # every exchange that has not ended
        self._by_token = {}  # those of them that are requests
        self._queue = []
        self._deadline = None
        self._latest_ended = []  # (message ID, token, peer, how it ended)

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._by_id

    def start(self, exchange: Exchange, now: int) -> bool:
        """Send, or queue while NSTART forbids (RFC 7252 §4.7).

        Returns False if a full queue had to give up its oldest exchange.
        """
        self._by_id[exchange.message_id] = exchange
        if exchange.token is not None:
            self._by_token[exchange.token] = exchange
        if self._may_send(exchange):
            self._send_first(exchange, now)
            return True
        self._queue.append(exchange)
        if len(self._queue) <= _QUEUE_LIMIT:
            return True
        self.end(self._queue[0], None, "cancelled", now)
        return False

    def by_id(self, message_id: int, peer, link) -> Exchange | None:
        """Find what a peer acknowledges or resets (RFC 7252 §4.4: ID and endpoint must match)."""
        exchange = self._by_id.get(message_id)
        if exchange is None or exchange.state != _OUTSTANDING:
            return None
        return exchange if exchange.link is link and exchange.peer == peer else None

    def by_token(self, token: bytes, peer, link) -> Exchange | None:
        """Find the request a response belongs to (RFC 7252 §5.3.2)."""
        exchange = self._by_token.get(token)
        if exchange is None or exchange.state == _QUEUED:
            return None
        return exchange if exchange.link is link and exchange.peer == peer else None

    def acknowledge(self, exchange: Exchange, now: int):
        """Take an empty ACK: the end for a response, for a request a promise."""
        if exchange.token is None:
            self.end(exchange, None, None, now)
            return
        exchange.state = _ACKNOWLEDGED
        exchange.deadline = now + exchange.link.transmission.max_transmit_wait_ms
        self._deadline = _LOOK
        self._send_queued(now)

    def end(self, exchange: Exchange, response, reason: str | None, now: int):
        """Forget an exchange, send what waited for it, and tell its owner."""
        # First what takes memory: where there is none, the exchange goes on.
        ended = (exchange.message_id, exchange.token, exchange.peer, reason)
        self._latest_ended = self._latest_ended[1 - _ENDED_KEPT :] + [ended]
        exchange.state = _ENDED
        del self._by_id[exchange.message_id]
        if exchange.token is not None:
            del self._by_token[exchange.token]
        if exchange in self._queue:
            self._queue.remove(exchange)
        self._deadline = _LOOK
        self._send_queued(now)
        if exchange.on_end is None:
            return
        if exchange.token is None:
            exchange.on_end(reason, now)
        else:
            exchange.on_end(response, reason, now)

    def belated(self, message, peer) -> str:
        """Name a response, or an empty ACK, that fits no exchange any more."""
        is_ack = message.type == _ACK
        for message_id, token, asked, reason in self._latest_ended:
            if asked == peer and (
                message_id == message.message_id if is_ack else token == message.token
            ):
                return "late response" if reason == "timeout" else "duplicate response"
        return "unknown ACK" if is_ack else "unknown token"

    def cancel(self, now: int, peer=None, link=None):
        """End all exchanges, or those with one peer or over one link, with reason "cancelled"."""
        chosen = [
            exchange
            for exchange in self._by_id.values()
            if (peer is None or exchange.peer == peer) and (link is None or exchange.link is link)
        ]
        # Out of the queue first, or the end of one exchange would send the next one to be ended.
        self._queue = [exchange for exchange in self._queue if exchange not in chosen]
        for exchange in chosen:
            if exchange.state != _ENDED:
                self.end(exchange, None, "cancelled", now)

    def busy(self, peer=None) -> bool:
        """Tell whether any exchange, or any with this peer, has not ended."""
        if peer is None:
            return bool(self._by_id)
        return any(exchange.peer == peer for exchange in self._by_id.values())

    def step(self, now: int) -> int | None:
        """Send again or give up what is due; returns the next deadline, None without one."""
        deadline = self._deadline
        if deadline is None or now < deadline:
            return deadline
        self._deadline = _LOOK
        for exchange in list(self._by_id.values()):
            if exchange.deadline <= now and exchange.state in (_OUTSTANDING, _ACKNOWLEDGED):
                link = exchange.link
                if getattr(link, "recovering", False):
                    exchange.deadline = now + exchange.timeout_ms
                elif now < getattr(link, "retry_at", 0):
                    self.end(exchange, None, "unsent", now)
                elif exchange.sendings_left and exchange.state == _OUTSTANDING:
                    exchange.timeout_ms *= 2
                    self._send(exchange, now)
                else:
                    self.end(exchange, None, "timeout", now)
        deadline = None
        for exchange in self._by_id.values():
            if exchange.state != _QUEUED and (deadline is None or exchange.deadline < deadline):
                deadline = exchange.deadline
        self._deadline = deadline
        return deadline

    def _may_send(self, exchange: Exchange) -> bool:
        outstanding = 0
        for other in self._by_id.values():
            if other.state == _OUTSTANDING:
                if other.link is exchange.link and other.peer == exchange.peer:
                    outstanding += 1
        return outstanding < exchange.link.transmission.nstart

    def _send_queued(self, now: int):
        for exchange in list(self._queue):
            # A link that delivers at once may have let one go, or ended it, in the meantime.
            if exchange.state == _QUEUED and self._may_send(exchange):
                self._queue.remove(exchange)
                self._send_first(exchange, now)

    def _send_first(self, exchange: Exchange, now: int):
        transmission = exchange.link.transmission
        exchange.state = _OUTSTANDING
        if exchange.confirmable():
            spread_ms = transmission.ack_spread_ms * self._random_bits(14) >> 14
            exchange.timeout_ms = transmission.ack_timeout_ms + spread_ms
            exchange.sendings_left = 1 + transmission.max_retransmit
        else:
            exchange.timeout_ms = max(
                transmission.max_transmit_wait_ms,
                len(exchange.datagram) * 1_000 // transmission.probing_rate,
            )
            exchange.sendings_left = 1
        self._send(exchange, now)

    def _send(self, exchange: Exchange, now: int):
        exchange.sendings_left -= 1
        exchange.deadline = now + exchange.timeout_ms
        self._deadline = _LOOK
        exchange.link.send(exchange.datagram, exchange.peer)
