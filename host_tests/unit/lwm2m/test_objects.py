"""Objects that an application adds: what servers read, write, execute, create and delete there."""

from coap.message import ACK
from lwm2m.objects.cellular import ApnProfile, BearerSelection, CellularConnectivity
from lwm2m.objects.connectivity import ConnectivityMonitoring
from lwm2m.objects.containers import BinaryAppData, Portfolio
from lwm2m.objects.device import Device
from lwm2m.objects.event_log import EventLog
from lwm2m.objects.location import Location
from lwm2m.objects.statistics import ConnectivityStatistics
from lwm2m.tree import Tree
from unit.lwm2m.helpers import Bench, text

HEAP_K = 120  # the client and its answers beside the test itself

GET, POST, PUT, DELETE = 1, 2, 3, 4
CREATED, DELETED, CHANGED, CONTENT = 0x41, 0x42, 0x44, 0x45
BAD_REQUEST, NOT_FOUND, NOT_ALLOWED = 0x80, 0x84, 0x85


def _bench(*objects, **settings):
    bench = Bench(**settings)
    for each in objects:
        bench.tree.add(each)
    bench.register()
    return bench


def _ask(bench, *arguments, **options):
    """Send a request of the server's; return the answer."""
    answers = [m for m in bench.request(*arguments, **options) if m.type == ACK]
    assert len(answers) == 1
    return answers[0]


def _code(bench, *arguments, **options):
    return _ask(bench, *arguments, **options).code


def _read(bench, path):
    answer = _ask(bench, GET, path)
    assert answer.code == CONTENT, answer.code
    return text(answer)


def test_device_create_and_delete():
    """LightweightM2M-1.1-int-680, 685: the Device can be neither created nor deleted."""
    bench = _bench()
    assert _code(bench, POST, "/3", b"", 11542) == NOT_ALLOWED
    assert _code(bench, DELETE, "/3/0") == NOT_ALLOWED


def test_device_resources():
    """LightweightM2M-1.1-int-651, 652: what is known is read, several power sources too."""
    bench = _bench()
    device = bench.tree.get(3, 0)
    for rid, value in ((6, {0: 1, 1: 5}), (7, {0: 3900, 1: 5000}), (8, {0: 120, 1: 500})):
        device.set(rid, value)
    device.set(9, 80)
    device.set(3, "1.2.3")
    assert _read(bench, "/3/0/3") == "1.2.3"
    assert _read(bench, "/3/0/7/1") == "5000"
    assert _code(bench, GET, "/3/0/7/2") == NOT_FOUND
    assert _code(bench, GET, "/3/0") == CONTENT
    for rid in (0, 1, 2, 3, 9, 16, 20):
        assert _code(bench, PUT, "/3/0/%d" % rid, b"1", 0) == NOT_ALLOWED
    assert _code(bench, POST, "/3/0/9") == NOT_ALLOWED


def test_error_codes():
    """LightweightM2M-1.1-int-657: errors come, go, are reset, and come again while they last."""
    device = Device(on_reset=lambda codes: device.error(max(codes) - 1))
    for code in (1, 3, 1):
        device.error(code)
    assert device.values[11] == {0: 1, 1: 3}
    device.error(1, False)
    device.error(9, False)
    assert device.values[11] == {1: 3}, "the instance of an error that lasts stays"
    device.error(9)
    assert device.values[11] == {0: 9, 1: 3}
    device.error(9, False)
    device.error(3, False)
    assert device.values[11] == {0: 0}
    device.error(5)
    device.execute(12, b"", None)
    assert device.values[11] == {0: 4}
    for code in range(20):
        device.error(code + 1)
    assert len(device.values[11]) == 8


