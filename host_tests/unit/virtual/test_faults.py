"""Faults of the virtual modem's UART, dialogue and supply, byte for byte."""

import asyncio

from unit.virtual.desk import NUMBER, on_both, run

HEAP_K = 256  # the virtual modem and its network, none of which a board holds

_SENDER = "+15550100123"
_OK = b"\r\nOK\r\n"
_CSQ = b"\r\n+CSQ: 18,%d\r\n"


def _csq(desk):
    return _CSQ % desk.modem.profile.csq_bit_errors


def _refused(desk, *arguments, **options):
    try:
        desk.modem.set_fault(*arguments, **options)
    except ValueError as error:
        return str(error)
    raise AssertionError("no error")


def test_names_and_places():
    """DESIGN §6: a fault, or a place for one, that is none is named in the error."""

    async def body(desk):
        assert "'pdp'" in _refused(desk, "pdp")
        assert "'set'" in _refused(desk, "set")
        for name, value in (
            ("bit_flips", "many"), ("error", -1), ("registration", 7), ("signal", (1, 2, 3)),
            ("signal", "low"), ("answer", "AT"), ("answer", ("AT", 5)), ("urc", 5), ("ri", "x"),
            ("garbage", "00"), ("reset", "loud"), ("boot_ms", 1.5), ("sim", "gone"),
        ):  # fmt: skip
            assert f"{name} with the value" in _refused(desk, name, value)
        for when in ({"ms": -1}, {"after": "x"}, {"after_in": 1.5}):
            assert "is no number" in _refused(desk, "error", **when)
        assert "'somewhere'" in _refused(desk, "urc", "X", at="somewhere")

    run(body, "sim800l")


def test_context_lost_at_any_byte():
    """TCP7000 §13: +PDP: DEACT can come at any point, also in the middle of an answer."""

    async def body(desk):
        for position in (0, 1, 2, 9, 15, 20):
            await desk.online()
            whole = _csq(desk) + _OK
            desk.modem.set_fault("pdp_deact", after=position)
            code = b"\r\n+PDP: DEACT\r\n"
            expected = whole[:position] + code + whole[position:]
            await desk.expect("AT+CSQ", expected)
            assert desk.modem.ip.state == "PDP DEACT"
            await desk.expect("AT+CIPSHUT", b"\r\nSHUT OK\r\n", 500)
            await desk.at("AT+CPOWD=1", 5000)
            desk.network._next_context = 1
        await desk.online()
        desk.modem.set_fault("pdp_deact", after_in=4)
        await desk.expect("AT+CSQ", b"\r\n+PDP: DEACT\r\n" + _csq(desk) + _OK)

    on_both(body)


def test_power_fails_at_any_byte():
    """HW800L 3.1: where the supply falls below its limit the module stops, whatever it did."""

    async def body(desk):
        for position in (1, 5, 17):
            await desk.on()
            whole = _csq(desk) + _OK
            desk.modem.set_fault("power_cut", after=position)
            await desk.expect("AT+CSQ", whole[:position], 2000)
            assert desk.modem.state == "off"
        await desk.online()
        await desk.open()
        desk.modem.set_fault("power_cut", after_in=16)
        await desk.expect("AT+CIPSEND=0,9", b"\r\n> ")
        await desk.expect(b"123456789", b"")
        assert desk.modem.state == "off" and desk.received == []

    on_both(body)


def test_no_key_helps_while_there_is_no_supply():
    """HW800L 3.2.1: VBAT has to be there before PWRKEY is pressed."""

    async def body(desk):
        await desk.on()
        desk.modem.set_fault("power_cut", ms=30_000)
        await asyncio.sleep_ms(5000)
        await desk.pulse(1500)
        assert desk.modem.state == "off"
        await asyncio.sleep_ms(25_000)
        await desk.pulse(1100)
        assert desk.modem.state == "booting"

    on_both(body)


