"""The UDP link against scripted answers: what a well-behaved modem seldom does."""

import asyncio

from modem.at import ModemError
from modem.sim800 import Sim800
from shim import virtual_time
from unit.modem.scripted import PEER, Bench, run

START = 'AT+CIPSTART=0,"UDP","203.0.113.9",5683'


def test_late_results_of_a_connection():
    """AT800 CIPSTART: the result comes long after OK, with and without its space; one that comes
    too late stands in another answer, and harms nothing."""

    async def play():
        for text in (b"\r\n0, CONNECT OK\r\n", b"\r\n0,CONNECT OK\r\n"):
            bench = Bench({START: b"\r\nOK\r\n"})
            await bench.modem.up()
            bench.udp.send(b"x", PEER)
            await asyncio.sleep_ms(70_000)
            assert bench.udp.busy and bench.script.payloads == []
            bench.script.emit(text)
            await bench.idle()
            assert bench.script.payloads == [b"x"] and bench.modem.recoveries == [0] * 5
        for word in (b"OK", b"FAIL"):
            late = b"\r\n0, CONNECT " + word + b"\r\n"
            bench = Bench(
                {
                    START: [b"\r\nOK\r\n", b"\r\nOK\r\n\r\n0, CONNECT OK\r\n"],
                    "AT+CIPSHUT": [b"\r\nSHUT OK\r\n", late + b"\r\nSHUT OK\r\n"],
                }
            )
            await bench.send()
            assert bench.script.payloads == [b"x"]
            assert bench.modem.recoveries == [0, 0, 1, 0, 0], bench.modem.recoveries

    run(play())


def test_already_connect():
    """AT manual (CIPSTATUS): the socket is kept when its peer is ours, else opened anew."""
    lines = ['C: %d,,"","","","INITIAL"' % n for n in range(1, 8)]

    async def play():
        for host, starts in (("203.0.113.9", 1), ("203.0.113.77", 2)):
            first = 'C: 0,0,"UDP","%s","5683","CONNECTED"' % host
            status = "\r\nOK\r\n\r\nSTATE: IP PROCESSING\r\n\r\n" + "\r\n".join([first] + lines)
            bench = Bench(
                {
                    START: [
                        b"\r\nERROR\r\n\r\n0, ALREADY CONNECT\r\n",
                        b"\r\nOK\r\n\r\n0, CONNECT OK\r\n",
                    ],
                    "AT+CIPSTATUS": status.encode() + b"\r\n",
                }
            )
            bench.script.chunk = 1
            await bench.send()
            assert bench.script.commands.count(START) == starts, bench.script.commands
            assert bench.script.payloads == [b"x"] and bench.modem.recoveries == [0] * 5

    run(play())


def test_frames_of_received_datagrams():
    """AT manual (CIPSRIP): with and without address and colon; from a stranger; from no socket."""

    async def play():
        bench = Bench()
        await bench.send()
        for head in ("0,2:", "0,2", "0,2,203.0.113.9:5683", "0,2,203.0.113.9:5683:"):
            bench.script.emit(b"\r\n+RECEIVE," + head.encode() + b"\r\nhi")
        await asyncio.sleep_ms(10)
        assert bench.got == [(b"hi", PEER)] * 4
        for head in ("0,2,203.0.113.10:5683", "3,2", "x,2", "0,y", "0", "9,2"):
            bench.script.emit(b"\r\n+RECEIVE," + head.encode() + b"\r\nhi\r\n")
            await asyncio.sleep_ms(10)
        assert len(bench.got) == 4
        assert bench.udp.dropped == {"foreign": 1, "no_socket": 2, "receive_header": 3}

    run(play())


def test_accepted_instead_of_sent():
    """AT manual (CIPQSEND): DATA ACCEPT ends a send too."""

    async def play():
        for text in (b"\r\nDATA ACCEPT:0,1\r\n", b"\r\nDATA ACCEPT: 0,1\r\n"):
            bench = Bench({"SEND": text})
            await bench.send()
            assert bench.udp.dropped == {} and bench.modem.recoveries == [0] * 5

    run(play())


def test_every_socket_in_use():
    """AT manual (CIPSTART): a peer more than there are sockets takes the last one."""

    async def play():
        answers = {}
        for i in range(8):
            for n in range(7):
                text = b"\r\nOK\r\n\r\n%d, CONNECT OK\r\n" % n
                answers['AT+CIPSTART=%d,"UDP","192.0.2.%d",5683' % (n, i)] = text
        for n in range(6):
            answers["AT+CIPCLOSE=%d,1" % n] = b"\r\n%d, CLOSE OK\r\n" % n
        bench = Bench(answers, Sim800)
        for n in range(6):
            bench.script.answers["SEND"] = b"\r\n%d, SEND OK\r\n" % n
            await bench.send(b"%d" % n, ("192.0.2.%d" % n, 5683))
        await bench.send(b"6", ("192.0.2.6", 5683))
        assert bench.script.payloads == [b"%d" % n for n in range(7)]
        assert (
            bench.udp.find(("192.0.2.5", 5683)) == -1 and bench.udp.find(("192.0.2.6", 5683)) == 5
        )

    run(play())


