"""Between two reports: the modem asleep, in PSM or off, and what each costs to come back from."""

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_REPORT_S = 4 * _HOUR_S
_PATH = "/3303/0/5700"


def _world(idle, server=None, link="sim7000", pins=None, **settings):
    """A board that shows up every four hours and waits for no SMS."""
    modem = {"apn": "iot.example", "network": "nb-iot"}
    if link == "sim800":
        del modem["network"]
    if idle:
        modem["idle"] = idle
    modem.update(settings)
    account = {"lifetime_s": _REPORT_S, "sms_trigger": False, "awake_time_s": 20}
    account.update(server or {})
    return World(link, server=account, modem=modem, pins=pins)


async def _report(world):
    """Sleep until the next Update is at the server; return (ms from the boot, AT commands)."""
    since = world.mark()
    await world.saw("device", "booted", _REPORT_S, woken="timer")
    commands = world.modem.counters["commands"]
    await world.saw("server", "update", 60)
    commands = world.modem.counters["commands"] - commands
    taken_ms = (
        world.times("server", "update", since)[-1] - world.times("device", "booted", since)[0]
    )
    await world.sleeping()
    assert len(world.all("device", "booted", since)) == 1
    return taken_ms, commands


async def _days(world, most_ms, most_commands, asleep):
    await world.settled()
    began = world.mark()
    for _ in range(12):
        await world.sleep(900)
        assert not world.running and asleep(world.modem)
        taken_ms, commands = await _report(world)
        assert taken_ms <= most_ms and commands <= most_commands, (taken_ms, commands)
    assert len(world.all("server", "register")) == 1
    for name in ("error", "modem_recovering", "modem_reset", "register_failed"):
        assert not world.all("device", name, began), name


def test_asleep_for_days():
    """HW7000 sleep: the context stays, and an Update goes out at once."""
    for link in ("sim800", "sim7000", "sim7080"):
        world = _world(None, link=link)
        world.play(lambda world: _days(world, 1400, 4, lambda modem: modem.power.asleep))


def test_psm_for_days():
    """LPM7080: the modem goes off by itself; its key brings it back, its registration holds, and
    an Update tells the new address.
    """

    async def play(world):
        await _days(world, 13_000, 36, lambda modem: modem.psm.resting)
        told = world.all("device", "modem_power_saving")
        assert told == [{"psm_tau_s": 86400, "psm_active_s": 60, "edrx_s": None}]
        # RI is low with the modem's supply: it must not end a sleep.
        assert not any([facts["pin"] for facts in world.all("device", "sleeping")])

    for link, pins in (("sim7000", None), ("sim7080", None), ("sim7000", {"dtr": None})):
        _world("psm", link=link, pins=pins, psm_active_s=60, psm_tau_s=86400).play(play)


def test_off_for_days():
    """HW7000 AT+CPOWD: off between two reports, with the registration at the server kept."""

    async def play(world):
        await _days(world, 17_100, 40, lambda modem: modem.state == "off")
        assert not (world.modem.psm and world.modem.psm.resting)

    for link in ("sim800", "sim7000", "sim7080"):
        _world("off", link=link).play(play)


def test_a_notification_out_of_psm():
    """TS 1.1 Core 8.3: the Update from the new address goes before what the server observes."""

    async def play(world):
        world.peer.observe(_PATH)
        await world.saw("server", "answer", name="observe " + _PATH)
        await world.sleeping()
        for value in (25, 29.5, 22):
            await world.sleep(_HOUR_S)
            assert world.modem.psm.resting
            since = world.mark()
            world.command(do="set", path=_PATH, value=value)
            update = await world.saw("server", "update", 30)
            told = await world.saw("server", "notification", 10)
            assert float(told["payload"]) == value
            assert told.get("address", update["address"]) == update["address"]
            await world.sleeping()
            assert len(world.all("server", "notification", since)) == 1
        assert len(world.all("server", "register")) == 1

    _world("psm", psm_active_s=60).play(play)


