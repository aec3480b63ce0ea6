"""Registrations that fail: resources 16 to 20 of the Server object (TS 1.1 Core 6.2.1.1)."""

from coap.registry import (
    BAD_REQUEST,
    CHANGED,
    FORBIDDEN,
    MAX_AGE,
    PRECONDITION_FAILED,
    PUT,
    SERVICE_UNAVAILABLE,
)
from unit.lwm2m.helpers import (
    DAY_MS,
    REGISTERED,
    REGISTERING,
    SERVER_NUMBER,
    WAITING,
    Bench,
    is_update,
    text,
)

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96
NEVER = 0xFFFFFFFF
CONFLICT = 0x89
TOO_MANY_REQUESTS = 0x9D


class Bootstrap:
    """Stands for the bootstrap interface: notes what it is asked for."""

    in_session = False
    security = "its account"

    def __init__(self):
        self.reasons = []

    def owns(self, peer, link):
        return False

    def begin(self, reason, now):
        self.reasons.append(reason)

    def step(self, now):
        return None

    def busy(self):
        return False


def refuse(bench, count, code=FORBIDDEN):
    """Refuse so many Registers; return the delays in seconds that the client says and keeps."""
    delays = []
    for _ in range(count):
        bench.answer(bench.one(), code)
        delay_s = bench.facts("register_failed")["retry_s"]
        delays.append(delay_s)
        if delay_s is None:
            break
        bench.run_for(delay_s * 1000 - 1)
        assert bench.sent() == []
        bench.run_for(1)
    return delays


def started(version="1.1", **settings):
    bench = Bench(version, **settings)
    bench.client.start(bench.now)
    bench.step()
    return bench


def test_a_socket_that_hears_nothing_is_left():
    """TCP7000 §13 (a code that is lost leaves a socket deaf): after a Register or an Update
    without any answer the next goes from a socket of its own; after a refusal it need not."""
    bench = started()
    refuse(bench, 1)
    assert bench.udp.disconnected == []
    bench.run_for(100_000)
    assert bench.facts("register_failed")["reason"] == "timeout"
    assert len(bench.udp.disconnected) == 1, bench.udp.disconnected


def test_retry_timer_and_count():
    """TS 1.1 Core 6.2.1.1 resources 17, 18 and 19: the timer doubles with each attempt of a
    sequence, and sequences follow each other after their delay, for ever."""
    bench = started(retry_count=3, retry_timer=10, sequence_delay=1000)
    assert refuse(bench, 7) == [10, 20, 1000, 10, 20, 1000, 10]
    bench.accept(bench.one())
    assert bench.account.failures == 0
    bench = started(retry_timer=7)
    assert refuse(bench, 6) == [7, 14, 28, 56, 86400, 7]
    bench = started(sequence_delay=5)
    assert refuse(bench, 6) == [60, 120, 240, 480, 5, 60]
    bench = started(retry_count=0, sequence_delay=50)
    assert refuse(bench, 2) == [50, 50]


def test_time_outs_are_attempts_too():
    """TS 1.1 Core 6.2.1.1 resource 17: an attempt that nobody answers counts as one that is
    refused."""
    bench = started(retry_count=2, retry_timer=10, sequence_delay=500)
    bench.run_for(63_000)
    assert len(bench.sent()) == 5
    assert bench.account.state == WAITING and bench.facts("register_failed")["retry_s"] == 10
    bench.run_for(10_000 + 63_000)
    assert bench.facts("register_failed")["retry_s"] == 500


def test_an_update_that_never_left():
    """TS 1.1 Core 6.2.2: a registration lasts its lifetime; an Update that the modem could not
    send says nothing of it, and is sent again, to the same location."""
    bench = Bench()
    bench.register()
    bench.observe()
    bench.client.update()
    bench.step()
    assert is_update(bench.one())
    bench.udp.recovering = True
    bench.run_for(300_000)
    assert bench.sent() == []
    bench.udp.recovering = False
    bench.udp.retry_at = bench.now + 30_000
    bench.run_for(5_000)
    assert bench.facts("register_failed")["reason"] == "unsent"
    assert bench.facts("register_failed")["retry_s"] == 60
    bench.run_for(60_000)
    assert is_update(bench.sent()[0])
    assert len(list(bench.client.observations)) == 1


