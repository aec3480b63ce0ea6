"""Send: values that the client reports without being asked (TS 1.2 Core 6.4.7). Imported on use.

A Send waits in the account's outbox for an Update where the client is asleep, as a notification
does, and for as long as a 5.03 says where the server cannot take it. One that is not answered goes
again behind an Update, once; one that a Deregister ends goes in the next registration. A deep
sleep keeps it, a restart does not.
"""

from coap.message import Message, dotted
from micropython import const

from lwm2m.object import OperationError
from lwm2m.queue import touch
from lwm2m.registration import max_age_s
from lwm2m.selection import CLOSED, Selection

_POST = const(0x02)
_CONTENT_FORMAT = const(12)
_SENML_JSON = const(110)
_SENML_CBOR = const(112)
_LWM2M_CBOR = const(11544)
_UNAUTHORIZED = const(0x81)
_SERVICE_UNAVAILABLE = const(0xA3)
_OUTBOX = const(4)
_OUTBOX_BYTES = const(4096)  # all that waits, unless it is one alone
_LONGEST_S = const(86_400)


def send(client, paths, now: int, content_format: int = _SENML_CBOR) -> "str | None":
    """Report the values at paths (tuples of ids) to every server that takes Send.

    content_format: SenML CBOR (112), SenML JSON (110) or, since 1.2, LwM2M CBOR (11544). Of a
    sampled resource SenML carries all values that the server has not been given. Returns why
    nobody is told, None otherwise. Mute Send, when true or absent, forbids it (TS 1.1 C.2 resource
    23); the versions before 1.1 have no Send.
    """
    if content_format not in (_SENML_JSON, _SENML_CBOR, _LWM2M_CBOR):
        return "content_format: use 112, 110 or 11544"
    paths = [tuple(path) for path in paths]
    for path in paths:
        try:
            if path and path[0] in CLOSED:
                raise OperationError(_UNAUTHORIZED)
            client.tree.entries(path)
        except (OperationError, OSError):
            return "paths: /%s has no value to send" % "/".join([str(part) for part in path])
    refusal = "no server: the version has no Send"
    for account in client.accounts:
        if "mute_send" not in account.version.server_resources:
            continue
        if account.value("mute_send", True):
            refusal = refusal and "no server: Mute Send is true or absent (/1/x/23)"
        elif not account.reachable:
            refusal = refusal and "no server: not registered"
        elif len(account.outbox) >= _OUTBOX:
            refusal = refusal and "no server: too many are waiting"
        else:
            reason = _put(client, account, paths, content_format)
            refusal = reason and refusal and reason
    return refusal


def _put(client, account, paths, content_format):
    """Have a server told; return why it is not, None where it is."""
    operations = client.operations(account)
    if content_format not in account.version.formats:
        return "content_format: %d is not in LwM2M %s" % (content_format, account.version.name)
    access = operations.access
    if access:  # what the server may not read is left out
        paths = [path for path in paths if access.readable(account, path)]
        if not paths:
            return "no server: none may read it"
    entries = Selection(operations, paths, account)
    samples = None
    if client.tree.samples and content_format != _LWM2M_CBOR:
        from lwm2m.samples import Sampled

        entries = samples = Sampled(entries, client.tree, account.short_server_id)
    try:
        payload = bytes(operations.encode(entries, (), content_format))
    except (OperationError, MemoryError):
        return "paths: more than the memory holds, or a value that cannot be measured"
    if account.outbox and _size(account) + len(payload) > _OUTBOX_BYTES:
        return "no server: too many are waiting"
    if samples:
        samples.give()
    account.outbox.append((content_format, payload))
    return None


def _size(account):
    return sum([len(payload) for _, payload in account.outbox])


def flush(client, account, now: int) -> "int | None":
    """Send the first of what waits, or want the Update that goes first; return when to look again,
    None for an event.
    """
    if account.sending:
        return None
    if now < account.send_at:
        return account.send_at
    if account.queue and account.awake_until is None:
        account.wanted = "send"
        return None
    link, peer = client.route(account)
    if link is None:
        return None

    again = account.sending is None

    def on_response(response, reason, now):
        account.sending = False
        if response:
            touch(client, account, now)
            reason = dotted(response.code)
        if response and response.code == _SERVICE_UNAVAILABLE:
            account.send_at = now + min(max_age_s(response), _LONGEST_S) * 1000
        elif reason == "unsent" or reason == "timeout" and not again:
            account.sending = None  # out of coverage, as it may be
            account.wanted = account.wanted or "send"
        elif account.outbox and reason != "cancelled":
            account.outbox.pop(0)
        client.emit("sent", account, code=reason)

    content_format, payload = account.outbox[0]
    request = Message(_POST, payload=payload)
    account.address(request, "dp")
    request.add(_CONTENT_FORMAT, content_format)
    account.sending = True
    touch(client, account, now)
    client.endpoint.request(request, peer, link, now, on_response)
    return None
