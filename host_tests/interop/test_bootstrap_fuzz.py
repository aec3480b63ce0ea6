"""Whatever a bootstrap server sends: an answer, and what it refuses has changed nothing."""

from coap.message import CON, Message
from hypothesis import given, settings
from hypothesis import strategies as st
from lwm2m import versions
from lwm2m.bootstrap_operations import delete, discover, read, write
from lwm2m.codec import CodecError
from lwm2m.object import OperationError
from lwm2m.provision import Configuration
from unit.lwm2m.bootstrap_bench import BootstrapBench, encoded, security, server

FORMATS = [0, 42, 60, 110, 112, 320, 322, 11542, 11543, 11544, 1542, 1543, 99, None]
WORDS = [b"/1/0/", b"/0/1", b"bn", b'{"e":[', b"\xbf", b"\xff", b"\xc8\x00", b"\x08\x00\x79"]

ids = st.one_of(st.integers(0, 4), st.sampled_from([21, 3303, 99, 65534, 65535]))
paths = st.lists(ids, max_size=4).map(tuple)
payloads = st.one_of(
    st.binary(max_size=60),
    st.lists(st.one_of(st.binary(max_size=6), st.sampled_from(WORDS)), max_size=8).map(b"".join),
)


def _valid(path):
    oid = path[0] if path else 1
    values = security() if oid == 0 else server()
    if oid > 1:
        values = {5701: (1, "K")}
    return (path + (0, 0))[:2], values


@st.composite
def mutated(draw):
    """Return (path, format, payload): a right Write with some of its bytes changed."""
    path, values = _valid(draw(st.sampled_from([(0, 1), (1, 0), (3303, 0)])))
    form = draw(st.sampled_from([112, 110, 11542, 11544]))
    payload = bytearray(encoded(path, values, form))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(payload) - 1))
        payload[at] = draw(st.integers(0, 255))
    return path, form, bytes(payload)


def _bench():
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    return bench


BENCH = _bench()


def _tried(operation):
    try:
        operation()
        return True
    except (OperationError, CodecError):
        return False


def _unchanged_or_done(path, form, payload):
    configuration = BENCH.bootstrap.configuration
    before = configuration.freeze()
    done = _tried(lambda: write(configuration, path, form, payload))
    after = configuration.freeze()
    assert done or after == before
    again = Configuration(BENCH.client, versions.get("1.1"))
    assert again.thaw(after) == (configuration.check() is None)
    if done:  # begin from the same again
        fresh = Configuration(BENCH.client, versions.get("1.1"))
        write(fresh, (0, 1), 112, encoded((0, 1), security()))
        write(fresh, (1, 0), 112, encoded((1, 0), server()))
        BENCH.bootstrap.configuration = fresh


@settings(max_examples=400, deadline=None)
@given(paths, st.sampled_from(FORMATS), payloads)
def test_any_write(path, form, payload):
    """TS 1.1 Core 6.1.7.5: a Write is carried out whole or refused whole."""
    _unchanged_or_done(path, form, payload)


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_a_write_with_bytes_that_are_wrong(case):
    """TS 1.1 Core 6.1.7.5: a Write is carried out whole or refused whole."""
    _unchanged_or_done(*case)


@settings(max_examples=200, deadline=None)
@given(paths, st.sampled_from(FORMATS))
def test_any_read_discover_and_delete(path, accept):
    """TS 1.1 Core 6.1.7: refusals have codes, and the bootstrap server's account stays."""
    configuration = Configuration(BENCH.client, versions.get("1.1"))
    _tried(lambda: read(configuration, path, accept))
    _tried(lambda: discover(configuration, path))
    _tried(lambda: delete(configuration, path))
    assert configuration.accounts[0][0][1] is True


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 31),
    st.lists(st.text(max_size=8), max_size=5),
    st.lists(st.tuples(st.sampled_from([6, 12, 15, 17, 60]), st.binary(max_size=3)), max_size=3),
    payloads,
)
def test_any_request(code, segments, options, payload):
    """RFC 7252 5.4: every request of the bootstrap server's is answered; none raises."""
    bench = BENCH
    bench.message_id = bench.message_id % 60000 + 1
    bench.now += 400_000  # no message ID is known from before
    request = Message(code or 1, CON, b"\x0b", payload, bench.message_id)
    for segment in segments:
        request.add(11, segment.encode())
    for number, value in options:
        request.add(number, value)
    bench.bootstrap.state = 3
    bench.bootstrap.due = bench.now + 247_000
    bench.deliver(request, "U", ("boot.example", 5693))
    bench.sent()
    if bench.bootstrap.configuration is None:
        globals()["BENCH"] = _bench()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 400), st.integers(0, 255))
def test_any_record(data, at, value):
    """Requirement, power cut: a record that is none, or is another's, is not taken."""
    configuration = Configuration(BENCH.client, versions.get("1.1"))
    configuration.thaw(data)
    record = bytearray(BENCH.bootstrap.configuration.freeze())
    record[at % len(record)] = value
    if configuration.thaw(bytes(record)):
        assert configuration.check() is None
