"""The content formats against cbor2 and json, which others wrote, and against arbitrary bytes."""

import base64
import json
import math
import struct

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lwm2m.codec import (
    CodecError,
    cbor,
    coerce,
    json_reader,
    json_text,
    load,
    lwm2m_cbor,
    senml_cbor,
    senml_etch,
    tlv,
)

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


_STRUCTURED = [110, 112, 320, 322, 11542, 11543, 11544]


@given(_entries(), st.permutations(_STRUCTURED), st.sampled_from([(1000,), (1000, 0)]))
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


@st.composite
def _values(draw):
    """(path of a resource or resource instance, type, value)."""
    kind = draw(st.sampled_from(sorted(_BY_KIND)))
    riid = draw(st.sampled_from([(), (0,), (65535,)]))
    return (1000, 3, kind, *riid), kind, draw(_BY_KIND[kind])


@given(_values(), st.permutations([0, 42, 60, *_STRUCTURED]))
def test_one_value_passes_through_all_formats(entry, numbers):
    """TS 1.1 Core §7.4: text, octets and CBOR carry one value, in any order with the others.

    A Float has the 14 digits that text gives it.
    """
    (passed,) = _in_json([entry]) or [(entry[0], 4, 0.5)]
    path, kind, before = passed
    for number in numbers:
        if number == 42 and kind != 6:
            with pytest.raises(CodecError):
                list(load(number).encode([passed], path))
            continue
        payload = b"".join(load(number).encode([passed], path))
        ((found, value),) = load(number).decode(payload, path, _kind_of)
        assert found == path
        passed = (path, kind, value)
        if kind == 4 and number == 0:
            assert math.isclose(value, before, rel_tol=1e-13, abs_tol=5e-324)
            before = value
    assert float(passed[2]) == before if kind == 4 else _same(passed[2], before)


def _flat(maps, above=()):
    for key, value in maps.items():
        path = above + (key if isinstance(key, tuple) else (key,))
        if isinstance(value, dict):
            yield from _flat(value, path)
        else:
            yield path, value


@given(_entries(), st.sampled_from([(), (1000,), (1000, 0)]))
def test_lwm2m_cbor_is_what_cbor2_reads(entries, base):
    """TS 1.2 Core §7.4.6: maps within maps by ids, and arrays of ids for keys."""
    payload = b"".join(load(11544).encode(entries, base))
    assert list(_flat(cbor2.loads(payload))) == [
        (path, "%d:%d" % value if kind == 8 else value) for path, kind, value in entries
    ]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("bf03bf03bf031819ffffff", [((3, 3, 3), 25)]),
        ("bf03bf03bf03bf0018 19010bffffffff", [((3, 3, 3, 0), 25), ((3, 3, 3, 1), 11)]),
        ("bf03bf03bf031819ff01bf010bffffff", [((3, 3, 3), 25), ((3, 1, 1), 11)]),
        ("bf03bf03bf031819ffff01bf01bf010bffffff", [((3, 3, 3), 25), ((1, 1, 1), 11)]),
        ("a1830303031819", [((3, 3, 3), 25)]),
        ("a1820303a203181901 0b", [((3, 3, 3), 25), ((3, 3, 1), 11)]),
        ("bf9f03 03ffa103 1819ff", [((3, 3, 3), 25)]),
    ],
)
def test_forms_of_lwm2m_cbor(payload, expected):
    """TS 1.2 Core §7.4.6: maps and keys of open and of given length, as others write them."""
    found = load(11544).decode(bytes.fromhex(payload), (), lambda path: 2)
    assert list(found) == expected


@st.composite
def _maps(draw, pairs, depth=0):
    """The pairs of (path, value) as maps in which each key has so many ids as pleases."""
    maps = {}
    while pairs:
        longest = min(len(path) for path, _ in pairs) - depth
        size = draw(st.integers(1, longest))
        key = pairs[0][0][depth : depth + size]
        # Once the levels are told apart by a key, no other may begin with the same id.
        inner = [pair for pair in pairs if pair[0][depth : depth + 1] == key[:1]]
        if any(path[depth : depth + size] != key for path, _ in inner):
            key = key[:1]
            size = 1
        pairs = [pair for pair in pairs if pair not in inner]
        if len(inner[0][0]) == depth + size:
            value = inner[0][1]
        else:
            value = draw(_maps(inner, depth + size))
        maps[key[0] if size == 1 and draw(st.booleans()) else key] = value
    return maps


@given(st.data(), _entries(), st.booleans())
def test_we_read_lwm2m_cbor_of_cbor2(data, entries, canonical):
    """TS 1.2 Core §7.4.6: however the levels are put into keys, the paths are the same."""
    pairs = [(path, "%d:%d" % value if kind == 8 else value) for path, kind, value in entries]
    payload = cbor2.dumps(data.draw(_maps(pairs)), canonical=canonical)
    found = list(load(11544).decode(payload, (), _kind_of))
    assert [path for path, _ in sorted(found)] == [path for path, _, _ in entries]
    for (_, kind, before), (_, value) in zip(entries, sorted(found), strict=True):
        assert float(value) == before if kind == 4 else _same(value, before)


