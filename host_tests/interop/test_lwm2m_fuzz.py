"""Paths, attributes, arguments and payloads of a careless or hostile server, through Operations.

Whatever comes is answered with a code that the operation has, and what is not answered with
success has changed nothing. The codecs alone are in test_codecs.py.
"""

import copy

import pytest
from coap.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from lwm2m.codec import load
from lwm2m.object import OperationError
from lwm2m.uri import parse_arguments, parse_path

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
