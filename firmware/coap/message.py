"""CoAP messages: the format of RFC 7252 §3, read and written.

A message keeps its options in wire form, as one bytes object. Reading a datagram checks that form
once and copies nothing else; an option's value is cut out when somebody asks for it.
"""

from micropython import const

from coap.options import (
    encode_content_format,
    encode_option,
    encode_uint,
    option_head,
    screen,
)

CON = const(0)
NON = const(1)
ACK = const(2)
RST = const(3)

_VERSION = const(1)
_PAYLOAD_MARKER = const(0xFF)
_TOKEN_LIMIT = const(8)
_NUMBER_LIMIT = const(0xFFFF)
_RESERVED_CLASSES = const(0b11000010)  # one bit a class: 1, 6 and 7 (RFC 7252 §4.2)

_URI_PATH = const(11)
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
    datagram that was read.
    """

    def __init__(
        self,
        code: int = 0,
        type: int = CON,
        token: bytes = b"",
        payload: bytes | memoryview = b"",
        message_id: int = 0,
    ):
        self.type = type
        self.code = code
        self.message_id = message_id
        self.token = token
        self.payload = payload
        self._options = b""

    @property
    def options(self) -> list:
        """All options as (number, value) in order."""
        found = []
        wire = self._options
        at = number = 0
        while at < len(wire):
            head = option_head(wire, at)
            number += head >> 20
            at += head & 0xF
            end = at + (head >> 4 & 0xFFFF)
            found.append((number, wire[at:end]))
            at = end
        return found

    def get(self, number: int) -> bytes | None:
        """Return the value of the first option with this number, or None."""
        wire = self._options
        at = current = 0
        while at < len(wire):
            head = option_head(wire, at)
            current += head >> 20
            at += head & 0xF
            if current >= number:
                return wire[at : at + (head >> 4 & 0xFFFF)] if current == number else None
            at += head >> 4 & 0xFFFF
        return None

    def get_uint(self, number: int, default: int | None = None) -> int | None:
        """Return an option of the uint format (RFC 7252 §3.2), or default where there is none."""
        value = self.get(number)
        return default if value is None else int.from_bytes(value, "big")

    def all(self, number: int) -> list:
        """Return the values of all options with this number, in order."""
        found = []
        wire = self._options
        at = current = 0
        while at < len(wire) and current <= number:
            head = option_head(wire, at)
            current += head >> 20
            at += head & 0xF
            end = at + (head >> 4 & 0xFFFF)
            if current == number:
                found.append(wire[at:end])
            at = end
        return found

    def path(self) -> list:
        """Return the Uri-Path segments as str (RFC 7252 §5.10.1)."""
        return [_text(value) for value in self.all(_URI_PATH)]

    def queries(self) -> list:
        """Return the Uri-Query arguments as str (RFC 7252 §5.10.1)."""
        return [_text(value) for value in self.all(_URI_QUERY)]

    def add(self, number: int, value: bytes | str | int) -> "Message":
        """Add an option behind those of the same number, and return the message.

        An int is coded in as few bytes as hold it (RFC 7252 §3.2), a str as UTF-8.
        """
        if isinstance(value, int):
            value = encode_uint(value)
        elif isinstance(value, str):
            value = value.encode()
        wire = self._options
        at = previous = following = head = 0
        while at < len(wire):
            head = option_head(wire, at)
            following = previous + (head >> 20)
            if following > number:
                break
            previous = following
            at += (head & 0xF) + (head >> 4 & 0xFFFF)
        option = encode_option(number - previous, value)
        if at == len(wire):
            self._options = wire + option
        else:
            # The delta of the option behind counts from the new one.
            start = at + (head & 0xF)
            end = start + (head >> 4 & 0xFFFF)
            behind = encode_option(following - number, wire[start:end])
            self._options = wire[:at] + option + behind + wire[end:]
        return self

    def remove(self, number: int):
        """Remove all options with this number."""
        kept = self.options
        self._options = b""
        for current, value in kept:
            if current != number:
                self.add(current, value)

    def screen(self) -> int:
        """Return the number of the first critical option that may not be acted on, or 0.

        Elective options of that kind are removed, which is to ignore them (RFC 7252 §5.4.1).
        """
        number = screen(self._options)
        while number and not number & 1:
            self.remove(number)
            number = screen(self._options)
        return number

    def reply(
        self, code: int, payload: bytes | memoryview = b"", content_format: int | None = None
    ) -> "Message":
        """Return a response with this request's token; its type and ID are the endpoint's part."""
        response = Message(code, NON, self.token, payload)
        if content_format is not None:
            response._options = encode_content_format(content_format)
        return response

    def encode(self) -> bytearray:
        """Return the message as a datagram (RFC 7252 §3)."""
        token = self.token
        options = self._options
        payload = self.payload
        start = 4 + len(token)
        end = start + len(options)
        datagram = bytearray(end + 1 + len(payload) if payload else end)
        datagram[0] = _VERSION << 6 | self.type << 4 | len(token)
        datagram[1] = self.code
        datagram[2] = self.message_id >> 8
        datagram[3] = self.message_id & 0xFF
        datagram[4:start] = token
        datagram[start:end] = options
        if payload:
            datagram[end] = _PAYLOAD_MARKER
            datagram[end + 1 :] = payload
        return datagram


def decode(datagram: bytes) -> Message:
    """Read a datagram (RFC 7252 §3 and §4.1); raises FormatError."""
    size = len(datagram)
    if size < 4:
        raise FormatError("short")
    first = datagram[0]
    if first >> 6 != _VERSION:
        raise FormatError("version")
    type = first >> 4 & 3
    code = datagram[1]
    message_id = datagram[2] << 8 | datagram[3]
    at = 4 + (first & 0xF)
    if at > 4 + _TOKEN_LIMIT:
        raise FormatError("token length", type, message_id)
    if code == 0 and size > 4:
        raise FormatError("empty with content", type, message_id)
    if at > size:
        raise FormatError("token", type, message_id)
    if _RESERVED_CLASSES >> (code >> 5) & 1:
        raise FormatError("reserved class", type, message_id)
    message = Message(code, type, datagram[4:at], b"", message_id)
    start = at
    number = 0
    while at < size:
        if datagram[at] == _PAYLOAD_MARKER:
            if at + 1 == size:
                raise FormatError("no payload", type, message_id)
            message.payload = memoryview(datagram)[at + 1 :]
            break
        head = option_head(datagram, at)
        number += head >> 20
        at += (head & 0xF) + (head >> 4 & 0xFFFF)
        if head < 0 or at > size or number > _NUMBER_LIMIT:
            raise FormatError("option", type, message_id)
    message._options = datagram[start:at]
    return message


def _text(value: bytes) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeError:
        return "\ufffd"  # names no resource, and means nothing as an argument


def dotted(code: int) -> str:
    """Return a code as people write it: "2.05" for 0x45."""
    return "%d.%02d" % (code >> 5, code & 0x1F)
