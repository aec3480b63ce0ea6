"""Read and Discover, and which code answers what cannot be read."""

from lwm2m.codec import cbor
from lwm2m.object import OperationError
from unit.lwm2m_model.helpers import DELETE, GET, POST, PUT, Fixture, code


def _format(response):
    return response.get_uint(12)


def test_single_resource_is_text():
    """LightweightM2M-1.1-int-201: Manufacturer, Model and Serial Number as text/plain."""
    for name in ("draft", "1.0", "1.1"):
        fixture = Fixture(name)
        for rid, expected in ((0, b"Open Mobile Alliance"), (1, b"Lightweight M2M Client")):
            response = fixture.ask(GET, "3/0/%d" % rid)
            assert code(response) == 205
            assert _format(response) == 0
            assert response.payload == expected
            assert response.token == b"\x01"


def test_opaque_resource_is_octets():
    """TS 1.1 Core §7.4: an Opaque resource without Accept goes as octets."""
    response = Fixture().ask(GET, "30000/0/5")
    assert (_format(response), response.payload) == (42, b"\x00\xff\x10")
    response = Fixture().ask(GET, "30000/0/5", accept=0)
    assert (_format(response), response.payload) == (0, b"AP8Q")


def test_default_of_each_version():
    """LightweightM2M-1.1-int-237: Read without Accept; TLV in 1.0, SenML CBOR in 1.1."""
    response = Fixture("1.0").ask(GET, "3/0")
    assert _format(response) == 11542
    assert response.payload[:3] == b"\xc8\x00\x14"
    response = Fixture("1.1").ask(GET, "3/0")
    assert _format(response) == 112
    assert cbor.loads(response.payload)[0] == {-2: "/3/0/", 0: "0", 3: "Open Mobile Alliance"}


def test_accept_is_honoured():
    """LightweightM2M-1.1-int-203, 211, 231: TLV, CBOR and SenML CBOR on request."""
    fixture = Fixture("1.1")
    for accept, expected in ((0, b"1.0"), (60, b"\x631.0"), (11542, b"\xc3\x031.0")):
        response = fixture.ask(GET, "3/0/3", accept=accept)
        assert (code(response), _format(response), response.payload) == (205, accept, expected)
    response = fixture.ask(GET, "3/0/3", accept=112)
    assert cbor.loads(response.payload) == [{-2: "/3/0/3", 3: "1.0"}]
    assert _format(Fixture("1.0").ask(GET, "3/0", accept=112)) == 112


def test_accept_that_cannot_be_met():
    """RFC 7252 §5.10.4: an Accept that the client cannot satisfy is 4.06."""
    fixture = Fixture("1.1")
    for path, accept in (
        ("3/0", 0),
        ("3/0", 60),
        ("3/0", 42),
        ("3", 0),
        ("3/0/11", 0),
        ("3/0/0", 42),
        ("3/0/0", 50),
        ("3/0/0", 11543),
        ("3/0/0", 1543),
        ("3/0", 1541),
        ("3/0/0", 1544),
        ("3/0/0", 1540),
        ("3/0/0", 1545),
        ("3/0/0", 320),
        ("3/0/0", 65535),
    ):
        assert code(fixture.ask(GET, path, accept=accept)) == 406, (path, accept)
    assert code(Fixture("1.0").ask(GET, "3/0/0", accept=60)) == 406


def test_numbers_before_the_registration():
    """TS 1.0 §6.4 as drafted: 1541 to 1544 ask for text, TLV, JSON and octets. What comes is in
    the format of the Accept (RFC 7252 §5.10.4): Leshan 0.1.11 does not decode another number."""
    for name, path, accept, same in (
        ("1.1", "3/0/3", 1541, 0),
        ("1.1", "3/0", 1542, 11542),
        ("1.0", "3/0", 1542, 11542),
        ("1.0", "3/0", 1543, 11543),
        ("1.0", "30000/0/5", 1544, 42),
    ):
        fixture = Fixture(name)
        response = fixture.ask(GET, path, accept=accept)
        assert (code(response), _format(response)) == (205, accept)
        again = fixture.ask(GET, path, accept=same)
        assert (_format(again), again.payload) == (same, response.payload)


def test_etch_is_no_answer():
    """RFC 8790 §3, §6: SenML-ETCH is what requests carry; to ask for it in an answer is 4.06."""
    for accept in (320, 322):
        assert code(Fixture("1.2").ask(GET, "3/0", accept=accept)) == 406


def test_every_level():
    """LightweightM2M-1.1-int-222..225: Object, instance, resource, resource instance."""
    fixture = Fixture("1.1")
    pack = cbor.loads(fixture.ask(GET, "30000").payload)
    assert pack[0][-2] == "/30000/"
    assert {record.get(0) for record in pack} == {
        "0/0",
        "0/1",
        "0/2",
        "0/3",
        "0/4",
        "0/5",
        "0/6",
        "0/7",
        "0/8",
        "0/11",
        "0/256/0",
        "0/256/300",
    }
    pack = cbor.loads(fixture.ask(GET, "30000/0/256").payload)
    assert pack == [{-2: "/30000/0/256/", 0: "0", 2: 1}, {0: "300", 2: -9223372036854775808}]
    response = fixture.ask(GET, "30000/0/256/300")
    assert (_format(response), response.payload) == (0, b"-9223372036854775808")


