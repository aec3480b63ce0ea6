"""RFC 9175: Echo, asked for before much is sent to an address that may be forged, and given where
a server asks us for it."""

from coap.endpoint import LATER
from coap.message import ACK, CON, NON, Message
from coap.registry import CHANGED, CONTENT, CONTINUE, GET, POST, PUT, UNAUTHORIZED
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Link,
    Outcomes,
    Peer,
    endpoint,
    pattern,
    read_block,
)

HEAP_K = 72  # a hundred addresses

_ECHO = 252
_LOCK = bytes.fromhex("00000009437468756c687521")  # the value in figure 1 of RFC 9175


def guarded(size, amplification=3, code=CONTENT):
    """Return an endpoint with an amplification limit that answers with so many bytes."""
    server, handler, link = endpoint(lambda request: request.reply(code, pattern(size)))
    server.amplification = amplification
    return server, handler, Peer(server, link), Peer(server, link, OTHER_PEER)


def demanded(peer, type=ACK):
    """Return the Echo value of the 4.01 heard, which is small enough itself."""
    data = peer.link.sent[0][0]
    message = peer.hear(type, UNAUTHORIZED)
    value = message.get(_ECHO)
    assert value is not None and 1 <= len(value) <= 40
    assert len(data) <= 60, "the demand is no amplification itself"
    return value


def test_large_response_to_an_unknown_address():
    """RFC 9175 §2.4: more than the limit goes to an address that has shown it is there."""
    for type, reply in ((CON, ACK), (NON, NON)):
        server, handler, peer, _ = guarded(300)
        peer.say(type, GET, 1, b"a", path="large")
        value = demanded(peer, reply)
        peer.say(type, GET, 2, b"b", path="large", echo=value)
        message = peer.hear(reply, CONTENT, None, pattern(300))
        assert message.token == b"b" and message.get(_ECHO) is None
        # From here on, the address is known.
        peer.say(type, GET, 3, b"c", path="large")
        peer.hear(reply, CONTENT, None, pattern(300))


def test_small_response_to_an_unknown_address():
    """RFC 9175 §2.4: within the limit nobody is asked for anything."""
    server, handler, peer, _ = guarded(30)
    peer.say(CON, GET, 1, b"12345678", path="small")  # 18 bytes; the response has 43
    peer.hear(ACK, CONTENT, 1, pattern(30))
    # The same response to a request of 10 bytes is more than three times as much.
    peer.say(CON, GET, 2, path="small")
    demanded(peer)


def test_limit():
    """RFC 9175 §2.4: a response may be just so many times as large as its request, where a marker
    in front of a payload is counted in any case."""
    # A request of 18 bytes, and 1; the response has 4 + 8 + 1 bytes beside its payload.
    for size, code in ((41, CONTENT), (44, CONTENT), (45, UNAUTHORIZED)):
        server, handler, peer, _ = guarded(size)
        peer.say(CON, GET, 1, b"12345678", path="large")
        assert len(peer.link.sent[0][0]) <= 57 and peer.next().code == code


def test_echo_that_is_old():
    """RFC 9175 §2.3: a value is good for some minutes, not for hours."""
    for later, code in ((0, CONTENT), (119_000, CONTENT), (3_600_000, UNAUTHORIZED)):
        for start in (0, 1_000, 119_999, 1_000_000):
            server, handler, peer, _ = guarded(300)
            peer.now = start
            peer.say(CON, GET, 1, path="large")
            value = demanded(peer)
            peer.now = start + later
            peer.say(CON, GET, 2, path="large", echo=value)
            assert peer.next().code == code, (start, later)


def test_no_limit():
    """RFC 9175 §2.4: with amplification 0 nothing is demanded, and an Echo that comes is
    ignored."""
    server, handler, peer, _ = guarded(1000, 0)
    peer.say(CON, GET, 1, path="large")
    peer.hear(ACK, CONTENT, 1, pattern(1000))
    peer.say(CON, GET, 2, path="large", echo=_LOCK)
    peer.hear(ACK, CONTENT, 2, pattern(1000))


