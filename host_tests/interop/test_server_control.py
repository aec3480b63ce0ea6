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

import cbor2
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


def test_commands_on_several_paths():
    """The control protocol: composite operations, attributes, depth, and answers asked for."""

    async def scenario(server, peer, where, log):
        several = {"endpoint": "s1", "paths": ["/3/0/9", "/3303"]}
        pack = cbor2.dumps([{0: "/3/0/9", -3: 1700000000, 2: 80}, {0: "/3303/0/5700", 2: 21.5}])

        async def said(command, code=0x45, payload=pack, observe=None):
            task = asyncio.ensure_future(call(where, command))
            request = await peer.receive()
            peer.answer(request, code, payload, 112 if payload else None, observe)
            return request, (await task)["result"]

        _, result = await said({"do": "read-composite", **several, "accept": 112})
        assert result["value"] == {"3": {"0": {"9": 80}}, "3303": {"0": {"5700": 21.5}}}
        assert result["paths"] == several["paths"] and result["records"][0]["time"] == 1700000000
        request, result = await said({"do": "observe-composite", **several}, observe=1)
        assert result["observing"]
        shown = (await call(where, {"do": "client", "endpoint": "s1"}))["client"]
        assert shown["observations"][0]["paths"] == several["paths"]
        assert await call(where, {"do": "cancel-composite", **several, "passive": True}) == {
            "ok": True,
            "result": None,
        }
        values = {"/1/0/1": 60, "/3303/0": {"5750": {"hex": "00"}}, "/16/0/0/1": None}
        command = {"do": "write-composite", "endpoint": "s1", "values": values}
        request, result = await said({**command, "content_format": 322}, 0x44, b"")
        assert cbor2.loads(request.payload) == [
            {0: "/1/0/1", 2: 60},
            {0: "/3303/0/5750", 8: b"\0"},
            {0: "/16/0/0/1", 2: None},
        ]
        target = {"endpoint": "s1", "path": "/3303"}
        request, _ = await said({"do": "discover", **target, "depth": 1}, payload=b"")
        assert request.all(15) == ["depth=1"]
        attributes = {"pmin": 1, "con": True}
        request, _ = await said({"do": "observe", **target, "attributes": attributes})
        assert request.all(15) == ["pmin=1", "con=1"]
        refusal = {"do": "refuse", "what": "register", "code": "5.03", "max_age_s": 9}
        assert (await call(where, {**refusal, "endpoint": "s9"}))["ok"]
        answer = await peer.request(2, "/rd", ("ep=s9",), b"</1/0>", content_format=40)
        assert (answer.dotted, answer.uint(14)) == ("5.03", 9)
        await peer.register("lwm2m=1.2", "lt=0", endpoint="s9")
        clients = (await call(where, {"do": "clients"}))["clients"]
        assert [c["expires_in_s"] is None for c in clients] == [False, True]

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
        ('{"do":"read-composite","endpoint":"s1"}', "paths are 1 to 100"),
        ('{"do":"read-composite","endpoint":"s1","paths":["/x"]}', "is not /OBJECT"),
        ('{"do":"write-composite","endpoint":"s1"}', "'values' is missing"),
        ('{"do":"write-composite","endpoint":"s1","values":{}}', "needs values, such as"),
        ('{"do":"write-composite","endpoint":"s1","values":{"/3/0":1}}', "an instance or object"),
        ('{"do":"cancel-composite","endpoint":"s1","paths":["/3"]}', "/3 of s1 is not observed"),
        ('{"do":"discover","endpoint":"s1","path":"/3","depth":9}', "depth 9 is not 0, 1, 2 or 3"),
        ('{"do":"refuse","what":"fly","code":"5.03"}', "'fly' cannot be refused"),
        ('{"do":"refuse","what":"send","code":"2.04"}', "code '2.04' is not one"),
        ('{"do":"refuse","what":"send","code":"5.03","x":1}', "x"),
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
        (["read-composite", "s1"], "required: PATH"),
        (["read-composite", "s1", "/a"], "path '/a' is not /OBJECT"),
        (["write-composite", "s1", "/3/0/1"], "'/3/0/1' is not PATH=VALUE"),
        (["read", "s1", "/3", "--accept", "xml"], "--accept: 'xml' is not one of text, link"),
        (["read", "s1", "/3", "--accept", "65536"], "--accept: '65536' is not one of"),
        (["discover", "s1", "/3", "--depth", "4"], "--depth: '4' is not allowed"),
        (["--versions", "1.0,2.0"], "--versions: version '2.0' is not one of draft, 1.0"),
        (["--profile", "oma:x=nonsense"], "--profile: 'oma:x=nonsense': the object list"),
        (["refuse", "fly", "5.03"], "invalid choice: 'fly'"),
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
    commands = "read trigger write direct events refuse write-composite observe discover".split()
    for arguments in ([], *([command] for command in commands)):
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


def test_command_line_on_several_paths(tmp_path):
    """TS 1.1 Core §6.3.8, §6.3.9: the composite operations from the command line."""
    control = str(tmp_path / "control")
    base = [sys.executable, "-m", "tools.server", "--control", control]
    command = [*base, "--port", "0", "--json", "--versions", "1.2", "--profile", "oma:x=</3/0>"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        port = json.loads(server.stdout.readline())["port"]
        ready = threading.Event()
        asked = []

        async def sensor():
            peer = await Peer.open(port)
            refused = await peer.request(2, "/rd", ("ep=s1", "lwm2m=1.1"), b"</3/0>")
            assert refused.dotted == "4.12"
            assert (await peer.request(2, "/rd", ("ep=s1", "lwm2m=1.2", "pid=oma:x"))).code == 0x41
            ready.set()
            pack = cbor2.dumps([{0: "/3/0/9", 2: 80}])
            for code, payload, observe in ((0x45, pack, None), (0x44, b"", None), (0x45, pack, 1)):
                asked.append(await peer.receive(20))
                peer.answer(asked[-1], code, payload, 112 if payload else None, observe)
            refused = await peer.request(2, "/rd", ("ep=s1", "lwm2m=1.2", "pid=oma:x"))
            assert (refused.dotted, refused.uint(14)) == ("5.03", 30)
            await asyncio.sleep(0.1)
            peer.close()

        def ask(*arguments):
            return subprocess.run(
                [*base, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
            )

        thread = threading.Thread(target=lambda: asyncio.run(sensor()))
        thread.start()
        assert ready.wait(10)
        read = ask("read-composite", "s1", "/3/0/9", "/1", "--format", "320")
        assert (read.returncode, read.stdout) == (0, '{"3": {"0": {"9": 80}}}\n'), read.stderr
        written = ask("write-composite", "s1", "/1/0/1=60", "/16/0/0/1=")
        assert (written.returncode, written.stdout) == (0, "2.04\n")
        refuse = ask("refuse", "register", "5.03", "--max-age", "30", "--endpoint", "s1")
        assert (refuse.returncode, refuse.stdout) == (0, "")
        observed = ask("observe-composite", "s1", "/3/0/9", "--attribute", "pmin=5")
        assert observed.returncode == 0, observed.stderr
        thread.join()
        assert [request.code for request in asked] == [5, 7, 5]
        assert asked[0].payload == b'[{"n": "/3/0/9"}, {"n": "/1"}]'
        assert cbor2.loads(asked[1].payload) == [{0: "/1/0/1", 2: 60}, {0: "/16/0/0/1", 2: None}]
        assert asked[2].all(15) == ["pmin=5"]
        assert ask("quit").returncode == 0 and server.wait(10) == 0
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait(10)
        server.stdout.close()
