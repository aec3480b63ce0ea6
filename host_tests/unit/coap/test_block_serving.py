"""RFC 7959 as a server: large responses by Block2, large request bodies by Block1."""

import binascii

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON, Message
from coap.registry import (
    BAD_OPTION,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CONTINUE,
    CREATED,
    FETCH,
    GET,
    IPATCH,
    NOT_FOUND,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from coap.transmission import sms
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Body,
    Handler,
    Link,
    Outcomes,
    Peer,
    Sink,
    pattern,
    read_block,
    zeros,
)

# 400 bytes, more than a link of 200 bytes carries at once, and room for blocks of 128.
_BODY = pattern(400)


def served(answer, mtu=200, on_body=None):
    """Return a peer that asks, the handler asked and the endpoint."""
    handler = Handler(answer)
    server = Endpoint(handler, zeros, None, on_body)
    link = Link()
    link.mtu = mtu
    return Peer(server, link), handler, server


def status(body=_BODY, code=CONTENT):
    """Return what answers every request with a body, made anew each time if it is callable."""
    return lambda request: request.reply(code, body() if callable(body) else body)


def collect(peer, size, message_id=100, code=GET, reply=CONTENT, start=0, type=CON, **options):
    """Ask for block after block, from one number on; return the bytes and the last message."""
    content = b""
    number = start
    options = dict(options)
    options.setdefault("path", "status")
    while True:
        peer.say(type, code, message_id, b"tk", block2=(number, 0, size), **options)
        more = None
        message = heard_block(peer, ACK if type == CON else NON, reply)
        at, more, found = read_block(message.get(23))
        assert (at, found) == (number, size)
        assert len(message.payload) == size or not more
        content += bytes(message.payload)
        message_id += 1
        number += 1
        if not more:
            return content, message


def heard_block(peer, type, code):
    """Return the one message heard, whatever its block options."""
    message = peer.next()
    assert (message.type, message.code) == (type, code), (message.type, hex(message.code))
    return message


# Block2, RFC 7959 §2.4 and §3.1


def test_get_figure_2():
    """RFC 7959 §3.1, figure 2: the server proposes a size, the client agrees."""
    client, _, server = served(status(_BODY[:300]))
    client.say(CON, GET, 1234, path="status")
    client.hear(ACK, CONTENT, 1234, _BODY[:128], block2=(0, 1, 128))
    client.say(CON, GET, 1235, path="status", block2=(1, 0, 128))
    client.hear(ACK, CONTENT, 1235, _BODY[128:256], block2=(1, 1, 128))
    client.say(CON, GET, 1236, path="status", block2=(2, 0, 128))
    client.hear(ACK, CONTENT, 1236, _BODY[256:300], block2=(2, 0, 128))
    assert not server.busy()


def test_get_figure_3():
    """RFC 7959 §3.1, figure 3: early negotiation, the client asks for blocks of 64."""
    client, _, _ = served(status(_BODY[:350]))
    for number in range(6):
        client.say(CON, GET, 1234 + number, path="status", block2=(number, 0, 64))
        client.hear(
            ACK, CONTENT, 1234 + number, _BODY[number * 64 : min(350, number * 64 + 64)],
            block2=(number, 1 if number < 5 else 0, 64),
        )


def test_get_figure_4():
    """RFC 7959 §3.1, figure 4: late negotiation, the client goes on with blocks of 64."""
    client, _, _ = served(status(_BODY[:350]))
    client.say(CON, GET, 1234, path="status")
    client.hear(ACK, CONTENT, 1234, _BODY[:128], block2=(0, 1, 128))
    for at, number in enumerate(range(2, 6)):
        client.say(CON, GET, 1235 + at, path="status", block2=(number, 0, 64))
        client.hear(
            ACK, CONTENT, 1235 + at, _BODY[number * 64 : min(350, number * 64 + 64)],
            block2=(number, 1 if number < 5 else 0, 64),
        )


def test_get_figures_5_and_6():
    """RFC 7959 §3.1, figures 5 and 6: a lost request changes nothing, a lost response is repeated;
    the handler is not asked again."""
    client, handler, server = served(status(_BODY[:350]))
    client.say(CON, GET, 1234, path="status")
    client.hear(ACK, CONTENT, 1234, block2=(0, 1, 128))
    client.now = 3_000
    client.say(CON, GET, 1235, path="status", block2=(2, 0, 64))
    client.hear(ACK, CONTENT, 1235, _BODY[128:192], block2=(2, 1, 64))
    asked = len(handler.requests)
    client.now = 5_500
    client.say(CON, GET, 1235, path="status", block2=(2, 0, 64))
    client.hear(ACK, CONTENT, 1235, _BODY[128:192], block2=(2, 1, 64))
    assert server.dropped == {"duplicate": 1} and len(handler.requests) == asked


