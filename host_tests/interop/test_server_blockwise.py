"""The embedded server's block-wise transfers (RFC 7959), with clients written elsewhere."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import aiocoap
import aiocoap.resource
import pytest

from host_tests.interop import peers
from host_tests.interop.firmware import free_port
from host_tests.interop.lossy import Lossy
from host_tests.interop.server_peer import BLOCK1, BLOCK2, Log, Peer, cut
from tools.server import LwM2mServer, Transmission, running
from tools.server import __main__ as command_line
from tools.server.control import ControlServer, call

ROOT = Path(__file__).resolve().parents[2]
BODY = bytes(range(256)) * 20  # 5120 bytes
TEXT = "".join("%07d\n" % n for n in range(512))  # 4096 bytes
LINKS = b"</1/0>," + b",".join(b"</3303/%d>" % n for n in range(300))


class Stored(aiocoap.resource.ObservableResource):
    """A resource of aiocoap's that is written, read and observed."""

    def __init__(self, body=b"", content_format=0):
        super().__init__()
        self.body, self.content_format = body, content_format
        self.written = 0

    async def render_get(self, request):
        response = aiocoap.Message(payload=self.body, content_format=self.content_format)
        aiocoap.resource.hashing_etag(request, response)
        return response

    async def render_put(self, request):
        self.change(request.payload)
        self.content_format = request.opt.content_format
        self.written += 1
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_post(self, request):
        return await self.render_put(request)

    def change(self, body):
        self.body = body
        self.updated_state()


@contextlib.asynccontextmanager
async def aiocoap_client(server_port, links=LINKS, **resources):
    """Run a client of aiocoap's, registered by aiocoap as s1; yields (context, base URI)."""
    site = aiocoap.resource.Site()
    for path, resource in resources.items():
        site.add_resource(path.split("_")[1:], resource)
    bind = ("127.0.0.1", free_port())
    context = await aiocoap.Context.create_server_context(site, bind=bind)
    base = "coap://127.0.0.1:%d" % server_port
    try:
        request = aiocoap.Message(
            code=aiocoap.POST,
            uri=base + "/rd?ep=s1&lt=60&lwm2m=1.1&b=U",
            payload=links,
            content_format=40,
        )
        response = await context.request(request).response
        assert str(response.code) == "2.01 Created", response.payload
        yield context, base + "/" + "/".join(response.opt.location_path)
    finally:
        await context.shutdown()


@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024])
def test_aiocoap_is_written_and_read(size):
    """RFC 7959 §2, Leshan's test_blockwise: a Write of 5 kB and Reads of 4 kB and more."""

    async def scenario():
        stored, text = Stored(), Stored(TEXT.encode())
        async with running("127.0.0.1", 0, block_size=size, seed=1) as server:
            resources = {"_5_0_0": stored, "_3_0_0": text}
            async with aiocoap_client(server.port, **resources) as (context, location):
                assert len(server.client("s1").listed.objects[3303]) == 300
                assert (await server.write("s1", "/5/0/0", BODY[:5000])).code == "2.04"
                assert (stored.body, stored.written) == (BODY[:5000], 1)
                assert stored.content_format == 42
                before = server.traffic["datagrams_out"]
                assert (await server.read("s1", "/3/0/0")).value == TEXT
                assert server.traffic["datagrams_out"] - before == 4096 // size
                assert (await server.read("s1", "/5/0/0")).value == BODY[:5000]
                update = aiocoap.Message(code=aiocoap.POST, uri=location, payload=LINKS[:-10])
                update.opt.content_format = 40
                response = await context.request(update).response
                assert str(response.code) == "4.00 Bad Request"
                send = aiocoap.Message(code=aiocoap.POST, content_format=110)
                send.set_request_uri("coap://127.0.0.1:%d/dp" % server.port)
                send.payload = json.dumps([{"n": "/3/0/0", "vs": TEXT}]).encode()
                response = await context.request(send).response
                assert str(response.code) == "2.04 Changed"

    asyncio.run(scenario())


