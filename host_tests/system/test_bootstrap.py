"""A board that knows its bootstrap server only: the whole node, its flash, its sleep and SMS."""

from coap.registry import BAD_REQUEST, FORBIDDEN, POST, PUT
from system.bootstrap_peer import FINISH, URI, BootstrapPeer, account
from system.world import (
    ENDPOINT,
    OTHER_NUMBER,
    OTHER_SERVER,
    SERVER,
    SERVER_NUMBER,
    World,
)
from unit.lwm2m.bootstrap_bench import security
from unit.node.files import Flash

# Firmware, virtual modem, network and three servers in one process.
HEAP_K = 720

_HOUR_S = 3600
_DAY_S = 86400
_FIRST = account("coap://%s:%d" % SERVER, number=SERVER_NUMBER, r21=True)
_SECOND = account("coap://%s:%d" % OTHER_SERVER, 2, number=OTHER_NUMBER, r21=True)


def _world(script=None, bootstrap=None, **settings):
    """Return (world, bootstrap server): a board without servers of its own."""
    wanted = {"uri": URI}
    wanted.update(bootstrap or {})
    settings.setdefault("servers", [])
    world = World(bootstrap=wanted, **settings)
    world.flash = Flash()
    return world, BootstrapPeer(world, (_FIRST if script is None else script) + FINISH)


def _accounts(world):
    """Return how many records of accounts the flash has: of 0, 1 or 2 files."""
    return len(world.flash.files)


def test_client_initiated():
    """int-0, int-1: a board without servers asks its bootstrap server and registers."""
    world, boot = _world()

    async def play(world):
        facts = await world.saw("bootstrap", "request")
        assert facts["path"] == "bs" and sorted(facts["query"]) == ["ep=" + ENDPOINT, "pct=112"]
        await world.saw("bootstrap", "answer", path="/bs", code="2.04")
        register = await world.saw("server", "register")
        assert "ep=" + ENDPOINT in register["query"] and "Q" in register["query"]
        await world.settled()
        assert len(world.all("bootstrap", "request")) == 1
        assert not world.all("device", "error")

    world.play(play)


def test_deep_sleep_and_trigger():
    """int-5, CR 6.1: the account lives through deep sleeps; both triggers come by SMS."""
    world, boot = _world()

    async def play(world):
        await world.settled()
        world.peer.trigger()
        await world.saw("device", "booted", cause="deep_sleep", clean=False)
        await world.saw("server", "update")
        await world.sleeping()
        since = world.mark()
        world.peer.trigger(path="/1/0/9")
        await world.saw("device", "booted", cause="deep_sleep", woken="pin", clean=False)
        await world.saw("device", "bootstrap_wanted", reason="trigger")
        await world.saw("bootstrap", "request")
        await world.saw("server", "register")
        await world.settled()
        assert not world.all("server", "update", since)
        world.peer.execute("/1/0/9")
        world.peer.trigger()
        await world.saw("bootstrap", "request")
        await world.settled()
        assert not world.all("device", "error")

    world.play(play)


def test_power_cut_after_the_bootstrap():
    """Requirement, power cut: the account is on flash; nobody is asked for it again."""
    world, boot = _world()

    async def play(world):
        await world.settled()
        boot.silent = True
        for _ in range(2):
            await world.power_cut()
            world.power_on()
            await world.saw("server", "register")
            await world.settled()
        assert not world.all("bootstrap", "unheard")
        await world.reset()
        await world.saw("device", "updated")
        await world.sleeping()

    world.play(play)


def test_bootstrap_sequence():
    """int-6: the factory's servers are tried first; the bootstrap server is for when they fail."""
    world, boot = _world(
        _SECOND, servers=[{"uri": "coap://%s:%d" % SERVER, "retry_count": 1}], other={}
    )

    async def play(world):
        world.peer.refusals = [(FORBIDDEN, None)] * 100
        await world.saw("server", "refused")
        await world.saw("bootstrap", "request", 86400)
        await world.saw("other", "register")
        await world.saw("device", "registered", server=2)

    world.play(play)


def test_fall_back():
    """int-7: a server that refuses the client for good; the bootstrap server names another."""
    world, boot = _world(other={})

    async def play(world):
        await world.settled()
        # The bootstrap server takes the one away and names the other.
        boot.script = [(4, (0,), None), (4, (1,), None)] + _SECOND + FINISH
        world.peer.registrations.clear()
        world.peer.refusals = [(FORBIDDEN, None)] * 100
        await world.saw("bootstrap", "request", 2 * _DAY_S)
        await world.saw("other", "register")
        await world.saw("device", "registered", server=2)
        await world.sleeping()
        since = world.mark()
        await world.sleep(_DAY_S)
        assert not world.all("server", "refused", since) and world.all("other", "update", since)

    world.play(play)


