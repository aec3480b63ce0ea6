"""Large values between the embedded server and the firmware on a simulated board."""

import asyncio
import re

import pytest

from host_tests.interop.server_peer import Log
from tools.device import Bench, config
from tools.server import running

TEXT = "".join("%07d\n" % n for n in range(512))  # 4096 bytes
OPAQUE = bytes(range(256)) * 8  # 2048 bytes
_NOTES = """
from lwm2m.object import Object


class Notes(Object):
    object_id = 32000
    resources = (
        b"\\x00\\x00\\x13\\x01"  # 0: R, W, mandatory, String
        b"\\x00\\x01\\x03\\x06"  # 1: R, W, Opaque
    )


def setup(node):
    notes = Notes()
    notes.values = {0: "%s"}
    node.add(notes)
"""


def play(scenario, tmp_path, runtime="micropython", awake_s=5, **options):
    """Run scenario(server, log, bench) with a board that is registered as b1."""

    async def whole():
        log, device = Log(), Log()
        application = tmp_path / "app.py"
        application.write_text(_NOTES % TEXT.replace("\n", "\\n"))
        async with running("127.0.0.1", 0, on_event=log, awake_s=awake_s, **options) as server:
            site = config.check(
                {
                    "endpoint": "b1",
                    "link": "udp",
                    "log": "json",
                    "sleep": "idle",
                    "servers": [{"uri": "coap://127.0.0.1:%d" % server.port, "queue": True}],
                }
            )
            bench = Bench(
                site,
                lambda source, name, facts: device(name, {"source": source, **facts}),
                runtime,
                application,
            )
            try:
                await bench.start()
                try:
                    await log.wait("registered", 30)
                    await scenario(server, log, bench)
                except Exception:
                    print(*device.events[-20:], sep="\n")
                    raise
            finally:
                await bench.stop()

    asyncio.run(asyncio.wait_for(whole(), 90))


@pytest.mark.parametrize(("runtime", "size"), [("micropython", 1024), ("cpython", 256)])
def test_board_is_read_and_written(tmp_path, runtime, size):
    """RFC 7959 §2: a Read of 4 kB, Writes and a notification of 2 kB."""

    async def scenario(server, log, bench):
        result = await server.read("b1", "/32000/0/0", accept=0)
        assert (result.code, result.value) == ("2.05", TEXT)
        assert (await server.write("b1", "/32000/0/1", OPAQUE)).code == "2.04"
        assert (await server.read("b1", "/32000/0/1", accept=42)).value == OPAQUE
        observing = await server.observe("b1", "/32000/0/0", accept=0)
        assert observing.observing and observing.value == TEXT
        assert (await server.write("b1", "/32000/0/0", TEXT[::-1][:2000])).code == "2.04"
        facts = await log.wait("notification")
        assert facts["value"] == TEXT[::-1][:2000], facts
        too_large = await server.write("b1", "/32000/0/1", bytes(9000))
        assert too_large.code == "4.13", too_large.error
        assert re.match("the client takes [0-9]+ bytes at most", too_large.error or "")

    play(scenario, tmp_path, runtime, block_size=size, seed=1)


def test_sleeping_board_is_read_and_written(tmp_path):
    """CR 6.1: what waits for a sleeping board goes to it when it shows, a transfer at a time."""

    async def scenario(server, log, bench):
        await log.wait("asleep")
        reading = server.enqueue("b1", "read", "/32000/0/0", accept=0)
        writing = server.enqueue("b1", "write", "/32000/0/1", OPAQUE)
        await asyncio.sleep(0.2)
        await bench.command('{"do": "update"}')
        result = await asyncio.wait_for(reading, 30)
        assert (result.code, result.value) == ("2.05", TEXT)
        assert (await asyncio.wait_for(writing, 30)).code == "2.04"
        order = log.names("queued", "updated", "sending", "response", "requeued")
        assert order == ["queued", "queued", "updated"] + ["sending", "response"] * 2

    play(scenario, tmp_path, awake_s=0.5, seed=1)
