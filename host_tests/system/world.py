"""A world for system tests: one board, its modem, the network and a server on one loop.

The board runs the whole firmware (`node.node.Node`) in this process, on the virtual clock: its
chip is the shim's `machine`, its UART and pins lead to a virtual modem, and that is on a virtual
network with a scripted server (system/peer.py). Deep sleep ends the run of the node as it ends
that of the chip: nothing is left of it but RTC memory, its clock and the levels of its pins.

What board, modem, network and server tell goes into one list in the order in which it happens. A
test is one coroutine given to `World.play`; where it fails, the end of that list is printed with
the seed (system/events.py).
"""

import asyncio
import gc
import json
import sys

import machine
from node import config, hw, pulses
from node.lean import forget as _forget
from node.node import Node
from shim import virtual_time
from system.chip import DEEP_SLEEP, HARD_RESET, POWER_ON, Chip, Clock, Log, Random, Wiring
from system.events import Events
from system.peer import Peer
from unit.node.files import Flash

from tools.virtual.modem import VirtualModem
from tools.virtual.network import Network
from tools.virtual.timers import Timers

NUMBER = "+4790000001"  # the SIM's
SERVER_NUMBER = "+447700900123"
SERVER = ("203.0.113.9", 5683)
OTHER_NUMBER = "+447700900456"
OTHER_SERVER = ("198.51.100.7", 5683)
ENDPOINT = "probe-1"

WOKEN_BY_PIN, WOKEN_BY_CONTACT, WOKEN_BY_TIMER, WOKEN_BY_GPIO = 2, 3, 4, 7

_BOOT_MS = 400  # from reset to the first line of Python
_PROFILES = {"sim800": "sim800l", "sim7000": "sim7000g", "sim7080": "sim7080g"}
_BOOTS_MAX = 500


