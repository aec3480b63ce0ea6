"""The embedded server's requests and their responses in blocks, by a client written by hand."""

import asyncio

import pytest

from host_tests.interop.server_peer import (
    ACCEPT,
    ACK,
    BLOCK1,
    BLOCK2,
    CON,
    CONTENT_FORMAT,
    ETAG,
    NON,
    OBSERVE,
    RST,
    SIZE1,
    SIZE2,
    block,
    build,
    cut,
    play,
)
from tools.server import RequestFailed, Transmission
from tools.server.blockwise import SIZES

# For tests of silence; in the others nothing may be sent again while the machine has much to do.
FAST = Transmission(ack_timeout_s=0.2, max_retransmit=2, response_timeout_s=0.8)
GET, POST, PUT, DELETE = 1, 2, 3, 4
CONTENT, CHANGED, CONTINUE, BAD_REQUEST, BAD_OPTION = 0x45, 0x44, 0x5F, 0x80, 0x82
NOT_FOUND, INCOMPLETE, TOO_LARGE = 0x84, 0x88, 0x8D
BODY = bytes(range(256)) * 20  # 5120 bytes
TEXT = "".join("%07d\n" % n for n in range(512)).encode()  # 4096 bytes


def run(scenario, *queries, **options):
    play(scenario, *(queries or ("lwm2m=1.1", "b=U")), **options)


async def take(peer, size=None, final=CHANGED):
    """Take a payload in blocks, of `size` if that is smaller than what comes; returns it, and the
    block options that came."""
    body, seen = b"", []
    while True:
        request = await peer.receive()
        number, more, sent_size = came = request.block(BLOCK1)
        assert number * sent_size == len(body)
        seen.append(came)
        body += request.payload
        answer = block(number, more, min(sent_size, size or sent_size))
        peer.answer(request, CONTINUE if more else final, options=[(BLOCK1, answer)])
        if not more:
            return body, seen


async def give(peer, body, size, number=0, etag=None, content_format=0, **first):
    """Give a body in blocks from `number` on; returns the requests."""
    requests = []
    while True:
        request = await peer.receive()
        requests.append(request)
        wanted = request.block(BLOCK2) or (0, False, size)
        size = min(size, wanted[2])
        assert wanted[0] * wanted[2] == number * size
        part, option = cut(body, number, size)
        options = [(BLOCK2, option), (ETAG, etag)] if etag else [(BLOCK2, option)]
        peer.answer(request, CONTENT, part, content_format, options=options, **first)
        number, first = number + 1, {}
        if number * size >= len(body):
            return requests


# Sending.


def test_write_in_blocks():
    """RFC 7959 §2.5, §4: Block1 counts up, Size1 goes with the first, the options with each."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY[:5000]))
        for number in range(5):
            request = await peer.receive()
            assert (request.type, request.code, request.path) == (CON, PUT, "/5/0/0")
            assert request.uint(CONTENT_FORMAT) == 42
            assert request.block(BLOCK1) == (number, number < 4, 1024)
            assert request.uint(SIZE1) == (5000 if number == 0 else None)
            assert request.payload == BODY[:5000][number * 1024 :][:1024]
            code = CONTINUE if number < 4 else CHANGED
            peer.answer(request, code, options=[(BLOCK1, block(number, number < 4, 1024))])
        result = await writing
        assert (result.code, result.error) == ("2.04", None)
        assert log.names("sending", "response") == ["sending", "response"]

    run(scenario)


def test_what_fits_goes_whole():
    """RFC 7959 §2.5: no Block1 on a payload of one block's size; Create and Execute, too."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY[:64]))
        request = await peer.receive()
        assert request.block(BLOCK1) is None and len(request.payload) == 64
        peer.answer(request, CHANGED)
        await writing
        executing = asyncio.ensure_future(server.execute("s1", "/3/0/4", "0='%s'" % ("x" * 100)))
        body, seen = await take(peer)
        assert body.startswith(b"0='xxx") and [number for number, _, _ in seen] == [0, 1]
        assert (await executing).ok
        creating = asyncio.ensure_future(server.create("s1", "/3303/5", {5750: "y" * 300}))
        body, seen = await take(peer, final=0x41)
        assert b"y" * 300 in body and (await creating).code == "2.01"

    run(scenario, block_size=64)


