"""One simulated life in a process of its own, on either runtime: `live.py --seed 7 --days 3 …`.

The module path leads to firmware, shim and tests (host_tests/simulate.py). The last line printed
is a JSON object; the exit code is 1 where the life failed.
"""

import sys

del sys.path[0]  # this script's folder, where the sources are; on MicroPython .mpy files are run

if sys.implementation.name != "micropython":
    from shim import cpython  # noqa: F401  adds MicroPython's names to asyncio and time

from system import simulation  # noqa: E402

sys.exit(simulation.main(sys.argv[1:]))
