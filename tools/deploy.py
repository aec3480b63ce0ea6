"""Bring the files of a board that runs MicroPython up to date:
`python -m tools.deploy --board NAME --port PORT [--config site.json] [--app app.py]`.

What runs on the board is interrupted. Only files that differ are sent, each under another name,
and all get their own at the end: a cable that is pulled leaves the board as it was. Files of the
firmware that are no longer wanted are removed. `site.json` is written where --config is given, the
application where --app is, and all else that lies there stays: the accounts of a bootstrap, what
servers wrote, files of your own. In the end the board starts anew, as by Ctrl-D.
"""

import contextlib
import hashlib
import re
import sys
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tools import serial_trouble
from tools.board_files import FilesError, collect, config
from tools.build import BuildError
from tools.cli import Parser, number, say
from tools.live_board import NEW, LiveBoard, tell
from tools.serial_trouble import PortTrouble

ROOMS = ("coap", "lwm2m", "modem", "node", "secure")
# Of these names beside the rooms the firmware has some, and no person's file has any.
_OURS = ("main.py", "main.mpy", "board.py", "board.mpy")
_ROMFS = "/rom"  # where MicroPython mounts it, behind "" on the module path
_MODULES = (".py", ".mpy")
_SITE = ("site.json", "app.py", "app.mpy")
_OLDEST = (1, 27)
_CHIP = re.compile(r" with ESP32-?([SCHP]\d)?")  # of what MicroPython says of its machine
_SPARE_BLOCKS = 8  # that LittleFS keeps its folders in, and needs to change them


class Plan(NamedTuple):
    """What is to be done: paths to `send` and to `remove`, and how many are the same."""

    send: list
    remove: list
    same: int


def plan(wanted: dict, there: dict, kept: "dict | None" = None) -> Plan:
    """Return what makes the board's files those that are wanted.

    wanted: {path: bytes}. there, kept: {path: SHA-256} of the file system and of the ROMFS behind
    it, as LiveBoard.files gives them.
    """
    found = {**(kept or {}), **there}
    send = [path for path in wanted if found.get(path) != hashlib.sha256(wanted[path]).hexdigest()]
    remove = []
    for path in sorted(set(there) - set(wanted)):
        room, _, name = path.partition("/")
        whole = path.removesuffix(NEW)
        if name and room in ROOMS:
            ours = whole.endswith(_MODULES)
        elif path.endswith(NEW):  # of a deployment that was cut off
            ours = whole in _OURS + _SITE
        else:
            # Python loads app.py where both are there, and so it would the old one.
            ours = path in _OURS or path == "app.py" and "app.mpy" in wanted
        if ours:
            remove.append(path)
    return Plan(send, remove, len(wanted) - len(send))


