"""Device management of 1.2, and which right each operation needs: TS 1.2 Core §6.3, §8.2."""

from lwm2m.codec.cbor import dumps
from lwm2m.object import Object, OperationError
from unit.lwm2m_model.helpers import DELETE, GET, POST, PUT, VALUES, Everything, Fixture, code

HEAP_K = 96  # the tests' own code and the codecs of every operation

FETCH = 5
IPATCH = 7
R, W, E, D, C = 1, 2, 4, 8, 16


def _links(fixture, path, *queries):
    response = fixture.ask(GET, path, accept=40, queries=queries)
    assert code(response) == 205
    links = str(bytes(response.payload), "utf-8")
    return links.replace(";ver=1.1", "").replace(";ver=1.2", "")


def test_alternate_path():
    """TS 1.2 Transport §6.4.1: names in SenML begin with the alternate path; those that do not are
    understood as well."""
    fixture = Fixture("1.2")
    fixture.operations.root = "lwm2m"
    for path, accept, expected in (
        ("3/0/3", 110, b'[{"bn":"/lwm2m/3/0/3","vs":"1.0"}]'),
        ("30000/0/256", 320, None),
        ("3/0/3", 112, b"\x81\xa2\x21\x6c/lwm2m/3/0/3\x03\x631.0"),
        ("3/0/3", 11542, b"\xc3\x031.0"),
        ("3/0/3", 11544, b"\xa1\x83\x03\x00\x03\x631.0"),
    ):
        response = fixture.ask(GET, path, accept=accept)
        assert response.payload == expected if expected else code(response) == 406
    expected = b'[{"bn":"/lwm2m/3/0/","n":"0","vs":"Open Mobile Alliance"},'
    assert fixture.ask(GET, "3/0", accept=110).payload[:58] == expected
    for name in ("/lwm2m/3/0/3", "/3/0/3", "/lwm2m/3/0/3/"):
        payload = ('[{"n":"%s"}]' % name).encode()
        response = fixture.ask(FETCH, "", payload, 110, 110)
        assert response.payload == b'[{"bn":"/lwm2m/3/0/3","vs":"1.0"}]'
    for name in ("/", "/lwm2m", "/lwm2m/"):
        payload = ('[{"n":"%s"}]' % name).encode()
        response = fixture.ask(FETCH, "", payload, 110, 110)
        assert response.payload.read(0, 29) == b'[{"bn":"/lwm2m/","n":"1/0/0",'
    for name in ("/lwm2m/30000/0/", "/30000/0/"):
        for content_format, value in ((110, 5), (320, 6)):
            payload = ('[{"bn":"%s","n":"1","v":%d}]' % (name, value)).encode()
            assert code(fixture.ask(POST, "30000/0", payload, content_format)) == 204
            assert fixture.thing.values[1] == value
            payload = ('[{"bn":"%s","n":"1","v":%d}]' % (name, -value)).encode()
            assert code(fixture.ask(IPATCH, "", payload, content_format)) == 204
            assert fixture.thing.values[1] == -value
    for name in ("/other/30000/0/", "/lwm2m30000/0/", "lwm2m/30000/0/", "/lwm2m/lwm2m/30000/0/"):
        payload = ('[{"bn":"%s","n":"1","v":1}]' % name).encode()
        assert code(fixture.ask(POST, "30000/0", payload, 110)) == 400


def test_discover_to_a_depth():
    """LightweightM2M-1.2-int-264, 266: so many levels below the path, resource instances last."""
    fixture = Fixture("1.2")
    resources = (
        "</3/0/0>,</3/0/1>,</3/0/2>,</3/0/3>,</3/0/4>,</3/0/11>;dim=1%s,</3/0/12>,</3/0/16>"
    )
    listed = resources % ""
    deeper = resources % ",</3/0/11/0>"
    for path, depth, expected in (
        ("3", 0, "</3>"),
        ("3", 1, "</3>,</3/0>"),
        ("3", 2, "</3>,</3/0>," + listed),
        ("3", 3, "</3>,</3/0>," + deeper),
        ("3/0", 0, "</3/0>"),
        ("3/0", 1, "</3/0>," + listed),
        ("3/0", 2, "</3/0>," + deeper),
        ("3/0", 3, "</3/0>," + deeper),
        ("3/0/11", 0, "</3/0/11>;dim=1"),
        ("3/0/11", 1, "</3/0/11>;dim=1,</3/0/11/0>"),
        ("3/0/11", 3, "</3/0/11>;dim=1,</3/0/11/0>"),
        ("3/0/0", 2, "</3/0/0>"),
    ):
        assert _links(fixture, path, "depth=%d" % depth) == expected, (path, depth)


