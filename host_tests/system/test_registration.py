"""Days of a registration: kept alive, forgotten, refused, disabled, its server away."""

from coap import registry as codes
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_DAY_S = 86400


def test_direct_datagram_to_a_sleeping_board():
    """CR 6.1: what a server sends without waiting is lost at the NAT, and the board sleeps on."""

    async def play(world):
        await world.settled()
        await world.sleep(300)
        world.peer.read("/3/0/0")
        world.peer.ask_now()
        await world.saw("network", "nat_drop", reason="expired")
        await world.saw("server", "unanswered")
        assert world.boots == 1 and not world.running and world.modem.power.asleep
        assert world.peer.answers == {} and len(world.peer.waiting) == 1

    World().play(play)


def test_three_days():
    """CR 5.2.1, TS 1.0 5.3.2: an Update before each lifetime is over, by a wake of the timer."""

    async def play(world):
        await world.settled()
        since = world.mark()
        await world.sleep(3 * _DAY_S)
        updates = world.times("server", "update", since)
        assert len(updates) == 3, updates
        assert not world.all("server", "expired") and len(world.all("server", "register")) == 1
        assert world.boots == 4
        for booted in world.all("device", "booted", since):
            assert booted["woken"] == "timer" and not booted["clean"], booted
        for update in world.all("server", "update", since):
            assert update["query"] == [] and update["payload"] == "", update
        # Early enough by a clock that is 2 % slow, and not earlier.
        last = world.times("server", "register")[0]
        for at_ms in updates:
            assert 1_700_000 < _DAY_S * 1000 - (at_ms - last) < 1_760_000, (last, updates)
            last = at_ms
        assert world.awake_ms < 5 * 120_000, world.awake_ms
        assert not world.all("device", "error")

    for link, version in (("sim800", "1.1"), ("sim7000", "draft")):
        World(link, version).play(play)


def test_three_days_by_a_bad_clock():
    """TS 1.0 5.3.2: a sleep clock that is 1.5 % slow or fast costs no registration."""

    async def play(world):
        await world.settled()
        await world.sleep(3 * _DAY_S)
        assert not world.all("server", "expired") and len(world.all("server", "register")) == 1

    for slow_permille in (15, -15):
        World(slow_permille=slow_permille).play(play)


def test_short_lifetime():
    """CR 5.2.1: a lifetime of ten minutes over a day; the clock does not drift away from it."""

    async def play(world):
        await world.settled()
        await world.sleep(_DAY_S)
        assert not world.all("server", "expired") and len(world.all("server", "register")) == 1
        updates = len(world.all("server", "update"))
        assert 144 <= updates <= 180, updates

    World(server={"lifetime_s": 600}).play(play)


def test_lifetime_written():
    """int-102, int-107: a written lifetime is told at once, and kept over deep sleep."""

    async def play(world):
        peer = world.peer
        peer.write(peer.resource("lifetime"), "7200")
        await world.saw("server", "answer", code="2.04")
        update = await world.saw("server", "update")
        assert update["query"] == ["lt=7200"], update
        await world.sleeping()
        since = world.mark()
        await world.sleep(_DAY_S)
        assert not world.all("server", "expired")
        assert 12 <= len(world.all("server", "update", since)) <= 13
        for update in world.all("server", "update", since):
            assert update["query"] == [], update

    World().play(play)


def test_server_forgot_the_registration():
    """int-105: an Update answered 4.04 is followed by a Register at once."""

    async def play(world):
        await world.settled()
        world.peer.registrations.clear()
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("server", "unknown")
        register = await world.saw("server", "register", 20)
        assert "ep=probe-1" in register["query"] and "</3303/0>" in register["payload"]
        await world.saw("server", "answer", code="2.05", payload=b"21.5")
        await world.sleeping()
        world.mark()
        world.peer.trigger()
        await world.saw("server", "update", path="rd/0002")
        await world.sleeping()

    World().play(play)


def test_server_gone_for_hours():
    """TS 1.0 5.3.2: the Update fails, Register is tried at growing distances, asleep between."""

    async def play(world):
        await world.settled()
        world.peer.silent = True
        since = world.mark()
        awake_ms = world.awake_ms
        world.peer.trigger()
        await world.saw("device", "register_failed", step="updating", reason="timeout")
        await world.sleep(12 * _HOUR_S)
        failed = world.all("device", "register_failed", since, step="registering")
        assert 6 <= len(failed) <= 10, failed
        assert len(world.all("device", "sleeping", since)) >= 5
        # What an hour without a server costs is bounded.
        assert world.awake_ms - awake_ms < 15 * 200_000, world.awake_ms
        world.peer.silent = False
        await world.saw("server", "register", _DAY_S)
        await world.sleeping()
        world.mark()
        world.peer.trigger()
        await world.saw("server", "update")
        await world.sleeping()

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_trigger_while_waiting_for_the_server():
    """TS 1.1 T 6.6: a trigger ends the pause between two attempts."""

    async def play(world):
        world.peer.silent = True
        for _ in range(5):
            await world.saw("device", "register_failed", 4 * _HOUR_S, step="registering")
        await world.sleeping()
        world.peer.silent = False
        world.mark()
        world.peer.trigger()
        await world.saw("server", "register", 60)
        await world.sleeping()

    World().play(play)


