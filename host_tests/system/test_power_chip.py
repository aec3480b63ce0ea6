"""How deep the chip sleeps, what may wake it, and what is lost while it does not listen."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_NO_RI = {"ri": None}
_NO_DTR = {"dtr": None}
_NEITHER = {"ri": None, "dtr": None}
_RX_THAT_CANNOT_WAKE = 16


def _every(period_s):
    def setup(node):
        node.every(period_s * 1000, lambda: None)

    return setup


async def _served(world, within_s=20):
    """A trigger at any time is followed by an Update, and the server's question by an answer."""
    since = world.mark()
    world.peer.answers.clear()
    world.peer.read("/3303/0/5700")
    world.peer.trigger()
    await world.saw("device", "trigger", within_s)
    await world.saw("server", "update", 20)
    await world.saw("server", "answer", 20, payload=b"21.5")
    return since


def test_light_sleep_between_triggers():
    """ESP32 machine.lightsleep: the objects stay; what is said meanwhile is looked for."""

    async def play(world):
        await world.saw("device", "registered")
        await world.saw("device", "dozing")
        for pause_s in (60, 3000, 7 * _HOUR_S, 24 * _HOUR_S):
            await world.sleep(pause_s)
            since = await _served(world)
            await world.saw("device", "dozing", 200)
            assert not world.all("device", "modem_reset", since)
            assert world.modem.sms.slots == {}
        assert world.boots == 1 and len(world.all("server", "register")) == 1
        assert world.light_ms > world.awake_ms or world.light_ms > 30 * _HOUR_S * 1000
        assert not world.all("device", "sleeping")

    for pins in (None, _NO_RI, _NO_DTR, _NEITHER):
        for link in ("sim800", "sim7000"):
            World(link, sleep="light", pins=pins).play(play)


def test_light_sleep_hears_no_server():
    """TS 1.1 Core 8.3: outside its awake time a board in Queue Mode is not there."""

    async def play(world):
        await world.saw("device", "registered")
        for _ in range(5):
            await world.sleep(_HOUR_S)
            world.peer.read("/3303/0/5700")
            world.peer.ask_now()
        await world.sleep(_HOUR_S)
        await _served(world)
        assert world.boots == 1

    World(sleep="light", nat_timeout_s=100_000).play(play)


def test_short_waits_are_not_worth_a_boot():
    """WROOM-32 manual table 5: a wait below the break-even is slept lightly, above it deeply."""

    async def play(world):
        await world.saw("device", "registered")
        await world.saw("device", "asleep", 200)
        since = world.mark()
        await world.sleep(600)
        assert world.boots == 1 and not world.all("device", "sleeping")
        told = world.all("device", "dozing", since)
        assert 25 <= len(told) <= 35 and all([facts["ms"] <= 20_000 for facts in told])
        await _served(world)

    World(setup=_every(20)).play(play)

    async def play_deep(world):
        await world.settled()
        since = world.mark()
        await world.sleep(600)
        assert 9 <= len(world.all("device", "booted", since, woken="timer")) <= 11

    World(setup=_every(60)).play(play_deep)


def test_no_record_no_deep_sleep():
    """ESP32 RTC memory: a state of more than 2048 bytes is kept awake, in light sleep."""

    def setup(node):
        node.every(600_000, lambda: None)
        from lwm2m.objects.ipso import Temperature

        for instance in range(20, 90):
            node.add(Temperature(units="Cel"), instance)
        node.bearer.freeze = lambda: [b"x" * 2100]

    async def play(world):
        await world.saw("device", "registered")
        await world.saw("device", "dozing", 300)
        await world.sleep(_HOUR_S)
        assert world.boots == 1 and world.light_ms > 3_000_000
        await _served(world)

    World(setup=setup).play(play)


def test_the_watchdog_is_fed_in_light_sleep():
    """ESP32 machine.WDT: whether it counts in light sleep or not, it is fed in time."""

    async def play(world):
        await world.saw("device", "registered")
        await world.sleep(5 * _HOUR_S)
        assert world.boots == 1

    World(sleep="light", watchdog_s=100).play(play)


def test_the_timer_alone():
    """ESP32 esp32.wake_on_ext0: where no pin can wake, messages are looked for by the timer."""

    async def play(world):
        world.board.UART = dict(world.board.UART, rx=_RX_THAT_CANNOT_WAKE)
        await world.settled()
        assert world.all("device", "modem_wakes_nobody") == [{"sms_check_s": 900}]
        assert world.all("device", "sleeping")[-1]["pin"] is None
        for pause_s in (100, 1000, 5000):
            await world.sleep(pause_s)
            await _served(world, 960)
            await world.sleeping()
        assert not world.all("device", "error")

    modem = {"apn": "iot.example", "sms_check_s": 900}
    World(modem=modem, pins=_NO_RI).play(play)


def test_the_timer_of_an_update():
    """ESP32 esp32.wake_on_ext0: without a time to look, a trigger waits for what is due anyway."""

    async def play(world):
        world.board.UART = dict(world.board.UART, rx=_RX_THAT_CANNOT_WAKE)
        await world.settled()
        assert world.all("device", "modem_wakes_nobody") == [{"sms_check_s": None}]
        await world.sleep(100)
        since = world.mark()
        world.peer.trigger()
        await world.saw("device", "booted", 2 * _HOUR_S, woken="timer")
        await world.saw("device", "sms", 20)
        await world.sleeping()
        assert world.modem.sms.slots == {}
        assert len(world.all("device", "booted", since)) == 1

    World(server={"lifetime_s": 7200}, pins=_NO_RI).play(play)


def test_ri_that_stays_low():
    """HW800L RI: a line that stays low ends no sleep; once it is high it wakes again."""

    async def play(world):
        await world.settled()
        world.modem.set_fault("ri", "low")
        await world.saw("device", "booted", 30, woken="pin")
        await world.sleeping()
        assert world.all("device", "sleeping")[-1]["pin"] is None
        boots = world.boots
        await world.sleep(_HOUR_S)
        assert world.boots == boots
        world.modem.set_fault("ri", None)
        await world.saw("device", "booted", 24 * _HOUR_S, woken="timer")
        await world.sleeping()
        assert world.all("device", "sleeping")[-1]["pin"] == 33
        await _served(world)
        await world.sleeping()

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_ri_low_for_a_message_only():
    """HW800L RI: the pulse of a message that comes while the board falls asleep is waited for."""

    async def play(world):
        await world.settled()
        for offset_ms in range(-400, 400, 50):
            await world.sleep(_HOUR_S)
            since = await _served(world)
            # The board falls asleep 90 s after the last message; RI goes low when this is stored.
            way_ms = world.network.sms.latency_ms + world.modem.profile.sms_store_ms
            world.timers.call_later(90_000 - way_ms + offset_ms, world.peer.trigger)
            await world.saw("device", "trigger", 120)
            await world.sleeping()
            await world.sleep(200)
            assert not world.running and world.modem.sms.slots == {}, offset_ms
            assert not world.all("device", "error", since), offset_ms

    World().play(play)
