"""Virtual Observe Notify (Object 22): one report of resources from anywhere, on conditions.

A server writes links to what it wants to have watched, `</3303/0/5700>;gt=30;pmin=60`, and
observes Report. `watch(node.client)` in an application's `setup` makes the Object known; servers
create and delete its instances.
"""

from micropython import const

from lwm2m.codec import CodecError, load
from lwm2m.object import Object, OperationError
from lwm2m.queue import earlier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OBSERVE_LINKS = const(0)
_REPORT = const(1)
_FILTER = const(2)
_REPORT_LINKS = const(3)
_RELATION = const(4)
_FORMAT = const(5)
_FORMATTED_REPORT = const(6)
# Beyond the table, for a deep sleep to keep: what each link led to at the last report, and its ms.
_LAST = const(7)
_LAST_MS = const(8)

_AND = const(1)
_SENML_JSON = const(110)
_FORMATS = (110, 112, 11544)
# Nobody reads the keys in them (TS 1.1 Core §6.3).
_CLOSED = (0, 21, 22, 23)
_MAX_LINKS = const(16)
_MULTIPLE = const(8)

_BAD_REQUEST = const(0x80)
_UNAUTHORIZED = const(0x81)

# What is known of a link: its path, its attributes (as lwm2m.attributes orders them), the value
# and the time (ms) of its last report, whether it has changed since, whether its condition is met.
_PATH = const(0)
_ATTRIBUTES = const(1)
_VALUE = const(2)
_TIME = const(3)
_CHANGED = const(4)
_MET = const(5)

_PMIN = const(0)
_PMAX = const(1)
_GT = const(2)
_LT = const(3)
_ST = const(4)


def watch(client) -> None:
    """Make the Object known and have its instances hear of changes."""
    tree = client.tree

    def changed(path):
        for iid in tree.instances(22) if path[0] != 22 else ():
            tree.get(22, iid).noticed(path)

    def step(now):
        due = None
        for iid in tree.instances(22):
            due = earlier(due, tree.get(22, iid).step(now))
        return due

    # A Create makes an instance before it is in the tree, and yet has to look around there.
    tree.declare(type("VirtualObserve22", (VirtualObserve,), {"home": tree}))
    tree.on_change.append(changed)
    client.jobs += (step,)


