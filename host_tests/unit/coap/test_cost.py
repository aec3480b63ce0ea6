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


def test_garbage_of_a_read():
    """DESIGN §4: a GET decoded, dispatched, answered and remembered."""
    server, link = _server()
    taken = _within(_LIMIT_GET, server.receive, _request(100), PEER, link, 0)
    for message_id in range(101, 140):
        assert _within(_LIMIT_GET, server.receive, _request(message_id), PEER, link, 0) == taken
    _within(_LIMIT_GET, server.receive, _request(200, NON), PEER, link, 0)


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
