"""Crashes of a whole board: the pauses, safe mode and its end, and what servers learn of it."""

from lwm2m.object import Object
from lwm2m.objects.server import Server
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_POWER_ON, _HARD = 1, 2


class _App:
    """An application that raises `error`, `after_s` into each boot, as long as it is set."""

    def __init__(self, error=None, after_s=None, period_s=None):
        self.error = error
        self.after_s = after_s
        self.period_s = period_s
        self.starts = 0

    def setup(self, node):
        self.starts += 1
        if self.period_s:
            node.every(self.period_s * 1000, lambda: self._raise(node))
        elif self.after_s:
            kept = node.kept_due_ms
            due_ms = kept[0] if kept else node.clock.now() + self.after_s * 1000
            node.timers.append([1 << 40, due_ms, lambda: self._raise(node)])
        else:
            self._raise(node)

    def _raise(self, node):
        if self.error and (not self.period_s or node.client.accounts[0].reachable):
            raise self.error


def _world(app, link="sim7000", **settings):
    world = World(link, setup=app.setup, **settings)
    world.app = app
    world.crashes = []
    world.on_crash = world.crashes.append
    return world


async def _answer(world, path, asleep=True):
    """Return the answer to a Read that a trigger brings about."""
    world.mark()
    world.peer.read(path)
    world.peer.trigger()
    answer = await world.saw("server", "answer", 900)
    if asleep:
        await world.sleeping()
    return answer


async def _read(world, path):
    return (await _answer(world, path))["payload"]


async def _execute(world, path):
    world.mark()
    world.peer.execute(path)
    world.peer.trigger()
    assert (await world.saw("server", "answer", 900))["code"] == "2.04"


def _boots(world, since=0):
    return [(facts["mode"], facts["crashes"]) for facts in world.all("device", "booted", since)]


_THREE = [("normal", 0), ("normal", 1), ("normal", 2), ("safe", 3)]


