"""Firmware Update (Object 5): pushed, pulled, resumed, applied, and every way it fails.

The numbers are those of the ETS for 1.0 and 1.1 (LightweightM2M-1.x-int-751 to 780).
"""

from coap.message import ACK, Message
from lwm2m.objects.access_control import AccessControl
from lwm2m.objects.firmware import FirmwareUpdate, FirmwareUpdate12
from unit.lwm2m.helpers import Bench, text
from unit.lwm2m.package_sink import PACKAGE, Sink

HEAP_K = 160  # the tests' own code, two clients at a time and packages in memory

GET, POST, PUT = 1, 2, 3
CHANGED, CONTENT, CONTINUE = 0x44, 0x45, 0x5F
URI = "coap://files.example:5700/fw/v2?board=3"
PEER = ("files.example", 5700)
IDLE, DOWNLOADING, DOWNLOADED, UPDATING = range(4)


def _bench(sink=None, kind=FirmwareUpdate, **settings):
    bench = Bench(**settings)
    bench.sink = sink or Sink()
    bench.firmware = bench.tree.add(kind(bench.client, bench.sink))
    bench.register()
    return bench


def _restart(bench, kind=FirmwareUpdate):
    """Cut the power; the disk remains."""
    other = Sink(bench.sink.disk, bench.sink.limit, bench.sink.good)
    other.turned_out = bench.sink.turned_out
    return _bench(other, kind)


def _ask(bench, *arguments, **options):
    """Send a request of the server's; return the answer and leave what else was sent."""
    before = bench.sent()
    sent = bench.request(*arguments, **options)
    answers = [message for message in sent if message.type == ACK]
    bench.out[:] = before + [message for message in sent if message.type != ACK]
    assert len(answers) == 1
    return answers[0]


def _state(bench):
    """Return (State, Update Result) as a server reads them."""
    return tuple([int(text(_ask(bench, GET, path))) for path in ("/5/0/3", "/5/0/5")])


def _push(bench, package=PACKAGE, szx=5, blocks=None, form=42, size1=True):
    """Write Package in blocks; return the code of the last answer."""
    size = 16 << szx
    count = (len(package) + size - 1) // size
    code = None
    for number in range(count if blocks is None else blocks):
        chunk = package[number * size : number * size + size]
        more = 8 if number < count - 1 else 0
        options = [(27, number << 4 | more | szx)]
        if size1 and not number:
            options.append((60, len(package)))
        code = _ask(bench, PUT, "/5/0/0", chunk, form, options=options).code
        if code != CONTINUE:
            break
    return code


