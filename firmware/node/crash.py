"""Crashes: what ended a run, how many there were in a row, and what they lead to.

Loaded where a run ends in a crash, and at the starts after one. What has to outlive the restart is
in the record in RTC memory (node/retained.py): one octet, and the text that servers read.

    bits 0 to 3  crashes in a row; ten good minutes, or a wake that ends in sleep again, clear them
    bits 4 and 5  brown-outs in a row, likewise
    bit 6  the chip was told to restart or to rest, so its reset is no crash
    bit 7  the normal mode is tried, in spite of the crashes

A crash is an exception out of the node, a reset by the watchdog, or a reset without notice (a
panic of the chip). The restart waits for 1 s, then 2, 4 … 900 s. After the third in a row the node
starts in safe mode, without the application and the configured objects; an hour later, or at a
Reboot, the normal mode is tried, and one more crash ends that. Where safe mode itself crashes
three times, what servers wrote and a bootstrap provided may be the reason, and is left on flash
until the normal mode is tried or a server asks for a factory reset. A supply that keeps failing
makes the starts wait as well, but is no crash.

Device's Error Code (/3/0/11) says what the last one was, besides OMA's own codes:

    5   out of memory
    16  an exception, in the application or in the firmware
    17  the watchdog: nothing moved
    18  safe mode
    19  brown-out: the supply failed for a moment
    20  a reset without notice, a panic of the chip
"""

import io
import sys

from micropython import const

from node import hw, retained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COUNT = const(0x0F)
_DIP = const(0x10)
_DIPS = const(0x30)
_MEANT = const(0x40)
_TRIAL = const(0x80)

_SAFE_AFTER = const(3)
_BARE_AFTER = const(6)
_SAFE_MS = const(3_600_000)
_GOOD_MS = const(600_000)
_FIRST_PAUSE_MS = const(1_000)
_LONGEST_PAUSE_MS = const(900_000)
_QUIET_S = const(86_400)  # after which the text of a crash is forgotten, told or not
_CLOCK_SET_S = const(1_577_836_800)  # a clock before 2020 was never set, and tells no age

_OUT_OF_MEMORY = const(5)
_EXCEPTION = const(16)
_WATCHDOG = const(17)
_SAFE_MODE = const(18)
_BROWN_OUT = const(19)
_NO_NOTICE = const(20)
_OWN = (5, 16, 17, 18, 19, 20)

_TEXT_BYTES = const(400)
_MESSAGE_BYTES = const(120)
_LINE = const(100)
_FRAMES = const(12)
_PENDING = b"\n?"  # ends what the guard noted, should the watchdog bite


