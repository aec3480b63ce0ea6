"""Requests that take more than one exchange (RFC 7959 as a client; RFC 9175 §2.3).

An Asking sends a request's body by Block1, then fetches the response's by Block2, one block at a
time, and tells the end once. What moves it on, block by block:

    2.31, or 2.xx with Block1 to a block that is not the last   the next block is sent
    4.13 with a smaller size in Block1                          from the start, in that size,
                                                                also where all was sent at once
    4.08 behind the first block; another ETag while fetching    once more from the start
    4.01 with Echo                                              once more, with that Echo
    2.xx with Block2 and more to come                           the next block is fetched
    any other response                                          the end
    timeout, unsent, reset or cancelled, as of any exchange     the end

An Echo in any other response goes with the next request to that peer (RFC 9175 §2.3).

Reasons of its own for an end without a response: "incomplete" (blocks that do not fit together),
"changed" (another ETag, again or behind what a sink has taken), "too large" (for body_limit),
"refused" (by the sink).
"""

from micropython import const

from coap.block import body_size, fitting, piece
from coap.message import Message, decode

_GET = const(1)
_FETCH = const(5)
_CONTINUE = const(0x5F)
_UNAUTHORIZED = const(0x81)
_INCOMPLETE = const(0x88)
_TOO_LARGE = const(0x8D)

_ACK = const(2)
_ETAG = const(4)
_OBSERVE = const(6)
_BLOCK2 = const(23)
_BLOCK1 = const(27)
_SIZE2 = const(28)
_SIZE1 = const(60)
_ECHO = const(252)
_REQUEST_TAG = const(292)

_MORE = const(8)
_SZX = const(7)
_STRAYS = const(8)  # late answers to earlier blocks that are borne with


