"""The image of a board (tools/image.py): what is in it, where it is written, what is refused."""

import json
import os
import re
import stat

import pytest
from littlefs import LittleFS

from host_tests.programs import esp32_binary as made
from tools import board_files, boards, filesystems, image

_SITE = {
    "modem": {"apn": "iot.example", "pin": "4711", "password": "hush-hush"},
    "servers": [{"uri": "coap://lwm2m.example"}],
}
_PAGE = boards.BOARDS / "FREEZING.md"
_APP = "def setup(node):\n    node.every(60_000, lambda: None)\n"


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run the program; return (exit code, lines printed). Images go to tmp_path/images."""
    monkeypatch.setattr(image, "IMAGES", tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.json").write_text(json.dumps(_SITE))
    (tmp_path / "app.py").write_text(_APP)
    (tmp_path / "generic.bin").write_bytes(made.binary())

    def main(*arguments):
        try:
            code = image.main(["--board", "host", *arguments])
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        assert not (said.out and said.err)
        return code, (said.out + said.err).replace(str(tmp_path), "").splitlines()

    return main


def _files(data):
    """Return {path: bytes} of a LittleFS image."""
    system = LittleFS(block_size=4096, block_count=len(data) // 4096, mount=False)
    system.context.buffer[:] = data
    system.mount()
    found = {}
    for folder, _, names in system.walk("/"):
        for name in names:
            path = folder.rstrip("/") + "/" + name
            with system.open(path, "rb") as file:
                found[path[1:]] = file.read()
    return found


def test_the_file_system_alone(run, tmp_path):
    """littlefs 2.1: every file, as it was; as many blocks as ESP32_GENERIC with 4 MB has."""
    code, lines = run("--config", "site.json", "--app", "app.py")
    assert code == 0
    assert all(len(line) <= 80 for line in lines)
    path = tmp_path / "images/host-files.bin"
    found = _files(path.read_bytes())
    assert path.stat().st_size == 0x200000
    assert json.loads(found["site.json"]) == _SITE
    assert found["main.py"].startswith(b'"""Starts the node')
    assert {"board.mpy", "app.mpy", "node/boot.mpy", "lwm2m/objects/ipso.mpy"} <= set(found)
    assert not [name for name in found if name.endswith(".py") and name != "main.py"]
    size = sum(map(len, found.values()))
    assert lines[1] == "files        %d, %d bytes" % (len(found), size)
    assert lines[2] == "vfs          2097152 bytes at 0x200000"
    assert lines[5] == "             MicroPython mounts it where flash has 4 MB, no more"
    assert lines[-1] == "    0x200000 images/host-files.bin"
    assert not [line for line in lines if "4711" in line or "hush" in line]


def test_with_micropython(run, tmp_path):
    """esptool merge-bin: bootloader, table and application as they were, then the files."""
    code, lines = run("--config", "site.json", "--micropython", "generic.bin")
    assert code == 0
    assert all(len(line) <= 80 for line in lines)
    merged = (tmp_path / "images/host.bin").read_bytes()
    binary = made.binary()
    assert len(merged) == 4 << 20
    assert merged[:0x1000] == b"\xff" * 0x1000
    assert merged[0x1000 : 0x1000 + len(binary)] == binary
    assert not merged[0x1000 + len(binary) : 0x200000].strip(b"\xff")
    assert merged[0x200000:] == (tmp_path / "images/host-files.bin").read_bytes()
    assert "  make flash BOARD=host PORT=…" in lines
    assert lines[-1] == "    0x0 images/host.bin"


def test_a_merged_file_as_micropython(run, tmp_path):
    """What this has made holds a MicroPython, too; its file system gives way."""
    assert run("--config", "site.json", "--micropython", "generic.bin")[0] == 0
    first = (tmp_path / "images/host.bin").read_bytes()
    (tmp_path / "merged.bin").write_bytes(first)
    assert run("--app", "app.py", "--micropython", "merged.bin")[0] == 0
    second = (tmp_path / "images/host.bin").read_bytes()
    assert second[:0x200000] == first[:0x200000]
    assert "app.mpy" in _files(second[0x200000:])
    assert "site.json" not in _files(second[0x200000:])


def test_a_file_of_ones_own(run, tmp_path):
    """--out FILE is written, and nothing else."""
    assert run("--micropython", "generic.bin", "--out", "out/mine.bin")[0] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.bin"]
    assert not (tmp_path / "images").exists()
    code, lines = run("--out", "files.bin")
    assert code == 0
    assert lines[-1] == "    0x200000 files.bin"


