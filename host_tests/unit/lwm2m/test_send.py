"""Send: TS 1.1 6.4.6, client initiated reporting."""

from coap.message import CON
from coap.registry import CHANGED, CONTENT_FORMAT, MAX_AGE, POST, SERVICE_UNAVAILABLE
from lwm2m.codec import cbor, load
from unit.lwm2m.helpers import Bench, is_update, text

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96
PATHS = [(3303, 0, 5700), (3, 0, 0)]


def decoded(message):
    """Return {path: value} of a SenML CBOR payload."""
    kinds = {(3303, 0, 5700): 4, (3, 0, 0): 1}
    found = load(112).decode(message.payload, (), kinds.get)
    return {tuple(path): value for path, value in found}


def test_int_307_muted():
    """LightweightM2M-1.1-int-307: nothing is sent while Mute Send is true or absent."""
    for settings in ({}, {"mute_send": True}):
        bench = Bench("1.1", **settings)
        bench.register()
        assert "/1/x/23" in bench.client.send(PATHS, bench.now)
        bench.step()
        assert bench.sent() == []


def test_more_than_the_memory_holds():
    """DESIGN §6: a Send that does not fit the heap is refused, and the client goes on."""

    def full(entries, base, content_format):
        raise MemoryError("memory allocation failed")

    bench = Bench("1.1", mute_send=False)
    bench.register()
    operations = bench.client.operations(bench.account)
    encode = operations.encode
    operations.encode = full
    assert "memory" in bench.client.send(PATHS, bench.now)
    operations.encode = encode
    assert bench.client.send(PATHS, bench.now) is None


def test_int_306_int_311_send():
    """LightweightM2M-1.1-int-306, int-311: POST /dp with a SenML pack of the paths given."""
    bench = Bench("1.1", mute_send=False)
    bench.register()
    assert bench.client.send(PATHS, bench.now) is None
    bench.step()
    request = bench.one()
    assert request.code == POST and request.type == CON and request.path() == ["dp"]
    assert request.get_uint(CONTENT_FORMAT) == 112
    assert decoded(request) == {(3303, 0, 5700): 21.5, (3, 0, 0): "Nudge"}
    bench.answer(request, CHANGED)
    assert bench.facts("sent")["code"] == "2.04"


def test_asleep_updates_first():
    """OMA issue 554: a Send does not tell that the device is awake, so the Update goes first."""
    bench = Bench("1.1", mute_send=False)
    bench.register()
    bench.fall_asleep()
    assert bench.client.send(PATHS, bench.now) is None
    bench.step()
    update = bench.one()
    assert is_update(update)
    bench.answer(update, CHANGED)
    assert bench.one().path() == ["dp"]


def test_service_unavailable():
    """RFC 7252 §5.9.3.4: a Send answered 5.03 goes again when Max-Age has passed, over a sleep and
    after an Update, and the next one follows it."""
    bench = Bench("1.1", mute_send=False)
    bench.register()
    bench.client.send(PATHS, bench.now)
    bench.temperature.set(5700, 7)
    bench.client.send(PATHS, bench.now)
    bench.step()
    bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 600)])
    start = bench.now
    bench.fall_asleep()
    record = bench.client.freeze(bench.now)
    after = Bench("1.1", mute_send=False)
    after.now = bench.now + 1_000
    assert after.client.thaw(record, after.now)
    for each in (bench, after):
        each.run_to(start + 599_000)
        assert each.sent() == [] and not each.client.busy(each.now)
        each.run_to(start + 602_000)
        update = each.sent()[0]
        assert is_update(update)
        each.answer(update, CHANGED)
        for value in (21.5, 7):
            request = each.one()
            assert decoded(request)[(3303, 0, 5700)] == value
            each.answer(request, CHANGED)
        assert each.sent() == [] and each.account.outbox == []


def test_unanswered():
    """Anjay issue 65: a Send that is not answered goes again behind an Update, and is given up at
    the second time-out; one that its server is disabled over goes when that is past."""
    bench = Bench("1.1", mute_send=False, queue=False, disable_timeout=500)
    bench.register()
    bench.client.send(PATHS, bench.now)
    for last in (False, True):
        bench.step()
        request = bench.sent()[-1]
        assert request.path() == ["dp"] and decoded(request)[(3303, 0, 5700)] == 21.5
        while bench.account.sending:
            bench.now = bench.step()
            bench.step()
        assert bench.facts("sent")["code"] == "timeout"
        assert bool(bench.account.outbox) != last
        if not last:
            update = bench.sent()[-1]
            assert is_update(update)
            bench.answer(update, CHANGED)
            assert len(bench.out) == 1
    assert bench.step() > bench.now
    bench.sent()
    bench.client.send(PATHS, bench.now)
    bench.step()
    assert bench.one().path() == ["dp"]
    assert bench.request(POST, "/1/0/4")[0].code == CHANGED
    while not (bench.out and bench.out[-1].code == 4):
        bench.now = bench.step()
        bench.step()
    bench.answer(bench.sent()[-1], 0x42)
    bench.run_to(bench.account.due)
    bench.accept(bench.one())
    request = bench.one()
    assert request.path() == ["dp"]
    bench.answer(request, CHANGED)
    assert bench.account.outbox == []


