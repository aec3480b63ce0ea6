"""CoAP over SMS for the server: datagrams to a pluggable sender and back from its numbers.

A datagram goes as 8-bit user data, concatenated when it is longer than one message; what comes
in is put together again (TS Transport §6.8; TS 23.040 §9.2.3.24).
"""

import asyncio
from collections.abc import Awaitable, Callable

from . import trigger

# async send_sms(to_number: digits, user_data, dcs, udh: with its length octet or b"")
SmsSender = Callable[[str, bytes, int, bytes], Awaitable[None]]

_MAX_INCOMPLETE = 64
_INCOMPLETE_S = 600


def digits(number: str) -> str:
    """Return the digits of a number: "+44 7700" → "447700"."""
    return "".join(ch for ch in number if ch.isdigit())


def is_8_bit(dcs: int) -> bool:
    """Tell whether a TP-DCS is 8-bit data, general or class group (TS 23.038 §4)."""
    return dcs & 0xEC == 0x04 or dcs & 0xF4 == 0xF4


class SmsLink:
    """Sends and receives CoAP datagrams by SMS.

    send_sms: the sender, or None. receive(datagram, number): what came in. drop(reason, number,
    length): a message is not used.
    """

    def __init__(self, send_sms: SmsSender | None, receive: Callable, drop: Callable):
        self.send_sms = send_sms
        self._receive = receive
        self._drop = drop
        self._reference = 0
        # (number, reference, parts) → (deadline, {sequence: user data})
        self._incomplete: dict[tuple[str, int, int], tuple[float, dict[int, bytes]]] = {}

    async def send(
        self, number: str, user_data: bytes, dcs: int = trigger.DCS_8_BIT, udh: bytes = b""
    ) -> None:
        """Send user data, in parts when needed. Raises OSError without a sender, and whatever
        the sender raises."""
        if self.send_sms is None:
            raise OSError("no SMS sender is configured")
        self._reference = (self._reference + 1) & 0xFF
        for part, header in trigger.parts(user_data, udh, self._reference):
            await self.send_sms(number, part, dcs, header)

    def on_sms(self, from_number: str, user_data: bytes, dcs: int, udh: bytes) -> None:
        """Take an SMS that came in. Anything but whole 8-bit data is dropped, with a count."""
        number = digits(from_number)
        if not number or not is_8_bit(dcs):
            self._drop("sms_not_8_bit", number, len(user_data))
            return
        concatenation = _concatenation(udh)
        if concatenation is None:
            self._receive(bytes(user_data), number)
            return
        reference, total, sequence = concatenation
        if not 1 <= sequence <= total:
            self._drop("sms_part_number", number, len(user_data))
            return
        now = asyncio.get_running_loop().time()
        self._expire(now)
        key = (number, reference, total)
        _, collected = self._incomplete.setdefault(key, (now + _INCOMPLETE_S, {}))
        collected[sequence] = bytes(user_data)
        if len(collected) == total:
            del self._incomplete[key]
            self._receive(b"".join(collected[n] for n in range(1, total + 1)), number)

    def _expire(self, now: float) -> None:
        for key in list(self._incomplete):
            deadline, collected = self._incomplete[key]
            if deadline < now or len(self._incomplete) >= _MAX_INCOMPLETE:
                del self._incomplete[key]
                length = sum(len(part) for part in collected.values())
                self._drop("sms_incomplete", key[0], length)


def _concatenation(udh: bytes) -> tuple[int, int, int] | None:
    """Return (reference, total, sequence) of a user data header, or None."""
    index = 1
    while index + 1 < len(udh):
        identifier, length = udh[index], udh[index + 1]
        data = udh[index + 2 : index + 2 + length]
        if identifier == 0 and len(data) == 3:
            return data[0], data[1], data[2]
        if identifier == 8 and len(data) == 4:
            # Beyond 255, so that no 16-bit reference is taken for an 8-bit one.
            return 0x100 + (data[0] << 8 | data[1]), data[2], data[3]
        index += 2 + length
    return None
