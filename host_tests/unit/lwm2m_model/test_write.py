"""Write, Execute, Write-Attributes, Create and Delete."""

from lwm2m.codec import cbor
from lwm2m.object import OperationError
from unit.lwm2m_model.helpers import DELETE, GET, POST, PUT, VALUES, Everything, Fixture, code


def _senml(base, values):
    records = []
    for name in values:
        value = values[name]
        label = 3 if isinstance(value, str) else 2
        records.append({0: base + name, label: value})
    return cbor.dumps(records)


def test_write_a_resource_in_each_format():
    """LightweightM2M-1.1-int-205, 215, 212, 232: text, TLV, CBOR and SenML CBOR."""
    for content_format, payload in (
        (0, b"42"),
        (None, b"42"),
        (60, b"\x18\x2a"),
        (11542, b"\xc1\x01\x2a"),
        (1542, b"\xc1\x01\x2a"),
        (112, cbor.dumps([{-2: "/30000/0/1", 2: 42}])),
    ):
        fixture = Fixture("1.1")
        response = fixture.ask(PUT, "30000/0/1", payload, content_format)
        assert code(response) == 204, content_format
        assert fixture.thing.values[1] == 42
        assert fixture.changes == [(30000, 0, 1)]


def test_write_an_opaque_resource():
    """TS 1.1 Core §7.4: octets as octets, base64 as text."""
    fixture = Fixture("1.1")
    assert code(fixture.ask(PUT, "30000/0/5", b"\x01\x02", 42)) == 204
    assert fixture.thing.values[5] == b"\x01\x02"
    assert code(fixture.ask(PUT, "30000/0/5", b"AP8Q", 0)) == 204
    assert fixture.thing.values[5] == b"\x00\xff\x10"


def test_unsupported_content_format():
    """RFC 7252 §5.9.2.8: a Content-Format that is not understood is 4.15."""
    fixture = Fixture("1.1")
    for path, content_format in (
        ("30000/0/1", 50),
        ("30000/0/1", 11543),
        ("30000/0/1", 40),
        ("30000/0", 0),
        ("30000/0", 42),
        ("30000/0", 60),
        ("30000/0/1", 65000),
    ):
        assert code(fixture.ask(PUT, path, b"42", content_format)) == 415, (path, content_format)
    assert code(Fixture("1.0").ask(PUT, "30000/0/1", b"\x18\x2a", 60)) == 415
    assert fixture.thing.values == VALUES


def test_unwritable():
    """LightweightM2M-1.1-int-256: 4.05 for read-only, 4.04 for what is not there."""
    fixture = Fixture("1.1")
    for method, path, expected in (
        (PUT, "30000/0/11", 405),
        (PUT, "3/0/0", 405),
        (PUT, "30000/0/10", 405),
        (PUT, "3/0/99", 404),
        (PUT, "3/1/0", 404),
        (PUT, "9/0/0", 404),
        (PUT, "3", 405),
        (POST, "3", 405),
        (PUT, "", 405),
        (POST, "", 405),
        (POST, "30000/0/1", 405),
        (POST, "30000/0/256/0", 405),
        (PUT, "30000/0/256/7", 404),
        (PUT, "30000/0/1/0", 400),
    ):
        assert code(fixture.ask(method, path, b"1", 0)) == expected, (method, path)
    assert fixture.thing.values == VALUES
    assert fixture.changes == []


def test_malformed_payloads_change_nothing():
    """TS 1.1 Core §6.3.3: 4.00, and every value as before."""
    fixture = Fixture("1.1")
    for path, payload, content_format in (
        ("30000/0/1", b"x", 0),
        ("30000/0/1", b"", 0),
        ("30000/0/1", b"\xff", 60),
        ("30000/0/1", b"\xc1\x02\x2a", 11542),
        ("30000/0", b"\xc1\x01", 11542),
        ("30000/0", b"", 11542),
        ("30000/0", b"\x80", 112),
        ("30000/0/256", b"5", 0),
        ("30000/0", b"", None),
        ("30000/0/1", _senml("/30000/0/", {"2": 1}), 112),
        ("30000/0", _senml("/30000/0/", {"256": 1}), 112),
        ("30000/0", _senml("/30000/0/", {"1/0": 1}), 112),
    ):
        for method in (PUT, POST):
            if method == PUT or path == "30000/0":
                assert code(fixture.ask(method, path, payload, content_format)) == 400, payload
    assert fixture.thing.values == VALUES