@pytest.mark.parametrize("size", SIZES[:-1])
def test_client_asks_for_smaller_blocks(size):
    """RFC 7959 §2.3, §3.2: the answer to the first block sets the size of those that follow."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY[:2100]))
        body, seen = await take(peer, size)
        assert body == BODY[:2100] and (await writing).ok
        assert seen[0] == (0, True, 1024)
        assert seen[1] == (1024 // size, size < 2100 - 1024, size)

    run(scenario)


def test_too_large_a_block():
    """RFC 7959 §2.9.3: 4.13 with a smaller size: once more from the start, in that size."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY))
        for size in (1024, 256):
            request = await peer.receive()
            assert request.block(BLOCK1) == (0, True, size) and request.uint(SIZE1) == len(BODY)
            peer.answer(request, TOO_LARGE, options=[(BLOCK1, block(0, True, size // 4))])
        body, seen = await take(peer)
        assert body == BODY and seen[0] == (0, True, 64)
        assert (await writing).ok
        # What went whole comes again in blocks.
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY[:600]))
        request = await peer.receive()
        assert request.block(BLOCK1) is None
        peer.answer(request, TOO_LARGE, options=[(BLOCK1, block(0, False, 256))])
        body, seen = await take(peer)
        assert body == BODY[:600] and seen[0] == (0, True, 256)
        assert (await writing).ok

    run(scenario)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], None),
        ([(SIZE1, 2048)], "the client takes 2048 bytes at most"),
        ([(SIZE1, 2048), (BLOCK1, block(0, True, 64))], "the client takes 2048 bytes at most"),
        ([(BLOCK1, block(0, True, 1024))], None),
    ],
)
def test_too_large_a_body(options, text):
    """RFC 7959 §2.9.3: a 4.13 that smaller blocks do not help is the result."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY))
        peer.answer(await peer.receive(), TOO_LARGE, options=options)
        result = await writing
        assert (result.code, result.error) == ("4.13", text)

    run(scenario)


def test_lost_blocks_are_sent_again():
    """RFC 7959 §2.9.2: after 4.08 from the first block, but not for ever."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY))
        first = await peer.receive()
        peer.answer(first, CONTINUE, options=[(BLOCK1, block(0, True, 1024))])
        peer.answer(await peer.receive(), INCOMPLETE)
        body, _ = await take(peer)
        assert body == BODY and (await writing).ok
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY))
        for _ in range(4):
            request = await peer.receive()
            assert request.block(BLOCK1)[0] == 0
            peer.answer(request, INCOMPLETE)
        with pytest.raises(RequestFailed, match="lost the blocks of the request 4 times") as error:
            await writing
        assert error.value.reason == "incomplete"
        assert log.last("failed")["reason"] == "incomplete"

    run(scenario)


@pytest.mark.parametrize(
    ("code", "options", "text"),
    [
        (CHANGED, [], "after 1024 of 5120 bytes the client answered 2.04 without a block option"),
        (CONTINUE, [], "answered 2.31 without a block option"),
        (CONTINUE, [(BLOCK1, block(1, True, 1024))], "answered 2.31 block 1 of size 1024"),
    ],
)
def test_answer_to_another_block(code, options, text):
    """RFC 7959 §2.3: the answer to a block names it; what else comes ends the transfer, for good
    though the client is in Queue Mode."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY))
        peer.answer(await peer.receive(), code, options=options)
        with pytest.raises(RequestFailed, match=text):
            await writing
        assert log.last("failed")["reason"] == "blocks" and not server.waiting("s1")

    run(scenario, "lwm2m=1.1", "b=U", "Q")


def test_continue_after_the_last_block():
    """RFC 7959 §2.9.1: 2.31 cannot answer the last block."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY[:1100]))
        for number in range(2):
            options = [(BLOCK1, block(number, True, 1024))]
            peer.answer(await peer.receive(), CONTINUE, options=options)
        with pytest.raises(RequestFailed, match="after 1100 of 1100 bytes .* answered 2.31"):
            await writing

    run(scenario)


