"""UDP by the CA* commands, which SIM7080 has instead of CIP*, and newer SIM7000 besides it.

What comes in waits in the modem until it is read (ca_read.py): `+CADATAIND: 0` says that something
waits on connection 0, perhaps once only until it is read. A modem that is found to make one of
several datagrams that wait is told to send each unasked, in a frame of its own (config "udp_push",
SIM7080 only):

    +CAURC: "recv",0,12,203.0.113.9,5683 and the octets; the address with AT+CASRIP=1 only
"""

import asyncio

from micropython import const

from . import release

_READY = const(1)
_SEND_MS = const(20_000)
_LOOKS_S = (2, 4, 8, 16, 32)
_RESULT_MS = const(3000)
_FIRST_RESULT_MS = const(500)
_CONNECTIONS = const(4)  # of a SIM7000: ca_read.py tells their numbers from lengths


class CaSockets:
    """The CA* side of a UdpLink, in place of whose open, shut, transmit and fetch it steps."""

    def __init__(self, link):
        self.link = link
        self.modem = link.modem
        self.result = None  # (connection, result) of +CAOPEN or +CASEND
        self._told = asyncio.Event()
        self._tells = None  # whether +CASEND follows the OK; None: not known yet
        self._looked = []  # connections on which nothing waits that was not told of
        self._sent = asyncio.Event()
        del link.peers[self.modem.sockets :]
        link.open = self.open
        link.shut = self.shut
        link.transmit = self.transmit
        link.fetch = self.fetch
        link.watch = self.watch
        channel = self.modem.channel
        channel.on("+CADATAIND:", self._on_data)
        channel.on("+CAURC:", self._on_pushed)
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
        if self._tells is not False:
            code = await self.outcome(n, _RESULT_MS if self._tells else _FIRST_RESULT_MS)
            if code:
                return "AT+CASEND result %d" % code
            self._tells = code is not None
        if n not in self._looked:
            # What came while the host slept was told to nobody, and silences what comes after it.
            self._looked.append(n)
            self._look(n)
        self._sent.set()
        return ""

    async def outcome(self, n: int, timeout_ms: int) -> int | None:
        """The result that the modem tells of connection n, None where it tells none in time."""
        end = self.modem.now() + timeout_ms
        generation = self.modem.generation
        while not (self.result and self.result[0] == n):
            left = min(end - self.modem.now(), 1000)
            if left <= 0 or generation != self.modem.generation:
                return None
            await _wait(self._told, left)
        return self.result[1]

    def _on_result(self, line):
        """`+CAOPEN: n,result` or `+CASEND: n,result,length`, without which it is an echo."""
        fields = [_number(field) for field in line[8:].split(",")]
        sent = line[3] == "S"
        if len(fields) < (3 if sent else 2) or min(fields) < 0:
            return False
        self.result = fields
        if sent:
            if self._tells is False and fields[1]:
                self._closed(fields[0])  # too late to send again; the next opens another
                self.link.drop("unsent", line)
            self._tells = True
        self._told.set()
        return None

    def _on_state(self, line):
        """`+CASTATE: n,0`: closed, as an answer or unasked."""
        if line[-2:] == ",0":
            self._closed(_number(line[9:-2]))
        return False

    def _closed(self, n):
        if 0 <= n < len(self.link.peers):
            self.link.peers[n] = None

    # Reception

    async def watch(self) -> None:
        """Look for answers that were not told of, for a minute behind what is sent; for ever.

        By some manuals +CADATAIND comes once after a connection is opened or sent by, and no
        more; by any, a code can be lost on the wire, and what came is then silent about the rest.
        """
        while True:
            await self._sent.wait()
            self._sent.clear()
            for seconds in _LOOKS_S:
                if await _wait(self._sent, seconds * 1000):
                    self._sent.set()
                    break
                if not self.modem.asleep:
                    self._look_at_all()

    def _look_at_all(self):
        for n, peer in enumerate(self.link.peers):
            if peer:
                self._look(n)

    def _look(self, n):
        if (None, n) not in self.link._jobs:
            self.link.add((None, n))

    def _on_data(self, line):
        """`+CADATAIND: n`."""
        self._look(_number(line[11:]))

    def _on_pushed(self, line):
        """`+CAURC: "recv",n,length[,address,port]` and the octets behind it; or
        `+CAURC: "buffer full"`, which loses what came after it.
        """
        fields = line.split(",")
        if len(fields) > 2:
            n = _number(fields[1])
            source = ":".join(fields[3:]) or None
            return _number(fields[2]), lambda data: self.link.received(n, source, data)
        self.link.drop("buffer_full")
        self._look_at_all()
        return None

    async def fetch(self, n: int) -> None:
        """Read what waits on socket n. Raises ModemReset."""
        try:
            from .ca_read import read

            await read(self.link, n)
        except MemoryError:
            self.link.drop("no_memory")  # it waits on in the modem, and is looked for
        finally:
            release("ca_read")


async def _wait(event, timeout_ms):
    """Wait for an event and clear it; False where it does not come in time."""
    try:
        await asyncio.wait_for_ms(event.wait(), timeout_ms)
    except asyncio.TimeoutError:
        return False
    event.clear()
    return True


def _number(text):
    """A field as a number, -1 where it is none."""
    text = text.strip()
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
        modem.sockets = _CONNECTIONS
    modem.channel.on("+APP PDP:", told)
