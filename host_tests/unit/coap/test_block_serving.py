"""RFC 7959 §2.4 as a server: large responses by Block2."""

import binascii

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON, Message
from coap.registry import (
    BAD_OPTION,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    FETCH,
    GET,
    NOT_FOUND,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
)
from coap.transmission import sms
from unit.coap.blocks import BODY, collect, heard_block, served, status
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Body,
    Handler,
    Link,
    Outcomes,
    Peer,
    pattern,
    read_block,
    zeros,
)

HEAP_K = 100  # scripts of many exchanges


def test_get_figure_2():
    """RFC 7959 §3.1, figure 2: the server proposes a size, the client agrees."""
    client, _, server = served(status(BODY[:300]))
    client.say(CON, GET, 1234, path="status")
    client.hear(ACK, CONTENT, 1234, BODY[:128], block2=(0, 1, 128))
    client.say(CON, GET, 1235, path="status", block2=(1, 0, 128))
    client.hear(ACK, CONTENT, 1235, BODY[128:256], block2=(1, 1, 128))
    client.say(CON, GET, 1236, path="status", block2=(2, 0, 128))
    client.hear(ACK, CONTENT, 1236, BODY[256:300], block2=(2, 0, 128))
    assert not server.busy()


def test_get_figure_3():
    """RFC 7959 §3.1, figure 3: early negotiation, the client asks for blocks of 64."""
    client, _, _ = served(status(BODY[:350]))
    for number in range(6):
        client.say(CON, GET, 1234 + number, path="status", block2=(number, 0, 64))
        client.hear(
            ACK,
            CONTENT,
            1234 + number,
            BODY[number * 64 : min(350, number * 64 + 64)],
            block2=(number, 1 if number < 5 else 0, 64),
        )


def test_get_figure_4():
    """RFC 7959 §3.1, figure 4: late negotiation, the client goes on with blocks of 64."""
    client, _, _ = served(status(BODY[:350]))
    client.say(CON, GET, 1234, path="status")
    client.hear(ACK, CONTENT, 1234, BODY[:128], block2=(0, 1, 128))
    for at, number in enumerate(range(2, 6)):
        client.say(CON, GET, 1235 + at, path="status", block2=(number, 0, 64))
        client.hear(
            ACK,
            CONTENT,
            1235 + at,
            BODY[number * 64 : min(350, number * 64 + 64)],
            block2=(number, 1 if number < 5 else 0, 64),
        )


def test_get_figures_5_and_6():
    """RFC 7959 §3.1, figures 5 and 6: a lost request changes nothing, a lost response is repeated;
    the handler is not asked again."""
    for sendings in (1, 2):
        client, handler, server = served(status(BODY[:350]))
        client.say(CON, GET, 1234, path="status")
        client.hear(ACK, CONTENT, 1234, BODY[:128], block2=(0, 1, 128))
        for _ in range(sendings):
            client.now += 3_000
            client.say(CON, GET, 1235, path="status", block2=(2, 0, 64))
            client.hear(ACK, CONTENT, 1235, BODY[128:192], block2=(2, 1, 64))
        for number in (3, 4, 5):
            client.say(CON, GET, 1233 + number, path="status", block2=(number, 0, 64))
            client.hear(
                ACK,
                CONTENT,
                1233 + number,
                BODY[number * 64 : min(350, number * 64 + 64)],
                block2=(number, 1 if number < 5 else 0, 64),
            )
        assert server.dropped.get("duplicate", 0) == sendings - 1 and len(handler.requests) == 1


