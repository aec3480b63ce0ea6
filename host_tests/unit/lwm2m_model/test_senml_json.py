"""SenML JSON, both directions, and the requests that use it."""

import json

from lwm2m.codec import CodecError, json_reader, json_text, senml_json
from unit.lwm2m_model.helpers import GET, KINDS, POST, PUT, VALUES, Fixture, code, is_refused
from unit.lwm2m_model.helpers import kind_of as everything

# Packs of every type and what json makes of them, beside the whole model.
HEAP_K = 96

_DEVICE_KINDS = {0: 1, 1: 1, 2: 1, 3: 1, 6: 2, 7: 2, 8: 2, 9: 2, 10: 2, 11: 2, 13: 7, 14: 1, 16: 1}
_DEVICE = (
    (0, "Open Mobile Alliance"),
    (1, "Lightweight M2M Client"),
    (2, "345000123"),
    (3, "1.0"),
    (6, {0: 1, 1: 5}),
    (7, {0: 3800, 1: 5000}),
    (8, {0: 125, 1: 900}),
    (9, 100),
    (10, 15),
    (11, {0: 0}),
    (13, 1367491215),
    (14, "+02:00"),
    (16, "U"),
)
# TS 1.1 Core §7.4.4: the answer to a Read of /3/0 of the example client.
_DEVICE_PACK = (
    '[{"bn":"/3/0/","n":"0","vs":"Open Mobile Alliance"},{"n":"1","vs":"Lightweight M2M Client"},'
    '{"n":"2","vs":"345000123"},{"n":"3","vs":"1.0"},{"n":"6/0","v":1},{"n":"6/1","v":5},'
    '{"n":"7/0","v":3800},{"n":"7/1","v":5000},{"n":"8/0","v":125},{"n":"8/1","v":900},'
    '{"n":"9","v":100},{"n":"10","v":15},{"n":"11/0","v":0},{"n":"13","v":1367491215},'
    '{"n":"14","vs":"+02:00"},{"n":"16","vs":"U"}]'
)


def _device_kind(path):
    return _DEVICE_KINDS.get(path[2])


def _spread(resources, oid, kinds):
    entries = []
    for rid, value in resources:
        if isinstance(value, dict):
            for riid in sorted(value):
                entries.append(((oid, 0, rid, riid), kinds[rid], value[riid]))
        else:
            entries.append(((oid, 0, rid), kinds[rid], value))
    return entries


def _everything():
    return _spread([(rid, VALUES[rid]) for rid in sorted(VALUES)], 30000, KINDS)


def _read(text, base=(30000, 0)):
    return list(senml_json.decode(text.encode(), base, everything))


def _one(label, value, rid):
    """The value of resource rid in a pack of one record."""
    return _read('[{"n":"/30000/0/%d","%s":%s}]' % (rid, label, value))[0][1]


def _refused(text, base=(30000, 0)):
    return is_refused(senml_json.decode, text.encode(), base, everything)


def test_device_example():
    """TS 1.1 Core §7.4.4: the Device Object of the example client, written and read."""
    entries = _spread(_DEVICE, 3, _DEVICE_KINDS)
    assert b"".join(senml_json.encode(entries, (3, 0))).decode() == _DEVICE_PACK
    found = list(senml_json.decode(memoryview(_DEVICE_PACK.encode()), (3, 0), _device_kind))
    assert found == [(path, value) for path, kind, value in entries]


def test_object_link_example():
    """TS 1.1 Core §7.4.4: instances of several resources with object links."""
    pack = (
        '[{"bn":"/65/0/","n":"0/0","vlo":"66:0"},{"n":"0/1","vlo":"66:1"},'
        '{"n":"1","vs":"8613800755500"},{"n":"2","v":1}]'
    )
    entries = [
        ((65, 0, 0, 0), 8, (66, 0)),
        ((65, 0, 0, 1), 8, (66, 1)),
        ((65, 0, 1), 1, "8613800755500"),
        ((65, 0, 2), 2, 1),
    ]
    assert b"".join(senml_json.encode(entries, (65, 0))).decode() == pack
    found = list(senml_json.decode(pack.encode(), (65, 0), lambda path: (8, 1, 2)[path[2]]))
    assert found == [(path, value) for path, kind, value in entries]


def test_a_chunk_is_a_record():
    """RFC 8428 §5: written record by record, each chunk closed by the next."""
    chunks = list(senml_json.encode(_everything(), (30000, 0)))
    assert len(chunks) == len(_everything()) + 1
    assert chunks[0] == b'[{"bn":"/30000/0/","n":"0","vs":"text"}'
    assert chunks[1] == b',{"n":"1","v":-5}'
    assert chunks[-1] == b"]"
    assert b"".join(senml_json.encode([], (3, 0))) == b"[]"


