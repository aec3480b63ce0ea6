"""The LwM2M Server object: CR C.1, its twelve resources, and the numbering of 1.0 and 1.1."""

from coap.registry import (
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    DELETE,
    DELETED,
    GET,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    POST,
    PUT,
)
from unit.lwm2m.helpers import (
    DAY_MS,
    DISABLED,
    REGISTERED,
    URI,
    Bench,
    is_update,
    text,
)

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96


def draft(**settings):
    bench = Bench("draft", **settings)
    bench.register()
    return bench


def read(bench, rid):
    response = bench.request(GET, "/1/0/%d" % rid, token=b"r%d" % rid)[0]
    return text(response) if response.code == CONTENT else response.code


def write(bench, rid, value):
    return bench.request(PUT, "/1/0/%d" % rid, value, 0, token=b"w%d" % rid)


def test_resource_0_uri():
    """CR C.1 resource 0: the LWM2M Server URI, R W."""
    bench = draft()
    assert read(bench, 0) == URI
    assert write(bench, 0, b"coap://" + b"x" * 255)[0].code == BAD_REQUEST
    for wrong in (b"coap:/x", b"coaps://x", b"coap://x:65536", b'coap://x",1\rAT+CFUN=0', b""):
        assert write(bench, 0, wrong)[0].code == BAD_REQUEST, wrong
    assert read(bench, 0) == URI
    bench.sent()
    response, register = write(bench, 0, b"coap://other.example:5684")
    assert response.code == CHANGED and response.peer == ("server.example", 5683)
    assert register.path() == ["rd"] and register.peer == ("other.example", 5684)


def test_resource_0_where_nobody_answers():
    """CR C.1 resource 0: a URI at which the client never could register is given up for the
    configured one, where else nobody could write a better; one at which it could is not."""
    for good in (False, True):
        bench = draft()
        register = write(bench, 0, b"coap://other.example")[1]
        if good:
            bench.accept(register)
            assert bench.account.state == REGISTERED
            bench.client.update()
        asked = []
        for _ in range(9):
            bench.run_for(3_600_000)
            asked += [message.peer[0] for message in bench.sent()]
        assert asked[-1] == ("other.example" if good else "server.example"), asked
        assert asked.count("other.example") > 20
        assert (bench.account.value("uri") == URI) is not good


def test_resource_1_lifetime():
    """CR C.1 resource 1: Lifetime, R W; a written one is told to the server at once."""
    bench = draft()
    assert read(bench, 1) == "86400"
    response, update = write(bench, 1, b"3600")
    assert response.code == CHANGED and update.queries() == ["lt=3600"] and update.code == PUT


def test_resource_2_security_mode():
    """CR C.1 resource 2: Security Mode, R."""
    bench = draft(security_mode=0)
    assert read(bench, 2) == "0"
    assert write(bench, 2, b"1")[0].code == METHOD_NOT_ALLOWED


def test_resource_3_security_key():
    """CR C.1 resource 3: Security Key, R, Binary; not there without DTLS."""
    bench = draft()
    assert read(bench, 3) == NOT_FOUND
    assert write(bench, 3, b"key")[0].code == METHOD_NOT_ALLOWED


def test_resource_4_short_server_id():
    """CR C.1 resource 4: Short Server ID, R."""
    bench = draft()
    assert read(bench, 4) == "1"
    assert write(bench, 4, b"2")[0].code == METHOD_NOT_ALLOWED


def test_resource_5_default_minimum_period():
    """CR C.1 resource 5: spaces notifications; 1 s where the resource does not exist."""
    bench = draft(queue=False)
    assert read(bench, 5) == NOT_FOUND
    bench.observe()
    bench.temperature.set(5700, 22)
    assert bench.run_for(999) is not None and bench.sent() == []
    bench.run_for(1)
    assert text(bench.one()) == "22"
    bench = draft(queue=False, pmin=10)
    assert read(bench, 5) == "10"
    bench.observe()
    bench.temperature.set(5700, 22)
    bench.run_for(9_999)
    assert bench.sent() == []
    bench.run_for(1)
    assert text(bench.one()) == "22"


def test_resource_6_default_maximum_period():
    """CR C.1 resource 6: an unchanged value is told after it; none where it does not exist."""
    bench = draft(queue=False, pmax=60)
    assert read(bench, 6) == "60"
    bench.observe()
    bench.run_for(59_999)
    assert bench.sent() == []
    bench.run_for(1)
    assert text(bench.one()) == "21.5"
    bench = draft(queue=False)
    bench.observe()
    assert bench.run_for(1_000_000) == bench.account.due


def test_resource_7_disable():
    """CR C.1 resource 7: 2.04, de-registration, then silence both ways and the link's end."""
    bench = draft()
    response, request = bench.request(POST, "/1/0/7")
    assert response.code == CHANGED and request.code == DELETE
    bench.answer(request, DELETED)
    assert bench.account.state == DISABLED
    assert bench.udp.disconnected == [("server.example", 5683)]
    assert bench.facts("disabled")["seconds"] == 86400
    assert not bench.client.busy(bench.now)
    assert bench.request(GET, "/3/0/0", token=b"z") == []
    assert bench.client.dropped == {"disabled": 1}
    bench.client.update()
    bench.temperature.set(5700, 3)
    bench.run_for(DAY_MS - 1)
    assert bench.sent() == []
    bench.run_for(1)
    assert bench.one().path() == ["rd"]


