"""IPSO Objects on demand, and what inputs, outputs, timers and meters do by themselves."""

import sys

from lwm2m.objects import ipso
from lwm2m.tree import Tree
from unit.lwm2m.helpers import Bench
from unit.lwm2m_model.helpers import GET, POST, PUT, Fixture, code

HEAP_K = 96  # the client beside the test itself


class Clock:
    """Milliseconds, set by hand."""

    now = 5_000

    def __call__(self):
        return self.now


def test_every_definition():
    """IPSO registry 3200 to 3349: each has a class; the table is not kept in memory."""
    found = 0
    for number in range(3200, 3350):
        try:
            kind = ipso.define(number)
        except ValueError as error:
            assert str(number) in str(error)
            continue
        found += 1
        assert kind.object_id == number and kind.multiple
        assert len(kind.resources) % 4 == 0
        rows = [kind.resources[at : at + 4] for at in range(0, len(kind.resources), 4)]
        assert b"\x16\x76\x03\x01" in rows  # each has an Application Type
    assert found == 49
    for name in ("ipso_table", "ipso_kinds"):
        assert "lwm2m.objects." + name not in sys.modules


def test_sensor_on_demand():
    """IPSO 3331, 3332, 3334: the extremes are those that the Object has."""
    tree = Tree()
    energy = tree.add(ipso.define(3331)(units="Wh"))
    energy.set(5700, 12.5)
    assert energy.values == {5701: "Wh", 5700: 12.5}
    direction = tree.add(ipso.define(3332)())
    direction.set(5705, 90)
    direction.set(5705, 45)
    assert (direction.values[5601], direction.values[5602]) == (45, 90)
    gyrometer = tree.add(ipso.define(3334)(units="deg/s"))
    for value in (1, 3, 2):
        gyrometer.set(5703, value)
    assert (gyrometer.values[5510], gyrometer.values[5511]) == (1, 3)
    gyrometer.execute(5605, b"", None)
    assert (gyrometer.values[5510], gyrometer.values[5511]) == (2, 2)


def test_power_measurement():
    """IPSO 3305: two powers with extremes, and their sums reset."""
    fixture = Fixture("1.1")
    meter = fixture.tree.add(ipso.define(3305)())
    meter.set(5800, 250.0)
    meter.set(5800, 100.0)
    meter.set(5805, 1234.5)
    assert (meter.values[5801], meter.values[5802]) == (100, 250)
    assert code(fixture.ask(POST, "3305/0/5822")) == 204
    assert meter.values[5805] == 0
    assert meter.values[5802] == 250
    assert code(fixture.ask(POST, "3305/0/5605")) == 204
    assert meter.values[5802] == 100
    assert code(fixture.ask(PUT, "3305/0/5806", b"60", 0)) == 204
    assert code(fixture.ask(GET, "3305/0/5806")) == 405


def test_output():
    """IPSO 3311: on and off, dimmer within 0 to 100, On time that a 0 resets."""
    clock = Clock()
    driven = []
    fixture = Fixture("1.1")
    lamp = fixture.tree.add(
        ipso.define(3311)(
            drive=lambda lamp: driven.append((lamp.values[5850], lamp.values.get(5851))),
            clock=clock,
        )
    )
    assert fixture.ask(GET, "3311/0/5850").payload == b"0"
    assert code(fixture.ask(PUT, "3311/0/5851", b"101", 0)) == 400
    assert code(fixture.ask(PUT, "3311/0/5851", b"40", 0)) == 204
    assert code(fixture.ask(PUT, "3311/0/5850", b"1", 0)) == 204
    assert driven == [(False, 40), (True, 40)]
    clock.now += 12_500
    assert fixture.ask(GET, "3311/0/5852").payload == b"12"
    assert code(fixture.ask(PUT, "3311/0/5850", b"0", 0)) == 204
    clock.now += 10_000
    assert fixture.ask(GET, "3311/0/5852").payload == b"12"
    assert code(fixture.ask(PUT, "3311/0/5852", b"5", 0)) == 400
    assert code(fixture.ask(PUT, "3311/0/5852", b"0", 0)) == 204
    assert fixture.ask(GET, "3311/0/5852").payload == b"0"
    lamp.set(5850, True)
    assert driven[-1] == (True, 40)


