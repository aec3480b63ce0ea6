"""Paths, attributes, arguments and payloads of a careless or hostile server, through Operations.

Whatever comes is answered with a code that the operation has, and what is not answered with
success has changed nothing. The codecs alone are in test_codecs.py.
"""

import copy

import cbor2
import pytest
from coap.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from lwm2m.codec import load
from lwm2m.object import OperationError
from lwm2m.uri import parse_arguments, parse_path

from host_tests.unit.lwm2m.helpers import Bench
from host_tests.unit.lwm2m_model import helpers

_METHODS = (1, 2, 3, 4, 5, 6, 7)
_FORMATS = (None, 0, 40, 42, 50, 60, 110, 112, 320, 322, 1542, 1543, 11542, 11543, 11544, 65535)
_VERSIONS = ("draft", "1.0", "1.1", "1.2")
_CODES = {201, 202, 204, 205, 400, 401, 404, 405, 406, 413, 415, 500}
_NUMBERS = st.sampled_from([0, 1, 2, 3, 5, 9, 10, 11, 12, 21, 256, 300, 30000, 65535])
_PATHS = (
    st.lists(_NUMBERS, max_size=4).map(tuple)
    | st.tuples(st.just(30000), st.just(0), _NUMBERS)
    | st.tuples(st.just(30000), st.just(0), st.just(256), _NUMBERS)
    | st.sampled_from([(), (30000,), (30000, 0), (1, 0), (3, 0), (0, 0)])
)
_SETTINGS = settings(max_examples=500, deadline=None)


def _state(fixture):
    """All that a request may change: the instances with their values, the attributes."""
    tree = fixture.tree
    values = {
        (oid, iid): copy.deepcopy(tree.get(oid, iid).values)
        for oid in tree.objects()
        for iid in tree.instances(oid)
    }
    return values, copy.deepcopy(fixture.operations.attributes.freeze()), fixture.thing.executed[:]


def _request(fixture, method, path, payload=b"", content_format=None, accept=None, queries=()):
    request = Message(method, token=b"\x01", payload=payload, message_id=1)
    for query in queries:
        request.add(15, query)
    if content_format is not None:
        request.add(12, content_format)
    if accept is not None:
        request.add(17, accept)
    return fixture.operations.handle(request, path, fixture.account)


def _check(name, method, path, **parts):
    fixture = helpers.Fixture(name)
    before = _state(fixture)
    code = helpers.code(_request(fixture, method, path, **parts))
    assert code in _CODES, code
    if code >= 300 or method in (1, 5):
        assert _state(fixture) == before
    return code, fixture


def _of_the_right_type(fixture):
    """Every value that a request left has its resource's type."""
    thing = fixture.thing
    payload = b"".join(load(112).encode(fixture.tree.entries((30000, 0)), (30000, 0)))
    found = dict(load(112).decode(payload, (30000, 0), lambda path: thing.definition(path[2])[1]))
    for path, value in found.items():
        kept = thing.values[path[2]]
        kept = kept[path[3]] if len(path) > 3 else kept
        assert value == kept or value != value


@_SETTINGS
@given(
    name=st.sampled_from(_VERSIONS),
    method=st.sampled_from(_METHODS),
    path=_PATHS,
    payload=st.binary(max_size=40),
    content_format=st.sampled_from(_FORMATS),
    accept=st.none() | st.sampled_from(_FORMATS),
)
def test_arbitrary_requests(name, method, path, payload, content_format, accept):
    """TS 1.1 Core §6.3: any method, path, format and payload is answered, or changes nothing."""
    _, fixture = _check(
        name, method, path, payload=payload, content_format=content_format, accept=accept
    )
    if fixture.tree.get(30000, 0):
        _of_the_right_type(fixture)


@_SETTINGS
@given(
    number=st.sampled_from([110, 112, 11542]),
    method=st.sampled_from([2, 3]),
    path=st.sampled_from([(30000,), (30000, 0), (30000, 0, 1), (30000, 0, 256)]),
    position=st.integers(0, 10_000),
    change=st.integers(1, 255) | st.none(),
)
def test_damaged_writes(number, method, path, position, change):
    """TS 1.1 Core §6.3.3: a payload with one byte changed, or cut, is written whole or not."""
    source = helpers.Fixture("1.1")
    entries = [
        entry
        for entry in source.tree.entries((30000, 0))
        if entry[0][: len(path)] == path and entry[0][2] != 11
    ]
    payload = bytearray(b"".join(load(number).encode(entries, path)))
    position %= len(payload)
    if change is None:
        del payload[position:]
    else:
        payload[position] ^= change
    code, fixture = _check("1.1", method, path, payload=bytes(payload), content_format=number)
    assert code in (201, 204, 400, 404, 405), code
    _of_the_right_type(fixture)


