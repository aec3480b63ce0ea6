"""SenML CBOR, both directions."""

from lwm2m.codec import cbor, cbor_value, senml_cbor
from unit.lwm2m_model.helpers import KINDS, VALUES, is_refused, kind_of


def _entries():
    entries = []
    for rid in sorted(VALUES):
        value = VALUES[rid]
        if isinstance(value, dict):
            for riid in sorted(value):
                entries.append(((30000, 0, rid, riid), KINDS[rid], value[riid]))
        else:
            entries.append(((30000, 0, rid), KINDS[rid], value))
    return entries


def _read(records, base=(30000, 0)):
    return list(senml_cbor.decode(cbor.dumps(records), base, kind_of))


def _refused(records, base=(30000, 0)):
    return is_refused(senml_cbor.decode, cbor.dumps(records), base, kind_of)


def test_base_name_of_each_level():
    """RFC 8428 §4.5.1, TS 1.1 Core §7.4.4: names are the base name with what follows."""
    entry = [((3, 0, 6, 1), 2, 5)]
    for base, first, name in (
        ((3,), "/3/", "0/6/1"),
        ((3, 0), "/3/0/", "6/1"),
        ((3, 0, 6), "/3/0/6/", "1"),
        ((3, 0, 6, 1), "/3/0/6/1", None),
        ((), "/", "3/0/6/1"),
    ):
        record = cbor.loads(b"".join(senml_cbor.encode(entry, base)))[0]
        assert record[-2] == first
        assert record.get(0) == name
        assert record[2] == 5


def test_labels_by_type():
    """RFC 8428 §6: CBOR labels; TS 1.1 Core table 7.4.4-1: vlo."""
    pack = cbor.loads(b"".join(senml_cbor.encode(_entries(), (30000, 0))))
    assert pack[0] == {-2: "/30000/0/", 0: "0", 3: "text"}
    assert pack[1] == {0: "1", 2: -5}
    assert pack[4] == {0: "4", 4: True}
    assert pack[5] == {0: "5", 8: b"\x00\xff\x10"}
    assert pack[6] == {0: "6", 2: 1700000000}
    assert pack[7] == {0: "7", "vlo": "3:0"}
    assert pack[8] == {0: "8", 3: "</3/0>"}
    assert len(pack) == 13


def test_reads_back():
    """RFC 8428: what is written is read, at every level, with all 64 bits."""
    for base in ((30000,), (30000, 0)):
        payload = b"".join(senml_cbor.encode(_entries(), base))
        found = list(senml_cbor.decode(memoryview(payload), base, kind_of))
        assert found == [(path, value) for path, kind, value in _entries()]


def test_nothing_to_send():
    """RFC 8428 §6: an empty pack is an empty array."""
    assert b"".join(senml_cbor.encode([], (3, 0))) == b"\x80"


def test_times_are_sent():
    """RFC 8428 §4.2: an entry with a time has a `t`."""
    pack = cbor.loads(b"".join(senml_cbor.encode([((3, 0, 9), 2, 80, 1700000000)], (3, 0, 9))))
    assert pack == [{-2: "/3/0/9", 6: 1700000000, 2: 80}]


def test_base_resolution():
    """RFC 8428 §4.5.1: bases hold until replaced; name and base name concatenate."""
    assert _read(
        [{-2: "/30000/0/", 0: "1", 2: 1}, {0: "2", 2: 2}, {-2: "/30000/0/25", 0: "6/0", 2: 3}]
    ) == [
        ((30000, 0, 1), 1),
        ((30000, 0, 2), 2),
        ((30000, 0, 256, 0), 3),
    ]
    assert _read([{0: "/30000/0/1", 2: 1}]) == [((30000, 0, 1), 1)]
    assert _read([{-2: "/30000/0/1", 2: 1}], (30000, 0, 1)) == [((30000, 0, 1), 1)]
    assert _read([{-2: "/30000/0/", -3: 1700000000}, {0: "1", 2: 1, 6: -5}]) == [
        ((30000, 0, 1), 1)
    ]
    assert _read([{-2: "/30000/0/", -5: 100, 0: "1", 2: 1}, {0: "2", 2: 2}]) == [
        ((30000, 0, 1), 101),
        ((30000, 0, 2), 102),
    ]


