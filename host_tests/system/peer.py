"""A scripted LwM2M server for system tests, on the firmware's own CoAP endpoint.

It takes Register, Update and Deregister, keeps what is asked of the client until the client shows,
then asks it one request after the other (CR 6.1), and sends triggers by SMS. It does what a test
tells it to and records all that it hears; servers written elsewhere are in host_tests/interop.
"""

from coap import registry as codes
from coap import transmission
from coap.endpoint import Endpoint
from coap.message import CON, FormatError, Message, decode, dotted
from lwm2m import versions

from tools.virtual import sms_pdu

_OBSERVE = 6
_LOCATION_PATH = 8
_URI_PATH = 11
_CONTENT_FORMAT = 12
_BAD_REQUEST = 0x80
_MAX_AGE = 14
_ACCEPT = 17
_BLOCK2 = 23
_OPAQUE = 42
_MORE = 8
_WAP_PUSH_PORT = 2948
_WAP_PUSH = b"\x01\x06\x03\xc4\xaf\x9a"  # OMA LwM2M Core, Appendix L
_TURN_MS = 50  # from an answer to the next request


class Registration:
    """One registered client: query (list of str), links, address, lifetime_s, expires_ms."""

    def __init__(self, location, address, query, links):
        self.location = location
        self.address = address
        self.query = query
        self.links = links
        self.lifetime_s = 86400
        self.expires_ms = 0


class Link:
    """The server's side of the network, as the endpoint wants it."""

    binding = "U"
    mtu = 1024

    def __init__(self):
        self.transmission = transmission.udp()
        self.server = None

    def send(self, data, peer):
        self.server.send(bytes(data), peer)


class _SmsLink:
    """The server's side of the SMS centre; a peer is a telephone number."""

    binding = "S"
    mtu = 1024

    def __init__(self, centre, number):
        self.transmission = transmission.sms()
        self._centre = centre
        self._number = number
        self._parts = {}  # (sender, reference) -> {sequence: data}

    def send(self, data, peer):
        self._centre.send(self._number, peer, bytes(data))

    def join(self, sender, data, header):
        """Return the whole message that this part, or message of its own, ends; else None."""
        if header[1:3] != b"\x00\x03":
            return data
        reference, total, sequence = header[3:6]
        parts = self._parts.setdefault((sender, reference), {})
        parts[sequence] = data
        if len(parts) < total:
            return None
        del self._parts[(sender, reference)]
        return b"".join([parts[index + 1] for index in range(total)])


