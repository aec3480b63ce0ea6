"""Payloads in blocks that the embedded server takes, and blocks by SMS, by a client written by
hand."""

import asyncio

import pytest

from host_tests.interop.server_peer import (
    ACK,
    BLOCK1,
    BLOCK2,
    CON,
    CONTENT_FORMAT,
    ETAG,
    NON,
    OBSERVE,
    SIZE1,
    SIZE2,
    URI_PATH,
    URI_QUERY,
    Parsed,
    Peer,
    block,
    build,
    cut,
    play,
)
from tools.server import Transmission

POST, PUT = 2, 3
CONTENT, CHANGED, CONTINUE = 0x45, 0x44, 0x5F
REQUEST_TAG = 292
LINKS = b"</1/0>," + b",".join(b"</3303/%d>" % n for n in range(300))
TEXT = "".join("%07d\n" % n for n in range(512)).encode()
NUMBER = "447700900124"


def run(scenario, *queries, **options):
    play(scenario, *(queries or ("lwm2m=1.1", "b=U")), **options)


def register(queries=("ep=s2", "lwm2m=1.1")):
    return {"path": "/rd", "queries": queries, "content_format": 40}


async def put_in_blocks(peer, body, size, numbers=None, code=POST, **request):
    """Send a request's payload in blocks; returns the answers."""
    answers = []
    for number in numbers or range(-(-len(body) // size)):
        part, option = cut(body, number, size)
        answers.append(
            await peer.request(code, payload=part, options=[(BLOCK1, option)], **request)
        )
    return answers


@pytest.mark.parametrize("size", [16, 64, 256, 1024])
def test_register_in_blocks(size):
    """RFC 7959 §2.5: 2.31 to each block but the last, whose answer is that to the whole."""

    async def scenario(server, peer, log):
        *continued, final = await put_in_blocks(peer, LINKS, size, **register())
        for number, answer in enumerate(continued):
            assert answer.dotted == "2.31" and answer.block(BLOCK1) == (number, True, size)
        assert final.dotted == "2.01" and final.block(BLOCK1) == (len(continued), False, size)
        assert len(server.client("s2").listed.objects[3303]) == 300
        path = "/" + "/".join(final.all(8))
        update = {"path": path, "content_format": 40}
        *_, final = await put_in_blocks(peer, LINKS + b",<", size, **update)
        assert final.dotted == "4.00" and b"not link format" in final.payload
        *_, final = await put_in_blocks(peer, LINKS[: LINKS.rindex(b",")], size, **update)
        assert final.dotted == "2.04"
        assert len(server.client("s2").listed.objects[3303]) == 299

    run(scenario)


def test_send_in_blocks():
    """TS Core 1.1 §6.4.6: a large Send, and one of a single block."""

    async def scenario(server, peer, log):
        body = b'[{"n":"/3303/0/5750","vs":"%s"}]' % (b"z" * 3000)
        send = {"path": "/dp", "content_format": 110}
        *_, final = await put_in_blocks(peer, body, 256, **send)
        assert final.dotted == "2.04"
        assert log.last("send")["value"]["3303"]["0"]["5750"] == "z" * 3000
        (final,) = await put_in_blocks(peer, b'[{"n":"/3/0/0","vs":"x"}]', 64, **send)
        assert final.dotted == "2.04" and final.block(BLOCK1) == (0, False, 64)
        assert log.names("send") == ["send", "send"]

    run(scenario)


def test_server_asks_for_smaller_blocks():
    """RFC 7959 §2.3: the answer to a block names the size the server prefers."""

    async def scenario(server, peer, log):
        (first,) = await put_in_blocks(peer, LINKS, 1024, [0], **register())
        assert (first.dotted, first.block(BLOCK1)) == ("2.31", (0, True, 128))
        numbers = range(8, -(-len(LINKS) // 128))
        answers = await put_in_blocks(peer, LINKS, 128, numbers, **register())
        assert answers[-1].dotted == "2.01"
        assert len(server.client("s2").listed.objects[3303]) == 300

    run(scenario, block_size=128)


def test_missing_blocks():
    """RFC 7959 §2.9.2: 4.08 to a block whose predecessors are not there; then from the start."""

    async def scenario(server, peer, log):
        for numbers in ([3], [0, 2], [0, 1, 3]):
            answers = await put_in_blocks(peer, LINKS, 512, numbers, **register())
            assert [a.dotted for a in answers[:-1]] == ["2.31"] * (len(numbers) - 1)
            assert answers[-1].dotted == "4.08"
            assert "s2" not in server.clients
        *_, final = await put_in_blocks(peer, LINKS, 512, **register())
        assert final.dotted == "2.01"

    run(scenario)


def test_blocks_again():
    """RFC 7252 §4.2, RFC 7959 §2.5: a block repeated, by message or by request, counts once; the
    first block begins anew."""

    async def scenario(server, peer, log):
        numbers = [0, 1, 1, 2, 0, 1, 2, 2, *range(3, -(-len(LINKS) // 512))]
        *continued, final = await put_in_blocks(peer, LINKS, 512, numbers, **register())
        assert {a.dotted for a in continued} == {"2.31"} and final.dotted == "2.01"
        assert len(server.client("s2").listed.objects[3303]) == 300
        part, option = cut(b"x" * 100, 0, 64)
        options = [(URI_PATH, "rd"), (URI_QUERY, "ep=s3"), (BLOCK1, option)]
        datagram = build(CON, POST, 4711, b"t", options, part)
        peer.send(datagram)
        peer.send(datagram)
        assert (await peer.receive()).data == (await peer.receive()).data
        # Another content in place of a block: not a repetition.
        part, option = cut(b"y" * 100, 0, 64)
        await peer.request(POST, "/rd", ("ep=s4",), part, options=[(BLOCK1, option)])
        part, option = cut(b"y" * 200, 1, 64)
        await peer.request(POST, "/rd", ("ep=s4",), part, options=[(BLOCK1, option)])
        answer = await peer.request(POST, "/rd", ("ep=s4",), b"z" * 64, options=[(BLOCK1, option)])
        assert answer.dotted == "4.08"

    run(scenario)


def test_transfers_side_by_side():
    """RFC 7959 §2.5, RFC 9175 §3: two peers, two resources and two Request-Tags do not mix."""

    async def scenario(server, peer, log):
        other = await Peer.open(server.port)
        ways = [
            (peer, "a", []),
            (other, "a-too", []),
            (peer, "b", []),
            (other, "c", [(REQUEST_TAG, b"1")]),
            (other, "c", [(REQUEST_TAG, b"2")]),
        ]
        bodies = [b",".join(LINKS.split(b",")[: 100 + way]) for way in range(len(ways))]
        codes = []
        for number in range(3):
            for (who, name, options), body in zip(ways, bodies, strict=True):
                part, option = cut(body, number, 512)
                options = [(BLOCK1, option), *options]
                answer = await who.request(POST, "/rd", ("ep=" + name,), part, options=options)
                codes.append(answer.dotted)
                if name == "c" and answer.dotted == "2.01":
                    instances = len(server.client("c").listed.objects[3303])
                    assert instances == (102 if options[1][1] == b"1" else 103)
        assert codes == ["2.31"] * 10 + ["2.01"] * 5
        for way, name in enumerate(("a", "a-too", "b")):
            assert len(server.client(name).listed.objects[3303]) == 99 + way
        other.close()

    run(scenario)


@pytest.mark.parametrize(
    ("options", "payload", "code"),
    [
        ([(BLOCK1, block(0, True, 64))], b"x" * 63, "4.00"),
        ([(BLOCK1, block(0, True, 64))], b"x" * 65, "4.00"),
        ([(BLOCK1, block(0, False, 64))], b"x" * 65, "4.00"),
        ([(BLOCK1, block(0, True, 64))], b"", "4.00"),
        ([(BLOCK1, 0x0F)], b"x" * 1024, "4.00"),
        ([(BLOCK2, 0x07)], b"</1/0>", "4.00"),
        ([(BLOCK1, b"\1\0\0\x08")], b"x" * 16, "4.02"),
        ([(BLOCK1, block(0, True, 16)), (BLOCK1, block(1, True, 16))], b"x" * 16, "4.02"),
        ([(BLOCK1, block(0xFFFFF, True, 1024))], b"x" * 1024, "4.08"),
        ([(BLOCK1, block(0, True, 64)), (SIZE1, 1 << 20)], b"x" * 64, "4.13"),
    ],
)
def test_broken_requests(options, payload, code):
    """RFC 7959 §2.2, §2.3, §2.9: what cannot be is refused with its code, and left behind."""

    async def scenario(server, peer, log):
        answer = await peer.request(POST, "/rd", ("ep=s2",), payload, options=options)
        assert answer.dotted == code
        if code == "4.13":
            assert answer.uint(SIZE1) == 65536
        option = block(1, False, 64)
        answer = await peer.request(POST, "/rd", ("ep=s2",), b"x", options=[(BLOCK1, option)])
        assert answer.dotted == "4.08"

    run(scenario)


def test_body_beyond_the_limit():
    """RFC 7959 §2.9.3: 4.13 with the limit as Size1 at the block that goes beyond it."""

    async def scenario(server, peer, log):
        answers = await put_in_blocks(peer, b"x" * 66000, 1024, **register())
        assert [a.dotted for a in answers] == ["2.31"] * 64 + ["4.13"]
        assert answers[-1].uint(SIZE1) == 65536

    run(scenario)


def test_memory_is_bounded():
    """Bad input: transfers that are begun and left give way, the oldest first, and to time."""

    async def scenario(server, peer, log):
        part, option = cut(LINKS, 0, 512)
        for count in range(100):
            queries = ("ep=%d" % count,)
            await peer.request(POST, "/rd", queries, part, options=[(BLOCK1, option)])
        part, option = cut(LINKS, 1, 512)
        codes = [
            (await peer.request(POST, "/rd", ("ep=%d" % n,), part, options=[(BLOCK1, option)]))
            for n in (0, 35, 36, 99)
        ]
        assert [c.dotted for c in codes] == ["4.08", "4.08", "2.31", "2.31"]
        await asyncio.sleep(2.1)
        part, option = cut(LINKS, 2, 512)
        answer = await peer.request(POST, "/rd", ("ep=99",), part, options=[(BLOCK1, option)])
        assert answer.dotted == "4.08"

    run(scenario, transmission=Transmission(exchange_lifetime_s=2.0))


def test_nobody_wants_the_rest():
    """A request that will be refused is refused at its first block."""

    async def scenario(server, peer, log):
        stranger = await Peer.open(server.port)
        option = [(BLOCK1, block(0, True, 16))]
        for who, code, path, refusal in (
            (peer, POST, "/elsewhere", "4.04"),
            (peer, POST, "/rd/unknown", "4.04"),
            (peer, PUT, "/rd", "4.05"),
            (peer, PUT, "/dp", "4.05"),
            (stranger, POST, "/dp", "4.04"),
        ):
            answer = await who.request(code, path, (), b"x" * 16, options=option)
            assert answer.dotted == refusal
        stranger.close()

    run(scenario)


def test_reply_in_blocks():
    """RFC 7959 §2.4, §3.3: a reply larger than the block asked for; what is not kept is 4.08."""

    async def scenario(server, peer, log):
        register = (POST, "/rd", ("ep=s2", "lt=soon"))
        whole = (await peer.request(*register)).payload
        assert whole.startswith(b"lt=soon is not a lifetime")
        body, number, more, etags = b"", 0, True, set()
        while more:
            options = [(BLOCK2, block(number, False, 16))]
            answer = await peer.request(*register, options=options)
            assert answer.dotted == "4.00" and answer.block(BLOCK2)[0] == number
            assert answer.uint(SIZE2) == (len(whole) if number == 0 else None)
            number, more, size = answer.block(BLOCK2)
            assert size == 16
            etags.add(answer.uint(ETAG))
            body += answer.payload
            number += 1
        assert body == whole and len(etags) == 1
        options = [(BLOCK2, block(number, False, 16))]
        assert (await peer.request(*register, options=options)).dotted == "4.00"
        answer = await peer.request(POST, "/rd", ("ep=new",), options=options)
        assert answer.dotted == "4.08" and "new" not in server.clients
        small = [(BLOCK2, block(0, False, 1024))]
        answer = await peer.request(*register, options=small)
        assert answer.block(BLOCK2) == (0, False, 1024) and answer.payload == whole

    run(scenario)


class Sms:
    """An SMS centre that hands the server's messages to `receive`."""

    def __init__(self):
        self.sent = asyncio.Queue()

    async def __call__(self, number, user_data, dcs, udh):
        assert (number, udh) == (NUMBER, b"")
        assert len(user_data) <= 140
        self.sent.put_nowait(Parsed(user_data))

    async def receive(self):
        return await asyncio.wait_for(self.sent.get(), 2)


def run_by_sms(scenario):
    async def whole(server, peer, log):
        await scenario(server, peer, log, centre)

    centre = Sms()
    run(whole, "lwm2m=1.1", "b=US", "sms=" + NUMBER, send_sms=centre)


def test_blocks_by_sms():
    """TS Transport §6.8: one message each; what does not fit goes in blocks of 64 bytes."""

    async def scenario(server, peer, log, centre):
        writing = asyncio.ensure_future(server.write("s1", "/3/0/15", "z" * 100, via="S"))
        request = await centre.receive()
        assert request.block(BLOCK1) is None and request.payload == b"z" * 100
        server.on_sms(NUMBER, build(ACK, CHANGED, request.message_id, request.token))
        assert (await writing).ok
        writing = asyncio.ensure_future(server.write("s1", "/3/0/15", "z" * 150, via="S"))
        for number in range(3):
            request = await centre.receive()
            assert request.block(BLOCK1) == (number, number < 2, 64)
            code, option = CONTINUE if number < 2 else CHANGED, request.uint(BLOCK1)
            answer = (ACK, code, request.message_id, request.token, [(BLOCK1, option)])
            server.on_sms(NUMBER, build(*answer))
        assert (await writing).ok
        reading = asyncio.ensure_future(server.read("s1", "/3/0/0", via="S"))
        await give_by_sms(server, centre, TEXT[:200], 128)
        assert (await reading).payload == TEXT[:200]

    run_by_sms(scenario)


async def give_by_sms(server, centre, body, size, number=0):
    while number * size < len(body):
        request = await centre.receive()
        if number:
            size = 64
            number, _, asked = request.block(BLOCK2)
            assert asked == 64
        part, option = cut(body, number, size)
        options = [(CONTENT_FORMAT, 0), (BLOCK2, option)]
        answer = (ACK, CONTENT, request.message_id, request.token, options, part)
        server.on_sms(NUMBER, build(*answer))
        number += 1


def test_notification_by_sms():
    """RFC 7959 §2.6: the rest is fetched by what the first block came by."""

    async def scenario(server, peer, log, centre):
        observing = asyncio.ensure_future(server.observe("s1", "/3/0/0", via="S"))
        request = await centre.receive()
        options = [(OBSERVE, 1), (CONTENT_FORMAT, 0)]
        answer = build(ACK, CONTENT, request.message_id, request.token, options, b"x")
        server.on_sms(NUMBER, answer)
        assert (await observing).observing
        options = [(OBSERVE, 2), (CONTENT_FORMAT, 0), (BLOCK2, block(0, True, 64))]
        first = build(NON, CONTENT, 77, request.token, options, TEXT[:64])
        server.on_sms(NUMBER, first)
        await give_by_sms(server, centre, TEXT[:150], 64, 1)
        facts = await log.wait("notification")
        assert facts["value"] == TEXT[:150].decode() and facts["via"] == "S"

    run_by_sms(scenario)


def test_register_in_blocks_by_sms():
    """TS Transport §6.8: Block1 over SMS; nonsense is not answered."""

    async def scenario(server, peer, log, centre):
        links = b",".join(LINKS.split(b",")[:15])
        assert 128 < len(links) < 192
        for number in range(3):
            part, option = cut(links, number, 64)
            options = [(URI_PATH, "rd"), (URI_QUERY, "ep=s2"), (BLOCK1, option)]
            server.on_sms(NUMBER, build(CON, POST, 900 + number, b"r", options, part))
            answer = await centre.receive()
            assert answer.dotted == ("2.31" if number < 2 else "2.01")
        options = [(URI_PATH, "rd"), (URI_QUERY, "ep=s3"), (BLOCK1, 0x0F)]
        server.on_sms(NUMBER, build(CON, POST, 910, b"r", options, b"x" * 64))
        await asyncio.sleep(0.05)
        assert centre.sent.empty()

    run_by_sms(scenario)
