"""The firmware on MicroPython, in a process: its endpoint (block_observe_peer.py), or its LwM2M
client (device_peer.py).

They run from .mpy files in a heap as large as an ESP32's first one.
"""

import atexit
import binascii
import contextlib
import functools
import random
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tools.build import compiler, interpreter

_HERE = Path(__file__).resolve().parent
_FIRMWARE = _HERE.parent.parent / "firmware"
_HEAP_K = 56
_DEADLINE_S = 90


_given = set()


def free_port() -> int:
    """Return a UDP port of 127.0.0.1 that nothing uses, and that is given once only.

    It is none of those that the system gives to sockets without a port of their own.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def text(size: int) -> bytes:
    """Return the body that every peer here sends: numbered lines of 16 bytes."""
    return b"".join(b"%015d\n" % number for number in range((size + 15) // 16))[:size]


def crc(data: bytes) -> str:
    """Return the CRC-32 as block_observe_peer.py prints it."""
    return "%08x" % binascii.crc32(data)


@functools.cache
def compiled() -> Path:
    """Return a folder with the firmware and its peer programs as .mpy, as a board has them."""
    folder = Path(tempfile.mkdtemp(prefix="nudge-interop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    programs = ("coap_peer.py", "block_observe_peer.py", "device_peer.py", "etsi_peer.py")
    sources = [(_HERE / name, Path(name)) for name in programs]
    for room in ("coap", "lwm2m"):
        for source in (_FIRMWARE / room).rglob("*.py"):
            sources.append((source, source.relative_to(_FIRMWARE)))
    for source, target in sources:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        target = (folder / target).with_suffix(".mpy")
        subprocess.run([compiler(), "-o", target, source], check=True)
    return folder


class Firmware:
    """One of the roles "serve", "ask" and "device": `with Firmware("serve", port, control) as f`.

    heap_k: KiB of a 32-bit machine's heap; the first of an ESP32 has 56.
    """

    def __init__(self, role, *arguments, heap_k=_HEAP_K):
        heap = f"heapsize={heap_k}wK"
        program = "device_peer" if role == "device" else "block_observe_peer"
        command = [interpreter(), "-X", heap, "-m", program, role]
        self._process = subprocess.Popen(
            [*map(str, (*command, *arguments))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"MICROPYPATH": f"{compiled()}:.frozen"},
        )
        self._control = arguments[1] if len(arguments) > 1 else None

    def __enter__(self):
        first = self._line()
        if first != "ready":
            self.end()
            raise AssertionError(first)
        return self

    def __exit__(self, *_):
        self.end()

    def _line(self):
        assert self._process.stdout
        line = self._process.stdout.readline()
        if line.startswith("Traceback"):
            line += self._process.stdout.read()
        return line.strip()

    def end(self):
        """End the process, at once."""
        self._process.kill()
        self._process.communicate()

    def output(self) -> list:
        """Wait for the end; return the lines printed."""
        try:
            printed, _ = self._process.communicate(timeout=_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.end()
            raise
        return printed.splitlines()

    def tell(self, command: str) -> str:
        """Give the program a command of its `Control` and return its answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(10)
            asking.connect(("127.0.0.1", self._control))
            asking.send(command.encode())
            try:
                return asking.recv(2048).decode()
            except (TimeoutError, ConnectionError):
                self._process.kill()
                raise AssertionError(f"no answer to {command!r}: {self.output()}") from None


@contextlib.contextmanager
def serving(mtu=1152):
    """The endpoint as a server: yields (port, Firmware)."""
    port, control = free_port(), free_port()
    with Firmware("serve", port, control, mtu) as firmware:
        yield port, firmware


def asked(port, *steps, mtu=1152) -> list:
    """The endpoint as a client of the server at `port`: return the lines of its outcomes."""
    lines = Firmware("ask", port, mtu, *steps).output()
    assert lines and lines[-1].startswith("dropped"), lines
    return lines
