"""Bodies larger than a message, in blocks (RFC 7959), for both roles of the server.

`converse` makes one request, with its payload and its response whole, of as many exchanges as
that takes:

    sending, the answer to a block      what follows
    2.31, or 2.xx for that block only   the next block, smaller if the answer asks for it
    4.13 with a smaller size            from the first block again, in that size
    4.08                                from the first block again
    any other                           it is the response

    fetching, the next block            what follows
    it fits                             the one after it, until one says that it is the last
    another ETag or Content-Format,     from the first block again
    4.00, 4.02, 4.08
    any other code, or no Block2        it is the response
    it does not fit                     the transfer fails: "blocks"

`Bodies` wraps the handler of the requests that come in: the handler sees whole payloads, and what
it replies goes out in blocks where it has to. Partial bodies are kept for a time, and few of them.
"""

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiocoap import Message
from aiocoap.numbers.optionnumbers import OptionNumber

from . import wire
from .endpoint import RequestFailed

T = TypeVar("T")

SIZES = (16, 32, 64, 128, 256, 512, 1024)

_SMS_SIZE = 64
_SMS_WHOLE = 140 - 4  # Octets of 8-bit user data of one message, but for the token.
_ATTEMPTS = 4
_MAX_KEPT = 64
_NUMBERS = 1 << 20
_RESERVED_EXPONENT = 7

_CONTINUE = wire.code_of("2.31")
_INCOMPLETE = wire.code_of("4.08")
_TOO_LARGE = wire.code_of("4.13")
_SAFE = (wire.GET, wire.FETCH)
_LOST = (wire.code_of("4.00"), wire.code_of("4.02"), _INCOMPLETE)
_FROM_THE_START = b"start at block 0"  # As other refusals here, within the smallest block.
_OF_ONE_MESSAGE = (
    OptionNumber.OBSERVE,
    OptionNumber.BLOCK1,
    OptionNumber.BLOCK2,
    OptionNumber.SIZE1,
)


class TransferFailed(RequestFailed):
    """A body did not come or go whole though the client answers: to try again is of no use.

    `reason`: blocks (what came is not the block asked for), changed (or lost, again and again
    while it was fetched), incomplete (the client loses the blocks sent), too_large.
    """


def exponent(size: int) -> int:
    """Return the SZX of a block size (RFC 7959 §2.2); raises ValueError that names the sizes."""
    if size not in SIZES:
        raise ValueError(
            "block size %r is not allowed; use %s or %d"
            % (size, ", ".join(map(str, SIZES[:-1])), SIZES[-1])
        )
    return SIZES.index(size)


@dataclass(frozen=True)
class Limits:
    """The block size preferred, one of SIZES, and the largest response taken, in bytes.

    A block size below 1024 is asked for in each GET and FETCH; over SMS blocks have 64 bytes at
    most.
    """

    block_size: int = SIZES[-1]
    body_limit: int = 1 << 18

    def __post_init__(self):
        exponent(self.block_size)


async def converse(
    request: Message,
    send: Callable[[Message], Awaitable[Message]],
    limits: Limits,
    *,
    by_sms: bool = False,
    first: Message | None = None,
    whole: bool = True,
) -> Message:
    """Make a request and return its response, both whole.

    send(message): one exchange; it raises RequestFailed. first: the first block of the response
    when that has come already, as a notification does. whole: False for a response of which only
    the code matters: the payload of one in blocks is left out. Raises RequestFailed,
    TransferFailed.
    """
    size = min(limits.block_size, _SMS_SIZE) if by_sms else limits.block_size
    if first is None:
        if whole and limits.block_size < SIZES[-1] and int(request.code) in _SAFE:
            request.opt.block2 = (0, False, exponent(size))
        first = await _send(request, send, size, by_sms)
    if not whole:
        if first.opt.block2 is not None and first.opt.block2.more:
            first.payload = b""
        return first
    return await _fetch(request, first, send, size, limits.body_limit)


async def _send(request: Message, send, size: int, by_sms: bool) -> Message:
    """Send a request, in blocks if need be; returns the response to the last (§2.5, §3.2)."""
    body = request.payload
    in_blocks = len(body) > size
    if by_sms and in_blocks:
        request.mid = 0
        in_blocks = len(wire.encode(request)) > _SMS_WHOLE
    if not in_blocks:
        response = await send(request)
        smaller = _smaller(response, len(body))
        if not smaller or not _admits(response, body):
            return response
        size = smaller
    offset, attempts = 0, 1
    while True:
        end = min(offset + size, len(body))
        last = end == len(body)
        number = offset // size
        if number >= _NUMBERS:
            raise TransferFailed("too_large", "%d bytes are too many for blocks" % len(body))
        message = _again(request, body[offset:end])
        message.opt.block1 = (number, not last, exponent(size))
        if offset == 0:
            message.opt.size1 = len(body)
        try:
            response = await send(message)
        except RequestFailed as error:
            text = "%s after %d of %d bytes were sent" % (error, offset, len(body))
            raise RequestFailed(error.reason, text) from error
        code, block = int(response.code), response.opt.block1
        smaller = _smaller(response, size)
        if code == _INCOMPLETE:
            if attempts == _ATTEMPTS:
                text = "the client lost the blocks of the request %d times (4.08)" % attempts
                raise TransferFailed("incomplete", text)
            offset, attempts = 0, attempts + 1
        elif code == _TOO_LARGE and smaller and _admits(response, body):
            offset, size = 0, smaller
        elif code >> 5 != 2 or (last and code != _CONTINUE):
            return response
        elif block is None or block.block_number != number or last:
            raise TransferFailed(
                "blocks",
                "after %d of %d bytes the client answered %s %s"
                % (end, len(body), wire.dotted(code), _describe(block)),
            )
        else:
            offset, size = end, smaller or size


