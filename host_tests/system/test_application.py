"""An application on a board: sampling across deep sleeps, notifications, a person's commands."""

from lwm2m.object import Object
from lwm2m.objects.ipso import Temperature, define
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_PIN = 34


def _pairs(times):
    return [(times[index - 1], times[index]) for index in range(1, len(times))]


def _probe(period_ms, samples):
    """The application of DESIGN §3: a probe on an analog input, sampled now and then."""

    def setup(node):
        probe = node.adc(_PIN)
        temperature = node.add(Temperature(units="Cel"))

        def sample():
            samples.append(node.clock.now())
            temperature.set(5700, probe.read_uv() / 10_000 - 50)

        node.every(period_ms, sample)

    return setup


def test_sampling_across_deep_sleeps():
    """DESIGN §3: the timer of an application wakes the board, and nothing is said of it."""
    samples = []

    async def play(world):
        world.microvolts[_PIN] = 700_000
        await world.settled()
        since = world.mark()
        await world.sleep(6 * _HOUR_S)
        assert 36 <= len(samples) <= 38, len(samples)
        # Each ten minutes after the last, by the node's own clock, to a second of the chip's.
        gaps = [late - early for early, late in _pairs(samples)]
        assert min(gaps) >= 599_000 and max(gaps) < 602_000, gaps
        assert not world.all("network", "udp_up", since), "spoke of nothing"
        assert {each["woken"] for each in world.all("device", "booted", since)} == {"timer"}
        # A wake without a word leaves the modem asleep, but for a look at its messages each hour.
        assert len(world.all("modem", "modem_awake", since)) <= 6
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("server", "answer", payload=b"20")
        await world.sleeping()

    World(setup=_probe(600_000, samples), objects=[]).play(play)


def test_notification_after_the_update():
    """CR 6.1 Figure 4, int-301: asleep, a change is told after an Update, Confirmable."""
    samples = []

    async def play(world):
        peer = world.peer
        world.microvolts[_PIN] = 700_000
        peer.observe("/3303/0/5700")
        await world.saw("device", "registered")
        await world.saw("server", "answer", code="2.05", payload=b"20")
        await world.sleeping()
        for step in range(1, 5):
            since = world.mark()
            world.microvolts[_PIN] = 700_000 + step * 10_000
            await world.saw("device", "booted", 1200, woken="timer")
            await world.saw("server", "update")
            told = await world.saw("server", "notification")
            assert told["payload"] == b"%d" % (20 + step), told
            await world.sleeping()
            assert len(world.all("server", "update", since)) == 1
            assert len(world.all("server", "notification", since)) == 1
        assert [each[2] for each in peer.notifications] == [True] * 4
        since = world.mark()
        await world.sleep(3 * _HOUR_S)  # nothing changes, nothing is told
        assert not world.all("server", "notification", since)
        peer.observe("/3303/0/5700", cancel=True)
        peer.trigger()
        await world.saw("server", "answer", code="2.05")
        await world.sleeping()
        since = world.mark()
        world.microvolts[_PIN] = 900_000
        await world.sleep(_HOUR_S)
        assert not world.all("network", "udp_up", since)

    for link, version in (("sim800", "1.1"), ("sim7000", "draft")):
        del samples[:]
        World(link, version, setup=_probe(600_000, samples), objects=[]).play(play)


def test_changes_while_the_server_is_away():
    """CR C.1 resource 9: what changed while the server was away is stored and told in order."""
    samples = []

    async def play(world):
        peer = world.peer
        peer.forgetful = False
        world.microvolts[_PIN] = 700_000
        peer.observe("/3303/0/5700")
        await world.saw("server", "answer", code="2.05")
        await world.sleeping()
        peer.silent = True
        for step in range(1, 6):
            world.microvolts[_PIN] = 700_000 + step * 10_000
            await world.sleep(1200)
        peer.silent = False
        peer.trigger()
        await world.sleep(2 * _HOUR_S)
        told = [float(payload) for _, payload, _ in peer.notifications]
        assert told and told == sorted(told) and told[-1] == 25.0, told
        assert not world.running

    World(setup=_probe(600_000, samples), objects=[], server={"lifetime_s": 604800}).play(play)


def test_maximum_period():
    """TS 1.0 5.1.2 (pmax), int-301: an unchanged value is told once in its period."""

    async def play(world):
        peer = world.peer
        peer.write_attributes("/3303/0/5700", "pmin=10", "pmax=1800")
        peer.observe("/3303/0/5700")
        await world.saw("server", "answer", name="observe /3303/0/5700")
        await world.sleeping()
        await world.sleep(12 * _HOUR_S)
        told = world.times("server", "notification")
        assert 23 <= len(told) <= 25, len(told)
        assert max([late - early for early, late in _pairs(told)]) < 1_830_000

    World().play(play)


def test_console():
    """DESIGN §2 (node): commands wake a sleeping board, are answered, and it sleeps again."""

    async def play(world):
        await world.settled()
        world.command(do="get", path="/3303/0/5700", id=7)
        await world.saw("device", "booted", woken="gpio")
        answer = await world.saw("device", "value", id=7)
        assert answer["value"] == 21.5 and answer["path"] == "/3303/0/5700", answer
        await world.sleeping(60)
        world.command(do="update")
        await world.saw("device", "ok", do="update")
        await world.saw("server", "update")
        world.command(do="set", path="/3303/0/5700", value=-3.25)
        await world.saw("device", "set")
        world.command(do="get", path="/9/0/0")
        assert "does not exist" in (await world.saw("device", "error", do="get"))["reason"]
        world.command(do="fly")
        assert "no such command" in (await world.saw("device", "error", do="fly"))["reason"]
        world.command(do="state")
        state = await world.saw("device", "state")
        assert state["endpoint"] == "probe-1" and state["registered"] == [True], state
        world.peer.read("/3303/0/5700")
        world.peer.ask_now()
        await world.saw("server", "answer", payload=b"-3.25")
        world.command(do="deregister")
        await world.saw("server", "deregister")
        await world.sleep(5)
        world.command(do="reboot")
        await world.saw("device", "booted", cause="hard")
        await world.saw("server", "register")
        await world.sleeping()

    World().play(play)


