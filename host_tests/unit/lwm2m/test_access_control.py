"""Access Control (Object 2): TS 1.1 Core §8, which is TS 1.0 §7.3."""

from coap.message import Message
from lwm2m import versions
from lwm2m.access import Access, unbootstrap
from lwm2m.client import Client
from lwm2m.codec.cbor import dumps, loads
from lwm2m.object import Object, OperationError
from lwm2m.objects.access_control import AccessControl
from lwm2m.objects.device import Device
from lwm2m.operations import Operations
from lwm2m.tree import Tree

HEAP_K = 120  # the tests themselves, and the client beside them

GET, POST, PUT, DELETE, FETCH, IPATCH = 1, 2, 3, 4, 5, 7
R, W, E, D, C = 1, 2, 4, 8, 16
NOBODY = 65535


class Account:
    """Stands for a ServerAccount: rights know it by its Short Server ID."""

    def __init__(self, short_server_id):
        self.short_server_id = short_server_id


class Lamp(Object):
    """Something to read, write, execute, create and delete."""

    object_id = 30001
    multiple = True
    creatable = True
    resources = (
        b"\x00\x00\x03\x02"  # level
        b"\x00\x01\x04\x00"  # blink
        b"\x00\x02\x02\x02"  # secret
    )

    def __init__(self):
        super().__init__()
        self.values[0] = 5
        self.blinked = 0

    def execute(self, rid, arguments, server):
        self.blinked += 1


class House:
    """Device and two lamps, and servers with these Short Server IDs; controls are added to it."""

    def __init__(self, *controls, servers=(1, 2, 3), version="1.1"):
        self.tree = Tree()
        self.accounts = [Account(each) for each in servers]
        self.tree.add(Device("maker", "model", "serial", "1.0"))
        self.lamps = [self.tree.add(Lamp()) for _ in range(2)]
        for control in controls:
            self.tree.add(control)
        self.operations = Operations(self.tree, versions.get(version))
        self.access = self.operations.access = Access(self)

    def may(self, server, path, needed):
        """Whether the rights allow it."""
        try:
            self.access.check(Account(server), path, needed)
        except OperationError as error:
            assert error.code == 0x81
            return False
        return True

    def rights(self, server, path=(30001, 0)):
        """The sum of what a server may do with an instance."""
        return sum([bit for bit in (R, W, E, D) if self.may(server, path, bit)])

    def ask(self, server, code, path, payload=b"", content_format=None, accept=None, queries=()):
        """Carry out a request of a server; return its code as 205 for 2.05, and the payload."""
        request = Message(code, payload=payload)
        for query in queries:
            request.add(15, query)
        if content_format is not None:
            request.add(12, content_format)
        if accept is not None:
            request.add(17, accept)
        ids = tuple([int(each) for each in path.split("/")]) if path else ()
        response = self.operations.handle(request, ids, Account(server))
        return (response.code >> 5) * 100 + (response.code & 31), bytes(response.payload)

    def code(self, *arguments, **keywords):
        return self.ask(*arguments, **keywords)[0]

    def controls(self):
        """What Object 2 says: (target, instance, owner, ACL), sorted."""
        found = []
        for iid in self.tree.instances(2):
            values = self.tree.get(2, iid).values
            found.append((values[0], values[1], values[3], values.get(2)))
        return sorted(found, key=lambda each: each[:2])


def test_single_server_may_do_everything():
    """TS 1.1 Core §8.2.1: the only server account has full access, whatever Object 2 says."""
    house = House(AccessControl(30001, 0, owner=7, acl={1: 0, 0: 0}), servers=(1,))
    assert house.rights(1) == R + W + E + D
    assert house.rights(1, (30001, 1)) == R + W + E + D
    assert house.may(1, (30001,), C)
    assert house.code(1, PUT, "30001/0/0", b"7", 0) == 204
    assert house.lamps[0].values[0] == 7


def test_owner_without_entry():
    """TS 1.1 Core §8.2.1 1: an owner without an ACL entry of its own has full access."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: R, 0: 0}))
    assert house.rights(1) == R + W + E + D


def test_own_entry():
    """TS 1.1 Core §8.2.1 2: a server with an entry has the rights in it, the owner too."""
    house = House(AccessControl(30001, 0, owner=1, acl={1: R, 2: R + E, 0: 15}))
    assert house.rights(1) == R
    assert house.rights(2) == R + E


def test_default_entry():
    """TS 1.1 Core §8.2.1 3: entry 0 is for servers without one that are not the owner."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: W, 0: R}))
    assert [house.rights(server) for server in (1, 2, 3)] == [15, W, R]


