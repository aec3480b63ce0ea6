"""The virtual SIM7000 in PSM and eDRX: what it asks for, what it is granted, what is lost."""

import asyncio

from unit.virtual.desk import NUMBER, run

HEAP_K = 256  # the virtual modem and its network, none of which a board holds

_OK = b"\r\nOK\r\n"
_PSM = 'AT+CPSMS=1,,,"10100010","00000101"'  # 2 minutes, 10 s


async def _asked(desk, *commands):
    """On, on the network by LTE, PSM asked for and granted; then the commands."""
    await desk.on("AT+CNMP=38")
    for command in (_PSM,) + commands:
        await desk.expect(command, _OK)
    await asyncio.sleep_ms(1000)
    desk.take()


def test_what_is_granted_is_shown():
    """LPM7080: AT+CPSMRDP in seconds, AT+CEREG? with <n> 4 in bits and without a rac."""

    async def play(desk):
        await desk.on("AT+CNMP=38", "AT+CMNB=2")
        await desk.expect("AT+CPSMRDP", b"\r\n+CPSMRDP: 0,0,0,0,0,0\r\n" + _OK)
        desk.modem.psm.tau = "01011111"
        await desk.expect(_PSM, _OK)
        await desk.expect("AT+CPSMS?", b'\r\n+CPSMS: 1,,,"10100010","00000101"\r\n' + _OK)
        await asyncio.sleep_ms(1000)
        await desk.expect("AT+CPSMRDP", b"\r\n+CPSMRDP: 1,10,120,10,1116000,0\r\n" + _OK)
        place = b'1,"5B57","195071B",9,,,"00000101","01011111"\r\n'
        await desk.expect("AT+CEREG=4", _OK)
        await desk.expect("AT+CEREG?", b"\r\n+CEREG: 4," + place + _OK)

    run(play, "sim7000g")


def test_refusals():
    """LPM7080: an active time of 0 is a refusal; without one the modem stays on."""

    async def play(desk):
        desk.modem.psm.active = "00000000"
        desk.modem.psm.reads_back = False
        await _asked(desk)
        await desk.expect("AT+CPSMRDP", b"\r\nERROR\r\n")
        await asyncio.sleep_ms(60_000)
        assert desk.modem.state == "on" and not desk.seen("modem_psm")

    run(play, "sim7000g")


def test_a_change_asks_or_the_next_registration_does():
    """LPM7080: a request goes out when 0 becomes 1; HW7000: it takes effect after a restart."""

    async def play(desk):
        desk.modem.psm.at_once = False
        await _asked(desk)
        assert desk.modem.psm.granted is None
        await desk.expect("AT+CFUN=4", _OK, 11_000)
        await desk.at("AT+CFUN=1", 11_000)
        assert desk.modem.psm.granted == ("00000101", "10100010")

    run(play, "sim7000g")


def test_in_psm_the_modem_is_off_on_every_line():
    """LPM7080: after T3324 the UART is dead; sockets are gone, CGATT is still 1 after the key."""

    async def play(desk):
        await _asked(desk, "AT+CPSMSTATUS=1")
        await asyncio.sleep_ms(12_000)
        assert desk.take().endswith(b'\r\n+CPSMSTATUS: "ENTER PSM"\r\n')
        assert desk.modem.state == "off" and not desk.modem.ri and desk.seen("modem_psm")
        assert await desk.at("AT") == b""
        await desk.pulse(1100)
        await asyncio.sleep_ms(10_000)
        shown = desk.take()
        assert b'+CPSMSTATUS: "EXIT PSM"' in shown and b"+CPIN: READY" in shown, shown
        assert b"+CGATT: 1" in await desk.at("AT+CGATT?")
        assert b"STATE: IP INITIAL" in await desk.at("AT+CIPSTATUS")

    run(play, "sim7000g", saved={"+IPR": 115200})


def test_what_comes_meanwhile():
    """LPM7080: in PSM neither SMS nor UDP gets through; the SMS waits in the network."""

    async def play(desk):
        await _asked(desk)
        await asyncio.sleep_ms(20_000)
        desk.network.sms.send("+447700900123", NUMBER, b"\x01\x02")
        await asyncio.sleep_ms(30_000)
        assert desk.seen("sms_held") and desk.modem.state == "off"
        await desk.pulse(1100)
        await asyncio.sleep_ms(20_000)
        assert 1 in desk.modem.sms.slots

    run(play, "sim7000g", saved={"+IPR": 115200})


