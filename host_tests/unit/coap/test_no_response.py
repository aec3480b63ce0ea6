"""RFC 7967: No-Response, by which a client tells which responses it does not want."""

from coap.endpoint import LATER
from coap.message import ACK, CON, NON
from coap.registry import (
    CHANGED,
    CONTENT,
    CONTINUE,
    CREATED,
    GET,
    INTERNAL_ERROR,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    POST,
    PUT,
    SERVICE_UNAVAILABLE,
)
from unit.coap.helpers import PEER, Peer, endpoint

_CODES = (CREATED, CHANGED, CONTENT, NOT_FOUND, METHOD_NOT_ALLOWED, INTERNAL_ERROR,
          SERVICE_UNAVAILABLE)


def served(code):
    server, handler, link = endpoint(lambda request: request.reply(code, b"x"))
    return Peer(server, link), handler, server


def unwanted(value, code):
    """Tell whether a value of the option says that responses of a class are not wanted (§2.1)."""
    return value >> (code >> 5) - 1 & 1


def test_non_confirmable():
    """RFC 7967 §2.1: a response of a class that is not wanted is not sent; the request is carried
    out."""
    for value in (0, 2, 8, 16, 10, 18, 24, 26):  # table 2, and what it allows
        for code in _CODES:
            client, handler, _ = served(code)
            client.say(NON, PUT, 1, b"tk", b"22", path="x", no_response=value)
            assert len(handler.requests) == 1
            if unwanted(value, code):
                client.silence()
            else:
                client.hear(NON, code)
            client.link.sent = []
            client.say(NON, PUT, 1, b"tk", b"22", path="x", no_response=value)
            assert len(handler.requests) == 1
            client.silence()


def test_confirmable():
    """RFC 7967 §2, RFC 7252 §4.2: what is Confirmable is acknowledged, by an empty ACK where the
    response is not wanted, also when it comes again."""
    for value in (0, 2, 8, 16, 26):
        for code in _CODES:
            client, handler, server = served(code)
            for _ in range(3):
                client.say(CON, PUT, 1, b"tk", b"22", path="x", no_response=value)
                if unwanted(value, code):
                    assert client.hear(ACK, 0, 1).token == b""
                else:
                    assert client.hear(ACK, code, 1).token == b"tk"
            assert len(handler.requests) == 1 and not server.busy()


def test_every_response_is_wanted():
    """RFC 7967 §2.1: an empty option asks for all responses."""
    for value in (b"", b"\x00"):
        client, _, _ = served(CHANGED)
        client.say(NON, PUT, 1, path="x", no_response=value)
        client.hear(NON, CHANGED)


def test_later():
    """RFC 7967 §2: a response that comes later and is not wanted is not sent either."""
    for type in (CON, NON):
        for code in (CHANGED, NOT_FOUND):
            client, handler, server = served(0)
            handler.answer = LATER
            client.say(type, POST, 1, b"tk", path="x", no_response=2)
            if type == CON:
                client.hear(ACK, 0, 1)
            request = handler.requests[0]
            server.respond(request, request.reply(code, b"x"), PEER, client.link, 500)
            if code == CHANGED:
                client.silence()
                assert not server.busy()
            else:
                client.hear(type, NOT_FOUND)


def test_bits_of_no_class():
    """RFC 7967 §2.1: bits that stand for no class mean nothing."""
    for value in (1, 4, 32, 64, 128, 0xE5):
        for code in (CHANGED, NOT_FOUND, INTERNAL_ERROR):
            client, _, _ = served(code)
            client.say(NON, PUT, 1, path="x", no_response=value)
            client.hear(NON, code)


def test_option_too_long():
    """RFC 7967 §2, RFC 7252 §5.4.3: elective, 0 to 1 byte; a longer one is ignored."""
    client, _, _ = served(CHANGED)
    client.say(NON, PUT, 1, path="x", no_response=b"\x00\x1a")
    client.hear(NON, CHANGED)


def test_silent_handler():
    """CR 6.1: None stays silence, also towards a Confirmable request."""
    client, handler, _ = served(0)
    handler.answer = None
    client.say(CON, PUT, 1, path="x", no_response=26)
    client.silence()
    client.say(CON, PUT, 1, path="x", no_response=26)
    client.silence()
    assert len(handler.requests) == 2


_POSITIONS = (
    b"VehID=00&RouteID=DN47&Lat=22.5658745&Long=88.4107966667&Time=2013-01-13T11:24:31",
    b"VehID=00&RouteID=DN47&Lat=22.5649015&Long=88.4103511667&Time=2013-01-13T11:24:51",
)


def test_figures_1_and_2():
    """RFC 7967 §4.1.1 and §4.1.2.1, figures 1 and 2: a vehicle updates its position every 20 s, by
    PUT or by POST, and no response is wanted."""
    for code in (PUT, POST):
        client, handler, server = served(CHANGED)
        for at, position in enumerate(_POSITIONS):
            client.now = 20_000 * at
            client.say(
                NON, code, 0x7D38 + at, bytes((0x53 + at,)), position, path="vehicle-stat-00",
                format=0, no_response=26,
            )
            client.silence()
            assert bytes(handler.requests[at].payload) == position
        assert not server.busy() and server.dropped == {}


def test_figure_3():
    """RFC 7967 §4.1.2.2, figure 3: the same by POST with a query."""
    client, handler, server = served(CREATED)
    for at, position in enumerate(_POSITIONS):
        query = str(position, "utf-8")
        client.now = 20_000 * at
        client.say(
            NON, POST, 0x7D38 + at, bytes((0x53 + at,)), path="updateOrInsertInfo", query=query,
            no_response=26,
        )
        client.silence()
        assert handler.requests[at].queries() == query.split("&")
        assert len(handler.requests[at].queries()) == 5
    assert not server.busy() and server.dropped == {}


def test_end_of_an_observation():
    """RFC 7967 §2.2: a GET that ends an observation is one whose response may be unwanted."""
    client, handler, _ = served(CONTENT)
    client.say(NON, GET, 1, b"tk", path="x", observe=1, no_response=2)
    client.silence()
    assert handler.requests[0].get_uint(6) == 1


def test_request_that_wants_a_value():
    """RFC 7967 §2.2: with GET the option has little sense, and is obeyed."""
    client, handler, _ = served(CONTENT)
    client.say(NON, GET, 1, path="x", no_response=8)
    client.hear(NON, CONTENT)


def test_body_in_blocks():
    """RFC 7967 §2.1, RFC 7959 §2.5: 2.31 is what a transfer lives by, and is sent; the final
    response is not, if it is not wanted."""
    for type in (CON, NON):
        client, handler, server = served(CHANGED)
        for number in (0, 1):
            client.say(
                type, PUT, number + 1, b"tk", bytes(64), path="x",
                block1=(number, 1 - number, 64), no_response=26,
            )
            if number == 0:
                client.hear(ACK if type == CON else NON, CONTINUE, block1=(0, 1, 64))
        if type == CON:
            client.hear(ACK, 0, 2)
        else:
            client.silence()
        assert len(handler.requests) == 1 and len(handler.requests[0].payload) == 128
