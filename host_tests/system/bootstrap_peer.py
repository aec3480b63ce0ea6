"""A scripted bootstrap server for system tests, on the firmware's own CoAP endpoint."""

from coap import registry as codes
from coap.endpoint import Endpoint
from coap.message import CON, Message, dotted
from system.peer import Link
from unit.lwm2m.bootstrap_bench import SENML_CBOR, encoded, security, server

BOOTSTRAP_SERVER = ("192.0.2.17", 5693)
URI = "coap://%s:%d" % BOOTSTRAP_SERVER

_TURN_MS = 50  # from an answer to the next request


def account(uri, server_id=1, iid=0, number=None, lifetime=86400, **more):
    """Return the script that provides one server: Security /0/iid+1 and Server /1/iid."""
    about = {"r9": number} if number else {}
    return [
        (codes.PUT, (0, iid + 1), security(uri, server_id, **about)),
        (codes.PUT, (1, iid), server(server_id, lifetime, **more)),
    ]


FINISH = [(codes.POST, ("bs",), None)]


class BootstrapPeer:
    """The bootstrap server of a World; its events are those of "bootstrap".

    script: [(code, path of ids, resources of an instance or None)], done in order after each
    Bootstrap-Request. refusals: codes that the next requests are answered with. silent: hears
    nothing. on_answer(path, code): told of each answer. cut_after: ends the script after so many.
    """

    def __init__(self, world, script):
        self.script = script
        self.refusals = []
        self.silent = False
        self.on_answer = None
        self._world = world
        self._left = []
        self._peer = None
        self._link = Link()
        self._link.server = world.network.attach(
            BOOTSTRAP_SERVER[0], BOOTSTRAP_SERVER[1], self._datagram
        )
        self._endpoint = Endpoint(self._handle, world.random_bits)
        self._timer = None

    def _datagram(self, data, peer):
        if self.silent:
            self._world.record("bootstrap", "unheard", {})
            return
        self._endpoint.receive(data, peer, self._link, self._now())
        self._step()

    def _now(self):
        return self._world.timers.now()

    def _handle(self, request, peer, link, now):
        facts = {"path": "/".join(request.path()), "query": request.queries()}
        if self.refusals:
            self._world.record("bootstrap", "refused", facts)
            return request.reply(self.refusals.pop(0))
        self._world.record("bootstrap", "request", facts)
        self._endpoint.cancel(now)
        self._peer = peer
        self._left = list(self.script)
        self._world.timers.call_later(_TURN_MS, self._next)
        return request.reply(codes.CHANGED)

    def _next(self):
        if not self._left:
            return
        code, path, values = self._left.pop(0)
        request = Message(code, CON)
        for part in path:
            request.add(codes.URI_PATH, str(part))
        if values:
            request.add(codes.CONTENT_FORMAT, SENML_CBOR)
            request.payload = encoded(path, values)
        text = "/" + "/".join([str(part) for part in path])

        def on_response(response, reason, now):
            answer = dotted(response.code) if response else reason
            self._world.record("bootstrap", "answer", {"path": text, "code": answer})
            if self.on_answer:
                self.on_answer(text, answer)
            if response:
                self._world.timers.call_later(_TURN_MS, self._next)

        self._endpoint.request(request, self._peer, self._link, self._now(), on_response)
        self._step()

    def _step(self):
        self._world.timers.cancel(self._timer)
        now = self._now()
        due = self._endpoint.step(now)
        self._timer = None
        if due is not None:
            self._timer = self._world.timers.call_later(due - now, self._step)
