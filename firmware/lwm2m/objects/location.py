"""Location (Object 6): where the device is, as the last fix says."""

from micropython import const

from lwm2m.object import Object

_TIMESTAMP = const(5)


class Location(Object):
    """The device's place; nothing is there before the first `fix`."""

    object_id = 6
    resources = (
        b"\x00\x00\x11\x04"  # Latitude (lat)
        b"\x00\x01\x11\x04"  # Longitude (lon)
        b"\x00\x02\x01\x04"  # Altitude (m)
        b"\x00\x03\x01\x04"  # Radius (m)
        b"\x00\x04\x01\x06"  # Velocity
        b"\x00\x05\x11\x07"  # Timestamp
        b"\x00\x06\x01\x04"  # Speed (m/s)
    )

    def fix(
        self,
        latitude: float,
        longitude: float,
        timestamp: int,
        altitude: "float | None" = None,
        radius: "float | None" = None,
        velocity: "bytes | None" = None,
        speed: "float | None" = None,
    ) -> None:
        """Tell where the device is, and report it.

        latitude, longitude: degrees. timestamp: seconds since 1970. altitude, radius (of the
        circle of uncertainty): metres. velocity: as in 3GPP TS 23.032. speed: metres a second.
        What is None was not measured, so that it is not there.
        """
        values = (latitude, longitude, altitude, radius, velocity, None, speed)
        for rid in range(len(values)):
            if values[rid] is not None:
                self.set(rid, values[rid])
            elif rid in self.values and rid != _TIMESTAMP:
                self.clear(rid)
                self.changed(rid)
        self.set(_TIMESTAMP, timestamp)
