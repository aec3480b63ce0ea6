"""Large bodies between a board and its server (RFC 7959), over the modem, the network and SMS."""

from lwm2m.object import Object
from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 800

_PATH = "/10350/0/0"
_TLV = 11542
_SENML_CBOR = 112


class _Store(Object):
    """A device's own Object: one large value that a server may write, and many small ones."""

    object_id = 10350
    resources = (
        b"\x00\x00\x03\x06"  # Content: RW, Opaque
        b"\x00\x01\x09\x04"  # Samples: R, multiple, Float
    )

    def __init__(self, content=b"", samples=0):
        super().__init__()
        self.values[0] = content
        self.values[1] = {index: index + 0.5 for index in range(samples)}


def _setup(content=b"", samples=0, objects=0):
    def setup(node):
        node.add(_Store(content, samples))
        for oid in range(20000, 20000 + objects):
            node.tree.declare(type("Declared", (Object,), {"object_id": oid}))

    return setup


def _body(size):
    body = bytearray(size)
    for index in range(size):
        body[index] = index * 7 + index // 256 & 0xFF
    return bytes(body)


def _largest(world):
    """Return the bytes of the longest datagram that the board has sent."""
    return max([facts["bytes"] for facts in world.all("network", "udp_up")])


def test_write_and_read_of_large_values():
    """RFC 7959 §3: 5000 B are written, and read as they are, as TLV and as SenML CBOR."""
    body = _body(5000)

    async def play(world):
        await world.saw("device", "registered")
        world.peer.write_bytes(_PATH, body)
        world.peer.read(_PATH)
        world.peer.ask_now()
        await world.saw("server", "answer", code="2.04")
        answer = await world.saw("server", "answer", name=_PATH)
        assert answer["payload"] == body
        for accept in (_TLV, _SENML_CBOR):
            world.peer.read("/10350/0", accept)
            world.peer.ask_now()
            answer = await world.saw("server", "answer", name="/10350/0", code="2.05")
            assert body in answer["payload"]
        assert _largest(world) <= 1024
        assert len(world.all("device", "request")) == 4
        await world.sleeping()

    for link in ("sim800", "sim7000"):
        World(link, setup=_setup()).play(play)


def test_many_values_are_read():
    """TS 1.1 Core §7.4: an instance of 4 kB, as TLV and as SenML CBOR."""

    async def play(world):
        await world.saw("device", "registered")
        sizes = []
        for accept in (_TLV, _SENML_CBOR):
            world.peer.read("/10350/0/1", accept)
            world.peer.ask_now()
            answer = await world.saw("server", "answer", name="/10350/0/1", code="2.05")
            sizes.append(len(answer["payload"]))
        assert min(sizes) > 4000, sizes

    World("sim7000", setup=_setup(samples=620)).play(play)


def test_the_configured_datagram_is_kept_to():
    """RFC 7252 §4.6: the configured mtu bounds what is sent, and makes the blocks."""

    async def play(world):
        mtu, block = expected
        await world.saw("device", "registered")
        world.peer.read(_PATH)
        world.peer.ask_now()
        answer = await world.saw("server", "answer", name=_PATH)
        assert answer["payload"] == _body(3000)
        assert block < _largest(world) <= mtu, _largest(world)

    for expected in ((1152, 1024), (1024, 512), (576, 512), (300, 256), (128, 64)):
        World("sim7000", setup=_setup(_body(3000)), mtu=expected[0]).play(play)


def test_register_with_a_large_object_list():
    """RFC 7959 §2.5: an object list of 2 kB goes in blocks, in the Register and in an Update."""

    async def play(world):
        register = await world.saw("server", "register")
        links = register["payload"]
        assert len(links) > 1400 and "</20149>" in links and "</3/0>" in links
        assert register["query"][0] == "ep=probe-1"
        await world.saw("device", "registered")
        world.node.tree.declare(type("Late", (Object,), {"object_id": 21000}))
        update = await world.saw("server", "update")
        assert update["payload"] == links + ",</21000>"
        assert _largest(world) <= 1024
        await world.sleeping()

    World("sim7000", setup=_setup(objects=150)).play(play)


