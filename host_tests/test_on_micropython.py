"""Every portable test once more, on real MicroPython in an ESP32-sized heap."""

import pytest

from host_tests import on_micropython


@pytest.mark.parametrize("module", on_micropython.modules())
def test_portable(module):
    """DESIGN §7: the module's tests hold on the MicroPython unix port."""
    passed, output = on_micropython.run_module(module)
    assert passed, "\n" + output
