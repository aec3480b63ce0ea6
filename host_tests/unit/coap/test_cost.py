"""DESIGN §4: what the endpoint allocates. Measured on MicroPython; on CPython only run through."""

import gc
import sys

from coap.endpoint import Endpoint
from coap.message import CON, NON, Message
from coap.transmission import Transmission
from unit.coap.helpers import PEER, Outcomes, get, zeros

# A block of the heap is twice as large on a 64-bit machine as on an ESP32, and holds as much.
_SCALE = 2 if sys.maxsize >> 32 else 1

_LIMIT_GET = 300
_LIMIT_DUPLICATE = 100


class _Deaf:
    mtu = 1152
    transmission = Transmission()

    def send(self, data, peer):
        pass


def _answer(request, peer, link, now):
    return request.reply(0x45, b"21.5", 112)


def _request(message_id, type=CON):
    message = Message(1, type, b"abcd", b"", message_id)
    return bytes(message.add(11, "3303").add(11, "0").add(11, "5700").encode())


def _garbage(function, *arguments):
    """Return how many bytes, scaled to 32 bits, a call takes from the heap; None on CPython."""
    if not hasattr(gc, "mem_alloc"):
        function(*arguments)
        return None
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    function(*arguments)
    after = gc.mem_alloc()
    gc.enable()
    return (after - before) // _SCALE


def _within(limit, function, *arguments):
    taken = _garbage(function, *arguments)
    assert taken is None or taken <= limit, "%d B, not %d" % (taken, limit)
    return taken


def _server():
    """Return an endpoint that has answered enough to be in its steady state."""
    server = Endpoint(_answer, zeros)
    link = _Deaf()
    for message_id in range(40):
        server.receive(_request(message_id), PEER, link, 0)
    server.receive(_request(39), PEER, link, 0)
    return server, link


def _serve_many(server, link, datagrams):
    for data in datagrams:
        server.receive(data, PEER, link, 0)


def test_garbage_of_a_read():
    """DESIGN §4: a GET decoded, dispatched, answered and remembered, on the average of a cycle of
    the memory of recent messages."""
    server, link = _server()
    for type, start in ((CON, 1_000), (NON, 2_000)):
        datagrams = [_request(message_id, type) for message_id in range(start, start + 64)]
        _within(64 * _LIMIT_GET, _serve_many, server, link, datagrams)


def test_garbage_of_a_duplicate():
    """DESIGN §4: a reply replayed."""
    server, link = _server()
    _within(_LIMIT_DUPLICATE, server.receive, _request(39), PEER, link, 0)


def test_garbage_of_an_idle_step():
    """DESIGN §4: nothing due, nothing taken, with and without an exchange outstanding."""
    server, link = _server()
    _within(0, server.step, 0)
    server.request(Message(1), PEER, link, 0, Outcomes())
    server.step(0)
    _within(0, server.step, 1)


def test_memory_does_not_grow():
    """DESIGN §4: ten thousand requests of many peers leave what forty leave."""
    if not hasattr(gc, "mem_alloc"):
        return
    server, link = _server()
    levels = []
    for start in (0, 2_000):
        for i in range(start, start + 2_000):
            server.receive(get(i & 0x3FF), ("192.0.2.9", i & 0x7F), link, i)
        gc.collect()
        levels.append(gc.mem_alloc())
    assert levels[1] - levels[0] <= 64 * _SCALE, levels


_UNWELCOME = (
    ("short", b"\x40\x01"),
    ("version", b"\x80\x01\x00\x01"),
    ("token length", b"\x49\x01\x00\x01" + bytes(9)),
    ("token", b"\x44\x01\x00\x01ab"),
    ("option", b"\x40\x01\x00\x01\xf0"),
    ("option", b"\x40\x01\x00\x01" + b"\xe0\xff\xf0" * 300),
    ("no payload", b"\x40\x01\x00\x01\xff"),
    ("reserved class", b"\x40\x20\x00\x01"),
    ("empty with content", b"\x40\x00\x00\x01\x00"),
    ("empty", b"\x50\x00\x00\x01"),
    (None, b"\x40\x00\x00\x01"),  # a ping
    ("unknown ACK", b"\x60\x00\x00\x01"),
    ("unknown ACK", b"\x60\x45\x00\x01"),
    ("unknown RST", b"\x70\x00\x00\x01"),
    ("RST with content", b"\x70\x45\x00\x01"),
    ("unknown token", b"\x54\x45\x00\x01abcd"),
    ("unknown token", b"\x44\x45\x00\x01abcd"),
    ("critical option", b"\x50\x01\x00\x01\x10"),
    ("critical option", b"\x40\x01\x00\x01\x10"),
    (None, b"\x40\x03\x00\x01\xd1\x0e\x07"),  # Block1 of the reserved size
    (None, b"\x40\x03\x00\x01\xd1\x0e\x10"),  # a block that nothing came before
    (None, b"\x40\x03\x00\x01\xd1\x0e\x08\xff0123456789abcdef"),  # a body never finished
    (None, b"\x40\x01\x00\x01\xd1\x0a\x10"),  # more of a response that is not there
)


def test_unwelcome_datagrams_leave_nothing():
    """DESIGN §4: whatever is sent ten thousand times, of many peers and with many message IDs,
    costs a fixed number of bytes, and is counted."""
    server, link = _server()
    server.amplification = 3
    peers = [("192.0.2.%d" % i, 5683) for i in range(8)]

    def send(data, now, start, count):
        data = bytearray(data)
        for i in range(start, start + count):
            if len(data) >= 4:
                data[2] = i >> 8 & 0xFF
                data[3] = i & 0xFF
            server.receive(bytes(data), peers[i & 7], link, now + i)

    now = 0
    for reason, data in _UNWELCOME:
        now += 1_000_000  # what was remembered of the kind before is forgotten
        count = 10_000 if hasattr(gc, "mem_alloc") else 300
        before = server.dropped.get(reason, 0)
        send(data, now, 0, 300)
        if hasattr(gc, "mem_alloc"):
            gc.collect()
            level = gc.mem_alloc()
            send(data, now, 300, count - 300)
            gc.collect()
            assert gc.mem_alloc() - level <= 512 * _SCALE, (reason, gc.mem_alloc() - level)
        assert reason is None or server.dropped[reason] - before == count, reason
        server.step(now + 20_000)
        assert not server.busy()
    assert len(server.dropped) <= 20
