"""The registration interface: CR 5.2.1 and TS 1.0/1.1 5.3."""

from coap.message import CON, NON, RST, Message
from coap.registry import (
    BAD_REQUEST,
    CHANGED,
    CONTENT_FORMAT,
    CREATED,
    DELETE,
    DELETED,
    FORBIDDEN,
    GET,
    LOCATION_PATH,
    MAX_AGE,
    NOT_FOUND,
    POST,
    PRECONDITION_FAILED,
    PUT,
    SERVICE_UNAVAILABLE,
    URI_PATH,
)
from lwm2m.objects.ipso import Temperature
from lwm2m.registration import NAMES
from unit.lwm2m.helpers import (
    DAY_MS,
    DEREGISTERING,
    IDLE,
    OWN_NUMBER,
    REGISTERED,
    REGISTERING,
    SERVER_NUMBER,
    UPDATING,
    URI,
    WAITING,
    Bench,
    is_update,
    text,
)

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 112
BLOCK1 = 27
CONTINUE = 0x5F
URI_HOST = 3
URI_PORT = 7


def test_int_101_initial_registration():
    """LightweightM2M-1.1-int-101: endpoint, lifetime, version, binding, Q and object list, no
    /0."""
    bench = Bench("1.1", OWN_NUMBER)
    request = bench.register()
    assert request.type == CON and request.code == POST
    assert request.queries() == [
        "ep=urn:imei:1", "lt=86400", "lwm2m=1.1", "b=U", "Q", "sms=" + OWN_NUMBER,
    ]  # fmt: skip
    assert request.get_uint(CONTENT_FORMAT) == 40
    links = text(request).split(",")
    assert links[0] == "</>;ct=112"
    assert "</1/0>" in links and "</3/0>" in links and "</3303/0>" in links
    assert not [link for link in links if link.startswith("</0")]
    assert bench.account.state == REGISTERED
    assert bench.names() == ["registering", "awake", "registered"]


def test_draft_parameters():
    """CR 5.2.1 Table 2: no version up to 1.0, `q` for Queue Mode, no binding; JSON announced."""
    request = Bench("draft", OWN_NUMBER, temperature=False).register()
    assert request.queries() == ["ep=urn:imei:1", "lt=86400", "q", "sms=" + OWN_NUMBER]
    assert text(request) == '</>;rt="oma.lwm2m";ct=11543,</1/0>,</3/0>'
    assert Bench("draft", queue=False).register().queries() == ["ep=urn:imei:1", "lt=86400"]


def test_1_0_parameters():
    """TS 1.0 5.3.1: the binding carries the queue mode."""
    assert Bench("1.0").register().queries() == [
        "ep=urn:imei:1", "lt=86400", "lwm2m=1.0", "b=UQ",
    ]  # fmt: skip
    bench = Bench("1.0", OWN_NUMBER, binding="US", sms_number="+447700900123")
    assert "b=UQS" in bench.register().queries()


def test_lifetime_only_if_the_resource_exists():
    """CR 5.2.1 Table 2: without a Lifetime resource no `lt`; the lifetime then is 86400 s."""
    bench = Bench("draft", lifetime_s=None)
    request = bench.register()
    assert request.queries() == ["ep=urn:imei:1", "q"]
    assert bench.account.expires == 1_000 + 86_400_000


def test_alternate_path():
    """CR 5.2.1: Objects under an alternate path, announced with rt="oma.lwm2m"; requests use
    it."""
    bench = Bench("draft", root_path="/lwm2m", temperature=False)
    request = bench.register()
    assert text(request) == (
        '</lwm2m>;rt="oma.lwm2m";ct=11543,</lwm2m/1/0>,</lwm2m/3/0>'
    )
    assert text(bench.request(GET, "/lwm2m/3/0/0")[0]) == "Nudge"
    assert bench.request(GET, "/3/0/0", token=b"2")[0].code == NOT_FOUND


