"""Habits of servers in the field that no specification prescribes, and what the client makes of
them: Wakaama, Leshan and Coiote shaped."""

from coap.message import ACK, CON, NON, RST, Message
from coap.registry import (
    CHANGED,
    CONTENT,
    CREATED,
    DELETED,
    GET,
    LOCATION_PATH,
    NOT_FOUND,
    OBSERVE,
    POST,
    PUT,
    URI_PATH,
)
from unit.lwm2m.helpers import (
    IDLE,
    REGISTERED,
    REGISTERING,
    UPDATING,
    WAITING,
    Bench,
    is_update,
    text,
)

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96
UNAUTHORIZED = 0x81


def registering():
    bench = Bench()
    bench.client.start(bench.now)
    bench.step()
    return bench, bench.one()


def updating():
    bench = Bench()
    bench.register()
    bench.client.update()
    bench.step()
    return bench, bench.one()


def separate(bench, request, code, type=CON, message_id=900, location=()):
    """Answer a request in a message of its own; return what the client sent at that."""
    reply = Message(code, type, request.token, b"", message_id)
    for segment in location:
        reply.add(LOCATION_PATH, segment)
    bench.deliver(reply)
    return bench.sent()


def acknowledge(bench, request):
    bench.deliver(Message(0, ACK, b"", b"", request.message_id))
    assert bench.sent() == []


def test_register_reply_lost():
    """RFC 7252 §4.2: the same Register goes again; a server that does not know it for the same may
    name another location each time, and the one that is heard of counts."""
    bench, first = registering()
    bench.run_for(3_000)
    second = bench.one()
    assert bytes(second.encode()) == bytes(first.encode())
    bench.accept(second, ("rd", "two"))
    bench.accept(first, ("rd", "one"))  # it was only late
    assert bench.sent() == [] and bench.account.location == ["rd", "two"]
    assert bench.names().count("registered") == 1


def test_register_reply_after_the_client_gave_up():
    """RFC 7252 §4.2, §5.3.2: a reply to a Register that was given up registers nobody; the next
    Register has a token of its own."""
    bench, first = registering()
    bench.run_for(100_000)
    assert bench.account.state == WAITING and len(bench.sent()) == 4
    bench.accept(first)
    assert bench.sent() == [] and bench.account.location is None
    assert [message.type for message in separate(bench, first, CREATED)] == [RST]
    bench.run_for(60_000)
    second = bench.sent()[0]
    assert second.token != first.token and second.message_id != first.message_id
    assert [message.type for message in separate(bench, first, CREATED, CON, 901)] == [RST]
    assert bench.account.state == REGISTERING
    bench.accept(second)
    assert bench.account.state == REGISTERED


def test_register_answered_separately():
    """RFC 7252 §5.2.2: an empty ACK first, the 2.01 later and twice; the ACK of its own may be
    missing, and the reply Non-confirmable."""
    for acknowledged, type in ((True, CON), (False, CON), (True, NON)):
        bench, request = registering()
        if acknowledged:
            acknowledge(bench, request)
            bench.run_for(20_000)
            assert bench.sent() == []
        for _ in range(2):
            answered = separate(bench, request, CREATED, type, 900, ("rd", "5a3f"))
            expected = [(ACK, 0, 900)] if type == CON else []
            assert [(each.type, each.code, each.message_id) for each in answered] == expected
        assert bench.account.state == REGISTERED
        assert bench.names().count("registered") == 1
        bench.client.update()
        bench.step()
        assert is_update(bench.one())


def test_register_acknowledged_and_never_answered():
    """RFC 7252 §5.2.2: an ACK without a reply is a time-out in the end."""
    bench, request = registering()
    acknowledge(bench, request)
    bench.run_for(400_000)
    assert bench.facts("register_failed")["reason"] == "timeout"


