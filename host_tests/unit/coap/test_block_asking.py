"""RFC 7959 as a client: large responses fetched by Block2, large bodies sent by Block1."""

from coap.message import ACK, CON, NON, RST, Message
from coap.registry import (
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CONTINUE,
    CREATED,
    FETCH,
    GET,
    NOT_FOUND,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SERVICE_UNAVAILABLE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from coap.transmission import sms
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Body,
    Link,
    Outcomes,
    Peer,
    Sink,
    content,
    endpoint,
    get,
    pattern,
    read_block,
)

_BODY = pattern(350)


def asking(mtu=1152, link=None):
    """Return an endpoint that asks, whose first message ID is 1234, and the peer it asks."""
    client, _, made = endpoint(content, lambda bits: 1234 if bits == 16 else 0)
    link = link or made
    link.mtu = mtu
    return client, Peer(client, link)


def ask(client, peer, code=GET, payload=b"", type=CON, sink=None, path="status", request=None):
    """Send a request; return its outcomes, (response, reason) each."""
    outcomes = Outcomes()
    request = request or Message(code, type, b"", payload).add(11, path)
    client.request(request, peer.address, peer.link, peer.now, outcomes, sink)
    return outcomes.calls


def answer(server, request, code=CONTENT, payload=b"", type=ACK, **options):
    """Answer a request that was heard."""
    message_id = request.message_id if type == ACK else request.message_id ^ 0x8000
    server.say(type, code, message_id, request.token, payload, **options)


def got(outcomes, body, code=CONTENT):
    """Tell whether the one outcome is a response with a body, and return it."""
    assert len(outcomes) == 1, outcomes
    response, reason = outcomes[0]
    assert reason is None, reason
    assert response.code == code
    assert bytes(response.payload) == body
    return response


def failed(outcomes, reason):
    assert outcomes == [(None, reason)], outcomes


def serve(server, body, size, request=None, type=ACK, more=None, **options):
    """Answer one block's request after the other; return the requests heard."""
    requests = []
    while True:
        request = request or server.next()
        requests.append(request)
        number, _, wanted = read_block(request.get(23)) or (0, 0, size)
        size = min(size, wanted)
        at = number * wanted
        left = 1 if at + size < len(body) else 0
        answer(
            server, request, CONTENT, body[at : at + size], type,
            block2=(at // size, left, size), **options
        )
        if not left:
            return requests
        request = None


# Block2, RFC 7959 §2.4 and §3.1


def test_get_figure_2():
    """RFC 7959 §3.1, figure 2: three blocks; the size is the server's."""
    client, server = asking()
    outcomes = ask(client, server)
    request = server.next()
    assert (request.type, request.code, request.message_id) == (CON, GET, 1234)
    assert request.path() == ["status"]
    answer(server, request, CONTENT, _BODY[:128], block2=(0, 1, 128))
    for number in (1, 2):
        assert outcomes == [] and client.busy(PEER)
        request = server.hear(CON, GET, 1234 + number, b"", block2=(number, 0, 128))
        assert request.path() == ["status"]
        more = 1 if number < 2 else 0
        answer(
            server, request, CONTENT, _BODY[number * 128 : min(300, number * 128 + 128)],
            block2=(number, more, 128),
        )
    got(outcomes, _BODY[:300])
    server.silence()
    assert not client.busy() and client.step(0) is None and client.dropped == {}


def test_get_figure_3():
    """RFC 7959 §3.1, figure 3: what the application asks for in the first request is kept to."""
    client, server = asking()
    request = Message(GET).add(11, "status").add(23, 0x02)  # 0/0/64
    outcomes = ask(client, server, request=request)
    for number in range(6):
        request = server.hear(CON, GET, 1234 + number, b"", block2=(number, 0, 64))
        answer(
            server, request, CONTENT, _BODY[number * 64 : number * 64 + 64],
            block2=(number, 1 if number < 5 else 0, 64),
        )
    got(outcomes, _BODY)


def test_get_figure_5():
    """RFC 7959 §3.1, figure 5: the request for a block is lost, and sent again."""
    client, server = asking()
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
    lost = server.hear(CON, GET, 1235, block2=(1, 0, 128))
    assert client.step(0) == 2_000
    client.step(2_000)
    again = server.hear(CON, GET, 1235, block2=(1, 0, 128))
    assert again.token == lost.token
    serve(server, _BODY, 128, again)
    got(outcomes, _BODY)


def test_get_figure_6():
    """RFC 7959 §3.1, figure 6: the response is lost; both come in the end, and one counts."""
    client, server = asking()
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
    first = server.hear(CON, GET, 1235, block2=(1, 0, 128))
    client.step(2_000)
    server.next()
    answer(server, first, CONTENT, _BODY[128:256], block2=(1, 1, 128))
    answer(server, first, CONTENT, _BODY[128:256], block2=(1, 1, 128))
    last = server.hear(CON, GET, 1236, block2=(2, 0, 128))
    answer(server, last, CONTENT, _BODY[256:], block2=(2, 0, 128))
    got(outcomes, _BODY)
    assert sum(client.dropped.values()) == 1


def test_server_uses_smaller_blocks():
    """RFC 7959 §2.4: the size asked for is a wish; the client takes up the server's."""
    client, server = asking()
    request = Message(GET).add(11, "status").add(23, 0x05)  # 0/0/512
    outcomes = ask(client, server, request=request)
    requests = serve(server, _BODY, 64)
    assert [read_block(request.get(23)) for request in requests] == [
        (0, 0, 512), (1, 0, 64), (2, 0, 64), (3, 0, 64), (4, 0, 64), (5, 0, 64)
    ]
    got(outcomes, _BODY)


def test_server_changes_to_smaller_blocks_in_the_middle():
    """RFC 7959 §2.4: a later block that is smaller, but begins where it was asked for."""
    client, server = asking()
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
    request = server.hear(CON, GET, 1235, block2=(1, 0, 128))
    answer(server, request, CONTENT, _BODY[128:192], block2=(2, 1, 64))
    for number in (3, 4, 5):
        request = server.hear(CON, GET, 1233 + number, block2=(number, 0, 64))
        answer(
            server, request, CONTENT, _BODY[number * 64 : number * 64 + 64],
            block2=(number, 1 if number < 5 else 0, 64),
        )
    got(outcomes, _BODY)


def test_only_block():
    """RFC 7959 §2.3: Block2 0/0 is the whole."""
    client, server = asking()
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, b"small", block2=(0, 0, 1024))
    got(outcomes, b"small")
    server.silence()


