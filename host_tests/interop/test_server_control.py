"""The server's control socket and command line, as an operator and a script use them."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from host_tests.interop.server_peer import Log, Peer
from tools.server import LwM2mServer, Transmission
from tools.server import __main__ as command_line
from tools.server.control import ControlError, ControlServer, call, stream

ROOT = Path(__file__).resolve().parents[2]
FAST = Transmission(ack_timeout_s=0.05, max_retransmit=1, response_timeout_s=0.2)


def run(scenario, address="0"):
    """Run scenario(server, peer, control address, log); the peer answers reads with 21.5."""

    async def whole():
        log = Log()
        log.sent = []

        async def send_sms(*sms):
            log.sent.append(sms)

        def on_event(name, facts):
            log(name, facts)
            control.publish(name, facts)

        server = LwM2mServer(
            "127.0.0.1", 0, on_event=on_event, send_sms=send_sms, transmission=FAST, seed=1
        )
        control = ControlServer(server, address)
        await control.start()
        await server.start()
        peer = await Peer.open(server.port)
        await peer.register("lwm2m=1.1", "Q", "sms=447700900124")
        try:
            await scenario(server, peer, address if "/" in address else str(control.port), log)
        finally:
            peer.close()
            await server.close()
            await control.close()

    asyncio.run(whole())


async def answer_with(peer, payload, code=0x45):
    request = await peer.receive()
    peer.answer(request, code, payload, 0 if payload else None)
    return request


async def both(command, peer, payload=b"21.5", code=0x45):
    """Run a control command while the peer answers its request."""
    answer, request = await asyncio.gather(command, answer_with(peer, payload, code))
    return answer, request


def test_commands():
    """The control protocol: each command's answer as control.py documents it."""

    async def scenario(server, peer, where, log):
        clients = (await call(where, {"do": "clients"}))["clients"]
        assert [(c["endpoint"], c["state"], c["waiting"]) for c in clients] == [("s1", "awake", 0)]
        target = {"endpoint": "s1", "path": "/3303/0/5700"}
        answer, _ = await both(call(where, {"do": "read", "id": 5, **target}), peer)
        assert answer["id"] == 5 and answer["ok"]
        assert answer["result"]["value"] == 21.5 and answer["result"]["code"] == "2.05"
        write = {"do": "write", **target, "value": {"hex": "00ff"}}
        answer, request = await both(call(where, write), peer, b"", 0x44)
        assert request.payload == b"\0\xff" and answer["result"]["code"] == "2.04"
        execute = {"do": "execute", "endpoint": "s1", "path": "/3/0/4", "argument": "5"}
        answer, request = await both(call(where, execute), peer, b"", 0x44)
        assert request.payload == b"5"
        attributes = {"do": "write-attributes", **target, "attributes": {"pmin": "5"}}
        answer, request = await both(call(where, attributes), peer, b"", 0x44)
        assert request.all(15) == ["pmin=5"]
        create = {"do": "create", "endpoint": "s1", "path": "/3303/4", "value": {"5750": "x"}}
        answer, request = await both(call(where, create), peer, b"", 0x41)
        assert answer["result"]["code"] == "2.01"
        answer = await call(where, {"do": "trigger", "endpoint": "s1", "form": "wap"})
        assert answer["sms"]["number"] == "447700900124"
        assert answer["sms"]["user_data"].startswith("010603c4af9a")
        answer = await call(where, {"do": "read", **target, "wait": False})
        assert answer == {"ok": True, "state": "awake"}
        await answer_with(peer, b"1")
        client = (await call(where, {"do": "client", "endpoint": "s1"}))["client"]
        assert client["waiting"] == [] and client["observations"] == []
        answer, _ = await both(call(where, {"do": "direct", **target, "wait_s": 1}), peer)
        assert answer["result"]["value"] == 21.5
        statistics = await call(where, {"do": "statistics"})
        assert statistics["traffic"]["datagrams_in"] > 5

    run(scenario)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"do":"read","endpoint":"nope","path":"/3/0/0"}', "'nope' is not registered"),
        ('{"do":"read","endpoint":"s1","path":"/x"}', "is not /OBJECT"),
        ('{"do":"read","endpoint":"s1"}', "'path' is missing"),
        ('{"do":"fly"}', "'fly' is not one"),
        ('{"do":"read","endpoint":"s1","path":"/3","wait_s":0.01}', "no answer from s1 within"),
        ('{"do":"cancel","endpoint":"s1","path":"/3"}', "is not observed"),
        ('{"do":"write","endpoint":"s1","path":"/3/0/1","value":{"a":1}}', "ids as keys"),
        ('{"do":"write","endpoint":"s1","path":"/3/0/1","bogus":1}', "bogus"),
        ('{"do":"read","endpoint":7,"path":7}', "7"),
        ("[]", "a command is a JSON object"),
        ("rubbish", "not JSON"),
        ("\udcff", "not JSON"),
    ],
)
def test_wrong_commands(line, text):
    """A wrong command is answered with its reason, and the connection lives on."""

    async def scenario(server, peer, where, log):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(where))
        writer.write(line.encode("utf-8", "surrogateescape") + b"\n")
        answer = json.loads(await reader.readline())
        assert answer["ok"] is False and text in answer["error"]
        writer.write(b'{"do":"clients"}\n')
        assert json.loads(await reader.readline())["ok"]
        writer.close()

    run(scenario)


