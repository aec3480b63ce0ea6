"""Observations by token (RFC 7641): they outlive a change of the client's address, and end with
its registration."""

import asyncio
from dataclasses import dataclass

from .formats import Path, path_text

_FRESH_S = 128  # RFC 7641 §3.4: a notification this much later is newer whatever its number.
_MAX_PER_CLIENT = 100


@dataclass
class Observation:
    """One observed path of one client.

    established: the client answered the Observe. number, at: Observe option of the newest
    notification and the loop time it came at, in seconds.
    """

    endpoint: str
    path: Path
    token: bytes
    accept: int | None = None
    established: bool = False
    number: int | None = None
    at: float = 0.0
    notifications: int = 0

    def facts(self) -> dict:
        """Return the observation as plain data."""
        return {
            "endpoint": self.endpoint,
            "path": path_text(self.path),
            "token": self.token.hex(),
            "established": self.established,
            "notifications": self.notifications,
        }

    def is_newer(self, number: int) -> bool:
        """Tell whether a notification with this Observe number is newer than the last one
        (RFC 7641 §3.4), and remember it if so."""
        now = asyncio.get_running_loop().time()
        old = self.number
        if old is not None and now <= self.at + _FRESH_S:
            ahead = number - old
            if not (0 < ahead < 1 << 23 or ahead < -(1 << 23)):
                return False
        self.number, self.at = number, now
        return True


class Observations:
    """The table of observations."""

    def __init__(self):
        self._by_token: dict[bytes, Observation] = {}

    def __contains__(self, token: bytes) -> bool:
        return token in self._by_token

    def add(self, observation: Observation) -> Observation | None:
        """Enter an observation; returns the one of the same path that it takes the place of.

        Raises ValueError when the client has too many.
        """
        old = self.find(observation.endpoint, observation.path)
        if old is not None:
            del self._by_token[old.token]
        elif len(self.of(observation.endpoint)) >= _MAX_PER_CLIENT:
            raise ValueError(
                "%s has %d observations already" % (observation.endpoint, _MAX_PER_CLIENT)
            )
        self._by_token[observation.token] = observation
        return old

    def get(self, token: bytes) -> Observation | None:
        """Return the observation with a token, or None."""
        return self._by_token.get(token)

    def find(self, endpoint: str, path: Path) -> Observation | None:
        """Return the observation of a path, or None."""
        for observation in self._by_token.values():
            if observation.endpoint == endpoint and observation.path == path:
                return observation
        return None

    def of(self, endpoint: str) -> list[Observation]:
        """Return the observations of a client."""
        return [o for o in self._by_token.values() if o.endpoint == endpoint]

    def remove(self, token: bytes) -> Observation | None:
        """Forget an observation; its next notification is rejected (RFC 7641 §3.6)."""
        return self._by_token.pop(token, None)
