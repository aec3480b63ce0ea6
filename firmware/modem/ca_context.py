"""The packet context of AT+CNACT, which the CA* commands use; loaded only to bring it up."""

import asyncio

from micropython import const

from .at import ModemError
from .bringup import must

_CNACT_MS = const(10_000)
_UP_MS = const(60_000)
_DOWN_MS = const(10_000)
_POLL_MS = const(300)
_ANY_METHOD = const(3)  # PAP or CHAP


async def context(modem) -> str:
    """Activate the context anew; returns its address. Raises ModemError.

    OK says only that it is being activated, and `+APP PDP: ACTIVE` names no address: both are in
    what AT+CNACT? answers.
    """
    if await _address(modem):
        # Of an earlier run of the host: its sockets, and what waits in them, are nobody's.
        await modem.ask("AT+CNACT=%s0" % modem.pdp, _CNACT_MS)
        await _until(modem, False, _DOWN_MS)
    config = modem.config
    text = 'AT+CNCFG=%s1,"%s"' % (modem.pdp, config["apn"])
    if config.get("user"):
        method = _ANY_METHOD
        text += ',"%s","%s",%d' % (config["user"], config.get("password") or "", method)
    await must(modem, text)
    await modem.channel.command("AT+CASRIP=1")  # older firmware does not have it
    modem.context_lost = False
    # SIM7000 documents the access point here, too.
    text = "AT+CNACT=%s1" % modem.pdp
    response = await modem.channel.command(
        text if modem.pdp else text + ',"%s"' % config["apn"], _CNACT_MS
    )
    if not response.ok:
        raise ModemError(
            "network: no context for APN %s (AT+CNACT answered %s)"
            % (config["apn"], response.final)
        )
    address = await _until(modem, True, _UP_MS)
    if not address:
        raise ModemError("network: no context for APN %s (AT+CNACT?)" % config["apn"])
    return address


async def _until(modem, up, timeout_ms):
    """Wait until there is an address, or none; returns it. A refusal ends the wait."""
    end = modem.now() + timeout_ms
    pause_ms = _POLL_MS
    while True:
        await asyncio.sleep_ms(pause_ms)
        address = await _address(modem)
        if bool(address) == up or modem.now() >= end or up and modem.context_lost:
            return address
        pause_ms = min(pause_ms * 2, 2000)


async def _address(modem):
    """The address of the first context, "" while it has none.

    `+CNACT: 1,"10.1.2.3"`, or with an index before the state; SIM7080 has a line for each of four.
    """
    response = await modem.channel.command("AT+CNACT?")
    fields = (response.value("+CNACT:") or "").split(",")
    address = fields[-1].strip(' "')
    active = len(fields) > 1 and fields[-2].strip() == "1"
    return address if active and address != "0.0.0.0" and address.count(".") == 3 else ""
