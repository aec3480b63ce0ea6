"""What is given out of a version: `python -m tools.release [--out build/release]`.

Writes OUT/VERSION/: the packages of tools/packages.py as .mpy with their lists, the files of each
board as a zip, release.json with the commit and the .mpy version, LICENSE, and SHA256SUMS. The
same sources and the same mpy-cross give the same bytes. The .mpy are those that a board gets:
without line numbers, with short names inside.
"""

import hashlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from subprocess import DEVNULL, PIPE, run

from tools import board_files, boards, packages
from tools.build import BUILD, ROOT, BuildError, build
from tools.cli import Parser, say

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of the dates that a zip can hold
_UNIX = 3
_FILE_MODE = 0o100644


def contents() -> dict:
    """Return {path below OUT/VERSION: bytes} of a release, but for its sums.

    Raises BuildError where a source does not compile, and boards.BoardError.
    """
    build(("firmware",))
    compiled = BUILD / "firmware"
    files = {}
    for name, text in packages.lists(compiled, ".mpy").items():
        files[name] = text.encode()
    for package in packages.PACKAGES:
        for name in packages.files(package, compiled, ".mpy"):
            files[name] = (compiled / name).read_bytes()
    for name in boards.names():
        if name != boards.SIMULATED:
            held = board_files.collect(boards.load(name))
            files[f"nudge-{name}-{packages.version()}.zip"] = zipped(held)
    about = {"version": packages.version(), "commit": commit(), "mpy": mpy_version(files)}
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    files["release.json"] = (json.dumps(about, indent=1) + "\n").encode()
    return dict(sorted(files.items()))


def zipped(files: dict) -> bytes:
    """Return a zip of {path: bytes} that depends on nothing else."""
    path = BUILD / f"release.{os.getpid()}.zip"
    try:
        # Stored, because what deflate makes of a file is another thing with each zlib.
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, data in sorted(files.items()):
                entry = zipfile.ZipInfo(name, _EARLIEST)
                entry.create_system = _UNIX
                entry.external_attr = _FILE_MODE << 16
                archive.writestr(entry, data)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def mpy_version(files: dict) -> int:
    """Return the version of the .mpy files, from the head of one of them."""
    return next(data for name, data in files.items() if name.endswith(".mpy"))[1]


def _git(*arguments):
    """Return what git says, or None where the tree is no clone or git is not there."""
    try:
        done = run(
            ["git", *arguments], cwd=ROOT, stdout=PIPE, stderr=DEVNULL, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout


def commit() -> "str | None":
    """Return the commit of the tree, None where there is none to be known."""
    told = _git("rev-parse", "HEAD")
    return told.strip() if told else None


def changed() -> list:
    """Return the paths that differ from the commit."""
    return [line[3:] for line in (_git("status", "--porcelain") or "").splitlines()]


def write(files: dict, folder: Path) -> None:
    """Write the files and their sums to `folder`, in place of what it had."""
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        for name, data in [*files.items(), ("SHA256SUMS", "".join(sums).encode())]:
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if folder.is_dir():
            shutil.rmtree(folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def main(arguments=None) -> int:
    """Make the release and say what is in it; return the exit code."""
    parser = Parser(prog="python -m tools.release", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build/release", metavar="FOLDER")
    options = parser.parse_args(arguments)
    folder = options.out / packages.version()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        files = contents()
        write(files, folder)
    except (BuildError, boards.BoardError, board_files.FilesError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return 1
    others = changed()
    if others:
        more = f" and {len(others) - 1} more differ" if len(others) > 1 else " differs"
        print(f"warning: {others[0]}{more} from the commit", file=sys.stderr)
    about = json.loads(files["release.json"])
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    say(f"{shown}: commit {about['commit'] or 'unknown'}, .mpy {about['mpy']}")
    for package in packages.PACKAGES:
        names = packages.files(package, folder, ".mpy")
        size = sum(len(files[name]) for name in names)
        say(f"  {package + '.json':42}{size:8} B in {len(names)} files")
    for name, data in files.items():
        if name.endswith(".zip"):
            say(f"  {name:42}{len(data):8} B")
    say(f"Install one: mpremote mip install {shown}/lwm2m.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
