"""Binaries as MicroPython's esp32 port releases them, in small: bootloader, table, application."""

import hashlib
import struct

CHIP_IDS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13, "esp32p4": 18}
BOOTLOADERS = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32p4": 0x2000}  # others: 0
_DESCRIPTION = struct.pack("<I", 0xABCD5432)

_NVS = ("nvs", 1, 2, 0x9000, 0x6000)
_PHY = ("phy_init", 1, 1, 0xF000, 0x1000)
_OTA_HEAD = [("nvs", 1, 2, 0x9000, 0x4000), ("otadata", 1, 0, 0xD000, 0x2000), _PHY]

# The layouts of MicroPython's esp32 port, ports/esp32/partitions-*.csv.
USUAL = [_NVS, _PHY, ("factory", 0, 0, 0x10000, 0x1F0000)]  # 4MiBplus: the rest is for files
OTA = _OTA_HEAD + [("ota_0", 0, 16, 0x10000, 0x180000), ("ota_1", 0, 17, 0x190000, 0x180000)]
WITH_VFS = USUAL + [("vfs", 1, 0x81, 0x200000, 0x200000)]
EIGHT = [_NVS, _PHY, ("factory", 0, 0, 0x10000, 0x300000), ("vfs", 1, 0x81, 0x310000, 0x4F0000)]
SIXTEEN_OTA = _OTA_HEAD + [
    ("ota_0", 0, 16, 0x10000, 0x280000),
    ("ota_1", 0, 17, 0x290000, 0x280000),
    ("vfs", 1, 0x81, 0x510000, 0xAD0000),
]
ROMFS = [_NVS, _PHY, ("factory", 0, 0, 0x10000, 0x1D0000), ("romfs", 1, 0x8F, 0x1E0000, 0x20000)]
TINY_UF2 = USUAL[:2] + [
    ("factory", 0, 0, 0x10000, 0x1F0000),
    ("ffat", 1, 0x81, 0x200000, 0x200000),
]


def table(rows, md5=True):
    """Return a partition table as gen_esp32part does: (name, type, subtype, offset, size) …"""
    packed = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, name.encode(), 0)
        for name, kind, subtype, offset, size in rows
    )
    if md5:
        packed += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(packed).digest()
    return packed.ljust(0xC00, b"\xff")


def image(chip, segments, flash_mb=4, hashed=True):
    """Return an application or bootloader: segments is [(address, bytes)]."""
    size = (flash_mb.bit_length() - 1) << 4
    data = struct.pack("<4BI", 0xE9, len(segments), 2, size, 0x40080000)
    data += struct.pack("<BBBBHBHH4xB", 0xEE, 0, 0, 0, CHIP_IDS[chip], 0, 0, 0, hashed)
    checksum = 0xEF
    for address, body in segments:
        data += struct.pack("<II", address, len(body)) + body
        for octet in body:
            checksum ^= octet
    data += b"\0" * (15 - len(data) % 16) + bytes((checksum,))
    return data + hashlib.sha256(data).digest() if hashed else data


def application(chip="esp32", version="1.28"):
    """Return what a release has as .app-bin."""
    banner = b"MicroPython v%s.0 on 2026-01-01; Generic" % version.encode()
    body = (_DESCRIPTION + bytes(252) + banner).ljust(2048, b"\0")
    return image(chip, [(0x3F400020, body), (0x3FFB0000, bytes(64))])


def binary(rows=None, chip="esp32", flash_mb=4, version="1.28", md5=True):
    """Return what a release has as .bin."""
    offset = BOOTLOADERS.get(chip, 0)
    data = image(chip, [(0x3FFF0030, bytes(256)), (0x40078000, bytes(512))], flash_mb)
    data = data.ljust(0x8000 - offset, b"\xff") + table(USUAL if rows is None else rows, md5)
    applications = [row[3] for row in (USUAL if rows is None else rows) if row[1] == 0]
    start = min(applications, default=0x10000)
    return data.ljust(start - offset, b"\xff") + application(chip, version)
