"""What is flashed onto a board: `python -m tools.image --board BOARD …`.

Without a MicroPython binary that is the board's file system: compiled firmware,
board, site. With one (`--micropython`), the two are merged into one file for
byte 0 of flash. The file system has to have exactly as many blocks as its
partition, which is read from the binary; where the binary has none, MicroPython
takes all behind its own to the end of flash, and so does this.

For a MicroPython of your own (boards/FREEZING.md): `--romfs` puts the compiled
firmware into its partition `romfs`, where it runs without being copied to the
heap, and what is the site's into the file system; with `--frozen` that is all,
because the firmware is in MicroPython already.
"""

import argparse
import errno
import os
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from esptool.cmds import merge_bin
from esptool.logger import log as esptool_log

from tools import board_files, boards, build, filesystems, partitions
from tools.board_files import config
from tools.cli import Parser, checked, number, say
from tools.partitions import BLOCK, Partition

IMAGES = build.BUILD / "images"
# Where the file system begins with the releases for ESP32_GENERIC, 4 MB of flash and more; they
# have no partition for it, and so it goes on to the end.
USUAL_OFFSET = 0x200000
_OLDEST = (1, 27)
_SITE = ("site.json", "app.mpy")


class ImageError(Exception):
    """No image can be made; the text says why and what to do."""


class Piece(NamedTuple):
    """What lies in one partition: `data`, of which `used` bytes are in use."""

    partition: Partition
    data: bytes
    used: int


class Image(NamedTuple):
    """All that is flashed: the board, its MicroPython or None, and the pieces beside it."""

    board: boards.Board
    flash: int
    firmware: "partitions.Firmware | None"
    files: dict
    file_system: Piece
    romfs: "Piece | None"


def make(
    board: boards.Board,
    files: dict,
    firmware: "partitions.Firmware | None" = None,
    flash_mb: "int | None" = None,
    with_romfs: bool = False,
    partition: "tuple | None" = None,
) -> Image:
    """Return the image of a board that shall have `files`, {path: bytes}.

    flash_mb: of the board's flash, where it is another than its module says. partition: (offset,
    size) in bytes of what is written where there is no firmware to say so: of the file system, or
    with_romfs of the ROMFS. Raises ImageError, partitions.FirmwareError.
    """
    flash = flash_of(board, flash_mb)
    rom = None
    if firmware:
        _check(board, firmware, flash)
        where = firmware.file_system(flash)
        rom = firmware.romfs(flash) if with_romfs else None
    elif with_romfs and partition:
        rom = Partition("romfs", 1, 0x8F, *partition)
        where = Partition("vfs", 1, 0x81, rom.end, flash - rom.end)
    else:
        offset, size = partition or (USUAL_OFFSET, flash - USUAL_OFFSET)
        where = Partition("vfs", 1, 0x81, offset, size)
    for each in (rom, where):
        if each and (each.end > flash or each.size < 2 * BLOCK):
            raise ImageError(
                "the partition %s, from 0x%x on, does not fit into %d MB of flash; use another "
                "--partition, or FLASH_MB=" % (each.name, each.offset, flash >> 20)
            )
    if not with_romfs:
        return Image(board, flash, firmware, files, _file_system(where, files), None)
    if not rom:
        raise ImageError(
            "--romfs: the firmware has no partition romfs; leave --romfs out"
            if firmware
            else "--romfs: where is it? Use --micropython, or --partition OFFSET:SIZE"
        )
    own = site_files(files)
    shared = {path: files[path] for path in files if path not in own}
    own["main.py"] = shared.pop("main.py")  # which MicroPython looks for in the file system alone
    try:
        data = filesystems.romfs(shared, rom.size)
    except filesystems.RoomError as error:
        use = "use a firmware with a larger one"
        raise ImageError(_too_large("the ROMFS", error.needed, rom, use)) from None
    piece = Piece(rom, data, len(data))
    return Image(board, flash, firmware, files, _file_system(where, own), piece)


def flash_of(board: boards.Board, flash_mb: "int | None" = None) -> int:
    """Return the bytes of a board's flash: those of its module, or the flash_mb that are given."""
    return (flash_mb or getattr(board.module, "FLASH_MB", 4)) << 20


def site_files(files: dict) -> dict:
    """Return those of {path: bytes} that differ from site to site."""
    return {path: files[path] for path in files if path in _SITE}