class World(Events):
    """One board and all that is around it.

    link: "sim800", "sim7000" or "sim7080". profile: one of tools/virtual/profiles.py, where it is
    not the usual one of that link. version: the enabler version. server: settings of the one
    server in the site configuration (node/config.py) that differ from the usual. setup: what an
    application's setup(node) does. other: settings of a second server, with Short Server ID 2 and
    a number and an address of its own. board: a module of boards/, where it is not the simulated
    board, and supply_pin, the GPIO that switches its modem's supply. pins: what differs in the
    board's wiring. Other keywords are keys of the site configuration. modem: the virtual modem; it
    may be broken before `play`. slow_permille: how slow the chip's clock is, in sleep and as Unix
    time. peer: the server, whose events are those of "server"; other: the second one, "other" in
    the list, or None. on_crash(error): told of what ends a run of the node, which a board that has
    it restarts after; without it that is a failure of the play.
    """

    def __init__(
        self,
        link="sim7000",
        version="1.1",
        seed=1,
        server=None,
        setup=None,
        nat_timeout_s=60,
        slow_permille=0,
        other=None,
        pins=None,
        profile=None,
        board=None,
        supply_pin=None,
        **settings,
    ):
        super().__init__()
        self.seed = seed
        self.memory = b""
        self.microvolts = {}
        self.levels = {}  # of pins, from outside; the others are high
        self.flash = Flash()  # what the board keeps records on
        self.board = Wiring(pins or {}, board)
        self.supply_pin = supply_pin
        self.node = None
        self.boots = 0
        self.counting = 0  # boots of the chip that only counted (node/pulses.py)
        self.boots_max = _BOOTS_MAX
        self.stores = 0  # how often RTC memory was written
        self.on_crash = None
        self._trip = None  # [bytes of the UART until the supply fails, how]
        self._restarting = False
        self._failing = None
        self._ended = None
        self.awake_ms = 0  # of all runs of the chip, light sleep included
        self.light_ms = 0  # in light sleep
        self._over = asyncio.Event()
        self._setup = setup
        self._task = None
        self._chip = None
        self._armed = None  # pin that ends the deep sleep
        self._woken = asyncio.Event()
        self._reason = 0
        self._lines = []
        self._line = asyncio.Event()
        self.clock = Clock(slow_permille)
        self.random_bits = Random(seed).bits
        self.timers = Timers()
        self.network = Network(
            self.timers,
            seed=seed,
            nat_timeout_s=nat_timeout_s,
            on_event=lambda name, facts: self.record("network", name, facts),
            epoch_s=virtual_time.epoch_s(),
        )
        self.modem = VirtualModem(
            profile or _PROFILES[link],
            self.network,
            self.timers,
            NUMBER,
            on_event=lambda name, facts: self.record("modem", name, facts),
        )
        self.modem.on_output = self._modem_output
        self.modem.on_ri = self._modem_ri
        self.peer = Peer(
            self.network,
            self.timers,
            self.record,
            SERVER,
            SERVER_NUMBER,
            NUMBER,
            version,
            self.random_bits,
        )
        account = {
            "uri": "coap://%s:%d" % SERVER,
            "sms_number": SERVER_NUMBER,
            "lifetime_s": 86400,
        }
        account.update(server or {})
        accounts = [account]
        self.other = None
        if other is not None:
            account = {
                "uri": "coap://%s:%d" % OTHER_SERVER,
                "short_server_id": 2,
                "sms_number": OTHER_NUMBER,
            }
            account.update(other)
            accounts.append(account)
            number = account["sms_number"]
            self.other = Peer(
                self.network,
                self.timers,
                lambda who, name, facts: self.record("other", name, facts),
                OTHER_SERVER,
                number,
                NUMBER,
                version,
                self.random_bits,
                1,
            )
        site = {
            "endpoint": ENDPOINT,
            "version": version,
            "link": link,
            "sms_number": NUMBER[1:],
            "log": "json",
            "servers": accounts,
            "modem": {"apn": "iot.example"},
            "objects": [{"object": 3303, "value": 21.5, "units": "Cel"}],
        }
        site.update(settings)
        self._site = json.dumps(site)

    # The play.

    def play(self, scenario) -> None:
        """Run `await scenario(self)` with the board switched on, in virtual time.

        Raises what the scenario, the node or a delayed call raised, after the end of the events.
        """
        kept = hw.ticks_ms, hw.epoch_s, hw.random_bits, hw.light_sleep
        hw.ticks_ms, hw.epoch_s = self.clock.ticks_ms, self.clock.epoch_s
        hw.random_bits = self.random_bits
        hw.light_sleep = self._light_sleep
        if hasattr(gc, "freeze"):
            gc.freeze()  # a boot collects; CPython need not look at all of pytest for it
        try:
            virtual_time.run(self._play(scenario))
        except BaseException:
            print("seed %d, %d ms" % (self.seed, virtual_time.now_ms()))
            self.print_tail()
            raise
        finally:
            hw.ticks_ms, hw.epoch_s, hw.random_bits, hw.light_sleep = kept
            machine.host = None
            if hasattr(gc, "freeze"):
                gc.unfreeze()

    async def _play(self, scenario):
        asyncio.get_event_loop().set_exception_handler(self._unhandled)
        self.power_on()
        acting = asyncio.create_task(self._act(scenario))
        try:
            await self._over.wait()
            if self.failure:
                raise self.failure
        finally:
            while not acting.done():
                acting.cancel()
                await asyncio.sleep_ms(0)
            await self.power_cut()

    async def _act(self, scenario):
        try:
            await scenario(self)
        except Exception as error:
            if self.failure is None:
                self.failure = error
        finally:
            self._over.set()

    def _unhandled(self, loop, context):
        error = AssertionError("%s %s" % (context["message"], context.get("task", "")))
        self.fail_play(context.get("exception") or error)

    def fail_play(self, error) -> None:
        """End the play with an error."""
        if self.failure is None:
            self.failure = error
        self.record("world", "failure", {"reason": repr(error)})
        self._over.set()

    async def settled(self, limit_s=900) -> None:
        """Wait until the board is registered and in deep sleep."""
        await self.saw("device", "registered", limit_s)
        await self.sleeping(limit_s)

    async def sleeping(self, limit_s=900) -> None:
        """Wait until the board is in deep sleep."""
        await self.saw("device", "sleeping", limit_s)
        # The modem follows as soon as its UART is quiet.
        await asyncio.sleep_ms(1000)

    async def sleep(self, seconds) -> None:
        """Let time pass."""
        await asyncio.sleep_ms(int(seconds * 1000))
        if self.failure:
            raise self.failure

    # The board.

    @property
    def running(self) -> bool:
        """Whether the chip runs; it does not in deep sleep."""
        return self._chip is not None and self._chip.running

    def power_on(self) -> None:
        """Connect the battery of the board."""
        self.memory = b""
        self._task = asyncio.create_task(self._board(POWER_ON))

    async def reset(self) -> None:
        """Reset the chip without notice, as a watchdog does: RTC memory and clock are kept."""
        await self._halt()
        self._task = asyncio.create_task(self._board(HARD_RESET))

    async def power_cut(self) -> None:
        """Take the battery off the board: RTC memory and clock are lost, the modem has its own."""
        await self._halt()
        self.clock.lose()

    def fail(self, cause=POWER_ON, off_ms=1000, lost=True, modem=False) -> None:
        """End the run of the chip in the middle of what it does, and start it again after off_ms.

        cause: what the next run is told. lost: RTC memory and clock are lost, as with the supply.
        modem: its supply fails as well. Can be called from inside what the chip calls.
        """
        if self._chip:
            self._chip.running = False
        self._still_flash()
        if modem:
            self.modem.supply(False)
        if not self._restarting:
            self._restarting = True
            self._failing = asyncio.create_task(self._fail_and_restart(cause, off_ms, lost))

    async def _fail_and_restart(self, cause, off_ms, lost):
        self.record("world", "fails", {"cause": cause, "off_ms": off_ms, "lost": lost})
        await self._halt()
        if lost:
            self.memory = b""
            self.clock.lose()
        await asyncio.sleep_ms(off_ms)
        self.modem.supply(True)
        self._restarting = False
        if self.flash:
            self.flash.left = None
        if self._task is None:
            self._task = asyncio.create_task(self._board(cause))

    def fail_at_byte(self, count, *how) -> None:
        """Have `fail` come, with these arguments, when so many further bytes have passed the
        UART, either way.
        """
        self._trip = [count, how]

    def fail_at_flash_step(self, count, *how) -> None:
        """Have `fail` come at the flash step behind so many (unit/node/files.py)."""

        def cut():
            if self.running:
                self.fail(*how)

        self.flash.left, self.flash.on_cut = count, cut

    def calm(self) -> None:
        """Nothing that `fail_at_byte` and `fail_at_flash_step` wait for comes any more."""
        self._trip = None
        if self.flash:
            self.flash.left = None

    def _still_flash(self):
        """What the chip still does until its next await reaches no flash."""
        if self.flash:
            self.flash.left = 0
            self.flash.on_cut = self.flash.on_cut or _nothing

    def passing(self, data) -> bytes:
        """Return what of some bytes on the UART still passes before the supply fails."""
        trip = self._trip
        if trip:
            if len(data) < trip[0]:
                trip[0] -= len(data)
            else:
                data, self._trip = data[: trip[0]], None
                self.fail(*trip[1])
        return data

    async def _halt(self):
        if self._task is None:
            return
        if self._chip:
            self._chip.running = False
        # CPython's wait_for loses a cancellation that meets what it waited for.
        while not self._task.done():
            self._task.cancel()
            await asyncio.sleep_ms(0)
        try:
            await self._task
        except asyncio.CancelledError:
            pass
        self._task = None
        await self._bury()

    async def _bury(self):
        """Wait until the tasks of the last run have ended."""
        node, self._ended = self._ended, None
        if node and node.bearer:
            while not all([task.done() for task in _tasks(node)]):  # the end of one may begin one
                _end(node)  # CPython's wait_for loses a cancellation, see above
                await asyncio.sleep_ms(0)
            node.bearer.close()

    def command(self, **command) -> None:
        """Give the console a command; a sleeping board is woken for it, as by a button."""
        self._lines.append(json.dumps(command).encode())
        self._line.set()
        if self._armed is not None:
            self._wake(WOKEN_BY_GPIO)

    def level(self, pin, level) -> None:
        """Put a level on a pin, from outside."""
        self.levels[pin] = level
        if self._armed is None:
            if self.running:
                machine.edge(pin)
        elif machine.contact == (pin, level):
            self._wake(WOKEN_BY_CONTACT)

    async def readline(self) -> bytes:
        """The console's side of `command`."""
        while not self._lines:
            self._line.clear()
            await self._line.wait()
        return self._lines.pop(0)

    async def _board(self, cause):
        reason = 0
        try:
            while True:
                await asyncio.sleep_ms(_BOOT_MS)
                kind, duration_ms, pin = await self._boot(cause, reason)
                cause, reason = HARD_RESET, 0
                if kind == "deepsleep":
                    cause, reason = DEEP_SLEEP, await self._deep_sleep(duration_ms, pin)
        except Exception as error:
            self.fail_play(error)

    async def _boot(self, cause, reason):
        await self._bury()
        self.boots += 1
        assert self.boots < self.boots_max, "the board starts over and over"
        self.clock.boot()
        machine.uarts.clear()
        machine.watched.clear()
        machine.wake_pin = machine.contact = None
        machine.held_in_sleep = False
        if cause == POWER_ON:
            machine.held.clear()
            if self.supply_pin is not None:
                self.modem.supply(False)
        machine.host = self._chip = chip = Chip(self, cause, reason)
        from node import lean, sleeping, storage
        from node import node as loop

        self.flash.under(storage)
        for module in (lean, loop, sleeping):
            # Or the next import would find the machine's files.
            module.forget = _keeping_storage
        gc.collect()
        if reason == WOKEN_BY_CONTACT:
            try:
                pulses.sleep_on()  # as node/boot.py does
            except machine.Halted:
                self.counting += 1
                return chip.halted
        node = self.node = Node(config.check(json.loads(self._site)), self.board)
        node.log = Log(self, chip)
        if self.on_crash is None:
            node.failed = _raise  # an error in an Object's handler is one in the test
        try:
            await node.run(lambda: self._setup, self)
            raise AssertionError("the node ended by itself")
        except machine.Halted:
            await asyncio.sleep_ms(0)  # a task that has had no turn yet
            return chip.halted
        except Exception as error:
            if self.on_crash is None:
                raise
            self.on_crash(error)
            return self._crash(node, error)
        finally:
            chip.running = False
            self.awake_ms += self.clock.awake_ms()
            _end(node)
            self._ended, self.node = node, None
            gc.collect()

    def _crash(self, node, error):
        """Do what node/boot.py does; return how the chip came to a halt."""
        from node.crash import panic

        _end(node)
        try:
            panic(error, node)
        except machine.Halted:
            return self._chip.halted

    async def _deep_sleep(self, duration_ms, pin):
        self._armed = -1 if pin is None else pin
        self._woken.clear()
        try:
            if pin is not None and pin == self.board.PINS["ri"] and not self.modem.ri:
                return WOKEN_BY_PIN
            contact = machine.contact
            if contact and self.levels.get(contact[0], 1) == contact[1]:
                return WOKEN_BY_CONTACT
            if self._lines:
                return WOKEN_BY_GPIO
            if duration_ms is None:
                await self._woken.wait()
                return self._reason
            duration_ms += duration_ms * self.clock.slow_permille // 1000
            try:
                await asyncio.wait_for_ms(self._woken.wait(), duration_ms)
            except asyncio.TimeoutError:
                return WOKEN_BY_TIMER
            return self._reason
        finally:
            self._armed = None

    async def _light_sleep(self, duration_ms, pin):
        """Stand in for hw.light_sleep: the chip hears nothing, and its memory is kept."""
        began_ms = virtual_time.now_ms()
        try:
            return await self._deep_sleep(duration_ms, pin) == WOKEN_BY_PIN
        finally:
            self.light_ms += virtual_time.now_ms() - began_ms

    def _wake(self, reason):
        self._reason = reason
        self._woken.set()

    def _modem_output(self, data):
        if self.running and self._armed is None:
            data = self.passing(bytes(data))
            for uart in machine.uarts:
                uart.receive(data)
        elif self._armed == self.board.UART["rx"]:
            self._wake(WOKEN_BY_PIN)  # by a start bit; what is sent is lost

    def _modem_ri(self, level):
        if not level and self._armed is not None and self._armed == self.board.PINS["ri"]:
            self._wake(WOKEN_BY_PIN)


def _raise(error):
    raise error


def _nothing():
    pass


def _keeping_storage(*names):
    _forget(*[name for name in names if name != "node.storage"])


def _tasks(node):
    return node._tasks + [link._task for link in node.bearer.links if link._task]


def _end(node):
    """End all that a node has running, as the chip's stop does."""
    if node.bearer:
        for link in node.bearer.links:
            if link._task:
                link._task.cancel()
    if sys.implementation.name != "micropython":
        from shim.cpython import close_unstarted

        for task in node._tasks:
            close_unstarted(task)
    node.close()
