"""TLV and LwM2M JSON against the npm package lwm2m-codec.

What it cannot do is left out: integers past 32 bits and those whose width it counts wrongly (it
says so, or writes what no reader takes for the number), floats of 64 bits, object links, and
resource instances whose number is that of a resource, whose type it then takes. The base name that
it writes lacks the slash at its end, without which names do not concatenate (TS 1.0 §6.4.4).
"""

import json
import math
import os
import struct
import subprocess

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lwm2m.codec import load

from host_tests.interop import peers

_FORMATS = {"tlv": 11542, "json": 11543}
_STRING, _INTEGER, _FLOAT, _BOOLEAN, _OPAQUE, _TIME = 1, 2, 4, 5, 6, 7
# {Object: {resource: type}} of what the package knows and may read, multiple ones with minus.
_OBJECTS = {
    3: {0: _STRING, 1: _STRING, 6: -_INTEGER, 9: _INTEGER, 13: _TIME, 14: _STRING, 21: _INTEGER},
    5: {3: _INTEGER, 4: _BOOLEAN, 6: _STRING},
    6: {0: _FLOAT, 1: _FLOAT, 5: _TIME},
    3303: {5601: _FLOAT, 5700: _FLOAT, 5701: _STRING},
    3306: {5850: _BOOLEAN, 5851: _INTEGER, 5853: _STRING},
}
_TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
_VALUES = {
    _STRING: _TEXT,
    _INTEGER: st.integers(-(2**31), 2**31 - 1),
    _FLOAT: st.floats(allow_nan=False, allow_infinity=False, width=32),
    _BOOLEAN: st.booleans(),
    _TIME: st.integers(0, 2**31 - 1),
}
_SETTINGS = settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False
)