def test_each_block_taken_by_itself():
    """RFC 7959 §2.3: a final code with M=0 to a block that is not the last: the rest follows."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY[:2100]))
        for number in range(3):
            options = [(BLOCK1, block(number, False, 1024))]
            peer.answer(await peer.receive(), CHANGED, options=options)
        assert (await writing).ok

    run(scenario)


def test_error_in_the_middle():
    """RFC 7959 §2.9: any other error is the result at once."""

    async def scenario(server, peer, log):
        for code, number in ((BAD_OPTION, 0), (0x81, 2)):
            writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY))
            for done in range(number):
                options = [(BLOCK1, block(done, True, 1024))]
                peer.answer(await peer.receive(), CONTINUE, options=options)
            peer.answer(await peer.receive(), code, b"no")
            assert (await writing).error == "no"
        await peer.silence(0.15)

    run(scenario)


def test_lost_datagrams():
    """RFC 7252 §4.2: each block is an exchange of its own, retransmitted with its message ID."""

    async def scenario(server, peer, log):
        writing = asyncio.ensure_future(server.write("s1", "/5/0/0", BODY[:2048]))
        first = await peer.receive()
        again = await peer.receive()
        assert again.data == first.data
        peer.answer(first, CONTINUE, options=[(BLOCK1, block(0, True, 1024))])
        peer.answer(first, CONTINUE, options=[(BLOCK1, block(0, True, 1024))])
        second = await peer.receive()
        assert second.message_id != first.message_id and second.block(BLOCK1)[0] == 1
        assert second.token != first.token
        for _ in range(2):
            assert (await peer.receive()).data == second.data
        with pytest.raises(RequestFailed, match="^timeout after 1024 of 2048 bytes were sent$"):
            await writing

    run(scenario, transmission=FAST)


def test_transfer_is_one_request_of_the_queue():
    """CR 6.1: the next request waits for the whole; a client that falls silent in the middle
    gets it from the start when it shows again, at the address where it shows."""

    async def scenario(server, peer, log):
        writing = server.enqueue("s1", "write", "/5/0/0", BODY[:3000])
        reading = server.enqueue("s1", "read", "/3/0/0")
        first = await peer.receive()
        peer.answer(first, CONTINUE, options=[(BLOCK1, block(0, True, 1024))])
        assert (await peer.receive()).block(BLOCK1)[0] == 1
        requeued = await log.wait("requeued")
        assert requeued["reason"] == "timeout" and server.state("s1") == "asleep"
        while not peer.inbox.empty():
            peer.inbox.get_nowait()
        await peer.move()
        await peer.request(POST, peer.location)
        first = await peer.receive()
        assert first.block(BLOCK1) == (0, True, 1024)
        peer.answer(first, CONTINUE, options=[(BLOCK1, block(0, True, 1024))])
        second = await peer.receive()
        # The NAT forgets in the middle of it: the block comes to the newest address, and so do
        # those that follow.
        await peer.move()
        await peer.request(POST, peer.location)
        again = await peer.receive()
        assert again.data == second.data
        peer.answer(again, CONTINUE, options=[(BLOCK1, block(1, True, 1024))])
        third = await peer.receive()
        assert third.block(BLOCK1) == (2, False, 1024)
        assert not writing.done()
        peer.answer(third, CHANGED, options=[(BLOCK1, block(2, False, 1024))])
        request = await peer.receive()
        assert request.path == "/3/0/0"
        peer.answer(request, payload=b"x", content_format=0)
        assert (await writing).ok and (await reading).value == "x"

    run(scenario, "lwm2m=1.1", "b=U", "Q", transmission=FAST)


def test_withdrawn_transfer_ends():
    """A caller's time-out ends the transfer after the block that is under way."""

    async def scenario(server, peer, log):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(server.write("s1", "/5/0/0", BODY), 0.05)
        request = await peer.receive()
        peer.answer(request, CONTINUE, options=[(BLOCK1, block(0, True, 1024))])
        await peer.silence(0.15)

    run(scenario)


