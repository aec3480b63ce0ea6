"""The ladder that a failed send climbs, whatever the command set of the modem's sockets.

Loaded only when the fast path of udp.py does not do.
"""

from micropython import const

from .at import ModemError

_AGAIN = const(0)  # rungs of the ladder, in the order of SimCom.recover
_SOCKET = const(1)
_CONTEXT = const(2)
_POWER = const(4)

_BACKOFF_MS = const(30_000)
_BACKOFF_MAX_MS = const(900_000)


async def deliver(link, data: bytes, peer: tuple, reason: str | None) -> str:
    """Send one datagram, climbing the ladder as far as it takes.

    link: a UdpLink, of which `open(peer) -> n`, `shut(n)` and `transmit(n, data) -> "" or reason`
    are used. reason: what a first try answered, None without one. Returns "" or what went wrong
    last. Rungs: again, socket anew, PDP cycle, radio cycle, power cycle; each is climbed once, and
    those that would only repeat what failed are left out. At the top, the link refuses further
    datagrams for a time that doubles from 30 s to 15 min.
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
                await modem.recover(rung)
                if rung == _SOCKET and n >= 0:
                    await link.shut(n)
            except ModemError as error:
                reason = str(error)
            rung += 1
        at_least = _POWER
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
                return ""
        except ModemError as error:
            reason = str(error)
            rung = max(rung, at_least)
    link.failures += 1
    link.retry_at = modem.now() + min(_BACKOFF_MS << min(link.failures - 1, 8), _BACKOFF_MAX_MS)
    return reason
