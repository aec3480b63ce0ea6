"""The command line: `python -m tools.server` runs a server, sub-commands talk to a running one."""

import argparse
import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from ..at_modem import AtModem
from ..cli import Parser, number, say
from . import blockwise, formats, trigger
from .control import DEFAULT_ADDRESS, ControlError, ControlServer, call, stream
from .core import LwM2mServer

_EPILOG = """\
Without a command, the server runs and prints its events until interrupted.
In another terminal, for example:
  python -m tools.server clients
  python -m tools.server read sensor-1 /3303/0/5700
  python -m tools.server write sensor-1 /1/0/1 3600
  python -m tools.server trigger sensor-1
A request for a client in Queue Mode waits until the client shows; `trigger`
makes it show, by SMS, if the server was started with --modem.
"""

_ACCEPT_NAMES = ", ".join(formats.NAMES)


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


def _parser() -> argparse.ArgumentParser:
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
    parser = Parser(
        prog="python -m tools.server",
        description="An LwM2M server for clients of versions draft, 1.0 and 1.1.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (127.0.0.1)")
    parser.add_argument("--port", type=number(int, 0, 65535), default=5683, help="UDP port (5683)")
    parser.add_argument(
        "--awake",
        type=number(float, 0, 86400),
        metavar="SECONDS",
        help="how long a Queue Mode client stays awake"
        " after its last message (93, and 2 for the draft)",
    )
    parser.add_argument(
        "--default-version",
        choices=("1.0", "draft"),
        default="1.0",
        help="of clients that name none (1.0)",
    )
    parser.add_argument(
        "--block-size",
        type=_block_size,
        default=1024,
        metavar="BYTES",
        help="of what goes in blocks, 16 to 1024; below 1024 clients are asked for it, too (1024)",
    )
    parser.add_argument(
        "--modem", metavar="PORT", help="modem to send SMS with: a serial port or HOST:PORT"
    )
    parser.add_argument("--baud", type=int, default=115200, help="of the modem (115200)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

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
    return parser


def _add_operation(command: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments that an operation has besides endpoint and path."""
    if name in ("write", "create"):
        command.add_argument("value", metavar="VALUE")
        command.add_argument("--format", choices=formats.NAMES, metavar="NAME", help=_ACCEPT_NAMES)
    if name == "write":
        command.add_argument("--partial", action="store_true", help="partial update (POST)")
    if name == "execute":
        command.add_argument("argument", nargs="?", metavar="ARGUMENT")
    if name in ("read", "observe"):
        command.add_argument("--accept", choices=formats.NAMES, metavar="NAME", help=_ACCEPT_NAMES)
    if name == "write-attributes":
        command.add_argument("attributes", nargs="+", metavar="NAME=VALUE")
    if name == "cancel":
        command.add_argument("--passive", action="store_true", help="by a Reset, later")
    command.add_argument("--sms", action="store_true", help="send it by SMS")
    command.add_argument("--no-wait", action="store_true", help="queue it and return")
    command.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="withdraw it after so long (never)"
    )


def _value(text: str):
    """Read a value: file:PATH is what a file holds, the others are as formats.py says."""
    if not text.startswith("file:"):
        return formats.from_text(text)
    try:
        return Path(text[5:]).read_bytes()
    except OSError as error:
        raise ValueError("%s: %s" % (text, error.strerror)) from None


def _command_of(options: argparse.Namespace) -> dict:
    """Translate the options into a command of the control socket; raises ValueError."""
    name = options.command
    command: dict = {"do": name}
    if name == "events" and options.endpoint:
        command["endpoint"] = options.endpoint
    if name in ("clients", "events", "statistics", "quit"):
        return command
    command["endpoint"] = options.endpoint
    if name == "client":
        return command
    if name == "trigger":
        return {
            **command,
            "confirmable": options.con,
            "form": options.format,
            "argument": options.argument,
            "number": options.number,
        }
    formats.parse_path(options.path)
    command["path"] = options.path
    if name == "direct":
        return {**command, "wait_s": options.wait}
    if name in ("write", "create"):
        command["value"] = formats.to_json(_value(options.value))
        if options.format:
            command["content_format"] = formats.NAMES[options.format]
    if name == "write":
        command["replace"] = not options.partial
    if name == "execute":
        command["argument"] = options.argument
    if getattr(options, "accept", None):
        command["accept"] = formats.NAMES[options.accept]
    if name == "write-attributes":
        pairs = [attribute.partition("=") for attribute in options.attributes]
        command["attributes"] = {key: value or None for key, _, value in pairs}
    if name == "cancel":
        command["passive"] = options.passive
    if options.sms:
        command["via"] = "S"
    return {**command, "wait": not options.no_wait, "wait_s": options.timeout}


def event_text(name: str, facts: dict) -> str:
    """Write an event as one line of text."""
    rest = dict(facts)
    endpoint = rest.pop("endpoint", "")
    parts = [
        "%s=%s" % (key, value if isinstance(value, str) else json.dumps(value))
        for key, value in rest.items()
        if value not in (None, [], "")
    ]
    return "%-18s %-16s %s" % (name, endpoint, " ".join(parts))


async def _serve(options: argparse.Namespace, control: str, as_json: bool) -> int:
    stopped = asyncio.Event()

    def on_event(name: str, facts: dict) -> None:
        now = time.time()
        if as_json:
            line = json.dumps({"event": name, "time": round(now, 3), **facts})
        else:
            clock = time.strftime("%H:%M:%S", time.localtime(now))
            line = "%s.%03d %s" % (clock, int(now * 1000) % 1000, event_text(name, facts))
        if not say(line.rstrip()):
            stopped.set()
        control_server.publish(name, facts)

    modem = None
    if options.modem:
        modem = AtModem(options.modem, options.baud)

    async def send_sms(number: str, user_data: bytes, dcs: int, udh: bytes) -> None:
        if modem is None:
            raise OSError("no modem; start the server with --modem PORT")
        await modem.send_sms("+" + number, user_data, dcs, udh)

    server = LwM2mServer(
        options.host,
        options.port,
        on_event=on_event,
        awake_s=options.awake,
        default_version=options.default_version,
        block_size=options.block_size,
        send_sms=send_sms,
    )
    control_server = ControlServer(server, control, stopped.set)
    loop = asyncio.get_running_loop()
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(interrupt, stopped.set)
    try:
        if modem is not None:
            await modem.open()
        await control_server.start()
        await server.start()
        await stopped.wait()
    finally:
        await server.close()
        await control_server.close()
        if modem is not None:
            modem.close()
    return 0


def _print_answer(options: argparse.Namespace, answer: dict) -> int:
    """Print an answer as text; returns the exit code."""
    if options.command == "clients":
        for client in answer["clients"]:
            line = "%-20s %-6s %-21s lt=%ds b=%s" % (
                client["endpoint"],
                client["version"],
                client["address"],
                client["lifetime_s"],
                client["binding"],
            )
            line += " %s" % client["state"]
            if client["waiting"]:
                line += ", %d waiting" % client["waiting"]
            print(line)
        if not answer["clients"]:
            print("no client is registered")
        return 0
    if "result" in answer:
        result = answer["result"]
        if result is None:
            print("nothing came back" if options.command == "direct" else "done")
            return 1 if options.command == "direct" else 0
        value = result.get("value")
        if options.command == "discover" and isinstance(value, list):
            for link in value:
                attributes = ["%s=%s" % item for item in link.items() if item[0] != "target"]
                print(" ".join([link["target"], *attributes]))
        elif value is not None:
            print(value if isinstance(value, str) else json.dumps(value))
        failed = not result["code"].startswith("2")
        if failed or value is None:
            text = ": " + result["error"] if result.get("error") else ""
            print(result["code"] + text, file=sys.stderr if failed else sys.stdout)
        return 1 if failed or result.get("error") else 0
    if "sms" in answer:
        print("trigger sent to %s" % answer["sms"]["number"])
        return 0
    rest = {key: value for key, value in answer.items() if key != "ok"}
    if options.command in ("client", "statistics"):
        print(json.dumps(rest.get("client", rest), indent=2))
    elif "state" in rest:
        print("queued; the client is %s" % rest["state"])
    return 0


async def _ask(options: argparse.Namespace, command: dict, control: str, as_json: bool) -> int:
    if command["do"] == "events":
        async for answer in stream(control, command):
            name = answer.get("event")
            if name is None:
                continue
            if as_json:
                line = json.dumps(answer)
            else:
                clock = time.strftime("%H:%M:%S", time.localtime(answer["time"]))
                facts = {k: v for k, v in answer.items() if k not in ("event", "time")}
                line = ("%s %s" % (clock, event_text(name, facts))).rstrip()
            if not say(line):
                break
        return 0
    answer = await call(control, command)
    if not as_json:
        return _print_answer(options, answer)
    print(json.dumps(answer))
    result = answer.get("result")
    return 0 if not result or result["code"].startswith("2") else 1


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    control = getattr(options, "control", DEFAULT_ADDRESS)
    as_json = getattr(options, "json", False)
    if control.isdigit() and int(control) > 65535:
        parser.error("--control %s is not a port: 0 to 65535, or a path" % control)
    try:
        if options.command is None:
            return asyncio.run(_serve(options, control, as_json))
        try:
            command = _command_of(options)
        except ValueError as error:
            parser.error(str(error))
        return asyncio.run(_ask(options, command, control, as_json))
    except ControlError as error:
        print("server: %s" % error, file=sys.stderr)
        return 1
    except OSError as error:
        print("server: %s" % (error.strerror or error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
