"""The trigger by SMS: TS 1.1 Transport 5.3 and 6.6, TS 1.0 Table 8, and the vectors of App. L."""

from coap.message import CON, NON, Message
from coap.registry import CHANGED, GET, POST, PUT, SERVICE_UNAVAILABLE, URI_PATH
from lwm2m.trigger import matches
from unit.lwm2m.helpers import OWN_NUMBER, SERVER_NUMBER, Bench, is_update

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96

# The CoAP messages in the short messages: message ID 1, token C0FFEE01, POST /1/0/8.
BARE_NON = "54020001C0FFEE01B13101300138"
PUSH_CON = "44020001C0FFEE01B13101300138"
# OMA Core Appendix L: CON, message ID B60B, token 2161FB63.
APPENDIX_L = "4402b60b2161fb63b131013" + "00138"
# A field test PDU: NON, token of 5 bytes, /1/1/8.
FIELD = "55020001C0FFEE0102B13101310138"


def asleep(version="1.1", **settings):
    bench = Bench(version, OWN_NUMBER, sms_number="+" + SERVER_NUMBER, **settings)
    bench.register()
    bench.fall_asleep()
    bench.names()
    return bench


def sms(bench, data, sender=None):
    """Deliver the octets of a short message; return what was sent."""
    bench.deliver(bytes.fromhex(data) if isinstance(data, str) else data, "S", sender)
    return bench.sent()


def trigger(path=("1", "0", "8"), code=POST, type=NON, token=b"\xc0\xff\xee\x01"):
    message = Message(code, type, token, b"", 1)
    for segment in path:
        message.add(URI_PATH, segment)
    return bytes(message.encode())


def test_vectors():
    """OMA Core App. L, bare and WAP Push: one Update by UDP and nothing by SMS."""
    for vector in (BARE_NON, PUSH_CON, APPENDIX_L):
        bench = asleep()
        sent = sms(bench, vector)
        assert len(sent) == 1 and sent[0].binding == "U" and is_update(sent[0])
        assert bench.names() == ["trigger", "updating", "awake"]
        assert bench.client.dropped == {}


def test_vector_of_another_instance():
    """TS 1.1 Transport 6.6: /1/1/8 is the second server's; its number must have sent it."""
    bench = asleep()
    assert sms(bench, FIELD) == []
    assert bench.client.dropped == {"sms_other_server": 1}
    bench.client.add_server("coap://other.example", 2, sms_number="447700900777")
    bench.client.start(bench.now)
    bench.step()
    register = [message for message in bench.sent() if message.peer[0] == "other.example"][0]
    register.add(8, "x")
    assert sms(bench, FIELD, "447700900777") == []
    assert bench.client.dropped["sms_trigger_pending"] == 1


def test_two_accounts_of_one_sender():
    """TS 1.1 Transport 6.6: the path says which of the sender's accounts is meant."""
    bench = asleep()
    other = bench.client.add_server("coap://other.example", 2, sms_number=SERVER_NUMBER)
    bench.client.start(bench.now)
    bench.step()
    for message in bench.sent():
        bench.answer(message, 0x41 if message.path() == ["rd"] else CHANGED, options=[(8, "rd/2")])
    bench.run_to(other.awake_until)
    update = sms(bench, FIELD)[0]
    assert update.peer[0] == "other.example" and update.path() == ["rd", "2"]


def test_short_code():
    """TS 1.1 Transport 5.3: a short code can be the Server SMS Number."""
    bench = Bench("1.1", sms_number="12345")
    bench.register()
    bench.fall_asleep()
    assert sms(bench, BARE_NON, SERVER_NUMBER) == []
    assert is_update(sms(bench, BARE_NON, "12345")[0])


def test_unknown_sender():
    """TS 1.1 Transport 5.3: an SMS from another number is silently ignored."""
    bench = asleep()
    for sender in ("447700900124", "7700900123", "0447700900123", "4477009001234", ""):
        bench.client.receive(bytes.fromhex(BARE_NON), sender, bench.sms, bench.now)
        assert bench.sent() == []
    assert bench.client.dropped == {"sms_unknown_sender": 5}
    assert bench.names() == ["drop"] * 5


def test_suffix_matching():
    """TS 1.1 Transport 5.3: comparing the last digits is an option, off by default."""
    assert not matches("07700900123", SERVER_NUMBER)
    assert matches("07700900123", SERVER_NUMBER, 9)
    assert not matches("07700900124", SERVER_NUMBER, 9)
    assert not matches("123", SERVER_NUMBER, 9)
    assert not matches("", SERVER_NUMBER, 9) and not matches(SERVER_NUMBER, None, 9)