def test_inconsistent_configuration():
    """int-9: 4.06, and the board comes back to the bootstrap server, asleep in between."""
    world, boot = _world(_FIRST[:1])

    async def play(world):
        await world.saw("bootstrap", "answer", path="/bs", code="4.06")
        boot.script = _FIRST + FINISH
        await world.saw("device", "bootstrap_failed", reason="timeout")
        await world.saw("device", "sleeping")
        await world.saw("device", "booted", cause="deep_sleep")
        await world.saw("bootstrap", "request")
        await world.settled()

    world.play(play)


def test_hold_off_in_deep_sleep():
    """int-6: the hold-off time passes asleep."""
    world, boot = _world(bootstrap={"hold_off_s": _HOUR_S})

    async def play(world):
        await world.saw("device", "bootstrap_wanted", reason="first", hold_off_s=_HOUR_S)
        await world.saw("device", "sleeping")
        await world.saw("bootstrap", "request", 2 * _HOUR_S)
        started = world.times("device", "bootstrap_wanted")[0]
        asked = world.times("bootstrap", "request")[0]
        assert _HOUR_S <= (asked - started) / 1000 <= _HOUR_S + 60
        await world.settled()

    world.play(play)


def test_a_bootstrap_server_that_is_never_there():
    """Requirement, no visit: days without it cost little, and the first answer is enough."""
    world, boot = _world()
    boot.silent = True

    async def play(world):
        await world.sleep(4 * _DAY_S)
        attempts = len(world.all("device", "bootstrapping"))
        assert 10 < attempts < 20, attempts
        assert world.awake_ms < attempts * 300_000
        boot.silent = False
        boot.refusals = [BAD_REQUEST]
        await world.saw("bootstrap", "refused", limit_s=2 * _DAY_S)
        await world.saw("bootstrap", "request", limit_s=2 * _DAY_S)
        await world.settled()

    world.play(play)


def test_power_cut_in_the_middle_of_a_session():
    """Requirement, power cut: whatever operation was the last, the board has the old account."""
    for last in range(len(_SECOND) + 2):
        world, boot = _world(other={}, seed=last + 1)
        script = [(4, (), None)] + _SECOND

        async def play(world, boot=boot, script=script, last=last):
            await world.settled()
            boot.script = script[:last] + ([] if last <= len(_SECOND) else FINISH)
            world.peer.trigger(path="/1/0/9")
            await world.saw("bootstrap", "request")
            await world.sleep(30)
            boot.silent = True
            await world.power_cut()
            world.power_on()
            name = "other" if last > len(_SECOND) else "server"
            await world.saw(name, "register")
            await world.settled()

        world.play(play)


def test_power_cut_at_every_write_of_the_record():
    """Requirement, power cut: at any byte of the record's way to flash, one account is whole."""
    steps = []

    async def play(world):
        await world.settled()
        flash = world.flash
        before = flash.steps
        boot.script = [(4, (), None)] + _SECOND + FINISH
        world.peer.trigger(path="/1/0/9")
        await world.saw("other", "register")
        steps.append(flash.steps - before)

    world, boot = _world(other={})
    world.play(play)
    assert steps[0] > 100
    # A few of the cuts as a whole board; all of them are in unit/node/test_storage.py.
    for cut in (0, 1, 20, steps[0] - 2, steps[0] - 1):
        whole = cut == steps[0] - 1  # the last step is a flush, behind the last byte
        world, boot = _world(other={})
        ended = []

        async def again(world, boot=boot, cut=cut, whole=whole, ended=ended):
            await world.settled()
            boot.script = [(4, (), None)] + _SECOND + FINISH
            world.flash.left = cut
            world.flash.on_cut = lambda: world.record("flash", "cut", {})
            world.peer.trigger(path="/1/0/9")
            await world.saw("flash", "cut")
            await world.power_cut()
            world.flash.left = None
            boot.silent = True
            world.power_on()
            await world.saw("other" if whole else "server", "register")
            await world.settled()
            ended.append(True)

        world.play(again)
        assert ended


def test_factory_reset():
    """Device resource 5: the record is gone, and the board asks its bootstrap server again."""
    world, boot = _world()

    async def play(world):
        await world.settled()
        assert _accounts(world) == 1
        world.peer.execute("/3/0/5")
        world.peer.trigger()
        await world.saw("bootstrap", "request")
        await world.saw("server", "register")
        await world.settled()
        assert len(world.all("bootstrap", "request")) == 2

    world.play(play)


def test_commands():
    """Requirement, console: a person may have the board bootstrapped, or reset."""
    world, boot = _world()

    async def play(world):
        await world.settled()
        world.command(do="bootstrap")
        await world.saw("device", "ok", do="bootstrap")
        await world.saw("bootstrap", "request")
        await world.settled()
        world.command(do="factory_reset")
        await world.saw("device", "ok", do="factory_reset")
        await world.saw("device", "bootstrap_wanted", reason="first")
        await world.settled()
        assert len(world.all("bootstrap", "request")) == 3

    world.play(play)