def test_console_refuses_what_has_no_value():
    """DESIGN §6: a command of no use is answered with why; the board goes on."""

    class Lock(Object):
        object_id = 30001
        resources = b"\x00\x00\x02\x01"  # code, which servers only write

    def setup(node):
        node.add(Lock()).values[0] = "1234"

    async def play(world):
        await world.settled()
        for command, reason in (
            ({"do": "get", "path": "/3/0/4"}, "no value to show"),  # Reboot
            ({"do": "get", "path": "/1/0/8"}, "no value to show"),
            ({"do": "set", "path": "/3/0/4", "value": 1}, "not of type"),
            ({"do": "set", "path": "/3/0/7", "value": {"zero": 3700}}, "not all its keys"),
            ({"do": "get", "path": "/0/0/0"}, "no value to show"),
            ({"do": "get", "path": "/30001/0/0"}, "no value to show"),
            ({"do": "set", "path": "/0/0/0", "value": "coap://"}, "may not be set"),
        ):
            world.command(**command)
            error = await world.saw("device", "error", do=command["do"])
            assert reason in error["reason"], error
        world.command(do="set", path="/3/0/7", value={"0": 3700, "1": 5000})
        await world.saw("device", "set")
        world.command(do="get", path="/3/0/7/1")
        assert (await world.saw("device", "value"))["value"] == 5000
        world.peer.read("/3/0/7/0")
        world.peer.trigger()
        await world.saw("server", "answer", payload=b"3700")
        assert {each["cause"] for each in world.all("device", "booted")} <= {
            "power_on",
            "deep_sleep",
        }

    World(setup=setup).play(play)


def test_send():
    """int-306, int-311: values are reported unasked, after the Update of a board that slept."""

    async def play(world):
        peer = world.peer
        peer.write(peer.resource("mute_send"), "0")
        await world.saw("server", "answer", code="2.04")
        await world.sleeping()
        world.command(do="send", paths=["/3303/0/5700"])
        await world.saw("server", "update")
        report = await world.saw("server", "send")
        assert report["path"] == "dp", report
        await world.saw("device", "sent", code="2.04")
        await world.sleeping()

    World().play(play)


def test_reboot_by_the_server():
    """int-241: Execute of /3/0/4 is answered before the chip restarts and registers."""

    async def play(world):
        world.peer.execute("/3/0/4")
        await world.saw("server", "answer", code="2.04")
        await world.saw("device", "booted", cause="hard")
        await world.saw("server", "register", path="rd")
        await world.sleeping()

    World().play(play)


def test_trigger_while_the_chip_boots():
    """TS 1.1 T 6.6: RI pulses while a timer's wake boots; the message is read in 70 minutes."""

    async def play(world):
        await world.settled()
        await world.sleep(4000)
        world.mark()
        facts = await world.saw("device", "sleeping", 1200)
        world.peer.read("/3303/0/5700")
        # 1.8 s from sending to the pulse of RI, 0.4 s from the timer to the first line of Python.
        await world.sleep(facts["ms"] / 1000 - 1.6)
        world.peer.trigger()
        await world.sleep(300)
        assert world.modem.sms.slots and not world.running
        await world.saw("server", "update", 4200)
        await world.saw("server", "answer")
        await world.sleeping()
        assert world.modem.sms.slots == {}

    World(setup=lambda node: node.every(600_000, lambda: None)).play(play)


def test_values_that_do_not_fit_are_left_out_of_the_record():
    """DESIGN §3: RTC memory has 2048 bytes; the registration is kept before long values are."""

    def setup(node):
        sensor = node.add(Temperature(application_type="-"))
        node.every(3_600_000, lambda: sensor.set(5750, "x" * 3000))

    async def play(world):
        error = await world.saw("device", "error")
        assert "2029 fit" in error["reason"], error
        await world.sleeping()
        since = world.mark()
        await world.sleep(2 * _HOUR_S)
        assert not world.all("device", "registering", since), "lost its registration"
        assert world.all("device", "booted", since)

    World(setup=setup, objects=[]).play(play)


def test_hardware_out_of_order():
    """Design §6: what measures and what drives may fail without an end; the board is there."""
    tries = []

    def drive(relay):
        tries.append("drive")
        if relay.values[5850] and len(tries) > 1:
            raise OSError(5)

    def setup(node):
        node.add(define(3306)(drive=drive))

        def measure():
            tries.append("measure")
            raise OSError(110)

        node.every(1_200_000, measure)

    async def play(world):
        await world.saw("device", "error")
        await world.settled()
        tries.clear()
        world.peer.write("/3306/0/5850", "1")
        world.peer.trigger()
        await world.saw("server", "answer", code="2.04")
        await world.sleeping()
        await world.sleep(_HOUR_S)
        assert tries.count("measure") >= 2 and tries.count("drive") >= 2, tries
        world.peer.write("/3306/0/5850", "1")
        world.peer.trigger()
        await world.saw("server", "answer", code="5.00")
        assert {each["cause"] for each in world.all("device", "booted")} == {
            "power_on",
            "deep_sleep",
        }
        assert len(world.all("device", "registered")) == 1

    World(setup=setup, objects=[]).play(play)