def test_blocks_in_any_order():
    """RFC 7959 §2.4: a client may fetch any block, again and out of order."""
    client, _, _ = served(status())
    for message_id, number in enumerate((0, 2, 1, 1, 3, 0, 2)):
        client.say(CON, GET, message_id, path="status", block2=(number, 0, 128))
        client.hear(
            ACK, CONTENT, message_id, _BODY[number * 128 : min(400, number * 128 + 128)],
            block2=(number, 1 if number < 3 else 0, 128),
        )


def test_sizes_of_links():
    """RFC 7959 §2.4: the largest block that fits a datagram beside the options: SMS 64."""
    body = pattern(3_000)
    for mtu, size in ((1152, 1024), (1024, 512), (576, 512), (140, 64), (90, 32), (60, 16)):
        client, _, _ = served(status(body), mtu)
        client.say(CON, GET, 1, b"12345678", path="status")
        client.hear(ACK, CONTENT, 1, body[:size], block2=(0, 1, size))
        content, _ = collect(client, size)
        assert content == body


def test_short_messages():
    """RFC 7959 §2.4, TS 23.040 §9.2.3.24: by SMS, blocks of 64, each answered once."""
    handler = Handler(status())
    server = Endpoint(handler, zeros)
    link = Link(sms())
    link.binding = "S"
    link.mtu = 140
    client = Peer(server, link, "491710000000")
    client.say(CON, GET, 1, b"1234", path="3")
    client.hear(ACK, CONTENT, 1, _BODY[:64], block2=(0, 1, 64))
    assert collect(client, 64, path="3")[0] == _BODY
    assert not server.busy()


def test_datagrams_keep_to_the_mtu():
    """RFC 7959 §2.4: no datagram of a transfer is larger than the link's MTU."""
    for mtu in (60, 100, 140, 200, 576, 1024, 1152):
        client, _, _ = served(
            lambda request: request.reply(CONTENT, pattern(2_000), 11542).add(14, 300), mtu
        )
        client.say(CON, GET, 1, b"12345678", path="status")
        largest = max(len(data) for data, _ in client.link.sent)
        message = heard_block(client, ACK, CONTENT)
        size = read_block(message.get(23))[2]
        assert largest <= mtu, (mtu, largest)
        assert mtu < 2 * size + 60


def test_whole_where_it_fits():
    """RFC 7959 §2.4: what fits the datagram goes without a Block2 option."""
    for extra in (0, 1):
        # Header 4, token 2, payload marker 1: 193 bytes fit 200.
        client, _, _ = served(status(pattern(193 + extra)))
        client.say(CON, GET, 1, b"tk", path="status")
        if extra:
            client.hear(ACK, CONTENT, 1, pattern(194)[:128], block2=(0, 1, 128))
        else:
            client.hear(ACK, CONTENT, 1, pattern(193))
            assert len(client.link.sent) == 0


def test_small_body_asked_for_in_blocks():
    """RFC 7959 §2.4: a Block2 in the request is obeyed: a smaller body is its only block, the
    last; a larger one comes in the blocks asked for though it would fit a datagram."""
    client, _, _ = served(status(pattern(40)))
    client.say(CON, GET, 1, path="status", block2=(0, 0, 64))
    message = heard_block(client, ACK, CONTENT)
    assert bytes(message.payload) == pattern(40)
    assert read_block(message.get(23)) in (None, (0, 0, 64))
    client.say(CON, GET, 2, path="status", block2=(0, 0, 32))
    client.hear(ACK, CONTENT, 2, pattern(40)[:32], block2=(0, 1, 32))
    client.say(CON, GET, 3, path="status", block2=(1, 0, 32))
    client.hear(ACK, CONTENT, 3, pattern(40)[32:], block2=(1, 0, 32))


def test_size_asked_for_is_a_limit():
    """RFC 7959 §2.4: the server uses the size indicated or a smaller one."""
    client, _, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=(0, 0, 1024))
    client.hear(ACK, CONTENT, 1, _BODY[:128], block2=(0, 1, 128))
    client.say(CON, GET, 2, path="status", block2=(0, 0, 16))
    client.hear(ACK, CONTENT, 2, _BODY[:16], block2=(0, 1, 16))


def test_larger_block_asked_for_later():
    """RFC 7959 §2.4: the block asked for begins where the request says, also when the server has
    to use smaller ones."""
    client, _, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=(0, 0, 64))
    client.hear(ACK, CONTENT, 1, block2=(0, 1, 64))
    client.say(CON, GET, 2, path="status", block2=(1, 0, 256))
    client.hear(ACK, CONTENT, 2, _BODY[256:384], block2=(2, 1, 128))


