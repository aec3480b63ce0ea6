"""A timeline of events in columns, printed as they happen: device, modem, network, server."""

import time

from rich.console import Console
from rich.markup import escape

_LANES = ("device", "modem", "network", "server")
_COLOURS = {"device": "green", "modem": "yellow", "network": "magenta", "server": "cyan"}
_CLOCK_WIDTH = 7


class Timeline:
    """Prints each event in the column of who it happened to; fits 80 columns.

    `started` is the time.monotonic() that the clock counts from.
    """

    def __init__(self, console: "Console | None" = None):
        self.console = console or Console(highlight=False)
        self.started = time.monotonic()
        self._width = max(16, (self.console.width - _CLOCK_WIDTH) // len(_LANES))

    def header(self) -> None:
        """Print the names of the columns."""
        names = "".join(f"[bold {_COLOURS[lane]}]{lane:<{self._width}}[/]" for lane in _LANES)
        self.console.print(" " * _CLOCK_WIDTH + names.rstrip())

    def heading(self, text: str) -> None:
        """Print what is about to be played."""
        self.console.print(f"[bold]{escape(text)}[/]")

    def event(self, lane: str, text: str) -> None:
        """Print one event, broken into lines where its column is too narrow."""
        clock = f"{time.monotonic() - self.started:5.2f}"
        indent = self._width * _LANES.index(lane)
        # The last column may be written to the edge; the others leave a space before the next.
        for line in _broken(text, self._width - 1):
            row = (
                f"[dim]{clock:<{_CLOCK_WIDTH}}[/]{' ' * indent}[{_COLOURS[lane]}]{escape(line)}[/]"
            )
            self.console.print(row, no_wrap=True, crop=False)
            clock = ""


def _broken(text: str, width: int) -> list:
    """Return `text` in lines of at most `width`, broken at spaces where there are any."""
    lines, line = [], ""
    for word in text.split():
        while len(word) > width:
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:width])
            word = word[width:]
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines
