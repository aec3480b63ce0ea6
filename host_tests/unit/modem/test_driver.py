"""Drivers against scripted answers: start, registration, context, information, resuming."""

from modem.at import ModemError
from modem.attach import registration
from modem.info import identify, measure, parse_cpsi
from modem.sim800 import Sim800
from modem.sim7000 import Sim7000
from shim import virtual_time
from unit.modem.scripted import PEER, Bench, run

A = "0791447700090000040C914477000910320004621122900000000E54020001C0FFEE01B13101300138"

# What was attached before the host slept, with a socket.
AWAKE = ((2, 0, "10.64.3.9", (0, 1, 0, 0, 0), 0, 0, 10, 0), ((0, PEER[0], PEER[1]),), (7,))


def test_commands_of_a_start():
    """AT manual: what is set, in an order that the modem takes."""

    async def play():
        for driver, radio in ((Sim800, "AT+CREG?"), (Sim7000, "AT+CEREG?")):
            bench = Bench(driver=driver)
            await bench.modem.up()
            commands = bench.script.commands
            order = ["AT", "ATE0", "AT+CMEE=1", "AT+CPIN?", "AT+CFGRI=1", "AT+CBATCHK=1"]
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
            await bench.modem.up(1)
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
        await bench.modem.up(1)
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
        info = await measure(bench.modem) if not await bench.modem.up(1) else None
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
    """CR 6.1: from a text message to the first datagram in six commands."""

    async def play():
        bench = Bench({"AT+CMGL=4": b"\r\n+CMGL: 2,0,,33\r\n" + A.encode() + b"\r\n\r\nOK\r\n"})
        bench.thaw(AWAKE)
        assert await bench.modem.resume()
        assert await bench.sms.drain() == 1
        await bench.send(b"update")
        assert bench.script.commands == ["AT", "AT+CMGL=4", "AT+CIPSEND=0,6", "AT+CMGD=2"]
        assert bench.power.levels == [False] and bench.modem.info["ip"] == "10.64.3.9"

    run(play())


def test_modem_restarted_while_the_host_slept():
    """AT manual (ATE): the echo is back, so everything is set up anew."""

    async def play():
        bench = Bench()
        bench.thaw(AWAKE)
        bench.script.echo = True
        assert not await bench.modem.resume()
        assert bench.modem.state == 0 and bench.freeze()[1] == ()
        await bench.send()
        assert "ATE0" in bench.script.commands and bench.script.payloads == [b"x"]
        bench.script.silent = True
        bench.modem.asleep = True
        assert not await bench.modem.resume()

    run(play())
