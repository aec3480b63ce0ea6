"""The README leads where it says: its commands, walked in a copy of the clone."""

import asyncio
import re
import socket

import pytest
import walk


def test_the_readme_leads_to_a_device_and_an_image(tmp_path):
    """ISSUE 6: its commands alone reach a registered simulated device and a flashable image."""
    walk.clone(tmp_path)
    walk.furnish(tmp_path)
    control, server = _free(socket.SOCK_STREAM), _free(socket.SOCK_DGRAM)
    ports = (
        ("-m tools.server", f"-m tools.server --control {control}"),
        ("5683", str(server)),
    )
    asyncio.run(walk.walk(tmp_path, ports=ports))


def _free(kind):
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


_PAGE = """# A page

## One

Text

    make a
    make b   # terminal 2

    make c \\
      d

- a list
    with more

## Two

    {"a": 1}

and

    $ make d
    Name [none]: x
    made 12 things in …

    $ cat f
    1
"""


def test_what_a_page_says():
    """host_tests/walk.py: blocks, commands, what is shown, what is answered."""
    one, two = ([walk.steps(each) for each in walk.blocks(_PAGE, name)] for name in ("One", "Two"))
    assert [step[0] for step in one[0]] == ["make a", "make b", "make c d"]
    assert [step.goes_on for step in one[0]] == [False, True, False]
    assert one[1:] == [[]] and two[0] == []
    assert [step.command for step in two[1]] == ["make d", "cat f"]
    assert two[1][0].shown[:2] == ["Name [none]: x", "made 12 things in …"]
    assert walk.answer(two[1][0].shown, "Name [unset]: ") == "x"
    assert walk.answer(two[1][0].shown, "Number [1]: ") == ""
    assert walk.comes("made 12 things in …", "and\nmade 7  things in two (2) days\n")
    assert not walk.comes("made 12 things in …", "made no things in two (2) days")
    with pytest.raises(walk.WalkError):
        walk.blocks(_PAGE, "Three")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("    make nothing", "make nothing: exit code 2"),
        ("    $ make help\n    make tea", "make help: README.md has 'make tea', and this came:"),
    ],
)
def test_a_page_that_is_wrong(tmp_path, page, said):
    """host_tests/walk.py: what fails, or shows what does not come, is named."""
    (tmp_path / "README.md").write_text(f"## One\n\n{page}\n")
    (tmp_path / "Makefile").write_text("help:\n\t@echo make coffee\n")
    with pytest.raises(walk.WalkError, match=said):
        asyncio.run(walk.Walk(tmp_path).section("One"))


def test_what_the_readme_names_is_there():
    """Paths, modules and targets that the page names exist."""
    page = (walk.ROOT / "README.md").read_text()
    makefile = (walk.ROOT / "Makefile").read_text()
    missing = [
        path
        for path in re.findall(r"`((?:boards|firmware|host_tests|tools|\.ci)/[^`\s]*)`", page)
        if not list(walk.ROOT.glob(path.rstrip("/")))
    ]
    missing += [
        name
        for name in re.findall(r"python -m ((?:tools|host_tests)\.\w+)", page)
        if not list(walk.ROOT.glob(name.replace(".", "/") + "*"))
    ]
    missing += [
        f"make {target}"
        for target in re.findall(r"(?:`|    |\$ )make (\w+)", page)
        if f"\n{target}:" not in makefile
    ]
    assert not missing, "README.md names what is not there: " + ", ".join(missing)
