"""Notification attributes as text: the queries of Write-Attributes and of Observe, and the links
of Discover.
"""

from micropython import const

from lwm2m.codec import CodecError
from lwm2m.codec.text import decimal, number
from lwm2m.object import OperationError

_BAD_REQUEST = const(0x80)
_NAMES = "pmin pmax gt lt st epmin epmax edge con hqmax"
_GT = const(2)
_LT = const(3)
_ST = const(4)
_EPMIN = const(5)
_EPMAX = const(6)
_EDGE = const(7)
_CON = const(8)

_INTEGER = const(2)
_FLOAT = const(4)
_BOOLEAN = const(5)

_INTEGER_LIMIT = const(0x7FFFFFFF)  # as of the periods in the Server object
_NUMBER_LIMIT = 3.4e38  # beyond it a 32-bit float is infinite


def merge(own, queries: list, kind: "int | None", allowed: str) -> list:
    """Return own, in the order of lwm2m.attributes, as queries ("pmin=10", "pmin") change it.

    The list ends with the last that has a value. kind: type of the resource, None above resources.
    allowed: names, with spaces between. Raises OperationError 4.00 as `Attributes.set` says.
    """
    names = _NAMES.split(" ")
    values: list = [None] * len(names)
    values[: len(own)] = own
    for query in queries:
        name, _, text = query.partition("=")
        if name not in allowed.split(" "):
            raise OperationError(_BAD_REQUEST)
        index = names.index(name)
        values[index] = _parse(index, text, kind) if text else None
    above, below, step = values[_GT], values[_LT], values[_ST]
    if above is not None and below is not None and below + 2 * (step or 0) >= above:
        raise OperationError(_BAD_REQUEST)
    least, most = values[_EPMIN], values[_EPMAX]
    if least is not None and most is not None and least >= most:
        raise OperationError(_BAD_REQUEST)
    while values and values[-1] is None:
        values.pop()
    return values


def _parse(index, text, kind):
    try:
        value = number(text)
    except CodecError:
        raise OperationError(_BAD_REQUEST)
    if _GT <= index <= _ST:
        numeric = kind is not None and _INTEGER <= kind <= _FLOAT
        allowed = numeric and (index != _ST or value > 0) and abs(value) <= _NUMBER_LIMIT
    else:
        limit = 1 if index in (_EDGE, _CON) else _INTEGER_LIMIT
        allowed = isinstance(value, int) and 0 <= value <= limit
        allowed = allowed and (index != _EDGE or kind == _BOOLEAN)
    if not allowed:
        raise OperationError(_BAD_REQUEST)
    # A record takes integers of 64 bits.
    return value if abs(value) <= _INTEGER_LIMIT else float(value)


def link_format(values) -> str:
    """Return attributes as those of a link, ";pmin=10;gt=25.5"."""
    names = _NAMES.split(" ")
    text = ""
    for index in range(len(values)):
        if values[index] is not None:
            text += ";%s=%s" % (names[index], decimal(values[index]))
    return text