def test_events_on_a_unix_socket(tmp_path):
    """Events, one a line, of every client or of one."""

    async def scenario(server, peer, where, log):
        events = stream(where, {"do": "events", "endpoint": "s1"})
        assert (await anext(events))["ok"]
        await peer.register("lwm2m=1.1", endpoint="other")
        await peer.register("lwm2m=1.1")
        event = await anext(events)
        assert (event["event"], event["endpoint"]) == ("replaced", "s1")
        assert (await anext(events))["event"] == "registered"
        await events.aclose()

    run(scenario, address=str(tmp_path / "control"))


def test_control_address_in_use(tmp_path):
    """A second server does not take over the control socket of the first."""

    async def scenario(server, peer, where, log):
        with pytest.raises(OSError, match="another server uses control address"):
            await ControlServer(server, where).start()
        assert (await call(where, {"do": "clients"}))["ok"]

    run(scenario, address=str(tmp_path / "control"))
    assert not (tmp_path / "control").exists()


def test_no_server():
    """Nothing listens: one clear line."""
    with pytest.raises(ControlError, match="no server answers at control address 1;"):
        asyncio.run(call("1", {"do": "clients"}))


def test_a_command_that_is_too_long():
    """More than the socket takes is refused before it is sent, with both sizes."""
    with pytest.raises(ControlError, match="has [0-9]{8} bytes, of which .* takes 16777216$"):
        asyncio.run(call("1", {"do": "write", "value": {"hex": "00" * (9 << 20)}}))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["frob"], "invalid choice: 'frob'"),
        (["read", "s1"], "required: PATH"),
        (["read", "s1", "/a"], "path '/a' is not /OBJECT"),
        (["--port", "x"], "--port: 'x' is not allowed; use an integer from 0 to 65535"),
        (["--port", "70000"], "--port: '70000' is not allowed"),
        (["clients", "--control", "70000"], "--control 70000 is not a port"),
        (["write", "s1", "/1/0/1", "hex:zz"], "non-hexadecimal"),
        (["write", "s1", "/5/0/0", "file:/nowhere"], "/nowhere: No such file or directory"),
    ],
)
def test_wrong_arguments(arguments, text, capsys):
    """A wrong argument: one clear line on standard error, exit code 2."""
    with pytest.raises(SystemExit) as stop:
        command_line.main(arguments)
    output = capsys.readouterr()
    assert stop.value.code == 2 and text in output.err
    assert output.err.count("\n") == 1 and not output.out


def test_help_fits_80_columns(capsys, monkeypatch):
    """--help of the program and of each command fits a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], ["read"], ["trigger"], ["write"], ["direct"], ["events"]):
        with pytest.raises(SystemExit) as stop:
            command_line.main([*arguments, "--help"])
        assert stop.value.code == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_command_line_end_to_end(tmp_path):
    """`python -m tools.server` runs, prints its events, and obeys its sub-commands."""
    control = str(tmp_path / "control")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    base = [sys.executable, "-m", "tools.server", "--control", control]
    server = subprocess.Popen(
        [*base, "--port", "0", "--json"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        listening = json.loads(server.stdout.readline())
        assert listening["event"] == "listening"
        ready = threading.Event()
        outcome = {}

        async def sensor():
            peer = await Peer.open(listening["port"])
            await peer.register("lwm2m=1.1", "b=U")
            ready.set()
            request = await peer.receive(20)
            outcome["path"] = request.path
            peer.answer(request, payload=b"21.5", content_format=0)
            request = await peer.receive(20)
            peer.answer(request, 0x84)
            await asyncio.sleep(0.1)
            peer.close()

        thread = threading.Thread(target=lambda: asyncio.run(sensor()))
        thread.start()
        assert ready.wait(10)

        def ask(*arguments):
            return subprocess.run(
                [*base, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
            )

        read = ask("read", "s1", "/3303/0/5700")
        assert (read.returncode, read.stdout) == (0, "21.5\n"), read.stderr
        assert outcome["path"] == "/3303/0/5700"
        failed = ask("read", "s1", "/9")
        assert (failed.returncode, failed.stderr) == (1, "4.04\n")
        thread.join()
        unknown = ask("read", "nobody", "/3")
        assert unknown.returncode == 1
        assert unknown.stderr == ("server: endpoint 'nobody' is not registered (registered: s1)\n")
        listed = ask("clients")
        assert re.match(r"s1 +1\.1 +127\.0\.0\.1:\d+ +lt=86400s b=U reachable\n", listed.stdout)
        sms = ask("trigger", "s1", "--number", "447700900124")
        assert sms.returncode == 1 and "start the server with --modem PORT" in sms.stderr
        assert ask("quit").returncode == 0
        assert server.wait(10) == 0
        events = [json.loads(line)["event"] for line in server.stdout]
        assert events[:2] == ["registered", "sending"]
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            server.wait(10)
        server.stdout.close()