def test_blocks_in_any_order():
    """RFC 7959 §2.4: a client may fetch any block, again and out of order."""
    client, _, _ = served(status())
    for message_id, number in enumerate((0, 2, 1, 1, 3, 0, 2)):
        client.say(CON, GET, message_id, path="status", block2=(number, 0, 128))
        client.hear(
            ACK,
            CONTENT,
            message_id,
            BODY[number * 128 : min(400, number * 128 + 128)],
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
    client.hear(ACK, CONTENT, 1, BODY[:64], block2=(0, 1, 64))
    assert collect(client, 64, path="3")[0] == BODY
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
    client.hear(ACK, CONTENT, 1, BODY[:128], block2=(0, 1, 128))
    client.say(CON, GET, 2, path="status", block2=(0, 0, 16))
    client.hear(ACK, CONTENT, 2, BODY[:16], block2=(0, 1, 16))


def test_larger_block_asked_for_later():
    """RFC 7959 §2.4: the block asked for begins where the request says, also when the server has
    to use smaller ones."""
    client, _, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=(0, 0, 64))
    client.hear(ACK, CONTENT, 1, block2=(0, 1, 64))
    client.say(CON, GET, 2, path="status", block2=(1, 0, 256))
    client.hear(ACK, CONTENT, 2, BODY[256:384], block2=(2, 1, 128))


def test_zero_length_block2():
    """RFC 7959 §2.2: an empty Block2 is 0/0/16, other than none at all."""
    client, _, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=b"")
    client.hear(ACK, CONTENT, 1, BODY[:16], block2=(0, 1, 16))
    client.say(CON, GET, 2, path="status", block2=b"\x00\x00")
    client.hear(ACK, CONTENT, 2, BODY[:16], block2=(0, 1, 16))


def test_more_bit_of_a_request_is_ignored():
    """RFC 7959 §2.4: the server MUST ignore the M bit of Block2 in a request."""
    client, _, _ = served(status())
    client.say(CON, GET, 1, path="status", block2=(0, 1, 64))
    client.hear(ACK, CONTENT, 1, BODY[:64], block2=(0, 1, 64))
    client.say(CON, GET, 2, path="status", block2=(6, 1, 64))
    client.hear(ACK, CONTENT, 2, BODY[384:], block2=(6, 0, 64))


def test_last_block_is_full():
    """RFC 7959 §2.2: a body of whole blocks ends with a full one, M not set."""
    for told_size in (True, False):
        client, _, _ = served(status(lambda told_size=told_size: Body(BODY[:384], told_size)))
        content, message = collect(client, 128)
        assert content == BODY[:384]
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
    client.hear(ACK, CONTENT, 12, BODY[384:], block2=(3, 0, 128))


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
    bodies = [BODY]
    client, _, _ = served(lambda request: request.reply(CONTENT, bodies[0]))
    tags = []
    for body in (BODY, pattern(401), BODY):
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
    client, _, _ = served(lambda request: request.reply(CONTENT, BODY).add(4, b"mine"))
    for number in range(4):
        client.say(CON, GET, number, path="status", block2=(number, 0, 128))
        message = heard_block(client, ACK, CONTENT)
        assert message.all(4) == [b"mine"]


def test_body_that_changes_in_the_middle():
    """RFC 7959 §2.4: what is being fetched stays as it was, or its ETag tells of the change."""
    bodies = [BODY]
    client, _, _ = served(lambda request: request.reply(CONTENT, bodies[0]))
    client.say(CON, GET, 1, path="status")
    tag = heard_block(client, ACK, CONTENT).get(4)
    bodies[0] = pattern(500)[100:]
    content = {tag: BODY}
    for number in (1, 2, 3):
        client.say(CON, GET, 1 + number, path="status", block2=(number, 0, 128))
        message = heard_block(client, ACK, CONTENT)
        body = content.get(message.get(4), bodies[0])
        assert bytes(message.payload) == body[number * 128 : number * 128 + 128]
    # A client that begins anew gets what is there.
    client.say(CON, GET, 9, path="status")
    message = heard_block(client, ACK, CONTENT)
    assert bytes(message.payload) == bodies[0][:128] and message.get(4) != tag


