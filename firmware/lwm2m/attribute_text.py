"""Notification attributes as text: the queries of Write-Attributes, and the links of Discover."""

from micropython import const

from lwm2m.codec import CodecError
from lwm2m.codec.text import decimal, number
from lwm2m.object import OperationError

_BAD_REQUEST = const(0x80)
_NAMES = ("pmin", "pmax", "gt", "lt", "st")
_PMAX = const(1)
_GT = const(2)
_LT = const(3)
_ST = const(4)

_SECONDS_LIMIT = const(0x7FFFFFFF)  # as of the periods in the Server object
_NUMBER_LIMIT = 3.4e38  # beyond it a 32-bit float is infinite


def merge(values: list, queries: list, numeric: bool) -> None:
    """Apply queries ("pmin=10"; "pmin=" or "pmin" unsets) to [pmin, pmax, gt, lt, st].

    numeric: whether gt, lt and st may be set. Raises OperationError 4.00 as `Attributes.set` says;
    values is of no use then.
    """
    for query in queries:
        name, _, text = query.partition("=")
        if name not in _NAMES:
            raise OperationError(_BAD_REQUEST)
        index = _NAMES.index(name)
        values[index] = _parse(index, text, numeric) if text else None
    above, below, step = values[_GT], values[_LT], values[_ST]
    if above is not None and below is not None and below + 2 * (step or 0) >= above:
        raise OperationError(_BAD_REQUEST)


def _parse(index, text, numeric):
    try:
        value = number(text)
    except CodecError:
        raise OperationError(_BAD_REQUEST)
    if index <= _PMAX:
        allowed = isinstance(value, int) and 0 <= value <= _SECONDS_LIMIT
    else:
        allowed = numeric and (index != _ST or value > 0) and abs(value) <= _NUMBER_LIMIT
    if not allowed:
        raise OperationError(_BAD_REQUEST)
    # A record takes integers of 64 bits.
    return value if abs(value) <= _SECONDS_LIMIT else float(value)


def link_format(values) -> str:
    """Return (pmin, pmax, gt, lt, st) as link attributes, ";pmin=10;gt=25.5"."""
    text = ""
    for index in range(5):
        if values[index] is not None:
            text += ";%s=%s" % (_NAMES[index], decimal(values[index]))
    return text
