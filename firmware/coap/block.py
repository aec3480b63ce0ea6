"""Bodies in blocks (RFC 7959), as a server; coap.asking is the client's side.

A body is bytes, or an object with read(offset, size) -> bytes, fewer than size only at its end,
and perhaps `size`, all of its bytes: of such a body one block is in memory. A sink takes a body as
sink(chunk) in order, chunk being valid during the call; it returns None to go on, or a code to
stop with. sink(None) tells that the rest will not come.

A transfer is known by its peer, link and method and by the options that name the resource
(RFC 7959 §2.4, RFC 9175 §3.3). It is forgotten EXCHANGE_LIFETIME after its latest block.
"""

import binascii

from micropython import const

from coap.message import Message

_GET = const(1)
_FETCH = const(5)
_CONTINUE = const(0x5F)
_BAD_REQUEST = const(0x80)
_INCOMPLETE = const(0x88)
_TOO_LARGE = const(0x8D)

_URI_HOST = const(3)
_ETAG = const(4)
_OBSERVE = const(6)
_URI_PORT = const(7)
_BLOCK2 = const(23)
_BLOCK1 = const(27)
_SIZE2 = const(28)
_SIZE1 = const(60)
_ECHO = const(252)
_NO_RESPONSE = const(258)

_MORE = const(8)
_SZX = const(7)
_LARGEST_SZX = const(6)
# Header, the longest token, marker, a Block and a Size option, and an ETag of four bytes.
_BESIDE = const(24)
_KEPT = const(2)  # transfers of each kind; the one begun longest ago gives way


class Transfer:
    """A body on its way. sink: what takes it, None where it is given or put together here."""

    sink = None
    received = 0
    # Of a response:
    code = 0
    wire = b""

    def __init__(self, key: tuple, body, expires: int):
        self.key = key
        self.body = body
        self.expires = expires


class Blocks:
    """The transfers that an endpoint serves."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._given = []  # bodies of responses
        self._taken = []  # bodies of requests
        self._tag = endpoint.random_bits(16)

    def receive(self, request: Message, peer, link, now: int):
        """Take a request with a Block option; return what the handler would."""
        block1 = request.get_uint(_BLOCK1)
        block2 = request.get_uint(_BLOCK2, 0)
        if block2 & _SZX == _SZX or (block1 is not None and block1 & _SZX == _SZX):
            return request.reply(_BAD_REQUEST)  # §2.2: the reserved size
        if block1 is not None:
            return self._take(request, block1, peer, link, now)
        if block2 >> 4:
            given = _find(self._given, _key(request, peer, link))
            if given:
                response = request.reply(given.code)
                response.wire = given.wire
                response = _cut(request, response, given.body, block2, link.mtu)
                given.expires = now + link.transmission.exchange_lifetime_ms
                if request.code == _GET and not response.get_uint(_BLOCK2, 0) & _MORE:
                    self._given.remove(given)  # should it be asked again, the handler is
                return response
            if request.code != _GET and not (request.code == _FETCH and len(request.payload)):
                return request.reply(_INCOMPLETE)
        return self._endpoint.handler(request, peer, link, now)

    def serve(self, request: Message, response: Message, peer, link, now: int) -> Message:
        """Return the response, or the block of it that the request asks for."""
        block1 = request.get_uint(_BLOCK1)
        if block1 is not None and block1 & _SZX != _SZX and response.get(_BLOCK1) is None:
            response.add(_BLOCK1, block1 & ~_MORE)
        block2 = request.get_uint(_BLOCK2)
        if response.code >> 5 != 2 or response.code == _CONTINUE:
            return response
        if response.get(_BLOCK2) is not None:
            return response
        if block2 is None:
            if not response.exceeds(link.mtu):
                return response
            block2 = _LARGEST_SZX
        body = response.payload
        kept = Transfer(
            _key(request, peer, link),
            body,
            now + link.transmission.exchange_lifetime_ms,
        )
        if response.get(_ETAG) is None:
            if hasattr(body, "read"):
                self._tag = tag = self._tag + 1 & 0xFFFF
            else:
                tag = binascii.crc32(body) & 0xFFFFFFFF
            response.add(_ETAG, tag.to_bytes(4, "big"))
        kept.code = response.code
        kept.wire = response.without(_OBSERVE, _BLOCK1)
        if block2 >> 4:
            response.wire = kept.wire
        response = _cut(request, response, body, block2, link.mtu)
        self._given = _others(self._given, kept.key)
        if response.get_uint(_BLOCK2, 0) & _MORE:
            self._given = self._given[1 - _KEPT :] + [kept]
        return response

    def taking(self) -> bool:
        """Tell whether a request's body is on its way."""
        return bool(self._taken)

    def expire(self, now: int):
        """Forget the transfers whose time is over."""
        if not (self._given or self._taken):
            return  # an idle step leaves no garbage
        for kept in (self._given, self._taken):
            for transfer in list(kept):
                if transfer.expires <= now:
                    self._end(kept, transfer)

    def abandon(self, peer=None, link=None):
        """Forget the transfers, all of them or those with one peer or over one link."""
        for kept in (self._given, self._taken):
            for transfer in list(kept):
                if peer in (None, transfer.key[0]) and link in (None, transfer.key[1]):
                    self._end(kept, transfer)

    def _take(self, request, block1: int, peer, link, now: int):
        endpoint = self._endpoint
        size = 16 << (block1 & _SZX)
        offset = (block1 >> 4) * size
        chunk = request.payload
        more = block1 & _MORE
        if more and len(chunk) != size:  # SZX says nothing of the last one (§2.3)
            return request.reply(_BAD_REQUEST)
        key = _key(request, peer, link)
        taken = _find(self._taken, key)
        if offset == 0:
            if taken:
                self._end(self._taken, taken)
            if not more:
                return endpoint.handler(request, peer, link, now)
            sink = endpoint.on_body(request, peer, link, now) if endpoint.on_body else True
            if sink is None or isinstance(sink, Message):
                return sink
            taken = Transfer(key, bytearray(), 0)
            if sink is not True:
                taken.sink = sink
            elif request.get_uint(_SIZE1, 0) > endpoint.body_limit:
                return _too_large(request, endpoint)
            if len(self._taken) == _KEPT:
                self._end(self._taken, self._taken[0])
            self._taken.append(taken)
        elif taken is None:
            return request.reply(_INCOMPLETE)
        if offset == taken.received:
            code = self._add(taken, chunk)
            if code:
                self._end(self._taken, taken, code)
                return _too_large(request, endpoint) if code == _TOO_LARGE else request.reply(code)
        elif offset + len(chunk) != taken.received:  # other than that block again
            self._end(self._taken, taken)
            return request.reply(_INCOMPLETE)
        taken.expires = now + link.transmission.exchange_lifetime_ms
        if more:
            szx = min(block1 & _SZX, fitting(request, link.mtu))
            return request.reply(_CONTINUE).add(_BLOCK1, block1 & ~_SZX | szx)
        request.payload = taken.sink or memoryview(taken.body)
        response = endpoint.handler(request, peer, link, now)
        if response is not None:  # or else the last block may come again
            self._taken.remove(taken)
        return response

    def _add(self, taken, chunk):
        taken.received += len(chunk)
        if taken.sink:
            return taken.sink(chunk)
        if taken.received > self._endpoint.body_limit:
            return _TOO_LARGE
        try:
            taken.body.extend(chunk)
        except MemoryError:
            return _TOO_LARGE
        return None

    def _end(self, kept, transfer, code=None):
        kept.remove(transfer)
        if transfer.sink and code is None:
            transfer.sink(None)


