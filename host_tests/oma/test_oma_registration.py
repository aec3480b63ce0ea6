"""OMA's cases of client registration: LightweightM2M-1.1-int-101 to 111."""

import re
import socket
from pathlib import Path

import pytest

from host_tests.interop.server_peer import CON, URI_PATH, URI_QUERY, Parsed, build


def _queries(seen):
    return seen.message.all(URI_QUERY)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_101_initial_registration(start, version):
    """int-101: ep, lt, version and binding as query, all Objects but Security listed; 2.01."""
    client = start(version=version, lifetime_s=300)
    registration = client.registration
    assert registration["version"] == version
    assert (registration["lifetime_s"], registration["queue_mode"]) == (300, False)
    (register,) = client.wire.since(0, "0.02", "/rd")
    queries = _queries(register)
    assert "ep=" + client.endpoint in queries and "lt=300" in queries
    assert "lwm2m=" + version in queries
    payload = register.message.payload.decode()
    assert "</3/0>" in payload and "</3303/0>" in payload and "</1/0>" in payload
    assert not re.search("</0[/>]|</21[/>]", payload)
    answer = client.wire.first(0, code="2.01")
    assert answer.message.token == register.message.token


def test_102_registration_update(start):
    """int-102: a written lifetime is told to the server by an Update, which keeps the location."""
    client = start(lifetime_s=300)
    assert client.write("/1/0/1", 120).code == "2.04"
    updated = client.next("updated")
    assert updated["lifetime_s"] == 120
    assert updated["location"] == client.registration["location"]
    assert client.read("/1/0/1").value == 120


def test_103_deregistration(start):
    """int-103: Disable ends the registration, and with it ends what the client will be asked."""
    client = start(lifetime_s=300)
    assert client.write("/1/0/5", 2).code == "2.04"
    mark = client.wire.mark()
    assert client.execute("/1/0/4").code == "2.04"
    gone = client.next("deregistered")
    left = client.wire.first(mark, code="0.04")
    assert left.message.path == client.registration["location"]
    client.wire.first(mark, code="2.02", up=False)
    back = client.next("registered")
    assert 1.5 < back["at"] - gone["at"] < 5


def test_104_registration_update_trigger(start):
    """int-104: Execute /1/0/8 is answered 2.04, then comes an Update without a parameter."""
    client = start(lifetime_s=300)
    mark = client.wire.mark()
    assert client.execute("/1/0/8").code == "2.04"
    client.next("updated")
    (update,) = client.wire.since(mark, "0.02", "/rd", up=True)
    assert not _queries(update) and not update.message.payload
    seen = client.wire.since(mark, up=True)
    assert [each.message.dotted for each in seen][:2] == ["2.04", "0.02"]


def test_105_discarded_register_update(start):
    """int-105: an Update that the server does not know, 4.04, is followed by a Register."""
    client = start(lifetime_s=300)
    _deregister_behind_its_back(client.server.port, client.registration["location"])
    client.next("deregistered")
    mark = client.wire.mark()
    client.board.do("update")
    again = client.next("registered")
    assert again["location"] != client.registration["location"]
    assert [seen.message.dotted for seen in client.wire.since(mark)][:2] == ["0.02", "4.04"]
    assert client.read("/3/0/0").code == "2.05"


def _deregister_behind_its_back(port, location):
    options = [(URI_PATH, segment) for segment in location[1:].split("/")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.settimeout(5)
        other.sendto(build(CON, 4, 0x1234, b"\xc0\xff", options), ("127.0.0.1", port))
        assert Parsed(other.recv(100)).dotted == "2.02"


def test_107_extending_the_lifetime(start):
    """int-107: the lifetime written is told at once, and kept up by Updates without parameters."""
    client = start(lifetime_s=300)
    mark = client.wire.mark()
    assert client.write("/1/0/1", 6).code == "2.04"
    client.next("updated")
    (update,) = client.wire.since(mark, "0.02", "/rd", up=True)
    assert _queries(update) == ["lt=6"] and not update.message.payload
    mark = client.wire.mark()
    client.next("updated", within_s=6)
    (update,) = client.wire.since(mark, "0.02", "/rd", up=True)
    assert not _queries(update)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_108_turn_on_queue_mode(start, version):
    """int-108: the server is told of Queue Mode, 1.1 by the parameter Q, 1.0 by the binding."""
    client = start(version=version, queue=True)
    assert client.registration["queue_mode"] is True
    (register,) = client.wire.since(0, "0.02", "/rd")
    queries = _queries(register)
    assert ("Q" in queries, "b=UQ" in queries) == (version != "1.0", version == "1.0")


def test_109_behaviour_in_queue_mode(start):
    """int-109: once the client sleeps nothing is sent to it, until its next Update."""
    client = start(queue=True)
    client.next("asleep")
    client.board.events.next("asleep")
    mark = client.wire.mark()
    reading = client.later("read", path="/3/0/0")
    client.next("queued")
    client.events.none("updated", 1)
    assert not client.wire.since(mark)
    client.board.do("update")
    answer = reading()
    assert (answer.code, answer.value) == ("2.05", "Nudge")
    order = [(seen.up, seen.message.dotted) for seen in client.wire.since(mark)]
    assert order[0] == (True, "0.02") and (False, "0.01") in order[1:]


def test_110_111_registration_by_profile_id(start):
    """int-110, 111: (1.2) a Profile ID goes instead of the object list, which follows when the
    server does not know it; then another client's Register does without."""
    # With a list that no other case has, since the server remembers what it has learnt.
    objects = Path(__file__).resolve().parent / "app_objects.py"
    first = start(version="1.2", profile_id="hash", application=objects)
    registers = first.wire.since(0, "0.02", "/rd", up=True)
    assert [bool(seen.message.payload) for seen in registers] == [False, True]
    assert first.wire.since(0, "4.09", up=False)
    (profile,) = (value for value in _queries(registers[0]) if value.startswith("pid="))
    assert re.fullmatch("pid=6:[0-9a-f]{8}", profile)
    second = start(version="1.2", profile_id="hash", application=objects)
    (register,) = second.wire.since(0, "0.02", "/rd", up=True)
    assert profile in _queries(register) and not register.message.payload
    assert second.registration["objects"] == first.registration["objects"]
    assert second.read("/3/0/0").value == "Nudge"
