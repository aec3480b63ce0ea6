"""`python -m tools.bench [--json FILE]`: measure, print the table, write the rows."""

import json
import sys
from pathlib import Path

from tools.build import BuildError
from tools.cli import Parser

from . import everything, measure, rows

_EPILOG = "A target that is missed is shown; the exit code is 0 all the same."


def main(arguments: list | None = None) -> int:
    """Run the command line; return the exit code: 1 for what is missing or fails, 2 for misuse."""
    parser = Parser(
        prog="python -m tools.bench",
        description="Measure what Nudge costs on real MicroPython.",
        epilog=_EPILOG,
    )
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON, too")
    options = parser.parse_args(arguments)
    file = Path(options.json) if options.json else None
    if file and not file.absolute().parent.is_dir():
        parser.error("--json: %s: no such folder" % file.parent)
    if file and file.is_dir():
        parser.error("--json: %s is a folder" % file)
    print("measuring takes about ten minutes", file=sys.stderr)
    try:
        found = everything.found()
    except (measure.BenchError, BuildError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    judged = rows.judged(found)
    print(rows.table(judged))
    if file:
        try:
            file.write_text(json.dumps({"rows": judged}, indent=1) + "\n")
        except OSError as error:
            print(f"--json: {file}: {error.strerror}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
