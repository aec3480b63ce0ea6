"""What a deep sleep must not cost: the node's state, from before it to the record and back.

Loaded at a start and before a deep sleep; between them it takes no memory. node/retained.py is the
form of the record.
"""

from lwm2m.codec import CodecError, cbor
from micropython import const

from node import hw, retained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ACCESS_CONTROL = const(2)


def load(node) -> "tuple | None":
    """Take up the retained record; return (endpoint, client, bearer) of a deep sleep, or None.

    Its counters, crashes and trace hold after every kind of reset.
    """
    record = retained.unpack(hw.load_memory())
    if record is None:
        return None
    node.counters, body, node.crashes, node.trace = record
    if hw.reset_cause() != "deep_sleep":
        return None
    try:
        kept: "Any" = cbor.loads(body)
        slept_at_ms, slept_at_s, endpoint, client, bearer, due, bootstrap, values = kept
    except (CodecError, ValueError):
        return None
    # A clock that was set back must not make the node wait longer than it meant to.
    slept_ms = max(0, hw.epoch_s() - slept_at_s) * 1000
    node.clock.resume(slept_at_ms + slept_ms)
    node.kept_due_ms = due
    node.kept_bootstrap = bootstrap
    node.kept_values = values
    return endpoint, client, bearer


def restore(node) -> None:
    """Give the Objects, which are all there, the values that they had, and servers' instances."""
    tree = node.tree
    classes: "Any" = {oid: tree.object_class(oid) for oid in tree.objects()}
    own = [oid for oid in classes if oid == _ACCESS_CONTROL or classes[oid].creatable]
    node.given = [(oid, iid) for oid in own for iid in tree.instances(oid)]
    for oid, iid, rid, value in node.kept_values:
        instance = tree.get(oid, iid)
        if rid is None and value is None:
            if instance:
                tree.remove(oid, iid)
            continue
        if instance is None and oid in own:
            instance = tree.add(classes[oid](), iid)
        if instance and rid is not None:
            if value is None:
                instance.values.pop(rid, None)
            else:
                instance.values[rid] = _as_set(value)
            node.changed.add((oid, iid, rid))
    node.kept_values = []
    for oid, iid in {path[:2] for path in node.changed}:
        instance = tree.get(oid, iid)
        if hasattr(instance, "restored"):
            node.attempt(instance.restored)  # what acts on its values has to act anew


def freeze(node, now: int) -> "bytes | None":
    """Return the record for a deep sleep; None where it is too large without the values, too."""
    client = node.client
    state = [
        now,
        hw.epoch_s(),
        client.endpoint_name,
        client.freeze(now),
        node.bearer.freeze(),
        [timer[1] for timer in node.timers],
        client.bootstrap and client.bootstrap.freeze(),
        _values(node),
    ]
    while True:
        try:
            return node.packed(client.endpoint.freeze(), cbor.dumps(state))
        except retained.RecordTooLarge as error:
            node.log.event("error", {"reason": str(error)})
        if not state[-1]:
            return None
        # Values are measured or written again; a registration costs airtime, rights go before.
        rights = [row for row in state[-1] if row[0] == _ACCESS_CONTROL]
        state[-1] = rights if len(rights) < len(state[-1]) else []


def _values(node):
    """Return rows [object, instance, resource, value]: no value for what a start brings and is
    gone, no resource for an instance as a whole, which with True is one that a start lacks.
    """
    tree = node.tree
    bootstrap = node.client.bootstrap
    brought = set(node.given)
    brought.update(bootstrap.touched if bootstrap and bootstrap.touched else ())
    values = [[oid, iid, None, None] for oid, iid in brought if not tree.get(oid, iid)]
    told = set()
    for path in node.changed:
        instance = tree.get(path[0], path[1])
        if instance:
            value = instance.values.get(path[2])
            if value is not None or not instance.has(path[2]):
                values.append([path[0], path[1], path[2], value])
                told.add(path[:2])
    for oid in tree.objects():
        if tree.object_class(oid).creatable:
            for iid in tree.instances(oid):
                if (oid, iid) not in brought and (oid, iid) not in told:
                    values.append([oid, iid, None, True])
    return values


def _as_set(value):
    """Return a value as it was before CBOR made a list of a tuple, the value of an Objlnk."""
    if value.__class__ is dict:
        return {key: _as_set(value[key]) for key in value}
    return tuple(value) if value.__class__ is list else value
