"""A virtual SIM800 or SIM7000 on a virtual cellular network; runs on MicroPython too."""
