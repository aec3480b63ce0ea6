"""Sampled resources: values kept with their times (TS 1.1 Core §7.4.4, RFC 8428 §4.5.3)."""

from lwm2m import samples
from lwm2m.codec import cbor, load
from lwm2m.objects.ipso import Temperature
from lwm2m.tree import Tree

EPOCH_S = 1_700_000_000
PATH = (3303, 0, 5700)


def sampled(values, keep=32):
    """Return a tree whose temperature took the values, a minute apart."""
    tree = Tree()
    times = [EPOCH_S]
    tree.epoch = lambda: times[0]
    temperature = tree.add(Temperature(units="Cel"))
    for value in values:
        assert temperature.sample(5700, value, keep=keep)
        times[0] += 60
    return tree


def taken(tree, server_id=1, path=PATH):
    """Return [(path, value, minutes after the first or None)] as a server is given them."""
    entries = samples.Sampled(tree.entries(path), tree, server_id)
    found = []
    for entry in entries:
        minutes = (entry[3] - EPOCH_S) // 60 if len(entry) > 3 else None
        found.append((entry[0], entry[2], minutes))
    entries.give()
    return found


def test_samples_are_given_once():
    """RFC 8428 §4.5.3: all that a server has not been given, oldest first, each with its time."""
    tree = sampled([1.5, 2.5, 2.5])
    assert taken(tree) == [(PATH, 1.5, 0), (PATH, 2.5, 1), (PATH, 2.5, 2)]
    assert taken(tree) == [(PATH, 2.5, None)]
    tree.get(3303, 0).sample(5700, 4)
    assert taken(tree) == [(PATH, 4, 3)]


def test_each_server_has_its_own():
    """TS 1.1 Core §6.4: what one server is given, the others are still to get."""
    tree = sampled([1, 2])
    assert len(taken(tree, 1)) == 2
    tree.get(3303, 0).sample(5700, 3)
    assert [value for _, value, _ in taken(tree, 2)] == [3]
    tree.get(3303, 0).sample(5700, 4)
    assert [value for _, value, _ in taken(tree, 1)] == [3, 4]
    assert [value for _, value, _ in taken(tree, 2)] == [4]
    assert tree.samples[PATH].values == []


def test_bounded():
    """DESIGN §4: the newest are kept, at most as many as asked for."""
    tree = sampled(range(10), keep=3)
    assert [value for _, value, _ in taken(tree)] == [7, 8, 9]


def test_among_others():
    """TS 1.1 Core §6.4.1: a notification of the instance has the samples in their place; what was
    set since, and is no sample, follows them."""
    tree = sampled([1, 2])
    tree.get(3303, 0).set(5700, 9)
    found = taken(tree, 1, (3303, 0))
    assert [each[1:] for each in found if each[0] == PATH] == [(1, 0), (2, 1), (9, None)]
    assert ((3303, 0, 5701), "Cel", None) in found


def test_senml_carries_the_times():
    """RFC 8428 §4.5.3: in SenML CBOR and SenML JSON each has its time."""
    tree = sampled([1.5, 2.5])
    entries = samples.Sampled(tree.entries(PATH), tree, 1)
    records = cbor.loads(b"".join([bytes(chunk) for chunk in load(112).encode(entries, PATH)]))
    assert [(each[2], each[6]) for each in records] == [(1.5, EPOCH_S), (2.5, EPOCH_S + 60)]
    text = b"".join([bytes(chunk) for chunk in load(110).encode(entries, PATH)])
    assert text.count(b'"t":17000000') == 2


def test_without_a_clock():
    """Object.sample: where the time is not known the value is set and no sample is kept."""
    tree = Tree()
    temperature = tree.add(Temperature())
    assert temperature.sample(5700, 3) is False
    assert temperature.values[5700] == 3 and tree.samples is None
    assert temperature.sample(5700, 4, EPOCH_S) is True


def test_over_a_sleep():
    """Zephyr issue 92282: samples outlive a sleep; the oldest give way where there is no room."""
    tree = sampled(range(16))
    taken(tree, 7)
    for value in range(16):
        tree.get(3303, 0).sample(5700, value)
    frozen = cbor.loads(cbor.dumps(samples.freeze(tree)))
    again = sampled([])
    samples.thaw(again, frozen)
    again.get(3303, 0).values.update(tree.get(3303, 0).values)
    assert taken(again, 7) == taken(tree, 7)
    samples.thaw(again, frozen)
    assert samples.shorten(again) == 4
    assert [value for _, value, _ in taken(again, 7)] == list(range(4, 16))
    while samples.shorten(again):
        pass
    assert again.samples[PATH].values == []
