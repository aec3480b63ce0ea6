"""RFC 7959 §2.5 as a server: large request bodies by Block1."""

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON
from coap.registry import (
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CONTINUE,
    CREATED,
    FETCH,
    GET,
    IPATCH,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from unit.coap.blocks import BODY, changed, heard_block, put, served, status, taking
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Handler,
    Link,
    Peer,
    Sink,
    pattern,
    read_block,
    zeros,
)

HEAP_K = 100  # scripts of many exchanges


def test_put_figure_7():
    """RFC 7959 §3.2, figure 7: simple atomic block-wise PUT."""
    client, handler, server = taking()
    body = BODY[:350]
    put(client, 1234, 0, 1, 128, body)
    client.hear(ACK, CONTINUE, 1234, b"", block1=(0, 1, 128))
    put(client, 1235, 1, 1, 128, body)
    client.hear(ACK, CONTINUE, 1235, b"", block1=(1, 1, 128))
    assert handler.requests == []
    put(client, 1236, 2, 0, 128, body)
    assert client.hear(ACK, CHANGED, 1236, b"", block1=(2, 0, 128)).token == b"tk"
    assert len(handler.requests) == 1 and not server.busy()
    request = handler.requests[0]
    assert bytes(request.payload) == body and request.path() == ["options"]


def test_put_figure_9():
    """RFC 7959 §3.2, figure 9: the server prefers blocks of 32, the client goes on in them; each
    answer has the Message ID of its request, where the figure's last two lag behind."""
    client, handler, _ = served(changed, 90)
    body = BODY[:222]
    put(client, 1234, 0, 1, 128, body)
    client.hear(ACK, CONTINUE, 1234, block1=(0, 1, 32))
    for message_id, number, more in ((1235, 4, 1), (1236, 5, 1), (1237, 6, 0)):
        put(client, message_id, number, more, 32, body)
        client.hear(ACK, CONTINUE if more else CHANGED, message_id, block1=(number, more, 32))
    assert bytes(handler.requests[0].payload) == body


def test_server_asks_for_smaller_blocks():
    """RFC 7959 §2.5: a block is larger than the link carries: 2.31 names the size for those that
    follow."""
    client, handler, _ = served(changed, 200)
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 128))
    put(client, 2, 2, 1, 128)
    client.hear(ACK, CONTINUE, 2, block1=(2, 1, 128))
    put(client, 3, 3, 0, 128)
    client.hear(ACK, CHANGED, 3, block1=(3, 0, 128))
    assert bytes(handler.requests[0].payload) == BODY
    # A client that does not take it up is served all the same.
    put(client, 4, 0, 1, 256)
    client.hear(ACK, CONTINUE, 4, block1=(0, 1, 128))
    put(client, 5, 1, 0, 256)
    assert client.next().code == CHANGED
    assert bytes(handler.requests[1].payload) == BODY


def test_post_figure_10():
    """RFC 7959 §3.3, figure 10: a body in blocks, and a response in blocks."""
    client, handler, _ = served(status(BODY, CHANGED))
    body = pattern(300)
    put(client, 1234, 0, 1, 128, body, code=POST, path="soap")
    client.hear(ACK, CONTINUE, 1234, block1=(0, 1, 128))
    put(client, 1235, 1, 1, 128, body, code=POST, path="soap")
    client.hear(ACK, CONTINUE, 1235, block1=(1, 1, 128))
    put(client, 1236, 2, 0, 128, body, code=POST, path="soap")
    client.hear(ACK, CHANGED, 1236, BODY[:128], block1=(2, 0, 128), block2=(0, 1, 128))
    for number in (1, 2, 3):
        client.say(CON, POST, 1236 + number, path="soap", block2=(number, 0, 128))
        client.hear(
            ACK,
            CHANGED,
            1236 + number,
            BODY[number * 128 : min(400, number * 128 + 128)],
            block2=(number, 1 if number < 3 else 0, 128),
        )
    assert len(handler.requests) == 1 and bytes(handler.requests[0].payload) == body


