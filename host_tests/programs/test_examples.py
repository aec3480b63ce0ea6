"""The example applications of boards/examples on the simulated board, against a server."""

import asyncio

import pytest
from programs.program import play_device

from tools.build import ROOT

_EXAMPLES = ROOT / "boards/examples"
_MODEM = ("--link", "sim7000", "--modem-speed", "20", "--queue", "--awake-time", "1")


def _play(example, scenario, *arguments):
    app = str(_EXAMPLES / example)
    play_device(scenario, "--endpoint", "field", "--app", app, *arguments, awake_s=1)


async def _value(server, path):
    result = await server.read("field", path)
    assert result.ok, result
    return result.value


async def _until(condition, limit_s=60):
    async with asyncio.timeout(limit_s):
        while not await condition():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_thermometer(runtime):
    """Object 3303, DS18B20: a conversion of 750 ms is awaited; a probe that does not answer is
    error code 8 (TS 1.1 Core E.4), as long as it does not.
    """

    async def scenario(device, server):
        await device.event("registered")

        async def measured():
            result = await server.read("field", "/3303/0/5700")
            return result.ok and result.value == 21.5

        await _until(measured)
        assert await _value(server, "/3303/0/5701") == "Cel"
        assert 8 not in (await _value(server, "/3/0/11")).values()
        assert (await device.answer(do="probe", pin=18, celsius=None))["event"] == "ok"
        at = len(device.events)
        await device.answer(do="reboot")
        await device.event("error", at, reason="OSError: no DS18B20 on GPIO 18")
        await device.event("registered", at)
        assert 8 in (await _value(server, "/3/0/11")).values()

    _play("thermometer/app.py", scenario, "--runtime", runtime)


def test_ntc():
    """Object 3303, an analog input: 10 kΩ at 25 °C; a probe that is not there is error code 8."""

    async def scenario(device, server):
        _, error = await device.event("error")
        assert error["reason"] == "OSError: no NTC on GPIO 34"
        await device.event("registered")
        assert 8 in (await _value(server, "/3/0/11")).values()
        for microvolts, celsius in ((1_650_000, 25.0), (2_527_000, 0.5), (850_000, 50.9)):
            await device.answer(do="adc", pin=34, microvolts=microvolts)
            at = len(device.events)
            await device.answer(do="reboot")
            await device.event("registered", at)
            measured = await _value(server, "/3303/0/5700")
            assert abs(measured - celsius) < 0.11, (microvolts, measured)
        assert 8 not in (await _value(server, "/3/0/11")).values()

    _play("thermometer/ntc.py", scenario)


def test_relay():
    """Object 3306: what a server writes is on the pin, through deep sleeps and a reset."""

    async def scenario(device, server):
        await device.event("registered")
        await device.event("pin", pin=19, level=0)
        at = len(device.events)
        assert (await server.write("field", "/3306/0/5850", True)).ok
        await device.event("pin", at, pin=19, level=1)
        at, _ = await device.event("halted", at, kind="deepsleep")
        answer = await device.answer(do="get", path="/3306/0/5850")
        assert answer["value"] is True
        await device.answer(do="reboot")
        await device.event("halted", at, kind="reset")
        at, _ = await device.event("booted", at, cause="hard")
        await device.event("registered", at)
        assert await _value(server, "/3306/0/5850") is True
        driven = [event["level"] for event in device.events if event["event"] == "pin"]
        assert driven == [0, 1], driven

    _play("relay/app.py", scenario, *_MODEM)


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_water_meter(runtime):
    """Object 3424: each pulse of a deep sleep counts, without a word to the modem."""

    async def scenario(device, server):
        at, _ = await device.event("halted", kind="deepsleep")
        for level in (0, 1, 0, 1, 0):
            assert (await device.answer(do="pin", pin=32, level=level))["event"] == "ok"
            at, _ = await device.event("woken", at, by="contact")
            at, halted = await device.event("halted", at, kind="deepsleep")
            assert halted["contact"] == [32, 1 - level]
        names = {event["event"] for event in device.events[-15:]}
        assert names == {"ok", "woken", "halted"}, names
        answer = await device.answer(do="get", path="/3424/0/4")
        assert answer["value"] == 3
        assert (await device.answer(do="get", path="/3424/0/1"))["value"] == 0.03
        assert (await device.answer(do="pin", pin=33, level=1))["reason"] == (
            "pin 33 leads to the modem"
        )

    _play("water_meter/app.py", scenario, "--runtime", runtime, *_MODEM)
