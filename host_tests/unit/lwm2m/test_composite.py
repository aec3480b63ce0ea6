"""Read-Composite and Write-Composite: TS 1.1 Core §6.3.8, §6.3.9, RFC 8790."""

from lwm2m.codec import cbor
from lwm2m.composite import paths, read_paths
from lwm2m.object import Object, OperationError
from unit.lwm2m_model.helpers import VALUES, Everything, Fixture, code, is_refused

HEAP_K = 96  # the tests' own code and every codec of composites

FETCH = 5
PATCH = 6
IPATCH = 7


def _format(response):
    return response.get_uint(12)


def _fetch(fixture, payload, content_format=112, accept=None):
    return fixture.ask(FETCH, "", payload, content_format, accept)


def _named(*names):
    return cbor.dumps([{0: name} for name in names])


def _read(fixture, *names):
    # The answer as {name: value}, base names resolved.
    response = _fetch(fixture, _named(*names))
    assert (code(response), _format(response)) == (205, 112)
    base = ""
    found = {}
    payload = response.payload
    for record in cbor.loads(payload.read(0, 4096) if hasattr(payload, "read") else payload):
        base = record.get(-2, base)
        for label in (2, 3, 4, 8, "vlo"):
            if label in record:
                found[base + record.get(0, "")] = record[label]
    return found


def test_read_composite():
    """LightweightM2M-1.1-int-280: resources of several Objects in one answer."""
    fixture = Fixture("1.1")
    assert _read(fixture, "/3/0/0", "/1/0/1", "/30000/0/256/300") == {
        "/3/0/0": "Open Mobile Alliance",
        "/1/0/1": 300,
        "/30000/0/256/300": -9223372036854775808,
    }
    pack = cbor.loads(_fetch(fixture, _named("/3/0/1", "/3/0/0")).payload)
    assert pack == [
        {-2: "/3/0/", 0: "0", 3: "Open Mobile Alliance"},
        {0: "1", 3: "Lightweight M2M Client"},
    ]
    assert cbor.loads(_fetch(fixture, _named("/3/0/3")).payload) == [{-2: "/3/0/3", 3: "1.0"}]


def test_instances_and_objects():
    """TS 1.1 Core §6.3.8: a path may be an Object or an Object Instance as well."""
    fixture = Fixture("1.1")
    whole = _read(fixture, "/1/0", "/30000")
    assert whole["/1/0/0"] == 1
    assert whole["/30000/0/0"] == "text"
    assert "/30000/0/12" not in whole  # write-only
    assert _read(fixture, "/30000/0", "/30000/0/0", "/30000", "/1/0") == whole


def test_missing_paths_are_left_out():
    """LightweightM2M-1.1-int-281, 236: best effort, also for what may not be read."""
    fixture = Fixture("1.1")
    names = ("/3/0/0", "/3/0/9", "/3/1", "/9", "/3/0/4", "/30000/0/12", "/30000/0/256/1", "/0/0/0")
    assert _read(fixture, *names) == {"/3/0/0": "Open Mobile Alliance"}
    for content_format, empty in ((110, b"[]"), (112, b"\x80"), (None, b"\x80")):
        response = _fetch(fixture, _named("/9", "/0", "/3/0/4"), 112, content_format)
        assert (code(response), bytes(response.payload)) == (205, empty)
    response = _fetch(Fixture("1.2"), _named("/9"), 112, 11544)
    assert (code(response), bytes(response.payload)) == (205, b"\xa0")


def test_root():
    """LightweightM2M-1.1-int-235: the root is everything but /0, /21 and /23."""

    class Closed(Object):
        object_id = 23
        resources = b"\x00\x00\x01\x02"

    fixture = Fixture("1.1")
    fixture.tree.add(Closed()).values[0] = 1
    found = _read(fixture, "/")
    assert {int(name.split("/")[1]) for name in found} == {1, 3, 30000}
    assert found == _read(fixture, "/1", "/3", "/30000")
    assert found == _read(fixture, "/", "/3/0/0")


def test_formats_of_requests():
    """TS 1.1 Core §7.4.4, TS 1.2 §7.4.5: paths in SenML and SenML-ETCH, in JSON and CBOR; in 1.2
    LwM2M CBOR with null for values."""
    wanted = [(1, 0, 1), (3, 0, 0)]
    pack = cbor.dumps([{-2: "/3/0/", 0: "0"}, {-2: "/1/0/1"}])
    text = b'[{"bn":"/3/0/","n":"0"},{"bn":"/1/0/1"}]'
    for content_format, payload in (
        (112, pack),
        (322, pack),
        (None, pack),
        (110, text),
        (320, text),
        (11544, b"\xa2\x83\x03\x00\x00\xf6\x01\xbf\x00\xa1\x01\xf6\xff"),
    ):
        assert paths(payload, content_format) == wanted, content_format
    for content_format in (0, 40, 60, 11542, 11543, 50):
        assert code(_fetch(Fixture("1.2"), pack, content_format)) == 415
    assert paths(b'[{"n":"/"}]', 110) == [()]
    assert paths(b'[{"bn":"/3/0/"},{"n":"1"}]', 110) == [(3, 0)]
    assert paths(b'[{"bn":"/3/0/","t":5},{"n":"1","u":"V"}]', 320) == [(3, 0)]


