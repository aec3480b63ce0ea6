"""What outlives a deep sleep: DESIGN.md §3."""

from coap.registry import (
    CHANGED,
    CONTENT,
    GET,
    LOCATION_PATH,
    OBSERVE,
    PRECONDITION_FAILED,
    PUT,
    SERVICE_UNAVAILABLE,
)
from unit.lwm2m.helpers import (
    DISABLED,
    IDLE,
    OWN_NUMBER,
    REGISTERED,
    SERVER_NUMBER,
    WAITING,
    Bench,
    is_update,
    text,
)

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 112


def reborn(bench, slept_ms, version="1.1", **settings):
    """Return what the board is after a deep sleep: the same configuration, and the record."""
    record = bench.client.freeze(bench.now)
    after = Bench(version, OWN_NUMBER, sms_number=SERVER_NUMBER, **settings)
    after.now = bench.now + slept_ms
    assert after.client.thaw(record, after.now)
    after.client.start(after.now)
    return after


def sleeping(version="1.1", observed=False, **settings):
    bench = Bench(version, OWN_NUMBER, sms_number=SERVER_NUMBER, **settings)
    bench.register()
    if observed:
        bench.observe(token=b"\x21\x22")
    bench.fall_asleep()
    return bench


def test_registration_goes_on():
    """Requirement 13: location, expiry and the next Update are as before the sleep."""
    bench = sleeping()
    after = reborn(bench, 3_600_000)
    assert after.account.state == REGISTERED
    assert abs(after.account.expires - bench.account.expires) <= 1000
    due = after.step()
    assert after.sent() == [] and not after.client.busy(after.now)
    assert abs(due - bench.account.due) <= 1000
    after.run_to(due)
    assert is_update(after.one())


def test_stepped_down_version_goes_on():
    """Requirements 10 and 13: the version that a 4.12 led to is spoken after the sleep too."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
    bench.client.start(bench.now)
    bench.step()
    bench.answer(bench.one(), PRECONDITION_FAILED)
    bench.accept(bench.one())
    bench.fall_asleep()
    after = reborn(bench, 60_000)
    assert after.account.version.name == "1.0"
    after.client.update()
    after.step()
    assert after.one().queries() == []


def test_sms_trigger_right_after_the_sleep():
    """CR 6.1: woken by the short message, the first thing is the Update by UDP."""
    for version, path in (("draft", "/1/0/11"), ("1.1", "/1/0/8")):
        after = reborn(sleeping(version), 3_600_000, version)
        sent = after.request(2, path, binding="S")
        update = sent[-1]
        assert update.binding == "U" and is_update(update, version)
        after.answer(update, CHANGED)
        assert text(after.request(GET, "/3303/0/5700", token=b"q")[0]) == "21.5"


def test_expired_while_asleep():
    """CR 5.2.1: a registration whose lifetime ended in the sleep is made again."""
    bench = sleeping(lifetime_s=300)
    after = reborn(bench, 400_000, lifetime_s=300)
    after.step()
    assert after.one().path() == ["rd"]


def test_observation_goes_on():
    """Requirement 13: the value told before the sleep is not told again; another one is, in
    order."""
    bench = sleeping(observed=True)
    sequence = bench.client.observations.sequence
    after = reborn(bench, 60_000)
    after.step()
    assert after.sent() == []
    after.temperature.set(5700, 30)
    after.step()
    after.answer(after.one(), CHANGED)
    notification = after.one()
    assert notification.code == CONTENT and notification.token == b"\x21\x22"
    assert notification.get_uint(OBSERVE) > sequence
    assert text(notification) == "30"


def test_attributes_do_not_have_everything_told_after_the_sleep():
    """TS 1.2 Core 6.4.2: what has said no change is not told for attributes written elsewhere."""
    bench = sleeping(observed=True)
    bench.request(PUT, "/3/0/9", queries=["pmin=5"])
    bench.fall_asleep()
    value = bench.temperature.values.pop(5700)
    after = reborn(bench, 3_600_000)
    after.temperature.values[5700] = value + 1  # live, as the time of a clock is
    after.step()
    assert after.sent() == [] and not after.client.busy(after.now)


def test_maximum_period_runs_through_the_sleep():
    """TS 1.0 5.1.2: pmax counts from the last notification, asleep or not; attributes are kept."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
    bench.register()
    bench.request(PUT, "/3303/0/5700", queries=["pmax=600"])
    bench.observe()
    observed_at = bench.now
    bench.fall_asleep()
    after = reborn(bench, 200_000)
    due = after.step()
    assert abs(due - (observed_at + 600_000)) <= 1000


