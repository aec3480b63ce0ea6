"""The node: configuration, objects, client, links and the loop that waits or sleeps.

Everything that happens comes down to one question: when is something next due? The client and the
application's timers each name a deadline; the loop waits for something from outside or the nearest
deadline, and where nothing is going on it sleeps until then.
"""

import asyncio
import gc

from lwm2m.queue import earlier
from lwm2m.tree import Tree
from micropython import const

from node import hw, retained, timers
from node.clock import Clock
from node.lean import forget
from node.log import Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CONSOLE_PAUSE_MS = const(1_000)  # a person at the console may have more to say
_FIRST_RESPONSE = const(0x20)  # CoAP codes below it are requests
_LOOK_MS = const(3_600_000)  # between two looks whether an idle modem still answers
# Timers of the board reach 2^29 ms, six days; a longer wait is made of several.
_LONGEST_WAIT_MS = const(400_000_000)
# Message IDs and tokens that a run may use before the record of them is brought up to date; the
# loop does so when half of them are left, more than one turn of it uses.
_SET_ASIDE = const(256)

# What a reset of the chip must not go back behind, see node/kept.py.
_OUTDATING = (
    "registered deregistered disabled observed bootstrapped bootstrap_account_purged".split()
)

_MEANT = const(0x40)  # bits of `crashes`, see node/crash.py
_TRIAL = const(0x80)
_LOW_BATTERY = const(1)  # error codes of Device
_SMS_FAILURE = const(6)
_IP_FAILURE = const(7)
_PERSISTENT_MS = const(40_000)  # the pause after the third failure in a row to get to the network


