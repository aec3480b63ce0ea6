"""SIM, registration and network information of the virtual modem."""

import asyncio

from unit.virtual.desk import on_both, run

from tools.virtual import profiles

HEAP_K = 256  # the virtual modem and its network, none of which a board holds


def test_sim_is_busy_for_a_second():
    """TS 27.007 §9.2 (14), logs: AT+CPIN? may give SIM busy (14) for about a second."""

    async def body(desk):
        await desk.pulse(1100)
        await asyncio.sleep_ms(desk.modem.profile.boot_ms)
        for command in ("AT", "ATE0", "AT+CMEE=1"):
            await desk.at(command, 20)
        await desk.expect("AT+CPIN?", b"\r\n+CME ERROR: 14\r\n", 20)
        await desk.expect("AT+CMGF=0", b"\r\n+CMS ERROR: 314\r\n", 20)
        await asyncio.sleep_ms(1500)
        desk.take()
        await desk.expect("AT+CPIN?", b"\r\n+CPIN: READY\r\n\r\nOK\r\n")
        await desk.expect("AT+CMGF=0", b"\r\nERROR\r\n")  # until SMS Ready

    on_both(body)


def test_absent_sim():
    """AT800 CPIN, TS 27.007 §9.2: +CPIN: NOT INSERTED; CME 10; put in later it comes up."""

    async def body(desk):
        desk.modem.set_fault("sim", "absent")
        await desk.pulse(1100)
        await asyncio.sleep_ms(30_000)
        assert desk.take().endswith(b"\r\n+CFUN: 1\r\n\r\n+CPIN: NOT INSERTED\r\n")
        await desk.at("ATE0;+CMEE=1")
        await desk.expect("AT+CPIN?", b"\r\n+CME ERROR: 10\r\n")
        await desk.expect("AT+CIMI", b"\r\n+CME ERROR: 10\r\n")
        await desk.expect("AT+CREG?", b"\r\n+CREG: 0,0\r\n\r\nOK\r\n")
        await desk.expect("AT+CMGF=0", b"\r\n+CMS ERROR: 310\r\n")
        desk.modem.set_fault("sim", "ready")
        await asyncio.sleep_ms(15_000)
        assert desk.take().startswith(b"\r\n+CPIN: READY\r\n")
        await desk.expect("AT+CGATT?", b"\r\n+CGATT: 1\r\n\r\nOK\r\n")

    run(body, "sim7000g", saved={"+IPR": 115200})


def test_pin():
    """TS 27.007 §8.3: SIM PIN; three wrong ones ask for the PUK."""

    async def body(desk):
        desk.modem.set_fault("sim", "pin")
        await desk.on("AT+CMEE=1")
        await desk.expect("AT+CPIN?", b"\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n")
        await desk.expect("AT+CIMI", b"\r\n+CME ERROR: 11\r\n")
        await desk.expect('AT+CPIN="9999"', b"\r\n+CME ERROR: 16\r\n")
        await desk.expect('AT+CPIN="1234"', b"\r\nOK\r\n\r\n+CPIN: READY\r\n")
        await desk.expect("AT+CPIN?", b"\r\n+CPIN: READY\r\n\r\nOK\r\n")
        desk.modem.set_fault("sim", "pin")
        await asyncio.sleep_ms(100)
        assert desk.take() == b"\r\n+CPIN: SIM PIN\r\n"
        for left in range(3, 0, -1):
            if desk.modem.profile.pin_tries:
                await desk.expect("AT+SPIC", b"\r\n+SPIC: %d,10,3,10\r\n\r\nOK\r\n" % left)
            else:
                await desk.expect("AT+SPIC", b"\r\nERROR\r\n")
            await desk.expect("AT+CPIN=1111", b"\r\n+CME ERROR: 16\r\n")
        await desk.expect("AT+CPIN?", b"\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n")

    on_both(body)
    run(body, profiles.sim800l(pin_tries=False))


def test_pin_is_asked_for_after_each_start():
    """3GPP TS 27.007 §8.3: a card with a PIN wants it again after a power cycle."""

    async def body(desk):
        desk.modem.set_fault("sim", "pin")
        for _ in range(2):
            await desk.on()
            await desk.expect("AT+CPIN?", b"\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n")
            await desk.expect('AT+CPIN="1234"', b"\r\nOK\r\n\r\n+CPIN: READY\r\n")
            await desk.at("AT+CPOWD=1", 5000)

    on_both(body)


