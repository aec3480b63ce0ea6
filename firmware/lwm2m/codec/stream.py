"""A payload that is encoded while it is fetched in blocks (RFC 7959): the body of a large Read.

Of it, one block is in memory, in pieces that a fragmented heap has room for. Each value is the one
of the moment at which its block is made. A block may be asked for again until a later one was; one
that is gone by then, and what cannot be encoded after all because an instance went away meanwhile
or a probe does not answer, end the transfer with 4.00, so that the server reads anew and never
puts halves together.
"""

from micropython import const

from lwm2m.codec import CodecError
from lwm2m.object import OperationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PIECE = const(128)


class Stream:
    """A body as coap.block knows it. pieces: its beginning; chunks: iterator over the rest."""

    def __init__(self, pieces: list, chunks) -> None:
        self._pieces: "Any" = pieces
        self._size = sum([len(piece) for piece in pieces])
        self._at = 0  # where in the body they begin
        self._chunks: "Any" = chunks

    def read(self, offset: int, size: int):
        """Return `size` bytes from offset on, fewer at the end; none: the transfer is over."""
        pieces = self._pieces
        if pieces is None or offset < self._at:
            return b""
        self._pieces = None  # should this fail, the transfer is over
        try:
            while self._chunks and self._at + self._size < offset + size:
                chunk = next(self._chunks, None)
                if chunk is None:
                    self._chunks = None
                else:
                    self._size += len(chunk)
                    if pieces and len(pieces[-1]) + len(chunk) < _PIECE:
                        if not isinstance(pieces[-1], bytearray):
                            pieces[-1] = bytearray(pieces[-1])
                        pieces[-1] += chunk
                    else:
                        pieces.append(chunk)
                while pieces and self._at + len(pieces[0]) <= offset:
                    self._at += len(pieces[0])
                    self._size -= len(pieces.pop(0))
        except (CodecError, OperationError, OSError):
            return b""
        self._pieces = pieces
        skipped = offset - self._at
        out = memoryview(bytearray(max(0, min(size, self._size - skipped))))
        filled = 0
        for piece in pieces:
            part = memoryview(piece)[skipped : skipped + len(out) - filled]
            out[filled : filled + len(part)] = part
            filled += len(part)
            skipped = max(0, skipped - len(piece))
        return out