def test_options_of_the_request_are_repeated():
    """RFC 7959 §2.4: further requests have the options of the first, but for Observe (§2.6), and
    no payload."""
    client, server = asking()
    request = Message(GET).add(11, "a").add(11, "b").add(15, "q=1").add(17, 112).add(6, 0)
    request.add(2050, b"elective")
    outcomes = ask(client, server, request=request)
    first = server.next()
    assert first.get(6) == b""
    answer(server, first, CONTENT, _BODY[:256], block2=(0, 1, 256), observe=5)
    second = server.next()
    assert second.path() == ["a", "b"] and second.queries() == ["q=1"]
    assert second.get_uint(17) == 112 and second.get(2050) == b"elective"
    assert second.get(6) is None and len(second.payload) == 0
    answer(server, second, CONTENT, _BODY[256:], block2=(1, 0, 256))
    response = got(outcomes, _BODY)
    assert response.get_uint(6) == 5


def test_options_of_the_response():
    """RFC 7959 §2.4: the response has the options of its blocks."""
    client, server = asking()
    outcomes = ask(client, server)
    serve(server, _BODY, 128, format=42, etag=b"tag", max_age=9)
    response = got(outcomes, _BODY)
    assert response.get_uint(12) == 42 and response.get(4) == b"tag"
    assert response.get_uint(14) == 9


def test_change_in_the_middle():
    """RFC 7959 §2.4: blocks with different ETags are not of one body."""
    for second, third in ((b"new", b"new"), (b"old", b"new"), (None, None)):
        client, server = asking()
        sink = Sink()
        outcomes = ask(client, server, sink=sink)
        answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128), etag=b"old")
        for number, tag in ((1, second), (2, third)):
            if outcomes:
                break
            options = {"etag": tag} if tag else {}
            answer(
                server, server.next(), CONTENT, _BODY[number * 128 : number * 128 + 128],
                block2=(number, 1 if number < 2 else 0, 128), **options
            )
        if second is None:
            # Blocks without one say nothing either way.
            assert len(outcomes) == 1
        else:
            failed(outcomes, "changed")
            assert sink.abandoned == 1
        server.silence()
        assert not client.busy()


