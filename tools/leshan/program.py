"""A program of build.PROGRAMS in a process: commands and replies, and events to a callback."""

import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Callable

from . import build

_START_TIMEOUT_S = 60
_REPLY_TIMEOUT_S = 30


class Program:
    """`Program("server", 2000)` starts a program with its arguments.

    port: of 127.0.0.1, where it serves. on_event(facts) is called for each event, in the order in
    which they came, on a thread of its own. Raises build.MissingError where Java or Leshan is.
    """

    def __init__(self, name: str, *arguments):
        self.on_event: Callable[[dict], None] = lambda facts: None
        self._ids = itertools.count()
        self._writing = threading.Lock()
        self._replies: dict[int, queue.Queue] = {}
        self._process = subprocess.Popen(
            [*map(str, (*build.built(name), *arguments))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._listening: queue.Queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = self._listening.get(timeout=_START_TIMEOUT_S)["port"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def send(self, **command) -> Callable[..., dict]:
        """Give a command; returns what waits for its reply, a function of the time in seconds."""
        number = next(self._ids)
        replies = self._replies[number] = queue.Queue()
        assert self._process.stdin
        with self._writing:
            self._process.stdin.write(json.dumps({**command, "id": number}) + "\n")
            self._process.stdin.flush()
        return lambda timeout_s=_REPLY_TIMEOUT_S: replies.get(timeout=timeout_s)

    def ask(self, **command) -> dict:
        """Give a command and return its reply."""
        return self.send(**command)()

    def _read(self):
        assert self._process.stdout
        for line in self._process.stdout:
            facts = json.loads(line)
            if facts["event"] == "reply":
                self._replies.pop(facts["id"]).put(facts)
            elif facts["event"] == "listening":
                self._listening.put(facts)
            else:
                self.on_event(facts)
