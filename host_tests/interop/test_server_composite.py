"""The embedded server's composite operations: by hand, and with a device of aiocoap's."""

import asyncio
import json

import aiocoap
import aiocoap.resource
import cbor2
import pytest

from host_tests.interop.server_peer import (
    ACCEPT,
    ACK,
    BLOCK1,
    BLOCK2,
    CON,
    CONTENT_FORMAT,
    OBSERVE,
    RST,
    URI_QUERY,
    Log,
    block,
    build,
    play,
)
from host_tests.interop.test_server_blockwise import aiocoap_client
from tools.server import RequestFailed, Transmission, running

FAST = Transmission(ack_timeout_s=0.1, max_retransmit=3, response_timeout_s=0.4)
FETCH, IPATCH = 5, 7
PATHS = ["/3/0/9", "/3303"]
SAID = [{0: "/3/0/9", 2: 80}, {-2: "/3303/0/", 0: "5700", 2: 21.5}, {0: "5701", 3: "Cel"}]
VALUE = {3: {0: {9: 80}}, 3303: {0: {5700: 21.5, 5701: "Cel"}}}


def run(scenario, version="1.1", **options):
    play(scenario, "lwm2m=" + version, "b=U", transmission=FAST, **options)


async def exchange(peer, coroutine, **answer):
    """Answer the one request that an operation sends; returns (request, result)."""
    task = asyncio.ensure_future(coroutine)
    request = await peer.receive()
    peer.answer(request, **answer)
    return request, await task


@pytest.mark.parametrize(("version", "number"), [("1.1", 112), ("1.2", 322)])
def test_read_composite(version, number):
    """TS 1.1 Core §6.3.8, int-229: a FETCH of the root; the paths in SenML, in 1.2 SenML-ETCH."""

    async def scenario(server, peer, log):
        answer = {"payload": cbor2.dumps(SAID), "content_format": 112}
        read = server.read_composite("s1", PATHS, accept=112)
        request, result = await exchange(peer, read, **answer)
        assert (request.type, request.code, request.path) == (CON, FETCH, "/")
        assert (request.uint(CONTENT_FORMAT), request.uint(ACCEPT)) == (number, 112)
        assert cbor2.loads(request.payload) == [{0: "/3/0/9"}, {0: "/3303"}]
        assert (result.code, result.value, result.paths) == ("2.05", VALUE, tuple(PATHS))
        assert log.last("response")["paths"] == PATHS
        assert log.last("response")["value"]["3303"]["0"]["5701"] == "Cel"
        request, result = await exchange(peer, server.read_composite("s1", ["/"]), **answer)
        assert cbor2.loads(request.payload) == [{0: "/"}] and request.uint(ACCEPT) is None

    run(scenario, version)


@pytest.mark.parametrize(
    ("number", "payload"),
    [
        (110, json.dumps([{"n": "/3/0/9"}, {"n": "/3303"}]).encode()),
        (320, json.dumps([{"n": "/3/0/9"}, {"n": "/3303"}]).encode()),
        (112, cbor2.dumps([{0: "/3/0/9"}, {0: "/3303"}])),
        (322, cbor2.dumps([{0: "/3/0/9"}, {0: "/3303"}])),
        (11544, cbor2.dumps({3: {0: {9: None}}, 3303: None})),
    ],
)
def test_paths_in_every_format(number, payload):
    """TS 1.2 Core §7.4: the paths of a Read-Composite, as each format names them."""

    async def scenario(server, peer, log):
        read = server.read_composite("s1", PATHS, content_format=number)
        request, result = await exchange(peer, read, code=0x8F, payload=b"no")
        assert (request.uint(CONTENT_FORMAT), request.payload) == (number, payload)
        assert (result.code, result.error) == ("4.15", "no")

    run(scenario)