def test_assembled_body_is_bounded():
    """RFC 7959 §2.4: a body that grows above body_limit is given up."""
    client, server = asking()
    client.body_limit = 256
    outcomes = ask(client, server)
    serve(server, _BODY[:256], 128)
    got(outcomes, _BODY[:256])
    outcomes = ask(client, server)
    request = server.next()
    while not outcomes:
        number = (read_block(request.get(23)) or (0, 0, 128))[0]
        assert number < 4
        answer(
            server, request, CONTENT, pattern(1024)[number * 128 : number * 128 + 128],
            block2=(number, 1, 128),
        )
        if not outcomes:
            request = server.next()
    failed(outcomes, "too large")
    server.silence()
    assert not client.busy()


def test_size2_announces_too_much():
    """RFC 7959 §4: a Size2 above body_limit ends the transfer at the first block, but with a sink
    it is only information."""
    client, server = asking()
    client.body_limit = 300
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128), size2=350)
    failed(outcomes, "too large")
    server.silence()
    sink = Sink()
    outcomes = ask(client, server, sink=sink)
    serve(server, _BODY, 128, size2=350)
    got(outcomes, b"")
    assert sink.content == _BODY


def test_sink():
    """RFC 7959 §2.4: chunk by chunk, in order, each once; the response has no payload."""
    client, server = asking()
    sink = Sink()
    outcomes = ask(client, server, sink=sink)
    serve(server, _BODY, 128, format=42)
    assert got(outcomes, b"").get_uint(12) == 42
    assert sink.content == _BODY and sink.chunks == 3 and sink.abandoned == 0


def test_sink_that_stops():
    """RFC 7959 §2.4: a sink that returns a code ends the fetch; nothing more is asked."""
    client, server = asking()
    sink = Sink(REQUEST_ENTITY_TOO_LARGE)
    outcomes = ask(client, server, sink=sink)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
    failed(outcomes, "refused")
    server.silence()
    assert sink.chunks == 1 and not client.busy()


def test_error_does_not_flow_into_the_sink():
    """RFC 7252 §5.5.2: a diagnostic payload is no body."""
    client, server = asking()
    sink = Sink()
    outcomes = ask(client, server, sink=sink)
    answer(server, server.next(), NOT_FOUND, b"no such thing")
    got(outcomes, b"no such thing", NOT_FOUND)
    assert sink.chunks == 0


def test_error_in_the_middle():
    """RFC 7959 §2.4: an error instead of a block is the response, and the sink is told."""
    for code in (NOT_FOUND, REQUEST_ENTITY_INCOMPLETE, BAD_REQUEST, SERVICE_UNAVAILABLE):
        client, server = asking()
        sink = Sink()
        outcomes = ask(client, server, sink=sink)
        answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
        answer(server, server.next(), code, b"gone")
        got(outcomes, b"gone", code)
        assert sink.abandoned == 1 and sink.content == _BODY[:128] and not client.busy()


def test_blocks_that_do_not_fit():
    """RFC 7959 §2.2 and §2.4: what cannot be the block asked for ends the fetch as incomplete:
    another number, too few bytes with more to come, too many, no Block2 at all."""
    for payload, options in (
        (_BODY[128:256], {"block2": (2, 1, 128)}),
        (_BODY[128:256], {"block2": (0, 1, 128)}),
        (_BODY[128:256], {"block2": (1, 1, 256)}),
        (_BODY[128:192], {"block2": (1, 1, 128)}),
        (b"", {"block2": (1, 1, 128)}),
        (_BODY[128:300], {"block2": (1, 0, 128)}),
        (_BODY[128:256], {}),
    ):
        client, server = asking()
        sink = Sink()
        outcomes = ask(client, server, sink=sink)
        answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
        answer(server, server.next(), CONTENT, payload, **options)
        failed(outcomes, "incomplete")
        assert sink.content == _BODY[:128] and sink.abandoned == 1, options
        server.silence()
        assert not client.busy()


def test_first_block_that_does_not_fit():
    """RFC 7959 §2.2: nor is a first block that is not the first, or not full, or too full."""
    for payload, value in (
        (_BODY[:128], (1, 1, 128)), (_BODY[:64], (0, 1, 128)), (_BODY[:128], (3, 0, 128)),
        (_BODY[:129], (0, 0, 128)),
    ):
        client, server = asking()
        outcomes = ask(client, server)
        answer(server, server.next(), CONTENT, payload, block2=value)
        failed(outcomes, "incomplete")
        server.silence()


