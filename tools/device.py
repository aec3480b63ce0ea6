"""A simulated board against any server: `python -m tools.device --server coap://HOST:PORT …`.

Events come out on standard output, one a line; commands go in on standard input, one JSON object a
line. The firmware's own commands are those of firmware/node/console.py (set, get, update, send,
deregister, register, state, reboot); the bench around it adds:

    {"do": "sms", "from": "+447700900123", "data": "54020001…"}  an 8-bit SMS arrives, data in hex
         optional: "dcs": 4, "udh": "0605040B84C002" (with its length octet), "pid": 0; or, instead
         of data, "pdu": a whole SMS-DELIVER in hex, SMSC part first
    {"do": "adc", "pin": 34, "microvolts": 715000}               a voltage on an analog input
    {"do": "fault", "name": "pdp_deact"}     the modem misbehaves: tools/virtual/modem.py
         has the names and what "value" each takes ("garbage": octets in hex)
    {"do": "power_cycle"}                    the battery comes off and on again
    {"do": "quit"}                           end

Each is answered by an event: the firmware's answer, `ok`, or `error` with a reason. A command to a
board in deep sleep wakes it, as a button would. Every event has `time` (Unix seconds) and `event`;
events of the firmware also have `now_ms`, its own monotonic clock.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from tools import build
from tools.board import HEAP_K, SimulatedBoard
from tools.cli import Parser, number, say
from tools.virtual.bridge import Bridge
from tools.virtual.modem import VirtualModem
from tools.virtual.network import Network
from tools.virtual.sms_pdu import PduError
from tools.virtual.timers import Timers

sys.path.insert(0, str(build.ROOT / "firmware"))
from node import config  # noqa: E402  the schema that the board reads its configuration with

_PERSONALITIES = {"sim800": "sim800l", "sim7000": "sim7000g"}
_DRAFT_BINDINGS = {"0": "U", "1": "UQ", "2": "S", "3": "SQ"}  # CR C.1, resource 10
_SIM_NUMBER = "+447700900456"  # from the range reserved for fiction


class Bench:
    """A simulated board with, where its link is a modem, a virtual modem on a virtual network.

    `site` is a checked configuration, `application` the path of an app.py or None.
    `on_event(source, name, facts)` is called with source "device", "bench", "modem" or "network".
    It must be made on a running event loop.
    """

    def __init__(
        self,
        site: dict,
        on_event,
        runtime: str = "micropython",
        application=None,
        nat_timeout_s: "float | None" = 60,
        modem_speed: float = 1.0,
        sim_number: str = _SIM_NUMBER,
        heap_k: int = HEAP_K,
        routes=None,
        pin="1234",
    ):
        self._on_event = on_event
        self._sms_door = None
        self._folder = Path(tempfile.mkdtemp(prefix="nudge-board-"))
        (self._folder / "site.json").write_text(json.dumps(site))
        if application:
            shutil.copy(application, self._folder / "app.py")
        self.network = self.modem = self.bridge = None
        self.sim_number = sim_number
        if site["link"] != "udp":
            timers = self._timers = Timers()
            self.network = Network(
                timers,
                nat_timeout_s=nat_timeout_s,
                on_event=lambda name, facts: on_event("network", name, facts),
                epoch_s=int(time.time()),
            )
            self.bridge = Bridge(self.network, routes)
            self.modem = VirtualModem(
                _PERSONALITIES[site["link"]],
                self.network,
                timers,
                sim_number,
                speed=modem_speed,
                pin=pin,
                on_event=lambda name, facts: on_event("modem", name, facts),
            )
            self.modem.supply(True)
        self.board = SimulatedBoard(self._folder, self._board_event, runtime, self.modem, heap_k)

    async def start(self) -> None:
        """Switch the board on."""
        await self.board.power_on()

    async def open_sms_port(self, port: int, number: str) -> None:
        """Put a modem with `number` on the network, which answers AT commands on a loopback TCP
        port.

        Raises OSError when the port cannot be bound.
        """
        modem = VirtualModem(
            "sim800l",
            self.network,
            self._timers,
            number,
            speed=10.0,
            imei="866000000000022",
            imsi="001010000000022",
            on_event=lambda name, facts: None,
            saved={"+IPR": 115200},
        )
        modem.supply(True)
        modem.pwrkey(True)
        self._timers.call_later(1500, modem.pwrkey, False)

        async def serve(reader, writer):
            modem.on_output = lambda data: writer.write(bytes(data))
            modem.dtr(False)
            while data := await reader.read(512):
                modem.write(data)
            writer.close()

        self._sms_door = await asyncio.start_server(serve, "127.0.0.1", port)

    async def stop(self) -> None:
        """Switch everything off and remove the board's file system."""
        await self.board.power_off()
        if self._sms_door:
            self._sms_door.close()
        if self.bridge:
            self.bridge.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _board_event(self, name, facts):
        source = "bench" if name in ("woken", "halted", "output") else "device"
        self._on_event(source, name, facts)

    async def command(self, line: str) -> bool:
        """Carry out one command line; return False when it was `quit`."""
        try:
            command = json.loads(line)
            what = command["do"]
            if not isinstance(what, str):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            self._error(None, f'not a command: {line.strip()[:60]}; use {{"do": …}}')
            return True
        if what == "quit":
            return False
        action = {
            "sms": self._sms,
            "adc": self._adc,
            "fault": self._fault,
            "power_cycle": self._power_cycle,
        }.get(what)
        if action is None:
            self.board.command(line.strip())
            return True
        try:
            await action(command)
        except KeyError as error:
            self._error(command, f"{error} is missing")
        except (ValueError, TypeError, AttributeError, PduError) as error:
            self._error(command, str(error))
        else:
            self._answer("ok", command, {})
        return True

    def _answer(self, name, command, facts):
        about = {key: command[key] for key in ("do", "id") if command and key in command}
        self._on_event("bench", name, {**about, **facts})

    def _error(self, command, reason):
        self._answer("error", command, {"reason": reason})

    async def _sms(self, command):
        if self.network is None:
            raise ValueError("this board has no modem; use --link sim800 or sim7000")
        if "pdu" in command:
            self.network.sms.deliver_pdu(self.sim_number, bytes.fromhex(command["pdu"]))
            return
        self.network.sms.send(
            command["from"],
            self.sim_number,
            bytes.fromhex(command["data"]),
            command.get("dcs", 4),
            bytes.fromhex(command.get("udh", "")),
            command.get("pid", 0),
        )

    async def _adc(self, command):
        self.board.set_analog(int(command["pin"]), int(command["microvolts"]))

    async def _fault(self, command):
        if self.modem is None:
            raise ValueError("this board has no modem; use --link sim800 or sim7000")
        value = command.get("value")
        if command["name"] == "garbage":
            value = bytes.fromhex(command["value"])
        self.modem.set_fault(command["name"], value)

    async def _power_cycle(self, command):
        await self.board.power_cycle()


