"""A board's traceback reads as the sources do."""

import io
import json
import re
import subprocess

import pytest

from tools import build, readable

_CRASH = """
import sys
from modem.pdu import decode
try:
    decode(bytes(20), 2)
except Exception as error:
    sys.print_exception(error, sys.stdout)
"""


@pytest.fixture(scope="module")
def printed():
    """What a board prints of a fault in the decoder of messages."""
    build.build()
    done = subprocess.run(
        [build.interpreter(), "-c", _CRASH],
        env={"MICROPYPATH": f"{build.BUILD / 'firmware'}:{build.BUILD / 'host_tests/shim'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _frames(text):
    return re.findall(r'File "modem\.pdu", line \d+, in (\w+)', text)


def test_a_traceback_of_the_board(printed, tmp_path, capsys):
    """Each function has its name of firmware/modem/pdu.py again; the rest stays as it is."""
    assert any(name.startswith("_") and name[1:].isdigit() for name in _frames(printed)), printed
    (tmp_path / "trace").write_text(printed)
    assert readable.main([str(tmp_path / "trace")]) == 0
    said = capsys.readouterr().out
    source = (build.ROOT / "firmware/modem/pdu.py").read_text()
    for name in _frames(said):
        assert f"def {name}(" in source, said
    assert said.splitlines()[0] == printed.splitlines()[0]
    assert said.rstrip().splitlines()[-1] == printed.rstrip().splitlines()[-1]


def test_the_text_of_the_event_log(monkeypatch, capsys):
    """The Event Log has frames as `module function:line`; a name is that of its module."""
    build.build()
    short = json.loads((build.BUILD / "short_names.json").read_text())
    text = "modem.at {}:1\nnode.node {}:1\nKeyError: 7\nerror 16 after 34 s at 1795364790".format(
        short["_restart"], short["_set_counters_aside"]
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert readable.main([]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["modem.at _restart:1", "node.node _set_counters_aside:1"]
    assert said[2:] == text.splitlines()[2:]


def test_a_name_that_no_source_has():
    """What is of another firmware, or of the application, stays as it is."""
    text = 'File "app", line 3, in _1\n  File "modem.at", line 1, in _99999\nmodem.none _2:1'
    assert readable.readable(text, {"_set_counters_aside": "_1"}) == text


def test_a_file_that_is_not_there(capsys):
    """One clear line, and an exit code."""
    assert readable.main(["/nowhere/trace"]) == 1
    assert capsys.readouterr().err == "/nowhere/trace: cannot be read\n"
