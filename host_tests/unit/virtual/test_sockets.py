"""The CIP* commands of the virtual modem, byte for byte (AT800 chapter 8, TCP7000)."""

import asyncio

from unit.virtual.desk import NUMBER, SERVER, on_both, run

from tools.virtual import profiles

HEAP_K = 256  # the virtual modem and its network, none of which a board holds

_PUBLIC = ("198.51.100.1", 40000)


def test_bring_up():
    """AT800 CIPSHUT: SHUT OK, CIPMUX only in IP INITIAL, CIFSR a bare line without OK."""

    async def body(desk):
        await desk.on("AT+CMEE=1")
        await desk.expect("AT+CIPSHUT", b"\r\nSHUT OK\r\n")
        await desk.expect("AT+CIPMUX=1", b"\r\nOK\r\n")
        await desk.expect("AT+CIICR", b"\r\n+CME ERROR: 3\r\n")
        await desk.expect('AT+CSTT="internet","u","p"', b"\r\nOK\r\n")
        await desk.expect('AT+CSTT="internet","u","p"', b"\r\n+CME ERROR: 3\r\n")
        await desk.expect("AT+CIPMUX=0", b"\r\n+CME ERROR: 3\r\n")
        await desk.expect("AT+CIFSR", b"\r\n+CME ERROR: 3\r\n")
        await desk.expect("AT+CIICR", b"\r\nOK\r\n", 2000)
        command = f'AT+CIPSTART=0,"UDP","{SERVER[0]}",{SERVER[1]}'
        await desk.expect(command, b"\r\n+CME ERROR: 3\r\n")  # CIFSR is mandatory before
        await desk.expect("AT+CIFSR;E0", b"\r\n10.64.0.1\r\n\r\nOK\r\n")
        await desk.expect("AT+CIFSR", b"\r\n10.64.0.1\r\n")
        await desk.expect("AT+CIPMUX?", b"\r\n+CIPMUX: 1\r\n\r\nOK\r\n")
        await desk.open()

    on_both(body)


