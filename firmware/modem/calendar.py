"""Civil dates as the modem and the SMS centre write them, turned into epoch seconds."""


def epoch_seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Seconds from 1970-01-01 00:00:00 UTC to a UTC date of the Gregorian calendar.

    The interpreter's own mktime is not used because its epoch differs between ports.
    """
    if month < 3:
        year -= 1
        month += 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
    return ((days - 719469) * 24 + hour) * 3600 + minute * 60 + second


def network_time(text: str) -> int:
    """Epoch seconds of a `+CCLK:` value `yy/MM/dd,hh:mm:ss±zz` (zz in quarters of an hour).

    Returns 0 for anything that is not such a time, and for a year before 2024: an unset clock
    reads 04/01/01 on SIM800 and 80/01/06 on SIM7000.
    """
    text = text.strip().strip('"')
    try:
        year = 2000 + int(text[0:2])
        month = int(text[3:5])
        day = int(text[6:8])
        hour = int(text[9:11])
        minute = int(text[12:14])
        second = int(text[15:17])
        quarters = int(text[17:] or "0")
    except ValueError:
        return 0
    if not 2024 <= year < 2080 or not 1 <= month <= 12 or not 1 <= day <= 31:
        return 0
    if hour > 23 or minute > 59 or second > 60 or abs(quarters) > 79:
        return 0
    return epoch_seconds(year, month, day, hour, minute, second) - quarters * 900
