"""Datagrams read with AT+CIPRXGET, for firmware that does not frame each one in a +RECEIVE."""

from micropython import const

_FETCHES = const(8)
_LENGTH = const(1024)


def watch(link) -> None:
    """Take over the codes of manual reading for a UdpLink."""

    def waiting(line):
        """`+CIPRXGET: 1,n`: something waits in the modem's buffer."""
        fields = line.split(",")
        if len(fields) < 2 or not fields[1].strip().isdigit():
            return False
        link.add((None, int(fields[1])))
        return None

    def fetched(line):
        """`+CIPRXGET: 2,n,length,left[,address:port]` and then the octets."""
        fields = [field.strip() for field in line.split(",")]
        if len(fields) < 4 or not (fields[1].isdigit() and fields[2].isdigit()):
            link.drop("receive_header", line)
            return None
        link.left = int(fields[3]) if fields[3].isdigit() else 0
        n = int(fields[1])
        count = int(fields[2])
        source = ":".join(fields[4:])
        return (count, lambda data: link.received(n, source, data)) if count else None

    async def fetch(n):
        """Read what waits; two datagrams in the buffer come out as one: no border is told."""
        for _ in range(_FETCHES):
            link.left = 0
            await link.modem.channel.command("AT+CIPRXGET=2,%d,%d" % (n, _LENGTH))
            if not link.left:
                return

    link.left = 0
    link.fetch = fetch
    link.modem.channel.on("+CIPRXGET: 1", waiting)
    link.modem.channel.on("+CIPRXGET: 2,", fetched)
