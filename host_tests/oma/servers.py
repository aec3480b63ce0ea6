"""The servers that the cases can be played against, behind one small interface.

    port                                      of 127.0.0.1
    events(endpoint)                          → its Events: registered, updated, deregistered,
                                              expired, notification, send, awake, asleep, observing
    ask(endpoint, operation, **arguments)     → Answer, when the client has answered
    later(endpoint, operation, **arguments)   → a function that waits for the Answer
    forget(endpoint, **arguments)             drops an observation without telling the client
    versions                                  of the enabler

Operations are named as tools/server/operations.py has them, arguments as in `Client` (client.py).
What reports values has `samples` too, [(Unix seconds or None, path, value)].
An Answer of `code` None came to nothing, for a reason told in `error`.
"""

import asyncio
import collections
from dataclasses import dataclass, field

from host_tests.oma.stage import PATIENCE_S, Events, Loop
from tools.leshan.program import Program
from tools.server import LwM2mServer, RequestFailed, UnknownEndpoint, links

AWAKE_S = 2  # of a client in Queue Mode after its last message, to the server and to the board

# What Objects that a server does not bring along have: resource → type; [TYPE]: multiple.
_MODELS = {
    "3303:1.0": {5700: "FLOAT", 5601: "FLOAT", 5602: "FLOAT", 5605: "NONE", 5701: "STRING"},
    "3303:1.1": {5700: "FLOAT", 5601: "FLOAT", 5602: "FLOAT", 5605: "NONE", 5701: "STRING"},
    "16:1.0": {0: "[STRING]", 2: "[OPAQUE]", 3: "INTEGER"},
    "26241:1.0": {0: "STRING"},
    "26242:1.0": {
        **{0: "STRING", 1: "[STRING]", 2: "[INTEGER]", 3: "[FLOAT]", 4: "[BOOLEAN]"},
        **{5: "[OPAQUE]", 6: "TIME", 7: "FLOAT", 8: "NONE"},
    },
}


@dataclass
class Answer:
    """What came of an operation; `links` of a Discover are [(target, {attribute: value})]."""

    code: str | None
    value: object = None
    format: int | None = None
    links: list = field(default_factory=list)
    location: str | None = None
    error: str | None = None


class Keeper:
    """Keeps what happens to each client apart."""

    def __init__(self):
        self._events = collections.defaultdict(Events)

    def events(self, endpoint):
        return self._events[endpoint]

    def keep(self, name, facts):
        self._events[facts.get("endpoint")].add(name, facts)


class Embedded(Keeper):
    """tools.server, on the loop that the board's bench runs on."""

    name = "embedded"
    versions = ("1.0", "1.1", "1.2")

    def __init__(self, loop: Loop):
        super().__init__()
        self._loop = loop
        self._server = LwM2mServer(port=0, on_event=self._happened, awake_s=AWAKE_S)
        for name, table in _MODELS.items():
            for resource, kind in table.items():
                if kind != "NONE":
                    number = int(name.partition(":")[0])
                    self._server.model.add(number, resource, kind.strip("[]").lower())
        self.port = loop.run(self._server.start())[1]

    def _happened(self, name, facts):
        if "value" in facts:
            samples = [
                (record.get("time"), record["path"], plain(record["value"]))
                for record in facts.get("records", ())
            ]
            facts = {**facts, "value": plain(facts["value"]), "samples": samples}
        self.keep(name, facts)

    def ask(self, endpoint, operation, **arguments):
        return self.later(endpoint, operation, **arguments)()

    def later(self, endpoint, operation, **arguments):
        path = arguments.pop("path", "/")
        value = arguments.pop("value", None)
        instance = arguments.pop("instance", None)
        if instance is not None:
            path = f"{path}/{instance}"
        if "partial" in arguments:
            arguments["replace"] = not arguments.pop("partial")
        if "format" in arguments:
            arguments["content_format"] = arguments.pop("format")
        if arguments.get("paths"):
            arguments["paths"] = tuple(arguments["paths"])
        asked = (endpoint, operation, path, value)
        waiting = asyncio.run_coroutine_threadsafe(self._ask(asked, arguments), self._loop.loop)
        return lambda timeout_s=PATIENCE_S: waiting.result(timeout_s)

    async def _ask(self, asked, arguments):
        try:
            result = await self._server.enqueue(*asked, **arguments)
        except (RequestFailed, UnknownEndpoint, ValueError) as error:
            return Answer(None, error=str(error))
        answer = Answer(result.code, result.value, result.content_format)
        answer.location, answer.error = result.location, result.error
        if asked[1] == "discover" and result.value:
            answer.value = None
            answer.links = [(entry.pop("target"), entry) for entry in result.value]
        return answer

    def forget(self, endpoint, path="/", paths=()):
        async def cancel():
            kw = {"paths": tuple(paths)} if paths else {}
            await self._server.cancel(endpoint, path, passive=True, **kw)

        self._loop.run(cancel())

    def close(self):
        self._loop.run(self._server.close())


