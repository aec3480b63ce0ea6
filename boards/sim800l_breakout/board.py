"""SIM800L breakout on an ESP32 dev kit, by up to seven wires.

The breakout has its power key tied, so that the modem starts with its supply: it is never switched
off, and restarted by RST. Where DTR and RING are not broken out, or not wired, they are None here:
the modem then sleeps by itself (AT+CSCLK=2), and the first bit on RX wakes the board.
"""

CHIP = "esp32"
MODEMS = ("sim800",)
FLASH_MB = 4
UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
PINS = {
    "pwrkey": None,
    "pwrkey_pressed": 0,
    "reset": 32,
    "reset_pressed": 0,
    "dtr": 25,
    "ri": 33,
}