def test_a_board_without_a_site(run):
    """Without site.json an image is made, and the lines say what the board will do."""
    code, lines = run()
    assert code == 0
    assert "             no site.json: the board will say so and wait at the REPL" in lines


def test_the_same_files_give_the_same_bytes(run, tmp_path):
    """No times: an image can be made again and compared."""
    arguments = ("--config", "site.json", "--app", "app.py", "--micropython", "generic.bin")
    assert run(*arguments)[0] == 0
    first = (tmp_path / "images/host.bin").read_bytes()
    os.utime(tmp_path / "site.json", (1, 1))
    os.utime(tmp_path / "app.py", (1, 1))
    assert run(*arguments)[0] == 0
    assert (tmp_path / "images/host.bin").read_bytes() == first


def test_secrets_are_their_owners(run, tmp_path):
    """site.json has PIN and password: nobody else reads an image with it, or an older one."""
    assert run("--micropython", "generic.bin")[0] == 0
    (tmp_path / "images/host.bin").chmod(0o644)
    assert run("--config", "site.json", "--micropython", "generic.bin")[0] == 0
    for path in (tmp_path / "images").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_earlier_image_is_not_left_to_be_flashed(run, tmp_path):
    """`make flash` takes what the last `make image` has made."""
    assert run("--micropython", "generic.bin")[0] == 0
    (tmp_path / "images/host_of_another.bin").write_bytes(b"")
    code, lines = run()
    assert code == 0
    assert lines[0] == "removed      images/host.bin, an earlier image"
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert names == ["host-files.bin", "host_of_another.bin"]


@pytest.mark.parametrize(
    ("rows", "flash_mb", "offset", "blocks"),
    [
        (made.OTA, 4, 0x310000, 240),
        (made.EIGHT, 8, 0x310000, 1264),
        (made.USUAL, 16, 0x200000, 3584),
    ],
)
def test_other_layouts(run, tmp_path, rows, flash_mb, offset, blocks):
    """As many blocks as the partition has, or MicroPython does not mount it."""
    (tmp_path / "other.bin").write_bytes(made.binary(rows, flash_mb=min(flash_mb, 8)))
    code, lines = run("--micropython", "other.bin", "--flash-mb", str(flash_mb))
    assert code == 0
    merged = (tmp_path / "images/host.bin").read_bytes()
    assert len(merged) == offset + blocks * 4096
    assert "main.py" in _files(merged[offset:])
    assert any("of its %d blocks" % blocks in line for line in lines)
    told = "" if flash_mb == 4 else " FLASH_MB=%d" % flash_mb  # what make flash is told, too
    assert "  make flash BOARD=host PORT=…" + told in lines


def test_a_partition_that_is_given(run, tmp_path):
    """--partition OFFSET:SIZE, for a layout whose binary is not at hand."""
    code, lines = run("--partition", "0x310000:0xf0000")
    assert code == 0
    assert (tmp_path / "images/host-files.bin").stat().st_size == 0xF0000
    assert lines[-1] == "    0x310000 images/host-files.bin"
    assert "  make flash BOARD=host PORT=…" in lines
    code, lines = run("--partition", "0x210000:0x100000")
    assert code == 0
    assert '  make flash BOARD=host PORT=… MORE="--offset 0x210000"' in lines


def _documented_table():
    """Return the partition table of boards/FREEZING.md, as made.binary takes it."""
    kinds = {"data": 1, "app": 0, "nvs": 2, "phy": 1, "factory": 0}
    rows = re.findall(r"^    (\w+), +(\w+), +(\w+), +(\w+), +(\w+),$", _PAGE.read_text(), re.M)
    return [
        (name, kinds[kind], kinds.get(subtype, 0x8F), int(offset, 16), int(size, 16))
        for name, kind, subtype, offset, size in rows
    ]


