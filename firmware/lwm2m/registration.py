"""The registration interface: Register, Update, Deregister, Disable (CR 5.2.1, C.1; TS 1.0 5.3).

One account is in one state, and this table says what moves it. The lifetime and the next Update
are counted from the first transmission of the message that the server acknowledged. What ends in
WAITING is carried out by `lwm2m.retry`, loaded when it happens.

    state          on                                                   goes to
    IDLE           start                                                WAITING, no delay
                   start, with others before it in the order            WAITING for its turn
    REGISTERING    2.01 with a Location-Path                            REGISTERED
                   4.12, where the version has a lower one              WAITING, no delay
                   4.xx but 4.03, where a Profile ID stood for the      WAITING, no delay, then
                   object list                                          with the list
                   anything else, time-out, Reset                       WAITING
    REGISTERED     Update due or wanted, parameters changed             UPDATING
                   queue parameter changed, lifetime over, with
                   after_sleep "register" a new address, or a
                   message after a silence longer than nat_ms           REGISTERING
                   deregister, Disable                                  DEREGISTERING
    UPDATING       2.04                                                 REGISTERED
                   5.xx, 4.29                                           WAITING, registration kept
                   4.xx, time-out, Reset                                WAITING, then REGISTERING
    DEREGISTERING  any outcome                                          IDLE or DISABLED
    DISABLED       DisableTimeout over                                  REGISTERING
    WAITING        delay over, or an Update wanted                      UPDATING or REGISTERING
                   each server before it registered, or failed          WAITING for its Initial
                   without Registration Failure Block                   Registration Delay
                   deregister, Disable, the registration gone           IDLE or DISABLED

The delay after the n-th failure in a row is 60 s x 2^(n-1), at most 86400 s. Where a server has
any of resources 17 to 20 (TS 1.1 Core 6.2.1.1), it is Retry Timer (60 s) x 2^(n-1) and, after
Retry Count (5) failures, Sequence Delay (86400 s), with which n begins again; but one second for
each failure in a row, up to 60 s, is the least. Each is lengthened by a random 0 to 25 % so that a
fleet does not come back all at once. A Sequence Delay of MAX_VALUE ends the attempts until an
Update is wanted, or for a day where a bootstrap was in vain; nothing else does. A 5.03 or 4.29
replaces the delay with its Max-Age (RFC 7252 §5.9.3.4, 60 s where absent), which counts from 2^n s
to 86400 s. An Update that is wanted ends the delay, but that of a 5.03, and the wait for a turn,
only where the server's trigger wants it.

The registration has failed after Sequence Retries (1) x Retry Count failures: the next server in
the order of Registration Priority then has its turn. After that, or a 4.xx, a bootstrap server is
asked as Bootstrap on Registration Failure says, and the attempts go on where it is not; those at a
URI that a server wrote, and that never led to a registration, at the configured one.
"""

import binascii

from coap.message import Message, dotted
from micropython import const

from lwm2m.queue import touch

NAMES = (
    "idle", "registering", "registered", "updating", "deregistering", "disabled", "waiting",
)  # fmt: skip

_REGISTERING = const(1)
_REGISTERED = const(2)
_UPDATING = const(3)
_DEREGISTERING = const(4)
_DISABLED = const(5)
_WAITING = const(6)

_POST = const(0x02)
_DELETE = const(0x04)
_CREATED = const(0x41)
_CHANGED = const(0x44)
_LOCATION_PATH = const(8)
_URI_PATH = const(11)
_CONTENT_FORMAT = const(12)
_MAX_AGE = const(14)
_URI_QUERY = const(15)
_LINK_FORMAT = const(40)

_EARLY_PART = const(50)
_DAY_S = const(86_400)  # default of Lifetime and of DisableTimeout
_DEFAULT_MAX_AGE_S = const(60)


def step(client, account, now: int) -> "int | None":
    """Send what is due for one account; return when it next has to run, None for an event."""
    state = account.state
    if state == _DISABLED:
        if now >= account.due:
            account.resuming = True
            client.emit("enabled", account)
            _register(client, account, now, None)
    elif state in (_WAITING, _REGISTERED):
        wanted = account.wanted and not account.held
        due = account.due is not None and now >= account.due
        ends = account.expires
        lost = account.location is None or (ends is not None and now >= ends)
        if account.leaving is not None:
            if lost:
                left(client, account, now)
            else:
                account.state = _DEREGISTERING
                _send(client, account, Message(_DELETE), now)
        elif lost:
            if wanted or due:
                _register(client, account, now, None)
        else:
            if account.changed and state == _REGISTERED:
                account.changed = False
                if not wanted and _parameters(client, account) != account.registered:
                    wanted = account.wanted = "changed"
            if due:
                wanted = account.wanted = account.wanted or "lifetime"
            if wanted:
                _register(client, account, now, account.registered)
    return account.due


def left(client, account, now: int) -> None:
    """Become what the account is leaving for, IDLE or DISABLED; the registration is gone."""
    account.state = account.leaving
    account.leaving = account.location = account.wanted = account.awake_until = account.due = None
    if account.state == _DISABLED:
        seconds = account.value("disable_timeout", _DAY_S)
        account.due = now + seconds * 1000
        client.emit("disabled", account, seconds=seconds)
    else:
        client.observations.forget(account, "deregistered", ())
    link, peer = client.route(account)
    if link:
        client.endpoint.cancel(now, peer, link)
        if account.state == _DISABLED and hasattr(link, "disconnect"):
            link.disconnect(peer)
    _next(client, now)