def test_location_path_shapes():
    """TS 1.0 5.3.1 and Zephyr issue 7503: the location in one option, in two or in three."""
    for location in (("rd", "5a3f"), ("rd/5a3f",), ("/rd/5a3f",), ("a", "rd", "5a3f")):
        bench = Bench()
        bench.client.start(bench.now)
        bench.step()
        bench.accept(bench.one(), location)
        bench.client.update()
        bench.step()
        assert bench.one().path()[-2:] == ["rd", "5a3f"]


def test_created_without_a_usable_location():
    """TS 1.0 5.3.1: a 2.01 that names no location registers nothing."""
    for options in ([], [(LOCATION_PATH, b"\xff\xfe")]):
        bench = Bench()
        bench.client.start(bench.now)
        bench.step()
        bench.answer(bench.one(), CREATED, options=options)
        assert bench.account.state == WAITING


def test_update_before_the_lifetime_ends():
    """CR 5.2.1: Update early enough that its last retransmission falls into the lifetime."""
    bench = Bench(lifetime_s=300)
    bench.register()
    assert bench.run_to(1_000 + 299_000 - 45_000) == 1_000 + 300_000 - 45_000
    assert bench.sent() == []
    bench.run_to(1_000 + 300_000 - 45_000)
    update = bench.one()
    assert is_update(update)
    bench.answer(update, CHANGED)
    assert bench.account.expires == 1_000 + 300_000 - 45_000 + 300_000


def test_update_of_a_short_lifetime():
    """CR 5.2.1: a lifetime shorter than two transmit spans is renewed at its half."""
    bench = Bench(lifetime_s=60)
    bench.register()
    bench.run_to(31_000)
    assert is_update(bench.one())


def test_int_102_int_107_written_lifetime():
    """LightweightM2M-1.1-int-102, int-107: 2.04 first, an Update with `lt`, then inside the new
    one."""
    bench = Bench()
    bench.register()
    response, update = bench.request(PUT, "/1/0/1", b"120", 0)
    assert response.code == CHANGED
    assert update.code == POST and update.queries() == ["lt=120"] and not update.payload
    sent_at = bench.now
    bench.answer(update, CHANGED)
    bench.run_to(sent_at + 74_999)
    assert bench.sent() == []
    bench.run_to(sent_at + 75_000)
    assert is_update(bench.one())


def test_draft_update_is_put():
    """CR 5.2.1 and OMA issue 96: PUT in the draft, POST after it."""
    for version in ("draft", "1.0", "1.1"):
        bench = Bench(version)
        bench.register()
        bench.client.update()
        bench.step()
        assert is_update(bench.one(), version)


def test_update_with_changed_binding():
    """TS 1.0 5.3.2: a written binding goes out as `b`, and nothing else does."""
    bench = Bench("1.0")
    bench.register()
    update = bench.request(PUT, "/1/0/7", b"UQS", 0)[1]
    assert update.queries() == ["b=UQS"]
    bench.answer(update, CHANGED)
    bench.client.update()
    bench.step()
    assert is_update(bench.one(), "1.0")


def test_update_with_the_object_list():
    """CR 5.2.1: the object list is sent when it has changed, whole, and once."""
    bench = Bench(temperature=False)
    bench.register()
    bench.tree.add(Temperature())
    bench.step()
    update = bench.one()
    assert update.queries() == [] and update.get_uint(CONTENT_FORMAT) == 40
    assert "</3303/0>" in text(update) and "</3/0>" in text(update)
    bench.answer(update, CHANGED)
    bench.client.update()
    bench.step()
    assert is_update(bench.one())


def test_queue_mode_change_registers_again():
    """OMA issue 490: `q` cannot be taken back in an Update, so the client registers again."""
    bench = Bench("draft", queue=False)
    bench.register()
    response, register = bench.request(PUT, "/1/0/10", b"1", 0)
    assert response.code == CHANGED
    assert register.path() == ["rd"] and "q" in register.queries()


