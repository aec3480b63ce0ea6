"""Notification Storing: what could not be told, until it can (TS 1.2 Core E.2 resource 6; CR C.1
resource 9). Imported with the first notification that is stored.

What is stored is payloads. Those in SenML and LwM2M JSON carry the time of their measurement, as
the base time of their first record (RFC 8428 §4.1), wherever the device knows it; other formats
have no place for one. An observation with hqmax keeps so many values at most, in SenML where its
server asked for no other format, and they go together as one notification (TS 1.2 Core §7.3.2).

A server that has forgotten an observation over a registration resets what comes of it, and
observes anew (TS 1.2 Core 6.4.1). Then values that carry their time go to the new observation of
the same paths; until it comes they are orphans.
"""

from micropython import const

from lwm2m.codec.cbor import Reader, dumps, head
from lwm2m.conditions import history
from lwm2m.notify import read

_SENML_JSON = const(110)
_SENML_CBOR = const(112)
_LWM2M_JSON = const(11543)
_OWED = const(32)


def store(observations, observation, now: int) -> bool:
    """Keep the present state of an observation whose server cannot be told.

    Returns False where it needs no keeping: a sampled resource has all its values anyway.
    """
    client = observations.client
    account = observation.account
    if not account.value("storing", True):
        return True
    if client.tree.samples and observation.accept in (_SENML_JSON, _SENML_CBOR, _LWM2M_JSON):
        if observation.path in client.tree.samples:
            return False
    limit = None
    wanted = []
    for part in observation.parts or (observation,):
        most = history(client, part)
        if most is not None:
            limit = max(limit or 0, most)
            if most:
                wanted.append(part.path)
    if wanted and len(wanted) < len(observation.parts):
        observation.flags |= _OWED  # the others are left out, and told when the server is back
    if limit == 0:
        return True
    accept = None
    if limit and observation.accept is None and account.version.structured_format == _SENML_CBOR:
        accept = _SENML_CBOR
    state = read(client, observation, accept, wanted)
    if state is None:
        return True
    form, payload = state
    if limit:
        mine = [item for item in observations.stored if item[0] is observation]
        for item in mine[: max(0, len(mine) + 1 - limit)]:
            observations.stored.remove(item)
    observations.stored.append(
        (observation, form, _stamped(form, payload, observations.epoch_s()))
    )
    _bound(observations, account)
    return True


def back(observations, items, fresh: bool, now: int) -> None:
    """Keep what was sent and not acknowledged, before all that came later.

    fresh: it is the state of when it was sent, and has no time yet.
    """
    observation = items[0][0]
    if fresh:
        epoch_s = observations.epoch_s()
        if epoch_s is not None:
            epoch_s -= (now - observation.told_at) // 1000
        form, payload = items[0][1:]
        items = [(observation, form, _stamped(form, payload, epoch_s))]
    observations.stored = items + observations.stored
    _bound(observations, observation.account)


def waiting(observations, observation) -> list:
    """Return the stored items of an observation that are to go next, as one notification."""
    items = [item for item in observations.stored if item[0] is observation]
    if not items or items[0][1] not in (_SENML_JSON, _SENML_CBOR):
        return items[:1]
    for part in observation.parts or (observation,):
        if history(observations.client, part):
            break
    else:
        return items[:1]
    count = 1
    while count < len(items) and items[count][1] == items[0][1]:
        count += 1
    return items[:count]


def orphan(observations, observation, items) -> None:
    """Keep what is stored of an observation that is about to end, for one of the same paths.

    items: what was taken out of the store already, the oldest.
    """
    paths = [part.path for part in observation.parts or (observation,)]
    rest = [item for item in observations.stored if item[0] is observation]
    for _, form, payload in list(items) + rest:
        if form in (_SENML_JSON, _SENML_CBOR, _LWM2M_JSON):
            observations.orphans += ((observation.account, paths, form, payload),)
    size = sum([len(each[3]) for each in observations.orphans])
    while size > observations.store_bytes:
        account, _, _, payload = observations.orphans[0]
        size -= len(payload)
        observations.orphans = observations.orphans[1:]
        observations.client.drop("store_full", account)


def adopt(observations, observation, form: "int | None") -> None:
    """Store the orphans of the paths of a new observation, which is answered in this format."""
    paths = [part.path for part in observation.parts or (observation,)]
    history_too = any(
        [history(observations.client, part) for part in observation.parts or (observation,)]
    )
    found = []
    rest = []
    for each in observations.orphans:
        if each[0] is not observation.account or each[1] != paths:
            rest.append(each)
        elif each[2] == form or (history_too and observation.accept is None):
            found.append((observation, each[2], each[3]))
    observations.orphans = tuple(rest)
    observations.stored += found
    _bound(observations, observation.account)


def joined(items: list) -> tuple:
    """Return (content format, payload) of items, which are SenML where they are several."""
    form = items[0][1]
    if len(items) == 1:
        return form, items[0][2]
    if form == _SENML_JSON:
        packs = [bytes(item[2])[1:-1] for item in items]
        return form, b"[" + b",".join([pack for pack in packs if pack]) + b"]"
    count = 0
    records = bytearray()
    for item in items:
        reader = Reader(item[2])
        count += reader.head()[1]
        records += item[2][reader.at :]
    payload = bytearray()
    head(payload, 4, count)
    payload += records
    return form, payload


def _stamped(form, payload, epoch_s):
    """Return a payload with a base time, where its format has one."""
    if epoch_s is None or form not in (_SENML_JSON, _SENML_CBOR, _LWM2M_JSON):
        return payload
    payload = bytes(payload)
    if form != _SENML_CBOR:
        opening = b"{" if form == _LWM2M_JSON else b"[{"
        if payload[: len(opening)] != opening:
            return payload
        return opening + b'"bt":%d,' % epoch_s + payload[len(opening) :]
    reader = Reader(payload)
    if not reader.head()[1]:
        return payload
    at = reader.at  # of the head of the first record, a map of fewer than 23 pairs
    return payload[:at] + bytes([payload[at] + 1, 0x22]) + dumps(epoch_s) + payload[at + 1 :]


def drop(observations, item, reason: str) -> None:
    """Forget a stored item for want of room; what it was the last of is told as it is instead."""
    observations.stored.remove(item)
    observation = item[0]
    for other in observations.stored:
        if other[0] is observation:
            break
    else:
        observation.flags |= _OWED
    observations.client.drop(reason, observation.account)


def _bound(observations, account):
    """Drop the oldest notifications of a server that are too many or too long."""
    mine = [item for item in observations.stored if item[0].account is account]
    size = sum([len(item[2]) for item in mine])
    while mine and (len(mine) > observations.store or size > observations.store_bytes):
        oldest = mine.pop(0)
        size -= len(oldest[2])
        drop(observations, oldest, "store_full")
