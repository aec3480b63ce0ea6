"""The CoAP endpoint against aiocoap, in both roles, on CPython and on MicroPython.

The endpoint runs in a process of its own (coap_peer.py), on MicroPython in an ESP32's first heap.
"""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import aiocoap
import aiocoap.resource
import pytest
from aiocoap.numbers.constants import TransportTuning
from aiocoap.optiontypes import OpaqueOption

from host_tests.interop.firmware import compiled, free_port
from host_tests.on_micropython import HEAP_K
from tools.build import interpreter

_HERE = Path(__file__).resolve().parent
_FIRMWARE = _HERE.parent.parent / "firmware"
_HEAP = f"heapsize={HEAP_K}wK"
_DEADLINE_S = 30


@pytest.fixture(params=["cpython", "micropython"])
def peer(request):
    """Start coap_peer.py with the arguments given, on one of the two runtimes."""
    started = []

    def start(*arguments):
        script = str(_HERE / "coap_peer.py")
        if request.param == "cpython":
            command = [sys.executable, "-u", script]
            search = {"PYTHONPATH": f"{_FIRMWARE}:{_HERE.parent / 'shim'}"}
        else:
            command = [interpreter(), "-X", _HEAP, "-m", "coap_peer"]
            search = {"MICROPYPATH": f"{compiled()}:.frozen"}
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **search},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def served(peer) -> int:
    """The port of a serving endpoint."""
    port = free_port()
    process = peer("serve", port)
    assert process.stdout.readline().strip() == "ready"
    return port


class _Impatient(TransportTuning):
    ACK_TIMEOUT = 0.2


def _run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, _DEADLINE_S))


async def _ask(port, *requests):
    """Ask one after the other, each (code, path and query, payload, options); return responses."""
    context = await aiocoap.Context.create_client_context()
    try:
        responses = []
        for code, path, payload, keywords in requests:
            message = aiocoap.Message(
                code=code, uri=f"coap://127.0.0.1:{port}/{path}", payload=payload, **keywords
            )
            responses.append(await context.request(message).response)
        return responses
    finally:
        await context.shutdown()


def _ask_one(port, code, path, payload=b"", **keywords):
    return _run(_ask(port, (code, path, payload, keywords)))[0]


@pytest.mark.parametrize("mtype", [aiocoap.CON, aiocoap.NON])
def test_methods(served, mtype):
    """RFC 7252 §5.8, RFC 8132 §2: methods, queries and payloads pass unchanged, CON and NON."""
    for code in (
        aiocoap.GET,
        aiocoap.POST,
        aiocoap.PUT,
        aiocoap.DELETE,
        aiocoap.FETCH,
        aiocoap.PATCH,
        aiocoap.iPATCH,
    ):
        payload = b"" if code == aiocoap.GET else b"payload \xc3\xbc"
        response = _ask_one(served, code, "echo?a=1&b=%C3%BC", payload, _mtype=mtype)
        assert response.code == aiocoap.CONTENT
        assert response.payload == b"%d a=1&b=\xc3\xbc " % int(code) + payload
        assert response.opt.content_format == 0
        assert response.mtype == (aiocoap.ACK if mtype == aiocoap.CON else aiocoap.NON)


def test_write_then_read(served):
    """RFC 7252 §5.8.3: what is put is got; 4.04 for what is not there."""
    written, read, missing = _run(
        _ask(
            served,
            (aiocoap.PUT, "value", b"21.5", {}),
            (aiocoap.GET, "value", b"", {}),
            (aiocoap.GET, "nowhere", b"", {}),
        )
    )
    assert written.code == aiocoap.CHANGED and read.payload == b"21.5"
    assert missing.code == aiocoap.NOT_FOUND


def test_large_payload(served):
    """RFC 7252 §4.6: a payload close to 1024 bytes."""
    response = _ask_one(served, aiocoap.GET, "large")
    assert response.payload == bytes(range(250)) * 4 and response.opt.content_format == 42


@pytest.mark.parametrize("mtype", [aiocoap.CON, aiocoap.NON])
def test_separate_response(served, mtype):
    """RFC 7252 §5.2.2: aiocoap takes our separate response."""
    response = _ask_one(served, aiocoap.GET, "later", _mtype=mtype)
    assert response.payload == b"at last" and response.mtype == mtype


def test_retransmitted_request(served):
    """RFC 7252 §4.2: aiocoap retransmits a request we were silent about, and we answer it."""
    response = _ask_one(served, aiocoap.GET, "silent", transport_tuning=_Impatient())
    assert response.payload == b"heard"


def test_uri_host_and_port(served):
    """RFC 7252 §5.10.1: a request may name host and port; a server with one host serves it."""
    response = _ask_one(served, aiocoap.GET, "value", uri_host="probe.example", uri_port=5683)
    assert response.payload == b"initial"


@pytest.mark.parametrize("mtype", [aiocoap.CON, aiocoap.NON])
def test_no_response(served, mtype):
    """RFC 7967 §2: what the client has no use for is done and not answered."""

    async def ask():
        context = await aiocoap.Context.create_client_context()
        uri = f"coap://127.0.0.1:{served}/count"
        quiet = aiocoap.Message(code=aiocoap.GET, uri=uri, no_response=26, _mtype=mtype)
        answer = context.request(quiet).response
        done, _ = await asyncio.wait([answer], timeout=0.3)
        answer.cancel()
        again = await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
        await context.shutdown()
        return done, again

    done, again = _run(ask())
    assert not done and again.payload == b"2"


