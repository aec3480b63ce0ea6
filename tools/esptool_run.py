"""Run esptool, and say in one line what it could not do."""

import contextlib
import shlex
import subprocess
import sys

from tools import serial_trouble
from tools.boards import Board

# 921600 is more than some boards' bridges do; the chip's own loader begins with 115200.
DEFAULT_BAUD = 460800
_BEFORE = ("default-reset", "usb-reset", "no-reset")
_AFTER = ("hard-reset", "soft-reset", "no-reset", "watchdog-reset")


def add_options(parser) -> None:
    """Add the options of a program that runs esptool."""
    parser.add_argument("--board", default="", metavar="NAME")
    parser.add_argument("--port", default="", metavar="PORT", help="such as /dev/ttyUSB0 or COM3")
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD, help=f"default {DEFAULT_BAUD}")
    parser.add_argument(
        "--before",
        choices=_BEFORE,
        default=_BEFORE[0],
        help="how the chip gets into its boot loader (no-reset: by hand)",
    )
    parser.add_argument("--after", choices=_AFTER, default=_AFTER[0], help="what starts it again")
    parser.add_argument(
        "--no-stub", action="store_true", help="use the chip's own boot loader alone; slower"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the command of esptool, and do nothing"
    )


def command(board: Board, options, *words) -> list:
    """Return the command line that has esptool carry out `words`."""
    stub = ["--no-stub"] if options.no_stub else []
    return [
        sys.executable, "-m", "esptool", "--chip", board.chip, "--port", options.port,
        "--baud", str(options.baud), "--before", options.before, "--after", options.after,
        *stub, *words,
    ]  # fmt: skip


def run(line: list, port: str, board: str) -> None:
    """Run a command line of esptool, whose progress is on standard output.

    Raises PortTrouble.
    """
    # Standard output stays the terminal's, so that esptool draws its bar.
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, errors="replace") as esptool:
        try:
            said = esptool.stderr.read() if esptool.stderr else ""
        except KeyboardInterrupt:  # esptool has had it, too
            with contextlib.suppress(KeyboardInterrupt):
                esptool.wait(5)
            said = "cancelled by user"
    if esptool.returncode or said == "cancelled by user":
        raise serial_trouble.of_esptool(port, board, said)
    sys.stderr.write(said)  # a warning


def shown(line: list) -> str:
    """Return a command line as a person types it."""
    return shlex.join(line)
