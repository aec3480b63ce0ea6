"""TLV, both directions, against the examples of TS 1.0 §6.4.3."""

from lwm2m.codec import tlv
from unit.lwm2m_model.helpers import KINDS, VALUES, is_refused, kind_of

# TS 1.0 §6.4.3.2, the Device Object of the LwM2M client example.
_DEVICE = (
    "c800144f70656e204d6f62696c6520416c6c69616e6365"
    "c801164c69676874776569676874204d324d20436c69656e74"
    "c80209333435303030313233"
    "c303312e30"
    "8606410001410105"
    "88070842000ed842011388"
    "8708"
    "4100"
    "7d"
    "42010384"
    "c10964"
    "c10a0f"
    "830b410000"
    "c40d5182428f"
    "c60e2b30323a3030"
    "c11055"
)
_DEVICE_ENTRIES = [
    ((3, 0, 0), 1, "Open Mobile Alliance"),
    ((3, 0, 1), 1, "Lightweight M2M Client"),
    ((3, 0, 2), 1, "345000123"),
    ((3, 0, 3), 1, "1.0"),
    ((3, 0, 6, 0), 2, 1),
    ((3, 0, 6, 1), 2, 5),
    ((3, 0, 7, 0), 2, 3800),
    ((3, 0, 7, 1), 2, 5000),
    ((3, 0, 8, 0), 2, 125),
    ((3, 0, 8, 1), 2, 900),
    ((3, 0, 9), 2, 100),
    ((3, 0, 10), 2, 15),
    ((3, 0, 11, 0), 2, 0),
    ((3, 0, 13), 7, 1367491215),
    ((3, 0, 14), 1, "+02:00"),
    ((3, 0, 16), 1, "U"),
]


def _device_kind(path):
    for entry, kind, _ in _DEVICE_ENTRIES:
        if entry[2] == path[2]:
            return kind
    return None


def _encode(entries, base):
    return b"".join(tlv.encode(entries, base))


def test_instance_of_the_specification():
    """TS 1.0 §6.4.3.2.1: Read of /3/0, byte for byte, and back."""
    assert _encode(_DEVICE_ENTRIES, (3, 0)).hex() == _DEVICE
    found = list(tlv.decode(bytes.fromhex(_DEVICE), (3, 0), _device_kind))
    assert found == [(path, value) for path, kind, value in _DEVICE_ENTRIES]


def test_object_of_the_specification():
    """TS 1.0 §6.4.3.2.1: Read of /3 wraps each instance in an Object Instance record."""
    assert _encode(_DEVICE_ENTRIES, (3,)).hex() == "080079" + _DEVICE
    found = list(tlv.decode(bytes.fromhex("080079" + _DEVICE), (3,), _device_kind))
    assert found == [(path, value) for path, kind, value in _DEVICE_ENTRIES]
    assert list(tlv.decode(bytes.fromhex("080079" + _DEVICE), (3, 0), _device_kind)) == found


def test_several_instances():
    """TS 1.0 §6.4.3.2.2: one record an instance (Access Control example)."""
    entries = [((2, 0, 0), 2, 1), ((2, 0, 1), 2, 0), ((2, 2, 0), 2, 3), ((2, 2, 2, 127), 2, 7)]
    assert _encode(entries, (2,)).hex() == "0600c10001c10100" + "080208" + "c10003" + "8302417f07"


def test_resource_and_resource_instance():
    """TS 1.1 Core §7.4.2: Read of one resource, multiple resource and resource instance."""
    assert _encode([((3, 0, 9), 2, 100)], (3, 0, 9)).hex() == "c10964"
    assert (
        _encode([((3, 0, 6, 0), 2, 1), ((3, 0, 6, 1), 2, 5)], (3, 0, 6)).hex()
        == "8606410001410105"
    )
    assert _encode([((3, 0, 6, 1), 2, 5)], (3, 0, 6, 1)).hex() == "410105"
    assert list(tlv.decode(bytes.fromhex("410105"), (3, 0, 6, 1), _device_kind)) == [
        ((3, 0, 6, 1), 5)
    ]
    assert list(tlv.decode(bytes.fromhex("410105"), (3, 0, 6), _device_kind)) == [
        ((3, 0, 6, 1), 5)
    ]
    assert list(tlv.decode(bytes.fromhex("c10964"), (3, 0, 9), _device_kind)) == [((3, 0, 9), 100)]


def test_every_type_reads_back():
    """TS 1.0 appendix C: values of each type at the width that holds them."""
    entries = []
    for rid in sorted(VALUES):
        value = VALUES[rid]
        if isinstance(value, dict):
            entries += [((30000, 0, rid, key), KINDS[rid], value[key]) for key in sorted(value)]
        else:
            entries.append(((30000, 0, rid), KINDS[rid], value))
    for base in ((30000,), (30000, 0)):
        payload = memoryview(_encode(entries, base))
        assert list(tlv.decode(payload, base, kind_of)) == [
            (path, value) for path, _, value in entries
        ]


