"""Faults of registration, of the SIM and its messages, of the network and its SMS centre."""

import asyncio

from unit.virtual.desk import NUMBER, on_both, run

HEAP_K = 256  # the virtual modem and its network, none of which a board holds

_SENDER = "+15550100123"
_OK = b"\r\nOK\r\n"
_DATA = b"\x40\x01\x02\x03"


def test_registration_for_a_time():
    """AT800 7.2.4: <stat> 0, 2, 3, 5 and 6; denied or lost, it is found again."""

    async def body(desk):
        await desk.on("AT+CREG=1")
        for stat in (0, 2, 3, 6, 5):
            desk.modem.set_fault("registration", stat)
            code = b"\r\n+CREG: %d\r\n\r\n+CREG: 1,%d\r\n" % (stat, stat)
            await desk.expect("AT+CREG?", code + _OK)
            await asyncio.sleep_ms(1000)
            attached = await desk.at("AT+CGATT?")
            assert attached == b"\r\n+CGATT: %d\r\n" % (stat == 5) + _OK, stat
        desk.modem.set_fault("registration", 3, ms=60_000)
        await asyncio.sleep_ms(59_000)
        assert desk.take() == b"\r\n+CREG: 3\r\n"
        await asyncio.sleep_ms(12_000)
        assert desk.take() == b"\r\n+CREG: 2\r\n\r\n+CREG: 1\r\n"

    run(body, "sim800l")


def test_registration_takes_minutes():
    """AT7000 5.2.1: a search through the bands of Cat-M and NB-IoT can take minutes."""

    async def body(desk):
        desk.modem.set_fault("register_ms", 400_000)
        await desk.on()
        await asyncio.sleep_ms(370_000)
        await desk.expect("AT+CGREG?", b"\r\n+CGREG: 0,2\r\n" + _OK)
        if desk.modem.profile.lte:
            await desk.expect("AT+CPSI?", b"\r\n+CPSI: NO SERVICE,Online\r\n" + _OK)
        await asyncio.sleep_ms(40_000)
        await desk.expect("AT+CGREG?", b"\r\n+CGREG: 0,1\r\n" + _OK)

    on_both(body)


def test_signal():
    """AT800 3.2.14: +CSQ: 0,0 or 99,99 for a time after the start."""

    async def body(desk):
        await desk.on()
        before = await desk.at("AT+CSQ")
        desk.modem.set_fault("signal", (99, 99), ms=8000)
        await desk.expect("AT+CSQ", b"\r\n+CSQ: 99,99\r\n" + _OK)
        desk.modem.set_fault("signal", (0, 0), ms=8000)
        await desk.expect("AT+CSQ", b"\r\n+CSQ: 0,0\r\n" + _OK, 7900)
        await asyncio.sleep_ms(200)
        await desk.expect("AT+CSQ", before)
        assert desk.modem.radio.dbm() == -77

    on_both(body)


def test_packet_service_lost_for_a_time():
    """AT800 7.2.9: AT+CGATT=1 fails while the network gives no packet service."""

    async def body(desk):
        await desk.online()
        desk.modem.set_fault("detach", ms=60_000)
        await asyncio.sleep_ms(50)
        assert desk.take() == b"\r\n+PDP: DEACT\r\n"
        await desk.expect("AT+CGATT?", b"\r\n+CGATT: 0\r\n" + _OK)
        await desk.expect("AT+CGATT=1", b"\r\nERROR\r\n", 2000)
        await asyncio.sleep_ms(60_000)
        await desk.expect("AT+CGATT?", b"\r\n+CGATT: 1\r\n" + _OK)

    on_both(body)


def test_codes_that_come_twice():
    """AT7000 20.3: *PSUTTZ "may report twice"."""

    async def body(desk):
        await desk.on("AT+CLTS=1", "AT+CREG=1")
        desk.modem.set_fault("codes", "double")
        desk.modem.set_fault("registration")
        await asyncio.sleep_ms(15_000)
        sent = desk.take()
        assert sent.count(b"*PSUTTZ: ") == 2 and sent.count(b"+CREG: 1\r\n") == 2
        desk.modem.set_fault("codes")
        desk.modem.set_fault("registration")
        await asyncio.sleep_ms(15_000)
        assert desk.take().count(b"*PSUTTZ: ") == 1

    on_both(body)


