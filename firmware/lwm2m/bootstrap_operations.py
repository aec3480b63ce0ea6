"""What a bootstrap server may do: Bootstrap-Write, Pack, Delete, Read and Discover (TS 1.1 Core
§6.1.7, TS 1.2 Core §6.1.7.7), on a lwm2m.provision.Configuration.
"""

from micropython import const

from lwm2m.codec import CodecError, load
from lwm2m.links import object_version
from lwm2m.object import OperationError

_SECURITY = const(0)
_SERVER = const(1)
_ACCESS_CONTROL = const(2)

# Resources of Security.
_URI = const(0)
_BOOTSTRAP = const(1)
_SHORT_SERVER_ID = const(10)

_E = const(4)
_MULTIPLE = const(8)

_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_NOT_ACCEPTABLE = const(0x86)
_UNSUPPORTED_CONTENT_FORMAT = const(0x8F)

_TEXT = const(0)
_OPAQUE_FORMAT = const(42)
_CBOR = const(60)
_OLD_TLV = const(1542)
_TLV = const(11542)
_UNASSIGNED = const(65535)

_MOST_ACCOUNTS = const(8)
_MOST_INSTANCES = const(64)  # of another Object, and of one resource


def write(configuration, path: tuple, content_format: "int | None", payload) -> None:
    """Carry out a Bootstrap-Write, or with the path () a Bootstrap-Pack.

    Read-only resources are written too. An instance of Security, Server or Access Control becomes
    what the payload says of it; of another Object only what the payload names is written. Optional
    resources that the client does not have are passed over where the path does not name them.

    Raises OperationError 4.00, 4.04, 4.05, 4.15 or CodecError, and changes nothing then.
    """
    depth = len(path)
    if depth > 3:
        raise OperationError(_METHOD_NOT_ALLOWED)
    if content_format is None:
        content_format = _TEXT if depth == 3 else configuration.version.structured_format
    codec = load(content_format)
    unfit = ()
    if depth < 3:
        unfit = (_TEXT, _OPAQUE_FORMAT, _CBOR) + (() if depth else (_TLV, _OLD_TLV))
    if codec is None or content_format in unfit:
        raise OperationError(_UNSUPPORTED_CONTENT_FORMAT)

    def kind_of(target):
        row = _row(configuration, target, depth)
        if row is None:
            return 0  # to be passed over
        if row[0] & _E:
            raise OperationError(_METHOD_NOT_ALLOWED)
        return row[1]

    written = {}
    for target, value in codec.decode(payload, path, kind_of):
        row = _row(configuration, target, depth)
        if row:
            _take(written, target, value, row[0])
    if not written:
        raise OperationError(_BAD_REQUEST)
    for key, values in written.items():
        _judge(configuration, key, values)
    _room_for(configuration, written)
    for key, values in written.items():
        instances = configuration.accounts.get(key[0])
        if instances is None:
            configuration.others.setdefault(key, {}).update(values)
        elif depth == 3:
            instances.setdefault(key[1], {}).update(values)
        else:
            instances[key[1]] = values


def _row(configuration, target, depth):
    """Return (flags, type) of a resource, None for one that is to be passed over."""
    if not depth and configuration.object_class(target[0]) is None:
        return None
    row = configuration.row(target)
    if row is None and depth == 3:
        raise OperationError(_NOT_FOUND)
    return row


def _take(written, target, value, flags):
    """Put one decoded value into {(object id, instance id): {resource id: value}}."""
    is_multiple = len(target) == 4 or value.__class__ is dict
    if value is None or bool(flags & _MULTIPLE) != is_multiple or target[1] >= _UNASSIGNED:
        raise OperationError(_BAD_REQUEST)
    values = written.setdefault(target[:2], {})
    for step in target[2:-1]:
        values = values.setdefault(step, {})
    if len(values) >= _MOST_INSTANCES:
        raise OperationError(_BAD_REQUEST)
    values[target[-1]] = value


def _judge(configuration, key, values):
    """Raise OperationError where the Object would not take one of the values."""
    oid, iid = key
    obj = configuration.tree.get(oid, iid)
    if oid in configuration.accounts:
        obj = configuration.made(oid, values)
    elif obj is None:
        cls = configuration.object_class(oid)
        if not cls.creatable or (iid and not cls.multiple):
            raise OperationError(_NOT_FOUND)
        obj = cls()
    for rid in values:
        obj.validate(rid, values[rid])


def _room_for(configuration, written):
    for oid in {key[0] for key in written}:
        iids = set(_instances(configuration, oid) + [key[1] for key in written if key[0] == oid])
        if len(iids) > (_MOST_ACCOUNTS if oid <= _SERVER else _MOST_INSTANCES):
            raise OperationError(_BAD_REQUEST)


