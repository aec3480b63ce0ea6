"""The content formats against cbor2 and json, which others wrote, and against arbitrary bytes."""

import base64
import json
import math
import struct

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lwm2m.codec import CodecError, cbor, coerce, json_reader, json_text, load, senml_cbor, tlv

_INTEGERS = st.integers(-(2**63), 2**64 - 1)
_SCALARS = st.none() | st.booleans() | _INTEGERS | st.floats() | st.text() | st.binary()
_ITEMS = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_INTEGERS | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
_BY_KIND = {
    1: st.text(),
    2: st.integers(-(2**63), 2**63 - 1),
    3: st.integers(0, 2**64 - 1),
    4: st.floats(allow_nan=False),
    5: st.booleans(),
    6: st.binary(max_size=300),
    7: st.integers(-(2**63), 2**63 - 1),
    8: st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    9: st.text(),
}


def _kind_of(path):
    """Each resource id of an imaginary Object is of the type id % 10."""
    return path[2] % 10 if len(path) > 2 and path[2] % 10 else None


@st.composite
def _entries(draw):
    entries = []
    for rid in sorted(draw(st.sets(st.integers(0, 65000).filter(lambda n: n % 10), max_size=6))):
        kind = rid % 10
        if draw(st.booleans()):
            entries.append(((1000, 0, rid), kind, draw(_BY_KIND[kind])))
        else:
            for riid in sorted(draw(st.sets(st.integers(0, 65535), min_size=1, max_size=3))):
                entries.append(((1000, 0, rid, riid), kind, draw(_BY_KIND[kind])))
    return entries


def _same(one, other):
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _depth(item):
    if isinstance(item, list):
        return 1 + max(map(_depth, item), default=0)
    if isinstance(item, dict):
        return 1 + max(map(_depth, item.values()), default=0)
    return 0


@given(_ITEMS)
@example(5e-324)
@example(1.7976931348623157e308)
@example(-0.0)
def test_cbor2_reads_what_we_write(item):
    """RFC 8949: every item that we write is the same to cbor2."""
    assert _same(cbor2.loads(cbor.dumps(item)), item)


@given(_ITEMS.filter(lambda item: _depth(item) < 6), st.booleans())
def test_we_read_what_cbor2_writes(item, canonical):
    """RFC 8949: canonical (half floats) or not, what cbor2 writes is the same to us."""
    assert _same(cbor.loads(cbor2.dumps(item, canonical=canonical)), item)


@given(st.integers(0, 0xFFFF))
def test_half_floats(bits):
    """RFC 8949 §3.3: all half-precision floats are read as cbor2 reads them."""
    data = b"\xf9" + struct.pack(">H", bits)
    assert _same(cbor.loads(data), cbor2.loads(data))


@given(st.floats())
def test_integral_doubles_keep_their_digits(value):
    """RFC 8949 §3.3: an integral double past the reach of 32-bit floats is read as an int."""
    found = cbor.loads(b"\xfb" + struct.pack(">d", value))
    assert _same(found, value)
    if 2**24 < abs(value) < 2**63 and value == int(value):
        assert isinstance(found, int)


@given(st.integers(-(2**127), 2**127))
def test_big_numbers(value):
    """RFC 8949 §3.4.3: big numbers are read as cbor2 writes them."""
    assert cbor.loads(cbor2.dumps(value)) == value


@given(_entries())
def test_senml_pack_is_what_cbor2_reads(entries):
    """RFC 8428 §6: names resolve to the paths, labels are those of the types."""
    payload = b"".join(senml_cbor.encode(entries, (1000, 0)))
    base = ""
    found = []
    for record in cbor2.loads(payload):
        base = record.pop(-2, base)
        name = base + record.pop(0, "")
        ((label, value),) = record.items()
        found.append((name, label, value))
    labels = {1: 3, 2: 2, 3: 2, 4: 2, 5: 4, 6: 8, 7: 2, 8: "vlo", 9: 3}
    assert found == [
        ("/" + "/".join(map(str, path)), labels[kind], "%d:%d" % value if kind == 8 else value)
        for path, kind, value in entries
    ]
    assert list(senml_cbor.decode(payload, (1000, 0), _kind_of)) == [
        (path, value) for path, kind, value in entries
    ]


