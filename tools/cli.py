"""What the command lines share."""

import argparse
import os
import sys


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, with exit code 2."""

    def error(self, message: str):
        """Print what is wrong and where help is, and exit with 2."""
        print("%s: %s (--help tells more)" % (self.prog, message), file=sys.stderr)
        sys.exit(2)


def say(line: str) -> bool:
    """Print a line at once; return False when nobody reads standard output any more."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        unread()
        return False
    return True


def unread() -> None:
    """Let standard output lead nowhere, so that the interpreter's end finds no broken pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def number(kind: type, low: float, high: float):
    """Return an argument type: a number of this kind (int or float) from low to high."""

    def read(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:  # NaN is in no range
            what = "an integer" if kind is int else "a number"
            raise argparse.ArgumentTypeError(
                "%r is not allowed; use %s from %s to %s" % (text, what, low, high)
            )
        return value

    return read


def checked(read):
    """Return an argument type of a function that raises ValueError with the reason."""

    def convert(text: str):
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def virtual_modem_options(parser, speed: str) -> None:
    """Add the options of a program with a virtual modem: what it logs, the NAT, and `speed`."""
    parser.add_argument("--log", choices=("text", "json"), default="text")
    parser.add_argument("--trace", action="store_true", help="show modem and network events too")
    parser.add_argument(
        "--nat-timeout",
        type=number(float, 0, 86400),
        metavar="S",
        help="silence that closes a NAT mapping (default 60)",
    )
    parser.add_argument(
        speed,
        type=number(float, 0.01, 1000),
        metavar="X",
        help="10 boots and attaches ten times as fast (default 1)",
    )


def hexadecimal(text: str) -> bytes:
    """Read octets in hexadecimal, as an argument type."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "%r is not allowed; use octets in hexadecimal, such as 00FF" % text
        ) from None


def octet(text: str) -> int:
    """Read a number from 0 to 255, decimal or 0x…, as an argument type."""
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= 255:
        raise argparse.ArgumentTypeError("%r is not allowed; use 0 to 255, or 0x00 to 0xFF" % text)
    return value