def test_echo_of_our_own_making():
    """RFC 9175 §2.3: a value that was not given to this address proves nothing."""
    server, handler, peer, other = guarded(300)
    peer.say(CON, GET, 1, path="large", echo=_LOCK)
    value = demanded(peer)
    assert value != _LOCK
    other.say(CON, GET, 1, path="large", echo=value)
    foreign = demanded(other)
    assert foreign != value
    peer.say(CON, GET, 2, path="large", echo=foreign)
    demanded(peer)
    forged = bytes((value[0] ^ 1,)) + value[1:]
    peer.say(CON, GET, 3, path="large", echo=forged)
    demanded(peer)
    peer.say(CON, GET, 4, path="large", echo=value[:-1])
    demanded(peer)


def test_demand_is_repeated_for_a_duplicate():
    """RFC 7252 §4.5: a retransmitted request gets the same 4.01."""
    server, handler, peer, _ = guarded(300)
    peer.say(CON, GET, 1, path="large")
    first = peer.link.sent[0]
    value = demanded(peer)
    peer.say(CON, GET, 1, path="large")
    assert peer.link.sent == [first]
    assert demanded(peer) == value


def test_demanded_request_is_carried_out_once():
    """RFC 9175 §2.3: a request answered with 4.01 was not processed: what a POST does, it does
    when the Echo has come."""
    server, handler, peer, _ = guarded(300, code=CHANGED)
    peer.say(CON, POST, 1, path="execute", payload=b"go")
    if peer.link.sent[0][0][1] == UNAUTHORIZED:
        value = demanded(peer)
        peer.say(CON, POST, 2, path="execute", payload=b"go", echo=value)
    peer.link.take()
    assert len(handler.requests) == 1


def test_blocks_of_an_unknown_address():
    """RFC 9175 §2.4: a block counts as the datagram it is."""
    server, handler, peer, _ = guarded(400)
    peer.link.mtu = 200
    peer.say(CON, GET, 1, path="large")
    value = demanded(peer)
    peer.say(CON, GET, 2, path="large", echo=value)
    peer.hear(ACK, CONTENT, 2, pattern(400)[:128], block2=(0, 1, 128))
    for number in (1, 2, 3):
        peer.say(CON, GET, 2 + number, path="large", block2=(number, 0, 128))
        peer.hear(
            ACK, CONTENT, 2 + number, pattern(400)[number * 128 : number * 128 + 128],
            block2=(number, 1 if number < 3 else 0, 128),
        )


def test_small_blocks_of_an_unknown_address():
    """RFC 9175 §2.4: who asks for small blocks needs no Echo."""
    server, handler, peer, _ = guarded(40)
    peer.say(CON, GET, 1, b"12345678", path="large", block2=(0, 0, 16))
    peer.hear(ACK, CONTENT, 1, pattern(40)[:16], block2=(0, 1, 16))


def test_other_addresses_stay_unknown():
    """RFC 9175 §2.4: one address that is known says nothing about another."""
    server, handler, peer, other = guarded(300)
    peer.say(CON, GET, 1, path="large")
    peer.say(CON, GET, 2, path="large", echo=demanded(peer))
    peer.hear(ACK, CONTENT, 2)
    other.say(CON, GET, 3, path="large")
    demanded(other)


def test_large_response_that_comes_later():
    """RFC 9175 §2.4: a separate response is an amplification as well; the demand in its place is
    Non-confirmable, as its own repetition would be one."""
    server, handler, peer, _ = guarded(300)
    handler.answer = LATER
    peer.say(CON, GET, 1, b"tk", path="large")
    peer.hear(ACK, 0, 1)
    request = handler.requests[0]
    server.respond(request, request.reply(CONTENT, pattern(300)), PEER, peer.link, 100)
    value = demanded(peer, NON)
    assert not server.busy() and server.step(1_000_000) is None
    peer.silence()
    peer.say(CON, GET, 2, b"tk", path="large", echo=value)
    peer.hear(ACK, 0, 2)
    server.respond(handler.requests[1], request.reply(CONTENT, pattern(300)), PEER, peer.link, 200)
    assert peer.hear(CON, CONTENT, None, pattern(300)).token == b"tk"


