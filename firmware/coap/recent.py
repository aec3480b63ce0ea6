"""A memory of recent messages, of bounded size: what came in and how it was answered.

RFC 7252 §4.5 asks an endpoint to know each message again for EXCHANGE_LIFETIME or NON_LIFETIME. A
device with little memory keeps as many as fit and lets go of the oldest first.
"""


class Recent:
    """A value for each of the latest messages, until its time runs out or its place is needed.

    entries: how many are kept for certain; octets: how many bytes the values may take together,
    0 if they are not bytes. The messages stand in two generations. When the young one is full it
    becomes the old one, which is let go of whole; so up to twice as much is kept, and no call does
    more work when more is kept.
    """

    def __init__(self, entries: int, octets: int = 0):
        self._entries = entries
        self._octets = octets
        self._young = {}
        self._old = {}
        self._count = self._taken = 0

    def get(self, message_id: int, peer, link, now: int):
        """Return the value put for a message, or None where there is none any more."""
        entry = _of(self._young.get(message_id), peer, link)
        if entry is None:
            entry = _of(self._old.get(message_id), peer, link)
        return entry[3] if entry and entry[2] > now else None

    def put(self, message_id: int, peer, link, value, expires: int):
        """Keep a value, which is not None, until the time given.

        A value that is larger than all the room is kept with nothing else of its generation.
        """
        octets = len(value) if self._octets else 0
        self._taken += octets
        if self._count >= self._entries or self._taken > self._octets and octets:
            self._old = self._young
            self._young = {}
            self._count = 0
            self._taken = octets
        self._count += 1
        # Message IDs of different peers may coincide, and keys made of both would cost memory.
        before = self._young.get(message_id)
        self._young[message_id] = (peer, link, expires, value, before)

    def forget(self, message_id: int):
        """Let go of what was put for a message ID."""
        self._young.pop(message_id, None)
        self._old.pop(message_id, None)


def _of(entry, peer, link):
    while entry and not (entry[1] is link and entry[0] == peer):
        entry = entry[4]
    return entry
