"""What a bootstrap provides: accounts, rights and other values, apart from the Objects that serve.

A bootstrap server's operations (lwm2m.bootstrap_operations) act on a Configuration. The Objects go
on as they are until it is found consistent and applied, so that a bootstrap which fails has
nothing to be undone, and one that succeeds takes effect as a whole.
"""

from micropython import const

from lwm2m.codec import CodecError, coerce
from lwm2m.codec.cbor import dumps, loads
from lwm2m.object import OperationError
from lwm2m.objects.security import Security
from lwm2m.objects.server import Server
from lwm2m.server_uri import digits, parse_uri

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SECURITY = const(0)
_SERVER = const(1)
_ACCESS_CONTROL = const(2)

# Resources of Security.
_URI = const(0)
_BOOTSTRAP = const(1)
_MODE = const(2)
_SMS_NUMBER = const(9)
_SHORT_SERVER_ID = const(10)

_NO_SECURITY = const(3)
_MOST_IDS = const(65534)

_R = const(1)
_E = const(4)
_MULTIPLE = const(8)
_MANDATORY = const(16)
_UNSIGNED = const(3)
_OPAQUE = const(6)
_TIME = const(7)

_NOT_FOUND = const(0x84)

_LAYOUT = const(1)  # of `freeze`


class Configuration:
    """What the client would become: begun as what it is, changed by a bootstrap server.

    version: the lwm2m.versions.Version of the accounts. touched: what `touched` of the last
    Configuration that was applied returned.

    accounts: {object id: {instance id: {resource id: value}}} of Security, Server and Access
    Control. others: {(object id, instance id): {resource id: value}} written to other Objects.
    deleted: set of (object id, instance id) of theirs. until: ms, when what may change it ends.
    """

    until = 0

    def __init__(self, client, version, touched: "dict | None" = None) -> None:
        self.tree = client.tree
        self.version = version
        self.root = "/" + client.root if client.root else ""
        self.accounts = {}
        self.others = {}
        self.deleted = set()
        for oid in (_SECURITY, _SERVER, _ACCESS_CONTROL):
            self.accounts[oid] = instances = {}
            for iid in self.tree.instances(oid):
                instances[iid] = _copy(self.tree.get(oid, iid).values)
        for key, rids in (touched or {}).items():
            obj = self.tree.get(key[0], key[1])
            if obj:
                self.others[key] = {rid: obj.values[rid] for rid in rids if rid in obj.values}

    def object_class(self, oid: int):
        """Return the class of an Object that a bootstrap may provide for, None without one."""
        if oid == _SECURITY:
            return Security
        if oid == _SERVER:
            return Server
        if oid == _ACCESS_CONTROL:
            from lwm2m.objects.access_control import AccessControl

            return AccessControl
        return self.tree.object_class(oid)

    def table(self, oid: int) -> bytes:
        """Return the resource definitions of an Object; OperationError 4.04 without one."""
        cls = self.object_class(oid)
        if cls is None:
            raise OperationError(_NOT_FOUND)
        return self.version.server_table if oid == _SERVER else cls.resources

    def row(self, path: tuple) -> "tuple[int, int] | None":
        """Return (flags, type) of a resource, None where its Object does not define it.

        Raises OperationError 4.04 where there is no such Object.
        """
        table = self.table(path[0])
        for at in range(0, len(table), 4):
            if table[at] << 8 | table[at + 1] == path[2]:
                return table[at + 2], table[at + 3]
        return None

    def made(self, oid: int, values: dict):
        """Return an instance of Security, Server or Access Control with these values."""
        cls: "Any" = self.object_class(oid)
        obj = cls(self.version) if oid == _SERVER else cls()
        obj.values = values
        return obj

    def check(self) -> "str | None":
        """Return why the client could not work so, None where it could (TS 1.1 Core §6.1.7.2).

        Every server has one Security and one Server instance with the same Short Server ID, every
        instance its mandatory resources, and every URI and mode is one that the client speaks.
        """
        for oid, instances in self.accounts.items():
            for iid in instances:
                lacking = self._lacking(oid, instances[iid])
                if lacking is not None:
                    return "/%d/%d/%d is missing" % (oid, iid, lacking)
        servers = [values[0] for values in self.accounts[_SERVER].values()]
        if not servers:
            return "there is no server"
        known = []
        bootstraps = 0
        for iid, values in self.accounts[_SECURITY].items():
            try:
                parse_uri(values[_URI])
            except ValueError:
                return "/0/%d: the URI cannot be used" % iid
            if values[_MODE] != _NO_SECURITY:
                return "/0/%d: the security mode cannot be used" % iid
            if values[_BOOTSTRAP]:
                bootstraps += 1
            elif values.get(_SHORT_SERVER_ID) in servers:
                known.append(values[_SHORT_SERVER_ID])
            else:
                return "/0/%d belongs to no server" % iid
        for server_id in servers:
            if not 0 < server_id <= _MOST_IDS or servers.count(server_id) > 1:
                return "Short Server ID %d cannot be used" % server_id
            if known.count(server_id) != 1:
                return "server %d has not one account" % server_id
        return "there are two bootstrap servers" if bootstraps > 1 else None

    def freeze(self) -> bytes:
        """Return the record of the configuration, for `thaw`; it holds secrets."""
        facts = []
        for oid, instances in self.accounts.items():
            for iid in instances:
                facts.append((oid, iid, instances[iid]))
        for key in self.others:
            facts.append(key + (self._lasting(key),))
        return dumps((_LAYOUT, facts))

    def thaw(self, record: bytes) -> bool:
        """Become what `freeze` recorded; False for what is no such record or not consistent."""
        try:
            kept: "Any" = loads(record)
            layout, facts = kept
            if layout != _LAYOUT:
                return False
            for instances in self.accounts.values():
                instances.clear()
            for oid, iid, values in facts:
                if oid in self.accounts:
                    values = self.accounts[oid][coerce(_UNSIGNED, iid)] = _copy(values)
                    for rid in values:  # it may be of a firmware with other definitions
                        _typed(self.row((oid, iid, rid)), values[rid])
                else:
                    self.others[(oid, iid)] = _copy(values)
            return self.check() is None
        except (CodecError, ValueError, TypeError, IndexError, KeyError, AttributeError):
            return False

    def apply(self, client, settings: dict) -> None:
        """Give the client these accounts, which are then to be started, and the rights.

        settings: what no bootstrap server says of an account: queue, awake_time_ms, after_sleep,
        triggers_per_hour and uri_host as in Client.add_server, profile and nat_ms of the account;
        and by role, values of the Server Object that hold where the bootstrap server left the
        resource out.
        """
        tree = self.tree
        _leave(client)
        for oid in self.accounts:
            for iid in tree.instances(oid):
                tree.remove(oid, iid)
        securities = {}
        bootstraps = False
        for oid, instances in self.accounts.items():
            for iid in sorted(instances):
                obj = tree.add(self.made(oid, instances[iid]), iid)
                if oid == _SECURITY:
                    bootstraps = bootstraps or obj.values[_BOOTSTRAP]
                    if not obj.values[_BOOTSTRAP]:
                        securities[obj.values[_SHORT_SERVER_ID]] = obj
        for iid in tree.instances(_SERVER):
            server = tree.get(_SERVER, iid)
            server.bootstraps = bootstraps
            for role, value in settings.items():
                if value is not None and role in self.version.server_resources:
                    server.values.setdefault(self.version.server_resources[role], value)
            _adopt(client, server, securities[server.values[0]], settings)
        ids = [account.short_server_id for account in client.accounts]
        kept = [each for each in client.attributes.freeze() if each[0] in ids]
        client.attributes.thaw(kept)

    def apply_others(self, client) -> dict:
        """Write to the other Objects, as far as they are there, and delete of them.

        What one of them cannot take is reported, and is no reason to restart: each start would
        find it again. Returns {(object id, instance id): resource ids} of what was ever written.
        """
        tree = self.tree
        for oid, iid in self.deleted:
            if tree.get(oid, iid):
                tree.remove(oid, iid)
        for key, values in self.others.items():
            obj = tree.get(key[0], key[1])
            cls = tree.object_class(key[0])
            if obj is None and cls and cls.creatable:
                obj = tree.add(cls(), key[1])
            for rid in values:
                if obj and obj.definition(rid):  # a record may be of another firmware
                    try:
                        _typed(obj.definition(rid), values[rid])
                        obj.write(rid, values[rid], None)
                    except (OSError, OperationError, CodecError) as error:
                        name = error.__class__.__name__
                        reason = "/%d/%d/%d: %s: %s" % (key[0], key[1], rid, name, error)
                        client.emit("error", reason=reason)
                    else:
                        obj.changed(rid)
        return {key: list(self._lasting(key)) for key in self.others}

    def _lasting(self, key):
        """Return what was written to another Object's instance, but for what is of use only once:
        a time, and what cannot be read back in bytes, a package.
        """
        values = self.others[key]
        kept = {}
        for rid in values:
            known = self.tree.object_class(key[0])
            flags, kind = (known and self.row(key + (rid,))) or (_R, 0)
            if kind != _TIME and (flags & _R or kind != _OPAQUE):
                kept[rid] = values[rid]
        return kept

    def _lacking(self, oid, values):
        """Return the first mandatory resource that an instance lacks, or None.

        Keys are needed in the modes that have any.
        """
        table = self.table(oid)
        for at in range(0, len(table), 4):
            rid = table[at] << 8 | table[at + 1]
            flags = table[at + 2]
            if flags & _MANDATORY and not flags & _E and rid not in values:
                if oid != _SECURITY or rid <= _MODE:
                    return rid
        return None


