"""From wherever a modem is to `ready` or `attached`, and the upper rungs of its recovery.

Loaded only for that; boot.py and attach.py, which do the work, one at a time.
"""

import asyncio

from micropython import const

from . import release
from .at import ModemError, ModemReset

_OFF = const(0)
_READY = const(1)

_STARTS = const(3)
_TRIES = const(3)
_RETRY_MS = const(300)
_ATTACH_S = const(240)  # beyond the wait for the network: packet service, three contexts


async def bring_up(modem, goal: int) -> None:
    """What `SimCom.up` says, within three starts of the modem and as many attaches."""
    for _ in range(_STARTS):
        try:
            started = modem.state == _OFF
            if started:
                await step(modem, "start")
            if modem.state < goal:
                await _attach(modem, started)
            return
        except ModemReset:
            continue
    raise ModemError("modem: keeps restarting; check its supply")


async def _attach(modem, started):
    from .attach import attach, patience_s

    try:
        await asyncio.wait_for_ms(attach(modem, started), (patience_s(modem) + _ATTACH_S) * 1000)
    except asyncio.TimeoutError:
        raise ModemError("network: attaching takes too long")
    finally:
        release("attach", "ca_context")


async def step(modem, name: str) -> None:
    """Do one of boot.py: "start", "power_off", "radio_cycle" or "power_cycle"."""
    from . import boot

    try:
        await getattr(boot, name)(modem)
    finally:
        release("boot")


async def must(modem, text: str) -> None:
    """Send a command that must succeed, three times at most; raises ModemError."""
    for _ in range(_TRIES - 1):
        if (await modem.channel.command(text)).ok:
            return
        await asyncio.sleep_ms(_RETRY_MS)
    response = await modem.channel.command(text)
    if not response.ok:
        raise ModemError("modem: %s answered %s" % (text.split("=", 1)[0], response.final))


async def recover(modem, rung: int) -> None:
    """Count a rung of the ladder and climb it: 2 PDP cycle, 3 radio cycle, 4 power cycle; `up`
    then does the rest.

    Rungs 0 and 1, sending again and opening the socket again, belong to the link.
    """
    modem.recoveries[rung] += 1
    modem.event("recovering", {"rung": rung})
    if rung == 2:
        modem.shut(_READY)
    elif rung > 2:
        async with modem.lock:
            await step(modem, "radio_cycle" if rung == 3 else "power_cycle")