def test_entity_tag_after_a_reboot():
    """RFC 7959 §2.4: the body of an object, which nobody can compare, has another ETag after a
    reboot, or a client would join blocks of before and after."""
    tags = []
    for bits in (0x1234, 0x5678):
        server = Endpoint(Handler(status(Body(BODY))), lambda n, bits=bits: bits & (1 << n) - 1)
        link = Link()
        link.mtu = 200
        client = Peer(server, link)
        client.say(CON, GET, 1, path="status")
        tags.append(heard_block(client, ACK, CONTENT).get(4))
    assert tags[0] != tags[1]


def test_options_of_the_response_in_each_block():
    """RFC 7959 §2.4: Content-Format stands in every block, and no Observe after the first."""
    client, _, _ = served(lambda request: request.reply(CONTENT, BODY, 112).add(14, 30))
    for number in range(4):
        client.say(CON, GET, number, path="status", block2=(number, 0, 128))
        assert heard_block(client, ACK, CONTENT).get_uint(12) == 112


def test_size2():
    """RFC 7959 §4: asked for with Size2 0, the size of the body is told in the first response."""
    for body in (BODY, lambda: Body(BODY)):
        client, _, _ = served(status(body))
        client.say(CON, GET, 1, path="status", size2=0)
        client.hear(ACK, CONTENT, 1, block2=(0, 1, 128), size2=400)
        client.say(CON, GET, 2, path="status", block2=(0, 0, 64), size2=0)
        client.hear(ACK, CONTENT, 2, block2=(0, 1, 64), size2=400)
    client, _, _ = served(status(pattern(40)))
    client.say(CON, GET, 1, path="status", size2=0)
    message = heard_block(client, ACK, CONTENT)
    assert message.get_uint(28) in (None, 40) and bytes(message.payload) == pattern(40)
    client, _, _ = served(status(lambda: Body(BODY, False)))
    client.say(CON, GET, 1, path="status", size2=0)
    client.hear(ACK, CONTENT, 1, BODY[:128], block2=(0, 1, 128), size2=None)


def test_body_read_in_pieces():
    """RFC 7959 §2.4: a body is read block by block, as the blocks are asked for."""
    for told_size in (True, False):
        made = []

        def answer(request, made=made, told_size=told_size):
            made.append(Body(BODY, told_size))
            return request.reply(CONTENT, made[-1])

        client, _, _ = served(answer)
        client.say(CON, GET, 1, path="status")
        client.hear(ACK, CONTENT, 1, BODY[:128], block2=(0, 1, 128))
        assert len(made) == 1
        assert max(offset + size for offset, size in made[0].reads) <= 200 + 1
        content, _ = collect(client, 128, start=1)
        assert content == BODY[128:]
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
                ACK,
                CONTENT,
                number,
                body[number * 128 : number * 128 + 128],
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
        for kind, (options, at) in enumerate(
            (
                ({"path": "status"}, 0),
                ({"path": "other"}, 50),
                ({"path": "status", "query": "a=1"}, 100),
            )
        ):
            message_id = number * 4 + kind
            client.say(CON, GET, message_id, block2=(number, 0, 128), **options)
            whole = pattern(600)[at : at + 400]
            client.hear(
                ACK,
                CONTENT,
                message_id,
                whole[number * 128 : number * 128 + 128],
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
                ACK,
                CONTENT,
                number,
                BODY[number * 128 : min(400, number * 128 + 128)],
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
    client.hear(ACK, CHANGED, 2, BODY[:128], block2=(0, 1, 128))
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
            ACK,
            CONTENT,
            message_id,
            BODY[number * 128 : min(400, number * 128 + 128)],
            block2=(number, 1 if number < 3 else 0, 128),
        )


