"""Write-Attributes: validation, unsetting, inheritance, persistence."""

from lwm2m.attribute_text import link_format
from lwm2m.attributes import Attributes
from lwm2m.codec import cbor
from lwm2m.object import OperationError

OLD = "pmin pmax gt lt st"
ALL = OLD + " epmin epmax edge con hqmax"


def _refused(attributes, path, queries, kind=4, names=OLD):
    before = attributes.freeze()
    try:
        attributes.set(1, path, queries, kind, names)
    except OperationError as error:
        assert error.code == 0x80
        assert attributes.freeze() == before
        return True
    return False


def test_set_and_unset():
    """TS 1.0 §5.1.2, §5.4.4: a value sets, an empty value unsets."""
    attributes = Attributes()
    attributes.set(1, (3303, 0, 5700), ["pmin=10", "pmax=60", "gt=25.5", "lt=-3", "st=0.5"])
    assert list(attributes.effective(1, (3303, 0, 5700)))[:5] == [10, 60, 25.5, -3, 0.5]
    attributes.set(1, (3303, 0, 5700), ["gt=", "st"])
    assert list(attributes.effective(1, (3303, 0, 5700)))[:5] == [10, 60, None, -3, None]
    assert attributes.effective(2, (3303, 0, 5700)) == (None,) * 10
    attributes.set(1, (3303, 0, 5700), ["pmin", "pmax=", "lt="])
    assert attributes.freeze() == []


def test_bound():
    """DESIGN §4: tables are bounded; what there is may change, and what is unset makes room."""
    attributes = Attributes()
    for iid in range(64):
        attributes.set(1, (3303, iid), ["pmin=1"])
    attributes.set(1, (3303, 0), ["pmax=9"])
    for room in (False, True):
        try:
            attributes.set(2, (3303, 0), ["pmin=1"])
            assert room
        except OperationError as error:
            assert error.code == 0xA0 and not room
        attributes.set(1, (3303, 1), ["pmin"])
    assert len(attributes.freeze()) == 64


def test_inheritance():
    """TS 1.0 §5.1.2: the lowest level wins, value by value."""
    attributes = Attributes()
    attributes.set(1, (3303,), ["pmin=1", "pmax=100"])
    attributes.set(1, (3303, 0), ["pmin=2"])
    attributes.set(1, (3303, 0, 5700), ["pmax=50"])
    assert attributes.effective(1, (3303, 0, 5700))[:2] == [2, 50]
    assert attributes.effective(1, (3303, 0, 5601))[:2] == [2, 100]
    assert attributes.effective(1, (3303, 1, 5700))[:2] == [1, 100]
    assert attributes.effective(1, (3303,))[:2] == [1, 100]


def test_pmax_below_pmin():
    """TS 1.0 §5.1.2: a Maximum Period below the Minimum Period is ignored."""
    attributes = Attributes()
    attributes.set(1, (3,), ["pmin=60", "pmax=10"])
    assert attributes.effective(1, (3, 0, 9)) == [60] + [None] * 9
    assert attributes.own(1, (3,))[1] == 10


def test_inconsistent_thresholds():
    """TS 1.0 §5.1.2: lt < gt and lt + 2 st < gt, else 4.00 and nothing changes."""
    attributes = Attributes()
    attributes.set(1, (3303, 0, 5700), ["gt=20", "lt=10"])
    assert _refused(attributes, (3303, 0, 5700), ["st=5"])
    assert _refused(attributes, (3303, 0, 5700), ["lt=20"])
    assert _refused(attributes, (3303, 0, 5700), ["pmin=5", "lt=30"])
    attributes.set(1, (3303, 0, 5700), ["st=4.9"])
    attributes.set(1, (3303, 0, 5700), ["lt=30", "gt=90", "st=1"])


def test_malformed_attributes():
    """TS 1.0 §5.4.4: unknown names and malformed values are 4.00."""
    attributes = Attributes()
    for query in (
        "foo=1",
        "",
        "=1",
        "pmin=x",
        "pmin=-1",
        "pmin=1.5",
        "pmax=-60",
        "gt=abc",
        "st=-1",
        "st=0",
        "gt=nan",
        "lt=1 ",
        "PMIN=1",
    ):
        assert _refused(attributes, (3303, 0, 5700), ["pmax=9", query]), query


def test_numbers_that_cannot_be_kept():
    """TS 1.0 §5.1.2: what a period or a threshold cannot be is 4.00; the rest can be frozen."""
    attributes = Attributes()
    path = (3303, 0, 5700)
    for query in ("pmin=2147483648", "pmax=" + "9" * 20, "gt=1e39", "lt=-1" + "0" * 240):
        assert _refused(attributes, path, [query]), query
    attributes.set(1, path, ["pmin=2147483647", "gt=1" + "0" * 30, "lt=-" + "9" * 20])
    assert cbor.loads(cbor.dumps(attributes.freeze())) == attributes.freeze()


