"""Monotonic milliseconds, the time that everything above takes as `now`.

MicroPython's tick counter wraps at 2^30 ms (12.4 days) and starts at 0 on every boot. Both are met
here and nowhere else: `now` never wraps, and it goes on across a deep sleep.
"""

from micropython import const

_TICKS_MASK = const(0x3FFFFFFF)


class Clock:
    """Turns a wrapping tick counter into milliseconds that only grow.

    `ticks_ms` is a callable that returns a tick count modulo 2^30 (or a multiple of it); it must
    be asked at least once in 12 days, which the node's loop does. `start_ms` is the first `now`.
    """

    def __init__(self, ticks_ms, start_ms: int = 0):
        self._ticks_ms = ticks_ms
        self._last_ticks = ticks_ms()
        self._now_ms = start_ms

    def now(self) -> int:
        """Return the monotonic time in milliseconds."""
        ticks = self._ticks_ms()
        self._now_ms += (ticks - self._last_ticks) & _TICKS_MASK
        self._last_ticks = ticks
        return self._now_ms

    def resume(self, now_ms: int) -> None:
        """Go on from `now_ms`: the time before a deep sleep plus the sleep's length."""
        self._last_ticks = self._ticks_ms()
        self._now_ms = now_ms