def test_aiocoap_is_observed():
    """RFC 7959 §2.6: notifications with a large body, and a value that changes meanwhile."""

    async def scenario():
        log, text = Log(), Stored(TEXT.encode())
        async with (
            running("127.0.0.1", 0, on_event=log, block_size=64, seed=1) as server,
            aiocoap_client(server.port, _3_0_0=text),
        ):
            result = await server.observe("s1", "/3/0/0")
            assert result.observing and result.value == TEXT
            text.change(b"A" * 4000)
            assert (await log.wait("notification"))["value"] == "A" * 4000
            text.change(b"B" * 4000)
            await asyncio.sleep(0.005)
            text.change(b"C" * 3000)
            for _ in range(1000):
                await asyncio.sleep(0.01)
                if log.last("notification")["value"] == "C" * 3000:
                    break
            told = [facts for name, facts in log.events if name == "notification"]
            assert told[-1]["value"] == "C" * 3000
            assert all(f["value"] in ("A" * 4000, "B" * 4000, "C" * 3000, None) for f in told)
            assert (await server.cancel("s1", "/3/0/0")).code == "2.05"
            count = len(told)
            text.change(b"D" * 3000)
            await asyncio.sleep(0.05)
            assert len(log.names("notification")) == count

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", [1, 2])
def test_aiocoap_behind_a_bad_line(seed):
    """RFC 7252 §4.2: what is lost, doubled or late of either side's blocks leaves no trace."""

    async def scenario():
        stored = Stored()
        transmission = Transmission(ack_timeout_s=0.05, max_retransmit=8)
        async with running("127.0.0.1", 0, block_size=256, transmission=transmission) as server:
            line = {"loss": 0.1, "duplicate": 0.1, "reorder": 0.1, "hold_s": 0.02}
            with Lossy(server.port, seed, **line) as relay:
                links = LINKS[: LINKS.index(b",")]  # aiocoap's own time-outs are 2 s
                async with aiocoap_client(relay.port, links, _5_0_0=stored):
                    assert (await server.write("s1", "/5/0/0", BODY)).code == "2.04"
                    assert (stored.body, stored.written) == (BODY, 1)
                    assert (await server.read("s1", "/5/0/0")).value == BODY
                assert relay.counts["lost"] and relay.counts["doubled"] and relay.counts["held"]

    asyncio.run(asyncio.wait_for(scenario(), 90))


@pytest.mark.parametrize("size", [64, 1024])
def test_libcoap(size, tmp_path):
    """RFC 7959 §2: libcoap's client registers in blocks; its server, at the same port, is
    written, read and observed."""
    program = peers.libcoap("coap-server")
    port = free_port()

    async def scenario():
        log, transmission = Log(), Transmission(ack_timeout_s=0.3)
        options = {"on_event": log, "transmission": transmission, "block_size": size, "seed": 1}
        async with running("127.0.0.1", 0, **options) as server:
            uri = "coap://127.0.0.1:%d/rd?ep=s1&lwm2m=1.1&b=U" % server.port
            (tmp_path / "links").write_bytes(LINKS)
            what = ["-m", "post", "-b", str(size), "-t", "40", "-f", str(tmp_path / "links")]
            command = [peers.libcoap("coap-client"), *what, "-p", str(port), uri]
            await asyncio.to_thread(subprocess.run, command, timeout=60, check=True)
            assert len(server.client("s1").listed.objects[3303]) == 300
            command = [program, "-A", "127.0.0.1", "-p", str(port), "-d", "10"]
            device = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                # Until the program listens, a retransmission covers it.
                result = await server.write("s1", "/3303/0/5750", TEXT + "end")
                assert result.code == "2.01"
                assert (await server.read("s1", "/3303/0/5750")).value == TEXT + "end"
                result = await server.write("s1", "/3303/0/5750", TEXT[:2000])
                assert result.code == "2.04"
                observing = await server.observe("s1", "/3303/0/5750")
                assert observing.observing and observing.value == TEXT[:2000]
                assert (await server.write("s1", "/3303/0/5750", TEXT + "!")).ok
                assert (await log.wait("notification"))["value"] == TEXT + "!"
            finally:
                device.terminate()
                device.wait()

    asyncio.run(asyncio.wait_for(scenario(), 90))


