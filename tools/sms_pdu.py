"""SMS-SUBMIT PDUs for 8-bit data, as AT+CMGS takes them in PDU mode (TS 23.040 §9.2.2.2)."""

_SUBMIT_RELATIVE_VALIDITY = 0x11
_USER_DATA_HEADER = 0x40
_INTERNATIONAL, _UNKNOWN = 0x91, 0x81
_ONE_DAY = 0xA7  # TS 23.040 §9.2.3.12.1: 12 h + (167 − 143) × 30 min.
_MAX_USER_DATA = 140


def semi_octets(digits: str) -> bytes:
    """Pack digits in pairs, the first in the low half, filled up with F (TS 23.040 §9.1.2.3)."""
    padded = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2)))


def submit(
    number: str,
    user_data: bytes,
    *,
    dcs: int = 0x04,
    udh: bytes = b"",
    reference: int = 0,
) -> tuple[str, int]:
    """Build one SMS-SUBMIT, valid for a day, with the service centre that the SIM knows.

    number: digits, with a leading "+" for the international form. udh: with its length octet, or
    b"". Returns (the PDU in hexadecimal, the length to give to AT+CMGS in octets). Raises
    ValueError for a number that is none, or more than 140 octets.
    """
    international = number.startswith("+")
    digits = number[1:] if international else number
    if not (digits.isascii() and digits.isdigit() and 3 <= len(digits) <= 20):
        raise ValueError("number %r is not 3 to 20 digits, with or without a leading +" % number)
    length = len(udh) + len(user_data)
    if length > _MAX_USER_DATA:
        raise ValueError("%d octets do not fit one SMS of %d" % (length, _MAX_USER_DATA))
    first = _SUBMIT_RELATIVE_VALIDITY | (_USER_DATA_HEADER if udh else 0)
    tpdu = bytes((first, reference, len(digits), _INTERNATIONAL if international else _UNKNOWN))
    tpdu += semi_octets(digits) + bytes((0, dcs, _ONE_DAY, length)) + udh + user_data
    return "00" + tpdu.hex().upper(), len(tpdu)
