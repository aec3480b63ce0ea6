"""What must outlive a deep sleep, as one CBOR record (facts in the order of `_facts`).

Times are kept as whole seconds from the moment of freezing, so that they stay short; a due time is
rounded up, an expiry down. A list ends with the last fact that is not what a new account or
observation has anyway. A path is a number: its place among `known`, those whose values the caller
keeps, or behind them in the record's own list (lwm2m.steps). A CRC-32 ends the record, and a
fingerprint of the configuration begins it: a record of other servers, another version or another
endpoint name is no use. The counters of the endpoint are not in it, because they have to outlive a
reset as well (node/retained.py).
"""

import binascii

from micropython import const

from lwm2m import versions
from lwm2m.codec import CodecError
from lwm2m.codec.cbor import dumps, loads
from lwm2m.observe import Observation
from lwm2m.registration import terms
from lwm2m.steps import followed, steps

_REGISTERING = const(1)
_REGISTERED = const(2)
_UPDATING = const(3)
_DEREGISTERING = const(4)
_WAITING = const(6)
_KEPT_FLAGS = const(53)  # observe: DIRTY, UNANSWERED, MET and OWED
_IN_FLIGHT = const(2)
_OWED = const(32)

_FORMAT = const(8)
_CRC_BYTES = const(4)
_HOUR_S = const(3600)
_ACCOUNT_FACTS = const(18)
_OBSERVATION_FACTS = const(12)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NOTHING = []  # told was that there is no value, where the Object has one by now


def freeze(client, now: int, limit: int, known=()) -> bytes:
    """Return the record of a client.

    known: paths of resources whose values will be back before `thaw`, which is given them too, in
    this order. Samples give way, the oldest first and counted as dropped, until the record has
    `limit` bytes, after them stored notifications and then what waits to be sent; the rest is
    never left out, so it may be longer.
    """
    stored = client.observations.stored
    while True:
        record = dumps(_facts(client, now, known))
        if len(record) + _CRC_BYTES <= limit:
            break
        if client.tree.samples:
            from lwm2m.samples import shorten

            if shorten(client.tree):
                client.drop("samples_lost")
                continue
        if client.observations.orphans:
            client.drop("stored_lost", client.observations.orphans[0][0])
            client.observations.orphans = client.observations.orphans[1:]
            continue
        if stored:
            from lwm2m.storing import drop

            drop(client.observations, stored[0], "stored_lost")
            continue
        for account in client.accounts:
            if account.outbox:
                account.outbox.pop(0)
                client.drop("send_lost", account)
                break
        else:
            break
    return record + _crc(record)


def thaw(client, record: bytes, now: int, known=()) -> bool:
    """Set a client, whose servers and Objects are added, as the record says; False if it cannot.

    A record that cannot be used leaves the client as one that has never registered.
    """
    record = bytes(record)
    body = record[:-_CRC_BYTES]
    if len(record) <= _CRC_BYTES or _crc(body) != record[-_CRC_BYTES:]:
        return False
    try:
        facts: list = loads(body)  # pyright: ignore
        if facts[0] != _FORMAT or facts[1] != _fingerprint(client):
            return False
        _restore(client, facts, known)
    except (CodecError, ValueError, TypeError, IndexError, KeyError, AttributeError):
        for account in client.accounts:
            account.forget()
        for observation in list(client.observations):
            client.observations.end(observation, "damaged")
        client.observations.orphans = ()
        return False
    return True


