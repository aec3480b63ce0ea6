"""Which of OMA's cases are played here, and why the others are not.

The ids are those of the Enabler Test Specification (Interoperability) 1.1 and 1.2 that have a
procedure, up to the cases of security, and of those of single Objects what a board here has. Each
test names at the beginning of its docstring the cases that it plays.
"""

import ast
import re
from pathlib import Path

_HERE = Path(__file__).resolve().parent

_CASES = {
    *range(10),
    *range(101, 112),
    *(201, 203, 204, 205, 211, 212, 215),
    *range(220, 238),
    *(241, 256, 257, 260, 261, 264, 266, 280, 281),
    *range(301, 314),
    *range(401, 407),
}
_LEFT_OUT = {
    1: "a bootstrap over DTLS with a pre-shared key: there is no DTLS",
    2: "a bootstrap over DTLS with certificates: there is no DTLS",
    3: "a bootstrap from a smart card: the modems give no access to a file of the SIM's",
    106: "a registration over TCP: there is no TCP",
    401: "DTLS with a pre-shared key: there is no DTLS",
    402: "DTLS with certificates: there is no DTLS",
    403: "DTLS with a certificate of another host: there is no DTLS",
    404: "TLS with certificates: there is neither TLS nor TCP",
    405: "OSCORE: there is none",
    406: "TLS with a pre-shared key: there is neither TLS nor TCP",
}


def _played():
    ids = set()
    for path in _HERE.glob("test_oma_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                named = re.match(r"int-([0-9, to\n]+)", ast.get_docstring(node) or "")
                for first, last in re.findall(r"(\d+)(?: to (\d+))?", named[1] if named else ""):
                    ids.update(range(int(first), int(last or first) + 1))
    return ids


def test_every_case_is_played_or_left_out_with_its_reason():
    """ETS: no case is forgotten, and none is left out that is played."""
    played = _played()
    assert _CASES - played == _LEFT_OUT.keys()
    assert not played & _LEFT_OUT.keys()