def test_zero_length_block2():
    """RFC 7959 §2.2: an empty Block2 is 0/0/16, other than none at all."""
    client, _, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=b"")
    client.hear(ACK, CONTENT, 1, _BODY[:16], block2=(0, 1, 16))
    client.say(CON, GET, 2, path="status", block2=b"\x00\x00")
    client.hear(ACK, CONTENT, 2, _BODY[:16], block2=(0, 1, 16))


def test_more_bit_of_a_request_is_ignored():
    """RFC 7959 §2.4: the server MUST ignore the M bit of Block2 in a request."""
    client, _, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=(0, 1, 64))
    client.hear(ACK, CONTENT, 1, _BODY[:64], block2=(0, 1, 64))
    client.say(CON, GET, 2, path="status", block2=(6, 1, 64))
    client.hear(ACK, CONTENT, 2, _BODY[384:], block2=(6, 0, 64))


def test_last_block_is_full():
    """RFC 7959 §2.2: a body of whole blocks ends with a full one, M not set."""
    for told_size in (True, False):
        client, _, _ = served(status(lambda told_size=told_size: Body(_BODY[:384], told_size)))
        content, message = collect(client, 128)
        assert content == _BODY[:384]
        assert read_block(message.get(23)) == (2, 0, 128) and len(message.payload) == 128


def test_block_beyond_the_end():
    """RFC 7252 §5.9.2.1, as RFC 7959 names no code for it: 4.00 for a block that is not there."""
    client, _, server = served(status())
    for message_id, number in enumerate((4, 5, 100, 0xFFFFF)):
        client.say(CON, GET, message_id, b"tk", path="status", block2=(number, 0, 128))
        assert client.hear(ACK, BAD_REQUEST, message_id).token == b"tk"
    # After the first block as well, when the body is kept.
    client.say(CON, GET, 10, path="status", block2=(0, 0, 128))
    client.hear(ACK, CONTENT, 10, block2=(0, 1, 128))
    client.say(CON, GET, 11, path="status", block2=(4, 0, 128))
    client.hear(ACK, BAD_REQUEST, 11)
    client.say(CON, GET, 12, path="status", block2=(3, 0, 128))
    client.hear(ACK, CONTENT, 12, _BODY[384:], block2=(3, 0, 128))


def test_reserved_size():
    """RFC 7959 §2.2: SZX 7 is reserved: 4.00, for either option."""
    client, handler, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=b"\x07")
    client.hear(ACK, BAD_REQUEST, 1)
    client.say(CON, PUT, 2, b"", bytes(16), path="status", block1=b"\x0f")
    client.hear(ACK, BAD_REQUEST, 2)
    client.say(CON, PUT, 3, b"", b"x", path="status", block1=b"\x07")
    client.hear(ACK, BAD_REQUEST, 3)
    assert handler.requests == []


def test_block_options_too_long():
    """RFC 7959 §2.1, RFC 7252 §5.4.3: longer than 3 bytes, a critical option not understood."""
    client, handler, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=b"\x00\x00\x00\x02")
    client.hear(ACK, BAD_OPTION, 1)
    client.say(CON, PUT, 2, path="status", block1=b"\x00\x00\x00\x02")
    client.hear(ACK, BAD_OPTION, 2)
    client.say(NON, PUT, 3, path="status", block1=b"\x00\x00\x00\x02")
    client.silence()
    assert handler.requests == []


def test_block_option_twice():
    """RFC 7959 §2.1, RFC 7252 §5.4.5: neither option is repeatable."""
    client, handler, _ = served(status())
    for message_id, number in enumerate((23, 27)):
        message = Message(GET, CON, b"", b"", message_id).add(number, 2).add(number, 2)
        client.bytes(bytes(message.encode()))
        client.hear(ACK, BAD_OPTION, message_id)
    assert handler.requests == []


def test_entity_tag():
    """RFC 7959 §2.4: blocks of one body have one ETag, those of another body another."""
    bodies = [_BODY]
    client, _, _ = served(lambda request: request.reply(CONTENT, bodies[0]))
    tags = []
    for body in (_BODY, pattern(401), _BODY):
        bodies[0] = body
        client.say(CON, GET, 50 + len(tags), path="status")
        tag = heard_block(client, ACK, CONTENT).get(4)
        assert 1 <= len(tag) <= 8
        assert int.from_bytes(tag, "big") == binascii.crc32(body)
        tags.append(tag)
        for number in (1, 2, 3):
            client.say(
                CON, GET, 100 + 10 * len(tags) + number, path="status", block2=(number, 0, 128)
            )
            assert heard_block(client, ACK, CONTENT).get(4) == tag
    assert tags[0] != tags[1] and tags[0] == tags[2]


def test_entity_tag_of_the_handler():
    """RFC 7252 §5.10.6: an ETag that the resource gives itself stands, in every block."""
    client, _, _ = served(lambda request: request.reply(CONTENT, _BODY).add(4, b"mine"))
    for number in range(4):
        client.say(CON, GET, number, path="status", block2=(number, 0, 128))
        message = heard_block(client, ACK, CONTENT)
        assert message.all(4) == [b"mine"]


