"""Random lives of a client, from a seed: what must hold whatever the network and the server do."""

from coap.message import ACK, CON, NON
from coap.registry import (
    CHANGED,
    CREATED,
    DELETE,
    DELETED,
    GET,
    LOCATION_PATH,
    NOT_FOUND,
    POST,
    PRECONDITION_FAILED,
    PUT,
    SERVICE_UNAVAILABLE,
)
from unit.lwm2m.helpers import DISABLED, OWN_NUMBER, REGISTERED, SERVER_NUMBER, Bench

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 120

_SETTINGS = {"lifetime_s": 3600, "disable_timeout": 500, "sms_number": SERVER_NUMBER}
_PATIENCE = {"retry_count": 2, "retry_timer": 7, "sequence_delay": 400, "sequence_retries": 2}


class Dice:
    """A linear congruential generator, the same on every runtime."""

    def __init__(self, seed):
        self._state = seed

    def roll(self, sides):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 12) % sides


class Life:
    def __init__(self, seed, version):
        self.dice = Dice(seed)
        self.version = version
        self.bench = self.made()
        self.bench.client.start(self.bench.now)
        self.registrations = 0
        self.slept = 0

    def made(self):
        """Return a client as it is configured; that of 1.2 has all that is not in 1.1 too."""
        if self.version != "1.2":
            return Bench(self.version, OWN_NUMBER, **_SETTINGS)
        bench = Bench("1.2", OWN_NUMBER, **dict(_SETTINGS, **_PATIENCE))
        bench.account.profile = "hash"
        bench.account.after_sleep = "register"
        return bench

    def answer_all(self):
        """Be a server that answers most messages and refuses some."""
        bench = self.bench
        bench.names()  # a life has more events than fit the heap
        for message in bench.sent():
            assert bench.account.state != DISABLED or message.code == DELETE or message.code > 0x40
            luck = self.dice.roll(10)
            if luck == 0 or message.type == ACK or message.type > ACK:
                continue
            if message.code > 0x1F:
                if message.type == CON or luck == 1:
                    bench.acknowledge(message, 3 if luck == 1 else ACK)
            elif luck == 1:
                bench.answer(message, SERVICE_UNAVAILABLE)
            elif luck == 2:
                bench.answer(message, NOT_FOUND)
            elif luck == 3 and self.version == "1.2":
                bench.answer(message, PRECONDITION_FAILED)
            elif message.path() == ["rd"]:
                self.registrations += 1
                bench.answer(message, CREATED, options=[(LOCATION_PATH, "rd/x")])
            else:
                bench.answer(message, DELETED if message.code == DELETE else CHANGED)

    def act(self):
        """Let something happen."""
        bench = self.bench
        dice = self.dice
        choice = dice.roll(12)
        trigger = "/1/0/11" if self.version == "draft" else "/1/0/8"
        if choice == 0:
            bench.temperature.set(5700, dice.roll(50))
        elif choice == 1:
            bench.request(POST, trigger, binding="S", type=NON if dice.roll(2) else CON)
        elif choice == 2:
            bench.request(GET, "/3303/0/5700", observe=dice.roll(2), token=bytes([dice.roll(3)]))
        elif choice == 3:
            bench.request(PUT, "/1/0/1", b"%d" % (300 + dice.roll(3000)), 0)
        elif choice == 4:
            garbage = bytes([dice.roll(256) for _ in range(dice.roll(30))])
            bench.deliver(garbage, "US"[dice.roll(2)])
        elif choice == 5:
            bench.client.update()
        elif choice == 6:
            bench.client.address_changed(bench.now)
        elif choice == 7 and dice.roll(5) == 0:
            bench.request(POST, "/1/0/7" if self.version == "draft" else "/1/0/4")
        elif choice == 8:
            bench.request(PUT, "/3303/0/5700", queries=["pmin=%d" % dice.roll(20), "pmax=90"])
        elif choice == 9:
            bench.request(GET, "/3303/0/5701", observe=0, token=b"\x09")
        self.answer_all()

    def sleep(self):
        """Go through a deep sleep, when the client allows it."""
        bench = self.bench
        due = bench.step()
        if bench.out or bench.client.busy(bench.now):
            return
        self.slept += 1
        record = bench.client.freeze(bench.now)
        after = self.made()
        after.temperature.values.update(bench.temperature.values)
        after.now = bench.now + 10
        after.message_id = bench.message_id
        assert after.client.thaw(record, after.now)
        later = after.step()
        assert after.out == [], after.out
        assert (due is None) == (later is None), (due, later)
        assert due is None or abs(due - later) <= 1_001 or later <= after.now + 1_001
        self.bench = after


def live(seed, version, steps=150):
    life = Life(seed, version)
    dice = life.dice
    for _ in range(steps):
        life.act()
        until = life.bench.now + (1 << dice.roll(19))
        due = life.bench.step()
        while due is not None and due <= until:
            assert due > life.bench.now, (due, life.bench.now)
            life.bench.now = due
            due = life.bench.step()
            life.answer_all()
            due = life.bench.step()
        life.bench.now = until
        life.bench.step()
        life.answer_all()
        if dice.roll(3) == 0:
            life.sleep()
    assert life.registrations and life.slept
    assert len(list(life.bench.client.observations)) <= 4
    for _ in range(40):  # a server that is kind again has its client back
        life.bench.run_for(100_000)
        for message in life.bench.sent():
            if message.path() == ["rd"]:
                life.bench.answer(message, CREATED, options=[(LOCATION_PATH, "rd/x")])
            elif message.type == CON and message.code < 0x20:
                life.bench.answer(message, CHANGED)
            elif message.type == CON:
                life.bench.acknowledge(message)
        if life.bench.account.state == REGISTERED:
            return
    raise AssertionError("seed %d: %d" % (seed, life.bench.account.state))


def test_random_lives_of_1_1():
    """DESIGN.md §6, §7: no exception, deadlines ahead, silence when disabled, sleep without
    loss."""
    for seed in range(6):
        live(seed, "1.1")


def test_random_lives_of_the_draft():
    """DESIGN.md §6, §7: the same for the change request."""
    for seed in range(100, 106):
        live(seed, "draft")


def test_random_lives_of_1_2():
    """DESIGN.md §6, §7: the same for 1.2, its sequences of attempts, its Profile IDs and the way
    down to 1.0."""
    for seed in range(200, 206):
        live(seed, "1.2")
