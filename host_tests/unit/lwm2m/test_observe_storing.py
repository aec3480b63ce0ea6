"""Notification Storing with the time of what is stored, hqmax and samples (TS 1.2 Core E.2
resource 6, §7.3.2; CR C.1 resource 9).
"""

from coap.message import CON, NON
from coap.registry import ACCEPT, CHANGED, CONTENT_FORMAT, GET, POST, PUT
from lwm2m.codec import cbor
from unit.lwm2m.helpers import Bench, text

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 120

EPOCH_S = 1_700_000_000
SENML_JSON = 110
SENML_CBOR = 112
FETCH = 5


def online(version="1.2", epoch=True, **settings):
    """A registered client that knows the time, without Queue Mode."""
    bench = Bench(version, queue=False, disable_timeout=1_000, **settings)
    if epoch:
        bench.client.epoch = lambda: EPOCH_S + bench.now // 1000
    bench.register()
    return bench


def observe(bench, accept=None, *queries, path="/3303/0/5700", token=b"\x31"):
    options = [] if accept is None else [(ACCEPT, accept)]
    return bench.request(GET, path, observe=0, queries=queries, options=options, token=token)[0]


def disable(bench):
    bench.answer(bench.request(POST, "/1/0/4")[1], 0x42)


def back(bench):
    """Let the disabled time end; return what is sent at that, each acknowledged if need be."""
    bench.run_to(bench.account.due)
    bench.accept(bench.one())
    found = []
    for _ in range(20):
        sent = bench.sent()
        found += sent
        for message in sent:
            if message.type == CON:
                bench.acknowledge(message)
        bench.step()
    return found


def records(message):
    """Return [(value, s after EPOCH_S)] of a SenML CBOR pack, resolved as RFC 8428 §4.6 says."""
    base = None
    found = []
    for record in cbor.loads(bytes(message.payload)):
        base = record.get(-3, base)
        time = (base or 0) + record.get(6, 0)
        found.append((record.get(2), time - EPOCH_S if time else None))
    return found


def change(bench, *values):
    """Set the values, each ten seconds after the one before."""
    for value in values:
        bench.now += 10_000
        bench.temperature.set(5700, value)
        bench.step()


def test_stored_ones_carry_their_time():
    """TS 1.1 Core §7.4.4: stored notifications in SenML tell when the values were measured, in
    order."""
    bench = online()
    observe(bench, SENML_CBOR)
    disable(bench)
    start = bench.now // 1000
    change(bench, 1.5, 2.5, 3.5)
    found = back(bench)
    assert [message.type for message in found] == [CON] * 3
    assert [records(message) for message in found] == [
        [(1.5, start + 10)], [(2.5, start + 20)], [(3.5, start + 30)]
    ]  # fmt: skip
    change(bench, 4.5)
    assert records(bench.one()) == [(4.5, None)]


