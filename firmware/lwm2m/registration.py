"""The registration interface: Register, Update, Deregister, Disable (CR 5.2.1, C.1; TS 1.0 5.3).

One account is in one state, and this table says what moves it. "Registered" parameters are what the
server acknowledged last; expiry and the next Update are counted from the first transmission.

    state          on                                                   goes to
    IDLE           start                                                REGISTERING
    REGISTERING    2.01 with a Location-Path                            REGISTERED
                   anything else, time-out, Reset                       WAITING
    REGISTERED     Update due or wanted, parameters changed             UPDATING
                   queue parameter changed, lifetime over,
                   wake or new address with after_sleep "register"      REGISTERING
                   deregister, Disable                                  DEREGISTERING
    UPDATING       2.04                                                 REGISTERED
                   5.xx                                                 WAITING, registration kept
                   4.xx, time-out, Reset                                REGISTERING
    DEREGISTERING  any outcome                                          IDLE or DISABLED
    DISABLED       DisableTimeout over                                  REGISTERING
    WAITING        delay over, or an Update wanted                      UPDATING or REGISTERING

The delay after the n-th failure in a row is 60 s x 2^(n-1), at most 86400 s, lengthened by a random
0 to 25 % so that a fleet does not come back all at once; a 5.03 replaces it with its Max-Age
(RFC 7252 §5.9.3.4, 60 s where absent).
"""

import binascii

from micropython import const

from coap.codes import CHANGED, CREATED, DELETE, POST, SERVICE_UNAVAILABLE, dotted
from coap.message import CON, Message
from coap.options import CONTENT_FORMAT, LOCATION_PATH, MAX_AGE, URI_PATH, URI_QUERY

IDLE = const(0)
REGISTERING = const(1)
REGISTERED = const(2)
UPDATING = const(3)
DEREGISTERING = const(4)
DISABLED = const(5)
WAITING = const(6)
NAMES = (
    "idle", "registering", "registered", "updating", "deregistering", "disabled", "waiting"
)  # fmt: skip

_LINK_FORMAT = const(40)
_FIRST_DELAY_MS = const(60_000)
_LONGEST_DELAY_MS = const(86_400_000)
_DEFAULT_LIFETIME_S = const(86_400)
_DEFAULT_DISABLE_S = const(86_400)
_DEFAULT_MAX_AGE_S = const(60)


