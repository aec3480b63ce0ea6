"""Whatever the UART brings: codes, losses and noise at every octet of a dialogue."""

import asyncio

from modem.at import Channel, ModemReset
from shim import virtual_time
from unit.modem.scripted import Script, run

CODES = (
    "+CREG: 1|+CGREG: 2|+CEREG: 5|+CMTI: \"SM\",3|*PSNWID: \"460\",\"00\"|DST: 0|+CTZV: +32|"
    "*PSUTTZ: 19/06/26,06:04:03\",\"+32\",0|+CSMINS: 1,1|+CSQN: 12,0|+CUSD: 0,\"> 5 EUR\",15|RING|"
    "+CRING: VOICE|+CLIP: \"+4790000002\",145|NO CARRIER|UNDER-VOLTAGE WARNNING|"
    "OVER-VOLTAGE WARNNING|CHARGE-ONLY MODE|+CMTE: 1|ALARM RING|+CALV: 1|+PDP: DEACT|"
    "+SAPBR 1: DEACT|3, CONNECT OK|CONNECT FAIL|2, CLOSED|5, ALREADY CONNECT|+CIPRXGET: 1,0|"
    "RECV FROM: 203.0.113.9:5683|+CDNSGIP: 0,8|+APP PDP: DEACTIVE|+CADATAIND: 0|+CASTATE: 0,0|"
    "+CAURC: \"buffer full\"|+CPSMSTATUS: \"EXIT PSM\"|PSM POWER DOWN|+CRRCSTATE: 1|+CNSMOD: 0,7|"
    "+CPIN: NOT READY|+CME ERROR: 30|+CMS ERROR: 500|SMS DONE|PB DONE"
).split("|")  # fmt: skip
RESTARTS = "RDY|+CFUN: 1|Call Ready|SMS Ready|NORMAL POWER DOWN|UNDER-VOLTAGE POWER DOWN".split(
    "|"
)

PDU = "0791447700090000040C914477000910320004621122900000000E54020001C0FFEE01B13101300138"
DATA = b"\r\nOK\r\n> +CMTI: RDY" + 250 * b"x"
ANSWERS = {
    "AT+CSQ": b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n",
    "AT+CIFSR": b"\r\n10.1.2.3\r\n",
    "AT+CMGL=4": b"\r\n+CMGL: 2,0,,33\r\n" + PDU.encode() + b"\r\n\r\nOK\r\n",
    "SEND": b"\r\n0, SEND OK\r\n\r\n+RECEIVE,0,%d,203.0.113.9:5683:\r\n" % len(DATA) + DATA,
}
LONGEST_MS = 12_000  # of what follows a fault, until commands are answered again


class _Spoilt(Script):
    """A script of whose stream, at octet `place`, `lost` octets go and `more` come in."""

    def __init__(self, place, lost, more, chunk):
        super().__init__(ANSWERS, chunk)
        self.place, self.lost, self.more = place, lost, more
        self.said = 0

    def emit(self, data):
        at = self.place - self.said
        self.said += len(data)
        if self.more and 0 <= at <= len(data):
            data = data[:at] + self.more + data[at:]
            self.more = b""
        elif self.lost and 0 <= at < len(data):
            kept = data[at + self.lost :]
            self.lost = max(0, self.lost - (len(data) - at))
            data = data[:at] + kept
            self.place = self.said
        super().emit(data)


async def _dialogue(channel):
    commands = (
        ("AT+CSQ", {}),
        ("AT+CIPSEND=0,4", {"payload": b"abcd", "finals": ("0,SEND OK", "+PDP: DEACT")}),
        ("AT+CMGL=4", {}),
        ("AT+CIFSR", {"finals": (".",)}),
    )
    finals = []
    for text, keywords in commands:
        try:
            finals.append((await channel.command(text, 2000, **keywords)).final)
        except ModemReset:
            finals.append("RESET")
    return finals


async def _spoilt(place, lost=0, more=b"", chunk=0):
    """Play the dialogue with one fault, then see that the channel is in step; returns finals."""
    script = _Spoilt(place, lost, more, chunk)
    channel = Channel(script, virtual_time.now_ms, _nobody, _nobody)
    codes = []
    datagrams = []
    channel.on("+RECEIVE,", lambda line: _header(line, datagrams))
    channel.on("+CMTI:", codes.append)
    channel.open()
    start = virtual_time.now_ms()
    finals = await _dialogue(channel)
    for _ in range(20):
        try:
            response = await channel.command("AT+CSQ", 2000)
        except ModemReset:
            continue
        if response.ok and response.value("+CSQ:") == "18,99":
            break
    else:
        raise AssertionError("out of step for ever")
    assert virtual_time.now_ms() - start < LONGEST_MS, (place, finals)
    for _ in range(2):
        response = await channel.command("AT+CSQ", 2000)
        assert response.ok and response.value("+CSQ:") == "18,99", (place, response.lines)
    channel.close()
    await asyncio.sleep_ms(0)
    return finals, codes, datagrams


def _header(line, datagrams):
    fields = line.split(",")
    if len(fields) < 3 or not fields[2].isdigit():
        return None
    return int(fields[2]), datagrams.append


def _nobody(*facts):
    """Nobody is told."""


def _length():
    return run(_measured())


