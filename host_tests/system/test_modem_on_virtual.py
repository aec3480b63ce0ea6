"""Driver and links against the virtual SIM800 and SIM7000, in virtual time."""

import asyncio
import gc

from modem.at import ModemError
from modem.info import identify, measure
from shim import virtual_time
from unit.modem.on_virtual import KINDS, NUMBER, SENDER, SERVER, each

# The virtual modem and its network take the place of hardware; the firmware alone is budgeted
# elsewhere.
HEAP_K = 320


def test_cold_start_send_receive():
    """AT manual: off, power key, SIM, registration, context, a datagram each way."""

    async def play(bench):
        await bench.modem.up()
        assert bench.power.pulses == 1 and bench.modem.state == 2
        assert bench.modem.info["ip"].startswith("10.64.")
        assert await bench.sent(b"\x40hello") == 1
        bench.server.send(b"\r\nOK\r\n> +CMTI: \x00\xff", bench.at_server[0][1])
        bench.server.send(b"second", bench.at_server[0][1])
        await asyncio.sleep_ms(2000)
        assert bench.got == [
            ("U", b"\r\nOK\r\n> +CMTI: \x00\xff", SERVER),
            ("U", b"second", SERVER),
        ]
        assert await bench.sent(b"again") == 1
        assert bench.at_server[0][1] == bench.at_server[1][1]
        assert bench.udp.dropped == {} and bench.modem.recoveries == [0] * 5, bench.events

    each(play)


def test_running_modem_is_not_switched_off():
    """Hardware Design (power key): probed first; the host restarted, the modem did not."""

    async def play(bench):
        await bench.modem.up()
        bench.board()
        await bench.modem.up()
        assert bench.power.pulses == 1
        assert await bench.sent(b"x") == 1

    each(play)


def test_other_rate():
    """AT manual (IPR): a modem at 9600 is found and brought to the configured rate."""

    async def play(bench):
        bench.virtual.saved["+IPR"] = 9600
        await bench.modem.up(1)
        assert bench.virtual.settings["+IPR"] == 115200

    each(play)


def test_information():
    """TS 27.007: identity, signal, cell, battery, storage, network time."""

    async def play(bench):
        await bench.modem.up()
        info = await identify(bench.modem)
        assert info["imei"] == bench.virtual.imei and info["imsi"] == bench.virtual.imsi
        assert info["iccid"][:18] == bench.virtual.iccid[:18]
        info = await measure(bench.modem)
        assert -115 <= info["rssi_dbm"] <= -52 and info["battery_mv"] > 3000
        assert info["operator"] and info["cell"] and info["area"] and info["rat"]
        assert info["sms_used"] == 0 and info["sms_total"] > 0
        assert abs(info["epoch_s"] - bench.network.epoch_s()) < 5, (info, bench.network.epoch_s())

    each(play)


def test_sms_by_index_and_direct():
    """TS 27.005 §3: +CMTI → CMGR → CMGD, and +CMT; deleted after it."""

    async def play(bench):
        await bench.modem.up()
        bench.network.sms.send(SENDER, NUMBER, b"\x40\x02\x00\x01")
        bench.network.sms.send(SENDER, NUMBER, bytes(range(256)))
        await asyncio.sleep_ms(20_000)
        await bench.idle()
        assert bench.got == [
            ("S", b"\x40\x02\x00\x01", "447700900123"),
            ("S", bytes(range(256)), "447700900123"),
        ]
        info = await measure(bench.modem)
        assert info["sms_used"] == 0

    each(play)
    each(play, config={"sms_storing": False})


def test_sms_that_is_not_for_us():
    """LwM2M 1.1 Core §6.8: 7-bit text and alphanumeric senders are dropped and deleted."""

    async def play(bench):
        await bench.modem.up()
        bench.network.sms.send(SENDER, NUMBER, b"hello", 0)
        bench.network.sms.send("BANK", NUMBER, b"\x40\x02\x00\x01")
        await asyncio.sleep_ms(20_000)
        await bench.idle()
        assert bench.got == [] and bench.sms.dropped == {"not_8bit": 1, "no_number": 1}
        assert (await measure(bench.modem))["sms_used"] == 0

    each(play)


def test_sms_announced_without_index():
    """TS 27.005 §3: `+CMTI: ,-1` lists all messages."""

    async def play(bench):
        await bench.modem.up()
        bench.virtual.set_fault("cmti")
        bench.network.sms.send(SENDER, NUMBER, b"\x40\x02\x00\x01")
        await asyncio.sleep_ms(20_000)
        await bench.idle()
        assert len(bench.got) == 1 and bench.sms.dropped == {"index": 1}

    each(play)