def test_post_figure_11():
    """RFC 7959 §3.3, figure 11: the last block of the request asks for a response in 64."""
    client, handler, _ = served(status(BODY[:250], CHANGED))
    body = pattern(300)
    for number in (0, 1):
        put(client, 1234 + number, number, 1, 128, body, code=POST, path="soap")
        client.hear(ACK, CONTINUE, 1234 + number, block1=(number, 1, 128))
    put(client, 1236, 2, 0, 128, body, code=POST, path="soap", block2=(0, 0, 64))
    client.hear(ACK, CHANGED, 1236, BODY[:64], block1=(2, 0, 128), block2=(0, 1, 64))
    for number in (1, 2, 3):
        client.say(CON, POST, 1236 + number, path="soap", block2=(number, 0, 64))
        client.hear(
            ACK,
            CHANGED,
            1236 + number,
            BODY[number * 64 : min(250, number * 64 + 64)],
            block2=(number, 1 if number < 3 else 0, 64),
        )
    assert len(handler.requests) == 1


def test_only_block():
    """RFC 7959 §2.3: Block1 0/0 is a body that needs no second block."""
    client, handler, _ = taking()
    for message_id, value in ((1, (0, 0, 1024)), (2, b"")):
        client.say(CON, PUT, message_id, b"", b"small", path="options", block1=value)
        message = heard_block(client, ACK, CHANGED)
        assert read_block(message.get(27)) in (None, (0, 0, 1024), (0, 0, 16))
    assert [bytes(request.payload) for request in handler.requests] == [b"small"] * 2


def test_only_block_longer_than_its_size():
    """RFC 7959 §2.3: the size governs a block with more to come, and no last one."""
    client, handler, _ = taking()
    client.say(CON, PUT, 1, b"", bytes(40), path="options", block1=(0, 1, 32))
    client.hear(ACK, BAD_REQUEST, 1)
    assert handler.requests == []
    client.say(CON, PUT, 2, b"", BODY[:40], path="options", block1=b"")
    client.hear(ACK, CHANGED, 2, block1=(0, 0, 16))
    client.say(CON, PUT, 3, b"", BODY[:32], path="options", block1=(0, 1, 32))
    client.hear(ACK, CONTINUE, 3, block1=(0, 1, 32))
    client.say(CON, PUT, 4, b"", BODY[32:80], path="options", block1=(1, 0, 32))
    client.hear(ACK, CHANGED, 4, block1=(1, 0, 32))
    assert [bytes(request.payload) for request in handler.requests] == [BODY[:40], BODY[:80]]


def test_short_block_with_more_to_come():
    """RFC 7959 §2.3: with the M bit, the payload is exactly of the size told: 4.00 otherwise."""
    for first in (True, False):
        client, handler, _ = taking()
        if not first:
            put(client, 1, 0, 1, 64)
            client.hear(ACK, CONTINUE, 1, block1=(0, 1, 64))
        number = 0 if first else 1
        client.say(CON, PUT, 2, b"", bytes(63), path="options", block1=(number, 1, 64))
        client.hear(ACK, BAD_REQUEST, 2)
        client.say(CON, PUT, 3, b"", b"", path="options", block1=(number, 1, 64))
        client.hear(ACK, BAD_REQUEST, 3)
        assert handler.requests == []


def test_gap():
    """RFC 7959 §2.9.2: a block that does not follow the one before: 4.08."""
    client, handler, _ = taking()
    put(client, 1, 0, 1, 64)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 64))
    put(client, 2, 2, 1, 64)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
    put(client, 3, 6, 0, 64)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 3)
    assert handler.requests == []


def test_first_block_missing():
    """RFC 7959 §2.9.2: a transfer that nothing is known of, or not any more: 4.08."""
    client, handler, _ = taking()
    put(client, 1, 1, 1, 64)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 1)
    put(client, 2, 1, 0, 64)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
    assert handler.requests == []
    # After the last block, the transfer is over.
    put(client, 3, 0, 1, 256)
    client.hear(ACK, CONTINUE, 3, block1=(0, 1, 256))
    put(client, 4, 1, 0, 256)
    client.hear(ACK, CHANGED, 4, block1=(1, 0, 256))
    put(client, 5, 1, 0, 256)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 5)
    assert len(handler.requests) == 1


