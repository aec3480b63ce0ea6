"""The CoAP endpoint under random datagrams, requests of its own, blocks and time.

One test plays random events against one endpoint and looks at it from outside after each; another
lets two endpoints transfer bodies over a link that loses, doubles and reorders. Examples are
derived from the tests themselves, so every run tries the same ones.
"""

import random

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON, RST, FormatError, Message, decode
from coap.transmission import Transmission
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.interop.test_coap_fuzz import datagrams

_REASONS = {
    "short", "version", "token length", "token", "empty with content", "reserved class",
    "no payload", "option", "empty", "duplicate", "critical option", "unknown ACK", "unknown RST",
    "RST with content", "mismatched ACK", "unknown token", "late response", "duplicate response",
    "queue full",
}
_ENDS = {
    None, "timeout", "reset", "cancelled", "incomplete", "changed", "too large", "refused",
    "queue full",
}
_KEPT_MOST = 1_000  # objects, where half of it is usual
_KEPT_OCTETS = 8192
_DAY_MS = 86_400_000


def pattern(size, start=0):
    return bytes((start + i * 7 + (i >> 4)) & 0xFF for i in range(size))


class Body:
    """A body read in pieces, with or without its size told."""

    def __init__(self, content, told_size):
        self._content = content
        if told_size:
            self.size = len(content)

    def read(self, offset, size):
        return self._content[offset : offset + size]


class Sink:
    """Checks that it is told of one end at most, and of nothing behind it."""

    def __init__(self, source):
        self.source = source
        self.content = b""
        self.over = False

    def __call__(self, chunk):
        assert not self.over
        if chunk is None:
            self.over = True
            return None
        assert len(chunk) <= 1152
        self.content += bytes(chunk)
        if self.source.random() < 0.05:
            self.over = True
            return 0x8D
        return None


class Link:
    binding = "U"

    def __init__(self, mtu, transmission=None):
        self.mtu = mtu
        self.transmission = transmission or Transmission()
        self.sent = []

    def send(self, data, peer):
        assert len(data) <= self.mtu, "%d bytes on a link of %d" % (len(data), self.mtu)
        self.sent.append((bytes(data), peer))


