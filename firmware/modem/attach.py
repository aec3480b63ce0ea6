"""From a modem that answers to a PDP context with an address; loaded only for that."""

import asyncio

from micropython import const

from .at import ModemError, ModemReset
from .bringup import must

_ATTACHED = const(2)
_HOME = const(1)
_DENIED = const(3)
_ROAMING = const(5)
_STATUS = "not searching,home,searching,denied,unknown,roaming,SMS only".split(",")

# Where LTE is looked for, each radio may take two minutes and the whole search ten.
_REGISTER_S = const(180)
_SEARCH_S = const(600)
_LOOK_S = const(120)
_DENIED_S = const(90)
_POLL_MS = const(1000)
_POLL_MAX_MS = const(8000)
_CONTEXT_TRIES = const(3)
_BACKOFF_MS = const(2000)

# AT+CNMP radio and AT+CMNB preference for config "network".
_NETWORKS = {"gsm": (13, 0), "cat-m": (38, 1), "nb-iot": (38, 2), "lte": (38, 3), "auto": (2, 3)}

# Longest times of the manual, with a margin.
_CGATT_MS = const(75_000)
_CIPSHUT_MS = const(66_000)
_CIICR_MS = const(86_000)
_CIFSR_MS = const(10_000)
_CFUN_MS = const(12_000)


def patience_s(modem) -> int:
    """Longest wait for the network: config "attach_s", else what the radios may take.

    A modem that was searching all the while, and is looked at again, is not waited for that long.
    """
    search = not modem.gsm_only and modem.config.get("network") != "gsm"
    wanted = modem.config.get("attach_s") or (_SEARCH_S if search else _REGISTER_S)
    return min(wanted, _LOOK_S) if modem.searching else wanted


async def attach(modem, started: bool) -> None:
    """Register, attach and bring up the context: state `attached`, info["ip"] set.

    started: the modem has just been set up. The context is tried three times with growing pauses.
    Raises ModemError naming what was refused.
    """
    context = _context
    if not started:
        errors = (await modem.channel.command("AT+CMEE?")).value("+CMEE:")
        if errors not in (None, "1"):
            modem.lost("settings are gone")
            raise ModemReset("modem: settings are gone")
    if not modem.gsm_only:
        await _choose_radio(modem)
    await _register(modem)
    await _packet_service(modem)
    pause_ms = _BACKOFF_MS
    for attempt in range(_CONTEXT_TRIES):
        if modem.udp_set == "ca":
            from .ca_context import context
        try:
            modem.info["ip"] = await context(modem)
            break
        except ModemReset:
            raise
        except ModemError as error:
            modem.event("drop", {"link": "modem", "reason": "context", "detail": str(error)})
            if attempt == _CONTEXT_TRIES - 1:
                raise
        await asyncio.sleep_ms(pause_ms)
        pause_ms *= 3
    modem.state = _ATTACHED
    modem.searching = False
    modem.generation += 1
    modem.event("attached", {"ip": modem.info["ip"]})


async def _choose_radio(modem):
    """Set the radio, where configured, and the APN of LTE; the modem keeps both."""
    changed = False
    network = modem.config.get("network")
    if network:
        mode, preference = _NETWORKS[network]
        changed = await _keep(modem, "CNMP", mode)
        if preference:
            changed = await _keep(modem, "CMNB", preference) or changed
    await modem.channel.command("AT+CAPNMODE=1")  # only some firmware knows it
    apn = modem.config["apn"]
    defined = (await modem.channel.command("AT+CGDCONT?")).lines
    for cid in (1, 13, 14):
        # The LTE attach takes 13 and 14 where they are there, and fails by a foreign APN.
        for line in defined:
            if line.startswith("+CGDCONT: %d," % cid):
                there = line.split('"')
                wrong = len(there) < 4 or there[3] != apn and (cid == 1 or there[3])
                break
        else:
            wrong = cid == 1
        if wrong:
            changed = (await modem.ask('AT+CGDCONT=%d,"IP","%s"' % (cid, apn))).ok or changed
    if changed and not modem.radio_set:
        # The attach that is there was made with what was set before; a SIM wants its PIN anew.
        modem.radio_set = True  # once, in case that the modem tells another value than it was told
        modem.channel.boot(True)
        await modem.ask("AT+CFUN=0", _CFUN_MS)
        await modem.ask("AT+CFUN=1", _CFUN_MS)
        modem.lost("radio set anew")
        raise ModemReset("modem: radio set anew")