def test_address_without_context():
    """AT800, AT7000: AT+CIFSR's error is ERROR; CIFSREX has prefix and OK on SIM7000."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+CIFSR", b"\r\nERROR\r\n")

    async def extended(desk):
        await desk.online()
        await desk.expect("AT+CIFSREX", b"\r\n+CIFSREX: 10.64.0.1\r\n\r\nOK\r\n")

    on_both(body)
    run(extended, "sim7000g")


def test_failing_bring_up():
    """AT800 CIICR, CIPSHUT: CIICR ERROR: only CIPSHUT helps; a wrong access point is refused."""

    async def body(desk):
        await desk.on("AT+CIPMUX=1", 'AT+CSTT="internet"')
        desk.modem.set_fault("ciicr")
        await desk.expect("AT+CIICR", b"\r\nERROR\r\n", 2000)
        await desk.expect('AT+CSTT="internet"', b"\r\nERROR\r\n")
        await desk.expect("AT+CIPSHUT", b"\r\nSHUT OK\r\n")
        desk.network.apn = "iot.example"
        await desk.expect('AT+CSTT="internet"', b"\r\nOK\r\n")
        await desk.expect("AT+CIICR", b"\r\nERROR\r\n", 2000)
        await desk.expect("AT+CIPSHUT", b"\r\nSHUT OK\r\n")
        await desk.expect('AT+CSTT="iot.example"', b"\r\nOK\r\n")
        await desk.expect("AT+CIICR", b"\r\nOK\r\n", 2000)

    on_both(body)


def test_datagrams_both_ways():
    """AT800 CIPSEND: `> ` without line end, exactly the bytes, +RECEIVE,n,len:."""

    async def body(desk):
        await desk.online()
        await desk.open()
        payload = b"\r\nOK\r\n\x1a\x1b> \x00"
        await desk.expect(f"AT+CIPSEND=0,{len(payload)}", b"\r\n> ")
        await desk.expect(payload[:5], b"")
        await desk.expect(payload[5:], b"\r\n0, SEND OK\r\n")
        assert desk.received == [(payload, _PUBLIC)]
        desk.server.send(payload, _PUBLIC)
        await asyncio.sleep_ms(200)
        assert desk.take() == b"\r\n+RECEIVE,0,11:\r\n" + payload

    on_both(body)


def test_source_of_a_datagram():
    """AT800 CIPSRIP: AT+CIPSRIP=1 adds the peer; the colon at its end is a switch."""

    async def body(desk):
        await desk.online("AT+CIPSRIP=1")
        await desk.open()
        await desk.send(b"x")
        desk.server.send(b"one", _PUBLIC)
        desk.server.send(b"two", _PUBLIC)
        await asyncio.sleep_ms(200)
        return desk.take()

    for profile, end in ((profiles.sim800l(), b""), (profiles.sim7000g(receive_colon=True), b":")):
        peer = b"203.0.113.9:5683" + end
        assert run(body, profile) == (
            b"\r\n+RECEIVE,0,3," + peer + b"\r\none\r\n+RECEIVE,0,3," + peer + b"\r\ntwo"
        )


def test_quick_send():
    """AT800 CIPQSEND, AT7000 CIPQSEND: AT+CIPQSEND=1 gives DATA ACCEPT; SIM7000 adds a space."""

    async def body(desk):
        await desk.online("AT+CIPQSEND=1")
        await desk.open()
        await desk.expect("AT+CIPSEND=0,3", b"\r\n> ")
        return await desk.at(b"abc")

    assert run(body, "sim800l") == b"\r\nDATA ACCEPT:0,3\r\n"
    assert run(body, "sim7000g") == b"\r\nDATA ACCEPT: 0,3\r\n"


def test_send_limits():
    """AT800 CIPSEND: 1460 bytes; a bad socket gives an error and no prompt."""

    async def body(desk):
        await desk.online()
        await desk.open(0)
        await desk.open(3)
        await desk.expect("AT+CIPSEND?", b"\r\n+CIPSEND: 0,1460\r\n+CIPSEND: 3,1460\r\n\r\nOK\r\n")
        await desk.expect("AT+CIPSEND=0,1461", b"\r\nERROR\r\n")
        await desk.expect("AT+CIPSEND=0,0", b"\r\nERROR\r\n")
        await desk.expect("AT+CIPSEND=1,5", b"\r\n+CME ERROR: 3\r\n")
        await desk.expect("AT+CIPSEND=99,5", b"\r\nERROR\r\n")
        await desk.expect("AT+CIPSEND=0,1460", b"\r\n> ")
        await desk.expect(bytes(1459), b"")
        await desk.expect(b"!", b"\r\n0, SEND OK\r\n", 400)
        assert len(desk.received[0][0]) == 1460

    on_both(body)


def test_send_without_a_length():
    """AT800 CIPSEND: without a length Ctrl-Z sends and ESC cancels."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.expect("AT+CIPSEND=0", b"\r\n> ")
        await desk.expect(b"abc\x1a", b"\r\n0, SEND OK\r\n")
        await desk.expect("AT+CIPSEND=0", b"\r\n> ")
        await desk.expect(b"abc\x1b", b"\r\nOK\r\n")
        assert [data for data, _ in desk.received] == [b"abc"]

    on_both(body)