def test_it_tells_the_network_that_it_is_there():
    """TS 24.008 T3412: the modem wakes by itself, and rests again T3324 later."""

    async def play(desk):
        await _asked(desk)
        await asyncio.sleep_ms(400_000)
        assert 3 <= len(desk.seen("modem_psm")) <= 4
        assert [facts["reason"] for facts in desk.seen("modem_boot")][1:3] == ["T3412"] * 2

    run(play, "sim7000g", saved={"+IPR": 115200})


def test_a_cut_supply_ends_it():
    """LPM7080: without its supply the modem knows no registration any more."""

    async def play(desk):
        await _asked(desk)
        await asyncio.sleep_ms(20_000)
        desk.modem.supply(False)
        desk.modem.supply(True)
        await asyncio.sleep_ms(300_000)
        assert desk.modem.state == "off"
        await desk.pulse(1100)
        await asyncio.sleep_ms(9000)
        assert b"+CEREG: 0,2" in await desk.at("AT+CEREG?")

    run(play, "sim7000g", saved={"+IPR": 115200})


def test_edrx_makes_a_message_late():
    """AT7000 AT+CEDRXS: a message comes when the modem listens next; refused, it comes at once."""

    async def play(desk):
        await desk.on("AT+CNMP=38", "AT+CMNB=1", 'AT+CEDRXS=1,4,"0011"')
        await desk.expect("AT+CEDRXRDP", b'\r\n+CEDRXRDP: 4,"0011","0011","0011"\r\n' + _OK)
        await asyncio.sleep_ms(40_000)
        desk.modem.psm.radio("idle")  # a cycle begins here
        await asyncio.sleep_ms(10_000)
        desk.network.sms.send("+447700900123", NUMBER, b"\x01")
        await asyncio.sleep_ms(25_000)
        assert not desk.modem.sms.slots
        await asyncio.sleep_ms(10_000)
        assert 1 in desk.modem.sms.slots
        desk.take()
        desk.modem.psm.edrx = ""
        await desk.expect('AT+CEDRXS=1,4,"0011"', _OK)
        await asyncio.sleep_ms(1000)
        await desk.expect("AT+CEDRXRDP", b"\r\n+CEDRXRDP: 0\r\n" + _OK)

    run(play, "sim7000g")


def test_release_assistance():
    """AT7000 AT+CRAI: on NB-IoT the connection ends with the datagram, or with its answer."""

    async def play(desk):
        def radio():
            return desk.seen("radio")[-1]["state"]

        await desk.online()
        await desk.expect("AT+CRAI=1,0", b"\r\nERROR\r\n")  # not on NB-IoT
        assert b"OK" in await desk.at("AT+CMNB=2;+CNMP=38", 20_000)
        assert b"SHUT OK" in await desk.at("AT+CIPSHUT")
        await desk.expect('AT+CSTT="internet","",""', _OK)
        await desk.expect("AT+CIICR", _OK, 2000)
        await desk.at("AT+CIFSR")
        await desk.open()
        await asyncio.sleep_ms(15_000)
        await desk.expect("AT+CRAI=1,0", _OK)
        await desk.send(b"x")
        await asyncio.sleep_ms(300)
        assert radio() == "idle"
        await desk.expect("AT+CRAI=2,0", _OK)
        await desk.send(b"x")
        await asyncio.sleep_ms(300)
        assert radio() == "connected"
        desk.server.send(b"answer", desk.received[-1][1])
        await asyncio.sleep_ms(600)
        assert radio() == "idle"
        desk.take()
        await desk.send(b"x")
        await asyncio.sleep_ms(5000)
        assert radio() == "connected"

    run(play, "sim7000g")


def test_sim800_has_none():
    """AT800: these commands are a SIM7000's and its successors'."""

    async def play(desk):
        await desk.on()
        for command in ("AT+CPSMS?", "AT+CEDRXRDP", "AT+CRAI=1,0"):
            await desk.expect(command, b"\r\nERROR\r\n")

    run(play, "sim800l")
