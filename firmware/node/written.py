"""What servers wrote, on flash before they are told that it was accepted.

Values of resources that can be written, attributes, instances that servers made or deleted, and
their settings in the Server Object. A start without a retained record takes them up after the
application's setup and before it registers. The record of a deep sleep has them all as well, and
what the application did to them since, so that flash is only read where there is none.

The record is rewritten as a whole, from what is in force, by the first request that changes any of
it. A cut before the last byte of it leaves the record before, and the server without an answer; a
cut after it a value that the server may write once more. Where flash refuses, the server is told
5.00: what it wrote is in force until the next start, all of it, and goes to flash with what is
accepted next.

The mark says whose settings these are: of the servers that the configuration names, or of those of
a bootstrap by the generation of its record. Under another mark what is the servers' own, or was
provided by the bootstrap, is left out.
"""

import binascii

from lwm2m.codec import CodecError, cbor, coerce
from lwm2m.object import OperationError
from micropython import const

from node.lean import forget
from node.storage import Store
from node.values import as_set, brought, put, rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RECORD = "written"
_LAYOUT = const(1)
_OPEN_LIST = const(0x9F)
_BREAK = const(0xFF)

_SERVER = const(1)
_ACCESS_CONTROL = const(2)
_W = const(2)
_MULTIPLE = const(8)
_UNSIGNED = const(3)

# Objects, or resources of them, that servers write and that outlive no start: the time, which goes
# on without the node, and packages, which have files of their own.
_PASSING = ((3, 13), (5, None), (9, None))


def save(node, paths) -> None:
    """Put on flash what is in force of all that servers wrote, paths (3 ids) included.

    Raises OSError where it cannot be kept.
    """
    client = node.client
    store = Store(_RECORD)
    node.unsaved += tuple([path for path in paths if len(path) == 3 and path[0] > _SERVER])
    try:
        _, known = _load(node, store, paths_only=True)
        own = brought(node)
        known.update([path for path in node.unsaved if _lasts(node.tree, path, own)])
        record = bytearray()
        cbor.head(record, 4, 4)
        cbor.put(record, _LAYOUT)
        cbor.put(record, _mark(node))
        attributes = client.attributes.freeze()
        cbor.put(record, attributes)
        empty = len(record)
        record.append(_OPEN_LIST)
        for account in client.accounts:
            for rid in account.written:
                iid = account.server.instance_id
                cbor.put(record, [_SERVER, iid, rid, account.server.values.get(rid)])
        for row in rows(node, known):
            cbor.put(record, row)
        for row in _load(node, store)[1] if node.mode == "safe" else ():
            if not node.tree.object_class(row[0]):  # the application's, which is not there
                cbor.put(record, row)
        record.append(_BREAK)
        if attributes or len(record) > empty + 2 or store.generation():
            store.save(record)
            node.written = store.generation()
        node.unsaved = ()
    except (ValueError, CodecError, OSError) as error:
        node.log.event("error", {"reason": "what a server wrote is not kept: %s" % error})
        raise OSError(str(error))
    finally:
        forget("node.written", "node.storage", "node.values")


def load(node) -> None:
    """Take up what servers wrote."""
    store = Store(_RECORD)
    node.written = store.generation()
    try:
        attributes, found = _load(node, store)
        if attributes is not None:
            node.client.attributes.thaw(attributes)
            node.client.attributes.changed = False
    except (CodecError, ValueError, TypeError, IndexError) as error:
        node.log.event("error", {"reason": "what servers wrote is unusable: %s" % error})
        return
    put(node, [row for row in found if row[2] is None or _fits(node, row)])


def beyond(node, kept: list) -> list:
    """Return those of the rows in `kept` which flash has not, for want of room elsewhere."""
    known = _load(node, Store(_RECORD))[1]
    for row in known:
        row[3] = as_set(row[3])
    return [row for row in kept if row not in known]


def held(node) -> list:
    """Return the rows that flash has, for a record that left them out."""
    return [row for row in _load(node, Store(_RECORD))[1] if row[0] != _SERVER]


def _load(node, store, paths_only=False) -> "Any":
    """Return (attributes, rows); None, and rows without the servers' own, under another mark.

    paths_only: instead of rows a set of paths, without those of the Server Object.
    """
    found: "Any" = set() if paths_only else []
    record = store.load()
    if record is None:
        return None, found
    reader = cbor.Reader(record)
    reader.head()
    if reader.item() != _LAYOUT:
        return None, found
    same = reader.item() == _mark(node)
    attributes = reader.item()
    provided = node.client.bootstrap and node.client.bootstrap.touched or ()
    _, count = reader.head()
    while not reader.ends(count):
        row: "Any" = reader.item()
        if count:
            count -= 1
        if not same and (row[0] <= _ACCESS_CONTROL or (row[0], row[1]) in provided):
            continue
        if not paths_only:
            found.append(row)
        elif row[0] > _SERVER and row[2] is not None:
            found.add(tuple(row[:3]))
    return attributes if same else None, found


def _mark(node):
    if node.client.bootstrap:
        return Store("account").generation()
    told = node.site["version"]
    for server in node.site["servers"]:
        told += " %d %s" % (server["short_server_id"], server["uri"])
    return binascii.crc32(told.encode()) & 0x3FFFFFFF


def _lasts(tree, path, own):
    """Tell whether what a server changed at a path is to be on flash: what it can write, all of an
    instance that it made, and rights.
    """
    oid, iid, rid = path
    if (oid, None) in _PASSING or (oid, rid) in _PASSING:
        return False
    obj = tree.get(oid, iid)
    if obj is None:
        return False
    if oid == _ACCESS_CONTROL or (obj.creatable and (oid, iid) not in own):
        return True
    row = obj.definition(rid)
    return bool(row and row[0] & _W)


def _fits(node, row):
    """Tell whether a resource takes a value, which a firmware with other definitions may have
    stored.
    """
    oid, iid, rid, value = row
    cls = node.tree.object_class(oid)
    obj = node.tree.get(oid, iid) or (cls and (cls.creatable or oid == _ACCESS_CONTROL) and cls())
    definition = obj and obj.definition(rid)
    if not definition:
        return False
    value = as_set(value)
    try:
        if value is not None:
            if bool(definition[0] & _MULTIPLE) != (value.__class__ is dict):
                return False
            for riid in value if value.__class__ is dict else ():
                coerce(_UNSIGNED, riid)
                coerce(definition[1], value[riid])
            if value.__class__ is not dict:
                coerce(definition[1], value)
            obj.validate(rid, value)
    except (CodecError, OperationError):
        return False
    return True
