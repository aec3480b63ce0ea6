"""The file systems that MicroPython mounts on an ESP32, made of files: LittleFS and ROMFS.

The same files give the same bytes: neither keeps times here.
"""

from littlefs import LittleFS, LittleFSError
from mpremote.romfs import VfsRomWriter

from tools.partitions import BLOCK

_ANY_FILES = 4096  # blocks; enough to find out how many there had to be
# As MicroPython 1.27 and newer read and write it (VfsLfs2 of the esp32 port: 32 bytes at a time,
# names of 255 bytes). What fits into its cache, and an eighth of a block, LittleFS keeps beside
# the name and not in a block of its own; reading that does not depend on the reader's cache.
_LAYOUT = {
    "block_size": BLOCK,
    "read_size": 32,
    "prog_size": 32,
    "lookahead_size": 32,
    "cache_size": 512,
    "name_max": 255,
    "disk_version": 0x0002_0001,
}


class RoomError(Exception):
    """The files do not fit; `needed` is how many bytes they would take."""

    def __init__(self, needed: int):
        super().__init__(needed)
        self.needed = needed


def littlefs(files: dict, blocks: int) -> tuple:
    """Return (image, blocks used) of a LittleFS with {path: bytes} in it, `blocks` blocks long.

    A board mounts it only where its partition has as many blocks. Raises RoomError.
    """
    try:
        system = _filled(files, blocks)
    except LittleFSError as error:
        if error.code != LittleFSError.Error.LFS_ERR_NOSPC or blocks >= _ANY_FILES:
            raise
        raise RoomError(_filled(files, _ANY_FILES).used_block_count * BLOCK) from None
    used = system.used_block_count
    system.unmount()
    return bytes(system.context.buffer), used


def _filled(files, blocks):
    system = LittleFS(block_count=blocks, **_LAYOUT)
    folders = {""}
    for path in sorted(files):
        folder, _, _ = path.rpartition("/")
        if folder not in folders:
            system.makedirs(folder, exist_ok=True)
            folders.add(folder)
        with system.open(path, "wb") as file:
            file.write(files[path])
    return system


def romfs(files: dict, size: int) -> bytes:
    """Return the image of a ROMFS with {path: bytes} in it, at most `size` bytes long.

    Raises RoomError.
    """
    writer = VfsRomWriter()
    _write(writer, _tree(files))
    image = bytes(writer.finalise())
    if len(image) > size:
        raise RoomError(len(image))
    return image


def _tree(files):
    """Return {name: bytes, or the same of a folder} of {path: bytes}."""
    tree = {}
    for path in files:
        *folders, name = path.split("/")
        at = tree
        for folder in folders:
            at = at.setdefault(folder, {})
        at[name] = files[path]
    return tree


def _write(writer, tree):
    for name in sorted(tree):
        if isinstance(tree[name], dict):
            writer.opendir(name)
            _write(writer, tree[name])
            writer.closedir()
        else:
            writer.mkfile(name, tree[name])
