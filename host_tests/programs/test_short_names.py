"""Names that the modules of a board share (tools/short_names.py)."""

import pytest

from tools.short_names import assign, interface, shorten

_BASE = """
from micropython import const

_LIMIT = const(3)


class Link:
    def __init__(self):
        self._jobs = []
        self._task = None

    def _work(self):
        return self._jobs[:_LIMIT]
"""
_DERIVED = """
from base import Link


class Fast(Link):
    def __init__(self):
        super().__init__()
        self._speed = 9
"""
_OTHER = """
def _sum(items):
    return sum(_ for _ in items)
"""
_FIRMWARE = {"base": _BASE, "derived": _DERIVED, "other": _OTHER}


def test_what_may_meet_has_different_names():
    """tools/short_names.py: attributes of a class and of what derives from it keep apart."""
    short = assign(_FIRMWARE, {})
    assert set(short) == {"_jobs", "_task", "_work", "_speed", "_sum", "Link", "Fast", "items"}
    together = ["_jobs", "_task", "_work", "_speed"]
    assert len({short[name] for name in together}) == len(together)


def test_modules_apart_share_names():
    """DESIGN §4: modules that do not meet share interned names."""
    short = assign(_FIRMWARE, {})
    there = ("_jobs", "_task", "_work", "_speed", "Link", "Fast")
    assert short["_sum"] in {short[name] for name in there}


def test_tests_keep_their_own_names_apart():
    """tools/short_names.py: names that a module outside uses together keep apart."""
    others = {"test": "def test_it(link):\n    assert link._jobs and _sum([]) and link._own\n"}
    short = assign(_FIRMWARE, others)
    assert short["_jobs"] != short["_sum"] and "_own" not in short


def test_a_module_shortened_does_the_same():
    """tools/short_names.py: other names, the same lines and the same results."""
    short = assign(_FIRMWARE, {})
    text = shorten(_BASE.replace("from micropython import const", "const = int"), short)
    assert "_jobs" not in text and "_LIMIT" in text
    assert len(text.splitlines()) == len(_BASE.splitlines())
    space: dict = {}
    exec(text, space)
    link = space[short["Link"]]()
    getattr(link, short["_jobs"]).extend("abcd")
    assert getattr(link, short["_work"])() == ["a", "b", "c"]


def test_names_in_f_strings_are_found():
    """tools/short_names.py: a name in an f-string is renamed, or refused with its line."""
    short = assign(_FIRMWARE, {})
    source = 'def text(link):\n    return f"{link._jobs}"\n'
    try:
        assert "_jobs" not in shorten(source, short)
    except ValueError as error:
        assert "line 2: _jobs" in str(error)


def test_the_firmware_is_served_by_few():
    """DESIGN §4: a fifth of the names would do for the firmware's private ones."""
    from tools.build import short_names

    short = short_names()
    if len(short) < 200:
        pytest.fail("the firmware's names are not found")
    assert len(set(short.values())) < len(short) / 5


_CALLED = """
LIMIT = (1, 2)


def widest(rows, first=0):
    return max(rows)


def told(error):
    return "%s %s" % (error, Broken)


class Broken(Exception):
    def show(self, column):
        return column
"""
_CALLER = """
from called import widest, told
import os


def area(rows, height):
    return os.sep, widest(rows, first=height), getattr(told, "LIMIT")
"""


def test_public_names_are_shortened_where_only_imports_lead_to_them():
    """tools/short_names.py: what getattr names, and what is shared with others, stays."""
    short = assign({"called": _CALLED, "caller": _CALLER}, {}, {"area"})
    assert set(short) == {"widest", "told", "rows", "error", "column", "height"}


def test_a_public_name_of_one_module_is_no_other_one_where_it_is_imported():
    """tools/short_names.py: importing module and imported one keep apart."""
    short = assign({"called": _CALLED, "caller": _CALLER}, {})
    assert len({short[name] for name in ("widest", "told", "rows", "area", "height")}) == 5


def test_what_applications_use_keeps_its_name():
    """firmware/README.md: what that page names, and what Objects have, stays."""
    names = interface("`node.every(ms, function)`", [_CALLED])
    assert {"node", "every", "ms", "widest", "rows", "Broken", "show", "column"} <= names
    assert not set(assign({"called": _CALLED}, {}, names))


def test_a_constant_keeps_its_name_and_another_value_in_capitals_does_not():
    """micropython.const: its name is gone from .mpy in any case."""
    source = "from micropython import const\n_A = const(1)\n_B = (2, 3)\nC = const(4)\n"
    assert set(assign({"module": source}, {})) == {"_B"}