def test_discover_without_a_depth():
    """TS 1.1 Core §6.3.2: down to the resources, and from a resource to its instances; versions
    that know no depth read over it."""
    for path, depth in (("3", 2), ("3/0", 1), ("3/0/11", 1)):
        fixture = Fixture("1.2")
        expected = _links(fixture, path, "depth=%d" % depth)
        assert _links(fixture, path) == expected
        assert _links(Fixture("1.1"), path) == expected
        assert _links(Fixture("1.1"), path, "depth=0") == expected


def test_depths_that_are_none():
    """TS 1.2 Core §6.3.2: a depth is 0, 1, 2 or 3, and told once; 4.00 otherwise."""
    fixture = Fixture("1.2")
    for queries in (("depth=4",), ("depth=-1",), ("depth=",), ("depth",), ("depth=1", "depth=1")):
        assert code(fixture.ask(GET, "3", accept=40, queries=queries)) == 400, queries


def test_attributes_in_a_deep_discover():
    """LightweightM2M-1.1-int-260: attributes stand at the level where they were written."""
    fixture = Fixture("1.2")
    assert code(fixture.ask(PUT, "3", queries=("pmin=5",))) == 204
    assert code(fixture.ask(PUT, "3/0/11/0", queries=("pmax=60",))) == 204
    assert _links(fixture, "3", "depth=1") == "</3>;pmin=5,</3/0>"
    assert "</3/0/11>;dim=1,</3/0/11/0>;pmax=60," in _links(fixture, "3", "depth=3")


def test_delete_of_a_resource_instance():
    """TS 1.2 Core §6.3.7: a resource instance is deleted on its own, with its attributes."""
    fixture = Fixture("1.2")
    assert code(fixture.ask(PUT, "30000/0/256/300", queries=("pmin=5",))) == 204
    assert code(fixture.ask(DELETE, "30000/0/256/300")) == 202
    assert fixture.thing.values[256] == {0: 1}
    assert fixture.changes == [(30000, 0, 256)]
    assert code(fixture.ask(DELETE, "30000/0/256/300")) == 404
    assert code(fixture.ask(GET, "30000/0/256/300")) == 404
    assert code(fixture.ask(DELETE, "30000/0/256/0")) == 202
    assert fixture.thing.values[256] == {}
    # The instance that comes in its place is another one.
    fixture.thing.set(256, 4, 300)
    assert _links(fixture, "30000/0/256") == "</30000/0/256>;dim=1,</30000/0/256/300>"


def test_what_a_delete_does_not_take():
    """LightweightM2M-1.2-int-685: 4.05 for what no server deletes, 4.04 for what is not there."""
    for name, path, expected in (
        ("1.2", "3/0", 405),
        ("1.2", "3/0/11/0", 405),  # read-only
        ("1.2", "3/0/0", 405),
        ("1.2", "3", 405),
        ("1.2", "", 405),
        ("1.2", "1/0", 405),
        ("1.2", "30000/0/256", 405),
        ("1.2", "30000/0/256/7", 404),
        ("1.2", "30000/7", 404),
        ("1.2", "30000/7/256/0", 404),
        ("1.2", "30000/0/1/0", 404),
        ("1.2", "30000/0/99", 404),
        ("1.2", "0/0", 401),
        ("1.2", "21/0", 401),
        ("1.2", "23/0", 401),
        ("1.1", "30000/0/256/300", 405),
        ("1.0", "30000/0/256/300", 405),
    ):
        fixture = Fixture(name)
        assert code(fixture.ask(DELETE, path)) == expected, (name, path)
        assert fixture.thing.values == VALUES
        assert fixture.changes == []


