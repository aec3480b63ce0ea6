"""Send: values that the client reports without being asked (TS 1.1 6.4.6). Imported on use.

A Send waits in the account's outbox for an Update where the client is asleep, as a notification
does, and for as long as a 5.03 says where the server cannot take it. A deep sleep keeps it, a
restart does not.
"""

from coap.message import Message, dotted
from micropython import const

from lwm2m.codec.senml_cbor import encode
from lwm2m.object import OperationError
from lwm2m.queue import touch
from lwm2m.registration import max_age_s

_POST = const(0x02)
_CONTENT_FORMAT = const(12)
_SENML_CBOR = const(112)
_SERVICE_UNAVAILABLE = const(0xA3)
_OUTBOX = const(4)
_OUTBOX_BYTES = const(4096)  # all that waits, unless it is one alone
_LONGEST_S = const(86_400)


def send(client, paths, now: int) -> "str | None":
    """Report the values at paths (tuples of ids) to every server that takes Send.

    Returns why nobody is told, None otherwise. Mute Send, when true or absent, forbids it
    (TS 1.1 C.2 resource 23); the versions before 1.1 have no Send.
    """
    entries = []
    for path in paths:
        try:
            entries += list(client.tree.entries(tuple(path)))
        except OperationError:
            return "paths: /%s has no value to send" % "/".join([str(part) for part in path])
    payload = bytearray()
    try:
        for chunk in encode(entries, ()):
            payload += chunk
        payload = bytes(payload)
    except MemoryError:
        return "paths: more than the memory holds"
    refusal = "no server: the version has no Send"
    for account in client.accounts:
        if "mute_send" not in account.version.server_resources:
            continue
        if account.value("mute_send", True):
            refusal = refusal and "no server: Mute Send is true or absent (/1/x/23)"
        elif not account.reachable:
            refusal = refusal and "no server: not registered"
        elif len(account.outbox) >= _OUTBOX or (
            account.outbox and _size(account) + len(payload) > _OUTBOX_BYTES
        ):
            refusal = refusal and "no server: too many are waiting"
        else:
            refusal = None
            account.outbox.append(payload)
    return refusal


def _size(account):
    return sum([len(payload) for payload in account.outbox])


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

    def on_response(response, reason, now):
        account.sending = False
        if response:
            touch(client, account, now)
            reason = dotted(response.code)
        if response and response.code == _SERVICE_UNAVAILABLE:
            account.send_at = now + min(max_age_s(response), _LONGEST_S) * 1000
        elif account.outbox:
            account.outbox.pop(0)
        client.emit("sent", account, code=reason)

    request = Message(_POST, payload=account.outbox[0])
    account.address(request, "dp")
    request.add(_CONTENT_FORMAT, _SENML_CBOR)
    account.sending = True
    touch(client, account, now)
    client.endpoint.request(request, peer, link, now, on_response)
    return None