@given(st.integers(-(2**40), 2**40))
def test_times_with_a_tag(seconds):
    """RFC 8949 §3.4.2: epoch-based time has a tag, which a Time may come with (TS 1.2 Core C)."""
    tagged = cbor2.CBORTag(1, seconds)
    for number, item in (
        (60, tagged),
        (112, [{-2: "/1000/0/7", 2: tagged}]),
        (11544, {(1000, 0, 7): tagged}),
    ):
        found = list(load(number).decode(cbor2.dumps(item), (1000, 0, 7), _kind_of))
        assert found == [((1000, 0, 7), seconds)], number


_PATHS = st.lists(
    st.lists(st.integers(0, 65535), min_size=1, max_size=4).map(tuple), min_size=1, max_size=6
)


@given(_PATHS, st.sampled_from([110, 112, 320, 322]), st.data())
def test_names_of_a_fetch_pack(paths, number, data):
    """RFC 8790 §3.1: the names in a Fetch Pack, whose bases stand where they please."""
    records = []
    base = ""
    for path in paths:
        name = "/" + "/".join(map(str, path))
        cut = data.draw(st.integers(0, len(name)))
        if not name.startswith(base) or data.draw(st.booleans()):
            base = name[:cut]
            records.append({"bn" if number in (110, 320) else -2: base})
        else:
            records.append({})
        records[-1]["n" if number in (110, 320) else 0] = name[len(base) :]
    dump = json.dumps(records).encode() if number in (110, 320) else cbor2.dumps(records)
    assert list(senml_etch.names(dump, number)) == paths


@given(_PATHS)
def test_names_of_a_map(paths):
    """TS 1.2 Core §7.4.6: keys with null for values name the paths of a Read-Composite."""
    payload = cbor2.dumps(dict.fromkeys(paths))
    assert sorted(lwm2m_cbor.names(payload, 11544)) == sorted(set(paths))


_LABELS = st.sampled_from([-5, -3, -2, -1, 0, 2, 3, 4, 6, 8, "vlo", "x", "x_"])
_WORDS = st.sampled_from(["/5/0/2", "/5/0/", "/5", "2", "0/8", "", "/", "1:2", "/5/0/256/1"])
_PIECES = st.none() | st.booleans() | st.integers(-5, 70000) | st.floats() | _WORDS | st.binary()
_KEYS = st.sampled_from([0, 2, 5, 8, 65535, 65536, -1, "5", (5, 0), (5, 0, 2), (), (5,) * 5])
_TREES = st.recursive(_PIECES, lambda inner: st.dictionaries(_KEYS, inner, max_size=3))


@settings(max_examples=500)
@given(
    item=st.lists(st.dictionaries(_LABELS, _PIECES, max_size=4), max_size=4)
    | st.dictionaries(_KEYS, _TREES, max_size=3)
    | _TREES,
    number=st.sampled_from([60, 112, 322, 11544]),
    base=st.sampled_from([(), (5,), (5, 0), (5, 0, 2), (5, 0, 8), (5, 0, 6, 1)]),
)
def test_arbitrary_items(item, number, base):
    """Design §6: well-formed CBOR of any meaning raises CodecError or has the right types."""
    payload = cbor2.dumps(item)
    if len(base) < 3 and number == 60:
        return
    _check_values(number, payload, base)
    _check_names(number, payload)


def _check_values(number, payload, base):
    try:
        for path, value in load(number).decode(payload, base, _kind_of):
            assert path[: len(base)] == base and 3 <= len(path) <= 4
            _check_type(path, value, number)
    except CodecError:
        pass


def _check_names(number, payload):
    for names in (senml_etch.names, lwm2m_cbor.names):
        try:
            for path in names(payload, number):
                assert len(path) <= 4 and all(0 <= each <= 65535 for each in path)
        except CodecError:
            pass


def _check_type(path, value, number):
    if value is None:
        assert number in (320, 322, 11544)  # what is to be removed
    elif value != {}:
        assert coerce(_kind_of(path), value) == value or value != value


@settings(max_examples=400)
@pytest.mark.parametrize("number", [110, 320, 11543])
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
    _check_values(number, text.encode(), base)


@settings(max_examples=400)
@pytest.mark.parametrize("number", [0, 42, 60, *_STRUCTURED])
@given(
    data=st.binary(max_size=60),
    base=st.sampled_from([(5,), (5, 0), (5, 0, 2), (5, 0, 8), (5, 0, 6, 1)]),
)
def test_arbitrary_bytes(number, data, base):
    """Design §6: bytes from outside raise CodecError or mean something of the right type."""
    if len(base) < 3 and number < 100:
        return
    _check_values(number, data, base)
    _check_names(number, data)


@settings(max_examples=500)
@given(entries=_entries(), number=st.sampled_from(_STRUCTURED), data=st.data())
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
