"""The arguments of the command line, and the commands of the control socket that they mean."""

import argparse
from pathlib import Path

from ..cli import Parser, number
from . import blockwise, formats, links, refusals, trigger, versions
from .control import DEFAULT_ADDRESS
from .operations import COMPOSITE

_EPILOG = """\
Without a command, the server runs and prints its events until interrupted.
In another terminal, for example:
  python -m tools.server clients
  python -m tools.server read sensor-1 /3303/0/5700
  python -m tools.server write sensor-1 /1/0/1 3600
  python -m tools.server trigger sensor-1
Several paths in one message, for clients from 1.1 on:
  python -m tools.server read-composite sensor-1 /3/0/0 /3303
  python -m tools.server write-composite sensor-1 /1/0/1=3600 /3303/0/5750=attic
A test may ask for an answer other than the server's own:
  python -m tools.server refuse register 5.03 --max-age 30
A request for a client in Queue Mode waits until the client shows; `trigger`
makes it show, by SMS, if the server was started with --modem.
"""

_ACCEPT_NAMES = ", ".join(formats.NAMES) + ", or a number"


def _block_size(text: str) -> int:
    """Read a block size, as an argument type."""
    try:
        size = int(text)
    except ValueError:
        size = 0
    if size not in blockwise.SIZES:
        sizes = "%s or %d" % (", ".join(map(str, blockwise.SIZES[:-1])), blockwise.SIZES[-1])
        raise argparse.ArgumentTypeError("%r is not allowed; use %s" % (text, sizes))
    return size


def make_parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--control",
        metavar="ADDRESS",
        default=argparse.SUPPRESS,
        help="control socket: a TCP port on this host or the path of a Unix socket (%s)"
        % DEFAULT_ADDRESS,
    )
    common.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print JSON lines"
    )
    made = Parser(
        prog="python -m tools.server",
        description="An LwM2M server for clients of versions draft, 1.0, 1.1 and 1.2.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    made.add_argument("--host", default="127.0.0.1", help="address to serve on (127.0.0.1)")
    made.add_argument("--port", type=number(int, 0, 65535), default=5683, help="UDP port (5683)")
    made.add_argument(
        "--awake",
        type=number(float, 0, 86400),
        metavar="SECONDS",
        help="how long a Queue Mode client stays awake"
        " after its last message (93, and 2 for the draft)",
    )
    made.add_argument(
        "--default-version",
        choices=("1.0", "draft"),
        default="1.0",
        help="of clients that name none (1.0)",
    )
    made.add_argument(
        "--versions",
        type=_served,
        default=versions.ALL,
        metavar="LIST",
        help="served, such as 1.0,1.1; a client of another is answered 4.12 (%s)"
        % ",".join(versions.ALL),
    )
    made.add_argument(
        "--profile",
        type=_profile,
        action="append",
        default=[],
        metavar="ID=LINKS",
        help="the object list that a Profile ID stands for, in link format (1.2)",
    )
    made.add_argument(
        "--block-size",
        type=_block_size,
        default=1024,
        metavar="BYTES",
        help="of what goes in blocks, 16 to 1024; below 1024 clients are asked for it, too (1024)",
    )
    made.add_argument(
        "--bootstrap",
        metavar="FILE",
        help='be a bootstrap server too: {"NAME or *": {"servers": [{"uri": "coap://HOST"}]}},'
        " as tools/server/bootstrap.py says",
    )
    made.add_argument(
        "--modem", metavar="PORT", help="modem to send SMS with: a serial port or HOST:PORT"
    )
    made.add_argument("--baud", type=int, default=115200, help="of the modem (115200)")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, help: str, *arguments: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help, description=help, parents=[common])
        for argument in arguments:
            command.add_argument(argument, metavar=argument.upper())
        return command

    add("clients", "list the registered clients")
    add("client", "show one client, what waits for it and what is observed", "endpoint")
    for name, help in (
        ("read", "read an object, instance or resource"),
        ("write", 'write a value: a number, true, text, hex:00FF, file:PATH or JSON {"0": 1}'),
        ("execute", "execute a resource"),
        ("discover", "list what is under a path, with attributes"),
        ("observe", "observe a path; notifications are events"),
        ("cancel", "cancel an observation"),
        ("write-attributes", "set attributes such as pmin=10; pmin= unsets"),
        ("create", 'create an instance from JSON {"RESOURCE": VALUE}'),
        ("delete", "delete an instance"),
    ):
        command = add(name, help, "endpoint", "path")
        _add_operation(command, name)
    for name, help in (
        ("read-composite", "read several paths at once"),
        ("write-composite", "write several values at once, all or none; PATH= removes (1.2)"),
        ("observe-composite", "observe several paths as one"),
        ("cancel-composite", "cancel an observation of several paths"),
    ):
        command = add(name, help, "endpoint")
        metavar = "PATH=VALUE" if name.startswith("write") else "PATH"
        command.add_argument("paths", nargs="+", metavar=metavar)
        _add_operation(command, name)
    command = add("refuse", "answer the next requests of a kind with a code")
    command.add_argument("what", choices=refusals.WHAT)
    command.add_argument(
        "code", help="such as 5.03; none: no answer at all; own: the server's own again"
    )
    command.add_argument("--max-age", type=int, metavar="SECONDS", help="told with the refusal")
    command.add_argument("--times", type=int, default=1, help="how often (1); 0: always")
    command.add_argument("--endpoint", help="of this client only")
    command = add("trigger", "wake a client by SMS", "endpoint")
    command.add_argument("--con", action="store_true", help="Confirmable, not Non-confirmable")
    command.add_argument("--format", choices=trigger.FORMS, default="bare", help="(bare)")
    command.add_argument("--argument", default="", help="of the Execute, such as 0=U")
    command.add_argument("--number", help="instead of the registered number")
    command = add(
        "direct", "read at once, past the queue: can the client be reached?", "endpoint", "path"
    )
    command.add_argument("--wait", type=float, default=2.0, metavar="SECONDS", help="(2)")
    command = add("events", "print events as they happen, until interrupted")
    command.add_argument("endpoint", nargs="?", metavar="ENDPOINT", help="of this client only")
    add("statistics", "datagrams and bytes, and what was dropped")
    add("quit", "stop the server")
    return made