def test_separate_blocks():
    """RFC 7252 §5.2.2: each block may come in a separate response."""
    client, server = asking()
    outcomes = ask(client, server)
    for number in range(3):
        request = server.next()
        server.say(ACK, 0, request.message_id)
        server.silence()
        server.say(
            CON, CONTENT, 7000 + number, request.token, _BODY[number * 128 : number * 128 + 128],
            block2=(number, 1 if number < 2 else 0, 128),
        )
        sent = server.link.sent
        assert (bytes((0x60, 0)) + (7000 + number).to_bytes(2, "big"), PEER) in sent
        server.link.sent = [data for data in sent if data[0][0] != 0x60]
    got(outcomes, _BODY)
    server.silence()


def test_duplicates_of_blocks():
    """RFC 7252 §4.5, RFC 7959 §2.4: blocks that come again, or late, spoil nothing."""
    client, server = asking()
    outcomes = ask(client, server, type=NON)
    first = server.next()
    assert first.type == NON
    seen = []
    request = first
    for number in range(3):
        chunk = _BODY[number * 128 : number * 128 + 128]
        more = 1 if number < 2 else 0
        seen.append((600 + number, request.token, chunk, (number, more, 128)))
        for message_id, token, chunk, value in seen + seen[:1]:
            server.say(NON, CONTENT, message_id, token, chunk, block2=value)
        if more:
            request = server.hear(NON, GET, None, block2=(number + 1, 0, 128))
    got(outcomes, _BODY)
    server.silence()
    assert not client.busy()


def test_lost_non_confirmable_block():
    """RFC 7252 §4.3: a Non-confirmable block that never comes ends the fetch, once."""
    client, server = asking()
    sink = Sink()
    outcomes = ask(client, server, type=NON, sink=sink)
    answer(server, server.next(), CONTENT, _BODY[:128], NON, block2=(0, 1, 128))
    server.next()
    now = 0
    while now is not None:
        now = client.step(now)
    failed(outcomes, "timeout")
    assert sink.abandoned == 1 and not client.busy()


def test_fetch_that_ends_early():
    """RFC 7252 §4.2: a Reset, no answer, cancel() in the middle: told once, the sink as well."""
    for how in ("reset", "timeout", "cancelled"):
        for acknowledged in (False, True):
            client, server = asking()
            sink = Sink()
            outcomes = ask(client, server, sink=sink)
            answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
            request = server.next()
            if acknowledged:
                server.say(ACK, 0, request.message_id)
            if how == "reset":
                if acknowledged:
                    continue
                server.say(RST, 0, request.message_id)
            elif how == "cancelled":
                client.cancel(100, PEER)
            now = 100
            while now is not None:
                now = client.step(now)
            failed(outcomes, how)
            assert sink.abandoned == 1 and sink.chunks == 1 and not client.busy()


def test_two_fetches_at_once():
    """RFC 7252 §4.7: of one peer they take turns, of two peers they run beside each other."""
    client, server = asking()
    other = Peer(client, server.link, OTHER_PEER)
    bodies = {"a": _BODY, "b": pattern(900)[500:], "c": pattern(700)[300:]}
    outcomes = {
        "a": ask(client, server, path="a"),
        "b": ask(client, server, path="b"),
        "c": ask(client, other, path="c"),
    }
    largest = 0
    for _ in range(40):
        for peer in (server, other):
            mine = [data for data, address in peer.link.sent if address == peer.address]
            largest = max(largest, len(mine))
            if mine:
                request = peer.next()
                name = request.path()[0]
                number = (read_block(request.get(23)) or (0, 0, 64))[0]
                chunk = bodies[name][number * 64 : number * 64 + 64]
                more = 1 if number * 64 + 64 < len(bodies[name]) else 0
                answer(peer, request, CONTENT, chunk, block2=(number, more, 64))
    assert largest == 1
    for name, body in bodies.items():
        got(outcomes[name], body)
    assert not client.busy()


def test_requests_while_serving_blocks():
    """RFC 7252 §2.2: the peer we fetch from may ask us in between."""
    client, server = asking()
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
    request = server.next()
    server.bytes(get(request.message_id))
    server.hear(ACK, CONTENT, request.message_id, b"22.3 C")
    answer(server, request, CONTENT, _BODY[128:200], block2=(1, 0, 128))
    got(outcomes, _BODY[:200])


