"""RFC 7252 §4.5: the bounded memory of recent messages."""

from coap.recent import Recent

A = ("192.0.2.1", 5683)
B = ("192.0.2.2", 5683)


def test_message_id_and_endpoint_together():
    """RFC 7252 §4.4: a message ID means something only together with its endpoint."""
    recent = Recent(4)
    links = object(), object()
    recent.put(7, A, links[0], "a0", 100)
    recent.put(7, B, links[0], "b0", 100)
    recent.put(7, A, links[1], "a1", 100)
    assert recent.get(7, A, links[0], 1) == "a0"
    assert recent.get(7, B, links[0], 1) == "b0"
    assert recent.get(7, A, links[1], 1) == "a1"
    assert recent.get(7, B, links[1], 1) is None
    assert recent.get(8, A, links[0], 1) is None


def test_time_runs_out():
    """RFC 7252 §4.5: known until the time given, then no longer."""
    recent = Recent(4)
    recent.put(1, A, None, "x", 100)
    assert recent.get(1, A, None, 99) == "x"
    assert recent.get(1, A, None, 100) is None
    recent.put(1, A, None, "y", 200)
    assert recent.get(1, A, None, 150) == "y"


def test_oldest_makes_room():
    """RFC 7252 §4.5: the number kept is bounded, also where all share a message ID."""
    recent = Recent(4)
    for i in range(100):
        recent.put(5 if i % 3 else i, i, None, i, 1_000)
        for j in range(max(0, i - 3), i + 1):
            assert recent.get(5 if j % 3 else j, j, None, 0) == j
        known = [j for j in range(i + 1) if recent.get(5 if j % 3 else j, j, None, 0) is not None]
        assert len(known) <= 8


def test_octets_are_bounded():
    """RFC 7252 §4.5: large values push out more than one; one too large pushes out all."""
    recent = Recent(8, 100)
    values = {}

    def kept():
        return sum(len(value) for i, value in values.items() if recent.get(i, A, None, 0))

    for i in range(60):
        values[i] = b"x" * (i * 13 % 40)
        recent.put(i, A, None, values[i], 1_000)
        assert recent.get(i, A, None, 0) == values[i] and kept() <= 200
    for i in range(60, 70):
        values[i] = b"z" * 150
        recent.put(i, A, None, values[i], 1_000)
        assert recent.get(i, A, None, 0) == values[i] and kept() <= 300


def test_values_that_are_no_bytes():
    """RFC 7641 §3.6: without a limit in octets, a value is anything that is not None."""
    recent = Recent(2)
    for message_id, value in ((1, print), (2, 0), (3, b""), (4, ())):
        recent.put(message_id, A, None, value, 100)
        assert recent.get(message_id, A, None, 0) is value


def test_forgotten():
    """RFC 7641 §3.6: what a Reset has ended is not found again."""
    recent = Recent(4)
    for i in range(4):
        recent.put(i, A, None, "x", 100)
    for i in range(4):
        recent.forget(i, B, None, 0)
        assert recent.get(i, A, None, 0) == "x"
        recent.forget(i, A, None, 0)
        known = [recent.get(j, A, None, 0) for j in range(4)]
        assert known == [None] * (i + 1) + ["x"] * (3 - i)
