"""What the chip's pins can do, against what the site's Objects ask of them.

Loaded only where a site has Objects with pins. What the board itself uses of them is
node/feasible.py's to know.
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


def check(objects: list, chip: str) -> None:
    """Refuse an Object whose pin cannot do what the Object needs; raises ConfigError.

    objects: of a checked configuration. chip: "esp32", "esp32s3" …; of others nothing is known.
    """
    for index, entry in enumerate(objects):
        output = entry["object"] in OUTPUTS
        able = (_DRIVEN if output else _ANALOG).get(chip)
        if able is not None and "pin" in entry and entry["pin"] not in able:
            what = "output" if output else "analog input"
            raise ConfigError(
                "objects[%d].pin: %d is no %s of this chip; use %s"
                % (index, entry["pin"], what, spans(able))
            )