def test_body_that_changes_in_the_middle():
    """RFC 7959 §2.4: what is being fetched stays as it was, or its ETag tells of the change."""
    bodies = [_BODY]
    client, _, _ = served(lambda request: request.reply(CONTENT, bodies[0]))
    client.say(CON, GET, 1, path="status")
    tag = heard_block(client, ACK, CONTENT).get(4)
    bodies[0] = pattern(500)[100:]
    content = {tag: _BODY}
    for number in (1, 2, 3):
        client.say(CON, GET, 1 + number, path="status", block2=(number, 0, 128))
        message = heard_block(client, ACK, CONTENT)
        body = content.get(message.get(4), bodies[0])
        assert bytes(message.payload) == body[number * 128 : number * 128 + 128]
    # A client that begins anew gets what is there.
    client.say(CON, GET, 9, path="status")
    message = heard_block(client, ACK, CONTENT)
    assert bytes(message.payload) == bodies[0][:128] and message.get(4) != tag


def test_options_of_the_response_in_each_block():
    """RFC 7959 §2.4: Content-Format stands in every block, and no Observe after the first."""
    client, _, _ = served(lambda request: request.reply(CONTENT, _BODY, 112).add(14, 30))
    for number in range(4):
        client.say(CON, GET, number, path="status", block2=(number, 0, 128))
        assert heard_block(client, ACK, CONTENT).get_uint(12) == 112


def test_size2():
    """RFC 7959 §4: asked for with Size2 0, the size of the body is told in the first response."""
    for body in (_BODY, lambda: Body(_BODY)):
        client, _, _ = served(status(body))
        client.say(CON, GET, 1, path="status", size2=0)
        client.hear(ACK, CONTENT, 1, block2=(0, 1, 128), size2=400)
        client.say(CON, GET, 2, path="status", block2=(0, 0, 64), size2=0)
        client.hear(ACK, CONTENT, 2, block2=(0, 1, 64), size2=400)
    client, _, _ = served(status(pattern(40)))
    client.say(CON, GET, 1, path="status", size2=0)
    message = heard_block(client, ACK, CONTENT)
    assert message.get_uint(28) in (None, 40) and bytes(message.payload) == pattern(40)
    client, _, _ = served(status(lambda: Body(_BODY, False)))
    client.say(CON, GET, 1, path="status", size2=0)
    client.hear(ACK, CONTENT, 1, _BODY[:128], block2=(0, 1, 128), size2=None)


def test_body_read_in_pieces():
    """RFC 7959 §2.4: a body is read block by block, as the blocks are asked for."""
    for told_size in (True, False):
        made = []

        def answer(request, made=made, told_size=told_size):
            made.append(Body(_BODY, told_size))
            return request.reply(CONTENT, made[-1])

        client, _, _ = served(answer)
        client.say(CON, GET, 1, path="status")
        client.hear(ACK, CONTENT, 1, _BODY[:128], block2=(0, 1, 128))
        assert len(made) == 1
        assert max(offset + size for offset, size in made[0].reads) <= 200 + 1
        content, _ = collect(client, 128, start=1)
        assert content == _BODY[128:]
        assert max(size for body in made for _, size in body.reads) <= 200 + 1


def test_small_body_read_in_pieces():
    """RFC 7959 §2.4: a body object that fits a datagram is one datagram."""
    for told_size in (True, False):
        for content in (pattern(90), b""):
            body = Body(content, told_size)
            client, _, _ = served(status(body))
            for message_id, code in ((1, GET), (2, PUT)):
                client.say(CON, code, message_id, path="status")
                message = heard_block(client, ACK, CONTENT)
                # A body object may be the only block of some.
                assert read_block(message.get(23)) in (None, (0, 0, 128))
                assert bytes(message.payload) == content


def test_two_peers_fetch_at_once():
    """RFC 7959 §2.4: transfers of two peers do not meet."""
    bodies = {PEER: pattern(400), OTHER_PEER: pattern(450)[50:]}
    link = Link()
    link.mtu = 200
    calls = []

    def handler(request, peer, link, now):
        calls.append(peer)
        return request.reply(CONTENT, Body(bodies[peer]))

    server = Endpoint(handler, zeros)
    first, second = Peer(server, link), Peer(server, link, OTHER_PEER)
    tags = {}
    for number in range(4):
        for peer in (first, second):
            peer.say(CON, GET, number, path="status", block2=(number, 0, 128))
            body = bodies[peer.address]
            message = peer.hear(
                ACK, CONTENT, number, body[number * 128 : number * 128 + 128],
                block2=(number, 1 if number < 3 else 0, 128),
            )
            assert tags.setdefault(peer.address, message.get(4)) == message.get(4)
    assert calls == [PEER, OTHER_PEER]


