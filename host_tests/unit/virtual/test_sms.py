"""Text messages of the virtual modem and of the SMS centre (TS 23.040, AT800, AT7000)."""

import asyncio

from unit.virtual.desk import NUMBER, on_both, run

from tools.virtual import sms_pdu

HEAP_K = 256  # the virtual modem and its network, none of which a board holds

_SENDER = "+15550100123"
_TRIGGER = b"\x44\x02\xb6\x0b\x21\x61\xfb\x63\xb1\x31\x01\x30\x01\x38"

_C1 = (
    "07915155100000F0440B915155100021F300046230904150954911060504163316334101C00155B474656D70"
)
_C2 = "0051000B915155100021F30004A711060504163316336145C00155FF32312E35"
_C4 = (
    "07915155100000F0400B915155100021F30004623090416010328C0C0804BEEF02010504163316334102C00256B2"
    "7264FF00070E151C232A31383F464D545B626970777E858C939AA1A8AFB6BDC4CBD2D9E0E7EEF5FC030A11181F26"
    "2D343B424950575E656C737A81888F969DA4ABB2B9C0C7CED5DCE3EAF1F8FF060D141B222930373E454C535A6168"
    "6F767D848B9299A0A7AEB5BCC3CAD1D8DFE6EDF4FB020910171E252C33",
    "07915155100000F0440B915155100021F30004623090416020325F0C0804BEEF02020504163316333A41484F565D"
    "646B727980878E959CA3AAB1B8BFC6CDD4DBE2E9F0F7FE050C131A21282F363D444B525960676E757C838A91989F"
    "A6ADB4BBC2C9D0D7DEE5ECF3FA01080F161D242B323940474E555C636A71",
)
_NINTH_OF_MARCH = 1773014400  # 2026-03-09 00:00:00 UTC


def test_deliver_vectors():
    """TS 23.040 §9.2.2.1: the PDUs, built octet for octet."""
    epoch = _NINTH_OF_MARCH + 17 * 3600 + 35 * 60 + 59  # 14:05:59 in zone -03:30
    pdu = sms_pdu.deliver(
        _SENDER,
        bytes.fromhex("4101C00155B474656D70"),
        4,
        sms_pdu.ports(5683, 5683),
        0,
        sms_pdu.timestamp(epoch, -14),
        "+15550100000",
    )
    assert pdu == bytes.fromhex(_C1)
    coap = bytes.fromhex("4102C00256B27264FF") + bytes([i * 7 & 255 for i in range(200)])
    for part, wanted in enumerate(_C4):
        header = bytes.fromhex("0C0804BEEF02%02X050416331633" % (part + 1))
        epoch = _NINTH_OF_MARCH + 8 * 3600 + 21 * 60 + 1 + part  # 14:06:01 in zone +05:45
        data = coap[:127] if part == 0 else coap[127:]
        scts = sms_pdu.timestamp(epoch, 23)
        pdu = sms_pdu.deliver(_SENDER, data, 4, header, 0, scts, "+15550100000", more=part == 0)
        assert pdu == bytes.fromhex(wanted)


def test_submit_vector():
    """TS 23.040 §9.2.2.2: the SUBMIT, read."""
    message = sms_pdu.parse_submit(bytes.fromhex(_C2)[1:])
    assert message["to"] == _SENDER and message["dcs"] == 4 and message["pid"] == 0
    assert message["udh"] == sms_pdu.ports(5683, 5683)
    assert message["user_data"] == bytes.fromhex("6145C00155FF32312E35")
    assert message["validity"] == b"\xa7"


def test_bad_submits_are_refused():
    """TS 23.040 §9.2.2.2: every cut of a SUBMIT, and another type, is an error of its own kind."""
    tpdu = bytes.fromhex(_C2)[1:]
    for bad in [tpdu[:length] for length in range(len(tpdu))] + [tpdu + b"\x00", b"\x00" + tpdu]:
        try:
            sms_pdu.parse_submit(bad)
        except sms_pdu.PduError:
            continue
        raise AssertionError(bad)


