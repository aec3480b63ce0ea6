"""Software Management (Object 9): delivered, installed, activated, removed, and what fails."""

from coap.message import ACK, Message
from lwm2m.objects.software import SoftwareManagement
from unit.lwm2m.helpers import Bench, text
from unit.lwm2m.package_sink import PACKAGE, Sink

HEAP_K = 128  # the tests' own code, a client and packages in memory

GET, POST, PUT = 1, 2, 3
CHANGED, CONTENT = 0x44, 0x45
INITIAL, STARTED, DOWNLOADED, DELIVERED, INSTALLED = range(5)
PEER = ("files.example", 5683)


class Component(Sink):
    """A package that can be removed and switched on."""

    def __init__(self, disk=None, **options):
        super().__init__(disk, **options)
        self.applies = 1
        self.calls = []
        self.stuck = False

    def remove(self, for_update):
        self.calls.append(("remove", for_update))
        return 8 if self.stuck else None

    def activate(self, on):
        if self.stuck:
            raise OSError(5)
        self.calls.append(("activate", on))


def _bench(sink=None):
    bench = Bench()
    bench.sink = sink or Component()
    bench.software = bench.tree.add(SoftwareManagement(bench.client, bench.sink))
    bench.register()
    return bench


def _code(bench, *arguments, **options):
    answers = [m for m in bench.request(*arguments, **options) if m.type == ACK]
    return answers[0].code


def _state(bench):
    """Return (Update State, Update Result, Activation State)."""
    software = bench.software
    return software.read(7), software.read(9), software.read(12)


def _push(bench, package=PACKAGE, blocks=None):
    count = (len(package) + 511) // 512
    code = None
    for number in range(count if blocks is None else blocks):
        options = [(27, number << 4 | (8 if number < count - 1 else 0) | 5)]
        if not number:
            options.append((60, len(package)))
        chunk = package[number * 512 : number * 512 + 512]
        code = _code(bench, PUT, "/9/0/2", chunk, 42, options=options)
        if code != 0x5F:
            break
    return code


def test_life_of_a_component():
    """OMA registry 9: Initial, Download started, Delivered, Installed, active, and back."""
    bench = _bench()
    bench.sink.name = "meter"
    assert _state(bench) == (INITIAL, 0, False)
    assert text(bench.request(GET, "/9/0/0")[0]) == "meter"
    assert text(bench.request(GET, "/9/0/1")[0]) == ""
    assert text(bench.request(GET, "/9/0/7")[0]) == "0"
    for rid in (4, 6, 10, 11):
        assert _code(bench, POST, "/9/0/%d" % rid) == 0x85
    _push(bench, blocks=2)
    assert _state(bench) == (STARTED, 1, False)
    assert _push(bench) == CHANGED
    assert _state(bench) == (DELIVERED, 3, False)
    assert _code(bench, POST, "/9/0/10") == 0x85
    assert _code(bench, POST, "/9/0/4") == CHANGED
    assert _state(bench) == (INSTALLED, 2, False)
    assert _code(bench, PUT, "/9/0/2", b"another", 42) == 0x85
    assert _code(bench, POST, "/9/0/10") == CHANGED
    assert _state(bench) == (INSTALLED, 2, True)
    assert _code(bench, POST, "/9/0/11") == CHANGED
    assert _state(bench) == (INSTALLED, 2, False)
    _code(bench, POST, "/9/0/10")
    assert _code(bench, POST, "/9/0/6", b"1", 0) == CHANGED
    assert _state(bench) == (INITIAL, 0, True)  # until the other one is there
    assert _push(bench) == CHANGED
    assert _code(bench, POST, "/9/0/6", b"0", 0) == CHANGED
    assert _state(bench) == (INITIAL, 0, False)
    assert [call for call in bench.sink.calls if call[0] == "remove"] == [
        ("remove", True),
        ("remove", False),
    ]


