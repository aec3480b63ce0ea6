"""What board, modem, network and server of a world for system tests tell: one list in the order in
which it happens, and how a test waits for what it is to hold.
"""

import asyncio

from shim import virtual_time

_TAIL = 40
_CHATTER = ("at", "radio")  # told too often to be kept


class Events:
    """The list. history: how many events are kept, None for all; tail: how many, of all kinds, are
    printed where a play fails; on_record(who, name, facts): told of each, those too that are not
    kept. failure: the error that has ended the play, or None.
    """

    def __init__(self):
        self.events = []  # (ms, who, name, facts)
        self.history = None
        self.tail = _TAIL
        self.on_record = None
        self.failure = None
        self._tail = []
        self._cursor = 0
        self._changed = asyncio.Event()

    def record(self, who, name, facts) -> None:
        """Take an event into the list."""
        event = (virtual_time.now_ms(), who, name, facts)
        if len(self._tail) >= self.tail:
            self._tail.pop(0)
        self._tail.append(event)
        if self.on_record:
            self.on_record(who, name, facts)
        if name in _CHATTER:
            return
        if self.history and len(self.events) >= 2 * self.history:
            self._cursor = max(0, self._cursor - self.history)
            del self.events[: self.history]
        self.events.append(event)
        self._changed.set()

    async def until(self, condition, limit_s=600, what="the condition") -> None:
        """Wait until condition(), asked after each event; AssertionError after limit_s."""
        end_ms = virtual_time.now_ms() + limit_s * 1000
        while not condition():
            if self.failure:
                raise self.failure
            left_ms = end_ms - virtual_time.now_ms()
            assert left_ms > 0, "%s: not within %d s" % (what, limit_s)
            self._changed.clear()
            try:
                await asyncio.wait_for_ms(self._changed.wait(), left_ms)
            except asyncio.TimeoutError:
                pass

    async def saw(self, who, event, limit_s=600, **facts) -> dict:
        """Wait for the next event of that name with these facts; return its facts.

        Each call looks behind the event that the last one found, so that calls tell an order.
        """
        found = []

        def look():
            for index in range(self._cursor, len(self.events)):
                if _matches(self.events[index], who, event, facts):
                    self._cursor = index + 1
                    found.append(self.events[index][3])
                    return True
            return False

        await self.until(look, limit_s, "%s %s %s" % (who, event, facts or ""))
        return found[0]

    def mark(self) -> int:
        """Return the place in the list of events; `saw` looks only behind it from here on."""
        self._cursor = len(self.events)
        return self._cursor

    def all(self, who, event, since=0, **facts) -> list:
        """Return the facts of every event of that name behind place `since`."""
        return [each[3] for each in self.events[since:] if _matches(each, who, event, facts)]

    def times(self, who, event, since=0, **facts) -> list:
        """Return the ms of every event of that name behind place `since`."""
        return [each[0] for each in self.events[since:] if _matches(each, who, event, facts)]

    def forget(self) -> None:
        """Keep nothing of what has happened."""
        del self.events[:]
        self._cursor = 0

    def print_tail(self) -> None:
        """Print the latest events."""
        for at_ms, who, name, facts in self._tail:
            print("%10.3f %-8s %-14s %s" % (at_ms / 1000, who, name, facts))


def _matches(event, who, name, facts):
    if event[1] != who or event[2] != name:
        return False
    return all([event[3].get(key) == facts[key] for key in facts])
