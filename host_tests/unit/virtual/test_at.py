"""The command line of the virtual modem, byte for byte."""

import asyncio

from unit.virtual.desk import on_both, run

HEAP_K = 256  # the virtual modem and its network, none of which a board holds


def test_echo():
    """AT800 ATE, logs: AT\\r\\r\\nOK\\r\\n with echo; ATE0 is answered with its own echo."""

    async def body(desk):
        await desk.pulse(1100)
        await asyncio.sleep_ms(20_000)
        desk.take()
        await desk.expect("AT", b"AT\r\r\nOK\r\n")
        await desk.expect("AT+GMM", b"AT+GMM\r\r\n%s\r\n\r\nOK\r\n" % _model(desk))
        await desk.expect("ATE0", b"ATE0\r\r\nOK\r\n")
        desk.take()
        await desk.expect("AT", b"\r\nOK\r\n")
        await desk.expect("ATE1", b"\r\nOK\r\n")
        await desk.expect("AT", b"AT\r\r\nOK\r\n")

    def _model(desk):
        return desk.modem.profile.model.encode()

    run(body, "sim800l")


def test_echo_comes_as_bytes_come():
    """AT Manual §1.4: each character is echoed when it comes."""

    async def body(desk):
        await desk.on("ATE1")
        await desk.expect(b"AT+C", b"AT+C")
        await desk.expect(b"SQ\r", b"SQ\r\r\n+CSQ: 18,0\r\n\r\nOK\r\n")

    run(body, "sim800l")


def test_joined_commands():
    """AT Manual §1.4: commands joined by `;` give their lines and one result."""

    async def body(desk):
        await desk.on("AT+CMEE=1")
        await desk.expect("AT+CSQ;+CPIN?", b"\r\n+CSQ: 18,0\r\n\r\n+CPIN: READY\r\n\r\nOK\r\n")
        await desk.expect("ATE0V1;+CMEE?", b"\r\n+CMEE: 1\r\n\r\nOK\r\n")
        # An error ends the line: what follows is not run.
        await desk.expect("AT+CSQ;+NONE;+CPIN?", b"\r\n+CSQ: 18,0\r\n\r\nERROR\r\n")
        await desk.expect('AT+CSTT="a;b","",""', b"\r\nOK\r\n")
        await desk.expect("AT+CSTT?", b'\r\n+CSTT: "a;b","",""\r\n\r\nOK\r\n')

    run(body, "sim800l")


def test_names_in_any_case():
    """AT Manual §1.4: commands are taken in capitals and small letters."""

    async def body(desk):
        await desk.on()
        await desk.expect("at+cpin?", b"\r\n+CPIN: READY\r\n\r\nOK\r\n")

    on_both(body)


def test_unknown_command():
    """AT Manual §1.4: an unknown command gives ERROR."""

    async def body(desk):
        await desk.on("AT+CMEE=1")
        for command in ("AT+NONE", "AT+NONE?", "AT+NONE=1", "AT+", "ATX9", "AT?", "AT+CMEE=7"):
            await desk.expect(command, b"\r\nERROR\r\n")

    on_both(body)


def test_lte_commands_are_unknown_to_sim800():
    """AT800, AT7000 (contents): AT+CEREG? on SIM800 -> ERROR; CMGDA is not on SIM7000."""

    async def sim800(desk):
        await desk.on()
        for command in ("AT+CEREG?", "AT+CPSI?", "AT+CNMP?", "AT+CMNB?", "AT+CIFSREX"):
            await desk.expect(command, b"\r\nERROR\r\n")

    async def sim7000(desk):
        await desk.on()
        await desk.expect("AT+CMGDA=6", b"\r\nERROR\r\n")
        await desk.expect("AT+CSCLK=2", b"\r\nERROR\r\n")

    run(sim800, "sim800l")
    run(sim7000, "sim7000g")


def test_error_forms():
    """AT800 CMEE: AT+CMEE 0 ERROR, 1 number, 2 text."""

    async def body(desk):
        desk.modem.set_fault("sim", "absent")
        await desk.on()
        await desk.expect("AT+CPIN?", b"\r\nERROR\r\n")
        await desk.at("AT+CMEE=1")
        await desk.expect("AT+CPIN?", b"\r\n+CME ERROR: 10\r\n")
        await desk.at("AT+CMEE=2")
        await desk.expect("AT+CPIN?", b"\r\n+CME ERROR: SIM not inserted\r\n")

    on_both(body)


def test_line_of_556_characters():
    """SIM800 AT Manual §1.4: more than 556 characters in a line give ERROR."""

    async def body(desk):
        await desk.on()
        spaces = b" " * (556 - 5)
        await desk.expect(b"AT" + spaces + b"+CSQ"[:3] + b"\r", b"\r\nERROR\r\n")  # "+CS"
        await desk.expect(b"AT+" + b"A" * 553 + b"\r", b"\r\nERROR\r\n")
        await desk.expect(b"AT" + b" " * 554 + b"\r", b"\r\nOK\r\n")
        await desk.expect(b"AT" + b" " * 555 + b"\r", b"\r\nERROR\r\n")
        await desk.expect("AT", b"\r\nOK\r\n")

    on_both(body)


def test_noise_is_not_answered():
    """AT Manual §1.4: only a line that begins with AT is a command."""

    async def body(desk):
        await desk.on()
        for noise in (b"\r\r\n\r", b"\x1a", b"OK\r", b"\xff\xfe\xfd\r", b"+CSQ\r"):
            await desk.expect(noise, b"")
        await desk.expect("AT", b"\r\nOK\r\n")
        await desk.expect(b"ATX\x08\r", b"\r\nOK\r\n")

    on_both(body)