def test_update_answered_late():
    """RFC 7252 §4.2: an answer to the fourth transmission, or in a message of its own, is one to
    the Update, which does not go again."""
    bench, request = updating()
    bench.run_for(20_000)
    assert len(bench.sent()) == 3
    bench.answer(request, CHANGED)
    assert bench.account.state == REGISTERED and bench.sent() == []
    bench, request = updating()
    acknowledge(bench, request)
    bench.run_for(30_000)
    assert bench.account.state == UPDATING and bench.sent() == []
    assert text(bench.request(GET, "/3/0/0")[0]) == "Nudge"
    assert len(separate(bench, request, CHANGED)) == 1
    assert bench.account.state == REGISTERED
    bench.run_for(60_000)
    assert bench.sent() == []


def test_update_answered_too_late():
    """Requirement 9: after the time-out the client registers; the answer to the Update that comes
    then changes nothing."""
    bench, request = updating()
    bench.run_for(62_000)
    register = bench.sent()[-1]
    assert register.path() == ["rd"]
    bench.answer(request, CHANGED)
    assert bench.account.state == REGISTERING and bench.account.location is None
    bench.accept(register, ("rd", "next"))
    assert bench.account.location == ["rd", "next"] and bench.account.state == REGISTERED


def test_odd_codes_of_success():
    """TS 1.1 Transport Table 6.7-2: an Update answered 2.01 is done, at the location it had; a
    Register is done by nothing but 2.01, and what else an Update is answered with leads to one."""
    bench, request = updating()
    bench.answer(request, CREATED, options=[(LOCATION_PATH, "rd"), (LOCATION_PATH, "new")])
    assert bench.account.state == REGISTERED and bench.account.location == ["rd", "5a3f"]
    for code in (CHANGED, CONTENT, DELETED):
        bench, request = registering()
        bench.answer(request, code, options=[(LOCATION_PATH, "rd"), (LOCATION_PATH, "5a3f")])
        assert bench.account.state == WAITING and bench.account.location is None
    for code in (CONTENT, DELETED):
        bench, request = updating()
        bench.answer(request, code)
        assert bench.one().path() == ["rd"]


def test_refused_in_odd_ways():
    """Requirement 9: a Reset, 4.01 or 5.01 of a server half up is a failure like others."""
    bench, request = registering()
    bench.reset(request)
    assert bench.facts("register_failed")["reason"] == "reset"
    for code in (UNAUTHORIZED, 0xA1):
        bench, request = registering()
        bench.answer(request, code, b"not \xff now")
        assert bench.account.state == WAITING
        assert bench.facts("register_failed")["retry_s"] == 60


def test_odd_locations():
    """TS 1.1 Transport 6.4.3: a location is the server's to choose: several segments or one, empty
    ones, long ones, not of ASCII, with options that nobody asked for."""
    for given, path in (
        (("rd", "0"), ["rd", "0"]),
        (("rd/0",), ["rd", "0"]),
        (("/rd/0/",), ["rd", "0"]),
        (("rd", "", "0"), ["rd", "0"]),
        (("0",), ["0"]),
        (("rd", "Ü~!$&'()*+,;=:@ %2F"), ["rd", "Ü~!$&'()*+,;=:@ %2F"]),
        (("x" * 255,), ["x" * 255]),
        (tuple("abcdefghij"), list("abcdefghij")),
    ):
        bench, request = registering()
        options = [(LOCATION_PATH, segment.encode()) for segment in given]
        options += [(4, b"tag"), (20, b"query=1"), (65002, b"elective")]
        bench.answer(request, CREATED, b"welcome", options)
        assert bench.account.state == REGISTERED
        bench.client.update()
        bench.step()
        assert bench.one().path() == path


