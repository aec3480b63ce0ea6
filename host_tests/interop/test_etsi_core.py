"""TD_COAP_CORE_01 to 31 of the ETSI CoAP plugtests, ours against software written elsewhere.

The cases are those of CoAP#4 (github.com/cabo/td-coap4, base.yml), 24 to 28 those of CoAP#2. Each
runs with several pairs, named client-server; README.md in host_tests/ has the table. "Check" steps
are made on the wire, "verify" steps on what the client shows.
"""

from concurrent.futures import ThreadPoolExecutor

import aiocoap
import pytest

from host_tests.interop.aiocoap_sides import AiocoapProxy
from host_tests.interop.lossy import TO_CLIENT, TO_SERVER
from host_tests.interop.sides import (
    ACCEPT,
    ACK,
    CON,
    CONTENT_FORMAT,
    DELETE,
    ETAG,
    GET,
    IF_MATCH,
    IF_NONE_MATCH,
    LOCATION_PATH,
    LOCATION_QUERY,
    NON,
    POST,
    PUT,
    RST,
    URI_PATH,
    URI_QUERY,
    Pair,
    values,
)

_SERVED = ("aiocoap-nudge", "libcoap-nudge", "npm-nudge")
_ASKED = ("nudge-aiocoap", "nudge-npm")
_EVERY = (*_SERVED, *_ASKED, "nudge-libcoap")
_TEXT, _XML = b"", b"\x29"  # Content-Format and Accept 0 and 41


def between(*pairs):
    return pytest.mark.parametrize("pair", pairs, indirect=True)


def exchange(pair, code, path, type=CON, **keywords):
    """Ask and be answered at once; return (answer, request, response) after the common checks."""
    seen = len(pair.wire())
    answer = pair.ask(code, path, type=type, **keywords)
    messages = pair.wire()[seen:]
    assert len(messages) == 2, answer.reason
    request, response = messages
    assert request.from_client and not response.from_client
    assert request.mtype == type and request.code == code
    assert response.token == request.token
    if type == CON:
        assert response.mtype == ACK and response.mid == request.mid
    else:
        assert response.mtype == NON
    assert answer.code == response.code
    assert answer.payload == response.payload
    return answer, request, response


def states_text(pair, message) -> bool:
    """Tell whether the Content-Format is there, where the server says it at all."""
    return not pair.server.states_format or values(message, CONTENT_FORMAT) == [_TEXT]


def separate(pair, type=CON):
    """Ask for /separate; return the request, all messages and the response."""
    answer = pair.ask(GET, "separate", type=type)
    assert answer.code == aiocoap.CONTENT and answer.payload, answer.reason
    messages = pair.wire(4 if type == CON else 2)
    return messages[0], messages, next(m for m in messages if m.code == aiocoap.CONTENT)


@between(*_EVERY)
def test_td_coap_core_01(pair):
    """GET, CON."""
    answer, _, response = exchange(pair, GET, "test")
    assert answer.code == aiocoap.CONTENT and answer.payload
    assert states_text(pair, response)


@between(*_EVERY)
def test_td_coap_core_02(pair):
    """DELETE, CON."""
    answer, _, _ = exchange(pair, DELETE, "test")
    assert answer.code == aiocoap.DELETED


@between(*_EVERY)
def test_td_coap_core_03(pair):
    """PUT, CON."""
    answer, request, _ = exchange(
        pair, PUT, "test", options=[(CONTENT_FORMAT, _TEXT)], payload=b"put"
    )
    assert values(request, CONTENT_FORMAT) == [_TEXT] and request.payload == b"put"
    assert answer.code in (aiocoap.CHANGED, aiocoap.CREATED)
    assert pair.ask(GET, "test").payload == b"put"


@between(*_EVERY)
def test_td_coap_core_04(pair):
    """POST, CON."""
    answer, request, _ = exchange(
        pair, POST, "test", options=[(CONTENT_FORMAT, _TEXT)], payload=b"post"
    )
    assert values(request, CONTENT_FORMAT) == [_TEXT] and request.payload == b"post"
    assert answer.code in (aiocoap.CHANGED, aiocoap.CREATED)


@between(*_EVERY)
def test_td_coap_core_05(pair):
    """GET, NON."""
    answer, _, response = exchange(pair, GET, "test", NON)
    assert answer.code == aiocoap.CONTENT and answer.payload
    assert states_text(pair, response)


@between(*_EVERY)
def test_td_coap_core_06(pair):
    """DELETE, NON."""
    answer, _, _ = exchange(pair, DELETE, "test", NON)
    assert answer.code == aiocoap.DELETED


@between(*_EVERY)
def test_td_coap_core_07(pair):
    """PUT, NON."""
    answer, _, _ = exchange(
        pair, PUT, "test", NON, options=[(CONTENT_FORMAT, _TEXT)], payload=b"put, NON"
    )
    assert answer.code in (aiocoap.CHANGED, aiocoap.CREATED)
    assert pair.ask(GET, "test").payload == b"put, NON"