def test_labels_by_type():
    """RFC 8428 §5, TS 1.1 Core §7.4.4: the value's label and text of each type."""
    pack = b"".join(senml_json.encode(_everything(), (30000, 0))).decode()
    for record in (
        '{"n":"2","v":18446744073709551615}',
        '{"n":"3","v":21.5}',
        '{"n":"4","vb":true}',
        '{"n":"5","vd":"AP8Q"}',
        '{"n":"6","v":1700000000}',
        '{"n":"7","vlo":"3:0"}',
        '{"n":"8","vs":"</3/0>"}',
        '{"n":"256/300","v":-9223372036854775808}',
    ):
        assert record in pack, record


def test_base_name_of_each_level():
    """RFC 8428 §4.5.1: names are the base name with what follows."""
    for base, record in (
        ((), '"bn":"/","n":"3/0/6/1"'),
        ((3,), '"bn":"/3/","n":"0/6/1"'),
        ((3, 0), '"bn":"/3/0/","n":"6/1"'),
        ((3, 0, 6), '"bn":"/3/0/6/","n":"1"'),
        ((3, 0, 6, 1), '"bn":"/3/0/6/1"'),
    ):
        pack = b"".join(senml_json.encode([((3, 0, 6, 1), 2, 5)], base)).decode()
        assert pack == "[{" + record + ',"v":5}]'


def test_reads_back():
    """RFC 8428: what is written is read, at every level, with all 64 bits."""
    for base in ((30000,), (30000, 0)):
        payload = b"".join(senml_json.encode(_everything(), base))
        found = list(senml_json.decode(memoryview(payload), base, everything))
        assert found == [(path, value) for path, kind, value in _everything()]
        assert len(json.loads(payload.decode())) == len(found)


def test_times():
    """RFC 8428 §4.2: an entry's time is its `t`; times in a Write are checked and not used."""
    entries = [((3, 0, 9), 2, 80, 1700000000), ((3, 0, 9), 2, 79, 1700000060)]
    assert b"".join(senml_json.encode(entries, (3, 0, 9))).decode() == (
        '[{"bn":"/3/0/9","t":1700000000,"v":80},{"t":1700000060,"v":79}]'
    )
    assert _read('[{"bn":"/30000/0/","bt":1.7e9,"n":"1","v":1,"t":-5}]') == [((30000, 0, 1), 1)]
    assert _refused('[{"n":"/30000/0/1","v":1,"t":"x"}]')
    assert _refused('[{"bt":null,"n":"/30000/0/1","v":1}]')


def test_base_resolution():
    """RFC 8428 §4.5: base name and base value hold until replaced; a record may set only them."""
    assert _read(
        '[{"bn":"/30000/0/"},{"n":"1","v":1},{"bn":"/30000/0/25","bv":100,"n":"6/0","v":3}]'
    ) == [((30000, 0, 1), 1), ((30000, 0, 256, 0), 103)]
    assert _read('[{"bn":"/30000/0/1","v":1}]', (30000, 0, 1)) == [((30000, 0, 1), 1)]


def test_unknown_labels():
    """RFC 8428 §4.4: unknown labels are ignored, unless they end with an underscore."""
    assert _read('[{"n":"/30000/0/1","v":1,"u":"Cel","x":[{"y":null}],"-3":"z"}]') == [
        ((30000, 0, 1), 1)
    ]
    assert _refused('[{"n":"/30000/0/1","v":1,"x_":1}]')
    assert _refused('[{"bver":11,"n":"/30000/0/1","v":1}]')
    assert _read('[{"bver":10,"n":"/30000/0/1","v":1}]') == [((30000, 0, 1), 1)]


def test_whole_numbers_stay_exact():
    """RFC 8259 §6: no notation of a whole number passes through a float."""
    for text, value in (
        ("9223372036854775807", 9223372036854775807),
        ("-9223372036854775808", -9223372036854775808),
        ("1700000001.0", 1700000001),
        ("1.700000001e9", 1700000001),
        ("123456789012345678.0e+1", 1234567890123456780),
        ("16777217000e-3", 16777217),
        ("1E3", 1000),
        ("-0", 0),
        ("0.0", 0),
        ("0e999999999999999999999999", 0),
    ):
        assert _one("v", text, 1) == value, text
    assert _one("v", "18446744073709551615", 2) == 18446744073709551615
    for text in ("1.5", "1e-1", "9223372036854775808", "1e19", "1e999999999", "1e400"):
        assert _refused('[{"n":"/30000/0/1","v":%s}]' % text), text


