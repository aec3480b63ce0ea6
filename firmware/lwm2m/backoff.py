"""How long to wait after failures in a row. Imported on use."""

from micropython import const

_DAY_S = const(86_400)


def backoff_ms(client, failures: int, first_s: int = 60, least_s: int = 0) -> int:
    """Return first_s, doubled with each failure behind the first, but at least least_s.

    The doubling ends at a day, or at first_s where that is longer. A random 0 to 25 % is added, so
    that clients which failed together do not try again together.
    """
    delay_s = min(first_s << min(failures - 1, 16), max(first_s, _DAY_S))
    delay = max(delay_s, least_s) * 1000
    return delay + (delay >> 10) * client.random_bits(8)
