"""Large bodies between the firmware's endpoint on MicroPython and software written elsewhere.

Beyond the plugtests: a megabyte through an ESP32's first heap, every block size, transfers at
once, on a bad network, broken off and begun again.
"""

import contextlib
import threading

import aiocoap
import pytest
from aiocoap.numbers.constants import TransportTuning
from aiocoap.optiontypes import BlockOption

from host_tests.interop import peers
from host_tests.interop.elsewhere import (
    CLIENTS,
    SERVERS,
    aiocoap_ask,
    aiocoap_server,
    libcoap,
    libcoap_server,
    npm,
    npm_server,
    run,
)
from host_tests.interop.firmware import Firmware, asked, crc, free_port, serving, text
from host_tests.interop.lossy import TO_CLIENT, TO_SERVER, Lossy
from host_tests.interop.wire import BLOCK2, SIZE1, SIZE2, block1_body, block2_body, steps

# What each server has to put to and to get from again.
UPDATED = {"aiocoap": "large-update", "libcoap": "example_data", "npm": "large-update"}
EXPONENTS = range(7)
MEGABYTE = 1 << 20
# What the heap may grow by in a transfer of any size, in bytes of a 64-bit machine: what is
# remembered of some seventy exchanges, and no more of the body than a block or two.
GROWTH = 20_000
PUT_SIZE, GET_SIZE = 5000, 4096
CHANGED, CONTENT, INCOMPLETE, TOO_LARGE = 0x44, 0x45, 0x88, 0x8D


# Not so short that a server restarts meanwhile: to the npm package two responses are two blocks.
_NPM_S = 0.6


class _Quick(TransportTuning):
    ACK_TIMEOUT = 0.2
    MAX_RETRANSMIT = 7


def put(kind, port, path, body, exponent=6):
    """PUT a body by a client in blocks of SZX exponent; return what the response says."""
    if kind == "aiocoap":
        asking = aiocoap_ask(
            port,
            aiocoap.PUT,
            path,
            body,
            size_exponent=exponent,
            content_format=0,
            transport_tuning=_Quick(),
        )
        return run(asking).payload
    if kind == "libcoap":
        return libcoap(port, "put", path, "-b", 16 << exponent, body=body)[0]
    wanted = {"method": "PUT", "path": path, "payload": body.hex()}
    wanted["options"] = {"Block1": f"{exponent:02x}"}
    return npm(port, wanted, ack_timeout_s=_NPM_S)[0]["payload"]


def get(kind, port, path, query="", exponent=6):
    """GET by a client in blocks of SZX exponent; return the body."""
    if kind == "aiocoap":
        block2 = BlockOption.BlockwiseTuple(0, False, exponent)
        path = f"{path}?{query}"
        asking = aiocoap_ask(port, aiocoap.GET, path, block2=block2, transport_tuning=_Quick())
        return run(asking).payload
    if kind == "libcoap":
        return libcoap(port, "get", f"{path}?{query}", "-b", 16 << exponent)[0]
    wanted = {"method": "GET", "path": path, "query": query}
    wanted["options"] = {"Block2": f"{exponent:02x}"}
    return npm(port, wanted, ack_timeout_s=_NPM_S)[0]["payload"]


def _sunk(answer, body):
    """Check what our sink says of a body: its size and CRC-32, and that the heap did not grow."""
    size, checked, word, grown = answer.split(b" ")
    assert (int(size), checked.decode(), word) == (len(body), crc(body), b"whole")
    assert int(grown) < GROWTH, f"the heap grew by {grown} bytes"


# A megabyte.


@pytest.mark.parametrize("kind", ["aiocoap", "libcoap"])
def test_megabyte_pulled(kind):
    """A firmware of 1 MB from a server into a sink: the heap holds a tenth of it."""
    body = text(MEGABYTE)
    with SERVERS[kind]() as port:
        wanted = f"large,query=size:{MEGABYTE}"
        if kind == "libcoap":
            wanted = UPDATED[kind]
            libcoap(port, "put", wanted, body=body)
        line = asked(port, f"get,{wanted},sink")[0]
        assert line.startswith("45 0 ")
        _sunk(line[line.index("(") + 1 : line.index(")")].encode(), body)