def test_unknown_labels():
    """RFC 8428 §4.4: unknown labels are ignored, unless they end with an underscore."""
    assert _read([{0: "/30000/0/1", 2: 1, "x": [1], 1: "Cel", 7: 3}]) == [((30000, 0, 1), 1)]
    assert _refused([{0: "/30000/0/1", 2: 1, "x_": 1}])
    assert _refused([{-1: 11, 0: "/30000/0/1", 2: 1}])
    assert _read([{-1: 10, 0: "/30000/0/1", 2: 1}]) == [((30000, 0, 1), 1)]


def test_malformed_packs():
    """RFC 8428 §4: what is not a pack of resolved records is refused."""
    for records in (
        {},
        5,
        [5],
        [[]],
        [{}],
        [{0: "/30000/0/1"}],
        [{0: 1, 2: 1}],
        [{-2: 5, 0: "1", 2: 1}],
        [{0: "30000/0/1", 2: 1}],
        [{0: "/30000/0/x", 2: 1}],
        [{0: "/30000/0/1/2/3", 2: 1}],
        [{0: "/30000/0", 2: 1}],
        [{0: "/30000/1/1", 2: 1}],
        [{0: "/30000/0/65536", 2: 1}],
        [{0: "/30000/0/1/", 2: 1}],
        [{0: "/30000/0/1", 2: 1, 3: "x"}],
        [{0: "/30000/0/1", 2: 1, 6: "x"}],
        [{0: "/30000/0/1", 2: True}],
        [{-5: "x", 0: "/30000/0/1", 2: 1}],
    ):
        assert _refused(records), records


def test_types_must_agree():
    """TS 1.1 Core §7.4.4: the label belongs to the resource's type."""
    for rid, label, value in (
        (1, 3, "5"),
        (1, 4, True),
        (0, 2, 5),
        (4, 2, 1),
        (5, 3, "x"),
        (7, 3, "3:0"),
        (7, "vlo", "3"),
        (2, 2, -1),
        (1, 2, 1.5),
        (1, 2, 1 << 63),
        (99, 2, 1),
        (3, 2, None),
    ):
        assert _refused([{0: "/30000/0/%d" % rid, label: value}]), (rid, label)
    assert _read([{0: "/30000/0/1", 2: 5.0}]) == [((30000, 0, 1), 5)]


def test_every_truncation_is_refused():
    """RFC 8949 §5.1: no cut of a payload passes or raises anything but CodecError."""
    payload = b"".join(senml_cbor.encode(_entries(), (30000, 0)))
    for end in range(len(payload)):
        assert is_refused(senml_cbor.decode, payload[:end], (30000, 0), kind_of), end
    assert is_refused(senml_cbor.decode, payload + b"\x00", (30000, 0), kind_of)


def test_streamed_array():
    """RFC 8949 §3.2.2: an array of open length is a pack too."""
    payload = b"\x9f" + cbor.dumps({0: "/30000/0/1", 2: 1}) + b"\xff"
    assert list(senml_cbor.decode(payload, (30000, 0), kind_of)) == [((30000, 0, 1), 1)]


def test_whole_number_of_a_float_resource():
    """RFC 8428 §6, TS 1.1 Core appendix C: a Float leaves as a CBOR float, for strict readers."""
    entry = [((3303, 0, 5700), 4, 20)]
    assert b"".join(senml_cbor.encode(entry, (3303, 0, 5700)))[-3:] == b"\xf9\x4d\x00"
    assert b"".join(cbor_value.encode(entry, (3303, 0, 5700))) == b"\xf9\x4d\x00"