def _serve(bench, package=PACKAGE, etag=b"v2", most=10_000, szx=5, size2=True):
    """Answer the GETs of a pull, `most` of them; return the messages that were something else,
    and the numbers of the blocks asked for.
    """
    others, numbers = [], []
    bench.step()
    queue = bench.sent()
    while queue:
        request = queue.pop(0)
        if request.peer != PEER:
            others.append(request)
            continue
        if not most:
            return others, numbers
        most -= 1
        asked = request.get_uint(23, 0)
        szx = min(szx, asked & 7)
        offset = (asked >> 4) * (16 << (asked & 7))
        chunk = package[offset : offset + (16 << szx)]
        numbers.append(offset)
        if offset and not chunk:
            reply = Message(0x80, ACK, request.token, b"", request.message_id)
        else:
            more = 8 if offset + len(chunk) < len(package) else 0
            reply = Message(CONTENT, ACK, request.token, chunk, request.message_id)
            if etag:
                reply.add(4, etag)
            reply.add(23, offset // (16 << szx) << 4 | more | szx)
            if size2:
                reply.add(28, len(package))
        bench.deliver(reply, sender=PEER)
        queue += bench.sent()
    return others, numbers


def test_querying_the_readable_resources():
    """LightweightM2M-1.1-int-751: State, Update Result, Protocol Support, Delivery Method, URI."""
    bench = _bench()
    assert _state(bench) == (IDLE, 0)
    assert text(_ask(bench, GET, "/5/0/9")) == "2"
    assert text(_ask(bench, GET, "/5/0/8/0")) == "0"
    assert text(_ask(bench, GET, "/5/0/1")) == ""
    assert _ask(bench, GET, "/5/0/0").code == 0x85  # 4.05: Package is write-only
    assert _ask(bench, GET, "/5/0/6").code == 0x84
    assert _ask(bench, GET, "/5/0").code == CONTENT
    for path in ("/5/0/3", "/5/0/5", "/5/0/9"):
        assert _ask(bench, PUT, path, b"1", 0).code == 0x85


def test_package_in_one_piece():
    """LightweightM2M-1.1-int-755: a package of one datagram, opaque and wrapped up in TLV."""
    bench = _bench(Sink(good=b"small"))
    bench.sink.name, bench.sink.version = "app", "2.0"
    assert _ask(bench, PUT, "/5/0/0", b"small", 42).code == CHANGED
    assert _state(bench) == (DOWNLOADED, 0)
    assert text(_ask(bench, GET, "/5/0/6")) == "app"
    assert text(_ask(bench, GET, "/5/0/7")) == "2.0"
    assert _ask(bench, PUT, "/5/0/0", b"\x00", 42).code == CHANGED
    assert _state(bench) == (IDLE, 0)
    assert _ask(bench, GET, "/5/0/6").code == 0x84
    assert bench.sink.held() == 0
    for code, path in ((POST, "/5/0"), (PUT, "/5/0/0")):
        assert _ask(bench, code, path, b"\xc5\x00small", 11542).code == CHANGED
        assert _state(bench) == (DOWNLOADED, 0)
        assert _ask(bench, PUT, "/5/0/0", b"", 42).code == CHANGED
        assert _state(bench) == (IDLE, 0)


def test_package_wrapped_up_in_blocks():
    """LightweightM2M-1.1-int-755: TLV in blocks is put together, as memory allows."""
    package = bytes(2000)
    bench = _bench(Sink(good=package))
    assert _push(bench, b"\xd0\x00\x07\xd0" + package, form=11542) == CHANGED
    assert _state(bench) == (DOWNLOADED, 0)


def test_package_uri():
    """LightweightM2M-1.1-int-756: the URI is kept, is read, and an empty one resets."""
    bench = _bench()
    assert _ask(bench, PUT, "/5/0/1", URI.encode(), 0).code == CHANGED
    assert text(_ask(bench, GET, "/5/0/1")) == URI
    assert _state(bench) == (DOWNLOADING, 0)
    assert _ask(bench, PUT, "/5/0/1", b"", 0).code == CHANGED
    assert text(_ask(bench, GET, "/5/0/1")) == ""
    assert _state(bench) == (IDLE, 0)
    assert bench.client.guests == ()
    assert _ask(bench, PUT, "/5/0/1", b"coap://x/" + b"y" * 247, 0).code == 0x80


def test_observation():
    """LightweightM2M-1.1-int-760: State and Update Result are notified."""
    bench = _bench()
    bench.observe("/5/0/3", b"\x03")
    bench.observe("/5/0/5", b"\x05")
    _push(bench, blocks=1)
    bench.run_for(100)
    states = [text(sent) for sent in bench.sent() if sent.token == b"\x03"]
    assert states == ["1"]


def test_push():
    """LightweightM2M-1.1-int-770: pushed in blocks, updated, reported after the boot."""
    bench = _bench()
    assert _push(bench, blocks=3) == CONTINUE
    assert _state(bench) == (DOWNLOADING, 0)
    assert bench.sink.held() == 3 * 512
    assert _push(bench) == CHANGED  # begun anew
    assert _state(bench) == (DOWNLOADED, 0)
    assert bench.sink.sizes[-1] == len(PACKAGE)
    assert _ask(bench, POST, "/5/0/2").code == CHANGED
    assert _state(bench) == (UPDATING, 0)
    assert bench.sink.applied == 0  # its answer goes out first
    bench.run_for(1_000)
    assert bench.sink.applied == 1
    bench.sink.turned_out = 1
    bench = _restart(bench)
    assert _state(bench) == (IDLE, 1)
    assert text(_ask(bench, GET, "/5/0/1")) == ""
    assert bench.sink.held() == 0
    bench = _restart(bench)
    assert _state(bench) == (IDLE, 1)


def test_pull():
    """LightweightM2M-1.1-int-771: pulled from a peer that is no server, by its URI."""
    bench = _bench()
    assert _ask(bench, PUT, "/5/0/1", URI.encode(), 0).code == CHANGED
    bench.step()
    request = bench.out[0]
    assert (request.peer, request.path(), request.queries()) == (PEER, ["fw", "v2"], ["board=3"])
    assert bytes(request.get(3)) == b"files.example"
    others, numbers = _serve(bench)
    assert numbers == list(range(0, 5000, 512))
    assert others == []
    assert bench.sink.sizes == [5000]
    assert _state(bench) == (DOWNLOADED, 0)
    assert bench.client.guests == ()
    assert _ask(bench, POST, "/5/0/2").code == CHANGED
    bench.run_for(1_000)
    assert bench.sink.applied == 1
    bench.firmware.done(1)
    assert _state(bench) == (IDLE, 1)


def test_pull_of_one_datagram_from_the_server_itself():
    """LightweightM2M-1.1-int-771: a package without blocks, size or ETag."""
    bench = _bench(Sink(good=b"small"))
    _ask(bench, PUT, "/5/0/1", b"coap://server.example/p%C3%A4ck", 0)
    bench.step()
    request = bench.one()
    assert request.path() == ["p\u00e4ck"]
    assert bench.client.guests == ()
    bench.answer(request, CONTENT, b"small")
    assert _state(bench) == (DOWNLOADED, 0)


def test_update_without_package():
    """LightweightM2M-1.1-int-772: 4.05, and nothing changes."""
    bench = _bench()
    assert _ask(bench, POST, "/5/0/2").code == 0x85
    assert _state(bench) == (IDLE, 0)
    _push(bench, blocks=2)
    assert _ask(bench, POST, "/5/0/2").code == 0x85
    assert _state(bench) == (DOWNLOADING, 0)
    assert _ask(bench, POST, "/5/0/10").code == 0x84


def test_shortage_of_storage():
    """LightweightM2M-1.1-int-773: result 2, told beforehand, on the way, or by the file system."""
    bench = _bench(Sink(limit=1500))
    assert _push(bench) == 0x8D
    assert _state(bench) == (IDLE, 2)
    assert _push(bench, size1=False) == 0xA0
    assert _state(bench) == (IDLE, 2)
    assert bench.sink.held() == 0
    bench.sink.failure = OSError(28)
    assert _push(bench, PACKAGE[:1024]) == 0xA0
    assert _state(bench) == (IDLE, 2)
    bench.sink.failure = None
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    assert _state(bench) == (DOWNLOADING, 0)
    _serve(bench)
    assert _state(bench) == (IDLE, 2)
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, size2=False)
    assert _state(bench) == (IDLE, 2)


