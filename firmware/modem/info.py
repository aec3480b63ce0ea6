"""What the modem knows of itself, the SIM and the network, gathered into `modem.info`."""

from micropython import const

from .calendar import network_time

_IDENTITY_MS = const(20_000)


async def identify(modem) -> dict:
    """Fill in imei, imsi, iccid and return info; what the modem refuses stays away."""
    for name, command in (("imei", "AT+GSN"), ("imsi", "AT+CIMI"), ("iccid", "AT+CCID")):
        response = await modem.channel.command(command, _IDENTITY_MS)
        for line in response.lines:
            value = line.split(":")[-1].strip(' "')
            if len(value) >= 14 and value[:14].isdigit():
                modem.info[name] = value
                break
    return modem.info


async def measure(modem) -> dict:
    """Refresh and return info: rssi_dbm, operator, battery_mv, battery_percent, epoch_s (Unix time, 0
    when the network has not given it), sms_used, sms_total, and the cell's fields (`modem.cell`)."""
    info = modem.info
    for name in ("rssi_dbm", "operator", "rat", "mcc", "mnc", "area", "cell", "rsrp_dbm"):
        info.pop(name, None)
    strength = _numbers(await modem.channel.command("AT+CSQ"), "+CSQ:")
    if strength and 0 <= strength[0] <= 31:
        # TS 27.007 §8.5, with the two lowest steps as the manuals give them.
        steps = strength[0]
        info["rssi_dbm"] = (-115, -111)[steps] if steps < 2 else 2 * steps - 114
    operator = (await modem.channel.command("AT+COPS?")).value("+COPS:")
    if operator and operator.count('"') == 2:
        info["operator"] = operator.split('"')[1]
    battery = _numbers(await modem.channel.command("AT+CBC"), "+CBC:")
    if len(battery) == 3:
        info["battery_percent"] = battery[1]
        info["battery_mv"] = battery[2]
    clock = (await modem.channel.command("AT+CCLK?")).value("+CCLK:")
    info["epoch_s"] = network_time(clock) if clock else 0
    modem.note_storage(await modem.channel.command("AT+CPMS?"))
    info.update(await modem.cell())
    return info


def _numbers(response, prefix):
    fields = (response.value(prefix) or "").split(",")
    return [int(field) for field in fields if field.strip().isdigit()]
