"""Information Reporting: CR 6.1 and C.1, TS 1.0 5.5 and 5.1.2, RFC 7641."""

from coap.message import CON, NON
from coap.registry import (
    ACCEPT,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    GET,
    MAX_AGE,
    NOT_FOUND,
    OBSERVE,
    POST,
    PUT,
    SERVICE_UNAVAILABLE,
)
from lwm2m.object import OperationError
from lwm2m.objects.ipso import Temperature
from unit.lwm2m.helpers import DAY_MS, Bench, is_update, text

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 112


class Humidity(Temperature):
    """Another Object."""

    object_id = 3304


def online(version="1.1", **settings):
    """A registered client without Queue Mode: notifications are Non-confirmable."""
    bench = Bench(version, queue=False, **settings)
    bench.register()
    return bench


def values(bench):
    """Return the payloads sent since the last call as text."""
    bench.step()
    return [text(message) for message in bench.sent()]


def attributes(bench, *queries, path="/3303/0/5700"):
    assert bench.request(PUT, path, queries=queries, token=b"at")[0].code == CHANGED


def test_int_301_observe_and_notify():
    """LightweightM2M-1.1-int-301: 2.05 with Observe, then a notification with the same token."""
    bench = online()
    attributes(bench, "pmin=5", "pmax=15")
    response = bench.observe(token=b"\xaa\xbb")
    assert response.code == CONTENT and text(response) == "21.5"
    assert response.get_uint(CONTENT_FORMAT) == 0
    bench.now += 1_000
    bench.temperature.set(5700, 22.5)
    assert bench.run_for(3_999) is not None
    assert bench.sent() == []
    bench.run_for(1)
    notification = bench.one()
    assert notification.token == b"\xaa\xbb" and text(notification) == "22.5"
    assert notification.type == NON and notification.code == CONTENT
    assert notification.get_uint(OBSERVE) > response.get_uint(OBSERVE)
    bench.run_for(14_999)
    assert bench.sent() == []
    bench.run_for(1)
    assert values(bench) == ["22.5"]
    assert "observed" in bench.names()


def test_maximum_period_is_awaited():
    """TS 1.0 5.1.2: the deadline given when a notification leaves is the end of its pmax."""
    bench = online()
    attributes(bench, "pmin=0", "pmax=15")
    bench.observe(token=b"\xaa\xbb")
    bench.now += 1_000
    bench.temperature.set(5700, 22.5)
    assert bench.step() == bench.now + 15_000
    assert bench.one().type == NON


def test_int_302_cancel_by_reset():
    """LightweightM2M-1.1-int-302: a Reset cancels, of a NON notification as well."""
    bench = online()
    bench.observe()
    bench.temperature.set(5700, 1)
    bench.step()
    bench.reset(bench.one())
    assert "cancelled" in bench.names()
    bench.temperature.set(5700, 2)
    assert values(bench) == []


def test_int_303_cancel_by_observe_1():
    """LightweightM2M-1.1-int-303: GET with Observe = 1 answers and cancels."""
    bench = online()
    bench.observe(token=b"\x05")
    response = bench.request(GET, "/3303/0/5700", observe=1, token=b"\x05")[0]
    assert text(response) == "21.5" and response.get(OBSERVE) is None
    bench.temperature.set(5700, 2)
    assert values(bench) == []


def test_cancel_with_another_token():
    """TS 1.0 5.5.2: the path says which observation ends, whatever token the GET carries."""
    bench = online()
    bench.observe(token=b"\x05")
    bench.request(GET, "/3303/0/5700", observe=1, token=b"\x06")
    bench.temperature.set(5700, 2)
    assert values(bench) == []


def test_observe_again_replaces():
    """Wakaama issue 166, RFC 7641 §4.1: the same path again, or the same token, replaces."""
    bench = online()
    bench.observe(token=b"\x01")
    bench.observe(token=b"\x02")
    bench.temperature.set(5700, 2)
    bench.step()
    assert bench.one().token == b"\x02"
    bench.observe("/3/0/0", token=b"\x02")
    bench.temperature.set(5700, 3)
    assert values(bench) == []


def test_levels():
    """TS 1.0 5.5.1: Object, Object Instance and Resource can be observed."""
    bench = online()
    for token, path in ((b"\x01", "/3303"), (b"\x02", "/3303/0"), (b"\x03", "/3303/0/5700")):
        assert bench.observe(path, token).get(OBSERVE) is not None
    bench.temperature.set(5700, 2)
    bench.step()
    sent = bench.sent()
    assert sorted([message.token for message in sent]) == [b"\x01", b"\x02", b"\x03"]
    forms = sorted([message.get_uint(CONTENT_FORMAT) for message in sent])
    assert forms == [0, 112, 112]


