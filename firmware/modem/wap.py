"""WAP Push around a CoAP message, as LwM2M servers send triggers (LwM2M 1.1 Core Appendix L)."""

from micropython import const

from .pdu import PduError

PORT = const(2948)

_PUSH = const(0x06)
_APPLICATION_HEADER = const(0xAF)  # X-Wap-Application-Id as a well-known short integer
_LWM2M = const(0x9A)  # x-wap-application:lwm2m.dm


def _skip_value(data, at, end):
    """Offset after one header value, WAP-230 §8.4.1.2."""
    first = data[at]
    at += 1
    if first >= 128:
        return at
    if first < 31:
        return at + first
    if first == 31:
        length, at = _uintvar(data, at)
        return at + length
    while at < end and data[at]:
        at += 1
    return at + 1


def _uintvar(data, at):
    """(value, next offset) of a variable length unsigned integer, WAP-230 §8.1.2."""
    value = 0
    for _ in range(4):
        value = value << 7 | data[at] & 127
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise PduError("WSP length")


def _unwrap(data):
    if data[1] != _PUSH:
        raise PduError("WSP PDU type %d" % data[1])
    length, at = _uintvar(data, 2)
    end = at + length
    if end > len(data):
        raise PduError("WSP headers of %d octets" % length)
    at = _skip_value(data, at, end)  # content type
    ours = False
    while at < end:
        name = data[at]
        at = at + 1 if name >= 128 else _skip_value(data, at, end)
        if name == _APPLICATION_HEADER and data[at] == _LWM2M:
            ours = True
        at = _skip_value(data, at, end)
    if at != end:
        raise PduError("WSP headers overrun")
    if not ours:
        raise PduError("WAP application")
    return data[end:]


def unwrap(data: bytes, port: int | None = None) -> bytes:
    """The CoAP message in 8-bit user data: bare, or inside a WSP Push for LwM2M.

    port: destination port of the user data header, None without one. Port 2948 demands a Push.
    Otherwise octet 2 decides: 06 is a Push, unless the octets are no such Push and read as CoAP
    version 1 (where 06 is PATCH). Returns the message. Raises PduError naming what is wrong.
    """
    try:
        if port == PORT:
            return _unwrap(data)
        if data[1] != _PUSH:
            return data
        try:
            return _unwrap(data)
        except PduError:
            if data[0] & 0xC0 == 0x40:
                return data
            raise
    except IndexError:
        raise PduError("truncated")
