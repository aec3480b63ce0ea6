"""PSM and eDRX: how times are written, what is asked for, and what is read back."""

from modem.power_saving import (
    cycle_bits,
    cycle_seconds,
    settle,
    timer_bits,
    timer_seconds,
    timers_of,
)
from unit.modem.scripted import Bench, run

_HOUR_S = 3600
_PSM = {"idle": "psm", "psm_tau_s": 70 * _HOUR_S, "psm_active_s": 240}
_ASKED = 'AT+CPSMS=1,,,"01000111","00100100"'
_KEPT = b'\r\n+CPSMS: 1,,,"01000111","00100100"\r\n\r\nOK\r\n'
_GRANTED = b"\r\n+CPSMRDP: 1,240,252000,60,36000,0\r\n\r\nOK\r\n"
_REFUSED = b"\r\n+CPSMRDP: 1,240,252000,0,0,0\r\n\r\nOK\r\n"


def _bench(answers, rat="NB-IOT", **settings):
    bench = Bench(answers, config=settings)
    if rat:
        bench.modem.info["rat"] = rat
    bench.modem.channel.open()
    return bench


def _told(bench):
    return [facts for name, facts in bench.events if name == "power_saving"]


def test_timers_as_the_manuals_write_them():
    """AT7000 AT+CPSMS, LPM7080: 01000111 is 70 h, 00100100 4 min, 01011111 310 h, 00000001 2 s."""
    for seconds, bits in (
        (70 * _HOUR_S, "01000111"),
        (310 * _HOUR_S, "01011111"),
        (2, "01100001"),
        (62, "01111111"),
        (90, "10000011"),
        (930, "10011111"),
        (1860, "10111111"),
        (2400, "00000100"),
        (24 * _HOUR_S, "00111000"),
        (320 * _HOUR_S, "11000001"),
        (31 * 320 * _HOUR_S, "11011111"),
    ):
        assert timer_bits(seconds, True) == bits, seconds
        assert timer_seconds(bits, True) == seconds, bits
    for seconds, bits in ((240, "00100100"), (2, "00000001"), (62, "00011111"), (720, "01000010")):
        assert timer_bits(seconds, False) == (bits if seconds != 720 else "00101100"), seconds
        assert timer_seconds(bits, False) == seconds, bits


def test_times_are_rounded_up_to_what_can_be_said():
    """TS 24.008 table 10.5.163a: five bits of a unit, and never less than asked."""
    for tau, most in ((True, 31 * 320 * _HOUR_S), (False, 31 * 360)):
        seconds = 1
        while seconds < most:
            said = timer_seconds(timer_bits(seconds, tau), tau)
            assert said is not None and seconds <= said <= max(seconds * 2, 2), (tau, seconds)
            seconds = seconds * 9 // 8 + 1
        assert timer_seconds(timer_bits(most + 1, tau), tau) == most
    for bits in ("11100000", "11111111", "0010010", "0010010x", ""):
        assert timer_seconds(bits, False) is None, bits


def test_cycles():
    """TS 24.008 table 10.5.5.32: sixteen cycles on CAT-M, fewer on NB-IoT; rounded up."""
    for seconds, cat_m, nb_iot in (
        (5, "0000", "0010"),
        (6, "0001", "0010"),
        (20, "0010", "0010"),
        (21, "0011", "0011"),
        (61, "0100", "0101"),
        (90, "0110", "1001"),
        (144, "1001", "1001"),
        (10_485, "1111", "1111"),
        (20_000, "1111", "1111"),
    ):
        assert cycle_bits(seconds, False) == cat_m and cycle_bits(seconds, True) == nb_iot, seconds
    assert cycle_seconds("0000") == 5 and cycle_seconds("1111") == 10485
    assert cycle_seconds("0100") == 61 and cycle_seconds("") == 0 and cycle_seconds("00x0") == 0


def test_timers_of_a_registration():
    """LPM7080 AT+CEREG=4: the timers are the last two fields, behind a rac or not."""
    assert timers_of('4,1,"5B57","195071B",9,,,"00000001","01011111"') == (2, 310 * _HOUR_S)
    assert timers_of('4,5,"5B57",,"195071B",9,,,"00100100","01000111"') == (240, 70 * _HOUR_S)
    for told in ("", "4,1", '4,1,"5B57","195071B",9', '4,1,"5B57","195071B",9,,,"11100000",""'):
        assert timers_of(told) is None, told


