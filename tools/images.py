"""What a file that shall go onto a board's flash is: where it goes, and what is lost with it."""

from pathlib import Path
from typing import NamedTuple

from tools import partitions
from tools.boards import Board
from tools.image import IMAGES, flash_of

_MAGIC_AT = 8  # of a LittleFS, in either of its first two blocks
_MAGIC = b"littlefs"
_MB = 1 << 20
# No layout of MicroPython's releases without a partition for files has applications up to here.
_FILES_BEGIN_BEFORE = 0x600000


class ImageError(Exception):
    """A file that cannot go onto the board; the text names it and says what to do."""


class Image(NamedTuple):
    """A file at `path`, for `offset` bytes from the start of flash; `what` it has and what is
    `lost`, in words.

    `flash`: the bytes of flash that a chip has to have, no less and no more, or MicroPython looks
    for the file system elsewhere; None where a partition of its own says where it lies.
    """

    path: Path
    offset: int
    what: str
    lost: str
    flash: "int | None" = None


def find(
    board: Board,
    given: "Path | None" = None,
    offset: "int | None" = None,
    flash_mb: "int | None" = None,
) -> Image:
    """Return the image to write: `given`, or what `make image` has made for `board`.

    offset: in flash, where it is not the one that such an image usually has. flash_mb: of the
    board's flash, where it is another than its module says. Raises ImageError where there is no
    image, or one that is not for this board.
    """
    whole = IMAGES / f"{board.name}.bin"
    files = IMAGES / f"{board.name}-files.bin"
    path = given or (whole if whole.is_file() or not files.is_file() else files)
    if not path.is_file():
        if given:
            raise ImageError(f"{path}: no such file")
        raise ImageError(
            f"{_short(path)}: not there yet; `make image BOARD={board.name} CONFIG=site.json "
            "MICROPYTHON=ESP32_GENERIC-….bin` makes it"
        )
    size = path.stat().st_size
    flash = flash_of(board, flash_mb)
    image = _looked_at(board, path, flash)
    if offset is not None:
        image = image._replace(offset=offset, flash=None)
    if image.offset < 0 or image.offset + size > flash:
        raise ImageError(
            f"{_short(path)}: {size} bytes do not fit into the flash of {board.name}, "
            f"{flash // _MB} MB; is it for another BOARD? Where there is more, FLASH_MB= says so"
        )
    if image.flash and image.offset >= _FILES_BEGIN_BEFORE:
        raise ImageError(
            f"{_short(path)}: {size} bytes are no file system for {flash // _MB} MB of flash; "
            f"{_again(board, flash)}, or use --offset, where it has a partition"
        )
    return image


def another_flash(board: Board, image: Image, found: int) -> str:
    """Return in words what to do where a chip has `found` bytes of flash, and image.flash has not
    that size.
    """
    if found < 2 * _MB:
        return f"is BOARD={board.name} right?"
    ways = f"{_again(board, found)}, and `make flash … FLASH_MB={found // _MB}`"
    if image.offset:  # files alone
        ways += ", or MORE=--offset=… where MicroPython has a partition vfs"
    return ways


def _again(board, flash):
    return f"`make image BOARD={board.name} … FLASH_MB={flash // _MB}` makes one"


def _looked_at(board, path, flash):
    with path.open("rb") as file:
        head = file.read(_MAGIC_AT + len(_MAGIC))
    if head[_MAGIC_AT:] == _MAGIC:
        # MicroPython's file system goes on to the end of flash, in all its releases for 4 MB.
        return Image(
            _short(path),
            flash - path.stat().st_size,
            "the board's files without MicroPython",
            "All files of the board go: site.json and app, the accounts of a bootstrap, what "
            "servers wrote.",
            flash,
        )
    try:
        firmware = partitions.read(path)
    except partitions.FirmwareError as error:
        raise ImageError(str(error)) from None
    if firmware.chip != board.chip:
        raise ImageError(
            f"{_short(path)}: for an {firmware.chip}, and {board.name} has an {board.chip}; make "
            "it with MicroPython's binary for that, or is it another BOARD?"
        )
    version = ".".join(str(number) for number in firmware.version)
    end = firmware.offset + len(firmware.data)
    try:
        files = firmware.file_system(max(firmware.flash, end))
    except partitions.FirmwareError:  # FAT, or no room for files
        files = None
    with_files = files is not None and files.offset < end
    if with_files and end < files.end:
        raise ImageError(f"{_short(path)}: cut off after {end} bytes; `make image` makes it again")
    if not with_files:
        return Image(
            _short(path),
            firmware.offset,
            f"MicroPython {version} without files",
            "MicroPython is replaced; the files of the board stay, where its partitions do.",
        )
    return Image(
        _short(path),
        firmware.offset,
        f"MicroPython {version} with the board's files",
        "All of that flash goes: MicroPython, site.json and app, the accounts of a bootstrap, "
        "what servers wrote.",
        files.end if firmware.ends_with_flash else None,
    )


def _short(path):
    """Return a path from the current folder on, where it is below that."""
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
