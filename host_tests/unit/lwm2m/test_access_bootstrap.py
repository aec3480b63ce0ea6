"""Rights that a bootstrap server gives, and two servers that live by them."""

from coap.message import ACK, CON, Message
from coap.registry import (
    CHANGED,
    CREATED,
    DELETE,
    DELETED,
    GET,
    LOCATION_PATH,
    NOT_FOUND,
    OBSERVE,
    PUT,
)
from unit.lwm2m.bootstrap_bench import (
    INTEGER,
    OTHER_PEER,
    OTHER_URI,
    BootstrapBench,
    security,
    server,
)
from unit.lwm2m.helpers import PEER

HEAP_K = 160  # the client, a bootstrap and the tests themselves

R, W, E, D, C = 1, 2, 4, 8, 16
_CONTENT = 0x45
_UNAUTHORIZED = 0x81


def _control(target, instance, owner, acl=None):
    values = {0: (INTEGER, target), 1: (INTEGER, instance), 3: (INTEGER, owner)}
    return values, acl or {}


def _given(bench, *controls):
    """Go through a bootstrap with two servers and these rights; register with both."""
    bench.begin()
    bench.provide(server_values=server(lifetime=86_400))
    assert bench.write("/0/2", security(OTHER_URI, 2)) == CHANGED
    assert bench.write("/1/1", server(2, 86_400)) == CHANGED
    for iid, (values, acl) in enumerate(controls):
        entries = dict(values)
        path = "/2/%d" % iid
        assert bench.write(path, entries) == CHANGED
        if acl:
            payload = b"".join([bytes((0x41, each, acl[each])) for each in sorted(acl)])
            assert bench.tell(PUT, path + "/2", payload, 11542) == CHANGED
    response, *registers = bench.finish()
    assert response.code == CHANGED
    registers += bench.sent()
    assert [register.path() for register in registers] == [["rd"], ["rd"]], registers
    for register in registers:
        location = [(LOCATION_PATH, "rd"), (LOCATION_PATH, "1")]
        bench.answer(register, CREATED, b"", location)
    bench.sent()


def _code(bench, sender, code, path, payload=b"", form=None):
    sent = bench.ask(code, path, payload, form, sender=sender)
    return [message.code for message in sent if message.token == b"\x0b"][0]


def test_rights_of_a_bootstrap():
    """TS 1.1 Core §8.1.3, §8.2.1: rights of a bootstrap hold as soon as there are two accounts."""
    bench = BootstrapBench()
    _given(
        bench,
        _control(1, 0, 1),
        _control(1, 1, 2),
        _control(3, 0, 1, {2: R}),
        _control(3303, 0, 2, {0: R}),
    )
    for sender, path, expected in (
        (PEER, "/3/0/0", _CONTENT),
        (OTHER_PEER, "/3/0/0", _CONTENT),
        (PEER, "/1/0/1", _CONTENT),
        (PEER, "/1/1/1", _UNAUTHORIZED),
        (OTHER_PEER, "/1/0/1", _UNAUTHORIZED),
        (OTHER_PEER, "/1/1/1", _CONTENT),
        (PEER, "/3303/0/5700", _CONTENT),
        (PEER, "/2/0/3", _CONTENT),
    ):
        assert _code(bench, sender, GET, path) == expected, (sender, path)
    assert _code(bench, OTHER_PEER, PUT, "/1/0/1", b"99", 0) == _UNAUTHORIZED
    assert _code(bench, OTHER_PEER, PUT, "/1/1/1", b"99", 0) == CHANGED
    # What the owner grants holds at once.
    assert _code(bench, PEER, PUT, "/2/0/2", b"\x41\x02\x01", 11542) == CHANGED
    assert _code(bench, OTHER_PEER, GET, "/1/0/1") == _CONTENT
    assert _code(bench, OTHER_PEER, PUT, "/2/0/2", b"\x41\x02\x1f", 11542) == _UNAUTHORIZED


def test_two_servers_without_rights():
    """TS 1.0 Appendix E.3: a bootstrap that gives no rights leaves everything open."""
    bench = BootstrapBench()
    _given(bench)
    for sender in (PEER, OTHER_PEER):
        for path in ("/3/0/0", "/1/0/1", "/1/1/1", "/3303/0/5700"):
            assert _code(bench, sender, GET, path) == _CONTENT, path


def test_delete_of_one_account():
    """TS 1.0 E.1.3: with /0/2 go its Server instance and entries; what it owned finds an heir."""
    bench = BootstrapBench()
    _given(
        bench,
        _control(1, 0, 1, {1: 15, 2: R}),
        _control(3, 0, 2, {1: W, 2: 15}),
        _control(3303, 0, 2),
    )
    bench.client.bootstrap.begin("trigger", bench.now)
    bench.step()
    bench.answer(bench.asked(), CHANGED)
    assert bench.tell(DELETE, "/0/2") == DELETED
    assert bench.tell(GET, "/1/1") == NOT_FOUND
    assert bench.finish()[0].code == CHANGED
    tree = bench.client.tree
    assert [tree.get(2, iid).values for iid in tree.instances(2)] == [
        {0: 1, 1: 0, 2: {1: 15}, 3: 1},
        {0: 3, 1: 0, 2: {1: W}, 3: 1},
        {0: 3303, 1: 0, 3: 65535},
    ]
    assert tree.instances(1) == [0] and tree.instances(3303) == [0]


def test_notifications_and_sends_need_read():
    """TS 1.1 Core §8.2.5: what a server may no longer read it is not told, nor sent."""
    bench = BootstrapBench()
    _given(bench, _control(1, 0, 1), _control(1, 1, 2), _control(3303, 0, 1, {2: R}))

    def observe():
        sent = bench.ask(GET, "/3303/0/5700", options=[(OBSERVE, 0)], sender=OTHER_PEER)
        assert sent[0].code == _CONTENT and sent[0].get(OBSERVE) is not None

    def told():
        found = []
        for message in bench.sent():
            if message.type == CON:
                acknowledgement = Message(0, ACK, b"", b"", message.message_id)
                bench.deliver(acknowledgement, "U", message.peer)
            if message.code == _CONTENT:  # not a 4.01 that ends the observation
                found.append((message.peer, bytes(message.payload)))
        return found

    def changed(value):
        bench.temperature.set(5700, value)
        bench.step()
        return told()

    observe()
    assert changed(22.5) == [(OTHER_PEER, b"22.5")]
    bench.run_for(5_000)
    assert _code(bench, PEER, PUT, "/2/2/2", b"\x41\x02\x02", 11542) == CHANGED
    bench.sent()
    assert changed(23.5) == []
    for account in bench.client.accounts:
        account.server.values[23] = False  # Mute Send
    assert bench.client.send([(3303, 0, 5700)], bench.now) is None
    bench.step()
    assert [message.peer for message in bench.sent()] == [PEER]
    bench.run_for(30_000)
    bench.sent()
    assert _code(bench, PEER, PUT, "/2/2/2", b"\x41\x02\x03", 11542) == CHANGED
    bench.sent()
    observe()
    assert changed(24.5) == [(OTHER_PEER, b"24.5")]
