"""LilyGO T-Call SIM800C with AXP192 (2020-06-09): ESP32-WROVER and SIM800C.

GPIO 25 switches the modem's supply, GPIO 4 its power key, low for pressed. DTR puts the modem to
sleep, and RI wakes the board. RST is not wired. The AXP192 supplies the ESP32 by its DCDC3, which
must never be switched off, and knows the battery's voltage.
"""

CHIP = "esp32"
MODEMS = ("sim800",)
FLASH_MB = 4
UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
PINS = {"pwrkey": 4, "pwrkey_pressed": 0, "dtr": 32, "ri": 33}
TAKEN = {
    12: "the LED, which is on at low",
    16: "the PSRAM",
    17: "the PSRAM",
    21: "SDA of the AXP192",
    22: "SCL of the AXP192",
    25: "the modem's supply",
    35: "the interrupt of the AXP192",
}


def power_up(hw):
    """Supply the modem, then switch off what the AXP192 supplies nothing with."""
    hw.hold(25, 1)
    # Register 0x12 of the AXP192 switches its outputs: bit 0 DCDC1, 1 DCDC3, 2 LDO2, 3 LDO3,
    # 4 DCDC2, 6 EXTEN. LilyGO's setupPMU leaves DCDC3 alone on; the voltages, in 0x26 DCDC1, 0x27
    # DCDC3 and 0x28 LDO2 and LDO3, it leaves as they are.
    outputs = hw.read_register(21, 22, 0x34, 0x12)
    hw.write_register(21, 22, 0x34, 0x12, outputs & 0xA2 | 0x02)
    # Bit 7 of 0x82: the battery's voltage is measured.
    measured = hw.read_register(21, 22, 0x34, 0x82)
    hw.write_register(21, 22, 0x34, 0x82, measured | 0x80)


def battery_mv(hw):
    """Return the battery's voltage: twelve bits in registers 0x78 and 0x79, in steps of 1.1 mV."""
    high = hw.read_register(21, 22, 0x34, 0x78)
    low = hw.read_register(21, 22, 0x34, 0x79)
    return (high << 4 | low & 0x0F) * 11 // 10
