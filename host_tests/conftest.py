"""Puts the firmware, the shim and the repository on the path, as a board has them on its own."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
for _folder in (_ROOT, _ROOT / "host_tests", _ROOT / "host_tests" / "shim", _ROOT / "firmware"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

import hypothesis  # noqa: E402,F401  early: its plugin would load it deep in the stack, and fail
import shim.cpython  # noqa: E402,F401  MicroPython's asyncio and time names
