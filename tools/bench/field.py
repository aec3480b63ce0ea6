"""What a board does in the field, counted in virtual time: `micropython field.py NAME ARGUMENTS`.

NAME: a function below that has a docstring. ARGUMENTS: its own, as a list in JSON. Prints what it
found, {name: number}.


A whole node, the virtual modem and network and a server run in one process (host_tests/system),
where computing takes no time: what is counted is what board, modem and network wait for. It runs
on MicroPython, from the .mpy files that a board gets; two runs give the same figures.

    AT command    a line that the board writes and that begins with AT
    round trip    a line, or data behind a prompt, that the board writes and then waits for the
                  modem: a command that has data to send takes two
    device ms     ms in which the modem has nothing to do for the board: the boot of its chip, the
                  pauses of its driver, and its wait for the network or the server
    modem         the time in which it is awake: neither asleep nor off
    radio         the time in which its radio searches or is connected, which ends some seconds
                  behind the last datagram (tools/virtual/profiles.py has how many)
    air           bytes of the datagrams both ways, with IP and UDP headers
"""

import json
import sys

from shim import virtual_time
from system.world import POWER_ON, World
from unit.node.files import Flash

_PATH = "/3303/0/5700"
_POST = 2
_CONFIRMABLE = 4  # version 1 and type of such a message of CoAP
_EVERY_MS = 900_000
_DAY_S = 86_400
_SETTLED_S = 3_600
_OFF_S = 60
_MODEM = {"modem_boot": 1, "modem_awake": 1, "modem_asleep": 0, "modem_off": 0}


class Stopwatch:
    """Adds up the time in which something is on."""

    def __init__(self):
        self._ms = 0
        self._since_ms = None

    def turn(self, on):
        """It is on, or off, from here on."""
        now = virtual_time.now_ms()
        if self._since_ms is not None:
            self._ms += now - self._since_ms
        self._since_ms = now if on else None

    def read(self):
        """Return the ms so far."""
        self.turn(self._since_ms is not None)
        return self._ms


class Wire:
    """Stands between a board and its modem, and counts from the moment that wakes the board."""

    def __init__(self, world):
        self._world = world
        modem = self._modem = world.modem
        self._write, self._output, self._ri = modem.write, modem.on_output, modem.on_ri
        modem.write, modem.on_output, modem.on_ri = self.write, self.output, self.ri
        world.on_record = self.record
        self.modem = Stopwatch()
        self.radio = Stopwatch()

    def begin(self):
        """Count from here on."""
        self.commands = self.trips = self.device_ms = 0
        self.began_ms = self._done_ms = virtual_time.now_ms()
        self.update_ms = None

    def write(self, data):
        """Take what the board writes; behind the Update nothing is counted."""
        line = data[:2] == b"AT"
        if self.update_ms is None and (line or self._modem.line.prompting):
            now = virtual_time.now_ms()
            self.trips += 1
            self.commands += line
            if self._done_ms is not None:
                self.device_ms += now - self._done_ms
            self._done_ms = None
            if not line and data[0] >> 4 == _CONFIRMABLE and data[1] == _POST:
                self.update_ms = now
        self._write(data)

    def output(self, data):
        """Take what the modem writes."""
        if self._done_ms is None and not self._modem.busy():
            self._done_ms = virtual_time.now_ms()
        self._output(data)

    def ri(self, level):
        """See RI, by whose edge a board in deep sleep is woken."""
        if not level and not self._world.running:
            self.begin()
        self._ri(level)

    def record(self, who, name, facts):
        """See when the modem and its radio are at work."""
        if who == "modem" and name in _MODEM:
            self.modem.turn(_MODEM[name])
        elif who == "modem" and name == "radio":
            self.radio.turn(facts["state"] in ("search", "connected"))


def _play(link, scenario, **settings):
    """Return what a scenario(world, wire) finds out about a board."""
    world = World(link, **settings)
    world.history = 200
    world.flash = Flash()
    wire = Wire(world)
    found = {}

    async def play(world):
        wire.begin()
        found.update(await scenario(world, wire))

    world.play(play)
    return found


def wake_to_update(link):
    """A trigger SMS wakes a board in deep sleep, whose modem has kept context and socket: from the
    edge of RI to the first byte of the Update, whose round trip is counted.
    """

    async def scenario(world, wire):
        await world.settled()
        await world.sleep(600)
        writes = world.flash.writes
        world.peer.trigger()
        await world.saw("device", "updated")
        found = {
            "at_commands": wire.commands,
            "round_trips": wire.trips,
            "virtual_ms": wire.update_ms - wire.began_ms,
            "device_ms": wire.device_ms,
        }
        await world.sleeping()
        found["flash_writes"] = world.flash.writes - writes
        return found

    return _play(link, scenario)


def boot_to_registered(link, first=False):
    """The battery is connected: until the server has answered the Register. first: the modem has
    never been set up.
    """

    async def scenario(world, wire):
        if not first:
            await world.settled()
            world.fail(POWER_ON, _OFF_S * 1000, modem=True)
            await world.sleep(_OFF_S)
            wire.begin()
        await world.saw("device", "registered")
        return {
            "at_commands": wire.commands,
            "round_trips": wire.trips,
            "virtual_ms": virtual_time.now_ms() - wire.began_ms,
            "device_ms": wire.device_ms,
        }

    return _play(link, scenario)


def day_of_reports(link, idle="sleep", awake_s=None):
    """A value that changes every 15 minutes is observed: a day, from an hour after the start."""
    told = []

    def setup(node):
        temperature = node.tree.get(3303, 0)
        told.append(0)
        node.every(_EVERY_MS, lambda: temperature.set(5700, 20 + len(told) % 7))

    def figures(world, wire):
        return {
            "awake_ms": world.awake_ms - world.light_ms,
            "modem_ms": wire.modem.read(),
            "radio_ms": wire.radio.read(),
            "air_bytes": world.network.counters["bytes_on_air"],
            "flash_writes": world.flash.writes,
            "reports": len(world.peer.notifications),
        }

    async def scenario(world, wire):
        world.peer.observe(_PATH)
        await world.settled()
        await world.sleep(_SETTLED_S)
        before = figures(world, wire)
        await world.sleep(_DAY_S)
        after = figures(world, wire)
        return {name: after[name] - before[name] for name in after}

    modem = {"apn": "iot.example"}
    server = {"awake_time_s": awake_s} if awake_s else {}
    if idle != "sleep":
        modem["idle"] = idle
        if idle == "psm":
            modem["psm_active_s"] = awake_s
        server["sms_number"] = None
    return _play(link, scenario, modem=modem, server=server, setup=setup)


def retained_record(same):
    """The longest record of host_tests/system/test_retained_size.py: two servers with five
    observations each, of the same sensors or of ten.
    """
    from system.test_retained_size import measured

    return {"kept_bytes": max(measured(same))}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*json.loads(sys.argv[2]))))
