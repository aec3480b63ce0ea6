"""From power to a context: rates, echo, SIM, radio, registration, and what an earlier run left."""

import asyncio

from modem.at import ModemError
from modem.sim800 import Sim800
from modem.sim7000 import Sim7000
from shim import virtual_time
from unit.modem.scripted import Bench, run

# What a bench remembers of each command takes more than the firmware.
HEAP_K = 200


async def _fails(bench, *words):
    """Bring the modem up, which must fail with these words; returns the seconds that it took."""
    start = virtual_time.now_ms()
    try:
        await bench.modem.up()
    except ModemError as error:
        for word in words:
            assert word in str(error), (word, str(error))
        return (virtual_time.now_ms() - start) // 1000
    raise AssertionError("up")


def _ok(text):
    return b"\r\n" + text.encode() + b"\r\n\r\nOK\r\n"


def test_auto_baud_is_ended():
    """AT800 IPR: in auto-baud no boot codes are sent, so that a fixed rate is saved, with echo on,
    which tells of a restart; SIM7000 saves it by itself."""

    async def play():
        for driver, saved in ((Sim800, True), (Sim7000, False)):
            bench = Bench({"AT+IPR?": _ok("+IPR: 0")}, driver)
            await bench.modem.up()
            commands = bench.script.commands
            assert "AT+IPR=115200" in commands and ("AT&W" in commands) == saved
            if saved:
                assert commands.index("ATE1") < commands.index("AT&W") < commands.index("ATE0")
        bench = Bench({"AT+CLTS?": _ok("+CLTS: 1")}, Sim800)
        await bench.modem.up()
        commands = bench.script.commands
        assert "AT&W" not in commands and not [text for text in commands if "IPR=" in text]
        refused = {"AT+IPR?": _ok("+IPR: 0"), "AT+IPR=115200": b"\r\nERROR\r\n"}
        bench = Bench(refused, Sim800)
        await bench.modem.up()
        assert bench.modem.state == 2, "a clone that stays in auto-baud is used as it is"

    run(play())


def test_echo_of_the_command_that_ends_it():
    """AT800 ATE: the answer to ATE0 comes with its echo, and AT+X is echoed as AT+X, CR, CR LF."""

    async def play():
        bench = Bench()
        bench.script.echo = True
        await bench.modem.up()
        assert bench.modem.state == 2 and not bench.modem.channel.dropped
        assert "reset" not in bench.names()

    run(play())


