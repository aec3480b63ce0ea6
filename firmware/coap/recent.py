"""A memory of recent messages, of constant size: what came in and how it was answered.

RFC 7252 §4.5 asks an endpoint to know each message again for EXCHANGE_LIFETIME or NON_LIFETIME. A
device with little memory keeps as many as fit and lets go of the oldest first.
"""


class Recent:
    """Values by key, each until its time runs out or newer ones need its place.

    entries: how many are kept. octets: how many bytes all values together may take, as counted by
    the sizes given to put(). No call does more work when more is kept.
    """

    def __init__(self, entries: int, octets: int):
        self._slots = {}
        self._keys = [None] * entries
        self._values = [None] * entries
        self._sizes = [0] * entries
        self._expires = [0] * entries
        self._oldest = 0
        self._count = 0  # places in use from the oldest on, those forgotten in between included
        self._octets_left = octets

    def get(self, key, now: int):
        """Return the value put under the key, or None where there is none any more."""
        slot = self._slots.get(key)
        if slot is None or self._expires[slot] <= now:
            return None
        return self._values[slot]

    def put(self, key, value, size: int, expires: int, now: int):
        """Keep a value, which is not None, until the time given.

        A value under the same key is replaced. One that is larger than all the room is kept alone.
        """
        self.forget(key)
        entries = len(self._keys)
        while self._count and (
            self._count == entries
            or size > self._octets_left
            or self._expires[self._oldest] <= now
        ):
            oldest = self._oldest
            self.forget(self._keys[oldest])
            self._oldest = (oldest + 1) % entries
            self._count -= 1
        slot = (self._oldest + self._count) % entries
        self._count += 1
        self._octets_left -= size
        self._keys[slot] = key
        self._values[slot] = value
        self._sizes[slot] = size
        self._expires[slot] = expires
        self._slots[key] = slot

    def forget(self, key):
        """Let go of the value under the key, if there is one."""
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._octets_left += self._sizes[slot]
            self._keys[slot] = self._values[slot] = None