def test_already_connected():
    """AT800 CIPSTART, logs: already open -> ERROR, then ALREADY CONNECT."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.expect(
            f'AT+CIPSTART=0,"UDP","{SERVER[0]}","{SERVER[1]}"',
            b"\r\nERROR\r\n\r\n0, ALREADY CONNECT\r\n",
        )

    on_both(body)


def test_host_names():
    """AT800 CIPSTART: a name is looked up first; an unknown one ends in CONNECT FAIL."""

    async def body(desk):
        desk.network.hosts["lwm2m.example"] = SERVER[0]
        await desk.online()
        await desk.expect('AT+CIPSTART=1,"UDP","lwm2m.example",5683', b"\r\nOK\r\n")
        await asyncio.sleep_ms(1000)
        assert desk.take() == b"\r\n1, CONNECT OK\r\n"
        await desk.expect(
            "AT+CIPSTATUS=1",
            b'\r\n+CIPSTATUS: 1,0,"UDP","203.0.113.9","5683","CONNECTED"\r\n\r\nOK\r\n',
        )
        await desk.expect(
            'AT+CIPSTART=2,"UDP","none.example",5683', b"\r\nOK\r\n\r\n2, CONNECT FAIL\r\n", 1000
        )
        await desk.expect(
            'AT+CDNSGIP="lwm2m.example"',
            b'\r\nOK\r\n\r\n+CDNSGIP: 1,"lwm2m.example","203.0.113.9"\r\n',
            1000,
        )
        await desk.expect(
            'AT+CDNSGIP="none.example"', b"\r\nOK\r\n\r\n+CDNSGIP: 0,8\r\n", 1000
        )

    on_both(body)


def test_status():
    """AT800 CIPSTATUS: OK first, then STATE, then the C: lines, and no end mark."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+CIPSTATUS", b"\r\nOK\r\n\r\nSTATE: IP INITIAL\r\n")
        await desk.at("AT+CIPMUX=1")
        await desk.at('AT+CSTT="internet"')
        unused = b"".join([b'C: %d,,"","","","INITIAL"\r\n' % n for n in range(2, 6)])
        await desk.expect(
            "AT+CIPSTATUS",
            b'\r\nOK\r\n\r\nSTATE: IP START\r\n\r\nC: 0,,"","","","INITIAL"\r\n'
            b'C: 1,,"","","","INITIAL"\r\n' + unused,
        )
        desk.modem.write(b"AT+CIICR\r")
        await asyncio.sleep_ms(100)
        assert desk.modem.ip.state == "IP CONFIG"
        await asyncio.sleep_ms(2000)
        assert desk.modem.ip.state == "IP GPRSACT"
        await desk.at("AT+CIFSR")
        assert desk.modem.ip.state == "IP STATUS"
        await desk.open(1)
        await desk.expect(
            "AT+CIPSTATUS",
            b'\r\nOK\r\n\r\nSTATE: IP PROCESSING\r\n\r\nC: 0,,"","","","INITIAL"\r\n'
            b'C: 1,0,"UDP","203.0.113.9","5683","CONNECTED"\r\n' + unused,
        )

    run(body, "sim800l")


def test_number_of_sockets():
    """AT800 CIPSTART, AT7000 CIPSTART: n is 0 to 5 on SIM800, 0 to 7 on SIM7000."""

    async def body(desk):
        await desk.online()
        last = desk.modem.profile.sockets - 1
        await desk.open(last)
        await desk.expect(f'AT+CIPSTART={last + 1},"UDP","1.2.3.4",1', b"\r\nERROR\r\n")
        return last

    assert run(body, "sim800l") == 5
    assert run(body, "sim7000g") == 7


def test_close():
    """AT800 CIPCLOSE: n, CLOSE OK; an error where it is not open."""

    async def body(desk):
        await desk.online()
        await desk.open()
        await desk.expect("AT+CIPCLOSE=0,1", b"\r\n0, CLOSE OK\r\n")
        await desk.expect("AT+CIPCLOSE=0,1", b"\r\n+CME ERROR: 3\r\n")
        await desk.open()
        await desk.expect("AT+CIPCLOSE=0", b"\r\n0, CLOSE OK\r\n")

    on_both(body)


def test_local_port():
    """AT800 CLPORT: AT+CLPORT fixes the port, else each CIPSTART has a new one."""

    async def body(desk):
        await desk.online()
        for _ in range(2):
            await desk.open()
            await desk.send(b"x")
            await desk.expect("AT+CIPCLOSE=0", b"\r\n0, CLOSE OK\r\n")
        await desk.expect('AT+CLPORT=0,"UDP",5683', b"\r\nOK\r\n")
        for _ in range(2):
            await desk.open()
            await desk.send(b"x")
            await desk.expect("AT+CIPCLOSE=0", b"\r\n0, CLOSE OK\r\n")
        await desk.open()
        await desk.expect('AT+CLPORT=0,"UDP",1', b"\r\n+CME ERROR: 3\r\n")
        return [facts["port"] for facts in desk.seen("nat_open")]

    ports = run(body, "sim800l")
    assert len(ports) == 3 and ports[0] != ports[1] and ports[2] == 5683
    # Where AT+CLPORT takes no connection number:
    run(_single_only, profiles.sim7000g(clport_mux=False))


async def _single_only(desk):
    await desk.online()
    await desk.expect('AT+CLPORT=0,"UDP",5683', b"\r\nERROR\r\n")


