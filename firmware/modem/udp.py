"""Datagrams over the modem's UDP sockets, one socket a peer, in multi-connection mode."""

import asyncio

from micropython import const

from .at import ModemError
from .link import ModemLink

_MTU = const(1024)
_AGAIN = const(0)  # rungs of the ladder, in the order of SimCom.recover
_SOCKET = const(1)
_CONTEXT = const(2)
_POWER = const(4)
_CONNECT_S = const(76)
_SEND_MS = const(20_000)
_CLOSE_MS = const(5000)
_FETCHES = const(8)
_BACKOFF_MS = const(30_000)
_BACKOFF_MAX_MS = const(900_000)

_RESULTS = ("CONNECT OK", "CONNECT FAIL", "ALREADY CONNECT")


class UdpLink(ModemLink):
    """A link of binding "U". Peers are (host, port).

    Whatever is sent brings the modem up, wakes it and opens a socket where needed. A failed send climbs
    the ladder: again, socket anew, PDP cycle, CFUN cycle, power cycle. When the top is reached the
    datagram is dropped ("unsent") and for 30 s, doubling to 15 min, further ones are dropped too
    ("backoff").

    modem.config: local_port binds socket n to local_port + n (0: the network stack chooses). udp_manual
    reads with AT+CIPRXGET, for firmware that does not frame each datagram.
    """

    binding = "U"
    mtu = _MTU

    def __init__(self, modem):
        super().__init__(modem)
        self._peers = [None] * modem.sockets
        self._used = []  # sockets, least recently used first
        self._known = []  # peers that had a socket before
        self._generation = -1
        self._result = None
        self._event = asyncio.Event()
        self._left = 0
        self._failures = 0
        self._retry_at = 0
        channel = modem.channel
        channel.on("#", self._on_connection)
        channel.on("+CIPRXGET: 1", self._on_waiting)
        channel.on_payload("+RECEIVE,", self._on_receive)
        channel.on_payload("+CIPRXGET: 2,", self._on_fetched)

    def send(self, data, peer) -> None:
        """Queue a copy of a datagram for peer (host, port); never blocks, at most eight wait."""
        if not data or len(data) > _MTU:
            self._drop("length", len(data))
        else:
            self._add((bytes(data), peer))

    async def _do(self, job):
        data, peer = job
        if data is None:
            await self._fetch(peer)
            return
        modem = self.modem
        if modem.now() < self._retry_at:
            self._drop("backoff")
            return
        rung = _AGAIN
        socket = None
        while True:
            try:
                reason = "not up"
                await modem.up()
                reason = "no socket"
                socket = await self._socket(peer)
                reason = await self._transmit(socket, data)
                if reason is None:
                    self._failures = 0
                    return
                if reason[2:] != "SEND FAIL":
                    rung = max(rung, _SOCKET)
            except ModemError as error:
                # What failed has had its own tries, so the rungs that would only repeat it are left out.
                rung = max(rung, _POWER if reason == "not up" else _CONTEXT if reason == "no socket" else _SOCKET)
                reason = str(error)
            if rung > _POWER:
                break
            try:
                await modem.recover(rung)
                if rung == _SOCKET and socket is not None:
                    await self._close(socket)
            except ModemError as error:
                reason = str(error)
            rung += 1
        self._failures += 1
        self._retry_at = modem.now() + min(_BACKOFF_MS << min(self._failures - 1, 8), _BACKOFF_MAX_MS)
        self._drop("unsent", reason)

    async def _transmit(self, socket, data):
        """None when the modem has sent the datagram, else its answer."""
        response = await self.modem.channel.command(
            "AT+CIPSEND=%d,%d" % (socket, len(data)),
            _SEND_MS,
            ("%d,SEND OK" % socket, "DATA ACCEPT", "%d,SEND FAIL" % socket, "+PDP: DEACT"),
            payload=data,
        )
        if response.ok or response.final.startswith("DATA ACCEPT"):
            return None
        return response.final

    # Sockets

    async def _socket(self, peer):
        """The socket connected to peer, opened where needed; raises ModemError."""
        peers = self._peers
        if self._generation != self.modem.generation:
            self._generation = self.modem.generation
            for n in range(len(peers)):
                peers[n] = None
        if peer in peers:
            n = peers.index(peer)
        else:
            n = await self._open(peer)
        if n in self._used:
            self._used.remove(n)
        self._used.append(n)
        return n

    async def _open(self, peer):
        if None in self._peers:
            n = self._peers.index(None)
        else:
            n = self._used[0]
            await self._close(n)
        modem = self.modem
        port = modem.config.get("local_port")
        if port:
            await modem.ask('AT+CLPORT=%d,"UDP",%d' % (n, port + n))
        for _ in range(2):
            self._result = None
            self._event.clear()
            response = await modem.channel.command('AT+CIPSTART=%d,"UDP","%s",%d' % (n, peer[0], peer[1]), 10_000)
            # ALREADY CONNECT follows an ERROR; the other results follow an OK, as late as they like.
            outcome = await self._outcome(n, _CONNECT_S if response.ok else 1)
            if outcome == "ALREADY CONNECT":
                from .attach import context_state

                if (await context_state(modem))[1].get(n) == peer:
                    outcome = "CONNECT OK"
                else:
                    await self._close(n)
                    continue
            break
        if outcome != "CONNECT OK":
            raise ModemError("modem: no socket to %s:%d (%s)" % (peer[0], peer[1], outcome or response.final))
        self._peers[n] = peer
        again = peer in self._known
        if not again and len(self._known) < len(self._peers):
            self._known.append(peer)
        modem.event("socket", {"socket": n, "host": peer[0], "port": peer[1], "again": again})
        return n

    async def _outcome(self, n, seconds):
        generation = self.modem.generation
        for _ in range(seconds):
            try:
                await asyncio.wait_for_ms(self._event.wait(), 1000)
            except asyncio.TimeoutError:
                if generation != self.modem.generation:
                    raise ModemError("modem: context lost while a socket opened")
                continue
            self._event.clear()
            if self._result[0] == n:
                return self._result[1]
        return None

    async def _close(self, n):
        self._peers[n] = None
        await self.modem.channel.command("AT+CIPCLOSE=%d,1" % n, _CLOSE_MS, ("%d,CLOSE OK" % n,))

    def _on_connection(self, line):
        if not line[0].isdigit():
            return False
        n = int(line[0])
        word = line[2:]
        if word in _RESULTS:
            self._result = (n, word)
            self._event.set()
        elif word == "CLOSED" and n < len(self._peers):
            self._peers[n] = None
        else:
            return False
        return None

    # Reception

    def _on_receive(self, line):
        """`+RECEIVE,n,length[,address:port]:` and then the datagram."""
        fields = line.split(",")
        count = fields[2].rstrip(":") if len(fields) > 2 else ""
        if not fields[1].isdigit() or not count.isdigit():
            self._drop("receive_header", line)
            return 0, None
        source = fields[3].rstrip(":") if len(fields) > 3 else None
        n = int(fields[1])
        return int(count), lambda data: self._received(n, source, data)

    def _received(self, n, source, data):
        peer = None
        if n < len(self._peers) and self._generation == self.modem.generation:
            peer = self._peers[n]
        if peer is None:
            self._drop("no_socket")
        elif source and peer[0].replace(".", "").isdigit() and source != "%s:%d" % peer:
            self._drop("foreign", source)
        elif self.on_datagram:
            self.on_datagram(data, peer, self)

    def _on_waiting(self, line):
        """`+CIPRXGET: 1,n`: something waits in the modem's buffer."""
        fields = line.split(",")
        if len(fields) < 2 or not fields[1].strip().isdigit():
            return False
        self._add((None, int(fields[1])))
        return None

    def _on_fetched(self, line):
        """`+CIPRXGET: 2,n,length,left[,address:port]` and then the octets."""
        fields = line.split(",")
        self._left = 0
        if len(fields) < 4 or not fields[1].isdigit() or not fields[2].isdigit():
            self._drop("receive_header", line)
            return 0, None
        if fields[3].isdigit():
            self._left = int(fields[3])
        n = int(fields[1])
        source = fields[4].strip('"') if len(fields) > 4 else None
        return int(fields[2]), lambda data: self._received(n, source, data)

    async def _fetch(self, n):
        """Read what waits; two datagrams in the buffer come out as one, their border is not told."""
        for _ in range(_FETCHES):
            self._left = 0
            await self.modem.channel.command("AT+CIPRXGET=2,%d,%d" % (n, _MTU))
            if not self._left:
                return

    # A sleep of the host

    def freeze(self) -> tuple:
        """The sockets that are open: ((socket, host, port), …)."""
        if self._generation != self.modem.generation:
            return ()
        return tuple([(n, peer[0], peer[1]) for n, peer in enumerate(self._peers) if peer])

    def thaw(self, record: tuple) -> None:
        """Take over the sockets of `freeze`; call it after the modem's own `thaw`."""
        self._generation = self.modem.generation
        for n, host, port in record:
            self._peers[n] = (host, port)
            self._used.append(n)
            self._known.append((host, port))
