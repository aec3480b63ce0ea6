"""A memory of recent messages, of constant size: what came in and how it was answered.

RFC 7252 §4.5 asks an endpoint to know each message again for EXCHANGE_LIFETIME or NON_LIFETIME. A
device with little memory keeps as many as fit and lets go of the oldest first.
"""

from micropython import const

_NONE = const(0xFF)


class Recent:
    """A value for each of the latest messages, until its time runs out or its place is needed.

    entries: how many are kept, 255 at most. octets: how many bytes the values may take together,
    0 if they are not bytes. All memory is taken at once, and no call does more work when more
    is kept.
    """

    def __init__(self, entries: int, octets: int = 0):
        self._counts_octets = octets > 0
        self._octets_left = octets
        # A ring of places, in the order of arrival.
        self._message_ids = [0] * entries
        self._peers = [None] * entries
        self._links = [None] * entries
        self._values: list = [None] * entries
        self._expires = [0] * entries
        self._oldest = 0
        self._count = 0
        # The place of the latest message with an ID, and for each place that of the one before it:
        # message IDs of different peers may coincide, and keys made of both would cost memory.
        self._latest = {}
        self._before = bytearray(b"\xff" * entries)

    def get(self, message_id: int, peer, link, now: int):
        """Return the value put for a message, or None where there is none any more."""
        place = self._find(message_id, peer, link)
        if place == _NONE or self._expires[place] <= now:
            return None
        return self._values[place]

    def put(self, message_id: int, peer, link, value, expires: int):
        """Keep a value, which is not None, until the time given.

        A value that is larger than all the room is kept alone.
        """
        place = self._free_place(value)
        self._message_ids[place] = message_id
        self._peers[place] = peer
        self._links[place] = link
        self._values[place] = value
        self._expires[place] = expires
        self._before[place] = self._latest.get(message_id, _NONE)
        self._latest[message_id] = place

    def forget(self, message_id: int, peer, link):
        """Let go of the value put for a message, if there is one."""
        place = self._find(message_id, peer, link)
        if place != _NONE:
            self._expires[place] = 0

    def _find(self, message_id: int, peer, link) -> int:
        place = self._latest.get(message_id, _NONE)
        while place != _NONE:
            if self._links[place] is link and self._peers[place] == peer:
                break
            place = self._before[place]
        return place

    def _free_place(self, value) -> int:
        """Let go of the oldest until there is room for a value; return its place."""
        entries = len(self._values)
        size = len(value) if self._counts_octets else 0
        while self._count == entries or (size > self._octets_left and self._count):
            self._let_go()
        self._octets_left -= size
        self._count += 1
        return (self._oldest + self._count - 1) % entries

    def _let_go(self):
        oldest = self._oldest
        message_id = self._message_ids[oldest]
        place = self._latest[message_id]
        if place == oldest:
            del self._latest[message_id]
        else:
            while self._before[place] != oldest:
                place = self._before[place]
            self._before[place] = _NONE
        if self._counts_octets:
            self._octets_left += len(self._values[oldest])
        self._values[oldest] = self._peers[oldest] = self._links[oldest] = None
        self._oldest = (oldest + 1) % len(self._values)
        self._count -= 1
