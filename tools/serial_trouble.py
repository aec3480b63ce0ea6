"""What goes wrong between this machine and a board on a serial port, each in one line with the way
out: of esptool (tools/flash.py, tools/erase.py), of mpremote (tools/live_board.py) and of a port.
"""

import errno
import os
import re
import sys
from pathlib import Path

import serial
from serial.tools import list_ports

from tools import boards

_NO_SYNC = (
    "no answer from the chip's boot loader: hold BOOT down while this runs again (some boards: "
    "hold BOOT, press RESET), and take a cable that has data lines"
)
_GONE = "the port went away: is the cable loose? Plug it in and run this again"
_SILENT = (
    "the chip stopped answering in the middle, and its flash may have half of it: run this again "
    "with --baud 115200, or with a shorter cable"
)
_DENIED = (
    "no permission: `sudo usermod -a -G dialout $USER` (Arch: uucp), log in anew, and run this "
    "again"
)
_BUSY = (
    "in use by another program: end it (make monitor, an editor, ModemManager; `fuser -v {port}` "
    "names it)"
)
# What esptool says, in this order; {0}, {1} … are the groups.
_ESPTOOL = (
    (r"No module named '?esptool", "esptool is not installed: run `make setup`"),
    (r"Errno 2\b|FileNotFoundError|cannot find the file", None),  # the ports that there are
    (r"Errno 13\b|Permission denied", _DENIED),
    (r"Errno 1[16]\b|exclusively lock|Access is denied|PermissionError", _BUSY),
    (
        r"This chip is (.+?), not (.+?)\. Wrong chip",
        "the chip is {0}, and BOARD={board} has {1}: is it the right port, the right BOARD?",
    ),
    (
        r"Wrong boot mode",
        "the chip ran its program instead of its boot loader: hold BOOT, press RESET, let go of "
        "BOOT, and run this again with --before no-reset",
    ),
    (
        r"but getting no sync reply",
        "the chip sends and does not hear: its RX line, or something else that is wired to it",
    ),
    (r"Failed to connect", _NO_SYNC),
    (
        r"Failed to start stub flasher",
        "the chip does not take esptool's loader: run this again with --no-stub, or a better "
        "cable and supply",
    ),
    (
        r"will not fit in (\d+) bytes of flash",
        "the chip's flash has {0} bytes, which the image does not fit in: is BOARD={board} right?",
    ),
    (
        r"does not support function erase_flash",
        "the chip's own boot loader cannot erase: leave --no-stub out",
    ),
    (
        r"MD5 of file does not match|flash region is empty",
        "flash does not hold what was written: run this again with --baud 115200; if it comes "
        "again, the board's supply or its flash is faulty",
    ),
    (
        r"Secure Boot|[Ss]ecurity features|[Ff]lash encryption|Secure Download",
        "the chip is locked (secure boot or flash encryption), and only its owner's tools write "
        "to it",
    ),
    (
        r"Flash write error|Failed SPI|Failed to (write|erase)",
        "the chip cannot write its flash: run this again; if it comes again, the board's supply "
        "or its flash is faulty",
    ),
    (
        r"returned no data|Input/output error|Errno [569]\b|Errno 19\b|No such device|"
        r"ClearCommError|disconnected|WriteFile failed|port that is not open|could not open port",
        _GONE,
    ),
    (
        r"stopped responding|No serial data|data stream stopped|content transfer stopped|"
        r"No more data to read|Invalid head of packet|Invalid SLIP|Response doesn't match|"
        r"Write timeout",
        _SILENT,
    ),
    (r"cancelled by user", "stopped, and flash may have half of it: run this again"),
)
_ERRNO = {
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EAGAIN: _BUSY,
    errno.EBUSY: _BUSY,
    errno.ENOTTY: "not a serial port",
    errno.EINVAL: "not a serial port",
    errno.EIO: _GONE,
    errno.ENXIO: _GONE,
    errno.ENODEV: _GONE,
}


class PortTrouble(Exception):
    """A port or a board that does not do as it has to; the text is one line with the way out."""


def ports() -> str:
    """Return the serial ports that this machine has, in words."""
    found = sorted(list_ports.comports())
    if not found:
        return "this machine sees no serial port: is the board plugged in, by a cable with data?"
    names = (
        port.device if port.description in (None, "n/a", port.device)
        else f"{port.device} ({port.description})"
        for port in found
    )  # fmt: skip
    return "there is " + ", ".join(names)


def check_given(port: str) -> str:
    """Return `port`; raises ValueError where none is given."""
    if not port:
        raise ValueError(f"PORT: missing; such as PORT=/dev/ttyUSB0: {ports()}")
    return port


def board_at(parser, options, of_host: str = "; python -m tools.device runs it") -> boards.Board:
    """Return the board that `options.board` names, which `options.port` is to lead to; ends the
    program with exit code 2 where either is missing or wrong.

    of_host: what is said besides of the simulated board, which no port leads to.
    """
    try:
        board = boards.load(options.board)
        if board.name == boards.SIMULATED:
            raise boards.BoardError(f"BOARD: host is the simulated board{of_host}")
        check_given(options.port)
    except (boards.BoardError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    return board


def check(port: str) -> None:
    """Look, without opening it, whether the port can be used; raises PortTrouble."""
    if "://" in port:  # pyserial's URLs: rfc2217://…, socket://…
        return
    if sys.platform == "win32":
        if port.upper() not in (each.device.upper() for each in list_ports.comports()):
            raise PortTrouble(f"{port}: no such port; {ports()}")
    elif not os.path.exists(port):
        raise PortTrouble(f"{port}: no such port; {ports()}")
    elif not os.access(port, os.R_OK | os.W_OK):
        raise PortTrouble(f"{port}: {_DENIED}")
    elif not Path(port).is_char_device():
        raise PortTrouble(f"{port}: not a serial port; {ports()}")


def of_port(port: str, error: Exception) -> PortTrouble:
    """Return what pyserial's or the system's error about a port means."""
    text = str(error)
    code = getattr(error, "errno", None)
    if code is None:  # pyserial's text then has the number in brackets
        found = re.search(r"\[Errno (\d+)\]|\((\d+), '", text)
        code = int(found[1] or found[2]) if found else None
    if code == errno.ENOENT:
        return PortTrouble(f"{port}: no such port; {ports()}")
    if code in _ERRNO:
        return PortTrouble(f"{port}: {_ERRNO[code].format(port=port)}")
    if "exclusively lock" in text or "Access is denied" in text or "PermissionError" in text:
        return PortTrouble(f"{port}: {_BUSY.format(port=port)}")
    if isinstance(error, serial.SerialException) or code is not None:
        return PortTrouble(f"{port}: {_GONE}")
    return PortTrouble(f"{port}: {text}")


def of_esptool(port: str, board: str, said: str) -> PortTrouble:
    """Return what esptool's last words mean; `said`: what it wrote on standard error."""
    for pattern, meaning in _ESPTOOL:
        found = re.search(pattern, said)
        if not found:
            continue
        if meaning is None:
            return PortTrouble(f"{port}: no such port; {ports()}")
        meaning = meaning.format(*found.groups(), port=port, board=board)
        return PortTrouble(f"{port}: {meaning}")
    words = " ".join(said.split())
    words = re.sub(r"^(ERROR: )?(A fatal error occurred: )?", "", words)
    return PortTrouble(f"{port}: esptool: {words or 'ended without a word'}")
