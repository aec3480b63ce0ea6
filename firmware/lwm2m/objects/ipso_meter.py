"""IPSO sensors of several values with extremes, and of what adds up."""

from micropython import const

from lwm2m.object import Object
from lwm2m.objects.ipso import Sensor

_RESET_EXTREMES = const(5605)


class Meter(Sensor):
    """A sensor as `ipso.Sensor` is, of any values.

    tracked: (value, least measured, most measured) as resource ids, for each value of the Object
    that has extremes.
    """

    tracked: tuple = ()

    def set(self, rid: int, value, riid=None) -> None:
        """Set and report a value; one that is tracked moves its extremes."""
        Object.set(self, rid, value, riid)
        for measured, least, most in self.tracked:
            if rid == measured:
                if value <= self.values.get(least, value):
                    Object.set(self, least, value)
                if value >= self.values.get(most, value):
                    Object.set(self, most, value)

    def write(self, rid: int, value, server) -> None:
        """Take what a server wrote: a position (5536) is a value with extremes as well."""
        self.set(rid, value)

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Reset the extremes to the present values, or what has been added up to nothing.

        A meter that goes on counting overrides it for 5822, Reset Cumulative energy.
        """
        if rid != _RESET_EXTREMES:
            for total in (5805, 5815):
                if total in self.values:
                    Object.set(self, total, 0)
            return
        for measured, least, most in self.tracked:
            if measured in self.values:
                Object.set(self, least, self.values[measured])
                Object.set(self, most, self.values[measured])
