"""Connectivity Monitoring (Object 4), version 1.2, read live from what the modem knows."""

from micropython import const

from lwm2m.object import Object

# Keys of the facts, in the order of the resource ids 0 to 12, and of the private one.
_KEYS = (
    "bearer bearers rssi_dbm link_quality ip router "
    "utilization apn cell smnc smcc snr_db lac recoveries"
).split()
_RECOVERIES = const(26241)


class ConnectivityMonitoring(Object):
    """The cellular connection.

    info: callable() -> dict of facts by the names above, in the units of the definitions; what is
    missing or None is not there. Facts of multiple resources are one value or a list of them. A
    Read calls it several times for each resource, so it should return a dict that is kept.
    Call `changed(rid)` when a fact that may be observed is another. recoveries, the private
    resource 26241: how often each rung of the ladder was climbed (0 sent again, 1 socket, 2
    context, 3 radio, 4 power of the modem).
    """

    object_id = 4
    object_version = "1.2"
    resources = (
        b"\x00\x00\x11\x02"  # Network Bearer
        b"\x00\x01\x19\x02"  # Available Network Bearer
        b"\x00\x02\x11\x02"  # Radio Signal Strength (dBm)
        b"\x00\x03\x01\x02"  # Link Quality
        b"\x00\x04\x19\x01"  # IP Addresses
        b"\x00\x05\x09\x01"  # Router IP Addresses
        b"\x00\x06\x01\x02"  # Link Utilization (%)
        b"\x00\x07\x09\x01"  # APN
        b"\x00\x08\x01\x02"  # Cell ID
        b"\x00\x09\x01\x02"  # SMNC
        b"\x00\x0a\x01\x02"  # SMCC
        b"\x00\x0b\x01\x02"  # SignalSNR (dB)
        b"\x00\x0c\x01\x02"  # LAC
        b"\x66\x81\x09\x02"  # Recoveries, private: an instance a rung of the ladder
    )

    def __init__(self, info) -> None:
        super().__init__()
        self._info = info

    def has(self, rid: int) -> bool:
        """True for a fact that is known."""
        key = _key(rid)
        return key is not None and self._info().get(key) is not None

    def read(self, rid: int):
        """Return a fact; one value of a multiple resource is its instance 0."""
        value = self._info()[_key(rid)]
        if rid in (1, 4, 5, 7, _RECOVERIES):
            if not isinstance(value, (list, tuple)):
                value = (value,)
            return {riid: value[riid] for riid in range(len(value))}
        return value


def _key(rid):
    if rid == _RECOVERIES:
        return _KEYS[-1]
    return _KEYS[rid] if rid < len(_KEYS) - 1 else None
