"""The bootstrap interface: what a bootstrap server may write, read and delete."""

from coap.registry import (
    ACCEPT,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    DELETE,
    DELETED,
    GET,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    POST,
    PUT,
    UNSUPPORTED_CONTENT_FORMAT,
    URI_QUERY,
)
from lwm2m.codec.cbor import dumps, loads
from lwm2m.object import Object
from lwm2m.provision import Configuration
from unit.lwm2m.bootstrap_bench import (
    OTHER_PEER,
    OTHER_URI,
    SENML_JSON,
    TLV,
    BootstrapBench,
    encoded,
    security,
    server,
)
from unit.lwm2m.helpers import (
    PEER,
    URI,
    text,
)

LINKS = 40
# The tests' own code, a client and both sides of a bootstrap.
HEAP_K = 128


def test_discover_of_one_object():
    """int-0; TS 1.1.1 Core 6.1.7.3: one Object's instances; the bootstrap account has no ssid."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    answer = bench.ask(GET, "/0", options=[(ACCEPT, LINKS)])[0]
    assert text(answer) == '</>;lwm2m=1.1,</0>;ver=1.1,</0/0>,</0/1>;ssid=1;uri="%s"' % URI
    assert bench.tell(GET, "/0/0", options=[(ACCEPT, LINKS)]) == METHOD_NOT_ALLOWED
    assert bench.tell(GET, "/99", options=[(ACCEPT, LINKS)]) == NOT_FOUND


def test_version_1_0_has_no_format_to_prefer():
    """int-0 in 1.0: no `pct`, no uri in the links, TLV where nothing says the format."""
    bench = BootstrapBench("1.0")
    request = bench.begin()
    assert request.queries() == ["ep=urn:imei:1"]
    assert bench.tell(PUT, "/0/1", encoded((0, 1), security(), TLV)) == CHANGED
    assert bench.tell(PUT, "/1/0", encoded((1, 0), server(binding="UQ"), TLV)) == CHANGED
    answer = text(bench.ask(GET, "/", options=[(ACCEPT, LINKS)])[0])
    assert answer.startswith("</>;lwm2m=1.0,</0/0>,</0/1>;ssid=1,</1/0>;ssid=1,")
    register = bench.finish()[1]
    assert "b=UQ" in register.queries() and bench.account.queue


def test_formats_of_a_write():
    """int-1: an account in TLV, SenML CBOR and SenML JSON, and single values as text."""
    for form in (TLV, 112, SENML_JSON):
        bench = BootstrapBench()
        bench.begin()
        bench.provide(form)
        assert bench.tell(PUT, "/1/0/1", b"77", 0) == CHANGED
        assert bench.tell(PUT, "/0/1/5", b"\x01\x02", 42) == CHANGED
        register = bench.finish()[1]
        assert "lt=77" in register.queries()
        assert bench.client.tree.get(0, 1).values[5] == b"\x01\x02"


def test_write_of_an_object_with_its_instances():
    """TS 1.1 Core 6.1.7.5: a Write of /0 in TLV names its instances itself."""
    bench = BootstrapBench()
    bench.begin()
    payload = b""
    for iid, values in ((1, security()), (2, security(OTHER_URI, 2))):
        inner = encoded((0, iid), values, TLV)
        assert 7 < len(inner) < 256
        payload += bytes([0x08, iid, len(inner)]) + inner
    assert bench.tell(PUT, "/0", payload, TLV) == CHANGED
    assert bench.write("/1/0", server()) == CHANGED
    assert bench.write("/1/1", server(2)) == CHANGED
    sent = bench.finish()
    assert sent[0].code == CHANGED
    assert sorted([each.peer for each in sent[1:]]) == sorted([PEER, OTHER_PEER])


def test_bootstrap_delete():
    """int-4: Delete of / and of /0 leaves the bootstrap server's account, and the device."""
    for path in ("/0", "/"):
        bench = BootstrapBench()
        bench.bootstrapped()
        bench.client.bootstrap.begin("trigger", bench.now)
        bench.step()
        bench.answer(bench.asked(), CHANGED)
        assert bench.tell(DELETE, path) == DELETED
        links = text(bench.ask(GET, "/", options=[(ACCEPT, LINKS)])[0])
        assert "</0/0>" in links and "</0/1>" not in links and "</3/0>" in links
        assert ("</1/0>" in links) == (path == "/0")
        assert bench.account.reachable, "nothing is lost before the Finish"
        assert bench.tell(DELETE, "/0/0") == BAD_REQUEST
        assert bench.tell(DELETE, "/3/0") == BAD_REQUEST
        assert bench.tell(DELETE, "/3/0/1") == METHOD_NOT_ALLOWED
        assert bench.tell(DELETE, "/99") == NOT_FOUND
        assert bench.tell(DELETE, "/1/0") == DELETED
        assert bench.tell(DELETE, "/1/0") == DELETED