class Trial:
    """An endpoint, three peers on each of two links, and what may happen to them."""

    def __init__(self, seed, amplification):
        self.source = random.Random(seed)
        self.endpoint = Endpoint(self.handle, self.source.getrandbits, None, self.on_body)
        self.endpoint.amplification = amplification
        self.endpoint.body_limit = 2_000
        self.links = (Link(1152), Link(140))
        self.now = 0
        self.pending = []
        self.ends = []
        self.sinks = []
        self.done = []
        self.silent = False
        self.handled = 0
        self.sent = []  # (datagram, peer, link), the latest of them
        self.message_ids = {}
        self.checks = 0
        self.uploads = {}
        self.message_id = 1_000

    # What the application does

    def body(self):
        size = self.source.choice((0, 1, 10, 64, 100, 400, 1_024, 1_500, 5_000))
        content = pattern(size, self.source.randrange(256))
        kind = self.source.randrange(3)
        return content if kind == 0 else Body(content, kind == 1)

    def handle(self, request, peer, link, now):
        self.handled += 1
        choice = self.source.random()
        if isinstance(request.payload, Sink):
            assert not request.payload.over
            request.payload.over = choice >= 0.15
        if choice < 0.15:
            self.silent = True
            return None
        if choice < 0.3:
            self.pending.append((request, peer, link))
            return LATER
        if choice < 0.4:
            return request.reply(self.source.choice((0x80, 0x84, 0xA0)), b"why")
        response = request.reply(self.source.choice((0x44, 0x45)), self.body(), 42)
        if self.source.random() < 0.2:
            response.add(6, self.source.randrange(1 << 24))
        return response

    def on_body(self, request, peer, link, now):
        choice = self.source.random()
        if choice < 0.1:
            self.silent = True
            return None
        if choice < 0.2:
            return request.reply(0x8F)
        if choice < 0.5:
            return True
        self.sinks.append(Sink(self.source))
        return self.sinks[-1]

    # What happens

    def receive(self, data, peer, link):
        """Hand over a datagram and check the answers to it."""
        before = len(link.sent)
        handled = self.handled
        self.silent = False
        duplicates = self.endpoint.dropped.get("duplicate", 0)
        self.endpoint.receive(data, peer, link, self.now)
        if len(data) < 4 or data[0] >> 6 != 1:
            assert len(link.sent) == before
            return
        type = data[0] >> 4 & 3
        answers = [
            sent
            for sent, to in link.sent[before:]
            if to == peer and sent[2:4] == data[2:4] and sent[0] >> 4 & 3 >= ACK
        ]
        assert self.handled - handled <= 1
        if self.endpoint.dropped.get("duplicate", 0) > duplicates:
            assert self.handled == handled and len(link.sent) - before == len(answers) <= 1
        elif type != CON:
            assert answers == [], "a %d is acknowledged" % type
        elif not self.silent:
            assert len(answers) == 1, (len(answers), data.hex())
            # The same datagram at once again: the same answer, and nothing is done again.
            handled = self.handled
            count = len(link.sent)
            self.endpoint.receive(data, peer, link, self.now)
            assert self.handled == handled
            repeated = link.sent[count:]
            assert [sent for sent, _ in repeated] == answers, (repeated, answers)
        else:
            assert answers == []

    def bytes(self, data, peer, link):
        self.receive(data, peer, link)

    def request(self, peer, link):
        """A request of a peer, with whatever options."""
        pick = self.source.choice
        message = Message(
            pick((1, 1, 2, 3, 4, 5, 7)), pick((CON, NON)), pick((b"", b"a", b"12345678")), b"",
        )
        message.message_id = self.source.randrange(200) * 2 + message.type
        message.add(11, pick(("a", "a", "b")))
        size = pick((16, 64, 512, 1024))
        if self.source.random() < 0.4:
            number = pick((0, 0, 1, 2, 3, 40))
            more = pick((0, 1))
            full = size if more or self.source.random() < 0.5 else size - 3
            message.payload = pattern(size)[:full]
            if self.source.random() < 0.1:
                message.payload = message.payload[:-1]
            szx = (size >> 4).bit_length() - 1
            message.add(27, number << 4 | more << 3 | szx)
            if self.source.random() < 0.2:
                message.add(60, pick((0, 100, 5_000)))
        elif self.source.random() < 0.3:
            message.payload = b"payload"
        if self.source.random() < 0.4:
            message.add(23, pick((0, 1, 2, 30)) << 4 | pick((0, 8)) | pick((0, 2, 6, 7)))
        for number, values in (
            (6, (0, 1)), (12, (0, 42)), (28, (0,)), (258, (0, 2, 26, 127)), (292, (b"", b"x")),
            (252, (b"12345678", b"")), (2049, (b"",)), (2050, (b"z",)), (3, (b"host",)),
        ):
            if self.source.random() < 0.08:
                message.add(number, pick(values))
        echoes = [
            value
            for value in (decode(data).get(252) for data, to, _ in self.sent if to == peer)
            if value
        ]
        if echoes and message.get(252) is None and self.source.random() < 0.5:
            message.add(252, echoes[-1])
        self.receive(bytes(message.encode()), peer, link)

    def upload(self, peer, link):
        """The block of a body that is due, of one peer and link at a time."""
        number, type = self.uploads.get((peer, link.mtu), (0, CON))
        if number == 0:
            type = self.source.choice((CON, CON, NON))
        more = 0 if number > 3 or self.source.random() < 0.2 else 1
        self.message_id += 1
        message = Message(3, type, b"up", pattern(64), self.message_id)
        message.add(11, "a").add(27, number << 4 | more << 3 | 2)
        self.uploads[(peer, link.mtu)] = ((number + 1) * more, type)
        self.receive(bytes(message.encode()), peer, link)

    def fetch(self, peer, link):
        """A request for a block of what was served to a peer, seldom one that is not there."""
        tagged = [each for each in self.sent if each[1] == peer and each[0][1] == 0x45]
        number = 0
        if tagged:
            block2 = decode(tagged[-1][0]).get_uint(23, 0)
            number = (block2 >> 4) + 1 if block2 & 8 or self.source.random() < 0.1 else 0
        self.message_id += 1
        message = Message(1, self.source.choice((CON, NON)), b"dn", b"", self.message_id)
        self.receive(bytes(message.add(11, "a").add(23, number << 4 | 2).encode()), peer, link)

    def answer(self, peer, link):
        """Something that may fit what the endpoint has sent."""
        pick = self.source.choice
        asked = [each for each in self.sent if 0 < each[0][1] < 0x20]
        waiting = [each for each in self.sent if each[0][0] >> 4 & 3 < ACK]
        some = asked if asked and self.source.random() < 0.8 else waiting
        if not some:
            return
        data, to, over = pick(some[-3:])
        if self.source.random() < 0.9:
            peer, link = to, over
        ours = decode(data)
        kind = self.source.random()
        if kind < 0.25:
            message = Message(0, pick((ACK, RST)), b"", b"", ours.message_id)
        else:
            type = pick((ACK, ACK, ACK, CON, NON))
            message_id = ours.message_id if type == ACK else self.source.randrange(400, 500)
            code = pick((0x45, 0x45, 0x44, 0x5F, 0x81, 0x84, 0x88, 0x8D, 0x02, 0xA3))
            message = Message(code, type, ours.token, b"", message_id)
            block1, block2 = ours.get_uint(27), ours.get_uint(23)
            if block1 is not None and self.source.random() < 0.9:
                if self.source.random() < 0.2:
                    block1 = block1 & ~7 | pick((0, 2, 7))
                message.add(27, block1)
            if block2 is not None or self.source.random() < 0.4:
                number = (block2 or 0) >> 4
                szx = pick((0, 2, 6)) if block2 is None else block2 & 7
                more = pick((8, 8, 0))
                if self.source.random() < 0.1:
                    number += pick((-1, 1)) if number else 1
                message.add(23, number << 4 | more | szx)
                if self.source.random() < 0.5:
                    message.add(4, pick((b"tag", b"tag", b"tag", b"new")))
                message.payload = pattern(16 << szx)[: (16 << szx) - (0 if more else 1)]
            elif self.source.random() < 0.5:
                message.payload = b"x"
            if code == 0x81 and self.source.random() < 0.7:
                message.add(252, b"echo")
            if self.source.random() < 0.05:
                message.add(2049, b"")
        self.receive(bytes(message.encode()), peer, link)

    def ask(self, peer, link):
        """A request of ours."""
        pick = self.source.choice
        message = Message(pick((1, 2, 3, 5)), pick((CON, CON, NON))).add(11, "rd")
        if message.code != 1:
            message.payload = self.body()
        calls = []
        sink = None
        if self.source.random() < 0.4:
            sink = Sink(self.source)
            self.sinks.append(sink)

        def on_response(response, reason, now):
            assert (response is None) == (reason is not None) and reason in _ENDS
            assert not calls, "told twice"
            calls.append(reason)
            if sink:
                # The one end of a sink: told with None, its own refusal, or a whole response.
                assert response is not None or sink.over
                sink.over = True
            if response is not None:
                assert len(response.payload) <= max(2_000, link.mtu)

        self.ends.append(calls)
        self.endpoint.request(message, peer, link, self.now, on_response, sink)

    def respond(self, peer, link):
        if self.pending:
            request, peer, link = self.pending.pop()
            response = request.reply(0x45, self.body())
            self.endpoint.respond(request, response, peer, link, self.now)

    def notify(self, peer, link):
        request = Message(1, CON, b"obs").add(11, "a").add(6, 0)
        if self.source.random() < 0.3:
            request.add(23, 2)
        message = Message(0x45, self.source.choice((CON, NON)), b"obs", self.body())
        calls = []
        self.done.append(calls)
        self.endpoint.notify(
            message.add(6, self.now >> 8 & 0xFFFFFF), peer, link, self.now,
            lambda reason, now: calls.append(reason), request,
        )

    def wait(self, peer, link):
        self.now += self.source.choice((0, 100, 2_500, 60_000, 300_000))

    def cancel(self, peer, link):
        if self.source.random() < 0.2:
            self.endpoint.cancel(self.now, peer, self.source.choice((None, link)))

    def step(self):
        deadline = self.endpoint.step(self.now)
        assert deadline is None or deadline > self.now
        return deadline

    # What holds

    def check(self):
        endpoint = self.endpoint
        for link in self.links:
            for data, peer in link.sent:
                self.sent.append((data, peer, link))
                if len(data) == 4:
                    continue
                message = decode(data)
                assert message.refused == 0, "sent an option that may not be sent"
                for number in (23, 27):
                    value = message.get_uint(number)
                    assert value is None or value & 7 != 7
                if message.type in (CON, NON):
                    key = (peer, link.mtu, message.message_id)
                    first, at = self.message_ids.setdefault(key, (data, self.now))
                    lifetime = link.transmission.exchange_lifetime_ms
                    assert first == data or self.now - at >= lifetime, "a message ID used twice"
            link.sent = []
        self.sent = self.sent[-20:]
        assert set(endpoint.dropped) <= _REASONS, endpoint.dropped
        self.checks += 1
        if self.checks & 15 == 0:
            assert held(endpoint) <= _KEPT_MOST, held(endpoint)

    def finish(self):
        """Let all time pass; nothing may be stuck."""
        for _ in range(2_000):
            deadline = self.step()
            self.check()
            if deadline is None:
                break
            self.now = deadline
        assert self.endpoint.step(self.now) is None and not self.endpoint.busy()
        assert all(len(calls) == 1 for calls in self.ends), self.ends
        for calls in self.done:
            assert calls in ([None], ["reset"], ["timeout"], ["cancelled"], [None, "reset"]), calls
        self.now += _DAY_MS
        self.step()
        assert all(sink.over for sink in self.sinks)
        assert held(self.endpoint) <= _KEPT_MOST


