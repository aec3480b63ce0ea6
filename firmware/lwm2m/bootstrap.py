"""The bootstrap interface (TS 1.1 Core §6.1): how the client comes by its accounts.

Imported where a bootstrap server is configured. One Bootstrap is in one state, and this table says
what moves it.

    state       on                                                        goes to
    IDLE        begin                                                     WAITING
    WAITING     hold-off or delay over                                    REQUESTING
    REQUESTING  2.04, or the first operation of the bootstrap server      SESSION
                a Pack, applied                                           IDLE
                a Pack that cannot be used                                WAITING, without it
                4.15 to the format, 4.xx to the Pack                      REQUESTING, without it
                anything else, time-out, Reset                            WAITING
    SESSION     Finish, consistent and stored                             IDLE
                247 s without an operation, an hour with them             WAITING
    each        a registration again, where its failure was the reason    IDLE

The delay after the n-th failure in a row is 60 s x 2^(n-1), at most a day, lengthened by a random
0 to 25 %; a 5.03 may say a longer one. It never gives up but where a server asked for the
bootstrap and the client is registered: then five failures are enough, and the server may ask
again.

What the bootstrap server writes is set apart (lwm2m.provision) until a consistent Finish. Before
that the client works on as it was, except that requests of its servers have no answer while the
session lasts (OMA issue 91): one to an Object that is about to be another would be lost.

After seven failures in a row, and every eighth time from there on, the bootstrap server of the
factory's configuration is asked instead: the account that a bootstrap provided may be wrong.

A bootstrap that its server begins unasked (TS 1.0 §5.2.3.4) is not taken: where nothing proves
who speaks, anybody could take the device over. 1.1 did away with it for the trigger.
"""

import gc

from micropython import const

from lwm2m.queue import earlier
from lwm2m.server_uri import parse_uri

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_IDLE = const(0)
_WAITING = const(1)
_REQUESTING = const(2)
_SESSION = const(3)

# Resources of Security.
_URI = const(0)
_BOOTSTRAP = const(1)
_HOLD_OFF = const(11)
_TIMEOUT = const(12)

_LONGEST_S = const(0x7FFFFFFF)
_DAY_S = const(86_400)
_ENOUGH_FAILURES = const(5)


