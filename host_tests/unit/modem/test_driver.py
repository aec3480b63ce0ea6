"""Drivers and links against scripted answers: what a well-behaved modem seldom does."""

import asyncio

from modem.at import ModemError
from modem.attach import registration
from modem.info import identify, measure, parse_cpsi
from modem.sim800 import Sim800
from modem.sim7000 import Sim7000
from modem.sms import SmsLink
from modem.udp import UdpLink
from shim import virtual_time
from unit.modem.scripted import CONFIG, PEER, SETTINGS, Power, Script, run

START = 'AT+CIPSTART=0,"UDP","203.0.113.9",5683'
A = "0791447700090000040C914477000910320004621122900000000E54020001C0FFEE01B13101300138"
D1 = "0791447700090000440C91447700091032000462112290000000160B000337020105040B84C002010603C4AF9A44"
D1 += "020001"
D2 = "0791447700090000440C91447700091032000462112290000000160B000337020205040B84C002C0FFEE01B131"
D2 += "01300138"
TEXT = "0791447700090000040C9144770009103200006211229000000005E8329BFD06"


class Bench:
    """A driver and its links on a script."""

    def __init__(self, answers=None, driver=Sim7000, config=None, wired=True):
        table = dict(SETTINGS)
        table.update(answers or {})
        self.script = Script(table)
        self.power = Power(wired=wired)
        settings = dict(CONFIG)
        settings.update(config or {})
        self.events = []
        self.modem = driver(self.script, self.power, settings, self._event, virtual_time.now_ms)
        self.udp = UdpLink(self.modem)
        self.sms = SmsLink(self.modem)
        self.got = []
        self.udp.on_datagram = self.sms.on_datagram = self._datagram

    def _event(self, name, facts):
        self.events.append((name, facts))

    def _datagram(self, data, peer, link):
        self.got.append((bytes(data), peer))

    def names(self):
        return [name for name, _ in self.events]

    async def idle(self):
        for _ in range(50_000):
            await asyncio.sleep_ms(100)
            if not self.udp.busy and not self.sms.busy:
                return
        raise AssertionError("still busy")

    async def send(self, data=b"x", peer=PEER):
        self.udp.send(data, peer)
        await self.idle()


def test_commands_of_a_start():
    """AT manual: what is set, in an order that the modem takes."""

    async def play():
        for driver, radio in ((Sim800, "AT+CREG?"), (Sim7000, "AT+CEREG?")):
            bench = Bench(driver=driver)
            await bench.modem.up()
            commands = bench.script.commands
            order = ["AT", "ATE0", "AT+CMEE=1", "AT+CPIN?", "AT+CFGRI=1", "AT+CLTS=1"]
            order += ["AT+CSCLK=1", "AT+CMGF=0", 'AT+CPMS="SM","SM","SM"', "AT+CNMI=2,1,0,0,0"]
            order += [radio, "AT+CGREG?", "AT+CGATT?", "AT+CIPSHUT", "AT+CIPMUX=1", "AT+CIPSRIP=1"]
            order += ["AT+CIPQSEND=0", 'AT+CSTT="iot.example","",""', "AT+CIICR", "AT+CIFSR"]
            places = [commands.index(command) for command in order]
            assert places == sorted(places), commands
            assert bench.modem.info["ip"] == "10.64.3.9" and bench.power.pulses == []
            assert bench.names() == ["started", "attached"]

    run(play())


def test_direct_sms_mode_by_modem():
    """AT manual (CNMI): SIM7000 refuses mode 2 with direct routing, SIM800 takes it."""

    async def play():
        for driver, command in ((Sim800, "AT+CNMI=2,2,0,0,0"), (Sim7000, "AT+CNMI=1,2,0,0,0")):
            bench = Bench(driver=driver, config={"sms_storing": False})
            await bench.modem.start()
            assert command in bench.script.commands

    run(play())


def test_registration_lines():
    """TS 27.007 §7.2: the answer has a number as second field, the code has not."""
    assert registration(["+CREG: 2,1"], "+CREG:") == 1
    assert registration(['+CREG: 1,"00C3","1A2B"', '+CREG: 2,5,"00C3","1A2B",7'], "+CREG:") == 5
    assert registration(["+CREG: 1"], "+CREG:") == -1 and registration([], "+CREG:") == -1


def test_nb_iot_without_creg():
    """TS 27.007 §10.1.22: CEREG or CGREG is enough on SIM7000, SIM800 needs CREG and CGREG."""

    async def play():
        none = b"\r\n+CREG: 0,0\r\n\r\nOK\r\n"
        bench = Bench({"AT+CREG?": none, "AT+CGREG?": none.replace(b"CREG", b"CGREG")})
        await bench.modem.up()
        assert "AT+CREG?" not in bench.script.commands
        bench = Bench({"AT+CREG?": none}, Sim800, {"attach_s": 20})
        try:
            await bench.modem.up()
            raise AssertionError("attached")
        except ModemError as error:
            assert "CREG not searching" in str(error)

    run(play())


