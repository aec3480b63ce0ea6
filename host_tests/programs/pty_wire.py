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
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)  # it stays open, or the master would see an end between two users
        self.path = os.ttyname(self._slave)
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending = True
        self._thread.join(10)
        self.pull()

    def received(self, data):
        raise NotImplementedError

    def send(self, data):
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._master, data) :]

    def pull(self):
        """The cable is pulled out: whoever has the port open finds it gone."""
        self._ending = True
        for end in (self._slave, self._master):
            with contextlib.suppress(OSError):
                os.close(end)

    def _run(self):
        while not self._ending:
            try:
                if select.select([self._master], [], [], 0.05)[0]:
                    self.received(os.read(self._master, 65536))
            except (OSError, ValueError):
                return
