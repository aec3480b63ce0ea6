"""Messages read from the SIM or taken directly, decoded, joined, handed on and deleted.

Loaded only while there is something to read.
"""

import asyncio

from micropython import const

from .at import ModemError
from .pdu import DELIVER, PduError, decode, from_hex
from .wap import unwrap

_DELETE = const(2)  # a job of the link
_ALL = const(-1)  # in the place of a storage index
_TURN_MS = const(200)
_BATCH = const(8)
_NUMBERS_MAX = const(8)
_PASSES = const(8)

# Longest times of the manual, with a margin.
_LIST_MS = const(21_000)
_DELETE_MS = const(26_000)


class _Listing:
    """Takes the lines of AT+CMGL: eight messages, the others are left for later."""

    def __init__(self, known):
        self.found = []  # (storage index, length, hexadecimal text)
        self.more = False
        self.broken = False  # a message whose PDU line was not readable
        self._known = known
        self._header = None

    def line(self, line):
        if line[:5] == "+CMGL":
            self.broken = self.broken or self._header is not None
            fields = line[6:].split(",")
            self._header = (_number(fields[0]), _number(fields[-1]))
        elif self._header and _is_hex(line):
            index, length = self._header
            self._header = None
            if index in self._known:
                return
            if len(self.found) < _BATCH:
                self.found.append((index, length, line))
            else:
                self.more = True


def _number(text):
    text = text.strip()
    return int(text) if text.isdigit() else -1


def _is_hex(text):
    """Whether text can be a PDU: an even number of hexadecimal digits."""
    return len(text) & 1 == 0 and text.strip("0123456789ABCDEFabcdef") == ""


async def drain(link, missing: bool) -> int:
    """What `SmsLink.drain` says."""
    command = link.modem.channel.command
    count = 0
    for _ in range(_PASSES):
        listing = _Listing(_held(link) + link.done)
        response = await command("AT+CMGL=4", _LIST_MS, sink=listing.line)
        if response.final == "TIMEOUT":
            raise ModemError("modem: AT+CMGL was not answered")
        if not response.ok:
            link.drop("unread", response.final)
            break
        count += len(listing.found)
        done = []
        for index, length, text in listing.found:
            done += _message(link, text, length, index)
        done += _expired(link)
        # `,1` deletes all that the listing marked as read, and nothing that came in since.
        if len(done) > 1 and not (link.done or _held(link) or listing.more or listing.broken):
            done = [_ALL] + done
        link.done += done
        if listing.more:
            await _delete(link)
        if not listing.more:
            break
    if link.done:
        link.add((_DELETE, 0, 0))
    link.ends.clear()  # what is left there names no part any more
    if missing:
        link.drop("index")
        if not count and not link.direct:
            from .direct import listen

            listen(link)
            await link.modem.ask(link.modem.direct_sms)
    return count


def direct(link, line: str, text: str):
    """Take the line after `+CMT:`, `+CDS:` or `+CBM:`; returns False when it is not a PDU."""
    if not _is_hex(text):
        link.drop("no_pdu", text)
        return False
    length = _number(line.replace(":", ",").split(",")[-1])
    if not line.startswith("+CMT"):
        link.drop("not_deliver")
    elif length < 0:
        link.drop("no_length", line)
    else:
        _message(link, text, length, None)
        _expired(link)
    return None


async def delete(link) -> None:
    """Delete what a listing brought, after what it brought about had its turn."""
    await asyncio.sleep_ms(_TURN_MS)
    await _delete(link)


async def _delete(link):
    command = link.modem.channel.command
    done = link.done
    if done[:1] == [_ALL] and (await command("AT+CMGD=1,1", _DELETE_MS)).ok:
        done.clear()
    while done:
        index = done[0]
        if index is not None and index != _ALL:
            response = await command("AT+CMGD=%d" % index, _DELETE_MS)
            if not response.ok:
                link.drop("undeleted", response.final)
        done.pop(0)


def _message(link, text, length, index):
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
            link.drop(reason)
            return done
        data = pdu.data
        if pdu.part:
            data, done = _join(link, pdu, index)
            if data is None:
                return done
        data = unwrap(data, pdu.ports[0] if pdu.ports else None)
    except PduError as error:
        link.drop("malformed", str(error))
        return done
    if pdu.number in link.types or len(link.types) < _NUMBERS_MAX:
        link.types[pdu.number] = pdu.address_type
    if link.on_datagram:
        link.on_datagram(data, pdu.number, link)
    return done


def _join(link, pdu, index):
    if link.assembler is None:
        from .concat import Assembler

        link.assembler = Assembler()
    assembler = link.assembler
    now = link.modem.now()
    data, done, reason = assembler.add(pdu.number, pdu.ports, pdu.part, pdu.data, index, now)
    if reason:
        link.drop(reason)
    if index in link.ends:
        assembler.bring_forward(index, link.ends.pop(index))
    return data, list(done)


def _held(link):
    """Storage indices of the parts that wait for others."""
    return [mark for mark, _ in link.assembler.waiting()] if link.assembler else []


def _expired(link):
    """Give up messages that stay incomplete; returns the storage indices of their parts."""
    done = []
    if link.assembler:
        for marks in link.assembler.expire(link.modem.now()):
            link.drop("incomplete")
            done += marks
        if not link.assembler.waiting():
            link.assembler = None
    return done