def test_bootstrap_read():
    """int-8: the bootstrap server reads /1 and /2, and nothing else."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    answer = bench.ask(GET, "/1", options=[(ACCEPT, 112)])[0]
    assert answer.code == CONTENT and b"/1" in bytes(answer.payload)
    assert bench.ask(GET, "/1/0/1")[0].payload == b"300"
    assert bench.ask(GET, "/2")[0].code == CONTENT
    for path in ("/", "/0", "/0/1", "/0/1/5", "/3/0", "/1/0/1/0"):
        assert bench.tell(GET, path) == METHOD_NOT_ALLOWED, path
    assert bench.tell(GET, "/1/7") == NOT_FOUND
    assert bench.tell(GET, "/1/0/23") == NOT_FOUND
    assert bench.tell(GET, "/1", options=[(ACCEPT, 0)]) == NOT_ACCEPTABLE
    assert bench.tell(GET, "/1", options=[(ACCEPT, 9999)]) == NOT_ACCEPTABLE


def test_access_control_is_provided():
    """int-8: rights that the bootstrap server wrote are there after the Finish."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    values = {0: (2, 3), 1: (2, 0), 3: (2, 1)}
    assert bench.write("/2/0", values) == CHANGED
    assert b"\x03" in bytes(bench.ask(GET, "/2/0")[0].payload)
    assert bench.finish()[0].code == CHANGED
    assert bench.client.tree.get(2, 0).values == {0: 3, 1: 0, 3: 1}


def _without(values, rid):
    values.pop(rid)
    return values


def test_configuration_consistency():
    """int-9: what could not work is refused with 4.06 and changes nothing; it may be corrected."""
    good = [("/0/1", security()), ("/1/0", server())]
    cases = [
        [("/0/1", security())],
        [("/1/0", server())],
        [("/0/1", security(server_id=2)), ("/1/0", server())],
        [("/0/1", security(server_id=None)), ("/1/0", server())],
        good + [("/1/1", server())],
        good + [("/1/1", server(2))],
        good + [("/0/2", security())],
        good + [("/0/2", security(OTHER_URI, 2))],
        good + [("/0/2", security(bootstrap=True))],
        [("/0/1", security("coap//server")), ("/1/0", server())],
        [("/0/1", security("coaps://server")), ("/1/0", server())],
        [("/0/1", security(mode=0)), ("/1/0", server())],
        [("/0/1", _without(security(), 0)), ("/1/0", server())],
        [("/0/1", security()), ("/1/0", _without(server(), 1))],
        [("/0/1", security()), ("/1/0", _without(server(), 7))],
        [("/0/1", security(server_id=0)), ("/1/0", server(0))],
        [("/0/1", security(server_id=65535)), ("/1/0", server(65535))],
        good + [("/2/0", {0: (2, 3)})],
    ]
    for case in cases:
        bench = BootstrapBench()
        bench.begin()
        for path, values in case:
            assert bench.write(path, values) == CHANGED, case
        sent = bench.finish()
        assert [each.code for each in sent] == [NOT_ACCEPTABLE], case
        assert bench.facts("bootstrap_refused")["reason"]
        assert bench.client.accounts == [] and bench.records == []
        assert bench.tell(DELETE, "/") == DELETED
        bench.provide()
        if len(case) > 2 and case[2][0] == "/0/2":
            assert bench.tell(DELETE, "/0/2") in (DELETED, BAD_REQUEST)
        sent = bench.finish()
        if sent[0].code != CHANGED:  # two bootstrap servers: neither can be deleted
            assert case[2][1][1] == (5, True)
        else:
            assert bench.account.short_server_id == 1


