"""Profile IDs: a short name of an object list that the server knows (TS 1.2 Core §6.2.1).

A client makes the name itself as `suite:digits`, the hash of its object list by a suite of
RFC 6920 §9.4 in hexadecimal (6:27354b9a is the first 32 bits of SHA-256), so that the server knows
it when it has seen that list once; others are agreed on beforehand.
"""

import hashlib
import re
from collections import OrderedDict

_MAX_LISTS = 1000
# Suite of RFC 6920 §9.4 → hexadecimal digits of SHA-256 that it keeps.
_SUITES = {1: 64, 2: 32, 3: 30, 4: 24, 5: 16, 6: 8}


class Profiles:
    """Object lists by Profile ID, of the newest 1000 clients' and of those agreed on.

    agreed: {Profile ID: object list as a Register has it}.
    """

    def __init__(self, agreed: dict[str, str] | None = None):
        self._agreed = {name: text.encode() for name, text in (agreed or {}).items()}
        self._seen: OrderedDict[str, bytes] = OrderedDict()

    def learn(self, payload: bytes, name: str | None = None) -> None:
        """Remember an object list under its hash, and under the Profile ID it came with."""
        key = name or ":" + hashlib.sha256(payload).hexdigest()
        self._seen.pop(key, None)
        self._seen[key] = payload
        while len(self._seen) > _MAX_LISTS:
            self._seen.popitem(last=False)
        if name:
            self.learn(payload)

    def find(self, name: str) -> bytes | None:
        """Return the object list of a Profile ID, None when it is not known."""
        known = self._agreed.get(name) or self._seen.get(name)
        hashed = re.fullmatch(r"([1-6]):([0-9a-fA-F]+)", name)
        if known is not None or hashed is None or len(hashed[2]) != _SUITES[int(hashed[1])]:
            return known
        for key in reversed(self._seen):
            if key.startswith(":" + hashed[2].lower()):
                return self._seen[key]
        return None
