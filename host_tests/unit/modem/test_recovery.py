"""The recovery ladder: what each rung does, how long it takes, and what comes after the last."""

import asyncio

from modem.at import ModemError, ModemReset
from modem.sim800 import Sim800
from shim import virtual_time
from unit.modem.scripted import Bench, run

# What a bench remembers of each command takes more than the firmware.
HEAP_K = 200

START = 'AT+CIPSTART=0,"UDP","203.0.113.9",5683'
FAILS = b"\r\n0, SEND FAIL\r\n"
SENT = b"\r\n0, SEND OK\r\n"


def _commands(bench, since):
    return bench.script.commands[since:]


def test_each_rung():
    """TCP7000 §13: a send that fails n times is sent again, by a new socket, a new context, a new
    radio, a modem switched off and on; each is counted and told, and each comes once."""

    async def play():
        for fails in range(1, 7):
            bench = Bench({"AT+CPOWD=1": b"\r\nNORMAL POWER DOWN\r\n"})
            await bench.send(b"0")
            bench.script.answers["SEND"] = [FAILS] * fails + [SENT]
            start = virtual_time.now_ms()
            since = len(bench.script.commands)
            await bench.send(b"1")
            rungs = min(fails, 5)
            assert bench.modem.recoveries == [1] * rungs + [0] * (5 - rungs)
            told = [facts["rung"] for name, facts in bench.events if name == "recovering"]
            assert told == list(range(rungs)), told
            commands = _commands(bench, since)
            assert ("AT+CIPCLOSE=0,1" in commands) == (rungs > 1)
            assert ("AT+CIPSHUT" in commands) == (rungs > 2)
            assert ("AT+CFUN=0" in commands) == (rungs > 3)
            assert ("AT+CPOWD=1" in commands) == (rungs > 4)
            assert bench.udp.dropped == ({} if fails < 6 else {"unsent": 1})
            assert virtual_time.now_ms() - start < 120_000

    run(play())


def test_rungs_are_bounded():
    """AT800: with every answer as late as its time-out allows, or none, a rung ends in the time
    that ladder.py gives for it."""

    async def play():
        # The time of a rung: from its event to the next.
        limits_s = (25, 120, 180 + 360, 180 + 360, 180 + 480)
        for word in ("AT+CIPSEND=0,1", START, "AT+CIICR", "AT+CGATT?", "AT+CPIN?", "AT+CFUN=0"):
            bench = Bench({"SEND": FAILS}, Sim800)
            await bench.modem.up()
            times = _stamped(bench.modem)
            bench.script.answers[word] = b""
            start = virtual_time.now_ms()
            await bench.send()
            times.append((virtual_time.now_ms(), None, "end"))
            climbs = [each for each in times if each[2] in ("recovering", "end")]
            assert len(climbs) > 1, word
            for i in range(len(climbs) - 1):
                took_s = (climbs[i + 1][0] - climbs[i][0]) // 1000
                assert took_s <= limits_s[climbs[i][1]], (word, climbs[i][1], took_s)
            assert virtual_time.now_ms() - start < 1_800_000

    run(play())


def _stamped(modem):
    times = []

    def event(name, facts):
        times.append((virtual_time.now_ms(), facts.get("rung"), name))

    modem.on_event = event
    return times


