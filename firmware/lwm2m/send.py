"""Send: values that the client reports without being asked (TS 1.1 6.4.6). Imported on use.

A Send waits in the account's outbox for an Update where the client is asleep, as a notification
does. It is not kept over a deep sleep or a restart.
"""

from coap.message import Message, dotted
from micropython import const

from lwm2m.codec.senml_cbor import encode
from lwm2m.object import OperationError
from lwm2m.queue import touch

_POST = const(0x02)
_URI_PATH = const(11)
_CONTENT_FORMAT = const(12)
_SENML_CBOR = const(112)
_OUTBOX = const(4)


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
    for chunk in encode(entries, ()):
        payload += chunk
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
            refusal = None
            account.outbox.append(bytes(payload))
            if account.queue and account.awake_until is None:
                account.wanted = account.wanted or "send"
    return refusal


def flush(client, account, now: int) -> None:
    """Send what waits, to a server that the client is awake for."""
    link, peer = client.route(account)

    def on_response(response, reason, now):
        if response:
            touch(client, account, now)
            reason = dotted(response.code)
        client.emit("sent", account, code=reason)

    while account.outbox and link:
        request = Message(_POST, payload=account.outbox.pop(0))
        request.add(_URI_PATH, "dp").add(_CONTENT_FORMAT, _SENML_CBOR)
        touch(client, account, now)
        client.endpoint.request(request, peer, link, now, on_response)