def test_any_bytes_do_no_harm():
    """DESIGN §6: whatever the host sends, the modem goes on working."""

    async def body(desk):
        await desk.online()
        await desk.open()
        state = 12345
        pieces = (b"AT", b"+CIP", b"+CM", b"GS", b"SEND", b"=", b"?", b",", b'"', b";", b"0", b"9")
        for _ in range(400):
            line = b"AT+"
            for _ in range(8):
                state = state * 1103515245 + 12345 & 0x7FFFFFFF
                index = state >> 16
                line += pieces[index % 12] if index & 16 else bytes((index & 255,))
            desk.modem.write(line + b"\r")
            await asyncio.sleep_ms(20)
            desk.take()
            desk.events.clear()
        tails = ("", "?", "=?", "=", "=,,,", '="', "=-1", "=99999999999", '=0,"",""', "=a;b")
        for name in sorted(desk.modem.line.commands):
            desk.take()
            desk.events.clear()
            for tail in tails:
                if name not in ("+CPOWD", "+CFUN", "+IPR", "E", "&F"):
                    desk.modem.write(b"AT" + name.encode() + tail.encode() + b"\r")
                    await asyncio.sleep_ms(100)
        for _ in range(3):
            desk.modem.write(b"\x1b" * 700 + b"\r")  # out of any prompt
            await asyncio.sleep_ms(60_000)
            desk.take()
        assert (await desk.at("AT")).endswith(b"\r\nOK\r\n")

    on_both(body)


def test_next_command_before_the_result():
    """SIM800 AT Manual §1.4.5: a command sent before the last result waits, and is counted."""

    async def body(desk):
        await desk.on()
        await desk.expect(b"AT\rAT+CSQ\r", b"\r\nOK\r\n\r\n+CSQ: 18,0\r\n\r\nOK\r\n")
        assert desk.modem.counters["overlaps"] == 1

    run(body, "sim800l")


def test_codes_at_any_position():
    """Virtual modem: a code can land at any byte of the output."""

    async def body(desk):
        await desk.on()
        whole = b"\r\n+CSQ: 18,0\r\n\r\nOK\r\n"
        code = b'\r\n+CMTI: "SM",1\r\n'
        for position in range(1, len(whole) + 1):
            desk.modem.interrupt(code, position)
            await desk.expect("AT+CSQ", whole[:position] + code + whole[position:])
        desk.modem.interrupt(code, 2)
        desk.modem.interrupt(b"X", 3)
        await desk.expect("AT", b"\r\n" + code + b"OK\r" + b"X" + b"\n")

    run(body, "sim800l")


def test_faults_of_the_line():
    """Virtual modem: ERROR without a reason, garbage, no prompt."""

    async def body(desk):
        await desk.online()
        await desk.open()
        desk.modem.set_fault("error", 2)
        await desk.expect("AT", b"\r\nERROR\r\n")
        await desk.expect("AT+CSQ", b"\r\nERROR\r\n")
        await desk.expect("AT", b"\r\nOK\r\n")
        desk.modem.set_fault("garbage", b"\x80\x00\xff")
        await asyncio.sleep_ms(5)
        assert desk.take() == b"\x80\x00\xff"
        desk.modem.set_fault("no_prompt")
        await desk.expect("AT+CIPSEND=0,3", b"")
        await desk.expect("AT", b"\r\n0, SEND OK\r\n")  # A, T, CR: three bytes of data
        await desk.expect("AT", b"\r\nOK\r\n")
        try:
            desk.modem.set_fault("none")
        except ValueError as error:
            assert "none" in str(error)
        else:
            raise AssertionError("no error")

    on_both(body)


def test_factory_and_saved_settings():
    """AT800 CSCLK: AT&F and ATZ leave AT+CSCLK as it is."""

    async def body(desk):
        await desk.on("AT+CMEE=1", "AT+CSCLK=1", "AT&W", "AT+CMEE=2", "ATZ")
        await desk.expect("AT+CMEE?;+CSCLK?", b"\r\n+CMEE: 1\r\n\r\n+CSCLK: 1\r\n\r\nOK\r\n")
        await desk.at("AT&F")
        await desk.at("ATE0")
        await desk.expect("AT+CMEE?;+CSCLK?", b"\r\n+CMEE: 0\r\n\r\n+CSCLK: 1\r\n\r\nOK\r\n")

    run(body, "sim800l")


def test_identity():
    """AT800 GSN, CIMI, CCID: IMEI, IMSI and ICCID are bare lines."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+GSN", b"\r\n866000000000014\r\n\r\nOK\r\n")
        await desk.expect("AT+CGSN", b"\r\n866000000000014\r\n\r\nOK\r\n")
        await desk.expect("AT+CIMI", b"\r\n001010000000014\r\n\r\nOK\r\n")
        await desk.expect("AT+CCID", b"\r\n89000000000000000148\r\n\r\nOK\r\n")
        await desk.expect("AT+CBC", b"\r\n+CBC: 0,85,3980\r\n\r\nOK\r\n")
        await desk.expect("AT+CNUM", b"\r\nOK\r\n")
        desk.modem.sim.listed_number = True
        await desk.expect("AT+CNUM", b'\r\n+CNUM: "","+4790000001",145\r\n\r\nOK\r\n')
        await desk.expect("AT+IFC=0,0", b"\r\nOK\r\n")
        await desk.expect("AT+IFC?", b"\r\n+IFC: 0,0\r\n\r\nOK\r\n")

    on_both(body)
