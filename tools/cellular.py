"""A virtual modem on a virtual network that leads to real sockets, and what one can do to it."""

import asyncio
import time

from tools.virtual.bridge import Bridge
from tools.virtual.modem import VirtualModem
from tools.virtual.network import Network
from tools.virtual.timers import Timers

PERSONALITIES = {"sim800": "sim800l", "sim7000": "sim7000g", "sim7080": "sim7080g"}
SIM_NUMBER = "+447700900456"  # from the range reserved for fiction
_KEY_S = 1.5
_REST_S = 3.0
_KIND = ("garbage",)  # faults whose value is octets
_WHEN = ("ms", "after", "after_in", "at")


class Cellular:
    """A modem with a SIM, a network behind a NAT, and loopback sockets on its far side.

    `personality` is a name of tools/virtual/profiles.py; `on_event(source, name, facts)` is called
    with source "modem" or "network". It must be made on a running event loop.
    """

    def __init__(
        self,
        personality: str,
        number: str,
        on_event,
        nat_timeout_s: "float | None" = 60,
        speed: float = 1.0,
        routes=None,
        pin: str = "1234",
    ):
        self.number = number
        self.timers = Timers()
        self.network = Network(
            self.timers,
            nat_timeout_s=nat_timeout_s,
            on_event=lambda name, facts: on_event("network", name, facts),
            epoch_s=int(time.time()),
        )
        self.bridge = Bridge(self.network, routes)
        self.modem = VirtualModem(
            personality,
            self.network,
            self.timers,
            number,
            speed=speed,
            pin=pin,
            on_event=lambda name, facts: on_event("modem", name, facts),
        )
        self.modem.supply(True)

    def close(self) -> None:
        """Close the sockets."""
        self.bridge.close()

    def another(self, number: str) -> VirtualModem:
        """Return a second modem on the network, which is quick and switched on."""
        modem = VirtualModem(
            "sim800l",
            self.network,
            self.timers,
            number,
            speed=10.0,
            imei="866000000000022",
            imsi="001010000000022",
            on_event=lambda name, facts: None,
            saved={"+IPR": 115200},
        )
        modem.supply(True)
        press(modem)
        return modem

    def sms(self, command: dict) -> None:
        """Carry out {"do": "sms", …}. Raises KeyError, ValueError, TypeError or PduError."""
        if "pdu" in command:
            self.network.sms.deliver_pdu(self.number, bytes.fromhex(command["pdu"]))
            return
        self.network.sms.send(
            command["from"],
            self.number,
            bytes.fromhex(command["data"]),
            command.get("dcs", 4),
            bytes.fromhex(command.get("udh", "")),
            command.get("pid", 0),
        )

    def fault(self, command: dict) -> None:
        """Carry out {"do": "fault", …}. Raises KeyError, ValueError or TypeError."""
        name, value = command["name"], command.get("value")
        if name in _KIND:
            value = bytes.fromhex(command["value"])
        if name in self.network.FAULTS:
            self.network.set_fault(name, value, command.get("ms"))
        else:
            when = {key: command[key] for key in _WHEN if key in command}
            self.modem.set_fault(name, value, **when)

    def gnss(self, command: dict) -> None:
        """Carry out {"do": "gnss", …}. Raises ValueError or TypeError."""
        if self.modem.gnss is None:
            raise ValueError("this modem receives no positions; use a SIM7000 or SIM7080")
        about = {key: command[key] for key in command if key not in ("do", "id")}
        self.modem.gnss.set(**about)


def press(modem) -> None:
    """Press the power key as long as it takes, and let go."""
    modem.pwrkey(True)
    modem.timers.call_later(_KEY_S * 1000, modem.pwrkey, False)


async def keep_on(modem) -> None:
    """Press the power key of a modem whenever it is off, as long as this runs."""
    while True:
        if modem.state == "off":
            press(modem)
        await asyncio.sleep(_REST_S)
