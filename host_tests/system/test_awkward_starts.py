"""Starts and sleeps not by the book: early messages, late timers, a line that is stuck."""

import asyncio

from system.world import World

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600


def test_message_before_there_is_a_client():
    """DESIGN §6: without `endpoint` the IMEI is asked for first; an SMS that waits for that long
    is read, deleted and harmless.
    """

    async def play(world):
        world.peer.trigger()
        world.peer.trigger()
        await world.settled()
        assert world.boots == 1
        assert world.modem.sms.slots == {}
        world.mark()
        world.peer.trigger()
        await world.saw("server", "update", 60)
        await world.sleeping()

    for link in ("sim800", "sim7000"):
        World(link, endpoint=None).play(play)


def test_application_that_is_always_late():
    """DESIGN §6: a timer that takes longer than its period leaves the modem's reader its turns."""
    calls = []

    def setup(node):
        node.every(0, lambda: calls.append(node.clock.now()) if len(calls) < 9 else None)

    async def play(world):
        turns = []

        async def other():
            while len(turns) < 3:
                turns.append(len(calls))
                await asyncio.sleep_ms(0)

        while world.node is None or not calls:
            await asyncio.sleep_ms(10)
        await other()
        assert len(turns) == 3
        world.node.timers[-1][0] = 60_000  # virtual time stands still for who is never idle
        await world.saw("device", "registered")

    World(setup=setup, sleep="none").play(play)


def test_message_that_is_late_in_the_list():
    """Facts of the boards: a message that the list does not show yet when RI woke the board is
    read all the same.
    """

    async def play(world):
        await world.settled()
        sms = world.modem.sms
        late = {}

        def listed(op, args, listing=sms._list):
            if late or not sms.slots:
                return listing(op, args)
            late.update(sms.slots)
            sms.slots.clear()
            outcome = listing(op, args)
            sms.slots.update(late)
            return outcome

        world.modem.line.commands["+CMGL"] = listed
        world.peer.trigger()
        await world.saw("server", "update", 60)
        assert late
        await world.sleeping()
        assert sms.slots == {}

    for link in ("sim800", "sim7000"):
        World(link).play(play)


def test_ri_that_stays_low():
    """Facts of the boards: where RI is low for good, the node says so and sleeps by the timer."""

    async def play(world):
        await world.settled()
        assert world.all("device", "sleeping")[-1]["pin"] == 33
        since = world.mark()
        kept = world.modem.power._set_ri
        world.modem.power._set_ri = lambda level: None
        world.modem.power.ri = False
        world._wake(2)
        await world.sleeping()
        assert world.all("device", "sleeping", since)[-1]["pin"] is None
        assert len(world.all("device", "error", since)) == 1
        boots = world.boots
        await world.sleep(_HOUR_S)
        assert world.boots - boots <= 1, "woken over and over"
        world.modem.power._set_ri = kept
        kept(True)
        await world.sleep(24 * _HOUR_S)
        assert world.all("device", "sleeping")[-1]["pin"] == 33

    World().play(play)


def test_object_link_after_a_deep_sleep():
    """TS Core appendix C: an Objlnk that was set is still one after a deep sleep."""

    def setup(node):
        def link():
            node.tree.get(3, 0).set(22, {0: (3303, 0)})

        node.timers.append([1 << 40, node.kept_due_ms[0] if node.kept_due_ms else 0, link])

    async def play(world):
        await world.settled()
        world.peer.read("/3/0/22/0")
        world.peer.trigger()
        await world.saw("server", "answer", 60, payload=b"3303:0")

    World(setup=setup).play(play)


def test_nb_iot_is_given_time():
    """DESIGN §3: transmission parameters belong to the link; NB-IoT gets longer ones than GPRS."""

    async def play(world):
        await world.saw("device", "registered")
        assert world.node.bearer.links[0].transmission.ack_timeout_ms == 15_000

    World(modem={"apn": "iot.example", "network": "nb-iot", "attach_s": 600}).play(play)
