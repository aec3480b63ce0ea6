"""The far end of a board's UART, outside this program: a modem on a serial port, a pseudo-terminal
or a TCP port.

    tcp:HOST:PORT           whoever listens there plays the modem: octets as they come
    pty:PATH                a pseudo-terminal that another program has opened
    /dev/ttyUSB0, COM3 …    a serial port, with DTR and RI where its wires lead to the modem's

A far end that goes away is looked for once a second: until it is there again, the board hears
nothing, as from a modem whose wire is loose.
"""

import asyncio
import contextlib
import errno
import os
import socket
import threading

import serial

DEFAULT_BAUD = 115200
_AGAIN_S = 1.0
_UNREAD_MAX = 65536
_POLL_S = 0.03  # RI is low for 120 ms
_LINES = ("dtr", "ri")


class PortError(OSError):
    """The port cannot be opened; the text is one line that names it."""


def check(text: str) -> str:
    """Return a --uart argument; raises ValueError naming what is allowed."""
    kind, _, rest = text.partition(":")
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
            raise ValueError(f"{text!r} is not allowed; use tcp:HOST:PORT, PORT from 1 to 65535")
    elif kind == "pty":
        if not rest:
            raise ValueError(f"{text!r} is not allowed; use pty:PATH")
    elif not text or rest and not _is_path(text):
        raise ValueError(
            f"{text!r} is not allowed; use tcp:HOST:PORT, pty:PATH or a serial port, "
            "such as /dev/ttyUSB0 or COM3"
        )
    return text


def _is_path(text):
    return text.startswith(("/", ".", "\\"))


def wired(text: str) -> tuple:
    """Return a --lines argument, "dtr", "ri", "dtr,ri" or "none", as a tuple of names."""
    if text == "none":
        return ()
    names = tuple(text.split(","))
    if not set(names) <= set(_LINES):
        raise ValueError(f"{text!r} is not allowed; use dtr, ri, dtr,ri or none")
    return names


class FarModem:
    """A modem at the far end of a port, as a board's bench sees one.

    `on_output(data)` takes what it sends and `on_ri(level)` the level of RI, True high, both on
    the event loop; `on_event(name, facts)` is told of a far end that goes and comes. `lines`: the
    control lines that are wired; None: those that the port has. After `open`, `has_dtr` and
    `has_ri` say which there are. What is written while the far end is away is lost.
    """

    def __init__(self, where: str, baud: int, on_event, lines: "tuple | None" = None):
        self.where = check(where)
        self.on_output = self.on_ri = None
        self.has_dtr = self.has_ri = False
        self._on_event = on_event
        self._rate = baud
        self._wired = lines
        self._dtr = False
        self._port = None
        self._closed = False
        self._again = None

    async def open(self) -> None:
        """Reach the far end. Raises PortError."""
        self._loop = asyncio.get_running_loop()
        await self._connect()

    async def _connect(self):
        kind, _, rest = self.where.partition(":")
        if kind == "tcp":
            self._port = await _Tcp.open(self, rest)
        else:
            path = rest if kind == "pty" else self.where
            self._port = _Serial(self, path, kind == "pty", self._rate, self._dtr)
        self.has_dtr, self.has_ri = (
            line in self._port.lines and (self._wired is None or line in self._wired)
            for line in _LINES
        )

    def close(self) -> None:
        """Let go of the port."""
        self._closed = True
        if self._again:
            self._again.cancel()
        if self._port:
            self._port.close()
            self._port = None

    def lost(self, port, reason: str) -> None:
        """The port says that its far end is gone."""
        if self._closed or port is not self._port:
            return
        port.close()
        self._port = None
        self._on_event("error", {"reason": f"{self.where}: {reason}; looking for it"})
        self._again = self._loop.create_task(self._look())

    async def _look(self):
        while True:
            await asyncio.sleep(_AGAIN_S)
            with contextlib.suppress(PortError):
                await self._connect()
                break
        self._on_event("uart", {"port": self.where, "state": "back"})

    def received(self, data: bytes) -> None:
        """Octets of the far end."""
        if self.on_output and data:
            self.on_output(data)

    def ringing(self, level: bool) -> None:
        """RI has changed."""
        if self.has_ri and self.on_ri:
            self.on_ri(level)

    # What a board does to its modem.

    def write(self, data: bytes) -> None:
        """Send octets."""
        if self._port:
            self._port.write(data)

    def set_baud(self, rate: int) -> None:
        """The board's UART runs at another rate."""
        self._rate = rate
        if self._port:
            self._port.set_baud(rate)

    def dtr(self, level: bool) -> None:
        """Set DTR: True high, the modem may sleep."""
        self._dtr = level
        if self._port and self.has_dtr:
            self._port.dtr(level)