def test_no_entry():
    """TS 1.1 Core §8.2.1 4: neither owner nor entry nor default: 4.01."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: R}))
    assert house.rights(3) == 0
    assert house.code(3, GET, "30001/0/0") == 401


def test_bootstrap_owner():
    """OMA 2/x/3: 65535 is no server; the instance is as its ACL says."""
    house = House(AccessControl(30001, 0, acl={2: R}))
    assert [house.rights(server) for server in (1, 2)] == [0, R]


def test_instance_without_control():
    """TS 1.1 Core §8.2.1: with several servers, rights that cannot be obtained are none."""
    house = House(AccessControl(30001, 0, owner=1))
    assert house.rights(1, (30001, 1)) == 0
    assert house.code(1, GET, "3/0/0") == 401


def test_absent_instances_are_not_found():
    """TS 1.1 Core §8.2: what is not there is 4.04, not a matter of rights."""
    house = House(AccessControl(30001, 0, owner=1))
    assert house.code(1, GET, "30001/9/0") == 404
    assert house.code(1, DELETE, "30001/9") == 404
    assert house.code(1, GET, "12345/0") == 404


def test_operations_need_their_bits():
    """TS 1.1 Core §8.2 table: R for Read and Write-Attributes, W Write, E Execute, D Delete."""
    attempts = [
        (R, (GET, "30001/0"), 205),
        (R, (GET, "30001/0/0"), 205),
        (W, (PUT, "30001/0/0", b"6", 0), 204),
        (W, (POST, "30001/0", b"\xc1\x00\x07", 11542), 204),
        (E, (POST, "30001/0/1"), 204),
        (D, (DELETE, "30001/0"), 202),
    ]
    for granted in range(16):
        for needed, attempt, done in attempts:
            house = House(AccessControl(30001, 0, owner=1, acl={2: granted}))
            expected = done if granted & needed else 401
            assert house.code(2, *attempt) == expected, (granted, attempt)
            if expected == 401:
                assert house.lamps[0].values == {0: 5} and not house.lamps[0].blinked
                assert house.tree.get(30001, 0)
        house = House(AccessControl(30001, 0, owner=1, acl={2: granted}))
        expected = 204 if granted & R else 401
        assert house.code(2, PUT, "30001/0/0", queries=("pmin=5",)) == expected


def test_rights_come_before_what_the_resource_supports():
    """TS 1.1 Core §8.2.2: 4.01 first; 4.05 where the right is there and the resource is not."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: R, 3: 15}))
    assert house.code(2, PUT, "30001/0/1", b"", 0) == 401
    assert house.code(3, GET, "30001/0/1") == 405
    assert house.code(3, PUT, "30001/0/1", b"x", 0) == 405


def test_write_only_needs_write():
    """TS 1.1 Core §8.2: W alone writes, and does not read."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: W}))
    assert house.code(2, PUT, "30001/0/2", b"4", 0) == 204
    assert house.code(2, GET, "30001/0/0") == 401


def test_discover_needs_no_right():
    """TS 1.1 Core §8.2 table and §8.2.4: Discover is always carried out."""
    house = House(AccessControl(30001, 0, owner=1, acl={0: 0}))
    for path in ("30001", "30001/0", "30001/0/0", "30001/1", "3/0"):
        assert house.code(2, GET, path, accept=40) == 205


def test_object_read_has_what_may_be_read():
    """TS 1.1 Core §8.2.4: a Read of an Object has the instances with R, be there any or none."""
    house = House(
        AccessControl(30001, 0, owner=1, acl={2: W}), AccessControl(30001, 1, owner=1, acl={2: R})
    )
    house.lamps[1].values[0] = 9
    code, payload = house.ask(2, GET, "30001", accept=11542)
    assert code == 205 and payload == b"\x03\x01\xc1\x00\x09", payload
    code, payload = house.ask(1, GET, "30001", accept=11542)
    assert payload == b"\x03\x00\xc1\x00\x05\x03\x01\xc1\x00\x09"
    assert house.ask(3, GET, "30001", accept=11542) == (205, b"")


def test_object_level():
    """TS 1.1 Core §8.2.4: Write-Attributes on an Object is carried out; Write and Delete: 4.05."""
    house = House(AccessControl(30001, 0, owner=1, acl={0: 0}))
    assert house.code(2, PUT, "30001", queries=("pmin=5",)) == 204
    assert house.code(2, PUT, "30001", b"1", 0) == 405
    assert house.code(2, DELETE, "30001") == 405


def test_create_needs_its_right():
    """TS 1.1 Core §8.1.2.1: C in the server's entry for the Object; without an instance nobody."""
    house = House(AccessControl(30001, NOBODY, acl={2: C, 3: 15, 0: C}))
    assert house.code(2, POST, "30001", b"", 11542) == 201
    assert house.code(3, POST, "30001", b"", 11542) == 401
    # The default entry gives it to nobody.
    assert house.code(1, POST, "30001", b"", 11542) == 401
    assert House(AccessControl(30001, 0, owner=2)).code(2, POST, "30001", b"", 11542) == 401
    assert house.tree.instances(30001) == [0, 1, 2]


