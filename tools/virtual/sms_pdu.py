"""SMS PDUs from the network's side: builds SMS-DELIVER, reads SMS-SUBMIT (3GPP TS 23.040 §9.2).

Written apart from the firmware's own module, so that each checks the other.
"""

_INTERNATIONAL = 0x91
_UNKNOWN = 0x81
_ALPHANUMERIC = 0xD0
_UDHI = 0x40
_NO_MORE_MESSAGES = 0x04
USER_DATA_MAX = 140  # octets of TP-UD in one message


class PduError(Exception):
    """The bytes are not the PDU that was expected."""


def civil(epoch_s: int) -> tuple:
    """Return (year, month, day, hour, minute, second), UTC, of a Unix time."""
    days, rest = divmod(epoch_s, 86400)
    shifted = days + 719468  # days since 0000-03-01
    era, day_of_era = divmod(shifted, 146097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    index = (5 * day_of_year + 2) // 153
    month = index + 3 if index < 10 else index - 9
    year += era * 400 + (month <= 2)
    day = day_of_year - (153 * index + 2) // 5 + 1
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60


def digits(number: str) -> str:
    """Return only the digits of a telephone number."""
    return "".join([c for c in number if "0" <= c <= "9"])


def ports(destination: int, source: int) -> bytes:
    """Return a user data header with 16-bit application ports (TS 23.040 §9.2.3.24.4)."""
    return bytes((6, 5, 4, destination >> 8, destination & 255, source >> 8, source & 255))


def _semi_octets(text: str) -> bytes:
    padded = text + "F" if len(text) & 1 else text
    return bytes([int(padded[i + 1] + padded[i], 16) for i in range(0, len(padded), 2)])


def _pack7(text: bytes) -> bytes:
    """Pack 7-bit characters; ASCII that the GSM alphabet shares keeps its values."""
    packed = bytearray((len(text) * 7 + 7) // 8)
    for i, character in enumerate(text):
        bit = i * 7
        value = (character & 0x7F) << (bit & 7)
        packed[bit >> 3] |= value & 255
        if value > 255:
            packed[(bit >> 3) + 1] |= value >> 8
    return bytes(packed)


def _address(number: str) -> bytes:
    if number and not number.lstrip("+").isdigit():
        packed = _pack7(number.encode())
        return bytes(((len(number) * 7 + 3) // 4, _ALPHANUMERIC)) + packed
    plain = digits(number)
    kind = _INTERNATIONAL if number.startswith("+") else _UNKNOWN
    return bytes((len(plain), kind)) + _semi_octets(plain)


def timestamp(epoch_s: int, zone_quarters: int = 0) -> bytes:
    """Return TP-SCTS, 7 octets: local time and its zone in quarters of an hour (§9.2.3.11)."""
    year, month, day, hour, minute, second = civil(epoch_s + zone_quarters * 900)
    octets = bytearray(7)
    zone = abs(zone_quarters)
    for i, value in enumerate((year % 100, month, day, hour, minute, second, zone)):
        octets[i] = value // 10 | value % 10 << 4
    if zone_quarters < 0:
        octets[6] |= 8
    return bytes(octets)


def check_header(udh: bytes) -> None:
    """Raise PduError unless `udh` is a whole user data header, length octet first."""
    if not udh:
        return
    index = 1
    if udh[0] != len(udh) - 1:
        raise PduError("user data header: the first octet must be the length of the rest")
    while index + 1 < len(udh):
        index += 2 + udh[index + 1]
    if index != len(udh):
        raise PduError("user data header: an information element does not end inside it")


def is_seven_bit(dcs: int) -> bool:
    """Whether a data coding scheme means the GSM 7-bit alphabet (TS 23.038 §4)."""
    return dcs & 0xCC == 0x00 or dcs & 0xF4 == 0xF0 or dcs & 0xE0 == 0xC0


def message_class(dcs: int) -> "int | None":
    """Return the class that a data coding scheme gives, or None (TS 23.038 §4)."""
    if dcs & 0xD0 == 0x10 or dcs & 0xF0 == 0xF0:
        return dcs & 3
    return None


def deliver(sender, user_data, dcs, udh, pid, scts, smsc, more=False) -> bytes:
    """Return one SMS-DELIVER PDU as AT+CMGR shows it, the SMSC part first.

    `sender` and `smsc` are numbers ("+4790000000", "2345") or, for the sender, a name; `udh` is a
    whole user data header or b""; `scts` 7 octets.  7-bit data is given as ASCII.  Raises PduError
    where header and data do not fit one message.
    """
    check_header(udh)
    if is_seven_bit(dcs):
        if udh or len(user_data) > 160:
            raise PduError("7-bit text: at most 160 characters and no header")
        length, content = len(user_data), _pack7(user_data)
    else:
        content = udh + user_data
        length = len(content)
        if length > USER_DATA_MAX:
            raise PduError(f"user data of {length} octets, at most 140")
    first = (0 if more else _NO_MORE_MESSAGES) | (_UDHI if udh else 0)
    centre = _address(smsc)[1:] if smsc else b""
    return b"".join(
        (
            bytes((len(centre),)),
            centre,
            bytes((first,)),
            _address(sender),
            bytes((pid, dcs)),
            scts,
            bytes((length,)),
            content,
        )
    )


def split(user_data: bytes, dcs: int, udh: bytes, reference: int) -> list:
    """Return [(udh, user_data)], concatenated by an 8-bit reference where one is too little."""
    check_header(udh)
    limit = 160 if is_seven_bit(dcs) else USER_DATA_MAX
    if len(udh) + len(user_data) <= limit:
        return [(udh, user_data)]
    if is_seven_bit(dcs):
        raise PduError("long 7-bit text is not built here")
    elements = udh[1:]
    room = USER_DATA_MAX - 6 - len(elements)
    total = (len(user_data) + room - 1) // room
    if room <= 0 or total > 255:
        raise PduError(f"user data of {len(user_data)} octets needs too many parts")
    parts = []
    for number in range(total):
        concatenation = bytes((len(elements) + 5, 0, 3, reference & 255, total, number + 1))
        parts.append((concatenation + elements, user_data[number * room : (number + 1) * room]))
    return parts


def _unpack7(data: bytes, count: int) -> bytes:
    text = bytearray(count)
    for i in range(count):
        bit = i * 7
        pair = data[bit >> 3] | (data[(bit >> 3) + 1] << 8 if (bit >> 3) + 1 < len(data) else 0)
        text[i] = pair >> (bit & 7) & 0x7F
    return bytes(text)


def parse_submit(tpdu: bytes) -> dict:
    """Read an SMS-SUBMIT (without its SMSC part).

    Returns {to, reference, pid, dcs, udh, user_data, validity}; `to` keeps a + for an
    international number, 7-bit data comes out as ASCII, `validity` is the raw TP-VP.  Raises
    PduError.
    """
    try:
        first = tpdu[0]
        if first & 3 != 1:
            raise PduError("not an SMS-SUBMIT")
        length = tpdu[2]
        end = 4 + (length + 1) // 2
        pairs = [f"{octet & 15:X}{octet >> 4:X}" for octet in tpdu[4:end]]
        number = "".join(pairs)[:length]
        if not length or digits(number) != number:
            raise PduError("destination address")
        if tpdu[3] & 0x70 == 0x10:
            number = "+" + number
        pid, dcs = tpdu[end], tpdu[end + 1]
        index = end + 2
        validity_length = (0, 7, 1, 7)[first >> 3 & 3]
        validity = bytes(tpdu[index : index + validity_length])
        index += validity_length
        length = tpdu[index]
        data = bytes(tpdu[index + 1 :])
        seven = is_seven_bit(dcs)
        if len(data) != ((length * 7 + 7) // 8 if seven else length):
            raise PduError("user data length")
        udh = b""
        if first & _UDHI:
            udh = data[: data[0] + 1]
            check_header(udh)
            data = data[data[0] + 1 :] if not seven else data
        elif seven:
            data = _unpack7(data, length)
    except IndexError:
        raise PduError("cut short")
    return {
        "to": number,
        "reference": tpdu[1],
        "pid": pid,
        "dcs": dcs,
        "udh": udh,
        "user_data": data,
        "validity": validity,
    }
