"""Values of the node's Objects as rows, for the record of a deep sleep and the one on flash.

A row is [object, instance, resource, value]: no value for what a start brings and is gone, no
resource for an instance as a whole, which with True is one that a start lacks.
"""

from micropython import const

_SERVER = const(1)
_ACCESS_CONTROL = const(2)


def brought(node) -> set:
    """Return (object, instance) of all that a start brings: setup's, and a bootstrap's."""
    bootstrap = node.client.bootstrap
    found = set(node.given)
    found.update(bootstrap.touched if bootstrap and bootstrap.touched else ())
    return found


def rows(node, paths):
    """Yield the rows of the resources at paths, and of instances that came or went."""
    tree = node.tree
    there = brought(node)
    for oid, iid in there:
        if not tree.get(oid, iid):
            yield [oid, iid, None, None]
    told = set()
    for path in paths:
        instance = tree.get(path[0], path[1])
        if instance:
            value = instance.values.get(path[2])
            if value is not None or not instance.has(path[2]):
                told.add(path[:2])
                yield [path[0], path[1], path[2], value]
    for oid in tree.objects():
        if tree.object_class(oid).creatable:
            for iid in tree.instances(oid):
                if (oid, iid) not in there and (oid, iid) not in told:
                    yield [oid, iid, None, True]


def made(tree, oid: int) -> bool:
    """Tell whether instances of an Object that the client has may come from servers."""
    cls = tree.object_class(oid)
    return cls is not None and (oid == _ACCESS_CONTROL or cls.creatable)


def given(node) -> list:
    """Return (object, instance) of what servers may delete, at a start that has just begun."""
    tree = node.tree
    return [(oid, iid) for oid in tree.objects() if made(tree, oid) for iid in tree.instances(oid)]


def put(node, found) -> None:
    """Give the Objects, which are all there, the values of rows, and servers' instances."""
    tree = node.tree
    for oid, iid, rid, value in found:
        instance = tree.get(oid, iid)
        if rid is None and value is None:
            if instance:
                tree.remove(oid, iid)
            continue
        if instance is None and made(tree, oid):
            instance = tree.add(tree.object_class(oid)(), iid)
        if instance and rid is not None:
            if value is None:
                instance.values.pop(rid, None)
            else:
                instance.values[rid] = as_set(value)
            if oid > _SERVER:  # the client keeps what is its own
                node.changed.add((oid, iid, rid))
            instance.changed(rid)


def act(node) -> None:
    """Have the Objects act on the values that they were given, as an actuator has to."""
    for oid, iid in {path[:2] for path in node.changed}:
        instance = node.tree.get(oid, iid)
        if hasattr(instance, "restored"):
            node.attempt(instance.restored)


def as_set(value):
    """Return a value as it was before CBOR made a list of a tuple, the value of an Objlnk."""
    if value.__class__ is dict:
        return {key: as_set(value[key]) for key in value}
    return tuple(value) if value.__class__ is list else value
