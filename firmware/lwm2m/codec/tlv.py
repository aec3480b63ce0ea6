"""TLV (Content-Format 11542; TS 1.0 §6.4.3), the format that 1.0 makes mandatory.

Type byte: bits 7-6 what it identifies, bit 5 a 16-bit identifier, bits 4-3 size of the length
field, bits 2-0 the length itself when that size is 0.
"""

import struct

from micropython import const

from lwm2m.codec import CodecError, coerce
from lwm2m.codec.cbor import float_octets, float_of

_INSTANCE = const(0x00)
_RESOURCE_INSTANCE = const(0x40)
_MULTIPLE = const(0x80)
_RESOURCE = const(0xC0)

_INTEGER = const(2)
_UNSIGNED = const(3)
_FLOAT = const(4)
_BOOLEAN = const(5)
_OPAQUE = const(6)
_TIME = const(7)
_OBJLNK = const(8)

_UNASSIGNED = const(65535)
_PIECE = const(128)


def encode(entries, base: tuple):
    """Yield the records in chunks of an Object Instance (base an Object) or of a Resource.

    At most one Object Instance is held at a time, because its length precedes it; it is so in
    pieces, for which a fragmented heap has room.
    """
    depth = len(base)
    held = []
    out = bytearray()
    multiple = bytearray()
    last: tuple = ()
    for path, kind, value in entries:
        if last:
            if multiple and path[:3] != last[:3]:
                _record(out, _MULTIPLE, last[2], multiple)
                multiple = bytearray()
            if depth == 1 and path[1] != last[1]:
                held.append(out)
                yield from _wrapped(last[1], held)
                held = []
                out = bytearray()
            elif depth == 1 and len(out) > _PIECE:
                held.append(out)
                out = bytearray()
            elif depth > 1 and out:
                yield out
                out = bytearray()
        data = _value(kind, value)
        if len(path) == 3:
            _record(out, _RESOURCE, path[2], data)
        elif depth == 4:
            _record(out, _RESOURCE_INSTANCE, path[3], data)
        else:
            _record(multiple, _RESOURCE_INSTANCE, path[3], data)
        last = path
    if multiple:
        _record(out, _MULTIPLE, last[2], multiple)
    if last and depth == 1:
        held.append(out)
        yield from _wrapped(last[1], held)
    elif last:
        yield out


def decode(payload, base: tuple, kind_of):
    """Yield (path, value) of each record; an empty multiple resource yields (path, {}).

    Resources sent to an Object (base of one id) without an Object Instance around them get the
    instance id 65535, for the client to choose (TS 1.0 §5.4.6 Create).
    """
    oid = base[0]
    iid = base[1] if len(base) > 1 else _UNASSIGNED
    at = 0
    while at < len(payload):
        what, number, start, at = _read(payload, at)
        if what == _INSTANCE and (len(base) == 1 or len(base) == 2 and number == base[1]):
            inner = start
            while inner < at:
                what, inner_number, start, inner = _read(payload, inner, at)
                yield from _resource(
                    payload, (oid, number, inner_number), what, start, inner, kind_of
                )
            continue
        if what == _RESOURCE_INSTANCE and len(base) > 2:
            path = base[:3] + (number,)
            what = _RESOURCE
        elif what >= _MULTIPLE and len(base) < 4:
            path = (oid, iid, number)
        else:
            raise CodecError("TLV record does not fit the request's path")
        if path[: len(base)] != base:
            raise CodecError("TLV record does not fit the request's path")
        yield from _resource(payload, path, what, start, at, kind_of)


def _resource(payload, path, what, start, end, kind_of):
    if what == _RESOURCE:
        yield path, _parse(kind_of(path), payload[start:end])
        return
    if what != _MULTIPLE:
        raise CodecError("TLV record does not fit the request's path")
    if start == end:
        kind_of(path)
        yield path, {}
    while start < end:
        what, number, inner, start = _read(payload, start, end)
        if what != _RESOURCE_INSTANCE:
            raise CodecError("TLV record does not fit the request's path")
        target = path + (number,)
        yield target, _parse(kind_of(target), payload[inner:start])


def _read(payload, at: int, end: int = -1):
    # Returns (what it identifies, identifier, start of the value, end of the value).
    if end < 0:
        end = len(payload)
    kind = payload[at]
    id_size = 2 if kind & 0x20 else 1
    length_size = kind >> 3 & 3
    start = at + 1 + id_size + length_size
    if start > end:
        raise CodecError("TLV ends early")
    number = int.from_bytes(payload[at + 1 : at + 1 + id_size], "big")
    if length_size:
        length = int.from_bytes(payload[at + 1 + id_size : start], "big")
    else:
        length = kind & 7
    if start + length > end:
        raise CodecError("TLV ends early")
    return kind & 0xC0, number, start, start + length


def _record(out: bytearray, what: int, number: int, value) -> None:
    _record_head(out, what, number, len(value))
    out += value


def _record_head(out: bytearray, what: int, number: int, size: int) -> None:
    if number > 255:
        what |= 0x20
    if size < 8:
        length_size = 0
        what |= size
    else:
        length_size = 1 if size < 0x100 else 2 if size < 0x10000 else 3
        what |= length_size << 3
    out.append(what)
    if number > 255:
        out.append(number >> 8)
    out.append(number & 255)
    if length_size:
        out += size.to_bytes(length_size, "big")


def _wrapped(number: int, pieces):
    out = bytearray()
    _record_head(out, _INSTANCE, number, sum([len(piece) for piece in pieces]))
    yield out
    yield from pieces


def _value(kind: int, value):
    if kind in (_INTEGER, _TIME, _UNSIGNED):
        size = 1
        # Signed values need a bit more than unsigned ones.
        while size < 8 and not _fits(value, 8 * size - (kind != _UNSIGNED), kind):
            size *= 2
        return (value & ((1 << 8 * size) - 1)).to_bytes(size, "big")
    if kind == _FLOAT:
        return float_octets(value)
    if kind == _BOOLEAN:
        return b"\x01" if value else b"\x00"
    if kind == _OBJLNK:
        return struct.pack(">HH", value[0], value[1])
    return value if kind == _OPAQUE else value.encode()


def _fits(value: int, bits: int, kind: int) -> bool:
    low = 0 if kind == _UNSIGNED else -1 << bits
    return low <= value < 1 << bits


def _parse(kind, data):
    if kind == 0:
        return None
    if kind in (_INTEGER, _TIME, _UNSIGNED):
        size = len(data)
        if size not in (1, 2, 4, 8):
            raise CodecError("TLV value is not of its type")
        value = int.from_bytes(data, "big")
        if kind != _UNSIGNED and data[0] & 0x80:
            value -= 1 << 8 * size
        return value
    if kind == _FLOAT:
        if len(data) == 4:
            return struct.unpack(">f", data)[0]
        if len(data) == 8:
            return float_of(int.from_bytes(data, "big"), 27)
        raise CodecError("TLV value is not of its type")
    if kind == _BOOLEAN:
        if len(data) != 1 or data[0] > 1:
            raise CodecError("TLV value is not of its type")
        return data[0] == 1
    if kind == _OBJLNK:
        if len(data) != 4:
            raise CodecError("TLV value is not of its type")
        return struct.unpack(">HH", data)
    if kind is None:
        raise CodecError("TLV record names no resource")
    if kind != _OPAQUE:
        try:
            data = str(data, "utf-8")
        except UnicodeError:
            raise CodecError("TLV value is not of its type")
    return coerce(kind, data)
