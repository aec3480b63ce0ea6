"""Clients and servers written elsewhere, each asked for the same things in the same way.

Every server has, as far as its software can: large (GET, numbered lines, ?size=), large-update
(PUT, GET), large-create (POST), large-post (POST returns the body twice).
"""

import asyncio
import contextlib
import itertools
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
_START_S = 30
DEADLINE_S = 90


_tokens = itertools.count(1)


def _token():
    """Return a token for libcoap's client, which would have the same one in every process."""
    return "T%03d" % next(_tokens)


def libcoap(port, method, path, *options, body=None, deadline_s=DEADLINE_S):
    """Run libcoap's client; return (body received, what it says of errors)."""
    command = [peers.libcoap("coap-client"), "-m", method, "-B", "10", "-T", _token(), *options]
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


def npm_command(port, *requests, **settings):
    """Return (command, environment) that runs node_client.js with requests."""
    node, modules = peers.npm_coap()
    job = json.dumps({"port": port, "requests": requests, **settings})
    return [node, _HERE / "node_client.js", job], {"NODE_PATH": modules}


def npm(port, *requests, **settings) -> list:
    """Run requests of the npm package's client; return [{what, code, payload: bytes, ...}]."""
    command, environment = npm_command(port, *requests, **settings)
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

    size_exponent: the largest that aiocoap is to use, from the first later block on. keywords:
    those of aiocoap.Message.
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


class _Observer:
    """A program that observes and prints a line for each representation that it shows."""

    skips = False  # whether it may show only the newest of what comes at once

    def __init__(self, command, environment=None):
        self._lines = []
        self._process = subprocess.Popen(
            [*map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.append(line.rstrip("\n"))

    def kill(self):
        """End the program at once, as a client is that is switched off."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        self._process.stdout.close()


class _LibcoapObserver(_Observer):
    def __init__(self, port, path, confirmable, stop_s, token):
        command = [peers.libcoap("coap-client"), "-m", "get", "-w", "-s", stop_s or 60]
        command += [] if confirmable else ["-N"]
        command += ["-T", token or _token(), f"coap://127.0.0.1:{port}/{path}"]
        super().__init__(command)

    def values(self):
        """Return what it has shown, oldest first, as text."""
        return list(self._lines)


class _NpmObserver(_Observer):
    def __init__(self, port, path, confirmable, stop_s, token):
        wanted = {
            "method": "GET",
            "path": path,
            "observe": True,
            "confirmable": confirmable,
            "stop_ms": 1000 * (stop_s or 60),
            "token": token and token.encode().hex(),
        }
        super().__init__(*npm_command(port, wanted))

    def values(self):
        said = [read_npm(line) for line in self._lines]
        return [one["payload"].decode() for one in said if one["code"] == "2.05"]


class _AiocoapObserver:
    """As _Observer, in a thread."""

    skips = True

    def __init__(self, port, path, confirmable, stop_s, token):
        assert not stop_s and not token, "aiocoap neither deregisters nor takes a token"
        self._values = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._observe(port, path, confirmable))

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE_S)

    async def _observe(self, port, path, confirmable):
        self._context = await aiocoap.Context.create_client_context()
        type = aiocoap.CON if confirmable else aiocoap.NON
        uri = f"coap://127.0.0.1:{port}/{path}"
        message = aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0, _mtype=type)
        self._request = self._context.request(message)
        self._take(await self._request.response)
        self._following = asyncio.ensure_future(self._follow())

    async def _follow(self):
        # An error response or an end of the observation shows by what is not shown any more.
        with contextlib.suppress(aiocoap.error.Error):
            async for notification in self._request.observation:
                self._take(notification)

    def _take(self, message):
        if message.code.is_successful():
            self._values.append(message.payload.decode())

    def values(self):
        return list(self._values)

    def ask(self, port, code, path, payload=b"", **keywords):
        """Ask something else from the same port."""
        return self._do(aiocoap_ask(port, code, path, payload, context=self._context, **keywords))

    def forget(self):
        """Take no more notifications, without telling."""

        async def cancel():
            self._following.cancel()
            self._request.observation.cancel()

        self._do(cancel())

    def kill(self):
        self._do(self._context.shutdown())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def observing(kind, port, path, confirmable=True, stop_s=None, token=None):
    """A client that observes a resource: yields an observer with values() and kill().

    kind: "aiocoap", "libcoap" or "npm". stop_s: seconds after which it deregisters. token: the
    token that it uses, a str.
    """
    kinds = {"aiocoap": _AiocoapObserver, "libcoap": _LibcoapObserver, "npm": _NpmObserver}
    observer = kinds[kind](port, path, confirmable, stop_s, token)
    killed = False

    def kill():
        nonlocal killed
        if not killed:
            killed = True
            end()

    end, observer.kill = observer.kill, kill
    try:
        yield observer
    finally:
        kill()


def until(condition, what="", seconds=20.0):
    """Wait for condition() to be true, and return what it returns."""
    limit = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < limit, what or "it did not come to be"
        time.sleep(0.01)


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
def aiocoap_server(port=None):
    """A server by aiocoap, in a thread."""
    port = port or free_port()
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


CLIENTS = ("aiocoap", "libcoap", "npm")
SERVERS = {"aiocoap": aiocoap_server, "libcoap": libcoap_server, "npm": npm_server}
