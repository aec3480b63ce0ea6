"""A client that knows its bootstrap server only, and that server's side to speak with it."""

from coap.message import CON, Message
from coap.registry import CHANGED, CONTENT_FORMAT, POST, PUT, URI_PATH
from lwm2m import versions
from lwm2m.bootstrap import Bootstrap
from lwm2m.codec import load
from lwm2m.objects.security import Security
from unit.lwm2m.helpers import PEER, URI, Bench

BOOTSTRAP_URI = "coap://boot.example:5693"
BOOTSTRAP_PEER = ("boot.example", 5693)
OTHER_URI = "coap://other.example:5683"
OTHER_PEER = ("other.example", 5683)
SESSION_MS = 247_000  # EXCHANGE_LIFETIME
SENML_CBOR, TLV, SENML_JSON = 112, 11542, 110

# A payload of Security and of Server, {resource id: (type, value)}.
STRING, INTEGER, BOOLEAN, OPAQUE, UNSIGNED = 1, 2, 5, 6, 3


def security(uri=URI, server_id=1, bootstrap=False, mode=3, **more):
    """Return the resources of a Security instance; more: r9="447700900123" and the like."""
    values = {
        0: (STRING, uri),
        1: (BOOLEAN, bootstrap),
        2: (INTEGER, mode),
        3: (OPAQUE, b""),
        4: (OPAQUE, b""),
        5: (OPAQUE, b""),
    }
    if server_id is not None:
        values[10] = (INTEGER, server_id)
    return _more(values, more)


def server(server_id=1, lifetime=300, binding="U", **more):
    """Return the resources of a Server instance."""
    values = {
        0: (INTEGER, server_id),
        1: (INTEGER, lifetime),
        6: (BOOLEAN, True),
        7: (STRING, binding),
    }
    return _more(values, more)


def _more(values, more):
    for name, value in more.items():
        kind = STRING if isinstance(value, str) else INTEGER
        if value is True or value is False:
            kind = BOOLEAN
        values[int(name[1:])] = (kind, value)
    return values


def encoded(path, values, form=SENML_CBOR):
    """Return the payload for an instance at path."""
    entries = [(path + (rid,), values[rid][0], values[rid][1]) for rid in sorted(values)]
    payload = b""
    for chunk in load(form).encode(entries, path):
        payload += bytes(chunk)
    return payload


class BootstrapBench(Bench):
    """One client without servers, with a bootstrap server whose account is /0/0."""

    def __init__(
        self, version="1.1", store=None, pack=False, hold_off_s=None, timeout_s=None,
        settings=None, root_path="", own_number=None,
    ):  # fmt: skip
        self.prepare(own_number, root_path)
        self.records = []
        self.tree.add(
            Security(BOOTSTRAP_URI, bootstrap=True, hold_off_s=hold_off_s, timeout_s=timeout_s)
        )
        self.bootstrap = self.client.bootstrap = Bootstrap(
            self.client,
            versions.get(version),
            {"queue": True} if settings is None else settings,
            store or self.records.append,
            pack,
        )

    @property
    def account(self):
        return self.client.accounts[0]

    def asked(self, path="bs"):
        """Return the Bootstrap-Request that was sent; nothing else was."""
        request = self.one()
        assert request.path() == [path] and request.peer == BOOTSTRAP_PEER, request.path()
        return request

    def begin(self):
        """Start the client and go through its Bootstrap-Request; return that."""
        self.bootstrap.start(self.now)
        self.step()
        request = self.asked()
        self.answer(request, CHANGED)
        assert self.bootstrap.in_session
        return request

    def ask(self, code, path, payload=b"", form=None, options=(), sender=BOOTSTRAP_PEER):
        """Send a request of the bootstrap server's; return what the client sent at that."""
        self.message_id += 1
        request = Message(code, CON, b"\x0b", payload, self.message_id)
        for segment in path.split("/"):
            if segment:
                request.add(URI_PATH, segment)
        if form is not None:
            request.add(CONTENT_FORMAT, form)
        for number, value in options:
            request.add(number, value)
        self.deliver(request, "U", sender)
        return self.sent()

    def tell(self, code, path, payload=b"", form=None, options=()):
        """Send a request of the bootstrap server's; return the code it is answered with."""
        sent = self.ask(code, path, payload, form, options)
        assert len(sent) == 1, sent
        return sent[0].code

    def write(self, path, values, form=SENML_CBOR):
        """Write an instance; return the code."""
        ids = tuple([int(part) for part in path.strip("/").split("/")])
        return self.write_at(path, ids, values, form)

    def write_at(self, path, ids, values, form=SENML_CBOR):
        """Write the instance with these ids at a path; return the code."""
        return self.tell(PUT, path, encoded(ids, values, form), form)

    def finish(self):
        """Send Bootstrap-Finish; return the messages that the client sends at that."""
        return self.ask(POST, "bs")

    def provide(self, form=SENML_CBOR, security_values=None, server_values=None):
        """Write the account of one server; each write is a success."""
        assert self.write("/0/1", security_values or security(), form) == CHANGED
        assert self.write("/1/0", server_values or server(), form) == CHANGED

    def bootstrapped(self):
        """Go through a whole bootstrap and the Register that follows it."""
        self.begin()
        self.provide(server_values=server(lifetime=86_400))
        response, register = self.finish()
        assert response.code == CHANGED and register.peer == PEER
        self.accept(register)
        return register
