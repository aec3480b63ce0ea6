"""Every portable test once more, on real MicroPython in an ESP32-sized heap."""

import re

import pytest

from host_tests import on_micropython


@pytest.mark.parametrize("module", on_micropython.modules())
def test_portable(module, record_property):
    """DESIGN §7: the module's tests hold on the MicroPython unix port."""
    good, output = on_micropython.run_module(module)
    assert good, "\n" + output
    record_property("on_micropython", int(re.search(r"^(\d+) passed", output, re.MULTILINE)[1]))