def test_out_of_memory():
    """LightweightM2M-1.1-int-774: result 3."""
    bench = _bench()
    bench.sink.failure = MemoryError()
    assert _push(bench) == 0xA0
    assert _state(bench) == (IDLE, 3)
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench)
    assert _state(bench) == (IDLE, 3)


def test_connection_lost_in_a_push():
    """LightweightM2M-1.1-int-775: result 4 when no block comes for EXCHANGE_LIFETIME."""
    bench = _bench()
    _push(bench, blocks=3)
    bench.run_for(400_000)
    bench.sent()
    assert bench.firmware.read(3) == IDLE
    assert bench.firmware.read(5) == 4


def test_connection_lost_in_a_pull():
    """LightweightM2M-1.1-int-775: it goes on where it stopped; result 4 when nothing helps."""
    bench = _bench(lifetime_s=86_400)
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, most=4)
    assert bench.sink.held() == 2048
    bench.run_for(93_000 + 31_000)
    others, numbers = _serve(bench, most=1)
    assert numbers in ([2048], []), numbers
    for _ in range(40):
        bench.run_for(60_000)
        for message in bench.sent():
            if message.peer != PEER and message.code == POST:
                bench.answer(message, CHANGED)
    assert (bench.firmware.read(3), bench.firmware.read(5)) == (IDLE, 4)
    assert bench.sink.held() == 0


def test_connection_lost_in_sleeps():
    """LightweightM2M-1.1-int-775: what came of nothing is counted over resets as well."""
    bench = _bench()
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, most=4)
    for _ in range(4):
        bench.run_for(125_000)
        assert bench.firmware.read(3) == DOWNLOADING
        bench = _restart(bench)
    bench.run_for(125_000)
    assert (bench.firmware.read(3), bench.firmware.read(5)) == (IDLE, 4)


