"""Connectivity Statistics (Object 7): what goes over the links while it is collected."""

from micropython import const

from lwm2m.object import Object, OperationError

_START = const(6)
_STOP = const(7)
_PERIOD = const(8)
_LONGEST_S = const(0x7FFFFFFF)
_BAD_REQUEST = const(0x80)

# Kept among the values, so that a deep sleep keeps them: what is counted, under the ids of the
# counters; under that of Start how many datagrams there were; and while it is collected, under
# that of Stop, until when (ms), 0 for without end.
_SMS_TX = const(0)
_SMS_RX = const(1)
_BYTES_TX = const(2)
_BYTES_RX = const(3)
_LARGEST = const(4)
_BYTES = const(5)
_MESSAGES = const(6)

_HEADERS = const(28)  # of IPv4 and UDP
_ONE_MESSAGE = const(140)
_OF_SEVERAL = const(134)  # octets in each of several messages


class ConnectivityStatistics(Object):
    """Counters of the datagrams and text messages of a client, while they are collected.

    client: the node's client, whose links are there already. Collection begins with an Execute
    of Start (6) and ends with Stop (7), or after the Collection Period (8), seconds, unless it
    is 0. Counters are read live; a change of theirs is reported when the collection ends, since
    a notification for each datagram would be another datagram. pmax reports them in between.
    """

    object_id = 7
    resources = (
        b"\x00\x00\x01\x02"  # SMS Tx Counter
        b"\x00\x01\x01\x02"  # SMS Rx Counter
        b"\x00\x02\x01\x02"  # Tx Data
        b"\x00\x03\x01\x02"  # Rx Data
        b"\x00\x04\x01\x02"  # Max Message Size (B)
        b"\x00\x05\x01\x02"  # Average Message Size (B)
        b"\x00\x06\x14\x00"  # Start
        b"\x00\x07\x14\x00"  # Stop
        b"\x00\x08\x03\x02"  # Collection Period (s)
    )

    def __init__(self, client) -> None:
        super().__init__()
        self._client = client
        self.values[_PERIOD] = 0
        self._zero()
        # Every datagram passes by these, whatever the link; they cost nothing without this Object.
        self._receive = client.receive
        client.receive = self._received
        for link in client.links.values():
            link.send = self._counting(link)
        client.jobs += (self.step,)

    def has(self, rid: int) -> bool:
        """All of it is there; what goes by text message is, where there is such a link."""
        return rid > _SMS_RX or "S" in self._client.links

    def read(self, rid: int):
        """Return a counter, or the Collection Period."""
        counted = self.values
        if rid in (_BYTES_TX, _BYTES_RX):
            return counted[rid] // 1024
        if rid == _BYTES:
            return counted[_BYTES] // counted[_MESSAGES] if counted[_MESSAGES] else 0
        return counted[rid]

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 a period below 0, and one that is longer than a life."""
        if not 0 <= value <= _LONGEST_S:
            raise OperationError(_BAD_REQUEST)

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Start, from 0, or Stop."""
        if rid != _START:
            self._stop()
            return
        client = self._client
        self._zero()
        period_s = self.values[_PERIOD]
        self.values[_STOP] = client.now + period_s * 1000 if period_s else 0
        self._report()
        client.nearer()

    def step(self, now: int) -> "int | None":
        """End the collection when its time is over; return when that will be."""
        until = self.values.get(_STOP)
        if until and now >= until:
            self._stop()
            return None
        return until or None

    def _zero(self):
        for rid in range(_STOP):
            self.values[rid] = 0

    def _stop(self):
        if self.values.pop(_STOP, None) is not None:
            self._report()

    def _report(self):
        for rid in range(_STOP + 1):
            if self.has(rid):
                self.changed(rid)

    def _counting(self, link):
        send = link.send

        def counted(data, peer):
            self._count(link, len(data), 0)
            send(data, peer)

        return counted

    def _received(self, data, peer, link, now):
        self._count(link, len(data), 1)
        return self._receive(data, peer, link, now)

    def _count(self, link, size, received):
        counted = self.values
        if _STOP not in counted:
            return
        if link.binding == "S":
            messages = 1 if size <= _ONE_MESSAGE else (size + _OF_SEVERAL - 1) // _OF_SEVERAL
            counted[_SMS_TX + received] += messages
            return
        size += _HEADERS
        counted[_BYTES_TX + received] += size
        counted[_LARGEST] = max(counted[_LARGEST], size)
        counted[_BYTES] += size
        counted[_MESSAGES] += 1
