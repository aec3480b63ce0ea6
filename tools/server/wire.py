"""CoAP messages on the wire, by aiocoap's message codec with the checks it leaves to its caller.

A message is an ``aiocoap.Message``; the helpers here set what aiocoap regards as its context's
business (type, message ID, token), because the server does its own matching: see endpoint.py.
"""

from aiocoap import Message
from aiocoap.error import UnparsableMessage
from aiocoap.numbers.codes import Code
from aiocoap.numbers.optionnumbers import OptionNumber

CON, NON, ACK, RST = 0, 1, 2, 3

GET, POST, PUT, DELETE, FETCH, IPATCH = 1, 2, 3, 4, 5, 7

LINK_FORMAT = 40

_PAYLOAD_MARKER = 0xFF
_RECOGNISED_CRITICAL = {
    OptionNumber.IF_MATCH,
    OptionNumber.URI_HOST,
    OptionNumber.IF_NONE_MATCH,
    OptionNumber.URI_PORT,
    OptionNumber.URI_PATH,
    OptionNumber.URI_QUERY,
    OptionNumber.ACCEPT,
    OptionNumber.BLOCK2,
    OptionNumber.BLOCK1,
}


class FormatError(Exception):
    """A datagram is not a CoAP message (RFC 7252 §3).

    `type` and `message_id` are those of its header, or None when even that could not be read or
    the version is not 1 (RFC 7252 §3: such messages are silently ignored).
    """

    def __init__(self, reason: str, type: int | None = None, message_id: int | None = None):
        super().__init__(reason)
        self.type = type
        self.message_id = message_id


def dotted(code: int) -> str:
    """Write a code as the specifications do: 0x45 → "2.05" (RFC 7252 §3)."""
    return "%d.%02d" % (code >> 5, code & 0x1F)


def code_of(text: str) -> int:
    """Read a dotted code: "2.05" → 0x45."""
    major, _, detail = text.partition(".")
    return int(major) << 5 | int(detail)


def message(
    code: int,
    *,
    type: int = CON,
    message_id: int | None = None,
    token: bytes = b"",
    path: tuple[str, ...] = (),
    query: tuple[str, ...] = (),
    payload: bytes = b"",
    content_format: int | None = None,
    accept: int | None = None,
    observe: int | None = None,
) -> Message:
    """Build a message with the options that LwM2M uses."""
    built = Message(code=Code(code), payload=payload)
    built.mtype = type
    built.mid = message_id
    built.token = token
    if path:
        built.opt.uri_path = path
    if query:
        built.opt.uri_query = query
    if observe is not None:
        built.opt.observe = observe
    if content_format is not None:
        built.opt.content_format = content_format
    if accept is not None:
        built.opt.accept = accept
    return built


def encode(outgoing: Message) -> bytes:
    """Serialize a message whose type and message ID are set."""
    return outgoing.encode()


def empty(type: int, message_id: int) -> bytes:
    """Build an Empty message: an ACK or RST without a response (RFC 7252 §4.1)."""
    return bytes((0x40 | type << 4, 0, message_id >> 8, message_id & 0xFF))


def decode(datagram: bytes) -> Message:
    """Parse one datagram.

    Raises FormatError for everything that RFC 7252 §3 and §4.1 call a message format error.
    """
    if len(datagram) < 4:
        raise FormatError("too_short")
    if datagram[0] >> 6 != 1:
        raise FormatError("version")
    type = datagram[0] >> 4 & 3
    message_id = datagram[2] << 8 | datagram[3]
    token_length = datagram[0] & 0x0F
    if token_length > 8 or len(datagram) < 4 + token_length:
        raise FormatError("token_length", type, message_id)
    if datagram[1] == 0 and len(datagram) > 4:
        raise FormatError("empty_not_empty", type, message_id)
    if datagram[1] >> 5 in (1, 6, 7):
        raise FormatError("reserved_code", type, message_id)
    if _has_empty_payload(datagram, 4 + token_length):
        raise FormatError("marker_without_payload", type, message_id)
    try:
        return Message.decode(bytes(datagram))
    except (UnparsableMessage, ValueError) as error:
        raise FormatError("options", type, message_id) from error


def _has_empty_payload(datagram: bytes, index: int) -> bool:
    """Tell whether a payload marker ends the datagram, by a walk over the options."""
    if datagram[-1] != _PAYLOAD_MARKER:
        return False
    while index < len(datagram):
        if datagram[index] == _PAYLOAD_MARKER:
            return index == len(datagram) - 1
        delta, length = datagram[index] >> 4, datagram[index] & 0x0F
        index += 1 + (delta == 13) + 2 * (delta == 14)
        if length == 13 and index < len(datagram):
            length = 13 + datagram[index]
            index += 1
        elif length == 14 and index + 1 < len(datagram):
            length = 269 + (datagram[index] << 8 | datagram[index + 1])
            index += 2
        index += length
    return False


def unknown_critical_option(incoming: Message) -> int | None:
    """Return the number of the first critical option this server does not recognise
    (RFC 7252 §5.4.1), or None."""
    for option in incoming.opt.option_list():
        if option.number.is_critical() and option.number not in _RECOGNISED_CRITICAL:
            return int(option.number)
    return None


def content_format_of(incoming: Message) -> int | None:
    """Return the Content-Format as an integer, or None when the option is absent."""
    value = incoming.opt.content_format
    return None if value is None else int(value)