def test_integer_widths():
    """TS 1.0 appendix C: 1, 2, 4 or 8 bytes, two's complement."""
    for value, kind, expected in (
        (0, 2, "00"),
        (127, 2, "7f"),
        (128, 2, "0080"),
        (-128, 2, "80"),
        (-129, 2, "ff7f"),
        (32768, 2, "00008000"),
        (2147483648, 2, "0000000080000000"),
        (255, 3, "ff"),
        (256, 3, "0100"),
        (4294967296, 7, "0000000100000000"),
        (-9223372036854775808, 2, "8000000000000000"),
        (18446744073709551615, 3, "ffffffffffffffff"),
    ):
        payload = _encode([((30000, 0, 1), kind, value)], (30000, 0, 1))
        assert payload[-len(expected) // 2 :].hex() == expected, value
        found = list(tlv.decode(payload, (30000, 0, 1), lambda path, kind=kind: kind))
        assert found == [((30000, 0, 1), value)]


def test_length_forms():
    """TS 1.0 §6.4.3: lengths in the type byte, in 8, 16 and 24 bits; 16-bit identifiers."""
    for size, rid, head in (
        (7, 0, "c700"),
        (8, 0, "c80008"),
        (255, 0, "c800ff"),
        (256, 0, "d0000100"),
        (0, 256, "e00100"),
        (8, 300, "e8012c08"),
    ):
        payload = _encode([((1, 0, rid), 6, bytes(size))], (1, 0))
        assert payload[: len(head) // 2].hex() == head
        found = list(tlv.decode(payload, (1, 0), lambda path: 6))
        assert found == [((1, 0, rid), bytes(size))]
    # A sender may use a longer form than the length needs.
    for data in ("c80002aabb", "d0000002aabb", "d800000002aabb", "f80000000002aabb"):
        found = list(tlv.decode(bytes.fromhex(data), (1, 0), lambda path: 6))
        assert found == [((1, 0, 0), b"\xaa\xbb")]


def test_floats():
    """TS 1.0 appendix C: 4 bytes where exact, 8 otherwise; large integral ones stay exact."""
    assert _encode([((1, 0, 0), 4, 21.5)], (1, 0)).hex() == "c40041ac0000"
    assert _encode([((1, 0, 0), 4, 21)], (1, 0)).hex() == "c40041a80000"
    for data, value in (("c40041ac0000", 21.5), ("c800084035800000000000", 21.5)):
        assert list(tlv.decode(bytes.fromhex(data), (1, 0), lambda path: 4)) == [
            ((1, 0, 0), value)
        ]
    data = bytes.fromhex("c800084278bcfe5687b000")
    assert list(tlv.decode(data, (1, 0), lambda path: 4)) == [((1, 0, 0), 1700000000123)]


def test_created_without_an_instance():
    """TS 1.0 §5.4.6: resources sent to an Object leave the instance id to the client."""
    found = list(tlv.decode(bytes.fromhex("c10105"), (30000,), kind_of))
    assert found == [((30000, 65535, 1), 5)]


def test_empty_multiple_resource():
    """TS 1.0 §6.4.3: a multiple resource of no instances is empty, not missing."""
    assert list(tlv.decode(bytes.fromhex("a00100"), (30000, 0), kind_of)) == [
        ((30000, 0, 256), {})
    ]


def test_malformed_records():
    """TS 1.0 §6.4.3: records that are cut, misplaced or of a wrong width are refused."""
    for data, base in (
        ("c2", (3, 0)),
        ("c20901", (3, 0)),
        ("c30901ff", (3, 0)),
        ("c80009", (3, 0)),
        ("c0", (3, 0)),
        ("c009", (3, 0)),
        ("c10b00"[:4], (3, 0)),
        ("410105", (3, 0)),
        ("0301c10964", (3, 0)),
        ("c10a64", (3, 0, 9)),
        ("8606c10001410105", (3, 0)),
        ("8306410001", (3, 0, 6, 0)),
        ("410205", (3, 0, 6, 1)),
        ("8206410001", (3, 0)),
        ("03004101ff", (3, 0)),
        ("c16301", (3, 0)),
        ("c20eff80", (3, 0)),
        ("f8ffffffffff", (3, 0)),
    ):
        assert is_refused(tlv.decode, bytes.fromhex(data), base, _device_kind), data
    for data in (
        "c1043002",
        "c00400",
        "c20400",
        "c10402",
        "c30700",
        "c1030000",
    ):
        assert is_refused(tlv.decode, bytes.fromhex(data), (30000, 0), kind_of), data


def test_every_truncation():
    """TS 1.0 §6.4.3: a cut inside a record is refused; no cut raises anything but CodecError."""
    payload = bytes.fromhex(_DEVICE)
    whole = 0
    for end in range(len(payload)):
        whole += not is_refused(tlv.decode, payload[:end], (3, 0), _device_kind)
    assert whole == 13
