"""The embedded server's SMS side: triggers on the wire, the SMS binding, replies; and nudge."""

import asyncio
import os
import pty

import pytest

from host_tests.interop.server_peer import (
    ACK,
    CON,
    CONTENT_FORMAT,
    NON,
    URI_PATH,
    URI_QUERY,
    Parsed,
    build,
    play,
)
from tools import nudge, sms_pdu
from tools.at_modem import AtModem, ModemError
from tools.server import RequestFailed, Transmission, trigger, wire

FAST = Transmission(
    ack_timeout_s=0.05, max_retransmit=1, response_timeout_s=0.2, sms_timeout_s=0.15
)
NUMBER = "447700900124"
TOKEN = bytes.fromhex("C0FFEE01")
# Test vectors A, B and C, after OMA Core App. L: what the SMS carries.
BARE = bytes.fromhex("54020001C0FFEE01B13101300138")
PUSH = bytes.fromhex("010603C4AF9A44020001C0FFEE01B13101300138")


class Sms:
    """An SMS centre that keeps what the server sends."""

    def __init__(self):
        self.sent = []

    async def __call__(self, number, user_data, dcs, udh):
        self.sent.append((number, user_data, dcs, udh))

    async def wait(self, count=1):
        for _ in range(400):
            if len(self.sent) >= count:
                return self.sent
            await asyncio.sleep(0.005)
        raise AssertionError("only %d SMS were sent" % len(self.sent))


def run(scenario, *queries, **options):
    centre = Sms()
    options.setdefault("transmission", FAST)
    options.setdefault("awake_s", 0.05)
    options.setdefault("send_sms", centre)
    play(lambda server, peer, log: scenario(server, peer, log, centre), *queries, **options)


def test_vectors():
    """OMA Core App. L: bare and WAP Push, NON and CON, DCS 0x04 and 0xF5."""
    message = trigger.build_message("1.1", token=TOKEN, message_id=1)
    sms = trigger.wrap(NUMBER, wire.encode(message))
    assert (sms.user_data, sms.dcs, sms.udh) == (BARE, 0x04, b"")
    message = trigger.build_message("1.1", token=TOKEN, message_id=1, confirmable=True)
    sms = trigger.wrap(NUMBER, wire.encode(message), "wap")
    assert (sms.user_data, sms.dcs) == (PUSH, 0xF5)
    assert sms.udh == bytes.fromhex("0605040B84C002")


def test_draft_trigger_resource():
    """CR A.1: the trigger is resource 11 of the draft's Server object, 8 after it."""
    for version, resource in (("draft", "11"), ("1.0", "8"), ("1.1", "8")):
        datagram = wire.encode(trigger.build_message(version, instance=3, token=TOKEN))
        assert Parsed(datagram).path == "/1/3/" + resource
    with pytest.raises(ValueError, match="not one of draft, 1.0, 1.1"):
        trigger.build_message("2.0")
    with pytest.raises(ValueError, match="is not 8-bit"):
        trigger.wrap(NUMBER, BARE, dcs=0)
    with pytest.raises(ValueError, match="not one of bare, wap"):
        trigger.wrap(NUMBER, BARE, "smoke")


@pytest.mark.parametrize(
    ("queries", "path", "expected"),
    [
        (("q", "sms=" + NUMBER), "/1/0/11", True),
        (("b=UQS", "sms=" + NUMBER), "/1/0/8", True),
        (("b=UQ", "sms=" + NUMBER), "/1/0/8", False),
        (("lwm2m=1.1", "b=U", "Q", "sms=" + NUMBER), "/1/0/8", False),
    ],
)
def test_trigger_by_version(queries, path, expected):
    """CR Table 3, 1.0 Table 8, TS Transport §6.6: which versions answer an Execute over SMS."""

    async def scenario(server, peer, log, centre):
        await server.trigger("s1")
        number, user_data, dcs, udh = centre.sent[0]
        request = Parsed(user_data)
        assert (number, dcs, udh) == (NUMBER, 0x04, b"")
        assert (request.type, request.code, request.path) == (NON, 2, path)
        assert log.last("trigger_sent")["reply_expected"] is expected
        server.on_sms("+" + NUMBER, build(NON, 0x44, 5, request.token))
        await asyncio.sleep(0.02)
        assert ("trigger_reply" in log.names()) is expected
        if expected:
            assert log.last("trigger_reply")["code"] == "2.04"
        assert len(centre.sent) == 1, "nothing is sent back, by SMS, to what is unexpected"

    run(scenario, *queries)


