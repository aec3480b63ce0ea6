"""Notification attributes: pmin, pmax, gt, lt, st (TS 1.0 §5.1.2), epmin, epmax (1.1), edge, con,
hqmax (TS 1.2 Core §7.3.2), always in this order.

They are kept per server and path. A lower level wins over a higher one: resource instance,
resource, Object Instance, Object.
"""

from micropython import const

from lwm2m.object import OperationError

_MOST = const(64)  # paths of all servers, which a record of a deep sleep has to hold
_INTERNAL_SERVER_ERROR = const(0xA0)

_PMIN = const(0)
_PMAX = const(1)
_GT = const(2)
_LT = const(3)
_ST = const(4)
_EPMIN = const(5)
_EPMAX = const(6)
_NONE = (None,) * 10

_FLOAT = const(4)


class Attributes:
    """The attributes that servers wrote.

    changed: whether any were written or dropped since somebody last made this False.
    """

    def __init__(self) -> None:
        self._written = {}
        self.changed = False

    def set(
        self,
        server_id: int,
        path: tuple,
        queries: list,
        kind: "int | None" = _FLOAT,
        names: str = "pmin pmax gt lt st",
    ) -> None:
        """Apply the queries of a Write-Attributes ("pmin=10"; "pmin=" or "pmin" unsets).

        kind: type of the resource at path, None above resources; gt, lt and st need a number, edge
        a Boolean. names: what the version allows. Raises OperationError 4.00, and changes nothing,
        for an unknown name, a malformed number, or when the outcome breaks lt < gt,
        lt + 2 st < gt or epmin < epmax; 5.00 where too many paths have attributes.
        """
        from lwm2m.attribute_text import merge

        key = (server_id, path)
        values = merge(self.own(server_id, path), queries, kind, names)
        if values:
            if len(self._written) >= _MOST and key not in self._written:
                raise OperationError(_INTERNAL_SERVER_ERROR)
            self._written[key] = values
        else:
            self._written.pop(key, None)
        self.changed = True

    def own(self, server_id: int, path: tuple):
        """Return what was written at path itself, None between; it ends with the last."""
        return self._written.get((server_id, path), ())

    def effective(self, server_id: int, path: tuple):
        """Return all ten (periods in s) as they hold at path, None where none does.

        What does not count is None: a pmax below pmin, an epmax not above epmin, and gt, lt and st
        that break the rules of `set` together, being from several levels.
        """
        values: "list | None" = None
        if self._written:
            for depth in range(1, len(path) + 1):
                own = self._written.get((server_id, path[:depth]))
                if own:
                    values = values or list(_NONE)
                    for index in range(len(own)):
                        if own[index] is not None:
                            values[index] = own[index]
        if values is None:
            return _NONE
        if values[_PMAX] is not None and values[_PMAX] < (values[_PMIN] or 0):
            values[_PMAX] = None
        if values[_EPMAX] is not None and values[_EPMAX] <= (values[_EPMIN] or 0):
            values[_EPMAX] = None
        above, below = values[_GT], values[_LT]
        if above is not None and below is not None and below + 2 * (values[_ST] or 0) >= above:
            values[_GT] = values[_LT] = values[_ST] = None
        return values

    def forget(self, path: tuple) -> None:
        """Drop what was written at and under path, whose instance is gone."""
        for key in list(self._written):
            if key[1][: len(path)] == path:
                del self._written[key]
                self.changed = True

    def freeze(self) -> list:
        """Return plain lists that `thaw` takes back: [[server id, [path], [values]], ...]."""
        return [[key[0], list(key[1]), self._written[key]] for key in self._written]

    def thaw(self, frozen: list) -> None:
        """Replace everything by what `freeze` returned."""
        self._written = {(item[0], tuple(item[1])): list(item[2]) for item in frozen}
        self.changed = True
