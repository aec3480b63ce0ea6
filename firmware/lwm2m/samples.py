"""Sampled resources: values with the times of their measurement. Imported with the first of them.

    temperature.sample(5700, probe.read())

sets the resource and keeps the value with its time. A Send of it and a notification of it,
or of what it is part of, carry all that the server has not been given yet, each value with its
time, where the Content-Format is SenML (TS 1.1 Core §7.4.4; RFC 8428 §4.5.3). A Read, and a format
without times, give the present value only. What every server that takes samples has been given is
dropped; what is left goes over a deep sleep, as far as the record has room.
"""

from micropython import const

_KEPT = const(32)


class Ring:
    """The samples of one resource.

    keep: how many at most; the oldest gives way. base_s: s since 1970, from which the times count.
    values: [s after base_s, value] in turn, oldest first. first: how many samples went before
    them. told: {Short Server ID: how many samples, `first` included, it has been given}.
    """

    def __init__(self, base_s: int, keep: int = _KEPT) -> None:
        self.base_s = base_s
        self.keep = keep
        self.values = []
        self.first = 0
        self.told = {}

    def add(self, time_s: int, value) -> None:
        """Keep a value measured at time_s."""
        self.values += [time_s - self.base_s, value]
        self.drop(len(self.values) // 2 - self.keep)

    def drop(self, count: int) -> None:
        """Forget the oldest samples."""
        if count > 0:
            del self.values[: 2 * count]
            self.first += count

    def since(self, server_id: int) -> int:
        """Return the index in `values` of the first sample that a server has not been given."""
        return 2 * max(0, self.told.get(server_id, 0) - self.first)

    def give(self, server_id: int) -> None:
        """Note that a server has been given all; forget what every server has."""
        self.told[server_id] = self.first + len(self.values) // 2
        self.drop(min(self.told.values()) - self.first)


def sample(obj, rid: int, value, time_s, riid, keep: int) -> bool:
    """Carry out Object.sample."""
    obj.set(rid, value, riid)
    tree = obj.tree
    if time_s is None and tree and tree.epoch:
        time_s = tree.epoch()
    if time_s is None or not tree:
        return False
    path = (obj.object_id, obj.instance_id, rid)
    value = obj.values[rid]
    if riid is not None:
        path += (riid,)
        value = value[riid]
    if tree.samples is None:
        tree.samples = {}
    ring = tree.samples.get(path)
    if ring is None:
        ring = tree.samples[path] = Ring(time_s, keep)
    ring.keep = keep
    ring.add(time_s, value)
    return True


class Sampled:
    """Entries with the samples that a server has not been given, oldest first, in their places."""

    def __init__(self, entries, tree, server_id: int) -> None:
        self._entries = entries
        self._samples = tree.samples
        self._server_id = server_id

    def __iter__(self):
        for entry in self._entries:
            path, kind, value = entry[:3]
            ring = self._samples.get(path)
            last = None
            if ring:
                values = ring.values
                for at in range(ring.since(self._server_id), len(values), 2):
                    last = values[at + 1]
                    yield path, kind, last, ring.base_s + values[at]
            if last is None or last != value:
                yield entry

    def give(self) -> None:
        """Note that the server has been given them."""
        for entry in self._entries:
            ring = self._samples.get(entry[0])
            if ring:
                ring.give(self._server_id)


def encode(operations, path: tuple, content_format: int, account):
    """Return what a notification of path tells a server, which is given the samples with it.

    Raises OperationError as Operations.encode does.
    """
    tree = operations.tree
    entries = tree.entries(path)
    operations.limit(entries, account)
    sampled = Sampled(entries, tree, account.short_server_id)
    payload = operations.encode(sampled, path, content_format)
    sampled.give()
    return payload


def freeze(tree) -> list:
    """Return plain lists that `thaw` takes back."""
    frozen = []
    for path in tree.samples or ():
        if not tree.exists(path):
            continue  # its instance is gone
        ring = tree.samples[path]
        told = []
        for server_id in ring.told:
            told += [server_id, ring.told[server_id]]
        frozen.append([list(path), ring.base_s, ring.keep, ring.first, told, ring.values])
    return frozen


def thaw(tree, frozen: list) -> None:
    """Take back what `freeze` returned."""
    tree.samples = {}
    for path, base_s, keep, first, told, values in frozen:
        ring = tree.samples[tuple(path)] = Ring(base_s, keep)
        ring.first = first
        ring.values = list(values)
        for at in range(0, len(told), 2):
            ring.told[told[at]] = told[at + 1]


def shorten(tree) -> int:
    """Drop the oldest quarter of the longest ring, for want of room; return how many went."""
    longest = None
    for path in tree.samples or ():
        ring = tree.samples[path]
        if ring.values and (longest is None or len(ring.values) > len(longest.values)):
            longest = ring
    if longest is None:
        return 0
    count = len(longest.values) // 8 or 1
    longest.drop(count)
    return count
