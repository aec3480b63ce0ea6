"""Records on flash that a power cut cannot tear.

A store is two files. A record goes to the one that does not hold the newest, so that until its
last byte is there, and is right, the newest is the one before it. Nothing is renamed, because not
every file system of a board renames in one step. Layout of a file, big endian: magic "NUDR"
(4 bytes), layout version (1), generation (4), length of the body (2), CRC-32 of all of these and
of the body (4), body. An empty body says that there is no record: it is what removes one, or a cut
between two deletions would bring the older one back.
"""

import binascii
import os
import struct

from micropython import const

_MAGIC = b"NUDR"
_VERSION = const(1)
_COUNTED = const(11)  # bytes before the CRC
_HEAD = const(15)
LIMIT = 8192  # bytes of a record


class Store:
    """The record called `name`, in the files `name`.0 and `name`.1."""

    def __init__(self, name: str) -> None:
        self._slots = (name + ".0", name + ".1")

    def load(self) -> "bytes | None":
        """Return the newest record that is whole, None where there is none."""
        return self._newest()[2] or None

    def save(self, record: bytes) -> None:
        """Replace the record; once this returns it is on flash, and at no time is there neither.

        Raises OSError where it cannot be written or reads back as something else, ValueError for
        one longer than LIMIT.
        """
        if len(record) > LIMIT:
            raise ValueError("a record has %d bytes, %d fit" % (len(record), LIMIT))
        generation, slot, newest = self._newest()
        if newest == record:
            return  # flash wears
        slot = 1 - slot
        head = _MAGIC + struct.pack(">BIH", _VERSION, generation + 1, len(record))
        with open(self._slots[slot], "wb") as file:
            file.write(head + struct.pack(">I", _crc(head, record)) + record)
            file.flush()
            if hasattr(os, "fsync"):
                os.fsync(file.fileno())  # MicroPython's close does that
        if _read(self._slots[slot]) != (generation + 1, record):
            raise OSError("%s does not read back as it was written" % self._slots[slot])

    def remove(self) -> None:
        """Remove the record; raises OSError where that is not possible."""
        if not self.load():
            return
        self.save(b"")
        newest = self._newest()[1]
        # The file with the empty record is the last to go.
        for slot in (1 - newest, newest):
            try:
                os.remove(self._slots[slot])
            except OSError:
                if _read(self._slots[slot]):
                    raise

    def _newest(self):
        """Return (generation, slot, body) of the newest; (0, 1, b"") where there is none."""
        newest = (0, 1, b"")
        for slot in (0, 1):
            found = _read(self._slots[slot])
            if found and found[0] > newest[0]:
                newest = (found[0], slot, found[1])
        return newest


def _read(path):
    """Return (generation, body) of a file, None where it is absent, torn or foreign."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            if len(head) < _HEAD or head[:4] != _MAGIC or head[4] != _VERSION:
                return None
            generation, length, crc = struct.unpack(">IHI", head[5:])
            if length > LIMIT:
                return None
            body = file.read(length + 1)  # no more than is there: a board has no room to spare
    except OSError:
        return None
    if len(body) != length or _crc(head[:_COUNTED], body) != crc:
        return None
    return generation, body


def _crc(head, body):
    return binascii.crc32(head + body) & 0xFFFFFFFF
