"""A simulated board on a desk, with the modem it needs and the commands that its user gives it."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from pathlib import Path

from boards.host import board as wiring
from tools.board import HEAP_K, SimulatedBoard
from tools.cellular import PERSONALITIES, SIM_NUMBER, Cellular
from tools.virtual.sms_pdu import PduError

_BOARD = """# The lines of this board: those that its modem's port has.
UART = %r
PINS = %r
"""


class Bench:
    """A simulated board with, where its link is a modem, a virtual modem on a virtual network.

    `site` is a checked configuration, `application` the path of an app.py or None. `far` is a
    tools.uart_port.FarModem, opened, for a board whose modem somebody else plays. `prompt`: the
    board's prompt is on this process's terminal.
    `on_event(source, name, facts)` is called with source "device", "bench", "modem" or "network".
    It must be made on a running event loop.
    """

    def __init__(
        self,
        site: dict,
        on_event,
        runtime: str = "micropython",
        application=None,
        nat_timeout_s: "float | None" = 60,
        modem_speed: float = 1.0,
        sim_number: str = SIM_NUMBER,
        heap_k: int = HEAP_K,
        routes=None,
        pin="1234",
        far=None,
        prompt=False,
    ):
        self._on_event = on_event
        self._sms_door = None
        self._folder = Path(tempfile.mkdtemp(prefix="nudge-board-"))
        (self._folder / "site.json").write_text(json.dumps(site))
        if application:
            shutil.copy(application, self._folder / "app.py")
        self.network = self.modem = self._cellular = lines = None
        self.sim_number = sim_number
        self._far = far
        if far:
            lines = _wiring(far)
            (self._folder / "board.py").write_text(_BOARD % (lines.UART, lines.PINS))
        elif site["link"] != "udp":
            self._cellular = Cellular(
                PERSONALITIES[site["link"]],
                sim_number,
                on_event,
                nat_timeout_s,
                modem_speed,
                routes,
                pin,
            )
            self.network, self.modem = self._cellular.network, self._cellular.modem
        self.board = SimulatedBoard(
            self._folder, self._board_event, runtime, far or self.modem, heap_k, lines, prompt
        )

    async def start(self) -> None:
        """Switch the board on."""
        await self.board.power_on()

    async def open_sms_port(self, port: int, number: str) -> None:
        """Put a modem with `number` on the network, which answers AT commands on a loopback TCP
        port.

        Raises OSError when the port cannot be bound.
        """
        modem = self._cellular.another(number)

        async def serve(reader, writer):
            def told(data):
                if not writer.is_closing():
                    writer.write(bytes(data))

            modem.on_output = told
            modem.dtr(False)
            with contextlib.suppress(asyncio.CancelledError):  # the board's end while it is open
                while data := await reader.read(512):
                    modem.write(data)
            writer.close()

        self._sms_door = await asyncio.start_server(serve, "127.0.0.1", port)

    async def stop(self) -> None:
        """Switch everything off and remove the board's file system."""
        await self.board.power_off()
        if self._sms_door:
            self._sms_door.close()
        if self._cellular:
            self._cellular.close()
        if self._far:
            self._far.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _board_event(self, name, facts):
        source = "bench" if name in ("woken", "halted", "output", "pin") else "device"
        self._on_event(source, name, facts)

    async def command(self, line: str) -> bool:
        """Carry out one command line; return False when it was `quit`."""
        try:
            command = json.loads(line)
            what = command["do"]
            if not isinstance(what, str):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            self._error(None, f'not a command: {line.strip()[:60]}; use {{"do": …}}')
            return True
        if what == "quit":
            return False
        action = {
            "sms": self._sms,
            "adc": self._adc,
            "pin": self._pin,
            "probe": self._probe,
            "fault": self._fault,
            "gnss": self._gnss,
            "power_cycle": self._power_cycle,
        }.get(what)
        if action is None:
            self.board.command(line.strip())
            return True
        try:
            await action(command)
        except KeyError as error:
            self._error(command, f"{error} is missing")
        except (ValueError, TypeError, AttributeError, PduError) as error:
            self._error(command, str(error))
        else:
            self._answer("ok", command, {})
        return True

    def _answer(self, name, command, facts):
        about = {key: command[key] for key in ("do", "id") if command and key in command}
        self._on_event("bench", name, {**about, **facts})

    def _error(self, command, reason):
        self._answer("error", command, {"reason": reason})

    def _virtual(self):
        if self._far:
            raise ValueError(f"the modem at {self._far.where} is not a virtual one")
        if self._cellular is None:
            raise ValueError("this board has no modem; use --link sim800, sim7000 or sim7080")
        return self._cellular

    async def _sms(self, command):
        self._virtual().sms(command)

    async def _fault(self, command):
        self._virtual().fault(command)

    async def _gnss(self, command):
        self._virtual().gnss(command)

    async def _adc(self, command):
        self.board.set_analog(int(command["pin"]), int(command["microvolts"]))

    async def _pin(self, command):
        self.board.set_level(int(command["pin"]), int(command["level"]))

    async def _probe(self, command):
        celsius = command["celsius"]
        self.board.set_temperature(
            int(command["pin"]), None if celsius is None else float(celsius)
        )

    async def _power_cycle(self, command):
        await self.board.power_cycle()


class _Wires:
    """What a board's module has."""

    def __init__(self, uart, pins):
        self.UART = uart
        self.PINS = pins


def _wiring(far):
    """The lines of the simulated board that lead to a modem outside: no power key."""
    pins = {**wiring.PINS, "pwrkey": None}
    for line, there in (("dtr", far.has_dtr), ("ri", far.has_ri)):
        if not there:
            pins[line] = None
    return _Wires(wiring.UART, pins)
