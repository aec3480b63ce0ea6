"""The examples of firmware/README.md, run as they stand there."""

import binascii
import os
import sys

import machine
from coap.message import ACK
from unit.lwm2m.helpers import Bench, text

HEAP_K = 256  # the page, the compiler and the client

GET, POST, PUT = 1, 2, 3
CHANGED, CONTENT = 0x44, 0x45


def _read_page():
    # On CPython this file is in the tree; on MicroPython the tree's build/ is the folder at hand.
    above = ".."
    if sys.implementation.name == "cpython":
        above = __file__.rpartition("/host_tests/")[0]
    with open(above + "/firmware/README.md") as file:
        return file.read()


_PAGE = _read_page()


class Node:
    """What the page says that a node offers."""

    def __init__(self, bench):
        self.bench = bench
        self.client = bench.client
        self.clock = self
        self.timers = []
        self.microvolts = 700_000
        self.reboots = 0

    def now(self):
        return self.bench.now

    def add(self, obj, instance_id=None):
        return self.bench.tree.add(obj, instance_id)

    def every(self, period_ms, function):
        self.timers.append(function)
        function()

    def adc(self, pin):
        return self

    def read_uv(self):
        return self.microvolts

    def reboot(self):
        self.reboots += 1


class Wires:
    """The pins that an example writes."""

    def __init__(self):
        self.levels = {}

    def pin_write(self, number, level):
        self.levels[number] = level

    def pin_read(self, number):
        return self.levels.get(number, 0)


def _run(number):
    """Run an example of the page; return (node, bench)."""
    source = _PAGE.split("```python\n")[number].split("```")[0]
    names = {"__name__": "app"}
    exec(source, names)
    bench = Bench(temperature=False)
    bench.client.epoch = bench.tree.epoch = lambda: 1_700_000_000 + bench.now // 1000
    node = Node(bench)
    bench.register()
    names["setup"](node)
    bench.run_for(1_000)
    for message in bench.sent():
        if message.type == 0:
            bench.answer(message, CHANGED)
    bench.sent()
    return node, bench


def _ask(bench, *arguments, **options):
    return [m for m in bench.request(*arguments, **options) if m.type == ACK][0]


def test_there_are_three():
    """Application interface: the page has the three examples that are run here."""
    assert _PAGE.count("```python\n") == 3


def test_sensor():
    """Application interface, 1: set from outside, sampled, sent."""
    node, bench = _run(1)
    assert text(_ask(bench, GET, "/3303/0/5700")) in ("20", "20.0")
    assert text(_ask(bench, GET, "/3304/0/5701")) == "%RH"
    bench.observe("/3303/0/5700")
    node.microvolts = 710_000
    node.timers[0]()
    bench.run_for(1_000)
    told = [message for message in bench.sent() if message.token == b"\x0b\x01"]
    assert len(told) == 1
    assert bench.tree.get(3303, 0).values[5602] == 21
    assert [float(bench.tree.get(3304, 0).values[rid]) for rid in (5603, 5604)] == [0, 100]


def test_object():
    """Application interface, 2: read live, refused, executed."""
    node, bench = _run(2)
    assert text(_ask(bench, GET, "/33000/0/0")) == "0"
    node.microvolts = 2_000_000
    node.timers[0]()
    assert text(_ask(bench, GET, "/33000/0/0")) == "1"
    assert text(_ask(bench, GET, "/33000/0/1")) == str(bench.now // 1000)
    assert _ask(bench, PUT, "/33000/0/2", b"101", 0).code == 0x80
    assert _ask(bench, PUT, "/33000/0/2", b"7", 0).code == CHANGED
    assert _ask(bench, POST, "/33000/0/3").code == CHANGED
    assert bench.tree.get(33000, 0).rung == [7]


def test_what_servers_change():
    """Application interface, 3: an output, and an update of the application."""
    folder = "application_page_test"
    home = os.getcwd()
    os.mkdir(folder)
    before = machine.host
    machine.host = wires = Wires()
    os.chdir(folder)
    try:
        node, bench = _run(3)
        assert _ask(bench, PUT, "/3306/0/5850", b"1", 0).code == CHANGED
        assert wires.levels[25] == 1
        program = b"def setup(node):\n    pass\n" * 100
        good = binascii.crc32(program).to_bytes(4, "big")
        for crc, state in ((bytes(4), b"0"), (good, b"2")):
            package = crc + program
            for at in range(0, len(package), 1024):
                more = 8 if at + 1024 < len(package) else 0
                _ask(
                    bench,
                    PUT,
                    "/5/0/0",
                    package[at : at + 1024],
                    42,
                    options=[(27, at // 1024 << 4 | more | 6)],
                )
            assert bytes(_ask(bench, GET, "/5/0/3").payload) == state
        assert _ask(bench, POST, "/5/0/2").code == CHANGED
        bench.run_for(1_000)
        assert node.reboots == 1
        with open("app.py", "rb") as file:
            assert file.read() == program
        bench.sent()
        node, bench = _run(3)
        assert text(_ask(bench, GET, "/5/0/5")) == "1"
    finally:
        machine.host = before
        for name in os.listdir("."):
            os.remove(name)
        os.chdir(home)
        os.rmdir(folder)


def test_what_there_is():
    """Application interface: the modules and classes that the table names are there."""
    seen = 0
    for row in _PAGE.split("## What there is")[1].split("\n"):
        if row[:1] != "|":
            continue
        name, found, rest = row.rpartition(" | ")[2].partition(": ")
        name = name.split(",")[0].strip("`| ")
        if "`" in row and name.replace("_", "").islower() and "(" not in name:
            module = getattr(__import__("lwm2m.objects." + name).objects, name)
            for part in rest.split("`")[1::2] if found else ():
                part = part.partition("(")[0]
                if part[:1].isupper() or part == "define":
                    assert hasattr(module, part), (name, part)
                    seen += 1
    assert seen >= 9, seen
