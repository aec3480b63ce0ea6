"""Botletics SIM7000 shield on an ESP32 dev kit, by four to six wires.

The wires are those of Botletics' ESP32 demo: GPIO 18 to PWRKEY (6), 5 to RST (7), 17 to RX (11),
16 to TX (10), and 3.3 V to the pin that sets the level ("5V"). Two more make it a sensor that
sleeps: GPIO 25 to DTR (8), behind the shield's jumper JP2, and 33 to RI (9). GPIO 16 cannot end a
deep sleep: without the wire to RI, have TX at 26 and "ri" None. The shield needs its battery.
"""

CHIP = "esp32"
MODEMS = ("sim7000",)
FLASH_MB = 4
UART = {"id": 1, "tx": 17, "rx": 16, "baudrate": 115200}
PINS = {
    "pwrkey": 18,
    "pwrkey_pressed": 0,
    "reset": 5,
    "reset_pressed": 0,
    "dtr": 25,
    "ri": 33,
}
TAKEN = {21: "SDA of the shield's thermometer", 22: "SCL of the shield's thermometer"}
