"""A binary as MicroPython's releases are, for a chip that a test wants, with nothing in it that
runs.
"""

import struct

_MAGIC = 0xE9


def image(content: bytes, chip_id: int, megabytes: int = 4) -> bytes:
    """Return an image of one segment (esptool, "Firmware Image Format")."""
    size = megabytes.bit_length() - 1 << 4
    head = struct.pack("<BBBBIB3xHBHH4xB", _MAGIC, 1, 2, size, 0x40080000, 0, chip_id, 0, 0, 0, 0)
    content += bytes(-len(content) % 4)
    body = head + struct.pack("<II", 0x3F400020, len(content)) + content
    checksum = 0xEF
    for byte in content:
        checksum ^= byte
    body += bytes(-(len(body) + 1) % 16)
    return body + bytes([checksum])


def firmware(chip_id: int = 0, bootloader: int = 0x1000, filling: bytes = b"") -> bytes:
    """Return bootloader, partition table and application, from the bootloader's offset on."""
    rows = b""
    for name, kind, subtype, offset, size in (
        (b"nvs", 1, 2, 0x9000, 0x6000),
        (b"phy_init", 1, 1, 0xF000, 0x1000),
        (b"factory", 0, 0, 0x10000, 0x1F0000),
    ):
        rows += struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, name, 0)
    found = bytearray(b"\xff" * (0x10000 - bootloader))
    start = image(b"bootloader", chip_id)
    found[: len(start)] = start
    table = 0x8000 - bootloader
    found[table : table + len(rows)] = rows
    return bytes(found) + image(b"MicroPython v1.29.0 on 2026" + filling, chip_id)