class Bootstrap:
    """The bootstrap server of a client, whose Security instance is in the client's tree.

    version: lwm2m.versions.Version of the accounts that it provides. settings: see
    lwm2m.provision.Configuration.apply; and "factory", the URI of the factory's bootstrap server.
    store(record) keeps the record of a configuration where it outlives a power cut; OSError and
    ValueError say that it cannot. pack: whether Bootstrap-Pack is asked for first (TS 1.2 Core
    §6.1.7.7).

    touched: what the last Configuration wrote to other Objects, None before the first bootstrap.
    provided: for whoever starts the client, a Configuration whose other Objects are still to come.
    Events of the client's: bootstrap_wanted, bootstrapping, bootstrap_request, bootstrap_refused,
    bootstrap_failed, bootstrapped, bootstrap_account_purged.
    """

    def __init__(self, client, version, settings: dict, store=None, pack: bool = False) -> None:
        self.state = _IDLE
        self.touched: "dict | None" = None
        self.provided: "Any" = None
        self.client = client
        self.version = version
        self.settings = settings
        self.store = store
        self.pack = pack
        self.format_query = bool(version.server_version)
        self.reason: "str | None" = None
        self.failures = 0
        self.due: "int | None" = None
        self.purge_at: "int | None" = None
        self.configuration: "Any" = None  # of the session
        self.attempt = 0
        self.security: "Any" = None
        self.peer: "Any" = None
        self.find()

    @property
    def active(self) -> bool:
        """Whether a bootstrap is asked for or under way."""
        return self.state >= _REQUESTING

    @property
    def in_session(self) -> bool:
        """Whether the bootstrap server writes; then it is the only server that is heard."""
        return self.state == _SESSION

    def owns(self, peer, link) -> bool:
        """Whether what comes from a peer is the bootstrap server's."""
        if link.binding != "U" or peer != self.peer:
            return False
        # A server at the same address is heard while there is no bootstrap.
        return self.active or self.client.account(peer, link) is None

    def busy(self) -> bool:
        """Whether the client has to stay awake for the bootstrap server."""
        return self.active

    def start(self, now: int) -> None:
        """Begin the life of a client that was switched on: without a server it asks for one."""
        if self.client.accounts:
            if self.touched is not None:
                self.arm(now)
        else:
            self.begin("first", now)

    def begin(self, reason: str, now: int) -> None:
        """Ask the bootstrap server, at a step to come and after its hold-off time.

        reason: "first", "registration" (it failed) or "trigger" (a server asks for it: there is no
        hold-off). A bootstrap that is wanted already goes on.
        """
        if self.security is None or self.active:
            return
        hold_off_s = self.security.values.get(_HOLD_OFF, 0)
        hold_off_s = 0 if reason == "trigger" else min(max(hold_off_s, 0), _LONGEST_S)
        if self.state == _IDLE:
            self.failures = 0
        elif reason != "trigger":
            return
        self.state = _WAITING
        self.reason = reason
        self.due = now + hold_off_s * 1000
        self.client.emit("bootstrap_wanted", reason=reason, hold_off_s=hold_off_s)
        self.client.nearer()

    def moved(self, now: int) -> None:
        """The link has another address, which the bootstrap server only learns by a request."""
        if self.active:
            link = self.client.links.get("U")
            self.attempt += 1
            self.end(_WAITING, now)
            if link:
                self.client.endpoint.cancel(now, self.peer, link)

    def step(self, now: int) -> "int | None":
        """Do what is due; return when to run again, None for an event."""
        if self.purge_at is not None and now >= self.purge_at and not self.active:
            from lwm2m.bootstrap_session import purge

            purge(self, now)
        if self.state == _WAITING and self.reason == "registration":
            accounts = self.client.accounts
            waited_for = [  # resource 16 asks for it whatever the other servers do
                account.location is None and account.value("bootstrap_on_failure")
                for account in accounts
            ]
            if any([account.reachable for account in accounts]) and not any(waited_for):
                self.end(_IDLE, None)
        if self.due is not None and now >= self.due:
            if self.state == _WAITING:
                for part in ("provision", "bootstrap_operations", "bootstrap_session"):
                    # One after the other: what nested imports leave lies between what stays.
                    __import__("lwm2m." + part)
                    gc.collect()
                from lwm2m.bootstrap_session import ask

                ask(self, now)
            elif self.state == _SESSION:
                self.failed("timeout", now)
        return self.due if self.active else earlier(self.due, self.purge_at)

    def freeze(self) -> list:
        """Return what must outlive a deep sleep, as plain values; times are those of the clock."""
        return [
            self.state,
            self.reason,
            self.failures,
            self.due,
            self.purge_at,
            self.pack,
            None if self.touched is None else [list(each) for each in self.touched.items()],
        ]

    def thaw(self, facts: list) -> None:
        """Take back what `freeze` returned; ValueError, TypeError for what is no such list."""
        state, reason, failures, due, purge_at, pack, touched = facts
        self.state = min(state, _WAITING)
        self.reason, self.failures, self.purge_at, self.pack = reason, failures, purge_at, pack
        self.due = due if state <= _WAITING else 0
        if touched is not None:
            self.touched = {tuple(key): rids for key, rids in touched}

    def handle(self, request, path: "tuple | None", now: int):
        """Serve a request of the bootstrap server; path: of ids, None for another one.

        Returns the response, or None, silence, where no bootstrap is under way.
        """
        if not self.active:
            self.client.drop("not_bootstrapping")
            return None
        from lwm2m.bootstrap_session import handle

        return handle(self, request, path, now)

    # For lwm2m.bootstrap_session.

    def find(self) -> None:
        """Look up the Security instance of the bootstrap server, and its address."""
        tree = self.client.tree
        self.security = self.peer = None
        for iid in tree.instances(0):
            security = tree.get(0, iid)
            if security.values[_BOOTSTRAP]:
                self.security = security
                self.peer = parse_uri(security.values[_URI])[:2]
        for account in self.client.accounts:
            account.server.bootstraps = self.security is not None

    def arm(self, now: int) -> None:
        """Set the time at which the bootstrap server's account ends, if it does (resource 12)."""
        seconds = self.security.values.get(_TIMEOUT, 0) if self.security else 0
        self.purge_at = now + min(seconds, _LONGEST_S) * 1000 if seconds > 0 else None

    def end(self, state: int, due: "int | None") -> None:
        """Go to a state, until ms; what was written and is not applied is gone."""
        self.state = state
        self.due = due
        self.configuration = None

    def failed(self, reason: str, now: int, wait_s: int = 0) -> None:
        """Try again later, with the configuration as it was before."""
        client = self.client
        self.failures += 1
        if self.reason == "trigger" and self.failures >= _ENOUGH_FAILURES:
            if any([account.reachable for account in client.accounts]):
                self.end(_IDLE, None)
                client.emit("bootstrap_failed", reason=reason, retry_s=None)
                return
        from lwm2m.backoff import backoff_ms

        delay_ms = backoff_ms(client, self.failures, least_s=min(wait_s, _DAY_S))
        self.end(_WAITING, now + delay_ms)
        client.emit("bootstrap_failed", reason=reason, retry_s=delay_ms // 1000)
