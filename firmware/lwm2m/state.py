"""What must outlive a deep sleep, as one CBOR record (facts in the order of `freeze`).

Times are kept as whole seconds from the moment of freezing, so that they stay short; a due time is
rounded up, an expiry down. A CRC-32 ends the record, and a fingerprint of the configuration begins
it: a record of other servers, another version or another endpoint name is no use. The counters of
the endpoint are not in it, because they have to outlive a reset as well (node/retained.py).
"""

import binascii

from micropython import const

from lwm2m import versions
from lwm2m.codec import CodecError
from lwm2m.codec.cbor import dumps, loads
from lwm2m.observe import Observation

_REGISTERING = const(1)
_REGISTERED = const(2)
_UPDATING = const(3)
_DEREGISTERING = const(4)
_WAITING = const(6)
_KEPT_FLAGS = const(53)  # observe: DIRTY, UNANSWERED, MET and OWED
_IN_FLIGHT = const(2)
_OWED = const(32)

_FORMAT = const(6)
_CRC_BYTES = const(4)


def freeze(client, now: int, limit: int) -> bytes:
    """Return the record of a client.

    Samples give way, the oldest first and counted as dropped, until it has `limit` bytes, after
    them stored notifications and then what waits to be sent; the rest is never left out, so it may
    be longer.
    """
    stored = client.observations.stored
    while True:
        record = dumps(_facts(client, now))
        if len(record) + _CRC_BYTES <= limit:
            break
        if client.tree.samples:
            from lwm2m.samples import shorten

            if shorten(client.tree):
                client.drop("samples_lost")
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


def thaw(client, record: bytes, now: int) -> bool:
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
        _restore(client, facts)
    except (CodecError, ValueError, TypeError, IndexError, KeyError, AttributeError):
        for account in client.accounts:
            account.forget()
        for observation in list(client.observations):
            client.observations.end(observation, "damaged")
        return False
    return True


def _facts(client, now):
    accounts = client.accounts
    observations = list(client.observations)
    stored = client.observations.stored
    return [
        _FORMAT,
        _fingerprint(client),
        now,
        client.observations.sequence,
        [client.bootstraps] + [_account(account, now) for account in accounts],
        [_observation(each, accounts, now) for each in observations],
        [[observations.index(each), form, body] for each, form, body in stored],
        client.attributes.freeze(),
        _samples(client.tree),
    ]


def _samples(tree):
    if not tree.samples:
        return None
    from lwm2m.samples import freeze

    return freeze(tree)


def _observation(each, accounts, now):
    row = [
        accounts.index(each.account),
        each.token,
        list(each.path),
        each.accept,
        each.block2,
        each.value,
        each.flags & _KEPT_FLAGS | (_OWED if each.flags & _IN_FLIGHT else 0),
        (now - each.told_at) // 1000,
        (now - each.confirmed_at) // 1000,
        (now - each.looked_at) // 1000 if each.looked_at != each.told_at else None,
        each.attributes,
        each.form,
        [
            [list(part.path), part.value, part.flags & _KEPT_FLAGS, (now - part.looked_at) // 1000]
            for part in each.parts
        ]
        or None,
    ]
    while row[-1] is None:
        row.pop()  # most are no composites and have no attributes
    return row


def _account(account, now):
    written = []
    for rid in account.written:
        written += [rid, account.server.values.get(rid)]
    return [
        account.state,
        "/".join(account.location) if account.location else None,
        None if account.expires is None else (account.expires - now) // 1000,
        _up(account.due, now),
        _up(account.awake_until, now),
        account.failures,
        list(account.registered) if account.registered else None,
        (now - account.trigger_hour) // 1000 if account.trigger_count else 0,
        account.trigger_count,
        account.leaving,
        account.held,
        list(account.outbox),
        _up(account.send_at, now),
        written,
        None if account.version.name == account.configured else account.version.name,
        (now - account.touched_at) // 1000,
        account.profile is None,  # also one that the server did not know
        account.resuming,
    ]


def _restore(client, facts):
    base, sequence, accounts, observed, stored, attributes, samples = facts[2:]
    for index, account in enumerate(client.accounts):
        kept = accounts[index + 1]
        state, location, expires, due, awake, failures, registered, hour = kept[:8]
        count, leaving, held, outbox, send_at, written, version, silence, listed = kept[8:17]
        if version:
            from lwm2m.retry import speak

            speak(account, versions.get(version))
        for at in range(0, len(written), 2):
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
        account.failures = failures
        account.registered = tuple(registered) if registered else None
        account.trigger_hour = base - hour * 1000
        account.trigger_count = count
        account.leaving = leaving
        account.held = held
        account.outbox = [(form, payload) for form, payload in outbox]
        account.send_at = base + send_at * 1000
        account.touched_at = base - silence * 1000
        account.resuming = kept[17]
        if listed:
            account.profile = None
        if state in (_UPDATING, _DEREGISTERING) and location:
            state, account.due = _REGISTERED, base  # the outcome is unknown: begin again
        elif state in (_REGISTERING, _UPDATING, _DEREGISTERING):
            state, account.due = _WAITING, base
        account.state = state
    restored = []
    for row in observed:
        observation = _observed(client, row, base)
        client.observations.restore(observation)
        restored.append(observation)
    client.observations.stored = [(restored[index], form, body) for index, form, body in stored]
    client.observations.sequence = sequence
    client.bootstraps = int(accounts[0])
    client.attributes.thaw(attributes)
    client.attributes.changed = False  # they are what they were
    if samples:
        from lwm2m.samples import thaw

        thaw(client.tree, samples)


def _observed(client, row, base):
    """Return the observation that `_observation` wrote."""
    index, token, path, accept, block2, value, flags, told, confirmed = row[:9]
    looked, own, form, parts = (row[9:] + [None] * 4)[:4]
    observation = Observation(client.accounts[index], token, tuple(path), base - told * 1000)
    observation.flags = flags
    observation.confirmed_at = base - confirmed * 1000
    if looked is not None:
        observation.looked_at = base - looked * 1000
    for name, fact in (
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

        take_parts(observation, [tuple(part[0]) for part in parts])
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
