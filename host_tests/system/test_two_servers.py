"""Two servers at once: each has its own registration, trigger, awake time and troubles."""

from system.world import OTHER_NUMBER, SERVER_NUMBER, World

# Firmware, virtual modem, network and two servers in one process, 360 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_DAY_S = 86400
_NAMES = ("server", "other")


async def _both_registered(world):
    for _ in _NAMES:
        await world.saw("device", "registered", 900)
    for name in _NAMES:
        assert len(world.all(name, "register")) == 1


async def _settled(world):
    await _both_registered(world)
    await world.sleeping()


async def _trigger_each(world):
    """A trigger from each number, twice: an Update with its server and nothing with the other."""
    for _ in range(2):
        for peer, name, server, silent in (
            (world.peer, "server", 1, "other"),
            (world.other, "other", 2, "server"),
        ):
            await world.sleep(_HOUR_S)
            since = world.mark()
            peer.read("/3303/0/5700")
            peer.trigger()
            await world.saw("device", "booted", cause="deep_sleep", woken="pin", clean=False)
            await world.saw("device", "trigger", server=server)
            await world.saw(name, "update")
            await world.saw(name, "answer", code="2.05", payload=b"21.5")
            await world.sleeping()
            assert len(world.all(name, "update", since)) == 1
            for event in ("register", "update", "unknown", "notification"):
                assert not world.all(silent, event, since), event
    assert world.modem.sms.slots == {}
    assert not world.all("device", "error")


def test_registration_with_both():
    """CR C.1, TS 1.1 6.2.1: one registration with each server, by its own parameters."""

    async def play(world):
        await _settled(world)
        first = world.all("server", "register")[0]
        second = world.all("other", "register")[0]
        assert "lt=86400" in first["query"] and "lt=7200" in second["query"]
        for register in (first, second):
            assert "ep=probe-1" in register["query"], register
            assert "</1/0>" in register["payload"] and "</1/1>" in register["payload"], register
        # Each keeps its own alive, at its own pace.
        since = world.mark()
        await world.sleep(_DAY_S)
        assert len(world.all("server", "update", since)) == 1
        assert 12 <= len(world.all("other", "update", since)) <= 13
        for name in _NAMES:
            assert not world.all(name, "expired") and len(world.all(name, "register")) == 1

    for link, version in (("sim800", "1.0"), ("sim7000", "1.1"), ("sim7000", "draft")):
        World(link, version, other={"lifetime_s": 7200}).play(play)


def test_a_trigger_is_for_the_server_that_sent_it():
    """CR C.1 resource 11, TS 1.1 T 6.6: a trigger updates the registration with its sender."""
    for link, version in (("sim7000", "1.1"), ("sim800", "1.0"), ("sim7000", "draft")):
        World(link, version, server={"binding": "US"}, other={"binding": "US"}).play(_play_each)


async def _play_each(world):
    await _settled(world)
    await _trigger_each(world)


def test_a_trigger_may_not_name_another_server():
    """TS 1.1 T 5.3: from the number of one server, the path of the other is not obeyed."""

    async def play(world):
        await _settled(world)
        since = world.mark()
        world.peer.trigger(path="/1/1/8")
        await world.saw("network", "sms_deliver", 60)
        await world.sleep(30)
        assert not world.running
        assert world.all("device", "drop", since, reason="sms_other_server")
        assert not world.all("network", "udp_up", since)

    World(other={}).play(play)


def test_both_from_one_number():
    """TS 1.1 T 6.6: where one number serves both, the path of the trigger says which is meant."""

    async def play(world):
        await _settled(world)
        await _trigger_each(world)

    for version in ("1.1", "1.0", "draft"):
        both = {"binding": "US", "sms_number": SERVER_NUMBER}
        World("sim7000", version, server=both, other=both).play(play)


def test_triggers_of_both_at_once():
    """CR 6.1: one wake serves both servers."""

    async def play(world):
        await _settled(world)
        since = world.mark()
        world.peer.read("/3/0/0")
        world.other.read("/3303/0/5700")
        for _ in range(3):
            world.peer.trigger()
            world.other.trigger()
        await world.until(lambda: world.peer.answers and world.other.answers, 120, "both answers")
        await world.sleeping()
        await world.sleep(300)
        for name in _NAMES:
            assert len(world.all(name, "update", since)) == 1, name
        assert world.boots == 2 and world.modem.sms.slots == {}

    for number in (OTHER_NUMBER, SERVER_NUMBER):
        World("sim800", other={"sms_number": number}).play(play)


