"""python -m tools.device --uart: the firmware against a modem that another program plays."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
import serial
from programs.program import TIMEOUT_S, Program

from tools import build
from tools.server import running
from tools.uart_port import FarModem, PortError

_NUMBER = "+447700900456"
_SERVER_NUMBER = "+447700900123"
_SITE = (
    "--endpoint", "sensor", "--object", "3303", "--sms-number", _NUMBER,
    "--server-number", _SERVER_NUMBER, "--queue", "--awake-time", "2",
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _built():
    """Compile before the clock of a test runs."""
    build.build()


async def _desk(scenario, where, link="sim7000", modem=(), board=()):
    """Play a scenario with a server, a virtual modem in one program and a board in another."""
    modems = []

    async def send_sms(number, user_data, dcs, udh):
        modems[0].command(
            **{"do": "sms", "from": _SERVER_NUMBER, "data": user_data.hex(), "udh": udh.hex()}
        )

    async with running("127.0.0.1", 0, awake_s=2, send_sms=send_sms) as server:
        uri = f"coap://127.0.0.1:{server.port}"
        kind = {"sim7000": "sim7000g", "sim800": "sim800l", "sim7080": "sim7080g"}[link]
        try:
            # The board's process hears the far end at 115200 baud, in wall time: no quicker modem.
            modems.append(
                await Program.start("tools.modem", where, "--type", kind, "--speed", "10", *modem)
            )
            _, listening = await modems[0].event("listening")
            modems.append(
                await Program.start(
                    "tools.device", "--server", uri, "--uart", listening["uart"], "--link", link,
                    *_SITE, *board,
                )
            )  # fmt: skip
            await scenario(modems[1], modems[0], server)
            for program in reversed(modems):
                assert await program.quit() == 0
        finally:
            for program in modems:
                await program.kill()


async def _asleep_and_triggered(device, modem, server):
    """Register, read, sleep; a trigger SMS wakes the board by its RX pin; read again."""
    at, _ = await device.event("registered")
    result = await server.read("sensor", "/3303/0/5700")
    assert result.ok
    at, sleeping = await device.event("sleeping", at)
    assert sleeping["pin"] == 26  # RX: neither port has RI
    at, _ = await device.event("halted", at, kind="deepsleep")
    reading = asyncio.ensure_future(server.read("sensor", "/3303/0/5700"))
    await server.trigger("sensor")
    at, _ = await device.event("woken", at, by="pin")
    at, booted = await device.event("booted", at, clean=False)
    await device.event("trigger", at)
    assert (await asyncio.wait_for(reading, TIMEOUT_S)).ok


@pytest.mark.parametrize("link", ["sim7000", "sim800", "sim7080"])
def test_over_tcp(link):
    """README, "A real modem": the modem answers on a TCP port; no line but RX and TX is there."""
    asyncio.run(_desk(_asleep_and_triggered, "tcp:127.0.0.1:0", link))


def test_over_a_pseudo_terminal(tmp_path):
    """README, "A real modem": the same over a pseudo-terminal, with the SIM's PIN."""

    async def scenario(device, modem, server):
        assert os.path.islink(tmp_path / "modem")
        await _asleep_and_triggered(device, modem, server)

    site = ("--runtime", "cpython")
    asyncio.run(_desk(scenario, f"pty:{tmp_path}/modem", board=site))
    assert not os.path.lexists(tmp_path / "modem")


def test_what_needs_a_virtual_modem_is_refused():
    """DESIGN §6: a fault or an SMS for a modem that is not virtual gets the reason."""

    async def scenario(device, modem, server):
        for command in (
            {"do": "fault", "name": "reset"},
            {"do": "sms", "from": "1", "data": "00"},
        ):
            answer = await device.answer(**command)
            assert answer["event"] == "error", answer
            assert answer["reason"].endswith("is not a virtual one"), answer
        assert (await modem.answer(do="fault", name="pdp"))["reason"] == "fault: no 'pdp'"
        answer = await modem.answer(do="fault", name="urc", value="RING", at="ok")
        assert answer["event"] == "ok", answer
        assert (await modem.answer(do="dance"))["reason"].startswith("no such command")
        await device.event("registered")

    asyncio.run(_desk(scenario, "tcp:127.0.0.1:0"))


