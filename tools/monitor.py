"""Show what a board says: `python -m tools.monitor --port PORT [--timestamps]`, Ctrl-C ends it.

The board runs on: nothing is sent to it, and the port's lines do not reset it. A port that goes
away, because the board was unplugged, is looked for until it is back. A traceback is shown with
the names of the sources (tools/readable.py), of the firmware that this folder has built last.
"""

import codecs
import json
import re
import struct
import sys
import time

import serial
from serial.tools import list_ports

from tools import build, serial_trouble
from tools.cli import Parser, number, unread
from tools.readable import readable
from tools.serial_trouble import PortTrouble

_IDLE_S = 0.1  # without a byte: what is no whole line yet is shown
_AGAIN_S = 0.5
_NATIVE_USB = 0x303A  # Espressif's own: the chip is the port, and listens to DTR
_TRACEBACK = "Traceback (most recent call last):"
_LINE_MAX = 1000
_COLOUR = re.compile(r"\x1b\[[\d;]*m")  # of ESP-IDF's log
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Screen:
    """Shows octets of a board as lines of text, `put(text)` each piece.

    clock() gives the time to set before a line, or is None. short: {name: short name} of a build,
    for tracebacks.
    """

    def __init__(self, put, clock=None, short: "dict | None" = None):
        self._put = put
        self._clock = clock
        self._short = short or {}
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._line = ""
        self._shown = 0  # letters of it that are on the screen
        self._traceback: list = []

    def feed(self, data: bytes) -> None:
        """Show the lines that `data` ends."""
        *lines, self._line = (self._line + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._end(line)
        if len(self._line) > _LINE_MAX:  # noise, or what is no text
            self._end(self._line)
            self._line = ""

    def idle(self) -> None:
        """Show what is no whole line: a prompt, or a line whose end has not come."""
        rest = self._line.rstrip("\r")
        if len(rest) > self._shown:
            self._put(self._stamp() + _printable(rest[self._shown :]))
            self._shown = len(rest)

    def close(self) -> None:
        """End the line that was begun."""
        self.idle()
        if self._shown:
            self._put("\n")
            self._line, self._shown = "", 0

    def _end(self, line):
        line = line.rstrip("\r")
        text = line[self._shown :] if self._shown else self._named(line)
        self._put(self._stamp() + _printable(text) + "\n")
        self._shown = 0

    def _stamp(self):
        return "" if self._shown or not self._clock else self._clock() + " "

    def _named(self, line):
        """Return a line of a traceback with the names of the sources, any other as it is."""
        if line.startswith(_TRACEBACK):
            self._traceback = [line]
        elif self._traceback:
            self._traceback.append(line)
            named = readable("\n".join(self._traceback), self._short).split("\n")[-1]
            if not line.startswith(" ") or len(self._traceback) > 50:
                self._traceback = []
            return named
        return line


def _printable(text):
    """Return text that does nothing to a terminal."""
    text = _COLOUR.sub("", text)
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def open_quietly(port: str, baud: int) -> serial.Serial:
    """Open a port without resetting the board; raises PortTrouble.

    Two transistors of a board pull EN down where RTS is on and DTR off, GPIO0 where it is the
    other way round. The system switches both on, and pyserial off one after the other.
    """
    native = any(each.device == port and each.vid == _NATIVE_USB for each in list_ports.comports())
    line = serial.Serial()
    line.port, line.baudrate, line.timeout, line.exclusive = port, baud, _IDLE_S, True
    if sys.platform == "win32" and not native:
        line.dtr = line.rts = False  # taken both at once, when it is opened
    try:
        line.open()
        if sys.platform != "win32" and not native:
            _both_off(line)
    except (OSError, ValueError) as error:
        raise serial_trouble.of_port(port, error) from None
    return line


def _both_off(line):
    import fcntl
    import termios

    try:
        fcntl.ioctl(
            line.fileno(),
            termios.TIOCMBIC,
            struct.pack("I", termios.TIOCM_DTR | termios.TIOCM_RTS),
        )
    except OSError:  # a port without lines, such as a pseudo-terminal
        return


def watch(port: str, baud: int, screen: Screen, tell) -> None:
    """Show what comes from a port, for ever; raises PortTrouble where it is not there at first.

    tell(line): of a port that goes and comes.
    """
    serial_trouble.check(port)
    line = open_quietly(port, baud)
    try:
        while True:
            try:
                data = line.read(line.in_waiting or 1)
            except (OSError, TypeError):  # TypeError: pyserial's, of a port that is gone
                line.close()
                screen.close()
                tell(f"-- {port}: gone; waiting for it")
                line = _back(port, baud)
                tell(f"-- {port}: back")
                continue
            if data:
                screen.feed(data)
            else:
                screen.idle()
    finally:
        line.close()


def _back(port, baud):
    """Wait until a port is there again."""
    while True:
        time.sleep(_AGAIN_S)
        try:
            serial_trouble.check(port)
            return open_quietly(port, baud)
        except PortTrouble:  # not yet; or its permissions are not set yet
            continue


def _clock():
    now = time.time()
    return time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now * 1000) % 1000:03}"


def _short_names():
    try:
        return json.loads((build.BUILD / "short_names.json").read_text())
    except (OSError, ValueError):
        return {}


def main(arguments=None) -> int:
    """Show what one board says; return the exit code."""
    parser = Parser(prog="python -m tools.monitor", description=(__doc__ or "").split(":", 1)[0])
    parser.add_argument("--port", default="", metavar="PORT", help="such as /dev/ttyUSB0 or COM3")
    parser.add_argument("--baud", type=number(int, 300, 4_000_000), default=115200)
    parser.add_argument("--timestamps", action="store_true", help="say when each line began")
    parser.add_argument(
        "--as-it-is", action="store_true", help="leave the short names of a traceback as they are"
    )
    options = parser.parse_args(arguments)
    try:
        serial_trouble.check_given(options.port)
    except ValueError as error:
        parser.exit(2, f"{error}\n")

    def put(text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def tell(line):
        print(line, file=sys.stderr, flush=True)

    short = {} if options.as_it_is else _short_names()
    screen = Screen(put, _clock if options.timestamps else None, short)
    try:
        tell(f"-- {options.port} at {options.baud} baud; Ctrl-C ends this, the board runs on")
        watch(options.port, options.baud, screen, tell)
    except PortTrouble as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        unread()
    except KeyboardInterrupt:
        screen.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
