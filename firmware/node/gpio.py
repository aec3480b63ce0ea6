"""What the chip's pins can do, against what the site's Objects and the board ask of them.

Loaded only where a board is checked (node/wiring.py).
"""

from node.config import OUTPUTS, ConfigError
from node.feasible import spans

# GPIO numbers that an analog input can be at, and those that can be driven: neither the flash's
# (ESP32: 6 to 11, ESP32-S3: 26 to 32), nor the console's, nor USB's (ESP32-S3: 19, 20). An ESP32
# has inputs alone from 34 on; half of its analog ones (ADC2) are the radio's while Wi-Fi is on.
_ANALOG = {
    "esp32": (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39),
    "esp32s3": tuple(range(1, 19)),
}
_DRIVEN = {
    "esp32": (0, 2, 4, 5) + tuple(range(12, 24)) + (25, 26, 27, 32, 33),
    "esp32s3": tuple(range(19)) + (21,) + tuple(range(33, 43)) + (45, 46, 47, 48),
}


def check(objects: list, chip: str, used: dict) -> None:
    """Refuse an Object whose pin cannot do what the Object needs, or has another use; raises
    ConfigError.

    objects: of a checked configuration. chip: "esp32", "esp32s3" …; of others nothing is known.
    used: {GPIO: what it is for} of the board's own.
    """
    for index, entry in enumerate(objects):
        pin = entry.get("pin")
        if pin is None:
            continue
        output = entry["object"] in OUTPUTS
        able = (_DRIVEN if output else _ANALOG).get(chip)
        if able is not None and pin not in able:
            what = "no output of this chip" if output else "no analog input of this chip"
        elif pin in used:
            what = "for %s on this board" % used[pin]
        else:
            continue
        left = spans([each for each in able if each not in used]) if able else "another"
        raise ConfigError("objects[%d].pin: %d is %s; use %s" % (index, pin, what, left))


def driven(chip: str):
    """Return the GPIOs of a chip that can be outputs, None where they are not known."""
    return _DRIVEN.get(chip)
