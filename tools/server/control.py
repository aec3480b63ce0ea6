"""The control socket of a running server: JSON lines over TCP on this host, or a Unix socket.

A command is one line, {"do": NAME, "id": ANYTHING, …}; its answer is one line with the same
"id" (absent if the command had none): {"ok": true, …}, or {"ok": false, "error": TEXT}. Commands
on one connection run side by side, so answers come as they are ready.

    do                arguments                                       answer
    clients                                                           clients: list of facts
    client            endpoint                                        client: facts, waiting,
                                                                      observations
    read              endpoint, path [, accept]                       result
    write             endpoint, path, value [, content_format]        result
                      [, replace: false for a partial update]
    execute           endpoint, path [, argument]                     result
    discover          endpoint, path [, depth]                        result
    observe           endpoint, path [, accept, attributes]           result
    cancel            endpoint, path [, passive]                      result (null if passive)
    read-composite    endpoint, paths [, accept, content_format]      result
    observe-composite endpoint, paths [, accept, content_format,      result
                      attributes]
    cancel-composite  endpoint, paths [, passive]                     result (null if passive)
    write-composite   endpoint, values: {path: value|null}            result
                      [, content_format]
    write-attributes  endpoint, path, attributes: {name: value|null}  result
    create            endpoint, path, value [, content_format]        result
    delete            endpoint, path                                  result
    refuse            what: register, update, deregister or send,     the next such request is
                      code: "5.03", "none" (silence) or null (no      answered so
                      more) [, max_age_s, times, endpoint]
    trigger           endpoint [, confirmable, form, dcs, instance,   sms: number, user_data,
                      argument, number]                               dcs, udh (hexadecimal)
    direct            endpoint, path [, wait_s]                       result, null if lost
    events            [endpoint]                                      then every event, a line
                                                                      {"event": NAME, "time": …}
    statistics                                                        traffic, dropped
    quit                                                              the server stops

The operations on a path also take "via": "S" (by SMS), "wait": false (answer at once, the result
comes as an event), and "wait_s" (withdraw the request after so many seconds). A value that is
{"hex": "…"} is opaque. A result is {operation, path, code, value, content_format, via [, error]},
with `paths` of a composite operation, whose value is nested from the root, and `records` where
values have times.
"""

import asyncio
import contextlib
import json
import math
import os
import time
from collections.abc import AsyncIterator, Callable

from . import formats
from .core import LwM2mServer
from .endpoint import RequestFailed
from .operations import COMPOSITE, OPERATIONS
from .registry import UnknownEndpoint

DEFAULT_ADDRESS = "15683"

_MAX_LINE = 16 << 20  # The largest body in JSON, whatever is to be escaped in it.
_MAX_RUNNING = 100
_MAX_UNREAD = 4 << 20


class ControlError(Exception):
    """A command was refused, or no server answers at the control address."""


def _is_port(address: str) -> bool:
    return address.isdigit()


