"""Carries a virtual network's datagrams to real UDP sockets: one loopback socket a NAT mapping.

CPython only.  An expired mapping's socket stays bound: what a real server still sends there is
handed to the network, which drops, counts and reports it as a NAT does.
"""

import asyncio
import socket

_DATAGRAM_MAX = 65535


class Bridge:
    """The far side of a Network on real sockets; make it on the running event loop.

    `routes` maps a server's address as devices know it, (host, port), to where it really listens;
    an address without a route is used as it is.  The sockets bind `local_host`.
    """

    def __init__(self, network, routes=None, local_host="127.0.0.1"):
        self.dropped = {}  # reason -> count
        self._network = network
        self._routes = dict(routes or {})
        self._sources = {real: known for known, real in self._routes.items()}
        self._local_host = local_host
        self._loop = asyncio.get_running_loop()
        self._sockets = {}  # public port -> socket
        network.bridge = self

    def resolve(self, name: str) -> "str | None":
        """Return the IPv4 address of a host name, or None."""
        try:
            return socket.gethostbyname(name)
        except OSError:
            return None

    def open(self, mapping) -> tuple:
        """Bind a socket for a new mapping; return the (host, port) that a server sees."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((self._local_host, 0))
        public = sock.getsockname()
        self._sockets[public[1]] = sock
        self._loop.add_reader(sock.fileno(), self._readable, sock, public)
        return public

    def send(self, mapping, data: bytes) -> None:
        """Send a datagram that has crossed the NAT."""
        sock = self._sockets.get(mapping.public[1])
        if sock is None:
            return
        try:
            sock.sendto(data, self._routes.get(mapping.peer, mapping.peer))
        except OSError as error:
            self._drop(f"send: {error.strerror}")

    def close(self, mapping=None) -> None:
        """Close the socket of one mapping, or all."""
        for port in [mapping.public[1]] if mapping else list(self._sockets):
            sock = self._sockets.pop(port, None)
            if sock is not None:
                self._loop.remove_reader(sock.fileno())
                sock.close()

    def _readable(self, sock, public):
        while True:
            try:
                data, source = sock.recvfrom(_DATAGRAM_MAX)
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP error of an earlier send
                self._drop(f"receive: {error.strerror}")
                return
            self._network.send_down(public, data, self._sources.get(source, source))

    def _drop(self, reason):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