def test_int_105_discarded_update():
    """LightweightM2M-1.1-int-105: an Update that is refused with 4.04 or 4.00 leads to a
    Register."""
    for code in (NOT_FOUND, BAD_REQUEST):
        bench = Bench()
        bench.register()
        bench.client.update()
        bench.step()
        bench.answer(bench.one(), code)
        assert bench.one().path() == ["rd"]
        assert bench.account.state == REGISTERING


def test_update_reset_or_timed_out():
    """TS 1.0 5.3.2 and Leshan issue 345: a Reset or no answer to an Update leads to a Register."""
    bench = Bench()
    bench.register()
    bench.client.update()
    bench.step()
    bench.reset(bench.one())
    register = bench.one()
    assert register.path() == ["rd"]
    bench.accept(register)
    bench.client.update()
    bench.run_for(62_000)
    sent = bench.sent()
    assert [len(message.path()) for message in sent] == [2, 2, 2, 2, 2, 1]


def test_register_refused_backs_off():
    """TS 1.0 5.3.1: 4.03 and 4.12 are tried again after 60 s, 120 s, ... up to a day."""
    bench = Bench("1.0")
    bench.client.start(bench.now)
    bench.step()
    for delay_s in (60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 30720, 61440, 86400, 86400):
        code = FORBIDDEN if delay_s == 120 else PRECONDITION_FAILED
        bench.answer(bench.one(), code)
        assert bench.facts("register_failed")["retry_s"] == delay_s
        assert not bench.client.busy(bench.account.awake_until or 0) or bench.account.awake_until
        bench.run_for(delay_s * 1000 - 1)
        assert bench.sent() == []
        bench.run_for(1)
    bench.accept(bench.one())
    assert bench.account.failures == 0


def test_register_refused_for_its_version():
    """Requirement 10: 4.12 steps the version down at once, with its table, binding and query."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
    bench.client.start(bench.now)
    bench.step()
    bench.answer(bench.one(), PRECONDITION_FAILED)
    request = bench.one()
    queries = request.queries()
    assert "lwm2m=1.0" in queries and "b=UQS" in queries and "Q" not in queries
    assert b";ver=" not in bytes(request.payload)
    bench.accept(request)
    assert bench.account.state == REGISTERED
    assert text(bench.request(GET, "/1/0/7")[0]) == "UQS"
    assert bench.request(GET, "/1/0/21")[0].code == NOT_FOUND
    bench.client.update()
    bench.step()
    assert is_update(bench.one())


def test_register_unanswered_backs_off():
    """RFC 7252 §4.2: five transmissions, then the backoff, in which the device may sleep."""
    bench = Bench()
    bench.client.start(bench.now)
    bench.run_for(63_000)
    assert len(bench.sent()) == 5
    assert bench.account.state == WAITING
    assert bench.facts("register_failed")["reason"] == "timeout"
    bench.run_for(40_000)
    assert not bench.client.busy(bench.now)


def test_service_unavailable_obeys_max_age():
    """RFC 7252 §5.9.3.4: 5.03 with Max-Age says when to come back, for Register and for Update."""
    bench = Bench()
    bench.client.start(bench.now)
    bench.step()
    bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 700)])
    bench.run_for(699_999)
    assert bench.sent() == []
    bench.run_for(1)
    bench.accept(bench.one())
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 300)])
    assert text(bench.request(GET, "/3/0/0")[0]) == "Nudge"
    bench.run_for(300_000)
    assert is_update(bench.one())


def test_service_unavailable_holds_back_what_is_wanted():
    """RFC 7252 §5.9.3.4: neither the application, a change nor a notification repeats the request
    before its time, and the client may sleep; without Max-Age that is 60 s. A trigger is the
    server's own word."""
    bench = Bench(sms_number=SERVER_NUMBER)
    bench.register()
    bench.observe()
    for max_age, options in ((900, [(MAX_AGE, 900)]), (60, [])):
        bench.client.update()
        bench.step()
        bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=options)
        bench.client.update()
        bench.account.server.set(1, 3000 + max_age)
        bench.temperature.set(5700, max_age)
        bench.run_for(max_age * 1000 - 1)
        assert bench.sent() == [] and bench.client.busy(bench.now) == (max_age < 93)
        bench.run_for(1)
        update = bench.one()
        assert update.queries() == ["lt=%d" % (3000 + max_age)]
        bench.answer(update, CHANGED)
        bench.acknowledge(bench.one())
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 900)])
    bench.run_for(100_000)
    bench.client.update()
    assert bench.step() > bench.now + 700_000
    bench.deliver(trigger(bench), "S")
    assert is_update(bench.one())


