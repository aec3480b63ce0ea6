"""Where the board is, by its modem's GNSS receiver (modem/gnss.py)."""

import asyncio

from micropython import const

_TIMEOUT_S = const(180)  # a cold start under the open sky takes half a minute to two minutes
_PAUSE_MS = const(500)
_PATIENCE_MS = const(120_000)


def locate(node, found, timeout_s: int = _TIMEOUT_S) -> None:
    """Search for a position beside the node, which does not sleep meanwhile.

    found(latitude=…, longitude=…, timestamp=…, …) is called with it, as Location's `fix` takes it
    (lwm2m/objects/location.py). Where there is none within timeout_s the event `no_position` says
    why, and found is not called.
    """
    if _begin(node):
        node.spawn(_tell(node, found, timeout_s))


async def _tell(node, found, timeout_s):
    fix = await _search(node, timeout_s)
    if fix:
        found(**fix)


async def position(node, timeout_s: int = _TIMEOUT_S) -> "dict | None":
    """Search for a position and return it as `locate` gives it, or None where there is none."""
    return await _search(node, timeout_s) if _begin(node) else None


def _begin(node):
    """Keep the node awake from here on; return whether there is something to search with."""
    reason = "no modem"
    if hasattr(node.bearer, "modem"):
        if not node.bearer.locating:
            node.bearer.locating = True
            return True
        reason = "already searching"
    node.log.event("no_position", {"reason": reason})
    return False


async def _search(node, timeout_s):
    from modem import release
    from modem.at import ModemError
    from modem.gnss import search

    bearer = node.bearer
    modem = bearer.modem
    wiring = getattr(node.board, "GNSS", {})
    antenna = [wiring[name] for name in ("on", "off") if name in wiring]
    began = node.clock.now()
    fix = None
    reason = "no fix"
    try:
        if modem.gnss_alone:
            await _quiet(node, began + _PATIENCE_MS)
            began = node.clock.now()
        fix = await search(modem, timeout_s * 1000, antenna)
    except ModemError as error:
        reason = str(error)
    finally:
        bearer.locating = False
        node.stir()
        release("gnss", "calendar")
    facts = {"seconds": (node.clock.now() - began) // 1000}
    if fix:
        facts["latitude"], facts["longitude"] = fix["latitude"], fix["longitude"]
    else:
        facts["reason"] = reason
    node.log.event("position" if fix else "no_position", facts)
    if bearer.off_until:
        await _off(modem)  # which it was before
    elif modem.gnss_alone and not node.connecting:
        node.connect()
    return fix


async def _quiet(node, until):
    """Wait until what is being said has been said, as nothing is heard or sent in the search."""
    while node.clock.now() < until:
        links = node.bearer.links
        if not (node.connecting or node.client.busy(node.clock.now()) or links[0].busy):
            return
        await asyncio.sleep_ms(_PAUSE_MS)


async def _off(modem):
    from modem.at import ModemError

    try:
        await modem.power_off()
    except ModemError as error:
        modem.event("error", {"reason": str(error)})
