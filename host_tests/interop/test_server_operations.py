"""The embedded server's operations, observations and Send, by a client written by hand."""

import asyncio

import cbor2
import pytest

from host_tests.interop.server_peer import (
    ACCEPT,
    ACK,
    BLOCK2,
    CON,
    CONTENT_FORMAT,
    NON,
    OBSERVE,
    RST,
    URI_QUERY,
    Peer,
    block,
    build,
    play,
)
from tools.server import RequestFailed, Transmission, formats

FAST = Transmission(ack_timeout_s=0.1, max_retransmit=3, response_timeout_s=0.4)
GET, POST, PUT, DELETE = 1, 2, 3, 4
ECHO = 252


def run(scenario, *queries, **options):
    options.setdefault("transmission", FAST)
    play(scenario, *(queries or ("lwm2m=1.1", "b=U")), **options)


async def exchange(peer, coroutine, **answer):
    """Answer the one request that an operation sends; returns (request, result)."""
    task = asyncio.ensure_future(coroutine)
    request = await peer.receive()
    peer.answer(request, **answer)
    return request, await task


def test_read():
    """TS Core §6.3.1: GET; Accept only when asked for."""

    async def scenario(server, peer, log):
        read = server.read("s1", "/3303/0/5700")
        request, result = await exchange(peer, read, payload=b"21.5", content_format=0)
        assert (request.code, request.path, request.uint(ACCEPT)) == (GET, "/3303/0/5700", None)
        assert (result.code, result.value, result.content_format) == ("2.05", 21.5, 0)
        read = server.read("s1", "/3/0", accept=112)
        packed = cbor2.dumps([{-2: "/3/0/", 0: "0", 3: "Nudge"}, {0: "7/1", 2: 3800}])
        request, result = await exchange(peer, read, payload=packed, content_format=112)
        assert request.uint(ACCEPT) == 112
        assert result.value == {0: "Nudge", 7: {1: 3800}}
        assert log.last("response")["value"] == {"0": "Nudge", "7": {"1": 3800}}

    run(scenario)


def test_error_response():
    """TS Core §6.3: an error code is a result, with its diagnostic text."""

    async def scenario(server, peer, log):
        read = server.read("s1", "/9/0/9")
        _, result = await exchange(peer, read, code=0x84, payload=b"no such object")
        assert not result.ok and (result.code, result.error) == ("4.04", "no such object")

    run(scenario)


def test_undecodable_payload_is_told():
    """Bad input: a payload that is not what it claims is reported, not raised."""

    async def scenario(server, peer, log):
        for payload, content_format in ((b"\xff\xff", 112), (b"\x99", 11542), (b"x", 4711)):
            read = server.read("s1", "/3303/0/5700")
            _, result = await exchange(peer, read, payload=payload, content_format=content_format)
            assert result.ok and result.value is None and result.error

    run(scenario)


def test_write_execute_attributes_create_delete_discover():
    """TS Core §6.3.2-§6.3.8: methods, formats and queries of each operation."""

    async def scenario(server, peer, log):
        write = server.write("s1", "/1/0/1", 3600)
        request, result = await exchange(peer, write, code=0x44)
        assert (request.code, request.uint(CONTENT_FORMAT), request.payload) == (PUT, 0, b"3600")
        assert result.code == "2.04"
        write = server.write("s1", "/1/0", {1: 60, 6: True}, replace=False)
        request, _ = await exchange(peer, write, code=0x44)
        assert (request.code, request.uint(CONTENT_FORMAT)) == (POST, 112)
        assert cbor2.loads(request.payload) == [{0: "/1/0/1", 2: 60}, {0: "/1/0/6", 4: True}]
        write = server.write("s1", "/1/0", {1: 60}, content_format=11542)
        request, _ = await exchange(peer, write, code=0x44)
        assert (request.code, request.payload) == (PUT, bytes.fromhex("C1013C"))
        request, _ = await exchange(peer, server.execute("s1", "/3/0/4", "0='now'"), code=0x44)
        assert (request.code, request.payload) == (POST, b"0='now'")
        request, _ = await exchange(peer, server.execute("s1", "/3/0/4"), code=0x44)
        assert request.payload == b"" and request.uint(CONTENT_FORMAT) is None
        attributes = server.write_attributes("s1", "/3303/0", {"pmin": 10, "gt": None})
        request, _ = await exchange(peer, attributes, code=0x44)
        assert (request.code, request.all(URI_QUERY)) == (PUT, ["pmin=10", "gt"])
        create = server.create("s1", "/3303/5", {5750: "attic"})
        request, _ = await exchange(peer, create, code=0x41)
        assert (request.code, request.path) == (POST, "/3303")
        assert cbor2.loads(request.payload) == [{0: "/3303/5/5750", 3: "attic"}]
        create = server.create("s1", "/3303", {5750: "attic"})
        request, _ = await exchange(peer, create, code=0x41)
        assert request.uint(CONTENT_FORMAT) == 11542
        assert request.payload == bytes.fromhex("E51676") + b"attic"
        request, _ = await exchange(peer, server.delete("s1", "/3303/5"), code=0x42)
        assert (request.code, request.path) == (DELETE, "/3303/5")
        discover = server.discover("s1", "/3303/0")
        links = b"</3303/0>;pmin=10,</3303/0/5700>;gt=5"
        request, result = await exchange(peer, discover, payload=links, content_format=40)
        assert (request.code, request.uint(ACCEPT)) == (GET, 40)
        assert result.value == [
            {"target": "/3303/0", "pmin": "10"},
            {"target": "/3303/0/5700", "gt": "5"},
        ]

    run(scenario)


