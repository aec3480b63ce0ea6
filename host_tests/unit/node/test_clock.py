"""The clock: ticks wrap at 2^30 ms, `now` never does (DESIGN §3, Time)."""

from node.clock import Clock
from node.log import Log


def test_now_goes_on_over_the_wrap():
    """DESIGN §3: the wrap of the tick counter is met in the clock."""
    ticks = [(1 << 30) - 5]
    clock = Clock(lambda: ticks[0])
    assert clock.now() == 0
    ticks[0] = 7
    assert clock.now() == 12
    for _ in range(5):
        ticks[0] = (ticks[0] + (1 << 29)) & ((1 << 30) - 1)
        clock.now()
    assert clock.now() == 12 + 5 * (1 << 29)


def test_now_goes_on_over_a_deep_sleep():
    """DESIGN §3: ticks restart at a boot, `now` goes on from where the sleep ended."""
    ticks = [123]
    clock = Clock(lambda: ticks[0])
    clock.resume(86_400_000)
    ticks[0] = 223
    assert clock.now() == 86_400_100


def test_log_lines():
    """DESIGN §3: one event a line, as JSON or as text, and nothing when it is off."""
    lines = []
    facts = {"server": 1, "location": ("rd", "a"), "data": b"\x01\xff", "ok": True}
    Log("json", lambda: 12_345, lines.append).event("registered", facts)
    Log("text", lambda: 12_345, lines.append).event("asleep", {"ms": 5})
    Log("off", lambda: 12_345, lines.append).event("asleep", {"ms": 5})
    import json

    assert json.loads(lines[0]) == {
        "event": "registered",
        "now_ms": 12345,
        "server": 1,
        "location": ["rd", "a"],
        "data": "01ff",
        "ok": True,
    }
    assert lines[1] == "    12.345 asleep       ms=5"
    assert len(lines) == 2
