"""What the field does to a modem, on the virtual SIM800 and SIM7000: after each fault a datagram
arrives and a message is heard, in bounded time and without help."""

import asyncio

from modem.info import measure
from shim import virtual_time
from unit.modem.on_virtual import NUMBER, SENDER, SERVER, each

# The virtual modem and its network take the place of hardware.
HEAP_K = 400

COAP = b"\x40\x02\x00\x01"


async def _reachable(bench, limit_s, fault):
    """A datagram of the host arrives, as often as it has to be sent; then a message is heard."""
    start = virtual_time.now_ms()
    before = len(bench.at_server)
    while len(bench.at_server) == before:
        took_s = (virtual_time.now_ms() - start) // 1000
        assert took_s <= limit_s, (fault, took_s, bench.events[-8:])
        bench.udp.send(b"\x40update", SERVER)
        await bench.idle(3600)
        await asyncio.sleep_ms(1500)
    before = [each for each in bench.got if each[0] == "S"]
    bench.network.sms.send(SENDER, NUMBER, COAP)
    # A code that was lost, or a modem that went off, shows in what is sent now and then.
    for i in range(1, 3900):
        await asyncio.sleep_ms(1000)
        if len([each for each in bench.got if each[0] == "S"]) > len(before):
            break
        if i % 100 == 0:
            bench.udp.send(b"\x40update", SERVER)
    else:
        raise AssertionError("%s: no message heard: %s" % (fault, bench.events[-6:]))
    await bench.idle()


def _over(faults, prepare=None):
    """Each of the faults (name, value, further keywords, bound in s), on each kind of modem."""
    for name, value, keywords, limit_s in faults:

        async def play(bench, name=name, value=value, keywords=keywords, limit_s=limit_s):
            await bench.modem.up()
            assert await bench.sent(b"\x40before") == 1
            if prepare:
                await prepare(bench)
            bench.virtual.set_fault(name, value, **keywords)
            await _reachable(bench, limit_s, (name, value, keywords))

        each(play)


def test_faults_at_once():
    """Facts of the field: the context goes, GPRS goes, the modem restarts with and without a word,
    loses its supply, hangs; codes come in floods; the battery sags."""
    _over(
        (
            ("pdp_deact", None, {}, 60),
            ("detach", None, {"ms": 30_000}, 300),
            ("reset", None, {}, 60),
            ("reset", "silent", {}, 120),
            ("power_cut", None, {}, 120),
            ("power_cut", None, {"ms": 20_000}, 180),
            ("brown_out", None, {}, 180),
            ("under_voltage", None, {}, 30),
            ("hang", None, {}, 300),
            ("burst", None, {}, 120),
            ("garbage", bytes(range(256)), {}, 60),
        )
    )


def test_faults_of_the_next_dialogue():
    """AT800, AT7000: answers that are missing, wrong or cut, each twice in a row."""
    names = "error no_answer no_prompt no_data ciicr ciicr_deact shut_deact connect_fail send_fail"

    async def lost(bench):
        bench.virtual.set_fault("pdp_deact")  # so that the whole way is gone again

    for prepare in (None, lost):
        _over([(name, 2, {}, 300) for name in names.split()], prepare)


def test_send_cut_short():
    """AT800 CIPSEND: the modem waits for octets that never come, and swallows what follows; the
    next command fills it up."""
    _over((("cut", 1, {}, 120), ("cut", 6, {}, 120), ("cut", 1, {"after": 3}, 120)))


def test_faults_in_the_midst():
    """AT800 CIPSEND: a restart, a lost context or a power cut between the parts of a dialogue."""
    places = "echo info ok before_prompt prompt data".split()
    _over(
        [("pdp_deact", None, {"at": place}, 120) for place in places]
        + [("reset", None, {"at": place}, 120) for place in places]
        + [("hang", None, {"at": place}, 400) for place in ("prompt", "data")]
    )


def test_octets_lost_and_turned():
    """ESP32 UART overflow, a bad joint: octets vanish either way, or have a wrong bit."""
    _over(
        [("lose_out", count, {"after": after}, 200) for count in (1, 9) for after in (0, 5, 30)]
        + [
            ("lose_in", count, {"after_in": after}, 200)
            for count in (1, 9)
            for after in (0, 3, 16)
        ]
        + [("bit_flips", 5, {"ms": 120_000}, 900)]
    )


