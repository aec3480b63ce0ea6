"""A UDP relay between two programs on this machine that loses, doubles and reorders datagrams.

Without loss it is a tap: `log` holds what passed, in order, and each datagram as it was sent.
"""

import contextlib
import random
import select
import socket
import threading
import time

TO_SERVER, TO_CLIENT = 0, 1


class Lossy:
    """Stands for the server on 127.0.0.1:port towards every client, in a thread of its own.

        with Lossy(server_port, seed=1, loss=0.1) as relay:
            ...  # clients talk to relay.port; the server sees one port a client

    loss, duplicate, reorder: the share of datagrams, 0..1, that each happens to; what becomes of
    the nth datagram of a client's in one direction depends on the seed, n and the direction only.
    A reordered datagram leaves behind the next one, or after hold_s. drop(direction, number,
    data), if given, is asked of each datagram first and returns True to lose it; number counts
    from 0 within a client and a direction. instead(direction, data), if given, is asked before
    that: None to go on, or [(direction, data)] to send in its place, neither lost nor logged.

    back_port: the port that all clients share towards the server, for one that knows its clients
    by their address. A response goes to whoever asked with its token, anything else to the client
    heard last; forget() makes that so for all, as if the clients had been one that restarts.

    log: [(direction, data, fate)], fate "passed", "lost", "doubled" or "held". counts: {fate: n}.
    """

    def __init__(
        self,
        server_port,
        seed=0,
        loss=0.0,
        duplicate=0.0,
        reorder=0.0,
        hold_s=0.2,
        drop=None,
        instead=None,
        back_port=None,
    ):
        self.log = []
        self.counts = {"passed": 0, "lost": 0, "doubled": 0, "held": 0}
        self._server = ("127.0.0.1", server_port)
        self._seed = seed
        self._shares = (loss, duplicate, reorder)
        self._hold_s = hold_s
        self._drop = drop
        self._instead = instead
        self._front = _bound()
        self.port = self._front.getsockname()[1]
        self._ways = {}  # client's address: [_Way to the server, _Way to the client]
        self._last = None
        self._asked = {}  # token: address of the client that used it
        self._shared = _bound(back_port) if back_port else None
        if self._shared:
            self._open(None)
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended = True
        self._thread.join()
        self._front.close()
        for ways in self._ways.values():
            ways[TO_SERVER].socket.close()

    def forget(self):
        """Let responses go to the client heard last, whoever asked."""
        self._asked.clear()

    def sent(self, direction=None) -> list:
        """Return the datagrams sent so far, both ways or one way, what was lost included."""
        return [data for way, data, _ in list(self.log) if direction in (None, way)]

    def _run(self):
        while not self._ended:
            backs = {ways[TO_SERVER].socket: client for client, ways in self._ways.items()}
            for ready in select.select([self._front, *backs], [], [], 0.02)[0]:
                try:
                    data, sender = ready.recvfrom(65536)
                except ConnectionError:
                    continue  # an ICMP error for what went to a program that has ended
                if ready is self._front:
                    self._take(TO_SERVER, data, sender)
                else:
                    self._take(TO_CLIENT, data, backs[ready])
            for ways in self._ways.values():
                for way in ways:
                    if time.monotonic() >= way.held_until:
                        way.release()

    def _open(self, client):
        back = self._shared or _bound()
        self._ways[client] = [
            _Way(back, self._server, f"{self._seed} to the server"),
            _Way(self._front, client, f"{self._seed} to the client"),
        ]

    def _route(self, direction, data, client):
        """Return the client's key among the ways, and note who it is."""
        if self._shared:
            token = data[4 : 4 + (data[0] & 15)] if data else b""
            back = self._ways[None][TO_CLIENT]
            if direction == TO_CLIENT:
                back.to = self._asked.get(token, self._last) if token else self._last
            else:
                self._last = client
                if token and data[1] < 0x20:
                    self._asked[token] = client
            return None
        if client not in self._ways:
            self._open(client)
        return client

    def _take(self, direction, data, client):
        key = self._route(direction, data, client)
        ways = self._ways[key]
        instead = self._instead(direction, data) if self._instead else None
        if instead is not None:
            for other, answer in instead:
                ways[other].send(answer)
            return
        way = ways[direction]
        loss, duplicate, reorder = self._shares
        # Always three numbers, so that one share does not change what the others happen to.
        lost, doubled, held = (
            way.random.random() < loss,
            way.random.random() < duplicate,
            way.random.random() < reorder,
        )
        if self._drop and self._drop(direction, way.count, data):
            lost = True
        way.count += 1
        fate = "lost" if lost else "held" if held else "doubled" if doubled else "passed"
        self.log.append((direction, data, fate))
        self.counts[fate] += 1
        if fate == "held":
            way.release()
            way.hold(data, self._hold_s)
        elif fate != "lost":
            way.send(data)
            if fate == "doubled":
                way.send(data)
            way.release()


class _Way:
    """One direction of one client: where to, by which socket, and what waits."""

    def __init__(self, by, to, seed):
        self.socket = by
        self.to = to
        self.random = random.Random(seed)
        self.count = 0
        self.held_until = 0.0
        self._held = []  # (datagram, where to)

    def send(self, data):
        if self.to:
            self._send(data, self.to)

    def hold(self, data, seconds):
        self._held = [(data, self.to)]
        self.held_until = time.monotonic() + seconds

    def release(self):
        for data, to in self._held:
            self._send(data, to)
        self._held = []

    def _send(self, data, to):
        # As above: the program that it is for has ended, which a network does not tell.
        with contextlib.suppress(ConnectionError):
            self.socket.sendto(data, to)


def _bound(port=0):
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.bind(("127.0.0.1", port))
    return plain
