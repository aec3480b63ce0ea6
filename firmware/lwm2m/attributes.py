"""Notification attributes (TS 1.0 §5.1.2, TS 1.1 Core §5.1.2): pmin, pmax, gt, lt, st.

They are kept per server and path. A lower level wins over a higher one: resource instance,
resource, Object Instance, Object.
"""

from micropython import const

_PMAX = const(1)
_NONE = (None, None, None, None, None)


class Attributes:
    """The attributes that servers wrote."""

    def __init__(self) -> None:
        self._written = {}

    def set(self, server_id: int, path: tuple, queries: list, numeric: bool = True) -> None:
        """Apply the queries of a Write-Attributes ("pmin=10"; "pmin=" or "pmin" unsets).

        numeric: whether path is a resource of a numeric type, which gt, lt and st need. Raises
        OperationError 4.00, and changes nothing, for an unknown name, a malformed or negative
        number, or when the outcome breaks lt < gt or lt + 2 st < gt.
        """
        from lwm2m.attribute_text import merge

        key = (server_id, path)
        values: list = list(self._written.get(key, _NONE))
        merge(values, queries, numeric)
        if values == list(_NONE):
            self._written.pop(key, None)
        else:
            self._written[key] = values

    def own(self, server_id: int, path: tuple):
        """Return (pmin, pmax, gt, lt, st) as written at path itself, None where not written."""
        return self._written.get((server_id, path), _NONE)

    def effective(self, server_id: int, path: tuple) -> list:
        """Return [pmin (s), pmax (s), gt, lt, st] as they hold at path, None where none does.

        A pmax below pmin does not count.
        """
        values: list = list(_NONE)
        for depth in range(1, len(path) + 1):
            own = self.own(server_id, path[:depth])
            for index in range(5):
                if own[index] is not None:
                    values[index] = own[index]
        if values[_PMAX] is not None and values[_PMAX] < (values[0] or 0):
            values[_PMAX] = None
        return values

    def forget(self, path: tuple) -> None:
        """Drop what was written at and under path, whose instance is gone."""
        for key in list(self._written):
            if key[1][: len(path)] == path:
                del self._written[key]

    def freeze(self) -> list:
        """Return plain lists that `thaw` takes back: [[server id, [path], [values]], ...]."""
        return [[key[0], list(key[1]), list(self._written[key])] for key in self._written]

    def thaw(self, frozen: list) -> None:
        """Replace everything by what `freeze` returned."""
        self._written = {(item[0], tuple(item[1])): list(item[2]) for item in frozen}
