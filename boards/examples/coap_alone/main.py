"""A CoAP server on a plain UDP socket, with the package `coap` and nothing else of Nudge:

    mpremote mip install github:ORG/REPO/firmware/coap.json
    mpremote cp main.py :main.py

The board needs a network first, such as Wi-Fi that boot.py joins. Then, from a desk:

    coap-client -m get coap://BOARD/uptime
    echo 1 | coap-client -m put -f - coap://BOARD/lamp
"""

import asyncio
import os
import socket
import time

from coap import registry, transmission
from coap.endpoint import Endpoint
from coap.well_known import filtered

PORT = 5683
_LOOK_MS = 20  # between two looks whether a datagram has come

_LINKS = ('</uptime>;rt="s";ct=0', "</lamp>;ct=0", "</log>;ct=0")
lamp = b"0"
log = []


def answer(request, peer, link, now):
    """Answer a request: the endpoint's handler."""
    global lamp
    path = request.path()
    log.append("%d ms: %s" % (now, "/".join(path)))
    if path == ["lamp"] and request.code == registry.PUT:
        lamp = bytes(request.payload)
        return request.reply(registry.CHANGED)
    if request.code != registry.GET:
        return request.reply(registry.METHOD_NOT_ALLOWED)
    if path == ["uptime"]:
        return request.reply(registry.CONTENT, b"%d" % (now // 1000), 0)
    if path == ["lamp"]:
        return request.reply(registry.CONTENT, lamp, 0)
    if path == ["log"]:  # what does not fit a datagram goes in blocks
        return request.reply(registry.CONTENT, "\n".join(log[-100:]).encode(), 0)
    if path == [".well-known", "core"]:
        links = ",".join(filtered(_LINKS, request.queries()))
        return request.reply(registry.CONTENT, links.encode(), 40)
    return request.reply(registry.NOT_FOUND)


def random_bits(count):
    """Return `count` random bits, 32 at most."""
    return int.from_bytes(os.urandom(4), "big") >> 32 - count


class Clock:
    """Milliseconds since the start, which go on when MicroPython's ticks wrap, after 12 days."""

    def __init__(self):
        self._ticks = time.ticks_ms()
        self._ms = 0

    def now(self):
        """Return them."""
        ticks = time.ticks_ms()
        self._ms += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._ms


class UdpLink:
    """What an endpoint sends by; a peer is the address that the socket gives."""

    mtu = 1024  # bytes of the largest datagram

    def __init__(self, port):
        self.transmission = transmission.udp()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(socket.getaddrinfo("0.0.0.0", port)[0][-1])
        self.socket.setblocking(False)

    def send(self, datagram, peer):
        """Send a datagram; one that does not get out is as good as lost, and CoAP repeats it."""
        try:
            self.socket.sendto(datagram, peer)
        except OSError as error:
            print("not sent:", error)


async def serve(port=PORT):
    """Answer requests for ever."""
    link = UdpLink(port)
    endpoint = Endpoint(answer, random_bits)
    clock = Clock()
    print("listening on port", port)
    while True:
        try:
            datagram, peer = link.socket.recvfrom(1500)
        except OSError:  # nothing has come
            endpoint.step(clock.now())
            await asyncio.sleep_ms(_LOOK_MS)
            continue
        endpoint.receive(datagram, peer, link, clock.now())


if __name__ == "__main__":
    asyncio.run(serve())