def test_brown_out_with_and_without_a_warning():
    """AT800 AT+CBATCHK: UNDER-VOLTAGE WARNNING and POWER DOWN are told only where it is 1."""

    async def body(desk):
        await desk.on()
        desk.modem.set_fault("brown_out", 800)
        await asyncio.sleep_ms(700)
        assert desk.modem.state == "on"
        await asyncio.sleep_ms(300)
        assert desk.modem.state == "off" and desk.take() == b""
        await asyncio.sleep_ms(3000)
        await desk.on("AT+CBATCHK=1")
        desk.modem.set_fault("brown_out", 800)
        await asyncio.sleep_ms(3000)
        assert desk.modem.state == "off"
        assert desk.take() == b"\r\nUNDER-VOLTAGE WARNNING\r\n\r\nUNDER-VOLTAGE POWER DOWN\r\n"
        await desk.on("AT+CBATCHK=1")
        desk.modem.set_fault("under_voltage", after=4)
        await desk.expect("AT", b"\r\nOK\r\nUNDER-VOLTAGE WARNNING\r\n\r\n")
        assert desk.modem.state == "on"

    on_both(body)


def test_a_hung_modem_comes_back_by_its_key():
    """UART7000 §3: a module that hangs answers nothing until it is switched off and on."""

    async def body(desk):
        await desk.on("AT+CNMI=2,1,0,0,0")
        desk.modem.set_fault("hang", after=2)
        await desk.expect("AT", b"\r\n")
        desk.network.sms.send(_SENDER, NUMBER, b"\x40\x01\x02\x03")
        await desk.expect("AT", b"", 5000)
        assert desk.modem.counters["ri_pulses"] == 0
        await desk.pulse(1600)
        await asyncio.sleep_ms(5000)
        assert desk.modem.state == "off" and desk.take() == b""
        await desk.on()
        await desk.expect("AT", _OK)
        desk.modem.set_fault("hang", "hard")
        await desk.pulse(1600)
        await asyncio.sleep_ms(5000)
        assert desk.modem.state == "on"
        desk.modem.supply(False)
        desk.modem.supply(True)
        await asyncio.sleep_ms(3000)
        await desk.on()
        desk.modem.set_fault("hang", ms=3000)
        await desk.expect("AT", b"", 2900)
        await asyncio.sleep_ms(200)
        await desk.expect("AT", _OK)

    on_both(body)


def test_a_reset_that_says_nothing():
    """AT800 1.4: a module that restarts is known by its boot codes, or by nothing but its echo."""

    async def body(desk):
        await desk.on("AT+IPR=115200", "AT&W")
        desk.modem.set_fault("reset")
        await asyncio.sleep_ms(30_000)
        assert desk.take().endswith(b"SMS Ready\r\n")
        await desk.at("ATE0")
        desk.modem.set_fault("reset", "silent", after=3)
        await desk.expect("AT", b"\r\nO", 30_000)
        echo = b"" if "E" in desk.modem.saved else b"AT\r"
        await desk.expect("AT", echo + _OK)
        desk.modem.set_fault("power_cut")
        desk.modem.set_fault("reset")
        assert desk.modem.state == "off"

    on_both(body)


def test_bytes_for_the_host_are_lost():
    """HW800L 3.6: without flow control a receiver that is too slow loses bytes, without a sign."""

    async def body(desk):
        await desk.on()
        whole = _csq(desk) + _OK
        for position in range(len(whole)):
            desk.modem.set_fault("lose_out", 3, after=position)
            await desk.expect("AT+CSQ", whole[:position] + whole[position + 3 :])
            # What is still to be lost at the end goes with the next answer.
            desk.modem.set_fault("lose_out", 0)
        await desk.expect("AT", _OK)

    run(body, "sim800l")


def test_bytes_of_the_host_are_lost():
    """HW800L 3.6: the same, the other way."""

    async def body(desk):
        await desk.on()
        desk.modem.set_fault("lose_in", 2, after_in=1)
        await desk.expect("AT", b"")  # only A is there
        await desk.expect("AT", b"")  # AAT is no command
        await desk.expect("AT", _OK)
        desk.modem.set_fault("lose_in")
        await desk.expect("XAT", _OK)  # X alone is lost

    run(body, "sim800l")


