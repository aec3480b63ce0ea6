"""A Bootstrap-Server on an LwM2mServer's socket (TS 1.1 Core §6.1; Bootstrap-Pack of TS 1.2).

    boot = BootstrapServer(server, {"sensor-1": {"servers": [{"uri": "coap://192.0.2.7"}]}})
    await server.execute("sensor-1", "/1/0/9")   # a client that is to come again

What a client is given is a configuration, which is JSON. Either it names servers, and the client
gets these and no others:

    {"servers": [{"uri": "coap://192.0.2.7", "short_server_id": 1, "lifetime_s": 86400,
                  "binding": "U", "sms_number": "+447700900123", "sms_trigger": true}]}

or it is a list of commands, done in order, where "path" and "value" are as in `write` of the
command line and "format" is one of formats.NAMES:

    {"commands": [{"do": "discover", "path": "/"}, {"do": "delete", "path": "/0"},
                  {"do": "write", "path": "/0/1", "value": {"0": "coap://192.0.2.7", …}},
                  {"do": "read", "path": "/1"}, {"do": "finish"}]}

"pack": true answers Bootstrap-Pack too, with all that is written. Events, each with `endpoint`:

    bootstrap_request    address, pack
    bootstrap_answer     do, path, code, value
    bootstrapped         address
    bootstrap_failed     reason
"""

import asyncio
import json

from aiocoap import Message

from . import formats, wire
from .endpoint import RequestFailed

ANY = "*"  # a client that has no configuration of its own gets this one's

_COMMANDS = {
    "discover": wire.GET,
    "read": wire.GET,
    "write": wire.PUT,
    "delete": wire.DELETE,
    "finish": wire.POST,
}
_STRUCTURED = formats.SENML_CBOR
_PACKED = (formats.SENML_CBOR, formats.SENML_JSON, formats.LWM2M_CBOR)


class ConfigurationError(ValueError):
    """A configuration that says nothing; the text names the key, the value and what to use."""


