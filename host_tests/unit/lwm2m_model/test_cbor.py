"""CBOR items."""

from lwm2m.codec import cbor, cbor_value
from unit.lwm2m_model.helpers import VALUES, is_refused, kind_of


def test_shortest_heads():
    """RFC 8949 §3: examples of appendix A."""
    for value, expected in (
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (1000000, "1a000f4240"),
        (1000000000000, "1b000000e8d4a51000"),
        (18446744073709551615, "1bffffffffffffffff"),
        (-1, "20"),
        (-1000, "3903e7"),
        (-18446744073709551616, "3bffffffffffffffff"),
        (False, "f4"),
        (True, "f5"),
        (None, "f6"),
        (b"\x01\x02", "420102"),
        ("IETF", "6449455446"),
        ("\u00fc", "62c3bc"),
        ([], "80"),
        ([1, [2, 3]], "8201820203"),
        ((), "80"),
        ({1: 2}, "a10102"),
        (100000.0, "fa47c35000"),
        (0.5, "f93800"),
        (65504.0, "f97bff"),
        (-0.0, "f98000"),
    ):
        assert cbor.dumps(value).hex() == expected, value
        if value.__class__ is not tuple:
            assert cbor.loads(bytes.fromhex(expected)) == value


def test_floats_of_three_sizes():
    """RFC 8949 §3.3: half, single and double precision, examples of appendix A."""
    for data, value in (
        ("f90000", 0.0),
        ("f93c00", 1.0),
        ("f93e00", 1.5),
        ("f97bff", 65504.0),
        ("f9c400", -4.0),
        ("f90400", 0.00006103515625),
        ("f90001", 5.960464477539063e-8),
        ("fa47c35000", 100000.0),
        ("fbc010666666666666", -4.1),
        ("fb3ff199999999999a", 1.1),
        ("f97c00", float("inf")),
        ("faff800000", float("-inf")),
        ("fb4035800000000000", 21.5),
    ):
        assert cbor.loads(bytes.fromhex(data)) == value, data
    for data in ("f97e00", "fa7fc00000", "fb7ff8000000000000"):
        value = cbor.loads(bytes.fromhex(data))
        assert value != value


def test_large_integral_floats_stay_exact():
    """RFC 8949 §3.3: 1700000000123 as a double comes back with all its digits."""
    value = cbor.loads(bytes.fromhex("fb4278bcfe5687b000"))
    assert value == 1700000000123
    assert isinstance(value, int)
    value = cbor.loads(bytes.fromhex("fbc1e0000000200000"))
    assert value == -2147483649


def test_open_lengths_and_big_numbers():
    """RFC 8949 §3.2.2, §3.4.3: streamed items and big numbers are understood."""
    assert cbor.loads(bytes.fromhex("9f0102ff")) == [1, 2]
    assert cbor.loads(bytes.fromhex("bf6161019f02ffff"[:8] + "ff")) == {"a": 1}
    assert cbor.loads(bytes.fromhex("5f42010243030405ff")) == b"\x01\x02\x03\x04\x05"
    assert cbor.loads(bytes.fromhex("c249010000000000000000")) == 18446744073709551616
    assert cbor.loads(bytes.fromhex("c349010000000000000000")) == -18446744073709551617
    assert cbor.loads(bytes.fromhex("c11a514b67b0")) == 1363896240


def test_dates_as_text():
    """RFC 8949 §3.4.1 (TS 1.1.1 Core table C.2-1 for a Time): RFC 3339 text under tag 0."""
    for text, expected in (
        ("2013-03-21T20:04:00Z", 1363896240),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31t23:59:59z", -1),
        ("2000-02-29T12:00:00-00:00", 951825600),
        ("2023-11-14T23:43:20.250+01:30", 1700000000),
        ("2023-11-14T17:13:20-05:00", 1700000000),
        ("2106-02-07T06:28:16Z", 1 << 32),
        ("1990-12-31T23:59:60Z", 662688000),
    ):
        item = b"\xc0" + cbor.dumps(text)
        assert cbor.loads(item) == expected, text
        assert list(cbor_value.decode(item, (30000, 0, 6), kind_of)) == [((30000, 0, 6), expected)]
        assert is_refused(cbor_value.decode, item, (30000, 0, 0), kind_of)


def test_malformed_dates():
    """RFC 3339 §5.6: what departs from the grammar, or names a day that was none."""
    for text in (
        "",
        "2013-03-21",
        "2013-03-21T20:04:00",
        "2013-03-21 20:04:00Z",
        "2013-03-21T20:04:00.Z",
        "2013-03-21T20:04:00.5",
        "2013-03-21T20:04:00X",
        "2013-03-21T20:04:00ZZ",
        "2013-03-21T20:04:00+1:00",
        "2013-03-21T20:04:00+24:00",
        "2013-03-21T20:04:00+01:00:00",
        "2013-03-21T20:04Z.......",
        "2013-03-21T24:04:00Z",
        "2013-13-21T20:04:00Z",
        "2013-00-21T20:04:00Z",
        "2013-04-31T20:04:00Z",
        "2013-04-00T20:04:00Z",
        "1900-02-29T20:04:00Z",
        "2013-3-21T020:04:00Z",
        "2013-03-21T20:04:00.%sZ" % ("1" * 40),
        "+013-03-21T20:04:00Z",
    ):
        assert is_refused(cbor.loads, b"\xc0" + cbor.dumps(text)), text
    assert is_refused(cbor.loads, b"\xc0\x01")


def test_malformed_items():
    """RFC 8949 appendix F: truncated, reserved and endless items are refused."""
    for data in (
        "",
        "18",
        "19ff",
        "1bffffff",
        "41",
        "62c3",
        "61ff",
        "81",
        "a1",
        "a101",
        "a1410001",  # a key that is no number and no text
        "1c",
        "1f",
        "3f",
        "df00",
        "ff",
        "0000",
        "f8ff",
        "f7",
        "e0",
        "9f01",
        "5f6161ff",
        "5f5f4101ffff",
        "c2",
        "c201",
        "a1f600",
        "a1800000",
        "5affffffff00",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "81818181818181818100",
        "d8",
        "fb00",
        "c25101000000000000000000000000000000000000",
    ):
        assert is_refused(cbor.loads, bytes.fromhex(data)), data


def test_values_without_an_item():
    """RFC 8949 §3: an integer over 64 bits or a foreign object is refused."""
    assert is_refused(cbor.dumps, 1 << 64)
    assert is_refused(cbor.dumps, object())


def test_records_read_back():
    """RFC 8949: what a stored record holds comes back equal."""
    record = [1, "rd/5", {2: [True, None, b"\x00"], "x": -70000}, 21.5, 5000000000]
    assert cbor.loads(memoryview(cbor.dumps(record))) == record


def test_single_values():
    """TS 1.1 Core §7.4.3: one value as one item, an Objlnk as text."""
    for rid in (0, 1, 2, 3, 4, 5, 6, 7, 8):
        path = (30000, 0, rid)
        payload = b"".join(cbor_value.encode([(path, kind_of(path), VALUES[rid])], path))
        assert list(cbor_value.decode(payload, path, kind_of)) == [(path, VALUES[rid])]
    assert payload[:1] == b"\x66"
    assert is_refused(cbor_value.decode, b"\x61\x35", (30000, 0, 1), kind_of)
    assert is_refused(cbor_value.decode, b"", (30000, 0, 1), kind_of)
