"""The two sides of a plugtest: clients and servers, ours and others', each kind with one face.

A client has ask(port, code, path, …) -> Answer; a server has a port. Between the two of a `Pair`
stands a relay that shows what was on the wire, decoded by aiocoap, and loses what a test wants.

Ours runs on MicroPython from .mpy files, in an ESP32's first heap (etsi_peer.py).
"""

import json
import os
import re
import select
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiocoap

from host_tests.interop import peers
from host_tests.interop.elsewhere import libcoap_server
from host_tests.interop.firmware import compiled, free_port
from host_tests.interop.lossy import TO_SERVER, Lossy
from host_tests.on_micropython import HEAP_K
from tools.build import interpreter

CON, NON, ACK, RST = aiocoap.CON, aiocoap.NON, aiocoap.ACK, aiocoap.RST
GET, POST, PUT, DELETE = aiocoap.GET, aiocoap.POST, aiocoap.PUT, aiocoap.DELETE
IF_MATCH, ETAG, IF_NONE_MATCH, LOCATION_PATH, URI_PATH = 1, 4, 5, 8, 11
CONTENT_FORMAT, URI_QUERY, ACCEPT, LOCATION_QUERY = 12, 15, 17, 20

HOST = "127.0.0.1"
_HERE = Path(__file__).resolve().parent
_HEAP = f"heapsize={HEAP_K}wK"
DEADLINE_S = 30


class Answer:
    """What a client shows of a response: code and payload; reason where there was none."""

    def __init__(self, code=None, payload=b"", reason=None):
        self.code = None if code is None else aiocoap.Code(code)
        self.payload = payload
        self.reason = reason


class _Program:
    """A process that prints "ready" and then takes and gives lines."""

    def __init__(self, command, environment):
        self._name = " ".join(map(str, command[-2:]))
        self._last_words = ""
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        first = self.line()
        if first != "ready":
            self._process.kill()
            raise AssertionError(first + self._process.stdout.read())

    def line(self) -> str:
        readable = select.select([self._process.stdout], [], [], DEADLINE_S)[0]
        if not readable:
            self._process.kill()
            raise AssertionError(f"no answer from {self._name}")
        return self._process.stdout.readline().strip()

    def check(self):
        """Raise an error with the last words of a program that has ended."""
        if self._process.poll() is not None:
            self._last_words += self._process.stdout.read()
            raise AssertionError(f"{self._name} has ended: {self._last_words}")

    def ask(self, port, code, path, type=CON, queries=(), options=(), payload=b""):
        wanted = {
            "port": port,
            "code": int(code),
            "type": int(type),
            "path": path.split("/") if path else [],
            "queries": list(queries),
            "options": [[number, value.hex()] for number, value in options],
            "payload": payload.hex(),
        }
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        line = self.line()
        if not line.startswith("{"):
            self._last_words = line + "\n"
            self._process.wait(DEADLINE_S)
            self.check()
        answer = json.loads(line)
        if "reason" in answer:
            return Answer(reason=answer["reason"])
        return Answer(answer["code"], bytes.fromhex(answer["payload"]))

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def _nudge(*arguments) -> _Program:
    command = [interpreter(), "-X", _HEAP, "-m", "etsi_peer", *arguments]
    return _Program(command, {"MICROPYPATH": f"{compiled()}:.frozen"})


class NudgeClient:
    """The firmware's endpoint as a client."""

    def __init__(self):
        self._program = _nudge("ask")
        self.ask = self._program.ask
        self.close = self._program.close

    def another(self):
        return NudgeClient()


class NpmClient:
    """The npm package coap as a client."""

    closes = True  # its socket, when no response is waited for

    def __init__(self):
        self._program = _npm("ask")
        self.ask = self._program.ask
        self.close = self._program.close

    def another(self):
        return NpmClient()


def _npm(*arguments) -> _Program:
    node, modules = peers.npm_coap()
    return _Program([node, _HERE / "etsi_npm.js", *arguments], {"NODE_PATH": modules})


