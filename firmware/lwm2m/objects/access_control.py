"""LwM2M Access Control (Object 2): what each server may do with one Object or Object Instance.

lwm2m.access reads the instances; without any of them every server may do everything.
"""

from micropython import const

from lwm2m.object import Object, OperationError

_BAD_REQUEST = const(0x80)
_ACL = const(2)
_ALL_BITS = const(31)
_MAX_ID = const(65535)


class AccessControl(Object):
    """The rights on one Object Instance, or to create instances of one Object.

    target: an Object ID. instance: an Object Instance ID of it, or 65535 for the right to create.
    owner: the Short Server ID that may write here; 65535: only a bootstrap may. acl: {Short Server
    ID, or 0 for those without an entry of their own: sum of R 1, W 2, E 4, D 8, C 16}. An owner
    without an entry of its own may do everything but create (TS 1.1 Core §8.2.1).
    """

    object_id = 2
    multiple = True
    resources = (
        b"\x00\x00\x11\x02"  # Object ID
        b"\x00\x01\x11\x02"  # Object Instance ID
        b"\x00\x02\x0b\x02"  # ACL
        b"\x00\x03\x13\x02"  # Access Control Owner
    )

    def __init__(
        self,
        target: "int | None" = None,
        instance: int = _MAX_ID,
        owner: int = _MAX_ID,
        acl: "dict | None" = None,
    ) -> None:
        super().__init__()
        if target is not None:
            self.values.update({0: target, 1: instance, 3: owner})
        if acl:
            self.values[_ACL] = acl

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 rights that there are not, and ids of more than 16 bits."""
        most = _MAX_ID
        if rid == _ACL:
            if _MAX_ID in value:
                raise OperationError(_BAD_REQUEST)
            value = list(value.values())
            most = _ALL_BITS
        else:
            value = (value,)
        for each in value:
            if not 0 <= each <= most:
                raise OperationError(_BAD_REQUEST)
