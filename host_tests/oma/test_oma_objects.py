"""OMA's cases of further Objects: Firmware Update, Location, Connectivity Statistics."""

import functools
import time
from pathlib import Path

import pytest

from host_tests.oma.client import OPAQUE, TLV

_APPLICATION = Path(__file__).resolve().parent / "app_objects.py"
_IDLE, _DOWNLOADED = 0, 2
_GOOD = b"OK" + bytes(n * 31 & 255 for n in range(5_000))


@pytest.fixture
def begin(start):
    """Return `start` with the application of these Objects."""
    return functools.partial(start, application=_APPLICATION)


def _becomes(client, state, result, within_s=15):
    seen, end = None, time.monotonic() + within_s
    while time.monotonic() < end:
        whole = client.read("/5/0").value
        seen = whole and (whole[3], whole[5])
        if seen == (state, result):
            return
        time.sleep(0.1)
    raise AssertionError(f"State and Update Result stay {seen}")


def test_751_firmware_is_pushed_and_installed(begin):
    """int-751 and following: a package is written in blocks; Update installs it: result 1."""
    client = begin()
    _becomes(client, _IDLE, 0)
    assert client.read("/5/0/9").value in (0, 2)  # push is among what it takes
    assert client.execute("/5/0/2").code == "4.05"  # there is nothing to install
    assert client.write("/5/0/0", _GOOD, format=OPAQUE).code == "2.04"
    _becomes(client, _DOWNLOADED, 0)
    assert client.execute("/5/0/2").code == "2.04"
    client.next("registered", within_s=30)
    _becomes(client, _IDLE, 1)


@pytest.mark.parametrize(("package", "result"), [(b"NO" + bytes(2_000), 6), (bytes(30_000), 2)])
def test_770_firmware_that_is_refused(begin, package, result):
    """int-770 and following: a package of another kind or too large; the result says."""
    client = begin()
    assert client.write("/5/0/0", package, format=OPAQUE).code in ("2.04", "4.13", "5.00")
    _becomes(client, _IDLE, result)


def test_760_firmware_observed(begin):
    """int-751 and following: State is observed, and each step of a download is reported."""
    client = begin()
    assert client.observe("/5/0/3").value == _IDLE
    assert client.write("/5/0/0", _GOOD, format=OPAQUE).code == "2.04"
    client.next("notification", value=_DOWNLOADED)
    assert client.write("/5/0/0", b"\0", format=OPAQUE).code == "2.04"
    client.next("notification", value=_IDLE)


def test_801_810_location(begin):
    """int-801, 810: Location is read and observed."""
    client = begin()
    place = client.read("/6/0", accept=TLV).value
    assert (round(place[0], 4), round(place[1], 4)) == (59.91, 10.75)
    assert (place[5], place[6]) == (1767225600, 1.5)
    assert client.observe("/6/0/0").code == "2.05"
    client.board.set("/6/0/0", 60.5)
    assert client.next("notification")["value"] == 60.5


def test_901_905_910_connectivity_statistics(begin):
    """int-901, 905, 910: collection is started, counts what goes over the link, and is stopped."""
    client = begin()
    assert client.write("/7/0/8", 60).code == "2.04"
    assert client.read("/7/0/8").value == 60
    assert client.execute("/7/0/6").code == "2.04"
    for _ in range(40):
        assert client.read("/3/0").code == "2.05"
    assert client.execute("/7/0/7").code == "2.04"
    sent, received = client.read("/7/0/2").value, client.read("/7/0/3").value
    assert sent >= 1 and received >= 1
    assert client.read("/3/0").code == "2.05"
    assert (client.read("/7/0/2").value, client.read("/7/0/3").value) == (sent, received)
