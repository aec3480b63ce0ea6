"""The endpoint with large bodies and observed resources, on UDP sockets of 127.0.0.1, for CPython
and the MicroPython unix port.

    block_observe_peer.py serve PORT CONTROL [MTU]    the resources of `Resources`
    block_observe_peer.py ask PORT MTU STEP ...       requests, see `ask`; prints outcomes

The first prints "ready", and takes commands as datagrams on the port CONTROL, see `Control`.
"""

import binascii
import gc
import sys

from coap.endpoint import Endpoint
from coap.message import CON, NON, Message
from coap.transmission import Transmission
from coap_peer import Link, address, now_ms, random_bits

_OBSERVE, _LOCATION_PATH, _URI_PATH, _CONTENT_FORMAT = 6, 8, 11, 12
_URI_QUERY, _BLOCK2 = 15, 23
_GET, _POST, _PUT, _DELETE, _FETCH = 1, 2, 3, 4, 5
_CREATED, _DELETED, _CHANGED, _CONTENT = 0x41, 0x42, 0x44, 0x45
_NOT_FOUND, _METHOD_NOT_ALLOWED, _NOT_ACCEPTABLE, _TOO_LARGE = 0x84, 0x85, 0x86, 0x8D
_MEGABYTE = 1 << 20
_LOOK_EVERY = 64  # chunks between two looks at the heap


