"""CBOR (RFC 8949): reading and writing items, for SenML, single values and stored records.

Floats are read by hand. A 64-bit float of integral value beyond 2^24 comes back as an int, because
where floats have 32 bits a float would lose its digits. Depth and lengths are bounded.
"""

import math
import struct

from micropython import const

from lwm2m.codec import CodecError

_MAX_DEPTH = const(6)
_EXACT = const(0x1000000)  # 2^24: what the mantissa of 32 bits counts up to


def dumps(value) -> bytes:
    """Return value (None, bool, int, float, str, bytes, list, tuple, dict) as one CBOR item."""
    out = bytearray()
    put(out, value)
    return bytes(out)


def loads(data):
    """Return the item that fills data; CodecError when malformed or followed by more."""
    reader = Reader(data)
    value = reader.item()
    if reader.at != len(data):
        raise CodecError("malformed CBOR")
    return value


def head(out: bytearray, major: int, argument: int) -> None:
    """Append an item head in its shortest form (RFC 8949 §3)."""
    major <<= 5
    if argument < 24:
        out.append(major | argument)
    elif argument < 0x100:
        out.append(major | 24)
        out.append(argument)
    elif argument < 0x10000:
        out.append(major | 25)
        out += argument.to_bytes(2, "big")
    elif argument < 0x100000000:
        out.append(major | 26)
        out += argument.to_bytes(4, "big")
    elif argument < 0x10000000000000000:
        out.append(major | 27)
        out += argument.to_bytes(8, "big")
    else:
        raise CodecError("integer exceeds 64 bits")


def put(out: bytearray, value) -> None:
    """Append value as one item; a float in 16 or 32 bits when that is exact, else in 64."""
    if value is None:
        out.append(0xF6)
    elif value is True:
        out.append(0xF5)
    elif value is False:
        out.append(0xF4)
    elif isinstance(value, int):
        if value < 0:
            head(out, 1, -1 - value)
        else:
            head(out, 0, value)
    elif isinstance(value, float):
        put_float(out, value)
    elif isinstance(value, str):
        value = value.encode()
        head(out, 3, len(value))
        out += value
    elif isinstance(value, (bytes, bytearray, memoryview)):
        head(out, 2, len(value))
        out += value
    elif isinstance(value, (list, tuple)):
        head(out, 4, len(value))
        for item in value:
            put(out, item)
    elif isinstance(value, dict):
        head(out, 5, len(value))
        for key in value:
            put(out, key)
            put(out, value[key])
    else:
        raise CodecError("no CBOR item for %s" % type(value))


def put_float(out: bytearray, value) -> None:
    """Append a number, int or float, as the shortest exact floating-point item (RFC 8949 §4.1)."""
    if value != value:
        out += b"\xf9\x7e\x00"
        return
    octets = float_octets(value)
    if len(octets) == 4:
        bits = int.from_bytes(octets, "big")
        exponent = (bits >> 23 & 255) - 112  # as 16 bits have it; smaller numbers keep 32
        if not bits & 0x1FFF and (0 < exponent < 31 or not bits & 0x7FFFFFFF):
            out.append(0xF9)
            octets = (bits >> 16 & 0x8000 | max(exponent, 0) << 10 | bits >> 13 & 0x3FF).to_bytes(
                2, "big"
            )
        else:
            out.append(0xFA)
    else:
        out.append(0xFB)
    out += octets


def float_octets(value) -> bytes:
    """Return a number, int or float, in IEEE 754: 4 bytes when that is exact, else 8.

    A large int, as `float_of` returns it, does not go through a float, which may have 32 bits.
    """
    if isinstance(value, int) and not -_EXACT <= value <= _EXACT:
        from lwm2m.codec.exact import double

        return double(value)
    value = float(value)
    try:
        short = struct.pack(">f", value)
        if value != value or struct.unpack(">f", short)[0] == value:
            return short
    except OverflowError:
        pass
    return struct.pack(">d", value)


