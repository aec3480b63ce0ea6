"""Datagrams sent as 8-bit short messages; loaded only while one is sent."""

from micropython import const

from .concat import split
from .pdu import PduError
from .pdu import submit as encode

_SEND_MS = const(62_000)


async def submit(link, data: bytes, peer: str) -> None:
    """Send data to the digits in peer, in several parts when it is longer than one message.

    Raises ModemReset; what the network refuses twice is dropped and counted.
    """
    modem = link.modem
    link.reference = link.reference + 1 & 255
    for header, chunk in split(data, link.reference, modem.config.get("sms_ports")):
        try:
            text, length = encode(peer, chunk, 0, header, link.types.get(peer, 0))
        except PduError as error:
            link.drop("number", str(error))
            return
        again = True
        while True:
            response = await modem.channel.command(
                "AT+CMGS=%d" % length, _SEND_MS, payload=text.encode() + b"\x1a"
            )
            # After a time-out it may have gone out, so only a refusal is tried again.
            if response.ok or response.final == "TIMEOUT" or not again:
                break
            again = False
        if not response.ok:
            link.drop("unsent", response.final)
            return
    modem.event("sms_sent", {"to": peer, "bytes": len(data)})
