"""Records on flash that a power cut cannot tear.

A store is two files. A record goes to the one that does not hold the newest, so that until its
last byte is there, and is right, the newest is the one before it. That is what a temporary file
and a rename give, and more:

- it asks nothing of the file system. LittleFS renames in one step, FAT, which some boards have,
  does not: a cut there leaves neither name, or both for one chain of clusters. Here no name ever
  changes, and nothing but the file that is written to can suffer;
- the record before the newest stays. A bit that flips years later costs the last change, where
  after a rename it would cost all;
- it costs no more. A rename is one more commit to the directory for each record, and the temporary
  file needs the same free blocks, anew each time: here a full file system shows at the first two.

Layout of a file, big endian: magic "NUDR" (4 bytes), layout version (1), generation (4), length of
the body (2), CRC-32 of all of these and of the body (4), body. An empty body says that there is no
record: it is what removes one, or a cut between two deletions would bring the older one back. The
generation counts on from there, so that it is how often flash was written for this store.
"""

import binascii
import os
import struct

from micropython import const

from node.lean import forget

_MAGIC = b"NUDR"
_VERSION = const(1)
_COUNTED = const(11)  # bytes before the CRC
_HEAD = const(15)
_PIECE = const(256)  # bytes that are looked at together: a board has no room to spare
LIMIT = 8192  # bytes of a record
# What servers wrote, a mirror of the record in RTC memory, and what a bootstrap provided.
_OF_THE_NODE = ("written", "slept", "account")
_OF_THE_SIM = ("pin",)  # its tries, which a factory reset must not begin anew


class Store:
    """The record called `name`, in the files `name`.0 and `name`.1."""

    def __init__(self, name: str) -> None:
        self._slots = (name + ".0", name + ".1")

    def load(self) -> "bytes | None":
        """Return the newest record that is whole, None where there is none."""
        _, slot, length = self._newest()
        if not length:
            return None
        with open(self._slots[slot], "rb") as file:
            file.read(_HEAD)
            return file.read(length)

    def generation(self) -> int:
        """Return how often a record was written or removed."""
        return self._newest()[0]

    def save(self, record: "bytes | bytearray", anew: bool = False) -> None:
        """Replace the record; once this returns it is on flash, and at no time is there neither.

        anew: also where it is the same, for the sake of its generation. Raises OSError where it
        cannot be written or reads back as something else, ValueError for one longer than LIMIT.
        """
        if len(record) > LIMIT:
            raise ValueError("a record has %d bytes, %d fit" % (len(record), LIMIT))
        generation, slot, _ = self._newest()
        if not anew and generation and _look(self._slots[slot], record):
            return  # flash wears
        path = self._slots[1 - slot]
        head = _MAGIC + struct.pack(">BIH", _VERSION, generation + 1, len(record))
        crc = binascii.crc32(record, binascii.crc32(head)) & 0xFFFFFFFF
        with open(path, "wb") as file:
            file.write(head + struct.pack(">I", crc))
            file.write(record)
            file.flush()
            if hasattr(os, "fsync"):
                os.fsync(file.fileno())  # MicroPython's close does that
        if _look(path, record) != (generation + 1, len(record)):
            raise OSError("%s does not read back as it was written" % path)

    def remove(self) -> None:
        """Remove the record, and leave nothing of it; OSError where that is not possible."""
        if self.load():
            self.save(b"")
        older = self._slots[1 - self._newest()[1]]
        try:
            os.remove(older)
        except OSError:
            if _look(older):
                raise

    def _newest(self):
        """Return (generation, slot, length) of the newest; (0, 1, 0) where there is none."""
        newest = (0, 1, 0)
        for slot in (0, 1):
            found = _look(self._slots[slot])
            if found and found[0] > newest[0]:
                newest = (found[0], slot, found[1])
        return newest


def writes() -> int:
    """Return how often the node's records were written."""
    count = sum([Store(name).generation() for name in _OF_THE_NODE + _OF_THE_SIM])
    forget("node.storage")
    return count


def remove_all() -> None:
    """Remove the node's records; the next start finds the configuration of the factory.

    Raises OSError where that is not possible.
    """
    for name in _OF_THE_NODE:
        Store(name).remove()
    forget("node.storage")


def _look(path, record=None):
    """Return (generation, length) of the record in a file; None where the file is absent, torn or
    foreign, or holds another one than `record`.
    """
    at = 0
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            if len(head) < _HEAD or head[:4] != _MAGIC or head[4] != _VERSION:
                return None
            generation, length, crc = struct.unpack(">IHI", head[5:])
            if record is not None and length != len(record):
                return None
            found = binascii.crc32(head[:_COUNTED])
            while at <= length:
                piece = file.read(_PIECE)
                if not piece:
                    break
                if record is not None and record[at : at + _PIECE] != piece:
                    return None
                found = binascii.crc32(piece, found)
                at += len(piece)
    except OSError:
        return None
    if at != length or length > LIMIT or found & 0xFFFFFFFF != crc:
        return None
    return generation, length
