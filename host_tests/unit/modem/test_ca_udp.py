"""UDP by the CA* commands against scripted answers: both forms of whatever documents differ in."""

import asyncio
import sys

from modem.sim7000 import Sim7000
from modem.sim7080 import Sim7080
from shim import virtual_time
from unit.modem.scripted import PEER, SETTINGS, Bench, Script, run

HEAP_K = 96  # a script for each form of each answer
OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"
UP_7080 = (
    b'\r\n+CNACT: 0,1,"10.64.3.9"\r\n+CNACT: 1,0,"0.0.0.0"\r\n'
    b'+CNACT: 2,0,"0.0.0.0"\r\n+CNACT: 3,0,"0.0.0.0"\r\n' + OK
)
DOWN_7080 = UP_7080.replace(b'0,1,"10.64.3.9"', b'0,0,"0.0.0.0"')
OPEN_7080 = 'AT+CAOPEN=0,0,"UDP","203.0.113.9",5683'
OPEN_7000 = 'AT+CAOPEN=0,"203.0.113.9",5683'
OPENED = b"\r\n+CAOPEN: 0,0\r\n" + OK
STATE = b"\r\n+CASTATE: 0,1\r\n" + OK
ANSWERS = {
    OPEN_7080: OPENED,
    OPEN_7000: OPENED,
    "SEND": OK,
    "AT+CASTATE?": STATE,
}


class CaScript(Script):
    """Answers AT+CASEND=n,length with `prompt`."""

    prompt = b"\r\n>"

    def _command(self, command):
        if command.startswith("AT+CASEND=") and command not in self.answers:
            self.commands.append(command)
            self._wanted = int(command.split(",")[1])
            self.emit(self.prompt)
        else:
            Script._command(self, command)


class CaBench(Bench):
    """A SIM7080, or a SIM7000 with the CA* commands, on such a script."""

    def __init__(self, answers=None, driver=Sim7080, config=None):
        table = dict(ANSWERS)
        table["AT+CNACT?"] = [DOWN_7080, UP_7080]
        if driver is Sim7000:
            up = b'\r\n+CNACT: 1,"10.64.3.9"\r\n' + OK
            table["AT+CNACT?"] = [b'\r\n+CNACT: 0,"0.0.0.0"\r\n' + OK, up]
        table.update(answers or {})
        settings = {"udp_set": "ca"}
        settings.update(config or {})
        Bench.__init__(self, table, driver, settings)
        table = dict(SETTINGS)
        for name in list(table):
            if "CIP" in name or "CIFSR" in name:
                del table[name]
        table.update(self.script.answers)
        script = CaScript(table)
        self.script = self.modem.channel.uart = script

    def sent(self, start):
        """The commands that begin so."""
        return [each for each in self.script.commands if each.startswith(start)]


def waits(data, form=b"%d,"):
    """Answers for a modem in which `data` waits on connection 0, and then nothing."""
    return {
        "AT+CARECV?": [
            b"\r\n+CARECV: 0,%d\r\n" % len(data) + OK,
            b"\r\n+CARECV: 0,0\r\n" + OK,
        ],
        "AT+CARECV=0,%d" % len(data): b"\r\n+CARECV: " + form % len(data) + data + OK,
    }


def test_context_and_socket_of_a_sim7080():
    """AT7080 AT+CNCFG, AT+CNACT, AT+CAOPEN, AT+CASEND: what is said, in order."""

    async def play():
        bench = CaBench()
        await bench.send(b"hello")
        commands = bench.script.commands
        assert commands[commands.index("AT+CNACT?") :] == [
            "AT+CNACT?",
            'AT+CNCFG=0,1,"iot.example"',
            "AT+CASRIP=1",
            "AT+CNACT=0,1",
            "AT+CNACT?",
            OPEN_7080,
            "AT+CASEND=0,5",
        ], commands
        assert bench.script.payloads == [b"hello"]
        assert bench.modem.info["ip"] == "10.64.3.9" and not bench.sent("AT+CIP")

    run(play())