class Codec:
    """The package, running."""

    def __init__(self):
        node, folder = peers.npm_lwm2m_codec()
        driver = peers.ROOT / "host_tests/interop/codec_npm.js"
        self.process = subprocess.Popen(
            [node, str(driver)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NODE_PATH": folder},
        )

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        # A float of integral value comes without a point, past 2^53 with the digits that tell it.
        line = self.process.stdout.readline()
        return json.loads(line, parse_int=lambda digits: (float, int)[len(digits) < 16](digits))

    def encode(self, form, path, value):
        """Return its payload, None where it refuses."""
        said = self.ask(encode=form, path=path, value=value)
        return bytes.fromhex(said["payload"]) if "payload" in said else None

    def decode(self, form, path, payload):
        said = self.ask(decode=form, path=path, payload=payload.hex())
        assert "value" in said, said
        return said["value"]


@pytest.fixture(scope="module")
def codec():
    running = Codec()
    yield running
    running.process.stdin.close()
    running.process.wait(10)


@st.composite
def _instances(draw, several=False):
    """(Object, {instance: {resource: value or {resource instance: value}}})."""
    oid = draw(st.sampled_from(sorted(_OBJECTS)))
    table = _OBJECTS[oid]
    iids = draw(st.sets(st.integers(0, 65534), min_size=1, max_size=3)) if several else [0]
    found = {}
    for iid in sorted(iids):
        found[iid] = {}
        for rid in sorted(draw(st.sets(st.sampled_from(sorted(table)), min_size=1))):
            kind = table[rid]
            value = _VALUES[abs(kind)]
            if kind < 0:
                # Numbers that no resource of the Object has.
                value = st.dictionaries(st.integers(1000, 65535), value, min_size=1, max_size=3)
            found[iid][rid] = draw(value)
    return oid, found


def _entries(oid, instances):
    entries = []
    for iid, resources in instances.items():
        for rid, value in resources.items():
            kind = abs(_OBJECTS[oid][rid])
            if isinstance(value, dict):
                for riid in sorted(value):
                    entries.append(((oid, iid, rid, riid), kind, value[riid]))
            else:
                entries.append(((oid, iid, rid), kind, value))
    return entries


def _comparable(pairs):
    """(path, value) in order of paths, Floats as floats, whole numbers among them too."""
    return sorted(
        (path, float(value) if _kind_of(path) == _FLOAT else value) for path, value in pairs
    )


def _kind_of(path):
    return abs(_OBJECTS[path[0]][path[2]]) if len(path) > 2 else None


def _is_within_its_reach(entries):
    # Its count of an integer's bytes forgets the sign bit.
    for _, kind, value in entries:
        if kind in (_INTEGER, _TIME):
            size = max(1, math.ceil(math.log2(abs(value) + 1) / 8)) if value else 1
            size = 4 if size == 3 else size
            if not -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
                return False
    return True


@pytest.mark.parametrize("form", sorted(_FORMATS))
@_SETTINGS
@given(drawn=_instances())
def test_we_read_what_it_writes(codec, form, drawn):
    """TS 1.0 §6.4.3, §6.4.4: a payload of the package for an Object Instance means the values."""
    oid, instances = drawn
    entries = _entries(oid, instances)
    assume(form == "json" or _is_within_its_reach(entries))
    payload = codec.encode(form, f"/{oid}/0", instances[0])
    assert payload is not None
    if form == "json":
        payload = payload.replace(b'/0","e"', b'/0/","e"', 1)
    found = list(load(_FORMATS[form]).decode(payload, (oid, 0), _kind_of))
    assert _comparable(found) == _comparable((path, value) for path, _, value in entries)


@_SETTINGS
@given(drawn=_instances(several=True))
def test_we_read_its_objects(codec, drawn):
    """TS 1.0 §6.4.3: instances of an Object, each in its record."""
    oid, instances = drawn
    entries = _entries(oid, instances)
    assume(_is_within_its_reach(entries))
    payload = codec.encode("tlv", f"/{oid}", instances)
    found = list(load(11542).decode(payload, (oid,), _kind_of))
    assert _comparable(found) == _comparable((path, value) for path, _, value in entries)


def _as_it_says(kind, value, is_instance):
    """A value as the package gives it: what it has no type for, a resource instance, in hex."""
    if is_instance:
        size = next(n for n in (1, 2, 4) if -(1 << 8 * n - 1) <= value < 1 << 8 * n - 1)
        return value.to_bytes(size, "big", signed=True).hex()
    return value


@_SETTINGS
@given(drawn=_instances(several=True))
def test_it_reads_our_tlv(codec, drawn):
    """TS 1.0 §6.4.3: the package reads from our TLV the values that went in, Object by Object."""
    oid, instances = drawn
    expected = {
        str(iid): {
            str(rid): {
                str(riid): _as_it_says(_INTEGER, value[riid], True) for riid in sorted(value)
            }
            if isinstance(value, dict)
            else value
            for rid, value in resources.items()
        }
        for iid, resources in instances.items()
    }
    payload = b"".join(load(11542).encode(_entries(oid, instances), (oid,)))
    assert codec.decode("tlv", f"/{oid}", payload) == expected
    if list(instances) == [0]:
        payload = b"".join(load(11542).encode(_entries(oid, instances), (oid, 0)))
        assert codec.decode("tlv", f"/{oid}/0", payload) == expected["0"]


@_SETTINGS
@given(drawn=_instances())
def test_it_reads_our_json(codec, drawn):
    """TS 1.0 §6.4.4: the package reads from our JSON the values that went in."""
    oid, instances = drawn
    # Of a multiple resource it keeps the first instance.
    for rid, value in instances[0].items():
        if isinstance(value, dict):
            first = min(value)
            instances[0][rid] = {first: value[first]}
    expected = {
        str(rid): {str(riid): value[riid] for riid in value} if isinstance(value, dict) else value
        for rid, value in instances[0].items()
    }
    payload = b"".join(load(11543).encode(_entries(oid, instances), (oid, 0)))
    assert codec.decode("json", f"/{oid}/0", payload) == expected


@_SETTINGS
@given(data=st.binary(max_size=300), rid=st.integers(0, 65535))
def test_it_reads_our_opaque(codec, data, rid):
    """TS 1.0 §6.4.3: identifiers of 8 and 16 bits, lengths in 3, 8 and 16; an unknown Object."""
    payload = b"".join(load(11542).encode([((30000, 0, rid), _OPAQUE, data)], (30000, 0)))
    assert codec.decode("tlv", "/30000/0", payload) == {str(rid): data.hex()}


@_SETTINGS
@given(drawn=_instances())
def test_same_bytes(codec, drawn):
    """TS 1.0 §6.4.3: within an instance record, its TLV is ours byte for byte."""
    oid, instances = drawn
    entries = _entries(oid, instances)
    assume(_is_within_its_reach(entries))
    theirs = codec.encode("tlv", f"/{oid}", instances)
    assert theirs == b"".join(load(11542).encode(entries, (oid,)))


def test_it_checks_out(codec):
    """The package's own example: 31 degrees in TLV, and in JSON."""
    assert codec.encode("tlv", "/3303/0", {"5700": 31, "5701": "c"}) == bytes.fromhex(
        "08000be4164441f80000e1164563"
    )
    assert struct.pack(">f", 31).hex() == "41f80000"
    assert codec.decode("json", "/3303/0", b'{"bn":"/3303/0","e":[{"n":"5700","v":31}]}') == {
        "5700": 31
    }
