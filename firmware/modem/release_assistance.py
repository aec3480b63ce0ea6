"""Release assistance on NB-IoT (AT7000 AT+CRAI): the network is told what the last datagram is.

It then ends the connection at once, not after its own seconds of silence. Loaded only where the
configuration wants it.
"""

from micropython import const

_NOTHING_FOLLOWS = const(1)
_ONE_ANSWER = const(2)


def assist(link, answered) -> None:
    """Announce each datagram of a UDP link before it is sent.

    answered(data): whether an answer to that datagram is expected. A modem that refuses is not
    asked again.
    """
    transmit = link.transmit
    modem = link.modem

    async def assisted(n, data):
        if modem.info.get("rat") == "NB-IOT":
            what = _ONE_ANSWER if answered(data) else _NOTHING_FOLLOWS
            if not (await modem.ask("AT+CRAI=%d,0" % what)).ok:
                link.transmit = transmit
        return await transmit(n, data)

    link.transmit = assisted