def delete(configuration, path: tuple) -> None:
    """Carry out a Bootstrap-Delete of everything, of an Object or of an instance.

    The bootstrap server's account stays, and so does what the device itself has: instances of
    Objects in which no server may make any. Raises OperationError 4.00 for one of these, 4.04 for
    an Object that there is not, 4.05 for a resource.
    """
    if len(path) > 2:
        raise OperationError(_METHOD_NOT_ALLOWED)
    if path and configuration.object_class(path[0]) is None:
        raise OperationError(_NOT_FOUND)
    for oid in path[:1] or list(configuration.accounts) + configuration.tree.objects():
        if oid in configuration.accounts:
            _delete_accounts(configuration, oid, path)
        elif configuration.object_class(oid).creatable:
            for iid in path[1:] or configuration.tree.instances(oid):
                configuration.deleted.add((oid, iid))
            for key in list(configuration.others):
                if key[: len(path)] == path:
                    del configuration.others[key]
        elif len(path) == 2:
            raise OperationError(_BAD_REQUEST)


def _delete_accounts(configuration, oid, path):
    instances = configuration.accounts[oid]
    for iid in path[1:] or list(instances):
        if oid != _SECURITY or instances.get(iid, {}).get(_BOOTSTRAP) is not True:
            gone = instances.pop(iid, {})
            # A Delete of all accounts begins them anew; that of one leaves the others in order.
            if oid == _SECURITY and len(path) == 2 and _SHORT_SERVER_ID in gone:
                from lwm2m.access import unbootstrap

                unbootstrap(configuration, gone[_SHORT_SERVER_ID])
        elif len(path) == 2:
            raise OperationError(_BAD_REQUEST)


def read(configuration, path: tuple, accept: "int | None") -> tuple:
    """Return (content format, payload) of a Bootstrap-Read.

    Raises OperationError 4.05 but for Server and Access Control, 4.04, or 4.06 for a format.
    """
    if not 0 < len(path) < 4 or path[0] not in (_SERVER, _ACCESS_CONTROL):
        raise OperationError(_METHOD_NOT_ALLOWED)
    instances = configuration.accounts[path[0]]
    entries = []
    for iid in path[1:2] or sorted(instances):
        if iid not in instances:
            raise OperationError(_NOT_FOUND)
        for rid in path[2:] or sorted(instances[iid]):
            if rid not in instances[iid]:
                raise OperationError(_NOT_FOUND)
            value = instances[iid][rid]
            target = (path[0], iid, rid)
            row = configuration.row(target)
            if value.__class__ is dict:
                entries += [(target + (riid,), row[1], value[riid]) for riid in sorted(value)]
            else:
                entries.append((target, row[1], value))
    if accept is None:
        single = len(path) == 3 and len(entries) == 1 and len(entries[0][0]) == 3
        accept = _TEXT if single else configuration.version.structured_format
    codec = load(accept)
    if codec is None:
        raise OperationError(_NOT_ACCEPTABLE)
    payload = bytearray()
    try:
        for chunk in codec.encode(entries, path):
            payload += chunk
    except CodecError:
        raise OperationError(_NOT_ACCEPTABLE)
    return accept, bytes(payload)


def discover(configuration, path: tuple) -> bytes:
    """Return the answer to a Bootstrap-Discover, in link format.

    Raises OperationError 4.04 for an Object that there is not, 4.05 for what is below one.
    """
    version = configuration.version
    if len(path) > 1:
        raise OperationError(_METHOD_NOT_ALLOWED)
    if path and configuration.object_class(path[0]) is None:
        raise OperationError(_NOT_FOUND)
    tree = configuration.tree
    known = set(tree.objects() + [_SECURITY, _SERVER])
    if configuration.accounts[_ACCESS_CONTROL]:
        known.add(_ACCESS_CONTROL)
    # TS 1.1.1 gave the version a link of its own; without one it is no link format.
    text = "</>;lwm2m=" + version.name
    for oid in path or sorted(known):
        ver = ""
        if oid > _SERVER and tree.object_class(oid):
            ver = object_version(tree, version, oid)
        elif oid <= _SERVER and version.server_version:
            ver = ";ver=" + version.server_version
        instances = _instances(configuration, oid)
        if ver or not instances:
            text += ",<%s/%d>%s" % (configuration.root, oid, ver)
        for iid in instances:
            text += ",<%s/%d/%d>" % (configuration.root, oid, iid)
            if oid <= _SERVER:
                text += _identity(version, oid, configuration.accounts[oid][iid])
    return text.encode()


def _instances(configuration, oid):
    instances = configuration.accounts.get(oid)
    if instances is None:
        here = configuration.tree.instances(oid)
        instances = {iid for iid in here if (oid, iid) not in configuration.deleted}
        instances.update([key[1] for key in configuration.others if key[0] == oid])
    return sorted(instances)


def _identity(version, oid, values):
    """Return the link parameters that say to whose account an instance belongs."""
    rid = 0 if oid == _SERVER else _SHORT_SERVER_ID
    if rid not in values or (oid == _SECURITY and values.get(_BOOTSTRAP) is not False):
        return ""
    text = ";ssid=%d" % values[rid]
    if oid == _SECURITY and version.server_version:
        text += ';uri="%s"' % values.get(_URI, "").replace("\\", "\\\\").replace('"', '\\"')
    return text