def test_integrity_check():
    """LightweightM2M-1.1-int-776: result 5."""
    bench = _bench()
    assert _push(bench, PACKAGE[:-1] + b"?") == 0xA0
    assert _state(bench) == (IDLE, 5)
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, PACKAGE[1:])
    assert _state(bench) == (IDLE, 5)
    assert _ask(bench, PUT, "/5/0/0", b"bad", 42).code == CHANGED
    assert _state(bench) == (IDLE, 5)


def test_unsupported_package_type():
    """LightweightM2M-1.1-int-777: result 6."""
    bench = _bench()
    assert _push(bench, b"ELF!" + PACKAGE) == 0xA0
    assert _state(bench) == (IDLE, 6)


def test_invalid_uri():
    """LightweightM2M-1.1-int-778: result 7, for what is no URI and where there is no package."""
    bench = _bench()
    for uri in (b"firmware", b"coap://", b"coap://a b/c", b"coap://h:99999/", b"coap://h/%G1"):
        assert _ask(bench, PUT, "/5/0/1", uri, 0).code == CHANGED
        assert _state(bench) == (IDLE, 7), uri
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    assert _state(bench) == (DOWNLOADING, 0)
    bench.answer(bench.one(), 0x84)
    assert _state(bench) == (IDLE, 7)


def test_update_fails():
    """LightweightM2M-1.1-int-779: result 8, and the package stays; also told after a boot."""
    bench = _bench()
    _push(bench)
    bench.sink.applies = 8
    assert _ask(bench, POST, "/5/0/2").code == CHANGED
    bench.run_for(1_000)
    assert _state(bench) == (DOWNLOADED, 8)
    bench.sink.applies = None
    assert _ask(bench, POST, "/5/0/2").code == CHANGED
    assert _state(bench) == (UPDATING, 0)
    bench.run_for(1_000)
    bench.sink.turned_out = 8
    bench = _restart(bench)
    assert _state(bench) == (DOWNLOADED, 8)

    def out_of_order():
        raise OSError(5)

    for bench.sink.apply, state in ((out_of_order, (DOWNLOADED, 8)), (lambda: 5, (IDLE, 5))):
        _ask(bench, POST, "/5/0/2")
        bench.run_for(1_000)
        assert _state(bench) == state


def test_unsupported_protocol():
    """LightweightM2M-1.1-int-780: result 9."""
    bench = _bench()
    for uri in (b"https://example.org/fw", b"coaps://h/fw", b"ftp://x"):
        assert _ask(bench, PUT, "/5/0/1", uri, 0).code == CHANGED
        assert _state(bench) == (IDLE, 9)


def test_what_a_state_does_not_allow():
    """TS 1.0 E.6: a package while another is there is refused, and changes nothing."""
    bench = _bench()
    _push(bench)
    for path, payload, form in (("/5/0/0", b"other", 42), ("/5/0/1", b"coap://h/x", 0)):
        assert _ask(bench, PUT, path, payload, form).code == 0x85
    assert _push(bench) == 0x85
    assert _state(bench) == (DOWNLOADED, 0)
    _ask(bench, POST, "/5/0/2")
    assert _ask(bench, PUT, "/5/0/1", b"", 0).code == 0x85
    assert _ask(bench, PUT, "/5/0/0", b"", 42).code == 0x85
    assert _state(bench) == (UPDATING, 0)


def test_reset_in_the_middle_of_a_push():
    """TS 1.0 E.6: an empty URI ends a push; its next block is refused."""
    bench = _bench()
    _push(bench, blocks=2)
    assert _ask(bench, PUT, "/5/0/1", b"", 0).code == CHANGED
    assert _state(bench) == (IDLE, 0)
    answer = _ask(bench, PUT, "/5/0/0", PACKAGE[1024:1536], 42, options=[(27, 2 << 4 | 8 | 5)])
    assert answer.code == 0xA0
    assert _state(bench) == (IDLE, 0)


def test_pull_goes_on_after_a_power_cut():
    """Object 5, resume: behind the bytes that are safe, when the ETag is the same."""
    bench = _bench()
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, most=5)
    assert bench.sink.held() == 5 * 512
    bench.sink.disk["package"] = bench.sink.disk["package"][:2500]
    bench = _restart(bench)
    assert _state(bench) == (DOWNLOADING, 0)
    assert text(_ask(bench, GET, "/5/0/1")) == URI
    others, numbers = _serve(bench)
    assert numbers == list(range(2048, 5000, 512)), numbers
    assert bench.sink.sizes == []
    assert _state(bench) == (DOWNLOADED, 0)