@given(_entries())
def test_tlv_reads_back(entries):
    """TS 1.0 §6.4.3: whatever the values, what is written is read."""
    for base in ((1000,), (1000, 0)):
        payload = b"".join(tlv.encode(entries, base))
        assert list(tlv.decode(payload, base, _kind_of)) == [
            (path, value) for path, _, value in entries
        ]


def test_tlv_of_24_bit_length():
    """TS 1.0 §6.4.3: a value of 65536 bytes has its length in 24 bits."""
    value = bytes(65536)
    payload = b"".join(tlv.encode([((1, 0, 6), 6, value)], (1, 0)))
    assert payload[:5].hex() == "d806010000"
    assert list(tlv.decode(payload, (1, 0), _kind_of)) == [((1, 0, 6), value)]


_JSON_ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | _INTEGERS
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _from_json(text):
    reader = json_reader.Reader(text.encode())
    item = reader.item()
    reader.end()
    return item


@given(
    _JSON_ITEMS.filter(lambda item: _depth(item) < 6),
    st.booleans(),
    st.sampled_from([None, 1, "\t"]),
)
@example("😀\x7f\u2028", True, None)
def test_we_read_what_json_writes(item, ascii_only, indent):
    """RFC 8259: escaped or not, on one line or many, what json writes is the same to us."""
    found = _from_json(json.dumps(item, ensure_ascii=ascii_only, indent=indent))
    assert _same_numbers(found, item)


def _same_numbers(one, other):
    # A whole number of up to 20 digits is read as an int, a larger one as a float.
    if isinstance(one, float) != isinstance(other, float) and not isinstance(other, bool):
        return float(one) == float(other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same_numbers, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same_numbers(one[k], other[k]) for k in one)
    return _same(one, other)


@given(st.booleans() | _INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.text())
@example(5e-324)
@example(1.7976931348623157e308)
def test_json_reads_what_we_write(value):
    """RFC 8259: every value that we write is the same to json."""
    assert json.loads(json_text.text_of(value)) == value