def test_creator_becomes_owner():
    """TS 1.1 Core §8.1.2.2 and §6.3.6: owner is who created, with full access and no ACL."""
    house = House(AccessControl(30001, NOBODY, acl={2: C}))
    assert house.code(2, POST, "30001", b"", 11542) == 201
    assert house.controls() == [(30001, 2, 2, None), (30001, NOBODY, NOBODY, {2: C})]
    assert house.rights(2, (30001, 2)) == 15
    assert house.rights(1, (30001, 2)) == 0


def test_refused_create_leaves_nothing():
    """TS 1.1 Core §6.3.6: if any error occurs, nothing is created."""
    house = House(AccessControl(30001, NOBODY, acl={2: C}))
    before = house.controls()
    assert house.code(2, POST, "30001", b"\xff\xff", 11542) == 400
    assert house.controls() == before and house.tree.instances(30001) == [0, 1]


def test_only_server_is_recorded():
    """TS 1.1 Core §8: with Object 2 in a single-server context, what is created has its owner."""
    house = House(AccessControl(30001, NOBODY), servers=(2,))
    assert house.code(2, POST, "30001", b"", 11542) == 201
    assert (30001, 2, 2, None) in house.controls()


def test_delete_takes_the_rights_along():
    """TS 1.1 Core §8.1.2.2: with the instance its Access Control instance goes."""
    house = House(
        AccessControl(30001, 0, owner=1, acl={2: D}), AccessControl(30001, 1, owner=1)
    )
    assert house.code(2, DELETE, "30001/0") == 202
    assert house.controls() == [(30001, 1, 1, None)]
    house = House(AccessControl(30001, 0, owner=1), servers=(1,))
    assert house.code(1, DELETE, "30001/0") == 202
    assert house.controls() == []


def test_the_last_rights_leave_nobody_more():
    """TS 1.1 Core §8.2.1: the deletion of the only instance with rights opens no other."""
    house = House(AccessControl(30001, 0, owner=1))
    assert not house.may(2, (3, 0), R)
    assert house.code(1, DELETE, "30001/0") == 202
    assert house.controls() == [(30001, NOBODY, NOBODY, {})]
    assert not house.may(2, (3, 0), R) and not house.may(1, (30001, 1), W)
    assert house.code(1, POST, "30001", b"", 11542) == 401
    house.access.created(Account(2), (30001, 1))  # as by a right that a bootstrap gave
    assert house.rights(2, (30001, 1)) == R + W + E + D


def test_stale_rights_are_no_trap():
    """TS 1.1 Core §8.1.1: a creator finds no rights but its own."""
    house = House(
        AccessControl(30001, NOBODY, acl={2: C}), AccessControl(30001, 2, owner=1, acl={0: 15})
    )
    assert house.code(2, POST, "30001", b"", 11542) == 201
    assert [each for each in house.controls() if each[1] == 2] == [(30001, 2, 2, None)]


