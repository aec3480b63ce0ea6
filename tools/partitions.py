"""What a MicroPython binary of an ESP32 says of itself: its chip, its flash, its partitions.

A `.bin` of micropython.org is what lies in flash from the chip's bootloader on: bootloader,
partition table (at 0x8000 of flash) and application, with 0xFF between them. ESP-IDF, "Partition
Tables" and esptool, "Firmware Image Format" have the formats. Nothing of a file is believed
before it has been checked.
"""

import hashlib
import re
import struct
from pathlib import Path
from typing import NamedTuple

from esptool.targets import CHIP_DEFS

BLOCK = 4096  # bytes that flash erases at once, and a block of its file systems
TABLE_OFFSET = 0x8000  # of flash
_TABLE_BYTES = 0xC00  # the most that ESP-IDF reads
_ROW = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb"
_IMAGE_MAGIC = 0xE9
_IMAGE_HEADER = 24
_APPLICATION_MAGIC = 0xABCD5432  # begins an application's description, in its first segment
_SEGMENTS_MAX = 16
_FILE_MAX = 64 << 20
_APP, _DATA = 0, 1
_FAT = "ffat"  # a file system of TinyUF2 boards, which is not LittleFS
_BANNER = re.compile(rb"MicroPython v(\d{1,3})\.(\d{1,3})")  # what its REPL says first
_AGAIN = "fetch it again"

# By chip_id of an image's header: (name for --chip, where its bootloader lies in flash).
CHIPS = {
    target.IMAGE_CHIP_ID: (name, target.BOOTLOADER_FLASH_OFFSET)
    for name, target in CHIP_DEFS.items()
    if name != "esp8266"
}


class FirmwareError(Exception):
    """A binary that no image can be made with; the text says what it is and what to use."""


class Partition(NamedTuple):
    """A part of flash: `kind` 0 holds an application, 1 data; `offset` and `size` in bytes."""

    name: str
    kind: int
    subtype: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """The first byte of flash behind it."""
        return self.offset + self.size

    @property
    def blocks(self) -> int:
        """How many blocks a file system in it has."""
        return self.size // BLOCK


class Firmware(NamedTuple):
    """A binary that was read: `data` from byte `offset` of flash on, for a `chip` (esp32 …) with
    `flash` bytes of flash at least. `version` is MicroPython's: (1, 27).
    """

    data: bytes
    offset: int
    chip: str
    flash: int
    partitions: list
    version: tuple

    def file_system(self, flash: int) -> Partition:
        """Return the partition that MicroPython mounts, on a chip with `flash` bytes of flash.

        It is the one called `vfs`; without one, all from the end of the last partition to the end
        of flash (boardctrl_startup of MicroPython's esp32 port). Raises FirmwareError.
        """
        found = self._data("vfs")
        if not found and self._data(_FAT):
            raise FirmwareError(
                "its file system, the partition ffat, is FAT and no LittleFS; use a binary with a "
                "partition vfs, or with none"
            )
        if not found:
            start = max(partition.end for partition in self.partitions)
            if start + 2 * BLOCK > flash:
                raise FirmwareError(
                    "its partitions end at 0x%x and leave no room for a file system in %d MB of "
                    "flash; use FLASH_MB=, if there is more" % (start, flash >> 20)
                )
            found = Partition("vfs", _DATA, 0x81, start, flash - start)
        return self._usable(found, flash)

    @property
    def ends_with_flash(self) -> bool:
        """Whether its file system has no partition, and goes on to the end of the chip's flash."""
        return not self._data("vfs") and not self._data(_FAT)

    def romfs(self, flash: int) -> "Partition | None":
        """Return the partition of a ROMFS, or None where there is none; raises FirmwareError."""
        found = self._data("romfs")
        return found and self._usable(found, flash)

    def _data(self, name):
        for partition in self.partitions:
            if partition.kind == _DATA and partition.name == name:
                return partition
        return None

    def _usable(self, partition, flash):
        """Return the partition, which shall be overwritten, if nothing else is in it."""
        if partition.end > flash:
            raise FirmwareError(
                "its partition %s ends at 0x%x, behind %d MB of flash; use FLASH_MB=, if there "
                "is more" % (partition.name, partition.end, flash >> 20)
            )
        if partition.offset % BLOCK or partition.size % BLOCK or partition.blocks < 2:
            raise FirmwareError(
                "its partition %s, 0x%x bytes at 0x%x, is no whole number of blocks of %d bytes"
                % (partition.name, partition.size, partition.offset, BLOCK)
            )
        for other in self.partitions:
            apart = other.end <= partition.offset or partition.end <= other.offset
            if other is not partition and not apart:
                raise FirmwareError(
                    "its partitions %s and %s overlap" % (partition.name, other.name)
                )
        if partition.offset < TABLE_OFFSET + BLOCK:
            raise FirmwareError("its partition %s overlaps the bootloader" % partition.name)
        return partition


def read(path: Path) -> Firmware:
    """Return the firmware in the file at `path`; raises FirmwareError, which names the file."""
    try:
        with open(path, "rb") as file:
            data = file.read(_FILE_MAX + 1)
    except OSError as error:
        raise FirmwareError("%s: %s" % (path, error.strerror)) from None
    try:
        return parse(data)
    except FirmwareError as error:
        raise FirmwareError("%s: %s" % (path, error)) from None