def _parser():
    parser = Parser(
        prog="python -m tools.device",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="A simulated ESP32 board, running the real firmware, against an LwM2M server.",
        epilog="Commands on standard input, one JSON object a line: set, get, update, send,\n"
        "deregister, register, state, reboot (firmware/node/console.py); sms, adc,\n"
        "fault, power_cycle, quit (tools/device.py). Each is answered by an event.",
    )
    site = parser.add_argument_group("site configuration")
    site.add_argument("--config", metavar="FILE", help="a site.json, instead of the options below")
    site.add_argument("--server", metavar="URI", help="coap://HOST:PORT")
    site.add_argument(
        "--bootstrap", metavar="URI", help="the bootstrap server's, coap://HOST:PORT"
    )
    site.add_argument(
        "--endpoint", metavar="NAME", help="Endpoint Client Name (default: the IMEI)"
    )
    site.add_argument(
        "--link",
        choices=("udp", "sim800", "sim7000"),
        default="udp",
        help="udp = a plain socket, no modem (default)",
    )
    site.add_argument("--version", choices=("draft", "1.0", "1.1", "1.2"), default="1.1")
    site.add_argument("--lifetime", type=int, metavar="S", default=86400)
    site.add_argument(
        "--binding",
        default="U",
        help="U, S, US or SU; a Q in it means --queue; 0 to 3 as in the draft (default U)",
    )
    site.add_argument("--queue", action="store_true", help="ask for Queue Mode")
    site.add_argument(
        "--awake-time",
        type=int,
        metavar="S",
        help="seconds awake after the last message (default: as the version says)",
    )
    site.add_argument("--sms-number", metavar="NUMBER", help="the board's own number, for sms=")
    site.add_argument("--server-number", metavar="NUMBER", help="the server's, for triggers")
    site.add_argument(
        "--object",
        type=int,
        action="extend",
        nargs="+",
        default=[],
        metavar="ID",
        help="add an IPSO sensor, such as 3303; may be repeated",
    )
    site.add_argument(
        "--root-path", default="", metavar="PATH", help="alternate path, such as /lwm2m"
    )
    site.add_argument("--local-port", type=int, default=0, metavar="PORT")
    site.add_argument(
        "--sleep",
        choices=("deep", "idle", "none"),
        default=None,
        help="deep ends the process (default with a modem); idle keeps it",
    )
    bench = parser.add_argument_group("bench")
    bench.add_argument("--runtime", choices=("micropython", "cpython"), default="micropython")
    bench.add_argument("--app", metavar="FILE.py", help="the application that the board runs")
    bench.add_argument("--log", choices=("text", "json"), default="text")
    bench.add_argument("--trace", action="store_true", help="show modem and network events too")
    bench.add_argument(
        "--heap",
        type=number(int, 16, 1 << 20),
        default=HEAP_K,
        metavar="KIB",
        help=f"MicroPython heap in ESP32 KiB (default {HEAP_K})",
    )
    bench.add_argument(
        "--nat-timeout",
        type=number(float, 0, 86400),
        default=60,
        metavar="S",
        help="silence that closes a NAT mapping (default 60)",
    )
    bench.add_argument(
        "--sms-port",
        type=number(int, 1, 65535),
        metavar="PORT",
        help="a second modem, with the server's number, answers AT commands on\n"
        "this TCP port: for python -m tools.server --modem 127.0.0.1:PORT",
    )
    bench.add_argument(
        "--modem-speed",
        type=number(float, 0.01, 1000),
        default=1.0,
        metavar="X",
        help="10 boots and attaches ten times as fast (default 1)",
    )
    return parser


