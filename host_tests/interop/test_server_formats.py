"""The server's content formats: examples of the specification, round trips, arbitrary bytes."""

import decimal
import json

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.server import formats
from tools.server.model import Model

MODEL = Model()
TYPE_OF = MODEL.type_of

# TS Core 1.0 §6.4.3.1: a Read of the Device object, its resources 0 to 16 in TLV.
DEVICE_TLV = bytes.fromhex(
    "C800144F70656E204D6F62696C6520416C6C69616E6365"
    "C801164C69676874776569676874204D324D20436C69656E74"
    "C80209333435303030313233"
    "C303312E30"
    "8606410001410105"
    "88070842000ED842011388"
    "870841007D42010384"
    "C10964"
    "C10A0F"
    "830B410000"
    "C40D5182428F"
    "C60E2B30323A3030"
    "C11055"
)
DEVICE = {
    0: "Open Mobile Alliance",
    1: "Lightweight M2M Client",
    2: "345000123",
    3: "1.0",
    6: {0: 1, 1: 5},
    7: {0: 0x0ED8, 1: 0x1388},
    8: {0: 125, 1: 900},
    9: 100,
    10: 15,
    11: {0: 0},
    13: 1367491215,
    14: "+02:00",
    16: "U",
}


def test_tlv_example():
    """TS Core 1.0 §6.4.3.1: the Device example, read and written."""
    assert formats.decode(formats.TLV, DEVICE_TLV, (3, 0), TYPE_OF) == DEVICE
    assert formats.encode(formats.TLV, (3, 0), DEVICE, TYPE_OF) == DEVICE_TLV
    assert formats.decode(1542, DEVICE_TLV, (3, 0), TYPE_OF) == DEVICE


def test_tlv_levels():
    """TS Core 1.0 §6.4.3: object, resource and resource instance levels."""
    whole = formats.encode(formats.TLV, (3,), {0: {9: 80}, 300: {9: 5}}, TYPE_OF)
    assert whole.hex() == "0300c10950" + "23012cc10905"
    assert formats.decode(formats.TLV, whole, (3,), TYPE_OF) == {0: {9: 80}, 300: {9: 5}}
    single = formats.encode(formats.TLV, (3, 0, 9), 80, TYPE_OF)
    assert single.hex() == "c10950"
    assert formats.decode(formats.TLV, single, (3, 0, 9), TYPE_OF) == 80
    multiple = formats.encode(formats.TLV, (3, 0, 7), {0: 3800, 1: 5000}, TYPE_OF)
    assert formats.decode(formats.TLV, multiple, (3, 0, 7), TYPE_OF) == {0: 3800, 1: 5000}
    one = formats.encode(formats.TLV, (3, 0, 7, 1), 5000, TYPE_OF)
    assert one.hex() == "42011388"
    assert formats.decode(formats.TLV, one, (3, 0, 7, 1), TYPE_OF) == 5000


def test_senml_cbor():
    """TS Core 1.1 §7.4.5, RFC 8428: base names, labels, groups; an alternate root is cut off."""
    records = [
        {-2: "/3/0/", -3: 1e9, 0: "0", 3: "Nudge"},
        {0: "9", 2: 80},
        {0: "7/0", 2: 3800},
        {-2: "/3/0/", 0: "21", 4: True},
        {0: "22", "vlo": "3:0"},
        {0: "23", 8: b"\0\1"},
    ]
    value = {0: "Nudge", 9: 80, 7: {0: 3800}, 21: True, 22: "3:0", 23: b"\0\1"}
    assert formats.decode(112, cbor2.dumps(records), (3, 0), TYPE_OF) == value
    rooted = cbor2.dumps([{-2: "/lwm2m/3/0/9", 2: 80}])
    assert formats.decode(112, rooted, (3, 0, 9), TYPE_OF, "/lwm2m") == 80


def test_json():
    """TS Core 1.1 §7.4.4 SenML JSON; 1.0 §6.4.4 and the change request's ct=100: LwM2M JSON."""
    payload = b'[{"bn":"/3/0/","n":"9","v":80},{"n":"1","vs":"x"},{"n":"5","vd":"AAE"}]'
    assert formats.decode(110, payload, (3, 0), TYPE_OF) == {9: 80, 1: "x", 5: b"\0\1"}
    payload = b'{"bn":"/3/0/","e":[{"n":"0","sv":"x"},{"n":"9","v":80},{"n":"15","bv":true}]}'
    for number in (11543, 1543, 100):
        assert formats.decode(number, payload, (3, 0), TYPE_OF) == {0: "x", 9: 80, 15: True}
    payload = b'[{"bn":"/3/0/","bv":100,"n":"9","v":-20},{"n":"22","vlo":"3:0"}]'
    assert formats.decode(110, payload, (3, 0), TYPE_OF) == {9: 80, 22: "3:0"}
    for payload in (
        b'{"e":[{"n":"0","sv":"AAE="},{"n":"/5/0/1","sv":"x"}]}',
        b'{"bn":"/5/0/","e":[{"n":"0","sv":"AAE="},{"n":"1","sv":"x"}]}',
    ):
        assert formats.decode(11543, payload, (5, 0), TYPE_OF) == {0: b"\0\1", 1: "x"}
    value = {0: b"\xfb\xff", 1: "x"}
    assert formats.encode(110, (5, 0), value, TYPE_OF) == (
        b'[{"n": "/5/0/0", "vd": "-_8"}, {"n": "/5/0/1", "vs": "x"}]'
    )
    assert formats.encode(11543, (5, 0), value, TYPE_OF) == (
        b'{"e": [{"n": "/5/0/0", "sv": "+/8="}, {"n": "/5/0/1", "sv": "x"}]}'
    )
    for number, link in ((110, b'"vlo": "11:0"'), (11543, b'"ov": "11:0"')):
        packed = formats.encode(number, (1, 0, 10), "11:0", TYPE_OF)
        assert link in packed
        assert formats.decode(number, packed, (1, 0, 10), TYPE_OF) == "11:0"


