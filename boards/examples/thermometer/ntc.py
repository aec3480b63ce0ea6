"""A thermometer: an NTC of 10 kΩ on GPIO 34, told as Temperature (3303) every ten minutes."""

from math import log

from lwm2m.objects.ipso import Temperature

PIN = 34  # an ADC: between 10 kΩ to 3.3 V and the NTC to ground
SUPPLY_UV = 3_300_000
BETA = 3950  # of the NTC's data sheet
EVERY_MS = 10 * 60_000


def setup(node):
    adc = node.adc(PIN)
    temperature = node.add(Temperature(units="Cel"))

    def measure():
        volts_uv = adc.read_uv()
        if not 150_000 < volts_uv < 3_000_000:  # the ADC measures no further
            raise OSError("no NTC on GPIO %d" % PIN)  # error code 8
        ratio = volts_uv / (SUPPLY_UV - volts_uv)  # resistance in 10 kΩ
        # An LM35 in its place: temperature.set(5700, adc.read_uv() / 10_000)
        temperature.set(5700, round(1 / (1 / 298.15 + log(ratio) / BETA) - 273.15, 1))

    node.every(EVERY_MS, measure)
