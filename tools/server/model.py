"""Types of well-known resources, which text and TLV payloads do not carry themselves.

Types: "string", "integer", "unsigned", "float", "boolean", "opaque", "time", "objlnk".
"""

_NAMES = {
    "s": "string",
    "i": "integer",
    "u": "unsigned",
    "f": "float",
    "b": "boolean",
    "o": "opaque",
    "t": "time",
    "l": "objlnk",
}

# Object id → resource ids with the initial of their type, in the released enablers' numbering.
_TYPES = {
    1: "0i 1i 2i 3i 5i 6b 7s 10l 11u 12t 13u 14u 15b 16b 17u 18u 19u 20u 21b 22s 23b",
    2: "0i 1i 2i 3i",
    3: "0s 1s 2s 3s 6i 7i 8i 9i 10i 11i 13t 14s 15s 16s 17s 18s 19s 20i 21i 22l",
    4: "0i 1i 2i 3i 4s 5s 6i 7s 8i 9i 10i 11i 12i",
    5: "0o 1s 3i 5i 6s 7s 8i 9i",
    6: "0f 1f 2f 3f 4o 5t 6f",
    7: "1s 2i 3i 4i 5i 6i 7b 8i",
    3200: "5500b 5501i 5502b 5503f 5504f 5750s 5751s",
    3201: "5550b 5551b 5750s",
    3306: "5850b 5851i 5852i 5853s 5750s",
    3311: "5706s 5805f 5820f 5850b 5851i 5852i 5701s 5750s",
    3336: "5514s 5515s 5516s 5517o 5518t 5705f 5750s",
}
# The change request's own numbering of the Server object (its Appendix A.1).
_DRAFT_SERVER = "0s 1i 2i 3o 4i 5i 6i 8i 9b 10i"
_SENSOR = "5700f 5601f 5602f 5603f 5604f 5701s 5518t 5750s 5821s 6042i 6049i 6050f"


def _table(text: str) -> dict[int, str]:
    return {int(item[:-1]): _NAMES[item[-1]] for item in text.split()}


class Model:
    """Looks up resource types; types of an application's own objects can be added."""

    def __init__(self):
        self._extra: dict[tuple[int, int], str] = {}

    def add(self, object_id: int, resource_id: int, type: str) -> None:
        """Set the type of a resource."""
        self._extra[object_id, resource_id] = type

    def type_of(self, path: tuple[int, ...], version: str = "1.1") -> str | None:
        """Return the type of the resource at a path of 3 or 4 ids, or None when unknown."""
        if len(path) < 3:
            return None
        object_id, resource_id = path[0], path[2]
        if (object_id, resource_id) in self._extra:
            return self._extra[object_id, resource_id]
        text = _TYPES.get(object_id, "")
        if object_id == 1 and version == "draft":
            text = _DRAFT_SERVER
        elif not text and 3300 <= object_id <= 3350:  # The IPSO sensors share their resources.
            text = _SENSOR
        return _table(text).get(resource_id)
