"""A LwM2M client on a plain UDP socket, with the packages `lwm2m` and `coap` and nothing else of
Nudge:

    mpremote mip install github:ORG/REPO/firmware/lwm2m.json
    mpremote cp main.py :main.py

The board needs a network first, such as Wi-Fi that boot.py joins. A server for the other side:

    python -m tools.server --port 5683
"""

import asyncio
import os
import socket
import time

from coap import transmission
from lwm2m.client import Client
from lwm2m.objects.device import Device
from lwm2m.objects.ipso import Temperature
from lwm2m.tree import Tree

HOST = "192.0.2.1"
PORT = 5683
ENDPOINT = "alone"
_LOOK_MS = 20  # between two looks whether a datagram has come
_MEASURE_MS = 10_000


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
    """What carries the client's datagrams to one server and back."""

    binding = "U"
    mtu = 1024  # bytes of the largest datagram

    def __init__(self, host, port):
        self.peer = (host, port)  # as the server's URI has it
        self.transmission = transmission.udp()
        self._address = socket.getaddrinfo(host, port)[0][-1]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, datagram, peer):
        """Send a datagram; one that does not get out is as good as lost, and CoAP repeats it."""
        try:
            self._socket.sendto(datagram, self._address)
        except OSError as error:
            print("not sent:", error)

    def receive(self):
        """Return a datagram that has come, or None."""
        try:
            datagram, address = self._socket.recvfrom(1500)
        except OSError:
            return None
        return datagram if address == self._address else None


async def run(host=HOST, port=PORT, endpoint=ENDPOINT):
    """Register, and do what the server asks for, for ever."""
    clock = Clock()
    link = UdpLink(host, port)
    tree = Tree()
    client = Client(endpoint, tree, random_bits, on_event=print)
    client.attach(link)
    client.add_server("coap://%s:%d" % (host, port), lifetime_s=300, queue=False)
    tree.add(Device(manufacturer="Example", model="alone"))
    temperature = tree.add(Temperature(units="Cel"))
    client.start(clock.now())
    measured = None
    while True:
        now = clock.now()
        if measured is None or now - measured >= _MEASURE_MS:
            measured = now
            temperature.set(5700, 20 + random_bits(4) / 10)  # in place of a probe
        datagram = link.receive()
        if datagram:
            client.receive(datagram, link.peer, link, now)
        else:
            # What it returns, the time when it is to be called next, is how long a node may sleep.
            client.step(now)
            await asyncio.sleep_ms(_LOOK_MS)


if __name__ == "__main__":
    asyncio.run(run())
