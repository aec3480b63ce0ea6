"""A simulated ESP32 board: the firmware in a process of its own, with its pins, UART and power
here.

The process runs the real firmware on real MicroPython (from .mpy, in an ESP32-sized heap) or on
CPython. Deep sleep ends it; the bench keeps RTC memory and starts it again when the timer runs
out, the armed pin goes low or a contact moves, with the wake reason that an ESP32 would give.
"""

import asyncio
import functools
import json
import os
import sys
import time
from pathlib import Path

from tools import build

ROOT = build.ROOT
# What an ESP32 without PSRAM has for Python beside its UART's buffers (tools/bench/README.md).
HEAP_K = 144
POWER_ON, HARD_RESET, WATCHDOG, DEEP_SLEEP = 1, 2, 3, 4
WOKEN_BY_PIN, WOKEN_BY_CONTACT, WOKEN_BY_TIMER, WOKEN_BY_GPIO = 2, 3, 4, 7
RESTART_PAUSE_S = 0.1
CRASHES_MAX = 5  # in a row, without a registration or a sleep between them
_STOP_TIMEOUT_S = 5
_PIPES = {
    "stdin": asyncio.subprocess.DEVNULL,
    "stdout": asyncio.subprocess.PIPE,
    "stderr": asyncio.subprocess.STDOUT,
    "limit": 1 << 20,
}


async def _nothing():
    """Yield no line of a process whose output goes to the terminal."""
    for line in ():
        yield line


@functools.cache
def _build():
    """Compile the firmware, once for all boards of a process."""
    build.build()


