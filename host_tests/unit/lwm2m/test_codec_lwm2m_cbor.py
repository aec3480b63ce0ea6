"""LwM2M CBOR (Content-Format 11544): TS 1.2 Core §7.4.6."""

from lwm2m.codec import load
from lwm2m.codec.cbor import dumps
from unit.lwm2m_model.helpers import GET, POST, PUT, VALUES, Fixture, code, is_refused, kind_of

CODEC = load(11544)

_FORMS = (
    b"\xa1\x83\x19\x75\x30\x00\x01\x18\x2a",  # {[30000, 0, 1]: 42}
    b"\xbf\x9f\x19\x75\x30\x00\x01\xff\x18\x2a\xff",  # the same in open lengths
    b"\xa1\x19\x75\x30\xa1\x00\xa1\x01\x18\x2a",  # {30000: {0: {1: 42}}}
    b"\xbf\x19\x75\x30\xbf\x00\xbf\x01\x18\x2a\xff\xff\xff",
    b"\xa1\x81\x19\x75\x30\xa1\x81\x00\xa1\x81\x01\x18\x2a",  # {[30000]: {[0]: {[1]: 42}}}
    b"\xa1\x82\x19\x75\x30\x00\xa1\x01\x18\x2a",  # {[30000, 0]: {1: 42}}
    b"\xa1\x19\x75\x30\xa1\x82\x00\x01\x18\x2a",  # {30000: {[0, 1]: 42}}
)


def _read(payload, base=(30000, 0)):
    return list(CODEC.decode(payload, base, kind_of))


def _written(entries, base):
    payload = b""
    for chunk in CODEC.encode(entries, base):
        payload += chunk
    return payload


def test_keys():
    """TS 1.2 Core §7.4.6: a key is an id or an array of ids, in maps of either kind of length."""
    for payload in _FORMS:
        for base in ((), (30000,), (30000, 0), (30000, 0, 1)):
            assert _read(payload, base) == [((30000, 0, 1), 42)], payload
            assert _read(memoryview(payload), base) == [((30000, 0, 1), 42)]


def test_several_values():
    """TS 1.2 Core §7.4.6: what two keys name may share a part of the path or repeat it."""
    for payload in (
        b"\xa1\x82\x19\x75\x30\x00\xa2\x01\x06\x02\x07",
        b"\xa2\x83\x19\x75\x30\x00\x01\x06\x83\x19\x75\x30\x00\x02\x07",
        b"\xa2\x82\x19\x75\x30\x00\xa1\x01\x06\x83\x19\x75\x30\x00\x02\x07",
        b"\xa2\x83\x19\x75\x30\x00\x01\x06\x82\x19\x75\x30\x00\xa1\x81\x02\x07",
    ):
        assert _read(payload) == [((30000, 0, 1), 6), ((30000, 0, 2), 7)]
    payload = b"\xa1\x83\x19\x75\x30\x00\x19\x01\x00\xa2\x00\x01\x07\x02"
    assert _read(payload) == [((30000, 0, 256, 0), 1), ((30000, 0, 256, 7), 2)]


def test_nothing_and_null():
    """TS 1.2 Core §7.4.6: an empty map is a list without instances, null one that is removed."""
    head = b"\xa1\x83\x19\x75\x30\x00\x19\x01\x00"
    assert _read(head + b"\xa0") == [((30000, 0, 256), {})]
    assert _read(head + b"\xbf\xff") == [((30000, 0, 256), {})]
    assert _read(head + b"\xa1\x03\xf6") == [((30000, 0, 256, 3), None)]
    assert _read(b"\xa0") == []
    assert _read(b"\xbf\xff", ()) == []


