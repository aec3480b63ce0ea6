"""What servers wrote, over power cuts at every step of a flash write, resets and deep sleeps."""

import json

from lwm2m.objects.ipso import Temperature
from system.bootstrap_peer import FINISH, URI, BootstrapPeer, account
from system.world import HARD_RESET, POWER_ON, SERVER, SERVER_NUMBER, World
from unit.lamp import Lamp

# Firmware, virtual modem, network and server in one process.
HEAP_K = 700

_HOUR_S = 3600


def setup(node):
    """Two lamps, and a temperature that rises with each boot's own minute."""
    for level in (5, 6):
        lamp = node.add(Lamp(level))
        lamp.values[2] = 0
    node.add(Temperature(units="Cel")).values[5700] = 21.5
    node.every(1_200_000, lambda: lamp.set(2, lamp.values[2] + 1))


def _world(**settings):
    return World(setup=setup, objects=[], **settings)


async def _done(world, code="2.04"):
    """Trigger the board until all that waits is answered, and let it sleep."""
    since = len(world.events)
    if not world.running:
        world.peer.trigger()
    await world.until(lambda: not world.peer.waiting and not world.peer.asking())
    answers = world.all("server", "answer", since)
    assert answers and {each["code"] for each in answers} == {code}, answers
    await world.sleeping()


async def _read(world, path):
    world.peer.read(path)
    if not world.running:
        world.peer.trigger()
    await world.until(lambda: not world.peer.waiting and not world.peer.asking())
    return world.peer.answers[path]


async def _off_and_on(world):
    since = world.mark()
    await world.power_cut()
    world.power_on()
    await world.settled()
    return world.all("server", "register", since)[0]


def _create(peer, iid, level):
    body = b"\xa1\x19\x75\x31\xa1" + bytes([iid, 0xA1, 0, 0x18, level])
    request = peer.request(2, "/30001", body)
    peer.ask("create", request.add(12, 11544))


def test_all_that_servers_wrote_is_there_after_a_power_cut():
    """TS 1.1 Core 6.3.3, 6.3.5, 6.3.6, 7.3.1: values, the lifetime, attributes, and instances that
    were made and deleted; of the application's own values those that it sets."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.write("/30001/0/0", "77")
        peer.write("/30001/1/1", "hall")
        peer.write(peer.resource("lifetime"), "7200")
        peer.write_attributes("/3303/0/5700", "pmin=10", "pmax=600", "gt=25.5")
        peer.write("/3/0/14", "+02:00")
        await _done(world)
        peer.ask("delete", peer.request(4, "/30001/1"))
        await _done(world, "2.02")
        for _ in range(2):
            register = await _off_and_on(world)
            assert "lt=7200" in register["query"], register
            assert "</30001/0>" in register["payload"], register
            assert "</30001/1>" not in register["payload"], register
            assert await _read(world, "/30001/0/0") == ("2.05", b"77")
            assert await _read(world, "/3/0/14") == ("2.05", b"+02:00")
            peer.ask("discover", peer.request(1, "/3303/0/5700").add(17, 40))
            peer.ask_now()
            await world.until(lambda: "discover" in peer.answers)
            payload = peer.answers.pop("discover")[1]
            assert b"pmin=10;pmax=600;gt=25.5" in payload, payload
            await world.sleeping()

    _world().play(play)


def test_a_factory_reset_without_a_bootstrap_server():
    """TS 1.1 Core E.4, Factory Reset: what servers wrote is gone, whoever brought the servers."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.write("/30001/0/0", "77")
        peer.write(peer.resource("lifetime"), "7200")
        peer.write_attributes("/3303/0/5700", "pmin=10")
        await _done(world)
        since = world.mark()
        peer.execute("/3/0/5")
        peer.trigger()
        await world.saw("device", "booted", cause="hard")
        await world.settled()
        register = world.all("server", "register", since)[0]
        assert "lt=86400" in register["query"], register
        assert await _read(world, "/30001/0/0") == ("2.05", b"5")
        since = world.mark()
        world.command(do="factory_reset")
        await world.saw("device", "ok", do="factory_reset")
        await world.saw("device", "booted", cause="hard")

    _world().play(play)


def test_a_created_instance_is_there_after_a_power_cut():
    """TS 1.2 Core 6.3.6: with its values, also those that only the device writes."""

    async def play(world):
        await world.settled()
        _create(world.peer, 9, 33)
        await _done(world, "2.01")
        for _ in range(2):
            register = await _off_and_on(world)
            assert "</30001/9>" in register["payload"], register
            assert await _read(world, "/30001/9/0") == ("2.05", b"33")
            await world.sleeping()
        world.peer.ask("delete", world.peer.request(4, "/30001/9"))
        await _done(world, "2.02")
        register = await _off_and_on(world)
        assert "</30001/9>" not in register["payload"], register

    _world(version="1.2").play(play)


