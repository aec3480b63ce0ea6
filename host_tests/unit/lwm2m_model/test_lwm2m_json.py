"""LwM2M JSON, both directions, and the requests that use it."""

import json

from lwm2m import versions
from lwm2m.codec import lwm2m_json
from lwm2m.links import registration
from unit.lwm2m_model.helpers import GET, KINDS, POST, PUT, VALUES, Fixture, code, is_refused
from unit.lwm2m_model.helpers import kind_of as everything

_DEVICE_KINDS = {0: 1, 1: 1, 2: 1, 3: 1, 6: 2, 7: 2, 8: 2, 9: 2, 10: 2, 11: 2, 13: 7, 14: 1, 16: 1}
_DEVICE = [
    ((3, 0, 0), "Open Mobile Alliance"),
    ((3, 0, 1), "Lightweight M2M Client"),
    ((3, 0, 2), "345000123"),
    ((3, 0, 3), "1.0"),
    ((3, 0, 6, 0), 1),
    ((3, 0, 6, 1), 5),
    ((3, 0, 7, 0), 3800),
    ((3, 0, 7, 1), 5000),
    ((3, 0, 8, 0), 125),
    ((3, 0, 8, 1), 900),
    ((3, 0, 9), 100),
    ((3, 0, 10), 15),
    ((3, 0, 11, 0), 0),
    ((3, 0, 13), 1367491215),
    ((3, 0, 14), "+02:00"),
    ((3, 0, 16), "U"),
]
# TS 1.0 §6.4.4: the answer to a Read of /3/0 of the example client.
_DEVICE_TEXT = (
    '{"bn":"/3/0/","e":[{"n":"0","sv":"Open Mobile Alliance"},'
    '{"n":"1","sv":"Lightweight M2M Client"},{"n":"2","sv":"345000123"},{"n":"3","sv":"1.0"},'
    '{"n":"6/0","v":1},{"n":"6/1","v":5},{"n":"7/0","v":3800},{"n":"7/1","v":5000},'
    '{"n":"8/0","v":125},{"n":"8/1","v":900},{"n":"9","v":100},{"n":"10","v":15},'
    '{"n":"11/0","v":0},{"n":"13","v":1367491215},{"n":"14","sv":"+02:00"},{"n":"16","sv":"U"}]}'
)


def _device_kind(path):
    return _DEVICE_KINDS.get(path[2])


def _everything():
    entries = []
    for rid in sorted(VALUES):
        value = VALUES[rid]
        if isinstance(value, dict):
            for riid in sorted(value):
                entries.append(((30000, 0, rid, riid), KINDS[rid], value[riid]))
        else:
            entries.append(((30000, 0, rid), KINDS[rid], value))
    return entries


def _read(text, base=(30000, 0)):
    return list(lwm2m_json.decode(text.encode(), base, everything))


def _refused(text, base=(30000, 0)):
    return is_refused(lwm2m_json.decode, text.encode(), base, everything)


def test_device_example():
    """TS 1.0 §6.4.4: the Device Object of the example client, written and read."""
    entries = [(path, _DEVICE_KINDS[path[2]], value) for path, value in _DEVICE]
    assert b"".join(lwm2m_json.encode(entries, (3, 0))).decode() == _DEVICE_TEXT
    found = list(lwm2m_json.decode(memoryview(_DEVICE_TEXT.encode()), (3, 0), _device_kind))
    assert found == _DEVICE


def test_resource_example():
    """TS 1.0 §6.4.4: one resource, whose path is the base name, has no name."""
    entries = [((3, 0, 0), 1, "Open Mobile Alliance")]
    text = b"".join(lwm2m_json.encode(entries, (3, 0, 0)))
    assert text == b'{"bn":"/3/0/0","e":[{"sv":"Open Mobile Alliance"}]}'
    found = list(lwm2m_json.decode(text, (3, 0, 0), _device_kind))
    assert found == [((3, 0, 0), "Open Mobile Alliance")]


def test_history_example():
    """TS 1.0 §6.4.4: times of notifications; the base time comes after the entries."""
    text = (
        '{"bn":"/72/","e":[{"n":"1/2","v":22.4,"t":-5},{"n":"1/2","v":22.9,"t":-30},'
        '{"n":"1/2","v":24.1,"t":-50}],"bt":25462634}'
    )
    found = list(lwm2m_json.decode(text.encode(), (72,), lambda path: 4))
    assert found == [((72, 1, 2), 22.4), ((72, 1, 2), 22.9), ((72, 1, 2), 24.1)]
    entries = [((72, 1, 2), 4, 22.5, 25462629), ((72, 1, 2), 4, 24.25, 25462584)]
    assert b"".join(lwm2m_json.encode(entries, (72,))).decode() == (
        '{"bn":"/72/","e":[{"n":"1/2","t":25462629,"v":22.5},{"n":"1/2","t":25462584,"v":24.25}]}'
    )


