"""A relay on GPIO 19, switched by servers as Power Control (3306/0/5850)."""

import machine
from lwm2m.objects import ipso
from node.hw import hold

PIN = 19
ON = 1  # the level that switches it on; many relay boards have 0


def drive(relay):
    hold(PIN, ON if relay.values[5850] else 1 - ON)  # stays so while the chip sleeps


def setup(node):
    # With the clock the relay has On time (5852), too. What a server has written is driven again
    # after a reset; only a board that gets its power has to switch the relay off by itself.
    relay = node.add(ipso.define(3306)(drive, node.clock.now, {5750: "relay"}))
    if machine.reset_cause() == machine.PWRON_RESET:
        drive(relay)
