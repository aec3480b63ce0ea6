"""Fetching a package over CoAP, block by block, from where it stopped (TS 1.0 E.6, RFC 7959 §2.4).

What a pull goes through, and what moves it on:

    waiting   its time has come and a server is registered with        asking
    asking    the last block is there                                  the end
              the sink takes no more                                   the end, with its result
              nothing is heard, or what came does not fit together     waiting, longer each time
              5.03 Service Unavailable                                 waiting, as Max-Age says
              the fifth wait without a byte since the first            the end
              the package is another than the one begun                asking, from its start, once
              another error                                            the end

Each time it goes on behind the bytes that the sink holds, also after a reset.
"""

from coap.message import Message
from micropython import const

from lwm2m.account import address
from lwm2m.delivery import CONNECTION_LOST, INVALID_URI, UNSUPPORTED_PROTOCOL
from lwm2m.server_uri import parse_uri

_GET = const(1)
_NOT_FOUND = const(0x84)
_SERVICE_UNAVAILABLE = const(0xA3)

_ETAG = const(4)
_URI_PATH = const(11)
_MAX_AGE = const(14)
_URI_QUERY = const(15)
_SIZE2 = const(28)

_BLOCK = const(1024)  # the largest: what is a multiple of it suits every size of block
_ATTEMPTS = const(5)
_PAUSE_MS = const(30_000)
_LONGEST_PAUSE_S = const(86_400)


def locate(uri: str):
    """Return (host, port, path segments, queries) of a URI, or the Update Result: 7 or 9."""
    scheme, found, rest = uri.partition("://")
    if not found:
        return INVALID_URI
    if scheme.lower() != "coap":
        return UNSUPPORTED_PROTOCOL
    address, _, rest = rest.partition("#")[0].partition("/")
    path, _, query = rest.partition("?")
    try:
        host, port, _ = parse_uri("coap://" + address)
        segments = [_decoded(part) for part in path.split("/")] if path else []
        queries = [_decoded(part) for part in query.split("&")] if query else []
    except ValueError:
        return INVALID_URI
    return host, port, segments, queries


class Pull:
    """One package that is fetched; a sink of coap.asking.

    where: from `locate`. held: bytes that are there already. offset, etag: for coap.asking.
    """

    def __init__(self, delivery, where: tuple, held: int = 0) -> None:
        self._delivery = delivery
        self._where = where
        self._due = 0
        self._asks = False
        self._restarts_left = 1
        self._result = None
        client = delivery.client
        self._peer = where[:2]
        if all([account.peers.get("U") != self._peer for account in client.accounts]):
            client.guests += (self._peer,)
        self._set_out(held)

    @property
    def etag(self):
        """That of the package begun."""
        return self._delivery.etag

    def step(self, now: int) -> "int | None":
        """Ask when the time has come; return when to be called again."""
        client = self._delivery.client
        if self._asks or now < self._due:
            return None if self._asks else self._due
        size = self._delivery.size
        if size and self._delivery.held() == size:
            self._end(None)
            return None
        link = client.links.get("U")
        # Before that there may be no network; a registration brings the next step.
        if link is None or not any([account.reachable for account in client.accounts]):
            return None
        request = Message(_GET)
        host, _, segments, queries = self._where
        address(request, host, "", None)
        for segment in segments:
            request.add(_URI_PATH, segment)
        for query in queries:
            request.add(_URI_QUERY, query)
        request.add(_SIZE2, 0)
        self._asks = True
        client.endpoint.request(request, self._peer, link, now, self._answered, self)
        return None

    def hear(self, response) -> None:
        """Learn from the first response what package it is."""
        delivery = self._delivery
        if not self._begun and delivery.current is self:
            etag = response.get(_ETAG)
            delivery.etag = bytes(etag) if etag is not None else None
            delivery.size = response.get_uint(_SIZE2)
            self._begun = True
            self._result = delivery.guarded(delivery.sink.open, delivery.size)
            if not self._result:
                delivery.on_change()

    def __call__(self, chunk):
        """Take a block; return True to stop."""
        delivery = self._delivery
        if chunk is None:
            return None  # _answered says why
        if delivery.current is not self or self._result:
            return True
        skip = min(self._skip, len(chunk))
        self._skip -= skip
        if skip < len(chunk):
            delivery.attempts = 0
            self._result = delivery.guarded(delivery.sink.write, memoryview(chunk)[skip:])
        return bool(self._result)

    def leave(self) -> None:
        """Let the peer be a stranger again, who is not asked any more."""
        client = self._delivery.client
        guests = list(client.guests)
        if self._peer in guests:
            guests.remove(self._peer)  # once: another package may come from there, too
        client.guests = tuple(guests)
        if self._asks and not client.account(self._peer, client.links["U"]):
            if self._peer not in guests:
                client.endpoint.cancel(client.now, self._peer)

    def _set_out(self, held):
        self.offset = held // _BLOCK * _BLOCK
        self._skip = held - self.offset
        self._begun = held > 0

    def _answered(self, response, reason, now):
        self._asks = False
        delivery = self._delivery
        if delivery.current is not self:
            return
        if self._result:
            self._end(self._result)
        elif response is not None and response.code >> 5 == 2:
            self._end(None)
        elif response is not None and response.code == _SERVICE_UNAVAILABLE:
            self._wait(now, min(response.get_uint(_MAX_AGE, 60), _LONGEST_PAUSE_S) * 1000)
        elif reason == "changed" or (response is not None and self.offset):
            # Another package, or one that is shorter than what was fetched before.
            if self._restarts_left:
                self._restarts_left = 0
                delivery.etag = None
                self._set_out(0)
                self._due = now
                delivery.client.nearer()
            else:
                self._end(CONNECTION_LOST)
        elif response is not None:
            self._end(INVALID_URI if response.code == _NOT_FOUND else CONNECTION_LOST)
        else:
            self._wait(now, _PAUSE_MS << delivery.attempts)

    def _wait(self, now, pause_ms):
        delivery = self._delivery
        delivery.attempts += 1
        if delivery.attempts >= _ATTEMPTS:
            self._end(CONNECTION_LOST)
            return
        delivery.on_change()  # or a board that sleeps deeply meanwhile would never give up
        if self._begun:
            self._set_out(delivery.held())
        self._due = now + pause_ms
        delivery.client.nearer()

    def _end(self, result):
        self.leave()
        self._delivery.end(result)


def _decoded(text):
    """Return a part of a URI without percent-encoding (RFC 3986 §2.1); raises ValueError."""
    parts = text.split("%")
    decoded = bytearray(parts[0].encode())
    for part in parts[1:]:
        if len(part) < 2 or part[:2].lower().strip("0123456789abcdef"):
            raise ValueError
        decoded.append(int(part[:2], 16))
        decoded += part[2:].encode()
    if len(decoded) > 255:
        raise ValueError
    return decoded.decode()