def trigger(bench):
    message = Message(POST, NON, b"\x77", b"", 7)
    for segment in ("1", "0", "8"):
        message.add(URI_PATH, segment)
    return message


def test_host_in_each_request():
    """RFC 7252 §6.4: with uri_host the host is named, in lower case, a literal address never; path
    and query of the URI come before those of the interface."""
    bench = Bench(uri_host=True)
    bench.register()
    bench.client.update()
    bench.step()
    update = bench.one()
    assert update.get(URI_HOST) == b"server.example" and update.get(URI_PORT) is None
    for uri, host in (("coap://Server.Example/hub/a?key=1&k", b"server.example"), (URI, None)):
        bench = Bench()
        account = bench.client.add_server(uri, 2, "1.1", uri_host=host is not None)
        bench.client.start(bench.now)
        bench.step()
        request = [each for each in bench.sent() if each.peer == account.peers["U"]][-1]
        assert request.get(URI_HOST) == host
        if host:
            assert request.path() == ["hub", "a", "rd"]
            assert request.queries()[:3] == ["key=1", "k", "ep=urn:imei:1"]
            bench.answer(request, CREATED, options=[(LOCATION_PATH, "x")])
            bench.client.deregister(bench.now, account)
            bench.step()
            request = [each for each in bench.sent() if each.code == DELETE][0]
            assert request.path() == ["x"] and request.get(URI_HOST) == host
    bench = Bench()
    account = bench.client.add_server("coap://192.0.2.1", 2, "1.1", uri_host=True)
    bench.client.start(bench.now)
    bench.step()
    assert all([each.get(URI_HOST) is None for each in bench.sent()])


def test_service_unavailable_of_no_sensible_time():
    """RFC 7252 §5.9.3.4: Max-Age 0 makes no loop of Registers, and 2^32 - 1 s is no farewell."""
    bench = Bench()
    bench.client.start(bench.now)
    bench.step()
    for delay_ms in (2_000, 4_000, 8_000):
        bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 0)])
        bench.run_for(delay_ms - 1)
        assert bench.sent() == []
        bench.run_for(1)
    bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 0xFFFFFFFF)])
    bench.run_for(DAY_MS - 1)
    assert bench.sent() == []
    bench.run_for(1)
    bench.accept(bench.one())


def test_deregister():
    """TS 1.0 5.3.3: DELETE on the location; after it the client is idle until it is started."""
    bench = Bench()
    bench.register()
    bench.client.deregister(bench.now)
    bench.step()
    request = bench.one()
    assert request.code == DELETE and request.path() == ["rd", "5a3f"]
    assert bench.account.state == DEREGISTERING
    bench.answer(request, DELETED)
    assert bench.account.state == IDLE and NAMES[IDLE] == "idle"
    assert bench.run_for(10_000_000) is None
    assert bench.sent() == [] and not bench.client.busy(bench.now)
    bench.client.start(bench.now)
    bench.step()
    assert bench.one().path() == ["rd"]


def test_deregister_while_disabled():
    """CR C.1 resource 7: a disabled server is told nothing, also when the application gives up."""
    bench = Bench(disable_timeout=100)
    bench.register()
    bench.answer(bench.request(POST, "/1/0/4")[1], DELETED)
    bench.client.deregister(bench.now)
    bench.run_for(200_000)
    assert bench.sent() == [] and bench.account.state == IDLE