def held(thing, seen=None) -> int:
    """Return how many objects a thing of this firmware holds, whatever their names are."""
    seen = set() if seen is None else seen
    if id(thing) in seen or callable(thing) and not hasattr(thing, "_endpoint"):
        return 0
    seen.add(id(thing))
    if isinstance(thing, (Trial, Link, random.Random, Body, Sink, Transmission)):
        return 0
    count = 1
    if isinstance(thing, (bytes, bytearray)):
        assert len(thing) <= _KEPT_OCTETS
        return 1
    if isinstance(thing, memoryview):
        return 1
    if isinstance(thing, dict):
        parts = list(thing.keys()) + list(thing.values())
    elif isinstance(thing, (list, tuple, set)):
        parts = list(thing)
    else:
        parts = list(getattr(thing, "__dict__", {}).values())
    return count + sum(held(part, seen) for part in parts)


_EVENTS = (
    *(Trial.request,) * 4, *(Trial.upload,) * 4, *(Trial.fetch,) * 2,
    *(Trial.answer,) * 12, *(Trial.ask,) * 2, Trial.respond,
    Trial.notify, Trial.wait, Trial.cancel,
)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(
    st.lists(
        st.tuples(
            st.one_of(datagrams, st.sampled_from(_EVENTS), st.sampled_from(_EVENTS)),
            st.integers(0, 2), st.integers(0, 1),
        ),
        max_size=80,
    ),
    st.integers(0, 1 << 30),
    st.sampled_from((0, 0, 3)),
)
def test_endpoint_takes_anything(events, seed, amplification):
    """RFC 7252 §4: no datagram raises, each Confirmable one is answered once, what is kept is
    bounded, every request and every sink has one end, and nothing is stuck."""
    play(events, seed, amplification)


