"""The tries of a PIN that no modem counts, on flash: TS 27.007 §8.3, TS 31.101 §9.3 (three)."""

from node import storage
from node.pin import tried
from unit.node.files import Flash, PowerCut


def _flash():
    flash = Flash()
    flash.under(storage)
    return flash


def test_refused_for_good():
    """TS 27.007 §8.3: one that was refused is not tried again; another one is."""
    _flash()
    assert tried("1234", None) and tried("1234", False)
    assert not tried("1234", None)
    assert tried("4321", None)


def test_broken_off():
    """TS 31.101 §9.3: a try that a power cut broke off may have counted; the SIM keeps one."""
    _flash()
    assert tried("1234", None) and tried("1234", None)
    assert not tried("1234", None)


def test_power_cut_before_it_is_noted():
    """TS 31.101 §9.3: a PIN is entered only when flash says so, whatever the cut leaves of it."""
    for steps in range(60):
        flash = _flash()
        entered = 0
        flash.left = steps
        try:
            entered += tried("1234", None)
        except PowerCut:
            pass
        flash.left = None
        while tried("1234", None):
            entered += 1
        assert entered <= 2, steps


def test_writes_are_counted():
    """TS 31.101 §9.3: what is noted of a PIN wears flash like all else, and outlives a factory
    reset.
    """
    _flash()
    assert storage.writes() == 0
    tried("1234", None)
    assert storage.writes() == 1
    tried("1234", False)
    assert storage.writes() == 2
    storage.remove_all()
    assert not tried("1234", None) and storage.writes() == 2


def test_accepted_leaves_nothing():
    """TS 27.007 §8.3: a right one is entered at each start."""
    _flash()
    for _ in range(4):
        assert tried("1234", None) and tried("1234", True)
    assert storage.Store("pin").load() is None
