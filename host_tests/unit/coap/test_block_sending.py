"""RFC 7959 §2.5 as a client: large bodies sent by Block1."""

from coap.message import ACK, CON, NON, RST, Message
from coap.registry import (
    CHANGED,
    CONTENT,
    CONTINUE,
    CREATED,
    NOT_FOUND,
    POST,
    PUT,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    UNAUTHORIZED,
    UNSUPPORTED_CONTENT_FORMAT,
)
from coap.transmission import sms
from unit.coap.blocks import answer, ask, asking, failed, got, sending, serve
from unit.coap.helpers import PEER, Body, Link, pattern, read_block

HEAP_K = 100  # scripts of many exchanges

_BODY = pattern(350)


def test_put_figure_7():
    """RFC 7959 §3.2, figure 7: each block is acknowledged by 2.31, the last gets the response."""
    client, server, outcomes = sending(128)
    for number in (0, 1, 2):
        more = 1 if number < 2 else 0
        request = server.hear(
            CON,
            PUT,
            1234 + number,
            _BODY[number * 128 : number * 128 + 128],
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
            CON,
            PUT,
            1234 + number,
            _BODY[number * 128 : number * 128 + 128],
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
            CON,
            PUT,
            message_id,
            _BODY[number * 32 : min(222, number * 32 + 32)],
            block1=(number, more, 32),
        )
        answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, 32))
    got(outcomes, b"", CHANGED)


def soap(body, reply, size, **options):
    """Play figure 10 or 11: a POST in blocks of 128, its response in blocks of a size.

    options: those of the last request with Block1 besides.
    """
    client, server = asking(200)
    request = Message(POST, CON, b"", body).add(11, "soap")
    if options:
        request.add(23, 0x02)  # 0/0/64
    outcomes = ask(client, server, request=request)
    for number in (0, 1):
        chunk = body[number * 128 : number * 128 + 128]
        request = server.hear(CON, POST, 1234 + number, chunk, block1=(number, 1, 128))
        answer(server, request, CONTINUE, block1=(number, 1, 128))
    request = server.hear(CON, POST, 1236, body[256:], block1=(2, 0, 128), **options)
    answer(server, request, CHANGED, reply[:size], block1=(2, 0, 128), block2=(0, 1, size))
    for number in (1, 2, 3):
        request = server.hear(CON, POST, 1236 + number, b"", block2=(number, 0, size))
        assert request.path() == ["soap"] and request.get(60) is None and outcomes == []
        chunk = reply[number * size : number * size + size]
        more = 1 if number < 3 else 0
        answer(server, request, CHANGED, chunk, block2=(number, more, size))
    got(outcomes, reply, CHANGED)
    server.silence()
    assert not client.busy()


def test_post_figure_10():
    """RFC 7959 §3.3, figure 10: body and response in blocks, each of a size of its own."""
    soap(pattern(300), pattern(500), 128)
    soap(pattern(300), pattern(250), 64)


def test_post_figure_11():
    """RFC 7959 §3.3, figure 11: the application asks for a response in blocks of 64, as the last
    block of the body tells; the body's own blocks are of 128."""
    soap(pattern(300), pattern(250), 64, block2=(0, 0, 64))


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
    """RFC 7959 §2.9.3: 4.13 with a smaller Block1 is a hint to begin anew in that size."""
    client, server, outcomes = sending(128)
    answer(server, server.next(), REQUEST_ENTITY_TOO_LARGE, block1=(0, 0, 64))
    request = server.hear(CON, PUT, 1235, _BODY[:64], block1=(0, 1, 64))
    answer(server, request, CONTINUE, block1=(0, 1, 64))
    request = server.hear(CON, PUT, 1236, _BODY[64:128], block1=(1, 1, 64))
    answer(server, request, REQUEST_ENTITY_TOO_LARGE, block1=(1, 0, 64))
    got(outcomes, b"", REQUEST_ENTITY_TOO_LARGE)
    server.silence()