def test_a_firmware_image():
    """RFC 7959 §2.4: 1 MB through a sink, in the memory of one block."""
    size, count = 1024, 1024
    taken = [0]

    def sink(chunk):
        if chunk is not None:
            assert len(chunk) == size and chunk[0] == chunk[-1] == (taken[0] >> 10) & 0xFF
            taken[0] += len(chunk)

    client, server = asking()
    outcomes = ask(client, server, sink=sink)
    for number in range(count):
        request = server.next()
        assert (read_block(request.get(23)) or (0,))[0] == number
        answer(
            server, request, CONTENT, bytes((number & 0xFF,)) * size,
            block2=(number, 1 if number + 1 < count else 0, size),
        )
    got(outcomes, b"")
    assert taken == [size * count] and not client.busy()


def test_response_to_post_in_blocks():
    """RFC 7959 §2.7: the rest of the response to a POST is asked for by POST, without payload."""
    for code in (POST, FETCH):
        client, server = asking()
        outcomes = ask(client, server, code, b"question")
        request = server.next()
        assert bytes(request.payload) == b"question" and request.code == code
        answer(server, request, CHANGED, _BODY[:128], block2=(0, 1, 128))
        for number in (1, 2):
            request = server.hear(CON, code, None, block2=(number, 0, 128))
            assert code == FETCH or len(request.payload) == 0
            answer(
                server, request, CHANGED, _BODY[number * 128 : number * 128 + 128],
                block2=(number, 1 if number < 2 else 0, 128),
            )
        got(outcomes, _BODY, CHANGED)


# Block1, RFC 7959 §2.5 and §3.2


def sending(size, body=_BODY, code=PUT, type=CON, path="options"):
    """Return an endpoint that sends a body in blocks of a size, its peer, and the outcomes."""
    client, server = asking({64: 140, 128: 200}[size])
    return client, server, ask(client, server, code, body, type, path=path)


def test_put_figure_7():
    """RFC 7959 §3.2, figure 7: each block is acknowledged by 2.31, the last gets the response."""
    client, server, outcomes = sending(128)
    for number in (0, 1, 2):
        more = 1 if number < 2 else 0
        request = server.hear(
            CON, PUT, 1234 + number, _BODY[number * 128 : number * 128 + 128],
            block1=(number, more, 128),
        )
        assert request.path() == ["options"] and outcomes == [] and client.busy()
        answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, 128))
    got(outcomes, b"", CHANGED)
    server.silence()
    assert not client.busy() and client.step(0) is None


def test_put_figure_8():
    """RFC 7959 §3.2, figure 8: a stateless server answers each block with 2.04, M not set; the
    client goes on to the last."""
    client, server, outcomes = sending(128)
    for number in (0, 1, 2):
        assert outcomes == []
        request = server.hear(
            CON, PUT, 1234 + number, _BODY[number * 128 : number * 128 + 128],
            block1=(number, 1 if number < 2 else 0, 128),
        )
        answer(server, request, CHANGED, block1=(number, 0, 128))
    got(outcomes, b"", CHANGED)


def test_put_figure_9():
    """RFC 7959 §3.2, figure 9: the server asks for smaller blocks, the client goes on in them."""
    client, server, outcomes = sending(128, _BODY[:222])
    request = server.hear(CON, PUT, 1234, _BODY[:128], block1=(0, 1, 128))
    answer(server, request, CONTINUE, block1=(0, 1, 32))
    for message_id, number, more in ((1235, 4, 1), (1236, 5, 1), (1237, 6, 0)):
        request = server.hear(
            CON, PUT, message_id, _BODY[number * 32 : min(222, number * 32 + 32)],
            block1=(number, more, 32),
        )
        answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, 32))
    got(outcomes, b"", CHANGED)


