"""A virtual clock under asyncio, on CPython and on MicroPython: a day of sleeping takes no wall
time.

`run(coroutine)` runs an event loop whose time moves only when nothing is ready to run; then it
jumps to the next timer. `now_ms()` is that time. Where every task waits and no timer is left, the
run ends with `Stalled` instead of waiting for ever.
"""

import asyncio
import sys

_MICROPYTHON = sys.implementation.name == "micropython"
_START_MS = 1_000


class Stalled(Exception):
    """Nothing is ready and no timer is set: the run could only wait for ever."""


_now_ms = _START_MS


def now_ms() -> int:
    """Return the virtual time, in milliseconds since the run began plus a fixed offset."""
    return _now_ms


def ticks_ms() -> int:
    """Return the virtual time as `time.ticks_ms` gives it on an ESP32: it wraps at 2^30."""
    return _now_ms & 0x3FFFFFFF


def epoch_s() -> int:
    """Return virtual Unix time: the runs start on 2026-01-01 at midnight UTC."""
    return 1767225600 + (_now_ms - _START_MS) // 1000


def run(coroutine):
    """Run `coroutine` to its end in virtual time and return its result."""
    global _now_ms
    _now_ms = _START_MS
    return _run(coroutine)


if _MICROPYTHON:
    import time
    from asyncio import core

    # The scheduler stamps tasks that are ready with the real clock, so virtual ticks run ahead of
    # it: whatever carries a real stamp is due at once.
    _AHEAD_MS = 1 << 40
    _core_ticks = core.ticks
    _core_queue = core.IOQueue

    class _VirtualQueue(_core_queue):
        def _wake(self):
            """Push the tasks whose flag is set; return whether there is more than flags."""
            more = False
            for entry in list(self.map.values()):
                stream = entry[2]
                if not isinstance(stream, asyncio.ThreadSafeFlag):
                    more = True
                elif stream.state:
                    core._task_queue.push(entry[0])
                    self._dequeue(stream)
            return more

        def wait_io_event(self, dt_ms):
            global _now_ms
            # The unix port polls objects that are no files for a millisecond, even if told 0.
            if self._wake():
                super().wait_io_event(0)
            task = core._task_queue.peek()
            if task and core.ticks_diff(task.ph_key, core.ticks()) <= 0:
                return
            if dt_ms < 0:
                raise Stalled("every task waits and no timer is set")
            _now_ms += dt_ms

    def _run(coroutine):
        base = time.ticks_ms() + _AHEAD_MS - _now_ms
        core.ticks = lambda: base + _now_ms
        core.IOQueue = _VirtualQueue
        asyncio.new_event_loop()
        try:
            return asyncio.run(coroutine)
        finally:
            core.ticks = _core_ticks
            core.IOQueue = _core_queue
            asyncio.new_event_loop()

else:
    import selectors

    from shim import cpython  # noqa: F401  adds MicroPython's names to asyncio and time

    class _VirtualSelector(selectors.DefaultSelector):
        def select(self, timeout=None):
            global _now_ms
            ready = super().select(0)
            if ready:
                return ready
            if timeout is None:
                raise Stalled("every task waits and no timer is set")
            if timeout > 0:
                # Rounded up: a timer that is due within the millisecond must be due after it.
                _now_ms += int(timeout * 1000 + 0.999)
            return ready

    class _VirtualLoop(asyncio.SelectorEventLoop):
        def __init__(self):
            super().__init__(_VirtualSelector())
            self._clock_resolution = 0.0005

        def time(self):
            return _now_ms / 1000

    def _run(coroutine):
        loop = _VirtualLoop()
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(coroutine)
        finally:
            _cancel_all(loop)
            loop.close()
            asyncio.set_event_loop(None)

    def _cancel_all(loop):
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
