"""The retained record in RTC memory (DESIGN §3, machine.RTC: 2048 bytes, no checksum)."""

import binascii
import struct

from node import retained

COUNTERS = (0x1234, 0xFFFF)
_HEAD = 19


def test_what_was_packed_comes_back():
    """DESIGN §3: one record that can be written and read back."""
    for body in (b"", b"x", bytes(range(256)) * 7):
        for counters in (COUNTERS, (0, 0), (65535, 1)):
            for crashes, trace in ((0, b""), (3, b"MemoryError: \xc3\xa6")):
                for counted in (b"", b"contact"):
                    record = retained.pack(counters, body, crashes, trace, counted)
                    found = (counters, body, crashes, trace, counted)
                    assert retained.unpack(record) == found


def test_every_damaged_bit_means_no_record():
    """DESIGN §3: whatever does not fit to the last bit counts as no record."""
    record = retained.pack(COUNTERS, b"registration and observations", 1, b"ValueError", b"7")
    for index in range(len(record)):
        for bit in range(8):
            damaged = bytearray(record)
            damaged[index] ^= 1 << bit
            assert retained.unpack(bytes(damaged)) is None, (index, bit)


def test_truncated_or_foreign_memory_means_no_record():
    """DESIGN §3: RTC memory holds anything after a power-on."""
    record = retained.pack(COUNTERS, b"registration", 2, b"trace")
    for length in range(len(record)):
        assert retained.unpack(record[:length]) is None
    assert retained.unpack(bytes(2048)) is None
    assert retained.unpack(b"\xff" * 2048) is None


def test_a_record_of_an_older_firmware_is_none():
    """DESIGN §3, versions: the layout without crashes and trace, right in itself."""
    body = b"registration"
    head = struct.pack(">BHHH", 2, 7, 9, len(body))
    crc = struct.pack(">I", binascii.crc32(head + body) & 0xFFFFFFFF)
    assert retained.unpack(b"NUDG" + head + crc + body + bytes(100)) is None


def test_bytes_behind_the_record_are_ignored():
    """DESIGN §3: RTC memory may be longer than the record in it."""
    record = retained.pack(COUNTERS, b"abc", 1, b"x") + bytes(100)
    assert retained.unpack(record) == (COUNTERS, b"abc", 1, b"x", b"")


def test_a_record_that_does_not_fit_is_refused():
    """facts: an ESP32 has 2048 bytes of RTC memory."""
    assert len(retained.pack(COUNTERS, bytes(2048 - _HEAD))) == 2048
    try:
        retained.pack(COUNTERS, bytes(2049 - _HEAD))
    except retained.RecordTooLarge as error:
        assert "2030 bytes, 2029 fit" in str(error)
        return
    raise AssertionError("accepted")


def test_the_trace_gives_way():
    """DESIGN §3: a registration is worth more than the text of a panic, of which the end, at most
    400 bytes, names the error; no character is cut."""
    trace = "α".encode() * 300 + b"ValueError"
    for size in range(2048 - _HEAD - 420, 2048 - _HEAD + 1):
        counters, body, crashes, kept, _ = retained.unpack(
            retained.pack(COUNTERS, bytes(size), 1, trace)
        )
        assert counters == COUNTERS and crashes == 1 and len(body) == size
        room = 2048 - _HEAD - size
        assert min(room, 400) - 1 <= len(kept) <= min(room, 400), (size, len(kept))
        assert trace[len(trace) - len(kept) :] == kept
        kept.decode()


def test_crashes_have_an_end():
    """DESIGN §6: a count that no longer fits its byte stays at the largest."""
    assert retained.unpack(retained.pack(COUNTERS, b"", 300))[2] == 255


def test_the_body_while_the_node_runs():
    """Resets: the state of the last sleep stays, behind a mark that is put there once;
    one that leaves no room for the mark is none."""
    memory = retained.pack(COUNTERS, b"state")
    for _ in range(2):
        body = retained.of_a_run(memory)
        assert body == b"Rstate"
        memory = retained.pack(COUNTERS, body, 1, b"trace")
    assert retained.of_a_run(b"") == b"" == retained.of_a_run(retained.pack(COUNTERS))
    assert retained.of_a_run(retained.pack(COUNTERS, bytes(2029))) == b""
    assert len(retained.of_a_run(retained.pack(COUNTERS, bytes(2028)))) == 2029
    counted = retained.pack(COUNTERS, bytes(2018), 0, b"", b"eleven byte")
    assert retained.of_a_run(counted) == b""
    counted = retained.pack(COUNTERS, bytes(2017), 0, b"", b"eleven byte")
    assert len(retained.of_a_run(counted)) == 2018