def test_context_and_socket_of_a_sim7000():
    """AT7000 5.2.31, 18.2.1 to 18.2.5: the access point in CNACT, the identifier before CAOPEN."""

    async def play():
        for form in (b'1,"10.64.3.9"', b'0,1,"10.64.3.9"'):
            off = b'\r\n+CNACT: 0,"0.0.0.0"\r\n' + OK
            answers = {"AT+CNACT?": [off, off, b"\r\n+CNACT: " + form + b"\r\n" + OK]}
            config = {"user": "me", "password": "secret", "local_port": 5700}
            bench = CaBench(answers, Sim7000, config)
            await bench.send(b"hello")
            commands = bench.script.commands
            assert commands[commands.index('AT+CNCFG=1,"iot.example","me","secret",3') :] == [
                'AT+CNCFG=1,"iot.example","me","secret",3',
                "AT+CASRIP=1",
                'AT+CNACT=1,"iot.example"',
                "AT+CNACT?",
                "AT+CNACT?",
                "AT+CACID=0",
                'AT+CASSLCFG=0,"ssl",0',
                'AT+CASSLCFG=0,"protocol",1',
                'AT+CASSLCFG=0,"localport",5700',
                OPEN_7000,
                "AT+CASEND=0,5",
            ], commands
            assert bench.modem.info["ip"] == "10.64.3.9"

    run(play())


def test_a_context_that_is_already_up():
    """TCP7080 (activation): that of an earlier run is ended first, with its sockets."""

    async def play():
        bench = CaBench({"AT+CNACT?": [UP_7080, UP_7080, DOWN_7080, UP_7080]})
        await bench.send(b"x")
        assert bench.sent("AT+CNACT=") == ["AT+CNACT=0,0", "AT+CNACT=0,1"]
        assert bench.script.payloads == [b"x"]

    run(play())


def test_a_context_that_is_refused():
    """TCP7080 (activation): after OK, `+APP PDP: 0,DEACTIVE` is a refusal, silence a long wait."""

    async def play():
        deactive = OK + b"\r\n+APP PDP: 0,DEACTIVE\r\n"
        for answer, least, most in ((deactive, 0, 20), (ERROR, 0, 20), (OK, 60, 400)):
            bench = CaBench({"AT+CNACT?": DOWN_7080, "AT+CNACT=0,1": answer})
            start = virtual_time.now_ms()
            try:
                await bench.modem.up()
                raise AssertionError("up")
            except Exception as error:
                assert "no context for APN iot.example" in str(error), error
            took_s = (virtual_time.now_ms() - start) // 1000
            assert least <= took_s <= most, took_s
            assert len(bench.sent("AT+CNACT=0,1")) == 3

    run(play())


def test_the_prompt_and_the_end_of_a_send():
    """AT7000 18.2.5: `>` with a space or without; the result of older firmware, or OK only."""

    async def play():
        for prompt in (b"\r\n>", b"\r\n> ", b"\r\n>\r\n"):
            for end in (OK, OK + b"\r\n+CASEND: 0,0,5\r\n", b"\r\n+CASEND: 0,0,5\r\n" + OK):
                for chunk in (0, 1):
                    bench = CaBench({"SEND": end}, Sim7000)
                    bench.script.prompt = prompt
                    bench.script.chunk = chunk
                    await bench.send(b"hello")
                    await bench.send(b"again")
                    assert bench.script.payloads == [b"hello", b"again"], (prompt, end)
                    assert bench.modem.recoveries == [0] * 5 and not bench.udp.dropped

    run(play())


def test_firmware_without_a_result_line_is_waited_for_once():
    """AT7000 18.2.5: 1529B10 V02 ends in OK only; older firmware's result has 3 s."""

    async def play():
        bench = CaBench({}, Sim7000)
        await bench.send(b"first")
        for limit_ms, end in ((60, OK), (60, OK)):
            bench.script.answers["SEND"] = end
            start = virtual_time.now_ms()
            bench.udp.send(b"next", PEER)
            while bench.udp.busy:
                await asyncio.sleep_ms(10)
            assert virtual_time.now_ms() - start <= limit_ms

    run(play())


