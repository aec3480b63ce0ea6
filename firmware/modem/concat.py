"""Concatenated short messages, TS 23.040 §9.2.3.24.1 (8-bit reference) and .8 (16-bit)."""

from micropython import const

_MAX_SETS = const(4)
_MAX_PARTS = const(16)
_ROOM = const(140)


class Assembler:
    """Collects the parts of concatenated messages; parts come in any order and may repeat.

    At most four sets are kept; a fifth pushes out the oldest. A set not complete `timeout_ms`
    after its first part is given up. Every message that brought a part may be labelled with a
    `mark` (its storage index): the marks come back when the set ends, so that the caller can
    delete them.
    """

    def __init__(self, timeout_ms: int = 600_000):
        self._timeout_ms = timeout_ms
        self._sets = []  # [key, deadline, marks, {sequence: data}], oldest first

    def add(self, sender, ports, part: tuple, data: bytes, mark, now: int):
        """Add one part. part: (is_16_bit_reference, reference, total, sequence) of the header.

        Returns (whole data or None, marks that are done with, reason or None): reason names why
        the part was not kept ("repeated", "bad_part").
        """
        wide, reference, total, sequence = part
        if not 1 <= sequence <= total or total > _MAX_PARTS:
            return None, (mark,), "bad_part"
        key = (sender, ports, wide, reference, total)
        for entry in self._sets:
            if entry[0] == key:
                break
        else:
            entry = [key, now + self._timeout_ms, [], {}]
            self._sets.append(entry)
        marks = entry[2]
        parts = entry[3]
        if mark is None or mark not in marks:
            marks.append(mark)
        if sequence in parts:
            return None, (), "repeated"
        parts[sequence] = data
        if len(parts) < total:
            return None, (), None
        self._sets.remove(entry)
        return b"".join([parts[i] for i in range(1, total + 1)]), marks, None

    def expire(self, now: int) -> list:
        """Give up sets that waited too long or are too many; returns the marks of each."""
        given_up = []
        for entry in list(self._sets):
            if entry[1] <= now or len(self._sets) > _MAX_SETS:
                self._sets.remove(entry)
                given_up.append(entry[2])
        return given_up

    def waiting(self) -> list:
        """[(mark, deadline)] of every part of every incomplete set."""
        return [(mark, entry[1]) for entry in self._sets for mark in entry[2]]

    def bring_forward(self, mark, deadline: int) -> None:
        """Let the set that holds a mark end no later than a deadline known from before a sleep."""
        for entry in self._sets:
            if mark in entry[2] and deadline < entry[1]:
                entry[1] = deadline


def split(data: bytes, reference: int, ports: tuple | None = None, wide: bool = False) -> list:
    """Cut data into user data parts of at most 140 octets with their headers.

    ports: (destination, source) for a port element, or None. wide: a 16-bit reference.
    Returns [(header information elements, chunk)], one pair a message; the header of a single
    message has the ports only.
    """
    port_element = b""
    if ports:
        port_element = bytes((5, 4, ports[0] >> 8, ports[0] & 255, ports[1] >> 8, ports[1] & 255))
    if len(data) + (len(port_element) and len(port_element) + 1) <= _ROOM:
        return [(port_element, bytes(data))]
    room = _ROOM - 1 - len(port_element) - (6 if wide else 5)
    total = (len(data) + room - 1) // room
    parts = []
    for i in range(total):
        if wide:
            element = bytes((8, 4, reference >> 8 & 255, reference & 255, total, i + 1))
        else:
            element = bytes((0, 3, reference & 255, total, i + 1))
        parts.append((element + port_element, bytes(data[i * room : (i + 1) * room])))
    return parts