def test_queue_is_bounded():
    """DESIGN.md §3 (Link): send never blocks; the oldest goes when too many wait."""

    async def play():
        bench = Bench()
        for i in range(12):
            bench.udp.send(b"%d" % i, PEER)
        bench.udp.send(b"", PEER)
        bench.udp.send(bytes(1025), PEER)
        await bench.idle()
        assert bench.script.payloads == [b"%d" % i for i in range(4, 12)]
        assert bench.udp.dropped == {"queue_full": 4, "length": 2}

    run(play())


def test_how_long_a_datagram_may_be():
    """TS 23.040 §9.2.3.24, RFC 7252 §4.6: a message carries 140 octets, 133 behind a port header;
    longer ones go in parts, and UDP takes what is configured."""

    async def play():
        bench = Bench()
        assert (bench.udp.mtu, bench.sms.mtu, bench.sms.limit) == (1024, 140, 1024)
        bench = Bench(config={"mtu": 128, "sms_mtu": None, "sms_ports": (5683, 5683)})
        assert (bench.udp.mtu, bench.sms.mtu) == (128, 133)
        bench.udp.send(bytes(129), PEER)
        assert bench.udp.dropped == {"length": 1}
        bench.sms.send(bytes(1025), "123")
        assert bench.sms.dropped == {"length": 1}
        assert Bench(config={"sms_mtu": 300}).sms.mtu == 300

    run(play())


def test_silent_modem_is_bounded():
    """AT manual (power key): nothing answers; the key is tried, then the error is named."""

    async def play():
        bench = Bench()
        bench.script.silent = True
        start = virtual_time.now_ms()
        try:
            await bench.modem.up()
            raise AssertionError("up")
        except ModemError as error:
            assert "no answer to AT" in str(error)
        assert len(bench.power.pulses) == 5 and virtual_time.now_ms() - start < 90_000
        await bench.send()
        assert bench.udp.dropped == {"unsent": 1}

    run(play())


def test_local_port_refused():
    """TCP7000 §3.3 says that CLPORT works in single connection mode only: where it is refused, the
    socket opens without."""

    async def play():
        for answer in (b"\r\nERROR\r\n", b"\r\n+CME ERROR: 3\r\n", b"\r\nOK\r\n"):
            bench = Bench({'AT+CLPORT=0,"UDP",5683': answer}, config={"local_port": 5683})
            await bench.send()
            assert bench.script.payloads == [b"x"] and bench.modem.recoveries == [0] * 5
            assert ("refused" in bench.names()) == (answer != b"\r\nOK\r\n")

    run(play())


def test_longest_datagram():
    """AT800 CIPSEND: 1460 octets at most, whatever is configured."""
    assert run(_mtu(2000)) == 1460 and run(_mtu(512)) == 512


async def _mtu(configured):
    return Bench(config={"mtu": configured}).udp.mtu


def test_manual_reading_after_a_lost_code():
    """AT800 CIPRXGET: the code comes once until the buffer is empty; what waits behind one that
    was lost is read with the next datagram that goes out."""

    async def play():
        empty = b"\r\n+CIPRXGET: 2,0,0,0\r\n\r\nOK\r\n"
        bench = Bench({"AT+CIPRXGET=2,0,1024": empty}, config={"udp_manual": True})
        await bench.send()
        bench.script.answers["AT+CIPRXGET=2,0,1024"] = [
            b"\r\n+CIPRXGET: 2,0,2,3\r\nhi\r\nOK\r\n",
            b"\r\n+CIPRXGET: 2,0,3,0,203.0.113.9:5683\r\nyou\r\nOK\r\n",
            empty,
        ]
        await bench.send()
        assert bench.got == [(b"hi", PEER), (b"you", PEER)]

    run(play())


def test_context_commands_refused():
    """AT800 CIPMUX, CSTT (only in IP INITIAL): tried three times, then the context is begun anew
    with CIPSHUT."""

    async def play():
        refused = b"\r\nERROR\r\n"
        for command in ("AT+CIPMUX=1", 'AT+CSTT="iot.example","",""'):
            bench = Bench({command: [refused] * 4 + [b"\r\nOK\r\n"]})
            await bench.send()
            assert bench.script.commands.count(command) == 5
            assert bench.script.commands.count("AT+CIPSHUT") == 2
            assert bench.script.payloads == [b"x"]

    run(play())
