"""Notify: looking at the observations that may be due, and telling them (TS 1.2 Core 6.4.2;
RFC 7641 §4). Imported with the first observation.

A look costs what is ready or whose time has come, and nothing for the other observations. Max-Age
is left out: it would promise when the next notification comes, which a client without pmax cannot
know, and no operation of LwM2M asks for it (RFC 7641 §4.3.1).
"""

from heapq import heapify, heappop, heappush

from coap.message import Message
from micropython import const

from lwm2m import conditions
from lwm2m.conditions import TELL, judge
from lwm2m.object import OperationError
from lwm2m.observe import text
from lwm2m.queue import touch

_DIRTY = const(1)
_IN_FLIGHT = const(2)
_UNANSWERED = const(4)
_QUEUED = const(8)
_MET = const(16)
_OWED = const(32)

_REGISTERED = const(2)
_UPDATING = const(3)

_CON = const(0)
_NON = const(1)
_CONTENT = const(0x45)
_NOT_FOUND = const(0x84)
_INTERNAL_SERVER_ERROR = const(0xA0)
_OBSERVE = const(6)
_CONTENT_FORMAT = const(12)
_TIMED = (110, 112, 11543)  # Content-Formats that have times

_DAY_MS = const(86_400_000)
# RFC 7641 §4.5.1: without an estimate of the round-trip time no more than one Non-confirmable
# notification every 3 s on average; so many more may be sent ahead of that.
_PACE_MS = const(3_000)
_BURST_MS = const(9_000)
_AGAIN_MS = const(60_000)  # until what could not be read is tried again
_TOLD = const(-2)  # in place of the ms to look again at: a notification went and is done with


def run(observations, now: int) -> "int | None":
    """Carry out Observations.step when something may be due."""
    client = observations.client
    observations.due = None
    if client.attributes.changed:
        client.attributes.changed = False
        for observation in observations.table:
            for part in observation.parts or (observation,):
                if part.value is not None:
                    part.flags |= _DIRTY  # what was no reason to tell may be one by others
            observations.look(observation)
    for item in observations.stored:
        observations.look(item[0])
    timed = observations.timed
    while timed and (timed[0][0] <= now or timed[0][0] != timed[0][2].due):
        at, _, observation = heappop(timed)
        if observation.due == at:
            observation.due = None
            if observation.account:
                observations.look(observation)
    ready = observations.ready
    observations.ready = []
    observations.due = None
    blocked = []
    for observation in ready:
        observation.flags &= ~_QUEUED
        at = _TOLD
        while at == _TOLD:
            at = _consider(observations, observation, now) if observation.account else None
        if at == 0:
            blocked.append(observation)
            at = None
        _schedule(observations, observation, at)
    for observation in blocked:
        observations.look(observation)  # at the next event, which may be what it waits for
    while timed and timed[0][0] != timed[0][2].due:
        heappop(timed)
    due = timed[0][0] if timed else None
    if observations.due is None:
        observations.due = due
    return due


def _schedule(observations, observation, at):
    """Have an observation looked at then, and at no other time; an entry before it is void."""
    if at is not None and at != observation.due:
        timed = observations.timed
        if len(timed) > 2 * len(observations.table) + 8:
            timed[:] = [entry for entry in timed if entry[0] == entry[2].due]
            heapify(timed)
        observations.serial += 1
        heappush(timed, (at, observations.serial, observation))
    if at is not None or observation.due is not None:
        observation.due = at


def _consider(observations, observation, now):
    """Send, store or skip; return the ms to look again at, 0 after any event, or None.

    _TOLD stands for "at once".
    """
    account = observation.account
    if observation.flags & _IN_FLIGHT:
        return 0
    client = observations.client
    online = account.state == _REGISTERED and account.leaving is None
    if online and observations.stored:
        from lwm2m.storing import waiting

        items = waiting(observations, observation)
        if items:
            return _tell(observations, observation, items, now)
    if online and observation.flags & _OWED:
        observation.flags = observation.flags & ~_OWED | _MET
        for part in observation.parts:
            part.flags |= _MET
    at = judge(client, observation, now)
    if at != TELL:
        return at
    if online or account.state == _UPDATING:
        return _tell(observations, observation, None, now)
    from lwm2m.storing import store

    if not store(observations, observation, now):
        return 0
    told(client, observation, now)
    at = judge(client, observation, now)
    return _TOLD if at == TELL else at


def told(client, observation, now: int) -> None:
    """Note that the present state has been told, or will be from the store."""
    observation.told_at = now
    for part in observation.parts or (observation,):
        part.looked_at = now
        conditions.told(client.tree, part)


