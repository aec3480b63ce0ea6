"""The embedded server and values with their times: Send, notifications, attributes of 1.2."""

import asyncio
import json
import time

import cbor2
import pytest

from host_tests.interop.server_peer import ACK, CON, OBSERVE, URI_QUERY, build, play
from tools.server import Transmission, formats

FAST = Transmission(ack_timeout_s=0.1, max_retransmit=3, response_timeout_s=0.4)
GET, POST, PUT = 1, 2, 3
THEN = 1_700_000_000
PATH = "/3303/0/5700"
RECORDS = [
    {"path": PATH, "value": 20.0, "time": THEN},
    {"path": PATH, "value": 21.5, "time": THEN + 60},
    {"path": PATH, "value": 21, "time": THEN + 30},
]


def run(scenario, version="1.2", **options):
    play(scenario, "lwm2m=" + version, "b=U", transmission=FAST, **options)


def senml(number):
    """Return three values of one path with times, in SenML JSON (110) or CBOR (112)."""
    if number == 110:
        pack = [{"bn": PATH, "bt": THEN, "v": 20.0}, {"t": 60, "v": 21.5}, {"t": 30, "v": 21}]
        return json.dumps(pack).encode()
    return cbor2.dumps([{-2: PATH, -3: THEN, 2: 20.0}, {6: 60, 2: 21.5}, {6: 30, 2: 21}])


@pytest.mark.parametrize("number", [110, 112])
def test_send_keeps_the_times(number):
    """TS 1.1 Core §6.4.6, RFC 8428 §4: every record with its time; the value is the newest."""

    async def scenario(server, peer, log):
        answer = await peer.request(POST, "/dp", (), senml(number), CON, number)
        assert answer.dotted == "2.04"
        facts = log.last("send")
        assert facts["records"] == RECORDS and facts["content_format"] == number
        assert facts["value"] == {"3303": {"0": {"5700": 21.5}}}

    run(scenario)


@pytest.mark.parametrize(
    ("number", "payload"),
    [
        (112, cbor2.dumps([{-2: "/3303/", 0: "0/5700", 2: 21.5}, {0: "1/5700", 2: 7}])),
        (110, b'[{"n":"/3303/0/5700","v":21.5},{"n":"/3303/1/5700","v":7}]'),
        (11544, cbor2.dumps({3303: {0: {5700: 21.5}, 1: {5700: 7}}})),
        (11544, cbor2.dumps({(3303, 0, 5700): 21.5, (3303, 1): {5700: 7}})),
    ],
)
def test_send_in_each_format(number, payload):
    """TS 1.2 Core §6.4.6: SenML CBOR, SenML JSON, LwM2M CBOR; without times, no records."""

    async def scenario(server, peer, log):
        assert (await peer.request(POST, "/dp", (), payload, CON, number)).dotted == "2.04"
        facts = log.last("send")
        assert facts["value"] == {"3303": {"0": {"5700": 21.5}, "1": {"5700": 7}}}
        assert "records" not in facts and "error" not in facts

    run(scenario)


@pytest.mark.parametrize(
    ("number", "payload"),
    [
        (110, b"{}"),
        (112, cbor2.dumps([{0: PATH, 2: 1}, {0: PATH, 2: 2}])),
        (112, cbor2.dumps([{0: PATH, 2: 1}]) + b"\0"),
        (11544, cbor2.dumps([1])),
        (11542, b"\xc1\x01\x02"),
        (0, b"5"),
        (None, b"5"),
    ],
)
def test_send_that_is_none(number, payload):
    """TS 1.1 Core §6.4.6: what names no paths, or is malformed, is answered 4.00 and told."""

    async def scenario(server, peer, log):
        assert (await peer.request(POST, "/dp", (), payload, CON, number)).dotted == "4.00"
        assert log.last("send")["error"] and log.last("send")["value"] is None

    run(scenario)


def test_notification_with_several_times():
    """TS 1.1 Core §6.4.1: stored values come in one notification, each with its time."""

    async def scenario(server, peer, log):
        observing = asyncio.ensure_future(server.observe("s1", PATH, accept=112))
        request = await peer.receive()
        peer.answer(request, payload=cbor2.dumps([{0: PATH, 2: 1}]), content_format=112, observe=1)
        assert (await observing).value == 1
        message_id = peer.notify(request.token, 2, senml(112), content_format=112)
        assert (await peer.receive()).data == build(ACK, 0, message_id)
        facts = log.last("notification")
        assert (facts["value"], facts["records"]) == (21.5, RECORDS)

    run(scenario)