def _add_operation(command: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments that an operation has besides endpoint and path."""
    if name in ("write", "create"):
        command.add_argument("value", metavar="VALUE")
    if name in ("write", "create") or name.endswith("-composite") and not _cancels(name):
        command.add_argument("--format", type=_format, metavar="NAME", help=_ACCEPT_NAMES)
    if name == "write":
        command.add_argument("--partial", action="store_true", help="partial update (POST)")
    if name == "execute":
        command.add_argument("argument", nargs="?", metavar="ARGUMENT")
    if name.partition("-")[0] in ("read", "observe"):
        command.add_argument("--accept", type=_format, metavar="NAME", help=_ACCEPT_NAMES)
    if name.startswith("observe"):
        command.add_argument(
            "--attribute",
            action="append",
            default=[],
            dest="attributes",
            metavar="NAME=VALUE",
            help="of this observation, such as pmin=10 (1.2)",
        )
    if name == "discover":
        command.add_argument("--depth", type=number(int, 0, 3), help="levels below (1.2)")
    if name == "write-attributes":
        command.add_argument("attributes", nargs="+", metavar="NAME=VALUE")
    if _cancels(name):
        command.add_argument("--passive", action="store_true", help="by a Reset, later")
    command.add_argument("--sms", action="store_true", help="send it by SMS")
    command.add_argument("--no-wait", action="store_true", help="queue it and return")
    command.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="withdraw it after so long (never)"
    )


def _cancels(name: str) -> bool:
    return name.startswith("cancel")


def _format(text: str) -> int:
    """Read a content format by name or number, as an argument type."""
    if text.isdigit() and int(text) <= 65535:
        return int(text)
    if text not in formats.NAMES:
        raise argparse.ArgumentTypeError("%r is not one of %s" % (text, _ACCEPT_NAMES))
    return formats.NAMES[text]


def _served(text: str) -> tuple[str, ...]:
    """Read the versions that are served, as an argument type."""
    try:
        return tuple(versions.get(name).name for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _profile(text: str) -> tuple[str, str]:
    """Read a Profile ID and its object list, as an argument type."""
    name, _, listed = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError("%r is not ID=LINKS" % text)
    try:
        links.object_list(listed.encode())
    except links.LinkError as error:
        raise argparse.ArgumentTypeError("%r: %s" % (text, error)) from None
    return name, listed


def _value(text: str):
    """Read a value: file:PATH is what a file holds, the others are as formats.py says."""
    if not text.startswith("file:"):
        return formats.from_text(text)
    try:
        return Path(text[5:]).read_bytes()
    except OSError as error:
        raise ValueError("%s: %s" % (text, error.strerror)) from None


def command_of(options: argparse.Namespace) -> dict:
    """Translate the options into a command of the control socket; raises ValueError."""
    name = options.command
    command: dict = {"do": name}
    if getattr(options, "endpoint", None):
        command["endpoint"] = options.endpoint
    if name in ("clients", "client", "events", "statistics", "quit"):
        return command
    if name == "refuse":
        code = None if options.code == "own" else options.code
        more = {"max_age_s": options.max_age, "times": options.times or None}
        return {**command, "what": options.what, "code": code, **more}
    if name == "trigger":
        return {
            **command,
            "confirmable": options.con,
            "form": options.format,
            "argument": options.argument,
            "number": options.number,
        }
    if name in COMPOSITE:
        command.update(_several(name, options.paths))
    else:
        formats.parse_path(options.path)
        command["path"] = options.path
    if name == "direct":
        return {**command, "wait_s": options.wait}
    command.update(_details(name, options))
    if options.sms:
        command["via"] = "S"
    return {**command, "wait": not options.no_wait, "wait_s": options.timeout}


def _several(name: str, arguments: list[str]) -> dict:
    """Return what a composite operation names: paths, or values by path."""
    if name != "write-composite":
        for path in arguments:
            formats.parse_path(path)
        return {"paths": arguments}
    values = {}
    for argument in arguments:
        path, equals, text = argument.partition("=")
        if not equals:
            raise ValueError("%r is not PATH=VALUE" % argument)
        formats.parse_path(path)
        values[path] = formats.to_json(_value(text)) if text else None
    return {"values": values}


def _details(name: str, options: argparse.Namespace) -> dict:
    """Return the arguments of an operation that are its own."""
    details: dict = {}
    if name in ("write", "create"):
        details["value"] = formats.to_json(_value(options.value))
    if name == "write":
        details["replace"] = not options.partial
    if name == "execute":
        details["argument"] = options.argument
    if _cancels(name):
        details["passive"] = options.passive
    if getattr(options, "format", None) is not None:
        details["content_format"] = options.format
    if getattr(options, "accept", None) is not None:
        details["accept"] = options.accept
    if getattr(options, "depth", None) is not None:
        details["depth"] = options.depth
    if getattr(options, "attributes", None):
        pairs = [attribute.partition("=") for attribute in options.attributes]
        details["attributes"] = {key: value or None for key, _, value in pairs}
    return details