def test_post_figures_10_and_11():
    """RFC 7959 §3.3, figures 10 and 11: a body in blocks and a response in blocks, of a size of
    its own."""
    reply = pattern(250)
    for size in (128, 64):
        client, server, outcomes = sending(128, pattern(300), POST, path="soap")
        for number in (0, 1):
            request = server.next()
            assert read_block(request.get(27)) == (number, 1, 128)
            answer(server, request, CONTINUE, block1=(number, 1, 128))
        request = server.next()
        assert read_block(request.get(27)) == (2, 0, 128)
        answer(
            server, request, CHANGED, reply[:size], block1=(2, 0, 128), block2=(0, 1, size)
        )
        for number in range(1, (250 + size - 1) // size):
            request = server.hear(CON, POST, 1236 + number, b"", block2=(number, 0, size))
            assert request.path() == ["soap"] and request.get(60) is None
            at = number * size
            answer(
                server, request, CHANGED, reply[at : at + size],
                block2=(number, 1 if at + size < 250 else 0, size),
            )
        got(outcomes, reply, CHANGED)


def test_sizes_of_links():
    """RFC 7959 §2.5: the largest block that fits a datagram beside the options: SMS 64."""
    body = pattern(3_000)
    for mtu, size in ((1152, 1024), (1024, 512), (576, 512), (140, 64), (75, 32), (50, 16)):
        client, server = asking(mtu)
        ask(client, server, PUT, body)
        data = server.link.sent[0][0]
        assert len(data) <= mtu
        server.hear(CON, PUT, 1234, body[:size], block1=(0, 1, size))


def test_short_messages():
    """RFC 7959 §2.5, TS 23.040 §9.2.3.24: by SMS, blocks of 64."""
    link = Link(sms())
    link.binding = "S"
    client, server = asking(140, link)
    outcomes = ask(client, server, POST, _BODY, path="rd")
    for number in range(6):
        more = 1 if number < 5 else 0
        request = server.hear(
            CON, POST, None, _BODY[number * 64 : number * 64 + 64], block1=(number, more, 64)
        )
        answer(server, request, CONTINUE if more else CREATED, block1=(number, more, 64))
    got(outcomes, b"", CREATED)


def test_whole_where_it_fits():
    """RFC 7959 §2.5: what the link takes in one piece goes without Block1; a link may take more
    than its MTU."""
    client, server = asking(200)
    ask(client, server, PUT, bytes(150))
    server.hear(CON, PUT, 1234, bytes(150))
    client, server = asking(200)
    server.link.limit = 400
    ask(client, server, PUT, _BODY)
    server.hear(CON, PUT, 1234, _BODY)
    client, server = asking(200)
    server.link.limit = 400
    ask(client, server, PUT, pattern(450))
    server.hear(CON, PUT, 1234, pattern(450)[:128], block1=(0, 1, 128))


def test_size1():
    """RFC 7959 §4: the first block tells the size of the whole, where it is known."""
    client, server, _ = sending(128)
    server.hear(CON, PUT, 1234, block1=(0, 1, 128), size1=350)
    client, server, _ = sending(128, Body(_BODY))
    server.hear(CON, PUT, 1234, block1=(0, 1, 128), size1=350)
    client, server, _ = sending(128, Body(_BODY, False))
    server.hear(CON, PUT, 1234, block1=(0, 1, 128), size1=None)


def test_body_read_in_pieces():
    """RFC 7959 §2.5: a body is read as its blocks go, with or without a size told."""
    for content_, told_size in ((_BODY, True), (_BODY, False), (_BODY[:256], False)):
        body = Body(content_, told_size)
        client, server, outcomes = sending(128, body)
        sent = b""
        while not outcomes:
            request = server.next()
            number, more, size = read_block(request.get(27))
            assert (number * 128, size) == (len(sent), 128)
            assert len(request.payload) == 128 or not more
            sent += bytes(request.payload)
            assert all(offset <= len(sent) for offset, _ in body.reads)
            answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, 128))
        assert sent == content_
        assert max(size for _, size in body.reads) <= 200 + 1
        got(outcomes, b"", CHANGED)


def test_small_body_read_in_pieces():
    """RFC 7959 §2.5: a body object that fits goes whole."""
    for told_size in (True, False):
        client, server = asking(200)
        outcomes = ask(client, server, PUT, Body(pattern(90), told_size))
        request = server.next()
        # A body object may go as the only block of some.
        assert read_block(request.get(27)) in (None, (0, 0, 128))
        assert bytes(request.payload) == pattern(90)
        answer(server, request, CHANGED)
        got(outcomes, b"", CHANGED)


def test_a_large_body():
    """RFC 7959 §2.5: 1 MB goes out in the memory of one block."""
    class Endless:
        size = 1024 * 1024

        def read(self, offset, size):
            return bytes(((offset >> 10) & 0xFF,)) * min(size, self.size - offset)

    client, server = asking(1152)
    outcomes = ask(client, server, PUT, Endless())
    for number in range(1024):
        more = 1 if number < 1023 else 0
        request = server.next()
        assert read_block(request.get(27)) == (number, more, 1024)
        assert len(request.payload) == 1024 and request.payload[7] == number & 0xFF
        answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, 1024))
    got(outcomes, b"", CHANGED)


def test_size_never_grows():
    """RFC 7959 §2.5: a larger block in the server's answer is not taken up."""
    client, server, outcomes = sending(64)
    request = server.hear(CON, PUT, 1234, _BODY[:64], block1=(0, 1, 64))
    answer(server, request, CONTINUE, block1=(0, 1, 1024))
    server.hear(CON, PUT, 1235, _BODY[64:128], block1=(1, 1, 64))


