"""Fetches Leshan with Maven and compiles the programs: `python -m tools.leshan.build`.

What comes of it is kept outside the source tree, in ~/.cache/nudge or where NUDGE_CACHE says.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).resolve().parent
PROGRAMS = {
    "server": "nudge.ManagementServer",
    "bootstrap": "nudge.BootstrapServer",
    "client": "nudge.DeviceClient",
}
_FETCH_TIMEOUT_S = 400


class MissingError(Exception):
    """Java, Maven or the libraries are not to be had; the text says what is missing."""


def built(name: str) -> list[str]:
    """Return the command that runs a program of PROGRAMS, built if it is not yet.

    Raises MissingError.
    """
    java = _found("java", "default-jdk-headless")
    folder = _cache() / ("leshan-%s-%s" % (name, _digest(name)))
    if not folder.is_dir():
        _cache().mkdir(parents=True, exist_ok=True)
        # Built beside and then renamed, so that of two at once neither sees half of it.
        with tempfile.TemporaryDirectory(dir=_cache()) as beside:
            _build(name, Path(beside))
            if not folder.is_dir():
                shutil.copytree(beside, folder)
    path = os.pathsep.join((str(folder / "classes"), str(folder / "lib" / "*")))
    return [java, "-Xmx192m", "-XX:TieredStopAtLevel=1", "-cp", path, PROGRAMS[name]]


def _cache() -> Path:
    return Path(os.environ.get("NUDGE_CACHE") or Path.home() / ".cache" / "nudge")


def _sources(name):
    return sorted([*(_HERE / "common").glob("*.java"), *(_HERE / name).glob("*.java")])


def _digest(name):
    whole = hashlib.sha256()
    for source in (_HERE / name / "pom.xml", *_sources(name)):
        whole.update(source.read_bytes())
    return whole.hexdigest()[:12]


def _found(command, package):
    path = shutil.which(command)
    if path is None:
        raise MissingError("%s is missing (Debian: apt-get install %s)" % (command, package))
    return path


def _build(name, folder):
    maven, javac = _found("mvn", "maven"), _found("javac", "default-jdk-headless")
    fetch = [maven, "-q", "-B", "-f", _HERE / name / "pom.xml", "dependency:copy-dependencies"]
    _run([*fetch, "-DoutputDirectory=%s" % (folder / "lib")])
    compile_ = [javac, "--release", "17", "-cp", folder / "lib" / "*", "-d", folder / "classes"]
    _run([*compile_, *_sources(name)])


def _run(command):
    try:
        done = subprocess.run(
            [*map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_FETCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = "%s did not end in %d s" % (command[0], _FETCH_TIMEOUT_S)
        raise MissingError(reason) from None
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "rror" in line or "ERROR" in line]
        raise MissingError("%s failed: %s" % (command[0], "; ".join(lines[:3])))


def main() -> int:
    """Build the programs; returns the exit code."""
    for name in PROGRAMS:
        try:
            print(built(name)[-2].split(os.pathsep)[0])
        except MissingError as error:
            print("leshan: %s" % error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
