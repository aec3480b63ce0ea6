"""Where the modem is: the GNSS receiver of SIM7000, SIM7070, SIM7080 and SIM7090 (AT7000 ch. 19).

Loaded for a search. A SIM7000 goes on with the network meanwhile; the others have one radio for
both, so that the network is left for the search, and `up` comes back to it.
"""

import asyncio

from micropython import const

from .at import ModemError, ModemReset
from .calendar import epoch_seconds

_READY = const(1)
_OFF = const(0)

_POLL_MS = const(2000)
_POWER_MS = const(10_000)
_CFUN_MS = const(12_000)
_FEWEST = const(8)  # fields that all firmware has: up to the course
_FARTHEST_M = const(100_000)


async def search(modem, timeout_ms: int, antenna=()) -> "dict | None":
    """Switch the receiver on, look for a position for timeout_ms, and switch it off.

    antenna: the commands that give the antenna its supply and take it away again, where the board
    needs them. Returns the position as `parse` does, or None where none was found. Raises
    ModemError where the modem has no receiver or does not answer.
    """
    await modem.up(_READY)
    until = modem.now() + timeout_ms
    if not modem.gnss_alone:
        return await _look(modem, until, antenna)
    async with modem.lock:
        # Codes of the network that goes are none of a restart.
        modem.channel.boot(True)
        try:
            response = await modem.channel.command("AT+CFUN=4", _CFUN_MS)
            if not response.ok:
                raise ModemError("modem: AT+CFUN=4 answered " + response.final)
            return await _look(modem, until, antenna)
        finally:
            modem.lost("gnss", "rested")  # the next start switches the radio on


async def _look(modem, until, antenna):
    shared = not modem.gnss_alone
    try:
        await _switch_on(modem, antenna)
        while True:
            try:
                if shared:  # back from a sleep, or a restart
                    await modem.up(_READY)
                response = await modem.channel.command("AT+CGNSINF")
                line = response.value("+CGNSINF:")
                found = parse(line or "")
                if found and "latitude" in found:
                    return found
                if line is None:
                    _silent(modem, response.final)
                elif found is None:
                    modem.channel.drop("cgnsinf", line)
                elif "off" in found:
                    await _switch_on(modem, antenna)
            except ModemReset:
                if not shared:
                    raise
            left = until - modem.now()
            if left <= 0:
                return None
            await asyncio.sleep_ms(min(left, _POLL_MS))
    finally:
        await _switch_off(modem, antenna)


def _silent(modem, final):
    """A modem that says nothing, such as one in PSM, is started anew by `up`."""
    if final != "TIMEOUT" or modem.gnss_alone:
        raise ModemError("modem: AT+CGNSINF answered " + final)
    modem.lost("silent")


async def _switch_on(modem, antenna):
    if antenna:
        await modem.ask(antenna[0])
    response = await modem.channel.command("AT+CGNSPWR=1", _POWER_MS)
    if not response.ok:
        raise ModemError("modem: AT+CGNSPWR answered " + response.final)


async def _switch_off(modem, antenna):
    if modem.rests:
        return  # it is off, and the receiver with it
    try:
        if modem.asleep:
            await modem.up(_OFF)
        await modem.ask("AT+CGNSPWR=0", _POWER_MS)
        if len(antenna) > 1:
            await modem.ask(antenna[1])
    except ModemReset:
        pass  # with which it is off


def parse(line: str) -> "dict | None":
    """Return what a line of AT+CGNSINF says, without its prefix; None for a malformed one.

    Of a position: latitude, longitude (degrees), timestamp (Unix time, s), and where told altitude
    (m), radius (m, horizontal accuracy), speed (m/s) and velocity (TS 23.032 §8.12, Horizontal
    Velocity). Without one: {}, or {"off": True} where the receiver does not run. A position
    without fix status 1 is a guess from long ago.
    """
    fields = [field.strip() for field in line.split(",")]
    if len(fields) < _FEWEST or fields[0] not in ("0", "1") or fields[1] not in ("", "0", "1"):
        return None
    if fields[0] == "0":
        return {"off": True}
    if fields[1] != "1":
        return {}
    found: dict = {}
    latitude = _number(fields[3])
    longitude = _number(fields[4])
    timestamp = _timestamp(fields[2])
    if latitude is None or longitude is None or not timestamp:
        return None
    if not -90 <= latitude <= 90 or not -180 <= longitude <= 180:
        return None
    found["latitude"] = latitude
    found["longitude"] = longitude
    found["timestamp"] = timestamp
    altitude = _number(fields[5])
    if altitude is not None:
        found["altitude"] = altitude
    radius = _number(fields[-2]) if len(fields) > 16 else None
    if radius and 0 < radius < _FARTHEST_M:
        found["radius"] = radius
    speed = _number(fields[6])
    course = _number(fields[7])
    if speed is not None and 0 <= speed < 65535:
        found["speed"] = speed / 3.6
        if course is not None and 0 <= course <= 360:
            bearing = int(course + 0.5) % 360
            found["velocity"] = (bearing << 16 | int(speed + 0.5)).to_bytes(4, "big")
    return found


def _number(text):
    """Return a plain decimal as a float, None for anything else."""
    digits = text[1:] if text[:1] == "-" else text
    whole, _, rest = digits.partition(".")
    if not (whole + rest).isdigit() or len(digits) > 16:
        return None
    return float(text)


def _timestamp(text):
    """Return the Unix time of yyyyMMddhhmmss.sss, 0 for what is none."""
    if len(text) < 14 or not text[:14].isdigit():
        return 0
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[8:10]), int(text[10:12]), int(text[12:14])
    if year < 2000 or not 1 <= month <= 12 or not 1 <= day <= 31:
        return 0
    if hour > 23 or minute > 59 or second > 60:
        return 0
    return epoch_seconds(year, month, day, hour, minute, second)