def test_senml_json_carries_the_time():
    """RFC 8428 §4.1: the base time of the pack is that of the measurement."""
    bench = online()
    observe(bench, SENML_JSON, path="/3303/0")
    disable(bench)
    change(bench, 1.5)
    start = '[{"bt":%d,"bn":"/3303/0/",' % (EPOCH_S + bench.now // 1000)
    (message,) = back(bench)
    assert text(message)[: len(start)] == start
    assert message.get_uint(CONTENT_FORMAT) == SENML_JSON


def test_formats_without_time():
    """TS 1.0 §6.4: text and TLV carry the values only."""
    for accept, first in ((None, b"1.5"), (11542, None)):
        bench = online()
        observe(bench, accept)
        disable(bench)
        change(bench, 1.5, 2.5)
        found = back(bench)
        assert len(found) == 2
        assert first is None or bytes(found[0].payload) == first


def test_without_a_clock():
    """Where the time is not known, the values go without."""
    bench = online(epoch=False)
    observe(bench, SENML_CBOR)
    disable(bench)
    change(bench, 1.5)
    bench.client.epoch = lambda: 1_000_000  # a clock that was never set
    change(bench, 2.5)
    assert [records(message) for message in back(bench)] == [[(1.5, None)], [(2.5, None)]]


def test_unanswered_one_carries_the_time_it_was_sent():
    """TS 1.2 Core E.2: what was sent and not answered is stored with the time of its value."""
    bench = Bench("1.2")
    bench.client.epoch = lambda: EPOCH_S + bench.now // 1000
    bench.register()
    observe(bench, SENML_CBOR)
    start = bench.now // 1000
    bench.temperature.set(5700, 1.5)
    bench.run_for(62_000)
    bench.answer(bench.sent()[-1], CHANGED)
    assert records(bench.one()) == [(1.5, start)]


def test_server_that_observes_anew():
    """Anjay issue 65, TS 1.2 Core 6.4.1: a server that has forgotten its observation over a
    Register is told the stored values by the new one of the same path, each with its time."""
    for reset in (False, True):
        bench = online()
        observe(bench, SENML_CBOR)
        disable(bench)
        start = bench.now // 1000
        change(bench, 1.5, 2.5)
        bench.run_to(bench.account.due)
        bench.accept(bench.one())
        first = bench.one()
        if reset:
            bench.reset(first)
            assert list(bench.client.observations) == []
            assert observe(bench, SENML_CBOR, path="/3/0/0", token=b"\x40").code == 0x45
        sent = bench.request(GET, "/3303/0/5700", observe=0, options=[(ACCEPT, 112)], token=b"N")
        if not reset:
            bench.acknowledge(first)
            sent += bench.sent()
        found = []
        while sent:
            for message in sent:
                if message.type == CON:
                    assert bytes(message.token) == b"N"
                    found += records(message)
                    bench.acknowledge(message)
            sent = bench.sent()
        expected = [(1.5, start + 10), (2.5, start + 20)]
        assert found == (expected if reset else expected[1:]), (reset, found)
        assert bench.client.observations.orphans == ()


def test_a_server_that_observes_anew_after_a_sleep():
    """Anjay issue 65: what a server has not been told, and forgot to observe, waits over a deep
    sleep for its new observation; a record without room drops the oldest of it first."""
    bench = online()
    observe(bench, SENML_CBOR)
    disable(bench)
    start = bench.now // 1000
    change(bench, 1.5, 2.5)
    bench.run_to(bench.account.due)
    bench.accept(bench.one())
    bench.reset(bench.one())
    whole = bench.client.freeze(bench.now)
    for record, expected in (
        (whole, [(1.5, start + 10), (2.5, start + 20)]),
        (bench.client.freeze(bench.now, len(whole) - 1), [(2.5, start + 20)]),
    ):
        after = Bench("1.2", queue=False, disable_timeout=1_000)
        after.now = bench.now + 5_000
        after.temperature.values[5700] = 2.5
        assert after.client.thaw(record, after.now)
        sent = after.request(GET, "/3303/0/5700", observe=0, options=[(ACCEPT, 112)], token=b"N")
        found = []
        while sent:
            for message in sent:
                if message.type == CON:
                    found += records(message)
                    after.acknowledge(message)
            sent = after.sent()
        assert found == expected, found
    assert bench.client.dropped["stored_lost"] == 1


def test_orphans_are_bounded():
    """DESIGN §4: what nobody observes any more is bounded, and goes with the account's end."""
    bench = online()
    bench.client.observations.store_bytes = 100
    observe(bench, SENML_CBOR)
    disable(bench)
    change(bench, 1.5, 2.5, 3.5, 4.5)
    bench.run_to(bench.account.due)
    bench.accept(bench.one())
    bench.reset(bench.one())
    orphans = bench.client.observations.orphans
    assert orphans and sum([len(each[3]) for each in orphans]) <= 100
    assert observe(bench, 0).code == 0x45
    assert bench.client.observations.orphans == () == tuple(bench.client.observations.stored)


def test_storing_false():
    """TS 1.2 Core E.2: false discards what happens meanwhile."""
    bench = online(storing=False)
    observe(bench, SENML_CBOR)
    disable(bench)
    change(bench, 1.5, 2.5)
    assert back(bench) == []


def test_hqmax():
    """TS 1.2 Core §7.3.2: the newest hqmax values are kept and go together, each with its time;
    without an Accept in SenML."""
    for accept in (None, SENML_CBOR):
        bench = online()
        observe(bench, accept, "hqmax=3")
        disable(bench)
        start = bench.now // 1000
        change(bench, 1.5, 2.5, 3.5, 4.5)
        (message,) = back(bench)
        assert message.get_uint(CONTENT_FORMAT) == SENML_CBOR
        assert records(message) == [(2.5, start + 20), (3.5, start + 30), (4.5, start + 40)]
    bench = online()
    observe(bench, SENML_JSON, "hqmax=3")
    disable(bench)
    change(bench, 1.5, 2.5)
    (message,) = back(bench)
    assert text(message).count('"bt":17') == 2 and text(message).count('"bn":"/3303/0/5700"') == 2


def test_hqmax_in_text():
    """TS 1.2 Core §7.3.2: where the server has asked for text, the newest values go one by one."""
    bench = online()
    observe(bench, 0, "hqmax=2")
    disable(bench)
    change(bench, 1.5, 2.5, 3.5)
    assert [text(message) for message in back(bench)] == ["2.5", "3.5"]


def test_hqmax_0():
    """TS 1.2 Core §7.3.2: only what has hqmax > 0 is stored."""
    bench = online()
    bench.request(PUT, "/3303", queries=("hqmax=0",))
    observe(bench, SENML_CBOR)
    disable(bench)
    change(bench, 1.5)
    assert back(bench) == []


def test_hqmax_of_a_composite():
    """TS 1.2 Core §7.3.2: of a composite the paths with hqmax > 0 are stored; then it is told as
    it is."""
    bench = online()
    bench.request(PUT, "/3303/0/5700", queries=("hqmax=2",))
    payload = cbor.dumps([{0: "/3303/0/5700"}, {0: "/3/0/0"}])
    bench.request(FETCH, "", payload, SENML_CBOR, observe=0, token=b"\x32")
    disable(bench)
    change(bench, 1.5, 2.5, 3.5)
    stored, present = back(bench)
    assert [value for value, _ in records(stored)] == [2.5, 3.5]
    assert [value for value, _ in records(present)] == [None, 3.5]


def test_unanswered_history_is_kept():
    """TS 1.2 Core §7.3.2: values that go together and are not answered stay as they are."""
    bench = online()
    observe(bench, SENML_CBOR, "hqmax=5")
    disable(bench)
    change(bench, 1.5, 2.5)
    bench.run_to(bench.account.due)
    bench.accept(bench.one())
    assert len(records(bench.one())) == 2
    bench.run_for(62_000)
    bench.answer(bench.sent()[-1], CHANGED)
    assert [value for value, _ in records(bench.one())] == [1.5, 2.5]


def test_what_had_no_room():
    """RFC 7641 §1.3: where nothing stored of an observation is left, its server is told the
    present state when it is back."""
    bench = online()
    bench.client.observations.store = 2
    observe(bench, path="/3/0/0")
    observe(bench, path="/3303/0/5700", token=b"\x32")
    disable(bench)
    bench.tree.get(3, 0).set(0, "Other")
    change(bench, 1.5, 2.5)
    assert bench.client.dropped["store_full"] == 1
    assert sorted([text(message) for message in back(bench)]) == ["1.5", "2.5", "Other"]


def test_on_its_way_over_a_sleep():
    """RFC 7641 §1.3: a record of a client whose notification is not acknowledged yet has that
    state told anew."""
    bench = online()
    observe(bench, SENML_CBOR, "con=1")
    change(bench, 1)
    assert bench.one().type == CON
    record = bench.client.freeze(bench.now)
    after = Bench("1.2", queue=False, disable_timeout=1_000)
    after.temperature.values[5700] = 1
    after.now = bench.now + 5_000
    assert after.client.thaw(record, after.now)
    after.step()
    assert records(after.one())[-1][0] == 1


def test_stored_over_a_sleep():
    """TS 1.2 Core §7.3.2: stored values outlive a deep sleep and go together after it."""
    bench = online()
    observe(bench, SENML_CBOR, "hqmax=5")
    disable(bench)
    change(bench, 1.5, 2.5)
    record = bench.client.freeze(bench.now)
    after = Bench("1.2", queue=False, disable_timeout=1_000)
    after.now = bench.now + 5_000
    after.temperature.set(5700, 2.5)
    assert after.client.thaw(record, after.now)
    (message,) = back(after)
    assert [value for value, _ in records(message)] == [1.5, 2.5]


def test_samples_in_a_notification():
    """RFC 8428 §4.5.3: a notification in SenML has all samples since the last, each with its
    time."""
    bench = online("1.1")
    observe(bench, SENML_CBOR)
    bench.request(PUT, "/3303/0/5700", queries=("pmin=60",), token=b"at")
    start = bench.now // 1000
    for value in (1.5, 2.5, 3.5):
        bench.now += 10_000
        bench.temperature.sample(5700, value)
        bench.step()
    bench.run_for(60_000)
    message = bench.one()
    assert message.type == NON
    assert records(message) == [(1.5, start + 10), (2.5, start + 20), (3.5, start + 30)]
    bench.now += 60_000
    bench.temperature.sample(5700, 4.5)
    bench.step()
    assert len(records(bench.one())) == 1


def test_samples_need_no_storing():
    """A sampled resource has its values when the server is back: one notification has them all."""
    bench = online("1.1")
    observe(bench, SENML_CBOR)
    disable(bench)
    start = bench.now // 1000
    for value in (1.5, 2.5, 3.5):
        bench.now += 10_000
        bench.temperature.sample(5700, value)
        bench.step()
    assert bench.client.observations.stored == []
    (message,) = back(bench)
    assert records(message) == [(1.5, start + 10), (2.5, start + 20), (3.5, start + 30)]


def test_samples_over_a_sleep():
    """Zephyr issue 92282: samples outlive a deep sleep; where the record has no room, the oldest
    go and are counted."""
    bench = online("1.1")
    for value in range(32):
        bench.now += 10_000
        bench.temperature.sample(5700, value + 0.25)
    record = bench.client.freeze(bench.now)
    short = bench.client.freeze(bench.now, len(record) - 100)
    assert len(short) <= len(record) - 100
    assert bench.client.dropped["samples_lost"] > 0
    for frozen, count in ((record, 32), (short, None)):
        after = Bench("1.1", queue=False, disable_timeout=1_000)
        assert after.client.thaw(frozen, bench.now)
        ring = after.tree.samples[(3303, 0, 5700)]
        assert count is None or len(ring.values) == 2 * count
        assert ring.values[-1] == 31.25


def test_lwm2m_json_carries_the_time():
    """TS 1.0 §6.4.4: stored notifications in LwM2M JSON have the time as base time, samples
    theirs."""
    bench = online("1.0")
    observe(bench, 11543)
    disable(bench)
    change(bench, 1.5)
    start = '{"bt":%d,"bn":"/3303/0/5700",' % (EPOCH_S + bench.now // 1000)
    (message,) = back(bench)
    assert text(message)[: len(start)] == start
    bench.now += 10_000
    bench.temperature.sample(5700, 2.5)
    bench.step()
    assert '"t":%d' % bench.client.epoch() in text(bench.one())