class SimulatedBoard:
    """One board on the bench.

    `folder` is its file system: site.json, and app.py where it runs an application.
    `on_event(name, facts)` takes the firmware's events, and the bench's own: `woken`, `halted`,
    `output`, `pin`. `modem` is a virtual modem (tools/virtual/modem.py), a port that leads to
    another one (tools/uart_port.py), or None. `wiring` is the board's module, UART and PINS, where
    it is not boards/host/board.py; `folder` then has it as board.py. With `prompt` the board's own
    prompt is on the terminal of this process, where its events go, too; its end there is `left`.
    """

    def __init__(
        self,
        folder: Path,
        on_event,
        runtime: str = "micropython",
        modem=None,
        heap_k: int = HEAP_K,
        wiring=None,
        prompt: bool = False,
    ):
        self.folder = Path(folder)
        self._prompt = prompt
        self.awake_ms = 0.0
        self.boots = 0
        self._crashes = 0
        self._on_event = on_event
        self._runtime = runtime
        self._modem = modem
        self._heap_k = heap_k
        self._memory = b""
        self._server = self._process = self._writer = None
        self._wake_pin = None
        self._timer = self._dog = None
        self._halt = None
        self._falling_asleep = False  # or awake for a contact alone: no command is read
        self._pin_was_low = False  # after the chip had stopped, before its process had ended
        self._unplugged = asyncio.Event()
        self._stopping = False
        self._levels = {}
        self._microvolts = {}
        self._celsius = {}
        self._outputs = {}  # levels that the firmware drives
        self._contact = None  # (pin, level) that ends the deep sleep
        self._pending_lines = []
        self._tasks = set()
        self.ended = asyncio.Event()
        from boards.host import board

        self._wiring = wiring or board
        if modem is not None:
            modem.on_output = self._modem_output
            modem.on_ri = self._ri

    @property
    def running(self) -> bool:
        """Whether the firmware's process runs; it does not in deep sleep."""
        return self._process is not None

    async def power_on(self) -> None:
        """Connect the battery: the firmware starts with RTC memory empty."""
        if self._runtime == "micropython":
            _build()
            self._load_firmware()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._memory = b""
        await self._start(POWER_ON, 0)

    async def power_off(self) -> None:
        """Cut the power and end the process."""
        await self._cut()
        for task in list(self._tasks):
            task.cancel()
        if self._server:
            self._server.close()

    async def power_cycle(self) -> None:
        """Take the battery off and on again: RTC memory is lost, the modem is left as it is."""
        await self._cut()
        self._stopping = False
        self._memory = b""
        await self._start(POWER_ON, 0)

    def command(self, line: str) -> None:
        """Give the firmware's console one line; a sleeping board is woken as by a button."""
        self._pending_lines.append(line)
        if self._falling_asleep:
            return  # this run reads nothing more; _sleep wakes the next one for it
        if self.running:
            self._flush_lines()
        else:
            self._wake(WOKEN_BY_GPIO, "console")

    def set_analog(self, pin: int, microvolts: int) -> None:
        """Put a voltage on an analog input; raises ValueError for an impossible one."""
        if not 0 <= pin <= 39:
            raise ValueError(f"pin {pin} is not 0 to 39")
        if not 0 <= microvolts <= 5_000_000:
            raise ValueError(f"{microvolts} microvolts are not 0 to 5000000")
        self._microvolts[pin] = microvolts
        self._send(b"V", bytes((pin,)) + microvolts.to_bytes(4, "big"))

    def set_level(self, pin: int, level: int) -> None:
        """Put a level on a pin, 0 or 1; a board that is armed with it wakes. Raises ValueError for
        an impossible one, and for a pin that the board itself drives or its modem does.
        """
        if not 0 <= pin <= 39:
            raise ValueError(f"pin {pin} is not 0 to 39")
        if level not in (0, 1):
            raise ValueError(f"level {level} is not 0 or 1")
        lines = {name: number for name, number in self._wiring.PINS.items() if "_" not in name}
        if self._modem and pin in (self._wiring.UART["rx"], *lines.values()):
            raise ValueError(f"pin {pin} leads to the modem")
        if self._levels.get(pin, 1) == level:
            return
        self._levels[pin] = level
        self._send(b"P", bytes((pin, level)))
        if (pin, level) == self._contact:
            self._wake(WOKEN_BY_CONTACT, "contact")

    def set_temperature(self, pin: int, celsius: "float | None") -> None:
        """Say what a temperature probe on a pin measures; None takes it away. Raises ValueError
        for what none measures.
        """
        if not 0 <= pin <= 39:
            raise ValueError(f"pin {pin} is not 0 to 39")
        if celsius is not None and not -55 <= celsius <= 125:
            raise ValueError(f"{celsius} °C are not -55 to 125")
        self._celsius[pin] = celsius
        self._send(b"T", bytes((pin,)) + json.dumps(celsius).encode())

    async def _cut(self):
        self._stopping = True
        if self._timer:
            self._timer.cancel()
        if self._process:
            self._process.kill()
            await asyncio.wait_for(self.ended.wait(), _STOP_TIMEOUT_S)

    async def _start(self, cause, reason):
        self.boots += 1
        port = self._server.sockets[0].getsockname()[1]
        memory_file = self.folder / ".rtc_memory"
        memory_file.write_bytes(self._memory)
        self._wake_pin = self._contact = None
        self._pin_was_low = False
        self._falling_asleep = reason == WOKEN_BY_CONTACT
        self.ended.clear()
        self._unplugged.clear()
        self._halt = None
        pipes = {} if self._prompt else _PIPES
        self._process = await asyncio.create_subprocess_exec(
            *self._command_line(port, cause, reason, memory_file),
            cwd=self.folder,
            env=self._environment(),
            **pipes,
        )
        self._keep(self._watch(self._process))

    def _command_line(self, port, cause, reason, memory_file):
        arguments = [str(port), str(cause), str(reason), str(memory_file)]
        if self._runtime == "micropython":
            return [
                build.interpreter(),
                "-X",
                f"heapsize={self._heap_k}wK",
                *(("-i", "-m", "shim.prompt") if self._prompt else ("-m", "shim.boot")),
                *arguments,
            ]
        return [sys.executable, "-m", "shim.boot", *arguments]

    def _load_firmware(self):
        """Put the firmware on the board's file system: MicroPython keeps the path of each module,
        and a board's are short.
        """
        for source in (ROOT / "build/firmware").iterdir():
            target = self.folder / source.name
            if not target.is_symlink():
                target.symlink_to(source)

    def _environment(self):
        base = ROOT / "build" if self._runtime == "micropython" else ROOT
        paths = [
            "" if self._runtime == "micropython" else self.folder,
            base / "firmware",
            base / "boards/host",
            base / "host_tests/shim",
            base / "host_tests",
        ]
        joined = ":".join(str(path) for path in paths)
        if self._runtime == "micropython":
            return {"MICROPYPATH": joined + ":.frozen"}
        return {**os.environ, "PYTHONPATH": joined, "PYTHONDONTWRITEBYTECODE": "1"}

    async def _watch(self, process):
        """Take the process's output to its end, then decide what its end was."""
        started = time.monotonic()
        async for raw in process.stdout or _nothing():
            self._line(raw.decode(errors="replace").rstrip("\n"))
        code = await process.wait()
        try:
            # What the board sent last may still be on its way when the process has ended.
            await asyncio.wait_for(self._unplugged.wait(), _STOP_TIMEOUT_S)
        except asyncio.TimeoutError:
            self._on_event("error", {"reason": "the firmware never reached its bench"})
        self.awake_ms += (time.monotonic() - started) * 1000
        halt, self._halt = self._halt, None
        if self._dog:
            self._dog.cancel()
        self._falling_asleep = False
        self._process = self._writer = None
        self.ended.set()
        if self._stopping:
            return
        if self._prompt and halt is None:
            self._on_event("left", {"code": code})
            return
        if halt is None:
            self._on_event("error", {"reason": f"the firmware ended with exit code {code}"})
            self._crashes += 1
            if self._crashes >= CRASHES_MAX:
                self._on_event("error", {"reason": f"{CRASHES_MAX} crashes in a row; left off"})
                return
            halt = {"kind": "reset", "duration_ms": None, "wake_pin": None}
        self._on_event("halted", halt)
        if halt["kind"] != "deepsleep":
            self._wake(0, halt["kind"], WATCHDOG if halt["kind"] == "watchdog" else HARD_RESET)
            return
        self._crashes = 0
        self._sleep(halt)

    def _sleep(self, halt):
        self._wake_pin = halt["wake_pin"]
        if "contact" in halt:
            self._contact = tuple(halt["contact"])
        if self._pending_lines:
            self._wake(WOKEN_BY_GPIO, "console")
        elif self._wake_pin is not None and (
            self._pin_was_low or self._levels.get(self._wake_pin, 1) == 0
        ):
            self._wake(WOKEN_BY_PIN, "pin")
        elif self._contact and self._levels.get(self._contact[0], 1) == self._contact[1]:
            self._wake(WOKEN_BY_CONTACT, "contact")
        elif halt["duration_ms"] is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(
                halt["duration_ms"] / 1000, self._wake, WOKEN_BY_TIMER, "timer"
            )

    def _wake(self, reason, word, cause=DEEP_SLEEP):
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._stopping or self.running or not self.ended.is_set():
            return
        self.ended.clear()
        self._on_event("woken", {"by": word})

        async def restart():
            if cause != DEEP_SLEEP:
                await asyncio.sleep(RESTART_PAUSE_S)
            await self._start(cause, reason)

        self._keep(restart())

    def _line(self, line):
        if line.startswith("{"):
            try:
                facts = json.loads(line)
                name = facts.pop("event")
            except (ValueError, KeyError):
                self._on_event("output", {"line": line})
                return
            if name == "sleeping":
                self._falling_asleep = True
            elif name == "booted":
                self._falling_asleep = False
                self._flush_lines()
            self._on_event(name, facts)
        elif line:
            self._on_event("output", {"line": line})

    async def _serve(self, reader, writer):
        self._writer = writer
        for pin, level in self._levels.items():
            self._send(b"P", bytes((pin, level)))
        for pin, microvolts in self._microvolts.items():
            self._send(b"V", bytes((pin,)) + microvolts.to_bytes(4, "big"))
        for pin, celsius in self._celsius.items():
            self._send(b"T", bytes((pin,)) + json.dumps(celsius).encode())
        self._send(b"S", b"")
        self._flush_lines()
        try:
            while True:
                head = await reader.readexactly(3)
                self._take(head[:1], await reader.readexactly(head[1] << 8 | head[2]))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        finally:
            self._unplugged.set()

    def _take(self, kind, body):
        if kind == b"M":
            self._memory = body
        elif kind == b"H":
            self._halt = json.loads(body)
        elif kind == b"W":
            if self._dog:
                self._dog.cancel()
            loop = asyncio.get_running_loop()
            self._dog = loop.call_later(int.from_bytes(body, "big") / 1000, self._bite)
        elif kind == b"P":
            self._driven(body[0], body[1])
        elif self._modem is None:
            return
        elif kind == b"U":
            self._modem.write(body)
        elif kind == b"B":
            self._modem.set_baud(int.from_bytes(body, "big"))

    def _driven(self, pin, level):
        """The firmware drives a pin: the modem's, or one that somebody wants to see."""
        pins = self._wiring.PINS
        if self._modem and pin == pins["pwrkey"]:
            self._modem.pwrkey(level == pins["pwrkey_pressed"])
        elif self._modem and pin == pins["dtr"]:
            self._modem.dtr(bool(level))
        elif self._outputs.get(pin) != level:
            self._outputs[pin] = level
            self._on_event("pin", {"pin": pin, "level": level})

    def _bite(self):
        """The watchdog was not fed in time: a hung process is beyond asking."""
        self._halt = {"kind": "watchdog", "duration_ms": None, "wake_pin": None}
        self._process.kill()

    def _modem_output(self, data):
        for start in range(0, len(data), 512):
            self._send(b"U", bytes(data[start : start + 512]))
        self._low(self._wiring.UART["rx"])  # a start bit is; what a sleeping chip gets is lost

    def _ri(self, level):
        pin = self._wiring.PINS["ri"]
        self._levels[pin] = 1 if level else 0
        self._send(b"P", bytes((pin, self._levels[pin])))
        if not level:
            self._low(pin)

    def _low(self, pin):
        """A pin is low: the chip wakes where it sleeps until this one is."""
        if self._halt and self._halt["wake_pin"] == pin:
            self._pin_was_low = True
        elif not self.running and self._wake_pin == pin:
            self._wake(WOKEN_BY_PIN, "pin")

    def _flush_lines(self):
        if self._writer is None or self._falling_asleep:
            return
        for line in self._pending_lines:
            self._send(b"C", line.encode())
        self._pending_lines.clear()

    def _send(self, kind, body):
        if self._writer is not None:
            self._writer.write(kind + len(body).to_bytes(2, "big") + body)

    def _keep(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
