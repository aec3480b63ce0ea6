"""A newcomer's walk: the README's own commands, from a clone to a device and a flashable image.

    python -m host_tests.walk [--micropython BIN]

Copies the clone to an empty folder, where it has to set itself up, and types there what the
sections of README.md in `SECTIONS` say, in their order. So that the page stays right: a command
that fails, a line that is shown and does not come, and a file that is not made end the walk.

A block of the page is a terminal: `$ command` with what it prints below, or commands alone. The
numbers in what is shown may be others, and `…` is anything. `$ cat NAME` shows a file that the
reader writes. What a person answers stands behind the questions; those that are not shown get
Enter. A comment `# terminal 2` is a command that goes on while others run.

The serial port is a boot loader that is played on a pseudo-terminal, and without --micropython the
MicroPython is none but in its form. Commands that need a board (`NOT_WALKED`) are left out.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
for _path in (ROOT / "host_tests", ROOT):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))
from programs import esp32_binary  # noqa: E402
from programs.rom_peer import RomPeer  # noqa: E402

from tools.cli import Parser, say  # noqa: E402

SECTIONS = ("Onto a board", "Many boards", "A simulated board against any server")
NOT_WALKED = ("make monitor", "make deploy", "make erase", "mpremote", "git clone")
_TIMEOUT_S = 300
_PORT = re.compile(r"PORT=(/dev/\S+)")
_BINARY = re.compile(r"MICROPYTHON=(\S+)")
_COMMENT = re.compile(r"\s+#.*$")
_QUESTION = re.compile(r"\]: ?[^\n]*$")
_GOES_ON = re.compile(r"# terminal \d")
_COMMANDS = ("make ", ".venv/bin/")


class WalkError(Exception):
    """The page is not right; the text says which command and why."""


class Step(NamedTuple):
    """A command of the page, the lines shown below it, and whether it goes on."""

    command: str
    shown: list
    goes_on: bool


def blocks(page: str, section: str) -> list:
    """Return the indented blocks of a section, each a list of lines without their indentation.

    Raises WalkError where there is no such section.
    """
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    if section not in parts:
        raise WalkError(f"README.md: no section {section!r}")
    found = []
    within = False
    for line in parts[parts.index(section) + 1].splitlines():
        if line.startswith("    "):
            if not within:
                found.append([])
            found[-1].append(line[4:])
            within = True
        elif line.strip():
            within = False
        elif within:
            found[-1].append("")
    return found


def steps(block: list) -> list:
    """Return the Steps of a block, none where it is not a terminal."""
    prompted = any(line.startswith("$ ") for line in block)
    found = []
    for line in block:
        if found and found[-1].command.endswith("\\"):
            command = found.pop().command[:-1] + line.strip()
        elif line.startswith("$ ") or not prompted and line.startswith(_COMMANDS):
            command = line.removeprefix("$ ")
        elif found:
            found[-1].shown.append(line)
            continue
        else:
            return []  # a file, or what a program prints
        goes_on = _GOES_ON.search(command) is not None
        found.append(Step(_COMMENT.sub("", command), [], goes_on))
    return found


def answer(shown: list, question: str) -> str:
    """Return what is typed at `question`: what stands behind it in what is shown, or nothing."""
    asked = question.split("[", maxsplit=1)[0]
    for line in shown:
        if line.startswith(asked) and "]:" in line:
            return line.split("]:", 1)[1].strip()
    return ""


def comes(shown: str, said: str) -> bool:
    """Whether a line that is shown is among what was said, but for its numbers and for `…`."""
    words = [re.sub(r"\d+", r"\\d+", re.escape(word)).replace("…", ".*") for word in shown.split()]
    return re.search(r"\s+".join(words), said) is not None


class Walk:
    """A walk in `folder`, a clone. ports: (shown, taken) numbers, where others may be in use."""

    def __init__(self, folder: Path, micropython: "Path | None" = None, ports=()):
        self._folder = folder
        self._micropython = micropython
        self._ports = ports
        self._running = []
        self._peer = None
        self.flashed = None  # what the played boot loader was given

    async def section(self, name: str) -> None:
        """Do what a section of the page says; raises WalkError."""
        try:
            for block in blocks((self._folder / "README.md").read_text(), name):
                for step in steps(block):
                    await self._step(step)
        finally:
            for process in self._running:
                await _end(process)
            self._running.clear()

    async def _step(self, step):
        if step.command.startswith(NOT_WALKED):
            say(f"(not walked) {step.command}")
            return
        say(f"$ {step.command}")
        if step.command.startswith("cat "):
            path = self._folder / step.command[4:].strip()
            path.write_text("\n".join(step.shown) + "\n")
            return
        binary = _BINARY.search(step.command)
        if binary and not (self._folder / binary[1]).exists():
            data = self._micropython.read_bytes() if self._micropython else esp32_binary.binary()
            (self._folder / binary[1]).write_bytes(data)
        port = _PORT.search(step.command)
        if port:
            with RomPeer() as peer:
                by_hand = "--before no-reset --after no-reset"  # there are no lines for reset
                command = step.command.replace(port[1], peer.path)
                await self._run(step, command, {"MORE": by_hand})
                self.flashed = bytes(peer.flash)
            return
        command = step.command
        for shown, taken in self._ports:
            command = command.replace(shown, taken)
        await self._run(step, command, {})

    async def _run(self, step, command, more):
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", f"exec {command}" if step.goes_on else command,
            cwd=self._folder, env={**_environment(), **more}, start_new_session=True,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._running.append(process)
        wanted = [line for line in step.shown if line.strip() and not _QUESTION.search(line)]
        said = ""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                while not step.goes_on or not all(comes(line, said) for line in wanted):
                    more = (await process.stdout.read(4096)).decode(errors="replace")
                    said += more
                    if not more:
                        break
                    if _QUESTION.search(said):
                        question = said.splitlines()[-1]
                        process.stdin.write(answer(step.shown, question).encode() + b"\n")
                        said += "\n"
        except TimeoutError:
            raise WalkError(f"{command}: no end within {_TIMEOUT_S} s\n{said}") from None
        for line in wanted:
            if not comes(line, said):
                raise WalkError(f"{command}: README.md has {line!r}, and this came:\n{said}")
        if not step.goes_on and await process.wait():
            raise WalkError(f"{command}: exit code {process.returncode}\n{said}")


def _environment():
    """Return the environment of a newcomer: without what points at another clone's Python."""
    left_out = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    return {key: value for key, value in os.environ.items() if key not in left_out}


