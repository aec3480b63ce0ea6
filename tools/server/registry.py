"""The clients a server knows: one record each, found by endpoint name and by location."""

import random
import time
from dataclasses import dataclass, field

from .links import ObjectList
from .versions import Version

DEFAULT_LIFETIME_S = 86400


class UnknownEndpoint(Exception):
    """No client is registered under an endpoint name."""

    def __init__(self, endpoint: str, known: list[str]):
        names = ", ".join(sorted(known)[:10]) or "none"
        super().__init__("endpoint %r is not registered (registered: %s)" % (endpoint, names))
        self.endpoint = endpoint


@dataclass
class Client:
    """One registration.

    endpoint: Endpoint Client Name. location: the part of Location-Path after "rd".
    peer: where the latest Register or Update came from: (host, port), or digits for SMS.
    address: the newest UDP (host, port), None for a client seen by SMS only.
    binding: as registered; for the draft, which has no such parameter, put together from its
        queue mode and SMS number. sms_number: digits or None. queue_mode: CR 6.1.
    profile: its Profile ID where one stands for the object list (1.2).
    expires_at: loop time in seconds, infinity for never. registered_at, updated_at: epoch seconds.
    """

    endpoint: str
    location: str
    version: Version
    lifetime_s: int
    binding: str
    queue_mode: bool
    sms_number: str | None
    listed: ObjectList
    peer: tuple[str, int] | str
    address: tuple[str, int] | None
    profile: str | None = None
    expires_at: float = 0.0
    registered_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)

    @property
    def sms_enabled(self) -> bool:
        """Requests may be sent over the SMS binding (CR Table 3; 1.0 Table 8)."""
        return "S" in self.binding and self.sms_number is not None

    @property
    def sms_only(self) -> bool:
        """SMS is the only binding: requests go by SMS."""
        return self.binding in ("S", "SQ") or self.address is None

    @property
    def server_instance(self) -> int:
        """Instance of the client's Object 1 that a trigger names by default: the lowest."""
        return min(self.listed.objects.get(1) or [0])

    def facts(self) -> dict:
        """Return the record as plain data, for events and the control socket."""
        return {
            "endpoint": self.endpoint,
            "location": "/rd/" + self.location,
            "version": self.version.name,
            "lifetime_s": self.lifetime_s,
            "binding": self.binding,
            "queue_mode": self.queue_mode,
            "sms_number": self.sms_number,
            "address": "%s:%d" % self.address if self.address else None,
            "objects": [
                "/%d" % oid if not iids else "/%d/%d" % (oid, iid)
                for oid, iids in self.listed.objects.items()
                for iid in iids or [0]
            ],
            "root": self.listed.root or "/",
            "profile": self.profile,
        }


class Registry:
    """Clients by endpoint name and by location, at most `max_clients`."""

    def __init__(self, max_clients: int, seed: int | None = None):
        self.max_clients = max_clients
        self.by_endpoint: dict[str, Client] = {}
        self._by_location: dict[str, Client] = {}
        self._random = random.Random(seed)

    def full_for(self, endpoint: str) -> bool:
        """Tell whether there is no room for a client of this name."""
        return endpoint not in self.by_endpoint and len(self.by_endpoint) >= self.max_clients

    def new_location(self) -> str:
        """Return an unused location: short, because each Update of the sensor repeats it."""
        while True:
            location = "%06x" % self._random.getrandbits(24)
            if location not in self._by_location:
                return location

    def add(self, client: Client) -> Client | None:
        """Enter a client; returns the registration it replaces (CR 5.2.1, note), or None."""
        old = self.by_endpoint.get(client.endpoint)
        if old is not None:
            del self._by_location[old.location]
        self.by_endpoint[client.endpoint] = client
        self._by_location[client.location] = client
        return old

    def remove(self, client: Client) -> None:
        """Forget a client."""
        if self.by_endpoint.get(client.endpoint) is client:
            del self.by_endpoint[client.endpoint]
        self._by_location.pop(client.location, None)

    def get(self, endpoint: str) -> Client:
        """Return a client by endpoint name; raises UnknownEndpoint."""
        client = self.by_endpoint.get(endpoint)
        if client is None:
            raise UnknownEndpoint(endpoint, list(self.by_endpoint))
        return client

    def at(self, location: str) -> Client | None:
        """Return the client at a location, or None."""
        return self._by_location.get(location)

    def by_peer(self, peer: tuple[str, int] | str) -> list[Client]:
        """Return the clients last seen at an address, or reachable at a number."""
        if isinstance(peer, str):
            return [c for c in self.by_endpoint.values() if c.sms_number == peer]
        return [c for c in self.by_endpoint.values() if c.address == peer]
