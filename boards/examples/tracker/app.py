"""A tracker: a position of the modem's GNSS receiver every quarter of an hour, in Location (6)."""

from lwm2m.objects.location import Location
from node.position import locate

EVERY_MS = 15 * 60_000


def setup(node):
    place = node.add(Location())
    node.every(EVERY_MS, lambda: locate(node, place.fix, timeout_s=180))
