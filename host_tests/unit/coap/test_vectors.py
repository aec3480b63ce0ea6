"""The message exchanges that the RFCs print with their bytes, each played in both roles where the
other role is ours too: RFC 7252 appendix A, RFC 7641 appendix A, RFC 7959 §3.4."""

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON, RST, Message
from coap.registry import CONTENT, GET
from unit.coap.helpers import (
    PEER,
    Handler,
    Link,
    Outcomes,
    Peer,
    content,
    endpoint,
    pattern,
    told,
)

PATH = "bb74656d7065726174757265"  # Uri-Path: temperature
VALUE = "ff32322e332043"  # payload "22.3 C"


def starting_at(message_id):
    """Random bits that make an endpoint's first message ID the one given."""
    return lambda bits: message_id if bits == 16 else 0


def serve(answer=content, message_id=0):
    """Return an endpoint that serves, and functions to say and to hear a datagram in hex."""
    server, handler, link = endpoint(answer, starting_at(message_id))

    def say(text):
        server.receive(bytes.fromhex(text), PEER, link, 0)

    def hear():
        datagrams = [data.hex() for data, _ in link.sent]
        link.sent = []
        return datagrams

    return server, handler, link, say, hear


def ask(message_id, type=CON):
    """Ask for /temperature; return the client, its link, the token and the outcomes."""
    client, _, link = endpoint(None, starting_at(message_id))
    outcomes = Outcomes()
    token = client.request(Message(1, type).add(11, "temperature"), PEER, link, 0, outcomes)
    first = 0x40 | type << 4 | len(token)
    expected = bytes((first, 1, message_id >> 8, message_id & 0xFF)) + token
    assert link.sent == [(expected + bytes.fromhex(PATH), PEER)]
    link.sent = []
    return client, link, token, outcomes.calls


def answered(outcomes):
    """Tell whether the one outcome is the response of the examples."""
    return len(outcomes) == 1 and bytes(outcomes[0][0].payload) == b"22.3 C"


def test_figure_16():
    """RFC 7252 appendix A, figure 16: Confirmable request, piggybacked response, no token."""
    _, handler, _, say, hear = serve()
    say("40017d34" + PATH)
    assert hear() == ["60457d34" + VALUE]
    assert handler.requests[0].token == b""


def test_figure_17_as_server():
    """RFC 7252 appendix A, figure 17: Confirmable request, piggybacked response."""
    _, _, _, say, hear = serve()
    say("41017d3520" + PATH)
    assert hear() == ["61457d3520" + VALUE]


def test_figure_17_as_client():
    """RFC 7252 appendix A, figure 17: Confirmable request, piggybacked response."""
    client, link, token, outcomes = ask(0x7D35)
    client.receive(bytes.fromhex("64457d35") + token + bytes.fromhex(VALUE), PEER, link, 9)
    assert answered(outcomes) and link.sent == []


def test_figure_18_as_client():
    """RFC 7252 appendix A, figure 18: the request is lost, and sent again unchanged."""
    client, link, token, outcomes = ask(0x7D36)
    client.step(3_000)
    assert link.sent == [(bytes.fromhex("44017d36") + token + bytes.fromhex(PATH), PEER)]
    client.receive(bytes.fromhex("64457d36") + token + bytes.fromhex(VALUE), PEER, link, 3_100)
    assert answered(outcomes) and len(link.sent) == 1


def test_figure_19_as_server():
    """RFC 7252 appendix A, figure 19: the response is lost, and repeated for the repeated GET."""
    _, handler, _, say, hear = serve()
    say("41017d3742" + PATH)
    assert hear() == ["61457d3742" + VALUE]
    say("41017d3742" + PATH)
    assert hear() == ["61457d3742" + VALUE] and len(handler.requests) == 1


def test_figure_19_as_client():
    """RFC 7252 appendix A, figure 19: the response is lost; that to the repetition counts."""
    client, link, token, outcomes = ask(0x7D37)
    client.step(3_000)
    client.receive(bytes.fromhex("64457d37") + token + bytes.fromhex(VALUE), PEER, link, 3_100)
    assert answered(outcomes) and client.step(3_100) is None