def test_instances_of_other_objects():
    """RFC 7641 §1.3: an Object is told when instances of it come or go, not those of others."""
    bench = online()
    bench.observe("/3303")

    def told():
        bench.step()
        sent = bench.sent()
        for update in [message for message in sent if message.path()]:
            bench.answer(update, CHANGED)
        return [bytes(each.payload) for each in sent + bench.sent() if not each.path()]

    bench.tree.add(Humidity(), 3)
    assert told() == []
    bench.tree.add(Temperature(), 3).set(5700, 4)
    assert b"3/5700" in told()[-1]
    bench.tree.remove(3303, 3)
    assert b"3/5700" not in told()[-1]


def test_accept_is_kept():
    """TS 1.1 6.4.1: notifications come in the format that the Observe accepted."""
    bench = online()
    bench.request(GET, "/3303/0/5700", observe=0, options=[(ACCEPT, 112)])
    bench.temperature.set(5700, 2)
    bench.step()
    assert bench.one().get_uint(CONTENT_FORMAT) == 112


def test_discover_is_not_observed():
    """TS 1.0 5.4.2: Observe on a Discover has no meaning."""
    bench = online()
    response = bench.request(GET, "/3303/0", observe=0, options=[(ACCEPT, 40)])[0]
    assert response.code == CONTENT and response.get(OBSERVE) is None


def test_what_cannot_be_read_is_not_observed():
    """RFC 7641 §4.1: no Observe in an error."""
    bench = online()
    response = bench.observe("/3303/0/5999")
    assert response.code == NOT_FOUND and response.get(OBSERVE) is None


class Probe(Temperature):
    """A sensor that is measured when it is read, and may be out of order."""

    broken = False

    def read(self, rid):
        if self.broken and rid == 5700:
            raise OSError(110)
        return super().read(rid)


def test_probe_out_of_order():
    """DESIGN §6, RFC 7641 §1.3: a value that cannot be measured is told when it can, alone and
    with others; what asks for it meanwhile is answered 5.00, a Send is refused."""
    bench = Bench("1.1", queue=False, temperature=False, mute_send=False)
    probe = bench.tree.add(Probe())
    probe.set(5700, 1)
    bench.register()
    bench.observe("/3303/0/5700", b"\x01")
    bench.observe("/3303/0", b"\x02")
    probe.broken = True
    probe.set(5700, 2)
    bench.step()
    bench.run_for(90_000)
    assert bench.sent() == []
    assert bench.request(GET, "/3303/0/5700")[0].code == 0xA0
    assert bench.client.send([(3303, 0, 5700)], bench.now).startswith("paths: ")
    probe.broken = False
    bench.run_for(60_000)
    sent = bench.sent()
    assert sorted([bytes(each.token) for each in sent]) == [b"\x01", b"\x02"]
    assert bytes(sent[0].payload if sent[0].token == b"\x01" else sent[1].payload) == b"2"
    bench.run_for(120_000)
    assert bench.sent() == []


def test_no_memory_for_a_notification():
    """DESIGN §6, RFC 7641 §1.3: a value that the memory had no room for is told when it has."""
    bench = online()
    bench.observe()
    operations = bench.client.operations(bench.account)
    encode = operations.encode

    def full(*arguments):
        raise OperationError(0xA0)

    operations.encode = full
    bench.temperature.set(5700, 30)
    bench.step()
    assert bench.sent() == []
    bench.run_for(90_000)
    operations.encode = encode
    assert bench.sent() == []
    bench.run_for(60_000)
    assert values(bench) == ["30"]
    bench.run_for(60_000)
    assert bench.sent() == []


def test_table_full():
    """RFC 7641 §4.1: a server that cannot add an observer answers without Observe."""
    bench = online()
    bench.client.observations.limit = 2
    assert bench.observe("/3/0/0", b"\x01").get(OBSERVE) is not None
    assert bench.observe("/3/0/16", b"\x02").get(OBSERVE) is not None
    response = bench.observe("/3303/0", b"\x03")
    assert response.code == CONTENT and response.get(OBSERVE) is None
    assert bench.client.dropped == {"observations_full": 1}
    assert bench.observe("/3/0/0", b"\x04").get(OBSERVE) is not None


def test_thresholds():
    """TS 1.0 5.1.2: gt and lt tell a crossing either way, st a step from the value told last."""
    bench = online()
    attributes(bench, "gt=30", "lt=10")
    bench.observe()
    for value, told in (
        (25, []), (31, ["31"]), (35, []), (29, ["29"]), (10, []), (9, ["9"]), (5, []),
        (11, ["11"]),
    ):  # fmt: skip
        bench.now += 3_000
        bench.temperature.set(5700, value)
        assert values(bench) == told, value
    attributes(bench, "gt", "lt", "st=2")
    for value, told in ((12, []), (12.5, []), (13, ["13"]), (11.5, []), (11, ["11"])):
        bench.now += 3_000
        bench.temperature.set(5700, value)
        assert values(bench) == told, value


