"""What the modem knows of itself, the SIM and the network, gathered into `modem.info`."""

from micropython import const

from .calendar import network_time

_IDENTITY_MS = const(20_000)
# Split at run time: short literals would stay interned when this module is released.
_IDENTITIES = "imei GSN imsi CIMI iccid CCID".split()  # names, and the commands that ask for them


async def identify(modem) -> dict:
    """Fill in imei, imsi, iccid and return info; what the modem refuses stays away."""
    for at in range(0, len(_IDENTITIES), 2):
        name = _IDENTITIES[at]
        response = await modem.channel.command("AT+" + _IDENTITIES[at + 1], _IDENTITY_MS)
        for line in response.lines:
            value = line.split(":")[-1].strip(' "')
            if len(value) >= 14 and value[:14].isdigit():
                modem.info[name] = value
                break
    return modem.info


async def measure(modem) -> dict:
    """Refresh what changes, and return info.

    rssi_dbm, operator, battery_mv, battery_percent, epoch_s (Unix time, 0 when the network has
    not given it), sms_used, sms_total, and of the serving cell rat, area, cell, and where told
    mcc, mnc, rsrp_dbm.
    """
    info = modem.info
    for name in "rssi_dbm operator rat mcc mnc area cell rsrp_dbm".split():
        info.pop(name, None)
    strength = _numbers(await _told(modem, "CSQ"))
    if strength and 0 <= strength[0] <= 31:
        # TS 27.007 §8.5, with the two lowest steps as the manuals give them.
        steps = strength[0]
        info["rssi_dbm"] = (-115, -111)[steps] if steps < 2 else 2 * steps - 114
    operator = await _told(modem, "COPS?")
    if operator.count('"') == 2:
        info["operator"] = operator.split('"')[1]
    battery = _numbers(await _told(modem, "CBC"))
    if len(battery) == 3:
        info["battery_percent"] = battery[1]
        info["battery_mv"] = battery[2]
    clock = await _told(modem, "CCLK?")
    info["epoch_s"] = network_time(clock) if clock else 0
    storage = _numbers(await _told(modem, "CPMS?"))
    if len(storage) >= 2:
        info["sms_used"], info["sms_total"] = storage[:2]
    info.update(await _gsm_cell(modem) if modem.gsm_only else await _cell(modem))
    return info


async def _told(modem, name):
    """What follows `+NAME:` in the answer to AT+NAME or AT+NAME?, "" without one."""
    response = await modem.channel.command("AT+" + name)
    return response.value("+%s:" % name.replace("?", "")) or ""


def _numbers(text):
    return [int(field) for field in text.split(",") if field.strip().isdigit()]


async def _gsm_cell(modem):
    """Location and cell: `AT+CREG=2` adds them to the answer."""
    await modem.ask("AT+CREG=2")
    response = await modem.channel.command("AT+CREG?")
    await modem.ask("AT+CREG=0")  # no code when the cell changes, it would wake a sleeping host
    cell: dict = {"rat": "GSM"}
    for line in response.lines:
        fields = line.split(",")
        if line.startswith("+CREG:") and len(fields) >= 4:
            try:
                cell["area"] = int(fields[2].strip(' "'), 16)
                cell["cell"] = int(fields[3].strip(' "'), 16)
            except ValueError:
                modem.channel.drop("cell", line)
    return cell


async def _cell(modem):
    return parse_cpsi(await _told(modem, "CPSI?"))


def parse_cpsi(value: str) -> dict:
    """Fields of `+CPSI:`: rat, mcc, mnc, area, cell, and on LTE rsrp_dbm; {} without service.

    LTE CAT-M1 and NB-IOT: mode, state, mcc-mnc, tac, cell, pcell, band, earfcn, dlbw, ulbw, rsrq,
    rsrp, rssi, rssnr. GSM: mode, state, mcc-mnc, lac, cell, arfcn and band, rxlev, …
    """
    fields = [field.strip() for field in value.split(",")]
    if len(fields) < 5 or "-" not in fields[2]:
        return {}
    try:
        mcc, mnc = fields[2].split("-")
        cell = {
            "rat": fields[0][4:] if fields[0][:4] == "LTE " else fields[0],
            "mcc": int(mcc),
            "mnc": int(mnc),
            "area": int(fields[3], 16),
            "cell": int(fields[4]),
        }
        if fields[0][:3] == "LTE" and len(fields) >= 13:
            cell["rsrp_dbm"] = int(fields[11])
    except ValueError:
        return {}
    return cell
