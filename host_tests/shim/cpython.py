"""What MicroPython's `asyncio`, `time` and `sys` have and CPython's lack; importing this adds it.

Only names that the firmware uses are here. On MicroPython this module must not be imported.
"""

import asyncio
import inspect
import sys
import time
import traceback

_TICKS_PERIOD = 1 << 30  # as on the ESP32, so that a wrap shows up on a desk
_TICKS_HALF = _TICKS_PERIOD // 2


def _ticks_ms() -> int:
    return int(time.monotonic() * 1000) % _TICKS_PERIOD


def _ticks_diff(end: int, start: int) -> int:
    return ((end - start + _TICKS_HALF) % _TICKS_PERIOD) - _TICKS_HALF


def _ticks_add(ticks: int, delta_ms: int) -> int:
    return (ticks + delta_ms) % _TICKS_PERIOD


async def _sleep_ms(delay_ms: int) -> None:
    await asyncio.sleep(max(0, delay_ms) / 1000)


async def _wait_for_ms(awaitable, timeout_ms: int):
    return await asyncio.wait_for(awaitable, timeout_ms / 1000)


class _ThreadSafeFlag:
    """asyncio.ThreadSafeFlag: one waiter, cleared by the wait that sees it set."""

    def __init__(self):
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()


def close_unstarted(task) -> None:
    """Close what a task was given that ends before its first turn, or CPython warns of it."""
    coroutine = task.get_coro()
    if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        for value in coroutine.cr_frame.f_locals.values():
            if inspect.iscoroutine(value):
                value.close()


def _print_exception(error, file=sys.stdout) -> None:
    traceback.print_exception(error, file=file)


for _module, _name, _value in (
    (sys, "print_exception", _print_exception),
    (time, "ticks_ms", _ticks_ms),
    (time, "ticks_diff", _ticks_diff),
    (time, "ticks_add", _ticks_add),
    (time, "sleep_ms", lambda delay_ms: time.sleep(delay_ms / 1000)),
    (asyncio, "sleep_ms", _sleep_ms),
    (asyncio, "wait_for_ms", _wait_for_ms),
    (asyncio, "ThreadSafeFlag", _ThreadSafeFlag),
):
    if not hasattr(_module, _name):
        setattr(_module, _name, _value)
