"""What servers ask of the client: whose request it is, whether it is heard, and who serves it.

The endpoint hands requests to `handle`, and the first block of a large one to `take`. A request
for a node of the Objects goes to `operations` and, where it observes, to `observe`; one of the
bootstrap server's to `bootstrap`; the rest is answered by `discover`.
"""

from coap.message import dotted
from micropython import const

from lwm2m.object import OperationError

_DISABLED = const(5)

_GET = const(0x01)
_POST = const(0x02)
_FETCH = const(0x05)
_NOT_FOUND = const(0x84)
_INTERNAL_SERVER_ERROR = const(0xA0)
_SERVICE_UNAVAILABLE = const(0xA3)

_METHODS = " GET POST PUT DELETE FETCH PATCH iPATCH".split(" ")


class Requests:
    """Serves the requests of a client's servers. root: segments of the alternate path.

    on_failure: callable(exception), told of what an Object raises that it should not; the answer
    is 5.00 then. None: it is raised.
    """

    def __init__(self, client) -> None:
        self._client = client
        self._by_sms = False
        self.on_failure = None
        self.root = client.root.split("/") if client.root else []

    def handle(self, request, peer, link, now: int):
        """Serve one request (CR Table 3: the endpoint answers by the link it came by).

        Returns the response, or None where silence is the answer.
        """
        client = self._client
        path = request.ids(len(self.root))
        bootstrap = client.bootstrap
        if bootstrap and bootstrap.owns(peer, link):
            return bootstrap.handle(request, path if self._is_node(request, path) else None, now)
        account = self._asking(request, path, peer, link, now)
        if account is None:
            return None
        self._by_sms = link.binding == "S"
        if hasattr(request.payload, "end"):  # an Object has taken the body, see `take`
            response = request.payload.end(request)
        elif self._is_node(request, path):
            if request.code in (_GET, _FETCH):
                response = self._operate(request, path, account)
                client.observations.handle(request, response, path, account, now)
            else:
                response = self._accept(request, path, account)
                client.observations.due = 0  # attributes may be others
        else:
            from lwm2m.discover import elsewhere

            response = elsewhere(client, request, account)
        if client.on_event:
            client.emit(
                "request",
                account,
                method=_METHODS[request.code] if request.code < 8 else str(request.code),
                path="/" + "/".join(request.path()),
                code=dotted(response.code),
                binding=link.binding,
            )
        return response

    def take(self, request, peer, link, now: int):
        """Say at the first block of a request's body whether the rest is wanted.

        Returns what coap.endpoint's on_body may return.
        """
        client = self._client
        if client.bootstrap and client.bootstrap.owns(peer, link):
            return True
        path = request.ids(len(self.root))
        account = self._asking(request, path, peer, link, now)
        if account is None or self._is_node(request, path):
            obj = client.tree.get(path[0], path[1]) if account and len(path) == 3 else None
            if obj and hasattr(obj, "body_sink"):
                return obj.body_sink(request, path[2], client.operations(account), account)
            return account and True
        from lwm2m.discover import elsewhere

        return elsewhere(client, request, account)

    def execute(self, account, role: "str | None") -> None:
        """Act on an Execute of a Server object; what it asks for follows its response.

        Raises OperationError 4.04 for what is not there, 5.03 for a trigger too many.
        """
        client = self._client
        if role == "disable":
            client.leave(account, _DISABLED, client.now)
        elif role == "bootstrap_trigger" and client.bootstrap:
            client.bootstrap.begin("trigger", client.now)
        elif role != "update_trigger":
            raise OperationError(_NOT_FOUND)
        elif self._by_sms:
            from lwm2m.trigger import admit

            reason = admit(account, client.now)
            client.triggered(account, reason)
            if reason == "sms_rate_limit":
                raise OperationError(_SERVICE_UNAVAILABLE)
        else:
            account.wanted = account.wanted or "trigger"
            account.held = False
            client.emit("trigger", account)

    def _accept(self, request, path, account):
        """Carry out what may change something; what it did is kept before it is answered."""
        client = self._client
        touched = client.touched = [] if client.on_accepted else None
        try:
            response = self._operate(request, path, account)
        finally:
            client.touched = None
        if touched is not None and response.code >> 5 == 2:
            if request.queries():
                touched.append(())  # attributes
            if touched:
                try:
                    client.on_accepted(touched)
                except (OSError, MemoryError):
                    return request.reply(_INTERNAL_SERVER_ERROR)
        return response

    def _operate(self, request, path, account):
        try:
            return self._client.operations(account).handle(request, path, account)
        except Exception as error:
            if self.on_failure is None:
                raise
            # The server repeats a request that is not answered: a restart would only meet it
            # again.
            self.on_failure(error)
            return request.reply(_INTERNAL_SERVER_ERROR)

    def _asking(self, request, path, peer, link, now):
        """Return the account whose server asks; None where silence is the answer."""
        client = self._client
        account = client.account(peer, link)
        if account and path and path[0] == 1:
            # Of servers that share a peer it is the one whose Server object is meant.
            for other in client.accounts:
                if other.peers.get(link.binding) == account.peers[link.binding]:
                    if path[1:2] == (other.server.instance_id,):
                        account = other
        if client.bootstrap and client.bootstrap.in_session:
            client.drop("bootstrapping", account)
            return None
        if account and account.reachable:
            return account
        # TS 1.0 5.4: silence until the Register is answered, which a trigger brings nearer.
        if account and link.binding == "S" and request.code == _POST:
            trigger = account.version.server_resources["update_trigger"]
            if path == (1, account.server.instance_id, trigger) and self._is_node(request, path):
                from lwm2m.trigger import admit

                client.triggered(account, admit(account, now))
                return None
        client.drop("not_registered", account)
        return None

    def _is_node(self, request, path):
        """Tell whether a path, below the root, is one that a node of the Objects may have."""
        root = self.root
        if path is None:
            return False
        return not root or request.path()[: len(root)] == root