# Fetching.


@pytest.mark.parametrize("size", SIZES)
def test_read_in_blocks(size):
    """RFC 7959 §2.4: the rest by the same request with Block2, and the value whole."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0", accept=0))
        requests = await give(peer, TEXT, size, etag=b"e1")
        result = await reading
        assert result.value == TEXT.decode() and result.payload == TEXT
        assert [r.block(BLOCK2) for r in requests] == [
            None,
            *((number, False, size) for number in range(1, len(TEXT) // size)),
        ]
        for request in requests:
            assert (request.code, request.path, request.uint(ACCEPT)) == (GET, "/3/0/0", 0)
        assert len({r.message_id for r in requests}) == len(requests)

    run(scenario)


def test_discover_in_blocks():
    """RFC 7959 §2.4: Discover, whose Accept goes with each block."""

    async def scenario(server, peer, log):
        links = ",".join("</3303/%d>" % n for n in range(40)).encode()
        discovering = asyncio.ensure_future(server.discover("s1", "/3303"))
        requests = await give(peer, links, 64, content_format=40)
        assert [link["target"] for link in (await discovering).value] == [
            "/3303/%d" % n for n in range(40)
        ]
        assert all(r.uint(ACCEPT) == 40 for r in requests)

    run(scenario)


def test_client_gives_smaller_blocks_later():
    """RFC 7959 §2.4: each response's own size counts, where it begins is what matters."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        peer.answer(await peer.receive(), payload=TEXT[:512], options=[(BLOCK2, 0x0D)])
        request = await peer.receive()
        assert request.block(BLOCK2) == (1, False, 512)
        options = [(BLOCK2, block(8, True, 64))]
        peer.answer(request, payload=TEXT[512:576], options=options)
        request = await peer.receive()
        assert request.block(BLOCK2) == (9, False, 64)
        options = [(BLOCK2, block(9, False, 64))]
        peer.answer(request, payload=TEXT[576:600], options=options)
        assert (await reading).payload == TEXT[:600]

    run(scenario)


def test_block_size_is_asked_for():
    """RFC 7959 §2.4: a preferred size goes with the first request, for what fits as well."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        requests = await give(peer, TEXT[:300], 1024)
        assert [r.block(BLOCK2) for r in requests][:2] == [(0, False, 128), (1, False, 128)]
        assert (await reading).payload == TEXT[:300]
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        peer.answer(await peer.receive(), payload=b"x", content_format=0)
        assert (await reading).value == "x"
        writing = asyncio.ensure_future(server.write("s1", "/3/0/0", "y" * 200))
        _, seen = await take(peer)
        assert seen == [(0, True, 128), (1, False, 128)] and (await writing).ok

    run(scenario, block_size=128)


@pytest.mark.parametrize("change", ["etag", "no etag", "content format", "4.08", "4.00"])
def test_changed_value_is_fetched_anew(change):
    """RFC 7959 §2.4: blocks of two representations are never put together."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        first = [(BLOCK2, block(0, True, 64)), (ETAG, b"1")]
        peer.answer(await peer.receive(), payload=b"A" * 64, content_format=0, options=first)
        request = await peer.receive()
        options = [(BLOCK2, block(1, True, 64)), (ETAG, b"1")]
        if change == "etag":
            options[1] = (ETAG, b"2")
        elif change == "no etag":
            del options[1]
        if change[0] == "4":
            code = {"4.08": INCOMPLETE, "4.00": BAD_REQUEST}[change]
            peer.answer(request, code, b"?")
        else:
            content_format = 42 if change == "content format" else 0
            peer.answer(request, CONTENT, b"B" * 64, content_format, options=options)
        requests = await give(peer, b"B" * 100, 64, etag=b"2")
        assert requests[0].block(BLOCK2)[0] == 0
        assert (await reading).value == "B" * 100

    run(scenario)


