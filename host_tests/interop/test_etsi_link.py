"""TD_COAP_LINK_01 to 10 of the ETSI CoAP plugtests, ours against software written elsewhere.

The cases are those of CoAP#4 (github.com/cabo/td-coap4, link.yml), 10 that of CoAP#2. README.md in
host_tests/ has the table. libcoap's server has links of its own, and cases that they allow.
"""

import re

import aiocoap
import pytest

from host_tests.interop.sides import ACK, CON, CONTENT_FORMAT, GET, URI_PATH, URI_QUERY, values

_SERVED = ("aiocoap-nudge", "libcoap-nudge", "npm-nudge")
_ASKED = ("nudge-aiocoap", "nudge-npm")
_LINKS = b"\x28"  # Content-Format 40
_LINK = r'<([^>]*)>((?:;[^=;,"]+(?:=(?:"[^"]*"|[^;,"]*))?)*)'

# What our server offers, target: attributes (etsi_peer.py); the others, where they can, the same.
_RT = {
    "/test": "Type1 Type2",
    "/validate": "Type2 Type3",
    "/query": "Type1 Type3",
    "/separate": "",
}


def between(*pairs):
    return pytest.mark.parametrize("pair", pairs, indirect=True)


def listed(pair, path, *queries):
    """GET links; return them as {target: attributes as written}, after the common checks."""
    seen = len(pair.wire())
    answer = pair.ask(GET, path, queries=queries)
    request, response = pair.wire()[seen:]
    assert request.mtype == CON and request.code == GET
    assert values(request, URI_PATH) == [part.encode() for part in path.split("/")]
    assert values(request, URI_QUERY) == [query.encode() for query in queries]
    assert response.mtype == ACK and response.code == answer.code == aiocoap.CONTENT
    assert values(response, CONTENT_FORMAT) == [_LINKS]
    assert answer.payload == response.payload
    links = re.findall(_LINK, answer.payload.decode())
    assert ",".join(f"<{target}>{attributes}" for target, attributes in links) == (
        answer.payload.decode()
    )
    return dict(links)


def discovered(pair, *queries):
    return listed(pair, ".well-known/core", *queries)


@between(*_SERVED, *_ASKED, "nudge-libcoap")
def test_td_coap_link_01(pair):
    """All links."""
    links = discovered(pair)
    expected = {"/test", "/validate", "/query", "/separate", "/link1", "/link2", "/link3", "/path"}
    assert set(links) >= (expected if pair.server.states_format else {"/", "/time", "/async"})


@between(*_SERVED, *_ASKED)
def test_td_coap_link_02(pair):
    """Those of one type."""
    assert set(discovered(pair, "rt=Type1")) == {"/test", "/query"}


@between("nudge-libcoap")
def test_td_coap_link_02_libcoap(pair):
    """Those of one type, which libcoap's server has on one resource."""
    assert set(discovered(pair, "rt=ticks")) == {"/time"}


@between(*_SERVED, "nudge-npm")
def test_td_coap_link_03(pair):
    """Those that have a type at all, were it an empty one."""
    assert set(discovered(pair, "rt=*")) == set(_RT)


@between("nudge-libcoap")
def test_td_coap_link_03_libcoap(pair):
    """Those that have a type at all, which libcoap's server has on one resource."""
    assert set(discovered(pair, "rt=*")) == {"/time"}


@between(*_SERVED, *_ASKED)
def test_td_coap_link_04(pair):
    """Those that have the type among several."""
    links = discovered(pair, "rt=Type2")
    assert set(links) == {"/test", "/validate"}
    for target, attributes in links.items():
        assert f'rt="{_RT[target]}"' in attributes


@between(*_SERVED, *_ASKED)
def test_td_coap_link_05(pair):
    """Those whose interface begins so."""
    assert set(discovered(pair, "if=If*")) == {"/test", "/validate"}


@between("nudge-libcoap")
def test_td_coap_link_05_libcoap(pair):
    """Those whose interface begins so, on libcoap's server."""
    assert set(discovered(pair, "if=clo*")) == {"/time"}


@between(*_SERVED, *_ASKED)
def test_td_coap_link_06(pair):
    """Those that have a size."""
    assert set(discovered(pair, "sz=*")) == {"/validate"}


@between(*_SERVED, *_ASKED)
def test_td_coap_link_07(pair):
    """That of one target."""
    assert set(discovered(pair, "href=/link1")) == {"/link1"}


@between(*_SERVED, *_ASKED)
def test_td_coap_link_08(pair):
    """Those whose target begins so."""
    assert set(discovered(pair, "href=/link*")) == {"/link1", "/link2", "/link3"}


@between("nudge-libcoap")
def test_td_coap_link_07_08_libcoap(pair):
    """By target and by its beginning, on libcoap's server."""
    assert set(discovered(pair, "href=/time")) == {"/time"}
    assert set(discovered(pair, "href=/t*")) == {"/time", "/test"}


@between(*_SERVED, *_ASKED)
def test_td_coap_link_09(pair):
    """From the links to a resource that holds links, and from these to what is there."""
    assert re.search(r';ct="?40\b', discovered(pair)["/path"])
    below = listed(pair, "path")
    assert "/path/sub1" in below
    answer = pair.ask(GET, "path/sub1")
    assert answer.code == aiocoap.CONTENT and answer.payload == b"/path/sub1"


@between(*_SERVED, *_ASKED)
def test_td_coap_link_10(pair):
    """A resource found by a link that says it is an alternate of another."""
    (alternate,) = [
        target for target, rest in discovered(pair).items() if ';rel="alternate"' in rest
    ]
    assert alternate == "/alternate"
    same, test = pair.ask(GET, alternate[1:]), pair.ask(GET, "test")
    assert same.code == test.code == aiocoap.CONTENT
    assert same.payload == test.payload


@between(*_SERVED)
def test_several_filters(pair):
    """RFC 6690 §4.1: a link has to match each of several filters, and "rt=" the empty one."""
    assert set(discovered(pair, "rt=Type2", "if=If1")) == {"/test"}
    assert set(discovered(pair, "rt=")) == {"/separate"}
    assert discovered(pair, "rt=nothing") == {}