def test_object_link_example():
    """TS 1.0 §6.4.4: links, and the one that links to nothing."""
    kinds = {(65, 0): 8, (66, 0): 1, (66, 1): 1, (66, 2): 8}
    text = (
        '{"bn":"/","e":[{"n":"65/0/0/0","ov":"66:0"},{"n":"66/0/0","sv":"myService1"},'
        '{"n":"66/1/2","ov":"FFFF:FFFF"}]}'
    )
    found = list(lwm2m_json.decode(text.encode(), (), lambda path: kinds[(path[0], path[2])]))
    assert found == [
        ((65, 0, 0, 0), (66, 0)),
        ((66, 0, 0), "myService1"),
        ((66, 1, 2), (65535, 65535)),
    ]
    assert b"".join(lwm2m_json.encode([((66, 1, 2), 8, (67, 0))], (66, 1))) == (
        b'{"bn":"/66/1/","e":[{"n":"2","ov":"67:0"}]}'
    )


def test_labels_by_type():
    """TS 1.0 §6.4.4 table 22: the value's label and text of each type; Opaque is base64."""
    text = b"".join(lwm2m_json.encode(_everything(), (30000, 0))).decode()
    for entry in (
        '{"n":"0","sv":"text"}',
        '{"n":"1","v":-5}',
        '{"n":"3","v":21.5}',
        '{"n":"4","bv":true}',
        '{"n":"5","sv":"AP8Q"}',
        '{"n":"7","ov":"3:0"}',
        '{"n":"256/300","v":-9223372036854775808}',
    ):
        assert entry in text, entry
    padded = b"".join(lwm2m_json.encode([((30000, 0, 5), 6, b"\xfb\xff")], (30000, 0)))
    assert b'"sv":"+/8="' in padded
    assert len(list(lwm2m_json.encode(_everything(), (30000, 0)))) == len(_everything()) + 1


def test_reads_back():
    """TS 1.0 §6.4.4: what is written is read, at every level, with all 64 bits."""
    for base in ((30000,), (30000, 0)):
        payload = b"".join(lwm2m_json.encode(_everything(), base))
        found = list(lwm2m_json.decode(memoryview(payload), base, everything))
        assert found == [(path, value) for path, kind, value in _everything()]
        assert len(json.loads(payload.decode())["e"]) == len(found)
    payload = b"".join(lwm2m_json.encode([], (30000, 0)))
    assert list(lwm2m_json.decode(payload, (30000, 0), everything)) == []


def test_names():
    """TS 1.0 §6.4.4: base name and name concatenate; without a base name a name is a path."""
    one = [((30000, 0, 1), 1)]
    for text in (
        '{"bn":"/30000/0/","e":[{"n":"1","v":1}]}',
        '{"e":[{"n":"1","v":1}],"bn":"/30000/0/"}',
        '{"bn":"/30000/0","e":[{"n":"/1","v":1}]}',
        '{"bn":"","e":[{"n":"/30000/0/1","v":1}]}',
        '{"e":[{"n":"/30000/0/1","v":1}]}',
        '{"e":[{"n":"1","v":1}]}',
        ' { "e" : [ { "n" : "1" , "v" : 1 } ] , "bt" : 5.5 , "x" : [ { } ] } ',
    ):
        assert _read(text) == one, text
    for text in ('{"e":[{"v":1}]}', '{"e":[{"n":"","v":1}]}', '{"bn":"/30000/0/1","e":[{"v":1}]}'):
        assert _read(text, (30000, 0, 1)) == one, text
    for text in (
        '{"bn":"/30000/1/","e":[{"n":"1","v":1}]}',
        '{"bn":"30000/0/","e":[{"n":"1","v":1}]}',
        '{"e":[{"n":"/30000/1/1","v":1}]}',
        '{"e":[{"n":"1/2/3","v":1}]}',
        '{"e":[{"v":1}]}',
    ):
        assert _refused(text), text


