"""make deploy: mpremote's transport against the raw REPL of MicroPython's unix port on a
pseudo-terminal, whose flash is a LittleFS in a file. Reset lines and sleep are the peer's word.
"""

import threading
import time

import pytest
from programs.repl_peer import Flash, ReplPeer

from tools import boards, deploy, live_board
from tools.live_board import NEW, LiveBoard
from tools.serial_trouble import PortTrouble

_BOARD = 'UART = {"id": 1, "tx": 27, "rx": 26, "baudrate": 115200}\nPINS = {}\n'
_WANTED = {
    "main.py": b"import node\n",
    "board.mpy": bytes(range(256)),
    "coap/__init__.mpy": b"",
    "coap/message.mpy": bytes(range(256)) * 20,
    "lwm2m/codec/tlv.mpy": b"\x01\x02\x03\x04 '\"\\\r\n" * 40,
    "node/hw.mpy": b"M\x06" * 900,
}
_THEIRS = {
    "app.py": b"def setup(node): pass\n",
    "site.json": b'{"endpoint": "probe"}',
    "account.0": b"NUDR",
    "written.1": b"NUDR",
    "lib/ds18x20.py": b"# a driver\n",
    "notes.new": b"a file of a person's\n",
    "node/calibration.txt": b"12.5\n",
}


@pytest.fixture
def flash(tmp_path):
    return Flash(tmp_path / "flash.bin")


def _deploy(peer, wanted, wait_s=2, tell=live_board.tell):
    """Deploy `wanted` and start the board; return what was done."""
    board = LiveBoard.connect(peer.path, wait_s, tell)
    try:
        todo, _ = deploy.deploy(board, wanted, lambda *_: None)
        started = len(peer.starts)
        board.restart()
        _settled(lambda: len(peer.starts) == started + 1)
        return todo
    finally:
        board.close()