def test_figure_20_as_server():
    """RFC 7252 appendix A, figure 20: Confirmable request, separate response."""
    server, handler, link, say, hear = serve(LATER, 0xAD7B)
    say("41017d3853" + PATH)
    assert hear() == ["60007d38"]
    server.respond(handler.requests[0], content(handler.requests[0]), PEER, link, 100)
    assert hear() == ["4145ad7b53" + VALUE]
    say("6000ad7b")
    assert hear() == [] and not server.busy()


def test_figure_20_as_client():
    """RFC 7252 appendix A, figure 20: Confirmable request, separate response."""
    client, link, token, outcomes = ask(0x7D38)
    client.receive(bytes.fromhex("60007d38"), PEER, link, 100)
    assert outcomes == []
    client.receive(bytes.fromhex("4445ad7b") + token + bytes.fromhex(VALUE), PEER, link, 200)
    assert answered(outcomes) and link.sent == [(bytes.fromhex("6000ad7b"), PEER)]


def test_figure_21_as_client():
    """RFC 7252 appendix A, figure 21: a client that knows nothing of the request (a reboot)."""
    _, _, _, say, hear = serve()
    say("4145ad7c64" + VALUE)
    assert hear() == ["7000ad7c"]


def test_figure_21_as_server():
    """RFC 7252 appendix A, figure 21: the Reset ends the retransmission of the response."""
    server, handler, link, say, hear = serve(LATER, 0xAD7C)
    say("41017d3964" + PATH)
    server.respond(handler.requests[0], content(handler.requests[0]), PEER, link, 100)
    assert hear() == ["60007d39", "4145ad7c64" + VALUE]
    say("7000ad7c")
    assert not server.busy() and server.step(100_000) is None and hear() == []


def test_figure_22_as_server():
    """RFC 7252 appendix A, figure 22: Non-confirmable request, Non-confirmable response."""
    _, _, _, say, hear = serve(message_id=0xAD7D)
    say("51017d4075" + PATH)
    assert hear() == ["5145ad7d75" + VALUE]


def test_figure_22_as_client():
    """RFC 7252 appendix A, figure 22: Non-confirmable request, Non-confirmable response."""
    client, link, token, outcomes = ask(0x7D40, NON)
    client.receive(bytes.fromhex("5445ad7d") + token + bytes.fromhex(VALUE), PEER, link, 9)
    assert answered(outcomes) and link.sent == []


def temperature(request, number, text):
    """A notification of the examples of RFC 7641: Observe, Max-Age 15, a payload."""
    return request.reply(CONTENT, text).add(6, number).add(14, 15)


def test_observe_figure_3():
    """RFC 7641 appendix A.1, figure 3: a registration, and the notification of a change."""
    server, handler, link, say, hear = serve(
        lambda request: temperature(request, 9, b"18.5 Cel"), 0x7B50
    )
    say("41011633" + "4a" + "60" + "5b74656d7065726174757265")
    request = handler.requests[0]
    assert request.get_uint(6) == 0 and request.path() == ["temperature"]
    # Observe: 9, Max-Age: 15.
    assert hear() == ["614516334a" + "6109" + "810f" + "ff" + b"18.5 Cel".hex()]
    outcomes = Outcomes()
    notification = temperature(request, 16, b"19.2 Cel")
    notification.type = NON
    server.notify(notification, PEER, link, 10_000, outcomes)
    assert hear() == ["51457b504a" + "6110" + "810f" + "ff" + b"19.2 Cel".hex()]
    assert outcomes.calls == [(None,)]


def test_observe_figure_4():
    """RFC 7641 appendix A.1, figure 4: a notification is lost; the client registers anew, with
    another token, and gets the state with its entity tag."""
    tag = bytes.fromhex("78797a7a79")
    server, handler, link, say, hear = serve(
        lambda request: temperature(request, 44, b"19.7 Cel").add(4, tag), 0x7B51
    )
    old = Message(CONTENT, NON, b"\x4a", b"19.7 Cel").add(6, 25).add(14, 15).add(4, tag)
    server.notify(old, PEER, link, 0, Outcomes())
    options = "45" + tag.hex() + "2119" + "810f"
    assert hear() == ["51457b514a" + options + "ff" + b"19.7 Cel".hex()]
    say("41011634" + "b2" + "60" + "5b74656d7065726174757265")
    options = "45" + tag.hex() + "212c" + "810f"
    assert hear() == ["61451634b2" + options + "ff" + b"19.7 Cel".hex()]


