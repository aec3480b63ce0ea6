"""A board that runs MicroPython, on a serial port: interrupt it, read and write its files, start
it anew. By mpremote's transport.

What the board was doing ends with `connect`, as by Ctrl-C at its REPL; `restart` begins it again.
"""

import ast
import base64
import contextlib
import hashlib
import io
import struct
import sys
import time

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from tools import serial_trouble
from tools.serial_trouble import PortTrouble

NEW = ".new"  # behind the name of a file that is not whole yet
_QUIET_S = 2  # that a byte of the board may take
_ASK_S = 3  # until a board that is awake has shown its prompt
_BOOT_S = 6
_STEP_S = 1
_HOLD_S = 0.1
_PROMPT = b">>> "
_PIECE = 1536  # bytes of a file in a command, four letters for three of them
# Interrupts what runs, leaves a paste and the raw REPL, and shows the prompt. One Ctrl-C: a second
# would interrupt what the node does about the first (node/boot.py, at_repl).
_ATTENTION = b"\r\x03\r\x02"

# What the board is given to work with. Paths are relative to its root, where it starts.
_TOOLS = """
import os,hashlib
from binascii import hexlify,a2b_base64
b=memoryview(bytearray(512))
def h(p):
 s=hashlib.sha256()
 try:
  with open(p,'rb') as f:
   while 1:
    n=f.readinto(b)
    if not n:break
    s.update(b[:n])
 except OSError:
  return '?'
 return hexlify(s.digest()).decode()
def w(d):
 for e in os.ilistdir(d):
  p=d+'/'+e[0]
  if e[1]==0x4000:w(p)
  else:print(repr(p),repr(h(p)),sep=':',end=',')
"""
_LIST = """
try:
 os.chdir({folder})
 for e in os.ilistdir():
  if e[1]==0x4000:
   if e[0] in {rooms}:w(e[0])
  else:print(repr(e[0]),repr(h(e[0]) if e[0] in {names} else ''),sep=':',end=',')
except OSError as e:
 if e.errno!=2:raise
os.chdir('/')
"""
_FOLDER = """
try:os.mkdir({path})
except OSError as e:
 if e.errno!=17:raise
"""


def _why(port):
    """Open a port that mpremote could not, which does not say why."""
    try:
        serial.Serial(port, exclusive=True).close()
    except (OSError, ValueError) as error:
        return serial_trouble.of_port(port, error)
    return PortTrouble(f"{port}: could not be opened a moment ago; run this again")


class NoRoom(PortTrouble):
    """The board's file system is full."""


