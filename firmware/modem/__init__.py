"""SIM800, SIM7000 and SIM7080: AT channel, drivers, SMS PDUs, the UDP link and the SMS link.

What is needed seldom (boot, attach, socket opening, reading messages …) is in modules of its own,
which are imported where they are used and released after it.
"""

import sys


def release(*names: str) -> None:
    """Forget modules of this package, so that the collector takes back their code."""
    package = sys.modules[__name__]
    for name in names:
        if sys.modules.pop(__name__ + "." + name, None) and hasattr(package, name):
            delattr(package, name)