def _facts(client, now, known):
    paths = list(known)
    rows = []
    order = []
    for account in client.accounts:
        mine = []
        told = 0  # most notifications are told together
        for each in client.observations:
            if each.account is account:
                order.append(each)
                mine.append(_observation(client.tree, each, now, paths, known, told))
                told = (now - each.told_at) // 1000
        rows.append(mine)
    stored = []
    for each, form, body in client.observations.stored:
        stored += [order.index(each), form, body]
    orphans = []  # what is stored of observations that servers forgot, see lwm2m.storing
    for account, wanted, form, body in client.observations.orphans:
        places = [_place(paths, path) for path in wanted]
        orphans.append([client.accounts.index(account), places, form, body])
    attributes = []
    for server_id, path, values in client.attributes.freeze():
        attributes.append([_place(paths, tuple(path)), server_id] + list(values))
    return _short(
        [
            _FORMAT,
            _fingerprint(client),
            now,
            client.observations.sequence,
            client.bootstraps,
            [_account(client, account, now) for account in client.accounts],
            list(steps(paths[len(known) :])),
            rows,
            attributes or None,
            stored or None,
            _samples(client.tree),
            orphans or None,
        ]
    )


def _place(paths, path):
    """Return the place of a path among others, where it is from here on."""
    if path not in paths:
        paths.append(path)
    return paths.index(path)


def _short(row):
    while row[-1] is None:
        row.pop()
    return row


def _samples(tree):
    if not tree.samples:
        return None
    from lwm2m.samples import freeze

    return freeze(tree)


