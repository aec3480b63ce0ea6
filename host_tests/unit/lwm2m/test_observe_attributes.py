"""When a change is told: attributes of every version, written and with the Observe (TS 1.2 Core
§7.3.2, 6.4.1).
"""

from coap.message import CON, NON
from coap.registry import BAD_REQUEST, CHANGED, CONTENT, GET, OBSERVE, PUT
from lwm2m.object import Object
from unit.lwm2m.helpers import DAY_MS, Bench, text

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 136


class Door(Object):
    """A Boolean, resources of several instances, and a value that is read when asked for."""

    object_id = 10350
    resources = (
        b"\x00\x00\x13\x05"  # Open: RW, Boolean
        b"\x00\x01\x09\x04"  # Voltages: R, multiple, Float
        b"\x00\x02\x09\x01"  # Names: R, multiple, String
        b"\x00\x03\x01\x04"  # Live: R, Float
    )

    def __init__(self):
        super().__init__()
        self.live = 1.0
        self.reads = 0
        self.values.update({0: False, 1: {0: 3.0, 1: 5.0}, 2: {0: "a", 7: "b"}, 3: None})

    def read(self, rid):
        if rid == 3:
            self.reads += 1
            return self.live
        return super().read(rid)


def online(version="1.2", **settings):
    """A registered client without Queue Mode: notifications are Non-confirmable."""
    bench = Bench(version, queue=False, **settings)
    bench.door = bench.tree.add(Door())
    bench.register()
    return bench


def write(bench, path, *queries):
    return bench.request(PUT, path, queries=queries, token=b"at")[0].code


def observe(bench, path, *queries, token=b"\x0b\x01"):
    return bench.request(GET, path, observe=0, queries=queries, token=token)[0]


def told(bench):
    """Return the payloads sent since the last call as text."""
    bench.step()
    return [text(message) for message in bench.sent()]


def changed(bench, value):
    """Set the temperature; return the only message sent at that."""
    bench.temperature.set(5700, value)
    bench.step()
    return bench.one()


def test_edge():
    """TS 1.2 Core §7.3.2: edge = 1 tells each change from false to true, 0 each to false."""
    for edge in (0, 1):
        bench = online()
        assert write(bench, "/10350/0/0", "edge=%d" % edge) == CHANGED
        observe(bench, "/10350/0/0")
        for value in (True, False, True, True, False):
            bench.now += 3_000
            before = bench.door.values[0]
            bench.door.set(0, value)
            assert told(bench) == (["%d" % edge] if before != value and value == edge else [])


def test_edge_where_it_cannot_be():
    """TS 1.2 Core §7.3.2: edge is for Booleans, and not in the versions before."""
    bench = online()
    for path in ("/3303/0/5700", "/10350/0", "/10350/0/2"):
        assert write(bench, path, "edge=1") == BAD_REQUEST
    for version in ("1.1", "1.0"):
        bench = online(version)
        assert write(bench, "/10350/0/0", "edge=1") == BAD_REQUEST
        assert write(bench, "/10350/0/0", "epmin=1") == (
            CHANGED if version > "1.0" else BAD_REQUEST
        )


def test_boolean_without_edge():
    """RFC 7641 §1.3: without edge a Boolean is told both ways."""
    bench = online()
    observe(bench, "/10350/0/0")
    bench.door.set(0, True)
    assert told(bench) == ["1"]
    bench.door.set(0, False)
    assert told(bench) == ["0"]


def test_minimum_evaluation_period():
    """TS 1.1 Core §5.1.2: the value is looked at no oftener than epmin."""
    bench = online("1.1")
    write(bench, "/3303/0/5700", "epmin=10", "gt=30")
    observe(bench, "/3303/0/5700")
    bench.now += 10_000
    bench.temperature.set(5700, 25)
    assert told(bench) == []
    bench.now += 4_000
    bench.temperature.set(5700, 35)
    bench.run_for(5_999)
    assert told(bench) == []
    bench.run_for(1)
    assert told(bench) == ["35"]
    bench.now += 1_000
    bench.temperature.set(5700, 25)
    bench.now += 1_000
    bench.temperature.set(5700, 36)
    bench.run_for(20_000)
    assert told(bench) == []