def test_a_send_that_fails():
    """AT7000 18.2.5 (result): told before or after OK, or ERROR: another socket is opened."""

    async def play():
        for end in (OK + b"\r\n+CASEND: 0,1,0\r\n", ERROR, b"\r\n+CME ERROR: 3\r\n"):
            bench = CaBench({"SEND": [end, OK + b"\r\n+CASEND: 0,0,5\r\n"]}, Sim7000)
            await bench.send(b"hello")
            assert bench.script.payloads == [b"hello", b"hello"]
            assert bench.modem.recoveries == [0, 1, 0, 0, 0]
            assert bench.sent("AT+CACLOSE=") == ["AT+CACLOSE=0"]
            assert len(bench.sent("AT+CAOPEN=")) == 2 and not bench.udp.dropped

    run(play())


def test_open_in_both_orders():
    """AT7000 18.2.3 (asyncOpen_enable): the result before OK, or behind it."""

    async def play():
        for answer in (OPENED, OK + b"\r\n+CAOPEN: 0,0\r\n"):
            bench = CaBench({OPEN_7080: answer})
            await bench.send(b"x")
            assert bench.script.payloads == [b"x"]
        bench = CaBench({OPEN_7080: OK})
        await bench.modem.up()
        bench.udp.send(b"x", PEER)
        await asyncio.sleep_ms(40_000)
        assert bench.udp.busy and not bench.script.payloads
        bench.script.emit(b"\r\n+CAOPEN: 0,0\r\n")
        await bench.idle()
        assert bench.script.payloads == [b"x"]

    run(play())


def test_open_that_fails():
    """AT7000 18.2.3 (result): OK ends it with any result; a cid still in use is closed."""

    async def play():
        for code in (1, 2, 12, 20, 21, 27):
            bench = CaBench({OPEN_7080: [b"\r\n+CAOPEN: 0,%d\r\n" % code + OK, OPENED]})
            await bench.send(b"x")
            assert bench.script.payloads == [b"x"]
            assert bench.modem.recoveries == [0, 0, 1, 0, 0], bench.modem.recoveries
        bench = CaBench({OPEN_7080: [ERROR, OPENED]})
        await bench.send(b"x")
        assert bench.sent("AT+CACLOSE=") == ["AT+CACLOSE=0"]
        assert bench.script.payloads == [b"x"] and bench.modem.recoveries == [0] * 5

    run(play())


def test_how_many_connections_there_are_is_found():
    """AT7000 18.2.3 (result 3): the limit is not documented; the last connection is used again."""

    async def play():
        answers = {}
        for i in range(3):
            for n in range(4):
                text = 'AT+CAOPEN=%d,0,"UDP","192.0.2.%d",5683' % (n, i)
                answers[text] = b"\r\n+CAOPEN: %d,%d\r\n" % (n, 0 if n < 2 else 3) + OK
        bench = CaBench(answers)
        for i in range(3):
            await bench.send(b"%d" % i, ("192.0.2.%d" % i, 5683))
        assert bench.script.payloads == [b"0", b"1", b"2"]
        assert bench.udp.find(("192.0.2.2", 5683)) == 1 and bench.modem.sockets == 2

    run(play())


def test_forms_of_received_data():
    """AT7000 18.2.6, SSL7000, AT7080 AT+CARECV: count and data on one line or two, with and
    without address and port; data that looks like an answer; in pieces of any size."""

    async def play():
        data = b"\r\nOK\r\n\x00\xff+CARECV: 9,ERROR\r\n"
        for driver in (Sim7000, Sim7080):
            for form in (
                b"%d,",
                b"203.0.113.9,5683,%d,",
                b'"203.0.113.9",5683,%d,',
                b"0,%d\r\n",
                b"0,203.0.113.9,5683,%d\r\n",
            ):
                for chunk in (0, 1, 7):
                    bench = CaBench(waits(data, form), driver)
                    bench.script.chunk = chunk
                    await bench.send()
                    bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
                    await bench.idle()
                    assert bench.got == [(data, PEER)], (form, chunk, bench.got)
                    assert bench.udp.dropped == {} and bench.modem.channel.dropped == {}
                    assert bench.script.commands[-5:] == [
                        "AT+CASTATE?",
                        "AT+CARECV?",
                        "AT+CARECV=0,%d" % len(data),
                        "AT+CASTATE?",
                        "AT+CARECV?",
                    ]

    run(play())


