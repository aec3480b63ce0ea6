"""The prompt of a live board, typed at on a pseudo-terminal (boards/REPL.md)."""

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import sys
import termios
import time

from programs.program import Program

from tools.server import running

_PROMPT = ">>> "
_INTERRUPT = "\x03"
_END = "\x04"
_TIMEOUT_S = 60
_APP = """
NODES = []

def setup(node):
    NODES.append(node)

def stick(function):
    NODES[-1].every(1_000, function)
    NODES[-1].stir()

def busy():
    print("at work")
    while True:
        pass

def bad():
    raise ValueError("what is wrong")
"""


class Terminal:
    """A simulated board whose prompt is on a pseudo-terminal, and what it shows."""

    def __init__(self, process, end):
        self._process = process
        self._end = end
        self._news = asyncio.Event()
        self.shown = ""
        asyncio.get_running_loop().add_reader(end, self._read)

    @classmethod
    async def open(cls, *arguments):
        ours, theirs = pty.openpty()

        def own():  # the terminal's Ctrl-C is to reach them
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tools.device", "--prompt", *arguments,
            stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=own,
        )  # fmt: skip
        os.close(theirs)
        return cls(process, ours)

    def _read(self):
        try:
            data = os.read(self._end, 4096)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._end)
        self.shown += data.decode(errors="replace").replace("\r", "")
        self._news.set()

    async def until(self, text, since=0):
        """Return what is shown up to a text, behind a place."""

        async def find():
            while text not in self.shown[since:]:
                self._news.clear()
                await self._news.wait()

        try:
            await asyncio.wait_for(find(), _TIMEOUT_S)
        except asyncio.TimeoutError:
            raise AssertionError(f"no {text!r} in\n{self.shown[-2000:]}") from None
        return self.shown[since : self.shown.index(text, since)]

    async def type(self, line, then=_PROMPT):
        """Type a line; return the lines that it brings, without its echo and the next prompt."""
        since = len(self.shown)
        os.write(self._end, line.encode() if line < " " else line.encode() + b"\r")
        brought = (await self.until(then, since)).split("\n")
        return [each for each in brought if each and each not in (line, "^C")]

    async def to_prompt(self):
        """Interrupt main.py, and have the functions."""
        told = await self.type(_INTERRUPT)
        assert "KeyboardInterrupt: " in told, told
        return await self.type("from node.repl import *")

    async def ended(self):
        return await asyncio.wait_for(self._process.wait(), _TIMEOUT_S)

    async def close(self):
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            await self._process.wait()
        asyncio.get_running_loop().remove_reader(self._end)
        os.close(self._end)


@contextlib.asynccontextmanager
async def _board(*arguments):
    terminal = await Terminal.open(*arguments)
    try:
        yield terminal
    finally:
        await terminal.close()


def _words(lines):
    return {re.split("  +", line)[0]: line for line in lines}


def test_a_person_at_the_prompt():
    """boards/REPL.md: every line of its map, and Ctrl-C at each place."""

    async def main():
        async with running("127.0.0.1", 0, awake_s=2) as server:
            about = ("--server", f"coap://127.0.0.1:{server.port}", "--endpoint", "probe-1")
            about += ("--link", "sim7000", "--modem-speed", "10", "--object", "3303")
            async with _board(*about) as board:
                await _person(board, server)

    asyncio.run(main())


