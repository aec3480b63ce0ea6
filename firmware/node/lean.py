"""Modules that are needed once or seldom: their code goes back to the heap after use."""

import gc
import sys


def forget(*names: str) -> None:
    """Let the collector take back the modules ("room.module") that are loaded.

    Whoever holds on to something of one keeps that part alive.
    """
    for name in names:
        room, _, module = name.rpartition(".")
        if sys.modules.pop(name, None):
            delattr(sys.modules[room], module)
    gc.collect()
