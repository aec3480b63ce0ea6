"""The Registration Update Trigger by SMS (CR 6.1; TS Transport §6.6; TS Core 1.1 Appendix L).

An Execute on the update trigger of the client's Server object, as CoAP in an 8-bit SMS: bare, or
as a WAP Push to port 2948 with the application id 0x9A (x-wap-application:lwm2m.dm).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from . import versions, wire

DCS_8_BIT = 0x04
DCS_8_BIT_CLASS_1 = 0xF5

# UDHL 6; IE 0x05: 16-bit ports, destination 2948 (WAP Push), source 49154.
WAP_UDH = bytes.fromhex("0605040B84C002")
# WSP: transaction id, Push, 3 octets of headers: content type 0x44 and application id 0x9A.
WSP_PUSH = bytes.fromhex("010603C4AF9A")

FORMS = ("bare", "wap")

_PART = 134  # Octets of 8-bit user data beside a concatenation header (TS 23.040 §9.2.3.24.1).
_WHOLE = 140


@dataclass
class TriggerSms:
    """What one trigger SMS carries.

    number: digits. coap: the CoAP message. user_data: what follows the user data header.
    udh: the header with its length octet, b"" for none. dcs: TP-DCS.
    """

    number: str
    coap: bytes
    user_data: bytes
    dcs: int
    udh: bytes


def build_message(
    version: str = "1.1",
    *,
    instance: int = 0,
    confirmable: bool = False,
    root: str = "",
    argument: str = "",
    token: bytes = b"",
    message_id: int = 1,
):
    """Build the Execute on /1/{instance}/8, or /1/{instance}/11 for the draft.

    argument: Execute argument, such as "0=U" to name a transport (1.1). Returns an aiocoap
    Message. Raises ValueError for an unknown version or an instance out of range.
    """
    resource = versions.get(version).update_trigger
    if not 0 <= instance <= 65534:
        raise ValueError("instance %d is not 0 to 65534" % instance)
    path = tuple(s for s in root.split("/") if s) + ("1", str(instance), str(resource))
    return wire.message(
        wire.POST,
        type=wire.CON if confirmable else wire.NON,
        message_id=message_id,
        token=token,
        path=path,
        payload=argument.encode(),
    )


def wrap(number: str, coap: bytes, form: str = "bare", dcs: int | None = None) -> TriggerSms:
    """Put a CoAP message into an SMS.

    dcs: 0x04 unless given, 0xF5 for "wap", as seen in the field. Raises ValueError for another
    form, or a DCS that is not 8-bit (TS 23.038 §4).
    """
    if form not in FORMS:
        raise ValueError("form %r is not one of %s" % (form, ", ".join(FORMS)))
    if dcs is None:
        dcs = DCS_8_BIT_CLASS_1 if form == "wap" else DCS_8_BIT
    if dcs & 0xEC != 0x04 and dcs & 0xF4 != 0xF4:
        raise ValueError("DCS 0x%02X is not 8-bit data: 0x04 or 0xF5" % dcs)
    if form == "wap":
        return TriggerSms(number, coap, WSP_PUSH + coap, dcs, WAP_UDH)
    return TriggerSms(number, coap, coap, dcs, b"")


def parts(user_data: bytes, udh: bytes, reference: int) -> Sequence[tuple[bytes, bytes]]:
    """Split user data that does not fit one SMS into (user_data, udh) of concatenated ones
    (TS 23.040 §9.2.3.24.1: IE 0x00 with an 8-bit reference). At most 255 parts: ValueError."""
    if len(user_data) + len(udh) <= _WHOLE:
        return [(user_data, udh)]
    room = _PART - (len(udh) - 1 if udh else 0)
    count = -(-len(user_data) // room)
    if count > 255:
        raise ValueError("%d octets do not fit 255 messages" % len(user_data))
    split = []
    for index in range(count):
        elements = bytes((0, 3, reference & 0xFF, count, index + 1)) + udh[1:]
        header = bytes((len(elements),)) + elements
        split.append((user_data[index * room : (index + 1) * room], header))
    return split