def test_only_the_peer_is_heard():
    """AT800 CIPUDPMODE: a socket receives from its CIPSTART peer; CIPUDPMODE=1 from anyone."""

    async def body(desk):
        other = desk.network.attach("203.0.113.77", 1000, desk._received)
        await desk.online("AT+CIPSRIP=1")
        await desk.expect('AT+CLPORT=0,"UDP",5683', b"\r\nOK\r\n")
        await desk.expect("AT+CIPUDPMODE=0,1", b"\r\nOK\r\n")
        await desk.open()
        await desk.expect('AT+CIPUDPMODE=0,2,"203.0.113.77",1000', b"\r\nOK\r\n")
        await desk.expect(
            "AT+CIPUDPMODE?", b'\r\n+CIPUDPMODE: 1,"203.0.113.77",1000\r\n\r\nOK\r\n'
        )
        await desk.send(b"x")
        await desk.expect(f'AT+CIPUDPMODE=0,2,"{SERVER[0]}",{SERVER[1]}', b"\r\nOK\r\n")
        await desk.send(b"y")
        other.send(b"hello", desk.received[0][1])
        await asyncio.sleep_ms(200)
        assert desk.take() == b"\r\n+RECEIVE,0,5,203.0.113.77:1000\r\nhello"

        await desk.expect("AT+CIPCLOSE=0", b"\r\n0, CLOSE OK\r\n")
        await desk.expect("AT+CIPUDPMODE=0,0", b"\r\nOK\r\n")
        await desk.open()
        other.send(b"hello", desk.received[0][1])
        await asyncio.sleep_ms(200)
        assert desk.take() == b""
        assert desk.modem.ip.sockets.dropped == {"no socket": 1}

    on_both(body)


def test_manual_receive():
    """AT800 CIPRXGET, logs: +CIPRXGET: 2,n,given,left; one code after empty; a stream."""

    async def body(desk):
        await desk.online("AT+CIPRXGET=1")
        await desk.open()
        await desk.send(b"x")
        await desk.expect("AT+CIPRXGET=2,0,100", b"\r\n+CIPRXGET: 2,0,0,0\r\n\r\nOK\r\n")
        desk.server.send(b"0123456789", _PUBLIC)
        await asyncio.sleep_ms(200)
        assert desk.take() == b"\r\n+CIPRXGET: 1,0\r\n"
        desk.server.send(b"abc", _PUBLIC)
        await asyncio.sleep_ms(200)
        assert desk.take() == b""
        await desk.expect("AT+CIPRXGET=4,0", b"\r\n+CIPRXGET: 4,0,13\r\n\r\nOK\r\n")
        await desk.expect("AT+CIPRXGET=2,0,4", b"\r\n+CIPRXGET: 2,0,4,9\r\n0123\r\nOK\r\n")
        await desk.expect("AT+CIPRXGET=3,0,2", b"\r\n+CIPRXGET: 3,0,2,7\r\n3435\r\nOK\r\n")
        await desk.expect("AT+CIPRXGET=2,0,1460", b"\r\n+CIPRXGET: 2,0,7,0\r\n6789abc\r\nOK\r\n")
        desk.modem.ip.sockets.merge = False
        desk.server.send(b"0123456789", _PUBLIC)
        desk.server.send(b"abc", _PUBLIC)
        await asyncio.sleep_ms(200)
        assert desk.take() == b"\r\n+CIPRXGET: 1,0\r\n"
        await desk.expect(
            "AT+CIPRXGET=2,0,1460", b"\r\n+CIPRXGET: 2,0,10,3\r\n0123456789\r\nOK\r\n"
        )
        await desk.expect("AT+CIPRXGET=2,0,1461", b"\r\nERROR\r\n")
        await desk.expect("AT+CIPRXGET=2,1,10", b"\r\nERROR\r\n")
        await desk.expect("AT+CIPRXGET=0", b"\r\n+CME ERROR: 3\r\n")

    on_both(body)


def test_manual_receive_with_source():
    """AT800 CIPSRIP, CIPRXGET: AT+CIPSRIP=1 adds the peer to the code and to the answer."""

    async def body(desk):
        await desk.online("AT+CIPRXGET=1", "AT+CIPSRIP=1")
        await desk.open()
        await desk.send(b"x")
        desk.server.send(b"abc", _PUBLIC)
        await asyncio.sleep_ms(200)
        assert desk.take() == b"\r\n+CIPRXGET: 1,0,203.0.113.9:5683\r\n"
        await desk.expect(
            "AT+CIPRXGET=2,0,9", b"\r\n+CIPRXGET: 2,0,3,0,203.0.113.9:5683\r\nabc\r\nOK\r\n"
        )

    run(body, "sim800l")


