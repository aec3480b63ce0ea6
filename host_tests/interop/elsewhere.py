"""Clients and servers written elsewhere, each asked for the same things in the same way.

Every server has, as far as its software can: large (GET, numbered lines, ?size=), large-update
(PUT, GET), large-create (POST), large-post (POST returns the body twice).
"""

import asyncio
import contextlib
import json
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import aiocoap
import aiocoap.resource

from host_tests.interop import peers
from host_tests.interop.firmware import free_port, text

_HERE = Path(__file__).resolve().parent
_START_S = 10
DEADLINE_S = 30


def libcoap(port, method, path, *options, body=None, local=None, deadline_s=DEADLINE_S):
    """Run libcoap's client; return (body received, what it says of errors)."""
    command = [peers.libcoap("coap-client"), "-m", method, "-B", "10", *options]
    command += ["-p", local] if local else []
    with tempfile.TemporaryDirectory() as folder:
        received = Path(folder) / "received"
        if body is not None:
            (Path(folder) / "sent").write_bytes(body)
            command += ["-f", Path(folder) / "sent", "-t", "0"]
        command += ["-o", received, f"coap://127.0.0.1:{port}/{path}"]
        done = subprocess.run(
            [*map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=deadline_s,
            check=False,
        )
        return received.read_bytes() if received.exists() else b"", done.stdout


def npm_command(port, *requests, local=0):
    """Return (command, environment) that runs node_client.js with requests."""
    node, modules = peers.npm_coap()
    job = json.dumps({"port": port, "local": local, "requests": requests})
    return [node, _HERE / "node_client.js", job], {"NODE_PATH": modules}


def npm(port, *requests, local=0) -> list:
    """Run requests of the npm package's client; return [{what, code, payload: bytes, ...}]."""
    command, environment = npm_command(port, *requests, local=local)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DEADLINE_S, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return [read_npm(line) for line in done.stdout.splitlines()]


def read_npm(line) -> dict:
    """Return what a line of node_client.js says."""
    said = json.loads(line)
    said["payload"] = bytes.fromhex(said["payload"])
    return said


def run(coroutine):
    """Run a coroutine of aiocoap's to its end."""
    return asyncio.run(asyncio.wait_for(coroutine, DEADLINE_S))


async def aiocoap_ask(port, code, path, payload=b"", size_exponent=None, context=None, **keywords):
    """Send a request by aiocoap and return the response, assembled from its blocks.

    size_exponent: the largest that aiocoap is to use, from the first later block on.
    """
    own = context or await aiocoap.Context.create_client_context()
    try:
        message = aiocoap.Message(
            code=code, uri=f"coap://127.0.0.1:{port}/{path}", payload=payload, **keywords
        )
        if size_exponent is not None:
            await own.find_remote_and_interface(message)
            message.remote.maximum_block_size_exp = size_exponent
        return await own.request(message).response
    finally:
        if context is None:
            await own.shutdown()


@contextlib.contextmanager
def running(*command, ready=None, environment=None):
    """A program of somebody else's: yields its process; ready: the port that it will answer at."""
    process = subprocess.Popen(
        [*map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    try:
        limit = time.monotonic() + _START_S
        while ready and not _answers(ready):
            assert process.poll() is None and time.monotonic() < limit, command
        yield process
    finally:
        process.kill()
        process.communicate()


def _answers(port):
    """Whether a CoAP server answers a ping (RFC 7252 §4.3)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.05)
        asking.connect(("127.0.0.1", port))
        try:
            asking.send(bytes.fromhex("40000000"))
            return asking.recv(64)[0] == 0x70
        except (TimeoutError, ConnectionError):
            time.sleep(0.02)
            return False


# The servers: each yields its port.


class _Large(aiocoap.resource.Resource):
    async def render_get(self, request):
        sizes = [int(query[5:]) for query in request.opt.uri_query if query.startswith("size=")]
        return aiocoap.Message(payload=text(sizes[0] if sizes else 1500))


class _Update(aiocoap.resource.Resource):
    def __init__(self, value=b""):
        super().__init__()
        self.value = value

    async def render_get(self, request):
        return aiocoap.Message(payload=self.value)

    async def render_put(self, request):
        self.value = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


class _Create(aiocoap.resource.Resource):
    def __init__(self, site):
        super().__init__()
        self._site = site
        self._created = 0

    async def render_post(self, request):
        self._created += 1
        path = ["large-create", str(self._created)]
        self._site.add_resource(path, _Update(request.payload))
        return aiocoap.Message(code=aiocoap.CREATED, location_path=path)


class _Twice(aiocoap.resource.Resource):
    async def render_post(self, request):
        return aiocoap.Message(code=aiocoap.CHANGED, payload=request.payload * 2)


@contextlib.contextmanager
def aiocoap_server():
    """A server by aiocoap, in a thread."""
    port = free_port()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start():
        site = aiocoap.resource.Site()
        site.add_resource(["large"], _Large())
        site.add_resource(["large-update"], _Update())
        site.add_resource(["large-create"], _Create(site))
        site.add_resource(["large-post"], _Twice())
        return await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))

    context = asyncio.run_coroutine_threadsafe(start(), loop).result(_START_S)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(context.shutdown(), loop).result(_START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def libcoap_server(*options):
    """libcoap's: example_data takes GET and PUT, with the option -e it returns what is put."""
    port = free_port()
    command = [peers.libcoap("coap-server"), "-A", "127.0.0.1", "-p", port, "-d", "10", *options]
    with running(*command, ready=port):
        yield port


@contextlib.contextmanager
def npm_server():
    """A server by the npm package coap (node_server.js)."""
    port = free_port()
    node, modules = peers.npm_coap()
    with running(node, _HERE / "node_server.js", port, environment={"NODE_PATH": modules}) as it:
        assert it.stdout.readline() == "ready\n"
        yield port
