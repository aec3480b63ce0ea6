"""Whether and when a change is to be told (TS 1.0 §5.1.2, TS 1.2 Core §7.3.2).

    pmin, pmax      least and longest time between two notifications
    epmin, epmax    least and longest time between two looks at the value
    gt, lt, st      a number has crossed a threshold, or is a step from what was told last
    edge            a Boolean has become true (1) or false (0)

Without gt, lt, st and edge every other value is told. What meets a condition before pmin is over
is told when it is. A composite is told when one of its parts is to be; each part has the
attributes of its own path (TS 1.2 Core §6.4.5).
"""

import binascii

from micropython import const

from lwm2m.queue import earlier

_DIRTY = const(1)
_MET = const(16)
_HAD = const(64)  # there was a number or Boolean since the start, see `reading`

_READ = const(1)

_PMIN = const(0)
_PMAX = const(1)
_GT = const(2)
_LT = const(3)
_ST = const(4)
_EPMIN = const(5)
_EPMAX = const(6)
_EDGE = const(7)
_CON = const(8)
_HQMAX = const(9)

TELL = -1


def attributes(client, part):
    """Return the ten attributes, see lwm2m.attributes, that hold for an observation or a part.

    Those of the Observe stand for all that were written; with a composite for those that an Object
    may have (TS 1.2 Core §6.4.1, §6.4.5).
    """
    whole = part.whole
    own = (whole or part).attributes
    if own is None:
        return client.attributes.effective(part.account.short_server_id, part.path)
    values = list(own) + [None] * (_HQMAX + 1 - len(own))
    if whole:
        written = client.attributes.effective(part.account.short_server_id, part.path)
        for index in (_GT, _LT, _ST, _EDGE):
            values[index] = written[index]
    return values


def judge(client, observation, now: int) -> "int | None":
    """Return TELL when a notification is due, else the ms to look again at, None for a change."""
    at = None
    for part in observation.parts or (observation,):
        when = _judge(client, observation, part, now)
        if when == TELL:
            return TELL
        at = earlier(at, when)
    return at


def _judge(client, observation, part, now):
    account = observation.account
    values = attributes(client, part)
    pmin, pmax = values[_PMIN], values[_PMAX]
    if pmin is None:
        pmin = account.value("pmin", account.version.default_pmin_s)
    if pmax is None:
        pmax = account.value("pmax")
    at = observation.told_at + pmax * 1000 if pmax and pmax >= pmin else None
    if at is not None and now >= at:
        return TELL
    epmin, epmax = values[_EPMIN], values[_EPMAX]
    if epmax:
        look = part.looked_at + epmax * 1000
        if now >= look:
            part.flags |= _DIRTY  # a live value may be another without having said so
        else:
            at = earlier(at, look)
    if part.flags & _DIRTY:
        look = part.looked_at + epmin * 1000 if epmin else now
        if now < look:
            at = earlier(at, look)
        else:
            part.flags &= ~_DIRTY
            if epmin or epmax:
                part.looked_at = now
                at = earlier(at, now + epmax * 1000 if epmax else None)
            _evaluate(client, part, values)
    if not part.flags & _MET:
        return at
    earliest = observation.told_at + pmin * 1000
    return TELL if now >= earliest else earlier(at, earliest)


def _evaluate(client, part, values):
    """Set MET where the value meets a condition; it stays until the value is told."""
    value = reading(client.tree, part.path)
    told = part.value
    above, below, step, edge = values[_GT], values[_LT], values[_ST], values[_EDGE]
    if value is None and part.flags & _HAD:
        part.value = told = None
    _had(part, value)
    if told is None:
        met = True
    elif value is None:
        met = _gone(client.tree, part.path)  # else it has no value yet, as after a start
    elif value is True or value is False:
        met = value != told and (edge is None or value == (edge == 1))
        if edge is not None:
            part.value = value  # the other edge is not told, and has to be known
    elif value.__class__ is bytes or (above is None and below is None and step is None):
        met = value != told
    else:
        met = (
            (above is not None and (value > above) != (told > above))
            or (below is not None and (value < below) != (told < below))
            or (step is not None and abs(value - told) >= step)
        )
    if met:
        part.flags |= _MET
    elif above is None and below is None and step is None and edge is None:
        part.flags &= ~_MET  # it is what the server knows again


def reading(tree, path: tuple):
    """Return what a change at path is known by: a number or a Boolean.

    None where every change counts, and for what cannot be measured. Bytes stand for another value
    of a resource instance, which changes when one beside it does.
    """
    if len(path) < 3:
        return None
    obj = tree.get(path[0], path[1])
    rid = path[2]
    if obj is None or not obj.has(rid) or not obj.definition(rid)[0] & _READ:
        return None
    try:
        value = obj.read(rid)
    except OSError:
        return None
    if len(path) == 4:
        value = value.get(path[3]) if value.__class__ is dict else None
    if value is True or value is False or isinstance(value, (int, float)):
        return value
    if len(path) < 4 or value is None:
        return None
    return (binascii.crc32(repr(value).encode()) & 0xFFFFFFFF).to_bytes(4, "big")


def told(tree, part) -> None:
    """Note that the present state of an observation or a part is what the server knows."""
    part.flags &= ~(_DIRTY | _MET)
    value = reading(tree, part.path)
    _had(part, value)
    if value is not None or part.value is None or _gone(tree, part.path):
        part.value = value


def _had(part, value):
    part.flags &= ~_HAD
    if value is not None:
        part.flags |= _HAD


def _gone(tree, path):
    return tree.get(path[0], path[1]) is None


def presence(tree, path: tuple):
    """Return what is to be known of instances at path: an Object's, or whether there is one."""
    if len(path) == 1:
        return tree.instances(path[0])
    return tree.get(path[0], path[1]) is not None


def confirmable(client, observation) -> "bool | None":
    """Return what `con` or the Default Notification Mode ask for, None where neither does.

    One part with con = 1 makes all of a composite Confirmable (TS 1.2 Core §7.3.2).
    """
    found = None
    for part in observation.parts or (observation,):
        con = attributes(client, part)[_CON]
        if con is not None:
            found = found or con == 1
    if found is None:
        mode = observation.account.value("default_notification_mode")
        found = None if mode is None else mode == 1
    return found


def history(client, part) -> "int | None":
    """Return hqmax, how many values are kept for when the server is back; None without it."""
    return attributes(client, part)[_HQMAX]
