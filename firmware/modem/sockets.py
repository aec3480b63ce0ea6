"""UDP sockets of the CIP* commands opened, found open and closed.

Loaded only when a socket has to be opened or closed.
"""

from micropython import const

from .at import ModemError
from .ladder import opened

_RESULTS = "%d,CONNECT OK/%d,CONNECT FAIL/%d,ALREADY CONNECT/+PDP: DEACT/OK"
_START_MS = const(76_000)
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
    start = 'AT+CIPSTART=%d,"UDP","%s",%d' % (n, peer[0], peer[1])
    results = (_RESULTS % (n, n, n)).split("/")
    for fresh in (False, True):
        # OK comes at once and is not the end; the result may take the time of a name's lookup.
        response = await modem.channel.command(start, _START_MS, results)
        if response.ok:
            return opened(link, n, peer)
        # ALREADY CONNECT comes behind an ERROR, and may be true: what does the modem say?
        if response.final == "ERROR" and (await context_state(modem))[1].get(n) == peer:
            return opened(link, n, peer)
        if fresh or response.final == "TIMEOUT":
            break
        await close(link, n)
    await close(link, n)  # a late result is nobody's
    raise ModemError("modem: no socket to %s:%d (%s)" % (peer[0], peer[1], response.final))


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