def test_flow_control_is_off():
    """UART7000 (IFC): RTS and CTS are not wired, and IFC is not stored."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        assert bench.script.commands[1] == "AT+IFC=0,0"

    run(play())


def test_radio_left_off():
    """AT7000 CFUN: the modem keeps AT+CFUN=0 over a power cut, and has no SIM until it is 1."""

    async def play():
        for level in (0, 4):
            bench = Bench({"AT+CFUN?": [_ok("+CFUN: %d" % level), _ok("+CFUN: 1")]})
            await bench.modem.up()
            commands = bench.script.commands
            assert commands.index("AT+CFUN=1") < commands.index("AT+CPIN?")
        bench = Bench({"AT+CFUN?": _ok("+CFUN: 1")})
        await bench.modem.up()
        assert "AT+CFUN=1" not in bench.script.commands

    run(play())


def test_sim_that_takes_its_time():
    """TS 27.007 §9.2: busy (14) for some seconds; SMS refused until SMS Ready."""

    async def play():
        busy = b"\r\n+CME ERROR: 14\r\n"
        refused = b"\r\nERROR\r\n"
        bench = Bench(
            {
                "AT+CPIN?": [busy, busy, busy, _ok("+CPIN: READY")],
                "AT+CMGF=0": [refused, refused, b"\r\nSMS Ready\r\n\r\nOK\r\n"],
            }
        )
        await bench.modem.up()
        assert bench.script.commands.count("AT+CPIN?") == 4
        assert bench.script.commands.count("AT+CMGF=0") == 3

    run(play())


def test_sim_that_is_not_there():
    """TS 27.007 §9.2: absent, locked, broken, never ready: named, in bounded time."""

    async def play():
        for answer, words, limit_s in (
            (b"\r\n+CME ERROR: 10\r\n", "SIM: not inserted", 10),
            (_ok("+CPIN: NOT INSERTED"), "SIM: not inserted", 10),
            (_ok("+CPIN: SIM PUK"), "unlock it by hand", 2),
            (b"\r\n+CME ERROR: 12\r\n", "PUK needed", 2),
            (b"\r\n+CME ERROR: 13\r\n", "SIM: failure", 40),
            (b"\r\n+CME ERROR: 14\r\n", "+CME ERROR: 14", 40),
            (_ok("+CPIN: NOT READY"), "not ready", 40),
            (_ok("+CPIN: PH-SIM PIN"), "PH-SIM PIN", 40),
        ):
            assert await _fails(Bench({"AT+CPIN?": answer}), words) <= limit_s, words

    run(play())


def test_pin_is_tried_once():
    """TS 27.007 §8.3: a wrong PIN is tried once, also over a sleep of the host; with fewer than
    three tries left, or an unknown number of them, it is not tried at all."""

    async def play():
        answers = {
            "AT+CPIN?": _ok("+CPIN: SIM PIN"),
            'AT+CPIN="1234"': b"\r\n+CME ERROR: 16\r\n",
            "AT+SPIC": _ok("+SPIC: 3,10,0,10"),
        }
        bench = Bench(answers, config={"pin": "1234"})
        for _ in range(5):
            await _fails(bench, "PIN refused")
        assert bench.script.commands.count('AT+CPIN="1234"') == 1
        record = bench.freeze()
        bench = Bench(answers, config={"pin": "1234"})
        bench.thaw(record)
        await _fails(bench, "PIN refused")
        assert 'AT+CPIN="1234"' not in bench.script.commands
        for left in ("+SPIC: 2,10,0,10", "+SPIC: 0,10,0,10"):
            answers["AT+SPIC"] = _ok(left)
            bench = Bench(answers, config={"pin": "1234"})
            await _fails(bench, "tries left")
            assert 'AT+CPIN="1234"' not in bench.script.commands
        answers["AT+SPIC"] = b"\r\nERROR\r\n"
        bench = Bench(answers, config={"pin": "1234"})
        await _fails(bench, "pin_unchecked")
        assert 'AT+CPIN="1234"' not in bench.script.commands
        noted = []  # an owner that remembers lets it be tried once, and hears what became of it

        def tried(pin, accepted):
            noted.append((pin, accepted, 'AT+CPIN="1234"' in bench.script.commands))
            return len(noted) < 3

        bench.modem.pin_tried = tried
        await _fails(bench, "PIN refused")
        bench.modem.pin_refused = False
        await _fails(bench, "tried in vain")
        assert noted == [("1234", None, False), ("1234", False, True), ("1234", None, True)]
        assert bench.script.commands.count('AT+CPIN="1234"') == 1
        await _fails(Bench(answers), "set modem.pin")

    run(play())


def test_states_of_registration():
    """TS 27.007 §7.2: home and roaming will do; denied for 90 s is given up; searching is waited
    for as long as each radio may take; the state that was seen last is named."""

    async def play():
        for status in (1, 5):
            bench = Bench({"AT+CREG?": _ok("+CREG: 0,%d" % status)}, Sim800)
            await bench.modem.up()
        for driver, limits_s in ((Sim800, (180, 200)), (Sim7000, (600, 620))):
            for status, name in ((0, "not searching"), (2, "searching"), (4, "unknown")):
                answers = {}
                for code in ("CREG", "CGREG", "CEREG"):
                    answers["AT+%s?" % code] = _ok("+%s: 0,%d" % (code, status))
                took_s = await _fails(Bench(answers, driver), "REG " + name)
                assert limits_s[0] <= took_s <= limits_s[1], took_s
        answers = {}
        for code in ("CREG", "CGREG", "CEREG"):
            answers["AT+%s?" % code] = _ok("+%s: 0,3" % code)
        took_s = await _fails(Bench(answers, Sim800), "denied")
        assert 90 <= took_s <= 110, took_s
        answers["AT+CREG?"] = [answers["AT+CREG?"]] * 4 + [_ok("+CREG: 0,5")]
        answers["AT+CGREG?"] = _ok("+CGREG: 0,1")
        await Bench(answers, Sim800).modem.up()
        bench = Bench({"AT+CEREG?": _ok("+CEREG: 0,6"), "AT+CGREG?": _ok("+CGREG: 0,6")})
        await _fails(bench, "SMS only")

    run(play())


def test_forms_of_registration():
    """AT7000 CEREG, LPM7080: any number of fields, a code in the midst; CREG 0 or 3 on NB-IoT."""

    async def play():
        line = '+CEREG: 4,1,"5B57","195071B",9,,,"00000001","01011111"'
        code = '+CEREG: 2,"5B57","195071B",9,,,"00000001","01011111"'
        none = {"AT+CREG?": _ok("+CREG: 0,3"), "AT+CGREG?": _ok("+CGREG: 0,0")}
        for text in (
            line,
            code + "\r\n" + line,
            "+CEREG: 0,1",
            "+CEREG: 2,5,,,,,,",
            '+CEREG:2,1,"A"',
        ):
            answers = dict(none)
            answers["AT+CEREG?"] = _ok(text)
            await Bench(answers).modem.up()

    run(play())


def test_packet_service():
    """AT800 CGATT: attached by itself; told to attach; refused three times."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        assert "AT+CGATT=1" not in bench.script.commands
        bench = Bench({"AT+CGATT?": _ok("+CGATT: 0")})
        await bench.modem.up()
        assert "AT+CGATT=1" in bench.script.commands
        bench = Bench({"AT+CGATT?": _ok("+CGATT: 0"), "AT+CGATT=1": b"\r\n+CME ERROR: 30\r\n"})
        assert await _fails(bench, "AT+CGATT=1") < 20

    run(play())