def test_the_last_of_a_mandatory_list():
    """TS 1.2 Core §6.3.7: a mandatory resource keeps an instance."""

    class Lists(Everything):
        object_id = 30001
        resources = b"\x00\x00\x1b\x02"  # mandatory multiple integer

    fixture = Fixture("1.2")
    lists = fixture.tree.add(Lists())
    lists.values[0] = {1: 1, 2: 2}
    assert code(fixture.ask(DELETE, "30001/0/0/1")) == 202
    assert code(fixture.ask(DELETE, "30001/0/0/2")) == 405
    payload = b'[{"n":"/30001/0/0/2","v":null}]'
    assert code(fixture.ask(IPATCH, "", payload, 320)) == 405
    assert lists.values[0] == {2: 2}


class _Rights:
    """Asks for rights as the client's Access does; keeps what it was asked."""

    def __init__(self, refused=0, hidden=()):
        self.asked = []
        self.told = []
        self.refused = refused
        self.hidden = hidden

    def check(self, account, path, needed):
        self.asked.append((path, needed))
        if needed & self.refused:
            raise OperationError(0x81)

    def readable(self, account, path):
        return path not in self.hidden

    def created(self, account, path):
        self.told.append(("created", path))

    def deleted(self, path):
        self.told.append(("deleted", path))


_REQUESTS = (
    ((GET, "30000/0"), ((30000, 0), R)),
    ((GET, "30000/0/1"), ((30000, 0, 1), R)),
    ((PUT, "30000/0/1", b"5", 0), ((30000, 0, 1), W)),
    ((POST, "30000/0", b"\xc1\x01\x05", 11542), ((30000, 0), W)),
    ((POST, "30000/0/10"), ((30000, 0, 10), E)),
    ((POST, "30000", b"\xc1\x00x", 11542), ((30000,), C)),
    ((DELETE, "30000/0/256/0"), ((30000, 0, 256, 0), D)),
    ((DELETE, "30000/0"), ((30000, 0), D)),
    ((IPATCH, "", b'[{"n":"/30000/0/1","v":5}]', 110), ((30000, 0, 1), W)),
)


def test_rights():
    """TS 1.1 Core table 8.2.4-1: Read R, Write W, Execute E, Delete D, Create C; 4.01 without."""
    for request, asked in _REQUESTS:
        fixture = Fixture("1.2")
        fixture.operations.access = rights = _Rights()
        assert code(fixture.ask(*request)) // 100 == 2, request
        assert rights.asked == [asked]
        fixture = Fixture("1.2")
        fixture.operations.access = _Rights(asked[1])
        assert code(fixture.ask(*request)) == 401, request
        assert fixture.thing.values == VALUES and fixture.thing.executed == []
        assert fixture.tree.instances(30000) == [0] and fixture.changes == []
    fixture = Fixture("1.2")
    fixture.operations.access = rights = _Rights()
    assert code(fixture.ask(PUT, "30000/0", queries=("pmin=1",))) == 204
    assert rights.asked == [((30000, 0), R)]
    assert code(fixture.ask(GET, "30000/0", accept=40)) == 205  # Discover needs none
    assert code(fixture.ask(PUT, "30000", queries=("pmin=1",))) == 204
    assert len(rights.asked) == 1


def test_instances_that_come_and_go():
    """TS 1.1 Core §8.1.2.2: who makes an instance is told, and that one is gone."""
    fixture = Fixture("1.2")
    fixture.operations.access = rights = _Rights()
    assert code(fixture.ask(POST, "30000", b"\xc1\x00x", 11542)) == 201
    assert code(fixture.ask(DELETE, "30000/1")) == 202
    assert code(fixture.ask(DELETE, "30000/0/256/0")) == 202
    assert rights.told == [("created", (30000, 1)), ("deleted", (30000, 1))]


def test_unreadable_instances_are_left_out():
    """TS 1.1 Core §8.2.4: an Object is read without the instances that the server may not read."""
    fixture = Fixture("1.2")
    fixture.tree.add(Everything()).values[0] = "other"
    fixture.operations.access = _Rights(hidden=((30000, 0),))
    expected = b'[{"bn":"/30000/","n":"1/0","vs":"other"}]'
    assert fixture.ask(GET, "30000", accept=110).payload == expected
    assert fixture.ask(FETCH, "", b'[{"n":"/30000"}]', 110, 110).payload == expected
    payload = b'[{"n":"/30000/0/1"},{"n":"/30000/1/0"}]'
    assert fixture.ask(FETCH, "", payload, 110, 110).payload == (
        b'[{"bn":"/30000/","n":"1/0","vs":"other"}]'
    )