def test_send_in_blocks():
    """TS 1.1 6.4.6, RFC 7959 §2.5: a Send of 4 kB goes in blocks."""

    async def play(world):
        await world.saw("device", "registered")
        assert world.node.client.send([(10350, 0, 0)], world.node.clock.now()) is None
        sent = await world.saw("server", "send")
        assert 4000 < sent["bytes"] < 4100, sent
        await world.saw("device", "sent", code="2.04")
        assert _largest(world) <= 1024

    World("sim7000", setup=_setup(_body(4000)), server={"mute_send": False}).play(play)


def test_notification_in_blocks():
    """RFC 7959 §2.6: a notification of 3 kB, the first block pushed and the others fetched; after
    a deep sleep too, and one that waited while the server was out of reach."""

    async def play(world):
        await world.saw("device", "registered")
        world.peer.observe(_PATH)
        world.peer.ask_now()
        answer = await world.saw("server", "answer", code="2.05")
        assert answer["payload"] == _body(2000)
        for size in (3000, 1500):
            await world.sleeping()
            world.command(do="update")
            await world.saw("device", "updated")
            world.node.tree.get(10350, 0).set(0, _body(size))
            told = await world.saw("server", "notification")
            assert told["payload"] == _body(size)
        assert len(world.all("device", "cancelled")) == 0
        assert _largest(world) <= 1024

    World("sim7000", setup=_setup(_body(2000))).play(play)


def test_loss_between_blocks():
    """RFC 7959 §2.4, RFC 7252 §4.2: each block is an exchange of its own, which loss delays."""
    body = _body(5000)

    async def play(world):
        await world.saw("device", "registered")
        world.network.loss_permille = 200
        world.peer.write_bytes(_PATH, body)
        world.peer.read(_PATH)
        world.peer.ask_now()
        await world.saw("server", "answer", 2000, code="2.04")
        answer = await world.saw("server", "answer", 2000, name=_PATH)
        assert answer["payload"] == body
        world.network.loss_permille = 0

    for seed in (1, 2, 3):
        World("sim7000", seed=seed, setup=_setup()).play(play)


def test_blocks_by_sms():
    """RFC 7959 over OMA LwM2M Transport §6.8: a message carries a block of 64, a Register goes in
    parts; a board that sleeps between two messages gives the next block all the same,
    and does not sleep while it takes some."""

    async def play(world):
        world.peer.by_sms = True
        world.peer.sms_mtu = 140
        await world.saw("server", "register")
        assert len(world.all("network", "sms_submit")) > 1
        await world.saw("device", "registered")
        await world.sleeping()
        world.peer.read(_PATH)
        world.peer.ask_now()
        answer = await world.saw("server", "answer", 900, name=_PATH)
        assert answer["payload"] == _body(200)
        world.peer.write_bytes(_PATH, _body(301)[1:])
        world.peer.ask_now()
        await world.saw("server", "answer", 900, code="2.04")
        world.peer.read(_PATH)
        world.peer.ask_now()
        answer = await world.saw("server", "answer", 900, name=_PATH)
        assert answer["payload"] == _body(301)[1:]
        # A body that does not come to its end keeps the board awake for EXCHANGE_LIFETIME only.
        world.mark()
        begun = world.peer.request(3, _PATH, bytes(64)).add(12, 42).add(27, 8 | 2)
        world.peer.text(bytes(begun.encode()))
        await world.saw("device", "booted")
        begun_ms = world.times("device", "booted")[-1]
        await world.sleeping(1200)
        assert 700_000 < world.times("device", "sleeping")[-1] - begun_ms < 800_000

    World(
        "sim7000",
        setup=_setup(_body(200)),
        server={"binding": "S", "queue": False},
        endpoint="urn:imei:866425030000001",
    ).play(play)
