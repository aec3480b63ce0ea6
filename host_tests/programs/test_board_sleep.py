"""The bench's chip: a watchdog that a hung process does not feed, and light sleep in real time."""

import asyncio
import json

import pytest

from tools.board import SimulatedBoard

_SITE = {
    "endpoint": "probe-1",
    "link": "udp",
    "log": "json",
    "servers": [{"uri": "coap://127.0.0.1:9"}],
}
_HANGS = """
import machine

def setup(node):
    machine.WDT(timeout=1000)
    if machine.reset_cause() == 1:
        while True:
            pass
"""
_DOZES = """
from node import hw
import asyncio

def setup(node):
    async def doze():
        for pin in (None, None):
            node.log.event("slept", {"by_pin": await hw.light_sleep(300, pin)})

    asyncio.create_task(doze())
"""


async def _until(folder, app, wanted, runtime):
    """Run a board with that application until wanted(events); return the events."""
    (folder / "site.json").write_text(json.dumps(_SITE))
    (folder / "app.py").write_text(app)
    events = []
    seen = asyncio.Event()

    def on_event(name, facts):
        events.append((name, facts))
        if wanted(events):
            seen.set()

    board = SimulatedBoard(folder, on_event, runtime)
    await board.power_on()
    try:
        await asyncio.wait_for(seen.wait(), 30)
    finally:
        await board.power_off()
    return events


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_a_hung_process_is_reset(tmp_path, runtime):
    """ESP32 machine.WDT: a chip that no longer feeds it starts again, with that cause."""

    def wanted(events):
        return events[-1][0] == "booted" and events[-1][1]["cause"] == "watchdog"

    events = asyncio.run(_until(tmp_path, _HANGS, wanted, runtime))
    halts = [facts["kind"] for name, facts in events if name == "halted"]
    assert halts == ["watchdog"]


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_light_sleep_ends(tmp_path, runtime):
    """ESP32 machine.lightsleep: the run goes on when the time is over."""

    def wanted(events):
        return [name for name, _ in events].count("slept") == 2

    events = asyncio.run(_until(tmp_path, _DOZES, wanted, runtime))
    assert all([not facts["by_pin"] for name, facts in events if name == "slept"])
    assert [name for name, _ in events].count("booted") == 1
