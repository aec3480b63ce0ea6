"""What a server may ask a client for beside single values: bodies in blocks, methods, links."""

from coap.message import CON
from coap.registry import (
    ACCEPT,
    BAD_REQUEST,
    BLOCK1,
    BLOCK2,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    CONTINUE,
    CREATED,
    FETCH,
    GET,
    IPATCH,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    OBSERVE,
    PATCH,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
    UNAUTHORIZED,
)
from lwm2m.object import Object
from unit.lwm2m.helpers import OWN_NUMBER, SERVER_NUMBER, Bench, text

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 128

_SZX_512 = 5
_MORE = 8


class Store(Object):
    """A device's own Object with one large value."""

    object_id = 10350
    resources = b"\x00\x00\x03\x06"  # Content: RW, Opaque

    def __init__(self, value=b""):
        super().__init__()
        self.values[0] = value


def _bench(value=b"", **settings):
    bench = Bench(**settings)
    bench.store = bench.tree.add(Store(value))
    return bench


def _block1(number, more, szx=_SZX_512):
    return [(BLOCK1, number << 4 | more | szx)]


def _rest(bench, path, first, accept=None, observe=None):
    """Fetch what follows a first block; return the whole body."""
    body = bytes(first.payload)
    options = [] if accept is None else [(ACCEPT, accept)]
    number = 0
    response = first
    while response.get_uint(BLOCK2, 0) & _MORE:
        number += 1
        token = bytes((number, 9))
        block2 = [(BLOCK2, number << 4 | _SZX_512)]
        response = bench.request(GET, path, observe=observe, token=token, options=options + block2)
        assert len(response) == 1 and response[0].code == CONTENT
        response = response[0]
        assert response.get(OBSERVE) is None
        body += bytes(response.payload)
    return body


def test_a_large_value_is_written():
    """RFC 7959 §3.2: a Write of 5000 B in blocks is one request to the client."""
    bench = _bench()
    bench.register()
    body = bytes(index * 7 & 0xFF for index in range(5000))
    for number in range(10):
        chunk = body[number * 512 : number * 512 + 512]
        more = _MORE if number < 9 else 0
        answer = bench.request(
            PUT, "/10350/0/0", chunk, 42, token=bytes((number,)), options=_block1(number, more)
        )
        assert len(answer) == 1
        assert answer[0].code == (CONTINUE if more else CHANGED), answer[0].code
    assert bench.store.values[0] == body
    assert bench.names().count("request") == 1


def test_a_large_value_is_read():
    """RFC 7959 §3.1: a Read of 4000 B is one request; what is fetched of it counts as none."""
    body = bytes(index * 5 & 0xFF for index in range(4000))
    bench = _bench(body)
    bench.register()
    for accept in (None, 11542, 112):
        options = [] if accept is None else [(ACCEPT, accept)]
        bench.names()
        first = bench.request(GET, "/10350/0/0", token=b"\x10", options=options)[0]
        whole = _rest(bench, "/10350/0/0", first, accept)
        assert len(first.payload) == 512 and body in whole
        assert bench.names().count("request") == 1


def test_a_large_value_is_observed():
    """RFC 7959 §2.6: a notification is its first block; the rest is fetched by GETs, which may
    repeat Observe, and is of the state that was told."""
    bench = _bench(bytes(1300))
    bench.register()
    first = bench.observe("/10350/0/0")
    assert first.get(OBSERVE) is not None and first.get_uint(BLOCK2) == _MORE | _SZX_512
    assert _rest(bench, "/10350/0/0", first) == bytes(1300)
    for index, observe in ((1, None), (2, 0)):
        value = bytes((index,)) * 1500
        bench.store.set(0, value)
        bench.step()
        told = bench.one()
        assert told.type == CON and told.token == b"\x0b\x01"
        assert told.get(OBSERVE) is not None
        bench.acknowledge(told, 2)
        bench.store.values[0] = b"another"
        assert _rest(bench, "/10350/0/0", told, observe=observe) == value
        assert len(list(bench.client.observations)) == 1
        bench.sent()


