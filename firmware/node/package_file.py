"""A package kept in a file, as a sink of lwm2m.delivery.

The package is at `path`, the record of where its Object stands beside it (node/storage.py).
"""

import os

from micropython import const

from node.storage import Store

_NO_STORAGE = const(2)
_FAILED = const(8)
# Bytes after which what came is made safe: each time costs flash, and a power cut the rest.
_SAFE_BYTES = const(8192)
_RESERVE_BYTES = const(4096)  # left free for the records of others


class PackageFile:
    """Keeps a package in a file.

    apply(path): puts it to use and returns what lwm2m.delivery says: None when a restart that it
    has asked for ends it, 1 or 8 when it is done. check(path): None for a good package, 5 or 6 for
    another. outcome(): asked after the restart, 1 or 8; without it the update is a success when
    apply returned before the restart, so that one which resets the chip itself needs it.
    limit: the most bytes of a package, None for what the file system has room for.
    """

    name = None
    version = None

    def __init__(self, path: str, apply, check=None, outcome=None, limit: "int | None" = None):
        self._path = path
        self._store = Store(path + ".state")
        self._apply = apply
        self._check = check
        self._outcome = outcome
        self._limit = limit
        self._file = None
        self._size = 0
        self._most = 0
        self._unsafe = 0

    def open(self, size: "int | None"):
        """Begin a package of size bytes, None where nobody knows; 2 without room for it."""
        self.discard()
        if size is not None and size > self._room():
            return _NO_STORAGE
        self._begin("wb", 0)
        return None

    def write(self, chunk):
        """Take the next bytes, behind those that are held."""
        if self._file is None:
            self._begin("ab", self.held())
        self._size += len(chunk)
        if self._size > self._most:
            return _NO_STORAGE
        self._file.write(chunk)  # pyright: ignore[reportOptionalMemberAccess]
        self._unsafe += len(chunk)
        if self._unsafe >= _SAFE_BYTES:
            self._file.flush()  # pyright: ignore[reportOptionalMemberAccess]
            self._unsafe = 0
        return None

    def finish(self):
        """Close the package and check it."""
        self._close()
        return self._check(self._path) if self._check else None

    def held(self) -> int:
        """Return how many bytes are safe."""
        self._let_go()
        try:
            return os.stat(self._path)[6]
        except OSError:
            return 0  # there is no file

    def discard(self) -> None:
        """Remove the package."""
        self._let_go()
        _remove(self._path)
        _remove(self._path + ".applied")

    def apply(self):
        """Put the package to use."""
        mark = self._path + ".applied"
        _remove(mark)
        result = self._apply(self._path)
        if result in (None, 1) and not self._outcome:
            try:
                open(mark, "wb").close()
            except OSError:
                return result  # the next boot says that it failed, and it is done once more
        return result

    def outcome(self):
        """Return what came of it, after a restart."""
        if self._outcome:
            return self._outcome()
        try:
            os.stat(self._path + ".applied")
        except OSError:
            return _FAILED  # the power was cut on the way
        return 1

    def load(self) -> bytes:
        """Return the record, b"" without one."""
        return self._store.load() or b""

    def save(self, record: bytes) -> None:
        """Keep the record: the one before stays until this one is whole."""
        self._store.save(record)

    def _begin(self, mode, size):
        self._file = open(self._path, mode)  # noqa: SIM115 it is closed by `_close`
        self._size = size
        self._most = self._room(size)
        self._unsafe = 0

    def _close(self):
        file = self._file
        self._file = None  # also where a full flash makes of its close an error
        if file:
            file.close()

    def _let_go(self):
        try:
            self._close()
        except OSError:
            return  # what is there is what counts

    def _room(self, held=0):
        """Return how many bytes a package may have, of which so many are there."""
        folder = self._path.rpartition("/")[0] or "."
        stat = os.statvfs(folder)
        room = held + stat[1] * stat[4] - _RESERVE_BYTES
        return room if self._limit is None else min(room, self._limit)


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        return  # it is not there
