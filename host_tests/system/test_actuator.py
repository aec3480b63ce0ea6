"""An actuator and a firmware update on a whole node, across deep sleeps and resets."""

from coap.endpoint import Endpoint
from coap.message import decode
from coap.transmission import udp
from lwm2m.objects import ipso
from lwm2m.objects.firmware import FirmwareUpdate
from system.world import World
from unit.lwm2m.package_sink import PACKAGE, Sink

# Firmware, virtual modem, network and server in one process.
HEAP_K = 640

_HOUR_S = 3600
_FILES = ("10.9.9.9", 5700)


class Repository:
    """A CoAP server of one package. hears: how many requests it still answers."""

    binding = "U"
    mtu = 1024

    def __init__(self, world, package):
        self.package = package
        self.hears = 1_000
        self.asked = []  # number and size exponent of each block
        self.transmission = udp()
        self._now = world.timers.now
        self._endpoint = Endpoint(self._handle, world.random_bits)
        self._server = world.network.attach(_FILES[0], _FILES[1], self._datagram)

    def send(self, data, peer):
        self._server.send(bytes(data), peer)

    def _datagram(self, data, peer):
        if self.hears:
            self.hears -= 1
            self.asked.append(decode(bytes(data)).get_uint(23, 0))
            self._endpoint.receive(data, peer, self, self._now())

    def _handle(self, request, peer, link, now):
        assert request.path() == ["fw"]
        return request.reply(0x45, self.package)


def test_output_across_deep_sleeps():
    """IPSO 3306: what a server switches on is driven again at each boot."""
    driven = []

    def setup(node):
        node.add(ipso.define(3306)(drive=lambda relay: driven.append(relay.values[5850])))
        node.every(1_200_000, lambda: None)

    async def play(world):
        world.peer.write("/3306/0/5850", "1")
        await world.saw("server", "answer", code="2.04")
        assert driven == [True]
        await world.sleeping()
        since = world.mark()
        await world.sleep(_HOUR_S)
        booted = len(world.all("device", "booted", since))
        assert booted >= 2
        assert driven == [True] * (1 + booted)

    World(setup=setup, objects=[]).play(play)


def test_configured_sensors():
    """Configuration, objects: any IPSO Object with a Sensor Value, as its definition says."""
    entries = [
        {"object": 3303, "instance": 0, "value": 20.5, "units": "Cel"},
        {"object": 3316, "instance": 0, "value": 3.25, "units": "V"},
        {"object": 3316, "instance": 4, "value": 12, "units": "V"},
        {"object": 3331, "instance": 0, "value": 1500, "units": "Wh"},
    ]

    async def play(world):
        await world.settled()
        for path, payload in (
            ("/3303/0/5700", b"20.5"),
            ("/3316/0/5602", b"3.25"),
            ("/3316/4/5701", b"V"),
            ("/3331/0/5700", b"1500"),
        ):
            world.peer.read(path)
            world.peer.trigger()
            await world.saw("server", "answer", payload=payload)
        world.peer.write("/3316/0/5821", "1.5")
        world.peer.trigger()
        await world.saw("server", "answer", code="2.04")

    World(objects=entries).play(play)


def test_update_across_resets():
    """LightweightM2M-1.1-int-770: by a modem, into a sink that outlives the resets it takes."""
    package = b"firmware, in less than a datagram"
    disk = {"package": bytearray(), "record": b""}
    sinks = []

    def setup(node):
        sink = Sink(disk, good=package)
        sink.turned_out = 1
        sink.apply = node.reboot
        sinks.append(sink)
        node.add(FirmwareUpdate(node.client, sink))
        node.every(1_200_000, lambda: None)

    async def play(world):
        peer = world.peer
        peer.write_bytes("/5/0/0", package)
        await world.saw("server", "answer", code="2.04")
        await world.sleeping()
        since = world.mark()
        await world.sleep(_HOUR_S)
        assert world.all("device", "booted", since)
        peer.read("/5/0/3")
        peer.trigger()
        await world.saw("server", "answer", payload=b"2")  # Downloaded, after deep sleeps
        peer.execute("/5/0/2")
        peer.ask_now()
        await world.saw("server", "answer", code="2.04")
        await world.saw("device", "booted", cause="hard")
        peer.read("/5/0/5")
        peer.trigger()
        await world.saw("server", "answer", payload=b"1")
        assert disk["package"] == b""
        await world.sleeping()

    World(setup=setup, objects=[]).play(play)


def test_pull_across_deep_sleeps():
    """LightweightM2M-1.1-int-771, 775: by a modem, from a peer that falls silent for an hour; the
    board sleeps meanwhile and goes on where it was.
    """
    disk = {"package": bytearray(), "record": b""}

    def setup(node):
        node.add(FirmwareUpdate(node.client, Sink(disk)))
        node.every(1_200_000, lambda: None)

    async def play(world):
        repository = Repository(world, PACKAGE)
        peer = world.peer
        await world.settled()
        peer.write("/5/0/1", "coap://%s:%d/fw" % _FILES)
        peer.trigger()
        await world.saw("server", "answer", code="2.04")
        repository.hears = 4
        await world.sleeping()
        assert len(disk["package"]) == 4 * 512, len(disk["package"])
        since = world.mark()
        repository.hears = 1_000
        while len(disk["package"]) < len(PACKAGE):
            await world.sleep(60)
        await world.sleeping()
        assert bytes(disk["package"]) == PACKAGE
        assert world.all("device", "booted", since)
        blocks = [block >> 4 for block in repository.asked]
        assert sorted(set(blocks)) == list(range(10)), blocks
        assert len(blocks) <= 12, blocks  # what was heard and not answered, and its like
        peer.read("/5/0/3")
        peer.trigger()
        await world.saw("server", "answer", payload=b"2")

    World("sim800", setup=setup, objects=[]).play(play)
