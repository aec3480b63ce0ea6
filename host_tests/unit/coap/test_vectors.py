"""The message exchanges that the RFCs print with their bytes, each played in both roles where the
other role is ours too: RFC 7252 appendix A, RFC 7641 appendix A, RFC 7959 §3.4. Where an RFC gives
no bytes but numbers, see the tests of blocks, Echo and No-Response.

Options whose order a figure leaves open stand in the order of their numbers.
"""

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON, RST, Message
from coap.registry import CONTENT, GET, NOT_FOUND, VALID
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


def ask(message_id, token, type=CON):
    """Ask for /temperature with a token in hex; return the client, its link and the outcomes."""
    client, _, link = endpoint(None, starting_at(message_id))
    outcomes = Outcomes()
    request = Message(GET, type).add(11, "temperature")
    client.send_request(request, PEER, link, 0, outcomes, bytes.fromhex(token))
    first = 0x41 | type << 4
    assert told_once(link) == "%02x01%04x" % (first, message_id) + token + PATH
    return client, link, outcomes.calls


def told_once(link):
    """Return the one datagram sent since the last call, in hex."""
    ((data, peer),) = link.sent
    assert peer == PEER
    link.sent = []
    return data.hex()


def tell(client, link, text, now=9):
    """Have a client hear a datagram in hex."""
    client.receive(bytes.fromhex(text), PEER, link, now)


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
    client, link, outcomes = ask(0x7D35, "20")
    tell(client, link, "61457d3520" + VALUE)
    assert answered(outcomes) and link.sent == []


def test_figure_18_as_server():
    """RFC 7252 appendix A, figure 18: of the request that is lost nothing is known."""
    _, handler, _, say, hear = serve()
    say("41017d3631" + PATH)
    assert hear() == ["61457d3631" + VALUE] and len(handler.requests) == 1


def test_figure_18_as_client():
    """RFC 7252 appendix A, figure 18: the request is lost, and sent again unchanged."""
    client, link, outcomes = ask(0x7D36, "31")
    assert client.step(1_999) == 2_000 and link.sent == []
    client.step(2_000)
    assert told_once(link) == "41017d3631" + PATH
    tell(client, link, "61457d3631" + VALUE, 2_100)
    assert answered(outcomes) and link.sent == []


def test_figure_19_as_server():
    """RFC 7252 appendix A, figure 19: the response is lost, and repeated for the repeated GET."""
    _, handler, _, say, hear = serve()
    say("41017d3742" + PATH)
    assert hear() == ["61457d3742" + VALUE]
    say("41017d3742" + PATH)
    assert hear() == ["61457d3742" + VALUE] and len(handler.requests) == 1


def test_figure_19_as_client():
    """RFC 7252 appendix A, figure 19: the response is lost; that to the repetition counts."""
    client, link, outcomes = ask(0x7D37, "42")
    client.step(2_000)
    assert told_once(link) == "41017d3742" + PATH
    tell(client, link, "61457d3742" + VALUE, 2_100)
    assert answered(outcomes) and client.step(2_100) is None


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
    """RFC 7252 appendix A, figure 20: Confirmable request, separate response; the two messages of
    the server may change places."""
    for order in ((0, 1), (1, 0)):
        client, link, outcomes = ask(0x7D38, "53")
        for message in order:
            if message == 0:
                before = len(outcomes)
                tell(client, link, "60007d38", 100)
                assert link.sent == [] and len(outcomes) == before
            else:
                tell(client, link, "4145ad7b53" + VALUE, 200)
                assert told_once(link) == "6000ad7b"
        assert answered(outcomes) and link.sent == [] and not client.busy()


def test_figure_21_as_client():
    """RFC 7252 appendix A, figure 21: a client that knows nothing of the request, as after a
    crash: the ACK is ignored, the response rejected."""
    _, _, _, say, hear = serve()
    say("60007d39")
    assert hear() == []
    say("4145ad7c64" + VALUE)
    assert hear() == ["7000ad7c"]


