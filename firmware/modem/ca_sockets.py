"""UDP sockets of the CA* commands, opened; loaded only for that."""

from micropython import const

from .at import ModemError
from .ladder import opened

_LIMIT = const(3)  # <result>: no more connections
_OPEN_MS = const(80_000)  # it fails after 75 s


async def open_socket(ca, peer: tuple) -> int:
    """Connect a socket of a CaSockets to peer (host, port); returns its number.

    Raises ModemError. SIM7080 has all in AT+CAOPEN; SIM7000 numbers and configures before it.
    """
    link = ca.link
    modem = link.modem
    if None in link.peers:
        n = link.peers.index(None)
    else:
        n = len(link.peers) - 1
        await link.shut(n)
    port = modem.config.get("local_port")
    if port:
        # Of SIM7000 the older have it in CASSLCFG, and both manuals in CACFG.
        text = 'AT+CACFG="LOCALPORT",%d,%d' if modem.pdp else 'AT+CASSLCFG=%d,"localport",%d'
    else:
        text = ""
    opening = 'AT+CAOPEN=%d,%s"%s",%d' % (n, modem.pdp and modem.pdp + '"UDP",', peer[0], peer[1])
    if modem.pdp and modem.config.get("udp_push"):
        opening += ",1"
    code = outcome = None
    for _ in range(2):
        there = True
        if not modem.pdp:
            there = (await modem.ask("AT+CACID=%d" % n)).ok
            for name, value in (("ssl", 0), ("protocol", 1)):
                await modem.ask('AT+CASSLCFG=%d,"%s",%d' % (n, name, value))
        if text:
            await modem.ask(text % (n, port + n))
        ca.result = None
        response = await modem.channel.command(opening, _OPEN_MS)
        # The result stands before the OK, or behind it (AT+CACFG="ASYNCOPEN").
        code = await ca.outcome(n, _OPEN_MS if response.ok else 0)
        if code == 0:
            break
        if n and (code == _LIMIT or not there):
            # How many there may be is not documented: it is found so.
            modem.sockets = n
            del link.peers[n:]
            return await link.open(peer)
        outcome = response.final if code is None else "result %d" % code
        await link.shut(n)  # it may be one that the modem has still open
        if code is not None:
            break
    if code != 0:
        raise ModemError("modem: no socket to %s:%d (%s)" % (peer[0], peer[1], outcome))
    return opened(link, n, peer)
