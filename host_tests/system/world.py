"""A world for system tests: one board, its modem, the network and a server on one loop.

The board runs the whole firmware (`node.node.Node`) in this process, on the virtual clock: its
chip is the shim's `machine`, its UART and pins lead to a virtual modem, and that is on a virtual
network with a scripted server (system/peer.py). Deep sleep ends the run of the node as it ends
that of the chip: nothing is left of it but RTC memory, its clock and the levels of its pins.

What board, modem, network and server tell goes into one list in the order in which it happens. A
test is one coroutine given to `World.play`; where it fails, the end of that list is printed with
the seed.
"""

import asyncio
import gc
import json

import machine
from node import config, hw
from node.lean import forget as _forget
from node.node import Node
from shim import virtual_time
from system.peer import Peer
from unit.node.files import Flash

from boards.host import board as wiring
from tools.virtual.modem import VirtualModem
from tools.virtual.network import Network
from tools.virtual.timers import Timers

NUMBER = "+4790000001"  # the SIM's
SERVER_NUMBER = "+447700900123"
SERVER = ("203.0.113.9", 5683)
OTHER_NUMBER = "+447700900456"
OTHER_SERVER = ("198.51.100.7", 5683)
ENDPOINT = "probe-1"

POWER_ON, HARD_RESET, WATCHDOG, DEEP_SLEEP = 1, 2, 3, 4
WOKEN_BY_PIN, WOKEN_BY_TIMER, WOKEN_BY_GPIO = 2, 4, 7

_BOOT_MS = 400  # from reset to the first line of Python
_EPOCH_AT_POWER_ON_S = 946684800  # an ESP32 that has lost its power begins in 2000
_TICKS_MASK = 0x3FFFFFFF
_PROFILES = {"sim800": "sim800l", "sim7000": "sim7000g", "sim7080": "sim7080g"}
_TAIL = 40
_BOOTS_MAX = 500
_CHATTER = ("at", "radio")  # told too often to be kept


class _Wiring:
    """The board: as tools/device.py has it, but for the pins that differ (None: not wired)."""

    def __init__(self, pins):
        self.UART = wiring.UART
        self.PINS = dict(wiring.PINS)
        self.PINS.update(pins)


class _Chip:
    """What lies outside the chip for one run of it: the `machine.host` of one boot."""

    def __init__(self, world, reset_cause, wake_reason):
        self.reset_cause = reset_cause
        self.wake_reason = wake_reason
        self.running = True
        self.halted = None  # (kind, duration_ms, wake_pin)
        self._world = world
        self._dog = None

    @property
    def memory(self):
        return self._world.memory

    @memory.setter
    def memory(self, data):
        if self.running:
            self._world.memory = data
            self._world.stores += 1

    @property
    def datetime(self):
        return None

    @datetime.setter
    def datetime(self, fields):
        year, month, day, _, hour, minute, second, _ = fields
        seconds = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
        self._world.set_epoch(seconds)

    def uart_rate(self, baudrate):
        if self.running:
            self._world.modem.set_baud(baudrate)

    def uart_write(self, data):
        if self.running:
            self._world.modem.write(self._world.passing(data))

    def pin_write(self, number, level):
        modem = self._world.modem
        pins = self._world.board.PINS
        if not self.running:
            return
        if number == pins["pwrkey"]:
            modem.pwrkey(level == pins["pwrkey_pressed"])
        elif number == pins["dtr"]:
            modem.dtr(bool(level))

    def pin_read(self, number):
        return int(self._world.modem.ri) if number == self._world.board.PINS["ri"] else 1

    def adc_uv(self, number):
        return self._world.microvolts.get(number, 0)

    def watchdog(self, timeout_ms):
        self._world.timers.cancel(self._dog)
        self._dog = self._world.timers.call_later(timeout_ms, self._bite)

    def _bite(self):
        if self.running:
            self._world.fail(WATCHDOG, 0, lost=False)

    def halt(self, kind, duration_ms, wake_pin):
        self.running = False
        self.halted = (kind, duration_ms, wake_pin)


class _Log:
    """The node's log of one boot; what comes after its end is not of this world."""

    form = "json"

    def __init__(self, world, chip):
        self._world = world
        self._chip = chip

    def event(self, name, facts):
        if self._chip.running:
            self._world.record("device", name, facts)