class Asking:
    """A request, its body and what has come of the response's. sink: as in coap.block, or None.

    A sink may have `offset`, a multiple of 16, and `etag`: of a response that was begun earlier,
    which goes on there; and hear(response), called with each before its chunk.
    """

    def __init__(self, endpoint, request: Message, peer, link, on_response, sink=None):
        self._endpoint = endpoint
        self._peer = peer
        self._link = link
        self._on_response = on_response
        self._sink = sink
        self._body = bytearray()
        self._fetched = getattr(sink, "offset", 0)
        self._etag = getattr(sink, "etag", None)
        self._options = b""  # of the response's first block
        self._source = None
        self._sent = 0  # offset of the block in flight
        self._more = 0
        self._token = None
        self._keeps_token = False
        self._restarts_left = 1
        self._echoes_left = 1
        self._strays_left = _STRAYS
        self._request = request
        # Room for a Block and a Size option; the server may ask for less.
        self._szx = self._answer_szx = fitting(request, link.mtu)
        block2 = request.get_uint(_BLOCK2)
        while self._fetched & (16 << self._szx) - 1:
            self._szx -= 1
        self._tells_size = sink is not None or block2 is not None
        if block2 is not None:
            request.wire = request.without(_BLOCK2)
            self._answer_szx = min(self._szx, block2 & _SZX)
        if request.exceeds(getattr(link, "limit", link.mtu)):
            self._split()
        else:
            self._szx = self._answer_szx

    def send(self, now: int) -> bytes:
        """Send the request for the next block; returns its token."""
        template = self._request
        request = Message(template.code, template.type)
        request.wire = template.wire
        if not self._fetched or template.code == _FETCH:
            request.payload = template.payload
        size = 16 << self._szx
        if self._source is not None:
            request.payload, self._more = piece(self._source, self._sent, size)
            request.add(_BLOCK1, self._sent // size << 4 | self._more | self._szx)
            total = body_size(self._source)
            if not self._sent and total is not None:
                request.add(_SIZE1, total)
            if self._tells_size and not self._more:
                request.add(_BLOCK2, self._answer_szx)
        elif self._fetched or self._tells_size:
            if self._fetched:
                request.wire = template.without(_OBSERVE)
            request.add(_BLOCK2, self._fetched // size << 4 | self._szx)
        token = self._token if self._keeps_token else None
        self._token = self._endpoint.send_request(
            request, self._peer, self._link, now, self, token
        )
        return self._token

    def __call__(self, response, reason, now: int):
        """Take what came of the latest exchange, and go on or end."""
        if response is None:
            self._end(None, reason, now)
            return
        echo = response.get(_ECHO)
        if echo is not None:
            if response.code == _UNAUTHORIZED and self._echoes_left:
                self._echoes_left = 0
                self._request.wire = self._request.without(_ECHO)
                self._request.add(_ECHO, echo)
                self._make_room()
                self.send(now)
                return
            self._endpoint.echo = (self._peer, self._link, echo)
        if self._source is not None:
            reason = self._sending(response)
        elif response.code == _TOO_LARGE and self._suits_blocks(response):
            reason = None
        else:
            reason = self._fetching(response)
        if reason is None:
            self.send(now)
        elif reason == "done":
            self._end(response, None, now)
        else:
            self._end(None, reason, now)

    def _make_room(self):
        """Have what goes with a further option fit a datagram as well."""
        link = self._link
        whole = self._source is None and not self._fetched
        if whole and self._request.exceeds(getattr(link, "limit", link.mtu)):
            self._split()
        self._szx = min(self._szx, fitting(self._request, link.mtu))

    def _split(self):
        """Have the request's body go by Block1."""
        request = self._request
        self._source = request.payload
        request.payload = b""
        # There are servers that know a body by its token.
        self._keeps_token = True
        # RFC 9175 §3.4: a tag of its own keeps a server from joining two bodies.
        request.add(_REQUEST_TAG, self._endpoint.freeze()[1] & 0xFF)

    def _suits_blocks(self, response) -> bool:
        """Split a request that was sent whole, if a 4.13 asks for blocks smaller than its body."""
        szx = response.get_uint(_BLOCK1, _SZX) & _SZX
        if self._fetched or szx == _SZX or len(self._request.payload) <= 16 << szx:
            return False
        self._split()
        self._szx = min(self._szx, szx)
        return True

    def _sending(self, response):
        """Judge the answer to a block sent: None to go on, "done", or what is wrong."""
        block1 = response.get_uint(_BLOCK1)
        code = response.code
        if code >> 5 == 2 and self._more and block1 is not None:
            size = 16 << self._szx
            if block1 >> 4 < self._sent // size and self._is_stray(response):
                return None
            if block1 >> 4 != self._sent // size or block1 & _SZX == _SZX:
                return "incomplete"
            self._sent += size
            self._szx = min(self._szx, block1 & _SZX)
            return None
        if code == _TOO_LARGE and block1 is not None and block1 & _SZX < self._szx:
            self._szx = block1 & _SZX
            self._sent = 0
            return None
        if code == _INCOMPLETE and self._sent and self._restarts_left:
            self._restarts_left -= 1
            self._sent = 0
            return None
        if code == _CONTINUE:
            return "incomplete"
        self._source = None
        self._szx = self._answer_szx
        return self._fetching(response)

    def _fetching(self, response):
        """Judge a block fetched, as _sending does."""
        block2 = response.get_uint(_BLOCK2)
        good = response.code >> 5 == 2
        if block2 is None or (self._sink and not good):
            if self._fetched and good:
                return "incomplete"
            return self._deliver(response, 0) if self._sink and good else "done"
        szx = block2 & _SZX
        size = 16 << szx
        etag = response.get(_ETAG)
        if self._fetched and etag != self._etag:
            if self._sink or not self._restarts_left or self._request.code not in (_GET, _FETCH):
                return "changed"
            self._restarts_left -= 1
            self._fetched = 0
            self._body = bytearray()
            return None if block2 >> 4 else self._fetching(response)
        more = block2 & _MORE
        if szx == _SZX or (more and len(response.payload) != size):
            return "incomplete"
        if (block2 >> 4) * size != self._fetched:
            if (block2 >> 4) * size < self._fetched and self._is_stray(response):
                return None
            return "incomplete"
        if not self._sink and response.get_uint(_SIZE2, 0) > self._endpoint.body_limit:
            return "too large"
        self._etag = etag
        if self._fetched:
            response.wire = self._options
        self._options = response.wire
        self._szx = min(self._szx, szx)
        return self._deliver(response, more)

    def _is_stray(self, response) -> bool:
        """Tell whether a response to an earlier block may be one of the network's making."""
        self._strays_left -= 1
        return response.type != _ACK and self._strays_left >= 0

    def _deliver(self, response, more: int):
        chunk = response.payload
        self._fetched += len(chunk)
        if self._sink:
            if hasattr(self._sink, "hear"):
                self._sink.hear(response)
            if self._sink(chunk):
                return "refused"
            response.payload = b""
        else:
            if self._fetched > self._endpoint.body_limit:
                return "too large"
            try:
                self._body.extend(chunk)
            except MemoryError:
                return "too large"
            if not more:
                response.payload = memoryview(self._body)
        return None if more else "done"

    def _end(self, response, reason, now):
        if self._sink and (response is None or response.code >> 5 != 2) and reason != "refused":
            self._sink(None)
        self._on_response(response, reason, now)


def follow(endpoint, exchange):
    """Let an Asking take what comes of a request that was sent whole."""
    if not isinstance(exchange.on_end, Asking):
        exchange.on_end = Asking(
            endpoint,
            decode(bytes(exchange.datagram)),
            exchange.peer,
            exchange.link,
            exchange.on_end,
        )
