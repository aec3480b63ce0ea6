"""The SMS centre: keeps each message until its receiver takes it, and tries again."""

from tools.virtual import sms_pdu

_QUEUE_MAX = 200  # messages that wait for one number


class SmsCentre:
    """Numbers, and the messages that wait for them.

    A device is anything with `receive_sms(pdu: bytes) -> bool`: True = taken, False = not
    reachable or no room, to be tried again.  A listener is a callable
    (sender: str, user_data: bytes, dcs: int, udh: bytes, pid: int): an application at a number.

    `latency_ms` is the time from sending to the receiver's radio, `retry_ms` the pause after a
    receiver refused, `zone_quarters` the zone of the time stamps.  Faults: `loss_permille` and
    `duplicate_permille` of the messages for devices, and `jitter_ms`, a random time that each of
    them, or of their parts, is kept back, so that they overtake one another.
    """

    def __init__(self, timers, on_event, epoch_s, draw, latency_ms=1500, retry_ms=3_600_000):
        self.number = "+15550100000"
        self.latency_ms = latency_ms
        self.retry_ms = retry_ms
        self.zone_quarters = 0
        self.loss_permille = 0
        self.duplicate_permille = 0
        self.jitter_ms = 0
        self.counters = {"submitted": 0, "delivered": 0, "held": 0, "unroutable": 0, "dropped": 0}
        self._draw = draw
        self._timers = timers
        self._on_event = on_event
        self._epoch_s = epoch_s
        self._devices = {}
        self._listeners = {}
        self._waiting = {}  # digits -> [pdu]
        self._attempts = {}  # digits -> the timer of the next attempt
        self._reference = 0

    def attach(self, number: str, device) -> None:
        """Give `number` to a device (object with receive_sms), or take it away with None."""
        self._devices[sms_pdu.digits(number)] = device

    def listen(self, number: str, listener) -> None:
        """Give `number` to an application, or take it away with None."""
        self._listeners[sms_pdu.digits(number)] = listener

    def waiting(self, number: str) -> int:
        """How many messages wait for a device."""
        return len(self._waiting.get(sms_pdu.digits(number), ()))

    def send(self, from_number, to_number, user_data, dcs=4, udh=b"", pid=0) -> int:
        """Send user data to a number, in as many parts as it takes; return their count.

        `udh` is a whole user data header, its length octet first (as sms_pdu.ports makes), or b"".
        A `from_number` with letters becomes an alphanumeric address.  Raises sms_pdu.PduError.
        """
        to_digits = sms_pdu.digits(to_number)
        if self._listeners.get(to_digits):
            listener = self._listeners[to_digits]
            self._timers.call_later(
                self.latency_ms, listener, from_number, user_data, dcs, udh, pid
            )
            return 1
        self._reference += 1
        parts = sms_pdu.split(user_data, dcs, udh, self._reference)
        scts = sms_pdu.timestamp(self._epoch_s(), self.zone_quarters)
        for index, (header, data) in enumerate(parts):
            more = index + 1 < len(parts)
            pdu = sms_pdu.deliver(
                from_number, data, dcs, header, pid, scts, self.number, more=more
            )
            self.deliver_pdu(to_number, pdu)
        return len(parts)

    def deliver_pdu(self, to_number: str, pdu: bytes) -> None:
        """Send one SMS-DELIVER as it stands, SMSC part first: test vectors, or hostile bytes."""
        to_digits = sms_pdu.digits(to_number)
        if to_digits not in self._devices:
            self._unroutable(to_number)
            return
        copies = 1
        if self.loss_permille and self._draw(1000) < self.loss_permille:
            self._on_event("sms_lost", {"to": to_number})
            copies = 0
        elif self.duplicate_permille and self._draw(1000) < self.duplicate_permille:
            copies = 2
        for _ in range(copies):
            if self.jitter_ms:
                wait_ms = self._draw(self.jitter_ms)
                self._timers.call_later(wait_ms, self._queue, to_number, to_digits, pdu)
            else:
                self._queue(to_number, to_digits, pdu)

    def _queue(self, to_number, to_digits, pdu):
        queue = self._waiting.setdefault(to_digits, [])
        if len(queue) >= _QUEUE_MAX:
            self.counters["dropped"] += 1
            self._on_event("sms_dropped", {"to": to_number, "reason": "queue full"})
            return
        queue.append(pdu)
        self._attempt(to_digits, self.latency_ms)

    def submit(self, from_number: str, tpdu: bytes) -> None:
        """Take an SMS-SUBMIT from a device and route it; raises sms_pdu.PduError."""
        message = sms_pdu.parse_submit(tpdu)
        self.counters["submitted"] += 1
        facts = {"from": from_number, "to": message["to"], "bytes": len(message["user_data"])}
        self._on_event("sms_submit", facts)
        to_digits = sms_pdu.digits(message["to"])
        if self._listeners.get(to_digits) or to_digits in self._devices:
            self.send(
                from_number,
                message["to"],
                message["user_data"],
                message["dcs"],
                message["udh"],
                message["pid"],
            )
        else:
            self._unroutable(message["to"])

    def available(self, number: str) -> None:
        """A device is on the network: what waits for it is offered at once."""
        to_digits = sms_pdu.digits(number)
        if self._waiting.get(to_digits):
            self._timers.cancel(self._attempts.pop(to_digits, None))
            self._attempt(to_digits, self.latency_ms)

    def _unroutable(self, number):
        self.counters["unroutable"] += 1
        self._on_event("sms_unroutable", {"to": number})

    def _attempt(self, to_digits, delay_ms):
        if to_digits not in self._attempts:
            self._attempts[to_digits] = self._timers.call_later(delay_ms, self._offer, to_digits)

    def _offer(self, to_digits):
        self._attempts.pop(to_digits, None)
        queue = self._waiting[to_digits]
        device = self._devices.get(to_digits)
        if not queue:
            return
        if device is None or not device.receive_sms(queue[0]):
            self.counters["held"] += 1
            self._on_event("sms_held", {"to": to_digits, "waiting": len(queue)})
            self._attempt(to_digits, self.retry_ms)
            return
        pdu = queue.pop(0)
        self.counters["delivered"] += 1
        self._on_event("sms_deliver", {"to": to_digits, "bytes": len(pdu)})
        if queue:
            self._attempt(to_digits, self.latency_ms)
