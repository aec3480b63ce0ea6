"""The command line: `python -m tools.server` runs a server, sub-commands talk to a running one."""

import argparse
import asyncio
import json
import signal
import sys
import time

from ..at_modem import AtModem
from ..cli import say
from . import bootstrap
from .arguments import command_of, make_parser
from .control import DEFAULT_ADDRESS, ControlError, ControlServer, call, stream
from .core import LwM2mServer


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
        versions=options.versions,
        profiles=dict(options.profile),
        block_size=options.block_size,
        send_sms=send_sms,
    )
    if options.bootstrap:
        bootstrap.BootstrapServer(server, bootstrap.load(options.bootstrap), on_event)
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
    parser = make_parser()
    options = parser.parse_args(arguments)
    control = getattr(options, "control", DEFAULT_ADDRESS)
    as_json = getattr(options, "json", False)
    if control.isdigit() and int(control) > 65535:
        parser.error("--control %s is not a port: 0 to 65535, or a path" % control)
    try:
        if options.command is None:
            return asyncio.run(_serve(options, control, as_json))
        try:
            command = command_of(options)
        except ValueError as error:
            parser.error(str(error))
        return asyncio.run(_ask(options, command, control, as_json))
    except (ControlError, bootstrap.ConfigurationError) as error:
        print("server: %s" % error, file=sys.stderr)
        return 1
    except OSError as error:
        print("server: %s" % (error.strerror or error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
