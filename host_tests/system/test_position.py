"""A tracker: the board wakes for a position, tells it and sleeps, with the receiver off."""

from lwm2m.objects.location import Location
from node.position import locate, position
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 720

_PERIOD_S = 900
_LATITUDE = "/6/0/0"


def _tracker(node):
    place = node.add(Location())
    node.every(_PERIOD_S * 1000, lambda: locate(node, place.fix, 120))


def _world(link="sim7000", setup=_tracker, **settings):
    world = World(link, setup=setup, server={"awake_time_s": 5}, **settings)
    world.modem.gnss.set(59.913868, 10.752245, 40)
    return world


async def _found(world, limit_s=600):
    """Wait for a position and the sleep after it; return (latitude, longitude, timestamp)."""
    await world.saw("device", "position", limit_s)
    values = world.node.tree.get(6, 0).values
    place = values[0], values[1], values[5]
    await world.sleeping()
    assert not world.modem.gnss.on
    return place


def test_a_tracker():
    """TS Location (6): a position each period; no sleep in a search, no receiver in a sleep."""

    async def play(world):
        latitude, longitude, timestamp = await _found(world)
        assert abs(latitude - 59.913868) < 1e-5 and abs(longitude - 10.752245) < 1e-5
        assert timestamp > 1767225600
        began = world.mark()
        assert not world.modem.gnss.on
        await world.saw("device", "booted", 1000, woken="timer")
        await world.saw("modem", "gnss", 60, on=True)
        await world.sleep(20)
        world.modem.gnss.set(59.95, 10.75)
        assert world.running and world.modem.gnss.on and not world.modem.power.asleep
        latitude, longitude, timestamp = await _found(world)
        assert abs(latitude - 59.95) < 1e-5 and world.modem.power.asleep
        assert 38 <= world.all("device", "position", began)[0]["seconds"] <= 44
        assert len(world.all("device", "sleeping", began)) == 1
        for name in ("error", "modem_reset", "modem_recovering", "no_position"):
            assert not world.all("device", name, began), name
        assert len(world.all("server", "register")) == 1

    _world().play(play)


def test_a_server_reads_and_observes_the_place():
    """TS Location (6): Read gives the position, a notification the next one."""

    async def play(world):
        await _found(world)
        world.peer.read(_LATITUDE)
        world.peer.observe(_LATITUDE)
        world.command(do="update")
        answer = await world.saw("server", "answer", name=_LATITUDE)
        assert answer["code"] == "2.05" and abs(float(answer["payload"]) - 59.913868) < 1e-4
        await world.saw("server", "answer", name="observe " + _LATITUDE)
        await world.sleeping()
        world.modem.gnss.set(60.5, 10.0)
        told = await world.saw("server", "notification", 1000)
        assert told["payload"] == b"60.5"

    _world().play(play)


def test_no_position():
    """DESIGN §6: under a roof the search ends in time, says so, and the board sleeps on."""

    async def play(world):
        world.modem.gnss.set()
        told = await world.saw("device", "no_position")
        assert told["reason"] == "no fix" and 118 <= told["seconds"] <= 150
        assert not world.modem.gnss.on and not world.node.tree.get(6, 0).values
        await world.sleeping()
        world.modem.set_fault("answer", ("AT+CGNSPWR=1", "ERROR"))
        told = await world.saw("device", "no_position", 1000)
        assert told == {"reason": "modem: AT+CGNSPWR answered ERROR", "seconds": 0}
        await world.sleeping()
        assert len(world.all("server", "register")) == 1

    _world().play(play)


def test_a_modem_without_a_receiver():
    """AT800 has no GNSS: the board says so, and is a board without a place."""

    async def play(world):
        told = await world.saw("device", "no_position")
        assert told["reason"] == "modem: AT+CGNSPWR answered ERROR"
        await world.settled()

    World("sim800", setup=_tracker, server={"awake_time_s": 5}).play(play)


def test_a_radio_for_both():
    """LilyGO T-SIM7080G, tips: the network is left for the search, and the position told after."""

    async def play(world):
        await world.saw("device", "registered")
        await world.saw("modem", "gnss", 60, on=True)
        await world.saw("device", "position")
        world.peer.observe(_LATITUDE)
        await world.saw("device", "attached")
        await world.saw("server", "answer", code="2.05")
        await world.sleeping()
        for degrees in (61, 62, 63):
            world.modem.gnss.set(degrees, 10.0)
            assert (await _found(world, 1200))[0] == degrees
            assert world.peer.notifications[-1][1] == b"%d" % degrees
        assert len(world.all("server", "register")) == 1

    _world("sim7080").play(play)


def test_other_ways_to_rest():
    """node/config.py modem.idle: a modem that is off or in PSM is started for the search."""
    for idle in ("off", "psm"):

        async def play(world):
            await _found(world, 1200)
            since = world.mark()
            await _found(world, 1200)
            assert not world.all("device", "error", since)

        modem = {"apn": "iot.example", "idle": idle, "network": "nb-iot"}
        server = {"sms_trigger": False, "awake_time_s": 5}
        world = World("sim7000", setup=_tracker, server=server, modem=modem)
        world.modem.gnss.set(59.913868, 10.752245, 90)
        world.play(play)


def test_no_network():
    """HW7000: a search where there is no network ends as well, and the modem is off after it."""

    async def play(world):
        world.modem.set_fault("registration", 2)
        await world.saw("device", "position", 3600)
        await world.sleep(60)
        assert not world.modem.gnss.on
        world.modem.set_fault("registration", None)
        await world.settled(3600)

    _world().play(play)


def test_one_search_at_a_time():
    """node/position.py: a second one is refused, and what is awaited gives None."""
    results = []

    def setup(node):
        async def twice():
            locate(node, lambda **fix: results.append(fix), 120)
            results.append(await position(node, 60))

        node.spawn(twice())

    async def play(world):
        told = await world.saw("device", "no_position")
        assert told["reason"] == "already searching"
        await world.saw("device", "position")
        await world.sleeping()
        assert results[0] is None and results[1]["latitude"] > 59

    _world(setup=setup).play(play)


def test_a_reset_in_a_search():
    """node/crash.py: the run that follows finds the receiver on, searches again and ends it."""

    async def play(world):
        await world.saw("modem", "gnss", on=True)
        await world.sleep(10)
        world.modem.gnss.set(60.5, 10.0)
        await world.reset()
        assert (await _found(world))[0] == 60.5
        await world.sleep(60)
        assert not world.modem.gnss.on and not world.running

    for link in ("sim7000", "sim7080"):
        _world(link).play(play)


def test_a_supply_that_fails_in_a_search():
    """HW7000: without its supply the modem forgets the search; the next one finds the place."""

    async def play(world):
        await world.saw("modem", "gnss", on=True)
        await world.sleep(10)
        world.fail(modem=True)
        await _found(world)
        world.modem.set_fault("power_cut", ms=3000, after=2000)
        await _found(world, 1200)

    _world().play(play)