def test_block_repeated_by_the_message_layer():
    """RFC 7252 §4.5: a retransmitted block gets the same answer and is taken once."""
    client, handler, _ = taking()
    for number in range(4):
        more = 1 if number < 3 else 0
        for _ in range(3):
            put(client, number, number, more, 128)
            client.hear(ACK, CONTINUE if more else CHANGED, number, block1=(number, more, 128))
    assert len(handler.requests) == 1 and bytes(handler.requests[0].payload) == BODY


def test_block_sent_again():
    """RFC 7959 §2.5: a block sent once more under another message ID never spoils the body."""
    for type in (CON, NON):
        client, handler, _ = taking()
        put(client, 1, 0, 1, 128, type=type)
        heard_block(client, ACK if type == CON else NON, CONTINUE)
        put(client, 2, 1, 1, 128, type=type)
        heard_block(client, ACK if type == CON else NON, CONTINUE)
        put(client, 3, 1, 1, 128, type=type)
        again = client.link.take()
        assert len(again) == 1 and again[0].code in (CONTINUE, REQUEST_ENTITY_INCOMPLETE)
        put(client, 4, 2, 1, 128, type=type)
        client.link.take()
        put(client, 5, 3, 0, 128, type=type)
        client.link.take()
        for request in handler.requests:
            assert bytes(request.payload) == BODY
        assert handler.requests or again[0].code == REQUEST_ENTITY_INCOMPLETE


def test_put_that_restarts():
    """RFC 7959 §2.5: block 0 begins anew; what was there before is overwritten."""
    client, handler, _ = taking()
    other = pattern(500)[100:]
    put(client, 1, 0, 1, 128, other)
    put(client, 2, 1, 1, 128, other)
    assert [message.code for message in client.link.take()] == [CONTINUE, CONTINUE]
    for number in range(4):
        more = 1 if number < 3 else 0
        put(client, 10 + number, number, more, 128)
        client.hear(ACK, CONTINUE if more else CHANGED, 10 + number, block1=(number, more, 128))
    assert [bytes(request.payload) for request in handler.requests] == [BODY]


def test_two_peers_send_at_once():
    """RFC 7959 §2.5: transfers of two peers do not mix, their message IDs and tokens alike."""
    link = Link()
    handler = Handler(changed)
    server = Endpoint(handler, zeros)
    peers = (Peer(server, link), Peer(server, link, OTHER_PEER))
    bodies = (BODY, pattern(500)[100:])
    for number in range(4):
        for at, peer in enumerate(peers):
            body = bodies[at]
            more = 1 if number < 3 else 0
            put(peer, number, number, more, 128, body)
            peer.hear(ACK, CONTINUE if more else CHANGED, number, block1=(number, more, 128))
    assert [bytes(request.payload) for request in handler.requests] == list(bodies)


def test_other_resource_in_between():
    """RFC 7959 §2.5: another request of the same peer does not disturb a transfer; blocks for two
    resources are never put together."""
    client, handler, _ = taking()
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    client.say(CON, GET, 2, path="temperature")
    client.hear(ACK, CHANGED, 2)
    client.say(CON, PUT, 3, path="temperature", payload=b"22")
    client.hear(ACK, CHANGED, 3)
    put(client, 4, 1, 0, 256, path="elsewhere")
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 4)
    put(client, 5, 1, 0, 256, code=POST)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 5)
    put(client, 6, 1, 0, 256)
    client.hear(ACK, CHANGED, 6, block1=(1, 0, 256))
    assert bytes(handler.requests[-1].payload) == BODY


def test_content_format_that_changes():
    """RFC 7959 §2.9.2: a block of another Content-Format does not belong to the transfer: 4.08."""
    client, handler, _ = taking()
    put(client, 1, 0, 1, 256, format=42)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    put(client, 2, 1, 0, 256, format=60)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
    assert handler.requests == []


