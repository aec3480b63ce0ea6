"""SenML-ETCH in JSON and CBOR (Content-Formats 320 and 322): RFC 8790."""

from lwm2m.codec import cbor, load
from lwm2m.codec.senml_etch import names
from unit.lwm2m_model.helpers import POST, PUT, VALUES, Fixture, code, is_refused, kind_of


def _payload(content_format, records):
    # Records with the labels of RFC 8428 §6, in the format.
    if content_format in (112, 322):
        return cbor.dumps(records)
    labels = {-2: "bn", 0: "n", 2: "v", 3: "vs", 6: "t", -3: "bt", -1: "bver", 1: "u"}
    text = []
    for record in records:
        parts = []
        for label, value in record.items():
            if value is None:
                value = "null"
            elif isinstance(value, str):
                value = '"%s"' % value
            parts.append('"%s":%s' % (labels.get(label, label), value))
        text.append("{%s}" % ",".join(parts))
    return ("[%s]" % ",".join(text)).encode()


def test_fetch_pack():
    """RFC 8790 §3.1: records of names, base names carried on, and the root; in 110 and 112 too."""
    for content_format in (110, 112, 320, 322):
        for records, expected in (
            ([{0: "/3/0/0"}], [(3, 0, 0)]),
            ([{-2: "/3/0/", 0: "0"}, {0: "11/0"}], [(3, 0, 0), (3, 0, 11, 0)]),
            ([{-2: "/3/0"}, {0: "/1"}], [(3, 0), (3, 0, 1)]),
            ([{-2: "/3/"}], [(3,)]),
            ([{-2: "/", 0: "3"}, {-2: "/1/0"}], [(3,), (1, 0)]),
            ([{0: "/"}], [()]),
            # What narrows a choice to times and units has nothing to choose from.
            ([{-2: "/3/0/", -3: 1700000000, 0: "0", 1: "V", 6: 5}], [(3, 0, 0)]),
        ):
            payload = _payload(content_format, records)
            assert list(names(payload, content_format)) == expected, payload


def test_fetch_pack_refused():
    """RFC 8790 §3.1: a Fetch Record has a name or a base name; LwM2M names are paths."""
    for content_format in (110, 112, 320, 322):
        assert is_refused(names, _payload(content_format, [{0: "//"}]), content_format, "lwm2m")
        for records in (
            [{}],
            [{0: "/3"}, {2: 1}],
            [{0: ""}],
            [{0: 3}],
            [{0: "3/0"}],
            [{0: "//"}],
            [{0: "/3//0"}],
            [{0: "/a"}],
            [{0: "/1/2/3/4/5"}],
            [{-2: "/3/", 0: "70000"}],
            [{0: "/3", -1: 99}],
            [{0: "/3", "x_": 1}],
        ):
            assert is_refused(names, _payload(content_format, records), content_format), records


def test_patch_pack():
    """RFC 8790 §3.2: a Patch Pack reads as a SenML Pack whose null removes."""
    records = [{-2: "/30000/0/", 0: "1", 2: 5}, {0: "256/300", 2: None}, {0: "0", 3: "x"}]
    expected = [((30000, 0, 1), 5), ((30000, 0, 256, 300), None), ((30000, 0, 0), "x")]
    for content_format in (320, 322):
        codec = load(content_format)
        payload = _payload(content_format, records)
        assert list(codec.decode(payload, (), kind_of)) == expected
        assert list(codec.decode(payload, (30000, 0), kind_of)) == expected
        assert is_refused(codec.decode, payload, (30000, 1), kind_of)
        for record in (
            {0: "/30000/0/1"},
            {0: "/30000/0/1", 3: None},
            {-2: "/3/0/1", 2: 1, 3: "1"},
        ):
            payload = _payload(content_format, [record])
            assert is_refused(codec.decode, payload, (), kind_of), record
    # A SenML Pack itself has no null (RFC 8428 §4.3).
    for content_format in (110, 112):
        assert is_refused(
            load(content_format).decode, _payload(content_format, records), (), kind_of
        )


def test_written():
    """RFC 8790 §3.2: entries in either format, as SenML has them, None as null."""
    entries = [((30000, 0, 1), 2, 5), ((30000, 0, 256, 300), 0, None), ((30000, 0, 0), 1, "x")]
    for content_format in (320, 322):
        codec = load(content_format)
        payload = b"".join([bytes(chunk) for chunk in codec.encode(entries, (30000, 0))])
        decoded = list(codec.decode(payload, (30000, 0), kind_of))
        assert decoded == [(path, value) for path, _, value in entries]
    assert cbor.loads(payload) == [
        {-2: "/30000/0/", 0: "1", 2: 5},
        {0: "256/300", 2: None},
        {0: "0", 3: "x"},
    ]


def test_in_a_write():
    """RFC 8790 §3.2: in a Write of 1.2 it is read as the SenML that it extends, null refused."""
    fixture = Fixture("1.2")
    for content_format in (320, 322):
        payload = _payload(content_format, [{-2: "/30000/0/", 0: "1", 2: content_format}])
        assert code(fixture.ask(POST, "30000/0", payload, content_format)) == 204
        assert fixture.thing.values[1] == content_format
        payload = _payload(content_format, [{-2: "/30000/0/256/0", 2: None}])
        assert code(fixture.ask(POST, "30000/0", payload, content_format)) == 400
        assert fixture.thing.values[256] == VALUES[256]
        older = Fixture("1.1")
        assert code(older.ask(PUT, "30000/0/1", payload, content_format)) == 415
