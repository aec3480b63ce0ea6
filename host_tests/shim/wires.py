"""The wires of a simulated board that runs in a process of its own: frames over a loopback socket.

A frame is a kind (one byte), a length (two bytes, big endian) and that many bytes. Out of the
board: `U` UART bytes, `B` the UART's rate (four bytes), `P` pin and level, `M` RTC memory, `W` the
watchdog is fed (milliseconds until it bites, four bytes), `H` halt (JSON). Into it: `U`, `P`, `V`
pin and microvolts (four bytes), `T` pin and what a temperature probe on it says (JSON: °C or
null), `S` that all of these have been told of, `C` one console line.
"""

import asyncio
import json
import sys

import board
import machine
from micropython import const

_CONSOLE_LINES = const(32)
_ROOM_CELSIUS = 21.5


class Wires:
    """The `machine.host` of a board in its own process; `open` it before the firmware starts."""

    def __init__(self, reset_cause: int, wake_reason: int, memory: bytes):
        self.reset_cause = reset_cause
        self.wake_reason = wake_reason
        self.datetime = None
        self._memory = memory
        self._levels = {}
        self._microvolts = {}
        self._celsius = {}
        self._lines = []
        self._line = asyncio.Event()
        self._reader = self._writer = None
        self._wake_pin = None  # of a light sleep, -1 for none; None: the chip runs
        self._by_pin = False
        self._woken = asyncio.Event()

    async def open(self, port: int) -> None:
        """Connect to the bench on loopback `port`, and learn what is on the pins."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        while await self._frame() != b"S":
            pass

    async def run(self) -> None:
        """Take in frames until the bench goes away, which ends the board as a power cut does."""
        while True:
            await self._frame()

    async def _frame(self):
        try:
            head = await self._reader.readexactly(3)
            body = await self._reader.readexactly(head[1] << 8 | head[2])
        except (EOFError, OSError):
            sys.exit(3)
        self._take(head[:1], body)
        return head[:1]

    def _take(self, kind, body):
        if kind == b"U" and self._wake_pin is None:
            for uart in machine.uarts:
                uart.receive(body)
        elif kind == b"U":
            self._low(board.UART["rx"])  # a start bit; what is sent is lost
        elif kind == b"P":
            self._levels[body[0]] = body[1]
            if not body[1]:
                self._low(body[0])
            if self._wake_pin is None:
                machine.edge(body[0])
            elif machine.contact == (body[0], body[1]):
                self._woken.set()
        elif kind == b"V":
            self._microvolts[body[0]] = int.from_bytes(body[1:5], "big")
        elif kind == b"T":
            self._celsius[body[0]] = json.loads(body[1:])
        elif kind == b"C" and len(self._lines) < _CONSOLE_LINES:
            self._lines.append(body)
            self._line.set()
            self._woken.set()

    def _low(self, pin):
        if pin == self._wake_pin:
            self._by_pin = True
            self._woken.set()

    async def light_sleep(self, duration_ms, wake_pin) -> bool:
        """Stand in for node/hw.py's `light_sleep`: a console line wakes too, as a button would."""
        self._wake_pin = -1 if wake_pin is None else wake_pin
        self._by_pin = self._levels.get(wake_pin, 1) == 0
        self._woken.clear()
        contact = machine.contact
        moved = contact is not None and self.pin_read(contact[0]) == contact[1]
        try:
            if not self._by_pin and not moved:
                await asyncio.wait_for_ms(self._woken.wait(), duration_ms)
        except asyncio.TimeoutError:
            pass  # the time is over
        self._wake_pin = None
        return self._by_pin

    def watchdog(self, timeout_ms):
        """Have the bench reset the board when this does not come again in time."""
        self._send(b"W", timeout_ms.to_bytes(4, "big"))

    def _send(self, kind, body):
        self._writer.write(kind + len(body).to_bytes(2, "big") + body)

    async def readline(self) -> bytes:
        """Return the next console line."""
        while not self._lines:
            self._line.clear()
            await self._line.wait()
        return self._lines.pop(0)

    @property
    def memory(self) -> bytes:
        """RTC memory, which the bench keeps while this process sleeps."""
        return self._memory

    @memory.setter
    def memory(self, data):
        self._memory = data
        self._send(b"M", data)

    def uart_rate(self, baudrate):
        """The UART runs at another rate."""
        self._send(b"B", baudrate.to_bytes(4, "big"))

    def uart_write(self, data):
        """UART bytes leave the board."""
        self._send(b"U", data)

    def pin_write(self, number, level):
        """A pin is driven."""
        self._send(b"P", bytes((number, level)))

    def pin_read(self, number) -> int:
        """Return the level that the bench last put on a pin; lines rest high."""
        return self._levels.get(number, 1)

    def adc_uv(self, number) -> int:
        """Return the voltage that the bench last put on a pin."""
        return self._microvolts.get(number, 0)

    def celsius(self, number) -> "float | None":
        """Return what the probe on a pin measures; None where it does not answer."""
        return self._celsius.get(number, _ROOM_CELSIUS)

    def halt(self, kind, duration_ms, wake_pin):
        """Tell the bench how the run ended, and end the process as the chip would stop."""
        body = {"kind": kind, "duration_ms": duration_ms, "wake_pin": wake_pin}
        if machine.contact and kind == "deepsleep":
            body["contact"] = machine.contact
        self._send(b"H", json.dumps(body).encode())
        sys.exit(0)