class LibcoapClient:
    """libcoap's coap-client, a process a request, and 2 to 3 s until one is sent again."""

    closes = True

    def __init__(self):
        self._program = peers.libcoap("coap-client")

    def ask(
        self,
        port,
        code,
        path,
        type=CON,
        queries=(),
        options=(),
        payload=b"",
        more=(),
    ):
        """more: further arguments of coap-client."""
        arguments = [self._program, "-v", "6", "-B", str(DEADLINE_S), *more]
        arguments += ["-m", code.name.lower()]
        if type == NON:
            arguments.append("-N")
        for number, value in options:
            arguments += ["-O", f"{number},0x{value.hex()}" if value else f"{number},"]
        if payload:
            arguments += ["-e", payload.decode()]
        uri = f"coap://{HOST}:{port}/{path}" + ("?" + "&".join(queries) if queries else "")
        with tempfile.NamedTemporaryFile() as shown:
            done = subprocess.run(
                [*arguments, "-o", shown.name, uri],
                capture_output=True,
                text=True,
                timeout=2 * DEADLINE_S,
                check=True,
            )
            # It traces messages as "v:1 t:ACK c:2.05 i:70cd {01} [ … ]".
            codes = re.findall(r"^v:1 t:\w+ c:([2-5])\.(\d\d) ", done.stdout, re.MULTILINE)
            if not codes:
                return Answer(reason=done.stdout + done.stderr)
            return Answer(
                int(codes[-1][0]) << 5 | int(codes[-1][1]), Path(shown.name).read_bytes()
            )

    def another(self):
        return self

    def close(self):
        """End nothing: its processes have ended."""


class NudgeServer:
    """The firmware's endpoint as a server."""

    states_format = True

    def __init__(self):
        self.port = free_port()
        self._program = _nudge("serve", self.port)
        self.check = self._program.check
        self.close = self._program.close


class NpmServer:
    """The npm package coap as a server."""

    states_format = True

    def __init__(self):
        self.port = free_port()
        self._program = _npm("serve", self.port)
        self.check = self._program.check
        self.close = self._program.close


class LibcoapServer:
    """libcoap's coap-server, with the resources of the plugtests that it lets be created."""

    states_format = False  # it leaves Content-Format 0 out
    # Its own resource that answers after the seconds that the query names.
    separate = ("async", ("1",))
    _CREATED = {"test": "test", "seg1/seg2/seg3": "/seg1/seg2/seg3", "query": "query"}

    def __init__(self):
        self._client = LibcoapClient()
        self._running = ExitStack()
        self.port = self._running.enter_context(libcoap_server())

    def prepare(self):
        """Create the resources, which a test may have deleted."""
        for path, text in self._CREATED.items():
            self._client.ask(self.port, PUT, path, payload=text.encode())

    def close(self):
        self._running.close()


class Pair:
    """A client and a server with a relay between them.

    lost: (direction, type, code), the first datagram of which kind gets lost.
    """

    def __init__(self, client, server, lost=None):
        self.client = client
        self.server = server
        self._lost = lost
        self._relay = Lossy(server.port, drop=self._drop)

    def __enter__(self):
        if hasattr(self.server, "check"):
            self.server.check()
        self._relay.__enter__()
        if hasattr(self.server, "prepare"):
            self.server.prepare()
        return self

    def __exit__(self, *error):
        self._relay.__exit__(*error)

    def _drop(self, direction, number, data):
        if (direction, data[0] >> 4 & 3, data[1]) != self._lost:
            return False
        self._lost = None
        return True

    @property
    def port(self) -> int:
        return self._relay.port

    def ask(self, code, path, **keywords) -> Answer:
        if path == "separate" and hasattr(self.server, "separate"):
            path, keywords["queries"] = self.server.separate
        return self.client.ask(self._relay.port, code, path, **keywords)

    @contextmanager
    def losing(self, lost):
        """Another pair with the same server, of which a datagram gets lost."""
        client = self.client.another()
        try:
            with Pair(client, self.server, lost) as pair:
                yield pair
        finally:
            if client is not self.client:
                client.close()

    def raw(self, direction=None) -> list:
        """Return the datagrams so far, what was sent again included."""
        return self._relay.sent(direction)

    def wire(self, count=0) -> list:
        """Return the messages so far, each once and decoded; waits for `count` of them.

        Each once, because on a machine with much to do anything may be sent again.
        """
        return self._once(self.until(lambda messages: len(self._once(messages)) >= count))

    def until(self, complete) -> list:
        """Return all messages, decoded, once `complete(messages)` says that they are there."""
        deadline = time.monotonic() + DEADLINE_S
        while not complete(self._decoded()):
            assert time.monotonic() < deadline, "\n".join(map(repr, self._decoded()))
            time.sleep(0.01)
        return self._decoded()

    def _decoded(self) -> list:
        messages = []
        for direction, data, _ in list(self._relay.log):
            message = aiocoap.Message.decode(data)
            message.datagram = data
            message.from_client = direction == TO_SERVER
            messages.append(message)
        return messages

    @staticmethod
    def _once(messages) -> list:
        first = {}
        for message in messages:
            first.setdefault((message.from_client, message.datagram), message)
        return list(first.values())


def values(message, number: int) -> list:
    """Return the values of an option on the wire, in order, as bytes."""
    return [option.encode() for option in message.opt.option_list() if option.number == number]
