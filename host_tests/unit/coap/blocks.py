"""Both sides of RFC 7959 for tests: what serves and takes bodies, what fetches and sends them."""

from coap.endpoint import Endpoint
from coap.message import ACK, CON, NON, Message
from coap.registry import CHANGED, CONTENT, GET, PUT
from unit.coap.helpers import (
    Handler,
    Link,
    Outcomes,
    Peer,
    content,
    endpoint,
    pattern,
    read_block,
    zeros,
)

# More than a link of 200 bytes carries at once, and four blocks of 128.
BODY = pattern(400)


# As a server.


def served(answer, mtu=200, on_body=None):
    """Return a peer that asks, the handler asked and the endpoint."""
    handler = Handler(answer)
    server = Endpoint(handler, zeros, None, on_body)
    link = Link()
    link.mtu = mtu
    return Peer(server, link), handler, server


def status(body=BODY, code=CONTENT):
    """Return what answers every request with a body, made anew each time if it is callable."""
    return lambda request: request.reply(code, body() if callable(body) else body)


def collect(peer, size, message_id=100, code=GET, reply=CONTENT, start=0, type=CON, **options):
    """Ask for block after block, from one number on; return the bytes and the last message."""
    content = b""
    number = start
    options = dict(options)
    options.setdefault("path", "status")
    while True:
        peer.say(type, code, message_id, b"tk", block2=(number, 0, size), **options)
        more = None
        message = heard_block(peer, ACK if type == CON else NON, reply)
        at, more, found = read_block(message.get(23))
        assert (at, found) == (number, size)
        assert len(message.payload) == size or not more
        content += bytes(message.payload)
        message_id += 1
        number += 1
        if not more:
            return content, message


def heard_block(peer, type, code):
    """Return the one message heard, whatever its block options."""
    message = peer.next()
    assert (message.type, message.code) == (type, code), (message.type, hex(message.code))
    return message


def changed(request):
    return request.reply(CHANGED)


def taking(on_body=None, answer=changed):
    """Return what served() does, on a link that takes blocks of any size."""
    return served(answer, 1152, on_body)


def put(peer, message_id, number, more, size, body=BODY, type=CON, code=PUT, **options):
    """Send the block of a body that has a number."""
    options.setdefault("path", "options")
    chunk = body[number * size : (number + 1) * size]
    peer.say(type, code, message_id, b"tk", chunk, block1=(number, more, size), **options)


# As a client.


def asking(mtu=1152, link=None):
    """Return an endpoint that asks, whose first message ID is 1234, and the peer it asks."""
    client, _, made = endpoint(content, lambda bits: 1234 if bits == 16 else 0)
    link = link or made
    link.mtu = mtu
    return client, Peer(client, link)


def ask(client, peer, code=GET, payload=b"", type=CON, sink=None, path="status", request=None):
    """Send a request; return its outcomes, (response, reason) each."""
    outcomes = Outcomes()
    request = request or Message(code, type, b"", payload).add(11, path)
    client.request(request, peer.address, peer.link, peer.now, outcomes, sink)
    return outcomes.calls


def answer(server, request, code=CONTENT, payload=b"", type=ACK, **options):
    """Answer a request that was heard."""
    message_id = request.message_id if type == ACK else request.message_id ^ 0x8000
    server.say(type, code, message_id, request.token, payload, **options)


def got(outcomes, body, code=CONTENT):
    """Tell whether the one outcome is a response with a body, and return it."""
    assert len(outcomes) == 1, outcomes
    response, reason = outcomes[0]
    assert reason is None, reason
    assert response.code == code
    assert bytes(response.payload) == body
    return response


def failed(outcomes, reason):
    assert outcomes == [(None, reason)], outcomes


def serve(server, body, size, request=None, type=ACK, more=None, **options):
    """Answer one block's request after the other; return the requests heard."""
    requests = []
    while True:
        request = request or server.next()
        requests.append(request)
        number, _, wanted = read_block(request.get(23)) or (0, 0, size)
        size = min(size, wanted)
        at = number * wanted
        left = 1 if at + size < len(body) else 0
        answer(
            server,
            request,
            CONTENT,
            body[at : at + size],
            type,
            block2=(at // size, left, size),
            **options,
        )
        if not left:
            return requests
        request = None


def sending(size, body=BODY[:350], code=PUT, type=CON, path="options"):
    """Return an endpoint that sends a body in blocks of a size, its peer, and the outcomes."""
    client, server = asking({64: 140, 128: 200}[size])
    return client, server, ask(client, server, code, body, type, path=path)
