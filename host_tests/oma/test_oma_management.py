"""OMA's cases of device management, but the composite operations: int-201 to 266, 680, 1630."""

import pytest

from host_tests.oma.client import CBOR, JSON, SENML_CBOR, SENML_JSON, TEXT, TLV

_IDENTITY = {0: {0: "Host Device ID", 1: "Manufacturer", 2: "Model", 3: "Software Version"}}


def _check_device(instance, client):
    assert instance[0] == "Nudge"
    assert instance[1] == "Nudge UDP"
    assert instance[2] == client.endpoint
    assert instance[11] == {0: 0}
    assert instance[16] == "U"


def test_201_querying_basic_information_as_text(start):
    """int-201: Manufacturer, Model Number and Serial Number are read as plain text."""
    client = start()
    for resource, value in ((0, "Nudge"), (1, "Nudge UDP"), (2, client.endpoint), (16, "U")):
        answer = client.read("/3/0/%d" % resource, accept=TEXT)
        assert (answer.code, answer.format, answer.value) == ("2.05", TEXT, value)


@pytest.mark.parametrize(
    ("version", "format"),
    [("1.0", TLV), ("1.1", TLV), ("1.0", JSON), ("1.1", SENML_JSON), ("1.1", SENML_CBOR)],
)
def test_203_204_231_232_querying_basic_information(start, version, format):
    """int-203, 204, 231, 232: Device and Server in TLV, JSON, SenML JSON and SenML CBOR."""
    client = start(version=version)
    device = client.read("/3/0", accept=format)
    assert (device.code, device.format) == ("2.05", format)
    _check_device(device.value, client)
    server = client.read("/1", accept=format)
    assert (server.code, server.value[0][0], server.value[0][1]) == ("2.05", 1, 86400)
    assert client.read("/3/0/16", accept=format).value == "U"
    single = client.read("/3/0/11/0", accept=format)
    assert (single.code, single.value) == ("2.05", 0)


def test_205_setting_basic_information_as_text(start):
    """int-205: default periods and Disable Timeout are written and read back as plain text."""
    client = start()
    for values in ({2: 101, 3: 1010, 5: 2000}, {2: 1, 3: 10, 5: 86400}):
        for resource, value in values.items():
            assert client.write("/1/0/%d" % resource, value, format=TEXT).code == "2.04"
        for resource, value in values.items():
            answer = client.read("/1/0/%d" % resource, accept=TEXT)
            assert (answer.code, answer.value) == ("2.05", value)


def test_211_querying_basic_information_as_cbor(start):
    """int-211: Short Server ID, Notification Storing and Binding are read as CBOR."""
    client = start()
    for resource, value in ((0, 1), (6, True), (7, "U")):
        answer = client.read("/1/0/%d" % resource, accept=CBOR)
        assert (answer.code, answer.format, answer.value) == ("2.05", CBOR, value)


def test_212_setting_basic_information_as_cbor(start):
    """int-212: default periods and Notification Storing are written and read back as CBOR."""
    client = start()
    for values in ({2: 101, 3: 1010, 6: False}, {2: 1, 3: 10, 6: True}):
        for resource, value in values.items():
            assert client.write("/1/0/%d" % resource, value, format=CBOR).code == "2.04"
            assert client.read("/1/0/%d" % resource, accept=CBOR).value == value


