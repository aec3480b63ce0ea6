"""The application of a board with a value of every type, and with one that is sampled."""

from lwm2m.object import Object

STRINGS = {0: "", 1: 'q"\\/\n', 3: "\u00e9\u20ac\U0001f600"}
INTEGERS = {0: 0, 1: -129, 2: 9007199254740993, 3: -9223372036854775808, 4: 9223372036854775807}
FLOATS = {0: 0.1, 1: -1.5, 2: 1e300, 3: 3.0}
BOOLEANS = {0: False, 7: True}
OPAQUES = {0: b"", 1: b"\x00\xff\xfe", 2: bytes(range(256))}


class Values(Object):
    """What an Object of the range for private use can hold."""

    object_id = 26242
    resources = (
        b"\x00\x00\x03\x01"  # 0 Large text
        b"\x00\x01\x0b\x01"  # 1 Strings
        b"\x00\x02\x0b\x02"  # 2 Integers
        b"\x00\x03\x0b\x04"  # 3 Floats
        b"\x00\x04\x0b\x05"  # 4 Booleans
        b"\x00\x05\x0b\x06"  # 5 Opaques
        b"\x00\x06\x03\x07"  # 6 Time
        b"\x00\x07\x03\x04"  # 7 Sampled
        b"\x00\x08\x04\x00"  # 8 Sample
    )

    def execute(self, rid, arguments, server):
        """Take three samples, ten seconds apart."""
        for n in range(3):
            self.sample(7, 20.5 + n, 1767225600 + 10 * n)


def setup(node):
    values = node.add(Values())
    values.set(0, "".join(["%07d\n" % n for n in range(200)]))
    values.set(1, STRINGS)
    values.set(2, INTEGERS)
    values.set(3, FLOATS)
    values.set(4, BOOLEANS)
    values.set(5, OPAQUES)
    values.set(6, 1767225600)
    values.set(7, 0.5)
