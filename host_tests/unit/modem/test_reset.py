"""RST, the last means: where the power key is not wired, or has not helped."""

from modem.at import ModemError
from shim import virtual_time
from unit.modem.on_virtual import KINDS, Bench

# The driver, both links, a virtual modem and its network: none but the first two is on a board.
HEAP_K = 256

_LITTLE_S = 240


def _boots(bench):
    return [facts["reason"] for name, facts in bench.seen if name == "modem_boot"]


def _bench(kind, key, rst):
    bench = Bench(kind)
    bench.seen = []
    bench.virtual.on_event = lambda name, facts: bench.seen.append((name, facts))
    bench.power.key = key
    bench.power.rst = rst
    return bench


async def _up(bench):
    if not bench.power.key:
        bench.virtual.pwrkey(True)  # tied, so that it starts with the supply
    await bench.modem.up()


async def _hangs_and_sends(bench, how):
    await _up(bench)
    assert await bench.sent(b"one") == 1
    bench.virtual.set_fault("hang", how)
    began = virtual_time.now_ms()
    assert await bench.sent(b"two") == 1
    return (virtual_time.now_ms() - began) // 1000


def test_no_key():
    """HW800L RESET: a modem that hangs and has no power key is restarted by RST, and the datagram
    goes out.
    """
    for kind in KINDS:
        bench = _bench(kind, False, True)
        took_s = virtual_time.run(_hangs_and_sends(bench, "hard"))
        assert _boots(bench) == ["power key", "RST"], _boots(bench)
        assert took_s < _LITTLE_S, took_s
        assert bench.power.pulses == 0


def test_a_key_that_does_not_help():
    """HW7000 RESET, for emergencies: the key comes first, RST after it was in vain."""
    for kind in KINDS:
        bench = _bench(kind, True, True)
        virtual_time.run(_hangs_and_sends(bench, "hard"))
        assert _boots(bench) == ["power key", "RST"], _boots(bench)
        assert bench.power.pulses > 1

        bench = _bench(kind, True, True)
        virtual_time.run(_hangs_and_sends(bench, None))
        assert "RST" not in _boots(bench), _boots(bench)


def test_neither():
    """AT+CFUN=1,1: without key and RST a modem that listens is restarted by command; one that
    hangs cannot be, and is named.
    """

    async def play(bench):
        await _up(bench)
        bench.virtual.set_fault("hang", "hard")
        bench.modem.lost("silent")
        began = virtual_time.now_ms()
        try:
            await bench.modem.up()
            raise AssertionError("up")
        except ModemError as error:
            assert "no answer to AT" in str(error), error
        assert virtual_time.now_ms() - began < _LITTLE_S * 1000

    for kind in KINDS:
        virtual_time.run(play(_bench(kind, False, False)))


def test_the_last_rung():
    """TCP7000 §13: where sending fails and AT is answered, the last rung is the key with the
    command before it; without a key RST, without that a restart by command.
    """

    async def play(bench):
        await _up(bench)
        assert await bench.sent(b"one") == 1
        bench.virtual.set_fault("send_fail", 5)
        assert await bench.sent(b"two") == 1
        assert bench.modem.recoveries == [1] * 5

    for kind in KINDS:
        for key, rst, reason in (
            (True, True, "power key"),
            (False, True, "RST"),
            (False, False, "AT+CFUN"),
        ):
            bench = _bench(kind, key, rst)
            virtual_time.run(play(bench))
            assert _boots(bench)[-1] == reason, (_boots(bench), key, rst)
