"""The AT channel: lines, prompt, payloads and codes in any piece, time-outs and restarts."""

import asyncio

from modem.at import Channel, ModemError, ModemReset
from shim import virtual_time
from unit.modem.scripted import Script, run


def channel(script):
    made = Channel(script, virtual_time.now_ms, nothing, nothing)
    made.open()
    return made


def nothing(*facts):
    """Nobody is told."""


def dialogue(answers, *steps, chunk=0):
    """Run commands (text, keywords) and return (their responses, the channel)."""

    async def play():
        script = Script(answers, chunk)
        made = channel(script)
        made.script = script
        results = []
        for step in steps:
            text, keywords = step if isinstance(step, tuple) else (step, {})
            results.append(await made.command(text, **keywords))
        return results, made

    return run(play())


def test_endings():
    """AT manual: OK, ERROR, +CME, +CMS, SHUT OK, a bare address."""
    answers = {
        "AT+CSQ": b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n",
        "AT+BAD": b"\r\nERROR\r\n",
        "AT+CPIN?": b"\r\n+CME ERROR: 10\r\n",
        "AT+CMGR=1": b"\r\n+CMS ERROR: 321\r\n",
        "AT+CIPSHUT": b"\r\nSHUT OK\r\n",
        "AT+CIFSR": b"\r\n10.1.2.3\r\n",
        "AT+CIPCLOSE=3,1": b"\r\n3, CLOSE OK\r\n",
    }
    for chunk in (0, 1, 3):
        results, made = dialogue(
            answers,
            "AT+CSQ",
            "AT+BAD",
            "AT+CPIN?",
            "AT+CMGR=1",
            ("AT+CIPSHUT", {"finals": ("SHUT OK",)}),
            ("AT+CIFSR", {"finals": (".",)}),
            ("AT+CIPCLOSE=3,1", {"finals": ("3,CLOSE OK",)}),
            chunk=chunk,
        )
        assert [r.final for r in results] == [
            "OK",
            "ERROR",
            "+CME ERROR: 10",
            "+CMS ERROR: 321",
            "SHUT OK",
            "10.1.2.3",
            "3,CLOSE OK",
        ]
        assert [r.ok for r in results] == [True, False, False, False, True, False, True]
        assert results[0].value("+CSQ:") == "18,99" and results[1].value("+CSQ:") is None
        assert made.dropped == {}


def test_echo_on_and_off():
    """AT manual (ATE): the echo is no answer; echo after ATE0 is a restart without a word."""

    async def play():
        script = Script({"AT+GSN": b"\r\n867962040000012\r\n\r\nOK\r\n"})
        script.echo = True
        made = channel(script)
        response = await made.command("AT+GSN")
        assert response.lines == ["867962040000012"]
        made.echo_off = True
        lines = []
        made.on_reset = lines.append
        try:
            await made.command("AT+CSQ")
            raise AssertionError("no reset")
        except ModemReset:
            assert lines == ["echo"]
        assert (await made.command("AT+GSN")).ok

    run(play())


def test_prompt_without_line_end():
    """AT manual: `> ` has no line end; the payload follows it, whatever it holds."""
    payload = b"\r\nOK\r\n> \x1a\x1b"
    for chunk in (0, 1):
        results, made = dialogue(
            {},
            ("AT+CIPSEND=0,%d" % len(payload), {"payload": payload, "finals": ("0,SEND OK",)}),
            chunk=chunk,
        )
        assert results[0].ok and made.script.payloads == [payload]
    results, _ = dialogue(
        {"AT+CIPSEND=1,3": b"\r\nERROR\r\n"}, ("AT+CIPSEND=1,3", {"payload": b"abc"})
    )
    assert results[0].final == "ERROR"


def test_prompt_that_never_comes():
    """AT manual (CIP) (send): after a time-out the modem is brought back into step."""

    async def play():
        script = Script({"AT+CIPSEND=0,4": b""})
        made = channel(script)
        response = await made.command("AT+CIPSEND=0,4", payload=b"abcd")
        assert response.final == "TIMEOUT" and not response.ok
        before = len(script.commands)
        assert (await made.command("AT+CSQ")).ok
        # filled up, asked with AT, and then the command itself
        assert script.commands[before:][-2:] == ["AT", "AT+CSQ"]

    run(play())