@pytest.mark.parametrize("kind", ["aiocoap", "libcoap"])
def test_megabyte_pushed(kind):
    """1 MB from a client into a sink of our server's."""
    with serving() as (port, _):
        _sunk(put(kind, port, "sink", text(MEGABYTE)), text(MEGABYTE))


def test_megabyte_given():
    """1 MB that our server makes piece by piece, to a client."""
    with serving() as (port, firmware):
        firmware.tell("heap")
        assert get("libcoap", port, "large", f"size={MEGABYTE}") == text(MEGABYTE)
        assert int(firmware.tell("heap")) < GROWTH


def test_megabyte_sent():
    """1 MB that our client makes piece by piece, to a server."""
    with libcoap_server() as port:
        assert asked(port, f"put,example_data,size={MEGABYTE},body")[0].startswith("41 0 ")
        assert get("libcoap", port, "example_data") == text(MEGABYTE)


# Every size.


@pytest.mark.parametrize("kind", CLIENTS)
def test_every_block_size_to_our_server(kind):
    """PUT of 5000 bytes and GET of 4096, in blocks of 16 to 1024 bytes; npm's every other size."""
    with serving() as (port, _):
        for exponent in EXPONENTS[:: 2 if kind == "npm" else 1]:
            with Lossy(port) as relay:
                put(kind, relay.port, "large-update", text(PUT_SIZE), exponent)
                assert block1_body(steps(relay), exponent, CHANGED) == text(PUT_SIZE)
            with Lossy(port) as relay:
                body = get(kind, relay.port, "large", f"size={GET_SIZE}", exponent)
                assert body == text(GET_SIZE) == block2_body(steps(relay), early=exponent)
        assert get(kind, port, "large-update") == text(PUT_SIZE)


@pytest.mark.parametrize("kind", SERVERS)
def test_every_block_size_of_our_client(kind):
    """PUT of 5000 bytes in the sizes that MTUs make, and GET of them in blocks of 16 to 1024."""
    path = UPDATED[kind]
    with SERVERS[kind]() as port:
        for mtu, exponent in ((1152, 6), (576, 5), (300, 4), (180, 3), (140, 2)):
            with Lossy(port) as relay:
                asked(relay.port, f"put,{path},size={PUT_SIZE}", mtu=mtu)
                taken = steps(relay)
                code = taken[-1].response.code
                body = block1_body(taken, exponent, code, lenient=kind != "aiocoap")
                assert body == text(PUT_SIZE) and code >> 5 == 2
        for exponent in EXPONENTS:
            if (kind, exponent) == ("npm", 0):
                continue  # see TD_COAP_BLOCK_06
            with Lossy(port) as relay:
                lines = asked(relay.port, f"get,{path},szx={exponent}")
                assert lines[0].startswith(f"45 {PUT_SIZE} {crc(text(PUT_SIZE))} ")
                assert block2_body(steps(relay), early=exponent) == text(PUT_SIZE)


@pytest.mark.parametrize("kind", ["aiocoap", "libcoap"])
def test_fetch_with_blocks_both_ways(kind):
    """RFC 8132 §2.5: a FETCH whose request and response are both in blocks."""
    body = text(1500)
    with serving(mtu=576) as (port, _):
        if kind == "aiocoap":
            asking = aiocoap_ask(
                port, aiocoap.FETCH, "large-post", body, size_exponent=4, content_format=0
            )
            assert run(asking).payload == body * 2
        else:
            assert libcoap(port, "fetch", "large-post", "-b", 256, body=body)[0] == body * 2


