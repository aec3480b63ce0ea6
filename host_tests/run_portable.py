"""Runs on MicroPython: every `test_*` function of one portable module, one result a line.

Usage: micropython run_portable.py MODULE.  The last line is `N passed, N failed`.
"""

import gc
import sys


def main(name):
    """Import the module `name` and run its tests; return the number that failed."""
    del sys.path[0]  # this script's folder, where the sources are; .mpy files are what is run
    module = __import__(name)
    for part in name.split(".")[1:]:
        module = getattr(module, part)
    passed = failed = 0
    for test in sorted(t for t in dir(module) if t.startswith("test_")):
        gc.collect()
        try:
            getattr(module, test)()
        except Exception as error:
            failed += 1
            print("FAILED", test)
            sys.print_exception(error, sys.stdout)
        else:
            passed += 1
            print("ok", test)
    print("%d passed, %d failed" % (passed, failed))
    return failed


sys.exit(1 if main(sys.argv[1]) else 0)
