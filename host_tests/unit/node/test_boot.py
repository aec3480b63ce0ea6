"""What a crash leaves and what a start makes of it, without a board around them."""

import asyncio
import os
import sys

import machine
from node import boot, crash, hw, retained

from boards.host import board

_MEANT = 0x40
_TRIAL = 0x80


class _Host:
    """RTC memory, and how the chip came to a halt."""

    reset_cause = 1
    wake_reason = 0

    def __init__(self):
        machine.wake_pin = None  # a chip that starts has none
        self.memory = b""
        self.halted = None
        self.pins = {}

    def pin_write(self, number, level):
        self.pins[number] = level

    def pin_read(self, number):
        return 1

    def watchdog(self, timeout_ms):
        self.fed.append(timeout_ms)

    def halt(self, kind, duration_ms, wake_pin):
        self.halted = (kind, duration_ms, wake_pin)


class _Node:
    """Of a node what node/crash.py asks for."""

    mode = "normal"
    bare = False
    slept = False
    kept_due_ms = ()
    counters = (1, 2)
    counted = b"contact"

    def __init__(self, crashes=0, trace=b"", now_ms=1000):
        self.crashes = crashes
        self.trace = trace
        self.site = {"objects": [{"object": 3303}]}
        self.timers = []
        self.clock = self
        self._now_ms = now_ms

    def now(self):
        return self._now_ms

    def body(self):
        return b""

    def restart(self):
        pass


class _Board:
    PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": 33}


def _started(cause, crashes=0, trace=b"", slept=False):
    """Return (node, facts of `booted`, pause) of a start."""
    machine.host = _Host()
    node = _Node(crashes, trace)
    node.slept = slept
    facts = {"cause": cause, "mode": "normal", "crashes": 0}
    pause_ms = crash.take_up(node, facts)
    return node, facts, pause_ms


def _panic(error, memory=b"", node=None):
    """Return (octet, text, pause) of what a panic leaves in RTC memory."""
    host = machine.host = _Host()
    host.memory = memory
    try:
        crash.panic(error, node)
        raise AssertionError("it came back")
    except machine.Halted:
        kind, pause_ms, pin = host.halted
    assert kind == "deepsleep" and pin is None
    _, body, octet, trace, _ = retained.unpack(host.memory)
    assert body == b""
    return octet, trace, pause_ms