async def _end(process):
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and nobody has said so yet
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


def clone(folder: Path) -> None:
    """Copy what git has, or would take, of this clone to `folder`; all where there is no git."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        skipped = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, folder, ignore=skipped, dirs_exist_ok=True)
        return
    for name in names.decode().split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def furnish(folder: Path) -> None:
    """Give the clone at `folder` this interpreter's packages, so that it has not to fetch them."""
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != ".ready":
            (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv/.ready").touch()


async def walk(folder: Path, micropython: "Path | None" = None, ports=()) -> None:
    """Do the walk in the clone at `folder`; raises WalkError. The rest as in Walk."""
    going = Walk(folder, micropython, ports)
    for name in SECTIONS:
        say(f"\n## {name}")
        await going.section(name)
    images = list((folder / "build/images").glob("*.bin"))
    if not images:
        raise WalkError("README.md: no image in build/images")
    for image in images:
        data = image.read_bytes()
        if going.flashed is None or data not in going.flashed:
            raise WalkError(f"{image.relative_to(folder)}: is not what was flashed")


def main(arguments=None) -> int:
    """Walk once, from nothing; return the exit code."""
    parser = Parser(prog="python -m host_tests.walk", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--micropython", type=Path, metavar="BIN", help="a release for the ESP32")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        clone(Path(folder))
        try:
            asyncio.run(walk(Path(folder), options.micropython))
        except WalkError as error:
            print(error, file=sys.stderr)
            return 1
    say("\nThe README led to a registered device and to an image on a board's flash.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
