"""make flash and make erase: esptool itself against the boot loader of an ESP32, played on a
pseudo-terminal. No chip is there: its lines for reset and its flash are the peer's word.
"""

import os
import shlex
import sys

import pytest
from programs import esp32_binary
from programs.rom_peer import RomPeer

from tools import boards, erase, esptool_run, filesystems, flash, image, images, partitions

_BOARD = 'CHIP = "{}"\nUART = {{"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}}\nPINS = {{}}\n'
_BY_HAND = ("--before", "no-reset", "--after", "no-reset")


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    """Two boards and no images."""
    for name, chip in (("desk", "esp32"), ("other", "esp32s3"), ("host", "esp32")):
        (tmp_path / "boards" / name).mkdir(parents=True)
        (tmp_path / "boards" / name / "board.py").write_text(_BOARD.format(chip))
    (tmp_path / "images").mkdir()
    monkeypatch.setattr(boards, "BOARDS", tmp_path / "boards")
    monkeypatch.setattr(images, "IMAGES", tmp_path / "images")
    return tmp_path / "images"


def _merged(rows=esp32_binary.USUAL, flash_mb=4):
    """Return what make image makes with a MicroPython: both, for byte 0 of flash."""
    files = {"main.py": b"import node\n", "node/noise.mpy": os.urandom(60_000)}
    firmware = partitions.parse(esp32_binary.binary(rows))
    return image.merge(image.make(boards.load("desk"), files, firmware, flash_mb))


def _flash(capfd, *arguments, board="desk"):
    """Return (exit code, standard output, standard error) of a program that flashes."""
    code = flash.main(["--board", board, *arguments])
    return (code, *capfd.readouterr())


def test_the_whole_image(desk, capfd):
    """esptool write-flash: every byte arrives where it shall."""
    data = _merged()
    (desk / "desk.bin").write_bytes(data)
    with RomPeer() as peer:
        code, out, err = _flash(capfd, "--port", peer.path, *_BY_HAND)
        assert code == 0, err
        assert peer.flash == data
    first = out.splitlines()
    assert (
        "4194304 bytes, MicroPython 1.28 with the board's files, to 0x0 of the flash" in first[0]
    )
    assert "site.json" in first[1] and peer.path in first[1]
    assert first[2] == "The chip has 4 MB of flash, as the image needs it."
    assert "Hash of data verified" in out
    assert out.splitlines()[-1].startswith("written; `make monitor PORT=/dev/pts/")


def test_the_files_alone(desk, capfd):
    """DESIGN §1.4 of micropython.md: the file system ends where flash does."""
    data, _ = filesystems.littlefs({"main.py": b"import node\n"}, 240)
    (desk / "desk-files.bin").write_bytes(data)
    with RomPeer() as peer:
        before = bytes(peer.flash[:0x310000])
        code, out, err = _flash(capfd, "--port", peer.path, *_BY_HAND)
        assert code == 0, err
        assert peer.flash[0x310000:] == data
        assert peer.flash[:0x310000] == before
    assert "the board's files without MicroPython, to 0x310000" in out


@pytest.mark.parametrize("stub", [(), ("--no-stub",)])
def test_a_release_of_micropython_alone(desk, capfd, stub):
    """esptool, "Firmware Image Format": an ESP32's begins at 0x1000, and leaves the files. By
    either loader, that in RAM and that in ROM.
    """
    path = desk / "ESP32_GENERIC.bin"
    path.write_bytes(esp32_binary.binary())
    with RomPeer() as peer:
        code, out, err = _flash(capfd, "--port", peer.path, "--image", str(path), *_BY_HAND, *stub)
        assert code == 0, err
        data = path.read_bytes()
        assert peer.flash[0x1000 : 0x1000 + len(data)] == data
        assert set(peer.flash[:0x1000]) == {0}
    assert "without files, to 0x1000" in out and "the files of the board stay" in out


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("deaf", "no answer from the chip's boot loader: hold BOOT down"),
        ("other", "the chip is ESP32-S3, and BOARD=desk has ESP32"),
        ("silent", "the chip stopped answering in the middle"),
        ("pulled", "the port went away: is the cable loose?"),
        ("forgetful", "flash does not hold what was written"),
    ],
)
def test_what_goes_wrong_at_the_chip(desk, capfd, fault, said):
    """ISSUE 6: each of the usual failures is one line with the way out, exit code 1."""
    (desk / "desk.bin").write_bytes(_merged())
    # After a block that inflates to much esptool waits for minutes, three times.
    (desk / "short.bin").write_bytes(esp32_binary.binary())
    short = ("--image", str(desk / "short.bin")) if fault == "silent" else ()
    with RomPeer(fault) as peer:
        code, _, err = _flash(capfd, "--port", peer.path, *_BY_HAND, *short)
    assert code == 1
    assert err.startswith(f"{peer.path}: {said}"), err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "name", "arguments", "said"),
    [
        (
            "large",
            "desk.bin",
            (),
            "for 4 MB of flash, and the chip has 16 MB: `make image BOARD=desk … FLASH_MB=16` "
            "makes one, and `make flash … FLASH_MB=16`; nothing is written\n",
        ),
        (
            "large",
            "desk-files.bin",
            (),
            "for 4 MB of flash, and the chip has 16 MB: `make image BOARD=desk … FLASH_MB=16` "
            "makes one, and `make flash … FLASH_MB=16`, or MORE=--offset=… where MicroPython has "
            "a partition vfs; nothing is written\n",
        ),
        ("large", "desk-files.bin", ("--flash-mb", "8"), None),
        (
            "small",
            "desk.bin",
            ("--no-stub",),
            "for 4 MB of flash, and the chip has 1 MB: is BOARD=desk right?; nothing is written\n",
        ),
    ],
)
def test_flash_of_another_size(desk, capfd, fault, name, arguments, said):
    """MicroPython's esp32 port, boardctrl_startup: without a partition of its own the file system
    ends where the chip's flash does; another size is refused before anything is written.
    """
    data = _merged()
    (desk / name).write_bytes(data if name == "desk.bin" else data[0x200000:])
    with RomPeer(fault) as peer:
        before = bytes(peer.flash)
        code, _, err = _flash(capfd, "--port", peer.path, *_BY_HAND, *arguments)
        assert code == 1
        assert peer.flash == before
    if said:
        assert err.endswith(f"{name}: {said}"), err
    else:  # 2 MB are the end of no flash of 8 MB; the port is not touched
        assert "2097152 bytes are no file system for 8 MB of flash; `make image BOARD=desk" in err
        assert not peer.commands
    assert err.count("\n") == 1


