"""CNACT and the CA* commands of the virtual modem, byte for byte; the power key of a SIM7080."""

import asyncio

from unit.virtual.desk import SERVER, run

from tools.virtual import profiles

HEAP_K = 288  # the virtual modem and its network, none of which a board holds

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"
OPEN_7080 = f'AT+CAOPEN=0,0,"UDP","{SERVER[0]}",{SERVER[1]}'
OPEN_7000 = f'AT+CAOPEN=0,"{SERVER[0]}",{SERVER[1]}'
OPENED = b"\r\n+CAOPEN: 0,0\r\n" + OK


async def on(desk, *commands):
    """Power on (SIM7080 wants 1.2 s), and wait until the network is there."""
    desk.modem.dtr(False)
    await desk.pulse(1300)
    await asyncio.sleep_ms(6000)
    for command in ("AT", "ATE0", "AT+CMEE=1"):
        await desk.at(command, 20)
    await asyncio.sleep_ms(15_000)
    desk.take()
    for command in commands:
        await desk.expect(command, OK)


async def online(desk):
    """A context, by the grammar of the modem."""
    await on(desk)
    if desk.modem.profile.ca == "sim7080":
        await desk.expect('AT+CNCFG=0,1,"internet"', OK)
        await desk.expect("AT+CNACT=0,1", OK + b"\r\n+APP PDP: 0,ACTIVE\r\n", 600)
    else:
        await desk.expect('AT+CNCFG=1,"internet"', OK)
        await desk.expect('AT+CNACT=1,"internet"', OK + b"\r\n+APP PDP: ACTIVE\r\n", 600)


async def opened(desk):
    """A connection to the server."""
    await online(desk)
    if desk.modem.profile.ca == "sim7080":
        await desk.expect(OPEN_7080, OPENED)
        return
    for command in ("AT+CACID=0", 'AT+CASSLCFG=0,"ssl",0', 'AT+CASSLCFG=0,"protocol",1'):
        await desk.expect(command, OK)
    await desk.expect(OPEN_7000, OPENED)


async def sent(desk, data=b"hello", then=OK):
    """A datagram to the server."""
    prompt = b"\r\n" + desk.modem.profile.ca_prompt.encode()
    await desk.expect(f"AT+CASEND=0,{len(data)}", prompt)
    await desk.expect(data, then)


def reply(desk, data):
    """The server answers the last datagram."""
    desk.server.send(data, desk.received[-1][1])


def test_sim7080_has_no_cip_commands():
    """AT7080 (contents): the CIP* set is not there; SIM800 has no CA* (AT800, contents)."""

    async def refused(desk):
        await on(desk)
        for command in (
            "AT+CIPMUX=1",
            "AT+CIPSHUT",
            'AT+CSTT="internet"',
            "AT+CIICR",
            "AT+CIFSR",
            "AT+CIPSEND=0,4",
            'AT+CLPORT=0,"UDP",5683',
        ):
            await desk.expect(command, ERROR)

    async def refused_too(desk):
        await on(desk)
        for command in (
            "AT+CNACT=0,1",
            "AT+CACID=0",
            "AT+CASTATE?",
            "AT+CARECV?",
            "AT+CASEND=0,4",
        ):
            await desk.expect(command, ERROR)

    run(refused, "sim7080g")
    run(refused_too, "sim800l")


def test_context_of_a_sim7080():
    """AT7080 AT+CNACT: four contexts by number; the address is read back."""

    async def body(desk):
        await on(desk, 'AT+CNCFG=0,1,"internet","me","secret",3')
        await desk.expect(
            "AT+CNCFG?",
            b'\r\n+CNCFG: 0,1,"internet","me","secret",3\r\n'
            + b"".join([b'\r\n+CNCFG: %d,1,"","","",0\r\n' % n for n in (1, 2, 3)])
            + OK,
        )
        rest = b"".join([b'+CNACT: %d,0,"0.0.0.0"\r\n' % n for n in (1, 2, 3)]) + OK
        await desk.expect("AT+CNACT?", b'\r\n+CNACT: 0,0,"0.0.0.0"\r\n' + rest)
        await desk.expect("AT+CNACT=0,1", OK)
        await asyncio.sleep_ms(500)
        assert desk.take() == b"\r\n+APP PDP: 0,ACTIVE\r\n"
        await desk.expect("AT+CNACT?", b'\r\n+CNACT: 0,1,"10.64.0.1"\r\n' + rest)
        await desk.expect("AT+CNACT=0,1", ERROR)  # it is up
        await desk.expect("AT+CNACT=0,0", OK + b"\r\n+APP PDP: 0,DEACTIVE\r\n")
        await desk.expect("AT+CNACT?", b'\r\n+CNACT: 0,0,"0.0.0.0"\r\n' + rest)
        await desk.expect("AT+CNACT=4,1", ERROR)

    run(body, "sim7080g")