def test_shut_answered_by_deactivation():
    """AT manual (CIPSHUT): +PDP: DEACT in the place of SHUT OK."""

    async def play():
        bench = Bench({"AT+CIPSHUT": b"\r\n+PDP: DEACT\r\n"})
        start = virtual_time.now_ms()
        await bench.modem.up()
        assert virtual_time.now_ms() - start < 5000

    run(play())


def test_late_results_of_a_connection():
    """AT manual (CIPSTART): late, inside another answer, with and without its space."""

    async def play():
        for text in (b"\r\n0, CONNECT OK\r\n", b"\r\n0,CONNECT OK\r\n"):
            bench = Bench({START: b"\r\nOK\r\n", "AT+CSQ": text + b"\r\n+CSQ: 9,0\r\n\r\nOK\r\n"})
            await bench.modem.up()
            bench.udp.send(b"x", PEER)
            await asyncio.sleep_ms(30_000)
            assert bench.udp.busy and bench.script.payloads == []
            assert (await bench.modem.channel.command("AT+CSQ")).value("+CSQ:") == "9,0"
            await bench.idle()
            assert bench.script.payloads == [b"x"]

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
        assert len(bench.power.pulses) == 3 and virtual_time.now_ms() - start < 60_000
        await bench.send()
        assert bench.udp.dropped == {"unsent": 1}

    run(play())


def test_secrets_are_not_in_errors():
    """DESIGN.md §6: a refused command is named without its values."""

    async def play():
        answers = {'AT+CSTT="iot.example","me","secret"': b"\r\nERROR\r\n"}
        bench = Bench(answers, config={"user": "me", "password": "secret"})
        try:
            await bench.modem.up()
            raise AssertionError("up")
        except ModemError as error:
            assert str(error) == "modem: AT+CSTT answered ERROR"
        assert "secret" not in str(bench.events)

    run(play())


def test_messages_listed_in_batches():
    """TS 27.005 §3.4.2: many waiting; eight at a time, all read, all deleted."""

    async def play():
        slots = {i: A for i in range(1, 20)}

        class Store(Script):
            def _answer(self, command):
                if command == "AT+CMGL=4":
                    lines = ["+CMGL: %d,0,,33\r\n%s\r\n" % (i, slots[i]) for i in sorted(slots)]
                    return ("\r\n" + "".join(lines) + "\r\nOK\r\n").encode()
                if command == "AT+CMGD=1,1":
                    slots.clear()
                elif command.startswith("AT+CMGD="):
                    slots.pop(int(command[8:]))
                return super()._answer(command)

        bench = Bench()
        bench.script = Store(dict(SETTINGS))
        bench.script.answers.pop("AT+CMGL=4")
        bench.modem.channel.uart = bench.script
        await bench.modem.start()
        assert await bench.sms.drain() == 19
        assert len(bench.got) == 19 and slots == {}
        assert bench.script.commands.count("AT+CMGL=4") == 3

    run(play())


def test_codes_of_messages():
    """TS 27.005 §3.4.1: index with trailing field, direct with alpha, reports, broken ones."""

    async def play():
        bench = Bench({"AT+CMGR=3": b"\r\n+CMGR: 0,,33\r\n" + A.encode() + b"\r\n\r\nOK\r\n"})
        await bench.modem.start()
        emit = bench.script.emit
        emit(b'\r\n+CMTI: "SM",3,"MMS PUSH"\r\n')
        await bench.idle()
        assert len(bench.got) == 1 and bench.script.commands[-2:] == ["AT+CMGR=3", "AT+CMGD=3"]
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
        answers = {}
        for index, line in ((1, D2), (2, D1), (3, D1)):
            answers["AT+CMGR=%d" % index] = b"\r\n+CMGR: 0,,41\r\n%s\r\n\r\nOK\r\n" % line.encode()
        bench = Bench(answers)
        await bench.modem.start()
        bench.script.emit(b'\r\n+CMTI: "SM",1\r\n')
        await bench.idle()
        assert bench.got == [] and "AT+CMGD=1" not in bench.script.commands
        assert bench.sms.freeze()[1][0] == 1
        bench.script.emit(b'\r\n+CMTI: "SM",2\r\n')
        await bench.idle()
        assert len(bench.got) == 1 and bench.script.commands[-2:] == ["AT+CMGD=1", "AT+CMGD=2"]
        bench.script.emit(b'\r\n+CMTI: "SM",3\r\n')
        await bench.idle()
        await asyncio.sleep_ms(600_000)
        await bench.sms.drain()
        assert bench.script.commands[-1] == "AT+CMGD=3" and bench.sms.dropped == {"incomplete": 1}

    run(play())