def test_value_that_never_stays():
    """Bad input: a value that changes with every block is given up, with the reason."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        for count in range(8):
            request = await peer.receive()
            number = (request.block(BLOCK2) or (0,))[0]
            options = [(BLOCK2, block(number, True, 64)), (ETAG, b"%d" % count)]
            peer.answer(request, payload=b"x" * 64, options=options)
        with pytest.raises(RequestFailed, match="changed or was lost 4 times while") as error:
            await reading
        assert error.value.reason == "changed"
        await peer.silence(0.15)

    run(scenario)


def test_later_answer_without_blocks():
    """RFC 7959 §2.4: a value that has become small comes whole; one that is gone is an error."""

    async def scenario(server, peer, log):
        for code, payload in ((CONTENT, b"small"), (NOT_FOUND, b"gone")):
            reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
            options = [(BLOCK2, block(0, True, 64))]
            peer.answer(await peer.receive(), payload=b"A" * 64, options=options)
            peer.answer(await peer.receive(), code, payload)
            result = await reading
            assert payload.decode() in (result.value, result.error)

    run(scenario)


@pytest.mark.parametrize(
    ("options", "payload", "text"),
    [
        ([(BLOCK2, block(1, True, 64))], b"A" * 64, "after 0 bytes of the answer came block 1 of"),
        ([(BLOCK2, block(0, True, 64))], b"A" * 63, "came block 0 of size 64 with 63 bytes"),
        ([(BLOCK2, block(0, True, 64))], b"", "came block 0 of size 64 with 0 bytes"),
        ([(BLOCK2, block(0, False, 16))], b"A" * 17, "came block 0 of size 16 with 17 bytes"),
        ([(BLOCK2, 0x0F)], b"A" * 1024, "came block 0 of size 1024"),
        ([(BLOCK2, block(0, True, 64)), (SIZE2, 2001)], b"A" * 64, "larger than the 2000 bytes"),
    ],
)
def test_broken_first_block(options, payload, text):
    """RFC 7959 §2.2, §2.4, bad input: a block that cannot be ends the transfer, and is named."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        peer.answer(await peer.receive(), payload=payload, options=options)
        with pytest.raises(RequestFailed, match=text):
            await reading
        await peer.silence(0.15)

    run(scenario, body_limit=2000)


def test_blocks_out_of_order():
    """RFC 7959 §2.4: another block than the one asked for is not put in its place."""

    async def scenario(server, peer, log):
        for wrong in (0, 2, 9):
            reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
            for number in (0, wrong):
                options = [(BLOCK2, block(number, True, 64))]
                peer.answer(await peer.receive(), payload=b"A" * 64, options=options)
            with pytest.raises(RequestFailed, match="after 64 bytes of the answer came block %d"):
                try:
                    await reading
                except RequestFailed as error:
                    assert "came block %d of size 64 with 64 bytes" % wrong in str(error)
                    raise RequestFailed("", str(error).replace("block %d" % wrong, "block %d"))

    run(scenario)