def take_up(node, facts: dict) -> int:
    """Decide at a start what the octet, the text and the cause of the reset lead to.

    facts: of the event `booted`; cause, mode and crashes are put right. Returns for how many ms
    the chip should rest first, 0 for none.
    """
    state = node.crashes
    meant = state & _MEANT
    state &= ~_MEANT
    cause = facts["cause"]
    if meant:
        node.slept = False  # it rested after a crash, which is no wake
    code = pause_ms = 0
    text = b""
    if cause == "power_on":  # RTC memory is lost with the power, but not in a brown-out
        facts["cause"] = "brown_out"
        if state & _DIPS < _DIPS:
            state += _DIP
        pause_ms = (0, 0, 60_000, _LONGEST_PAUSE_MS)[state // _DIP & 3]
        if not node.trace:
            node.trace = _signed(b"the supply failed for a moment", _BROWN_OUT, None)
    elif cause == "watchdog" and not meant:
        code, text = _WATCHDOG, b"watchdog: a call that did not return"
        if node.trace.endswith(_PENDING):
            text = node.trace[: -len(_PENDING)]
    elif cause == "hard" and not meant:
        code, text = _NO_NOTICE, b"reset without notice"
    if code:
        state, pause_ms = _counted(state)
        node.trace = _signed(text, code, None)
        if state & _COUNT <= _SAFE_AFTER:
            pause_ms = 0  # what it waited for is over already
    code, crashed_s = _signature(node.trace)
    now_s = hw.epoch_s()
    if crashed_s > _CLOCK_SET_S and now_s - crashed_s >= _QUIET_S:
        node.trace = b""
    count = state & _COUNT
    facts["crashes"] = count
    if count >= _SAFE_AFTER and not state & _TRIAL:
        facts["mode"] = "safe"
        node.bare = count >= _BARE_AFTER
        node.site["objects"] = []
        due_ms = node.kept_due_ms[0] if node.slept else node.clock.now() + _SAFE_MS
        node.timers.append([_SAFE_MS, due_ms, node.restart])
    node.crashes = state
    _store(node, _MEANT if pause_ms else 0)
    return pause_ms


def report(node) -> None:
    """Tell servers what there is to tell: in the Event Log, which is there with a text, and in
    the error codes; and let good minutes count.
    """
    if node.trace:
        _show(node)
    code = _signature(node.trace)[0]
    for own in _OWN:
        node.fault(own, own == code or own == _SAFE_MODE and node.mode == "safe")


async def recover(node) -> None:
    """Clear the count after ten good minutes, and the text after a day (without deep sleep)."""
    import asyncio

    await asyncio.sleep_ms(_GOOD_MS)
    went_well(node)
    _store(node, 0)
    await asyncio.sleep_ms(_QUIET_S * 1000)
    clear(node, ())


def went_well(node) -> None:
    """Clear the count; in safe mode only that of its own crashes."""
    if node.mode != "safe":
        node.crashes = 0
    elif not node.bare:
        node.crashes = _SAFE_AFTER


def clear(node, codes) -> None:
    """Forget the text and its code; `codes` were reported, and those that last are again."""
    node.trace = b""
    _store(node, 0)
    log = node.tree.get(20, 0)
    if log:
        log.fill(b"")
    for own in _OWN:
        node.fault(own, own == _SAFE_MODE and node.mode == "safe")
    for code in sorted(codes):
        if code and code not in _OWN:
            node.fault(code)


def note(node, error) -> None:
    """Keep the traceback of an exception that the node survives, and report it."""
    node.trace = _signed(_traced(error), _code(error), hw.ticks_ms() // 1000)
    _store(node, 0)
    _show(node)
    node.fault(_code(error))


def suspect(node, what: str) -> None:
    """Note what keeps the watchdog from being fed; it is forgotten where that moves again."""
    reason = "watchdog: %s stands still" % what
    node.log.event("error", {"reason": reason})
    counters = node.counters or _random()
    text = reason.encode() + _PENDING
    hw.store_memory(retained.pack(counters, node.body(), node.crashes, text, node.counted))


def panic(error, node=None) -> None:
    """Keep what ended the run, and restart the chip after a pause; does not come back."""
    record = retained.unpack(hw.load_memory()) or (_random(), b"", 0, b"", b"")
    counters, _, state, trace, counted = record
    state, pause_ms = _counted(state & ~_MEANT)
    try:
        trace = _signed(_traced(error), _code(error), hw.ticks_ms() // 1000)
        if node:
            facts: "Any" = {"crashes": state & _COUNT, "again_ms": pause_ms}
            facts["reason"] = _message(error)
            node.log.event("error", facts)
    except Exception as second:  # nothing may keep the board from its restart
        trace = trace or _signed(b"no room for the traceback", _code(second), None)
    hw.store_memory(retained.pack(counters, b"", state | _MEANT, trace, counted))
    rest(pause_ms, node and node.board)


def rest(pause_ms: int, board) -> None:
    """Stop the chip, and where the wiring is known the modem; it starts after `pause_ms`.

    In deep sleep, which costs next to nothing.
    """
    if hasattr(board, "PINS"):
        hw.ModemPins(board.PINS, True)
    hw.deep_sleep(pause_ms, None)


def _counted(state):
    """Return the octet with one crash more, and the pause that it asks for.

    One that ends a trial of the normal mode is none of safe mode.
    """
    count = state & _COUNT
    if not state & _TRIAL:
        count = min(count + 1, _COUNT)
    pause_ms = min(_FIRST_PAUSE_MS << count - 1, _LONGEST_PAUSE_MS)
    return state & ~(_COUNT | _TRIAL) | count, pause_ms


def _store(node, flags):
    if node.counters is None:
        node.counters = _random()
    crashes = node.crashes | flags
    body = node.body()
    hw.store_memory(retained.pack(node.counters, body, crashes, node.trace, node.counted))


def _random():
    return hw.random_bits(16), hw.random_bits(16)


def _show(node):
    log = node.tree.get(20, 0)
    if log is None:
        from lwm2m.objects.event_log import EventLog

        node.tree.add(EventLog(node.trace, node.forget_trace))
    else:
        log.fill(node.trace)


def _code(error):
    return _OUT_OF_MEMORY if isinstance(error, MemoryError) else _EXCEPTION


def _message(error):
    text = "%s: %s" % (error.__class__.__name__, error)
    end = _MESSAGE_BYTES
    while len(text[:end].encode()) > _MESSAGE_BYTES:
        end -= 1
    return text[:end]


def _signed(text, code, up_s):
    """Return a text with the line that ends it: the code, how long the run was, and when."""
    line = "\nerror %d" % code
    if up_s is not None:
        line += " after %d s" % up_s
    line = (line + " at %d" % hw.epoch_s()).encode()
    text = text[-(_TEXT_BYTES - len(line)) :]
    while text and text[0] & 0xC0 == 0x80:
        text = text[1:]  # not within a character
    return text + line


def _signature(trace):
    """Return (code, Unix time) of the last line of a text, 0 for what it does not say."""
    words = trace[trace.rfind(b"\n") + 1 :].split(b" ")
    try:
        return int(words[1]), int(words[-1])
    except (ValueError, IndexError):
        return 0, 0


class _Frames(io.IOBase):
    """Takes a traceback as it is printed and keeps its innermost frames, "module function:line".

    A recursion without end prints hundreds of them.
    """

    def __init__(self):
        self.kept = []
        self._line = b""

    def write(self, data):
        text = data.encode() if isinstance(data, str) else bytes(data)
        lines = (self._line + text).split(b"\n")
        self._line = lines.pop()[:_LINE]
        for line in lines:
            self._take(line[:_LINE])
        return len(data)

    def _take(self, line):
        # `  File "node.node", line 1, in _loop`, without a function where a syntax is wrong
        parts = line.split(b'"')
        words = parts[-1].split(b" ")
        if len(parts) != 3 or parts[0] != b"  File " or len(words) < 3:
            return
        name = parts[1][parts[1].rfind(b"/") + 1 :]
        self.kept.append(b" ".join([name] + words[4:]) + b":" + words[2].rstrip(b","))
        if len(self.kept) > _FRAMES:
            self.kept.pop(0)


def _traced(error):
    """Return the innermost frames, the last of all at the end, and the exception."""
    frames = _Frames()
    sys.print_exception(error, frames)  # pyright: ignore  of MicroPython
    return b"\n".join(frames.kept + [_message(error).encode()])