def test_partial_write_of_an_instance():
    """LightweightM2M-1.1-int-226: POST changes what is named and keeps the rest."""
    fixture = Fixture("1.1")
    payload = _senml("/30000/0/", {"1": 9, "0": "new", "256/300": 2, "256/5": 3})
    assert code(fixture.ask(POST, "30000/0", payload, 112)) == 204
    values = fixture.thing.values
    assert (values[0], values[1], values[3]) == ("new", 9, 21.5)
    assert values[256] == {0: 1, 300: 2, 5: 3}
    assert sorted(fixture.changes) == [(30000, 0, 0), (30000, 0, 1), (30000, 0, 256)]


def test_replacing_write_of_an_instance():
    """TS 1.1 Core §6.3.3: PUT drops optional writable values that are not named."""
    fixture = Fixture("1.1")
    payload = _senml("/30000/0/", {"1": 9, "256/7": 3})
    assert code(fixture.ask(PUT, "30000/0", payload, 112)) == 204
    # The mandatory one stays, since an instance is never without it, and the read-only one too.
    assert fixture.thing.values == {0: "text", 1: 9, 256: {7: 3}, 11: 7}


def test_all_or_nothing():
    """TS 1.1 Core §6.3.3: one bad value and none is written."""
    fixture = Fixture("1.1")
    for bad in ({"1": "x"}, {"11": 1}, {"99": 1}, {"10": 1}, {"0": 5}):
        payload = cbor.dumps([{0: "/30000/0/2", 2: 5}])[1:]
        records = b"\x82" + payload + _senml("/30000/0/", bad)[1:]
        for method in (PUT, POST):
            assert code(fixture.ask(method, "30000/0", records, 112)) in (400, 404, 405)
    assert fixture.thing.values == VALUES

    def refuse(rid, value):
        if rid == 3:
            raise OperationError(0x80)

    fixture.thing.validate = refuse
    payload = _senml("/30000/0/", {"1": 9, "3": 1, "2": 1})
    assert code(fixture.ask(POST, "30000/0", payload, 112)) == 400
    assert fixture.thing.values == VALUES
    assert fixture.changes == []


def test_multiple_resource():
    """LightweightM2M-1.1-int-227, 228: replace a resource, one resource instance, add by POST."""
    fixture = Fixture("1.1")
    assert code(fixture.ask(PUT, "30000/0/256", _senml("/30000/0/256/", {"1": 4}), 112)) == 204
    assert fixture.thing.values[256] == {1: 4}
    assert code(fixture.ask(PUT, "30000/0/256/1", b"6", 0)) == 204
    assert fixture.thing.values[256] == {1: 6}
    assert code(fixture.ask(PUT, "30000/0/256/2", b"6", 0)) == 404
    assert code(fixture.ask(POST, "30000/0/256", b"\x41\x09\x08", 11542)) == 204
    assert fixture.thing.values[256] == {1: 6, 9: 8}
    assert code(fixture.ask(PUT, "30000/0/256", b"\xa0\x01\x00", 11542)) == 204
    assert fixture.thing.values[256] == {}


def test_tlv_instance_wrapped():
    """TS 1.0 §6.4.3: a Write of an instance may come in an Object Instance record."""
    fixture = Fixture("1.0")
    assert code(fixture.ask(POST, "30000/0", b"\x03\x00\xc1\x01\x09", 11542)) == 204
    assert fixture.thing.values[1] == 9
    assert code(fixture.ask(POST, "30000/0", b"\x03\x01\xc1\x01\x0a", 11542)) == 400
    assert code(fixture.ask(POST, "30000/0", b"\xc1\x01\x0b")) == 204
    assert fixture.thing.values[1] == 11


