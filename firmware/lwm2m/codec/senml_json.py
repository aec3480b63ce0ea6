"""SenML JSON (Content-Format 110; RFC 8428 §5, TS 1.1 Core §7.4.4), written and read as a stream.

The records are those of SenML CBOR with text for labels: names, bases and times as there. Opaque
is base64 with the alphabet for URLs and without padding.
"""

from lwm2m.codec.json_text import records
from lwm2m.codec.senml_cbor import resolve

_FRAME = ('[{"bn":"%s",', "]", "[]")  # as json_text.records has it
# Label of the value by type, from None (0), whose value is null, to Corelnk (9).
_LABELS = ("v", "vs", "v", "v", "v", "vb", "vd", "v", "vlo", "vs")
# Labels of RFC 8428 §6 for those of §5; further ones stay text and are ignored.
_NUMBERS = {
    "bver": -1,
    "bn": -2,
    "bt": -3,
    "bv": -5,
    "n": 0,
    "v": 2,
    "vs": 3,
    "vb": 4,
    "t": 6,
    "vd": 8,
}


def encode(entries, base: tuple, root: str = ""):
    """Yield the pack record by record. An entry may have a time (s) as its fourth member.

    root: alternate path, as SenML CBOR has it.
    """
    return records(entries, base, _FRAME, _LABELS, True, root)


def decode(payload, base: tuple, kind_of, root: str = ""):
    """Yield (path, value) of each record; every path must lie at or under base."""
    return resolve(pack(payload), base, kind_of, root)


def pack(payload):
    """Yield the records of a pack as dicts with the labels of RFC 8428 §6."""
    from lwm2m.codec.json_reader import Reader, octets

    reader = Reader(payload)
    reader.take(0x5B)
    first = True
    while reader.more(0x5D, first):
        first = False
        record = {}
        for label, value in reader.members(1).items():
            number = _NUMBERS.get(label, label)
            record[number] = octets(value) if number == 8 else value
        yield record
    reader.end()
