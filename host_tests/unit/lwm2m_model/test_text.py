"""text/plain and octets."""

import struct

from lwm2m.codec import CodecError, coerce, opaque, text
from unit.lwm2m_model.helpers import VALUES, is_refused, kind_of


def _write(kind, value):
    path = (30000, 0, 1)
    return b"".join(text.encode([(path, kind, value)], path))


def _read(rid, payload):
    return list(text.decode(payload, (30000, 0, rid), kind_of))[0][1]


def test_values_as_text():
    """TS 1.1 Core §7.4.1: the text of each type."""
    assert _write(1, "grün") == "grün".encode()
    assert _write(2, -9223372036854775808) == b"-9223372036854775808"
    assert _write(3, 18446744073709551615) == b"18446744073709551615"
    assert _write(5, True) == b"1"
    assert _write(5, False) == b"0"
    assert _write(6, b"\x00\xff\x10") == b"AP8Q"
    assert _write(7, 1700000000) == b"1700000000"
    assert _write(8, (3, 65535)) == b"3:65535"


def test_floats_are_tidy():
    """TS 1.1 Core §7.4.1: no binary noise, and no exponent."""
    for value, expected in (
        (21.5, "21.5"),
        (21.4, "21.4"),
        (0.1 + 0.2, "0.3"),
        (-40.0, "-40"),
        (0.0, "0"),
        (1013.25, "1013.25"),
        (0.00001, "0.00001"),
        (-0.000025, "-0.000025"),
        (3e20, "300000000000000000000"),
        (100, "100"),
        (1 / 8, "0.125"),
    ):
        assert text.decimal(value) == expected, text.decimal(value)


def test_floats_of_32_bits_are_tidy():
    """TS 1.1 Core §7.4.1: the same where floats have 32 bits, as on the ESP32."""
    form = text._FORMAT
    text._FORMAT = "%.7g"
    try:
        for tenths in range(-500, 1500, 7):
            for scale in (10, 100):
                rounded = struct.unpack(">f", struct.pack(">f", tenths / scale))[0]
                shown = text.decimal(rounded)
                assert float(shown) == tenths / scale
                assert len(shown) <= 6, shown
    finally:
        text._FORMAT = form


def test_text_reads_back():
    """TS 1.1 Core §7.4.1: what is written is read."""
    for rid in (0, 1, 2, 3, 4, 5, 6, 7, 8):
        path = (30000, 0, rid)
        payload = b"".join(text.encode([(path, kind_of(path), VALUES[rid])], path))
        assert list(text.decode(memoryview(payload), path, kind_of)) == [(path, VALUES[rid])]


def test_numbers_as_servers_write_them():
    """TS 1.1 Core §7.4.1: integers stay exact, floats may have an exponent."""
    assert _read(1, b"-9223372036854775808") == -9223372036854775808
    assert _read(3, b"21") == 21
    assert _read(3, b"-2.5e1") == -25.0
    assert _read(1, b"3.0") == 3


def test_malformed_text():
    """TS 1.1 Core §7.4.1: a value that is not of the type is refused."""
    for rid, payload in (
        (1, b""),
        (1, b"x"),
        (1, b"1 "),
        (1, b"1_0"),
        (1, b"9223372036854775808"),
        (1, b"1.5"),
        (2, b"-1"),
        (2, b"18446744073709551616"),
        (3, b"nan"),
        (3, b"inf"),
        (3, b"1e"),
        (3, b"--1"),
        (4, b"2"),
        (4, b"true"),
        (4, b""),
        (7, b"3"),
        (7, b"3:65536"),
        (7, b"3:0:1"),
        (7, b":"),
        (0, b"\xff\xfe"),
        (5, b"A"),
        (99, b"1"),
    ):
        assert is_refused(text.decode, payload, (30000, 0, rid), kind_of), (rid, payload)


def test_octets():
    """RFC 7252 §12.3: Opaque values travel as they are."""
    path = (30000, 0, 5)
    assert b"".join(opaque.encode([(path, 6, b"\x00\x01")], path)) == b"\x00\x01"
    assert list(opaque.decode(memoryview(b"\x07"), path, kind_of)) == [(path, b"\x07")]
    assert is_refused(opaque.encode, [((30000, 0, 1), 2, 5)], (30000, 0, 1))
    assert is_refused(opaque.decode, b"x", (30000, 0, 1), kind_of)


def test_one_value_only():
    """TS 1.1 Core §7.4.1: single-value formats refuse none, several, and another path."""
    path = (30000, 0, 1)
    assert is_refused(text.encode, [], path)
    assert is_refused(text.encode, [(path, 2, 1), (path, 2, 2)], path)
    assert is_refused(text.encode, [(path + (0,), 2, 1)], path)


def test_types_are_held_apart():
    """TS 1.1 Core appendix C: a Boolean is no number, a number no Boolean."""
    for kind, value in (
        (2, True),
        (4, False),
        (5, 1),
        (5, 0),
        (1, b"x"),
        (6, "x"),
        (8, (1,)),
        (8, (-1, 0)),
        (3, -1),
        (2, 1.5),
        (7, float("inf")),
        (0, 1),
        (None, 1),
        (2, None),
    ):
        try:
            coerce(kind, value)
        except CodecError:
            continue
        raise AssertionError((kind, value))
    assert coerce(2, 5.0) == 5
    assert coerce(8, "3:0") == (3, 0)
