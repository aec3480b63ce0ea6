"""A board with an application that cannot run, as the bench plays it in real processes."""

import asyncio
import json

import pytest

from tools.board import SimulatedBoard

_TIMEOUT_S = 30
_SITE = {
    "endpoint": "probe-1",
    "link": "udp",
    "log": "json",
    "servers": [{"uri": "coap://127.0.0.1:9"}],
}


class _Hasty(SimulatedBoard):
    """Its watchdog bites after a second, whatever the firmware asks for."""

    def _take(self, kind, body):
        super()._take(kind, (1000).to_bytes(4, "big") if kind == b"W" else body)


async def _play(folder, app, runtime="micropython", board_class=SimulatedBoard):
    """Run a board until it is in safe mode; return its events."""
    (folder / "site.json").write_text(json.dumps(_SITE))
    (folder / "app.py").write_text(app)
    events = []
    safe = asyncio.Event()

    def on_event(name, facts):
        events.append((name, facts))
        if name == "booted" and facts["mode"] == "safe":
            safe.set()

    board = board_class(folder, on_event, runtime)
    await board.power_on()
    try:
        await asyncio.wait_for(safe.wait(), _TIMEOUT_S)
        board.command(json.dumps({"do": "get", "path": "/3/0/11"}))
        board.command(json.dumps({"do": "get", "path": "/20/0/4014"}))
        board.command(json.dumps({"do": "state"}))
        for _ in range(100):
            if events[-1][0] == "state":
                break
            await asyncio.sleep(0.1)
    finally:
        await board.power_off()
    return events


def _facts(events, name):
    return [facts for each, facts in events if each == name]


@pytest.mark.parametrize(
    ("runtime", "app", "word"),
    [
        ("micropython", "def setup(node)\n    pass\n", "SyntaxError"),
        ("micropython", "import no_such_module\n", "no_such_module"),
        ("cpython", "import no_such_module\n", "no_such_module"),
        ("micropython", "def setup(node):\n    setup(node)\n", "maximum recursion depth"),
        (
            "micropython",
            "import asyncio\ndef setup(node):\n    raise asyncio.CancelledError\n",
            "CancelledError",
        ),
    ],
    ids=["syntax", "import", "import-cpython", "recursion", "cancelled"],
)
def test_application_that_cannot_start(tmp_path, runtime, app, word):
    """TS 1.1 Core E.4: whatever ends the run restarts the board, in the end without app.py."""
    events = asyncio.run(_play(tmp_path, app, runtime))
    booted = _facts(events, "booted")
    assert [facts["crashes"] for facts in booted] == [0, 1, 2, 3]
    reasons = [facts["reason"] for facts in _facts(events, "error") if "again_ms" in facts]
    assert len(reasons) == 3 and word in reasons[0], reasons
    assert sorted(_facts(events, "value")[0]["value"].values()) == [16, 18]
    text = bytes.fromhex(_facts(events, "value")[1]["value"]).decode()
    assert word in text and "\nerror 16 after " in text, text
    state = _facts(events, "state")[0]
    assert state["mode"] == "safe" and state["crashes"] == 3 and state["errors"] == [16, 18]
    # What the firmware meets itself is none of the bench's.
    assert not [facts for facts in _facts(events, "error") if "left off" in facts["reason"]]


def test_application_that_takes_all_memory(tmp_path):
    """TS 1.1 Core E.4, Error Code 5: there is room for the crash's own text."""
    app = "kept = []\ndef setup(node):\n    while True:\n        kept.append(bytes(100))\n"
    events = asyncio.run(_play(tmp_path, app))
    assert sorted(_facts(events, "value")[0]["value"].values()) == [5, 18]
    assert "MemoryError" in bytes.fromhex(_facts(events, "value")[1]["value"]).decode()


def test_application_that_never_returns(tmp_path):
    """DESIGN §1: a call without end is ended by the watchdog, whose resets are crashes."""
    app = "def hang():\n    while True:\n        pass\ndef setup(node):\n    node.every(1, hang)\n"
    events = asyncio.run(_play(tmp_path, app, board_class=_Hasty))
    causes = [facts["cause"] for facts in _facts(events, "booted")]
    assert causes == ["power_on", "watchdog", "watchdog", "watchdog"]
    assert sorted(_facts(events, "value")[0]["value"].values()) == [17, 18]
    assert "did not return" in bytes.fromhex(_facts(events, "value")[1]["value"]).decode()
    assert _facts(events, "state")[0]["cause"] == "watchdog"
