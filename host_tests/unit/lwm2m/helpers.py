"""A client on links that record, a server's side to answer with, and a clock that is an
integer."""

from coap.message import ACK, CON, RST, Message, decode
from coap.registry import (
    CONTENT_FORMAT,
    CREATED,
    GET,
    LOCATION_PATH,
    OBSERVE,
    POST,
    URI_PATH,
    URI_QUERY,
)
from coap.transmission import sms, udp
from lwm2m.client import Client
from lwm2m.objects.device import Device
from lwm2m.objects.ipso import Temperature
from lwm2m.registration import NAMES
from lwm2m.tree import Tree

URI = "coap://server.example:5683"
PEER = ("server.example", 5683)
SERVER_NUMBER = "447700900123"
OWN_NUMBER = "447700900999"
AWAKE_MS = 93_000  # MAX_TRANSMIT_WAIT of RFC 7252 §4.8.2
DAY_MS = 86_400_000
IDLE, REGISTERING, REGISTERED, UPDATING, DEREGISTERING, DISABLED, WAITING = range(len(NAMES))


class Link:
    """Keeps what is sent."""

    mtu = 1024

    def __init__(self, binding, transmission, sent):
        self.binding = binding
        self.transmission = transmission
        self.dropped = {}
        self.disconnected = []
        self._sent = sent

    def disconnect(self, peer):
        self.disconnected.append(peer)

    def send(self, data, peer):
        message = decode(bytes(data))
        message.binding = self.binding
        message.peer = peer
        self._sent.append(message)


class Bench:
    """One client with Objects 1, 3 and 3303, and one server. Keywords go to Client or
    add_server."""

    def __init__(self, version="1.1", own_number=None, root_path="", temperature=True, **settings):
        self.prepare(own_number, root_path, temperature)
        self.account = self.client.add_server(URI, 1, version, **settings)

    def prepare(self, own_number, root_path, temperature=True):
        """Make the client and its links, without a server."""
        self.now = 1_000
        self.out = []
        self.events = []
        self.tree = Tree()
        self.device = self.tree.add(Device(manufacturer="Nudge"))
        self.temperature = None
        if temperature:
            self.temperature = self.tree.add(Temperature(units="Cel"))
            self.temperature.set(5700, 21.5)
        self.client = Client(
            "urn:imei:1",
            self.tree,
            lambda bits: 0,
            on_event=lambda name, facts: self.events.append((name, facts)),
            root_path=root_path,
            sms_number=own_number,
        )
        self.udp = Link("U", udp(), self.out)
        self.sms = Link("S", sms(), self.out)
        self.client.attach(self.udp)
        self.client.attach(self.sms)
        self.message_id = 100

    def sent(self):
        """Return the messages sent since the last call."""
        sent = self.out[:]
        self.out[:] = []
        return sent

    def one(self):
        """Return the only message sent since the last call."""
        sent = self.sent()
        assert len(sent) == 1, sent
        return sent[0]

    def names(self):
        """Return the names of the events since the last call."""
        names = [name for name, _ in self.events]
        self.events[:] = []
        return names

    def facts(self, name):
        """Return the facts of the last event of this name."""
        return [facts for event, facts in self.events if event == name][-1]

    def step(self):
        return self.client.step(self.now)

    def run_to(self, time):
        """Let time pass, and the client run at each of its deadlines."""
        due = self.step()
        while due is not None and due <= time:
            assert due > self.now, "a deadline that is not ahead: %s" % due
            self.now = due
            due = self.step()
        self.now = time
        return self.step()

    def run_for(self, milliseconds):
        return self.run_to(self.now + milliseconds)

    def deliver(self, message, binding="U", sender=None):
        """Give the client a datagram of the server's."""
        link = self.udp if binding == "U" else self.sms
        peer = sender or (PEER if binding == "U" else SERVER_NUMBER)
        data = message if isinstance(message, bytes) else bytes(message.encode())
        return self.client.receive(data, peer, link, self.now)

    def answer(self, request, code, payload=b"", options=()):
        """Answer a request of the client's, piggybacked."""
        reply = Message(code, ACK, request.token, payload, request.message_id)
        for number, value in options:
            reply.add(number, value)
        return self.deliver(reply, request.binding, request.peer)

    def acknowledge(self, message, type=ACK):
        """Acknowledge a notification with an empty message, or reset it."""
        return self.deliver(Message(0, type, b"", b"", message.message_id), message.binding)

    def reset(self, message):
        return self.acknowledge(message, RST)

    def request(
        self, code, path, payload=b"", form=None, observe=None, queries=(), token=b"\x01",
        type=CON, binding="U", options=(),
    ):  # fmt: skip
        """Send the client a request; return the messages it sent at that."""
        self.message_id += 1
        request = Message(code, type, token, payload, self.message_id)
        for segment in path.split("/"):
            if segment:
                request.add(URI_PATH, segment)
        for query in queries:
            request.add(URI_QUERY, query)
        if form is not None:
            request.add(CONTENT_FORMAT, form)
        if observe is not None:
            request.add(OBSERVE, observe)
        for number, value in options:
            request.add(number, value)
        self.deliver(request, binding)
        return self.sent()

    def register(self):
        """Go through a Register and return its message."""
        self.client.start(self.now)
        self.step()
        request = self.one()
        assert request.path() == ["rd"]
        self.now += 200
        self.accept(request)
        return request

    def accept(self, request, location=("rd", "5a3f")):
        """Answer a Register with 2.01."""
        return self.answer(request, CREATED, options=[(LOCATION_PATH, s) for s in location])

    def fall_asleep(self):
        """Let the awake time end."""
        self.run_to(self.account.awake_until)
        assert not self.client.busy(self.now)
        assert self.sent() == []

    def observe(self, path="/3303/0/5700", token=b"\x0b\x01"):
        """Observe a path; return the response."""
        sent = self.request(GET, path, observe=0, token=token)
        assert len(sent) == 1
        return sent[0]


def is_update(message, version="1.1"):
    """Whether a message is an Update, Confirmable and without parameters or object list."""
    method = 3 if version == "draft" else POST
    return (
        message.code == method
        and message.type == CON
        and message.path() == ["rd", "5a3f"]
        and message.queries() == []
        and not message.payload
    )


def text(message):
    """Return the payload as text."""
    return str(bytes(message.payload), "utf-8")
