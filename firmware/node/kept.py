"""What a deep sleep must not cost: the node's state, from before it to the record and back.

Loaded at a start and before a deep sleep; between them it takes no memory. node/retained.py is the
form of the record.

While the node runs, RTC memory keeps the state of the deep sleep before, for a reset that gives no
notice: values are brought up to date by what node/written.py has, servers are told by an Update at
once, and the counters are ahead. What that cannot make up for ends it: an observation that has
begun since, or another registration (`outdate`). After a second crash in a row it is not taken
up, as it may be the reason.

A node that is to outlive the loss of its supply, too, has a mirror of the record on flash, where
the configuration asks for it (outlive_power) or the modem has told of an under-voltage. A start
that finds no record takes it up, once. It is written again when a server knows something else of
the node, when a notification is stored, when the counters come near to those that whoever takes it
up begins with, and when a contact has counted a hundred more, so that an ordinary wake writes
nothing.
"""

import binascii

from lwm2m.codec import CodecError, cbor
from lwm2m.steps import followed, steps
from micropython import const

from node import hw, retained, values
from node.lean import forget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ACCESS_CONTROL = const(2)
_CRASHES = const(0x0F)  # bits of Node.crashes, see node/crash.py

_CLIENT_BYTES = const(1536)  # before samples and stored notifications give way
_MIRROR = "slept"  # names of records on flash
_WRITTEN = "written"
_MARK_BYTES = const(4)
# Message IDs and tokens that may be used before the mirror is written again, and how many whoever
# takes it up leaves out.
_AGAIN = const(2048)
_AHEAD = const(4096)


def load(node) -> "tuple | None":
    """Take up the retained record; return (endpoint, client, bearer) of a deep sleep, or None.

    Its counters, crashes and trace hold after every kind of reset. node.stale then tells that
    there was a run since that sleep, of which nothing is known; bearer is None.
    """
    record = retained.unpack(hw.load_memory())
    node.stale = hw.reset_cause() != "deep_sleep"
    if record is None:
        record = _mirrored()
        node.from_mirror = node.stale = record is not None
    if record is None:
        return None
    node.counters, body, node.crashes, node.trace, node.counted = record
    if body[:1] == retained.OF_A_RUN:
        body = body[1:]
        node.stale = True
    if node.stale and node.crashes & _CRASHES:
        return None
    try:
        kept: "Any" = cbor.loads(body)
        slept_at_ms, slept_at_s, endpoint, client, bearer, due, bootstrap = kept[:7]
        node.written, node.mirrored, node.on_flash, paths, found = kept[7:]
        rows = _unpacked(paths, found)
    except (CodecError, ValueError, TypeError, IndexError):
        return None
    if node.from_mirror:
        node.mirrored = False  # it is gone from there
    # A clock that was set back must not make the node wait longer than it meant to.
    slept_ms = max(0, hw.epoch_s() - slept_at_s) * 1000
    node.clock.resume(slept_at_ms + slept_ms)
    node.kept_due_ms = due
    node.kept_bootstrap = bootstrap
    node.kept_values = rows
    node.resumable = True
    return endpoint or node.site["endpoint"], client, None if node.stale else bearer


def take_up(node, client: "bytes | None") -> bool:
    """Give the Objects, which are all there, their values, and the client its state.

    client: its part of the record, or None. Returns whether it goes on with its registrations.
    """
    node.given = values.given(node)
    if node.on_flash:
        from node.written import held

        values.put(node, held(node))
    found = node.kept_values
    values.put(node, found)
    node.kept_values = []
    good = client is not None and node.client.thaw(client, node.clock.now(), _known(found))
    if client is not None and not good:
        node.log.event("error", {"reason": "the retained registration is unusable"})
        node.resumable = False
        node.written = 0
    if not good or node.stale:
        from node.storage import Store

        if not node.bare and Store(_WRITTEN).generation() != node.written:
            from node.written import load as load_written

            load_written(node)
    values.act(node)
    for account in node.client.accounts if good and node.stale else ():
        if account.registered:  # what the run that is lost has told the server is not known
            account.registered = (None, None, account.registered[2], None, None)
    return good


