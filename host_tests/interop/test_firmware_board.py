"""Firmware updates of a simulated board: pushed by the embedded server, pulled from aiocoap's."""

import asyncio
import binascii

import aiocoap
import aiocoap.resource

from host_tests.interop.firmware import free_port
from host_tests.interop.server_peer import Log
from tools.device import Bench, config
from tools.server import running

_APPLICATION = """
import binascii

from lwm2m.objects.firmware import FirmwareUpdate12
from node.package_file import PackageFile


def check(path):
    with open(path, "rb") as file:
        crc = file.read(4)
        found = 0
        while True:
            chunk = file.read(512)
            if not chunk:
                return None if crc == found.to_bytes(4, "big") else 5
            found = binascii.crc32(chunk, found)


def setup(node):
    def install(path):
        with open(%(folder)r + "/installed", "wb") as file:
            file.write(b"yes")
        node.reboot()

    sink = PackageFile(%(folder)r + "/package", install, check, limit=200_000)
    node.add(FirmwareUpdate12(node.client, sink))
"""
_BODY = bytes(n * 31 & 255 for n in range(60_000))
PACKAGE = binascii.crc32(_BODY).to_bytes(4, "big") + _BODY


class _Files(aiocoap.resource.Resource):
    """A repository of one package, which a test may replace."""

    def __init__(self):
        super().__init__()
        self.package = PACKAGE
        self.asked = []

    async def needs_blockwise_assembly(self, request):
        return False

    async def render_get(self, request):
        block = request.opt.block2
        size = min(block.size if block else 1024, 512)
        start = block.start if block else 0
        self.asked.append(start)
        chunk = self.package[start : start + size]
        if not chunk:
            return aiocoap.Message(code=aiocoap.BAD_REQUEST)
        answer = aiocoap.Message(payload=chunk)
        answer.opt.etag = binascii.crc32(self.package).to_bytes(4, "big")
        more = start + size < len(self.package)
        answer.opt.block2 = (start // size, more, size.bit_length() - 5)
        answer.opt.size2 = len(self.package)
        return answer


def play(scenario, tmp_path):
    """Run scenario(server, log, bench, files, uri) with a board that is registered as b1."""

    async def whole():
        log, device, files = Log(), Log(), _Files()
        application = tmp_path / "app.py"
        application.write_text(_APPLICATION % {"folder": str(tmp_path)})
        site = aiocoap.resource.Site()
        site.add_resource(["fw"], files)
        port = free_port()
        repository = await aiocoap.Context.create_server_context(
            site, bind=("127.0.0.1", port), transports=["udp6"]
        )
        async with running("127.0.0.1", 0, on_event=log) as server:
            bench = Bench(
                config.check(
                    {
                        "endpoint": "b1",
                        "link": "udp",
                        "log": "json",
                        "sleep": "idle",
                        "servers": [{"uri": f"coap://127.0.0.1:{server.port}", "queue": False}],
                    }
                ),
                lambda source, name, facts: device(name, {"source": source, **facts}),
                "micropython",
                application,
            )
            try:
                await bench.start()
                try:
                    await log.wait("registered", 30)
                    await scenario(server, log, bench, files, f"coap://127.0.0.1:{port}/fw")
                except Exception:
                    print(*device.events[-20:], sep="\n")
                    raise
            finally:
                await bench.stop()
                await repository.shutdown()

    asyncio.run(asyncio.wait_for(whole(), 90))


async def _until(server, state, result, seconds=30):
    """Wait for a State and an Update Result."""
    seen = None
    for _ in range(seconds * 4):
        answers = [await server.read("b1", path, accept=0) for path in ("/5/0/3", "/5/0/5")]
        seen = tuple(answer.value for answer in answers)
        if seen == (state, result):
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"State and Update Result stay {seen}")


def test_push(tmp_path):
    """LightweightM2M-1.1-int-770: 60 kB in blocks to a file, installed; result after a boot."""

    async def scenario(server, log, bench, files, uri):
        spoilt = await server.write("b1", "/5/0/0", PACKAGE[:-1] + b"?")
        assert spoilt.code == "5.00", spoilt.code
        await _until(server, 0, 5)
        assert (await server.write("b1", "/5/0/0", bytes(200_001))).code == "4.13"
        await _until(server, 0, 2)
        assert (await server.write("b1", "/5/0/0", PACKAGE)).code == "2.04"
        await _until(server, 2, 0)
        assert (await server.execute("b1", "/5/0/2")).code == "2.04"
        await log.wait("registered", 30)
        await _until(server, 0, 1)
        assert (tmp_path / "installed").read_bytes() == b"yes"

    play(scenario, tmp_path)


def test_pull_over_a_power_cut(tmp_path):
    """LightweightM2M-1.1-int-771: fetched from another software, on from where the power went."""

    async def scenario(server, log, bench, files, uri):
        assert (await server.write("b1", "/5/0/1", uri)).code == "2.04"
        while len(files.asked) < 40:
            await asyncio.sleep(0.01)
        await bench.command('{"do": "power_cycle"}')
        before = len(files.asked)
        await log.wait("registered", 30)
        await _until(server, 2, 0)
        after = files.asked[before:]
        assert min(after[2:]) >= 8_192, after[:5]  # not from the beginning
        assert (tmp_path / "package").read_bytes() == PACKAGE

    play(scenario, tmp_path)
