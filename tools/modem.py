"""A virtual modem for whoever wants one: `python -m tools.modem tcp:127.0.0.1:7000`.

Its AT commands are answered on a TCP port, tcp:HOST:PORT (port 0: a free one), or on a
pseudo-terminal that pty:PATH becomes a name of. It is switched on, and again whenever it has gone
off; its datagrams go to real sockets, from this machine's loopback. Whoever connects is its host;
there is one at a time. On the other end:

    python -m tools.device --uart tcp:127.0.0.1:7000 --link sim7000 --server coap://HOST:PORT …

Events come out on standard output, one a line; commands go in on standard input, one JSON object a
line: {"do": "sms", …}, {"do": "fault", …} and {"do": "gnss", …} as tools/device.py has them,
{"do": "quit"}.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tty

from tools.cellular import SIM_NUMBER, Cellular, keep_on
from tools.cli import Parser, checked, virtual_modem_options
from tools.console import Printer, on_interrupt, take_commands
from tools.uart_port import check
from tools.virtual import profiles
from tools.virtual.sms_pdu import PduError


class Door:
    """Where the modem's UART comes out; `open` says where that is."""

    def __init__(self, where: str, modem, on_event):
        self._kind, _, self._rest = where.partition(":")
        self._modem = modem
        self._on_event = on_event
        self._server = self._writer = None
        self._ends = ()

    async def open(self) -> str:
        """Open it; return the --uart argument of the other side. Raises OSError."""
        if self._kind == "pty":
            return self._open_terminal()
        host, _, port = self._rest.rpartition(":")
        self._server = await asyncio.start_server(self._serve, host.strip("[]"), int(port))
        return f"tcp:{host}:{self._server.sockets[0].getsockname()[1]}"

    def _open_terminal(self):
        if os.path.lexists(self._rest) and not os.path.islink(self._rest):
            raise FileExistsError(0, "there is such a file, and it is no link", self._rest)
        self._ends = os.openpty()  # the second one stays open, so that its user may come and go
        tty.setraw(self._ends[1])
        os.set_blocking(self._ends[0], False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._rest)
        os.symlink(os.ttyname(self._ends[1]), self._rest)
        self._modem.on_output = self._to_terminal
        asyncio.get_running_loop().add_reader(self._ends[0], self._from_terminal)
        return f"pty:{self._rest}"

    def _from_terminal(self):
        self._modem.write(os.read(self._ends[0], 4096))

    def _to_terminal(self, data):
        with contextlib.suppress(BlockingIOError):  # nobody reads: what does not fit is lost
            os.write(self._ends[0], data)

    async def _serve(self, reader, writer):
        if self._writer:
            self._on_event("bench", "error", {"reason": "one host at a time; refused another"})
            writer.close()
            return
        self._writer = writer
        self._modem.on_output = lambda data: writer.write(bytes(data))
        self._on_event("bench", "host", {"state": "connected"})
        with contextlib.suppress(OSError):
            while data := await reader.read(512):
                self._modem.write(data)
        self._modem.on_output = self._writer = None
        writer.close()
        self._on_event("bench", "host", {"state": "gone"})

    def close(self) -> None:
        """Close it, and the connection of its host."""
        if self._server:
            self._server.close()
        if self._writer:
            self._writer.close()
        if self._ends:
            asyncio.get_running_loop().remove_reader(self._ends[0])
            for end in self._ends:
                os.close(end)
            with contextlib.suppress(OSError):
                os.unlink(self._rest)


def _where(text):
    if text.startswith("tcp:") and text.endswith(":0"):
        check(text[:-1] + "1")
        return text
    if not text.startswith(("tcp:", "pty:")):
        raise ValueError(f"{text!r} is not allowed; use tcp:HOST:PORT or pty:PATH")
    return check(text)


def _profile(text):
    profiles.get(text)
    return text


def _parser():
    parser = Parser(
        prog="python -m tools.modem",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="A virtual modem on a TCP port or a pseudo-terminal.",
    )
    parser.add_argument(
        "where", type=checked(_where), help="tcp:HOST:PORT (port 0: a free one) or pty:PATH"
    )
    parser.add_argument(
        "--type",
        type=checked(_profile),
        default="sim7000g",
        metavar="NAME",
        help="sim800l, sim800c, sim7000g, sim7080g … (default sim7000g)",
    )
    parser.add_argument("--number", default=SIM_NUMBER, help="of its SIM card")
    parser.add_argument("--pin", help="the SIM card asks for it")
    virtual_modem_options(parser, "--speed")
    parser.set_defaults(nat_timeout=60, speed=1.0)
    return parser


async def _run(options):
    ended = asyncio.Event()
    printer = Printer(options.log, options.trace, ended.set)
    cellular = Cellular(
        options.type,
        options.number,
        printer,
        options.nat_timeout,
        options.speed,
        pin=options.pin or "1234",
    )
    modem = cellular.modem
    if options.pin:
        modem.set_fault("sim", "pin")
    modem.dtr(False)  # neither port has that line
    door = Door(options.where, modem, printer)

    async def command(line):
        about = {}
        try:
            given = json.loads(line)
            about = {key: given[key] for key in ("do", "id") if key in given}
            if given["do"] == "quit":
                return False
            actions = {"sms": cellular.sms, "fault": cellular.fault, "gnss": cellular.gnss}
            if given["do"] not in actions:
                raise ValueError("no such command; use sms, fault, gnss or quit")
            actions[given["do"]](given)
        except KeyError as error:
            printer("bench", "error", {**about, "reason": f"{error} is missing"})
        except (ValueError, TypeError, AttributeError, PduError) as error:
            printer("bench", "error", {**about, "reason": str(error)})
        else:
            printer("bench", "ok", about)
        return True

    on_interrupt(ended.set)
    tasks = []
    try:
        printer("bench", "listening", {"uart": await door.open(), "type": options.type})
        tasks.append(asyncio.create_task(take_commands(command, ended)))
        tasks.append(asyncio.create_task(keep_on(modem)))
        await ended.wait()
    finally:
        for task in tasks:
            task.cancel()
        door.close()
        cellular.close()


def main(arguments=None) -> int:
    """Run until `quit`, an interrupt or a signal; return the exit code, 2 for a wrong argument."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(options))
    except OSError as error:
        reason = error.strerror or str(error)
        print(f"{options.where}: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