def test_formats_of_answers():
    """TS 1.1 Core §6.3.8: SenML in JSON or CBOR, LwM2M CBOR since 1.2; another Accept is 4.06."""
    for name, accept, expected in (
        ("1.1", None, 112),
        ("1.1", 110, 110),
        ("1.1", 112, 112),
        ("1.2", None, 112),
        ("1.2", 11544, 11544),
    ):
        response = _fetch(Fixture(name), _named("/3/0/3", "/1/0/1"), 112, accept)
        assert (code(response), _format(response)) == (205, expected)
    first = _fetch(Fixture("1.2"), _named("/3/0/3", "/1/0/1"), 112, 11544).payload
    assert bytes(first) == (
        b"\xbf\x01\xbf\x00\xbf\x01\x19\x01\x2c\xff\xff\x03\xbf\x00\xbf\x03\x631.0\xff\xff\xff"
    )
    for name, accept in (("1.1", 11544), ("1.1", 0), ("1.1", 60), ("1.2", 11542), ("1.2", 320)):
        assert code(_fetch(Fixture(name), _named("/3/0/3"), 112, accept)) == 406, accept


def test_malformed_fetch():
    """RFC 8790 §3.1: a Fetch Pack has a record, and each record a name; 4.00 otherwise."""
    fixture = Fixture("1.1")
    for payload in (
        b"",
        b"\x80",
        b"\x81",
        b"\x81\xa0",
        b"\x81\xa1\x00\x01",
        b"\xa0",
        _named(""),
        _named("3/0/0"),
        _named("/3/x"),
        _named("/65536"),
        _named("/3/0/0/0/0"),
        _named("//"),
        _named("/3") + b"\x00",
        cbor.dumps([{0: "/3", -1: 11}]),
        cbor.dumps([{0: "/3", "must_": 1}]),
    ):
        assert code(_fetch(fixture, payload)) == 400, payload
    for payload in (b"", b"[]", b"[{}]", b'[{"n":1}]', b'{"n":"/3"}', b'[{"n":"/3"}', b"nil"):
        assert code(_fetch(fixture, payload, 110)) == 400, payload
    for payload in (b"", b"\xa0", b"\xbf\xff", b"\xa1\x03\x05", b"\xa1\x61a\xf6", b"\xa1\x03"):
        assert code(_fetch(Fixture("1.2"), payload, 11544)) == 400, payload
    for code_ in (FETCH, IPATCH):
        assert code(Fixture("1.1").ask(code_, "3", _named("/3"), 112)) == 405


def test_many_paths():
    """TS 1.1 Core §6.3.8: more paths than memory is set aside for are 4.13."""
    assert len(paths(_named(*["/3/0/%d" % each for each in range(64)]), 112)) == 64
    assert len(paths(_named(*["/3/0/0"] * 99), 112)) == 1
    many = _named(*["/3/0/%d" % each for each in range(65)])
    assert code(_fetch(Fixture("1.1"), many)) == 413


def test_versions_without():
    """TS 1.0 §5.4: composite operations came with 1.1; without it 4.05, as PATCH always is."""
    for name in ("draft", "1.0"):
        for method in (FETCH, IPATCH):
            assert code(Fixture(name).ask(method, "", _named("/3"), 112)) == 405
    assert code(Fixture("1.1").ask(PATCH, "", _named("/3"), 112)) == 405


def _write(fixture, records, content_format=112):
    payload = records if isinstance(records, bytes) else cbor.dumps(records)
    return code(fixture.ask(IPATCH, "", payload, content_format))


def test_write_composite():
    """LightweightM2M-1.1-int-257: resources of several instances and Objects, 2.04."""
    fixture = Fixture("1.1")
    other = fixture.tree.add(Everything())
    other.values.update(VALUES)
    assert (
        _write(
            fixture,
            [
                {-2: "/30000/0/", 0: "0", 3: "first"},
                {0: "256/7", 2: 70},
                {-2: "/30000/1/", 0: "1", 2: 11},
                {0: "7", "vlo": "1:0"},
                {-2: "/1/0/1", 2: 600},
            ],
        )
        == 204
    )
    assert fixture.thing.values[0] == "first"
    # Values of a multiple resource are added to those there.
    assert fixture.thing.values[256] == {0: 1, 300: -9223372036854775808, 7: 70}
    assert (other.values[1], other.values[7], other.values[0]) == (11, (1, 0), "text")
    assert fixture.server.values[1] == 600
    assert set(fixture.changes) == {
        (30000, 0, 0),
        (30000, 0, 256),
        (30000, 1, 1),
        (30000, 1, 7),
        (1, 0, 1),
    }