def test_floats():
    """RFC 8259 §6: a float is written with the digits that tell it apart, and read as it was."""
    for value, text in ((21.4, "21.4"), (-0.5, "-0.5"), (20.0, "20"), (1e-7, "1e-07"), (7, "7")):
        assert json_text.text_of(value) == text
    for value, text in ((0.0, "0"), (-0.0, "-0.0")):
        assert json_text.text_of(value) == text
    for value in (0.1, 1 / 3, 16777216.0, 3.4e38, 1.2e-38, 48.858093, -2.294694):
        assert json_reader.number(json_text.text_of(value).encode()) == value, value
    assert _one("v", "21.4", 3) == 21.4
    assert _one("v", "123456789012345", 3) == 123456789012345
    for value in (float("inf"), float("-inf"), float("nan")):
        try:
            json_text.text_of(value)
            raise AssertionError("written")
        except CodecError:
            pass


def test_what_is_no_number():
    """RFC 8259 §6: the grammar of numbers, and nothing beyond it."""
    wrong = "01 +1 1. .5 1e 1e+ - -- 1e1.5 0x1 1_0 NaN Infinity inf nan 1e5e3 True nul"
    for text in wrong.split():
        assert _refused('[{"n":"/30000/0/3","v":%s}]' % text), text


def test_strings():
    """RFC 8259 §7: escapes, pairs of surrogates, UTF-8."""
    for text, value in (
        (r'"a\"\\\/\b\f\n\r\t"', 'a"\\/\b\f\n\r\t'),
        (r'"\u00e9\u20AC"', "é€"),
        (r'"\ud83d\ude00"', "😀"),
        ('"é€😀"', "é€😀"),
        ('""', ""),
    ):
        assert _one("vs", text, 0) == value
        assert _one("vs", json_text.text_of(value), 0) == value
    assert json_text.text_of('q"\\\n\0é') == '"q\\"\\\\\\u000a\\u0000é"'
    for text in (r'"\ud83d"', r'"\ude00"', r'"\ud83dx"', r'"\ud83d\u0041"', r'"\x"', r'"\u12g4"'):
        assert _refused('[{"n":"/30000/0/0","vs":%s}]' % text), text
    assert _refused('[{"n":"/30000/0/0","vs":"a\nb"}]')
    pack = b'[{"n":"/30000/0/0","vs":"\xff"}]'
    assert is_refused(senml_json.decode, pack, (30000, 0), everything)


def test_data_value():
    """RFC 8428 §5: base64 for URLs without padding; the other alphabet is read too."""
    for text, value in (
        ('"-_8"', b"\xfb\xff"),
        ('"+/8="', b"\xfb\xff"),
        ('""', b""),
        ('"AA"', b"\x00"),
    ):
        assert _one("vd", text, 5) == value
    entry = [((30000, 0, 5), 6, b"\xfb\xff")]
    assert b'"vd":"-_8"' in b"".join(senml_json.encode(entry, (30000, 0)))
    for text in ('"A"', '"A!A="', '"AA A"', "5", "null", '"AA=A"'):
        assert _refused('[{"n":"/30000/0/5","vd":%s}]' % text), text


def test_malformed_packs():
    """RFC 8428 §4, RFC 8259: what is not a pack of resolved records is refused."""
    for text in (
        "",
        "[",
        "{}",
        "5",
        "[5]",
        "[[]]",
        "[{}]",
        "[{]",
        '[{"n":"/30000/0/1"}]',
        '[{"n":1,"v":1}]',
        '[{"bn":5,"n":"1","v":1}]',
        '[{"n":"30000/0/1","v":1}]',
        '[{"n":"/30000/0/1/2/3","v":1}]',
        '[{"n":"/30000/0","v":1}]',
        '[{"n":"/30000/1/1","v":1}]',
        '[{"n":"/30000/0/65536","v":1}]',
        '[{"n":"/30000/0/1","v":1,"vs":"x"}]',
        '[{"n":"/30000/0/1","v":1,"v":2}]',
        '[{"n":"/30000/0/1","v":1},]',
        '[{"n":"/30000/0/1","v":1,}]',
        '[{"n":"/30000/0/1" "v":1}]',
        '[{"n":"/30000/0/1","v" 1}]',
        '[{n:"/30000/0/1","v":1}]',
        '[{"n":"/30000/0/1","v":1}{"n":"/30000/0/1","v":1}]',
        '[{"n":"/30000/0/1","v":1}]]',
        '[{"n":"/30000/0/1","v":1}] x',
        '[{"n":"/30000/0/1","v":1,"x":' + "[" * 100 + "]" * 100 + "}]",
        '[{"n":"/30000/0/1","v":1,"x":' + '{"a":' * 100 + "1" + "}" * 100 + "}]",
    ):
        assert _refused(text), text
    assert _read(' [ { "n" : "/30000/0/1" ,\r\n\t"v" : 1 } ] ') == [((30000, 0, 1), 1)]
    assert _read("[]") == []


