"""The wiring pages of the boards say what their modules say."""

import re

import pytest

from tools import boards
from tools.boards import BOARDS

_PAGE_COLUMNS = 80
_NOT_LED_OUT = (20, 37, 38)  # of the chip, by its modules


def _page(name):
    return (BOARDS / name / "README.md").read_text()


def _numbers(text):
    found = set()
    for part in text.split(","):
        low, _, high = part.strip().partition(" to ")
        found |= set(range(int(low), int(high or low) + 1))
    return found


def _rows(page):
    """The rows of the table of lines, without its head."""
    return [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")][1:]


def test_every_board_is_tested():
    """boards/: the portable tests have a list, for a board has no folders to look through."""
    from unit.node.test_boards import NAMES

    assert list(NAMES) == boards.names()


@pytest.mark.parametrize("name", boards.names())
def test_a_page(name):
    """boards/README.md: a drawing of 80 columns, each line of the module, which GPIOs are left."""
    from node import feasible, gpio, wiring

    page = _page(name)
    drawing = [line for line in page.splitlines() if line.startswith("     ")]
    assert len(drawing) > 7 and max(map(len, drawing)) <= _PAGE_COLUMNS
    module = boards.load(name).module
    drawn = _numbers(",".join(re.findall(r"\d+", "\n".join(drawing))))
    rows = _rows(page)
    told = set()
    for line, pins, *_ in rows:
        if not line.startswith(" for an application"):
            told |= {int(number) for number in re.findall(r"\d+", pins)}
    used = wiring._used(module, "esp32")
    for pin in used:
        assert pin in drawn or pin in (16, 17), (pin, used[pin])
    for pin in [module.UART["tx"], module.UART["rx"], *module.PINS.values()]:
        assert pin in (None, 0, 1) or pin in told, pin
    left = [pins for line, pins, *_ in rows if line.startswith(" for an application")]
    able = set(gpio._DRIVEN["esp32"]) | set(gpio._ANALOG["esp32"])
    free = able - set(used) - set(_NOT_LED_OUT)
    assert _numbers(left[0]) == free, feasible.spans(sorted(free))
    for heading in ("What wakes it.", "Battery."):
        assert f"**{heading}**" in page
    if name != "host":
        for heading in ("Supply.", "MicroPython.", "In deep sleep.", "Never run on hardware"):
            assert f"**{heading}" in page


def test_the_table_of_boards():
    """boards/README.md: every board, with its modem and what wakes it."""
    page = (BOARDS / "README.md").read_text()
    for name in boards.names():
        module = boards.load(name).module
        (row,) = [line for line in page.splitlines() if f"| `{name}` |" in line]
        modem, wakes, battery = [cell.strip() for cell in row.split("|")[3:6]]
        links = getattr(module, "MODEMS", ("any",))
        assert modem.lower() == links[0]
        assert wakes.startswith("RX" if module.PINS["ri"] is None else "RI")
        if hasattr(module, "BATTERY"):
            assert battery == "divider at GPIO %d" % module.BATTERY["pin"]
        else:
            assert battery == ("AXP192" if hasattr(module, "battery_mv") else "modem")


def test_what_the_page_shows_of_check():
    """boards/README.md, "Adding a board": the lines are those of tools.check."""
    from node import config, feasible

    page = (BOARDS / "README.md").read_text()
    site = {
        "endpoint": "probe-1",
        "modem": {"apn": "x"},
        "servers": [{"uri": "coap://lwm2m.example"}],
        "objects": [{"object": 3303, "pin": 35}],
    }
    module = boards.load("lilygo_t_sim7000g").module
    for changes in ({}, {"link": "sim800"}):
        with pytest.raises(config.ConfigError) as refused:
            feasible.check_board(config.check({**site, **changes}), module)
        assert f"    {refused.value}\n" in page


def test_the_example_is_a_board(tmp_path):
    """boards/README.md, "Adding a board": what it shows fits."""
    from node import config, feasible

    page = (BOARDS / "README.md").read_text()
    text = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert text
    path = tmp_path / "board.py"
    path.write_text(text.group(1))
    site = {
        "endpoint": "probe-1",
        "modem": {"apn": "x"},
        "servers": [{"uri": "coap://lwm2m.example", "sms_number": "+447700900123"}],
    }
    feasible.check_board(config.check(site), boards.module_of(str(path)))