def test_an_ordinary_life_writes_no_flash():
    """Flash wear: a day of reports, Updates, Reads and the same Write again."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.write("/30001/0/0", "77")
        await _done(world)
        writes = world.flash.writes
        assert writes == 1, writes
        peer.observe("/30001/1/2")
        await _done(world, "2.05")
        told = len(peer.notifications)
        for _ in range(6):
            await world.sleep(4 * _HOUR_S)
            peer.write("/30001/0/0", "77")
            peer.execute(peer.resource("update_trigger"))
            await _done(world)
        assert len(peer.notifications) > told + 20
        assert world.flash.writes == writes

    _world().play(play)


def _cuts(steps):
    """The steps of a flash write at which to cut: the first, some, the last ones."""
    return sorted({0, 1, 2, 15, 16, 17, steps // 2, steps - 2, steps - 1})


def test_a_cut_at_any_step_leaves_the_old_or_the_new():
    """TS 1.1 Core 6.3.3: a Write of two resources that the power ends is there as a whole or not
    at all, and as a whole where it was answered; also where RTC memory and clock are kept."""
    steps = _steps_of_a_write()
    levels = []
    for how in ((POWER_ON, 1000, True), (HARD_RESET, 10, False)):
        for at in _cuts(steps):
            seen = []

            async def play(world, at=at, how=how, seen=seen):
                peer = world.peer
                await world.settled()
                peer.write("/30001/0/0", "10")
                await _done(world)
                before = len(world.events)
                world.fail_at_flash_step(at, *how)
                _write_two(peer)
                peer.trigger()
                await world.saw("world", "fails")
                await world.until(lambda: not peer.asking())
                answered = world.all("server", "answer", before, name="two")
                peer.waiting.clear()
                world.calm()
                await world.until(lambda: not world.running)
                level = (await _read(world, "/30001/0/0"))[1]
                name = (await _read(world, "/30001/0/1"))[1]
                seen.append(level)
                assert (level, name) in ((b"10", b""), (b"11", b"eleven")), (at, level, name)
                assert not answered or level == b"11", at

            _world().play(play)
            levels += seen
    assert set(levels) == {b"10", b"11"}, levels


def _write_two(peer):
    request = peer.request(
        2, "/30001/0", b'[{"bn":"/30001/0/","n":"0","v":11},{"n":"1","vs":"eleven"}]'
    )
    peer.ask("two", request.add(12, 110))


def _steps_of_a_write():
    found = []

    async def play(world):
        await world.settled()
        world.peer.write("/30001/0/0", "10")
        await _done(world)
        steps = world.flash.steps
        _write_two(world.peer)
        await _done(world)
        found.append(world.flash.steps - steps)

    _world().play(play)
    return found[0]


def test_a_flash_that_refuses():
    """TS 1.1 Core 6.3.3: 5.00; what was written is in force until the next start, and goes to
    flash with what is accepted next."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.write("/30001/0/0", "10")
        await _done(world)
        world.flash.full = True
        peer.write("/30001/0/0", "11")
        await _done(world, "5.00")
        assert [each for each in world.all("device", "error") if "not kept" in each["reason"]]
        await _off_and_on(world)
        assert await _read(world, "/30001/0/0") == ("2.05", b"10")
        peer.write("/30001/0/0", "12")
        await _done(world, "5.00")
        world.flash.full = False
        peer.write("/30001/1/0", "13")
        await _done(world)
        await _off_and_on(world)
        assert await _read(world, "/30001/0/0") == ("2.05", b"12")
        assert await _read(world, "/30001/1/0") == ("2.05", b"13")

    _world().play(play)


