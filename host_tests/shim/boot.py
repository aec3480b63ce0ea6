"""Boots the firmware in a process of its own: `boot.py BENCH_PORT RESET_CAUSE WAKE_REASON
MEMORY_FILE`.

The current folder is the board's file system; the module path holds the firmware, the board and
this shim. The process ends as the chip does: in deep sleep, at a reset, or when the bench cuts its
power.
"""

import asyncio
import sys

if sys.implementation.name != "micropython":
    from shim import cpython  # noqa: F401  adds MicroPython's names to asyncio and time

import machine

from shim.wires import Wires


async def _boot(arguments):
    port, cause, reason, memory_file = arguments
    with open(memory_file, "rb") as file:
        memory = file.read()
    wires = machine.host = Wires(int(cause), int(reason), memory)
    await wires.open(int(port))
    taking = asyncio.create_task(wires.run())
    from node import boot, hw

    hw.light_sleep = wires.light_sleep
    await boot.run("site.json", wires)
    taking.cancel()


asyncio.run(_boot(sys.argv[1:]))