def deploy(board: LiveBoard, wanted: dict, progress) -> tuple:
    """Bring the board's files up to date; return (what was done, what was there before).

    Raises PortTrouble. progress(done, count, path): before each file that is sent.
    """
    there = board.files(ROOMS, set(wanted) | set(_OURS))
    # What a ROMFS has (`make image … --romfs`) is as good as a file, and takes less memory.
    kept = board.files(ROOMS, wanted, _ROMFS)
    todo = plan(wanted, there, kept)
    board.remove(path for path in todo.remove if path.endswith(NEW))
    for folder in sorted(
        {str(each) for path in todo.send for each in PurePosixPath(path).parents} - {"."}
    ):
        board.folder(folder)
    old = [path for path in todo.remove if not path.endswith(NEW)]
    free, block = board.free()
    needed = sum(-(-len(wanted[path]) // block) + 1 for path in todo.send) * block
    together = needed + _SPARE_BLOCKS * block <= free
    if not together:
        # One by one: what is cut off then leaves old files beside new ones.
        board.remove(old)
        old = []
    for done, path in enumerate(todo.send):
        progress(done, len(todo.send), path)
        board.write(path, wanted[path])
        if not together:
            board.rename([path])
    if together:
        board.rename(todo.send)
    board.remove(old)
    return todo, there


def _show(done, count, path):
    if sys.stdout.isatty():
        say_now(f"\r\x1b[K[{done + 1}/{count}] {path}")
    else:
        say(f"[{done + 1}/{count}] {path}")


def say_now(text):
    """Print what is no whole line yet."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _summary(todo, wanted):
    sent = sum(len(wanted[path]) for path in todo.send)
    return (
        f"{len(wanted)} files: {len(todo.send)} sent, {todo.same} the same, "
        f"{len(todo.remove)} removed, {-(-sent // 1024)} KB"
    )


def _notes(there, wanted, todo):
    """Yield what a person should know of the files beside the firmware's."""
    if "app.py" in todo.remove:
        yield "app.py of the board is replaced by app.mpy, which is compiled from what was given"
    elif "app.py" in there and "app.mpy" in there:
        yield "the board has app.py and app.mpy, and runs app.py; `mpremote fs rm` removes either"
    if "site.json" not in there and "site.json" not in wanted:
        yield "the board has no site.json and waits at its REPL: deploy it with CONFIG=site.json"


def _parser():
    parser = Parser(prog="python -m tools.deploy", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--board", default="", metavar="NAME")
    parser.add_argument("--port", default="", metavar="PORT", help="such as /dev/ttyUSB0 or COM3")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the site's site.json")
    parser.add_argument("--app", type=Path, metavar="FILE", help="the site's application, app.py")
    parser.add_argument(
        "--wait",
        type=number(float, 0, 3600),
        default=60,
        metavar="S",
        help="for a person who presses reset, where the board does not answer (default 60)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what the board should have, and do nothing"
    )
    return parser


def main(arguments=None) -> int:
    """Deploy to one board; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    board = serial_trouble.board_at(parser, options)
    try:
        wanted = collect(board, options.config, options.app)
        if options.dry_run:
            for path, data in wanted.items():
                if not say(f"{len(data):7} {path}"):
                    return 0
            size = sum(len(data) for data in wanted.values())
            say(f"{len(wanted)} files, {size} bytes; those that differ would be sent")
            return 0
        say(f"{len(wanted)} files of {board.name} to {options.port}, those that differ;")
        say("what runs there is interrupted, and starts anew at the end.")
        return _deploy(options, board, wanted)
    except (BuildError, FilesError, OSError, PortTrouble, config.ConfigError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the first file; behind it _deploy() has its own line
        print(f"\n{options.port}: stopped; run this again, or reset the board", file=sys.stderr)
        return 1


def _check_micropython(live, board):
    """Refuse a MicroPython that cannot run the firmware, or one on another chip."""
    version, machine = live.micropython()
    if version < _OLDEST:
        raise PortTrouble(
            f"{live.port}: its MicroPython is {version[0]}.{version[1]}, which is too old; `make "
            f"flash` with {_OLDEST[0]}.{_OLDEST[1]} or newer"
        )
    found = _CHIP.search(machine)
    chip = "esp32" + (found[1] or "").lower() if found else board.chip
    if chip != board.chip:
        raise PortTrouble(
            f"{live.port}: the chip is {chip}, and BOARD={board.name} has {board.chip}: is it the "
            "right port, the right BOARD?"
        )


def _deploy(options, board, wanted):
    live = LiveBoard.connect(options.port, options.wait, tell)
    try:
        _check_micropython(live, board)
        todo, there = deploy(live, wanted, _show)
        if sys.stdout.isatty():
            say_now("\r\x1b[K")
        for line in _notes(there, wanted, todo):
            say(line)
        say(_summary(todo, wanted))
        live.restart()
    except (PortTrouble, KeyboardInterrupt) as error:
        # The board has its old files, or with little room some of each; it goes on with them.
        if sys.stdout.isatty():
            say_now("\n")
        with contextlib.suppress(PortTrouble, KeyboardInterrupt):
            live.restart()
        if isinstance(error, KeyboardInterrupt):
            raise PortTrouble(f"{options.port}: stopped; run this again") from None
        raise
    finally:
        live.close()
    say(f"started; `make monitor PORT={options.port}` shows what the board says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