def test_one_peer_fetches_two_resources_at_once():
    """RFC 7959 §2.4: what belongs together is told by the request's options, not by the token."""
    def answer(request):
        at = 50 if request.path() == ["other"] else 100 if request.queries() else 0
        return request.reply(CONTENT, pattern(600)[at : at + 400])

    client, _, _ = served(answer)
    for number in range(4):
        for kind, (options, at) in enumerate((
            ({"path": "status"}, 0), ({"path": "other"}, 50),
            ({"path": "status", "query": "a=1"}, 100),
        )):
            message_id = number * 4 + kind
            client.say(CON, GET, message_id, block2=(number, 0, 128), **options)
            whole = pattern(600)[at : at + 400]
            client.hear(
                ACK, CONTENT, message_id, whole[number * 128 : number * 128 + 128],
                block2=(number, 1 if number < 3 else 0, 128),
            )


def test_more_transfers_than_are_kept():
    """RFC 7959 §2.4: where the body is not kept any more, a GET is asked of the handler again."""
    link = Link()
    link.mtu = 200
    handler = Handler(status())
    server = Endpoint(handler, zeros)
    peers = [Peer(server, link, ("192.0.2.%d" % i, 5683)) for i in range(1, 6)]
    for number in range(4):
        for peer in peers:
            peer.say(CON, GET, number, path="status", block2=(number, 0, 128))
            peer.hear(
                ACK, CONTENT, number, _BODY[number * 128 : min(400, number * 128 + 128)],
                block2=(number, 1 if number < 3 else 0, 128),
            )


def test_result_of_a_post_that_is_not_kept():
    """RFC 7959 §2.9.2: more of the response to a POST that is not kept: 4.08; the handler must
    not carry it out again."""
    client, handler, server = served(status(code=CHANGED))
    client.say(CON, POST, 1, path="soap", block2=(1, 0, 128))
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 1)
    assert handler.requests == []
    client.say(CON, POST, 2, path="soap", payload=b"question")
    client.hear(ACK, CHANGED, 2, _BODY[:128], block2=(0, 1, 128))
    for i in range(1, 6):
        other = Peer(server, client.link, ("192.0.2.%d" % (i + 10), 5683))
        other.say(CON, GET, 1, path="soap")
        other.link.take()
    asked = len(handler.requests)
    client.say(CON, POST, 3, path="soap", block2=(1, 0, 128))
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 3)
    assert len(handler.requests) == asked


def test_transfer_that_restarts():
    """RFC 7959 §2.4: a request for the first block begins anew, also after some of the others."""
    client, handler, _ = served(status())
    for message_id, number in enumerate((0, 1, 0, 1, 2, 3)):
        client.say(CON, GET, message_id, path="status", block2=(number, 0, 128))
        client.hear(
            ACK, CONTENT, message_id, _BODY[number * 128 : min(400, number * 128 + 128)],
            block2=(number, 1 if number < 3 else 0, 128),
        )


def test_fetch_method():
    """RFC 8132 §2.1, RFC 7959 §2.4: FETCH in blocks; what follows the first request may repeat
    the body or leave it out, as aiocoap does."""
    def answer(request):
        at = 50 if bytes(request.payload) == b"other" else 0
        return request.reply(CONTENT, pattern(600)[at : at + 400])

    for repeated in (True, False):
        client, handler, _ = served(answer)
        for body, at in ((b"one", 0), (b"other", 50)):
            client.say(CON, FETCH, 100 + at, payload=body, path="status")
            whole = pattern(600)[at : at + 400]
            client.hear(ACK, CONTENT, 100 + at, whole[:128], block2=(0, 1, 128))
            for number in (1, 2, 3):
                client.say(
                    CON, FETCH, 100 + at + number, payload=body if repeated else b"",
                    path="status", block2=(number, 0, 128),
                )
                client.hear(
                    ACK, CONTENT, None, whole[number * 128 : number * 128 + 128],
                    block2=(number, 1 if number < 3 else 0, 128),
                )


def test_fetch_that_is_not_kept():
    """RFC 7959 §2.9.2: more of a FETCH that is not kept, without its body: 4.08, because nothing
    says what was asked."""
    client, handler, _ = served(status())
    client.say(CON, FETCH, 1, path="status", block2=(1, 0, 128))
    client.hear(ACK, REQUEST_ENTITY_INCOMPLETE, 1)
    assert handler.requests == []


def test_non_confirmable_fetch():
    """RFC 7959 §2.4: blocks asked for by Non-confirmable requests come in Non-confirmable ones."""
    client, _, server = served(status())
    client.say(NON, GET, 1, b"tk", path="status")
    message = client.hear(NON, CONTENT, None, _BODY[:128], block2=(0, 1, 128))
    assert message.token == b"tk"
    assert collect(client, 128, type=NON, start=1)[0] == _BODY[128:]
    assert not server.busy()


