"""SIM7080, and SIM7000 by the CA* commands: the main job, and what can happen to them."""

import sys

from modem import release
from system.test_main_job import _silent
from system.test_trouble import served
from system.world import SERVER, World

from tools.virtual import profiles

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 704

_HOUR_S = 3600
_CA = {"apn": "iot.example", "udp_set": "ca"}
_BOTH = (("sim7080", {"apn": "iot.example"}), ("sim7000", _CA))


def _worlds(**options):
    """A board with each of the two modems."""
    return [World(link, modem=modem, **options) for link, modem in _BOTH]


def _unbroken(world):
    """Nothing was asked of the modem that breaks it, and nothing that it has not."""
    assert not world.all("modem", "modem_broken")
    refused = world.all("device", "modem_refused")
    assert not [facts for facts in refused if facts["command"][:6] == "AT+CIP"], refused


def _main_job(link, profile, **settings):
    world = World(link, "1.1", profile=profile, **settings)
    world.play(lambda each: _silent(each, wap=True))
    _unbroken(world)
    assert not world.all("device", "modem_recovering")


async def _job(world, limit_s=900):
    await served(world, limit_s)
    _unbroken(world)


def test_main_job_on_sim7080():
    """CR 6.1 Figure 5, AT7080 (CNACT, CAOPEN, CASEND, CARECV): register, sleep, trigger, read."""
    _main_job("sim7080", None)


def test_main_job_on_sim7000_by_ca():
    """CR 6.1 Figure 5, AT7000 chapter 18: by each firmware whose answers differ."""
    for profile in ("sim7000g", "sim7000g-1351", "sim7000g-1529b10v02"):
        _main_job("sim7000", profile, modem=_CA)


def test_main_job_on_a_sim7000_that_refuses_cip():
    """AT7000 chapters 8 and 18: the other commands are found, and known again after a sleep."""
    _main_job("sim7000", profiles.sim7000g(cip=False))


def test_main_job_with_data_unasked():
    """AT7080 AT+CAOPEN (recv_mode 1): each datagram comes in a frame of its own."""
    modem = {"apn": "iot.example", "udp_push": True}
    _main_job("sim7080", profiles.sim7080g(ca_merge=True), modem=modem)


def test_nothing_of_it_is_loaded_elsewhere():
    """DESIGN.md §4: a modem that is told nothing by CA* keeps nothing of it, another only what it
    always needs."""

    async def play(world):
        for name in [name for name in sys.modules if name[:9] == "modem.ca_"]:
            release(name[6:])
        await world.settled()
        await _job(world)
        loaded.append(sorted([name for name in sys.modules if name[:9] == "modem.ca_"]))

    for link in ("sim800", "sim7000", "sim7080"):
        loaded = []
        World(link).play(play)
        assert loaded == [[] if link != "sim7080" else ["modem.ca_udp"]], (link, loaded)


def test_data_told_once_after_a_send():
    """AT7000 18.2.3, TCP7080 (CADATAIND): of a request behind the answer nothing is told; it is
    looked for."""

    async def play(world):
        await world.settled()
        world.peer.trigger()
        update = await world.saw("server", "update")
        await world.sleep(5)  # the answer to it is in and read
        world.peer.read("/3303/0/5700")
        world.peer.ask_now()
        await world.saw("server", "answer", 30, payload=b"21.5")
        await world.sleeping()
        _unbroken(world)
        assert update and world.all("device", "drop") == []

    World("sim7080", profile=profiles.sim7080g(ca_indicate="once")).play(play)


def test_datagrams_that_come_as_one():
    """TCP7080 (CARECV): where borders are not kept, CoAP drops what came together, and has it
    again."""

    async def play(world):
        await world.settled()
        world.network.jitter_ms = 0
        await _job(world)
        await _job(world)
        reasons = [facts["reason"] for facts in world.all("device", "drop")]
        assert not world.all("device", "error") and len(reasons) <= 8, reasons

    World("sim7080", profile=profiles.sim7080g(ca_merge=True)).play(play)