def test_every_truncation_is_refused():
    """RFC 8259 §2: no cut of a payload passes or raises anything but CodecError."""
    payload = b"".join(senml_json.encode(_everything(), (30000, 0)))
    for end in range(len(payload)):
        assert is_refused(senml_json.decode, payload[:end], (30000, 0), everything), end


def test_types_must_agree():
    """TS 1.1 Core §7.4.4: the label belongs to the resource's type."""
    for rid, label, value in (
        (1, "vs", '"5"'),
        (1, "vb", "true"),
        (1, "v", "true"),
        (1, "v", '"5"'),
        (1, "v", "null"),
        (0, "v", "5"),
        (0, "vs", "5"),
        (4, "v", "1"),
        (4, "vb", "1"),
        (5, "vs", '"x"'),
        (7, "vs", '"3:0"'),
        (7, "vlo", '"3"'),
        (7, "vlo", '"3:65536"'),
        (2, "v", "-1"),
        (99, "v", "1"),
    ):
        assert _refused('[{"n":"/30000/0/%d","%s":%s}]' % (rid, label, value)), (rid, label)


def test_read_with_accept():
    """TS 1.1 Core §6.3.1, ETS int-233: Accept 110 at each level; 1.0 has no such format."""
    fixture = Fixture("1.1")
    for path, payload in (
        ("30000/0/1", '[{"bn":"/30000/0/1","v":-5}]'),
        ("30000/0/256/300", '[{"bn":"/30000/0/256/300","v":-9223372036854775808}]'),
        ("3/0/0", '[{"bn":"/3/0/0","vs":"Open Mobile Alliance"}]'),
    ):
        answer = fixture.ask(GET, path, accept=110)
        assert code(answer) == 205 and answer.get_uint(12) == 110
        assert str(bytes(answer.payload), "utf-8") == payload
    assert code(fixture.ask(GET, "3", accept=110)) == 205
    assert code(Fixture("1.0").ask(GET, "3/0", accept=110)) == 406


def test_write():
    """TS 1.1 Core §6.3.3, ETS int-234: partial and replacing Writes, and Create."""
    fixture = Fixture("1.1")
    pack = b'[{"bn":"/30000/0/","n":"1","v":6},{"n":"3","v":2.5},{"n":"256/7","v":8}]'
    assert code(fixture.ask(POST, "30000/0", pack, 110)) == 204
    assert fixture.thing.values[1] == 6 and fixture.thing.values[3] == 2.5
    assert fixture.thing.values[256] == {0: 1, 7: 8, 300: -9223372036854775808}
    pack = b'[{"bn":"/30000/0/","n":"0","vs":"new"},{"n":"5","vd":"_w"}]'
    assert code(fixture.ask(PUT, "30000/0", pack, 110)) == 204
    assert fixture.thing.values[5] == b"\xff" and 1 not in fixture.thing.values
    assert code(fixture.ask(PUT, "30000/0/1", b'[{"n":"/30000/0/1","v":9}]', 110)) == 204
    assert fixture.thing.values[1] == 9
    assert code(fixture.ask(POST, "30000", b'[{"n":"/30000/5/0","vs":"x"}]', 110)) == 201
    assert fixture.tree.get(30000, 5).values[0] == "x"
    assert code(Fixture("1.0").ask(PUT, "30000/0/1", b"[]", 110)) == 415


def test_nothing_half_written():
    """TS 1.1 Core §6.3.3: a Write with one bad record changes nothing."""
    fixture = Fixture("1.1")
    before = dict(fixture.thing.values)
    for record, answer in (
        ('{"n":"3","v":"x"}', 400),
        ('{"n":"4","v":1}', 400),
        ('{"n":"99","v":1}', 404),
        ('{"n":"11","v":1}', 405),
        ('{"n":"3","v":1', 400),
        ('{"n":"3","v":1e400}', 400),
    ):
        pack = '[{"bn":"/30000/0/","n":"1","v":6},' + record + "]"
        assert code(fixture.ask(POST, "30000/0", pack.encode(), 110)) == answer, record
        assert fixture.thing.values == before
    assert fixture.changes == []