def test_echo_before_a_large_response(peer):
    """RFC 9175 §2.4: an address is asked for Echo before it gets ten times what it sent."""
    port = free_port()
    assert peer("serve", port, 10).stdout.readline().strip() == "ready"

    async def ask():
        context = await aiocoap.Context.create_client_context()
        uri = f"coap://127.0.0.1:{port}/large"
        first = await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
        echoing = aiocoap.Message(code=aiocoap.GET, uri=uri, echo=first.opt.echo)
        second = await context.request(echoing).response
        third = await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
        await context.shutdown()
        return first, second, third

    first, second, third = _run(ask())
    assert first.code == aiocoap.UNAUTHORIZED and 1 <= len(first.opt.echo) <= 40
    assert not first.payload
    assert second.payload == third.payload == bytes(range(250)) * 4


def test_unknown_critical_option(served):
    """RFC 7252 §5.4.1: 4.02, found by its token."""

    async def ask():
        context = await aiocoap.Context.create_client_context()
        message = aiocoap.Message(code=aiocoap.GET, uri=f"coap://127.0.0.1:{served}/value")
        message.opt.add_option(OpaqueOption(2049, b"?"))
        response = await context.request(message).response
        await context.shutdown()
        return response

    response = _run(ask())
    assert response.code == aiocoap.BAD_OPTION and response.payload == b"option 2049"


def test_observation_ended_by_reset(served):
    """RFC 7641 §3.6: notifications CON and NON in turn; Reset of a client that has forgotten."""

    async def observe():
        context = await aiocoap.Context.create_client_context()
        uri = f"coap://127.0.0.1:{served}/ticks"
        request = context.request(aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0))
        first = await request.response
        values = []
        async for notification in request.observation:
            values.append((int(notification.payload), notification.mtype))
            if len(values) == 4:
                break
        request.observation.cancel()
        for _ in range(50):
            state = await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response
            if state.payload == b"alone":
                break
            await asyncio.sleep(0.05)
        await context.shutdown()
        return first, values, state

    first, values, state = _run(observe())
    assert first.payload == b"0" and first.opt.observe == 0
    numbers = [number for number, _ in values]
    assert numbers == sorted(set(numbers)) and numbers[0] >= 1
    assert {mtype for _, mtype in values} == {aiocoap.CON, aiocoap.NON}
    assert state.payload == b"alone"


def test_datagrams_aiocoap_does_not_send(served):
    """RFC 7252 §4.2, §4.3 and §4.5: ping, duplicates, malformed messages."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bare:
        bare.settimeout(2)
        bare.connect(("127.0.0.1", served))

        def exchange(hexadecimal):
            bare.send(bytes.fromhex(hexadecimal))
            try:
                return bare.recv(2048)
            except TimeoutError:
                return None

        assert exchange("40001234") == bytes.fromhex("70001234")
        count = "44020001aabbccddb5636f756e74"
        first = exchange(count)
        assert first.endswith(b"\xff1") and exchange(count) == first
        assert exchange("44020002aabbccddb5636f756e74").endswith(b"\xff2")
        assert exchange("400112350f") == bytes.fromhex("70001235")
        bare.settimeout(0.15)
        for ignored in ("500112350f", "8001123500", "40", "60001234", "70001234"):
            assert exchange(ignored) is None


class _Hello(aiocoap.resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(payload=b"hello " + "&".join(request.opt.uri_query).encode())


class _Slow(aiocoap.resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(0.5)
        return aiocoap.Message(payload=b"slow")


class _Echo(aiocoap.resource.Resource):
    async def render_put(self, request):
        return aiocoap.Message(code=aiocoap.CHANGED, payload=request.payload)


class _Guarded(aiocoap.resource.Resource):
    """Changes only for who has echoed."""

    async def render_put(self, request):
        if request.opt.echo != b"fresh":
            return aiocoap.Message(code=aiocoap.UNAUTHORIZED, echo=b"fresh")
        return aiocoap.Message(code=aiocoap.CHANGED, payload=request.payload)


def test_our_requests(peer):
    """RFC 7252 §5.2, RFC 9175 §2.3: our requests to an aiocoap server: piggybacked, separate, NON,
    lost, asked for Echo.
    """
    port = free_port()

    async def serve():
        site = aiocoap.resource.Site()
        site.add_resource(["hello"], _Hello())
        site.add_resource(["slow"], _Slow())
        site.add_resource(["echo"], _Echo())
        site.add_resource(["guarded"], _Guarded())
        context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
        process = peer("ask", port)
        output, _ = await asyncio.to_thread(process.communicate)
        await context.shutdown()
        return output.splitlines()

    lines = _run(serve())
    assert sorted(lines[:-1]) == [
        "lost: timeout",
        "missing: 84 ",
        "non separate: 45 slow",
        "non: 45 hello a=1",
        "piggybacked: 45 hello a=1",
        "put: 44 768 bytes",
        "separate: 45 slow",
        "suspected: 44 21.5",
    ]
    assert lines[-1] == "dropped []"