def test_write_composite():
    """TS 1.1 Core §6.3.9, int-230: an iPATCH of the root; values by path, or nested under one."""

    async def scenario(server, peer, log):
        values = {"/1/0/1": 60, "/3303/0": {5701: "Cel", 5750: "attic"}, "/3/0/15": "UTC"}
        write = server.write_composite("s1", values)
        request, result = await exchange(peer, write, code=0x44)
        assert (request.code, request.path, request.uint(CONTENT_FORMAT)) == (IPATCH, "/", 112)
        assert cbor2.loads(request.payload) == [
            {0: "/1/0/1", 2: 60},
            {0: "/3303/0/5701", 3: "Cel"},
            {0: "/3303/0/5750", 3: "attic"},
            {0: "/3/0/15", 3: "UTC"},
        ]
        assert result.code == "2.04"
        write = server.write_composite("s1", {"/16/0/0/3": None, "/16/0/0/1": "x"})
        request, _ = await exchange(peer, write, code=0x44)
        assert cbor2.loads(request.payload) == [
            {0: "/16/0/0/3", 2: None},
            {0: "/16/0/0/1", 3: "x"},
        ]
        write = server.write_composite("s1", {"/1/0/1": 60, "/1/0/6": True}, content_format=11544)
        request, _ = await exchange(peer, write, code=0x44)
        assert cbor2.loads(request.payload) == {1: {0: {1: 60, 6: True}}}

    run(scenario)


def test_observe_composite_and_its_end():
    """TS 1.1 Core §6.4.3, int-304, int-305: FETCH with Observe 0, and 1 with the same payload."""

    async def scenario(server, peer, log):
        answer = {"payload": cbor2.dumps(SAID), "content_format": 112}
        observe = server.observe_composite(
            "s1", PATHS, accept=112, content_format=110, attributes={"pmin": 1, "con": True}
        )
        request, result = await exchange(peer, observe, observe=1, **answer)
        assert (request.code, request.uint(OBSERVE), request.uint(CONTENT_FORMAT)) == (
            FETCH,
            0,
            110,
        )
        assert request.all(URI_QUERY) == ["pmin=1", "con=1"]
        assert result.observing and result.value == VALUE
        assert log.last("observing")["paths"] == PATHS
        one = asyncio.ensure_future(server.observe("s1", "/3/0/9"))
        single = await peer.receive()
        peer.answer(single, payload=b"80", content_format=0, observe=1)
        assert single.token != request.token and (await one).observing
        told = cbor2.dumps([{0: "/3/0/9", 2: 79}])
        message_id = peer.notify(request.token, 2, told, content_format=112)
        assert (await peer.receive()).data == build(ACK, 0, message_id)
        facts = log.last("notification")
        assert (facts["paths"], facts["value"]) == (PATHS, {"3": {"0": {"9": 79}}})
        again, _ = await exchange(
            peer, server.observe_composite("s1", PATHS[::-1]), observe=3, **answer
        )
        assert again.token == request.token, "the same paths in another order are the same"
        cancel = server.cancel("s1", paths=PATHS)
        ended, _ = await exchange(peer, cancel, **answer)
        assert (ended.code, ended.uint(OBSERVE), ended.token) == (FETCH, 1, request.token)
        assert (ended.payload, ended.uint(CONTENT_FORMAT)) == (again.payload, 112)
        message_id = peer.notify(request.token, 4, told, content_format=112)
        assert (await peer.receive()).data == build(RST, 0, message_id)
        assert [o.path for o in server.observations.of("s1")] == [(3, 0, 9)]

    run(scenario)


def test_observe_composite_ends_by_reset():
    """TS 1.1 Core §6.4.4, RFC 7641 §3.6: passively, the next notification is answered RST."""

    async def scenario(server, peer, log):
        answer = {"payload": cbor2.dumps(SAID), "content_format": 112}
        observe = server.observe_composite("s1", PATHS)
        request, _ = await exchange(peer, observe, observe=1, **answer)
        assert await server.cancel("s1", paths=PATHS, passive=True) is None
        message_id = peer.notify(request.token, 2, cbor2.dumps(SAID), content_format=112)
        assert (await peer.receive()).data == build(RST, 0, message_id)
        with pytest.raises(ValueError, match="/3/0/9 /3303 of s1 is not observed"):
            await server.cancel("s1", paths=PATHS)

    run(scenario)