def test_bad_writes_change_nothing():
    """TS 1.1 Core 6.1.7.5: each malformed Write has its code, and the session goes on."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    cases = [
        ("/1/0/1", b"x", 0, BAD_REQUEST),
        ("/1/0/1", b"-1", 0, BAD_REQUEST),
        ("/1/0/7", b"Z", 0, BAD_REQUEST),
        ("/1/0", b"", 112, BAD_REQUEST),
        ("/1/0", b"\x80", 112, BAD_REQUEST),
        ("/1/0", b"\xff\xff", TLV, BAD_REQUEST),
        ("/1/0", b"1", 0, UNSUPPORTED_CONTENT_FORMAT),
        ("/1/0", b"1", 12345, UNSUPPORTED_CONTENT_FORMAT),
        ("/1/0/4", b"", 0, METHOD_NOT_ALLOWED),
        ("/1/0/99", b"1", 0, NOT_FOUND),
        ("/99/0/1", b"1", 0, NOT_FOUND),
        ("/3303/7/5701", b"K", 0, NOT_FOUND),
        ("/1/65535/1", b"1", 0, BAD_REQUEST),
        ("/", b"1", 0, METHOD_NOT_ALLOWED),
        ("/1/0/1/0", b"1", 0, METHOD_NOT_ALLOWED),
    ]
    for path, payload, form, code in cases:
        assert bench.tell(PUT, path, payload, form) == code, (path, payload)
    assert bench.tell(PUT, "/1/0", options=[(URI_QUERY, "pmin=1")]) == METHOD_NOT_ALLOWED
    assert bench.tell(POST, "/1/0/8") == METHOD_NOT_ALLOWED
    assert bench.tell(POST, "rd") == NOT_FOUND
    assert bench.tell(GET, "bs") == METHOD_NOT_ALLOWED
    register = bench.finish()[1]
    assert "lt=300" in register.queries()


def test_only_so_many_accounts():
    """Requirement, memory: eight accounts; the ninth is refused."""
    bench = BootstrapBench()
    bench.begin()
    for iid in range(1, 8):
        assert bench.write("/0/%d" % iid, security(URI, iid)) == CHANGED
    assert bench.write("/0/8", security(URI, 8)) == BAD_REQUEST
    assert bench.write("/0/7", security(URI, 7)) == CHANGED


def test_an_instance_is_what_the_last_write_says():
    """TS 1.1 Core 6.1.7.5: resources that a Write of an instance leaves out are not there."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide(server_values=server(r2=5, r3=60))
    assert bench.write("/1/0", server(r3=61)) == CHANGED
    bench.finish()
    values = bench.client.tree.get(1, 0).values
    assert values[3] == 61 and 2 not in values


def test_optional_resources_that_are_not_there_are_passed_over():
    """TS 1.1 Core 6.1.7.5: a Write may name resources that the client does not have."""
    for form in (TLV, 112, SENML_JSON):
        bench = BootstrapBench("1.0")
        bench.begin()
        bench.provide(form, security(r4711="x"), server(r21=True, r26000=7))
        assert bench.finish()[0].code == CHANGED
        assert sorted(bench.client.tree.get(1, 0).values) == [0, 1, 6, 7]


