"""Sleep of the virtual modem: CSCLK, DTR and RI (AT800, AT7000: CSCLK, CFGRI)."""

import asyncio

from unit.virtual.desk import NUMBER, on_both, run

HEAP_K = 256  # the virtual modem and its network, none of which a board holds

_SENDER = "+15550100123"


def test_deaf_with_dtr_high():
    """AT800 CSCLK, HW800L: CSCLK=1 and DTR high: the UART is dead; DTR low, 50 ms, alive."""

    async def body(desk):
        await desk.on("AT+CSCLK=1")
        await desk.expect("AT", b"\r\nOK\r\n")  # DTR is low
        desk.modem.dtr(True)
        await desk.expect("AT", b"\r\nOK\r\n", 50)  # not idle for long enough yet
        await asyncio.sleep_ms(200)
        await desk.expect("AT", b"")
        desk.modem.dtr(False)
        await asyncio.sleep_ms(20)
        await desk.expect("AT", b"", 20)
        await asyncio.sleep_ms(20)
        await desk.expect("AT", b"\r\nOK\r\n")

    on_both(body)


def test_dtr_does_nothing_without_csclk():
    """AT800 CSCLK: AT+CSCLK=0: DTR does not matter."""

    async def body(desk):
        await desk.on()
        desk.modem.dtr(True)
        await asyncio.sleep_ms(10_000)
        await desk.expect("AT", b"\r\nOK\r\n")

    on_both(body)


def test_a_message_in_sleep():
    """AT800 CSCLK, AT7000 CSCLK: an SMS prints its code and pulls RI, but AT is not answered."""

    async def body(desk):
        await desk.on("AT+CSCLK=1", "AT+CFGRI=0")
        desk.modem.dtr(True)
        await asyncio.sleep_ms(1000)
        desk.ri.clear()
        desk.network.sms.send(_SENDER, NUMBER, b"\x40\x01\x02\x03")
        await asyncio.sleep_ms(3000)
        assert desk.take() == b'\r\n+CMTI: "SM",1\r\n'
        assert [level for level, _ in desk.ri] == [False, True]
        assert desk.ri[1][1] - desk.ri[0][1] == 120
        await desk.expect("AT", b"")
        desk.modem.dtr(False)
        await asyncio.sleep_ms(60)
        await desk.expect("AT", b"\r\nOK\r\n")

    on_both(body)


def test_a_datagram_in_sleep():
    """TCP7000 12, AT800 CFGRI: sockets stay open; data pulls RI where AT+CFGRI says so."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.send(b"x")
        public = desk.received[0][1]
        for setting, pulses in ((0, 0), (1, 1), (2, 1)):
            desk.modem.dtr(False)
            await asyncio.sleep_ms(60)
            await desk.expect(f"AT+CFGRI={setting};+CSCLK=1", b"\r\nOK\r\n")
            desk.modem.dtr(True)
            await asyncio.sleep_ms(500)
            assert desk.modem.power.asleep
            before = desk.modem.counters["ri_pulses"]
            desk.server.send(b"data", public)
            await asyncio.sleep_ms(500)
            assert desk.take() == b"\r\n+RECEIVE,0,4:\r\ndata"
            assert desk.modem.counters["ri_pulses"] - before == pulses

    on_both(body)


def test_other_codes_and_ri():
    """AT800 CFGRI: AT+CFGRI=1 pulls RI for every code, 2 for data only."""

    async def body(desk):
        await desk.on("AT+CREG=1", "AT+CFGRI=2")
        before = desk.modem.counters["ri_pulses"]
        desk.modem.set_fault("registration", 2)
        await asyncio.sleep_ms(500)
        assert desk.modem.counters["ri_pulses"] == before
        await desk.at("AT+CFGRI=1")
        desk.modem.set_fault("registration", 3)
        await asyncio.sleep_ms(500)
        assert desk.modem.counters["ri_pulses"] == before + 1

    on_both(body)


def test_saved_sleep_is_a_trap():
    """AT7000 CSCLK: AT+CSCLK=1 is saved by itself on SIM7000: deaf after the next start."""

    async def body(desk):
        await desk.pulse(1100)  # DTR is not driven: pulled up, high
        await asyncio.sleep_ms(30_000)
        desk.take()
        await desk.expect("AT", b"")
        desk.modem.dtr(False)
        await asyncio.sleep_ms(60)
        assert (await desk.at("AT")).endswith(b"OK\r\n")

    run(body, "sim7000g", saved={"+IPR": 115200, "+CSCLK": 1})


def test_no_sleep_before_the_rate_is_found():
    """HW800L 3.6: in auto-baud a SIM800 does not sleep before it knows its host's rate."""

    async def body(desk):
        await desk.pulse(1100)  # DTR is high
        await asyncio.sleep_ms(30_000)
        assert not desk.modem.power.asleep
        desk.take()
        await desk.expect("AT", b"AT\r\r\nOK\r\n")
        await asyncio.sleep_ms(1000)
        assert desk.modem.power.asleep

    run(body, "sim800l", saved={"+CSCLK": 1})


def test_automatic_sleep():
    """AT800 CSCLK: AT+CSCLK=2 sleeps after 5 s; the first bytes wake it and are lost."""

    async def body(desk):
        await desk.on("AT+CSCLK=2")
        assert desk.modem.power.asleep
        await desk.expect("AT", b"", 90)
        await desk.expect("AT", b"", 20)  # within 100 ms of waking
        await asyncio.sleep_ms(50)
        await desk.expect("AT", b"\r\nOK\r\n", 4000)
        await desk.expect("AT", b"\r\nOK\r\n", 5100)
        assert desk.modem.power.asleep

    run(body, "sim800l")


def test_no_sleep_in_the_middle_of_a_command():
    """tools/virtual: a modem that works or waits for data does not fall asleep."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.expect("AT+CSCLK=1", b"\r\nOK\r\n")
        await desk.expect("AT+CIPSEND=0,3", b"\r\n> ")
        desk.modem.dtr(True)
        await asyncio.sleep_ms(1000)
        await desk.expect(b"abc", b"\r\n0, SEND OK\r\n", 1000)
        assert desk.modem.power.asleep

    on_both(body)


def test_timeline():
    """tools/virtual: what the modem and its radio do is reported in order."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.send(b"x")
        await asyncio.sleep_ms(20_000)
        await desk.at("AT+CPOWD=1", 5000)
        states = [facts["state"] for facts in desk.seen("radio")]
        assert states[:3] == ["search", "idle", "connected"]
        assert states[-2:] == ["idle", "off"]
        names = [name for name, _ in desk.events if name.startswith("modem_")]
        assert names == ["modem_boot", "modem_ready", "modem_stop", "modem_off"]

    on_both(body)