def test_trigger_options():
    """TS 1.1 Transport 6.6: WAP Push, Confirmable, an argument naming the transport."""

    async def scenario(server, peer, log, centre):
        sms = await server.trigger("s1", form="wap", confirmable=True, argument="0=U")
        number, user_data, dcs, udh = centre.sent[0]
        assert (dcs, udh) == (0xF5, trigger.WAP_UDH) and user_data[:6] == trigger.WSP_PUSH
        request = Parsed(user_data[6:])
        assert request.data == sms.coap
        assert (request.type, request.payload) == (CON, b"0=U")
        await server.trigger("s1", instance=7, number="+44 12345")
        assert centre.sent[1][0] == "4412345"
        assert Parsed(centre.sent[1][1]).path == "/1/7/8"

    run(scenario, "lwm2m=1.1", "Q", "sms=" + NUMBER)


def test_trigger_unanswered_and_impossible():
    """CR Table 3: the answer may stay away; without a number or sender the caller is told."""

    async def scenario(server, peer, log, centre):
        await server.trigger("s1")
        assert (await log.wait("trigger_unanswered"))["reason"] == "timeout"
        await peer.register("lwm2m=1.1", endpoint="s2")
        with pytest.raises(ValueError, match="s2 registered no SMS number"):
            await server.trigger("s2")
        server._sms.send_sms = None
        with pytest.raises(RequestFailed, match="no SMS sender is configured") as failure:
            await server.trigger("s1")
        assert failure.value.reason == "send_failed"

    run(scenario, "q", "sms=" + NUMBER)


@pytest.mark.parametrize("queries", [("sms=" + NUMBER, "q"), ("b=UQS", "sms=" + NUMBER)])
def test_read_over_sms_past_the_queue(queries):
    """CR Table 3, last row: requests MAY go by SMS; the response comes by SMS, by token."""

    async def scenario(server, peer, log, centre):
        await log.wait("asleep")
        waiting = server.enqueue("s1", "read", "/3/0/0")
        reading = asyncio.ensure_future(server.read("s1", "/3303/0/5700", via="S"))
        (_, user_data, dcs, udh), *_ = await centre.wait()
        request = Parsed(user_data)
        assert (request.type, request.path, dcs, udh) == (CON, "/3303/0/5700", 4, b"")
        reply = build(ACK, 0x45, request.message_id, request.token, [(CONTENT_FORMAT, 0)], b"21.5")
        server.on_sms("447700900999", reply)
        await asyncio.sleep(0.01)
        assert not reading.done(), "the number must match, too"
        server.on_sms(NUMBER, reply)
        result = await reading
        assert (result.value, result.via) == (21.5, "S")
        assert not waiting.done() and len(centre.sent) == 1

    run(scenario, *queries)


def test_sms_is_not_retransmitted():
    """TS Transport §6.8: CoAP retransmission is disabled for SMS."""

    async def scenario(server, peer, log, centre):
        with pytest.raises(RequestFailed) as failure:
            await server.read("s1", "/3/0/0", via="S")
        assert failure.value.reason == "timeout" and len(centre.sent) == 1

    run(scenario, "b=US", "sms=" + NUMBER)


