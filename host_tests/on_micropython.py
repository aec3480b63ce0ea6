"""Run portable tests on real MicroPython: `python -m host_tests.on_micropython [PATH …]`.

Each module runs in a process of its own, from .mpy files, in a heap as large as an ESP32's first
one. A module that holds more than firmware (a virtual modem, a network) says so with `HEAP_K = N`.
"""

import re
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, TimeoutExpired, run

from tools.build import interpreter

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
# The first heap of an ESP32 without PSRAM: 56 KiB on a 32-bit machine; `w` scales it to this one's
# words.
HEAP_K = 56
TIMEOUT_S = 300
PATHS = ("firmware", "host_tests/shim", "host_tests", "")
PORTABLE = ("host_tests/unit", "host_tests/system")


def modules(paths=PORTABLE) -> list:
    """Return the portable test modules below `paths`, as paths from the repository's root."""
    found = []
    for path in paths:
        full = (ROOT / path).resolve()
        found += [full] if full.is_file() else sorted(full.rglob("test_*.py"))
    return [module.relative_to(ROOT).as_posix() for module in found]


def _refusal(path: str) -> str:
    """Return why there is nothing to run at a path, or ""."""
    full = (ROOT / path).resolve()
    if not full.exists():
        return "no such file or folder in %s" % ROOT
    if not any(full.is_relative_to(ROOT / portable) for portable in PORTABLE):
        return "not portable; use what is below %s" % " or ".join(PORTABLE)
    return "" if modules((path,)) else "holds no test_*.py"


def run_module(module: str) -> tuple:
    """Run one test module, a path from the root; return (passed: bool, output: str)."""
    source = (ROOT / module).read_text()
    wanted = re.search(r"^HEAP_K = (\d+)", source, re.MULTILINE)
    heap_k = int(wanted.group(1)) if wanted else HEAP_K
    name = Path(module).relative_to("host_tests").with_suffix("").as_posix().replace("/", ".")
    search = ":".join(str(BUILD / path) for path in PATHS) + ":.frozen"
    command = [
        interpreter(),
        "-X",
        f"heapsize={heap_k}wK",
        str(ROOT / "host_tests/run_portable.py"),
        name,
    ]
    try:
        done = run(
            command,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd=BUILD,
            env={"MICROPYPATH": search},
            errors="replace",
        )
    except TimeoutExpired as late:
        return False, f"{late.stdout or ''}\nno end after {TIMEOUT_S} s"
    return done.returncode == 0, done.stdout


def main(paths: list) -> int:
    """Run what is named, or every portable test; print the failures and a summary."""
    for path in paths:
        refusal = _refusal(path)
        if refusal:
            print(f"{path}: {refusal}", file=sys.stderr)
            return 2
    failures = passed = 0
    for module in modules(paths or PORTABLE):
        good, output = run_module(module)
        counts = re.search(r"^(\d+) passed, (\d+) failed", output, re.MULTILINE)
        passed += int(counts.group(1)) if counts else 0
        failures += int(counts.group(2)) if counts and not good else (0 if good else 1)
        print(f"{'ok  ' if good else 'FAIL'} {module}")
        if not good:
            print(output)
    print(f"{passed} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
