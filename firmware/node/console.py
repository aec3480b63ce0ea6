"""Commands for a running node, one JSON object a line, each answered by one event.

    {"do": "set", "path": "/3303/0/5700", "value": 21.5}     → set      path, value
    {"do": "get", "path": "/3303/0/5700"}                    → value    path, value
    {"do": "update"}        send a registration Update       → ok       do
    {"do": "send", "paths": ["/3303/0/5700"]}  LwM2M Send    → ok       do
                            (or one "path"; "content_format": 110 or 11544 for another than 112)
    {"do": "deregister"}    leave every server               → ok       do
    {"do": "register"}      register again after that        → ok       do
    {"do": "bootstrap"}     ask the bootstrap server         → ok       do
    {"do": "factory_reset"} begin with site.json alone       → ok       do
    {"do": "state"}         servers, registrations, memory   → state    …
    {"do": "reboot"}        restart the chip                 → ok       do

Where a command cannot be carried out the answer is the event `error` with `do` and `reason`. A
command may carry an `id` of any kind; its answer carries the same.

Loaded for each command, and forgotten after it.
"""

import json


def answer(node, line: bytes) -> None:
    """Carry out the command of a line, and tell what came of it."""
    try:
        command = json.loads(line)
        if not isinstance(command, dict):
            raise ValueError
    except ValueError:
        node.log.event("error", {"reason": "not a JSON object: %s" % _shown(line)})
        return
    what = command.get("do")
    action = _ACTIONS.get(what) if isinstance(what, str) else None
    facts = {"do": what}
    if "id" in command:
        facts["id"] = command["id"]
    if action is None:
        facts["reason"] = "no such command; use %s" % ", ".join(sorted(_ACTIONS))
        node.log.event("error", facts)
        return
    try:
        name, more = action(node, command)
    except CommandError as error:
        name, more = "error", {"reason": str(error)}
    except OSError as error:  # a probe, an actuator or the flash is out of order
        name, more = "error", {"reason": "%s: %s" % (error.__class__.__name__, error)}
    facts.update(more)
    node.log.event(name, facts)


class CommandError(Exception):
    """A command that cannot be carried out; the text says why."""


def _path(text):
    """Return a path such as "/3303/0/5700" as a tuple of three or four integers."""
    parts = text.split("/")[1:] if isinstance(text, str) and text[:1] == "/" else ()
    if len(parts) not in (3, 4) or not all(part.isdigit() for part in parts):
        raise CommandError("path: %s is not allowed; use /OBJECT/INSTANCE/RESOURCE" % _shown(text))
    return tuple(int(part) for part in parts)


def _instance(node, path):
    instance = node.tree.get(path[0], path[1])
    if instance is None or instance.definition(path[2]) is None:
        raise CommandError("path: /%s does not exist" % "/".join(str(part) for part in path))
    return instance


def _set(node, command):
    path = _path(command.get("path"))
    instance = _instance(node, path)
    if "value" not in command:
        raise CommandError("value: missing; use the resource's value")
    if path[0] == 0:
        raise CommandError("path: %s may not be set; it is a bootstrap's" % command["path"])
    value = command["value"]
    if isinstance(value, dict):  # JSON has text for the ids of resource instances
        if not all(riid.isdigit() for riid in value):
            raise CommandError("value: not all its keys are ids of resource instances")
        value = {int(riid): value[riid] for riid in value}
    try:
        instance.set(path[2], value, path[3] if len(path) == 4 else None)
    except (ValueError, TypeError) as error:
        raise CommandError(str(error))
    return "set", {"path": command["path"], "value": command["value"]}


def _get(node, command):
    path = _path(command.get("path"))
    instance = _instance(node, path)
    readable = instance.definition(path[2])[0] & 1  # what is only written may be a secret
    if path[0] == 0 or not readable or path[2] not in instance.present():
        raise CommandError("path: %s has no value to show" % command["path"])
    value = instance.read(path[2])
    if len(path) == 4:
        value = value.get(path[3]) if isinstance(value, dict) else None
    return "value", {"path": command["path"], "value": value}


def _update(node, command):
    node.client.update()
    return "ok", {}


def _send(node, command):
    paths = [command["path"]] if "path" in command else command.get("paths")
    if not isinstance(paths, list) or not paths:
        raise CommandError('paths: missing; use a list such as ["/3303/0/5700"]')
    form = command.get("content_format", 112)
    refusal = node.client.send([_path(path) for path in paths], node.clock.now(), form)
    if refusal:
        raise CommandError(refusal)
    return "ok", {}


def _deregister(node, command):
    node.client.deregister(node.clock.now())
    return "ok", {}


def _register(node, command):
    node.client.start(node.clock.now())
    return "ok", {}


def _bootstrap(node, command):
    _bootstrapped(node).begin("trigger", node.clock.now())
    return "ok", {}


def _factory_reset(node, command):
    node.factory_reset()
    return "ok", {}


def _bootstrapped(node):
    if node.client.bootstrap is None or node.client.bootstrap.security is None:
        raise CommandError("there is no bootstrap server; use the key bootstrap of site.json")
    return node.client.bootstrap


def _state(node, command):
    return "state", node.state()


def _reboot(node, command):
    node.reboot()
    return "ok", {}


def _shown(value):
    text = repr(value) if isinstance(value, bytes) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


_ACTIONS = {
    "set": _set,
    "get": _get,
    "update": _update,
    "send": _send,
    "deregister": _deregister,
    "register": _register,
    "bootstrap": _bootstrap,
    "factory_reset": _factory_reset,
    "state": _state,
    "reboot": _reboot,
}