def parse(data: bytes) -> Firmware:
    """Return the firmware of a binary, or of a merged file that begins at byte 0 of flash.

    Raises FirmwareError.
    """
    if len(data) > _FILE_MAX:
        raise FirmwareError("more than %d MB; no chip has such flash" % (_FILE_MAX >> 20))
    # A merged file of a chip whose bootloader is not at 0 begins with what erased flash reads as.
    start = 0
    while start < 0x2000 and data[start : start + 0x1000] == b"\xff" * 0x1000:
        start += 0x1000
    chip, bootloader = _chip_of(data[start:])
    offset = bootloader - start
    if offset < 0:
        raise FirmwareError("its bootloader is not where an %s looks for it" % chip)
    at = TABLE_OFFSET - offset
    if at + _TABLE_BYTES > len(data):
        raise FirmwareError("cut off after %d bytes; %s" % (len(data), _AGAIN))
    _check_image(data, start, "bootloader", at)
    partitions = table(data[at : at + _TABLE_BYTES])
    _check_application(data, offset, chip, partitions)
    banner = _BANNER.search(data)
    if not banner:
        raise FirmwareError("no MicroPython in it; use the .bin of a MicroPython release")
    version = (int(banner[1]), int(banner[2]))
    flash = 1 << 20 << (data[start + 3] >> 4)
    return Firmware(data, offset, chip, flash, partitions, version)


def table(rows: bytes) -> list:
    """Return the partitions of a partition table, in its order; raises FirmwareError."""
    found = []
    for at in range(0, min(len(rows), _TABLE_BYTES) - _ROW.size + 1, _ROW.size):
        row = rows[at : at + _ROW.size]
        if row[:2] == _MD5_MAGIC:
            if row[16:] != hashlib.md5(rows[:at], usedforsecurity=False).digest():
                raise FirmwareError("its partition table is damaged (MD5); %s" % _AGAIN)
            break
        if row == b"\xff" * _ROW.size:
            break
        if row[:2] != _MAGIC:
            if not found:
                break
            raise FirmwareError("its partition table is damaged; %s" % _AGAIN)
        _, kind, subtype, offset, size, label, _ = _ROW.unpack(row)
        name = label.split(b"\0")[0].decode("latin-1")
        name = "".join(letter if " " < letter <= "~" else "?" for letter in name)
        found.append(Partition(name, kind, subtype, offset, size))
    if not found:
        raise FirmwareError(
            "no partition table at 0x%x of flash; use the .bin of a MicroPython release, which "
            "has bootloader, table and application" % TABLE_OFFSET
        )
    return found


def _chip_of(data):
    """Return the name of the chip that a binary is for, and its bootloader's place in flash."""
    what = None
    if data[:4] == b"\x7fELF":
        what = "an ELF file"
    elif data[:4] == b"UF2\n":
        what = "a UF2 file"
    elif not data:
        what = "empty"
    elif data[0] != _IMAGE_MAGIC:
        text = data[:64].isascii() and b"\0" not in data[:64]
        what = "text" if text else "no image of an ESP32"
    elif len(data) < _IMAGE_HEADER + 12:
        what = "cut off after %d bytes" % len(data)
    elif _u32(data, _IMAGE_HEADER + 8) == _APPLICATION_MAGIC:
        what = "an application alone (.app-bin), without bootloader and partition table"
    if what:
        raise FirmwareError("%s; use the .bin of a MicroPython release" % what)
    number = data[12] | data[13] << 8
    if number not in CHIPS:
        raise FirmwareError("for a chip that esptool does not know (chip_id %d)" % number)
    return CHIPS[number]


def _check_application(data, offset, chip, partitions):
    """Refuse a binary that does not hold the whole application that its table has room for."""
    applications = [each for each in partitions if each.kind == _APP]
    if not applications:
        raise FirmwareError("its partition table has no application")
    first = min(applications, key=lambda each: each.offset)
    start = first.offset - offset
    if start < 0 or start + _IMAGE_HEADER > len(data):
        raise FirmwareError(
            "cut off after %d bytes, before its application at 0x%x; %s"
            % (len(data), first.offset, _AGAIN)
        )
    if data[start] != _IMAGE_MAGIC:
        raise FirmwareError("no application at 0x%x of flash" % first.offset)
    number = data[start + 12] | data[start + 13] << 8
    if CHIPS.get(number, ("another chip",))[0] != chip:
        raise FirmwareError("its bootloader is for %s and its application is not" % chip)
    _check_image(data, start, "application", start + first.size)


def _check_image(data, start, what, limit):
    """Refuse an image, at `start`, that is damaged or does not end before `limit`."""
    at = start + _IMAGE_HEADER
    count = data[start + 1]
    if not 0 < count <= _SEGMENTS_MAX:
        raise FirmwareError("its %s is damaged (%d segments); %s" % (what, count, _AGAIN))
    for _ in range(count):
        at += 8 + _u32(data, at + 4)  # behind the end of the data it reads 0
    at = (at | 15) + 1  # the checksum is the last of 16 bytes
    hashed = 32 if data[start + 23] == 1 else 0
    if at + hashed > limit:
        raise FirmwareError("its %s is damaged, or longer than its place in flash" % what)
    if at + hashed > len(data):
        raise FirmwareError(
            "cut off after %d bytes, within its %s; %s" % (len(data), what, _AGAIN)
        )
    if hashed and hashlib.sha256(data[start:at]).digest() != data[at : at + hashed]:
        raise FirmwareError("its %s is damaged (SHA-256); %s" % (what, _AGAIN))


def _u32(data, at):
    return int.from_bytes(data[at : at + 4], "little")