def test_psm_that_the_network_refuses():
    """LPM7080: an active time of 0 is a refusal; the modem just sleeps, told once."""

    async def play(world):
        world.modem.psm.active = "00000000"
        await _days(world, 1400, 4, lambda modem: modem.power.asleep)
        told = world.all("device", "modem_power_saving")
        assert told == [{"psm_tau_s": None, "psm_active_s": None, "edrx_s": None}]
        assert len(world.all("modem", "modem_boot")) == 2  # asked for again by a restart

    _world("psm", psm_active_s=60).play(play)


def test_psm_of_an_earlier_configuration():
    """AT7000 AT+CPSMS: it is kept in the modem, and one in PSM would miss every trigger."""

    async def play(world):
        world.modem.saved["+CPSMS"] = (1, "10100010", "00000101")
        world.modem.saved["+CEDRXS"] = (1, 5, "1111")
        await world.settled()
        await world.sleep(900)
        assert world.modem.power.asleep and not world.all("modem", "modem_psm")
        world.peer.trigger()
        await world.saw("device", "trigger", 10)
        await world.sleeping()

    _world(None, {"sms_trigger": True}).play(play)


def test_psm_lost_with_the_supply():
    """LPM7080: a modem that lost its supply in PSM is registered anew, and the board with it."""

    async def play(world):
        await world.settled()
        await world.sleep(900)
        assert world.modem.psm.resting
        world.modem.supply(False)
        world.modem.supply(True)
        taken_ms, _ = await _report(world)
        assert taken_ms < 25_000
        assert len(world.all("server", "register")) == 1

    _world("psm", psm_active_s=60).play(play)


def test_off_with_an_application():
    """HW7000 AT+CPOWD: a wait too short for it leaves the modem on; samples need none."""

    def setup(node):
        node.every(600_000, lambda: None)

    async def play(world):
        await world.settled()
        assert world.modem.power.asleep  # ten minutes are not worth a start
        commands = world.modem.counters["commands"]
        await world.sleep(_HOUR_S)
        assert world.modem.counters["commands"] == commands
        assert len(world.all("device", "booted", woken="timer")) == 6

    modem = {"apn": "iot.example", "idle": "off"}
    server = {"sms_trigger": False, "awake_time_s": 20}
    World("sim7000", server=server, modem=modem, setup=setup).play(play)


def test_edrx_makes_a_trigger_late():
    """AT7000 AT+CEDRXS: a trigger waits for the modem's next look, not longer."""

    async def play(world):
        await world.settled()
        assert world.all("device", "modem_power_saving")[-1]["edrx_s"] == 81
        late_ms = []
        for pause_s in (333, 444, 555, 666):
            await world.sleep(pause_s)
            since = world.mark()
            world.peer.trigger()
            await world.saw("device", "trigger", 120)
            await world.saw("server", "update", 20)
            late_ms.append(world.times("device", "trigger", since)[0] - world.events[since][0])
            await world.sleeping()
        assert max(late_ms) < 95_000, late_ms

    _world(None, {"sms_trigger": True}, edrx_s=60).play(play)


def test_release_assistance():
    """AT7000 AT+CRAI: 2 before a Confirmable message, which is answered; 1 before an answer."""

    async def play(world):
        said = world.say = []
        line = world.modem.line

        def crai(op, args, handler=line.commands["+CRAI"]):
            said.append(args[0])
            return handler(op, args)

        line.commands["+CRAI"] = crai
        await world.settled()
        assert said == ["2"]  # the Register
        await world.saw("server", "update", _REPORT_S)
        world.peer.read("/3303/0/5700")
        world.peer.ask_now()
        await world.saw("server", "answer", payload=b"21.5")
        await world.sleeping()
        assert said == ["2", "2", "1"]

    _world(None, release_assistance=True).play(play)


def test_release_assistance_that_the_modem_refuses():
    """AT7000 AT+CRAI: old firmware answers ERROR; what has to be sent is sent."""

    async def play(world):
        world.modem.psm.knows_release = False
        await world.settled()
        await world.saw("server", "update", _REPORT_S)
        refused = world.all("device", "modem_refused")
        assert [facts["command"] for facts in refused if "CRAI" in facts["command"]] == [
            "AT+CRAI"
        ] * 2

    _world(None, release_assistance=True).play(play)