def test_header_must_be_whole():
    """TS 23.040 §9.2.3.24: a header without its length octet is noticed."""
    whole = sms_pdu.ports(2948, 9200)
    for wrong in (whole[1:], whole[:-1], whole + b"\x00", b"\x01", b"\x02\x00\x03"):
        try:
            sms_pdu.check_header(wrong)
        except sms_pdu.PduError:
            continue
        raise AssertionError(wrong)
    sms_pdu.check_header(whole)


def test_addresses_and_alphabets():
    """TS 23.040 §9.1.2.5, TS 23.038 §6.1.2: short codes, names, 7-bit text."""
    scts = sms_pdu.timestamp(0)
    pdu = sms_pdu.deliver("2345", b"hellohello", 0, b"", 0, scts, "")
    assert pdu.hex() == "00040481325400000710100000000" + "00ae8329bfd4697d9ec37"
    pdu = sms_pdu.deliver("Vodafone", b"\x01", 0xF5, b"", 0x3F, scts, "")
    assert pdu.hex() == "00040ed0d637396c7ebb" + "cb3ff5071010000000000101"
    assert [sms_pdu.message_class(dcs) for dcs in (0, 4, 0x16, 0xF5, 0xF6, 0x12)] == [
        None,
        None,
        2,
        1,
        2,
        2,
    ]


def test_stored_and_announced():
    """AT800 CNMI, CMGR: +CMTI, CMGR marks read, CMGL, CMGD; RI is pulled for 120 ms."""

    async def body(desk):
        await desk.on("AT+CMGF=0", "AT+CNMI=2,1,0,0,0")
        await desk.expect(
            'AT+CPMS="SM","SM","SM"', b"\r\n+CPMS: 0,20,0,20,0,20\r\n\r\nOK\r\n"
        )
        desk.ri.clear()
        desk.network.sms.deliver_pdu(NUMBER, bytes.fromhex(_C1))
        await asyncio.sleep_ms(3000)
        assert desk.take() == b'\r\n+CMTI: "SM",1\r\n'
        low, high = desk.ri
        assert (low[0], high[0], high[1] - low[1]) == (False, True, 120)
        c1 = _C1.encode()
        await desk.expect("AT+CMGR=1", b"\r\n+CMGR: 0,,36\r\n" + c1 + b"\r\n\r\nOK\r\n")
        await desk.expect("AT+CMGR=1", b"\r\n+CMGR: 1,,36\r\n" + c1 + b"\r\n\r\nOK\r\n")
        desk.network.sms.deliver_pdu(NUMBER, bytes.fromhex(_C1))
        await asyncio.sleep_ms(3000)
        assert desk.take() == b'\r\n+CMTI: "SM",2\r\n'
        await desk.expect(
            "AT+CMGL=4",
            b"\r\n+CMGL: 1,1,,36\r\n" + c1 + b"\r\n+CMGL: 2,0,,36\r\n" + c1 + b"\r\n\r\nOK\r\n",
        )
        await desk.expect("AT+CMGL=0", b"\r\nOK\r\n")
        await desk.expect(
            "AT+CPMS?", b'\r\n+CPMS: "SM",2,20,"SM",2,20,"SM",2,20\r\n\r\nOK\r\n'
        )
        await desk.expect("AT+CMGD=1", b"\r\nOK\r\n")
        await desk.expect("AT+CMGD=1", b"\r\nOK\r\n")
        await desk.expect("AT+CMGD=21", b"\r\n+CMS ERROR: 321\r\n")
        await desk.expect("AT+CMGD=?", b"\r\n+CMGD: (2),(0-4)\r\n\r\nOK\r\n")
        # The next message takes the first free place.
        desk.network.sms.deliver_pdu(NUMBER, bytes.fromhex(_C1))
        await asyncio.sleep_ms(3000)
        assert desk.take() == b'\r\n+CMTI: "SM",1\r\n'
        await desk.expect("AT+CMGD=1,1", b"\r\nOK\r\n")  # the read one
        assert sorted(desk.modem.sms.slots) == [1]
        await desk.expect("AT+CMGD=1,4", b"\r\nOK\r\n")
        await desk.expect("AT+CMGL=4", b"\r\nOK\r\n")

    on_both(body)


