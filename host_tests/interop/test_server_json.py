"""JSON between the embedded server and the firmware: on a simulated board, codec by codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
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


@given(value=_OBJECT, number=st.sampled_from([110, 11543]))
def test_codecs_agree(value, number):
    """TS 1.1 Core §7.4.4, TS 1.0 §6.4.4: the device reads what the server writes, and back."""
    base = (1000, 0)
    payload = formats.encode(number, base, value, lambda path: _TYPES[path[2] % 10])
    read = list(load(number).decode(payload, base, lambda path: path[2] % 10))
    assert [path for path, _ in read] == list(formats.flatten(value, base))
    entries = [(path, path[2] % 10, scalar) for path, scalar in read]
    payload = b"".join(load(number).encode(entries, base))
    found = formats.decode(number, payload, base, lambda path: _TYPES[path[2] % 10])
    if 4 in found:
        found[4] = float(found[4])  # a whole number is one in JSON, whatever its type
    assert found == value


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