def test_a_board_that_was_asked_in_vain_runs_on(desk, capfd, monkeypatch):
    """A refusal is no end of what the board does: the last word to the chip ends with a reset."""
    (desk / "desk.bin").write_bytes(_merged())
    lines = []
    run = esptool_run.run
    monkeypatch.setattr(
        esptool_run, "run", lambda line, *rest: lines.append(line) or run(line, *rest)
    )
    with RomPeer("large") as peer:
        arguments = ("--port", peer.path, "--before", "no-reset", "--baud", "115200")
        assert _flash(capfd, *arguments)[0] == 1
    after = [line[line.index("--after") + 1] for line in lines]
    assert after == ["no-reset", "hard-reset"] and lines[-1][-1] == "read-mac"


def test_flash_of_the_size_that_was_given(desk, capfd):
    """FLASH_MB=16 of make image and make flash: what ends there goes through."""
    (desk / "desk.bin").write_bytes(_merged(flash_mb=16))
    code, _, err = _flash(capfd, "--port", "/dev/ttyNOBODY")
    assert code == 1 and "Where there is more, FLASH_MB= says so" in err, err
    with RomPeer("large") as peer:
        arguments = ("--port", peer.path, *_BY_HAND, "--flash-mb", "16")
        code, out, err = _flash(capfd, *arguments)
        assert code == 0, err
        assert peer.flash == (desk / "desk.bin").read_bytes()
    assert "The chip has 16 MB of flash, as the image needs it." in out


def test_flash_that_has_no_say(desk, capfd):
    """A partition vfs, or an offset that is given, is where it is whatever the chip's size, and
    the chip is not asked. One that does not tell its size is written, with a warning.
    """
    with_vfs = _merged(esp32_binary.WITH_VFS)
    (desk / "vfs.bin").write_bytes(with_vfs)
    (desk / "files.bin").write_bytes(with_vfs[0x200000:])
    for name, more in (("vfs.bin", ()), ("files.bin", ("--offset", "0x200000"))):
        with RomPeer("large") as peer:
            arguments = ("--port", peer.path, *_BY_HAND, "--image", str(desk / name), *more)
            code, out, err = _flash(capfd, *arguments)
            assert code == 0, err
            assert out.count("esptool v") == 1 and "The chip has" not in out
            assert peer.flash[0x200000:] == with_vfs[0x200000:]
    with RomPeer("small") as peer:
        code, _, err = _flash(
            capfd, "--port", peer.path, *_BY_HAND, "--image", str(desk / "vfs.bin")
        )
    assert code == 1
    assert "the chip's flash has 1048576 bytes, which the image does not fit in" in err
    (desk / "desk.bin").write_bytes(_merged())
    with RomPeer("unsized") as peer:
        code, out, err = _flash(capfd, "--port", peer.path, *_BY_HAND)
        assert code == 0, err
        assert "The chip does not tell how much flash it has" in out
        assert peer.flash == (desk / "desk.bin").read_bytes()