def _parameters(client, account):
    """Return what a registration tells: (lifetime, binding, queue mode, SMS number, object list).

    The object list stands by its CRC-32.
    """
    if account.links is None:
        _listed(client, account)
    return terms(client, account) + (account.links,)


def terms(client, account) -> tuple:
    """Return what a registration tells beside the object list."""
    number = client.sms_number if "S" in client.links else None
    return (account.value("lifetime"), account.value("binding"), account.queue, number)


def _listed(client, account):
    """Return the object list, whose CRC-32 the account then knows."""
    payload = client.object_list(account)
    account.links = binascii.crc32(payload) & 0x3FFFFFFF
    return payload


def _register(client, account, now, known):
    """Register (CR 5.2.1 Table 2), or with the acknowledged parameters `known` an Update.

    An Update tells what differs from them, the object list whole (TS 1.0 5.3.2). A queue parameter
    of its own cannot be taken back in an Update (OMA issue 490), so a change of it registers
    again.
    """
    version = account.version
    listed = None if account.links is not None else _listed(client, account)
    account.offered = current = _parameters(client, account)
    lifetime, binding, queue, sms, links = current
    query = version.queue_query
    if known and (
        (query and queue != known[2])
        or (account.after_sleep == "register" and now - account.touched_at > account.nat_ms)
    ):
        known = None
    if known:
        account.state = _UPDATING
        client.emit("updating", account, reason=account.wanted)
        request = Message(version.update_method)
        add = request.add
    else:
        account.state = _REGISTERING
        client.emit("registering", account, attempt=account.failures + 1)
        account.location = None
        request = Message(_POST)
        add = request.add
        account.address(request, "rd")
        add(_URI_QUERY, "ep=" + client.endpoint_name)
    fresh = not known
    if lifetime is not None and (fresh or lifetime != known[0]):
        add(_URI_QUERY, "lt=%d" % lifetime)
    if fresh and version.lwm2m_query:
        add(_URI_QUERY, "lwm2m=" + version.lwm2m_query)
    if binding is not None and version.binding_query and (fresh or binding != known[1]):
        add(_URI_QUERY, "b=" + binding)
    if fresh and queue and query:
        add(_URI_QUERY, query)
    if sms and (fresh or sms != known[3]):
        add(_URI_QUERY, "sms=" + sms)
    if fresh and account.profile and version.profiles:
        from lwm2m.profile import profile_id

        add(_URI_QUERY, "pid=" + profile_id(client, account))
    elif fresh or links != known[4]:
        add(_CONTENT_FORMAT, _LINK_FORMAT)
        request.payload = listed or client.object_list(account)
    account.wanted = None
    account.changed = account.held = False
    _send(client, account, request, now)


def _send(client, account, request, now):
    """Send a request by the account's transport, to its location where it has one."""
    if account.location:
        account.address(request)
        for segment in account.location:
            request.add(_URI_PATH, segment)
    link, peer = client.route(account)
    state = account.state
    account.sent_at = now
    account.due = None
    if link is None:
        _answered(client, account, None, "no_link", now)
        return

    def on_response(response, reason, now):
        if account.state == state:
            if response:
                touch(client, account, now)
            _answered(client, account, response, reason, now)

    touch(client, account, now)
    client.endpoint.request(request, peer, link, now, on_response)


def _answered(client, account, response, reason, now):
    """Act on the outcome of a Register, an Update or a Deregister."""
    state = account.state
    code = 0
    if response:
        code = response.code
        reason = dotted(code)
    if state == _DEREGISTERING:
        client.emit("deregistered", account, reason=reason)
        left(client, account, now)
        return
    if state == _REGISTERING and code == _CREATED:
        account.location = _location(response)
        if not account.location:
            account.location = None
            reason = "no_location"
    if account.location and code in (_CREATED, _CHANGED):
        account.state = _REGISTERED
        account.registered = account.offered
        account.failures = 0
        if all([each.location for each in client.accounts]):
            client.bootstraps = 0
        lifetime_s = account.registered[0]
        account.expires = account.due = None
        if lifetime_s != 0:
            lifetime_ms = (_DAY_S if lifetime_s is None else lifetime_s) * 1000
            account.expires = account.sent_at + lifetime_ms
            # Early enough for the last retransmission of the Update, by a sleep clock 2 % slow.
            span_ms = client.route(account)[0].transmission.max_transmit_span_ms
            early_ms = max(span_ms, lifetime_ms // _EARLY_PART)
            account.due = account.expires - min(early_ms, lifetime_ms // 2)
        client.observations.online(account)
        if state == _UPDATING:
            client.emit("updated", account)
            return
        client.observations.registered(account)
        facts = {"location": "/" + "/".join(account.location), "lifetime_s": lifetime_s}
        client.emit("registered", account, **facts)
        _next(client, now)
        return
    from lwm2m.retry import failed

    failed(client, account, state, response, reason, now)


def _next(client, now):
    """Let the next server of an order register, where one waits for its turn."""
    for account in client.accounts:
        if account.held and account.due is None:
            from lwm2m.retry import advance

            advance(client, now)
            return


def max_age_s(response) -> int:
    """Return the seconds after which a 5.03 lets its request be repeated (RFC 7252 §5.9.3.4)."""
    return response.get_uint(_MAX_AGE, _DEFAULT_MAX_AGE_S)


def _location(response):
    """Return the segments of a Location-Path, also where "rd/5" came in one option; [] if bad."""
    try:
        path = b"/".join([bytes(option) for option in response.all(_LOCATION_PATH)]).decode()
    except UnicodeError:
        return []
    return [segment for segment in path.split("/") if segment]
