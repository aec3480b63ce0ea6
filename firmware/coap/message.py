"""CoAP messages: the format of RFC 7252 §3, read and written.

A message keeps its options in wire form, as one bytes object. Reading a datagram checks that form
once and copies nothing else; an option's value is cut out when somebody asks for it.
"""

from micropython import const

from coap.options import (
    RULES,
    append_option,
    encode_options,
    encode_uint,
    extended_head,
    fits,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CON = const(0)
NON = const(1)
ACK = const(2)
RST = const(3)

_HEADER = const(4)
_PAYLOAD_MARKER = const(0xFF)
_TOKEN_LIMIT = const(8)
_NUMBER_LIMIT = const(0xFFFF)
_NO_LIMIT = const(0x3FFFFFFF)
_ID_LIMIT = const(0xFFFF)
_ID_DIGITS = const(5)
_RESERVED_CLASSES = const(0b11000010)  # one bit a class: 1, 6 and 7 (RFC 7252 §4.2)

_URI_PATH = const(11)
_CONTENT_FORMAT = const(12)
_URI_QUERY = const(15)
_BLOCK2 = const(23)
_BLOCK1 = const(27)
_ECHO = const(252)
_NO_RESPONSE = const(258)

_REPEATABLE = const(1 << 13)  # coap.options
# Message.notes
_NOTED_BLOCK = const(1)
_NOTED_NO_RESPONSE = const(2)
_NOTED_ECHO = const(4)
_SPOILT = const(8)

_FORMATS = {}  # content format: its option; as many as the application has formats


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
    none (RFC 7252 §5.4). notes: options that are seldom there and were, by the bits above.
    wire: the options as they go.
    """

    # Here so that a message stores only what differs.
    type = CON
    message_id = refused = notes = 0
    payload: "Any" = b""
    wire: "Any" = b""

    def __init__(
        self,
        code: int = 0,
        type: int = CON,
        token: bytes = b"",
        payload=b"",
        message_id: int = 0,
    ):
        self.code = code
        self.token = token
        if type:
            self.type = type
        if message_id:
            self.message_id = message_id
        if payload:
            self.payload = payload

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

    def get_uint(self, number: int, default: int | None = None) -> "Any":
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
        """Return the Uri-Path, after so many segments, as at most four ids 0..65535, or None."""
        wire = self.wire
        at = self._find(_URI_PATH)
        a = b = c = d = 0  # the last four; a list would be garbage of every request
        count = -skip
        while at >= 0:
            length = at & 0xFFFF
            at >>= 16
            count += 1
            if count <= 0:
                at += length
                if at < len(wire) and 12 < wire[at] <= 0xF:  # a longer segment to leave out
                    length = extended_head(wire, at)
                    at = at + (length & 0xF) << 16 | length >> 4 & 0xFFFF
                    continue
            elif count > 4 or not 0 < length <= _ID_DIGITS:
                return None
            else:
                length += at
                value = 0
                while at < length:
                    digit = wire[at] ^ 0x30
                    if digit > 9:
                        return None
                    value = value * 10 + digit
                    at += 1
                if value > _ID_LIMIT:
                    return None
                a = b
                b = c
                c = d
                d = value
            # A further segment has delta 0, and its length in the same byte or is too long.
            if at == len(wire) or wire[at] > 0xF:
                break
            at = at + 1 << 16 | wire[at]
        if count == 3:
            return (b, c, d)
        if count == 2:
            return (c, d)
        if count == 4:
            return (a, b, c, d)
        return (d,) if count == 1 else ()

    def add(self, number: int, value: bytes | str | int) -> "Message":
        """Add an option behind those of the same number, and return the message.

        An int is coded in as few bytes as hold it (RFC 7252 §3.2), a str as UTF-8.
        """
        if isinstance(value, int):
            value = encode_uint(value)
        elif isinstance(value, str):
            value = value.encode()
        last = -1 - self._find(_NUMBER_LIMIT + 1)
        if last <= number:
            wire = bytearray(self.wire)
            append_option(wire, number - last, value)
            self.wire = wire
        else:
            options = self.options
            before = [each for each in options if each[0] <= number]
            rest = options[len(before) :]
            self.wire = encode_options(before + [(number, value)] + rest)  # noqa: RUF005
        return self

    def without(self, *numbers: int) -> bytes:
        """Return the options in wire form, those with the numbers left out."""
        return encode_options([each for each in self.options if each[0] not in numbers])

    def reply(self, code: int, payload=b"", content_format: int | None = None) -> "Message":
        """Return a response with this request's token; its type and ID are the endpoint's part."""
        response = Message(code, CON, self.token, payload)
        if content_format is not None:
            response.wire = _FORMATS.get(content_format) or _format_option(content_format)
        return response

    def exceeds(self, mtu: int) -> bool:
        """Tell whether the message is longer than mtu bytes; a body that fits is read."""
        body = self.payload
        if hasattr(body, "read"):
            self.payload = body.read(0, mtu)
        size = len(self.payload)
        longer = _HEADER + len(self.token) + len(self.wire) + (size and size + 1) > mtu
        if longer:
            self.payload = body
        return longer

    def encode(self) -> bytearray:
        """Return the message as a datagram (RFC 7252 §3)."""
        return self.encode_as(self.type, self.message_id)

    def encode_as(self, type: int, message_id: int, mtu: int = _NO_LIMIT) -> "Any":
        """Return the message as a datagram with a type and an ID that are not its own.

        None where it goes in blocks: the payload is a body, or too long for mtu bytes.
        """
        payload = self.payload
        datagram = bytearray(_HEADER)
        datagram[0] = 0x40 | type << 4 | len(self.token)
        datagram[1] = self.code
        datagram[2] = message_id >> 8
        datagram[3] = message_id & 0xFF
        datagram.extend(self.token)
        datagram.extend(self.wire)
        if payload:
            if payload.__class__ is not bytes and hasattr(payload, "read"):
                return None
            if len(datagram) + len(payload) >= mtu:
                return None  # before it takes as much memory again
            datagram.append(_PAYLOAD_MARKER)
            datagram.extend(payload)
        return datagram

    def _find(self, number: int) -> int:
        """Return position << 16 | length of the value of an option.

        Negative without one: -1 less the number of the last option if all are below.
        """
        wire = self.wire
        size = len(wire)
        at = current = 0
        while at < size:
            length = wire[at]
            if length > 0xCF or length & 0xF > 12:
                length = extended_head(wire, at)
                current += length >> 20
                at += length & 0xF
                length = length >> 4 & 0xFFFF
            else:
                current += length >> 4
                at += 1
                length &= 0xF
            if current >= number:
                return at << 16 | length if current == number else -1
            at += length
        return -1 - current

    def _judge(self, number, length, delta):
        """Look at an option that is not one of the common ones as they should be."""
        if number in (_BLOCK2, _BLOCK1):
            self.notes |= _NOTED_BLOCK
        elif number == _NO_RESPONSE:
            self.notes |= _NOTED_NO_RESPONSE
        elif number == _ECHO:
            self.notes |= _NOTED_ECHO
        if not number & 1:
            if number in RULES and not fits(number, length):
                self.notes |= _SPOILT  # §5.4.3: as if not recognised, which is to be ignored
        elif not fits(number, length) or not (delta or RULES[number] & _REPEATABLE):  # §5.4.5
            self.refused = self.refused or number


def decode(datagram: bytes) -> Message:
    """Read a datagram (RFC 7252 §3 and §4.1); raises FormatError."""
    size = len(datagram)
    if size < _HEADER:
        raise FormatError("short")
    delta = datagram[0]
    if delta >> 6 != 1:
        raise FormatError("version")
    at = start = _HEADER + (delta & 0xF)
    message = Message(datagram[1], delta >> 4 & 3, datagram[_HEADER:at])
    message.message_id = datagram[2] << 8 | datagram[3]
    code = datagram[1]
    if at > size or at > _HEADER + _TOKEN_LIMIT or code >= 0x20 or code == 0:
        wrong = _wrong_header(code, at, size)
        if wrong:
            raise _wrong(wrong, message)
    number = rule = 0
    while at < size:
        delta = datagram[at]
        length = delta & 0xF
        if delta > 0xCF or length > 12:
            if delta == _PAYLOAD_MARKER:
                message.payload = memoryview(datagram)[at + 1 :]
                if not message.payload:
                    raise _wrong("no payload", message)
                break
            length = extended_head(datagram, at)
            if length < 0:
                raise _wrong("option", message)
            delta = length >> 20
            number += delta
            at += length & 0xF
            length = length >> 4 & 0xFFFF
            rule = 0
        else:
            at += 1
            delta >>= 4
            if delta:
                number += delta
                rule = RULES.get(number, 0)
            elif not rule & _REPEATABLE:
                rule = 0
        at += length
        if not rule >> length & 1:
            message._judge(number, length, delta)
    if at > size or number > _NUMBER_LIMIT:
        raise _wrong("option", message)
    message.wire = datagram[start:at]
    if message.notes & _SPOILT:
        message.wire = encode_options(
            [
                each
                for each in message.options
                if each[0] not in RULES or fits(each[0], len(each[1]))
            ]
        )
    return message


def _format_option(number):
    """Return a Content-Format as the only option of a message, which most responses have."""
    _FORMATS[number] = wire = encode_options([(_CONTENT_FORMAT, encode_uint(number))])
    return wire


def _wrong_header(code, at, size):
    """Return what is wrong with a code, or with a token that ends at a position, or None."""
    if at > _HEADER + _TOKEN_LIMIT:
        return "token length"
    if code == 0 and size > _HEADER:
        return "empty with content"
    if at > size:
        return "token"
    return "reserved class" if _RESERVED_CLASSES >> (code >> 5) & 1 else None


def _wrong(reason, message):
    return FormatError(reason, message.type, message.message_id)


def _text(value: bytes) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeError:
        return "\ufffd"  # names no resource, and means nothing as an argument


def dotted(code: int) -> str:
    """Return a code as people write it: "2.05" for 0x45."""
    return "%d.%02d" % (code >> 5, code & 0x1F)
