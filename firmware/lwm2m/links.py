"""The object list of a registration, in link format (RFC 6690)."""

# Security, OSCORE and COSE hold secrets and are not announced (TS 1.1 Core §6.2.1).
_HIDDEN = (0, 21, 23)


def registration(tree, version, root: str = "", content_format: "int | None" = None) -> str:
    """Return the object list (CR 5.2.1), the links of `links` with commas between.

    Since 1.1 a root link need not say by `rt` what it is, unless its path is another than "/".
    """
    text = ",".join(list(links(tree, version, root, content_format)))
    return text.replace('</>;rt="oma.lwm2m"', "</>", 1) if version.server_version else text


def links(
    tree,
    version,
    root: str = "",
    content_format: "int | None" = None,
    versions: bool = False,
):
    """Yield the links of the object list: one an instance, one for an Object without any.

    root: alternate path without slashes at its ends ("lwm2m"), "" for none. content_format: number
    to announce as `ct` of the root link, None to leave it out. The root link is written only when
    there is something to say. versions: tell the version of every Object, and nothing of the root.
    """
    prefix = "/" + root if root else ""
    if (root or content_format is not None) and not versions:
        link = '<%s>;rt="oma.lwm2m"' % (prefix or "/")
        if content_format is not None:
            link += ";ct=%d" % content_format
        yield link
    for oid in tree.objects():
        if oid in _HIDDEN:
            continue
        instances = tree.instances(oid)
        ver = object_version(tree, version, oid, versions)
        if ver or not instances:
            yield "<%s/%d>%s" % (prefix, oid, ver)
        for iid in instances:
            yield "<%s/%d/%d>" % (prefix, oid, iid)


def object_version(tree, version, oid: int, always: bool = False) -> str:
    """Return ";ver=1.1" where it is to be told (TS 1.1 Core §7.2.2), or always.

    Since 1.1 it is told where it is not the one that the enabler version implies. Object 1 follows
    the enabler.
    """
    if not version.server_version:
        return ""
    ver = version.server_version if oid == 1 else tree.object_class(oid).object_version or "1.0"
    implied = version.implied
    minor = 0
    for at in range(0, len(implied), 2):
        if implied[at] == oid:
            minor = implied[at + 1]
    return "" if ver == "1.%d" % minor and not always else ";ver=" + ver
