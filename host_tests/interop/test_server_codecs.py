"""Content formats between the embedded server and the firmware, codec by codec and on a board."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lwm2m import composite
from lwm2m.codec import load

from host_tests.interop.test_server_board import OPAQUE, TEXT, play
from tools.server import formats

_TYPES = "none string integer unsigned float boolean opaque time objlnk corelnk".split()
_OBJECT = st.fixed_dictionaries(
    {},
    optional={
        1: st.text(max_size=20),
        2: st.integers(-(2**63), 2**63 - 1),
        3: st.integers(0, 2**64 - 1),
        4: st.floats(allow_nan=False, allow_infinity=False),
        5: st.booleans(),
        6: st.binary(max_size=40),
        8: st.sampled_from(["3:0", "65535:65535"]),
        12: st.dictionaries(
            st.integers(0, 65535), st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3
        ),
    },
)


_STRUCTURED = [110, 112, 320, 322, 11542, 11543, 11544]
_TIMED = st.lists(
    st.tuples(st.integers(1 << 28, 1 << 33), st.floats(allow_nan=False, allow_infinity=False)),
    min_size=1,
    max_size=6,
    unique_by=lambda pair: pair[0],
)


def _type_of(path):
    return _TYPES[path[2] % 10]


def _kind_of(path):
    return path[2] % 10


@given(value=_OBJECT, number=st.sampled_from(_STRUCTURED))
def test_codecs_agree(value, number):
    """TS 1.2 Core §7.4, TS 1.0 §6.4: the device reads what the server writes, and back."""
    base = (1000, 0)
    payload = formats.encode(number, base, value, _type_of)
    read = list(load(number).decode(payload, base, _kind_of))
    assert sorted(path for path, _ in read) == sorted(formats.flatten(value, base))
    entries = [(path, path[2] % 10, scalar) for path, scalar in read]
    payload = b"".join(load(number).encode(entries, base))
    found = formats.decode(number, payload, base, _type_of)
    if 4 in found:
        found[4] = float(found[4])  # a whole number is one in JSON, whatever its type
    assert found == value


@given(value=_OBJECT, number=st.sampled_from([0, 60]))
def test_codecs_of_one_value_agree(value, number):
    """TS 1.1 Core §7.4.1, §7.4.3: text and CBOR of one resource, both ways."""
    for path, scalar in formats.flatten(value, (1000, 0)).items():
        payload = formats.encode(number, path, scalar, _type_of)
        read = list(load(number).decode(payload, path, _kind_of))
        payload = b"".join(load(number).encode([(path, _kind_of(path), read[0][1])], path))
        found = formats.decode(number, payload, path, _type_of)
        # Text has 14 digits, which leave out the noise of binary fractions.
        assert found == (pytest.approx(scalar, rel=1e-13) if path[2] == 4 else scalar)


@given(timed=_TIMED, number=st.sampled_from([110, 112]))
def test_times_agree(timed, number):
    """RFC 8428 §4.5.3: the times that the device writes are those that the server reads."""
    path = (3303, 0, 5700)
    entries = [(path, 4, value, seconds) for seconds, value in timed]
    payload = b"".join(load(number).encode(entries, path))
    found = formats.records(number, payload, path, _type_of)
    assert [(record.time, record.value) for record in found] == timed


_PATHS = st.sets(
    st.lists(st.integers(0, 65535), min_size=1, max_size=4).map(tuple), min_size=1, max_size=5
)


@given(paths=_PATHS, number=st.sampled_from([110, 112, 320, 322, 11544]))
def test_paths_agree(paths, number):
    """TS 1.1 Core §6.3.8: the device reads the paths of a composite operation."""
    apart = sorted(path for path in paths if not _within(path, paths))
    assume(number != 11544 or len(apart) == len(paths))
    payload = formats.encode_paths(number, tuple(sorted(paths)))
    found = list(composite.paths(payload, number))
    assert [path for path in found if not _within(path, paths)] == apart


def _within(path, paths):
    return any(path[:length] in paths for length in range(1, len(path)))


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_senml_json_with_a_board(tmp_path, runtime):
    """TS 1.1 Core §7.4.4, ETS int-233, int-234: read, written and reported in SenML JSON."""

    async def scenario(server, log, bench):
        result = await server.read("b1", "/32000/0/0", accept=110)
        assert (result.code, result.value, result.content_format) == ("2.05", TEXT, 110)
        value = {0: 'q"\\\n\u00e9', 1: OPAQUE[:500]}
        result = await server.write("b1", "/32000/0", value, content_format=110)
        assert result.code == "2.04", result.error
        result = await server.read("b1", "/32000/0", accept=110)
        assert (result.code, result.value) == ("2.05", value)
        observing = await server.observe("b1", "/1/0/1", accept=110)
        assert observing.observing and observing.content_format == 110
        refused = await server.write("b1", "/32000/0", {0: "x", 9: 1}, content_format=110)
        assert refused.code == "4.04"
        assert (await server.read("b1", "/32000/0", accept=110)).value == value
        refused = await server.write("b1", "/1/0", {1: "x"}, content_format=110)
        assert refused.code == "4.00"

    play(scenario, tmp_path, runtime, seed=1)
