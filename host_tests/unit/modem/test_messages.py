"""The SMS link against scripted answers: codes, lists, parts, and what is not a message."""

import asyncio
import sys

from unit.modem.scripted import Bench, run

A = "0791447700090000040C914477000910320004621122900000000E54020001C0FFEE01B13101300138"
D1 = "0791447700090000440C91447700091032000462112290000000160B000337020105040B84C002010603C4AF9A44"
D1 += "020001"
D2 = "0791447700090000440C91447700091032000462112290000000160B000337020205040B84C002C0FFEE01B131"
D2 += "01300138"
TEXT = "0791447700090000040C9144770009103200006211229000000005E8329BFD06"


def test_messages_listed_in_batches():
    """TS 27.005 §3.4.2: many waiting; eight at a time, all read, all deleted."""

    async def play():
        slots = {i: (33, A) for i in range(1, 20)}
        bench = Bench(slots=slots)
        await bench.modem.up(1)
        assert await bench.sms.drain() == 19
        await bench.idle()
        assert len(bench.got) == 19 and slots == {}
        assert bench.script.commands.count("AT+CMGL=4") == 3

    run(play())


def test_codes_of_messages():
    """TS 27.005 §3.4.1: index with trailing field, direct with alpha, reports, broken ones."""

    async def play():
        bench = Bench(config={"sms_storing": False}, slots={3: (33, A)})
        await bench.modem.up(1)
        emit = bench.script.emit
        emit(b'\r\n+CMTI: "SM",3,"MMS PUSH"\r\n')
        await bench.idle()
        assert len(bench.got) == 1 and bench.script.commands[-2:] == ["AT+CMGL=4", "AT+CMGD=3"]
        for head in (b",33", b'"",33', b" 33", b'"name",33'):
            emit(b"\r\n+CMT: " + head + b"\r\n" + A.encode() + b"\r\n")
        await bench.idle()
        assert len(bench.got) == 5 and bench.got[0][1] == "447700900123"
        emit(b"\r\n+CMT: ,33\r\n" + A[:-2].encode() + b"\r\n")
        emit(b"\r\n+CMT: ,32\r\n" + A.encode() + b"\r\n")
        emit(b"\r\n+CMT: ,12\r\nnot hexadecimal\r\n")
        emit(b"\r\n+CMT: ,x\r\n" + A.encode() + b"\r\n")
        emit(b"\r\n+CDS: 33\r\n" + A.encode() + b"\r\n")
        emit(b"\r\n+CMT: ,32\r\n" + TEXT.encode() + b"\r\n")
        await bench.idle()
        assert len(bench.got) == 5
        assert bench.sms.dropped == {
            "malformed": 3,
            "no_pdu": 1,
            "no_length": 1,
            "not_deliver": 1,
        }, bench.sms.dropped

    run(play())


def test_parts_by_index_and_time_out():
    """TS 23.040 §9.2.3.24.1: parts stay stored until all are there, or until ten minutes."""

    async def play():
        bench = Bench(slots={1: (41, D2)})
        slots = bench.script.slots
        await bench.modem.up(1)
        bench.script.emit(b'\r\n+CMTI: "SM",1\r\n')
        await bench.idle()
        assert bench.got == [] and "AT+CMGD=1" not in bench.script.commands
        assert bench.freeze()[2][1][0] == 1
        slots[2] = (41, D1)
        bench.script.emit(b'\r\n+CMTI: "SM",2\r\n')
        await bench.idle()
        assert len(bench.got) == 1 and slots == {}
        slots[3] = (41, D1)
        bench.script.emit(b'\r\n+CMTI: "SM",3\r\n')
        await bench.idle()
        await asyncio.sleep_ms(600_000)
        await bench.sms.drain()
        await bench.idle()
        assert bench.script.commands[-1] == "AT+CMGD=3" and slots == {}
        assert bench.sms.dropped == {"incomplete": 1}

    run(play())


def test_announced_and_then_listed():
    """TS 27.005 §3.4.2: what a list will show is not asked for once more."""

    async def play():
        bench = Bench()
        await bench.modem.up(1)
        bench.script.answers["AT+CMGL=4"] = (
            b"\r\n+CMGL: 2,0,,33\r\n" + A.encode() + b"\r\n\r\nOK\r\n"
        )
        before = len(bench.script.commands)
        bench.sms.read_waiting()
        bench.modem.channel.feed(b'\r\n+CMTI: "SM",2\r\n')
        await bench.idle()
        assert bench.script.commands[before:] == ["AT+CMGL=4", "AT+CMGD=2"]
        assert "modem.inbox" not in sys.modules and "modem.boot" not in sys.modules
        assert len(bench.got) == 1

    run(play())


def test_no_supply_no_restart():
    """AT manual (CBATCHK): a modem that went off for want of supply is left alone."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        before = len(bench.script.commands)
        bench.script.emit(b"\r\nUNDER-VOLTAGE POWER DOWN\r\n")
        await asyncio.sleep_ms(60_000)
        assert bench.modem.state == 0 and len(bench.script.commands) == before
        bench.script.emit(b"\r\nRDY\r\n")
        await asyncio.sleep_ms(1000)
        await bench.idle()
        assert bench.modem.state == 1, "one that comes back by itself is set up again"

    run(play())


def test_many_announced_at_once():
    """TS 27.005 §3.4.1: twenty messages after an outage are all read; none is left on the SIM."""

    async def play():
        bench = Bench()
        await bench.modem.up(1)
        before = len(bench.script.commands)
        for index in range(20):
            bench.modem.channel.feed(b'\r\n+CMTI: "SM",%d\r\n' % index)
        await bench.idle()
        assert bench.script.commands[before:] == ["AT+CMGL=4"] and not bench.sms.dropped

    run(play())


def test_parts_taken_directly_end_too():
    """TS 23.040 §9.2.3.24.1: sets of parts that never become whole are bounded, also as +CMT."""

    async def play():
        bench = Bench(config={"sms_storing": False})
        await bench.modem.up(1)
        for reference in range(12):
            part = D2.replace("0003370202", "0003%02X0202" % reference)
            bench.script.emit(b"\r\n+CMT: ,41\r\n" + part.encode() + b"\r\n")
        await bench.idle()
        assert bench.sms.dropped == {"incomplete": 8}, bench.sms.dropped
        assert len(bench.sms.assembler.waiting()) == 4

    run(play())


def test_an_error_behind_the_link_is_raised():
    """DESIGN §6: what a link's owner does wrong ends the run, not just the task of the link."""

    async def play():
        bench = Bench(config={"sms_storing": False}, slots={3: (33, A)})

        def wrong(data, peer, link):
            raise KeyError("wrong")

        await bench.modem.up(1)
        bench.sms.on_datagram = wrong
        bench.modem.channel.feed(b'\r\n+CMTI: "SM",3\r\n')
        try:
            await asyncio.wait_for_ms(bench.modem.channel.watch(), 10_000)
        except KeyError:
            return
        raise AssertionError("nobody was told")

    run(play())
