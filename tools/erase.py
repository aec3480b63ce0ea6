"""Empty a board's flash, by esptool: `python -m tools.erase --board NAME --port PORT [--yes]`."""

import sys

from tools import esptool_run, serial_trouble
from tools.cli import Parser, say


def main(arguments=None) -> int:
    """Empty the flash of one board; return the exit code."""
    parser = Parser(prog="python -m tools.erase", description=(__doc__ or "").split(":", 1)[0])
    esptool_run.add_options(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    board = serial_trouble.board_at(parser, options, ", which has no flash")
    line = esptool_run.command(board, options, "erase-flash")
    if options.dry_run:
        say(esptool_run.shown(line))
        return 0
    try:
        serial_trouble.check(options.port)
        say(f"This empties the flash of {board.name} ({board.chip}) on {options.port}:")
        say("MicroPython, site.json and app, the accounts of a bootstrap, what servers wrote.")
        if not options.yes:
            if not sys.stdin.isatty():
                parser.exit(2, "nobody is there to be asked; --yes (make: MORE=--yes) agrees\n")
            if input("Type yes to go on: ").strip().lower() != "yes":
                print("not erased", file=sys.stderr)
                return 1
        esptool_run.run(line, options.port, board.name)
    except serial_trouble.PortTrouble as error:
        print(error, file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print("\nnot erased", file=sys.stderr)
        return 1
    say("erased; `make flash` writes an image")
    return 0


if __name__ == "__main__":
    sys.exit(main())
