"""Power key, boot codes, rates and resets of the virtual modem."""

import asyncio

from unit.virtual.desk import on_both, run

from tools.virtual import profiles

HEAP_K = 256  # the virtual modem and its network, none of which a board holds


def test_a_short_pulse_does_nothing():
    """HW800L 3.2.1, HW7000 T8: PWRKEY low for at least one second turns it on."""

    async def body(desk):
        await desk.pulse(900)
        await asyncio.sleep_ms(10_000)
        assert desk.modem.state == "off"
        await desk.pulse(1000)
        assert desk.modem.state == "booting"

    on_both(body)


def test_uart_is_usable_after_its_time():
    """HW800L figure 12, HW7000 T8: UART after more than 3 s (SIM800), 4.5 s (SIM7000)."""

    async def usable_at(desk):
        desk.modem.pwrkey(True)
        while desk.modem.state != "on":
            await asyncio.sleep_ms(10)
            desk.modem.write(b"AT\r")
        start = desk.timers.now()
        desk.modem.pwrkey(False)
        return start

    assert run(usable_at, "sim800l") == 4000
    assert run(usable_at, "sim7000g") == 5500


def test_the_same_pulse_turns_it_off():
    """HW800L, HW7000 (PWRKEY): 1.5 s (SIM800) or 1.2 s (SIM7000) turns a running modem off."""

    async def body(desk):
        await desk.on()
        limit = desk.modem.profile.key_off_ms
        await desk.pulse(limit - 100)
        assert desk.modem.state == "on"
        await desk.pulse(limit)
        assert desk.modem.state == "stopping"
        await asyncio.sleep_ms(2500)
        assert desk.modem.state == "off"
        assert desk.take() == b"\r\nNORMAL POWER DOWN\r\n"

    on_both(body)


def test_rst_restarts_what_runs():
    """HW800L, HW7000 (RESET): RST low for more than 105 ms (SIM800), 252 ms or more (SIM7000); it
    does nothing to a modem that is off.
    """

    async def body(desk):
        async def pull(ms):
            desk.modem.reset(True)
            await asyncio.sleep_ms(ms)
            desk.modem.reset(False)
            return desk.modem.state

        limit = desk.modem.profile.reset_low_ms
        assert await pull(1000) == "off"
        await desk.on()
        assert await pull(limit - 10) == "on"
        desk.modem.set_fault("hang", "hard")
        assert await desk.at("AT") == b""
        assert await pull(limit) == "booting"
        await asyncio.sleep_ms(6000)
        assert desk.modem.state == "on" and b"OK" in await desk.at("AT")
        assert desk.seen("modem_boot")[-1] == {"reason": "RST"}

    on_both(body)


def test_sim800_key_held_too_long_does_not_turn_it_off():
    """HW800L (PWRKEY): power off by key needs less than 33 s (SIM800)."""

    async def body(desk):
        await desk.on()
        await desk.pulse(34_000)
        assert desk.modem.state == "on"

    run(body, "sim800l")


def test_the_key_rests_after_power_off():
    """HW7000 (PWRKEY): SIM7000 needs 2 s between off and on."""

    async def body(desk):
        await desk.on()
        await desk.at("AT+CPOWD=1", 1900)
        assert desk.modem.state == "off"
        await desk.pulse(1100)
        assert desk.modem.state == "off"
        await asyncio.sleep_ms(2000)
        await desk.pulse(1100)
        assert desk.modem.state == "booting"

    run(body, "sim7000g")


def test_autobaud_is_silent_until_the_first_at():
    """AT800 IPR, HW800H: no boot codes in auto-baud; only AT finds the rate."""

    async def body(desk):
        await desk.pulse(1100)
        await asyncio.sleep_ms(4600)
        noise = desk.modem.profile.boot_bytes
        assert desk.take() == noise
        desk.modem.write(b"\xff\x00ZZ\r")
        await asyncio.sleep_ms(20)
        assert desk.take() == b""
        assert (await desk.at("AT", 20)) == b"AT\r\r\nOK\r\n"

    on_both(body)


def test_sim800_sends_noise_at_power_on():
    """SIM800 AT Manual §1.4: 00 49 49 49 49 FF FF FF FF at 115200 straight after power on."""

    async def body(desk):
        await desk.pulse(1100)
        assert desk.take() == b"\x00\x49\x49\x49\x49\xff\xff\xff\xff"

    run(body, "sim800l")


def test_boot_codes_at_a_fixed_rate():
    """AT800 19.3, AT7000 20.3, logs: the codes in the order seen."""

    async def body(desk):
        await desk.pulse(1100)
        await asyncio.sleep_ms(30_000)
        return desk.take()

    assert run(body, "sim800l", saved={"+IPR": 115200}) == (
        b"\x00IIII\xff\xff\xff\xff\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n"
        b"\r\nCall Ready\r\n\r\nSMS Ready\r\n"
    )
    assert run(body, "sim7000g", saved={"+IPR": 115200}) == (
        b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n"
    )


def test_call_ready_can_be_switched_off():
    """AT800 CIURC: AT+CIURC=0, saved by AT&W, takes Call Ready away."""

    async def body(desk):
        await desk.pulse(1100)
        await asyncio.sleep_ms(30_000)
        return desk.take()

    sent = run(body, "sim800l", saved={"+IPR": 115200, "+CIURC": 0})
    assert sent.endswith(b"\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n")


def test_speed_shortens_the_start():
    """tools/virtual: speed divides boot and registration, not the key's limits."""

    async def body(desk):
        await desk.pulse(1000)
        await asyncio.sleep_ms(500)
        assert desk.modem.state == "on"
        await desk.at("AT")
        await asyncio.sleep_ms(1000)
        assert (await desk.at("ATE0;+CGATT?")).endswith(b"\r\n+CGATT: 1\r\n\r\nOK\r\n")

    run(body, "sim7000g", speed=10)