@between(*_EVERY)
def test_td_coap_core_08(pair):
    """POST, NON."""
    answer, _, _ = exchange(
        pair, POST, "test", NON, options=[(CONTENT_FORMAT, _TEXT)], payload=b"post"
    )
    assert answer.code in (aiocoap.CHANGED, aiocoap.CREATED)


@between(*_EVERY)
def test_td_coap_core_09(pair):
    """GET with a separate response, CON."""
    request, messages, response = separate(pair)
    assert request.mtype == CON and request.code == GET
    # The response may come before the acknowledgement of the request.
    acknowledged = [m for m in messages if m.mtype == ACK and not m.from_client]
    assert [m.mid for m in acknowledged] == [request.mid] and len(messages) == 4
    assert acknowledged[0].code == aiocoap.EMPTY and not acknowledged[0].token
    assert response.mtype == CON and response.token == request.token
    assert states_text(pair, response)
    last = messages[-1]
    assert last.from_client and last.mtype == ACK and last.code == aiocoap.EMPTY
    assert last.mid == response.mid


@between(*_EVERY)
def test_td_coap_core_10(pair):
    """GET with a token of 1 to 8 bytes."""
    answer, request, _ = exchange(pair, GET, "test")
    assert 1 <= len(request.token) <= 8
    assert answer.code == aiocoap.CONTENT


@between(*_EVERY)
def test_td_coap_core_11(pair):
    """A token of 1 to 8 bytes, and a separate response."""
    request, messages, response = separate(pair)
    assert 1 <= len(request.token) <= 8
    assert response.token == request.token
    assert sum(m.mtype == ACK and m.code == aiocoap.EMPTY for m in messages) == 2


@between("aiocoap-nudge")
def test_td_coap_core_12(pair):
    """GET with a token of no bytes."""
    pair.client.empty_token()
    answer, request, _ = exchange(pair, GET, "test")
    assert request.token == b""
    assert answer.code == aiocoap.CONTENT


@between(*_EVERY)
def test_td_coap_core_13(pair):
    """Three Uri-Path options."""
    answer, request, _ = exchange(pair, GET, "seg1/seg2/seg3")
    assert values(request, URI_PATH) == [b"seg1", b"seg2", b"seg3"]
    assert answer.code == aiocoap.CONTENT and answer.payload == b"/seg1/seg2/seg3"


@between(*_EVERY)
def test_td_coap_core_14(pair):
    """Three Uri-Query options."""
    queries = ("first=1", "second=2", "third=3")
    answer, request, _ = exchange(pair, GET, "query", queries=queries)
    assert values(request, URI_QUERY) == [b"first=1", b"second=2", b"third=3"]
    assert answer.code == aiocoap.CONTENT
    if pair.server.states_format:  # libcoap's resource has a text of its own
        assert answer.payload == b"first=1&second=2&third=3"


def each_lost(pair, losses, run):
    """Run a scenario once for each loss, all at the same time."""

    def one(lost):
        with pair.losing(lost) as lossy:
            run(lossy, lost)

    with ThreadPoolExecutor(len(losses)) as pool:
        list(pool.map(one, losses))


@between(*_EVERY)
def test_td_coap_core_15(pair):
    """A piggybacked response where the request or the response gets lost."""
    request, response = (TO_SERVER, CON, GET), (TO_CLIENT, ACK, aiocoap.CONTENT)

    def run(lossy, lost):
        answer = lossy.ask(GET, "test")
        assert answer.code == aiocoap.CONTENT, answer.reason
        requests = lossy.raw(TO_SERVER)
        responses = lossy.raw(TO_CLIENT)
        assert len(requests) >= 2 and len(set(requests)) == 1
        assert len(responses) >= (2 if lost == response else 1) and len(set(responses)) == 1

    each_lost(pair, [request, response], run)


@between(*_EVERY)
def test_td_coap_core_16(pair):
    """A separate response where the request, its ACK, the response or its ACK gets lost."""
    request, acknowledgement = (TO_SERVER, CON, GET), (TO_CLIENT, ACK, aiocoap.EMPTY)
    response, last = (TO_CLIENT, CON, aiocoap.CONTENT), (TO_SERVER, ACK, aiocoap.EMPTY)

    def run(lossy, lost):
        answer = lossy.ask(GET, "separate")
        assert answer.code == aiocoap.CONTENT and answer.payload, answer.reason
        messages = lossy.until(lambda messages: len(ended(messages)) >= (2 if lost == last else 1))
        requests = [m.mid for m in messages if m.code == GET]
        responses = [m.mid for m in messages if m.code == aiocoap.CONTENT]
        assert len(set(requests)) == 1 and len(set(responses)) == 1
        assert {message.mid for message in ended(messages)} == set(responses)
        if lost == request:
            assert len(requests) >= 2
        elif lost in (response, last):
            assert len(responses) >= 2
        # The response has stopped the retransmission of the request.
        stopped = messages.index(ended(messages)[0])
        assert all(message.code != GET for message in messages[stopped:])

    def ended(messages):
        # aiocoap, which has forgotten the request by then, resets a response that comes again.
        return [m for m in messages if m.from_client and m.mtype in (ACK, RST)]

    # Where the client's socket is closed by then, nobody acknowledges a response sent again.
    stays = not getattr(pair.client, "closes", False)
    each_lost(pair, [request, acknowledgement, response, *([last] if stays else [])], run)


