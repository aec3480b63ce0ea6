"""Puts the firmware, the shim and the repository on the path, as a board has them on its own."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
for _folder in (_ROOT, _ROOT / "host_tests", _ROOT / "host_tests" / "shim", _ROOT / "firmware"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

import hypothesis  # noqa: E402,F401  early: its plugin would load it deep in the stack, and fail
import shim.cpython  # noqa: E402,F401  MicroPython's asyncio and time names


def pytest_terminal_summary(terminalreporter):
    """Say how many of the tests above were tests on MicroPython, a module of them in each."""
    counts = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "on_micropython"
    ]
    if counts:
        terminalreporter.write_line(
            f"on MicroPython: {sum(counts)} tests passed, in {len(counts)} modules"
        )