def test_client_that_has_sms_only():
    """1.0 Table 8, binding S: registration, requests and notifications all by SMS."""

    async def scenario(server, peer, log, centre):
        options = [
            (URI_PATH, "rd"),
            (URI_QUERY, "ep=s2"),
            (URI_QUERY, "b=S"),
            (CONTENT_FORMAT, 40),
        ]
        server.on_sms(NUMBER, build(CON, 2, 9, b"r", options, b"</1/0>,</3303/0>"))
        (number, user_data, _, _), *_ = await centre.wait()
        assert (number, Parsed(user_data).dotted) == (NUMBER, "2.01")
        assert server.client("s2").sms_number == NUMBER
        observing = asyncio.ensure_future(server.observe("s2", "/3303/0/5700"))
        request = Parsed((await centre.wait(2))[1][1])
        first = build(ACK, 0x45, request.message_id, request.token, [(6, 1), (12, 0)], b"20")
        server.on_sms(NUMBER, first)
        assert (await observing).observing
        server.on_sms(NUMBER, build(NON, 0x45, 77, request.token, [(6, 2), (12, 0)], b"21"))
        assert (log.last("notification")["value"], log.last("notification")["via"]) == (21, "S")
        assert len(centre.sent) == 2

    run(scenario)


def test_queue_over_sms():
    """1.0 binding SQ: as UQ, over SMS."""

    async def scenario(server, peer, log, centre):
        options = [(URI_PATH, "rd"), (URI_QUERY, "ep=s2"), (URI_QUERY, "b=SQ")]
        server.on_sms(NUMBER, build(CON, 2, 9, b"r", options, b"</3303/0>"))
        await centre.wait()
        await log.wait("asleep")
        server.enqueue("s2", "read", "/3303/0/5700")
        await asyncio.sleep(0.05)
        assert len(centre.sent) == 1
        location = server.client("s2").location
        update = [(URI_PATH, "rd"), (URI_PATH, location)]
        server.on_sms(NUMBER, build(CON, 2, 10, b"u", update))
        sent = await centre.wait(3)
        assert Parsed(sent[1][1]).dotted == "2.04"
        assert Parsed(sent[2][1]).path == "/3303/0/5700"

    run(scenario)


def test_concatenation_both_ways():
    """TS 23.040 §9.2.3.24.1 and .8: long messages are split, and put together in any order."""

    async def scenario(server, peer, log, centre):
        attributes = {"pmin": 1, "z" * 200: None}
        writing = asyncio.ensure_future(
            server.enqueue("s1", "write-attributes", "/3/0/15", attributes=attributes, via="S")
        )
        sent = await centre.wait(2)
        assert [udh.hex() for _, _, _, udh in sent] == ["0500030102%02x" % n for n in (1, 2)]
        assert all(len(part) + len(udh) <= 140 for _, part, _, udh in sent)
        request = Parsed(sent[0][1] + sent[1][1])
        assert request.all(URI_QUERY) == ["pmin=1", "z" * 200]
        long = build(ACK, 0x80, request.message_id, request.token, [], b"y" * 200)
        server.on_sms(NUMBER, long[134:], 0xF5, bytes.fromhex("060804BEEF0202"))
        server.on_sms(NUMBER, long[134:], 0xF5, bytes.fromhex("060804BEEF0202"))
        assert not writing.done()
        server.on_sms(NUMBER, long[:134], 0xF5, bytes.fromhex("060804BEEF0201"))
        assert (await writing).error == "y" * 200

    run(scenario, "b=US", "sms=" + NUMBER)


def test_parts():
    """TS 23.040 §9.2.3.24: room beside headers 140, 134 with concatenation, 128 with ports."""
    assert trigger.parts(b"x" * 140, b"", 1) == [(b"x" * 140, b"")]
    assert [len(p) for p, _ in trigger.parts(b"x" * 141, b"", 1)] == [134, 7]
    assert [len(p) for p, _ in trigger.parts(b"x" * 141, trigger.WAP_UDH, 1)] == [128, 13]
    assert (
        trigger.parts(b"x" * 141, trigger.WAP_UDH, 9)[0][1].hex()
        == "0b00030902010504" + "0b84c002"
    )
    with pytest.raises(ValueError):
        trigger.parts(b"x" * 134 * 256, b"", 1)