def test_data_in_a_long_line():
    """AT7080 AT+CARECV: 1400 octets without a line end, behind their count, in pieces."""

    async def play():
        data = bytes([i * 7 & 0xFF for i in range(1400)]).replace(b"\n", b"n")
        for chunk in (0, 1, 64, 601):
            bench = CaBench(waits(data))
            bench.script.chunk = chunk
            await bench.send()
            bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
            await bench.idle()
            assert bench.got == [(data, PEER)]
            assert bench.modem.channel.dropped == {}

    run(play())


def test_a_count_is_told_from_the_number_of_the_connection():
    """AT7000 18.2.6: `1,5` and a line end is connection 1, `5,` is a count; no count exceeds what
    was asked for."""

    async def play():
        bench = CaBench(
            {
                'AT+CAOPEN=1,0,"UDP","192.0.2.1",5683': b"\r\n+CAOPEN: 1,0\r\n" + OK,
                "AT+CASTATE?": b"\r\n+CASTATE: 0,1\r\n+CASTATE: 1,1\r\n" + OK,
                "AT+CARECV?": [b"\r\n+CARECV: 0,0\r\n+CARECV: 1,5\r\n" + OK, OK],
                "AT+CARECV=1,5": [
                    b"\r\n+CARECV: 1,5\r\nhello" + OK,
                    b"\r\n+CARECV: 5,again" + OK,
                    b"\r\n+CARECV: 1,77\r\n" + OK,
                    b"\r\n+CARECV: 77,0123456789\r\n" + OK,
                    b"\r\n+CARECV: 0\r\n" + OK,
                ],
            },
        )
        await bench.send(b"0")
        await bench.send(b"1", ("192.0.2.1", 5683))
        more = bench.script.answers["AT+CARECV?"]
        for _ in range(5):
            bench.script.answers["AT+CARECV?"] = list(more)
            bench.script.emit(b"\r\n+CADATAIND: 1\r\n")
            await bench.idle()
        assert bench.got == [(b"hello", ("192.0.2.1", 5683)), (b"again", ("192.0.2.1", 5683))]
        assert bench.modem.channel.dropped["payload_length"] == 2
        await bench.send(b"in step")
        assert bench.script.payloads[-1] == b"in step"

    run(play())


def test_a_foreign_source():
    """AT7080 AT+CASRIP: what another than the peer sent is dropped."""

    async def play():
        bench = CaBench(waits(b"hi!!", b"198.51.100.1,5683,%d,"))
        await bench.send()
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
        await bench.idle()
        assert bench.got == [] and bench.udp.dropped == {"foreign": 1}

    run(play())


def test_nothing_is_asked_that_breaks_a_sim7000():
    """AT7000 18.2.6, as drivers found: CARECV? with no connection crashes it, CARECV for more than
    waits freezes it."""

    async def play():
        for state in (OK, b"\r\n+CASTATE: 0,0\r\n" + OK, b"\r\n+CASTATE: 1,1\r\n" + OK, ERROR):
            bench = CaBench({"AT+CASTATE?": state}, Sim7000)
            await bench.send()
            bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
            await bench.idle()
            assert bench.sent("AT+CASTATE?") and not bench.sent("AT+CARECV"), state
        # A SIM7080 stands it, and may have no word for the state.
        bench = CaBench({"AT+CASTATE?": ERROR}, Sim7080)
        await bench.send()
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
        await bench.idle()
        assert bench.sent("AT+CARECV?")
        for waiting in (OK, b"\r\n+CARECV: 0,0\r\n" + OK, b"\r\n+CARECV: 1,9\r\n" + OK, ERROR):
            bench = CaBench({"AT+CARECV?": waiting}, Sim7000)
            await bench.send()
            bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
            await bench.idle()
            assert bench.sent("AT+CARECV") == ["AT+CARECV?"], waiting
        bench = CaBench({"AT+CARECV?": b"\r\n+CARECV: 0,4000\r\n" + OK}, Sim7000)
        await bench.send()
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
        await bench.idle()
        asked = bench.sent("AT+CARECV=")
        assert asked and set(asked) == {"AT+CARECV=0,1460"} and len(asked) <= 16, asked
        # Nothing is open before the first datagram.
        bench = CaBench({}, Sim7000)
        await bench.modem.up()
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
        await bench.idle()
        assert not bench.sent("AT+CASTATE?") and not bench.sent("AT+CARECV")

    run(play())


