"""LilyGO T-SIM7000G, of 2020-04-15: ESP32-WROVER and SIM7000G.

GPIO 4 presses the power key through a transistor, high for pressed. RI is not wired, so the first
bit on RX wakes the board. RST is not wired either (R40 is not mounted); the release of 2019-12-27
has GPIO 5 there, at 3.3 V on an input for 2 V: leave it alone. The divider at GPIO 35 shows the
battery, and next to nothing while USB supplies the board.
"""

CHIP = "esp32"
MODEMS = ("sim7000",)
FLASH_MB = 4
UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": None}
BATTERY = {"pin": 35, "ratio": 2.0}
GNSS = {"on": "AT+CGPIO=0,48,1,1", "off": "AT+CGPIO=0,48,1,0"}  # the supply of its antenna
TAKEN = {
    2: "the SD card",
    12: "the LED, which is on at low",
    13: "the SD card",
    14: "the SD card",
    15: "the SD card",
    16: "the PSRAM",
    17: "the PSRAM",
    36: "the divider of the solar input",
}