def test_event_log():
    """OMA registry, Object 20: the text, whether there is one, and who empties it."""
    cleared = []
    log = EventLog(b"ValueError: no probe", lambda: cleared.append(1))
    bench = _bench(log)
    assert _read(bench, "/20/0/4013") == "2" and _read(bench, "/20/0/4010") == "5"
    assert bytes(_ask(bench, GET, "/20/0/4014").payload) == b"ValueError: no probe"
    assert _code(bench, PUT, "/20/0/4015", b"1", 0) == BAD_REQUEST
    assert _code(bench, PUT, "/20/0/4015", b"0", 0) == CHANGED
    assert _code(bench, PUT, "/20/0/4014", b"x", 42) == NOT_ALLOWED
    for wrong in (b"0='2'", b"x"):
        assert _code(bench, POST, "/20/0/4011", wrong, 0) == BAD_REQUEST
    for rid, argument, status in (
        (4012, b"", "3"),
        (4011, b"0='1'", "2"),
        (4012, b"0='1'", "1"),
        (4011, b"", "0"),
    ):
        assert _code(bench, POST, "/20/0/%d" % rid, argument, 0) == CHANGED
        assert _read(bench, "/20/0/4013") == status, (rid, argument)
    assert len(cleared) == 2 and bytes(_ask(bench, GET, "/20/0/4014").payload) == b""


def test_private_resources():
    """TS 1.1 Core 7.3: what the definitions leave to vendors is read as any other resource."""
    facts = {"recoveries": [3, 2, 1, 0, 1]}
    bench = _bench(ConnectivityMonitoring(lambda: facts))
    assert _code(bench, GET, "/3/0/26241") == NOT_FOUND
    bench.tree.remove(3, 0)
    bench.tree.add(Device(flash_writes=lambda: 12))
    assert _read(bench, "/3/0/26241") == "12"
    assert _read(bench, "/4/0/26241/0") == "3" and _read(bench, "/4/0/26241/4") == "1"
    del facts["recoveries"]
    assert _code(bench, GET, "/4/0/26241") == NOT_FOUND


def test_connectivity_monitoring():
    """LightweightM2M-1.1-int-705, 710, 730, 735: read-only, notified, neither made nor removed."""
    facts = {"bearer": 6, "bearers": (6, 7), "rssi_dbm": -80, "ip": "10.0.0.2"}
    connectivity = ConnectivityMonitoring(lambda: facts)
    bench = _bench(connectivity)
    assert _read(bench, "/4/0/1/1") == "7"
    assert _code(bench, PUT, "/4/0/2", b"1", 0) == NOT_ALLOWED
    assert _code(bench, POST, "/4", b"", 11542) == NOT_ALLOWED
    assert _code(bench, DELETE, "/4/0") == NOT_ALLOWED
    bench.observe("/4/0/2", b"\x04")
    facts["rssi_dbm"] = -95
    connectivity.changed(2)
    bench.run_for(1_000)
    told = [message for message in bench.sent() if message.token == b"\x04"]
    assert [text(message) for message in told] == ["-95"]


def test_location():
    """LightweightM2M-1.1-int-801: latitude, longitude, time stamp, and what else was measured."""
    location = Location()
    bench = _bench(location)
    assert _code(bench, GET, "/6/0/0") == NOT_FOUND
    location.fix(48.25, -11.5, 1_700_000_000, altitude=520, speed=1.5)
    assert _read(bench, "/6/0/0") == "48.25"
    assert _read(bench, "/6/0/1") == "-11.5"
    assert _read(bench, "/6/0/5") == "1700000000"
    assert _read(bench, "/6/0/2") in ("520", "520.0")
    assert _code(bench, GET, "/6/0") == CONTENT
    assert _code(bench, PUT, "/6/0/0", b"1", 0) == NOT_ALLOWED
    location.fix(48.5, -11.5, 1_700_000_060)
    assert _code(bench, GET, "/6/0/2") == NOT_FOUND
    assert sorted(location.values) == [0, 1, 5]


def test_location_observed():
    """LightweightM2M-1.1-int-810: a fix is notified once, with all of it."""
    location = Location()
    location.fix(1.0, 2.0, 100)
    bench = _bench(location)
    assert _code(bench, PUT, "/6/0", b"", queries=("pmin=2", "pmax=10")) == CHANGED
    bench.observe("/6/0", b"\x06")
    location.fix(1.5, 2.5, 105)
    bench.run_for(2_000)
    sent = [message for message in bench.sent() if message.token == b"\x06"]
    assert len(sent) == 1


