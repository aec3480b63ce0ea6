"""What a board's module says of its wires, against its chip, itself and what a site wants."""

import sys

from node import config, feasible
from node.lean import forget
from unit.node.test_boards import NAMES, board

HEAP_K = 128  # all boards at once, of which a board holds one

_SITE = {
    "endpoint": "probe-1",
    "servers": [{"uri": "coap://lwm2m.example", "sms_number": "+447700900123"}],
    "modem": {"apn": "iot.example"},
}


class _Board:
    """A board like the simulated one, but for what is given."""

    def __init__(self, **settings):
        self.UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
        self.PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": 33}
        for name, value in settings.items():
            if name.isupper():
                setattr(self, name, value)
            else:
                (self.UART if name in self.UART else self.PINS)[name] = value


def _refused(module, **settings):
    site = dict(_SITE)
    site.update(settings)
    try:
        feasible.check_board(config.check(site), module)
    except config.ConfigError as error:
        text = str(error)
        assert "\n" not in text, text
        return text
    return None


def _probe(pin):
    return [{"object": 3303, "pin": pin}]


def test_every_board_fits():
    """boards/: each takes a site with one of its modems that waits for messages."""
    for name in NAMES:
        for link in getattr(board(name), "MODEMS", ("sim800", "sim7000", "sim7080")):
            assert _refused(board(name), link=link) is None, name


def test_a_modem_that_the_board_has_not():
    """DESIGN §6: the key, its value and what is allowed."""
    text = "link: sim800 is not allowed on this board; use sim7000 or udp"
    assert _refused(board("lilygo_t_sim7000g"), link="sim800") == text
    text = "link: sim7000 is not allowed on this board; use sim800 or udp"
    assert _refused(board("sim800l_breakout"), link="sim7000") == text
    text = "link: sim800 is not allowed on this board; use sim7000, sim7080 or udp"
    assert _refused(_Board(MODEMS=("sim7000", "sim7080")), link="sim800") == text
    assert _refused(board("lilygo_t_sim7000g"), link="udp") is None
    for link in ("sim800", "sim7000", "sim7080"):
        assert _refused(_Board(), link=link) is None


def test_objects_at_pins_that_are_taken():
    """DESIGN §6: the key, its value, what the pin is for, and which are left."""
    module = board("lilygo_t_sim7000g")
    for pin, what, left in (
        (35, 'BATTERY["pin"]', "0, 32-34, 37-39"),
        (36, "the divider of the solar input", "0, 32-34, 37-39"),
        (12, "the LED, which is on at low", "0, 32-34, 37-39"),
        (26, 'UART["rx"]', "0, 32-34, 37-39"),
        (25, 'PINS["dtr"]', "0, 32-34, 37-39"),
    ):
        for link in ("sim7000", "udp"):  # whose wires are there all the same
            text = "objects[0].pin: %d is for %s on this board; use %s" % (pin, what, left)
            assert _refused(module, objects=_probe(pin), link=link) == text
    for pin in (0, 32, 33, 34, 37, 38, 39):
        assert _refused(module, objects=_probe(pin)) is None, pin
    lamp = [{"object": 3303}, {"object": 3311, "pin": 23}]
    text = (
        "objects[1].pin: 23 is for the modem's supply on this board; use 0, 2, 12, 14-15, "
        "18-20, 25, 32-33"
    )
    assert _refused(board("lilygo_t_call_sim800l_v13"), link="sim800", objects=lamp) == text
    lamp[1]["pin"] = 5
    refusal = _refused(board("lilygo_t_call_sim800l_v13"), link="sim800", objects=lamp)
    assert refusal.startswith('objects[1].pin: 5 is for PINS["reset"] on this board; use 0, '), (
        refusal
    )
    assert _refused(board("lilygo_t_sim7000g"), objects=lamp) is None


def test_chips_of_which_nothing_is_known():
    """boards/README.md: CHIP may be any that esptool knows."""
    module = _Board(CHIP="esp32p4", tx=50, rx=51)
    assert _refused(module, objects=_probe(40)) is None
    text = 'objects[0].pin: 50 is for UART["tx"] on this board; use another'
    site = config.check(dict(_SITE, objects=_probe(40)))
    site["objects"][0]["pin"] = 50
    try:
        feasible.check_board(site, module)
        raise AssertionError(text)
    except config.ConfigError as error:
        assert str(error) == text


def test_a_board_whose_wires_cannot_be():
    """DESIGN §6: the line of the board's module, its value and what is allowed."""
    driven = "0, 2, 4-5, 12-23, 25-27, 32-33"
    for module, text in (
        (_Board(rx=27), 'UART["rx"] of the board: GPIO 27 is for UART["tx"], too; use another'),
        (
            _Board(dtr=4),
            'PINS["dtr"] of the board: GPIO 4 is for PINS["pwrkey"], too; use another',
        ),
        (_Board(ri=26), 'PINS["ri"] of the board: GPIO 26 is for UART["rx"], too; use another'),
        (
            _Board(reset=33, reset_pressed=0),
            'PINS["ri"] of the board: GPIO 33 is for PINS["reset"], too; use another',
        ),
        (
            _Board(BATTERY={"pin": 33, "ratio": 2.0}),
            'BATTERY["pin"] of the board: GPIO 33 is for PINS["ri"], too; use another',
        ),
        (
            _Board(TAKEN={25: "the LED"}),
            'PINS["dtr"] of the board: GPIO 25 is for the LED, too; use another',
        ),
        (_Board(pwrkey=34), 'PINS["pwrkey"] of the board: GPIO 34 is no output; use ' + driven),
        (_Board(tx=39), 'UART["tx"] of the board: GPIO 39 is no output; use ' + driven),
        (_Board(dtr=8), 'PINS["dtr"] of the board: GPIO 8 is no output; use ' + driven),
    ):
        assert _refused(module) == text
        assert _refused(module, objects=_probe(32)) == text
    for pins in ({"ri": 35}, {"rx": 34}, {"dtr": None}, {"reset": None}, {"pwrkey": None}):
        assert _refused(_Board(**pins)) is None, pins


def test_a_board_looks_at_its_start():
    """node/prepare.py: a site for another modem, or with an Object at a pin that is taken, is not
    begun; the check is loaded only where there is something to check.
    """
    from node.prepare import _configuration

    load = config.load
    sys.modules["board"] = board("lilygo_t_sim7000g")
    try:
        for changes, fits, looked in (
            ({"link": "sim800"}, False, True),
            ({"objects": _probe(35)}, False, True),
            ({"objects": _probe(32)}, True, True),
            ({"objects": [{"object": 3303}]}, True, False),
            ({"link": "udp"}, True, False),
        ):
            site = config.check(dict(_SITE, **changes))
            config.load = lambda path, site=site: site
            forget("node.wiring", "node.gpio")
            assert (_configuration("site.json") is not None) == fits, changes
            assert ("node.wiring" in sys.modules) == looked, changes
    finally:
        config.load = load
        del sys.modules["board"]