def test_output_without_clock():
    """IPSO 3306: Actuation; On time is not there without a clock, nor is a dimmer in a buzzer."""
    fixture = Fixture("1.1")
    relay = fixture.tree.add(ipso.define(3306)(values={5750: "pump"}))
    assert code(fixture.ask(GET, "3306/0/5852")) == 404
    assert code(fixture.ask(PUT, "3306/0/5853", b"ECO", 0)) == 204
    assert relay.values == {5850: False, 5750: "pump", 5853: "ECO"}
    fixture.tree.add(ipso.define(3338)())
    assert code(fixture.ask(PUT, "3338/0/5851", b"1", 0)) == 404
    assert code(fixture.ask(PUT, "3338/0/5548", b"100.5", 0)) == 400


def test_output_after_a_deep_sleep():
    """Design §3: what a server switched on is on again when the values are back."""
    driven = []
    relay = Tree().add(ipso.define(3306)(drive=lambda relay: driven.append(relay.values[5850])))
    relay.values[5850] = True
    relay.restored()
    assert driven == [True]
    bench = _timer(mode=4)
    bench.timer.values[5543] = True
    bench.timer.restored()
    assert [on for _, on in bench.outputs] == [False]


def test_output_class():
    """Design §3: an actuator is a class of a few lines."""

    class Valve(ipso.define(3306)):
        opened = False

        def drive(self):
            self.opened = self.values[5850]

    fixture = Fixture("1.1")
    valve = fixture.tree.add(Valve())
    fixture.ask(PUT, "3306/0/5850", b"1", 0)
    assert valve.opened is True


def test_digital_input():
    """IPSO 3200: state by polarity, counted by edge, debounced, counter reset."""
    clock = Clock()
    fixture = Fixture("1.1")
    door = fixture.tree.add(ipso.define(3200)(clock, {5503: 50}))
    changes = fixture.changes
    door.feed(1)
    assert (door.values[5500], door.values[5501]) == (True, 1)
    assert (3200, 0, 5500) in changes
    clock.now += 20
    door.feed(0)  # a bounce
    assert door.values[5500] is True
    clock.now += 40
    door.feed(0)
    assert (door.values[5500], door.values[5501]) == (False, 1)
    assert code(fixture.ask(PUT, "3200/0/5504", b"4", 0)) == 400
    assert code(fixture.ask(PUT, "3200/0/5504", b"3", 0)) == 204
    for level in (1, 0):
        clock.now += 100
        door.feed(level)
    assert door.values[5501] == 3
    assert code(fixture.ask(PUT, "3200/0/5502", b"1", 0)) == 204
    clock.now += 100
    door.feed(0)
    assert door.values[5500] is True
    assert code(fixture.ask(PUT, "3200/0/5503", b"-1", 0)) == 400
    assert code(fixture.ask(POST, "3200/0/5505")) == 204
    assert door.values[5501] == 0


def test_switch_times():
    """IPSO 3342: seconds on and off, each reset by a 0."""
    clock = Clock()
    fixture = Fixture("1.1")
    switch = fixture.tree.add(ipso.define(3342)(clock))
    clock.now += 3_000
    switch.feed(True)
    clock.now += 4_900
    assert fixture.ask(GET, "3342/0/5854").payload == b"3"
    assert fixture.ask(GET, "3342/0/5852").payload == b"4"
    assert code(fixture.ask(PUT, "3342/0/5852", b"0", 0)) == 204
    clock.now += 1_000
    assert fixture.ask(GET, "3342/0/5852").payload == b"1"
    assert code(fixture.ask(PUT, "3342/0/5854", b"7", 0)) == 400
    button = fixture.tree.add(ipso.define(3347)())
    button.feed(1)
    button.feed(0)
    button.feed(1)
    assert button.values == {5500: True, 5501: 2}


def test_plain_data():
    """IPSO 3336, 3348: what has no behaviour keeps values; a wrong one is named."""
    fixture = Fixture("1.1")
    place = fixture.tree.add(ipso.define(3336)({6051: 48.25, 6052: 11.5}))
    assert place.object_version == "2.0"
    assert fixture.ask(GET, "3336/0/6051").payload == b"48.25"
    selector = fixture.tree.add(ipso.define(3348)({5547: 2}))
    selector.set(5547, 3)
    assert fixture.ask(GET, "3348/0/5547").payload == b"3"
    clip = fixture.tree.add(ipso.define(3339)({5522: b"beep"}))
    assert code(fixture.ask(POST, "3339/0/5523")) == 404
    assert clip.values == {5522: b"beep"}
    try:
        ipso.define(3348)({5547: "two"})
    except ValueError as error:
        assert "5547" in str(error)
    else:
        raise AssertionError


