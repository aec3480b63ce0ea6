"""A life of the whole node, drawn from a seed: days of reports, a person at the server, faults.

`Life` is one such life. The board measures every report_s seconds and tells an observation of it;
the person asks, writes and triggers as a person does in queue mode: what is asked waits until the
device shows, and a text message calls it where somebody waits; where the modem is in PSM or off
between two reports, none is sent and the next report is waited for. Faults (system/faults.py)
strike in between. When they are over the person asks once more, and the invariants
(system/invariants.py) are looked at.

On a runtime alone: `main(["--seed", "1", "--days", "3"])` prints the summary as one line of JSON.
"""

import asyncio
import gc
import json
import sys

from lwm2m.objects.ipso import define
from micropython import const
from shim import virtual_time
from system import invariants
from system.faults import KINDS, Draw, Faults, Schedule, ended
from system.variant import Variant
from system.world import World
from unit.node.files import Flash

_DAY_S = const(86_400)
_HISTORY = const(300)
_LOOKS = const(6)  # at the memory
_MOST_LOOKS = const(40)
_TAIL = const(120)  # events that are printed where a life fails
_VALUE = "/3303/0/5700"
_LIGHT = const(3311)
_ON_OFF, _DIMMER = const(5850), const(5851)
_BOOTS_MAX = const(1_000_000)
# Least and most minutes until the person wants something again, and patience with a trigger.
_PAUSE_MIN = (20, 480)
_PATIENCE_S = const(1_200)
_LOOK_S = const(10)
_LONGEST_PATIENCE_S = const(10_800)

_ZONES = ("Europe/Oslo", "Asia/Tokyo", "UTC", "America/Lima")
_COMPOSITE = ("/3/0/15", "/3311/0/5851")  # what is written at once
_FETCH, _IPATCH = const(5), const(7)
_CONTENT_FORMAT, _ACCEPT, _SENML_JSON = const(12), const(17), const(110)
_CRASHES_END_S = const(21_600)  # so long before the faults are over
_READS = (_VALUE, "/3/0/13", "/4/0", "/1/0", "/3311/0/5850", "/3/0/11", "/3303/0")


class Planted(Exception):
    """What the application raises where the seed says that it does."""