class BootstrapServer:
    """Answers /bs and /bspack of an LwM2mServer, and bootstraps the clients that ask.

    configurations: {endpoint name, or "*" for any: configuration}. emit(name, facts) takes the
    events. Raises ConfigurationError.
    """

    def __init__(self, server, configurations: dict | None = None, emit=None):
        self._server = server
        self._emit = emit or (lambda name, facts: None)
        self._configurations: dict[str, dict] = {}
        self._sessions: dict[str, asyncio.Task] = {}
        for endpoint, configuration in (configurations or {}).items():
            self.configure(endpoint, configuration)
        server.mount("bs", _Mounted(self._requested))
        server.mount("bspack", _Mounted(self._pack_requested))

    def configure(self, endpoint: str, configuration: dict | None) -> None:
        """Set what a client is given, None for nothing. Raises ConfigurationError."""
        if configuration is None:
            self._configurations.pop(endpoint, None)
        else:
            commands_of(configuration)
            self._configurations[endpoint] = configuration

    def close(self) -> None:
        """End the sessions that are under way."""
        for session in self._sessions.values():
            session.cancel()
        self._sessions.clear()

    def _requested(self, request: Message, peer):
        """Answer Bootstrap-Request; what it asks for follows the answer."""
        if int(request.code) != wire.POST:
            return _answer("4.05"), None
        queries = _queries(request)
        endpoint = queries.get("ep", "")
        configuration = self._configuration(endpoint)
        facts = {"endpoint": endpoint, "address": "%s:%d" % peer, "pack": False}
        self._emit("bootstrap_request", facts)
        if configuration is None:
            return _answer("4.00", "%s is not configured" % endpoint), None
        preferred = queries.get("pct")
        if preferred is not None and not _is_structured(preferred):
            return _answer("4.15"), None
        structured = int(preferred) if preferred else formats.TLV

        def begin():
            old = self._sessions.pop(endpoint, None)
            if old is not None:
                old.cancel()
            session = self._session(endpoint, configuration, structured, peer)
            task = self._sessions[endpoint] = asyncio.get_running_loop().create_task(session)
            task.add_done_callback(lambda _: self._ended(endpoint, task))

        return _answer("2.04"), begin

    def _ended(self, endpoint: str, session: asyncio.Task):
        if self._sessions.get(endpoint) is session:
            del self._sessions[endpoint]

    def _pack_requested(self, request: Message, peer):
        """Answer Bootstrap-Pack-Request with all that is written, in one payload."""
        if int(request.code) != wire.GET:
            return _answer("4.05"), None
        endpoint = _queries(request).get("ep", "")
        configuration = self._configuration(endpoint)
        facts = {"endpoint": endpoint, "address": "%s:%d" % peer, "pack": True}
        self._emit("bootstrap_request", facts)
        if configuration is None:
            return _answer("4.00", "%s is not configured" % endpoint), None
        if not configuration.get("pack"):
            return _answer("4.04"), None
        wanted = request.opt.accept
        content_format = _STRUCTURED if wanted is None else int(wanted)
        if content_format not in _PACKED:
            return _answer("4.06"), None
        entries: dict = {}
        for command in commands_of(configuration):
            if command["do"] == "write":
                path = formats.parse_path(command["path"])
                entries.update(formats.flatten(_value(command["value"]), path))
        payload = formats.encode_entries(content_format, entries, (), self._server.model.type_of)
        code = wire.code_of("2.05")
        answer = wire.message(code, payload=payload, content_format=content_format)
        return answer, None

    def _configuration(self, endpoint: str) -> dict | None:
        return self._configurations.get(endpoint) or self._configurations.get(ANY)

    async def _session(self, endpoint, configuration, structured: int, peer):
        reason = "there was no finish"
        try:
            for command in await self._commands(configuration, peer):
                answer = await self._server.exchange(self._message(command, structured), peer)
                code = wire.dotted(int(answer.code))
                facts = {"endpoint": endpoint, "do": command["do"], "code": code}
                facts["path"] = command.get("path", "/bs")
                facts["value"] = formats.to_json(self._read(command, answer))
                self._emit("bootstrap_answer", facts)
                if not code.startswith("2") and not command.get("may_fail"):
                    reason = "%s %s: %s" % (command["do"], facts["path"], code)
                    break
                if command["do"] == "finish" and code.startswith("2"):
                    self._emit("bootstrapped", {"endpoint": endpoint, "address": "%s:%d" % peer})
                    return
        except RequestFailed as error:
            reason = error.reason
        except (formats.FormatError, ValueError) as error:
            reason = str(error)
        self._emit("bootstrap_failed", {"endpoint": endpoint, "reason": reason})

    async def _commands(self, configuration: dict, peer) -> list[dict]:
        """Return what is to be done; where it names servers, around the account of this one."""
        if "commands" in configuration:
            return commands_of(configuration)
        discover = {"do": "discover", "path": "/0"}
        answer = await self._server.exchange(self._message(discover, formats.TLV), peer)
        mine = {0}
        if wire.dotted(int(answer.code)) == "2.05":
            for link in self._read(discover, answer):
                path = [part for part in link["target"].split("/") if part]
                if len(path) > 1 and path[-2] == "0" and "ssid" not in link:
                    mine = {int(path[-1])}
        return _given(configuration["servers"], mine)

    def _message(self, command: dict, structured: int) -> Message:
        """Return the request of a command, without message ID and token."""
        code = _COMMANDS[command["do"]]
        if command["do"] == "finish":
            return wire.message(code, path=("bs",))
        path = formats.parse_path(command["path"])
        segments = tuple(str(part) for part in path)
        if command["do"] == "discover":
            return wire.message(code, path=segments, accept=wire.LINK_FORMAT)
        named = command.get("format")
        content_format = None if named is None else formats.NAMES[named]
        if command["do"] == "read":
            return wire.message(code, path=segments, accept=content_format)
        if command["do"] == "delete":
            return wire.message(code, path=segments)
        value = _value(command["value"])
        if content_format is None:
            content_format = formats.default_format(path, value, structured)
        payload = formats.encode(content_format, path, value, self._server.model.type_of)
        return wire.message(code, path=segments, payload=payload, content_format=content_format)

    def _read(self, command: dict, answer: Message):
        """Return what a Read or Discover gave, None for anything else."""
        if command["do"] not in ("read", "discover") or not answer.payload:
            return None
        path = formats.parse_path(command["path"])
        content_format = wire.content_format_of(answer)
        return formats.decode(content_format, answer.payload, path, self._server.model.type_of)


class _Mounted:
    """What core.LwM2mServer.mount takes: no request to it has a body worth keeping."""

    def __init__(self, handler):
        self._handler = handler

    def takes(self, request: Message, peer) -> bool:
        return False

    def handle(self, request: Message, peer):
        return self._handler(request, peer)