def test_times_relative_to_the_present():
    """RFC 8428 §4.5.3: a time below 2^28 counts from the present; 0 is the present."""
    pack = cbor2.dumps([{0: PATH, 6: -10, 2: 1}, {0: PATH, 2: 2}, {0: PATH, 6: 5.5, 2: 3}])
    records = formats.records(112, pack, (), lambda path: None)
    assert records[0].time == pytest.approx(time.time() - 10, abs=5)
    assert records[1].time is None
    assert records[2].time == pytest.approx(time.time() + 5.5, abs=5)
    assert formats.decode(112, pack, (3303, 0, 5700), lambda path: None) == 2


def test_read_with_times():
    """TS 1.2 Core §6.3.1: the records of a Read, in the result and in its event."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", PATH))
        request = await peer.receive()
        peer.answer(request, payload=senml(110), content_format=110)
        result = await reading
        assert result.value == 21.5
        assert [(r.value, r.time) for r in result.records] == [
            (20.0, THEN),
            (21.5, THEN + 60),
            (21, THEN + 30),
        ]
        assert log.last("response")["records"] == RECORDS

    run(scenario)


def test_every_attribute_is_written():
    """TS 1.2 Core §7.3: pmin to hqmax by Write-Attributes, and unset by a name alone."""

    async def scenario(server, peer, log):
        attributes = {"pmin": 1, "pmax": 60, "gt": 25.5, "lt": -3, "st": 0.5, "epmin": 1}
        attributes |= {"epmax": 9, "edge": 1, "con": True, "hqmax": 5}
        for wanted in (attributes, dict.fromkeys(attributes)):
            writing = asyncio.ensure_future(server.write_attributes("s1", PATH, wanted))
            request = await peer.receive()
            peer.answer(request, 0x44)
            assert (await writing).code == "2.04"
            expected = ["pmin=1", "pmax=60", "gt=25.5", "lt=-3", "st=0.5", "epmin=1", "epmax=9"]
            expected += ["edge=1", "con=1", "hqmax=5"]
            if wanted is not attributes:
                expected = [query.partition("=")[0] for query in expected]
            assert (request.code, request.all(URI_QUERY)) == (PUT, expected)

    run(scenario)


def test_attributes_of_an_observation():
    """TS 1.2 Core §6.4.1, int-312, int-313: in the Observe itself; RFC 7641 §3.6:
    its end repeats all of it."""

    async def scenario(server, peer, log):
        attributes = {"pmin": 10, "pmax": 30, "con": 1}
        observing = asyncio.ensure_future(server.observe("s1", PATH, attributes=attributes))
        request = await peer.receive()
        assert (request.uint(OBSERVE), request.all(URI_QUERY)) == (
            0,
            ["pmin=10", "pmax=30", "con=1"],
        )
        peer.answer(request, payload=b"20", content_format=0, observe=1)
        assert (await observing).observing
        cancelling = asyncio.ensure_future(server.cancel("s1", PATH))
        request = await peer.receive()
        assert (request.uint(OBSERVE), len(request.all(URI_QUERY))) == (1, 3)
        peer.answer(request, payload=b"20", content_format=0)
        assert (await cancelling).code == "2.05"
        with pytest.raises(ValueError, match="attributes are a group"):
            await server.observe("s1", PATH, attributes=["pmin=1"])

    run(scenario)


def test_discover_to_a_depth():
    """TS 1.2 Core §6.3.2, int-264, int-266: depth as a query of Discover."""

    async def scenario(server, peer, log):
        for depth, queries in ((None, []), (0, ["depth=0"]), (3, ["depth=3"])):
            finding = asyncio.ensure_future(server.discover("s1", "/3303", depth=depth))
            request = await peer.receive()
            assert (request.code, request.all(URI_QUERY)) == (GET, queries)
            links = b"</3303>;ver=1.1;dim=2,</3303/0>;pmin=5,</3303/0/5700>;hqmax=3;con=1"
            peer.answer(request, payload=links, content_format=40)
            assert (await finding).value[2] == {"target": PATH, "hqmax": "3", "con": "1"}
        with pytest.raises(ValueError, match="depth 4 is not 0, 1, 2 or 3"):
            await server.discover("s1", "/3303", depth=4)

    run(scenario)
