"""RFC 7959: what becomes of a body that is encoded while it is fetched in blocks."""

from coap.registry import (
    ACCEPT,
    BAD_REQUEST,
    BLOCK2,
    CONTENT,
    CONTENT_FORMAT,
    FETCH,
    GET,
    NOT_ACCEPTABLE,
    NOT_FOUND,
)
from lwm2m import versions
from lwm2m.attributes import Attributes
from lwm2m.codec import cbor
from lwm2m.codec.stream import Stream
from lwm2m.discover import discover
from lwm2m.object import Object, OperationError
from lwm2m.tree import Tree
from unit.lwm2m.test_large_object import Bench, Large, Reader

HEAP_K = 96  # whole bodies, to compare with


class Rack(Object):
    """A multiple resource, whose values are there for a while."""

    object_id = 30003
    resources = b"\x00\x00\x0b\x02"


def test_a_block_again():
    """RFC 7959 §2.4: the block just sent may be asked for again, in smaller ones too; an earlier
    one is 4.00, for its values may be others, and a new Read begins with the first."""
    bench = Bench()
    reader = Reader(bench, 112, "/30002/0")
    whole = b"".join([bytes(chunk) for chunk in reader.chunks()])
    for number in (0, 1, 1, 2, 2):
        response = reader.block(number)
        assert (response.code, response.payload) == (
            CONTENT,
            whole[number * 256 : number * 256 + 256],
        )
    assert Reader(bench, 112, "/30002/0", 2).block(9).payload == whole[9 * 64 : 10 * 64]
    assert reader.block(1).code == BAD_REQUEST
    assert reader.block(0).payload == whole[:256]
    assert reader.block(1).code == CONTENT
    assert reader.block(60).code == BAD_REQUEST


def test_an_instance_that_goes():
    """RFC 7959 §2.4: where an instance is deleted or comes while its Object is on its way, the
    transfer ends with 4.00 and is none of both states."""
    for content_format in (11542, 112, 110, 11544):
        bench = Bench()
        bench.tree.add(Large())
        reader = Reader(bench, content_format, "/30002", 6)
        assert reader.block(0).code == CONTENT
        bench.tree.remove(30002, 1)
        code = number = 0
        while number < 20 and code in (0, CONTENT):
            number += 1
            code = reader.block(number).code
        assert code == BAD_REQUEST, content_format


def test_a_value_that_goes():
    """RFC 7959 §2.4: likewise where an instance of a resource, or a resource of which a Discover
    is to tell the instances, goes between two blocks."""
    tree = Tree()
    rack = tree.add(Rack())
    rack.set(0, {0: 1, 1: 2})
    entries = iter(tree.entries((30003, 0)))
    assert next(entries)[0] == (30003, 0, 0, 0)
    rack.values[0].clear()
    assert _refused(entries)
    rack.set(0, {0: 1, 1: 2})
    found = discover(tree, versions.get("1.2"), Attributes(), 1, (30003, 0), "", 2)
    assert [bytes(next(found)) for _ in range(2)] == [b"</30003/0>", b",</30003/0/0>;dim=2"]
    rack.clear(0)
    assert _refused(found)


def test_a_probe_out_of_order():
    """RFC 7959 §2.4: likewise where a value cannot be measured when its block is to be made."""

    def chunks():
        yield b"a"
        raise OSError(110)

    body = Stream([b"x" * 64], chunks())
    assert body.read(0, 64) == b"x" * 64
    assert body.read(64, 64) == b"" and body.read(0, 64) == b""


def _refused(items):
    try:
        next(items)
    except OperationError as error:
        return error.code == NOT_FOUND
    return False


def test_discover_of_a_large_object():
    """TS 1.1 Core §6.3.2: the links of 200 resources go in blocks as they are made."""
    bench = Bench()
    reader = Reader(bench, 40, "/30002")
    text = str(b"".join([bytes(chunk) for chunk in reader.chunks()]), "utf-8")
    links = text.split(",")
    assert links[:3] == ["</30002>", "</30002/0>", "</30002/0/0>;dim=3"]
    assert links[-1] == "</30002/0/199>" and len(links) == 202
    assert reader.block(0).code == CONTENT
    bench.tree.remove(30002, 0)
    assert reader.block(1).code == BAD_REQUEST


def test_a_number_that_json_has_not():
    """RFC 8259 §6: where the last value is no number, the whole is 4.06, not its end missing."""

    class Broken(Large):
        object_id = 30003

        def read(self, rid):
            return float("nan") if rid == 195 else super().read(rid)

    for version, content_format in (("1.2", 110), ("1.0", 11543)):
        bench = Bench(version)
        bench.tree.add(Broken())
        assert Reader(bench, content_format, "/30003").block(0).code == NOT_ACCEPTABLE
    assert Reader(bench, 112, "/30003").block(0).code == CONTENT


def test_small_answers_are_bytes():
    """RFC 7959 §2.4: what fits one block is no body in blocks."""
    bench = Bench()
    for rid in (1, 8, 10):
        response = bench.request(GET, "/30002/0/%d" % rid, ())
        assert response.code == CONTENT
        assert response.get(BLOCK2) is None


def test_composite_of_a_large_object():
    """TS 1.1 Core §6.3.8: a Read-Composite is streamed alike."""
    bench = Bench()
    payload = cbor.dumps([{0: "/30002"}])
    options = ((CONTENT_FORMAT, 112), (ACCEPT, 112))
    found = bytearray()
    number = 0
    more = 8
    while more:
        response = bench.request(FETCH, "", options + ((BLOCK2, number << 4 | 4),), payload)
        assert response.code == CONTENT
        found += response.payload
        more = response.get_uint(BLOCK2) & 8
        number += 1
    assert found == b"".join([bytes(chunk) for chunk in Reader(bench, 112, "/30002").chunks()])