def test_resource_without_a_value_yet():
    """Requirement 13: a sensor that has not measured since the boot keeps its observation."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER, pmax=60)
    bench.register()
    bench.observe()
    bench.run_for(30_000)
    record = bench.client.freeze(bench.now)
    after = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER, pmax=60)
    del after.temperature.values[5700]
    after.now = bench.now + 300_000
    assert after.client.thaw(record, after.now)
    after.step()
    after.answer(after.one(), CHANGED)
    assert after.sent() == []
    assert len(list(after.client.observations)) == 1
    after.temperature.set(5700, 3)
    after.step()
    assert text(after.one()) == "3"


def test_disabled_through_the_sleep():
    """CR C.1 resource 8: the DisableTimeout runs through deep sleep; a record keeps the store."""
    bench = Bench("draft", OWN_NUMBER, sms_number=SERVER_NUMBER, disable_timeout=1000)
    bench.register()
    bench.observe(token=b"\x21")
    bench.answer(bench.request(2, "/1/0/7")[1], 0x42)
    bench.temperature.set(5700, 44)
    bench.run_for(1_000)
    assert bench.sent() == [] and not bench.client.busy(bench.now)
    after = reborn(bench, 500_000, "draft", disable_timeout=1000)
    assert after.account.state == DISABLED
    assert after.request(GET, "/3/0/0") == []
    after.run_for(498_999)
    assert after.sent() == []
    after.run_for(1_001)
    after.accept(after.one())
    after.step()
    notification = after.one()
    assert notification.token == b"\x21" and text(notification) == "44"


def test_enabled_and_refused_before_the_sleep():
    """CR C.1 resource 9: the Register after Disable ends no observation, also where it takes two
    and a deep sleep lies between them."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER, disable_timeout=1000)
    bench.register()
    bench.observe(token=b"\x21")
    bench.answer(bench.request(2, "/1/0/4")[1], 0x42)
    bench.run_for(1_000_000)
    bench.answer(bench.one(), SERVICE_UNAVAILABLE, options=[(14, b"\x03\xe8")])
    bench.fall_asleep()
    after = reborn(bench, 60_000)
    after.run_to(after.account.due)
    after.accept(after.one())
    assert after.account.state == REGISTERED
    assert [each.token for each in after.client.observations] == [b"\x21"]


def test_backoff_through_the_sleep():
    """TS 1.0 5.3.1: the delay and the number of failures go on."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
    bench.client.start(bench.now)
    bench.step()
    bench.answer(bench.one(), 0x83)
    after = reborn(bench, 30_000)
    assert after.account.state == WAITING and after.account.failures == 1
    after.run_for(29_999)
    assert after.sent() == []
    after.run_for(1_001)
    assert after.one().path() == ["rd"]


def test_written_settings_go_on():
    """Requirement 13: what the server wrote to the Server object outlives the sleep."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
    bench.register()
    bench.answer(bench.request(PUT, "/1/0/1", b"7200", 0)[1], CHANGED)
    bench.fall_asleep()
    after = reborn(bench, 10_000)
    assert after.account.value("lifetime") == 7200
    after.step()
    assert after.sent() == []


def test_changed_object_list_is_told():
    """CR 5.2.1: firmware that has other Objects after the sleep sends its list in an Update."""
    bench = sleeping()
    after = reborn(bench, 10_000, temperature=False)
    after.step()
    update = after.one()
    assert update.path() == ["rd", "5a3f"] and "3303" not in text(update)