def fitting(message: Message, mtu: int) -> int:
    """Return the SZX of the largest block that goes into mtu bytes beside a message's options."""
    room = mtu - _BESIDE - len(message.wire)
    szx = _LARGEST_SZX
    while szx and 16 << szx > room:
        szx -= 1
    return szx


def piece(body, offset: int, size: int) -> tuple:
    """Return (chunk, more): the block of a body at an offset, and 8 if others follow it."""
    total = body_size(body)
    if total is None:
        chunk = body.read(offset, size + 1)
        return chunk[:size], _MORE if len(chunk) > size else 0
    more = _MORE if offset + size < total else 0
    if hasattr(body, "read"):
        return body.read(offset, size), more
    return memoryview(body)[offset : offset + size], more


def body_size(body) -> int | None:
    """Return the bytes of a body, None if nobody knows."""
    return getattr(body, "size", None) if hasattr(body, "read") else len(body)


def _cut(request, response, body, block2: int, mtu: int) -> Message:
    """Make a response the block that block2, at most as large, asks for."""
    offset = (block2 >> 4) * (16 << (block2 & _SZX))
    szx = min(block2 & _SZX, fitting(response, mtu))
    size = 16 << szx
    response.payload, more = piece(body, offset, size)
    if offset and not len(response.payload):
        return request.reply(_BAD_REQUEST)
    response.add(_BLOCK2, offset // size << 4 | more | szx)
    if request.get(_SIZE2) is not None:
        total = body_size(body)
        if total is not None:
            response.add(_SIZE2, total)
    return response


def _key(request: Message, peer, link) -> tuple:
    options = request.without(
        _URI_HOST,
        _OBSERVE,
        _URI_PORT,
        _BLOCK2,
        _BLOCK1,
        _SIZE2,
        _SIZE1,
        _ECHO,
        _NO_RESPONSE,
    )
    return (peer, link, request.code, options)


def _find(kept, key):
    for transfer in kept:
        if transfer.key == key:
            return transfer
    return None


def _others(kept, key):
    return [transfer for transfer in kept if transfer.key != key]


def _too_large(request, endpoint):
    return request.reply(_TOO_LARGE).add(_SIZE1, endpoint.body_limit)