@pytest.mark.parametrize("query", ["", "&bytes"])
def test_size_asked_for(query):
    """RFC 7959 §4: Size2 in a request, of value 0, is answered with the size of the whole."""
    with serving() as (port, _), Lossy(port) as relay:
        path = f"large?size=3000{query}"
        asking = aiocoap_ask(relay.port, aiocoap.GET, path, size2=0)
        assert run(asking).payload == text(3000)
        assert steps(relay)[0].response.uint(SIZE2) == 3000


def test_size_told():
    """RFC 7959 §4: the first block of a request says how much is to come, and libcoap's say it of
    a response."""
    with libcoap_server() as port, Lossy(port) as relay:
        asked(relay.port, f"put,example_data,size={PUT_SIZE},body", "get,example_data")
        sent = [step for step in steps(relay) if step.request.code == 3]
        assert [step.request.uint(SIZE1) for step in sent] == [PUT_SIZE] + [None] * 4
        assert steps(relay)[5].response.uint(SIZE2) == PUT_SIZE


# At once.


def test_two_clients_at_once():
    """RFC 7959 §2.5: bodies of two clients to one resource do not mix, nor two fetched."""
    peers.libcoap("coap-client")  # a test is not skipped from a thread of its own
    bodies = {"aiocoap": text(PUT_SIZE), "libcoap": text(PUT_SIZE)[::-1]}
    with serving() as (port, firmware), Lossy(port) as relay:
        answers = {}

        def both_ways(kind):
            put(kind, relay.port, "large-update", bodies[kind], 0)
            answers[kind] = get(kind, relay.port, "large", "size=4000&bytes", 0)

        _at_once(*[lambda kind=kind: both_ways(kind) for kind in bodies])
        assert answers == dict.fromkeys(bodies, text(4000))
        assert get("aiocoap", port, "large-update") in bodies.values()
        clients = [step.request.token[-4:-3] == b"T" for step in steps(relay)]
        turns = sum(before != after for before, after in zip(clients, clients[1:], strict=False))
        assert turns > 20, "they went one after the other"
        # On a machine with much to do a block may come again before it is answered.
        assert firmware.tell("dropped").split(",")[0] in ("[]", "[('duplicate'")


def test_three_fetched_at_once():
    """A third body makes the one used longest ago give way; the handler makes that anew.

    Bodies of bytes, whose ETag tells that they are the same.
    """
    with serving() as (port, _):
        answers = []

        def fetch(size):
            answers.append(get("aiocoap", port, "large", f"size={size}&bytes", 0))

        _at_once(*[lambda size=size: fetch(size) for size in (1000, 1100, 1200)])
        assert sorted(answers, key=len) == [text(1000), text(1100), text(1200)]