def test_sms_out():
    """TS 23.040 §9.2.2.2: short and concatenated, to the type of number that was configured."""

    async def play(bench):
        heard = []
        bench.network.sms.listen(SENDER, lambda *message: heard.append(message))
        await bench.modem.up()
        peer = bench.sms.peer(SENDER)
        bench.sms.send(b"\x60\x45", peer)
        bench.sms.send(bytes(200), peer)
        await bench.idle()
        await asyncio.sleep_ms(20_000)
        assert b"".join([message[1] for message in heard]) == b"\x60\x45" + bytes(200), heard
        assert len(heard) == 3
        bench.virtual.set_fault("cmgs", 3)
        bench.sms.send(b"x", peer)
        await bench.idle()
        assert bench.sms.dropped == {"unsent": 1}

    each(play)


def test_sleep_and_sms_wake():
    """AT manual (CSCLK): asleep with DTR, an SMS pulls RI; the host needs few round trips."""

    async def play(bench):
        rings = []
        bench.virtual.on_ri = lambda level: level or rings.append(virtual_time.now_ms())
        await bench.modem.up()
        assert await bench.sent(b"before") == 1
        await bench.modem.sleep()
        record = bench.freeze()
        bench.board()  # deep sleep ended the host
        await asyncio.sleep_ms(5000)
        rings[:] = []
        bench.network.sms.send(SENDER, NUMBER, b"\x40\x02\x00\x01")
        await asyncio.sleep_ms(5000)
        assert len(rings) == 1
        bench.thaw(record)
        commands = bench.virtual.counters["commands"]
        assert await bench.modem.resume()
        assert await bench.sms.drain() == 1
        assert bench.got[0][0] == "S"
        assert await bench.sent(b"update") == 1
        assert bench.virtual.counters["commands"] - commands <= 6
        assert bench.at_server[0][1] == bench.at_server[1][1], "the socket was opened again"
        assert bench.power.pulses == 1 and bench.modem.recoveries == [0] * 5

    each(play)


def test_sleep_without_dtr():
    """AT manual (CSCLK): SIM800 sleeps by itself and loses the first character."""

    async def play(bench):
        bench.power.wired = False
        await bench.modem.up()
        await bench.modem.sleep()
        await asyncio.sleep_ms(20_000)
        assert bench.virtual.power.asleep
        assert await bench.sent(b"x") == 1

    each(play, KINDS[:1])


def test_part_survives_the_host():
    """TS 23.040 §9.2.3.24.1: a part waits on the SIM while the host sleeps."""

    async def play(bench):
        await bench.modem.up()
        sms = bench.network.sms
        sms.send(SENDER, NUMBER, bytes(range(200)))
        await asyncio.sleep_ms(2300)
        for _ in range(100):
            await asyncio.sleep_ms(100)
            if bench.freeze()[2][1:]:
                break
        record = bench.freeze()
        assert len(record[2]) == 2
        await bench.modem.sleep()
        bench.board()
        await asyncio.sleep_ms(10_000)
        bench.thaw(record)
        assert await bench.modem.resume()
        await bench.sms.drain()
        assert bench.got == [("S", bytes(range(200)), "447700900123")]
        await bench.idle()
        assert (await measure(bench.modem))["sms_used"] == 0

    each(play)


def test_context_lost():
    """AT manual (CIP) (+PDP: DEACT): CIPSHUT and a new context, once, at the next datagram."""

    async def play(bench):
        await bench.modem.up()
        assert await bench.sent(b"a") == 1
        bench.virtual.set_fault("pdp_deact")
        await asyncio.sleep_ms(100)
        assert bench.modem.state == 1 and "detached" in bench.names()
        assert await bench.sent(b"b") == 1
        bench.virtual.set_fault("detach")
        assert await bench.sent(b"c") == 1

    each(play)


def test_socket_closed():
    """AT manual (CIP) (n, CLOSED): the next datagram opens another socket before it is sent."""

    async def play(bench):
        assert await bench.sent(b"a") == 1
        bench.virtual.set_fault("closed")
        await asyncio.sleep_ms(100)
        bench.virtual.set_fault("closed", 1)  # nothing is there
        del bench.events[:]
        assert await bench.sent(b"b") == 1
        opened = [facts for name, facts in bench.events if name == "socket"]
        assert [(facts["socket"], facts["again"]) for facts in opened] == [(0, True)]
        assert bench.modem.recoveries == [0] * 5, bench.modem.recoveries

    each(play)


