"""The Registration Update Trigger over SMS (CR 6.1, C.1 resource 11; TS 1.1 Transport 5.3, 6.6).

Nothing is taken from such a message but "register an Update with the server whose number sent it".
Where the version forbids an answer, `read_trigger` looks at the bare CoAP message here and the
endpoint never sees it, so that neither an ACK nor a Reset can leave.

Loaded for an SMS.
"""

from coap.message import FormatError, decode
from micropython import const

_IDLE = const(0)
_REGISTERING = const(1)
_UPDATING = const(3)
_DEREGISTERING = const(4)
_DISABLED = const(5)

_NON = const(1)
_POST = const(0x02)

_HOUR_MS = const(3_600_000)
_SETTLED_MS = const(10_000)


def matches(sender: str, number: "str | None", suffix_digits: int = 0) -> bool:
    """Whether a sender's number is a server's, both digits only (TS 1.1 Transport 5.3).

    suffix_digits: compare that many last digits instead of all, where an operator shows numbers in
    national form; 0, the default, because a suffix is easier to forge.
    """
    if not number or not sender:
        return False
    if 0 < suffix_digits <= len(number) and suffix_digits <= len(sender):
        return sender[-suffix_digits:] == number[-suffix_digits:]
    return sender == number


def hear(client, account, data) -> None:
    """Take what came by SMS for an account that must not answer it."""
    now = client.now
    root = client.requests.root
    reason = read_trigger(account, data, root)
    for other in client.accounts:  # of one sender's accounts the one that the path names
        if reason == "sms_other_server" and other.peers.get("S") == account.peers["S"]:
            reason = read_trigger(other, data, root)
            account = other
    if reason == "bootstrap" and client.bootstrap:
        reason = admit(account, now)
        if reason is None or reason == "sms_trigger_pending":
            account.wanted = None  # the Update would be one to an account about to change
            client.bootstrap.begin("trigger", now)
        client.triggered(account, reason)
    else:
        client.triggered(account, reason or admit(account, now))


def read_trigger(account, datagram, root: list) -> "str | None":
    """Check that a datagram is the trigger of this account; return why it is not, None if it is.

    Execute of /1/x/8 where x is the account's Server object and its Trigger resource is true. One
    of /1/x/9, where there is a bootstrap server, is "bootstrap".
    root: segments of the alternate path that Objects are under.
    """
    try:
        request = decode(bytes(datagram))
        path = request.path()
    except FormatError:
        return "sms_malformed"
    if request.code != _POST or request.type > _NON or request.refused:
        return "sms_not_trigger"
    resources = account.version.server_resources
    if path[: len(root)] != root:
        return "sms_not_trigger"
    path = path[len(root) :]
    if len(path) != 3 or path[0] != "1":
        return "sms_not_trigger"
    if path[1] != str(account.server.instance_id):
        return "sms_other_server"
    bootstraps = path[2] == str(resources.get("bootstrap_trigger"))
    if bootstraps and not account.server.bootstraps:
        return "sms_no_bootstrap"
    if not bootstraps and path[2] != str(resources["update_trigger"]):
        return "sms_not_trigger"
    if account.value("sms_trigger") is not True:
        return "sms_trigger_off"
    return "bootstrap" if bootstraps else None


def admit(account, now: int) -> "str | None":
    """Have the account updated for a trigger that came by SMS; return why not, None if it is.

    Any number of waiting triggers cause one Update: one that comes while it is wanted, under way
    or just done and the server may still use the awake time, asks for nothing more; nor does one
    that follows such a one closely, for an SMS centre delivers what it held one after the other.
    """
    state = account.state
    if state in (_IDLE, _DISABLED, _DEREGISTERING) or account.leaving is not None:
        return "sms_not_registered"
    awake = account.awake_until is not None or not account.queue
    latest = max(account.sent_at, account.triggered_at)
    account.triggered_at = now
    if (
        (account.wanted and not account.held)
        or state in (_REGISTERING, _UPDATING)
        or (awake and account.location and now - latest < _SETTLED_MS)
    ):
        return "sms_trigger_pending"
    if account.trigger_count == 0 or now - account.trigger_hour >= _HOUR_MS:
        account.trigger_hour = now
        account.trigger_count = 0
    if account.trigger_count >= account.triggers_per_hour:
        return "sms_rate_limit"
    account.trigger_count += 1
    account.wanted = "trigger"
    account.held = False  # a server that asks for an Update can take it
    return None