def test_version_1_0_writes_an_instance_in_tlv():
    """TS 1.0 6.4: TLV is mandatory in 1.0."""

    async def scenario(server, peer, log):
        write = server.write("s1", "/1/0", {1: 60})
        request, _ = await exchange(peer, write, code=0x44)
        assert request.uint(CONTENT_FORMAT) == 11542

    run(scenario, "lwm2m=1.0")


def test_wrong_arguments():
    """Every error names the thing, the value and what is allowed."""

    async def scenario(server, peer, log):
        for path in ("/a", "/1/2/3/4/5", "/70000", "/1/-1"):
            with pytest.raises(ValueError, match="is not /OBJECT"):
                await server.read("s1", path)
        with pytest.raises(ValueError, match="too short for write"):
            await server.write("s1", "/3", 1)
        with pytest.raises(ValueError, match="not one of read, write"):
            server.enqueue("s1", "frob", "/3")
        with pytest.raises(ValueError, match="needs attributes"):
            server.enqueue("s1", "write-attributes", "/3")
        with pytest.raises(ValueError, match="not observed"):
            await server.cancel("s1", "/3/0/9")
        with pytest.raises(ValueError, match="no SMS number"):
            await server.read("s1", "/3/0/0", via="S")
        with pytest.raises(RequestFailed, match="null is none"):
            await server.write("s1", "/3/0/14", None)
        with pytest.raises(RequestFailed, match="is neither text, number"):
            await server.write("s1", "/3/0/14", [1])
        with pytest.raises(RequestFailed, match="holds one value only"):
            await server.write("s1", "/3/0/7", {0: 1}, content_format=0)
        with pytest.raises(RequestFailed, match="without an instance id goes in TLV only"):
            await server.create("s1", "/3303", {5750: "x"}, content_format=112)
        with pytest.raises(ValueError, match="create needs a value such as"):
            await server.create("s1", "/3303", "x")
        with pytest.raises(ValueError, match="option bogus is not known"):
            await server.write("s1", "/3/0/14", "x", bogus=1)
        with pytest.raises(RequestFailed, match="an instance or object needs"):
            await server.write("s1", "/3/0", 5)

    run(scenario)


def test_resource_instances():
    """TS 1.1 Core §6.3.1, §6.3.3, int-225, int-228: paths of four ids, in every format."""

    async def scenario(server, peer, log):
        for number in (0, 60, 110, 112, 320, 322, 11542, 11543, 11544):
            path, type_of = (3, 0, 7, 1), server.model.type_of
            payload = formats.encode(number, path, 3800, type_of)
            read = server.read("s1", "/3/0/7/1", accept=number)
            request, result = await exchange(peer, read, payload=payload, content_format=number)
            assert (request.path, request.uint(ACCEPT)) == ("/3/0/7/1", number)
            assert result.value == 3800
            write = server.write("s1", "/3/0/7/1", 3800, content_format=number)
            request, _ = await exchange(peer, write, code=0x44)
            assert (request.code, request.path, request.payload) == (PUT, "/3/0/7/1", payload)
        write = server.write("s1", "/3/0/7", {0: 1, 300: 2}, replace=False)
        request, _ = await exchange(peer, write, code=0x44)
        assert (request.code, request.path, request.uint(CONTENT_FORMAT)) == (POST, "/3/0/7", 112)

    run(scenario)


