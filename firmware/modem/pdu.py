"""SMS transfer protocol data units (TS 23.040 §9.2) between hexadecimal lines and their fields.

Pure functions. A malformed or truncated PDU raises PduError and nothing else.
"""

import binascii

from micropython import const

from .calendar import epoch_seconds

DELIVER = const(0)
SUBMIT = const(1)
STATUS_REPORT = const(2)

_UDHI = const(0x40)
_INTERNATIONAL = const(0x91)
_UNKNOWN = const(0x81)
_MAX_USER_DATA = const(140)


class PduError(Exception):
    """The octets are not the PDU that they claim to be; the message names what is wrong."""


class Pdu:
    """One decoded PDU.

    kind: DELIVER, SUBMIT or STATUS_REPORT. number: digits of the other party, None when it is
    alphanumeric or not a telephone number. address_type: its type-of-address octet. pid, dcs: the
    octets. alphabet: 7, 8 or 16 bits a character. epoch_s: SMS centre time stamp in UTC, None when
    absent or not a date. reference: TP-MR. status: TP-ST. ports: (destination, source) or None.
    part: (is_16_bit_reference, reference, total, sequence) or None. data: the user data without
    its header; packed septets as received when the alphabet is 7.
    """

    def __init__(self):
        self.kind = DELIVER
        self.number = None
        self.address_type = 0
        self.pid = 0
        self.dcs = 0
        self.alphabet = 7
        self.epoch_s = None
        self.reference = 0
        self.status = 0
        self.ports = None
        self.part = None
        self.data = b""


def alphabet(dcs: int) -> int:
    """Bits a character that TP-DCS stands for: 7, 8, 16; 0 for compressed (TS 23.038 §4)."""
    group = dcs >> 4
    if group < 8:  # 00xx general data coding; 01xx the same, marked for automatic deletion
        if dcs & 0x20:
            return 0
        return (7, 8, 16, 7)[dcs >> 2 & 3]
    if group == 15:
        return 8 if dcs & 4 else 7
    return 16 if group == 14 else 7  # 1110 message waiting in UCS2; reserved groups read as 7 bit