def test_blocks_of_a_fetch_say_again_what_they_ask_for():
    """RFC 8132 §2.3, RFC 7959 §2.4: later blocks of an answer to FETCH, the payload repeated."""

    async def scenario(server, peer, log):
        body = cbor2.dumps([{0: "/3/0/0", 3: "x" * 60}])
        reading = asyncio.ensure_future(server.read_composite("s1", ["/3/0/0"]))
        for number in range(len(body) // 32 + 1):
            request = await peer.receive()
            assert request.code == FETCH and cbor2.loads(request.payload) == [{0: "/3/0/0"}]
            assert (request.block(BLOCK2) or (0,))[0] == number
            part = body[32 * number :][:32]
            more = 32 * (number + 1) < len(body)
            options = [(CONTENT_FORMAT, 112), (BLOCK2, block(number, more, 32))]
            peer.answer(request, payload=part, options=options)
        assert (await reading).value == {3: {0: {0: "x" * 60}}}

    run(scenario)


def test_many_paths_go_in_blocks():
    """RFC 7959 §2.5: a FETCH whose payload is larger than a block; its answer's blocks follow."""

    async def scenario(server, peer, log):
        paths = ["/3303/%d/5700" % n for n in range(9)]
        reading = asyncio.ensure_future(server.read_composite("s1", paths))
        taken = b""
        while True:
            request = await peer.receive()
            taken += request.payload
            number, more, size = request.block(BLOCK1)
            options = [(BLOCK1, block(number, more, size))]
            if not more:
                break
            peer.answer(request, 0x5F, options=options)
        assert cbor2.loads(taken) == [{0: path} for path in paths]
        answer = cbor2.dumps([{0: paths[0], 2: 1.5}] + [{0: path, 2: 2.5} for path in paths[1:]])
        options += [(CONTENT_FORMAT, 112), (BLOCK2, block(0, True, 128))]
        peer.answer(request, payload=answer[:128], options=options)
        request = await peer.receive()
        assert request.code == FETCH and request.block(BLOCK2)[0] * 128 == 128
        assert not request.payload, "what went in blocks is not said again"
        options = [(CONTENT_FORMAT, 112), (BLOCK2, block(1, False, 128))]
        peer.answer(request, payload=answer[128:], options=options)
        result = await reading
        assert result.value[3303] == {n: {5700: 2.5 if n else 1.5} for n in range(9)}
        # The end of an observation goes in blocks, too; of its answer the first is enough.
        for name in ("observe_composite", "cancel"):
            asking = asyncio.ensure_future(getattr(server, name)("s1", paths=paths))
            more = True
            while more:
                request = await peer.receive()
                number, more, size = request.block(BLOCK1)
                options = [(BLOCK1, block(number, more, size))]
                if more:
                    peer.answer(request, 0x5F, options=options)
            observe = 1 if name == "observe_composite" else None
            ending = [] if observe else [(BLOCK2, block(0, True, 128))]
            options += [(CONTENT_FORMAT, 112), *ending]
            payload = answer[:128] if ending else cbor2.dumps([{0: paths[0], 2: 3}])
            peer.answer(request, payload=payload, options=options, observe=observe)
            assert (await asking).code == "2.05"
        assert server.observations.of("s1") == []

    run(scenario, block_size=128)


def test_wrong_arguments():
    """Every error names the thing, the value and what is allowed."""

    async def scenario(server, peer, log):
        for paths in (None, [], "/3/0/9", ["/3"] * 101):
            with pytest.raises(ValueError, match="paths are 1 to 100, such as"):
                await server.read_composite("s1", paths)
        with pytest.raises(ValueError, match="is not /OBJECT"):
            await server.read_composite("s1", ["/a"])
        for values in (None, {}, [1]):
            with pytest.raises(ValueError, match="needs values, such as"):
                await server.write_composite("s1", values)
        with pytest.raises(ValueError, match="is neither text, number"):
            await server.write_composite("s1", {"/3/0/14": [1]})
        with pytest.raises(RequestFailed, match="writing in Content-Format 11542"):
            await server.write_composite("s1", {"/3/0/14": "x"}, content_format=11542)
        with pytest.raises(ValueError, match="an instance or object needs"):
            await server.write_composite("s1", {"/3/0": 1})
        with pytest.raises(ValueError, match="read-composite is of the root, not of '/3'"):
            await server.enqueue("s1", "read-composite", "/3", paths=["/3"])
        with pytest.raises(ValueError, match="read has a path, not paths"):
            await server.enqueue("s1", "read", "/3", paths=["/3"])
        with pytest.raises(RequestFailed, match="paths in Content-Format 11542"):
            await server.read_composite("s1", ["/3"], content_format=11542)
        with pytest.raises(RequestFailed, match="cannot name the root"):
            await server.read_composite("s1", ["/"], content_format=11544)
        with pytest.raises(RequestFailed, match="cannot stand together"):
            await server.read_composite("s1", ["/3", "/3/0"], content_format=11544)

    run(scenario)


class Device(aiocoap.resource.ObservableResource):
    """The root of a device made of aiocoap and cbor2: its values by path."""

    def __init__(self):
        super().__init__()
        self.values = {"/3/0/9": 80, "/3303/0/5700": 21.5, "/3303/0/5701": "Cel"}
        self.codes = []

    async def render_fetch(self, request):
        self.codes.append(int(request.opt.content_format))
        reader = cbor2 if request.opt.content_format in (112, 322) else json
        wanted = [record.get(0, record.get("n")) for record in reader.loads(request.payload)]
        found = [
            (path, value)
            for path, value in self.values.items()
            if any(w == "/" or path == w or path.startswith(w + "/") for w in wanted)
        ]
        labels = (0, 3, 2) if request.opt.accept != 110 else ("n", "vs", "v")
        pack = [{labels[0]: p, labels[1 if isinstance(v, str) else 2]: v} for p, v in found]
        if request.opt.accept == 110:
            return aiocoap.Message(payload=json.dumps(pack).encode(), content_format=110)
        return aiocoap.Message(payload=cbor2.dumps(pack), content_format=112)

    async def render_ipatch(self, request):
        for record in cbor2.loads(request.payload):
            path = record.pop(0)
            (value,) = record.values()
            self.values[path] = value
            if value is None:
                del self.values[path]
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)


