"""Who may do what (TS 1.1 Core §8, TS 1.0 §7.3), imported when there is an Access Control Object.

The rights are those of the Object 2 instances; which server asks is known by its account.

- A client without an instance of Object 2 restricts nobody, however many servers it has: the
  Object is optional (TS 1.0 Appendix E.3), and §8.1.3 makes it a bootstrap's task to set rights up
  for several servers. A site whose configuration names two servers and no rights is open to both.
- With one server account everything is allowed (§8.2.1). The instances are kept up to date all the
  same, so that a second account finds them.
- With several accounts and such instances, what has none of its own is nobody's: its rights
  "cannot be obtained", and only Discover, which needs none, answers (§8.2.1). Whoever brings the
  first instance, a bootstrap or the application, brings those of all the others.
- Object 2 itself: every server may read and observe it; an instance is written by its owner only,
  created and deleted by a bootstrap only (§8.1.2).
- The SMS trigger is no operation on the Server Object and asks for no right.
"""

from micropython import const

from lwm2m.object import OperationError
from lwm2m.objects.access_control import AccessControl

_R = const(1)
_W = const(2)
_D = const(8)
_C = const(16)
_ALL_BUT_CREATE = const(15)

_SERVER = const(1)
_SHORT_SERVER_ID = const(0)
_ACCESS_CONTROL = const(2)
_TARGET = const(0)
_INSTANCE = const(1)
_ACL = const(2)
_OWNER = const(3)
_MAX_ID = const(65535)

_UNAUTHORIZED = const(0x81)


class Access:
    """Answers by the Object 2 instances of a client's `tree` for the servers in its `accounts`."""

    def __init__(self, client) -> None:
        self._client = client
        self._tree = client.tree

    def check(self, account, path: tuple, needed: int) -> None:
        """Raise OperationError 4.01 where the account's server has not the right `needed` on path.

        needed: R 1, W 2, E 4, D 8 or C 16 (path: an Object). account None asks for the device
        itself, which may do everything.
        """
        if not self._allows(account, path, needed):
            raise OperationError(_UNAUTHORIZED)

    def readable(self, account, path: tuple) -> bool:
        """True where the account's server may read path; always on an Object as a whole, of which
        it gets the instances that it may read (TS 1.1 Core §8.2.4).
        """
        return self._allows(account, path, _R)

    def created(self, account, path: tuple) -> None:
        """Make the server that created the instance at path its owner (TS 1.1 Core §8.1.2.2)."""
        in_use = self._tree.instances(_ACCESS_CONTROL)
        self.deleted(path)
        if in_use and account is not None:
            mine = AccessControl(path[0], path[1], account.short_server_id)
            self._tree.add(mine)
            for rid in (_TARGET, _INSTANCE, _OWNER):
                mine.changed(rid)

    def deleted(self, path: tuple) -> None:
        """Remove the rights on an instance that is gone (TS 1.1 Core §8.1.2.2).

        Where they were the last of all, what is left says that nobody may create such instances:
        without any the servers would be restricted in nothing.
        """
        in_use = self._tree.instances(_ACCESS_CONTROL)
        for iid in in_use:
            control = self._tree.get(_ACCESS_CONTROL, iid)
            values = control.values
            if (values.get(_TARGET), values.get(_INSTANCE)) != path[:2]:
                continue
            if len(in_use) == 1 and len(self._client.accounts) > 1:
                values.update({_INSTANCE: _MAX_ID, _ACL: {}, _OWNER: _MAX_ID})
                for rid in values:
                    control.changed(rid)
            else:
                self._tree.remove(_ACCESS_CONTROL, iid)

    def _allows(self, account, path, needed):
        if account is None or not path or len(self._client.accounts) < 2:
            return True
        if not self._tree.instances(_ACCESS_CONTROL):
            return True
        server_id = account.short_server_id
        if path[0] == _ACCESS_CONTROL:
            if needed == _R:
                return True
            control = self._tree.get(_ACCESS_CONTROL, path[1]) if len(path) > 1 else None
            return needed == _W and (control is None or control.values.get(_OWNER) == server_id)
        if needed == _C:
            values = self._values(path[0], _MAX_ID)
            # The default entry gives no right to create: the server's own is asked for.
            return bool(values and values.get(_ACL, {}).get(server_id, 0) & _C)
        if len(path) < 2 or self._tree.get(path[0], path[1]) is None:
            return True  # for the operation itself to refuse, or 4.04
        values = self._values(path[0], path[1])
        if values is None:
            return False
        acl = values.get(_ACL, {})
        if server_id in acl:
            rights = acl[server_id]
        elif values.get(_OWNER) == server_id:
            rights = _ALL_BUT_CREATE
        else:
            rights = acl.get(0, 0)
        return bool(rights & needed)

    def _values(self, oid, iid):
        for each in self._tree.instances(_ACCESS_CONTROL):
            values = self._tree.get(_ACCESS_CONTROL, each).values
            if values.get(_TARGET) == oid and values.get(_INSTANCE) == iid:
                return values
        return None


def unbootstrap(configuration, server_id: int) -> None:
    """Take a server whose Security instance is deleted out of a lwm2m.provision.Configuration
    (Unbootstrapping, TS 1.0 Appendix E.1.3): its Server instance, and its rights.

    What it owned goes to the server with the most of Write and Delete; what no other server
    has an entry for is deleted, where servers may make such instances, or left to a bootstrap.
    """
    servers = configuration.accounts[_SERVER]
    for iid in list(servers):
        if servers[iid].get(_SHORT_SERVER_ID) == server_id:
            del servers[iid]
    controls = configuration.accounts[_ACCESS_CONTROL]
    for iid in list(controls):
        values = controls[iid]
        if _leaves_nobody(values, server_id, configuration.object_class(values.get(_TARGET))):
            key = (values[_TARGET], values[_INSTANCE])
            configuration.deleted.add(key)
            configuration.others.pop(key, None)
            del controls[iid]


def _leaves_nobody(values, server_id, cls):
    """Take a server out of an instance's values; tell whether what they are for is to go."""
    acl = dict(values.get(_ACL, {}))
    if acl.pop(server_id, None) is not None:
        values[_ACL] = acl
    if values.get(_OWNER) != server_id:
        return False
    if not acl and cls and cls.creatable:
        return True
    heirs = [each for each in acl if each]
    weights = [bool(acl[each] & _W) + bool(acl[each] & _D) for each in heirs]
    values[_OWNER] = heirs[weights.index(max(weights))] if heirs else _MAX_ID
    return False