class VirtualObserve(Object):
    """One set of links and the report of what they lead to.

    A link leads to an Object Instance or a resource, and may have pmin, pmax, gt, lt and st. The
    report is made when the conditions of one link are met, or of all with ObserveRelation 1 (AND).
    Where Access Control is in use no link may be written: a report has no single reader.
    """

    object_id = 22
    object_version = "1.1"
    multiple = True
    creatable = True
    home: "Any" = None
    resources = (
        b"\x00\x00\x1b\x09"  # ObserveLinks
        b"\x00\x01\x11\x01"  # Report
        b"\x00\x02\x03\x05"  # ResourceFilter
        b"\x00\x03\x0b\x09"  # ReportLinks
        b"\x00\x04\x03\x02"  # ObserveRelation
        b"\x00\x05\x03\x02"  # Virtual Observe Report Format
        b"\x00\x06\x01\x06"  # Virtual Observe Report
    )

    def __init__(self) -> None:
        super().__init__()
        self._links = []
        self._told = {}  # values as last reported, by path
        self.values[_OBSERVE_LINKS] = {}
        self.values[_REPORT] = ""

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 links that are none, with 4.01 those to where nobody may look."""
        if rid in (_OBSERVE_LINKS, _REPORT_LINKS):
            if len(value) > _MAX_LINKS:
                raise OperationError(_BAD_REQUEST)
            for riid in value:
                if value[riid]:
                    self._parsed(value[riid])
        elif (rid == _RELATION and not 0 <= value <= _AND) or (
            rid == _FORMAT and value not in _FORMATS
        ):
            raise OperationError(_BAD_REQUEST)

    def write(self, rid: int, value, server) -> None:
        """Take a value; ObserveLinks are watched from here on."""
        self.values[rid] = value
        if rid == _OBSERVE_LINKS:
            self._links = []
            for riid in sorted(value):
                if value[riid]:  # empty ones stand for none
                    path, attributes = self._parsed(value[riid])
                    self._links.append([path, attributes, None, None, False, False])

    def restored(self) -> None:
        """Go on watching after a deep sleep, in which values may have become others."""
        values = self.values
        before, ms = values.get(_LAST, {}), values.get(_LAST_MS)
        try:
            self.write(_OBSERVE_LINKS, values[_OBSERVE_LINKS], None)
        except OperationError:
            self._links = []  # where they lead to is closed by what was restored with them
        for index in range(len(self._links) if ms is not None else 0):
            link = self._links[index]
            link[_VALUE] = before.get(index)
            link[_TIME] = ms
            link[_CHANGED] = len(link[_PATH]) == 3

    def noticed(self, path: tuple) -> None:
        """Note that the resource at a path is another."""
        for link in self._links:
            if path[: len(link[_PATH])] == link[_PATH]:
                link[_CHANGED] = True

    def step(self, now: int) -> "int | None":
        """Report what is to be reported; return when to be called again."""
        if not self._links:
            return None
        due = None
        if self._links[0][_TIME] is None:  # from the first look at them on
            self._begin(now)
        for link in self._links:
            pmin, pmax = link[_ATTRIBUTES][:2]
            at = None
            if link[_CHANGED] and not link[_MET]:
                if self._is_due(link):
                    at = link[_TIME] + (pmin or 0) * 1000
                else:
                    link[_CHANGED] = False
            if at is None and pmax and not link[_MET]:
                at = link[_TIME] + pmax * 1000
            if at is not None:
                if now >= at:
                    link[_MET] = True
                else:
                    due = earlier(due, at)
        met = [link[_MET] for link in self._links]
        if all(met) if self.values.get(_RELATION) == _AND else any(met):
            self._report(now)
            return self.step(now)
        return due

    def _is_due(self, link):
        """Tell whether a changed value meets the conditions of its link (TS 1.1 Core §5.1.2)."""
        before, value = link[_VALUE], self._value(link[_PATH])
        if len(link[_PATH]) == 3 and before == value:
            return False
        above, below, by = link[_ATTRIBUTES][_GT:]
        if above is None and below is None and by is None:
            return True
        if value is None or before is None:
            return True
        if above is not None and (before > above) != (value > above):
            return True
        if below is not None and (before < below) != (value < below):
            return True
        return by is not None and abs(value - before) >= by

    def _value(self, path):
        obj = self.home.get(path[0], path[1])
        return obj.read(path[2]) if obj and len(path) == 3 and obj.has(path[2]) else None

    def _report(self, now):
        paths = []
        texts = self.values.get(_REPORT_LINKS)
        if texts:
            for riid in sorted(texts):
                if texts[riid]:
                    paths.append(self._parsed(texts[riid])[0])
        else:
            paths = [link[_PATH] for link in self._links]
        only_changed = self.values.get(_FILTER)
        entries = []
        told = {}
        for path in paths:
            try:
                found = self.home.entries(path)
            except OperationError:
                continue  # it is not there, or nobody reads it
            for entry in found:
                told[entry[0]] = entry[2]
                value = entry[2]
                if value.__class__ is float and value - value != 0:
                    continue  # infinite, or no number: what measures it is out of order
                if not only_changed or self._told.get(entry[0]) != value:
                    entries.append(entry)
        self._told = told
        for link in self._links:
            link[_CHANGED] = link[_MET] = False
        self._begin(now)
        try:
            self.set(_REPORT, str(_encoded(_SENML_JSON, entries), "utf-8"))
            if _FORMAT in self.values:
                self.set(_FORMATTED_REPORT, _encoded(self.values[_FORMAT], entries))
        except (CodecError, MemoryError):
            self.set(_REPORT, "")  # more than there is room for

    def _begin(self, now):
        last = {}
        for index in range(len(self._links)):
            link = self._links[index]
            link[_VALUE] = last[index] = self._value(link[_PATH])
            link[_TIME] = now
        self.values[_LAST] = last
        self.values[_LAST_MS] = now
        self.changed(_LAST)
        self.changed(_LAST_MS)

    def _parsed(self, text):
        """Return (path, attributes) of a link; raises OperationError."""
        from lwm2m.attribute_text import merge
        from lwm2m.uri import parse_path

        target, *queries = text.split(";")
        if target[:2] != "</" or target[-1:] != ">":
            raise OperationError(_BAD_REQUEST)
        path = parse_path(target[2:-1].split("/"))
        if not 2 <= len(path) <= 3:
            raise OperationError(_BAD_REQUEST)
        if path[0] in _CLOSED or self.home.instances(2):
            raise OperationError(_UNAUTHORIZED)
        obj = self.home.get(path[0], path[1])
        row = obj.definition(path[2]) if obj and len(path) == 3 else None
        kind = row[1] if row and not row[0] & _MULTIPLE else None
        attributes = merge([], queries, kind, "pmin pmax gt lt st")
        return path, attributes + [None] * (_ST + 1 - len(attributes))


def _encoded(content_format, entries):
    payload = bytearray()
    for chunk in load(content_format).encode(entries, ()):  # pyright: ignore
        payload += chunk
    return bytes(payload)