def test_context_refused():
    """AT800 CIICR, CIFSR: ERROR with and without +PDP: DEACT, no address: CIPSHUT between the
    tries, three of them, the access point named and the password not."""

    async def play():
        for command, answer in (
            ("AT+CIICR", b"\r\nERROR\r\n"),
            ("AT+CIICR", b"\r\n+PDP: DEACT\r\n\r\nERROR\r\n"),
            ("AT+CIICR", b"\r\n+CME ERROR: 148\r\n"),
            ("AT+CIFSR", b"\r\nERROR\r\n"),
            ("AT+CIFSR", b"\r\n0.0.0.0\r\n"),
            ("AT+CIPSHUT", b"\r\nERROR\r\n"),
        ):
            bench = Bench({command: answer})
            await _fails(bench, command)
            assert bench.script.commands.count("AT+CIPSHUT") == 3
            good = {command: [answer, answer, b"\r\nOK\r\n"]}
            if command == "AT+CIFSR":
                good[command][2] = b"\r\n10.0.0.1\r\n"
            elif command == "AT+CIPSHUT":
                good[command][2] = b"\r\nSHUT OK\r\n"
            bench = Bench(good)
            await bench.modem.up()
            assert bench.modem.state == 2

    run(play())


def test_lte_and_its_access_points():
    """AT7000 CGDCONT, logs of SIM7000G: a foreign access point in contexts 13 and 14 keeps LTE
    from attaching; the modem attaches anew with what was set, once."""

    async def play():
        stale = (
            '+CGDCONT: 1,"IP","","0.0.0.0"\r\n+CGDCONT: 13,"IPV4V6","old.example","0.0.0.0"\r\n'
            '+CGDCONT: 14,"IP","","0.0.0.0"'
        )
        bench = Bench({"AT+CGDCONT?": _ok(stale)})
        await bench.modem.up()
        commands = bench.script.commands
        for cid in (1, 13):
            assert commands.count('AT+CGDCONT=%d,"IP","iot.example"' % cid) >= 1
        assert not [text for text in commands if text.startswith("AT+CGDCONT=14")]
        assert commands.count("AT+CFUN=0") == 1 and commands.count("ATE0") == 2
        bench = Bench({"AT+CGDCONT?": _ok('+CGDCONT: 1,"IP","iot.example","0.0.0.0"')})
        await bench.modem.up()
        assert "AT+CFUN=0" not in bench.script.commands
        bench = Bench(driver=Sim800)
        await bench.modem.up()
        assert not [text for text in bench.script.commands if "CGDCONT" in text]

    run(play())


