"""The watchdog: fed while everything moves, and the reset where one part hangs, each in its turn.

Where an application never returns from a call there is no task left to look; that is for a process
of its own (programs/test_safe_mode_board.py).
"""

import asyncio

from modem.at import Response
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_MODES = ("none", "idle", "light", "deep")


async def _for_ever(*_arguments):
    await asyncio.Event().wait()


async def _bitten(world, limit_s, word):
    """Wait for the watchdog's reset; the board then tells why, and works."""
    began_ms = world.node.clock.now()
    await world.saw("device", "booted", limit_s + 300, cause="watchdog", crashes=1)
    after_s = world.times("device", "booted")[-1] // 1000 - began_ms // 1000
    assert after_s <= limit_s, after_s
    await world.saw("device", "registered", 900)
    data = bytes(world.node.tree.get(20, 0).read(4014))
    assert word in data and b"\nerror 17 at " in data, data
    assert world.node.tree.get(3, 0).read(11) == {0: 17}
    assert world.node.state()["cause"] == "watchdog"
    world.peer.read("/3303/0/5700")
    world.command(do="update")
    await world.saw("server", "answer", 60, payload=b"21.5")


def _play(plant, limit_s, word, modes=_MODES):
    """Play a hang that plant(node) brings about in each sleep mode; it returns what to await."""

    async def play(world):
        await world.saw("device", "registered")
        await world.sleep(1)
        plant(world.node)
        world.command(do="update")
        await _bitten(world, limit_s, word)

    for mode in modes:
        World("sim800" if mode == "idle" else "sim7000", sleep=mode).play(play)


def test_loop_that_hangs():
    """DESIGN §1: the loop that waits for a datagram or the deadline has to turn."""

    def plant(node):
        node.bearer.busy = lambda: False
        node.client.busy = lambda now: False
        node.bearer.sleep = _for_ever

    _play(plant, 120 + 90 + 5, b"the loop stands still", _MODES[1:])


def test_link_task_that_hangs():
    """DESIGN §1: a job of a link that neither ends nor asks anything of the modem."""

    def plant(node):
        for link in node.bearer.links:
            link._do = _for_ever

    _play(plant, 1200 + 120 + 40, b"the modem's part stands still")


def test_reader_that_died():
    """TS 27.005 §3: without its reader a modem is dumb; it died without a word."""

    def plant(node):
        node.bearer.modem.channel._task.cancel()

    _play(plant, 120 + 35, b"the modem's part stands still", ("none",))


def test_command_without_end():
    """TS 27.007 §4: a command that its own time-out does not end."""

    def plant(node):
        channel = node.bearer.modem.channel

        async def exchange(text, timeout_ms, *others):
            channel._running = Response(text, (), None)
            channel._due = channel.now() + timeout_ms
            await _for_ever()

        channel._exchange = exchange

    _play(plant, 600, b"the modem's part stands still")


def test_start_that_hangs():
    """DESIGN §1: a start of the modem that never ends, at the first boot."""

    async def play(world):
        await world.saw("device", "booted")
        world.node.bearer.modem.up = _for_ever
        await _bitten(world, 1200 + 160, b"the modem's part stands still")

    for settings in ({}, {"endpoint": None}):
        World(**settings).play(play)


def test_three_in_a_row():
    """TS 1.1 Core E.4: the watchdog's resets are crashes, and lead to safe mode."""

    def setup(node):
        node.bearer.sleep = _for_ever

    async def play(world):
        for count in (1, 2, 3):
            await world.saw("device", "booted", 900, cause="watchdog", crashes=count)
        assert world.all("device", "booted")[-1]["mode"] == "safe"
        await world.settled()

    World(setup=setup).play(play)


def test_fed_while_nothing_happens():
    """DESIGN §1: hours of waiting, and a network that is not there, are no hang."""

    async def play(world):
        await world.saw("device", "registered")
        await world.sleep(12 * _HOUR_S)
        assert world.all("device", "booted", cause="watchdog") == []
        assert [
            facts for facts in world.all("device", "error") if "watchdog" in facts["reason"]
        ] == []
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("server", "answer", 900, payload=b"21.5")

    async def searching(world):
        world.modem.set_fault("registration", 2)
        await world.sleep(6 * _HOUR_S)
        assert len(world.all("device", "booted")) == 1
        world.modem.set_fault("registration", None)
        await world.saw("device", "registered", 1200)

    for mode in _MODES:
        World(sleep=mode).play(play)
    World(watchdog_s=100).play(searching)


def test_no_watchdog():
    """DESIGN §1: watchdog_s 0, as for a session at the REPL."""

    async def play(world):
        await world.saw("device", "registered")
        world.node.bearer.modem.channel._task.cancel()
        await world.sleep(_HOUR_S)
        assert len(world.all("device", "booted")) == 1

    World(sleep="none", watchdog_s=0).play(play)
