"""The embedded server's TLV and LwM2M JSON against the npm package lwm2m-codec; see
test_codecs_npm.py for what that cannot do."""

import pytest
from hypothesis import assume, given

from host_tests.interop.test_codecs_npm import (
    _FORMATS,
    _INTEGER,
    _SETTINGS,
    _as_it_says,
    _entries,
    _instances,
    _is_within_its_reach,
    codec,
)
from tools.server import formats
from tools.server.model import Model

assert codec  # the fixture
_TYPE_OF = Model().type_of


def _as_floats(value):
    """Whole numbers as floats, as JSON does not tell them apart."""
    if isinstance(value, dict):
        return {key: _as_floats(inner) for key, inner in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("form", sorted(_FORMATS))
@_SETTINGS
@given(drawn=_instances())
def test_the_server_reads_what_it_writes(codec, form, drawn):
    """TS 1.0 §6.4.3, §6.4.4: a payload of the package for an Object Instance means the values."""
    oid, instances = drawn
    assume(form == "json" or _is_within_its_reach(_entries(oid, instances)))
    payload = codec.encode(form, f"/{oid}/0", instances[0])
    if form == "json":
        payload = payload.replace(b'/0","e"', b'/0/","e"', 1)
    found = formats.decode(_FORMATS[form], payload, (oid, 0), _TYPE_OF)
    assert _as_floats(found) == _as_floats(instances[0])


@_SETTINGS
@given(drawn=_instances(several=True))
def test_it_reads_the_tlv_of_the_server(codec, drawn):
    """TS 1.0 §6.4.3: the package reads from the server's TLV the values that went in."""
    oid, instances = drawn
    expected = {
        str(iid): {
            str(rid): {str(riid): _as_it_says(_INTEGER, one, True) for riid, one in value.items()}
            if isinstance(value, dict)
            else value
            for rid, value in resources.items()
        }
        for iid, resources in instances.items()
    }
    payload = formats.encode(11542, (oid,), instances, _TYPE_OF)
    assert codec.decode("tlv", f"/{oid}", payload) == expected
