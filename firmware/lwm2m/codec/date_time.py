"""A date and time as text (RFC 3339), which CBOR marks with tag 0; imported on use."""

from micropython import const

from lwm2m.codec import CodecError, is_digits

_LONGEST = const(40)
_DAYS = b"\x1f\x1d\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"


def seconds_of(text) -> int:
    """Return `2023-11-14T22:13:20Z`, or `23:13:20.5+01:00` of that day, as seconds since 1970.

    A fraction is left out. Raises CodecError for what is no date and time.
    """
    if not isinstance(text, str) or not 20 <= len(text) <= _LONGEST:
        raise CodecError("not a date and time")
    year, month, day = _numbers(text[:10], "-", (9999, 12, 31))
    hour, minute, second = _numbers(text[11:19], ":", (23, 59, 60))
    zone = text[19:]
    if zone[0] == ".":
        zone = zone[1:].lstrip("0123456789")
        if text[20:21] in ("", zone[:1]):
            raise CodecError("not a date and time")
    if zone[:1] in ("+", "-"):
        hours, minutes = _numbers(zone[1:], ":", (23, 59))
        offset = hours * 60 + minutes
        if zone[0] == "-":
            offset = -offset
    elif zone in ("Z", "z"):
        offset = 0
    else:
        raise CodecError("not a date and time")
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = _DAYS[month - 1] if month else 0
    if text[10] not in "Tt" or not 0 < day <= last or (month == 2 and day == 29 and not leap):
        raise CodecError("not a date and time")
    # Years that begin in March have the leap day at their end.
    if month < 3:
        year -= 1
    days = 365 * year + year // 4 - year // 100 + year // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    return ((days * 24 + hour) * 60 + minute - offset) * 60 + second


def _numbers(text: str, between: str, most: tuple) -> list:
    numbers = []
    for part in text.split(between):
        size = 4 if between == "-" and not numbers else 2
        if len(numbers) == len(most) or len(part) != size or not is_digits(part):
            raise CodecError("not a date and time")
        if int(part) > most[len(numbers)]:
            raise CodecError("not a date and time")
        numbers.append(int(part))
    if len(numbers) != len(most):
        raise CodecError("not a date and time")
    return numbers
