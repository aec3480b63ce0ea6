"""Sends SMS through any AT modem: on a serial port, a pseudo-terminal or a TCP port.

modem = AtModem("/dev/ttyUSB2")
await modem.open()
await modem.send_sms("+447700900123", b"...", 0x04, b"")
modem.close()
"""

import asyncio
import os
import re
import termios
import tty

from . import sms_pdu

_COMMAND_S = 5
_SUBMIT_S = 60
_PROBES = 5
# A start takes as long as so many commands may, at the most.
_START_COMMANDS = 3
_MAX_BUFFER = 65536

# TS 27.005 §3.2.5, those a person can do something about.
_CMS_ERRORS = {
    38: "network out of order",
    42: "network congested",
    50: "not subscribed",
    208: "SIM storage full",
    304: "invalid PDU",
    310: "no SIM inserted",
    311: "the SIM wants its PIN",
    330: "the SIM has no service centre number",
    331: "no network service",
    332: "network time-out",
    500: "unknown error: often no credit or a weak supply",
}


class ModemError(OSError):
    """The modem refuses, or does not answer."""


class AtModem:
    """One AT modem, used for sending only.

    port: a device such as /dev/ttyUSB2 or a pseudo-terminal, or "host:port" for TCP. baud: for
    serial ports. command_s, submit_s: time limits in seconds for a command and for the network.
    """

    def __init__(
        self,
        port: str,
        baud: int = 115200,
        *,
        command_s: float = _COMMAND_S,
        submit_s: float = _SUBMIT_S,
    ):
        self.port = port
        self._baud = baud
        self._command_s = command_s
        self._submit_s = submit_s
        self._fd = -1
        self._writer: asyncio.StreamWriter | None = None
        self._reader_task: asyncio.Task | None = None
        self._buffer = b""
        self._arrived = asyncio.Event()
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Open the port and set the modem up for PDU mode. Raises ModemError or OSError."""
        host, _, tcp_port = self.port.rpartition(":")
        if host and tcp_port.isdigit() and not os.path.exists(self.port):
            try:
                reader, self._writer = await asyncio.open_connection(host, int(tcp_port))
            except OverflowError:
                raise ModemError("%s: a TCP port is 1 to 65535" % self.port) from None
            except OSError as error:
                raise ModemError("%s: %s" % (self.port, error.strerror or error)) from None
            self._reader_task = asyncio.get_running_loop().create_task(self._read_stream(reader))
        else:
            self._open_device()
        for probe in range(2 * _PROBES):  # it may be starting
            try:
                await self._command("AT", self._command_s / _PROBES)
                break
            except ModemError:
                if probe == 2 * _PROBES - 1:
                    raise ModemError("%s: no modem answers AT" % self.port) from None
        await self._command("ATE0")
        await self._set_up("AT+CMGF=0")

    async def _set_up(self, text: str) -> None:
        """Give a command that a modem may refuse while it starts, until its SIM is ready."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_COMMANDS * self._command_s
        while True:
            try:
                return await self._command(text)
            except ModemError:
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(self._command_s / _PROBES)

    def close(self) -> None:
        """Close the port."""
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
        if self._reader_task is not None:
            self._reader_task.cancel()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def send_sms(
        self, to_number: str, user_data: bytes, dcs: int = 0x04, udh: bytes = b""
    ) -> int:
        """Submit one SMS; returns the network's message reference.

        Raises ModemError when the modem or the network refuses, ValueError for a wrong number.
        """
        pdu, length = sms_pdu.submit(to_number, user_data, dcs=dcs, udh=udh)
        async with self._lock:
            self._buffer = b""
            self._write(b"AT+CMGS=%d\r" % length)
            await self._until(rb"> $", self._command_s, "AT+CMGS")
            self._buffer = b""
            self._write(pdu.encode() + b"\x1a")
            answer = await self._until(
                rb"\+CMGS: *(\d+).*?\r\nOK\r\n", self._submit_s, "the network"
            )
            return int(answer[1])

    def _open_device(self) -> None:
        try:
            self._fd = os.open(self.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(self._fd)
            attributes = termios.tcgetattr(self._fd)
            speed = getattr(termios, "B%d" % self._baud, None)
            if speed is None:
                raise ModemError("baud rate %d is not one that the system has" % self._baud)
            attributes[4] = attributes[5] = speed
            termios.tcsetattr(self._fd, termios.TCSANOW, attributes)
        except ModemError:
            raise
        except OSError as error:
            raise ModemError("%s: %s" % (self.port, error.strerror)) from None
        except termios.error as error:
            raise ModemError("%s is not a serial port: %s" % (self.port, error.args[-1])) from None
        asyncio.get_running_loop().add_reader(self._fd, self._read_device)

    def _read_device(self) -> None:
        try:
            self._take(os.read(self._fd, 4096))
        except BlockingIOError:
            return
        except OSError:  # The device is gone; the time-out of whatever waits tells so.
            asyncio.get_running_loop().remove_reader(self._fd)

    async def _read_stream(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(4096):
            self._take(data)

    def _take(self, data: bytes) -> None:
        self._buffer = (self._buffer + data)[-_MAX_BUFFER:]
        self._arrived.set()

    def _write(self, data: bytes) -> None:
        if self._writer is not None:
            self._writer.write(data)
        else:
            os.write(self._fd, data)

    async def _command(self, text: str, limit_s: float | None = None) -> None:
        async with self._lock:
            self._buffer = b""
            self._write(text.encode() + b"\r")
            await self._until(rb"\r\nOK\r\n", limit_s or self._command_s, text)

    async def _until(self, pattern: bytes, limit_s: float, what: str) -> re.Match:
        """Wait until the modem's output matches. Raises ModemError for its error or silence."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit_s
        while True:
            error = re.search(rb"\r\n(?:\+CM[SE] ERROR: *(\d+)|ERROR)", self._buffer)
            if error is not None:
                number = int(error[1]) if error[1] else None
                reason = _CMS_ERRORS.get(number or 0, "%s is refused" % what)
                raise ModemError(
                    "%s: %s (%s)" % (self.port, reason, error[0].strip().decode("ascii"))
                )
            found = re.search(pattern, self._buffer, re.DOTALL)
            if found is not None:
                return found
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), deadline - loop.time())
            except asyncio.TimeoutError:
                raise ModemError(
                    "%s: no answer to %s within %g s" % (self.port, what, limit_s)
                ) from None