@pytest.mark.parametrize(
    ("version", "format"),
    [("1.0", TLV), ("1.1", TLV), ("1.0", JSON), ("1.1", SENML_JSON), ("1.1", SENML_CBOR)],
)
def test_215_220_233_234_setting_basic_information(start, version, format):
    """int-215, 220, 233, 234: an instance written in part and whole, a resource, an instance of
    one, in each format."""
    client = start(version=version)
    before = client.read("/1/0", accept=format).value
    changed = {2: 101, 3: 1010, 5: 2000, 6: False}
    assert client.write("/1/0", changed, format=format, partial=True).code == "2.04"
    now = client.read("/1/0", accept=format).value
    assert {key: now[key] for key in changed} == changed and now[1] == before[1]
    restored = {1: 86400, 2: 1, 3: 10, 6: True, 7: before[7]}
    assert client.write("/1/0", restored, format=format).code == "2.04"
    now = client.read("/1/0", accept=format).value
    assert {key: now[key] for key in restored} == restored and now[0] == 1
    assert client.write("/1/0/1", 63, format=format).code == "2.04"
    client.next("updated", lifetime_s=63)
    assert client.create("/16", _IDENTITY, instance=0).code == "2.01"
    if version != "1.0":
        assert client.write("/16/0/0/0", "test_value", format=format).code == "2.04"
        assert client.read("/16", accept=format).value[0][0][0] == "test_value"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_221_operations_on_security(start, version):
    """int-221: Read, Write and Write-Attributes on Security are answered 4.01."""
    client = start(version=version)
    assert client.read("/0/0").code == "4.01"
    assert client.read("/0/0/0").code == "4.01"
    assert client.write("/0/0/0", "coap://127.0.0.1:9", format=TEXT).code == "4.01"
    assert client.write_attributes("/0/0", pmin=10).code == "4.01"
    assert client.discover("/0").code == "4.01"


def test_222_223_read_on_object_and_instance(start):
    """int-222, 223: an Object is read with its instances, an instance with its resources."""
    client = start()
    (instance,) = client.read("/3").value.values()
    _check_device(instance, client)
    assert client.read("/3/0").value.keys() == instance.keys()
    assert client.read("/1").value[0].keys() == client.read("/1/0").value.keys()


def test_224_225_read_on_resource_and_its_instance(start):
    """int-224, 225: resources are read one at a time, and an instance of a resource."""
    client = start()
    for resource, value in ((0, 1), (1, 86400), (6, True), (7, "U")):
        assert client.read("/1/0/%d" % resource).value == value
    assert client.read("/3/0/11/0").value == 0


def test_226_write_partial_on_instance(start):
    """int-226: a partial Write changes what it has; a lifetime is told by an Update."""
    client = start()
    before = client.read("/1/0").value
    answer = client.write("/1/0", {1: 60, 6: False}, partial=True)
    assert answer.code == "2.04"
    client.next("updated", lifetime_s=60)
    assert client.read("/1/0").value == {**before, 1: 60, 6: False}


def test_227_write_replace_on_resource(start):
    """int-227: a lifetime that is replaced is told by an Update."""
    client = start()
    assert client.write("/1/0/1", 63).code == "2.04"
    client.next("updated", lifetime_s=63)
    assert client.read("/1/0/1").value == 63


def test_228_write_on_resource_instance(start):
    """int-228: an instance of a resource is written; the others keep their values."""
    client = start()
    assert client.create("/16", {0: {0: "a", 1: "b"}}, instance=0).code == "2.01"
    client.next("updated")
    assert client.write("/16/0/0/0", "test").code == "2.04"
    assert client.read("/16/0/0").value == {0: "test", 1: "b"}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_237_read_without_accept(start, version):
    """int-237: without an Accept the client chooses a format, TLV in 1.0, SenML since."""
    client = start(version=version)
    for path in ("/3", "/1/0", "/3/0/11"):
        answer = client.read(path)
        assert (answer.code, bool(answer.value)) == ("2.05", True)
        assert answer.format in ((TLV,) if version == "1.0" else (SENML_JSON, SENML_CBOR, TLV))


def test_241_rebooting_the_device(start):
    """int-241: Execute Reboot is answered 2.04; the device boots and registers again."""
    client = start()
    client.board.events.next("booted")
    assert client.execute("/3/0/4").code == "2.04"
    client.board.events.next("booted", within_s=30)
    client.next("registered", within_s=30)
    assert client.read("/3/0/11").value == {0: 0}


def test_256_write_failure(start):
    """int-256: a Write of what is read-only is answered 4.05 and changes nothing."""
    client = start()
    assert client.write("/1/0/0", 123).code == "4.05"
    assert client.read("/1/0/0").value == 1
    assert client.write("/3/0/0", "x").code == "4.05"
    assert client.write("/1/0", {1: 77, 0: 5}, partial=True).code == "4.05"
    assert client.read("/1/0/1").value == 86400