def test_what_fails():
    """OMA registry 9: results 50 to 59, each in the state it belongs to."""
    bench = _bench(Component(limit=1_000))
    assert _push(bench) == 0x8D
    assert _state(bench) == (INITIAL, 50, False)
    bench.sink.limit = 100_000
    bench.sink.failure = MemoryError()
    assert _push(bench) == 0xA0
    assert _state(bench) == (INITIAL, 51, False)
    bench.sink.failure = None
    _push(bench, blocks=1)
    bench.run_for(400_000)
    bench.sent()
    assert _state(bench) == (INITIAL, 52, False)
    bench = _bench()
    assert _push(bench, PACKAGE[1:]) == 0xA0
    assert _state(bench) == (INITIAL, 53, False)
    assert _push(bench, b"ELF!" + PACKAGE) == 0xA0
    assert _state(bench) == (INITIAL, 54, False)
    for uri in (b"nonsense", b"https://h/x"):
        assert _code(bench, PUT, "/9/0/3", uri, 0) == CHANGED
        assert _state(bench) == (INITIAL, 56, False)
    assert _code(bench, PUT, "/9/0/3", b"", 0) == 0x80
    _push(bench)
    bench.sink.applies = 8
    assert _code(bench, POST, "/9/0/4") == CHANGED
    assert _state(bench) == (DELIVERED, 58, False)
    bench.sink.applies = 1
    _code(bench, POST, "/9/0/4")
    bench.sink.stuck = True
    assert _code(bench, POST, "/9/0/10") == CHANGED
    assert _state(bench) == (INSTALLED, 2, False)
    assert _code(bench, POST, "/9/0/6") == CHANGED
    assert _state(bench) == (INSTALLED, 59, False)


def test_pull():
    """OMA registry 9, resource 3: from a URI; what was there is told after a boot."""
    bench = _bench(Component(good=b"small"))
    sent = bench.request(PUT, "/9/0/3", b"coap://files.example/app", 0)
    assert _state(bench) == (STARTED, 1, False)
    request = [message for message in sent if message.peer == PEER][0]
    reply = Message(CONTENT, ACK, request.token, b"small", request.message_id)
    bench.deliver(reply, sender=PEER)
    assert _state(bench) == (DELIVERED, 3, False)
    bench = _bench(Component(bench.sink.disk, good=b"small"))
    assert _state(bench) == (DELIVERED, 3, False)
    _code(bench, POST, "/9/0/4")
    _code(bench, POST, "/9/0/10")
    bench = _bench(Component(bench.sink.disk, good=b"small"))
    assert _state(bench) == (INSTALLED, 2, True)


def test_announcement():
    """OMA registry 9, resource 8: an Update follows an installation when it is true."""
    for announce in (b"0", b"1"):
        bench = _bench()
        _push(bench)
        assert _code(bench, PUT, "/9/0/8", announce, 0) == CHANGED
        sent = bench.request(POST, "/9/0/4")
        bench.step()
        sent += bench.sent()
        updates = [message for message in sent if message.path() == ["rd", "5a3f"]]
        assert len(updates) == int(announce)


def test_two_from_one_place():
    """OMA registry 9: the peer of one component's package stays heard when another's is there."""
    bench = _bench(Component(good=b"first"))
    second = Component(good=b"second")
    other = bench.tree.add(SoftwareManagement(bench.client, second))
    asked = bench.request(PUT, "/9/0/3", b"coap://files.example/first", 0)
    asked += bench.request(PUT, "/9/1/3", b"coap://files.example/second", 0)
    bench.step()
    asked = [message for message in asked + bench.sent() if message.peer == PEER]
    answered = []
    while asked:
        request = asked.pop(0)
        name = request.path()[0]
        answered.append(name)
        reply = Message(CONTENT, ACK, request.token, name.encode(), request.message_id)
        bench.deliver(reply, sender=PEER)
        bench.step()
        asked += [message for message in bench.sent() if message.peer == PEER]
    assert sorted(answered) == ["first", "second"]
    assert (bench.software.read(7), other.read(7)) == (DELIVERED, DELIVERED)
    assert bench.client.guests == ()


def test_installation_that_takes_its_time():
    """OMA registry 9: until it is told what came of it, nothing else is done with the package."""
    bench = _bench()
    _push(bench)
    bench.sink.applies = None
    assert _code(bench, POST, "/9/0/4") == CHANGED
    assert _state(bench) == (DELIVERED, 3, False)
    for code, path, payload in (
        (POST, "/9/0/4", b""),
        (POST, "/9/0/6", b""),
        (PUT, "/9/0/3", b"coap://h/x"),
    ):
        assert _code(bench, code, path, payload, 0) == 0x85
    assert _push(bench) == 0x85
    assert bench.sink.applied == 1
    bench.software.done(8)
    assert _state(bench) == (DELIVERED, 58, False)
    assert _code(bench, POST, "/9/0/4") == CHANGED
    bench.software.done(1)
    assert _state(bench) == (INSTALLED, 2, False)
    assert _code(bench, POST, "/9/0/10") == CHANGED
