"""The embedded server's registration interface, by a client written by hand."""

import asyncio
import random

import aiocoap
import aiocoap.resource
import pytest

from host_tests.interop.server_peer import (
    ACK,
    CON,
    LOCATION_PATH,
    NON,
    RST,
    build,
    play,
)
from tools.server import Transmission, UnknownEndpoint, links, wire

FAST = Transmission(ack_timeout_s=0.05, max_retransmit=2, response_timeout_s=0.5)
POST, PUT, DELETE, GET = 2, 3, 4, 1


def run(scenario, **options):
    options.setdefault("transmission", FAST)
    play(scenario, **options)


def test_register_records_what_it_says():
    """CR 5.2.1 Table 2: name, Lifetime, SMS number, objects; the source address is recorded."""

    async def scenario(server, peer, log):
        location = await peer.register("lt=300", "lwm2m=1.1", "b=U", "Q", "sms=447700900124")
        client = server.client("s1")
        assert "/rd/" + client.location == location
        assert (client.version.name, client.lifetime_s, client.binding) == ("1.1", 300, "U")
        assert client.queue_mode and client.sms_number == "447700900124"
        assert client.address == ("127.0.0.1", peer.port)
        assert client.listed.objects == {1: [0], 3303: [0]}
        assert log.last("registered")["objects"] == ["/1/0", "/3303/0"]

    run(scenario)


def test_defaults():
    """CR 5.2.1 Table 2: lifetime 86400 and version 1.0 when absent; UDP without Queue Mode."""

    async def scenario(server, peer, log):
        await peer.register()
        client = server.client("s1")
        assert (client.lifetime_s, client.version.name, client.binding) == (86400, "1.0", "U")
        assert not client.queue_mode and client.sms_number is None
        assert server.state("s1") == "reachable"

    run(scenario)


@pytest.mark.parametrize(
    ("queries", "version", "binding", "queue"),
    [
        (("q",), "draft", "UQ", True),
        (("q", "sms=447700900124"), "draft", "UQS", True),
        (("b=UQ",), "1.0", "UQ", True),
        (("lwm2m=1.0", "b=UQS", "sms=447700900124"), "1.0", "UQS", True),
        (("lwm2m=1.0", "b=US", "sms=447700900124"), "1.0", "US", False),
        (("lwm2m=1.1", "b=U", "Q"), "1.1", "U", True),
        (("lwm2m=1.1", "b=US"), "1.1", "US", False),
    ],
)
def test_queue_mode_by_version(queries, version, binding, queue):
    """CR 5.2.1 Table 2 (q), 1.0 Table 8 (b=UQ…), 1.1 Core 6.2.1 (Q, of its own)."""

    async def scenario(server, peer, log):
        await peer.register(*queries)
        client = server.client("s1")
        assert (client.version.name, client.binding) == (version, binding)
        assert client.queue_mode is queue

    run(scenario)


def test_draft_by_configuration():
    """CR 5.2.1: a draft client without Queue Mode sends neither q nor a version."""

    async def scenario(server, peer, log):
        await peer.register("sms=447700900124")
        assert server.client("s1").version.name == "draft"
        assert server.client("s1").sms_enabled

    run(scenario, default_version="draft")


