"""The simulated board: an ESP32 with every modem line wired, as tools/device.py plays it."""

UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": 33}