def test_registration_codes():
    """AT manuals, CREG: +CREG has <n> in the answer, not in the code; SIM7000 adds the access."""

    async def body(desk):
        await desk.on("AT+CREG=2", "AT+CGREG=1")
        await asyncio.sleep_ms(20)
        desk.modem.set_fault("registration", 3)
        await asyncio.sleep_ms(20)
        first = desk.take()
        assert first == b"\r\n+CREG: 3\r\n\r\n+CGREG: 3\r\n"
        desk.modem.set_fault("registration", None)
        await asyncio.sleep_ms(20_000)
        codes = desk.take()
        return codes, await desk.at("AT+CREG?"), await desk.at("AT+CGREG?")

    codes, creg, cgreg = run(body, "sim800l")
    assert codes == (
        b'\r\n+CREG: 2\r\n\r\n+CGREG: 2\r\n\r\n+CREG: 1,"00C3","1A2B"\r\n\r\n+CGREG: 1\r\n'
    )
    assert creg == b'\r\n+CREG: 2,1,"00C3","1A2B"\r\n\r\nOK\r\n'
    assert cgreg == b"\r\n+CGREG: 1,1\r\n\r\nOK\r\n"
    codes, creg, cgreg = run(body, "sim7000g")
    assert codes == (
        b'\r\n+CREG: 2\r\n\r\n+CGREG: 2\r\n\r\n+CREG: 1,"5B57","195071B",7\r\n\r\n+CGREG: 1\r\n'
    )
    assert creg == b'\r\n+CREG: 2,1,"5B57","195071B",7\r\n\r\nOK\r\n'


def test_nb_iot_is_not_in_creg():
    """logs of SIM7000: on NB-IoT CREG stays 0,0 while CGREG and CEREG are 1."""

    async def body(desk):
        await desk.on("AT+CNMP=38", "AT+CMNB=2", "AT+CEREG=4")
        await desk.expect("AT+CREG?", b"\r\n+CREG: 0,0\r\n\r\nOK\r\n")
        await desk.expect("AT+CGREG?", b"\r\n+CGREG: 0,1\r\n\r\nOK\r\n")
        await desk.expect(
            "AT+CEREG?",
            b'\r\n+CEREG: 4,1,"5B57","195071B",9,,,"00000000","00000000"\r\n\r\nOK\r\n',
        )
        await desk.expect("AT+COPS?", b'\r\n+COPS: 0,0,"Virtual",9\r\n\r\nOK\r\n')
        await desk.expect(
            "AT+CPSI?",
            b"\r\n+CPSI: LTE NB-IOT,Online,001-01,0x5B57,26543899,457,EUTRAN-BAND20,6352,0,0,"
            b"-7,-84,-77,14\r\n\r\nOK\r\n",
        )
        await desk.at("AT+CNMP=13", 20_000)
        await desk.expect("AT+CEREG=0", b"\r\nOK\r\n")
        await desk.expect(
            "AT+CREG?;+CEREG?", b"\r\n+CREG: 0,1\r\n\r\n+CEREG: 0,0\r\n\r\nOK\r\n"
        )
        await desk.expect(
            "AT+CPSI?",
            b"\r\n+CPSI: GSM,Online,001-01,0x00c3,6699,97 EGSM 900,-77,0,39-65\r\n\r\nOK\r\n",
        )

    run(body, "sim7000g")


def test_access_that_is_not_there():
    """AT7000 CNMP, CMNB: without a network of the chosen kind it goes on searching."""

    async def body(desk):
        desk.modem.radio.access = ("GSM",)
        await desk.on("AT+CNMP=38")
        await desk.expect("AT+CGREG?", b"\r\n+CGREG: 0,2\r\n\r\nOK\r\n")
        await desk.expect("AT+CPSI?", b"\r\n+CPSI: NO SERVICE,Online\r\n\r\nOK\r\n")
        await desk.expect("AT+COPS?", b"\r\n+COPS: 0\r\n\r\nOK\r\n")
        await desk.at("AT+CNMP=2", 20_000)
        await desk.expect("AT+COPS?", b'\r\n+COPS: 0,0,"Virtual",0\r\n\r\nOK\r\n')

    run(body, "sim7000g")


def test_signal():
    """AT800 CSQ, AT7000 CSQ: +CSQ; 0,0 for seconds after boot; SIM7000's bit error rate is 99."""

    async def body(desk):
        await desk.pulse(1100)
        await asyncio.sleep_ms(desk.modem.profile.boot_ms)
        await desk.at("AT", 20)
        await desk.at("ATE0", 20)
        errors = desk.modem.profile.csq_bit_errors
        await desk.expect("AT+CSQ", b"\r\n+CSQ: 0,%d\r\n\r\nOK\r\n" % errors, 20)
        await asyncio.sleep_ms(15_000)
        desk.take()
        await desk.expect("AT+CSQ", b"\r\n+CSQ: 18,%d\r\n\r\nOK\r\n" % errors)
        desk.modem.set_fault("signal", 99)
        await desk.expect("AT+CSQ", b"\r\n+CSQ: 99,%d\r\n\r\nOK\r\n" % errors)

    on_both(body)