def test_backoff_grows_and_is_capped():
    """TCP7000 §13: after the last rung datagrams are refused for 30 s, doubling to 15 min; a modem
    that can attach begins anew with the first that gets through."""

    async def play():
        bench = Bench({"SEND": FAILS, "AT+CPOWD=1": b"\r\nNORMAL POWER DOWN\r\n"})
        pauses = []
        for _ in range(8):
            await bench.send()
            pauses.append((bench.udp.retry_at - virtual_time.now_ms() + 150) // 1000)
            dropped = bench.udp.dropped.get("backoff", 0)
            await bench.send()
            assert bench.udp.dropped["backoff"] == dropped + 1
            await asyncio.sleep_ms(bench.udp.retry_at - virtual_time.now_ms())
            bench.script.commands.clear()
            bench.events.clear()
        assert pauses == [30, 60, 120, 240, 480, 900, 900, 900], pauses
        bench.script.answers["SEND"] = SENT
        await bench.send()
        assert bench.udp.failures == 0

    run(play())


def test_no_network():
    """TS 27.007 §7.2: without a network the modem is switched off and on once, and then sleeps, so
    that SMS reach it when the network is back; each fourth climb alone switches it again."""

    async def play():
        none = {
            "AT+CREG?": b"\r\n+CREG: 0,2\r\n\r\nOK\r\n",
            "AT+CPOWD=1": b"\r\nNORMAL POWER DOWN\r\n",
        }
        bench = Bench(none, Sim800, {"attach_s": 60})
        counts = []
        for _ in range(6):
            await bench.send()
            assert bench.modem.state == 1
            assert bench.modem.asleep or "AT+CMGL=4" in bench.script.commands
            counts.append(bench.modem.recoveries[4])
            await asyncio.sleep_ms(900_000)
        assert counts == [1, 1, 1, 1, 2, 2], counts
        bench.script.emit(b'\r\n+CMTI: "SM",1\r\n')
        await bench.idle()
        assert bench.script.commands[-1] == "AT+CMGL=4" and not bench.modem.asleep
        bench = Bench(none, Sim800, {"attach_s": 60, "idle": "off"})
        await bench.send()
        assert bench.modem.state == 0 and bench.modem.rests

    run(play())


def test_everything_is_sent_and_nothing_comes_back():
    """TCP7000 §13: a context that is dead without a word: after 10 datagrams the context is
    cycled, after 20 the radio, after 40 and 80 the modem; whatever comes in begins anew."""

    async def play():
        bench = Bench({"AT+CPOWD=1": b"\r\nNORMAL POWER DOWN\r\n"})
        seen = []
        for count in range(85):
            await bench.send()
            if sum(bench.modem.recoveries) > len(seen):
                seen.append((count, bench.modem.recoveries.copy()))
        assert seen == [
            (10, [0, 0, 1, 0, 0]),
            (20, [0, 0, 1, 1, 0]),
            (40, [0, 0, 1, 1, 1]),
            (80, [0, 0, 1, 1, 2]),
        ], seen
        bench.script.emit(b"\r\n+RECEIVE,0,2,203.0.113.9:5683:\r\nhi")
        await bench.send()
        record = bench.freeze()
        other = Bench()
        other.thaw(record)
        assert other.udp.unheard == bench.udp.unheard == 1 and other.udp.patience == 10
        assert other.modem.recoveries == [0, 0, 1, 1, 2]

    run(play())


def test_context_lost_at_any_point():
    """AT800 CIPSHUT: +PDP: DEACT before, inside and after each answer of a send; CIPSHUT and the
    whole of the context follow, and the datagram arrives."""

    async def play():
        code = b"\r\n+PDP: DEACT\r\n"
        for place in ("AT+CIPSEND=0,1", "SEND", START, "AT+CIPSHUT", "AT+CIICR", "AT+CIFSR"):
            for after in (False, True):
                bench = Bench()
                if place != START:
                    await bench.send(b"0")
                if place in ("AT+CIPSHUT", "AT+CIICR", "AT+CIFSR"):
                    bench.modem.channel.feed(code)  # so that the context is made anew
                normal = bench.script.answers.get(place)
                if place == "AT+CIPSEND=0,1":
                    spoilt = code if after else code + b"\r\nERROR\r\n"
                elif place == START:
                    spoilt = b"\r\nOK\r\n" + code if after else code + b"\r\nERROR\r\n"
                elif place == "AT+CIICR":
                    spoilt = code + b"\r\nERROR\r\n" if after else b"\r\nERROR\r\n"
                else:
                    normal = normal or b"\r\nOK\r\n"
                    spoilt = normal + code if after else code + normal
                bench.script.answers[place] = [spoilt, normal or b"\r\nOK\r\n"]
                if place == "AT+CIPSEND=0,1":
                    # The prompt belongs to the script: a list would answer it for ever.
                    _once(bench.script, place, spoilt)
                before = bench.script.commands.count("AT+CIPSHUT")
                await bench.send(b"1")
                assert bench.script.payloads[-1] == b"1", (place, after, bench.events[-6:])
                assert not bench.udp.dropped, (place, after)
                if place in ("SEND", START, "AT+CIPSEND=0,1"):
                    await bench.send(b"2")
                    assert bench.script.commands.count("AT+CIPSHUT") > before, (place, after)

    run(play())


def _once(script, command, answer):
    """Answer one command in this way, and then as the script does."""
    script.answers.pop(command, None)
    usual = script._answer

    def said(name):
        if name == command:
            script._answer = usual
            return answer
        return usual(name)

    script._answer = said


def test_socket_that_is_not_there():
    """AT800 CIPSEND: ERROR or +CME ERROR and no prompt; the socket is closed and opened anew."""

    async def play():
        for answer in (b"\r\nERROR\r\n", b"\r\n+CME ERROR: 3\r\n"):
            bench = Bench()
            await bench.send(b"0")
            bench.script.answers["AT+CIPCLOSE=0,1"] = b"\r\n+CME ERROR: 3\r\n"
            _once(bench.script, "AT+CIPSEND=0,1", answer)
            await bench.send(b"1")
            assert bench.script.payloads == [b"0", b"1"]
            assert bench.modem.recoveries == [0, 1, 0, 0, 0]

    run(play())


def test_storage_is_looked_at_hourly():
    """TS 27.005 (storage full): no code tells that it is full; where datagrams go, the messages
    are listed once an hour."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        for _ in range(16):
            await bench.send()
            bench.script.emit(b"\r\n+RECEIVE,0,2,203.0.113.9:5683:\r\nhi")
            await asyncio.sleep_ms(900_000)
        assert 3 <= bench.script.commands.count("AT+CMGL=4") <= 4
        bench.script.silent = True
        bench.script.answers = {}
        before = virtual_time.now_ms()
        await asyncio.sleep_ms(3_600_000)
        await bench.send()
        await asyncio.sleep_ms(60_000)
        assert not bench.sms.busy and virtual_time.now_ms() - before < 5_400_000

    run(play())


def test_a_modem_that_only_restarts():
    """HW800L 3.2: a supply that breaks down at every transmission is named as such."""

    async def play():
        bench = Bench({"AT+CGATT?": b"\r\nRDY\r\n"})
        try:
            await bench.modem.up()
            raise AssertionError("up")
        except ModemReset:
            raise
        except ModemError as error:
            assert "keeps restarting; check its supply" in str(error)

    run(play())


def test_one_that_has_no_key():
    """Boards (SIM800L breakout): PWRKEY is not wired, so that AT+CPOWD would be for good."""

    async def play():
        bench = Bench({"SEND": [FAILS] * 5 + [SENT]}, Sim800)
        bench.power.key = False
        await bench.send()
        assert "AT+CFUN=1,1" in bench.script.commands
        await bench.modem.power_off()
        assert bench.script.commands[-1] == "AT+CFUN=0" and not bench.modem.rests
        bench.script.answers["AT+CFUN?"] = b"\r\n+CFUN: 0\r\n\r\nOK\r\n"
        await bench.modem.up()
        assert bench.script.commands.count("AT+CFUN=1") == 2
        assert not [text for text in bench.script.commands if "CPOWD" in text]

    run(play())


def test_switching_off_what_was_off():
    """HW7000 T8: the key that shall switch a silent modem off may switch it on; it is heard, and
    told to go off."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        bench.script.silent = True
        bench.script.answers["AT+CPOWD=1"] = b"\r\nNORMAL POWER DOWN\r\n"

        def pressed():
            bench.script.silent = False

        bench.power.on_pulse = pressed
        await bench.modem.power_off()
        assert bench.power.pulses == [1300] and bench.script.commands[-1] == "AT+CPOWD=1"
        assert bench.modem.rests and bench.modem.state == 0

    run(play())
