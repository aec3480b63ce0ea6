"""OMA's cases of reporting, but the composite ones: int-301 to 303, 306, 307, 311 to 313."""

import pytest

from host_tests.oma.client import SENML_CBOR, SENML_JSON, TEXT, TLV

_VALUE = "/3303/0/5700"


@pytest.mark.parametrize(
    ("version", "format"),
    [("1.0", TEXT), ("1.0", TLV), ("1.1", TLV), ("1.1", SENML_JSON), ("1.1", SENML_CBOR)],
)
def test_301_observation_and_notification(start, version, format):
    """int-301: a change is reported in the format that was asked for."""
    client = start(version=version)
    client.board.set(_VALUE, 20.0)
    answer = client.observe(_VALUE, accept=format)
    assert (answer.code, answer.format, answer.value) == ("2.05", format, 20.0)
    client.board.set(_VALUE, 30.25)
    report = client.next("notification")
    assert (report["value"], report["content_format"]) == (30.25, format)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_301_periods(start, version):
    """int-301: a change is reported pmin after the last report, and without one pmax after it."""
    client = start(version=version)
    assert client.write_attributes(_VALUE, pmin=1, pmax=2).code == "2.04"
    assert client.observe(_VALUE).code == "2.05"
    started = client.next("observing")
    client.board.set(_VALUE, 30.25)
    client.board.set(_VALUE, -5.5)
    first = client.next("notification")
    assert first["value"] == -5.5
    assert 0.7 < first["at"] - started["at"] < 1.9
    second = client.next("notification")
    assert second["value"] == -5.5
    assert 1.7 < second["at"] - first["at"] < 2.9


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_301_thresholds(start, version):
    """int-301 (TS Core 5.1.2): gt, lt and st say which changes are reported."""
    client = start(version=version)
    assert client.write_attributes(_VALUE, gt=50, lt=10, st=15).code == "2.04"
    client.board.set(_VALUE, 20.0)
    assert client.observe(_VALUE).code == "2.05"
    client.board.set(_VALUE, 25.0)
    client.events.none("notification", 0.7)
    for value in (51.0, 9.0, 26.0):
        client.board.set(_VALUE, value)
        assert client.next("notification")["value"] == value


def test_301_observe_levels(start):
    """int-301: an instance and an Object are observed as a resource is."""
    client = start()
    for path in ("/3303/0", "/3303"):
        assert client.observe(path).code == "2.05"
        client.board.set(_VALUE, 7.5 + len(path))
        value = client.next("notification", path=path)["value"]
        assert (value if path == "/3303/0" else value[0])[5700] == 7.5 + len(path)
        assert client.cancel(path).code == "2.05"


def test_302_cancel_by_reset(start):
    """int-302: a Reset to a notification ends its observation, and no other."""
    client = start()
    assert client.write("/3/0/15", "Europe/Paris").code == "2.04"
    assert client.observe(_VALUE).code == "2.05"
    assert client.observe("/3/0/15").code == "2.05"
    client.board.set(_VALUE, 1.5)
    assert client.next("notification", path=_VALUE)["value"] == 1.5
    client.forget(path=_VALUE)
    mark = client.wire.mark()
    client.board.set(_VALUE, 2.5)
    assert client.board.events.next("cancelled")["reason"] == "reset"
    assert any(seen.message.type == 3 for seen in client.wire.since(mark, up=False))
    mark = client.wire.mark()
    client.board.set(_VALUE, 3.5)
    client.events.none("notification", 0.7)
    assert not client.wire.since(mark)
    assert client.write("/3/0/15", "Europe/Oslo").code == "2.04"
    assert client.next("notification", path="/3/0/15")["value"] == "Europe/Oslo"


def test_303_cancel_by_observe(start):
    """int-303: GET with Observe 1 ends an observation, and no other."""
    client = start()
    assert client.write("/3/0/15", "Europe/Paris").code == "2.04"
    assert client.observe(_VALUE).code == "2.05"
    assert client.observe("/3/0/15").code == "2.05"
    answer = client.cancel(_VALUE)
    assert (answer.code, answer.value) == ("2.05", 0)
    client.board.set(_VALUE, 3.5)
    client.events.none("notification", 0.7)
    assert client.write("/3/0/15", "Europe/Oslo").code == "2.04"
    assert client.next("notification", path="/3/0/15")["value"] == "Europe/Oslo"


def test_306_send(start):
    """int-306: the client reports on its own, in SenML, and is answered 2.04."""
    client = start()
    client.board.set(_VALUE, 2.5)
    mark = client.wire.mark()
    assert client.board.do("send", paths=["/3/0/0", _VALUE])["event"] == "ok"
    sent = client.next("send")
    assert sent["value"] == {3: {0: {0: "Nudge"}}, 3303: {0: {5700: 2.5}}}
    assert sent["content_format"] in (SENML_JSON, SENML_CBOR)
    (post,) = client.wire.since(mark, "0.02", "/dp")
    assert client.wire.first(mark, code="2.04").message.token == post.message.token


def test_307_muting_send(start):
    """int-307: while Mute Send is true nothing is sent."""
    client = start()
    assert client.write("/1/0/23", True).code == "2.04"
    mark = client.wire.mark()
    assert client.board.do("send", paths=[_VALUE])["event"] == "error"
    client.events.none("send", 0.7)
    assert not client.wire.since(mark)
    assert client.write("/1/0/23", False).code == "2.04"
    assert client.board.do("send", paths=[_VALUE])["event"] == "ok"
    client.next("send")


def test_311_send_of_given_paths(start):
    """int-311: a Send has the resources that were named, of several Objects."""
    client = start()
    assert client.board.do("send", paths=["/1/0/1", "/3/0/11"])["event"] == "ok"
    assert client.next("send")["value"] == {1: {0: {1: 86400}}, 3: {0: {11: {0: 0}}}}


@pytest.mark.parametrize("name", ["pmin", "gt"])
def test_312_313_attributes_of_the_observe_request(start, name):
    """int-312, 313: (1.2) what the Observe request names goes before what was written."""
    client = start(version="1.2")
    if name == "pmin":
        assert client.write_attributes(_VALUE, pmin=30, pmax=60).code == "2.04"
        answer = client.observe(_VALUE, attributes={"pmin": 1, "pmax": 3})
        assert answer.code == "2.05"
        client.board.set(_VALUE, 1.5)
        first = client.next("notification", within_s=3)
        assert first["value"] == 1.5
        assert client.next("notification")["at"] - first["at"] < 4
        return
    assert client.write_attributes(_VALUE, gt=100).code == "2.04"
    assert client.observe(_VALUE, attributes={"gt": 10}).code == "2.05"
    client.board.set(_VALUE, 11.0)
    assert client.next("notification")["value"] == 11.0
