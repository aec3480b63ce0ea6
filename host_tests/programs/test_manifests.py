"""The manifests of boards/, read as MicroPython's tools/manifestfile.py reads them."""

import ast
import os
import sys
from pathlib import Path

import pytest

from tools import boards
from tools.build import ROOT
from tools.doors import DOORS


class _Manifest:
    """What a manifest freezes: `frozen` is [(name on the board, source, optimisation level)].

    Paths are relative to the manifest that has them; each is read once; $(PORT_DIR) is `port`.
    """

    def __init__(self, path, port):
        self.frozen = []
        self._port = str(port)
        self._read = set()
        self._include(str(path))

    def _resolved(self, path):
        return Path(os.path.abspath(path.replace("$(PORT_DIR)", self._port)))

    def _include(self, path):
        path = self._resolved(path)
        if path in self._read:
            return
        self._read.add(path)
        before = os.getcwd()
        os.chdir(path.parent)
        try:
            calls = {"include": self._include, "package": self._package, "module": self._module}
            exec(compile(path.read_text(), str(path), "exec"), calls)
        finally:
            os.chdir(before)

    def _package(self, name, base_path=".", opt=None):
        base = self._resolved(base_path)
        found = sorted((base / name).rglob("*.py"))
        assert found, f"{base / name} is empty"
        for path in found:
            self.frozen.append((path.relative_to(base).as_posix(), path, opt))

    def _module(self, name, base_path=".", opt=None):
        path = self._resolved(base_path) / name
        assert path.is_file(), f"{path}: no such file"
        self.frozen.append((name, path, opt))


@pytest.fixture
def port(tmp_path):
    """A port of MicroPython, whose own manifest freezes one module."""
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards/own.py").write_text("")
    (tmp_path / "boards/manifest.py").write_text('module("own.py")\n')
    return tmp_path


def _firmware():
    folder = ROOT / "firmware"
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}


@pytest.mark.parametrize("name", boards.names())
def test_all_of_the_firmware_is_frozen_once(name, port):
    """MicroPython, "Manifest files": each module of firmware/, the board's, and the port's own."""
    frozen = _Manifest(boards.BOARDS / name / "manifest.py", port).frozen
    wanted = {**_firmware(), "board.py": boards.BOARDS / name / "board.py"}
    wanted["own.py"] = port / "boards/own.py"
    assert {where: source for where, source, _ in frozen} == wanted
    assert len(frozen) == len(wanted)
    assert [where for where, _, level in frozen if level != 3] == ["own.py"]


def test_a_manifest_may_take_the_firmware_alone(port):
    """boards/manifest.py: all but a board, for whoever has a board.py of their own."""
    frozen = _Manifest(ROOT / "boards/manifest.py", port).frozen
    assert {where for where, _, _ in frozen} == {*_firmware(), "own.py"}


def test_no_room_is_forgotten():
    """A room that tools/doors.py has is one that manifests freeze."""
    rooms = {path.parent.name for path in (ROOT / "firmware").glob("*/__init__.py")}
    tree = ast.parse((ROOT / "boards/manifest.py").read_text())
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert rooms <= named
    assert rooms <= set(DOORS)


def test_no_module_hides_one_of_micropythons():
    """sys.path has .frozen before /lib: a name of MicroPython's own would be taken from it."""
    tops = {where.split("/")[0].removesuffix(".py") for where in _firmware()} | {"board"}
    theirs = {"_boot", "flashbdev", "inisetup", "apa106", "espnow", "asyncio", "dht", "ds18x20"}
    assert not tops & (theirs | {"onewire", "neopixel", "umqtt", "mip", "ntptime", "webrepl"})
    assert not tops & set(sys.stdlib_module_names)
