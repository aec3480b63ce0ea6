"""Write an image onto a board's flash, by esptool:
`python -m tools.flash --board NAME --port PORT [--image FILE]`.

The image is build/images/NAME.bin, which has MicroPython and the board's file system and which
`make image … MICROPYTHON=…` makes; where only build/images/NAME-files.bin is there, that goes to
its partition, and the MicroPython that the board has stays. FILE may be either of the two, or
MicroPython's own image. What is not there, too large or for another chip is said before the port
is touched.

Where no partition says how large the file system is, it has to end where the chip's flash does, or
MicroPython does not mount it: then the chip is asked for its size first.
"""

import contextlib
import subprocess
import sys
from pathlib import Path

from tools import esptool_run, images, serial_trouble
from tools.cli import Parser, checked, number, say
from tools.partitions import BLOCK


def _offset(text):
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0 or value % BLOCK:
        raise ValueError(f"{text!r} is not allowed; use a multiple of 0x1000, such as 0x200000")
    return value


def _compare(board, image, options):
    """Refuse an image whose file system would not end where the chip's flash does."""
    port = options.port
    found = esptool_run.flash_size(esptool_run.question(board, options), port, board.name)
    if found is None:
        say("The chip does not tell how much flash it has; the image is for one with")
        say(f"{_size(image.flash)}. With another size MicroPython does not find the files.")
    elif found != image.flash:
        with contextlib.suppress(serial_trouble.PortTrouble):  # what it runs it shall go on to run
            esptool_run.run(
                esptool_run.command(board, options, "read-mac"), port, board.name, subprocess.PIPE
            )
        raise images.ImageError(
            f"{image.path}: for {_size(image.flash)} of flash, and the chip has {_size(found)}: "
            f"{images.another_flash(board, image, found)}; nothing is written"
        )
    else:
        say(f"The chip has {_size(found)} of flash, as the image needs it.")


def _size(flash):
    return f"{flash >> 20} MB" if flash >> 20 else f"{flash >> 10} KB"


def main(arguments=None) -> int:
    """Write one image; return the exit code."""
    parser = Parser(prog="python -m tools.flash", description=(__doc__ or "").split("\n\n")[1])
    esptool_run.add_options(parser)
    parser.add_argument("--image", metavar="FILE", type=Path, help="default build/images/NAME.bin")
    parser.add_argument(
        "--offset",
        type=checked(_offset),
        metavar="BYTES",
        help="where in flash, such as 0x200000, if it is not where such an image usually goes",
    )
    parser.add_argument(
        "--flash-mb",
        type=number(int, 2, 128),
        metavar="MB",
        help="the board's flash, where it is another than board.py says",
    )
    options = parser.parse_args(arguments)
    board = serial_trouble.board_at(parser, options)
    try:
        image = images.find(board, options.image, options.offset, options.flash_mb)
        line = esptool_run.command(
            board, options, "write-flash", "--flash-size", "keep", hex(image.offset),
            str(image.path),
        )  # fmt: skip
        if options.dry_run:
            if image.flash:
                say(esptool_run.shown(esptool_run.question(board, options)))
            say(esptool_run.shown(line))
            return 0
        serial_trouble.check(options.port)
        size = image.path.stat().st_size
        say(f"{image.path}: {size} bytes, {image.what}, to {image.offset:#x} of the flash of")
        say(f"{board.name} ({board.chip}) on {options.port}. {image.lost}")
        if image.flash:
            _compare(board, image, options)
        esptool_run.run(line, options.port, board.name)
    except (images.ImageError, serial_trouble.PortTrouble) as error:
        print(error, file=sys.stderr)
        return 1
    say(f"written; `make monitor PORT={options.port}` shows what the board says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