def test_more_at_once_than_a_buffer_takes():
    """HW800L 3.6: codes of more than 2 KiB in one piece."""

    async def body(desk):
        await desk.on()
        pieces = []
        desk.modem.on_output = pieces.append
        desk.modem.set_fault("burst")
        await asyncio.sleep_ms(1000)
        assert len(pieces) == 1 and 2300 <= len(pieces[0]) < 2400
        desk.modem.set_fault("burst", 500)
        await asyncio.sleep_ms(1000)
        assert 500 <= len(pieces[1]) < 600

    run(body, "sim7000g")


def test_flipped_bits():
    """HW800L 3.6: a rate that is off, or noise on the wire, turns single bits."""

    async def body(desk):
        await desk.on()
        desk.modem.set_fault("bit_flips", 1000)
        garbled = await desk.at("AT")
        assert garbled != _OK
        desk.modem.set_fault("bit_flips", 200, ms=4000)
        wrong = 0
        for _ in range(20):
            wrong += (await desk.at("AT")) != _OK
        assert 5 < wrong <= 20
        await asyncio.sleep_ms(500)
        for _ in range(2):
            await desk.at("AT")
        await desk.expect("AT", _OK)

    run(body, "sim800l")


def test_answers_that_are_none():
    """AT800 19.1: +CME ERROR of any number, ERROR, or no answer at all."""

    async def body(desk):
        await desk.on()
        for code in (3, 10, 14, 30):
            desk.modem.set_fault("answer", ("AT+CSQ", f"+CME ERROR: {code}"))
            await desk.expect("AT", _OK)
            await desk.expect("AT+CSQ", b"\r\n+CME ERROR: %d\r\n" % code)
            await desk.expect("AT+CSQ", _csq(desk) + _OK)
        desk.modem.set_fault("no_answer", 2)
        await desk.expect("AT", b"")
        await desk.expect("AT", b"", 60_000)
        await desk.expect("AT", _OK)
        desk.modem.set_fault("error", 2)
        await desk.expect("AT", b"\r\nERROR\r\n")
        await desk.expect("AT+CSQ", b"\r\nERROR\r\n")
        await desk.expect("AT", _OK)

    on_both(body)


def test_late_results():
    """AT800 1.4.5: a result may take its time; what is sent before it waits."""

    async def body(desk):
        await desk.on()
        desk.modem.set_fault("answer_ms", 6000)
        await desk.expect("AT+CSQ", _csq(desk), 5900)
        desk.modem.urc("RING")
        await asyncio.sleep_ms(200)
        assert desk.take() == b"\r\nRING\r\n" + _OK
        desk.modem.set_fault("answer_ms")
        await desk.expect("AT", _OK)

    on_both(body)


def test_prompts():
    """AT800 8.2.3: `> `, which some firmware sends late, without its space, or not at all."""

    async def body(desk):
        await desk.online()
        await desk.open()
        done = b"\r\n0, SEND OK\r\n"
        desk.modem.set_fault("prompt_ms", 4000)
        await desk.expect("AT+CIPSEND=0,3", b"", 3900)
        await asyncio.sleep_ms(200)
        assert desk.take() == b"\r\n> "
        await desk.expect("abc", done)
        await desk.expect("AT+CIPSEND=0,3", b"", 1000)
        await desk.expect(b"def", b"\r\n> " + done, 5000)  # of a host that did not wait
        desk.modem.set_fault("prompt_ms")
        desk.modem.set_fault("prompt", "bare")
        await desk.expect("AT+CIPSEND=0,3", b"\r\n>")
        await desk.expect(b"ghi", done)
        desk.modem.set_fault("prompt")
        desk.modem.set_fault("no_data")
        await desk.expect("AT+CIPSEND=0,3", b"\r\nERROR\r\n")
        await desk.expect("AT", _OK)
        assert [data for data, _ in desk.received] == [b"abc", b"def", b"ghi"]

    async def desk_without_prompt(desk):
        await desk.online()
        await desk.open()
        desk.modem.set_fault("no_prompt")
        await desk.expect("AT+CIPSEND=0,3", b"")
        await desk.expect("AT", b"\r\n0, SEND OK\r\n")  # A, T, CR: three bytes of data
        await desk.expect("AT", _OK)

    run(body, "sim800l")
    on_both(desk_without_prompt)


