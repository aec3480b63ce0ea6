"""The UART of a modem's driver, as its tests have it."""

import asyncio


class FarEnd:
    """What waits to be read. chunk: octets a read gives at most, 0 for all."""

    chunk = 0

    def __init__(self):
        self._out = b""
        self._ready = asyncio.Event()

    def emit(self, data):
        """The modem says something."""
        self._out += bytes(data)
        self._ready.set()

    async def read(self):
        while not self._out:
            self._ready.clear()
            await self._ready.wait()
        size = self.chunk or len(self._out)
        data = self._out[:size]
        self._out = self._out[size:]
        return data