def test_forms_of_prompt_and_codes():
    """AT7000: a prompt without its blank, codes twice, codes while the data goes in, slow ones."""
    _over(
        (
            ("prompt", "bare", {}, 30),
            ("codes", "double", {}, 30),
            ("hold_codes", False, {}, 30),
            ("answer_ms", 1500, {"ms": 60_000}, 200),
            ("prompt_ms", 3000, {"ms": 60_000}, 200),
        )
    )


def test_sim_and_network_that_come_back():
    """TS 27.007 §7.2, §8.3: registration lost or denied for a while, with the context gone; and a
    SIM that is busy after a restart."""

    async def lost(bench):
        bench.virtual.set_fault("pdp_deact")

    _over([("registration", status, {"ms": 100_000}, 900) for status in (0, 2, 3, 4, 6)], lost)

    async def restarted(bench):
        bench.virtual.set_fault("reset")

    _over((("sim", "busy", {"ms": 15_000}, 300),), restarted)


def test_host_that_sleeps_through_it():
    """HW800L 4: what happens while the host sleeps deep is found out by the first it does."""
    for name, value in (
        ("pdp_deact", None),
        ("reset", None),
        ("reset", "silent"),
        ("power_cut", None),
        ("hang", None),
        ("storage_full", None),
    ):

        async def play(bench, name=name, value=value):
            await bench.modem.up()
            assert await bench.sent(b"\x40before") == 1
            await bench.modem.sleep()
            record = bench.freeze()
            bench.board()
            bench.virtual.set_fault(name, value)
            await asyncio.sleep_ms(60_000)
            bench.thaw(record)
            if not await bench.modem.resume():
                await bench.modem.up()
            await bench.sms.drain()
            await _reachable(bench, 300, (name, value))

        each(play)


def test_message_announced_and_not_stored():
    """Logs of SIM7000G: `+CMTI: ,-1` for what was stored nowhere: from then on messages are taken
    as they come."""

    async def play(bench):
        await bench.modem.up()
        bench.virtual.set_fault("cmti_lost")
        bench.network.sms.send(SENDER, NUMBER, COAP)
        await asyncio.sleep_ms(20_000)
        await bench.idle()
        assert bench.got == [] and bench.sms.direct
        bench.network.sms.send(SENDER, NUMBER, COAP)
        await asyncio.sleep_ms(20_000)
        assert len(bench.got) == 1

    each(play)


def test_storage_that_others_filled():
    """TS 27.005 §3.2.5 (322): no code tells that the SIM is full; it is empty within the hour."""

    async def play(bench):
        await bench.modem.up()
        bench.virtual.set_fault("storage_full")
        for _ in range(5):
            bench.udp.send(b"\x40report", SERVER)
            await asyncio.sleep_ms(900_000)
        await bench.idle()
        assert (await measure(bench.modem))["sms_used"] == 0

    each(play)


def test_errors_of_sending():
    """TS 27.005 §3.2.5: what comes and goes is sent again after 2 s and 8 s; what would be refused
    again is not; three messages in a row cycle the radio."""

    async def play(bench):
        await bench.modem.up()
        heard = []
        bench.network.sms.listen(SENDER, lambda *message: heard.append(message))
        peer = bench.sms.peer(SENDER)
        for code in (38, 42, 322, 331, 332, 500, 512, 530):
            bench.virtual.set_fault("cms", code)
            bench.sms.send(b"\x60%d" % code, peer)
            await bench.idle()
            assert not bench.sms.dropped, code
        for code in (50, 304, 330, 513):
            bench.virtual.set_fault("cms", code)
            bench.sms.send(b"\x60%d" % code, peer)
            await bench.idle()
        await asyncio.sleep_ms(20_000)
        assert bench.sms.dropped == {"unsent": 4} and len(heard) == 8
        assert bench.modem.recoveries == [0, 0, 0, 1, 0]

    each(play)