def test_operator_scan_and_choice():
    """AT800 COPS: AT+COPS=? takes its time; AT+COPS=2 leaves the network."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+COPS=?", b"", 20_000)
        await asyncio.sleep_ms(15_000)
        assert desk.take() == (
            b'\r\n+COPS: (2,"Virtual","Virtual","00101"),,(0-4),(0-2)\r\n\r\nOK\r\n'
        )
        await desk.expect("AT+COPS=2", b"\r\nOK\r\n")
        await desk.expect("AT+CREG?;+COPS?", b"\r\n+CREG: 0,0\r\n\r\n+COPS: 0\r\n\r\nOK\r\n")
        await desk.expect("AT+COPS=0", b"\r\nOK\r\n", 10_000)
        await desk.expect("AT+CREG?", b"\r\n+CREG: 0,1\r\n\r\nOK\r\n")

    run(body, "sim800l")


def test_packet_service():
    """AT800 CGATT: AT+CGATT; lost, it takes the context along."""

    async def body(desk):
        await desk.online()
        await desk.expect("AT+CGATT?", b"\r\n+CGATT: 1\r\n\r\nOK\r\n")
        desk.modem.set_fault("detach")
        await asyncio.sleep_ms(20)
        assert desk.take() == b"\r\n+PDP: DEACT\r\n"
        await desk.expect("AT+CGATT?", b"\r\n+CGATT: 0\r\n\r\nOK\r\n")
        await desk.expect("AT+CGATT=1", b"\r\nOK\r\n", 1000)
        await desk.expect("AT+CGATT?", b"\r\n+CGATT: 1\r\n\r\nOK\r\n")
        desk.modem.set_fault("registration", 2)
        await desk.expect("AT+CGATT=1", b"\r\n+CME ERROR: 30\r\n")

    on_both(body)


def test_functionality():
    """AT800 CFUN, logs: AT+CFUN=0 gives its codes before the OK; =1 comes back."""

    async def body(desk):
        await desk.online()
        await desk.expect(
            "AT+CFUN=0",
            b"\r\n+SAPBR 1: DEACT\r\n\r\n+PDP: DEACT\r\n\r\n+CPIN: NOT READY\r\n\r\nOK\r\n",
        )
        await desk.expect("AT+CFUN?", b"\r\n+CFUN: 0\r\n\r\nOK\r\n")
        await desk.expect(
            "AT+CREG?;+CSQ", b"\r\n+CREG: 0,0\r\n\r\n+CSQ: 99,0\r\n\r\nOK\r\n"
        )
        await desk.expect("AT+CFUN=1", b"\r\nOK\r\n")
        await asyncio.sleep_ms(15_000)
        assert desk.take() == b"\r\n+CPIN: READY\r\n\r\nCall Ready\r\n\r\nSMS Ready\r\n"
        await desk.expect("AT+CREG?", b"\r\n+CREG: 0,1\r\n\r\nOK\r\n")

    run(body, "sim800l")


def test_clock():
    """AT800 CCLK, CLTS: CCLK is local; AT+CLTS=1 takes the network's on registering."""

    async def body(desk):
        desk.network.sms.zone_quarters = 32
        await desk.on()
        before = await desk.at("AT+CCLK?")
        await desk.at("AT+CLTS=1")
        desk.modem.set_fault("registration", None)
        await asyncio.sleep_ms(10_000)
        return before, desk.take(), await desk.at("AT+CCLK?")

    before, codes, after = run(body, "sim800l")
    assert before == b'\r\n+CCLK: "04/01/01,00:00:18+00"\r\n\r\nOK\r\n'
    assert codes == b'\r\nDST: 0\r\n\r\n*PSUTTZ: 2026,1,1,0,0,28, "+32",0\r\n'
    assert after == b'\r\n+CCLK: "26/01/01,08:00:32+32"\r\n\r\nOK\r\n'
    before, codes, after = run(body, "sim7000g")
    assert before == b'\r\n+CCLK: "80/01/06,00:00:16+00"\r\n\r\nOK\r\n'
    assert codes == b'\r\nDST: 0\r\n\r\n*PSUTTZ: 26/01/01,00:00:30","+32",0\r\n'


def test_contexts_are_kept():
    """AT7000 CGDCONT: AT+CGDCONT is kept in flash."""

    async def body(desk):
        await desk.on('AT+CGDCONT=1,"IP","internet"')
        await desk.at("AT+CPOWD=1", 5000)
        await desk.on()
        await desk.expect(
            "AT+CGDCONT?", b'\r\n+CGDCONT: 1,"IP","internet","0.0.0.0",0,0\r\n\r\nOK\r\n'
        )

    on_both(body)
