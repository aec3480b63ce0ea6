"""The Objects of a client and their instances, and who wants to hear of changes."""

from micropython import const

from lwm2m.object import OperationError

_READ = const(1)
_MULTIPLE = const(8)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)


class Tree:
    """Object Instances by object id and instance id.

    on_change: list of callables(path), called with (object, instance, resource) for each change.
    on_structure: callable() or None, called when an Object or an instance comes or goes.
    epoch: callable() -> s since 1970, None while unknown; or None. samples: {path of a resource:
    lwm2m.samples.Ring}, None before the first.
    """

    epoch = None
    samples = None

    def __init__(self) -> None:
        self._classes = {}
        self._instances = {}
        self.on_change = []
        self.on_structure = None

    def add(self, obj, instance_id: "int | None" = None):
        """Add an Object Instance under instance_id, or the lowest free one, and return it.

        Raises ValueError when the id is taken.
        """
        oid = obj.object_id
        instances = self._instances.get(oid, {})
        if instance_id is None:
            instance_id = self.free_id(oid)
        if instance_id in instances or (instance_id and not obj.multiple):
            raise ValueError("/%d/%d cannot be added: taken or single" % (oid, instance_id))
        obj.tree = self
        obj.instance_id = instance_id
        instances[instance_id] = obj
        self._instances[oid] = instances
        self.declare(obj.__class__)
        return obj

    def declare(self, cls) -> None:
        """Make an Object known that may have no instance yet."""
        self._classes[cls.object_id] = cls
        if self.on_structure:
            self.on_structure()

    def remove(self, oid: int, iid: int) -> None:
        """Remove an instance; the Object stays known."""
        self._instances[oid].pop(iid).tree = None
        if self.on_structure:
            self.on_structure()

    def free_id(self, oid: int) -> int:
        """Return the lowest instance id that is not in use."""
        iid = 0
        while iid in self._instances.get(oid, ()):
            iid += 1
        return iid

    def get(self, oid: int, iid: int):
        """Return the instance, or None."""
        return self._instances.get(oid, {}).get(iid)

    def object_class(self, oid: int):
        """Return the class of an Object, or None when the client does not have it."""
        return self._classes.get(oid)

    def objects(self) -> list:
        """Return the ids of all Objects, ascending."""
        return sorted(self._classes)

    def instances(self, oid: int) -> list:
        """Return the instance ids of an Object, ascending."""
        return sorted(self._instances.get(oid, ()))

    def changed(self, path: tuple) -> None:
        """Tell the listeners that the resource at path (3 ids) has another value."""
        for listener in self.on_change:
            listener(path)

    def exists(self, path: tuple) -> bool:
        """True when there is an Object, instance, resource or resource instance at path."""
        if len(path) < 2:
            return bool(path) and path[0] in self._classes
        obj = self.get(path[0], path[1])
        if obj is None:
            return False
        if len(path) == 2:
            return True
        if obj.definition(path[2]) is None or not obj.has(path[2]):
            return False
        if len(path) == 3:
            return True
        flags = obj.definition(path[2])[0]
        return bool(flags & _MULTIPLE and flags & 3) and path[3] in obj.read(path[2])

    def is_single(self, path: tuple) -> bool:
        """True when the path of an existing node stands for one value."""
        if len(path) == 3:
            return not self.get(path[0], path[1]).definition(path[2])[0] & _MULTIPLE
        return len(path) == 4

    def entries(self, path: tuple) -> "Entries":
        """Return what a Read of path yields, iterable more than once.

        Raises OperationError 4.04 when path does not exist, 4.05 when it is not readable.
        """
        if not self.exists(path):
            raise OperationError(_NOT_FOUND)
        if len(path) > 2 and not self.get(path[0], path[1]).definition(path[2])[0] & _READ:
            raise OperationError(_METHOD_NOT_ALLOWED)
        return Entries(self, path)


class Entries:
    """Iterates over (path, type, value) of the readable values at and under a path.

    allowed: None, or tells of the path of an instance whether its values are to be among them.
    """

    def __init__(self, tree: Tree, path: tuple) -> None:
        self._tree = tree
        self._path = path
        self.allowed = None

    def __iter__(self):
        path = self._path
        oid = path[0]
        for iid in path[1:2] or self._tree.instances(oid):
            obj = self._tree.get(oid, iid)
            if obj is None:  # it went while the others were on their way
                raise OperationError(_NOT_FOUND)
            if self.allowed and not self.allowed((oid, iid)):
                continue
            table = obj.resources
            for at in range(0, len(table), 4):
                flags = table[at + 2]
                if not flags & _READ:
                    continue
                rid = table[at] << 8 | table[at + 1]
                if rid != path[2] if len(path) > 2 else not obj.has(rid):
                    continue
                kind = table[at + 3]
                value = obj.read(rid)
                if flags & _MULTIPLE:
                    for riid in path[3:4] or sorted(value):
                        if riid not in value:
                            raise OperationError(_NOT_FOUND)  # as above
                        yield (oid, iid, rid, riid), kind, value[riid]
                else:
                    yield (oid, iid, rid), kind, value
