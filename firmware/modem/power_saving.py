"""Power saving that the network has to grant: PSM and eDRX (TS 24.008; AT7000 and LPM7080).

Loaded once a start of a modem that shall have one of them, when it is attached. A modem keeps what
it was told over a power cut, so that the one that is not wanted is ended here.
"""

import asyncio

from micropython import const

# GPRS timer 3 (T3412 extended) and GPRS timer 2 (T3324): seconds of a unit and its three bits, the
# finest first (TS 24.008 tables 10.5.163a and 10.5.163).
_TAU = ((2, 3), (30, 4), (60, 5), (600, 0), (3600, 1), (36_000, 2), (1_152_000, 6))
_ACTIVE = ((2, 0), (60, 1), (360, 2))
_MOST = const(31)  # units that five bits say

# eDRX cycles by their four bits, in steps of 5.12 s (TS 24.008 table 10.5.5.32).
_CYCLES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256, 512, 1024, 2048)
_NOT_ON_NB_IOT = (0, 1, 4, 6, 7, 8)  # taken there for another
_CAT_M = const(4)  # <AcT> of AT+CEDRXS
_NB_IOT = const(5)

_TAU_S = const(86_400)
_ACTIVE_S = const(180)
_TRIES = const(6)  # to read what the network granted: it takes an exchange with it
_PAUSE_MS = const(1000)


def timer_bits(seconds: int, tau: bool) -> str:
    """Return the eight bits of T3412 extended (tau) or T3324 for at least `seconds`, or of the
    longest there is.
    """
    bits = ""
    for unit, code in _TAU if tau else _ACTIVE:
        count = -(-seconds // unit)
        bits = "{:03b}{:05b}".format(code, min(count, _MOST))
        if count <= _MOST:
            break
    return bits


def timer_seconds(bits: str, tau: bool) -> "int | None":
    """Return the seconds that eight bits of such a timer mean, None for no timer."""
    if len(bits) != 8 or bits.strip("01"):
        return None
    code = int(bits[:3], 2)
    for unit, its_code in _TAU if tau else _ACTIVE:
        if code == its_code:
            return unit * int(bits[3:], 2)
    return None  # 111: the timer is off


def cycle_bits(seconds: int, nb_iot: bool) -> str:
    """Return the four bits of an eDRX cycle of at least `seconds`, or of the longest there is."""
    for code, steps in enumerate(_CYCLES):
        if steps * 512 >= seconds * 100 and not (nb_iot and code in _NOT_ON_NB_IOT):
            return "{:04b}".format(code)
    return "1111"


def cycle_seconds(bits: str) -> int:
    """Return the whole seconds of an eDRX cycle, 0 for bits that are none."""
    if len(bits) != 4 or bits.strip("01"):
        return 0
    return _CYCLES[int(bits, 2)] * 512 // 100


async def settle(modem) -> None:
    """Ask for what the configuration wants, end the rest, and tell what the network grants.

    modem.config: idle "psm" with psm_tau_s (86400) and psm_active_s (180); edrx_s. info["rat"]
    tells the radio in use. Tells `power_saving` {psm_tau_s, psm_active_s, edrx_s}, None for what
    was not granted; the modem then sleeps as one without. Raises ModemError where the modem has
    to start anew for it and does not.
    """
    config = modem.config
    wants_psm = config.get("idle") == "psm"
    edrx_s = config.get("edrx_s")
    psm = edrx = None
    radio = modem.info.get("rat")
    if radio != "GSM":
        if edrx_s:
            edrx = await _edrx(modem, edrx_s, radio == "NB-IOT")
        else:
            await modem.channel.command("AT+CEDRXS=0")
        if wants_psm:
            psm = await _psm(modem)
        else:
            await modem.channel.command("AT+CPSMS=0")
    facts = {"psm_tau_s": None, "psm_active_s": None, "edrx_s": edrx}
    if psm:
        facts["psm_active_s"], facts["psm_tau_s"] = psm
    modem.event("power_saving", facts)


async def _psm(modem):
    """Return (T3324, T3412 extended) as granted, in seconds; None where PSM is refused."""
    config = modem.config
    wanted = '"%s","%s"' % (
        timer_bits(config.get("psm_tau_s", _TAU_S), True),
        timer_bits(config.get("psm_active_s", _ACTIVE_S), False),
    )
    command = modem.channel.command
    told = (await command("AT+CPSMS?")).value("+CPSMS:") or ""
    if told[:1] == "1" and wanted in told:
        return await _granted(modem)
    # Some firmware asks the network when the mode goes from 0 to 1, other after a restart only.
    await command("AT+CPSMS=0")
    if not (await modem.ask("AT+CPSMS=1,,," + wanted)).ok:
        return None
    granted = await _granted(modem)
    if granted is None:
        await modem.power_off()
        await modem.up()
        granted = await _granted(modem)
    return granted


async def _granted(modem):
    command = modem.channel.command
    for _ in range(_TRIES):
        told = (await command("AT+CPSMRDP")).value("+CPSMRDP:")
        if told is None:
            # The form with timers for one answer: as a code it would wake a sleeping host.
            await command("AT+CEREG=4")
            told = (await command("AT+CEREG?")).value("+CEREG:") or ""
            await command("AT+CEREG=0")
            granted = timers_of(told)
        else:
            fields = told.split(",")
            granted = None
            if len(fields) > 4 and fields[3].strip().isdigit() and fields[4].strip().isdigit():
                granted = int(fields[3]), int(fields[4])
        if granted and granted[0]:  # no time to listen stands for no PSM
            return granted
        await asyncio.sleep_ms(_PAUSE_MS)
    return None


def timers_of(told: str) -> "tuple | None":
    """Return (T3324, T3412 extended) in seconds of what AT+CEREG? told with <n> 4, or None.

    The two are the last fields; <rac> before them is there or not, so that they have no number.
    """
    fields = [field.strip(' "') for field in told.split(",")]
    if len(fields) < 7:
        return None
    active_s = timer_seconds(fields[-2], False)
    tau_s = timer_seconds(fields[-1], True)
    return (active_s, tau_s) if active_s and tau_s else None


async def _edrx(modem, seconds, nb_iot):
    """Return the granted cycle in whole seconds, None where eDRX is refused."""
    bits = cycle_bits(seconds, nb_iot)
    access = _NB_IOT if nb_iot else _CAT_M
    if not (await modem.ask('AT+CEDRXS=1,%d,"%s"' % (access, bits))).ok:
        return None
    for _ in range(_TRIES):
        told = (await modem.channel.command("AT+CEDRXRDP")).value("+CEDRXRDP:") or ""
        fields = told.split(",")
        if len(fields) > 2:
            cycle_s = cycle_seconds(fields[2].strip(' "'))
            if cycle_s:
                return cycle_s
        await asyncio.sleep_ms(_PAUSE_MS)
    return None