@pytest.mark.parametrize(
    ("queries", "payload", "code"),
    [
        (("lt=60",), b"</1/0>", "4.00"),
        (("ep=",), b"</1/0>", "4.00"),
        (("ep=a", "lt=soon"), b"</1/0>", "4.00"),
        (("ep=a", "lt=0"), b"</1/0>", "4.00"),
        (("ep=a", "lt=99999999999"), b"</1/0>", "4.00"),
        (("ep=a", "ep=b"), b"</1/0>", "4.00"),
        (("ep=a", "lwm2m=1.1", "b=UQ"), b"</1/0>", "4.00"),
        (("ep=a", "lwm2m=1.1", "b=UU"), b"</1/0>", "4.00"),
        (("ep=a", "b=UQSQ"), b"</1/0>", "4.00"),
        (("ep=a", "sms=null"), b"</1/0>", "4.00"),
        (("ep=a", "lwm2m=x"), b"</1/0>", "4.00"),
        (("ep=a", "lwm2m=9.9"), b"</1/0>", "4.12"),
        (("ep=a",), b"", "4.00"),
        (("ep=a",), b"</hello>", "4.00"),
        (("ep=a",), b"nonsense", "4.00"),
        (("ep=a",), b"\xff\xfe", "4.00"),
    ],
)
def test_invalid_register(queries, payload, code):
    """TS 1.0 5.3.1: an invalid Register is answered 4.00, an unsupported version 4.12."""

    async def scenario(server, peer, log):
        response = await peer.request(POST, "/rd", queries, payload, CON, 40)
        assert response.dotted == code
        assert response.payload, "a diagnostic payload says why"
        assert not server.clients

    run(scenario)


def test_update_by_post_and_put_takes_the_newest_address():
    """CR 5.2.1: an Update (PUT in the draft, POST after) records address and port anew."""

    async def scenario(server, peer, log):
        location = await peer.register("lwm2m=1.1")
        old_port = peer.port
        await peer.move()
        assert (await peer.request(POST, location, ("lt=120",))).dotted == "2.04"
        assert server.client("s1").address == ("127.0.0.1", peer.port)
        assert server.client("s1").lifetime_s == 120
        facts = log.last("updated")
        assert facts["previous_address"] == "127.0.0.1:%d" % old_port
        assert facts["changed"] == ["lifetime_s", "address"]
        update = await peer.request(PUT, location, ("sms=447700900125",), b"</1/0>,</3/0>")
        assert update.dotted == "2.04"
        client = server.client("s1")
        assert (client.sms_number, client.lifetime_s) == ("447700900125", 120)
        assert client.listed.objects == {1: [0], 3: [0]}

    run(scenario)


def test_update_refused_changes_nothing():
    """TS 1.0 5.3.2: Update 4.00 when invalid, 4.04 when unknown."""

    async def scenario(server, peer, log):
        location = await peer.register("lwm2m=1.1", "b=U", "Q")
        for queries in (("lt=x",), ("b=Z",), ("lt=5", "lt=6"), ("sms=x",)):
            assert (await peer.request(POST, location, queries)).dotted == "4.00"
        assert (await peer.request(POST, location, (), b"<<")).dotted == "4.00"
        assert server.client("s1").lifetime_s == 86400
        assert (await peer.request(POST, "/rd/none")).dotted == "4.04"
        assert (await peer.request(GET, location)).dotted == "4.05"
        assert (await peer.request(GET, "/rd")).dotted == "4.05"
        assert (await peer.request(GET, "/else")).dotted == "4.04"

    run(scenario)


def test_update_without_parameters_keeps_queue_mode():
    """TS Core §6.2.2: an Update holds only what changed."""

    async def scenario(server, peer, log):
        for queries in (("lwm2m=1.1", "b=US", "Q", "sms=4477"), ("q", "sms=4477"), ("b=UQS",)):
            location = await peer.register(*queries)
            before = server.client("s1").facts()
            assert (await peer.request(POST, location)).dotted == "2.04"
            assert (await peer.request(POST, location, ("lt=99",))).dotted == "2.04"
            assert server.client("s1").facts() == {**before, "lifetime_s": 99}

    run(scenario)


def test_deregister():
    """TS 1.0 5.3.3: DELETE on the location, 2.02; then 4.04."""

    async def scenario(server, peer, log):
        location = await peer.register()
        assert (await peer.request(DELETE, location)).dotted == "2.02"
        assert not server.clients
        assert (await peer.request(DELETE, location)).dotted == "4.04"
        assert log.names("deregistered") == ["deregistered"]
        with pytest.raises(UnknownEndpoint, match="'s1' is not registered"):
            await server.read("s1", "/3/0/0")

    run(scenario)


