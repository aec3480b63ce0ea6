"""What node/repl.py does with a node, without the prompt: lines, AT commands, searches."""

import asyncio

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_PIN = "4711"


class _Paper:
    """Takes what is printed."""

    def __init__(self):
        self.lines = []

    def __call__(self, *words):
        self.lines += " ".join([str(word) for word in words]).split("\n")

    def take(self):
        taken, self.lines = self.lines, []
        for line in taken:
            assert len(line) <= 80, line
        return taken


def _play(scenario, link="sim7000", **settings):
    """Run `await scenario(world, repl, paper)` beside a registered node that does not sleep."""
    world = World(link, sleep="none", **settings)
    paper = _Paper()

    async def play(world):
        await world.saw("device", "registered")
        from node import repl  # it is made for a board that runs

        repl._node = world.node
        repl.print = paper
        try:
            await scenario(world, repl, paper)
        finally:
            repl._node = None
            del repl.print

    world.play(play)


def test_state():
    """boards/REPL.md: each line says one thing, in 80 columns."""

    async def scenario(world, repl, paper):
        await repl._state(world.node)
        told = {line.split(" ")[0]: line for line in paper.take()}
        assert told["node"].startswith("node       probe-1, normal mode, ")
        assert told["server"].startswith("server 1   registered, /rd/0001, for 86"), told
        assert told["modem"] == "modem      sim7000, attached, 10.64.0.1, IMEI 866000000000014"
        assert told["network"].startswith("network    Virtual, CAT-M1, -78 dBm, cell ")
        assert told["battery"] == "battery    3980 mV, 85 %"
        assert "next" in told and "memory" in told and "errors" not in told
        world.modem.set_fault("signal", 3)
        world.node.fault(8)
        await repl._state(world.node)
        lines = paper.take()
        assert "-108 dBm" in "".join(lines) and lines[-1] == "errors     /3/0/11: [8]"

    _play(scenario)


def test_at():
    """TS 27.007: what the modem answers is printed, and how it ended."""

    async def scenario(world, repl, paper):
        ask = repl._at
        await ask(world.node, "AT+CSQ", 5)
        assert paper.take() == ["+CSQ: 18,99", "OK"]
        await ask(world.node, "AT+NONE", 5)
        assert paper.take() == ["ERROR"]
        world.modem.set_fault("answer", ("AT+CPIN", "+CME ERROR: 16"))
        await ask(world.node, 'AT+CPIN="%s"' % _PIN, 5)
        assert paper.take() == ["+CME ERROR: 16"]
        await ask(world.node, "AT+CIFSR", 5)
        assert paper.take() == ["10.64.0.1"]
        world.modem.set_fault("no_answer", 1)
        await ask(world.node, "AT+CSQ", 5)
        assert paper.take()[0].startswith("no answer within 5 s")
        # What asks for a text is left again, and the node goes on.
        await ask(world.node, "AT+CMGS=20", 5)
        assert paper.take()[0].startswith("no answer within 5 s")
        await ask(world.node, "AT+CSQ", 5)
        assert paper.take() == ["+CSQ: 18,99", "OK"]
        world.mark()
        await repl._update(world.node, 60)
        await world.saw("server", "update")
        told = [facts for _, who, _, facts in world.events if who == "device"]
        assert _PIN not in str(told)

    _play(scenario)


def test_at_beside_what_the_node_does():
    """DESIGN §3, one lock: a command waits for the one that runs, though not for ever."""

    async def scenario(world, repl, paper):
        world.modem.set_fault("hang")
        world.node.client.update()
        began = world.node.clock.now()
        await repl._at(world.node, "AT+CSQ", 5)
        assert world.node.clock.now() - began <= 11_000
        assert paper.take()[0].startswith("no answer within 5 s")
        world.modem.set_fault("reset")  # it hangs no longer
        world.modem.clear_faults()
        await world.sleep(900)
        await repl._at(world.node, "AT+CSQ", 5)
        assert paper.take()[-1] == "OK"

    _play(scenario)


def test_a_modem_that_sleeps_is_woken():
    """HW7000 DTR: a command finds the modem awake."""

    async def scenario(world, repl, paper):
        await world.node.bearer.modem.sleep()
        await world.sleep(10)
        assert world.modem.power.asleep
        await repl._at(world.node, "AT+CSQ", 5)
        assert paper.take() == ["+CSQ: 18,99", "OK"]

    _play(scenario)


def test_position_and_commands():
    """boards/REPL.md: a position, a value, another command of the console."""

    async def scenario(world, repl, paper):
        world.modem.gnss.set(59.5, 10.25, 20)
        await repl._position(world.node, 60)
        told = [line.split() for line in paper.take()]
        assert ["latitude", "59.5"] in told and ["longitude", "10.25"] in told
        world.modem.gnss.set()
        await repl._position(world.node, 60)
        assert paper.take() == []
        await world.saw("device", "no_position")
        world.mark()
        await repl._do(world.node, '{"do": "get", "path": "/3303/0/5700"}')
        assert (await world.saw("device", "value"))["value"] == 21.5
        await repl._do(world.node, '{"do": "nonsense"}')
        await world.saw("device", "error")

    _play(scenario)


def test_a_search_that_is_cancelled():
    """boards/REPL.md: Ctrl-C ends a search, and the receiver is off."""

    async def scenario(world, repl, paper):
        task = asyncio.create_task(repl._position(world.node, 600))
        await world.saw("modem", "gnss", on=True)
        await world.sleep(5)
        await repl._cancelled(task)
        assert task.done() and not world.modem.gnss.on
        assert not world.node.bearer.locating
        await repl._at(world.node, "AT+CSQ", 5)
        assert paper.take()[-1] == "OK"

    _play(scenario)


def test_an_update_that_fails():
    """boards/REPL.md: what came of an Update is the node's event, or a line after its time."""

    async def scenario(world, repl, paper):
        world.peer.silent = True
        await repl._update(world.node, 10)
        assert paper.take() == ["nothing within 10 s; run() goes on"]

    _play(scenario)
