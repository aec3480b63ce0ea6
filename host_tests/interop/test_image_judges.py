"""Images as others see them: esptool, mp-image-tool-esp32, and a MicroPython that others built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.interop.micropython_binary import real_binary
from host_tests.programs import esp32_binary as made
from tools import image, partitions

_SITE = {"endpoint": "b1", "link": "udp", "servers": [{"uri": "coap://lwm2m.example"}]}


def _run(*arguments):
    done = subprocess.run(
        [str(Path(sys.executable).parent / arguments[0]), *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
        env={"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """An image with the MicroPython of somebody else: (path of the merged file, folder)."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "micropython.bin").write_bytes(real_binary())
    (folder / "site.json").write_text(json.dumps(_SITE))
    arguments = ["--board", "lilygo_t_sim7000g", "--config", str(folder / "site.json")]
    arguments += ["--micropython", str(folder / "micropython.bin")]
    assert image.main([*arguments, "--out", str(folder / "out.bin")]) == 0
    return folder / "out.bin", folder


def test_what_was_read_of_a_real_binary():
    """v1.16, built by others in 2021: where everything is, as mp-image-tool-esp32 prints it."""
    firmware = partitions.parse(real_binary())
    assert firmware[1:4] == (0x1000, "esp32", 4 << 20)
    assert firmware.version == (1, 16)
    assert [(each.name, each.offset, each.size) for each in firmware.partitions] == [
        ("nvs", 0x9000, 0x6000),
        ("phy_init", 0xF000, 0x1000),
        ("factory", 0x10000, 0x180000),
        ("vfs", 0x200000, 0x200000),
    ]
    assert firmware.romfs(4 << 20) is None
    assert firmware.file_system(4 << 20).blocks == 512


def test_esptool_finds_the_bootloader_and_the_application(real):
    """esptool image-info: both images in the merged file are valid, hashes and all."""
    path, folder = real
    data = path.read_bytes()
    for start in (0x1000, 0x10000):
        (folder / "part.bin").write_bytes(data[start:0x200000])
        told = _run("esptool", "--chip", "esp32", "image-info", str(folder / "part.bin"))
        assert "Chip ID: 0 (ESP32)" in told
        assert "Checksum: 0x" in told
        assert told.count("(valid)") == 2
        assert "Flash size: 4MB" in told


def _told_files(folder, path, *commands):
    """Return what mp-image-tool-esp32 says of a merged file; it wants what begins at 0x1000."""
    (folder / "from_bootloader.bin").write_bytes(path.read_bytes()[0x1000:])
    return _run("mp-image-tool-esp32", str(folder / "from_bootloader.bin"), *commands)


def test_another_tool_reads_the_partitions_back(real):
    """mp-image-tool-esp32: the table, the hashes of its images, the files of its LittleFS."""
    path, folder = real
    told = _told_files(folder, path, "--check-app")
    assert "Partition 'bootloader': Hash confirmed" in told
    assert "Partition 'factory': Hash confirmed" in told
    told = _told_files(folder, path, "--fs", "df", "vfs")
    assert "2048" in told
    read = folder / "read.bin"
    _told_files(folder, path, "--read", f"vfs={read}")
    assert read.read_bytes() == path.read_bytes()[0x200000:]
    told = _told_files(folder, path, "--fs", "cat", "/site.json")
    assert '"coap://lwm2m.example"' in told


def test_esptool_writes_the_same_file(real):
    """esptool merge-bin: its command line makes the same of the same parts."""
    path, folder = real
    (folder / "files.bin").write_bytes(path.read_bytes()[0x200000:])
    _run(
        *("esptool", "--chip", "esp32", "merge-bin", "--output", str(folder / "theirs.bin")),
        *("0x1000", str(folder / "micropython.bin"), "0x200000", str(folder / "files.bin")),
    )
    assert (folder / "theirs.bin").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("rows", "flash_mb"), [(made.WITH_VFS, 4), (made.EIGHT, 8), (made.SIXTEEN_OTA, 16)]
)
def test_tables_as_another_tool_reads_them(tmp_path, rows, flash_mb):
    """mp-image-tool-esp32 and tools/partitions.py read the same from the same table."""
    from mp_image_tool_esp32.partition_table import PartitionTable

    data = made.binary(rows, flash_mb=flash_mb)
    theirs = PartitionTable.from_bytes(made.table(rows).ljust(0x1000, b"\xff"), flash_mb << 20)
    ours = partitions.parse(data).partitions
    assert [tuple(each) for each in ours] == [
        (each.name, each.type, each.subtype, each.offset, each.size) for each in theirs
    ]
