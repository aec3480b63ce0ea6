"""An actuator and a firmware update on a whole node, across deep sleeps and resets."""

from lwm2m.objects import ipso
from lwm2m.objects.firmware import FirmwareUpdate
from system.world import World
from unit.lwm2m.package_sink import Sink

# Firmware, virtual modem, network and server in one process.
HEAP_K = 640

_HOUR_S = 3600


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