def test_late_answer_is_not_the_next_one():
    """AT manual: an OK that comes after the time-out does not end another command."""

    async def play():
        script = Script({"AT+SLOW": b"", "AT+CSQ": b"\r\n+CSQ: 9,99\r\n\r\nOK\r\n"})
        made = channel(script)
        assert (await made.command("AT+SLOW", 1000)).final == "TIMEOUT"
        script.emit(b"\r\n+SLOW: 1\r\n\r\nOK\r\n")
        response = await made.command("AT+CSQ")
        assert response.ok and response.lines == ["+CSQ: 9,99"]
        script.silent = True
        assert (await made.command("AT+CSQ")).final == "TIMEOUT"
        start = virtual_time.now_ms()
        assert (await made.command("AT+CSQ")).final == "TIMEOUT"
        assert virtual_time.now_ms() - start < 2000

    run(play())


def test_counted_payload_may_hold_anything():
    """AT manual (CIP) (+RECEIVE): octets are counted, never read as lines."""
    data = b'\r\nOK\r\n+CMTI: "SM",1\r\n> \x00\xff'
    stream = (
        b"\r\n+RECEIVE,0,%d,203.0.113.9:5683:\r\n" % len(data)
        + data
        + b"\r\n+CSQ: 3,0\r\n\r\nOK\r\n"
    )

    def header(line):
        got.append(line)
        return int(line.split(",")[2]), got.append

    for size in range(1, len(stream)):
        got = []
        made = Channel(None, lambda: 0, nothing, nothing)
        made.on("+RECEIVE,", header)
        for at in range(0, len(stream), size):
            made.feed(stream[at : at + size])
        assert got == ["+RECEIVE,0,%d,203.0.113.9:5683:" % len(data), data], size
        assert made.dropped == {}


def test_payload_cut_short():
    """AT manual (IPR) (overflow): a cut payload does not swallow what follows."""
    times = [0]
    got = []
    made = Channel(None, lambda: times[0], nothing, nothing)
    made.on("+RECEIVE,", lambda line: (int(line.split(",")[2].rstrip(":")), got.append))
    made.on("+CMTI:", got.append)
    made.feed(b"\r\n+RECEIVE,0,100:\r\nonly this")
    times[0] = 5000
    made.feed(b'\r\n+CMTI: "SM",2\r\n')
    assert got == ['+CMTI: "SM",2'] and made.dropped == {"payload_cut": 1}
    made.feed(b"\r\n+RECEIVE,0,99999:\r\n\r\n+CMTI: x\r\n")
    assert got[-1] == "+CMTI: x" and made.dropped["payload_length"] == 1


def test_codes_between_any_two_lines():
    """TS 27.005 §3: a code before, inside and after an answer reaches its handler."""
    parts = (b"\r\n+CMGR: 0,,36\r\n", b"0011\r\n", b"\r\nOK\r\n")
    code = b'\r\n+CMTI: "SM",7\r\n'

    async def play():
        for place in range(3):
            answer = b"".join(parts[:place]) + code + b"".join(parts[place:])
            script = Script({"AT+CMGR=3": answer})
            made = channel(script)
            codes = []
            made.on("+CMTI:", codes.append)
            response = await made.command("AT+CMGR=3")
            assert response.ok and response.lines == ["+CMGR: 0,,36", "0011"]
            assert codes == ['+CMTI: "SM",7']

    run(play())


def test_code_between_any_two_octets():
    """TS 27.005 §3: wherever a code cuts in, the next command is answered."""
    answer = b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    code = b'\r\n+CMTI: "SM",7\r\n'

    async def play():
        for place in range(len(answer) + 1):
            script = Script({"AT+CSQ": answer[:place] + code + answer[place:], "AT+CREG?": answer})
            made = channel(script)
            codes = []
            made.on("+CMTI:", codes.append)
            response = await made.command("AT+CSQ", 1000)
            assert response.final in ("OK", "TIMEOUT")
            assert codes == ['+CMTI: "SM",7'], place
            assert (await made.command("AT+CREG?")).lines == ["+CSQ: 18,99"], place

    run(play())


def test_two_line_code():
    """TS 27.005 §3: `+CMT:` and its PDU are one code; another line is read as usual."""
    made = Channel(None, lambda: 0, nothing, nothing)
    got = []

    def direct(line):
        def pdu(text):
            if text == "RDY":
                return False
            got.append((line, text))
            return None

        return pdu

    made.on("+CMT:", direct)
    resets = []
    made.on_reset = resets.append
    made.feed(b"\r\n+CMT: ,36\r\n0791\r\n\r\n+CMT: ,12\r\nRDY\r\n")
    assert got == [("+CMT: ,36", "0791")] and resets == ["RDY"]


