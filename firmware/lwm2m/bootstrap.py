"""The bootstrap interface (TS 1.1 Core §6.1): how the client comes by its accounts.

Imported where a bootstrap server is configured. One Bootstrap is in one state, and this table says
what moves it.

    state       on                                                        goes to
    IDLE        begin                                                     WAITING
    WAITING     hold-off or delay over                                    REQUESTING
    REQUESTING  2.04, or the first operation of the bootstrap server      SESSION
                a Pack, applied                                           IDLE
                4.15 to the format, 4.xx to the Pack                      REQUESTING, without it
                anything else, time-out, Reset                            WAITING
    SESSION     Finish, consistent and stored                             IDLE
                247 s without an operation                                WAITING
    each        a registration again, where its failure was the reason    IDLE

The delay after the n-th failure in a row is 60 s x 2^(n-1), at most a day, lengthened by a random
0 to 25 %; a 5.03 may say a longer one. It never gives up but where a server asked for the
bootstrap and the client is registered: then five failures are enough, and the server may ask
again.

What the bootstrap server writes is set apart (lwm2m.provision) until a consistent Finish. Before
that the client works on as it was, except that requests of its servers have no answer while the
session lasts (OMA issue 91): one to an Object that is about to be another would be lost.
"""

from coap.message import Message, dotted
from micropython import const

from lwm2m.account import parse_uri
from lwm2m.codec import CodecError
from lwm2m.object import OperationError
from lwm2m.registration import max_age_s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMES = ("idle", "waiting", "requesting", "session")

_IDLE = const(0)
_WAITING = const(1)
_REQUESTING = const(2)
_SESSION = const(3)

_GET = const(1)
_POST = const(2)
_PUT = const(3)
_DELETE = const(4)
_DELETED = const(0x42)
_CHANGED = const(0x44)
_CONTENT = const(0x45)
_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_NOT_ACCEPTABLE = const(0x86)
_UNSUPPORTED_CONTENT_FORMAT = const(0x8F)
_INTERNAL_SERVER_ERROR = const(0xA0)
_SERVICE_UNAVAILABLE = const(0xA3)

_URI_PATH = const(11)
_CONTENT_FORMAT = const(12)
_URI_QUERY = const(15)
_ACCEPT = const(17)
_LINK_FORMAT = const(40)

# Resources of Security.
_URI = const(0)
_BOOTSTRAP = const(1)
_HOLD_OFF = const(11)
_TIMEOUT = const(12)

_EXCHANGE_LIFETIME_MS = const(247_000)  # RFC 7252 §4.8.2
_FIRST_DELAY_MS = const(60_000)
_LONGEST_DELAY_MS = const(86_400_000)
_ENOUGH_FAILURES = const(5)
_STORE_AGAIN_MS = const(3_600_000)

_METHODS = " GET POST PUT DELETE".split(" ")