def site_from(options) -> dict:
    """Return the checked site configuration of parsed options; raises config.ConfigError."""
    if options.config:
        return config.load(options.config)
    if not options.server and not options.bootstrap:
        raise config.ConfigError("--server: missing; use coap://HOST:PORT, or --config FILE")
    more = {}
    if options.bootstrap:
        more["bootstrap"] = {"uri": options.bootstrap, "awake_time_s": options.awake_time}
    binding = _DRAFT_BINDINGS.get(options.binding, options.binding)
    return config.check(
        {
            "endpoint": options.endpoint,
            "version": options.version,
            "link": options.link,
            "local_port": options.local_port,
            "sms_number": options.sms_number,
            "root_path": options.root_path,
            "sleep": options.sleep or ("idle" if options.link == "udp" else "deep"),
            "modem": {} if options.link == "udp" else {"apn": "internet"},
            "servers": [
                {
                    "uri": options.server,
                    "lifetime_s": options.lifetime,
                    "binding": binding.replace("Q", ""),
                    "queue": options.queue or "Q" in binding,
                    "sms_number": options.server_number,
                    "awake_time_s": options.awake_time,
                }
            ]
            if options.server
            else [],
            **more,
            "objects": [
                {"object": number, "units": "Cel" if number == 3303 else None}
                for number in options.object
            ],
        }
    )


class Printer:
    """Prints events as `--log` asks; calls `unread` when nobody reads them any more."""

    def __init__(self, form: str, trace: bool, unread):
        self._form = form
        self._trace = trace
        self._unread = unread

    def __call__(self, source, name, facts):
        if source in ("modem", "network") and not self._trace:
            return
        if self._form == "json":
            line = {"time": round(time.time(), 3), "event": name, **facts}
            if source != "device":
                line["source"] = source
            self._say(json.dumps(line, default=str))
            return
        words = " ".join(f"{key}={facts[key]}" for key in facts if key != "now_ms")
        clock = time.strftime("%H:%M:%S") + f".{int(time.time() * 1000) % 1000:03d}"
        self._say(f"{clock} {source:<7} {name:<12} {words}".rstrip())

    def _say(self, line):
        if not say(line):
            self._unread()


async def _run(options, site):
    ended = asyncio.Event()
    bench = Bench(
        site,
        Printer(options.log, options.trace, ended.set),
        options.runtime,
        options.app,
        options.nat_timeout,
        options.modem_speed,
        site["sms_number"] or _SIM_NUMBER,
        options.heap,
        pin=site["modem"]["pin"] or "1234",
    )
    loop = asyncio.get_running_loop()
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(interrupt, ended.set)
    commands = asyncio.create_task(_commands(bench, ended))
    try:
        if options.sms_port:
            await bench.open_sms_port(options.sms_port, site["servers"][0]["sms_number"])
        await bench.start()
        await ended.wait()
    finally:
        commands.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await commands
        finally:
            await bench.stop()


async def _commands(bench, ended):
    """Take command lines until `quit`; the end of standard input leaves the board running."""
    lines = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read():
        # A thread, because standard input may be a pipe, a terminal, a file or nothing at all.
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()
    while True:
        line = await lines.get()
        if line.strip() and not await bench.command(line):
            ended.set()
            return


def _free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def main(arguments=None) -> int:
    """Run until `quit`, an interrupt or a signal; return the exit code, 2 for a wrong argument."""
    options = _parser().parse_args(arguments)
    if options.app and not Path(options.app).is_file():
        print(f"--app: {options.app}: no such file", file=sys.stderr)
        return 2
    try:
        site = site_from(options)
    except config.ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if options.sms_port and (site["link"] == "udp" or not site["servers"][0]["sms_number"]):
        print("--sms-port: needs --link sim800 or sim7000 and --server-number", file=sys.stderr)
        return 2
    if not _free(site["local_port"]):
        print(f"--local-port: {site['local_port']} is in use", file=sys.stderr)
        return 2
    site["log"] = "json"  # the bench reads it, and prints it as --log says
    try:
        asyncio.run(_run(options, site))
    except (build.BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