def test_factory_reset_of_a_flash_that_is_read_only():
    """Requirement, flash: what cannot be removed is answered 5.00, and the board works on."""
    world, boot = _world()

    async def play(world):
        await world.settled()
        flash = world.flash
        step = flash.step

        def refuse():
            raise OSError(30)

        flash.step = refuse
        world.peer.ask("reset", world.peer.request(POST, "/3/0/5"))
        world.peer.trigger()
        await world.saw("server", "answer", name="reset", code="5.00")
        world.command(do="factory_reset")
        assert "30" in (await world.saw("device", "error", do="factory_reset"))["reason"]
        await world.sleeping()
        assert world.all("device", "booted")[-1]["cause"] == "deep_sleep"
        flash.step = step
        world.command(do="factory_reset")
        await world.saw("device", "ok", do="factory_reset")
        await world.saw("device", "bootstrap_wanted", reason="first")

    world.play(play)


def test_another_site_configuration_begins_anew():
    """Requirement, factory: a board that is given another configuration forgets the account."""
    world, boot = _world()

    async def play(world):
        await world.settled()
        assert any(world.flash.files.values())
        world._site = world._site.replace(
            '"uri": "%s"' % URI, '"hold_off_s": 5, "uri": "%s"' % URI
        )
        await world.power_cut()
        world.power_on()
        await world.saw("device", "bootstrap_wanted", reason="first", hold_off_s=5)
        await world.settled()

    world.play(play)


def test_purged_account():
    """TS 1.1 Core 6.1.3.3: the bootstrap server is forgotten after its time-out, for good."""
    world, boot = _world(bootstrap={"account_timeout_s": _DAY_S})

    async def play(world):
        await world.settled()
        await world.saw("device", "bootstrap_account_purged", 2 * _DAY_S)
        await world.sleeping()
        await world.power_cut()
        world.power_on()
        await world.saw("server", "register")
        await world.settled()
        since = world.mark()
        world.peer.trigger(path="/1/0/9")
        await world.saw("device", "drop", reason="sms_no_bootstrap")
        assert not world.all("bootstrap", "request", since)

    world.play(play)


def test_no_bootstrap_server_none_of_its_modules():
    """Requirement, memory: a board without a bootstrap server loads nothing of it."""
    import sys

    loaded = [
        "lwm2m.bootstrap",
        "lwm2m.bootstrap_operations",
        "lwm2m.provision",
        "node.accounts",
    ]
    for name in loaded:
        sys.modules.pop(name, None)

    async def play(world):
        await world.settled()
        assert not [name for name in loaded if name in sys.modules]

    World().play(play)


def test_a_server_triggers_by_udp():
    """int-5: Execute of /1/0/9 is answered before the Bootstrap-Request leaves."""
    world, boot = _world()

    async def play(world):
        await world.settled()
        world.peer.ask("bootstrap", world.peer.request(POST, "/1/0/9"))
        world.peer.trigger()
        await world.saw("server", "answer", name="bootstrap", code="2.04")
        await world.saw("bootstrap", "request")
        await world.settled()

    world.play(play)


def test_an_account_that_leads_nowhere():
    """Requirement, no visit: a bootstrap to servers that are not there is undone by the first."""
    nowhere = "coap://192.0.2.99:5683"
    wrong = [(PUT, (0, 0), security(nowhere, None, True))] + account(nowhere)
    world, boot = _world(wrong)

    async def play(world):
        await world.saw("device", "bootstrapped")
        boot.script = [(PUT, (0, 0), security(URI, None, True))] + _FIRST + FINISH
        await world.saw("bootstrap", "request", limit_s=4 * _DAY_S)
        await world.saw("server", "register")
        await world.settled()

    world.play(play)


def test_a_network_that_loses_and_doubles():
    """RFC 7252 4.2: a third of all datagrams is lost, some come twice or late; it ends well."""
    for seed in (1, 2, 3, 4):
        world, boot = _world(seed=seed)
        world.network.loss_permille = 300
        world.network.duplicate_permille = 200
        world.network.jitter_ms = 3_000

        async def play(world):
            await world.saw("device", "bootstrapped", limit_s=_DAY_S)
            await world.saw("device", "registered", limit_s=_DAY_S)
            assert _accounts(world) == 1
            answers = [facts["code"] for facts in world.all("bootstrap", "answer")]
            assert not [code for code in answers if code[:1] in "45"], answers

        world.play(play)


def test_a_battery_that_comes_off_at_any_time():
    """Requirement, power cut: at any moment, again and again; one account or the other."""
    for seed in (1, 2, 3):
        world, boot = _world(other={}, seed=seed)

        async def play(world, boot=boot):
            await world.settled()
            for turn in range(8):
                boot.script = [(4, (0,), None), (4, (1,), None)]
                boot.script += (_FIRST if turn % 2 else _SECOND) + FINISH
                for peer in (world.peer, world.other):
                    peer.trigger(path="/1/0/9")
                await world.sleep(world.random_bits(14) / 1000)
                await world.power_cut()
                world.mark()
                world.power_on()
                await world.saw("device", "registered", 2 * _HOUR_S)
                assert len(world.node.client.accounts) == 1
                await world.sleeping()
            assert len(world.all("device", "bootstrapped")) > 3
            assert not world.all("device", "error")

        world.play(play)
