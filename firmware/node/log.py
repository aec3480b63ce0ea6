"""The node's log: events with facts, one a line, as text or as JSON.

An event is a name and a dictionary of facts (numbers, strings, booleans, lists of these). Nothing
is formatted while the log is off. Keys, passwords and PINs are never given to it.
"""

import json

FORMS = ("text", "json", "off")


class Log:
    """Writes events to `write`, a callable that takes one line.

    `form` is "text", "json" or "off"; `now` is a callable that returns monotonic milliseconds.
    """

    def __init__(self, form: str, now, write=print):
        self.form = form
        self._now = now
        self._write = write

    def event(self, name: str, facts: dict) -> None:
        """Write the event `name` with its `facts`; values that JSON cannot hold are written as
        text.
        """
        if self.form == "off":
            return
        if self.form == "json":
            line = {"event": name, "now_ms": self._now()}
            line.update({key: _plain(value) for key, value in facts.items()})
            self._write(json.dumps(line))
            return
        now_ms = self._now()
        words = ["%6d.%03d %-12s" % (now_ms // 1000, now_ms % 1000, name)]
        for key in sorted(facts):
            words.append("%s=%s" % (key, facts[key]))
        self._write(" ".join(words))


def _plain(value):
    """Return `value` as JSON can carry it: bytes as hexadecimal digits, tuples as lists."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
