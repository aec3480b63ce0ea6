"""Queue mode over deep sleeps: what was registered, written and observed is as it was."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_DAY_S = 86400
_VERSIONS = ("draft", "1.0", "1.1")
_PATH = "/3303/0/5700"


def _world(version):
    # In 1.0 the trigger by SMS needs the S of the binding.
    return World("sim7000", version, server={"binding": "US"} if version == "1.0" else None)


async def _ask(world, code="2.04"):
    """Let what waits be asked after a trigger, and see the board asleep again."""
    world.mark()
    world.peer.trigger()
    answer = await world.saw("server", "answer", code=code)
    await world.sleeping()
    return answer


async def _set(world, value):
    """Change the value on the sleeping board; return the notification."""
    world.mark()
    world.command(do="set", path=_PATH, value=value)
    told = await world.saw("server", "notification", 300)
    await world.sleeping()
    return told


def test_registers_uq():
    """TS 1.0 5.3.1.1 and Table 8 (UQ): binding U with queue mode registers b=UQ, no sms=."""

    async def play(world):
        await world.settled()
        register = world.all("server", "register")[0]
        assert register["query"][:4] == ["ep=probe-1", "lt=86400", "lwm2m=1.0", "b=UQ"], register
        await world.sleep(_HOUR_S)
        # Without S nothing that comes by SMS is obeyed; what waits is asked after an Update.
        since = world.mark()
        world.peer.read(world.peer.resource("binding"))
        world.peer.trigger()
        await world.saw("device", "drop", reason="sms_trigger_off")
        await world.sleeping()
        assert not world.all("network", "udp_up", since)
        assert world.network.sms.counters["submitted"] == 0
        answer = await world.saw("server", "answer", _DAY_S, code="2.05")
        assert answer["payload"] == b"UQ", answer
        await world.sleeping()
        assert len(world.all("server", "update", since)) == 1

    for link in ("sim800", "sim7000"):
        World(link, "1.0").play(play)


def test_lifetime_written_by_the_server():
    """TS 1.0 5.3.2, int-256: a written lifetime is told by Update with lt, and kept asleep."""

    async def play(world):
        peer = world.peer
        await world.settled()
        await world.sleep(_HOUR_S)
        since = world.mark()
        peer.write(peer.resource("lifetime"), "7200")
        peer.trigger()
        await world.saw("server", "answer", code="2.04")
        update = await world.saw("server", "update")
        assert update["query"] == ["lt=7200"] and update["payload"] == "", update
        assert update["path"] == "rd/0001", update
        await world.sleeping()
        assert len(world.all("server", "update", since)) == 2
        # From here by the new lifetime, told no more.
        since = world.mark()
        await world.sleep(_DAY_S)
        updates = world.all("server", "update", since)
        assert 12 <= len(updates) <= 13, len(updates)
        assert all([each["query"] == [] for each in updates])
        assert not world.all("server", "expired") and len(world.all("server", "register")) == 1
        peer.read(peer.resource("lifetime"))
        assert (await _ask(world, "2.05"))["payload"] == b"7200"
        # A Register tells the written one too, also after a power cut.
        peer.registrations.clear()
        world.mark()
        peer.trigger()
        register = await world.saw("server", "register")
        assert "lt=7200" in register["query"], register
        await world.sleeping()
        await world.power_cut()
        world.power_on()
        register = await world.saw("server", "register")
        assert "lt=7200" in register["query"], register
        await world.sleeping()

    for version in _VERSIONS:
        _world(version).play(play)


def test_binding_written_by_the_server():
    """TS 1.0 5.3.2, CR C.1 resource 10: queue mode off is told, and the board stays awake."""

    async def play(world):
        peer = world.peer
        version = peer.version.name
        await world.settled()
        await world.sleep(_HOUR_S)
        peer.write(peer.resource("binding"), "0" if version == "draft" else "US")
        peer.trigger()
        await world.saw("server", "answer", code="2.04")
        if version == "draft":  # its parameter cannot be taken back but by a Register
            told = await world.saw("server", "register")
            assert "q" not in told["query"], told
        else:
            told = await world.saw("server", "update")
            assert told["query"] == ["b=US"], told
        await world.sleep(_HOUR_S)
        assert world.running
        peer.write(peer.resource("binding"), "1" if version == "draft" else "UQS")
        peer.trigger()
        await world.saw("server", "answer", code="2.04")
        await world.sleeping()

    for version in ("draft", "1.0"):
        _world(version).play(play)


def test_observation_survives_deep_sleeps():
    """RFC 7641 §3.1, int-301: token, path and sequence outlive any number of deep sleeps."""

    async def play(world):
        peer = world.peer
        peer.write_attributes(_PATH, "pmin=5")
        peer.observe(_PATH)
        peer.observe("/3/0/13")
        await world.saw("server", "answer", name="observe /3/0/13")
        await world.sleeping()
        for step in range(1, 8):
            await world.sleep(step * _HOUR_S)
            assert not world.running
            told = await _set(world, step)
            assert told["payload"] == b"%d" % step and told["path"] == _PATH, told
        assert len(world.all("server", "notification")) == 7
        assert all([confirmable for _, _, confirmable in peer.notifications])
        assert len(world.all("server", "register")) == 1
        # The lifetime's Updates between do not touch it, a trigger does not, a Register ends it.
        await world.sleep(2 * _DAY_S)
        assert (await _set(world, 9))["payload"] == b"9"
        peer.registrations.clear()
        world.mark()
        peer.trigger()
        await world.saw("server", "register")
        await world.sleeping()
        since = world.mark()
        world.command(do="set", path=_PATH, value=10)
        await world.saw("device", "set")
        await world.sleeping()
        assert not world.all("server", "notification", since)
        peer.observe(_PATH)
        await _ask(world, "2.05")
        assert (await _set(world, 11))["payload"] == b"11"

    for version in _VERSIONS:
        _world(version).play(play)


def test_attributes_survive_deep_sleeps():
    """TS 1.0 5.1.2: Write-Attributes go on after a deep sleep; what they hold back is not told."""

    async def play(world):
        peer = world.peer
        peer.write_attributes(_PATH, "gt=30", "pmin=1")
        peer.observe(_PATH)
        await world.saw("server", "answer", name="observe " + _PATH)
        await world.sleeping()
        for value in (25, 29.5, 22):
            since = world.mark()
            world.command(do="set", path=_PATH, value=value)
            await world.saw("device", "set")
            await world.sleeping()
            assert not world.all("network", "udp_up", since), value
        assert (await _set(world, 31))["payload"] == b"31"

    for version in _VERSIONS:
        _world(version).play(play)


def test_disable_over_deep_sleep():
    """CR C.1 resources 7, 8 and 9: disabled asleep, observed still; changes are told after it."""

    async def play(world):
        peer = world.peer
        peer.observe(_PATH)
        await world.saw("server", "answer", name="observe " + _PATH)
        peer.forgetful = False
        await world.sleeping()
        peer.write(peer.resource("disable_timeout"), "21600")
        peer.execute(peer.resource("disable"))
        world.mark()
        peer.trigger()
        await world.saw("server", "deregister")
        left_ms = world.times("server", "deregister")[0]
        await world.saw("device", "disabled", seconds=21600)
        await world.sleeping()
        since = world.mark()
        for value in (1, 2, 3):
            await world.sleep(_HOUR_S)
            world.command(do="set", path=_PATH, value=value)
            await world.saw("device", "set")
            await world.sleeping()
            peer.trigger()
            await world.sleep(60)
            assert not world.running
        assert not world.all("network", "udp_up", since)
        assert len(world.all("device", "drop", since, reason="disabled")) == 3
        submitted = world.network.sms.counters["submitted"]
        await world.saw("server", "register", 4 * _HOUR_S)
        pause_s = (world.times("server", "register")[-1] - left_ms) // 1000
        assert 21599 <= pause_s <= 21700, pause_s
        await world.sleeping()
        stored = [payload for _, payload, _ in peer.notifications]
        assert stored == [b"1", b"2", b"3"], stored
        assert world.network.sms.counters["submitted"] == submitted
        world.peer.read("/3/0/0")
        await _ask(world, "2.05")
        assert (await _set(world, 4))["payload"] == b"4"

    for version in _VERSIONS:
        _world(version).play(play)


def test_power_cut_ends_the_disabled_time():
    """CR C.1 resource 7: a board that has lost its memory registers; it knows of no Disable."""

    async def play(world):
        peer = world.peer
        peer.execute(peer.resource("disable"))
        await world.saw("device", "disabled", seconds=_DAY_S)
        await world.sleeping()
        await world.sleep(_HOUR_S)
        await world.power_cut()
        world.power_on()
        await world.saw("server", "register", 120)
        await world.sleeping()

    World("sim7000", "draft").play(play)