def test_empty_slot():
    """AT800 CMGR, AT7000 CMGR: an empty slot gives only OK (SIM800) or +CMS ERROR: 321."""

    async def body(desk):
        await desk.on()
        return await desk.at("AT+CMGR=3")

    assert run(body, "sim800l") == b"\r\nOK\r\n"
    assert run(body, "sim7000g") == b"\r\n+CMS ERROR: 321\r\n"


def test_direct():
    """AT800 CNMI: +CMT: ,36 and the PDU, nothing stored."""

    async def body(desk, routing):
        await desk.on("AT+CMGF=0", routing)
        desk.network.sms.deliver_pdu(NUMBER, bytes.fromhex(_C1))
        await asyncio.sleep_ms(3000)
        assert desk.take() == b"\r\n+CMT: ,36\r\n" + _C1.encode() + b"\r\n"
        assert not desk.modem.sms.slots

    run(lambda desk: body(desk, "AT+CNMI=2,2,0,0,0"), "sim800l")
    run(lambda desk: body(desk, "AT+CNMI=1,2,0,0,0"), "sim7000g")


def test_routing_rules():
    """AT7000 4.2.8: SIM7000 refuses <mt> 2, 3 and <ds> 1 unless <mode> is 1."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+CNMI?", b"\r\n+CNMI: 2,1,0,0,0\r\n\r\nOK\r\n")
        refused = []
        for routing in ("2,2,0,0,0", "2,2", "2,3,0,0,0", "2,1,0,1,0", "1,2,0,1,0", "3,1", "1,1,1"):
            answer = await desk.at("AT+CNMI=" + routing)
            if answer == b"\r\n+CMS ERROR: 302\r\n":
                refused.append(routing)
            else:
                assert answer == b"\r\nOK\r\n"
        return refused, await desk.at("AT+CNMI=?")

    refused, ranges = run(body, "sim800l")
    assert refused == ["1,1,1"]
    assert ranges == b"\r\n+CNMI: (0-3),(0-3),(0,2),(0,1),(0,1)\r\n\r\nOK\r\n"
    refused, ranges = run(body, "sim7000g")
    assert refused == ["2,2,0,0,0", "2,2", "2,3,0,0,0", "2,1,0,1,0", "3,1", "1,1,1"]
    assert ranges == b"\r\n+CNMI: (0-2),(0-3),(0,2),(0,1),(0,1)\r\n\r\nOK\r\n"


def test_class_two_is_always_stored():
    """AT800 CNMI: class 2 is stored and announced by +CMTI, with mt=2 as well."""

    async def body(desk):
        await desk.on("AT+CNMI=1,2,0,0,0")
        desk.network.sms.send(_SENDER, NUMBER, _TRIGGER, dcs=0xF6)
        await asyncio.sleep_ms(3000)
        assert desk.take() == b'\r\n+CMTI: "SM",1\r\n'

    on_both(body)


def test_codes_kept_back():
    """3GPP TS 27.005 §3.4.1: <mode> 0 keeps codes in the modem; they come with another mode."""

    async def body(desk):
        await desk.on("AT+CNMI=0,1,0,0,0")
        desk.network.sms.send(_SENDER, NUMBER, _TRIGGER)
        await asyncio.sleep_ms(3000)
        assert desk.take() == b""
        await desk.expect("AT+CNMI=2,1,0,0,0", b'\r\nOK\r\n\r\n+CMTI: "SM",1\r\n')

    on_both(body)


def test_mms_push():
    """AT manual (CNMI): an MMS notification is announced as "MMS PUSH"; LwM2M's push is not."""

    async def body(desk):
        await desk.on()
        udh = sms_pdu.ports(2948, 9200)
        desk.network.sms.send(_SENDER, NUMBER, b"\x01\x06\x01\xbe\x00", udh=udh)
        await asyncio.sleep_ms(3000)
        assert desk.take() == b'\r\n+CMTI: "SM",1,"MMS PUSH"\r\n'
        desk.network.sms.send(_SENDER, NUMBER, b"\x01\x06\x03\xc4\xaf\x9a" + _TRIGGER, udh=udh)
        await asyncio.sleep_ms(3000)
        assert desk.take() == b'\r\n+CMTI: "SM",2\r\n'

    on_both(body)


