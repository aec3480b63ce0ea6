"""python -m tools.device as another program drives it: JSON commands in, JSON events out."""

import asyncio
import json
import signal
import subprocess
import sys

import pytest
from programs.program import TIMEOUT_S, Program, play_device

from tools.server import running


def _play(scenario, *arguments):
    play_device(scenario, "--endpoint", "sensor", *arguments)


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_commands_and_events(runtime):
    """README, "A simulated board": each command is answered by an event; events have a time."""

    async def scenario(device, server):
        _, booted = await device.event("booted", cause="power_on")
        assert booted["time"] > 1.7e9
        await device.event("attached")
        await device.event("registering")
        await device.event("registered", server=1)
        answer = await device.answer(do="set", path="/3303/0/5700", value=21.75)
        assert (answer["event"], answer["value"]) == ("set", 21.75)
        assert (await server.read("sensor", "/3303/0/5700")).value == 21.75
        _, request = await device.event("request", path="/3303/0/5700")
        assert (request["method"], request["code"]) == ("GET", "2.05")
        answer = await device.answer(do="get", path="/3303/0/5700")
        assert (answer["event"], answer["value"]) == ("value", 21.75)
        assert (await server.observe("sensor", "/3303/0/5700")).ok
        await device.answer(do="set", path="/3303/0/5700", value=22.5)
        await device.event("notified")
        assert (await device.answer(do="send", path="/3303/0/5700"))["event"] == "ok"
        await device.event("sent", code="2.04")
        assert (await device.answer(do="update"))["event"] == "ok"
        await device.event("updated")
        assert (await device.answer(do="deregister"))["event"] == "ok"
        at, _ = await device.event("deregistered")
        assert server.clients == {}
        assert (await device.answer(do="register"))["event"] == "ok"
        await device.event("registered", at)
        at = len(device.events)
        assert (await device.answer(do="reboot"))["event"] == "ok"
        await device.event("booted", at, cause="hard")
        await device.event("registered", at)

    _play(scenario, "--runtime", runtime, "--object", "3303", "3304")


def test_what_cannot_be_carried_out_is_answered():
    """DESIGN §6: bad input gets a clear error and loses nothing."""

    async def scenario(device, server):
        await device.event("registered")
        for command, reason in (
            ({"do": "juggle"}, "no such command; use bootstrap, deregister, "),
            ({"do": "get", "path": "/1/0/99"}, "path: /1/0/99 does not exist"),
            ({"do": "get", "path": "3303"}, 'path: "3303" is not allowed; use /OBJECT/INSTANCE/'),
            ({"do": "get", "path": "/0/0/0"}, "path: /0/0/0 has no value to show"),
            ({"do": "set", "path": "/3303/0/5700"}, "value: missing"),
            ({"do": "set", "path": "/3303/0/5700", "value": "warm"}, "set(5700, 'warm')"),
            ({"do": "sms", "from": "1", "data": "00"}, "this board has no modem"),
            ({"do": "adc"}, "'pin' is missing"),
            ({"do": "adc", "pin": 400, "microvolts": 1}, "pin 400 is not 0 to 39"),
        ):
            answer = await device.answer(**command)
            assert answer["event"] == "error", answer
            assert answer["reason"].startswith(reason), answer
        for line in ("not JSON", "[1]", "{}", '{"do": 5}', '{"do": ["get"]}'):
            since = len(device.events)
            device.line(line)
            await device.event("error", since)
        assert (await server.read("sensor", "/3/0/0")).ok

    _play(scenario, "--object", "3303")


def test_a_sleeping_board_is_woken_by_a_command_and_keeps_what_was_set():
    """DESIGN §3: what must outlive a deep sleep is in the retained record."""

    async def scenario(device, server):
        await device.event("registered")
        at, _ = await device.event("halted", kind="deepsleep")
        device.command(do="set", path="/3303/0/5700", value=19.25)
        at, _ = await device.event("booted", at, cause="deep_sleep", clean=False)
        await device.event("set", at)
        at, _ = await device.event("sleeping", at)  # a run that is over reads no command
        device.command(do="get", path="/3303/0/5700")
        _, value = await device.event("value", at)
        assert value["value"] == 19.25
        at, _ = await device.event("halted", at, kind="deepsleep")
        device.command(do="power_cycle")
        await device.event("booted", at, cause="power_on", clean=True)
        await device.event("registered", at)

    _play(
        scenario,
        "--link",
        "sim7000",
        "--modem-speed",
        "10",
        "--queue",
        "--awake-time",
        "1",
        "--object",
        "3303",
    )


