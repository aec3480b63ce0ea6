"""A modem that falls silent at each step of what is done with it: no path waits for ever."""

import asyncio

from modem.at import ModemError
from modem.sim800 import Sim800
from modem.sim7000 import Sim7000
from shim import virtual_time
from unit.modem.scripted import PEER, Bench, run

A = "0791447700090000040C914477000910320004621122900000000E54020001C0FFEE01B13101300138"
UP_S = 400  # start 60, settings and SIM 250, network and context 75: each with its last step late
SEND_S = 600
LITTLE_S = 100


class _Mute:
    """Lets a script say `left` things, and nothing more."""

    def __init__(self, script, left):
        self._emit = script.emit
        script.emit = self.emit
        self.left = left
        self.said = 0

    def emit(self, data):
        self.said += 1
        if self.said <= self.left:
            self._emit(data)


async def _tried(coroutine):
    """Run what may fail as a modem fails; returns the seconds that it took."""
    start = virtual_time.now_ms()
    try:
        await coroutine
    except ModemError:
        pass  # what is wanted, and told from here
    return (virtual_time.now_ms() - start) // 1000


async def _muted(prepare, step, limit_s, **settings):
    """At each thing that the modem says while `step` runs, let it be the last; returns how often.

    step(bench) -> awaitable.
    """
    count = None
    left = 0
    while count is None or left < count:
        bench = Bench(**settings)
        await prepare(bench)
        mute = _Mute(bench.script, 1 << 30 if count is None else left)
        took_s = await _tried(step(bench))
        assert took_s <= limit_s, (left, took_s, bench.events[-4:])
        if count is None:
            count = mute.said
        else:
            left += 1
        # A modem that answers again is in step at once.
        bench.script.emit = mute._emit
        assert await bench.modem.channel.probe(3), left
        bench.modem.channel.close()
    return count


async def _nothing(bench):
    """A modem that nobody has used."""


async def _attached(bench):
    await bench.modem.up()


async def _asleep(bench):
    await bench.send()
    await bench.modem.sleep()
    record = bench.freeze()
    bench.thaw(record)


async def _waiting(bench):
    await bench.modem.up()
    bench.script.answers["AT+CMGL=4"] = b"\r\n+CMGL: 2,0,,33\r\n" + A.encode() + b"\r\n\r\nOK\r\n"


def test_silent_while_it_comes_up():
    """TS 27.007 §4: from power to the address, SIM800 and SIM7000."""

    async def play():
        for driver in (Sim800, Sim7000):
            count = await _muted(_nothing, lambda bench: bench.modem.up(), UP_S, driver=driver)
            assert count > 25, count

    run(play())


def test_silent_while_it_sends():
    """TCP7000 §13: a datagram with a socket to open, and one with the socket there."""

    async def play():
        assert await _muted(_attached, _sent, SEND_S) == 3

        async def prepare(bench):
            await bench.send()

        assert await _muted(prepare, _sent, SEND_S) == 2

    run(play())


async def _sent(bench):
    bench.udp.send(b"x", PEER)
    while bench.udp.busy:
        await asyncio.sleep_ms(100)


def test_silent_while_messages_are_read():
    """TS 27.005 §3.4.2: a listing and a deletion."""

    async def drained(bench):
        await bench.sms.drain()
        while bench.sms.busy:
            await asyncio.sleep_ms(100)

    async def play():
        assert await _muted(_waiting, drained, LITTLE_S) == 2

    run(play())


def test_silent_while_a_message_is_sent():
    """TS 27.005 §3.5.1: the prompt, and the result."""

    async def submitted(bench):
        bench.sms.send(b"x", "4790000002")
        while bench.sms.busy:
            await asyncio.sleep_ms(100)

    async def play():
        answers = {"SEND": b"\r\n+CMGS: 7\r\n\r\nOK\r\n"}
        assert await _muted(_attached, submitted, LITTLE_S, answers=answers) == 2

    run(play())


def test_silent_after_sleep():
    """HW7000 (DTR): a modem that does not wake is known to be gone within two seconds."""

    async def play():
        assert await _muted(_asleep, lambda bench: bench.modem.resume(), 2) == 1

        async def slept(bench):
            await bench.modem.sleep()
            await bench.modem.up()

        count = await _muted(_attached, slept, UP_S)
        assert count == 1, count

    run(play())


def test_silent_while_it_is_switched_off():
    """AT7000 CPOWD: by command, then by key."""

    async def play():
        answers = {"AT+CPOWD=1": b"\r\nNORMAL POWER DOWN\r\n"}
        count = await _muted(
            _attached, lambda bench: bench.modem.power_off(), LITTLE_S, answers=answers
        )
        assert count == 1, count

    run(play())


def test_silence_is_not_waited_out_twice():
    """TS 27.007 §4: after a time-out a silent modem costs each further command a second, not its
    own time-out."""

    async def play():
        bench = Bench()
        await bench.modem.up()
        bench.script.silent = True
        command = bench.modem.channel.command
        await command("AT+CSQ")
        start = virtual_time.now_ms()
        for _ in range(10):
            assert (await command("AT+CIICR", 86_000)).final == "TIMEOUT"
        assert virtual_time.now_ms() - start < 12_000

    run(play())