def test_senml_etch():
    """RFC 8790 §3: the labels of SenML; a name alone names a path, a null value removes it."""
    for number, packed in (
        (320, b'[{"n":"/3/0/9"},{"n":"/3/0/7/1","v":null},{"n":"/3/0/0","vs":"x"}]'),
        (322, cbor2.dumps([{0: "/3/0/9"}, {0: "/3/0/7/1", 2: None}, {0: "/3/0/0", 3: "x"}])),
    ):
        found = [(r.path, r.value) for r in formats.records(number, packed, (), TYPE_OF)]
        assert found == [((3, 0, 9), None), ((3, 0, 7, 1), None), ((3, 0, 0), "x")]
        entries = dict(found[1:])
        written = formats.encode_entries(number, entries, (), TYPE_OF)
        assert formats.records(number, written, (), TYPE_OF)[0].value is None


def test_lwm2m_cbor():
    """TS 1.2 Core §7.4.6: maps by id from the root; a key may be an array of ids; no times."""
    nested = {3: {0: {0: "Nudge", 7: {0: 3800, 1: 5000}, 9: 80, 13: 1367491215, 21: 2.5}}}
    value = nested[3][0]
    assert cbor2.loads(formats.encode(11544, (3, 0), value, TYPE_OF)) == nested
    for packed in (
        nested,
        {(3, 0): value},
        {
            (3, 0, 0): "Nudge",
            3: {(0, 7): {0: 3800}, 0: {(7, 1): 5000, 9: 80, 21: 2.5, 13: value[13]}},
        },
    ):
        assert formats.decode(11544, cbor2.dumps(packed), (3, 0), TYPE_OF) == value
    open_maps = bytes.fromhex("bf03bf00bf071863091850ffffff")
    assert formats.decode(11544, open_maps, (3, 0), TYPE_OF) == {7: 99, 9: 80}
    assert formats.decode(11544, b"\xa0", (3, 0), TYPE_OF) == {}
    fraction = cbor2.dumps([{0: "/3303/0/5700", 2: decimal.Decimal("21.5")}])  # RFC 8428 §6
    assert formats.decode(112, fraction, (3303, 0, 5700), TYPE_OF) == 21.5
    value = {0: b"\0\xff", 1: True, 2: "3:0", 3: -(2**63)}
    packed = formats.encode(11544, (42, 1), value, TYPE_OF)
    assert formats.decode(11544, packed, (42, 1), TYPE_OF) == value


def test_dates_are_seconds():
    """TS 1.2 Core table C.2-1: a time in CBOR is a number, or tagged 0 or 1."""
    for tagged in ("1a5182428f", "c11a5182428f", "c074323031332d30352d30325431303a34303a31355a"):
        item = bytes.fromhex(tagged)
        assert formats.decode(60, item, (3, 0, 13), TYPE_OF) == 1367491215
        packed = b"\xa1\x03\xa1\x00\xa1\x0d" + item
        assert formats.decode(11544, packed, (3, 0), TYPE_OF)[13] == 1367491215


def test_text_by_type():
    """TS Core §7.4.1: text of each type; a type that is not known stays text."""
    for path, text, value in (
        ((3303, 0, 5700), b"21.5", 21.5),
        ((3, 0, 9), b"80", 80),
        ((3, 0, 2), b"00123", "00123"),
        ((1, 0, 6), b"1", True),
        ((5, 0, 0), b"AAE=", b"\0\1"),
        ((9999, 0, 1), b"12", "12"),
    ):
        assert formats.decode(0, text, path, TYPE_OF) == value
        assert formats.encode(0, path, value, TYPE_OF) == text
    assert MODEL.type_of((1, 0, 10), "draft") == "integer"
    assert MODEL.type_of((1, 0, 10), "1.1") == "objlnk"
    model = Model()
    model.add(9999, 1, "integer")
    assert formats.decode(0, b"12", (9999, 0, 1), model.type_of) == 12