def test_refused_in_the_middle():
    """RFC 7959 §2.9: an error ends the transfer, at whichever block, and is the response."""
    for code in (REQUEST_ENTITY_TOO_LARGE, UNSUPPORTED_CONTENT_FORMAT, NOT_FOUND):
        for last in (0, 1, 2):
            client, server, outcomes = sending(128)
            for number in range(last):
                answer(server, server.next(), CONTINUE, block1=(number, 1, 128))
            answer(server, server.next(), code, b"why")
            got(outcomes, b"why", code)
            server.silence()
            assert not client.busy()


def test_smaller_blocks_asked_for_by_4_13():
    """RFC 7959 §2.9.3: 4.13 to the first block with a smaller Block1 is a hint to begin anew in
    that size, once."""
    client, server, outcomes = sending(128)
    request = server.next()
    answer(server, request, REQUEST_ENTITY_TOO_LARGE, block1=(0, 1, 64))
    if outcomes:  # to give up is allowed too
        got(outcomes, b"", REQUEST_ENTITY_TOO_LARGE)
        return
    request = server.hear(CON, PUT, 1235, _BODY[:64], block1=(0, 1, 64))
    answer(server, request, REQUEST_ENTITY_TOO_LARGE, block1=(0, 1, 64))
    got(outcomes, b"", REQUEST_ENTITY_TOO_LARGE)


def test_answers_that_do_not_fit():
    """RFC 7959 §2.3 and §2.9.1: 2.31 for another block, without Block1, or to the last block."""
    for blocks, options in (
        (1, {"block1": (1, 1, 128)}), (1, {}), (2, {"block1": (0, 1, 128)}),
        (3, {"block1": (2, 0, 128)}), (3, {}),
    ):
        client, server, outcomes = sending(128)
        for number in range(blocks - 1):
            answer(server, server.next(), CONTINUE, block1=(number, 1, 128))
        answer(server, server.next(), CONTINUE, **options)
        failed(outcomes, "incomplete")
        server.silence()
        assert not client.busy()


def test_final_answer_before_the_last_block():
    """RFC 7959 §2.5: 2.04 without Block1 to a block with more to come is an answer to that block
    alone, of a server that takes no blocks; sending more would spoil the value further."""
    client, server, outcomes = sending(128)
    answer(server, server.next(), CHANGED)
    assert len(outcomes) == 1 and not client.busy()
    server.silence()


def test_lost_block():
    """RFC 7959 §2.5: a block or its answer is lost: the same datagram once more."""
    client, server, outcomes = sending(128)
    answer(server, server.next(), CONTINUE, block1=(0, 1, 128))
    first = server.link.sent[0][0]
    second = server.next()
    client.step(2_000)
    assert server.link.sent == [(first, PEER)]
    server.next()
    answer(server, second, CONTINUE, block1=(1, 1, 128))
    answer(server, second, CONTINUE, block1=(1, 1, 128))
    last = server.hear(CON, PUT, 1236, _BODY[256:], block1=(2, 0, 128))
    answer(server, last, CHANGED, block1=(2, 0, 128))
    got(outcomes, b"", CHANGED)


def test_separate_answer_to_the_body():
    """RFC 7252 §5.2.2: the response to the last block may be separate."""
    client, server, outcomes = sending(128)
    for number in (0, 1):
        answer(server, server.next(), CONTINUE, block1=(number, 1, 128))
    request = server.next()
    server.say(ACK, 0, request.message_id)
    server.say(CON, CHANGED, 7000, request.token, block1=(2, 0, 128))
    server.hear(ACK, 0, 7000)
    got(outcomes, b"", CHANGED)


def test_send_that_ends_early():
    """RFC 7252 §4.2: a Reset, no answer, cancel() in the middle: told once."""
    for how in ("reset", "timeout", "cancelled"):
        client, server, outcomes = sending(128)
        answer(server, server.next(), CONTINUE, block1=(0, 1, 128))
        request = server.next()
        if how == "reset":
            server.say(RST, 0, request.message_id)
        elif how == "cancelled":
            client.cancel(100, PEER)
        now = 100
        while now is not None:
            now = client.step(now)
        failed(outcomes, how)
        assert not client.busy()