def read(client, observation, accept: "int | None", wanted=None) -> "tuple | None":
    """Return (content format, payload) of the present state, (None, b"") of what is gone.

    accept: what to ask for in place of the observation's own. wanted: paths, where not all of a
    composite's. None: a resource without a value yet, or one that the server may not read.
    """
    account = observation.account
    operations = client.operations(account)
    tree = client.tree
    path = observation.path
    if accept is None:
        accept = observation.accept
    try:
        if observation.parts:
            from lwm2m.composite import read_paths

            wanted = wanted or [part.path for part in observation.parts]
            return read_paths(operations, wanted, accept, account, sampled=True)
        form, payload = operations.read(path, accept, account)
        if tree.samples and form in _TIMED:
            from lwm2m.samples import encode

            payload = encode(operations, path, form, account)
        return form, payload
    except (OperationError, OSError) as error:
        if isinstance(error, OSError) or error.code == _INTERNAL_SERVER_ERROR:
            observation.flags |= _OWED  # for want of memory, or of a probe that answers
        if len(path) > 1 and tree.get(path[0], path[1]) is None:
            return None, b""
        return None


def _tell(observations, observation, items, now):
    """Send the present state, or the stored items, as one notification."""
    client = observations.client
    account = observation.account
    link, peer = client.route(account)
    if account.queue and account.awake_until is None:
        account.wanted = account.wanted or "notification"
    if account.wanted or account.state == _UPDATING:  # CR 6.1: the Update goes first
        return 0
    asked = conditions.confirmable(client, observation)
    if asked is None:
        asked = account.queue or items is not None
    confirmed = link.binding != "S" and (asked or now - observation.confirmed_at >= _DAY_MS)
    if confirmed:
        if client.endpoint.busy(peer):
            return 0
    elif account.paced_until > now + _BURST_MS:
        return account.paced_until - _BURST_MS
    else:
        account.paced_until = max(account.paced_until, now) + _PACE_MS
    if items is None:
        state = read(client, observation, None)
        told(client, observation, now)
        if state is None:
            return now + _AGAIN_MS if observation.flags & _OWED else _TOLD
        form, payload = state
        kept = [(observation, form, payload)]
    else:
        from lwm2m.storing import joined

        form, payload = joined(items)
        kept = items
        for item in items:
            observations.stored.remove(item)
    code = _NOT_FOUND if form is None else _CONTENT
    message = Message(code, _CON if confirmed else _NON, observation.token, payload)
    if form is None:
        observations.end(observation, "deleted")
    else:
        message.add(_OBSERVE, observations.next_sequence()).add(_CONTENT_FORMAT, form)
    if confirmed:
        observation.confirmed_at = now
    observation.flags |= _IN_FLIGHT
    touch(client, account, now)
    size = len(payload)
    if not confirmed:
        kept = ()  # a Reset may come for long, and the value need not be there until then
    fresh = items is None

    def on_done(reason, now):
        _done(observations, observation, kept, fresh, size, reason, now)

    request = None
    if observation.block2 is not None or message.exceeds(link.mtu):
        from lwm2m.observing import request_of

        request = request_of(client, observation)
    client.endpoint.notify(message, peer, link, now, on_done, request)
    return 0 if observation.flags & _IN_FLIGHT else _TOLD


def _done(observations, observation, kept, fresh, size, reason, now):
    """Take the outcome of a notification.

    RFC 7641 §4.5 ends an observation with the first time-out. Here the device may just have been
    out of coverage, which Notification Storing is there for (TS 1.2 Core E.2), so that the server
    is asked by an Update first, and the second in a row ends it. As a client that forgets an
    observation has to (TS 1.2 Core 6.4.1), it registers anew then.
    """
    client = observations.client
    account = observation.account
    if account is None:
        return
    observation.flags &= ~_IN_FLIGHT
    if kept:
        observations.look(observation)
    if reason is None:
        observation.flags &= ~_UNANSWERED
        client.emit("notified", account, path=text(observation.path), bytes=size)
    elif reason == "reset":
        if kept and not fresh:
            from lwm2m.storing import orphan

            orphan(observations, observation, kept)
        observations.end(observation, "reset")
    elif observation.flags & _UNANSWERED and reason == "timeout":
        observations.end(observation, "timeout")
        if account.state == _REGISTERED:
            account.wanted = account.wanted or "observation"
            account.expires = now
    else:
        if reason == "timeout":
            observation.flags |= _UNANSWERED
        if kept and account.value("storing", True):
            from lwm2m.storing import back

            back(observations, kept, fresh, now)
        if account.state == _REGISTERED:
            account.wanted = account.wanted or "notification"
