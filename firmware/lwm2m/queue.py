"""Queue Mode (CR 6.1; TS 1.0 8.3): when the client is awake for a server, and when it is not.

The awake time begins anew with the last message sent or received. While it runs the client hears
the server; when it is over the client is asleep, and whatever has to be sent then waits for an
Update that is acknowledged: `registration` sends it, `observe` waits for it.

An account without Queue Mode is awake for as long as it is registered over UDP (CR Table 3, row
1); over SMS the modem listens for it.
"""

from micropython import const

_REGISTERED = const(2)
_WAITING = const(6)
_IDLE = const(0)
_DISABLED = const(5)


def touch(client, account, now: int) -> None:
    """Note a message sent to the server, or received from it: the awake time begins anew."""
    account.touched_at = now
    if not account.queue:
        return
    time_ms = account.awake_time_ms
    if time_ms is None:
        transmission = client.route(account)[0].transmission
        time_ms = getattr(transmission, account.version.awake_rule)
    slept = account.awake_until is None
    account.awake_until = now + time_ms
    if slept:
        client.emit("awake", account)


def step(client, account, now: int) -> None:
    """End the awake time when it is over; the outcome of an exchange would begin it anew."""
    until = account.awake_until
    if until is None or now < until or (account.wanted and not account.held):
        return
    if account.state == _REGISTERED or account.state == _WAITING:
        if not client.endpoint.busy(client.route(account)[1]):
            account.awake_until = None
            client.emit("asleep", account)


def busy(account) -> bool:
    """Whether the client has to stay awake for this account."""
    state = account.state
    if state in (_IDLE, _DISABLED):
        return False
    if account.awake_until is not None or account.leaving is not None:
        return True
    if account.wanted and not account.held:
        return True
    if state == _REGISTERED:
        return account.changed or (not account.queue and account.transport == "U")
    return state != _WAITING


def earlier(first, second):
    """Return the earlier of two deadlines, either of which may be None."""
    if first is None or (second is not None and second < first):
        return second
    return first