def test_alternate_path_of_two_segments():
    """CR 5.2.1: the alternate path may have several segments."""
    bench = Bench("draft", root_path="/a/lwm2m", temperature=False)
    assert text(bench.register()).startswith(
        '</a/lwm2m>;rt="oma.lwm2m";ct=11543,</a/lwm2m/1/0>'
    )
    assert text(bench.request(GET, "/a/lwm2m/3/0/0")[0]) == "Nudge"


def test_sms_number_needs_an_sms_link():
    """CR 5.2.1 Table 2: the number is told only by a client that the SMS binding reaches."""
    bench = Bench("1.1", OWN_NUMBER)
    del bench.client.links["S"]
    assert "sms=" + OWN_NUMBER not in bench.register().queries()


def test_int_104_update_trigger():
    """LightweightM2M-1.1-int-104: 2.04 first, then an Update without parameters."""
    bench = Bench()
    bench.register()
    response, update = bench.request(POST, "/1/0/8")
    assert response.code == CHANGED and response.type == 2
    assert is_update(update)
    bench.answer(update, CHANGED)
    assert bench.account.state == REGISTERED
    assert bench.names()[-4:] == ["trigger", "request", "updating", "updated"]


def test_requests_before_the_register_reply_are_ignored():
    """TS 1.0 5.4: no answer of any kind until the Register is answered; then the repetition is."""
    bench = Bench()
    bench.client.start(bench.now)
    bench.step()
    register = bench.one()
    read = Message(GET, CON, b"\x09", b"", 77)
    read.add(11, "3").add(11, "0").add(11, "0")
    bench.deliver(read)
    assert bench.sent() == []
    assert bench.client.dropped == {"not_registered": 1}
    bench.accept(register)
    bench.deliver(read)
    assert text(bench.one()) == "Nudge"


def test_requests_while_an_update_is_outstanding():
    """TS 1.0 5.4: a request is served while only an Update is outstanding."""
    bench = Bench()
    bench.register()
    bench.client.update()
    bench.step()
    bench.sent()
    assert bench.account.state == UPDATING
    assert text(bench.request(GET, "/3/0/0")[0]) == "Nudge"


def test_unknown_peers_are_ignored():
    """TS 1.0 7: what comes from no configured server is dropped and counted."""
    bench = Bench()
    bench.register()
    read = Message(GET, CON, b"\x09", b"", 77).add(11, "3")
    bench.deliver(read, sender=("elsewhere.example", 5683))
    assert bench.sent() == []
    assert bench.client.dropped == {"unknown_peer": 1}


def test_garbage_never_raises():
    """RFC 7252 §4.2: what cannot be read is dropped, or reset where a Confirmable header
    stands."""
    bench = Bench()
    bench.register()
    for garbage in (b"", b"\x00", b"\x40", b"\xff" * 40, b"\x49\x01\x00\x01" + b"\xff" * 9):
        bench.deliver(garbage)
        for message in bench.sent():
            assert message.type == RST
    assert bench.account.state == REGISTERED


def test_address_changed():
    """CR 5.2.1: a new address needs an Update; released versions let the policy choose."""
    for version, policy, expected in (
        ("draft", "update", ["rd", "5a3f"]),
        ("draft", "register", ["rd", "5a3f"]),
        ("1.1", "update", ["rd", "5a3f"]),
        ("1.1", "register", ["rd"]),
    ):
        bench = Bench(version, after_sleep=policy)
        bench.register()
        bench.client.address_changed(bench.now)
        bench.step()
        assert bench.one().path() == expected


def test_after_sleep_register():
    """Leshan issue 345: where NoSec loses its NAT mapping, a wake can begin with a Register."""
    bench = Bench(after_sleep="register")
    bench.register()
    bench.fall_asleep()
    bench.client.update()
    bench.step()
    assert bench.one().path() == ["rd"]


