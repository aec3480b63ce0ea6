"""LwM2M Server (Object 1): one instance a server account, numbered as the account's version says.

Code names a resource by its role (lwm2m.versions), since the draft and the released versions
number them differently.
"""

from micropython import const

from lwm2m.object import Object, OperationError

_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)
_EXECUTE = const(4)


class Server(Object):
    """The settings of one server account.

    version: a lwm2m.versions.Version. settings: initial values by role, e.g. lifetime=86400; None
    leaves a resource out.

    on_execute: callable(role, arguments, server) or None, called for Disable, Registration Update
        Trigger and Bootstrap-Request Trigger; it may raise OperationError.
    """

    object_id = 1
    multiple = True
    bootstraps = False  # whether there is a bootstrap server that its trigger may ask

    def __init__(self, version, **settings) -> None:
        super().__init__()
        self.version = version
        self.resources = version.server_table
        self.on_execute = None
        for role, value in settings.items():
            if value is not None:
                self.put(role, value)

    def get(self, role: str, default=None):
        """Return the value of a role; default when the version or the instance lacks it."""
        return self.values.get(self.version.server_resources.get(role), default)

    def put(self, role: str, value) -> None:
        """Set the value of a role and report it; ValueError when the version lacks the role."""
        rid = self.version.server_resources.get(role)
        if rid is None:
            raise ValueError("%s: version %s has no such resource" % (role, self.version.name))
        self.set(rid, value)

    def role(self, rid: int) -> "str | None":
        """Return the role of a resource id, None for one without a role."""
        return self.version.server_resources.name(rid)

    def has(self, rid: int) -> bool:
        """True for what is set, and for the triggers which the client serves."""
        row = self.definition(rid)
        if row and row[0] & _EXECUTE:
            return self.bootstraps or self.role(rid) != "bootstrap_trigger"
        return rid in self.values

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 a number outside its range and a binding which the version lacks."""
        from lwm2m.server_values import good

        if not good(self.version, self.role(rid), value):
            raise OperationError(_BAD_REQUEST)

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Hand an Execute to `on_execute`."""
        if not self.on_execute:
            raise OperationError(_NOT_FOUND)
        self.on_execute(self.role(rid), arguments, server)
