"""The retained record in RTC memory (DESIGN §3, facts on RTC memory: 2048 bytes, no checksum)."""

from node import retained

COUNTERS = (0x1234, 0xFFFF)


def test_what_was_packed_comes_back():
    """DESIGN §3: one record that can be written and read back."""
    for body in (b"", b"x", bytes(range(256)) * 7):
        for counters in (COUNTERS, (0, 0), (65535, 1)):
            assert retained.unpack(retained.pack(counters, body)) == (counters, body)


def test_every_damaged_bit_means_no_record():
    """DESIGN §3: whatever does not fit to the last bit counts as no record."""
    record = retained.pack(COUNTERS, b"registration and observations")
    for index in range(len(record)):
        for bit in (1, 0x80):
            damaged = bytearray(record)
            damaged[index] ^= bit
            assert retained.unpack(bytes(damaged)) is None, index


def test_truncated_or_foreign_memory_means_no_record():
    """DESIGN §3: RTC memory holds anything after a power-on."""
    record = retained.pack(COUNTERS, b"registration")
    for length in range(len(record)):
        assert retained.unpack(record[:length]) is None
    assert retained.unpack(bytes(2048)) is None
    assert retained.unpack(b"\xff" * 2048) is None


def test_bytes_behind_the_record_are_ignored():
    """DESIGN §3: RTC memory may be longer than the record in it."""
    assert retained.unpack(retained.pack(COUNTERS, b"abc") + bytes(100)) == (COUNTERS, b"abc")


def test_a_record_that_does_not_fit_is_refused():
    """facts: an ESP32 has 2048 bytes of RTC memory."""
    assert len(retained.pack(COUNTERS, bytes(2048 - 15))) == 2048
    try:
        retained.pack(COUNTERS, bytes(2048 - 14))
    except retained.RecordTooLarge as error:
        assert "2034 bytes, 2033 fit" in str(error)
        return
    raise AssertionError("accepted")
