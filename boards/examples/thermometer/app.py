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

    # The board waits for it before it sleeps. An OSError is told as error code 8, and the next try
    # is due as always. The driver's own errors are none: anything else would restart the board.
    async def measure():
        try:
            probe.convert_temp()
            await asyncio.sleep_ms(750)  # as long as a conversion of 12 bits takes
            celsius = probe.read_temp(probe.scan()[0])
        except Exception:  # nothing answers, or not what its checksum says
            raise OSError("no DS18B20 on GPIO %d" % PIN)
        temperature.set(5700, celsius)

    node.every(EVERY_MS, measure)