def test_context_lost_while_the_host_slept():
    """AT manual (CIP): the code went unheard; the send finds out and recovers."""

    async def play(bench):
        await bench.modem.up()
        assert await bench.sent(b"a") == 1
        record = bench.freeze()
        await bench.modem.sleep()
        bench.virtual.set_fault("pdp_deact")
        await asyncio.sleep_ms(5000)
        bench.board()
        bench.thaw(record)
        assert await bench.modem.resume()
        start = virtual_time.now_ms()
        assert await bench.sent(b"b") == 1
        assert virtual_time.now_ms() - start < 30_000

    each(play)


def test_restart_of_the_modem():
    """AT manual: seen by boot codes, in a command or idle; all is set up again."""

    async def play(bench):
        await bench.modem.up()
        assert await bench.sent(b"a") == 1
        bench.virtual.set_fault("reset")
        bench.network.sms.send(SENDER, NUMBER, b"\x40\x02\x00\x01")
        await asyncio.sleep_ms(40_000)
        assert "reset" in bench.names() and bench.modem.state == 1
        assert len(bench.got) == 1, "messages are taken again without anything being sent"
        assert await bench.sent(b"b") == 1
        bench.virtual.set_fault("power_cut")  # off without a word
        assert await bench.sent(b"c") == 1

    each(play)


def test_ladder():
    """AT manual (CIP): each fault is met by the lowest rung that helps."""

    async def play(bench):
        await bench.modem.up()
        for fault, times, rungs in (
            ("send_fail", 1, (0,)),
            ("send_fail", 2, (0, 1)),
            ("send_fail", 3, (0, 1, 2)),
            ("send_fail", 5, (0, 1, 2, 3, 4)),
            ("no_prompt", 1, (1,)),
            ("error", 1, (1,)),
            ("connect_fail", 1, ()),
        ):
            before = list(bench.modem.recoveries)
            bench.virtual.set_fault(fault, times)
            data = b"%s %d" % (fault.encode(), times)
            assert await bench.sent(data) == 1, (fault, bench.events)
            climbed = [i for i in range(5) if bench.modem.recoveries[i] > before[i]]
            assert climbed == list(rungs), (fault, times, climbed)
            bench.virtual.set_fault(fault, 0)
        bench.virtual.set_fault("send_fail", 99)
        assert await bench.sent(b"lost") == 0
        assert bench.udp.dropped == {"unsent": 1}
        bench.virtual.set_fault("send_fail", 0)
        assert await bench.sent(b"early") == 0 and bench.udp.dropped["backoff"] == 1
        await asyncio.sleep_ms(31_000)
        assert await bench.sent(b"later") == 1

    each(play)


def test_context_refused():
    """AT manual (CIP) (CIICR): ERROR is tried again with a pause."""

    async def play(bench):
        bench.virtual.set_fault("ciicr", 2)
        await bench.modem.up()
        assert bench.modem.state == 2

    each(play)


def test_sim_states():
    """TS 27.007 (CPIN): what is missing is named, a PIN is tried once."""

    async def play(bench):
        for state, word in (("absent", "not inserted"), ("pin", "PIN needed"), ("puk", "locked")):
            bench.virtual.set_fault("sim", state)
            try:
                await bench.modem.up(1)
                raise AssertionError(state)
            except ModemError as error:
                assert word in str(error), (state, error)
        bench.virtual.set_fault("sim", "pin")
        bench.config["pin"] = "9999"
        for _ in range(3):
            try:
                await bench.modem.up(1)
                raise AssertionError("wrong PIN taken")
            except ModemError as error:
                assert "PIN refused" in str(error) and "9999" not in str(error)
        bench.board()  # a host that has forgotten it asks the SIM how many tries are left
        try:
            await bench.modem.up(1)
            raise AssertionError("PIN tried again")
        except ModemError as error:
            assert "2 PIN tries left" in str(error)
        bench.virtual.set_fault("sim", "pin")
        bench.config["pin"] = "1234"
        await bench.modem.up(1)

    each(play)


def test_no_network():
    """TS 27.007 (registration): bounded, named; roaming is enough."""

    async def play(bench):
        bench.config["attach_s"] = 60
        for status, word in ((2, "searching"), (3, "denied")):
            bench.virtual.set_fault("registration", status)
            start = virtual_time.now_ms()
            try:
                await bench.modem.up()
                raise AssertionError(word)
            except ModemError as error:
                assert word in str(error), error
            assert virtual_time.now_ms() - start < 120_000
        bench.virtual.set_fault("registration", 5)
        await bench.modem.up()

    each(play)


def test_codes_at_any_octet():
    """TS 27.005 §3: a code cut in anywhere costs at most another try."""

    async def play(bench):
        await bench.modem.up()
        assert await bench.sent(b"first") == 1
        for after in range(40):
            bench.virtual.interrupt(b"\r\n+CREG: 1\r\n", after)
            assert await bench.sent(b"n%d" % after) >= 1, (after, bench.events[-6:])
        assert bench.udp.dropped == {}

    each(play)


