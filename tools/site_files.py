"""Site configurations as files: complete or not there at all, and for their owner's eyes alone,
because they may hold a PIN and a password.
"""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from tools.build import ROOT
from tools.site_keys import ordered

sys.path.insert(0, str(ROOT / "firmware"))
from node import config  # noqa: E402


class SiteProblem(Exception):
    """A file or a folder that cannot be read or written; the text names it and says why."""


def read(path: Path) -> dict:
    """Return the JSON object in a file, unchecked; raises SiteProblem."""
    try:
        site = json.loads(path.read_bytes().decode())
    except OSError as error:
        raise SiteProblem(f"{path}: {reason(error)}") from None
    except json.JSONDecodeError as error:  # its text has nothing of the file, which may hold a PIN
        where = f"line {error.lineno}, column {error.colno}"
        raise SiteProblem(f"{path}: not a JSON document: {where}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise SiteProblem(f"{path}: not a JSON document") from None
    if not isinstance(site, dict):
        raise SiteProblem(f"{path}: not a JSON object")
    return site


def secret(path: Path) -> str:
    """Return what a file with a PIN or password holds, without its line end."""
    try:
        return path.read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise SiteProblem(f"{path}: {reason(error)}") from None
    except UnicodeDecodeError:
        raise SiteProblem(f"{path}: not UTF-8") from None


def encoded(site: dict) -> bytes:
    """Return a site configuration as it is written; raises config.ConfigError where it holds what
    no file can.
    """
    return _json(site, indent=2) + b"\n"


def compact(site: dict) -> bytes:
    """Return a site configuration as a board gets it."""
    return _json(site, separators=(",", ":"))


def _json(site, **form):
    try:
        # Not escaped: MicroPython does not put the halves of a long character together again.
        return json.dumps(ordered(site), ensure_ascii=False, **form).encode()
    except UnicodeEncodeError:
        raise config.ConfigError("configuration: not UTF-8; type it again") from None


def place(out: Path) -> Path:
    """Return the file that `--out` means: in a folder that is there, site.json."""
    return out / "site.json" if out.is_dir() else out


def refuse_to_overwrite(path: Path) -> None:
    """Raise SiteProblem where there is such a file, or can be none."""
    if path.exists() or path.is_symlink():
        raise SiteProblem(f"{path}: is there already; use --force, or another --out")
    if not path.parent.is_dir():
        raise SiteProblem(f"{path.parent}: no such folder")


def write(path: Path, data: bytes) -> None:
    """Put a file in its place, whole, readable by its owner alone; raises SiteProblem."""
    part = None
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".site-")
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        part = None
    except OSError as error:
        raise SiteProblem(f"{path}: {reason(error)}") from None
    finally:
        if part:
            os.unlink(part)


def write_all(folder: Path, files: dict, force: bool) -> None:
    """Put {name: bytes} into a folder, all of them or none; raises SiteProblem."""
    if folder.exists() and not folder.is_dir():
        raise SiteProblem(f"{folder}: is no folder")
    for name in files:
        if not force and os.path.lexists(folder / name):
            raise SiteProblem(f"{folder / name}: is there already; use --force, or another --out")
        if (folder / name).is_dir():
            raise SiteProblem(f"{folder / name}: is a folder")
    try:
        beside = folder if folder.exists() else folder.parent
        with tempfile.TemporaryDirectory(dir=beside, prefix=".sites-") as parts:
            whole = Path(parts) / "sites"  # with the mode of a folder as people make them
            whole.mkdir()
            for name, data in files.items():
                with open(os.open(whole / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                    file.write(data)
            if not folder.exists():
                whole.rename(folder)
                return
            with _undone(folder) as done:
                for name in files:
                    if not os.path.lexists(folder / name):
                        done.append(name)
                    os.replace(whole / name, folder / name)
                done.clear()
    except OSError as error:
        raise SiteProblem(f"{folder}: {reason(error)}") from None


@contextlib.contextmanager
def _undone(folder):
    """Take back the files that are in the list given when this ends."""
    done = []
    try:
        yield done
    finally:
        for name in done:
            with contextlib.suppress(OSError):
                os.unlink(folder / name)


def reason(error: OSError) -> str:
    """Return why, in words; without the path, which may be one that nobody has typed."""
    return error.strerror or str(error)
