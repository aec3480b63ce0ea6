"""Objects that only keep what they are told: values with their limits."""

from micropython import const

from lwm2m.object import Object, OperationError

_BAD_REQUEST = const(0x80)


class Data(Object):
    """An Object without behaviour; a class of your own has the number, the table and the limits.

    values: the first ones, {resource id: value, or {resource instance id: value}}. Raises
    ValueError for one that does not fit.

    limits: (resource id, least, most) for numbers, and for text and bytes of their length.
    """

    multiple = True
    limits: tuple = ()

    def __init__(self, values: "dict | None" = None) -> None:
        super().__init__()
        if values:
            for rid in values:
                self.set(rid, values[rid])

    def has(self, rid: int) -> bool:
        """What has a value; executables are a matter of classes with an `execute` of their own."""
        return rid in self.values

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 what is beyond the limits."""
        for limited, least, most in self.limits:
            if rid == limited:
                for each in value.values() if isinstance(value, dict) else (value,):
                    each = each.encode() if isinstance(each, str) else each
                    size = each if isinstance(each, (int, float)) else len(each)
                    if not least <= size <= most:
                        raise OperationError(_BAD_REQUEST)
