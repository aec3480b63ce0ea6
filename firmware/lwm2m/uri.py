"""Request paths and Execute arguments."""

from micropython import const

from lwm2m.codec import is_digits
from lwm2m.object import OperationError

_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)


def parse_path(segments: list) -> tuple:
    """Return Uri-Path segments as a tuple of at most four ids (TS 1.1 Core §7.3).

    Raises OperationError 4.00 for an empty segment (a trailing slash makes one) or more than four,
    4.04 for what is not a number of 16 bits.
    """
    if len(segments) > 4 or "" in segments:
        raise OperationError(_BAD_REQUEST)
    path = []
    for segment in segments:
        if len(segment) > 5 or not is_digits(segment) or int(segment) > 65535:
            raise OperationError(_NOT_FOUND)
        path.append(int(segment))
    return tuple(path)


def parse_arguments(payload) -> list:
    """Return the arguments of an Execute, `0='value',1`, as [(0, "value"), (1, None)].

    The grammar is that of TS 1.0 §5.4.5: a digit, then perhaps `='` printable characters except
    space, quotes and backslash `'`. Raises OperationError 4.00 when payload departs from it.
    """
    arguments = []
    at = 0
    end = len(payload)
    while at < end:
        if arguments:
            if payload[at] != 0x2C:
                raise OperationError(_BAD_REQUEST)
            at += 1
        if at >= end or not 0x30 <= payload[at] <= 0x39:
            raise OperationError(_BAD_REQUEST)
        digit = payload[at] - 0x30
        at += 1
        value = None
        if at < end and payload[at] == 0x3D:
            at += 2
            start = at
            while at < end and 0x21 <= payload[at] <= 0x7E and payload[at] not in b"\"'\\":
                at += 1
            if at >= end or payload[start - 1] != 0x27 or payload[at] != 0x27:
                raise OperationError(_BAD_REQUEST)
            value = str(payload[start:at], "utf-8")
            at += 1
        arguments.append((digit, value))
    return arguments