def test_small_response_that_comes_later():
    """RFC 9175 §2.4: a Confirmable response counts as often as it may be sent, five times; a
    Non-confirmable one once."""
    for type, size, demand in ((CON, 30, True), (CON, 0, False), (NON, 30, False)):
        server, handler, peer, _ = guarded(size)
        handler.answer = LATER
        # Header, token, Uri-Path and marker: 27 bytes; the response has 13 beside its payload.
        peer.say(type, GET, 1, b"12345678", path="small/content")
        peer.link.take()
        request = handler.requests[0]
        server.respond(request, request.reply(CONTENT, pattern(size)), PEER, peer.link, 100)
        if demand:
            demanded(peer, NON)
        else:
            peer.hear(type, CONTENT, None, pattern(size))


def test_observation_by_an_unknown_address():
    """RFC 9175 §2.4, RFC 7641 §7: one request for many responses waits for the Echo, however short
    the first of them is."""
    server, handler, peer, _ = guarded(10)
    peer.say(CON, GET, 1, b"12345678", path="small", observe=0)
    value = demanded(peer)
    assert handler.requests == []
    peer.say(CON, GET, 2, b"12345678", path="small", observe=0, echo=value)
    peer.hear(ACK, CONTENT, 2, pattern(10))
    assert handler.requests[0].get_uint(6) == 0


def test_body_from_an_unknown_address():
    """RFC 9175 §2.4, RFC 7959 §2.5: nothing of a body is taken before the Echo has come."""
    server, handler, peer, _ = guarded(0, code=CHANGED)
    asked = []
    server.on_body = lambda *arguments: asked.append(1) or True
    peer.say(CON, PUT, 1, b"tk", pattern(64), path="5/0/0", block1=(0, 1, 64))
    value = demanded(peer)
    assert asked == []
    peer.say(CON, PUT, 2, b"tk", pattern(64), path="5/0/0", block1=(0, 1, 64), echo=value)
    peer.hear(ACK, CONTINUE, 2, block1=(0, 1, 64))
    # Whether or not the client repeats the Echo.
    peer.say(CON, PUT, 3, b"tk", pattern(64), path="5/0/0", block1=(1, 1, 64), echo=value)
    peer.hear(ACK, CONTINUE, 3, block1=(1, 1, 64))
    peer.say(CON, PUT, 4, b"tk", b"end", path="5/0/0", block1=(2, 0, 64))
    peer.hear(ACK, CHANGED, 4, block1=(2, 0, 64))
    assert asked == [1] and bytes(handler.requests[0].payload) == pattern(64) * 2 + b"end"


def test_many_unknown_addresses():
    """RFC 9175 §5, DESIGN §4: however many ask, what is kept about them is bounded."""
    server, handler, peer, _ = guarded(300)
    values = []
    for i in range(100):
        stranger = Peer(server, peer.link, ("192.0.2.%d" % (i % 250), 1000 + i))
        stranger.say(CON, GET, 1, path="large")
        values.append((stranger, demanded(stranger)))
        handler.requests.clear()
    # The one that asked last can show it is there.
    stranger, value = values[-1]
    stranger.say(CON, GET, 2, path="large", echo=value)
    stranger.hear(ACK, CONTENT, 2, pattern(300))


def test_many_known_addresses():
    """DESIGN §4: of very many addresses that have shown they are there, the latest are known."""
    server, handler, peer, _ = guarded(100)
    known = [Peer(server, peer.link, ("192.0.2.9", 1000 + i)) for i in range(300)]
    for each in known:
        each.say(CON, GET, 1, path="large")
        each.say(CON, GET, 2, path="large", echo=demanded(each))
        each.hear(ACK, CONTENT, 2)
        handler.requests.clear()
    known[-1].say(CON, GET, 3, path="large")
    known[-1].hear(ACK, CONTENT, 3)
    known[0].say(CON, GET, 3, path="large")
    demanded(known[0])


