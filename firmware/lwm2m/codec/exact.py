"""Numbers that a float of 32 bits would take digits from, made of integers; imported on use."""

from lwm2m.codec import CodecError


def double(value: int) -> bytes:
    """Return an int of up to 1023 bits as a float of 64 bits, big endian (IEEE 754).

    Beyond 52 bits of mantissa it is rounded to the nearest, or even.
    """
    bits = abs(value)
    shift = 0
    while bits >> shift >= 1 << 53:
        shift += 1
    rest = bits & (1 << shift) - 1
    half = 1 << shift >> 1
    bits >>= shift
    if half and (rest > half or (rest == half and bits & 1)):
        bits += 1
    while bits < 1 << 52:
        bits <<= 1
        shift -= 1
    # The leading one adds 1 to the exponent, and so does a carry out of the mantissa.
    bits += 1023 + 52 - 1 + shift << 52
    if value < 0:
        bits |= 1 << 63
    return bits.to_bytes(8, "big")


def decimal(value):
    """Return the number of a decimal fraction [exponent, mantissa] (RFC 8949 §3.4.4).

    A whole number is an int. Raises CodecError for what is none, or too large.
    """
    if not isinstance(value, list) or len(value) != 2:
        raise CodecError("malformed CBOR")
    exponent, mantissa = value
    for each in value:
        if each is True or each is False or not isinstance(each, int):
            raise CodecError("malformed CBOR")
    if not mantissa:
        return 0
    while exponent < 0 and not mantissa % 10:
        mantissa //= 10
        exponent += 1
    if 0 <= exponent < 20:
        return mantissa * 10**exponent
    if -400 < exponent < 400:
        number = float("%de%d" % (mantissa, exponent))
        if number - number == 0:
            return number
    raise CodecError("number is too large")