def test_an_application_of_ten_lines(tmp_path):
    """DESIGN §3: an application defines a sensor, samples it and reports with one call."""
    application = tmp_path / "probe.py"
    application.write_text(
        "from lwm2m.objects.ipso import Temperature\n"
        "\n"
        "\n"
        "def setup(node):\n"
        "    probe = node.adc(34)\n"
        '    temperature = node.add(Temperature(units="Cel"))\n'
        "    node.every(200, lambda: temperature.set(5700, probe.read_uv() / 10_000 - 50))\n"
    )

    async def scenario(device, server):
        await device.event("registered")
        await device.answer(do="adc", pin=34, microvolts=715_000)
        for _ in range(100):  # the board samples within 200 ms, on a busy machine later
            value = (await server.read("sensor", "/3303/0/5700")).value
            if value == pytest.approx(21.5):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"the sensor still measures {value}")

    _play(scenario, "--app", str(application))


def test_the_configuration_of_a_board(tmp_path):
    """README, "A simulated board": --config FILE is what a board reads as site.json."""

    async def main():
        async with running("127.0.0.1", 0) as server:
            site = tmp_path / "site.json"
            site.write_text(
                json.dumps(
                    {
                        "endpoint": "from-file",
                        "link": "udp",
                        "sleep": "none",
                        "servers": [{"uri": f"coap://127.0.0.1:{server.port}", "lifetime_s": 300}],
                        "objects": [{"object": 3304, "instance": 2, "value": 40, "units": "%RH"}],
                    }
                )
            )
            device = await Program.start(
                "tools.device", "--config", str(site), stdin=asyncio.subprocess.DEVNULL
            )
            await device.event("registered")
            client = server.clients["from-file"]
            assert client.lifetime_s == 300
            assert (await server.read("from-file", "/3304/2/5701")).value == "%RH"
            device.signal(signal.SIGTERM)
            assert await device.ended() == 0

    asyncio.run(main())


def test_nobody_reads():
    """README, "A simulated board": where its reader ends, so does the board, quietly."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tools.device",
            "--server",
            "coap://127.0.0.1:9",
            "--endpoint",
            "e",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert b"booted" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "arguments, line",
    [
        ([], "--server: missing; use coap://HOST:PORT, or --config FILE"),
        (
            ["--server", "http://x"],
            'servers[0].uri: "http://x" is not allowed; use coap://HOST or coap://HOST:PORT',
        ),
        (
            ["--server", "coap://x"],
            "endpoint: missing; without a modem there is no IMEI to make it from",
        ),
        (
            ["--server", "coap://x", "--endpoint", "e", "--object", "1"],
            "objects[0].object: 1 is not allowed; use one of 3300, ",
        ),
        (
            ["--server", "coap://x", "--endpoint", "e", "--app", "/nowhere.py"],
            "--app: /nowhere.py: no such file",
        ),
        (
            ["--config", "/nowhere.json"],
            "/nowhere.json: no such file; it holds the site configuration",
        ),
        (
            ["--server", "coap://x", "--link", "sim9000"],
            "python -m tools.device: argument --link: ",
        ),
        (
            ["--server", "coap://x", "--endpoint", "e", "--sms-port", "1"],
            "--sms-port: needs --link ",
        ),
    ],
)
def test_wrong_arguments(arguments, line):
    """DESIGN §6: one clear line that names the key, the value and what is allowed; exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.device", *arguments],
        text=True,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(line), done.stderr
    assert done.stderr.count("\n") == 1


def test_message_ids_go_on_after_a_reset():
    """RFC 7252 §4.4: RTC memory outlives a reset, and with it which message IDs were used; a power
    cut begins at random."""

    async def play():
        heard = asyncio.Queue()

        class Server(asyncio.DatagramProtocol):
            def datagram_received(self, data, address):
                heard.put_nowait(int.from_bytes(data[2:4], "big"))

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Server, local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]

        async def next_id(before):
            """Return the first message ID that is another than `before`: that is sent again."""
            while True:
                message_id = await asyncio.wait_for(heard.get(), TIMEOUT_S)
                if message_id != before:
                    return message_id

        device = await Program.start(
            "tools.device", "--server", f"coap://127.0.0.1:{port}", "--endpoint", "probe"
        )
        try:
            first = await next_id(None)
            device.command(do="reboot")
            second = await next_id(first)
            assert 0 < (second - first) % 65536 <= 256
            device.command(do="power_cycle")
            third = await next_id(second)
            assert third != (second + 256) % 65536
            assert await device.quit() == 0
        finally:
            await device.kill()
            transport.close()

    asyncio.run(play())