def test_endless_answer():
    """Bad input: what never ends is ended at the limit."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        for number in range(4):
            options = [(BLOCK2, block(number, True, 512))]
            peer.answer(await peer.receive(), payload=b"A" * 512, options=options)
        with pytest.raises(RequestFailed, match="larger than the 2000 bytes") as error:
            await reading
        assert error.value.reason == "too_large"

    run(scenario, body_limit=2000)


def test_silence_in_the_middle():
    """Each error names how far it came: "timeout after 128 bytes of the answer had come"."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0"))
        for number in range(2):
            options = [(BLOCK2, block(number, True, 64))]
            peer.answer(await peer.receive(), payload=b"A" * 64, options=options)
        peer.send(build(RST, 0, (await peer.receive()).message_id))
        with pytest.raises(RequestFailed, match="^reset after 128 bytes of the answer had come$"):
            await reading

    run(scenario)


def test_answer_to_an_execute_is_not_asked_for_again():
    """RFC 7959 §3.3: to ask an Execute's answer for more might run it again."""

    async def scenario(server, peer, log):
        executing = asyncio.ensure_future(server.execute("s1", "/3/0/4"))
        options = [(BLOCK2, block(0, True, 16))]
        peer.answer(await peer.receive(), BAD_REQUEST, b"sixteen letters.", options=options)
        result = await executing
        assert (result.code, result.error) == ("4.00", "sixteen letters.")
        await peer.silence(0.15)

    run(scenario)


def test_direct_read_in_blocks():
    """A Read past the queue is fetched whole, too."""

    async def scenario(server, peer, log):
        reading = asyncio.ensure_future(server.read_directly("s1", "/3/0/0"))
        requests = await give(peer, TEXT, 1024)
        assert all(r.type == NON for r in requests)
        assert (await reading).payload == TEXT

    run(scenario)


# Observing.


async def observed(server, peer, body=b"20", size=1024):
    """Observe /3303/0/5750; returns the token."""
    observing = asyncio.ensure_future(server.observe("s1", "/3303/0/5750"))
    requests = await give(peer, body, size, etag=b"1", observe=1)
    assert requests[0].uint(OBSERVE) == 0
    assert all(r.uint(OBSERVE) is None and r.token != requests[0].token for r in requests[1:])
    result = await observing
    assert result.observing and result.payload == body
    return requests[0].token


def first_block(body, etag, size=64):
    return {"payload": body[:size], "options": [(BLOCK2, block(0, True, size)), (ETAG, etag)]}


def test_large_notification():
    """RFC 7959 §2.6: the first block comes by itself, the rest by GET without Observe; it is one
    event, with the value whole."""

    async def scenario(server, peer, log):
        token = await observed(server, peer, TEXT[:300], 64)
        message_id = peer.notify(token, 2, **first_block(TEXT, b"2"))
        assert (await peer.receive()).data == build(ACK, 0, message_id)
        assert "notification" not in log.names()
        requests = await give(peer, TEXT, 64, number=1, etag=b"2")
        facts = await log.wait("notification")
        assert (facts["value"], facts["observe"], facts["fresh"]) == (TEXT.decode(), 2, True)
        assert facts["confirmable"] and facts["code"] == "2.05" and "error" not in facts
        for request in requests:
            assert request.uint(OBSERVE) is None and request.token != token
            assert (request.code, request.path) == (GET, "/3303/0/5750")
        assert log.names("notification", "response") == ["response", "notification"]
        peer.notify(token, 3, b"small", type=NON)
        assert (await log.wait("notification", count=2))["value"] == "small"

    run(scenario)