def test_register_after_a_silence_that_a_nat_does_not_outlive():
    """TS 1.1 Transport 6.4.3 and requirement 11: with after_sleep "register" a message after more
    silence than nat_ms is a Register; a shorter sleep begins with an Update, with and without
    Queue Mode, across a deep sleep too."""
    for queue in (True, False):
        bench = Bench(after_sleep="register", awake_time_ms=10_000, queue=queue)
        bench.register()
        bench.run_for(60_000)
        assert bench.sent() == []
        bench.client.update()
        bench.step()
        update = bench.one()
        assert is_update(update)
        bench.answer(update, CHANGED)
        bench.run_for(40_000)
        record = bench.client.freeze(bench.now)
        for slept_ms, path in ((10_000, ["rd", "5a3f"]), (30_000, ["rd"])):
            after = Bench(after_sleep="register", awake_time_ms=10_000, queue=queue)
            after.now = bench.now + slept_ms
            assert after.client.thaw(record, after.now)
            after.client.update()
            after.step()
            assert after.one().path() == path
        bench.run_for(21_000)
        bench.client.update()
        bench.step()
        assert bench.one().path() == ["rd"]
        bench = Bench(after_sleep="register", awake_time_ms=10_000, queue=queue)
        bench.account.nat_ms = 300_000
        bench.register()
        bench.run_for(299_000)
        bench.client.update()
        bench.step()
        assert is_update(bench.one())


def test_lifetime_over_while_nobody_ran():
    """CR 5.2.1: a registration that has expired is not updated but made again."""
    bench = Bench(lifetime_s=300)
    bench.register()
    bench.now += 400_000
    bench.step()
    assert bench.one().path() == ["rd"]


def test_object_list_in_blocks():
    """RFC 7959 §2 and TS 1.0 5.3.1: an object list larger than the link takes goes in blocks, with
    all the parameters in each; so it does in an Update, and a lost answer is no other Register."""
    bench = Bench()
    bench.udp.mtu = 152
    for _ in range(12):
        bench.tree.add(Temperature())
    expected = bytes(bench.client.object_list(bench.account))
    bench.client.start(bench.now)
    bench.step()
    queries = ["ep=urn:imei:1", "lt=86400", "lwm2m=1.1", "b=U", "Q"]
    for location, said in (("rd", queries), (None, [])):
        body = b""
        while True:
            request = bench.one()
            assert request.queries() == said and request.get_uint(CONTENT_FORMAT) == 40
            assert len(request.encode()) <= 152
            body += bytes(request.payload)
            block = request.get_uint(BLOCK1)
            assert block >> 4 == (len(body) - 1) // (16 << (block & 7))
            if not block & 8:
                break
            bench.run_for(5_000)  # the answer is lost
            assert bytes(bench.one().encode()) == bytes(request.encode())
            bench.answer(request, CONTINUE, options=[(BLOCK1, block)])
        assert body == expected and len(body) > 152
        options = [(BLOCK1, block), (LOCATION_PATH, "rd"), (LOCATION_PATH, "5a3f")]
        bench.answer(request, CREATED if location else CHANGED, options=options)
        assert bench.account.state == REGISTERED
        bench.tree.add(Temperature())
        expected = bytes(bench.client.object_list(bench.account))
        bench.step()
    assert bench.names().count("registering") == 1


def test_two_servers():
    """CR 5.2.1: registration is performed with each server; each has its own state."""
    bench = Bench()
    other = bench.client.add_server("coap://other.example", 2, "1.0", lifetime_s=600)
    bench.client.start(bench.now)
    bench.step()
    first, second = bench.sent()
    assert first.peer[0] == "server.example" and second.peer == ("other.example", 5683)
    assert "</1/1>" in text(second)
    bench.accept(first)
    assert bench.account.state == REGISTERED and other.state == REGISTERING


def test_bad_configuration_is_refused():
    """A version, URI or role that does not exist is refused with a line that says what is
    allowed."""
    bench = Bench()
    for settings in (
        {"version": "2.0"},
        {"uri": "http://x"},
        {"mute": True},
        {"uri": "coap://h:x"},
    ):
        uri = settings.pop("uri", "coap://a.example")
        try:
            bench.client.add_server(uri, 3, **settings)
        except ValueError as error:
            assert len(str(error)) > 10
        else:
            raise AssertionError(settings)
