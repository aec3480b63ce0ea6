"""A virtual cellular network: packet data behind a NAT, servers on its far side, an SMS centre."""

from tools.virtual.sms_centre import SmsCentre

_HEADERS = 28  # IPv4 and UDP
_FIRST_PORT = 40000
_EXPIRED_MAX = 64  # expired mappings remembered, to recognise what still comes for them


class Mapping:
    """One NAT entry: a device's socket and one peer, behind one public port.

    `address` and `port` are the device's, `peer` is (host, port) of the server.
    """

    def __init__(self, address, port, peer):
        self.address = address
        self.port = port
        self.peer = peer
        self.public = None  # (host, port) that the peer sees
        self.last_ms = 0
        self.expired = False


class Server:
    """A virtual server at one address; made by Network.attach."""

    def __init__(self, network, address, on_datagram):
        self.address = address
        self.on_datagram = on_datagram
        self._network = network

    def send(self, data: bytes, peer) -> None:
        """Send a datagram to `peer`, the public (host, port) that a datagram came from."""
        self._network.send_down(peer, data, self.address)


class Network:
    """UDP between devices and servers, through a NAT whose mappings expire; SMS by `sms`.

    timers        tools.virtual.timers.Timers
    latency_ms    one way, radio included
    seed          of loss, duplication and delay
    nat_timeout_s silence after which a mapping is gone; None = never
    on_event      callable(name, facts): udp_up, udp_down, udp_lost, nat_open, nat_expired,
                  nat_drop, context_up, context_down and the SMS centre's
    epoch_s       Unix time when the network starts

    Faults, by set_fault or as attributes: `loss_permille`, `duplicate_permille`, `jitter_ms` (a
    random delay added to each datagram, by which they overtake one another) and `latency_ms`; the
    same of `sms`.  `apn` limits the contexts to one access point; `hosts` {name: address} is its
    DNS; `bridge` carries datagrams to real sockets.
    """

    FAULTS = (
        "nat_rebind", "loss_permille", "duplicate_permille", "jitter_ms", "latency_ms",
        "nat_timeout_s", "sms_loss_permille", "sms_duplicate_permille", "sms_jitter_ms",
        "sms_latency_ms",
    )  # fmt: skip

    def __init__(
        self,
        timers,
        latency_ms=150,
        seed=1,
        nat_timeout_s=60,
        on_event=None,
        epoch_s=1_767_225_600,
    ):
        self.timers = timers
        self.latency_ms = latency_ms
        self.nat_timeout_s = nat_timeout_s
        self.on_event = on_event
        self.loss_permille = 0
        self.duplicate_permille = 0
        self.jitter_ms = 0
        self.apn = None
        self.hosts = {}
        self.bridge = None
        self.public_host = "198.51.100.1"
        self._rest = {}  # name of a fault -> what its attribute is without it
        self._ends = {}  # … -> the timer that ends it
        self.counters = {
            "up_datagrams": 0,
            "up_bytes": 0,
            "down_datagrams": 0,
            "down_bytes": 0,
            "bytes_on_air": 0,
            "lost": 0,
            "duplicated": 0,
            "nat_dropped": 0,
            "unreachable": 0,
        }
        self._epoch_s = epoch_s
        self._random = (seed * 2654435761 + 1) & 0xFFFFFFFF or 1
        self._contexts = {}  # device address -> callable(port, peer, data)
        self._next_context = 1
        self._next_port = _FIRST_PORT
        self._mappings = {}  # (address, port, peer) -> Mapping
        self._by_public = {}  # public port -> Mapping, expired ones too
        self._expired = []  # public ports, oldest first
        self._servers = {}
        self.sms = SmsCentre(timers, self.event, self.epoch_s, self.draw)

    def set_fault(self, name: str, value=None, ms=None) -> None:
        """Break something, for `ms` milliseconds where given.

        Until changed (None = as it should be): "loss_permille", "duplicate_permille" (datagrams
        lost, or coming twice), "jitter_ms", "latency_ms", "nat_timeout_s"; and, with "sms_" before
        them, the first four for text messages (sms_latency_ms: hours are possible).
        At once: "nat_rebind" (every mapping gets another public port with its next datagram, and
        nothing comes back to the old one).
        Raises ValueError for another name.
        """
        if name == "nat_rebind":
            self.expire()
            return
        place = self.sms if name.startswith("sms_") else self
        if name not in self.FAULTS:
            raise ValueError(f"fault: no {name!r}")
        attribute = name[4:] if place is self.sms else name
        self.event("fault", {"name": name, "value": value})
        self._rest.setdefault(name, getattr(place, attribute))
        setattr(place, attribute, self._rest[name] if value is None else value)
        self.timers.cancel(self._ends.pop(name, None))
        if ms is not None:
            self._ends[name] = self.timers.call_later(ms, self.set_fault, name)

    def clear_faults(self) -> None:
        """End every fault that set_fault began."""
        for name in list(self._rest):
            self.set_fault(name)

    def event(self, name: str, facts: dict) -> None:
        """Report an event to the timeline."""
        if self.on_event:
            self.on_event(name, facts)

    def epoch_s(self) -> int:
        """Return the network's Unix time."""
        return self._epoch_s + self.timers.now() // 1000

    def resolve(self, name: str) -> "str | None":
        """Return the address of a host name (an address is its own), or None."""
        if name.replace(".", "").isdigit():
            return name
        if name in self.hosts:
            return self.hosts[name]
        return self.bridge.resolve(name) if self.bridge else None

    def attach(self, host: str, port: int, on_datagram) -> Server:
        """Put a virtual server at (host, port); on_datagram(data, peer), peer as NAT shows it."""
        server = Server(self, (host, port), on_datagram)
        self._servers[(host, port)] = server
        return server

    # The devices' side.

    def open_context(self, on_datagram, apn="") -> "str | None":
        """Open a PDP context: return its address, or None where the access point is refused.

        on_datagram(port, peer, data) gets what comes down to `port` of this address.
        """
        if self.apn is not None and apn != self.apn:
            self.event("context_refused", {"apn": apn})
            return None
        index = self._next_context
        self._next_context += 1
        address = f"10.64.{index >> 8 & 255}.{index & 255}"
        self._contexts[address] = on_datagram
        self.event("context_up", {"address": address})
        return address

    def close_context(self, address: str) -> None:
        """Close a PDP context; its NAT mappings live on until they expire."""
        if self._contexts.pop(address, None):
            self.event("context_down", {"address": address})

    def send_up(self, address: str, port: int, peer, data: bytes) -> None:
        """Take a datagram from a device's socket to `peer`, (host, port)."""
        if address not in self._contexts:
            return
        mapping = self._mapping(address, port, peer)
        self._count("up", data)
        host, peer_port = peer
        facts = {"host": host, "port": peer_port, "bytes": len(data), "public": mapping.public}
        self.event("udp_up", facts)
        self._carry("up", self._arrive_up, mapping, bytes(data))

    # The servers' side.

    def send_down(self, public, data: bytes, source) -> None:
        """Take a datagram from `source` to a public (host, port); NAT decides."""
        mapping = self._by_public.get(public[1])
        reason = None
        if mapping is None:
            reason = "unknown"
        elif mapping.expired:
            reason = "expired"
        elif mapping.peer != source:
            reason = "filtered"
        if reason:
            self.counters["nat_dropped"] += 1
            self.event("nat_drop", {"public": public, "reason": reason, "bytes": len(data)})
            return
        mapping.last_ms = self.timers.now()
        self._carry("down", self._arrive_down, mapping, bytes(data))

    # The way between them.

    def draw(self, limit: int) -> int:
        """Return a random number below `limit`, the same on both runtimes (xorshift32)."""
        x = self._random
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._random = x
        return x % limit

    def _carry(self, direction, arrive, mapping, data):
        if self.loss_permille and self.draw(1000) < self.loss_permille:
            self.counters["lost"] += 1
            self.event("udp_lost", {"direction": direction, "bytes": len(data)})
            return
        copies = 1
        if self.duplicate_permille and self.draw(1000) < self.duplicate_permille:
            self.counters["duplicated"] += 1
            copies = 2
        for _ in range(copies):
            delay = self.latency_ms + (self.draw(self.jitter_ms) if self.jitter_ms else 0)
            self.timers.call_later(delay, arrive, mapping, data)

    def _arrive_up(self, mapping, data):
        server = self._servers.get(mapping.peer)
        if server:
            server.on_datagram(data, mapping.public)
        elif self.bridge:
            self.bridge.send(mapping, data)
        else:
            self.counters["unreachable"] += 1

    def _arrive_down(self, mapping, data):
        on_datagram = self._contexts.get(mapping.address)
        if not on_datagram:
            self.counters["unreachable"] += 1
            self.event("udp_lost", {"direction": "down", "bytes": len(data)})
            return
        self._count("down", data)
        host, port = mapping.peer
        self.event("udp_down", {"host": host, "port": port, "bytes": len(data)})
        on_datagram(mapping.port, mapping.peer, data)

    def _count(self, direction, data):
        self.counters[direction + "_datagrams"] += 1
        self.counters[direction + "_bytes"] += len(data)
        self.counters["bytes_on_air"] += len(data) + _HEADERS

    def _mapping(self, address, port, peer):
        key = (address, port, peer)
        mapping = self._mappings.get(key)
        if mapping is None:
            mapping = Mapping(address, port, peer)
            if self.bridge:
                mapping.public = self.bridge.open(mapping)
            else:
                mapping.public = (self.public_host, self._next_port)
                self._next_port += 1
            self._mappings[key] = self._by_public[mapping.public[1]] = mapping
            facts = {"address": address, "port": port, "peer": peer, "public": mapping.public}
            self.event("nat_open", facts)
            if self.nat_timeout_s is not None:
                self.timers.call_later(self.nat_timeout_s * 1000, self._check, mapping)
        mapping.last_ms = self.timers.now()
        return mapping

    def _check(self, mapping):
        silent_ms = self.timers.now() - mapping.last_ms
        left_ms = self.nat_timeout_s * 1000 - silent_ms
        if left_ms > 0:
            self.timers.call_later(left_ms, self._check, mapping)
        else:
            self.expire(mapping)

    def forget_expired(self) -> None:
        """Forget the expired mappings too, of which some are remembered."""
        for port in self._expired:
            self._by_public.pop(port)
        del self._expired[:]

    def expire(self, mapping=None) -> None:
        """Forget a NAT mapping, or all of them, as silence or a reboot of the NAT does."""
        for each in [mapping] if mapping else list(self._mappings.values()):
            if each.expired:
                continue
            each.expired = True
            self._mappings.pop((each.address, each.port, each.peer))
            self._expired.append(each.public[1])
            self.event("nat_expired", {"peer": each.peer, "public": each.public})
            if len(self._expired) > _EXPIRED_MAX:
                oldest = self._by_public.pop(self._expired.pop(0))
                if self.bridge:
                    self.bridge.close(oldest)
