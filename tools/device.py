"""A simulated board against any server: `python -m tools.device --server coap://HOST:PORT …`.

Events come out on standard output, one a line; commands go in on standard input, one JSON object a
line. The firmware's own commands are those of firmware/node/console.py (set, get, update, send,
deregister, register, bootstrap, state, reboot, factory_reset); the bench around it adds:

    {"do": "sms", "from": "+447700900123", "data": "54020001…"}  an 8-bit SMS arrives, data in hex
         optional: "dcs": 4, "udh": "0605040B84C002" (with its length octet), "pid": 0; or, instead
         of data, "pdu": a whole SMS-DELIVER in hex, SMSC part first
    {"do": "adc", "pin": 34, "microvolts": 715000}               a voltage on an analog input
    {"do": "pin", "pin": 32, "level": 0}     a level on a pin, 1 until then; a board that sleeps
         until the contact at it moves wakes
    {"do": "probe", "pin": 18, "celsius": 19.75}  what a DS18B20 there measures, 21.5 until then;
         null: it does not answer
    {"do": "fault", "name": "pdp_deact"}     the modem misbehaves: tools/virtual/faults.py
         has the names, what "value" each takes ("garbage": octets in hex) and when it strikes
         ("ms", "after", "after_in", "at"); or the network does: set_fault of virtual/network.py
    {"do": "gnss", "latitude": 59.913868, "longitude": 10.752245}  where a SIM7000, SIM7080 is
         optional: "fix_s": 30 (from the receiver's start to a fix), "altitude": 114.6 (m),
         "speed": 0 (km/h), "course": 90, "accuracy": 5 (m), "fed": false (nothing but pin 48 of
         the modem feeds the antenna); without a place nothing is received
    {"do": "power_cycle"}                    the battery comes off and on again
    {"do": "quit"}                           end

With --uart, the modem is not virtual: it is on a serial port, or another program plays it, such as
`python -m tools.modem`. Then `fault`, `gnss` and `sms` are refused, datagrams go where the modem
sends them, and of the modem's lines those are wired that the port has: DTR and RI of a serial
port, none of tcp: and pty:, where a sleeping board is woken by the first byte that comes.

Each is answered by an event: the firmware's answer, `ok`, or `error` with a reason. A command to a
board in deep sleep wakes it, as a button would. Every event has `time` (Unix seconds) and `event`;
events of the firmware also have `now_ms`, its own monotonic clock.
"""

import argparse
import asyncio
import contextlib
import functools
import signal
import socket
import sys
from pathlib import Path

from tools import build
from tools.board import HEAP_K
from tools.cellular import SIM_NUMBER
from tools.cli import Parser, checked, number, virtual_modem_options
from tools.console import Printer, on_interrupt, take_commands
from tools.desk import Bench
from tools.uart_port import DEFAULT_BAUD, FarModem, check, wired

sys.path.insert(0, str(build.ROOT / "firmware"))
from node import config  # noqa: E402  the schema that the board reads its configuration with

_LINKS = ("udp", "sim800", "sim7000", "sim7080")
_DRAFT_BINDINGS = {"0": "U", "1": "UQ", "2": "S", "3": "SQ"}  # CR C.1, resource 10