def test_request_has_its_options():
    """RFC 7959 §2.5: the handler sees the options of the request, of the last block."""
    client, handler, _ = taking()
    for number in (0, 1):
        put(client, number, number, 1 - number, 256, format=42, query="a=1", accept=0)
        client.link.take()
    request = handler.requests[0]
    assert request.get_uint(12) == 42 and request.get_uint(17) == 0
    assert request.queries() == ["a=1"] and request.token == b"tk"
    assert request.code == PUT and request.type == CON


def test_body_too_large():
    """RFC 7959 §2.9.3: more than can be assembled: 4.13, Size1 tells how much would be."""
    client, handler, server = taking()
    body = pattern(server.body_limit + 1024)
    for number in range(server.body_limit // 1024):
        put(client, number, number, 1, 1024, body)
        client.hear(ACK, CONTINUE, number, block1=(number, 1, 1024))
    number = server.body_limit // 1024
    put(client, number, number, 0, 1024, body)
    message = heard_block(client, ACK, REQUEST_ENTITY_TOO_LARGE)
    assert message.get_uint(60) == server.body_limit
    assert handler.requests == []
    # Its memory is free, and the next transfer begins.
    put(client, 100, 0, 1, 256)
    client.hear(ACK, CONTINUE, 100, block1=(0, 1, 256))
    put(client, 101, 1, 0, 256)
    client.hear(ACK, CHANGED, 101, block1=(1, 0, 256))


def test_body_limit_is_inclusive():
    """RFC 7959 §2.9.3: a body of exactly the limit is taken."""
    client, handler, server = taking()
    server.body_limit = 256
    body = pattern(256)
    put(client, 1, 0, 1, 128, body)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 128))
    put(client, 2, 1, 0, 128, body)
    client.hear(ACK, CHANGED, 2, block1=(1, 0, 128))
    assert bytes(handler.requests[0].payload) == body
    put(client, 3, 0, 1, 128)
    client.hear(ACK, CONTINUE, 3, block1=(0, 1, 128))
    put(client, 4, 1, 1, 128)
    message = client.next()
    if message.code == CONTINUE:
        put(client, 5, 2, 0, 128)
        message = client.next()
    assert message.code == REQUEST_ENTITY_TOO_LARGE and message.get_uint(60) == 256


def test_size1_announces_too_much():
    """RFC 7959 §4: a Size1 above the limit is refused at the first block."""
    client, handler, server = taking()
    put(client, 1, 0, 1, 128, size1=server.body_limit + 1)
    message = heard_block(client, ACK, REQUEST_ENTITY_TOO_LARGE)
    assert message.get_uint(60) == server.body_limit
    put(client, 2, 0, 1, 128, size1=400)
    client.hear(ACK, CONTINUE, 2, block1=(0, 1, 128))


def test_non_confirmable_put():
    """RFC 7959 §2.5: blocks that come Non-confirmable are answered so."""
    client, handler, _ = taking()
    for number in range(4):
        more = 1 if number < 3 else 0
        put(client, number, number, more, 128, type=NON)
        message = client.hear(NON, CONTINUE if more else CHANGED, None, block1=(number, more, 128))
        assert message.token == b"tk"
    assert bytes(handler.requests[0].payload) == BODY


def test_answer_to_a_body_comes_later():
    """RFC 7959 §2.5, RFC 7252 §5.2.2: LATER after the last block; the response has its Block1."""
    client, handler, server = taking(answer=LATER)
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    put(client, 2, 1, 0, 256)
    client.hear(ACK, 0, 2)
    request = handler.requests[0]
    assert bytes(request.payload) == BODY
    server.respond(request, request.reply(CHANGED), PEER, client.link, 100)
    message = heard_block(client, CON, CHANGED)
    assert read_block(message.get(27)) in (None, (1, 0, 256)) and message.token == b"tk"
    client.say(ACK, 0, message.message_id)
    assert not server.busy()


def test_refused_at_the_first_block():
    """RFC 7959 §2.5: on_body refuses before the body has come."""
    asked = []

    def on_body(request, peer, link, now):
        asked.append((request.path(), peer))
        return request.reply(UNSUPPORTED_CONTENT_FORMAT)

    client, handler, _ = taking(on_body)
    put(client, 1, 0, 1, 128)
    assert heard_block(client, ACK, UNSUPPORTED_CONTENT_FORMAT).token == b"tk"
    assert asked == [(["options"], PEER)]
    put(client, 2, 1, 1, 128)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
    assert handler.requests == [] and len(asked) == 1