class Node:
    """One board: `site` is its checked configuration (node/config.py), `board` its wiring.

    An application uses `add`, `every`, `adc` and `contact`. The parts are `client`, `tree`,
    `bearer`, `clock` and `log`.
    """

    bare = False  # without what flash has of servers, see node/crash.py

    # What the records are about, see node/kept.py and node/written.py.
    stale = False  # there was a run since the deep sleep that the record is of
    from_mirror = False  # that is one on flash
    resumable = False  # a reset may go on from the record, though its body is older than the run
    mirrored = False  # flash has it as well
    sagging = False  # the modem has told of an under-voltage
    written = 0  # generation of what servers wrote
    on_flash = False  # the record leaves out what that has
    unsaved = ()  # paths that flash has refused
    counted = b""  # what a contact has, see node/pulses.py
    counter: "Any" = None  # that node.contact.Contact

    def __init__(self, site: dict, board):
        self.site = site
        self.board = board
        self.clock = Clock(hw.ticks_ms)
        self.log = Log(site["log"], self.clock.now)
        self.tree = Tree()
        self.client: "Any" = None  # a Client, and what carries its datagrams: made by `run`
        self.bearer: "Any" = None
        self.timers = []  # [period_ms, due_ms, function]
        self.kept_due_ms = []  # when the timers were due before a deep sleep, in their order
        self.kept_bootstrap = None
        self.kept_values = []  # [object, instance, resource, value] set before a deep sleep
        self.changed = set()  # paths of what was set or written since the first boot
        self.given = []  # (object, instance) that a server may delete and a start brings again
        self.counters: "Any" = None  # those that the record in RTC memory has
        self.crashes = 0  # in a row, and the text of the last one: the record keeps both
        self.trace = b""
        self._hold_until_ms = 0
        self._event = asyncio.Event()
        self._tasks = []
        self._failure: "Exception | None" = None
        self.connecting = False
        self.dozing_until = 0  # ms, the end of the light sleep that was told of last
        self.mode = "normal"  # or "safe": without the application (node/crash.py)
        self.cause = ""  # of the last reset
        self.slept = False  # whether the run goes on where a deep sleep began
        self.turns = 0  # of the loop
        self.failing = []  # functions of the application's that met hardware out of order
        self.under_way = []  # and those that go on
        self.all_called = False  # each function was due in the turn of the loop that called any

    def add(self, instance, instance_id: "int | None" = None):
        """Add an Object Instance (lwm2m/object.py) and return it; without an id it gets a free
        one.
        """
        return self.tree.add(instance, instance_id)

    def every(self, period_ms: int, function) -> None:
        """Call `function()`, or await it, now and every `period_ms`; a deep sleep ends when it is
        due.
        """
        index = len(self.timers)
        kept = self.kept_due_ms
        due_ms = kept[index] if index < len(kept) else self.clock.now()
        self.timers.append([period_ms, due_ms, function])

    def adc(self, pin: int):
        """Return the analog input on GPIO `pin`; its `read_uv()` gives microvolts."""
        return hw.AnalogInput(pin)

    def contact(self, pin: int, function=None, pressed: int = 0, debounce_ms: int = 20):
        """Return the contact on GPIO `pin`, whose `count` says how often it was pressed, which is
        where the level is `pressed`; function(count) is called when it was, also from deep sleep.
        """
        from node.contact import Contact

        return Contact(self, pin, function, pressed, debounce_ms)

    def state(self) -> dict:
        """Return what a person wants to know of a running node."""
        from node.report import state

        facts = state(self)
        forget("node.report")
        return facts

    def reboot(self) -> None:
        """Restart the chip as soon as what is being said has been said."""
        self.timers.append([_CONSOLE_PAUSE_MS, self.clock.now() + _CONSOLE_PAUSE_MS, self.restart])
        self.stay_awake()

    def restart(self) -> None:
        """Restart the chip at once, into the normal mode."""
        self.crashes |= _MEANT if self.mode != "safe" else _MEANT | _TRIAL
        hw.store_memory(self.packed(self.counters))
        hw.restart()

    def fault(self, code: int, present: bool = True) -> None:
        """Report an error code of Device (/3/0/11), or its end."""
        device = self.tree.get(3, 0)
        if device:
            device.error(code, present)

    def forget_trace(self, codes=()) -> None:
        """Let go of what the last crash left, as a server has asked for; `codes` were reported."""
        from node.crash import clear

        clear(self, codes)
        forget("node.crash")

    def failed(self, error) -> None:
        """Keep the traceback of what a server's request ran into; its answer is 5.00."""
        self.log.event("error", {"reason": "%s: %s" % (error.__class__.__name__, error)})
        from node.crash import note

        note(self, error)
        forget("node.crash")

    def factory_reset(self) -> None:
        """Forget what servers wrote and a bootstrap provided, and restart (TS 1.1 Core E.4,
        Factory Reset).
        """
        from node.storage import remove_all

        remove_all()
        self.reboot()

    def keep_account(self, record: bytes) -> None:
        """Store what a bootstrap provided; OSError, ValueError where that is not possible."""
        from node.accounts import keep

        keep(self.site, record)

    def stay_awake(self) -> None:
        """Hold sleep off for a moment and make the loop look again."""
        self._hold_until_ms = self.clock.now() + _CONSOLE_PAUSE_MS
        self.stir()

    def stir(self) -> None:
        """Make the loop look whether something is due."""
        self._event.set()

    async def run(self, application=None, console=None) -> None:
        """Run for ever. application: callable() that loads the application and returns its
        setup(node), or None; console: gives commands (node/console.py).

        Whatever a part of the node raises ends the run here.
        """
        dog = hw.Watchdog(self.site["watchdog_s"])
        dog.feed()
        from node.start import begin, clear, furnish, make_bearer

        record = begin(self)
        setup = None
        if application and self.mode != "safe":
            setup = application()
        endpoint, kept_client, kept_bearer = record or (self.site["endpoint"], None, None)
        make_bearer(self, kept_bearer, self._received, self._bearer_event)
        for task in self.bearer.tasks():
            self.spawn(task)
        if self.site["watchdog_s"]:
            from node.guard import guard

            self.spawn(guard(self, dog))
        if not endpoint:
            endpoint = "urn:imei:" + await self.bearer.imei()
        resumed = furnish(self, endpoint, kept_client, setup)
        clear()
        # This goes on for ever, and would hold on to what is over.
        del begin, clear, furnish, make_bearer
        del setup, application, record, kept_client, kept_bearer
        self.tree.on_change.append(self._note_change)
        self.client.on_accepted = self._accepted
        self.client.on_event = self._client_event
        self._set_counters_aside()
        self.client.on_due = self._event.set
        if console:
            self.spawn(self._listen(console))
            if hw.wake_reason() == "gpio":
                self.stay_awake()  # somebody pressed a button to say something
        kept = resumed and not self.stale
        # The bearer of a node that slept comes up when there is something to read or to send.
        self.connecting = not kept or hw.wake_reason() == "pin" or self.bearer.stale()
        if self.connecting:
            self.connect(kept)
        await self._loop()

    async def _listen(self, console):
        while True:
            line = await console.readline()
            if not line:
                return
            if line.strip():
                from node.console import answer

                answer(self, line)
                del answer
                forget("node.console")
                self.stay_awake()

    def close(self) -> None:
        """End every task of the node."""
        for task in self._tasks:
            task.cancel()
        if self.bearer:
            self.bearer.close()

    def connect(self, kept: bool = True) -> None:
        """Bring the bearer up, or, where it was kept over a sleep, see what came in meanwhile."""
        self.connecting = True
        self._tasks = [task for task in self._tasks if not task.done()]
        self.spawn(self._connect(kept))

    async def _connect(self, kept):
        """Bring the bearer up; the client speaks after it, or its first words would be lost."""
        late = await self.bearer.start(kept)
        from node.battery import show_battery

        show_battery(self)
        forget("node.battery", "node.supplies")
        if not kept:
            self.client.start(self.clock.now())
            if self.client.bootstrap:
                self.client.bootstrap.start(self.clock.now())
            if self.resumable:
                self.client.update(reason="restart")
        elif late:
            self.client.update(reason="network")  # what failed for want of one need not wait
        self.connecting = False
        self._event.set()

    def _received(self, data, peer, link):
        if self.client:  # without it the IMEI is still asked for; what came is read and gone
            self.fault(_SMS_FAILURE if link.binding == "S" else _IP_FAILURE, False)
            try:
                self.client.receive(data, peer, link, self.clock.now())
            except MemoryError:
                if len(data) < 2 or not 0 < data[1] < _FIRST_RESPONSE:
                    raise  # a response half taken leaves somebody waiting for good
                gc.collect()
                self.client.drop("no_memory")  # the request comes again
        self._event.set()

    def _bearer_event(self, name, facts):
        self.log.event(name, facts)
        if "UNDER" in facts.get("warning", ""):
            self.sagging = True
            self.fault(_LOW_BATTERY)
            self._event.set()
        if name == "attached":
            self.fault(_IP_FAILURE, False)
        elif name == "sms_sent":
            self.fault(_SMS_FAILURE, False)
        elif facts.get("reason") == "unsent" or facts.get("again_ms", 0) >= _PERSISTENT_MS:
            self.fault(_SMS_FAILURE if facts.get("link") == "S" else _IP_FAILURE)
        moved = name in ("attached", "detached", "modem_reset") or facts.get("again")
        # A message that is just going out goes out from the new address already.
        if moved and self.client and not self.client.endpoint.busy():
            self.client.address_changed(self.clock.now())
            if self.client.bootstrap:
                self.client.bootstrap.moved(self.clock.now())

    async def _loop(self):
        while True:
            self.turns += 1
            self._event.clear()
            if self._failure:
                raise self._failure
            now = self.clock.now()
            due_ms = timers.run(self, now)
            due_ms = earlier(due_ms, self.client.step(now))
            due_ms = earlier(due_ms, now + _LONGEST_WAIT_MS)
            self._set_counters_aside()
            if not self.connecting and self.bearer.neglected():
                self.connect()
            if self.sagging and not self.mirrored:
                from node.kept import mirror

                mirror(self, now)
            if self._idle(now):
                await self._sleep(due_ms)
            else:
                await self._wait(earlier(due_ms, self._hold_until_ms if self._held(now) else None))

    def attempt(self, function) -> None:
        """Call what may find hardware out of order (node/timers.py)."""
        timers.attempt(self, function)

    def _held(self, now):
        return now < self._hold_until_ms

    def _idle(self, now):
        starting = self.connecting and not self.bearer.off_until
        return not (
            self.site["sleep"] == "none"
            or starting
            or self._held(now)
            or self.bearer.busy()
            or self.client.busy(now)
            or self.under_way
        )

    async def _wait(self, until_ms):
        delay_ms = until_ms - self.clock.now()
        if delay_ms <= 0:
            # An application that is always late must not keep the modem's reader from its turn.
            await asyncio.sleep_ms(0)
            return
        try:
            await asyncio.wait_for_ms(self._event.wait(), delay_ms)
        except asyncio.TimeoutError:
            return  # the deadline is what was waited for

    async def _sleep(self, until_ms):
        """Sleep until the deadline or the modem's RI, as deep as pays; back from a light sleep, or
        when none was possible.
        """
        if self.connecting:  # the modem is off, and will be tried again
            until_ms = earlier(until_ms, self.bearer.off_until)
        else:
            until_ms = earlier(until_ms, self.bearer.look_at())
            await self.bearer.sleep(until_ms - self.clock.now())
            if self._event.is_set() or not self._idle(self.clock.now()):
                return
        from node.sleeping import sleep

        if not await sleep(self, until_ms):
            await self._wait(min(until_ms, self.clock.now() + _LOOK_MS))

    def _set_counters_aside(self):
        """Keep the record ahead of the message IDs and tokens in use: a reset gives no notice
        (RFC 7252 §4.4).
        """
        message_id, tokens = self.client.endpoint.freeze()
        aside = self.counters
        if aside:
            left = min(aside[0] - message_id & 0xFFFF, aside[1] - tokens & 0xFFFF)
            if _SET_ASIDE // 2 <= left <= _SET_ASIDE:
                return
        self.counters = (message_id + _SET_ASIDE & 0xFFFF, tokens + _SET_ASIDE & 0xFFFF)
        hw.store_memory(self.packed(self.counters, self.body()))

    def packed(self, counters: tuple, body: bytes = b"") -> bytes:
        """Return a record for RTC memory; retained.RecordTooLarge where the body is too long."""
        return retained.pack(counters, body, self.crashes, self.trace, self.counted)

    def body(self) -> bytes:
        """Return the body of the record while the node runs: that of the sleep before, while it
        holds.
        """
        return retained.of_a_run(hw.load_memory()) if self.resumable else b""

    def flash_writes(self) -> int:
        """Return how often the records on flash were written."""
        from node.storage import writes

        return writes()

    def _client_event(self, name, facts):
        if (self.resumable or self.mirrored) and name in _OUTDATING:
            from node.kept import outdate

            outdate(self)
        self.log.event(name, facts)

    def _accepted(self, paths):
        """Put on flash what a server changed, before it is told."""
        from node.written import save

        save(self, paths)

    def _note_change(self, path):
        # The Server object's values are the client's to keep, the Security object's nobody's.
        if path[0] > 1:
            self.changed.add(path)

    def spawn(self, coroutine) -> None:
        """Run a coroutine beside the loop; what it raises ends the run."""
        self._tasks.append(asyncio.create_task(self._guarded(coroutine)))

    async def _guarded(self, coroutine):
        try:
            await coroutine
        except Exception as error:
            self._failure = error
            self._event.set()
