"""What the UDP link and the SMS link share: a bounded queue and one task that works it off."""

import asyncio

from micropython import const

from .at import ModemError

_TYPING = const(0)  # for the type checker alone
if _TYPING:
    from typing import Any

_QUEUE_MAX = const(8)
_HOUR_MS = const(3_600_000)


class ModemLink:
    """A link (DESIGN.md §3) over a modem; subclasses say how one job is done (`async _do(job)`).

    The task lives only while jobs wait, so an idle link holds nothing. busy: jobs wait or run.
    recovering: the one that runs has still to leave, and the modem is being brought up for it.
    Set by the owner: transmission, a coap.transmission.Transmission; on_datagram(data, peer,
    link), which takes what comes in; on_idle: callable() or None, told when the last job is done.
    """

    binding = ""

    def __init__(self, modem):
        self.modem = modem
        self.transmission: "Any" = None
        self.on_datagram: "Any" = None
        self.on_idle: "Any" = None
        self.dropped = {}
        self.busy = False
        self.recovering = False
        self._task = None
        self._jobs = []
        self.doing: "tuple | None" = None  # the job at work

    def add(self, job: tuple) -> None:
        """Queue a job, dropping the oldest where eight wait."""
        if len(self._jobs) >= _QUEUE_MAX:
            self._jobs.pop(0)
            self.drop("queue_full")
        self._jobs.append(job)
        if not self.busy:
            self.busy = True
            self._task = asyncio.create_task(self._work())

    async def _work(self):
        try:
            while self._jobs:
                try:
                    self.doing = self._jobs.pop(0)
                    await self._do(self.doing)  # pyright: ignore[reportAttributeAccessIssue]
                except ModemError as error:
                    self.drop("modem", str(error))
                except Exception as error:
                    self.modem.channel.fail(error)
        finally:
            self.busy = False
            self._task = self.doing = None
            modem = self.modem
            if modem.now() >= modem.read_due and modem.on_restart:
                modem.read_due = modem.now() + _HOUR_MS
                modem.on_restart()  # a SIM that is full says nothing
            if self.on_idle:
                self.on_idle()

    def drop(self, reason: str, detail: object = "") -> None:
        """Count a drop, and say so."""
        self.modem.channel.drop(reason, detail, self)
