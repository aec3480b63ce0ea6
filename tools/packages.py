"""The packages of firmware/ that others can use: `python -m tools.packages` writes their lists.

A list, such as firmware/lwm2m.json, is what MicroPython's package installer `mip` reads. It names
the files from the folder that it lies in, which is why it lies beside the rooms and not in one of
them: mip puts a base and a name together as they are, so that a name must not begin with `..`, and
it knows no package that another one needs but by a full address. A list therefore has the files of
all that the package needs, and one command installs it, from a clone or from GitHub:

    mpremote mip install firmware/lwm2m.json
    mpremote mip install github:ORG/REPO/firmware/lwm2m.json@v0.1.0

In each room is a package.json of the same files, for who names the folder. That of lwm2m has `..`
in its names, which a folder on disk and most servers follow, and a server need not.
"""

import json
import re
import sys
from pathlib import Path

from tools.build import ROOT

# What a package has: its own room and those that its room has a door to.
PACKAGES = {"coap": ("coap",), "lwm2m": ("coap", "lwm2m"), "modem": ("modem",)}
_VERSION_IN = "firmware/node/objects.py"
_VERSION = r'^FIRMWARE_VERSION = "(.+)"$'


def version() -> str:
    """Return the version of the firmware, which /3/0/3 tells; its packages have the same."""
    found = re.search(_VERSION, (ROOT / _VERSION_IN).read_text(), re.MULTILINE)
    if not found:
        raise ValueError(f"{_VERSION_IN}: FIRMWARE_VERSION is missing; it is the version, as text")
    return found[1]


def files(package: str, folder: Path, suffix: str) -> list:
    """Return the paths from `folder` of a package's files of one kind, ".py" or ".mpy", sorted."""
    return sorted(
        path.relative_to(folder).as_posix()
        for room in PACKAGES[package]
        for path in (folder / room).rglob("*" + suffix)
    )


def lists(folder: Path, suffix: str) -> dict:
    """Return {path from `folder`: text} of the lists of all packages, whose files are there."""
    found = {}
    for package in PACKAGES:
        names = files(package, folder, suffix)
        found[f"{package}.json"] = _listing((name, name) for name in names)
        own = f"{package}/"
        found[f"{own}package.json"] = _listing(
            (name, name.removeprefix(own) if name.startswith(own) else f"../{name}")
            for name in names
        )
    return found


def _listing(pairs):
    rows = [f"  [{json.dumps(name)}, {json.dumps(source)}]" for name, source in pairs]
    head = f'{{"version": {json.dumps(version())},\n "deps": [],\n "urls": [\n'
    return head + ",\n".join(rows) + "\n ]}\n"


def main() -> int:
    """Write the lists of firmware/, and print one line; return the exit code."""
    changed = []
    for name, text in lists(ROOT / "firmware", ".py").items():
        path = ROOT / "firmware" / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(path.relative_to(ROOT).as_posix())
    print(f"packages: wrote {', '.join(changed)}" if changed else "packages: the lists are right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
