"""A board that runs MicroPython on a pseudo-terminal: the unix port itself, with its raw REPL, and
a LittleFS in a file as its flash, which outlives a pulled cable and a power cut.
"""

import os
import subprocess
import sys
import termios
import threading
import time
import tty
from pathlib import Path

from littlefs import LittleFS
from programs.pty_wire import PtyWire

from tools import build

BLOCK = 4096
_RAW, _FRIENDLY = 0x01, 0x02
_BOOT = Path(__file__).with_name("repl_peer_boot.py")


class Flash:
    """A board's flash in a file: an empty LittleFS at first."""

    def __init__(self, path: Path, blocks: int = 512):
        self.path = path
        self.blocks = blocks
        path.write_bytes(b"\xff" * BLOCK * blocks)
        self.put({})

    def _system(self):
        system = LittleFS(block_size=BLOCK, block_count=self.blocks, name_max=255, mount=False)
        system.context.buffer = bytearray(self.path.read_bytes())
        return system

    def put(self, files: dict) -> None:
        """Replace all files by {path: bytes}."""
        system = LittleFS(block_size=BLOCK, block_count=self.blocks, name_max=255)
        for path, data in files.items():
            if "/" in path:
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
            with system.open(path, "wb") as file:
                file.write(data)
        system.unmount()
        self.path.write_bytes(system.context.buffer)

    def files(self) -> dict:
        """Return {path: bytes} of what is there."""
        system = self._system()
        system.mount()
        found = {}
        for folder, _, names in system.walk("/"):
            for name in names:
                path = f"{folder}/{name}".lstrip("/")
                with system.open(path, "rb") as file:
                    found[path] = file.read()
        return found


class ReplPeer(PtyWire):
    """A board with `flash` that runs a program, until it is interrupted.

    asleep: it hears nothing until `press_reset`. mute: it has no MicroPython. After `pulled_after`
    bytes the cable is pulled, after `silent_after` bytes the board says nothing more. `starts`
    says of each start how it began: "power", "soft", "button".
    """

    def __init__(
        self, flash, asleep=False, mute=False, pulled_after=None, silent_after=None, at_repl=False
    ):
        super().__init__()
        self.flash = flash
        self.starts = []
        self.heard = 0
        self.asleep = asleep
        self._mute = mute
        self._pulled_after = pulled_after
        self._silent_after = silent_after
        self._silent = False
        self._raw = False
        self._booting = True
        self._process = None
        self._inner = None
        self._changing = threading.RLock()
        if not asleep and not mute:
            self._start("power", running=not at_repl)

    def __exit__(self, *nothing):
        super().__exit__(*nothing)
        self.power_cut()

    def power_cut(self):
        """End what runs, without notice."""
        with self._changing:
            process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def press_reset(self):
        """Press the button of a board that sleeps."""
        self.asleep = False
        self._start("button", running=True)

    def _start(self, how, running):
        with self._changing:
            self._booting = True
            inner, theirs = os.openpty()
            tty.setraw(theirs)
            # While code runs, Ctrl-C is a signal, as it is an interrupt on a board.
            modes = termios.tcgetattr(theirs)
            modes[3] |= termios.ISIG
            modes[6][termios.VINTR] = b"\x03"
            termios.tcsetattr(theirs, termios.TCSANOW, modes)
            self._inner = inner
            self._process = subprocess.Popen(
                [
                    sys.executable, str(_BOOT.with_name("on_terminal.py")), build.interpreter(),
                    "-i", str(_BOOT), str(self.flash.path), str(self.flash.blocks),
                    "run" if running else "repl",
                ],
                stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            )  # fmt: skip
            os.close(theirs)
            self.starts.append(how)
            if how == "soft":
                # Now that what was forked here has let go of the other end of the wire, which it
                # would keep from being opened again.
                self.send(b"MPY: soft reboot\r\n")
            threading.Thread(
                target=self._forward, args=(self._process, inner), daemon=True
            ).start()

    def _forward(self, process, inner):
        said = b""
        raw_again = self._raw  # a soft reset at the raw REPL ends there
        while True:
            try:
                data = os.read(inner, 4096)
            except OSError:
                data = b""
            if not data:
                break
            self._booting = False
            if raw_again:
                said += data
                if said.endswith(b">>> "):
                    raw_again = False
                    os.write(inner, b"\x01")
                continue
            if not self._silent:
                self.send(data)
        process.wait()
        with self._changing:
            os.close(inner)
            if self._inner == inner:
                self._inner = -1
            ended = self._process is process
            if ended:  # by Ctrl-D; who cuts the power forgets the process before
                self._start("soft", running=not self._raw)

    def received(self, data):
        if self.asleep or self._mute or self._booting:
            return
        for at, byte in enumerate(data):
            self.heard += 1
            if self._pulled_after is not None and self.heard > self._pulled_after:
                self._inject(data[:at])
                self.power_cut()
                self.pull()
                return
            if byte in (_RAW, _FRIENDLY):
                self._raw = byte == _RAW
        if self._silent_after is not None and self.heard > self._silent_after:
            self._silent = True
        self._inject(data)

    def _inject(self, data):
        # One by one: a Ctrl-C in the middle would make the terminal drop what it has not given on.
        with self._changing:
            for byte in data:
                try:
                    os.write(self._inner, bytes([byte]))
                except OSError:
                    return
                if byte == 3:
                    time.sleep(0.02)
