"""A server account: what the client knows of one LwM2M Server, and where it stands with it.

The Object 1 (and Object 0) instances of the server are the truth for every setting that a server
may write; `refresh` reads the mode from them. The rest is the state of the registration interface,
which `registration`, `queue`, `observe` and `trigger` keep here and `state` carries over a deep
sleep.
"""


class ServerAccount:
    """One LwM2M Server.

    short_server_id: 1 to 65534. version: versions.Version. server: the Object 1 instance.
    security: the Object 0 instance, None in the draft. peers: {"U": (host, port), "S": digits}; a
    binding without a peer is not used. queue_mode: whether Queue Mode is asked for where the
    binding does not say it (1.1). awake_time_ms: time to stay awake after the last message, None
    for what the version prescribes. after_sleep: "update" or "register", what a silence of more
    than nat_ms ends with: a NAT may have given the client another address meanwhile (TS 1.1
    Transport 6.4.3). triggers_per_hour: obeyed SMS triggers in an hour. uri_host: whether requests
    over UDP name the host (RFC 7252 §6.4), which only a server that is several at one address
    needs. profile: None to tell the server the object list, or the Profile IDs that stand for it
    where the version has them: "hash", or "oma:..." or "v:..." with commas between.
    """

    nat_ms = 60_000
    profile: "str | None" = None
    uri_host = False
    rest = ""  # what the server's URI says behind host and port

    def __init__(
        self,
        short_server_id: int,
        version,
        server,
        security=None,
        peers: "dict | None" = None,
        queue_mode: bool = True,
        awake_time_ms: "int | None" = None,
        after_sleep: str = "update",
        triggers_per_hour: int = 10,
    ) -> None:
        self.short_server_id = short_server_id
        self.version = version
        self.configured = version.name
        self.server = server
        self.security = security
        self.peers = peers or {}
        self.home = self.peers.get("U")  # the address that was configured
        self.queue_mode = queue_mode
        self.awake_time_ms = awake_time_ms
        self.after_sleep = after_sleep
        self.triggers_per_hour = triggers_per_hour
        self.written = set()  # resource ids of Object 1 that were changed since the configuration
        self.refresh()
        self.forget()

    def forget(self) -> None:
        """Become an account that has never spoken to its server."""
        self.state = 0  # see registration.NAMES
        self.location: "list | None" = None  # registration path, a list of segments
        self.registered: "tuple | None" = None  # parameters the server has acknowledged
        self.offered: "tuple | None" = None  # parameters in the message that is outstanding
        self.sent_at = 0  # ms, when that message, or the last one, left
        self.touched_at = 0  # ms, when any message last left or came
        self.expires: "int | None" = None  # ms, when the server forgets it; None never
        self.due: "int | None" = None  # ms: next Update, next try or end of the disabled time
        self.failures = 0
        self.wanted: "str | None" = None  # why an Update is to be sent at once
        self.changed = True  # parameters may differ from the registered ones
        self.links: "int | None" = None  # CRC-32 of the object list, None when it has to be built
        self.held = False  # WAITING as a 5.03 said, or for its turn: the application ends neither
        self.resuming = False  # the next Register ends a disabled period
        self.leaving: "int | None" = None  # IDLE or DISABLED: deregister, then become that
        self.awake_until: "int | None" = None  # ms, end of the awake time; None asleep
        self.outbox = []  # (format, payload) of each Send that waits, the first perhaps on its way
        self.sending = False  # it is; None: it was, and is to go again
        self.send_at = 0  # ms, before which a 5.03 forbids a Send
        self.paced_until = 0  # ms, when the NON notifications sent are paid for; see observe
        self.triggered_at = 0  # ms, when a trigger came last
        self.trigger_hour = 0  # ms, when the current hour of triggers began
        self.trigger_count = 0

    def value(self, role: str, default=None):
        """Return the value of the Server object's resource that plays `role`, or default."""
        rid = self.version.server_resources.get(role)
        value = None if rid is None else self.server.values.get(rid)
        return default if value is None else value

    def refresh(self) -> bool:
        """Read address and mode from the Server object, whose resources may have been written.

        Returns whether the server is at another address (CR C.1 resource 0, in the draft only).
        One that cannot be read leaves the address as it was.

        transports: "U", "S" or "US", preferred first. queue: whether the client works in Queue
        Mode with this server (CR 6.1). transport: the binding that the client speaks by, "U" or
        "S".
        """
        version = self.version
        mode = version.parse_binding(self.value("binding")) or ("U", self.queue_mode)
        self.transports, self.queue = mode
        if version.queue_query == "Q":
            self.queue = self.queue_mode
        preferred = self.value("preferred_transport")
        usable = preferred and preferred in self.transports
        self.transport = preferred if usable else self.transports[0]
        if self.transport not in self.peers:
            self.transport = "U"  # a server may ask for SMS of a client that has no number of it
        uri = self.value("uri")
        if not uri:
            return False
        from lwm2m.server_uri import parse_uri

        try:
            host, port, self.rest = parse_uri(uri)
        except ValueError:
            return False
        moved = (host, port) != self.peers.get("U")
        self.peers["U"] = (host, port)
        return moved

    def address(self, request, resource: "str | None" = None) -> None:
        """Add to a request what the server's URI says beside its address (RFC 7252 §6.4).

        resource: what is asked for below the path of that URI, None where the path is known.
        """
        host = self.peers["U"][0] if self.uri_host and self.transport == "U" else ""
        address(request, host, self.rest if resource else "", resource)

    def answers_sms(self, sms_number: "str | None") -> bool:
        """Whether a request over SMS is served and answered over SMS (CR Table 3; TS 1.0 Table 8).

        sms_number is the client's own. Where this is False only the trigger is obeyed, in silence.
        """
        if self.transport == "S":
            return True
        if not self.version.sms_replies:
            return False
        return "S" in self.transports if self.version.binding_query else sms_number is not None

    @property
    def reachable(self) -> bool:
        """Whether the account is registered and stays so: the server's requests are served."""
        return self.location is not None and self.leaving is None


def address(request, host: str, rest: str, resource: "str | None") -> None:
    """Add to a request what a URI says beside the address (RFC 7252 §6.4).

    host: the name to ask for, "" to name none; an address is never named. rest: "path?query".
    resource: what is asked for below that path, None for nothing.
    """
    if host.strip("0123456789."):
        request.add(3, host.lower())  # Uri-Host
    path, _, query = rest.partition("?")
    for segment in path.strip("/").split("/") if path else ():
        request.add(11, segment)  # Uri-Path
    if resource:
        request.add(11, resource)
    for argument in query.split("&") if query else ():
        request.add(15, argument)  # Uri-Query