def freeze(node, now: int) -> "bytes | None":
    """Return the record for a deep sleep; None where it is too large without the values, too."""
    client = node.client
    mirrors = bool(node.site.get("outlive_power") or node.sagging)
    mark = _mark(client) if mirrors else b""
    # One resource of several instances after the other: `steps` are short then.
    changed = sorted([(path[0], path[2], path[1]) for path in node.changed])
    rows = list(values.rows(node, [(oid, iid, rid) for oid, rid, iid in changed]))
    on_flash = False
    while True:
        state = [
            now,
            hw.epoch_s(),
            None if client.endpoint_name == node.site["endpoint"] else client.endpoint_name,
            client.freeze(now, _CLIENT_BYTES, _known(rows)),
            node.bearer.freeze(),
            [timer[1] for timer in node.timers],
            client.bootstrap and client.bootstrap.freeze(),
            node.written,
            mirrors or node.mirrored,
            on_flash,
            list(steps([_path(row) for row in rows])),
            [row[3] for row in rows],
        ]
        try:
            record = node.packed(client.endpoint.freeze(), cbor.dumps(state))
            break
        except retained.RecordTooLarge as error:
            node.log.event("error", {"reason": str(error)})
        if not rows:
            return None
        if node.written and not on_flash:
            from node.written import beyond

            on_flash = True
            rows = beyond(node, rows)
            continue
        # Values are measured or written again; a registration costs airtime, rights go before.
        rights = [row for row in rows if row[0] == _ACCESS_CONTROL]
        rows = rights if len(rights) < len(rows) else []
    if mirrors:
        _keep_mirror(node, mark, record)
    return record


def _unpacked(paths, found):
    """Return the rows that the record has as paths and values."""
    paths = list(followed(paths))
    return [list(paths[at] + (None,))[:3] + [found[at]] for at in range(len(paths))]


def _path(row):
    return (row[0], row[1]) if row[2] is None else (row[0], row[1], row[2])


def _known(rows):
    """Return the paths of resources whose values are in rows."""
    return [_path(row) for row in rows if row[2] is not None]


def mirror(node, now: int) -> None:
    """Put the state on flash while the node runs, because its supply may fail."""
    node.mirrored = True
    freeze(node, now)


def outdate(node) -> None:
    """Have the next start register, whatever the records say."""
    node.resumable = False
    hw.store_memory(node.packed(node.counters))
    if node.mirrored:
        node.mirrored = False
        node.attempt(remove_mirror)
    forget("node.kept", "node.values", "node.storage", "lwm2m.steps")


def remove_mirror() -> None:
    """Have no later start take up the state on flash; OSError where that is not possible."""
    from node.storage import Store

    store = Store(_MIRROR)
    if store.load():
        store.save(b"")


def _keep_mirror(node, mark, record):
    from node.storage import Store

    store = Store(_MIRROR)
    known = store.load() or b""
    kept = retained.unpack(known[_MARK_BYTES:])
    if kept and known[:_MARK_BYTES] == mark:
        own = node.client.endpoint.freeze()
        counters = kept[0]
        used = max(own[0] - counters[0] & 0xFFFF, own[1] - counters[1] & 0xFFFF)
        if used < _AGAIN and not _many(node.counted, kept[4]):
            return
    try:
        store.save(mark + record)
    except OSError as error:
        node.log.event("error", {"reason": "the state is not kept: %s" % error})


def _many(counted, kept):
    """Whether a contact has counted so much that it is to be on flash."""
    if not counted:
        return False
    from node.pulses import ahead

    return ahead(counted, kept)


def _mirrored():
    """Return the record on flash, None without one; it is gone from there."""
    from node.storage import Store

    store = Store(_MIRROR)
    record = retained.unpack((store.load() or b"")[_MARK_BYTES:])
    if record is None:
        return None
    try:
        store.save(b"")
    except OSError:
        return None  # it would be taken up by the start after this one, too
    counters, body, _, _, counted = record
    counters = (counters[0] + _AHEAD & 0xFFFF, counters[1] + _AHEAD & 0xFFFF)
    hw.store_memory(retained.pack(counters, body, 0, b"", counted))
    return counters, body, 0, b"", counted


def _mark(client):
    """Return what tells states apart in which servers know something else of the node."""
    told = [client.attributes.freeze()]
    for account in client.accounts:
        told.append([account.short_server_id, account.state, account.location])
    for each in client.observations:
        told.append([each.account.short_server_id, each.token, each.path])
    told += [item[2] for item in client.observations.stored]
    return (binascii.crc32(cbor.dumps(told)) & 0xFFFFFFFF).to_bytes(_MARK_BYTES, "big")
