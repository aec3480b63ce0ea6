"""Text messages of every kind to a sleeping board: what wakes it, what it obeys, what it says."""

from coap import registry as codes
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_STRANGER = "+4799999999"
# facts of TS 23.040 §9.2.3.24: a WAP Push with the trigger in two parts, by 00 03 37 02 and 05 04.
_PARTS = (
    "0791447700090000440C91447700091032000462112290000000160B00033702"
    "0105040B84C002010603C4AF9A44020001",
    "0791447700090000440C91447700091032000462112290000000160B00033702"
    "0205040B84C002C0FFEE01B13101300138",
)


def _bytes(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


async def _asleep_again(world, seconds=30):
    """Let a message come, and see the board back in deep sleep."""
    await world.saw("network", "sms_deliver", 60)
    await world.sleep(seconds)
    assert not world.running, "still awake after %d s" % seconds
    assert world.modem.power.asleep and world.modem.sms.slots == {}


async def _nothing_said(world, since):
    """Since the mark the board sent nothing, on neither transport."""
    assert not world.all("network", "udp_up", since), world.events[since:]
    assert world.network.sms.counters["submitted"] == 0


def test_many_waiting_triggers_one_update():
    """TS 1.1 T 6.6: a backlog of triggers causes one Update."""

    async def play(world):
        await world.settled()
        await world.sleep(600)
        for index in range(12):
            world.peer.trigger(wap=index & 1, confirmable=index & 2)
        since = world.mark()
        await world.sleeping()
        await world.sleep(600)
        assert len(world.all("server", "update", since)) == 1
        assert world.boots == 2 and world.modem.sms.slots == {}
        assert len(world.all("device", "sms", since)) == 12
        assert len(world.all("device", "trigger", since)) == 1
        assert len(world.all("device", "drop", since, reason="sms_trigger_pending")) == 11
        assert world.network.sms.counters["submitted"] == 0

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_backlog_that_came_while_the_modem_was_off():
    """TS 1.1 T 6.6: what the SMS centre held is one Update more, after the registration."""

    async def play(world):
        for _ in range(5):
            world.peer.trigger()
        await world.settled()
        await world.sleep(300)
        assert len(world.all("device", "sms")) == 5 and world.modem.sms.slots == {}
        assert len(world.all("server", "register")) == 1
        assert len(world.all("server", "update")) <= 1
        assert not world.running

    World().play(play)


def test_nothing_but_the_trigger_of_a_known_server_is_obeyed():
    """TS 1.1 T 5.3 and 6.6: unknown numbers and other contents are dropped in silence."""

    async def play(world):
        peer = world.peer
        await world.settled()
        await world.sleep(100)
        for message, reason in (
            ({"sender": _STRANGER}, "sms_unknown_sender"),
            ({"sender": "447700900123456"}, "sms_unknown_sender"),
            ({"path": "/3/0/4"}, "sms_not_trigger"),  # a reboot
            ({"path": "/1/0/4"}, "sms_not_trigger"),  # Disable
            ({"path": "/1/0/8", "code": codes.GET}, "sms_not_trigger"),
            ({"path": "/1/7/8"}, "sms_other_server"),
            ({"path": "/3303/0/5700", "code": codes.GET, "confirmable": False}, "sms_not_trigger"),
        ):
            since = world.mark()
            boots = world.boots
            peer.trigger(**message)
            await _asleep_again(world)
            assert world.boots == boots + 1
            reasons = [each["reason"] for each in world.all("device", "drop", since)]
            assert reasons == [reason], (message, reasons)
            await _nothing_said(world, since)
        assert len(world.all("server", "register")) == 1 and not world.all("server", "update")

    World("sim7000").play(play)


def test_noise_by_sms():
    """TS 1.1 T 6.8: text, wrong alphabets, broken CoAP and names as senders: silence."""

    async def play(world):
        peer = world.peer
        await world.settled()
        await world.sleep(100)
        trigger = b"\x40\x02\x00\x01\xb1\x31\x01\x30\x01\x38"
        for data, sender, dcs, reason in (
            (b"hello", None, 0, "not_8bit"),
            (trigger, "ACME", 4, "no_number"),
            (b"\x49\x02\x00\x01" + bytes(9), None, 4, "sms_malformed"),
            (b"\xff" * 140, None, 4, "sms_malformed"),
            (trigger[:-1], None, 4, "sms_malformed"),
            (b"\x00", None, 4, "malformed"),
        ):
            since = world.mark()
            peer.text(data, sender, dcs)
            await _asleep_again(world)
            reasons = [each["reason"] for each in world.all("device", "drop", since)]
            assert reasons == [reason], (data, reasons)
            await _nothing_said(world, since)
        # Not even a PDU.
        since = world.mark()
        world.network.sms.deliver_pdu(peer.client_number, b"\x07\x91\x44")
        await _asleep_again(world)
        await _nothing_said(world, since)
        assert not world.all("device", "error")

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_trigger_switched_off():
    """TS 1.1 C.2 resource 21: without it the trigger over SMS is not obeyed."""

    async def play(world):
        await world.settled()
        since = world.mark()
        world.peer.trigger()
        await _asleep_again(world)
        assert world.all("device", "drop", since, reason="sms_trigger_off")
        await _nothing_said(world, since)

    World(server={"sms_trigger": False}).play(play)


def test_parts_in_any_order():
    """TS 23.040 §9.2.3.24.1: the second part first; the wait for the other is slept through."""

    async def play(world):
        await world.settled()
        sms = world.network.sms
        sms.deliver_pdu(world.peer.client_number, _bytes(_PARTS[1]))
        await world.saw("device", "booted", woken="pin")
        await world.sleep(240)
        assert not world.running, "awake for a part that does not come"
        since = world.mark()
        sms.deliver_pdu(world.peer.client_number, _bytes(_PARTS[0]))
        await world.saw("device", "trigger")
        await world.saw("server", "update")
        await world.sleeping()
        assert len(world.all("server", "update", since)) == 1 and world.modem.sms.slots == {}

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_a_part_alone_is_given_up():
    """TS 23.040 §9.2.3.24.1: a part whose other never comes leaves the SIM in the end."""

    async def play(world):
        await world.settled()
        sms = world.network.sms
        sms.deliver_pdu(world.peer.client_number, _bytes(_PARTS[0]))
        await world.sleep(7200)
        world.peer.trigger()
        await world.saw("server", "update")
        await world.sleeping()
        assert world.modem.sms.slots == {}
        assert world.all("device", "drop", reason="incomplete")

    World().play(play)


def test_rate_limit():
    """TS 1.1 T 5.3: a flood of triggers costs at most so many Updates an hour."""

    async def play(world):
        await world.settled()
        since = world.mark()
        for _ in range(12):
            world.peer.trigger()
            await world.sleep(200)
        assert not world.running
        assert len(world.all("server", "update", since)) == 4
        assert len(world.all("device", "drop", since, reason="sms_rate_limit")) == 8
        await world.sleep(3600)
        world.mark()
        world.peer.trigger()
        await world.saw("device", "trigger")
        await world.sleeping()
        assert len(world.all("server", "update", since)) == 5

    World(server={"triggers_per_hour": 4}).play(play)


def test_full_storage():
    """TS 27.005 §3: a SIM full of old messages is emptied at the start, what waited comes in."""

    async def play(world):
        sms = world.modem.sms
        old = _bytes("0791447700090000040C914477009999990000621122900000000548656C6C6F")
        for index in range(1, sms.capacity + 1):
            sms.slots[index] = [index & 1, old]
        await world.settled()
        assert sms.slots == {}
        # Full again while the board sleeps: the next that comes in wakes it.
        for index in range(1, sms.capacity):
            sms.slots[index] = [0, old]
        world.peer.trigger()
        world.peer.trigger()
        since = world.mark()
        await world.saw("server", "update")
        await world.sleeping()
        await world.sleep(7200)
        assert sms.slots == {} and not world.running
        assert world.network.sms.waiting(world.peer.client_number) == 0
        assert world.all("server", "update", since)

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_direct_messages():
    """TS 27.005 §3.4.1: a modem that is told to hand messages past the SIM (+CMT)."""

    async def play(world):
        await world.saw("device", "asleep")
        await world.sleep(600)
        world.peer.trigger()
        await world.saw("server", "update", 60)

    # Not with deep sleep: the PDU has gone out before the chip has started.
    World(sleep="idle", modem={"apn": "iot.example", "sms_storing": False}).play(play)


def test_trigger_at_any_moment_around_sleep():
    """TS 1.1 T 6.6: a trigger that comes while the board is going to sleep is not lost."""

    async def play(world):
        await world.settled()
        for offset_ms in range(-2400, 1200, 150):
            await world.sleep(3600)
            world.mark()
            world.peer.trigger()
            await world.saw("device", "updated")
            # Asleep 90 s after the last message; the SMS takes 1.8 s to the RI line.
            await world.sleep(90 + offset_ms / 1000)
            updates = len(world.all("server", "update"))
            world.peer.trigger()
            await world.sleep(120)
            assert len(world.all("server", "update")) == updates + 1, offset_ms
            assert not world.running and world.modem.sms.slots == {}, offset_ms

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_noise_at_any_moment_around_sleep():
    """TS 1.1 T 5.3: a stranger's message does not keep a board awake that was going to sleep."""

    async def play(world):
        await world.settled()
        for offset_ms in range(-2400, 1200, 150):
            await world.sleep(3600)
            world.mark()
            world.peer.trigger()
            await world.saw("device", "updated")
            await world.sleep(90 + offset_ms / 1000)
            world.peer.trigger(sender=_STRANGER)
            await world.sleep(20)
            assert not world.running and world.modem.sms.slots == {}, offset_ms

    for link in ("sim800", "sim7000"):
        World(link).play(play)
