"""A driver and its links on the virtual SIM800 and SIM7000, for the tests of the driver."""

import asyncio
import gc

from modem import frozen
from modem.sim800 import Sim800
from modem.sim7000 import Sim7000
from modem.sms import SmsLink
from modem.udp import UdpLink
from shim import virtual_time
from unit.modem.far_end import FarEnd

from tools.virtual.modem import VirtualModem
from tools.virtual.network import Network
from tools.virtual.timers import Timers

SERVER = ("203.0.113.9", 5683)
NUMBER = "+4790000001"
SENDER = "+447700900123"
KINDS = (("sim800l", Sim800), ("sim7000g", Sim7000))


class Wire(FarEnd):
    """The UART between driver and virtual modem."""

    def __init__(self, virtual):
        super().__init__()
        self.virtual = virtual
        virtual.on_output = self.emit

    def write(self, data):
        self.virtual.write(bytes(data))

    def set_baudrate(self, rate):
        self.virtual.set_baud(rate)


class Lines:
    """The control lines: key, RST, DTR."""

    wired = key = True
    rst = False

    def __init__(self, virtual):
        self.virtual = virtual
        self.pulses = 0

    async def pulse(self, duration_ms):
        if not self.key:
            return
        self.pulses += 1
        self.virtual.pwrkey(True)
        await asyncio.sleep_ms(duration_ms)
        self.virtual.pwrkey(False)

    def dtr(self, asleep):
        self.virtual.dtr(asleep)

    def can_sleep(self):
        return self.wired

    async def reset(self, duration_ms):
        self.virtual.reset(True)
        await asyncio.sleep_ms(duration_ms)
        self.virtual.reset(False)

    def can_switch(self):
        return self.key

    def can_reset(self):
        return self.rst


class Bench:
    """One virtual modem, the driver and both links on it, and a server that keeps what it gets."""

    def __init__(self, kind, config=None, **options):
        name, driver = kind
        self.driver = driver
        self.config = {"apn": "iot.example", "baudrate": 115200}
        self.config.update(config or {})
        self.timers = Timers()
        self.network = Network(self.timers)
        self.virtual = VirtualModem(name, self.network, self.timers, NUMBER, **options)
        self.power = Lines(self.virtual)
        self.at_server = []
        self.events = []
        self.server = self.network.attach(SERVER[0], SERVER[1], self._at_server)
        self.board()

    def board(self):
        """The host starts: a driver with nothing in its memory."""
        self.got = []
        self.uart = Wire(self.virtual)
        self.modem = self.driver(
            self.uart, self.power, self.config, self._event, virtual_time.now_ms
        )
        self.udp = UdpLink(self.modem)
        self.sms = SmsLink(self.modem)
        self.udp.on_datagram = self._datagram
        self.sms.on_datagram = self._datagram

    def _at_server(self, data, peer):
        self.at_server.append((data, peer))

    def _event(self, name, facts):
        self.events.append((name, facts))

    def _datagram(self, data, peer, link):
        self.got.append((link.binding, bytes(data), peer))

    def freeze(self):
        return frozen.freeze(self.modem, self.udp, self.sms)

    def thaw(self, record):
        frozen.thaw(record, self.modem, self.udp, self.sms)

    def names(self):
        return [name for name, _ in self.events]

    async def idle(self, limit_s=1200):
        """Wait until both links have nothing to do."""
        for _ in range(limit_s * 10):
            await asyncio.sleep_ms(100)
            if not self.udp.busy and not self.sms.busy:
                return
        raise AssertionError("busy after %d s: %s" % (limit_s, self.events[-5:]))

    async def sent(self, data, limit_s=1200):
        """Send to the server and wait until it is there."""
        self.udp.send(data, SERVER)
        await self.idle(limit_s)
        await asyncio.sleep_ms(1000)
        return [d for d, _ in self.at_server].count(data)


def each(play, kinds=KINDS, **options):
    async def go(kind):
        await play(Bench(kind, **options))

    for kind in kinds:
        gc.collect()
        virtual_time.run(go(kind))
