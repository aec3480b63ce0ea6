"""A SIM7000 without CoAP or LwM2M: a datagram out, datagrams and text messages in. It needs the
package `modem` and nothing else of Nudge:

    mpremote mip install github:ORG/REPO/firmware/modem.json
    mpremote cp main.py :main.py

The pins are those of a LilyGO T-SIM7000G. `modem.sim800.Sim800` and `modem.sim7080.Sim7080` take
the place of `Sim7000`.
"""

import asyncio
import time

import machine
from modem.at import ModemError
from modem.sim7000 import Sim7000
from modem.sms import SmsLink
from modem.udp import UdpLink

TX, RX, PWRKEY, DTR = 27, 26, 4, 25  # GPIOs; PWRKEY is pressed by a high level
SETTINGS = {"apn": "internet", "pin": None, "baudrate": 115200}
HOST = "192.0.2.1"
PORT = 7
_BUFFER = 2048  # bytes


class Uart:
    """The modem's UART, as its driver wants it."""

    def __init__(self):
        self._uart = machine.UART(
            1, baudrate=SETTINGS["baudrate"], tx=TX, rx=RX, rxbuf=_BUFFER, txbuf=_BUFFER
        )
        self._stream = asyncio.StreamReader(self._uart)

    async def read(self):
        """Return what has come in, one byte at least."""
        return await self._stream.read(_BUFFER)

    def write(self, data):
        """Send `data`."""
        self._uart.write(data)

    def set_baudrate(self, baudrate):
        """Go on at another rate, in bit/s."""
        self._uart.init(baudrate=baudrate)


class Power:
    """The modem's power key and DTR, as its driver wants them."""

    def __init__(self):
        self._key = machine.Pin(PWRKEY, machine.Pin.OUT, value=0)
        self._dtr = machine.Pin(DTR, machine.Pin.OUT, value=0)

    async def pulse(self, duration_ms):
        """Press the key for `duration_ms`."""
        self._key.value(1)
        await asyncio.sleep_ms(duration_ms)
        self._key.value(0)

    def dtr(self, asleep):
        """Let the modem sleep, or wake it."""
        self._dtr.value(1 if asleep else 0)

    def can_sleep(self):
        """Tell that DTR is wired."""
        return True

    def can_switch(self):
        """Tell that the power key is wired."""
        return True

    def can_reset(self):
        """Tell that RST is not."""
        return False


class Clock:
    """Milliseconds since the start, which go on when MicroPython's ticks wrap, after 12 days."""

    def __init__(self):
        self._ticks = time.ticks_ms()
        self._ms = 0

    def now(self):
        """Return them."""
        ticks = time.ticks_ms()
        self._ms += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._ms


async def run(host=HOST, port=PORT):
    """Send a datagram, then print what comes in, for ever."""
    modem = Sim7000(Uart(), Power(), SETTINGS, print, Clock().now)
    udp = UdpLink(modem)
    udp.on_datagram = lambda data, peer, link: print("datagram", peer, bytes(data))
    sms = SmsLink(modem)
    sms.on_datagram = lambda data, sender, link: print("message", sender, bytes(data))
    try:
        await modem.up()
        await sms.drain()  # what has come before
    except ModemError as error:
        print(error)
        return
    udp.send(b"hello", (host, port))
    await modem.channel.watch()  # ends only by an error of what runs beside it


if __name__ == "__main__":
    asyncio.run(run())