def test_broken_announcement():
    """logs of SIM7000G: +CMTI: ,-1 has been seen on SIM7000G."""

    async def body(desk):
        await desk.on()
        desk.modem.set_fault("cmti")
        desk.network.sms.send(_SENDER, NUMBER, _TRIGGER)
        await asyncio.sleep_ms(3000)
        assert desk.take() == b"\r\n+CMTI: ,-1\r\n"

    run(body, "sim7000g")


def test_full_storage():
    """TS 23.040 §3.2: full: no code; the network keeps the message and tries again later."""

    async def body(desk):
        await desk.on()
        for _ in range(22):
            desk.network.sms.send(_SENDER, NUMBER, _TRIGGER)
        await asyncio.sleep_ms(60_000)
        assert desk.take().count(b"+CMTI") == 20
        assert desk.network.sms.waiting(NUMBER) == 2
        await desk.expect("AT+CMGD=7", b"\r\nOK\r\n")
        await asyncio.sleep_ms(60_000)
        assert desk.take() == b""
        await asyncio.sleep_ms(3_600_000)
        assert desk.take() == b'\r\n+CMTI: "SM",7\r\n'
        assert desk.network.sms.waiting(NUMBER) == 1

    on_both(body)


def test_held_while_off():
    """TS 23.040 §3.2: messages wait for a modem that is off, and come when it registers."""

    async def body(desk):
        desk.network.sms.send(_SENDER, NUMBER, _TRIGGER)
        await asyncio.sleep_ms(10_000)
        assert desk.network.sms.counters["held"] == 1
        await desk.on()
        await desk.expect(
            "AT+CPMS?", b'\r\n+CPMS: "SM",1,20,"SM",1,20,"SM",1,20\r\n\r\nOK\r\n'
        )
        # The SIM keeps it through a power cycle.
        await desk.at("AT+CPOWD=1", 5000)
        await desk.on()
        answer = await desk.at("AT+CMGL=4")
        assert answer.startswith(b"\r\n+CMGL: 1,0,,33\r\n07915155100000F0")
        assert desk.network.sms.counters["delivered"] == 1

    on_both(body)


def test_concatenation():
    """TS 23.040 §9.2.3.24.1: more than 140 octets come as parts with one reference."""

    async def body(desk):
        await desk.on("AT+CNMI=1,2,0,0,0")
        data = bytes([i & 255 for i in range(300)])
        udh = sms_pdu.ports(2948, 9200)
        assert desk.network.sms.send(_SENDER, NUMBER, data, udh=udh) == 3
        await asyncio.sleep_ms(10_000)
        lines = desk.take().decode().split("\r\n")
        pdus = [bytes.fromhex(line) for line in lines if line and line[0] != "+"]
        gathered = b""
        for index, pdu in enumerate(pdus):
            tail = pdu[8 + 1 + 8 + 2 + 7 :]  # SMSC, first octet, sender, PID and DCS, time
            assert tail[0] == len(tail) - 1 <= 140
            assert tail[1:13] == bytes((11, 0, 3, 1, 3, index + 1)) + udh[1:]
            assert bool(pdu[8] & 4) == (index == 2)
            gathered += tail[13:]
        assert gathered == data

    on_both(body)


