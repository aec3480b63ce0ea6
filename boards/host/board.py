"""The simulated board: an ESP32 with every line of a modem wired, as tools/device.py plays it.

It takes any modem, and has no supplies of its own.
"""

UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": 33}