def _leave(client):
    """End what the client has with its servers, who learn of it by the next Register."""
    for account in client.accounts:
        link, peer = client.route(account)
        account.state = 0
        account.location = None
        client.observations.forget(account, "bootstrapped", ())
        if link:
            client.endpoint.cancel(client.now, peer, link)
    del client.accounts[:]


def _adopt(client, server, security, settings):
    """Make the account of one server."""
    host, port, rest = parse_uri(security.values[_URI])
    peers: dict = {"U": (host, port)}
    number = digits(security.values.get(_SMS_NUMBER))
    if number:
        peers["S"] = number
    account = client.adopt(
        server,
        security,
        peers,
        rest,
        settings.get("uri_host", False),
        settings.get("queue", True),
        settings.get("awake_time_ms"),
        settings.get("after_sleep", "update"),
        settings.get("triggers_per_hour", 10),
    )
    account.profile = settings.get("profile")
    account.nat_ms = settings.get("nat_ms", account.nat_ms)


def _typed(row, value):
    """Raise CodecError where a resource, if there is one, takes no value of this type."""
    if row is None:
        return
    if bool(row[0] & _MULTIPLE) != (value.__class__ is dict):
        raise CodecError("single and multiple values are mixed up")
    for riid in value if value.__class__ is dict else ():
        coerce(_UNSIGNED, riid)
        coerce(row[1], value[riid])
    if value.__class__ is not dict:
        coerce(row[1], value)


def _copy(value):
    """Return a copy of values, in which a list is the tuple that CBOR made one of."""
    if value.__class__ is dict:
        return {key: _copy(value[key]) for key in value}
    return tuple(value) if value.__class__ is list else value
