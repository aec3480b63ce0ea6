"""Registrations and bootstraps together: which failure leads to one, what order one provides."""

from coap.registry import CHANGED, CREATED, FORBIDDEN
from unit.lwm2m.bootstrap_bench import (
    BOOTSTRAP_PEER,
    OTHER_PEER,
    OTHER_URI,
    BootstrapBench,
    security,
    server,
)
from unit.lwm2m.helpers import PEER, REGISTERED

# The tests' own code, a client and both sides of a bootstrap.
HEAP_K = 128


def provided(*servers):
    """Return (bench, what it sent) after a bootstrap that provides two servers with these
    resources.
    """
    bench = BootstrapBench()
    bench.begin()
    return bench, provide(bench, servers)


def provide(bench, servers):
    uris = (None, None, OTHER_URI)
    for number, values in enumerate(servers):
        number += 1
        account = security(uris[number], number) if uris[number] else security(server_id=number)
        assert bench.write("/0/%d" % number, account) == CHANGED
        assert bench.write("/1/%d" % (number - 1), server(number, **values)) == CHANGED
    sent = bench.finish()
    assert sent[0].code == CHANGED
    return sent[1:]


def again(bench, servers):
    """Go through another bootstrap, which was asked for."""
    bench.step()
    bench.answer(bench.asked(), CHANGED)
    return provide(bench, servers)


def test_int_7_a_bootstrap_that_does_not_help():
    """LightweightM2M-1.1-int-7, TS 1.1 Core E.2 resource 16: a registration that is rejected sends
    the client to the bootstrap server at once; where that does not help, each time later."""
    servers = ({"r16": True},)
    bench, (register,) = provided(*servers)
    waited_s = []
    for _ in range(4):
        since = bench.now
        while register.peer == PEER:
            bench.answer(register, FORBIDDEN)
            while not bench.out:
                bench.now += 1_000
                bench.step()
            register = bench.out[-1]
            if register.peer == PEER:
                bench.sent()
        waited_s.append((bench.now - since) // 1000)
        (register,) = again(bench, servers)
    assert waited_s[0] <= 1 and 60 <= waited_s[1] <= 62
    assert 180 <= waited_s[2] <= 183 and 420 <= waited_s[3] <= 424
    bench.accept(register)
    assert bench.account.state == REGISTERED and bench.client.bootstraps == 0


def test_bootstraps_that_help_one_of_two():
    """Requirement, airtime: the server that each bootstrap does help makes them no loop."""
    servers = ({}, {"r16": True})
    bench, sent = provided(*servers)
    waited_s = []
    for _ in range(3):
        since = bench.now
        while BOOTSTRAP_PEER not in [message.peer for message in sent]:
            for message in sent:
                if message.peer == PEER:
                    bench.answer(message, CREATED, options=[(8, "rd"), (8, "1")])
                elif message.peer == OTHER_PEER:
                    bench.answer(message, FORBIDDEN)
            if not bench.out:
                bench.now += 1_000
                bench.step()
            sent = bench.sent()
        waited_s.append((bench.now - since) // 1000)
        bench.out += [message for message in sent if message.peer == BOOTSTRAP_PEER]
        sent = again(bench, servers)
    assert waited_s[0] <= 1 and waited_s[1] >= 60 and waited_s[2] >= 180, waited_s


def test_no_bootstrap_for_one_of_two():
    """TS 1.1 Core 6.1.4 and E.2 resource 16: as long as a server is registered, the other leads to
    a bootstrap only where its resource says so."""
    for wished in (None, False, True):
        more = {} if wished is None else {"r16": wished}
        bench, registers = provided({}, more)
        for register in registers:
            if register.peer == PEER:
                bench.accept(register)
            else:
                assert register.peer == OTHER_PEER
                bench.answer(register, FORBIDDEN)
        bench.run_for(30_000)
        peers = [message.peer for message in bench.sent()]
        assert (BOOTSTRAP_PEER in peers) == (wished is True), wished


def test_provided_order():
    """TS 1.1 Core E.2 resources 13 and 14: the order that a bootstrap provides holds."""
    bench, sent = provided({"r13": 7, "r14": 20}, {"r13": 2, "r14": 90})
    assert [message.peer for message in sent] == [OTHER_PEER]
    bench.answer(sent[0], 0x41, options=[(8, "rd"), (8, "2")])
    bench.run_for(19_999)
    assert bench.sent() == []
    bench.run_for(1)
    assert bench.one().peer == PEER


def test_attempts_that_end_do_not_end_the_bootstraps():
    """Requirement, no visit: Sequence Delay MAX_VALUE, and a bootstrap that did not help; the
    client is not silent for ever."""
    servers = ({"r17": 1, "r19": 0xFFFFFFFF},)
    bench, (register,) = provided(*servers)
    bench.answer(register, FORBIDDEN)
    (register,) = again(bench, servers)
    bench.answer(register, FORBIDDEN)
    assert bench.bootstrap.state == 0
    asked_on = []
    for day in range(12):
        for message in bench.sent():
            if message.peer == PEER:
                bench.answer(message, FORBIDDEN)
        bench.step()
        for message in bench.sent():
            asked_on.append(day)
            bench.answer(message, CHANGED)
            for again_register in provide(bench, servers):
                bench.answer(again_register, FORBIDDEN)
        bench.run_for(86_400_000)
    assert asked_on == [1, 3, 6, 10], asked_on