class Peer:
    """The server at `address` (host, port), with the telephone `number`.

    record(who, name, facts) takes what happens; `client_number` is where triggers go. `instance`
    is that of the client's Server object for this server. What it does:

    by_sms      takes CoAP by SMS too, and asks by SMS whoever spoke so last

    silent      hears nothing and says nothing
    forgetful   ends its observations when the client registers again
    refusals    [(code, Max-Age or None)]: what the next Registers and Updates are answered
    registrations {location: Registration}; clear it to forget them
    waiting     [(name, request)] for the client, one at a time after its next message
    answers     {name: (code, payload)}: what came of them
    notifications [(path, payload, confirmable)]; sms: user data that came by SMS
    tap         callable(data) or None: given each datagram that comes over UDP, heard or not
    """

    def __init__(
        self,
        network,
        timers,
        record,
        address,
        number,
        client_number,
        version,
        random_bits,
        instance=0,
    ):
        self.address = address
        self.number = number
        self.client_number = client_number
        self.version = versions.get(version)
        self.instance = instance
        self.by_sms = False
        self.silent = False
        self.forgetful = True
        self.refusals = []
        self.registrations = {}
        self.waiting = []
        self.answers = {}
        self.notifications = []
        self.sms = []
        self.tap = None
        self.last_address = None
        self._network = network
        self._timers = timers
        self._record = record
        self._random_bits = random_bits
        self._observed = {}  # token -> path
        self._fetching = {}  # token -> [path, body so far, whether Confirmable]
        self._asking = None
        self._next_location = 0
        self._expiry = None  # of the one registration
        self._timer = None
        self._link = Link()
        self._link.server = network.attach(address[0], address[1], self._datagram)
        self._sms_link = _SmsLink(network.sms, number)
        self._spoken_by = self._link
        self._endpoint = Endpoint(self._handle, random_bits)
        network.sms.listen(number, self._text_message)

    @property
    def sms_mtu(self):
        """The bytes of the longest SMS that is asked by; longer requests go in blocks."""
        return self._sms_link.mtu

    @sms_mtu.setter
    def sms_mtu(self, mtu):
        self._sms_link.mtu = mtu

    @property
    def registration(self):
        """The newest registration, None without one."""
        return self.registrations[max(self.registrations)] if self.registrations else None

    # Requests.

    def read(self, path, accept=None) -> None:
        """Have `path` read; the answer goes to answers[path]."""
        request = self.request(codes.GET, path)
        self.ask(path, request if accept is None else request.add(_ACCEPT, accept))

    def observe(self, path, cancel=False) -> None:
        """Have `path` observed, or no more; the answer goes to answers["observe " + path]."""
        self.ask(
            ("cancel " if cancel else "observe ") + path,
            self.request(codes.GET, path).add(_OBSERVE, int(cancel)),
        )

    def write(self, path, text) -> None:
        """Have a text written; the answer goes to answers["write " + path]."""
        self.ask("write " + path, self.request(codes.PUT, path, text.encode()))

    def write_bytes(self, path, data) -> None:
        """Have bytes written as one opaque value; the answer goes to answers["write " + path]."""
        request = self.request(codes.PUT, path, data).add(_CONTENT_FORMAT, _OPAQUE)
        self.ask("write " + path, request)

    def write_attributes(self, path, *queries) -> None:
        """Have attributes such as "pmin=10" set; answered in answers["attributes " + path]."""
        request = self.request(codes.PUT, path)
        for query in queries:
            request.add(15, query)
        self.ask("attributes " + path, request)

    def execute(self, path) -> None:
        """Have `path` executed; the answer goes to answers["execute " + path]."""
        self.ask("execute " + path, self.request(codes.POST, path))

    def ask(self, name, request) -> None:
        """Queue a request until the client shows."""
        self.waiting.append((name, request))

    def spoken_by_sms(self, number) -> None:
        """Ask what comes next by SMS, whatever the client spoke by last."""
        self.last_address, self._spoken_by = number, self._sms_link

    def ask_now(self) -> None:
        """Send what waits to where the client was last seen, whether it hears or not."""
        self._ask()

    def resource(self, role) -> str:
        """Return the path of the resource that plays `role` in the client's Object 1."""
        return "/1/%d/%d" % (self.instance, self.version.server_resources[role])

    @staticmethod
    def request(code, path, payload=b""):
        """Return a Confirmable request without message ID and token."""
        request = Message(code, CON, payload=payload)
        for segment in path.split("/")[1:]:
            request.add(_URI_PATH, segment)
        return request

    def restart(self) -> None:
        """Begin anew, as a server whose registrations and observations were in memory only."""
        now = self._timers.now()
        self._endpoint.cancel(now)
        self._timers.cancel(self._timer)
        self._timer = None
        self._endpoint = Endpoint(self._handle, self._random_bits)
        self.registrations.clear()
        self._observed.clear()
        self._fetching.clear()
        self._record("server", "restart", {})

    def asking(self) -> bool:
        """Whether a request is out that is not answered."""
        return self._asking is not None

    # SMS.

    def trigger(self, wap=False, confirmable=True, path=None, sender=None, dcs=4, code=codes.POST):
        """Send the Registration Update Trigger, or what looks like it, as one SMS."""
        request = self.request(code, path or self.resource("update_trigger"))
        request.type = CON if confirmable else CON + 1
        request.message_id = self._random_bits(16)
        request.token = b"\xc0\xff\xee" + bytes((self._random_bits(8),))
        data = bytes(request.encode())
        ports = b""
        if wap:
            data = _WAP_PUSH + data
            ports = sms_pdu.ports(_WAP_PUSH_PORT, 0xC002)
        self.text(data, sender, dcs, ports)

    def text(self, data, sender=None, dcs=4, header=b"") -> None:
        """Send user data as SMS, from the server's number where `sender` is None."""
        self._network.sms.send(sender or self.number, self.client_number, data, dcs, header)

    def _text_message(self, sender, user_data, dcs, udh, pid):
        self.sms.append(user_data)
        self._record("server", "sms", {"from": sender, "bytes": len(user_data), "dcs": dcs})
        whole = self._sms_link.join(sender, user_data, udh) if self.by_sms else None
        if whole is not None:
            self._datagram(whole, sender, self._sms_link)

    # What comes in.

    def _datagram(self, data, peer, link=None):
        if self.tap and link is None:
            self.tap(bytes(data))
        if self.silent:
            self._record("server", "unheard", {"bytes": len(data)})
            return
        self.last_address = peer
        self._spoken_by = link = link or self._link
        if not self._notification(data, peer, link):
            self._endpoint.receive(data, peer, link, self._timers.now())
        self._step()

    def _notification(self, data, peer, link):
        try:
            message = decode(data)
        except FormatError:
            return False
        token = bytes(message.token)
        fetching = self._fetching.pop(token, None)
        path = self._observed.get(token)
        if fetching:
            path, body, confirmable = fetching
        elif path is None or message.code >> 5 < 2 or message.type > 1:
            return False
        else:
            body = b""
            confirmable = message.type == CON
            if confirmable:
                reply = Message(codes.EMPTY, 2, message_id=message.message_id)
                link.send(reply.encode(), peer)
        body += bytes(message.payload)
        if message.get_uint(_BLOCK2, 0) & _MORE:
            self._fetch([path, body, confirmable], message.get_uint(_BLOCK2), peer, link)
            return True
        self.notifications.append((path, body, confirmable))
        self._record("server", "notification", {"path": path, "payload": body})
        return True

    def _fetch(self, fetching, block2, peer, link):
        """Ask for the block of a notification that follows a block (RFC 7959 §2.6)."""
        request = self.request(codes.GET, fetching[0])
        request.type = CON + 1
        request.message_id = self._random_bits(16)
        request.token = b"\xfe" + bytes((self._random_bits(8), self._random_bits(8)))
        request.add(_BLOCK2, (block2 >> 4) + 1 << 4 | block2 & 7)
        self._fetching[request.token] = fetching
        link.send(request.encode(), peer)

    def _handle(self, request, peer, link, now):
        try:
            path = request.path()
            facts = {
                "address": peer,
                "query": request.queries(),
                "path": "/".join(path),
                "confirmable": request.type == CON,
            }
            facts["bytes"] = len(request.payload)
            if path != ["dp"]:
                facts["payload"] = bytes(request.payload).decode()
        except (FormatError, UnicodeError):
            return request.reply(_BAD_REQUEST)  # bits fell over on the wire to the modem
        if request.code == codes.DELETE and "/".join(path) in self.registrations:
            del self.registrations["/".join(path)]
            self._record("server", "deregister", facts)
            return request.reply(codes.DELETED)
        if self.refusals:
            code, max_age = self.refusals.pop(0)
            self._record("server", "refused", facts)
            response = request.reply(code)
            return response if max_age is None else response.add(_MAX_AGE, max_age)
        if path == ["rd"] and request.code == codes.POST:
            return self._register(request, peer, facts, now)
        if path == ["dp"] and self.registrations:
            self._record("server", "send", facts)
            return request.reply(codes.CHANGED)
        registration = self.registrations.get("/".join(path))
        if request.code == self.version.update_method and registration:
            self._record("server", "update", facts)
            if self._asking and registration.address != peer:
                self._endpoint.cancel(now)  # what was asked there is asked here again
            registration.address = peer
            self._renew(registration, request.queries(), now)
            self._turn()
            return request.reply(codes.CHANGED)
        self._record("server", "unknown", facts)
        return request.reply(codes.NOT_FOUND)

    def _register(self, request, peer, facts, now):
        self._record("server", "register", facts)
        self._next_location += 1
        name = "rd/%04d" % self._next_location
        self.registrations.clear()  # the one client replaces its own
        if self.forgetful:
            self._observed.clear()
        registration = Registration(name, peer, request.queries(), facts["payload"])
        self.registrations[name] = registration
        self._renew(registration, request.queries(), now)
        self._turn()
        response = request.reply(codes.CREATED)
        for segment in name.split("/"):
            response.add(_LOCATION_PATH, segment)
        return response

    def _renew(self, registration, queries, now):
        for query in queries:
            if query.startswith("lt="):
                registration.lifetime_s = int(query[3:])
        registration.expires_ms = now + registration.lifetime_s * 1000
        self._timers.cancel(self._expiry)
        self._expiry = self._timers.call_later(
            registration.lifetime_s * 1000 + 1, self._expire, registration
        )

    def _expire(self, registration):
        if self.registrations.get(registration.location) is registration:
            if self._timers.now() >= registration.expires_ms:
                del self.registrations[registration.location]
                self._record("server", "expired", {"location": registration.location})

    # What goes out.

    def _turn(self):
        self._timers.call_later(_TURN_MS, self._ask)

    def _ask(self):
        if self._asking or not self.waiting or self.last_address is None:
            return
        name, request = self._asking = self.waiting.pop(0)

        def on_response(response, reason, now):
            self._asking = None
            if response is None:
                self.waiting.insert(0, (name, request))  # kept for the next time (CR 6.1)
                self._record("server", "unanswered", {"name": name, "reason": reason})
                return
            payload = bytes(response.payload)
            self.answers[name] = (dotted(response.code), payload)
            facts = {"name": name, "code": dotted(response.code), "payload": payload}
            self._record("server", "answer", facts)
            if name.startswith("observe ") and (
                response.get(_OBSERVE) is not None or len(payload) > self._spoken_by.mtu
            ):
                self._observed[token] = name[8:]  # the last of several blocks has no Observe
            self._turn()

        token = self._endpoint.request(
            request, self.last_address, self._spoken_by, self._timers.now(), on_response
        )
        self._record("server", "ask", {"name": name, "to": self.last_address})
        self._step()

    def _step(self):
        self._timers.cancel(self._timer)
        now = self._timers.now()
        due = self._endpoint.step(now)
        self._timer = None if due is None else self._timers.call_later(due - now, self._step)
