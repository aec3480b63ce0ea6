"""What a MicroPython binary says of itself (tools/partitions.py), and what is refused."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.programs import esp32_binary as made
from tools.partitions import CHIPS, Firmware, FirmwareError, Partition, parse, read, table

_MB = 1 << 20


@pytest.mark.parametrize(
    ("rows", "chip", "flash_mb", "offset", "blocks"),
    [
        (made.USUAL, "esp32", 4, 0x200000, 512),
        (made.USUAL, "esp32", 16, 0x200000, 3584),
        (made.OTA, "esp32", 4, 0x310000, 240),
        (made.WITH_VFS, "esp32", 4, 0x200000, 512),
        (made.WITH_VFS, "esp32", 8, 0x200000, 512),  # the table says where it ends
        (made.EIGHT, "esp32s3", 8, 0x310000, 1264),
        (made.SIXTEEN_OTA, "esp32s3", 16, 0x510000, 2768),
        (made.ROMFS, "esp32", 4, 0x200000, 512),
        (made.USUAL, "esp32c3", 4, 0x200000, 512),
    ],
)
def test_where_the_file_system_lies(rows, chip, flash_mb, offset, blocks):
    """MicroPython, esp32/main.c boardctrl_startup: `vfs`, or all behind the last partition."""
    firmware = parse(made.binary(rows, chip, flash_mb))
    assert firmware.chip == chip
    assert firmware.offset == made.BOOTLOADERS.get(chip, 0)
    assert firmware.flash == flash_mb * _MB
    assert firmware.version == (1, 28)
    assert [tuple(each) for each in firmware.partitions] == rows
    found = firmware.file_system(flash_mb * _MB)
    assert (found.name, found.offset, found.blocks) == ("vfs", offset, blocks)


def test_where_a_romfs_lies():
    """MicroPython, esp32/vfs_rom_ioctl.c: the data partition called romfs."""
    assert parse(made.binary()).romfs(4 * _MB) is None
    found = parse(made.binary(made.ROMFS)).romfs(4 * _MB)
    assert found and (found.offset, found.size) == (0x1E0000, 0x20000)


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32p4"])
def test_a_merged_file_of_a_chip_that_boots_from_elsewhere(chip):
    """esptool merge-bin: a file for byte 0 begins with what erased flash reads as."""
    data = made.binary(made.WITH_VFS, chip)
    merged = parse(b"\xff" * made.BOOTLOADERS[chip] + data)
    assert merged.offset == 0
    assert merged[2:] == parse(data)[2:]


def test_a_table_without_md5():
    """ESP-IDF, CONFIG_PARTITION_TABLE_MD5: tables of before 2018 have none."""
    assert len(table(made.table(made.OTA, md5=False))) == 5
    assert parse(made.binary(md5=False)).partitions == parse(made.binary()).partitions


def _cut(data, end):
    return data[:end]


def _with(data, offset, octets):
    """Return the data with other octets at `offset` of flash of an ESP32."""
    at = offset - 0x1000
    return data[:at] + octets + data[at + len(octets) :]


_GOOD = made.binary()
_FULL = len(_GOOD)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", "empty; use the .bin of a MicroPython release"),
        (b"\x7fELF\x01\x01\x01" + bytes(99), "an ELF file; use the .bin of"),
        (b"UF2\nWQ]\x9e" + bytes(504), "a UF2 file; use the .bin of"),
        (b"# Partition table\nnvs,\n", "text; use the .bin of"),
        (b"PK\x03\x04" + bytes(99), "no image of an ESP32; use the .bin of"),
        (b"\xff" * 0x4000, "no image of an ESP32; use the .bin of"),
        (made.application(), "an application alone (.app-bin), without bootloader and"),
        (_cut(_GOOD, 20), "cut off after 20 bytes; use"),
        (_cut(_GOOD, 0x7400), "cut off after 29696 bytes; fetch"),
        (_cut(_GOOD, 0x8000), "cut off after 32768 bytes, before its application at 0x10000"),
        (_cut(_GOOD, _FULL - 1), f"cut off after {_FULL - 1} bytes, within its application"),
        (_with(_GOOD, 0x100C, b"\x63"), "for a chip that esptool does not know (chip_id 99)"),
        (_with(_GOOD, 0x1100, b"\1"), "its bootloader is damaged (SHA-256); fetch it again"),
        (_with(_GOOD, 0x1001, b"\0"), "its bootloader is damaged (0 segments)"),
        (_with(_GOOD, 0x101C, b"\0\0\1"), "its bootloader is damaged, or longer than its place"),
        (_with(_GOOD, 0x8000, b"\xff" * 0xC00), "no partition table at 0x8000 of flash"),
        (_with(_GOOD, 0x8006, b"\1"), "its partition table is damaged (MD5); fetch it again"),
        (_with(_GOOD, 0x8020, b"\0"), "its partition table is damaged; fetch it again"),
        (_with(_GOOD, 0x10000, b"\0"), "no application at 0x10000 of flash"),
        (_with(_GOOD, 0x1000C, b"\5"), "its bootloader is for esp32 and its application is not"),
        (_with(_GOOD, 0x10100, b"\1"), "its application is damaged (SHA-256); fetch it again"),
        (made.binary(version="x"), "no MicroPython in it; use the .bin of"),
        (made.binary(made.USUAL[:2]), "its partition table has no application"),
        (b"\xff" * 0x1000 + made.binary(chip="esp32c3"), "its bootloader is not where an esp32c3"),
    ],
    ids=range(24),
)
def test_what_is_no_binary(tmp_path, data, refusal):
    """Each wrong file is said to be what it is, in one line with its name."""
    path = tmp_path / "firmware.bin"
    path.write_bytes(data)
    with pytest.raises(FirmwareError) as caught:
        read(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: {refusal}")
    assert "\n" not in said


@pytest.mark.parametrize("name", ["missing.bin", "."])
def test_no_such_file(tmp_path, name):
    """A file that cannot be read is one line, too."""
    with pytest.raises(FirmwareError, match=r"(No such file|Is a directory)"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("rows", "refusal"),
    [
        (made.TINY_UF2, "its file system, the partition ffat, is FAT and no LittleFS"),
        (
            made.USUAL[:2] + [("factory", 0, 0, 0x10000, 0x3F0000)],
            "its partitions end at 0x400000",
        ),
        (made.EIGHT, "its partition vfs ends at 0x800000, behind 4 MB of flash; use FLASH_MB="),
        (made.USUAL + [("vfs", 1, 0x81, 0x200000, 0x1800)], "its partition vfs, 0x1800 bytes at"),
        (made.USUAL + [("vfs", 1, 0x81, 0x200000, 0x1000)], "its partition vfs, 0x1000 bytes at"),
        (made.USUAL + [("vfs", 1, 0x81, 0x180000, 0x90000)], "its partitions vfs and factory"),
        (made.USUAL + [("vfs", 1, 0x81, 0x1000, 0x6000)], "its partition vfs overlaps the boot"),
    ],
)
def test_a_file_system_that_cannot_be_written(rows, refusal):
    """What would overwrite something else, or what no LittleFS fits into."""
    with pytest.raises(FirmwareError, match=refusal):
        parse(made.binary(rows)).file_system(4 * _MB)


def test_vfs_comes_before_ffat():
    """MicroPython, esp32/modules/flashbdev.py: ffat is looked for where there is no vfs."""
    rows = made.TINY_UF2[:3] + [
        ("ffat", 1, 0x81, 0x200000, 0x8000),
        ("vfs", 1, 1, 0x208000, 0x8000),
    ]
    assert parse(made.binary(rows)).file_system(4 * _MB).offset == 0x208000


def test_a_name_that_a_terminal_would_obey():
    """Labels are octets of a stranger's: what is printed of them is printable."""
    rows = made.USUAL[:2] + [("\x1b[2J", 0, 0, 0x10000, 0x1F0000)]
    assert parse(made.binary(rows)).partitions[2].name == "?[2J"


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["vfs", "romfs", "ffat", "nvs", "factory", "x" * 16]),
        st.sampled_from([0, 1, 0x40, 0xFF]),
        st.integers(0, 255),
        st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 0x400).map(lambda n: n << 12)),
        st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 0x400).map(lambda n: n << 12)),
    ),
    max_size=96,
)