async def _fetch(request: Message, first: Message, send, size: int, limit: int) -> Message:
    """Return the response whole whose first block, or all of it, has come (§2.4)."""
    observe = first.opt.observe
    response, attempts = await _collect(request, first, send, size, limit), 1
    while response is None:
        if attempts == _ATTEMPTS:
            text = "the answer changed or was lost %d times while it was fetched" % attempts
            raise TransferFailed("changed", text)
        again = _next(request, size)
        again.opt.block2 = (0, False, exponent(size))
        response = await _collect(request, await send(again), send, size, limit)
        attempts += 1
    if int(response.code) == int(first.code):
        response.opt.observe = observe
    return response


async def _collect(request, first: Message, send, size: int, limit: int) -> Message | None:
    """Fetch what follows a first block; returns None when it no longer belongs to it."""
    block, part = first.opt.block2, first
    if block is None or int(request.code) not in _SAFE:
        return first  # To ask for more of what another method answered might be to do it again.
    body = bytearray()
    while True:
        fits = len(part.payload) == block.size if block.more else len(part.payload) <= block.size
        if block.size_exponent == _RESERVED_EXPONENT or block.start != len(body) or not fits:
            raise TransferFailed(
                "blocks",
                "after %d bytes of the answer came %s with %d bytes"
                % (len(body), _describe(block), len(part.payload)),
            )
        body += part.payload
        announced = first.opt.size2 or 0 if block.more else 0
        if max(len(body), announced) > limit:
            text = "the answer is larger than the %d bytes that are taken" % limit
            raise TransferFailed("too_large", text)
        if not block.more:
            first.payload, first.opt.block2 = bytes(body), None
            return first
        size = min(size, block.size)
        if len(body) // size >= _NUMBERS:
            raise TransferFailed("too_large", "the answer has more blocks than there are numbers")
        message = _next(request, size)
        message.opt.block2 = (len(body) // size, False, exponent(size))
        try:
            part = await send(message)
        except RequestFailed as error:
            text = "%s after %d bytes of the answer had come" % (error, len(body))
            raise RequestFailed(error.reason, text) from error
        block = part.opt.block2
        if int(part.code) in _LOST:
            return None
        if int(part.code) != int(first.code) or block is None:
            return part
        if (part.opt.etag, part.opt.content_format) != (first.opt.etag, first.opt.content_format):
            return None


def _again(request: Message, payload: bytes = b"") -> Message:
    """Build the request for another block: the same, but for what belongs to one message."""
    message = Message(code=request.code, payload=payload)
    message.mtype = request.mtype
    for option in request.opt.option_list():
        if option.number not in _OF_ONE_MESSAGE:
            message.opt.add_option(option)
    return message


def _next(request: Message, size: int) -> Message:
    """Build the request for another block of the response. A FETCH says again what it asks for
    (RFC 8132 §2.3), unless that was so long that it went in blocks itself."""
    repeats = int(request.code) == wire.FETCH and len(request.payload) <= size
    return _again(request, request.payload if repeats else b"")


def _smaller(response: Message, size: int) -> int | None:
    """Return the block size that a response asks for if it is smaller than `size` (§2.3)."""
    block = response.opt.block1
    return block.size if block is not None and block.size < size else None


def _admits(response: Message, body: bytes) -> bool:
    """Tell whether a 4.13 is about the block's size, not the body's (§2.9.3)."""
    return int(response.code) == _TOO_LARGE and (response.opt.size1 or len(body)) >= len(body)


def _describe(block) -> str:
    if block is None:
        return "without a block option"
    return "block %d of size %d" % (block.block_number, block.size)


class Bodies:
    """Wraps a handler, so that it takes payloads and gives replies of any size.

    handler(request, peer) -> (reply | None, after | None), as Endpoint wants it. takes(request,
    peer): whether the handler has a use for the whole payload of a request of which a block has
    come; a handler that has none gets the block, to refuse it. body_limit: the largest payload,
    in bytes. keep_s: how long a part is kept after its last block.
    """

    def __init__(
        self,
        handler: Callable,
        takes: Callable[[Message, object], bool],
        *,
        block_size: int = SIZES[-1],
        body_limit: int = 1 << 16,
        keep_s: float = 247.0,
    ):
        self._handler = handler
        self._takes = takes
        self._exponent = exponent(block_size)
        self._body_limit = body_limit
        self._payloads: _Kept[bytearray] = _Kept(keep_s)
        self._replies: _Kept[Message] = _Kept(keep_s)

    def handle(self, request: Message, peer):
        """Take one request: returns (reply | None, after | None)."""
        refusal = _refusal(request)
        if refusal is not None:
            # An SMS costs: an unknown sender gets none for nonsense.
            return (None if isinstance(peer, str) else refusal), None
        block1, block2 = request.opt.block1, request.opt.block2
        key = (peer, request.get_cache_key(_OF_ONE_MESSAGE))
        if block2 is not None and block2.block_number > 0:
            return self._further(key, block2), None
        if block1 is not None and self._takes(request, peer):
            answer = self._take(key, request, block1)
            if answer is not None:
                return answer, None
        reply, after = self._handler(request, peer)
        if reply is not None:
            if block1 is not None:
                reply.opt.block1 = (block1.block_number, False, block1.size_exponent)
            self._cut(key, reply, block2)
        return reply, after

    def _take(self, key, request: Message, block) -> Message | None:
        """Add one block; returns its answer, or None when the request is whole (§2.5)."""
        payload = request.payload
        if block.more and len(payload) != block.size or len(payload) > block.size:
            self._payloads.take(key)
            return wire.message(wire.code_of("4.00"), payload=b"not %d bytes" % block.size)
        body = self._payloads.take(key)
        if block.block_number == 0:
            body = bytearray()
        if body is None or block.start > len(body):
            return wire.message(_INCOMPLETE, payload=_FROM_THE_START)
        repeated = block.start < len(body)
        if repeated and body[block.start :] != payload:
            return wire.message(_INCOMPLETE, payload=_FROM_THE_START)
        if not repeated:
            body += payload
        announced = request.opt.size1 or 0 if block.block_number == 0 else 0
        if max(len(body), announced) > self._body_limit:
            answer = wire.message(_TOO_LARGE)
            answer.opt.size1 = self._body_limit
            return answer
        if not block.more:
            request.payload = bytes(body)
            return None
        self._payloads.put(key, body)
        answer = wire.message(_CONTINUE)
        exponent = min(block.size_exponent, self._exponent)
        answer.opt.block1 = (block.block_number, True, exponent)
        return answer

    def _cut(self, key, reply: Message, block2) -> None:
        """Leave the first block of a reply in it and keep the whole, if that is larger (§2.4)."""
        exponent = self._exponent if block2 is None else min(block2.size_exponent, self._exponent)
        if len(reply.payload) > SIZES[exponent]:
            reply.opt.etag = zlib.crc32(reply.payload).to_bytes(4, "big")
            self._replies.put(key, reply.copy())
            reply.opt.size2 = len(reply.payload)
            reply.payload = reply.payload[: SIZES[exponent]]
            reply.opt.block2 = (0, True, exponent)
        elif block2 is not None and reply.payload:
            reply.opt.block2 = (0, False, exponent)

    def _further(self, key, block) -> Message:
        """Return a later block of a reply that is kept."""
        whole = self._replies.take(key)
        if whole is None:
            return wire.message(_INCOMPLETE, payload=_FROM_THE_START)
        self._replies.put(key, whole)
        part = whole.payload[block.start : block.start + block.size]
        if not part:
            return wire.message(wire.code_of("4.00"), payload=b"no such block")
        more = block.start + block.size < len(whole.payload)
        return whole.copy(
            payload=part, block1=None, block2=(block.block_number, more, block.size_exponent)
        )


def _refusal(request: Message) -> Message | None:
    """Return the answer to block options that cannot be (§2.2; RFC 7252 §5.4.3, §5.4.5)."""
    for option in (OptionNumber.BLOCK1, OptionNumber.BLOCK2):
        found = request.opt.get_option(option)
        if len(found) > 1 or (found and found[0].value.block_number >= _NUMBERS):
            return wire.message(wire.code_of("4.02"))
        if found and found[0].value.size_exponent == _RESERVED_EXPONENT:
            return wire.message(wire.code_of("4.00"), payload=b"SZX is reserved")
    return None


class _Kept(Generic[T]):
    """What is kept by key for keep_s seconds after it was put; the oldest give way."""

    def __init__(self, keep_s: float):
        self._keep_s = keep_s
        self._kept: OrderedDict[object, tuple[float, T]] = OrderedDict()

    def put(self, key, value: T) -> None:
        """Keep a value, as the newest."""
        now = asyncio.get_running_loop().time()
        self._kept.pop(key, None)
        self._kept[key] = (now + self._keep_s, value)
        while len(self._kept) > _MAX_KEPT or next(iter(self._kept.values()))[0] < now:
            self._kept.popitem(last=False)

    def take(self, key) -> T | None:
        """Remove a value and return it; None when it is not there any more."""
        deadline, value = self._kept.pop(key, (0.0, None))
        return value if deadline >= asyncio.get_running_loop().time() else None
