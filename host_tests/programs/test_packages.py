"""firmware/*.json: mip installs each package from the clone and from a release, and its example
runs on MicroPython from what was installed and nothing else.
"""

import asyncio
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import aiocoap
import pytest
from programs.program import TIMEOUT_S, Program
from programs.repl_peer import Flash, ReplPeer

from tools import packages, release
from tools.build import ROOT, interpreter
from tools.server import running

EXAMPLES = ROOT / "boards/examples"
# KiB of a board's heap in which the examples run: from sources, which MicroPython compiles as it
# loads them, in that of the simulated board; as .mpy in an ESP32's first, or a little more.
_OF_SOURCES = 144
_OF_MPY = {"coap": 56, "lwm2m": 72, "modem": 56}
_MODEM_NUMBER = "+447700900123"


class _Plain(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):
        """Say nothing."""


class _Strict(_Plain):
    def send_head(self):
        """As raw.githubusercontent.com may: a path that is not the plain one is not served."""
        if ".." in self.path or "//" in self.path:
            self.send_error(404)
            return None
        return super().send_head()


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Give the folder of a release."""
    folder = tmp_path_factory.mktemp("release") / packages.version()
    release.write(release.contents(), folder)
    return folder


@pytest.fixture(params=["clone", "release"])
def origin(request, released):
    """Give (folder with the lists, its URL): the clone's and a release's."""
    folder = ROOT / "firmware" if request.param == "clone" else released
    handler = functools.partial(_Strict, directory=folder.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/{folder.name}"
        server.shutdown()


def _installed(package, origin, tmp_path):
    """Install a package by the mip of MicroPython; return the folder that has it."""
    target = tmp_path / "lib"
    done = subprocess.run(
        [interpreter(), "-m", "mip", "install", "--target", target, f"{origin[1]}/{package}.json"],
        text=True, capture_output=True, check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    assert done.stdout.endswith("Done\n"), done.stdout + done.stderr
    return target


class _Example:
    """An example that runs on MicroPython; `lines` is what it has said."""

    def __init__(self, process):
        self.process = process
        self.lines = []

    @classmethod
    async def start(cls, package, call, lib, *more):
        """Run `main.CALL` of a package's example; it can import from `lib` and `more` alone."""
        path = [EXAMPLES / f"{package}_alone", lib, *more, ".frozen"]
        heap = _OF_MPY[package] if list(lib.rglob("*.mpy")) else _OF_SOURCES
        code = (
            "import sys, asyncio, main; "
            f"asyncio.run(main.{call}); print(sorted(each.split('.')[0] for each in sys.modules))"
        )
        process = await asyncio.create_subprocess_exec(
            interpreter(), "-X", f"heapsize={heap}wK", "-c", code,
            env={**os.environ, "MICROPYPATH": ":".join(str(each) for each in path)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            cwd=lib,
        )  # fmt: skip
        return cls(process)

    async def said(self, text):
        """Wait for a line with `text`, and return it."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                line = (await self.process.stdout.readline()).decode()
                self.lines.append(line)
                assert line, f"no {text!r} in\n{''.join(self.lines)}"
                if text in line:
                    return line

    async def kill(self):
        """End it."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


def test_the_lists_are_right():
    """DESIGN §2: a list has each file of its rooms; `python -m tools.packages` brings it up to
    date.
    """
    firmware = ROOT / "firmware"
    for name, wanted in packages.lists(firmware, ".py").items():
        path = firmware / name
        assert path.read_text() == wanted, f"{path}: run `python -m tools.packages`"
        for there, source in json.loads(wanted)["urls"]:
            assert (path.parent / source).resolve() == firmware / there
            assert not source.startswith("/")
            assert ".." not in source or name == "lwm2m/package.json", source


@pytest.mark.parametrize("package", packages.PACKAGES)
def test_a_package_by_its_folder(package, released, tmp_path):
    """A folder of the clone or of a release that a plain server offers is a package, too."""
    for folder, suffix in ((ROOT / "firmware", ".py"), (released, ".mpy")):
        handler = functools.partial(_Plain, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            target = tmp_path / suffix[1:]
            done = subprocess.run(
                [
                    interpreter(), "-m", "mip", "install", "--target", target,
                    f"http://127.0.0.1:{server.server_port}/{package}/",
                ],
                text=True, capture_output=True, check=False, timeout=TIMEOUT_S,
            )  # fmt: skip
            server.shutdown()
        assert done.stdout.endswith("Done\n"), done.stdout + done.stderr
        for name in packages.files(package, folder, suffix):
            assert (target / name).read_bytes() == (folder / name).read_bytes()


def test_coap_alone(origin, tmp_path):
    """RFC 7252 §5: the example answers aiocoap, also a body in blocks and a filtered list."""
    lib = _installed("coap", origin, tmp_path)
    assert [path.name for path in lib.iterdir()] == ["coap"]

    async def ask(context, port, path, code=aiocoap.GET, payload=b""):
        uri = f"coap://127.0.0.1:{port}/{path}"
        request = aiocoap.Message(code=code, uri=uri, payload=payload)
        return await asyncio.wait_for(context.request(request).response, TIMEOUT_S)

    async def scenario():
        port = _free_port()
        example = await _Example.start("coap", f"serve({port})", lib)
        context = await aiocoap.Context.create_client_context()
        try:
            await example.said("listening")
            assert (await ask(context, port, "uptime")).payload.isdigit()
            changed = await ask(context, port, "lamp", aiocoap.PUT, b"1")
            assert changed.code == aiocoap.CHANGED
            assert (await ask(context, port, "lamp")).payload == b"1"
            assert (await ask(context, port, "uptime", aiocoap.POST)).code.dotted == "4.05"
            assert (await ask(context, port, "nothing")).code == aiocoap.NOT_FOUND
            links = await ask(context, port, ".well-known/core?rt=s")
            assert links.payload == b'</uptime>;rt="s";ct=0'
            for _ in range(20):
                await ask(context, port, "x" * 60)
            log = await ask(context, port, "log")
            assert len(log.payload) > 1024 and b" ms: .well-known/core\n" in log.payload
        finally:
            await context.shutdown()
            await example.kill()

    asyncio.run(scenario())


def _free_port():
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_lwm2m_alone(origin, tmp_path):
    """CR 5.2.1: the example registers; its Objects are read and observed."""
    lib = _installed("lwm2m", origin, tmp_path)
    assert sorted(path.name for path in lib.iterdir()) == ["coap", "lwm2m"]

    async def scenario():
        async with running("127.0.0.1", 0) as server:
            call = f'run("127.0.0.1", {server.port}, "alone")'
            example = await _Example.start("lwm2m", call, lib)
            try:
                await example.said("registered")
                read = await server.read("alone", "/3/0/0")
                assert read.ok and "Example" in str(read.value), read
                assert (await server.read("alone", "/3303/0/5700")).ok
            finally:
                await example.kill()

    asyncio.run(scenario())


# What stands in for an ESP32's pins and UART: the port that tools.modem listens on.
_MACHINE = """
import io
import select
import socket


class Pin:
    OUT = 1

    def __init__(self, number, mode, value=0):
        pass

    def value(self, level):
        pass


class UART(io.IOBase):
    def __init__(self, number, **settings):
        self._port = socket.socket()
        self._port.connect(socket.getaddrinfo("127.0.0.1", PORT)[0][-1])
        self._port.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._port, select.POLLIN)

    def init(self, baudrate):
        pass

    def ioctl(self, request, events):
        return events & select.POLLIN if request == 3 and self._poll.poll(0) else 0

    def read(self, count):
        return self._port.read(count)

    def write(self, data):
        self._port.write(data)
"""


def test_modem_alone(origin, tmp_path):
    """TS 27.005 §3.4: the example brings the modem up, sends a datagram, gets one and an SMS."""
    lib = _installed("modem", origin, tmp_path)
    assert [path.name for path in lib.iterdir()] == ["modem"]

    async def scenario():
        modem = await Program.start("tools.modem", "tcp:127.0.0.1:0", "--speed", "10")
        echo = _Echo()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: echo, ("127.0.0.1", 0))
        example = None
        try:
            _, listening = await modem.event("listening")
            stand_in = tmp_path / "stand_in"
            stand_in.mkdir()
            port = listening["uart"].rsplit(":", 1)[1]
            (stand_in / "machine.py").write_text(_MACHINE.replace("PORT", port))
            port = transport.get_extra_info("sockname")[1]
            call = f'run("127.0.0.1", {port})'
            example = await _Example.start("modem", call, lib, stand_in)
            await example.said("attached")
            assert (await example.said("datagram")).rstrip().endswith("b'olleh'")
            modem.command(**{"do": "sms", "from": _MODEM_NUMBER, "data": "68656c6c6f"})
            heard = await example.said("message")
            assert heard == f"message {_MODEM_NUMBER[1:]} b'hello'\n"
            assert await modem.quit() == 0
        finally:
            if example:
                await example.kill()
            transport.close()
            await modem.kill()

    asyncio.run(scenario())


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data[::-1], address)


