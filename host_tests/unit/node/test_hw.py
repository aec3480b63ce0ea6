"""What hw.py makes of the chip: the UART's rate."""

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