def test_sending():
    """AT800 CMGS: prompt, PDU and Ctrl-Z, +CMGS: mr; the listener gets the data."""

    async def body(desk):
        got = []
        desk.network.sms.listen(_SENDER, lambda *message: got.append(message))
        await desk.on()
        for reference in (0, 1):
            await desk.expect("AT+CMGS=31", b"\r\n> ")
            await desk.expect(
                _C2.encode() + b"\x1a", b"\r\n+CMGS: %d\r\n\r\nOK\r\n" % reference, 5000
            )
        data = bytes.fromhex("6145C00155FF32312E35")
        assert got == [(NUMBER, data, 4, sms_pdu.ports(5683, 5683), 0)] * 2
        await desk.expect("AT+CMGS=31", b"\r\n> ")
        await desk.expect(b"0051\x1b", b"\r\nOK\r\n")
        for length, text in ((30, _C2), (31, _C2[:-2]), (31, "zz" * 32), (31, "")):
            await desk.expect(f"AT+CMGS={length}", b"\r\n> ")
            await desk.expect(text.encode() + b"\x1a", b"\r\n+CMS ERROR: 304\r\n", 5000)
        await desk.expect("AT+CMGS=3", b"\r\n+CMS ERROR: 304\r\n")
        desk.modem.set_fault("cmgs")
        await desk.expect("AT+CMGS=31", b"\r\n> ")
        await desk.expect(_C2.encode() + b"\x1a", b"\r\n+CMS ERROR: 500\r\n", 5000)
        desk.modem.set_fault("registration", 2)
        await desk.expect("AT+CMGS=31", b"\r\n> ")
        await desk.expect(_C2.encode() + b"\x1a", b"\r\n+CMS ERROR: 331\r\n", 5000)

    on_both(body)


def test_pdu_is_echoed():
    """AT800 CMGS, ATE: with echo on the PDU text is echoed too."""

    async def body(desk):
        await desk.on()
        await desk.at("ATE1")
        await desk.expect("AT+CMGS=31", b"AT+CMGS=31\r\r\n> ")
        text = _C2.encode() + b"\x1a"
        await desk.expect(text, text + b"\r\n+CMGS: 0\r\n\r\nOK\r\n", 5000)

    run(body, "sim800l")


def test_from_modem_to_modem():
    """tools/virtual: a message to another modem's number arrives there as SMS-DELIVER."""
    from tools.virtual.modem import VirtualModem

    async def body(desk):
        other = VirtualModem("sim800l", desk.network, desk.timers, _SENDER, speed=10)
        other.pwrkey(True)
        await asyncio.sleep_ms(1100)
        other.pwrkey(False)
        await desk.on()
        await desk.expect("AT+CMGS=31", b"\r\n> ")
        await desk.at(_C2.encode() + b"\x1a", 10_000)
        stat, pdu = other.sms.slots[1]
        assert stat == 0 and pdu[9:17] == bytes.fromhex("0A91740900001000")

    run(body, "sim7000g")


def test_delete_by_kind():
    """AT800 CMGDA: SIM800's AT+CMGDA=6 deletes all in PDU mode."""

    async def body(desk):
        await desk.on()
        for _ in range(3):
            desk.network.sms.send(_SENDER, NUMBER, _TRIGGER)
        await asyncio.sleep_ms(10_000)
        desk.take()
        await desk.at("AT+CMGR=2")
        await desk.expect("AT+CMGDA=1", b"\r\nOK\r\n")
        assert sorted(desk.modem.sms.slots) == [1, 3]
        await desk.expect("AT+CMGDA=6", b"\r\nOK\r\n")
        assert not desk.modem.sms.slots

    run(body, "sim800l")


def test_settings():
    """AT800 CSMS, CSCA, CMGF: CSMS, CSCA and CMGF in their forms."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+CSMS?", b"\r\n+CSMS: 0,1,1,1\r\n\r\nOK\r\n")
        await desk.expect("AT+CSCA?", b'\r\n+CSCA: "+15550100000",145\r\n\r\nOK\r\n')
        await desk.expect("AT+CMGF?", b"\r\n+CMGF: 0\r\n\r\nOK\r\n")
        await desk.expect('AT+CPMS="ME"', b"\r\n+CMS ERROR: 302\r\n")
        await desk.expect("AT+CNMA", b"\r\nERROR\r\n")
        await desk.expect("AT+CMGF=1", b"\r\nOK\r\n")
        await desk.expect("AT+CMGL", b"\r\n+CMS ERROR: 302\r\n")  # no text mode here

    run(body, "sim7000g")