def test_psm_granted():
    """LPM7080: a change from 0 to 1 asks the network; AT+CPSMRDP tells what it grants."""

    async def play():
        bench = _bench({"AT+CPSMRDP": [_REFUSED, _GRANTED]}, **_PSM)
        await settle(bench.modem)
        commands = bench.script.commands
        assert commands[0] == "AT+CEDRXS=0"
        assert commands[1:4] == ["AT+CPSMS?", "AT+CPSMS=0", _ASKED]
        assert commands[4:] == ["AT+CPSMRDP"] * 2
        assert _told(bench) == [{"psm_tau_s": 36000, "psm_active_s": 60, "edrx_s": None}]

    run(play())


def test_psm_that_the_modem_kept():
    """AT7000 AT+CPSMS: what is saved as wanted is not written again."""

    async def play():
        bench = _bench({"AT+CPSMS?": _KEPT, "AT+CPSMRDP": _GRANTED}, **_PSM)
        await settle(bench.modem)
        assert bench.script.commands == ["AT+CEDRXS=0", "AT+CPSMS?", "AT+CPSMRDP"]
        assert _told(bench)[0]["psm_active_s"] == 60

    run(play())


def test_psm_after_a_restart():
    """HW7000: some firmware asks only after a restart, which is tried once."""

    async def play():
        off = b"\r\nNORMAL POWER DOWN\r\n"
        bench = _bench({"AT+CPSMRDP": _REFUSED, "AT+CPOWD=1": off}, **_PSM)
        await settle(bench.modem)
        commands = bench.script.commands
        assert commands.count("AT+CPOWD=1") == 1 and commands.count(_ASKED) == 1
        assert bench.modem.state == 2
        assert _told(bench) == [{"psm_tau_s": None, "psm_active_s": None, "edrx_s": None}]

    run(play())


def test_psm_told_by_the_registration_only():
    """AT7000 AT+CEREG: firmware without AT+CPSMRDP shows the timers with <n> 4, for one answer."""

    async def play():
        place = b'\r\n+CEREG: 4,1,"5B57","195071B",9,,,"00000001","01011111"\r\n\r\nOK\r\n'
        error = b"\r\nERROR\r\n"
        answers = {"AT+CPSMS?": _KEPT, "AT+CPSMRDP": error, "AT+CEREG?": place}
        bench = _bench(answers, **_PSM)
        await settle(bench.modem)
        assert bench.script.commands[-3:] == ["AT+CEREG=4", "AT+CEREG?", "AT+CEREG=0"]
        assert _told(bench)[0] == {"psm_tau_s": 1_116_000, "psm_active_s": 2, "edrx_s": None}

    run(play())


def test_a_refusal_is_told_once():
    """AT7000 AT+CPSMS: firmware that answers ERROR leaves the modem to its plain sleep."""

    async def play():
        bench = _bench({_ASKED: b"\r\nERROR\r\n"}, **_PSM)
        await settle(bench.modem)
        assert bench.names() == ["refused", "power_saving"]
        assert _told(bench)[0]["psm_tau_s"] is None

    run(play())


def test_edrx_by_the_radio_in_use():
    """AT7000 AT+CEDRXS: <AcT> 4 for CAT-M and 5 for NB-IoT; AT+CEDRXRDP tells the network's."""

    async def play():
        for rat, command, answer, granted in (
            ("NB-IOT", 'AT+CEDRXS=1,5,"0101"', b'5,"0101","0010","0100"', 20),
            ("CAT-M1", 'AT+CEDRXS=1,4,"0100"', b'4,"0100","0100","0100"', 61),
            ("CAT-M1", 'AT+CEDRXS=1,4,"0100"', b"0", None),
        ):
            reply = b"\r\n+CEDRXRDP: " + answer + b"\r\n\r\nOK\r\n"
            bench = _bench({"AT+CEDRXRDP": reply}, rat, edrx_s=60)
            await settle(bench.modem)
            assert bench.script.commands[0] == command
            assert bench.script.commands[-1] == "AT+CPSMS=0"
            assert _told(bench) == [{"psm_tau_s": None, "psm_active_s": None, "edrx_s": granted}]

    run(play())


def test_gsm_has_neither():
    """AT7000 AT+CEDRXS: on GSM nothing is asked for, which is told."""

    async def play():
        bench = _bench({}, "GSM", edrx_s=60, **_PSM)
        await settle(bench.modem)
        assert not bench.script.commands and len(_told(bench)) == 1

    run(play())