def test_fetch_method():
    """RFC 8132 §2.5, RFC 7959 §2.4: FETCH in blocks; what follows the first request may repeat
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
                    CON,
                    FETCH,
                    100 + at + number,
                    payload=body if repeated else b"",
                    path="status",
                    block2=(number, 0, 128),
                )
                client.hear(
                    ACK,
                    CONTENT,
                    None,
                    whole[number * 128 : number * 128 + 128],
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
    message = client.hear(NON, CONTENT, None, BODY[:128], block2=(0, 1, 128))
    assert message.token == b"tk"
    assert collect(client, 128, type=NON, start=1)[0] == BODY[128:]
    assert not server.busy()


def test_separate_response_in_blocks():
    """RFC 7252 §5.2.2, RFC 7959 §2.4: the first block comes separately, the rest piggybacked."""
    for body in (BODY, Body(BODY)):
        client, handler, server = served(LATER)
        client.say(CON, GET, 1, b"tk", path="status")
        client.hear(ACK, 0, 1)
        request = handler.requests[0]
        server.respond(request, request.reply(CONTENT, body), PEER, client.link, 100)
        message = client.hear(CON, CONTENT, None, BODY[:128], block2=(0, 1, 128))
        assert message.token == b"tk" and server.busy()
        client.say(ACK, 0, message.message_id)
        assert not server.busy()
        assert collect(client, 128, start=1)[0] == BODY[128:]
        assert len(handler.requests) == 1


def test_separate_response_keeps_to_the_size_asked_for():
    """RFC 7959 §2.4: the Block2 of the request counts for a response that comes later, too."""
    client, handler, server = served(LATER)
    client.say(NON, GET, 1, b"tk", path="status", block2=(0, 0, 32))
    client.silence()
    request = handler.requests[0]
    server.respond(request, request.reply(CONTENT, BODY), PEER, client.link, 100)
    client.hear(NON, CONTENT, None, BODY[:32], block2=(0, 1, 32))


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
        for count, state in ((2, BODY), (3, pattern(500)[100:])):
            outcomes = Outcomes()
            notification = Message(CONTENT, type, b"obs", Body(state)).add(6, count)
            server.notify(notification, PEER, client.link, count, outcomes, handler.requests[0])
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


def test_blocks_asked_for_with_host_and_port():
    """RFC 7252 §5.10.1, RFC 7959 §2.6: Uri-Host and Uri-Port choose nothing here: the blocks that
    a client asks for with them are those of the latest notification."""
    client, handler, server = served(lambda request: request.reply(CONTENT, BODY).add(6, 1))
    client.say(CON, GET, 1, b"obs", path="status", observe=0, host="device", port=5683)
    client.hear(ACK, CONTENT, 1, BODY[:128], block2=(0, 1, 128), observe=1)
    state = pattern(500)[100:]
    request = Message(GET, CON, b"obs").add(11, "status")
    notification = Message(CONTENT, NON, b"obs", state).add(6, 2)
    server.notify(notification, PEER, client.link, 5, Outcomes(), request)
    client.hear(NON, CONTENT, None, state[:128], block2=(0, 1, 128), observe=2)
    for number, more in ((1, {}), (2, {"host": "device"}), (3, {"port": 5683})):
        client.say(CON, GET, 1 + number, path="status", block2=(number, 0, 128), **more)
        client.hear(
            ACK, CONTENT, 1 + number, state[number * 128 : number * 128 + 128],
            block2=(number, 1 if number < 3 else 0, 128),
        )
    assert len(handler.requests) == 1


def test_blocks_asked_for_with_observe():
    """RFC 7959 §2.6: GETs for further blocks that repeat Observe, with the token of the
    observation, as the npm package coap sends them: blocks, and no registration anew."""
    client, handler, server = served(lambda request: request.reply(CONTENT, BODY).add(6, 1))
    client.say(CON, GET, 1, b"obs", path="status", observe=0)
    client.hear(ACK, CONTENT, 1, BODY[:128], block2=(0, 1, 128), observe=1)
    for number in (1, 2, 3):
        client.say(CON, GET, 1 + number, b"obs", path="status", observe=0, block2=(number, 0, 128))
        client.hear(
            ACK,
            CONTENT,
            1 + number,
            BODY[number * 128 : number * 128 + 128],
            block2=(number, 1 if number < 3 else 0, 128),
            observe=None,
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
