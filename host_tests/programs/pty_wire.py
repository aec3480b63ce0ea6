"""A pseudo-terminal between a program and the board that a test plays."""

import contextlib
import os
import select
import threading
import tty


class PtyWire:
    """The board's end of a wire; `path` is the port that a program opens.

    `received(data)` is called, in a thread of its own, with what the program sends; a subclass has
    it. Used as a context manager.
    """

    def __init__(self):
        self._master, slave = os.openpty()
        tty.setraw(slave)  # it stays open, or the master would see an end between two users
        self._ends = (self._master, slave)
        self.path = os.ttyname(slave)
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.pull()

    def received(self, data):
        raise NotImplementedError

    def send(self, data):
        with contextlib.suppress(OSError):
            while data and self._ends:
                data = data[os.write(self._master, data) :]

    def pull(self):
        """The cable is pulled out: whoever has the port open finds it gone."""
        self._ending = True
        if threading.current_thread() is not self._thread:
            self._thread.join(10)
        ends, self._ends = self._ends, ()
        for end in ends:  # once: somebody else's file may have the number by then
            os.close(end)

    def _run(self):
        while not self._ending:
            try:
                if select.select([self._master], [], [], 0.05)[0]:
                    self.received(os.read(self._master, 65536))
            except (OSError, ValueError):
                return