def test_non_confirmable_send():
    """RFC 7959 §2.5: a Non-confirmable request goes on in Non-confirmable blocks."""
    client, server, outcomes = sending(128, type=NON)
    for number in (0, 1, 2):
        more = 1 if number < 2 else 0
        request = server.hear(NON, PUT, 1234 + number, block1=(number, more, 128))
        answer(
            server, request, CONTINUE if more else CHANGED, b"", NON, block1=(number, more, 128)
        )
    got(outcomes, b"", CHANGED)


def test_options_of_the_body():
    """RFC 7959 §2.5: each block has the options of the request."""
    client, server = asking(200)
    request = Message(POST, CON, b"", _BODY).add(11, "rd").add(12, 40).add(15, "ep=x")
    ask(client, server, request=request)
    for number in (0, 1, 2):
        heard = server.next()
        assert heard.get_uint(12) == 40 and heard.queries() == ["ep=x"]
        assert heard.path() == ["rd"]
        size = read_block(heard.get(27))[2]
        assert size == 128
        if number < 2:
            answer(server, heard, CONTINUE, block1=(number, 1, 128))


def test_two_sends_at_once():
    """RFC 7959 §2.5, RFC 9175 §3.3: two bodies to one peer are told apart, by turn, resource or
    Request-Tag."""
    client, server = asking(200)
    bodies = {"a": _BODY, "b": pattern(900)[500:]}
    outcomes = {name: ask(client, server, PUT, body, path=name) for name, body in bodies.items()}
    taken = {"a": b"", "b": b""}
    for _ in range(20):
        if not server.link.sent:
            break
        request = server.next()
        name = request.path()[0]
        number, more, size = read_block(request.get(27))
        assert number * size == len(taken[name])
        taken[name] += bytes(request.payload)
        answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, size))
    assert taken == bodies
    for calls in outcomes.values():
        got(calls, b"", CHANGED)


def test_same_resource_twice_at_once():
    """RFC 7959 §2.5, RFC 9175 §3.3: two bodies for one resource of one peer follow one another,
    or have different Request-Tags."""
    client, server = asking(200)
    bodies = (_BODY, pattern(900)[500:])
    outcomes = [ask(client, server, PUT, body) for body in bodies]
    taken = {}
    finished = []
    for _ in range(20):
        if not server.link.sent:
            break
        request = server.next()
        number, more, size = read_block(request.get(27))
        tag = request.get(292)
        if number == 0:
            assert tag not in taken
            taken[tag] = b""
        assert number * size == len(taken[tag])
        taken[tag] += bytes(request.payload)
        if not more:
            finished.append(taken.pop(tag))
        answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, size))
    assert finished == list(bodies) or finished == list(reversed(bodies))
    for calls in outcomes:
        got(calls, b"", CHANGED)


def test_transfer_begun_anew_after_4_08():
    """RFC 7959 §2.9.2: the server has lost what it had: from the first block once more, but only
    once."""
    for last in (1, 2):
        client, server, outcomes = sending(128)
        for number in range(last):
            answer(server, server.next(), CONTINUE, block1=(number, 1, 128))
        answer(server, server.next(), REQUEST_ENTITY_INCOMPLETE)
        for number in (0, 1):
            request = server.hear(
                CON, PUT, None, _BODY[number * 128 : number * 128 + 128],
                block1=(number, 1, 128),
            )
            if number == 0:
                answer(server, request, CONTINUE, block1=(0, 1, 128))
        answer(server, request, REQUEST_ENTITY_INCOMPLETE)
        got(outcomes, b"", REQUEST_ENTITY_INCOMPLETE)
        server.silence()
        assert not client.busy()


def test_fetch_begun_anew_after_a_change():
    """RFC 7959 §2.4: without a sink, the whole may be fetched once more when it has changed."""
    client, server = asking()
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128), etag=b"old")
    other = pattern(500)[200:]
    request = server.next()
    assert read_block(request.get(23)) == (1, 0, 128)
    answer(server, request, CONTENT, other[128:256], block2=(1, 1, 128), etag=b"new")
    if outcomes:  # to give up is allowed too
        failed(outcomes, "changed")
        return
    serve(server, other, 128, etag=b"new")
    got(outcomes, other)


def test_final_response_without_block1():
    """RFC 7959 §2.3: a server that leaves Block1 out of its final response, as libcoap does."""
    client, server, outcomes = sending(128)
    for number in (0, 1):
        answer(server, server.next(), CONTINUE, block1=(number, 1, 128))
    answer(server, server.next(), CHANGED, b"done")
    got(outcomes, b"done", CHANGED)