def test_figure_20_acknowledged_with_content():
    """RFC 7252 §5.2.2: an ACK of a response ends its retransmission, whatever is in it."""
    server, handler, link, say, hear = serve(LATER, 0xAD7B)
    say("41017d3853" + PATH)
    server.respond(handler.requests[0], content(handler.requests[0]), PEER, link, 100)
    assert len(hear()) == 2
    say("6145ad7b53" + VALUE)
    assert not server.busy() and server.step(100_000) is None and hear() == []


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
    client, link, outcomes = ask(0x7D40, "75", NON)
    tell(client, link, "5145ad7d75" + VALUE)
    assert answered(outcomes) and link.sent == []


def test_figure_23():
    """RFC 7252 appendix A, figure 23: a request to all nodes; servers A and B have the resource, C
    has not."""
    for message_id, answer, heard in (
        (0x60B1, content, "514560b186" + VALUE),
        (0x01A0, lambda request: request.reply(CONTENT, b"20.9 C"), "514501a086ff32302e392043"),
        (0x952A, lambda request: request.reply(NOT_FOUND), "5184952a86"),
    ):
        _, _, _, say, hear = serve(answer, message_id)
        say("51017d4186" + PATH)
        assert hear() == [heard]


# RFC 7641, options in hex: Observe: 0 and Uri-Path: temperature, Max-Age: 15.
REGISTER = "605b74656d7065726174757265"
AGE = "810f"
TAG = "78797a7a79"


def observed(number, text=b"", code=CONTENT, tag="", type=ACK, token=b""):
    """A response of the examples of RFC 7641: Observe, Max-Age 15, perhaps an ETag."""
    response = Message(code, type, token, text).add(6, number).add(14, 15)
    return response.add(4, bytes.fromhex(tag)) if tag else response


def observing(request_hex, response, message_id=0):
    """Register as an example does; return the request, the response in hex and functions.

    The functions: to notify with a response, which returns the datagram in hex and the outcomes,
    and to say a datagram in hex.
    """
    def answer(request):
        response.token = request.token
        return response

    server, handler, link, say, hear = serve(answer, message_id)
    say(request_hex)

    def notify(notification):
        notification.token = handler.requests[0].token
        outcomes = Outcomes()
        server.notify(notification, PEER, link, 10_000, outcomes)
        (datagram,) = hear()
        return datagram, outcomes.calls

    (datagram,) = hear()
    return handler.requests[0], datagram, notify, say, server


def test_observe_figure_3():
    """RFC 7641 appendix A.1, figure 3: a registration, and the notification of a new state."""
    request, datagram, notify, _, _ = observing(
        "410116334a" + REGISTER, observed(9, b"18.5 Cel"), 0x7B50
    )
    assert request.get_uint(6) == 0 and request.path() == ["temperature"]
    assert datagram == "614516334a" + "6109" + AGE + "ff" + b"18.5 Cel".hex()
    datagram, outcomes = notify(observed(16, b"19.2 Cel", type=NON))
    assert datagram == "51457b504a" + "6110" + AGE + "ff" + b"19.2 Cel".hex()
    assert outcomes == [(None,)]


def test_observe_figure_4():
    """RFC 7641 appendix A.1, figure 4: a notification is lost; the client registers anew, with
    another token, and gets the state with its entity tag."""
    _, _, notify, _, _ = observing("410116334a" + REGISTER, observed(9, b"18.5 Cel"), 0x7B51)
    datagram, outcomes = notify(observed(25, b"19.7 Cel", type=NON))
    assert datagram == "51457b514a" + "6119" + AGE + "ff" + b"19.7 Cel".hex()
    assert outcomes == [(None,)]
    _, datagram, _, _, _ = observing("41011634b2" + REGISTER, observed(44, b"19.7 Cel", tag=TAG))
    # ETag, Observe: 44, Max-Age: 15.
    assert datagram == "61451634b2" + "45" + TAG + "212c" + AGE + "ff" + b"19.7 Cel".hex()


def test_observe_figure_5():
    """RFC 7641 appendix A.1, figure 5: the client tells which state it still has; once that state
    comes back, 2.03 names it."""
    request, datagram, notify, _, _ = observing(
        # ETag, Observe: 0, Uri-Path.
        "41011635f9" + "45" + TAG + "20" + REGISTER[2:], observed(74, b"20.0 Cel"), 0xAA0C
    )
    assert request.get(4) == bytes.fromhex(TAG) and request.get_uint(6) == 0
    assert datagram == "61451635f9" + "614a" + AGE + "ff" + b"20.0 Cel".hex()
    datagram, outcomes = notify(observed(81, code=VALID, tag=TAG, type=NON))
    assert datagram == "5143aa0cf9" + "45" + TAG + "2151" + AGE
    assert outcomes == [(None,)]


