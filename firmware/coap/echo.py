"""Whether a peer is where its datagrams say it is (RFC 9175 §2); loaded where that is asked.

An address counts as verified when a request from it carried the Echo value that was sent to it
within the last two periods. The value is a digest of the address and the period, so that nothing
is kept of those who only ask.
"""

import hashlib

from micropython import const

from coap.message import Message

_GET = const(1)
_FETCH = const(5)
_OBSERVE = const(6)
_UNAUTHORIZED = const(0x81)
_ECHO = const(252)
_VALUE_BYTES = const(8)
_PERIOD_MS = const(120_000)
_VERIFIED = const(8)
_OVERHEAD = const(5)  # header and marker


class Gate:
    """Tells verified peers, eight at most, from others."""

    def __init__(self, random_bits):
        self._secret = b"".join([random_bits(16).to_bytes(2, "big") for _ in range(8)])
        self._verified = []  # (peer, link)

    def question(self, request: Message, peer, link, now: int) -> Message | None:
        """Return the 4.01 that asks a peer for Echo before a request may change something."""
        safe = request.code in (_GET, _FETCH) and request.get(_OBSERVE) is None
        if self._knows(request, peer, link, now) or safe:
            return None
        return self._challenge(request, peer, now)

    def instead(self, request: Message, response, factor: int, sendings: int, peer, link, now):
        """Return the response, or a 4.01 with Echo if it is factor times as long as the request.

        A peer that is verified is answered as it is. sendings: how often the response may go.
        """
        size = _size(response) * sendings
        if (peer, link) in self._verified or size <= factor * _size(request):
            return response
        return self._challenge(request, peer, now)

    def _knows(self, request, peer, link, now):
        echo = request.get(_ECHO)
        if echo is not None:
            period = now // _PERIOD_MS
            if echo in (self._value(peer, period), self._value(peer, period - 1)):
                if (peer, link) not in self._verified:
                    self._verified = self._verified[1 - _VERIFIED :] + [(peer, link)]
        return (peer, link) in self._verified

    def _challenge(self, request, peer, now):
        return request.reply(_UNAUTHORIZED).add(_ECHO, self._value(peer, now // _PERIOD_MS))

    def _value(self, peer, period):
        text = "%r %d" % (peer, period)
        return hashlib.sha256(self._secret + text.encode()).digest()[:_VALUE_BYTES]


def _size(message: Message) -> int:
    return _OVERHEAD + len(message.token) + len(message.wire) + len(message.payload)
