"""The Objects that ship, and the model beneath them."""

from lwm2m import versions
from lwm2m.object import Object, OperationError
from lwm2m.objects.connectivity import ConnectivityMonitoring
from lwm2m.objects.device import Device
from lwm2m.objects.ipso import Sensor, Temperature
from lwm2m.objects.security import Security
from lwm2m.objects.server import Server
from lwm2m.tree import Tree
from unit.lwm2m_model.helpers import GET, POST, PUT, Fixture, code


def _raises(function, *arguments):
    try:
        function(*arguments)
    except ValueError as error:
        return str(error)
    return None


def test_ten_line_sensor():
    """Design §3: an application's sensor; one call reports a value and moves the extremes."""

    class Humidity(Sensor):
        object_id = 3304

    tree = Tree()
    changes = []
    tree.on_change.append(changes.append)
    humidity = tree.add(Humidity(units="%RH", low=0, high=100))
    assert humidity.values == {5701: "%RH", 5603: 0, 5604: 100}
    humidity.set(5700, 40.5)
    assert changes == [(3304, 0, 5700), (3304, 0, 5601), (3304, 0, 5602)]
    humidity.set(5700, 60.0)
    humidity.set(5700, 60.0)
    humidity.set(5700, 50)
    assert (humidity.values[5601], humidity.values[5602]) == (40.5, 60.0)
    assert changes[3:] == [(3304, 0, 5700), (3304, 0, 5602), (3304, 0, 5700)]
    humidity.execute(5605, b"", None)
    assert (humidity.values[5601], humidity.values[5602]) == (50, 50)


def test_temperature_over_the_air():
    """IPSO Temperature 3303/1.1: value, units, application type, reset."""
    fixture = Fixture("1.0")
    temperature = fixture.tree.add(Temperature(units="Cel", application_type="cellar"))
    assert code(fixture.ask(GET, "3303/0/5700")) == 404
    temperature.set(5700, 21.4)
    assert fixture.ask(GET, "3303/0/5700").payload == b"21.4"
    assert fixture.ask(GET, "3303/0/5701").payload == b"Cel"
    assert code(fixture.ask(PUT, "3303/0/5750", b"attic", 0)) == 204
    assert temperature.values[5750] == "attic"
    assert code(fixture.ask(POST, "3303/0/5605")) == 204
    assert code(fixture.ask(PUT, "3303/0/5700", b"1", 0)) == 405
    assert list(temperature.present()) == [5601, 5602, 5605, 5700, 5701, 5750]


def test_wrong_values_of_an_application():
    """Design §6: a wrong call is named; nothing is stored."""
    tree = Tree()
    temperature = tree.add(Temperature())
    assert _raises(temperature.set, 5700, "warm") == (
        "set(5700, 'warm') on /3303/0: value is not of type Float"
    )
    assert "5799" in _raises(temperature.set, 5799, 1)
    assert _raises(temperature.set, 5700, 1.0, 0)
    assert _raises(temperature.set, 5700, None)
    device = tree.add(Device())
    assert _raises(device.set, 7, 3900)
    device.set(7, 3900, 1)
    device.set(7, 3800, 1)
    device.set(7, 5000, 0)
    assert device.values[7] == {1: 3800, 0: 5000}
    assert temperature.values == {}
    assert "taken" in _raises(tree.add, Device())
    assert _raises(tree.add, Temperature(), 0)


def test_device():
    """LightweightM2M-1.1-int-651: live values, errors, reboot."""
    calls = []
    epoch = [None]
    fixture = Fixture(
        "1.0",
        binding="UQ",
        epoch=lambda: epoch[0],
        memory_free=lambda: 40000,
        reboot=lambda: calls.append("reboot"),
    )
    assert code(fixture.ask(GET, "3/0/13")) == 404
    assert code(fixture.ask(PUT, "3/0/13", b"5", 0)) == 404
    epoch[0] = 1700000000
    assert fixture.ask(GET, "3/0/13").payload == b"1700000000"
    assert code(fixture.ask(PUT, "3/0/13", b"1700000100", 0)) == 204
    epoch[0] += 5
    assert fixture.ask(GET, "3/0/13").payload == b"1700000105"
    assert fixture.ask(GET, "3/0/10").payload == b"39"
    assert fixture.ask(GET, "3/0/16").payload == b"UQ"
    assert code(fixture.ask(POST, "3/0/4")) == 204
    assert calls == ["reboot"]
    assert code(fixture.ask(POST, "3/0/5")) == 404
    device = fixture.device
    device.error(1)
    device.error(3)
    device.error(1)
    assert device.values[11] == {0: 1, 1: 3}
    assert code(fixture.ask(POST, "3/0/12")) == 204
    assert device.values[11] == {0: 0}
    assert code(fixture.ask(PUT, "3/0/14", b"+02:00", 0)) == 204


def test_device_clock_of_the_node():
    """TS 1.1 Core appendix E.4: a written Current Time goes to the owner of the clock."""
    times = []
    fixture = Fixture("1.0", epoch=lambda: None, on_time=times.append)
    assert code(fixture.ask(PUT, "3/0/13", b"1700000000", 0)) == 204
    assert times == [1700000000]


