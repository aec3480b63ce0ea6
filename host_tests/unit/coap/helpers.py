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


_OPTIONS = {
    "host": 3, "etag": 4, "observe": 6, "port": 7, "format": 12, "max_age": 14, "accept": 17,
    "block2": 23, "block1": 27, "size2": 28, "size1": 60, "echo": 252, "no_response": 258,
    "request_tag": 292,
}


def pattern(size):
    """Return bytes in which no two blocks of 16 or more are alike."""
    return bytes((i * 7 + (i >> 4)) & 0xFF for i in range(size))


def block(number, more, size):
    """Return the value of a Block option, written number/more/size in RFC 7959."""
    exponent = 0
    while 16 << exponent < size:
        exponent += 1
    return number << 4 | more << 3 | exponent


def read_block(value):
    """Return (number, more, size) of a Block option's bytes, None of None."""
    if value is None:
        return None
    value = int.from_bytes(value, "big")
    return value >> 4, value >> 3 & 1, 16 << (value & 7)


def told(type, code, message_id, token=b"", payload=b"", path=None, query=None, **options):
    """Return a datagram. A Block option is given as (number, more, size), or as bytes."""
    message = Message(code, type, token, payload, message_id)
    for segment in path.split("/") if path else ():
        message.add(11, segment)
    for argument in query.split("&") if query else ():
        message.add(15, argument)
    for name, value in options.items():
        message.add(_OPTIONS[name], block(*value) if isinstance(value, tuple) else value)
    return bytes(message.encode())


class Peer:
    """The other side of an exchange: says what a test has it say, and checks what it hears."""

    def __init__(self, endpoint, link, address=PEER):
        self.endpoint = endpoint
        self.link = link
        self.address = address
        self.now = 0

    def say(self, type, code, message_id, token=b"", payload=b"", **options):
        self.bytes(told(type, code, message_id, token, payload, **options))

    def bytes(self, datagram):
        self.endpoint.receive(datagram, self.address, self.link, self.now)

    def next(self):
        """Return the one message sent to this peer since the last call."""
        mine = [data for data, address in self.link.sent if address == self.address]
        self.link.sent = [sent for sent in self.link.sent if sent[1] != self.address]
        assert len(mine) == 1, [data.hex() for data in mine]
        return decode(mine[0])

    def hear(self, type, code, message_id=None, payload=None, block1=None, block2=None, **options):
        """Return the next message, which is as described.

        Block options not named are absent, but that an error, being final, may tell the block it
        is about; of the others and of the payload what is named counts.
        """
        message = self.next()
        assert (message.type, message.code) == (type, code), (message.type, hex(message.code))
        assert message_id is None or message.message_id == message_id
        assert payload is None or bytes(message.payload) == payload
        about = read_block(message.get(27))
        if block1 is not None or code < 0x80 or about is None:
            assert about == block1, about
        else:
            assert about[1] == 0 and about[2] < 2048, about
        assert read_block(message.get(23)) == block2, read_block(message.get(23))
        for name, value in options.items():
            found = message.get(_OPTIONS[name])
            if isinstance(value, int):
                assert found is not None and int.from_bytes(found, "big") == value, (name, found)
            else:
                assert found == value, (name, found)
        return message

    def silence(self):
        assert [sent for sent in self.link.sent if sent[1] == self.address] == []


class Body:
    """A body read in pieces, which keeps the (offset, size) of each read."""

    def __init__(self, content, told_size=True):
        self.content = content
        self.reads = []
        if told_size:
            self.size = len(content)

    def read(self, offset, size):
        self.reads.append((offset, size))
        return self.content[offset : offset + size]


class Sink:
    """Takes chunks, and None when the transfer is abandoned. code: returned for each chunk."""

    def __init__(self, code=None):
        self.content = b""
        self.chunks = 0
        self.abandoned = 0
        self.code = code

    def __call__(self, chunk):
        if chunk is None:
            self.abandoned += 1
            return None
        self.chunks += 1
        self.content += bytes(chunk)
        return self.code
