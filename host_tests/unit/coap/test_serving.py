"""RFC 7252 §4 and §5 as a server: requests in, responses out, duplicates, what is refused."""

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON, RST, Message
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Link,
    content,
    datagram,
    endpoint,
    get,
    zeros,
)

HEAP_K = 72  # replies of 1 KB, without the collector's threshold that a node sets


def test_piggybacked_response():
    """RFC 7252 §5.2.1 (figures 16 and 17): the ACK of a CON request carries the response."""
    server, handler, link = endpoint()
    server.receive(bytes.fromhex("41017d3520bb74656d7065726174757265"), PEER, link, 0)
    assert link.sent == [(bytes.fromhex("61457d3520ff32322e332043"), PEER)]
    assert handler.requests[0].path() == ["temperature"]
    assert server.step(0) is None and not server.busy()


def test_piggybacked_response_repeated():
    """RFC 7252 §4.5 (figure 19): a duplicate gets the same reply, the request is handled once."""
    server, handler, link = endpoint()
    server.receive(get(0x7D37), PEER, link, 0)
    handler.answer = lambda request: request.reply(0x45, b"other")
    for now in (1, 2_000, 246_999):
        server.receive(get(0x7D37), PEER, link, now)
    assert len(handler.requests) == 1
    assert len(link.sent) == 4 and link.sent == [link.sent[0]] * 4
    assert server.dropped == {"duplicate": 3}


def test_duplicate_after_exchange_lifetime():
    """RFC 7252 §4.8.2: after EXCHANGE_LIFETIME a message ID may be used for a new message."""
    server, handler, link = endpoint()
    server.receive(get(), PEER, link, 0)
    server.receive(get(), PEER, link, 247_000)
    assert len(handler.requests) == 2


def test_same_id_from_another_endpoint():
    """RFC 7252 §4.5: a duplicate has the same message ID and comes from the same endpoint."""
    server, handler, link = endpoint()
    server.receive(get(), PEER, link, 0)
    server.receive(get(), OTHER_PEER, link, 0)
    server.receive(get(), PEER, Link(), 0)
    assert len(handler.requests) == 3


def test_non_request():
    """RFC 7252 §5.2.3 (figure 22): a NON request gets a NON response with an ID of its own."""
    server, handler, link = endpoint(random_bits=lambda bits: 0xAD7D)
    server.receive(bytes.fromhex("51017d4075bb74656d7065726174757265"), PEER, link, 0)
    assert link.sent == [(bytes.fromhex("5145ad7d75ff32322e332043"), PEER)]


def test_non_request_repeated():
    """RFC 7252 §4.5: a duplicate NON is ignored for NON_LIFETIME."""
    server, handler, link = endpoint()
    server.receive(get(type=NON), PEER, link, 0)
    server.receive(get(type=NON), PEER, link, 144_999)
    assert len(handler.requests) == 1 and len(link.sent) == 1
    server.receive(get(type=NON), PEER, link, 145_000)
    assert len(handler.requests) == 2 and len(link.sent) == 2


def test_separate_response():
    """RFC 7252 §5.2.2 (figure 20): an empty ACK, then a CON response, sent until acknowledged."""
    server, handler, link = endpoint(LATER, random_bits=lambda bits: 0xAD7B if bits == 16 else 0)
    server.receive(bytes.fromhex("41017d3853bb74656d7065726174757265"), PEER, link, 0)
    assert link.sent == [(bytes.fromhex("60007d38"), PEER)]
    request = handler.requests[0]
    server.respond(request, request.reply(0x45, b"22.3 C"), PEER, link, 500)
    assert link.sent[1:] == [(bytes.fromhex("4145ad7b53ff32322e332043"), PEER)]
    assert server.busy(PEER) and not server.busy(OTHER_PEER)
    assert server.step(500) == 2_500
    server.step(2_500)
    assert link.sent[2] == link.sent[1]
    server.receive(bytes.fromhex("6000ad7b"), PEER, link, 2_600)
    assert not server.busy() and server.step(2_600) is None
    # The duplicate of the request is acknowledged again, not handled again.
    server.receive(bytes.fromhex("41017d3853bb74656d7065726174757265"), PEER, link, 2_700)
    assert link.sent[3:] == [(bytes.fromhex("60007d38"), PEER)]
    assert len(handler.requests) == 1


def test_separate_response_to_non():
    """RFC 7252 §5.2.3: a later response to a NON request is a NON, and nothing is acknowledged."""
    server, handler, link = endpoint(LATER)
    server.receive(get(type=NON), PEER, link, 0)
    assert link.sent == []
    server.respond(handler.requests[0], Message(0x45, payload=b"x"), PEER, link, 10)
    response = link.take_one()
    assert response.type == NON and response.token == b"\x20" and not server.busy()