def _usable(firmware: Firmware, flash):
    for find in (firmware.file_system, firmware.romfs):
        try:
            found = find(flash)
        except FirmwareError:
            continue
        if found:
            assert isinstance(found, Partition)
            assert 0x9000 <= found.offset < found.end <= flash
            assert found.blocks >= 2 and not found.offset % 4096 and not found.size % 4096
            for other in firmware.partitions:
                assert (
                    other[1:] == found[1:]
                    or other.end <= found.offset
                    or found.end <= other.offset
                )


@settings(max_examples=150, deadline=None)
@given(_ROWS, st.sampled_from([2, 4, 16]))
def test_any_table_gives_a_place_that_is_free_or_a_refusal(rows, flash_mb):
    """ESP-IDF, "Partition Tables": whatever is in it, nothing else is overwritten."""
    data = made.table(rows)
    try:
        found = table(data)
    except FirmwareError:
        return
    assert [tuple(each) for each in found] == rows[: 0xC00 // 32]
    _usable(Firmware(b"", 0x1000, "esp32", 0, found, (1, 28)), flash_mb * _MB)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, _FULL - 1), st.binary(max_size=40)), min_size=1, max_size=4)
)
def test_a_damaged_binary_is_refused_or_read(damage):
    """No octet of a file leads to anything but a partition or a refusal."""
    data = bytearray(_GOOD)
    for at, octets in damage:
        data[at : at + len(octets)] = octets
    try:
        _usable(parse(bytes(data)), 4 * _MB)
    except FirmwareError as error:
        assert "\n" not in str(error)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3))
def test_octets_that_are_no_binary(octets, blanks):
    """Neither does a file of another kind."""
    with pytest.raises(FirmwareError):
        parse(b"\xff" * (0x1000 * blanks) + b"\xe9" + octets)
    with pytest.raises(FirmwareError):
        parse(octets)


def test_the_chips_that_esptool_knows():
    """esptool, "Firmware Image Format": chip_id of the extended header."""
    for name, number in made.CHIP_IDS.items():
        assert CHIPS[number] == (name, made.BOOTLOADERS.get(name, 0))
    assert struct.unpack_from("<H", made.image("esp32s3", [(0, b"")]), 12) == (9,)