def test_bad_sms_is_dropped_and_never_answered():
    """Bad input: garbage, 7-bit text, strangers, bad part numbers: counted, nothing sent."""

    async def scenario(server, peer, log, centre):
        server.on_sms(NUMBER, b"hello", 0x00)
        server.on_sms("Nudge", b"hello", 0x04)
        server.on_sms(NUMBER, b"", 0x04)
        server.on_sms(NUMBER, b"\x80\x01\x02\x03")
        server.on_sms("123456", build(CON, 1, 5, b"t", [(URI_PATH, "3")]))
        server.on_sms("123456", build(CON, 0, 5))
        server.on_sms("123456", build(CON, 2, 6, b"t", [(URI_PATH, "rd"), (9999, b"")]))
        server.on_sms("123456", build(CON, 0x45, 7, b"t"))
        server.on_sms("123456", build(CON, 2, 8) + b"\xff")
        server.on_sms(NUMBER, b"part", 0x04, bytes.fromhex("0500030102FF"))
        for length in range(8):
            server.on_sms(NUMBER, b"part", 0x04, bytes.fromhex("0608040102030404")[:length])
        for reference in range(200):
            server.on_sms(NUMBER, b"part", 0x04, bytes((5, 0, 3, reference, 2, 1)))
        await asyncio.sleep(0.02)
        assert centre.sent == []
        assert server.dropped["sms_not_8_bit"] == 2 and server.dropped["sms_part_number"] == 2
        assert server.dropped["sms_incomplete"] >= 100

    run(scenario, "q", "sms=" + NUMBER)


def test_submit_vectors():
    """TS 23.040 §9.2.2.2, §9.2.3.24: SMS-SUBMIT with ports, and a part of a concatenation."""
    pdu, length = sms_pdu.submit(
        "+15550100123",
        bytes.fromhex("6145C00155FF32312E35"),
        udh=bytes.fromhex("06050416331633"),
    )
    assert pdu == "0051000B915155100021F30004A711060504163316336145C00155FF32312E35"
    assert length == 31
    whole = bytes.fromhex("4102C00256B27264FF") + bytes(i * 7 & 255 for i in range(200))
    udh = bytes.fromhex("0C0804BEEF0201050416331633")
    pdu, length = sms_pdu.submit("+15550100123", whole[:127], udh=udh, reference=1)
    assert pdu.startswith("0051010B915155100021F30004A78C0C0804BEEF02010504163316334102C002")
    assert length == 154
    assert sms_pdu.submit("12345", b"x")[0] == "00110005812143F50004A70178"
    for number in ("abc", "+", "12", "1" * 21, "44 77"):
        with pytest.raises(ValueError, match="is not 3 to 20 digits"):
            sms_pdu.submit(number, b"x")
    with pytest.raises(ValueError, match="141 octets do not fit"):
        sms_pdu.submit("12345", b"x" * 141)


def test_nudge_prints(capsys):
    """OMA Core App. L: nudge builds vectors A and B for the operator's modem."""
    fixed = ["--to", "+447700900123", "--token", "C0FFEE01", "--message-id", "1"]
    assert nudge.main(fixed) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "AT+CMGF=0" and lines[1] == "AT+CMGS=28"
    assert lines[2] == "0011000C9144770009103200" + "04A70E" + BARE.hex().upper()
    assert nudge.main([*fixed, "--format", "wap", "--con"]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line == "0051000C9144770009103200F5A71B0605040B84C002" + PUSH.hex().upper()
    assert nudge.main([*fixed, "--version", "draft"]) == 0
    assert capsys.readouterr().out.strip().endswith("B131013002" + b"11".hex())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "--to"),
        (["--to", "nobody"], "number 'nobody' is not 3 to 20 digits"),
        (["--to", "12345", "--version", "3"], "invalid choice: '3'"),
        (["--to", "12345", "--dcs", "0"], "DCS 0x00 is not 8-bit data"),
        (["--to", "12345", "--message-id", "70000"], "--message-id: '70000' is not allowed"),
        (["--to", "12345", "--token", "00" * 9], "--token has 9 octets"),
        (["--to", "12345", "--instance", "99999"], "instance 99999"),
        (["--to", "12345", "--con", "--non"], "not allowed with"),
    ],
)
def test_nudge_wrong_arguments(arguments, text, capsys):
    """A wrong argument: one clear line, exit code 2."""
    with pytest.raises(SystemExit) as stop:
        nudge.main(arguments)
    output = capsys.readouterr()
    assert stop.value.code == 2 and text in output.err
    assert output.err.count("\n") == 1 and not output.out