def test_execute():
    """LightweightM2M-1.1-int-241, TS 1.0 §5.4.5: Execute with checked arguments."""
    fixture = Fixture("1.1")
    assert code(fixture.ask(POST, "30000/0/10")) == 204
    assert code(fixture.ask(POST, "30000/0/10", b"0='U',1", 0)) == 204
    assert fixture.thing.executed == [(10, b""), (10, b"0='U',1")]
    assert code(fixture.ask(POST, "30000/0/10", b"oops", 0)) == 400
    assert code(fixture.ask(POST, "30000/0/10", b"\x80", 112)) == 415
    assert code(fixture.ask(POST, "30000/0/99")) == 404
    assert code(fixture.ask(POST, "30000/5/10")) == 404
    assert code(fixture.ask(POST, "3/0/5")) == 404
    assert len(fixture.thing.executed) == 2


def test_format_of_execute():
    """RFC 7252 §5.9.2.8: arguments in what is not text are 4.15; a format of no payload counts
    for nothing, and 1541 is what lwm2m-node-lib calls text."""
    fixture = Fixture()
    for payload, number, answer in (
        (b"", 1541, 204),
        (b"", 11542, 204),
        (b"1", 1541, 204),
        (b"1", 1542, 415),
        (b"1", 11542, 415),
    ):
        assert code(fixture.ask(POST, "30000/0/10", payload, number)) == answer, (payload, number)
    assert fixture.thing.executed == [(10, b""), (10, b""), (10, b"1")]


def test_write_attributes():
    """LightweightM2M-1.1-int-261: attributes on Object, instance and resource."""
    fixture = Fixture("1.1")
    for path in ("30000", "30000/0", "30000/0/3", "30000/0/256/0"):
        assert code(fixture.ask(PUT, path, queries=("pmin=5", "pmax=9"))) == 204
    assert code(fixture.ask(PUT, "30000/0/3", queries=("gt=25.5", "lt=1"))) == 204
    own = fixture.operations.attributes.effective(1, (30000, 0, 3))
    assert own[:5] == [5, 9, 25.5, 1, None]
    for path, queries, expected in (
        ("30000/0/3", ("gt=1",), 400),
        ("30000/0/0", ("gt=1",), 400),
        ("30000/0", ("st=1",), 400),
        ("30000/0/3", ("what=1",), 400),
        ("30000/7", ("pmin=1",), 404),
        ("77", ("pmin=1",), 404),
        ("30000/0/99", ("pmin=1",), 404),
        ("", ("pmin=1",), 405),
    ):
        assert code(fixture.ask(PUT, path, queries=queries)) == expected, path
    assert code(fixture.ask(PUT, "30000/0/3", b"5", 0, queries=("pmin=1",))) == 400
    assert code(fixture.ask(PUT, "30000/0/3", queries=("gt=", "lt="))) == 204


def test_create():
    """LightweightM2M-1.1-int-1630: Create with and without an instance id; Location-Path."""
    fixture = Fixture("1.1")
    structure = []
    fixture.tree.on_structure = lambda: structure.append(1)
    response = fixture.ask(POST, "30000", _senml("/30000/5/", {"0": "five", "11": 3}), 112)
    assert (code(response), response.all(8)) == (201, [])
    assert fixture.tree.get(30000, 5).values == {0: "five", 11: 3}
    response = fixture.ask(POST, "30000", b"\xc1\x00x", 11542)
    assert (code(response), response.all(8)) == (201, [b"30000", b"1"])
    assert fixture.tree.get(30000, 1).values == {0: "x"}
    assert structure
    assert fixture.tree.instances(30000) == [0, 1, 5]