def test_a_notification_keeps_the_size_asked_for():
    """RFC 7959 §3.4, figure 13: the block size of the GET holds for notifications, also after a
    deep sleep."""
    bench = _bench(bytes(100))
    bench.register()
    first = bench.request(GET, "/10350/0/0", observe=0, token=b"o", options=[(BLOCK2, 2)])[0]
    assert first.get(OBSERVE) is not None and len(first.payload) == 64
    record = bench.client.freeze(bench.now)
    after = _bench(bytes(100))
    after.now = bench.now + 1_000
    assert after.client.thaw(record, after.now)
    for each in (bench, after):
        each.store.set(0, b"x" * 100)
        each.step()
        told = each.one()
        assert told.get_uint(BLOCK2) == _MORE | 2 and len(told.payload) == 64
        rest = each.request(GET, "/10350/0/0", token=b"r", options=[(BLOCK2, 1 << 4 | 2)])[0]
        assert bytes(told.payload) + bytes(rest.payload) == b"x" * 100


def test_no_block_before_registration():
    """TS 1.0 5.4: silence to a first block as to any request, of a server that is unknown, not
    registered or disabled."""
    bench = _bench()
    bench.client.start(bench.now)
    bench.step()
    register = bench.one()
    blocks = _block1(0, _MORE)
    assert bench.request(PUT, "/10350/0/0", bytes(512), 42, options=blocks) == []
    assert bench.client.dropped == {"not_registered": 1}
    bench.accept(register)
    assert len(bench.request(PUT, "/10350/0/0", bytes(512), 42, options=blocks)) == 1
    bench.request(POST, "/1/0/4", token=b"d")
    bench.step()
    bench.sent()
    assert bench.request(PUT, "/10350/0/0", bytes(512), 42, options=_block1(1, 0)) == []


def test_a_transfer_ends_with_the_registration():
    """CR C.1 resource 7: what a server had begun to write is gone when it is left."""
    bench = _bench()
    bench.register()
    bench.request(PUT, "/10350/0/0", bytes(512), 42, options=_block1(0, _MORE))
    bench.client.deregister(bench.now)
    bench.step()
    bench.answer(bench.one(), 0x42)
    bench.register()
    answer = bench.request(PUT, "/10350/0/0", b"end", 42, options=_block1(1, 0))[0]
    assert answer.code == REQUEST_ENTITY_INCOMPLETE and bench.store.values[0] == b""


def test_a_body_that_nobody_takes_is_refused_at_once():
    """RFC 7959 §2.9: an error may be told at the first block, which saves the others."""
    bench = _bench()
    bench.register()
    for path, code in (("/x", NOT_FOUND), ("/1/2/3/4/5", BAD_REQUEST)):
        assert bench.request(PUT, path, bytes(512), 42, options=_block1(0, _MORE))[0].code == code


def test_a_large_object_list_is_registered_in_blocks():
    """RFC 7959 §2.5: a Register that does not fit goes by Block1, and again after 4.13."""
    bench = _bench(own_number=OWN_NUMBER, sms_number=SERVER_NUMBER)
    for oid in range(20000, 20120):
        bench.tree.declare(type("Declared", (Object,), {"object_id": oid}))
    bench.client.start(bench.now)
    bench.step()
    payload = b""
    while True:
        request = bench.one()
        assert request.path() == ["rd"] and "lt=86400" in request.queries()
        payload += bytes(request.payload)
        block = request.get_uint(BLOCK1)
        if not block & _MORE:
            break
        bench.answer(request, CONTINUE, options=[(BLOCK1, block)])
    bench.answer(request, CREATED, options=[(BLOCK1, block), (8, "rd"), (8, "1")])
    assert bench.account.location == ["rd", "1"]
    assert payload == bench.client.object_list(bench.account) and len(payload) > 900


