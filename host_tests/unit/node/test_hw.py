"""What hw.py makes of the chip: the UART's rate, the watchdog, light sleep and reset causes."""

import asyncio

import machine
from node import hw

from boards.host import board


class _Host:
    def uart_write(self, data):
        pass


def test_the_uart_has_the_rate_that_is_asked_for():
    """ESP32 machine.UART: the rate of the site, and others while the modem is looked for."""
    machine.host = _Host()
    uart = hw.Uart(board.UART, 9600)
    chip = machine.uarts.pop()
    assert chip.baudrate == 9600
    uart.set_baudrate(57600)
    assert chip.baudrate == 57600
    machine.host = None


def test_the_pin_that_ended_a_deep_sleep_hears_again():
    """ESP-IDF Sleep Modes, ext0: the pin stays an RTC IO, and no digital input, until it is taken
    back, which uart_set_pin does not do.
    """
    machine.host = _Host()
    machine.rtc_pins.add(board.UART["rx"])
    uart = hw.Uart(board.UART, 9600)
    machine.uarts.pop().receive(b"RDY")
    assert asyncio.run(uart.read()) == b"RDY"
    machine.host = None


class _Chip:
    """A host that notes what the chip is told; a pin that goes low ends its light sleep."""

    def __init__(self):
        self.fed = []
        self.slept = []
        self.wake_reason = 0

    def watchdog(self, timeout_ms):
        self.fed.append(timeout_ms)

    def light_sleep(self, duration_ms, wake_pin):
        self.slept.append((duration_ms, wake_pin))
        self.wake_reason = 4 if wake_pin is None else 7


def test_the_watchdog_starts_with_the_first_feed():
    """ESP32 machine.WDT: made once it is fed, fed by each call; 0 seconds make none."""
    machine.host = chip = _Chip()
    dog = hw.Watchdog(120)
    assert chip.fed == []
    dog.feed()
    dog.feed()
    assert set(chip.fed) == {120_000} and len(chip.fed) == 3  # making it feeds it as well
    none = hw.Watchdog(0)
    none.feed()
    assert len(chip.fed) == 3
    machine.host = None


def test_light_sleep_ends_by_pin_or_timer():
    """ESP32 machine.lightsleep: any GPIO that is armed wakes, and is not armed afterwards."""
    machine.host = chip = _Chip()
    machine.wake_pin = machine.light_wake_pin = None
    assert asyncio.run(hw.light_sleep(5000, 16)) is True
    assert asyncio.run(hw.light_sleep(7000, None)) is False
    assert chip.slept == [(5000, 16), (7000, None)]
    assert machine.light_wake_pin is None and machine.wake_pin is None
    machine.host = None


def test_a_contact_that_could_end_a_light_sleep_is_taken_back():
    """ESP-IDF Sleep Modes, ext1: the pin is latched as an RTC IO until its hold is let go of,
    which Pin does up to GPIO 33 alone.
    """
    machine.host = chip = _Chip()
    chip.pin_read = lambda number: 1
    for pin, level in ((32, 1), (34, 0)):
        hw.wake_at(pin, 0)
        asyncio.run(hw.light_sleep(5000, None))
        assert machine.Pin(pin, machine.Pin.IN).value() == 0
        assert hw.contact(pin, 0).value() == level, pin
    machine.contact = machine.host = None
    machine.rtc_pins.clear()
    machine.latched.clear()


def test_causes_by_name():
    """ESP32 machine.reset_cause: brown-outs count as power-on, panics as hard resets."""
    machine.host = chip = _Chip()
    for number, name in ((1, "power_on"), (2, "hard"), (3, "watchdog"), (4, "deep_sleep")):
        chip.reset_cause = number
        assert hw.reset_cause() == name
    machine.host = None


class _Lines:
    """What pins are driven to, in their order."""

    def __init__(self):
        self.driven = []

    def pin_write(self, number, level):
        self.driven.append((number, level))

    def pin_read(self, number):
        return 1


def test_lines_of_a_modem():
    """HW800L, HW7000: key and RST rest at the level that does not press them; DTR as it was; each
    is held, for a deep sleep would let go of it.
    """
    machine.host = chip = _Lines()
    machine.held.clear()
    pins = {"pwrkey": 4, "pwrkey_pressed": 1, "reset": 5, "reset_pressed": 0, "dtr": 25, "ri": 33}
    lines = hw.ModemPins(pins, True)
    assert sorted(chip.driven) == [(4, 0), (5, 1), (25, 1)] and machine.held == {4, 5, 25}
    assert lines.can_switch() and lines.can_reset() and lines.can_sleep() and lines.ri() is True
    del chip.driven[:]

    async def press():
        await lines.pulse(1)
        await lines.reset(1)
        lines.dtr(False)

    asyncio.run(press())
    assert chip.driven == [(4, 1), (4, 0), (5, 0), (5, 1), (25, 0)]
    assert machine.held == {4, 5, 25}
    machine.host = None


def test_lines_that_are_not_wired():
    """boards/README.md: None, or left out; ESP32: GPIO 34 to 39 have no pull-up."""
    machine.host = chip = _Lines()
    machine.held.clear()
    lines = hw.ModemPins({"pwrkey": None, "pwrkey_pressed": 0, "dtr": None, "ri": None})
    assert not (lines.can_switch() or lines.can_reset() or lines.can_sleep())
    assert lines.ri() is None

    async def press():
        await lines.pulse(1)
        await lines.reset(1)
        lines.dtr(True)

    asyncio.run(press())
    assert chip.driven == [] and not machine.held
    lines = hw.ModemPins({"pwrkey": None, "pwrkey_pressed": 0, "dtr": None, "ri": 34})
    assert lines.ri() is True
    machine.host = None
