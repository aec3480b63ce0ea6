"""A plain UDP socket as a link, and the bearer that needs nothing else: for desks and tests."""

import asyncio
import errno
import socket

from coap import transmission
from micropython import const

_POLL_MS = const(20)
_LONGEST = const(1536)  # octets of a datagram that is taken


class UdpSocketLink:
    """Carries datagrams over a non-blocking socket; `on_datagram(data, peer, link)` takes what
    comes.

    `local_port` is the UDP port to bind, 0 for any. `mtu` is the largest datagram to be sent, in
    bytes. Peers are (host, port) as configured; answers
    from the address that a host name stands for are given back under that name.
    """

    binding = "U"

    def __init__(self, local_port: int = 0, mtu: int = 1024):
        self.mtu = mtu
        self.on_datagram = None
        self.on_idle = None  # never told: a socket is never busy
        self.transmission: "transmission.Transmission | None" = None
        self.dropped = {}
        self._names = {}
        self._asleep = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(socket.getaddrinfo("0.0.0.0", local_port)[0][-1])
        self._socket.setblocking(False)

    def send(self, data, peer) -> None:
        """Send one datagram, awake from then on; what the network refuses is counted."""
        self._asleep = False
        try:
            address = socket.getaddrinfo(peer[0], peer[1], socket.AF_INET, socket.SOCK_DGRAM)[0][
                -1
            ]
            self._names[_readable(address)] = peer
            self._socket.sendto(bytes(data), address)
        except OSError as error:
            self._drop("send_%s" % error.errno)

    async def run(self) -> None:
        """Hand received datagrams on, for ever; while asleep they are lost, as by a radio."""
        while True:
            try:
                data, address = self._socket.recvfrom(_LONGEST + 1)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ECONNREFUSED):
                    self._drop("receive_%s" % error.errno)
                await asyncio.sleep_ms(_POLL_MS)
                continue
            if self._asleep:
                self._drop("asleep")
            elif len(data) > _LONGEST:
                self._drop("too_long")  # its end is lost, and the rest would pass for the whole
            elif self.on_datagram:
                where = _readable(address)
                self.on_datagram(data, self._names.get(where, where), self)
            await asyncio.sleep_ms(0)  # a flood does not keep the others from their work

    def sleep(self) -> None:
        """Hear nothing until `wake`."""
        self._asleep = True

    def wake(self) -> None:
        """Hear again."""
        self._asleep = False

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _drop(self, reason):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


def _readable(address):
    """Return (host, port) of a socket address, which MicroPython's unix port gives as packed
    bytes.
    """
    if isinstance(address, tuple):
        return address[0], address[1]
    # Only the unix port has these two, so the stubs of the ESP32 have not.
    family, host, port = socket.sockaddr(address)[:3]  # pyright: ignore[reportAttributeAccessIssue]
    return socket.inet_ntop(family, host), port  # pyright: ignore[reportAttributeAccessIssue]


class SocketBearer:
    """What carries the datagrams of a node without a modem (node/cellular.py is the other one).

    `received(data, peer, link)` takes what comes in.
    """

    wake_pin = None
    off_until = None
    can_wake = False

    def __init__(self, site, board, received, on_event, now, kept):
        link = UdpSocketLink(site["local_port"], site["mtu"])
        link.transmission = transmission.udp()
        link.on_datagram = received
        self.links = [link]
        self._on_event = on_event
        self.info = {}

    def tasks(self) -> list:
        """Return the coroutines that the node has to run."""
        return [self.links[0].run()]

    async def start(self, kept: bool) -> None:
        """Be ready to send; a socket always is."""
        self._on_event("attached", {"link": "udp"})
        self.links[0].wake()

    def stale(self) -> bool:
        """Whether something may wait unread: a socket holds nothing."""
        return False

    def neglected(self) -> bool:
        """Whether something may be out of order without a word: not a socket."""
        return False

    def busy(self) -> bool:
        """Whether something is under way that sleep would break off."""
        return False

    def stuck(self, now: int, connecting: bool) -> bool:
        """Whether what has to move stands still: a reader that fails ends the node."""
        return False

    def look_at(self) -> None:
        """When a deep sleep has to end to look for messages: none wait."""

    async def sleep(self, duration_ms: int) -> None:
        """Hear nothing until something is sent."""
        self.links[0].sleep()

    def freeze(self):
        """Return what to keep over a deep sleep: nothing."""
        return

    def close(self) -> None:
        """Give the socket back."""
        self.links[0].close()