def test_separate_response_in_blocks():
    """RFC 7252 §5.2.2, RFC 7959 §2.4: the first block comes separately, the rest piggybacked."""
    for body in (_BODY, Body(_BODY)):
        client, handler, server = served(LATER)
        client.say(CON, GET, 1, b"tk", path="status")
        client.hear(ACK, 0, 1)
        request = handler.requests[0]
        server.respond(request, request.reply(CONTENT, body), PEER, client.link, 100)
        message = client.hear(CON, CONTENT, None, _BODY[:128], block2=(0, 1, 128))
        assert message.token == b"tk" and server.busy()
        client.say(ACK, 0, message.message_id)
        assert not server.busy()
        assert collect(client, 128, start=1)[0] == _BODY[128:]
        assert len(handler.requests) == 1


def test_separate_response_keeps_to_the_size_asked_for():
    """RFC 7959 §2.4: the Block2 of the request counts for a response that comes later, too."""
    client, handler, server = served(LATER)
    client.say(NON, GET, 1, b"tk", path="status", block2=(0, 0, 32))
    client.silence()
    request = handler.requests[0]
    server.respond(request, request.reply(CONTENT, _BODY), PEER, client.link, 100)
    client.hear(NON, CONTENT, None, _BODY[:32], block2=(0, 1, 32))


def test_errors_are_not_cut():
    """RFC 7252 §5.5.2: a diagnostic payload that fits goes whole."""
    client, _, _ = served(lambda request: request.reply(NOT_FOUND, b"no such thing"))
    client.say(CON, GET, 1, path="status", block2=(0, 0, 64))
    message = heard_block(client, ACK, NOT_FOUND)
    assert bytes(message.payload) == b"no such thing"


def test_notification_in_blocks():
    """RFC 7959 §2.6: a notification carries the first block, GETs without Observe the others."""
    for type in (CON, NON):
        made = []

        def answer(request, made=made):
            made.append(request)
            return request.reply(CONTENT, b"small").add(6, 1)

        client, handler, server = served(answer)
        client.say(CON, GET, 1, b"obs", path="status", observe=0)
        client.hear(ACK, CONTENT, 1, b"small", observe=1)
        for count, state in ((2, _BODY), (3, pattern(500)[100:])):
            outcomes = Outcomes()
            notification = Message(CONTENT, type, b"obs", Body(state)).add(6, count)
            server.notify(
                notification, PEER, client.link, count, outcomes, handler.requests[0]
            )
            message = client.hear(
                type, CONTENT, None, state[:128], block2=(0, 1, 128), observe=count
            )
            assert message.token == b"obs"
            if type == CON:
                client.say(ACK, 0, message.message_id)
            assert outcomes.calls == [(None,)]
            content, last = collect(client, 128, count * 16, start=1)
            assert content == state[128:] and last.get(6) is None
            assert last.get(4) == message.get(4) is not None
        assert len(made) == 1


def test_blocks_asked_for_with_observe():
    """RFC 7959 §2.6: GETs for further blocks that repeat Observe, with the token of the
    observation, as the npm package coap sends them: blocks, and no registration anew."""
    client, handler, server = served(lambda request: request.reply(CONTENT, _BODY).add(6, 1))
    client.say(CON, GET, 1, b"obs", path="status", observe=0)
    client.hear(ACK, CONTENT, 1, _BODY[:128], block2=(0, 1, 128), observe=1)
    for number in (1, 2, 3):
        client.say(
            CON, GET, 1 + number, b"obs", path="status", observe=0, block2=(number, 0, 128)
        )
        client.hear(
            ACK, CONTENT, 1 + number, _BODY[number * 128 : number * 128 + 128],
            block2=(number, 1 if number < 3 else 0, 128), observe=None,
        )
    assert len(handler.requests) == 1


def test_notification_that_fits_goes_whole():
    """RFC 7959 §2.6: no Block2 where none is needed, also with the request given."""
    client, handler, server = served(lambda request: request.reply(CONTENT, b"s").add(6, 1))
    client.say(CON, GET, 1, b"obs", path="status", observe=0)
    client.hear(ACK, CONTENT, 1, observe=1)
    notification = Message(CONTENT, NON, b"obs", pattern(100)).add(6, 2)
    server.notify(notification, PEER, client.link, 5, Outcomes(), handler.requests[0])
    client.hear(NON, CONTENT, None, pattern(100), observe=2)


# Block1, RFC 7959 §2.5 and §3.2


def changed(request):
    return request.reply(CHANGED)


def taking(on_body=None, answer=changed):
    """Return what served() does, on a link that takes blocks of any size."""
    return served(answer, 1152, on_body)


