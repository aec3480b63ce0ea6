"""DESIGN §4, RFC 7959: an Object of 200 resources is encoded block by block, without a tree."""

import gc
import sys
from binascii import crc32

from coap.endpoint import Endpoint
from coap.message import NON, Message
from coap.registry import ACCEPT, BLOCK2, CONTENT, CONTENT_FORMAT, GET, URI_PATH
from lwm2m import versions
from lwm2m.codec import load
from lwm2m.object import Object
from lwm2m.operations import Operations
from lwm2m.tree import Tree
from unit.coap.helpers import PEER, Link

HEAP_K = 64  # the test itself, and four codecs one after the other, whose names stay

# A block of the heap is twice as large on a 64-bit machine as on an ESP32, and holds as much.
_SCALE = 2 if sys.maxsize >> 32 else 1
_COUNT = 200
# Bytes of a heap of 56 KiB that a Read in blocks of 256 bytes may keep from block to block.
_KEPT = 2_000
_KEPT_TLV = 3_000  # of an Object, whose instances are preceded by their length
_TYPES = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def _table():
    table = bytearray()
    for rid in range(_COUNT):
        table += bytes((rid >> 8, rid & 255, 1 if rid % 10 else 9, _TYPES[rid % 8]))
    return bytes(table)


class Large(Object):
    """200 resources of every type, every tenth one a list of three."""

    object_id = 30002
    multiple = True
    creatable = True
    resources = _table()

    def has(self, rid):
        return rid < _COUNT

    def read(self, rid):
        value = _value(rid)
        return value if rid % 10 else {0: value, 1: value, 7: value}


def _value(rid):
    kind = _TYPES[rid % 8]
    if kind == 1:
        return "resource %d" % rid
    if kind == 4:
        return rid + 0.5
    if kind == 5:
        return rid % 16 < 8
    if kind == 6:
        return bytes((rid, 0, 255))
    if kind == 8:
        return (rid, 65535)
    return rid * 1_000_003


class Bench:
    """The Object behind an endpoint."""

    def __init__(self, version="1.2"):
        self.tree = Tree()
        self.large = self.tree.add(Large())
        self.operations = Operations(self.tree, versions.get(version))
        self.link = Link()
        self.endpoint = Endpoint(self._handle, lambda bits: 0)
        self.message_id = 0

    def _handle(self, request, peer, link, now):
        return self.operations.handle(request, request.ids(0), None)

    def request(self, code, path, options, payload=b""):
        """Send a request; return the response."""
        self.message_id += 1  # Non-confirmable: no copy of the answer is kept for a repetition
        request = Message(code, NON, b"\x01", payload, self.message_id)
        for segment in path.split("/"):
            if segment:
                request.add(URI_PATH, segment)
        for number, value in options:
            request.add(number, value)
        self.endpoint.receive(bytes(request.encode()), PEER, self.link, 0)
        return self.link.take_one()


class Reader:
    """Fetches a body block by block."""

    def __init__(self, bench, accept, path, szx=4):
        self.bench = bench
        self.accept = accept
        self.path = path
        self.szx = szx

    def block(self, number):
        """Return the response to the request for one block."""
        options = ((ACCEPT, self.accept), (BLOCK2, number << 4 | self.szx))
        return self.bench.request(GET, self.path, options)

    def chunks(self):
        """Yield the body block by block."""
        number = 0
        while True:
            response = self.block(number)
            assert response.code == CONTENT, (number, response.code)
            assert response.get_uint(CONTENT_FORMAT) == self.accept
            assert len(response.payload) <= 16 << self.szx
            yield response.payload
            if not response.get_uint(BLOCK2) & 8:
                return
            response = None
            number += 1


def _used():
    if not hasattr(gc, "mem_alloc"):
        return 0
    gc.collect()
    return gc.mem_alloc() // _SCALE


def _check(content_format, path="/30002", largest=_KEPT):
    Reader(Bench(), content_format, path).block(0)  # imports what it takes
    bench = Bench()
    ids = tuple([int(each) for each in path.split("/") if each])
    expected = size = 0
    for chunk in load(content_format).encode(bench.tree.entries(ids), ids):
        expected = crc32(chunk, expected)
        size += len(chunk)
    assert size > 1_600
    chunk = None
    reader = Reader(bench, content_format, path)
    before = kept = _used()
    found = 0
    for chunk in reader.chunks():
        found = crc32(chunk, found)
        size -= len(chunk)
        chunk = None
        kept = max(kept, _used())
    assert (found, size) == (expected, 0)
    assert kept - before <= largest, kept - before


def test_tlv():
    """TS 1.0 §6.4.3: the Object in TLV."""
    _check(11542, largest=_KEPT_TLV)


def test_senml_cbor():
    """TS 1.1 Core §7.4.4: the Object in SenML CBOR."""
    _check(112)


def test_senml_json():
    """TS 1.1 Core §7.4.4: the Object in SenML JSON."""
    _check(110)


def test_lwm2m_cbor():
    """TS 1.2 Core §7.4.6: the Object in LwM2M CBOR."""
    _check(11544)


def test_an_instance():
    """RFC 7959 §2.4: the same of an Object Instance, in any format."""
    for content_format in (11542, 112, 110, 11544):
        _check(content_format, "/30002/0")