def test_owner_manages_its_control():
    """TS 1.1 Core §8.1.2.2: the owner writes ACL and owner; an entry that is not there is made."""
    house = House(AccessControl(30001, 0, owner=1))
    assert house.rights(2) == 0
    assert house.code(1, POST, "2/0/2", b"\x41\x02\x01", 11542) == 204
    assert house.rights(2) == R
    assert house.code(1, POST, "2/0/2", b"\x41\x03\x0f", 11542) == 204
    assert house.controls() == [(30001, 0, 1, {2: R, 3: 15})]
    assert house.code(1, PUT, "2/0/3", b"2", 0) == 204
    assert house.code(1, PUT, "2/0/3", b"1", 0) == 401
    assert house.code(2, PUT, "2/0/2", b"\x41\x01\x01", 11542) == 204
    assert house.controls() == [(30001, 0, 2, {1: R})]


def test_others_may_not_write_a_control():
    """TS 1.1 Core §8.1.2.2: anybody else's Write is 4.01, also on what a bootstrap owns."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: 15}), AccessControl(3, 0))
    before = house.controls()
    for server, path in ((2, "2/0"), (2, "2/0/2"), (1, "2/1/2"), (3, "2/1/3")):
        payload = b"\x41\x02\x1f" if path.count("/") == 2 else b"\xc1\x03\x02"
        assert house.code(server, POST, path, payload, 11542) == 401, path
        assert house.code(server, PUT, path, payload, 11542) == 401, path
    assert house.controls() == before


def test_everybody_reads_controls():
    """OMA 2/x: R; a server finds out what it may do."""
    house = House(AccessControl(30001, 0, owner=1))
    for server in (1, 2, 3):
        assert house.code(server, GET, "2") == 205
        assert house.code(server, GET, "2/0/3") == 205
        assert house.code(server, PUT, "2/0", queries=("pmin=5",)) == 204


def test_controls_are_made_by_a_bootstrap_only():
    """TS 1.1 Core §8.1.2: no server creates or deletes an instance of Object 2, be it alone."""
    house = House(AccessControl(30001, 0, owner=1), AccessControl(2, NOBODY, acl={1: C}))
    assert house.code(1, POST, "2", b"\xc1\x00\x03", 11542) == 401
    assert house.code(1, DELETE, "2/0") == 401
    house = House(AccessControl(30001, 0, owner=1), servers=(1,))
    assert house.code(1, POST, "2", b"\xc1\x00\x03", 11542) == 405
    assert house.code(1, DELETE, "2/0") == 405


def test_values_are_checked():
    """OMA 2/x/2 and 2/x/3: rights are 0 to 31, ids have 16 bits; a bad one changes nothing."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: R}))
    before = house.controls()
    for path, payload, content_format in (
        ("2/0/2", b"\x41\x02\x20", 11542),
        ("2/0/2", b"\x41\x02\xff", 11542),
        ("2/0/2", b"\x61\xff\xff\x01", 11542),
        ("2/0/3", b"65536", 0),
        ("2/0/3", b"-1", 0),
    ):
        assert house.code(1, PUT, path, payload, content_format) == 400, path
    assert house.code(1, PUT, "2/0/0", b"3", 0) == 405
    assert house.controls() == before