def test_disable_of_one():
    """CR C.1 resources 7 and 8: Disable ends the registration with its server only."""

    async def play(world):
        peer = world.peer
        await _both_registered(world)
        peer.write(peer.resource("disable_timeout"), "14400")
        peer.execute(peer.resource("disable"))
        peer.ask_now()
        await world.saw("server", "deregister")
        await world.saw("device", "disabled", server=1, seconds=14400)
        await world.sleeping()
        since = world.mark()
        # The one is deaf over the deep sleep, the other is served.
        peer.trigger()
        await world.saw("device", "drop", server=1)
        await world.sleeping()
        assert not world.all("network", "udp_up", since)
        assert world.network.sms.counters["submitted"] == 0
        world.other.read("/3/0/0")
        world.other.trigger()
        await world.saw("other", "update")
        await world.saw("other", "answer", code="2.05")
        await world.sleeping()
        assert not world.all("server", "register", since)
        await world.saw("server", "register", 5 * _HOUR_S)
        await world.sleeping()
        assert not world.all("other", "deregister") and len(world.all("other", "register")) == 1
        await _trigger_each_once(world)

    for version, number in (
        ("1.1", OTHER_NUMBER),
        ("draft", OTHER_NUMBER),
        ("1.1", SERVER_NUMBER),
        ("1.0", SERVER_NUMBER),
    ):
        server = {"binding": "US" if version != "1.1" else "U"}
        World("sim7000", version, server=server, other=dict(server, sms_number=number)).play(play)


async def _trigger_each_once(world):
    for peer, name in ((world.peer, "server"), (world.other, "other")):
        world.mark()
        peer.trigger()
        await world.saw(name, "update")
        await world.sleeping()


def test_one_server_down():
    """TS 1.0 5.3.2: what one server does not answer delays nothing with the other."""

    async def play(world):
        await _settled(world)
        world.other.silent = True
        since = world.mark()
        world.other.trigger()
        await world.saw("device", "register_failed", server=2, step="updating")
        for _ in range(6):
            await world.sleep(_HOUR_S)
            world.peer.answers.clear()
            world.mark()
            world.peer.read("/3303/0/5700")
            world.peer.trigger()
            await world.saw("server", "answer", 60, payload=b"21.5")
            await world.sleeping()
        assert len(world.all("server", "update", since)) >= 6
        assert not world.all("device", "register_failed", since, server=1)
        failed = world.all("device", "register_failed", since, step="registering")
        assert 4 <= len(failed) <= 9, failed
        world.other.silent = False
        await world.saw("other", "register", _DAY_S)
        await world.sleeping()
        assert len(world.all("server", "register")) == 1

    for link in ("sim800", "sim7000"):
        World(link, other={}).play(play)


def test_one_server_down_from_the_start():
    """TS 1.0 5.3.1: the first server that never answers does not keep the second one out."""

    async def play(world):
        world.peer.silent = True
        await world.saw("other", "register", 120)
        await world.sleeping()
        world.mark()
        world.other.trigger()
        await world.saw("other", "update")
        await world.sleeping()
        world.peer.silent = False
        world.mark()
        world.peer.trigger()
        await world.saw("server", "register", 120)
        await world.sleeping()

    World(other={}).play(play)


def test_queue_mode_with_one_only():
    """CR Table 3 rows 1 and 3: one server without Queue Mode keeps the board awake for both."""

    async def play(world):
        await _both_registered(world)
        await world.sleep(2 * _HOUR_S)
        assert world.running and world.boots == 1
        # The one that queues hears nothing until the client shows, which here is for a change.
        assert "Q" in world.all("server", "register")[0]["query"]
        assert "Q" not in world.all("other", "register")[0]["query"]
        assert world.all("device", "asleep", server=1)
        assert not world.all("device", "asleep", server=2)
        world.mark()
        world.peer.trigger()
        await world.saw("server", "update")
        world.other.trigger()
        await world.saw("other", "update")
        await world.sleep(300)
        assert not world.all("device", "sleeping")

    World(other={"queue": False}).play(play)


