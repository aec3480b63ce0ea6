"""Short messages as a link: 8-bit user data in and out, each deleted after it was read."""

from micropython import const

from . import release
from .link import ModemLink

_ROOM = const(140)  # bytes of 8-bit user data, TS 23.040 §9.2.3.24
_PORTS = const(7)  # of which a port header takes so many
_LIMIT = const(1024)
_NUMBERS_MAX = const(8)
_HOUR_MS = const(3_600_000)

_READY = const(1)  # a modem's state

_READ = const(0)
_DRAIN = const(1)
_SEND = const(2)  # and from here on, what no listing makes needless


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
        self.done = []  # storage indices of what was read and is to be deleted
        self.direct = False  # messages are taken as they come
        modem.on_restart = self.read_waiting
        modem.channel.on("+CMTI:", self._on_stored)
        if not config.get("sms_storing", True):
            from .direct import listen

            listen(self)
            release("direct")

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
        self._due()
        self.add((_DRAIN, 0, 0))

    def _due(self):
        self.modem.read_due = self.modem.now() + _HOUR_MS

    async def drain(self) -> int:
        """Read every stored message, after a boot and after a wake; return their count.

        One round trip lists eight messages. They are deleted a moment later, when what they
        brought about has been sent. Raises ModemError.
        """
        from .inbox import drain

        self._due()
        try:
            await self.modem.up(_READY)
            # Messages announced so far will be in the list.
            self._jobs = [job for job in self._jobs if job[0] >= _SEND]
            return await drain(self)
        finally:
            _release()

    async def _do(self, job):
        kind, what, peer = job
        await self.modem.up(_READY)
        try:
            if kind == _SEND:
                from .outbox import submit

                await submit(self, what, peer)
            elif kind == _DRAIN:
                await self.drain()
            else:
                from . import inbox

                await (inbox.read if kind == _READ else inbox.delete)(self, what)
        finally:
            _release()

    def _on_stored(self, line):
        """`+CMTI: "SM",3[,"MMS PUSH"]`, and on some networks `+CMTI: ,-1`."""
        jobs = [job for job in self._jobs if job[0] >= _SEND]
        if len(jobs) < len(self._jobs):
            # After an outage many come at once: one listing reads them all, and none is pushed
            # out of the queue to lie on the SIM.
            self._jobs = jobs
            self.read_waiting()
        else:
            index = (line.split(",") + [""])[1].strip()
            self.add((_READ, int(index) if index.isdigit() else -1, 0))


def _release():
    release("inbox", "outbox", "pdu", "wap", "concat")