class Leshan(Keeper):
    """Eclipse Leshan in a Java process (tools/leshan); one of it serves every case."""

    name = "leshan"
    versions = ("1.0", "1.1")

    def __init__(self):
        super().__init__()
        models = [
            "%s:%s" % (name, ",".join("%d=%s" % pair for pair in table.items()))
            for name, table in _MODELS.items()
        ]
        self._program = Program("server", AWAKE_S * 1000, *models)
        self._program.on_event = self._happened
        self.port = self._program.port

    def _happened(self, facts):
        samples = [(time, path, plain(value)) for time, path, value in facts.pop("samples", ())]
        facts["samples"] = sorted(samples, key=lambda sample: sample[0] or 0)
        if facts["event"] == "send":
            facts["value"] = {path: value for _, path, value in facts["samples"]}
        facts["value"] = plain(facts.get("value"))
        self.keep(facts.pop("event"), facts)

    def ask(self, endpoint, operation, **arguments):
        return self.later(endpoint, operation, **arguments)()

    def later(self, endpoint, operation, **arguments):
        kind = operation.replace("cancel-composite", "cancel")
        if "attributes" in arguments:
            arguments["attributes"] = "&".join(
                name if value is None else "%s=%s" % (name, value)
                for name, value in arguments["attributes"].items()
            )
        if operation == "write-composite":
            arguments["values"] = arguments.pop("value")
        if operation == "execute" and "value" in arguments:
            arguments["argument"] = arguments.pop("value")
        sent = self._program.send(do=kind, endpoint=endpoint, **as_json(arguments))
        return lambda timeout_s=PATIENCE_S: self._answer(sent(timeout_s))

    def _answer(self, reply):
        answer = Answer(reply.get("code"), plain(reply.get("value")))
        answer.format = reply.get("content_format")
        answer.location = reply.get("location")
        answer.error = reply.get("error") or reply.get("text")
        for link in reply.get("links", ()):
            answer.links += links.parse(link.encode())
        return answer

    def forget(self, endpoint, **arguments):
        reply = self._program.ask(do="passive", endpoint=endpoint, **arguments)
        assert "error" not in reply, reply

    def close(self):
        self._program.close()


def as_json(value):
    """Write a value as tools/leshan takes it: opaque as {"hex": …}, ids as text."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value


def plain(value):
    """Read a value of tools/leshan: ids are integers, opaque is bytes, an Objlnk its text."""
    if not isinstance(value, dict):
        return value
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    if "link" in value:
        return value["link"]
    if any(key.startswith("/") for key in value):
        return _nested(value)
    return {int(key) if key.isdigit() else key: plain(inner) for key, inner in value.items()}


def _nested(values):
    """Make {object: {instance: …}} of {path: value}, without what was not there."""
    whole = {}
    for path, value in values.items():
        ids = [int(segment) for segment in path.split("/") if segment]
        value = plain(value)
        if value is None:
            continue
        if not ids:
            whole.update(value)
            continue
        inner = whole
        for number in ids[:-1]:
            inner = inner.setdefault(number, {})
        inner[ids[-1]] = value
    return whole
