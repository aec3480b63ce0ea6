"""`make help`, which is what `make` alone says."""

import re
import subprocess

from tools.build import ROOT


def test_help_names_every_target():
    """All that make can do is there, on a terminal of 80 columns."""
    said = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert max(map(len, said.stdout.splitlines())) <= 80
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    targets = set(re.findall(r"^\.PHONY:(.*)$", makefile, re.M)[0].split()) - {"help"}
    assert set(re.findall(r"^make (\S+)", said.stdout, re.M)) == targets
