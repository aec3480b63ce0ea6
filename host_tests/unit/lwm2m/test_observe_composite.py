"""Observe-Composite and its cancel (TS 1.1 Core 6.4.4 to 6.4.6, TS 1.2 Core 6.4.5)."""

from coap.message import CON, NON
from coap.registry import (
    ACCEPT,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    DELETE,
    DELETED,
    OBSERVE,
    PUT,
)
from lwm2m.codec import cbor
from lwm2m.objects.ipso import Temperature
from unit.lwm2m.helpers import Bench

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 128

FETCH = 5
SENML_CBOR = 112
TOKEN = b"\x0c\x01"
PATHS = ("/3303/0/5700", "/3/0/0")


class Room(Temperature):
    """A sensor that servers may create and delete."""

    object_id = 3304
    creatable = True


def online(version="1.1", **settings):
    """A registered client without Queue Mode: notifications are Non-confirmable."""
    bench = Bench(version, queue=False, **settings)
    bench.register()
    return bench


def names(paths):
    return cbor.dumps([{0: path} for path in paths])


def fetch(bench, paths=PATHS, observe=0, token=TOKEN, queries=(), options=()):
    sent = bench.request(
        FETCH, "", names(paths), SENML_CBOR, observe, queries, token, options=options
    )
    assert len(sent) == 1
    return sent[0]


def decoded(message):
    """Return {path: value} of a SenML CBOR pack."""
    found = {}
    base = ""
    for record in cbor.loads(bytes(message.payload)):
        base = record.get(-2, base)
        values = [record[label] for label in (2, 3, 4) if label in record]
        found[base + record.get(0, "")] = values[0]
    return found


def notified(bench):
    bench.step()
    return [decoded(message) for message in bench.sent()]


def attributes(bench, path, *queries):
    assert bench.request(PUT, path, queries=queries, token=b"at")[0].code == CHANGED


def test_int_304_observe_composite():
    """LightweightM2M-1.1-int-304: one change tells all the paths, with the token of the FETCH."""
    bench = online()
    response = fetch(bench)
    assert response.code == CONTENT and response.get(OBSERVE) is not None
    assert decoded(response) == {"/3303/0/5700": 21.5, "/3/0/0": "Nudge"}
    bench.now += 1_000
    bench.temperature.set(5700, 22.5)
    bench.step()
    notification = bench.one()
    assert notification.token == TOKEN and notification.type == NON
    assert notification.get_uint(OBSERVE) > response.get_uint(OBSERVE)
    assert notification.get_uint(CONTENT_FORMAT) == SENML_CBOR
    assert decoded(notification) == {"/3303/0/5700": 22.5, "/3/0/0": "Nudge"}
    bench.temperature.set(5701, "K")
    assert notified(bench) == []


def test_int_305_cancel():
    """LightweightM2M-1.1-int-305: FETCH with Observe = 1 answers and cancels, by the token or by
    the paths."""
    for token in (TOKEN, b"\x77"):
        bench = online()
        fetch(bench)
        response = fetch(bench, observe=1, token=token)
        assert response.code == CONTENT and response.get(OBSERVE) is None
        bench.temperature.set(5700, 9)
        assert notified(bench) == [] and list(bench.client.observations) == []


def test_other_paths_are_not_cancelled():
    """TS 1.1 Core 6.4.6: it is the observation with these paths that ends."""
    bench = online()
    fetch(bench)
    fetch(bench, ("/3/0/0",), observe=1, token=b"\x77")
    bench.temperature.set(5700, 9)
    assert len(notified(bench)) == 1


def test_composite_of_one_path():
    """RFC 7641 §3.6: an Observe-Composite of a path is another observation than that of the path
    alone; neither begins or ends for the other."""
    bench = online()
    bench.observe("/3303/0/5700")
    fetch(bench, ("/3303/0/5700",))
    assert len(list(bench.client.observations)) == 2
    fetch(bench, ("/3303/0/5700",), observe=1, token=b"\x77")
    assert [each.parts for each in bench.client.observations] == [()]


def test_reset_cancels():
    """RFC 7641 §3.6: a Reset ends a composite too."""
    bench = online()
    fetch(bench)
    bench.temperature.set(5700, 9)
    bench.step()
    bench.reset(bench.one())
    bench.temperature.set(5700, 10)
    assert notified(bench) == [] and list(bench.client.observations) == []


