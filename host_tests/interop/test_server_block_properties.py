"""Properties of the embedded server's transfers: both roles against each other, and against
whatever else may answer.

Examples are derived from the tests themselves, so every run tries the same ones.
"""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from tools.server import RequestFailed, wire
from tools.server.blockwise import SIZES, Bodies, Limits, converse

_BODY = bytes(range(251)) * 40
_sizes = st.sampled_from(SIZES)
_lengths = st.one_of(
    st.integers(0, 3000),
    st.sampled_from([n * size + d for size in SIZES for n in (1, 2) for d in (-1, 0, 1)]),
)


class Device:
    """Serves by `Bodies`; forgets everything before the requests numbered in `forgets`."""

    def __init__(self, answer, size, forgets=()):
        self.answer, self.size, self.forgets = answer, size, forgets
        self.count = self.runs = 0
        self.got = None
        self.forget()

    def forget(self):
        self.bodies = Bodies(self.handle, lambda request, peer: True, block_size=self.size)

    def handle(self, request, peer):
        self.got = request.payload
        self.runs += 1
        reply = wire.message(wire.code_of("2.05"), payload=self.answer, content_format=42)
        return reply, None

    async def __call__(self, request):
        request.mid, request.token = self.count, b"%d" % self.count
        if self.count in self.forgets:
            self.forget()
        self.count += 1
        reply, _ = self.bodies.handle(over_the_wire(request), ("127.0.0.1", 1))
        reply.mtype, reply.mid, reply.token = wire.ACK, request.mid, request.token
        return over_the_wire(reply)


def over_the_wire(message):
    return wire.decode(wire.encode(message))


@settings(derandomize=True, max_examples=150, deadline=None)
@given(_lengths, _sizes, _sizes)
def test_what_is_sent_arrives(length, size, preferred):
    """RFC 7959 §2.5: any body, whatever size either side prefers."""
    device = Device(b"", preferred)
    request = wire.message(wire.PUT, path=("5", "0", "0"), payload=_BODY[:length])
    response = asyncio.run(converse(request, device, Limits(size)))
    assert wire.dotted(int(response.code)) == "2.05"
    assert (device.got, device.runs) == (_BODY[:length], 1)
    blocks = -(-length // min(size, preferred))
    assert device.count <= max(1, blocks)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(_lengths, _sizes, _sizes, st.sets(st.integers(1, 30), max_size=3))
def test_what_is_fetched_arrives(length, size, preferred, forgets):
    """RFC 7959 §2.4: any answer, though the other side forgets it up to three times."""
    device = Device(_BODY[:length], preferred, forgets)
    request = wire.message(wire.GET, path=("5", "0", "0"))
    response = asyncio.run(converse(request, device, Limits(size)))
    assert response.payload == _BODY[:length]
    blocks = max(1, -(-length // min(size, preferred)))
    assert device.count <= blocks * 4 + 3


@settings(derandomize=True, max_examples=100, deadline=None)
@given(_lengths, _sizes, st.sets(st.integers(1, 30), max_size=3))
def test_what_is_sent_arrives_though_forgotten(length, size, forgets):
    """RFC 7959 §2.9.2: once, whole, though the other side forgets it up to three times."""
    device = Device(b"", 1024, forgets)
    request = wire.message(wire.PUT, path=("5", "0", "0"), payload=_BODY[:length])
    asyncio.run(converse(request, device, Limits(size)))
    assert (device.got, device.runs) == (_BODY[:length], 1)


_blocks = st.one_of(
    st.none(),
    st.tuples(st.one_of(st.integers(0, 4), st.just(0xFFFFF)), st.booleans(), st.integers(0, 7)),
)
_answers = st.lists(
    st.tuples(
        st.sampled_from(["2.31", "2.05", "2.04", "4.00", "4.04", "4.08", "4.13", "5.00"]),
        _blocks,
        _blocks,
        st.one_of(st.none(), st.integers(0, (1 << 32) - 1)),
        st.sampled_from([None, b"1", b"2"]),
        st.sampled_from([0, 1, 16, 64, 1024]),
    ),
    max_size=12,
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(_answers, st.sampled_from([wire.GET, wire.PUT]), st.booleans())
def test_any_answers(answers, code, by_sms):
    """Bad input: whatever answers, a transfer ends with a response or its one kind of failure."""
    left = list(answers)

    async def send(request):
        request.mid, request.token = 1, b"t"
        wire.encode(request)
        if not left:
            raise RequestFailed("timeout")
        dotted, block1, block2, size, etag, length = left.pop(0)
        response = wire.message(wire.code_of(dotted), payload=b"x" * length)
        response.opt.block1, response.opt.block2 = block1, block2
        response.opt.size1 = response.opt.size2 = size
        response.opt.etag = etag
        response.mtype, response.mid, response.token = wire.ACK, 1, b"t"
        return over_the_wire(response)

    body = b"" if code == wire.GET else _BODY[:2000]
    request = wire.message(code, path=("5", "0", "0"), payload=body)
    try:
        response = asyncio.run(converse(request, send, Limits(256, 5000), by_sms=by_sms))
        assert len(response.payload) <= 5000
    except RequestFailed as error:
        assert str(error)


_requests = st.lists(
    st.tuples(
        st.sampled_from([wire.POST, wire.GET]),
        _blocks,
        _blocks,
        st.integers(0, 70000),
        st.sampled_from([0, 1, 16, 64, 1024]),
        st.integers(0, 2),
    ),
    max_size=30,
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(_requests)
def test_any_requests(requests):
    """Bad input: whatever comes, each request is answered once, and what is kept is bounded."""

    async def scenario():
        def handle(request, peer):
            assert len(request.payload) <= 2000
            return wire.message(wire.code_of("2.04"), payload=b"y" * 200), None

        bodies = Bodies(handle, lambda request, peer: True, body_limit=2000)
        for code, block1, block2, size1, length, name in requests:
            request = wire.message(code, path=("rd", str(name)), payload=b"x" * length)
            request.opt.block1, request.opt.block2, request.opt.size1 = block1, block2, size1
            request.mid = 1
            reply, _ = bodies.handle(over_the_wire(request), ("127.0.0.1", 1))
            reply.mtype, reply.mid, reply.token = wire.ACK, 1, b""
            reply = over_the_wire(reply)
            size = 1024 if block2 is None else 16 << min(block2[2], 6)
            assert len(reply.payload) <= size
            if wire.dotted(int(reply.code)) == "2.31":
                assert reply.opt.block1.block_number == block1[0] and block1[1]

    asyncio.run(scenario())
