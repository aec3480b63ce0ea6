"""MicroPython's `micropython` module for CPython: `const` leaves its value as it is."""


def const(value):
    """Return `value`; on MicroPython the compiler folds it."""
    return value


def mem_info(verbose: int = 0) -> None:
    """CPython has no heap report."""