class _Tcp:
    """A TCP connection: no lines, no rate."""

    lines = ()

    @classmethod
    async def open(cls, owner, address):
        host, _, port = address.rpartition(":")
        try:
            streams = await asyncio.open_connection(host.strip("[]"), int(port))
        except socket.gaierror:
            raise PortError(f"{owner.where}: no such host") from None
        except OSError as error:
            # Where each of several addresses fails, asyncio has no number but a long text.
            code = error.errno or errno.ECONNREFUSED
            raise PortError(f"{owner.where}: {os.strerror(code)}") from None
        return cls(owner, *streams)

    def __init__(self, owner, reader, writer):
        self._owner = owner
        self._writer = writer
        self._task = asyncio.get_running_loop().create_task(self._read(reader))

    async def _read(self, reader):
        reason = "closed by the far end"
        try:
            while data := await reader.read(4096):
                self._owner.received(data)
        except OSError as error:
            reason = os.strerror(error.errno or errno.ECONNRESET)
        self._owner.lost(self, reason)

    def write(self, data):
        # A far end that reads no more loses what comes, as on a wire.
        if self._writer.transport.get_write_buffer_size() < _UNREAD_MAX:
            self._writer.write(data)

    def set_baud(self, rate):
        """A stream has none."""

    def close(self):
        self._writer.close()
        if self._task is not asyncio.current_task():
            self._task.cancel()


class _Serial:
    """A serial port or pseudo-terminal; a thread of its own reads it and looks at RI."""

    def __init__(self, owner, path, pseudo, rate, dtr_level):
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._ended = False
        try:
            port = self._port = serial.Serial()
            port.port, port.baudrate, port.timeout, port.write_timeout = path, rate, _POLL_S, 0
            port.exclusive = True
            port.dtr = not dtr_level
            port.open()
        except (OSError, ValueError) as error:
            raise PortError(f"{owner.where}: {_why(error)}") from None
        self.lines = () if pseudo else _LINES
        try:
            self._level = not port.ri
        except OSError:  # it has no such lines, which is what pseudo-terminals say
            self.lines = ()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while not self._ended:
            try:
                data = self._port.read(self._port.in_waiting or 1)
                level = not self._port.ri if self.lines else None
            except (OSError, TypeError, ValueError):  # the last two where it is closed meanwhile
                self._tell(self._owner.lost, self, "gone")
                return
            if data:
                self._tell(self._owner.received, data)
            if level is not None and level != self._level:
                self._level = level
                self._tell(self._owner.ringing, level)

    def _tell(self, fn, *arguments):
        if not self._ended:
            with contextlib.suppress(RuntimeError):  # the program ends meanwhile
                self._loop.call_soon_threadsafe(fn, *arguments)

    def write(self, data):
        # What the port does not take at once is lost, as on a wire that nobody reads.
        with contextlib.suppress(OSError):
            self._port.write(data)

    def set_baud(self, rate):
        with contextlib.suppress(OSError, ValueError):
            self._port.baudrate = rate

    def dtr(self, level):
        with contextlib.suppress(OSError):
            self._port.dtr = not level  # an asserted line is low at the modem's pin

    def close(self):
        self._ended = True
        with contextlib.suppress(OSError):
            self._port.close()


_REASONS = {
    errno.ENOENT: "no such port",
    errno.EACCES: "no permission; is this user in the group of serial ports?",
    errno.EAGAIN: "in use by another program",
    errno.EBUSY: "in use by another program",
    errno.ENOTTY: "not a serial port",
    errno.EIO: "nobody has the other end open",
}


def _why(error):
    if isinstance(error, ValueError):
        return str(error)
    code = error.errno
    if code is None:  # what pyserial says then holds the system's number in brackets
        code = next((each for each in _REASONS if f"({each}," in str(error)), None)
    return _REASONS.get(code) or (os.strerror(code) if code else str(error))
