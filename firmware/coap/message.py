"""CoAP messages: the format of RFC 7252 §3, read and written.

A message keeps its options in wire form, as one bytes object. Reading a datagram checks that form
once and copies nothing else; an option's value is cut out when somebody asks for it.
"""

from micropython import const

from coap.options import RULES, encode_options, encode_uint, extended_head, in_range

CON = const(0)
NON = const(1)
ACK = const(2)
RST = const(3)

_HEADER = const(4)
_PAYLOAD_MARKER = const(0xFF)
_TOKEN_LIMIT = const(8)
_NUMBER_LIMIT = const(0xFFFF)
_ID_LIMIT = const(0xFFFF)
_RESERVED_CLASSES = const(0b11000010)  # one bit a class: 1, 6 and 7 (RFC 7252 §4.2)

_URI_PATH = const(11)
_CONTENT_FORMAT = const(12)
_URI_QUERY = const(15)


class FormatError(Exception):
    """Bytes that are not a CoAP message (RFC 7252 §3).

    args[0] names what is wrong. type and message_id are those of the header, None where no header
    of version 1 could be read.
    """

    def __init__(self, reason: str, type: int | None = None, message_id: int | None = None):
        super().__init__(reason)
        self.type = type
        self.message_id = message_id


class Message:
    """A request, a response or an empty message.

    type: CON, NON, ACK or RST. code: see coap.registry. message_id: 0..65535, given by the
    endpoint to what it sends. token: 0 to 8 bytes. payload: bytes, or a memoryview into the
    datagram that was read; for an endpoint to send also a body, which is any object with
    read(offset, size) -> bytes, fewer than size only at its end, and perhaps `size`, all of them.

    refused: number of a critical option that must not be ignored and cannot be acted on, 0 for
    none (RFC 7252 §5.4). notes: what coap.options has it decode note, 0 for nothing.
    """

    refused = 0
    notes = 0

    def __init__(
        self,
        code: int = 0,
        type: int = CON,
        token: bytes = b"",
        payload=b"",
        message_id: int = 0,
    ):
        self.type = type
        self.code = code
        self.message_id = message_id
        self.token = token
        self.payload = payload
        self.wire = b""  # the options

    @property
    def options(self) -> list:
        """All options as (number, value) in order."""
        found = []
        wire = self.wire
        at = number = 0
        while at < len(wire):
            head = extended_head(wire, at)
            number += head >> 20
            at += head & 0xF
            end = at + (head >> 4 & 0xFFFF)
            found.append((number, wire[at:end]))
            at = end
        return found

    def get(self, number: int) -> bytes | None:
        """Return the value of the first option with this number, or None."""
        at = self._find(number)
        return None if at < 0 else self.wire[at >> 16 : (at >> 16) + (at & 0xFFFF)]

    def get_uint(self, number: int, default: int | None = None) -> int | None:
        """Return an option of the uint format (RFC 7252 §3.2), or default where there is none."""
        value = self.get(number)
        return default if value is None else int.from_bytes(value, "big")

    def all(self, number: int) -> list:
        """Return the values of all options with this number, in order."""
        return [value for each, value in self.options if each == number]

    def path(self) -> list:
        """Return the Uri-Path segments as str (RFC 7252 §5.10.1)."""
        return [_text(value) for value in self.all(_URI_PATH)]

    def queries(self) -> list:
        """Return the Uri-Query arguments as str (RFC 7252 §5.10.1)."""
        return [_text(value) for value in self.all(_URI_QUERY)]

    def ids(self, skip: int = 0) -> tuple | None:
        """Return the Uri-Path, after so many segments, as ids 0..65535, None if it is not that."""
        found = []
        wire = self.wire
        at = self._find(_URI_PATH)
        while at >= 0:
            length = at & 0xFFFF
            at >>= 16
            if skip:
                skip -= 1
                at += length
            else:
                value = 0 if 0 < length <= 5 else _ID_LIMIT + 1
                length += at
                while at < length and value <= _ID_LIMIT:
                    digit = wire[at] - 0x30
                    if not 0 <= digit <= 9:
                        return None
                    value = value * 10 + digit
                    at += 1
                if value > _ID_LIMIT:
                    return None
                found.append(value)
            if at >= len(wire) or wire[at] >> 4:
                break
            # A further segment has delta 0, and its length in the same byte or is too long.
            at = at + 1 << 16 | wire[at]
        return tuple(found)

    def add(self, number: int, value: bytes | str | int) -> "Message":
        """Add an option behind those of the same number, and return the message.

        An int is coded in as few bytes as hold it (RFC 7252 §3.2), a str as UTF-8.
        """
        if isinstance(value, int):
            value = encode_uint(value)
        elif isinstance(value, str):
            value = value.encode()
        options = self.options
        at = len(options)
        while at and options[at - 1][0] > number:
            at -= 1
        options.insert(at, (number, value))
        self.wire = encode_options(options)
        return self

    def without(self, *numbers: int) -> bytes:
        """Return the options in wire form, those with the numbers left out."""
        return encode_options([each for each in self.options if each[0] not in numbers])

    def reply(self, code: int, payload=b"", content_format: int | None = None) -> "Message":
        """Return a response with this request's token; its type and ID are the endpoint's part."""
        response = Message(code, NON, self.token, payload)
        if content_format is not None:
            value = encode_uint(content_format)
            response.wire = bytes((_CONTENT_FORMAT << 4 | len(value),)) + value
        return response

    def exceeds(self, mtu: int) -> bool:
        """Tell whether the message is longer than mtu bytes; a body that fits is read."""
        room = mtu - _HEADER - 1 - len(self.token) - len(self.wire)
        payload = self.payload
        if hasattr(payload, "read"):
            payload = payload.read(0, room + 1)
            if len(payload) <= room:
                self.payload = payload
        return len(payload) > room

    def encode(self) -> bytearray:
        """Return the message as a datagram (RFC 7252 §3)."""
        datagram = bytearray(_HEADER)
        datagram[0] = 0x40 | self.type << 4 | len(self.token)
        datagram[1] = self.code
        datagram[2] = self.message_id >> 8
        datagram[3] = self.message_id & 0xFF
        datagram.extend(self.token)
        datagram.extend(self.wire)
        if len(self.payload):
            datagram.append(_PAYLOAD_MARKER)
            datagram.extend(self.payload)
        return datagram

    def _find(self, number: int) -> int:
        """Return position << 16 | length of the value of an option, -1 without one."""
        wire = self.wire
        at = current = 0
        while at < len(wire):
            length = wire[at]
            current += length >> 4
            length &= 0xF
            if wire[at] >= 0xD0 or length > 12:
                head = extended_head(wire, at)
                current += (head >> 20) - (wire[at] >> 4)
                length = head >> 4 & 0xFFFF
                at += head & 0xF
            else:
                at += 1
            if current >= number:
                return at << 16 | length if current == number else -1
            at += length
        return -1

    def _read(self, datagram: bytes, at: int) -> str | None:
        """Take options and payload from a position on; return what is wrong with them, or None."""
        size = len(datagram)
        start = at
        number = 0
        rule = None
        ignored = False
        while at < size:
            length = datagram[at]
            if length == _PAYLOAD_MARKER:
                if at + 1 == size:
                    return "no payload"
                self.payload = memoryview(datagram)[at + 1 :]
                break
            delta = length >> 4
            length &= 0xF
            if delta > 12 or length > 12:
                head = extended_head(datagram, at)
                delta = head >> 20
                length = head >> 4 & 0xFFFF
                at += head & 0xF
                if delta < 0:
                    return "option"
            else:
                at += 1
            at += length
            number += delta
            if at > size or number > _NUMBER_LIMIT:
                return "option"
            if delta or rule is None:
                rule = RULES.get(number)
                fits = rule is not None
                if fits and rule > 0xFFFF:
                    self.notes |= rule >> 16
            else:
                fits = rule & 1 or not number & 1  # §5.4.5
            if not fits or not rule >> 12 & 0xF <= length <= rule >> 1 & 0x3FF:
                if number & 1:
                    self.refused = self.refused or number
                elif rule is not None:
                    ignored = True  # §5.4.3
        self.wire = datagram[start:at]
        if ignored:
            self.wire = encode_options(
                [each for each in self.options if in_range(each[0], each[1])]
            )
        return None


def decode(datagram: bytes) -> Message:
    """Read a datagram (RFC 7252 §3 and §4.1); raises FormatError."""
    size = len(datagram)
    if size < _HEADER:
        raise FormatError("short")
    first = datagram[0]
    if first >> 6 != 1:
        raise FormatError("version")
    code = datagram[1]
    at = _HEADER + (first & 0xF)
    message = Message(code, first >> 4 & 3, b"", b"", datagram[2] << 8 | datagram[3])
    if at > _HEADER + _TOKEN_LIMIT:
        wrong = "token length"
    elif code == 0 and size > _HEADER:
        wrong = "empty with content"
    elif at > size:
        wrong = "token"
    elif _RESERVED_CLASSES >> (code >> 5) & 1:
        wrong = "reserved class"
    else:
        message.token = datagram[_HEADER:at]
        wrong = message._read(datagram, at)
    if wrong:
        raise FormatError(wrong, message.type, message.message_id)
    return message


def _text(value: bytes) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeError:
        return "\ufffd"  # names no resource, and means nothing as an argument


def dotted(code: int) -> str:
    """Return a code as people write it: "2.05" for 0x45."""
    return "%d.%02d" % (code >> 5, code & 0x1F)
