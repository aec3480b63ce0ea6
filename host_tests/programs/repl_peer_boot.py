"""On MicroPython: mount a LittleFS in a file as a board's flash, and run until Ctrl-C.

`repl_peer_boot.py FILE BLOCKS run|repl`
"""

import os
import sys
import time

import vfs  # pyright: ignore[reportMissingImports]


class Device:
    """The file as a block device."""

    def __init__(self, path, blocks):
        self.file = open(path, "r+b")  # noqa: SIM115  open as long as the board runs
        self.blocks = blocks

    def readblocks(self, number, buffer, offset=0):
        self.file.seek(number * 4096 + offset)
        self.file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=0):
        self.file.seek(number * 4096 + offset)
        self.file.write(buffer)
        self.file.flush()

    def ioctl(self, operation, _):
        return {4: self.blocks, 5: 4096}.get(operation, 0)


flash = vfs.VfsLfs2(Device(sys.argv[1], int(sys.argv[2])), readsize=32, progsize=32)
vfs.umount("/")
vfs.mount(flash, "/")
os.chdir("/")
if sys.argv[3] == "run" and "main.py" in os.listdir():
    try:
        while True:
            print("running")
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("KeyboardInterrupt: ")
