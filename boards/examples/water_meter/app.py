"""A water meter with a reed contact on GPIO 32, told as Water Meter (3424) every six hours."""

from lwm2m.object import Object

PIN = 32  # an RTC GPIO; the contact closes to ground, with 470 kΩ to 3.3 V and 100 nF
LITRES_PER_PULSE = 10
START_LITRES = 0  # what the meter's dial says as the board gets its power
EVERY_MS = 6 * 3_600_000


class WaterMeter(Object):
    object_id = 3424
    object_version = "1.1"
    multiple = True
    resources = (
        b"\x00\x01\x11\x04"  # 1 Cumulated water volume, m3
        b"\x00\x04\x01\x02"  # 4 Cumulated pulse value
        b"\x00\x06\x01\x02"  # 6 Pulse ratio: litres
    )

    def __init__(self, contact):
        super().__init__()
        self.contact = contact
        self.values.update({1: 0.0, 4: 0, 6: LITRES_PER_PULSE})

    def read(self, rid):  # who asks is told the present count; `values` has what was reported
        pulses = self.contact.count
        if rid == 1:
            return (START_LITRES + pulses * LITRES_PER_PULSE) / 1000
        return pulses if rid == 4 else self.values[rid]

    def report(self):
        self.set(4, self.read(4))
        self.set(1, self.read(1))


def setup(node):
    # No function is to be called at each pulse: the board counts it and sleeps on.
    meter = node.add(WaterMeter(node.contact(PIN, pressed=0)))
    node.every(EVERY_MS, meter.report)
