"""Random lives of observations, from a seed: what must hold whatever servers ask for and whatever
becomes of their notifications.
"""

import json

from coap.message import ACK, CON, RST
from coap.registry import ACCEPT, CHANGED, CONTENT, CREATED, DELETED, GET, LOCATION_PATH, POST, PUT
from lwm2m.codec import cbor
from lwm2m.object import Object
from lwm2m.objects.ipso import Temperature
from unit.lwm2m.helpers import REGISTERED, Bench
from unit.lwm2m.test_random_life import Dice

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 144

_FETCH = 5
_SENML_JSON = 110
_SENML_CBOR = 112
_LABELS = (("bn", "n", ("v", "vs", "vb")), (-2, 0, (2, 3, 4)))
_SETTINGS = {"lifetime_s": 36_000, "disable_timeout": 500, "queue": False}
_PATHS = ("/3303", "/3303/0", "/3303/0/5700", "/3303/0/5701", "/10350/0/0", "/10350/0/1",
          "/10350/0/1/1", "/3303/1/5700", "/3/0/0")  # fmt: skip
_QUERIES = ("pmin=%d", "pmax=%d", "epmin=%d", "epmax=%d", "hqmax=%d", "con=1", "con=0", "gt=%d",
            "lt=-%d", "st=%d", "edge=0", "pmin", "pmax", "gt", "lt", "st", "con", "hqmax",
            "edge", "epmin", "epmax")  # fmt: skip
_NAMES = ("pmin", "pmax", "epmin", "epmax", "con", "hqmax")


class Door(Object):
    """A Boolean and a resource of several instances."""

    object_id = 10350
    resources = (
        b"\x00\x00\x13\x05"  # Open: RW, Boolean
        b"\x00\x01\x09\x04"  # Voltages: R, multiple, Float
    )

    def __init__(self):
        super().__init__()
        self.values.update({0: False, 1: {0: 3.0, 1: 5.0}})


