"""A simulated board whose file system is an image of tools/image.py (from_image.py)."""

from pathlib import Path

from tools import build
from tools.board import SimulatedBoard

FROM_IMAGE = str(Path(__file__).resolve().parent / "from_image.py")


class ImageBoard(SimulatedBoard):
    """Runs main.py of the image, a file whose LittleFS lies at `offset` and has `size` bytes.

    rom: a file with a ROMFS, or None.
    """

    def __init__(self, image, offset, size, folder, on_event, rom=None, **options):
        super().__init__(folder, on_event, **options)
        if self._modem and self._wiring.PINS["ri"] is None:
            self._modem.on_ri = lambda level: None
        self._image = [str(image), str(offset), str(size), str(rom or "-")]

    def _load_firmware(self):
        """All that is there is in the image."""

    def _command_line(self, port, cause, reason, memory_file):
        return [
            build.interpreter(),
            "-X",
            f"heapsize={self._heap_k}wK",
            FROM_IMAGE,
            str(build.BUILD / "host_tests"),
            *self._image,
            *[str(port), str(cause), str(reason), str(memory_file)],
        ]

    def _environment(self):
        return {}
