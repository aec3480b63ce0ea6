"""What a board's file system holds: the compiled firmware, main.py, the board's module, and of the
site its configuration and its application.
"""

import re
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE, STDOUT, run

from tools import site_files
from tools.boards import Board
from tools.build import BUILD, ROOT, BuildError, build, compiler

sys.path.insert(0, str(ROOT / "firmware"))
from node import config, feasible  # noqa: E402  the schema that the board reads its site with


class FilesError(Exception):
    """A file of the site that cannot go onto a board; the text names it and says what to do."""


def collect(board: Board, site: "Path | None" = None, application: "Path | None" = None) -> dict:
    """Return {path on the board: bytes}, in the order of their paths.

    site: a site.json, which has to fit the board. application: an app.py, which is compiled, so
    that the board has not to. Raises FilesError, config.ConfigError and build.BuildError.
    """
    files = {}
    if site is not None:
        if not site.exists():
            raise FilesError(f"{site}: no such file; it holds the site configuration")
        try:
            given = site_files.read(site)
        except site_files.SiteProblem as error:
            raise FilesError(str(error)) from None
        feasible.check_board(config.check(given), board.module)
        # What was not given stays out: a default that a later firmware changes, changes.
        try:
            files["site.json"] = site_files.compact(given)
        except config.ConfigError:  # MicroPython does not join the halves of a character
            raise FilesError(
                f"{site}: has half a character, such as \\ud83d; write it as it is"
            ) from None
    if application is not None:
        files["app.mpy"] = _compiled(application, "app.py", "-O0")
    build(("firmware",))
    for path in (BUILD / "firmware").rglob("*.mpy"):
        name = path.relative_to(BUILD / "firmware").as_posix()
        if name != "main.mpy":  # MicroPython starts main.py, by that name alone
            files[name] = path.read_bytes()
    files["main.py"] = (ROOT / "firmware/main.py").read_bytes()
    files["board.mpy"] = _compiled(board.folder / "board.py", "board.py", "-O3")
    return dict(sorted(files.items()))


def _in_one_line(source, said):
    """Return what mpy-cross said, the lines of a traceback, with the file as it was given."""
    lines = said.strip().splitlines() or ["mpy-cross ended without a word"]
    places = re.findall(r'^  File ".*", line (\d+)', said, re.M)
    where = f"{source}, line {places[-1]}" if places else source
    return f"{where}: does not compile: {lines[-1].strip()}"


def _compiled(source: Path, name: str, level: str) -> bytes:
    """Return the .mpy of a source, whose tracebacks call it `name`."""
    if not source.is_file():
        raise FilesError(f"{source}: {'no' if source.exists() else 'no such'} file")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mpy"
        result = run(
            [compiler(), level, "-s", name, "-o", str(target), str(source)],
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            check=False,
        )
        if result.returncode:
            raise BuildError(_in_one_line(source, result.stdout))
        return target.read_bytes()