def test_romfs(run, tmp_path):
    """ROMFS: the compiled firmware; beside it what MicroPython looks for in the file system."""
    assert len(_documented_table()) == 4
    (tmp_path / "rom.bin").write_bytes(made.binary(_documented_table()))
    code, lines = run(
        "--config", "site.json", "--app", "app.py", "--romfs", "--micropython", "rom.bin"
    )
    assert code == 0
    assert all(len(line) <= 80 for line in lines)
    merged = (tmp_path / "images/host.bin").read_bytes()
    assert merged[0x200000:].startswith(b"\xd2\xcd\x31")
    assert set(_files(merged[0x240000:])) == {"main.py", "site.json", "app.mpy"}
    rom = (tmp_path / "images/host-romfs.bin").read_bytes()
    assert rom == merged[0x200000 : 0x200000 + len(rom)]
    code, lines = run("--romfs", "--partition", "0x200000:0x40000")
    assert code == 0
    assert (tmp_path / "images/host-romfs.bin").read_bytes() == rom
    assert "    0x240000 images/host-files.bin \\" in lines
    assert lines[-1] == "    0x200000 images/host-romfs.bin"


def test_a_firmware_that_is_frozen(run, tmp_path):
    """--frozen: the file system has what is the site's, and nothing in the way of the firmware."""
    arguments = ("--config", "site.json", "--app", "app.py", "--frozen")
    assert run(*arguments, "--micropython", "generic.bin")[0] == 0
    merged = (tmp_path / "images/host.bin").read_bytes()
    assert set(_files(merged[0x200000:])) == {"site.json", "app.mpy"}


def test_an_old_micropython(run, tmp_path):
    """MicroPython before 1.27 is named as too old."""
    (tmp_path / "old.bin").write_bytes(made.binary(made.WITH_VFS, version="1.26"))
    code, lines = run("--micropython", "old.bin")
    assert code == 0
    assert lines[2] == "             is too old to run this; use 1.27 or newer"
    assert not [line for line in lines if "mounts it" in line]  # the table says where it ends


@pytest.mark.parametrize(
    ("arguments", "code", "refusal"),
    [
        (("--board", "nix"), 2, "BOARD: nix is no board; use "),
        (("--board", ""), 2, "BOARD: missing; use "),
        (
            ("--partition", "0x200000"),
            2,
            "python -m tools.image: argument --partition: '0x200000'",
        ),
        (("--partition", "4096:4096"), 2, "python -m tools.image: argument --partition:"),
        (("--partition", "0x200000:0x1fff00"), 2, "python -m tools.image: argument --partition:"),
        (("--flash-mb", "1"), 2, "python -m tools.image: argument --flash-mb: '1'"),
        (
            ("--micropython", "generic.bin", "--partition", "0x200000:0x200000"),
            2,
            "--partition: not with --micropython, whose table has it",
        ),
        (("--romfs", "--frozen"), 2, "python -m tools.image: argument --frozen: not allowed with"),
        (("--config", "nix.json"), 1, "nix.json: no such file; it holds the site configuration"),
        (("--config", "app.py"), 1, "app.py: not a JSON document"),
        (("--config", "bad.json"), 1, "modem.pin: malformed; use 4 to 8 digits"),
        (("--app", "nix.py"), 1, "nix.py: no such file"),
        (("--micropython", "nix.bin"), 1, "nix.bin: No such file or directory"),
        (("--micropython", "app.py"), 1, "app.py: text; use the .bin of a MicroPython release"),
        (
            ("--micropython", "s3.bin"),
            1,
            "the firmware is for esp32s3 and host has esp32; use the .bin for that chip",
        ),
        (
            ("--micropython", "eight.bin"),
            1,
            "the firmware wants 8 MB of flash and host has 4; use another .bin, or FLASH_MB=,",
        ),
        (
            ("--micropython", "small.bin"),
            1,
            "the file system takes 6",
        ),
        (("--micropython", "generic.bin", "--romfs"), 1, "--romfs: the firmware has no partition"),
        (("--micropython", "rom.bin", "--romfs"), 1, "the ROMFS takes 2"),
        (("--romfs",), 1, "--romfs: where is it? Use --micropython, or --partition OFFSET:SIZE"),
        (
            ("--partition", "0x300000:0x200000"),
            1,
            "the partition vfs, from 0x300000 on, does not fit into 4 MB of flash; use another",
        ),
        (("--romfs", "--partition", "0x380000:0x80000"), 1, "the partition vfs, from 0x400000 on"),
        (("--out", "."), 1, ""),
        (("--out", "x" * 250), 1, "x" * 250 + ": File name too long"),
    ],
)
def test_what_cannot_be_made(run, tmp_path, arguments, code, refusal):
    """One line that names the option, the key or the file; nothing is written."""
    (tmp_path / "bad.json").write_text(json.dumps({**_SITE, "modem": {"apn": "x", "pin": "1"}}))
    (tmp_path / "s3.bin").write_bytes(made.binary(chip="esp32s3"))
    (tmp_path / "eight.bin").write_bytes(made.binary(made.EIGHT, flash_mb=8))
    small = made.USUAL + [("vfs", 1, 0x81, 0x200000, 0x40000)]
    (tmp_path / "small.bin").write_bytes(made.binary(small))
    (tmp_path / "rom.bin").write_bytes(made.binary(made.ROMFS))
    before = sorted(tmp_path.iterdir())
    ended, lines = run(*arguments)
    assert (ended, len(lines)) == (code, 1)
    assert lines[0].startswith(refusal)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"x = 1\ndef setup(node):\n  return )\n", ", line 3: does not compile: SyntaxError: "),
        (b"x = 1\n  y = 2\n", ", line 2: does not compile: IndentationError: "),
        (b"\n\n\nbreak\n", ", line 4: does not compile: SyntaxError: 'break'"),
    ],
)
def test_an_application_that_does_not_compile(run, tmp_path, source, said):
    """mpy-cross says where, and it is one line; nothing is written."""
    (tmp_path / "app.py").write_bytes(source)
    code, lines = run("--app", "app.py")
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith("app.py" + said), lines
    assert not (tmp_path / "images").exists()


