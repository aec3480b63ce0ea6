"""UDP by the CA* commands, which SIM7080 has instead of CIP*, and newer SIM7000 besides it.

What comes in waits in the modem until it is read:

    +CADATAIND: 0      something waits on connection 0; perhaps told once only until it is read
    AT+CASTATE?        is it still open? SIM7000 crashes when AT+CARECV? finds none
    AT+CARECV?         +CARECV: 0,12: so many octets wait
    AT+CARECV=0,12     +CARECV: 12,<octets>; SIM7000 freezes when more is asked for than waits

Whether several datagrams that wait come one by one is not documented. Each is read as soon as it
is told of; those that waited together in a modem that keeps no borders arrive as one. A SIM7080
that is found to do so is told to send each unasked, in a frame of its own (config "udp_push"):

    +CAURC: "recv",0,12,203.0.113.9,5683 and the octets; the address with AT+CASRIP=1 only
"""

import asyncio

from micropython import const

_READY = const(1)
_SEND_MS = const(20_000)
_READ_MS = const(5000)
_READ_MAX = const(1460)
_READS = const(16)
_LOOKS_S = (2, 4, 8, 16, 32)
_RESULT_MS = const(3000)
_FIRST_RESULT_MS = const(500)
_NOTHING = (-1, 0)
_SHORTEST = const(4)  # octets of a CoAP message: a smaller number is that of a connection