def test_context_lost():
    """AT7080, AT7000 20 (+APP PDP: DEACTIVE): awake, it is brought up again and the new address
    told; asleep, with the next wake."""

    async def play(world):
        await world.settled()
        world.peer.trigger()
        await world.saw("server", "update")
        await world.sleep(5)
        before = world.all("network", "context_up")[-1]["address"]
        world.modem.set_fault("pdp_deact")
        await world.saw("device", "detached")
        update = await world.saw("server", "update", 120)
        assert world.all("network", "context_up")[-1]["address"] != before and update
        await world.sleeping()
        await world.sleep(_HOUR_S)
        world.modem.set_fault("pdp_deact")
        await world.sleep(10)
        await _job(world)
        assert len(world.all("server", "register")) == 1

    for world in _worlds():
        world.play(play)


def test_context_refused_at_first():
    """TCP7080 (activation): DEACTIVE instead of ACTIVE is tried again, and the ladder climbed."""

    async def play(world):
        world.modem.set_fault("ciicr", 7)
        await world.saw("server", "register", 1800)
        await world.sleeping()
        await _job(world)
        assert world.all("device", "error")

    for world in _worlds():
        world.play(play)


def test_modem_reset():
    """AT7000 20, AT7080 (RDY): a restart while awake, and one behind a board that sleeps."""

    async def play(world):
        await world.settled()
        world.peer.trigger()
        await world.saw("server", "update")
        await world.sleep(5)
        world.modem.set_fault("reset")
        await world.saw("device", "modem_reset", 120)
        await world.sleeping()
        await _job(world)
        world.modem.set_fault("reset")
        await world.sleep(600)
        await _job(world)

    for world in _worlds():
        world.play(play)


def test_a_connection_is_lost():
    """AT7000 18.2.8 (+CASTATE: 0,0): the next datagram opens another, and that is all."""

    async def play(world):
        await world.settled()
        world.peer.trigger()
        await world.saw("server", "update")
        await world.sleep(5)
        world.modem.set_fault("ca_lost", 0)
        await world.sleep(1)
        await world.sleeping()
        await _job(world)
        assert len(world.all("network", "context_up")) == 1
        assert len(world.all("device", "modem_socket")) == 2
        assert not world.all("device", "modem_recovering")

    for world in _worlds():
        world.play(play)


def test_connections_that_fail():
    """AT7000 18.2.3 (result): 20, 21 and 27 at once, 2 after 75 s; the context anew, then more."""

    async def play(world):
        world.modem.set_fault("ca_open", [27, 2, 20, 21])
        await world.saw("server", "register", 1800)
        rungs = [facts["rung"] for facts in world.all("device", "modem_recovering")]
        assert rungs[:1] == [2] and 4 in rungs, rungs
        await world.sleeping()
        await _job(world)

    for world in _worlds():
        world.play(play)


def test_sends_that_fail():
    """AT7000 18.2.5 (result), AT7080 AT+CASEND: the socket anew, then the context."""

    async def play(world):
        await world.settled()
        before = len(world.all("network", "context_up"))
        world.modem.set_fault("ca_send", [1, 1])
        await _job(world)
        rungs = [facts["rung"] for facts in world.all("device", "modem_recovering")]
        assert rungs == [1, 2], rungs
        assert len(world.all("network", "context_up")) == before + 1
        assert not world.all("device", "drop", reason="unsent")

    for world in _worlds():
        world.play(play)


def test_prompts_and_data_that_are_lost():
    """AT7000 18.2.5 (inputtime): no prompt; bytes of the data lost on the wire: out of step no
    longer than the modem waits for them."""

    async def play(world):
        await world.settled()
        for fault in ("no_prompt", "cut", "no_data"):
            world.modem.set_fault(fault)
            await _job(world)
        assert len(world.all("server", "register")) == 1
        assert not world.all("device", "drop", reason="unsent")

    for world in _worlds():
        world.play(play)


def test_two_servers():
    """AT7080 AT+CAOPEN (cid 0 to 12): a connection a server, each with its own peer."""

    async def play(world):
        await world.saw("server", "register", 900)
        await world.until(lambda: world.all("other", "register"), 900)
        await world.sleeping()
        await _job(world)
        peers = [(facts["host"], facts["port"]) for facts in world.all("device", "modem_socket")]
        assert len(peers) == 2 and peers[0] == SERVER and peers[1] != SERVER

    for world in _worlds(other={}):
        world.play(play)