def _check(board, firmware, flash):
    if firmware.chip != board.chip:
        raise ImageError(
            "the firmware is for %s and %s has %s; use the .bin for that chip"
            % (firmware.chip, board.name, board.chip)
        )
    if firmware.flash > flash:
        raise ImageError(
            "the firmware wants %d MB of flash and %s has %d; use another .bin, or FLASH_MB=, if "
            "there is more" % (firmware.flash >> 20, board.name, flash >> 20)
        )


def _file_system(partition, files):
    try:
        data, used = filesystems.littlefs(files, partition.blocks)
    except filesystems.RoomError as error:
        use = "use a smaller application, or a firmware with a larger one"
        raise ImageError(_too_large("the file system", error.needed, partition, use)) from None
    return Piece(partition, data, used * BLOCK)


def _too_large(what, needed, partition, use):
    return "%s takes %d bytes and the partition %s has %d; %s" % (
        what,
        needed,
        partition.name,
        partition.size,
        use,
    )


def merge(image: Image) -> bytes:
    """Return firmware and file systems as one file for byte 0 of flash."""
    firmware = image.firmware
    # A merged file that is given again has a file system behind its firmware.
    first = min(piece.partition.offset for piece in _pieces(image))
    parts = [(firmware.offset, firmware.data[: first - firmware.offset])]
    parts += [(piece.partition.offset, piece.data) for piece in _pieces(image)]
    esptool_log.set_verbosity("silent")
    try:
        return merge_bin(parts, firmware.chip, output=None)
    finally:
        esptool_log.set_verbosity("auto")


def _pieces(image):
    return [piece for piece in (image.file_system, image.romfs) if piece]


def outputs(image: Image, out: "Path | None" = None) -> dict:
    """Return {path: (offset in flash, bytes)} of what is written, the one to flash first.

    out: where the merged file goes, or without a firmware the file system; None for
    build/images/.
    """
    found = {}
    stem = out.parent / out.stem if out else IMAGES / image.board.name
    if image.firmware:
        found[out or Path("%s.bin" % stem)] = (0, merge(image))
    if image.firmware and out:
        return found
    piece = image.file_system
    found[out or Path("%s-files.bin" % stem)] = (piece.partition.offset, piece.data)
    if image.romfs:
        piece = image.romfs
        found[Path("%s-romfs.bin" % stem)] = (piece.partition.offset, piece.data)
    return found


def write(found: dict, secret: bool) -> None:
    """Write {path: (offset, bytes)}: all of it or, where that fails, nothing.

    secret: nobody but the owner may read it. Raises OSError.
    """
    parts = {}
    try:
        for path, (_, data) in found.items():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name("%s.%d.part" % (path.name, os.getpid()))
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            try:
                handle = os.open(part, flags, 0o600 if secret else 0o666)
            except OSError as error:
                error.filename = str(path)  # which somebody has typed
                raise
            with open(handle, "wb") as file:
                parts[path] = part
                file.write(data)
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _report(image, found):
    """Yield the lines that say what was made."""
    chip = image.board.chip
    yield "board        %s: %s, %d MB of flash" % (image.board.name, chip, image.flash >> 20)
    if image.firmware:
        yield "MicroPython  %d.%d, %d bytes at 0x%x" % (
            *image.firmware.version,
            len(image.firmware.data),
            image.firmware.offset,
        )
        if image.firmware.version < _OLDEST:
            yield "             is too old to run this; use %d.%d or newer" % _OLDEST
    yield "files        %d, %d bytes" % (len(image.files), sum(map(len, image.files.values())))
    if "site.json" not in image.files:
        yield "             no site.json: the board will say so and wait at the REPL"
    for piece in _pieces(image):
        size = piece.partition.size
        yield "%-12s %d bytes at 0x%x" % (piece.partition.name, size, piece.partition.offset)
        if piece is image.file_system:
            used = piece.used // BLOCK
            yield "             %d of its %d blocks of %d bytes are used, %d are free" % (
                used,
                piece.partition.blocks,
                BLOCK,
                piece.partition.blocks - used,
            )
        yield "             %d bytes are used, %d are free" % (piece.used, size - piece.used)
        if piece.partition.end == image.flash and _ends_with_flash(image.firmware):
            megabytes = image.flash >> 20
            yield "             MicroPython mounts it where flash has %d MB, no more" % megabytes
    for path, (offset, data) in found.items():
        yield "written      %s" % _shown(path)
        yield "             %d bytes for 0x%x" % (len(data), offset)
    yield "to flash it"
    first = next(iter(found))
    if not image.romfs or image.firmware:
        given = _given(image, first, *found[first])
        yield "  make flash BOARD=%s PORT=…%s" % (image.board.name, given)
    yield "  esptool --chip %s --port PORT write-flash \\" % chip
    if image.firmware:
        yield "    0x0 %s" % _shown(first)
    else:
        yield " \\\n".join(
            "    0x%x %s" % (offset, _shown(path)) for path, (offset, _) in found.items()
        )


