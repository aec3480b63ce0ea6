"""From a modem that answers to a PDP context with an address; loaded only when that is to be done."""

import asyncio

from micropython import const

from .at import ModemError, ModemReset
from .simcom import ATTACHED

_HOME = const(1)
_ROAMING = const(5)
_STATUS = ("not searching", "home", "searching", "denied", "unknown", "roaming", "SMS only")

_REGISTER_S = const(180)
_POLL_MS = const(1000)
_POLL_MAX_MS = const(8000)
_CONTEXT_TRIES = const(3)
_BACKOFF_MS = const(2000)

# Longest times of the manual, with a margin.
_CGATT_MS = const(75_000)
_CIPSHUT_MS = const(66_000)
_CIICR_MS = const(86_000)
_CIFSR_MS = const(10_000)
_STATUS_MS = const(2000)


async def attach(modem) -> None:
    """Register, attach and bring up the context: state `attached`, info["ip"] set.

    config "attach_s": longest wait for the network, in seconds (180). The context is tried three times
    with growing pauses. Raises ModemError naming what was refused.
    """
    await modem.prepare_network()
    await _register(modem)
    await _packet_service(modem)
    pause_ms = _BACKOFF_MS
    for attempt in range(_CONTEXT_TRIES):
        try:
            modem.info["ip"] = await _context(modem)
            break
        except ModemReset:
            raise
        except ModemError as error:
            modem.event("drop", {"link": "modem", "reason": "context", "detail": str(error)})
            if attempt == _CONTEXT_TRIES - 1:
                raise
        await asyncio.sleep_ms(pause_ms)
        pause_ms *= 3
    modem.state = ATTACHED
    modem.generation += 1
    modem.event("attached", {"ip": modem.info["ip"]})


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
        for name in modem.registrations:
            response = await modem.channel.command("AT+%s?" % name)
            status = registration(response.lines, "+%s:" % name)
            good += status == _HOME or status == _ROAMING
            seen.append("%s %s" % (name, _STATUS[status] if 0 <= status <= 6 else "no answer"))
        if good == len(seen) or good and not modem.registration_needs_all:
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
    await modem.set('AT+CSTT="%s","%s","%s"' % (config["apn"], config.get("user") or "", config.get("password") or ""))
    response = await command("AT+CIICR", _CIICR_MS)
    if not response.ok:
        raise ModemError("network: no context for APN %s (AT+CIICR answered %s)" % (config["apn"], response.final))
    response = await command("AT+CIFSR", _CIFSR_MS, (".",))
    if response.final.count(".") != 3:
        raise ModemError("network: no address (AT+CIFSR answered %s)" % response.final)
    return response.final


async def context_state(modem) -> tuple:
    """What AT+CIPSTATUS says: (state name, {socket: (host, port)} of those connected).

    `OK` comes first, then `STATE:` and one `C:` line a socket, with nothing to mark the end but the
    last socket's line.
    """
    last = "C: %d," % (modem.sockets - 1)
    response = await modem.channel.command("AT+CIPSTATUS", _STATUS_MS, (last, "OK"))
    name = response.value("STATE:") or ""
    connected = {}
    for line in response.lines + [response.final]:
        fields = line[3:].split(",")
        if line.startswith("C: ") and len(fields) >= 6 and fields[5] == '"CONNECTED"':
            port = fields[4].strip('"')
            if fields[0].isdigit() and port.isdigit():
                connected[int(fields[0])] = (fields[3].strip('"'), int(port))
    return name, connected