def test_restart_at_any_octet():
    """AT manual (boot codes): a restart at any place of the dialogue is recovered from."""

    async def play(bench):
        for after in range(0, 700, 37):
            bench.virtual.interrupt(b"\x00\xff", after)
            bench.timers.call_later(after * 20, bench.virtual.set_fault, "reset")
            bench.udp.send(b"n%d" % after, SERVER)
            await bench.idle()
            await asyncio.sleep_ms(30_000)
            assert await bench.sent(b"m%d" % after) == 1, (after, bench.events[-6:])
            bench.events[:] = []
            gc.collect()

    each(play)


def test_octet_by_octet():
    """DESIGN.md §3 (Modem): what a read gives may be cut anywhere."""

    async def play(bench):
        bench.uart.chunk = 1
        await bench.modem.up()
        assert await bench.sent(b"\r\nOK\r\n") == 1
        bench.server.send(b"> \r\nERROR\r\n", bench.at_server[0][1])
        bench.network.sms.send(SENDER, NUMBER, bytes(range(256)))
        await asyncio.sleep_ms(20_000)
        await bench.idle()
        assert [got[1] for got in bench.got] == [b"> \r\nERROR\r\n", bytes(range(256))]
        assert bench.udp.dropped == {} and bench.sms.dropped == {}

    each(play)


def test_manual_reading():
    """AT manual (CIP) (CIPRXGET): the fallback for firmware that does not frame datagrams."""

    async def play(bench):
        await bench.modem.up()
        assert await bench.sent(b"a") == 1
        bench.server.send(b"answer", bench.at_server[0][1])
        await asyncio.sleep_ms(2000)
        await bench.idle()
        assert bench.got == [("U", b"answer", SERVER)]

    each(play, config={"udp_manual": True})


def test_local_port():
    """AT manual (CIP) (CLPORT): the socket is bound where configured."""

    async def play(bench):
        await bench.modem.up()
        assert await bench.sent(b"a") == 1
        assert bench.udp.peers[0] == SERVER

    each(play, config={"local_port": 5683})


def test_power_off_and_on():
    """AT manual (CPOWD): NORMAL POWER DOWN, and up again by the key."""

    async def play(bench):
        await bench.modem.up()
        await bench.modem.power_off()
        await asyncio.sleep_ms(8000)
        assert bench.modem.state == 0 and bench.virtual.state == "off"
        assert await bench.sent(b"x") == 1
        assert bench.power.pulses == 2

    each(play)


def test_restart_while_the_host_slept():
    """AT manual (ATE): nobody heard the boot codes; the echo tells, and all is set up again."""

    async def play(bench):
        await bench.modem.up()
        assert await bench.sent(b"a") == 1
        record = bench.freeze()
        await bench.modem.sleep()
        bench.board()
        bench.virtual.set_fault("reset")
        await asyncio.sleep_ms(30_000)
        bench.thaw(record)
        assert not await bench.modem.resume()
        assert await bench.sent(b"b") == 1
        assert bench.power.pulses == 1 and bench.modem.recoveries == [0] * 5

    each(play)


def test_choice_of_radio():
    """AT manual (CNMP, CMNB): the configured radio is set before registering."""

    async def play(bench):
        await bench.modem.up()
        info = await measure(bench.modem)
        assert info["rat"] == "NB-IOT", info
        assert await bench.sent(b"a") == 1

    each(play, KINDS[1:], config={"network": "nb-iot"})


def test_noise_between_everything():
    """DESIGN.md §6: garbage, half lines and foreign codes cost tries, never an exception."""

    async def play(bench):
        await bench.modem.up()
        noise = (
            b"\xff\x00\x80",
            b"\r\n+RECEIVE,0,\r\n",
            b"\r\n+CMT: ,9\r\n",
            b"\r\n+CMTI:\r\n",
            b'\r\n+CMTI: "SM",99\r\n',
            b"\r\n> ",
            b"\r\nOK\r\n",
            b"\r\nERROR\r\n",
            b"\r\n0, CLOSED\r\n",
            b"\r\n7,SEND OK\r\n",
            b"\r\nUNDER-VOLTAGE WARNNING\r\n",
            b'*PSUTTZ: 19/06/26,06:04:03","+32",0\r\nDST: 0\r\n',
            b"\r\n+CPIN: READY\r\n",
        )
        for i in range(40):
            bench.virtual.interrupt(noise[i % len(noise)], i * 7 % 45)
            await bench.sent(b"n%d" % i)
            gc.collect()
        await asyncio.sleep_ms(60_000)
        assert await bench.sent(b"last") >= 1, bench.events[-8:]

    each(play)