def test_other_objects_are_written_too():
    """TS 1.1 Core 6.1.7.5: a Write to another Object, read-only resources too, and again later."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    assert bench.tell(PUT, "/3/0/2", b"serial", 0) == CHANGED
    assert bench.write("/3303/0", {5701: (1, "K")}) == CHANGED
    assert 2 not in bench.device.values
    bench.accept(bench.finish()[1])
    assert bench.device.values[2] == "serial" and bench.temperature.values[5701] == "K"
    bench.bootstrap.begin("trigger", bench.now)
    bench.step()
    bench.answer(bench.asked(), CHANGED)
    assert bench.finish()[0].code == CHANGED
    assert b"serial" in bench.records[1], "what an earlier bootstrap wrote is kept"


def test_root_path_and_path_of_the_uri():
    """TS 1.1 Core 6.2.1: an alternate path is that of the Objects, not of `bs`."""
    bench = BootstrapBench(root_path="/lwm2m")
    bench.begin()
    assert bench.write_at("/lwm2m/0/1", (0, 1), security()) == CHANGED
    assert bench.write_at("/lwm2m/1/0", (1, 0), server()) == CHANGED
    links = text(bench.ask(GET, "/lwm2m", options=[(ACCEPT, LINKS)])[0])
    assert "</lwm2m/1/0>;ssid=1" in links
    assert bench.tell(PUT, "/1/0/1", b"9", 0) == NOT_FOUND
    assert bench.finish()[0].code == CHANGED


def test_a_time_is_not_for_the_record():
    """TS 1.1 Core 6.1.7.5: Current Time is written once, not at each start and bootstrap again."""
    bench = BootstrapBench()
    clock = [1_700_000_000]
    bench.device._epoch = lambda: clock[0]
    bench.begin()
    bench.provide()
    assert bench.tell(PUT, "/3/0/13", b"1800000000", 0) == CHANGED
    assert bench.tell(PUT, "/3/0/2", b"serial", 0) == CHANGED
    bench.accept(bench.finish()[1])
    assert bench.device.read(13) == 1_800_000_000
    kept = Configuration(bench.client, bench.bootstrap.version)
    assert kept.thaw(bench.records[0])
    assert kept.others == {(3, 0): {2: "serial"}}, kept.others
    clock[0] += 1_000
    bench.bootstrap.begin("trigger", bench.now)
    bench.step()
    bench.answer(bench.asked(), CHANGED)
    assert bench.finish()[0].code == CHANGED
    assert bench.device.read(13) == 1_800_001_000


def test_a_record_of_what_an_object_refuses():
    """Requirement, no loop: a value that an Object fails to take ends no start."""

    class Stubborn(Object):
        object_id = 30001
        resources = b"\x00\x00\x03\x02\x00\x01\x03\x02"

        def write(self, rid, value, server):
            if rid == 0:
                raise OSError(5)
            self.values[rid] = value

    bench = BootstrapBench()
    stubborn = bench.tree.add(Stubborn())
    bench.begin()
    bench.provide()
    assert bench.tell(PUT, "/30001/0/0", b"1", 0) == CHANGED
    assert bench.tell(PUT, "/30001/0/1", b"1", 0) == CHANGED
    response, register = bench.finish()
    assert response.code == CHANGED
    bench.accept(register)
    assert stubborn.values == {1: 1}
    assert bench.facts("error")["reason"].startswith("/30001/0/0: OSError: ")


def test_a_record_of_other_definitions():
    """Requirement, no loop: a whole record whose values are of other types is no configuration."""
    bench = BootstrapBench()
    bench.bootstrapped()
    layout, facts = loads(bench.records[0])
    assert Configuration(bench.client, bench.bootstrap.version).thaw(dumps([layout, facts]))
    for rid, value in ((7, 5), (7, {0: "U"}), (1, "300"), (6, 1), (0, None)):
        other = [[oid, iid, dict(values)] for oid, iid, values in facts]
        for oid, _, values in other:
            if oid == 1:
                values[rid] = value
        kept = Configuration(bench.client, bench.bootstrap.version)
        assert not kept.thaw(dumps([layout, other])), (rid, value)
    for iid in ("0", None, -1):
        other = [[oid, iid if oid == 1 else at, values] for oid, at, values in facts]
        assert not Configuration(bench.client, bench.bootstrap.version).thaw(
            dumps([layout, other])
        )