def test_unreadable():
    """TS 1.1 Core §6.3.1, ETS int-221: 4.01, 4.04 and 4.05 each for its reason."""
    fixture = Fixture("1.1")
    for path, expected in (
        ("0", 401),
        ("0/0", 401),
        ("0/0/5", 401),
        ("0/9/9/9", 401),
        ("21/0", 401),
        ("9", 404),
        ("9/0", 404),
        ("3/1", 404),
        ("3/0/99", 404),
        ("3/0/9", 404),
        ("3/0/11/5", 404),
        ("3/0/0/0", 404),
        ("3/0/4", 405),
        ("30000/0/12", 405),
        ("30000/0/10", 405),
        ("", 405),
        ("65535/0", 404),
    ):
        assert code(fixture.ask(GET, path)) == expected, path
        assert expected != 401 or code(fixture.ask(GET, path, accept=40)) == 401


def test_security_is_closed_to_everything():
    """LightweightM2M-1.1-int-221: Read, Write, Execute, Delete and attributes on /0 are 4.01."""
    fixture = Fixture("1.1")
    for method in (GET, PUT, POST, DELETE, 5, 7):
        for path in ("0", "0/0", "0/0/0", "0/5", "0/0/5/1"):
            assert code(fixture.ask(method, path, b"x")) == 401
            assert code(fixture.ask(method, path, queries=("pmin=1",))) == 401
    assert fixture.security.values[5] == b"hush"


def test_unknown_methods():
    """TS 1.1 Core §6.3: methods that this enabler version does not use are 4.05."""
    for path in ("3", "3/0", "3/0/0", ""):
        assert code(Fixture("1.0").ask(5, path)) == 405


def test_object_without_instances():
    """TS 1.1 Core §6.3.1: an Object that exists without instances reads as empty."""
    fixture = Fixture("1.1")
    fixture.tree.remove(30000, 0)
    response = fixture.ask(GET, "30000")
    assert (code(response), response.payload) == (205, b"\x80")


def test_read_for_observe():
    """TS 1.1 Core §6.4.1: `read` serves notifications with the same rules."""
    fixture = Fixture("1.1")
    assert fixture.operations.read((3, 0, 0), None, fixture.account) == (
        0,
        b"Open Mobile Alliance",
    )
    assert fixture.operations.read((3, 0, 0), 60, None)[0] == 60
    for path, accept, expected in (
        ((0, 0), None, 0x81),
        ((3, 0, 0), 40, 0x86),
        ((3, 7), None, 0x84),
    ):
        try:
            fixture.operations.read(path, accept, None)
            raise AssertionError
        except OperationError as error:
            assert error.code == expected


def test_discover_instance():
    """LightweightM2M-1.1-int-260: resources with attributes, inherited ones on top."""
    fixture = Fixture("1.1")
    assert code(fixture.ask(PUT, "3", queries=("pmin=10",))) == 204
    assert code(fixture.ask(PUT, "3/0/11", queries=("pmax=60",))) == 204
    response = fixture.ask(GET, "3/0", accept=40)
    assert _format(response) == 40
    assert response.payload == (
        b"</3/0>;pmin=10,</3/0/0>,</3/0/1>,</3/0/2>,</3/0/3>,</3/0/4>,</3/0/11>;dim=1;pmax=60,"
        b"</3/0/12>,</3/0/16>"
    )
    assert fixture.ask(GET, "3", accept=40).payload[:28] == b"</3>;pmin=10,</3/0>,</3/0/0>"


def test_discover_resource():
    """TS 1.0 §5.4.2, TS 1.1 Core §6.3.2: dim always, resource instances from 1.1 on."""
    for name, expected in (
        ("1.0", b"</30000/0/256>;dim=2;pmin=5;gt=3"),
        ("1.1", b"</30000/0/256>;dim=2;pmin=5;gt=3,</30000/0/256/0>,</30000/0/256/300>"),
    ):
        fixture = Fixture(name)
        fixture.ask(PUT, "30000/0", queries=("pmin=5",))
        assert code(fixture.ask(PUT, "30000/0/256", queries=("gt=3",))) == 204
        assert fixture.ask(GET, "30000/0/256", accept=40).payload == expected
    for path, expected in (
        ("3/9", 404),
        ("77", 404),
        ("3/0/99", 404),
        ("3/0/11/0", 405),
        ("", 405),
    ):
        assert code(fixture.ask(GET, path, accept=40)) == expected


def test_discover_server_id():
    """TS 1.1 Core table 5.1.1-1: the Server Object Instance carries its Short Server ID."""
    for name in ("draft", "1.0", "1.1"):
        assert Fixture(name).ask(GET, "1/0", accept=40).payload[:14] == b"</1/0>;ssid=1,"


def test_no_memory_for_a_value():
    """RFC 7252 §5.9.3.1: a value that does not fit the heap is answered 5.00, and only that."""
    fixture = Fixture()
    device = fixture.tree.get(3, 0)

    def read(rid):
        raise MemoryError("memory allocation failed")

    device.read = read
    assert code(fixture.ask(GET, "3/0/0")) == 500
    assert code(fixture.ask(GET, "3/0")) == 500
    del device.read
    assert code(fixture.ask(GET, "3/0/0")) == 205
