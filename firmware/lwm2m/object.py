"""The data model: an Object is a class, an Object Instance is a Python instance of it.

Resource definitions are one packed table in flash, four bytes a row, ascending:

    resource id (2, big endian), flags, type

    flags  R 1, W 2, E 4, MULTIPLE 8, MANDATORY 16, added
    types  NONE 0, STRING 1, INTEGER 2, UNSIGNED 3, FLOAT 4, BOOLEAN 5, OPAQUE 6, TIME 7, OBJLNK 8,
           CORELNK 9 (Python types: lwm2m.codec)

The numbers stand as literals in the tables, each row with its resource's name as a comment; they
are not names here because every public name costs memory on the device.

    class Door(Object):
        object_id = 10350
        resources = (
            b"\\x00\\x00\\x11\\x05"  # Open: R, mandatory, Boolean
            b"\\x00\\x01\\x04\\x00"  # Ring: E
        )

        def execute(self, rid, arguments, server):
            bell.value(1)

    door = tree.add(Door())
    door.set(0, True)
"""

from micropython import const

from lwm2m.codec import CodecError, coerce

_EXECUTE = const(4)
_MULTIPLE = const(8)

_NOT_FOUND = const(0x84)


class OperationError(Exception):
    """An operation is refused; `code` is the CoAP response code (class << 5 | detail)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Object:
    """Base of all Objects; the instance keeps its values in `values`.

    object_id: the Object ID. object_version: None for 1.0, else "1.1"...
    multiple: whether the Object may have several instances.
    creatable: whether a server may create and delete instances; the class is then called
        without arguments to make one.
    resources: the table above.
    values: {resource id: value, or {resource instance id: value} of a multiple resource}.
    """

    object_id = -1
    object_version = None
    multiple = False
    creatable = False
    resources = b""

    def __init__(self) -> None:
        self.values = {}
        self.tree = None
        self.instance_id = None

    def definition(self, rid: int) -> "tuple[int, int] | None":
        """Return (flags, type) of a resource, None when the Object does not define it."""
        table = self.resources
        high = rid >> 8
        low = rid & 255
        for at in range(1, len(table), 4):
            if table[at] == low and table[at - 1] == high:
                return table[at + 1], table[at + 2]
        return None

    def has(self, rid: int) -> bool:
        """True when the instance has this resource; executable ones it has unless overridden."""
        if rid in self.values:
            return True
        row = self.definition(rid)
        return bool(row and row[0] & _EXECUTE)

    def present(self):
        """Yield the ids of the resources that the instance has, in the order of the table."""
        table = self.resources
        for at in range(0, len(table), 4):
            rid = table[at] << 8 | table[at + 1]
            if self.has(rid):
                yield rid

    def read(self, rid: int):
        """Return the value of a resource that the instance has; override for live values."""
        return self.values[rid]

    def validate(self, rid: int, value) -> None:
        """Raise OperationError when a server must not write value (a dict: multiple) to rid.

        Called for every resource of a Write before any is written; types are checked already.
        """

    def write(self, rid: int, value, server) -> None:
        """Take a value that a server (its account, or None) wrote; must not fail."""
        self.values[rid] = value

    def clear(self, rid: int) -> None:
        """Remove an optional resource which a replacing Write leaves out."""
        self.values.pop(rid, None)

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Carry out an Execute; arguments are checked, `lwm2m.uri.parse_arguments` reads them."""
        raise OperationError(_NOT_FOUND)

    def set(self, rid: int, value, riid: "int | None" = None) -> None:
        """Set a value from the application's or device's side, and report it when it is another.

        riid: resource instance id, for one value of a multiple resource; without it the whole
        resource is set, a multiple one to a dict. Raises ValueError when rid is not defined or
        value is not of its type.
        """
        row = self.definition(rid)
        values = self.values
        try:
            if row is None:
                raise CodecError("the Object has no such resource")
            if bool(row[0] & _MULTIPLE) != (riid is not None or value.__class__ is dict):
                raise CodecError("single and multiple values are mixed up")
            if riid is not None:
                merged = dict(values.get(rid, {}))
                merged[riid] = coerce(row[1], value)
                value = merged
            elif value.__class__ is dict:
                value = {key: coerce(row[1], value[key]) for key in value}
            else:
                value = coerce(row[1], value)
        except CodecError as error:
            # Objects 0 and 1 hold keys, which no text may quote.
            shown = value if self.object_id > 1 else "..."
            raise ValueError(
                "set(%d, %r) on /%d/%s: %s" % (rid, shown, self.object_id, self.instance_id, error)
            )
        if rid not in values or values[rid] != value:
            values[rid] = value
            self.changed(rid)

    def sample(
        self, rid: int, value, time_s: "int | None" = None, riid=None, keep: int = 32
    ) -> bool:
        """Set a value as `set` does, and keep it with its time for the next Send or notification.

        time_s: s since 1970 when it was measured, None for now. keep: how many samples of the
        resource are kept at most, the newest. Returns False where the time is not known, so that
        nothing is kept. See lwm2m.samples.
        """
        from lwm2m.samples import sample

        return sample(self, rid, value, time_s, riid, keep)

    def changed(self, rid: int) -> None:
        """Report that the value of rid is another; for live values, which `set` does not pass."""
        if self.tree:
            self.tree.changed((self.object_id, self.instance_id, rid))