def test_a_far_end_that_goes_and_comes():
    """tools/uart_port.py: the board hears nothing until the far end is there again."""

    async def main():
        events, heard = [], []
        news = asyncio.Event()

        def on_event(name, facts):
            events.append((name, facts))
            news.set()

        async def until(ready):
            async with asyncio.timeout(TIMEOUT_S):
                while not ready():
                    news.clear()
                    await news.wait()

        writers = []

        async def serve(reader, writer):
            writers.append(writer)
            writer.write(b"RDY")
            news.set()

        def output(data):
            heard.append(data)
            news.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        far = FarModem(f"tcp:127.0.0.1:{port}", 115200, on_event)
        far.on_output = output
        await far.open()
        await until(lambda: heard == [b"RDY"])
        server.close()
        writers[0].close()
        await until(lambda: events)
        name, facts = events[0]
        assert name == "error"
        assert facts["reason"] == f"tcp:127.0.0.1:{port}: closed by the far end; looking for it"
        far.write(b"AT\r")  # lost
        server = await asyncio.start_server(serve, "127.0.0.1", port)
        await until(lambda: events[1:] == [("uart", {"port": far.where, "state": "back"})])
        await until(lambda: len(heard) == 2)
        far.close()
        server.close()

    asyncio.run(main())


def test_the_rate_reaches_a_serial_port():
    """UART7000 §2: the board's rate is the port's; a pseudo-terminal keeps what it was told."""
    import termios

    async def main():
        ours, theirs = os.openpty()
        far = FarModem("pty:" + os.ttyname(theirs), 9600, print)
        await far.open()
        assert termios.tcgetattr(theirs)[4] == termios.B9600
        assert not far.has_dtr and not far.has_ri
        far.set_baud(57600)
        assert termios.tcgetattr(theirs)[4] == termios.B57600
        far.dtr(True)  # no such line
        far.write(b"AT\r")
        assert os.read(ours, 9) == b"AT\r"
        try:
            await FarModem("pty:" + os.ttyname(theirs), 9600, print).open()
        except PortError as error:
            assert str(error).endswith(": in use by another program"), error
        else:
            raise AssertionError("opened twice")
        far.close()
        os.close(ours)
        os.close(theirs)

    asyncio.run(main())


class _Serial:
    """A serial port with all its lines, as pyserial has it."""

    made = []

    def __init__(self):
        self.in_waiting = 0
        self.port = self.baudrate = self.timeout = self.write_timeout = self.exclusive = None
        self.dtr = self.ri = False
        self.written = b""
        self.input = b""
        self.gone = False
        self.made.append(self)

    def open(self):
        if self.gone:
            raise serial.SerialException(2, "could not open port")

    def read(self, count):
        time.sleep(0.01)
        if self.gone:
            raise serial.SerialException("device reports readiness to read but returned no data")
        data, self.input = self.input, b""
        return data

    def write(self, data):
        self.written += data

    def close(self):
        pass


def test_lines_of_a_serial_port(monkeypatch):
    """HW7000 3.4: DTR high lets the modem sleep, RI low is a message; asserted lines are low."""

    async def main():
        events, levels, heard = [], [], []
        far = FarModem("/dev/ttyUSB7", 9600, lambda name, facts: events.append((name, facts)))
        far.on_output, far.on_ri = heard.append, levels.append
        await far.open()
        port = _Serial.made[0]
        assert (port.port, port.baudrate, port.exclusive) == ("/dev/ttyUSB7", 9600, True)
        assert far.has_dtr and far.has_ri and port.dtr is True
        far.dtr(True)
        assert port.dtr is False
        far.write(b"AT")
        far.set_baud(57600)
        assert (port.written, port.baudrate) == (b"AT", 57600)
        port.ri, port.input = True, b"RING"
        await _until(lambda: levels == [False] and heard == [b"RING"])
        port.ri = False
        await _until(lambda: levels == [False, True])
        port.gone = True
        await _until(lambda: events)
        assert events == [("error", {"reason": "/dev/ttyUSB7: gone; looking for it"})]
        await _until(lambda: len(events) == 2)
        again = _Serial.made[-1]
        assert (again.baudrate, again.dtr) == (57600, False)  # as the board had left them
        far.close()
        wired = FarModem("/dev/ttyUSB7", 9600, print, ("dtr",))
        await wired.open()
        assert wired.has_dtr and not wired.has_ri
        wired.close()

    async def _until(ready):
        async with asyncio.timeout(TIMEOUT_S):
            while not ready():
                await asyncio.sleep(0.01)

    _Serial.made.clear()
    monkeypatch.setattr("tools.uart_port.serial.Serial", _Serial)
    asyncio.run(main())