def test_a_bit_that_is_taken_away():
    """TS 1.1 Core §8.2.5: what may not be read is not notified: the Read behind it fails."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: R}))
    assert house.operations.read((30001, 0, 0), 0, Account(2)) == (0, b"5")
    house.tree.get(2, 0).values[2] = {2: W}
    try:
        house.operations.read((30001, 0, 0), 0, Account(2))
        raise AssertionError("read")
    except OperationError as error:
        assert error.code == 0x81


class Configured:
    """Stands for a provision.Configuration of servers 1, 2 and 3, and of the controls given."""

    def __init__(self, *controls):
        self.accounts = {
            0: {},
            1: {iid: {0: iid + 1} for iid in range(3)},
            2: {iid: controls[iid].values for iid in range(len(controls))},
        }
        self.deleted = set()
        self.others = {(30001, 1): {0: 7}}

    def object_class(self, oid):
        return {3: Device, 30001: Lamp}.get(oid)


def test_account_that_ends():
    """TS 1.0 E.1.3: entries of its go; the heir has most of W and D; without one it is deleted."""
    configuration = Configured(
        AccessControl(30001, 0, owner=1, acl={1: 15, 2: W, 3: W + D, 0: R}),
        AccessControl(30001, 1, owner=1, acl={1: 15}),
        AccessControl(3, 0, owner=1),
        AccessControl(30001, NOBODY, acl={1: C, 2: C}),
        AccessControl(30001, 2, owner=2, acl={1: R}),
        AccessControl(30001, 3, owner=1, acl={0: R}),
    )
    unbootstrap(configuration, 1)
    assert configuration.accounts == {
        0: {},
        1: {1: {0: 2}, 2: {0: 3}},
        2: {
            0: {0: 30001, 1: 0, 2: {2: W, 3: W + D, 0: R}, 3: 3},
            2: {0: 3, 1: 0, 3: NOBODY},
            3: {0: 30001, 1: NOBODY, 2: {2: C}, 3: NOBODY},
            4: {0: 30001, 1: 2, 2: {}, 3: 2},
            5: {0: 30001, 1: 3, 2: {0: R}, 3: NOBODY},
        },
    }
    assert configuration.deleted == {(30001, 1)} and configuration.others == {}


def test_object_2_without_an_instance():
    """TS 1.1 Core §8.1.3: an Object 2 that nobody has filled restricts nobody, and stays empty."""
    house = House()
    house.tree.declare(AccessControl)
    assert house.rights(1) == house.rights(2) == 15
    assert house.code(2, POST, "30001", b"", 11542) == 201
    assert house.controls() == [] and house.rights(1, (30001, 2)) == 15


def test_client_without_object_2():
    """TS 1.0 Appendix E.3: the Object is optional; without it all may do everything."""
    client = Client("nudge", Tree(), lambda bits: 0)
    one = client.add_server("coap://192.0.2.1:5683", 1)
    client.add_server("coap://192.0.2.2:5683", 2)
    assert client.operations(one).access is None
    assert client.operations(one).read((1, 1, 0), 0, one) == (0, b"2")


def test_client_with_object_2():
    """TS 1.1 Core §8.2.1: rights hold as soon as there are Object 2 and a second account."""
    client = Client("nudge", Tree(), lambda bits: 0)
    client.tree.add(AccessControl(1, 0, owner=1))
    one = client.add_server("coap://192.0.2.1:5683", 1)
    assert client.operations(one).read((1, 0, 0), 0, one) == (0, b"1")
    two = client.add_server("coap://192.0.2.2:5683", 2, "1.0")
    assert client.operations(one).read((1, 0, 0), 0, one) == (0, b"1")
    for account, path in ((two, (1, 0, 0)), (two, (1, 1, 0)), (one, (1, 1, 0))):
        try:
            client.operations(account).read(path, 0, account)
            raise AssertionError(path)
        except OperationError as error:
            assert error.code == 0x81


def test_composites():
    """TS 1.1 Core §6.3.8, §6.3.9: a read leaves out, a write is whole or 4.01."""
    house = House(
        AccessControl(30001, 0, owner=1, acl={2: R}),
        AccessControl(30001, 1, owner=1, acl={2: W}),
    )
    both = dumps([{0: "/30001/0/0"}, {0: "/30001/1/0"}])
    code, payload = house.ask(2, FETCH, "", both, 112, 112)
    assert code == 205 and loads(payload) == [{-2: "/30001/0/0", 2: 5}] or loads(payload) == [
        {-2: "/30001/", 0: "0/0", 2: 5}
    ]
    code, payload = house.ask(1, FETCH, "", both, 112, 112)
    assert code == 205 and len(loads(payload)) == 2
    both = dumps([{0: "/30001/0/0", 2: 8}, {0: "/30001/1/0", 2: 8}])
    assert house.code(2, IPATCH, "", both, 112) == 401
    assert [lamp.values[0] for lamp in house.lamps] == [5, 5]
    assert house.code(2, IPATCH, "", dumps([{0: "/30001/1/0", 2: 8}]), 112) == 204
    assert house.code(1, IPATCH, "", both, 112) == 204
    assert [lamp.values[0] for lamp in house.lamps] == [8, 8]


def test_composite_of_the_root():
    """TS 1.1 Core §6.3.8: a Read-Composite of everything has what the server may read."""
    house = House(AccessControl(30001, 0, owner=1, acl={2: R}))
    root = dumps([{0: "/"}])
    names = []
    code, payload = house.ask(2, FETCH, "", root, 112, 112)
    assert code == 205
    base = ""
    for record in loads(payload):
        base = record.get(-2, base)
        names.append(base + record.get(0, ""))
    assert "/30001/0/0" in names and "/30001/1/0" not in names
    assert not [name for name in names if name.startswith("/3/")]
    assert "/2/0/3" in names  # anybody sees the rights themselves
