"""What a UDP link does seldom: the ladder that a failed send climbs, sockets closed, the backoff.

Loaded only when the fast path of udp.py does not do. It knows no command set: sockets are opened,
closed and sent by with the link's own `open`, `shut` and `transmit`.
"""

from micropython import const

from . import release
from .at import ModemError

_AGAIN = const(0)  # rungs of the ladder, in the order of bringup.recover
_SOCKET = const(1)
_CONTEXT = const(2)
_POWER = const(4)
_OFF = const(0)
_ATTACHED = const(2)

_BACKOFF_MS = const(30_000)
_BACKOFF_MAX_MS = const(900_000)
_UNHEARD = const(10)
_UNHEARD_MAX = const(1 << 20)


async def work(link, data: bytes, peer, reason: str | None) -> None:
    """Do what the fast path left: close the socket to peer (data empty), or send data.

    reason: what a first try to send answered, None without one.
    """
    if not data:
        n = link.find(peer)
        if n >= 0:
            await link.shut(n)
    elif link.modem.now() < link.retry_at:
        link.drop("backoff")
    else:
        if link.unheard >= link.patience:
            await _suspect(link)
        reason = await deliver(link, data, peer, reason)
        if reason:
            link.drop("unsent", reason)


async def _suspect(link):
    """Everything is sent and nothing comes back: a context may be dead without a word.

    Climbs a rung, from the PDP cycle up, after 10, 20, 40 … datagrams; whatever is received begins
    anew.
    """
    rung = _CONTEXT
    while _UNHEARD << (rung - _CONTEXT) < link.patience and rung < _POWER:
        rung += 1
    link.patience = min(link.patience * 2, _UNHEARD_MAX)
    await _climb(link, rung)


async def _climb(link, rung):
    from .bringup import recover

    try:
        await recover(link.modem, rung)
    finally:
        release("bringup")


def opened(link, n: int, peer: tuple) -> int:
    """Note that socket n is connected to peer, and tell so; returns n."""
    link.peers[n] = peer
    again = peer in link.known
    if not again and len(link.known) < link.modem.sockets:
        link.known.append(peer)
    facts = {"socket": n, "host": peer[0], "port": peer[1], "again": again}
    link.modem.event("socket", facts)
    return n


async def deliver(link, data: bytes, peer: tuple, reason: str | None) -> str:
    """Send one datagram, climbing the ladder as far as it takes.

    Returns "" or what went wrong last. Rungs, each climbed once, without those that would only
    repeat what failed:

        0 again         25 s
        1 socket anew   2 min
        2 PDP cycle     the wait for the network (attach.patience_s) and 6 min
        3 radio cycle   the same and 6 min: settings anew
        4 power cycle   the same and 8 min

    At the top, the link refuses further datagrams for a time that doubles from 30 s to 15 min, and
    a modem that could not attach sleeps or is switched off.
    """
    modem = link.modem
    rung = _AGAIN
    n = link.find(peer)
    while True:
        if reason is not None:
            if rung == _AGAIN and reason[2:] != "SEND FAIL":
                rung = _SOCKET
            if rung > _POWER:
                break
            try:
                await _climb(link, rung)
                if rung == _SOCKET and n >= 0:
                    await link.shut(n)
            except ModemError as error:
                reason = str(error)
            rung += 1
        # A network that is away comes not by power cycles: of climbs in vain, each fourth has one.
        at_least = _POWER if link.failures & 3 == 0 else _POWER + 1
        modem.searching = link.failures > 0 and rung <= _POWER
        try:
            await modem.up()
            at_least = _CONTEXT
            n = link.find(peer)
            if n < 0:
                n = await link.open(peer)
            at_least = _AGAIN
            reason = await link.transmit(n, data)
            if not reason:
                link.failures = 0
                link.unheard += 1
                return ""
        except ModemError as error:
            reason = str(error)
            rung = max(rung, at_least)
    link.failures += 1
    pause_ms = min(_BACKOFF_MS << min(link.failures - 1, 8), _BACKOFF_MAX_MS)
    link.retry_at = modem.now() + pause_ms
    if modem.state != _ATTACHED:
        await _rest(modem)
    return reason


async def _rest(modem):
    """Searching in vain is what empties a battery: the modem sleeps, where SMS shall reach it as
    soon as there is a network, or is off.
    """
    if modem.state == _OFF or modem.config.get("idle", "sleep") != "sleep":
        try:
            await modem.power_off()
        except ModemError as error:
            modem.event("drop", {"link": "modem", "reason": "power_off", "detail": str(error)})
    else:
        await modem.sleep()