def test_pull_that_was_complete_at_the_power_cut():
    """Object 5, resume: nothing is fetched when all of it is there."""
    bench = _bench()
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, most=5)
    bench.sink.disk["package"] = bytearray(PACKAGE)
    bench = _restart(bench)
    bench.step()
    assert bench.sent() == []
    assert _state(bench) == (DOWNLOADED, 0)


def test_another_package_after_a_power_cut():
    """Object 5, resume: another ETag, or one that is shorter, is fetched from its start."""
    for etag, good in ((b"v3", b"!" + PACKAGE), (b"v2", PACKAGE[:1000])):
        bench = _bench(Sink(good=good))
        _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
        _serve(bench, most=5)
        bench = _restart(bench)
        others, numbers = _serve(bench, good, etag)
        assert numbers[:2] == [2048, 0], numbers
        assert _state(bench) == (DOWNLOADED, 0)


def test_push_that_a_power_cut_ended():
    """Object 5, resume: blocks of a Write have nowhere to go on; result 4."""
    bench = _bench()
    _push(bench, blocks=3)
    bench = _restart(bench)
    assert _state(bench) == (IDLE, 4)


def test_power_cut_before_the_update_began():
    """Object 5, resume: until the sink was told, the package is Downloaded."""
    bench = _bench()
    _push(bench)
    _ask(bench, POST, "/5/0/2")
    bench = _restart(bench)
    assert _state(bench) == (DOWNLOADED, 0)
    _ask(bench, POST, "/5/0/2")
    bench.run_for(1_000)
    bench = _restart(bench)  # the sink does not know yet
    assert _state(bench) == (UPDATING, 0)
    bench.firmware.done(1)
    assert _state(bench) == (IDLE, 1)


def test_server_that_is_busy():
    """RFC 7252 §5.9.3.4: 5.03 is asked again after Max-Age."""
    bench = _bench()
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    bench.step()
    request = bench.one()
    bench.answer(request, 0xA3, options=[(14, 20)])
    assert bench.run_for(19_000) == bench.now + 1_000
    assert bench.sent() == []
    bench.run_for(1_000)
    assert bench.one().path() == ["fw", "v2"]


def test_damaged_record():
    """Object 5, resume: a record of nonsense is none."""
    for record in (b"", b"\x01", b"\x02" + bytes(8) + b"\xff\xfe", bytes(8)):
        sink = Sink()
        sink.disk["record"] = record
        assert _state(_bench(sink)) == (IDLE, 0)


def test_rights():
    """TS 1.1 Core §8: a server without the right to write cannot push in blocks either."""
    bench = _bench()
    other = ("second.example", 5683)
    bench.client.add_server("coap://second.example:5683", 2)
    bench.client.start(bench.now)
    bench.step()
    register = [message for message in bench.sent() if message.peer == other][0]
    bench.answer(register, 0x41, options=[(8, "rd"), (8, "2")])
    bench.sent()
    bench.tree.add(AccessControl(5, 0, 1, {1: 31, 2: 1}))
    for peer, code in ((other, 0x81), (("server.example", 5683), CONTINUE)):
        bench.message_id += 1
        request = Message(PUT, 0, b"\x02", PACKAGE[:512], bench.message_id)
        for segment in ("5", "0", "0"):
            request.add(11, segment)
        request.add(12, 42).add(27, 8 | 5)
        bench.deliver(request, sender=peer)
        answers = [message for message in bench.sent() if message.type == ACK]
        assert [message.code for message in answers] == [code]
    assert _state(bench) == (DOWNLOADING, 0)


