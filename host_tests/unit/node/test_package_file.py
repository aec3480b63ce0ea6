"""Packages in files (node/package_file.py): kept, resumed, checked and limited."""

import os

from node import package_file
from node.package_file import PackageFile

_FOLDER = "package_file_test"
_PATH = _FOLDER + "/package"


def _sink(**options):
    try:
        os.mkdir(_FOLDER)
    except OSError:
        for name in os.listdir(_FOLDER):
            os.remove(_FOLDER + "/" + name)
    return PackageFile(_PATH, lambda path: 8, **options)


def _end():
    for name in os.listdir(_FOLDER):
        os.remove(_FOLDER + "/" + name)
    os.rmdir(_FOLDER)


def _content():
    with open(_PATH, "rb") as file:
        return file.read()


def test_package():
    """Object 5: what is written is there; a power cut leaves what was safe, and it goes on."""
    sink = _sink(check=lambda path: None if _content() == b"abcdef" else 5)
    assert (sink.load(), sink.held()) == (b"", 0)
    assert sink.open(6) is None
    assert sink.write(memoryview(b"abc")) is None
    assert sink.held() == 3
    sink = PackageFile(_PATH, lambda path: 1, check=lambda path: None)
    assert sink.held() == 3
    sink.write(b"def")
    assert sink.finish() is None
    assert _content() == b"abcdef"
    assert sink.apply() == 1
    assert sink.outcome() == 1
    sink.discard()
    sink.discard()
    assert sink.held() == 0
    _end()


def test_record():
    """Object 5: the record is the last one saved, whole."""
    sink = _sink()
    for record in (b"one", b"two", bytes(range(256))):
        sink.save(record)
        assert sink.load() == record
    assert PackageFile(_PATH, None).load() == record
    _end()


def test_limits():
    """LightweightM2M-1.1-int-773: a package beyond the limit, told beforehand or found out."""
    sink = _sink(limit=10)
    assert sink.open(11) == 2
    assert sink.open(None) is None
    assert sink.write(b"x" * 10) is None
    assert sink.write(b"x") == 2
    sink.discard()
    assert _sink().open(1 << 60) == 2
    _end()


def test_damage():
    """LightweightM2M-1.1-int-776: what the check says is the result."""
    sink = _sink(check=lambda path: 5, outcome=lambda: 8)
    sink.open(None)
    for _ in range(20):
        sink.write(bytes(1024))
    assert sink.finish() == 5
    assert sink.held() == 20480
    assert sink.outcome() == 8
    sink.discard()
    _end()


class _Full:
    """A file whose close finds the flash full."""

    def write(self, data):
        return len(data)

    def flush(self):
        raise OSError(28)

    def close(self):
        raise OSError(28)


def _on_full_flash(sink):
    package_file.open = lambda path, mode: _Full()  # pyright: ignore
    try:
        assert sink.open(None) is None
        sink.write(b"abc")
    finally:
        del package_file.open  # pyright: ignore


def test_full_flash():
    """LightweightM2M-1.1-int-773: what cannot be closed is no package, and is removed."""
    sink = _sink()
    _on_full_flash(sink)
    try:
        sink.finish()
    except OSError:
        pass
    else:
        raise AssertionError
    with open(_PATH, "wb") as file:
        file.write(b"ab")
    _on_full_flash(sink)
    assert sink.held() == 0
    with open(_PATH, "wb") as file:
        file.write(b"ab")
    _on_full_flash(sink)
    with open(_PATH, "wb") as file:
        file.write(b"ab")
    sink.discard()
    assert os.listdir(_FOLDER) == []
    _end()


def test_reserve():
    """LightweightM2M-1.1-int-773: of a package of unknown size, too, some flash is left free."""
    sink = _sink()
    package_file.os = _Little()  # pyright: ignore
    try:
        assert sink.open(4097) == 2
        assert sink.open(None) is None
        assert sink.write(bytes(4096)) is None
        assert sink.write(b"x") == 2
        sink.discard()
    finally:
        package_file.os = os
    _end()


class _Little:
    """A file system with 8 KiB to spare."""

    def __init__(self):
        self.stat = os.stat
        self.remove = os.remove

    def statvfs(self, path):
        return (4096, 4096, 100, 2, 2, 0, 0, 0, 0, 255)


def test_power_cut_while_it_is_applied():
    """LightweightM2M-1.1-int-779: only an update that was done is told as one."""
    sink = _sink()

    class PowerCut(Exception):
        pass

    def cut(path):
        raise PowerCut

    for apply, wanted in ((lambda path: None, 1), (cut, 8), (lambda path: 8, 8)):
        sink = PackageFile(_PATH, apply)
        sink.open(None)
        sink.write(b"abc")
        sink.finish()
        try:
            sink.apply()
        except PowerCut:
            sink = None
        assert PackageFile(_PATH, None).outcome() == wanted
    PackageFile(_PATH, None).discard()
    assert os.listdir(_FOLDER) == []
    _end()
