"""Network time as the modem gives it."""

from modem.calendar import epoch_seconds, network_time


def test_epoch():
    """TS 27.007 §8.15: civil dates to Unix time, leap years included."""
    assert epoch_seconds(1970, 1, 1, 0, 0, 0) == 0
    assert epoch_seconds(2000, 2, 29, 12, 0, 0) == 951825600
    assert epoch_seconds(2024, 12, 31, 23, 59, 59) == 1735689599
    assert epoch_seconds(2100, 3, 1, 0, 0, 0) == 4107542400


def test_network_time():
    """TS 27.007 (CCLK): local time with its zone; an unset clock is refused."""
    assert network_time('"26/03/09,14:05:59+00"') == epoch_seconds(2026, 3, 9, 14, 5, 59)
    assert network_time('"26/03/09,14:05:59+08"') == epoch_seconds(2026, 3, 9, 12, 5, 59)
    assert network_time('"26/03/09,14:05:59-14"') == epoch_seconds(2026, 3, 9, 17, 35, 59)
    for text in (
        "",
        '"04/01/01,00:00:12+00"',
        '"80/01/06,00:00:00+00"',
        '"26/13/09,14:05:59+00"',
        "x" * 20,
    ):
        assert network_time(text) == 0, text