def test_notifications_faster_than_their_blocks():
    """RFC 7641 §1.3: while one is fetched the newest of those that come follows it; none is
    passed over in silence."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        bodies = {n: b"%d" % n * 100 for n in (2, 3, 4, 5)}
        peer.notify(token, 2, type=NON, **first_block(bodies[2], b"2"))
        request = await peer.receive()
        for number in (3, 4, 5, 2):  # 5 is the newest; 2 is late.
            peer.notify(token, number, type=NON, **first_block(bodies[number], b"%d" % number))
        await asyncio.sleep(0.02)
        options = [(BLOCK2, block(1, False, 64)), (ETAG, b"2")]
        peer.answer(request, CONTENT, bodies[2][64:], 0, options=options)
        await give(peer, bodies[5], 64, number=1, etag=b"5")
        await log.wait("notification", count=5)
        told = [f for name, f in log.events if name == "notification"]
        values = {f["observe"]: f["value"] for f in told if f["value"] is not None}
        # A number alone is what a text of digits means to nobody: 5750 is a string.
        assert values == {2: bodies[2].decode(), 5: bodies[5].decode()}
        errors = [(f["observe"], f["error"]) for f in told if "error" in f]
        assert sorted(errors) == [
            (2, "only its first block came, and a newer one has come before"),
            (3, "only its first block came, and then a newer one"),
            (4, "only its first block came, and then a newer one"),
        ]

    run(scenario)


def test_notification_whose_state_has_gone():
    """RFC 7959 §2.6: when the ETag has changed, the newest state is what is told."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        peer.notify(token, 2, type=NON, **first_block(b"A" * 100, b"2"))
        options = [(BLOCK2, block(1, False, 64)), (ETAG, b"3")]
        peer.answer(await peer.receive(), CONTENT, b"B" * 36, 0, options=options)
        await give(peer, b"B" * 100, 64, etag=b"3")
        assert (await log.wait("notification"))["value"] == "B" * 100

    run(scenario)


def test_notification_that_breaks_off():
    """A rest that does not come is an event with its reason, and is not asked for another day."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        peer.notify(token, 2, type=NON, **first_block(b"A" * 100, b"2"))
        peer.send(build(RST, 0, (await peer.receive()).message_id))
        facts = await log.wait("notification")
        assert facts["value"] is None
        wanted = "only its first block came: reset after 64 bytes of the answer had come"
        assert facts["error"] == wanted
        assert not server.waiting("s1")
        await server.close()
        peer.notify(token, 3, type=NON, **first_block(b"A" * 100, b"3"))

    run(scenario, "lwm2m=1.1", "b=U", "Q")


def test_registration_ends_in_the_middle():
    """The rest of what a client notified that is gone by now: told, and nothing is left."""

    async def scenario(server, peer, log):
        token = await observed(server, peer)
        peer.notify(token, 2, type=NON, **first_block(b"A" * 100, b"2"))
        await peer.receive()
        peer.notify(token, 3, type=NON, **first_block(b"B" * 100, b"3"))
        await asyncio.sleep(0.02)
        await peer.request(DELETE, peer.location)
        await log.wait("notification", count=2)
        errors = [f["error"] for name, f in log.events if name == "notification"]
        assert errors == [
            "only its first block came: deregistered",
            "only its first block came: s1 is not registered any more",
        ]

    run(scenario)


def test_observed_value_that_is_gone_by_its_second_block():
    """RFC 7641 §3.2: an error that answers the rest ends what the first block began."""

    async def scenario(server, peer, log):
        observing = asyncio.ensure_future(server.observe("s1", "/3303/0/5750"))
        peer.answer(await peer.receive(), content_format=0, observe=1, **first_block(TEXT, b"1"))
        peer.answer(await peer.receive(), NOT_FOUND)
        result = await observing
        assert (result.code, result.observing) == ("4.04", False)
        assert not server.observations.of("s1")

    run(scenario)


def test_cancel_does_not_fetch():
    """RFC 7641 §3.6: the value that answers a cancellation is not worth more blocks."""

    async def scenario(server, peer, log):
        token = await observed(server, peer, TEXT[:300], 64)
        cancelling = asyncio.ensure_future(server.cancel("s1", "/3303/0/5750"))
        request = await peer.receive()
        assert (request.uint(OBSERVE), request.token) == (1, token)
        peer.answer(request, content_format=0, **first_block(TEXT, b"2"))
        result = await cancelling
        assert result.code == "2.05" and result.error is None
        await peer.silence(0.15)

    run(scenario)