def test_thresholds_need_a_number():
    """TS 1.0 §5.1.2: gt, lt and st are for numeric resources only."""
    attributes = Attributes()
    for query in ("gt=1", "lt=1", "st=1"):
        assert _refused(attributes, (3, 0, 0), [query], 1)
    attributes.set(1, (3, 0, 0), ["pmin=1", "gt="], 1)


def test_forget_and_freeze():
    """TS 1.0 §5.1.2: attributes outlive a sleep, and go with their instance."""
    attributes = Attributes()
    attributes.set(1, (3303, 0, 5700), ["pmin=10"])
    attributes.set(1, (3303, 1), ["pmax=7"])
    attributes.set(2, (3303,), ["pmax=9"])
    again = Attributes()
    again.thaw(attributes.freeze())
    assert again.effective(1, (3303, 1, 5700))[:3] == [None, 7, None]
    again.forget((3303, 1))
    assert again.effective(1, (3303, 1, 5700)) == (None,) * 10
    assert again.effective(1, (3303, 0, 5700))[0] == 10
    assert again.effective(2, (3303, 0, 5700))[1] == 9


def test_link_attributes():
    """TS 1.0 §5.4.2: attributes as Discover shows them."""
    assert link_format((10, None, 25.5, -3, None)) == ";pmin=10;gt=25.5;lt=-3"
    assert link_format((None,) * 5) == ""


def test_attributes_of_later_versions():
    """TS 1.1 §5.1.2, TS 1.2 §7.3.2: epmin, epmax, edge, con and hqmax, where the version has
    them."""
    attributes = Attributes()
    path = (3342, 0, 5500)
    names = ["epmin=5", "epmax=60", "edge=1", "con=1", "hqmax=10"]
    for query in names:
        assert _refused(attributes, path, [query], 5), query
    assert _refused(attributes, path, ["edge=1"], 5, OLD + " epmin epmax")
    attributes.set(1, path, names, 5, ALL)
    assert attributes.effective(1, path) == [None] * 5 + [5, 60, 1, 1, 10]
    assert link_format(attributes.own(1, path)) == ";epmin=5;epmax=60;edge=1;con=1;hqmax=10"
    again = Attributes()
    again.thaw(cbor.loads(cbor.dumps(attributes.freeze())))
    assert again.effective(1, path) == attributes.effective(1, path)
    attributes.set(1, path, ["epmin", "epmax=", "edge", "con=", "hqmax"], 5, ALL)
    assert attributes.freeze() == []


def test_values_of_later_attributes():
    """TS 1.2 §7.3.2: edge and con are 0 or 1, edge is a Boolean's, epmin is less than epmax."""
    attributes = Attributes()
    path = (3342, 0, 5500)
    for query in ("edge=2", "edge=0.5", "con=2", "con=true", "hqmax=-1", "epmin=-1", "epmax=1.5"):
        assert _refused(attributes, path, [query], 5, ALL), query
    for kind in (None, 1, 2, 4):
        assert _refused(attributes, path, ["edge=1"], kind, ALL), kind
    assert _refused(attributes, path, ["epmin=5", "epmax=5"], 5, ALL)
    attributes.set(1, path, ["epmin=5"], 5, ALL)
    assert _refused(attributes, path, ["epmax=4"], 5, ALL)
    attributes.set(1, (3342,), ["con=1", "hqmax=0", "epmax=5", "pmin=3"], None, ALL)
    assert attributes.effective(1, path) == [3] + [None] * 4 + [5, None, None, 1, 0]


def test_thresholds_of_several_levels():
    """TS 1.2 §7.3.2: thresholds that break the rules together, from two levels, are not valid."""
    attributes = Attributes()
    attributes.set(1, (3, 0, 7), ["gt=50", "lt=42.2"])
    attributes.set(1, (3, 0, 7, 1), ["lt=45"])
    assert attributes.effective(1, (3, 0, 7, 1))[2:5] == [50, 45, None]
    attributes.set(1, (3, 0, 7, 1), ["lt=60"])
    assert attributes.effective(1, (3, 0, 7, 1))[2:5] == [None, None, None]


def test_what_is_kept():
    """DESIGN §4: what is not written costs nothing, and the first five no more than they did."""
    attributes = Attributes()
    attributes.set(1, (3,), ["pmin=1"], None, ALL)
    attributes.set(1, (3303,), ["pmin=1", "pmax=9"], None, ALL)
    assert attributes.own(1, (3,)) == [1] and attributes.own(1, (3303,)) == [1, 9]
    assert attributes.effective(2, (3, 0)) is attributes.effective(1, (4, 0))
