"""A site configuration before it goes to a board: `python -m tools.check site.json`.

Says in one line what could not work, with the key, its value and what is allowed (exit code 1),
or that it fits. `--board` names the board that it is for, or the file of its module; without it
that is the simulated one.
"""

import sys
from pathlib import Path

from tools import boards, site_files
from tools.build import ROOT
from tools.cli import Parser, say

for _path in (ROOT / "firmware", ROOT / "host_tests/shim"):
    sys.path.insert(0, str(_path))
from node import config, feasible  # noqa: E402  what the board itself looks at


def main(arguments=None) -> int:
    """Check one configuration; return the exit code."""
    parser = Parser(prog="python -m tools.check", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("site", help="the site configuration, JSON")
    parser.add_argument(
        "--board",
        default="host",
        metavar="NAME|FILE",
        help="the board, or its module with UART and PINS (default host): "
        + " ".join(boards.names()),
    )
    options = parser.parse_args(arguments)
    path = Path(options.site)
    try:
        if path.exists():
            site_files.read(path)  # which tells more of a file that cannot be read than the board
        site = config.load(options.site)
        feasible.check_board(site, boards.module_of(options.board))
    except (config.ConfigError, boards.BoardError, site_files.SiteProblem) as error:
        say(str(error))
        return 1
    say("%s: fits" % options.site)
    return 0


if __name__ == "__main__":
    sys.exit(main())