def test_no_other_sequence():
    """TS 1.1 Core 6.2.1.1 resource 19: after MAX_VALUE the client is silent until somebody wants
    an Update."""
    bench = started(retry_count=2, sequence_delay=NEVER, sms_number=SERVER_NUMBER)
    assert refuse(bench, 3) == [60, None]
    assert bench.account.state == WAITING
    bench.run_for(100_000)
    assert not bench.client.busy(bench.now)
    assert bench.run_for(30 * DAY_MS) is None and bench.sent() == []
    bench.client.update()
    bench.step()
    bench.accept(bench.one())
    assert bench.account.state == REGISTERED


def test_timers_of_nothing_are_no_loop():
    """Requirement, airtime: a server that refuses at once is asked once a minute at the most."""
    bench = started(retry_count=2, retry_timer=0, sequence_delay=0)
    assert refuse(bench, 4) == [1, 2, 3, 4]
    for _ in range(12):
        bench.names()  # so many events do not fit the heap
        delays = refuse(bench, 5)
    assert delays == [60] * 5


def test_timers_longer_than_a_life_can_be_kept():
    """TS 1.2 Core E.2: resources 14 and 18 have 32 bits, a resource 19 of 64 is MAX_VALUE too."""
    bench = Bench("1.2")
    bench.register()
    for rid, code in ((14, BAD_REQUEST), (18, BAD_REQUEST), (19, CHANGED)):
        assert bench.request(PUT, "/1/0/%d" % rid, b"18446744073709551615", 0)[0].code == code
        assert bench.request(PUT, "/1/0/%d" % rid, b"4294967295", 0)[0].code == CHANGED
    bench = started(retry_timer=(1 << 64) - 1)
    bench.client.random_bits = lambda bits: (1 << bits) - 1
    bench.answer(bench.one(), FORBIDDEN)
    record = bench.client.freeze(bench.now)
    assert Bench().client.thaw(record, bench.now)


def test_written_retry_settings():
    """TS 1.2 Core E.2: resources 17 to 20 are the server's to write in 1.2, and only to bootstrap
    in 1.1."""
    bench = Bench("1.2")
    bench.register()
    for rid, value in ((17, b"2"), (18, b"5"), (19, b"77"), (20, b"4")):
        assert bench.request(PUT, "/1/0/%d" % rid, value, 0)[0].code == CHANGED
    bench.client.deregister(bench.now)
    bench.step()
    bench.answer(bench.sent()[-1], 0x42)
    bench.client.start(bench.now)
    bench.step()
    assert refuse(bench, 3) == [5, 77, 5]
    bench = Bench("1.1", retry_count=3)
    bench.register()
    assert bench.request(PUT, "/1/0/17", b"2", 0)[0].code == 0x85
    assert bench.request(1, "/1/0/17")[0].code == 0x85
    assert b"\xc1\x11" not in bytes(bench.request(1, "/1/0", options=[(17, 11542)])[0].payload)


def test_max_age_goes_before_the_retry_timer():
    """RFC 7252 §5.9.3.4 and RFC 8516: 5.03 and 4.29 say themselves when to come back."""
    for code in (SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS):
        bench = started(retry_count=2, retry_timer=10)
        bench.answer(bench.one(), code, options=[(MAX_AGE, 700)])
        bench.run_for(699_999)
        assert bench.sent() == []
        bench.run_for(1)
        bench.accept(bench.one())
        bench.client.update()
        bench.step()
        bench.answer(bench.one(), code, options=[(MAX_AGE, 300)])
        assert bench.account.location and bench.account.state == WAITING
        bench.run_for(300_000)
        assert is_update(bench.one())


def test_steps_down_the_whole_chain():
    """Requirement 10: 4.12 leads from 1.2 to 1.1 to 1.0, at once, and there it is a failure."""
    bench = started("1.2", lifetime_s=0, retry_count=9, bootstrap_on_failure=False)
    said = []
    for _ in range(3):
        request = bench.one()
        said.append([query for query in request.queries() if query[:2] in ("lt", "lw")])
        bench.answer(request, PRECONDITION_FAILED)
    assert said == [["lt=0", "lwm2m=1.2"], ["lt=86400", "lwm2m=1.1"], ["lt=86400", "lwm2m=1.0"]]
    assert bench.out == [] and bench.account.failures == 1
    assert bench.facts("register_failed")["retry_s"] == 60
    bench.run_for(60_000)
    bench.accept(bench.one())
    assert bench.request(1, "/1/0/17")[0].code == 0x84
    assert text(bench.request(1, "/1/0/1", token=b"2")[0]) == "86400"


