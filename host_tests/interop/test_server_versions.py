"""The embedded server and the enabler versions: 1.2, Profile IDs, and answers asked for."""

import asyncio
import hashlib
import math

import pytest

from host_tests.interop.server_peer import (
    ACK,
    CON,
    NON,
    URI_QUERY,
    build,
    play,
)
from tools.server import LwM2mServer, Transmission
from tools.server.links import LinkError

POST, PUT, DELETE, GET = 2, 3, 4, 1
MAX_AGE = 14
FAST = Transmission(ack_timeout_s=0.05, max_retransmit=2, response_timeout_s=0.5)
LINKS = b'</>;rt="oma.lwm2m";ct=112,</1>;ver=1.2,</1/0>,</3/0>,</3303/0>'
# The same with the version of every Object and nothing of the root, which is what is hashed.
WHOLE = b"</1>;ver=1.2,</1/0>,</3>;ver=1.0,</3/0>,</3303>;ver=1.0,</3303/0>"


def run(scenario, *queries, **options):
    options.setdefault("transmission", FAST)
    play(scenario, *queries, **options)


def test_1_2_registers():
    """TS 1.2 Core §6.2.1: version 1.2 with Q, and the transports of its own in the binding."""

    async def scenario(server, peer, log):
        await peer.register("lwm2m=1.2", "b=UMH", "Q", "lt=60")
        client = server.client("s1")
        assert (client.version.name, client.binding, client.queue_mode) == ("1.2", "UMH", True)
        assert log.last("registered")["profile"] is None
        location = await peer.register("lwm2m=1.2", "Q")
        assert (await peer.request(POST, location, ("b=U",))).dotted == "2.04"
        assert server.client("s1").queue_mode, "an Update holds only what changed"
        refused = await peer.request(POST, "/rd", ("ep=a", "lwm2m=1.1", "b=UM"), LINKS, CON, 40)
        assert refused.dotted == "4.00"

    run(scenario)


def test_lifetime_without_end():
    """TS 1.2 Core §6.2.1: a Lifetime of 0 never ends; to the older versions it is an error."""

    async def scenario(server, peer, log):
        location = await peer.register("lwm2m=1.2", "lt=0")
        assert (server.client("s1").lifetime_s, server.client("s1").expires_at) == (0, math.inf)
        assert (await peer.request(POST, location, ("lt=1",))).dotted == "2.04"
        assert (await peer.request(POST, location, ("lt=0",))).dotted == "2.04"
        await asyncio.sleep(1.1)
        assert "expired" not in log.names()
        for version in ("1.0", "1.1"):
            queries = ("ep=a", "lt=0", "lwm2m=" + version)
            assert (await peer.request(POST, "/rd", queries, LINKS, CON, 40)).dotted == "4.00"

    run(scenario)


@pytest.mark.parametrize(
    ("served", "queries", "code"),
    [
        (("1.0", "1.1"), ("lwm2m=1.2",), "4.12"),
        (("1.0", "1.1"), ("lwm2m=1.1",), "2.01"),
        (("1.0",), ("lwm2m=1.1",), "4.12"),
        (("1.1", "1.2"), (), "4.12"),
        (("1.0", "1.1"), ("q",), "4.12"),
        (("draft",), ("q",), "2.01"),
    ],
)
def test_versions_served(served, queries, code):
    """TS 1.1 Core §6.2.1: a version that the server does not serve is answered 4.12."""

    async def scenario(server, peer, log):
        answer = await peer.request(POST, "/rd", ("ep=a", *queries), LINKS, CON, 40)
        assert answer.dotted == code
        if code == "4.12":
            assert answer.payload.endswith(", ".join(served).encode())

    run(scenario, versions=served)


@pytest.mark.parametrize(
    ("suite", "digits", "text"),
    [(6, 8, LINKS), (6, 8, WHOLE), (5, 16, WHOLE), (3, 30, LINKS), (1, 64, WHOLE)],
)
def test_profile_that_was_seen(suite, digits, text):
    """TS 1.2 Core §6.2.1, int-110, int-111: the hash of an object list that came once."""

    async def scenario(server, peer, log):
        name = "%d:%s" % (suite, hashlib.sha256(text).hexdigest()[:digits])
        queries = ("ep=s1", "lwm2m=1.2", "pid=" + name)
        refused = await peer.request(POST, "/rd", queries)
        assert refused.dotted == "4.09" and name.encode() in refused.payload
        await peer.register("lwm2m=1.2", payload=LINKS)
        response = await peer.request(POST, "/rd", queries)
        assert response.dotted == "2.01"
        client = server.client("s1")
        assert client.listed.objects == {1: [0], 3: [0], 3303: [0]}
        assert client.listed.versions == {1: "1.2"}
        assert log.last("registered")["profile"] == name
        read = asyncio.ensure_future(server.read("s1", "/3303/0/5700"))
        request = await peer.receive()
        peer.answer(request, payload=b"21.5", content_format=0)
        assert (await read).value == 21.5

    run(scenario)


