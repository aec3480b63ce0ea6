"""Types of well-known resources, which text and TLV payloads do not carry themselves.

Types: "string", "integer", "unsigned", "float", "boolean", "opaque", "time", "objlnk".
"""

import functools

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
    0: "0s 1b 2i 3o 4o 5o 6i 7o 8o 9s 10i 11i 12i 13u 14s 15u 16u 17l 18u 19u 20u 21u 22u"
    " 23u 24u 25s 26l 27l 28i 29i 30s",
    1: "0i 1i 2i 3i 5i 6b 7s 10l 11u 12t 13u 14u 15b 16b 17u 18u 19u 20u 21b 22s 23b 24l 25s 26i"
    " 27u",
    2: "0i 1i 2i 3i",
    3: "0s 1s 2s 3s 6i 7i 8i 9i 10i 11i 13t 14s 15s 16s 17s 18s 19s 20i 21i 22l",
    4: "0i 1i 2i 3i 4s 5s 6i 7s 8i 9i 10i 11i 12i 13i",
    5: "0o 1s 3i 4b 5i 6s 7s 8i 9i 11i 12t 13u 14b",
    6: "0f 1f 2f 3f 4o 5t 6f",
    7: "0i 1i 2i 3i 4i 5i 8i",
    9: "0s 1s 2o 3s 5l 7i 8b 9i 12b 13l 14s 15s 16s 17l 18i",
    10: "0s 1i 2s 3l 4i 5i 7o 8o 9o 10o 11l 12u 13u 14u",
    11: "0s 1s 2b 3b 4i 5s 6s 7s 8s 9t 10i 11i 12t 13i 14i 15s 16s 17s 18s 19s 20s 21i 22l 23i"
    " 24i 25i 26u 27u 28i 29u 30u 31s 32i 33i",
    13: "0i 1i 2i 3i 4i 5s 6s 7b 8s 9l 10i 11i 12b",
    16: "0s 2o 3i",
    19: "0o 1i 2t 3s 4s 5i",
    22: "0s 1s 2b 3s 4i 5i 6o",
}
# The IPSO Objects, 3200 to 3350, share their resources.
_IPSO = (
    "5500b 5501i 5502b 5503i 5504i 5506t 5507f 5508f 5509f 5510f 5511f 5512f 5513f 5514s"
    " 5515s 5516s 5517o 5518t 5519f 5520f 5521f 5522o 5524f 5525f 5526i 5527s 5528i 5529i"
    " 5531f 5532b 5533b 5534i 5536f 5537f 5538f 5541i 5542i 5543b 5544f 5545i 5546i 5547i"
    " 5548f 5550b 5551b 5601f 5602f 5603f 5604f 5700f 5701s 5702f 5703f 5704f 5705f 5706s"
    " 5750s 5751s 5800f 5801f 5802f 5803f 5804f 5805f 5806f 5810f 5811f 5812f 5813f 5814f"
    " 5815f 5816f 5820f 5821f 5823s 5824t 5825i 5826i 5827i 5828i 5850b 5851i 5852i 5853s"
    " 5854i 5900f 5903i 5904i 5910i 5912s 6042i 6049i 6050f 6051f 6052f 6053f"
)
# The change request's own numbering of the Server object (its Appendix A.1).
_DRAFT_SERVER = "0s 1i 2i 3o 4i 5i 6i 8i 9b 10i"


@functools.cache
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
        elif 3200 <= object_id <= 3350:
            text = _IPSO
        return _table(text).get(resource_id)