def test_binding_while_stepping_down():
    """TS 1.2 Core 6.2.1.2 and TS 1.0 Table 8: 1.1 goes on with the binding of 1.2 but for the
    letters it lacks, 1.0 names SMS where the trigger may come by it."""
    for binding, said in (("U", ["b=U", "b=U", "b=UQS"]), ("UTM", ["b=UTM", "b=U", "b=UQS"])):
        bench = Bench("1.2", sms_number=SERVER_NUMBER)
        bench.account.server.put("binding", binding)
        bench.client.start(bench.now)
        bench.step()
        for expected in said:
            request = bench.one()
            assert expected in request.queries()
            bench.answer(request, PRECONDITION_FAILED)


def test_jitter():
    """TS 1.1 Core 6.2.1.1: the delays of a fleet differ by up to a quarter."""
    bench = Bench("1.1", retry_timer=100, retry_count=2)
    bench.client.random_bits = lambda bits: (1 << bits) - 1
    bench.client.start(bench.now)
    bench.step()
    bench.answer(bench.one(), FORBIDDEN)
    assert 120 <= bench.facts("register_failed")["retry_s"] <= 125


def test_bootstrap_after_a_rejection():
    """TS 1.1 Core E.2 resource 16: a server that rejects the registration sends the client to the
    bootstrap server, at once, and the second time after another failure."""
    for code in (BAD_REQUEST, FORBIDDEN, CONFLICT, PRECONDITION_FAILED):
        bench = Bench("1.0" if code == PRECONDITION_FAILED else "1.1")
        bench.client.bootstrap = Bootstrap()
        bench.client.start(bench.now)
        bench.step()
        bench.answer(bench.one(), code)
        assert bench.client.bootstrap.reasons == ["registration"]
        bench.account.failures = 0  # as after a bootstrap
        bench.run_for(60_000)
        bench.answer(bench.one(), code)
        assert bench.client.bootstrap.reasons == ["registration"]
        bench.run_for(60_000)
        bench.answer(bench.one(), code)
        assert bench.client.bootstrap.reasons == ["registration"] * 2
        bench.run_for(120_000)
        bench.accept(bench.one())
        assert bench.client.bootstraps == 0


def test_bootstrap_after_the_sequences():
    """TS 1.1 Core E.2 resources 16, 17 and 20: silence and 5.xx lead there when the sequences are
    over."""
    for settings, failures in (
        ({}, 5),
        ({"retry_count": 2, "sequence_retries": 3, "sequence_delay": 9}, 6),
    ):
        bench = Bench("1.1", **settings)
        bench.client.bootstrap = Bootstrap()
        bench.client.start(bench.now)
        bench.step()
        refuse(bench, failures - 1, 0xA0)
        assert bench.client.bootstrap.reasons == []
        bench.answer(bench.one(), 0xA0)
        assert bench.client.bootstrap.reasons == ["registration"]


def test_no_bootstrap_where_it_is_not_wanted():
    """TS 1.1 Core E.2 resource 16 false: the attempts go on; without the resource they do as long
    as another server is registered (TS 1.1 Core 6.1.4)."""
    bench = Bench("1.1", bootstrap_on_failure=False)
    bench.client.bootstrap = Bootstrap()
    bench.client.start(bench.now)
    bench.step()
    assert refuse(bench, 7) == [60, 120, 240, 480, 960, 1920, 3840]
    assert bench.client.bootstrap.reasons == []
    for wished, asked in ((None, []), (True, ["registration"])):
        bench = Bench("1.1", queue=False)
        bench.client.bootstrap = Bootstrap()
        bench.client.add_server("coap://b.example", 2, queue=False, bootstrap_on_failure=wished)
        bench.client.start(bench.now)
        bench.step()
        first, second = bench.sent()
        bench.accept(first)
        bench.answer(second, FORBIDDEN)
        assert bench.client.bootstrap.reasons == asked


def test_silence_during_a_bootstrap():
    """TS 1.1 Core 6.1: while a bootstrap server writes, no server is asked for anything."""
    bench = Bench()
    bench.client.bootstrap = Bootstrap()
    bench.client.bootstrap.in_session = True
    bench.client.start(bench.now)
    bench.run_for(1_000_000)
    assert bench.sent() == []
    bench.client.bootstrap.in_session = False
    bench.step()
    assert bench.one().path() == ["rd"] and bench.account.state == REGISTERING