def test_register_again_replaces():
    """CR 5.2.1, note: the Server removes the existing registration and performs the new one."""

    async def scenario(server, peer, log):
        first = await peer.register("lt=60")
        second = await peer.register("lt=90")
        assert first != second and len(server.clients) == 1
        assert server.client("s1").lifetime_s == 90
        assert (await peer.request(POST, first)).dotted == "4.04"
        assert (await peer.request(POST, second)).dotted == "2.04"
        assert log.last("registered")["replaced"] == first

    run(scenario)


def test_lifetime_expires_unless_updated():
    """CR 5.2.1 Table 2: removed if no Update comes within the lifetime."""

    async def scenario(server, peer, log):
        location = await peer.register("lt=1")
        await asyncio.sleep(0.6)
        await peer.request(POST, location)
        await asyncio.sleep(0.6)
        assert "s1" in server.clients
        await log.wait("expired", 1)
        assert not server.clients
        assert (await peer.request(POST, location)).dotted == "4.04"

    run(scenario)


def test_object_list_examples():
    """CR 5.2.1: its payload examples, the alternate root path and ct; 1.1's ver."""
    parsed = links.object_list(b"</1>,</2>,</3>,</4>,</5>")
    assert parsed.objects == {1: [], 2: [], 3: [], 4: [], 5: []}
    parsed = links.object_list(b"</1/0>, </2/0>, </2/1>, </3/0>,</4/0>,</5>")
    assert parsed.objects == {1: [0], 2: [0, 1], 3: [0], 4: [0], 5: []}
    parsed = links.object_list(
        b'</lwm2m>;rt="oma.lwm2m", </lwm2m/1/0>, </lwm2m/2/0>, </lwm2m/2/1>, </lwm2m/3/0>,'
        b"</lwm2m/4/0>,</lwm2m/5>"
    )
    assert parsed.root == "/lwm2m" and parsed.objects == {1: [0], 2: [0, 1], 3: [0], 4: [0], 5: []}
    parsed = links.object_list(b'</>;rt="oma.lwm2m";ct=100, </1/0>, </5>')
    assert (parsed.root, parsed.content_formats) == ("", [100])
    parsed = links.object_list(
        b'</>;ct="60 112";rt="oma.lwm2m",</1>;ver=1.1,</1/0>,</3/0>;x="a,<b"'
    )
    assert parsed.versions == {1: "1.1"} and parsed.content_formats == [60, 112]
    assert parsed.objects == {1: [0], 3: [0]}


@pytest.mark.parametrize("text", ["<1/0", "</1/0>,", "</1/0>;;", "</1/0> </3>", "</99999>", ""])
def test_bad_object_lists(text):
    """RFC 6690 §2: what is not link format, or names no Object, is refused."""
    with pytest.raises(links.LinkError):
        links.object_list(text.encode())


def test_alternate_root_path_is_used():
    """CR 5.2.1: requests go below the path that the client registered."""

    async def scenario(server, peer, log):
        await peer.register(payload=b'</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>')
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        request = await peer.receive()
        assert request.path == "/lwm2m/3/0/0"
        peer.answer(request, payload=b"Nudge", content_format=0)
        assert (await reading).value == "Nudge"

    run(scenario)


def test_too_many_clients():
    """Tables are bounded: beyond max_clients a new client gets 5.03, a known one is served."""

    async def scenario(server, peer, log):
        await peer.register(endpoint="a")
        await peer.register(endpoint="b")
        response = await peer.request(POST, "/rd", ("ep=c",), b"</1/0>", CON, 40)
        assert response.dotted == "5.03"
        await peer.register(endpoint="a")
        assert set(server.clients) == {"a", "b"}

    run(scenario, max_clients=2)


def test_duplicate_register_is_answered_from_memory():
    """RFC 7252 §4.2: a retransmission gets the same reply and makes no second registration."""

    async def scenario(server, peer, log):
        datagram = build(CON, POST, 7, b"t", [(11, "rd"), (15, "ep=s1"), (12, 40)], b"</1/0>")
        peer.send(datagram)
        first = await peer.receive()
        peer.send(datagram)
        second = await peer.receive()
        assert first.data == second.data and first.all(LOCATION_PATH)
        assert log.names("registered") == ["registered"]
        assert server.dropped == {"duplicate": 1}

    run(scenario)


