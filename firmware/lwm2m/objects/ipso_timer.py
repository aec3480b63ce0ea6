"""IPSO Timer (Object 3340): an output that a trigger or a switch turns on and time turns off."""

from micropython import const

from lwm2m.object import Object, OperationError

_TIMES_ON = const(5501)
_DELAY_S = const(5521)
_TRIGGER = const(5523)
_OFF_AT_LEAST_S = const(5525)
_MODE = const(5526)
_COUNTER = const(5534)
_REMAINING_S = const(5538)
_OUTPUT = const(5543)
_TOTAL_S = const(5544)
_SWITCH = const(5850)

_DISABLED = const(0)
_ONE_SHOT = const(1)
_INTERVAL = const(2)
_PICK_UP = const(3)
_DROP_OUT = const(4)

_LONGEST_S = const(0x7FFFFFFF)

_BAD_REQUEST = const(0x80)


class Timer(Object):
    """A timer. What starts it, by the mode (5526), and what the output (5543) does:

    0 disabled                       it is off
    1 one-shot         5523          on for the delay (5521), then off for 5525 at least
    2 interval         5850 on       on for the delay, or until 5850 is off
    3 pick-up delay    5850 on       on after the delay, until 5850 is off
    4 drop-out delay   5850 on       on; when 5850 is off again it stays so for the delay

    client: the node's client, which gives it the time. drive: callable(on: bool) for the output;
    an OSError of its is told as an event.
    delay_s, mode: initial values, which servers may change. Its times do not outlive a reset.
    """

    multiple = True

    def __init__(self, client, drive=None, delay_s: float = 1, mode: int = _ONE_SHOT) -> None:
        super().__init__()
        self._client = client
        self._drive = drive
        self._due = None  # ms at which the output is another
        self._rest_until = 0  # a one-shot is not obeyed before
        self._on_since = None
        self.values.update(
            {
                _TIMES_ON: 0,
                _DELAY_S: delay_s,
                _OFF_AT_LEAST_S: 0,
                _MODE: mode,
                _COUNTER: 0,
                _OUTPUT: False,
                _TOTAL_S: 0,
                _SWITCH: False,
            }
        )
        client.jobs += (self.step,)

    def restored(self) -> None:
        """Be off: the cycle in which the board slept deeply is over, and with it what the switch
        asked for, but for an output that is on as long as the switch is.
        """
        self._put(False)
        if not self.values[_SWITCH]:
            return
        if self.values[_MODE] == _DROP_OUT:
            self._put(True)
        else:
            self.set(_SWITCH, False)

    def has(self, rid: int) -> bool:
        """All but the application type are there from the beginning."""
        return rid == _REMAINING_S or super().has(rid)

    def read(self, rid: int):
        """Return a value; the times of a cycle that runs are live."""
        now = self._client.now
        if rid == _REMAINING_S:
            return 0 if self._due is None else max(0, self._due - now) / 1000
        if rid == _TOTAL_S and self._on_since is not None:
            return self.values[rid] + (now - self._on_since) / 1000
        return self.values[rid]

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 a time below 0 or without end, a total other than 0 and a mode that is
        none.
        """
        if (
            (rid in (_DELAY_S, _OFF_AT_LEAST_S) and not 0 <= value <= _LONGEST_S)
            or (rid == _TOTAL_S and value != 0)
            or (rid == _MODE and not _DISABLED <= value <= _DROP_OUT)
        ):
            raise OperationError(_BAD_REQUEST)

    def write(self, rid: int, value, server) -> None:
        """Take a value that a server wrote: the switch starts or stops a cycle."""
        another = value != self.values[rid] if rid in self.values else True
        self.values[rid] = value
        if rid == _TOTAL_S and self._on_since is not None:
            self._on_since = self._client.now
        elif rid == _MODE:
            self._due = None
            self._put(False)
        elif rid == _SWITCH and another:
            self._switch(value)

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Trigger a one-shot; in the other modes and in a cycle it does nothing."""
        now = self._client.now
        if self.values[_MODE] == _ONE_SHOT and self._due is None and now >= self._rest_until:
            self._begin()
            self._put(True)

    def switch(self, on: bool) -> None:
        """Turn the switch (5850) from the device's side."""
        if self.values[_SWITCH] != on:
            self.set(_SWITCH, on)
            self._switch(on)

    def step(self, now: int) -> "int | None":
        """End what is over; return when to be called again."""
        if self._due is not None and now >= self._due:
            self._due = None
            self._put(self.values[_MODE] == _PICK_UP)
            self._rest_until = now + int(self.values[_OFF_AT_LEAST_S] * 1000)
        return self._due

    def _switch(self, on):
        mode = self.values[_MODE]
        self._due = None
        if mode == _DROP_OUT and not on and self.values[_OUTPUT]:
            self._begin()
        elif mode > _ONE_SHOT:
            if on and mode != _DROP_OUT:
                self._begin()
            self._put(on and mode != _PICK_UP)

    def _begin(self):
        self._due = self._client.now + int(self.values[_DELAY_S] * 1000)
        self._client.nearer()

    def _put(self, on):
        if on == self.values[_OUTPUT]:
            return
        now = self._client.now
        if on:
            self._on_since = now
            self.set(_TIMES_ON, self.values[_TIMES_ON] + 1)
            self.set(_COUNTER, self.values[_COUNTER] + 1)
        elif self._on_since is not None:
            self.set(_TOTAL_S, self.values[_TOTAL_S] + (now - self._on_since) / 1000)
            self._on_since = None
        self.set(_OUTPUT, on)
        try:
            if self._drive:
                self._drive(on)
        except OSError as error:
            self._client.emit("error", None, reason="Timer: %s" % error)