def _given(image, path, offset, data):
    """Return what `make flash` has to be told of the image at `path`, `data` for `offset`."""
    given = "" if path.parent == IMAGES else " IMAGE=%s" % _shown(path)
    if image.flash != flash_of(image.board):
        given += " FLASH_MB=%d" % (image.flash >> 20)
    if not image.firmware and offset + len(data) != image.flash:
        given += ' MORE="--offset 0x%x"' % offset
    return given


def _ends_with_flash(firmware):
    """Whether the file system's size is that of the flash, as far as is known."""
    return not firmware or firmware.ends_with_flash


def _shown(path):
    """Return a path as it is typed, from here on where that is shorter."""
    path = path.resolve()
    short = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return shlex.quote(str(short))


def _place(text):
    """Read OFFSET:SIZE, in bytes."""
    try:
        offset, size = [int(part, 0) for part in text.split(":")]
    except ValueError:
        offset = size = -1
    if offset < 0x10000 or size < 2 * BLOCK or offset % BLOCK or size % BLOCK:
        raise ValueError(
            "%r is not allowed; use OFFSET:SIZE in bytes, multiples of 0x1000, such as "
            "0x200000:0x200000" % text
        )
    return offset, size


def _parser():
    parser = Parser(
        prog="python -m tools.image",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
    )
    parser.add_argument("--board", required=True, metavar="NAME", help="a folder of boards/")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the site's site.json")
    parser.add_argument("--app", type=Path, metavar="FILE", help="the site's application, app.py")
    parser.add_argument(
        "--micropython",
        type=Path,
        metavar="FILE",
        help="the .bin of a MicroPython release, such as ESP32_GENERIC-….bin",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="what is written (default in build/images)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--romfs", action="store_true", help="the firmware in a partition romfs")
    where.add_argument("--frozen", action="store_true", help="no firmware: MicroPython has it")
    parser.add_argument(
        "--partition",
        type=checked(_place),
        metavar="OFFSET:SIZE",
        help="without --micropython: where the file system lies, in bytes (default "
        "0x200000 to the end of flash); with --romfs where the ROMFS lies, and the file "
        "system from there to the end",
    )
    parser.add_argument(
        "--flash-mb",
        type=number(int, 2, 128),
        metavar="MB",
        help="the board's flash, where it is another than board.py says",
    )
    return parser


def main(arguments=None) -> int:
    """Make the image; return the exit code, 2 for a wrong argument, 1 for what went wrong."""
    options = _parser().parse_args(arguments)
    if options.micropython and options.partition:
        return _refuse("--partition: not with --micropython, whose table has it", 2)
    try:
        board = boards.load(options.board)
    except boards.BoardError as error:
        return _refuse(error, 2)
    try:
        firmware = options.micropython and partitions.read(options.micropython)
        files = board_files.collect(board, options.config, options.app)
        if options.frozen:
            files = site_files(files)
        image = make(board, files, firmware, options.flash_mb, options.romfs, options.partition)
        found = outputs(image, options.out)
        write(found, "site.json" in files)
    except (ImageError, partitions.FirmwareError, board_files.FilesError) as error:
        return _refuse(error, 1)
    except (config.ConfigError, build.BuildError) as error:
        return _refuse(error, 1)
    except OSError as error:
        return _refuse("%s: %s" % (error.filename or options.out, error.strerror), 1)
    except KeyboardInterrupt:
        return _refuse("\nnothing written", 1)
    if options.out is None:
        for path in IMAGES.glob("%s*.bin" % board.name):
            _forget(path, found, board.name)
    for line in _report(image, found):
        say(line)
    return 0


def _forget(path, found, name):
    """Remove an earlier image of this board, with other files in it: it shall not be flashed."""
    if path not in found and path.stem in (name, name + "-files", name + "-romfs"):
        path.unlink()
        say("removed      %s, an earlier image" % _shown(path))


def _refuse(why, code):
    print(why, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