def test_silent_about_a_body():
    """CR 6.1: on_body may keep silent, and is asked again for the retransmission."""
    answers = [None, True]
    client, handler, _ = taking(lambda *arguments: answers.pop(0))
    put(client, 1, 0, 1, 256)
    client.silence()
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    put(client, 2, 1, 0, 256)
    client.hear(ACK, CHANGED, 2, block1=(1, 0, 256))
    assert bytes(handler.requests[0].payload) == BODY and answers == []


def test_silence_at_the_last_block():
    """CR 6.1: a handler that keeps silent is offered the retransmission, with the whole body."""
    answers = [None, None, CHANGED]

    def answer(request):
        code = answers.pop(0)
        return request.reply(code) if code else None

    client, handler, _ = taking(answer=answer)
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    for _ in range(2):
        put(client, 2, 1, 0, 256)
        client.silence()
    put(client, 2, 1, 0, 256)
    client.hear(ACK, CHANGED, 2, block1=(1, 0, 256))
    assert [bytes(request.payload) for request in handler.requests] == [BODY] * 3


def test_on_body_is_not_asked_for_small_bodies():
    """RFC 7959 §2.5: a request without Block1 goes to the handler alone."""
    client, handler, _ = taking(lambda *arguments: 1 // 0)
    client.say(CON, PUT, 1, payload=b"small", path="options")
    client.hear(ACK, CHANGED, 1)
    client.say(CON, GET, 2, path="options")
    client.hear(ACK, CHANGED, 2)
    assert len(handler.requests) == 2


def test_sink():
    """RFC 7959 §2.5: a body taken chunk by chunk, in order; the handler is asked at the end."""
    sink = Sink()
    client, handler, _ = taking(lambda *arguments: sink)
    for number in range(4):
        more = 1 if number < 3 else 0
        assert handler.requests == []
        put(client, number, number, more, 128)
        put(client, number, number, more, 128)  # a duplicate is not taken twice
        codes = [message.code for message in client.link.take()]
        assert codes == [CONTINUE if more else CHANGED] * 2
        assert sink.content == BODY[: number * 128 + 128]
    assert sink.chunks == 4 and sink.abandoned == 0
    assert handler.requests[0].payload is sink and len(handler.requests) == 1


def test_sink_takes_more_than_the_limit():
    """RFC 7959 §2.5: body_limit bounds what is assembled, not what flows through."""
    sink = Sink()
    client, handler, server = taking(lambda *arguments: sink)
    server.body_limit = 256
    put(client, 1, 0, 1, 128, size1=400)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 128))
    for number in (1, 2, 3):
        put(client, 1 + number, number, 1 if number < 3 else 0, 128)
        assert client.link.take_one().code == (CONTINUE if number < 3 else CHANGED)
    assert sink.content == BODY and len(handler.requests) == 1


def test_sink_that_stops():
    """RFC 7959 §2.9.3: a sink that cannot take a chunk ends the transfer with a code."""
    sink = Sink(REQUEST_ENTITY_TOO_LARGE)
    client, handler, _ = taking(lambda *arguments: sink)
    put(client, 1, 0, 1, 128)
    assert heard_block(client, ACK, REQUEST_ENTITY_TOO_LARGE).token == b"tk"
    put(client, 2, 1, 1, 128)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
    assert handler.requests == [] and sink.chunks == 1
    # At the last block as well.
    sinks = [Sink()]
    client, handler, _ = taking(lambda *arguments: sinks[0])
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    sinks[0].code = BAD_REQUEST
    put(client, 2, 1, 0, 256)
    assert heard_block(client, ACK, BAD_REQUEST).token == b"tk"
    assert handler.requests == []