def test_codes_of_a_radio_switched_off():
    """AT800 3.2.8: AT+CFUN=0 ends context and SIM before its OK."""

    async def body(desk):
        await desk.online()
        await desk.expect(
            "AT+CFUN=0",
            b"\r\n+SAPBR 1: DEACT\r\n\r\n+PDP: DEACT\r\n\r\n+CPIN: NOT READY\r\n" + _OK,
        )
        await desk.expect("AT+CIPSHUT", b"\r\nSHUT OK\r\n")

    on_both(body)


def test_sim_busy_after_the_start():
    """AT800 19.1: +CME ERROR: 14 while the SIM is read, for a second or for more."""

    async def body(desk):
        desk.modem.set_fault("sim_ms", 20_000)
        await desk.pulse(1100)
        await asyncio.sleep_ms(6000)
        await desk.at("AT")
        await desk.at("ATE0")
        await desk.at("AT+CMEE=1")
        await desk.expect("AT+CPIN?", b"\r\n+CME ERROR: 14\r\n")
        await asyncio.sleep_ms(20_000)
        desk.take()
        await desk.expect("AT+CPIN?", b"\r\n+CPIN: READY\r\n" + _OK)
        for state, code in (("absent", 10), ("busy", 14)):
            desk.modem.set_fault("sim", state, ms=30_000)
            await asyncio.sleep_ms(100)
            desk.take()
            await desk.expect("AT+CPIN?", b"\r\n+CME ERROR: %d\r\n" % code)
            await asyncio.sleep_ms(60_000)
            desk.take()
            await desk.expect("AT+CPIN?", b"\r\n+CPIN: READY\r\n" + _OK)

    on_both(body)


def test_sms_errors_by_number():
    """AT7000 4.2.5 and 20.2: AT+CMGS ends in +CMS ERROR with the network's reason."""

    async def body(desk):
        await desk.on("AT+CMGF=0")
        pdu = b"0011000B915155100021F30004A704C1C2C3C4\x1a"
        for code in (38, 42, 50, 331, 332, 500, 513):
            desk.modem.set_fault("cms", code)
            await desk.expect("AT+CMGS=18", b"\r\n> ")
            await desk.expect(pdu, b"\r\n+CMS ERROR: %d\r\n" % code, 4000)
        desk.modem.set_fault("answer", ("AT+CMGL", "+CMS ERROR: 322"))
        await desk.expect("AT+CMGL=4", b"\r\n+CMS ERROR: 322\r\n")
        await desk.expect("AT+CMGS=18", b"\r\n> ")
        assert b"+CMGS: 0" in await desk.at(pdu, 4000)

    on_both(body)


def test_storage_full():
    """AT7000 4.2.3: a full SIM takes no message and no code tells; the network keeps it."""

    async def body(desk):
        await desk.on("AT+CMGF=0", "AT+CNMI=2,1,0,0,0")
        desk.modem.set_fault("storage_full")
        await desk.expect("AT+CPMS?", b'\r\n+CPMS: "SM",20,20,"SM",20,20,"SM",20,20\r\n' + _OK)
        listed = await desk.at("AT+CMGR=20")
        assert listed.startswith(b"\r\n+CMGR: 1,,22\r\n00040B91"), listed
        desk.network.sms.send(_SENDER, NUMBER, _DATA)
        await asyncio.sleep_ms(3_600_000)
        assert desk.take() == b"" and desk.network.sms.waiting(NUMBER) == 1
        await desk.expect("AT+CMGD=1,4", _OK)
        await asyncio.sleep_ms(3_600_000)
        assert desk.take() == b'\r\n+CMTI: "SM",1\r\n'

    on_both(body)


def test_messages_announced_without_a_place():
    """AT7000 4.2.8: +CMTI: ,-1, of a message that is stored and of one that is not."""

    async def body(desk):
        await desk.on("AT+CMGF=0", "AT+CNMI=2,1,0,0,0")
        for fault, kept in (("cmti", True), ("cmti_lost", False)):
            desk.modem.set_fault(fault)
            desk.network.sms.send(_SENDER, NUMBER, _DATA)
            await asyncio.sleep_ms(3000)
            assert desk.take() == b"\r\n+CMTI: ,-1\r\n"
            assert bool(desk.modem.sms.slots) == kept
            desk.modem.sms.slots.clear()

    on_both(body)


def _texts(desk):
    """The one octet of each message that came by +CMT, in order."""
    return [line[-2:] for line in desk.take().split(b"\r\n") if line.startswith(b"07")]


