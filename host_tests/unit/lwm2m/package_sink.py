"""A sink of lwm2m.delivery whose disk outlives a restart of the client."""

PACKAGE = bytes([n * 7 & 255 for n in range(5000)])


class Sink:
    """Keeps a package in memory.

    disk: {"package": bytearray, "record": bytes}. limit: bytes that it holds. good: what `finish`
    takes for a good package. applies, turned_out: what `apply` and `outcome` answer.
    """

    name = None
    version = None

    def __init__(self, disk=None, limit=100_000, good=PACKAGE):
        self.disk = {"package": bytearray(), "record": b""} if disk is None else disk
        self.limit = limit
        self.good = good
        self.applies = None
        self.turned_out = None
        self.applied = 0
        self.sizes = []
        self.failure = None

    def open(self, size):
        self.sizes.append(size)
        self.disk["package"] = bytearray()
        return 2 if size is not None and size > self.limit else None

    def write(self, chunk):
        if self.failure:
            raise self.failure
        if len(self.disk["package"]) + len(chunk) > self.limit:
            return 2
        self.disk["package"] += chunk
        return None

    def finish(self):
        if self.disk["package"][:4] == b"ELF!":
            return 6
        return None if self.disk["package"] == self.good else 5

    def held(self):
        return len(self.disk["package"])

    def discard(self):
        self.disk["package"] = bytearray()

    def apply(self):
        self.applied += 1
        return self.applies

    def outcome(self):
        return self.turned_out

    def load(self):
        return self.disk["record"]

    def save(self, record):
        self.disk["record"] = bytes(record)