def test_data_cut_short():
    """AT800 8.2.3: AT+CIPSEND takes exactly its length, however long that lasts."""

    async def body(desk):
        await desk.online()
        await desk.open()
        desk.modem.set_fault("cut", 2)
        await desk.expect("AT+CIPSEND=0,6", b"\r\n> ")
        await desk.expect(b"abcdef", b"", 60_000)
        await desk.expect("A", b"\r\n0, SEND OK\r\n")  # A and CR are the missing bytes
        await asyncio.sleep_ms(500)
        assert desk.received[0][0] == b"abcdA\r"
        await desk.expect("AT", _OK)
        desk.modem.set_fault("cut")
        await desk.expect("AT+CMGS=18", b"\r\n> ")
        pdu = b"0011000B915155100021F30004A704C1C2C3C4"
        await desk.expect(pdu + b"\x1a", b"", 10_000)
        await desk.expect(b"\x1b", _OK)
        await desk.expect("AT", _OK)

    on_both(body)


def test_codes_at_places_of_the_dialogue():
    """AT800 1.4.5: a code may come between echo and answer, answer and result, and around data."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.at("ATE1")
        code = b"\r\nRING\r\n"
        for place, expected in (
            ("echo", b"AT+CSQ\r" + code + _csq(desk) + _OK),
            ("info", b"AT+CSQ\r" + _csq(desk) + code + _OK),
            ("ok", b"AT+CSQ\r" + _csq(desk) + _OK + code),
        ):
            desk.modem.set_fault("urc", "RING", at=place)
            await desk.expect("AT+CSQ", expected)
            await desk.expect("AT+CSQ", b"AT+CSQ\r" + _csq(desk) + _OK)
        await desk.at("ATE0")
        done = b"\r\n0, SEND OK\r\n"
        for place, before, after in (
            ("before_prompt", code + b"\r\n> ", done),
            ("prompt", b"\r\n> ", code + done),  # held back until the data is in
            ("data", b"\r\n> ", code + done),
        ):
            desk.modem.set_fault("urc", "RING", at=place)
            await desk.expect("AT+CIPSEND=0,1", before)
            await desk.expect(b"x", after)
        desk.modem.set_fault("hold_codes", False)
        desk.modem.set_fault("urc", "RING", at="prompt")
        await desk.expect("AT+CIPSEND=0,1", b"\r\n> " + code)
        await desk.expect(b"x", done)

    on_both(body)


def test_a_message_between_info_and_result():
    """AT7000 4.2.8: +CMTI comes when it comes: any call can be given to a place."""

    async def body(desk):
        await desk.on()
        desk.modem.faults.at("info", lambda: desk.modem.urc('+CMTI: "SM",7', "sms"))
        await desk.expect("AT+CSQ", _csq(desk) + b'\r\n+CMTI: "SM",7\r\n' + _OK)
        assert desk.modem.counters["ri_pulses"] == 1

    on_both(body)


def test_context_lost_instead_of_shut_ok():
    """TCP7000 §13: +PDP: DEACT can stand where SHUT OK should; AT+CIPSHUT is due again."""

    async def body(desk):
        await desk.online()
        desk.modem.set_fault("shut_deact")
        await desk.expect("AT+CIPSHUT", b"\r\n+PDP: DEACT\r\n", 1000)
        await desk.expect("AT+CIPMUX=1", b"\r\n+CME ERROR: 3\r\n")
        await desk.expect("AT+CIPSHUT", b"\r\nSHUT OK\r\n", 1000)
        await desk.expect("AT+CIPMUX=1", _OK)

    on_both(body)


def test_no_context():
    """AT800 8.2.10: AT+CIICR ends in ERROR, behind +PDP: DEACT where the network refused it."""

    async def body(desk):
        await desk.on()
        for fault, answer in (
            ("ciicr", b"\r\nERROR\r\n"),
            ("ciicr_deact", b"\r\n+PDP: DEACT\r\n\r\nERROR\r\n"),
        ):
            desk.modem.set_fault(fault, 2)
            for expected in (answer, answer, _OK):
                await desk.at("AT+CIPSHUT", 500)
                await desk.expect('AT+CSTT="internet","",""', _OK)
                await desk.expect("AT+CIICR", expected, 2000)

    on_both(body)


def test_late_connections():
    """AT800 8.2.2: CONNECT OK and CONNECT FAIL come up to 75 s after OK, among other answers."""

    async def body(desk):
        await desk.online()
        desk.modem.set_fault("connect_ms", 70_000)
        start = 'AT+CIPSTART=0,"UDP","203.0.113.9",5683'
        await desk.expect(start, _OK)
        await asyncio.sleep_ms(69_780)
        assert desk.take() == b""
        desk.modem.set_fault("answer_ms", 300)
        await desk.expect("AT+CSQ", _csq(desk) + b"\r\n0, CONNECT OK\r\n" + _OK, 400)
        desk.modem.set_fault("answer_ms")
        await desk.expect(start, b"\r\nERROR\r\n\r\n0, ALREADY CONNECT\r\n", 500)
        await desk.at("AT+CIPCLOSE=0,1", 500)
        desk.modem.set_fault("connect_fail")
        await desk.expect(start, _OK + b"\r\n0, CONNECT FAIL\r\n", 71_000)

    on_both(body)


def test_a_clone_whose_settings_do_not_last():
    """AT800 2.2.45: AT&W saves; some clones answer OK and do not."""

    async def body(desk):
        desk.modem.set_fault("forgetful", True)
        await desk.on("AT+IPR=115200", "AT+CMEE=1", "AT&W")
        await desk.at("AT+CPOWD=1", 5000)
        await desk.on()
        await desk.expect("AT+IPR?;+CMEE?", b"\r\n+IPR: 0\r\n\r\n+CMEE: 0\r\n" + _OK)
        desk.modem.set_fault("forgetful")
        await desk.expect("AT+CMEE=1;&W", _OK)
        await desk.at("AT+CPOWD=1", 5000)
        await desk.on()
        await desk.expect("AT+CMEE?", b"\r\n+CMEE: 1\r\n" + _OK)

    run(body, "sim800l")


def test_a_slow_start():
    """HW7000 table 8: the UART is usable 4.5 s after the key at the earliest."""

    async def body(desk):
        desk.modem.set_fault("boot_ms", 15_000)
        desk.modem.dtr(False)
        await desk.pulse(1100)
        await asyncio.sleep_ms(14_500)
        assert desk.modem.state == "booting"
        await asyncio.sleep_ms(500)
        assert desk.modem.state == "on"

    on_both(body)


def test_ri_that_does_not_tell():
    """HW7000 3.4.3: RI is low for 120 ms; on a board it may be dead, or stuck, or pulse alone."""

    async def body(desk):
        await desk.on()
        desk.ri.clear()
        desk.modem.set_fault("ri_pulse")
        await asyncio.sleep_ms(500)
        assert [level for level, _ in desk.ri] == [False, True]
        desk.modem.set_fault("ri", "dead")
        desk.modem.set_fault("ri_pulse")
        await asyncio.sleep_ms(500)
        assert len(desk.ri) == 2 and desk.modem.ri is True
        desk.modem.set_fault("ri", "low")
        assert desk.modem.ri is False
        desk.modem.set_fault("ri_pulse")
        await asyncio.sleep_ms(500)
        assert len(desk.ri) == 3
        desk.modem.set_fault("ri")
        assert desk.modem.ri is True

    on_both(body)


def test_faults_end():
    """tools/virtual: what holds or waits can be ended at once."""

    async def body(desk):
        await desk.on()
        for name, value in (
            ("error", 9), ("answer_ms", 5000), ("bit_flips", 500), ("registration", 3),
            ("lose_in", 5), ("ri", "low"), ("answer", ("AT", "NO")), ("sim", "busy"),
        ):  # fmt: skip
            desk.modem.set_fault(name, value)
        desk.modem.set_fault("garbage", b"x", after=1)
        desk.modem.set_fault("reset", at="ok")
        desk.modem.clear_faults()
        await asyncio.sleep_ms(20_000)
        desk.take()
        await desk.expect("AT+CPIN?", b"\r\n+CPIN: READY\r\n" + _OK)
        assert desk.modem.radio.stat == 1 and desk.modem.ri is True

    on_both(body)
