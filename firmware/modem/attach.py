"""From a modem that answers to a PDP context with an address; loaded only for that."""

import asyncio

from micropython import const

from .at import ModemError, ModemReset

_ATTACHED = const(2)
_HOME = const(1)
_ROAMING = const(5)
_STATUS = "not searching,home,searching,denied,unknown,roaming,SMS only".split(",")

_REGISTER_S = const(180)
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


async def attach(modem) -> None:
    """Register, attach and bring up the context: state `attached`, info["ip"] set.

    config "attach_s": longest wait for the network, in seconds (180). The context is tried three
    times with growing pauses. Raises ModemError naming what was refused.
    """
    context = _context
    if modem.udp_set == "ca":
        from .ca_context import context
    if not modem.gsm_only:
        await _choose_radio(modem)
    await _register(modem)
    await _packet_service(modem)
    pause_ms = _BACKOFF_MS
    for attempt in range(_CONTEXT_TRIES):
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
    modem.generation += 1
    modem.event("attached", {"ip": modem.info["ip"]})


async def _choose_radio(modem):
    """Set the radio, where configured, and the APN of LTE; the modem keeps both."""
    network = modem.config.get("network")
    if network:
        mode, preference = _NETWORKS[network]
        await modem.ask("AT+CNMP=%d" % mode)
        if preference:
            await modem.ask("AT+CMNB=%d" % preference)
    apn = modem.config["apn"]
    defined = (await modem.channel.command("AT+CGDCONT?")).value("+CGDCONT: 1,")
    if defined is None or '"%s"' % apn not in defined:
        await modem.ask('AT+CGDCONT=1,"IP","%s"' % apn)


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
    end = modem.now() + modem.config.get("attach_s", _REGISTER_S) * 1000
    pause_ms = _POLL_MS
    while True:
        seen = []
        good = 0
        # CREG may stay 0 on NB-IoT, so it counts only where GSM is all there is.
        for name in ("CREG", "CGREG") if modem.gsm_only else ("CEREG", "CGREG"):
            response = await modem.channel.command("AT+%s?" % name)
            status = registration(response.lines, "+%s:" % name)
            good += status in (_HOME, _ROAMING)
            seen.append("%s %s" % (name, _STATUS[status] if 0 <= status <= 6 else "no answer"))
        if good == len(seen) or good and not modem.gsm_only:
            return
        if modem.now() >= end:
            raise ModemError("network: not registered (%s)" % ", ".join(seen))
        await asyncio.sleep_ms(pause_ms)
        pause_ms = min(pause_ms * 2, _POLL_MAX_MS)


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
    if response.final not in response.finals:
        raise ModemError("modem: AT+CIPSHUT answered %s" % response.final)
    await modem.set("AT+CIPMUX=1")
    await modem.set("AT+CIPRXGET=1" if config.get("udp_manual") else "AT+CIPSRIP=1")
    await modem.ask("AT+CIPQSEND=0")
    await modem.set(
        'AT+CSTT="%s","%s","%s"'
        % (config["apn"], config.get("user") or "", config.get("password") or "")
    )
    response = await command("AT+CIICR", _CIICR_MS)
    if not response.ok:
        raise ModemError(
            "network: no context for APN %s (AT+CIICR answered %s)"
            % (config["apn"], response.final)
        )
    response = await command("AT+CIFSR", _CIFSR_MS, (".",))
    if response.final.count(".") != 3:
        raise ModemError("network: no address (AT+CIFSR answered %s)" % response.final)
    return response.final
