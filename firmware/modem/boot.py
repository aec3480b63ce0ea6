"""Power, first contact, SIM and settings: from anything to a modem in state `ready`.

Loaded only while a modem is started, restarted or switched off.
"""

import asyncio

from micropython import const

from .at import ModemError
from .bringup import must

_OFF = const(0)
_READY = const(1)

_RATES = (115200, 9600, 57600, 38400, 19200)
_KEY_TRIES = const(3)
_ANSWER_TRIES = const(20)
_ANSWER_PAUSE_MS = const(200)
_SIM_TRIES = const(20)
_SIM_ABSENT_TRIES = const(4)
_SMS_TRIES = const(15)
_TELL_TRIES = const(3)
_TELL_PAUSE_MS = const(300)
_RETRY_MS = const(1000)
_OFF_MS = const(8000)
_KEY_OFF_MS = const(9000)  # SIM7000 takes up to 6.9 s, and 2 s more to be ready for the key
_REST_MS = const(2500)
_CFUN_MS = const(12_000)
_RESET_MS = const(300)  # RST low: more than 105 ms on a SIM800, at least 252 ms on a SIM7000
_DTR_MS = const(60)

# CME error numbers, 3GPP TS 27.007 §9.2
_SIM_ABSENT = const(10)
_SIM_PIN = const(11)
_SIM_PUK = const(12)
_SIM_FAILURE = const(13)


async def start(modem) -> None:
    """Find the modem, switching it on where it is silent, and set it up: state `ready`.

    A running modem is looked for first, because the same key pulse would switch it off. Raises
    ModemError naming what is missing.
    """
    channel = modem.channel
    channel.open()
    channel.boot(True)
    modem.state = _OFF
    modem.asleep = False
    modem.power.dtr(False)
    rests, modem.rests = modem.rests, False
    try:
        silent = not await channel.probe(1 if rests else 3)
        if silent and (rests or not await _other_rate(modem)):
            # Without a key one look tells whether it was only slow to start.
            for attempt in range(_KEY_TRIES if modem.power.can_switch() else 1):
                if attempt:
                    # One that hangs is on, and the pulse that starts does not switch it off.
                    await modem.power.pulse(modem.pulse_off_ms)
                    await asyncio.sleep_ms(_KEY_OFF_MS)
                await modem.power.pulse(modem.pulse_on_ms)
                if await _boots(modem):
                    break
            else:
                if not modem.power.can_reset() or not await _reset(modem):
                    raise ModemError(
                        "modem: no answer to AT; check its power and the UART's wires"
                    )
        ready = await _set_up(modem)
    finally:
        channel.boot(False)
    if not ready:
        channel.boot(False, 0)
    modem.state = _READY
    modem.event("started", {})


async def _reset(modem):
    """Restart by RST what nothing else brings back; returns whether it answers."""
    await modem.power.reset(_RESET_MS)
    return await _boots(modem)


async def _boots(modem):
    await asyncio.sleep_ms(modem.boot_ms)
    return await _answers(modem.channel) or await _other_rate(modem)


async def _answers(channel):
    for _ in range(_ANSWER_TRIES):
        if await channel.probe(1):
            return True
        await asyncio.sleep_ms(_ANSWER_PAUSE_MS)
    return False


async def _other_rate(modem):
    """Whether the modem answers at another rate; it is then set to the configured one, where it
    can be.
    """
    channel = modem.channel
    set_baudrate = getattr(channel.uart, "set_baudrate", None)
    if set_baudrate is None:
        return False
    wanted = modem.config.get("baudrate") or 115200
    found = False
    for rate in _RATES:
        if rate == wanted:
            continue
        set_baudrate(rate)
        if await channel.probe(2):
            response = await channel.command("AT+IPR=%d" % wanted)
            if "ERROR" in response.final:
                return True  # it keeps its rate, and the UART that one
            found = response.ok
            break
    set_baudrate(wanted)
    return found and await channel.probe(3)


async def _set_up(modem):
    """Set the modem up; returns False where the SIM's messages are not ready."""
    channel = modem.channel
    config = modem.config
    await modem.ask("AT+IFC=0,0")  # RTS and CTS are not wired; not saved
    # A fixed rate, because boot codes are not sent while the modem still guesses it; and the
    # network's time, which takes a registration to come.
    saved = True
    rate = str(config.get("baudrate") or 115200)
    for name, value in (("IPR", rate), ("CLTS", "1")):
        if (await channel.command("AT+%s?" % name)).value("+%s:" % name) != value:
            saved = False
            await modem.ask("AT+%s=%s" % (name, value))
    if modem.gsm_only and not saved:
        # Echo is saved as on, so that it tells of a restart that nobody heard.
        await modem.ask("ATE1")
        await modem.ask("AT&W")
    await must(modem, "ATE0")
    channel.echo_off = True
    await _tell(modem, "AT+CMEE=1")
    # `+CFUN: 1` is taken for a boot code; another value was left by a recovery broken off, or by a
    # search for a position, whose receiver must not run beside the network.
    if (await channel.command("AT+CFUN?")).value("+CFUN:"):
        if modem.gnss_alone:
            await channel.command("AT+CGNSPWR=0")
        await modem.ask("AT+CFUN=1", _CFUN_MS)
    await _unlock_sim(modem)
    sleep = 1 if modem.power.can_sleep() else modem.idle_sleep
    for command in ("AT+CFGRI=1", "AT+CBATCHK=1", "AT+CSCLK=%d" % sleep):
        await modem.ask(command)
    if config.get("idle", "sleep") != "sleep":
        return True  # no message is waited for, nor that the SIM's are loaded
    for _ in range(_SMS_TRIES):  # refused until the SIM's messages are loaded
        if (await channel.command("AT+CMGF=0")).ok:
            break
        await asyncio.sleep_ms(_RETRY_MS)
    else:
        # Datagrams need no messages. SMS Ready, when it comes, is taken for a restart.
        modem.event("refused", {"command": "AT+CMGF", "answer": "for %d s" % _SMS_TRIES})
        return False
    await _tell(modem, 'AT+CPMS="SM","SM","SM"')
    routing = "AT+CNMI=2,1,0,0,0" if config.get("sms_storing", True) else modem.direct_sms
    await _tell(modem, routing, "AT+CNMI=1" + routing[9:])
    return True