def test_non_register_is_answered_non():
    """RFC 7252 §5.2.3: the response to a Non-confirmable request is Non-confirmable."""

    async def scenario(server, peer, log):
        response = await peer.request(POST, "/rd", ("ep=s1",), b"</1/0>", NON, 40)
        assert (response.type, response.dotted) == (NON, "2.01")

    run(scenario)


def test_ping_and_critical_option():
    """RFC 7252 §4.3: a ping gets RST; §5.4.1: an unknown critical option gets 4.02."""

    async def scenario(server, peer, log):
        peer.send(build(CON, 0, 9))
        pong = await peer.receive()
        assert (pong.type, pong.code, pong.message_id) == (RST, 0, 9)
        peer.send(build(CON, POST, 10, b"x", [(11, "rd"), (15, "ep=s1"), (9999, b"")], b"</1>"))
        refusal = await peer.receive()
        assert (refusal.type, refusal.dotted) == (ACK, "4.02") and not server.clients

    run(scenario)


def test_garbage_never_stops_the_server():
    """Bad input: random and truncated datagrams are counted; the server goes on."""

    async def scenario(server, peer, log):
        chance = random.Random(7)
        good = build(CON, POST, 7, b"t", [(11, "rd"), (15, "ep=s1"), (12, 40)], b"</1/0>")
        for index in range(len(good)):
            peer.send(good[:index])
        for _ in range(2000):
            peer.send(bytes(chance.getrandbits(8) for _ in range(chance.randrange(40))))
            if _ % 100 == 0:
                await asyncio.sleep(0.002)
        for _ in range(500):
            mutated = bytearray(good)
            mutated[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
            peer.send(bytes(mutated))
        await asyncio.sleep(0.2)
        while not peer.inbox.empty():
            peer.inbox.get_nowait()
        await peer.register(endpoint="after")
        assert "after" in server.clients
        assert server.dropped["version"] and server.dropped["too_short"]

    run(scenario)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("40", "too_short"),
        ("8001ABCD", "version"),
        ("4901ABCD000102030405060708", "token_length"),
        ("4001ABCDFF", "marker_without_payload"),
        ("4000ABCD11", "empty_not_empty"),
        ("4021ABCD", "reserved_code"),
        ("4001ABCDF1", "options"),
        ("4001ABCDB5", "options"),
        ("4001ABCDB1FF", "options"),
    ],
)
def test_message_format_errors(data, reason):
    """RFC 7252 §3, §4.1: what is a message format error."""
    with pytest.raises(wire.FormatError, match=reason):
        wire.decode(bytes.fromhex(data))


def test_aiocoap_client():
    """Interoperation: aiocoap as the client registers, is read and deregisters."""

    class Value(aiocoap.resource.Resource):
        async def render_get(self, request):
            return aiocoap.Message(payload=b"21.5", content_format=0)

    async def scenario(server, peer, log):
        site = aiocoap.resource.Site()
        site.add_resource(["3303", "0", "5700"], Value())
        context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", peer.port))
        try:
            base = "coap://127.0.0.1:%d" % server.port
            request = aiocoap.Message(
                code=aiocoap.POST,
                uri=base + "/rd?ep=s1&lt=60&lwm2m=1.1&b=U",
                payload=b"</3303/0>",
                content_format=40,
            )
            response = await context.request(request).response
            assert str(response.code) == "2.01 Created"
            assert (await server.read("s1", "/3303/0/5700")).value == 21.5
            location = base + "/" + "/".join(response.opt.location_path)
            request = aiocoap.Message(code=aiocoap.DELETE, uri=location)
            assert str((await context.request(request).response).code) == "2.02 Deleted"
        finally:
            await context.shutdown()

    async def whole(server, peer, log):
        peer.close()
        await scenario(server, peer, log)

    run(whole)