def test_write_composite_in_each_format():
    """TS 1.2 Core §7.4: SenML, SenML-ETCH in JSON and CBOR, LwM2M CBOR."""
    text = b'[{"bn":"/30000/0/","n":"1","v":6},{"n":"5","vd":"AP8"}]'
    pack = cbor.dumps([{-2: "/30000/0/", 0: "1", 2: 6}, {0: "5", 8: b"\x00\xff"}])
    for name, content_format, payload in (
        ("1.1", 110, text),
        ("1.1", 320, text),
        ("1.1", 112, pack),
        ("1.1", 322, pack),
        ("1.1", None, pack),
        ("1.2", 11544, b"\xa1\x82\x19\x75\x30\x00\xa2\x01\x06\x05\x42\x00\xff"),
    ):
        fixture = Fixture(name)
        assert _write(fixture, payload, content_format) == 204, content_format
        assert (fixture.thing.values[1], fixture.thing.values[5]) == (6, b"\x00\xff")
    for name, content_format in (("1.1", 11544), ("1.2", 11542), ("1.2", 0), ("1.2", 40)):
        assert _write(Fixture(name), pack, content_format) == 415


def test_write_composite_is_whole_or_nothing():
    """TS 1.1 Core §6.3.9: where one value cannot be written, none is."""
    good = {-2: "/30000/0/0", 3: "changed"}
    for bad, expected in (
        ({-2: "/30000/0/11", 2: 1}, 405),  # read-only
        ({-2: "/3/0/4", 2: 1}, 405),  # executable
        ({-2: "/30000/9/0", 3: "x"}, 404),  # no Object Instance is created
        ({-2: "/30000/0/99", 2: 1}, 404),
        ({-2: "/9/0/1", 2: 1}, 404),
        ({-2: "/0/0/5", 8: b"key"}, 401),
        ({-2: "/30000/0/1", 3: "text"}, 400),
        ({-2: "/30000/0/256", 2: 1}, 400),  # multiple
        ({-2: "/30000/0/1/0", 2: 1}, 400),  # single
        ({-2: "/30000/0", 2: 1}, 400),
        ({-2: "/1/0/1", 2: -5}, 400),  # as the Object validates
        ({-2: "/30000/0/1", 2: None}, 400),
        ({-2: "/30000/0/1", "odd_": 1, 2: 1}, 400),
    ):
        for records in ([good, bad], [bad, good]):
            fixture = Fixture("1.1")
            assert _write(fixture, records) == expected, bad
            assert fixture.thing.values == VALUES
            assert fixture.changes == []
    fixture = Fixture("1.1")
    many = [{-2: "/30000/0/256/", 0: "0", 2: 0}]
    many += [{0: str(each), 2: each} for each in range(1, 64)]
    assert _write(fixture, many) == 400  # 65 with the one that is there
    assert fixture.thing.values == VALUES
    for empty in (b"\x80", b"", b"\x81\xa0"):
        assert _write(fixture, empty) == 400


def test_null_removes_a_resource_instance():
    """RFC 8790 §3.2: a record of the value null removes what it names; records apply in turn."""
    for content_format, payload in (
        (322, cbor.dumps([{-2: "/30000/0/256/", 0: "300", 2: None}, {0: "9", 2: None}])),
        (320, b'[{"bn":"/30000/0/256/","n":"300","v":null},{"n":"9","v":null}]'),
        (11544, b"\xa1\x83\x19\x75\x30\x00\x19\x01\x00\xa2\x19\x01\x2c\xf6\x09\xf6"),
    ):
        fixture = Fixture("1.2")
        assert _write(fixture, payload, content_format) == 204
        assert fixture.thing.values[256] == {0: 1}
        assert fixture.changes == [(30000, 0, 256)]
    fixture = Fixture("1.2")
    text = b'[{"bn":"/30000/0/256/","n":"0","v":null},{"n":"0","v":2},{"n":"300","v":null}]'
    assert _write(fixture, text, 320) == 204
    assert fixture.thing.values[256] == {0: 2}
    # A resource that is no list is not removed.
    for content_format in (320, 322):
        payload = b'[{"n":"/30000/0/1","v":null}]'
        if content_format == 322:
            payload = cbor.dumps([{0: "/30000/0/1", 2: None}])
        assert _write(fixture, payload, content_format) == 405
        assert fixture.thing.values[1] == -5


def test_refusals_of_paths():
    """TS 1.1 Core §6.3.8: what `paths` and `read_paths` raise."""
    fixture = Fixture("1.1")
    assert is_refused(paths, b"\x80", 112)
    for call in (
        lambda: paths(b"\x80", 60),
        lambda: read_paths(fixture.operations, [(3,)], 60, fixture.account),
    ):
        try:
            call()
            raise AssertionError("not refused")
        except OperationError:
            pass