def load(path: str) -> dict:
    """Read the configurations in a JSON file: {endpoint name, or "*" for any: configuration}.

    Raises ConfigurationError, OSError.
    """
    with open(path, encoding="utf-8") as file:
        try:
            configurations = json.load(file)
        except ValueError as error:
            raise ConfigurationError("%s: not JSON (%s)" % (path, error)) from None
    if not isinstance(configurations, dict):
        raise ConfigurationError('%s: use {"NAME or *": configuration}' % path)
    for name, configuration in configurations.items():
        try:
            commands_of(configuration)
        except ConfigurationError as error:
            raise ConfigurationError("%s: %s: %s" % (path, name, error)) from None
    return configurations


def commands_of(configuration: dict) -> list[dict]:
    """Return the commands of a configuration. Raises ConfigurationError."""
    if not isinstance(configuration, dict):
        raise ConfigurationError("configuration: %r is not allowed; use an object" % configuration)
    unknown = set(configuration) - {"servers", "commands", "pack"}
    if unknown or ("servers" in configuration) == ("commands" in configuration):
        raise ConfigurationError("configuration: use servers or commands, and perhaps pack")
    for key in ("servers", "commands"):
        if key in configuration and not isinstance(configuration[key], list):
            raise ConfigurationError(
                "%s: %r is not allowed; use a list" % (key, configuration[key])
            )
    if "servers" in configuration:
        return _given(configuration["servers"])
    for index, command in enumerate(configuration["commands"]):
        key = "commands[%d]" % index
        if not isinstance(command, dict) or command.get("do") not in list(_COMMANDS):
            raise ConfigurationError("%s.do: use %s" % (key, ", ".join(sorted(_COMMANDS))))
        if command["do"] != "finish":
            try:
                formats.parse_path(command["path"])
            except (KeyError, AttributeError, ValueError):
                text = "%s.path: %r is not allowed; use /0/1 or the like"
                raise ConfigurationError(text % (key, command.get("path"))) from None
        if command["do"] == "write" and "value" not in command:
            raise ConfigurationError("%s.value: missing; use what is to be written" % key)
        if command.get("format", "tlv") not in list(formats.NAMES):
            raise ConfigurationError("%s.format: use %s" % (key, ", ".join(formats.NAMES)))
    return configuration["commands"]


def _given(servers: list, taken: set | None = None) -> list[dict]:
    """Return the commands that give a client these servers and no others.

    taken: instances of Security that are not to be written to.
    """
    commands: list[dict] = [{"do": "delete", "path": "/0"}, {"do": "delete", "path": "/1"}]
    free = [iid for iid in range(len(servers) + 1) if iid not in (taken or {0})]
    for index, server in enumerate(servers):
        if not isinstance(server, dict) or "uri" not in server:
            raise ConfigurationError("servers[%d].uri: missing; use coap://HOST" % index)
        for key in ("uri", "sms_number", "binding"):
            if not isinstance(server.get(key) or "", str):
                text = "servers[%d].%s: %r is not allowed; use text"
                raise ConfigurationError(text % (index, key, server[key]))
        server_id = server.get("short_server_id", index + 1)
        security = {"0": server["uri"], "1": False, "2": 3, "3": b"", "4": b"", "5": b""}
        security["10"] = server_id
        if server.get("sms_number"):
            security["9"] = server["sms_number"].lstrip("+")
        about = {"0": server_id, "1": server.get("lifetime_s", 86400), "6": True}
        about["7"] = server.get("binding", "U")
        for key, rid in (("sms_trigger", "21"), ("mute_send", "23"), ("bootstrap_on_failure", 16)):
            if key in server:
                about[str(rid)] = server[key]
        commands.append({"do": "write", "path": "/0/%d" % free[index], "value": security})
        commands.append({"do": "write", "path": "/1/%d" % index, "value": about})
    return [*commands, {"do": "finish"}]


def _value(value):
    """Return a JSON value with ids as numbers and {"hex": …} as bytes."""
    if isinstance(value, dict):
        if set(value) == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {int(key): _value(inner) for key, inner in value.items()}
    return value


def _queries(request: Message) -> dict[str, str]:
    pairs = [query.partition("=") for query in request.opt.uri_query]
    return {key: value for key, _, value in pairs}


def _is_structured(text: str) -> bool:
    return text.isdigit() and int(text) in (*_PACKED, formats.TLV)


def _answer(code: str, text: str = "") -> Message:
    return wire.message(wire.code_of(code), payload=text.encode())