def test_maximum_evaluation_period():
    """TS 1.1 Core §5.1.2: after epmax a live value is read again, and told when it is to be."""
    bench = online("1.1")
    write(bench, "/10350/0/3", "epmax=60", "st=2")
    observe(bench, "/10350/0/3")
    bench.step()
    reads = bench.door.reads
    assert bench.run_for(59_999) is not None and bench.door.reads == reads
    bench.door.live = 2.5
    bench.run_for(1)
    assert told(bench) == [] and bench.door.reads == reads + 1
    bench.door.live = 3.0
    bench.run_for(59_999)
    assert told(bench) == []
    bench.run_for(1)
    assert told(bench) == ["3"]
    assert bench.step() == bench.now + 60_000


def test_evaluation_periods_that_contradict():
    """TS 1.1 Core §5.1.2: epmin must be less than epmax; from two levels the greater is not
    heeded."""
    bench = online("1.1")
    assert write(bench, "/10350/0/3", "epmin=60", "epmax=60") == BAD_REQUEST
    assert write(bench, "/10350", "epmax=60") == CHANGED
    assert write(bench, "/10350/0/3", "epmin=90") == CHANGED
    observe(bench, "/10350/0/3")
    reads = bench.door.reads
    bench.run_for(300_000)
    assert bench.door.reads <= reads + 1


def test_crossing_before_the_minimum_period():
    """TS 1.2 Core §7.3.2: a notification that is to be sent before pmin is over is sent when it
    is, though the value has gone back."""
    bench = online()
    write(bench, "/3303/0/5700", "gt=30", "pmin=60")
    observe(bench, "/3303/0/5700")
    bench.now += 1_000
    bench.temperature.set(5700, 35)
    assert told(bench) == []
    bench.temperature.set(5700, 22)
    bench.run_for(58_999)
    assert told(bench) == []
    bench.run_for(1)
    assert told(bench) == ["22"]


def test_back_before_the_minimum_period():
    """RFC 7641 §1.3: without a condition, what the server knows already is not told."""
    bench = online()
    write(bench, "/3303/0/5700", "pmin=60")
    observe(bench, "/3303/0/5700")
    bench.temperature.set(5700, 35)
    assert told(bench) == []
    bench.temperature.set(5700, 21.5)
    bench.run_for(120_000)
    assert told(bench) == []


def test_con():
    """TS 1.2 Core §7.3.2: con = 1 asks for Confirmable notifications, 0 for others, but for the
    one a day that RFC 7641 §4.5 wants."""
    bench = online()
    write(bench, "/3303", "con=1")
    observe(bench, "/3303/0/5700")
    notification = changed(bench, 1)
    assert notification.type == CON
    bench.acknowledge(notification)
    write(bench, "/3303/0", "con=0")
    assert changed(bench, 2).type == NON
    bench = Bench("1.2", lifetime_s=200_000)  # in Queue Mode
    bench.register()
    write(bench, "/3303", "con=0")
    observe(bench, "/3303/0/5700")
    assert changed(bench, 1).type == NON
    bench.run_for(DAY_MS)
    bench.sent()
    bench.answer(changed(bench, 2), CHANGED)
    assert bench.one().type == CON


def test_default_notification_mode():
    """TS 1.2 Core E.2 resource 26: what holds where no con does: 0 Non-confirmable, 1
    Confirmable."""
    bench = online(default_notification_mode=1)
    observe(bench, "/3303/0/5700")
    notification = changed(bench, 1)
    assert notification.type == CON
    bench.acknowledge(notification)
    write(bench, "/3303/0/5700", "con=0")
    assert changed(bench, 2).type == NON
    bench = Bench("1.2", default_notification_mode=0)
    bench.register()
    observe(bench, "/3303/0/5700")
    assert changed(bench, 1).type == NON


def test_int_312_attributes_of_the_observe():
    """LightweightM2M-1.2-int-312: attributes in the Observe hold for it, and those that were
    written do not; Discover shows the written ones."""
    bench = online()
    write(bench, "/3303/0/5700", "pmin=60", "pmax=90", "gt=50")
    response = observe(bench, "/3303/0/5700", "pmin=5", "pmax=15")
    assert response.code == CONTENT and response.get(OBSERVE) is not None
    bench.temperature.set(5700, 22.5)
    bench.run_for(4_999)
    assert told(bench) == []
    bench.run_for(1)
    assert told(bench) == ["22.5"]
    bench.run_for(14_999)
    assert told(bench) == []
    bench.run_for(1)
    assert told(bench) == ["22.5"]
    links = bench.request(GET, "/3303/0/5700", options=[(17, 40)])[0]
    assert ";pmin=60;pmax=90;gt=50" in text(links)