def test_codes_of_data_are_not_queued_twice():
    """AT7000 18.2.3 (note): how often it is told that data waits is not said; each is read once,
    and what waits to be sent is not pushed out."""

    async def play():
        bench = CaBench(waits(b"data"))
        await bench.send()
        bench.udp.send(b"out", PEER)
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n" * 20)
        await bench.idle()
        assert bench.got == [(b"data", PEER)] and bench.script.payloads[-1] == b"out"
        assert bench.udp.dropped == {}
        bench = CaBench(waits(b"data"))
        await bench.send()
        bench.script.emit(b'\r\n+CAURC: "buffer full"\r\n')
        await bench.idle()
        assert bench.got == [(b"data", PEER)] and bench.udp.dropped == {"buffer_full": 1}

    run(play())


def test_a_socket_that_is_lost():
    """AT7000 18.2.8 (URC): `+CASTATE: 0,0` unasked; the next datagram opens another."""

    async def play():
        bench = CaBench()
        await bench.send(b"1")
        bench.script.emit(b"\r\n+CASTATE: 0,0\r\n")
        await asyncio.sleep_ms(10)
        assert bench.udp.find(PEER) == -1
        await bench.send(b"2")
        assert len(bench.sent("AT+CAOPEN=")) == 2 and bench.script.payloads == [b"1", b"2"]
        assert bench.modem.recoveries == [0] * 5
        assert [facts["again"] for name, facts in bench.events if name == "socket"] == [
            False,
            True,
        ]

    run(play())


def test_a_context_that_is_lost():
    """AT7000 20 and AT7080 (URC): `+APP PDP: DEACTIVE` ends context and sockets; other contexts,
    and ACTIVE, do not."""

    async def play():
        for driver, code in (
            (Sim7000, b"+APP PDP: DEACTIVE"),
            (Sim7080, b"+APP PDP: 0,DEACTIVE"),
        ):
            bench = CaBench({}, driver)
            await bench.send(b"1")
            bench.script.emit(b"\r\n+APP PDP: 1,DEACTIVE\r\n\r\n+APP PDP: 0,ACTIVE\r\n")
            await asyncio.sleep_ms(10)
            assert "detached" not in bench.names() and bench.udp.find(PEER) == 0
            bench.script.emit(b"\r\n" + code + b"\r\n")
            await asyncio.sleep_ms(10)
            assert ("detached", {"reason": code.decode()}) in bench.events
            assert bench.udp.find(PEER) == -1
            await bench.send(b"2")
            assert bench.script.payloads == [b"1", b"2"] and bench.names().count("attached") == 2

    run(play())


def test_a_context_that_is_lost_while_a_connection_opens():
    """AT7000 18.2.3 (asyncOpen_enable), AT7080 (URC): its result does not come any more."""

    async def play():
        bench = CaBench({OPEN_7080: [OK, OPENED]})
        await bench.modem.up()
        start = virtual_time.now_ms()
        bench.udp.send(b"x", PEER)
        await asyncio.sleep_ms(5000)
        bench.script.emit(b"\r\n+APP PDP: 0,DEACTIVE\r\n")
        await bench.idle()
        assert bench.script.payloads == [b"x"]
        assert virtual_time.now_ms() - start < 30_000

    run(play())


def test_data_told_while_the_modem_sleeps():
    """TCP7000 12: the code comes out, but AT is answered with DTR low only."""

    async def play():
        bench = CaBench(waits(b"data"))
        await bench.send()
        await bench.modem.sleep()
        assert bench.power.levels[-1] is True
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
        await bench.idle()
        assert bench.power.levels[-1] is False and bench.got == [(b"data", PEER)]

    run(play())


def test_no_memory_to_read():
    """DESIGN.md §6: what cannot be read for want of memory waits on, and is read when it is looked
    for."""

    class Full:
        @staticmethod
        async def read(link, n):
            raise MemoryError

    async def play():
        bench = CaBench(waits(b"data"))
        await bench.send()
        sys.modules["modem.ca_read"] = Full  # pyright: ignore[reportArgumentType]
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
        await bench.idle()
        assert bench.got == [] and bench.udp.dropped == {"no_memory": 1}
        bench.script.emit(b"\r\n+CADATAIND: 0\r\n")
        await bench.idle()
        assert bench.got == [(b"data", PEER)]

    run(play())