_BASE = ("--server", "coap://127.0.0.1:9", "--link", "sim7000")


@pytest.mark.parametrize(
    "code, arguments, line",
    [
        (2, ("--uart", "udp:x:1"), "argument --uart: 'udp:x:1' is not allowed; use tcp:HOST:PORT"),
        (2, ("--uart", "tcp:host"), "argument --uart: 'tcp:host' is not allowed; use tcp:HOST"),
        (2, ("--uart", "tcp:host:70000"), "argument --uart: 'tcp:host:70000' is not allowed"),
        (2, ("--uart", "pty:"), "argument --uart: 'pty:' is not allowed; use pty:PATH"),
        (2, ("--uart", "tcp:h:1", "--baud", "5"), "argument --baud: '5' is not allowed"),
        (2, ("--uart", "tcp:h:1", "--lines", "cts"), "argument --lines: 'cts' is not allowed"),
        (2, ("--uart", "tcp:h:1", "--link", "udp"), "--uart: needs --link sim800, sim7000 or"),
        (2, ("--uart", "tcp:h:1", "--trace"), "--trace: not with --uart"),
        (2, ("--uart", "tcp:h:1", "--modem-speed", "3"), "--modem-speed: not with --uart"),
        (2, ("--lines", "dtr"), "--lines: needs --uart"),
        (1, ("--uart", "tcp:no.such.invalid:7"), "tcp:no.such.invalid:7: no such host"),
        (1, ("--uart", "tcp:127.0.0.1:1"), "tcp:127.0.0.1:1: Connection refused"),
        (1, ("--uart", "/dev/nowhere"), "/dev/nowhere: no such port"),
        (1, ("--uart", "pty:/dev/null"), "pty:/dev/null: not a serial port"),
        (1, ("--uart", "COM77"), "COM77: no such port"),
    ],
)
def test_wrong_arguments(code, arguments, line):
    """DESIGN §6: one clear line that names what is wrong; code 2, or 1 for what is not there."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.device", *_BASE, *arguments],
        text=True,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.stderr.removeprefix("python -m tools.device: ").startswith(line), done.stderr
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, "")


@pytest.mark.parametrize(
    "code, arguments, line",
    [
        (2, ("serial:x",), "argument where: 'serial:x' is not allowed; use tcp:HOST:PORT or pty:"),
        (2, ("tcp:h:1", "--type", "sim900"), "argument --type: modem: 'sim900' is not one of"),
        (1, ("tcp:127.0.0.1:{port}",), "tcp:127.0.0.1:{port}: "),
        (1, ("pty:/dev/null",), "pty:/dev/null: there is such a file, and it is no link"),
        (1, ("pty:/nowhere/x",), "pty:/nowhere/x: No such file or directory"),
    ],
)
def test_wrong_arguments_of_the_modem(code, arguments, line):
    """DESIGN §6: a port in use, a path that is taken: one line."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "tools.modem", *(each.format(port=port) for each in arguments)],
            text=True,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    said = done.stderr.removeprefix("python -m tools.modem: ")
    assert said.startswith(line.format(port=port)), done.stderr
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, "")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_no_folder_is_left(number, tmp_path):
    """README, "A simulated board": the end of its terminal ends a board as `quit` does."""

    async def main():
        device = await Program.start(
            "tools.device", "--server", "coap://127.0.0.1:9", "--endpoint", "sensor",
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        try:
            await device.event("booted")
            assert list(tmp_path.glob("nudge-board-*"))
            device.signal(number)
            assert await device.ended() == 0
            assert not list(tmp_path.iterdir())
        finally:
            await device.kill()

    asyncio.run(main())
