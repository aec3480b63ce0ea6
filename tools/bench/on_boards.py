"""What each board of boards/ takes: flash for its files, heap for its node, and its start."""

import functools
import json
from pathlib import Path

from tools import board_files, boards, filesystems

from . import measure, whole_node

_BLOCKS = 512  # of the file system on 4 MB of flash, 4096 bytes each
_ROM_BYTES = 2 << 20


@functools.cache
def _files(name):
    return board_files.collect(boards.load(name))


def _shared(name):
    """Return the files that a ROMFS may have: MicroPython starts main.py from the file system."""
    return {path: data for path, data in _files(name).items() if path != "main.py"}


def link(name: str) -> str:
    """Return the modem of a board, the first that it may have."""
    return getattr(boards.load(name).module, "MODEMS", ("sim7000",))[0]


def prepare(folder: Path) -> None:
    """Put the modules of all boards beside each other, where MicroPython finds them."""
    for name in boards.names():
        (folder / f"{module(name)}.mpy").write_bytes(_files(name)["board.mpy"])


def module(name: str) -> str:
    """Return what a board's module is called there."""
    return f"board_{name}"


def flash(name: str) -> dict:
    """Return what the files of a board take in flash, {name: number}: in a LittleFS, whose blocks
    have 4096 bytes, and in a ROMFS.
    """
    files = _files(name)
    _, blocks = filesystems.littlefs(files, _BLOCKS)
    return {
        "files": len(files),
        "file_bytes": sum(map(len, files.values())),
        "flash_bytes": blocks * filesystems.BLOCK,
        "rom_bytes": len(filesystems.romfs(_shared(name), _ROM_BYTES)),
    }


def first_at(name: str) -> int:
    """Return the instructions of a board from the import of main.py until its first AT command."""
    folder = measure.FOLDER / "start" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("main.py", "board.mpy"):
        (folder / file).write_bytes(_files(name)[file])
    (folder / "site.json").write_text(json.dumps({**whole_node.SITE, "link": link(name)}))

    def counted(call):
        command = measure.micropython(f"import machine, esp32, whole_node; {call}")
        path = f":{measure.module_path()}"
        return measure.instructions(command, folder, MICROPYPATH=path)

    return counted("whole_node.first_at()") - counted("0")


def spared_by_romfs() -> int:
    """Return the bytes of the heap that a node does not take where its modules are in a ROMFS.

    Of 64-bit words, because the WebAssembly port has no ROMFS. What is spared is byte code, which
    is the same with any, in pieces that are rounded up to 32 bytes and not to 16.
    """
    image = measure.FOLDER / "romfs.img"
    image.write_bytes(filesystems.romfs(_shared("host"), _ROM_BYTES))

    def kept(source):
        command = measure.micropython(f"import whole_node; whole_node.weigh({source!r})", 1024)
        return int(measure.run_program(command, MICROPYPATH=measure.module_path()))

    return kept("") - kept(str(image))
