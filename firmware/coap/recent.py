"""A memory of recent messages, of constant size: what came in and how it was answered.

RFC 7252 §4.5 asks an endpoint to know each message again for EXCHANGE_LIFETIME or NON_LIFETIME. A
device with little memory keeps as many as fit and lets go of the oldest first.
"""


class Recent:
    """A value for each of the latest messages, until its time runs out or its place is needed.

    entries: how many are kept. octets: how many bytes the values may take together, 0 if they are
    not bytes. All places are there from the start, and a search takes no longer when more is kept.
    """

    def __init__(self, entries: int, octets: int = 0):
        self._counts_octets = octets > 0
        self._octets_left = octets
        # A ring of places, in the order of arrival; an empty one has expired.
        self._peers = [None] * entries
        self._links = [None] * entries
        self._values: list = [None] * entries
        self._expires = [0] * entries
        self._oldest = self._count = 0
        # Message IDs, two bytes a place, to be searched at the speed of memory: a dict whose keys
        # come and go fills up with their remains and takes longer and longer.
        self._message_ids = bytearray(2 * entries)
        self._wanted = bytearray(2)

    def get(self, message_id: int, peer, link, now: int):
        """Return the value put for a message, or None where there is none any more."""
        place = self._find(message_id, peer, link, now)
        return None if place < 0 else self._values[place]

    def put(self, message_id: int, peer, link, value, expires: int):
        """Keep a value, which is not None, until the time given.

        A value that is larger than all the room is kept alone.
        """
        place = self._free_place(len(value) if self._counts_octets else 0)
        self._message_ids[2 * place] = message_id >> 8
        self._message_ids[2 * place + 1] = message_id & 0xFF
        self._peers[place] = peer
        self._links[place] = link
        self._values[place] = value
        self._expires[place] = expires

    def forget(self, message_id: int, peer, link, now: int):
        """Let go of the value put for a message, if there is one."""
        place = self._find(message_id, peer, link, now)
        if place >= 0:
            self._expires[place] = 0

    def _find(self, message_id, peer, link, now):
        self._wanted[0] = message_id >> 8
        self._wanted[1] = message_id & 0xFF
        at = self._message_ids.find(self._wanted)
        while at >= 0:
            place = at >> 1
            if not at & 1 and self._expires[place] > now:
                if self._links[place] is link and self._peers[place] == peer:
                    return place
            at = self._message_ids.find(self._wanted, at + 1)
        return -1

    def _free_place(self, octets):
        """Let go of the oldest until there is room for a value; return its place."""
        entries = len(self._values)
        while self._count == entries or (octets > self._octets_left and self._count):
            oldest = self._oldest
            if self._counts_octets:
                self._octets_left += len(self._values[oldest])
            self._values[oldest] = self._peers[oldest] = self._links[oldest] = None
            self._expires[oldest] = 0
            self._oldest = (oldest + 1) % entries
            self._count -= 1
        self._octets_left -= octets
        self._count += 1
        return (self._oldest + self._count - 1) % entries
