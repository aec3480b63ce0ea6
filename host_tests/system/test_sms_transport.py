"""SMS as the transport of everything: registration, requests, notifications; UDP says nothing."""

from coap import registry as codes
from lwm2m.objects.ipso import Temperature
from system.world import SERVER_NUMBER, World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_DAY_S = 86400
_VERSIONS = ("draft", "1.0", "1.1")


def _world(version="1.0", queue=True, link="sim7000", **settings):
    server = {"binding": "S", "queue": queue}
    server.update(settings.pop("server", {}))
    world = World(link, version, server=server, **settings)
    world.peer.by_sms = True
    return world


async def _asleep(world):
    """See the board in deep sleep: it may be there before its last message has arrived."""
    await world.sleep(200)
    assert not world.running


def _no_udp(world):
    assert not world.all("network", "udp_up"), "spoke by UDP"
    assert not world.all("device", "error")


def test_registration_by_sms():
    """CR Table 3, TS 1.0 Table 8 (S, SQ): Register goes by SMS, and so does its answer."""

    async def play(world):
        await world.settled()
        await world.sleep(60)
        register = world.all("server", "register")[0]
        query = register["query"]
        expected = {
            ("draft", False): ["ep=probe-1", "lt=86400", "sms=4790000001"],
            ("draft", True): ["ep=probe-1", "lt=86400", "q", "sms=4790000001"],
            ("1.0", False): ["ep=probe-1", "lt=86400", "lwm2m=1.0", "b=S", "sms=4790000001"],
            ("1.0", True): ["ep=probe-1", "lt=86400", "lwm2m=1.0", "b=SQ", "sms=4790000001"],
            ("1.1", False): ["ep=probe-1", "lt=86400", "lwm2m=1.1", "b=S", "sms=4790000001"],
            ("1.1", True): ["ep=probe-1", "lt=86400", "lwm2m=1.1", "b=S", "Q", "sms=4790000001"],
        }[(world.peer.version.name, queue)]
        assert query == expected, query
        assert register["address"] == "+4790000001", register
        assert "</3303/0>" in register["payload"], register
        assert len(world.all("server", "register")) == 1
        _no_udp(world)

    for version in _VERSIONS:
        for queue in (False, True):
            _world(version, queue).play(play)


def test_requests_by_sms():
    """CR Table 3: a request over SMS to a sleeping board is answered over SMS."""

    async def play(world):
        peer = world.peer
        await world.settled()
        for _ in range(3):
            await world.sleep(_HOUR_S)
            peer.answers.clear()
            world.mark()
            peer.read("/3303/0/5700")
            peer.read("/3/0/0")
            peer.ask_now()
            await world.saw("device", "booted", woken="pin", clean=False)
            await world.saw("server", "answer", name="/3303/0/5700", payload=b"21.5")
            await world.saw("server", "answer", name="/3/0/0", payload=b"Nudge")
            await _asleep(world)
        peer.write(peer.resource("disable_timeout"), "60")
        peer.read("/3", 40)  # Discover: longer than one message
        peer.ask_now()
        await world.saw("server", "answer", code="2.04")
        answer = await world.saw("server", "answer", name="/3", code="2.05")
        assert len(answer["payload"]) > 140, answer
        await _asleep(world)
        assert len(world.all("server", "register")) == 1 and world.modem.sms.slots == {}
        _no_udp(world)

    for version in _VERSIONS:
        for link in ("sim800", "sim7000"):
            _world(version, False, link).play(play)


def test_queue_mode_by_sms():
    """CR 6.1, CR Table 3 row 4: what waits is asked by SMS after the Update by SMS."""

    async def play(world):
        peer = world.peer
        await world.settled()
        await world.sleep(_HOUR_S)
        since = world.mark()
        peer.read("/3303/0/5700")
        peer.trigger()
        await world.saw("device", "trigger")
        update = await world.saw("server", "update")
        assert update["path"] == "rd/0001" and update["query"] == [], update
        await world.saw("server", "answer", payload=b"21.5")
        await world.sleeping()
        assert len(world.all("server", "update", since)) == 1
        assert len(world.all("device", "trigger", since)) == 1
        _no_udp(world)

    for version in _VERSIONS:
        _world(version).play(play)


def test_kept_alive_by_sms():
    """TS 1.0 5.3.2: the Update that keeps the registration goes by SMS, one in a lifetime."""

    async def play(world):
        await world.settled()
        since = world.mark()
        await world.sleep(_DAY_S)
        assert 5 <= len(world.all("server", "update", since)) <= 7
        assert not world.all("server", "expired") and not world.all("device", "registering", since)
        _no_udp(world)

    for version in _VERSIONS:
        _world(version, server={"lifetime_s": 14400}).play(play)


