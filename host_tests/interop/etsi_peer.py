"""The endpoint as client and as server of the ETSI plugtests, for the MicroPython unix port.

    etsi_peer.py serve PORT    the plugtests' resources, until the process is ended
    etsi_peer.py ask           requests, a line of JSON each on stdin, answered by one on stdout

Both print "ready" first. A request is {"port", "code", "type", "path", "queries", "options",
"payload"}; an answer {"code", "options", "payload"} or {"reason"}. Options are [number, value],
values and payloads in hexadecimal. Code 0 is a ping, answered with the reason it ended for.
"""

import binascii
import json
import select
import sys

from coap.endpoint import LATER, Endpoint
from coap.message import CON, Message
from coap.options import recognise
from coap.transmission import Transmission
from coap_peer import Link, address, now_ms, random_bits

_IF_MATCH, _ETAG, _IF_NONE_MATCH, _LOCATION_PATH = 1, 4, 5, 8
_ACCEPT, _LOCATION_QUERY = 17, 20
_GET, _POST, _PUT, _DELETE = 1, 2, 3, 4
_CREATED, _DELETED, _VALID, _CHANGED, _CONTENT = 0x41, 0x42, 0x43, 0x44, 0x45
_NOT_FOUND, _METHOD_NOT_ALLOWED, _NOT_ACCEPTABLE, _PRECONDITION_FAILED = 0x84, 0x85, 0x86, 0x8C
_TEXT, _LINKS, _XML = 0, 40, 41

_SEPARATE_MS = 300
_SLOW_MS = 1_500  # time enough for a ping
# Short, so that a test of a lost datagram takes no seconds.
_TRANSMISSION = Transmission(ack_timeout_ms=200, max_retransmit=4, nstart=4)

_LINK_SET = (
    '</test>;rt="Type1 Type2";if="If1"',
    '</validate>;rt="Type2 Type3";if="If2";sz=10',
    '</query>;rt="Type1 Type3";if="foo"',
    '</separate>;rt=""',
    "</seg1/seg2/seg3>",
    '</multi-format>;ct="0 41"',
    "</link1>",
    "</link2>",
    "</link3>",
    "</path>;ct=40",
    '</alternate>;anchor="/test";rel="alternate"',
)
_SUB_LINKS = ("</path/sub1>", "</path/sub2>", "</path/sub3>")


class Resources:
    """The handler of the serving endpoint; a resource is {code of a method: what answers it}."""

    def __init__(self):
        self._test = b"test"
        self._value = b"value 0"
        self._versions = 1
        self._created = None
        self._due = []  # (time, request, peer, link) of separate responses
        text = {_GET: self._get_text}
        self._resources = {
            "test": {
                _GET: self._get_test,
                _PUT: self._put_test,
                _POST: self._post_test,
                _DELETE: lambda request: request.reply(_DELETED),
            },
            "alternate": {_GET: self._get_test},
            "seg1/seg2/seg3": text,
            "query": {_GET: self._get_query},
            "separate": {_GET: self._later},
            "slow": {_GET: self._later},
            "location-query": {_POST: self._post_location_query},
            "multi-format": {_GET: self._get_multi_format},
            "validate": {_GET: self._get_validate, _PUT: self._put_validate},
            "create1": {_PUT: self._put_create, _DELETE: self._delete_create},
            "link1": text,
            "link2": text,
            "link3": text,
            "path": {_GET: lambda request: request.reply(_CONTENT, _joined(_SUB_LINKS), _LINKS)},
            "path/sub1": text,
            "path/sub2": text,
            "path/sub3": text,
            ".well-known/core": {_GET: self._get_well_known},
        }

    def __call__(self, request, peer, link, now):
        path = "/".join(request.path())
        methods = self._resources.get(path)
        if methods is None:
            return request.reply(_NOT_FOUND)
        if request.code not in methods:
            return request.reply(_METHOD_NOT_ALLOWED)
        response = methods[request.code](request)
        if response is LATER:
            wait_ms = _SLOW_MS if path == "slow" else _SEPARATE_MS
            self._due.append((now + wait_ms, request, peer, link))
        return response

    def step(self, endpoint, now):
        """Send the separate responses that are due."""
        for waiting in list(self._due):
            due, request, peer, link = waiting
            if due <= now:
                self._due.remove(waiting)
                response = request.reply(_CONTENT, b"separate", _TEXT)
                endpoint.respond(request, response, peer, link, now)

    def _get_test(self, request):
        return request.reply(_CONTENT, self._test, _TEXT)

    def _put_test(self, request):
        self._test = bytes(request.payload)
        return request.reply(_CHANGED)

    def _post_test(self, request):
        response = request.reply(_CREATED)
        for segment in ("location1", "location2", "location3"):
            response.add(_LOCATION_PATH, segment)
        return response

    def _get_text(self, request):
        return request.reply(_CONTENT, ("/" + "/".join(request.path())).encode(), _TEXT)

    def _get_query(self, request):
        return request.reply(_CONTENT, "&".join(request.queries()).encode(), _TEXT)

    def _later(self, request):
        return LATER

    def _post_location_query(self, request):
        response = request.reply(_CREATED)
        return response.add(_LOCATION_QUERY, "first=1").add(_LOCATION_QUERY, "second=2")

    def _get_multi_format(self, request):
        wanted = request.get_uint(_ACCEPT, _TEXT)
        if wanted == _TEXT:
            return request.reply(_CONTENT, b"text", _TEXT)
        if wanted == _XML:
            return request.reply(_CONTENT, b"<text/>", _XML)
        return request.reply(_NOT_ACCEPTABLE)

    def _get_validate(self, request):
        etag = b"v%d" % self._versions
        if etag in request.all(_ETAG):
            return request.reply(_VALID).add(_ETAG, etag)
        return request.reply(_CONTENT, self._value, _TEXT).add(_ETAG, etag)

    def _put_validate(self, request):
        wanted = request.all(_IF_MATCH)
        if wanted and b"v%d" % self._versions not in wanted:
            return request.reply(_PRECONDITION_FAILED)
        self._value = bytes(request.payload)
        self._versions += 1
        return request.reply(_CHANGED)

    def _put_create(self, request):
        existed = self._created is not None
        if existed and request.get(_IF_NONE_MATCH) is not None:
            return request.reply(_PRECONDITION_FAILED)
        self._created = bytes(request.payload)
        return request.reply(_CHANGED if existed else _CREATED)

    def _delete_create(self, request):
        self._created = None
        return request.reply(_DELETED)

    def _get_well_known(self, request):
        from coap.well_known import filtered

        links = _joined(filtered(_LINK_SET + _SUB_LINKS, request.queries()))
        return request.reply(_CONTENT, links, _LINKS)