def test_malformed():
    """TS 1.0 §6.4.4, RFC 8259: what is not one object with entries is refused."""
    for text in (
        "",
        "[]",
        "{}",
        '{"bn":"/30000/0/"}',
        '{"e":{}}',
        '{"e":5}',
        '{"e":[5]}',
        '{"e":[[]]}',
        '{"e":[{"n":"1"}]}',
        '{"e":[{"n":"1","v":1,"sv":"x"}]}',
        '{"e":[{"n":1,"v":1}]}',
        '{"e":[{"n":"1","v":1,"t":"x"}]}',
        '{"e":[{"n":"1","v":1}],"bt":true}',
        '{"bn":5,"e":[{"n":"1","v":1}]}',
        '{"bn":null,"e":[{"n":"1","v":1}]}',
        '{"e":[{"n":"1","v":1}],"e":[]}',
        '{"e":[{"n":"1","v":1},]}',
        '{"e":[{"n":"1","v":1}]',
        '{"e":[{"n":"1","v":1}]}x',
        '{"e":[{"n":"1","v":1}],"x":' + "[" * 100 + "]" * 100 + "}",
    ):
        assert _refused(text), text


def test_every_truncation_is_refused():
    """RFC 8259 §2: no cut of a payload passes or raises anything but CodecError."""
    payload = b"".join(lwm2m_json.encode(_everything(), (30000, 0)))
    for end in range(len(payload)):
        assert is_refused(lwm2m_json.decode, payload[:end], (30000, 0), everything), end


def test_types_must_agree():
    """TS 1.0 §6.4.4 table 22: the label belongs to the resource's type."""
    for rid, label, value in (
        (1, "sv", '"5"'),
        (1, "bv", "true"),
        (1, "v", "true"),
        (1, "v", "1.5"),
        (0, "v", "5"),
        (4, "v", "1"),
        (5, "sv", '"x"'),
        (7, "sv", '"3:0"'),
        (7, "ov", '"3"'),
        (7, "ov", '"FFFF:0"'),
        (99, "v", "1"),
        (3, "v", "null"),
    ):
        assert _refused('{"e":[{"n":"%d","%s":%s}]}' % (rid, label, value)), (rid, label)


def test_read_with_accept():
    """TS 1.0 §5.4.1, ETS int-204: Accept 11543 in 1.0 and the draft; 1.1 does not send it."""
    for name in ("draft", "1.0"):
        fixture = Fixture(name)
        answer = fixture.ask(GET, "30000/0/1", accept=11543)
        assert code(answer) == 205 and answer.get_uint(12) == 11543
        assert bytes(answer.payload) == b'{"bn":"/30000/0/1","e":[{"v":-5}]}'
        assert code(fixture.ask(GET, "3", accept=11543)) == 205
    assert code(Fixture("1.1").ask(GET, "3/0", accept=11543)) == 406


def test_write():
    """TS 1.0 §5.4.3, ETS int-220: Write and Create; 1543 was the number before IANA's."""
    for number in (11543, 1543):
        fixture = Fixture("1.0")
        text = b'{"bn":"/30000/0/","e":[{"n":"1","v":6},{"n":"256/7","v":8},{"n":"4","bv":false}]}'
        assert code(fixture.ask(POST, "30000/0", text, number)) == 204
        assert fixture.thing.values[1] == 6 and fixture.thing.values[4] is False
        assert fixture.thing.values[256] == {0: 1, 7: 8, 300: -9223372036854775808}
        assert code(fixture.ask(PUT, "30000/0/7", b'{"e":[{"ov":"1:2"}]}', number)) == 204
        assert fixture.thing.values[7] == (1, 2)
        text = b'{"bn":"/30000/5/","e":[{"n":"0","sv":"x"}]}'
        assert code(fixture.ask(POST, "30000", text, number)) == 201
        assert fixture.tree.get(30000, 5).values[0] == "x"
    assert code(Fixture("1.1").ask(PUT, "30000/0/1", text, 11543)) == 415


def test_nothing_half_written():
    """TS 1.0 §5.4.3: a Write with one bad entry changes nothing."""
    fixture = Fixture("1.0")
    before = dict(fixture.thing.values)
    for entry, answer in (
        ('{"n":"3","v":"x"}', 400),
        ('{"n":"99","v":1}', 404),
        ('{"n":"11","v":1}', 405),
        ('{"n":"3","v":1', 400),
    ):
        text = '{"bn":"/30000/0/","e":[{"n":"1","v":6},' + entry + "]}"
        assert code(fixture.ask(POST, "30000/0", text.encode(), 11543)) == answer, entry
        assert fixture.thing.values == before
    assert fixture.changes == []


def test_announced():
    """TS 1.0 §5.3.1, CR 5.2.1: a client that has JSON says so in the root link."""
    for name in ("draft", "1.0"):
        version = versions.get(name)
        links = registration(Fixture(name).tree, version, "", version.announced_format)
        assert links == '</>;rt="oma.lwm2m";ct=11543,</1/0>,</3/0>,</30000/0>'