def test_connectivity():
    """LightweightM2M-1.1-int-701: facts of the modem, live; unknown ones are not there."""
    facts = {"bearer": 0, "bearers": (0, 6), "rssi_dbm": -71, "ip": "10.0.0.2", "cell": None}
    fixture = Fixture("1.0")
    fixture.tree.add(ConnectivityMonitoring(lambda: facts))
    assert fixture.ask(GET, "4/0/2").payload == b"-71"
    facts["rssi_dbm"] = -80
    assert fixture.ask(GET, "4/0/2").payload == b"-80"
    assert fixture.ask(GET, "4/0/4/0").payload == b"10.0.0.2"
    assert fixture.ask(GET, "4/0/1").payload == bytes.fromhex("8601410000410106")
    assert code(fixture.ask(GET, "4/0/8")) == 404
    assert fixture.ask(GET, "4/0", accept=40).payload == (
        b"</4/0>,</4/0/0>,</4/0/1>;dim=2,</4/0/2>,</4/0/4>;dim=1"
    )


def test_server_roles_of_each_version():
    """CR C.1, TS 1.0 appendix E.2: the same setting under its number of the version."""
    for name, rid in (("draft", 8), ("1.0", 5), ("1.1", 5)):
        server = Server(versions.get(name), short_server_id=5, lifetime=60, disable_timeout=30)
        assert server.get("disable_timeout") == 30
        assert server.values[rid] == 30
        assert server.role(rid) == "disable_timeout"
        assert server.get("pmin") is None
        assert server.get("pmin", 1) == 1
    assert "1.0" in _raises(Server(versions.get("1.0")).put, "sms_trigger", True)


def test_server_triggers():
    """CR C.1 resources 7 and 11, TS 1.0 8 and 4: Executes reach the client by role."""
    for name, update, disable in (("draft", 11, 7), ("1.0", 8, 4), ("1.1", 8, 4)):
        fixture = Fixture(name)
        assert code(fixture.ask(POST, "1/0/%d" % update)) == 404
        calls = []
        fixture.server.on_execute = lambda role, text, server, calls=calls: calls.append(
            (role, text)
        )
        assert code(fixture.ask(POST, "1/0/%d" % update, b"0='U'", 0)) == 204
        assert code(fixture.ask(POST, "1/0/%d" % disable)) == 204
        assert calls == [("update_trigger", b"0='U'"), ("disable", b"")]
    assert code(Fixture("1.0").ask(POST, "1/0/11")) == 404
    assert code(Fixture("draft").ask(POST, "1/0/8")) == 405


def test_server_values_are_checked():
    """CR C.1, TS 1.0 appendix E.2: ranges and bindings of the version."""
    for name, path, payload, expected in (
        ("draft", "1/0/1", b"0", 400),
        ("1.0", "1/0/1", b"-5", 400),
        ("1.0", "1/0/1", b"86400", 204),
        ("draft", "1/0/10", b"4", 400),
        ("draft", "1/0/10", b"1", 204),
        ("draft", "1/0/10", b"UQ", 400),
        ("1.0", "1/0/7", b"UQS", 204),
        ("1.0", "1/0/7", b"QQ", 400),
        ("1.1", "1/0/7", b"US", 204),
        ("1.1", "1/0/7", b"UQ", 400),
        ("1.1", "1/0/7", b"", 400),
        ("draft", "1/0/5", b"65536", 400),
        ("draft", "1/0/5", b"65535", 204),
        ("1.0", "1/0/2", b"-1", 400),
        ("1.0", "1/0/2", b"0", 204),
        ("draft", "1/0/4", b"9", 405),
        ("1.0", "1/0/0", b"9", 405),
        ("draft", "1/0/0", b"http://x", 400),
        ("draft", "1/0/0", b"coap://10.0.0.1:5683", 204),
        ("draft", "1/0/8", b"4294967295", 204),
        ("draft", "1/0/8", b"4294967296", 400),
        ("1.1", "1/0/21", b"1", 204),
        ("1.1", "1/0/21", b"2", 400),
    ):
        assert code(Fixture(name).ask(PUT, path, payload, 0)) == expected, (name, path, payload)


def test_draft_security_key_is_readable():
    """CR C.1: Security Key has access R in the draft, and no Write."""
    fixture = Fixture("draft")
    fixture.server.put("security_key", b"\x01\x02")
    assert fixture.ask(GET, "1/0/3").payload == b"\x01\x02"
    assert code(fixture.ask(PUT, "1/0/3", b"\x03", 42)) == 405


def test_secrets_are_not_shown():
    """Design §6: no text about Security quotes a value."""
    security = Security("coap://h", 1, secret=b"hush-hush")
    assert "hush" not in repr(security) + str(security)
    assert "hush" not in str(_raises(security.set, 0, b"hush"))


def test_base_object():
    """Design §3: an Object without behaviour refuses Execute and lists its rows in order."""

    class Plain(Object):
        resources = b"\x00\x01\x01\x01\x00\x02\x01\x01\x00\x03\x04\x00"

    plain = Plain()
    assert list(plain.present()) == [3]
    plain.values[2] = "b"
    plain.values[1] = "a"
    assert list(plain.present()) == [1, 2, 3]
    assert plain.definition(9) is None
    try:
        plain.execute(3, b"", None)
        raise AssertionError
    except OperationError as error:
        assert error.code == 0x84
