"""Virtual Observe Notify (Object 22): links, conditions, what is reported, what is refused."""

import json

from coap.message import ACK
from lwm2m.objects.access_control import AccessControl
from lwm2m.objects.virtual_observe import watch
from unit.lwm2m.helpers import Bench, text

HEAP_K = 128  # the client and its formats beside the test itself

GET, POST, PUT, DELETE = 1, 2, 3, 4


def _links(resource, *links):
    """Return TLV of a multiple resource of Corelnk."""
    inner = b""
    for riid, link in enumerate(links):
        inner += b"\x48" + bytes((riid, len(link))) + link.encode()
    return b"\x88" + bytes((resource, len(inner))) + inner


def _bench(*links):
    bench = Bench(queue=False)
    watch(bench.client)
    bench.register()
    bench.device = bench.tree.get(3, 0)
    bench.device.set(9, 80)
    answer, update = bench.request(POST, "/22", _links(0, *links), 11542)
    assert answer.code == 0x41
    bench.answer(update, 0x44)  # the object list is another
    return bench


def _code(bench, *arguments, **options):
    return [m for m in bench.request(*arguments, **options) if m.type == ACK][0].code


def _report(bench):
    """Let the client run, and return the report as {path: value}, None where there is none."""
    bench.step()
    report = bench.tree.get(22, 0).values[1]
    if not report:
        return None
    found = {}
    base = ""
    for record in json.loads(report):
        base = record.get("bn", base)
        values = [record[key] for key in record if key in ("v", "vs", "vb")]
        if values:
            found[base + record.get("n", "")] = values[0]
    return found


def test_any_change():
    """OMA registry 22: without conditions each change is reported, with all that is linked to."""
    bench = _bench("</3303/0/5700>", "</3/0/9>")
    assert _report(bench) is None
    bench.temperature.set(5700, 22.5)
    assert _report(bench) == {"/3303/0/5700": 22.5, "/3/0/9": 80}
    bench.device.set(3, "2.0")
    bench.device.set(9, 79)
    assert _report(bench) == {"/3303/0/5700": 22.5, "/3/0/9": 79}


def test_report_is_notified():
    """OMA registry 22: a server observes Report and hears of both in one message."""
    bench = _bench("</3303/0/5700>", "</3/0/9>")
    bench.observe("/22/0/1", b"\x22")
    bench.temperature.set(5700, 30.5)
    bench.device.set(9, 10)
    bench.run_for(100)
    told = [message for message in bench.sent() if message.token == b"\x22"]
    assert len(told) == 1
    assert "30.5" in text(told[0]) and "10" in text(told[0])


def test_thresholds():
    """TS 1.1 Core §5.1.2: gt, lt and st against the last report."""
    bench = _bench("</3303/0/5700>;gt=30;lt=10", "</3/0/9>;st=5")
    bench.temperature.set(5700, 29.0)
    assert _report(bench) is None
    bench.temperature.set(5700, 31.0)
    assert _report(bench)["/3303/0/5700"] == 31
    bench.temperature.set(5700, 35.0)
    assert _report(bench)["/3303/0/5700"] == 31
    bench.temperature.set(5700, 15.0)
    assert _report(bench)["/3303/0/5700"] == 15
    bench.device.set(9, 76)
    assert _report(bench)["/3/0/9"] == 80
    bench.device.set(9, 75)
    assert _report(bench)["/3/0/9"] == 75


def test_both_conditions():
    """OMA registry 22, resource 4: AND reports when the conditions of all links are met."""
    bench = _bench("</3303/0/5700>;gt=30", "</3/0/9>")
    assert _code(bench, PUT, "/22/0/4", b"2", 0) == 0x80
    assert _code(bench, PUT, "/22/0/4", b"1", 0) == 0x44
    bench.device.set(9, 70)
    assert _report(bench) is None
    bench.temperature.set(5700, 32.0)
    assert _report(bench) == {"/3303/0/5700": 32, "/3/0/9": 70}


def test_periods():
    """TS 1.1 Core §5.1.2: not before pmin; at pmax without a change."""
    bench = _bench("</3303/0/5700>;pmin=10;pmax=60")
    bench.temperature.set(5700, 25.0)
    assert _report(bench) is None
    bench.run_for(9_000)
    assert _report(bench) is None
    bench.run_for(1_000)
    assert _report(bench) == {"/3303/0/5700": 25}
    bench.temperature.values[5700] = 26.0  # unreported, so that only the period shows it
    bench.run_for(59_000)
    assert _report(bench) == {"/3303/0/5700": 25}
    bench.run_for(1_000)
    assert _report(bench) == {"/3303/0/5700": 26}


