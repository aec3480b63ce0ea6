"""UDP sockets of the CIP* commands opened, found open and closed.

Loaded only when a socket has to be opened or closed.
"""

import asyncio

from micropython import const

from .at import ModemError
from .ladder import opened

_CONNECT_S = const(76)
_START_MS = const(10_000)
_CLOSE_MS = const(5000)
_STATUS_MS = const(2000)


async def open_socket(link, peer: tuple) -> int:
    """Connect a socket to peer (host, port); returns its number. Raises ModemError."""
    modem = link.modem
    if None in link.peers:
        n = link.peers.index(None)
    else:
        n = modem.sockets - 1
        await link.shut(n)
    port = modem.config.get("local_port")
    if port:
        await modem.ask('AT+CLPORT=%d,"UDP",%d' % (n, port + n))
    fresh = False
    while True:
        link.result = None
        link.result_event.clear()
        response = await modem.channel.command(
            'AT+CIPSTART=%d,"UDP","%s",%d' % (n, peer[0], peer[1]), _START_MS
        )
        # ALREADY CONNECT follows an ERROR; the other results follow an OK, as late as they like.
        outcome = await _outcome(link, n, _CONNECT_S if response.ok else 1)
        if outcome == "ALREADY CONNECT" and (await context_state(modem))[1].get(n) == peer:
            break
        if outcome == "CONNECT OK":
            break
        if outcome != "ALREADY CONNECT" or fresh:
            raise ModemError(
                "modem: no socket to %s:%d (%s)" % (peer[0], peer[1], outcome or response.final)
            )
        fresh = True
        await close(link, n)
    return opened(link, n, peer)


async def _outcome(link, n, seconds):
    generation = link.modem.generation
    for _ in range(seconds):
        try:
            await asyncio.wait_for_ms(link.result_event.wait(), 1000)
        except asyncio.TimeoutError:
            if generation != link.modem.generation:
                raise ModemError("modem: context lost while a socket opened")
            continue
        link.result_event.clear()
        if link.result[0] == n:
            return link.result[1]
    return None


async def close(link, n: int) -> None:
    """Close socket n, whether or not the modem still has it."""
    await link.modem.channel.command("AT+CIPCLOSE=%d,1" % n, _CLOSE_MS, ("%d,CLOSE OK" % n,))


async def context_state(modem) -> tuple:
    """What AT+CIPSTATUS says: (state name, {socket: (host, port)} of those connected).

    `OK` comes first, then `STATE:` and one `C:` line a socket, with nothing to mark the end but
    the last socket's line.
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
