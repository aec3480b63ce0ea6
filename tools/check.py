"""A site configuration before it goes to a board: `python -m tools.check site.json`.

Says in one line what could not work, with the key, its value and what is allowed (exit code 1), or
that it fits. `--board FILE` names the board's module, boards/host/board.py where it is left out.
"""

import importlib.util
import sys
from pathlib import Path

from tools.cli import Parser, say

ROOT = Path(__file__).resolve().parent.parent
for _path in (ROOT / "firmware", ROOT / "host_tests/shim"):
    sys.path.insert(0, str(_path))
from node import config, feasible  # noqa: E402  what the board itself looks at


def board_from(path: Path):
    """Return the board module at `path`; raises config.ConfigError where it is none."""
    spec = importlib.util.spec_from_file_location("board", path)
    module = importlib.util.module_from_spec(spec) if spec else None
    try:
        if not spec or not spec.loader or not module:
            raise OSError("no Python file")
        spec.loader.exec_module(module)
        for name in ("UART", "PINS"):
            if not isinstance(getattr(module, name, None), dict):
                raise config.ConfigError("%s: %s is missing; it is a dictionary" % (path, name))
    except (OSError, SyntaxError) as error:
        raise config.ConfigError("%s: %s" % (path, error)) from None
    return module


def main(arguments=None) -> int:
    """Check one configuration; return the exit code."""
    parser = Parser(prog="python -m tools.check", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("site", help="the site configuration, JSON")
    parser.add_argument(
        "--board",
        type=Path,
        default=ROOT / "boards/host/board.py",
        metavar="FILE",
        help="the board's module, with UART and PINS (default boards/host/board.py)",
    )
    options = parser.parse_args(arguments)
    try:
        site = config.load(options.site)
        feasible.check_board(site, board_from(options.board))
    except config.ConfigError as error:
        say(str(error))
        return 1
    say("%s: fits" % options.site)
    return 0


if __name__ == "__main__":
    sys.exit(main())
