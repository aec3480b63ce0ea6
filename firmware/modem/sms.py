"""Short messages as a link: 8-bit user data in and out, each deleted after it was read."""

from micropython import const

from . import release
from .link import ModemLink

_ROOM = const(140)  # bytes of 8-bit user data, TS 23.040 §9.2.3.24
_PORTS = const(7)  # of which a port header takes so many
_LIMIT = const(1024)
_NUMBERS_MAX = const(8)

_READY = const(1)  # a modem's state

_READ = const(0)
_DRAIN = const(1)
_SEND = const(2)


class SmsLink(ModemLink):
    """A link of binding "S".

    Peers are digits without `+`; `peer` turns a configured number into them.
    Only 8-bit user data goes to on_datagram, WAP Push unwrapped and concatenated parts joined.
    Messages stored on the SIM are deleted after reading; the parts of an incomplete message stay
    there for ten minutes at most, so that they outlive a deep sleep.

    mtu is what one message carries: what is longer costs as many messages more. limit is how long
    a datagram may be all the same.

    modem.config: sms_mtu is another mtu, None for that of one message. sms_storing False takes
    messages as +CMT, past the SIM. sms_ports (destination, source) adds a port header to what is
    sent.
    """

    binding = "S"
    limit = _LIMIT

    def __init__(self, modem):
        super().__init__(modem)
        config = modem.config
        self.mtu = config.get("sms_mtu") or _ROOM - (_PORTS if config.get("sms_ports") else 0)
        self.received = 0
        self.assembler = None  # concat.Assembler while parts wait for others
        self.types = {}  # digits: type-of-address octet
        self.ends = {}  # from before a sleep: storage index of a part: deadline
        self.reference = 0
        modem.on_restart = self.read_waiting
        channel = modem.channel
        channel.on("+CMTI:", self._on_stored)
        for prefix in ("+CMT:", "+CDS:", "+CBM:"):
            channel.on(prefix, self._on_direct)

    def peer(self, number: str) -> str:
        """The peer for a configured number; its leading `+` is remembered as a type."""
        if number[:1] == "+":
            number = number[1:]
            self.remember(number, 0x91)
        return number

    def remember(self, number: str, address_type: int) -> None:
        """Send to these digits with this type-of-address octet; eight numbers are remembered."""
        if number in self.types or len(self.types) < _NUMBERS_MAX:
            self.types[number] = address_type

    def send(self, data, peer) -> None:
        """Queue a copy of a datagram for the digits in peer; never blocks, at most eight wait."""
        if not data or len(data) > _LIMIT:
            self.drop("length", len(data))
        else:
            self.add((_SEND, bytes(data), peer))

    def read_waiting(self) -> None:
        """Queue a `drain`."""
        self.add((_DRAIN, 0, 0))

    async def drain(self) -> int:
        """Read and delete every stored message, after a boot and after a wake; return their count.

        One round trip lists eight messages and one deletes them. Raises ModemError.
        """
        from .inbox import drain

        try:
            await self._ready()
            # Messages announced so far will be in the list.
            self._jobs = [job for job in self._jobs if job[0] == _SEND]
            return await drain(self)
        finally:
            self._release()

    async def _ready(self):
        await self.modem.up(_READY)

    def _release(self):
        release("inbox", "pdu", "wap", "concat")

    async def _do(self, job):
        kind, what, peer = job
        await self._ready()
        try:
            if kind == _SEND:
                from .outbox import submit

                await submit(self, what, peer)
            elif kind == _DRAIN:
                await self.drain()
            else:
                from .inbox import read

                await read(self, what)
        finally:
            release("outbox")
            self._release()

    def _on_stored(self, line):
        """`+CMTI: "SM",3[,"MMS PUSH"]`, and on some networks `+CMTI: ,-1`."""
        fields = line.split(",")
        index = fields[1].strip() if len(fields) > 1 else ""
        sends = [job for job in self._jobs if job[0] == _SEND]
        if len(sends) < len(self._jobs):
            # After an outage many come at once: one listing reads them all, and none is pushed
            # out of the queue to lie on the SIM.
            self._jobs = sends
            self.read_waiting()
        else:
            self.add((_READ, int(index) if index.isdigit() else -1, 0))

    def _on_direct(self, line):
        """`+CMT: [alpha],length` and its PDU in the next line; reports and broadcasts likewise."""

        def pdu_line(text):
            from .inbox import direct

            try:
                return direct(self, line, text)
            finally:
                self._release()

        return pdu_line