def test_sink_that_is_abandoned():
    """RFC 7959 §2.5: a transfer that begins anew tells the sink of the one before."""
    sinks = [Sink(), Sink()]
    used = []

    def on_body(*arguments):
        used.append(sinks[len(used)])
        return used[-1]

    client, handler, _ = taking(on_body)
    put(client, 1, 0, 1, 128)
    put(client, 2, 1, 1, 128)
    put(client, 3, 0, 1, 256)
    assert [message.code for message in client.link.take()] == [CONTINUE] * 3
    assert sinks[0].abandoned == 1 and sinks[0].content == BODY[:256]
    put(client, 4, 1, 0, 256)
    client.hear(ACK, CHANGED, 4, block1=(1, 0, 256))
    assert sinks[1].content == BODY and sinks[1].abandoned == 0
    assert sinks[0].abandoned == 1 and handler.requests[0].payload is sinks[1]


def test_sink_of_a_peer_that_went_away():
    """RFC 7959 §2.5: a transfer that stops is given up after EXCHANGE_LIFETIME at the latest, and
    its sink is told once."""
    sink = Sink()
    client, handler, server = taking(lambda *arguments: sink)
    put(client, 1, 0, 1, 128)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 128))
    now = server.step(0)
    while now is not None and now < 1_000_000:
        now = server.step(now)
    client.now = 1_000_000
    server.step(client.now)
    put(client, 2, 1, 1, 128)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
    assert sink.abandoned == 1 and sink.chunks == 1 and handler.requests == []


def test_two_peers_that_went_away():
    """RFC 7959 §2.5: two transfers whose time is over at once are both given up."""
    sinks = {PEER: Sink(), OTHER_PEER: Sink()}
    client, handler, server = taking(lambda request, peer, link, now: sinks[peer])
    for peer in (client, Peer(server, client.link, OTHER_PEER)):
        put(peer, 1, 0, 1, 128)
        peer.hear(ACK, CONTINUE, 1, block1=(0, 1, 128))
    server.step(1_000_000)
    assert [sink.abandoned for sink in sinks.values()] == [1, 1]


def test_more_bodies_than_are_kept():
    """RFC 7959 §2.5: of many transfers begun at once some are given up; none is mixed, and each
    sink has one end."""
    link = Link()
    sinks = {}

    def on_body(request, peer, link, now):
        sinks.setdefault(peer, []).append(Sink())
        return sinks[peer][-1]

    handler = Handler(changed)
    server = Endpoint(handler, zeros, None, on_body)
    peers = [Peer(server, link, ("192.0.2.%d" % i, 5683)) for i in range(1, 21)]
    for number in range(4):
        for peer in peers:
            put(peer, number, number, 1 if number < 3 else 0, 128)
            assert len(link.take()) == 1
    finished = [request.payload for request in handler.requests]
    for sink in (sink for some in sinks.values() for sink in some):
        whole = sink.content == BODY
        assert whole or BODY.startswith(sink.content)
        assert (sink in finished) == whole
        assert sink.abandoned == (0 if whole else 1)
    # The last to begin has its place.
    peer = peers[0]
    for number in range(4):
        put(peer, 10 + number, number, 1 if number < 3 else 0, 128)
        assert link.take_one().code == (CONTINUE if number < 3 else CHANGED)


def test_cancel_abandons_a_body():
    """DESIGN §3: cancel() of a peer or a link ends what its transfers hold, and no other's."""
    for which in ("peer", "link"):
        sinks = {}
        client, handler, server = taking(
            lambda request, peer, link, now, sinks=sinks: sinks.setdefault((peer, link), Sink())
        )
        other = Peer(server, client.link, OTHER_PEER) if which == "peer" else Peer(server, Link())
        for peer in (client, other):
            put(peer, 1, 0, 1, 256)
            peer.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
        if which == "peer":
            server.cancel(10, PEER)
        else:
            server.cancel(10, None, client.link)
        assert sinks[(PEER, client.link)].abandoned == 1
        put(client, 2, 1, 0, 256)
        client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
        put(other, 2, 1, 0, 256)
        other.hear(ACK, CHANGED, 2, block1=(1, 0, 256))
        sink = sinks[(other.address, other.link)]
        assert sink.content == BODY and sink.abandoned == 0 and len(handler.requests) == 1


