"""What the cases are played on: a simulated board, the wire to its server, and what happens.

All of it runs on an asyncio loop in a thread, so that a case reads as the steps of its procedure.
"""

import asyncio
import collections
import contextlib
import json
import threading
import time

from host_tests.interop.server_peer import Parsed
from tools.device import Bench, config

_HOST = "127.0.0.1"
PATIENCE_S = 15  # for what happens at once, on a busy machine


class Loop:
    """An asyncio loop in a thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine, timeout_s=60):
        """Run a coroutine on the loop and return its result."""
        within = asyncio.wait_for(coroutine, timeout_s)
        return asyncio.run_coroutine_threadsafe(within, self.loop).result()

    def call(self, function, *arguments):
        """Call a function on the loop and return its result."""

        async def called():
            return function(*arguments)

        return self.run(called())

    def close(self):
        asyncio.run_coroutine_threadsafe(self._end_all(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _end_all(self):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Events:
    """Events by name, each taken once, in the order in which they came."""

    def __init__(self):
        self._changed = threading.Condition()
        self._waiting = collections.defaultdict(collections.deque)
        self._all = []

    def add(self, name, facts):
        with self._changed:
            event = {"event": name, "at": time.monotonic(), **facts}
            self._waiting[name].append(event)
            self._all.append(event)
            self._changed.notify_all()

    def next(self, name, within_s=PATIENCE_S, **wanted):
        """Return the next event of this name and with these facts; those before it are gone."""
        end = time.monotonic() + within_s
        with self._changed:
            while True:
                waiting = self._waiting[name]
                while waiting:
                    event = waiting.popleft()
                    if all(event.get(key) == value for key, value in wanted.items()):
                        return event
                left_s = end - time.monotonic()
                if left_s <= 0:
                    raise AssertionError(f"no {name} {wanted}, but {self._all[-12:]}")
                self._changed.wait(left_s)

    def none(self, name, for_s):
        """Assert that there is no event of this name, and none comes for so long."""
        time.sleep(for_s)
        with self._changed:
            assert not self._waiting[name], list(self._waiting[name])


class Seen:
    """A datagram on the wire: `message` (server_peer.Parsed), `up` from the board, `at` when."""

    def __init__(self, data, up):
        self.message = Parsed(data)
        self.up = up
        self.at = time.monotonic()

    def __repr__(self):
        message = self.message
        way = "up" if self.up else "down"
        return f"<{way} {message.type} {message.dotted} {message.path} {message.options}>"


class Wire(asyncio.DatagramProtocol):
    """A relay before the server's port, that keeps every datagram it passes on."""

    def __init__(self, loop, server_port):
        self._loop = loop
        self._server = (_HOST, server_port)
        self._behind = {}  # a board's address → the transport that speaks for it to the server
        self._transport: asyncio.DatagramTransport
        self.seen = []
        self.port = loop.run(self._open())

    async def _open(self):
        endpoint = self._loop.loop.create_datagram_endpoint
        self._transport, _ = await endpoint(lambda: self, local_addr=(_HOST, 0))
        return self._transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, addr):
        self.seen.append(Seen(data, True))
        self._loop.loop.create_task(self._pass_on(data, addr))

    async def _pass_on(self, data, board):
        if board not in self._behind:
            opening = self._loop.loop.create_task(self._open_behind(board))
            self._behind[board] = opening
        behind = self._behind[board]
        if isinstance(behind, asyncio.Task):
            behind = self._behind[board] = await asyncio.shield(behind)
        behind.sendto(data, self._server)

    async def _open_behind(self, board):
        wire = self

        class Down(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                wire.seen.append(Seen(data, False))
                wire._transport.sendto(data, board)

        endpoint = self._loop.loop.create_datagram_endpoint
        transport, _ = await endpoint(Down, local_addr=(_HOST, 0))
        return transport

    def mark(self):
        """Return where the wire is at, for `since`."""
        return len(self.seen)

    def since(self, mark, code=None, path=None, up=None):
        """Return what has passed since a mark, perhaps only of this code, path or direction."""
        return [
            seen
            for seen in self.seen[mark:]
            if up in (None, seen.up)
            and code in (None, seen.message.dotted)
            and (path is None or seen.message.path.startswith(path))
        ]

    def first(self, mark, **wanted):
        """Return the first that passes after a mark, waiting for it."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if found := self.since(mark, **wanted):
                return found[0]
            time.sleep(0.01)
        raise AssertionError(f"no {wanted} in {self.seen[mark:]}")

    def close(self):
        def closing():
            self._transport.close()
            for behind in self._behind.values():
                behind.close()

        self._loop.call(closing)


class Board:
    """A simulated board of tools/device.py, with the real firmware; it is told by `do`."""

    def __init__(self, loop, site, application=None, modem_speed=10.0):
        self._loop = loop
        self._number = 0
        self.events = Events()

        async def start():
            bench = Bench(
                config.check(site),
                lambda source, name, facts: self.events.add(name, facts),
                application=application,
                modem_speed=modem_speed,
            )
            await bench.start()
            return bench

        self._bench = loop.run(start())

    def do(self, what, **arguments):
        """Give the firmware a command (node/console.py) and return what it answers."""
        self._number += 1
        command = {"do": what, "id": self._number, **arguments}
        self._loop.run(self._bench.command(json.dumps(command)))
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for event in reversed(self.events._all):
                if event.get("id") == self._number:
                    return event
            time.sleep(0.01)
        raise AssertionError(f"no answer to {command}: {self.events._all[-8:]}")

    def set(self, path, value):
        """Set a value of the board's, as its application would."""
        assert self.do("set", path=path, value=value)["event"] == "set"

    def close(self):
        with contextlib.suppress(TimeoutError):
            self._loop.run(self._bench.stop())