def test_a_modem_is_driven_without_coap(tmp_path):
    """DESIGN §2: no door leads from modem to another room."""
    code = "import sys\n" + "".join(
        f"import {path[:-3].replace('/', '.')}\n"
        for path in packages.files("modem", ROOT / "firmware", ".py")
        if not path.endswith("__init__.py")
    )
    code += "print([name for name in sys.modules if name.split('.')[0] in ('coap', 'lwm2m')])"
    done = subprocess.run(
        [interpreter(), "-c", code],
        env={**os.environ, "MICROPYPATH": f"{ROOT / 'firmware'}:.frozen"},
        text=True, capture_output=True, check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_mpremote_from_a_path(origin, tmp_path):
    """README, "The parts by themselves": mpremote installs by the path of a list, onto a board
    that is MicroPython behind a pseudo-terminal.
    """
    flash = Flash(tmp_path / "flash")
    with ReplPeer(flash, at_repl=True) as peer:
        done = subprocess.run(
            [
                sys.executable, "-m", "mpremote", "connect", peer.path, "mip", "install",
                "--target", "/lib", f"{origin[0].name}/coap.json",
            ],
            cwd=origin[0].parent, text=True, capture_output=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
    assert done.stdout.endswith("Done\n"), done.stdout + done.stderr
    suffix = ".mpy" if (origin[0] / "release.json").exists() else ".py"
    assert flash.files() == {
        "lib/" + name: (origin[0] / name).read_bytes()
        for name in packages.files("coap", origin[0], suffix)
    }


class _Board:
    """The part of a board that mpremote's mip writes to."""

    def __init__(self, folder: Path):
        self._folder = folder

    def _at(self, path):
        return self._folder / path.lstrip("/")

    def fs_exists(self, path):
        return self._at(path).exists()

    def fs_mkdir(self, path):
        self._at(path).mkdir()

    def fs_writefile(self, path, data, progress_callback=None):
        self._at(path).write_bytes(data)


def test_github_addresses(monkeypatch, tmp_path):
    """README, "The parts by themselves": what mpremote makes of github:ORG/REPO/…@TAG is plain."""
    from mpremote import mip

    asked = []

    def urlopen(url):
        asked.append(url)
        return (ROOT / url.split("/v9/")[1]).open("rb")

    monkeypatch.setattr(mip.urllib.request, "urlopen", urlopen)
    (tmp_path / "lib").mkdir()
    mip._install_package(
        _Board(tmp_path), "github:o/r/firmware/lwm2m.json", "", "/lib", "v9", True
    )
    base = "https://raw.githubusercontent.com/o/r/v9/firmware/"
    names = ["lwm2m.json", *packages.files("lwm2m", ROOT / "firmware", ".py")]
    assert asked == [base + name for name in names]
