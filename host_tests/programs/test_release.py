"""python -m tools.release: what a version gives out, in bytes that depend on it alone."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from programs.program import TIMEOUT_S, Program

from tools import boards, packages, release
from tools.build import ROOT, interpreter
from tools.server import running

_TREE = ("firmware", "boards", "tools", "host_tests", "README.md", "LICENSE", ".gitignore")


def _run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "tools.release", *map(str, arguments)],
        cwd=folder, text=True, capture_output=True, check=False, timeout=TIMEOUT_S,
    )  # fmt: skip


def _held(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Give the folder of a release."""
    out = tmp_path_factory.mktemp("out")
    done = _run(ROOT, "--out", out)
    assert done.returncode == 0, done.stderr
    folder = out / packages.version()
    assert done.stdout.startswith(f"{folder}: commit "), done.stdout
    assert f"mpremote mip install {folder}/lwm2m.json" in done.stdout
    return folder


def test_its_sums(released):
    """Each file has its SHA-256, in the form that sha256sum checks; nothing else is there."""
    held = _held(released)
    lines = held.pop("SHA256SUMS").decode().splitlines()
    assert lines == [f"{hashlib.sha256(held[name]).hexdigest()}  {name}" for name in sorted(held)]
    if shutil.which("sha256sum"):
        command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
        assert subprocess.run(command, cwd=released, check=False).returncode == 0


def test_its_zips(released):
    """A zip for each board that is real, with what its file system has, dated alike."""
    version = packages.version()
    names = {path.name for path in released.glob("*.zip")}
    assert names == {f"nudge-{name}-{version}.zip" for name in boards.names() if name != "host"}
    for name in names:
        archive = zipfile.ZipFile(io.BytesIO((released / name).read_bytes()))
        held = archive.namelist()
        assert {"main.py", "board.mpy", "coap/endpoint.mpy", "node/node.mpy"} <= set(held)
        assert "site.json" not in held and held == sorted(held)
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_mpy_loads(released):
    """MicroPython takes each .mpy of the packages, and of the version that is told."""
    names = [
        name[:-4].replace("/", ".").removesuffix(".__init__")
        for name in packages.files("lwm2m", released, ".mpy")
        + packages.files("modem", released, ".mpy")
    ]
    code = "import sys\n" + "".join(f"import {name}\n" for name in names)
    code += "print(sys.implementation._mpy & 0xFF)"
    done = subprocess.run(
        [interpreter(), "-c", code],
        env={**os.environ, "MICROPYPATH": f"{released}:.frozen"},
        text=True, capture_output=True, check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    about = json.loads((released / "release.json").read_text())
    assert done.stdout == f"{about['mpy']}\n", done.stdout + done.stderr
    assert about["version"] == packages.version()


def test_the_same_bytes_elsewhere(released, tmp_path):
    """A copy of the tree in another place gives the same files; changes are warned of."""
    tree = tmp_path / "tree"
    skipped = shutil.ignore_patterns("__pycache__", "node_modules", ".hypothesis")
    tree.mkdir()
    for name in _TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=skipped)
        else:
            shutil.copy(ROOT / name, tree)
    if shutil.which("git"):
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
            subprocess.run(
                ["git", "-c", "user.name=n", "-c", "user.email=n@n.invalid", *command],
                cwd=tree, check=True,
            )  # fmt: skip
        (tree / "README.md").write_text("changed")
    done = _run(tree)
    assert done.returncode == 0, done.stderr
    if shutil.which("git"):
        assert done.stderr == "warning: README.md differs from the commit\n"
    there, here = _held(tree / "build/release" / packages.version()), _held(released)
    for held in (there, here):
        commit = json.loads(held.pop("release.json"))["commit"]
        assert commit is None or len(commit) == 40
        held.pop("SHA256SUMS")
    assert there == here


def test_what_is_wrong(tmp_path):
    """DESIGN §6: one line that names it; nothing is left behind."""
    (tmp_path / "file").touch()
    done = _run(ROOT, "--out", tmp_path / "file")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and str(tmp_path / "file") in done.stderr
    done = _run(ROOT, "--version", "9")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_release_in_its_place(tmp_path):
    """A release takes the place of what its folder had."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "old").touch()
    release.write({"a/b": b"c"}, tmp_path / "1")
    assert sorted(_held(tmp_path)) == ["1/SHA256SUMS", "1/a/b"]


def test_a_device_tells_the_version():
    """TS 1.1 Core E.4, Firmware Version: /3/0/3 is the version of the release."""

    async def scenario():
        async with running("127.0.0.1", 0) as server:
            device = await Program.start(
                "tools.device", "--server", f"coap://127.0.0.1:{server.port}",
                "--endpoint", "sensor", "--runtime", "cpython",
            )  # fmt: skip
            try:
                await device.event("registered")
                read = await server.read("sensor", "/3/0/3")
                assert read.ok and packages.version() in str(read.value), read
                assert await device.quit() == 0
            finally:
                await device.kill()

    asyncio.run(scenario())