class FakeModem:
    """The far side of a pseudo-terminal: answers AT commands from a table."""

    def __init__(self, answers):
        self.master, self.slave = pty.openpty()
        self.port = os.ttyname(self.slave)
        self.answers = dict(answers)
        self.heard = []
        self.buffer = b""
        os.set_blocking(self.master, False)
        asyncio.get_running_loop().add_reader(self.master, self.read)

    def read(self):
        self.buffer += os.read(self.master, 4096)
        while True:
            ends = [i for i in (self.buffer.find(b"\r"), self.buffer.find(b"\x1a")) if i >= 0]
            if not ends:
                return
            line, self.buffer = self.buffer[: min(ends)], self.buffer[min(ends) + 1 :]
            self.heard.append(line.decode())
            for start, answer in self.answers.items():
                if self.heard[-1].startswith(start):
                    os.write(self.master, answer)
                    break

    def close(self):
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self.slave)


READY = {"ATE0": b"ATE0\r\r\nOK\r\n", "AT+CMGF": b"\r\nOK\r\n", "AT+CMGS": b"\r\n> "}


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({"AT\0": b"", "00": b""}, "no modem answers AT"),
        ({**READY, "00": b"\r\n+CMS ERROR: 310\r\n", "AT": b"\r\nOK\r\n"}, "no SIM inserted"),
        ({**READY, "00": b"", "AT": b"\r\nOK\r\n"}, "no answer to the network within"),
    ],
)
def test_modem_failures_are_told(answers, text):
    """A modem that is silent or refuses: the error names the port and the reason."""

    async def whole():
        fake = FakeModem(answers)
        modem = AtModem(fake.port, command_s=0.2, submit_s=0.2)
        with pytest.raises(ModemError, match=text) as failure:
            await modem.open()
            await modem.send_sms("+" + NUMBER, BARE)
        assert fake.port in str(failure.value)
        modem.close()
        fake.close()

    asyncio.run(whole())


def test_modem_sends():
    """AT800 CMGF, CMGS: AT+CMGF=0, AT+CMGS with the TPDU's length, prompt, PDU, Ctrl-Z; an
    unsolicited line in between does not disturb."""

    async def whole():
        sent = b'\r\n+CMTI: "SM",3\r\n\r\n+CMGS: 34\r\n\r\nOK\r\n'
        fake = FakeModem({**READY, "00": sent, "AT": b"\r\nOK\r\n"})
        modem = AtModem(fake.port)
        await modem.open()
        assert await modem.send_sms("+" + NUMBER, BARE, 0x04, b"") == 34
        assert fake.heard[-2:] == ["AT+CMGS=28", sms_pdu.submit("+" + NUMBER, BARE)[0]]
        modem.close()
        fake.close()

    asyncio.run(whole())


def test_modem_that_is_starting_is_waited_for():
    """AT800 AT+CMGF: it needs the SIM, which a modem that answers AT may not have yet."""

    async def whole():
        fake = FakeModem({**READY, "AT+CMGF": b"\r\nERROR\r\n", "AT": b"\r\nOK\r\n"})
        modem = AtModem(fake.port, command_s=0.5)
        asyncio.get_running_loop().call_later(0.3, fake.answers.update, READY)
        await modem.open()
        assert fake.heard.count("AT+CMGF=0") > 1
        modem.close()
        fake.close()
        fake = FakeModem({**READY, "AT+CMGF": b"\r\nERROR\r\n", "AT": b"\r\nOK\r\n"})
        modem = AtModem(fake.port, command_s=0.1)
        with pytest.raises(ModemError, match="CMGF=0 is refused"):
            await modem.open()
        modem.close()
        fake.close()

    asyncio.run(whole())
