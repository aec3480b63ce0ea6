"""The streams of a program that tells events and takes commands, one of either a line."""

import asyncio
import json
import signal
import sys
import threading
import time

from tools.cli import say

_INTERRUPTS = ("SIGINT", "SIGTERM", "SIGHUP")  # a system may lack the last


class Printer:
    """Prints events as `--log` asks, "text" or "json"; calls `unread` when nobody reads them any
    more. Events of the modem and the network are shown where `trace` says so.
    """

    def __init__(self, form: str, trace: bool, unread):
        self._form = form
        self._trace = trace
        self._unread = unread

    def __call__(self, source, name, facts):
        if source in ("modem", "network") and not self._trace:
            return
        if self._form == "json":
            line = {"time": round(time.time(), 3), "event": name, **facts}
            if source != "device":
                line["source"] = source
            self._say(json.dumps(line, default=str))
            return
        words = " ".join(f"{key}={facts[key]}" for key in facts if key != "now_ms")
        clock = time.strftime("%H:%M:%S") + f".{int(time.time() * 1000) % 1000:03d}"
        self._say(f"{clock} {source:<7} {name:<12} {words}".rstrip())

    def _say(self, line):
        if not say(line):
            self._unread()


def on_interrupt(fn) -> None:
    """Call fn() on the running loop when the user, the system or the terminal's end stops this."""
    loop = asyncio.get_running_loop()
    for name in _INTERRUPTS:
        number = getattr(signal, name, None)
        # One that is ignored from the start stays so: nohup asks for it.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, fn)


async def take_commands(command, ended: asyncio.Event) -> None:
    """Give each line of standard input to `await command(line)`; where it returns False, set
    `ended`. The end of standard input ends nothing.
    """
    lines = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read():
        # A thread, because standard input may be a pipe, a terminal, a file or nothing at all.
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()
    while True:
        line = await lines.get()
        if line.strip() and not await command(line):
            ended.set()
            return