@between(*_EVERY)
def test_td_coap_core_17(pair):
    """A separate response, NON: nothing is acknowledged."""
    request, messages, response = separate(pair, NON)
    assert [m.mtype for m in messages] == [NON, NON]
    assert response.token == request.token
    assert states_text(pair, response)


def posted(pair, path, number):
    """POST and return the values of a Location option."""
    answer, request, response = exchange(
        pair, POST, path, options=[(CONTENT_FORMAT, _TEXT)], payload=b"post"
    )
    assert values(request, CONTENT_FORMAT) == [_TEXT]
    assert answer.code == aiocoap.CREATED
    return values(response, number)


@between(*_SERVED, *_ASKED)
def test_td_coap_core_18(pair):
    """POST answered with Location-Path options."""
    assert posted(pair, "test", LOCATION_PATH) == [b"location1", b"location2", b"location3"]


@between(*_SERVED, *_ASKED)
def test_td_coap_core_19(pair):
    """POST answered with Location-Query options."""
    assert posted(pair, "location-query", LOCATION_QUERY) == [b"first=1", b"second=2"]


@between(*_SERVED, *_ASKED)
def test_td_coap_core_20(pair):
    """Accept chooses between text and XML."""
    for wanted, payload in ((_TEXT, b"text"), (_XML, b"<text/>")):
        answer, request, response = exchange(pair, GET, "multi-format", options=[(ACCEPT, wanted)])
        assert values(request, ACCEPT) == [wanted]
        assert answer.code == aiocoap.CONTENT and answer.payload == payload
        assert values(response, CONTENT_FORMAT) == [wanted]


def validated(pair, *options):
    """GET /validate; return the response and its ETag."""
    answer, request, response = exchange(pair, GET, "validate", options=options)
    assert values(request, ETAG) == [value for _, value in options]
    (etag,) = values(response, ETAG)
    return response, etag


@between(*_SERVED, *_ASKED)
def test_td_coap_core_21(pair):
    """GET with the ETag of a response in the cache, which stays valid and then does not."""
    first, etag = validated(pair)
    assert first.code == aiocoap.CONTENT and first.payload
    second, same = validated(pair, (ETAG, etag))
    assert second.code == aiocoap.VALID and same == etag and not second.payload
    pair.ask(PUT, "validate", payload=b"for case 21: " + etag)
    third, other = validated(pair, (ETAG, etag))
    assert third.code == aiocoap.CONTENT and other != etag
    assert third.payload == b"for case 21: " + etag


def replaced(pair, payload, *options):
    """PUT /validate; return the code of the answer."""
    answer, request, _ = exchange(pair, PUT, "validate", options=options, payload=payload)
    assert values(request, IF_MATCH) == [value for _, value in options]
    return answer.code


@between(*_SERVED, *_ASKED)
def test_td_coap_core_22(pair):
    """PUT with If-Match: done where nobody else has written in between, refused else."""
    _, etag = validated(pair)
    assert replaced(pair, b"for case 22: " + etag, (IF_MATCH, etag)) == aiocoap.CHANGED
    changed, etag = validated(pair)
    assert changed.payload.startswith(b"for case 22: ")
    assert replaced(pair, b"another client's") == aiocoap.CHANGED
    refused = replaced(pair, b"too late", (IF_MATCH, etag))
    assert refused == aiocoap.PRECONDITION_FAILED
    unchanged, _ = validated(pair)
    assert unchanged.payload == b"another client's"


def created(pair):
    """PUT /create1 with If-None-Match; return the code of the answer."""
    answer, request, _ = exchange(
        pair, PUT, "create1", options=[(IF_NONE_MATCH, b"")], payload=b"created"
    )
    assert values(request, IF_NONE_MATCH) == [b""]
    return answer.code


@between(*_SERVED, *_ASKED)
def test_td_coap_core_23(pair):
    """PUT with If-None-Match creates once."""
    pair.ask(DELETE, "create1")
    assert created(pair) == aiocoap.CREATED
    assert created(pair) == aiocoap.PRECONDITION_FAILED