def test_service_unavailable():
    """RFC 7252 §5.9.3.4: a 5.03 says how long to wait, and the board sleeps for as long."""

    async def play(world):
        world.peer.refusals = [(codes.SERVICE_UNAVAILABLE, 1800)]
        await world.saw("server", "refused")
        refused_ms = world.times("server", "refused")[0]
        await world.sleeping()
        await world.saw("server", "register", _HOUR_S)
        pause_s = (world.times("server", "register")[0] - refused_ms) // 1000
        assert 1800 <= pause_s < 1830, pause_s
        await world.sleeping()
        # And for an Update, without losing the registration.
        world.peer.refusals = [(codes.SERVICE_UNAVAILABLE, 600)]
        world.peer.trigger()
        await world.saw("server", "refused")
        await world.saw("server", "update", 700)
        assert len(world.all("server", "register")) == 1
        await world.sleeping()

    World().play(play)


def test_refused_for_ever():
    """TS 1.0 5.3.1: a server that says 4.03 is asked less and less."""

    async def play(world):
        world.peer.refusals = [(codes.FORBIDDEN, None)] * 100
        await world.sleep(3 * _DAY_S)
        attempts = len(world.all("server", "refused"))
        assert 8 <= attempts <= 14, attempts
        assert not world.running

    World().play(play)


def test_disable():
    """CR C.1 resources 7 and 8, int-103: deregistered, silent for the time, registered again."""

    async def play(world):
        peer = world.peer
        peer.write(peer.resource("disable_timeout"), "7200")
        peer.execute(peer.resource("disable"))
        await world.saw(
            "server", "answer", name="execute " + peer.resource("disable"), code="2.04"
        )
        await world.saw("server", "deregister")
        left_ms = world.times("server", "deregister")[0]
        await world.saw("device", "disabled", seconds=7200)
        await world.sleeping()
        # In this period nothing is said and nothing is heard, not even a trigger.
        since = world.mark()
        world.peer.trigger()
        await world.saw("network", "sms_deliver")
        await world.sleep(3600)
        assert not world.all("network", "udp_up", since) and not world.running
        assert world.network.sms.counters["submitted"] == 0
        assert world.all("device", "drop", since, reason="disabled")
        await world.saw("server", "register", 3800)
        pause_s = (world.times("server", "register")[1] - left_ms) // 1000
        assert 7199 <= pause_s <= 7215, pause_s
        await world.sleeping()

    for version in ("draft", "1.0", "1.1"):
        World("sim7000", version).play(play)


def test_address_changed():
    """CR 5.2.1: a context with another address is told to the server before anything is asked."""

    async def play(world):
        await world.settled()
        world.modem.set_fault("pdp_deact")
        await world.sleep(3600)
        world.peer.read("/3/0/0")
        world.peer.trigger()
        await world.saw("network", "context_up")
        await world.saw("server", "update")
        await world.saw("server", "answer", code="2.05")
        await world.sleeping()
        assert len(world.all("server", "update")) <= 2

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_register_on_every_wake():
    """TS 1.1 6.2.2 (NoSec, new address): with after_sleep "register" a wake registers anew."""

    async def play(world):
        await world.settled()
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("server", "register", path="rd")
        await world.saw("server", "answer", payload=b"21.5")
        await world.sleeping()
        assert not world.all("server", "update")

    World(server={"after_sleep": "register"}).play(play)


def test_no_queue_mode():
    """CR Table 3 row 1: without Queue Mode the board stays reachable and does not sleep."""

    async def play(world):
        await world.saw("server", "register")
        await world.sleep(50)
        world.peer.read("/3303/0/5700")
        world.peer.ask_now()
        await world.saw("server", "answer", payload=b"21.5")
        assert world.running and world.boots == 1
        await world.sleep(_HOUR_S)
        assert world.running and not world.all("device", "sleeping")

    World(server={"queue": False}).play(play)


def test_the_radio_in_use_says_how_patient():
    """RFC 7252 §4.8: NB-IoT has its own transmission parameters, also where the modem chose it and
    after a deep sleep."""

    async def play(world):
        world.modem.radio.access = ("NB-IOT",)
        await world.saw("device", "registered", 1200)
        assert world.node.bearer.links[0].transmission.ack_timeout_ms == 15_000
        await world.sleeping()
        world.command(do="update")
        await world.saw("server", "update")
        assert world.node.bearer.links[0].transmission.ack_timeout_ms == 15_000
        assert world.node.bearer.connection()["bearer"] == 7

    World("sim7000", modem={"apn": "iot.example", "network": "lte"}).play(play)
