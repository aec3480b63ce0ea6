"""The boards of boards/: wires that their chip can carry, and supplies that come up."""

import machine
from node import battery, hw, supplies

HEAP_K = 128  # all boards at once, of which a board holds one

NAMES = (
    "botletics_sim7000",
    "host",
    "lilygo_t_call_sim800c",
    "lilygo_t_call_sim800l_v13",
    "lilygo_t_call_sim800l_v14",
    "lilygo_t_sim7000g",
    "sim800l_breakout",
)
_WAKING = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)
_FLASH = (6, 7, 8, 9, 10, 11)
_CONSOLE = (1, 3)
_IP5306 = (21, 22, 0x75)
_AXP192 = (21, 22, 0x34)


def board(name):
    """Return the module of a board."""
    return getattr(__import__("boards.%s.board" % name), name).board


class _Host:
    """What is outside the chip: it notes what pins are driven to."""

    def __init__(self):
        self.levels = {}
        self.microvolts = 0

    def pin_write(self, number, level):
        self.levels[number] = level

    def adc_uv(self, number):
        return self.microvolts if number == 35 else 0


def _powered(name, chips):
    """Have a board power up with what is on its I2C bus; return the host."""
    machine.host = host = _Host()
    machine.held.clear()
    machine.i2c_chips.clear()
    machine.i2c_chips.update(chips)
    try:
        board(name).power_up(supplies)
    finally:
        machine.i2c_chips.clear()
        machine.host = None
    return host


def test_what_each_says_of_itself():
    """boards/README.md: UART, PINS and the names that may be left out, of the types there."""
    for name in NAMES:
        module = board(name)
        assert getattr(module, "CHIP", "esp32") == "esp32", name
        assert module.UART["id"] in (1, 2) and module.UART["baudrate"] == 115200, name
        for link in getattr(module, "MODEMS", ()):
            assert link in ("sim800", "sim7000", "sim7080"), name
        pins = module.PINS
        assert pins["pwrkey_pressed"] in (0, 1), name
        assert ("reset" in pins) == ("reset_pressed" in pins), name
        assert getattr(module, "FLASH_MB", 4) == 4, name
        for pin, what in getattr(module, "TAKEN", {}).items():
            assert isinstance(pin, int) and what, name


def test_each_wire_is_at_a_pin_of_its_own_that_can_carry_it():
    """ESP32 datasheet §2.2: GPIO 34 to 39 are inputs without pull-ups, 6 to 11 the flash's, 1 and
    3 the console's; LilyGO's modules have PSRAM, which takes 16 and 17.
    """
    for name in NAMES:
        module = board(name)
        pins = module.PINS
        driven = [module.UART["tx"]]
        driven += [pins[line] for line in ("pwrkey", "dtr", "reset") if pins.get(line) is not None]
        read = [module.UART["rx"]] + ([] if pins["ri"] is None else [pins["ri"]])
        used = driven + read
        if hasattr(module, "BATTERY"):
            used.append(module.BATTERY["pin"])
            assert 32 <= module.BATTERY["pin"] <= 39, name  # ADC1: ADC2 is the radio's, too
        for pin in used:
            assert used.count(pin) == 1 and pin not in getattr(module, "TAKEN", {}), (name, pin)
            assert 0 <= pin <= 39 and pin not in _FLASH and pin not in _CONSOLE, (name, pin)
            assert not (name[:6] == "lilygo" and pin in (16, 17)), (name, pin)
        assert max(driven) < 34 and max(read) < 34, name


def test_each_can_be_woken():
    """ESP32 esp32.wake_on_ext0: RI, or where it is not wired RX, is an RTC GPIO."""
    machine.host = _Host()
    for name in NAMES:
        module = board(name)
        pin = module.UART["rx"] if module.PINS["ri"] is None else module.PINS["ri"]
        assert pin in _WAKING and hw.can_wake(pin), name
    assert not hw.can_wake(16)
    machine.host = None


def test_ip5306():
    """LilyGO T-Call, setPowerBoostKeepOn: 0x37 in register 0x00 of the chip at 0x75; the supply of
    the modem is on before, and stays on in deep sleep.
    """
    for name in ("lilygo_t_call_sim800l_v13", "lilygo_t_call_sim800l_v14"):
        registers = {0x00: 0x35}
        for _ in range(2):  # and once more after a deep sleep
            host = _powered(name, {_IP5306: registers})
            assert registers == {0x00: 0x37}, name
            assert host.levels == {23: 1} and 23 in machine.held, name