def _address(raw, at):
    """(digits or None, type of address, next offset) of an address field, TS 23.040 §9.1.2.5."""
    count = raw[at]
    kind = raw[at + 1]
    end = at + 2 + (count + 1) // 2
    if count > 20 or end > len(raw):
        raise PduError("address of %d semi-octets" % count)
    digits = ""
    for i in range(count):
        nibble = raw[at + 2 + i // 2] >> (i & 1) * 4 & 15
        if nibble > 9:
            digits = ""
            break
        digits += chr(48 + nibble)
    if kind >> 4 & 7 == 5 or not kind & 0x80:  # alphanumeric never stands for a number
        digits = ""
    return digits or None, kind, end


def _swapped(octet):
    return (octet & 15) * 10 + (octet >> 4)


def time_stamp(octets) -> int | None:
    """Epoch seconds UTC of a seven-octet service centre time stamp, None when it is not a date.

    TS 23.040 §9.2.3.11: swapped semi-octets in local time; the last octet is the zone in quarters
    of an hour, with bit 3 as its sign.
    """
    for i in range(7):
        if octets[i] >> 4 > 9 or octets[i] & (7 if i == 6 else 15) > 9:
            return None
    year, month, day, hour, minute, second = [_swapped(octets[i]) for i in range(6)]
    if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23 or minute > 59 or second > 59:
        return None
    quarters = _swapped(octets[6] & 0xF7)
    if octets[6] & 8:
        quarters = -quarters
    return epoch_seconds(2000 + year, month, day, hour, minute, second) - quarters * 900


def _user_data(pdu, raw, at, has_header):
    """TP-UDL and TP-UD with its header, TS 23.040 §9.2.3.16 and §9.2.3.24."""
    length = raw[at]
    if pdu.alphabet == 7:
        length = (length * 7 + 7) // 8
    data = raw[at + 1 : at + 1 + length]
    if len(data) < length or length > _MAX_USER_DATA:
        raise PduError("user data of %d octets, %d present" % (length, len(data)))
    if has_header:
        end = 1 + data[0]
        if end > length:
            raise PduError("user data header of %d octets" % data[0])
        i = 1
        while i < end:
            kind = data[i]
            size = data[i + 1]
            i += 2
            if i + size > end:
                raise PduError("information element %d too long" % kind)
            if kind == 0 and size == 3:
                pdu.part = (False, data[i], data[i + 1], data[i + 2])
            elif kind == 8 and size == 4:
                pdu.part = (True, data[i] << 8 | data[i + 1], data[i + 2], data[i + 3])
            elif kind == 4 and size == 2:
                pdu.ports = (data[i], data[i + 1])
            elif kind == 5 and size == 4:
                pdu.ports = (data[i] << 8 | data[i + 1], data[i + 2] << 8 | data[i + 3])
            i += size
        data = data[end:]
    pdu.data = data


def _decode(pdu, raw, tpdu_length):
    at = 1 + raw[0]
    if tpdu_length is not None and len(raw) - at != tpdu_length:
        raise PduError("%d octets for a length of %d" % (len(raw) - at, tpdu_length))
    first = raw[at]
    kind = first & 3
    if kind == 3:
        raise PduError("reserved message type")
    pdu.kind = kind
    at += 1
    if kind != DELIVER:
        pdu.reference = raw[at]
        at += 1
    pdu.number, pdu.address_type, at = _address(raw, at)
    if kind == STATUS_REPORT:
        pdu.status = raw[at + 14]
        pdu.epoch_s = time_stamp(raw[at : at + 7])
        return
    pdu.pid = raw[at]
    pdu.dcs = raw[at + 1]
    pdu.alphabet = alphabet(pdu.dcs)
    at += 2
    if kind == DELIVER:
        if at + 7 >= len(raw):
            raise PduError("truncated")
        pdu.epoch_s = time_stamp(raw[at : at + 7])
        at += 7
    else:
        at += (0, 7, 1, 7)[first >> 3 & 3]
    _user_data(pdu, raw, at, first & _UDHI)


def decode(raw: bytes, tpdu_length: int | None = None) -> Pdu:
    """Decode an SMS-DELIVER, SMS-SUBMIT or SMS-STATUS-REPORT, TS 23.040 §9.2.2.1 to §9.2.2.3.

    raw: the octets of the line after `+CMT:`, `+CMGR:`, `+CMGL:` or `+CDS:`, SMS centre part
    first. tpdu_length: the length in that line, in octets without the SMS centre part. Raises
    PduError for anything else than a whole PDU.
    """
    pdu = Pdu()
    try:
        _decode(pdu, raw, tpdu_length)
    except IndexError:
        raise PduError("truncated")
    return pdu


def from_hex(line: str) -> bytes:
    """The octets of a line of hexadecimal digits; raises PduError."""
    try:
        return binascii.unhexlify(line)
    except ValueError:
        raise PduError("not hexadecimal")


def submit(
    number: str, data: bytes, reference: int = 0, header: bytes = b"", address_type: int = 0
) -> tuple:
    """Encode an 8-bit SMS-SUBMIT with a relative validity of 24 hours, TS 23.040 §9.2.2.2.

    number: digits, with a leading `+` when international. address_type: type-of-address octet that
    overrides what the `+` says. header: information elements without the header length
    (§9.2.3.24). Returns (upper-case hexadecimal text with an empty SMS centre part, TPDU octets
    for `AT+CMGS=`). Raises PduError when the number or the data cannot be sent in one message.
    """
    digits = number[1:] if number[:1] == "+" else number
    if not digits.isdigit() or len(digits) > 20:
        raise PduError("number %s" % number)
    out = bytearray(b"\x00\x51\x00" if header else b"\x00\x11\x00")
    out[2] = reference & 255
    out.append(len(digits))
    out.append(address_type or (_INTERNATIONAL if digits is not number else _UNKNOWN))
    padded = digits + "F" if len(digits) & 1 else digits
    for i in range(0, len(padded), 2):
        out.append(int(padded[i + 1] + padded[i], 16))
    out.extend(b"\x00\x04\xa7")
    if header:
        data = bytes((len(header),)) + header + data
    if len(data) > _MAX_USER_DATA:
        raise PduError("user data of %d octets" % len(data))
    out.append(len(data))
    out.extend(data)
    return binascii.hexlify(bytes(out)).decode().upper(), len(out) - 1