def test_size():
    """DESIGN.md §4: two servers and ten observations fit 512 bytes."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
    other = bench.client.add_server("coap://other.example", 2, "1.1", sms_number="447700900777")
    bench.client.start(bench.now)
    bench.step()
    for message in bench.sent():
        bench.answer(message, 0x41, options=[(LOCATION_PATH, "rd"), (LOCATION_PATH, "0123456789")])
    assert other.state == REGISTERED
    for number in range(10):
        path = ("/3303/0/5700", "/3303/0/5701", "/3/0/0", "/3303/0", "/3", "/3303", "/3/0/16",
                "/1/0/1", "/1/0/7", "/1/0")[number]  # fmt: skip
        assert bench.observe(path, b"token%03d" % number).get(OBSERVE) is not None
    assert len(bench.client.freeze(bench.now + 4_000_000)) <= 512


def test_store_gives_way_to_the_limit():
    """DESIGN.md §4: what does not fit is the oldest stored notification, and it is counted."""
    bench = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
    bench.register()
    bench.observe()
    bench.answer(bench.request(2, "/1/0/4")[1], 0x42)
    for value in range(20):
        bench.temperature.set(5700, 1000 + value)
        bench.step()
    full = len(bench.client.freeze(bench.now))
    assert len(bench.client.freeze(bench.now, full - 1)) < full
    assert bench.client.dropped == {"stored_lost": 1}
    assert len(bench.client.freeze(bench.now, 10)) > 10
    assert bench.client.observations.stored == []


def test_damaged_record():
    """DESIGN.md §6: a record that is damaged or foreign is refused, and the client starts
    clean."""
    bench = sleeping(observed=True)
    record = bench.client.freeze(bench.now)
    damaged = [b"", b"\x00" * 4, record[:-1], record + b"\x00", b"\xff" * len(record)]
    for at in range(0, len(record), 7):
        changed = bytearray(record)
        changed[at] ^= 0x10
        damaged.append(bytes(changed))
    for each in damaged:
        after = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
        assert not after.client.thaw(each, 0)
        assert after.account.state == IDLE and list(after.client.observations) == []
    after.client.start(after.now)
    after.step()
    assert after.one().path() == ["rd"]


def test_wrong_contents_with_a_right_checksum():
    """DESIGN.md §6: contents of another shape are refused as well."""
    from lwm2m import state
    from lwm2m.codec.cbor import dumps, loads

    bench = sleeping(observed=True)
    record = bench.client.freeze(bench.now)
    facts = loads(record[:-4])
    for index in range(2, len(facts)):
        for wrong in (None, 5, [], [[1]], "x"):
            other = list(facts)
            other[index] = wrong
            body = dumps(other)
            after = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
            good = after.client.thaw(body + state._crc(body), bench.now)
            if not good:
                assert after.account.state == IDLE and list(after.client.observations) == []
            after.client.start(after.now)
            after.step()


def test_bits_of_a_record_with_a_right_checksum():
    """DESIGN §6: whatever bit is another one, a record is taken or refused, and the client goes on
    either way."""
    from lwm2m import state

    bench = sleeping(observed=True)
    bench.client.attributes.set(1, (3303, 0, 5700), ["pmin=5", "gt=9"])
    record = bench.client.freeze(bench.now)[:-4]
    refused = 0
    for at in range(len(record)):
        changed = bytearray(record)
        changed[at] ^= 1 << at * 5 % 8
        after = Bench("1.1", OWN_NUMBER, sms_number=SERVER_NUMBER)
        good = after.client.thaw(bytes(changed) + state._crc(changed), bench.now)
        if not good:
            refused += 1
            assert after.account.state == IDLE and list(after.client.observations) == []
            after.client.start(after.now)
            after.step()
            assert after.one().path() == ["rd"]
    assert refused > len(record) // 4


def test_another_configuration():
    """Requirement 13: a record made for another server or version is no use."""
    record = sleeping().client.freeze(100_000)
    for version in ("draft", "1.0"):
        assert not Bench(version, OWN_NUMBER).client.thaw(record, 200_000)
    bench = Bench("1.1", OWN_NUMBER)
    bench.client.add_server("coap://other.example", 2)
    assert not bench.client.thaw(record, 200_000)