async def _person(board, server):
    await board.until(" registered ")
    told = await board.to_prompt()
    assert told[0].startswith("start()") and len(told) == 10
    assert max(len(line) for line in told) <= 100
    assert await board.type("help()") == told
    told = await board.type("start()")
    assert " registered " in told[-1], told
    told = await board.type("state()")
    assert max(len(line) for line in told) <= 80, told
    facts = _words(told)
    assert facts["server 1"].startswith("server 1   registered, /rd/"), told
    assert "attached" in facts["modem"] and "Virtual" in facts["network"], told
    assert await board.type('at("AT+CSQ")') == ["+CSQ: 18,99", "OK"]
    assert await board.type('at("AT+NONE")') == ["ERROR"]
    assert " updated " in (await board.type("update()"))[-1]
    assert "value=85" in (await board.type('read("/3/0/9")'))[0]
    assert "does not exist" in (await board.type('read("/9/0/9")'))[0]
    assert "value=21.25" in (await board.type('do("set", path="/3303/0/5700", value=21.25)'))[0]
    # It works while `run` does: the server reads what was set.
    reading = asyncio.create_task(server.read("probe-1", "/3303/0/5700"))
    told = await board.type("run(2)")
    assert any("request" in line for line in told), told
    assert (await reading).value == 21.25
    # Ctrl-C in a pause leaves the node as it was.
    typing = asyncio.create_task(board.type("run()"))
    await asyncio.sleep(1)
    os.write(board._end, _INTERRUPT.encode())
    assert await typing == ["^Cinterrupted"]
    assert "registered" in _words(await board.type("state()"))["server 1"]
    assert await board.type('at("AT")') == ["OK"]
    told = await board.type("position(3)")
    assert "reason=no fix" in told[0], told
    assert (await board.type("at(5)"))[0].startswith("AttributeError")
    assert (await board.type("run(None)"))[0].startswith("TypeError")
    # An end that is meant: no crash is counted, and the node works by itself.
    told = await board.type("reboot()", " registered ")
    assert any("booted" in line and "crashes=0" in line for line in told), told
    told = await board.to_prompt()
    told = await board.type("state()")  # what is begun at the prompt is no reset either
    assert "crashes=0" in told[0] and "crashes" not in told[1], told
    await board.type("stop()")
    os.write(board._end, _END.encode())
    assert await board.ended() == 0


def test_an_interrupt_in_the_middle_of_a_step():
    """boards/REPL.md: a node that was caught at work is begun anew; so is one that has ended."""

    async def main():
        async with running("127.0.0.1", 0) as server:
            about = ("--server", f"coap://127.0.0.1:{server.port}", "--endpoint", "probe-1")
            async with _board(*about, "--app", str(path)) as board:
                await board.until(" registered ")
                await board.to_prompt()
                await board.type("start()")
                await board.type("import app; app.stick(app.busy)")
                since = len(board.shown)
                typing = asyncio.create_task(board.type("run()"))
                await board.until("at work\n", since)
                os.write(board._end, _INTERRUPT.encode())
                assert "interrupted in the middle of a step" in (await typing)[-1]
                assert any(" registered " in line for line in await board.type("start()"))
                await board.type("app.stick(app.bad)")
                told = await board.type("run(5)")
                assert "ValueError: what is wrong" in told, told
                assert told[-1].startswith("the node has ended; start() begins anew")
                assert any(" registered " in line for line in await board.type("start(False)"))

    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "app.py"
        path.write_text(_APP)
        asyncio.run(main())


def test_a_modem_that_says_nothing():
    """boards/REPL.md: at() says so, in time; a configuration that cannot work is one line."""

    async def main():
        silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        about = ("--server", "coap://127.0.0.1:9", "--link", "sim7000")
        async with _board(*about, "--uart", f"tcp:127.0.0.1:{port}") as board:
            await board.until("booted")
            await asyncio.sleep(1)
            await board.to_prompt()
            began = time.monotonic()
            told = await board.type('at("AT", 3)')
            assert told[-1].startswith("no answer within 3 s"), told
            assert time.monotonic() - began < 9
            told = await board.type("state()")
            assert "modem      sim7000, silent, or starting" in told, told
            told = await board.type("update(2)")
            assert told[-1].startswith("the node is still starting"), told
        silent.close()

    asyncio.run(main())


def test_position_of_a_modem_elsewhere():
    """boards/REPL.md: position() prints what was found."""

    async def main():
        modem = await Program.start(
            "tools.modem", "tcp:127.0.0.1:0", "--type", "sim7000g", "--speed", "10"
        )
        try:
            _, told = await modem.event("listening")
            modem.command(do="gnss", latitude=59.5, longitude=10.25, fix_s=2)
            await modem.event("ok", do="gnss")
            async with running("127.0.0.1", 0) as server:
                about = ("--server", f"coap://127.0.0.1:{server.port}", "--link", "sim7000")
                async with _board(*about, "--uart", told["uart"]) as board:
                    await board.until(" registered ")
                    await board.to_prompt()
                    told = await board.type("position(30)")
                    assert "latitude   59.5" in told and "longitude  10.25" in told, told
        finally:
            await modem.kill()

    asyncio.run(main())
