"""Observations by token (RFC 7641): they outlive a change of the client's address, and end with
its registration."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiocoap import Message

from . import wire
from .endpoint import RequestFailed
from .formats import Path, path_text
from .model import Model
from .operations import Decoded, Operation, decode_payload
from .registry import Registry

_FRESH_S = 128  # RFC 7641 §3.4: a notification this much later is newer whatever its number.
_MAX_PER_CLIENT = 100


@dataclass
class Observation:
    """One observed path of one client, or several by an Observe-Composite.

    paths: of the composite one, whose path is the root, asked for in content_format.
    attributes: what the Observe brought itself (1.2).
    established: the client answered the Observe. number, at: Observe option of the newest
    notification and the loop time it came at, in seconds. fetching: the rest of a notification is
    on its way; next: the one, with its facts, whose rest follows.
    """

    endpoint: str
    path: Path
    token: bytes
    accept: int | None = None
    established: bool = False
    number: int | None = None
    at: float = 0.0
    notifications: int = 0
    fetching: bool = False
    next: tuple[Message, dict] | None = None
    paths: tuple[Path, ...] = ()
    content_format: int | None = None
    attributes: dict | None = None

    def facts(self) -> dict:
        """Return the observation as plain data."""
        return {
            **self.names(),
            "established": self.established,
            "notifications": self.notifications,
        }

    def names(self) -> dict:
        """Return what names the observation in events."""
        facts = {
            "endpoint": self.endpoint,
            "path": path_text(self.path),
            "token": self.token.hex(),
        }
        if self.paths:
            facts["paths"] = [path_text(path) for path in self.paths]
        return facts

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
    """The table of observations, and the judge of what arrives for them.

    emit(name, facts): events. shown(endpoint): a client has sent a notification.
    fetch(endpoint, operation, by_sms) -> the future of the Result: the rest of a notification.
    """

    def __init__(
        self, registry: Registry, model: Model, *, emit: Callable, shown: Callable, fetch: Callable
    ):
        self._by_token: dict[bytes, Observation] = {}
        self._registry = registry
        self._model = model
        self._emit = emit
        self._shown = shown
        self._fetch = fetch

    def add(self, observation: Observation) -> None:
        """Enter an observation. Raises ValueError when the client has too many."""
        if len(self.of(observation.endpoint)) >= _MAX_PER_CLIENT:
            raise ValueError(
                "%s has %d observations already" % (observation.endpoint, _MAX_PER_CLIENT)
            )
        self._by_token[observation.token] = observation

    def find(self, endpoint: str, path: Path, paths: tuple[Path, ...] = ()) -> Observation | None:
        """Return the observation of a path, or of several in any order, or None."""
        for observation in self.of(endpoint):
            if observation.path == path and sorted(observation.paths) == sorted(paths):
                return observation
        return None

    def of(self, endpoint: str) -> list[Observation]:
        """Return the observations of a client."""
        return [o for o in self._by_token.values() if o.endpoint == endpoint]

    def named(self, endpoint: str, path: Path, paths: tuple[Path, ...] = ()) -> Observation:
        """Return the observation as `find` does; raises ValueError when there is none."""
        observation = self.find(endpoint, path, paths)
        if observation is None:
            names = " ".join(path_text(path) for path in paths or (path,))
            raise ValueError("%s of %s is not observed" % (names, endpoint))
        return observation

    def judge(self, incoming: Message, peer) -> str:
        """Take a response that belongs to no exchange: a notification, or none of ours.

        Returns "accept", "reject" (to be answered with RST) or "ignore".
        """
        observation = self._by_token.get(incoming.token)
        if observation is None:
            return "reject"
        client = self._registry.get(observation.endpoint)
        if peer not in (client.address, client.sms_number):
            # No Reset: it would end an observation that the client's next Update makes valid.
            return "ignore"
        if incoming.opt.observe is None or int(incoming.code) >= 0x80:
            self.end(observation, wire.dotted(int(incoming.code)))
            return "accept"
        observation.notifications += 1
        facts = {
            **observation.names(),
            "code": wire.dotted(int(incoming.code)),
            "value": None,
            "content_format": wire.content_format_of(incoming),
            "via": "S" if isinstance(peer, str) else "U",
            "observe": incoming.opt.observe,
            "confirmable": incoming.mtype == wire.CON,
            "fresh": observation.is_newer(incoming.opt.observe),
        }
        block = incoming.opt.block2
        if block is None or not (block.more or block.block_number):
            self._tell(facts, decode_payload(incoming, observation.path, client, self._model))
        elif not facts["fresh"]:
            self._lost(facts, ", and a newer one has come before")
        else:
            self._fetch_rest(observation, incoming, facts)
        # CR 6.1 step 3: a notification, too, makes the server look into its queue.
        self._shown(client.endpoint)
        return "accept"

    def _fetch_rest(self, observation: Observation, incoming: Message, facts: dict) -> None:
        """Fetch the rest of a notification by GET (RFC 7959 §2.6), after that of the one before.

        Of those that come meanwhile the newest is next: each is a whole state.
        """
        if observation.fetching:
            if observation.next is not None:
                self._lost(observation.next[1], ", and then a newer one")
            observation.next = (incoming, facts)
            return
        wanted = Operation(
            "notification",
            observation.path,
            accept=observation.accept,
            first=incoming,
            paths=observation.paths,
            content_format=observation.content_format,
            attributes=observation.attributes,
        )

        def fetched(future: asyncio.Future) -> None:
            error = future.exception()
            if error is None:
                result = future.result()
                facts["code"] = result.code
                self._tell(facts, Decoded(result.value, result.records, result.error))
            else:
                self._lost(facts, ": %s" % error)
            observation.fetching = False
            following, observation.next = observation.next, None
            if following is not None:
                self._fetch_rest(observation, *following)

        try:
            future = self._fetch(observation.endpoint, wanted, facts["via"] == "S")
        except RequestFailed as error:
            self._lost(facts, ": %s" % error)
            return
        observation.fetching = True
        future.add_done_callback(fetched)

    def _tell(self, facts: dict, decoded: Decoded) -> None:
        self._emit("notification", {**facts, **decoded.facts()})

    def _lost(self, facts: dict, why: str) -> None:
        self._tell(facts, Decoded(error="only its first block came" + why))

    def settle(self, waiting, response: Message | None) -> None:
        """Settle the observation that a finished Observe or Cancel request concerns."""
        observation = self._by_token.get(waiting.operation.token)
        if observation is None:
            return
        if waiting.operation.name.startswith("cancel"):
            if response is not None:
                self.end(observation, "cancelled")
        elif response is not None and response.opt.observe is not None:
            observation.established = True
            observation.is_newer(response.opt.observe)
            self._emit("observing", observation.names())
        elif response is not None or not observation.established:
            self.end(observation, "refused" if response is not None else "failed")

    def end(self, observation: Observation, reason: str) -> None:
        """Forget an observation; its next notification is rejected (RFC 7641 §3.6)."""
        self._by_token.pop(observation.token, None)
        if observation.established:
            self._emit("observation_ended", {**observation.names(), "reason": reason})

    def end_all(self, endpoint: str, reason: str) -> None:
        """End a client's observations; those yet to be asked for outlive a re-registration."""
        for observation in self.of(endpoint):
            if observation.established or reason != "re-registered":
                self.end(observation, reason)
