"""MicroPython's `esp32`, for CPython and for the unix port: what ends a sleep."""

import machine

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


def wake_on_ext0(pin, level) -> None:
    """End deep sleep when `pin` is low, None for no pin; refuse one that cannot, as the chip."""
    if pin is not None and pin.number not in machine.RTC_PINS:
        raise ValueError("invalid pin")
    if level != WAKEUP_ALL_LOW:
        raise ValueError("only the low level is simulated")
    machine.wake_pin = pin.number if pin is not None else None


def wake_on_ext1(pins, level) -> None:
    """End both sleeps when the pin in `pins` is at `level`; () for no pin, None for what was."""
    if pins is None:
        return
    for pin in pins:
        if pin.number not in machine.RTC_PINS:
            raise ValueError("invalid pin")
    if len(pins) > 1:
        raise ValueError("only one pin is simulated")
    machine.contact = (pins[0].number, int(level)) if pins else None


def wake_on_gpio(pins, level) -> None:
    """End light sleep when the pin in `pins` is low; () for no pin, None for what was."""
    if level != WAKEUP_ALL_LOW:
        raise ValueError("only the low level is simulated")
    if pins is not None:
        machine.light_wake_pin = pins[0].number if pins else None


def gpio_deep_sleep_hold(enable: bool) -> None:
    """Pins that are held keep their level in deep sleep, also those that are no RTC pins."""
    machine.held_in_sleep = enable