def _timer(**settings):
    bench = Bench(queue=False)
    bench.outputs = []
    drive = lambda on: bench.outputs.append((bench.now, on))  # noqa: E731
    bench.timer = bench.tree.add(ipso.define(3340)(bench.client, drive, **settings))
    bench.register()
    return bench


def test_one_shot_timer():
    """IPSO 3340, mode 1: on for the delay, then off for the rearm delay at least."""
    bench = _timer(delay_s=5)
    timer = bench.timer
    began = bench.now
    bench.request(PUT, "/3340/0/5525", b"10", 0)
    bench.request(POST, "/3340/0/5523")
    assert timer.values[5543] is True
    bench.run_for(2_000)
    assert timer.read(5538) == 3
    assert timer.read(5544) == 2
    bench.run_for(4_000)
    assert bench.outputs == [(began, True), (began + 5_000, False)]
    assert (timer.read(5538), timer.read(5544), timer.values[5534]) == (0, 5, 1)
    bench.request(POST, "/3340/0/5523")
    assert timer.values[5543] is False
    bench.run_for(10_000)
    bench.request(POST, "/3340/0/5523")
    assert timer.values[5543] is True
    assert timer.values[5501] == 2
    bench.request(PUT, "/3340/0/5526", b"0", 0)
    assert timer.values[5543] is False


