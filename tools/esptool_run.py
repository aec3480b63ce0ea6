"""Run esptool, and say in one line what it could not do."""

import contextlib
import re
import shlex
import subprocess
import sys

from tools import serial_trouble
from tools.boards import Board

# 921600 is more than some boards' bridges do; the chip's own loader begins with 115200.
DEFAULT_BAUD = 460800
_FIRST_BAUD = 115200
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
    return _command(board, options, options.baud, options.after, *words)


def question(board: Board, options) -> list:
    """Return the command line that has esptool say how much flash a chip has.

    The chip stays in its boot loader, at the speed that it begins with: so it takes the next
    command without a reset, where it was brought there by hand.
    """
    return _command(board, options, min(options.baud, _FIRST_BAUD), "no-reset", "flash-id")


def _command(board, options, baud, after, *words):
    stub = ["--no-stub"] if options.no_stub else []
    return [
        sys.executable, "-m", "esptool", "--chip", board.chip, "--port", options.port,
        "--baud", str(baud), "--before", options.before, "--after", after,
        *stub, *words,
    ]  # fmt: skip


def flash_size(line: list, port: str, board: str) -> "int | None":
    """Run the `question`; return the bytes of flash, or None where the chip does not tell.

    Raises PortTrouble.
    """
    told = run(line, port, board, subprocess.PIPE)
    found = re.search(r"Detected flash size: (\d+)(KB|MB)", told)
    return int(found[1]) << (20 if found[2] == "MB" else 10) if found else None


def run(line: list, port: str, board: str, out: "int | None" = None) -> str:
    """Run a command line of esptool, whose progress is on standard output.

    out: subprocess.PIPE to have what it says there returned instead. Raises PortTrouble.
    """
    # Standard output stays the terminal's, so that esptool draws its bar.
    with subprocess.Popen(
        line, stdout=out, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as esptool:
        told = ""
        try:
            told, said = esptool.communicate()
        except KeyboardInterrupt:  # esptool has had it, too
            with contextlib.suppress(KeyboardInterrupt):
                esptool.wait(5)
            said = "cancelled by user"
    if esptool.returncode or said == "cancelled by user":
        raise serial_trouble.of_esptool(port, board, said)
    sys.stderr.write(said)  # a warning
    return told or ""


def shown(line: list) -> str:
    """Return a command line as a person types it."""
    return shlex.join(line)
