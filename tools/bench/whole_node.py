"""A whole node, built as node/boot.py builds it: a SIM7000, one server, one temperature sensor.

`start` runs it with a modem that never answers. `serve` takes the modem's place: it registers the
node and asks it for a value in two formats. After either the caller weighs the heap.
"""

PEER = ("192.0.2.1", 5683)

_GET = 0x01
_CREATED = 0x41
_CONTENT = 0x45
_LOCATION_PATH = 8
_URI_PATH = 11
_ACCEPT = 17
_TLV = 11542
_SITE = {
    "log": "off",
    "endpoint": "urn:imei:352099001761481",
    "modem": {"apn": "iot.example"},
    "servers": [{"uri": "coap://192.0.2.1:5683", "sms_number": "447700900123"}],
    "objects": [{"object": 3303, "units": "Cel", "value": 21.5}],
}


class Host:
    """What lies outside the chip: nothing that answers."""

    memory = b""
    reset_cause = 1
    wake_reason = 0

    def uart_write(self, data):
        pass

    def pin_write(self, number, level):
        pass

    def pin_read(self, number):
        return 1

    def watchdog(self, timeout_ms):
        pass


class Os:
    """What the firmware asks of `os`."""

    @staticmethod
    def urandom(count):
        return bytes(count)


class Board:
    """A board module, as boards/host."""

    UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
    PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": 33}


def start():
    """Start a node and return it; all that it has is there when asyncio's loop has turned."""
    import asyncio
    import sys

    import machine

    machine.host = Host()
    sys.modules["os"] = Os  # the WebAssembly port has no random numbers
    if not hasattr(asyncio, "ThreadSafeFlag"):  # the WebAssembly port has no threads
        asyncio.ThreadSafeFlag = asyncio.Event  # pyright: ignore
    from node import config
    from node.lean import forget

    site = config.check(_SITE)
    forget("node.config", "node.feasible")
    from node.node import Node

    node = Node(site, Board)
    asyncio.create_task(node.run())
    return node


def run():
    """Start a node, and serve it as soon as it can be."""
    import asyncio

    async def life():
        node = start()
        while not (node.client and node.client.links):
            await asyncio.sleep_ms(0)
        serve(node)

    asyncio.run(life())


def serve(node):
    """Register the node, and have it answer a Read of a value and of its instance."""
    from coap.message import ACK, Message, decode

    client = node.client
    link = client.links["U"]
    sent = []
    send = link.send
    link.send = lambda data, peer: sent.append(bytes(data))
    client.start(0)
    client.step(0)
    register = decode(sent.pop())
    created = Message(_CREATED, ACK, register.token, b"", register.message_id)
    created.add(_LOCATION_PATH, "rd").add(_LOCATION_PATH, "a")
    client.receive(bytes(created.encode()), PEER, link, 0)
    for message_id, path, accept in ((1, "3303/0/5700", 0), (2, "3303/0", _TLV)):
        message = Message(_GET, 0, b"\x01", b"", message_id)
        for segment in path.split("/"):
            message.add(_URI_PATH, segment)
        message.add(_ACCEPT, accept)
        client.receive(bytes(message.encode()), PEER, link, 0)
        if decode(sent.pop()).code != _CONTENT:
            raise ValueError(path)
    link.send = send
