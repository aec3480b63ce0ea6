"""The virtual network on real loopback sockets: a server that somebody else could have written."""

import asyncio
import socket

from tools.virtual.bridge import Bridge
from tools.virtual.modem import VirtualModem
from tools.virtual.network import Network
from tools.virtual.timers import Timers

_KNOWN = ("203.0.113.9", 5683)  # the server's address as the device knows it


class _Field:
    """A network, a bridge and a real server socket."""

    def __init__(self, nat_timeout_s=60):
        self.events = []
        self.timers = Timers()
        self.network = Network(
            self.timers,
            latency_ms=5,
            nat_timeout_s=nat_timeout_s,
            on_event=lambda name, facts: self.events.append((name, facts)),
        )
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.setblocking(False)
        self.server.bind(("127.0.0.1", 0))
        self.bridge = Bridge(self.network, routes={_KNOWN: self.server.getsockname()})
        self.got = []

    async def receive(self):
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recvfrom(self.server, 2048), 2)

    def names(self):
        return [name for name, _ in self.events]

    def close(self):
        self.bridge.close()
        self.server.close()


def _run(body, **options):
    async def main():
        field = _Field(**options)
        try:
            await body(field)
        finally:
            field.close()

    asyncio.run(main())


def test_datagrams_cross_real_sockets():
    """tools/virtual: the server sees a public address and answers to it."""

    async def body(field):
        down = []
        address = field.network.open_context(lambda *datagram: down.append(datagram))
        field.network.send_up(address, 5683, _KNOWN, b"hello")
        data, public = await field.receive()
        assert data == b"hello" and public != field.server.getsockname()
        field.server.sendto(b"world", public)
        await asyncio.sleep(0.1)
        assert down == [(5683, _KNOWN, b"world")]
        # Another sender at the same public address is filtered, as RFC 4787 §5 has it.
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.sendto(b"x", public)
        stranger.close()
        await asyncio.sleep(0.1)
        assert len(down) == 1
        assert field.events[-1][0] == "nat_drop"
        assert field.events[-1][1]["reason"] == "filtered"

    _run(body)


def test_expired_mapping_drops_and_reports():
    """tools/virtual: after silence the old port drops and reports; a new one opens."""

    async def body(field):
        down = []
        address = field.network.open_context(lambda *datagram: down.append(datagram))
        field.network.send_up(address, 5683, _KNOWN, b"one")
        _, old = await field.receive()
        await asyncio.sleep(0.4)
        assert field.names()[-1] == "nat_expired"
        field.server.sendto(b"late", old)
        await asyncio.sleep(0.1)
        assert not down
        facts = {"public": old, "reason": "expired", "bytes": 4}
        assert field.events[-1] == ("nat_drop", facts)
        assert field.network.counters["nat_dropped"] == 1
        field.network.send_up(address, 5683, _KNOWN, b"two")
        _, new = await field.receive()
        assert new != old
        field.server.sendto(b"again", new)
        await asyncio.sleep(0.1)
        assert [data for _, _, data in down] == [b"again"]

    _run(body, nat_timeout_s=0.3)


def test_a_server_that_is_not_there():
    """tools/virtual: an ICMP error is counted and ends nothing."""

    async def body(field):
        address = field.network.open_context(lambda *datagram: None)
        field.server.close()
        for _ in range(3):
            field.network.send_up(address, 5683, _KNOWN, b"x")
            await asyncio.sleep(0.05)
        assert "udp_up" in field.names()

    _run(body)


def test_names_come_from_the_system():
    """tools/virtual: a name that `hosts` does not have is looked up for real."""

    async def body(field):
        assert field.network.resolve("localhost") == "127.0.0.1"
        assert field.network.resolve("no-such-name.invalid") is None

    _run(body)


def test_a_modem_reaches_a_real_server():
    """AT800 chapter 8: AT commands in, a datagram out, one back."""

    async def body(field):
        modem = VirtualModem("sim7000g", field.network, field.timers, "+4790000001", speed=50)
        output = bytearray()
        modem.on_output = output.extend
        modem.dtr(False)
        modem.pwrkey(True)
        await asyncio.sleep(1.05)
        modem.pwrkey(False)
        await asyncio.sleep(0.5)

        async def at(command, wanted):
            output.clear()
            modem.write(command)
            for _ in range(200):
                if wanted in output:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError((command, bytes(output)))

        for command in ("AT", "ATE0", "AT+CIPMUX=1", "AT+CIPSRIP=1", 'AT+CSTT="a"', "AT+CIICR"):
            await at(command.encode() + b"\r", b"\r\nOK\r\n")
        await at(b"AT+CIFSR\r", b"\r\n10.64.0.1\r\n")
        await at(b'AT+CIPSTART=0,"UDP","203.0.113.9",5683\r', b"\r\n0, CONNECT OK\r\n")
        await at(b"AT+CIPSEND=0,4\r", b"\r\n> ")
        await at(b"ping", b"\r\n0, SEND OK\r\n")
        data, public = await field.receive()
        assert data == b"ping"
        output.clear()
        field.server.sendto(b"pong", public)
        await asyncio.sleep(0.1)
        assert bytes(output) == b"\r\n+RECEIVE,0,4,203.0.113.9:5683\r\npong"

    _run(body)
