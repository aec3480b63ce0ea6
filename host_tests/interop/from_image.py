"""Runs on MicroPython from an image of tools/image.py, which is its file system then:
`from_image.py FOLDER IMAGE OFFSET SIZE ROMFS …`.

FOLDER is build/host_tests, whose stand-ins for the chip come from outside the image, and are all
that does. ROMFS is a file with one, or "-". What follows is, as for shim/boot.py, BENCH_PORT
RESET_CAUSE WAKE_REASON MEMORY_FILE, and main.py is started; or `load`, and each module is imported
and forgotten.
"""

import asyncio
import os
import sys

import vfs

_BLOCK = 4096


class Flash:
    """A part of a file as a block device, as esp32.Partition is one: it takes no heap."""

    def __init__(self, path, offset, size):
        self._file = open(path, "r+b")  # noqa: SIM115  as long as the board runs
        self._offset = offset
        self._count = size // _BLOCK

    def _at(self, block, offset):
        self._file.seek(self._offset + block * _BLOCK + offset)
        return self._file

    def readblocks(self, block, buffer, offset=0):
        self._at(block, offset).readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._at(block, offset).write(buffer)

    def ioctl(self, what, block):
        if what == 4:
            return self._count
        if what == 5:
            return _BLOCK
        if what == 6:
            self._at(block, 0).write(b"\xff" * _BLOCK)
        return 0


def mount(folder, image, offset, size, rom):
    """Let the image be all of the file system but for the chip's stand-ins; as an ESP32's path."""
    flash = Flash(image, int(offset), int(size))
    data = None
    if rom != "-":
        data = bytearray(os.stat(rom)[6])
        with open(rom, "rb") as file:
            file.readinto(data)
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(flash), "/")
    os.chdir("/")
    vfs.mount(vfs.VfsPosix(folder), "/outside")
    paths = ["", ".frozen"]
    if data:
        vfs.mount(vfs.VfsRom(data), "/rom")
        paths += ["/rom", "/rom/lib"]
    sys.path[:] = paths + ["/lib", "/outside/shim", "/outside"]


def start(port, cause, reason, memory):
    """Start main.py, as MicroPython does at power-on and after a deep sleep."""
    import machine
    from shim.wires import Wires

    wires = machine.host = Wires(int(cause), int(reason), memory)
    asyncio.run(wires.open(int(port)))
    asyncio.create_task(wires.run())
    from node import hw

    hw.light_sleep = wires.light_sleep
    with open("main.py") as file:
        exec(file.read(), {"__name__": "__main__"})


def modules(folder):
    """Yield the names of all .mpy below a folder of the path."""
    for name, kind, *_ in os.ilistdir(folder or "."):
        path = (folder + "/" if folder else "") + name
        if kind == 0x4000:
            if path != "outside" and path != "rom":
                yield from modules(path)
        elif name[-4:] == ".mpy":
            yield path


class Nowhere:
    """The wires of a chip that nobody looks at."""

    memory = b""
    reset_cause = 1
    wake_reason = 0

    def __getattr__(self, name):
        return lambda *arguments: 0


def load(root):
    """Import every module by itself; print how many there are."""
    import machine

    machine.host = Nowhere()
    found = list(modules(root))
    for path in sorted(found):
        name = path[len(root) + 1 if root else 0 : -4].replace("/", ".")
        if name[-9:] == ".__init__":
            name = name[:-9]
        known = set(sys.modules)
        __import__(name)
        assert sys.modules[name].__file__ == path, sys.modules[name].__file__
        for other in set(sys.modules) - known:
            if other.split(".")[0] not in ("machine", "esp32", "shim", "asyncio"):
                del sys.modules[other]
    print(len(found))


if sys.argv[6] == "load":
    mount(*sys.argv[1:6])
    load("/rom" if sys.argv[5] != "-" else "")
else:
    with open(sys.argv[9], "rb") as file:
        record = file.read()
    mount(*sys.argv[1:6])
    start(sys.argv[6], sys.argv[7], sys.argv[8], record)