def test_manual_receive_is_bounded():
    """tools/virtual: what does not fit the modem's buffer is lost, and counted."""

    async def body(desk):
        await desk.online("AT+CIPRXGET=1")
        await desk.open()
        await desk.send(b"x")
        for _ in range(7):
            desk.server.send(bytes(1400), _PUBLIC)
        await asyncio.sleep_ms(500)
        desk.take()
        await desk.expect("AT+CIPRXGET=4,0", b"\r\n+CIPRXGET: 4,0,7000\r\n\r\nOK\r\n")
        assert desk.modem.ip.sockets.dropped == {"buffer full": 2}

    run(body, "sim800l")


def test_single_connection():
    """AT800 CIPSTART: CIPSTART brings all up; results and data without a number."""

    async def body(desk):
        await desk.on("AT+CMEE=1", 'AT+CLPORT="UDP",5683')
        await desk.expect(f'AT+CIPSTART="UDP","{SERVER[0]}",{SERVER[1]}', b"\r\nOK\r\n")
        await asyncio.sleep_ms(2000)
        assert desk.take() == b"\r\nCONNECT OK\r\n"
        await desk.expect("AT+CIPSTATUS", b"\r\nOK\r\n\r\nSTATE: CONNECT OK\r\n")
        await desk.expect("AT+CIPSEND?", b"\r\n+CIPSEND: 1460\r\n\r\nOK\r\n")
        await desk.expect("AT+CLPORT?", b"\r\nTCP: 0\r\nUDP: 5683\r\n\r\nOK\r\n")
        await desk.expect("AT+CIPSEND=2", b"\r\n> ")
        await desk.expect(b"hi", b"\r\nSEND OK\r\n")
        for setting, frame in (
            ("AT", b""),
            ("AT+CIPHEAD=1", b"\r\n+IPD,4:"),
            ("AT+CIPSHOWTP=1", b"\r\n+IPD,4,UDP:"),
            ("AT+CIPHEAD=0", b""),
            ("AT+CIPSRIP=1", b"\r\nRECV FROM: 203.0.113.9:5683\r\n"),
            ("AT+CIPHEAD=1;+CIPSHOWTP=0", b"\r\nRECV FROM: 203.0.113.9:5683\r\n+IPD,4:"),
        ):
            await desk.expect(setting, b"\r\nOK\r\n")
            desk.server.send(b"data", _PUBLIC)
            await asyncio.sleep_ms(200)
            assert desk.take() == frame + b"data"
        again = f'AT+CIPSTART="UDP","{SERVER[0]}",5'
        await desk.expect(again, b"\r\nERROR\r\n\r\nALREADY CONNECT\r\n")
        await desk.expect("AT+CIPCLOSE", b"\r\nCLOSE OK\r\n")
        await desk.expect("AT+CIPSTATUS", b"\r\nOK\r\n\r\nSTATE: UDP CLOSED\r\n")

    on_both(body)


def test_tcp_is_refused():
    """tools/virtual: only UDP is there, and the rest says so."""

    async def body(desk):
        await desk.online()
        await desk.expect('AT+CIPSTART=0,"TCP","1.2.3.4",80', b"\r\n+CME ERROR: 3\r\n")
        for wrong in ('0,"UDP"', '0,"UDP","",5683', '0,"UDP","1.2.3.4",70000', '9,"UDP","h",1'):
            await desk.expect("AT+CIPSTART=" + wrong, b"\r\nERROR\r\n")

    on_both(body)


def test_context_dropped():
    """TCP7000 13: +PDP: DEACT closes all; CIPSHUT and the whole bring-up are needed."""

    async def body(desk):
        await desk.online()
        await desk.open()
        desk.modem.set_fault("pdp_deact")
        await asyncio.sleep_ms(20)
        assert desk.take() == b"\r\n+PDP: DEACT\r\n"
        await desk.expect("AT+CIPSEND=0,3", b"\r\n+CME ERROR: 3\r\n")
        start = f'AT+CIPSTART=0,"UDP","{SERVER[0]}",{SERVER[1]}'
        await desk.expect(start, b"\r\n+CME ERROR: 3\r\n")
        await desk.expect("AT+CIPSHUT", b"\r\nSHUT OK\r\n")
        await desk.expect(start, b"\r\n+CME ERROR: 3\r\n")  # for ever, without the bring-up
        await desk.expect('AT+CSTT="internet"', b"\r\nOK\r\n")
        await desk.expect("AT+CIICR", b"\r\nOK\r\n", 2000)
        await desk.expect("AT+CIFSR", b"\r\n10.64.0.2\r\n")
        await desk.open()

    on_both(body)


