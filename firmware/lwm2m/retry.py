"""What follows a registration that failed, and the order of several servers (TS 1.1 Core 6.2.1.1).

How often and how soon is for resources 17 to 20 of the Server object to say, in which server's
turn it is for 13 to 15, and whether to ask the bootstrap server for 16. `registration` has the
table of states; this module is its arm for the rows that end in WAITING.

An account that waits for its turn in the order is WAITING, held, and without a due time.
"""

from micropython import const

from lwm2m import versions
from lwm2m.backoff import backoff_ms
from lwm2m.registration import NAMES, max_age_s

_IDLE = const(0)
_REGISTERING = const(1)
_DISABLED = const(5)
_WAITING = const(6)

_FORBIDDEN = const(0x83)
_PRECONDITION_FAILED = const(0x8C)
_TOO_MANY_REQUESTS = const(0x9D)
_SERVICE_UNAVAILABLE = const(0xA3)

_SECOND_MS = const(1_000)
_DAY_S = const(86_400)
_DAY_MS = const(86_400_000)
_NEVER_S = const(0xFFFFFFFF)  # MAX_VALUE of resource 19

# Retry count, retry timer, sequence delay and sequence retries where the resource is not there.
_DEFAULTS = (5, 60, _DAY_S, 1)


def failed(client, account, state: int, response, reason: str, now: int) -> None:
    """Make an account WAITING after a Register or an Update (state) that did not succeed.

    response: the answer, None for none.
    """
    code = response.code if response else 0
    version = account.version
    registering = state == _REGISTERING
    if reason == "timeout":
        link, peer = client.route(account)
        if hasattr(link, "disconnect") and not getattr(link, "busy", False):
            link.disconnect(peer)  # a modem's socket that hears nothing does not know it
    asks_back = code in (_SERVICE_UNAVAILABLE, _TOO_MANY_REQUESTS)
    rejected = code >> 5 == 4 and not asks_back
    account.state = _WAITING
    delay_ms = 0
    over = False
    if registering and code == _PRECONDITION_FAILED and version.lower:
        speak(account, versions.get(version.lower))
    elif registering and account.profile and version.profiles and rejected and code != _FORBIDDEN:
        account.profile = None  # 4.09, or 4.00 of a server that knows of no profiles: the list
    elif not (registering or code >> 5 == 5 or asks_back or reason == "unsent"):
        account.location = None  # what never left says nothing of the registration
    else:
        account.failures += 1
        over = registering and (rejected or _has_failed(account))
        delay_ms = _delay_ms(client, account)
        if delay_ms is None and account.failures <= client.bootstraps:
            if _wishes(client, account):
                delay_ms = _DAY_MS  # it would be silent for ever after a bootstrap in vain
        if asks_back and delay_ms is not None:
            delay_ms = max_age_s(response) * _SECOND_MS
            delay_ms = max(delay_ms, _SECOND_MS << min(account.failures, 16))
            delay_ms = min(delay_ms, _DAY_MS)
            account.held = True
    account.due = None if delay_ms is None else now + delay_ms
    client.emit(
        "register_failed",
        account,
        step=NAMES[state],
        reason=reason,
        retry_s=None if delay_ms is None else delay_ms // _SECOND_MS,
    )
    if over:
        if account.registered is None and _has_failed(account):
            _go_home(account)
        advance(client, now)
        _bootstrap(client, account, now)


def _go_home(account):
    """Give up the URI that a server wrote (CR C.1 resource 0), and at which nobody has ever
    registered the client, for the configured one: nobody could write another.
    """
    if "uri" in account.version.server_resources and account.home != account.peers["U"]:
        account.server.put("uri", "coap://%s:%d" % account.home)


