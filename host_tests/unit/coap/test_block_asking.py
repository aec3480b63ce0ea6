"""RFC 7959 §2.4 as a client: large responses fetched by Block2."""

from coap.message import ACK, CON, NON, RST, Message
from coap.registry import (
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    FETCH,
    GET,
    NOT_FOUND,
    POST,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SERVICE_UNAVAILABLE,
)
from unit.coap.blocks import answer, ask, asking, failed, got, serve
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Outcomes,
    Peer,
    Sink,
    get,
    pattern,
    read_block,
)

HEAP_K = 100  # scripts of many exchanges

_BODY = pattern(350)


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
            server,
            request,
            CONTENT,
            _BODY[number * 128 : min(300, number * 128 + 128)],
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
            server,
            request,
            CONTENT,
            _BODY[number * 64 : number * 64 + 64],
            block2=(number, 1 if number < 5 else 0, 64),
        )
    got(outcomes, _BODY)


def late(lost=None):
    """Play figures 4 to 6, of a client whose link carries blocks of 64: late negotiation.

    lost: what is lost in the exchange 1235, "request" or "response".
    """
    client, server = asking(140)
    outcomes = ask(client, server)
    request = server.hear(CON, GET, 1234, b"", block2=None)
    answer(server, request, CONTENT, _BODY[:128], block2=(0, 1, 128))
    for number in (2, 3, 4, 5):
        request = server.hear(CON, GET, 1233 + number, b"", block2=(number, 0, 64))
        assert request.path() == ["status"] and outcomes == []
        if lost and number == 2:
            assert client.step(0) == 2_000
            client.step(2_000)
            again = server.hear(CON, GET, 1235, b"", block2=(2, 0, 64))
            assert again.token == request.token
        block2 = (number, 1 if number < 5 else 0, 64)
        chunk = _BODY[number * 64 : number * 64 + 64]
        answer(server, request, CONTENT, chunk, block2=block2)
        if lost == "response" and number == 2:
            # The one that seemed lost comes in the end.
            answer(server, request, CONTENT, chunk, block2=block2)
    got(outcomes, _BODY)
    server.silence()
    assert not client.busy()
    return sum(client.dropped.values())


def test_get_figure_4():
    """RFC 7959 §3.1, figure 4: 128 bytes come where the client takes blocks of 64: the third of
    them is what it asks for next."""
    assert late() == 0


def test_get_figure_5():
    """RFC 7959 §3.1, figure 5: the request for a block is lost, and sent again."""
    assert late("request") == 0


def test_get_figure_6():
    """RFC 7959 §3.1, figure 6: the response is lost; both come in the end, and one counts."""
    assert late("response") == 1


def test_server_uses_smaller_blocks():
    """RFC 7959 §2.4: the size asked for is a wish; the client takes up the server's."""
    client, server = asking()
    request = Message(GET).add(11, "status").add(23, 0x05)  # 0/0/512
    outcomes = ask(client, server, request=request)
    requests = serve(server, _BODY, 64)
    assert [read_block(request.get(23)) for request in requests] == [
        (0, 0, 512),
        (1, 0, 64),
        (2, 0, 64),
        (3, 0, 64),
        (4, 0, 64),
        (5, 0, 64),
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
            server,
            request,
            CONTENT,
            _BODY[number * 64 : number * 64 + 64],
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
                server,
                server.next(),
                CONTENT,
                _BODY[number * 128 : number * 128 + 128],
                block2=(number, 1 if number < 2 else 0, 128),
                **options,
            )
        if second is None:
            # Blocks without one say nothing either way.
            assert len(outcomes) == 1
        else:
            failed(outcomes, "changed")
            assert sink.abandoned == 1
        server.silence()
        assert not client.busy()


def test_change_in_the_response_to_a_post():
    """RFC 7959 §2.4: what a POST did is not done again for the sake of its response."""
    client, server = asking()
    outcomes = ask(client, server, POST, b"question")
    answer(server, server.next(), CHANGED, _BODY[:128], block2=(0, 1, 128), etag=b"old")
    answer(server, server.next(), CHANGED, _BODY[128:256], block2=(1, 1, 128), etag=b"new")
    failed(outcomes, "changed")
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
            server,
            request,
            CONTENT,
            pattern(1024)[number * 128 : number * 128 + 128],
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


def test_token():
    """RFC 7252 §5.3.1: request() returns the token of the first request, sink or not."""
    for sink in (None, Sink()):
        client, server = asking()
        message = Message(GET).add(11, "status")
        token = client.request(message, PEER, server.link, 0, Outcomes(), sink)
        assert server.next().token == token and len(token) == 4


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
    """RFC 7959 §2.3 and §2.4: what cannot be the block asked for ends the fetch as incomplete:
    another number, too few bytes with more to come, too many, no Block2 at all."""
    for payload, options in (
        (_BODY[128:256], {"block2": (2, 1, 128)}),
        (_BODY[128:256], {"block2": (0, 1, 128)}),
        (_BODY[128:256], {"block2": (1, 1, 256)}),
        (_BODY[128:192], {"block2": (1, 1, 128)}),
        (_BODY[128:300], {"block2": (1, 1, 128)}),
        (b"", {"block2": (1, 1, 128)}),
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
    """RFC 7959 §2.3: nor is a first block that is not the first, or not full, or too full."""
    for payload, value in (
        (_BODY[:128], (1, 1, 128)),
        (_BODY[:64], (0, 1, 128)),
        (_BODY[:128], (3, 0, 128)),
        (_BODY[:129], (0, 1, 128)),
    ):
        client, server = asking()
        outcomes = ask(client, server)
        answer(server, server.next(), CONTENT, payload, block2=value)
        failed(outcomes, "incomplete")
        server.silence()


def test_last_block_longer_than_its_size():
    """RFC 7959 §2.3: the size says nothing of a last block's payload."""
    client, server = asking()
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:40], block2=b"")
    got(outcomes, _BODY[:40])
    outcomes = ask(client, server)
    answer(server, server.next(), CONTENT, _BODY[:128], block2=(0, 1, 128))
    answer(server, server.next(), CONTENT, _BODY[128:300], block2=(1, 0, 128))
    got(outcomes, _BODY[:300])


def test_separate_blocks():
    """RFC 7252 §5.2.2: each block may come in a separate response."""
    client, server = asking()
    outcomes = ask(client, server)
    for number in range(3):
        request = server.next()
        server.say(ACK, 0, request.message_id)
        server.silence()
        server.say(
            CON,
            CONTENT,
            7000 + number,
            request.token,
            _BODY[number * 128 : number * 128 + 128],
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
            server,
            request,
            CONTENT,
            bytes((number & 0xFF,)) * size,
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
                server,
                request,
                CHANGED,
                _BODY[number * 128 : number * 128 + 128],
                block2=(number, 1 if number < 2 else 0, 128),
            )
        got(outcomes, _BODY, CHANGED)