def _observation(tree, each, now, paths, known, before):
    flags = each.flags & _KEPT_FLAGS | (_OWED if each.flags & _IN_FLIGHT else 0)
    told = (now - each.told_at) // 1000
    parts = [
        [
            _place(paths, part.path),
            part.value,
            part.flags & _KEPT_FLAGS,
            (now - part.looked_at) // 1000,
        ]
        for part in each.parts
    ]
    return _short(
        [
            _place(paths, each.path),
            each.token,
            told - before,
            each.accept,
            _value(tree, each, known),
            flags or None,
            _other((now - each.confirmed_at) // 1000, told),
            _other((now - each.looked_at) // 1000, told),
            each.block2,
            each.attributes,
            each.form,
            parts or None,
        ]
    )


def _value(tree, each, known):
    """Return the value that was told, None where it is the one that the Object has, too."""
    value = each.value
    if each.path[:3] not in known:
        return value
    own = _own(tree, each.path)
    if own.__class__ is value.__class__ and own == value:
        return None
    return _NOTHING if value is None else value


def _own(tree, path):
    """Return the number or Boolean that an Object has at a path, None without one."""
    obj = tree.get(path[0], path[1]) if len(path) > 2 else None
    value: "Any" = obj.values.get(path[2]) if obj else None
    if len(path) > 3:
        value = value.get(path[3]) if value.__class__ is dict else None
    if value is True or value is False or isinstance(value, (int, float)):
        return value
    return None


def _other(fact, usual):
    return None if fact == usual else fact


def _account(client, account, now):
    written = []
    for rid in account.written:
        written += [rid, account.server.values.get(rid)]
    registered = account.registered
    if registered and registered[:4] == terms(client, account):
        registered = registered[4]
    elif registered:
        registered = list(registered)
    hour = (now - account.trigger_hour) // 1000
    triggers = account.trigger_count if hour < _HOUR_S else 0
    send_at = account.send_at
    return _short(
        [
            account.state,
            "/".join(account.location) if account.location else None,
            None if account.expires is None else (account.expires - now) // 1000,
            _up(account.due, now),
            registered,
            (now - account.touched_at) // 1000,
            hour if triggers else None,
            triggers or None,
            _up(account.awake_until, now),
            account.failures or None,
            account.leaving,
            account.held or None,
            list(account.outbox) or None,
            _up(send_at, now) if send_at > now else None,
            written or None,
            None if account.version.name == account.configured else account.version.name,
            None if account.profile is None else True,
            account.resuming or None,
        ]
    )


def _filled(row, count):
    if len(row) > count:
        raise ValueError
    return row + [None] * (count - len(row))


def _restore(client, facts, known):
    base, sequence, bootstraps, accounts, own, observed = facts[2:8]
    attributes, stored, samples, orphans = _filled(facts[8:], 4)
    paths = list(known) + list(followed(own))
    for index, account in enumerate(client.accounts):
        kept = _filled(accounts[index], _ACCOUNT_FACTS)
        state, location, expires, due, registered, silence, hour, count, awake = kept[:9]
        failures, leaving, held, outbox, send_at, written, version, profiled, resuming = kept[9:]
        if version:
            from lwm2m.retry import speak

            speak(account, versions.get(version))
        for at in range(0, len(written or ()), 2):
            account.written.add(written[at])
            if written[at + 1] is None:
                account.server.values.pop(written[at], None)
            else:
                account.server.values[written[at]] = written[at + 1]
        account.refresh()
        account.location = location.split("/") if location else None
        account.expires = None if expires is None else base + expires * 1000
        account.due = None if due is None else base + due * 1000
        account.awake_until = None if awake is None else base + awake * 1000
        account.failures = failures or 0
        if registered.__class__ is list:
            account.registered = tuple(registered)
        elif registered is not None:
            account.registered = terms(client, account) + (registered,)
        account.trigger_count = count or 0
        account.trigger_hour = base - (hour or 0) * 1000
        account.leaving = leaving
        account.held = bool(held)
        account.outbox = [(form, payload) for form, payload in outbox or ()]
        account.send_at = base + (send_at or 0) * 1000
        account.touched_at = base - silence * 1000
        account.resuming = bool(resuming)
        if not profiled:
            account.profile = None  # of one that the server did not know, too
        if state in (_UPDATING, _DEREGISTERING) and location:
            state, account.due = _REGISTERED, base  # the outcome is unknown: begin again
        elif state in (_REGISTERING, _UPDATING, _DEREGISTERING):
            state, account.due = _WAITING, base
        account.state = state
    restored = []
    for index, rows in enumerate(observed):
        told = base
        for row in rows:
            told -= row[2] * 1000
            observation = _observed(client, client.accounts[index], row, base, told, paths, known)
            client.observations.restore(observation)
            restored.append(observation)
    client.observations.stored = [
        (restored[stored[at]], stored[at + 1], stored[at + 2])
        for at in range(0, len(stored or ()), 3)
    ]
    client.observations.orphans = tuple(
        [
            (client.accounts[index], [paths[place] for place in places], form, body)
            for index, places, form, body in orphans or ()
        ]
    )
    client.observations.sequence = sequence
    client.bootstraps = int(bootstraps)
    client.attributes.thaw(
        [[row[1], list(paths[row[0]]), list(row[2:])] for row in attributes or ()]
    )
    client.attributes.changed = False  # they are what they were
    if samples:
        from lwm2m.samples import thaw

        thaw(client.tree, samples)


def _observed(client, account, row, base, told, paths, known):
    """Return the observation that `_observation` wrote."""
    row = _filled(row, _OBSERVATION_FACTS)
    path = paths[row[0]]
    accept, value, flags, confirmed, looked, block2, own, form, parts = row[3:]
    observation = Observation(account, row[1], path, told)
    if value is None and path[:3] in known:
        value = _own(client.tree, path)
    elif value == _NOTHING:
        value = None
    if confirmed is not None:
        observation.confirmed_at = base - confirmed * 1000
    if looked is not None:
        observation.looked_at = base - looked * 1000
    for name, fact in (
        ("flags", flags),
        ("accept", accept),
        ("block2", block2),
        ("value", value),
        ("attributes", own),
        ("form", form),
    ):
        if fact is not None:  # an observation stores only what differs
            setattr(observation, name, fact)
    if parts:
        from lwm2m.observing import take_parts

        take_parts(observation, [paths[part[0]] for part in parts])
        for at in range(len(parts)):
            part = observation.parts[at]
            part.value, part.flags = parts[at][1:3]
            part.looked_at = base - parts[at][3] * 1000
    return observation


def _up(time, now):
    return None if time is None else -((now - time) // 1000)


def _fingerprint(client):
    text = client.endpoint_name
    for account in client.accounts:
        text += " %d %s %s" % (account.short_server_id, account.configured, account.home)
    return binascii.crc32(text.encode()) & 0x3FFFFFFF


def _crc(record):
    return (binascii.crc32(record) & 0xFFFFFFFF).to_bytes(_CRC_BYTES, "big")