class Life:
    def __init__(self, seed):
        self.dice = Dice(seed)
        self.bench = self.client(1_000)
        self.bench.client.start(1_000)
        self.told = {}  # token -> (Content-Format, payload) told last
        self.numbers = {}  # token -> value of its Observe option
        self.notifications = self.slept = 0

    def client(self, now):
        bench = Bench("1.2", **_SETTINGS)
        bench.now = now
        bench.client.on_event = None
        bench.client.epoch = lambda: 1_700_000_000 + bench.now // 1000
        bench.door = bench.tree.add(Door())
        return bench

    def serve(self, kind=False):
        """Be a server that answers most messages; a kind one answers all."""
        bench = self.bench
        for _ in range(40):
            sent = bench.sent()
            if not sent:
                return
            for message in sent:
                luck = 5 if kind else self.dice.roll(12)
                if 0 < message.code < 0x20:
                    if luck and message.path() == ["rd"]:
                        options = [(LOCATION_PATH, "rd/x")]
                        bench.answer(message, CREATED, options=options)
                    elif luck:
                        bench.answer(message, DELETED if message.code == 4 else CHANGED)
                elif message.type != ACK:
                    self.take(message, luck)

    def take(self, message, luck):
        """Take a notification: perhaps lose it, perhaps reset it."""
        token = bytes(message.token)
        if message.type == CON and luck == 0:
            return
        self.notifications += 1
        number = message.get_uint(6)
        fresh = number is None or number > self.numbers.get(token, -1)  # RFC 7641 §3.4
        if fresh and message.code == CONTENT:
            self.numbers[token] = number
            self.told[token] = (message.get_uint(12), bytes(message.payload))
        if fresh and luck == 1:
            self.bench.acknowledge(message, RST)
            self.told.pop(token, None)
        elif message.type == CON:
            self.bench.acknowledge(message)

    def act(self):
        """Let something happen."""
        bench = self.bench
        dice = self.dice
        choice = dice.roll(16)
        if choice < 4:
            bench.temperature.set(5700, dice.roll(50) - 25)
        elif choice == 4:
            bench.temperature.sample(5700, dice.roll(50) - 25)
        elif choice == 5:
            bench.door.set(0, bool(dice.roll(2)))
        elif choice == 6:
            bench.door.set(1, dice.roll(9) + 0.5, dice.roll(3))
        elif choice == 7:
            if bench.tree.get(3303, 1):
                bench.tree.remove(3303, 1)
            else:
                bench.tree.add(Temperature(), 1).set(5700, 7)
        elif choice == 8 and dice.roll(6) == 0:
            bench.out += bench.request(POST, "/1/0/4", token=b"x")
        elif choice < 11:
            query = self.query()
            bench.out += bench.request(PUT, _PATHS[dice.roll(9)], queries=[query], token=b"x")
        elif choice < 14:
            self.observe()
        self.serve()

    def query(self):
        query = _QUERIES[self.dice.roll(len(_QUERIES))]
        return query % (1 + self.dice.roll(40)) if "%" in query else query

    def observe(self):
        dice = self.dice
        bench = self.bench
        path = _PATHS[dice.roll(9)]
        token = bytes([dice.roll(6)])
        options = [(ACCEPT, (110, 112)[dice.roll(2)])] if dice.roll(2) else []
        queries = [self.query()] if dice.roll(3) == 0 else []
        register = int(dice.roll(5) == 0)
        if dice.roll(3):
            sent = bench.request(
                GET, path, observe=register, queries=queries, token=token, options=options
            )
        else:
            other = _PATHS[dice.roll(9)]
            payload = cbor.dumps([{0: path}, {0: other}])
            queries = [query for query in queries if query.partition("=")[0] in _NAMES]
            sent = bench.request(
                _FETCH, "", payload, _SENML_CBOR, register, queries, token, options=options
            )
        for message in sent:
            if message.type == ACK and bytes(message.token) == token:
                if message.get(6) is not None:
                    self.numbers[token] = message.get_uint(6)
                    self.told[token] = (message.get_uint(12), bytes(message.payload))
                elif message.code >> 5 != 4:
                    self.told.pop(token, None)
            else:
                bench.out.append(message)

    def sleep(self):
        """Go through a deep sleep, when the client allows it."""
        bench = self.bench
        due = bench.step()
        if bench.out or bench.client.endpoint.busy():
            return
        self.slept += 1
        record = bench.client.freeze(bench.now, 8_000)
        after = self.client(bench.now + 10)
        if bench.tree.get(3303, 1):
            after.tree.add(Temperature(), 1).values.update(bench.tree.get(3303, 1).values)
        after.temperature.values.clear()
        after.temperature.values.update(bench.temperature.values)
        after.door.values.update(bench.door.values)
        after.message_id = bench.message_id
        assert after.client.thaw(record, after.now)
        later = after.step()
        assert after.out == [] or due is None or due <= after.now + 9_001, (due, after.out)
        assert (due is None) == (later is None) or after.out, (due, later)
        self.bench = after

    def settle(self):
        """Be a kind server until all is told; then what it knows is what there is."""
        bench = self.bench
        for _ in range(20):
            bench.run_for(60_000)
            self.serve(True)
        for path in _PATHS:
            for name in "pmin pmax gt lt st epmin epmax edge con hqmax".split(" "):
                bench.out += bench.request(PUT, path, queries=[name], token=b"x")
                self.serve(True)
        bench.door.set(0, not bench.door.values[0])  # an edge may have been passed over
        for _ in range(30):
            bench.run_for(60_000)
            self.serve(True)
            for message in list(bench.client.observations):
                message.attributes = None  # of its own
            bench.client.observations.due = 0
            bench.client.attributes.changed = True
            bench.step()
            self.serve(True)
        assert bench.account.state == REGISTERED
        assert bench.client.observations.stored == []
        assert bench.client.observations.ready == []
        for observation in bench.client.observations:
            self.check(observation)

    def check(self, observation):
        """Compare what the server was told last with what it would be told."""
        from lwm2m.notify import read

        bench = self.bench
        told = self.told.get(bytes(observation.token))
        bench.tree.samples = None
        form, payload = read(bench.client, observation, None)
        assert told, observation.path
        if told[0] != form and told[0] == _SENML_CBOR:
            return  # the history of an observation without Accept
        if form in (_SENML_JSON, _SENML_CBOR):
            told = (told[0], _latest(*told))
            payload = _latest(form, payload)
        parts = [part.path for part in observation.parts]
        assert told == (form, payload), (observation.path, parts, told, payload)


def _latest(form, payload):
    """Return {path: value told last} of a SenML pack."""
    pack = cbor.loads(bytes(payload)) if form == _SENML_CBOR else json.loads(bytes(payload))
    base_label, name_label, values = _LABELS[form == _SENML_CBOR]
    found = {}
    base = ""
    for record in pack:
        base = record.get(base_label, base)
        if "bt" in record or -3 in record:
            found = {}  # of a history the last
        path = base + record.get(name_label, "")
        found[path] = [record[label] for label in values if label in record]
    return found


def live(seed, steps=120):
    life = Life(seed)
    dice = life.dice
    life.bench.step()
    life.serve()
    for _ in range(steps):
        life.act()
        until = life.bench.now + (1 << dice.roll(17))
        due = life.bench.step()
        for _ in range(2_000):
            if due is None or due > until:
                break
            assert due > life.bench.now, (due, life.bench.now)
            life.bench.now = due
            due = life.bench.step()
            life.serve()
            due = life.bench.step()
        life.bench.now = until
        life.bench.step()
        life.serve()
        if dice.roll(4) == 0:
            life.sleep()
    life.settle()
    return life.notifications


def test_random_reports():
    """RFC 7641 §1.3: eventually every server knows the present state of what it observes."""
    assert sum([live(seed) for seed in range(8)])
