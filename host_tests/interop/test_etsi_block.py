"""ETSI CoAP plugtests TD_COAP_BLOCK_01 to 06, with software written elsewhere on the other side.

The firmware's endpoint runs on MicroPython, as the server and as the client. Each check is one of
datagrams, taken at a relay.
"""

import contextlib

import aiocoap
import pytest
from aiocoap.optiontypes import BlockOption

from host_tests.interop.elsewhere import CLIENTS, SERVERS, aiocoap_ask, libcoap, npm, run
from host_tests.interop.firmware import asked, crc, serving, text
from host_tests.interop.lossy import Lossy
from host_tests.interop.server_peer import LOCATION_PATH
from host_tests.interop.wire import BLOCK1, BLOCK2, block1_body, block2_body, steps

CREATED, CHANGED, CONTENT = 0x41, 0x44, 0x45
LARGE = 1500


@contextlib.contextmanager
def served(mtu=1152):
    """Our server behind a relay: yields the relay."""
    with serving(mtu) as (port, _), Lossy(port) as relay:
        yield relay


@contextlib.contextmanager
def foreign(kind, *options):
    """A server of somebody else's behind a relay: yields the relay."""
    with SERVERS[kind](*options) as port, Lossy(port) as relay:
        yield relay


def get(kind, port, path, exponent=None):
    """GET by a client; exponent: SZX of the Block2 option that it begins with."""
    if kind == "aiocoap":
        early = {}
        if exponent is not None:
            early["block2"] = BlockOption.BlockwiseTuple(0, False, exponent)
        return run(aiocoap_ask(port, aiocoap.GET, path, **early)).payload
    if kind == "libcoap":
        return libcoap(port, "get", path, *([] if exponent is None else ["-b", 16 << exponent]))[0]
    name, _, query = path.partition("?")
    wanted = {"method": "GET", "path": name, "query": query}
    if exponent is not None:
        wanted["options"] = {"Block2": f"{exponent:02x}"}
    return npm(port, wanted)[0]["payload"]


def send(kind, port, method, path, body, exponent):
    """PUT or POST a body by a client, in blocks of SZX exponent; return the response's payload."""
    if kind == "aiocoap":
        code = getattr(aiocoap, method)
        asking = aiocoap_ask(port, code, path, body, size_exponent=exponent, content_format=0)
        return run(asking).payload
    if kind == "libcoap":
        options = ["-b", 16 << exponent]
        return libcoap(port, method.lower(), path, *options, body=body)[0]
    options = {"Block1": f"{exponent:02x}"}
    wanted = {"method": method, "path": path, "payload": body.hex(), "options": options}
    return npm(port, wanted)[0]["payload"]


# Our server.


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_block_01(kind):
    """TD_COAP_BLOCK_01: GET of a large resource, early negotiation."""
    with served() as relay:
        assert get(kind, relay.port, f"large?size={LARGE}", 2) == text(LARGE)
        assert block2_body(steps(relay), early=2) == text(LARGE)
        assert len(steps(relay)) == 24


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_block_02(kind):
    """TD_COAP_BLOCK_02: GET of a large resource, late negotiation."""
    with served(mtu=576) as relay:
        assert get(kind, relay.port, f"large?size={LARGE}") == text(LARGE)
        assert block2_body(steps(relay)) == text(LARGE)
        assert steps(relay)[0].block("response", BLOCK2) == (0, 1, 5)


def test_td_coap_block_02_smaller():
    """TD_COAP_BLOCK_02, step 4: the client goes on in smaller blocks, from number 2^(6-2)."""
    with served() as relay:
        asking = aiocoap_ask(relay.port, aiocoap.GET, f"large?size={LARGE}", size_exponent=2)
        assert run(asking).payload == text(LARGE)
        assert block2_body(steps(relay)) == text(LARGE)
        assert steps(relay)[0].block("response", BLOCK2) == (0, 1, 6)
        assert steps(relay)[1].block("request", BLOCK2) == (16, 0, 2)


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("mtu", [1152, 140])
def test_td_coap_block_03(kind, mtu):
    """TD_COAP_BLOCK_03: PUT of a large resource; with a small MTU our server asks for less."""
    lower = 2 if mtu == 140 else None
    with served(mtu) as relay:
        send(kind, relay.port, "PUT", "large-update", text(LARGE), 4)
        assert block1_body(steps(relay), 4, CHANGED, lower) == text(LARGE)
        assert get(kind, relay.port, "large-update") == text(LARGE)


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_block_04(kind):
    """TD_COAP_BLOCK_04: POST of a body that becomes a resource."""
    with served() as relay:
        send(kind, relay.port, "POST", "large-create", text(LARGE), 5)
        taken = steps(relay)
        assert block1_body(taken, 5, CREATED) == text(LARGE)
        assert all(step.block("response", BLOCK1)[1] == 1 for step in taken[:-1])
        location = taken[-1].response.all(LOCATION_PATH)
        assert location[0] == "large-create" and len(location) == 2
        assert get(kind, relay.port, "/".join(location)) == text(LARGE)


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_block_05(kind):
    """TD_COAP_BLOCK_05: POST with blocks both ways."""
    with served(mtu=576) as relay:
        shown = send(kind, relay.port, "POST", "large-post", text(LARGE), 4)
        assert shown == text(LARGE) * 2
        _check_two_ways(steps(relay))


