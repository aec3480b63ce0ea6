"""IPSO inputs: switches, buttons and digital inputs with polarity, debounce and a counter."""

from micropython import const

from lwm2m.object import Object, OperationError

_STATE = const(5500)
_COUNTER = const(5501)
_POLARITY = const(5502)
_DEBOUNCE_MS = const(5503)
_EDGES = const(5504)
_ON_TIME = const(5852)
_OFF_TIME = const(5854)
_CLEAR_DELAY_MS = const(5903)
_BUSY_DELAY_MS = const(5904)
_FALLING = const(1)
_RISING = const(2)
_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)


class Input(Object):
    """A digital input; the application calls `feed(level)` when the level is another.

    clock: callable() -> ms, such as node.clock.now; debounce (5503), On time (5852) and Off Time
    (5854) need it. values: initial ones, by resource id, e.g. {5503: 50, 5750: "door"}. The delays
    of Presence (5903, 5904) are the application's to keep, which gives them here if it does.
    """

    multiple = True

    def __init__(self, clock=None, values: "dict | None" = None) -> None:
        super().__init__()
        self._clock = clock
        self._level = None  # as told last
        self._changed_ms = None  # when the state was last another
        self._began_ms = clock() if clock else 0
        self._times_ms = [0, 0]  # off and on, but for the present state
        self.values[_STATE] = False
        for rid, value in ((_COUNTER, 0), (_POLARITY, False), (_EDGES, _RISING)):
            if self.definition(rid):
                self.values[rid] = value
        for rid in values or ():
            self.set(rid, values[rid])  # pyright: ignore[reportOptionalSubscript]

    def feed(self, level) -> None:
        """Tell the level at the pin: it sets the state (5500) by polarity, and counts edges.

        Within the debounce period after a change nothing else is believed, so a level that stays
        should be told once more after it, as by `node.every`.
        """
        values = self.values
        self._level = bool(level)
        state = self._level != values.get(_POLARITY, False)
        if state == values[_STATE]:
            return
        if self._clock:
            now = self._clock()
            last = self._changed_ms
            if last is not None and now - last < values.get(_DEBOUNCE_MS, 0):
                return
            self._changed_ms = now
        self._enter(state)
        if _COUNTER in values and values.get(_EDGES, _RISING) & (_RISING if state else _FALLING):
            self.set(_COUNTER, values[_COUNTER] + 1)

    def has(self, rid: int) -> bool:
        """The times are there where a clock is."""
        if rid in (_ON_TIME, _OFF_TIME):
            return self._clock is not None and self.definition(rid) is not None
        return super().has(rid)

    def read(self, rid: int):
        """Return a value; the times are counted in whole seconds, from this boot on."""
        if rid not in (_ON_TIME, _OFF_TIME):
            return self.values[rid]
        on = rid == _ON_TIME
        total = self._times_ms[on]
        if on == self.values[_STATE]:
            total += self._clock() - self._began_ms  # pyright: ignore[reportOptionalCall]
        return total // 1000

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 a time other than 0, an edge selection beyond 1 to 3, and a period
        below 0; with 4.04 a period that nobody keeps.
        """
        period = rid in (_DEBOUNCE_MS, _CLEAR_DELAY_MS, _BUSY_DELAY_MS)
        if (
            (rid in (_ON_TIME, _OFF_TIME) and value != 0)
            or (rid == _EDGES and not _FALLING <= value <= _FALLING | _RISING)
            or (period and value < 0)
        ):
            raise OperationError(_BAD_REQUEST)
        if period and rid not in self.values and not (rid == _DEBOUNCE_MS and self._clock):
            raise OperationError(_NOT_FOUND)

    def write(self, rid: int, value, server) -> None:
        """Take a written value; a time begins at 0 again, and with another polarity the level at
        the pin means another state.
        """
        if rid not in (_ON_TIME, _OFF_TIME):
            self.values[rid] = value
            if rid == _POLARITY and self._level is not None:
                self._enter(self._level != value)
            return
        on = rid == _ON_TIME
        self._times_ms[on] = 0
        if on == self.values[_STATE] and self._clock:
            self._began_ms = self._clock()

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Reset the counter, the only executable of these Objects."""
        self.set(_COUNTER, 0)

    def _enter(self, state):
        if self._clock:
            now = self._clock()
            self._times_ms[self.values[_STATE]] += now - self._began_ms
            self._began_ms = now
        self.set(_STATE, state)