@_SETTINGS
@given(
    number=st.sampled_from([110, 112, 320, 322, 11544]),
    position=st.integers(0, 10_000),
    change=st.integers(1, 255) | st.none(),
)
def test_damaged_composite_writes(number, position, change):
    """TS 1.1 Core §6.3.9: over two Objects a Write-Composite is whole or not, damaged or not."""
    entries = [((30000, 0, 1), 2, 77), ((30000, 0, 256, 0), 2, -7), ((1, 0, 1), 2, 600)]
    entries.append(((30000, 0, 3), 4, 1.5))
    payload = bytearray(b"".join(load(number).encode(entries, ())))
    position %= len(payload)
    if change is None:
        del payload[position:]
    else:
        payload[position] ^= change
    code, fixture = _check("1.2", 7, (), payload=bytes(payload), content_format=number)
    assert code in (204, 400, 401, 404, 405), code
    _of_the_right_type(fixture)


@_SETTINGS
@given(
    number=st.sampled_from([110, 112, 320, 322, 11544]),
    payload=st.binary(max_size=40),
    names=st.lists(
        st.sampled_from(["/", "/3", "/3/0", "/0", "/21/0", "/30000/0/256/0", "/9", "/3/0/0/0"])
        | st.text(max_size=8),
        max_size=4,
    ),
    accept=st.none() | st.sampled_from(_FORMATS),
)
def test_arbitrary_composite_reads(number, payload, names, accept):
    """TS 1.1 Core §6.3.8: names that are none are 4.00, those of nothing are left out."""
    if names:
        payload = cbor2.dumps([{0: name} for name in names])
        number = 112
    code, _ = _check("1.2", 5, (), payload=payload, content_format=number, accept=accept)
    assert code in (205, 400, 406), code


@settings(max_examples=300, deadline=None)
@given(
    version=st.sampled_from(["1.0", "1.1", "1.2"]),
    requests=st.lists(
        st.tuples(
            st.sampled_from([1, 1, 2, 3, 4, 5, 7]),
            st.sampled_from(["3303/0/5700", "3303/0", "3303", "3/0", "1/0/1", "1/0", "", "4/0"])
            | st.text(alphabet="0135/", max_size=8),
            st.binary(max_size=12),
            st.sampled_from(_FORMATS),
            st.sampled_from([None, 0, 1, 2]),
            st.lists(st.sampled_from("pmin=1 pmax=5 gt=3 st=0 con=1 x".split()), max_size=3),
        ),
        max_size=5,
    ),
    position=st.integers(0, 200),
    change=st.integers(0, 255),
)
def test_a_client_lives_on(version, requests, position, change):
    """Design §6: whatever datagrams a server sends, the client answers the next good one."""
    bench = Bench(version)
    bench.client.start(bench.now)
    bench.step()
    bench.answer(bench.sent()[-1], 0x41, b"", [(8, "rd"), (8, "1")])
    for method, path, payload, form, observe, queries in requests:
        bench.message_id += 1
        request = Message(method, 0, b"\x01\x02", payload, bench.message_id)
        for segment in path.split("/"):
            request.add(11, segment)
        for query in queries:
            request.add(15, query)
        if form is not None:
            request.add(12, form)
        if observe is not None:
            request.add(6, observe)
        datagram = bytearray(request.encode())
        bench.deliver(bytes(datagram))
        if len(datagram) > 4:
            datagram[3] ^= 0x80
            datagram[4 + position % (len(datagram) - 4)] ^= change
            bench.deliver(bytes(datagram))
        bench.temperature.set(5700, 20 + position / 8)
        bench.run_for(20_000)
    bench.sent()
    if bench.client.accounts[0].reachable:
        bench.message_id += 300
        answers = [each.code for each in bench.request(1, "3303/0/5700", token=b"last")]
        assert 0x45 in answers, answers


