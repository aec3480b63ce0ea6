"""The LwM2M client: registration, queue mode, observations and triggers over any links.

No input or output and no clock of its own. Datagrams come by `receive`, time by `step`, messages
leave by link.send(). `step` returns when it next has to run; that is the time to sleep until, as
deep as the board can, whenever `busy` is False.
"""

from coap.endpoint import Endpoint
from micropython import const

from lwm2m import queue as queue_mode
from lwm2m import registration
from lwm2m.account import ServerAccount
from lwm2m.attributes import Attributes
from lwm2m.links import registration as object_links
from lwm2m.observe import Observations
from lwm2m.operations import Operations
from lwm2m.queue import earlier
from lwm2m.requests import Requests

_IDLE = const(0)
_REGISTERED = const(2)
_DISABLED = const(5)
_WAITING = const(6)

_LOOK_AGAIN_MS = const(60_000)  # whether a body that was begun still comes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Client:
    """One Endpoint Client Name and the servers it registers with.

    tree: lwm2m.tree.Tree with the Objects. random_bits(n) returns n random bits, n <= 32.
    on_event(name, facts): told of everything that happens; facts is a dict, "server" in it the
    Short Server ID. root_path: alternate path for the Objects, such as "/lwm2m". sms_number: the
    device's own number for `sms=`, None while unknown. sms_suffix_digits: see trigger.matches.
    observations: how many, each path of a composite counted. stored, stored_bytes: how many
    notifications, and how many bytes of them, are kept for each server that cannot be told. epoch:
    callable() -> seconds since 1970 or None while unknown, for the time stamps of values.
    jobs: callables(now) -> next deadline or None, called at each step. guests: peers that answer
    requests and are no servers, such as one that a package is fetched from.

    accounts: the ServerAccounts. bootstrap: a lwm2m.bootstrap.Bootstrap, None without. dropped:
    {reason: count} of what was not obeyed. on_due: callable() or None, called when a change of the
    application's may have brought the next deadline nearer. on_accepted: callable(paths) or None,
    called before a server is told that what it asked for is done, with what that changed:
    resources as (object, instance, resource), () for the rest. OSError makes it 5.00.
    """

    on_accepted: "Any" = None
    touched: "Any" = None  # the paths for it, while a request is served that may change something

    def __init__(
        self,
        endpoint_name: str,
        tree,
        random_bits,
        on_event=None,
        root_path: str = "",
        sms_number: "str | None" = None,
        sms_suffix_digits: int = 0,
        observations: int = 32,
        stored: int = 32,
        stored_bytes: int = 2048,
        epoch=None,
    ) -> None:
        self.endpoint_name = endpoint_name
        self.tree = tree
        self.random_bits = random_bits
        self.on_event = on_event
        self.epoch = epoch
        self.on_due = None
        self.bootstrap = None
        self.jobs = ()
        self.guests = ()
        self.bootstraps = 0  # that failed registrations led to, since there were all
        self.root = root_path.strip("/")
        self.sms_number = None
        if sms_number:
            from lwm2m.server_uri import digits

            self.sms_number = digits(sms_number)
        self.sms_suffix_digits = sms_suffix_digits
        self.accounts = []
        self.links = {}
        self.dropped = {}
        self.attributes = Attributes()
        self.requests = Requests(self)
        self.endpoint = Endpoint(
            self.requests.handle, random_bits, self._endpoint_drop, self.requests.take
        )
        self.observations = Observations(self, observations, stored, stored_bytes)
        self._operations = {}
        self.now = 0
        tree.on_change.append(self._changed)
        tree.on_structure = self._structure_changed

    def add_server(self, uri: str, *arguments, **settings) -> ServerAccount:
        """Add a server and return its account; see lwm2m.configured.add_server."""
        from lwm2m.configured import add_server

        return add_server(self, uri, *arguments, **settings)

    def adopt(
        self,
        server,
        security,
        peers: dict,
        rest: str = "",
        uri_host: bool = False,
        *settings,
    ) -> ServerAccount:
        """Make an account of the instances of Objects 1 and 0 in the tree; return it.

        rest: what the server's URI says behind host and port. settings: queue_mode and what
        follows it in ServerAccount.
        """
        account = ServerAccount(
            server.get("short_server_id"), server.version, server, security, peers, *settings
        )
        account.uri_host = uri_host
        account.rest = rest
        server.on_execute = lambda role, arguments, by: self.requests.execute(account, role)
        self.accounts.append(account)
        return account

    def attach(self, link) -> None:
        """Use a link for the peers of its binding; its datagrams are to be given to `receive`.

        A link may offer disconnect(peer), which is called when a server is disabled (CR C.1).
        """
        self.links[link.binding] = link

    def start(self, now: int) -> None:
        """Register with every server that is idle: at the next step, or in their order."""
        started = [account for account in self.accounts if account.state == _IDLE]
        for account in started:
            account.state = _WAITING
            account.due = now
        if any([account.value("priority") is not None for account in started]):
            from lwm2m.retry import arrange

            arrange(self, started, now)

    def receive(self, data: bytes, peer, link, now: int) -> "int | None":
        """Take one datagram; peer is (host, port) or, over SMS, the sender's digits.

        Never raises for what is in it. Returns what `step` returns.
        """
        self.now = now
        account = self.account(peer, link)
        guest = account is None and peer in self.guests
        if guest or (self.bootstrap and self.bootstrap.owns(peer, link)):
            self.endpoint.receive(data, peer, link, now)
        elif account is None:
            self.drop("sms_unknown_sender" if link.binding == "S" else "unknown_peer")
        elif account.state == _DISABLED:
            self.drop("disabled", account)  # CR C.1 resource 7: ignore all the messages
        elif link.binding == "S" and not account.answers_sms(self.sms_number):
            from lwm2m.trigger import hear

            hear(self, account, data)
        else:
            if link.binding == account.transport and account.state != _IDLE:
                queue_mode.touch(self, account, now)
            self.endpoint.receive(data, account.peers[link.binding], link, now)
        return self.step(now)

    def step(self, now: int) -> "int | None":
        """Do what is due; return the ms at which to run again, None when an event will tell."""
        self.now = now
        self.endpoint.step(now)
        for account in self.accounts:
            queue_mode.step(self, account, now)
        due = None
        for job in self.jobs:
            due = earlier(due, job(now))
        due = earlier(due, self.observations.step(now))
        if self.bootstrap:
            due = earlier(due, self.bootstrap.step(now))
        for account in self.accounts:
            if account.outbox and account.state == _REGISTERED and not account.wanted:
                from lwm2m.send import flush

                due = earlier(due, flush(self, account, now))
            if not (self.bootstrap and self.bootstrap.in_session):
                due = earlier(due, registration.step(self, account, now))
        for account in self.accounts:
            if account.state == _WAITING and not (self.bootstrap and self.bootstrap.in_session):
                # An account that has just failed or left may have let one before it go.
                due = earlier(due, registration.step(self, account, now))
            until = account.awake_until
            if until is not None and until > now:
                due = earlier(due, until)
        if self.endpoint.taking():
            due = earlier(due, now + _LOOK_AGAIN_MS)
        return earlier(due, self.endpoint.step(now))

    def busy(self, now: int) -> bool:
        """Whether the device has to stay awake: for an exchange, or for what a server may say."""
        if self.endpoint.busy() or self.endpoint.taking():
            return True
        if self.bootstrap and self.bootstrap.busy():
            return True
        return any([queue_mode.busy(account) for account in self.accounts])

    def update(self, account: "ServerAccount | None" = None, reason: str = "application") -> None:
        """Update (or Register, where there is no registration) with one server or all."""
        for each in self.accounts if account is None else (account,):
            if each.state not in (_IDLE, _DISABLED):
                each.wanted = reason
        self.nearer()

    def deregister(self, now: int, account: "ServerAccount | None" = None) -> None:
        """Deregister from one server or all, at the next step; `start` registers again."""
        for each in self.accounts if account is None else (account,):
            if each.state != _IDLE:
                self.leave(each, _IDLE, now)
        self.nearer()

    def send(self, paths: list, now: int, content_format: int = 112) -> "str | None":
        """Report the values at paths unasked; return why not, see lwm2m.send."""
        from lwm2m.send import send

        refusal = send(self, paths, now, content_format)
        self.nearer()
        return refusal

    def address_changed(self, now: int) -> None:
        """The link over UDP has another address: Update, or Register where that is the policy.

        The draft prescribes the Update (CR 5.2.1); after it `after_sleep` of the account decides.
        """
        for account in self.accounts:
            if account.transport == "U" and account.location is not None:
                account.wanted = "address"
                if account.after_sleep == "register" and not (
                    account.version.update_on_address_change
                ):
                    account.expires = now
        self.nearer()

    def freeze(self, now: int, limit: int = 1536, known=()) -> bytes:
        """Return what must outlive a deep sleep, if possible in `limit` bytes; see lwm2m.state."""
        from lwm2m.state import freeze

        return freeze(self, now, limit, known)

    def thaw(self, record: bytes, now: int, known=()) -> bool:
        """Take back what `freeze` returned, before `start`; False when it cannot be used."""
        from lwm2m.state import thaw

        return thaw(self, record, now, known)

    def emit(self, name: str, account=None, **facts) -> None:
        """Report an event (for the parts of the client)."""
        if self.on_event:
            if account:
                facts["server"] = account.short_server_id
            self.on_event(name, facts)

    def drop(self, reason: str, account=None) -> None:
        """Count and report something that is not obeyed (for the parts of the client)."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        self.emit("drop", account, reason=reason)

    def route(self, account) -> tuple:
        """Return (link, peer) by which messages go to a server, or (None, None)."""
        for binding in (account.transport, "U"):
            if binding in self.links and binding in account.peers:
                return self.links[binding], account.peers[binding]
        return None, None

    def operations(self, account) -> Operations:
        """Return the Operations of an account's version."""
        version = account.version
        if version.name not in self._operations:
            self._operations[version.name] = Operations(
                self.tree, version, self.attributes, self.root
            )
        operations = self._operations[version.name]
        if operations.access is None and self.tree.object_class(2):
            from lwm2m.access import Access

            operations.access = Access(self)
        return operations

    def object_list(self, account) -> bytes:
        """Return the payload of Register, application/link-format (CR 5.2.1)."""
        version = account.version
        return object_links(self.tree, version, self.root, version.announced_format).encode()

    def account(self, peer, link):
        """Return the account whose server is at peer (for the parts of the client), or None."""
        binding = link.binding
        found = None
        for account in self.accounts:
            known = account.peers.get(binding)
            same = known == peer
            if binding == "S" and not same:
                from lwm2m.trigger import matches

                same = matches(peer, known, self.sms_suffix_digits)
            if same:
                # Two servers may share a number, and a disabled one must not silence the other.
                if account.state != _DISABLED:
                    return account
                found = account
        return found

    def leave(self, account, target: int, now: int) -> None:
        """Deregister, then become target, IDLE or DISABLED (for the parts of the client)."""
        account.leaving = target
        if account.location is None and account.state in (_WAITING, _DISABLED):
            registration.left(self, account, now)

    def triggered(self, account, reason) -> None:
        """Report a trigger, or why it is not obeyed (for the parts of the client)."""
        if reason:
            self.drop(reason, account)
        else:
            self.emit("trigger", account)

    def nearer(self) -> None:
        """Have the client stepped: a deadline may be nearer (for the parts of the client)."""
        if self.on_due:
            self.on_due()

    def _changed(self, path):
        if self.touched is not None:
            self.touched.append(path)
        self.observations.changed(path)
        if path[0] == 1:
            for account in self.accounts:
                if account.server.instance_id == path[1]:
                    account.changed = True
                    if account.refresh() and account.location:
                        account.expires = 0  # another server: the registration is not there
                        account.registered = None
                        account.wanted = "changed"
                    account.written.add(path[2])
        self.nearer()

    def _structure_changed(self):
        if self.touched is not None:
            self.touched.append(())
        for account in self.accounts:
            account.changed = True
            account.links = None
        self.observations.structure_changed()
        self.nearer()

    def _endpoint_drop(self, reason, peer):
        self.emit("drop", None, reason=reason, peer=peer)