def _settled(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_only_what_differs(flash):
    """ISSUE 6: an empty board gets all, the next time nothing, then what is another; and it starts
    anew each time, once more than it was interrupted.
    """
    with ReplPeer(flash, at_repl=True) as peer:
        todo = _deploy(peer, _WANTED)
        assert (sorted(todo.send), todo.remove, todo.same) == (sorted(_WANTED), [], 0)
        assert flash.files() == _WANTED
        _settled(lambda: peer.starts == ["power", "soft", "soft"])
        heard = peer.heard
        todo = _deploy(peer, _WANTED)
        assert (todo.send, todo.remove, todo.same) == ([], [], len(_WANTED))
        assert peer.heard - heard < 3000  # the question alone
        wanted = {**_WANTED, "node/hw.mpy": b"M\x06" * 901}
        todo = _deploy(peer, wanted)
        assert (todo.send, todo.same) == (["node/hw.mpy"], len(_WANTED) - 1)
        assert flash.files() == wanted
        _settled(lambda: peer.starts == ["power"] + ["soft"] * 6)


def test_what_is_removed_and_what_stays(flash):
    """ISSUE 6: the firmware's own files go where they are not wanted; a person's and the node's
    stay.
    """
    ours = {
        "coap/gone.mpy": b"M",
        "coap/message.py": b"# would be loaded in place of message.mpy\n",
        "lwm2m/codec/old/deep.mpy": b"M",
        "board.py": b"# would be loaded in place of board.mpy\n",
        "node/hw.mpy" + NEW: b"half",
        "main.py" + NEW: b"half",
        "site.json" + NEW: b"half",
    }
    flash.put({**_THEIRS, **ours})
    with ReplPeer(flash) as peer:
        todo = _deploy(peer, _WANTED)
    assert sorted(todo.remove) == sorted(ours)
    assert flash.files() == {**_THEIRS, **_WANTED}


def test_an_application_and_a_configuration(flash):
    """Which of app.py and app.mpy runs: Python loads app.py, so that a new app.mpy replaces it."""
    flash.put({**_WANTED, **_THEIRS})
    site = {"app.mpy": b"M\x06app", "site.json": b'{"endpoint": "other"}'}
    with ReplPeer(flash) as peer:
        todo = _deploy(peer, {**_WANTED, **site})
        assert sorted(todo.send) == ["app.mpy", "site.json"] and todo.remove == ["app.py"]
        expected = {**_WANTED, **_THEIRS, **site}
        del expected["app.py"]
        assert flash.files() == expected
        todo = _deploy(peer, _WANTED)  # without --app and --config
        assert (todo.send, todo.remove) == ([], [])
        assert flash.files() == expected


def test_firmware_in_a_romfs(flash):
    """boards/FREEZING.md: what lies in /rom is not sent, unless it is another there."""
    rom = {path: data for path, data in _WANTED.items() if path != "main.py"}
    flash.put({**{"rom/" + path: data for path, data in rom.items()}, "site.json": b"{}"})
    with ReplPeer(flash, at_repl=True) as peer:
        todo = _deploy(peer, _WANTED)
        assert (todo.send, todo.remove, todo.same) == (["main.py"], [], len(rom))
        todo = _deploy(peer, {**_WANTED, "node/hw.mpy": b"another"})
        assert todo.send == ["node/hw.mpy"]
        todo = _deploy(peer, _WANTED)  # the file system goes before the ROMFS
        assert todo.send == ["node/hw.mpy"]


@pytest.mark.parametrize(
    ("cut", "points"),
    [("pulled_after", (900, 3000, 6000, 9000, 11500)), ("silent_after", (900, 6000, 11500))],
)
def test_a_cut_leaves_the_old_or_the_new(flash, cut, points):
    """ISSUE 6: wherever the cable is pulled, with the power or without, each file is old or new,
    all are old until the last is there, and the next deployment brings the rest.
    """
    old = {path: b"old " + data for path, data in _WANTED.items()}
    seen = set()
    for after in points:
        flash.put({**_THEIRS, **old})
        with ReplPeer(flash, **{cut: after}) as peer:
            try:
                board = LiveBoard.connect(peer.path, 1, live_board.tell)
                try:
                    deploy.deploy(board, _WANTED, lambda *_: None)
                finally:
                    board.close()
                ended = "whole"
            except PortTrouble as error:
                ended = str(error)
                assert str(error).count("\n") == 0
                assert "run this again" in ended, ended
        files = flash.files()
        assert {path: files[path] for path in _THEIRS} == _THEIRS
        there = {path: files[path] for path in _WANTED}
        new = [path for path in _WANTED if there[path] == _WANTED[path]]
        assert all(there[path] in (old[path], _WANTED[path]) for path in _WANTED)
        assert not new or len(new) == len(_WANTED), (after, new)
        seen.add(len(new))
        with ReplPeer(flash) as peer:
            _deploy(peer, _WANTED)
        assert flash.files() == {**_THEIRS, **_WANTED}
    assert 0 in seen


def test_a_board_that_sleeps(flash):
    """ISSUE 6: a board in deep sleep hears nothing; a person presses reset within the time."""
    flash.put(_WANTED)
    told = []
    with ReplPeer(flash, asleep=True) as peer:

        def tell(line):
            told.append(line)
            threading.Timer(0.5, peer.press_reset).start()

        todo = _deploy(peer, {**_WANTED, "main.py": b"import boot\n"}, wait_s=20, tell=tell)
        assert todo.send == ["main.py"]
        assert told == ["no answer: press the board's reset button (waiting 20 s)"]
        _settled(lambda: peer.starts == ["button", "soft", "soft"])


def test_a_board_whose_port_has_its_reset_line(flash, monkeypatch):
    """esptool, "Boot Mode Selection": RTS on and DTR off is reset, which ends a deep sleep."""
    flash.put(_WANTED)
    told = []
    with ReplPeer(flash, asleep=True) as peer:
        connect = live_board.SerialTransport

        def transport(*arguments, **options):
            made = connect(*arguments, **options)
            line = made.serial
            kind = type("Wired", (type(line),), {})
            levels = {"dtr": True, "rts": True}

            def level(name):
                def changed(_, value):
                    was = dict(levels)
                    levels[name] = value
                    if was == {"dtr": False, "rts": True} and not levels["rts"]:
                        peer.press_reset()

                return property(lambda _: levels[name], changed)

            kind.dtr, kind.rts = level("dtr"), level("rts")
            line.__class__ = kind
            return made

        monkeypatch.setattr(live_board, "SerialTransport", transport)
        assert _deploy(peer, _WANTED, tell=told.append).send == []
    assert told == ["no answer: the board sleeps, or is busy; it was reset by its port's RTS line"]


def test_no_micropython_and_no_port(flash, tmp_path):
    """ISSUE 6: nothing answers; the port is not there, busy, or no port."""
    with ReplPeer(flash, mute=True) as peer, pytest.raises(PortTrouble) as trouble:
        _deploy(peer, _WANTED, wait_s=1, tell=lambda _: None)
    assert "no MicroPython answers" in str(trouble.value)
    with pytest.raises(PortTrouble, match="no such port"):
        LiveBoard.connect("/dev/ttyNOBODY", 1, live_board.tell)
    with pytest.raises(PortTrouble, match="not a serial port"):
        LiveBoard.connect(str(flash.path), 1, live_board.tell)
    with ReplPeer(flash) as peer:
        board = LiveBoard.connect(peer.path, 1, live_board.tell)
        with pytest.raises(PortTrouble, match="in use by another program"):
            LiveBoard.connect(peer.path, 1, live_board.tell)
        board.close()


def test_little_room(tmp_path):
    """ISSUE 6: where two of each have no room they go one by one; where none has, a line says so,
    and what was there is there.
    """
    flash = Flash(tmp_path / "small.bin", blocks=40)
    old = {f"node/part{number}.mpy": bytes([number]) * 8000 for number in range(10)}
    wanted = {path: data[::-1] + b"new" for path, data in old.items()}
    flash.put({**old, "coap/gone.mpy": b"M" * 8000})
    with ReplPeer(flash) as peer:
        todo = _deploy(peer, wanted)
        assert len(todo.send) == 10 and todo.remove == ["coap/gone.mpy"]
        assert flash.files() == wanted
        with pytest.raises(PortTrouble, match="no room on the board's file system"):
            _deploy(peer, {**wanted, "node/more.mpy": b"M" * 90_000})
    assert {**flash.files(), **wanted} == flash.files()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A board, and a firmware of four files."""
    for name in ("desk", "host"):
        (tmp_path / "boards" / name).mkdir(parents=True)
        (tmp_path / "boards" / name / "board.py").write_text(_BOARD)
    monkeypatch.setattr(boards, "BOARDS", tmp_path / "boards")
    monkeypatch.setattr(deploy, "collect", lambda board, site, app: dict(_WANTED))


def test_what_a_person_sees(flash, desk, capfd):
    """ISSUE 6: what it will do, progress, and a summary."""
    with ReplPeer(flash, at_repl=True) as peer:
        arguments = ["--board", "desk", "--port", peer.path]
        assert deploy.main(arguments) == 0
        out, err = capfd.readouterr()
        assert err == ""
        lines = out.splitlines()
        assert lines[:2] == [
            f"6 files of desk to {peer.path}, those that differ;",
            "what runs there is interrupted, and starts anew at the end.",
        ]
        assert lines[2] == "[1/6] main.py" and lines[7] == "[6/6] node/hw.mpy"
        assert lines[8] == (
            "the board has no site.json and waits at its REPL: deploy it with CONFIG=site.json"
        )
        assert lines[9] == "6 files: 6 sent, 0 the same, 0 removed, 8 KB"
        assert lines[10] == f"started; `make monitor PORT={peer.path}` shows what the board says"
        flash.put({**flash.files(), "app.py": b"", "app.mpy": b"", "site.json": b"{}"})
    with ReplPeer(flash) as peer:
        assert deploy.main(["--board", "desk", "--port", peer.path]) == 0
        lines = capfd.readouterr().out.splitlines()
        assert lines[2].startswith("the board has app.py and app.mpy, and runs app.py")
        assert lines[3] == "6 files: 0 sent, 6 the same, 0 removed, 0 KB"


def test_another_micropython(flash, desk, capfd, monkeypatch):
    """ISSUE 6: the wrong chip, or a MicroPython that cannot run it: nothing is written, and what
    was there starts again.
    """
    answers = []
    monkeypatch.setattr(LiveBoard, "micropython", lambda _: answers[-1])
    flash.put({"main.py": b"mine"})
    with ReplPeer(flash) as peer:
        for version, machine, expected in (
            ((1, 26), "Generic ESP32 module with ESP32", "its MicroPython is 1.26, which is too"),
            (
                (1, 28),
                "Generic ESP32S3 module with ESP32S3",
                "the chip is esp32s3, and BOARD=desk",
            ),
        ):
            answers.append((version, machine))
            assert deploy.main(["--board", "desk", "--port", peer.path]) == 1
            err = capfd.readouterr().err
            assert expected in err and err.count("\n") == 1, err
        _settled(lambda: peer.starts == ["power"] + ["soft"] * 4)
        assert flash.files() == {"main.py": b"mine"}
        answers.append(((1, 28), "ESP32 module (spiram) with ESP32-PICO-V3"))
        assert deploy.main(["--board", "desk", "--port", peer.path]) == 0


@pytest.mark.parametrize("at", [30, 45, 60])
def test_a_person_who_stops_it(flash, desk, capfd, monkeypatch, at):
    """ISSUE 6: Ctrl-C, wherever it hits: a line, and the board goes on with its old files."""
    flash.put({"main.py": b"mine"})
    calls = []
    read_until = live_board.SerialTransport.read_until

    def stopped(*arguments, **options):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return read_until(*arguments, **options)

    monkeypatch.setattr(live_board.SerialTransport, "read_until", stopped)
    with ReplPeer(flash) as peer:
        assert deploy.main(["--board", "desk", "--port", peer.path]) == 1
        assert capfd.readouterr().err == f"{peer.path}: stopped; run this again\n"
        _settled(lambda: peer.starts == ["power", "soft", "soft"])
    assert {path for path in flash.files() if not path.endswith(NEW)} == {"main.py"}


def test_a_person_who_stops_it_before(flash, desk, capfd, monkeypatch):
    """ISSUE 6: Ctrl-C while it compiles, and while it waits for the board: a line."""

    def stopped(*_):
        raise KeyboardInterrupt

    with ReplPeer(flash) as peer:
        monkeypatch.setattr(live_board.LiveBoard, "_take", stopped)
        for _ in range(2):
            assert deploy.main(["--board", "desk", "--port", peer.path]) == 1
            said = capfd.readouterr().err
            assert said == f"\n{peer.path}: stopped; run this again, or reset the board\n"
            monkeypatch.setattr(deploy, "collect", stopped)


def test_dry_run_and_wrong_arguments(desk, capfd):
    """ISSUE 6: --dry-run touches no port; contracts: exit code 2 for a wrong argument."""
    assert deploy.main(["--board", "desk", "--port", "/dev/ttyNOBODY", "--dry-run"]) == 0
    out = capfd.readouterr().out
    assert "   5120 coap/message.mpy" in out and "6 files, 7" in out
    assert deploy.main(["--board", "desk", "--port", "/dev/ttyNOBODY"]) == 1
    assert capfd.readouterr().err.startswith("/dev/ttyNOBODY: no such port; ")
    for arguments, said in (
        ([], "BOARD: missing; use desk, host"),
        (["--board", "host", "--port", "x"], "BOARD: host is the simulated board"),
        (["--board", "desk"], "PORT: missing"),
        (["--board", "desk", "--port", "x", "--wait", "-1"], "python -m tools.deploy"),
    ):
        with pytest.raises(SystemExit) as ended:
            deploy.main(arguments)
        err = capfd.readouterr().err
        assert ended.value.code == 2 and err.startswith(said) and err.count("\n") == 1, err


def test_a_site_that_cannot_be_deployed(tmp_path, monkeypatch, capfd):
    """DESIGN §6: a configuration that the firmware would refuse, or an app that does not compile,
    is said in a line before the port is touched.
    """
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk/board.py").write_text(_BOARD)
    monkeypatch.setattr(boards, "BOARDS", tmp_path)
    (tmp_path / "site.json").write_text('{"endpoint": "probe", "sleeep": 1}')
    (tmp_path / "app.py").write_text("def setup(node:\n")
    port = ["--board", "desk", "--port", "/dev/ttyNOBODY"]
    for arguments, said in (
        (["--config", str(tmp_path / "none.json")], "none.json"),
        (["--config", str(tmp_path / "site.json")], "sleeep"),
        (["--app", str(tmp_path / "app.py")], "app.py, line 2: does not compile: "),
        (["--app", str(tmp_path / "none.py")], "none.py: no such file"),
    ):
        assert deploy.main([*port, *arguments]) == 1
        err = capfd.readouterr().err
        assert said in err and "ttyNOBODY" not in err, err
