"""The site's Objects that have a pin: sensors that are measured there, outputs that drive it.

Loaded only where a site has one (node/config.py, `objects[].pin`).
"""

from micropython import const

from node import hw

_VALUE = const(5700)
_ON_OFF = const(5850)
_DIMMER = const(5851)


def add(node, kind, entry: dict) -> None:
    """Add the Object Instance of an entry of the configuration's `objects`.

    kind: its class, an ipso.Sensor or an ipso_output.Output. The value of a sensor is the volts at
    the pin times `scale` plus `offset`, measured every `every_s`.
    """
    pin = entry["pin"]
    if "every_s" in entry:
        sensor = node.add(kind(units=entry["units"]), entry["instance"])
        probe = node.adc(pin)
        scale = entry["scale"]
        offset = entry["offset"]

        def measure():
            sensor.set(_VALUE, probe.read_uv() / 1_000_000 * scale + offset)

        node.every(entry["every_s"] * 1000, measure)
        return

    def drive(output):
        values = output.values
        hw.hold(pin, 1 if values[_ON_OFF] and values.get(_DIMMER, 100) else 0)

    node.spawn(_drive(node.add(kind(drive, node.clock.now), entry["instance"])))


async def _drive(output):
    """Drive the pin when the output has the value from before a deep sleep or a reset, so that it
    does not go off for a moment.
    """
    output.restored()
