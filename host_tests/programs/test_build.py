"""The build (tools/build.py) and the runner of portable tests: what they redo and refuse."""

import os

import pytest

from host_tests import on_micropython
from tools import build


@pytest.fixture
def tree(monkeypatch, tmp_path):
    """A repository of two modules."""
    (tmp_path / "firmware").mkdir()
    (tmp_path / "host_tests/unit").mkdir(parents=True)
    (tmp_path / "firmware/link.py").write_text("class Link:\n    _jobs = ()\n")
    (tmp_path / "host_tests/unit/test_link.py").write_text("from link import Link\nLink._jobs\n")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "BUILD", tmp_path / "build")
    monkeypatch.setattr(build, "_NAMES", tmp_path / "build/short_names.json")
    return tmp_path


def _age(tree):
    """Make what is there older than anything that is compiled."""
    for source in tree.rglob("*.py"):
        os.utime(source, (1, 1))


def test_only_what_is_newer_is_compiled(tree):
    _age(tree)
    assert build.build() == 2
    assert build.build() == 0
    (tree / "firmware/link.py").touch()
    os.utime(tree / "build/firmware/link.mpy", (1, 1))
    assert build.build() == 1


def test_another_short_name_is_taken_over_by_modules_that_were_not_named(tree):
    _age(tree)
    build.build()
    link = tree / "firmware/link.py"
    link.write_text("class Link:\n    _jobs = ()\n    _a = _b = 1\n")
    assert build.build(("firmware",)) == 2
    assert build.build() == 0


def test_short_names_are_found_once_for_the_same_sources(tree, monkeypatch):
    build.build()
    names = build.short_names()
    kept = tree / "build/short_names.found.json"
    found = []
    assign = build.assign
    monkeypatch.setattr(build, "assign", lambda *given: found.append(1) or assign(*given))

    def again():  # as another program has it
        build._short_names.cache_clear()
        return build.short_names()

    assert again() == names and not found
    (tree / "firmware/link.py").write_text("class Link:\n    _jobs = ()\n    _more = 1\n")
    assert again() != names and len(found) == 1
    (tree / "firmware/other.py").write_text("_own = 1\n")
    again()
    assert len(found) == 2
    for text in ("", "[]", '{"sources": 1}'):
        kept.write_text(text)
        again()
        again()
    assert len(found) == 5


def test_what_fails_half_way_is_begun_again(tree):
    _age(tree)
    build.build()
    link = tree / "firmware/link.py"
    good = link.read_text()
    link.write_text('class Link:\n    _jobs = ()\n    _a = 1\n    b"%s" % 1 ** (yield)\n')
    with pytest.raises(build.BuildError, match="link"):
        build.build()
    link.write_text(good)
    _age(tree)
    assert build.build() == 2


def test_a_syntax_error_is_told_with_its_place(tree):
    (tree / "firmware/link.py").write_text("def broken(:\n")
    with pytest.raises(build.BuildError, match="link, line 1: "):
        build.build()


@pytest.mark.parametrize("path", ["nowhere", "..", "/", "tools"])
def test_the_build_refuses_what_is_not_compiled(path, capsys):
    assert build.main([path]) == 2
    assert capsys.readouterr().err.startswith(f"{path}: ")


@pytest.mark.parametrize("path", ["nowhere", "..", "firmware", "host_tests/unit/__init__.py"])
def test_the_runner_refuses_what_is_not_portable(path, capsys):
    assert on_micropython.main([path]) == 2
    assert capsys.readouterr().err.startswith(f"{path}: ")