def test_looking_for_what_was_not_told():
    """AT7000 18.2.3 (CADATAIND): a minute long behind what is sent, but not in sleep."""

    async def play():
        bench = CaBench({"AT+CARECV?": b"\r\n+CARECV: 0,0\r\n" + OK})
        task = asyncio.create_task(bench.udp.watch())
        await bench.send()
        await asyncio.sleep_ms(600_000)
        assert len(bench.sent("AT+CARECV?")) == 5
        await bench.send()
        await bench.send()
        await asyncio.sleep_ms(5000)
        assert len(bench.sent("AT+CARECV?")) == 6
        await bench.modem.sleep()
        await asyncio.sleep_ms(600_000)
        assert len(bench.sent("AT+CARECV?")) == 6 and bench.modem.asleep
        task.cancel()

    run(play())


def test_a_result_that_comes_too_late():
    """AT7000 18.2.5: where OK alone was the rule, a late failure drops the socket."""

    async def play():
        bench = CaBench({}, Sim7000)
        await bench.send(b"1")
        await bench.send(b"2")
        bench.script.emit(b"\r\n+CASEND: 0,1,0\r\n")
        await asyncio.sleep_ms(10)
        assert bench.udp.find(PEER) == -1 and bench.udp.dropped == {"unsent": 1}

    run(play())


def test_which_commands_a_sim7000_is_given():
    """AT7000 chapters 8 and 18: CIP* unless configured, or where those are refused."""

    async def play():
        bench = Bench()
        await bench.send(b"x")
        assert bench.modem.udp_set == "cip" and "AT+CIPMUX=1" in bench.script.commands
        answers = dict.fromkeys(("AT+CIPSHUT", "AT+CIPMUX?", "AT+CIPMUX=1"), ERROR)
        bench = CaBench(answers, Sim7000, {"udp_set": None})
        assert bench.modem.udp_set == "cip"
        await bench.send(b"x")
        assert bench.modem.udp_set == "ca" and bench.script.payloads == [b"x"]
        # One refusal may be the modem's mood, and without CNACT there is nothing to change to.
        for kept in ("AT+CIPMUX?", "AT+CNACT?"):
            answers["AT+CIPMUX?"] = answers["AT+CNACT?"] = ERROR
            if kept == "AT+CIPMUX?":
                answers[kept] = b"\r\n+CIPMUX: 0\r\n" + OK
            bench = CaBench(answers, Sim7000, {"udp_set": None})
            try:
                await bench.modem.up()
                raise AssertionError("up")
            except Exception as error:
                assert "AT+CIPSHUT answered ERROR" in str(error)
            assert bench.modem.udp_set == "cip"

    run(play())


def test_kept_over_a_sleep_of_the_host():
    """DESIGN.md §3 (freeze, thaw): sockets and the commands that were found; what waited is read
    behind the first datagram, as its code went to nobody."""
    from modem.frozen import freeze, thaw

    async def play():
        answers = dict.fromkeys(("AT+CIPSHUT", "AT+CIPMUX?"), ERROR)
        for driver, config in ((Sim7080, {}), (Sim7000, {"udp_set": None})):
            bench = CaBench(answers, driver, config)
            await bench.send(b"x")
            record = freeze(bench.modem, bench.udp, bench.sms)
            again = CaBench(waits(b"late"), driver, config)
            thaw(record, again.modem, again.udp, again.sms)
            assert again.modem.udp_set == "ca" and again.udp.find(PEER) == 0
            assert len(again.udp.peers) == again.modem.sockets
            await again.send(b"y")
            assert again.script.payloads == [b"y"] and again.got == [(b"late", PEER)]
            assert not again.sent("AT+CAOPEN=") and not again.sent("AT+CNACT")
            await again.send(b"z")
            assert len(again.sent("AT+CARECV=")) == 1

    run(play())


def test_driver_takes_the_commands_once():
    """AT7080 (contents): a SIM7080 has them whatever is configured."""
    bench = CaBench({}, Sim7080, {"udp_set": None})
    assert bench.modem.udp_set == "ca" and bench.modem.sockets == 8
    assert CaBench({}, Sim7000).modem.sockets == 4
