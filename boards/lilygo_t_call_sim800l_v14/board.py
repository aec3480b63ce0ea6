"""LilyGO T-Call SIM800L with IP5306, v1.4 (2020-08-11): ESP32-WROVER and SIM800L.

GPIO 23 switches the modem's supply, GPIO 4 its power key, low for pressed. DTR puts the modem to
sleep, and RI wakes the board. The resistor between GPIO 5 and RST is missing on some of these
boards, where a reset does nothing. The IP5306 makes 5 V from the battery, and stops when little is
drawn unless it is told to go on.
"""

CHIP = "esp32"
MODEMS = ("sim800",)
FLASH_MB = 4
UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
PINS = {
    "pwrkey": 4,
    "pwrkey_pressed": 0,
    "reset": 5,
    "reset_pressed": 0,
    "dtr": 32,
    "ri": 33,
}
BATTERY = {"pin": 35, "ratio": 2.0}
TAKEN = {
    13: "the LED",
    16: "the PSRAM",
    17: "the PSRAM",
    21: "SDA of the IP5306",
    22: "SCL of the IP5306",
    23: "the modem's supply",
}


def power_up(hw):
    """Supply the modem, then have the IP5306 go on while both sleep."""
    hw.hold(23, 1)
    # LilyGO's setPowerBoostKeepOn: SYS_CTL0 is 0x37 to go on, 0x35 (bit 1 clear) to stop after
    # about 32 s of little load.
    hw.write_register(21, 22, 0x75, 0x00, 0x37)
