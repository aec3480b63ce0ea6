"""Queue Mode: CR 6.1 and its three figures, TS 1.0 8.3."""

from coap.message import ACK, CON
from coap.registry import CHANGED, CONTENT, GET, OBSERVE, POST, PUT
from unit.lwm2m.helpers import AWAKE_MS, OWN_NUMBER, SERVER_NUMBER, Bench, is_update, text

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96

FIGURE_VERSIONS = ("draft", "1.0", "1.1")


def wake(bench):
    """Have the device wake for its application; return its first message."""
    bench.client.update()
    bench.step()
    return bench.one()


def test_figure_device_management():
    """CR 6.1 Figure 3: Register with q; asleep; Update (CON), 2.04; Reads served one by one;
    asleep."""
    for version in FIGURE_VERSIONS:
        bench = Bench(version)
        register = bench.register()
        queue = {"draft": "q", "1.0": "b=UQ", "1.1": "Q"}[version]
        assert register.type == CON and queue in register.queries()
        bench.fall_asleep()
        update = wake(bench)
        assert update.type == CON and is_update(update, version)
        bench.answer(update, CHANGED)
        assert bench.sent() == []
        response = bench.request(GET, "/3/0/0", token=b"a")
        assert len(response) == 1 and response[0].type == ACK and text(response[0]) == "Nudge"
        bench.now += 500
        response = bench.request(PUT, "/1/0/%d" % (8 if version == "draft" else 5), b"60", 0)
        assert len(response) == 1 and response[0].type == ACK and response[0].code == CHANGED
        bench.fall_asleep()
        names = [name for name in bench.names() if name != "request"]
        assert names == [
            "registering", "awake", "registered", "asleep",
            "updating", "awake", "updated", "asleep",
        ]  # fmt: skip


def test_figure_information_reporting():
    """CR 6.1 Figure 4: observed; asleep; a change: Update, 2.04, Notify, ACK; a Read; asleep."""
    for version in FIGURE_VERSIONS:
        bench = Bench(version)
        bench.register()
        observed = bench.observe(token=b"\x21")
        assert observed.code == CONTENT and observed.get(OBSERVE) is not None
        bench.fall_asleep()
        bench.now += 60_000
        bench.temperature.set(5700, 25.5)
        bench.step()
        update = bench.one()
        assert is_update(update, version)
        bench.now += 300
        bench.answer(update, CHANGED)
        notification = bench.one()
        assert notification.type == CON and notification.code == CONTENT
        assert notification.token == b"\x21" and text(notification) == "25.5"
        assert notification.get_uint(OBSERVE) > observed.get_uint(OBSERVE)
        bench.acknowledge(notification)
        assert bench.sent() == []
        assert text(bench.request(GET, "/3/0/0", token=b"a")[0]) == "Nudge"
        bench.fall_asleep()


def test_figure_sms_trigger():
    """CR 6.1 last figure: asleep; trigger by SMS; Update by UDP, 2.04; the queued Read; asleep."""
    for version in FIGURE_VERSIONS:
        bench = Bench(
            version,
            OWN_NUMBER,
            sms_number=SERVER_NUMBER,
            binding="US" if version == "1.0" else "U",
        )
        assert "sms=" + OWN_NUMBER in bench.register().queries()
        bench.fall_asleep()
        bench.now += 3_600_000
        sent = bench.request(POST, "/1/0/%d" % (11 if version == "draft" else 8), binding="S")
        if version != "1.1":  # the immediate response goes back over SMS
            response = sent.pop(0)
            assert response.binding == "S" and response.peer == SERVER_NUMBER
            assert response.code == CHANGED and response.type == ACK
        assert len(sent) == 1 and sent[0].binding == "U"
        assert is_update(sent[0], version)
        bench.answer(sent[0], CHANGED)
        response = bench.request(GET, "/3303/0/5700", token=b"q")
        assert len(response) == 1 and response[0].binding == "U" and text(response[0]) == "21.5"
        bench.fall_asleep()


def test_awake_time_by_version():
    """CR 6.1: ACK_TIMEOUT in the draft; TS 1.0 8.3: MAX_TRANSMIT_WAIT; or as configured."""
    for version, settings, expected in (
        ("draft", {}, 2_000),
        ("1.0", {}, AWAKE_MS),
        ("1.1", {}, AWAKE_MS),
        ("1.1", {"awake_time_ms": 15_000}, 15_000),
    ):
        bench = Bench(version, **settings)
        bench.register()
        received_at = bench.now
        bench.run_to(received_at + expected - 1)
        assert bench.client.busy(bench.now)
        bench.run_to(received_at + expected)
        assert not bench.client.busy(bench.now)
        assert bench.names()[-1] == "asleep"


def test_int_108_109_queue_mode():
    """LightweightM2M-1.1-int-108, int-109: Q; 93 s after the last message the client is away."""
    bench = Bench("1.1")
    assert "Q" in bench.register().queries()
    bench.run_for(60_000)
    bench.request(GET, "/3/0/0")
    bench.run_for(AWAKE_MS - 1)
    assert bench.client.busy(bench.now)
    bench.run_for(1)
    assert not bench.client.busy(bench.now)


def test_awake_time_follows_the_link():
    """TS 1.0 8.3: another ACK_TIMEOUT of the link, another awake time."""
    from coap.transmission import nb_iot

    bench = Bench("1.1")
    bench.udp.transmission = nb_iot()
    bench.register()
    assert bench.account.awake_until - bench.now == nb_iot().max_transmit_wait_ms


def test_keep_alive_wakes_the_device():
    """CR 6.1: asleep, the next deadline is the Update before the lifetime ends."""
    bench = Bench("1.1", lifetime_s=3600)
    bench.register()
    due = bench.run_for(AWAKE_MS)
    assert due == 1_000 + 3_600_000 - 72_000
    bench.run_to(due)
    assert is_update(bench.one())


def test_several_notifications_wait_for_one_update():
    """CR 6.1: one Update, then the notifications, one Confirmable at a time (NSTART)."""
    bench = Bench("1.1")
    bench.register()
    bench.observe("/3303/0/5700", b"\x01")
    bench.observe("/3303/0", b"\x02")
    bench.fall_asleep()
    bench.temperature.set(5700, 30)
    bench.step()
    update = bench.one()
    bench.step()
    assert bench.sent() == []
    bench.answer(update, CHANGED)
    first = bench.one()
    bench.acknowledge(first)
    second = bench.one()
    assert sorted([first.token, second.token]) == [b"\x01", b"\x02"]
    bench.acknowledge(second)
    assert bench.sent() == []


def test_no_update_loop():
    """Zephyr PR 48870: nothing is sent by itself while nothing happens."""
    bench = Bench("1.1")
    bench.register()
    bench.observe()
    bench.run_for(80_000_000)
    assert bench.sent() == []


def test_awake_time_does_not_end_within_an_exchange():
    """CR 6.1: while the Update is retransmitted the device stays awake."""
    bench = Bench("1.1", awake_time_ms=1_000)
    bench.register()
    bench.fall_asleep()
    bench.client.update()
    bench.run_for(20_000)
    assert bench.client.busy(bench.now)
    sent = bench.sent()
    assert len(sent) == 4
    bench.answer(sent[-1], CHANGED)
    bench.run_for(1_000)
    assert not bench.client.busy(bench.now)
