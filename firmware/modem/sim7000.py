"""SIM7000 (E, G, A): GSM, CAT-M and NB-IoT, eight sockets."""

from .simcom import SimCom


class Sim7000(SimCom):
    """A SIM7000.

    config "network": "gsm", "cat-m", "nb-iot", "lte" or "auto"; the modem's own choice when not
    given. config "udp_set": "ca" where the firmware has those commands; "cip" when not given.
    """

    sockets = 8
    gsm_only = False
    pulse_on_ms = 1100
    pulse_off_ms = 1300
    boot_ms = 4000
    idle_sleep = 0
    direct_sms = "AT+CNMI=1,2,0,0,0"  # mode 2 is refused with direct routing

    def __init__(self, uart, power, config: dict, log, now):
        super().__init__(uart, power, config, log, now)
        self.udp_set = config.get("udp_set") or "cip"
