"""What a board's module says of its wires, against its chip, itself and what the site wants.

Loaded only where a site has Objects with pins, or a modem that its board has not.
"""

from node import gpio
from node.config import ConfigError
from node.feasible import spans

_DRIVEN = ("tx", "pwrkey", "reset", "dtr")


def check(site: dict, board) -> None:
    """Refuse a modem that the board has not, wires that cannot be, and Objects at pins that are
    taken; raises ConfigError.
    """
    link = site["link"]
    modems = getattr(board, "MODEMS", (link,))
    if link not in modems and link != "udp":
        raise ConfigError(
            "link: %s is not allowed on this board; use %s or udp" % (link, ", ".join(modems))
        )
    chip = getattr(board, "CHIP", "esp32")
    gpio.check(site["objects"], chip, _used(board, chip))


def _used(board, chip):
    """Return {GPIO: what it is for}; refuses a GPIO that is for two things."""
    used = dict(getattr(board, "TAKEN", {}))
    lines = [("UART", name, board.UART[name]) for name in ("tx", "rx")]
    lines += [("PINS", name, board.PINS.get(name)) for name in ("pwrkey", "reset", "dtr", "ri")]
    if hasattr(board, "BATTERY"):
        lines.append(("BATTERY", "pin", board.BATTERY["pin"]))
    for table, name, pin in lines:
        if pin is None:
            continue
        line = '%s["%s"]' % (table, name)
        if pin in used:
            raise ConfigError(
                "%s of the board: GPIO %d is for %s, too; use another" % (line, pin, used[pin])
            )
        able = gpio.driven(chip) if name in _DRIVEN else None
        if able and pin not in able:
            raise ConfigError(
                "%s of the board: GPIO %d is no output; use %s" % (line, pin, spans(able))
            )
        used[pin] = line
    return used
