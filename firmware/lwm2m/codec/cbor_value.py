"""application/cbor (Content-Format 60): one value as one CBOR item (TS 1.1 Core §7.4.3).

An Objlnk is the text "3:0"; a Time is an integer, read with or without the epoch tag
and as a date and time in text under tag 0, which is how TS 1.1.1 table C.2-1 has it written.
"""

from micropython import const

from lwm2m.codec import coerce, single
from lwm2m.codec.cbor import dumps, loads, put_float

_FLOAT = const(4)
_OBJLNK = const(8)


def encode(entries, base: tuple):
    """Yield the CBOR item of the value at base."""
    kind, value = single(entries, base)
    if kind == _OBJLNK:
        value = "%d:%d" % value
    if kind == _FLOAT:
        out = bytearray()
        put_float(out, value)  # not an integer, which Leshan refuses for a Float
        yield out
    else:
        yield dumps(value)


def decode(payload, base: tuple, kind_of):
    """Yield (base, value) for the item in payload."""
    yield base, coerce(kind_of(base), loads(payload))