def test_radio_is_set_once():
    """AT7000 CNMP, CMNB: kept by the modem, so that they are set where they differ."""

    async def play():
        answers = {"AT+CNMP?": _ok("+CNMP: 38"), "AT+CMNB?": _ok("+CMNB: 1")}
        bench = Bench(answers, config={"network": "nb-iot"})
        await bench.modem.up()
        commands = bench.script.commands
        assert "AT+CMNB=2" in commands and "AT+CNMP=38" not in commands
        assert commands.count("AT+CFUN=0") == 1
        answers["AT+CMNB?"] = _ok("+CMNB: 2")
        bench = Bench(answers, config={"network": "nb-iot"})
        await bench.modem.up()
        assert "AT+CFUN=0" not in bench.script.commands

    run(play())


def test_settings_that_are_gone():
    """AT7000 CMEE: a restart that nobody heard, with echo saved as off, shows in what is set; the
    whole of it is set again before the context is."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        bench.script.answers["AT+CMEE?"] = [_ok("+CMEE: 0"), _ok("+CMEE: 1")]
        bench.modem.channel.feed(b"\r\n+PDP: DEACT\r\n")
        await bench.send()
        assert bench.script.commands.count("AT+CNMI=2,1,0,0,0") == 2
        assert bench.script.payloads == [b"x"] and bench.modem.recoveries == [0] * 5

    run(play())


def test_supply_warnings():
    """HW800L 5 (CBATCHK): the warnings are asked for, and told; what the modem does then is its
    own affair."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        assert "AT+CBATCHK=1" in bench.script.commands
        for line in ("UNDER-VOLTAGE WARNNING", "OVER-VOLTAGE WARNNING"):
            bench.script.emit(b"\r\n" + line.encode() + b"\r\n")
            await asyncio.sleep_ms(10)
            assert bench.events[-1] == ("voltage", {"warning": line})
            assert bench.modem.state == 2
        bench.script.emit(b"\r\nUNDER-VOLTAGE POWER DOWN\r\n")
        await asyncio.sleep_ms(10)
        assert ("voltage", {"warning": "UNDER-VOLTAGE POWER DOWN"}) in bench.events
        assert bench.modem.state == 0

    run(play())


def test_radio_cycle_says_much():
    """AT7000 CFUN: +SAPBR, +PDP: DEACT and +CPIN: NOT READY come before its OK, and boot codes
    after it; none of them is a restart."""

    async def play():
        bench = Bench({"SEND": [b"\r\n0, SEND FAIL\r\n"] * 4 + [b"\r\n0, SEND OK\r\n"]})
        off = b"\r\n+SAPBR 1: DEACT\r\n\r\n+PDP: DEACT\r\n\r\n+CPIN: NOT READY\r\n\r\nOK\r\n"
        bench.script.answers["AT+CFUN=0"] = off
        bench.script.answers["AT+CFUN=1"] = b"\r\nOK\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n"
        await bench.send()
        assert bench.script.payloads[-1] == b"x"
        assert bench.modem.recoveries == [1, 1, 1, 1, 0], bench.modem.recoveries
        resets = [facts["reason"] for name, facts in bench.events if name == "reset"]
        assert resets == ["radio cycle"], resets

    run(play())
