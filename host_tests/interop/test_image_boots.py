"""An image of tools/image.py on real MicroPython: mounted, started, registered, written to."""

import asyncio
import json
import subprocess
from types import SimpleNamespace

import pytest
from littlefs import LittleFS

from host_tests.interop.image_board import FROM_IMAGE, ImageBoard
from host_tests.interop.server_peer import Log
from host_tests.programs import esp32_binary as made
from tools import board_files, boards, build, image, partitions
from tools.board import HEAP_K
from tools.cellular import PERSONALITIES, SIM_NUMBER, Cellular
from tools.server import running

_ROMFS = made.USUAL[:2] + [
    ("factory", 0, 0, 0x10000, 0x170000),
    ("romfs", 1, 0x8F, 0x180000, 0x80000),
]
_APP = """
import gc

from lwm2m.objects.ipso import Temperature


class Heap(Temperature):
    def read(self, rid):
        if rid != 5700:
            return super().read(rid)
        gc.collect()
        return gc.mem_alloc()


def setup(node):
    node.add(Heap(units="B")).set(5700, 0)
"""


def _image(folder, board, site, romfs=False):
    """Return an image with a MicroPython, the site and the application above."""
    (folder / "site.json").write_text(json.dumps(site))
    (folder / "app.py").write_text(_APP)
    board = boards.load(board)
    files = board_files.collect(board, folder / "site.json", folder / "app.py")
    firmware = partitions.parse(made.binary(_ROMFS if romfs else made.USUAL))
    return image.make(board, files, firmware, with_romfs=romfs)


def _flash(folder, made_image):
    """Write flash.bin and rom.bin, as a chip with that image sees them; return the paths."""
    flash, rom = folder / "flash.bin", folder / "rom.bin"
    flash.write_bytes(image.merge(made_image))
    if not made_image.romfs:
        return flash, None
    rom.write_bytes(made_image.romfs.data)
    return flash, rom


def _play(scenario, folder, board="host", link="udp", romfs=False, sleep="idle"):
    """Run scenario(life) with a board that is registered as b1, and return the life.

    life: server, log (its events), device (the board's), board, flash, network.
    """
    life = SimpleNamespace(log=Log(), device=Log(), network=None)

    async def whole():
        async with running("127.0.0.1", 0, on_event=life.log, awake_s=5) as life.server:
            account = {"uri": "coap://127.0.0.1:%d" % life.server.port, "awake_time_s": 3}
            site = {"endpoint": "b1", "link": link, "log": "json", "sleep": sleep}
            site = {**site, "modem": {"apn": "internet"}, "servers": [account]}
            life.image = _image(folder, board, site, romfs)
            life.flash, rom = _flash(folder, life.image)
            modem = cellular = None
            if link != "udp":
                cellular = Cellular(
                    PERSONALITIES[link], SIM_NUMBER, lambda *event: None, speed=10.0
                )
                modem, life.network = cellular.modem, cellular.network
            build.build()
            (folder / "bench").mkdir()
            where = life.image.file_system.partition
            life.board = ImageBoard(
                *(life.flash, where.offset, where.size, folder / "bench", life.device, rom),
                modem=modem,
                wiring=boards.load(board).module,
                heap_k=HEAP_K + _more_k(life.image),
            )
            try:
                await life.board.power_on()
                await life.log.wait("registered", 40)
                await scenario(life)
            finally:
                await life.board.power_off()
                if cellular:
                    cellular.close()

    try:
        asyncio.run(asyncio.wait_for(whole(), 90))
    except BaseException:
        print(*life.device.events[-20:], sep="\n")
        raise
    return life


def _more_k(made_image):
    """Return what the heap has to be larger for a ROMFS, which a chip has in its flash."""
    # Of a heap of 1 KiB for a chip, one here has 2, with words of 64 bits.
    return len(made_image.romfs.data) // 2048 + 1 if made_image.romfs else 0


async def _heap(life):
    """Return the bytes of heap that a registered board keeps."""
    rom = len(life.image.romfs.data) if life.image.romfs else 0
    return (await life.server.read("b1", "/3303/0/5700")).value - rom


