"""RFC 7252 §4.5: the bounded memory of recent messages."""

from coap.recent import Recent

A = ("192.0.2.1", 5683)
B = ("192.0.2.2", 5683)


def test_message_id_and_endpoint_together():
    """RFC 7252 §4.4: a message ID means something only together with its endpoint."""
    recent = Recent(4)
    links = object(), object()
    recent.put(7, A, links[0], "a0", 100, 0)
    recent.put(7, B, links[0], "b0", 100, 0)
    recent.put(7, A, links[1], "a1", 100, 0)
    assert recent.get(7, A, links[0], 1) == "a0"
    assert recent.get(7, B, links[0], 1) == "b0"
    assert recent.get(7, A, links[1], 1) == "a1"
    assert recent.get(7, B, links[1], 1) is None
    assert recent.get(8, A, links[0], 1) is None


def test_time_runs_out():
    """RFC 7252 §4.5: known until the time given, then no longer."""
    recent = Recent(4)
    recent.put(1, A, None, "x", 100, 0)
    assert recent.get(1, A, None, 99) == "x"
    assert recent.get(1, A, None, 100) is None
    recent.put(1, A, None, "y", 200, 150)
    assert recent.get(1, A, None, 150) == "y"


def test_oldest_makes_room():
    """RFC 7252 §4.5: the number kept is bounded, also where all share a message ID."""
    recent = Recent(4)
    for i in range(100):
        recent.put(5 if i % 3 else i, i, None, i, 1_000, 0)
        for j in range(max(0, i - 3), i + 1):
            assert recent.get(5 if j % 3 else j, j, None, 0) == j
        if i > 3:
            j = i - 4
            assert recent.get(5 if j % 3 else j, j, None, 0) is None
    assert len(recent._latest) <= 4


def test_octets_are_bounded():
    """RFC 7252 §4.5: large values push out more than one; one too large is kept alone."""
    recent = Recent(8, 100)
    for i in range(3):
        recent.put(i, A, None, b"x" * 30, 1_000, 0)
    recent.put(3, A, None, b"y" * 60, 1_000, 0)
    assert [recent.get(i, A, None, 0) is not None for i in range(4)] == [False, False, True, True]
    recent.put(4, A, None, b"z" * 200, 1_000, 0)
    assert recent.get(3, A, None, 0) is None and len(recent.get(4, A, None, 0)) == 200
    recent.put(5, A, None, b"", 1_000, 0)
    assert recent.get(4, A, None, 0) is not None
    recent.put(6, A, None, b"x", 1_000, 0)
    assert recent.get(4, A, None, 0) is None
    for i in range(100):
        recent.put(i, A, None, b"x" * (i % 40), 1_000, 0)
        assert sum(len(value) for value in recent._values if value) <= 100
    assert recent._octets_left + sum(len(value) for value in recent._values if value) == 100


def test_forgotten():
    """RFC 7641 §3.6: what a Reset has ended is not found again."""
    recent = Recent(2)
    recent.put(1, A, None, "x", 100, 0)
    recent.forget(1, B, None)
    assert recent.get(1, A, None, 0) == "x"
    recent.forget(1, A, None)
    assert recent.get(1, A, None, 0) is None
