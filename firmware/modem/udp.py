"""Datagrams over the modem's UDP sockets, one socket a peer, in multi-connection mode."""

import asyncio

from micropython import const

from . import release
from .at import ModemError
from .link import ModemLink

_MTU = const(1024)  # 512 bytes of payload in a block, and room for options
_SEND_MS = const(20_000)

_RESULTS = ("CONNECT OK", "CONNECT FAIL", "ALREADY CONNECT")


class UdpLink(ModemLink):
    """A link of binding "U". Peers are (host, port).

    Whatever is sent brings the modem up, wakes it and opens a socket where needed. A failed send
    climbs the ladder: again, socket anew, PDP cycle, CFUN cycle, power cycle. When the top is
    reached the datagram is dropped ("unsent") and for 30 s, doubling to 15 min, further ones are
    dropped too ("backoff").

    modem.config: mtu is the largest datagram in bytes. local_port binds socket n to
    local_port + n (0: the network stack chooses). udp_manual reads with AT+CIPRXGET, for firmware
    that does not frame each datagram.
    """

    binding = "U"

    def __init__(self, modem):
        super().__init__(modem)
        self.mtu = modem.config.get("mtu", _MTU)
        self.peers = [None] * modem.sockets
        self.known = []  # peers that had a socket before
        self.generation = -1
        self.result = None
        self.result_event = asyncio.Event()
        self.failures = 0
        self.retry_at = 0
        self._listen(modem.channel)

    def _listen(self, channel):
        channel.on("#", self._on_connection)
        channel.on("+RECEIVE,", self._on_receive)
        if self.modem.config.get("udp_manual"):
            from .fetch import watch

            watch(self)

    def send(self, data, peer) -> None:
        """Queue a copy of a datagram for peer (host, port); never blocks, at most eight wait."""
        if not data or len(data) > self.mtu:
            self.drop("length", len(data))
        else:
            self.add((bytes(data), peer))

    def disconnect(self, peer) -> None:
        """Close the socket to peer after what waits before it; the next datagram opens another."""
        self.add((b"", peer))

    async def _do(self, job):
        data, peer = job
        if data is None:
            from .fetch import fetch

            await fetch(self, peer)
            return
        modem = self.modem
        if not data:
            n = self.find(peer)
            if n >= 0:
                await self.shut(n)
                release("sockets")
            return
        if modem.now() < self.retry_at:
            self.drop("backoff")
            return
        reason = None
        n = self.find(peer)
        if n >= 0:
            try:
                await modem.up()
                if self.find(peer) == n:
                    reason = await self.transmit(n, data)
                    if not reason:
                        self.failures = 0
                        return
            except ModemError as error:
                reason = str(error)
        from .ladder import deliver

        try:
            reason = await deliver(self, data, peer, reason)
        finally:
            release("ladder", "sockets", "ca_sockets")
        if reason:
            self.drop("unsent", reason)

    def find(self, peer) -> int:
        """The socket that is connected to peer, -1 without one."""
        if self.generation != self.modem.generation:
            self.generation = self.modem.generation
            self.peers = [None] * self.modem.sockets
        return self.peers.index(peer) if peer in self.peers else -1

    async def open(self, peer) -> int:
        """Connect a socket to peer; returns its number. Raises ModemError."""
        from .sockets import open_socket

        return await open_socket(self, peer)

    async def shut(self, n: int) -> None:
        """Close socket n, whether or not the modem still has it."""
        from .sockets import close

        self.peers[n] = None
        await close(self, n)

    async def transmit(self, n: int, data: bytes) -> str:
        """Send by socket n; returns "", or the modem's answer. Raises ModemReset."""
        response = await self.modem.channel.command(
            "AT+CIPSEND=%d,%d" % (n, len(data)),
            _SEND_MS,
            ("%d,SEND OK" % n, "DATA ACCEPT", "%d,SEND FAIL" % n, "+PDP: DEACT"),
            payload=data,
        )
        if response.ok or response.final.startswith("DATA ACCEPT"):
            return ""
        return response.final

    def _on_connection(self, line):
        if not line[0].isdigit():
            return False
        n = int(line[0])
        word = line[2:]
        if word in _RESULTS:
            self.result = (n, word)
            self.result_event.set()
        elif word == "CLOSED" and n < len(self.peers):
            self.peers[n] = None
        else:
            return False
        return None

    # Reception

    def _on_receive(self, line):
        """`+RECEIVE,n,length[,address:port]:` and then the datagram."""
        fields = line.split(",")
        count = fields[2].rstrip(":") if len(fields) > 2 else ""
        if not fields[1].isdigit() or not count.isdigit():
            self.drop("receive_header", line)
            return None
        source = fields[3].rstrip(":") if len(fields) > 3 else None
        n = int(fields[1])
        return int(count), lambda data: self.received(n, source, data)

    def received(self, n: int, source: str | None, data: bytes) -> None:
        """Hand on what socket n got from source ("address:port", or None where not told)."""
        peer = None
        if n < len(self.peers) and self.generation == self.modem.generation:
            peer = self.peers[n]
        if peer is None:
            self.drop("no_socket")
        elif source and peer[0].replace(".", "").isdigit() and source != "%s:%d" % peer:
            self.drop("foreign", source)
        elif self.on_datagram:
            self.on_datagram(data, peer, self)
