"""The values of Objects over a deep sleep, without a board around them."""

from lwm2m.codec.cbor import dumps, loads
from lwm2m.objects.access_control import AccessControl
from lwm2m.tree import Tree
from node import kept, retained, values
from unit.lamp import Lamp

_TARGET = (30001, 0)


class _Part:
    # What a node's client, endpoint, bearer and log are to node.kept.
    endpoint_name = "probe-1"
    touched = None

    def __init__(self):
        self.endpoint = self
        self.bootstrap = None
        self.size = 100
        self.errors = []

    def freeze(self, now=None, limit=None, known=()):
        return (1, 2) if now is None else bytes(self.size)

    def event(self, name, facts):
        self.errors.append(facts["reason"])


class _Node:
    """A node whose application adds two lamps, the first with a name."""

    def __init__(self, rights=False):
        self.tree = Tree()
        self.client = self.bearer = self.log = _Part()
        self.timers = []
        self.changed = set()
        self.given = []
        self.site = {"endpoint": "probe-1"}
        self.sagging = self.mirrored = False
        self.written = 0
        for level in (5, 6):
            self.tree.add(Lamp(level))
        self.tree.get(30001, 0).values[1] = "hall"
        if rights:
            self.tree.add(AccessControl(_TARGET[0], _TARGET[1], owner=1, acl={2: 1}))

    def begin(self, found=()):
        """Take back what was kept, as a start does."""
        self.given = values.given(self)
        values.put(self, found)
        self.tree.on_change.append(self.changed.add)
        return self

    def attempt(self, function):
        function()

    def packed(self, counters, body):
        return retained.pack(counters, body)


def _record(node):
    """Return (client, values) of the record for a deep sleep."""
    state = loads(retained.unpack(kept.freeze(node, 0))[1])
    return state[3], kept._unpacked(state[-2], state[-1])


def _slept(node, rights=False):
    """Return the node as it is after a deep sleep."""
    return _Node(rights).begin(loads(dumps(_record(node)[1])))


def test_values_are_what_they_were():
    """DESIGN §3: numbers, text, object links and instances of resources, over two sleeps."""
    node = _Node().begin()
    lamp = node.tree.get(30001, 1)
    lamp.set(0, 1 << 40)
    lamp.set(3, {0: (3, 0), 7: (30001, 1)})
    for _ in range(2):
        node = _slept(node)
        found = node.tree.get(30001, 1).values
        assert found == {0: 1 << 40, 3: {0: (3, 0), 7: (30001, 1)}}, found


def test_a_resource_that_was_removed_stays_away():
    """TS 1.0 5.4.3, Replace: what it left out does not come back with the application's start."""
    node = _Node().begin()
    lamp = node.tree.get(30001, 0)
    lamp.clear(1)
    lamp.changed(1)
    for _ in range(2):
        node = _slept(node)
        assert node.tree.get(30001, 0).values == {0: 5}


def test_instances_that_were_made_and_deleted():
    """TS 1.0 5.4.6, 5.4.7: also one that was made without a value."""
    node = _Node().begin()
    node.tree.remove(30001, 0)
    node.tree.add(Lamp(), 7)
    lamp = node.tree.add(Lamp(), 9)
    lamp.set(0, 1)
    for _ in range(2):
        node = _slept(node)
        assert node.tree.instances(30001) == [1, 7, 9]
        assert node.tree.get(30001, 7).values == {} and node.tree.get(30001, 9).values == {0: 1}


def test_what_a_bootstrap_made_and_a_server_deleted():
    """TS 1.1 Core 6.1.7.5: its record makes the instance again at each start."""
    node = _Node().begin()
    node.client.bootstrap = _Part()
    node.client.bootstrap.touched = {(30001, 4): [0], (30001, 5): [0]}
    node.tree.add(Lamp(), 4)
    woken = _Node()
    for iid in (4, 5):
        woken.tree.add(Lamp(), iid)
    woken.begin(_record(node)[1])
    assert woken.tree.instances(30001) == [0, 1, 4]


def test_rights_are_kept_before_other_values():
    """TS 1.1 Core 8.1: what an owner took away is not granted again for want of room."""
    node = _Node(rights=True).begin()
    node.tree.get(30001, 0).set(1, "x" * 3000)
    node.tree.get(2, 0).set(2, {2: 0})
    client, found = _record(node)
    assert client and node.log.errors
    assert [row[:3] for row in found] == [[2, 0, 2]], found
    woken = _Node(rights=True).begin(found)
    assert woken.tree.get(2, 0).values[2] == {2: 0}
    assert woken.tree.get(30001, 0).values[1] == "hall"


def test_no_room_at_all():
    """DESIGN §3: a record too large without any value is none."""
    node = _Node(rights=True).begin()
    node.tree.get(2, 0).set(2, {2: 0})
    node.client.size = 3000
    assert kept.freeze(node, 0) is None


def test_values_of_what_is_gone():
    """DESIGN §3: an Object or an instance that the start has no longer."""
    rows = [[30002, 0, 1, "x"], [30002, 1, 1, None], [30002, 3, None, None], [3, 0, None, True]]
    node = _Node().begin(rows)
    assert node.tree.objects() == [30001] and node.tree.get(30001, 1).values == {0: 6}