def test_observe_figure_6():
    """RFC 7641 appendix A.1, figure 6: a Reset rejects a Confirmable notification and thereby ends
    the observation."""
    _, _, notify, say, server = observing(
        "41011635f9" + "45" + TAG + "20" + REGISTER[2:], observed(74, b"20.0 Cel"), 0xAA0F
    )
    datagram, outcomes = notify(observed(91, b"19.3 Cel", type=CON))
    assert datagram == "4145aa0ff9" + "615b" + AGE + "ff" + b"19.3 Cel".hex()
    assert outcomes == []
    say("7000aa0f")
    assert outcomes == [("reset",)] and not server.busy() and server.step(200_000) is None


# RFC 7641 appendix A.2: Uri-Host: sensor.example, Observe: 0, Uri-Path: status; Max-Age: 60.
STATUS = "3d01" + b"sensor.example".hex() + "30" + "56" + b"status".hex()
MINUTE = "813c"


def status(number, text, type=ACK):
    return Message(CONTENT, type, b"", text).add(6, number).add(14, 60)


def test_observe_figure_7():
    """RFC 7641 appendix A.2, figure 7: a proxy observes us, to keep its cache up to date; the last
    Message ID is printed with a digit too many."""
    request, datagram, notify, _, _ = observing(
        "41015fb81a" + STATUS, status(42, b"ready"), 0x5FC0
    )
    assert request.get(3) == b"sensor.example" and request.path() == ["status"]
    assert datagram == "61455fb81a" + "612a" + MINUTE + "ff" + b"ready".hex()
    datagram, _ = notify(status(135, b"busy", NON))
    assert datagram == "51455fc01a" + "6187" + MINUTE + "ff" + b"busy".hex()


def test_observe_figure_7_not_a_proxy():
    """RFC 7641 appendix A.2, figure 7, RFC 7252 §5.10.2: we are no proxy for its client."""
    _, handler, _, say, hear = serve()
    uri = b"coap://sensor.example/status"
    say("410116339a" + "dd160f" + uri.hex())
    assert hear() == ["61a516339a"] and handler.requests == []


def test_observe_figure_8_as_server():
    """RFC 7641 appendix A.2, figure 8: a proxy observes us for its client."""
    _, datagram, notify, _, _ = observing("4101af90aa" + STATUS, status(67, b"ready"), 0x5A20)
    assert datagram == "6145af90aa" + "6143" + MINUTE + "ff" + b"ready".hex()
    datagram, _ = notify(status(157, b"busy", NON))
    assert datagram == "51455a20aa" + "619d" + MINUTE + "ff" + b"busy".hex()


def test_observe_figure_8_as_client():
    """RFC 7641 appendix A.2, figure 8: the response to a registration comes separately, and is
    acknowledged. A request has one response here, so the notification after it is ignored."""
    client, _, link = endpoint(None, starting_at(0x1635))
    outcomes = Outcomes()
    uri = b"coap://sensor.example/status"
    request = Message(GET).add(35, uri).add(6, 0)
    client.send_request(request, PEER, link, 0, outcomes, b"\x6a")
    assert told_once(link) == "410116356a" + "60" + "dd100f" + uri.hex()
    tell(client, link, "60001635")
    assert outcomes.calls == [] and link.sent == []
    tell(client, link, "4145af946a" + "6243c2" + MINUTE + "ff" + b"ready".hex())
    assert told_once(link) == "6000af94"
    ((response, reason),) = outcomes.calls
    assert bytes(response.payload) == b"ready" and response.get_uint(6) == 17346
    tell(client, link, "5145af9b6a" + "62441c" + MINUTE + "ff" + b"busy".hex())
    assert link.sent == [] and len(outcomes.calls) == 1


