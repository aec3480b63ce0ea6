"""A package on its way to where it is kept: pushed by a server, or pulled from one (lwm2m.pull).

Where it is kept is the sink's affair; a sink is any object with these methods. What goes wrong is
told by a number of Object 5's Update Result: returned, or MemoryError (3) or OSError (2) raised.
Any other exception is a mistake of the sink's, which ends the run of the node.

    open(size)    begin a package, of size bytes or None where nobody knows; what was there goes
    write(chunk)  take the next bytes, which are valid during the call
    finish()      all of it is there: check it (5 it is damaged, 6 it is none of ours)
    held()        how many bytes of the package begun are safe, also after a power cut
    discard()     forget the package
    apply()       put it to use. None: that has begun, and ends the firmware's run or is told by
                  `done`; 1: it is in use; 8, or what it raises: it failed; 11: it is put off
    outcome()     asked at the boot after apply() was called: 1, 8 …, None where it goes on
    load()        the record that was saved last, b"" for none
    save(record)  keep a record, some 300 bytes at most, over power cuts; written as a whole

A sink may have `name` and `version`, text about the package that is there.
"""

import struct

from micropython import const

from lwm2m.object import OperationError

NO_STORAGE = const(2)
NO_MEMORY = const(3)
CONNECTION_LOST = const(4)
INVALID_URI = const(7)
UNSUPPORTED_PROTOCOL = const(9)

_PUT = const(3)
_CONTENT_FORMAT = const(12)
_SIZE1 = const(60)
_OPAQUE = const(42)
_WRITE = const(2)
_CHANGED = const(0x44)
_METHOD_NOT_ALLOWED = const(0x85)
_TOO_LARGE = const(0x8D)
_INTERNAL_SERVER_ERROR = const(0xA0)

# State, result, a number, attempts, size, length of the ETag; the ETag and the URI follow.
_RECORD = ">BBBBIB"
_RECORD_BYTES = const(9)
_UNKNOWN = const(0xFFFFFFFF)


class Delivery:
    """Brings one package at a time into a sink.

    client: the lwm2m.client.Client, whose links and time are used. on_change(): what `save` keeps
    of a pull is another. on_end(result): None when the package is there and good, else a number as
    above.

    etag, size: of the package that is pulled, None while unknown. attempts: how often nothing has
    come of asking for more of it, one after another.
    """

    def __init__(self, client, sink, on_change, on_end) -> None:
        self.client = client
        self.sink = sink
        self.on_change = on_change
        self.on_end = on_end
        self.current = None
        self.etag = None
        self.size = None
        self.attempts = 0

    def push(self, request, obj, rid: int, operations, server):
        """Begin a package that a server writes to a resource in blocks; for lwm2m.requests.

        obj.accepts() says whether the Object's state allows one, and is in another with True.
        """
        if request.code != _PUT or request.get_uint(_CONTENT_FORMAT, _OPAQUE) != _OPAQUE:
            return True  # wrapped up in a format, it has to be there as a whole
        try:
            if operations.access:
                operations.access.check(server, (obj.object_id, obj.instance_id, rid), _WRITE)
        except OperationError as error:
            return request.reply(error.code)
        if not obj.accepts():
            return request.reply(_METHOD_NOT_ALLOWED)
        result = self.guarded(self.sink.open, request.get_uint(_SIZE1))
        if result:
            self.on_end(result)
            return request.reply(_TOO_LARGE)
        self.current = Push(self)
        return self.current

    def put(self, package) -> "int | None":
        """Take a package that is there as a whole; return the result."""
        self.current = None
        sink = self.sink
        result = (
            self.guarded(sink.open, len(package))
            or self.guarded(sink.write, package)
            or self.guarded(sink.finish)
        )
        if result:
            self.guarded(sink.discard)
        return result

    def begin(self, uri: str) -> None:
        """Begin to fetch another package at the next step."""
        result = self.pull(uri)
        if result:
            self.on_end(result)
        self.client.nearer()

    def pull(self, uri: str, held: int = 0) -> "int | None":
        """Begin to fetch a package behind what is held of it; return why not, a result."""
        from lwm2m.pull import Pull, locate

        where = locate(uri)
        if not isinstance(where, tuple):
            return where
        if not held:
            self.etag = self.size = None
        self.current = Pull(self, where, held)
        return None

    def step(self, now: int) -> "int | None":
        """Go on with a pull; return when to be called again."""
        return self.current.step(now) if self.current else None

    def stop(self) -> None:
        """Let what is on its way go, and what has come of it."""
        current = self.current
        self.current = None
        self.attempts = 0
        if current:
            current.leave()
        self.guarded(self.sink.discard)

    def end(self, result: "int | None") -> "int | None":
        """End what is on its way (for Push and Pull); return the result."""
        self.current = None
        self.attempts = 0
        if not result:
            result = self.guarded(self.sink.finish)
        if result:
            self.guarded(self.sink.discard)
        self.on_end(result)
        return result

    def save(self, state: int, result: int, number: int, uri: str) -> None:
        """Have the sink keep where an Object stands, and what is being fetched."""
        etag = self.etag or b""
        size = _UNKNOWN if self.size is None else self.size
        record = struct.pack(_RECORD, state, result, number, self.attempts, size, len(etag))
        self.guarded(self.sink.save, record + etag + uri.encode())

    def load(self) -> "tuple | None":
        """Return (state, result, number, uri) as saved, None where nothing was."""
        try:
            record = self.sink.load()
        except (OSError, MemoryError):
            return None
        if len(record) < _RECORD_BYTES:
            return None
        head = struct.unpack(_RECORD, record[:_RECORD_BYTES])
        state, result, number, self.attempts, size, length = head
        try:
            uri = bytes(record[_RECORD_BYTES + length :]).decode()
        except ValueError:
            return None  # it was damaged
        self.etag = bytes(record[_RECORD_BYTES : _RECORD_BYTES + length]) or None
        self.size = None if size == _UNKNOWN else size
        return state, result, number, uri

    def resume(self, uri: str) -> "int | None":
        """Go on with what was on its way when `load` was called; return why not, a result."""
        result = CONNECTION_LOST
        if uri:
            result = self.pull(uri, self.held())
        if result:
            self.stop()
        return result

    def held(self) -> int:
        """Return how many bytes the sink holds; none where it cannot say."""
        try:
            return self.sink.held()
        except (OSError, MemoryError):
            return 0

    def guarded(self, function, *arguments) -> "int | None":
        """Call a sink; what it raises becomes a result."""
        try:
            return function(*arguments)
        except MemoryError:
            return NO_MEMORY
        except OSError:
            return NO_STORAGE


class Push:
    """Takes the blocks of a Write, as a sink of coap.block."""

    def __init__(self, delivery) -> None:
        self._delivery = delivery

    def __call__(self, chunk):
        """Take a block, or None for the end of the hope for more; return a code to stop with."""
        delivery = self._delivery
        if delivery.current is not self:
            return _INTERNAL_SERVER_ERROR
        if chunk is None:
            delivery.end(CONNECTION_LOST)
            return None
        result = delivery.guarded(delivery.sink.write, chunk)
        if result:
            delivery.end(result)
            return _INTERNAL_SERVER_ERROR
        return None

    def step(self, now: int) -> None:
        """Wait for the server."""

    def leave(self) -> None:
        """Leave the server to find out."""

    def end(self, request):
        """Answer the last block of the Write."""
        delivery = self._delivery
        bad = delivery.current is not self or delivery.end(None)
        return request.reply(_INTERNAL_SERVER_ERROR if bad else _CHANGED)
