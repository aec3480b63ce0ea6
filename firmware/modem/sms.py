"""Short messages as a link: 8-bit user data in and out, each deleted after it was read."""

from micropython import const

from . import release
from .link import ModemLink

_ROOM = const(140)  # bytes of 8-bit user data, TS 23.040 §9.2.3.24
_PORTS = const(7)  # of which a port header takes so many
_LIMIT = const(1024)
_INTERNATIONAL = const(0x91)

_READY = const(1)  # a modem's state

_DRAIN = const(0)
_SEND = const(1)


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
        self.assembler = None  # concat.Assembler while parts wait for others
        self.types = {}  # digits: type-of-address octet
        self.ends = {}  # from before a sleep: storage index of a part: deadline
        self.reference = 0
        self.refused = 0  # messages in a row that the network did not take
        self.done = []  # storage indices of what was read and is to be deleted
        self.direct = False  # messages are taken as they come
        modem.on_restart = self.read_waiting
        modem.channel.on("+CMTI:", self.read_waiting)
        if not config.get("sms_storing", True):
            from .direct import listen

            listen(self)

    def peer(self, number: str) -> str:
        """The peer for a configured number; its leading `+` is remembered."""
        if number[:1] == "+":
            number = number[1:]
            self.types[number] = _INTERNATIONAL
        return number

    def send(self, data, peer) -> None:
        """Queue a copy of a datagram for the digits in peer; never blocks, at most eight wait."""
        if not data or len(data) > _LIMIT:
            self.drop("length", len(data))
        else:
            self.add((_SEND, bytes(data), peer))

    def read_waiting(self, line: str = "") -> None:
        """Queue a `drain`, unless one waits. line: `+CMTI: "SM",3[,"MMS PUSH"]` that tells of a
        message; on some networks it is `+CMTI: ,-1`.
        """
        if not [job for job in self._jobs if job[0] == _DRAIN]:
            self.add((_DRAIN, ",-1" in line, 0))

    async def drain(self, missing: bool = False) -> int:
        """Read every stored message, after a boot and after a wake; return their count.

        One round trip lists eight messages. They are deleted a moment later, when what they
        brought about has been sent. missing: one was announced without a place; if none is there,
        messages are taken directly. Raises ModemError.
        """
        from .inbox import drain

        try:
            await self.modem.up(_READY)
            # Messages announced so far will be in the list.
            self._jobs = [job for job in self._jobs if job[0] != _DRAIN]
            return await drain(self, missing)
        finally:
            release("inbox", "outbox", "direct", "pdu", "wap", "concat")

    async def _do(self, job):
        kind, what, peer = job
        await self.modem.up(_READY)
        try:
            if kind == _SEND:
                from .outbox import submit

                await submit(self, what, peer)
            elif kind == _DRAIN:
                await self.drain(what)
            else:
                from .inbox import delete

                await delete(self)
        finally:
            release("inbox", "outbox", "direct", "pdu", "wap", "concat")
