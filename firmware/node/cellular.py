"""The cellular bearer: one modem, its UDP link and its SMS link, brought up, put to sleep and
resumed.

States, and what moves them:

    starting   power, SIM, network and context are being brought up   --attached-->  up
               a failure is logged and tried again, later each time
    up         links send and receive                                 --sleep-->     asleep
    asleep     the modem listens, DTR is high                         --anything sent, RI-->  up

What "asleep" is, the configuration's modem.idle says: "sleep" keeps the context and lets an SMS
wake the board; in "psm" and "off" nothing reaches the modem, and its start takes 5 s and more.
"""

import asyncio

from coap import transmission
from micropython import const
from modem import release
from modem.at import ModemError
from modem.sms import SmsLink
from modem.udp import UdpLink

from node import hw

_FIRST_PAUSE_MS = const(10_000)
_LONGEST_PAUSE_MS = const(900_000)
_STALE_MS = const(3_600_000)
_RI_PULSE_MS = const(150)  # RI is low for 120 ms
_SECOND_LOOK_MS = const(500)  # where RI woke the chip and the modem has nothing to show yet
_CLOCK_TOLERANCE_S = const(2)
# A modem that is off spares 1.2 mA (SIM7000 asleep), and its start costs some 15 s at 80 mA, with
# the search for the network: 1200 mAs are 1000 s of sleep.
_OFF_PAYS_MS = const(1_000_000)

# Network Bearer of Object 4, by what the modem calls its radio.
_BEARERS = {"GSM": 0, "CAT-M1": 6, "NB-IOT": 7}
_IDENTITY = ("imei", "rat")  # what is known of a modem that is not asked again
_OWN_NAMES = "attached detached drop sms_sent".split()


def _answered(data):
    """Whether a datagram asks for an answer: a Confirmable message, or what is no CoAP."""
    return data[0] >> 6 != 1 or not data[0] >> 4 & 3


def _pin_tried(pin, accepted):
    from node.lean import forget
    from node.pin import tried

    try:
        return tried(pin, accepted)
    except OSError:
        return False  # what flash does not remember is not tried
    finally:
        forget("node.pin", "node.storage")


def _driver(link):
    if link == "sim800":
        from modem.sim800 import Sim800

        return Sim800
    if link == "sim7080":
        from modem.sim7080 import Sim7080

        return Sim7080
    from modem.sim7000 import Sim7000

    return Sim7000


