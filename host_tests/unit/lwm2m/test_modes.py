"""CR 5.2.1 Table 3: Queue Mode and SMS, four rows, in each enabler version.

Each row is checked for the binding that a request is answered on and the binding that
notifications use, and for whether the client may go to sleep.
"""

from coap.registry import BAD_REQUEST, CHANGED, CONTENT, GET, PUT
from unit.lwm2m.helpers import OWN_NUMBER, SERVER_NUMBER, Bench, is_update

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96

NUMBERS = {"own_number": OWN_NUMBER, "sms_number": SERVER_NUMBER}


def answered_on(bench, binding):
    """Return the bindings that a Read by `binding` is answered on."""
    sent = bench.request(GET, "/3/0/0", binding=binding, token=b"t" + binding.encode())
    assert all([message.code == CONTENT for message in sent])
    return [message.binding for message in sent]


def notified_on(bench, value=40):
    """Return the binding that a notification uses."""
    bench.observe(token=b"\x0b\x0c")
    bench.temperature.set(5700, value)
    bench.run_for(1_000)
    return bench.one().binding


def test_row_1_neither():
    """CR Table 3 row 1: reachable by UDP at any time, so never asleep; SMS mean nothing."""
    for version in ("draft", "1.0", "1.1"):
        bench = Bench(version, queue=False, sms_number=SERVER_NUMBER, sms_trigger=False)
        bench.register()
        assert answered_on(bench, "U") == ["U"]
        assert answered_on(bench, "S") == []
        assert notified_on(bench) == "U"
        bench.run_for(600_000)
        assert bench.client.busy(bench.now)
        assert answered_on(bench, "U") == ["U"]


def test_row_2_sms_draft():
    """CR Table 3 row 2, draft: SMS answered over SMS; Binding Preference 0 and 2 for
    notifications."""
    bench = Bench("draft", queue=False, **NUMBERS)
    assert "sms=" + OWN_NUMBER in bench.register().queries()
    assert answered_on(bench, "S") == ["S"]
    assert answered_on(bench, "U") == ["U"]
    assert notified_on(bench) == "U"
    response, update = bench.request(PUT, "/1/0/10", b"2", 0)
    assert response.binding == "U" and response.code == CHANGED
    assert update.binding == "S" and is_update(update, "draft")
    bench.answer(update, CHANGED)
    assert answered_on(bench, "U") == ["U"]
    assert notified_on(bench, 41) == "S"


def test_row_2_sms_1_0():
    """CR Table 3 row 2 and TS 1.0 Table 8: US answers each request where it came."""
    bench = Bench("1.0", queue=False, binding="US", **NUMBERS)
    assert "b=US" in bench.register().queries()
    assert answered_on(bench, "S") == ["S"]
    assert answered_on(bench, "U") == ["U"]
    assert notified_on(bench) == "U"


def test_row_2_sms_only_1_0():
    """TS 1.0 Table 8: S registers, answers and notifies over SMS, and may sleep."""
    for version in ("1.0", "1.1"):
        bench = Bench(version, queue=False, binding="S", **NUMBERS)
        register = bench.register()
        assert register.binding == "S" and register.peer == SERVER_NUMBER
        assert answered_on(bench, "S") == ["S"]
        bench.observe(token=b"\x0b\x0c")
        bench.temperature.set(5700, 40)
        bench.run_for(2_000)
        assert bench.one().binding == "S"
        assert not bench.client.busy(bench.now)


def test_row_2_sms_1_1():
    """TS 1.1 Transport 6.6: while the binding is U, an SMS that is no trigger is ignored."""
    bench = Bench("1.1", queue=False, binding="US", **NUMBERS)
    bench.register()
    assert answered_on(bench, "S") == []
    assert answered_on(bench, "U") == ["U"]
    assert notified_on(bench) == "U"


def test_row_3_queue():
    """CR Table 3 row 3: on-line after an Update, by UDP; an SMS is ignored."""
    for version in ("draft", "1.0", "1.1"):
        bench = Bench(version, queue=True, sms_number=SERVER_NUMBER, sms_trigger=False)
        bench.register()
        assert answered_on(bench, "S") == []
        bench.fall_asleep()
        bench.client.update()
        bench.step()
        update = bench.one()
        assert is_update(update, version) and update.binding == "U"
        bench.answer(update, CHANGED)
        assert answered_on(bench, "U") == ["U"]
        assert notified_on(bench) == "U"


def test_row_4_queue_and_sms_draft():
    """CR Table 3 row 4, draft: asleep for UDP, a request over SMS is answered over SMS at once."""
    bench = Bench("draft", queue=True, **NUMBERS)
    queries = bench.register().queries()
    assert "q" in queries and "sms=" + OWN_NUMBER in queries
    bench.fall_asleep()
    assert answered_on(bench, "S") == ["S"]
    assert not bench.client.busy(bench.now)


def test_row_4_queue_and_sms_1_0():
    """CR Table 3 row 4 and TS 1.0 Table 8: UQS."""
    bench = Bench("1.0", queue=True, binding="US", **NUMBERS)
    assert "b=UQS" in bench.register().queries()
    bench.fall_asleep()
    assert answered_on(bench, "S") == ["S"]
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), CHANGED)
    assert notified_on(bench) == "U"


def test_row_4_notifications_by_binding_preference():
    """CR Table 3 row 4: with Binding Preference 3 notifications go over SMS, after the Update."""
    bench = Bench("draft", queue=True, binding="S", **NUMBERS)
    register = bench.register()
    assert register.binding == "S" and "q" in register.queries()
    bench.observe(token=b"\x0b\x0c")
    bench.fall_asleep()
    bench.temperature.set(5700, 40)
    bench.step()
    update = bench.one()
    assert is_update(update, "draft") and update.binding == "S"
    bench.answer(update, CHANGED)
    notification = bench.one()
    assert notification.binding == "S" and notification.code == CONTENT


def test_row_4_queue_and_sms_1_1():
    """CR Table 3 row 4 in 1.1: U, Q, sms= and the Trigger resource; nothing is answered over
    SMS."""
    bench = Bench("1.1", queue=True, **NUMBERS)
    queries = bench.register().queries()
    assert "b=U" in queries and "Q" in queries and "sms=" + OWN_NUMBER in queries
    bench.fall_asleep()
    assert answered_on(bench, "S") == []


def test_preferred_transport_1_1():
    """TS 1.1 C.2 resource 22: of several transports the preferred one is used."""
    bench = Bench("1.1", queue=False, binding="US", preferred_transport="S", **NUMBERS)
    assert bench.register().binding == "S"


def test_preferred_transport_is_one():
    """TS 1.1 C.2 resource 22: exactly one transport; anything else is refused with 4.00."""
    bench = Bench("1.1", binding="US", **NUMBERS)
    bench.register()
    for wrong in (b"", b"US", b"X"):
        assert bench.request(PUT, "/1/0/22", wrong, 0, token=b"w" + wrong)[0].code == BAD_REQUEST


def test_binding_that_has_no_number():
    """TS 1.0 C.2 resource 7: a binding that the client cannot serve does not replace its own."""
    bench = Bench("1.1", queue=True)
    bench.register()
    assert bench.request(PUT, "/1/0/7", b"S", 0, token=b"b")[0].code == CHANGED
    bench.run_for(20_000)
    until = bench.account.awake_until
    bench.request(GET, "/3/0/0", token=b"g")
    assert bench.account.transport == "U" and bench.account.awake_until > until