def _at_once(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_servers_at_once():
    """Our client's transfers with two servers: one goes each way at the same time."""
    with aiocoap_server() as first, libcoap_server() as second:
        size = 4000
        line, other = asked(
            first,
            f"get,large,query=size:{size},szx=0+put,example_data,size={size},port={second}",
            mtu=140,
        )[:2]
        assert {line.split(" ")[0], other.split(" ")[0]} == {"45", "41"}
        assert f"45 {size} {crc(text(size))} (-) ..." in (line, other)
        assert libcoap(second, "get", "example_data")[0] == text(size)


# A bad network.

LOSSES = {"loss": 0.1, "duplicate": 0.1, "reorder": 0.1, "hold_s": 0.05}


@pytest.mark.parametrize(("kind", "seed"), [("aiocoap", 1), ("npm", 1)])
def test_bad_network_to_our_server(kind, seed):
    """Blocks lost, doubled and out of order: both bodies arrive whole.

    Only lost with the npm package, which takes a response that comes twice for two blocks.
    """
    losses = {"loss": 0.05} if kind == "npm" else LOSSES
    with serving() as (port, firmware), Lossy(port, seed=seed, **losses) as relay:
        put(kind, relay.port, "large-update", text(PUT_SIZE), 4)
        assert get(kind, relay.port, "large", f"size={GET_SIZE}", 4) == text(GET_SIZE)
        assert relay.counts["lost"] > 0
        assert get(kind, port, "large-update") == text(PUT_SIZE)
        # A repeated block is answered from memory.
        assert "duplicate" in firmware.tell("dropped")


def test_bad_network_to_our_server_libcoap():
    """The same with libcoap, whose ACK_TIMEOUT of 2 s cannot be set: one is lost."""

    def drop(direction, number, data):
        return direction == TO_CLIENT and number == 23

    seeded = {"duplicate": 0.2, "reorder": 0.1, "hold_s": 0.05, "seed": 4}
    with serving() as (port, _), Lossy(port, drop=drop, **seeded) as relay:
        put("libcoap", relay.port, "large-update", text(PUT_SIZE), 4)
        assert get("libcoap", port, "large-update") == text(PUT_SIZE)
        assert get("libcoap", relay.port, "large", f"size={GET_SIZE}", 4) == text(GET_SIZE)
        assert min(relay.counts.values()) > 0, relay.counts


@pytest.mark.parametrize(("kind", "seed"), [("aiocoap", 1), ("libcoap", 2), ("npm", 3)])
def test_bad_network_of_our_client(kind, seed):
    """Our client's blocks lost, doubled and out of order."""
    path = UPDATED[kind]
    with SERVERS[kind]() as port, Lossy(port, seed=seed, **LOSSES) as relay:
        lines = asked(relay.port, f"put,{path},size={PUT_SIZE}", f"get,{path},szx=4", mtu=300)
        assert lines[0][:2] in ("41", "44"), lines
        assert lines[1].startswith(f"45 {PUT_SIZE} {crc(text(PUT_SIZE))} "), lines
        assert min(relay.counts.values()) > 0, relay.counts


# Broken off.


@contextlib.contextmanager
def _server_that_restarts(at):
    """Our server, killed and begun anew before request number `at`: yields the relay."""
    port, control = free_port(), free_port()
    running = []

    def start():
        running.append(Firmware("serve", port, control).__enter__())

    def drop(direction, number, data):
        if direction == TO_SERVER and number == at and len(running) == 1:
            running[-1].end()
            start()
        return False

    start()
    try:
        with Lossy(port, drop=drop) as relay:
            yield relay
    finally:
        running[-1].end()


@pytest.mark.parametrize("kind", CLIENTS)
def test_server_restarts_while_it_takes(kind):
    """RFC 7959 §2.9.2: a server that knows nothing of the blocks before answers 4.08."""
    with _server_that_restarts(3) as relay:
        with contextlib.suppress(AssertionError, aiocoap.error.Error):
            put(kind, relay.port, "large-update", text(PUT_SIZE), 5)
        refused = steps(relay)[3]
        assert refused.response.code == INCOMPLETE
        put(kind, relay.port, "large-update", text(PUT_SIZE), 5)
        assert get(kind, relay.port, "large-update") == text(PUT_SIZE)


@pytest.mark.parametrize("kind", CLIENTS)
def test_server_restarts_while_it_gives(kind):
    """A GET's further blocks are made anew by a server that has forgotten the first ones."""
    with _server_that_restarts(3) as relay:
        # The body is bytes, so that its ETag is the same.
        assert get(kind, relay.port, "large", "size=1500&bytes", 4) == text(1500)


@pytest.mark.parametrize("kind", ["aiocoap", "libcoap"])
def test_client_restarts(kind):
    """RFC 7959 §2.5: a client that begins again with block 0 begins anew.

    By libcoap's Request-Tag its body is another one, and the first is left to its time.
    """
    # To the server both are one client: what comes by the relay comes from one port.
    with serving() as (port, firmware), Lossy(port, back_port=free_port()) as relay:
        _send_blocks(relay.port, text(PUT_SIZE), 4)
        _sunk(put(kind, relay.port, "sink", text(3000), 4), text(3000))
        assert firmware.tell("given_up") == ("1" if kind == "aiocoap" else "0")


def _send_blocks(port, body, count):
    """Send the first blocks of a body by aiocoap, and no more."""

    async def send():
        context = await aiocoap.Context.create_client_context()
        for number in range(count):
            chunk = body[256 * number :][:256]
            message = aiocoap.Message(
                code=aiocoap.PUT,
                uri=f"coap://127.0.0.1:{port}/sink",
                payload=chunk,
                content_format=0,
                block1=BlockOption.BlockwiseTuple(number, True, 4),
            )
            response = await context.request(message, handle_blockwise=False).response
            assert response.code == aiocoap.CONTINUE
        await context.shutdown()

    run(send())


def test_server_of_our_client_restarts():
    """4.08 from a server that has restarted: our client begins again, once, and gets through."""
    with contextlib.ExitStack() as stack:
        port = free_port()
        servers = [stack.enter_context(aiocoap_server(port))]

        def drop(direction, number, data):
            if direction == TO_SERVER and number == 4 and len(servers) == 1:
                stack.close()
                servers.append(stack.enter_context(aiocoap_server(port)))
            return False

        with Lossy(port, drop=drop) as relay:
            lines = asked(relay.port, f"put,large-update,size={PUT_SIZE}", mtu=576)
            assert lines[0].startswith("44 0 "), lines
            assert INCOMPLETE in [step.response.code for step in steps(relay)]
            assert get("aiocoap", port, "large-update") == text(PUT_SIZE)


@pytest.mark.parametrize("sink", ["", ",sink"])
def test_representation_changes_while_it_is_fetched(sink):
    """RFC 7959 §2.4: another ETag: our client begins again; with a sink, which cannot, it says so.

    The server is the npm package's, which makes each block from what is there at the time.
    """
    with npm_server() as port:
        put("npm", port, "large-update", text(4000))

        def drop(direction, number, data):
            if direction == TO_SERVER and number == 2:
                put("npm", port, "large-update", text(PUT_SIZE)[::-1])
            return False

        with Lossy(port, drop=drop) as relay:
            lines = asked(relay.port, f"get,large-update,szx=4{sink}")
            asked_for = [step.block("request", BLOCK2) for step in steps(relay)]
            assert {exponent for _, _, exponent in asked_for} == {4}
            if sink:
                assert lines[0] == "changed"
            else:
                new = text(PUT_SIZE)[::-1]
                assert lines[0].startswith(f"45 {PUT_SIZE} {crc(new)} "), lines


# Too much.


@pytest.mark.parametrize("kind", ["aiocoap", "libcoap"])
def test_sink_stops(kind):
    """RFC 7959 §2.9.3: 4.13 as soon as the sink has had enough."""
    with serving() as (port, _), Lossy(port) as relay:
        put(kind, relay.port, "sink?most=2000", text(6000), 4)
        assert steps(relay)[7].response.code == TOO_LARGE
        assert len(steps(relay)) == 8


@pytest.mark.parametrize("kind", CLIENTS)
def test_body_over_the_limit(kind):
    """RFC 7959 §2.9.3: 4.13 for more than body_limit, at the first block if Size1 says so.

    The npm package sends no Size1, and goes on after an error.
    """
    with serving() as (port, _), Lossy(port) as relay:
        put(kind, relay.port, "large-update", text(20_000), 6)
        codes = [step.response.code for step in steps(relay)]
        refused = 8 if kind == "npm" else 0
        assert codes[refused] == TOO_LARGE
        assert kind == "npm" or len(codes) == 1
        assert get(kind, port, "large-update") == b""


def test_response_over_the_limit():
    """Our client takes no more than body_limit without a sink."""
    with aiocoap_server() as port, Lossy(port) as relay:
        assert asked(relay.port, "get,large,query=size:20000")[0] == "too large"
        assert len(steps(relay)) <= 9