def test_observations_of_both():
    """CR 6.1 Figure 4: each server is told what it observes, after its own Update."""

    async def play(world):
        world.peer.observe("/3303/0/5700")
        world.other.observe("/3303/0/5700")
        await _both_registered(world)
        await world.until(lambda: world.peer.answers and world.other.answers)
        await world.sleeping()
        since = world.mark()
        world.command(do="set", path="/3303/0/5700", value=3.5)
        await world.until(lambda: world.peer.notifications and world.other.notifications)
        await world.sleeping()
        for peer, name in ((world.peer, "server"), (world.other, "other")):
            assert peer.notifications == [("/3303/0/5700", b"3.5", True)], peer.notifications
            assert len(world.all(name, "update", since)) == 1
        # One of them ends its own, and the other goes on.
        world.other.observe("/3303/0/5700", cancel=True)
        world.other.trigger()
        await world.saw("other", "answer", code="2.05")
        await world.sleeping()
        world.command(do="set", path="/3303/0/5700", value=4.5)
        await world.until(lambda: len(world.peer.notifications) == 2)
        await world.sleeping()
        assert len(world.other.notifications) == 1

    World(other={}).play(play)


def test_one_by_udp_and_one_by_sms():
    """CR Table 3: each server is spoken to by its own binding, and served by one wake."""

    async def play(world):
        peer, other = world.peer, world.other
        other.by_sms = True
        await _both_registered(world)
        await world.sleep(300)
        for _ in range(2):
            await world.sleep(_HOUR_S)
            peer.read("/3303/0/5700")
            other.read("/3/0/0")
            peer.trigger()
            other.trigger()
            await world.until(lambda: peer.answers and other.answers, 200, "both answers")
            await world.sleep(300)
            assert not world.running
            assert peer.answers.pop("/3303/0/5700")[1] == b"21.5"
            assert other.answers.pop("/3/0/0")[1] == b"Nudge"
        await world.sleep(_DAY_S)
        for name in _NAMES:
            assert len(world.all(name, "register")) == 1 and not world.all(name, "expired"), name
        assert not world.all("network", "udp_up", host=other.address[0])

    for version in ("draft", "1.0", "1.1"):
        World("sim7000", version, server={"binding": "US"}, other={"binding": "S"}).play(play)


def test_disable_of_both():
    """CR C.1 resources 7 and 8: each registers again when its own time is over."""

    async def play(world):
        for peer, seconds in ((world.peer, "3600"), (world.other, "7200")):
            peer.write(peer.resource("disable_timeout"), seconds)
            peer.execute(peer.resource("disable"))
        await world.saw("server", "deregister")
        await world.saw("other", "deregister")
        await world.sleeping()
        world.peer.trigger()
        world.other.trigger()
        since = world.mark()
        await world.sleep(3000)
        assert not world.all("network", "udp_up", since) and not world.running
        await world.saw("server", "register", 1000)
        assert len(world.all("other", "register")) == 1
        await world.saw("other", "register", 4000)
        await world.sleeping()

    for number in (OTHER_NUMBER, SERVER_NUMBER):
        World(other={"sms_number": number}).play(play)


def test_one_after_the_other():
    """TS 1.1 Core E.2 resources 13, 14, 17, 18: the second server's turn is when the first has
    failed, or some time after it is registered; the board sleeps meanwhile."""
    first = {"priority": 2, "registration_delay_s": 1800}
    second = {"priority": 1, "retry_count": 3, "retry_timer_s": 600}

    async def play(world):
        await world.saw("other", "register", 120)
        await world.sleeping()
        assert not world.all("server", "register")
        since = world.mark()
        await world.saw("server", "register", 1900)
        assert world.all("device", "booted", since, cause="deep_sleep")

    World(server=first, other=second).play(play)

    async def play_silent(world):
        world.other.silent = True
        await world.sleeping()
        since = world.mark()
        await world.saw("server", "register", 4000)
        assert len(world.all("device", "register_failed", since, server=2)) >= 2
        assert world.all("device", "booted", since, cause="deep_sleep")
        await world.sleeping()
        world.other.silent = False
        await world.saw("other", "register", 2 * _DAY_S)

    World(server=first, other=second).play(play_silent)