def test_context_of_a_sim7000():
    """AT7000 5.2.31 AT+CNACT: one context, no number; SSL7000 prints an index before the state."""

    async def body(desk):
        await online(desk)
        index = b"0," if desk.modem.profile.ca_index else b""
        await desk.expect("AT+CNACT?", b"\r\n+CNACT: " + index + b'1,"10.64.0.1"\r\n' + OK)
        await desk.expect("AT+CNACT=0", OK + b"\r\n+APP PDP: DEACTIVE\r\n")
        await desk.expect("AT+CNACT?", b"\r\n+CNACT: " + index + b'0,"0.0.0.0"\r\n' + OK)

    run(body, "sim7000g")
    run(body, "sim7000g-1351")


def test_a_context_that_is_refused():
    """TCP7080 (activation): OK says only that it was asked for; DEACTIVE says that it failed."""

    async def body(desk):
        await on(desk, 'AT+CNCFG=0,1,"internet"')
        desk.modem.set_fault("ciicr")
        await desk.expect("AT+CNACT=0,1", OK + b"\r\n+APP PDP: 0,DEACTIVE\r\n", 600)
        desk.network.apn = "other"
        await desk.expect("AT+CNACT=0,1", OK + b"\r\n+APP PDP: 0,DEACTIVE\r\n", 600)
        desk.modem.set_fault("registration", 2)
        await desk.expect("AT+CNACT=0,1", ERROR)

    run(body, "sim7080g")


def test_open_on_a_sim7080():
    """AT7080 AT+CAOPEN: result before OK; bad arguments, a cid in use, no context, no host."""

    async def body(desk):
        await on(desk)
        await desk.expect(OPEN_7080, b"\r\n+CAOPEN: 0,21\r\n" + OK)  # network not active
        await desk.expect("AT+CNACT=0,1", OK + b"\r\n+APP PDP: 0,ACTIVE\r\n", 600)
        await desk.expect('AT+CAOPEN=0,0,"203.0.113.9",5683', ERROR)
        await desk.expect('AT+CAOPEN=13,0,"UDP","203.0.113.9",5683', ERROR)
        await desk.expect('AT+CAOPEN=0,0,"UDP","203.0.113.9",0', ERROR)
        await desk.expect('AT+CAOPEN=0,0,"UDP","203.0.113.9",5683,2', ERROR)
        await desk.expect(
            'AT+CAOPEN=0,0,"UDP","none.example",5683', b"\r\n+CAOPEN: 0,20\r\n" + OK, 1000
        )
        await desk.expect(OPEN_7080, OPENED)
        await desk.expect(OPEN_7080, b"\r\n+CME ERROR: 3\r\n")
        await desk.expect("AT+CASTATE?", b"\r\n+CASTATE: 0,1\r\n" + OK)
        await desk.expect("AT+CACLOSE=0", OK)
        await desk.expect("AT+CACLOSE=0", ERROR)
        await desk.expect("AT+CASTATE?", OK)

    run(body, "sim7080g")


