"""SenML-ETCH, JSON and CBOR (Content-Formats 320 and 322; RFC 8790), what composites come in.

A Fetch Pack names paths and carries no values; plain SenML JSON and CBOR (110, 112), in which
LwM2M 1.1 names them, read alike. A Patch Pack is a SenML Pack whose record with the value null
removes what it names (§3.2).
"""

from micropython import const

from lwm2m.codec import CodecError
from lwm2m.codec.senml_cbor import check, resolve, split

_BASE_NAME = const(-2)
_NAME = const(0)

_JSON = const(110)
_ETCH_JSON = const(320)


class Etch:
    """The codec of one of the two formats."""

    def __init__(self, content_format: int) -> None:
        self._content_format = content_format

    def encode(self, entries, base: tuple, root: str = ""):
        """Yield the pack record by record; an entry with type 0 and value None removes."""
        if self._content_format == _ETCH_JSON:
            from lwm2m.codec.senml_json import encode
        else:
            from lwm2m.codec.senml_cbor import encode
        return encode(entries, base, root)

    def decode(self, payload, base: tuple, kind_of, root: str = ""):
        """Yield (path, value) of each record, None for a value that is to be removed."""
        return resolve(_records(payload, self._content_format), base, kind_of, root, True)


def names(payload, content_format: int, root: str = ""):
    """Yield the paths that a Fetch Pack in 110, 112, 320 or 322 names, () for the root.

    root: alternate path, which names may begin with.

    What narrows the choice to a time (§3.1) is read over: the present value has none.
    """
    base_name = ""
    for record in _records(payload, content_format):
        check(record)
        if _NAME not in record and _BASE_NAME not in record:
            raise CodecError("malformed SenML")
        base_name = record.get(_BASE_NAME, base_name)
        name = record.get(_NAME, "")
        if not isinstance(name, str) or not isinstance(base_name, str):
            raise CodecError("malformed SenML")
        name = base_name + name
        if len(name) > 2 and name[-1] == "/":
            name = name[:-1]  # of a base name alone, which it would part from names
        if name == "/" or (root and name == "/" + root):
            yield ()
        else:
            yield split(name, root)


def _records(payload, content_format):
    if content_format in (_JSON, _ETCH_JSON):
        from lwm2m.codec.senml_json import pack
    else:
        from lwm2m.codec.senml_cbor import pack
    return pack(payload)