def test_int_308_create():
    """LightweightM2M-1.1-int-308: paths that are not there yet are told when they come."""
    bench = online()
    bench.tree.declare(Room)
    bench.step()
    for message in bench.sent():
        bench.answer(message, CHANGED)
    response = fetch(bench, ("/3303/0/5700", "/3304/1/5700"))
    assert decoded(response) == {"/3303/0/5700": 21.5}
    room = Room()
    room.values[5700] = 18.5
    bench.tree.add(room, 1)
    bench.step()
    found = [decoded(each) for each in bench.sent() if each.token == TOKEN]
    assert found == [{"/3303/0/5700": 21.5, "/3304/1/5700": 18.5}]


def test_int_309_delete():
    """LightweightM2M-1.1-int-309: what is deleted is missing in the next notification, and the
    observation goes on."""
    bench = online()
    room = Room()
    room.values[5700] = 18.5
    bench.tree.add(room, 1)
    bench.step()
    for message in bench.sent():
        bench.answer(message, CHANGED)
    fetch(bench, ("/3303/0/5700", "/3304/1"))
    sent = bench.request(DELETE, "/3304/1")
    assert sent[0].code == DELETED
    bench.step()
    sent += bench.sent()
    assert [decoded(each) for each in sent if each.token == TOKEN] == [{"/3303/0/5700": 21.5}]
    bench.answer([each for each in sent if each.path()][0], CHANGED)
    bench.temperature.set(5700, 5)
    assert notified(bench) == [{"/3303/0/5700": 5}]


def test_int_310_attributes():
    """LightweightM2M-1.1-int-310: each path has its own attributes; the first that is due tells
    all."""
    bench = online()
    attributes(bench, "/3303/0/5700", "gt=30")
    attributes(bench, "/3/0/0", "pmax=60")
    fetch(bench)
    bench.temperature.set(5700, 25)
    assert notified(bench) == []
    bench.temperature.set(5700, 31)
    assert notified(bench) == [{"/3303/0/5700": 31, "/3/0/0": "Nudge"}]
    attributes(bench, "/3303/0/5700", "pmin=10", "gt")
    bench.temperature.set(5700, 32)
    bench.run_for(9_999)
    assert bench.sent() == []
    bench.run_for(1)
    assert decoded(bench.one())["/3303/0/5700"] == 32
    bench.run_for(59_999)
    assert bench.sent() == []
    bench.run_for(1)
    assert decoded(bench.one())["/3303/0/5700"] == 32


def test_attributes_of_the_observe():
    """TS 1.2 Core 6.4.5: those of the FETCH replace what was written of the kind that an Object
    may have; thresholds stay those of the paths."""
    bench = online("1.2")
    attributes(bench, "/3303/0", "pmin=60")
    attributes(bench, "/3303/0/5700", "gt=30")
    assert fetch(bench, queries=("gt=3",)).code == BAD_REQUEST
    assert fetch(bench, queries=("edge=1",)).code == BAD_REQUEST
    assert list(bench.client.observations) == []
    assert fetch(bench, queries=("pmin=5", "con=1")).get(OBSERVE) is not None
    bench.temperature.set(5700, 25)
    bench.run_for(5_000)
    assert bench.sent() == []
    bench.temperature.set(5700, 31)
    bench.step()
    notification = bench.one()
    assert notification.type == CON and decoded(notification)["/3303/0/5700"] == 31


def test_one_confirmable_part_is_enough():
    """TS 1.2 Core §7.3.2: con = 1 of one path makes the notification Confirmable."""
    bench = online("1.2")
    attributes(bench, "/3303/0/5700", "con=0")
    fetch(bench)
    bench.temperature.set(5700, 1)
    bench.step()
    assert bench.one().type == NON
    attributes(bench, "/3/0/0", "con=1")
    bench.temperature.set(5700, 2)
    bench.step()
    assert bench.one().type == CON


def test_accept_and_formats():
    """TS 1.1 Core 6.4.4: the format that the FETCH accepts is that of the notifications."""
    bench = online()
    assert fetch(bench, options=[(ACCEPT, 110)]).get_uint(CONTENT_FORMAT) == 110
    bench.temperature.set(5700, 1)
    bench.step()
    notification = bench.one()
    assert notification.get_uint(CONTENT_FORMAT) == 110
    assert b'"3303/0/5700","v":1' in bytes(notification.payload)