def test_axp192():
    """LilyGO T-Call, setupPMU: of the AXP192's outputs (0x12) DCDC3 alone stays on, which supplies
    the ESP32; the bits that are no outputs stay as they are, and so do the voltages.
    """
    for before, after in ((0x5F, 0x02), (0xFF, 0xA2), (0x02, 0x02), (0x4D, 0x02)):
        registers = {0x12: before, 0x26: 0x68, 0x27: 0x68, 0x28: 0xCC, 0x82: 0x03}
        host = _powered("lilygo_t_call_sim800c", {_AXP192: registers})
        assert registers == {0x12: after, 0x26: 0x68, 0x27: 0x68, 0x28: 0xCC, 0x82: 0x83}
        assert host.levels == {25: 1} and 25 in machine.held


def test_a_power_chip_that_does_not_answer():
    """machine.I2C: without an acknowledge it is OSError; the modem has its supply all the same."""
    for name, supply in (
        ("lilygo_t_call_sim800l_v13", 23),
        ("lilygo_t_call_sim800l_v14", 23),
        ("lilygo_t_call_sim800c", 25),
    ):
        try:
            _powered(name, {})
            raise AssertionError(name)
        except OSError:
            assert supply in machine.held, name


def test_a_held_pin_changes_when_it_is_let_go():
    """ESP-IDF gpio_hold_en: what is set meanwhile shows when the hold ends, so a pin that has its
    level by then has no glitch.
    """
    machine.host = host = _Host()
    machine.held.clear()
    hw.hold(23, 1)
    machine.Pin(23, machine.Pin.OUT, value=0)
    assert host.levels == {23: 1}
    hw.hold(23, 1)
    hw.hold(4, 0)
    hw.hold(4, 1)
    assert host.levels == {23: 1, 4: 1} and machine.held == {4, 23}
    machine.host = None


class _Node:
    """A node with a Device and a bearer's info, for the battery."""

    def __init__(self, module, link, info):
        self.board = module
        self.site = {"link": link}
        self.bearer = self.tree = self
        self.info = info
        self.told = {}
        self.low = None

    def get(self, oid, iid):
        return self

    def set(self, rid, value):
        self.told[rid] = value

    def error(self, code, present):
        assert code == 1
        self.low = present


def _battery(name, link, info, microvolts=0, chips=None):
    machine.host = host = _Host()
    host.microvolts = microvolts
    machine.i2c_chips.clear()
    machine.i2c_chips.update(chips or {})
    node = _Node(board(name), link, info)
    battery.show_battery(node)
    machine.i2c_chips.clear()
    machine.host = None
    return node.told, node.low


def test_the_battery_by_a_divider():
    """TS 1.1 Core E.4, resource 7: what the divider shows, times its ratio, in mV; no level in
    percent, which the modem could only tell of its own supply.
    """
    modem = {"battery_mv": 4000, "battery_percent": 95}
    for name, link, limit_mv in (
        ("lilygo_t_sim7000g", "sim7000", 3200),
        ("lilygo_t_call_sim800l_v13", "sim800", 3500),
        ("lilygo_t_call_sim800l_v14", "sim800", 3500),
    ):
        for info in ({}, modem):
            assert _battery(name, link, info, 1_951_000) == ({6: {0: 1}, 7: {0: 3900}}, False)
        told, low = _battery(name, link, {}, limit_mv * 500)
        assert told[7] == {0: limit_mv} and low is False
        told, low = _battery(name, link, {}, limit_mv * 500 - 5000)
        assert told[7] == {0: limit_mv - 10} and low is True


def test_no_battery_at_the_divider():
    """LilyGO T-SIM7000G, issue 12: on USB the divider shows 142 mV; then it is what the modem
    says.
    """
    told = {6: {0: 1}, 7: {0: 3999}, 9: 95}
    modem = {"battery_mv": 3999, "battery_percent": 95}
    assert _battery("lilygo_t_sim7000g", "sim7000", modem, 142_000) == (told, False)
    assert _battery("lilygo_t_sim7000g", "sim7000", {}, 142_000) == ({}, None)
    assert _battery("host", "sim7000", modem) == (told, False)


def test_the_battery_by_the_axp192():
    """AXP192, registers 0x78 and 0x79: twelve bits in steps of 1.1 mV."""
    name = "lilygo_t_call_sim800c"
    for raw, millivolts in ((3545, 3890), (3000, 3300), (0xFFF, 4500)):
        registers = {0x78: raw >> 4, 0x79: raw & 0x0F | 0xF0}
        told, low = _battery(name, "sim800", {}, chips={_AXP192: registers})
        assert told == {6: {0: 1}, 7: {0: millivolts}} and low == (millivolts < 3500)
    modem = {"battery_mv": 3999, "battery_percent": 95}
    assert _battery(name, "sim800", modem)[0][7] == {0: 3999}