def test_request_tag():
    """RFC 9175 §3.3: blocks with different Request-Tags are never put together."""
    client, handler, _ = taking()
    other = pattern(500)[100:]
    put(client, 1, 0, 1, 256, request_tag=b"a")
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    put(client, 2, 1, 0, 256, other, request_tag=b"b")
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 2)
    put(client, 3, 1, 0, 256, other)
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 3)
    put(client, 4, 1, 0, 256, other, request_tag=b"")
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 4)
    assert handler.requests == []
    put(client, 5, 1, 0, 256, request_tag=b"a")
    message = heard_block(client, ACK, CHANGED)
    assert bytes(handler.requests[0].payload) == BODY
    # Elective and safe to forward: a response never carries it (§3.2.1).
    assert message.get(292) is None


def test_two_request_tags_at_once():
    """RFC 9175 §3.5.2: two bodies of one peer for one resource; neither spoils the other."""
    client, handler, _ = taking()
    bodies = {b"a": BODY, b"b": pattern(500)[100:]}
    for number in range(4):
        for at, tag in enumerate((b"a", b"b")):
            put(
                client,
                number * 2 + at,
                number,
                1 if number < 3 else 0,
                128,
                bodies[tag],
                request_tag=tag,
            )
            code = client.link.take_one().code
            assert code in (CONTINUE, CHANGED, REQUEST_ENTITY_INCOMPLETE)
    assert handler.requests
    for request in handler.requests:
        assert bytes(request.payload) == bodies[request.get(292)]


def test_request_tag_of_the_response():
    """RFC 9175 §3.3, §3.4: the Request-Tag of the body stands in the requests for the response's
    blocks as well; with another, or none, they ask for nothing that is known."""
    client, handler, _ = served(status(BODY, CHANGED))
    body = pattern(200)
    for number in (0, 1):
        put(client, number, number, 1 - number, 128, body, code=POST, request_tag=b"a")
        client.link.take()
    for message_id, other in ((2, {}), (3, {"request_tag": b"b"}), (4, {"request_tag": b""})):
        client.say(CON, POST, message_id, path="options", block2=(1, 0, 128), **other)
        client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, message_id)
    client.say(CON, POST, 5, path="options", block2=(1, 0, 128), request_tag=b"a")
    client.hear(ACK, CHANGED, 5, BODY[128:256], block2=(1, 1, 128))
    assert len(handler.requests) == 1


def test_patch_in_blocks():
    """RFC 8132 §3, RFC 7959 §2.5: iPATCH and FETCH carry bodies as PUT does."""
    for code in (IPATCH, FETCH, POST):
        client, handler, _ = taking(answer=lambda request: request.reply(CREATED, b"done"))
        put(client, 1, 0, 1, 256, code=code)
        client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
        put(client, 2, 1, 0, 256, code=code)
        client.hear(ACK, CREATED, 2, b"done", block1=(1, 0, 256))
        assert bytes(handler.requests[0].payload) == BODY


def test_body_larger_than_one_heap():
    """RFC 7959 §2.4 and §2.5: 1 MB flows through either way, one block at a time."""
    size, count = 512, 2048

    class Endless:
        size = 512 * 2048

        def read(self, offset, size):
            return bytes(((offset >> 9) & 0xFF,)) * min(size, self.size - offset)

    client, _, _ = served(lambda request: request.reply(CONTENT, Endless()), 600)
    for number in range(0, count, 61):
        client.say(CON, GET, number, path="firmware", block2=(number, 0, size))
        message = client.link.take_one()
        assert bytes(message.payload) == bytes((number & 0xFF,)) * size
    taken = [0]

    def sink(chunk):
        if chunk is not None:
            taken[0] += len(chunk)
            assert chunk[0] == chunk[-1] == (taken[0] - 1 >> 9) & 0xFF

    client, handler, _ = served(changed, 600, lambda *arguments: sink)
    for number in range(count):
        client.say(
            CON,
            PUT,
            number,
            b"",
            bytes((number & 0xFF,)) * size,
            path="5/0/0",
            block1=(number, 1 if number + 1 < count else 0, size),
        )
        code = client.link.take_one().code
        assert code == (CONTINUE if number + 1 < count else CHANGED)
    assert taken == [size * count] and len(handler.requests) == 1