def test_rates():
    """AT800 IPR: OK of AT+IPR at the old rate; another rate is noise both ways."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+IPR=9600", b"\r\nOK\r\n")
        assert b"OK" not in await desk.at("AT")
        desk.modem.set_baud(9600)
        await desk.expect("AT", b"")  # noise stands before it: the line is no command
        await desk.expect("AT+IPR?", b"\r\n+IPR: 9600\r\n\r\nOK\r\n")
        await desk.expect("AT+IPR=12345", b"\r\nERROR\r\n")
        desk.modem.set_baud(115200)
        desk.modem.urc("RING")
        await asyncio.sleep_ms(20)
        noise = desk.take()
        assert len(noise) == 8 and b"RING" not in noise

    on_both(body)


def test_what_outlives_a_power_cycle():
    """AT800 &W, AT7000 IPR, ATE: AT&W keeps echo and rate on SIM800; SIM7000 saves the rate
    and AT+CSCLK at once and never the echo.
    """

    async def body(desk):
        await desk.on("AT+IPR=115200", "AT+CMEE=2", "AT+CNMI=2,1,0,0,0", "AT&W", "AT+CFGRI=1")
        await desk.at("AT+CPOWD=1", 5000)
        await desk.pulse(1100)
        await asyncio.sleep_ms(20_000)
        desk.take()
        return await desk.at("AT+CMEE?;+CFGRI?;+IPR?")

    assert run(body, "sim800l") == (
        b"\r\n+CMEE: 2\r\n\r\n+CFGRI: 0\r\n\r\n+IPR: 115200\r\n\r\nOK\r\n"
    )
    assert run(body, "sim7000g") == (
        b"AT+CMEE?;+CFGRI?;+IPR?\r\r\n+CMEE: 0\r\n\r\n+CFGRI: 0\r\n\r\n+IPR: 115200\r\n\r\nOK\r\n"
    )


def test_sim800_without_w_forgets_its_rate():
    """AT800 IPR, &W: AT+IPR is saved by AT&W on SIM800."""

    async def body(desk):
        await desk.on("AT+IPR=115200")
        assert desk.modem.saved.get("+IPR") is None

    run(body, "sim800l")


def test_reset_by_cfun():
    """AT800 CFUN: AT+CFUN=1,1; a SIM800 at a fixed rate sends OK after the reset."""

    async def body(desk):
        await desk.on("AT+IPR=115200", "AT&W")
        answer = await desk.at("AT+CFUN=1,1", 30_000)
        assert desk.modem.state == "on"
        return answer

    assert run(body, "sim800l") == (
        b"\x00IIII\xff\xff\xff\xff\r\nOK\r\n\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n"
        b"\r\nCall Ready\r\n\r\nSMS Ready\r\n"
    )
    assert run(body, "sim7000g") == (
        b"\r\nOK\r\n\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n"
    )


def test_a_reset_in_autobaud_says_nothing():
    """AT800 IPR, logs: a reset is seen as nothing at all under auto-baud."""

    async def body(desk):
        await desk.on()
        desk.modem.set_fault("reset")
        await asyncio.sleep_ms(30_000)
        assert desk.take() in (b"", desk.modem.profile.boot_bytes)
        assert await desk.at("AT") == b"AT\r\r\nOK\r\n"

    on_both(body)


def test_power_down_by_command():
    """AT800 CPOWD: NORMAL POWER DOWN without OK; =0 is silent."""

    async def body(desk):
        await desk.on()
        await desk.expect("AT+CPOWD=1", b"\r\nNORMAL POWER DOWN\r\n", 5000)
        assert desk.modem.state == "off"
        await desk.pulse(1100)
        await asyncio.sleep_ms(20_000)
        await desk.at("AT")
        await desk.at("ATE0")
        await desk.expect("AT+CPOWD=0", b"", 5000)
        assert desk.modem.state == "off"

    on_both(body)


def test_power_cut_loses_what_was_on_its_way():
    """HW800L, HW7000 (VBAT): a brown-out ends everything without a code."""

    async def body(desk):
        await desk.online()
        await desk.open()
        desk.modem.write(b"AT+CSQ\r")
        desk.modem.set_fault("power_cut")
        await asyncio.sleep_ms(5000)
        assert desk.modem.state == "off" and desk.take() == b""
        assert desk.seen("context_down")

    on_both(body)


def test_ri_has_a_level_only_with_power():
    """HW800L, HW7000 (RI): RI is low while the modem has no power."""

    async def body(desk):
        assert desk.modem.ri is False
        await desk.on()
        assert desk.modem.ri is True
        await desk.at("AT+CPOWD=1", 5000)
        assert desk.modem.ri is False

    on_both(body)


def test_a_key_tied_low_starts_with_the_supply():
    """SIM800L breakouts: generic breakouts tie PWRKEY low; they start on power."""

    async def body(desk):
        desk.modem.supply(False)
        desk.modem.pwrkey(True)
        await asyncio.sleep_ms(5000)
        assert desk.modem.state == "off"
        desk.modem.supply(True)
        await asyncio.sleep_ms(4500)
        assert desk.modem.state == "on"

    run(body, "sim800l")


def test_profiles_are_named():
    """tools/virtual: an unknown modem or setting is named in the error."""
    cases = ((profiles.get, "sim900"), (lambda _: profiles.sim800l(colour=1), "colour"))
    for make, wrong in cases:
        try:
            make(wrong)
        except ValueError as error:
            assert wrong in str(error)
        else:
            raise AssertionError("no error")
