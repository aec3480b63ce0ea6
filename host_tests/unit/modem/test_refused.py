"""Commands that a modem does not have, and answers in other words: what is not needed for a
datagram stops nothing."""

import asyncio

from modem.sim800 import Sim800
from modem.sim7000 import Sim7000
from unit.modem.scripted import CONFIG, PEER, Bench, run

# What a bench remembers of each command takes more than the firmware.
HEAP_K = 200

A = "0791447700090000040C914477000910320004621122900000000E54020001C0FFEE01B13101300138"


def _ok(text):
    return b"\r\n" + text.encode() + b"\r\n\r\nOK\r\n"


def test_settings_that_are_refused():
    """AT800 19.1, TS 27.007 §9.2: flow control, time, RI, battery, sleep, rate, saving, numbers of
    errors, storage, routing of messages, source of datagrams: each may be unknown."""

    async def play():
        names = "IFC=0,0 IPR? IPR=115200 CLTS? CLTS=1 CMEE=1 CFUN? CFGRI=1 CBATCHK=1 CMGL=4"
        names += " CSCLK=1 CNMI=2,1,0,0,0 CNMI=1,1,0,0,0 CIPSRIP=1 CIPQSEND=0 CAPNMODE=1 CGDCONT?"
        names += ' CPMS="SM","SM","SM"'
        for final in (b"ERROR", b"+CME ERROR: 58", b"+CME ERROR: unknown"):
            refusal = b"\r\n" + final + b"\r\n"
            for driver in (Sim800, Sim7000):
                answers = {"AT+" + name: refusal for name in names.split(" ")}
                answers["AT&W"] = answers["ATE1"] = refusal
                bench = Bench(answers, driver)
                await bench.modem.up()
                assert await bench.sms.drain() == 0
                await bench.send()
                assert bench.script.payloads == [b"x"] and bench.power.pulses == []
                assert bench.sms.dropped == {"unread": 1}

    run(play())


def test_messages_that_are_never_ready():
    """AT800 19.3 (SMS Ready): a SIM without messages hinders no datagram; when it is ready after
    all, the modem is set up for them and read."""

    async def play():
        refused = b"\r\nERROR\r\n"
        bench = Bench({"AT+CMGF=0": refused}, slots={3: (33, A)})
        await bench.send()
        assert bench.script.payloads == [b"x"]
        assert ("refused", {"command": "AT+CMGF", "answer": "for 15 s"}) in bench.events
        assert "AT+CNMI=2,1,0,0,0" not in bench.script.commands
        bench.script.answers["AT+CMGF=0"] = b"\r\nOK\r\n"
        bench.script.emit(b"\r\nSMS Ready\r\n")
        await asyncio.sleep_ms(10)
        await bench.idle()
        assert "AT+CNMI=2,1,0,0,0" in bench.script.commands
        assert len(bench.got) == 1 and bench.script.slots == {}

    run(play())


def test_routing_in_the_other_mode():
    """AT7000 4.2.8 (CNMI): where mode 2 is refused, mode 1 routes likewise."""

    async def play():
        for storing, first, second in (
            (True, "AT+CNMI=2,1,0,0,0", "AT+CNMI=1,1,0,0,0"),
            (False, "AT+CNMI=2,2,0,0,0", "AT+CNMI=1,2,0,0,0"),
        ):
            bench = Bench({first: b"\r\n+CME ERROR: 3\r\n"}, Sim800, {"sms_storing": storing})
            await bench.modem.up(1)
            assert bench.script.commands.count(second) == 1
            assert "refused" not in bench.names()

    run(play())


def test_heads_of_datagrams():
    """AT800 CIPSRIP, TCP7000 3.1: the source with and without colon, quotes and spaces; one that
    is another's is not taken."""

    async def play():
        for head in (
            "+RECEIVE,0,2:",
            "+RECEIVE,0,2,203.0.113.9:5683",
            "+RECEIVE,0,2,203.0.113.9:5683:",
            '+RECEIVE,0,2,"203.0.113.9:5683":',
            '+RECEIVE,0,2,"203.0.113.9":5683',
            '+RECEIVE,0,2,"203.0.113.9",5683:',
            '+RECEIVE, 0, 2, "203.0.113.9", "5683"',
        ):
            bench = Bench()
            await bench.send()
            bench.script.emit(b"\r\n" + head.encode() + b"\r\nhi")
            await asyncio.sleep_ms(10)
            assert bench.got == [(b"hi", PEER)], head
        bench = Bench()
        await bench.send()
        bench.script.emit(b'\r\n+RECEIVE,0,2,"203.0.113.9",5684:\r\nhi\r\n+RECEIVE,x,2:\r\n')
        await asyncio.sleep_ms(10)
        assert bench.got == [] and bench.udp.dropped == {"foreign": 1, "receive_header": 1}

    run(play())