def text(size):
    """Return numbered lines of 16 bytes: a gap or a wrong order shows at first sight."""
    return b"".join([b"%015d\n" % number for number in range((size + 15) // 16)])[:size]


class Lines:
    """A body of `size` bytes, the text above, made as it is asked for."""

    def __init__(self, size):
        self.size = size

    def read(self, offset, size):
        skip = offset & 15
        end = min(offset + size, self.size)
        lines = b"".join([b"%015d\n" % number for number in range(offset >> 4, end + 15 >> 4)])
        return lines[skip : skip + max(end - offset, 0)]


class Heap:
    """What the heap has grown by; on CPython always 0."""

    def __init__(self):
        self._before = self._held()
        self.grown = 0

    def look(self):
        self.grown = max(self.grown, self._held() - self._before)

    def _held(self):
        gc.collect()
        return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0


class Sink:
    """Takes chunks, keeps their number, size and CRC-32 only; stops with 4.13 behind `most`."""

    given_up = 0  # how many were

    def __init__(self, most=_MEGABYTE):
        self.bytes = self.chunks = self.crc = 0
        self.abandoned = False
        self._most = most
        self._heap = Heap()

    def __call__(self, chunk):
        if chunk is None:
            self.abandoned = True
            Sink.given_up += 1
            return None
        self.bytes += len(chunk)
        self.crc = binascii.crc32(chunk, self.crc)
        if self.chunks % _LOOK_EVERY == 0:
            self._heap.look()
        self.chunks += 1
        return _TOO_LARGE if self.bytes > self._most else None

    def __str__(self):
        word = "abandoned" if self.abandoned else "whole"
        return "%d %08x %s %d" % (self.bytes, self.crc, word, self._heap.grown)


class Observer:
    """One entry of the list of observers (RFC 7641 §4.1); format is that of its first response."""

    def __init__(self, request, peer, path, content_format):
        self.request = request
        self.token = bytes(request.token)
        self.peer = peer
        self.path = path
        self.format = content_format
        self.in_flight = self.dirty = False


class Resources:
    """What the server side offers.

    large         GET: lines, ?size= of them; made piece by piece, with ?bytes at once
    large-update  GET, PUT
    large-create  POST makes large-create/1 and so on, which can be got
    large-post    POST and FETCH return the body twice
    sink          PUT: streamed, only counted, to ?most= bytes; GET: what was counted
    obs           GET, PUT, DELETE, observable, Confirmable notifications
    obs-non       the same with Non-confirmable ones
    obs-large     the same with a body of several blocks
    """

    def __init__(self):
        self.values = {"large-update": (b"", 0)}
        for name, value in (("obs", b"0"), ("obs-non", b"0"), ("obs-large", text(1504))):
            self.values[name] = (value, 0)
        self.created = 0
        self.sink = None
        self.observers = []
        self.sequence = 0
        self.runs = 0

    def on_body(self, request, peer, link, now):
        """Say what to do with a body that comes in blocks."""
        if request.path() != ["sink"]:
            return True
        self.sink = Sink(_argument(request, "most", _MEGABYTE))
        return self.sink

    def __call__(self, request, peer, link, now):
        self.runs += 1
        code = request.code
        path = "/".join(request.path())
        if path == "large" and code == _GET:
            size = _argument(request, "size", 1500)
            whole = "bytes" in request.queries()
            return request.reply(_CONTENT, text(size) if whole else Lines(size), 0)
        if path == "large-create" and code == _POST:
            self.created += 1
            name = str(self.created)
            self.values["large-create/" + name] = (bytes(request.payload), 0)
            response = request.reply(_CREATED)
            return response.add(_LOCATION_PATH, "large-create").add(_LOCATION_PATH, name)
        if path == "large-post" and code in (_POST, _FETCH):
            return request.reply(_CHANGED, bytes(request.payload) * 2, 0)
        if path == "sink":
            if code == _PUT and request.payload is not self.sink:
                self.sink = Sink()  # a body that came whole
                self.sink(request.payload)
            return request.reply(_CONTENT if code == _GET else _CHANGED, str(self.sink).encode())
        if path not in self.values:
            return request.reply(_NOT_FOUND)
        if code == _GET:
            value, content_format = self.values[path]
            response = request.reply(_CONTENT, value, content_format)
            return self._observe(request, response, peer, path)
        if code == _PUT:
            self.values[path] = (bytes(request.payload), request.get_uint(_CONTENT_FORMAT, 0))
            self._changed(path)
            return request.reply(_CHANGED)
        if code == _DELETE:
            del self.values[path]
            self._changed(path)
            return request.reply(_DELETED)
        return request.reply(_METHOD_NOT_ALLOWED)

    def step(self, endpoint, link, now):
        """Send the notifications that are due: one in flight, and after it the newest state."""
        for observer in list(self.observers):
            if observer.dirty and not observer.in_flight:
                self._notify(observer, endpoint, link, now)

    def command(self, words):
        """set NAME TEXT; grow NAME SIZE: lines; observers: how many; runs: of the handler;
        given_up: how many sinks were told so."""
        if words[0] == "observers":
            return str(len(self.observers))
        if words[0] == "runs":
            return str(self.runs)
        if words[0] == "given_up":
            return str(Sink.given_up)
        value = text(int(words[2])) if words[0] == "grow" else words[2].encode()
        self.values[words[1]] = (value, 0)
        self._changed(words[1])
        return "ok"

    def _observe(self, request, response, peer, path):
        wanted = request.get_uint(_OBSERVE)
        if wanted is None or not path.startswith("obs"):
            return response
        for observer in list(self.observers):
            if observer.peer == peer and observer.token == bytes(request.token):
                self.observers.remove(observer)
        if wanted == 0:
            content_format = response.get_uint(_CONTENT_FORMAT)
            self.observers.append(Observer(request, peer, path, content_format))
            response.add(_OBSERVE, self._next())
        return response

    def _changed(self, path):
        for observer in self.observers:
            if observer.path == path:
                observer.dirty = True

    def _next(self):
        self.sequence = self.sequence + 1 & 0xFFFFFF
        return self.sequence

    def _notify(self, observer, endpoint, link, now):
        observer.dirty = False
        observer.in_flight = True
        value, content_format = self.values.get(observer.path, (None, 0))
        type = NON if observer.path == "obs-non" else CON
        if value is None:
            message = Message(_NOT_FOUND, type, observer.token)
        elif content_format != observer.format:
            message = Message(_NOT_ACCEPTABLE, type, observer.token)
        else:
            message = Message(_CONTENT, type, observer.token, value)
            message.add(_OBSERVE, self._next()).add(_CONTENT_FORMAT, content_format)
        if message.code != _CONTENT:
            self.observers.remove(observer)

        def on_done(reason, now):
            observer.in_flight = False
            if reason and observer in self.observers:
                self.observers.remove(observer)

        endpoint.notify(message, observer.peer, link, now, on_done, request=observer.request)


class Control:
    """Commands for the program as a whole, or for what it offers, as text in datagrams.

    tick MS: from then on a value changes so often, never with 0. timing MS COUNT: ACK_TIMEOUT and
    MAX_RETRANSMIT. heap: bytes that the heap has grown by since the first such command. dropped:
    what the endpoint dropped. Others go to `command`.
    """

    def __init__(self, port, link, endpoint, command):
        self._link = Link(port)
        self._timed = link
        self._endpoint = endpoint
        self._command = command
        self._heap = None
        self.tick_ms = 0

    def step(self):
        got = self._link.receive(0)
        if got:
            words = got[0].decode().split(" ")
            self._link.send(self._obey(words).encode(), got[1])

    def _obey(self, words):
        if words[0] == "tick":
            self.tick_ms = int(words[1])
            return "ok"
        if words[0] == "timing":
            timing = Transmission(ack_timeout_ms=int(words[1]), max_retransmit=int(words[2]))
            self._timed.transmission = timing
            return "ok"
        if words[0] == "heap":
            self._heap = self._heap or Heap()
            self._heap.look()
            return str(self._heap.grown)
        if words[0] == "dropped":
            return str(sorted(self._endpoint().dropped.items()))
        return self._command(words)


def serve(port, control_port, mtu=1152):
    resources = Resources()
    endpoint = Endpoint(resources, random_bits, on_body=resources.on_body)
    link = quick_link(port, mtu)
    control = Control(control_port, link, lambda: endpoint, resources.command)
    ticks = next_tick = 0
    print("ready")
    while True:
        got = link.receive(5)
        now = now_ms()
        if got:
            endpoint.receive(got[0], got[1], link, now)
        control.step()
        if control.tick_ms and now >= next_tick:
            next_tick = now + control.tick_ms
            ticks += 1
            for name in ("obs", "obs-non"):
                if name in resources.values:
                    resources.command(["set", name, str(ticks)])
        resources.step(endpoint, link, now)
        endpoint.step(now)


def ask(port, mtu, steps):
    """Ask a server on 127.0.0.1:port, one step after the other; print a line for each outcome.

    A step is METHOD, PATH and words, joined by commas, such as "put,example_data,size=5000":
    size=N sends that many bytes of lines, body: piece by piece, sink: the response is streamed,
    szx=N: a Block2 option of that size, non, query=NAME:VALUE, port=N: another server. Steps
    joined by "+" go at once.
    Lines: code, payload's size and CRC-32, what the sink says or "-", and the text if it is short.
    """
    endpoint = Endpoint(lambda request, peer, link, now: None, random_bits)
    link = quick_link(0, mtu)
    for step in steps:
        for one in step.split("+"):
            method, path, *words = one.split(",")
            settings = dict([(word + "=").split("=")[:2] for word in words])
            request, sink = _request(method, path, settings)
            peer = address(int(settings.get("port", port)))
            endpoint.request(request, peer, link, now_ms(), _printer(sink), sink=sink)
        while endpoint.busy():
            got = link.receive(5)
            if got:
                endpoint.receive(got[0], got[1], link, now_ms())
            endpoint.step(now_ms())
    print("dropped", sorted(endpoint.dropped.items()))


def _request(method, path, settings):
    code = ("get", "post", "put", "delete", "fetch").index(method) + 1
    request = Message(code, NON if "non" in settings else CON)
    for segment in path.split("/"):
        request.add(_URI_PATH, segment)
    if "query" in settings:
        request.add(_URI_QUERY, settings["query"].replace(":", "="))
    if "szx" in settings:
        request.add(_BLOCK2, int(settings["szx"]))
    if "size" in settings:
        size = int(settings["size"])
        request.payload = Lines(size) if "body" in settings else text(size)
        request.add(_CONTENT_FORMAT, 0)
    return request, Sink() if "sink" in settings else None


def _printer(sink):
    def on_response(response, reason, now):
        if response is None:
            print(reason)
            return
        payload = bytes(response.payload)
        shown = payload.decode() if len(payload) < 40 else "..."
        crc = binascii.crc32(payload)
        print("%02x %d %08x (%s) %s" % (response.code, len(payload), crc, sink or "-", shown))

    return on_response


class _WideLink(Link):
    """One whose sending limit is set; what comes may be larger."""

    def receive(self, wait_ms):
        return self.socket.recvfrom(2048) if self._poll.poll(wait_ms) else None


def quick_link(port, mtu):
    link = _WideLink(port, Transmission(ack_timeout_ms=200, max_retransmit=3, nstart=1))
    link.mtu = mtu
    return link


def _argument(request, name, default):
    for query in request.queries():
        if query.startswith(name + "="):
            return int(query[len(name) + 1 :])
    return default


def collect_early():
    """Have garbage collected as a board does (node/prepare.py): collected late, it spreads what is
    kept over the whole heap, until none of the holes between takes a datagram."""
    if hasattr(gc, "threshold"):
        gc.threshold(16_384)


if __name__ == "__main__":
    collect_early()
    role, numbers = sys.argv[1], [int(word) for word in sys.argv[2:5] if word.isdigit()]
    if role == "serve":
        serve(*numbers)
    else:
        ask(*numbers, sys.argv[4:])