class World:
    """One board and all that is around it.

    link: "sim800", "sim7000" or "sim7080". profile: one of tools/virtual/profiles.py, where it is
    not the usual one of that link. version: the enabler version. server: settings of the one
    server in the site configuration (node/config.py) that differ from the usual. setup: what an
    application's setup(node) does. other: settings of a second server, with Short Server ID 2 and
    a number and an address of its own. pins: what differs in the board's wiring. Other keywords
    are keys of the site configuration. modem: the virtual modem; it may be broken before `play`.
    slow_permille: how slow the chip's clock is, in sleep and as Unix time. peer: the server, whose
    events are those of "server"; other: the second one, "other" in the list, or None. history: how
    many events are kept, None for all; on_record(who, name, facts): told of each, those too that
    are not kept. on_crash(error): told of what ends a run of the node, which a board that has it
    restarts after; without it that is a failure of the play.
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
        **settings,
    ):
        self.seed = seed
        self.events = []  # (ms, who, name, facts)
        self.memory = b""
        self.microvolts = {}
        self.flash = Flash()  # what the board keeps records on
        self.board = _Wiring(pins or {})
        self.node = None
        self.boots = 0
        self.boots_max = _BOOTS_MAX
        self.stores = 0  # how often RTC memory was written
        self.history = None
        self.tail = _TAIL
        self.on_record = None
        self.on_crash = None
        self._trip = None  # [bytes of the UART until the supply fails, how]
        self._restarting = False
        self._failing = None
        self._ended = None
        self.awake_ms = 0  # of all runs of the chip, light sleep included
        self.light_ms = 0  # in light sleep
        self._tail = []
        self._cursor = 0
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._setup = setup
        self._slow_permille = slow_permille
        self._failure = None
        self._task = None
        self._chip = None
        self._armed = None  # pin that ends the deep sleep
        self._woken = asyncio.Event()
        self._reason = 0
        self._lines = []
        self._line = asyncio.Event()
        self._epoch_base_s = _EPOCH_AT_POWER_ON_S
        self._epoch_base_ms = 0
        self._booted_ms = 0
        self._random = (seed * 2654435761 + 97) & 0xFFFFFFFF or 1
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
        hw.ticks_ms, hw.epoch_s, hw.random_bits = self.ticks_ms, self.epoch_s, self.random_bits
        hw.light_sleep = self._light_sleep
        if hasattr(gc, "freeze"):
            gc.freeze()  # a boot collects; CPython need not look at all of pytest for it
        try:
            virtual_time.run(self._play(scenario))
        except BaseException:
            print("seed %d, %d ms" % (self.seed, virtual_time.now_ms()))
            for at_ms, who, name, facts in self._tail:
                print("%10.3f %-8s %-14s %s" % (at_ms / 1000, who, name, facts))
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
            if self._failure:
                raise self._failure
        finally:
            while not acting.done():
                acting.cancel()
                await asyncio.sleep_ms(0)
            await self.power_cut()

    async def _act(self, scenario):
        try:
            await scenario(self)
        except Exception as error:
            if self._failure is None:
                self._failure = error
        finally:
            self._over.set()

    def _unhandled(self, loop, context):
        error = AssertionError("%s %s" % (context["message"], context.get("task", "")))
        self.fail_play(context.get("exception") or error)

    def fail_play(self, error) -> None:
        """End the play with an error."""
        if self._failure is None:
            self._failure = error
        self.record("world", "failure", {"reason": repr(error)})
        self._over.set()

    # What happened.

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
            if self._failure:
                raise self._failure
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
        if self._failure:
            raise self._failure

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
        self._epoch_base_s, self._epoch_base_ms = _EPOCH_AT_POWER_ON_S, virtual_time.now_ms()

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
            self._epoch_base_s, self._epoch_base_ms = _EPOCH_AT_POWER_ON_S, virtual_time.now_ms()
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
            tasks = node._tasks + [link._task for link in node.bearer.links if link._task]
            while not all([task.done() for task in tasks]):
                _end(node)  # CPython's wait_for loses a cancellation, see above
                await asyncio.sleep_ms(0)
            node.bearer.close()

    def command(self, **command) -> None:
        """Give the console a command; a sleeping board is woken for it, as by a button."""
        self._lines.append(json.dumps(command).encode())
        self._line.set()
        if self._armed is not None:
            self._wake(WOKEN_BY_GPIO)

    async def readline(self) -> bytes:
        """The console's side of `command`."""
        while not self._lines:
            self._line.clear()
            await self._line.wait()
        return self._lines.pop(0)

    def ticks_ms(self) -> int:
        """The chip's tick counter: from its boot, wrapping."""
        return virtual_time.now_ms() - self._booted_ms & _TICKS_MASK

    def epoch_s(self) -> int:
        """The chip's clock."""
        passed_ms = virtual_time.now_ms() - self._epoch_base_ms
        return self._epoch_base_s + passed_ms * (1000 - self._slow_permille) // 1_000_000

    def set_epoch(self, seconds) -> None:
        """The chip's clock is set."""
        self._epoch_base_s, self._epoch_base_ms = seconds, virtual_time.now_ms()

    def random_bits(self, count) -> int:
        """The chip's random generator, from the seed (xorshift32)."""
        x = self._random
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._random = x
        return x >> 32 - count if count else 0

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
        self._booted_ms = virtual_time.now_ms()
        machine.uarts.clear()
        machine.wake_pin = None
        machine.host = self._chip = chip = _Chip(self, cause, reason)
        from node import lean, sleeping, storage
        from node import node as loop

        self.flash.under(storage)
        for module in (lean, loop, sleeping):
            # Or the next import would find the machine's files.
            module.forget = _keeping_storage
        gc.collect()
        node = self.node = Node(config.check(json.loads(self._site)), self.board)
        node.log = _Log(self, chip)
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
            self.awake_ms += virtual_time.now_ms() - self._booted_ms
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
            if self._lines:
                return WOKEN_BY_GPIO
            if duration_ms is None:
                await self._woken.wait()
                return self._reason
            duration_ms += duration_ms * self._slow_permille // 1000
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


def _end(node):
    """End all that a node has running, as the chip's stop does."""
    if node.bearer:
        for link in node.bearer.links:
            if link._task:
                link._task.cancel()
    node.close()


def _matches(event, who, name, facts):
    if event[1] != who or event[2] != name:
        return False
    return all([event[3].get(key) == facts[key] for key in facts])


def _days(year, month, day):
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    year -= month < 3
    shifted = (153 * (month + (9 if month < 3 else -3)) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + shifted - 719468