@pytest.mark.parametrize("size", [64, 1024])
def test_aiocoap_as_the_device(size):
    """TS 1.1 Core §6.3.8, §6.3.9, §6.4.3, int-229, int-230, int-235, int-304: with aiocoap."""

    async def scenario():
        log, device = Log(), Device()
        async with (
            running("127.0.0.1", 0, on_event=log, seed=1, block_size=size) as server,
            aiocoap_client(server.port, b"</1/0>,</3303/0>", **{"": device}),
        ):
            for number in (110, 112, 320, 322):
                result = await server.read_composite("s1", PATHS, content_format=number)
                assert (result.code, result.value) == ("2.05", VALUE)
            assert device.codes[-1] == 322
            result = await server.read_composite("s1", ["/"], accept=110)
            assert (result.content_format, result.value) == (110, VALUE)
            observing = await server.observe_composite("s1", PATHS)
            assert observing.observing and observing.value == VALUE
            values = {"/3/0/9": 77, "/3303/1/5700": -1.5}
            assert (await server.write_composite("s1", values)).code == "2.04"
            told = await log.wait("notification")
            assert told["value"]["3"] == {"0": {"9": 77}}
            assert told["value"]["3303"]["1"] == {"5700": -1.5}
            assert (await server.cancel("s1", paths=PATHS)).code == "2.05"
            await server.write_composite("s1", {"/3/0/9": None}, content_format=322)
            await asyncio.sleep(0.05)
            assert "/3/0/9" not in device.values
            assert len(log.names("notification")) == 1

    asyncio.run(scenario())