def test_types():
    """TS 1.2 Core §7.4.6, Table: each type in the CBOR item that stands for it, both ways."""
    for rid, item in (
        (0, b"\x64text"),
        (1, b"\x24"),
        (2, b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"),
        (3, b"\xf9\x4d\x60"),
        (4, b"\xf5"),
        (5, b"\x43\x00\xff\x10"),
        (6, b"\x1a\x65\x53\xf1\x00"),
        (7, b"\x633:0"),
        (8, b"\x66</3/0>"),
    ):
        path = (30000, 0, rid)
        payload = b"\xa1\x83\x19\x75\x30\x00" + bytes((rid,)) + item
        assert _written([(path, kind_of(path), VALUES[rid])], path) == payload
        assert _read(payload) == [(path, VALUES[rid])]
    path = (30000, 0, 256, 300)
    payload = b"\xa1\x84\x19\x75\x30\x00\x19\x01\x00\x19\x01\x2c\x3b\x7f" + b"\xff" * 7
    assert _written([(path, 2, VALUES[256][300])], path) == payload
    assert _read(payload) == [(path, VALUES[256][300])]
    # A time may carry the tag of the epoch, a float be a decimal fraction.
    assert _read(b"\xa1\x83\x19\x75\x30\x00\x06\xc1\x1a\x65\x53\xf1\x00") == [
        ((30000, 0, 6), 1700000000)
    ]
    assert _read(b"\xa1\x83\x19\x75\x30\x00\x03\xc4\x82\x20\x18\xd7") == [((30000, 0, 3), 21.5)]


def test_written_maps():
    """TS 1.2 Core §7.4.6: one key for the path of the request, open maps below it."""
    assert _written([], (3,)) == b"\xa0"
    assert _written([], ()) == b"\xa0"
    entries = [((3, 0, 1), 2, 5), ((3, 0, 6, 0), 2, 1), ((3, 0, 6, 7), 2, 2), ((3, 0, 9), 2, 80)]
    below = b"\xbf\x01\x05\x06\xbf\x00\x01\x07\x02\xff\x09\x18\x50\xff"
    assert _written(entries, (3, 0)) == b"\xa1\x82\x03\x00" + below
    assert _written(entries, (3,)) == b"\xa1\x03\xbf\x00" + below + b"\xff"
    assert _written(entries, ()) == b"\xbf\x03\xbf\x00" + below + b"\xff\xff"
    assert _written(entries[1:3], (3, 0, 6)) == b"\xa1\x83\x03\x00\x06\xbf\x00\x01\x07\x02\xff"
    entries = [((1, 0, 1), 2, 5), ((1, 1, 1), 2, 6), ((3, 0, 1), 2, 7)]
    assert _written(entries, ()) == (
        b"\xbf\x01\xbf\x00\xbf\x01\x05\xff\x01\xbf\x01\x06\xff\xff\x03\xbf\x00\xbf\x01\x07\xff\xff\xff"
    )


def test_malformed():
    """TS 1.2 Core §7.4.6: keys that are no path, values of another type, bytes left over."""
    for payload in (
        b"",
        b"\x80",
        b"\xa1",
        b"\xa1\x19\x75\x30",
        b"\xa1\x80\x00",
        b"\xa1\x19\x75\x30\x00",
        b"\xa1\x82\x19\x75\x30\x00\x05",
        b"\xa1\x85\x19\x75\x30\x00\x01\x00\x00\x00",
        b"\xa1\x9f" + b"\x00" * 60 + b"\xff\x00",
        b"\xa1\x84\x19\x75\x30\x00\x01\x00\xa1\x00\x00",
        b"\xa1\x1a\x00\x01\x00\x00\x00",
        b"\xa1\x20\x00",
        b"\xa1\x61a\x00",
        b"\xa1\x81\x81\x01\x00",
        b"\xbf\x1f\x00\xff",
        b"\xa1\x83\x19\x75\x30\x00\x01\x64text",
        b"\xa1\x83\x19\x75\x30\x00\x01\x81\x01",
        b"\xa1\x83\x19\x75\x30\x00\x18\x63\x01",
        b"\xa1\x83\x19\x75\x30\x01\x01\x01",
        b"\xa1\x83\x03\x00\x01\x01",
        _FORMS[0] + b"\x00",
        _FORMS[1] + b"\xff",
        _FORMS[0][:-1],
        b"\xa1\x01" * 40 + b"\xa0",
        b"\xbf" * 500,
    ):
        assert is_refused(_read, payload), payload


def test_operations():
    """TS 1.2 Core §6.3: Read, Write and Create in LwM2M CBOR; 1.1 does not have it."""
    fixture = Fixture("1.2")
    for path in ("3", "3/0", "3/0/0", "30000/0", "30000/0/256", "30000/0/256/300"):
        response = fixture.ask(GET, path, accept=11544)
        assert (code(response), response.get_uint(12)) == (205, 11544)
    assert bytes(fixture.ask(GET, "3/0/3", accept=11544).payload) == b"\xa1\x83\x03\x00\x03\x631.0"
    for payload in _FORMS:
        fixture.thing.values[1] = 0
        assert code(fixture.ask(POST, "30000/0", payload, 11544)) == 204
        assert fixture.thing.values[1] == 42
    assert code(fixture.ask(PUT, "30000/0/1", _FORMS[0], 11544)) == 204
    # Replaced as a whole: what may be absent goes.
    payload = b"\xa1\x82\x19\x75\x30\x00\xa2\x00\x61x\x19\x01\x00\xa0"
    assert code(fixture.ask(PUT, "30000/0", payload, 11544)) == 204
    assert fixture.thing.values == {0: "x", 11: 7, 256: {}}
    payload = b"\xa1\x82\x19\x75\x30\x05\xa2\x00\x63new\x19\x01\x00\xa1\x02\x09"
    assert code(fixture.ask(POST, "30000", payload, 11544)) == 201
    assert fixture.tree.get(30000, 5).values == {0: "new", 256: {2: 9}}
    # Null removes in a Write-Composite only.
    removal = dumps({30000: {5: {256: {2: None}}}})
    assert code(fixture.ask(POST, "30000/5", removal, 11544)) == 400
    assert fixture.tree.get(30000, 5).values[256] == {2: 9}
    older = Fixture("1.1")
    assert code(older.ask(GET, "3/0", accept=11544)) == 406
    assert code(older.ask(PUT, "30000/0/1", _FORMS[0], 11544)) == 415


def test_round_trip():
    """TS 1.2 Core §7.4.6: an Object as it is read is what a Write of it takes."""
    fixture = Fixture("1.2")
    for base in ((30000,), (30000, 0), ()):
        entries = fixture.tree.entries(base or (30000,))
        expected = {path: value for path, _, value in entries}
        decoded = CODEC.decode(_written(entries, base), base, kind_of)
        assert {path: value for path, value in decoded} == expected