class Registrar:
    """Drives the registrations of a client's accounts. Nothing is sent outside `step`."""

    def __init__(self, client) -> None:
        self._client = client

    def step(self, account, now: int) -> "int | None":
        """Send what is due for one account; return when it next has to run, None for an event."""
        state = account.state
        if state == DISABLED:
            if now >= account.due:
                account.resuming = True
                self._client.emit("enabled", account)
                self._register(account, now)
        elif state == WAITING or state == REGISTERED:
            if account.leaving is not None:
                self._deregister(account, now)
            elif account.location is None or now >= account.expires:
                if account.wanted or now >= account.due:
                    self._register(account, now)
            elif self._update_due(account, now):
                self._update(account, now)
        return account.due

    def start(self, account, now: int) -> None:
        """Begin to register an account that is idle, at the next step."""
        if account.state == IDLE:
            account.state = WAITING
            account.due = now

    def leave(self, account, target: int, now: int) -> None:
        """Deregister and then be IDLE or DISABLED; nothing to deregister from goes there at once."""
        if account.state == IDLE and target == IDLE:
            return
        account.leaving = target
        if account.state == WAITING and account.location is None:
            self._left(account, now)

    def _update_due(self, account, now):
        if account.changed and account.state == REGISTERED:
            account.changed = False
            if not account.wanted and self._parameters(account) != account.registered:
                account.wanted = "changed"
        if not account.wanted and now >= account.due:
            account.wanted = "lifetime"
        return account.wanted

    def _parameters(self, account):
        if account.links is None:
            account.links = binascii.crc32(self._client.object_list(account)) & 0x3FFFFFFF
        return account.parameters(self._client.sms_number)

    def _register(self, account, now):
        """CR 5.2.1 Table 2: a Register, which replaces whatever registration there was."""
        client = self._client
        version = account.version
        account.state = REGISTERING
        account.location = account.wanted = None
        account.changed = False
        account.offered = lifetime, binding, queue, sms, _ = self._parameters(account)
        request = Message(POST, CON, payload=client.object_list(account))
        request.add(URI_PATH, "rd").add(CONTENT_FORMAT, _LINK_FORMAT)
        request.add(URI_QUERY, "ep=" + client.endpoint_name)
        if lifetime is not None:
            request.add(URI_QUERY, "lt=%d" % lifetime)
        if version.lwm2m_query:
            request.add(URI_QUERY, "lwm2m=" + version.lwm2m_query)
        if binding is not None and version.binding_query:
            request.add(URI_QUERY, "b=" + binding)
        if queue and version.queue_query:
            request.add(URI_QUERY, version.queue_query)
        if sms:
            request.add(URI_QUERY, "sms=" + sms)
        client.emit("registering", account, attempt=account.failures + 1)
        self._send(account, request, now, self._register_done)

    def _register_done(self, account, response, reason, now):
        if response and response.code == CREATED:
            location = _location(response)
            if location:
                account.location = location
                self._accepted(account)
                self._client.observations.registered(account)
                facts = {"location": "/" + "/".join(location), "lifetime_s": account.registered[0]}
                self._client.emit("registered", account, **facts)
                return
            reason = "no_location"
        self._failed(account, response, reason, now)

    def _update(self, account, now):
        """CR 5.2.1, TS 1.0 5.3.2: only what has changed; the object list whole or not at all."""
        client = self._client
        version = account.version
        current = self._parameters(account)
        lifetime, binding, queue, sms, links = current
        known = account.registered
        asleep = queue and account.awake_until is None
        renew = account.after_sleep == "register" and not version.update_on_address_change
        if (asleep and renew) or (version.queue_query and queue != known[2]):
            return self._register(account, now)
        request = Message(version.update_method, CON)
        for segment in account.location:
            request.add(URI_PATH, segment)
        if lifetime != known[0] and lifetime is not None:
            request.add(URI_QUERY, "lt=%d" % lifetime)
        if binding != known[1] and version.binding_query:
            request.add(URI_QUERY, "b=" + binding)
        if sms != known[3] and sms:
            request.add(URI_QUERY, "sms=" + sms)
        if links != known[4]:
            request.add(CONTENT_FORMAT, _LINK_FORMAT)
            request.payload = client.object_list(account)
        account.offered = current
        account.state = UPDATING
        client.emit("updating", account, reason=account.wanted)
        account.wanted = None
        account.changed = False
        self._send(account, request, now, self._update_done)

    def _update_done(self, account, response, reason, now):
        if response and response.code == CHANGED:
            self._accepted(account)
            self._client.observations.resume()
            self._client.emit("updated", account)
        elif response and response.code >> 5 == 5:
            self._failed(account, response, reason, now)
        else:
            account.state = WAITING
            account.location = None
            account.due = now
            outcome = dotted(response.code) if response else reason
            self._client.emit("register_failed", account, step="update", reason=outcome, retry_s=0)

    def _accepted(self, account):
        account.state = REGISTERED
        account.registered = account.offered
        account.offered = None
        account.failures = 0
        lifetime_s = account.registered[0]
        lifetime_ms = (_DEFAULT_LIFETIME_S if lifetime_s is None else lifetime_s) * 1000
        span_ms = self._client.route(account)[0].transmission.max_transmit_span_ms
        account.expires = account.sent_at + lifetime_ms
        account.due = account.expires - min(span_ms, lifetime_ms // 2)

    def _failed(self, account, response, reason, now):
        account.state = WAITING
        account.failures += 1
        delay_ms = _LONGEST_DELAY_MS
        if account.failures <= 11:
            delay_ms = min(_FIRST_DELAY_MS << account.failures - 1, delay_ms)
        delay_ms += (delay_ms >> 10) * self._client.random_bits(8)
        if response:
            reason = dotted(response.code)
            if response.code == SERVICE_UNAVAILABLE:
                delay_ms = response.get_uint(MAX_AGE, _DEFAULT_MAX_AGE_S) * 1000
        account.due = now + delay_ms
        step = "register" if account.location is None else "update"
        self._client.emit(
            "register_failed", account, step=step, reason=reason, retry_s=delay_ms // 1000
        )

    def _deregister(self, account, now):
        if account.location is None or now >= account.expires:
            return self._left(account, now)
        account.state = DEREGISTERING
        request = Message(DELETE, CON)
        for segment in account.location:
            request.add(URI_PATH, segment)
        self._send(account, request, now, self._deregister_done)

    def _deregister_done(self, account, response, reason, now):
        outcome = dotted(response.code) if response else reason
        self._client.emit("deregistered", account, reason=outcome)
        self._left(account, now)

    def _left(self, account, now):
        client = self._client
        account.state = account.leaving
        account.leaving = account.location = account.wanted = account.awake_until = None
        account.due = None
        if account.state == DISABLED:
            seconds = account.value("disable_timeout", _DEFAULT_DISABLE_S)
            account.due = now + seconds * 1000
            client.emit("disabled", account, seconds=seconds)
        else:
            client.observations.forget(account)
        link, peer = client.route(account)
        if link:
            client.endpoint.cancel(now, peer, link)

    def _send(self, account, request, now, done):
        """Send a request by the account's transport; `done(account, response, reason, now)`."""
        link, peer = self._client.route(account)
        state = account.state
        account.sent_at = now
        account.due = None
        if link is None:
            return done(account, None, "no_link", now)

        def on_response(response, reason, now):
            if account.state == state:
                if response:
                    self._client.awake.touch(account, now)
                done(account, response, reason, now)

        self._client.awake.touch(account, now)
        self._client.endpoint.request(request, peer, link, now, on_response)


def _location(response):
    """Return the segments of a Location-Path, also where "rd/5" came in one option; [] if it is bad."""
    try:
        path = b"/".join([bytes(option) for option in response.all(LOCATION_PATH)]).decode()
    except UnicodeError:
        return []
    return [segment for segment in path.split("/") if segment]
