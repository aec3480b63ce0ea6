"""SIM7000 (E, G, A) where it differs from the common driver."""

from .simcom import SimCom

_NETWORKS = {"gsm": (13, None), "cat-m": (38, 1), "nb-iot": (38, 2), "lte": (38, 3), "auto": (2, 3)}


class Sim7000(SimCom):
    """A SIM7000: GSM, CAT-M and NB-IoT, eight sockets.

    config "network": "gsm", "cat-m", "nb-iot", "lte" or "auto"; left alone when not given.
    """

    sockets = 8
    registrations = ("CEREG", "CGREG")  # CREG may stay 0 on NB-IoT
    registration_needs_all = False
    pulse_on_ms = 1100
    pulse_off_ms = 1300
    boot_ms = 4000
    cnmi_direct = "AT+CNMI=1,2,0,0,0"  # mode 2 is refused with direct routing

    async def cell(self) -> dict:
        """Serving cell by `AT+CPSI?`."""
        value = (await self.channel.command("AT+CPSI?")).value("+CPSI:")
        return parse_cpsi(value or "")

    async def prepare_network(self) -> None:
        """Choose the radio, where configured, and the APN that LTE attaches with."""
        network = self.config.get("network")
        if network:
            mode, preference = _NETWORKS[network]
            await self.ask("AT+CNMP=%d" % mode)
            if preference:
                await self.ask("AT+CMNB=%d" % preference)
        apn = self.config.get("apn", "")
        defined = (await self.channel.command("AT+CGDCONT?")).value("+CGDCONT: 1,")
        if apn and (defined is None or '"%s"' % apn not in defined):
            await self.ask('AT+CGDCONT=1,"IP","%s"' % apn)


def parse_cpsi(value: str) -> dict:
    """Fields of `+CPSI:`: rat, mcc, mnc, area, cell, and on LTE rsrp_dbm; {} without service.

    LTE CAT-M1 and NB-IOT: mode, state, mcc-mnc, tac, cell, pcell, band, earfcn, dlbw, ulbw, rsrq, rsrp,
    rssi, rssnr. GSM: mode, state, mcc-mnc, lac, cell, arfcn and band, rxlev, …
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