@pytest.fixture
def proxied(pair, sides):
    """A pair whose client talks to aiocoap's reverse proxy, and the relay behind that."""
    proxy = AiocoapProxy(sides.loop, pair.port)
    with Pair(pair.client, proxy) as front:
        yield front, pair
    proxy.close()


through_proxy = between("libcoap-nudge", "npm-nudge", "nudge-nudge")


def forwarded(proxied, code, path, **keywords):
    """Ask through the proxy; return the answer, and request and response at the server."""
    front, back = proxied
    seen = len(back.wire())
    answer, _, shown = exchange(front, code, path, **keywords)
    request, response = back.wire()[seen:]
    assert request.mtype == CON and request.code == code
    assert response.code == answer.code and response.payload == answer.payload
    return answer, request, response, shown


@through_proxy
def test_td_coap_core_24(proxied):
    """Location-Path through a reverse proxy."""
    answer, request, response, shown = forwarded(
        proxied, POST, "test", options=[(CONTENT_FORMAT, _TEXT)], payload=b"post"
    )
    assert values(request, CONTENT_FORMAT) == [_TEXT] and request.payload == b"post"
    assert answer.code == aiocoap.CREATED
    locations = [b"location1", b"location2", b"location3"]
    assert values(response, LOCATION_PATH) == values(shown, LOCATION_PATH) == locations


@through_proxy
def test_td_coap_core_25(proxied):
    """Location-Query through a reverse proxy."""
    answer, request, response, shown = forwarded(
        proxied, POST, "location-query", options=[(CONTENT_FORMAT, _TEXT)], payload=b"post"
    )
    assert values(request, CONTENT_FORMAT) == [_TEXT] and request.payload == b"post"
    assert answer.code == aiocoap.CREATED
    locations = [b"first=1", b"second=2"]
    assert values(response, LOCATION_QUERY) == values(shown, LOCATION_QUERY) == locations


@through_proxy
def test_td_coap_core_26(proxied):
    """Accept through a reverse proxy."""
    for wanted, payload in ((_TEXT, b"text"), (_XML, b"<text/>")):
        answer, request, response, shown = forwarded(
            proxied, GET, "multi-format", options=[(ACCEPT, wanted)]
        )
        assert values(request, ACCEPT) == [wanted]
        assert answer.code == aiocoap.CONTENT and answer.payload == payload
        assert values(response, CONTENT_FORMAT) == values(shown, CONTENT_FORMAT) == [wanted]


@through_proxy
def test_td_coap_core_27(proxied):
    """ETag and If-Match through a reverse proxy."""

    def etag():
        answer, _, response, shown = forwarded(proxied, GET, "validate")
        assert answer.code == aiocoap.CONTENT
        assert values(response, ETAG) == values(shown, ETAG) and values(shown, ETAG)
        return values(shown, ETAG)[0]

    def put(payload, *options):
        answer, request, _, _ = forwarded(
            proxied, PUT, "validate", options=options, payload=payload
        )
        assert values(request, IF_MATCH) == [value for _, value in options]
        return answer.code

    first = etag()
    assert put(b"through the proxy", (IF_MATCH, first)) == aiocoap.CHANGED
    second = etag()
    assert second != first
    proxied[1].ask(PUT, "validate", payload=b"not through the proxy")
    assert put(b"too late", (IF_MATCH, second)) == aiocoap.PRECONDITION_FAILED


@through_proxy
def test_td_coap_core_28(proxied):
    """If-None-Match through a reverse proxy."""
    proxied[1].ask(DELETE, "create1")
    for code in (aiocoap.CREATED, aiocoap.PRECONDITION_FAILED):
        answer, request, _, _ = forwarded(
            proxied, PUT, "create1", options=[(IF_NONE_MATCH, b"")], payload=b"created"
        )
        assert values(request, IF_NONE_MATCH) == [b""]
        assert answer.code == code


@between("nudge-aiocoap", "nudge-libcoap")
def test_td_coap_core_31_client(pair):
    """Our ping is four bytes, and the Reset that answers it is understood."""
    answer = pair.ask(aiocoap.EMPTY, "")
    assert answer.reason == "reset"
    ping, pong = dict.fromkeys(pair.raw())
    assert ping == b"\x40\x00" + ping[2:] and len(ping) == 4
    assert pong == b"\x70\x00" + ping[2:]


@between("libcoap-nudge")
def test_td_coap_core_31_server(pair):
    """libcoap pings while it waits for a response, and is answered by a Reset."""
    answer = pair.ask(GET, "slow", more=["-K", "1"])
    assert answer.code == aiocoap.CONTENT
    pings = [data for data in pair.raw(TO_SERVER) if data[:2] == b"\x40\x00"]
    assert len(pings[0]) == 4
    assert b"\x70\x00" + pings[0][2:] in pair.raw(TO_CLIENT)