def test_int_313_another_observe():
    """LightweightM2M-1.2-int-313: an Observe without attributes has the written ones again."""
    bench = online()
    write(bench, "/3303/0/5700", "pmin=60")
    observe(bench, "/3303/0/5700", "pmin=5")
    observe(bench, "/3303/0/5700", token=b"\x22")
    bench.temperature.set(5700, 22.5)
    bench.run_for(59_999)
    assert told(bench) == []
    bench.run_for(1)
    assert told(bench) == ["22.5"]


def test_attributes_that_an_observe_cannot_have():
    """TS 1.2 Core 6.4.1: an Observe whose attributes make no sense is refused, and before 1.2 one
    that has any."""
    bench = online()
    for query in ("gt=x", "pmin=-1", "what=1", "edge=1"):
        response = observe(bench, "/3303/0/5700", query)
        assert response.code == BAD_REQUEST and response.get(OBSERVE) is None, query
        assert not response.payload
    assert observe(bench, "/3303/0", "gt=1").code == BAD_REQUEST
    assert list(bench.client.observations) == []
    for version in ("1.0", "1.1"):
        bench = online(version)
        assert observe(bench, "/3303/0/5700", "pmin=5").code == BAD_REQUEST
        assert bench.request(GET, "/3303/0/5700", queries=("pmin=5",))[0].code == CONTENT


def test_malformed_attributes():
    """TS 1.2 Core 6.3.5, 6.4.1: what is no value of an attribute is 4.00, written or with an
    Observe, and changes nothing."""
    bench = online()
    for query in (
        "pmin=99999999999999999999", "pmax=1e3", "gt=1e400", "lt=--1", "st=-0", "hqmax=2147483648",
        "epmax=1.0", "con=\u0661", "epmin= 1", "pmin=1=1", "&", "=", "pmin,pmax=1",
    ):  # fmt: skip
        assert write(bench, "/3303/0/5700", query) == BAD_REQUEST, query
        assert observe(bench, "/3303/0/5700", query).code == BAD_REQUEST, query
    assert bench.client.attributes.freeze() == []
    assert list(bench.client.observations) == []


def test_resource_instances():
    """TS 1.2 Core 6.4.1: a resource instance is reported on its own, when its value is another."""
    bench = online()
    assert text(observe(bench, "/10350/0/1/1", token=b"\x01")) == "5"
    assert text(observe(bench, "/10350/0/2/7", token=b"\x02")) == "b"
    bench.door.set(1, 3.25, 0)
    bench.door.set(2, "c", 0)
    assert told(bench) == []
    bench.door.set(1, 5.25, 1)
    assert told(bench) == ["5.25"]
    bench.door.set(2, "d", 7)
    assert told(bench) == ["d"]
    write(bench, "/10350/0/1", "gt=6")
    bench.now += 10_000
    bench.door.set(1, 5.5, 1)
    assert told(bench) == []
    bench.door.set(1, 6.5, 1)
    assert told(bench) == ["6.5"]


def test_attributes_over_a_sleep():
    """TS 1.2 Core 6.4.1: an observation outlives a sleep with the attributes of its Observe."""
    bench = Bench("1.2")
    bench.register()
    write(bench, "/3303/0/5700", "pmax=500")
    observe(bench, "/3303/0/5700", "pmin=5", "pmax=1000", "con=1", "hqmax=3")
    bench.fall_asleep()
    due = bench.step()
    record = bench.client.freeze(bench.now)
    after = Bench("1.2")
    after.now = bench.now + 5_000
    assert after.client.thaw(record, after.now)
    (observation,) = after.client.observations
    assert observation.attributes == [5, 1000, None, None, None, None, None, None, 1, 3]
    assert abs(after.step() - due) <= 1_000


def test_cost_of_a_step():
    """DESIGN §4: a step with nothing due, and a change of one of many, look at no other."""
    from lwm2m.objects.ipso import Temperature

    bench = Bench("1.2", queue=False)
    bench.client.observations.limit = 30
    for number in range(20):
        bench.tree.add(Temperature(), number + 1).set(5700, 1)
    bench.register()
    for number in range(20):
        path = "/3303/%d/5700" % (number + 1)
        observe(bench, path, "pmin=1", "pmax=%d" % (1000 + number), token=b"%d" % number)
    bench.step()
    observations = bench.client.observations
    for _ in range(150):
        bench.events[:] = []
        bench.now += 3_000
        bench.tree.get(3303, 7).set(5700, bench.now)
        bench.step()
        assert len(bench.sent()) == 1
        assert len(observations.timed) <= 2 * 20 + 9, "the heap is bounded"
        assert observations.ready == []
        assert observations.step(bench.now) == observations.due