def test_a_reset_between_the_flash_and_the_answer():
    """Resets: what is on flash and was not answered holds; the record of the sleep before
    is older, and does not undo it."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.write("/30001/0/0", "10")
        await _done(world)
        writes = world.flash.writes
        peer.write("/30001/0/0", "11")
        peer.write(peer.resource("lifetime"), "3600")
        peer.trigger()
        await world.until(lambda: world.flash.writes == writes + 2)
        await world.reset()
        since = world.mark()
        await world.saw("device", "updated")
        assert not world.all("server", "register", since)
        update = world.all("server", "update", since)[-1]
        assert "lt=3600" in update["query"], update
        await world.until(lambda: not peer.waiting and not peer.asking())
        assert await _read(world, "/30001/0/0") == ("2.05", b"11")

    _world().play(play)


def test_more_than_rtc_memory_holds():
    """facts: 2048 bytes of RTC memory. What servers wrote beyond that comes from flash after a
    deep sleep, and what the application changed of it since from the record."""

    def more(node):
        setup(node)
        for index in range(8):
            node.add(Lamp(index))
        node.tree.get(30001, 3).values[1] = "first"

    async def play(world):
        peer = world.peer
        await world.settled()
        for index in range(2, 10):
            peer.write("/30001/%d/1" % index, "%d" % index * 250)
        await _done(world)
        for _ in range(3):
            assert await _read(world, "/30001/9/1") == ("2.05", b"9" * 250)
            assert await _read(world, "/30001/2/1") == ("2.05", b"2" * 250)
            world.node.tree.get(30001, 2).set(1, "2" * 250)
            await world.sleeping()
            assert len(world.memory) <= 2048
        assert {each["cause"] for each in world.all("device", "booted")[1:]} == {"deep_sleep"}
        world.command(do="set", path="/30001/2/1", value="mine")
        await world.sleeping()
        assert await _read(world, "/30001/2/1") == ("2.05", b"mine")

    World(setup=more, objects=[]).play(play)


def test_more_than_the_record_holds():
    """Flash: 8 KB are the most; 5.00, a line in the log, and the record before stays."""

    async def play(world):
        peer = world.peer
        await world.settled()
        peer.write("/30001/0/1", "x" * 4000)
        await _done(world)
        peer.write("/30001/1/1", "y" * 4200)
        await _done(world, "5.00")
        assert [each for each in world.all("device", "error") if "8192 fit" in each["reason"]]
        await _off_and_on(world)
        assert await _read(world, "/30001/0/1") == ("2.05", b"x" * 4000)
        assert (await _read(world, "/30001/1/1"))[0] == "4.04"

    _world().play(play)


def test_a_bootstrap_replaces_what_servers_wrote():
    """TS 1.1 Core 6.1.7: of the Objects that it provides, also where it provides what it did
    before; a factory reset (Device resource 5) ends all that servers wrote."""
    script = account("coap://%s:%d" % SERVER, number=SERVER_NUMBER, r21=True)
    world = _world(bootstrap={"uri": URI}, servers=[])
    BootstrapPeer(world, script + FINISH)

    async def wrote(world):
        world.peer.write(world.peer.resource("lifetime"), "7200")
        world.peer.write("/30001/0/0", "77")
        world.peer.write_attributes("/3303/0/5700", "pmin=10")
        await _done(world)

    async def play(world):
        await world.settled()
        await wrote(world)
        assert "lt=7200" in (await _off_and_on(world))["query"]
        since = world.mark()
        world.peer.trigger(path="/1/0/9")
        await world.saw("server", "register")
        await world.settled()
        assert "lt=86400" in world.all("server", "register", since)[0]["query"]
        assert "lt=86400" in (await _off_and_on(world))["query"]
        assert await _read(world, "/30001/0/0") == ("2.05", b"77")
        await wrote(world)
        assert "lt=7200" in (await _off_and_on(world))["query"]
        world.peer.execute("/3/0/5")
        since = world.mark()
        world.peer.trigger()
        await world.saw("server", "register")
        await world.settled()
        assert "lt=86400" in world.all("server", "register", since)[0]["query"]
        assert await _read(world, "/30001/0/0") == ("2.05", b"5")

    world.play(play)


def test_servers_that_the_configuration_names_no_more():
    """Requirement, configuration: of a board whose server is another one only the values hold."""
    flash = []

    async def first(world):
        await world.settled()
        world.peer.write(world.peer.resource("lifetime"), "7200")
        world.peer.write("/30001/0/0", "77")
        world.peer.write_attributes("/3303/0/5700", "pmin=10")
        await _done(world)
        flash.append(world.flash)

    async def second(world):
        register = await world.saw("server", "register")
        assert "lt=86400" in register["query"], register
        await world.settled()
        assert await _read(world, "/30001/0/0") == ("2.05", b"77")
        world.peer.ask("discover", world.peer.request(1, "/3303/0/5700").add(17, 40))
        world.peer.ask_now()
        await world.until(lambda: "discover" in world.peer.answers)
        assert b"pmin" not in world.peer.answers["discover"][1]

    _world().play(first)
    world = _world(server={"short_server_id": 7})
    world.flash = flash[0]
    world.play(second)


def test_a_record_of_another_firmware():
    """DESIGN §6: values that the Objects do not take, and Objects that are no more, are left out;
    a record of another layout is none."""
    from lwm2m.codec import cbor

    rows = [
        [30001, 0, 0, "five"],
        [30001, 0, 1, {0: "x"}],
        [30001, 0, 9, 1],
        [30001, 1, 0, 8],
        [30002, 0, 0, 1],
        [30002, 3, None, None],
        [1, 0, 1, "never"],
        [1, 9, 1, 60],
        [2, 4, 0, 5],
    ]
    site = _world()._site

    def recorded(layout):
        from node import written

        class Node:
            pass

        node = Node()
        node.client = Node()
        node.client.bootstrap = None
        node.site = json.loads(site)
        node.site["servers"][0].setdefault("short_server_id", 1)
        return cbor.dumps([layout, written._mark(node), [[1, [3303, 0, 5700], [10]]], rows])

    for layout, level in ((1, b"8"), (9, b"6")):

        async def play(world, layout=layout, level=level):
            await world.settled()
            await world.power_cut()
            from node.storage import Store

            Store("written").save(recorded(layout))
            assert world.flash.writes == 1
            world.power_on()
            await world.settled()
            assert await _read(world, "/30001/1/0") == ("2.05", level)
            assert await _read(world, "/30001/0/0") == ("2.05", b"5")
            assert "lt=86400" in world.all("server", "register")[-1]["query"]

        _world().play(play)
