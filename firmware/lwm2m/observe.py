"""Information Reporting: Observe, Notify, Cancel (CR 6.1 Figure 4; TS 1.0 5.5; RFC 7641).

An observation is known by its token and its server. It is DIRTY when its value has changed and not
been told, and IN_FLIGHT from the sending of a notification to its outcome; one notification is in
flight at a time and the newest state follows it (RFC 7641 §4.5.2). What ends an observation:

    Observe = 1 or Reset from the server; another Observe on the same path or with the same token;
    a second time-out in a row; the instance is deleted (4.04 is sent); Deregister; a Register,
    except the one after Disable, unless stored notifications wait for it (CR C.1 resource 9).

While the account is disabled or its server cannot be reached, notifications are stored and told in
order once it is back, or discarded, as Notification Storing says.
"""

from coap.message import Message
from micropython import const

from lwm2m.object import OperationError
from lwm2m.queue import touch

_DIRTY = const(1)
_IN_FLIGHT = const(2)
_UNANSWERED = const(4)

_REGISTERED = const(2)
_UPDATING = const(3)

_GET = const(1)
_CON = const(0)
_NON = const(1)
_CONTENT = const(0x45)
_NOT_FOUND = const(0x84)
_OBSERVE = const(6)
_CONTENT_FORMAT = const(12)
_URI_PATH = const(11)
_ACCEPT = const(17)
_BLOCK2 = const(23)

_LINK_FORMAT = const(40)
_DAY_MS = const(86_400_000)
# RFC 7641 §4.5.1: without an estimate of the round-trip time no more than one Non-confirmable
# notification every 3 s on average; so many more may be sent ahead of that.
_PACE_MS = const(3_000)
_BURST_MS = const(9_000)
_SEQUENCE_MASK = const(0xFFFFFF)
_TOLD = const(-1)  # in place of the ms to look again at: a notification went and is done with


class Observation:
    """One observed path. account is None once it has ended.

    accept: content format asked for, None without Accept. value: number told last, None where it
    is no single number. told_at: ms, when that was. confirmed_at: ms, when the last CON left.
    block2: the Block2 option of the request, whose size holds for notifications too, or None.
    """

    def __init__(self, account, token: bytes, path: tuple, accept, now: int) -> None:
        self.account = account
        self.token = token
        self.path = path
        self.accept = accept
        self.value: "int | float | None" = None
        self.block2: "int | None" = None
        self.flags = 0
        self.told_at = self.confirmed_at = now