def test_a_port_that_cannot_be_had(desk, capfd, monkeypatch):
    """ISSUE 6: a port that is not there, is somebody else's, is busy, or is none."""
    (desk / "desk.bin").write_bytes(_merged())
    code, _, err = _flash(capfd, "--port", "/dev/ttyNOBODY")
    assert code == 1 and err.startswith("/dev/ttyNOBODY: no such port; "), err
    code, _, err = _flash(capfd, "--port", str(desk / "desk.bin"))
    assert code == 1 and "not a serial port" in err, err
    with RomPeer() as peer:
        import serial

        with serial.Serial(peer.path, exclusive=True):
            code, _, err = _flash(capfd, "--port", peer.path, *_BY_HAND)
        assert code == 1 and "in use by another program" in err, err
        monkeypatch.setattr(os, "access", lambda *_: False)
        code, _, err = _flash(capfd, "--port", peer.path)
        assert code == 1 and "dialout" in err, err
        assert not peer.commands


def test_an_image_that_is_wrong(desk, capfd):
    """ISSUE 6: no image, another chip's, one that is too large or damaged: the port is not
    touched.
    """
    with RomPeer() as peer:
        port = ("--port", peer.path)
        code, _, err = _flash(capfd, *port)
        assert code == 1 and "desk.bin: not there yet; `make image BOARD=desk" in err, err
        code, _, err = _flash(capfd, *port, "--image", "nowhere.bin")
        assert (code, err) == (1, "nowhere.bin: no such file\n")
        (desk / "other.bin").write_bytes(esp32_binary.binary())
        code, _, err = _flash(capfd, *port, board="other")
        assert code == 1 and "for an esp32, and other has an esp32s3" in err, err
        (desk / "desk.bin").write_bytes(_merged() + b"\xff")
        code, _, err = _flash(capfd, *port)
        assert code == 1 and "4194305 bytes do not fit into the flash of desk, 4 MB" in err, err
        for size in (3 << 20, 66_000, 20_000):
            (desk / "desk.bin").write_bytes(_merged()[:size])
            code, _, err = _flash(capfd, *port)
            assert code == 1 and "cut off after" in err, err
        (desk / "desk.bin").write_bytes(b"#!/bin/sh\n")
        code, _, err = _flash(capfd, *port)
        assert code == 1 and "use the .bin of a MicroPython release" in err, err
        assert not peer.commands


def test_dry_run(desk, capfd):
    """ISSUE 6: --dry-run prints the command lines of esptool and does nothing."""
    (desk / "desk.bin").write_bytes(_merged())
    code, out, _ = _flash(capfd, "--port", "/dev/ttyNOBODY", "--dry-run", "--baud", "115200")
    assert code == 0
    first, second = out.splitlines()
    assert shlex.split(first) == [
        sys.executable, "-m", "esptool", "--chip", "esp32", "--port", "/dev/ttyNOBODY",
        "--baud", "115200", "--before", "default-reset", "--after", "no-reset", "flash-id",
    ]  # fmt: skip
    assert shlex.split(second) == [
        sys.executable, "-m", "esptool", "--chip", "esp32", "--port", "/dev/ttyNOBODY",
        "--baud", "115200", "--before", "default-reset", "--after", "hard-reset",
        "write-flash", "--flash-size", "keep", "0x0", str(desk / "desk.bin"),
    ]  # fmt: skip
    assert erase.main(["--board", "desk", "--port", "/dev/ttyNOBODY", "--dry-run"]) == 0
    assert shlex.split(capfd.readouterr().out)[-1] == "erase-flash"


@pytest.mark.parametrize("program", [flash, erase])
def test_wrong_arguments(capfd, program):
    """Contracts: a missing or wrong BOARD or PORT is one line and exit code 2."""
    for arguments, said in (
        ([], "BOARD: missing; use desk, host, other"),
        (["--board", "x", "--port", "/dev/null"], "BOARD: x is no board; use desk"),
        (["--board", "desk"], "PORT: missing; such as PORT=/dev/ttyUSB0: "),
        (["--board", "host", "--port", "/dev/null"], "BOARD: host is the simulated board"),
        (["--board", "desk", "--port", "x", "--baud", "fast"], "python -m tools."),
    ):
        with pytest.raises(SystemExit) as ended:
            program.main(arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2
        assert err.startswith(said) and err.count("\n") == 1, err


def test_erase(capfd, monkeypatch):
    """esptool erase-flash: asked first, and then all is gone."""
    with RomPeer() as peer:
        arguments = ["--board", "desk", "--port", peer.path, *_BY_HAND]
        with pytest.raises(SystemExit) as ended:  # nobody to ask
            erase.main(arguments)
        assert ended.value.code == 2 and "--yes" in capfd.readouterr().err
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        for answer, code in (("no", 1), ("yes", 0)):
            monkeypatch.setattr("builtins.input", lambda _, said=answer: said)
            assert erase.main(arguments) == code
            assert (set(peer.flash) == {0xFF}) == (answer == "yes")
        out, err = capfd.readouterr()
        assert "site.json" in out and "not erased" in err and "erased; `make flash`" in out
    with RomPeer() as peer:
        assert erase.main([*arguments[:3], peer.path, *_BY_HAND, "--yes"]) == 0
        assert set(peer.flash) == {0xFF}
        assert erase.main([*arguments[:3], peer.path, *_BY_HAND, "--yes", "--no-stub"]) == 1
        assert "leave --no-stub out" in capfd.readouterr().err
