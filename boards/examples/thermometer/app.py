"""A thermometer: a DS18B20 on GPIO 18, told as Temperature (3303) every ten minutes."""

import asyncio

from ds18x20 import DS18X20
from lwm2m.objects.ipso import Temperature
from machine import Pin
from onewire import OneWire

PIN = 18  # the probe's data line, with 4.7 kΩ to 3.3 V
EVERY_MS = 10 * 60_000


def setup(node):
    probe = DS18X20(OneWire(Pin(PIN)))
    temperature = node.add(Temperature(units="Cel", low=-55, high=125))

    # The board waits for it before it sleeps. An OSError, also the driver's own where nothing
    # answers, is told as error code 8, and the next try is due as always.
    async def measure():
        probe.convert_temp()
        await asyncio.sleep_ms(750)  # as long as a conversion of 12 bits takes
        found = probe.scan()
        if not found:
            raise OSError("no DS18B20 on GPIO %d" % PIN)
        temperature.set(5700, probe.read_temp(found[0]))

    node.every(EVERY_MS, measure)