def _joined(links):
    return ",".join(links).encode()


def serve(port):
    recognise(_IF_MATCH, 0, 8, True)
    recognise(_IF_NONE_MATCH, 0, 0, False)
    resources = Resources()
    endpoint = Endpoint(resources, random_bits)
    link = Link(port, _TRANSMISSION)
    print("ready")
    while True:
        got = link.receive(10)
        now = now_ms()
        if got:
            endpoint.receive(got[0], got[1], link, now)
        resources.step(endpoint, now)
        endpoint.step(now)


class Asker:
    """Requests in, answers out."""

    def __init__(self):
        self._link = Link(0, _TRANSMISSION)
        self._endpoint = Endpoint(lambda request, peer, link, now: None, random_bits)
        self._lines = select.poll()
        self._lines.register(sys.stdin, select.POLLIN)

    def run(self):
        print("ready")
        while True:
            if self._lines.poll(0):
                line = sys.stdin.readline()
                if not line:
                    return
                self._ask(json.loads(line))
            got = self._link.receive(2)
            if got:
                self._endpoint.receive(got[0], got[1], self._link, now_ms())
            self._endpoint.step(now_ms())

    def _ask(self, wanted):
        peer = address(wanted["port"])
        message = Message(wanted["code"], wanted["type"], payload=_bytes(wanted["payload"]))
        if not message.code:
            # A ping is a Confirmable message without a request in it, and its Reset the answer.
            message.type = CON
            self._endpoint.notify(message, peer, self._link, now_ms(), self._on_pong)
            return
        for segment in wanted["path"]:
            message.add(11, segment)
        for query in wanted["queries"]:
            message.add(15, query)
        for number, value in wanted["options"]:
            message.add(number, _bytes(value))
        self._endpoint.request(message, peer, self._link, now_ms(), self._on_response)

    def _on_response(self, response, reason, now):
        if response is None:
            print(json.dumps({"reason": reason}))
            return
        options = [[number, _hex(value)] for number, value in response.options]
        answer = {"code": response.code, "options": options, "payload": _hex(response.payload)}
        print(json.dumps(answer))

    def _on_pong(self, reason, now):
        print(json.dumps({"reason": reason}))


def _bytes(text):
    return binascii.unhexlify(text)


def _hex(value):
    return binascii.hexlify(bytes(value)).decode()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        Asker().run()
