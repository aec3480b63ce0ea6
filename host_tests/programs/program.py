"""A program of tools/ as another one drives it: JSON commands in, JSON events out."""

import asyncio
import json
import sys

from tools.server import running

TIMEOUT_S = 120  # a board whose sources have changed is compiled first


class Program:
    """A running program; collects its events."""

    def __init__(self, process):
        self._process = process
        self.events = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, name, *arguments, stdin=asyncio.subprocess.PIPE, env=None):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            name,
            "--log",
            "json",
            *arguments,
            stdin=stdin,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return cls(process)

    async def _read(self):
        async for line in self._process.stdout:
            try:
                self.events.append(json.loads(line))
            except ValueError:  # what a program says on standard error
                self.events.append({"event": "line", "text": line.decode().strip()})
            self._news.set()

    def command(self, **command):
        self.line(json.dumps(command))

    def line(self, text):
        self._process.stdin.write(text.encode() + b"\n")

    async def event(self, name, since=0, **facts):
        """Return (position, event) of the first event with these facts."""

        async def find():
            while True:
                for index in range(since, len(self.events)):
                    event = self.events[index]
                    if event["event"] == name and all(
                        event.get(key) == value for key, value in facts.items()
                    ):
                        return index, event
                self._news.clear()
                await self._news.wait()

        try:
            return await asyncio.wait_for(find(), TIMEOUT_S)
        except asyncio.TimeoutError:
            shown = "\n".join(json.dumps(event) for event in self.events[-20:])
            raise AssertionError(f"no event {name} {facts} in\n{shown}") from None

    async def answer(self, **command):
        """Give a command and return the event that answers it."""
        since = len(self.events)
        self.command(id=since, **command)
        names = [event for event in self.events if event.get("id") == since]
        while not names:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), TIMEOUT_S)
            names = [event for event in self.events if event.get("id") == since]
        return names[0]

    async def quit(self):
        self.command(do="quit")
        return await self.ended()

    async def ended(self):
        code = await asyncio.wait_for(self._process.wait(), TIMEOUT_S)
        await self._reading
        return code

    def signal(self, number):
        self._process.send_signal(number)

    async def kill(self):
        """End it where a failed scenario has not."""
        if self._process.returncode is None:
            self._process.kill()
            await self.ended()


def play_device(scenario, *arguments, awake_s=2):
    """Run `scenario(device, server)` with tools.device that registers with an embedded server."""

    async def main():
        async with running("127.0.0.1", 0, awake_s=awake_s) as server:
            address = f"coap://127.0.0.1:{server.port}"
            device = await Program.start("tools.device", "--server", address, *arguments)
            try:
                await scenario(device, server)
                assert await device.quit() == 0
            finally:
                await device.kill()

    asyncio.run(main())