def test_resource_7_int_103():
    """LightweightM2M-1.1-int-103: Execute Disable, /1/x/4 after the draft, leads to a DELETE."""
    bench = Bench("1.1", disable_timeout=50)
    bench.register()
    response, request = bench.request(POST, "/1/0/4")
    assert response.code == CHANGED and request.code == DELETE
    bench.run_for(70_000)  # the server does not answer
    assert [message.code for message in bench.sent()] == [DELETE] * 4
    assert bench.account.state == DISABLED
    bench.run_for(50_000)
    assert bench.sent()[0].path() == ["rd"]


def test_resource_8_disable_timeout():
    """CR C.1 resource 8: DisableTimeout, R W: how long the server stays disabled."""
    bench = draft()
    assert read(bench, 8) == NOT_FOUND
    assert write(bench, 8, b"30")[0].code == CHANGED
    bench.answer(bench.request(POST, "/1/0/7")[1], DELETED)
    bench.run_for(29_999)
    assert bench.sent() == []
    bench.run_for(1)
    register = bench.one()
    assert register.path() == ["rd"]
    bench.accept(register)
    assert bench.account.state == REGISTERED


def test_resource_9_storing():
    """CR C.1 resource 9: what happens while the server is disabled is told in order afterwards."""
    bench = draft(disable_timeout=100)
    assert read(bench, 9) == "1"
    token = bench.observe().token
    bench.answer(bench.request(POST, "/1/0/7")[1], DELETED)
    for value in (30, 31, 32):
        bench.run_for(10_000)
        bench.temperature.set(5700, value)
        bench.run_for(5_000)
    assert bench.sent() == []
    bench.run_for(55_000)
    bench.accept(bench.one())
    for value in ("30", "31", "32"):
        bench.step()
        notification = bench.one()
        assert notification.token == token and text(notification) == value
        bench.acknowledge(notification)
    bench.step()
    assert bench.sent() == []


def test_resource_9_discarding():
    """CR C.1 resource 9: with false nothing is kept, and the Observe function goes on
    afterwards."""
    bench = draft(disable_timeout=100, queue=False)
    assert write(bench, 9, b"0")[0].code == CHANGED
    bench.observe()
    bench.answer(bench.request(POST, "/1/0/7")[1], DELETED)
    bench.temperature.set(5700, 30)
    bench.run_for(100_000)
    bench.accept(bench.one())
    bench.run_for(2_000)
    assert bench.sent() == []
    bench.temperature.set(5700, 31)
    bench.run_for(1_000)
    assert text(bench.one()) == "31"


def test_resource_10_binding_preference():
    """CR C.1 resource 10: Integer 0 to 3, R W."""
    bench = draft()
    assert read(bench, 10) == "1"
    assert write(bench, 10, b"4")[0].code == BAD_REQUEST
    assert write(bench, 10, b"U")[0].code == BAD_REQUEST
    for value, mode in ((b"0", ("U", False)), (b"2", ("S", False)), (b"3", ("S", True))):
        other = draft()
        assert write(other, 10, value)[0].code == CHANGED
        assert other.account.transports == mode[0] and other.account.queue == mode[1]


def test_resource_11_update_trigger():
    """CR C.1 resource 11: 2.04 first, then an Update without parameters."""
    bench = draft()
    response, update = bench.request(POST, "/1/0/11")
    assert response.code == CHANGED and is_update(update, "draft")


def test_access_of_executable_resources():
    """CR C.1: resources 7 and 11 can be executed and neither read nor written."""
    bench = draft()
    for rid in (7, 11):
        assert read(bench, rid) == METHOD_NOT_ALLOWED
        assert write(bench, rid, b"1")[0].code == METHOD_NOT_ALLOWED
    assert bench.request(POST, "/1/0/1")[0].code != CHANGED


def test_numbering_of_1_0_and_1_1():
    """TS 1.0 E.2 and facts: 8 is DisableTimeout in the draft and the Update Trigger after it."""
    for version in ("1.0", "1.1"):
        bench = Bench(version, pmin=2, pmax=90, disable_timeout=70)
        bench.register()
        expected = ["1", "86400", "2", "90", METHOD_NOT_ALLOWED, "70", "1"]
        assert [read(bench, rid) for rid in range(7)] == expected
        assert read(bench, 7) == ("U" if version == "1.1" else "UQ")
        assert is_update(bench.request(POST, "/1/0/8")[1])
        assert read(bench, 21) == ("1" if version == "1.1" else NOT_FOUND)


def test_bootstrap_trigger_is_not_there():
    """TS 1.1 C.2 resource 9: the client has no bootstrap, so neither has the Server object."""
    bench = Bench()
    bench.register()
    assert bench.request(POST, "/1/0/9")[0].code == NOT_FOUND