class CaSockets:
    """The CA* side of a UdpLink, in place of whose open, shut, transmit and fetch it steps."""

    def __init__(self, link):
        self.link = link
        self.modem = link.modem
        self.result = None  # (connection, result) of +CAOPEN or +CASEND
        self.told = asyncio.Event()
        self.tells = None  # whether +CASEND follows the OK; None: not known yet
        self._looked = []  # connections on which nothing waits that was not told of
        self._sent = asyncio.Event()
        self._asked = _NOTHING  # (connection, octets) of AT+CARECV
        del link.peers[self.modem.sockets :]
        link.open = self.open
        link.shut = self.shut
        link.transmit = self.transmit
        link.fetch = self.fetch
        link.watch = self.watch
        channel = self.modem.channel
        channel.on("+CADATAIND:", self._on_data)
        channel.on("+CAURC:", self._on_data)
        channel.on("+CARECV:", self._on_received)
        channel.on("+CASTATE:", self._on_state)
        channel.on("+CAOPEN:", self._on_result)
        channel.on("+CASEND:", self._on_result)

    async def open(self, peer: tuple) -> int:
        """Connect a socket to peer; returns its number. Raises ModemError."""
        from .ca_sockets import open_socket

        n = await open_socket(self, peer)
        self._looked.append(n)
        return n

    async def shut(self, n: int) -> None:
        """Close socket n, whether or not the modem still has it."""
        self.link.peers[n] = None
        await self.modem.channel.command("AT+CACLOSE=%d" % n)

    async def transmit(self, n: int, data: bytes) -> str:
        """Send by socket n; returns "", or what went wrong. Raises ModemReset."""
        self.result = None
        response = await self.modem.channel.command(
            "AT+CASEND=%d,%d" % (n, len(data)), _SEND_MS, payload=data
        )
        if not response.ok:
            return response.final
        if self.tells is not False:
            code = await self.outcome(n, _RESULT_MS if self.tells else _FIRST_RESULT_MS)
            if code:
                return "AT+CASEND result %d" % code
            self.tells = code is not None
        if n not in self._looked:
            # What came while the host slept was told to nobody, and silences what comes after it.
            self._looked.append(n)
            self._look(n)
        self._sent.set()
        return ""

    async def watch(self) -> None:
        """Look for answers that were not told of, for a minute behind what is sent; for ever.

        By some manuals +CADATAIND comes once after a connection is opened or sent by, and no
        more; by any, a code can be lost on the wire, and what came is then silent about the rest.
        """
        while True:
            await self._sent.wait()
            self._sent.clear()
            for seconds in _LOOKS_S:
                try:
                    await asyncio.wait_for_ms(self._sent.wait(), seconds * 1000)
                    break
                except asyncio.TimeoutError:
                    if not self.modem.asleep:
                        self._look_at_all()

    def _look_at_all(self):
        for n, peer in enumerate(self.link.peers):
            if peer:
                self._look(n)

    async def outcome(self, n: int, timeout_ms: int) -> int | None:
        """The result that the modem tells of connection n, None where it tells none in time."""
        end = self.modem.now() + timeout_ms
        generation = self.modem.generation
        while True:
            if self.result and self.result[0] == n:
                return self.result[1]
            left = min(end - self.modem.now(), 1000)
            if left <= 0 or generation != self.modem.generation:
                return None
            self.told.clear()
            try:
                await asyncio.wait_for_ms(self.told.wait(), left)
            except asyncio.TimeoutError:
                pass

    def _on_result(self, line):
        """`+CAOPEN: n,result` or `+CASEND: n,result,length`, without which it is an echo."""
        fields = line[8:].split(",")
        if _number(fields, 0) < 0 or _number(fields, 1) < 0 or line[3] == "S" and len(fields) < 3:
            return False
        self.result = (_number(fields, 0), _number(fields, 1))
        if line[3] == "S":
            if self.tells is False and self.result[1]:
                self._closed(self.result[0])  # too late to send again; the next opens another
                self.link.drop("unsent", line)
            self.tells = True
        self.told.set()
        return None

    def _on_state(self, line):
        """`+CASTATE: n,0`: closed, as an answer or unasked."""
        fields = line[9:].split(",")
        if _number(fields, 1) == 0:
            self._closed(_number(fields, 0))
        return False

    def _closed(self, n):
        if 0 <= n < len(self.link.peers):
            self.link.peers[n] = None

    # Reception

    def _on_data(self, line):
        """`+CADATAIND: n`; `+CAURC: "recv",n,length[,address,port]` and the octets behind it; or
        `+CAURC: "buffer full"`, which loses what came after it.
        """
        if line[3] == "D":
            self._look(_number((line[11:],), 0))
            return None
        fields = line.split(",")
        if len(fields) > 2:
            n = _number(fields, 1)
            return _number(fields, 2), self._taker(n, [field.encode() for field in fields[3:]])
        self.link.drop("buffer_full")
        self._look_at_all()
        return None

    def _look(self, n):
        if n >= 0 and (None, n) not in self.link._jobs:
            self.link.add((None, n))

    async def fetch(self, n: int) -> None:
        """Read what waits on socket n. Raises ModemReset."""
        if self.modem.asleep and not await self.modem.resume():
            return
        for _ in range(_READS):
            waiting = await self._waiting(n) if self._is_open(n) else 0
            if not waiting:
                return
            self._asked = (n, min(waiting, _READ_MAX))
            self.modem.channel.counted = self._counted
            try:
                await self.modem.channel.command("AT+CARECV=%d,%d" % self._asked, _READ_MS)
            finally:
                self.modem.channel.counted = None
                self._asked = _NOTHING

    def _is_open(self, n):
        link = self.link
        return link.generation == self.modem.generation and n < len(link.peers) and link.peers[n]

    async def _waiting(self, n):
        for name in ("CASTATE", "CARECV"):
            response = await self.modem.channel.command("AT+%s?" % name)
            for line in response.lines:
                fields = line[9 if name == "CASTATE" else 8 :].split(",")
                if _number(fields, 0) == n:
                    value = _number(fields, 1)
                    break
            else:
                return 0
            if value <= 0 or not response.ok:
                return 0
        return value

    def _counted(self, start):
        """`+CARECV: [address,port,]length,` and then the octets, on the same line.

        Manuals of SIM7000 have `n,length` and the octets on a line of their own, which the end of
        the line tells apart: counts so small are no messages.
        """
        if start[:8] != b"+CARECV:":
            return None
        fields = start[8:].split(b",", 3)
        at = 2 if b"." in fields[0] else 0
        if len(fields) < at + 2 or not fields[at].strip().isdigit():
            return None
        length = int(fields[at])
        if not at and length == self._asked[0] < _SHORTEST:
            return None
        head = 9 + len(b",".join(fields[: at + 1]))
        return head, self._payload(length, fields[:at])

    def _on_received(self, line):
        """`+CARECV: n,[address,port,]length`, the octets behind it; or `+CARECV: 0`, nothing."""
        if self._asked is _NOTHING:
            return False
        fields = line[8:].split(",")
        if len(fields) < 2:
            return None
        return self._payload(_number(fields, -1), [field.encode() for field in fields[1:-1]])

    def _payload(self, length, source):
        n, wanted = self._asked
        if length > wanted:
            length = -1  # it is none
        return length, self._taker(n, source)

    def _taker(self, n, source):
        source = b":".join([field.strip(b' "') for field in source]).decode() or None
        return lambda data: self.link.received(n, source, data)


def _number(fields, index):
    """A field as a number, -1 where it is none."""
    text = fields[index].strip() if len(fields) > index else ""
    return int(text) if text.isdigit() else -1


def use_ca(modem) -> None:
    """Let a driver use CNACT and the CA* commands; its links follow."""

    def told(line):
        """`+APP PDP: DEACTIVE`, or with the number of the context before it."""
        if line[9:].strip() in ("DEACTIVE", "0,DEACTIVE"):
            modem.context_lost = True
            if modem.shut(_READY):
                modem.event("detached", {"reason": line})

    modem.udp_set = "ca"
    modem.context_lost = False
    if not modem.pdp:
        modem.sockets = _SHORTEST
    modem.channel.on("+APP PDP:", told)