def test_profiles_agreed_on():
    """TS 1.2 Core §6.2.1: names given beforehand, several together; a list of its own replaces."""
    agreed = {"oma:meter": "</1/0>,</3/0>", "v:acme": "</3303/0>,</3303/1>"}

    async def scenario(server, peer, log):
        queries = ("ep=s1", "lwm2m=1.2", 'pid="oma:meter,v:acme"')
        response = await peer.request(POST, "/rd", queries)
        assert response.dotted == "2.01"
        assert server.client("s1").listed.objects == {1: [0], 3: [0], 3303: [0, 1]}
        location = "/" + "/".join(response.all(8))
        update = await peer.request(POST, location, (), b"</1/0>,</5/0>", CON, 40)
        assert update.dotted == "2.04"
        assert log.last("updated")["changed"] == ["objects", "profile"]
        for name in ("oma:other", "6:27354b9a", "9:00", "6:zz", '"oma:meter,oma:other"'):
            refused = await peer.request(POST, "/rd", ("ep=b", "lwm2m=1.2", "pid=" + name))
            assert refused.dotted == "4.04"
        older = await peer.request(POST, "/rd", ("ep=b", "lwm2m=1.1", "pid=oma:meter"))
        assert older.dotted == "4.00", "1.1 knows of no profiles: its object list is missing"

    run(scenario, profiles=agreed, profile_refusal="4.04")
    with pytest.raises(LinkError, match="link format"):
        LwM2mServer(profiles={"oma:x": "nonsense"})


def test_a_register_is_refused_as_asked_for():
    """RFC 7252 §5.9.3.4: 5.03 with Max-Age, so often as asked; then the server's own answers."""

    async def scenario(server, peer, log):
        server.refusals.add("register", "5.03", max_age_s=7, times=2)
        for _ in range(2):
            answer = await peer.request(POST, "/rd", ("ep=s1",), LINKS, CON, 40)
            assert (answer.dotted, answer.uint(MAX_AGE)) == ("5.03", 7)
        location = await peer.register("lwm2m=1.1")
        server.refusals.add("update", "4.04", endpoint="s1")
        server.refusals.add("update", "4.00", endpoint="other")
        assert (await peer.request(POST, location)).dotted == "4.04"
        assert (await peer.request(POST, location)).dotted == "2.04"
        server.refusals.add("deregister", "4.00", times=None)
        for _ in range(3):
            assert (await peer.request(DELETE, location)).dotted == "4.00"
        server.refusals.add("deregister", None)
        assert (await peer.request(DELETE, location)).dotted == "2.02"

    run(scenario)


def test_silence_as_asked_for():
    """RFC 7252 §4.2: a Register that gets no answer, retransmitted neither; the next one does."""

    async def scenario(server, peer, log):
        server.refusals.add("register", "none")
        options = [(11, "rd"), (URI_QUERY, "ep=s1")]
        for _ in range(2):
            peer.send(build(CON, POST, 9, b"t", options, b"</1/0>"))
        await peer.silence(0.05)
        peer.send(build(CON, POST, 10, b"u", options, b"</1/0>"))
        answer = await peer.receive()
        assert (answer.type, answer.message_id, answer.dotted) == (ACK, 10, "2.01")
        server.refusals.add("send", "5.03", max_age_s=60)
        refused = await peer.request(POST, "/dp", (), b"[]", NON, 110)
        assert refused.dotted == "5.03"
        assert "send" not in log.names()
        assert (await peer.request(POST, "/dp", (), b"[]", CON, 110)).dotted == "2.04"

    run(scenario)


@pytest.mark.parametrize(
    ("what", "code", "options", "text"),
    [
        ("read", "5.03", {}, "'read' cannot be refused; use register, update"),
        ("register", "2.05", {}, "code '2.05' is not one such as 5.03, or none"),
        ("register", "503", {}, "code '503' is not one"),
        ("register", "5.03", {"times": 0}, "times 0 is not a number from 1"),
        ("register", "5.03", {"max_age_s": -1}, "max_age_s -1 is not"),
    ],
)
def test_wrong_refusals(what, code, options, text):
    """Every error names the thing, the value and what is allowed."""
    with pytest.raises(ValueError, match=text):
        LwM2mServer().refusals.add(what, code, **options)