def test_observe_notification_nobody_waits_for():
    """RFC 7641 §3.6: a client that has forgotten the token resets a Confirmable notification, so
    that the server ends the observation; as a server we are told of the Reset."""
    server, _, link, say, hear = serve()
    say("41457b504a6110ff" + b"19.2 Cel".hex())
    assert hear() == ["70007b50"]
    outcomes = Outcomes()
    notification = Message(CONTENT, CON, b"\x4a", b"19.2 Cel").add(6, 16)
    server.notify(notification, PEER, link, 0, outcomes)
    message_id = link.take_one().message_id
    say("7000%04x" % message_id)
    assert outcomes.calls == [("reset",)] and not server.busy()


ICON = pattern(2 * 128 + 53)
TAGS = (bytes.fromhex("6f00f38e"), bytes.fromhex("6f00f392"))


class Icon:
    """The resource of figures 12 and 13 of RFC 7959: /status-icon, 309 bytes, in two states."""

    def __init__(self):
        self.state = 0
        self.number = 62350

    def body(self):
        return bytes(byte ^ self.state for byte in ICON)

    def __call__(self, request):
        response = request.reply(CONTENT, self.body()).add(4, TAGS[self.state])
        if request.get_uint(6) == 0:
            response.add(6, self.number)
        return response


def observe_in_blocks(size, first_block2, requests):
    """Play figure 12 or 13: registration, notification, the rest of the body.

    requests: (message ID, block number) of each request for more of the notification's body.
    """
    icon = Icon()
    handler = Handler(icon)
    server = Endpoint(handler, starting_at(0xAF9C))
    link = Link()
    link.mtu = 200 if size == 128 else 1152
    client = Peer(server, link)
    client.say(CON, GET, 0x1636, b"\xfb", path="status-icon", observe=0, **first_block2)
    client.hear(
        ACK, CONTENT, 0x1636, ICON[:size], block2=(0, 1, size), observe=62350, etag=TAGS[0]
    )
    icon.state = 1
    icon.number = 62354
    client.now = 60_000
    notification = icon(handler.requests[0])
    notification.type = CON
    outcomes = Outcomes()
    server.notify(
        notification, PEER, link, client.now, outcomes, handler.requests[0]
    )
    whole = icon.body()
    message = client.hear(
        CON, CONTENT, 0xAF9C, whole[:size], block2=(0, 1, size), observe=62354, etag=TAGS[1]
    )
    assert message.token == b"\xfb"
    client.bytes(bytes.fromhex("6000af9c"))
    assert outcomes.calls == [(None,)]
    client.silence()
    for message_id, number in requests:
        at = number * size
        client.say(
            CON, GET, message_id, b"\xfc", path="status-icon", block2=(number, 0, size)
        )
        message = client.hear(
            ACK, CONTENT, message_id, whole[at : at + size],
            block2=(number, 1 if at + size < 309 else 0, size), etag=TAGS[1], observe=None,
        )
        assert message.token == b"\xfc"
    assert len(message.payload) == 53
    assert not server.busy()


def test_observe_and_blocks_figure_12():
    """RFC 7959 §3.4, figure 12: the first block notified, the rest fetched without Observe."""
    observe_in_blocks(128, {}, ((0x1637, 1), (0x1638, 2)))


def test_observe_and_blocks_figure_13():
    """RFC 7959 §3.4, figure 13: the size negotiated at registration holds for notifications."""
    observe_in_blocks(
        64, {"block2": (0, 0, 64)}, ((0x1637, 1), (0x1638, 2), (0x1639, 3), (0x163A, 4))
    )


def test_block_option_values():
    """RFC 7959 §3: a Block2 value of 33 is 2:2/0/32, a Block1 value of 59 is 1:3/1/128."""
    assert told(CON, GET, 1, block2=(2, 0, 32)) == bytes.fromhex("40010001d10a21")
    assert told(CON, GET, 1, block1=(3, 1, 128)) == bytes.fromhex("40010001d10e3b")


def test_reset_answers_what_cannot_be_read():
    """RFC 7252 §4.2: a Confirmable message that cannot be processed is answered with a Reset."""
    _, handler, _, say, hear = serve()
    say("4f017d40" + "00" * 15)
    assert hear() == ["%02x007d40" % (0x40 | RST << 4)] and handler.requests == []