def test_statistics():
    """LightweightM2M-1.1-int-901: collected from Start to Stop."""
    bench = Bench()
    bench.tree.add(ConnectivityStatistics(bench.client))
    bench.register()
    assert _read(bench, "/7/0/2") == "0"
    assert _code(bench, POST, "/7/0/6") == CHANGED
    for _ in range(50):
        assert _code(bench, GET, "/3/0/0") == CONTENT
    assert _code(bench, POST, "/7/0/7") == CHANGED
    values = [int(_read(bench, "/7/0/%d" % rid)) for rid in (2, 3, 4, 5)]
    assert 1 <= values[0] <= 3 and 1 <= values[1] <= 3, values  # 50 times some 40 bytes
    assert 28 < values[3] <= values[2] < 80, values
    again = [int(_read(bench, "/7/0/%d" % rid)) for rid in (2, 3, 4, 5)]
    assert again == values
    assert _code(bench, POST, "/7/0/6") == CHANGED
    assert _read(bench, "/7/0/3") == "0"


def test_statistics_of_messages():
    """LightweightM2M-1.1-int-901: text messages are counted where there is a link for them."""
    bench = Bench(binding="S", sms_number="+447700900123", own_number="447700900999")
    statistics = bench.tree.add(ConnectivityStatistics(bench.client))
    bench.register()
    statistics.execute(6, b"", None)
    assert bench.request(GET, "/3/0/0", binding="S")[0].code == CONTENT
    statistics.execute(7, b"", None)
    assert (statistics.read(0), statistics.read(1), statistics.read(2)) == (1, 1, 0)
    bench = Bench()
    del bench.client.links["S"]
    statistics = bench.tree.add(ConnectivityStatistics(bench.client))
    assert list(statistics.present()) == [2, 3, 4, 5, 6, 7, 8]


def test_statistics_period():
    """LightweightM2M-1.1-int-905: the Collection Period is set, read, and ends a collection."""
    bench = Bench()
    statistics = bench.tree.add(ConnectivityStatistics(bench.client))
    bench.register()
    assert _read(bench, "/7/0/8") == "0"
    for value in (b"-1", b"9223372036854775807"):
        assert _code(bench, PUT, "/7/0/8", value, 0) == BAD_REQUEST
    assert _code(bench, PUT, "/7/0/8", b"20", 0) == CHANGED
    assert _read(bench, "/7/0/8") == "20"
    assert _code(bench, PUT, "/7/0/2", b"1", 0) == NOT_ALLOWED
    _ask(bench, POST, "/7/0/6")
    _ask(bench, GET, "/3/0/0")
    largest = statistics.read(4)
    assert largest > 28
    bench.run_for(20_000)
    _ask(bench, GET, "/3/0")
    assert statistics.read(4) == largest


def test_statistics_observed():
    """LightweightM2M-1.1-int-910: pmax reports; a datagram alone does not, or none would be the
    last.
    """
    bench = Bench()
    bench.tree.add(ConnectivityStatistics(bench.client))
    bench.register()
    _ask(bench, POST, "/7/0/6")
    assert _code(bench, PUT, "/7/0", b"", queries=("pmin=2", "pmax=10")) == CHANGED
    bench.observe("/7/0", b"\x07")
    notified = 0
    for _ in range(40):
        bench.run_for(1_000)
        for message in bench.sent():
            notified += message.token == b"\x07"
            if message.type == 0:
                bench.acknowledge(message)
    assert 3 <= notified <= 5, notified


def test_cellular():
    """LightweightM2M-1.1-int-1200, 1201: Activated Profile Names and what else is known."""
    cellular = CellularConnectivity({11: {0: (11, 0)}, 12: 0b11, 13: 0})
    bench = _bench(cellular, ApnProfile({0: "default", 1: "internet", 4: 3}))
    assert _read(bench, "/10/0/11/0") == "11:0"
    assert _code(bench, GET, "/10/0") == CONTENT
    assert _read(bench, "/11/0/1") == "internet"


