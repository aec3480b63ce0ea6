"""Answers to Discover (TS 1.0 §5.4.2, TS 1.1 Core §6.3.2) and of `/.well-known/core`, in link
format (RFC 6690).
"""

from micropython import const

from lwm2m.attribute_text import link_format
from lwm2m.codec import CodecError
from lwm2m.links import links, object_version
from lwm2m.object import OperationError
from lwm2m.operations import gather
from lwm2m.uri import parse_path

_MULTIPLE = const(8)

_GET = const(1)
_CONTENT = const(0x45)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_NOT_ACCEPTABLE = const(0x86)
_ACCEPT = const(17)
_LINK_FORMAT = const(40)


def elsewhere(client, request, account):
    """Answer a request for what is no path of the Objects: 4.00, 4.04 or `/.well-known/core`."""
    segments = request.path()
    if segments == [".well-known", "core"]:
        return _core(client, request, account)
    root = client.root.split("/") if client.root else []
    try:
        if segments[: len(root)] == root:
            parse_path(segments[len(root) :])
        return request.reply(_NOT_FOUND)
    except OperationError as error:
        return request.reply(error.code)


def _core(client, request, account):
    """Answer with the links that a registration tells, those that the queries ask for (RFC 6690
    §4).
    """
    if request.code != _GET:
        return request.reply(_METHOD_NOT_ALLOWED)
    if request.get_uint(_ACCEPT, _LINK_FORMAT) != _LINK_FORMAT:
        return request.reply(_NOT_ACCEPTABLE)
    from coap.well_known import filtered

    version = account.version
    announced = links(client.tree, version, client.root, version.announced_format)
    payload = ",".join(list(filtered(announced, request.queries()))).encode()
    return request.reply(_CONTENT, payload, _LINK_FORMAT)


def answer(operations, request, path: tuple, server):
    """Carry out a Discover: a GET that accepts link format.

    Raises OperationError 4.04, or 4.05 for the root and a resource instance, and CodecError.
    """
    tree = operations.tree
    version = operations.version
    if not tree.exists(path) or len(path) > 3:
        raise OperationError(_METHOD_NOT_ALLOWED if len(path) in (0, 4) else _NOT_FOUND)
    server_id = server.short_server_id if server else 0
    depth = depth_of(request.queries()) if version.discover_depth else None
    links = discover(tree, version, operations.attributes, server_id, path, operations.root, depth)
    return request.reply(_CONTENT, gather(links, True), _LINK_FORMAT)


def depth_of(queries: list) -> "int | None":
    """Return the levels that a Discover asks for by its query "depth=", 0 to 3 (TS 1.2 §6.3.2).

    None without it; CodecError for another number.
    """
    depth = None
    for query in queries:
        name, _, text = query.partition("=")
        if name == "depth":
            if depth is not None or text not in ("0", "1", "2", "3"):
                raise CodecError("depth is not a number from 0 to 3")
            depth = int(text)
    return depth


def discover(
    tree,
    version,
    attributes,
    server_id: int,
    path: tuple,
    root: str = "",
    depth: "int | None" = None,
):
    """Yield the answer to a Discover of an existing path, link by link, as bytes.

    The link of the path itself shows the attributes that hold there, inherited ones included;
    those below show what was written to them. depth: levels to go below the path; None: those of
    1.0 and 1.1, to the resources of an Object or instance, to the instances of a resource.
    """
    prefix = "/" + root if root else ""
    first = True
    if depth is None:
        depth = 2 if len(path) == 1 else 1
    for target in _targets(tree, version, path, len(path) + depth):
        link = "<%s/%s>" % (prefix, "/".join([str(part) for part in target]))
        if len(target) == 1:
            link += object_version(tree, version, path[0])
        elif len(target) == 2:
            link += _server_id(tree, version, target)
        elif len(target) == 3:
            obj = _instance(tree, target)
            if obj.definition(target[2])[0] & _MULTIPLE:
                link += ";dim=%d" % len(obj.read(target[2]))
        if target == path:
            link += link_format(attributes.effective(server_id, target))
        else:
            link += link_format(attributes.own(server_id, target))
        yield (link if first else "," + link).encode()
        first = False


def _targets(tree, version, path, longest):
    oid = path[0]
    yield path
    if len(path) > 2:
        yield from _instances(tree, version, path, longest)
        return
    for iid in path[1:] or tree.instances(oid):
        if len(path) == 1 and longest > 1:
            yield oid, iid
        if longest > 2:
            for rid in _instance(tree, (oid, iid)).present():
                target = (oid, iid, rid)
                yield target
                yield from _instances(tree, version, target, longest)


def _instances(tree, version, path, longest):
    # Resource Instances are addressable since 1.1, the first version that announces its own.
    obj = _instance(tree, path)
    if longest > 3 and version.server_version and obj.definition(path[2])[0] & _MULTIPLE:
        if not obj.has(path[2]):
            raise OperationError(_NOT_FOUND)  # it went, too
        for riid in sorted(obj.read(path[2])):
            yield path + (riid,)


def _instance(tree, path):
    obj = tree.get(path[0], path[1])
    if obj is None:  # it went while the links were on their way
        raise OperationError(_NOT_FOUND)
    return obj


def _server_id(tree, version, path: tuple) -> str:
    rid = version.server_resources["short_server_id"]
    if path[0] == 1:
        obj = _instance(tree, path)
        if obj.has(rid):
            return ";ssid=%d" % obj.read(rid)
    return ""
