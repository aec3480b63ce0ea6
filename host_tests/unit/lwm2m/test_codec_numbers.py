"""Numbers in every format: 64 bits stay 64 bits, whatever the floats of the platform hold."""

import struct

from lwm2m.codec import cbor, load
from unit.lwm2m_model.helpers import is_refused, kind_of

_ALL = (0, 60, 110, 112, 11542, 11543, 11544)
_INTEGER, _UNSIGNED, _FLOAT, _TIME = (30000, 0, 1), (30000, 0, 2), (30000, 0, 3), (30000, 0, 6)


def _through(content_format, path, value):
    codec = load(content_format)
    payload = b""
    for chunk in codec.encode([(path, kind_of(path), value)], path):
        payload += chunk
    ((_, found),) = list(codec.decode(payload, path, kind_of))
    return found


def test_integers():
    """TS 1.1 Core appendix C: Integer, Unsigned Integer and Time of 64 bits in each format."""
    for content_format in _ALL:
        for shift in (0, 7, 8, 15, 16, 24, 31, 32, 52, 53, 62):
            for delta in (-1, 0, 1):
                value = (1 << shift) + delta
                for path in (_INTEGER, _UNSIGNED, _TIME):
                    assert _through(content_format, path, value) == value, (content_format, value)
                assert _through(content_format, _INTEGER, -value) == -value
        assert _through(content_format, _INTEGER, 2**63 - 1) == 2**63 - 1
        assert _through(content_format, _INTEGER, -(2**63)) == -(2**63)
        assert _through(content_format, _UNSIGNED, 2**64 - 1) == 2**64 - 1


def test_whole_floats():
    """IEEE 754: a Float that counts beyond 2^24 keeps its digits whatever the platform's."""
    for content_format in _ALL:
        for value in (16777217, 1700000001, -1700000001, 2**53 - 1, -(2**53) + 1, 2**62, 2**63):
            found = _through(content_format, _FLOAT, value)
            assert found == value and isinstance(found, int), (content_format, value, found)
        for value in (0.0, 1.0, -21.5, 0.375, 3.0e-5 if content_format else 0.5, 65504.0):
            assert _through(content_format, _FLOAT, value) == value, (content_format, value)
    for text in (b"1700000001.0", b"1700000001.00"):
        ((_, found),) = list(load(0).decode(text, _FLOAT, kind_of))
        assert found == 1700000001


def test_octets_of_floats():
    """IEEE 754: 4 bytes when they hold the number, otherwise 8, to the nearest and even."""
    for value, expected in (
        (21.5, "41ac0000"),
        (5, "40a00000"),
        (-16777216, "cb800000"),
        (16777217, "4170000010000000"),
        (-1700000001, "c1d954fc40400000"),
        (2**53 + 1, "4340000000000000"),
        (2**53 + 2, "4340000000000001"),
        (2**53 + 3, "4340000000000002"),
        (2**54 + 2, "4350000000000000"),
        (2**54 + 6, "4350000000000002"),
        (2**54 + 7, "4350000000000002"),
        (2**64 - 1, "43f0000000000000"),
        (-(2**63), "c3e0000000000000"),
    ):
        octets = cbor.float_octets(value)
        assert "".join(["%02x" % each for each in octets]) == expected, value
    if struct.unpack(">d", struct.pack(">d", 0.1))[0] == 0.1:  # floats of 64 bits
        assert cbor.float_octets(0.1) == struct.pack(">d", 0.1)


def test_decimal_fractions():
    """RFC 8428 §6, RFC 8949 §3.4.4: numbers may come as decimal fractions."""
    for data, expected in (
        (b"\xc4\x82\x20\x18\x2d", 4.5),
        (b"\xc4\x82\x20\x19\x01\xc2", 45),
        (b"\xc4\x82\x02\x05", 500),
        (b"\xc4\x82\x02\x24", -500),
        (b"\xc4\x82\x38\x1d\x00", 0),
        (b"\xc4\x82\x21\x1b\x00\x00\x00\x27\x94\xca\x24\x00", 1700000000),
    ):
        found = cbor.loads(data)
        assert found == expected
        assert isinstance(found, int) == isinstance(expected, int)
    for data in (
        b"\xc4\x01",
        b"\xc4\x81\x01",
        b"\xc4\x82\x01\xf5",
        b"\xc4\x82\xfa\x00\x00\x00\x00\x01",
        b"\xc4\x82\x61a\x01",
        b"\xc4\x82\x19\x01\x8f\x01",
        b"\xc4\x82\x1b" + b"\xff" * 8 + b"\x01",
        b"\xc4\x82\x3b" + b"\xff" * 8 + b"\x01",
    ):
        assert is_refused(cbor.loads, data), data