def _raised(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return error


def test_pauses_grow():
    """TS 1.1 Core E.4: 1 s after the first crash, twice as long after each, 900 s at most."""
    memory = b""
    pauses = []
    for count in range(1, 18):
        octet, _, pause_ms = _panic(ValueError(), memory)
        assert octet == _MEANT | min(count, 15)
        memory = machine.host.memory
        pauses.append(pause_ms // 1000)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] + [900] * 7


def test_the_trial_ends_with_a_crash():
    """TS 1.1 Core E.4: in the normal mode that is tried, one more leads back to safe mode."""
    octet, _, _ = _panic(ValueError(), retained.pack((1, 2), b"", _TRIAL | 3))
    assert octet == _MEANT | 3
    for cause in ("watchdog", "hard"):
        node, facts, _ = _started(cause, _TRIAL | 3)
        assert (facts["mode"], node.crashes, node.bare) == ("safe", 3, False)


def test_safe_mode_that_crashes():
    """TS 1.1 Core E.4: the third time in a row what flash has of servers is left where it is, and
    stays there when that goes well.
    """
    for crashes, bare, after in ((3, False, 3), (5, False, 3), (6, True, 6), (15, True, 15)):
        node, facts, _ = _started("deep_sleep", crashes)
        assert (facts["mode"], node.bare) == ("safe", bare)
        node.mode = "safe"
        crash.went_well(node)
        assert node.crashes == after
    node, facts, _ = _started("hard", _MEANT | _TRIAL | 6)
    assert (facts["mode"], node.bare) == ("normal", False)
    crash.went_well(node)
    assert node.crashes == 0


def test_what_a_reset_means():
    """MicroPython machine.reset_cause: hard is a restart on purpose, or a panic of the chip."""
    for cause, octet, crashes, mode in (
        ("hard", _MEANT, 0, "normal"),
        ("hard", 0, 1, "normal"),
        ("hard", 2, 3, "safe"),
        ("hard", _MEANT | 2, 2, "normal"),
        ("hard", _MEANT | _TRIAL | 3, 3, "normal"),
        ("watchdog", 0, 1, "normal"),
        ("watchdog", _MEANT | 1, 1, "normal"),
        ("deep_sleep", _MEANT | 2, 2, "normal"),
        ("deep_sleep", _MEANT | 3, 3, "safe"),
        ("deep_sleep", 7, 7, "safe"),
        ("soft", 2, 2, "normal"),
        ("power_on", 2, 2, "normal"),
        ("nine", 2, 2, "normal"),
    ):
        node, facts, _ = _started(cause, octet)
        assert (facts["crashes"], facts["mode"]) == (crashes, mode), (cause, octet)
        assert (node.site["objects"] == []) == (mode == "safe") == bool(node.timers)
        kept = retained.unpack(machine.host.memory)
        assert kept[2] & 0x0F == crashes and not kept[2] & _MEANT or _started(cause, octet)[2]


def test_the_hour_of_safe_mode():
    """TS 1.1 Core E.4: it goes on over deep sleeps, and begins anew with a crash."""
    for slept, due_ms in ((True, 5000), (False, 3_601_000)):
        machine.host = _Host()
        node = _Node(3)
        node.slept = slept
        node.kept_due_ms = [5000, 7000]
        crash.take_up(node, {"cause": "deep_sleep", "mode": "normal", "crashes": 0})
        assert [timer[1] for timer in node.timers] == [due_ms]


def test_brown_outs_are_waited_for():
    """HW800L 3.2.1: a sagging supply has time to recover, and its text gives way to a panic's."""
    octet = 0
    for pause_s in (0, 60, 900, 900):
        node, facts, pause_ms = _started("power_on", octet)
        assert facts["cause"] == "brown_out" and pause_ms == pause_s * 1000
        assert b"\nerror 19 at " in node.trace
        octet = node.crashes
    assert _started("power_on", 0, b"x\nerror 16 at 0")[0].trace == b"x\nerror 16 at 0"


def test_text_of_a_panic():
    """DESIGN §6: the innermost frames, the exception, the code, in 400 octets of UTF-8."""

    def inner(what):
        raise what

    def deep(left):
        return deep(left - 1) if left else inner(KeyError("end"))

    for error, word, code in (
        (_raised(inner, ValueError("no probe")), "ValueError: no probe", 16),
        (_raised(inner, OSError(19)), "OSError: ", 16),
        (_raised(inner, MemoryError()), "MemoryError", 5),
        (_raised(deep, 40), "KeyError: ", 16),
        (_raised(inner, ValueError("\u20ac\U0001f600" * 300)), "ValueError: \u20ac", 16),
        (_raised(inner, ValueError("line\nerror 5 at 7")), "line", 16),
    ):
        text = _panic(error)[1]
        assert len(text) <= 400, len(text)
        shown = text.decode()
        assert word in shown and "inner:" in shown and "\nerror %d after " % code in shown, shown
        assert crash._signature(text)[0] == code


def test_a_panic_without_a_node_or_a_record():
    """DESIGN §3: RTC memory holds anything; what is in it keeps no board from its restart."""
    for memory in (b"", b"\xff" * 2048, retained.pack((1, 2), bytes(2000), 255, b"x")):
        octet, text, pause_ms = _panic(ValueError("x"), memory)
        assert b"ValueError: x" in text and octet & _MEANT and pause_ms >= 1000

    class Broken:
        board = None

        @property
        def log(self):
            raise MemoryError

    assert b"error" in _panic(ValueError("x"), b"", Broken())[1]


def test_the_modem_rests_with_the_board():
    """HW7000 1.5: DTR high lets the modem sleep, and the power key is let go."""

    class Node:
        board = _Board

        class log:
            event = print

    _panic(ValueError("x"), b"", Node)
    assert machine.host.pins == {4: 0, 25: 1}


def test_signatures():
    """DESIGN §6: a text cut short, or of another firmware, has no code."""
    for text in (b"", b"\n", b"error", b"error x at y", b"error 16 at", b"\xff\nerror \xff at 1"):
        assert crash._signature(text) == (0, 0), text
    assert crash._signature(b"a\nerror 17 at 1767225600") == (17, 1767225600)


def test_a_quiet_day():
    """OMA registry, Object 20: a text is forgotten after a day, by a clock that was set."""
    now_s = hw.epoch_s
    try:
        for text_s, clock_s, kept in (
            (1767225600, 1767225600 + 86399, True),
            (1767225600, 1767225600 + 86400, False),
            (946684800, 1767225600, True),
            (1767225600, 946684800, True),
        ):
            hw.epoch_s = lambda clock_s=clock_s: clock_s
            node, _, _ = _started("deep_sleep", 0, b"a\nerror 16 at %d" % text_s)
            assert bool(node.trace) == kept, (text_s, clock_s)
    finally:
        hw.epoch_s = now_s


def test_a_panic_without_memory():
    """DESIGN §6: where not even the account of a crash finds room, or the module of it is torn,
    the chip restarts all the same.
    """
    import node.crash  # noqa: F401  the one in force, which a board may have loaded anew

    loaded, modules = sys.modules["node.crash"], dict(sys.modules)
    kept = loaded.panic
    for met in (MemoryError(), ImportError("no module named 'node.crash'"), ValueError("mpy")):
        host = machine.host = _Host()

        def fail(error, node, met=met):
            raise met

        loaded.panic = fail
        try:
            boot.crashed(ValueError("x"))
            raise AssertionError("it came back")
        except machine.Halted:
            assert host.halted and host.halted[0] == "reset"
        finally:
            loaded.panic = kept
            sys.modules.update(modules)


def test_no_board_waits_at_the_repl_for_good():
    """MicroPython machine.WDT: a configuration that cannot be read is read again a day later."""
    host = machine.host = _Host()
    sys.modules["board"] = board
    with open("no_site.json", "wb") as file:
        file.write(b'{"servers": \xff\xfe}')
    try:
        for path in ("no_such_site.json", "no_site.json"):
            host.fed = []
            asyncio.run(boot.run(path))
            assert host.fed and set(host.fed) == {86_400_000}
    finally:
        os.remove("no_site.json")
        del sys.modules["board"]
