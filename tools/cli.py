"""What the command lines share."""

import argparse
import sys


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, with exit code 2."""

    def error(self, message: str):
        """Print what is wrong and where help is, and exit with 2."""
        print("%s: %s (--help tells more)" % (self.prog, message), file=sys.stderr)
        sys.exit(2)