def test_context_dropped_in_the_middle():
    """logs: +PDP: DEACT within CIICR, within a prompt, instead of SEND OK."""

    async def body(desk):
        await desk.on("AT+CIPMUX=1", 'AT+CSTT="internet"')
        desk.modem.write(b"AT+CIICR\r")
        await asyncio.sleep_ms(100)
        desk.modem.set_fault("pdp_deact")
        await asyncio.sleep_ms(2000)
        assert desk.take() == b"\r\n+PDP: DEACT\r\n\r\nERROR\r\n"
        await desk.at("AT+CIPSHUT")
        await desk.at('AT+CSTT="internet"')
        await desk.at("AT+CIICR;+CIFSR", 2000)
        await desk.open()
        await desk.expect("AT+CIPSEND=0,3", b"\r\n> ")
        desk.modem.set_fault("pdp_deact")
        await asyncio.sleep_ms(20)
        assert desk.take() == b""  # codes wait while data comes in …
        await desk.expect(b"abc", b"\r\n+PDP: DEACT\r\n\r\n0, SEND FAIL\r\n")

    on_both(body)


def test_codes_within_a_prompt():
    """AT800 CIPSEND: codes may come between `> ` and the data; a switch."""

    async def body(desk):
        await desk.online()
        await desk.open()
        desk.modem.set_fault("hold_codes", False)
        await desk.expect("AT+CIPSEND=0,3", b"\r\n> ")
        desk.modem.urc("RING")
        await asyncio.sleep_ms(20)
        assert desk.take() == b"\r\nRING\r\n"
        await desk.expect(b"abc", b"\r\n0, SEND OK\r\n")

    run(body, "sim800l")


def test_failing_sockets():
    """AT800 CIPSTART, CIPSEND: CONNECT FAIL and SEND FAIL."""

    async def body(desk):
        await desk.online()
        desk.modem.set_fault("connect_fail")
        start = f'AT+CIPSTART=0,"UDP","{SERVER[0]}",{SERVER[1]}'
        await desk.expect(start, b"\r\nOK\r\n\r\n0, CONNECT FAIL\r\n")
        await desk.open()
        desk.modem.set_fault("send_fail")
        await desk.expect("AT+CIPSEND=0,3", b"\r\n> ")
        await desk.expect(b"abc", b"\r\n0, SEND FAIL\r\n")
        await desk.send(b"abc")

    on_both(body)


def test_late_result_in_another_answer():
    """AT800 CIPSTART, logs: CONNECT OK can land inside a later command's answer."""

    async def body(desk):
        await desk.online()
        command = f'AT+CIPSTART=0,"UDP","{SERVER[0]}",{SERVER[1]}\r'
        desk.modem.write(command.encode())
        await asyncio.sleep_ms(23)
        answer = await desk.at("AT+CSQ")
        assert answer == b"\r\nOK\r\n\r\n0, CONNECT OK\r\n\r\n+CSQ: 18,0\r\n\r\nOK\r\n"

    run(body, "sim800l")


def test_two_modems_do_not_mix():
    """tools/virtual: each modem has its address, its sockets and its number."""
    from tools.virtual.modem import VirtualModem

    async def body(desk):
        other = VirtualModem("sim7000g", desk.network, desk.timers, "+4790000002", speed=10)
        sent = bytearray()
        other.on_output = sent.extend
        other.dtr(False)
        other.pwrkey(True)
        await asyncio.sleep_ms(1100)
        other.pwrkey(False)
        await asyncio.sleep_ms(3000)
        for command in (b"AT\r", b'AT+CSTT="a"\r', b"AT+CIICR\r", b"AT+CIFSR\r"):
            other.write(command)
            await asyncio.sleep_ms(500)
        assert bytes(sent).endswith(b"\r\n10.64.0.1\r\n")
        await desk.on('AT+CSTT="a"')
        await desk.at("AT+CIICR", 2000)
        await desk.expect("AT+CIFSR", b"\r\n10.64.0.2\r\n")
        assert other.number != NUMBER

    run(body, "sim800l")
