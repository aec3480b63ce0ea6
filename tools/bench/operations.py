"""The operations that are measured; runs on MicroPython, in either port.

Each is a function that takes a link and sets up what it needs, in its steady state after a few
hundred runs. It returns (operation, frame): operation(i) does the work once, frame(i) only what
surrounds it, such as making the datagram that comes in, and returns that datagram. What a run of
the frame takes is subtracted from what the operation takes. An operation returns what it puts on
the wire other than by the link.
"""

import gc

from coap import transmission
from coap.endpoint import Endpoint
from coap.message import ACK, CON, NON, Message, decode

PEER = ("192.0.2.1", 5683)
TOKEN = b"\x51\x55\xd2\x8a"

GET = 0x01
_PUT = 0x03
CREATED = 0x41
CHANGED = 0x44
_CONTENT = 0x45
_NOT_FOUND = 0x84

OBSERVE = 6
LOCATION_PATH = 8
_URI_PATH = 11
_CONTENT_FORMAT = 12
ACCEPT = 17
_BLOCK2 = 23
_BLOCK1 = 27

_VALUE = b"21.5"
_TEXT = 0
_BODY = bytes(4096)
_BLOCK = 512
_SIZE_EXPONENT = 5  # of a block of 512 bytes
_BLOCKS = 8  # that make the body
_LIFETIME_MS = 300_000  # longer than any EXCHANGE_LIFETIME here
_OBSERVATIONS = 64
_WARM = 160  # runs after which nothing fills up any more


class Link:
    """Carries nothing. Its MTU, a modem's UDP socket's, makes blocks of 512 bytes."""

    binding = "U"
    mtu = 1024

    def __init__(self):
        self.transmission = transmission.udp()
        self.last = b""

    def send(self, data, peer):
        self.last = data


class Meter(Link):
    """Counts the datagrams sent and their bytes."""

    def __init__(self):
        super().__init__()
        self.datagrams = self.octets = 0

    def send(self, data, peer):
        self.last = data
        self.datagrams += 1
        self.octets += len(data)


def zeros(bits):
    """Random bits that are the same in every run."""
    return 0


def asking(code=GET, path=("3303", "0", "5700")):
    """Return a Confirmable request of a path."""
    message = Message(code, CON, TOKEN)
    for segment in path:
        message.add(_URI_PATH, segment)
    return message


def as_template(message):
    """Return a datagram as a bytearray, for `fresh`."""
    return bytearray(message.encode())


def fresh(template, i):
    """Return a datagram with its own message ID, as one that comes from the network is."""
    template[2] = i >> 8 & 0xFF
    template[3] = i & 0xFF
    return bytes(template)


def _four_options():
    return as_template(asking().add(ACCEPT, _TEXT))


_RESOURCES = {(3303, 0, 5700): _VALUE}


def _serve(request, peer, link, now):
    """Dispatch on the path, as the LwM2M client does; answer 2.05 with a short text."""
    value = _RESOURCES.get(request.ids())
    if value is None:
        return request.reply(_NOT_FOUND)
    return request.reply(_CONTENT, value, _TEXT)


def _done(reason, now):
    pass


def coap_decode(link):
    """A GET with three Uri-Path and Accept, from bytes to a message."""
    template = _four_options()
    return lambda i: decode(fresh(template, i)) and None, lambda i: fresh(template, i)


def coap_encode(link):
    """The same GET, from its four values to bytes."""

    def operation(i):
        message = Message(GET, CON, TOKEN, b"", i & 0xFFFF)
        message.add(_URI_PATH, "3303").add(_URI_PATH, "0").add(_URI_PATH, "5700")
        return message.add(ACCEPT, _TEXT).encode()

    return operation, lambda i: None


def coap_get_served(link):
    """The GET decoded, dispatched, answered piggybacked and remembered; nothing else is live.

    Each comes when the one before is no longer remembered.
    """
    endpoint = Endpoint(_serve, zeros)
    template = _four_options()

    def operation(i):
        endpoint.receive(fresh(template, i), PEER, link, i * _LIFETIME_MS)

    return operation, lambda i: fresh(template, i)


def coap_get_served_64(link):
    """The same GET where the endpoint has much to remember.

    Live: 64 observations, whose latest notifications the endpoint may yet see reset, and as many
    exchanges as it remembers, none of which has expired.
    """
    endpoint = Endpoint(_serve, zeros)
    template = _four_options()
    observations = {}
    for i in range(_OBSERVATIONS):
        token = bytes([i, 1, 2, 3])
        observations[token] = (3303, i, 5700)
        message = Message(_CONTENT, NON, token, _VALUE).add(OBSERVE, i)
        endpoint.notify(message, PEER, link, 0, _done)

    def operation(i):
        endpoint.receive(fresh(template, i), PEER, link, i)
        return observations and None

    return operation, lambda i: fresh(template, i)


def coap_duplicate(link):
    """The GET a second time: its reply is sent again, and the handler is not asked."""
    endpoint = Endpoint(_serve, zeros)
    template = _four_options()
    endpoint.receive(fresh(template, 7), PEER, link, 0)

    def operation(i):
        endpoint.receive(fresh(template, 7), PEER, link, i)

    return operation, lambda i: fresh(template, 7)


def coap_idle(link):
    """step() with one request outstanding and nothing due."""
    endpoint = Endpoint(_serve, zeros)
    endpoint.request(asking(), PEER, link, 0, lambda response, reason, now: None)
    endpoint.step(0)
    return lambda i: endpoint.step(1) and None, lambda i: None


