"""The order of several servers: resources 13 to 15 of the Server object (TS 1.1 Core 6.2.1.1)."""

from coap.message import NON, Message
from coap.registry import (
    CREATED,
    DELETE,
    DELETED,
    FORBIDDEN,
    LOCATION_PATH,
    POST,
    SERVICE_UNAVAILABLE,
)
from unit.lwm2m.helpers import DISABLED, REGISTERED, REGISTERING, SERVER_NUMBER, WAITING, Bench
from unit.lwm2m.test_random_life import Dice

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 128


class Fleet(Bench):
    """A client of several servers, numbered from 1: settings of each of them."""

    def __init__(self, *servers, record=None, now=1_000):
        Bench.__init__(self, "1.1", **servers[0])
        for number in range(1, len(servers)):
            uri = "coap://s%d.example" % (number + 1)
            self.client.add_server(uri, number + 1, "1.1", **servers[number])
        self.now = now
        assert record is None or self.client.thaw(record, now)
        self.client.start(now)
        self.step()

    def asked(self):
        """Return {number of the server: the last message to it} since the last call."""
        found = {}
        for message in self.sent():
            for account in self.client.accounts:
                if account.peers["U"] == message.peer:
                    found[account.short_server_id] = message
        return found

    def accept(self, request, location=("rd", "1")):
        return self.answer(request, CREATED, options=[(LOCATION_PATH, s) for s in location])

    def reborn(self, *servers):
        """Return the client of a board that slept deeply for a second."""
        record = self.client.freeze(self.now)
        return Fleet(*servers, record=record, now=self.now + 1_000)


def test_increasing_order():
    """TS 1.1 Core E.2 resource 13: one server after the other, the smallest number first; one
    without a number minds nobody."""
    bench = Fleet({"priority": 20}, {"priority": 10}, {}, {"priority": 30})
    first = bench.asked()
    assert sorted(first) == [2, 3]
    bench.accept(first[3])
    bench.run_for(1_000)
    assert bench.asked() == {}
    bench.accept(first[2])
    second = bench.asked()
    assert list(second) == [1]
    bench.accept(second[1])
    third = bench.asked()
    assert list(third) == [4]
    bench.accept(third[4])
    assert [account.state for account in bench.client.accounts] == [REGISTERED] * 4


def test_no_numbers_no_order():
    """TS 1.1 Core E.2 resource 13: without it the servers do not wait for each other."""
    assert sorted(Fleet({}, {}, {}).asked()) == [1, 2, 3]


def test_equal_numbers_in_turn():
    """TS 1.1 Core E.2 resource 13: servers of one number come one after the other as well."""
    bench = Fleet({"priority": 1}, {"priority": 1}, {"priority": 1})
    for expected in (1, 2, 3):
        asked = bench.asked()
        assert list(asked) == [expected]
        bench.accept(asked[expected])


def test_initial_delay():
    """TS 1.1 Core E.2 resource 14: counted from the registration of the server before, and only
    until the first success."""
    bench = Fleet(
        {"priority": 1, "registration_delay": 500}, {"priority": 2, "registration_delay": 30}
    )
    bench.accept(bench.asked()[1])
    bench.run_for(29_999)
    assert bench.asked() == {}
    bench.run_for(1)
    bench.accept(bench.asked()[2])
    bench.client.deregister(bench.now)
    bench.step()
    for message in bench.sent():
        assert message.code == DELETE
        bench.answer(message, DELETED)
    bench.client.start(bench.now)
    bench.step()
    bench.accept(bench.asked()[1])
    assert list(bench.asked()) == [2]


def test_failure_lets_the_next_one_go():
    """TS 1.1 Core E.2 resources 15 and 17: false, a server that has failed holds nobody up, and
    its own attempts go on."""
    bench = Fleet({"priority": 1, "retry_count": 2, "retry_timer": 10}, {"priority": 2})
    bench.answer(bench.asked()[1], FORBIDDEN)
    assert bench.asked() == {}
    bench.run_for(10_000)
    bench.answer(bench.asked()[1], SERVICE_UNAVAILABLE)
    second = bench.asked()
    assert list(second) == [2]
    bench.accept(second[2])
    bench.run_for(60_000)
    bench.accept(bench.asked()[1])
    assert [account.state for account in bench.client.accounts] == [REGISTERED] * 2


def test_failure_block():
    """TS 1.1 Core E.2 resource 15: true, a server that fails holds all the later ones up."""
    bench = Fleet({"priority": 1, "failure_block": True, "retry_count": 1}, {"priority": 2}, {})
    asked = bench.asked()
    bench.accept(asked[3])
    bench.answer(asked[1], FORBIDDEN)
    for _ in range(3):
        bench.run_for(86_400_000)
        bench.sent()
    assert bench.client.accounts[1].failures == 0
    assert bench.client.accounts[1].state == WAITING
    while not bench.client.accounts[0].location:
        bench.run_for(30_000)
        message = bench.asked().get(1)
        if message:
            bench.accept(message)
    assert 2 in bench.asked()


