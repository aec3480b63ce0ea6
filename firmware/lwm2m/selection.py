"""What is at several paths at once, for a composite operation or a Send. Imported on use."""

from lwm2m.object import OperationError

# Objects that only a bootstrap server reads and writes (TS 1.2 Core §6.3.8).
CLOSED = (0, 21, 23)


class Selection:
    """Iterates over the entries (see lwm2m.codec) at and under paths, () for all Objects.

    operations: lwm2m.operations.Operations, which say what `server` may read of them; the rest,
    and what is not there, is left out.
    """

    def __init__(self, operations, paths: list, server) -> None:
        self._operations = operations
        self._paths = paths
        self._server = server

    def __iter__(self):
        tree = self._operations.tree
        for path in self._paths:
            for oid in path[:1] or tree.objects():
                if oid not in CLOSED:
                    yield from self._under(path or (oid,))

    def _under(self, path):
        operations = self._operations
        try:
            entries = operations.tree.entries(path)
        except OperationError:
            return
        operations.limit(entries, self._server)
        yield from entries
