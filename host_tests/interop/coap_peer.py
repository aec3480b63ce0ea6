"""A CoAP endpoint on a plain UDP socket of 127.0.0.1, for CPython and the MicroPython unix port.

coap_peer.py serve PORT [TIMES]    resources to ask for, until the process is ended; prints
                                   "ready"; TIMES: how much larger than a request a response
                                   may be that goes to an address not verified
coap_peer.py ask PORT              asks a server for the resources of test_aiocoap.py; prints
                                   outcomes
"""

import random
import select
import socket
import sys
import time

from coap.endpoint import LATER, Endpoint
from coap.message import CON, NON, Message
from coap.transmission import Transmission


class Link:
    """Datagrams over one UDP socket; a peer is the address as the socket gives it."""

    binding = "U"
    mtu = 1152

    def __init__(self, port=0, transmission=None):
        self.transmission = transmission or Transmission()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address(port))
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)

    def send(self, data, peer):
        self.socket.sendto(data, peer)

    def receive(self, wait_ms):
        """Return (data, peer), or None after wait_ms."""
        return self.socket.recvfrom(self.mtu) if self._poll.poll(wait_ms) else None


def address(port):
    return socket.getaddrinfo("127.0.0.1", port)[0][-1]


def now_ms():
    return time.time_ns() // 1_000_000


def random_bits(count):
    return random.getrandbits(count)


class Resources:
    """What the server side offers; the text of each answer says what was understood."""

    def __init__(self):
        self.value = b"initial"
        self.runs = 0
        self.silent = True
        self.due = []  # (time, request, peer) of separate responses
        self.observer = None
        self.ticks = 0

    def __call__(self, request, peer, link, now):
        path = "/".join(request.path())
        if path == "value":
            if request.code == 3:
                self.value = bytes(request.payload)
                return request.reply(0x44)
            return request.reply(0x45, self.value, 0)
        if path == "echo":
            text = "%d %s " % (request.code, "&".join(request.queries()))
            return request.reply(0x45, text.encode() + bytes(request.payload), 0)
        if path == "count":
            self.runs += 1
            return request.reply(0x45, b"%d" % self.runs, 0)
        if path == "large":
            return request.reply(0x45, bytes(range(250)) * 4, 42)
        if path == "later":
            self.due.append((now + 300, request, peer))
            return LATER
        if path == "silent":
            self.silent = not self.silent
            return request.reply(0x45, b"heard", 0) if self.silent else None
        if path == "ticks":
            if request.get_uint(6) == 0:
                self.observer = (request.token, peer)
                return request.reply(0x45, b"0", 0).add(6, 0)
            return request.reply(0x45, b"observed" if self.observer else b"alone", 0)
        return request.reply(0x84)

    def step(self, endpoint, link, now):
        for due, request, peer in list(self.due):
            if due <= now:
                self.due.remove((due, request, peer))
                endpoint.respond(request, request.reply(0x45, b"at last", 0), peer, link, now)
        if self.observer:
            self.ticks += 1
            token, peer = self.observer
            type = CON if self.ticks & 1 else NON
            message = Message(0x45, type, token, b"%d" % self.ticks).add(6, self.ticks)
            endpoint.notify(message, peer, link, now, self._notified)

    def _notified(self, reason, now):
        if reason == "reset":
            self.observer = None


def serve(port, amplification=0):
    resources = Resources()
    endpoint = Endpoint(resources, random_bits)
    endpoint.amplification = amplification
    link = Link(port)
    print("ready")
    next_tick = 0
    while True:
        got = link.receive(20)
        now = now_ms()
        if got:
            endpoint.receive(got[0], got[1], link, now)
        if now >= next_tick:
            next_tick = now + 100
            resources.step(endpoint, link, now)
        endpoint.step(now)


def ask(port):
    endpoint = Endpoint(lambda request, peer, link, now: None, random_bits)
    link = Link(0, Transmission(ack_timeout_ms=400, max_retransmit=1, nstart=4))
    peer = address(port)
    long_payload = bytes(range(256)) * 3
    for name, code, type, path, payload in (
        ("piggybacked", 1, CON, "hello", b""),
        ("separate", 1, CON, "slow", b""),
        ("non", 1, NON, "hello", b""),
        ("non separate", 1, NON, "slow", b""),
        ("put", 3, CON, "echo", long_payload),
        ("missing", 1, CON, "nowhere", b""),
        ("suspected", 3, CON, "guarded", b"21.5"),
        ("lost", 1, CON, None, b""),
    ):
        request = Message(code, type, payload=payload)
        if path:
            request.add(11, path).add(15, "a=1")
        else:
            endpoint.request(request, address(1), link, now_ms(), printer(name))
            continue
        endpoint.request(request, peer, link, now_ms(), printer(name))
    while endpoint.busy():
        got = link.receive(20)
        if got:
            endpoint.receive(got[0], got[1], link, now_ms())
        endpoint.step(now_ms())
    print("dropped", sorted(endpoint.dropped.items()))


def printer(name):
    def on_response(response, reason, now):
        if response is None:
            print("%s: %s" % (name, reason))
        else:
            payload = bytes(response.payload)
            text = payload.decode() if len(payload) < 40 else "%d bytes" % len(payload)
            print("%s: %02x %s" % (name, response.code, text))

    return on_response


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*[int(argument) for argument in sys.argv[2:]])
    else:
        ask(int(sys.argv[2]))
