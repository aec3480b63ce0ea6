"""Datagrams sent as 8-bit short messages; loaded only while one is sent."""

import asyncio

from micropython import const

from . import release
from .concat import split
from .pdu import PduError
from .pdu import submit as encode

_SEND_MS = const(62_000)
_PAUSES_MS = (2000, 8000, 0)
_PATIENCE = const(3)
_RADIO = const(3)  # a rung of the ladder

# TS 27.005 §3.2.5, TS 24.011 §8.2.5.4: what would be refused again, number, subscription, PDU, SIM
# and service centre; the rest comes and goes.
_FOR_GOOD = "1 8 21 28 29 30 50 69 302 303 304 305 310 311 312 313 316 317 318 330 513".split()


async def submit(link, data: bytes, peer: str) -> None:
    """Send data to the digits in peer, in several parts when it is longer than one message.

    Raises ModemReset; what the network refuses three times is dropped and counted.
    """
    modem = link.modem
    link.reference = link.reference + 1 & 255
    for header, chunk in split(data, link.reference, modem.config.get("sms_ports")):
        try:
            text, length = encode(peer, chunk, 0, header, link.types.get(peer, 0))
        except PduError as error:
            link.drop("number", str(error))
            return
        final = await _sent(modem, text, length)
        if final != "OK":
            link.drop("unsent", final)
            await _refused(link)
            return
    link.refused = 0
    modem.event("sms_sent", {"to": peer, "bytes": len(data)})


async def _sent(modem, text, length):
    final = ""
    for pause_ms in _PAUSES_MS:
        response = await modem.channel.command(
            "AT+CMGS=%d" % length, _SEND_MS, payload=text.encode() + b"\x1a"
        )
        final = response.final
        number = final[12:].strip()  # of +CMS ERROR:
        # After a time-out it may have gone out.
        if response.ok or final == "TIMEOUT" or number in _FOR_GOOD:
            return final
        await asyncio.sleep_ms(pause_ms)
    return final


async def _refused(link):
    """After each third message in a row that was not sent, the radio is cycled."""
    link.refused += 1
    if link.refused % _PATIENCE:
        return
    from .bringup import recover

    try:
        await recover(link.modem, _RADIO)
    finally:
        release("bringup")
