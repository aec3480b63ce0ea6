"""The Objects and Object Instances of a registration, in CoRE Link Format (RFC 6690; CR 5.2.1)."""

import re
from dataclasses import dataclass, field


class LinkError(Exception):
    """A registration payload is not link format, or lists no Object."""


@dataclass
class ObjectList:
    """What a client registered.

    objects: object id → list of its instance ids, in the order given.
    versions: object id → `ver` attribute.
    root: alternate path of the Objects without a trailing slash, "" for the root.
    content_formats: numbers of the `ct` attribute of the root link.
    """

    objects: dict[int, list[int]] = field(default_factory=dict)
    versions: dict[int, str] = field(default_factory=dict)
    root: str = ""
    content_formats: list[int] = field(default_factory=list)


_MAX_LINKS = 500
_LINK = re.compile(r'\s*<([^<>]*)>((?:\s*;\s*[^\s=;,<>"]+(?:=(?:"[^"]*"|[^\s;,"<>]*))?)*)\s*')
_ATTRIBUTE = re.compile(r';\s*([^\s=;,"]+)(?:=(?:"([^"]*)"|([^\s;,"]*)))?')


def parse(payload: bytes) -> list[tuple[str, dict[str, str]]]:
    """Split a link-format payload into (target, {attribute: value}).

    Raises LinkError. A parameter without a value has the value "".
    """
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise LinkError("the object list is not UTF-8") from None
    links = []
    index = 0
    while index < len(text):
        match = _LINK.match(text, index)
        if match is None or len(links) >= _MAX_LINKS:
            raise LinkError("the object list is not link format at character %d" % index)
        attributes = {
            name: quoted or plain for name, quoted, plain in _ATTRIBUTE.findall(match[2])
        }
        links.append((match[1], attributes))
        index = match.end()
        if index < len(text):
            if text[index] != ",":
                raise LinkError("the object list is not link format at character %d" % index)
            index += 1
            if not text[index:].strip():
                raise LinkError("the object list ends in a comma")
    return links


def object_list(payload: bytes) -> ObjectList:
    """Read the payload of a Register or Update (CR 5.2.1; TS Core §6.2.1).

    Unknown parameters and links that name no Object are ignored. Raises LinkError when the
    payload is malformed or no Object is left.
    """
    links = parse(payload)
    listed = ObjectList()
    for target, attributes in links:
        if "oma.lwm2m" in attributes.get("rt", "").split():
            listed.root = target.rstrip("/")
            listed.content_formats = [
                int(number) for number in attributes.get("ct", "").split() if number.isdigit()
            ]
    prefix = listed.root + "/"
    for target, attributes in links:
        target = target if target.startswith("/") else "/" + target
        if not target.startswith(prefix):
            continue
        ids = re.fullmatch(r"(\d{1,5})(?:/(\d{1,5}))?/?", target[len(prefix) :])
        if ids is None or int(ids[1]) > 65535 or int(ids[2] or 0) > 65534:
            continue
        instances = listed.objects.setdefault(int(ids[1]), [])
        if ids[2] is not None and int(ids[2]) not in instances:
            instances.append(int(ids[2]))
        if "ver" in attributes:
            listed.versions[int(ids[1])] = attributes["ver"]
    if not listed.objects:
        raise LinkError("the object list names no Object")
    return listed