def test_in_blocks():
    """RFC 7959 §2.6: a long notification begins with its first block; a FETCH of the same paths
    asks for the others."""
    bench = online()
    bench.udp.mtu = 200
    bench.tree.get(3, 0).set(0, "N" * 300)
    fetch(bench)
    bench.sent()
    bench.temperature.set(5700, 1)
    bench.step()
    first = bench.one()
    assert first.get(23) is not None
    block = first.get_uint(23)
    payload = bytes(first.payload)
    number = 0
    while block & 8:
        number += 1
        asked = [(23, number << 4 | block & 7)]
        sent = bench.request(FETCH, "", names(PATHS), SENML_CBOR, token=b"blk", options=asked)
        block = sent[0].get_uint(23)
        payload += bytes(sent[0].payload)
    first.payload = payload
    assert decoded(first) == {"/3303/0/5700": 1, "/3/0/0": "N" * 300}


def test_over_a_sleep():
    """Zephyr issue 93315: a composite, its paths and its attributes outlive a deep sleep."""
    bench = Bench("1.2")
    bench.register()
    attributes(bench, "/3303/0/5700", "st=2")
    fetch(bench, queries=("pmin=30",))
    bench.now += 31_000
    bench.fall_asleep()
    record = bench.client.freeze(bench.now)
    after = Bench("1.2")
    after.now = bench.now + 5_000
    assert after.client.thaw(record, after.now)
    after.step()
    assert after.sent() == []
    after.temperature.set(5700, 22.5)
    after.step()
    assert after.sent() == []
    after.temperature.set(5700, 23.5)
    after.step()
    after.answer(after.one(), CHANGED)
    notification = after.one()
    assert notification.token == TOKEN
    assert decoded(notification) == {"/3303/0/5700": 23.5, "/3/0/0": "Nudge"}


def test_what_cannot_be_observed():
    """RFC 7641 §4.1: too many paths, the root, or none: answered without Observe."""
    bench = online()
    assert fetch(bench, ("/",)).get(OBSERVE) is None
    paths = ["/3303/%d/5700" % number for number in range(40)]
    assert fetch(bench, paths).get(OBSERVE) is None
    assert bench.client.dropped == {"observations_full": 1}
    assert list(bench.client.observations) == []
    for token, has_room in ((b"1", True), (b"2", False)):  # each path costs what one alone does
        paths = ["/3303/%s%d/5700" % (token.decode(), number) for number in range(20)]
        assert (fetch(bench, paths, token=token).get(OBSERVE) is not None) == has_room
    assert len(bench.client.observations.table) == 1


def test_value_that_goes():
    """TS 1.2 Core §6.4.5: a number that is there no longer is left out of a notification, and told
    when it is back, though it is the same; that it is not there yet after a start is no change."""
    bench = online()
    bench.temperature.set(5701, "Cel")
    fetch(bench, ("/3303/0/5700", "/3303/0/5701"))
    for _ in range(2):
        value = bench.temperature.values.pop(5700)
        bench.temperature.changed(5700)
        assert notified(bench) == [{"/3303/0/5701": "Cel"}]
        bench.temperature.changed(5701)
        assert notified(bench) == [{"/3303/0/5701": "Cel"}]
        bench.temperature.set(5700, value)
        assert notified(bench) == [{"/3303/0/5700": 21.5, "/3303/0/5701": "Cel"}]
        bench.now += 10_000
    record = bench.client.freeze(bench.now)
    after = Bench("1.1", queue=False, temperature=False)
    after.temperature = after.tree.add(Temperature(units="Cel"))
    assert after.client.thaw(record, bench.now)
    after.now = bench.now
    after.temperature.changed(5700)
    assert notified(after) == []
    after.temperature.set(5700, 21.5)
    assert notified(after) == []
    after.temperature.set(5700, 22.5)
    assert notified(after) == [{"/3303/0/5700": 22.5, "/3303/0/5701": "Cel"}]


def test_samples():
    """RFC 8428 §4.5.3: the samples of a path go with it, each with its time."""
    bench = online()
    bench.client.epoch = lambda: 1_700_000_000 + bench.now // 1000
    fetch(bench)
    for value in (1.5, 2.5):
        bench.temperature.sample(5700, value)
        bench.now += 1_000
    bench.step()
    records = cbor.loads(bytes(bench.one().payload))
    assert [each.get(2) for each in records] == [None, 1.5, 2.5]
    assert records[2][6] - records[1][6] == 1 and 6 not in records[0]