# As a client


def lock(type=CON, code=PUT, payload=b"0", mtu=1152):
    client, _, link = endpoint(None)
    link.mtu = mtu
    server = Peer(client, link)
    return client, server, ask(client, server, type, code, payload)


def ask(client, server, type=CON, code=PUT, payload=b"0"):
    """Send a request for /lock; return its outcomes, (response, reason) each."""
    outcomes = Outcomes()
    message = Message(code, type, b"", payload).add(11, "lock")
    client.request(message, server.address, server.link, 0, outcomes)
    return outcomes.calls


def test_figure_1():
    """RFC 9175 §2.3, figure 1: 4.01 with Echo; the request once more, with it and a token of its
    own."""
    for type, reply in ((CON, ACK), (NON, NON)):
        client, server, outcomes = lock(type)
        first = server.hear(type, PUT, None, b"0", echo=None)
        server.say(reply, UNAUTHORIZED, first.message_id, first.token, echo=_LOCK)
        assert outcomes == [] and client.busy()
        second = server.hear(type, PUT, None, b"0", echo=_LOCK)
        assert second.path() == ["lock"] and second.message_id != first.message_id
        assert second.token != first.token
        server.say(reply, CHANGED, second.message_id, second.token)
        (response, reason), = outcomes
        assert response.code == CHANGED and reason is None
        server.silence()
        assert not client.busy()


def test_figure_2():
    """RFC 9175 §2.3, figure 2: the 2.04 has an Echo as well, which the next request takes along,
    once."""
    client, server, outcomes = lock()
    request = server.hear(CON, PUT, None, b"0", echo=None)
    server.say(ACK, UNAUTHORIZED, request.message_id, request.token, echo=b"\x05")
    request = server.hear(CON, PUT, None, b"0", echo=b"\x05")
    server.say(ACK, CHANGED, request.message_id, request.token, echo=b"\x06")
    assert len(outcomes) == 1 and outcomes[0][0].code == CHANGED
    server.silence()
    for echo in (b"\x06", None):
        outcomes = ask(client, server, payload=b"1")
        request = server.hear(CON, PUT, None, b"1", echo=echo)
        server.say(ACK, CHANGED, request.message_id, request.token)
        assert len(outcomes) == 1 and not client.busy()


def test_echo_is_for_one_peer():
    """RFC 9175 §2.3: an Echo value goes to the endpoint alone that it came from, by its link."""
    client, server, outcomes = lock()
    request = server.next()
    server.say(ACK, CHANGED, request.message_id, request.token, echo=b"\x06")
    for other in (Peer(client, server.link, OTHER_PEER), Peer(client, Link())):
        ask(client, other)
        other.hear(CON, PUT, echo=None)
    ask(client, server)
    server.hear(CON, PUT, echo=b"\x06")


def test_echo_that_has_become_old():
    """RFC 9175 §2.3: where the value taken along is not taken, the new one stands in its place."""
    client, server, _ = lock()
    request = server.next()
    server.say(ACK, CHANGED, request.message_id, request.token, echo=b"\x06")
    outcomes = ask(client, server)
    request = server.hear(CON, PUT, echo=b"\x06")
    server.say(ACK, UNAUTHORIZED, request.message_id, request.token, echo=b"\x07")
    request = server.next()
    assert request.all(_ECHO) == [b"\x07"] and bytes(request.payload) == b"0"
    server.say(ACK, CHANGED, request.message_id, request.token)
    assert len(outcomes) == 1 and outcomes[0][0].code == CHANGED


def test_echo_demanded_again():
    """RFC 9175 §2.3: a server that is never content is believed at the second time."""
    client, server, outcomes = lock()
    for at, value in enumerate((_LOCK, b"other")):
        request = server.next()
        server.say(ACK, UNAUTHORIZED, request.message_id, request.token, echo=value)
        assert len(outcomes) == at
    (response, reason), = outcomes
    assert response.code == UNAUTHORIZED and response.get(_ECHO) == b"other" and reason is None
    server.silence()
    assert not client.busy()