def test_create_in_each_format():
    """TS 1.2 Core §6.3.7: with the id in the payload; several at once; the id left open."""

    async def scenario(server, peer, log):
        for number in (110, 112, 11542, 11543, 11544):
            create = server.create("s1", "/3303/5", {5750: "x"}, content_format=number)
            request, result = await exchange(
                peer, create, code=0x41, options=[(8, "3303"), (8, "5")]
            )
            assert (request.path, result.location) == ("/3303", "/3303/5")
            value = formats.decode(number, request.payload, (3303,), server.model.type_of)
            assert value == {5: {5750: "x"}}
        create = server.create("s1", "/3303", {5: {5750: "x"}, 6: {5750: "y"}})
        request, _ = await exchange(peer, create, code=0x41)
        assert [record[0] for record in cbor2.loads(request.payload)] == [
            "/3303/5/5750",
            "/3303/6/5750",
        ]

    run(scenario, "lwm2m=1.2", "b=U")


def test_requests_may_be_non_confirmable():
    """RFC 7252 §2.1: a Non-confirmable Execute; its response is one, too."""

    async def scenario(server, peer, log):
        execute = server.enqueue("s1", "execute", "/3/0/4", confirmable=False)
        request = await peer.receive()
        assert (request.type, request.code) == (NON, POST)
        peer.answer(request, 0x44)
        assert (await execute).code == "2.04"

    run(scenario)


def test_retransmission():
    """RFC 7252 §4.2: a Confirmable request is sent again, the interval doubling, then given up."""

    async def scenario(server, peer, log):
        loop = asyncio.get_running_loop()
        reading = server.enqueue("s1", "read", "/3/0/0")
        started = loop.time()
        seen = []
        times = []
        for _ in range(3):
            seen.append((await peer.receive()).data)
            times.append(loop.time() - started)
        assert len(set(seen)) == 1
        first, second = times[1] - times[0], times[2] - times[1]
        assert first >= 0.019 and second >= 1.5 * 0.02, "the interval doubles"
        with pytest.raises(RequestFailed) as failure:
            await reading
        assert failure.value.reason == "timeout"

    run(scenario, transmission=Transmission(ack_timeout_s=0.02, max_retransmit=2))


def test_separate_response():
    """RFC 7252 §5.2.2: an empty ACK stops the retransmission; the response is acknowledged, and
    its retransmission again."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        request = await peer.receive()
        peer.send(build(ACK, 0, request.message_id))
        await peer.silence(0.25)
        response = build(CON, 0x45, 900, request.token, [(CONTENT_FORMAT, 0)], b"late")
        peer.send(response)
        acknowledgement = await peer.receive()
        assert acknowledgement.data == build(ACK, 0, 900)
        assert (await reading).value == "late"
        peer.send(response)
        assert (await peer.receive()).data == build(ACK, 0, 900)

    run(scenario)


def test_response_from_elsewhere_is_not_taken():
    """RFC 7252 §5.3.2: a response must come from where the request went, with its token."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        request = await peer.receive()
        stranger = await Peer.open(server.port)
        stranger.answer(request, payload=b"forged", content_format=0)
        peer.send(build(ACK, 0x45, request.message_id, b"bad", [(CONTENT_FORMAT, 0)], b"forged"))
        await asyncio.sleep(0.02)
        assert not reading.done()
        peer.answer(request, payload=b"true", content_format=0)
        assert (await reading).value == "true"
        stranger.close()

    run(scenario)


def test_blockwise_response():
    """RFC 7959 §2.4: a response in blocks is fetched whole."""

    async def scenario(server, peer, log):
        text = b"0123456789abcdef" * 2 + b"end"
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        for number in range(3):
            request = await peer.receive()
            assert (request.uint(23) or 0) >> 4 == number
            more = number < 2
            options = [(CONTENT_FORMAT, 0), (23, number << 4 | more << 3 | 0)]
            part = text[number * 16 : number * 16 + 16]
            peer.send(build(ACK, 0x45, request.message_id, request.token, options, part))
        assert (await reading).value == text.decode()

    run(scenario)


async def observed(server, peer):
    """Observe /3303/0/5700; returns the token."""
    observe = server.observe("s1", "/3303/0/5700")
    request, result = await exchange(peer, observe, payload=b"20", content_format=0, observe=1)
    assert request.uint(OBSERVE) == 0 and result.observing and result.value == 20
    return request.token


