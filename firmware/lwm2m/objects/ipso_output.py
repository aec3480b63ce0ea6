"""IPSO actuators: what a server switches (5850), dims (5851), levels (5548), and for how long."""

from micropython import const

from lwm2m.object import Object, OperationError

_LEVEL = const(5548)
_ON_OFF = const(5850)
_DIMMER = const(5851)
_ON_TIME = const(5852)
_APPLICATION_TYPE = const(5750)
_BAD_REQUEST = const(0x80)
_INTERNAL_SERVER_ERROR = const(0xA0)


class Output(Object):
    """An actuator, off at first.

    drive: callable(output), called after a server or `set` has changed what is wanted; it reads
    `values`: 5850 on or off, 5851 the dimmer and 5548 the level in percent, 5853, 5706 … as far as
    the Object has them. A class of your own may define `drive(self)` instead. Where it raises
    OSError to what a server writes, that is answered 5.00 and the value stays what it was.
    clock: callable() -> ms, such as node.clock.now; with it On time (5852) counts seconds, from
    this boot on. values: initial ones, by resource id.
    """

    multiple = True

    def __init__(self, drive=None, clock=None, values: "dict | None" = None) -> None:
        super().__init__()
        self._drive = drive
        self._clock = clock
        self._on_ms = 0  # of the times that are over
        self._since = None  # when the present one began
        self.values[_ON_OFF] = False
        for rid in values or ():
            super().set(rid, values[rid])  # pyright: ignore[reportOptionalSubscript]
        if values and list(values) != [_APPLICATION_TYPE]:
            self._act(_ON_OFF)  # once, with all of them

    def drive(self) -> None:
        """Make it so."""
        if self._drive:
            self._drive(self)

    def restored(self) -> None:
        """Act on the values that were there before a deep sleep, which reset the pins."""
        self._act(_ON_OFF)

    def set(self, rid: int, value, riid=None) -> None:
        """Set and report a value from the device's side, and act on it."""
        super().set(rid, value, riid)
        self._act(rid)

    def has(self, rid: int) -> bool:
        """On time is there where a clock is."""
        if rid == _ON_TIME:
            return self._clock is not None and self.definition(rid) is not None
        return super().has(rid)

    def read(self, rid: int):
        """Return a value; On time is counted in whole seconds."""
        return self._on_time() // 1000 if rid == _ON_TIME else self.values[rid]

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 a percentage beyond 0 to 100, and to set On time to more than 0."""
        if rid in (_DIMMER, _LEVEL) and not 0 <= value <= 100 or rid == _ON_TIME and value != 0:
            raise OperationError(_BAD_REQUEST)

    def write(self, rid: int, value, server) -> None:
        """Take what a server wants, and act on it."""
        if rid == _ON_TIME:
            self._on_ms = 0
            if self._since is not None and self._clock:
                self._since = self._clock()
            return
        values = self.values
        before = values.get(rid)
        values[rid] = value
        try:
            self._act(rid)
        except OSError:
            if before is None:
                del values[rid]
            else:
                values[rid] = before
            if rid == _ON_OFF:
                self._count()
            raise OperationError(_INTERNAL_SERVER_ERROR)

    def _act(self, rid):
        if rid == _ON_OFF:
            self._count()
        if rid != _APPLICATION_TYPE:
            self.drive()

    def _count(self):
        if self._clock and self.values[_ON_OFF]:
            self._since = self._clock() if self._since is None else self._since
        elif self._clock:
            self._on_ms = self._on_time()
            self._since = None

    def _on_time(self):
        running = 0 if self._since is None else self._clock() - self._since  # pyright: ignore
        return self._on_ms + running
