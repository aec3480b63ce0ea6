"""A virtual modem on a desk: power key, raw bytes in, raw bytes out, in virtual time."""

import asyncio

from shim import virtual_time

from tools.virtual.modem import VirtualModem
from tools.virtual.network import Network
from tools.virtual.timers import Timers

SERVER = ("203.0.113.9", 5683)
NUMBER = "+4790000001"


class Desk:
    """One modem, one server that keeps what it gets, and what the modem has sent so far."""

    def __init__(self, profile, **options):
        self.timers = Timers()
        self.events = []
        self.network = Network(self.timers, on_event=self._event)
        self.modem = VirtualModem(profile, self.network, self.timers, NUMBER, **options)
        self.modem.on_output = self._output
        self.modem.on_ri = self._ri
        self.ri = []  # (level, time)
        self.received = []  # (data, peer) at the server
        self.server = self.network.attach(SERVER[0], SERVER[1], self._received)
        self._sent = bytearray()

    def _event(self, name, facts):
        self.events.append((name, facts))

    def _output(self, data):
        self._sent.extend(data)

    def _ri(self, level):
        self.ri.append((level, self.timers.now()))

    def _received(self, data, peer):
        self.received.append((data, peer))

    def seen(self, name) -> list:
        """The facts of the events called `name`."""
        return [facts for event, facts in self.events if event == name]

    def take(self) -> bytes:
        """What the modem sent since the last call."""
        sent = bytes(self._sent)
        self._sent[:] = b""
        return sent

    async def pulse(self, ms) -> None:
        self.modem.pwrkey(True)
        await asyncio.sleep_ms(ms)
        self.modem.pwrkey(False)

    async def on(self, *commands) -> None:
        """Power on, find the rate, wait until all is up; then the commands, which must be OK."""
        self.modem.dtr(False)
        await self.pulse(1100)
        await asyncio.sleep_ms(6000)
        for command in ("AT", "ATE0"):
            await self.at(command, 20)
        await asyncio.sleep_ms(15_000)
        self.take()
        if commands:
            for command in commands:
                await self.expect(command, b"\r\nOK\r\n")
            await asyncio.sleep_ms(15_000)
            self.take()

    async def at(self, command, ms=200) -> bytes:
        """Send a command line and return what came within `ms`."""
        self.modem.write(command if isinstance(command, bytes) else command.encode() + b"\r")
        await asyncio.sleep_ms(ms)
        return self.take()

    async def expect(self, command, answer, ms=200) -> None:
        """Send a command line; what comes must be exactly `answer`."""
        got = await self.at(command, ms)
        assert got == answer, (command, got)

    async def online(self, *commands) -> None:
        """A context in multi-connection mode, ready for CIPSTART."""
        await self.on("AT+CMEE=1")
        for command in ("AT+CIPMUX=1",) + commands + ('AT+CSTT="internet","",""',):
            assert await self.at(command) == b"\r\nOK\r\n", command
        assert await self.at("AT+CIICR", 2000) == b"\r\nOK\r\n"
        await self.expect("AT+CIFSR", b"\r\n10.64.0.1\r\n")

    async def open(self, connection=0) -> None:
        """A socket to the server."""
        command = f'AT+CIPSTART={connection},"UDP","{SERVER[0]}",{SERVER[1]}'
        await self.expect(command, b"\r\nOK\r\n\r\n%d, CONNECT OK\r\n" % connection)

    async def send(self, data, connection=0) -> None:
        """A datagram through the socket."""
        await self.expect(f"AT+CIPSEND={connection},{len(data)}", b"\r\n> ")
        await self.expect(data, b"\r\n%d, SEND OK\r\n" % connection)


def run(body, profile, **options):
    """Run `await body(desk)` on a desk of its own."""

    async def main():
        return await body(Desk(profile, **options))

    return virtual_time.run(main())


def on_both(body) -> None:
    """Run a test's body with each of the two modems."""
    for profile in ("sim800l", "sim7000g"):
        run(body, profile)