def test_other_operations_are_ignored():
    """TS 1.1 Transport 6.6: nothing but Execute of the trigger is obeyed, and nothing answered."""
    bench = asleep()
    for data in (
        trigger(("1", "0", "8"), GET, CON),
        trigger(("1", "0", "8"), PUT, CON),
        trigger(("1", "0", "4")),
        trigger(("3", "0", "4"), type=CON),
        trigger(("3", "0", "0"), GET, CON),
        trigger(("1", "0")),
        trigger(("1", "0", "8", "0")),
        trigger(("0", "0", "8")),
        trigger(()),
    ):
        assert sms(bench, data) == []
    assert bench.client.dropped == {"sms_not_trigger": 9}
    assert not bench.client.busy(bench.now)


def test_bootstrap_trigger():
    """TS 1.1 Transport 6.6: /1/x/9 may be triggered, but this client has no bootstrap."""
    bench = asleep()
    assert sms(bench, trigger(("1", "0", "9"))) == []
    assert bench.client.dropped == {"sms_no_bootstrap": 1}


def test_malformed():
    """RFC 7252 §3: what is no CoAP message is dropped, in silence."""
    bench = asleep()
    for data in (b"", b"hello", b"\x59" + b"\x02\x00\x01" + b"x" * 12, b"\x44\x02\x00\x01\xc0"):
        assert sms(bench, data) == []
    critical = trigger()[:-2] + b"\x01\x38" + b"\xe1\x06\xd5\x00"  # option 2017
    assert sms(bench, critical) == []
    assert bench.client.dropped["sms_malformed"] == 4
    assert sms(bench, b"\x64\x44\x00\x01\xc0\xff\xee\x01") == []  # an ACK


def test_trigger_resource_false_or_absent():
    """TS 1.1 C.2 resource 21: false by default; without true there is no trigger."""
    bench = asleep(sms_trigger=False)
    assert sms(bench, BARE_NON) == []
    assert bench.client.dropped == {"sms_trigger_off": 1}
    bench = asleep("1.0")  # b=UQ: no SMS binding, and 1.0 has no such resource
    assert sms(bench, BARE_NON) == []
    assert bench.client.dropped == {"sms_trigger_off": 1}


def test_argument_names_a_transport():
    """TS 1.1 C.2 resource 8: Execute may carry an argument."""
    bench = asleep()
    assert is_update(sms(bench, trigger() + b"\xff0='U'")[0])


def test_waiting_triggers_cause_one_update():
    """Requirement, trigger: a backlog of triggers, and repeated ones, cause one Update."""
    bench = asleep()
    update = sms(bench, BARE_NON)[0]
    for _ in range(4):
        assert sms(bench, BARE_NON) == []
    bench.now += 400
    bench.answer(update, CHANGED)
    bench.now += 900
    assert sms(bench, PUSH_CON) == []
    assert bench.client.dropped == {"sms_trigger_pending": 5}
    bench.run_for(1_000)
    assert bench.sent() == []
    bench.fall_asleep()
    assert is_update(sms(bench, PUSH_CON)[0])


def test_rate_limit():
    """Requirement, trigger: ten triggers an hour are obeyed, the others counted."""
    bench = asleep(awake_time_ms=1_000)
    for _ in range(10):
        bench.answer(sms(bench, BARE_NON)[0], CHANGED)
        bench.fall_asleep()
    assert sms(bench, BARE_NON) == []
    assert bench.client.dropped == {"sms_rate_limit": 1}
    assert not bench.client.busy(bench.now)
    bench.run_for(3_600_000)
    assert is_update(sms(bench, BARE_NON)[0])


def test_rate_limit_where_sms_is_answered():
    """CR Table 3: the draft has to answer over SMS; beyond the limit it answers 5.03."""
    bench = asleep("draft", triggers_per_hour=1)
    response, update = sms(bench, trigger(("1", "0", "11"), token=b"1"))
    assert response.code == CHANGED and is_update(update, "draft")
    bench.answer(update, CHANGED)
    bench.fall_asleep()
    message = Message(POST, CON, b"2", b"", 9)
    for segment in ("1", "0", "11"):
        message.add(URI_PATH, segment)
    sent = sms(bench, bytes(message.encode()))
    assert [each.code for each in sent] == [SERVICE_UNAVAILABLE] and sent[0].binding == "S"


def test_alternate_path():
    """CR 5.2.1: under an alternate path the trigger is found there."""
    bench = asleep(root_path="lwm2m")
    assert sms(bench, BARE_NON) == []
    assert is_update(sms(bench, trigger(("lwm2m", "1", "0", "8")))[0])


def test_trigger_before_registration_and_after_deregistration():
    """TS 1.1 Transport 6.6: an account that does not want to be registered stays so."""
    bench = Bench("1.1", sms_number=SERVER_NUMBER)
    assert sms(bench, BARE_NON) == []
    assert bench.client.dropped == {"sms_not_registered": 1}


def test_trigger_ends_the_backoff():
    """CR 6.1: a server that triggers can be reached: try at once instead of after the delay."""
    bench = asleep()
    bench.client.update()
    bench.run_for(130_000)
    assert bench.sent()[-1].path() == ["rd"]
    assert not bench.account.location
    assert [message.path() for message in sms(bench, BARE_NON)] == [["rd"]]