def test_separate_response_refused_or_lost():
    """RFC 7252 §4.2: a Reset ends the retransmission, so does MAX_RETRANSMIT."""
    for reset in (True, False):
        server, handler, link = endpoint(LATER)
        server.receive(get(), PEER, link, 0)
        server.respond(handler.requests[0], Message(0x45), PEER, link, 0)
        message_id = link.take()[1].message_id
        if reset:
            server.receive(datagram(0, RST, message_id), PEER, link, 1)
        else:
            now = 0
            while now is not None:
                now = server.step(now)
            assert len(link.sent) == 4
        assert not server.busy() and server.step(100_000) is None


def test_silence():
    """CR 6.1: None from the handler sends nothing; a retransmission is offered again."""
    server, handler, link = endpoint(None)
    server.receive(get(), PEER, link, 0)
    assert link.sent == [] and server.dropped == {}
    handler.answer = content
    server.receive(get(), PEER, link, 2_000)
    assert link.take_one().code == 0x45 and len(handler.requests) == 2


def test_handler_that_fails():
    """DESIGN §6: a programming error raises through, and the endpoint works on."""
    server, handler, link = endpoint(lambda request: 1 // 0)
    try:
        server.receive(get(), PEER, link, 0)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError("hidden")
    handler.answer = content
    server.receive(get(), PEER, link, 1)
    assert link.take_one().code == 0x45


def test_ping():
    """RFC 7252 §4.3: an empty CON is answered with a Reset of the same ID."""
    server, handler, link = endpoint()
    server.receive(bytes.fromhex("40001234"), PEER, link, 0)
    assert link.sent == [(bytes.fromhex("70001234"), PEER)]
    assert handler.requests == [] and server.dropped == {}


def test_empty_non():
    """RFC 7252 §4.3: a NON is never empty; one that is, is ignored."""
    server, handler, link = endpoint()
    server.receive(bytes.fromhex("50001234"), PEER, link, 0)
    assert link.sent == [] and server.dropped == {"empty": 1}


def test_malformed():
    """RFC 7252 §4.2 and §4.3: a malformed CON is answered with a Reset, any other is ignored."""
    for rest, reason in (
        ("00123400", "empty with content"), ("011234ff", "no payload"), ("0112340f", "option"),
        ("201234", "reserved class"), ("c01234", "reserved class"),
    ):
        for first, answer in (("40", True), ("50", False), ("60", False), ("70", False)):
            server, handler, link = endpoint()
            server.receive(bytes.fromhex(first + rest), PEER, link, 0)
            assert link.sent == ([(bytes.fromhex("70001234"), PEER)] if answer else [])
            assert server.dropped == {reason: 1} and handler.requests == []
    server, handler, link = endpoint()
    server.receive(bytes.fromhex("49011234") + b"123456789", PEER, link, 0)
    assert link.sent == [(bytes.fromhex("70001234"), PEER)]
    assert server.dropped == {"token length": 1}


def test_unreadable_header():
    """RFC 7252 §3: too short or of an unknown version: ignored, counted, told to on_drop."""
    told = []
    server = Endpoint(None, zeros, lambda reason, peer: told.append((reason, peer)))
    link = Link()
    for data in (b"", b"\x40", b"\x40\x01\x00", b"\x80\x01\x00\x01", b"\x00\x01\x00\x01"):
        server.receive(data, PEER, link, 0)
    assert link.sent == []
    assert server.dropped == {"short": 3, "version": 2}
    assert told == [("short", PEER)] * 3 + [("version", PEER)] * 2


def test_unknown_critical_option():
    """RFC 7252 §5.4.1: CON: 4.02 with the token, also for duplicates; NON: ignored."""
    server, handler, link = endpoint()
    data = bytes(Message(1, CON, b"tokn", b"", 9).add(11, "x").add(2049, b"?").encode())
    server.receive(data, PEER, link, 0)
    server.receive(data, PEER, link, 1)
    assert link.sent[0] == link.sent[1]
    first, second = link.take()
    assert (first.type, first.code, first.message_id) == (ACK, 0x82, 9)
    assert first.token == b"tokn" and bytes(first.payload) == b"option 2049"
    data = bytes(Message(1, NON, b"tokn", b"", 10).add(2049, b"?").encode())
    server.receive(data, PEER, link, 0)
    assert link.sent == [] and handler.requests == []
    assert server.dropped == {"critical option": 2, "duplicate": 1}


def test_part_of_a_block_wise_transfer():
    """RFC 7959 §2.2 and §2.9: a block alone never reaches the handler as if it were the whole."""
    server, handler, link = endpoint()
    blocks = (
        (27, b"\x08", 0x80),  # Block1 0/more/16, but four bytes
        (27, b"\x16", 0x88),  # Block1 1/last/1024, which nothing came before
        (27, b"\x00\x10", 0x88),
        (27, b"", 0x45),
        (27, b"\x06", 0x45),  # Block1 0/last/1024: the whole body
        (23, b"\x12", 0x88),  # Block2, the second block of a response that is not there
        (23, b"\x02", 0x45),  # Block2, the first: the size is a wish
    )
    for at, (number, value, code) in enumerate(blocks):
        message = Message(3, CON, b"", b"part", 100 + at).add(11, "x").add(number, value)
        server.receive(bytes(message.encode()), PEER, link, 0)
        assert link.take_one().code == code, blocks[at]
    assert len(handler.requests) == 3


def test_unknown_elective_option():
    """RFC 7252 §5.4.1: an elective option that is not recognised is ignored."""
    server, handler, link = endpoint()
    data = bytes(Message(1, CON, b"", b"", 9).add(11, "x").add(2050, b"?" * 300).encode())
    server.receive(data, PEER, link, 0)
    assert link.take_one().code == 0x45


def test_proxy_request():
    """RFC 7252 §5.10.2: what asks for a proxy gets 5.05."""
    server, handler, link = endpoint()
    for number in (35, 39):
        message = Message(1, CON, b"", b"", number).add(number, "coap")
        server.receive(bytes(message.encode()), PEER, link, 0)
        assert link.take_one().code == 0xA5
    assert handler.requests == []


def test_answers_to_nothing():
    """RFC 7252 §4.2: an ACK or Reset that fits no message sent is ignored."""
    server, handler, link = endpoint()
    for data in ("60001234", "60451234ff41", "60011234", "70001234", "70451234"):
        server.receive(bytes.fromhex(data), PEER, link, 0)
    assert link.sent == [] and handler.requests == []
    assert server.dropped == {"unknown ACK": 3, "unknown RST": 1, "RST with content": 1}


def test_memory_of_replies_is_bounded():
    """RFC 7252 §4.5: of many requests the latest are remembered, and large replies are too."""
    server, handler, link = endpoint()
    for message_id in range(80):
        server.receive(get(message_id), PEER, link, 0)
        assert len(handler.requests) == 1
        handler.requests.clear()
        link.sent.clear()
    for message_id in range(80 - 32, 80):
        server.receive(get(message_id), PEER, link, 0)
        link.sent.clear()
    assert handler.requests == []
    handler.answer = lambda request: request.reply(0x45, b"x" * 1_024)
    for message_id in range(2_000, 2_010):
        server.receive(get(message_id), PEER, link, 0)
        server.receive(get(message_id), PEER, link, 0)
        assert len(handler.requests) == 1
        handler.requests.clear()
        link.sent.clear()


def test_message_ids_go_round():
    """RFC 7252 §4.4: message IDs are 16 bits and start at random."""
    server, handler, link = endpoint(random_bits=lambda bits: 0xFFFE)
    for message_id in range(4):
        server.receive(get(message_id, type=NON), PEER, link, 0)
    assert [message.message_id for message in link.take()] == [0xFFFE, 0xFFFF, 0, 1]


def test_host_and_port():
    """RFC 7252 §5.10.1: Uri-Host and Uri-Port in a request change nothing here."""
    server, handler, link = endpoint()
    message = Message(1, CON, b"", b"", 9).add(3, "device.example").add(7, 5683).add(11, "rd")
    server.receive(bytes(message.encode()), PEER, link, 0)
    assert link.take_one().code == 0x45 and handler.requests[0].path() == ["rd"]


def test_elective_options_of_a_bad_length():
    """RFC 7252 §5.4.3: ignored, as if they were not there; the request is served."""
    server, handler, link = endpoint()
    message = Message(1, CON, b"", b"", 9).add(6, b"\0\0\0\0").add(11, "rd").add(12, b"\0\0<")
    message.add(14, b"12345").add(60, b"12345").add(258, b"\0\x1a")
    server.receive(bytes(message.encode()), PEER, link, 0)
    assert link.take_one().code == 0x45 and server.dropped == {}
    request = handler.requests[0]
    assert [request.get_uint(number) for number in (6, 12, 14, 60, 258)] == [None] * 5
    assert request.path() == ["rd"]


def test_critical_options_of_a_bad_length():
    """RFC 7252 §5.4.3: refused as one that is not recognised, a Non-confirmable one in silence."""
    for number, value in ((3, b""), (7, b"123"), (17, b"123"), (11, b"x" * 256)):
        server, handler, link = endpoint()
        data = bytes(Message(1, CON, b"t", b"", 9).add(number, value).encode())
        server.receive(data, PEER, link, 0)
        response = link.take_one()
        assert response.code == 0x82 and bytes(response.payload) == b"option %d" % number
        data = bytes(Message(1, NON, b"t", b"", 10).add(number, value).encode())
        server.receive(data, PEER, link, 0)
        assert link.sent == [] and handler.requests == []
        assert server.dropped == {"critical option": 2}
