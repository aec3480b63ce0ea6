"""A board's traceback in the names of the sources: `python -m tools.readable [FILE]`.

On a board names that stay inside the firmware are short (tools/short_names.py), so a traceback, of
the REPL or of the Event Log (/20/0/4014), has some like `_3`. This reads one, from FILE or from
standard input, and prints it with the names that build/short_names.json has of the firmware that
the board runs.
"""

import json
import re
import sys
from pathlib import Path

from tools import build
from tools.cli import Parser, say
from tools.short_names import names_of

# A frame as MicroPython prints it, and as the Event Log keeps it.
_FRAME = re.compile(r'File "(?P<file>[\w.]+)"|^(?P<kept>[a-z]\w*(?:\.\w+)*) \w+:\d+$')
_SHORT = re.compile(r"(\b_\d+\b)")


def readable(text: str, short: dict, firmware: Path = build.ROOT / "firmware") -> str:
    """Return a traceback with the names of the sources.

    short: {name: short name}. What a line has of short names is of the module that it names, or
    else the line above; what no source has stays as it is.
    """
    long: dict = {}
    lines = []
    for line in text.splitlines():
        frame = _FRAME.search(line.strip())
        if frame:
            path = (frame["file"] or frame["kept"]).replace(".", "/")
            source = firmware / f"{path}.py"
            names = names_of(source.read_text()) if source.is_file() else ()
            long = {short[name]: name for name in names if name in short}
        words = re.split(_SHORT, line)
        lines.append("".join(long.get(word, word) for word in words))
    return "\n".join(lines)


def main(arguments=None) -> int:
    """Print one traceback; return the exit code."""
    parser = Parser(prog="python -m tools.readable", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", nargs="?", metavar="FILE", help="standard input where left out")
    options = parser.parse_args(arguments)
    try:
        text = Path(options.file).read_text() if options.file else sys.stdin.read()
        short = json.loads((build.BUILD / "short_names.json").read_text())
    except (OSError, ValueError) as error:
        missing = getattr(error, "filename", None)
        hint = "; `make build` writes it" if str(missing).endswith("short_names.json") else ""
        print(f"{missing or options.file}: cannot be read{hint}", file=sys.stderr)
        return 1
    say(readable(text, short))
    return 0


if __name__ == "__main__":
    sys.exit(main())