def test_version_12():
    """Object 5/1.2: Cancel, deferral, Severity, Last State Change Time, Automatic Upgrade."""
    bench = _bench(kind=FirmwareUpdate12)
    bench.client.epoch = lambda: 1_700_000_000
    assert _ask(bench, POST, "/5/0/10").code == 0x85
    assert _ask(bench, GET, "/5/0/12").code == 0x84
    _push(bench, blocks=2)
    assert text(_ask(bench, GET, "/5/0/12")) == "1700000000"
    assert _ask(bench, POST, "/5/0/10").code == CHANGED
    assert _state(bench) == (IDLE, 10)
    assert text(_ask(bench, GET, "/5/0/11")) == "1"
    assert _ask(bench, PUT, "/5/0/11", b"3", 0).code == 0x80
    assert _ask(bench, PUT, "/5/0/11", b"2", 0).code == CHANGED
    _push(bench)
    bench.sink.applies = 11
    _ask(bench, POST, "/5/0/2")
    bench.run_for(1_000)
    assert _state(bench) == (DOWNLOADED, 11)
    _ask(bench, PUT, "/5/0/1", b"", 0)
    assert _ask(bench, PUT, "/5/0/14", b"1", 0).code == CHANGED
    bench.sink.applies = 1
    _push(bench)
    assert _state(bench) == (UPDATING, 0)
    assert _ask(bench, POST, "/5/0/10").code == 0x85
    bench.run_for(1_000)
    assert _state(bench) == (IDLE, 1)


def _raising(error):
    def fail():
        raise error

    return fail


def test_sink_that_fails_at_the_boot():
    """LightweightM2M-1.1-int-779: a sink that cannot tell what came of it has failed; one without
    a record has none. Neither keeps the board from its boot.
    """
    bench = _bench()
    _push(bench)
    _ask(bench, POST, "/5/0/2")
    bench.run_for(1_000)
    other = Sink(bench.sink.disk)
    other.outcome = _raising(OSError(5))
    assert _state(_bench(other)) == (DOWNLOADED, 8)
    other.load = _raising(OSError(5))
    assert _state(_bench(other)) == (IDLE, 0)


def test_update_without_memory():
    """LightweightM2M-1.1-int-779: result 8 where there is no memory for the update."""
    bench = _bench()
    _push(bench)
    bench.sink.apply = _raising(MemoryError())
    _ask(bench, POST, "/5/0/2")
    bench.run_for(1_000)
    assert _state(bench) == (DOWNLOADED, 8)


def test_sink_that_cannot_tell_what_it_holds():
    """LightweightM2M-1.1-int-775: a pull begins anew where flash does not say how far it is."""
    bench = _bench(lifetime_s=86_400)
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, most=3)
    bench.sink.held = _raising(OSError(28))
    while not bench.firmware._delivery.attempts:
        bench.run_for(10_000)
    bench.sink.held = lambda: len(bench.sink.disk["package"])
    bench.sent()
    bench.run_for(31_000)
    bench.out[:] = [message for message in bench.out if message.peer == PEER]
    others, numbers = _serve(bench)
    assert numbers[0] == 0, numbers
    assert _state(bench) == (DOWNLOADED, 0)


def test_automatic_upgrade_after_a_power_cut():
    """Object 5/1.2 resources 11 and 14: what a server has written is there after a reset."""
    bench = _bench(kind=FirmwareUpdate12)
    assert _ask(bench, PUT, "/5/0/14", b"1", 0).code == CHANGED
    assert _ask(bench, PUT, "/5/0/11", b"0", 0).code == CHANGED
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench, most=3)
    bench = _restart(bench, FirmwareUpdate12)
    assert text(_ask(bench, GET, "/5/0/11")) == "0"
    _serve(bench)
    assert _state(bench) == (UPDATING, 0)
    assert _ask(bench, PUT, "/5/0/14", b"0", 0).code == CHANGED
    bench = _restart(bench, FirmwareUpdate12)
    assert _state(bench) == (DOWNLOADED, 0)


def test_nobody_is_asked_after_a_cancel():
    """Object 5/1.2 resource 10: the request for a block is not repeated, and a pull that is begun
    meanwhile does not wait for it.
    """
    bench = _bench(kind=FirmwareUpdate12, lifetime_s=86_400)
    for cancel in ((POST, "/5/0/10"), (PUT, "/5/0/1", b"", 0)):
        _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
        bench.step()
        assert bench.one().peer == PEER
        _ask(bench, *cancel)
        bench.run_for(60_000)
        assert [message for message in bench.sent() if message.peer == PEER] == []
    for _ in range(2):
        _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
        bench.step()
        assert bench.one().peer == PEER
        _ask(bench, POST, "/5/0/10")
    _ask(bench, PUT, "/5/0/1", URI.encode(), 0)
    _serve(bench)
    assert _state(bench) == (DOWNLOADED, 0)