def test_blocks_asked_for_by_4_13():
    """RFC 7959 §2.9.3: a request sent whole goes in blocks where 4.13 names a size, else it ends;
    nor is it begun anew without end."""
    body = _BODY[:150]
    for block1, begun_anew in (((0, 0, 64), True), ((0, 0, 256), False), (None, False)):
        client, server = asking(200)
        outcomes = ask(client, server, PUT, body)
        options = {"block1": block1} if block1 else {}
        answer(server, server.hear(CON, PUT, 1234, body), REQUEST_ENTITY_TOO_LARGE, **options)
        if begun_anew:
            for number in (0, 1, 2):
                more = 1 if number < 2 else 0
                chunk = body[number * 64 : number * 64 + 64]
                request = server.hear(CON, PUT, 1235 + number, chunk, block1=(number, more, 64))
                code = CONTINUE if more else REQUEST_ENTITY_TOO_LARGE
                answer(server, request, code, block1=(number, more, 64))
        got(outcomes, b"", REQUEST_ENTITY_TOO_LARGE)
        server.silence()
        assert not client.busy()


def test_room_for_an_echo():
    """RFC 9175 §2.3, RFC 7959 §2.5: with an Echo of 40 bytes no datagram exceeds the link's MTU,
    whether the body went whole before or in blocks."""
    for body, first in ((pattern(180), None), (_BODY, (0, 1, 128))):
        client, server = asking(198)
        outcomes = ask(client, server, PUT, body)
        request = server.hear(CON, PUT, 1234, body if first is None else body[:128], block1=first)
        answer(server, request, UNAUTHORIZED, echo=bytes(40))
        at = 0
        while at < len(body):
            request = server.next()
            number, more, size = read_block(request.get(27))
            assert len(request.encode()) <= 198 and request.get(252) == bytes(40)
            assert number * size == at and bytes(request.payload) == body[at : at + size]
            at += size
            assert more == (1 if at < len(body) else 0)
            answer(server, request, CONTINUE if more else CHANGED, block1=(number, more, size))
        got(outcomes, b"", CHANGED)


def test_answers_that_do_not_fit():
    """RFC 7959 §2.3 and §2.9.1: 2.31 for another block, without Block1, or to the last block."""
    for blocks, options in (
        (1, {"block1": (1, 1, 128)}),
        (1, {}),
        (2, {"block1": (0, 1, 128)}),
        (3, {"block1": (2, 0, 128)}),
        (3, {}),
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


def test_late_answers_to_earlier_blocks():
    """RFC 7252 §4.5, RFC 7959 §2.5: Non-confirmable answers that come once more, under another
    message ID, neither end the transfer nor pass for the answer to the block in flight."""
    client, server, outcomes = sending(128, type=NON)
    request = server.next()
    token = request.token
    answer(server, request, CONTINUE, b"", NON, block1=(0, 1, 128))
    request = server.hear(NON, PUT, None, block1=(1, 1, 128))
    for message_id in (500, 501):
        server.say(NON, CONTINUE, message_id, token, block1=(0, 1, 128))
        assert outcomes == []
        if server.link.sent:  # the block once more, perhaps
            request = server.hear(NON, PUT, None, _BODY[128:256], block1=(1, 1, 128))
    answer(server, request, CONTINUE, b"", NON, block1=(1, 1, 128))
    request = server.hear(NON, PUT, None, _BODY[256:], block1=(2, 0, 128))
    answer(server, request, CHANGED, b"", NON, block1=(2, 0, 128))
    got(outcomes, b"", CHANGED)
    assert not client.busy()


def test_answers_to_earlier_blocks_without_end():
    """RFC 7252 §4.2: a peer that never says anything else is given up."""
    client, server, outcomes = sending(128, type=NON)
    request = server.next()
    answer(server, request, CONTINUE, b"", NON, block1=(0, 1, 128))
    for message_id in range(500, 600):
        if outcomes:
            break
        request = server.next()
        server.say(NON, CONTINUE, message_id, request.token, block1=(0, 1, 128))
    failed(outcomes, "incomplete")
    assert message_id < 550 and not client.busy()


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
                CON,
                PUT,
                None,
                _BODY[number * 128 : number * 128 + 128],
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