def test_thresholds_and_maximum_period():
    """TS 1.0 5.1.2: pmax tells the value even when no condition is met."""
    bench = online()
    attributes(bench, "gt=30", "pmax=60")
    bench.observe()
    bench.temperature.set(5700, 25)
    assert values(bench) == []
    bench.run_for(60_000)
    assert values(bench) == ["25"]


def test_maximum_below_minimum_is_ignored():
    """TS 1.0 5.1.2: pmax less than pmin is ignored."""
    bench = online()
    attributes(bench, "pmin=60", "pmax=10")
    bench.observe()
    bench.run_for(59_999)
    assert values(bench) == []


def test_same_value_is_not_told():
    """RFC 7641 §1.3: a change of state is told, not the setting of a value."""
    bench = online()
    bench.observe()
    bench.temperature.changed(5700)
    assert values(bench) == []


def test_newest_state_follows():
    """RFC 7641 §4.5.2: one notification in flight; changes meanwhile make one newest after it."""
    bench = Bench()
    bench.register()
    bench.observe()
    for value in (1, 2, 3, 4):
        bench.temperature.set(5700, value)
        bench.step()
    first = bench.one()
    assert text(first) == "1" and first.type == CON
    bench.acknowledge(first)
    assert text(bench.one()) == "4"


def test_confirmable_once_a_day():
    """RFC 7641 §4.5: at least every 24 h a notification is Confirmable."""
    bench = online(lifetime_s=200_000)
    bench.observe()
    bench.temperature.set(5700, 1)
    bench.step()
    assert bench.one().type == NON
    bench.now += DAY_MS
    bench.temperature.set(5700, 2)
    bench.step()
    notification = bench.one()
    assert notification.type == CON
    bench.acknowledge(notification)
    bench.temperature.set(5700, 3)
    bench.step()
    assert bench.one().type == NON


def test_sequence_grows_over_all_observations():
    """RFC 7641 §4.4: each notification has a greater number, 24 bits that wrap."""
    bench = online()
    bench.client.observations.sequence = 0xFFFFFE
    assert bench.observe().get_uint(OBSERVE) == 0xFFFFFF
    bench.temperature.set(5700, 2)
    bench.step()
    assert bench.one().get_uint(OBSERVE) == 0


def test_update_keeps_register_ends():
    """TS 1.0 5.5: an Update keeps observations; a Register ends them."""
    bench = online()
    bench.observe()
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), CHANGED)
    bench.temperature.set(5700, 2)
    assert values(bench) == ["2"]
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), NOT_FOUND)
    bench.accept(bench.one())
    bench.temperature.set(5700, 3)
    assert values(bench) == []


def test_deregister_ends():
    """TS 1.0 5.3.3: observations end with the registration."""
    bench = online()
    bench.observe()
    bench.client.deregister(bench.now)
    bench.step()
    bench.answer(bench.one(), 0x42)
    assert list(bench.client.observations) == []


def test_offline_storing():
    """CR C.1 resource 9: unanswered notifications are kept and told when the server is back."""
    bench = Bench()
    bench.register()
    bench.observe(token=b"\x31")
    bench.temperature.set(5700, 1)
    bench.run_for(62_000)
    assert [text(message) for message in bench.sent()[:5]] == ["1"] * 5
    bench.temperature.set(5700, 2)
    bench.run_for(130_000)  # the Update and the Register are not answered either
    assert [message.path() for message in bench.sent()[-5:]] == [["rd"]] * 5
    bench.temperature.set(5700, 3)
    bench.run_for(60_000)
    bench.accept(bench.sent()[-1])
    told = []
    for _ in range(3):
        notification = bench.one()
        assert notification.token == b"\x31" and notification.type == CON
        told.append(text(notification))
        bench.acknowledge(notification)
    assert told == ["1", "2", "3"]
    bench.step()
    assert bench.sent() == []


def test_stored_notification_of_a_forgotten_observation():
    """RFC 7641 §3.6: a server that has forgotten resets, and the observation ends with its
    store."""
    bench = Bench(disable_timeout=100)
    bench.register()
    bench.observe()
    bench.answer(bench.request(POST, "/1/0/4")[1], 0x42)
    for value in (1, 2):
        bench.temperature.set(5700, value)
        bench.step()
    bench.run_for(100_000)
    bench.accept(bench.one())
    bench.reset(bench.one())
    bench.run_for(1_000)
    assert bench.sent() == [] and list(bench.client.observations) == []


