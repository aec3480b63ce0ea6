"""Modules that are needed once or seldom: their code goes back to the heap after use."""

import gc
import sys


def forget(name: str) -> None:
    """Let the collector take back the module `name` ("room.module"), if it is loaded.

    Whoever holds on to something of it keeps that part alive.
    """
    room, _, module = name.partition(".")
    if sys.modules.pop(name, None):
        delattr(sys.modules[room], module)
    gc.collect()
