"""A modem made of a list of answers, for the tests of the driver: no behaviour of its own."""

import asyncio

from modem import frozen
from modem.sim7000 import Sim7000
from modem.sms import SmsLink
from modem.udp import UdpLink
from shim import virtual_time
from unit.modem.far_end import FarEnd


class Script(FarEnd):
    """The UART's far end.

    answers: {command: bytes, or a list of them of which the last one stays}. A command that is
    not listed is answered OK. `AT+CIPSEND=n,length` and `AT+CMGS=` are answered with a prompt,
    then with the answer "SEND". chunk: octets a read gives at most, 0 for all.
    """

    def __init__(self, answers=None, chunk=0):
        super().__init__()
        self.answers = {"SEND": b"\r\n0, SEND OK\r\n"}
        self.answers.update(answers or {})
        self.commands = []
        self.payloads = []
        self.chunk = chunk
        self.silent = False
        self.echo = False
        self._line = b""
        self._wanted = None

    def write(self, data):
        self._line += bytes(data)
        if self.silent:
            self._line = b""
        while self._line:
            if self._wanted is not None:
                if not self._payload():
                    return
                continue
            end = self._line.find(b"\r")
            if end < 0:
                return
            command = self._line[:end].decode()
            self._line = self._line[end + 1 :]
            self._command(command)

    def _payload(self):
        if self._wanted == 0:
            size = self._line.find(b"\x1a") + 1
            if self._line[:1] == b"\x1b":  # ESC: nothing is sent
                self._line = self._line[1:]
                self._wanted = None
                self.emit(b"\r\nOK\r\n")
                return True
        else:
            size = self._wanted if len(self._line) >= self._wanted else 0
        if not size:
            return False
        self.payloads.append(self._line[:size])
        self._line = self._line[size:]
        self._wanted = None
        self.emit(self._answer("SEND"))
        return True

    def _command(self, command):
        self.commands.append(command)
        if self.echo:
            self.emit(command.encode() + b"\r")
        if command == "ATE0":
            self.echo = False
        answer = self._answer(command)
        if answer is None and command.startswith("AT+CIPSEND="):
            self._wanted = int(command.split(",")[1])
            answer = b"\r\n> "
        elif answer is None and command.startswith("AT+CMGS="):
            self._wanted = 0
            answer = b"\r\n> "
        self.emit(b"\r\nOK\r\n" if answer is None else answer)

    def _answer(self, command):
        answer = self.answers.get(command)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer


class Store(Script):
    """A script whose SIM lists and deletes messages: `slots` is {index: (length, PDU in hex)}."""

    def __init__(self, slots, answers=None):
        super().__init__(answers)
        self.answers.pop("AT+CMGL=4", None)
        self.slots = slots

    def _answer(self, command):
        slots = self.slots
        if command == "AT+CMGL=4":
            lines = ["+CMGL: %d,0,,%d\r\n%s\r\n" % ((i,) + slots[i]) for i in sorted(slots)]
            return ("\r\n" + "".join(lines) + "\r\nOK\r\n").encode()
        if command == "AT+CMGD=1,1":
            slots.clear()
        elif command.startswith("AT+CMGD="):
            slots.pop(int(command[8:]), None)
        return super()._answer(command)


class Power:
    """Control lines that remember what was done to them."""

    def __init__(self, script=None, wired=True):
        self.script = script
        self.pulses = []
        self.levels = []
        self.wired = wired
        self.key = True
        self.rst = False
        self.resets = []
        self.on_pulse = self.on_reset = None

    async def pulse(self, duration_ms):
        self.pulses.append(duration_ms)
        if self.on_pulse:
            self.on_pulse()

    def dtr(self, asleep):
        self.levels.append(asleep)

    def can_sleep(self):
        return self.wired

    def can_switch(self):
        return self.key

    async def reset(self, duration_ms):
        self.resets.append(duration_ms)
        if self.on_reset:
            self.on_reset()

    def can_reset(self):
        return self.rst

    def ri(self):
        return None


SETTINGS = {
    "AT+IPR?": b"\r\n+IPR: 115200\r\n\r\nOK\r\n",
    "AT+CPIN?": b"\r\n+CPIN: READY\r\n\r\nOK\r\n",
    'AT+CPMS="SM","SM","SM"': b"\r\n+CPMS: 1,20,1,20,1,20\r\n\r\nOK\r\n",
    "AT+CGDCONT?": b'\r\n+CGDCONT: 1,"IP","iot.example","0.0.0.0",0,0\r\n\r\nOK\r\n',
    "AT+CREG?": b"\r\n+CREG: 0,1\r\n\r\nOK\r\n",
    "AT+CGREG?": b"\r\n+CGREG: 0,1\r\n\r\nOK\r\n",
    "AT+CEREG?": b"\r\n+CEREG: 0,5\r\n\r\nOK\r\n",
    "AT+CGATT?": b"\r\n+CGATT: 1\r\n\r\nOK\r\n",
    "AT+CIPSHUT": b"\r\nSHUT OK\r\n",
    "AT+CIFSR": b"\r\n10.64.3.9\r\n",
    'AT+CIPSTART=0,"UDP","203.0.113.9",5683': b"\r\nOK\r\n\r\n0, CONNECT OK\r\n",
    "AT+CIPCLOSE=0,1": b"\r\n0, CLOSE OK\r\n",
    "AT+CMGL=4": b"\r\nOK\r\n",
}
CONFIG = {"apn": "iot.example", "baudrate": 115200}
PEER = ("203.0.113.9", 5683)


def run(coroutine):
    """Run in virtual time."""
    return virtual_time.run(coroutine)


class Bench:
    """A driver and its links on a script."""

    def __init__(self, answers=None, driver=Sim7000, config=None, wired=True, slots=None):
        table = dict(SETTINGS)
        table.update(answers or {})
        self.script = Script(table) if slots is None else Store(slots, table)
        self.power = Power(wired=wired)
        settings = dict(CONFIG)
        settings.update(config or {})
        self.events = []
        self.modem = driver(self.script, self.power, settings, self._event, virtual_time.now_ms)
        self.udp = UdpLink(self.modem)
        self.sms = SmsLink(self.modem)
        self.got = []
        self.udp.on_datagram = self.sms.on_datagram = self._datagram

    def _event(self, name, facts):
        self.events.append((name, facts))

    def _datagram(self, data, peer, link):
        self.got.append((bytes(data), peer))

    def freeze(self):
        return frozen.freeze(self.modem, self.udp, self.sms)

    def thaw(self, record):
        frozen.thaw(record, self.modem, self.udp, self.sms)

    def names(self):
        return [name for name, _ in self.events]

    async def idle(self):
        for _ in range(50_000):
            await asyncio.sleep_ms(100)
            if not self.udp.busy and not self.sms.busy:
                return
        raise AssertionError("still busy")

    async def send(self, data=b"x", peer=PEER):
        self.udp.send(data, peer)
        await self.idle()