def test_messages_late_reordered_twice_or_lost():
    """TS 23.040 §9.2.3.24: parts arrive in any order, and may come again; nothing is certain."""

    async def body(desk):
        await desk.on("AT+CMGF=0", "AT+CNMI=%d,2,0,0,0" % (1 if desk.modem.profile.lte else 2))
        network = desk.network
        network.set_fault("sms_latency_ms", 3 * 3_600_000)
        network.sms.send(_SENDER, NUMBER, b"\x00")
        await asyncio.sleep_ms(3 * 3_600_000 - 1000)
        assert desk.take() == b""
        await asyncio.sleep_ms(3000)
        assert _texts(desk) == [b"00"]
        network.set_fault("sms_latency_ms")
        network.set_fault("sms_jitter_ms", 600_000)
        for index in range(8):
            network.sms.send(_SENDER, NUMBER, bytes((index,)))
        await asyncio.sleep_ms(700_000)
        texts = _texts(desk)
        assert texts != sorted(texts) and len(texts) == 8
        network.set_fault("sms_jitter_ms")
        network.set_fault("sms_duplicate_permille", 1000)
        network.sms.send(_SENDER, NUMBER, b"\x07")
        await asyncio.sleep_ms(20_000)
        assert _texts(desk) == [b"07", b"07"]
        network.set_fault("sms_loss_permille", 1000, ms=60_000)
        network.sms.send(_SENDER, NUMBER, b"\x08")
        await asyncio.sleep_ms(61_000)
        assert _texts(desk) == [] and desk.seen("sms_lost")
        network.clear_faults()
        network.sms.send(_SENDER, NUMBER, b"\x09")
        await asyncio.sleep_ms(20_000)
        assert _texts(desk) == [b"09"]

    on_both(body)


def test_datagrams_late_reordered_twice_or_lost():
    """RFC 7252 §4: datagrams are lost, doubled, and overtake one another."""

    async def body(desk):
        await desk.online()
        await desk.open()
        network = desk.network
        network.set_fault("latency_ms", 120_000)
        await desk.send(b"a")
        await asyncio.sleep_ms(119_000)
        assert desk.received == []
        await asyncio.sleep_ms(2000)
        assert len(desk.received) == 1
        network.set_fault("latency_ms")
        network.set_fault("jitter_ms", 60_000)
        for index in range(8):
            await desk.send(bytes((index,)))
        await asyncio.sleep_ms(62_000)
        came = [data[0] for data, _ in desk.received[1:]]
        assert len(came) == 8 and came != sorted(came)
        network.set_fault("jitter_ms")
        network.set_fault("duplicate_permille", 1000, ms=1000)
        await desk.send(b"b")
        await asyncio.sleep_ms(2000)
        assert [data for data, _ in desk.received[9:]] == [b"b", b"b"]
        network.set_fault("loss_permille", 1000, ms=1000)
        await desk.send(b"c")
        await asyncio.sleep_ms(2000)
        await desk.send(b"d")
        await asyncio.sleep_ms(2000)
        assert [data for data, _ in desk.received[11:]] == [b"d"]
        try:
            network.set_fault("weather", 1)
        except ValueError as error:
            assert "'weather'" in str(error)
        else:
            raise AssertionError("no error")

    run(body, "sim7000g")


def test_nat_rebinds():
    """RFC 4787 §4.1: a NAT that forgets gives the next datagram another port."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.send(b"a")
        await asyncio.sleep_ms(500)
        desk.network.set_fault("nat_rebind")
        before = desk.received[0][1]
        desk.server.send(b"x", before)
        await asyncio.sleep_ms(500)
        assert desk.take() == b"" and desk.seen("nat_drop")
        await desk.send(b"b")
        await asyncio.sleep_ms(500)
        after = desk.received[1][1]
        assert after != before
        desk.server.send(b"y", after)
        await asyncio.sleep_ms(500)
        assert desk.take().endswith(b"y")

    run(body, "sim7000g")


def test_what_the_firmware_writes_differently():
    """AT800 8.2.2 and TCP7000 3.1: "0, SEND OK" or "0,SEND OK"; "+CMGS: 0" or "+CMGS:0"."""

    async def body(desk):
        await desk.online()
        await desk.expect(
            'AT+CIPSTART=0,"UDP","203.0.113.9",5683', _OK + b"\r\n0,CONNECT OK\r\n"
        )
        desk.modem.profile.reference_space = False
        desk.modem.profile.iccid_prefix = "+CCID: "
        await desk.expect("AT+CCID", b"\r\n+CCID: 89000000000000000148\r\n" + _OK)
        await desk.expect("AT+CMGS=18", b"\r\n> ")
        sent = await desk.at(b"0011000B915155100021F30004A704C1C2C3C4\x1a", 4000)
        assert sent == b"\r\n+CMGS:0\r\n" + _OK

    run(body, "sim800c")
