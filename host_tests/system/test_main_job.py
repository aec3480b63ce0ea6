"""The main job: a text message wakes a sleeping board, and what waits for it is served."""

from system.world import SERVER_NUMBER, World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640


async def _main_job(world, **trigger):
    """Register, sleep, be triggered, update, answer one after the other; return the ms awake."""
    peer = world.peer
    await world.settled()
    public = world.all("server", "register")[0]["address"]
    await world.sleep(120)
    assert world.all("network", "nat_expired") and world.modem.power.asleep
    peer.read("/3303/0/5700")
    peer.read("/3/0/0")
    peer.ask_now()
    await world.saw("network", "nat_drop", reason="expired")
    await world.saw("server", "unanswered")
    assert not world.running and peer.answers == {}
    woken_ms, since = world.awake_ms, world.mark()
    peer.trigger(**trigger)
    await world.saw("device", "booted", cause="deep_sleep", woken="pin", clean=False)
    await world.saw("device", "sms", **{"from": SERVER_NUMBER[1:]})
    await world.saw("device", "trigger", server=1)
    await world.saw("device", "updating", reason="trigger")
    update = await world.saw("server", "update")
    assert update["confirmable"] and update["query"] == [] and update["payload"] == "", update
    assert update["address"] != public and update["path"] == "rd/0001", update
    await world.saw("server", "ask", name="/3303/0/5700", to=update["address"])
    await world.saw("server", "answer", name="/3303/0/5700", code="2.05", payload=b"21.5")
    await world.saw("server", "ask", name="/3/0/0", to=update["address"])
    await world.saw("server", "answer", name="/3/0/0", code="2.05", payload=b"Nudge")
    await world.saw("device", "asleep")
    await world.sleeping()
    assert not world.running and world.modem.power.asleep
    assert world.boots == 2 and len(world.all("server", "register")) == 1
    assert len(world.all("server", "update")) == 1
    assert world.modem.sms.slots == {}, "the message is still on the SIM"
    assert not world.all("device", "error") and not world.all("device", "drop", since)
    return world.awake_ms - woken_ms


async def _silent(world, **trigger):
    """The main job as 1.1 has it: nothing is sent by SMS."""
    awake_ms = await _main_job(world, **trigger)
    assert world.network.sms.counters["submitted"] == 0 and world.peer.sms == []
    assert 90_000 <= awake_ms <= 96_000, awake_ms  # MAX_TRANSMIT_WAIT of the link


async def _answered(world, **trigger):
    """The main job as the draft and 1.0 have it: the trigger's response goes by SMS."""
    await _main_job(world, **trigger)
    await world.until(lambda: world.peer.sms, what="the answer by SMS")
    await world.sleep(60)
    assert len(world.peer.sms) == 1 and world.network.sms.counters["submitted"] == 1
    answer = world.peer.sms[0]
    # Version 1, ACK, token length 4; 2.04 Changed; the token of the request.
    assert answer[0] == 0x64 and answer[1] == 0x44 and answer[4:7] == b"\xc0\xff\xee", answer


def test_sim7000_1_1():
    """CR 6.1 Figure 5, TS 1.1 T 6.6, int-104, int-108, int-109: WAP Push, Confirmable."""
    World("sim7000", "1.1").play(lambda world: _silent(world, wap=True))


def test_sim800_1_1():
    """CR 6.1 Figure 5, TS 1.1 T 6.6: bare CoAP, Non-confirmable, class 1."""
    World("sim800", "1.1").play(lambda world: _silent(world, confirmable=False, dcs=0xF5))


def test_sim7000_1_0():
    """TS 1.0 Table 8 (UQS): the immediate response goes by SMS, the Update by UDP."""
    World("sim7000", "1.0", server={"binding": "US"}).play(
        lambda world: _answered(world, wap=True)
    )


def test_sim800_1_0():
    """TS 1.0 Table 8 (UQS): on the other modem, bare CoAP."""
    World("sim800", "1.0", server={"binding": "US"}).play(_answered)


def test_sim7000_draft():
    """CR 6.1, CR Table 3 row 4: Update by PUT, the response to the trigger by SMS."""
    World("sim7000", "draft").play(_answered)


def test_sim800_draft():
    """CR 6.1, CR Table 3 row 4: on the other modem, by WAP Push."""
    World("sim800", "draft").play(lambda world: _answered(world, wap=True, dcs=0xF5))


def test_registration_of_each_version():
    """CR 5.2.1 Table 2, TS 1.0 5.3.1, TS 1.1 6.2.1: the parameters of Register by version."""

    async def play(world):
        await world.settled()
        expected = {
            "draft": ["ep=probe-1", "lt=86400", "q", "sms=4790000001"],
            "1.0": ["ep=probe-1", "lt=86400", "lwm2m=1.0", "b=UQS", "sms=4790000001"],
            "1.1": ["ep=probe-1", "lt=86400", "lwm2m=1.1", "b=US", "Q", "sms=4790000001"],
        }[world.peer.version.name]
        register = world.all("server", "register")[0]
        assert register["query"] == expected, register
        links = register["payload"]
        assert "</3303/0>" in links and "</0" not in links and "</3/0>" in links, links

    for version in ("draft", "1.0", "1.1"):
        World("sim7000", version, server={"binding": "US"}).play(play)