class Reader:
    """Reads items from data (bytes or memoryview), from index `at` on."""

    def __init__(self, data) -> None:
        self.data = data
        self.at = 0

    def head(self) -> tuple:
        """Read an item head: (first byte, argument); the argument of an open length is None."""
        data = self.data
        if self.at >= len(data):
            raise CodecError("malformed CBOR")
        first = data[self.at]
        self.at += 1
        short = first & 31
        if short < 24:
            return first, short
        if short < 28:
            return first, int.from_bytes(self._take(1 << (short - 24)), "big")
        if short == 31:
            return first, None
        raise CodecError("malformed CBOR")

    def ends(self, count) -> bool:
        """True when a list of `count` items (None: until a break) has no item left to read."""
        if count is not None:
            return count == 0
        if self.at < len(self.data) and self.data[self.at] == 0xFF:
            self.at += 1
            return True
        return False

    def item(self, depth: int = 0):
        """Read one item with all that it holds."""
        first, count = self.head()
        major = first >> 5
        if depth > _MAX_DEPTH:
            raise CodecError("malformed CBOR")
        if major == 2 or major == 3:
            return self._string(major, count)
        if major == 4 or major == 5:
            return self._items(major, count, depth + 1)
        if count is None:
            raise CodecError("malformed CBOR")
        if major == 0:
            return count
        if major == 1:
            return -1 - count
        if major == 6:
            return _tagged(count, self.item(depth + 1))
        short = first & 31
        if 25 <= short <= 27:
            return float_of(count, short)
        if 20 <= short <= 22:
            return (False, True, None)[short - 20]
        raise CodecError("malformed CBOR")

    def _items(self, major: int, count, depth: int):
        items = []
        pairs = {}
        while not self.ends(count):
            item = self.item(depth)
            if major == 4:
                items.append(item)
            elif isinstance(item, (int, str)):
                pairs[item] = self.item(depth)
            else:
                raise CodecError("malformed CBOR")
            if count:
                count -= 1
        return items if major == 4 else pairs

    def _take(self, size: int):
        start = self.at
        end = start + size
        if end > len(self.data):
            raise CodecError("malformed CBOR")
        self.at = end
        return self.data[start:end]

    def _string(self, major: int, size):
        if size is None:
            taken = b""
            while not self.ends(None):
                first, size = self.head()
                if first >> 5 != major or size is None:
                    raise CodecError("malformed CBOR")
                taken += bytes(self._take(size))
        else:
            taken = self._take(size)
        if major == 2:
            return bytes(taken)
        try:
            return str(taken, "utf-8")
        except UnicodeError:
            raise CodecError("malformed CBOR")


def _tagged(tag: int, value):
    # Big numbers, decimal fractions and dates as text (RFC 8949 §3.4.3, §3.4.4, §3.4.1) are the
    # tags with a meaning here.
    if tag == 4:
        from lwm2m.codec.exact import decimal

        return decimal(value)
    if tag == 0:
        from lwm2m.codec.date_time import seconds_of

        return seconds_of(value)
    if tag != 2 and tag != 3:
        return value
    if not isinstance(value, bytes) or len(value) > 16:
        raise CodecError("malformed CBOR")
    value = int.from_bytes(value, "big")
    return value if tag == 2 else -1 - value


def float_of(bits: int, short: int):
    """Return the number in the 16, 32 or 64-bit pattern of a CBOR head ending in 25, 26 or 27."""
    # Mantissa and exponent widths of the three forms (IEEE 754).
    mantissa_bits, exponent_bits = ((10, 5), (23, 8), (52, 11))[short - 25]
    mantissa = bits & ((1 << mantissa_bits) - 1)
    top = (1 << exponent_bits) - 1
    exponent = bits >> mantissa_bits & top
    negative = bits >> (mantissa_bits + exponent_bits)
    if exponent == top:
        value = float("nan") if mantissa else float("inf")
        return -value if negative else value
    if exponent:
        mantissa |= 1 << mantissa_bits
    else:
        exponent = 1
    exponent -= (top >> 1) + mantissa_bits
    while exponent < 0 and mantissa and not mantissa & 1:
        mantissa >>= 1
        exponent += 1
    if 0 <= exponent < 64 and mantissa << exponent > 0x1000000:
        value = mantissa << exponent
    else:
        value = math.ldexp(float(mantissa), exponent)
    return -value if negative else value