def test_store_is_bounded():
    """CR C.1 resource 9: the store is bounded, the oldest goes first and is counted."""
    bench = online(disable_timeout=100)
    bench.observe()
    bench.client.observations.store = 3
    bench.answer(bench.request(POST, "/1/0/4")[1], 0x42)
    for value in range(5):
        bench.temperature.set(5700, value)
        bench.step()
    assert bench.client.dropped == {"store_full": 2}
    bench.run_for(100_000)
    bench.accept(bench.one())
    notification = bench.one()
    assert text(notification) == "2"


def test_second_time_out_ends():
    """RFC 7641 §4.5, TS 1.2 Core 6.4.1: a server that answers Updates and never a notification
    loses the observation, and is told so by a Register."""
    bench = Bench()
    bench.register()
    bench.observe()
    bench.temperature.set(5700, 1)
    bench.run_for(62_000)
    update = bench.sent()[-1]
    assert is_update(update)
    bench.answer(update, CHANGED)
    bench.run_for(62_000)
    assert list(bench.client.observations) == []
    assert bench.facts("cancelled")["reason"] == "timeout"
    register = bench.sent()[-1]
    assert register.path() == ["rd"] and "ep=urn:imei:1" in register.queries()
    bench.accept(register)
    bench.temperature.set(5700, 2)
    bench.run_for(60_000)
    assert bench.sent() == []


def test_deleted_instance():
    """RFC 7641 §4.2: an error notification without Observe ends the observation."""
    bench = online()
    bench.tree.add(Temperature(), 7)
    bench.tree.get(3303, 7).set(5700, 1)
    bench.step()
    bench.answer(bench.one(), CHANGED)
    bench.observe("/3303/7/5700")
    bench.tree.remove(3303, 7)
    bench.step()
    notification = bench.sent()[0]
    assert notification.code == NOT_FOUND and notification.get(OBSERVE) is None
    assert list(bench.client.observations) == []


def test_cost_of_a_change():
    """Observations are found by path: a change touches those of its path and no others."""
    bench = Bench(queue=False)
    bench.client.observations.limit = 40
    for number in range(30):
        bench.tree.add(Temperature(), number + 1).set(5700, 1)
    bench.register()
    for number in range(30):
        bench.observe("/3303/%d/5700" % (number + 1), b"%d" % number)
    bench.temperature.set(5700, 9)
    flagged = [each for each in bench.client.observations if each.flags & 1]
    assert flagged == []
    bench.tree.get(3303, 20).set(5700, 9)
    flagged = [each for each in bench.client.observations if each.flags & 1]
    assert [each.path for each in flagged] == [(3303, 20, 5700)]


def test_non_confirmable_ones_are_paced():
    """RFC 7641 §4.5.1: one Non-confirmable notification every 3 s on average, the newest state; a
    few at once where none went before."""
    bench = online()
    attributes(bench, "pmin=0")
    bench.observe()
    times = []
    told = None
    for number in range(300):
        bench.temperature.set(5700, number)
        bench.step()
        for message in bench.sent():
            assert message.type == NON
            times.append(bench.now)
            told = text(message)
        bench.now += 100
    assert len(times) == 4 + 30_000 // 3_000 - 1, times
    assert times[3] - times[0] <= 300
    assert [times[i] - times[i - 1] for i in range(5, len(times))] == [3_000] * (len(times) - 5)
    bench.run_for(3_000)
    assert (values(bench) or [told]) == ["299"]
    bench.run_for(60_000)
    for path, token in (("/3303/0/5701", b"1"), ("/3/0/0", b"2"), ("/3/0/16", b"3")):
        bench.observe(path, token)
    bench.temperature.set(5700, 1)
    assert len(values(bench)) == 1


def test_confirmable_ones_are_not_paced():
    """RFC 7641 §4.5.1: an acknowledgement tells that the server keeps up."""
    bench = Bench("1.1")
    bench.register()
    attributes(bench, "pmin=0")
    bench.observe()
    for number in range(20):
        bench.temperature.set(5700, number)
        bench.step()
        message = bench.one()
        assert message.type == CON
        bench.acknowledge(message, 2)


def test_stored_ones_are_bounded_in_bytes():
    """CR C.1 resource 9: what is kept for a server out of reach stays within its bounds."""
    bench = Bench("1.1")
    bench.client.observations.store_bytes = 10
    bench.register()
    attributes(bench, "pmin=0")
    bench.observe()
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 600)])
    for number in range(100, 106):
        bench.temperature.set(5700, number)
        bench.step()
    stored = [bytes(item[2]) for item in bench.client.observations.stored]
    assert stored == [b"103", b"104", b"105"], stored
    assert bench.client.dropped["store_full"] == 3
