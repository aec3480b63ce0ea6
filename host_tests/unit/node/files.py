"""A flash whose power can be cut at every step: what `open` and `os` are to node.storage.

A step is the opening of a file for writing (which empties it), each byte that is written, and a
removal. A write that is cut leaves what was written until then; a file that is being written may
also lose everything, where `lossy` is set, as on a file system that commits with the close.
"""


class PowerCut(Exception):
    """The battery is off."""


class _File:
    def __init__(self, flash, path, mode):
        self._flash = flash
        self._path = path
        self._at = 0
        self._writing = "w" in mode
        if self._writing:
            if flash.full:
                raise OSError(28)
            self._old = flash.files.get(path)
            flash.writes += 1
            if flash.step():
                flash.files[path] = b""
        elif path not in flash.files:
            raise OSError(2)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self._writing and kind is PowerCut and self._flash.lossy:
            if self._old is None:
                del self._flash.files[self._path]
            else:
                self._flash.files[self._path] = self._old
        return False

    def read(self, size=-1):
        data = self._flash.files[self._path][self._at :]
        data = data if size < 0 else data[:size]
        self._at += len(data)
        return data

    def write(self, data):
        for at in range(len(data)):
            if self._flash.step():
                self._flash.files[self._path] += data[at : at + 1]
        return len(data)

    def flush(self):
        self._flash.step()


class Flash:
    """files: {path: bytes}. writes: how often a file was opened for it. left: steps until the
    power is cut, None for never.

    on_cut: callable() or None. With it the cut raises nothing: steps have no effect from there on,
    until whoever is told takes the battery off.
    """

    def __init__(self, lossy=False):
        self.files = {}
        self.left = None
        self.steps = 0
        self.writes = 0  # files opened for writing
        self.on_cut = None
        self.lossy = lossy
        self.full = False  # there is no free block

    def step(self):
        self.steps += 1
        if self.left is not None:
            if self.left == 0:
                if self.on_cut is None:
                    raise PowerCut
                self.on_cut()
                return False
            self.left -= 1
        return True

    def open(self, path, mode="r"):
        return _File(self, path, mode)

    def remove(self, path):
        if path not in self.files:
            raise OSError(2)
        if self.step():
            del self.files[path]

    def under(self, module):
        """Make this the flash of a module: node.storage."""
        module.open = self.open
        module.os = self