def test_open_on_a_sim7000():
    """AT7000 18.2.1 to 18.2.3: the identifier first, UDP by CASSLCFG or by name."""

    async def body(desk):
        await online(desk)
        await desk.expect(OPEN_7000, ERROR)  # no AT+CACID
        await desk.expect('AT+CASSLCFG=0,"protocol",1', ERROR)
        await desk.expect("AT+CACID=0", OK)
        await desk.expect("AT+CACID?", b"\r\n+CACID: 0\r\n" + OK)
        await desk.expect('AT+CASSLCFG=0,"protocol",2', ERROR)
        await desk.expect(OPEN_7000, b"\r\n+CME ERROR: 3\r\n")  # TCP, which nothing here speaks
        await desk.expect(f'AT+CAOPEN=0,"UDP","{SERVER[0]}",{SERVER[1]}', OPENED)
        await desk.expect("AT+CACID=1", OK)
        await desk.expect('AT+CASSLCFG=1,"protocol",1', OK)
        await desk.expect(f'AT+CAOPEN=1,"{SERVER[0]}",{SERVER[1]}', b"\r\n+CAOPEN: 1,0\r\n" + OK)
        await desk.expect("AT+CASTATE?", b"\r\n+CASTATE: 0,1\r\n+CASTATE: 1,1\r\n" + OK)

    run(body, "sim7000g")


def test_open_asynchronously():
    """AT7000 18.2.3 (asyncOpen_enable): OK first, the result later."""

    async def body(desk):
        await online(desk)
        await desk.expect('AT+CACFG="ASYNCOPEN",1', OK)
        await desk.expect(OPEN_7080, OK + b"\r\n+CAOPEN: 0,0\r\n")

    run(body, "sim7080g")


def test_open_that_fails():
    """AT7000 18.2.3 (result): OK ends it whatever the result; 2 comes after 75 seconds."""

    async def body(desk):
        await online(desk)
        for code in (1, 3, 4, 6, 7, 12, 13, 23, 24, 25, 26, 27):
            desk.modem.set_fault("ca_open", code)
            await desk.expect(OPEN_7080, b"\r\n+CAOPEN: 0,%d\r\n" % code + OK)
        desk.modem.set_fault("connect_fail")
        await desk.expect(OPEN_7080, b"\r\n+CAOPEN: 0,27\r\n" + OK)
        desk.modem.set_fault("ca_open", [2, 27])
        await desk.expect(OPEN_7080, b"", 74_900)
        await desk.expect(b"", b"\r\n+CAOPEN: 0,2\r\n" + OK)
        await desk.expect(OPEN_7080, b"\r\n+CAOPEN: 0,27\r\n" + OK)
        await desk.expect(OPEN_7080, OPENED)

    run(body, "sim7080g")


def test_send():
    """AT7000 18.2.5, AT7080 AT+CASEND: prompt, counted data, OK; older SIM7000 add a result."""

    async def body(desk):
        await opened(desk)
        await desk.expect("AT+CASEND=0", b"\r\n+CASEND: 1460\r\n" + OK)
        await desk.expect("AT+CASEND=0,1461", ERROR)
        await desk.expect("AT+CASEND=0,5,99", ERROR)
        await desk.expect("AT+CASEND=1,5", b"\r\n+CME ERROR: 3\r\n")
        result = desk.modem.profile.ca_send_result
        data = b"\x1a\x1b\r\nOK\r\n>"  # nothing of it ends the data
        last = b"\r\n+CASEND: 0,0,%d\r\n" % len(data) if result else b""
        await sent(desk, data, OK + last)
        assert desk.received[-1][0] == data
        desk.modem.set_fault("ca_send", 1)
        await sent(desk, b"lost", OK + b"\r\n+CASEND: 0,1,0\r\n" if result else ERROR)
        desk.modem.set_fault("send_fail")
        await sent(desk, b"lost", OK + b"\r\n+CASEND: 0,1,0\r\n" if result else ERROR)
        assert len(desk.received) == 1

    for name in ("sim7080g", "sim7000g", "sim7000g-1351", "sim7000g-1529b10v02"):
        run(body, name)


def test_data_that_comes_too_late():
    """AT7000 18.2.5 (inputtime): after 5000 ms, or what is asked for, no data is taken."""

    async def body(desk):
        await opened(desk)
        await desk.expect("AT+CASEND=0,5", b"\r\n>")
        await desk.expect(b"hel", b"", 4700)
        await desk.expect(b"", ERROR, 200)
        await desk.expect("AT", OK)
        await desk.expect("AT+CASEND=0,5,100", b"\r\n>", 50)
        await desk.expect(b"", ERROR, 100)
        assert desk.received == []
        await sent(desk)

    run(body, "sim7080g")