def test_create_refused():
    """LightweightM2M-1.1-int-680: Create on /3 is 4.05; a taken id or a missing value 4.00."""
    fixture = Fixture("1.1")
    for path, payload, expected in (
        ("3", b"", 405),
        ("1", b"", 405),
        ("77", b"", 404),
        ("30000", _senml("/30000/0/", {"0": "taken"}), 400),
        ("30000", _senml("/30000/7/", {"1": 1}), 400),
        ("30000", b"", 400),
        ("30000", cbor.dumps([{0: "/30000/5/0", 3: "a"}, {0: "/30000/6/1", 2: 1}]), 400),
        ("30000", _senml("/30000/7/", {"0": "a", "99": 1}), 404),
    ):
        assert code(fixture.ask(POST, path, payload, 112)) == expected, payload
    assert fixture.tree.instances(30000) == [0]


def test_delete():
    """LightweightM2M-1.1-int-1635, 685: Delete where allowed; /3/0 is 4.05."""
    fixture = Fixture("1.1")
    fixture.ask(PUT, "30000/0/3", queries=("pmin=5",))
    for path, expected in (
        ("3/0", 405),
        ("1/0", 405),
        ("3", 405),
        ("30000", 405),
        ("30000/0/1", 405),
        ("30000/9", 404),
        ("77/0", 404),
        ("", 405),
        ("30000/0", 202),
        ("30000/0", 404),
    ):
        assert code(fixture.ask(DELETE, path)) == expected, path
    assert fixture.operations.attributes.freeze() == []
    assert fixture.tree.objects() == [0, 1, 3, 30000]


def test_instances_are_bounded():
    """Design §6: a server cannot fill the memory with instances."""
    fixture = Fixture("1.1")
    records = cbor.dumps([{-2: "/30000/0/256/", 0: str(riid), 2: riid} for riid in range(50)])
    assert code(fixture.ask(POST, "30000/0/256", records, 112)) == 204
    records = cbor.dumps([{-2: "/30000/0/256/", 0: str(riid), 2: riid} for riid in range(50, 90)])
    assert code(fixture.ask(POST, "30000/0/256", records, 112)) == 400
    assert len(fixture.thing.values[256]) == 51
    for iid in range(1, 64):
        fixture.tree.add(Everything(), iid)
    assert code(fixture.ask(POST, "30000", b"\xc1\x00x", 11542)) == 400


def test_create_under_an_alternate_path():
    """CR 5.2.1, TS 1.1 Core §6.3.6: the Location-Path leads through the alternate path."""
    fixture = Fixture("1.1")
    fixture.operations.root = "a/b"
    response = fixture.ask(POST, "30000", b"\xc1\x00x", 11542)
    assert response.all(8) == [b"a", b"b", b"30000", b"1"]


def test_server_written_values_are_reported():
    """LightweightM2M-1.1-int-102: writing the lifetime reaches the client and the observers."""
    fixture = Fixture("1.1")
    assert code(fixture.ask(PUT, "1/0/1", b"120", 0)) == 204
    assert fixture.changes == [(1, 0, 1)]
    assert fixture.ask(GET, "1/0/1").payload == b"120"


def test_objects_are_dull_classes():
    """Design §3: values of two instances are their own."""
    one = Everything()
    one.values[1] = 5
    assert Everything().values == {}


def test_whole_number_beyond_64_bits():
    """TS 1.0 6.4.1, appendix C: a Float of 20 digits can be read, and kept over a deep sleep."""
    fixture = Fixture("1.1")
    instance = fixture.tree.get(30000, 0)
    for payload in (b"99999999999999999999", b"-99999999999999999999"):
        assert code(fixture.ask(PUT, "30000/0/3", payload, 0)) == 204
        assert cbor.loads(cbor.dumps(instance.values[3])) == float(payload)
        for accept in (0, 11542, 110, 112):
            assert code(fixture.ask(GET, "30000/0/3", accept=accept)) == 205