def play(events, seed, amplification):
    trial = Trial(seed, amplification)
    for event, peer, link in events:
        peer = ("192.0.2.%d" % peer, 5683)
        link = trial.links[link]
        if isinstance(event, bytes):
            trial.bytes(event, peer, link)
        else:
            event(trial, peer, link)
        trial.check()
        if trial.source.random() < 0.5:
            trial.step()
            trial.check()
    trial.finish()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.integers(0, 1 << 30), st.sampled_from((0, 3)))
def test_endpoint_takes_much(seed, amplification):
    """RFC 7252 §4: the same over some hundred events, in which every table fills."""
    source = random.Random(seed)
    play(
        [(source.choice(_EVENTS), source.randrange(3), source.randrange(2)) for _ in range(400)],
        seed,
        amplification,
    )


class Air:
    """A way between two endpoints that loses, doubles and delays, from a seed."""

    def __init__(self, source, mtu, loss, disorder):
        self.source = source
        self.loss = loss
        self.disorder = disorder
        self.flying = []  # (time, count, receiver's link, datagram)
        self.count = 0
        self.now = 0
        self.sides = []
        for at in (0, 1):
            link = Link(mtu[at])
            link.send = self.sender(at)
            self.sides.append(link)

    def sender(self, at):
        def send(data, peer):
            copies = 1
            if self.source.random() < self.loss:
                copies = 0
            elif self.source.random() < self.disorder:
                copies = 2
            for _ in range(copies):
                delay = 50
                if self.source.random() < self.disorder:
                    delay = self.source.randrange(50, 6_000)
                self.count += 1
                self.flying.append((self.now + delay, self.count, 1 - at, bytes(data)))
        return send

    def run(self, endpoints, until_ms, meanwhile):
        """Carry datagrams and step both endpoints until nothing is left to do."""
        while self.now < until_ms:
            meanwhile(self.now)
            deadlines = [endpoint.step(self.now) for endpoint in endpoints]
            times = [deadline for deadline in deadlines if deadline is not None]
            times += [flight[0] for flight in self.flying]
            if not times:
                return
            self.now = max(self.now, min(times))
            self.flying.sort(key=lambda flight: flight[:2])
            while self.flying and self.flying[0][0] <= self.now:
                _, _, to, data = self.flying.pop(0)
                endpoints[to].receive(data, "peer", self.sides[to], self.now)
        raise AssertionError("no end")


