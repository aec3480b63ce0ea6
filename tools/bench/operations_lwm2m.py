"""What an LwM2M client does on its own and for a server, as lwm2m.WHAT or lwm2m.WHAT.VARIANT.

The client has five Objects: 1, 3, 4, 6 and 3303. Its server is one that answers at once. The
form is that of operations.py, and what `frame` returns for a row is not on the wire: the wire's
bytes are those that the device sends, but for a read, where they are request and response.
"""

from coap.message import ACK, Message, decode
from operations import (
    ACCEPT,
    CHANGED,
    CREATED,
    GET,
    LOCATION_PATH,
    OBSERVE,
    PEER,
    as_template,
    asking,
    fresh,
    zeros,
)

FORMATS = {
    "text": 0,
    "cbor": 60,
    "senml_json": 110,
    "senml_cbor": 112,
    "tlv": 11542,
    "json": 11543,
    "lwm2m_cbor": 11544,
}
_VERSIONS = {"json": "1.0", "lwm2m_cbor": "1.2"}  # for those that 1.1 has not

_ENDPOINT = "urn:imei:352099001761481"
_PAUSE_MS = 10_000  # between two runs; NON notifications are paced


def setup(name, link):
    """Return (operation, frame) of a row."""
    parts = name.split(".")
    return globals()[parts[1]](link, *parts[2:])


def _client(link, version="1.1", sensors=1, observed=0, accept=None):
    """Return (client, its temperature sensors): registered, and the first sensors observed."""
    from lwm2m.client import Client
    from lwm2m.objects.connectivity import ConnectivityMonitoring
    from lwm2m.objects.device import Device
    from lwm2m.objects.ipso import Temperature
    from lwm2m.objects.location import Location
    from lwm2m.tree import Tree

    tree = Tree()
    client = Client(_ENDPOINT, tree, zeros, observations=max(observed, 32))
    tree.add(Device("Nudge", "Nudge sim7000", "352099001761481", "0.1.0"))
    tree.add(ConnectivityMonitoring(lambda: {}))
    tree.add(Location()).fix(59.9, 10.8, 1_763_000_000)
    temperatures = []
    for _ in range(sensors):
        temperatures.append(tree.add(Temperature(units="Cel")))
        temperatures[-1].set(5700, 20.5)
    client.add_server("coap://192.0.2.1:5683", version=version, queue=False)
    client.attach(link)
    _register(client, link, 0)
    for index in range(observed):
        message = asking(GET, ("3303", str(index), "5700")).add(OBSERVE, 0)
        if accept is not None:
            message.add(ACCEPT, accept)
        message.token = b"\x51\x55\xd2\x8a\x00\x00" + bytes([index >> 8, index & 255])
        message.message_id = index
        client.receive(bytes(message.encode()), PEER, link, 0)
    return client, temperatures


def _register(client, link, now):
    client.start(now)
    client.step(now)
    client.receive(_answer(link, CREATED), PEER, link, now)


def _answer(link, code):
    sent = decode(bytes(link.last))
    message = Message(code, ACK, sent.token, b"", sent.message_id)
    if code == CREATED:
        message.add(LOCATION_PATH, "rd").add(LOCATION_PATH, "a")
    return bytes(message.encode())


def _answering(link, code):
    """Return a frame that makes the answer to what was sent last."""

    def frame(i):
        _answer(link, code)

    return frame


def register(link):
    """A Register made, sent and answered: the object list written anew, as after a start."""
    client, _ = _client(link)

    def operation(i):
        client.accounts[0].forget()
        _register(client, link, i * _PAUSE_MS)

    return operation, _answering(link, CREATED)


def update(link):
    """An Update without a change, sent and answered."""
    client, _ = _client(link)

    def operation(i):
        client.update()
        client.step(i * _PAUSE_MS)
        client.receive(_answer(link, CHANGED), PEER, link, i * _PAUSE_MS)

    return operation, _answering(link, CHANGED)


def notify(link, form):
    """One Float set, and its NON notification sent, in the format of the Observe."""
    version = _VERSIONS.get(form, "1.1")
    client, temperatures = _client(link, version, 1, 1, FORMATS[form])
    return _changing(client, temperatures)


def change(link, count):
    """The same in text, of one resource where so many are observed, each in its turn."""
    client, temperatures = _client(link, "1.1", int(count), int(count), 0)
    return _changing(client, temperatures)


def _changing(client, temperatures):
    count = len(temperatures)

    def operation(i):
        temperatures[i % count].set(5700, 21.5 + (i // count & 1))
        client.step(i * _PAUSE_MS)

    return operation, lambda i: None


def step(link, count):
    """step() with nothing due where so many resources are observed."""
    client, _ = _client(link, "1.1", int(count), int(count), 0)
    client.step(1)
    return lambda i: client.step(2) and None, lambda i: None


def read3(link, form):
    """A Read of /3/0, its resources written in a format."""
    client, _ = _client(link, _VERSIONS.get(form, "1.1"))
    datagram = as_template(asking(GET, ("3", "0")).add(ACCEPT, FORMATS[form]))

    def operation(i):
        client.receive(fresh(datagram, i), PEER, link, i * _PAUSE_MS)

    return operation, lambda i: fresh(datagram, i)