def coap_notify(link):
    """A Confirmable notification made, sent and acknowledged, as a node in Queue Mode does it."""
    endpoint = Endpoint(_serve, zeros)
    link.last = bytes(4)

    def acknowledgement():
        return bytes((0x40 | ACK << 4, 0, link.last[2], link.last[3]))

    def operation(i):
        message = Message(_CONTENT, CON, TOKEN, _VALUE)
        message.add(OBSERVE, 0x10000 + i).add(_CONTENT_FORMAT, _TEXT)
        endpoint.notify(message, PEER, link, i, _done)
        endpoint.receive(acknowledgement(), PEER, link, i)

    return operation, lambda i: acknowledgement()


def coap_block2(link):
    """One block of a body of 4 KB served: the mean of its eight blocks, the first one included."""

    def serve(request, peer, link, now):
        return request.reply(_CONTENT, _BODY, 42)

    endpoint = Endpoint(serve, zeros)
    template = as_template(asking().add(_BLOCK2, _SIZE_EXPONENT))

    def request(i):
        template[-1] = i % _BLOCKS << 4 | _SIZE_EXPONENT
        return fresh(template, i)

    def operation(i):
        endpoint.receive(request(i), PEER, link, i)

    return operation, request


def coap_block1(link):
    """One block of a body of 4 KB taken into a sink: the mean of its eight blocks."""

    def serve(request, peer, link, now):
        return request.reply(CHANGED)

    def sink(chunk):
        return None

    def on_body(request, peer, link, now):
        return sink

    endpoint = Endpoint(serve, zeros, None, on_body)
    message = asking(_PUT, ("5", "0", "0")).add(_BLOCK1, _SIZE_EXPONENT)
    at = len(message.encode()) - 1
    message.payload = _BODY[:_BLOCK]
    template = as_template(message)

    def request(i):
        number = i % _BLOCKS
        more = 8 if number < _BLOCKS - 1 else 0
        template[at] = number << 4 | more | _SIZE_EXPONENT
        return fresh(template, i)

    def operation(i):
        endpoint.receive(request(i), PEER, link, i)

    return operation, request


def _client(link, observations):
    """Return a registered LwM2M client with 64 sensors, of which so many are observed."""
    from lwm2m.client import Client
    from lwm2m.objects.ipso import Temperature
    from lwm2m.tree import Tree

    tree = Tree()
    client = Client("nudge", tree, zeros, observations=_OBSERVATIONS)
    for instance_id in range(_OBSERVATIONS):
        sensor = tree.add(Temperature(units="Cel"))
        sensor.set(5700, 21.5 + instance_id)
    client.add_server("coap://192.0.2.1:5683", queue=False)
    client.attach(link)
    client.start(0)
    client.step(0)
    register = decode(bytes(link.last))
    created = Message(CREATED, ACK, register.token, b"", register.message_id)
    client.receive(bytes(created.add(LOCATION_PATH, "rd").encode()), PEER, link, 0)
    for i in range(observations):
        message = asking(GET, ("3303", str(i), "5700")).add(OBSERVE, 0)
        message.token = bytes([i, 1, 2, 3])
        message.message_id = 0xFF00 + i
        client.receive(bytes(message.encode()), PEER, link, 0)
    return client


def _served_by_client(link, observations):
    client = _client(link, observations)
    template = _four_options()

    def operation(i):
        client.receive(fresh(template, i), PEER, link, i)

    return operation, lambda i: fresh(template, i)


def lwm2m_get_served(link):
    """The GET served by the LwM2M client from an IPSO sensor, one of 64; one is observed."""
    return _served_by_client(link, 1)


def lwm2m_get_served_64(link):
    """The same with all 64 observed."""
    return _served_by_client(link, _OBSERVATIONS)


def _setup(name, link):
    own = globals().get(name.replace(".", "_"))
    if own:
        return own(link)
    from operations_lwm2m import setup

    return setup(name, link)


def _repeat(function, start, count):
    for i in range(start, start + count):
        function(i)


def run(name, operations, frames, warm=_WARM):
    """Run an operation and its frame so often, from the steady state."""
    operation, frame = _setup(name, Link())
    _repeat(operation, 0, warm)
    gc.collect()
    _repeat(operation, warm, operations)
    _repeat(frame, warm, frames)


def garbage(name, count=64, warm=_WARM):
    """Return the bytes that an operation takes from the heap; the collector must not run."""
    operation, frame = _setup(name, Link())
    _repeat(operation, 0, warm)
    _repeat(frame, warm, 1)
    gc.disable()
    start = gc.mem_alloc()
    _repeat(operation, warm, count)
    middle = gc.mem_alloc()
    _repeat(frame, warm, count)
    end = gc.mem_alloc()
    gc.enable()
    return (middle - start - (end - middle)) // count


def wire(name, count=8, warm=_WARM):
    """Return (bytes both ways, datagrams sent), each the mean of the operations, rounded."""
    link = Meter()
    operation, frame = _setup(name, link)
    _repeat(operation, 0, warm)
    link.datagrams = link.octets = 0
    octets = 0
    for i in range(warm, warm + count):
        made = operation(i)
        octets += len(made or b"") + len(frame(i) or b"")
    return round((link.octets + octets) / count), round(link.datagrams / count)