async def _keep(modem, name, value):
    """Set a value that the modem keeps; returns whether it was another."""
    told = (await modem.channel.command("AT+%s?" % name)).value("+%s:" % name)
    return told != str(value) and (await modem.ask("AT+%s=%d" % (name, value))).ok


def registration(lines: list, prefix: str) -> int:
    """The status in an answer such as `+CREG: 0,1[,…]`, -1 without one.

    The unsolicited form `+CREG: 1[,"lac","ci"]` has the same prefix and no number as second field.
    """
    for line in lines:
        fields = line.split(",")
        if line.startswith(prefix) and len(fields) > 1 and fields[1].strip().isdigit():
            return int(fields[1])
    return -1


async def _register(modem):
    begin = modem.now()
    end = begin + patience_s(modem) * 1000
    pause_ms = _POLL_MS
    while True:
        seen = []
        silent = True
        one = not modem.gsm_only  # of the two will do
        # CREG may stay 0 on NB-IoT, so it counts only where GSM is all there is.
        names = ("CREG", "CGREG") if modem.gsm_only else ("CEREG", "CGREG")
        for name in names:
            response = await modem.channel.command("AT+%s?" % name)
            seen.append(registration(response.lines, "+%s:" % name))
            silent = silent and response.final == "TIMEOUT"
            one = one or "ERROR" in response.final  # a modem without that command
        if silent:
            modem.lost("silent")
            raise ModemReset("modem: silent")
        good = [status in (_HOME, _ROAMING) for status in seen]
        if all(good) or one and any(good):
            return
        now = modem.now()
        if _DENIED not in seen:
            begin = now
        # A network that goes on denying is not to be waited for.
        if now >= end or now >= begin + _DENIED_S * 1000:
            told = []
            for i in range(2):
                status = _STATUS[seen[i]] if 0 <= seen[i] <= 6 else "no answer"
                told.append("%s %s" % (names[i], status))
            raise ModemError("network: not registered (%s)" % ", ".join(told))
        await asyncio.sleep_ms(pause_ms)
        # By a quarter: nothing is seen later than that part of the time that it took.
        pause_ms = min(pause_ms * 5 // 4, _POLL_MAX_MS)


async def _packet_service(modem):
    for _ in range(3):
        if (await modem.channel.command("AT+CGATT?")).value("+CGATT:") == "1":
            return
        if (await modem.ask("AT+CGATT=1", _CGATT_MS)).ok:
            return
        await asyncio.sleep_ms(_BACKOFF_MS)
    raise ModemError("network: packet service refused (AT+CGATT=1)")


async def _context(modem):
    """CIPSHUT to CIFSR in multi-connection mode; returns the address."""
    command = modem.channel.command
    config = modem.config
    # A context that is just then lost may say so in place of SHUT OK.
    response = await command("AT+CIPSHUT", _CIPSHUT_MS, ("SHUT OK", "+PDP: DEACT"))
    if not response.ok and response.final not in response.finals:
        if response.final == "ERROR" and not modem.gsm_only and not config.get("udp_set"):
            refused = (await command("AT+CIPMUX?")).final == "ERROR"
            if refused and (await command("AT+CNACT?")).ok:
                from .ca_udp import use_ca

                use_ca(modem)  # the next try is made with those
        raise ModemError("modem: AT+CIPSHUT answered %s" % response.final)
    await must(modem, "AT+CIPMUX=1")
    # A modem goes on, in the manner that it was told, when its host gets another firmware.
    manual = config.get("udp_manual")
    await modem.ask("AT+CIPRXGET=1" if manual else "AT+CIPRXGET=0")
    if not manual:
        await modem.ask("AT+CIPSRIP=1")
    await modem.ask("AT+CIPQSEND=0")
    await must(
        modem,
        'AT+CSTT="%s","%s","%s"'
        % (config["apn"], config.get("user") or "", config.get("password") or ""),
    )
    response = await command("AT+CIICR", _CIICR_MS)
    if not response.ok:
        raise ModemError(
            "network: no context for APN %s (AT+CIICR answered %s)"
            % (config["apn"], response.final)
        )
    response = await command("AT+CIFSR", _CIFSR_MS, (".",))
    if response.final.count(".") != 3 or response.final == "0.0.0.0":
        raise ModemError("network: no address (AT+CIFSR answered %s)" % response.final)
    return response.final
