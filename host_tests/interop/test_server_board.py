"""Large values between the embedded server and the firmware on a simulated board."""

import asyncio
import json
import re

import pytest

from host_tests.interop.server_peer import Log
from tools.device import Bench, config
from tools.server import running

TEXT = "".join("%07d\n" % n for n in range(512))  # 4096 bytes
OPAQUE = bytes(range(256)) * 8  # 2048 bytes
_NOTES = """
from lwm2m.object import Object
from lwm2m.objects.ipso import Temperature


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
    temperature = node.add(Temperature(units="Cel"))
    for hour in range(3):
        temperature.sample(5700, 20.5 + hour, 1700000000 + 3600 * hour)
"""


def play(scenario, tmp_path, runtime="micropython", awake_s=5, site=None, account=None, **options):
    """Run scenario(server, log, bench) with a board that is registered as b1.

    site, account: more of its configuration, and of its server's.
    """

    async def whole():
        log, device = Log(), Log()
        application = tmp_path / "app.py"
        application.write_text(_NOTES % TEXT.replace("\n", "\\n"))
        async with running("127.0.0.1", 0, on_event=log, awake_s=awake_s, **options) as server:
            checked = config.check(
                {
                    "endpoint": "b1",
                    "link": "udp",
                    "log": "json",
                    "sleep": "idle",
                    "servers": [
                        {
                            "uri": "coap://127.0.0.1:%d" % server.port,
                            "queue": True,
                            **(account or {}),
                        }
                    ],
                    **(site or {}),
                }
            )
            bench = Bench(
                checked,
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


def test_board_of_1_2(tmp_path):
    """TS 1.2 Core §6.2.1, §6.3, int-110, int-111: by Profile ID, without end; what 1.2 adds."""

    async def scenario(server, log, bench):
        # The hash that nobody has seen is refused, and the list is sent; then it stands for it.
        assert log.last("registered")["profile"] is None
        assert (await server.execute("b1", "/3/0/4")).code == "2.04"
        again = await log.wait("registered", 30, 2)
        assert again["profile"].startswith("6:") and again["lifetime_s"] == 0
        assert again["objects"] == log.last("registered")["objects"]
        found = await server.discover("b1", "/32000", depth=1)
        assert [link["target"] for link in found.value] == ["/32000", "/32000/0"]
        for number in (112, 110, 11544):
            result = await server.read("b1", "/32000/0/0", accept=number)
            assert (result.code, result.value, result.content_format) == ("2.05", TEXT, number)
        for number in (112, 322, 11544):
            values = {"/1/0/2": 2, "/32000/0": {0: "x", 1: OPAQUE[:300]}}
            result = await server.write_composite("b1", values, content_format=number)
            assert result.code == "2.04", result.error
            paths = ["/1/0/2", "/32000", "/9/9"]
            read = await server.read_composite("b1", paths, accept=112, content_format=number)
            assert read.value == {1: {0: {2: 2}}, 32000: {0: {0: "x", 1: OPAQUE[:300]}}}
        attributes = {"pmin": 0, "con": 1}
        observing = await server.observe("b1", "/32000/0/0", attributes=attributes)
        assert observing.observing, observing.error
        await server.write("b1", "/32000/0/0", "y")
        facts = await log.wait("notification")
        assert (facts["value"], facts["confirmable"]) == ("y", True)
        assert (await server.cancel("b1", "/32000/0/0")).code == "2.05"

    account = {"profile_id": "hash", "lifetime_s": 0}
    play(scenario, tmp_path, site={"version": "1.2"}, account=account, seed=1)


def test_board_steps_down(tmp_path):
    """TS 1.1 Core §6.2.1: 4.12 to 1.2 and to 1.1; the board registers as what is served."""

    async def scenario(server, log, bench):
        assert log.last("registered")["version"] == "1.0"
        result = await server.read("b1", "/1/0/1")
        assert (result.code, result.value) == ("2.05", 86400)

    play(scenario, tmp_path, site={"version": "1.2"}, versions=("1.0",), seed=1)


@pytest.mark.parametrize("number", [112, 110])
def test_samples_of_a_board(tmp_path, number):
    """TS 1.1 Core §6.4.6, RFC 8428 §4.5.3: sampled values in a Send, each with its time."""

    async def scenario(server, log, bench):
        assert (await server.write("b1", "/1/0/23", False)).code == "2.04"
        send = {"do": "send", "paths": ["/3303/0/5700"], "content_format": number}
        await bench.command(json.dumps(send))
        facts = await log.wait("send", 30)
        assert facts["content_format"] == number
        assert facts["value"] == {"3303": {"0": {"5700": 22.5}}}
        assert [(r["path"], r["value"], r["time"]) for r in facts["records"]] == [
            ("/3303/0/5700", 20.5 + hour, 1700000000 + 3600 * hour) for hour in range(3)
        ]
        await bench.command('{"do": "set", "path": "/3303/0/5700", "value": 30}')
        await bench.command(json.dumps({**send, "content_format": 11544}))
        facts = await log.wait("send", 30, 2)
        assert facts["value"] == {"3303": {"0": {"5700": 30}}} and "records" not in facts

    play(scenario, tmp_path, site={"version": "1.2"}, seed=1)