class LiveBoard:
    """A board at its raw REPL. Every method raises PortTrouble, with one line, where the board or
    the port does not do as it has to.
    """

    def __init__(self, port: str, transport: SerialTransport):
        self.port = port
        self._transport = transport

    @classmethod
    def connect(cls, port: str, wait_s: float, tell) -> "LiveBoard":
        """Interrupt the board and take its prompt.

        A board that does not answer, because it sleeps, is reset by the lines of its port, where
        those lead to the chip; else for `wait_s` a person may press its button, which
        `tell(line)` asks for.
        """
        serial_trouble.check(port)
        try:
            transport = SerialTransport(port, baudrate=115200, timeout=_QUIET_S)
        except (OSError, ValueError, TransportError):
            raise _why(port) from None
        board = cls(port, transport)
        try:
            board._take(wait_s, tell)
        except BaseException:
            board.close()
            raise
        return board

    def _take(self, wait_s, tell):
        with self._trouble("does not answer"):
            if not self._prompted(_ASK_S) and not self._reset_by_line(tell):
                tell(f"no answer: press the board's reset button (waiting {wait_s:.0f} s)")
                if not self._prompted(wait_s):
                    raise PortTrouble(
                        f"{self.port}: no MicroPython answers; is it the right port, is the board "
                        "on, and is MicroPython on it? `make flash` puts it there"
                    )
            # A soft reset, so that the memory is free of what ran.
            self._transport.enter_raw_repl(soft_reset=True)
            self.run(_TOOLS)

    def _prompted(self, seconds):
        """Interrupt the board again and again; return whether it has shown its prompt."""
        line = self._transport.serial
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            line.write(_ATTENTION)
            heard = b""
            step = time.monotonic() + _STEP_S
            while time.monotonic() < step:
                waiting = line.in_waiting
                if waiting:
                    heard += line.read(waiting)
                elif heard.endswith(_PROMPT):
                    return True
                else:
                    time.sleep(0.02)
        return False

    def _reset_by_line(self, tell):
        """Reset the chip by RTS, if the port has that; return whether it answers then."""
        line = self._transport.serial
        try:
            line.dtr = False  # with RTS this holds EN down, and not GPIO0
            line.rts = True
            time.sleep(_HOLD_S)
            line.rts = False
        except OSError:  # a pseudo-terminal
            return False
        tell("no answer: the board sleeps, or is busy; it was reset by its port's RTS line")
        return self._prompted(_BOOT_S)

    def run(self, code: str, timeout_s: float = 10) -> str:
        """Run code on the board and return what it printed."""
        with self._trouble("stopped answering"):
            data, error = self._transport.exec_raw(code, timeout=timeout_s)
            if error:
                raise TransportExecError(data, error.decode(errors="replace"))
            return data.decode(errors="replace")

    @contextlib.contextmanager
    def _trouble(self, what):
        """Turn what the transport raises into a line; what it prints is for nobody."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except TransportExecError as error:
            last = error.error_output.strip().splitlines()[-1:] or ["no reason"]
            if "ENOSPC" in last[0] or last[0] == "OSError: 28":
                raise NoRoom(
                    f"{self.port}: no room on the board's file system; remove files of yours "
                    "(`mpremote fs ls`, `mpremote fs rm`), or empty it: make erase, make flash"
                ) from None
            raise PortTrouble(f"{self.port}: the board says {last[0]}") from None
        except (TransportError, struct.error):
            raise PortTrouble(
                f"{self.port}: the board {what} in the middle: press its reset button, or plug it "
                "in again, and run this again"
            ) from None
        except (OSError, TypeError) as error:  # TypeError: closed in between
            raise serial_trouble.of_port(self.port, error) from None

    def micropython(self) -> tuple:
        """Return (version, what it runs on) of the board's MicroPython: ((1, 28), "… ESP32")."""
        code = "import sys\ni=sys.implementation\nprint((i[1][:2],getattr(i,'_machine','')))"
        return ast.literal_eval(self.run(code))

    def files(self, rooms, names, folder: str = "/") -> dict:
        """Return {path: SHA-256 in hexadecimal} of the files below `rooms`, folders, and of all
        that lie beside them: of these the hash only where it is of `names`, else "". All of them
        are in `folder`, and nothing where that is not there.
        """
        rooms, names = repr(set(rooms)), repr(set(names))
        code = _LIST.format(rooms=rooms, names=names, folder=repr(folder))
        return ast.literal_eval("{" + self.run(code, timeout_s=60) + "}")

    def free(self) -> tuple:
        """Return (bytes free, bytes of a block) of the file system."""
        block, count = ast.literal_eval(self.run("s=os.statvfs('/');print((s[1],s[4]))"))
        return block * count, block

    def folder(self, path: str) -> None:
        """Make a folder, where there is none."""
        self.run(_FOLDER.format(path=repr(path)))

    def write(self, path: str, data: bytes) -> None:
        """Write a file under another name, that of `path` and NEW; `rename` gives it its own."""
        name = repr(path + NEW)
        self.run(f"f=open({name},'wb')")
        for at in range(0, len(data), _PIECE):
            piece = base64.b64encode(data[at : at + _PIECE]).decode()
            self.run(f"f.write(a2b_base64({piece!r}))", timeout_s=30)
        got = self.run(f"f.close()\nprint(h({name}))", timeout_s=30).strip()
        if got != hashlib.sha256(data).hexdigest():
            raise PortTrouble(f"{self.port}: {path} arrived damaged; run this again")

    def rename(self, paths) -> None:
        """Give files that were written their names, in one go; what has these names is gone."""
        paths = list(paths)
        for at in range(0, len(paths), 32):
            self.run(f"for p in {paths[at : at + 32]!r}:os.rename(p+{NEW!r},p)", timeout_s=60)

    def remove(self, paths) -> None:
        """Remove files."""
        for path in paths:
            self.run(f"os.remove({path!r})", timeout_s=30)

    def restart(self) -> None:
        """Start the board as Ctrl-D at the prompt does: its main.py runs, RTC memory stays."""
        with self._trouble("stopped answering"):
            line = self._transport.serial
            line.write(_ATTENTION)
            self._transport.read_until(1, _PROMPT, timeout=_QUIET_S)
            line.write(b"\x04")
            self._transport.read_until(1, b"soft reboot\r\n", timeout=_QUIET_S)

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError, TypeError, serial.SerialException):
            self._transport.close()


def tell(line: str) -> None:
    """Tell a person what happens, beside what a program puts out."""
    print(line, file=sys.stderr, flush=True)
