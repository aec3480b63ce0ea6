"""IPSO Objects: sensors with the extremes measured, and every other definition on demand.

A sensor with a Sensor Value (5700) takes a few lines, one of another kind a call:

    from lwm2m.objects import ipso

    class Humidity(ipso.Sensor):
        object_id = 3304
        object_version = "1.1"

    humidity = node.add(Humidity(units="%RH", low=0, high=100))
    node.every(60_000, lambda: humidity.set(5700, probe.read()))

    lamp = node.add(ipso.define(3311)(drive=lambda lamp: pin.value(lamp.values[5850])))
"""

from micropython import const

from lwm2m.object import Object

_MINIMUM = const(5601)
_MAXIMUM = const(5602)
_LOW = const(5603)
_HIGH = const(5604)
_VALUE = const(5700)
_UNITS = const(5701)
_APPLICATION_TYPE = const(5750)


def define(object_id: int):
    """Return the class of an IPSO Object, 3200 to 3349, with what its resources do.

    Sensor where it measures one value; Meter, Input, Output, Timer of `ipso_meter`, `ipso_input`,
    `ipso_output` and `ipso_timer`; else Data of `data`. Call it once for each Object: the table
    that it reads goes back to the heap. Raises ValueError for an id that is not an IPSO Object's.
    """
    from lwm2m.objects.ipso_kinds import make

    return make(object_id)


class Sensor(Object):
    """An IPSO sensor.

    units: SenML unit ("Cel"). low, high: range that it can measure (5603, 5604). application_type:
    what it is for, which servers may change (5750). None leaves a resource out; Sensor Value and
    the extremes measured (5601, 5602) appear with the first `set(5700, value)`.
    """

    multiple = True
    resources = (
        b"\x15\x8e\x01\x07"  # 5518 Timestamp
        b"\x15\xe1\x01\x04"  # 5601 Min Measured Value
        b"\x15\xe2\x01\x04"  # 5602 Max Measured Value
        b"\x15\xe3\x01\x04"  # 5603 Min Range Value
        b"\x15\xe4\x01\x04"  # 5604 Max Range Value
        b"\x15\xe5\x04\x00"  # 5605 Reset Min and Max Measured Values
        b"\x16\x44\x11\x04"  # 5700 Sensor Value
        b"\x16\x45\x01\x01"  # 5701 Sensor Units
        b"\x16\x76\x03\x01"  # 5750 Application Type
        b"\x17\x9a\x01\x02"  # 6042 Measurement Quality Indicator
        b"\x17\xa1\x01\x02"  # 6049 Measurement Quality Level
        b"\x17\xa2\x01\x04"  # 6050 Fractional Timestamp
    )

    def __init__(self, units=None, low=None, high=None, application_type=None) -> None:
        super().__init__()
        for rid, value in (
            (_UNITS, units),
            (_LOW, low),
            (_HIGH, high),
            (_APPLICATION_TYPE, application_type),
        ):
            if value is not None:
                self.values[rid] = value

    def set(self, rid: int, value, riid=None) -> None:
        """Set and report a value; a Sensor Value moves the extremes measured."""
        super().set(rid, value, riid)
        if rid == _VALUE:
            if value <= self.values.get(_MINIMUM, value):
                super().set(_MINIMUM, value)
            if value >= self.values.get(_MAXIMUM, value):
                super().set(_MAXIMUM, value)

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Reset the extremes to the present value, the only executable of these Objects."""
        if _VALUE in self.values:
            super().set(_MINIMUM, self.values[_VALUE])
            super().set(_MAXIMUM, self.values[_VALUE])


class Temperature(Sensor):
    """Temperature (Object 3303)."""

    object_id = 3303
    object_version = "1.1"