def put(peer, message_id, number, more, size, body=_BODY, type=CON, code=PUT, **options):
    """Send the block of a body that has a number."""
    options.setdefault("path", "options")
    chunk = body[number * size : (number + 1) * size]
    peer.say(type, code, message_id, b"tk", chunk, block1=(number, more, size), **options)


def test_put_figure_7():
    """RFC 7959 §3.2, figure 7: simple atomic block-wise PUT."""
    client, handler, server = taking()
    body = _BODY[:350]
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
    """RFC 7959 §3.2, figure 9: the client changes to blocks of 32 in the middle, as a server that
    negotiates may make it do."""
    client, handler, _ = taking()
    body = _BODY[:222]
    put(client, 1234, 0, 1, 128, body)
    client.hear(ACK, CONTINUE, 1234, block1=(0, 1, 128))
    for message_id, number, more in ((1235, 4, 1), (1236, 5, 1), (1237, 6, 0)):
        put(client, message_id, number, more, 32, body)
        client.hear(
            ACK, CONTINUE if more else CHANGED, message_id, block1=(number, more, 32)
        )
    assert bytes(handler.requests[0].payload) == body


def test_server_asks_for_smaller_blocks():
    """RFC 7959 §2.5 and §3.2, figure 9: a block is larger than the link carries: 2.31 names the
    size for those that follow."""
    client, handler, _ = served(changed, 200)
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 128))
    put(client, 2, 2, 1, 128)
    client.hear(ACK, CONTINUE, 2, block1=(2, 1, 128))
    put(client, 3, 3, 0, 128)
    client.hear(ACK, CHANGED, 3, block1=(3, 0, 128))
    assert bytes(handler.requests[0].payload) == _BODY
    # A client that does not take it up is served all the same.
    put(client, 4, 0, 1, 256)
    client.hear(ACK, CONTINUE, 4, block1=(0, 1, 128))
    put(client, 5, 1, 0, 256)
    assert client.next().code == CHANGED
    assert bytes(handler.requests[1].payload) == _BODY


def test_post_figure_10():
    """RFC 7959 §3.3, figure 10: a body in blocks, and a response in blocks."""
    client, handler, _ = served(status(_BODY, CHANGED))
    body = pattern(300)
    put(client, 1234, 0, 1, 128, body, code=POST, path="soap")
    client.hear(ACK, CONTINUE, 1234, block1=(0, 1, 128))
    put(client, 1235, 1, 1, 128, body, code=POST, path="soap")
    client.hear(ACK, CONTINUE, 1235, block1=(1, 1, 128))
    put(client, 1236, 2, 0, 128, body, code=POST, path="soap")
    client.hear(ACK, CHANGED, 1236, _BODY[:128], block1=(2, 0, 128), block2=(0, 1, 128))
    for number in (1, 2, 3):
        client.say(CON, POST, 1236 + number, path="soap", block2=(number, 0, 128))
        client.hear(
            ACK, CHANGED, 1236 + number, _BODY[number * 128 : min(400, number * 128 + 128)],
            block2=(number, 1 if number < 3 else 0, 128),
        )
    assert len(handler.requests) == 1 and bytes(handler.requests[0].payload) == body