def test_other_resources_are_reported():
    """OMA registry 22, resources 2, 3, 5, 6: other links, only what changed, another format."""
    bench = _bench("</3303/0/5700>")
    assert _code(bench, PUT, "/22/0/3", _links(3, "</3/0/9>", "</3303/0>"), 11542) == 0x44
    assert _code(bench, PUT, "/22/0/5", b"0", 0) == 0x80
    assert _code(bench, PUT, "/22/0/5", b"112", 0) == 0x44
    bench.temperature.set(5700, 25.0)
    report = _report(bench)
    assert report["/3/0/9"] == 80 and report["/3303/0/5701"] == "Cel"
    assert bytes(bench.request(GET, "/22/0/6")[0].payload)[:1] > b"\x80"  # a CBOR array
    assert _code(bench, PUT, "/22/0/2", b"1", 0) == 0x44
    bench.temperature.set(5700, 24.0)
    assert _report(bench) == {"/3303/0/5700": 24}


def test_end_and_removal():
    """OMA registry 22: empty links end it; so does a Delete."""
    bench = _bench("</3303/0/5700>")
    assert _code(bench, PUT, "/22/0/0", _links(0, ""), 11542) == 0x44
    bench.temperature.set(5700, 25.0)
    assert _report(bench) is None
    assert _code(bench, DELETE, "/22/0") == 0x42
    bench.temperature.set(5700, 26.0)
    bench.step()
    bench = _bench("</3303/7/5700>", "</3/0/9>")  # the first is not there
    bench.device.set(9, 70)
    assert _report(bench) == {"/3/0/9": 70}


def test_what_is_refused():
    """OMA registry 22: what is no link, and what nobody may read."""
    bench = _bench("</3303/0/5700>")
    for link, code in (
        ("/3303/0", 0x80),
        ("</3303>", 0x80),
        ("</3303/0/5700/1>", 0x80),
        ("</3303/0/5700>;gt=x", 0x80),
        ("</3303/0/5700>;epmin=1", 0x80),
        ("</3303/0>;gt=1", 0x80),
        ("</3303/x>", 0x84),
        ("</0/0/5>", 0x81),
        ("</0/0>", 0x81),
        ("</21/0>", 0x81),
        ("</22/0/1>", 0x81),
    ):
        assert _code(bench, PUT, "/22/0/0", _links(0, link), 11542) == code, link
    assert _code(bench, POST, "/22", _links(0, "</0/0/5>"), 11542) == 0x81
    assert _code(bench, PUT, "/22/0/0", _links(0, *["</3/0/9>"] * 17), 11542) == 0x80
    assert bench.tree.get(22, 0).values[0] == {0: "</3303/0/5700>"}
    bench.tree.add(AccessControl(3, 0, 1))
    assert _code(bench, PUT, "/22/0/0", _links(0, "</3/0/9>"), 11542) == 0x81


def _slept(bench):
    """Return a bench of a board that slept deeply: its own values, and those that were kept."""
    other = Bench(queue=False)
    watch(other.client)
    other.now = bench.now
    other.register()
    other.temperature.set(5700, bench.temperature.values[5700])
    for iid in bench.tree.instances(22):
        instance = other.tree.add(other.tree.object_class(22)(), iid)
        instance.values.update(bench.tree.get(22, iid).values)
        instance.restored()
    return other


def test_deep_sleep():
    """OMA registry 22: links are watched on after a deep sleep, against the last report."""
    bench = _bench("</3303/0/5700>;st=5;pmax=100")
    bench.temperature.set(5700, 30.0)
    assert _report(bench) == {"/3303/0/5700": 30}
    for value, wanted in ((33, 30), (34, 30), (35, 35), (36, 35)):
        bench.now += 10_000
        bench = _slept(bench)
        bench.temperature.set(5700, value)
        assert _report(bench) == {"/3303/0/5700": wanted}
    bench.now += 89_000
    bench = _slept(bench)
    assert _report(bench) == {"/3303/0/5700": 35}
    bench.now += 2_000
    bench = _slept(bench)
    assert _report(bench) == {"/3303/0/5700": 36}
    assert _code(bench, PUT, "/22/0", _links(0, "</3303/0/5700>"), 11542) == 0x44
    bench.temperature.set(5700, 50.0)
    assert _report(bench) == {"/3303/0/5700": 50}


def test_value_that_is_no_number():
    """OMA registry 22: a sensor out of order is left out of the report, and of nothing else."""
    bench = _bench("</3303/0/5700>", "</3/0/9>")
    for value in (float("nan"), float("inf")):
        bench.temperature.set(5700, value)
        assert "/3303/0/5700" not in _report(bench)
    bench.temperature.set(5700, 20.5)
    assert _report(bench) == {"/3303/0/5700": 20.5, "/3/0/9": 80}