def test_restart_ends_the_command():
    """AT manual: boot codes outside a boot mean that everything is lost."""

    async def play():
        for line in (b"RDY", b"+CFUN: 1", b"SMS Ready", b"UNDER-VOLTAGE POWER DOWN"):
            script = Script({"AT+CSQ": b"\r\n" + line + b"\r\n"})
            made = channel(script)
            seen = []
            made.on_reset = seen.append
            try:
                await made.command("AT+CSQ", 60_000)
                raise AssertionError(line)
            except ModemReset as error:
                assert "AT+CSQ" in str(error)
            assert seen == [line.decode()]
            assert (await made.command("AT+GSN")).ok

    run(play())


def test_boot_codes_during_a_boot():
    """AT manual (boot codes): expected during a start, and just after."""

    async def play():
        made = channel(Script())
        seen = []
        made.on_reset = seen.append
        made.boot(True)
        made.feed(
            b"\x00\x49\x49\x49\x49\xff\xff\xff\xff\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\nCall Ready\r\n"
        )
        made.boot(False)
        made.feed(b"\r\nSMS Ready\r\n")
        assert seen == []
        await asyncio.sleep_ms(30_000)
        made.feed(b"\r\nCall Ready\r\n")
        assert seen == ["Call Ready"]

    run(play())


def test_noise_and_endless_lines():
    """AT manual (boot): octets that are not text, a line without end, no memory taken by it."""

    async def play():
        script = Script({"AT+COPS?": b'\r\n+COPS: 0,0,"T\x80\xfeX"\r\n\r\nOK\r\n'})
        made = channel(script)
        script.emit(b"\xff\xfe\x80" * 100 + b"\r\n" + b"x" * 5000 + b"\r\n")
        response = await made.command("AT+COPS?")
        assert response.ok and response.lines == ['+COPS: 0,0,"TX"']
        assert made.dropped["line_too_long"] == 1 and made.dropped["garbage"] >= 1

    run(play())


def test_many_lines_are_bounded():
    """TS 27.005 §3 (CMGL): an endless answer is kept in part only."""
    results, made = dialogue({"AT+CMGL=4": b"\r\n+CMGL: 1\r\n" * 60 + b"\r\nOK\r\n"}, "AT+CMGL=4")
    assert results[0].ok and len(results[0].lines) == 40 and made.dropped == {"lines": 20}


def test_late_connect_result_inside_an_answer():
    """AT manual: `n, CONNECT OK` with and without its space, at any place."""

    async def play():
        for text in (b"2, CONNECT OK", b"2,CONNECT OK"):
            script = Script({"AT+CSQ": b"\r\n" + text + b"\r\n\r\n+CSQ: 1,0\r\n\r\nOK\r\n"})
            made = channel(script)
            response = await made.command("AT+CSQ")
            assert response.ok and response.value("+CSQ:") == "1,0"
            assert response.lines[0] == "2,CONNECT OK"

    run(play())


def test_closed_uart():
    """DESIGN.md §6: what can never answer raises at once."""

    class Closed(Script):
        async def read(self):
            return b""

    async def play():
        made = channel(Closed())
        for _ in range(2):
            try:
                await made.command("AT")
                raise AssertionError("no error")
            except ModemReset:
                raise
            except ModemError:
                pass

    run(play())


def test_one_command_at_a_time():
    """DESIGN.md §3 (Modem): commands of several tasks queue behind one lock."""

    async def play():
        script = Script()
        made = channel(script)

        async def ask(text):
            assert (await made.command(text)).ok

        await asyncio.gather(*[ask("AT+N%d" % i) for i in range(5)])
        assert sorted(script.commands) == ["AT+N%d" % i for i in range(5)]

    run(play())


def test_noise_without_end():
    """ESP32 UART: bytes that never stop coming leave the other tasks their turns."""

    class Noise:
        async def read(self):
            return b"\xff\x00"

        def write(self, data):
            pass

    async def play():
        made = channel(Noise())
        for _ in range(5):
            await asyncio.sleep_ms(0)
        made.close()

    run(play())