def test_notifications_are_events():
    """RFC 7641 §3: notifications match by token; a CON is acknowledged; old ones are marked."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        message_id = peer.notify(token, 5, b"22.5")
        assert (await peer.receive()).data == build(ACK, 0, message_id)
        facts = log.last("notification")
        assert (facts["path"], facts["value"], facts["fresh"]) == ("/3303/0/5700", 22.5, True)
        assert facts["confirmable"]
        peer.notify(token, 4, b"21", type=NON)
        await asyncio.sleep(0.02)
        assert not log.last("notification")["fresh"]
        assert not log.last("notification")["confirmable"]

    run(scenario)


def test_observation_survives_a_change_of_address():
    """CR 5.2.1: after an Update from a new port, notifications from there belong to it; before
    it, they are neither taken nor reset."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        await peer.move()
        peer.notify(token, 6, b"23")
        await peer.silence(0.03)
        assert "notification" not in log.names()
        assert (await peer.request(POST, peer.location)).dotted == "2.04"
        message_id = peer.notify(token, 7, b"24")
        assert (await peer.receive()).data == build(ACK, 0, message_id)
        assert log.last("notification")["value"] == 24

    run(scenario)


def test_cancel_actively_and_passively():
    """RFC 7641 §3.6, int-302, int-303: by GET with Observe 1 and the same token, or by RST."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        cancel = server.cancel("s1", "/3303/0/5700")
        request, _ = await exchange(peer, cancel, payload=b"20", content_format=0)
        assert (request.uint(OBSERVE), request.token) == (1, token)
        message_id = peer.notify(token, 9, b"30")
        assert (await peer.receive()).data == build(RST, 0, message_id)
        token = await observed(server, peer)
        assert await server.cancel("s1", "/3303/0/5700", passive=True) is None
        message_id = peer.notify(token, 3, b"30", type=NON)
        assert (await peer.receive()).data == build(RST, 0, message_id)
        assert log.names("notification") == []

    run(scenario)


def test_observation_ends_with_error_or_registration():
    """RFC 7641 §4.2: an error notification ends it; CR 5.2.1: so does a new registration."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        peer.send(build(CON, 0x84, 700, token))
        assert (await peer.receive()).data == build(ACK, 0, 700)
        assert log.last("observation_ended")["reason"] == "4.04"
        token = await observed(server, peer)
        await peer.register("lwm2m=1.1")
        assert log.last("observation_ended")["reason"] == "re-registered"
        message_id = peer.notify(token, 3, b"1")
        assert (await peer.receive()).data == build(RST, 0, message_id)

    run(scenario)


def test_refused_observe():
    """RFC 7641 §4.1: a response without Observe is a plain one; nothing is observed."""

    async def scenario(server, peer, log):
        observe = server.observe("s1", "/3303/0/5700")
        _, result = await exchange(peer, observe, payload=b"20", content_format=0)
        assert result.ok and not result.observing
        assert server.observations.of("s1") == []

    run(scenario)


def test_observe_again_keeps_the_token():
    """RFC 7641 §4.1: the same token replaces the entry at the client instead of adding one."""

    async def scenario(server, peer, log):
        assert await observed(server, peer) == await observed(server, peer)

    run(scenario)


def test_send():
    """TS Core 1.1 §6.4.6: Send, POST /dp, from a registered client."""

    async def scenario(server, peer, log):
        packed = cbor2.dumps([{-2: "/3303/0/5700", 2: 21.5}])
        response = await peer.request(POST, "/dp", (), packed, CON, 112)
        assert response.dotted == "2.04"
        assert log.last("send")["value"] == {"3303": {"0": {"5700": 21.5}}}
        assert (await peer.request(POST, "/dp", (), b"\xff", CON, 112)).dotted == "4.00"
        stranger = await Peer.open(server.port)
        assert (await stranger.request(POST, "/dp", (), packed, CON, 112)).dotted == "4.04"
        stranger.close()

    run(scenario)


def test_echo():
    """RFC 9175 §2.3: a request that is answered 4.01 with Echo is made again with its value."""

    async def scenario(server, peer, log):
        observing = asyncio.ensure_future(server.observe("s1", "/3/0/0"))
        request = await peer.receive()
        assert request.uint(ECHO) is None
        peer.answer(request, 0x81, options=[(ECHO, b"here?")])
        again = await peer.receive()
        assert (again.token, again.path, again.uint(OBSERVE)) == (request.token, "/3/0/0", 0)
        assert (ECHO, b"here?") in again.options and again.message_id != request.message_id
        # The blocks that follow carry it from the start.
        options = [(BLOCK2, block(0, True, 16))]
        peer.answer(again, 0x45, b"x" * 16, 0, observe=1, options=options)
        request = await peer.receive()
        assert (ECHO, b"here?") in request.options
        peer.answer(request, 0x45, b"y", 0, options=[(BLOCK2, block(1, False, 16))])
        result = await observing
        assert result.observing and result.value == "x" * 16 + "y"
        # Once: a client that asks again and again is told to the operator.
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        for value in (b"1", b"2"):
            peer.answer(await peer.receive(), 0x81, options=[(ECHO, value)])
        assert (await reading).code == "4.01"

    run(scenario)