def _files(life):
    """Return {path: bytes} of the file system in the board's flash, read by littlefs-python."""
    where = life.image.file_system.partition
    system = LittleFS(block_size=4096, block_count=where.blocks, mount=False)
    system.context.buffer[:] = life.flash.read_bytes()[where.offset : where.end]
    system.mount()
    found = {}
    for folder, _, names in system.walk("/"):
        for name in names:
            with system.open(folder.rstrip("/") + "/" + name, "rb") as file:
                found[(folder.rstrip("/") + "/" + name)[1:]] = file.read()
    return found


def test_a_board_registers_and_what_servers_write_is_in_its_flash(tmp_path):
    """vfs.VfsLfs2: main.py starts from inside, and a Write outlives a power cut.

    The second start mounts what the first one has written to; all else is as it was.
    """

    async def scenario(life):
        assert await _heap(life) > 10_000
        assert (await life.server.write("b1", "/1/0/1", 777)).code == "2.04"
        before = len(life.device.events)
        await life.board.power_cycle()
        while "registered" not in dict(life.device.events[before:]):
            await asyncio.sleep(0.01)
        assert dict(life.device.events[before:])["registered"]["lifetime_s"] == 777

    life = _play(scenario, tmp_path)
    found = _files(life)
    assert {path: found[path] for path in life.image.files} == life.image.files
    assert set(found) > set(life.image.files)


def test_a_board_with_a_modem_registers_and_sleeps(tmp_path):
    """The same over the SIM7000's UDP; after a deep sleep the record of RTC memory is taken up."""

    async def scenario(life):
        await life.device.wait("halted", 30)
        life.network.sms.send("+447700900001", SIM_NUMBER, b"hello", 4, b"", 0)
        await life.device.wait("booted", 30, count=2)
        await life.device.wait("halted", 30, count=2)

    life = _play(scenario, tmp_path, "lilygo_t_sim7000g", "sim7000", sleep="deep")
    booted = [facts for name, facts in life.device.events if name == "booted"]
    assert [facts["cause"] for facts in booted] == ["power_on", "deep_sleep"]
    assert booted[1]["woken"] == "pin" and not booted[1]["clean"]
    assert life.device.names("registering", "error") == ["registering"]


def test_a_board_registers_from_romfs(tmp_path):
    """vfs.VfsRom: the firmware runs from where it is, and takes less of the heap."""
    kept = {}

    async def scenario(life):
        kept[life.image.romfs is not None] = await _heap(life)

    for romfs in (False, True):
        folder = tmp_path / str(romfs)
        folder.mkdir()
        _play(scenario, folder, romfs=romfs)
    assert kept[True] < 0.8 * kept[False]


def _load(folder, board, romfs=False, more=0):
    """Have every module of a board's image imported; return (exit code, output, image).

    more: bytes that its partition is larger than the file system.
    """
    site = {"endpoint": "b1", "link": "udp", "servers": [{"uri": "coap://127.0.0.1:9"}]}
    made_image = _image(folder, board, site, romfs)
    flash, rom = _flash(folder, made_image)
    build.build()
    where = made_image.file_system.partition
    place = [str(flash), str(where.offset), str(where.size + more), str(rom or "-")]
    done = subprocess.run(
        [
            *(build.interpreter(), "-X", "heapsize=2M", FROM_IMAGE),
            *(str(build.BUILD / "host_tests"), *place, "load"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, made_image


@pytest.mark.parametrize("board", boards.names())
def test_every_module_loads(tmp_path, board):
    """Each .mpy is one that this MicroPython takes, and needs nothing but the others."""
    code, said, made_image = _load(tmp_path, board)
    assert code == 0, said
    assert int(said.split()[-1]) == len(
        [path for path in made_image.files if path.endswith(".mpy")]
    )


def test_every_module_loads_from_romfs(tmp_path):
    """The same, all but the application, which is the site's."""
    code, said, made_image = _load(tmp_path, "host", romfs=True)
    assert code == 0, said
    assert (
        int(said.split()[-1])
        == len([path for path in made_image.files if path.endswith(".mpy")]) - 1
    )


def test_a_partition_with_a_block_more_is_not_mounted(tmp_path):
    """littlefs: the number of blocks in the superblock is that of the device, and no other."""
    code, said, _ = _load(tmp_path, "host", more=4096)
    assert code == 1
    assert said.strip().endswith("EINVAL")