def test_power_saving_modes():
    """LightweightM2M-1.1-int-1210: PSM timers and modes, of those supported."""
    cellular = CellularConnectivity({11: {0: (11, 0)}, 12: 0b11, 13: 0})
    bench = _bench(cellular)
    for rid, value in ((4, b"3600"), (5, b"10"), (13, b"1"), (1, b"65535")):
        assert _code(bench, PUT, "/10/0/%d" % rid, value, 0) == CHANGED
        assert _read(bench, "/10/0/%d" % rid) == value.decode()
    for rid, value in ((13, b"4"), (1, b"65536"), (4, b"-1")):
        assert _code(bench, PUT, "/10/0/%d" % rid, value, 0) == BAD_REQUEST
    assert _code(bench, PUT, "/10/0/8", bytes(256), 42) == BAD_REQUEST
    assert cellular.values[13] == 1
    assert _code(bench, PUT, "/10/0/12", b"1", 0) == NOT_ALLOWED


def test_apn_profile():
    """LightweightM2M-CONMGMT-1.0-int-1250: an APN is configured; profiles are made and removed."""
    bench = _bench(ApnProfile({0: "default", 4: 3}))
    assert _code(bench, PUT, "/11/0/1", b"iot.example", 0) == CHANGED
    assert _code(bench, PUT, "/11/0/4", b"4", 0) == BAD_REQUEST
    assert _code(bench, PUT, "/11/0/4", b"0", 0) == CHANGED
    assert _code(bench, POST, "/11", b"\xc1\x00x\xc1\x04\x03", 11542) == CREATED
    assert _read(bench, "/11/1/0") == "x"
    assert _code(bench, POST, "/11", b"\xc1\x00y", 11542) == BAD_REQUEST  # 4 is mandatory
    assert _code(bench, DELETE, "/11/1") == DELETED
    assert _code(bench, GET, "/11/1/0") == NOT_FOUND


def test_power_saving_modes_observed():
    """LightweightM2M-1.0-int-1230: what the network decided is notified."""
    cellular = CellularConnectivity({11: {0: (11, 0)}, 12: 0b11, 13: 0, 4: 3600})
    bench = _bench(cellular)
    bench.observe("/10/0/4", b"\x10")
    cellular.set(4, 7200)
    bench.run_for(1_000)
    told = [message for message in bench.sent() if message.token == b"\x10"]
    assert [text(message) for message in told] == ["7200"]


def test_bearer_selection():
    """OMA registry 13: bearers and thresholds within their ranges."""
    bench = _bench(BearerSelection({0: {0: 6}, 6: "26201,26202", 7: False}))
    assert _code(bench, PUT, "/13/0/1", b"-111", 0) == BAD_REQUEST
    assert _code(bench, PUT, "/13/0/1", b"-100", 0) == CHANGED
    assert _code(bench, PUT, "/13/0/0", b"\x41\x00\x65", 11542) == BAD_REQUEST
    assert _code(bench, PUT, "/13/0/0", b"\x41\x00\x05", 11542) == CHANGED
    assert _read(bench, "/13/0/0/0") == "5"


def test_create_portfolio():
    """LightweightM2M-1.1-int-1630: an instance with identities is created and read."""
    bench = _bench(Portfolio({0: {0: "Host Device ID #1", 3: "software"}}))
    payload = b"\x88\x00\x0c\x44\x00ID #\x44\x01made"
    response = _ask(bench, POST, "/16", payload, 11542)
    assert response.code == CREATED
    assert _read(bench, "/16/1/0/1") == "made"
    assert _read(bench, "/16/0/0/3") == "software"
    assert _code(bench, PUT, "/16/1/0/1", b"other", 0) == CHANGED
    assert _read(bench, "/16/1/0/1") == "other"
    assert _code(bench, POST, "/16/1/1") == NOT_FOUND
    assert _code(bench, POST, "/16", b"", 11542) == BAD_REQUEST


