"""Delayed calls on asyncio, in an order that is the same on every run and on both runtimes."""

import asyncio
import sys

# CPython's loop refuses to wait for more than a day or so; ticks of MicroPython order over 6 days.
_LONGEST_SLEEP_MS = 1 << 26

if sys.implementation.name == "micropython":
    from asyncio import core

    def _loop_ms() -> int:
        return core.ticks()

    def _elapsed_ms(end: int, start: int) -> int:
        return core.ticks_diff(end, start)

    _sleep_ms = asyncio.sleep_ms

else:

    def _loop_ms() -> int:
        return int(asyncio.get_running_loop().time() * 1000 + 0.01)

    def _elapsed_ms(end: int, start: int) -> int:
        return end - start

    async def _sleep_ms(ms: int) -> None:
        await asyncio.sleep(ms / 1000)


class Timer:
    """One delayed call; `active` until it ran or was cancelled."""

    def __init__(self, deadline: int, fn, args):
        self.deadline = deadline
        self.fn = fn
        self.args = args

    @property
    def active(self) -> bool:
        return self.fn is not None


class Timers:
    """Delayed calls, kept in one list and run by one task.

    Calls due at the same millisecond run in the order in which they were asked for.  The task
    exists only while a call waits, so that an idle Timers keeps no event loop alive.
    """

    def __init__(self):
        self._waiting = []  # Timer objects by deadline
        self._task = None
        self._wake = 0  # the deadline that the task sleeps towards
        self._inside = False  # a delayed call is running: the task looks at the list after it
        self._last_ms = None  # the loop's clock when it was last read
        self._now = 0

    def now(self) -> int:
        """Milliseconds of the event loop's clock since it was first read here; never wraps."""
        loop_ms = _loop_ms()
        if self._last_ms is not None:
            self._now += _elapsed_ms(loop_ms, self._last_ms)
        self._last_ms = loop_ms
        return self._now

    def call_later(self, ms: int, fn, *args) -> Timer:
        """Call fn(*args) on the event loop in `ms` milliseconds (0 = as soon as it turns)."""
        timer = Timer(self.now() + max(0, int(ms)), fn, args)
        index = len(self._waiting)
        while index and self._waiting[index - 1].deadline > timer.deadline:
            index -= 1
        self._waiting.insert(index, timer)
        if not self._inside and (self._task is None or timer.deadline < self._wake):
            self._restart()
        return timer

    def cancel(self, timer) -> None:
        """Forget a delayed call; None and calls that ran already are fine."""
        if timer is not None and timer.fn is not None:
            timer.fn = None
            timer.args = ()
            self._waiting.remove(timer)
            if not self._waiting and not self._inside and self._task is not None:
                self._task.cancel()
                self._task = None

    def _restart(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._wake = self._waiting[0].deadline
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._waiting:
            self._wake = self._waiting[0].deadline
            delay = self._wake - self.now()
            if delay > 0:
                await _sleep_ms(min(delay, _LONGEST_SLEEP_MS))
                continue
            timer = self._waiting.pop(0)
            fn, args = timer.fn, timer.args
            timer.fn = None
            self._inside = True
            try:
                fn(*args)
            except Exception:
                # The error ends this task and is seen; the calls that wait go on in another.
                self._task = None
                if self._waiting:
                    self._restart()
                raise
            finally:
                self._inside = False
            await _sleep_ms(0)
        self._task = None
