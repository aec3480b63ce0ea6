"""A CoAP peer by hand for the server's tests: its own codec, on a raw UDP socket.

The peer shares nothing with the server or with aiocoap, so that what it accepts is what RFC 7252
says.
"""

import asyncio

from tools.server import running

CON, NON, ACK, RST = 0, 1, 2, 3
OBSERVE, LOCATION_PATH, URI_PATH, CONTENT_FORMAT, URI_QUERY, ACCEPT = 6, 8, 11, 12, 15, 17
ETAG, BLOCK2, BLOCK1, SIZE2, SIZE1 = 4, 23, 27, 28, 60


def _nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes((value - 13,))
    return 14, (value - 269).to_bytes(2, "big")


def build(type, code, message_id, token=b"", options=(), payload=b""):
    """Build a datagram; options are (number, bytes | str | int) in any order."""
    out = bytes((0x40 | type << 4 | len(token), code)) + message_id.to_bytes(2, "big") + token
    last = 0
    for number, value in sorted(options, key=lambda option: option[0]):
        if isinstance(value, str):
            value = value.encode()
        elif isinstance(value, int):
            value = value.to_bytes((value.bit_length() + 7) // 8, "big")
        delta, delta_more = _nibble(number - last)
        length, length_more = _nibble(len(value))
        out += bytes((delta << 4 | length,)) + delta_more + length_more + value
        last = number
    return out + (b"\xff" + payload if payload else b"")


def block(number, more, size):
    """Return the value of a Block option (RFC 7959 §2.2)."""
    return number << 4 | bool(more) << 3 | size.bit_length() - 5


def cut(body, number, size):
    """Return (part, value of the Block option) of one block of a body."""
    return body[number * size :][:size], block(number, (number + 1) * size < len(body), size)


class Parsed:
    """A datagram taken apart; options are [(number, bytes)]."""

    def __init__(self, data):
        self.data = data
        self.type, self.code = data[0] >> 4 & 3, data[1]
        self.message_id = int.from_bytes(data[2:4], "big")
        index = 4 + (data[0] & 15)
        self.token = data[4:index]
        self.options, number = [], 0
        while index < len(data) and data[index] != 0xFF:
            delta, length = data[index] >> 4, data[index] & 15
            index += 1
            if delta >= 13:
                size = delta - 12
                delta = int.from_bytes(data[index : index + size], "big") + (13, 269)[size - 1]
                index += size
            if length >= 13:
                size = length - 12
                length = int.from_bytes(data[index : index + size], "big") + (13, 269)[size - 1]
                index += size
            number += delta
            self.options.append((number, data[index : index + length]))
            index += length
        self.payload = data[index + 1 :]

    def all(self, number):
        return [value.decode() for known, value in self.options if known == number]

    def uint(self, number):
        for known, value in self.options:
            if known == number:
                return int.from_bytes(value, "big")
        return None

    def block(self, number):
        """Return (number, more, size) of a Block option, or None."""
        value = self.uint(number)
        return None if value is None else (value >> 4, bool(value & 8), 16 << (value & 7))

    @property
    def path(self):
        return "/" + "/".join(self.all(URI_PATH))

    @property
    def dotted(self):
        return "%d.%02d" % (self.code >> 5, self.code & 31)


class Peer(asyncio.DatagramProtocol):
    """One UDP socket of a client: `await Peer.open(port)`."""

    @classmethod
    async def open(cls, server_port, message_id=100):
        self = cls()
        self.server = ("127.0.0.1", server_port)
        self.message_id = message_id
        self.inbox = asyncio.Queue()
        await self.move()
        return self

    async def move(self):
        """Take a new socket, and so a new port: what a NAT does when a mapping expires."""
        if getattr(self, "transport", None):
            self.transport.close()
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self.transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, addr):
        assert addr == self.server, "a datagram from another socket than the registration's"
        self.inbox.put_nowait(Parsed(data))

    def close(self):
        self.transport.close()

    def send(self, data):
        self.transport.sendto(data, self.server)

    async def receive(self, timeout_s=10.0):
        return await asyncio.wait_for(self.inbox.get(), timeout_s)

    async def silence(self, for_s):
        """Assert that nothing comes for so many seconds."""
        await asyncio.sleep(for_s)
        assert self.inbox.empty(), self.inbox.get_nowait().data.hex()

    async def request(
        self, code, path, queries=(), payload=b"", type=CON, content_format=None, options=()
    ):
        """Send a request and return the next datagram, its response."""
        self.message_id += 1
        options = [*options, *((URI_PATH, s) for s in path.split("/") if s)]
        options += [(URI_QUERY, q) for q in queries]
        if content_format is not None:
            options.append((CONTENT_FORMAT, content_format))
        token = self.message_id.to_bytes(2, "big")
        self.send(build(type, code, self.message_id, token, options, payload))
        response = await self.receive()
        assert response.token == token
        if type == CON:
            assert (response.type, response.message_id) == (ACK, self.message_id)
        return response

    async def register(self, *queries, payload=b"</1/0>,</3303/0>", endpoint="s1"):
        """Register; returns the location as a path."""
        response = await self.request(2, "/rd", ("ep=" + endpoint, *queries), payload, CON, 40)
        assert response.dotted == "2.01", (response.dotted, response.payload)
        return "/" + "/".join(response.all(LOCATION_PATH))

    def answer(
        self, request, code=0x45, payload=b"", content_format=None, observe=None, options=()
    ):
        """Answer a request: piggybacked to a CON, NON to a NON."""
        options = list(options)
        if content_format is not None:
            options.append((CONTENT_FORMAT, content_format))
        if observe is not None:
            options.append((OBSERVE, observe))
        type, message_id = ACK, request.message_id
        if request.type == NON:
            self.message_id += 1
            type, message_id = NON, self.message_id
        self.send(build(type, code, message_id, request.token, options, payload))

    def notify(self, token, number, payload, type=CON, content_format=0, options=()):
        """Send a notification; returns its message ID."""
        self.message_id += 1
        options = [(OBSERVE, number), (CONTENT_FORMAT, content_format), *options]
        self.send(build(type, 0x45, self.message_id, token, options, payload))
        return self.message_id


class Log:
    """Collects a server's events."""

    def __init__(self):
        self.events = []

    def __call__(self, name, facts):
        self.events.append((name, facts))

    def names(self, *of):
        return [name for name, _ in self.events if not of or name in of]

    def last(self, name):
        return [facts for known, facts in self.events if known == name][-1]

    async def wait(self, name, timeout_s=10.0, count=1):
        """Return the facts of the first event of a name, or the count-th, once it has happened."""
        for _ in range(int(timeout_s / 0.005)):
            found = [facts for known, facts in self.events if known == name]
            if len(found) >= count:
                return found[count - 1]
            await asyncio.sleep(0.005)
        raise AssertionError("no event %s in %s" % (name, self.names()))


def play(scenario, *queries, **options):
    """Run scenario(server, peer, log) against a server on a free port, made with `options`.

    queries: what the peer has registered with when the scenario begins; without any it has not.
    """

    async def whole():
        log = Log()
        async with running("127.0.0.1", 0, on_event=log, seed=1, **options) as server:
            peer = await Peer.open(server.port)
            peer.location = await peer.register(*queries) if queries else None
            try:
                await scenario(server, peer, log)
            finally:
                peer.close()

    asyncio.run(whole())