def test_receive():
    """AT7080 AT+CARECV: CADATAIND without a size, CARECV? with it, counted data behind a comma."""

    async def body(desk):
        await opened(desk)
        lines = desk.modem.profile.ca_lines
        await desk.expect("AT+CARECV?", b"\r\n+CARECV: 0,0\r\n" + OK)
        await sent(
            desk, b"hello", OK + (b"\r\n+CASEND: 0,0,5\r\n" * desk.modem.profile.ca_send_result)
        )
        data = b"\r\nOK\r\n\x00+CARECV: 9,"
        reply(desk, data)
        await desk.expect(b"", b"\r\n+CADATAIND: 0\r\n")
        await desk.expect("AT+CARECV?", b"\r\n+CARECV: 0,%d\r\n" % len(data) + OK)
        head = b"\r\n+CARECV: 0,%d\r\n" if lines else b"\r\n+CARECV: %d,"
        await desk.expect("AT+CARECV=0,%d" % len(data), head % len(data) + data + OK)
        await desk.expect("AT+CARECV?", b"\r\n+CARECV: 0,0\r\n" + OK)
        reply(desk, b"again")
        await desk.expect(b"", b"\r\n+CADATAIND: 0\r\n")
        await desk.expect("AT+CASRIP=1", OK)
        source = b"203.0.113.9,5683,"
        head = b"\r\n+CARECV: 0,%s3\r\n" if lines else b"\r\n+CARECV: %s3,"
        await desk.expect("AT+CARECV=0,3", head % source + b"aga" + OK)
        await desk.expect("AT+CARECV?", b"\r\n+CARECV: 0,2\r\n" + OK)

    for name in ("sim7080g", "sim7000g-1351", "sim7000g-1529b10v02"):
        run(body, name)


def test_nothing_to_receive():
    """AT7080 AT+CARECV: `+CARECV: 0` where nothing waits; ERROR for what is no connection."""

    async def body(desk):
        await opened(desk)
        await desk.expect("AT+CARECV=0,100", b"\r\n+CARECV: 0\r\n" + OK)
        await desk.expect("AT+CARECV=1,100", ERROR)
        await desk.expect("AT+CARECV=0,1461", ERROR)
        await desk.expect("AT+CACLOSE=0", OK)
        await desk.expect("AT+CARECV?", OK)
        assert not desk.seen("modem_broken")

    run(body, "sim7080g")


def test_when_data_is_indicated():
    """AT7000 18.2.3 (note), TCP7080: when nothing waited before; each time; once after a send."""

    async def count(desk):
        await opened(desk)
        counts = []
        for step in (b"12", b"3", b"R4", b"S5"):
            if step[:1] == b"R":
                await desk.at("AT+CARECV=0,3")
            if step[:1] == b"S" or not desk.received:
                await sent(desk)
            for digit in step.replace(b"R", b"").replace(b"S", b""):
                reply(desk, bytes([digit]))
            await asyncio.sleep_ms(300)
            counts.append(desk.take().count(b"+CADATAIND: 0"))
        return counts

    def play(mode):
        return run(count, profiles.sim7080g(ca_indicate=mode, ca_merge=True))

    assert play("empty") == [1, 0, 1, 0]
    assert play("each") == [2, 1, 1, 1]
    assert play("once") == [1, 0, 0, 1]


def test_borders_of_datagrams():
    """TCP7080 (CARECV): not said whether borders are kept: a switch."""

    async def body(desk):
        await opened(desk)
        await sent(desk)
        for data in (b"one", b"three"):
            reply(desk, data)
        await desk.expect(b"", b"\r\n+CADATAIND: 0\r\n", 400)
        await desk.expect("AT+CARECV?", b"\r\n+CARECV: 0,8\r\n" + OK)
        return await desk.at("AT+CARECV=0,8")

    assert run(body, "sim7080g") == b"\r\n+CARECV: 3,one" + OK
    assert run(body, profiles.sim7080g(ca_merge=True)) == b"\r\n+CARECV: 8,onethree" + OK