@settings(derandomize=True, deadline=None, max_examples=500)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from((0.0, 0.0, 0.1, 0.3)),
    st.sampled_from((0.0, 0.0, 0.2)),
    st.tuples(st.sampled_from((60, 140, 576, 1152)), st.sampled_from((60, 140, 576, 1152))),
    st.tuples(st.integers(0, 2_500), st.integers(0, 2_500)),
    st.sampled_from((CON, CON, NON)),
    st.integers(0, 31),
)
def test_bodies_over_a_bad_link(seed, loss, disorder, mtu, sizes, type, flags):
    """RFC 7959: over a link that loses, doubles and reorders, a body arrives whole and unchanged
    or the transfer is known to have failed; over a good one it arrives."""
    source = random.Random(seed)
    air = Air(source, mtu, loss, disorder)
    question, reply = pattern(sizes[0]), pattern(sizes[1], 99)
    taken = []

    def handle(request, peer, link, now):
        payload = request.payload
        taken.append(payload.content if isinstance(payload, Sink) else bytes(payload))
        if isinstance(payload, Sink):
            payload.over = True
        response = request.reply(0x45, Body(reply, bool(flags & 8)) if flags & 1 else reply)
        if flags & 16:
            later.append((request, response, link))
            return LATER
        return response

    def on_body(request, peer, link, now):
        if not flags & 2:
            return True
        sinks.append(Sink(never))
        return sinks[-1]

    never = random.Random(0)
    never.random = lambda: 1.0
    sinks = []
    later = []
    server = Endpoint(handle, source.getrandbits, None, on_body)
    client = Endpoint(None, source.getrandbits)
    outcomes = []
    sink = Sink(never) if flags & 4 else None
    message = Message(3, type, b"", Body(question, bool(flags & 8)) if flags & 1 else question)
    client.request(
        message.add(11, "a"), "peer", air.sides[0], 0, lambda *ends: outcomes.append(ends), sink
    )

    def respond(now):
        if later:
            request, response, link = later.pop()
            server.respond(request, response, "peer", link, now)

    air.run((client, server), 40_000_000, respond)
    assert not client.busy() and not server.busy()
    (response, reason, _), = outcomes
    for whole in taken:
        assert whole == question
    if response is not None and response.code == 0x45:
        assert taken
        assert (sink.content if sink else bytes(response.payload)) == reply
    elif not loss and not disorder:
        raise AssertionError((reason, response and hex(response.code)))
    if not loss and not disorder:
        assert len(taken) == 1
    if type == CON and reason is None and response.code == 0x45 and not disorder:
        assert len(taken) == 1 or loss


def test_the_events_can_be_read():
    """What the trials send is well-formed, but for what is meant to be bad."""
    trial = Trial(1, 0)
    for event in _EVENTS * 10:
        event(trial, ("192.0.2.1", 5683), trial.links[0])
        for data, _ in trial.links[0].sent:
            decode(data)
        trial.check()
    trial.finish()
    try:
        decode(b"")
    except FormatError:
        pass
