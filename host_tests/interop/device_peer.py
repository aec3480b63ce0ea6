"""A whole LwM2M client on a UDP socket of 127.0.0.1, for CPython and the MicroPython unix port.

    device_peer.py device PORT CONTROL SERVER_PORT MODE    a client of the LwM2M server there,
                                                           MODE "queue" or "plain"

It prints "ready", and takes commands as datagrams on the port CONTROL, see `Control` and `Device`.
"""

import sys

from block_observe_peer import Control, collect_early, quick_link, text
from coap_peer import address, now_ms, random_bits

_MONTH_S = 2_592_000


class Device:
    """An LwM2M client with a Temperature, and an Object 32000 that holds a large text.

    Commands: set VALUE of /3303/0/5700; grow SIZE, of the lines in /32000/0/0;
    remove /3303/0; observers: how many; skip MS: time passes; sleep: a deep sleep, of which only
    the record of `freeze` is left; crash: a power cut, nothing is left; state: its number.
    """

    def __init__(self, port, server_port, mode):
        self._server = ("127.0.0.1", server_port)
        self._server_address = address(server_port)
        self._queue = mode == "queue"
        self._skipped_ms = 0
        self.link = quick_link(port, 1152)
        self.ticks = 0
        self._start(None)

    def now(self):
        return now_ms() + self._skipped_ms

    def send(self, data, peer):
        self.link.send(data, self._server_address)

    def step(self):
        got = self.link.receive(5)
        now = self.now()
        if got:
            peer = self._server if got[1] == self._server_address else ("127.0.0.1", 0)
            self.client.receive(got[0], peer, self._route, now)
        self.client.step(now)

    def tick(self):
        self.ticks += 1
        if self.client.tree.get(3303, 0):
            self.temperature.set(5700, float(self.ticks))

    def command(self, words):
        name = words[0]
        if name == "set":
            self.temperature.set(5700, float(words[1]))
        elif name == "grow":
            self.notes.set(0, str(text(int(words[1])), "ascii"))
        elif name == "remove":
            self.client.tree.remove(3303, 0)
        elif name == "observers":
            return str(len(list(self.client.observations)))
        elif name == "skip":
            self._skipped_ms += int(words[1])
        elif name == "sleep":
            self._start(self.client.freeze(self.now()))
        elif name == "crash":
            self._start(None)
        elif name == "state":
            return str(self.client.accounts[0].state)
        return "ok"

    def _start(self, record):
        from lwm2m.client import Client
        from lwm2m.objects.device import Device as DeviceObject
        from lwm2m.objects.ipso import Temperature
        from lwm2m.tree import Tree

        tree = Tree()
        tree.add(DeviceObject(manufacturer="Nudge"))
        self.temperature = tree.add(Temperature(units="Cel", application_type="air"))
        self.temperature.set(5700, float(self.ticks))
        self.notes = tree.add(_notes())
        self.notes.set(0, str(text(1504), "ascii"))
        self.client = Client("urn:dev:os:nudge", tree, random_bits)
        self._route = _Route(self)
        self.client.attach(self._route)
        self.client.add_server(
            "coap://%s:%d" % self._server,
            1,
            "1.1",
            queue=self._queue,
            lifetime_s=_MONTH_S,
            awake_time_ms=93_000 if self._queue else None,
        )
        if record:
            assert self.client.thaw(record, self.now())
        self.client.start(self.now())


class _Route:
    """The link of a Device, which knows its server by name and port."""

    binding = "U"

    def __init__(self, device):
        self._link = device.link
        self.mtu = device.link.mtu
        self.dropped = {}
        self.send = device.send

    @property
    def transmission(self):
        return self._link.transmission


def device(port, control_port, server_port, mode):
    self = Device(port, server_port, mode)
    control = Control(control_port, self.link, lambda: self.client.endpoint, self.command)
    next_tick = 0
    print("ready")
    while True:
        self.step()
        control.step()
        if control.tick_ms and self.now() >= next_tick:
            next_tick = self.now() + control.tick_ms
            self.tick()


def _notes():
    from lwm2m.object import Object

    class Notes(Object):
        object_id = 32000
        resources = b"\x00\x00\x13\x01"  # 0 Data, here a string: R, W, mandatory

    return Notes()


if __name__ == "__main__":
    collect_early()
    device(*[int(word) for word in sys.argv[2:5]], sys.argv[5])