def test_setup_that_always_fails():
    """TS 1.1 Core E.4, Error Code: three crashes in a row lead to a board without its application,
    which registers, sleeps, obeys triggers and says why.
    """

    async def play(world):
        await world.settled()
        assert _boots(world) == _THREE
        assert world.app.starts == 3 and len(world.crashes) == 3
        at = world.times("device", "booted")
        # 1, 2 and 4 s, and the boots themselves.
        assert [(at[i + 1] - at[i]) // 1000 for i in range(3)] == [1, 2, 4]
        assert world.peer.registration.links == "</>;ct=112,</1/0>,</3/0>,</4/0>,</20/0>"
        assert await _read(world, "/3/0/11/0") == b"16"
        assert await _read(world, "/3/0/11/1") == b"18"
        data = await _read(world, "/20/0/4014")
        assert b"\nValueError: no probe at 34\nerror 16 after 0 s at " in data, data
        assert b"_raise:" in data and b"node.node" not in data[-120:] and len(data) <= 400
        assert (await _answer(world, "/3303/0/5700"))["code"] == "4.04"
        assert _boots(world)[-1] == ("safe", 3), "also when it was woken"

    for link in ("sim800", "sim7000"):
        _world(_App(ValueError("no probe at 34")), link).play(play)


def test_normal_mode_is_tried_after_an_hour():
    """TS 1.1 Core E.4: what was out of order for a while keeps no board in safe mode."""
    app = _App(OSError("probe"))

    async def play(world):
        await world.settled()
        since = world.mark()
        await world.sleep(50 * 60)
        assert _boots(world, since) == []
        await world.sleep(15 * 60)
        # It failed again, which leads back at once.
        assert [mode for mode, _ in _boots(world, since)] == ["safe", "normal", "safe"]
        assert app.starts == 4
        await world.sleep(600)
        app.error = None
        since = world.mark()
        await world.sleep(70 * 60)
        assert _boots(world, since)[:2] == [("safe", 3), ("normal", 3)]
        assert await _read(world, "/3303/0/5700") == b"21.5"
        assert _boots(world)[-1][0] == "normal"
        # The wake that ended in sleep was a good one.
        assert await _read(world, "/3303/0/5700") == b"21.5"
        assert _boots(world)[-1] == ("normal", 0)

    _world(app).play(play)


def test_reboot_leaves_safe_mode():
    """TS 1.1 Core E.4, Reboot: by the server, or at the console."""

    async def by_console(world):
        world.command(do="reboot")

    async def play(world, command=None):
        await world.settled()
        world.app.error = None
        since = world.mark()
        if command:
            await command(world)
        else:
            await _execute(world, "/3/0/4")
        await world.saw("device", "booted", cause="hard")
        await world.sleeping()
        assert _boots(world, since)[-1] == ("normal", 3) and world.app.starts == 4
        assert await _read(world, "/3303/0/5700") == b"21.5"
        assert await _read(world, "/3/0/11/0") == b"16", "what happened is told in any mode"

    _world(_App(ValueError())).play(play)
    _world(_App(ValueError())).play(lambda world: play(world, by_console))


def test_reset_error_code():
    """TS 1.1 Core E.4, Reset Error Code: no crash, no text of it, and a 0; safe mode lasts."""

    async def play(world):
        await world.settled()
        await _execute(world, "/3/0/12")
        await world.sleeping()
        assert await _read(world, "/3/0/11/0") == b"18"
        assert (await _answer(world, "/3/0/11/1"))["code"] == "4.04"
        assert (await _answer(world, "/20/0/4014"))["code"] == "4.04"
        lists = [facts["payload"] for facts in world.all("server", "update")]
        assert "</20/0>" not in [each for each in lists if each][-1], lists

    _world(_App(ValueError())).play(play)


def test_one_crash_that_is_survived():
    """OMA registry, Object 20: readable in normal mode; forgotten by Reset Error Code."""
    app = _App(KeyError(7))

    async def play(world):
        await world.saw("device", "error")
        app.error = None
        await world.settled()
        assert _boots(world) == [("normal", 0), ("normal", 1)]
        assert await _read(world, "/3/0/11/0") == b"16"
        assert b"KeyError: 7" in await _read(world, "/20/0/4014")
        await _execute(world, "/3/0/12")
        await world.sleeping()
        assert await _read(world, "/3/0/11/0") == b"0"

    _world(app).play(play)


def test_a_day_later():
    """OMA registry, Object 20: the text and its code go after a quiet day."""
    app = _App(KeyError(7), after_s=100)

    async def play(world):
        await world.saw("device", "error")
        app.error = None
        await world.settled()
        await world.sleep(20 * _HOUR_S)
        assert await _read(world, "/3/0/11/0") == b"16"
        await world.sleep(5 * _HOUR_S)
        assert await _read(world, "/3/0/11/0") == b"0"
        assert (await _answer(world, "/20/0/4014"))["code"] == "4.04"

    _world(app).play(play)


def test_out_of_memory_and_recursion():
    """TS 1.1 Core E.4, Error Code: 5 for want of memory; a text of 400 octets for any depth."""

    def down(left):
        if not left:
            raise RuntimeError("maximum recursion depth exceeded")
        down(left - 1)

    class Deep(_App):
        def _raise(self, node):
            down(60)

    async def play(world, code, word):
        await world.settled()
        assert await _read(world, "/3/0/11/0") == code
        data = await _read(world, "/20/0/4014")
        assert word in data and len(data) <= 400, data

    no_memory = MemoryError("memory allocation failed, allocating 4096 bytes")
    _world(_App(no_memory)).play(lambda world: play(world, b"5", b"4096"))
    _world(Deep()).play(lambda world: play(world, b"16", b"down:"))
    _world(_App(ValueError("\u20ac" * 500))).play(lambda world: play(world, b"16", b"_raise:"))


def test_crashes_at_each_wake():
    """TS 1.1 Core E.4: the sleep after a crash does not make it undone; a good wake does."""
    app = _App(ValueError("measure"), period_s=1800)

    async def play(world):
        await world.settled()
        since = world.mark()
        await world.sleep(3 * _HOUR_S)
        assert [mode for mode, _ in _boots(world, since)].count("safe") >= 1

    _world(app).play(play)

    app = _App(ValueError("measure"), after_s=3 * _HOUR_S)

    async def good(world):
        await world.settled()
        world.mark()
        for _ in range(5):
            await world.saw("device", "error", 4 * _HOUR_S)
            await world.settled()
            await _read(world, "/3303/0/5700")
            await _read(world, "/3303/0/5700")
        assert ("safe", 3) not in _boots(world)

    _world(app).play(good)


def test_ten_good_minutes():
    """TS 1.1 Core E.4: a board that never sleeps and fails every 11 minutes is in no safe mode;
    every 9 minutes it is.
    """

    async def play(world, mode):
        await world.sleep(4 * 12 * 60)
        assert _boots(world)[-1][0] == mode, _boots(world)

    for minutes, mode in ((11, "normal"), (9, "safe")):
        world = _world(_App(ValueError(), after_s=minutes * 60), sleep="none")
        world.play(lambda world, mode=mode: play(world, mode))


def test_error_in_a_handler():
    """RFC 7252 §5.9.3.1: what an Object raises is answered 5.00 and told; it restarts nothing."""

    class Door(Object):
        object_id = 33000
        resources = b"\x00\x00\x02\x02\x00\x01\x04\x00"

        def write(self, rid, value, server):
            raise KeyError(value)

        def execute(self, rid, arguments, server):
            raise ZeroDivisionError("divide by zero")

    async def play(world):
        await world.settled()
        world.peer.write("/33000/0/0", "5")
        assert (await _answer(world, "/3303/0/5700", False))["code"] == "5.00"
        assert (await world.saw("server", "answer"))["payload"] == b"21.5"
        world.peer.execute("/33000/0/1")
        world.peer.read("/20/0/4014")
        world.peer.read("/3/0/11/0")
        assert (await world.saw("server", "answer"))["code"] == "5.00"
        text = (await world.saw("server", "answer"))["payload"]
        assert b"execute:" in text and b"ZeroDivisionError: divide by zero" in text, text
        assert (await world.saw("server", "answer"))["payload"] == b"16"
        await world.sleeping()
        assert world.crashes == []
        assert "</20/0>" in world.all("server", "update")[-1]["payload"]
        assert _boots(world)[-1] == ("normal", 0)

    app = _App()
    app.setup = lambda node: node.add(Door())
    _world(app).play(play)


def test_brown_outs():
    """HW800L 3.2.1: a supply that fails for a moment is told, waited for, and is no crash."""

    async def play(world):
        await world.settled()
        for pause_s in (0, 60, 900, 900):
            world.mark()
            world.fail(_POWER_ON, 0, lost=False)
            at_ms = world.events[-1][0]
            await world.saw("device", "booted", cause="brown_out")
            await world.saw("device", "updated", 2000)  # its registration goes on
            took_s = (world.events[-1][0] - at_ms) // 1000
            assert pause_s <= took_s <= pause_s + 90, (pause_s, took_s)
        await world.sleeping()
        assert _boots(world)[-1] == ("normal", 0)
        assert await _read(world, "/3/0/11/0") == b"19"
        assert await _read(world, "/20/0/4014")

    _world(_App()).play(play)


def test_what_servers_wrote_outlives_safe_mode():
    """TS 1.1 Core 6.3.3: a Write in safe mode costs none of those before it."""

    class Lamp(Object):
        object_id = 33000
        resources = b"\x00\x00\x03\x02"

    class App(_App):
        def setup(self, node):
            node.add(Lamp()).values[0] = 1
            super().setup(node)

    async def play(world):
        await world.settled()
        world.peer.write("/33000/0/0", "5")
        assert (await _answer(world, "/33000/0/0", False))["code"] == "2.04"
        await world.sleeping()
        world.app.error = ValueError()
        world.app.after_s = None
        await world.reset()
        await world.saw("device", "booted", mode="safe")
        await world.sleeping()
        world.peer.write("/1/0/1", "7200")
        assert (await _answer(world, "/3/0/11/1"))["code"] == "2.04"
        world.app.error = None
        await _execute(world, "/3/0/4")
        await world.saw("device", "booted", mode="normal", cause="hard")
        await world.sleeping()
        assert await _read(world, "/33000/0/0") == b"5"
        assert await _read(world, "/1/0/1") == b"7200"

    _world(App(after_s=1)).play(play)


def test_a_record_on_flash_that_even_safe_mode_crashes_of():
    """TS 1.1 Core E.4, Factory Reset: the board comes up without it, and is told to forget it."""
    tripping = []
    changed = Server.changed

    def trip(server, rid):
        if tripping and server.values.get(rid) == 7200:
            raise KeyError(rid)
        changed(server, rid)

    async def play(world):
        await world.settled()
        world.peer.write("/1/0/1", "7200")
        assert (await _answer(world, "/1/0/1"))["code"] == "2.04"
        tripping.append(True)
        since = world.mark()
        await world.power_cut()
        world.power_on()
        await world.settled()
        counts = [("normal", 0), ("normal", 1), ("normal", 2), ("safe", 3), ("safe", 4)]
        assert _boots(world, since) == counts + [("safe", 5), ("safe", 6)]
        assert await _read(world, "/1/0/1") == b"86400"
        assert await _read(world, "/3/0/11/1") == b"18"
        await _execute(world, "/3/0/5")
        await world.saw("device", "booted", mode="normal", cause="hard")
        await world.sleeping()
        for _ in range(2):  # the first wake ends in a good sleep
            assert await _read(world, "/3303/0/5700") == b"21.5"
        assert _boots(world)[-1] == ("normal", 0)

    Server.changed = trip
    try:
        _world(_App()).play(play)
    finally:
        Server.changed = changed
