"""An Object of an application's, for tests of what servers do with instances."""

from lwm2m.object import Object


class Lamp(Object):
    """Something that servers set, make and delete; nothing of it is mandatory."""

    object_id = 30001
    multiple = True
    creatable = True
    resources = (
        b"\x00\x00\x03\x02"  # level
        b"\x00\x01\x03\x01"  # name
        b"\x00\x02\x01\x02"  # hours
        b"\x00\x03\x0b\x08"  # links
    )

    def __init__(self, level=None):
        super().__init__()
        if level is not None:
            self.values[0] = level