@pytest.mark.parametrize(
    ("number", "payload", "path"),
    [
        (0, b"warm", (3303, 0, 5700)),
        (0, b"2", (1, 0, 6)),
        (0, b"\xff", (3, 0, 0)),
        (60, b"\x19", (3, 0, 9)),
        (112, cbor2.dumps({}), (3, 0)),
        (112, cbor2.dumps([{0: "/4/0/0", 2: 1}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3/0/7", 2: 1}, {0: "/3/0/7/0", 2: 1}]), (3, 0)),
        (110, b"[1]", (3, 0)),
        (110, b"{}", (3, 0)),
        (11542, b"\xc1", (3, 0)),
        (11542, b"\xc3\x09\x01\x02\x03", (3, 0)),
        (11542, b"\x81\x09\xc1", (3, 0)),
        (112, cbor2.dumps([{0: "3/0/9", 2: 1}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3//0/9", 2: 1}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3/0/9", 2: 1, 3: "x"}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3/0/9", 2: "1"}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3/0/9", 2: 1}, {0: "/3/0/9", 2: 2}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3/0/9", 2: 1, -1: 11}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3/0/9", 2: 1, "x_": 1}]), (3, 0)),
        (112, cbor2.dumps([{0: "/3/0/9", 2: 1, 6: "x"}]), (3, 0)),
        (112, cbor2.dumps([]) + b"\0", (3, 0)),
        (110, b'[{"n":"/3/0/5","vd":"A-+/"}]', (3, 0)),
        (110, b'[{"n":"/3/0/9","v":NaN}]', (3, 0)),
        (110, b'[{"n":"/3/0/9","v":1,"v":2}]', (3, 0)),
        (11544, cbor2.dumps([]), (3, 0)),
        (11544, cbor2.dumps({3: 1}), (3,)),
        (11544, cbor2.dumps({3: {0: {9: [1]}}}), (3, 0)),
        (11544, cbor2.dumps({3: {0: {7: {0: {0: 1}}}}}), (3, 0)),
        (11544, cbor2.dumps({4: {0: {0: 1}}}), (3, 0)),
        (11544, cbor2.dumps({"3": {}}), (3, 0)),
        (11544, cbor2.dumps({-3: {}}), (3, 0)),
        (11544, cbor2.dumps({(): {}}), (3, 0)),
        (11544, cbor2.dumps({(3, 65536): {}}), (3, 0)),
        (11544, cbor2.dumps({True: {}}), (3, 0)),
        (60, cbor2.dumps({0: 1}), (3, 0, 9)),
        (60, cbor2.dumps(None), (3, 0, 9)),
        (60, cbor2.dumps(cbor2.CBORTag(99, 1)), (3, 0, 9)),
        (112, cbor2.dumps([{0: "/3/0/9", 2: 1, 6: float("inf")}]), (3, 0)),
        (60, cbor2.dumps(1), (3, 0)),
        (42, b"x", (3,)),
        (40, b"<", (3,)),
        (4711, b"", (3,)),
    ],
)
def test_wrong_payloads(number, payload, path):
    """Bad input: what is not what it claims raises FormatError, nothing else."""
    with pytest.raises(formats.FormatError):
        formats.decode(number, payload, path, TYPE_OF)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([None, 0, 40, 42, 60, 110, 112, 320, 322, 11542, 11543, 11544, 100]),
    st.binary(max_size=60),
    st.sampled_from([(), (3,), (3, 0), (3, 0, 9), (3, 0, 7, 1)]),
)
def test_arbitrary_bytes(number, payload, path):
    """Bad input: any bytes give a value fit for JSON, or FormatError."""
    try:
        value = formats.decode(number, payload, path, TYPE_OF)
        times = [record.time for record in formats.records(number, payload, path, TYPE_OF)]
    except formats.FormatError:
        return
    json.dumps([formats.to_json(value), times], allow_nan=False)


_KEYS = st.integers(-6, 8) | st.sampled_from(["vlo", "x_"]) | st.just((3, 0))
_ITEMS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([60, 112, 322, 11544]),
    _ITEMS | st.lists(st.dictionaries(_KEYS, _ITEMS, max_size=5), max_size=3),
    st.sampled_from([(), (3,), (3, 0), (3, 0, 7, 1)]),
)
def test_arbitrary_cbor(number, item, path):
    """Bad input: CBOR of any structure gives a value fit for JSON, or FormatError."""
    try:
        value = formats.decode(number, cbor2.dumps(item), path, TYPE_OF)
    except formats.FormatError:
        return
    json.dumps(formats.to_json(value), allow_nan=False)


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.binary(max_size=20),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.integers(0, 65535), VALUES, min_size=1, max_size=6))
def test_senml_round_trip(resources):
    """RFC 8428, TS 1.2 Core §7.4.6: what is written is what is read."""
    for number in (110, 112, 320, 322, 11544):
        packed = formats.encode(number, (42, 0), resources, TYPE_OF)
        assert formats.decode(number, packed, (42, 0), TYPE_OF) == resources


def test_command_line_values():
    """A value on the command line: numbers, true, JSON groups, hex:, else text."""
    for text, value in (
        ("21.5", 21.5),
        ("7", 7),
        ("true", True),
        ('"7"', "7"),
        ("hex:00ff", b"\0\xff"),
        ('{"0": 1}', {"0": 1}),
        ("hello", "hello"),
        ("null", "null"),
    ):
        assert formats.from_text(text) == value