def test_260_discover(start):
    """int-260: Discover lists what there is, with the attributes that were written."""
    client = start()
    found = dict(client.discover("/3").links)
    assert {"/3", "/3/0", "/3/0/0", "/3/0/4", "/3/0/11", "/3/0/16"} <= found.keys()
    assert client.write_attributes("/3", pmin=10, pmax=200).code == "2.04"
    assert client.write_attributes("/3303/0/5700", lt=1, gt=6, st=1).code == "2.04"
    found = dict(client.discover("/3").links)
    assert (found["/3"]["pmin"], found["/3"]["pmax"]) == ("10", "200")
    found = dict(client.discover("/3303/0").links)
    told = found["/3303/0/5700"]
    assert [float(told[name]) for name in ("lt", "gt", "st")] == [1, 6, 1]
    found = dict(client.discover("/3/0/11").links)
    assert found.keys() == {"/3/0/11", "/3/0/11/0"} and found["/3/0/11"]["dim"] == "1"
    assert client.discover("/3/0/99").code == client.discover("/4000").code == "4.04"


def test_261_write_attributes_on_a_multiple_resource(start):
    """int-261: attributes of several levels; Discover tells a resource's with what it inherits."""
    client = start()
    assert client.write_attributes("/3", pmin=10, pmax=200).code == "2.04"
    assert client.write_attributes("/3/0", pmax=320).code == "2.04"
    written = client.write_attributes("/3/0/11/0", pmax=100, epmin=1, epmax=20)
    assert written.code == "2.04"
    found = dict(client.discover("/3/0/11").links)
    whole, instance = found["/3/0/11"], found["/3/0/11/0"]
    assert (whole["pmin"], whole["pmax"]) == ("10", "320")
    assert [instance[name] for name in ("pmax", "epmin", "epmax")] == ["100", "1", "20"]
    assert client.write_attributes("/3/0/11/0", pmax=None, epmin=None, epmax=None).code == "2.04"
    assert "pmax" not in dict(client.discover("/3/0/11").links)["/3/0/11/0"]


@pytest.mark.parametrize(("case", "depth"), [(264, 1), (266, 3)])
def test_264_266_discover_with_depth(start, case, depth):
    """int-264, 266: (1.2) Discover goes as deep as it is asked to."""
    client = start(version="1.2")
    found = dict(client.discover("/3", depth=depth).links)
    levels = {len(target.split("/")) - 2 for target in found}
    assert levels == set(range(depth + 1)), found


def test_651_652_device(start):
    """int-651, 652: Device is read whole; Current Time, UTC Offset and Timezone are written."""
    client = start()
    _check_device(client.read("/3/0").value, client)
    for resource, value in ((15, "Europe/Paris"), (14, "+02:00")):
        assert client.write("/3/0/%d" % resource, value).code == "2.04"
        assert client.read("/3/0/%d" % resource).value == value
    assert client.write("/3/0/13", 1767225600).code == "2.04"
    assert 0 <= client.read("/3/0/13").value - 1767225600 < 30


def test_680_685_device_is_neither_created_nor_deleted(start):
    """int-680, 685: Create on /3 and Delete of /3/0 are answered 4.05."""
    client = start()
    assert client.create("/3", {15: "UTC"}, format=TLV).code == "4.05"
    assert client.delete("/3/0").code == "4.05"
    assert client.read("/3/0/0").value == "Nudge"


@pytest.mark.parametrize("format", [TLV, SENML_JSON, SENML_CBOR])
def test_1630_1635_portfolio_comes_and_goes(start, format):
    """int-1630, 1635: a Portfolio is created and deleted; the server is told by an Update."""
    client = start()
    created = client.create("/16", _IDENTITY, instance=0, format=format)
    assert created.code == "2.01"
    client.next("updated")
    assert client.read("/16/0").value == _IDENTITY
    assert "/16/0" in dict(client.discover("/16").links)
    assert client.delete("/16/0").code == "2.02"
    client.next("updated")
    assert client.read("/16/0").code == "4.04"


def test_1630_instance_chosen_by_the_client(start):
    """int-1630: without an instance in the request the client chooses one, and says which."""
    client = start()
    made = [client.create("/26241", {0: text}, format=TLV) for text in ("a", "b")]
    assert [answer.code for answer in made] == ["2.01", "2.01"]
    assert {answer.location.lstrip("/") for answer in made} == {"26241/0", "26241/1"}
    assert client.read("/26241").value == {0: {0: "a"}, 1: {0: "b"}}