_WORDS = "pmin pmax gt lt st epmin epmax edge con hqmax dim ver ssid x".split()
_VALUES = st.sampled_from(
    ["", "=", "=0", "=1", "=60", "=-1", "=1.5", "=1e3", "=99999999999999999999", "=nan", "=inf"]
    + ["=x", "==", "=0x10", "=1_0", "= 1", "=1 ", "=+1", "=.", "=-", "=1.", "=9" + "9" * 400]
)
_QUERIES = st.lists(
    st.builds(str.__add__, st.sampled_from(_WORDS), _VALUES) | st.text(max_size=12),
    min_size=1,
    max_size=6,
)


@_SETTINGS
@given(name=st.sampled_from(_VERSIONS), path=_PATHS, queries=_QUERIES)
def test_arbitrary_attributes(name, path, queries):
    """TS 1.0 §5.1.2, §5.4.4: a bad attribute is 4.00 and none of the others is taken either."""
    code, fixture = _check(name, 3, path, queries=queries)
    if code == 204:
        known = {query.partition("=")[0] for query in queries}
        assert known <= set(_WORDS[:10])
        # What was taken can be told, and be kept over a deep sleep.
        discovered = _request(fixture, 1, path[:3], accept=40)
        assert helpers.code(discovered) in (205, 400, 404)


@_SETTINGS
@given(name=st.sampled_from(_VERSIONS), path=_PATHS, queries=_QUERIES)
def test_arbitrary_queries_of_a_read(name, path, queries):
    """TS 1.2 Core §6.4: queries of a GET, known or not, do not harm."""
    for accept in (None, 40, 11542):
        _check(name, 1, path, queries=queries, accept=accept)


_SEGMENTS = st.lists(
    st.sampled_from(["", "0", "1", "3", "00", "007", "65535", "65536", "99999", "-1", "+1", "1.0"])
    | st.sampled_from(["٣", "1e3", "a", " 1", "1 ", "/", "..", "²", "1" * 300, "_"])
    | st.text(max_size=5)
    | st.integers(0, 65535).map(str),
    max_size=6,
)


@_SETTINGS
@given(_SEGMENTS)
def test_arbitrary_paths(segments):
    """TS 1.1 Core §7.3: a path is at most four numbers of 16 bits; anything else is refused."""
    try:
        path = parse_path(segments)
    except OperationError as error:
        assert error.code in (0x80, 0x84)
        assert len(segments) > 4 or any(
            not (each.isascii() and each.isdigit() and len(each) <= 5 and int(each) < 65536)
            for each in segments
        )
    else:
        assert path == tuple(map(int, segments)) and len(path) <= 4


@_SETTINGS
@given(_SEGMENTS)
def test_paths_as_the_message_reads_them(segments):
    """RFC 7252 §6.4: the path of ids that a message gives is that of its segments, or none."""
    request = Message(1, token=b"", message_id=1)
    try:
        for segment in segments:
            request.add(11, segment)
    except (ValueError, TypeError):
        return
    ids = request.ids()
    try:
        assert ids is None or ids == parse_path(segments)
    except OperationError:
        raise AssertionError(f"{segments} is {ids}") from None


@_SETTINGS
@given(
    st.lists(
        st.sampled_from(list("0123456789=,' \"\\") + ["0='a'", "1,2", "9='http://a/b?c'"]),
        max_size=10,
    ).map("".join)
    | st.binary(max_size=12).map(lambda data: data.decode("latin-1"))
)
def test_arbitrary_arguments(text):
    """TS 1.0 §5.4.5: arguments are of the grammar, or the Execute is 4.00 and not carried out."""
    payload = text.encode("latin-1")
    code, fixture = _check("1.1", 2, (30000, 0, 10), payload=payload)
    assert code in (204, 400)
    assert len(fixture.thing.executed) == (code == 204)
    if code == 204:
        again = ",".join(
            f"{digit}='{value}'" if value is not None else str(digit)
            for digit, value in parse_arguments(payload)
        )
        assert again.encode() == payload


@pytest.mark.parametrize("name", _VERSIONS)
@pytest.mark.parametrize("method", _METHODS)
def test_every_path_has_an_answer(name, method):
    """TS 1.1 Core §6.3: all paths over the ids in use, without a payload."""
    ids = (0, 1, 3, 256, 30000, 65535)
    paths = [()]
    for path in paths:
        if len(path) < 4:
            paths.extend([(*path, each) for each in ids if path or each in (0, 1, 3, 30000)])
    for path in paths:
        _check(name, method, path)