def test_ctrl_c(run, tmp_path, monkeypatch):
    """It ends in a line, and nothing is written."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(image.board_files, "build", interrupted)
    assert run() == (1, ["", "nothing written"])
    assert not (tmp_path / "images").exists()


def test_a_path_with_blanks(run, tmp_path):
    """What is to be typed is shown as it is typed."""
    (tmp_path / "my site").mkdir()
    code, lines = run("--out", "my site/out.bin")
    assert code == 0
    assert "  make flash BOARD=host PORT=… IMAGE='my site/out.bin'" in lines


def test_what_a_full_disk_leaves(run, tmp_path, monkeypatch):
    """Where one of two files cannot be written there is none, and no part of one."""
    (tmp_path / "images/host-files.bin").mkdir(parents=True)
    code, lines = run("--micropython", "generic.bin")
    assert (code, len(lines)) == (1, 1)
    assert not [path for path in (tmp_path / "images").iterdir() if path.is_file()]


def test_characters_of_other_languages(run, tmp_path):
    """MicroPython's json takes UTF-8, and does not join the halves of an escaped character."""
    site = {
        **_SITE,
        "modem": {"apn": "a"},
        "objects": [{"object": 3303, "units": "雨🌧"}],
    }
    (tmp_path / "site.json").write_text(json.dumps(site))
    found = board_files.collect(boards.load("host"), tmp_path / "site.json")["site.json"]
    assert "雨🌧" in found.decode()
    site["objects"][0]["units"] = "\ud83c"
    (tmp_path / "site.json").write_text(json.dumps(site))
    code, lines = run("--config", "site.json")
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith("site.json: has half a character, such as \\ud83d; write it")


def test_a_wrong_board_for_the_site(run, tmp_path, monkeypatch):
    """node/feasible.py: what the board's wires cannot carry is refused here, too."""
    board = boards.load("host")
    monkeypatch.setitem(board.module.PINS, "ri", 18)
    with pytest.raises(board_files.config.ConfigError, match="GPIO 18 cannot end a deep sleep"):
        site = {**_SITE, "servers": [{"uri": "coap://a.example", "sms_number": "+44770090"}]}
        (tmp_path / "site.json").write_text(json.dumps(site))
        board_files.collect(board, tmp_path / "site.json")


def test_small_files_take_no_blocks():
    """littlefs, "Inline files": up to an eighth of a block lies beside the name."""
    small = {"%d.mpy" % number: bytes(512) for number in range(3)}
    assert filesystems.littlefs(small, 64)[1] == 2
    larger = {"%d.mpy" % number: bytes(513) for number in range(3)}
    assert filesystems.littlefs(larger, 64)[1] == 5


def test_files_that_do_not_fit():
    """A file system that is too small: how much would have done."""
    files = {"a/%d" % number: bytes(5000) for number in range(20)}
    with pytest.raises(filesystems.RoomError) as caught:
        filesystems.littlefs(files, 20)
    assert caught.value.needed == filesystems.littlefs(files, 64)[1] * 4096
    with pytest.raises(filesystems.RoomError) as caught:
        filesystems.romfs(files, 0x18000)
    assert caught.value.needed == len(filesystems.romfs(files, 0x20000))