# The command line.


async def give(peer, body, size=1024, count=None):
    """Answer requests with the blocks of a body, as many as there are or `count`."""
    for _ in range(count or -(-len(body) // size)):
        request = await peer.receive(20)
        number = (request.block(BLOCK2) or (0,))[0]
        part, option = cut(body, number, size)
        peer.answer(request, 0x45, part, 0, options=[(BLOCK2, option)])


def test_large_values_at_the_command_line(tmp_path):
    """`read` prints the value whole, and of a transfer that broke off how far it came; `write`
    sends a file."""
    control = str(tmp_path / "control")
    base = [sys.executable, "-m", "tools.server", "--control", control]
    server = subprocess.Popen(
        [*base, "--port", "0", "--json", "--block-size", "256"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        listening = json.loads(server.stdout.readline())
        ready = threading.Event()
        image = bytearray()

        async def sensor():
            peer = await Peer.open(listening["port"])
            await peer.register("lwm2m=1.1", "b=U")
            ready.set()
            await give(peer, TEXT.encode(), 256)
            await give(peer, TEXT.encode(), 256, 2)
            request = await peer.receive(20)
            peer.answer(request, 0x45, b"x", 0, options=[(BLOCK2, cut(b"x", 0, 256)[1])])
            more = True
            while more:
                request = await peer.receive(20)
                more = request.block(BLOCK1)[1]
                image.extend(request.payload)
                options = [(BLOCK1, request.uint(BLOCK1))]
                peer.answer(request, 0x5F if more else 0x44, options=options)
            peer.close()

        thread = threading.Thread(target=lambda: asyncio.run(sensor()))
        thread.start()
        assert ready.wait(10)

        def ask(*arguments):
            return subprocess.run(
                [*base, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
            )

        read = ask("read", "s1", "/3/0/0")
        assert (read.returncode, read.stdout) == (0, TEXT + "\n"), read.stderr
        broken = ask("read", "s1", "/3/0/0")
        wanted = "server: after 512 bytes of the answer came block 0 of size 256 with 1 bytes\n"
        assert (broken.returncode, broken.stderr) == (1, wanted)
        (tmp_path / "image").write_bytes(BODY)
        written = ask("write", "s1", "/5/0/0", "file:%s" % (tmp_path / "image"))
        assert (written.returncode, written.stdout) == (0, "2.04\n"), written.stderr
        assert image == BODY
        thread.join()
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def test_largest_read_by_the_control_socket():
    """The largest body that is taken goes through, though its JSON is six times as long."""

    async def scenario():
        server = LwM2mServer("127.0.0.1", 0, seed=1)
        control = ControlServer(server, "0")
        await control.start()
        await server.start()
        peer = await Peer.open(server.port)
        try:
            await peer.register("lwm2m=1.1", "b=U")
            body = b"\1" * (1 << 18)
            read = {"do": "read", "endpoint": "s1", "path": "/3/0/0"}
            answer, _ = await asyncio.gather(call(str(control.port), read), give(peer, body))
            assert answer["result"]["value"] == body.decode()
        finally:
            peer.close()
            await server.close()
            await control.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("size", ["0", "100", "2048", "x"])
def test_wrong_block_size(size, capsys):
    """A wrong --block-size: one clear line on standard error, exit code 2."""
    with pytest.raises(SystemExit) as stop:
        command_line.main(["--block-size", size])
    text = "%r is not allowed; use 16, 32, 64, 128, 256, 512 or 1024" % size
    assert stop.value.code == 2 and text in capsys.readouterr().err
    with pytest.raises(ValueError, match="block size 100 is not allowed; use 16, 32,"):
        LwM2mServer(block_size=100)
