"""Run a program with standard input as its controlling terminal: `on_terminal.py PROGRAM …`.

The terminal's Ctrl-C is then a signal to it.
"""

import fcntl
import os
import sys
import termios

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
