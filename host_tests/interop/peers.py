"""CoAP and LwM2M software written elsewhere, for the interoperability tests to talk to.

Each function skips the test that calls it, with the reason, where its software is not installed.
`python -m host_tests.interop.peers` says what there is, and installs from npm what is not.
"""

import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
_WANTED = Path(__file__).resolve().parent / "npm"  # package.json and the lock file
_INSTALLED = ROOT / "build" / "npm"
_INSTALL_TIMEOUT_S = 120


class MissingError(Exception):
    """Software that is not installed; the text says how to get it."""


def libcoap(name: str) -> str:
    """Return the path of "coap-client" or "coap-server" of libcoap, built without TLS."""
    return _or_skip(_libcoap, name)


def npm_coap() -> tuple:
    """Return (the node command, the folder to give it as NODE_PATH) for `require("coap")`."""
    return _or_skip(_npm_coap)


def npm_lwm2m_codec() -> tuple:
    """Return the same for `require("lwm2m-codec")`."""
    return npm_coap()


_missing = {}  # what was not found, so that it is looked for once


def _or_skip(find, *arguments):
    try:
        if (find, arguments) not in _missing:
            return find(*arguments)
    except MissingError as error:
        _missing[find, arguments] = str(error)
    return pytest.skip(_missing[find, arguments])


def _libcoap(name: str) -> str:
    found = shutil.which(f"{name}-notls")
    if not found:
        raise MissingError(f"{name}-notls is not installed (Debian: apt-get install libcoap3-bin)")
    return found


@functools.cache
def _npm_coap() -> tuple:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise MissingError("node or npm is not installed (Debian: apt-get install nodejs npm)")
    modules = _INSTALLED / "node_modules"
    lock = "package-lock.json"
    if _text(_INSTALLED / lock) != _text(_WANTED / lock):
        _INSTALLED.parent.mkdir(exist_ok=True)
        # Installed beside and then renamed, so that of two at once neither sees half of it.
        with tempfile.TemporaryDirectory(dir=_INSTALLED.parent) as beside:
            folder = Path(beside) / "npm"
            shutil.copytree(_WANTED, folder)
            _install(npm, folder)
            shutil.rmtree(_INSTALLED, ignore_errors=True)
            folder.rename(_INSTALLED)
    return node, str(modules)


def _install(npm: str, folder: Path) -> None:
    command = [
        npm,
        "ci",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--fetch-retry-mintimeout=1000",
        "--fetch-retries=1",
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MissingError(f"npm ci did not end in {_INSTALL_TIMEOUT_S} s: is npm reachable?")
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line[:7] in ("npm err", "npm ERR")]
        raise MissingError("npm cannot install its packages: " + "; ".join(errors[:2]))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def main() -> int:
    """Print what is installed; return 1 if something is missing."""
    missing = 0
    for find, *arguments in ((_libcoap, "coap-client"), (_libcoap, "coap-server"), (_npm_coap,)):
        try:
            print(find(*arguments))
        except MissingError as error:
            print(error)
            missing = 1
    return missing


if __name__ == "__main__":
    sys.exit(main())
