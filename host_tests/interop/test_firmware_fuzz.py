"""Firmware Update and the URIs of packages under whatever comes, by hypothesis."""

from coap.message import ACK, Message
from hypothesis import given, settings
from hypothesis import strategies as st
from lwm2m.objects.firmware import FirmwareUpdate12
from lwm2m.pull import locate
from unit.lwm2m.helpers import Bench
from unit.lwm2m.package_sink import Sink

IDLE, DOWNLOADING, DOWNLOADED, UPDATING = range(4)
GET, POST, PUT = 1, 2, 3
PACKAGE = bytes(n & 255 for n in range(2200))
PEER = ("files.example", 5683)


@given(
    st.one_of(
        st.text(max_size=300),
        st.from_regex(r"coap://[^/?#]{0,20}(:[0-9]{0,6})?(/[^#]{0,40})?(#.*)?", fullmatch=True),
    )
)
def test_any_uri(uri):
    """TS 1.0 E.6: a URI is one, or it is result 7 or 9."""
    where = locate(uri)
    if isinstance(where, tuple):
        host, port, segments, queries = where
        assert host and 0 < port < 65536
        for part in segments + queries:
            assert len(part.encode()) <= 255
    else:
        assert where in (7, 9)
        assert where == 7 or "://" in uri


class World:
    """A client, a server and a peer with packages; each method is a step, named as in _STEPS."""

    def __init__(self, sink):
        self.sink = sink
        self.bench = Bench()
        self.firmware = self.bench.tree.add(FirmwareUpdate12(self.bench.client, sink))
        self.bench.register()
        self.pulls = []  # the GETs that nobody has answered

    def ask(self, *arguments, **options):
        """Send a request of the server's; return the code of the answer."""
        sent = self.bench.request(*arguments, **options)
        self.pulls += [message for message in sent if message.peer == PEER]
        (answer,) = [message for message in sent if message.type == ACK and message.code]
        return answer.code

    def push(self, first, last, told):
        """Write some of the blocks of a package."""
        for number in range(first, last + 1):
            options = [(27, number << 4 | (8 if number < 4 else 0) | 5)]
            if told:
                options.append((60, len(PACKAGE)))
            chunk = PACKAGE[number * 512 : number * 512 + 512]
            if self.ask(PUT, "/5/0/0", chunk, 42, options=options) != 0x5F:
                return

    def whole(self, package):
        before = self.firmware.read(3)
        empty = package in (b"", b"\0")
        code = self.ask(PUT, "/5/0/0", package, 42)
        assert (code == 0x44) == (before != UPDATING if empty else before == IDLE)

    def uri(self, uri):
        before = self.firmware.read(3)
        code = self.ask(PUT, "/5/0/1", uri.encode(), 0)
        assert (code == 0x44) == (before == IDLE if uri else before != UPDATING)

    def execute(self, rid):
        before = self.firmware.read(3)
        allowed = (DOWNLOADED,) if rid == 2 else (DOWNLOADING, DOWNLOADED)
        assert (self.ask(POST, "/5/0/%d" % rid) == 0x44) == (before in allowed)

    def serve(self, etag, most):
        """Answer GETs of a pull with blocks of the package."""
        while self.pulls and most:
            most -= 1
            request = self.pulls.pop()
            block = request.get_uint(23, 5)
            offset = (block >> 4) * (16 << (block & 7))
            chunk = PACKAGE[offset : offset + (16 << (block & 7))]
            reply = self.reply(request, 0x45 if chunk else 0x80, chunk)
            if chunk:
                reply.add(4, etag)
                more = 8 if offset + len(chunk) < len(PACKAGE) else 0
                reply.add(23, block >> 4 << 4 | more | block & 7)
            self.deliver(reply)

    def fail(self, code):
        """Answer a GET of a pull with an error."""
        if self.pulls:
            self.deliver(self.reply(self.pulls.pop(), code, b""))

    def wait(self, ms):
        self.bench.run_for(ms)
        for message in self.sent():
            if message.path()[:1] == ["rd"]:
                self.bench.answer(message, 0x44)
        self.sent()

    def applies(self, result):
        self.sink.applies = result

    def room(self, limit):
        self.sink.limit = limit

    def restart(self, outcome):
        """Cut the power."""
        sink = Sink(self.sink.disk, self.sink.limit, PACKAGE)
        sink.applies, sink.turned_out = self.sink.applies, outcome
        self.__init__(sink)

    def reply(self, request, code, payload):
        return Message(code, ACK, request.token, payload, request.message_id)

    def deliver(self, reply):
        self.bench.deliver(reply, sender=PEER)
        self.sent()

    def sent(self):
        sent = self.bench.sent()
        self.pulls += [message for message in sent if message.peer == PEER]
        return sent

    def check(self):
        """State and Update Result belong together, and what is there belongs to them."""
        state, result = self.firmware.read(3), self.firmware.read(5)
        package = self.sink.disk["package"]
        assert IDLE <= state <= UPDATING
        if state == IDLE:
            assert result in range(11)
            assert package == b""
            assert self.bench.client.guests == ()
        elif state == DOWNLOADED:
            assert result in (0, 8, 11)
            assert package == PACKAGE
        else:
            assert result == 0
        return state, result


_BLOCKS = st.integers(0, 4)
_ETAGS = st.sampled_from([b"a", b"a", b"b"])
_STEPS = st.one_of(
    st.tuples(st.just("push"), _BLOCKS, _BLOCKS, st.booleans()),
    st.tuples(st.just("push"), st.just(0), st.just(4), st.booleans()),
    st.tuples(st.just("whole"), st.sampled_from([PACKAGE[:700], b"ELF!", b"\0", b""])),
    st.tuples(st.just("uri"), st.sampled_from(["coap://files.example/fw", "coap://"])),
    st.tuples(st.just("uri"), st.sampled_from(["coap://files.example/fw", "x://y", ""])),
    st.tuples(st.just("serve"), _ETAGS, st.sampled_from([1, 3, 99])),
    st.tuples(st.just("fail"), st.sampled_from([0x84, 0xA3, 0xA0])),
    st.tuples(st.just("execute"), st.sampled_from([2, 2, 10])),
    st.tuples(st.just("wait"), st.sampled_from([500, 2_000, 400_000])),
    st.tuples(st.just("applies"), st.sampled_from([None, 1, 8, 11, 5])),
    st.tuples(st.just("room"), st.sampled_from([1_000, 100_000])),
    st.tuples(st.just("restart"), st.sampled_from([None, 1, 8])),
)
_UPDATES = st.sampled_from([None, 1, 8, 11, 5]).map(
    lambda result: [
        ("uri", ""),
        ("applies", result),
        ("push", 0, 4, True),
        ("execute", 2),
        ("wait", 2_000),
    ]
)
_SEQUENCES = st.lists(st.one_of(_STEPS.map(lambda step: [step]), _UPDATES), max_size=20).map(
    lambda groups: [step for group in groups for step in group]
)
_reached = set()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_SEQUENCES)
def test_any_sequence(steps):
    """TS 1.0 E.6: whatever servers, peers and the power do, State and Result belong together."""
    world = World(Sink(good=PACKAGE))
    for name, *arguments in steps:
        getattr(world, name)(*arguments)
        _reached.add(world.check())


def test_the_sequences_went_far():
    """Every state, and the results that these steps can bring about, were there."""
    assert {state for state, _ in _reached} == {IDLE, DOWNLOADING, DOWNLOADED, UPDATING}
    assert {result for _, result in _reached} >= {0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11}