class Samples(Object):
    """The only instance of an Object that servers make, with multiple resources."""

    object_id = 30001
    creatable = True
    resources = (
        b"\x00\x00\x1b\x02"  # mandatory, multiple integer
        b"\x00\x01\x0b\x04"  # multiple float
    )

    def __init__(self):
        super().__init__()
        self.values[0] = {0: 1}


def test_instances_of_a_resource():
    """TS 1.2 Core §6.3.3, §6.3.8, §7.4.6: a map is no value of a resource instance; there is one
    at least of what is mandatory, and no more than the client keeps. What is refused changes
    nothing."""
    fixture = Fixture("1.2")
    thing = fixture.tree.add(Samples())
    for method, path, values, expected in (
        (PUT, "30001/0/1", {1: {0: {}}}, 400),
        (POST, "30001/0", {1: {0: {}}}, 400),
        (IPATCH, "", {1: {0: {}}}, 400),
        (PUT, "30001/0/1", {1: {riid: 1 for riid in range(65)}}, 400),
        (PUT, "30001/0", {1: {riid: 1 for riid in range(65)}}, 400),
        (PUT, "30001/0/0", {0: {}}, 405),
        (PUT, "30001/0", {0: {}, 1: {0: 2.5}}, 405),
    ):
        payload = dumps({30001: {0: values}})
        assert code(fixture.ask(method, path, payload, 11544)) == expected, (method, path)
        assert thing.values == {0: {0: 1}}
    assert fixture.changes == []
    payload = dumps({30001: {0: {1: {riid: 1 for riid in range(64)}}}})
    assert code(fixture.ask(PUT, "30001/0/1", payload, 11544)) == 204
    assert len(thing.values[1]) == 64


class Drive(Object):
    """An actuator out of order, beside what works."""

    object_id = 30004
    resources = (
        b"\x00\x00\x03\x02"  # integer
        b"\x00\x01\x03\x02"  # integer
        b"\x00\x02\x03\x02"  # integer, of the actuator
        b"\x00\x03\x03\x02"  # integer
    )

    failure = OSError(5)
    stuck = False

    def write(self, rid, value, server):
        """Fail for the actuator; where it is stuck, so does what follows."""
        if rid == 2 or (self.stuck and self.values.get(rid) == 8):
            raise self.failure
        super().write(rid, value, server)


def test_write_that_fails_half_way():
    """TS 1.2 Core §6.3.3, §6.3.9: what one resource cannot take leaves the others as they were;
    one that does not go back is told."""
    fixture = Fixture("1.2")
    drive = fixture.tree.add(Drive())
    drive.values.update({0: 1, 3: 4})
    payload = dumps({30004: {0: {0: 8, 1: 8, 2: 8}}})
    for failure in (OSError(5), OperationError(0xA0)):
        drive.failure = failure
        for method, path in ((PUT, "30004/0"), (POST, "30004/0"), (IPATCH, "")):
            assert code(fixture.ask(method, path, payload, 11544)) == 500
            assert drive.values == {0: 1, 3: 4} and fixture.changes == []
    drive.stuck = True
    assert code(fixture.ask(POST, "30004/0", payload, 11544)) == 500
    assert drive.values == {0: 8, 3: 4} and fixture.changes == [(30004, 0, 0)]


def test_create_of_a_single_instance():
    """TS 1.2 Core §6.3.6: the only instance of an Object has the id 0; another is refused."""
    fixture = Fixture("1.2")
    fixture.tree.declare(Samples)
    for iid, values, expected in ((1, {1: {0: 2}}, 400), (0, {0: {}}, 405), (0, {0: {3: 2}}, 201)):
        payload = dumps({30001: {iid: values}})
        assert code(fixture.ask(POST, "30001", payload, 11544)) == expected
    assert fixture.tree.instances(30001) == [0]
    assert fixture.tree.get(30001, 0).values == {0: {3: 2}}