class Life:
    """One life. seed, days: of it. The rest: None is as the seed says.

    faults_a_day: 0 for a life without any. kinds: the kinds of faults that are drawn, None for
    all.
    """

    VALUE = _VALUE

    def __init__(self, seed, days, modem=None, faults_a_day=4, kinds=None, report_s=None):
        self.seed = seed
        self.days = days
        self.draw = Draw(seed)
        self.variant = variant = Variant(seed, modem, report_s)
        self.schedule = Schedule(seed, days, faults_a_day, kinds)
        self.counts = {}  # "who event" -> how many
        self.requests = {}  # what the person asked, by name -> (kind, path, or what is written)
        self.values = {}  # path -> the texts one of which has to be there
        self.measured = 0  # the values measured are 1, 2 …
        self.radio_ms = 0
        self.modem_ms = 0
        self.store_dropped = 0
        self.stored = None  # the values that were stored at the last deep sleep
        self.told = []  # the values that the server was told of since
        self.last_told = 0
        self.back = {}  # path -> payload, as read after the faults
        self.first_level = None
        self.crashes = 0
        self.safe = 0  # starts in safe mode
        self.reasons = {}  # of the errors that the device tells -> how many
        self.planted = 0
        self.sendings = 0  # what the server was sent
        self.asked = 0
        self.writes = 0  # Writes and Write-Attributes that were asked for
        self.triggers = 0
        self._radio = [None, 0]
        self._powered = None
        self._watched = set()
        version = variant.version
        server = {"lifetime_s": variant.lifetime_s}
        other = variant.other
        self.no_sms = variant.idle != "sleep"
        if self.no_sms:
            server["sms_trigger"] = False
        elif version == "1.0":
            server["binding"] = "US"  # before 1.1 that lets the server send triggers
            if other:
                other["binding"] = "US"
        options = {"outlive_power": True} if variant.outlive else {}
        self.world = world = World(
            variant.link,
            version,
            seed,
            server,
            self._setup,
            variant.nat_timeout_s,
            variant.slow_permille,
            other,
            variant.pins,
            variant.profile,
            sleep=variant.sleep,
            stored_bytes=variant.stored_bytes,
            modem=variant.modem,
            **options,
        )
        world.flash = self.flash = Flash()
        world.history = _HISTORY
        world.tail = _TAIL
        world.boots_max = _BOOTS_MAX
        world.on_record = self._seen
        self.faults = Faults(world, self.schedule, seed, self._struck)
        self._crash_ms = None
        if variant.crashing_s:
            last_ms = self.schedule.end_ms - (variant.crashing_s + _CRASHES_END_S) * 1000
            if last_ms > 0:
                self._crash_ms = self.draw.below(last_ms)
        world.on_crash = self._crashed
        self.message_ids = invariants.MessageIds(self)
        self.peer = world.peer
        self.ended_ms = 0
        self.back_s = None  # seconds until the device was reached again after the faults

    # The board's application.

    def _setup(self, node):
        sensor = node.tree.get(3303, 0)
        node.failed = self._failed
        if self.planted and self.variant.crashes_in_setup:
            self._raise_planted()

        def measure():
            self._raise_planted()
            self.measured += 1
            sensor.set(5700, float(self.measured))
            if self.variant.sends:
                node.client.send([(3303, 0, 5700)], node.clock.now())

        node.every(self.variant.report_s * 1000, measure)
        node.add(define(_LIGHT)(values={_DIMMER: 50}))

    def _raise_planted(self):
        """Raise in the seconds that are drawn for it."""
        now = virtual_time.now_ms()
        if self._crash_ms is not None and now >= self._crash_ms:
            if not self.planted:
                self._crash_ms = now
            if now < self._crash_ms + self.variant.crashing_s * 1000:
                self.planted += 1
                raise Planted

    def _crashed(self, error):
        self.crashes += 1
        if not isinstance(error, Planted):
            self._failed(error)

    def _failed(self, error):
        self.world.fail_play(error)

    # What is seen.

    def _seen(self, who, name, facts):
        key = who + " " + name
        self.counts[key] = self.counts.get(key, 0) + 1
        if who == "device":
            self._seen_device(name, facts)
        elif who == "modem":
            self._seen_modem(name, facts)
        elif who == "network":
            invariants.look_at_address(self, name, facts)
        elif who == "server":
            self._seen_server(name, facts)
        elif who == "other" and name == "answer":
            self.world.other.answers.clear()

    def _seen_modem(self, name, facts):
        now = virtual_time.now_ms()
        if name == "radio":
            state, since = self._radio
            if state == "connected" or state == "search":
                self.radio_ms += now - since
            self._radio = [facts["state"], now]
        elif name == "modem_boot" and self._powered is None:
            self._powered = now
        elif name == "modem_off" and self._powered is not None:
            self.modem_ms += now - self._powered
            self._powered = None

    def _seen_server(self, name, facts):
        if name == "answer":
            self._answered(facts["name"], facts["code"], facts["payload"])
        elif name == "notification" and facts["path"] == _VALUE:
            self._told(facts["payload"])
        elif name == "register":
            self._registered()
        elif name == "send":
            self.sendings += 1

    def _seen_device(self, name, facts):
        if name == "drop" and facts["reason"] in ("store_full", "stored_lost"):
            self.store_dropped += 1
        elif name == "sleeping":
            invariants.look_at_stored(self)
        elif name == "cancelled":
            self.stored = None
        elif name == "error":
            reason = facts["reason"]
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        elif name == "booted":
            if facts["clean"]:
                self.stored = None  # no deep sleep's end: it begins without what was stored
            if facts["mode"] == "safe":
                self.safe += 1

    def _struck(self, fault):
        pass

    def wrong(self, reason):
        """An invariant that is looked at while the life goes on does not hold."""
        self.world.fail_play(AssertionError(reason))

    # The person at the server.

    def _told(self, payload):
        try:
            value = int(float(payload))
        except ValueError:
            if not self.faults.noise:
                self.wrong("told of %s" % payload)
            return
        self.told.append(value)
        self.last_told = max(self.last_told, value)

    def _answered(self, name, code, payload):
        kind, asked = self.requests.pop(name, (None, None))
        if kind == "write" and code == "2.04":
            for path, text in asked.items():
                self.values[path] = (text,)
        elif kind == "write" and code == "5.00":
            for path, text in asked.items():  # it holds until the next start (node/written.py)
                if path in self.values:
                    self.values[path] += (text,)
        elif kind == "back":
            try:
                self.back[asked] = payload.decode() if code == "2.05" else code
            except UnicodeError:
                self.back[asked] = repr(payload)  # bits fell over
        self.peer.answers.clear()

    def _registered(self):
        """A registration that is not known: what was observed is observed anew."""
        waiting = [each[0] for each in self.peer.waiting]
        for path in self._watched:
            if "observe " + path not in waiting:
                self.peer.observe(path)

    def _write(self, path, value):
        self.asked += 1
        self.writes += 1
        name = "%d write %s" % (self.asked, path)
        self.requests[name] = ("write", {path: value})
        self.peer.ask(name, self.peer.request(3, path, value.encode()))

    def _write_both(self):
        """Write two values at once."""
        self.asked += 1
        self.writes += 1
        zone, level = self.draw.of(_ZONES), self.draw.below(101)
        name = "%d write %s" % (self.asked, " ".join(_COMPOSITE))
        self.requests[name] = ("write", {_COMPOSITE[0]: zone, _COMPOSITE[1]: str(level)})
        text = '[{"n":"%s","vs":"%s"},{"n":"%s","v":%d}]'
        text %= (_COMPOSITE[0], zone, _COMPOSITE[1], level)
        self.peer.ask(name, self._senml(_IPATCH, text))

    def _read_some(self):
        """Read some values at once."""
        self.asked += 1
        paths = ["/3/0/15"] + [self.draw.of(_READS) for _ in range(2)]
        text = "[%s]" % ",".join(['{"n":"%s"}' % path for path in paths])
        name = "%d read %s" % (self.asked, " ".join(paths))
        self.peer.ask(name, self._senml(_FETCH, text).add(_ACCEPT, _SENML_JSON))

    def _senml(self, code, text):
        request = self.peer.request(code, "", text.encode())
        return request.add(_CONTENT_FORMAT, _SENML_JSON)

    def _read(self, path):
        self.asked += 1
        self.peer.ask("%d read %s" % (self.asked, path), self.peer.request(1, path))

    def read_back(self, path):
        """Ask what is at `path`; the answer goes to back[path]."""
        self.asked += 1
        name = "%d read %s" % (self.asked, path)
        self.requests[name] = ("back", path)
        self.peer.ask(name, self.peer.request(1, path))

    def _wish(self):
        """Queue what a person may want."""
        draw = self.draw
        for _ in range(1 + draw.below(3)):
            choice = draw.below(10)
            if self.variant.composite and draw.chance(300):
                (self._read_some if choice < 5 else self._write_both)()
            elif choice < 4:
                self._read(draw.of(_READS))
            elif choice < 8:
                self._write(*self._new_value())
            elif choice < 9:
                if _VALUE in self._watched and draw.chance(200):
                    self._watched.discard(_VALUE)
                    self.peer.observe(_VALUE, True)
                else:
                    self._watched.add(_VALUE)
                    self.peer.observe(_VALUE)
            else:
                self.writes += 1
                self.peer.write_attributes(
                    _VALUE, "pmin=%d" % draw.of((0, 10, 60)), "pmax=%d" % draw.of((3600, 20000))
                )

    def _new_value(self):
        draw = self.draw
        choice = draw.below(6)
        if choice == 0:
            return "/3/0/14", "%s%02d:00" % (draw.of("+-"), draw.below(12))
        if choice == 1:
            return "/3/0/15", draw.of(_ZONES)
        if choice == 2:
            return "/3311/0/5850", draw.of("01")
        if choice == 3:
            return self.peer.resource("lifetime"), str(draw.of((3_600, 43_200, 86_400)))
        if choice == 4:
            return self.peer.resource("pmin"), str(draw.below(100))
        return "/3311/0/5851", str(draw.below(101))

    async def person(self):
        """Want something now and then, and call the device for it."""
        self._watched.add(_VALUE)
        self.peer.observe(_VALUE)
        while True:
            await self.world.sleep(self.draw.between(*_PAUSE_MIN) * 60)
            self._wish()
            await self.call()
            if self.world.other and self.draw.chance(300):
                self.world.other.read(_VALUE)
                await self.call(peer=self.world.other)

    async def call(self, limit_s=None, peer=None) -> bool:
        """Call the device by text messages, where it hears any, until nothing waits for it at a
        server; False after limit_s.
        """
        peer = peer or self.peer
        patience_s = _PATIENCE_S
        start_ms = self.world.timers.now()
        while peer.waiting or peer.asking():
            if limit_s is not None and self.world.timers.now() - start_ms > limit_s * 1000:
                return False
            if not self.no_sms:
                self.triggers += 1
                peer.trigger()
            for _ in range(patience_s // _LOOK_S):
                await self.world.sleep(_LOOK_S)
                if not (peer.waiting or peer.asking()):
                    return True
            patience_s = min(patience_s * 2, _LONGEST_PATIENCE_S)
        return True

    # The life.

    async def _half(self):
        """Look at the memory when half of the life is over."""
        await self.world.sleep(self.days * _DAY_S / 2)
        await self.rest(_DAY_S)
        self.first_level = await self.level()

    async def rest(self, limit_s=3600):
        """Wait until the board has nothing to do."""
        world = self.world
        for _ in range(limit_s):
            await world.sleep(1)
            if not world.running or not self._busy(world.node):
                return
        raise AssertionError("the board is busy for %d s" % limit_s)

    @staticmethod
    def _busy(node):
        if not node or not node.client:
            return True
        return node.connecting or node.client.busy(node.clock.now()) or node.bearer.busy()

    async def level(self, enough=None):
        """Return the bytes in use without what is kept of the past; None on CPython.

        The least of some, of more where it is above `enough`: MicroPython's collector takes what
        looks like a pointer for one, and may hold on to a whole node that has ended.
        """
        if not hasattr(gc, "mem_alloc"):
            return None
        least = None
        for look in range(_MOST_LOOKS):
            if look >= _LOOKS and (enough is None or least <= enough):
                break
            await self.rest()
            self.world.network.forget_expired()
            self.world.forget()
            del self.peer.notifications[:]
            del self.peer.sms[:]
            self.message_ids.forget()
            gc.collect()
            level = gc.mem_alloc()
            least = level if least is None else min(least, level)
            await self.world.sleep(97 + 60 * look)
        return least

    async def _live(self, world):
        tasks = [asyncio.create_task(self.person()), asyncio.create_task(self._half())]
        try:
            await self.faults.run()
        finally:
            await ended(tasks)
        await invariants.after(self)
        self.ended_ms = world.timers.now()

    def live(self) -> dict:
        """Live it; return the summary. Raises what is wrong, AssertionError for an invariant."""
        self.world.play(self._live)
        return self.summary()

    def summary(self) -> dict:
        """Return what came of it, in numbers."""
        world = self.world
        network = world.network.counters
        count = self.counts.get
        now = self.ended_ms
        on_ms = self.modem_ms + (0 if self._powered is None else now - self._powered)
        return {
            "seed": self.seed,
            "days": self.days,
            "variant": self.variant.line(),
            "faults": self.schedule.counts,
            "struck": self.faults.struck,
            "boots": world.boots,
            "registers": count("server register", 0),
            "updates": count("server update", 0),
            "notifications": count("server notification", 0),
            "measured": self.measured,
            "writes": self.writes,
            "asked": self.asked,
            "answers": count("server answer", 0),
            "triggers": self.triggers,
            "sms_down": world.network.sms.counters["delivered"],
            "sms_up": world.network.sms.counters["submitted"],
            "bytes_up": network["up_bytes"],
            "bytes_down": network["down_bytes"],
            "at_commands": count("modem at", 0),
            "awake_s": world.awake_ms // 1000,
            "modem_on_s": on_ms // 1000,
            "radio_s": self.radio_ms // 1000,
            "flash_writes": self.flash.writes,
            "rtc_writes": world.stores,
            "modem_boots": count("modem modem_boot", 0),
            "sendings": self.sendings,
            "crashes": self.crashes,
            "safe": self.safe,
            "errors": self.reasons,
            "back_s": self.back_s,
        }


def main(arguments) -> int:
    """Live one life as the arguments say; print its summary, or what is wrong."""
    options = {"modem": None, "kinds": None, "report-s": None, "faults": "4", "days": "2"}
    for at in range(0, len(arguments), 2):
        options[arguments[at][2:]] = arguments[at + 1]
    kinds = options["kinds"].split(",") if options["kinds"] else None
    for kind in kinds or ():
        if kind not in [row[0] for row in KINDS]:
            print("--kinds: no %r; use %s" % (kind, ", ".join([row[0] for row in KINDS])))
            return 2
    life = Life(
        int(options["seed"]),
        float(options["days"]),
        options["modem"] or None,
        int(options["faults"]),
        kinds,
        int(options["report-s"]) if options["report-s"] else None,
    )
    try:
        print(json.dumps(life.live()))
    except Exception as error:
        sys.print_exception(error)
        print(json.dumps({"seed": life.seed, "variant": life.variant.line(), "failed": True}))
        return 1
    return 0
