"""application/octet-stream (Content-Format 42): the bytes of one Opaque value."""

from micropython import const

from lwm2m.codec import CodecError, single

_OPAQUE = const(6)


def encode(entries, base: tuple):
    """Yield the bytes of the value at base; CodecError when it is not Opaque."""
    kind, value = single(entries, base)
    if kind != _OPAQUE:
        raise CodecError("only an Opaque value is sent as octets")
    yield value


def decode(payload, base: tuple, kind_of):
    """Yield (base, bytes)."""
    if kind_of(base) != _OPAQUE:
        raise CodecError("only an Opaque value is read from octets")
    yield base, bytes(payload)