@settings(max_examples=400)
@given(
    st.text(alphabet='[]{}:,"\\/u0189aeE+-. trfnl\n', max_size=24)
    | st.from_regex(r"-?[0-9]{1,22}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
)
def test_what_is_json_is_what_json_takes(text):
    """RFC 8259: what we read json reads to the same; what json refuses, so do we."""
    try:
        found = _from_json(text)
    except CodecError:
        return
    assert _same_numbers(found, json.loads(text))


def test_large_numbers():
    """RFC 8259 §6: past 64 bits we keep what a float holds and refuse the rest."""
    assert _from_json("1" + "0" * 40) == 1e40
    for text in ("1e999", "-1e999", "1" + "0" * 400):
        with pytest.raises(CodecError):
            _from_json(text)


def _in_json(entries):
    """The entries without those floats that JSON has no number for."""
    return [entry for entry in entries if entry[1] != 4 or math.isfinite(entry[2])]


def _json_value(kind, value, url):
    if kind == 6 and url:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")
    if kind == 6:
        return base64.b64encode(value).decode()
    return "%d:%d" % value if kind == 8 else value


@given(_entries(), st.sampled_from([(1000,), (1000, 0)]))
def test_senml_json_is_what_json_reads(entries, base):
    """RFC 8428 §5: names resolve to the paths, labels and values are those of the types."""
    entries = _in_json(entries)
    labels = {1: "vs", 2: "v", 3: "v", 4: "v", 5: "vb", 6: "vd", 7: "v", 8: "vlo", 9: "vs"}
    base_name = ""
    found = []
    for record in json.loads(b"".join(load(110).encode(entries, base))):
        base_name = record.pop("bn", base_name)
        name = base_name + record.pop("n", "")
        found.append((name, record))
    assert found == [
        ("/" + "/".join(map(str, path)), {labels[kind]: _json_value(kind, value, True)})
        for path, kind, value in entries
    ]


@given(_entries(), st.sampled_from([(1000,), (1000, 0)]))
def test_lwm2m_json_is_what_json_reads(entries, base):
    """TS 1.0 §6.4.4: names resolve to the paths, labels and values are those of the types."""
    entries = _in_json(entries)
    labels = {1: "sv", 2: "v", 3: "v", 4: "v", 5: "bv", 6: "sv", 7: "v", 8: "ov", 9: "sv"}
    document = json.loads(b"".join(load(11543).encode(entries, base)))
    found = [(document["bn"] + entry.pop("n", ""), entry) for entry in document["e"]]
    assert found == [
        ("/" + "/".join(map(str, path)), {labels[kind]: _json_value(kind, value, False)})
        for path, kind, value in entries
    ]


@given(
    _entries(), st.permutations([110, 112, 11542, 11543]), st.sampled_from([(1000,), (1000, 0)])
)
def test_values_pass_through_all_formats(entries, numbers, base):
    """Each format reads what it wrote of what another one read, with no value changed."""
    entries = _in_json(entries)
    kinds = {path: kind for path, kind, _ in entries}
    passed = entries
    for number in numbers:
        payload = b"".join(load(number).encode(passed, base))
        found = list(load(number).decode(payload, base, _kind_of))
        passed = [(path, kinds[path], value) for path, value in found]
    assert [entry[:2] for entry in passed] == [entry[:2] for entry in entries]
    for (_, kind, value), (_, _, before) in zip(passed, entries, strict=True):
        assert float(value) == before if kind == 4 else _same(value, before)


@settings(max_examples=400)
@pytest.mark.parametrize("number", [110, 11543])
@given(
    text=st.lists(
        st.sampled_from(
            list('[]{}:,"')
            + ['"e":', '"bn":', '"n":', '"v":', '"vs":', '"sv":', '"vd":', '"vlo":']
            + [
                '"bv":',
                '"vb":',
                '"ov":',
                '"t":',
                '"/5/0/',
                '"2"',
                '"/5/0/2"',
                "1",
                "-1.5e3",
                "true",
            ]
            + ["null", "\\", "\\u12", " ", "1:2", "e99", '{"n":"/5/0/2","v":', '[{"bn":"/5/0/",']
        ),
        max_size=24,
    ).map("".join),
    base=st.sampled_from([(5,), (5, 0), (5, 0, 2), (5, 0, 8), (5, 0, 6, 1)]),
)
def test_arbitrary_json(number, text, base):
    """Design §6: pieces of JSON in any order raise CodecError or mean values of the right type."""
    try:
        for path, value in load(number).decode(text.encode(), base, _kind_of):
            assert path[: len(base)] == base and 3 <= len(path) <= 4
            assert coerce(_kind_of(path), value) == value
    except CodecError:
        pass


@settings(max_examples=400)
@pytest.mark.parametrize("number", [0, 42, 60, 110, 112, 11542, 11543])
@given(
    data=st.binary(max_size=60),
    base=st.sampled_from([(5,), (5, 0), (5, 0, 2), (5, 0, 8), (5, 0, 6, 1)]),
)
def test_arbitrary_bytes(number, data, base):
    """Design §6: bytes from outside raise CodecError or mean something of the right type."""
    if len(base) < 3 and number < 100:
        return
    try:
        for path, value in load(number).decode(data, base, _kind_of):
            assert path[: len(base)] == base and 3 <= len(path) <= 4
            if value != {}:
                assert coerce(_kind_of(path), value) == value or value != value
    except CodecError:
        pass


@settings(max_examples=300)
@given(entries=_entries(), number=st.sampled_from([110, 112, 11542, 11543]), data=st.data())
def test_damaged_payloads(entries, number, data):
    """Design §6: a changed byte anywhere raises CodecError or gives other values, nothing else."""
    payload = bytearray(b"".join(load(number).encode(_in_json(entries), (1000, 0))))
    if payload:
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] ^= data.draw(st.integers(1, 255))
    try:
        list(load(number).decode(bytes(payload), (1000, 0), _kind_of))
    except CodecError:
        pass