class ControlServer:
    """Serves the control socket of one LwM2mServer.

    address: a TCP port on 127.0.0.1, or the path of a Unix socket. stop: called by "quit".
    """

    def __init__(self, server: LwM2mServer, address: str, stop: Callable[[], None] | None = None):
        self._server = server
        self._address = address
        self._stop = stop
        self._listener: asyncio.Server | None = None
        self._subscribers: dict[asyncio.StreamWriter, str | None] = {}
        self._connections: set[asyncio.Task] = set()

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        if _is_port(self._address):
            self._listener = await asyncio.start_server(
                self._connected, "127.0.0.1", int(self._address), limit=_MAX_LINE
            )
        else:
            await self._check_free()
            try:
                self._listener = await asyncio.start_unix_server(
                    self._connected, self._address, limit=_MAX_LINE
                )
            except OSError as error:
                reason = error.strerror or error
                raise OSError("control address %s: %s" % (self._address, reason)) from None

    async def _check_free(self) -> None:
        """Raise OSError when a server listens at the path already; asyncio would take it over."""
        try:
            _, writer = await asyncio.open_unix_connection(self._address)
        except OSError:
            return
        writer.close()
        raise OSError("another server uses control address %s" % self._address)

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        assert self._listener is not None
        return self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and end the connections."""
        if self._listener is not None:
            self._listener.close()
            if not _is_port(self._address):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._address)
        for task in list(self._connections):
            task.cancel()
        await asyncio.sleep(0)

    def publish(self, name: str, facts: dict) -> None:
        """Hand an event to every connection that asked for events."""
        line = json.dumps({"event": name, "time": round(time.time(), 3), **facts}) + "\n"
        for writer, endpoint in list(self._subscribers.items()):
            if endpoint is not None and facts.get("endpoint") != endpoint:
                continue
            if writer.transport.get_write_buffer_size() > _MAX_UNREAD:
                writer.transport.abort()  # A reader that has stopped must not use up memory.
                del self._subscribers[writer]
            else:
                writer.write(line.encode())

    async def _connected(self, reader, writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        running: set[asyncio.Task] = set()
        try:
            while line := await reader.readline():
                if len(running) >= _MAX_RUNNING:
                    _answer(writer, None, {"ok": False, "error": "too many commands at once"})
                    continue
                command = asyncio.create_task(self._serve(line, writer))
                running.add(command)
                command.add_done_callback(running.discard)
        except (ConnectionError, ValueError, asyncio.CancelledError):
            # ValueError is a line beyond the limit; there is no telling where the next begins.
            writer.transport.abort()
        finally:
            for command in running:
                command.cancel()
            self._subscribers.pop(writer, None)
            self._connections.discard(task)
            writer.close()

    async def _serve(self, line: bytes, writer) -> None:
        id = None
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise ControlError("a command is a JSON object")
            id = command.pop("id", None)
            answer = {"ok": True, **await self._do(command, writer)}
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            answer = {"ok": False, "error": "not JSON: %s" % error}
        except (UnknownEndpoint, ControlError, RequestFailed, formats.FormatError) as error:
            answer = {"ok": False, "error": str(error)}
        except KeyError as error:
            answer = {"ok": False, "error": "argument %s is missing" % error}
        except (TypeError, ValueError) as error:
            answer = {"ok": False, "error": str(error)}
        _answer(writer, id, answer)

    async def _do(self, command: dict, writer) -> dict:
        name = command.pop("do", None)
        server = self._server
        if name in OPERATIONS:
            return await self._operate(name, command)
        if name == "clients":
            return {"clients": [self._facts(endpoint) for endpoint in sorted(server.clients)]}
        if name == "client":
            endpoint = command["endpoint"]
            observations = [o.facts() for o in server.observations.of(endpoint)]
            waiting = server.waiting(endpoint)
            facts = self._facts(endpoint)
            return {"client": {**facts, "waiting": waiting, "observations": observations}}
        if name == "trigger":
            sms = await server.trigger(command.pop("endpoint"), **command)
            facts = {"number": sms.number, "dcs": sms.dcs, "udh": sms.udh.hex()}
            return {"sms": {**facts, "user_data": sms.user_data.hex()}}
        if name == "direct":
            wait_s = float(command.get("wait_s", 2.0))
            result = await server.read_directly(command["endpoint"], command["path"], wait_s)
            return {"result": result and result.facts()}
        if name == "refuse":
            server.refusals.add(command.pop("what"), command.pop("code"), **command)
            return {}
        if name == "events":
            if command.get("endpoint") is not None:
                server.client(command["endpoint"])
            self._subscribers[writer] = command.get("endpoint")
            return {}
        if name == "statistics":
            return {"traffic": server.traffic, "dropped": dict(server.dropped)}
        if name == "quit" and self._stop is not None:
            asyncio.get_running_loop().call_soon(self._stop)
            return {}
        raise ControlError("command %r is not one that control.py lists" % name)

    def _facts(self, endpoint: str) -> dict:
        client = self._server.client(endpoint)
        left_s = client.expires_at - asyncio.get_running_loop().time()
        return {
            **client.facts(),
            "state": self._server.state(endpoint),
            "waiting": len(self._server.waiting(endpoint)),
            "expires_in_s": None if left_s == math.inf else round(left_s),
            "updated_at": round(client.updated_at, 3),
        }

    async def _operate(self, name: str, command: dict) -> dict:
        endpoint = command.pop("endpoint")
        path = "/" if name in COMPOSITE else command.pop("path")
        wait, wait_s = command.pop("wait", True), command.pop("wait_s", None)
        if name.startswith("cancel") and command.pop("passive", False):
            await self._server.cancel(endpoint, path, passive=True, **command)
            return {"result": None}
        value = command.pop("argument", None) if name == "execute" else None
        if name == "write-composite":
            values = command.pop("values")
            value = {path: _from_json(inner) for path, inner in dict(values).items()}
        else:
            value = _from_json(command.pop("value", value))
        future = self._server.enqueue(endpoint, name, path, value, **command)
        if not wait:
            return {"state": self._server.state(endpoint)}
        try:
            result = await asyncio.wait_for(future, wait_s)
        except asyncio.TimeoutError:
            raise ControlError(
                "no answer from %s within %g s; the request is withdrawn" % (endpoint, wait_s)
            ) from None
        return {"result": result.facts()}


def _answer(writer, id, answer: dict) -> None:
    if not writer.is_closing():
        if id is not None:
            answer = {"id": id, **answer}
        writer.write(json.dumps(answer).encode() + b"\n")


def _from_json(value):
    """Turn a JSON value into a Python one: {"hex": …} is opaque, keys of groups are ids."""
    if isinstance(value, dict):
        if set(value) == {"hex"}:
            return bytes.fromhex(value["hex"])
        if not all(key.isdigit() for key in value):
            raise ValueError('a group of values has ids as keys, such as {"0": 1}')
        return {int(key): _from_json(inner) for key, inner in value.items()}
    return value


async def _connect(address: str):
    try:
        if _is_port(address):
            return await asyncio.open_connection("127.0.0.1", int(address), limit=_MAX_LINE)
        return await asyncio.open_unix_connection(address, limit=_MAX_LINE)
    except (OSError, OverflowError):
        raise ControlError(
            "no server answers at control address %s; start one with python -m tools.server"
            % address
        ) from None


async def call(address: str, command: dict) -> dict:
    """Send one command and return its answer; raises ControlError with the server's reason."""
    async for answer in stream(address, command):
        return answer
    raise ControlError("the server at %s ended the connection" % address)


async def stream(address: str, command: dict) -> AsyncIterator[dict]:
    """Send one command; yields its answer and what follows it. Raises ControlError."""
    line = json.dumps(command).encode() + b"\n"
    if len(line) > _MAX_LINE:
        text = "the command has %d bytes, of which the control socket takes %d"
        raise ControlError(text % (len(line), _MAX_LINE))
    reader, writer = await _connect(address)
    try:
        writer.write(line)
        while line := await reader.readline():
            answer = json.loads(line)
            if answer.get("ok") is False:
                raise ControlError(answer["error"])
            yield answer
    finally:
        writer.close()
