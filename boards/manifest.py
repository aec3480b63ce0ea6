# ruff: noqa: F821  what MicroPython's build gives to a manifest
"""Freezes the firmware into a MicroPython for ESP32, beside what that has frozen anyway.

boards/NAME/manifest.py takes this, and the board's module; boards/FREEZING.md says how.
"""

include("$(PORT_DIR)/boards/manifest.py")
for room in ("coap", "lwm2m", "modem", "node"):
    package(room, base_path="../firmware", opt=3)
module("main.py", base_path="../firmware", opt=3)
