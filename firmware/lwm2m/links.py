"""Link format (RFC 6690) payloads: the object list of a registration, and answers to Discover."""

from micropython import const

from lwm2m.attributes import link_format

_MULTIPLE = const(8)
# Security, OSCORE and COSE hold secrets and are not announced (TS 1.1 Core §6.2.1).
_HIDDEN = (0, 21, 23)


def registration(tree, version, root: str = "", content_format: "int | None" = None) -> str:
    """Return the object list (CR 5.2.1): one link an instance, one for an Object without any.

    root: alternate path without slashes at its ends ("lwm2m"), "" for none. content_format: number
    to announce as `ct` of the root link, None to leave it out. The root link is written only when
    there is something to say.
    """
    links = []
    prefix = "/" + root if root else ""
    if root or content_format is not None:
        link = '<%s>;rt="oma.lwm2m"' % (prefix or "/")
        if content_format is not None:
            link += ";ct=%d" % content_format
        links.append(link)
    for oid in tree.objects():
        if oid in _HIDDEN:
            continue
        instances = tree.instances(oid)
        ver = _version(tree, version, oid)
        if ver or not instances:
            links.append("<%s/%d>%s" % (prefix, oid, ver))
        for iid in instances:
            links.append("<%s/%d/%d>" % (prefix, oid, iid))
    return ",".join(links)


def discover(tree, version, attributes, server_id: int, path: tuple, root: str = ""):
    """Yield the answer to a Discover of an existing path, link by link (TS 1.0 §5.4.2).

    The link of the path itself shows the attributes that hold there, inherited ones included; those
    below show what was written to them.
    """
    prefix = "/" + root if root else ""
    first = True
    for target in _targets(tree, version, path):
        link = "<%s/%s>" % (prefix, "/".join([str(part) for part in target]))
        depth = len(target)
        if depth == 1:
            link += _version(tree, version, path[0])
        elif depth == 2:
            link += _server_id(tree, version, target)
        elif depth == 3:
            obj = tree.get(target[0], target[1])
            if obj.definition(target[2])[0] & _MULTIPLE:
                link += ";dim=%d" % len(obj.read(target[2]))
        if target == path:
            link += link_format(attributes.effective(server_id, target))
        else:
            link += link_format(attributes.own(server_id, target))
        yield link if first else "," + link
        first = False


def _targets(tree, version, path):
    oid = path[0]
    yield path
    if len(path) > 2:
        # Resource Instances are addressable since 1.1, the first version that announces its own.
        obj = tree.get(oid, path[1])
        if version.server_version and len(path) == 3 and obj.definition(path[2])[0] & _MULTIPLE:
            for riid in sorted(obj.read(path[2])):
                yield path + (riid,)
        return
    for iid in path[1:] or tree.instances(oid):
        if len(path) == 1:
            yield oid, iid
        for rid in tree.get(oid, iid).present():
            yield oid, iid, rid


def _version(tree, version, oid: int) -> str:
    # Object versions travel since 1.1; Object 1 follows the enabler.
    if not version.server_version:
        return ""
    ver = version.server_version if oid == 1 else tree.object_class(oid).object_version
    return ";ver=%s" % ver if ver else ""


def _server_id(tree, version, path: tuple) -> str:
    rid = version.server_resources["short_server_id"]
    if path[0] == 1:
        obj = tree.get(1, path[1])
        if obj.has(rid):
            return ";ssid=%d" % obj.read(rid)
    return ""