async def _measured():
    script = _Spoilt(-1, 0, b"", 0)
    channel = Channel(script, virtual_time.now_ms, _nobody, _nobody)
    channel.on("+RECEIVE,", lambda line: _header(line, []))
    channel.open()
    assert await _dialogue(channel) == ["OK", "0,SEND OK", "OK", "10.1.2.3"]
    channel.close()
    return script.said


def test_codes_at_every_octet():
    """AT800 19.3, AT7000 20.3: each code, at octets all over a dialogue, in pieces of any size;
    the next commands are answered, and what the code says is nobody's answer."""

    async def play():
        for index, code in enumerate(CODES):
            more = b"\r\n" + code.encode() + b"\r\n"
            for place in range(index % 19, length, 19):
                await _spoilt(place, 0, more, (place + index) % 4)

    length = _length()
    run(play())


def test_a_code_between_lines_costs_nothing():
    """TS 27.007 §4: a code between two lines of a dialogue changes no answer."""

    async def play():
        for code in CODES:
            if "ERROR" in code or code == "+PDP: DEACT":
                continue
            more = b"\r\n" + code.encode() + b"\r\n"
            for place in (0, 15, 21):  # before, inside and after the answer to AT+CSQ
                finals, codes, datagrams = await _spoilt(place, 0, more)
                assert finals == ["OK", "0,SEND OK", "OK", "10.1.2.3"], (code, place, finals)
                assert datagrams == [DATA]
                assert bool(codes) == code.startswith("+CMTI")

    run(play())


def test_restart_at_every_octet():
    """AT800 (boot codes): a restart in the midst of anything, seen by any of its codes."""

    async def play():
        for index, code in enumerate(RESTARTS):
            for place in range(index, length, 13):
                await _spoilt(place, 0, b"\r\n" + code.encode() + b"\r\n", place % 3)

    length = _length()
    run(play())


def test_octets_lost_at_every_place():
    """ESP32 UART overflow: octets vanish without a sign, in lines, prompts, answers, payloads."""

    async def play():
        for lost in (1, 2, 7, 40):
            for place in range(lost % 3, length, 3):
                await _spoilt(place, lost, b"", place % 2)

    length = _length()
    run(play())


def test_noise_at_every_place():
    """AT800 1.4 (note) and a wrong rate: octets that nobody sent."""

    async def play():
        noises = (b"\x00\x49\x49\x49\x49\xff\xff\xff\xff", b"\xff", b">", b"\n", bytes(range(256)))
        for index, noise in enumerate(noises):
            for place in range(index, length, 7):
                await _spoilt(place, 0, noise, place % 2)

    length = _length()
    run(play())


def test_payload_that_never_ends():
    """ESP32 UART overflow: what follows a payload that lost octets fills it up for 2.5 s at most,
    also when the modem goes on talking."""
    times = [0]
    got = []
    channel = Channel(None, lambda: times[0], _nobody, _nobody)
    channel.on("+RECEIVE,", lambda line: _header(line, got))
    channel.on("+CMTI:", got.append)
    channel.feed(b"\r\n+RECEIVE,0,1400\r\nonly this")
    while times[0] <= 2500:
        channel.feed(b"\r\nOK\r\n")
        times[0] += 300
    channel.feed(b'\r\n+CMTI: "SM",1\r\n')
    assert got == ['+CMTI: "SM",1'] and channel.dropped == {"payload_cut": 1}


def test_prompts_of_all_kinds():
    """AT800 CIPSEND, SIM7080 CASEND: with and without its blank, behind stray octets, as a line;
    and a code that ends like one is none."""

    async def play():
        for prompt in (b"\r\n> ", b"\r\n>", b">", b"\r\n\xff> ", b"\r\n>\r\n", b"> \r\n"):
            for chunk in (0, 1):
                script = Script({"AT+CIPSEND=0,2": b""}, chunk)
                channel = Channel(script, virtual_time.now_ms, _nobody, _nobody)
                channel.open()
                script._wanted = 2
                task = asyncio.create_task(
                    channel.command("AT+X", payload=b"hi", finals=("0,SEND OK",))
                )
                script.answers["AT+X"] = b""
                script._wanted = None
                await asyncio.sleep_ms(10)
                script._wanted = 2
                script.emit(prompt)
                assert (await task).ok and script.payloads == [b"hi"], prompt
        script = Script({"AT+X": b'\r\n+CUSD: 0,"give me > '})
        channel = Channel(script, virtual_time.now_ms, _nobody, _nobody)
        channel.open()
        response = await channel.command("AT+X", payload=b"hi")
        assert response.final == "TIMEOUT" and script.payloads == []

    run(play())


def test_errors_are_told_apart():
    """TS 27.005 §3.2.5: +CMS ERROR and +CME ERROR end a command as what they are; ERROR inside
    another line does not end it."""

    async def play():
        answers = {
            "AT+A": b"\r\n+CMS ERROR: 500\r\n",
            "AT+B": b"\r\n+CME ERROR: SIM not inserted\r\n",
            "AT+C": b"\r\n+X: ERROR\r\n\r\nMY ERROR\r\n\r\nOK\r\n",
        }
        channel = Channel(Script(answers), virtual_time.now_ms, _nobody, _nobody)
        channel.open()
        assert (await channel.command("AT+A")).final == "+CMS ERROR: 500"
        assert (await channel.command("AT+B")).final == "+CME ERROR: SIM not inserted"
        response = await channel.command("AT+C")
        assert response.final == "OK" and response.lines == ["+X: ERROR", "MY ERROR"]

    run(play())
