"""The whole node with the wiring of each board: it boots, registers and is woken by a trigger."""

import machine
from shim import virtual_time
from system.world import World
from unit.node.test_boards import NAMES, board

# Firmware, virtual modem, network and server in one process, 340 KB on a 64-bit machine.
HEAP_K = 640

_HOUR_S = 3600
_IP5306 = (21, 22, 0x75)
_AXP192 = (21, 22, 0x34)
_SUPPLY = {
    "lilygo_t_call_sim800l_v13": 23,
    "lilygo_t_call_sim800l_v14": 23,
    "lilygo_t_call_sim800c": 25,
}
_PROFILES = {"lilygo_t_call_sim800c": "sim800c"}


def _world(name, **settings):
    module = board(name)
    machine.i2c_chips.clear()
    machine.i2c_chips[_IP5306] = {0x00: 0x35}
    machine.i2c_chips[_AXP192] = {0x12: 0x5F, 0x78: 3600 >> 4, 0x79: 3600 & 15}
    return World(
        getattr(module, "MODEMS", ("sim7000",))[0],
        board=module,
        supply_pin=_SUPPLY.get(name),
        profile=_PROFILES.get(name),
        **settings,
    )


def _tied(world):
    if world.board.PINS["pwrkey"] is None:
        world.modem.pwrkey(True)  # so that the modem starts with its supply


async def _read(world, path):
    world.mark()
    world.peer.read(path)
    world.peer.trigger()
    answer = await world.saw("server", "answer", 60)
    await world.sleeping()
    return answer["payload"]


def test_the_main_job():
    """CR 6.1: with each board's wires a text message ends the deep sleep, at RI or at RX."""

    async def play(world):
        _tied(world)
        await world.settled()
        began = world.mark()
        pins = world.board.PINS
        wakes = world.board.UART["rx"] if pins["ri"] is None else pins["ri"]
        assert world.all("device", "sleeping")[-1]["pin"] == wakes
        for _ in range(3):
            await world.sleep(_HOUR_S)
            assert not world.running and world.modem.power.asleep
            since = world.mark()
            world.peer.answers.clear()
            world.peer.read("/3303/0/5700")
            world.peer.trigger()
            await world.saw("device", "booted", 10, woken="pin", clean=False)
            await world.saw("server", "update", 20)
            await world.saw("server", "answer", payload=b"21.5")
            await world.sleeping()
            await world.sleep(60)
            assert len(world.all("device", "booted", since)) == 1
        assert len(world.all("server", "register")) == 1
        assert not world.all("device", "error")
        assert not world.all("device", "modem_reset", began)
        assert len(world.all("modem", "modem_boot")) == 1  # its supply stays on in deep sleep

    for name in NAMES:
        _world(name).play(play)


def test_a_power_chip_that_does_not_answer():
    """machine.I2C: no acknowledge is told, and the node goes on."""

    async def play(world):
        machine.i2c_chips.clear()
        error = await world.saw("device", "error")
        assert error["reason"].startswith("board: no answer of its power chip to power_up: ")
        await world.settled()

    for name in _SUPPLY:
        _world(name).play(play)


def test_the_battery():
    """TS 1.1 Core E.4, resource 7 and Error Code 1: by the board's divider or its power chip, at
    each boot.
    """

    async def play(world):
        world.microvolts[35] = 1_980_000
        await world.settled()
        assert await _read(world, "/3/0/7/0") == b"3960"
        assert await _read(world, "/3/0/11/0") == b"0"
        world.microvolts[35] = 1_550_000
        assert await _read(world, "/3/0/7/0") == b"3100"
        assert await _read(world, "/3/0/11/0") == b"1"
        world.microvolts[35] = 142_000  # on USB: nothing is known, and nothing is low
        assert await _read(world, "/3/0/7/0") == b""
        assert await _read(world, "/3/0/11/0") == b"0"

    _world("lilygo_t_sim7000g").play(play)
    _world("lilygo_t_call_sim800l_v13").play(play)

    async def play_axp192(world):
        await world.settled()
        assert await _read(world, "/3/0/7/0") == b"3960"
        machine.i2c_chips[_AXP192].update({0x78: 3100 >> 4, 0x79: 3100 & 15})
        assert await _read(world, "/3/0/7/0") == b"3410"
        assert await _read(world, "/3/0/11/0") == b"1"

    _world("lilygo_t_call_sim800c").play(play_axp192)


async def _hangs_and_is_reset(world):
    """The modem hangs for good; it is RST alone that starts it again, and an Update arrives."""
    await world.settled()
    began = world.mark()
    world.modem.set_fault("hang", "hard")
    await world.sleep(60)
    world.command(do="update")
    await world.saw("server", "update", 600)
    await world.sleeping()
    boots = [facts["reason"] for facts in world.all("modem", "modem_boot", began)]
    assert boots == ["RST"], boots


def test_rst_where_there_is_no_key():
    """HW800L RESET: a modem that hangs for good is restarted by the wire to RST."""

    async def play(world):
        _tied(world)
        await _hangs_and_is_reset(world)
        # And again it can be woken.
        assert await _read(world, "/3303/0/5700") == b"21.5"

    _world("sim800l_breakout").play(play)
    _world("botletics_sim7000", pins={"pwrkey": None}).play(play)


def test_rst_where_the_key_does_not_help():
    """HW7000 RESET, for emergencies."""
    for name in ("botletics_sim7000", "lilygo_t_call_sim800l_v13", "lilygo_t_call_sim800l_v14"):
        _world(name).play(_hangs_and_is_reset)


def test_the_supply_comes_before_the_key():
    """HW800L 3.2.1: VBAT has been stable for 1.5 s when the power key is pressed."""

    async def play(world):
        times = {}
        supply, key = world.modem.supply, world.modem.pwrkey

        def supplied(on):
            if on:
                times.setdefault("supply", virtual_time.now_ms())
            supply(on)

        def pressed(low):
            if low:
                times.setdefault("key", virtual_time.now_ms())
            key(low)

        world.modem.supply, world.modem.pwrkey = supplied, pressed
        await world.settled()
        assert times["key"] - times["supply"] > 1500, times

    for name in _SUPPLY:
        _world(name).play(play)


def test_a_supply_that_is_let_go_of_at_each_wake():
    """ESP-IDF gpio_hold_en: should the chip's boot from deep sleep let go of the modem's supply,
    each wake costs a start of the modem, and no message is lost.
    """

    async def play(world):
        power_up = world.board.power_up

        def lets_go(chip):
            world.modem.supply(False)
            power_up(chip)

        await world.settled()
        world.board.power_up = lets_go
        for _ in range(2):
            await world.sleep(_HOUR_S)
            world.mark()
            world.peer.answers.clear()
            world.peer.read("/3303/0/5700")
            world.peer.trigger()
            await world.saw("device", "booted", 10, woken="pin")
            await world.saw("device", "sms", 60)  # the Update is on its way for the new address
            await world.saw("server", "answer", 10, payload=b"21.5")
            await world.sleeping()
        assert len(world.all("server", "register")) == 1

    for name in _SUPPLY:
        _world(name).play(play)