def test_information_answers():
    """TS 27.007 §8: identity with and without a prefix, signal steps, unset clock, cell lines."""

    async def play():
        answers = {
            "AT+GSN": b"\r\n867962040000012\r\n\r\nOK\r\n",
            "AT+CIMI": b"\r\n242016000012345\r\n\r\nOK\r\n",
            "AT+CCID": b"\r\n+CCID: 8947080037110000018F\r\n\r\nOK\r\n",
            "AT+CSQ": b"\r\n+CSQ: 31,99\r\n\r\nOK\r\n",
            "AT+COPS?": b'\r\n+COPS: 0,0,"Telia",9\r\n\r\nOK\r\n',
            "AT+CBC": b"\r\n+CBC: 0,85,3992\r\n\r\nOK\r\n",
            "AT+CCLK?": b'\r\n+CCLK: "80/01/06,00:00:10+00"\r\n\r\nOK\r\n',
            "AT+CPMS?": b'\r\n+CPMS: "SM",3,20,"SM",3,20,"SM",3,20\r\n\r\nOK\r\n',
            "AT+CPSI?": b"\r\n+CPSI: LTE NB-IOT,Online,242-01,0xA411,18460008,457,EUTRAN-BAND20,"
            b"6352,0,0,-7,-77,-70,14\r\n\r\nOK\r\n",
            "AT+CREG?": b'\r\n+CREG: 2,1,"00C3","1A2B"\r\n\r\nOK\r\n',
        }
        bench = Bench(answers)
        await bench.modem.start()
        await identify(bench.modem)
        assert await measure(bench.modem) == {
            "imei": "867962040000012",
            "imsi": "242016000012345",
            "iccid": "8947080037110000018F",
            "rssi_dbm": -52,
            "operator": "Telia",
            "battery_percent": 85,
            "battery_mv": 3992,
            "epoch_s": 0,
            "sms_used": 3,
            "sms_total": 20,
            "rat": "NB-IOT",
            "mcc": 242,
            "mnc": 1,
            "area": 0xA411,
            "cell": 18460008,
            "rsrp_dbm": -77,
        }
        bench = Bench(answers, Sim800)
        info = await measure(bench.modem) if not await bench.modem.start() else None
        assert info["rat"] == "GSM" and info["area"] == 0xC3 and info["cell"] == 0x1A2B

    run(play())
    gsm = "GSM,Online,460-01,0x144f,46576,97 EGSM 900,-52,0,39-65"
    assert parse_cpsi(gsm) == {"rat": "GSM", "mcc": 460, "mnc": 1, "area": 0x144F, "cell": 46576}
    for value in (
        "NO SERVICE,Online",
        "",
        "LTE NB-IOT,Online,x-y,0xA411,1",
        "GSM,Online,000-00,zz,1",
    ):
        assert parse_cpsi(value) == {}


def test_round_trips_of_a_wake():
    """CR 6.1: from a text message to the first datagram in six commands, on a modem that ran on."""

    async def play():
        bench = Bench({"AT+CMGL=4": b"\r\n+CMGL: 2,0,,33\r\n" + A.encode() + b"\r\n\r\nOK\r\n"})
        bench.modem.thaw((2, 0, "10.64.3.9"))
        bench.udp.thaw(((0, PEER[0], PEER[1]),))
        bench.sms.thaw((7,))
        assert await bench.modem.resume()
        assert await bench.sms.drain() == 1
        await bench.send(b"update")
        assert bench.script.commands == ["AT", "AT+CMGL=4", "AT+CMGD=2", "AT+CIPSEND=0,6"]
        assert bench.power.levels == [False] and bench.modem.info["ip"] == "10.64.3.9"

    run(play())


def test_modem_restarted_while_the_host_slept():
    """AT manual (ATE): the echo is back, so everything is set up anew."""

    async def play():
        bench = Bench()
        bench.modem.thaw((2, 0, "10.64.3.9"))
        bench.udp.thaw(((0, PEER[0], PEER[1]),))
        bench.script.echo = True
        assert not await bench.modem.resume()
        assert bench.modem.state == 0 and bench.udp.freeze() == ()
        await bench.send()
        assert "ATE0" in bench.script.commands and bench.script.payloads == [b"x"]
        bench.script.silent = True
        bench.modem.asleep = True
        assert not await bench.modem.resume()

    run(play())