def test_methods_of_later_versions():
    """RFC 8132, RFC 7252 §5.8: FETCH, PATCH and iPATCH, and what no RFC knows, are answered 4.05;
    but for FETCH and iPATCH on the root path, which are the composite operations of 1.1."""
    bench = _bench()
    bench.register()
    for code in (FETCH, PATCH, IPATCH, 8, 31):
        for path in ("/3", "/3/0", "/3/0/0", "/3/0/6/0", "/10350/0/0"):
            answer = bench.request(code, path, b"\x81\x60", 112, token=bytes((code,)))
            assert [each.code for each in answer] == [METHOD_NOT_ALLOWED], (code, path)
        assert bench.request(code, "/0/0")[0].code == UNAUTHORIZED
        assert bench.request(code, "/4711")[0].code == NOT_FOUND
        assert bench.request(code, "/a/b")[0].code == NOT_FOUND
        refused = BAD_REQUEST if code in (FETCH, IPATCH) else METHOD_NOT_ALLOWED
        assert bench.request(code, "/", b"\x81\x60", 112)[0].code == refused


def test_paths_that_are_none():
    """TS 1.1 Core §7.3: 4.00 for a path that is malformed, 4.04 for one that names nothing."""
    bench = _bench()
    bench.register()
    for path, code in (
        ("/3/0/0/0/0", BAD_REQUEST),
        ("/65536", NOT_FOUND),
        ("/3/x", NOT_FOUND),
        ("/000003", NOT_FOUND),
        ("/rd", NOT_FOUND),
        ("/.well-known", NOT_FOUND),
        ("/.well-known/core/x", NOT_FOUND),
        ("/3/0/0", CONTENT),
        ("/00003/0/0", CONTENT),
    ):
        assert bench.request(GET, path)[0].code == code, path
    assert bench.request(GET, "", options=[(11, b"3"), (11, b"")])[0].code == BAD_REQUEST
    rooted = _bench(root_path="/lwm2m")
    rooted.register()
    for path, code in (("/lwm2m/3/0/0", CONTENT), ("/3/0/0", NOT_FOUND), ("/", NOT_FOUND)):
        assert rooted.request(GET, path)[0].code == code, path


def test_well_known_core():
    """RFC 7252 §7.2, RFC 6690 §4: the links that the registration tells, those asked for."""
    for root in ("", "/lwm2m"):
        bench = _bench(root_path=root)
        register = bench.register()
        answer = bench.request(GET, "/.well-known/core")[0]
        assert answer.code == CONTENT and answer.get_uint(CONTENT_FORMAT) == 40
        expected = text(register)
        if not root:
            expected = expected.replace("</>", '</>;rt="oma.lwm2m"')
        assert text(answer) == expected
        answer = bench.request(GET, "/.well-known/core", queries=["rt=oma.lwm2m"])[0]
        assert text(answer) == '<%s>;rt="oma.lwm2m";ct=112' % (root or "/"), text(answer)
        answer = bench.request(GET, "/.well-known/core", queries=["href=%s/33*" % root])[0]
        assert text(answer) == "<%s/3303>;ver=1.1,<%s/3303/0>" % (root, root), text(answer)
        answer = bench.request(GET, "/.well-known/core", queries=["rt=none"])[0]
        assert answer.code == CONTENT and text(answer) == ""
        path = "/.well-known/core"
        assert bench.request(GET, path, options=[(ACCEPT, 40)])[0].code == CONTENT
        assert bench.request(GET, path, options=[(ACCEPT, 0)])[0].code == NOT_ACCEPTABLE
        assert bench.request(PUT, path, b"x", 40)[0].code == METHOD_NOT_ALLOWED


def test_well_known_core_before_registration():
    """TS 1.0 5.4: a client that is not registered answers nothing."""
    bench = _bench()
    assert bench.request(GET, "/.well-known/core") == []
    assert bench.client.dropped == {"not_registered": 1}