def test_data_unasked_and_a_full_buffer():
    """AT7080 AT+CAOPEN (recv_mode), +CAURC: with recv_mode 1 data comes in a code of its own."""

    async def body(desk):
        await online(desk)
        await desk.expect(OPEN_7080 + ",1", OPENED)
        await sent(desk)
        reply(desk, b"pushed")
        await desk.expect(b"", b'\r\n+CAURC: "recv",0,6\r\npushed', 400)
        await desk.expect("AT+CASRIP=1", OK)
        reply(desk, b"again")
        await desk.expect(b"", b'\r\n+CAURC: "recv",0,5,203.0.113.9,5683\r\nagain', 400)
        await desk.expect("AT+CACLOSE=0", OK)
        await desk.expect(OPEN_7080, OPENED)
        await sent(desk)
        for _ in range(7):
            reply(desk, bytes(1400))
        await desk.expect(
            b"", b"\r\n+CADATAIND: 0\r\n" + b'\r\n+CAURC: "buffer full"\r\n' * 2, 400
        )

    run(body, "sim7080g")


def test_local_port():
    """AT7000 18.2.2 (localport), AT7080 AT+CACFG (LOCALPORT): the source port, once only."""

    async def seen(desk):
        ports = []
        desk.network.on_event = lambda name, facts: (
            name == "nat_open" and ports.append(facts["port"])
        )
        new = desk.modem.profile.ca == "sim7080"
        await online(desk)
        for n in (0, 1):
            if not new:
                await desk.expect(f"AT+CACID={n}", OK)
                await desk.expect(f'AT+CASSLCFG={n},"protocol",1', OK)
                await desk.expect(f'AT+CASSLCFG={n},"localport",5683', OK)
            else:
                await desk.expect(f'AT+CACFG="LOCALPORT",{n},5683', OK)
            middle = '0,"UDP",' if new else ""
            answer = await desk.at(f'AT+CAOPEN={n},{middle}"{SERVER[0]}",{SERVER[1]}')
            assert answer == b"\r\n+CAOPEN: %d,%d\r\n" % (n, 12 * n) + OK
        await desk.at("AT+CASEND=0,1")
        await desk.at(b"x")
        return ports

    assert run(seen, "sim7080g") == [5683]
    assert run(seen, "sim7000g") == [5683]

    async def none(desk):
        await on(desk)
        await desk.expect('AT+CACFG="LOCALPORT",0,5683', ERROR)  # CACFG is younger (2018-12)

    run(none, "sim7000g-1351")


def test_listening_for_any_peer():
    """AT7000 18.2.4, AT7080 AT+CASERVER: CANEW names who comes; REMOTEADDR says who is sent to."""

    async def body(desk):
        await online(desk)
        await desk.expect('AT+CASERVER=0,0,"UDP",5683', b"\r\n+CASERVER: 0,0\r\n" + OK)
        await desk.expect("AT+CASTATE?", b"\r\n+CASTATE: 0,2\r\n" + OK)
        await desk.expect("AT+CASEND=0,1", b"\r\n+CME ERROR: 3\r\n")  # to whom?
        await desk.expect(f'AT+CACFG="REMOTEADDR",0,"{SERVER[0]}",{SERVER[1]}', OK)
        await sent(desk)
        reply(desk, b"hi")
        await desk.expect(b"", b"\r\n+CANEW: 0,1,203.0.113.9,5683\r\n\r\n+CADATAIND: 1\r\n", 400)
        await desk.expect("AT+CARECV=1,2", b"\r\n+CARECV: 2,hi" + OK)

    run(body, "sim7080g")


def test_a_connection_or_the_context_is_lost():
    """AT7000 18.2.8 (URC), AT7080: CASTATE n,0 of each connection; +APP PDP: DEACTIVE."""

    async def body(desk):
        await opened(desk)
        desk.modem.set_fault("ca_lost", 0)
        await desk.expect(b"", b"\r\n+CASTATE: 0,0\r\n")
        await desk.expect("AT+CASTATE?", b"\r\n+CASTATE: 0,0\r\n" + OK)
        await desk.expect("AT+CASEND=0,5", b"\r\n+CME ERROR: 3\r\n")
        number = b"0," if desk.modem.profile.ca == "sim7080" else b""
        await desk.expect("AT+CACLOSE=0", OK)
        await desk.expect(OPEN_7080 if number else OPEN_7000, OPENED)
        desk.modem.set_fault("pdp_deact")
        await desk.expect(b"", b"\r\n+CASTATE: 0,0\r\n\r\n+APP PDP: " + number + b"DEACTIVE\r\n")

    run(body, "sim7080g")
    run(body, "sim7000g")