def test_switched_timers():
    """IPSO 3340, modes 2, 3 and 4: interval, delay on pick-up, delay on drop-out."""
    for mode, expected in (
        (2, [(0, True), (5, False)]),
        (3, [(5, True), (20, False)]),
        (4, [(0, True), (25, False)]),
    ):
        bench = _timer(delay_s=5, mode=mode)
        began = bench.now
        bench.request(PUT, "/3340/0/5850", b"1", 0)
        bench.run_for(20_000)
        bench.request(PUT, "/3340/0/5850", b"0", 0)
        bench.run_for(20_000)
        seconds = [((when - began) // 1000, on) for when, on in bench.outputs]
        assert seconds == expected, (mode, seconds)
        assert bench.timer.values[5534] == 1


def test_timer_refuses():
    """IPSO 3340: no mode beyond 4, no time below 0, the total only back to 0."""
    bench = _timer()
    for rid, value in ((5526, b"5"), (5521, b"-1"), (5544, b"3"), (5525, b"-0.5")):
        assert bench.request(PUT, "/3340/0/%d" % rid, value, 0)[0].code == 0x80
    assert bench.request(PUT, "/3340/0/5544", b"0", 0)[0].code == 0x44
    bench.timer.switch(True)
    assert bench.timer.values[5850] is True


def test_timer_without_end():
    """IPSO 3340: a time that is infinite is refused, as nothing could be done with it."""
    bench = _timer()
    infinite = b"\xe4\x15\x91\x7f\x80\x00\x00"  # TLV of 5521, a float of 32 bits
    assert bench.request(PUT, "/3340/0/5521", infinite, 11542)[0].code == 0x80
    infinite = b"\xe4\x15\x95\x7f\x80\x00\x00"
    assert bench.request(PUT, "/3340/0/5525", infinite, 11542)[0].code == 0x80
    assert bench.request(PUT, "/3340/0/5521", b"2000000000", 0)[0].code == 0x44
    assert bench.request(POST, "/3340/0/5523")[0].code == 0x44
    assert bench.timer.values[5543] is True


def test_timer_after_a_deep_sleep():
    """IPSO 3340: the switch says what the output does, and a server can turn it on again."""
    for mode, on in ((2, False), (3, False), (4, True)):
        bench = _timer(mode=mode)
        bench.timer.values.update({5850: True, 5543: True})
        bench.timer.restored()
        assert (bench.timer.values[5850], bench.timer.values[5543]) == (on, on)
        bench.request(PUT, "/3340/0/5850", b"0", 0)
        bench.request(PUT, "/3340/0/5850", b"1", 0)
        bench.run_for(2_000)
        assert bench.outputs[-1][1] is (mode != 2)


def test_extremes_of_large_values():
    """IPSO 3300, 3332: extremes are there where a float cannot tell a value from the next."""
    for sensor, value, least, most in (
        (ipso.define(3326)(), 5700, 5601, 5602),
        (ipso.define(3332)(), 5705, 5601, 5602),
    ):
        sensor.set(value, 1e17)
        assert (sensor.values[least], sensor.values[most]) == (1e17, 1e17)
        sensor.set(value, 2e17)
        sensor.set(value, -1)
        sensor.set(value, float("nan"))
        assert (sensor.values[least], sensor.values[most]) == (-1, 2e17)


def test_limits_of_the_definitions():
    """IPSO 3310, 3333, 3337, 3341: what servers write is within RangeEnumeration."""
    fixture = Fixture("1.1")
    for number, rid, most in ((3310, 5826, 3), (3333, 5507, 1), (3341, 5531, 100)):
        fixture.tree.add(ipso.define(number)())
        for value, wanted in ((most, 204), (most + 1, 400), (-1, 400)):
            payload = str(value).encode()
            assert code(fixture.ask(PUT, "%d/0/%d" % (number, rid), payload, 0)) == wanted
    positioner = fixture.tree.add(ipso.define(3337)())
    for value, wanted in ((b"40", 204), (b"60", 204), (b"100.5", 400)):
        assert code(fixture.ask(PUT, "3337/0/5536", value, 0)) == wanted
    assert (positioner.values[5601], positioner.values[5602]) == (40, 60)


def test_polarity_written():
    """IPSO 3200: the level at the pin is the same, so that the state is the other."""
    fixture = Fixture("1.1")
    door = fixture.tree.add(ipso.define(3200)())
    assert code(fixture.ask(PUT, "3200/0/5502", b"1", 0)) == 204
    assert door.values[5500] is False  # no level was told yet
    door.feed(0)
    assert (door.values[5500], door.values[5501]) == (True, 1)
    fixture.changes.clear()
    assert code(fixture.ask(PUT, "3200/0/5502", b"0", 0)) == 204
    assert (door.values[5500], door.values[5501]) == (False, 1)
    assert (3200, 0, 5500) in fixture.changes


def test_periods_that_nobody_keeps():
    """IPSO 3200, 3302: 4.04 for a debounce without a clock, and for delays of the application's
    that it does not have.
    """
    fixture = Fixture("1.1")
    fixture.tree.add(ipso.define(3200)())
    assert code(fixture.ask(PUT, "3200/0/5503", b"50", 0)) == 404
    fixture.tree.add(ipso.define(3302)())
    assert code(fixture.ask(PUT, "3302/0/5904", b"50", 0)) == 404
    fixture.tree.add(ipso.define(3302)(values={5904: 1_000}), 1)
    assert code(fixture.ask(PUT, "3302/1/5904", b"50", 0)) == 204
    assert code(fixture.ask(PUT, "3302/1/5904", b"-1", 0)) == 400


def test_output_that_cannot_be_driven():
    """IPSO 3306: 5.00, and the value that it has; a mistake in `drive` is not hidden."""
    faults: list = [OSError(5)]
    clock = Clock()
    fixture = Fixture("1.1")

    def drive(relay):
        if faults:
            raise faults[0]

    relay = fixture.tree.add(ipso.define(3306)(drive=drive, clock=clock))
    for path, payload in (("3306/0/5850", b"1"), ("3306/0/5851", b"40")):
        assert code(fixture.ask(PUT, path, payload, 0)) == 500
    assert relay.values == {5850: False}
    clock.now += 5_000
    assert relay.read(5852) == 0
    fixture.changes.clear()
    faults.clear()
    assert code(fixture.ask(PUT, "3306/0/5850", b"1", 0)) == 204
    assert fixture.changes == [(3306, 0, 5850)]
    clock.now += 5_000
    faults.append(OSError(5))
    assert code(fixture.ask(PUT, "3306/0/5850", b"0", 0)) == 500
    clock.now += 5_000
    assert relay.values[5850] is True
    faults[0] = KeyError(5851)
    try:
        fixture.ask(PUT, "3306/0/5850", b"0", 0)
    except KeyError:
        return
    raise AssertionError


def test_timer_that_cannot_drive():
    """IPSO 3340: a fault of the hardware is told, and the timer goes on."""
    bench = Bench(queue=False)

    def drive(on):
        raise OSError(5)

    bench.tree.add(ipso.define(3340)(bench.client, drive))
    bench.register()
    assert bench.request(POST, "/3340/0/5523")[0].code == 0x44
    bench.run_for(2_000)
    assert bench.names().count("error") == 2


def test_output_begins_with_all_its_values():
    """IPSO 3311: it is driven once, when the first values are all there."""
    driven = []
    clock = Clock()

    def drive(lamp):
        driven.append((lamp.values[5850], lamp.values[5851]))

    lamp = ipso.define(3311)(drive, clock, {5850: True, 5851: 40, 5750: "lamp"})
    assert driven == [(True, 40)]
    clock.now += 3_000
    assert lamp.read(5852) == 3
    ipso.define(3311)(drive, clock, {5750: "lamp"})
    assert len(driven) == 1