class Bootstrap:
    """The bootstrap server of a client, whose Security instance is in the client's tree.

    version: lwm2m.versions.Version of the accounts that it provides. settings: see
    lwm2m.provision.Configuration.apply. store(record) keeps the record of a configuration where it
    outlives a power cut; OSError and ValueError say that it cannot. pack: whether Bootstrap-Pack
    is asked for first (TS 1.2 Core §6.1.7.7).

    touched: what the last Configuration wrote to other Objects, None before the first bootstrap.
    provided: for whoever starts the client, a Configuration whose other Objects are still to come.
    Events of the client's: bootstrap_wanted, bootstrapping, bootstrap_request, bootstrap_refused,
    bootstrap_failed, bootstrapped, bootstrap_account_purged.
    """

    def __init__(self, client, version, settings: dict, store=None, pack: bool = False) -> None:
        self.state = _IDLE
        self.touched: "dict | None" = None
        self.provided: "Any" = None
        self._client = client
        self._version = version
        self._settings = settings
        self._store = store
        self._pack = pack
        self._format_query = bool(version.server_version)
        self._reason: "str | None" = None
        self._failures = 0
        self._due: "int | None" = None
        self._purge_at: "int | None" = None
        self._configuration: "Any" = None  # of the session
        self._attempt = 0
        self._security: "Any" = None
        self._peer: "Any" = None
        self._find()

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
        if link.binding != "U" or peer != self._peer:
            return False
        # A server at the same address is heard while there is no bootstrap.
        return self.active or self._client.account(peer, link) is None

    def busy(self) -> bool:
        """Whether the client has to stay awake for the bootstrap server."""
        return self.active

    def start(self, now: int) -> None:
        """Begin the life of a client that was switched on: without a server it asks for one."""
        if self._client.accounts:
            if self.touched is not None:
                self._arm(now)
        else:
            self.begin("first", now)

    def begin(self, reason: str, now: int) -> None:
        """Ask the bootstrap server, at a step to come and after its hold-off time.

        reason: "first", "registration" (it failed) or "trigger" (a server asks for it: there is no
        hold-off). A bootstrap that is wanted already goes on.
        """
        if self._security is None or self.active:
            return
        hold_off_s = self._security.values.get(_HOLD_OFF, 0)
        hold_off_s = 0 if reason == "trigger" else min(max(hold_off_s, 0), 0x7FFFFFFF)
        if self.state == _IDLE:
            self._failures = 0
        elif reason != "trigger":
            return
        self.state = _WAITING
        self._reason = reason
        self._due = now + hold_off_s * 1000
        self._client.emit("bootstrap_wanted", reason=reason, hold_off_s=hold_off_s)
        if self._client.on_due:
            self._client.on_due()

    def moved(self, now: int) -> None:
        """The link has another address, which the bootstrap server only learns by a request."""
        if self.active:
            link = self._client.links.get("U")
            self._attempt += 1
            self._end(_WAITING, now)
            if link:
                self._client.endpoint.cancel(now, self._peer, link)

    def step(self, now: int) -> "int | None":
        """Do what is due; return when to run again, None for an event."""
        if self._purge_at is not None and now >= self._purge_at and not self.active:
            self._purge(now)
        if self.state == _WAITING and self._reason == "registration":
            accounts = self._client.accounts
            waited_for = [  # resource 16 asks for it whatever the other servers do
                account.location is None and account.value("bootstrap_on_failure")
                for account in accounts
            ]
            if any([account.reachable for account in accounts]) and not any(waited_for):
                self._end(_IDLE, None)
        if self._due is not None and now >= self._due:
            if self.state == _WAITING:
                self._request(now)
            elif self.state == _SESSION:
                self._failed("timeout", now)
        due = self._due
        if self._purge_at is not None and (due is None or self._purge_at < due):
            due = None if self.active else self._purge_at
        return due

    def freeze(self) -> list:
        """Return what must outlive a deep sleep, as plain values; times are those of the clock."""
        return [
            self.state,
            self._reason,
            self._failures,
            self._due,
            self._purge_at,
            self._pack,
            None if self.touched is None else [list(each) for each in self.touched.items()],
        ]

    def thaw(self, facts: list) -> None:
        """Take back what `freeze` returned; ValueError, TypeError for what is no such list."""
        state, reason, failures, due, purge_at, pack, touched = facts
        self.state = min(state, _WAITING)
        self._reason, self._failures, self._purge_at, self._pack = reason, failures, purge_at, pack
        self._due = due if state <= _WAITING else 0
        if touched is not None:
            self.touched = {tuple(key): rids for key, rids in touched}

    def handle(self, request, path: "tuple | None", now: int):
        """Serve a request of the bootstrap server; path: of ids, None for another one.

        Returns the response, or None, silence, where no bootstrap is under way.
        """
        client = self._client
        if not self.active:
            client.drop("not_bootstrapping")
            return None
        self._open(now)
        try:
            response = self._serve(request, path, now)
        except OperationError as error:
            response = request.reply(error.code)
        except CodecError as error:
            response = request.reply(_BAD_REQUEST, str(error).encode())
        except MemoryError:
            response = request.reply(_INTERNAL_SERVER_ERROR)
        client.emit(
            "bootstrap_request",
            method=_METHODS[request.code] if request.code < 5 else str(request.code),
            path="/" + "/".join(request.path()),
            code=dotted(response.code),
        )
        return response

    def _serve(self, request, path, now):
        if path is None:
            if request.path() != ["bs"]:
                raise OperationError(_NOT_FOUND)
            if request.code != _POST:
                raise OperationError(_METHOD_NOT_ALLOWED)
            self._finish(now)
            return request.reply(_CHANGED)
        from lwm2m import bootstrap_operations as operations

        configuration = self._configuration
        if request.code == _GET:
            accept = request.get_uint(_ACCEPT)
            if accept == _LINK_FORMAT:
                links = operations.discover(configuration, path)
                return request.reply(_CONTENT, links, _LINK_FORMAT)
            content_format, payload = operations.read(configuration, path, accept)
            return request.reply(_CONTENT, payload, content_format)
        if request.code == _DELETE:
            operations.delete(configuration, path)
            return request.reply(_DELETED)
        if request.code != _PUT or not path or request.queries():
            raise OperationError(_METHOD_NOT_ALLOWED)
        operations.write(configuration, path, request.get_uint(_CONTENT_FORMAT), request.payload)
        return request.reply(_CHANGED)

    def _finish(self, now):
        """Become what was written (§6.1.7.2); OperationError 4.06 where that cannot work.

        The session goes on then, so that the bootstrap server may correct it.
        """
        client = self._client
        configuration = self._configuration
        reason = configuration.check()
        if reason:
            client.emit("bootstrap_refused", reason=reason)
            raise OperationError(_NOT_ACCEPTABLE)
        self._keep(configuration)
        configuration.apply(client, self._settings)
        self.touched = configuration.apply_others()
        self._end(_IDLE, None)
        self._failures = 0
        self._find()
        self._arm(now)
        seconds = client.epoch() if client.epoch else None
        for account in client.accounts:
            if seconds is not None and "last_bootstrapped" in account.version.server_resources:
                account.server.put("last_bootstrapped", seconds)
        servers = [account.short_server_id for account in client.accounts]
        client.emit("bootstrapped", servers=servers)
        client.start(now)

    def _keep(self, configuration):
        """Store a configuration; OperationError 5.00 where that is not possible."""
        if self._store:
            try:
                self._store(configuration.freeze())
            except (OSError, ValueError) as error:
                self._client.emit("error", reason="the account is not stored: %s" % error)
                raise OperationError(_INTERNAL_SERVER_ERROR)

    def _find(self):
        """Look up the Security instance of the bootstrap server, and its address."""
        tree = self._client.tree
        self._security = self._peer = None
        for iid in tree.instances(0):
            security = tree.get(0, iid)
            if security.values[_BOOTSTRAP]:
                self._security = security
                self._peer = parse_uri(security.values[_URI])[:2]
        for account in self._client.accounts:
            account.server.bootstraps = self._security is not None

    def _arm(self, now):
        """Set the time at which the bootstrap server's account ends, if it does (resource 12)."""
        seconds = self._security.values.get(_TIMEOUT, 0) if self._security else 0
        self._purge_at = now + min(seconds, 0x7FFFFFFF) * 1000 if seconds > 0 else None

    def _purge(self, now):
        """End the bootstrap server's account (§6.1.3.3, clean-up)."""
        from lwm2m.provision import Configuration

        self._purge_at = None
        if self._security is None:
            return
        configuration = Configuration(self._client, self._version, self.touched)
        del configuration.accounts[0][self._security.instance_id]
        try:
            self._keep(configuration)
        except OperationError:
            self._purge_at = now + _STORE_AGAIN_MS
            return
        self._client.tree.remove(0, self._security.instance_id)
        self._end(_IDLE, None)
        self._find()
        self._client.emit("bootstrap_account_purged")

    def _open(self, now):
        """Go on with the session, or begin it with the configuration as it is."""
        if self._configuration is None:
            from lwm2m.provision import Configuration

            self._configuration = Configuration(self._client, self._version, self.touched)
        self.state = _SESSION
        self._due = now + _EXCHANGE_LIFETIME_MS

    def _end(self, state, due):
        self.state = state
        self._due = due
        self._configuration = None

    def _request(self, now):
        """Send Bootstrap-Request or Bootstrap-Pack-Request (§6.1.7.1; TS 1.2 Core §6.1.7.7)."""
        client = self._client
        link = client.links.get("U")
        self._attempt += 1
        self._end(_REQUESTING, None)
        client.emit("bootstrapping", reason=self._reason, attempt=self._failures + 1)
        if link is None:
            self._failed("no_link", now)
            return
        request = Message(_GET if self._pack else _POST)
        path, _, query = parse_uri(self._security.values[_URI])[2].partition("?")
        if self._settings.get("uri_host") and self._peer[0].strip("0123456789."):
            request.add(3, self._peer[0].lower())  # Uri-Host
        for segment in path.strip("/").split("/") if path else ():
            request.add(_URI_PATH, segment)
        request.add(_URI_PATH, "bspack" if self._pack else "bs")
        request.add(_URI_QUERY, "ep=" + client.endpoint_name)
        for argument in query.split("&") if query else ():
            request.add(_URI_QUERY, argument)
        if self._pack:
            request.add(_ACCEPT, self._version.structured_format)
        elif self._format_query:
            request.add(_URI_QUERY, "pct=%d" % self._version.structured_format)
        attempt = self._attempt

        def on_response(response, reason, now):
            if self._attempt == attempt and self.active:
                self._answered(response, reason, now)

        client.endpoint.request(request, self._peer, link, now, on_response)

    def _answered(self, response, reason, now):
        """Act on the outcome of the request; once the bootstrap server speaks it tells nothing."""
        if self.state == _SESSION:
            return
        code = response.code if response else 0
        if self._pack and code == _CONTENT:
            self._unpack(response, now)
        elif not self._pack and code == _CHANGED:
            self._open(now)
        elif self._pack and code >> 5 == 4:
            self._pack = False  # a server without Pack; it is asked the other way
            self._request(now)
        elif self._format_query and code == _UNSUPPORTED_CONTENT_FORMAT:
            self._format_query = False
            self._request(now)
        else:
            wait_s = max_age_s(response) if code == _SERVICE_UNAVAILABLE else 0
            self._failed(dotted(code) if code else reason, now, wait_s)

    def _unpack(self, response, now):
        """Write what a Pack holds and finish."""
        from lwm2m.bootstrap_operations import write

        self._open(now)
        try:
            content_format = response.get_uint(_CONTENT_FORMAT, self._version.structured_format)
            write(self._configuration, (), content_format, response.payload)
            self._finish(now)
        except (OperationError, CodecError) as error:
            code = error.code if isinstance(error, OperationError) else _BAD_REQUEST
            self._failed("pack: " + dotted(code), now)

    def _failed(self, reason, now, wait_s=0):
        """Try again later, with the configuration as it was before."""
        client = self._client
        self._failures += 1
        if self._reason == "trigger" and self._failures >= _ENOUGH_FAILURES:
            if any([account.reachable for account in client.accounts]):
                self._end(_IDLE, None)
                client.emit("bootstrap_failed", reason=reason, retry_s=None)
                return
        delay_ms = _LONGEST_DELAY_MS
        if self._failures <= 11:
            delay_ms = min(_FIRST_DELAY_MS << self._failures - 1, delay_ms)
        delay_ms = max(delay_ms, min(wait_s * 1000, _LONGEST_DELAY_MS))
        delay_ms += (delay_ms >> 10) * client.random_bits(8)
        self._end(_WAITING, now + delay_ms)
        client.emit("bootstrap_failed", reason=reason, retry_s=delay_ms // 1000)