def test_service_unavailable_without_max_age():
    """RFC 7252 §5.10.5: the default of Max-Age is 60 s."""
    bench = Bench("1.1", mute_send=False)
    bench.register()
    bench.client.send(PATHS, bench.now)
    bench.step()
    bench.answer(bench.one(), SERVICE_UNAVAILABLE)
    bench.run_for(59_999)
    assert bench.sent() == []
    bench.run_for(1)
    bench.answer(bench.one(), CHANGED)
    assert bench.account.outbox == []


def test_what_waits_is_bounded():
    """DESIGN §4: tables are bounded, in bytes too; a record without room leaves it out."""
    bench = Bench("1.1", mute_send=False)
    bench.register()
    bench.fall_asleep()
    bench.tree.get(3, 0).set(0, "x" * 3000)
    assert bench.client.send(PATHS, bench.now) is None
    assert "waiting" in bench.client.send(PATHS, bench.now)
    assert len(bench.client.freeze(bench.now)) < 400
    assert bench.client.dropped == {"send_lost": 1}


def test_refused():
    """TS 1.1 6.4.6: no value, no registration, no Send in the version, or too many waiting."""
    bench = Bench("1.1", mute_send=False)
    assert "not registered" in bench.client.send(PATHS, bench.now)
    assert "/3303/0/1" in bench.client.send([(3303, 0, 1)], bench.now)
    bench.register()
    for _ in range(4):
        assert bench.client.send(PATHS, bench.now) is None
    assert "waiting" in bench.client.send(PATHS, bench.now)
    bench = Bench("1.0")
    bench.register()
    assert "version" in bench.client.send(PATHS, bench.now)


def test_int_306_json():
    """LightweightM2M-1.1-int-306: SenML JSON where the application asks for it, LwM2M CBOR since
    1.2."""
    bench = Bench("1.2", mute_send=False)
    bench.register()
    for content_format in (110, 11544):
        assert bench.client.send([(3303, 0, 5700)], bench.now, content_format) is None
        bench.step()
        request = bench.one()
        assert request.get_uint(CONTENT_FORMAT) == content_format
        if content_format == 110:
            assert text(request) == '[{"bn":"/","n":"3303/0/5700","v":21.5}]'
        bench.answer(request, CHANGED)
    assert "format" in bench.client.send(PATHS, bench.now, 0)
    bench = Bench("1.1", mute_send=False)
    bench.register()
    assert "11544" in bench.client.send(PATHS, bench.now, 11544)


def test_int_311_instances():
    """LightweightM2M-1.1-int-311: whole instances, and nothing that is the bootstrap server's."""
    bench = Bench("1.1", mute_send=False)
    bench.register()
    assert bench.client.send([(3303, 0)], bench.now, 110) is None
    bench.step()
    assert '"n":"3303/0/5701","vs":"Cel"' in text(bench.one())
    for path in ((0, 0, 0), (0,), ()):
        assert "no value" in bench.client.send([path], bench.now)


def test_what_a_server_may_not_read():
    """TS 1.1 Core 6.4.7: what the server has no right to read is not among what is sent."""

    class Access:
        def readable(self, account, path):
            return path[0] == 3

        def check(self, account, path, needed):
            pass

    bench = Bench("1.1", mute_send=False)
    bench.register()
    bench.client.operations(bench.account).access = Access()
    assert bench.client.send(PATHS, bench.now) is None
    bench.step()
    assert decoded(bench.one()) == {(3, 0, 0): "Nudge"}
    assert "may read" in bench.client.send(PATHS[:1], bench.now)


def test_samples():
    """RFC 8428 §4.5.3: a Send of a sampled resource has all its values with their times, once."""
    bench = Bench("1.1", mute_send=False)
    bench.client.epoch = lambda: 1_700_000_000 + bench.now // 1000
    bench.register()
    start = bench.client.epoch()
    for value in (1.5, 2.5):
        bench.temperature.sample(5700, value)
        bench.now += 20_000
    for expected in ([(1.5, start), (2.5, start + 20)], [(2.5, None)]):
        assert bench.client.send([(3303, 0, 5700)], bench.now) is None
        bench.step()
        request = bench.one()
        records = cbor.loads(bytes(request.payload))
        assert [(each[2], each.get(6)) for each in records] == expected
        bench.answer(request, CHANGED)


def test_samples_that_are_refused():
    """A Send that nobody takes leaves the samples for the next."""
    bench = Bench("1.1", mute_send=True)
    bench.client.epoch = lambda: 1_700_000_000
    bench.register()
    bench.temperature.sample(5700, 1.5)
    assert "Mute" in bench.client.send([(3303, 0, 5700)], bench.now)
    assert len(bench.tree.samples[(3303, 0, 5700)].values) == 2
