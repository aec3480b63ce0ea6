"""The application of a board with Firmware Update, Location and Connectivity Statistics."""

from lwm2m.objects.firmware import FirmwareUpdate
from lwm2m.objects.location import Location
from lwm2m.objects.statistics import ConnectivityStatistics
from node.package_file import PackageFile

_UNSUPPORTED = 6


def _check(path):
    with open(path, "rb") as file:
        return None if file.read(2) == b"OK" else _UNSUPPORTED


def setup(node):
    """Add the Objects; a package is good that begins with OK, and installed by a restart."""
    sink = PackageFile("package", lambda path: node.reboot(), _check, limit=20_000)
    node.add(FirmwareUpdate(node.client, sink))
    node.add(Location()).fix(59.91, 10.75, 1767225600, speed=1.5)
    node.add(ConnectivityStatistics(node.client))
