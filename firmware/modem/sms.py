"""Short messages as a link: 8-bit user data in and out, every message deleted after it was read."""

from micropython import const

from .at import ModemError
from .concat import Assembler, split
from .link import ModemLink
from .pdu import DELIVER, PduError, decode, from_hex, submit
from .wap import unwrap

_MTU = const(1024)
_BATCH = const(8)
_PASSES = const(8)
_NUMBER_TYPES_MAX = const(8)

# Longest times of the manual, with a margin.
_LIST_MS = const(21_000)
_READ_MS = const(6000)
_DELETE_MS = const(26_000)
_SEND_MS = const(62_000)

_READ = const(0)
_DRAIN = const(1)
_SEND = const(2)


class SmsLink(ModemLink):
    """A link of binding "S". Peers are digits without `+`; `peer` turns a configured number into them.

    Only 8-bit user data goes to on_datagram, WAP Push unwrapped and concatenated parts joined. Messages
    stored on the SIM are deleted after reading; the parts of an incomplete message stay there for
    `PART_WAIT_MS` at most, so that they outlive a deep sleep.

    modem.config: sms_storing False takes messages as +CMT, past the SIM. sms_ports (destination, source)
    adds a port header to what is sent.
    """

    binding = "S"
    mtu = _MTU
    PART_WAIT_MS = 600_000

    def __init__(self, modem):
        super().__init__(modem)
        self.received = 0
        self._assembler = Assembler(self.PART_WAIT_MS)
        self._types = {}  # digits: type-of-address octet
        self._held = []  # storage indices of parts that wait for others
        self._ends = {}  # from before a sleep: storage index: deadline
        self._reference = 0
        channel = modem.channel
        channel.on("+CMTI:", self._on_stored)
        channel.on("+CMT:", self._on_direct)
        channel.on("+CDS:", self._on_direct)
        channel.on("+CBM:", self._on_direct)

    def peer(self, number: str) -> str:
        """The peer for a configured number; a leading `+` is remembered as its international type."""
        if number[:1] == "+":
            number = number[1:]
            self._remember(number, 0x91)
        return number

    def send(self, data, peer) -> None:
        """Queue a copy of a datagram for the digits in peer; never blocks, at most eight wait."""
        if not data or len(data) > _MTU:
            self._drop("length", len(data))
        else:
            self._add((_SEND, bytes(data), peer))

    def read_waiting(self) -> None:
        """Queue a `drain`."""
        self._add((_DRAIN, 0, 0))

    async def drain(self) -> int:
        """Read and delete every stored message, after a boot and after a wake; returns how many there were.

        One round trip lists eight messages and one deletes them. Raises ModemError.
        """
        command = self.modem.channel.command
        count = 0
        for _ in range(_PASSES):
            listing = _Listing(self._held)
            response = await command("AT+CMGL=4", _LIST_MS, sink=listing.line)
            if not response.ok:
                raise ModemError("modem: AT+CMGL answered %s" % response.final)
            count += len(listing.found)
            done = []
            for index, length, text in listing.found:
                done += self._message(text, length, index)
            done += self._expired()
            # `,1` deletes all that the listing marked as read, and nothing that came in since.
            whole = len(done) > 1 and not (self._held or listing.more or listing.broken)
            if not whole or not (await command("AT+CMGD=1,1", _DELETE_MS)).ok:
                await self._delete(done)
            if not listing.more:
                break
        return count

    # Jobs

    async def _do(self, job):
        kind, what, peer = job
        modem = self.modem
        if modem.state == 0:
            await modem.start()
        elif modem.asleep:
            await modem.wake()
        if kind == _SEND:
            await self._submit(what, peer)
        elif kind == _DRAIN or not await self._read(what):
            if not await self.drain() and what < 0:
                # Announced and not stored: this network's messages must be taken directly.
                await modem.ask(modem.cnmi_direct)

    async def _read(self, index):
        """Read one stored message; False when it is not to be had and all must be listed."""
        if index < 0:
            self._drop("index")
            return False
        listing = _Listing(())
        response = await self.modem.channel.command("AT+CMGR=%d" % index, _READ_MS, sink=listing.line)
        if not response.ok:
            self._drop("unreadable", response.final)
            return False
        done = self._expired()
        for _, length, text in listing.found:
            done += self._message(text, length, index)
        await self._delete(done)
        return True

    async def _delete(self, indices):
        for index in indices:
            if index is None:
                continue
            response = await self.modem.channel.command("AT+CMGD=%d" % index, _DELETE_MS)
            if not response.ok:
                self._drop("undeleted", response.final)

    async def _submit(self, data, peer):
        self._reference = self._reference + 1 & 255
        parts = split(data, self._reference, self.modem.config.get("sms_ports"))
        for header, chunk in parts:
            try:
                text, length = submit(peer, chunk, 0, header, self._types.get(peer, 0))
            except PduError as error:
                self._drop("number", str(error))
                return
            for attempt in range(2):
                response = await self.modem.channel.command(
                    "AT+CMGS=%d" % length, _SEND_MS, payload=text.encode() + b"\x1a"
                )
                # After a time-out it may have gone out, so only a refusal is tried again.
                if response.ok or response.final == "TIMEOUT":
                    break
            if not response.ok:
                self._drop("unsent", response.final)
                return

    # Unsolicited codes

    def _on_stored(self, line):
        """`+CMTI: "SM",3[,"MMS PUSH"]`, and on some networks `+CMTI: ,-1`."""
        fields = line.split(",")
        index = fields[1].strip() if len(fields) > 1 else ""
        self._add((_READ, int(index) if index.isdigit() else -1, 0))

    def _on_direct(self, line):
        """`+CMT: [alpha],length` and the PDU in the line after it; status reports and broadcasts likewise."""
        length = line.replace(":", ",").split(",")[-1].strip()

        def pdu_line(text):
            if not _is_hex(text):
                self._drop("no_pdu", text)
                return False
            if not line.startswith("+CMT"):
                self._drop("not_deliver")
            elif length.isdigit():
                self._message(text, int(length), None)
            else:
                self._drop("no_length", line)
            return None

        return pdu_line

    # Messages

    def _message(self, text, length, index):
        """Hand one message on; returns the storage indices that are done with."""
        done = [index]
        try:
            pdu = decode(from_hex(text), length)
            reason = None
            if pdu.kind != DELIVER:
                reason = "not_deliver"
            elif pdu.alphabet != 8:
                reason = "not_8bit"
            elif pdu.number is None:
                reason = "no_number"
            if reason:
                self._drop(reason)
                return done
            data = pdu.data
            if pdu.part:
                data, done, reason = self._assembler.add(
                    pdu.number, pdu.ports, pdu.part, data, index, self.modem.now()
                )
                if reason:
                    self._drop(reason)
                if index in self._ends:
                    self._assembler.bring_forward(index, self._ends.pop(index))
                self._held = [mark for mark, _ in self._assembler.waiting()]
                if data is None:
                    return done
            data = unwrap(data, pdu.ports[0] if pdu.ports else None)
        except PduError as error:
            self._drop("malformed", str(error))
            return done
        self._remember(pdu.number, pdu.address_type)
        self.received += 1
        if self.on_datagram:
            self.on_datagram(data, pdu.number, self)
        return done

    def _expired(self):
        done = []
        for marks in self._assembler.expire(self.modem.now()):
            self._drop("incomplete")
            done += marks
        self._held = [mark for mark, _ in self._assembler.waiting()]
        return done

    def _remember(self, number, address_type):
        if number in self._types or len(self._types) < _NUMBER_TYPES_MAX:
            self._types[number] = address_type

    # A sleep of the host

    def freeze(self) -> tuple:
        """(next reference, (storage index, deadline), …) of the parts that wait on the SIM."""
        waiting = [pair for pair in self._assembler.waiting() if pair[0] is not None]
        return tuple([self._reference] + waiting)

    def thaw(self, record: tuple) -> None:
        """Take over what `freeze` gave; `drain` then reads the parts again."""
        self._reference = record[0]
        for index, deadline in record[1:]:
            self._ends[index] = deadline


class _Listing:
    """Takes the lines of AT+CMGL or AT+CMGR: at most eight messages, the others are left for later."""

    def __init__(self, known):
        self.found = []  # (storage index, length, hexadecimal text)
        self.more = False
        self.broken = False  # a message whose PDU line was not readable
        self._known = known
        self._header = None

    def line(self, line):
        if line[:5] == "+CMGL" or line[:5] == "+CMGR":
            self.broken = self.broken or self._header is not None
            fields = line[6:].split(",")
            index = fields[0].strip()
            length = fields[-1].strip()
            self._header = (int(index) if index.isdigit() else -1, int(length) if length.isdigit() else -1)
        elif self._header and _is_hex(line):
            index, length = self._header
            self._header = None
            if index in self._known:
                return
            if len(self.found) < _BATCH:
                self.found.append((index, length, line))
            else:
                self.more = True


def _is_hex(text):
    """Whether text can be a PDU: an even number of hexadecimal digits."""
    return len(text) & 1 == 0 and text.strip("0123456789ABCDEFabcdef") == ""