async def _tell(modem, *texts):
    """Send the first of some commands that the modem takes; it works without, if less well."""
    final = ""
    for _ in range(_TELL_TRIES):
        for text in texts:
            response = await modem.channel.command(text)
            if response.ok:
                return
            final = response.final
        await asyncio.sleep_ms(_TELL_PAUSE_MS)
    modem.event("refused", {"command": texts[0].split("=", 1)[0], "answer": final})


async def _unlock_sim(modem):
    reason = "no answer"
    entered = False
    for attempt in range(_SIM_TRIES):
        response = await modem.channel.command("AT+CPIN?")
        state = response.value("+CPIN:") or ""
        error = -1
        if response.final.startswith("+CME ERROR:"):
            error = int(response.final[11:]) if response.final[11:].strip().isdigit() else -1
        if state == "READY":
            return
        if not entered and (state == "SIM PIN" or error == _SIM_PIN):
            await _enter_pin(modem)
            entered = True  # and accepted: READY may take its time
        elif state.startswith("SIM P") and state != "SIM PIN" or error == _SIM_PUK:
            raise ModemError("SIM: locked (%s); unlock it by hand" % (state or "PUK needed"))
        elif state == "NOT INSERTED" or error == _SIM_ABSENT:
            reason = "not inserted"
            if attempt + 1 >= _SIM_ABSENT_TRIES:
                break
        else:
            reason = (
                "failure"
                if error == _SIM_FAILURE
                else "not ready (%s)" % (state or response.final)
            )
        await asyncio.sleep_ms(_RETRY_MS)
    raise ModemError("SIM: %s" % reason)


async def _enter_pin(modem):
    """Enter the PIN while the SIM has all tries left: three wrong ones lock it until the PUK."""
    pin = modem.config.get("pin")
    if not pin:
        raise ModemError("SIM: PIN needed; set modem.pin")
    if modem.pin_refused:
        raise ModemError("SIM: PIN refused; correct modem.pin")
    left = (await modem.channel.command("AT+SPIC")).value("+SPIC:")
    tried = None
    if not left and not modem.config.get("pin_unchecked"):
        # Each boot would begin anew, and the third would lock the SIM.
        tried = modem.pin_tried
        if not tried or not tried(pin, None):
            raise ModemError("SIM: PIN was tried in vain; correct modem.pin or set pin_unchecked")
    if left and left[0] in "012":
        raise ModemError("SIM: %s PIN tries left; enter it by hand once" % left[0])
    response = await modem.channel.command('AT+CPIN="%s"' % pin)
    if tried and response.final != "TIMEOUT":
        tried(pin, response.ok)
    if not response.ok:
        # One that was not answered may never have been tried; the count of tries knows.
        modem.pin_refused = response.final != "TIMEOUT"
        raise ModemError("SIM: PIN refused; correct modem.pin")


async def power_off(modem) -> None:
    """Switch off, by command or else by key: state `off`.

    A modem whose key is not wired could not be switched on again: its radio is switched off.
    """
    channel = modem.channel
    modem.power.dtr(False)
    await asyncio.sleep_ms(_DTR_MS)
    modem.asleep = False
    channel.open()
    channel.boot(True)
    off = False
    if not modem.power.can_switch():
        await modem.ask("AT+CFUN=0", _CFUN_MS)
    else:
        off = await _told_off(channel)
        if not off:
            # One that is stuck goes off by the key; one that was off comes on by it.
            await modem.power.pulse(modem.pulse_off_ms)
            await asyncio.sleep_ms(_KEY_OFF_MS)
            if await channel.probe(3):
                off = await _told_off(channel)
        await asyncio.sleep_ms(_REST_MS)
    modem.lost("power off", "rested")
    modem.rests = off


async def _told_off(channel):
    response = await channel.command("AT+CPOWD=1", _OFF_MS, ("NORMAL POWER DOWN",))
    return response.ok


async def power_cycle(modem) -> None:
    """Rung 4 of the ladder: by the key, or else by RST, or else by command; `up` then starts
    anew.
    """
    power = modem.power
    if power.can_switch():
        await power_off(modem)
        if modem.rests or not power.can_reset():
            return
    modem.channel.boot(True)
    if power.can_reset():
        await power.reset(_RESET_MS)
    else:
        await modem.channel.command("AT+CFUN=1,1", _CFUN_MS)
    await asyncio.sleep_ms(modem.boot_ms)
    modem.lost("reset")


async def radio_cycle(modem) -> None:
    """Rung 3 of the ladder; `up` then starts anew."""
    modem.channel.boot(True)
    await modem.ask("AT+CFUN=0", _CFUN_MS)
    await modem.ask("AT+CFUN=1", _CFUN_MS)
    modem.lost("radio cycle")