def test_heads_of_what_is_read():
    """AT800 CIPRXGET: the source in quotes, spaces between the fields."""

    async def play():
        for head in ('2,0,2,0,"203.0.113.9:5683"', '2,0,2,0,"203.0.113.9","5683"', "2, 0, 2, 0"):
            answer = b"\r\n+CIPRXGET: " + head.encode() + b"\r\nhi\r\nOK\r\n"
            empty = _ok("+CIPRXGET: 2,0,0,0")
            reading = {"AT+CIPRXGET=2,0,1024": [answer, empty]}
            bench = Bench(reading, config={"udp_manual": True})
            await bench.send()
            await bench.send()
            assert bench.got == [(b"hi", PEER)], head

    run(play())


def test_manner_of_an_earlier_firmware():
    """AT800 CIPRXGET: a modem that another firmware told to keep what comes in is told anew."""

    async def play():
        for manual, told in ((False, "AT+CIPRXGET=0"), (True, "AT+CIPRXGET=1")):
            bench = Bench(config={"udp_manual": manual})
            await bench.modem.up()
            commands = bench.script.commands
            assert commands.count(told) == 1
            assert commands.index("AT+CIPMUX=1") < commands.index(told)
            assert ("AT+CIPSRIP=1" in commands) is not manual

    run(play())


def test_pin_accepted_and_ready_late():
    """TS 27.007 §8.3: a PIN that was accepted is not entered again while the SIM still asks."""

    async def play():
        wanted = _ok("+CPIN: SIM PIN")
        answers = {
            "AT+CPIN?": [wanted, wanted, b"\r\n+CME ERROR: 11\r\n", _ok("+CPIN: READY")],
            "AT+SPIC": _ok("+SPIC: 3,10,0,10"),
            # A SIM that is unlocked already refuses it.
            'AT+CPIN="1234"': [b"\r\nOK\r\n", b"\r\n+CME ERROR: 3\r\n"],
        }
        bench = Bench(answers, config={"pin": "1234"})
        await bench.modem.up()
        assert bench.script.commands.count('AT+CPIN="1234"') == 1

    run(play())


def test_no_word_for_the_packet_domain():
    """TS 27.007 §10.1.20: a modem without CGREG is registered when CREG says so; one that has it
    is not before both do."""

    async def play():
        bench = Bench({"AT+CGREG?": b"\r\nERROR\r\n"}, Sim800)
        await bench.modem.up()
        searching = {"AT+CGREG?": [_ok("+CGREG: 0,2"), _ok("+CGREG: 0,1")]}
        bench = Bench(searching, Sim800)
        await bench.modem.up()
        assert bench.script.commands.count("AT+CGREG?") == 2

    run(play())


def test_endings_in_other_words():
    """AT800 CIPSHUT, CPOWD: OK instead of, or before, the words of the manual."""

    async def play():
        going = b"\r\nOK\r\n\r\nNORMAL POWER DOWN\r\n"
        bench = Bench({"AT+CIPSHUT": b"\r\nOK\r\n", "AT+CPOWD=1": going})
        await bench.send()
        assert bench.script.commands.count("AT+CIPSHUT") == 1
        await bench.modem.power_off()
        assert bench.modem.rests and bench.power.pulses == []

    run(play())


def test_rate_that_cannot_be_set():
    """AT800 AT+IPR: a modem that keeps the rate at which it was found is talked to at that."""

    async def play():
        config = dict(CONFIG)
        config["baudrate"] = 57600
        bench = Bench({"AT+IPR=57600": b"\r\nERROR\r\n"}, Sim800, config)
        script = bench.script
        script.silent = True
        rates = []

        def set_baudrate(rate):
            rates.append(rate)
            script.silent = rate != 9600

        script.set_baudrate = set_baudrate
        await bench.send()
        assert rates[-1] == 9600 and script.payloads == [b"x"] and bench.power.pulses == []

    run(play())
