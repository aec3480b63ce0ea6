"""A link that keeps what is sent, and an endpoint with settled randomness to test on it."""

from coap.endpoint import Endpoint
from coap.message import CON, Message, decode
from coap.transmission import Transmission

PEER = ("192.0.2.1", 5683)
OTHER_PEER = ("192.0.2.2", 5683)


class Link:
    """Keeps the datagrams sent, as (bytes, peer)."""

    binding = "U"
    mtu = 1280

    def __init__(self, transmission=None):
        self.transmission = transmission or Transmission()
        self.sent = []

    def send(self, data, peer):
        self.sent.append((bytes(data), peer))

    def take(self):
        """Return the messages sent since the last call, decoded."""
        sent = [decode(data) for data, _ in self.sent]
        self.sent = []
        return sent

    def take_one(self):
        sent = self.take()
        assert len(sent) == 1, sent
        return sent[0]


class Handler:
    """Answers every request alike and counts them. answer: what to return, or a function."""

    def __init__(self, answer=None):
        self.requests = []
        self.answer = answer

    def __call__(self, request, peer, link, now):
        self.requests.append(request)
        if callable(self.answer):
            return self.answer(request)
        return self.answer


class Outcomes:
    """A callback that keeps what it is called with, without the time."""

    def __init__(self):
        self.calls = []

    def __call__(self, *arguments):
        self.calls.append(arguments[:-1])


def zeros(bits):
    return 0


def content(request):
    return request.reply(0x45, b"22.3 C")


def endpoint(answer=content, random_bits=zeros):
    """Return an endpoint, its handler and a link."""
    handler = Handler(answer)
    return Endpoint(handler, random_bits), handler, Link()


def get(message_id=1, token=b"\x20", type=CON, path="temperature"):
    """Return a GET as a datagram."""
    return bytes(Message(1, type, token, b"", message_id).add(11, path).encode())


def datagram(code, type, message_id, token=b"", payload=b""):
    return bytes(Message(code, type, token, payload, message_id).encode())