def test_sim7000_crashes_when_asked_with_no_connection():
    """AT7000 18.2.6, as drivers found: CARECV? without a connection restarts the modem."""

    async def body(desk):
        await online(desk)
        desk.modem.write(b"AT+CARECV?\r")
        await asyncio.sleep_ms(400)
        assert desk.modem.state == "booting" and desk.take() == b""
        assert len(desk.seen("modem_broken")) == 1

    run(body, "sim7000g")


def test_sim7000_freezes_when_asked_for_too_much():
    """AT7000 18.2.6, as drivers found: CARECV beyond what waits is the end until a power cycle."""

    async def body(desk):
        await opened(desk)
        await sent(desk, b"hello", OK + b"\r\n+CASEND: 0,0,5\r\n")
        reply(desk, b"hi")
        await desk.expect(b"", b"\r\n+CADATAIND: 0\r\n", 400)
        await desk.expect("AT+CARECV=0,3", b"", 60_000)
        await desk.expect("AT", b"", 60_000)
        assert len(desk.seen("modem_broken")) == 1
        await desk.pulse(1300)
        await asyncio.sleep_ms(5000)
        await desk.pulse(1300)
        await asyncio.sleep_ms(6000)
        assert b"OK" in await desk.at("AT")

    run(body, "sim7000g")


def test_power_key_of_a_sim7080():
    """CMP table 5: more than 1.2 s turns it on or off, 12 s restart it."""

    async def body(desk):
        modem = desk.modem
        await desk.pulse(1100)
        assert modem.state == "off"
        await desk.pulse(1200)
        assert modem.state == "booting"
        await asyncio.sleep_ms(2010)
        assert modem.state == "on"
        modem.pwrkey(True)
        await asyncio.sleep_ms(11_999)
        assert modem.state == "on" and len(desk.seen("modem_boot")) == 1
        await asyncio.sleep_ms(1)
        assert modem.state == "booting" and len(desk.seen("modem_boot")) == 2
        modem.pwrkey(False)
        await asyncio.sleep_ms(3000)
        assert modem.state == "on"
        await desk.pulse(1300)
        await asyncio.sleep_ms(2000)
        assert modem.state == "off"

    run(body, "sim7080g")


def test_boot_codes_of_a_sim7080():
    """AT7080 AT+CURCCFG: each class of codes can be switched off."""

    async def boot(desk):
        await desk.pulse(1300)
        await asyncio.sleep_ms(30_000)
        return desk.take()

    whole = b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n"
    assert run(boot, "sim7080g", saved={"+IPR": 115200}) == whole
    saved = {"+IPR": 115200}

    async def mute(desk):
        await desk.pulse(1300)
        await asyncio.sleep_ms(9000)
        desk.take()
        for name in ("SYS", "SMS"):
            await desk.expect(f'AT+CURCCFG="{name}",0', f'AT+CURCCFG="{name}",0\r'.encode() + OK)
        await desk.expect('AT+CURCCFG="ALL",0', b'AT+CURCCFG="ALL",0\r' + ERROR)
        await desk.expect("AT+CREBOOT", b"AT+CREBOOT\r" + OK)
        await asyncio.sleep_ms(9000)
        return desk.take()

    assert run(mute, "sim7080g", saved=saved) == b"\r\n+CPIN: READY\r\n"


def test_names_of_the_profiles():
    """AT7000, AT7080: each firmware whose answers differ has a name; another is refused."""
    assert profiles.get("sim7080g").ca == "sim7080" and not profiles.get("sim7080").cip
    assert profiles.get("sim7000g-1529b10v02").ca_send_result is False
    assert profiles.get("sim7000g-1351").ca_lines
    try:
        profiles.get("sim900")
        raise AssertionError("sim900")
    except ValueError as error:
        assert "sim7080g" in str(error)