def _parser():
    parser = Parser(
        prog="python -m tools.device",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="A simulated ESP32 board, running the real firmware, against an LwM2M server.",
        epilog="Commands on standard input, one JSON object a line: set, get, update, send,\n"
        "deregister, register, bootstrap, state, reboot, factory_reset\n"
        "(firmware/node/console.py); sms, adc, pin, probe, fault, gnss, power_cycle,\n"
        "quit (tools/device.py). Each is answered by an event.",
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
        choices=_LINKS,
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
        choices=("deep", "light", "idle", "none"),
        default=None,
        help="deep ends the process (default with a modem); the others keep it",
    )
    bench = parser.add_argument_group("bench")
    bench.add_argument(
        "--uart",
        type=checked(check),
        metavar="WHERE",
        help="the modem is a real one, or played by another program, at tcp:HOST:PORT,\n"
        "pty:PATH or a serial port such as /dev/ttyUSB0 or COM3; needs --link",
    )
    bench.add_argument(
        "--baud",
        type=number(int, 1200, 921_600),
        metavar="N",
        help="the rate the firmware begins with, and sets (default 115200)",
    )
    bench.add_argument(
        "--lines",
        type=checked(wired),
        metavar="LINES",
        help="with a serial port: which of its lines lead to the modem, dtr,ri\n"
        "(default), dtr, ri or none",
    )
    bench.add_argument("--runtime", choices=("micropython", "cpython"), default="micropython")
    bench.add_argument("--app", metavar="FILE.py", help="the application that the board runs")
    bench.add_argument(
        "--prompt",
        action="store_true",
        help="MicroPython's prompt is on this terminal: Ctrl-C leads to it, Ctrl-D ends\n"
        "(boards/REPL.md)",
    )
    virtual_modem_options(bench, "--modem-speed")
    bench.add_argument(
        "--heap",
        type=number(int, 16, 1 << 20),
        default=HEAP_K,
        metavar="KIB",
        help=f"MicroPython heap in ESP32 KiB (default {HEAP_K})",
    )
    bench.add_argument(
        "--sms-port",
        type=number(int, 1, 65535),
        metavar="PORT",
        help="a second modem, with the server's number, answers AT commands on\n"
        "this TCP port: for python -m tools.server --modem 127.0.0.1:PORT",
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


async def _run(options, site):
    ended = asyncio.Event()
    printer = Printer(options.log, options.trace, ended.set)
    if options.prompt:

        def printer(source, name, facts, told=printer):
            if name == "left":
                ended.set()
            elif options.trace or name == "error":
                told(source, name, facts)

    far = None
    if options.uart:
        rate = site["modem"]["baudrate"] or DEFAULT_BAUD
        far = FarModem(options.uart, rate, functools.partial(printer, "bench"), options.lines)
        await far.open()
    bench = Bench(
        site,
        printer,
        options.runtime,
        options.app,
        60 if options.nat_timeout is None else options.nat_timeout,
        options.modem_speed or 1.0,
        site["sms_number"] or SIM_NUMBER,
        options.heap,
        pin=site["modem"]["pin"] or "1234",
        far=far,
        prompt=options.prompt,
    )
    if options.prompt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the board's
        commands = asyncio.create_task(asyncio.sleep(0))
    else:
        on_interrupt(ended.set)
        commands = asyncio.create_task(take_commands(bench.command, ended))
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


def _free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def _uart_problem(options, link):
    """What is wrong with --uart and what belongs to it, or None."""
    if options.baud and link == "udp":
        return "--baud: needs --link sim800, sim7000 or sim7080"
    if not options.uart:
        return "--lines: needs --uart" if options.lines is not None else None
    if link == "udp":
        return "--uart: needs --link sim800, sim7000 or sim7080"
    for name in ("sms_port", "nat_timeout", "modem_speed", "trace"):
        if getattr(options, name):
            return f"--{name.replace('_', '-')}: not with --uart, where no modem is virtual"
    return None


def main(arguments=None) -> int:
    """Run until `quit`, an interrupt or a signal; return the exit code, 2 for a wrong argument."""
    options = _parser().parse_args(arguments)
    if options.app and not Path(options.app).is_file():
        print(f"--app: {options.app}: no such file", file=sys.stderr)
        return 2
    if options.prompt and options.runtime != "micropython":
        print("--prompt: needs --runtime micropython", file=sys.stderr)
        return 2
    problem = None if options.config else _uart_problem(options, options.link)
    if problem:
        print(problem, file=sys.stderr)
        return 2
    try:
        site = site_from(options)
    except config.ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if options.sms_port and (site["link"] == "udp" or not site["servers"][0]["sms_number"]):
        print("--sms-port: needs --link sim800 or sim7000 and --server-number", file=sys.stderr)
        return 2
    problem = _uart_problem(options, site["link"])
    if problem:
        print(problem, file=sys.stderr)
        return 2
    if options.baud:
        site["modem"]["baudrate"] = options.baud
    if not _free(site["local_port"]):
        print(f"--local-port: {site['local_port']} is in use", file=sys.stderr)
        return 2
    site["log"] = "json"  # the bench reads it, and prints it as --log says
    if options.prompt:
        site["log"] = "text"  # a person does
    try:
        asyncio.run(_run(options, site))
    except (build.BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
