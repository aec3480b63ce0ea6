"""Datagrams over the modem's UDP sockets, one socket a peer, in multi-connection mode."""

from micropython import const

from . import release
from .at import ModemError
from .link import ModemLink

_MTU = const(1024)  # 512 bytes of payload in a block, and room for options
_MTU_MAX = const(1460)  # AT+CIPSEND takes no more
_SEND_MS = const(20_000)
_PATIENCE = const(10)


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
        self.mtu = min(modem.config.get("mtu", _MTU), _MTU_MAX)
        self.peers = [None] * modem.sockets
        self.known = []  # peers that had a socket before
        self.generation = -1
        self.failures = 0
        self.retry_at = 0
        self.unheard = 0  # datagrams sent since one was received
        self.patience = _PATIENCE  # how many of them raise a suspicion
        self.fetch = None  # reads what waits on a socket, where that is an everyday thing
        self.watch = None  # a coroutine that the owner has to run, where there is one
        self._listen(modem.channel)

    def _listen(self, channel):
        self.udp_set = self.modem.udp_set
        if self.udp_set == "ca":
            from .ca_udp import CaSockets

            CaSockets(self)
            return
        channel.on("+RECEIVE,", self._on_receive)
        channel.on(",CLOSED", self._on_closed)
        if self.modem.config.get("udp_manual"):
            from .fetch import watch

            watch(self)

    def send(self, data, peer) -> None:
        """Queue a copy of a datagram for peer (host, port); never blocks, at most eight wait."""
        if not data or len(data) > self.mtu:
            self.drop("length", len(data))
            return
        job = (bytes(data), peer)
        # While the modem starts, retransmissions of what has still to go would all go after it.
        if job != self.doing and job not in self._jobs:
            self.add(job)

    def disconnect(self, peer) -> None:
        """Close the socket to peer after what waits before it; the next datagram opens another."""
        self.add((b"", peer))

    async def _do(self, job):
        data, peer = job
        if data is None:
            await self.fetch(peer)  # pyright: ignore[reportOptionalCall, reportGeneralTypeIssues]
            return
        reason = None
        if data and self.unheard < self.patience and self.modem.now() >= self.retry_at:
            n = self.find(peer)
            if n >= 0:
                try:
                    await self.modem.up()
                    if self.find(peer) == n:
                        reason = await self.transmit(n, data)
                        if not reason:
                            self.failures = 0
                            self.unheard += 1
                            if self.fetch and self.udp_set == "cip":
                                self.add((None, n))  # the code of what waits may have been lost
                            return
                except ModemError as error:
                    reason = str(error)
        from .ladder import work

        self.recovering = True
        try:
            await work(self, data, peer, reason)
        finally:
            self.recovering = False
            release("ladder", "sockets", "ca_sockets")

    def find(self, peer) -> int:
        """The socket that is connected to peer, -1 without one."""
        if self.udp_set != self.modem.udp_set:
            self._listen(self.modem.channel)
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

    def _on_closed(self, line):
        """`n,CLOSED`: the modem has lost socket n; the next datagram opens another."""
        if line[0].isdigit() and int(line[0]) < len(self.peers):
            self.peers[int(line[0])] = None

    # Reception

    def _on_receive(self, line):
        """`+RECEIVE,n,length[,address:port]:` and then the datagram."""
        fields = [field.strip() for field in line.rstrip(":").split(",")]
        if len(fields) < 3 or not (fields[1].isdigit() and fields[2].isdigit()):
            self.drop("receive_header", line)
            return None
        source = ":".join(fields[3:])
        return int(fields[2]), lambda data: self.received(int(fields[1]), source, data)

    def received(self, n: int, source: str | None, data: bytes) -> None:
        """Hand on what socket n got from source, address:port with or without quotes, or nothing
        where it is not told.
        """
        self.unheard = 0
        self.patience = _PATIENCE
        peer = None
        if n < len(self.peers) and self.generation == self.modem.generation:
            peer = self.peers[n]
        if peer is None:
            self.drop("no_socket")
        elif (
            source
            and peer[0].replace(".", "").isdigit()
            and source.replace('"', "") != "%s:%d" % peer
        ):
            self.drop("foreign", source)
        elif self.on_datagram:
            self.on_datagram(data, peer, self)