def test_portfolio_written_and_observed():
    """LightweightM2M-1.0-int-1600, 1605, 1610, 1620: identities read, set, added and notified."""
    portfolio = Portfolio({0: {0: "ID"}})
    bench = _bench(portfolio)
    assert _code(bench, GET, "/16/0") == CONTENT
    assert _code(bench, POST, "/16/0/1") == NOT_FOUND
    bench.observe("/16/0/0", b"\x16")
    sent = bench.request(POST, "/16/0/0", b"\x44\x02name", 11542)
    assert sent[0].code == CHANGED
    assert portfolio.values[0] == {0: "ID", 2: "name"}
    bench.run_for(1_000)
    sent += bench.sent()
    assert len([message for message in sent if message.token == b"\x16"]) == 1


def test_delete_portfolio():
    """LightweightM2M-1.1-int-1635: it is gone, and the Object stays."""
    bench = _bench(Portfolio({0: {0: "ID"}}))
    assert _code(bench, DELETE, "/16/0") == DELETED
    assert _code(bench, GET, "/16/0/0/0") == NOT_FOUND
    assert _code(bench, POST, "/16", b"\x83\x00\x41\x00x", 11542) == CREATED
    assert _read(bench, "/16/0/0/0") == "x"


def test_containers():
    """OMA registry 19: data up and down, within the sizes of its description."""
    bench = _bench(BinaryAppData({0: {0: b"\x01\x02"}, 3: "meter reading"}))
    assert bytes(_ask(bench, GET, "/19/0/0/0").payload) == b"\x01\x02"
    assert _code(bench, PUT, "/19/0/0/0", b"\x03", 42) == CHANGED
    assert _code(bench, PUT, "/19/0/3", b"m" * 33, 0) == BAD_REQUEST
    assert _code(bench, PUT, "/19/0/5", b"65535", 0) == CHANGED
    assert _code(bench, PUT, "/19/0/1", b"255", 0) == BAD_REQUEST
    assert _code(bench, POST, "/19", b"\x83\x00\x41\x00x", 11542) == CREATED


def test_initial_values_are_checked():
    """Design §6: a wrong initial value is named."""
    for values in ({0: "no dict"}, {9: 1}, {3: 5}):
        try:
            Tree().add(BinaryAppData(values))
        except ValueError as error:
            assert "/19/" in str(error)
        else:
            raise AssertionError(values)


def test_time_after_a_deep_sleep():
    """OMA registry 3, resource 13: a time that a server wrote is the time after a deep sleep."""
    device = Device(epoch=lambda: 1_000_000)
    device.write(13, 1_700_000_000, None)
    assert device.read(13) == 1_700_000_000
    awake = Device(epoch=lambda: 1_000_060)
    awake.values.update(device.values)
    assert awake.read(13) == 1_700_000_060
    bench = _bench()
    bench.tree.get(3, 0)._epoch = lambda: 1_000_000
    for value, wanted in ((b"-1", BAD_REQUEST), (b"9223372036854775807", BAD_REQUEST)):
        assert _code(bench, PUT, "/3/0/13", value, 0) == wanted
    assert _code(bench, PUT, "/3/0/13", b"1700000000", 0) == CHANGED


def test_statistics_over_a_deep_sleep():
    """LightweightM2M-1.1-int-901: what was counted is there, and the period goes on."""
    bench = Bench()
    statistics = bench.tree.add(ConnectivityStatistics(bench.client))
    changes = []
    bench.tree.on_change.append(changes.append)
    bench.register()
    _ask(bench, PUT, "/7/0/8", b"60", 0)
    _ask(bench, POST, "/7/0/6")
    _ask(bench, GET, "/3/0")
    counted = [statistics.read(rid) for rid in (2, 3, 4, 5)]
    assert counted[2] > 28
    other = Bench()
    awake = other.tree.add(ConnectivityStatistics(other.client))
    for _, _, rid in [path for path in changes if path[0] == 7]:
        if rid in statistics.values:
            awake.values[rid] = statistics.values[rid]
    assert [awake.read(rid) for rid in (2, 3, 4, 5)] == counted
    other.now = bench.now
    other.register()
    assert awake.read(4) > counted[2]
    assert statistics.step(bench.now) == awake.step(other.now) == 60_000 + bench.now
    other.run_for(60_000)
    largest = awake.read(4)
    _ask(other, GET, "/3")
    assert awake.read(4) == largest
