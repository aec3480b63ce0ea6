"""SIM7070, SIM7080 and SIM7090: CAT-M and NB-IoT, without the CIP* commands."""

from .ca_udp import use_ca
from .sim7000 import Sim7000


class Sim7080(Sim7000):
    """A SIM7080; what its manual does not tell apart is as on a SIM7000.

    The power key wants more than 1.2 s, and restarts the modem at 12 s.
    """

    pulse_on_ms = 1300
    pulse_off_ms = 1300
    boot_ms = 2000
    pdp = "0,"
    gnss_alone = True

    def __init__(self, uart, power, config: dict, log, now):
        super().__init__(uart, power, config, log, now)
        if self.udp_set != "ca":
            use_ca(self)
