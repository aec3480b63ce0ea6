"""Private names shared among the modules of a board (tools/short_names.py)."""

import pytest

from tools.short_names import assign, shorten

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
    short = assign(_FIRMWARE, {})
    assert set(short) == {"_jobs", "_task", "_work", "_speed", "_sum"}
    together = ["_jobs", "_task", "_work", "_speed"]
    assert len({short[name] for name in together}) == len(together)


def test_modules_apart_share_names():
    short = assign(_FIRMWARE, {})
    assert short["_sum"] in {short["_jobs"], short["_task"], short["_work"]}


def test_tests_keep_their_own_names_apart():
    others = {"test": "def test_it(link):\n    assert link._jobs and _sum([]) and link._own\n"}
    short = assign(_FIRMWARE, others)
    assert short["_jobs"] != short["_sum"] and "_own" not in short


def test_a_module_shortened_does_the_same():
    short = assign(_FIRMWARE, {})
    text = shorten(_BASE.replace("from micropython import const", "const = int"), short)
    assert "_jobs" not in text and "_LIMIT" in text
    assert len(text.splitlines()) == len(_BASE.splitlines())
    space: dict = {}
    exec(text, space)
    link = space["Link"]()
    getattr(link, short["_jobs"]).extend("abcd")
    assert getattr(link, short["_work"])() == ["a", "b", "c"]


def test_names_in_f_strings_are_found():
    short = assign(_FIRMWARE, {})
    source = 'def text(link):\n    return f"{link._jobs}"\n'
    try:
        assert "_jobs" not in shorten(source, short)
    except ValueError as error:
        assert "line 2: _jobs" in str(error)


def test_the_firmware_is_served_by_few():
    from tools.build import PORTABLE, sources

    short = assign(sources("firmware"), sources(*PORTABLE[1:]))
    if len(short) < 200:
        pytest.fail("the firmware's private names are not found")
    assert len(set(short.values())) < len(short) / 5
