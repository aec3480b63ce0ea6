"""What waits on a connection of the CA* commands is read; loaded only for that.

    AT+CASTATE?        +CASTATE: 0,1: is it still open? SIM7000 crashes when AT+CARECV? finds none
    AT+CARECV?         +CARECV: 0,12: so many octets wait
    AT+CARECV=0,12     +CARECV: 12,<octets>; SIM7000 freezes when more is asked for than waits

Whether several datagrams that wait come one by one is not documented. Each is read as soon as it
is told of; those that waited together in a modem that keeps no borders arrive as one.
"""

from micropython import const

_READ_MS = const(5000)
_READ_MAX = const(1460)
_READS = const(16)
_SHORTEST = const(4)  # octets of a CoAP message: a smaller number is that of a connection


async def read(link, n: int) -> None:
    """Hand on what waits on socket n of a UdpLink. Raises ModemReset."""
    modem = link.modem
    channel = modem.channel
    if modem.asleep and not await modem.resume():
        return
    for _ in range(_READS):
        if link.generation != modem.generation or not any(link.peers[n : n + 1]):
            return
        state = await _ask(channel, "CASTATE", n)
        if state == 0 or state < 0 and not modem.pdp:  # SIM7080 may have no word for it
            return
        waiting = await _ask(channel, "CARECV", n)
        if waiting <= 0:
            return
        wanted = min(waiting, _READ_MAX)

        def counted(start, wanted=wanted):
            return _counted(link, n, wanted, start)

        channel.counted = counted
        try:
            await channel.command("AT+CARECV=%d,%d" % (n, wanted), _READ_MS)
        finally:
            channel.counted = None


async def _ask(channel, name, n):
    """The number that AT+name? tells of connection n, -1 without one."""
    response = await channel.command("AT+%s?" % name)
    return _number(response.value("+%s: %d," % (name, n)) or "") if response.ok else -1


def _counted(link, n, wanted, start):
    """`+CARECV: [address,port,]length,` and then the octets, on the same line.

    Manuals of SIM7000 have `n,[address,port,]length` and the octets on a line of their own.
    """
    if start[:8] != b"+CARECV:":
        return None
    fields = start[8:].split(b",", 3)
    at = 2 if b"." in fields[0] else 0
    if len(fields) < at + 2:
        return None
    head = 9 + len(b",".join(fields[: at + 1]))
    if _number(fields[0]) == n < _SHORTEST:
        head = start.find(b"\n") + 1
        if not head:
            return None
        fields = start[8:head].split(b",")[1:]
        at = len(fields) - 1
    length = _number(fields[at])
    source = b":".join([field.strip(b' "') for field in fields[:at]]).decode() or None
    return head, (length if length <= wanted else -1, lambda data: link.received(n, source, data))


def _number(text):
    text = text.strip()
    return int(text) if text.isdigit() else -1
