"""A configuration is refused before it goes to a board, in one line that names the key."""

import json

import pytest

from tools import check

_SITE = {
    "modem": {"apn": "iot.example"},
    "servers": [{"uri": "coap://lwm2m.example", "sms_number": "+447700900123"}],
}


def _said(tmp_path, capsys, *, pins=None, board=None, **changes):
    site = tmp_path / "site.json"
    site.write_text(json.dumps({**_SITE, **changes}))
    arguments = [str(site)]
    if pins or board:
        module = tmp_path / "board.py"
        wires = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": 25, "ri": 33, **(pins or {})}
        uart = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}
        module.write_text(board or f"UART = {uart}\nPINS = {wires}\n")
        arguments += ["--board", str(module)]
    code = check.main(arguments)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    return code, said.replace(str(tmp_path), "")


def test_one_that_fits(tmp_path, capsys):
    """DESIGN §6: what can work is told, too."""
    assert _said(tmp_path, capsys) == (0, "/site.json: fits\n")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"modem": {}}, "modem.apn: missing; use the operator's access point name\n"),
        (
            {"modem": {"apn": "x", "pin": "12"}},
            "modem.pin: malformed; use 4 to 8 digits\n",
        ),
        (
            {"pins": {"ri": 18}},
            'PINS["ri"] of the board: GPIO 18 cannot end a deep sleep; '
            "use 0, 2, 4, 12-15, 25-27, 32-39, or sleep light\n",
        ),
        ({"board": "UART = {}\n"}, "/board.py: PINS is missing; it is a dictionary\n"),
    ],
)
def test_one_that_cannot_work(tmp_path, capsys, changes, refusal):
    """AT+CSTT, AT+CPIN, ESP32 wake_on_ext0: APN missing, PIN malformed, RI that cannot wake."""
    assert _said(tmp_path, capsys, **changes) == (1, refusal)


def test_a_board_by_name(tmp_path, capsys):
    """boards/: a board is named by its folder; a name that is none gets those that there are."""
    site = tmp_path / "site.json"
    site.write_text(json.dumps({**_SITE, "objects": [{"object": 3303, "pin": 34}]}))
    assert check.main([str(site), "--board", "host"]) == 0
    site.write_text(json.dumps({**_SITE, "objects": [{"object": 3303, "pin": 18}]}))
    capsys.readouterr()
    assert check.main([str(site), "--board", "host"]) == 1
    assert capsys.readouterr().out == (
        "objects[0].pin: 18 is no analog input of this chip; use 0, 2, 12-15, 32, 34-39\n"
    )
    assert check.main([str(site), "--board", "nowhere"]) == 1
    assert capsys.readouterr().out.startswith("BOARD: nowhere is no board; use ")


def test_a_board_that_is_broken(tmp_path, capsys):
    """DESIGN §6: what the board's file says or does not is one line, whatever it is."""
    for text, said in (
        ("PINS = {", "/board.py: SyntaxError: '{' was never closed (board.py, line 1)\n"),
        ("UART = pins", "/board.py: NameError: name 'pins' is not defined\n"),
    ):
        assert _said(tmp_path, capsys, board=text) == (1, said)
    assert check.main([str(tmp_path / "site.json"), "--board", "none.py"]) == 1
    assert capsys.readouterr().out == "none.py: No such file or directory\n"


def test_no_such_file(tmp_path, capsys):
    """DESIGN §6: the file is named."""
    assert check.main([str(tmp_path / "none.json")]) == 1
    assert "none.json: no such file" in capsys.readouterr().out


def test_a_file_that_cannot_be_read(tmp_path, capsys):
    """DESIGN §6: the file is named, and where it is no JSON the line."""
    path = tmp_path / "site.json"
    path.write_text('{"servers": [\n  {"uri": "coap://h"},\n]}\n')
    assert check.main([str(path)]) == 1
    assert "/site.json: not a JSON document: line 3, column 1: " in capsys.readouterr().out
    assert check.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{tmp_path}: Is a directory\n"