class Observations:
    """All observations of a client, at most `limit`, and for each server at most `store`
    notifications of `store_bytes` together.
    """

    def __init__(self, client, limit: int = 32, store: int = 32, store_bytes: int = 2048) -> None:
        self._client = client
        self._limit = limit
        self._store = store
        self._store_bytes = store_bytes
        self._by_path = {}
        self.due = None  # ms of the next look at all of them; 0 at the next step
        self.sequence = 0
        self.stored = []  # (observation, content format, payload), oldest first

    def __iter__(self):
        for path in self._by_path:
            for observation in self._by_path[path]:
                yield observation

    def handle(self, request, response, path: tuple, account, now: int) -> None:
        """Act on the Observe option of a GET; its response, which is ready, may be extended."""
        block2 = request.get_uint(_BLOCK2)
        if block2 and block2 >> 4:
            return  # the rest of a body, by a server that repeats all options for it
        register = request.get_uint(_OBSERVE)
        accept = request.get_uint(_ACCEPT)
        token = bytes(request.token)
        if register is None or register > 1 or not path:
            return
        for known in list(self):
            if known.account is account and (known.token == token or known.path == path):
                self.end(known, "replaced" if register == 0 else "observe")
        if register or response.code != _CONTENT or accept == _LINK_FORMAT:
            return
        if sum([1 for _ in self]) >= self._limit:
            self._client.drop("observations_full", account)
            return
        observation = Observation(account, token, path, accept, now)
        observation.value = self._number(path)
        observation.block2 = block2
        self.restore(observation)
        response.add(_OBSERVE, self._next_sequence())
        self._client.emit("observed", account, path=_text(path))

    def restore(self, observation: Observation) -> None:
        """Take an observation into the index."""
        self._by_path.setdefault(observation.path, []).append(observation)
        self.due = 0

    def end(self, observation: Observation, reason: str) -> None:
        """Forget an observation and what is stored for it."""
        account = observation.account
        if account is None:
            return
        observation.account = None
        self.due = 0
        siblings = self._by_path[observation.path]
        siblings.remove(observation)
        if not siblings:
            del self._by_path[observation.path]
        self.stored = [item for item in self.stored if item[0] is not observation]
        self._client.emit("cancelled", account, path=_text(observation.path), reason=reason)

    def forget(self, account, reason: str, kept) -> None:
        """End the observations of a server, except those in `kept`."""
        for observation in list(self):
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

    def changed(self, path: tuple) -> None:
        """Note that the value at path (object, instance, resource) has changed."""
        index = self._by_path
        for depth in range(1, len(path) + 1):
            for observation in index.get(path[:depth], ()):
                observation.flags |= _DIRTY
                self.due = 0
        if index and len(path) == 3:
            for deeper in index:  # a resource instance is not reported on its own
                if len(deeper) == 4 and deeper[:3] == path:
                    for observation in index[deeper]:
                        observation.flags |= _DIRTY
                        self.due = 0

    def structure_changed(self) -> None:
        """Note that instances have come or gone."""
        for observation in self:
            path = observation.path
            if len(path) == 1 or self._client.tree.get(path[0], path[1]) is None:
                observation.flags |= _DIRTY
                self.due = 0

    def step(self, now: int) -> "int | None":
        """Send the notifications that are due; return when the next one will be."""
        if self.due is None or now < self.due:
            return self.due
        self.due = None
        due = None
        blocked = False
        for observation in list(self):
            at = _TOLD
            while at == _TOLD:
                at = self._consider(observation, now) if observation.account else None
            if at == 0:
                blocked = True
            elif at is not None and (due is None or at < due):
                due = at
        # A blocked one is looked at again after whatever it waits for.
        self.due = 0 if blocked or self.due == 0 else due
        return due

    def _consider(self, observation, now):
        """Send, store or skip; return the ms to look again at, 0 after any event, or None.

        _TOLD stands for "at once".
        """
        account = observation.account
        if observation.flags & _IN_FLIGHT:
            return 0
        online = account.state == _REGISTERED and account.leaving is None
        if online:
            for item in self.stored:
                if item[0] is observation:
                    return self._tell(observation, item, now)
        pmin, pmax, above, below, step = self._client.attributes.effective(
            account.short_server_id, observation.path
        )[:5]
        if pmin is None:
            pmin = account.value("pmin", account.version.default_pmin_s)
        if pmax is None:
            pmax = account.value("pmax")
        latest = observation.told_at + pmax * 1000 if pmax and pmax >= pmin else None
        if observation.flags & _DIRTY:
            earliest = observation.told_at + pmin * 1000
            if now < earliest:
                return earliest
            if not self._passes(observation, above, below, step):
                observation.flags &= ~_DIRTY
        if not observation.flags & _DIRTY and (latest is None or now < latest):
            return latest
        if online or account.state == _UPDATING:
            return self._tell(observation, None, now)
        item = self._item(observation, now)
        observation.told_at = now
        observation.flags &= ~_DIRTY
        if item and account.value("storing", True):
            self._keep(item)
        return now + pmax * 1000 if latest is not None else None

    def _passes(self, observation, above, below, step):
        """Whether a change is to be told (TS 1.0 5.1.2: gt, lt and st, any of them)."""
        value = self._number(observation.path)
        told = observation.value
        if value is None or told is None:
            return True
        if above is None and below is None and step is None:
            return value != told
        return (
            (above is not None and (value > above) != (told > above))
            or (below is not None and (value < below) != (told < below))
            or (step is not None and abs(value - told) >= step)
        )

    def _number(self, path):
        obj = self._client.tree.get(path[0], path[1]) if len(path) == 3 else None
        value = obj.read(path[2]) if obj and obj.has(path[2]) else None
        if value is True or value is False or not isinstance(value, (int, float)):
            return None
        return value

    def _item(self, observation, now):
        """Return (observation, content format, payload) of the present state, None without one."""
        account = observation.account
        value = self._number(observation.path)
        try:
            content_format, payload = self._client.operations(account).read(
                observation.path, observation.accept, account
            )
        except OperationError:
            path = observation.path
            if len(path) > 1 and self._client.tree.get(path[0], path[1]) is None:
                return (observation, None, b"")
            return None  # a resource without a value yet; its observation goes on
        observation.value = value
        return (observation, content_format, payload)

    def _tell(self, observation, item, now):
        client = self._client
        account = observation.account
        link, peer = client.route(account)
        if account.queue and account.awake_until is None:
            account.wanted = account.wanted or "notification"
        if account.wanted or account.state == _UPDATING:  # CR 6.1: the Update goes first
            return 0
        confirmable = link.binding != "S" and (
            account.queue or item is not None or now - observation.confirmed_at >= _DAY_MS
        )
        if confirmable:
            if client.endpoint.busy(peer):
                return 0
        elif account.paced_until > now + _BURST_MS:
            return account.paced_until - _BURST_MS
        else:
            account.paced_until = max(account.paced_until, now) + _PACE_MS
        if item is None:
            item = self._item(observation, now)
            observation.flags &= ~_DIRTY
            observation.told_at = now
            if item is None:
                return _TOLD
        else:
            self.stored.remove(item)
        content_format = item[1]
        gone = content_format is None
        code = _NOT_FOUND if gone else _CONTENT
        message = Message(code, _CON if confirmable else _NON, observation.token, item[2])
        if gone:
            self.end(observation, "deleted")
        else:
            message.add(_OBSERVE, self._next_sequence()).add(_CONTENT_FORMAT, content_format)
        if confirmable:
            observation.confirmed_at = now
        observation.flags |= _IN_FLIGHT
        touch(client, account, now)

        size = len(item[2])
        if not confirmable:
            item = None  # a Reset may come for long, and the value need not be there until then

        def on_done(reason, now):
            self._done(observation, item, size, reason, now)

        request = None
        if observation.block2 is not None or message.exceeds(link.mtu):
            request = self._request(observation)
        client.endpoint.notify(message, peer, link, now, on_done, request)
        return 0 if observation.flags & _IN_FLIGHT else _TOLD

    def _request(self, observation):
        """Return the GET by which a server asks for the rest of a notification in blocks."""
        request = Message(_GET)
        root = self._client.root
        for segment in (root + _text(observation.path)).split("/"):
            if segment:
                request.add(_URI_PATH, segment)
        if observation.accept is not None:
            request.add(_ACCEPT, observation.accept)
        if observation.block2 is not None:
            request.add(_BLOCK2, observation.block2)
        return request

    def _done(self, observation, item, size, reason, now):
        client = self._client
        account = observation.account
        self.due = 0
        if account is None:
            return
        observation.flags &= ~_IN_FLIGHT
        if reason is None:
            observation.flags &= ~_UNANSWERED
            client.emit("notified", account, path=_text(observation.path), bytes=size)
        elif reason == "reset":
            self.end(observation, "reset")
        elif observation.flags & _UNANSWERED and reason == "timeout":
            self.end(observation, "timeout")
        else:
            if reason == "timeout":
                observation.flags |= _UNANSWERED
            if account.value("storing", True):
                self._keep(item)
            if account.state == _REGISTERED:
                account.wanted = account.wanted or "notification"

    def _keep(self, item):
        account = item[0].account
        self.stored.append(item)
        mine = [kept for kept in self.stored if kept[0].account is account]
        size = sum([len(kept[2]) for kept in mine])
        while len(mine) > self._store or size > self._store_bytes:
            oldest = mine.pop(0)
            size -= len(oldest[2])
            self.stored.remove(oldest)
            self._client.drop("store_full", account)

    def _next_sequence(self):
        self.sequence = self.sequence + 1 & _SEQUENCE_MASK
        return self.sequence


def _text(path):
    return "/" + "/".join([str(part) for part in path])
