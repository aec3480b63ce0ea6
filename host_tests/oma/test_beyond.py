"""Values, their times, large ones, versions and two servers, of servers and client together."""

import functools
from pathlib import Path

import pytest

from host_tests.oma import app_values
from host_tests.oma.client import JSON, OPAQUE, SENML_CBOR, SENML_JSON, TEXT, TLV
from host_tests.oma.servers import Embedded
from host_tests.oma.stage import Loop

_APPLICATION = Path(app_values.__file__)
_WHOLE = "/26242/0"
_SAMPLED = "/26242/0/7"
_LARGE = "".join("%07d\n" % n for n in range(200))
_FORMATS = [("1.0", TLV), ("1.0", JSON), ("1.1", TLV), ("1.1", SENML_JSON), ("1.1", SENML_CBOR)]
_VALUES = {
    1: app_values.STRINGS,
    2: app_values.INTEGERS,
    3: app_values.FLOATS,
    4: app_values.BOOLEANS,
    5: app_values.OPAQUES,
    6: 1767225600,
    7: 0.5,
}
_OTHERS = {
    1: {0: "\u65e5\u672c", 2: " "},
    2: {0: 2147483648, 5: -32769},
    3: {0: -0.25, 1: 1e-300, 9: 16777217.0},
    4: {0: True},
    5: {4: b"\x01"},
    6: 4102444800,
    7: -273.15,
}


@pytest.fixture
def begin(start):
    """Return `start` with the application of these values."""
    return functools.partial(start, application=_APPLICATION)


@pytest.mark.parametrize(("version", "format"), _FORMATS)
def test_values_of_every_type(begin, version, format):
    """TS Core appendix C: every type is read and written, whole, in each structured format."""
    client = begin(version=version)
    answer = client.read(_WHOLE, accept=format)
    assert (answer.code, answer.format) == ("2.05", format), answer.error
    assert answer.value == {0: _LARGE, **_VALUES}
    written = client.write(_WHOLE, {0: "", **_OTHERS}, format=format)
    assert written.code == "2.04", written.error
    for accept in {TLV, format}:
        assert client.read(_WHOLE, accept=accept).value == {0: "", **_OTHERS}


def test_large_values(begin):
    """RFC 7959: a text of 1600 bytes is read and written in blocks, alone and among others."""
    client = begin()
    mark = client.wire.mark()
    assert client.read(_WHOLE + "/0", accept=TEXT).value == _LARGE
    assert len(client.wire.since(mark, up=True)) > 3
    assert client.write(_WHOLE + "/0", _LARGE[::-1], format=TEXT).code == "2.04"
    for format in (TLV, SENML_JSON, SENML_CBOR):
        assert client.read(_WHOLE + "/0", accept=format).value == _LARGE[::-1]
    opaque = bytes(range(256)) * 8
    assert client.write(_WHOLE + "/5/2", opaque, format=OPAQUE).code == "2.04"
    assert client.read(_WHOLE + "/5/2", accept=OPAQUE).value == opaque


_SAMPLES = [(1767225600 + 10 * n, _SAMPLED, 20.5 + n) for n in range(3)]


def test_samples_in_a_send(begin):
    """TS 1.1 Core 7.4.4: a Send carries each sample with its time."""
    client = begin()
    assert client.execute(_WHOLE + "/8").code == "2.04"
    assert client.board.do("send", paths=[_SAMPLED])["event"] == "ok"
    assert client.next("send")["samples"] == _SAMPLES


@pytest.mark.parametrize("format", [SENML_JSON, SENML_CBOR])
def test_samples_in_a_notification(begin, format):
    """TS 1.1 Core 7.4.4: a notification carries the samples since the last one."""
    client = begin()
    assert client.write_attributes(_SAMPLED, pmin=1).code == "2.04"
    assert client.observe(_SAMPLED, accept=format).code == "2.05"
    assert client.execute(_WHOLE + "/8").code == "2.04"
    assert client.next("notification", samples=_SAMPLES)["value"] == 22.5


def test_version_that_the_server_does_not_know(start, server):
    """TS 1.2 Core 6.2.1.2: 4.12 has the client register with the version before."""
    if "1.2" in server.versions:
        pytest.skip("this server knows 1.2; test_server_versions.py has one that does not")
    client = start(version="1.2", steps_down=True)
    assert client.registration["version"] == "1.1"
    assert [seen.message.dotted for seen in client.wire.since(0, up=False)] == ["4.12", "2.01"]
    assert client.read("/3/0/0").value == "Nudge"


@pytest.fixture
def second():
    """An embedded server, beside whichever is the first."""
    loop = Loop()
    server = Embedded(loop)
    yield server
    server.close()
    loop.close()


def test_950_951_two_servers(start, second):
    """int-950, 951: two servers have a registration each, read, observe, and go without the
    other."""
    client = start(second="coap://127.0.0.1:%d" % second.port)
    others = second.events(client.endpoint)
    others.next("registered")
    assert client.read("/1/0/0").value == 1
    assert second.ask(client.endpoint, "read", path="/1/1/0").value == 2
    assert client.observe("/3303/0/5700").code == "2.05"
    assert second.ask(client.endpoint, "observe", path="/3303/0/5700").code == "2.05"
    client.board.set("/3303/0/5700", 21.5)
    assert client.next("notification")["value"] == 21.5
    assert others.next("notification")["value"] == 21.5
    assert client.execute("/1/0/8").code == "2.04"
    client.next("updated")
    assert second.ask(client.endpoint, "execute", path="/1/1/4").code == "2.04"
    others.next("deregistered")
    client.board.set("/3303/0/5700", 22.5)
    assert client.next("notification")["value"] == 22.5
    others.none("updated", 0.3)
