"""A whole node, built as node/boot.py builds it: a modem, one server, one temperature sensor.

`start` runs it with a modem that never answers. `serve` takes the modem's place: it registers the
node and asks it for a value in two formats. After either the caller weighs the heap. `first_at`
starts a board as MicroPython does, and ends with its first AT command.
"""

PEER = ("192.0.2.1", 5683)

_GET = 0x01
_CREATED = 0x41
_CONTENT = 0x45
_LOCATION_PATH = 8
_URI_PATH = 11
_ACCEPT = 17
_TLV = 11542
SITE = {
    "log": "off",
    "endpoint": "urn:imei:352099001761481",
    "modem": {"apn": "iot.example"},
    "servers": [{"uri": "coap://192.0.2.1:5683", "sms_number": "447700900123"}],
    "objects": [{"object": 3303, "units": "Cel", "value": 21.5}],
}

_runs = []  # the task of the node that was started


class Host:
    """What lies outside the chip: a battery of 4 V, and nothing that answers but power chips."""

    memory = b""
    reset_cause = 1
    wake_reason = 0

    def uart_write(self, data):
        pass

    def pin_write(self, number, level):
        pass

    def pin_read(self, number):
        return 1

    def adc_uv(self, number):
        return 2_000_000  # behind a divider by two

    def watchdog(self, timeout_ms):
        pass


class PowerChips:
    """What is on any I2C bus, as machine.i2c_chips: power chips, with 4 V in those registers that
    an AXP192 has it in.
    """

    @staticmethod
    def get(bus):
        return {0x78: 0xE4}


class _UntilAt(Host):
    def uart_write(self, data):
        if data[:2] == b"AT":
            raise SystemExit


class Os:
    """What the firmware asks of `os`."""

    @staticmethod
    def urandom(count):
        return bytes(count)


class Board:
    """A board module, as boards/host."""

    UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
    PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": 33}


def first_at():
    """Start the board whose files are in the current folder; its first AT command ends the
    process.
    """
    import machine

    machine.host = _UntilAt()
    machine.i2c_chips = PowerChips
    import main

    main.start()


def weigh(romfs, *started_as):
    """Print the bytes of the heap that a node keeps; romfs: an image of its modules, or "". The
    rest are arguments of `start`.
    """
    import asyncio
    import gc
    import sys

    import esp32  # noqa: F401  on a board it is not in the heap
    import machine  # noqa: F401

    if romfs:
        import vfs

        with open(romfs, "rb") as file:
            vfs.mount(vfs.VfsRom(file.read()), "/rom")  # pyright: ignore
        sys.path.insert(0, "/rom")

    async def life():
        gc.collect()
        before = gc.mem_alloc()  # pyright: ignore
        serve(await started(*started_as))
        gc.collect()
        print(gc.mem_alloc() - before)  # pyright: ignore
        raise SystemExit

    asyncio.run(life())


async def started(*arguments):
    """Start a node, and return it as soon as it can be served."""
    import asyncio

    node = start(*arguments)
    while not (node.client and node.client.links):
        await asyncio.sleep_ms(0)
    return node


def start(link="sim7000", board=None):
    """Start a node and return it; all that it has is there when asyncio's loop has turned.

    board: the name of a board's module, whose node comes with main.py and node/boot.py.
    """
    import asyncio
    import sys

    import machine

    machine.host = Host()
    machine.i2c_chips = PowerChips
    sys.modules["os"] = Os  # the WebAssembly port has no random numbers
    if not hasattr(asyncio, "ThreadSafeFlag"):  # the WebAssembly port has no threads
        asyncio.ThreadSafeFlag = asyncio.Event  # pyright: ignore
    from node import config
    from node.lean import forget

    site = config.check(dict(SITE, link=link))
    forget("node.config", "node.feasible", "node.gpio")
    if board:
        __import__("main")
    wiring = __import__(board) if board else Board
    from node.node import Node

    node = Node(site, wiring)
    _runs[:] = [asyncio.create_task(node.run())]
    return node


def run():
    """Start a node, and serve it as soon as it can be."""
    import asyncio

    async def life():
        serve(await started())

    asyncio.run(life())


def serve(node):
    """Register the node, and have it answer a Read of a value and of its instance."""
    if _runs[0].done():
        raise ValueError("the node's run has ended")
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
