# ruff: noqa: F821  what MicroPython's build gives to a manifest
"""Freezes the firmware with this board's module (boards/FREEZING.md)."""

include("../manifest.py")
module("board.py", opt=3)
