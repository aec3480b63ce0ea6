"""Information Reporting: Observe, Notify, Cancel (CR 6.1 Figure 4; TS 1.2 Core 6.4; RFC 7641).

An observation is known by its token and its server. It is DIRTY when its value may have changed,
MET when that is to be told, IN_FLIGHT from the sending of a notification to its outcome, and OWED
when the store had no room for its state; one notification is in flight at a time and the newest
state follows it (RFC 7641 §4.5.2). What ends an observation:

    Observe = 1 or Reset from the server; another Observe on the same paths or with the same token;
    a second time-out in a row; the instance is deleted (4.04 is sent); Deregister; a Register,
    except the one after Disable, unless stored notifications wait for it (CR C.1 resource 9).

While the account is disabled or its server cannot be reached, notifications are stored and told in
order once it is back, or discarded, as Notification Storing says.

What is here is what a change and an idle step need, whose cost does not grow with the number of
observations; lwm2m.observing begins them, lwm2m.notify tells them, lwm2m.conditions says when,
lwm2m.storing keeps what cannot be told.
"""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DIRTY = const(1)
_IN_FLIGHT = const(2)
_QUEUED = const(8)
_OWED = const(32)

_OBSERVE = const(6)
_SPREAD = const(8191)
# A board's clock that nobody has set counts from 2000; this is 2020.
_CLOCK_SET_S = const(1_577_836_800)


class Observation:
    """One observed path, or a composite. account is None once it has ended.

    path: of 1 to 4 ids; () of a composite, which has `parts`, an Observation for each path, that
    have this one as their `whole`. accept: content format asked for, None without Accept. form:
    Content-Format of the FETCH. attributes: those of the Observe, None without. block2: the Block2
    option of the request, whose size holds for notifications too, or None.

    value: what was told last, as conditions.reading has it. seen: as conditions.presence. told_at:
    ms, when the last notification was. looked_at: ms, when the value was looked at last, where
    evaluation periods ask. confirmed_at: ms, when the last CON left. due: ms to be looked at.
    """

    # Here so that an observation stores only what differs.
    whole: "Any" = None
    accept: "Any" = None
    form: "Any" = None
    attributes: "Any" = None
    block2: "Any" = None
    value: "Any" = None
    seen: "Any" = True
    due: "Any" = None
    parts: "Any" = ()
    flags = 0

    def __init__(self, account, token: bytes, path: tuple, now: int) -> None:
        self.account = account
        self.token = token
        self.path = path
        self.told_at = self.looked_at = self.confirmed_at = now