def test_waiting_for_a_turn_is_sleep():
    """TS 1.1 Core E.2 resource 13: who waits for a turn keeps nobody awake; the application does
    not end it, the server's trigger does."""
    servers = (
        {"priority": 1, "retry_count": 9},
        {"priority": 2, "sms_number": SERVER_NUMBER},
    )
    bench = Fleet(*servers)
    bench.answer(bench.asked()[1], SERVICE_UNAVAILABLE, options=[(14, 40_000)])
    bench.run_for(100_000)
    assert bench.asked() == {} and not bench.client.busy(bench.now)
    bench.client.update()
    bench.step()
    assert bench.asked() == {} and not bench.client.busy(bench.now)
    after = bench.reborn(*servers)
    assert after.asked() == {}
    after.client.update()
    after.step()
    assert after.asked() == {}
    trigger = Message(POST, NON, b"\x77", b"", 7)
    for segment in ("1", "1", "8"):
        trigger.add(11, segment)
    after.deliver(trigger, "S")
    assert list(after.asked()) == [2]


def test_turn_after_a_deep_sleep():
    """Requirement 13: the order goes on after a deep sleep."""
    servers = ({"priority": 1}, {"priority": 2})
    bench = Fleet(*servers)
    bench.answer(bench.asked()[1], SERVICE_UNAVAILABLE)
    bench.run_for(30_000)
    after = bench.reborn(*servers)
    after.run_for(30_000)
    after.accept(after.asked()[1])
    assert list(after.asked()) == [2]


def test_only_sequence():
    """TS 1.1 Core E.2 resource 19: after MAX_VALUE there is no other sequence to wait for, as many
    as resource 20 may name."""
    first = {"priority": 1, "retry_count": 2, "sequence_delay": 0xFFFFFFFF, "sequence_retries": 3}
    bench = Fleet(first, {"priority": 2})
    bench.answer(bench.asked()[1], FORBIDDEN)
    bench.run_for(60_000)
    bench.answer(bench.asked()[1], FORBIDDEN)
    assert list(bench.asked()) == [2]


def test_turn_of_an_account_before_the_one_that_leaves():
    """TS 1.1 Core E.2 resource 13: the deadline is that of whoever's turn it then is."""
    bench = Fleet({"priority": 2}, {"priority": 1})
    assert list(bench.asked()) == [2]
    bench.client.deregister(bench.now, bench.client.accounts[1])
    due = bench.step()
    while due is not None and 1 not in bench.asked():
        bench.now = due
        due = bench.step()
    assert bench.client.accounts[0].state == REGISTERING


def test_one_that_leaves_holds_nobody_up():
    """TS 1.1 Core E.2 resource 13: a server given up or disabled is none to wait for."""
    bench = Fleet({"priority": 1}, {"priority": 2})
    bench.asked()
    bench.client.deregister(bench.now, bench.client.accounts[0])
    bench.run_for(100_000)
    assert 2 in bench.asked()
    bench = Fleet({"priority": 1}, {"priority": 2}, {"priority": 3})
    bench.accept(bench.asked()[1])
    second = bench.asked()[2]
    farewell = bench.request(POST, "/1/0/4")[1]
    assert farewell.code == DELETE
    bench.answer(farewell, DELETED)
    assert bench.client.accounts[0].state == DISABLED
    bench.accept(second)
    assert list(bench.asked()) == [3]


def test_order_of_1_2():
    """TS 1.2 Core E.2: a server may read its place in the order."""
    bench = Bench("1.2", priority=7, failure_block=True)
    bench.register()
    assert bytes(bench.request(1, "/1/0/13")[0].payload) == b"7"
    assert bytes(bench.request(1, "/1/0/15", token=b"2")[0].payload) == b"1"
    assert bench.request(3, "/1/0/13", b"8", 0, token=b"3")[0].code == 0x85


def test_order_whatever_the_servers_answer():
    """TS 1.1 Core E.2 resources 13 to 15: from a seed, servers that accept, refuse or are silent:
    nobody is asked before its turn, across deep sleeps, and in the end all are registered."""
    for seed in range(12):
        dice = Dice(seed)
        servers = [
            {
                "priority": dice.roll(3) if dice.roll(4) else None,
                "registration_delay": dice.roll(100),
                "failure_block": dice.roll(4) == 0,
                "retry_count": 1 + dice.roll(3),
                "retry_timer": 10,
                "sequence_delay": 50 + dice.roll(1000),
            }
            for _ in range(4)
        ]
        bench = Fleet(*servers)
        for turn in range(300):
            for number, request in bench.asked().items():
                account = bench.client.accounts[number - 1]
                own = account.value("priority")
                for other in bench.client.accounts:
                    before = other.value("priority")
                    if own is not None and before is not None and before < own:
                        done = other.failures >= other.value("retry_count")
                        blocks = other.value("failure_block")
                        assert other.location or (done and not blocks), (seed, turn)
                luck = dice.roll(3)
                if request.path() != ["rd"]:
                    continue
                if luck == 0 or turn > 150:
                    bench.accept(request)
                elif luck == 1:
                    bench.answer(request, FORBIDDEN)
            bench.run_for(1 << dice.roll(18))
            if not bench.out and not bench.client.busy(bench.now):
                bench = bench.reborn(*servers)
        states = [account.state for account in bench.client.accounts]
        assert states == [REGISTERED] * 4, (seed, states)