def test_notifications_by_sms():
    """CR Table 3 (Binding Preference 2 and 3): notifications go by SMS, Non-confirmable."""

    async def play(world):
        peer = world.peer
        world.microvolts[34] = 700_000
        await world.settled()
        peer.observe("/3303/0/5700")
        if queue:
            peer.trigger()
        else:
            peer.ask_now()
        await world.saw("server", "answer", code="2.05", payload=b"20")
        await world.sleeping()
        for step in range(1, 4):
            since = world.mark()
            world.microvolts[34] = 700_000 + step * 10_000
            await world.saw("server", "notification", 1200, payload=b"%d" % (20 + step))
            await world.sleeping()
            assert len(world.all("server", "update", since)) == int(queue)
        assert len(peer.notifications) == 3
        _no_udp(world)

    def setup(node):
        probe = node.adc(34)
        temperature = node.add(Temperature(units="Cel"))
        node.every(600_000, lambda: temperature.set(5700, probe.read_uv() / 10_000 - 50))

    for version in _VERSIONS:
        for queue in (False, True):
            _world(version, queue, setup=setup, objects=[]).play(play)


def test_server_forgets_and_is_away():
    """int-105, TS 1.0 5.3.2: 4.04 by SMS leads to a Register; silence to a bounded few tries."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.registrations.clear()
        peer.trigger()
        await world.saw("server", "unknown")
        await world.saw("server", "register")
        await world.sleeping()
        peer.silent = True
        submitted = world.network.sms.counters["submitted"]
        peer.trigger()
        await world.saw("device", "register_failed", step="updating", reason="timeout")
        await world.sleep(6 * _HOUR_S)
        # A message costs: parts of some Registers, nothing more.
        assert world.network.sms.counters["submitted"] - submitted <= 30
        assert not world.running
        peer.silent = False
        await world.saw("server", "register", _DAY_S)
        await world.sleeping()
        _no_udp(world)

    _world("1.0").play(play)


def test_disable_by_sms():
    """CR C.1 resources 7 and 8: Disable by SMS is answered, and ended, by SMS."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.write(peer.resource("disable_timeout"), "7200")
        peer.execute(peer.resource("disable"))
        peer.ask_now()
        await world.saw("server", "answer", name="execute " + peer.resource("disable"))
        await world.saw("server", "deregister")
        await world.sleeping()
        submitted = world.network.sms.counters["submitted"]
        peer.trigger()
        await world.sleep(_HOUR_S)
        assert world.network.sms.counters["submitted"] == submitted and not world.running
        await world.saw("server", "register", 3700)
        await world.sleeping()
        _no_udp(world)

    for version in _VERSIONS:
        _world(version, False).play(play)


def test_strangers_get_no_answer():
    """TS 1.0 5.4, TS 1.1 T 5.3: with SMS as transport too, only the server's number is served."""

    async def play(world):
        await world.settled()
        submitted = world.network.sms.counters["submitted"]
        since = world.mark()
        for sender in ("+4799999999", SERVER_NUMBER + "1", "ACME"):
            world.peer.trigger(path="/3303/0/5700", code=codes.GET, sender=sender)
            await world.sleep(60)
            assert not world.running
        assert world.network.sms.counters["submitted"] == submitted
        assert not world.all("device", "request", since)

    _world("1.0", False).play(play)


def test_request_by_sms_in_queue_mode():
    """CR Table 3 row 4: asked by SMS it answers by SMS; notifications go by the preference."""

    async def play(world):
        peer = world.peer
        peer.observe("/3303/0/5700")
        await world.saw("server", "answer", code="2.05")
        await world.sleeping()
        peer.spoken_by_sms(world.modem.number)
        since = world.mark()
        peer.read("/3303/0/5700")
        peer.ask_now()
        await world.saw("server", "answer", payload=b"21.5")
        await _asleep(world)
        assert not world.all("network", "udp_up", since)
        assert len(world.all("server", "sms", since)) == 1
        since = world.mark()
        world.command(do="set", path="/3303/0/5700", value=3.5)
        await world.saw("server", "notification", payload=b"3.5")
        await world.sleeping()
        assert world.all("network", "udp_up", since) and not world.all("server", "sms", since)

    for version in ("draft", "1.0"):
        world = World("sim7000", version, server={"binding": "US"})
        world.peer.by_sms = True
        world.play(play)


def test_preference_of_the_draft_decides():
    """CR C.1 resource 10: written by the server from 1 (UDP) to 3 (SMS), notifications follow."""

    async def play(world):
        peer = world.peer
        peer.observe("/3303/0/5700")
        await world.saw("server", "answer", code="2.05")
        peer.write(peer.resource("binding"), "3")
        peer.ask_now()
        await world.saw("server", "answer", code="2.04")
        await world.sleeping()
        since = world.mark()
        world.command(do="set", path="/3303/0/5700", value=3.5)
        await world.saw("server", "notification", payload=b"3.5")
        await world.sleeping()
        assert not world.all("network", "udp_up", since)
        assert world.all("server", "sms", since)
        peer.write(peer.resource("binding"), "1")
        peer.ask_now()
        await world.saw("server", "answer", code="2.04")
        await world.sleeping()
        since = world.mark()
        world.command(do="set", path="/3303/0/5700", value=4.5)
        await world.saw("server", "notification", payload=b"4.5")
        assert world.all("network", "udp_up", since)
        await world.sleeping()

    world = World("sim7000", "draft")
    world.peer.by_sms = True
    world.play(play)