class Observations:
    """All observations of a client, with at most `limit` paths together, and for each server at
    most `store` notifications of `store_bytes` together.

    table: the observations. stored: (observation, content format, payload), oldest first. orphans:
    (account, paths, content format, payload) of what has ended, see lwm2m.storing. ready:
    those to be looked at; timed: a heap of (ms, serial, observation). due: ms of the next look, 0
    at the next step.
    """

    orphans = ()

    def __init__(self, client, limit: int = 32, store: int = 32, store_bytes: int = 2048) -> None:
        self.client = client
        self.limit = limit
        self.store = store
        self.store_bytes = store_bytes
        self.table = []
        self.stored = []
        self.ready = []
        self.timed = []
        self.serial = 0
        self.due = None
        self.sequence = 0
        self._index = {}  # lists of observations and parts by `_key`
        client.tree.epoch = self.epoch_s

    def __iter__(self):
        return iter(self.table)

    def epoch_s(self) -> "int | None":
        """Return s since 1970, None where the clock is not there or was never set."""
        epoch = self.client.epoch
        seconds = epoch() if epoch else None
        return seconds if seconds is not None and seconds > _CLOCK_SET_S else None

    def handle(self, request, response, path: tuple, account, now: int) -> None:
        """Act on the Observe option of a GET or FETCH, whose response is ready and may change."""
        if request.get(_OBSERVE) is not None:
            from lwm2m.observing import handle

            handle(self, request, response, path, account, now)

    def restore(self, observation: Observation) -> None:
        """Take an observation into the table."""
        from lwm2m.conditions import presence

        self.table.append(observation)
        for part in observation.parts or (observation,):
            seen = presence(self.client.tree, part.path)
            if seen is not True:
                part.seen = seen
            self._index.setdefault(_key(part.path), []).append(part)
        self.look(observation)

    def end(self, observation: Observation, reason: str) -> None:
        """Forget an observation and what is stored for it."""
        account = observation.account
        if account is None:
            return
        observation.account = observation.due = None
        self.table.remove(observation)
        for part in observation.parts or (observation,):
            key = _key(part.path)
            siblings = self._index[key]
            siblings.remove(part)
            if not siblings:
                del self._index[key]
        self.stored = [item for item in self.stored if item[0] is not observation]
        self.due = 0
        self.client.emit("cancelled", account, path=text(observation.path), reason=reason)

    def forget(self, account, reason: str, kept) -> None:
        """End the observations of a server, except those in `kept`."""
        if reason != "registered":
            self.orphans = tuple([each for each in self.orphans if each[0] is not account])
        for observation in list(self.table):
            if observation.account is account:
                observation.flags &= ~_IN_FLIGHT
                if observation not in kept:
                    self.end(observation, reason)

    def registered(self, account) -> None:
        """Begin a new registration: end observations, unless stored notifications wait."""
        if account.resuming:
            account.resuming = False
        else:
            self.forget(account, "registered", [item[0] for item in self.stored])

    def online(self, account) -> None:
        """Note that the server has answered a Register or Update, and can be told what waits."""
        self.due = 0
        for observation in self.table:
            if observation.flags & _OWED and observation.account is account:
                self.look(observation)

    def changed(self, path: tuple) -> None:
        """Note that the value at path (object, instance, resource) has changed."""
        if self._index:
            key = 0
            for each in path:
                key = (key & 0xFFFF) * _SPREAD + each + 1
                for part in self._index.get(key, ()):
                    if part.path[:3] == path[: len(part.path)]:
                        part.flags |= _DIRTY
                        self.look(part.whole or part)
            if path[0] == 1:
                self.client.attributes.changed = True  # default periods are there

    def look(self, observation: Observation) -> None:
        """Have an observation looked at in the next step."""
        if not observation.flags & _QUEUED:
            observation.flags |= _QUEUED
            self.ready.append(observation)
        self.due = 0

    def structure_changed(self) -> None:
        """Note that instances have come or gone."""
        if self._index:
            from lwm2m.conditions import presence

            for parts in self._index.values():
                for part in parts:
                    seen = presence(self.client.tree, part.path)
                    if seen != part.seen:
                        part.seen = seen
                        part.flags |= _DIRTY
                        self.look(part.whole or part)

    def step(self, now: int) -> "int | None":
        """Send the notifications that are due; return when the next one will be."""
        if self.due is None or now < self.due:
            return self.due
        if not self.table:
            self.timed[:] = self.ready[:] = ()
            self.due = None
            return None
        from lwm2m.notify import run

        return run(self, now)

    def next_sequence(self) -> int:
        """Return the next value of the Observe option (RFC 7641 §4.4)."""
        self.sequence = self.sequence + 1 & 0xFFFFFF
        return self.sequence


def _key(path):
    """Return where a path stands in the index; a resource instance stands with its resource.

    Tuples would stand close together, as MicroPython hashes them, and what is not in the index
    would be looked for at each of them.
    """
    key = 0
    for each in path[:3]:
        key = (key & 0xFFFF) * _SPREAD + each + 1
    return key


def text(path: tuple) -> str:
    """Return (3, 0, 9) as "/3/0/9"."""
    return "/" + "/".join([str(part) for part in path])
