"""The boards that Nudge knows: a folder of boards/ each, whose board.py says how it is wired."""

import importlib.util
from pathlib import Path

from tools.build import ROOT

BOARDS = ROOT / "boards"
SIMULATED = "host"  # which no port leads to


class BoardError(Exception):
    """No such board, or one whose module is not what it has to be; the text says what to do."""


class Board:
    """A board of boards/: its `name`, its `folder` and its `module`, with UART, PINS and more
    (boards/README.md).
    """

    def __init__(self, name: str, folder: Path, module):
        self.name = name
        self.folder = folder
        self.module = module
        self.chip = getattr(module, "CHIP", "esp32")


def names() -> list:
    """Return the names of all boards, sorted."""
    return sorted(path.parent.name for path in BOARDS.glob("*/board.py"))


def load(name: str) -> Board:
    """Return the board called `name`; raises BoardError."""
    if name not in names():
        said = f"{name} is no board" if name else "missing"
        raise BoardError(f"BOARD: {said}; use {', '.join(names())}")
    folder = BOARDS / name
    return Board(name, folder, module_at(folder / "board.py"))


def module_of(board: str):
    """Return the module of the board with this name, or at this path (…/board.py); raises
    BoardError.
    """
    return module_at(Path(board)) if board.endswith(".py") else load(board).module


def module_at(path: Path):
    """Return the board module at `path`; raises BoardError where it is none."""
    spec = importlib.util.spec_from_file_location("board", path)
    module = importlib.util.module_from_spec(spec) if spec else None
    try:
        if not spec or not spec.loader or not module:
            raise OSError("no Python file")
        spec.loader.exec_module(module)
    except OSError as error:
        raise BoardError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # the file is its author's
        raise BoardError(f"{path}: {type(error).__name__}: {error}") from None
    for name in ("UART", "PINS"):
        if not isinstance(getattr(module, name, None), dict):
            raise BoardError(f"{path}: {name} is missing; it is a dictionary")
    return module