def test_post_figure_11():
    """RFC 7959 §3.3, figure 11: the last block of the request asks for a response in 64."""
    client, handler, _ = served(status(_BODY[:250], CHANGED))
    body = pattern(300)
    for number in (0, 1):
        put(client, 1234 + number, number, 1, 128, body, code=POST, path="soap")
        client.hear(ACK, CONTINUE, 1234 + number, block1=(number, 1, 128))
    put(client, 1236, 2, 0, 128, body, code=POST, path="soap", block2=(0, 0, 64))
    client.hear(ACK, CHANGED, 1236, _BODY[:64], block1=(2, 0, 128), block2=(0, 1, 64))
    for number in (1, 2, 3):
        client.say(CON, POST, 1236 + number, path="soap", block2=(number, 0, 64))
        client.hear(
            ACK, CHANGED, 1236 + number, _BODY[number * 64 : min(250, number * 64 + 64)],
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
    """RFC 7959 §2.2: a block is never longer than the size it tells."""
    client, handler, _ = taking()
    client.say(CON, PUT, 1, b"", bytes(40), path="options", block1=(0, 0, 32))
    client.hear(ACK, BAD_REQUEST, 1)
    client.say(CON, PUT, 2, b"", bytes(40), path="options", block1=(0, 1, 32))
    client.hear(ACK, BAD_REQUEST, 2)
    assert handler.requests == []


def test_short_block_with_more_to_come():
    """RFC 7959 §2.2: with the M bit, the payload is exactly of the size told: 4.00 otherwise."""
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
            client.hear(
                ACK, CONTINUE if more else CHANGED, number, block1=(number, more, 128)
            )
    assert len(handler.requests) == 1 and bytes(handler.requests[0].payload) == _BODY


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
            assert bytes(request.payload) == _BODY
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
        client.hear(
            ACK, CONTINUE if more else CHANGED, 10 + number, block1=(number, more, 128)
        )
    assert [bytes(request.payload) for request in handler.requests] == [_BODY]


def test_two_peers_send_at_once():
    """RFC 7959 §2.5: transfers of two peers do not mix, their message IDs and tokens alike."""
    link = Link()
    handler = Handler(changed)
    server = Endpoint(handler, zeros)
    peers = (Peer(server, link), Peer(server, link, OTHER_PEER))
    bodies = (_BODY, pattern(500)[100:])
    for number in range(4):
        for at, peer in enumerate(peers):
            body = bodies[at]
            more = 1 if number < 3 else 0
            put(peer, number, number, more, 128, body)
            peer.hear(
                ACK, CONTINUE if more else CHANGED, number, block1=(number, more, 128)
            )
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
    assert bytes(handler.requests[-1].payload) == _BODY


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
        message = client.hear(
            NON, CONTINUE if more else CHANGED, None, block1=(number, more, 128)
        )
        assert message.token == b"tk"
    assert bytes(handler.requests[0].payload) == _BODY


def test_answer_to_a_body_comes_later():
    """RFC 7959 §2.5, RFC 7252 §5.2.2: LATER after the last block; the response has its Block1."""
    client, handler, server = taking(answer=LATER)
    put(client, 1, 0, 1, 256)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
    put(client, 2, 1, 0, 256)
    client.hear(ACK, 0, 2)
    request = handler.requests[0]
    assert bytes(request.payload) == _BODY
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
    assert bytes(handler.requests[0].payload) == _BODY and answers == []


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
        assert sink.content == _BODY[: number * 128 + 128]
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
    assert sink.content == _BODY and len(handler.requests) == 1


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
    assert sinks[0].abandoned == 1 and sinks[0].content == _BODY[:256]
    put(client, 4, 1, 0, 256)
    client.hear(ACK, CHANGED, 4, block1=(1, 0, 256))
    assert sinks[1].content == _BODY and sinks[1].abandoned == 0
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
        whole = sink.content == _BODY
        assert whole or _BODY.startswith(sink.content)
        assert (sink in finished) == whole
        assert sink.abandoned == (0 if whole else 1)
    # The last to begin has its place.
    peer = peers[0]
    for number in range(4):
        put(peer, 10 + number, number, 1 if number < 3 else 0, 128)
        assert link.take_one().code == (CONTINUE if number < 3 else CHANGED)


def test_cancel_abandons_a_body():
    """DESIGN §3: cancel() of a peer or a link ends what its transfers hold."""
    sink = Sink()
    client, handler, server = taking(lambda *arguments: sink)
    put(client, 1, 0, 1, 128)
    client.hear(ACK, CONTINUE, 1, block1=(0, 1, 128))
    server.cancel(10, PEER)
    assert sink.abandoned <= 1
    put(client, 2, 1, 1, 128)
    assert sink.chunks + sink.abandoned <= 3


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
    assert bytes(handler.requests[0].payload) == _BODY
    # Elective and safe to forward: a response never carries it (§3.2.1).
    assert message.get(292) is None


def test_two_request_tags_at_once():
    """RFC 9175 §3.5.2: two bodies of one peer for one resource; neither spoils the other."""
    client, handler, _ = taking()
    bodies = {b"a": _BODY, b"b": pattern(500)[100:]}
    for number in range(4):
        for at, tag in enumerate((b"a", b"b")):
            put(
                client, number * 2 + at, number, 1 if number < 3 else 0, 128, bodies[tag],
                request_tag=tag,
            )
            code = client.link.take_one().code
            assert code in (CONTINUE, CHANGED, REQUEST_ENTITY_INCOMPLETE)
    assert handler.requests
    for request in handler.requests:
        assert bytes(request.payload) == bodies[request.get(292)]


def test_patch_in_blocks():
    """RFC 8132 §3, RFC 7959 §2.5: iPATCH and FETCH carry bodies as PUT does."""
    for code in (IPATCH, FETCH, POST):
        client, handler, _ = taking(answer=lambda request: request.reply(CREATED, b"done"))
        put(client, 1, 0, 1, 256, code=code)
        client.hear(ACK, CONTINUE, 1, block1=(0, 1, 256))
        put(client, 2, 1, 0, 256, code=code)
        client.hear(ACK, CREATED, 2, b"done", block1=(1, 0, 256))
        assert bytes(handler.requests[0].payload) == _BODY


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
            CON, PUT, number, b"", bytes((number & 0xFF,)) * size, path="5/0/0",
            block1=(number, 1 if number + 1 < count else 0, size),
        )
        code = client.link.take_one().code
        assert code == (CONTINUE if number + 1 < count else CHANGED)
    assert taken == [size * count] and len(handler.requests) == 1
