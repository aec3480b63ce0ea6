"""The CoAP codec and endpoint under bytes of any kind."""

import random

from coap.endpoint import LATER, Endpoint
from coap.message import CON, NON, FormatError, Message, decode
from coap.transmission import Transmission
from hypothesis import given, settings
from hypothesis import strategies as st

_numbers = st.one_of(st.integers(0, 300), st.integers(0, 65535))
_values = st.one_of(st.binary(max_size=20), st.binary(min_size=250, max_size=300))


class _Link:
    transmission = Transmission()

    def __init__(self):
        self.sent = []

    def send(self, data, peer):
        self.sent.append(bytes(data))


@st.composite
def _messages(draw):
    number = draw(st.sampled_from([0x01, 0x02, 0x1F, 0x40, 0x45, 0x65, 0x84, 0xA0, 0xBF]))
    message = Message(
        number,
        draw(st.integers(0, 3)),
        draw(st.binary(max_size=8)),
        draw(st.binary(max_size=40)),
        draw(st.integers(0, 0xFFFF)),
    )
    for option in draw(st.lists(st.tuples(_numbers, _values), max_size=8)):
        message.add(*option)
    return message


@given(_messages())
def test_round_trip(message):
    """RFC 7252 §3: what is written is read."""
    data = bytes(message.encode())
    read = decode(data)
    assert (read.type, read.code, read.message_id) == (
        message.type, message.code, message.message_id,
    )
    assert read.token == message.token and read.payload == message.payload
    assert read.options == message.options
    assert read.encode() == data


@given(st.lists(st.tuples(_numbers, _values), max_size=12))
def test_options_are_sorted(options):
    """RFC 7252 §3.1: in the order of their numbers, those of one number as they were added."""
    message = Message(1)
    for option in options:
        message.add(*option)
    assert message.options == sorted(options, key=lambda option: option[0])
    for number, _ in options:
        values = [value for other, value in options if other == number]
        assert message.all(number) == values and message.get(number) == values[0]


_datagrams = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda first, rest: bytes((first,)) + rest,
        st.integers(0x40, 0x7F),
        st.binary(min_size=3, max_size=60),
    ),
    _messages().map(lambda message: bytes(message.encode())),
)


@given(_datagrams)
def test_any_bytes_are_read_or_refused(data):
    """RFC 7252 §3: nothing but FormatError; what is read can be written and read again."""
    try:
        message = decode(data)
    except FormatError as error:
        assert (error.message_id is None) == (len(data) < 4 or data[0] >> 6 != 1)
        return
    again = decode(bytes(message.encode()))
    assert again.options == message.options and again.payload == message.payload
    message.screen()
    message.path()
    message.queries()


@settings(max_examples=200)
@given(
    st.lists(st.tuples(_datagrams, st.integers(0, 3), st.integers(0, 400_000)), max_size=60),
    st.integers(0, 1 << 30),
)
def test_endpoint_takes_anything(arrivals, seed):
    """RFC 7252 §4: no datagram raises, every table keeps its bound, every exchange ends once."""
    source = random.Random(seed)
    answers = (LATER, None, 0x45, 0x84)

    def handler(request, peer, link, now):
        answer = source.choice(answers)
        if answer is LATER:
            pending.append((request, peer))
        return request.reply(answer, b"x") if isinstance(answer, int) else answer

    endpoint = Endpoint(handler, source.getrandbits)
    link = _Link()
    pending = []
    ended = []
    started = now = 0
    for data, peer, wait in arrivals:
        now += wait
        if source.random() < 0.3:
            request = Message(1, source.choice((CON, NON)))
            endpoint.request(request, peer, link, now, lambda *ends: ended.append(ends))
            started += 1
        if source.random() < 0.3 and link.sent:
            # Something that may fit what was sent: an ACK, a Reset or a response.
            sent = decode(source.choice(link.sent))
            data = bytes(
                Message(
                    source.choice((0, 0x45)), source.randrange(4), sent.token, b"", sent.message_id
                ).encode()
                if source.random() < 0.5
                else Message(0, source.choice((2, 3)), b"", b"", sent.message_id).encode()
            )
        if pending and source.random() < 0.5:
            request, to = pending.pop()
            endpoint.respond(request, request.reply(0x45), to, link, now)
        endpoint.receive(data, peer, link, now)
        endpoint.step(now)
        assert len(endpoint._replies._latest) <= 32 and endpoint._replies._octets_left >= 0
        assert len(endpoint._exchanges._queue) <= 16
    while (deadline := endpoint.step(now)) is not None:
        assert deadline > now
        now = deadline
    assert not endpoint.busy() and len(ended) == started
    assert endpoint._exchanges._by_token == {} and endpoint._exchanges._queue == []
