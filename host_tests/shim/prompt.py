"""Boots the firmware at its prompt, as main.py does on a board: `micropython -i prompt.py
BENCH_PORT RESET_CAUSE WAKE_REASON MEMORY_FILE`.

Ctrl-C ends the node's run and leaves a person at MicroPython's own prompt. The wires are served by
a task of whatever event loop runs, and stand still with it; the bench's end waits meanwhile.
"""

import asyncio
import sys
from asyncio import core

import machine

from shim.wires import Wires


class _Wires(Wires):
    """Wires whose task may be broken off at any await, and begins again with the next UART."""

    _loop = None
    _rest = b""

    async def run(self):
        while True:
            try:
                data = await self._reader.read(1024)
            except OSError:
                data = b""
            if not data:
                sys.exit(3)
            self._rest += data
            while len(self._rest) > 2:
                end = 3 + (self._rest[1] << 8 | self._rest[2])
                if len(self._rest) < end:
                    break
                kind, body = self._rest[:1], self._rest[3:end]
                self._rest = self._rest[end:]
                self._take(kind, body)

    def uart_rate(self, baudrate):
        if self._loop is not core._io_queue:
            self._loop = core._io_queue
            del machine.uarts[:-1]
            asyncio.create_task(self.run())
        super().uart_rate(baudrate)


def _boot(port, cause, reason, memory_file):
    with open(memory_file, "rb") as file:
        memory = file.read()
    wires = machine.host = _Wires(int(cause), int(reason), memory)
    asyncio.run(wires.open(int(port)))
    from node import hw

    hw.light_sleep = wires.light_sleep
    import main

    main.start()


_boot(*sys.argv[1:])