def test_observe_notification_nobody_waits_for():
    """RFC 7641 §3.5: a client that has forgotten the token resets a Confirmable notification, so
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
        self.max_age = None

    def body(self):
        return bytes(byte ^ self.state for byte in ICON)

    def __call__(self, request):
        response = request.reply(CONTENT, self.body()).add(4, TAGS[self.state])
        if request.get_uint(6) == 0:
            response.add(6, self.number)
        return response.add(14, self.max_age) if self.max_age else response


def observe_in_blocks(size, max_age, first_block2, first_transfer, requests):
    """Play figure 12 or 13: registration, the rest of its body, notification, the rest of that.

    requests: (message ID, block number) of each request for more of the notification's body.
    """
    icon = Icon()
    icon.max_age = max_age
    handler = Handler(icon)
    server = Endpoint(handler, starting_at(0xAF9C))
    link = Link()
    link.mtu = 200 if size == 128 else 1152
    client = Peer(server, link)
    client.say(CON, GET, 0x1636, b"\xfb", path="status-icon", observe=0, **first_block2)
    heard = link.sent[0][0]
    assert heard[:5] == bytes.fromhex("61451636fb")
    client.hear(
        ACK, CONTENT, 0x1636, ICON[:size], block2=(0, 1, size), observe=62350, etag=TAGS[0],
        max_age=max_age,
    )
    more_of(client, icon, size, first_transfer)
    icon.state = 1
    icon.number = 62354
    icon.max_age = None
    client.now = 60_000
    notification = icon(handler.requests[0])
    notification.type = CON
    outcomes = Outcomes()
    server.notify(
        notification, PEER, link, client.now, outcomes, handler.requests[0]
    )
    heard = link.sent[0][0]
    assert heard[:5] == bytes.fromhex("4145af9cfb")
    client.hear(
        CON, CONTENT, 0xAF9C, icon.body()[:size], block2=(0, 1, size), observe=62354,
        etag=TAGS[1], max_age=None,
    )
    client.bytes(bytes.fromhex("6000af9c"))
    assert outcomes.calls == [(None,)]
    client.silence()
    more_of(client, icon, size, requests)
    assert not server.busy() and len(handler.requests) == 1


def more_of(client, icon, size, requests):
    """Fetch the blocks but the first, with the token of figures 12 and 13."""
    for message_id, number in requests:
        at = number * size
        client.bytes(
            bytes.fromhex("4101%04xfc" % message_id)
            + told(CON, GET, 0, path="status-icon", block2=(number, 0, size))[4:]
        )
        assert client.link.sent[0][0][:5] == bytes.fromhex("6145%04xfc" % message_id)
        message = client.hear(
            ACK, CONTENT, message_id, icon.body()[at : at + size],
            block2=(number, 1 if at + size < 309 else 0, size), etag=TAGS[icon.state],
            observe=None,
        )
    assert len(message.payload) == 53


def test_observe_and_blocks_figure_12():
    """RFC 7959 §3.4, figure 12: the first block notified, the rest fetched without Observe."""
    observe_in_blocks(128, None, {}, ((1, 1), (2, 2)), ((0x1637, 1), (0x1638, 2)))


def test_observe_and_blocks_figure_13():
    """RFC 7959 §3.4, figure 13: the size negotiated at registration holds for notifications."""
    # The figure leaves out the blocks 2 and 3, and their Message IDs.
    requests = ((0x1637, 1), (0x2638, 2), (0x2639, 3), (0x1638, 4))
    first = tuple([(number, number) for number in (1, 2, 3, 4)])
    observe_in_blocks(64, 60, {"block2": (0, 0, 64)}, first, requests)


def test_block_option_values():
    """RFC 7959 §3: a Block2 value of 33 is 2:2/0/32, a Block1 value of 59 is 1:3/1/128."""
    assert told(CON, GET, 1, block2=(2, 0, 32)) == bytes.fromhex("40010001d10a21")
    assert told(CON, GET, 1, block1=(3, 1, 128)) == bytes.fromhex("40010001d10e3b")


def test_reset_answers_what_cannot_be_read():
    """RFC 7252 §4.2: a Confirmable message that cannot be processed is answered with a Reset."""
    _, handler, _, say, hear = serve()
    say("4f017d40" + "00" * 15)
    assert hear() == ["%02x007d40" % (0x40 | RST << 4)] and handler.requests == []
