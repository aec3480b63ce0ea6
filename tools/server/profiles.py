"""Profile IDs: a short name of an object list that the server knows (TS 1.2 Core §6.2.1).

A client makes the name itself as SUITE:HEX, the hash of its object list by a suite of RFC 6920
§9.4 (6:27354b9a is the first 32 bits of SHA-256), so that the server knows it when it has seen
that list once; others are agreed on beforehand (oma:NAME, v:NAME), and several may stand together
with commas between. What is hashed is the list as it was sent, or in the form which tells the
version of every Object and nothing of the root:

    </1>;ver=1.2,</1/0>,</3>;ver=1.0,</3/0>
"""

import hashlib
import re
from collections import OrderedDict

from .links import ObjectList, object_list

_MAX_LISTS = 1000
# Suite of RFC 6920 §9.4 → hexadecimal digits of SHA-256 that it keeps.
_SUITES = {1: 64, 2: 32, 3: 30, 4: 24, 5: 16, 6: 8}


class Profiles:
    """Object lists by Profile ID: those agreed on, and the newest 1000 that were seen.

    agreed: {Profile ID: object list as a Register has it}. Raises LinkError for one that is none.
    """

    def __init__(self, agreed: dict[str, str] | None = None):
        self._agreed = {name: text.encode() for name, text in (agreed or {}).items()}
        for payload in self._agreed.values():
            object_list(payload)
        self._seen: OrderedDict[str, bytes] = OrderedDict()

    def learn(self, payload: bytes, listed: ObjectList) -> None:
        """Remember an object list under its hashes."""
        for text in (payload, _whole(listed)):
            key = hashlib.sha256(text).hexdigest()
            self._seen.pop(key, None)
            self._seen[key] = payload
        while len(self._seen) > 2 * _MAX_LISTS:
            self._seen.popitem(last=False)

    def find(self, names: str) -> bytes | None:
        """Return the object list that a `pid` query names, None when a part is not known."""
        found = []
        for name in names.strip('"').split(","):
            payload = self._agreed.get(name) or self._hashed(name)
            if payload is None:
                return None
            found.append(payload)
        return b",".join(found)

    def _hashed(self, name: str) -> bytes | None:
        match = re.fullmatch(r"([1-6]):([0-9a-fA-F]+)", name)
        if match is None or len(match[2]) != _SUITES[int(match[1])]:
            return None
        for key in reversed(self._seen):
            if key.startswith(match[2].lower()):
                return self._seen[key]
        return None


def _whole(listed: ObjectList) -> bytes:
    """Write an object list with the version of every Object and nothing of the root."""
    links = []
    for object_id, instances in listed.objects.items():
        name = "%s/%d" % (listed.root, object_id)
        links.append("<%s>;ver=%s" % (name, listed.versions.get(object_id, "1.0")))
        links += ["<%s/%d>" % (name, instance) for instance in instances]
    return ",".join(links).encode()