def _check_two_ways(taken):
    sent = [step for step in taken if step.request.uint(BLOCK1) is not None]
    assert block1_body(sent, 4, CHANGED) == text(LARGE)
    assert all(step.request.code == 2 for step in taken)
    behind = taken[len(sent) :]
    assert all(not step.request.payload for step in behind)
    assert block2_body([sent[-1], *behind], code=CHANGED) == text(LARGE) * 2


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_block_06(kind):
    """TD_COAP_BLOCK_06: GET of a large resource in blocks of 16 bytes."""
    with served() as relay:
        assert get(kind, relay.port, f"large?size={LARGE}", 0) == text(LARGE)
        assert block2_body(steps(relay), early=0) == text(LARGE)
        assert len(steps(relay)) == 94


# Our client.


# SZX of the Block2 option asked for, and the blocks that come of it. The npm package's server
# cannot read one of value 0, which has no bytes.
_CASES = {"01": (2, 24), "02": (None, 2), "06": (0, 94)}


@pytest.mark.parametrize(
    ("kind", "case"),
    [(kind, case) for kind in SERVERS for case in _CASES if (kind, case) != ("npm", "06")],
)
def test_td_coap_block_01_02_06_as_client(kind, case):
    """TD_COAP_BLOCK_01, 02 and 06: our client's GET of a large resource."""
    exponent, blocks = _CASES[case]
    with foreign(kind) as relay:
        path = f"large,query=size:{LARGE}"
        if kind == "libcoap":
            path = "example_data"
            libcoap(relay.port, "put", path, body=text(LARGE))
        before = len(steps(relay))
        early = "" if exponent is None else f",szx={exponent}"
        lines = asked(relay.port, f"get,{path}{early}")
        assert lines[0] == f"45 {LARGE} {crc(text(LARGE))} (-) ..."
        taken = steps(relay)[before:]
        assert block2_body(taken, early=exponent) == text(LARGE)
        assert len(taken) == blocks
        # On a machine with much to do a request may go again before it is answered.
        assert lines[1].split(",")[0] in ("dropped []", "dropped [('duplicate response'")


@pytest.mark.parametrize("kind", SERVERS)
def test_td_coap_block_03_as_client(kind):
    """TD_COAP_BLOCK_03: our client's PUT of a large resource."""
    path = "example_data" if kind == "libcoap" else "large-update"
    with foreign(kind) as relay:
        lines = asked(relay.port, f"put,{path},size={LARGE},body", mtu=576)
        final = CREATED if kind == "libcoap" else CHANGED
        assert lines[0].startswith("%02x 0 " % final)
        assert block1_body(steps(relay), 5, final, lenient=kind != "aiocoap") == text(LARGE)
        assert get(kind, relay.port, path) == text(LARGE)


@pytest.mark.parametrize("kind", ["aiocoap", "npm"])
def test_td_coap_block_04_as_client(kind):
    """TD_COAP_BLOCK_04: our client's POST of a body; libcoap's server creates nothing by POST."""
    with foreign(kind) as relay:
        lines = asked(relay.port, f"post,large-create,size={LARGE}", mtu=576)
        assert lines[0].startswith("41 0 ")
        assert block1_body(steps(relay), 5, CREATED, lenient=kind == "npm") == text(LARGE)
        assert steps(relay)[-1].response.all(LOCATION_PATH) == ["large-create", "1"]
        assert get(kind, relay.port, "large-create/1") == text(LARGE)


@pytest.mark.parametrize("kind", SERVERS)
def test_td_coap_block_05_as_client(kind):
    """TD_COAP_BLOCK_05: our client's POST with blocks both ways; with libcoap a PUT."""
    body = text(LARGE)
    with foreign(kind, *(["-e"] if kind == "libcoap" else [])) as relay:
        if kind == "libcoap":
            step, back = "put,example_data", body
        else:
            step, back = "post,large-post", body * 2
        lines = asked(relay.port, f"{step},size={LARGE}", mtu=576)
        assert lines[0].split(" ")[1:3] == [str(len(back)), crc(back)]
        taken = steps(relay)
        sent = [step for step in taken if step.request.uint(BLOCK1) is not None]
        code = sent[-1].response.code
        assert code in (CREATED, CHANGED)
        assert block1_body(sent, 5, code, lenient=kind != "aiocoap") == body
        behind = taken[len(sent) :]
        if kind == "npm":
            # It answers with 2.05 where it has the body from its memory.
            assert {step.response.code for step in behind} == {CONTENT}
        else:
            assert block2_body([sent[-1], *behind], code=code) == back
            assert lines[0].startswith("%02x " % code)
