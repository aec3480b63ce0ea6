"""SIM7000 (E, G, A): GSM, CAT-M and NB-IoT, eight sockets."""

from .simcom import SimCom


class Sim7000(SimCom):
    """A SIM7000.

    config "network": "gsm", "cat-m", "nb-iot", "lte" or "auto"; the modem's own choice when not
    given. config "udp_set": "cip" or "ca", the commands of UDP sockets; "cip" when not given, or
    "ca" where the firmware refuses those.
    """

    sockets = 8
    gsm_only = False
    pulse_on_ms = 1100
    pulse_off_ms = 1300
    boot_ms = 4000
    idle_sleep = 0
    direct_sms = "AT+CNMI=1,2,0,0,0"  # mode 2 is refused with direct routing
    pdp = ""  # number of the packet context in AT+CNACT, and a comma
