"""make monitor: what a board says on a pseudo-terminal, and that it is left alone."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time

import pytest
from programs.pty_wire import PtyWire

from tools import build, monitor
from tools.monitor import Screen
from tools.serial_trouble import PortTrouble


class Talker(PtyWire):
    """A board that talks; `heard` is what it was sent."""

    def __init__(self):
        super().__init__()
        self.heard = b""

    def received(self, data):
        self.heard += data


class Monitor:
    """The program, whose output is read as it comes."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tools.monitor", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        self.said = ""

    def until(self, text):
        """Wait until the program has said `text`; return all that it said."""
        end = time.monotonic() + 20
        while text not in self.said:
            assert time.monotonic() < end and self.process.poll() is None, self.said
            self.said += (self.process.stdout.read() or b"").decode()
            time.sleep(0.02)
        return self.said

    def stop(self):
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)


def test_what_a_board_says_and_that_it_is_left_alone():
    """ISSUE 6: lines, a prompt, octets that are no text; nothing is sent; Ctrl-C ends with 0."""
    with Talker() as board:
        program = Monitor("--port", board.path)
        program.until(f"-- {board.path} at 115200 baud; Ctrl-C ends this, the board runs on\n")
        time.sleep(0.3)
        board.send("registered 21 °C\r\n".encode() + b"noise \xff\xc0\x80 \x07\x1b[2J\r\n>>> ")
        program.until("registered 21 °C\n")
        program.until("noise \\xff\\xc0\\x80 \\x07\\x1b[2J\n>>> ")
        assert program.stop() == 0
        assert board.heard == b""


def test_a_port_that_goes_and_comes(tmp_path):
    """ISSUE 6: the board's USB goes away, and is looked for until it is back."""
    port = tmp_path / "ttyUSB0"
    with Talker() as board:
        port.symlink_to(board.path)
        program = Monitor("--port", str(port), "--timestamps")
        program.until("Ctrl-C ends this")
        time.sleep(0.3)
        board.send(b"half a li")
        program.until("half a li")
        port.unlink()
        board.pull()
        program.until(f"half a li\n-- {port}: gone; waiting for it\n")
    with Talker() as board:
        time.sleep(0.6)
        port.symlink_to(board.path)
        program.until(f"-- {port}: back\n")
        board.send(b"booted\r\n")
        said = program.until("booted\n")
        stamp = said.splitlines()[-1].split()[0]
        assert len(stamp) == len("12:34:56.789") and stamp[2::3][:2] == "::", stamp
        assert program.stop() == 0


def test_a_port_that_cannot_be_had(capfd, tmp_path):
    """ISSUE 6: no port given, no such port, a busy one, a file."""
    with pytest.raises(SystemExit) as ended:
        monitor.main([])
    assert ended.value.code == 2
    assert capfd.readouterr().err.startswith("PORT: missing; such as PORT=/dev/ttyUSB0: ")
    assert monitor.main(["--port", "/dev/ttyNOBODY"]) == 1
    assert "/dev/ttyNOBODY: no such port; " in capfd.readouterr().err
    (tmp_path / "file").write_text("")
    assert monitor.main(["--port", str(tmp_path / "file")]) == 1
    assert "not a serial port" in capfd.readouterr().err
    with Talker() as board, monitor.open_quietly(board.path, 115200):
        assert monitor.main(["--port", board.path]) == 1
        assert "in use by another program" in capfd.readouterr().err


def test_the_lines_do_not_reset_the_board(monkeypatch):
    """esptool, "Boot Mode Selection": at no time is RTS on while DTR is off, which is reset, and
    both are off while it listens.
    """
    lines = {"DTR": False, "RTS": False}
    seen = []
    bits = {"DTR": termios.TIOCM_DTR, "RTS": termios.TIOCM_RTS}
    ioctl = fcntl.ioctl

    def watched(fd, request, argument=0, *more):
        if request in (termios.TIOCMBIS, termios.TIOCMBIC):
            mask = int.from_bytes(argument, sys.byteorder)
            for name, bit in bits.items():
                if mask & bit:
                    lines[name] = request == termios.TIOCMBIS
            seen.append(tuple(lines.values()))
            return argument
        return ioctl(fd, request, argument, *more)

    opened = os.open

    def opening(path, *more):
        if str(path).startswith("/dev/pts"):
            lines.update(DTR=True, RTS=True)  # as the system has them, of a port that is opened
            seen.append((True, True))
        return opened(path, *more)

    monkeypatch.setattr(fcntl, "ioctl", watched)
    monkeypatch.setattr(os, "open", opening)
    with Talker() as board, monitor.open_quietly(board.path, 115200):
        assert seen[0] == (True, True) and seen[-1] == (False, False)
        assert (False, True) not in seen


def _shown(pieces, **options):
    """Return what a screen shows of pieces of octets; None: nothing came for a while."""
    put = []
    screen = Screen(put.append, **options)
    for piece in pieces:
        screen.idle() if piece is None else screen.feed(piece)
    screen.close()
    return "".join(put)


def test_lines_that_come_in_pieces():
    """A letter of two octets that come apart, a line that is begun, colours, one without end."""
    assert _shown([b"21 \xc2", None, b"\xb0C\r", None, b"\nnext\r\n"]) == "21 °C\nnext\n"
    assert _shown([b"\x1b[0;32mI (5) boot: ok\x1b[0m\r\n"]) == "I (5) boot: ok\n"
    assert _shown([b"a\n", None, b"b", None, b"c\nd"], clock=lambda: "T") == "T a\nT bc\nT d\n"
    assert _shown([b"x" * 1001, b"y\n"]) == "x" * 1001 + "\ny\n"
    assert _shown([b"\xc3", None]) == ""  # the rest of it has not come


def test_a_traceback_in_the_names_of_the_sources():
    """firmware/README: line numbers of the firmware are 1, and some names are short."""
    build.build(("firmware",))
    short = json.loads((build.BUILD / "short_names.json").read_text())
    name = "_collect_every" if "_collect_every" in short else next(
        name for name in short if name in (build.ROOT / "firmware/modem/at.py").read_text()
    )  # fmt: skip
    text = (
        "Traceback (most recent call last):\r\n"
        f'  File "modem.at", line 1, in {short[name]}\r\n'
        "ValueError: x\r\n"
        f"{short[name]} stays\r\n"
    )
    shown = _shown([text.encode()], short=short).splitlines()
    assert shown[1] == f'  File "modem.at", line 1, in {name}'
    assert shown[2:] == ["ValueError: x", f"{short[name]} stays"]


def test_the_unread(tmp_path):
    """A reader that goes away, as of `make monitor | head`, ends it without a word."""
    with Talker() as board:
        program = subprocess.Popen(
            [sys.executable, "-m", "tools.monitor", "--port", board.path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert b"Ctrl-C" in program.stderr.readline()
        program.stdout.close()
        end = time.monotonic() + 20
        while program.poll() is None and time.monotonic() < end:
            board.send(b"line\r\n")
            time.sleep(0.05)
        assert program.returncode == 0
        assert program.stderr.read() == b""


def test_what_is_not_there_is_a_port_trouble():
    """DESIGN §6: one exception class a layer."""
    with pytest.raises(PortTrouble):
        monitor.watch("/dev/ttyNOBODY", 115200, Screen(print), print)