def test_asked_at_once():
    """Leshan observes in the moment of its 2.01, and Coiote asks several things at a time: each is
    answered, with the token and the message ID of its own."""
    bench, request = registering()
    bench.accept(request)
    asked = (
        (GET, "/3/0/0", b"\x01\x02\x03\x04\x05\x06\x07\x08", None),
        (GET, "/3303/0/5700", b"\x11\x02\x03\x04\x05\x06\x07\x08", 0),
        (PUT, "/1/0/1", b"\x21\x02\x03\x04\x05\x06\x07\x08", None),
        (GET, "/1", b"\x31\x02\x03\x04\x05\x06\x07\x08", None),
    )
    for number, (code, path, token, observe) in enumerate(asked):
        message = Message(code, CON, token, b"3600" if code == PUT else b"", 500 + number)
        if observe is not None:
            message.add(OBSERVE, observe)
        for segment in path[1:].split("/"):
            message.add(URI_PATH, segment)
        if code == PUT:
            message.add(12, b"")
        bench.deliver(message)
    answers = [message for message in bench.sent() if message.type == ACK]
    assert [(each.message_id, each.token) for each in answers] == [
        (500 + number, row[2]) for number, row in enumerate(asked)
    ]
    assert [each.code for each in answers] == [CONTENT, CONTENT, CHANGED, CONTENT]
    assert answers[1].get(OBSERVE) is not None


def test_tokens_of_none_and_of_eight_bytes():
    """RFC 7252 §5.3.1: a token may have no bytes at all, and up to 8; a notification has that of
    its Observe."""
    for token in (b"", b"12345678"):
        bench = Bench()
        bench.register()
        for type, expected in ((CON, ACK), (NON, NON)):
            answer = bench.request(GET, "/3/0/0", token=token, type=type)[0]
            assert (answer.type, answer.token, text(answer)) == (expected, token, "Nudge")
        assert bench.observe(token=token).get(OBSERVE) is not None
        bench.temperature.set(5700, 30)
        bench.step()
        notification = bench.one()
        assert notification.token == token and text(notification) == "30"
        bench.acknowledge(notification)
        answer = bench.request(GET, "/3303/0/5700", observe=1, token=token)[0]
        assert answer.code == CONTENT and answer.get(OBSERVE) is None
        assert list(bench.client.observations) == []


def test_non_confirmable_requests():
    """RFC 7252 §5.2.3: what is asked in a Non-confirmable message is done once and answered in
    one; an Execute of the trigger is followed by the Update, which is Confirmable."""
    bench = Bench()
    bench.register()
    answer = bench.request(PUT, "/1/0/5", b"77", 0, type=NON)[0]
    assert (answer.type, answer.code) == (NON, CHANGED)
    assert bench.account.value("disable_timeout") == 77
    answer, update = bench.request(POST, "/1/0/8", type=NON)
    assert (answer.type, answer.code) == (NON, CHANGED) and is_update(update)
    answer = bench.request(GET, "/3/0/99", type=NON, token=b"9")[0]
    assert (answer.type, answer.code) == (NON, NOT_FOUND)
    bench.message_id -= 1
    assert bench.request(GET, "/3/0/99", type=NON, token=b"9") == []


def test_observed_again_after_every_update():
    """Leshan observes again whenever it sees the client: one observation is left, of the last
    token."""
    bench = Bench()
    bench.register()
    for token in (b"\x01", b"\x02", b"\x02", b"\x03"):
        bench.client.update()
        bench.step()
        bench.answer(bench.one(), CHANGED)
        assert bench.observe(token=token).get(OBSERVE) is not None
    assert [each.token for each in bench.client.observations] == [b"\x03"]


def test_farewell_to_a_server_that_forgot():
    """TS 1.1 Transport Table 6.7-2: a Deregister answered 4.04, reset or not at all is one."""
    for code in (NOT_FOUND, None):
        bench = Bench()
        bench.register()
        bench.client.deregister(bench.now)
        bench.step()
        if code:
            bench.answer(bench.one(), code)
        else:
            bench.reset(bench.one())
        assert bench.account.state == IDLE
    bench = Bench()
    bench.register()
    bench.client.deregister(bench.now)
    bench.run_for(62_000)
    assert bench.account.state == IDLE


def test_requests_to_a_name():
    """RFC 7252 §5.10.1: a server may name host and port in each request; the client is whoever it
    reached."""
    bench = Bench()
    bench.register()
    options = [(3, b"10.64.0.7"), (7, b"\x16\x33"), (65000, b"elective")]
    assert text(bench.request(GET, "/3/0/0", options=options)[0]) == "Nudge"