def speak(account, version) -> None:
    """Take up another released version, where the server refused the first with 4.12.

    The Server object gets its table. Where the account has an SMS number, the binding of 1.0
    names SMS too: before 1.1 that alone lets the server send the trigger.
    """
    values = account.server.values
    roles = version.server_resources
    for rid in list(values):
        if not roles.name(rid):
            del values[rid]
    if not version.endless and not account.value("lifetime", 1):
        values[roles["lifetime"]] = _DAY_S  # the default; 0 is endless in 1.2 only
    binding = roles["binding"]
    if version.parse_binding(values.get(binding)) is None or version.sms_replies:
        transports = account.transports
        if version.sms_replies and "S" in account.peers and account.transport == "U":
            transports = "US"
        values[binding] = version.format_binding(transports, account.queue)
    account.version = account.server.version = version
    account.server.resources = version.server_table
    account.links = None
    account.refresh()


def arrange(client, started: list, now: int) -> None:
    """Put the accounts that were just started in their order; those without one are due."""
    for account in started:
        if account.value("priority") is not None:
            account.held = True
            account.due = None
    advance(client, now)


def advance(client, now: int) -> None:
    """Let the account whose turn it is register, after its Initial Registration Delay.

    It is its turn when each server before it has been registered, or has failed without
    Registration Failure Block.
    """
    turn = None
    first = 0
    for account in client.accounts:
        if _waits(account):
            priority = account.value("priority", 0)
            if turn is None or priority < first:
                turn = account
                first = priority
    if turn is None:
        return
    followed = False
    for other in client.accounts:
        priority = other.value("priority")
        if priority is None or priority > first or _waits(other):
            continue
        if other.state == _IDLE or other.state == _DISABLED:
            continue
        followed = True
        if other.location is None and (
            not _has_failed(other) or other.value("failure_block", False)
        ):
            return
    turn.held = False
    turn.due = now
    if followed and turn.registered is None:
        turn.due += turn.value("registration_delay", 0) * _SECOND_MS


def _waits(account):
    return account.state == _WAITING and account.held and account.due is None


def _settings(account):
    """Return (retry count, retry timer, sequence delay, sequence retries), None for what is not
    there.
    """
    value = account.value
    return (
        value("retry_count"),
        value("retry_timer"),
        value("sequence_delay"),
        value("sequence_retries"),
    )


def _has_failed(account):
    """Whether as many sequences are over as make a failure of the registration."""
    count, _, pause, sequences = _settings(account)
    limit = _DEFAULTS[0] if count is None else max(count, 1)
    if pause is None or pause < _NEVER_S:  # else there is only one
        limit *= max(sequences or 1, 1)
    return account.failures >= limit


def _delay_ms(client, account):
    """Return the delay after the failures so far, None where no other attempt is to be made."""
    settings = _settings(account)
    attempt = account.failures
    if settings == (None, None, None, None):
        return backoff_ms(client, attempt)
    count, timer, pause, _ = [
        _DEFAULTS[at] if settings[at] is None else settings[at] for at in range(4)
    ]
    attempt = (attempt - 1) % max(count, 1) + 1
    if attempt >= count:
        if pause >= _NEVER_S:
            return None
        attempt = 1
        timer = pause
    # A server that refuses at once would be asked again at once, with timers of 0.
    return backoff_ms(client, attempt, min(timer, _NEVER_S), min(account.failures, _DEFAULTS[1]))


def _bootstrap(client, account, now):
    """Ask the bootstrap server, where there is one and resource 16 lets it.

    Without the resource it is asked when no server is registered (TS 1.1 Core 6.1.4). The n-th
    time in a row takes n failures, so that a bootstrap that does not help is no loop.
    """
    if account.failures > client.bootstraps and _wishes(client, account):
        client.bootstraps += 1
        client.bootstrap.begin("registration", now)


def _wishes(client, account):
    """Whether a registration that fails is a reason to ask the bootstrap server."""
    if client.bootstrap is None or client.bootstrap.security is None:
        return False
    wished = account.value("bootstrap_on_failure")
    if wished is None:
        wished = not any([other.location for other in client.accounts])
    return wished