def test_unauthorized_without_echo():
    """RFC 7252 §5.9.2.2: 4.01 is a response as any other."""
    client, server, outcomes = lock()
    request = server.next()
    server.say(ACK, UNAUTHORIZED, request.message_id, request.token, b"no")
    assert len(outcomes) == 1 and outcomes[0][0].code == UNAUTHORIZED
    server.silence()


def test_echo_in_a_response_that_is_none_of_it():
    """RFC 9175 §2.3: in a response other than 4.01, Echo asks for nothing at once."""
    client, server, outcomes = lock()
    request = server.next()
    server.say(ACK, CHANGED, request.message_id, request.token, echo=_LOCK)
    assert len(outcomes) == 1 and outcomes[0][0].code == CHANGED
    server.silence()


def test_echo_of_a_length_that_is_not_allowed():
    """RFC 9175 §2.2.1, RFC 7252 §5.4.3: 1 to 40 bytes; any other is ignored."""
    for value in (b"", bytes(41)):
        client, server, outcomes = lock()
        request = server.next()
        server.say(ACK, UNAUTHORIZED, request.message_id, request.token, echo=value)
        assert len(outcomes) == 1 and outcomes[0][0].code == UNAUTHORIZED
        server.silence()
    client, server, outcomes = lock()
    request = server.next()
    server.say(ACK, UNAUTHORIZED, request.message_id, request.token, echo=bytes(40))
    server.hear(CON, PUT, echo=bytes(40))


def test_echo_demanded_separately():
    """RFC 7252 §5.2.2, RFC 9175 §2.3: the demand may be a separate response."""
    client, server, outcomes = lock()
    request = server.next()
    server.say(ACK, 0, request.message_id)
    server.say(CON, UNAUTHORIZED, 700, request.token, echo=_LOCK)
    sent = [data for data, _ in server.link.sent]
    assert bytes.fromhex("600002bc") in sent and len(sent) == 2
    server.link.sent = [entry for entry in server.link.sent if entry[0][0] != 0x60]
    second = server.hear(CON, PUT, echo=_LOCK)
    server.say(ACK, CHANGED, second.message_id, second.token)
    assert len(outcomes) == 1 and not client.busy()


def test_echo_demanded_of_a_body():
    """RFC 9175 §2.3, RFC 7959 §2.5: at the first block, the first block is what is repeated."""
    body = pattern(350)
    client, server, outcomes = lock(payload=body, mtu=200)
    request = server.hear(CON, PUT, None, body[:128], block1=(0, 1, 128), echo=None)
    server.say(ACK, UNAUTHORIZED, request.message_id, request.token, echo=_LOCK)
    request = server.hear(CON, PUT, None, body[:128], block1=(0, 1, 128), echo=_LOCK)
    for number in (0, 1, 2):
        if number:
            request = server.next()
        assert read_block(request.get(27)) == (number, 1 if number < 2 else 0, 128)
        assert bytes(request.payload) == body[number * 128 : number * 128 + 128]
        server.say(
            ACK, CONTINUE if number < 2 else CHANGED, request.message_id, request.token,
            block1=(number, 1 if number < 2 else 0, 128),
        )
    assert len(outcomes) == 1 and outcomes[0][0].code == CHANGED and not client.busy()


def test_echo_demanded_of_a_fetch():
    """RFC 9175 §2.3, RFC 7959 §2.4: then the blocks follow as usual."""
    body = pattern(350)
    client, server, outcomes = lock(code=GET, payload=b"")
    request = server.next()
    server.say(ACK, UNAUTHORIZED, request.message_id, request.token, echo=_LOCK)
    request = server.hear(CON, GET, echo=_LOCK)
    for number in (0, 1, 2):
        if number:
            request = server.hear(CON, GET, None, block2=(number, 0, 128))
        server.say(
            ACK, CONTENT, request.message_id, request.token,
            body[number * 128 : number * 128 + 128], block2=(number, 1 if number < 2 else 0, 128),
        )
    assert len(outcomes) == 1 and bytes(outcomes[0][0].payload) == body and not client.busy()