class CellularBearer:
    """What carries the datagrams of a node with a modem (node/udp_socket.py is the other one).

    site: the checked configuration. board: the board's module, with UART and PINS. received(data,
    peer, link) takes what comes in. on_event(name, facts) is told what happens. now: callable, ms.
    kept: what `freeze` returned before a deep sleep, or None.
    """

    off_until: "int | None" = None  # ms, between two tries to get to the network
    locating = False  # a position is searched for (node/position.py)

    def __init__(self, site, board, received, on_event, now, kept):
        settings = dict(site["modem"])
        settings["local_port"] = site["local_port"]
        settings["mtu"] = site["mtu"]
        settings["baudrate"] = settings["baudrate"] or board.UART["baudrate"]
        self._pins = hw.ModemPins(board.PINS, kept is not None)
        self._received = received
        self._on_event = on_event
        self._now = now
        self._read_at = 0  # ms, when the stored messages were read last
        self.modem = _driver(site["link"])(
            hw.Uart(board.UART, settings["baudrate"]), self._pins, settings, self._refused, now
        )
        self.modem.on_event = self._modem_event
        self.modem.pin_tried = _pin_tried
        self._udp = UdpLink(self.modem)
        self._udp.on_datagram = received
        self._sms = SmsLink(self.modem)
        self._sms.transmission = transmission.sms()
        self._sms.on_datagram = self._text_message
        for server in site["servers"]:
            if server["sms_number"]:
                self._sms.peer(server["sms_number"])
        self.links = [self._udp, self._sms]
        self.info = self.modem.info
        # Without RI the modem's first byte ends the sleep: a start bit is low too.
        self._pin = board.UART["rx"] if self._pins.ri_pin is None else self._pins.ri_pin
        self.wake_pin = self._pin  # None while RI is stuck, or nothing can wake
        self.can_wake = hw.can_wake(self._pin)  # light sleep ends by any pin
        self.woken = hw.wake_reason() == "pin"
        self._idle = settings.get("idle", "sleep")
        if settings.get("release_assistance"):
            from modem.release_assistance import assist

            assist(self._udp, _answered)
        if kept:
            from modem.frozen import thaw

            thaw(kept[:3], self.modem, self._udp, self._sms)
            release("frozen")
            for index, key in enumerate(_IDENTITY):
                if kept[3][index] is not None:
                    self.info[key] = kept[3][index]
            self._read_at = kept[4]
        self._suit_radio()

    async def imei(self) -> str:
        """Return the modem's IMEI, 15 digits; waits for a modem that answers."""
        await self.start(False)
        while "imei" not in self.info:
            self._on_event("error", {"reason": "modem: AT+GSN gave no IMEI; set endpoint"})
            await self._pause(_LONGEST_PAUSE_MS)
            await self.start(False)
        return self.info["imei"]

    async def start(self, kept: bool) -> bool:
        """Be ready to send and to take SMS; comes back when the modem is attached.

        kept: the modem went on while the chip slept, so that what it stored has only to be read.
        Returns whether that had to be tried again.
        """
        if not kept and not self.can_wake and self._idle == "sleep":
            check_s = self.modem.config.get("sms_check_s")
            self._on_event("modem_wakes_nobody", {"sms_check_s": check_s})
        pause_ms = _FIRST_PAUSE_MS
        while True:
            try:
                if not (kept and await self.modem.resume()):
                    await self.modem.up()
                    await self._look_around()
                if self._idle == "sleep":  # otherwise no message is waited for
                    found = await self._sms.drain()
                    if not found and kept and self.woken:
                        await asyncio.sleep_ms(_SECOND_LOOK_MS)
                        await self._sms.drain()
                self._read_at = self._now()
                self.woken = False
                break
            except ModemError as error:
                self._on_event("error", {"reason": str(error), "again_ms": pause_ms})
            kept = False
            await self._pause(pause_ms)
            pause_ms = min(pause_ms * 2, _LONGEST_PAUSE_MS)
        return pause_ms > _FIRST_PAUSE_MS

    async def _pause(self, pause_ms):
        """Wait with the modem off: searching in vain is what empties a battery."""
        try:
            await self.modem.power_off()
        except ModemError as error:
            self._on_event("error", {"reason": str(error)})
        self.off_until = self._now() + pause_ms
        await asyncio.sleep_ms(pause_ms)
        self.off_until = None

    async def _look_around(self):
        from modem.info import identify, measure

        await identify(self.modem)
        await measure(self.modem)
        release("info", "calendar")
        self._suit_radio()
        if self._idle == "psm" or self.modem.config.get("edrx_s"):
            from modem.power_saving import settle

            await settle(self.modem)
            release("power_saving")
        elif not self.modem.gsm_only:
            # The modem keeps what an earlier configuration wanted, and would miss messages.
            await self.modem.channel.command("AT+CPSMS=0;+CEDRXS=0")
        network_s = self.info.get("epoch_s")
        if network_s and abs(network_s - hw.epoch_s()) > _CLOCK_TOLERANCE_S:
            hw.set_epoch_s(network_s)

    def _suit_radio(self):
        """Give the UDP link the patience of the radio in use, before it is known of the one
        configured.
        """
        radio = self.info.get("rat") or str(self.modem.config["network"]).upper()
        slow = radio == "NB-IOT"
        self._udp.transmission = transmission.nb_iot() if slow else transmission.gprs()

    def stale(self) -> bool:
        """Whether a message may wait unread: RI pulses are not seen while the chip boots, and
        where no pin wakes it none is seen at all.
        """
        if self._idle != "sleep":
            return False
        return not self.can_wake or self._now() - self._read_at >= _STALE_MS

    def neglected(self) -> bool:
        """Whether a chip that stays awake has not spoken to the modem for an hour: one that hangs,
        or that has lost a code, does not say so.
        """
        return self._idle == "sleep" and self._now() - self._read_at >= _STALE_MS

    def look_at(self) -> "int | None":
        """Return when a deep sleep has to end to look for messages, None where a pin ends it."""
        check_s = self.modem.config.get("sms_check_s")
        if not check_s or self.can_wake or self._idle != "sleep":
            return None
        return self._read_at + check_s * 1000

    def busy(self) -> bool:
        """Whether something is under way that sleep would break off."""
        return self._udp.busy or self._sms.busy or self.locating

    def rest(self) -> None:
        """Let the modem sleep, without a word to it: the node has crashed."""
        self._pins.dtr(True)

    def stuck(self, now: int, connecting: bool) -> bool:
        """Whether the modem's reader, a command or whoever is at work with the modem stands
        still.
        """
        return self.modem.channel.stuck(now, connecting or self.busy())

    async def sleep(self, duration_ms: int) -> None:
        """Let the modem rest as configured; for SMS that it shall hear, not while RI says it has
        one.

        An RI that stays low after the messages were read is a fault of the wiring or a call: it
        would end each deep sleep at once, so the timer alone ends the next.
        """
        if self._idle != "sleep":
            self.wake_pin = None  # RI is low with the modem's supply, and nothing is waited for
            if self._idle == "off" and duration_ms >= _OFF_PAYS_MS and self.modem.state:
                try:
                    await self.modem.power_off()
                except ModemError as error:
                    self._on_event("error", {"reason": str(error)})
                return
            await self.modem.sleep()
            return
        low = self._pins.ri() is False
        if low:
            await asyncio.sleep_ms(_RI_PULSE_MS)
            low = self._pins.ri() is False
            if low and self.wake_pin is not None:
                self.wake_pin = None
                self._on_event("error", {"reason": "RI stays low; the timer alone can wake"})
                self._sms.read_waiting()
                return
        if not low:
            self.wake_pin = self._pin
        await self.modem.sleep()

    def freeze(self) -> list:
        """Return what must outlive a deep sleep, as CBOR can hold it."""
        identity = [self.info.get(key) for key in _IDENTITY]
        from modem.frozen import freeze

        return freeze(self.modem, self._udp, self._sms) + [identity, self._read_at]

    def tasks(self) -> list:
        """Return the coroutines that the node has to run: one raises what the modem's own met."""
        tasks = [self.modem.channel.watch()]
        if self._udp.watch:
            tasks.append(self._udp.watch())
        return tasks

    def connection(self) -> dict:
        """Return the facts of Object 4 (lwm2m/objects/connectivity.py) that are known."""
        info = self.info
        bearer = _BEARERS.get(info.get("rat", "GSM"), 0)
        return {
            "bearer": bearer,
            "bearers": bearer,
            "rssi_dbm": info.get("rssi_dbm", -115),
            "ip": info.get("ip", "0.0.0.0"),
            "apn": self.modem.config["apn"],
            "cell": info.get("cell"),
            "smnc": info.get("mnc"),
            "smcc": info.get("mcc"),
            "lac": info.get("area"),
            "recoveries": self.modem.recoveries,
        }

    def close(self) -> None:
        """Stop reading the UART."""
        self.modem.channel.close()

    def _text_message(self, data, sender, link):
        self._on_event("sms", {"from": sender, "bytes": len(data)})
        self._received(data, sender, link)

    def _refused(self, name, facts):
        self._on_event("modem_" + name, facts)

    def _modem_event(self, name, facts):
        self._on_event(name if name in _OWN_NAMES else "modem_" + name, facts)
