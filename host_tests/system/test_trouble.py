"""What goes wrong around a board: no network, no SIM, modems that restart, lost power, noise."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_BOTH = ("sim800", "sim7000")


async def served(world, limit_s=900):
    """A trigger is obeyed and a read is served: all is well again."""
    world.peer.answers.clear()
    world.mark()
    world.peer.read("/3303/0/5700")
    world.peer.trigger()
    await world.saw("server", "answer", limit_s, payload=b"21.5")
    await world.sleeping()


def test_no_network_at_first():
    """DESIGN §6: no network is said and tried again, later each time; then all is well."""

    async def play(world):
        world.modem.set_fault("registration", 2)
        await world.sleep(3 * _HOUR_S)
        errors = world.times("device", "error")
        assert 5 <= len(errors) <= 20, errors
        reason = world.all("device", "error")[0]["reason"]
        assert "not registered" in reason and "searching" in reason, reason
        pauses = [error["again_ms"] for error in world.all("device", "error")]
        assert pauses == sorted(pauses) and pauses[-1] == 900_000, pauses
        # The modem is off between the attempts, because a search in vain empties the battery.
        assert world.modem.state == "off" or world.modem.radio.stat == 2
        world.modem.set_fault("registration", None)
        await world.saw("server", "register", 1200)
        await world.sleeping()
        await served(world)
        assert world.boots == 2

    for link in _BOTH:
        World(link).play(play)


def test_no_memory_for_a_request():
    """DESIGN §6: a request that meets a full heap is counted, and served when it comes again."""

    async def play(world):
        await world.sleeping()
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("device", "trigger", 30)
        client = world.node.client
        receive = client.receive
        lost = []

        def full(data, peer, link, now):
            if 0 < data[1] < 0x20 and len(lost) < 2:
                lost.append(data)
                raise MemoryError("memory allocation failed")
            return receive(data, peer, link, now)

        client.receive = full
        await world.saw("device", "drop", 60, reason="no_memory")
        await world.saw("server", "answer", 120, payload=b"21.5")
        assert client.dropped["no_memory"] == 2 and not world.all("device", "error")

    for link in _BOTH:
        World(link).play(play)


def test_sim_absent_then_put_in():
    """DESIGN §6: a missing SIM is named; put in, the board registers without another hand."""

    async def play(world):
        world.modem.set_fault("sim", "absent")
        await world.saw("device", "error")
        assert "SIM: not inserted" in world.all("device", "error")[0]["reason"]
        await world.sleep(_HOUR_S)
        assert 3 <= len(world.all("device", "error")) <= 12
        # The chip rests with its modem: what awaits a SIM for days must not run at 40 mA.
        assert world.light_ms > 2_700_000 and world.boots == 1, world.light_ms
        world.modem.set_fault("sim", "ready")
        await world.saw("server", "register", 1000)
        await world.sleeping()
        await served(world)

    for link in _BOTH:
        World(link).play(play)


def test_modem_reset_while_asleep():
    """CR 6.1: a modem that restarted behind the sleeping board is set up again."""

    async def play(world):
        await world.settled()
        await world.sleep(600)
        world.modem.set_fault("reset")
        await world.sleep(600)
        assert not world.running
        await served(world)
        await served(world)

    for link in _BOTH:
        World(link).play(play)


def test_modem_without_power_for_a_while():
    """CR 6.1: RI falls with the modem's supply; the board brings it back and can be triggered."""

    async def play(world):
        await world.settled()
        world.modem.set_fault("power_cut")
        await world.saw("device", "booted", woken="pin")
        await world.sleep(600)
        assert world.modem.state == "on" and not world.running
        await served(world)

    for link in _BOTH:
        World(link).play(play)


def test_context_lost_while_awake():
    """AT manual (CIP) (+PDP: DEACT): the Update goes out from a new context."""

    async def play(world):
        await world.saw("device", "registered")
        await world.sleep(5)
        world.modem.set_fault("pdp_deact")
        await world.saw("device", "detached")
        await world.sleeping()
        since = world.mark()
        await served(world)
        assert len(world.all("server", "update", since)) == 1

    for link in _BOTH:
        World(link).play(play)


def test_context_lost_before_an_answer():
    """AT manual (CIP) (+PDP: DEACT): a context that goes with a request in it."""

    async def play(world):
        await world.settled()
        world.peer.read("/3303/0/5700")
        world.peer.trigger()
        await world.saw("server", "update")
        world.modem.set_fault("pdp_deact")
        await world.saw("server", "answer", 1800, payload=b"21.5")
        await world.sleeping()

    for link in _BOTH:
        World(link).play(play)


def test_noise_on_the_uart():
    """TS 27.005 §3: noise between and within lines costs neither a registration nor a trigger."""

    async def play(world):
        noise = b"\x00\xff\r\n+CMTI\r\n> \r\n+RECEIVE,9,\r\n\xfe" + bytes(range(256))
        for _ in range(20):
            world.modem.set_fault("garbage", noise[: 3 + world.random_bits(8)])
            await world.sleep(2)
        await world.saw("device", "registered", 900)
        for _ in range(20):
            world.modem.set_fault("garbage", noise[: 3 + world.random_bits(8)])
            await world.sleep(1)
        await world.sleeping()
        world.modem.set_fault("garbage", noise * 20)  # more than the UART's buffer takes
        await served(world)
        world.modem.set_fault("garbage", noise)
        await served(world)

    for link in _BOTH:
        World(link).play(play)


def test_power_cut():
    """TS 1.0 5.3.1: after a power cut the board registers anew, and replaces the old."""

    async def play(world):
        await world.settled()
        await world.power_cut()
        await world.sleep(3600)
        assert not world.running
        world.power_on()
        await world.saw("device", "booted", cause="power_on", clean=True)
        await world.saw("server", "register")
        await world.sleeping()
        assert len(world.peer.registrations) == 1
        await served(world)
        # And in the middle of its work.
        world.peer.trigger()
        await world.saw("device", "updating")
        await world.power_cut()
        world.power_on()
        await world.saw("server", "register")
        await world.sleeping()
        await served(world)

    for link in _BOTH:
        World(link).play(play)


def test_damaged_memory():
    """DESIGN §3: RTC memory that is not what was written counts as none."""

    async def play(world):
        await world.settled()
        kept = world.memory
        at = 11 + world.random_bits(6)
        world.memory = kept[:at] + bytes((kept[at] ^ 4,)) + kept[at + 1 :]
        world.peer.trigger()
        await world.saw("device", "booted", cause="deep_sleep", clean=True)
        await world.saw("server", "register")
        await world.sleeping()
        await served(world)

    World().play(play)


def test_lossy_network():
    """RFC 7252 §4.2: with a tenth of the datagrams lost and doubled, each job is done."""

    async def play(world):
        world.network.loss_permille = 100
        world.network.duplicate_permille = 100
        world.network.jitter_ms = 1500
        await world.saw("server", "register")
        await world.sleeping(7200)
        for _ in range(6):
            await served(world, 7200)
        assert len(world.all("server", "register")) <= 3

    for seed in (1, 2, 3):
        World("sim800", seed=seed).play(play)
